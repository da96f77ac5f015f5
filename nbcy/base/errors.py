"""The exceptions nbcy raises: each says what was wrong, where, and what would be right."""

from __future__ import annotations

import os
import re
from typing import Any

_LONGEST = 320
_HEAD, _TAIL = 80, 120
"""Characters of a longer text that are kept: of what was given, and of what would be right."""


def elided(text: str) -> str:
    """Leave out the middle of long words, and of a text that is too long for a line of error."""
    text = re.sub(r"(\S{80})\S{40,}(\S{40})", r"\1...\2", text)
    return text if len(text) <= _LONGEST else f"{text[:_HEAD]} ... {text[-_TAIL:]}"


class NbcyError(Exception):
    """Base class of every error that nbcy raises on purpose."""


class ConfigError(NbcyError, ValueError):
    """A configuration value is impossible.

    Parameters
    ----------
    field : str
        Dotted name of the field, e.g. ``detector.pixel_mm``.
    value : object
        The value that was given.
    expected : str
        What would be right.
    """

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{elided(field)} = {elided(repr(value))}: {elided(expected)}")
        self.field = field
        self.value = value
        self.expected = expected

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is rebuilt from its arguments when it comes back from another process.
        return type(self), (self.field, self.value, self.expected), self.__dict__


class UnitError(ConfigError):
    """A quantity has no unit, a unit of the wrong dimension, or was given twice."""


class FileError(NbcyError, ValueError):
    """A file cannot be used.

    Parameters
    ----------
    path : path-like
        The file.
    reason : str
        What is wrong with it and what would be right.
    line : int, optional
        Line number, counted from 1.
    """

    def __init__(self, path: str | os.PathLike[str], reason: str, line: int | None = None) -> None:
        where = os.fspath(path) if line is None else f"{os.fspath(path)}:{line}"
        super().__init__(f"{where}: {elided(reason)}")
        self.path = os.fspath(path)
        self.reason = reason
        self.line = line

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.reason, self.line), self.__dict__


class WriteError(FileError):
    """A file could not be written to its end, as on a full disk (exit status 1)."""


class UsageError(NbcyError):
    """The command line was used wrongly (exit status 2)."""


class KernelError(NbcyError, RuntimeError):
    """The compiled kernel could not finish."""


class NbcyWarning(UserWarning):
    """Something the user gave is used differently than they may expect."""

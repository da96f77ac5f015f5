"""Whole files in, with errors that name them."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from nbcy.base.errors import ConfigError, FileError, NbcyError

_GZIP = b"\x1f\x8b"


@contextmanager
def blaming(path: str | os.PathLike[str], what: str) -> Iterator[None]:
    """Say in one line what is wrong with a file, whatever its reader trips over.

    Parameters
    ----------
    path : path-like
        The file.
    what : str
        What it is read as.

    Raises
    ------
    FileError
        In place of anything but nbcy's own errors, which get the file's name where they have
        none, and a lack of memory.
    """
    try:
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            yield
    except ConfigError as error:
        raise FileError(path, f"is not a usable {what}: {error}") from None
    except (NbcyError, MemoryError):
        raise
    except Exception as error:
        # What the error says, without the marks that some kinds put around it.
        text = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
        reason = " ".join(text.split()) or type(error).__name__
        if isinstance(error, KeyError) and " " not in reason:
            reason = f"{reason!r} is missing"
        raise FileError(path, f"is not a usable {what}: {reason}") from error


def is_packed(path: str | os.PathLike[str]) -> bool:
    """Whether a file is compressed by gzip.

    Raises
    ------
    FileError
        It cannot be read.
    """
    return first_bytes(path, len(_GZIP)) == _GZIP


def first_bytes(path: str | os.PathLike[str], count: int) -> bytes:
    """Return the first bytes of a file, as they are.

    Raises
    ------
    FileError
        It cannot be read.
    """
    with _reading(path), Path(path).open("rb") as file:
        return file.read(count)


@contextmanager
def _reading(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except FileError:
        raise
    except OSError as error:
        raise FileError(path, f"cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error) as error:
        raise FileError(path, f"cannot be expanded: {error}") from None
    except ValueError as error:  # a NUL in the name
        raise FileError(path, f"is no file name: {error}") from None


MAX_EXPANDED: int = 2**33
MAX_RATIO: int = 200
"""Bytes that gzip may expand to: at most so many, and so many times the file's size beyond 64 MiB.

Images of few photons pack by a factor of a hundred or more, bombs by a thousand.
"""


def _expanded(path: str | os.PathLike[str], data: bytes) -> bytes:
    most = min(MAX_EXPANDED, max(2**26, MAX_RATIO * len(data)))
    parts, size = [], 0
    import gzip

    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        while part := file.read(2**20):
            size += len(part)
            if size > most:
                raise FileError(path, f"expands to more than {most} bytes, {MAX_RATIO} times it")
            parts.append(part)
    return b"".join(parts)


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Return what a file holds.

    Parameters
    ----------
    path : path-like
        The file; one compressed by gzip is expanded.

    Raises
    ------
    FileError
        It cannot be read.
    """
    with _reading(path):
        data = Path(path).read_bytes()
        return _expanded(path, data) if data.startswith(_GZIP) else data


def plain(data: bytes) -> bytes:
    """Put a question mark for every byte that is not ASCII: names alone have them."""
    return data.decode("ascii", "replace").encode("ascii", "replace")


def read_lines(path: str | os.PathLike[str]) -> list[str]:
    """Return the lines of a text file, whatever its line ends, without them.

    Raises
    ------
    FileError
        It cannot be read, or is not text.
    """
    data = read_bytes(path)
    if b"\0" in data:
        raise FileError(path, "is not a text file")
    text = data.decode("utf-8-sig", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def content(line: str) -> str:
    """Return a line without its comment (``#`` to the end) and outer blanks."""
    return line.partition("#")[0].strip()


def numbers(path: str | os.PathLike[str], row: int, words: list[str], what: str) -> list[float]:
    """Read the words of a line as finite numbers.

    Parameters
    ----------
    path : path-like
        The file, for errors.
    row : int
        Line number, counted from 1.
    words : list of str
        The words.
    what : str
        What the line should hold, for errors.

    Raises
    ------
    FileError
        A word that is not a finite number.
    """
    values = []
    for word in words:
        try:
            if "_" in word or not word.isascii():  # Python's numbers, not the formats'
                raise ValueError
            value = float(word)
        except ValueError:
            raise FileError(path, f"{word!r} is not a number; expected {what}", row) from None
        if not abs(value) < float("inf"):
            raise FileError(path, f"{word!r} is not a finite number; expected {what}", row)
        values.append(value)
    return values

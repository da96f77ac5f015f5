"""What the command line says on stderr, and the failures that are nobody's wrong use."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from nbcy.base.errors import NbcyError, NbcyWarning


class Failure(NbcyError):
    """Something failed while running (exit status 1)."""


_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


@contextmanager
def quietly(quiet: bool = True) -> Iterator[None]:
    """Say nothing in the block but what was asked for, and errors."""
    token = _quiet.set(quiet)
    try:
        yield
    finally:
        _quiet.reset(token)


def is_quiet() -> bool:
    """Whether only what was asked for is to be said."""
    return _quiet.get()


def complain(text: object) -> None:
    """Say on stderr, in one line, why it ends here."""
    if sys.stderr is not None:  # a daemon may have none
        print(f"nbcy: {' '.join(str(text).split())}", file=sys.stderr)


def note(text: object) -> None:
    """Say something on stderr, in one line."""
    if not is_quiet():
        complain(text)


def say(*lines: str) -> None:
    """Say on stdout what is done."""
    if not is_quiet():
        for line in lines:
            print(line)


@contextmanager
def running() -> Iterator[None]:
    """Turn what goes wrong in the block into a `Failure`.

    Raises
    ------
    Failure
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except (NbcyError, OSError, MemoryError) as error:
        raise Failure(str(error) or "out of memory") from error


@contextmanager
def warnings_as_notes() -> Iterator[None]:
    """Print nbcy's warnings as notes."""
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: object) -> None:
            if issubclass(category, NbcyWarning):
                note(message)
            else:
                others(message, category, *where)  # type: ignore[arg-type]

        warnings.simplefilter("always", NbcyWarning)
        warnings.showwarning = show  # type: ignore[assignment]
        yield

"""What the command line says on stderr, and the failures that are nobody's wrong use."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from nbcy.base.errors import NbcyError, NbcyWarning


class Failure(NbcyError):
    """Something failed while running (exit status 1)."""


def note(text: object) -> None:
    """Say something in one line."""
    if sys.stderr is not None:  # a daemon may have none
        print(f"nbcy: {' '.join(str(text).split())}", file=sys.stderr)


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

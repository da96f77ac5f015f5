"""How many threads work, and rows of an image by all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

from nbcy.base.bands import bands
from nbcy.base.errors import ConfigError

Piece = TypeVar("Piece")

MAX_THREADS = 1024
"""More than any node has; a slip of the keyboard must not start millions."""


def resolve_threads(threads: int | None = None) -> int:
    """Return the number of threads to use.

    Parameters
    ----------
    threads : int, optional
        Default: OMP_NUM_THREADS where it is set, else the processors this process may run on.

    Raises
    ------
    ConfigError
        Not a whole number from 1 to 1024.
    """
    asked: object = threads if threads is not None else os.environ.get("OMP_NUM_THREADS") or None
    if asked is None:
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else os.cpu_count() or 1
    where = "threads" if threads is not None else "OMP_NUM_THREADS"
    try:
        count = int(str(asked).split(",")[0])  # OpenMP allows one count per nesting level
    except ValueError:
        count = 0
    if not 1 <= count <= MAX_THREADS or isinstance(asked, bool):
        raise ConfigError(where, asked, f"must be a whole number from 1 to {MAX_THREADS}")
    return count


def in_bands(
    work: Callable[[slice], object],
    slow_min: int,
    slow_max: int,
    width: int,
    threads: int | None = None,
) -> None:
    """Do some work on all rows, a band at a time, on several threads.

    NumPy lets other threads run while it computes. Bands do not depend on the threads.

    Parameters
    ----------
    work : callable
        Takes the rows of a band (`nbcy.base.bands.bands`).
    slow_min, slow_max : int
        The first and the last row.
    width : int
        Pixels in a row.
    threads : int, optional
        As for `resolve_threads`.

    Raises
    ------
    Exception
        What the first of the bands that fail raises.
    """
    in_pieces(work, list(bands(slow_min, slow_max, width)), threads)


def in_pieces(
    work: Callable[[Piece], object], pieces: Sequence[Piece], threads: int | None = None
) -> None:
    """Do some work on each of several pieces, on several threads.

    Parameters
    ----------
    work : callable
        Takes a piece.
    pieces : sequence
    threads : int, optional
        As for `resolve_threads`.

    Raises
    ------
    Exception
        What the first of the pieces that fail raises.
    """
    count = min(resolve_threads(threads), len(pieces))
    if count <= 1:
        for piece in pieces:
            work(piece)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(count) as pool:
        for _ in pool.map(work, pieces):
            pass

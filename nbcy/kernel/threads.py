"""How many threads the kernel runs on, and what is left of them after a fork."""

from __future__ import annotations

import os
import warnings

from nbcy.base.errors import ConfigError, NbcyWarning

MAX_THREADS = 1024
"""More than any node has; a slip of the keyboard must not start millions."""


class _Fork:
    """Whether this process is a fork of one that had started OpenMP's threads.

    They do not survive a fork, and the runtime would wait for them for ever.
    """

    threads_started = False
    threads_lost = False


def _forked() -> None:
    _Fork.threads_lost = _Fork.threads_lost or _Fork.threads_started


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


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


def threads_after_fork(count: int) -> int:
    """Return how many of so many threads this process can have, and remember that they start."""
    if count > 1 and _Fork.threads_lost:
        warnings.warn(
            "this process was forked from one that had rendered with several threads: it "
            'renders with one; start workers with multiprocessing.get_context("spawn")',
            NbcyWarning,
            stacklevel=3,
        )
        return 1
    _Fork.threads_started = _Fork.threads_started or count > 1
    return count

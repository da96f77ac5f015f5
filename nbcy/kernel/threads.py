"""How the kernel's threads start after a fork."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")
Poll = Callable[[int, int], object]

FORKED_NOT_EXECUTED = 0x40  # Linux's PF_FORKNOEXEC


def _began_as_fork() -> bool:
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        return bool(int(fields[6]) & FORKED_NOT_EXECUTED)
    except (OSError, IndexError, ValueError):  # not Linux
        return False


class _Process:
    """Whether this process is a fork.

    Its first thread may believe that it has OpenMP's threads, of nbcy or of another library. They
    do not survive a fork, and the runtime would wait for them for ever.
    """

    is_fork = _began_as_fork()


def _forked() -> None:
    _Process.is_fork = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def run_threaded(run: Callable[[Poll | None], Result], threads: int, poll: Poll | None) -> Result:
    """Run what starts so many threads; in a fork, from a thread that has never had any.

    Parameters
    ----------
    run : callable
        Given something to call now and then, which stops it by raising.
    threads : int
        How many it will start.
    poll : callable, optional
        What to call now and then; in a fork, it is called in the fresh thread.
    """
    if threads == 1 or not _Process.is_fork:
        return run(poll)
    import threading  # late: seldom needed
    from concurrent.futures import ThreadPoolExecutor

    stop = threading.Event()

    def poll_or_stop(done: int, total: int) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        if poll is not None:
            poll(done, total)

    with ThreadPoolExecutor(1) as fresh:
        running = fresh.submit(run, poll_or_stop)
        try:
            return running.result()
        except BaseException:
            stop.set()  # a signal reaches this thread alone
            raise

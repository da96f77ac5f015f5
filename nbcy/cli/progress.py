"""A progress bar, on a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from nbcy.cli.messages import is_quiet

Progress = Callable[[int, int], object]

SHORT = 0.5
"""Seconds of work for which no bar is shown."""


@contextmanager
def progress_bar(wanted: bool = True) -> Iterator[Progress | None]:
    """Offer the callback that `Simulator.run` takes.

    Parameters
    ----------
    wanted : bool
        False for no bar on a terminal either.

    Yields
    ------
    callable or None
        None where no bar is to be shown.
    """
    terminal = sys.stderr is not None and sys.stderr.isatty()
    if not (wanted and terminal) or is_quiet():
        yield None
        return
    start = time.monotonic()
    bar: Any = None

    def update(done: int, total: int) -> None:
        nonlocal bar
        if bar is None:
            if time.monotonic() - start < SHORT:
                return
            bar = import_module("tqdm").tqdm(
                total=total,
                file=sys.stderr,
                leave=False,
                desc="rendering",
                bar_format="{l_bar}{bar}| {elapsed}<{remaining}",
            )
        bar.update(done - bar.n)

    try:
        yield update
    finally:
        if bar is not None:
            bar.close()

"""A progress bar on a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

Progress = Callable[[int, int], object]


@contextlib.contextmanager
def progress_bar(wanted: bool | None = None) -> Iterator[Progress | None]:
    """Offer a callback for `Simulator.run` that draws a bar on stderr.

    Parameters
    ----------
    wanted : bool, optional
        None shows it on a terminal only.

    Yields
    ------
    callable or None
        None when nothing is to be shown.
    """
    if not (sys.stderr.isatty() if wanted is None else wanted):
        yield None
        return
    from tqdm import tqdm

    with tqdm(total=100, unit="%", leave=False, bar_format="{l_bar}{bar}| {elapsed}<{remaining}") as bar:

        def update(done: int, total: int) -> None:
            bar.update(100.0 * done / total - bar.n)

        yield update

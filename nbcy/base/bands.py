"""Rows of an image a band at a time: few calls of NumPy, and what they make stays in the caches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

BAND_PIXELS: Final = 2**15
"""About as many pixels as a band has, if its rows are not longer: 256 KiB in float64."""


def bands(slow_min: int, slow_max: int, width: int) -> Iterator[slice]:
    """Yield rows that belong together.

    Parameters
    ----------
    slow_min, slow_max : int
        The first and the last row.
    width : int
        Pixels in a row.

    Yields
    ------
    slice
        Without gaps, in order.
    """
    step = max(1, BAND_PIXELS // max(1, width))
    for start in range(slow_min, slow_max + 1, step):
        yield slice(start, min(start + step, slow_max + 1))

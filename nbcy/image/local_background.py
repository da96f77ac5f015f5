"""The smooth background under spots."""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np
from numpy.typing import NDArray

CELL: Final = 32
"""Pixels along the edge of the squares whose medians are taken."""

FloatArray = NDArray[np.float64]


def local_background(pixels: FloatArray, cell: int = CELL) -> FloatArray:
    """Return medians of squares, interpolated between their centres.

    Parameters
    ----------
    pixels : ndarray, shape (slow, fast)
        NaN where nothing was measured.
    cell : int
        Edge of a square, pixels; spots are to fill less than half of it.

    Returns
    -------
    ndarray, shape (slow, fast)
        A number everywhere; 0 where no number is near.
    """
    counts = [max(1, round(size / cell)) for size in pixels.shape]
    edges = [
        np.linspace(0, size, n + 1).astype(int)
        for size, n in zip(pixels.shape, counts, strict=True)
    ]
    medians = np.empty(counts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # squares without a number
        for i in range(counts[0]):
            rows = pixels[edges[0][i] : edges[0][i + 1]]
            for j in range(counts[1]):
                medians[i, j] = np.nanmedian(rows[:, edges[1][j] : edges[1][j + 1]])
    medians = _filled(medians)
    slow, fast = (_weights(size, edge) for size, edge in zip(pixels.shape, edges, strict=True))
    background: FloatArray = slow @ medians @ fast.T
    return background


def _filled(grid: FloatArray) -> FloatArray:
    """Give squares without a number what their neighbours have."""
    while np.isnan(grid).any() and not np.isnan(grid).all():
        padded = np.pad(grid, 1, constant_values=np.nan)
        height, width = grid.shape
        around = np.stack(
            [padded[i : i + height, j : j + width] for i in range(3) for j in range(3)]
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            grid = np.where(np.isnan(grid), np.nanmean(around, axis=0), grid)
    return np.nan_to_num(grid)


def _weights(size: int, edges: NDArray[np.int64]) -> FloatArray:
    """Return what each pixel takes of each square along one axis."""
    centres = 0.5 * (edges[:-1] + edges[1:] - 1)
    unit = np.eye(len(centres))
    places = np.arange(size)
    return np.stack([np.interp(places, centres, row) for row in unit], axis=1)

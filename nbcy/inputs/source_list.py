"""Lists of X-ray sources (formats 3)."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nbcy.base.errors import FileError
from nbcy.base.files import content, numbers, read_lines

FloatArray = NDArray[np.float64]


def read_sources(
    path: str | os.PathLike[str], position: ArrayLike, wavelength: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Read a list of sources: ``X Y Z intensity wavelength`` per line.

    Parameters
    ----------
    path : path-like
        Text; blank lines and comments (``#``) are skipped.
    position : array_like, shape (3,)
        Stands in where X, Y or Z is missing at the end of a line.
    wavelength : float
        Stands in for a missing wavelength, m. A missing intensity is 1.

    Returns
    -------
    positions : ndarray, shape (n, 3)
        As listed, from the sample towards each source, any length.
    intensities : ndarray, shape (n,)
    wavelengths : ndarray, shape (n,)
        m.

    Raises
    ------
    FileError
        No source, a word that is not a finite number, or more than five columns; naming the line.
    """
    expected = "X Y Z intensity wavelength(m)"
    defaults = [*np.asarray(position, dtype=np.float64).tolist(), 1.0, wavelength]
    rows = []
    for row, line in enumerate(read_lines(path), 1):
        words = content(line).split()
        if len(words) > len(defaults):
            raise FileError(path, f"{len(words)} columns; expected {expected}", row)
        if words:
            rows.append(numbers(path, row, words, expected) + defaults[len(words) :])
    if not rows:
        raise FileError(path, f"holds no sources: {expected} per line is expected")
    table: FloatArray = np.array(rows)
    return table[:, :3].copy(), table[:, 3].copy(), table[:, 4].copy()

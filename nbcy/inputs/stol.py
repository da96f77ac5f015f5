"""Tables of a structure factor against resolution (formats 4)."""

from __future__ import annotations

import math
import os
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import ConfigError, FileError
from nbcy.base.files import content, numbers, read_lines

SCALES: Final = {"stol": 1.0, "4stol": 4.0, "Q": 4.0 * math.pi}
"""What the first column is, in units of sin θ/λ."""


def read_stol(
    path: str | os.PathLike[str], column: str = "stol"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read two columns, resolution and F.

    Parameters
    ----------
    path : path-like
        Text; blank lines and comments (``#``) are skipped.
    column : {"stol", "4stol", "Q"}
        What the first column holds: sin θ/λ, 4 sin θ/λ, or Q = 4π sin θ/λ, all in 1/Å.

    Returns
    -------
    stol : ndarray, shape (n,)
        sin θ/λ in 1/Å, in the file's order.
    F : ndarray, shape (n,)
        Electrons.

    Raises
    ------
    FileError
        No line, a line that does not hold two finite numbers, or a negative resolution.
    ConfigError
        An unknown ``column``.
    """
    if column not in SCALES:
        raise ConfigError("column", column, f"must be one of {', '.join(SCALES)}")
    expected = f"{column} (1/Å) and F"
    rows = []
    for row, line in enumerate(read_lines(path), 1):
        words = content(line).split()
        if not words:
            continue
        if len(words) != 2:
            raise FileError(path, f"{content(line)!r}: expected {expected}", row)
        values = numbers(path, row, words, expected)
        if values[0] < 0.0:
            raise FileError(path, f"{column} = {words[0]} must not be negative", row)
        rows.append(values)
    if not rows:
        raise FileError(path, f"is empty: {expected} per line is expected")
    table = np.array(rows)
    return table[:, 0] / SCALES[column], table[:, 1].copy()

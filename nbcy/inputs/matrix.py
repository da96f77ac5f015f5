"""Orientation matrices of MOSFLM (formats 2)."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import FileError
from nbcy.base.files import content, numbers, read_lines


def read_matrix(path: str | os.PathLike[str]) -> NDArray[np.float64]:
    """Read the first nine numbers of a file.

    Parameters
    ----------
    path : path-like
        Text; what follows the nine numbers (MOSFLM writes missetting angles and the cell) is not
        read. Comments (``#``) are skipped.

    Returns
    -------
    ndarray of float64, shape (3, 3)
        Columns a*, b*, c*, rows x, y, z, in units of the wavelength.

    Raises
    ------
    FileError
        Fewer than nine numbers, or something else before the ninth.
    """
    expected = "nine numbers: rows x, y, z of the columns a*, b*, c*"
    values: list[float] = []
    for row, line in enumerate(read_lines(path), 1):
        values += numbers(path, row, content(line).split()[: 9 - len(values)], expected)
    if len(values) < 9:
        raise FileError(path, f"holds {len(values)} numbers; expected {expected}")
    return np.array(values).reshape(3, 3)

"""Rotations of mosaic domains out of files (physics 8.6)."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import FileError
from nbcy.base.files import content, numbers, read_lines

FloatArray = NDArray[np.float64]


def read_mosaic(path: str | os.PathLike[str]) -> tuple[FloatArray, FloatArray | None]:
    """Read the rotations of mosaic domains, perhaps with weights.

    Parameters
    ----------
    path : path-like
        Text: nine numbers a line, row by row, and perhaps a weight; blank lines and comments
        (``#``) are skipped, commas separate as blanks do. Or ``.npy``: an array (n, 3, 3).

    Returns
    -------
    matrices : ndarray, shape (n, 3, 3)
    weights : ndarray, shape (n,), or None

    Raises
    ------
    FileError
        No matrices, or something else.
    """
    if os.fspath(path).endswith(".npy"):
        return _read_npy(path), None
    expected = "nine numbers of a rotation matrix, row by row, and perhaps a weight"
    rows: list[list[float]] = []
    for row, line in enumerate(read_lines(path), 1):
        words = content(line).replace(",", " ").split()
        if not words:
            continue
        if len(words) not in (9, 10):
            raise FileError(path, f"{len(words)} columns; expected {expected}", row)
        rows.append(numbers(path, row, words, expected))
        if len(rows[-1]) != len(rows[0]):
            raise FileError(path, "some lines have a weight and some have none", row)
    if not rows:
        raise FileError(path, f"holds no matrices: {expected} per line is expected")
    table = np.array(rows)
    weights = table[:, 9].copy() if table.shape[1] == 10 else None
    return table[:, :9].reshape(-1, 3, 3).copy(), weights


def _read_npy(path: str | os.PathLike[str]) -> FloatArray:
    try:
        found = np.load(path, allow_pickle=False)
        matrices: FloatArray = np.asarray(found, dtype=float)
    except OSError as error:
        raise FileError(path, error.strerror or str(error)) from error
    except (ValueError, TypeError, EOFError) as error:
        raise FileError(path, f"is no array of numbers: {error}") from error
    if matrices.ndim != 3 or matrices.shape[1:] != (3, 3) or not len(matrices):
        raise FileError(path, f"has the shape {matrices.shape}; expected (n, 3, 3)")
    return matrices

"""NumPy's own files."""

from __future__ import annotations

import io
import os

import numpy as np
from numpy.typing import NDArray

from nbcy.errors import FileError
from nbcy.io.atomic import atomic_write
from nbcy.io.files import blaming, read_bytes


def write_npy(path: str | os.PathLike[str], pixels: NDArray[np.float32]) -> None:
    """Write pixels.

    Parameters
    ----------
    path : path-like
        The file.
    pixels : ndarray of float32, shape (slow, fast)

    Raises
    ------
    FileError
        It cannot be written.
    """
    with atomic_write(path) as file:
        np.save(file, pixels, allow_pickle=False)


def read_npy(path: str | os.PathLike[str]) -> NDArray[np.float64] | NDArray[np.float32]:
    """Read an image.

    Parameters
    ----------
    path : path-like
        The file, perhaps compressed by gzip.

    Returns
    -------
    ndarray of float32 or float64, shape (slow, fast)
        Integers become float64.

    Raises
    ------
    FileError
        Not an array of real numbers with two dimensions.
    """
    with blaming(path, "NumPy array"):
        array = np.load(io.BytesIO(read_bytes(path)), allow_pickle=False)
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind not in "biuf":
        raise FileError(path, "must hold one array of real numbers with two dimensions")
    return array if array.dtype == np.float32 else array.astype(np.float64)

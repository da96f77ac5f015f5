"""NumPy's own files."""

from __future__ import annotations

import io
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nbcy.base.atomic import atomic_write
from nbcy.base.errors import FileError
from nbcy.base.files import blaming, read_bytes
from nbcy.formats.frame import Frame
from nbcy.formats.measurement import Measurement, unstack


def write_npy(path: str | os.PathLike[str], pixels: NDArray[np.float32]) -> None:
    """Write pixels.

    Parameters
    ----------
    path : path-like
        The file.
    pixels : ndarray of float32, shape (slow, fast) or (panel, slow, fast)

    Raises
    ------
    FileError
        It cannot be written.
    """
    array = np.ascontiguousarray(pixels)
    with atomic_write(path) as file:
        # Not np.save, which does not say why it could not write.
        header = np.lib.format.header_data_from_array_1_0(array)
        np.lib.format.write_array_header_1_0(file, header)
        file.write(array.data)


def write_npy_frame(
    path: Path, pixels: NDArray[np.float32], measurement: Measurement | None
) -> None:
    """Write a frame, its panels one behind the other; 0 where nothing was measured."""
    pixels[np.isnan(pixels)] = 0.0
    panels = [pixels] if measurement is None else unstack(pixels, measurement.panels)
    write_npy(path, np.array(panels) if len(panels) > 1 else pixels)


def read_npy_frame(path: str | os.PathLike[str]) -> tuple[Frame, str]:
    """Read an image as a frame.

    Raises
    ------
    FileError
        As `read_npy`.
    """
    return Frame(read_npy(path)), "NumPy files do not tell it"


def read_npy(path: str | os.PathLike[str]) -> NDArray[np.float64] | NDArray[np.float32]:
    """Read an image.

    Parameters
    ----------
    path : path-like
        The file, perhaps compressed by gzip.

    Returns
    -------
    ndarray of float32 or float64, shape (slow, fast)
        Integers become float64. Panels (panel, slow, fast) are stacked along the slow axis.

    Raises
    ------
    FileError
        Not an array of real numbers with two or three dimensions.
    """
    with blaming(path, "NumPy array"):
        data = read_bytes(path)
        if data.startswith(np.lib.format.MAGIC_PREFIX):
            _check_size(data)
        array = np.load(io.BytesIO(data), allow_pickle=False)
    usable = isinstance(array, np.ndarray) and array.ndim in (2, 3)
    if not usable or array.dtype.kind not in "biuf":
        expected = "one array of real numbers with two dimensions, or three: panel, slow, fast"
        raise FileError(path, f"must hold {expected}")
    pixels: NDArray[Any] = array.reshape(math.prod(array.shape[:-1]), array.shape[-1])
    return pixels if pixels.dtype == np.float32 else pixels.astype(np.float64)


def _check_size(data: bytes) -> None:
    """Refuse a header that promises more than there is: NumPy makes room for it first."""
    file, formats = io.BytesIO(data), np.lib.format
    version = formats.read_magic(file)
    read = formats.read_array_header_2_0 if version > (1, 0) else formats.read_array_header_1_0
    shape, _, dtype = read(file)
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize > len(data) - file.tell():
        raise ValueError(f"it ends before the last of {' x '.join(map(str, shape))} numbers")

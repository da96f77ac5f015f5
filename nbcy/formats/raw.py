"""Raw little-endian float32 pixels without a header (formats 6)."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nbcy.base.atomic import atomic_write
from nbcy.base.errors import FileError
from nbcy.base.files import read_bytes
from nbcy.formats.measurement import Measurement, unstack


def write_raw(path: str | os.PathLike[str], pixels: NDArray[np.float32]) -> None:
    """Write pixels row by row.

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
        file.write(np.ascontiguousarray(pixels, dtype="<f4").data)


def write_raw_frame(
    path: Path, pixels: NDArray[np.float32], measurement: Measurement | None
) -> None:
    """Write a frame, its panels one after another; 0 where nothing was measured."""
    pixels[np.isnan(pixels)] = 0.0
    panels = [pixels] if measurement is None else unstack(pixels, measurement.panels)
    write_raw(path, np.concatenate([panel.reshape(-1) for panel in panels]))


def read_raw(
    path: str | os.PathLike[str], shape: tuple[int, int] | None = None
) -> NDArray[np.float32]:
    """Read pixels.

    Parameters
    ----------
    path : path-like
        The file, perhaps compressed by gzip.
    shape : tuple of int, optional
        ``(slow, fast)``; without it the image has to be square.

    Returns
    -------
    ndarray of float32, shape (slow, fast)

    Raises
    ------
    FileError
        The file's size does not fit the shape.
    """
    data = read_bytes(path)
    edge = math.isqrt(len(data) // 4)
    slow, fast = (edge, edge) if shape is None else shape
    if len(data) != 4 * slow * fast or not data:
        unknown = "a square image; give its shape (--shape, --geometry)"
        hint = unknown if shape is None else f"{slow} x {fast} pixels"
        raise FileError(path, f"{len(data)} bytes are not the float32 pixels of {hint}")
    return np.frombuffer(data, dtype="<f4").reshape(slow, fast).astype(np.float32)

"""Portable graymaps, for looking (formats 7)."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from nbcy.base.atomic import atomic_write
from nbcy.base.bands import bands


def write_pgm(path: str | os.PathLike[str], pixels: NDArray[np.float32], scale: float) -> None:
    """Write a binary graymap: pixels times ``scale``, truncated, clipped (physics 10.3).

    Parameters
    ----------
    path : path-like
        The file.
    pixels : ndarray of float32, shape (slow, fast)
    scale : float
        Gray levels per photon.

    Raises
    ------
    FileError
        It cannot be written.
    """
    slow, fast = pixels.shape
    with atomic_write(path) as file:
        file.write(f"P5\n{fast} {slow}\n# pixels scaled by {scale:g}\n255\n".encode("ascii"))
        for rows in bands(0, slow - 1, fast):
            levels = np.clip(pixels[rows].astype(np.float64) * scale, 0, 255)
            file.write(levels.astype(np.uint8, order="C").data)

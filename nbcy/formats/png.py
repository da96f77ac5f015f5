"""Pictures on a logarithmic scale, dark spots on white like a film."""

from __future__ import annotations

import io
import math
import os
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.atomic import atomic_write
from nbcy.base.errors import ConfigError

DECADES: Final = 4.0
"""Most powers of ten between white and black."""


def max_pool(pixels: NDArray[np.float32], max_size: int) -> NDArray[np.float32]:
    """Shrink an image so that no edge is longer than ``max_size``, keeping the peaks.

    Parameters
    ----------
    pixels : ndarray of float32, shape (slow, fast)
    max_size : int
        At least 1.

    Returns
    -------
    ndarray of float32
        Largest pixel of each square block.

    Raises
    ------
    ConfigError
        ``max_size`` below 1.
    """
    if max_size < 1:
        raise ConfigError("max_size", max_size, "must be at least 1")
    block = math.ceil(max(pixels.shape) / max_size)
    if block <= 1:
        return pixels
    rows = np.maximum.reduceat(pixels, np.arange(0, pixels.shape[0], block), axis=0)
    return np.maximum.reduceat(rows, np.arange(0, pixels.shape[1], block), axis=1)


def gray_range(pixels: NDArray[np.float32]) -> tuple[float, float]:
    """Choose the values that become white and black.

    Black is exceeded by one in ten thousand of the pixels above zero; white is half their median,
    so that single photons show, or `DECADES` below black where that is more.

    Parameters
    ----------
    pixels : ndarray of float32, shape (slow, fast)

    Returns
    -------
    white, black : float
        0 < white < black.
    """
    sample = pixels.reshape(-1)[:: max(1, pixels.size // 1_000_000)]
    sample = sample[sample > 0.0]
    if not sample.size:
        return 0.5, 1.0
    median, black = np.quantile(sample, (0.5, 0.9999)).tolist()
    return max(median / 2.0, black / 10.0**DECADES), black


def gray_levels(pixels: NDArray[np.float32], white: float, black: float) -> NDArray[np.uint8]:
    """Map pixels to 8 bits on a logarithmic scale, 255 at ``white`` and 0 at ``black``.

    Parameters
    ----------
    pixels : ndarray of float32, shape (slow, fast)
    white, black : float
        From `gray_range`.

    Returns
    -------
    ndarray of uint8, shape (slow, fast)
    """
    levels = np.full(pixels.shape, 255, dtype=np.uint8)
    dark = pixels > white  # usually few
    level = np.log(pixels[dark].astype(np.float64) / white) * (255.0 / math.log(black / white))
    levels[dark] = np.rint(255.0 - np.minimum(level, 255.0)).astype(np.uint8)
    return levels


def encode_png(pixels: NDArray[np.float32], max_size: int | None = None) -> bytes:
    """Return the picture as the bytes of a PNG file.

    Parameters
    ----------
    pixels : ndarray of float32, shape (slow, fast)
    max_size : int, optional
        Shrink to this many pixels along the longer edge (`max_pool`).
    """
    from PIL import Image

    shown = pixels if max_size is None else max_pool(pixels, max_size)
    levels = gray_levels(shown, *gray_range(pixels))
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def write_png(
    path: str | os.PathLike[str], pixels: NDArray[np.float32], max_size: int | None = None
) -> None:
    """Write the picture.

    Parameters
    ----------
    path : path-like
        The file.
    pixels : ndarray of float32, shape (slow, fast)
    max_size : int, optional
        Shrink to this many pixels along the longer edge.

    Raises
    ------
    FileError
        It cannot be written.
    """
    with atomic_write(path) as file:
        file.write(encode_png(pixels, max_size))

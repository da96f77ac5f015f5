"""Pictures of pixels: contrast out of the image itself, dark spots on white like a film."""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from nbcy.base.atomic import atomic_write
from nbcy.base.errors import ConfigError

DECADES: Final = 4.0
"""Most powers of ten between white and black."""

_BLACK = 1e-4
_SAMPLE = 1_000_000
_TILE = 16
_MANY = 1000
_QUIET = 20.0
_PLATEAU = 5
_SINGLE_PHOTON = 0.5


def max_pool(pixels: NDArray[np.float32], max_size: int) -> NDArray[np.float32]:
    """Shrink an image so that no edge is longer than ``max_size``, keeping the peaks.

    Parameters
    ----------
    pixels : ndarray of float32, shape (slow, fast)
        NaN where nothing was measured, which gives way to any number.
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
    rows = np.fmax.reduceat(pixels, np.arange(0, pixels.shape[0], block), axis=0)
    return np.fmax.reduceat(rows, np.arange(0, pixels.shape[1], block), axis=1)


@dataclass(frozen=True)
class Contrast:
    """What becomes white, what black, and how it darkens between.

    Attributes
    ----------
    low, high : float
        Values that become white and black, in the unit of the pixels.
    knee : float
        Above ``low``, where a logarithmic scale passes from linear to logarithmic. Infinite: the
        scale is linear.
    """

    low: float
    high: float
    knee: float

    @classmethod
    def of(
        cls,
        pixels: NDArray[Any],
        *,
        low: float | None = None,
        high: float | None = None,
        linear: bool = False,
    ) -> Self:
        """Choose the contrast of an image.

        The background is the median of small squares' medians, whatever offset it has. White is as
        far below it as most squares are above, black what spots have: the median of what stands out
        of its square, or what one in ten thousand pixels exceeds, whichever is more. The scale is
        linear about the background (the knee is its spread) and logarithmic above.

        Parameters
        ----------
        pixels : ndarray
            As they are to be seen, already shrunk; NaN is passed over.
        low, high : float, optional
            In place of what the image tells.
        linear : bool
            In place of a logarithmic scale.

        Raises
        ------
        ConfigError
            Limits that are no numbers, or not in order.
        """
        for name, limit in (("min", low), ("max", high)):
            if limit is not None and not math.isfinite(limit):
                raise ConfigError(name, limit, "must be a finite number")
        tiles = _tiles(pixels)
        whole = bool((tiles == np.rint(tiles)).all()) if len(tiles) else False
        white, black, spread = _limits(tiles)
        if low is not None and high is not None and not low < high:
            raise ConfigError("max", high, f"must be more than the minimum, {low:g}")
        logarithm = low is not None and low > 0.0  # log(pixel / min), as it is commonly meant
        if high is None:
            high = black if low is None or low < black else low + max(abs(low), spread)
        if low is None:
            low = white if white < high else high - max(abs(high), spread)
        knee = max(spread, (high - low) / 10.0**DECADES, _SINGLE_PHOTON if whole else 0.0)
        if logarithm:
            knee = low
        return cls(low, high, math.inf if linear else knee)

    def darkness(self, pixels: NDArray[Any]) -> NDArray[np.float64]:
        """Return 0 for white to 1 for black; NaN is white."""
        span = self.high - self.low
        above = np.clip(np.nan_to_num(pixels.astype(np.float64), nan=self.low) - self.low, 0, span)
        if math.isinf(self.knee):
            return above / span
        return np.minimum(np.log1p(above / self.knee) / math.log1p(span / self.knee), 1.0)

    def value(self, darkness: float) -> float:
        """Undo `darkness`."""
        span = self.high - self.low
        if math.isinf(self.knee):
            return self.low + darkness * span
        return self.low + self.knee * math.expm1(darkness * math.log1p(span / self.knee))

    def levels(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """Return pixels in 8 bits: 255 for white, 0 for black."""
        levels = np.full(pixels.shape, 255, dtype=np.uint8)
        with np.errstate(invalid="ignore"):
            dark = pixels > self.low  # often few
        levels[dark] = np.rint(255.0 * (1.0 - self.darkness(pixels[dark])))
        return levels


def _tiles(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Cut an image into small squares, shape (square, pixel); some of them where there are many.

    Pixels that are no number are as the median of their square; squares without any are left out.
    """
    values = np.atleast_2d(pixels)
    slow, fast = (min(_TILE, size) for size in values.shape)
    rows, columns = values.shape[0] // slow, values.shape[1] // fast
    if not rows * columns:
        return np.empty((0, 1))
    blocks = values[: rows * slow, : columns * fast].reshape(rows, slow, columns, fast)
    squares = blocks.swapaxes(1, 2).reshape(rows * columns, slow * fast)
    tiles: NDArray[np.float64] = squares[:: max(1, squares.size // _SAMPLE)].astype(np.float64)
    tiles[~np.isfinite(tiles)] = np.nan
    tiles = tiles[~np.isnan(tiles).all(axis=1)]
    gaps = np.isnan(tiles)
    if gaps.any():
        tiles = np.where(gaps, np.nanmedian(tiles, axis=1, keepdims=True), tiles)
    return tiles


def _limits(tiles: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return what becomes white and black, and the spread of the background."""
    if not tiles.size:
        return 0.0, 1.0, 0.0
    medians = np.median(tiles, axis=1, keepdims=True)
    top = float(tiles.max())
    levels = [float(np.median(medians)), *np.quantile(tiles, (0.25, 0.1, 0.0)).tolist()]
    # Where most of the image is at its top, the background is what is below.
    background = next((level for level in levels if level < top), top)
    if background == top:
        return background, background + max(abs(background), 1.0), 0.0
    above = tiles - medians
    # One standard deviation of a normal distribution; the second serves few counts.
    noise = max(1.4826 * float(np.median(np.abs(above))), -float(np.quantile(above, 0.16)))
    spread = max(noise, float(np.quantile(medians, 0.95)) - background)
    signal = tiles[above > 5.0 * noise]
    if not signal.size:
        signal = tiles[tiles > background]
    black = max(float(np.median(signal)), float(np.quantile(tiles, 1.0 - _BLACK)))
    if tiles.size >= _MANY and int((tiles == top).sum()) < _PLATEAU:
        # No noise in black, but what is cut off at the top is none.
        black = max(black, background + _QUIET * noise)
    if black <= background:
        black = top
    return max(background - spread, float(tiles.min())), black, spread


def encode_png(
    pixels: NDArray[np.float32], max_size: int | None = None, min_size: int = 1
) -> bytes:
    """Return the picture as the bytes of a PNG file.

    Parameters
    ----------
    pixels : ndarray of float32, shape (slow, fast)
    max_size : int, optional
        Shrink to this many pixels along the longer edge (`max_pool`).
    min_size : int
        Draw each pixel as a square until the longer edge has this many.
    """
    from PIL import Image

    shown = pixels if max_size is None else max_pool(pixels, max_size)
    levels = enlarged(Contrast.of(shown).levels(shown), min_size)
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def enlargement(shape: tuple[int, ...], min_size: int) -> int:
    """Return how many pixels a small image's pixel is drawn with along each edge."""
    return max(1, min_size // max(shape[:2]))


def enlarged(levels: NDArray[np.uint8], min_size: int) -> NDArray[np.uint8]:
    """Draw the pixels of a small image as squares."""
    times = enlargement(levels.shape, min_size)
    return levels.repeat(times, axis=0).repeat(times, axis=1)


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

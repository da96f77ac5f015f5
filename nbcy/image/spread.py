"""The point spread of a detector (physics 12.2): photons fall into pixels beside their own."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.threads import in_bands

Array = NDArray[np.floating[Any]]

FIBRE: Final = 0.652383013252053
"""g of the fibre's formula for a width of 1."""

_GAUSS_REACH: Final = 3.0
"""Widths beyond which 1.5e-12 of a normal spot lie on either side."""


def gauss_parts(width: float) -> NDArray[np.float64]:
    """Return the parts of a normal spot that fall into a row of pixels; those of columns multiply.

    Parameters
    ----------
    width : float
        Full width at half maximum, pixels.
    """
    k = math.sqrt(math.log(16.0)) / width
    reach = math.ceil(_GAUSS_REACH * width + 0.5)
    edges = [math.erf((x - 0.5) * k) for x in range(-reach, reach + 2)]
    return np.diff(edges) / 2.0


def fibre_parts(width: float, slow: int, fast: int) -> NDArray[np.float64]:
    """Return the parts of a fibre's spot that fall into pixels at some distance.

    Parameters
    ----------
    width : float
        Full width at half maximum, pixels.
    slow, fast : int
        How far away the farthest pixels are.

    Returns
    -------
    ndarray of float64, shape (slow + 1, fast + 1)
        By distance along slow and fast; the spot is symmetric.
    """
    g = FIBRE * width
    y = np.arange(-0.5, slow + 1.0)[:, np.newaxis]
    x = np.arange(-0.5, fast + 1.0)
    corners = np.arctan(x * y / (g * np.sqrt(g * g + x * x + y * y))) / (2.0 * np.pi)
    return np.diff(np.diff(corners, axis=0), axis=1)


def spread_gauss(photons: Array, width: float, threads: int | None = None) -> Array:
    """Spread photons by a normal spot of some width in pixels; what leaves the edge is lost."""
    parts = gauss_parts(width).astype(photons.dtype)
    reach = len(parts) // 2
    slow, fast = photons.shape
    spread = np.empty_like(photons)

    def work(rows: slice) -> None:
        first, last = max(0, rows.start - reach), min(slow, rows.stop + reach)
        count = rows.stop - rows.start
        column = np.zeros((count + 2 * reach, fast), photons.dtype)
        skipped = first - (rows.start - reach)
        column[skipped : skipped + last - first] = photons[first:last]
        row = np.zeros((count, fast + 2 * reach), photons.dtype)
        row[:, reach : reach + fast] = _sum_of_shifts(column, parts, 0)
        spread[rows] = _sum_of_shifts(row, parts, 1)

    in_bands(work, 0, slow - 1, fast, threads)
    return spread


def _sum_of_shifts(padded: Array, parts: Array, axis: int) -> Array:
    """Add up what pixels get from those before and behind them, the nearest last."""
    reach = len(parts) // 2
    size = padded.shape[axis] - 2 * reach

    def shifted(start: int) -> Array:
        window = slice(start, start + size)
        return padded[window] if axis == 0 else padded[:, window]

    total: Array = parts[0] * (shifted(0) + shifted(2 * reach))
    pair = np.empty_like(total)
    for n in range(1, reach):
        np.add(shifted(n), shifted(2 * reach - n), out=pair)
        pair *= parts[n]
        total += pair
    np.multiply(shifted(reach), parts[reach], out=pair)
    total += pair
    return total


def spread_fibre(photons: Array, width: float, threads: int | None = None) -> Array:
    """Spread photons by a fibre's spot of some width in pixels; what leaves the edge is lost."""
    slow, fast = photons.shape
    transform = _fibre_transform(width, slow, fast, photons.dtype.str)
    return _through_transform(photons, transform, _padded(slow, slow - 1, fast, fast - 1), threads)


def spread_kernel(photons: Array, kernel: Array, threads: int | None = None) -> Array:
    """Spread photons by a spot of odd shape, its middle on their pixel; what leaves is lost."""
    slow, fast = photons.shape
    parts = kernel / kernel.sum()
    beyond_slow = max(0, parts.shape[0] // 2 - slow + 1)  # what no pixel is far enough away for
    beyond_fast = max(0, parts.shape[1] // 2 - fast + 1)
    parts = parts[beyond_slow : parts.shape[0] - beyond_slow]
    parts = parts[:, beyond_fast : parts.shape[1] - beyond_fast]
    down, across = parts.shape[0] // 2, parts.shape[1] // 2
    size = _padded(slow, down, fast, across)
    wrapped = np.zeros(size, photons.dtype)
    wrapped[: parts.shape[0], : parts.shape[1]] = parts
    wrapped = np.roll(wrapped, (-down, -across), axis=(0, 1))
    return _through_transform(photons, np.fft.rfft2(wrapped), size, threads)


@lru_cache(maxsize=1)
def _fibre_transform(width: float, slow: int, fast: int, dtype: str) -> Array:
    """Return the transform, which is real, for images of one shape."""
    size = _padded(slow, slow - 1, fast, fast - 1)
    quarter = fibre_parts(width, slow - 1, fast - 1).astype(dtype)
    wrapped = np.zeros(size, dtype)
    wrapped[:slow, :fast] = quarter
    wrapped[size[0] - slow + 1 :, :fast] = quarter[:0:-1]
    wrapped[:slow, size[1] - fast + 1 :] = quarter[:, :0:-1]
    wrapped[size[0] - slow + 1 :, size[1] - fast + 1 :] = quarter[:0:-1, :0:-1]
    return np.ascontiguousarray(np.fft.rfft2(wrapped).real)


def _padded(slow: int, down: int, fast: int, across: int) -> tuple[int, int]:
    """Return a size in which no photon comes back in on the other side."""
    return _smooth(slow + down), _smooth(fast + across)


def _smooth(least: int) -> int:
    """Return the smallest number from ``least`` on that has no prime factor beyond 5."""
    odd = (int(3**b * 5**c) for b in range(21) for c in range(14))
    return min(n << max(0, -(-least // n) - 1).bit_length() for n in odd if n < 2 * least)


def _through_transform(
    photons: Array, transform: NDArray[Any], size: tuple[int, int], threads: int | None
) -> Array:
    """Convolve by the product of transforms, rows and then columns, each by many threads."""
    slow, fast = photons.shape
    half = size[1] // 2 + 1
    kind = np.result_type(photons.dtype, np.complex64)
    rows = np.zeros((size[0], half), kind)
    spread = np.empty_like(photons)

    def forward(band: slice) -> None:
        rows[band] = np.fft.rfft(photons[band], size[1], axis=1)

    def columns(band: slice) -> None:
        turned = np.fft.fft(rows[:, band], axis=0)
        turned *= transform[:, band]
        rows[:, band] = np.fft.ifft(turned, axis=0)

    def back(band: slice) -> None:
        spread[band] = np.fft.irfft(rows[band], size[1], axis=1)[:, :fast]

    in_bands(forward, 0, slow - 1, size[1], threads)
    in_bands(columns, 0, half - 1, size[0], threads)
    in_bands(back, 0, slow - 1, size[1], threads)
    return spread

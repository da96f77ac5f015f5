"""Photon counting noise (physics 8.3, 8.5)."""

from __future__ import annotations

from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import ConfigError
from nbcy.base.rng import ReferenceStream, row_generator

Stream = Literal["numpy", "reference"]

LARGEST_MEAN: Final = 9e18
"""Largest mean of NumPy's generators, whose counts are 64-bit integers."""


def poisson_image(
    mean: NDArray[np.float32],
    seed: int,
    stream: Stream = "numpy",
    roi: tuple[int, int, int, int] | None = None,
    first_row: int = 0,
) -> NDArray[np.float32]:
    """Draw the photons that are counted where ``mean`` are expected.

    Parameters
    ----------
    mean : ndarray of float32, shape (slow, fast)
        Photons per pixel.
    seed : int
        The same seed gives the same counts.
    stream : {"numpy", "reference"}
        NumPy's generators, one for each row, so that the counts of a row depend on nothing but
        the seed and that row; or the reference's stream, pixel after pixel.
    roi : tuple of int, optional
        ``(fast_min, fast_max, slow_min, slow_max)``, inclusive: pixels outside are not drawn for
        and stay 0.
    first_row : int
        Number of the first row, for NumPy's stream: the rows of several panels are counted on.

    Returns
    -------
    ndarray of float32, shape (slow, fast)
        Counts, whole numbers except above 1e6 in the reference's stream, rounded to float32.

    Raises
    ------
    ConfigError
        An impossible seed, an unknown stream, a mean that is negative, not finite or, for NumPy's
        stream, above 9e18.
    """
    if stream not in get_args(Stream):
        raise ConfigError("stream", stream, f"must be one of {', '.join(get_args(Stream))}")
    if roi is None:
        roi = (0, mean.shape[1] - 1, 0, mean.shape[0] - 1)
    fast_min, fast_max, slow_min, slow_max = roi
    inside = (slice(slow_min, slow_max + 1), slice(fast_min, fast_max + 1))
    largest = LARGEST_MEAN if stream == "numpy" else float(np.finfo(np.float32).max)
    bad = np.argwhere(~((mean[inside] >= 0.0) & (mean[inside] <= largest)))
    if len(bad):
        slow, fast = int(bad[0, 0]) + slow_min, int(bad[0, 1]) + fast_min
        where = f"pixels[{slow}, {fast}]"
        raise ConfigError(where, float(mean[slow, fast]), f"must be from 0 to {largest:g} photons")
    counts = np.zeros(mean.shape, dtype=np.float32)
    if stream == "reference":
        counts[inside] = ReferenceStream(seed).poisson_image(mean[inside])
        return counts
    for row in range(slow_min, slow_max + 1):
        expected = mean[row, inside[1]].astype(np.float64)
        counts[row, inside[1]] = row_generator(seed, first_row + row).poisson(expected)
    return counts

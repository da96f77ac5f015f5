"""Photon counting noise (physics 8.3, 8.5)."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import ConfigError
from nbcy.base.rng import ReferenceStream, RowStreams, reference_seed
from nbcy.base.threads import in_bands

Stream = Literal["numpy", "reference"]

LARGEST_MEAN: Final = 9e18
"""Largest mean of NumPy's generators, whose counts are 64-bit integers."""

SMALL_MEAN: Final = 4.0
"""Largest mean that is drawn by the inverse of the distribution."""

_MOST_OF_SMALL: Final = 64  # the probability of more is 1e-52


def poisson_image(
    mean: NDArray[np.float32],
    seed: int,
    stream: Stream = "numpy",
    roi: tuple[int, int, int, int] | None = None,
    first_row: int = 0,
    index: int = 0,
    threads: int | None = None,
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
        seed, index and that row; or the reference's stream, pixel after pixel.
    roi : tuple of int, optional
        ``(fast_min, fast_max, slow_min, slow_max)``, inclusive: pixels outside are not drawn for
        and stay 0.
    first_row : int
        Number of the first row, for NumPy's stream: the rows of several panels are counted on.
    index : int
        Number of the frame among those of one seed.
    threads : int, optional
        For NumPy's stream; counts do not depend on it.

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
    across = slice(fast_min, fast_max + 1)
    counts = np.zeros(mean.shape, dtype=np.float32)
    if stream == "reference":
        inside = (slice(slow_min, slow_max + 1), across)
        check_means(mean[inside], 0.0, float(np.finfo(np.float32).max), (slow_min, fast_min))
        drawn = ReferenceStream(reference_seed(seed, index)).poisson_image(mean[inside])
        counts[inside] = drawn
        return counts
    streams = RowStreams(seed, index)

    def draw(rows: slice) -> None:
        expected = mean[rows, across].astype(np.float64)
        check_means(expected, 0.0, LARGEST_MEAN, (rows.start, fast_min))
        own = streams.fork()
        for number, row in enumerate(expected, rows.start):
            counts[number, across] = poisson_row(own.row(first_row + number), row)

    in_bands(draw, slow_min, slow_max, mean.shape[1], threads)
    return counts


def poisson_row(generator: np.random.Generator, mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draw the photons of one row (physics 8.5).

    Small means by the inverse of the distribution, which takes one number a pixel and vectors.

    Parameters
    ----------
    generator : numpy Generator
    mean : ndarray of float64, shape (pixels,)
        From 0 to `LARGEST_MEAN`.
    """
    if not mean.max(initial=0.0) > 0.0:
        return np.zeros(mean.size)
    uniform = generator.random(mean.size)
    large = np.flatnonzero(mean > SMALL_MEAN)
    small = mean.copy()
    small[large] = 0.0
    counted = np.zeros(mean.size, np.int8)
    term = np.exp(-small)
    total = term.copy()
    for count in range(1, _MOST_OF_SMALL):
        more = uniform > total
        if not more.any():
            break
        counted += more.view(np.int8)
        term *= small
        term *= 1.0 / count
        total += term
    counts = counted.astype(np.float64)
    if large.size:
        counts[large] = generator.poisson(mean[large])
    return counts


def check_means(
    mean: NDArray[np.floating[Any]], least: float, most: float, first: tuple[int, int]
) -> None:
    """Refuse expected photons for which no counts can be drawn.

    Parameters
    ----------
    mean : ndarray, shape (slow, fast)
    least, most : float
        Bounds, inclusive.
    first : tuple of int
        Where its first pixel is in the image, (slow, fast).

    Raises
    ------
    ConfigError
    """
    if mean.size and not (mean.min() >= least and mean.max() <= most):
        slow, fast = np.argwhere(~((mean >= least) & (mean <= most)))[0]
        where = f"pixels[{slow + first[0]}, {fast + first[1]}]"
        low = "0" if least == 0.0 else f"{least:g}"
        raise ConfigError(where, float(mean[slow, fast]), f"must be from {low} to {most:g} photons")

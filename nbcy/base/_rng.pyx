# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=True
"""The reference's random numbers (physics 8)."""

import operator

import numpy as np

from libc.stdint cimport int32_t

from nbcy.base.errors import ConfigError


cdef extern from "rng.h" nogil:
    ctypedef struct nbcy_stream:
        pass
    void nbcy_stream_seed(nbcy_stream *stream, int32_t seed)
    float nbcy_uniform(nbcy_stream *stream)
    float nbcy_gauss(nbcy_stream *stream)
    float nbcy_poisson(nbcy_stream *stream, float mean)
    size_t nbcy_poisson_fill(nbcy_stream *stream, const float *mean, float *counts, size_t n)


cdef class ReferenceStream:
    """The stream of random numbers that the reference draws from (physics 8).

    Parameters
    ----------
    seed : int
        Its sign does not matter, as in the reference; 0 counts as 1.

    Raises
    ------
    ConfigError
        Not a whole number below 2**31 - 1 in size.
    """

    cdef nbcy_stream stream

    def __init__(self, seed):
        try:
            size = abs(operator.index(seed))
        except TypeError:
            size = None
        if size is None or size >= 2**31 - 1:
            raise ConfigError("seed", seed, "must be a whole number from -2147483646 to 2147483646")
        nbcy_stream_seed(&self.stream, max(size, 1))

    def uniform(self):
        """Draw from (0, 1); a float32 value."""
        return nbcy_uniform(&self.stream)

    def gauss(self):
        """Draw from the normal distribution of mean 0 and variance 1; a float32 value."""
        return nbcy_gauss(&self.stream)

    def poisson(self, mean):
        """Draw a count from the Poisson distribution.

        Parameters
        ----------
        mean : float
            Rounded to float32. Above 1e6 the normal distribution stands in, and the result is not
            a whole number.

        Raises
        ------
        ConfigError
            Negative or not finite.
        """
        cdef float m = mean
        if not 0.0 <= m <= 3.4028234663852886e38:
            raise ConfigError("mean", mean, "must be a float32 number that is not negative")
        return nbcy_poisson(&self.stream, m)

    def poisson_image(self, mean):
        """Draw a count for each pixel, in scan order.

        Parameters
        ----------
        mean : array_like of float32, shape (slow, fast)

        Returns
        -------
        ndarray of float32, shape (slow, fast)

        Raises
        ------
        ConfigError
            A mean that is negative or not finite.
        """
        means = np.ascontiguousarray(mean, dtype=np.float32)
        counts = np.empty_like(means)
        cdef const float[::1] source = means.reshape(-1)
        cdef float[::1] target = counts.reshape(-1)
        cdef size_t n = means.size
        cdef size_t done
        if n == 0:
            return counts
        with nogil:
            done = nbcy_poisson_fill(&self.stream, &source[0], &target[0], n)
        if done < n:
            where = ", ".join(str(i) for i in np.unravel_index(done, means.shape))
            value = float(means.reshape(-1)[done])
            raise ConfigError(f"pixels[{where}]", value, "must be finite and not negative")
        return counts

"""A flat array of pixels in the lab."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nbcy.base.vectors import dot

FloatArray = NDArray[np.float64]


PARALLEL = 1e-9
"""Sine of the angle below which two directions count as the same."""


@dataclass(frozen=True, eq=False)
class PlacedPanel:
    """One flat array of pixels.

    Attributes
    ----------
    origin : ndarray, shape (3,)
        Corner of pixel (0, 0), m.
    fast, slow, normal : ndarray, shape (3,)
        Unit vectors along a row, along a column, and away from the sample.
    pixel_size : float
        m.
    close_distance : float
        Distance of the panel's plane from the sample, m.
    pixels_slow, pixels_fast : int
        Shape of the image.
    name : str
    """

    origin: FloatArray
    fast: FloatArray
    slow: FloatArray
    normal: FloatArray
    pixel_size: float
    close_distance: float
    pixels_slow: int
    pixels_fast: int
    name: str = "panel0"

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels (slow, fast)."""
        return self.pixels_slow, self.pixels_fast

    def outside(self, point: FloatArray) -> float:
        """Return how far a point of the panel's plane is from the panel, m; 0 on it."""
        offset = point - self.origin
        beyond = [
            max(-along, along - count * self.pixel_size, 0.0)
            for along, count in (
                (float(dot(offset, self.fast)), self.pixels_fast),
                (float(dot(offset, self.slow)), self.pixels_slow),
            )
        ]
        return math.hypot(*beyond)

    @property
    def nearest(self) -> float:
        """Distance of the nearest point of the panel from the sample, m."""
        foot = self.close_distance * self.normal
        return math.hypot(self.close_distance, self.outside(foot))

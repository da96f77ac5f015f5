"""A flat array of pixels in the lab."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nbcy.base.constants import RTD
from nbcy.base.errors import ConfigError
from nbcy.base.units import to_si
from nbcy.base.vectors import cross, dot, frozen, norm, unit

FloatArray = NDArray[np.float64]


PARALLEL = 1e-9
"""Sine of the angle below which two directions count as the same."""

MAX_PIXELS = 2**31 - 1
"""Largest number of pixels of one panel."""

_SQUARE_TOLERANCE = math.sin(0.1 / RTD)


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


class PanelInMillimetres(Protocol):
    """A panel as configurations and geometry files have it."""

    @property
    def name(self) -> str | None:
        """What it is called."""

    @property
    def origin_mm(self) -> Sequence[float]:
        """Outer corner of its first pixel."""

    @property
    def fast_vector(self) -> Sequence[float]:
        """Along a row, of any length."""

    @property
    def slow_vector(self) -> Sequence[float]:
        """Along a column, of any length."""

    @property
    def pixels_fast(self) -> int:
        """Pixels of a row."""

    @property
    def pixels_slow(self) -> int:
        """Pixels of a column."""

    @property
    def pixel_mm(self) -> float:
        """Edge of a pixel."""


@lru_cache(maxsize=1024)  # of many panels one may vary
def place_panel(given: PanelInMillimetres, number: int) -> PlacedPanel:
    """Put a panel that says where it is into the lab.

    Parameters
    ----------
    given : PanelInMillimetres
    number : int
        Of the panel, for errors and for its name where it has none.

    Raises
    ------
    ConfigError
        Axes that are not perpendicular, too many pixels, or a panel edge-on to the sample.
    """
    field = f"detector.panels[{number}]"
    fast, slow = unit(given.fast_vector), unit(given.slow_vector)
    check_perpendicular(f"{field}.slow_vector", fast, slow)
    check_count(f"{field}.pixels", given.pixels_fast, given.pixels_slow)
    origin = np.array([to_si(x, "mm") for x in given.origin_mm])
    normal, close = facing(origin, unit(cross(fast, slow)))
    if not close > PARALLEL * float(norm(origin)):
        raise ConfigError(
            f"{field}.origin_mm", given.origin_mm, "the sample must not lie in its plane"
        )
    return PlacedPanel(
        origin=frozen(origin),
        fast=frozen(fast),
        slow=frozen(slow),
        normal=frozen(normal),
        pixel_size=to_si(given.pixel_mm, "mm"),
        close_distance=close,
        pixels_slow=given.pixels_slow,
        pixels_fast=given.pixels_fast,
        name=f"panel{number}" if given.name is None else given.name,
    )


def facing(origin: FloatArray, normal: FloatArray) -> tuple[FloatArray, float]:
    """Return the normal that points away from the sample, and the distance along it."""
    close = float(dot(origin, normal))
    return (normal, close) if close >= 0.0 else (-normal, -close)


def check_perpendicular(field: str, fast: FloatArray, slow: FloatArray) -> None:
    """Refuse unit vectors that are not perpendicular.

    Raises
    ------
    ConfigError
    """
    skew = float(dot(fast, slow))
    if abs(skew) > _SQUARE_TOLERANCE:
        raise ConfigError(
            field,
            tuple(slow.tolist()),
            f"must be perpendicular to the fast vector {tuple(fast.tolist())} within 0.1°; "
            f"the angle between them is {RTD * math.acos(max(-1.0, min(1.0, skew))):.4g}°",
        )


def check_count(field: str, fast: int, slow: int) -> None:
    """Refuse more pixels than a panel may have.

    Raises
    ------
    ConfigError
    """
    if fast * slow > MAX_PIXELS:
        raise ConfigError(field, f"{fast} x {slow}", f"must be at most {MAX_PIXELS} pixels")

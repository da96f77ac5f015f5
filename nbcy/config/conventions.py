"""Detector conventions: what each says about axes, beam centre and pivot (physics 1)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from nbcy.base.vectors import Vector

ConventionName = Literal["mosflm", "denzo", "adxv", "xds", "dials", "custom"]
Pivot = Literal["beam", "sample"]


class Convention(NamedTuple):
    """The vectors and the pivot that a convention sets.

    Attributes
    ----------
    name : str
        Its name.
    beam : Vector
        Direction in which the beam travels.
    fast, slow, normal : Vector
        Detector axes before any rotation.
    twotheta_axis : Vector
        Axis of the two-theta arm.
    polarization : Vector
        Direction of the electric field.
    spindle : Vector
        Axis of the sample's rotation.
    pivot : {"beam", "sample"} or None
        Point that detector rotations keep in place; None when the options decide.
    """

    name: ConventionName
    beam: Vector
    fast: Vector
    slow: Vector
    normal: Vector
    twotheta_axis: Vector
    polarization: Vector
    spindle: Vector
    pivot: Pivot | None


_X: Final[Vector] = (1.0, 0.0, 0.0)
_Y: Final[Vector] = (0.0, 1.0, 0.0)
_Z: Final[Vector] = (0.0, 0.0, 1.0)
_MINUS_X: Final[Vector] = (-1.0, 0.0, 0.0)
_MINUS_Y: Final[Vector] = (0.0, -1.0, 0.0)
_MINUS_Z: Final[Vector] = (0.0, 0.0, -1.0)

CONVENTIONS: Final[Mapping[str, Convention]] = MappingProxyType(
    {
        row.name: row
        for row in (
            Convention("mosflm", _X, _Z, _MINUS_Y, _X, _MINUS_Z, _Z, _Z, "beam"),
            Convention("denzo", _X, _Z, _MINUS_Y, _X, _MINUS_Z, _Z, _Z, "beam"),
            Convention("adxv", _Z, _X, _MINUS_Y, _Z, _MINUS_X, _X, _X, "beam"),
            Convention("xds", _Z, _X, _Y, _Z, _X, _X, _X, "sample"),
            Convention("dials", _Z, _X, _Y, _Z, _Y, _Y, _Y, "sample"),
            Convention("custom", _X, _Z, _MINUS_Y, _X, _Y, _Z, _Z, None),
        )
    }
)
"""Every convention by name; ``custom`` has the values that user-given vectors replace."""


def default_beam_centre(
    name: str,
    size_fast: float,
    size_slow: float,
    pixel: float,
    close: tuple[float, float],
) -> tuple[float, float]:
    """Beam centre (Xbeam, Ybeam) in m when none is given (physics 1.5).

    Parameters
    ----------
    name : str
        Convention.
    size_fast, size_slow, pixel : float
        Detector and pixel size, m.
    close : tuple of float
        ``(Xclose, Yclose)``, m.
    """
    if name in ("mosflm", "denzo"):
        return (size_slow + pixel) / 2.0, (size_fast + pixel) / 2.0
    if name == "adxv":
        return (size_fast + pixel) / 2.0, (size_slow - pixel) / 2.0
    return close


def beam_on_axes(
    name: str, xbeam: float, ybeam: float, size_slow: float, pixel: float
) -> tuple[float, float]:
    """Direct beam along the fast and the slow axis (Fbeam, Sbeam), m (physics 1.5).

    Parameters
    ----------
    name : str
        Convention.
    xbeam, ybeam : float
        Beam centre as the convention counts it, m.
    size_slow, pixel : float
        Detector size along the slow axis and pixel size, m.
    """
    if name == "mosflm":
        return ybeam + 0.5 * pixel, xbeam + 0.5 * pixel
    if name == "denzo":
        return ybeam, xbeam
    if name == "adxv":
        return xbeam, size_slow - ybeam
    return xbeam, ybeam


def beam_of_axes(
    name: str, fbeam: float, sbeam: float, size_slow: float, pixel: float
) -> tuple[float, float]:
    """Beam centre (Xbeam, Ybeam) as the convention counts it, m: undoes `beam_on_axes`."""
    if name == "mosflm":
        return sbeam - 0.5 * pixel, fbeam - 0.5 * pixel
    if name == "denzo":
        return sbeam, fbeam
    if name == "adxv":
        return fbeam, size_slow - sbeam
    return fbeam, sbeam

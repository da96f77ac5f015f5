"""The detector as XDS has it: a plane, and segments of it that stand on their own.

Pixels are counted from 1 at the centre of the first one, lengths in millimetres.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import ConfigError, FileError
from nbcy.base.vectors import Vector, cross, norm, unit
from nbcy.config import Panel
from nbcy.formats.geometry import Geometry

FloatArray = NDArray[np.float64]
PathLike = str | os.PathLike[str]


MOST = 100_000
"""Largest number of segments, and of pixels along an edge."""


class Segment(NamedTuple):
    """A rectangle of the image with a place of its own; x and y are along the detector's axes."""

    x: tuple[int, int]
    y: tuple[int, int]
    org: tuple[float, float]
    distance: float
    axes: tuple[Sequence[float], Sequence[float]]


class Plane(NamedTuple):
    """The detector as XDS has it."""

    pixels: tuple[int, int]
    pixel: tuple[float, float]
    org: tuple[float, float]
    distance: float
    axes: tuple[Sequence[float], Sequence[float]]
    segments: Sequence[Segment]


def as_vector(array: FloatArray) -> Vector:
    """Return three numbers as a vector."""
    x, y, z = array.tolist()
    return x, y, z


def direction(path: PathLike, name: str, values: Sequence[float]) -> Vector:
    """Return a unit vector, of a length that is not 0."""
    if not any(values[:3]):
        raise FileError(path, f"{name} must not have the length 0")
    return as_vector(unit(np.array(values[:3])))


def basis(axes: tuple[Sequence[float], Sequence[float]]) -> FloatArray:
    """Return x, y and their cross product as columns."""
    x, y = (unit(np.array(axis[:3], float)) for axis in axes)
    return np.column_stack((x, y, cross(x, y)))


Edges = tuple[float, float, float, float]
"""Of a rectangle of pixels, x1 x2 y1 y2, which are trusted themselves."""


def place_segments(path: PathLike, plane: Plane, untrusted: Sequence[Edges]) -> tuple[Panel, ...]:
    """Place the segments, or the whole image where there are none."""
    qx, qy = plane.pixel
    if abs(qx - qy) > 1e-9 * qx or not qx > 0.0:
        raise FileError(path, f"pixels must be square, they are {qx:g} x {qy:g} mm")
    detector = basis(plane.axes)
    if not float(norm(detector[:, 2])) > 0.1:
        raise FileError(path, "the axes of the detector must be perpendicular")
    whole = Segment((1, plane.pixels[0]), (1, plane.pixels[1]), (0.0, 0.0), 0.0, IN_PLANE)
    segments = plane.segments or [whole]
    panels = []
    for n, segment in enumerate(segments):
        own = basis(segment.axes)
        first = np.array([segment.x[0], segment.y[0]]) - 0.5  # the corner, not the centre
        local = [*(qx * (first - segment.org)), segment.distance]
        inside = own @ local + np.array([-qx * plane.org[0], -qy * plane.org[1], plane.distance])
        counts = segment.x[1] - segment.x[0] + 1, segment.y[1] - segment.y[0] + 1
        try:
            panels.append(
                Panel(
                    name=f"segment{n + 1}" if len(segments) > 1 else "panel0",
                    origin_mm=detector @ inside,
                    fast_vector=detector @ own[:, 0],
                    slow_vector=detector @ own[:, 1],
                    pixels_fast=counts[0],
                    pixels_slow=counts[1],
                    pixel_mm=qx,
                    masked=_masked(segment, untrusted),
                )
            )
        except ConfigError as error:
            raise FileError(path, f"segment {n + 1}: {error}") from None
    return tuple(panels)


IN_PLANE: Final = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def _masked(segment: Segment, untrusted: Sequence[Edges]) -> list[tuple[int, int, int, int]]:
    """Return the part of untrusted rectangles on a segment."""
    found = []
    for x1, x2, y1, y2 in untrusted:
        f0, f1 = max(math.floor(x1) + 1, segment.x[0]), min(math.ceil(x2) - 1, segment.x[1])
        s0, s1 = max(math.floor(y1) + 1, segment.y[0]), min(math.ceil(y2) - 1, segment.y[1])
        if f0 <= f1 and s0 <= s1:
            dx, dy = segment.x[0], segment.y[0]
            found.append((f0 - dx, f1 - dx, s0 - dy, s1 - dy))
    return found


def plane_of(geometry: Geometry, path: PathLike) -> Plane:
    """Describe panels as segments of an image that holds them one above the other."""
    panels = geometry.panels
    sizes = {panel.pixel_mm for panel in panels}
    if len(sizes) > 1:
        raise FileError(path, f"cannot be written: XDS needs one pixel size, not {sorted(sizes)}")
    pixel = panels[0].pixel_mm
    axes = [(unit(panel.fast_vector), unit(panel.slow_vector)) for panel in panels]
    detector = basis((axes[0][0].tolist(), axes[0][1].tolist()))
    places = [np.linalg.solve(detector, np.array(panel.origin_mm)) for panel in panels]
    org = 0.5 - places[0][0] / pixel, 0.5 - places[0][1] / pixel
    distance = float(places[0][2])
    segments, row = [], 0
    for panel, place, (fast, slow) in zip(panels, places, axes, strict=True):
        own_axes = np.linalg.solve(detector, fast), np.linalg.solve(detector, slow)
        own = basis((own_axes[0].tolist(), own_axes[1].tolist()))
        inside = place + np.array([pixel * org[0], pixel * org[1], -distance])
        x, y, height = np.linalg.solve(own, inside).tolist()
        segments.append(
            Segment(
                x=(1, panel.pixels_fast),
                y=(row + 1, row + panel.pixels_slow),
                org=(0.5 - x / pixel, row + 0.5 - y / pixel),
                distance=height,
                axes=(own_axes[0].tolist(), own_axes[1].tolist()),
            )
        )
        row += panel.pixels_slow
    return Plane(
        pixels=(max(panel.pixels_fast for panel in panels), row),
        pixel=(pixel, pixel),
        org=org,
        distance=distance,
        axes=(axes[0][0].tolist(), axes[0][1].tolist()),
        segments=segments if len(panels) > 1 else (),
    )


def text_of(*values: float) -> str:
    """Write numbers with 15 digits."""
    return " ".join(f"{value + 0.0:.15g}" for value in values)


def wavelength_of(geometry: Geometry, path: PathLike) -> float:
    """Return the wavelength, which there must be."""
    if geometry.wavelength_angstrom is None:
        raise FileError(path, "cannot be written: there is no wavelength")
    return geometry.wavelength_angstrom


def cell_constants(axes: FloatArray) -> list[float]:
    """Return edges and angles (degrees) of a cell."""
    edges = norm(axes)
    cosines = [axes[i] @ axes[j] / (edges[i] * edges[j]) for i, j in ((1, 2), (0, 2), (0, 1))]
    return [*edges.tolist(), *np.degrees(np.arccos(cosines)).tolist()]

"""Refined parameters of XDS: XPARM.XDS and GXPARM.XDS."""

from __future__ import annotations

from typing import Final

import numpy as np

from nbcy.base.errors import FileError
from nbcy.base.files import numbers, read_lines
from nbcy.base.vectors import unit
from nbcy.formats.geometry import Geometry
from nbcy.formats.xds_plane import (
    IN_PLANE,
    MOST,
    PathLike,
    Plane,
    Segment,
    as_vector,
    basis,
    cell_constants,
    direction,
    place_segments,
    plane_of,
    text_of,
    wavelength_of,
)

_XPARM_LINES: Final = (
    (6, "starting frame, starting angle, oscillation range, rotation axis"),
    (4, "wavelength and incident beam"),
    (7, "space group and unit cell"),
    (3, "the cell's a-axis"),
    (3, "the cell's b-axis"),
    (3, "the cell's c-axis"),
    (5, "number of segments, NX, NY, QX, QY"),
    (3, "ORGX, ORGY, detector distance"),
    (3, "the detector's X-axis"),
    (3, "the detector's Y-axis"),
    (3, "the detector's Z-axis"),
)


_OLD_LINES: Final = (
    *_XPARM_LINES[:2],
    (4, "NX, NY, QX, QY"),
    (3, "detector distance, ORGX, ORGY"),
    *_XPARM_LINES[8:11],
    *_XPARM_LINES[2:6],
)
_PLACED: Final = "a segment's place"


def _whole(path: PathLike, value: float, what: str) -> int:
    if not value.is_integer() or not 0 <= value <= MOST:
        raise FileError(path, f"{what} = {value:g}: expected a whole number up to {MOST}")
    return int(value)


def _segment(limits: list[float], frame: list[float]) -> Segment:
    return Segment(
        x=(int(limits[1]), int(limits[2])),
        y=(int(limits[3]), int(limits[4])),
        org=(frame[0], frame[1]),
        distance=frame[2],
        axes=(frame[3:6], frame[6:9]),
    )


def read_xparm(path: PathLike) -> Geometry:
    """Read an ``XPARM.XDS`` or ``GXPARM.XDS``.

    Parameters
    ----------
    path : path-like
        The file. Since 2010 it starts with its own name; before, lines stood in another order and
        there were no segments.

    Raises
    ------
    FileError
        Another format, missing numbers, or pixels that are not square.
    """
    lines = [(row, line) for row, line in enumerate(read_lines(path), 1) if line.strip()]
    if lines and "XPARM.XDS" in lines[0][1].upper():
        table_lines, first = _XPARM_LINES, 1
    elif lines and len(lines[0][1].split()) == _OLD_LINES[0][0]:
        table_lines, first = _OLD_LINES, 0
    else:
        raise FileError(path, "is not an XPARM.XDS: its first line should say so")

    def values(n: int, count: int, what: str) -> list[float]:
        if n >= len(lines):
            raise FileError(path, f"ends before {what}")
        row, line = lines[n]
        found = numbers(path, row, line.split(), what)
        if len(found) < count:
            raise FileError(path, f"expected {what}: {count} numbers", row)
        return found

    table = [values(n, count, what) for n, (count, what) in enumerate(table_lines, first)]
    segments = []
    if first == 0:
        start, wave, size, place, x_axis, y_axis, _, group, a, b, c = table
        size, place = [1.0, *size], [place[1], place[2], place[0]]
    else:
        start, wave, group, a, b, c, size, place, x_axis, y_axis, _ = table
        segments = [
            _segment(values(12 + 2 * n, 5, "a segment's limits"), values(13 + 2 * n, 9, _PLACED))
            for n in range(_whole(path, size[0], "number of segments"))
        ]
    plane = Plane(
        pixels=(_whole(path, size[1], "NX"), _whole(path, size[2], "NY")),
        pixel=(size[3], size[4]),
        org=(place[0], place[1]),
        distance=place[2],
        axes=(x_axis, y_axis),
        segments=segments,
    )
    return Geometry(
        panels=place_segments(path, plane, []),
        beam=direction(path, "incident beam", wave[1:4]),
        wavelength_angstrom=wave[0],
        spindle=direction(path, "rotation axis", start[3:6]),
        phi_deg=start[1],
        osc_deg=start[2],
        axes_angstrom=(as_vector(np.array(a)), as_vector(np.array(b)), as_vector(np.array(c))),
        space_group=str(_whole(path, group[0], "space group")),
    )


def format_xparm(geometry: Geometry, path: PathLike) -> str:
    """Return the text of an ``XPARM.XDS``.

    Parameters
    ----------
    geometry : Geometry
        Written in its own frame.
    path : path-like
        For errors.

    Raises
    ------
    FileError
        There is no wavelength or no oriented crystal, or panels have different pixels.
    """
    wavelength = wavelength_of(geometry, path)
    if geometry.axes_angstrom is None:
        raise FileError(path, "cannot be written: there is no crystal with an orientation")
    plane = plane_of(geometry, path)
    spindle = geometry.config.spindle.axis
    assert spindle is not None
    axes = np.array(geometry.axes_angstrom)
    x, y = plane.axes
    z = basis(plane.axes)[:, 2].tolist()
    pixel = plane.pixel[0]
    whole = Segment((1, plane.pixels[0]), (1, plane.pixels[1]), (0.0, 0.0), 0.0, IN_PLANE)
    segments = plane.segments or (whole,)
    rows = [
        f"1 {text_of(geometry.phi_deg, geometry.osc_deg, *unit(spindle))}",
        text_of(wavelength, *(unit(geometry.beam) / wavelength)),
        f"1 {text_of(*cell_constants(axes))}",
        *(text_of(*axis) for axis in axes),
        f"{len(segments)} {plane.pixels[0]} {plane.pixels[1]} {text_of(pixel, pixel)}",
        text_of(*plane.org, plane.distance),
        *(text_of(*axis) for axis in (x, y, z)),
    ]
    for number, segment in enumerate(segments, 1):
        rows.append(f"{number} {segment.x[0]} {segment.x[1]} {segment.y[0]} {segment.y[1]}")
        rows.append(text_of(*segment.org, segment.distance, *segment.axes[0], *segment.axes[1]))
    return "\n".join([" XPARM.XDS    VERSION nbcy", *(f" {row}" for row in rows)]) + "\n"

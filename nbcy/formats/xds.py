"""XDS: input of the program (XDS.INP) and refined parameters (XPARM.XDS).

Pixels are counted from 1 at the centre of the first one, lengths in millimetres.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import ConfigError, FileError
from nbcy.base.files import numbers, read_lines
from nbcy.base.vectors import Vector, cross, norm, unit
from nbcy.config import Panel
from nbcy.formats.counts import KINDS
from nbcy.formats.frames import is_template
from nbcy.formats.geometry import Geometry
from nbcy.formats.measurement import read_thickness
from nbcy.formats.nxmx import MASTER
from nbcy.formats.smv import SATURATED

FloatArray = NDArray[np.float64]
PathLike = str | os.PathLike[str]

_KEYWORD: Final = re.compile(r"([A-Z][A-Z0-9_'./-]*)\s*=", re.IGNORECASE)
_SEGMENT_KEYS: Final[dict[str, list[float]]] = {
    "DIRECTION_OF_SEGMENT_X-AXIS": [1.0, 0.0, 0.0],
    "DIRECTION_OF_SEGMENT_Y-AXIS": [0.0, 1.0, 0.0],
    "SEGMENT_DISTANCE": [0.0],
    "SEGMENT_ORGX": [0.0],
    "SEGMENT_ORGY": [0.0],
}
"""What follows SEGMENT=, and what holds without it."""
_MICROMETRES: Final = 1000.0


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


# Reading -----------------------------------------------------------------------------------------


class _Input:
    """The keywords of an XDS.INP, each with the line it stands on."""

    def __init__(self, path: PathLike) -> None:
        self.path = path
        self.entries: list[tuple[str, list[str], int]] = []
        for row, line in enumerate(read_lines(path), 1):
            text = line.partition("!")[0]
            found = list(_KEYWORD.finditer(text))
            ends = [*(match.start() for match in found[1:]), len(text)]
            for match, end in zip(found, ends, strict=False):
                self.entries.append((match[1].upper(), text[match.end() : end].split(), row))

    def find(self, key: str, count: int) -> list[float] | None:
        """Return the numbers of the last line with a keyword."""
        for name, words, row in reversed(self.entries):
            if name == key:
                return self._numbers(key, count, words, row)
        return None

    def _numbers(self, key: str, count: int, words: list[str], row: int) -> list[float]:
        what = f"{key}= and {count} number{'s' if count > 1 else ''}"
        values = numbers(self.path, row, words[:count], what)
        if len(values) < count:
            raise FileError(self.path, f"expected {what}", row)
        return values

    def need(self, key: str, count: int = 1) -> list[float]:
        values = self.find(key, count)
        if values is None:
            raise FileError(self.path, f"{key}= is missing")
        return values

    def need_whole(self, key: str) -> int:
        (value,) = self.need(key)
        if not value.is_integer():
            raise FileError(self.path, f"{key}= {value:g}: expected a whole number")
        return int(value)

    def all(self, key: str, count: int) -> list[list[float]]:
        return [
            self._numbers(key, count, words, row)
            for name, words, row in self.entries
            if name == key
        ]

    def segments(self) -> list[Segment]:
        """Return the segments: each takes the keywords that follow it."""
        found: list[Segment] = []
        values: dict[str, list[float]] = {}
        for name, words, row in (*self.entries, ("SEGMENT", [], 0)):
            if name == "SEGMENT":
                if values:
                    found.append(self._segment(values))
                values = {name: self._numbers(name, 4, words, row)} if row else {}
            elif name in _SEGMENT_KEYS and values:
                values[name] = self._numbers(name, len(_SEGMENT_KEYS[name]), words, row)
        return found

    def _segment(self, values: dict[str, list[float]]) -> Segment:
        x1, x2, y1, y2 = (int(value) for value in values["SEGMENT"])
        x_axis, y_axis, (distance,), (orgx,), (orgy,) = (
            values.get(key, default) for key, default in _SEGMENT_KEYS.items()
        )
        return Segment((x1, x2), (y1, y2), (orgx, orgy), distance, (x_axis, y_axis))


def read_inp(path: PathLike) -> Geometry:
    """Read an ``XDS.INP``.

    Parameters
    ----------
    path : path-like
        The file. Keywords that do not say where things are (JOB, DATA_RANGE, ...) are not read.

    Raises
    ------
    FileError
        A keyword of the geometry is missing or has no numbers, or pixels are not square.
    """
    given = _Input(path)
    plane = Plane(
        pixels=(given.need_whole("NX"), given.need_whole("NY")),
        pixel=(given.need("QX")[0], given.need("QY")[0]),
        org=(given.need("ORGX")[0], given.need("ORGY")[0]),
        distance=given.need("DETECTOR_DISTANCE")[0],
        axes=(
            given.need("DIRECTION_OF_DETECTOR_X-AXIS", 3),
            given.need("DIRECTION_OF_DETECTOR_Y-AXIS", 3),
        ),
        segments=given.segments(),
    )
    beam = _direction(path, "INCIDENT_BEAM_DIRECTION", given.need("INCIDENT_BEAM_DIRECTION", 3))
    notes = []
    options: dict[str, Any] = {}
    normal = given.find("POLARIZATION_PLANE_NORMAL", 3)
    if normal is not None:
        options["polarization"] = _vector(unit(cross(np.array(normal), np.array(beam))))
    fraction = given.find("FRACTION_OF_POLARIZATION", 1)
    if fraction is not None:
        options["kahn_factor"] = 2.0 * fraction[0] - 1.0
    width = given.find("OSCILLATION_RANGE", 1)
    images = given.find("DATA_RANGE", 2)
    if images is not None:
        options["images"] = max(1, int(images[1] - images[0]) + 1)
    thickness, mu = given.find("SENSOR_THICKNESS", 1), given.find("SILICON", 1)
    if thickness is not None and read_thickness(thickness[0] / 1000.0) > 0.0:
        if mu is not None and mu[0] > 0.0:
            options["thickness_um"] = _MICROMETRES * thickness[0]
            options["attenuation_depth_um"] = _MICROMETRES / mu[0]
        else:
            notes.append("SENSOR_THICKNESS= is not taken over: SILICON= is not given")
    axes = [given.find(f"UNIT_CELL_{name}-AXIS", 3) for name in "ABC"]
    cell = given.find("UNIT_CELL_CONSTANTS", 6)
    group = given.find("SPACE_GROUP_NUMBER", 1)
    if all(axis is not None for axis in axes):
        options["axes_angstrom"] = tuple(_vector(np.array(axis)) for axis in axes)
    elif cell is not None and group is not None and group[0] >= 1:  # 0: XDS finds the cell
        options["cell_angstrom_deg"] = tuple(cell)
    if group is not None and group[0] >= 1:
        options["space_group"] = str(int(group[0]))
    return Geometry(
        panels=_panels(path, plane, list(_untrusted(given, plane.pixels[1]))),
        beam=beam,
        wavelength_angstrom=given.need("X-RAY_WAVELENGTH")[0],
        spindle=_direction(path, "ROTATION_AXIS", given.need("ROTATION_AXIS", 3)),
        phi_deg=(given.find("STARTING_ANGLE", 1) or [0.0])[0],
        osc_deg=width[0] if width is not None else 0.0,
        notes=tuple(notes),
        **options,
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


def read_xparm(path: PathLike) -> Geometry:
    """Read an ``XPARM.XDS`` or ``GXPARM.XDS``.

    Parameters
    ----------
    path : path-like
        The file, of a version of XDS from 2010 or later, which starts with its own name.

    Raises
    ------
    FileError
        Another format, missing numbers, or pixels that are not square.
    """
    lines = [(row, line) for row, line in enumerate(read_lines(path), 1) if line.strip()]
    if not lines or "XPARM.XDS" not in lines[0][1].upper():
        raise FileError(path, "is not an XPARM.XDS: its first line should say so")

    def values(n: int, count: int, what: str) -> list[float]:
        if n >= len(lines):
            raise FileError(path, f"ends before {what}")
        row, line = lines[n]
        found = numbers(path, row, line.split(), what)
        if len(found) < count:
            raise FileError(path, f"expected {what}: {count} numbers", row)
        return found

    table = [values(n, count, what) for n, (count, what) in enumerate(_XPARM_LINES, 1)]
    start, wave, group, a, b, c, size, place, x_axis, y_axis, _ = table
    segments = []
    for n in range(int(size[0])):
        limits = values(12 + 2 * n, 5, "a segment's limits")
        frame = values(13 + 2 * n, 9, "a segment's place")
        segments.append(
            Segment(
                x=(int(limits[1]), int(limits[2])),
                y=(int(limits[3]), int(limits[4])),
                org=(frame[0], frame[1]),
                distance=frame[2],
                axes=(frame[3:6], frame[6:9]),
            )
        )
    plane = Plane(
        pixels=(int(size[1]), int(size[2])),
        pixel=(size[3], size[4]),
        org=(place[0], place[1]),
        distance=place[2],
        axes=(x_axis, y_axis),
        segments=segments,
    )
    return Geometry(
        panels=_panels(path, plane, []),
        beam=_direction(path, "incident beam", wave[1:4]),
        wavelength_angstrom=wave[0],
        spindle=_direction(path, "rotation axis", start[3:6]),
        phi_deg=start[1],
        osc_deg=start[2],
        axes_angstrom=(_vector(np.array(a)), _vector(np.array(b)), _vector(np.array(c))),
        space_group=str(int(group[0])),
    )


def _vector(array: FloatArray) -> Vector:
    x, y, z = array.tolist()
    return x, y, z


def _direction(path: PathLike, name: str, values: Sequence[float]) -> Vector:
    if not any(values[:3]):
        raise FileError(path, f"{name} must not have the length 0")
    return _vector(unit(np.array(values[:3])))


def _basis(axes: tuple[Sequence[float], Sequence[float]]) -> FloatArray:
    """Return x, y and their cross product as columns."""
    x, y = (unit(np.array(axis[:3], float)) for axis in axes)
    return np.column_stack((x, y, cross(x, y)))


Edges = tuple[float, float, float, float]
"""Of a rectangle of pixels, x1 x2 y1 y2, which are trusted themselves."""


def _untrusted(given: _Input, rows: int) -> Iterator[Edges]:
    """Yield untrusted areas, those that are no rectangles row by row."""
    for x1, x2, y1, y2 in given.all("UNTRUSTED_RECTANGLE", 4):
        yield x1, x2, y1, y2
    for x1, x2, y1, y2 in given.all("UNTRUSTED_ELLIPSE", 4):
        for y in _rows_between(y1, y2, rows):
            height = (2.0 * y - y1 - y2) / (y2 - y1)
            half = 0.5 * abs(x2 - x1) * math.sqrt(1.0 - height * height)
            yield 0.5 * (x1 + x2) - half, 0.5 * (x1 + x2) + half, y - 1, y + 1
    for values in given.all("UNTRUSTED_QUADRILATERAL", 8):
        points = list(zip(values[::2], values[1::2], strict=True))
        sides = list(zip(points, points[1:] + points[:1], strict=True))
        for y in _rows_between(min(values[1::2]), max(values[1::2]), rows):
            # A corner on the row belongs to the side below it alone: crossings come in pairs.
            crossed = sorted(
                xa + (y - ya) * (xb - xa) / (yb - ya)
                for (xa, ya), (xb, yb) in sides
                if (ya < y) != (yb < y)
            )
            for left, right in zip(crossed[::2], crossed[1::2], strict=True):
                yield left, right, y - 1, y + 1


def _rows_between(y1: float, y2: float, rows: int) -> range:
    """Return the rows of the image, from 1, that lie between two edges."""
    low, high = sorted((y1, y2))
    return range(max(math.floor(low) + 1, 1), min(math.ceil(high) - 1, rows) + 1)


def _panels(path: PathLike, plane: Plane, untrusted: Sequence[Edges]) -> tuple[Panel, ...]:
    """Place the segments, or the whole image where there are none."""
    qx, qy = plane.pixel
    if abs(qx - qy) > 1e-9 * qx or not qx > 0.0:
        raise FileError(path, f"pixels must be square, they are {qx:g} x {qy:g} mm")
    detector = _basis(plane.axes)
    if not float(norm(detector[:, 2])) > 0.1:
        raise FileError(path, "the axes of the detector must be perpendicular")
    whole = Segment((1, plane.pixels[0]), (1, plane.pixels[1]), (0.0, 0.0), 0.0, _IN_PLANE)
    segments = plane.segments or [whole]
    panels = []
    for n, segment in enumerate(segments):
        own = _basis(segment.axes)
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


_IN_PLANE: Final = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


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


# Writing -----------------------------------------------------------------------------------------


def _plane(geometry: Geometry, path: PathLike) -> Plane:
    """Describe panels as segments of an image that holds them one above the other."""
    panels = geometry.panels
    sizes = {panel.pixel_mm for panel in panels}
    if len(sizes) > 1:
        raise FileError(path, f"cannot be written: XDS needs one pixel size, not {sorted(sizes)}")
    pixel = panels[0].pixel_mm
    axes = [(unit(panel.fast_vector), unit(panel.slow_vector)) for panel in panels]
    detector = _basis((axes[0][0].tolist(), axes[0][1].tolist()))
    places = [np.linalg.solve(detector, np.array(panel.origin_mm)) for panel in panels]
    org = 0.5 - places[0][0] / pixel, 0.5 - places[0][1] / pixel
    distance = float(places[0][2])
    segments, row = [], 0
    for panel, place, (fast, slow) in zip(panels, places, axes, strict=True):
        own_axes = np.linalg.solve(detector, fast), np.linalg.solve(detector, slow)
        own = _basis((own_axes[0].tolist(), own_axes[1].tolist()))
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


def _words(*values: float) -> str:
    return " ".join(f"{value + 0.0:.15g}" for value in values)


_PIXELS: Final = {
    ".cbf": ("PILATUS", 0, KINDS["int32"].trusted),
    ".img": ("ADSC", 1, SATURATED - 1),
    ".smv": ("ADSC", 1, SATURATED - 1),
    ".h5": ("EIGER", 0, KINDS["int32"].trusted),
}
"""Detector, smallest and largest valid pixel of a format that XDS reads."""


def _frames(files: Sequence[str], path: PathLike) -> list[str]:
    """Name the first of the files that XDS reads, as seen from the folder of the XDS.INP."""
    template, suffix, remarks = "image_?????.cbf", ".cbf", ["! give the name of the images"]
    for name in files:
        here = os.path.relpath(name, os.path.dirname(path) or ".")
        ending = os.path.splitext(here)[1].lower()
        if here.endswith(MASTER):
            template = here.removesuffix(MASTER) + "_??????.h5"
            suffix, remarks = (
                ending,
                ["! LIB= durin-plugin.so, with its folder: XDS needs it for HDF5"],
            )
        elif is_template(here) and ending in _PIXELS:
            template, suffix, remarks = here.replace("#", "?"), ending, []
        else:
            continue
        break
    detector, least, most = _PIXELS[suffix]
    return [
        *remarks,
        f"NAME_TEMPLATE_OF_DATA_FRAMES= {template}",
        f"DETECTOR= {detector} MINIMUM_VALID_PIXEL_VALUE= {least} OVERLOAD= {most}",
    ]


def format_inp(geometry: Geometry, path: PathLike) -> str:
    """Return the text of an ``XDS.INP``.

    Parameters
    ----------
    geometry : Geometry
        Written in its own frame.
    path : path-like
        For errors.

    Raises
    ------
    FileError
        There is no wavelength, or panels have different pixels.
    """
    wavelength = _wavelength(geometry, path)
    plane = _plane(geometry, path)
    config = geometry.config
    polarization, spindle = config.beam.polarization_vector, config.spindle.axis
    assert polarization is not None
    assert spindle is not None
    beam = unit(geometry.beam)
    normal = unit(cross(beam, unit(polarization)))
    lines = [
        "! written by nbcy",
        "JOB= XYCORR INIT COLSPOT IDXREF DEFPIX INTEGRATE CORRECT",
        *_frames(geometry.files, path),
        f"DATA_RANGE= 1 {geometry.images}",
        "",
        f"NX= {plane.pixels[0]} NY= {plane.pixels[1]}",
        f"QX= {_words(plane.pixel[0])} QY= {_words(plane.pixel[1])}",
        f"ORGX= {_words(plane.org[0])} ORGY= {_words(plane.org[1])}",
        f"DETECTOR_DISTANCE= {_words(plane.distance)}",
        f"DIRECTION_OF_DETECTOR_X-AXIS= {_words(*plane.axes[0])}",
        f"DIRECTION_OF_DETECTOR_Y-AXIS= {_words(*plane.axes[1])}",
        "",
        f"X-RAY_WAVELENGTH= {_words(wavelength)}",
        f"INCIDENT_BEAM_DIRECTION= {_words(*beam)}",
        f"FRACTION_OF_POLARIZATION= {_words(((geometry.kahn_factor or 0.0) + 1.0) / 2.0)}",
        f"POLARIZATION_PLANE_NORMAL= {_words(*normal)}",
        f"ROTATION_AXIS= {_words(*unit(spindle))}",
        f"STARTING_ANGLE= {_words(geometry.phi_deg)}",
        f"OSCILLATION_RANGE= {_words(geometry.osc_deg)}",
    ]
    if geometry.thickness_um and geometry.attenuation_depth_um:
        lines += [
            f"SENSOR_THICKNESS= {_words(geometry.thickness_um / _MICROMETRES)} "
            f"SILICON= {_words(_MICROMETRES / geometry.attenuation_depth_um)}"
        ]
    if geometry.axes_angstrom is not None:
        constants = _words(*_constants(np.array(geometry.axes_angstrom)))
        lines += ["", "SPACE_GROUP_NUMBER= 1", f"UNIT_CELL_CONSTANTS= {constants}"]
        lines += [
            f"UNIT_CELL_{name}-AXIS= {_words(*axis)}"
            for name, axis in zip("ABC", geometry.axes_angstrom, strict=True)
        ]
    lines.append("")
    row = 0
    for panel in geometry.panels:
        lines += [
            f"UNTRUSTED_RECTANGLE= {f0} {f1 + 2} {row + s0} {row + s1 + 2}"
            for f0, f1, s0, s1 in panel.masked
        ]
        row += panel.pixels_slow
    for segment in plane.segments:
        lines += [
            "",
            f"SEGMENT= {segment.x[0]} {segment.x[1]} {segment.y[0]} {segment.y[1]}",
            f"DIRECTION_OF_SEGMENT_X-AXIS= {_words(*segment.axes[0])}",
            f"DIRECTION_OF_SEGMENT_Y-AXIS= {_words(*segment.axes[1])}",
            f"SEGMENT_DISTANCE= {_words(segment.distance)}",
            f"SEGMENT_ORGX= {_words(segment.org[0])} SEGMENT_ORGY= {_words(segment.org[1])}",
        ]
    return "\n".join(lines) + "\n"


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
    wavelength = _wavelength(geometry, path)
    if geometry.axes_angstrom is None:
        raise FileError(path, "cannot be written: there is no crystal with an orientation")
    plane = _plane(geometry, path)
    spindle = geometry.config.spindle.axis
    assert spindle is not None
    axes = np.array(geometry.axes_angstrom)
    x, y = plane.axes
    z = _basis(plane.axes)[:, 2].tolist()
    pixel = plane.pixel[0]
    whole = Segment((1, plane.pixels[0]), (1, plane.pixels[1]), (0.0, 0.0), 0.0, _IN_PLANE)
    segments = plane.segments or (whole,)
    rows = [
        f"1 {_words(geometry.phi_deg, geometry.osc_deg, *unit(spindle))}",
        _words(wavelength, *(unit(geometry.beam) / wavelength)),
        f"1 {_words(*_constants(axes))}",
        *(_words(*axis) for axis in axes),
        f"{len(segments)} {plane.pixels[0]} {plane.pixels[1]} {_words(pixel, pixel)}",
        _words(*plane.org, plane.distance),
        *(_words(*axis) for axis in (x, y, z)),
    ]
    for number, segment in enumerate(segments, 1):
        rows.append(f"{number} {segment.x[0]} {segment.x[1]} {segment.y[0]} {segment.y[1]}")
        rows.append(_words(*segment.org, segment.distance, *segment.axes[0], *segment.axes[1]))
    return "\n".join([" XPARM.XDS    VERSION nbcy", *(f" {row}" for row in rows)]) + "\n"


def _wavelength(geometry: Geometry, path: PathLike) -> float:
    if geometry.wavelength_angstrom is None:
        raise FileError(path, "cannot be written: there is no wavelength")
    return geometry.wavelength_angstrom


def _constants(axes: FloatArray) -> list[float]:
    """Return edges and angles (degrees) of a cell."""
    edges = norm(axes)
    cosines = [axes[i] @ axes[j] / (edges[i] * edges[j]) for i, j in ((1, 2), (0, 2), (0, 1))]
    return [*edges.tolist(), *np.degrees(np.arccos(cosines)).tolist()]

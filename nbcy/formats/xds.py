"""Input of XDS: XDS.INP."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from nbcy.base.errors import FileError
from nbcy.base.files import numbers, read_lines
from nbcy.base.vectors import cross, unit
from nbcy.formats.counts import KINDS, SMV_SATURATED
from nbcy.formats.frame import is_template
from nbcy.formats.geometry import Geometry
from nbcy.formats.measurement import read_thickness
from nbcy.formats.nxmx_names import MASTER
from nbcy.formats.xds_plane import (
    MOST,
    Edges,
    PathLike,
    Plane,
    Segment,
    as_vector,
    cell_constants,
    direction,
    place_segments,
    plane_of,
    text_of,
    wavelength_of,
)

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
        if not 1 <= value <= MOST:
            raise FileError(self.path, f"{key}= {value:g}: expected 1 to {MOST}")
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
    beam = direction(path, "INCIDENT_BEAM_DIRECTION", given.need("INCIDENT_BEAM_DIRECTION", 3))
    notes = []
    options: dict[str, Any] = {}
    normal = given.find("POLARIZATION_PLANE_NORMAL", 3)
    if normal is not None:
        options["polarization"] = as_vector(unit(cross(np.array(normal), np.array(beam))))
    fraction = given.find("FRACTION_OF_POLARIZATION", 1)
    if fraction is not None:
        options["kahn_factor"] = 2.0 * fraction[0] - 1.0
    width = given.find("OSCILLATION_RANGE", 1)
    images = given.find("DATA_RANGE", 2)
    start = (given.find("STARTING_ANGLE", 1) or [0.0])[0]
    frame = given.find("STARTING_FRAME", 1)
    if images is not None and frame is not None and width is not None:
        # The angle is that of STARTING_FRAME, which is the first image unless it is given.
        start += (images[0] - frame[0]) * width[0]
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
        options["axes_angstrom"] = tuple(as_vector(np.array(axis)) for axis in axes)
    elif cell is not None and group is not None and group[0] >= 1:  # 0: XDS finds the cell
        options["cell_angstrom_deg"] = tuple(cell)
    if group is not None and group[0] >= 1:
        options["space_group"] = str(int(group[0]))
    return Geometry(
        panels=place_segments(path, plane, list(_untrusted(given, plane.pixels[1]))),
        beam=beam,
        wavelength_angstrom=given.need("X-RAY_WAVELENGTH")[0],
        spindle=direction(path, "ROTATION_AXIS", given.need("ROTATION_AXIS", 3)),
        phi_deg=start,
        osc_deg=width[0] if width is not None else 0.0,
        notes=tuple(notes),
        **options,
    )


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


_PIXELS: Final = {
    ".cbf": ("PILATUS", 0, KINDS["int32"].trusted),
    ".img": ("ADSC", 1, SMV_SATURATED - 1),
    ".smv": ("ADSC", 1, SMV_SATURATED - 1),
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
    wavelength = wavelength_of(geometry, path)
    plane = plane_of(geometry, path)
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
        f"QX= {text_of(plane.pixel[0])} QY= {text_of(plane.pixel[1])}",
        f"ORGX= {text_of(plane.org[0])} ORGY= {text_of(plane.org[1])}",
        f"DETECTOR_DISTANCE= {text_of(plane.distance)}",
        f"DIRECTION_OF_DETECTOR_X-AXIS= {text_of(*plane.axes[0])}",
        f"DIRECTION_OF_DETECTOR_Y-AXIS= {text_of(*plane.axes[1])}",
        "",
        f"X-RAY_WAVELENGTH= {text_of(wavelength)}",
        f"INCIDENT_BEAM_DIRECTION= {text_of(*beam)}",
        f"FRACTION_OF_POLARIZATION= {text_of(((geometry.kahn_factor or 0.0) + 1.0) / 2.0)}",
        f"POLARIZATION_PLANE_NORMAL= {text_of(*normal)}",
        f"ROTATION_AXIS= {text_of(*unit(spindle))}",
        f"STARTING_ANGLE= {text_of(geometry.phi_deg)}",
        f"OSCILLATION_RANGE= {text_of(geometry.osc_deg)}",
    ]
    if geometry.thickness_um and geometry.attenuation_depth_um:
        lines += [
            f"SENSOR_THICKNESS= {text_of(geometry.thickness_um / _MICROMETRES)} "
            f"SILICON= {text_of(_MICROMETRES / geometry.attenuation_depth_um)}"
        ]
    if geometry.axes_angstrom is not None:
        constants = text_of(*cell_constants(np.array(geometry.axes_angstrom)))
        lines += ["", "SPACE_GROUP_NUMBER= 1", f"UNIT_CELL_CONSTANTS= {constants}"]
        lines += [
            f"UNIT_CELL_{name}-AXIS= {text_of(*axis)}"
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
            f"DIRECTION_OF_SEGMENT_X-AXIS= {text_of(*segment.axes[0])}",
            f"DIRECTION_OF_SEGMENT_Y-AXIS= {text_of(*segment.axes[1])}",
            f"SEGMENT_DISTANCE= {text_of(segment.distance)}",
            f"SEGMENT_ORGX= {text_of(segment.org[0])} SEGMENT_ORGY= {text_of(segment.org[1])}",
        ]
    return "\n".join(lines) + "\n"

"""CrystFEL geometry files (docs/detectors.md).

The frame has z along the beam and y upwards; lengths are in pixels but for clen and coffset.
"""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.constants import EV_ANGSTROM
from nbcy.base.errors import ConfigError, FileError
from nbcy.base.files import read_lines
from nbcy.base.vectors import cross, unit
from nbcy.config import Panel
from nbcy.formats.geometry import Geometry, rectangles

FloatArray = NDArray[np.float64]
PathLike = str | os.PathLike[str]

_PLACING: Final = (
    *("fs", "ss", "corner_x", "corner_y", "coffset", "clen", "res"),
    *("min_fs", "max_fs", "min_ss", "max_ss", "no_index", "mask_edge_pixels"),
)
_BAD: Final = (
    *("min_fs", "max_fs", "min_ss", "max_ss", "min_x", "max_x", "min_y", "max_y"),
    "panel",
)
_BEAM: Final = ("photon_energy", "wavelength", "detector_shift_x", "detector_shift_y")
_OF_THE_DATA: Final = re.compile(
    r"data|dim\d+|adu_per_(eV|photon)|max_adu|badrow_direction|peak_list(_type)?|bandwidth"
    r"|photon_energy_(bandwidth|scale)|beam_bandwidth|peak_info_location|integr_radius"
    r"|saturation_map(_file)?|peak_sep|flag_(less|more)than|flag_equal|rail_[xyz]|clen_for_centering"
    r"|adu_scale|location|(rigid_)?group_.*|electron_voltage"
)
_MASKS: Final = re.compile(r"mask(_file|_good|_bad)?|mask\d_(data|file|goodbits|badbits)")

_NUMBER: Final = r"[+-]?\s*(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_TERM: Final = re.compile(rf"\s*({_NUMBER}|[+-]?)\s*\*?\s*([xyz])")
_ROUNDED: Final = 1e-3
"""How far from 1 a written direction may be: what six digits and hand edits leave."""

_REFINED: Final = 0.02
"""How far apart lengths of fs and ss may be that a refinement left; they are made equal."""

_SKEWED: Final = math.sin(math.radians(1.0))
"""Largest cosine between fs and ss that a refinement leaves; they are made perpendicular."""

_MISSPELT: Final = 0.8
"""How alike an unknown parameter is to a known one that was meant."""

_PLACE: Final = re.compile(r"[A-Za-z/%][^\s=]*")
"""Names a field of the data, which CrystFEL reads for each image."""

_MOST: Final = 20_000
"""Pixels along the edge of a panel, so that regions of it can be drawn."""

_METRES: Final = {"": 1.0, "m": 1.0, "mm": 1e-3}
_ELECTRONVOLTS: Final = {
    **{"": 1.0, "eV": 1.0, "keV": 1e3, "MeV": 1e6},
    **{"V": 1.0, "kV": 1e3, "MV": 1e6},
}
_ANGSTROMS: Final = {"m": 1e10, "A": 1.0}

Values = dict[str, tuple[str, int]]


def read_geom(path: PathLike) -> Geometry:
    """Read a geometry file.

    Parameters
    ----------
    path : path-like
        The file.

    Raises
    ------
    FileError
        No panels, misspelt parameters, values that are no numbers, pixels that are not square.
    """
    notes: list[str] = []
    moved: dict[str, float] = {}
    common, panels, bad = _parse(path, notes)
    if not panels:
        raise FileError(path, "has no panels: expected lines such as p0/min_fs = 0")
    shift = [_shift(path, common, f"detector_shift_{axis}", notes) for axis in "xy"]
    if any(_MASKS.fullmatch(name) for name in common):
        notes.append("its mask files are not read: only bad regions are masked")
    wavelength = _wavelength(path, common)
    if wavelength is None:
        notes.append("it gives no wavelength: set beam.energy or beam.wavelength")
    placed, origins = [], {}
    camera = {name: value for name, value in common.items() if name == "clen"}  # wherever it stands
    for name, values in panels.items():
        panel, origins[name] = _panel(path, name, camera | values, shift, moved, notes)
        placed.append(panel)
    regions = [_region(path, name, values, origins) for name, values in bad.items()]
    if moved:
        text = "made so, which moves pixels by up to"
        notes.append(
            f"fs and ss of {len(moved)} panels are not perpendicular and of length 1: they are "
            f"{text} {1e6 * max(moved.values()):.3g} µm"
        )
    open_ones = [_camera_length(path, camera | values) is None for values in panels.values()]
    if any(open_ones):
        if not all(open_ones):
            raise FileError(path, "gives clen for some of its panels alone: give it for all")
        notes.append("it gives no camera length (clen): give the distance")
    placed = [
        panel.replace(masked=(*panel.masked, *_masked(panel, origins, regions))) for panel in placed
    ]
    return Geometry(
        panels=tuple(placed),
        beam=(0.0, 0.0, 1.0),
        wavelength_angstrom=wavelength,
        polarization=(1.0, 0.0, 0.0),
        distance_open=any(open_ones),
        notes=tuple(dict.fromkeys(notes)),
    )


# Reading -----------------------------------------------------------------------------------------


def _parse(path: PathLike, notes: list[str]) -> tuple[Values, dict[str, Values], dict[str, Values]]:
    """Sort the lines into common values, panels and bad regions.

    A common value holds for the panels that are first mentioned below it.
    """
    common: Values = {}
    panels: dict[str, Values] = {}
    bad: dict[str, Values] = {}
    for row, line in enumerate(read_lines(path), 1):
        text = line.partition(";")[0].strip()
        if not text:
            continue
        left, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not left or not value:
            raise FileError(path, f"{text!r} is not of the form 'parameter = value'", row)
        owner, slash, name = left.rpartition("/")
        if not slash:
            if _is_used(path, name, (*_PLACING, *_BEAM), row, notes):
                common[name] = value, row
        elif owner.startswith("bad"):
            if _is_used(path, name, _BAD, row, notes):
                bad.setdefault(owner, {})[name] = value, row
        else:
            used = _is_used(path, name, _PLACING, row, notes)
            if owner not in panels:
                panels[owner] = {k: v for k, v in common.items() if k in _PLACING}
            if used:
                panels[owner][name] = value, row
    return common, panels, bad


def _is_used(path: PathLike, name: str, known: tuple[str, ...], row: int, notes: list[str]) -> bool:
    """Whether a parameter places anything; the others are passed over as CrystFEL does.

    One that is unknown and nearly known was meant to be known, which CrystFEL would not see.
    """
    if name in known or _MASKS.fullmatch(name):
        return True
    if not _OF_THE_DATA.fullmatch(name):
        near = difflib.get_close_matches(name, known, n=1, cutoff=_MISSPELT)
        if near:
            reason = f"{name} is not a parameter of a geometry file; did you mean {near[0]}?"
            raise FileError(path, reason, row)
        notes.append(f"{name} is no parameter of today's CrystFEL, and ignored")
    return False


def _number(path: PathLike, values: Values, name: str, owner: str = "") -> float:
    if name not in values:
        raise FileError(path, f"{f'{owner}/' if owner else ''}{name} is missing")
    text, row = values[name]
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise FileError(path, f"{name} = {text}: expected a number", row)
    return number


def _with_unit(path: PathLike, values: Values, name: str, units: dict[str, float]) -> float:
    """Read a number with an optional unit; the empty unit is the default one."""
    text, row = values[name]
    match = re.fullmatch(rf"({_NUMBER})\s*([A-Za-z]*)", text)
    if match is None or match[2] not in units:
        allowed = ", ".join(key for key in units if key)
        raise FileError(path, f"{name} = {text}: expected a number and one of {allowed}", row)
    return _number(path, {name: (match[1].replace(" ", ""), row)}, name) * units[match[2]]


def _is_elsewhere(values: Values, name: str, units: dict[str, float]) -> bool:
    """Whether a value is missing, or the name of a field of the data, perhaps with its unit."""
    if name not in values:
        return True
    word, _, unit_name = values[name][0].partition(" ")
    return _PLACE.fullmatch(word) is not None and unit_name.strip() in {*units, ""}


def _length(path: PathLike, values: Values, name: str) -> float:
    """Return a length in m, 0 where there is none."""
    return _with_unit(path, values, name, _METRES) if name in values else 0.0


def _shift(path: PathLike, values: Values, name: str, notes: list[str]) -> float:
    """Return a shift of the whole detector, m; 0 where the data have it."""
    if name not in values:
        return 0.0
    if _is_elsewhere(values, name, _METRES):
        notes.append(f"{name} stands in the data, and is taken as 0")
        return 0.0
    return _length(path, values, name)


def _camera_length(path: PathLike, values: Values) -> float | None:
    """Return the camera length of a panel, m, None where it is missing or stands in the data."""
    return None if _is_elsewhere(values, "clen", _METRES) else _length(path, values, "clen")


def _wavelength(path: PathLike, common: Values) -> float | None:
    """Return the wavelength in Angstrom, None where it stands in other files."""
    for name, units in (("wavelength", _ANGSTROMS), ("photon_energy", _ELECTRONVOLTS)):
        if _is_elsewhere(common, name, units):
            continue
        value = _with_unit(path, common, name, units)
        if not value > 0.0:
            text, row = common[name]
            raise FileError(path, f"{name} = {text}: must be positive", row)
        return value if name == "wavelength" else EV_ANGSTROM / value
    return None


def _square(
    path: PathLike, name: str, given: list[FloatArray], pixel: float, row: int
) -> tuple[FloatArray, FloatArray, float]:
    """Return unit vectors along fs and ss, perpendicular if nearly so, and the pixel's edge, m.

    CrystFEL takes the vectors as they are; refined ones are not quite square.
    """
    lengths = [float(np.linalg.norm(vector)) for vector in given]
    if not min(lengths) > 0.0 or abs(lengths[0] - lengths[1]) > _REFINED * max(lengths):
        sizes = " x ".join(f"{1e6 * pixel * length:g}" for length in lengths)
        raise FileError(path, f"{name}: pixels must be square, they are {sizes} µm", row)
    mean = sum(lengths) / 2.0
    if abs(mean - 1.0) > _REFINED:
        pixel *= mean
    fast, slow = unit(given[0]), unit(given[1])
    skew = float(fast @ slow)
    if _ROUNDED < abs(skew) <= _SKEWED:
        slow = unit(slow - skew * fast)
    return fast, slow, pixel


def _direction(path: PathLike, values: Values, name: str, owner: str) -> FloatArray:
    """Read a vector such as ``-0.0057x +0.9999y``."""
    if name not in values:
        raise FileError(path, f"{owner}/{name} is missing")
    text, row = values[name]
    vector, at = np.zeros(3), 0
    while at < len(text):
        term = _TERM.match(text, at)
        if term is None:
            reason = f"{owner}/{name} = {text}: expected a vector such as -0.0057x +0.9999y"
            raise FileError(path, reason, row)
        sign = term[1].replace(" ", "")
        vector["xyz".index(term[2])] += float(sign + "1" if sign in ("", "+", "-") else sign)
        at = term.end()
    return vector


def _panel(
    path: PathLike,
    name: str,
    values: Values,
    shift: list[float],
    moved: dict[str, float],
    notes: list[str],
) -> tuple[Panel, tuple[int, int]]:
    """Return a panel, and where in the data it starts (fast, slow)."""
    resolution = _number(path, values, "res", name)
    if not resolution > 0.0:
        raise FileError(path, f"{name}/res = {resolution:g}: must be positive", values["res"][1])
    given = [_direction(path, values, axis, name) for axis in ("fs", "ss")]
    fast, slow, pixel = _square(path, name, given, 1.0 / resolution, values["fs"][1])
    row = values["fs"][1]
    whole: dict[str, int] = {}
    for key in ("min_fs", "max_fs", "min_ss", "max_ss"):
        number = _number(path, values, key, name)
        if number != int(number) or number < 0:
            raise FileError(path, f"{name}/{key} = {number:g}: expected a whole number", row)
        whole[key] = int(number)
    counts = [whole[f"max_{axis}"] - whole[f"min_{axis}"] + 1 for axis in ("fs", "ss")]
    if min(counts) < 1:
        raise FileError(path, f"{name} has no pixels: a maximum is below its minimum", row)
    if max(counts) > _MOST:
        raise FileError(path, f"{name} has more than {_MOST} pixels along an edge", row)
    if pixel != 1.0 / resolution:
        scale = f"{pixel * resolution:.6g}: pixels are {1e6 * pixel:.6g} µm"
        notes.append(f"fs and ss have the length {scale}, not the 1/res of {1e6 / resolution:g} µm")
    far = counts[0] * (pixel * fast - given[0] / resolution)
    far = far + counts[1] * (pixel * slow - given[1] / resolution)
    if float(np.linalg.norm(far)) > _ROUNDED * pixel * max(counts):
        moved[name] = float(np.linalg.norm(far))
    height = (_camera_length(path, values) or 0.0) + _length(path, values, "coffset")
    corner = [
        _number(path, values, f"corner_{axis}", name) / resolution + step
        for axis, step in zip("xy", shift, strict=True)
    ]
    masked: list[tuple[int, int, int, int]] = []
    if values.get("no_index", ("0", 0))[0].lower() not in ("0", "false"):
        masked.append((0, counts[0] - 1, 0, counts[1] - 1))
    elif "mask_edge_pixels" in values:
        edge = int(_number(path, values, "mask_edge_pixels", name))
        masked += _edges(counts[0], counts[1], edge)
    try:
        panel = Panel(
            name=name,
            origin_m=(*corner, height),
            fast_vector=fast,
            slow_vector=slow,
            pixels_fast=counts[0],
            pixels_slow=counts[1],
            pixel_m=pixel,
            masked=masked,
        )
    except ConfigError as error:
        raise FileError(path, f"{name}: {error}", row) from None
    return panel, (whole["min_fs"], whole["min_ss"])


def _edges(fast: int, slow: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    if width > 0:
        w = min(width, fast, slow)
        yield 0, fast - 1, 0, w - 1
        yield 0, fast - 1, slow - w, slow - 1
        yield 0, w - 1, 0, slow - 1
        yield fast - w, fast - 1, 0, slow - 1


Region = tuple[str | None, tuple[float, float, float, float]]


def _region(
    path: PathLike, name: str, values: Values, panels: dict[str, tuple[int, int]]
) -> Region:
    """Return the panel of a bad region, None for all, "" for one in x and y, and its limits."""
    pixels = [key for key in values if key.endswith(("fs", "ss"))]
    lab = [key for key in values if key.endswith(("_x", "_y"))]
    if bool(pixels) == bool(lab):
        raise FileError(path, f"{name}: expected limits either in fs and ss or in x and y")
    axes = ("fs", "ss") if pixels else ("x", "y")
    low_0, high_0, low_1, high_1 = (
        _number(path, values, f"{end}_{axis}", name) for axis in axes for end in ("min", "max")
    )
    owner, row = values.get("panel", ("", 0))
    if owner and owner not in panels:
        raise FileError(path, f"{name}/panel = {owner}: there is no such panel", row or None)
    # Without a panel the limits are those of the data, and hold for every panel that lies there.
    return (owner or None) if pixels else "", (low_0, high_0, low_1, high_1)


def _masked(
    panel: Panel, starts: dict[str, tuple[int, int]], regions: list[Region]
) -> Iterator[tuple[int, int, int, int]]:
    """Yield the rectangles of a panel that bad regions cover."""
    fast, slow = panel.pixels_fast, panel.pixels_slow
    assert panel.name is not None
    start = starts[panel.name]
    for owner, (low_0, high_0, low_1, high_1) in regions:
        if owner in (panel.name, None):
            f = max(math.ceil(low_0) - start[0], 0), min(math.floor(high_0) - start[0], fast - 1)
            s = max(math.ceil(low_1) - start[1], 0), min(math.floor(high_1) - start[1], slow - 1)
            if f[0] <= f[1] and s[0] <= s[1]:
                yield (*f, *s)
        elif not owner:
            yield from rectangles(_between(panel, (low_0, high_0), (low_1, high_1)))


def _between(panel: Panel, xs: tuple[float, float], ys: tuple[float, float]) -> NDArray[np.bool_]:
    """Tell which pixels have their centre between limits in pixels of the lab."""
    fast = np.arange(panel.pixels_fast) + 0.5
    slow = (np.arange(panel.pixels_slow) + 0.5)[:, np.newaxis]
    inside = np.ones((panel.pixels_slow, panel.pixels_fast), dtype=bool)
    for axis, (low, high) in enumerate((xs, ys)):
        start = panel.origin_mm[axis] / panel.pixel_mm
        place = start + fast * panel.fast_vector[axis] + slow * panel.slow_vector[axis]
        inside &= (place >= low) & (place <= high)
    return inside


# Writing -----------------------------------------------------------------------------------------


def format_geom(geometry: Geometry, path: PathLike) -> str:
    """Return the text of a geometry file; the data hold the panels one above the other.

    Parameters
    ----------
    geometry : Geometry
        Turned so that the beam runs along z, and the polarization lies along x where the beam did
        not run along z before.
    path : path-like
        For errors.
    """
    del path
    turn = _to_crystfel(geometry)
    origins = [turn @ np.array(panel.origin_mm) for panel in geometry.panels]
    clen = float(origins[0][2]) / 1000.0
    lines = ["; written by nbcy", ""]
    if geometry.wavelength_angstrom is not None:
        lines.append(f"photon_energy = {EV_ANGSTROM / geometry.wavelength_angstrom!r}")
    lines += [f"clen = {clen!r}", "adu_per_photon = 1", ""]
    lines += ["data = /entry/data/data", "dim0 = %", "dim1 = ss", "dim2 = fs", ""]
    row = 0
    names = _names(geometry)
    for name, panel, origin in zip(names, geometry.panels, origins, strict=True):
        x, y, z = origin.tolist()
        values = {
            "min_fs": 0,
            "max_fs": panel.pixels_fast - 1,
            "min_ss": row,
            "max_ss": row + panel.pixels_slow - 1,
            "res": 1000.0 / panel.pixel_mm,
            "fs": _terms(turn @ unit(panel.fast_vector)),
            "ss": _terms(turn @ unit(panel.slow_vector)),
            "corner_x": x / panel.pixel_mm,
            "corner_y": y / panel.pixel_mm,
            "coffset": z / 1000.0 - clen,
        }
        lines += [f"{name}/{key} = {value}" for key, value in values.items()]
        for number, (f0, f1, s0, s1) in enumerate(panel.masked):
            region = {"panel": name, "min_fs": f0, "max_fs": f1, "min_ss": row + s0}
            region["max_ss"] = row + s1
            lines += [f"bad_{name}_{number}/{key} = {value}" for key, value in region.items()]
        lines.append("")
        row += panel.pixels_slow
    if len(names) > 1:
        lines.append(f"group_all = {','.join(names)}")
    return "\n".join(lines) + "\n"


def _names(geometry: Geometry) -> list[str]:
    """Return names that CrystFEL takes: words that do not look like regions or groups."""
    words = [re.sub(r"\W+", "_", panel.name or "").strip("_") for panel in geometry.panels]
    reserved = ("bad", "group", "rigid_group")
    if len({*words, ""}) <= len(words) or any(word.startswith(reserved) for word in words):
        return [f"p{n}" for n in range(len(words))]
    return words


def _to_crystfel(geometry: Geometry) -> FloatArray:
    ahead = unit(geometry.beam)
    if np.allclose(ahead, (0.0, 0.0, 1.0), rtol=0.0, atol=1e-12):
        return np.eye(3)
    across = geometry.config.beam.polarization_vector
    assert across is not None
    up = unit(cross(ahead, np.array(across)))
    return np.array([cross(up, ahead), up, ahead])


def _terms(vector: FloatArray) -> str:
    """Write a vector without exponents, which other readers do not take."""
    return " ".join(f"{x:+.17f}{axis}" for x, axis in zip(vector.tolist(), "xyz", strict=True))

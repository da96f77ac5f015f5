"""DIALS experiment lists: JSON (docs/detectors.md)."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import FileError
from nbcy.base.files import blaming, read_bytes
from nbcy.base.vectors import Vector, cross, rotate, unit
from nbcy.config import Panel
from nbcy.formats.geometry import Geometry
from nbcy.formats.measurement import across, read_thickness

FloatArray = NDArray[np.float64]
PathLike = str | os.PathLike[str]

_LARGEST: Final = 1e300
_EYE: Final = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def read_expt(path: PathLike, experiment: int | None = None) -> Geometry:
    """Read one experiment.

    Everything stays in the frame of the file, whatever that is.

    Parameters
    ----------
    path : path-like
        The file.
    experiment : int, optional
        Which one of the list, from 0; the first, with a note where there are more.

    Raises
    ------
    FileError
        Not such a file, models that are missing, pixels that are not square.
    """
    try:
        data = json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise FileError(path, f"is not JSON: {error}", getattr(error, "lineno", None)) from None
    with blaming(path, "experiment list"):
        return _read(path, data, experiment)


def _read(path: PathLike, data: Any, asked: int | None) -> Geometry:
    number = asked or 0
    if not isinstance(data, Mapping) or not data.get("experiment"):
        raise FileError(path, "is not an experiment list of DIALS: it has no experiment")
    experiments = _list(data, "experiment")
    if not 0 <= number < len(experiments):
        raise FileError(path, f"has {len(experiments)} experiments, there is no number {number}")
    experiment = _object(experiments[number], "experiment")

    def model(name: str) -> Mapping[str, Any] | None:
        index = experiment.get(name)
        if index is None:
            return None
        models = _list(data, name)
        if index not in range(len(models)):
            raise ValueError(f"there is no {name} number {index!r}")
        return _object(models[index], name)

    notes = []
    if len(experiments) > 1 and asked is None:
        notes.append(
            f"holds {len(experiments)} experiments, 0 to {len(experiments) - 1}: number 0 is read "
            "(--experiment N takes another)"
        )
    notes += _unread_masks(data, experiment)
    beam, detector = model("beam"), model("detector")
    if beam is None or detector is None:
        raise FileError(path, "has no beam or no detector model")
    if "wavelength" not in beam:
        raise FileError(path, "needs a beam of one wavelength")
    travel = -_numbers(beam, "direction", 3)
    # DIALS gives the direction across the plane in which the field swings.
    normal = _numbers(beam, "polarization_normal", 3, (0.0, 1.0, 0.0))
    fraction = _number(beam, "polarization_fraction", 0.5)
    panels = [_object(panel, "panel") for panel in _list(detector, "panels")]
    if not panels:
        raise FileError(path, "has a detector without panels")
    frames = dict(_frames(detector.get("hierarchy"), len(panels)))
    if not frames.keys() >= set(range(len(panels))):
        raise ValueError(f"the hierarchy does not hold all of the {len(panels)} panels")
    names = [name for panel in panels if isinstance(name := panel.get("name"), str) and name]
    if len(set(names)) < len(panels):  # many detectors have 72 called "Panel"
        names = [f"panel{n}" for n in range(len(panels))]
    placed = tuple(
        _panel(path, name, panel, frames[n])
        for n, (name, panel) in enumerate(zip(names, panels, strict=True))
    )
    thickness, mu = (_number(panels[0], name, 0.0) for name in ("thickness", "mu"))
    if any((p.get("thickness", 0.0), p.get("mu", 0.0)) != (thickness, mu) for p in panels):
        thickness = 0.0
        notes.append("the sensors of its panels differ: no sensor thickness is taken over")
    if thickness > 0.0 and not mu > 0.0:
        notes.append("its sensor thickness is not taken over: mu is not given")
    sensor = read_thickness(thickness / 1000.0) > 0.0 and mu > 0.0
    axis, setting, fixed = _goniometer(model("goniometer"))
    start, width, images = _scan(model("scan"))
    crystal = model("crystal")
    axes: tuple[Vector, Vector, Vector] | None = None
    if crystal is not None:
        if crystal.get("A_at_scan_points"):
            notes.append("its crystal varies over the scan: the static one is taken")
        real = np.array([_numbers(crystal, f"real_space_{name}", 3) for name in "abc"])
        a, b, c = (_vector(row) for row in real @ (setting @ fixed).T)
        axes = (a, b, c)
    return Geometry(
        panels=placed,
        beam=_vector(unit(travel)),
        wavelength_angstrom=_number(beam, "wavelength"),
        polarization=_vector(unit(cross(normal, travel))),
        kahn_factor=2.0 * fraction - 1.0,
        spindle=None if axis is None else _vector(unit(setting @ axis)),
        phi_deg=start,
        osc_deg=width,
        images=images,
        axes_angstrom=axes,
        space_group="" if crystal is None else str(crystal.get("space_group_hall_symbol", "")),
        thickness_um=1000.0 * thickness if sensor else None,
        attenuation_depth_um=1000.0 / mu if sensor else None,
        notes=tuple(notes),
    )


def _unread_masks(data: Mapping[str, Any], experiment: Mapping[str, Any]) -> list[str]:
    """Say which mask file of the images is not read."""
    sets, index = data.get("imageset"), experiment.get("imageset")
    if not isinstance(sets, list) or not isinstance(index, int) or not 0 <= index < len(sets):
        return []
    mask = sets[index].get("mask") if isinstance(sets[index], Mapping) else None
    return [f"its mask file {mask} is not read: only masked rectangles are"] if mask else []


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be an object, not {_short(value)}")
    return value


def _list(model: Mapping[str, Any], name: str) -> list[Any]:
    value = model[name]
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list, not {_short(value)}")
    return value


def _numbers(
    model: Mapping[str, Any], name: str, count: int, default: Sequence[float] | None = None
) -> FloatArray:
    """Return so many numbers that stand under a name."""
    value = model[name] if default is None else model.get(name, default)
    if not isinstance(value, list | tuple) or len(value) != count:
        raise ValueError(f"{name} must be a list of {count} numbers, not {_short(value)}")
    return np.array([_finite(x, name) for x in value])


def _number(model: Mapping[str, Any], name: str, default: float | None = None) -> float:
    return _finite(model[name] if default is None else model.get(name, default), name)


def _finite(value: Any, name: str) -> float:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if not (numeric and abs(value) <= _LARGEST):
        raise ValueError(f"{name}: {_short(value)} is not a finite number")
    return float(value)


def _whole(value: float, name: str) -> int:
    if not value.is_integer():
        raise ValueError(f"{name}: {value:g} is not a whole number")
    return int(value)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _vector(values: FloatArray) -> Vector:
    x, y, z = values.tolist()
    return x, y, z


def _frame(model: Mapping[str, Any]) -> FloatArray:
    """Return origin, fast, slow and normal of a panel or a group as the columns of 3 x 4."""
    fast, slow = (unit(_numbers(model, name, 3)) for name in ("fast_axis", "slow_axis"))
    return np.column_stack((_numbers(model, "origin", 3), fast, slow, cross(fast, slow)))


def _inside(outer: FloatArray, inner: FloatArray) -> FloatArray:
    """Return in the lab what is given in the frame of a group."""
    lab = outer[:, 1:] @ inner
    lab[:, 0] += outer[:, 0]
    return lab


def _frames(
    group: Any, count: int, outer: FloatArray | None = None
) -> Iterator[tuple[int, FloatArray]]:
    """Yield the frame that the panels of a group stand in."""
    here = np.column_stack((np.zeros(3), np.eye(3))) if outer is None else outer
    if group is None:
        yield from ((n, here) for n in range(count))
        return
    here = _inside(here, _frame(_object(group, "hierarchy")))
    for child in group.get("children", ()):
        if "panel" in child:
            yield _whole(_number(child, "panel"), "panel"), here
        else:
            yield from _frames(child, count, here)


def _panel(path: PathLike, name: str, panel: Mapping[str, Any], outer: FloatArray) -> Panel:
    first, second = _numbers(panel, "pixel_size", 2).tolist()
    if not math.isclose(first, second, rel_tol=1e-9):
        raise FileError(path, f"{name}: pixels must be square, they are {first:g} x {second:g} mm")
    frame = _inside(outer, _frame(panel))
    fast, slow = (_whole(x, "image_size") for x in _numbers(panel, "image_size", 2).tolist())
    masked = []
    for rectangle in panel.get("mask") or ():
        found = _numbers({"mask": rectangle}, "mask", 4).tolist()
        f0, s0, f1, s1 = (_whole(x, "mask") for x in found)
        masked.append((f0, f1 - 1, s0, s1 - 1))
    return Panel(
        name=name,
        origin_mm=frame[:, 0],
        fast_vector=frame[:, 1],
        slow_vector=frame[:, 2],
        pixels_fast=fast,
        pixels_slow=slow,
        pixel_mm=first,
        masked=masked,
    )


def _goniometer(
    model: Mapping[str, Any] | None,
) -> tuple[FloatArray | None, FloatArray, FloatArray]:
    """Return the axis that turns, the rotations outside of it and those inside of it."""
    if model is None:
        return None, np.eye(3), np.eye(3)
    if "axes" not in model:
        setting, fixed = (
            _numbers(model, name, 9, _EYE).reshape(3, 3)
            for name in ("setting_rotation", "fixed_rotation")
        )
        return _numbers(model, "rotation_axis", 3), setting, fixed
    axes = [unit(_numbers({"axes": axis}, "axes", 3)) for axis in _list(model, "axes")]
    angles = _numbers(model, "angles", len(axes)).tolist()
    turning = _whole(_number(model, "scan_axis"), "scan_axis")
    if turning not in range(len(axes)):
        raise ValueError(f"there is no axis number {turning} (scan_axis)")

    def turned(numbers: range) -> FloatArray:
        matrix = np.eye(3)  # the first axis carries the crystal, the last one all the others
        for n in numbers:
            matrix = rotate(matrix.T, axes[n], math.radians(angles[n])).T
        return matrix

    return axes[turning], turned(range(turning + 1, len(axes))), turned(range(turning))


def _scan(model: Mapping[str, Any] | None) -> tuple[float, float, int]:
    """Return start and width of the first image in degrees, and the number of images."""
    if model is None:
        return 0.0, 0.0, 1
    first, last = (_whole(x, "image_range") for x in _numbers(model, "image_range", 2).tolist())
    images = last - first + 1
    if "oscillation" in model:
        start, width = _numbers(model, "oscillation", 2).tolist()
        return start, width, images
    properties = _object(model.get("properties", {}), "properties")
    starts, widths = (
        [_finite(x, name) for x in properties.get(name) or ()]
        for name in ("oscillation", "oscillation_width")
    )
    if not starts:
        return 0.0, 0.0, images
    if not widths:
        widths = [b - a for a, b in pairwise(starts)] or [0.0]
    return starts[0], widths[0], images


def format_expt(geometry: Geometry, path: PathLike) -> str:
    """Return the text of an experiment list.

    Parameters
    ----------
    geometry : Geometry
        Turned into the frame in which DIALS sees our NXmx files: the beam along -z, the electric
        field along x.
    path : path-like
        For errors.

    Raises
    ------
    FileError
        There is no wavelength.
    """
    if geometry.wavelength_angstrom is None:
        raise FileError(path, "cannot be written: there is no wavelength")
    geometry = geometry.turned(_to_dials(geometry))
    beam = unit(geometry.beam)
    config = geometry.config
    polarization, spindle = config.beam.polarization_vector, config.spindle.axis
    assert polarization is not None
    assert spindle is not None
    experiment = {"__id__": "Experiment", "identifier": "", "beam": 0, "detector": 0}
    data: dict[str, Any] = {"__id__": "ExperimentList", "experiment": [experiment]}
    data["imageset"] = []
    data["beam"] = [
        {
            "direction": _plain(-beam),
            "wavelength": geometry.wavelength_angstrom,
            "divergence": 0.0,
            "sigma_divergence": 0.0,
            "polarization_normal": _plain(unit(cross(beam, unit(polarization)))),
            "polarization_fraction": ((geometry.kahn_factor or 0.0) + 1.0) / 2.0,
            "flux": 0.0,
            "transmission": 1.0,
        }
    ]
    data["detector"] = [
        {"panels": [_panel_model(geometry, n) for n in range(len(geometry.panels))]}
    ]
    if geometry.spindle is not None:
        experiment["goniometer"] = 0
        data["goniometer"] = [
            {
                "rotation_axis": _plain(unit(spindle)),
                "fixed_rotation": list(_EYE),
                "setting_rotation": list(_EYE),
            }
        ]
    if geometry.osc_deg:
        experiment["scan"] = 0
        data["scan"] = [
            {
                "image_range": [1, geometry.images],
                "batch_offset": 0,
                "oscillation": [geometry.phi_deg, geometry.osc_deg],
                "exposure_time": [0.0] * geometry.images,
                "epochs": [0.0] * geometry.images,
                "valid_image_ranges": {},
            }
        ]
    if geometry.axes_angstrom is not None:
        experiment["crystal"] = 0
        data["crystal"] = [_crystal_model(geometry, np.array(geometry.axes_angstrom))]
    return json.dumps(data, indent=2) + "\n"


def _panel_model(geometry: Geometry, n: int) -> dict[str, Any]:
    panel, depth = geometry.panels[n], geometry.attenuation_depth_um
    name = panel.name or f"panel{n}"
    return {
        "name": name,
        "type": "SENSOR_PAD",
        "fast_axis": _plain(unit(panel.fast_vector)),
        "slow_axis": _plain(unit(panel.slow_vector)),
        "origin": list(panel.origin_mm),
        "raw_image_offset": [0, 0],
        "image_size": [panel.pixels_fast, panel.pixels_slow],
        "pixel_size": [panel.pixel_mm, panel.pixel_mm],
        "trusted_range": [0.0, 2.0**31],
        "thickness": (geometry.thickness_um or 0.0) / 1000.0,
        "material": "",
        "mu": 1000.0 / depth if depth else 0.0,
        "identifier": name,
        "mask": [[f0, s0, f1 + 1, s1 + 1] for f0, f1, s0, s1 in panel.masked],
        "gain": 1.0,
        "pedestal": 0.0,
        "px_mm_strategy": {"type": "SimplePxMmStrategy"},
    }


def _crystal_model(geometry: Geometry, axes: FloatArray) -> dict[str, Any]:
    if not geometry.osc_deg and geometry.spindle is not None:
        # Without a scan nothing says how far the spindle has turned.
        axes = rotate(axes, unit(geometry.spindle), math.radians(geometry.phi_deg))
    return {
        "__id__": "crystal",
        **{f"real_space_{name}": _plain(row) for name, row in zip("abc", axes, strict=True)},
        "space_group_hall_symbol": " P 1",
    }


def _to_dials(geometry: Geometry) -> FloatArray:
    """Return what turns vectors into the frame of DIALS."""
    polarization = geometry.config.beam.polarization_vector
    assert polarization is not None
    ahead = unit(geometry.beam)
    x = across(np.array(polarization), ahead)
    return np.array([x, -cross(ahead, x), -ahead])


def _plain(vector: FloatArray) -> list[float]:
    return [float(value) for value in vector]

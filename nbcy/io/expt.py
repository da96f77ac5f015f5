"""DIALS experiment lists: JSON (formats, .expt)."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.config import Panel
from nbcy.conventions import Vector
from nbcy.errors import ConfigError, FileError
from nbcy.geometry import Geometry
from nbcy.io.files import read_bytes
from nbcy.io.measurement import read_thickness
from nbcy.vectors import cross, rotate, unit

FloatArray = NDArray[np.float64]
PathLike = str | os.PathLike[str]

_EYE: Final = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def read_expt(path: PathLike, number: int = 0) -> Geometry:
    """Read one experiment.

    Everything stays in the frame of the file, whatever that is.

    Parameters
    ----------
    path : path-like
        The file.
    number : int
        Which experiment of the list.

    Raises
    ------
    FileError
        Not such a file, models that are missing, pixels that are not square.
    """
    try:
        data = json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise FileError(path, f"is not JSON: {error}", getattr(error, "lineno", None)) from None
    try:
        return _read(path, data, number)
    except FileError:
        raise
    except ConfigError as error:
        raise FileError(path, str(error)) from None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise FileError(path, f"is not a complete experiment list: {what}") from None


def _read(path: PathLike, data: Any, number: int) -> Geometry:
    if not isinstance(data, Mapping) or not data.get("experiment"):
        raise FileError(path, "is not an experiment list of DIALS: it has no experiment")
    experiments = data["experiment"]
    if not 0 <= number < len(experiments):
        raise FileError(path, f"has {len(experiments)} experiments, there is no number {number}")
    experiment = experiments[number]

    def model(name: str) -> Mapping[str, Any] | None:
        index = experiment.get(name)
        if index is None:
            return None
        found: Mapping[str, Any] = data[name][index]
        return found

    notes = []
    if len(experiments) > 1:
        notes.append(f"holds {len(experiments)} experiments: number {number} is read")
    beam, detector = model("beam"), model("detector")
    if beam is None or detector is None:
        raise FileError(path, "has no beam or no detector model")
    if "wavelength" not in beam:
        raise FileError(path, "needs a beam of one wavelength")
    travel = -np.array(beam["direction"], float)
    # DIALS gives the direction across the plane in which the field swings.
    normal = np.array(beam.get("polarization_normal", (0.0, 1.0, 0.0)), float)
    fraction = float(beam.get("polarization_fraction", 0.5))
    panels = detector["panels"]
    if not panels:
        raise FileError(path, "has a detector without panels")
    frames = dict(_frames(detector.get("hierarchy"), len(panels)))
    names = [panel.get("name") for panel in panels]
    if not all(names) or len(set(names)) < len(names):  # many detectors have 72 called "Panel"
        names = [f"panel{n}" for n in range(len(panels))]
    placed = tuple(
        _panel(path, name, panel, frames[n])
        for n, (name, panel) in enumerate(zip(names, panels, strict=True))
    )
    thickness, mu = (float(panels[0].get(name, 0.0)) for name in ("thickness", "mu"))
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
        real = np.array([crystal[f"real_space_{name}"] for name in "abc"], float)
        a, b, c = (_vector(row) for row in real @ (setting @ fixed).T)
        axes = (a, b, c)
    return Geometry(
        panels=placed,
        beam=_vector(unit(travel)),
        wavelength_angstrom=float(beam["wavelength"]),
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


def _vector(values: Sequence[float] | FloatArray) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _frame(model: Mapping[str, Any]) -> FloatArray:
    """Return origin, fast, slow and normal of a panel or a group as the columns of 3 x 4."""
    fast, slow = (unit(np.array(model[name], float)) for name in ("fast_axis", "slow_axis"))
    return np.column_stack((np.array(model["origin"], float), fast, slow, cross(fast, slow)))


def _inside(outer: FloatArray, inner: FloatArray) -> FloatArray:
    """Return in the lab what is given in the frame of a group."""
    lab = outer[:, 1:] @ inner
    lab[:, 0] += outer[:, 0]
    return lab


def _frames(
    group: Mapping[str, Any] | None, count: int, outer: FloatArray | None = None
) -> Iterator[tuple[int, FloatArray]]:
    """Yield the frame that the panels of a group stand in."""
    here = np.column_stack((np.zeros(3), np.eye(3))) if outer is None else outer
    if group is None:
        yield from ((n, here) for n in range(count))
        return
    here = _inside(here, _frame(group))
    for child in group.get("children", ()):
        if "panel" in child:
            yield int(child["panel"]), here
        else:
            yield from _frames(child, count, here)


def _panel(path: PathLike, name: str, panel: Mapping[str, Any], outer: FloatArray) -> Panel:
    first, second = (float(size) for size in panel["pixel_size"])
    if not math.isclose(first, second, rel_tol=1e-9):
        raise FileError(path, f"{name}: pixels must be square, they are {first:g} x {second:g} mm")
    frame = _inside(outer, _frame(panel))
    fast, slow = panel["image_size"]
    masked = [(f0, f1 - 1, s0, s1 - 1) for f0, s0, f1, s1 in panel.get("mask") or ()]
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
            np.array(model.get(name, _EYE), float).reshape(3, 3)
            for name in ("setting_rotation", "fixed_rotation")
        )
        return np.array(model["rotation_axis"], float), setting, fixed
    axes = [unit(np.array(axis, float)) for axis in model["axes"]]
    turning = int(model["scan_axis"])

    def turned(numbers: range) -> FloatArray:
        matrix = np.eye(3)  # the first axis carries the crystal, the last one all the others
        for n in numbers:
            matrix = rotate(matrix.T, axes[n], math.radians(model["angles"][n])).T
        return matrix

    return axes[turning], turned(range(turning + 1, len(axes))), turned(range(turning))


def _scan(model: Mapping[str, Any] | None) -> tuple[float, float, int]:
    """Return start and width of the first image in degrees, and the number of images."""
    if model is None:
        return 0.0, 0.0, 1
    first, last = model["image_range"]
    images = int(last) - int(first) + 1
    if "oscillation" in model:
        start, width = model["oscillation"]
        return float(start), float(width), images
    properties = model.get("properties", {})
    starts = properties.get("oscillation")
    if not starts:
        return 0.0, 0.0, images
    widths = properties.get("oscillation_width")
    if widths:
        return float(starts[0]), float(widths[0]), images
    return float(starts[0]), float(starts[1] - starts[0]) if len(starts) > 1 else 0.0, images


def format_expt(geometry: Geometry, path: PathLike) -> str:
    """Return the text of an experiment list.

    Parameters
    ----------
    geometry : Geometry
        Written in its own frame.
    path : path-like
        For errors.

    Raises
    ------
    FileError
        There is no wavelength.
    """
    if geometry.wavelength_angstrom is None:
        raise FileError(path, "cannot be written: there is no wavelength")
    beam = unit(geometry.beam)
    config = geometry.config
    polarization, spindle = config.beam.polarization_vector, config.spindle.axis
    assert polarization is not None
    assert spindle is not None
    thickness = geometry.thickness_um or 0.0
    depth = geometry.attenuation_depth_um
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
        {
            "panels": [
                {
                    "name": panel.name or f"panel{n}",
                    "type": "SENSOR_PAD",
                    "fast_axis": _plain(unit(panel.fast_vector)),
                    "slow_axis": _plain(unit(panel.slow_vector)),
                    "origin": list(panel.origin_mm),
                    "raw_image_offset": [0, 0],
                    "image_size": [panel.pixels_fast, panel.pixels_slow],
                    "pixel_size": [panel.pixel_mm, panel.pixel_mm],
                    "trusted_range": [0.0, 2.0**31],
                    "thickness": thickness / 1000.0,
                    "material": "",
                    "mu": 1000.0 / depth if depth else 0.0,
                    "identifier": panel.name or f"panel{n}",
                    "mask": [[f0, s0, f1 + 1, s1 + 1] for f0, f1, s0, s1 in panel.masked],
                    "gain": 1.0,
                    "pedestal": 0.0,
                    "px_mm_strategy": {"type": "SimplePxMmStrategy"},
                }
                for n, panel in enumerate(geometry.panels)
            ],
        }
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
        axes = np.array(geometry.axes_angstrom)
        if not geometry.osc_deg and geometry.spindle is not None:
            # Without a scan nothing says how far the spindle has turned.
            axes = rotate(axes, unit(geometry.spindle), math.radians(geometry.phi_deg))
        data["crystal"] = [
            {
                "__id__": "crystal",
                **{
                    f"real_space_{name}": _plain(row) for name, row in zip("abc", axes, strict=True)
                },
                "space_group_hall_symbol": " P 1",
            }
        ]
    return json.dumps(data, indent=2) + "\n"


def _plain(vector: FloatArray) -> list[float]:
    return [float(value) for value in vector]

"""What an NXmx file says about detector, beam and sample.

The frame of NeXus has z along the beam and y up.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.cell import dual
from nbcy.base.constants import EV_ANGSTROM, RTD
from nbcy.base.panel import PlacedPanel, facing
from nbcy.base.vectors import cross, norm, rotate, unit
from nbcy.formats.measurement import Measurement, as_vector, changed, read_thickness
from nbcy.formats.nxmx_fields import (
    Axis,
    angles,
    carried,
    chain,
    classes,
    first,
    groups,
    length,
    member,
    number,
    numbers,
    read_axis,
    seconds,
    text,
    unit_of,
    wavelengths,
    whole_numbers,
)
from nbcy.formats.nxmx_names import PROVENANCE, PROVENANCE_OF_FRAME

FloatArray = NDArray[np.float64]

_JITTER: Final = 1e-2
"""How far frames may start beside a steady rotation, as a part of a frame."""

_STEADY: Final = 1e-6
"""rad; below this a start is that of a steady rotation."""


@dataclass(frozen=True)
class Module:
    """Where the pixels of a panel are in a picture, last (slow, fast)."""

    panel: PlacedPanel
    origin: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Told:
    """What a file says.

    Attributes
    ----------
    modules : tuple of Module
    measurement : Measurement
        Of the first frame.
    phis : ndarray, shape (n,), or None
        Spindle angle where each frame starts, rad, if that is no steady rotation.
    wavelengths : ndarray, shape (n,), or None
        Of each frame, m.
    cells : ndarray, shape (n, 3, 3), or None
        Rows a, b, c of each frame, m.
    provenances : tuple of dict
        What differs from that of the first frame.
    frames : int
        As many as there are starts of frames.
    notes : tuple of str
    """

    modules: tuple[Module, ...]
    measurement: Measurement
    phis: FloatArray | None
    wavelengths: FloatArray | None
    cells: FloatArray | None
    provenances: tuple[Mapping[str, Any], ...]
    frames: int
    notes: tuple[str, ...]

    def at(self, n: int, measurement: Measurement) -> Measurement:
        """Return what is said about one frame, from what is said about the first."""
        found = measurement.at(n)
        if self.phis is not None and n < len(self.phis):
            found = replace(found, phi=float(self.phis[n]))
        if self.wavelengths is not None and n < len(self.wavelengths):
            found = replace(found, wavelength=float(self.wavelengths[n]))
        if self.cells is not None and n < len(self.cells):
            found = replace(found, cell=as_vector(self.cells[n]))
        if n < len(self.provenances):
            differing = self.provenances[n]
            found = replace(found, provenance=changed(measurement.provenance, differing))
        return found


def read_told(entry: Any, shape: tuple[int, ...] | None) -> Told:
    """Read what a file says besides its pixels.

    Parameters
    ----------
    entry : h5py.Group
    shape : tuple of int or None
        Of a picture, (slow, fast) last, where it is known.

    Raises
    ------
    KeyError, TypeError, ValueError
        Something is missing, or cannot be.
    """
    file = entry.file
    notes: list[str] = []
    instrument = (classes(entry, "NXinstrument") or [member(entry, "instrument")])[0]
    if instrument is None:
        raise ValueError("there is no NXinstrument")
    detectors = classes(instrument, "NXdetector") or [member(instrument, "detector")]
    detector = next((d for d in detectors if d is not None and _modules_of(d)), detectors[0])
    if detector is None:
        raise ValueError("there is no NXdetector")
    modules = _read_modules(file, detector, shape, notes)
    sample = (classes(entry, "NXsample") or [member(entry, "sample")])[0]
    rotation = _read_rotation(file, sample, notes)
    waves, bandwidth, stokes, flux = _read_beam(entry, instrument, detector, sample, notes)
    cells = _read_cells(sample, rotation.inner)
    provenance, provenances = _read_provenance(entry)
    count_time = first(detector, "count_time", "frame_time")
    thickness = first(detector, "sensor_thickness")
    measurement = Measurement(
        panels=tuple(module.panel for module in modules),
        beam=as_vector([0.0, 0.0, 1.0]),
        wavelength=float(waves[0]),
        bandwidth=bandwidth,
        polarization=as_vector([-1.0, 0.0, 0.0]),
        kahn_factor=stokes,
        spindle=rotation.spindle,
        phi=float(rotation.starts[0]) if rotation.starts.size else 0.0,
        osc=rotation.osc,
        exposure=None if count_time is None else seconds(count_time),
        flux=flux,
        thickness=0.0 if thickness is None else read_thickness(length(thickness, notes)),
        cell=None if cells is None else as_vector(cells[0]),
        provenance=provenance,
    ).check()
    frames = max(rotation.starts.size, len(waves), 1)
    return Told(
        modules=modules,
        measurement=measurement,
        phis=rotation.starts if rotation.unsteady else None,
        wavelengths=waves if len(waves) > 1 else None,
        cells=cells if cells is not None and len(cells) > 1 else None,
        provenances=provenances,
        frames=frames,
        notes=tuple(dict.fromkeys(notes)),
    )


# Detector ----------------------------------------------------------------------------------------


def _modules_of(detector: Any) -> list[Any]:
    found = classes(detector, "NXdetector_module")
    return found or [g for g in groups(detector) if "fast_pixel_direction" in g]


def _read_modules(
    file: Any, detector: Any, shape: tuple[int, ...] | None, notes: list[str]
) -> tuple[Module, ...]:
    groups_of_modules = _modules_of(detector)
    if not groups_of_modules:
        return (Module(_head_on(detector, shape, notes), (0, 0)),)
    names = [group.name for group in groups_of_modules]
    origins = [
        whole_numbers(group["data_origin"]) if "data_origin" in group else [0, 0]
        for group in groups_of_modules
    ]
    sizes = [_size_of(group, shape) for group in groups_of_modules]
    if shape is not None:
        origins, sizes = _fit(origins, sizes, shape)
    order = sorted(range(len(names)), key=lambda n: origins[n])
    return tuple(
        Module(
            _read_panel(file, groups_of_modules[n], sizes[n][-2], sizes[n][-1], notes),
            tuple(origins[n]),
        )
        for n in order
    )


def _size_of(module: Any, shape: tuple[int, ...] | None) -> list[int]:
    if "data_size" in module:
        return whole_numbers(module["data_size"])
    if shape is None:
        raise ValueError(f"{module.name}/data_size is missing")
    return list(shape[-2:])


def _fit(
    origins: list[list[int]], sizes: list[list[int]], shape: tuple[int, ...]
) -> tuple[list[list[int]], list[list[int]]]:
    """Take (fast, slow) for (slow, fast) where modules lie on the picture only so.

    Old Dectris and DLS files have them so.
    """

    def inside(turned: bool) -> bool:
        ways = (-1, -2) if turned else (-2, -1)
        return all(
            origin[way] >= 0 and size[way] > 0 and origin[way] + size[way] <= extent
            for origin, size in zip(origins, sizes, strict=True)
            for way, extent in zip(ways, shape[-2:], strict=True)
        )

    if inside(False) or not inside(True):
        return origins, sizes
    return (
        [[*each[:-2], each[-1], each[-2]] for each in origins],
        [[*each[:-2], each[-1], each[-2]] for each in sizes],
    )


def _read_panel(file: Any, module: Any, rows: int, columns: int, notes: list[str]) -> PlacedPanel:
    axes = []
    for name in ("fast_pixel_direction", "slow_pixel_direction"):
        if name not in module:
            raise ValueError(f"{module.name}/{name} is missing")
        axes.append(read_axis(module[name], notes))
    sizes = [float(axis.values[0]) for axis in axes]
    if not abs(sizes[0] - sizes[1]) <= 1e-6 * sizes[0]:
        raise ValueError(f"{module.name} has pixels of {sizes[0]:g} x {sizes[1]:g} m, not square")
    vectors = [
        carried(chain(file, axis.above, module, notes), axis.direction, False) for axis in axes
    ]
    below = chain(file, axes[0].above, module, notes)
    offset = member(module, "module_offset")
    if offset is not None and offset.name not in [axis.name for axis in below]:
        below = chain(file, offset.name, module, notes)
    origin = carried(below, axes[0].offset, True)
    name = module.name.rpartition("/")[2]
    return _panel(origin, vectors[0], vectors[1], sizes[0], (rows, columns), name)


def _head_on(detector: Any, shape: tuple[int, ...] | None, notes: list[str]) -> PlacedPanel:
    """Place a detector without modules square to the beam, by distance and beam centre."""
    distance = first(detector, "detector_distance", "distance")
    centres = [first(detector, f"beam_center_{axis}") for axis in "xy"]
    pixels = [first(detector, f"{axis}_pixel_size") for axis in "xy"]
    named = ("detector_distance", "beam_center_x", "beam_center_y", "x_pixel_size", "y_pixel_size")
    lacking = [
        name
        for name, item in zip(named, (distance, *centres, *pixels), strict=True)
        if item is None
    ]
    if lacking:
        raise ValueError(f"it has no NXdetector_module, nor {', '.join(lacking)} in its place")
    arm = first(detector, "goniometer/two_theta", "goniometer/two_theta_start")
    if arm is not None and abs(float(angles(arm, notes)[0])) > _STEADY:
        raise ValueError(f"{arm.name} is not 0, and nothing says around which axis it turns")
    if shape is None:
        raise ValueError("it does not say how many pixels there are")
    size, other = (length(item, notes) for item in pixels)
    if not abs(size - other) <= 1e-6 * size:
        raise ValueError(f"its pixels are {size:g} x {other:g} m, not square")

    def in_pixels(item: Any) -> float:
        name = unit_of(item).lower()
        in_length = name not in ("", "px", "pixel", "pixels")
        return length(item, notes) / size if in_length else number(item)

    fast, slow = np.array([-1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0])
    x, y = (in_pixels(item) for item in centres)
    origin = np.array([0.0, 0.0, length(distance, notes)]) - size * (x * fast + y * slow)
    return _panel(origin, fast, slow, size, (shape[-2], shape[-1]), "panel0")


def _panel(
    origin: FloatArray,
    fast: FloatArray,
    slow: FloatArray,
    pixel_size: float,
    shape: tuple[int, int],
    name: str,
) -> PlacedPanel:
    normal, close = facing(origin, unit(cross(fast, slow)))
    return PlacedPanel(
        origin=as_vector(origin),
        fast=as_vector(fast),
        slow=as_vector(slow),
        normal=as_vector(normal),
        pixel_size=pixel_size,
        close_distance=close,
        pixels_slow=shape[0],
        pixels_fast=shape[1],
        name=name,
    )


# Beam --------------------------------------------------------------------------------------------


def _read_beam(
    entry: Any, instrument: Any, detector: Any, sample: Any, notes: list[str]
) -> tuple[FloatArray, float, float | None, float | None]:
    """Return wavelengths, bandwidth, Kahn factor and flux."""
    beams = [beam for group in (instrument, entry) for beam in classes(group, "NXbeam")]
    beams += [] if sample is None else classes(sample, "NXbeam")
    beams += [group for group in (member(instrument, "beam"),) if group is not None]
    beam = next((b for b in beams if first(b, "incident_wavelength") is not None), None)
    if beam is None:
        return _wavelength_elsewhere(instrument, detector, beams, notes), 0.0, None, None
    waves = wavelengths(first(beam, "incident_wavelength"), notes)
    weights = first(beam, "incident_wavelength_weights")
    if weights is not None and weights.size == waves.size > 1:
        parts = numbers(weights)
        waves = np.array([float((parts * waves).sum() / parts.sum())])
    spread = first(beam, "incident_wavelength_spread")
    stokes = first(beam, "incident_polarization_stokes", "incident_polarisation_stokes")
    flux = first(beam, "total_flux", "flux")
    polarized = None
    if stokes is not None and stokes.size >= 4:
        intensity, polarized = numbers(stokes)[:2].tolist()
        polarized = polarized / intensity if intensity else None
    bandwidth = 0.0 if spread is None else float(wavelengths(spread, [])[0]) / float(waves[0])
    return waves, bandwidth, polarized, None if flux is None else number(flux)


def _wavelength_elsewhere(
    instrument: Any, detector: Any, beams: list[Any], notes: list[str]
) -> FloatArray:
    places = [*classes(instrument, "NXmonochromator"), *beams]
    for group in places:
        item = first(group, "wavelength")
        if item is not None:
            return wavelengths(item, notes)
    specific = member(detector, "detectorSpecific")
    for group in (*places, *([] if specific is None else [specific])):
        item = first(group, "energy", "incident_energy", "photon_energy")
        if item is not None:
            name = unit_of(item).lower() or "ev"
            if name not in ("ev", "kev"):
                raise ValueError(f"{item.name} has the unknown unit {name!r}")
            energy = number(item) * (1000.0 if name == "kev" else 1.0)
            if not energy > 0.0:
                raise ValueError(f"{item.name} is not positive")
            return np.array([1e-10 * EV_ANGSTROM / energy])
    raise ValueError("it does not tell the wavelength (NXbeam incident_wavelength)")


# Sample ------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Rotation:
    spindle: FloatArray | None
    starts: FloatArray
    osc: float
    unsteady: bool
    inner: list[Axis]


_STILL: Final = np.zeros(0)


def _read_rotation(file: Any, sample: Any, notes: list[str]) -> _Rotation:
    """Return the axis that turns, where frames start and how far each turns."""
    axes = [] if sample is None else _goniometer(file, sample, notes)
    turning = [axis for axis in axes if axis.turns]
    if not turning:
        return _Rotation(None, _STILL, 0.0, False, [])
    # The one that moves, else the one with a width, else the one that is fixed to the lab.
    moving = [axis for axis in turning if np.ptp(axis.values) > 0.0]
    wide = [axis for axis in turning if _width(axis, sample, notes)]
    axis = (moving or wide or turning[-1:])[0]
    at = axes.index(axis)
    starts, osc = np.unwrap(axis.values), _width(axis, sample, notes)
    if not np.isfinite(starts).all():
        raise ValueError(f"{axis.name} is not finite")
    steps = np.diff(starts)
    if osc is None:
        osc = float(np.median(steps)) if steps.size else 0.0
    if steps.size and np.abs(steps - osc).max() > max(_STEADY, _JITTER * abs(osc)):
        turn = f"each turns by {RTD * osc:g} degrees from where it starts"
        notes.append(f"frames of {axis.name} do not follow one another: {turn}")
    steady = bool(np.abs(starts - starts[0] - osc * np.arange(len(starts))).max() <= _STEADY)
    spindle = carried(axes[at + 1 :], axis.direction, False)
    return _Rotation(as_vector(spindle), starts, osc, not steady, axes[:at])


def _goniometer(file: Any, sample: Any, notes: list[str]) -> list[Axis]:
    """Return the axes between crystal and lab."""
    if "depends_on" in sample:
        return chain(file, text(sample["depends_on"]).strip(), sample, notes)
    # As Dectris has them: angles without vectors, omega around the axis of fast pixels.
    goniometer = member(sample, "goniometer")
    places = [sample] if goniometer is None else [goniometer]
    places += [group for group in classes(sample, "NXtransformations") if group not in places]
    for group in places:
        omega = first(group, "omega", "omega/omega")
        if omega is None:
            continue
        if "vector" in omega.attrs:
            return chain(file, omega.name, group, notes)
        vector = np.array([-1.0, 0.0, 0.0])
        values = angles(omega, notes)
        return [Axis(omega.name, True, vector, values, np.zeros(3), ".", omega)]
    return []


def _width(axis: Axis, sample: Any, notes: list[str]) -> float | None:
    """Return how far an axis turns in a frame, where the file says so, rad."""
    name = axis.item.name.rpartition("/")[2]
    for group in (axis.item.parent, *classes(sample, "NXtransformations"), *groups(sample)):
        for key in (f"{name}_increment_set", f"{name}_range_average", f"{name}_increment"):
            item = first(group, key)
            if item is not None:
                widths = angles(item, notes, unit_of(axis.item) or "deg")
                return float(np.median(widths))
        end = first(group, f"{name}_end")
        if end is not None and end.size == axis.values.size:
            ends = angles(end, notes, unit_of(axis.item) or "deg")
            return float(np.median(ends - axis.values))
    return None


def _read_cells(sample: Any, inner: list[Axis]) -> FloatArray | None:
    """Return rows a, b, c with the spindle at 0, of one or of each frame, m."""
    item = None if sample is None else first(sample, "ub_matrix")
    if item is None:
        return None
    values = numbers(item)
    if values.size % 9:
        raise ValueError(f"{item.name} must hold 3 x 3 numbers")
    cells = []
    for reciprocal in values.reshape(-1, 3, 3):
        if not np.isfinite(reciprocal).all() or abs(np.linalg.det(reciprocal)) < 1e-300:
            raise ValueError(f"{item.name} spans no volume")
        cell = dual(np.ascontiguousarray(reciprocal.T)) * 1e-10
        for axis in inner:
            if axis.turns:
                cell = rotate(cell, axis.vector, float(axis.values[0]))
        cells.append(cell)
    found = np.array(cells)
    if not np.isfinite(found).all() or not (norm(found) > 0.0).all():
        raise ValueError(f"{item.name} spans no volume")
    return found


def _read_provenance(entry: Any) -> tuple[dict[str, Any], tuple[dict[str, Any], ...]]:
    simulation = member(entry, "simulation")
    if simulation is None:
        return {}, ()
    provenance: dict[str, Any] = {}
    of_frames: tuple[dict[str, Any], ...] = ()
    with contextlib.suppress(ValueError, RecursionError):
        item = first(simulation, PROVENANCE)
        found = {} if item is None else json.loads(text(item))
        provenance = found if isinstance(found, dict) else {}
        item = first(simulation, PROVENANCE_OF_FRAME)
        if item is not None and item.ndim == 1:
            loaded = [json.loads(text(value)) for value in item[()]]
            of_frames = tuple(each if isinstance(each, dict) else {} for each in loaded)
    return provenance, of_frames

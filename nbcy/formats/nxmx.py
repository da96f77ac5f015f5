"""NeXus/HDF5 after the application definition NXmx.

The frame of NeXus has z along the beam and y up; files are written with the electric field of the
beam along -x, which is where detectors seen from the sample have their fast axis.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.atomic import atomic_path
from nbcy.base.cell import cell_parameters, dual
from nbcy.base.constants import RTD
from nbcy.base.errors import ConfigError, FileError, WriteError
from nbcy.base.extras import require
from nbcy.base.files import blaming
from nbcy.base.panel import PlacedPanel
from nbcy.base.vectors import cross, dot, norm, rotate, unit
from nbcy.formats.counts import FLOAT, KINDS, Integers, invalid_pixels
from nbcy.formats.frames import Frame, Recording
from nbcy.formats.measurement import (
    Measurement,
    across,
    as_vector,
    read_thickness,
    written_thickness,
)
from nbcy.formats.times import now
from nbcy.version import __version__

FloatArray = NDArray[np.float64]

COMPRESSIONS: Final = ("lz4", "zstd", "none")
"""How frames are packed: bitshuffle with LZ4 or Zstandard, or not at all."""

DTYPES: Final = (*KINDS, FLOAT)
"""What frames can hold."""

MASTER: Final = "_master.h5"
"""A file of this name links to files of frames, as Eiger's do."""

FRAMES_PER_FILE: Final = 1000

_UNITS: Final = {
    **{"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "µm": 1e-6, "nm": 1e-9},
    **{"angstrom": 1e-10, "Angstrom": 1e-10, "A": 1e-10, "Å": 1e-10},
    **{"rad": 1.0, "deg": 1.0 / RTD, "degree": 1.0 / RTD, "degrees": 1.0 / RTD},
    **{"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "Hz": 1.0, "": 1.0},
}
_GAP: Final = 1
"""Bit 0 of a pixel mask: no sensor there."""

_MODEL: Final = "/entry/instrument/detector/transformations"


class _Target(io.FileIO):
    """A file that HDF5 can always close: it crashes where its last writes fail.

    After the first failure nothing more is written, and `check` raises it.
    """

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while rest and self.failure is None:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.failure = error
        return size

    def truncate(self, size: int | None = None, /) -> int:
        try:
            if self.failure is None:
                return super().truncate(size)
        except OSError as error:
            self.failure = error
        return self.tell() if size is None else size

    def check(self) -> None:
        if self.failure is not None:
            reason = self.failure.strerror or self.failure
            raise WriteError(self.name, f"cannot be written: {reason}") from self.failure


@contextmanager
def _hdf5(h5py: Any, path: Path) -> Iterator[tuple[Any, _Target]]:
    """Open an HDF5 file that appears when it is complete."""
    with atomic_path(path) as temporary, _Target(temporary, "x+") as target:
        with h5py.File(target, "w") as file:
            yield file, target
        target.check()


def to_nexus(measurement: Measurement) -> Measurement:
    """Turn a measurement into the frame of NeXus."""
    z = measurement.beam
    x = -across(measurement.polarization, z)
    return measurement.turned(np.array([x, cross(z, x), z]))


@contextmanager
def nxmx_writer(
    path: str | os.PathLike[str],
    measurement: Measurement,
    dtype: str = "uint32",
    compression: str = "lz4",
    frames_per_file: int = FRAMES_PER_FILE,
) -> Iterator[NxmxWriter]:
    """Open an NXmx file for frames that come one by one; it appears when it is complete.

    Parameters
    ----------
    path : path-like
        ``NAME_master.h5`` links to ``NAME_data_000001.h5`` and so on, any other name holds all.
    measurement : Measurement
        Of the first frame.
    dtype : {"uint16", "uint32", "int32", "float32"}
        What pixels become.
    compression : {"lz4", "zstd", "none"}
        Bitshuffle with LZ4 or Zstandard, or nothing.
    frames_per_file : int
        Behind a master.

    Yields
    ------
    NxmxWriter

    Raises
    ------
    ConfigError
        An unknown ``dtype`` or ``compression``.
    FileError
        It cannot be written.
    NbcyError
        h5py or hdf5plugin is missing.
    """
    for field, value, known in (
        ("dtype", dtype, DTYPES),
        ("compression", compression, COMPRESSIONS),
    ):
        if value not in known:
            raise ConfigError(field, value, f"must be one of {', '.join(known)}")
    with ExitStack() as files:
        writer = NxmxWriter(files, Path(path), to_nexus(measurement), dtype, compression)
        writer.frames_per_file = frames_per_file
        yield writer
        writer.finish()


class NxmxWriter:
    """Takes the frames of one recording; made by `nxmx_writer`."""

    def __init__(
        self,
        files: ExitStack,
        path: Path,
        measurement: Measurement,
        dtype: str,
        compression: str,
    ) -> None:
        self._h5py = require("h5py", "files")
        plugin = require("hdf5plugin", "files")
        self._packing: Mapping[str, Any] = (
            {} if compression == "none" else plugin.Bitshuffle(cname=compression)
        )
        self._files = files
        self._path = path
        self._measurement = measurement
        self._dtype = dtype
        self._integers = None if dtype == FLOAT else Integers(KINDS[dtype])
        self._count = 0
        self._parts: list[tuple[str, Any]] = []
        self._targets: list[_Target] = []
        self._is_master = path.name.endswith(MASTER)
        self._master = self._open(path)
        self.frames_per_file = FRAMES_PER_FILE
        _write_entry(self._master, measurement, dtype)

    def _open(self, path: Path) -> Any:
        file, target = self._files.enter_context(_hdf5(self._h5py, path))
        self._targets.append(target)
        return file

    def append(self, frame: Frame) -> None:
        """Add a frame.

        Parameters
        ----------
        frame : Frame
            Photons or counts; several panels stacked (`Measurement.rows`).
        """
        pixels, invalid = frame.pixels, frame.invalid
        masked = self._measurement.invalid
        if self._integers is not None:
            if masked is not None:
                invalid = masked if invalid is None else masked | invalid
            pixels = self._integers.of(pixels, invalid)
        elif invalid is not None:
            beyond = invalid if masked is None else invalid & ~masked
            if beyond.any():
                pixels = Frame(pixels, beyond).photons()
        data = self._part(self._count)
        data.resize(len(data) + 1, axis=0)
        data[-1] = pixels
        self._count += 1
        for target in self._targets:
            target.check()

    def _part(self, n: int) -> Any:
        """Return the dataset for frame ``n``."""
        if n == 0 or (self._is_master and n % self.frames_per_file == 0):
            file, name = self._master, ""
            if self._is_master:
                stem = self._path.name.removesuffix(MASTER)
                name = f"{stem}_data_{len(self._parts) + 1:06d}.h5"
                file = self._open(self._path.with_name(name))
                _classed(_classed(file, "entry", "NXentry"), "data", "NXdata")
            shape = self._measurement.shape
            data = file["entry/data"].create_dataset(
                "data",
                shape=(0, *shape),
                maxshape=(None, *shape),
                chunks=(1, *shape),
                dtype=self._dtype,
                **self._packing,
            )
            self._parts.append((name, data))
        return self._parts[-1][1]

    def finish(self) -> None:
        """Write what is known when the last frame has come."""
        if not self._count:
            raise FileError(self._path, "cannot be written: there is no frame")
        entry = self._master["entry"]
        link = "data"
        if self._is_master:
            first = 1
            for number, (name, data) in enumerate(self._parts, 1):
                link = f"data_{number:06d}"
                entry["data"][link] = self._h5py.ExternalLink(name, "/entry/data/data")
                data.attrs["image_nr_low"] = first
                data.attrs["image_nr_high"] = first = first + len(data) - 1
                first += 1
            link = "data_000001"
        entry["data"].attrs["signal"] = link
        if self._measurement.spindle is not None:
            start, width = RTD * self._measurement.phi, RTD * self._measurement.osc
            angles = start + width * np.arange(self._count)
            omega = entry["sample/transformations"]
            _axis(omega, "omega", angles, self._measurement.spindle, "rotation", "deg", ".")
            _field(omega, "omega_end", angles + width, "deg")
            _field(omega, "omega_increment_set", np.full(len(angles), width), "deg")
            # Where scanning software looks for it.
            entry["data"].attrs["axes"] = ["omega", ".", "."]
            entry["data"].attrs["omega_indices"] = 0
            entry["data"]["omega"] = omega["omega"]
        entry["end_time"] = entry["end_time_estimated"][()]
        if self._integers is not None:
            self._integers.report()


def _classed(parent: Any, name: str, nx_class: str) -> Any:
    group = parent.create_group(name)
    group.attrs["NX_class"] = nx_class
    return group


def _field(group: Any, name: str, value: Any, units: str = "") -> Any:
    data = group.create_dataset(name, data=value)
    if units:
        data.attrs["units"] = units
    return data


def _axis(
    group: Any, name: str, value: Any, vector: Any, kind: str, units: str, depends_on: str
) -> Any:
    """Write one link of a chain of transformations."""
    data = _field(group, name, value, units)
    data.attrs["transformation_type"] = kind
    data.attrs["vector"] = np.asarray(vector, dtype=np.float64)
    data.attrs["offset"] = np.zeros(3)
    data.attrs["offset_units"] = "m"
    data.attrs["depends_on"] = depends_on
    return data


def _write_entry(file: Any, measurement: Measurement, dtype: str) -> None:
    """Write all but the frames and what depends on their number."""
    time = now().strftime("%Y-%m-%dT%H:%M:%SZ")
    file.attrs["NX_class"] = "NXroot"
    file.attrs["default"] = "entry"
    file.attrs["creator"] = f"nbcy {__version__}"
    entry = _classed(file, "entry", "NXentry")
    entry.attrs["default"] = "data"
    _field(entry, "definition", "NXmx").attrs["version"] = "1.0"
    entry["title"] = "simulated diffraction"
    entry["start_time"] = entry["end_time_estimated"] = time
    _classed(entry, "data", "NXdata")
    source = _classed(entry, "source", "NXsource")
    _field(source, "name", "simulation").attrs["short_name"] = "nbcy"
    source["probe"] = "x-ray"
    simulation = _classed(entry, "simulation", "NXprocess")
    simulation["program"] = "nbcy"
    simulation["version"] = __version__
    simulation["date"] = time
    simulation["provenance"] = json.dumps(dict(measurement.provenance))
    _write_sample(entry, measurement)
    instrument = _classed(entry, "instrument", "NXinstrument")
    _field(instrument, "name", "simulation").attrs["short_name"] = "nbcy"
    _write_beam(instrument, measurement)
    _write_detector(instrument, measurement, dtype)


def _write_sample(entry: Any, measurement: Measurement) -> None:
    sample = _classed(entry, "sample", "NXsample")
    sample["name"] = "simulated crystal"
    turns = measurement.spindle is not None
    sample["depends_on"] = "/entry/sample/transformations/omega" if turns else "."
    _classed(sample, "transformations", "NXtransformations")
    if measurement.cell is not None:
        real = 1e10 * measurement.cell
        _field(sample, "unit_cell", np.array([cell_parameters(real)]))
        # Columns a*, b*, c* in 1/Angstrom at omega 0.
        _field(sample, "ub_matrix", dual(real).T[np.newaxis])


def _write_beam(instrument: Any, measurement: Measurement) -> None:
    beam = _classed(instrument, "beam", "NXbeam")
    angstrom = 1e10 * measurement.wavelength
    _field(beam, "incident_wavelength", angstrom, "angstrom")
    if measurement.bandwidth:
        _field(beam, "incident_wavelength_spread", angstrom * measurement.bandwidth, "angstrom")
    if measurement.kahn_factor is not None:
        # Unit intensity; S1 is positive along the x axis.
        stokes = [1.0, measurement.kahn_factor, 0.0, 0.0]
        _field(beam, "incident_polarization_stokes", stokes)
    if measurement.flux is not None:
        _field(beam, "total_flux", measurement.flux, "Hz")


def _write_detector(instrument: Any, measurement: Measurement, dtype: str) -> None:
    detector = _classed(instrument, "detector", "NXdetector")
    panels = measurement.panels
    first = panels[0]
    detector["description"] = "simulated pixel array"
    detector["type"] = "PIXEL"
    for name in ("x_pixel_size", "y_pixel_size"):
        _field(detector, name, first.pixel_size, "m")
    distance = float(dot(first.origin, first.normal)) / float(dot(measurement.beam, first.normal))
    centre = (distance * measurement.beam - first.origin) / first.pixel_size
    _field(detector, "distance", distance, "m")
    _field(detector, "beam_center_x", float(dot(centre, first.fast)), "pixel")
    _field(detector, "beam_center_y", float(dot(centre, first.slow)), "pixel")
    detector["sensor_material"] = "Si"
    _field(detector, "sensor_thickness", written_thickness(measurement), "m")
    detector["bit_depth_image"] = detector["bit_depth_readout"] = 8 * np.dtype(dtype).itemsize
    if dtype != FLOAT:
        detector["saturation_value"] = KINDS[dtype].trusted
        detector["underload_value"] = 0
    if measurement.exposure is not None:
        for name in ("count_time", "frame_time"):
            _field(detector, name, measurement.exposure, "s")
    detector["pixel_mask_applied"] = measurement.invalid is not None
    if measurement.invalid is not None:
        mask = np.where(measurement.invalid, np.uint32(_GAP), np.uint32(0))
        detector.create_dataset("pixel_mask", data=mask, chunks=mask.shape, compression="gzip")

    # arm -> a translation for each panel -> an empty module_offset, which some readers ask for
    # and others pass over.
    chain = _classed(detector, "transformations", "NXtransformations")
    _axis(chain, "arm", distance, (0.0, 0.0, 1.0), "translation", "m", ".")
    detector["depends_on"] = f"{_MODEL}/arm"
    names = _names(panels)
    for name, panel, rows in zip(names, panels, measurement.rows, strict=True):
        rest = panel.origin - (0.0, 0.0, distance)
        length = float(norm(rest))
        vector = unit(rest) if length else (1.0, 0.0, 0.0)
        _axis(chain, name, length, vector, "translation", "m", f"{_MODEL}/arm")
        module = _classed(detector, name, "NXdetector_module")
        module["data_origin"] = np.array([rows.start, 0])
        module["data_size"] = np.array(panel.shape)
        here = f"{module.name}/module_offset"
        _axis(module, "module_offset", 0.0, (1, 0, 0), "translation", "m", f"{_MODEL}/{name}")
        for axis, along in (("fast", panel.fast), ("slow", panel.slow)):
            size = panel.pixel_size
            _axis(module, f"{axis}_pixel_direction", size, along, "translation", "m", here)


def _names(panels: tuple[PlacedPanel, ...]) -> list[str]:
    """Return names of panels that NeXus allows."""
    names = [panel.name for panel in panels]
    taken = {"arm", "transformations", "data", "pixel_mask", "distance", "type", "description"}
    usable = all(re.fullmatch("[A-Za-z0-9_]+", name) and name not in taken for name in names)
    return (
        names
        if usable and len(set(names)) == len(names)
        else [f"panel{n}" for n, _ in enumerate(names)]
    )


# --------------------------------------------------------------------------------------- reading


def open_nxmx(path: str | os.PathLike[str]) -> Recording:
    """Open an NXmx file, a master with its files or one that holds all.

    Raises
    ------
    FileError
        Not HDF5, cut short, without images, or a file behind a master is missing.
    NbcyError
        h5py or hdf5plugin is missing.
    """
    h5py = require("h5py", "files")
    require("hdf5plugin", "files")
    with blaming(path, "HDF5 file"):
        file = h5py.File(path, "r")
    try:
        with blaming(path, "HDF5 file"):
            return _recording(h5py, file, path)
    except BaseException:
        file.close()
        raise


def _find(group: Any, nx_class: str) -> list[Any]:
    """Return the groups of a class right under a group."""
    found = []
    for name in group:
        item = group.get(name) if group.get(name, getlink=True) is not None else None
        if item is not None and hasattr(item, "keys"):
            kind = item.attrs.get("NX_class", b"")
            if (kind.decode() if isinstance(kind, bytes) else str(kind)) == nx_class:
                found.append(item)
    return found


def _recording(h5py: Any, file: Any, path: str | os.PathLike[str]) -> Recording:
    entries = _find(file, "NXentry") or [item for item in (file.get("entry"),) if item is not None]
    if not entries:
        raise FileError(path, "is not a NeXus file: it has no NXentry")
    entry = entries[0]
    datasets = _datasets(h5py, entry, path)
    shape = datasets[0].shape[1:]
    instruments = _find(entry, "NXinstrument")
    detectors = _find(instruments[0], "NXdetector") if instruments else []
    mask = None
    if detectors:
        mask = detectors[0].get("pixel_mask")
        mask = None if mask is None else _flat(mask[()] != 0)
    measurement, unplaced = None, "it has no NXdetector_module"
    if detectors and _find(detectors[0], "NXdetector_module"):
        unplaced = ""
        measurement = _read_measurement(entry, instruments[0], detectors[0], mask)
    sizes = np.cumsum([0, *(len(data) for data in datasets)])

    def read(n: int) -> Frame:
        part = int(np.searchsorted(sizes, n, side="right")) - 1
        with blaming(path, "HDF5 file"):
            pixels = _flat(datasets[part][n - int(sizes[part])])
        usable = mask if mask is not None and mask.shape == pixels.shape else None
        return Frame(pixels, invalid_pixels(pixels, usable))

    flat = (math.prod(shape[:-1]), shape[-1])
    return Recording(os.fspath(path), flat, int(sizes[-1]), read, measurement, file.close, unplaced)


def _flat(pixels: NDArray[Any]) -> NDArray[Any]:
    """Stack a third dimension, of panels, along the slow axis."""
    return pixels.reshape(-1, pixels.shape[-1])


def _datasets(h5py: Any, entry: Any, path: str | os.PathLike[str]) -> list[Any]:
    groups = _find(entry, "NXdata") or [g for g in (entry.get("data"),) if g is not None]
    if not groups:
        raise FileError(path, "holds no images: there is no NXdata")
    group = groups[0]
    names = sorted(name for name in group if re.fullmatch(r"data_\d+", name))
    names = ["data"] if "data" in group or not names else names
    datasets = []
    for name in names:
        link = group.get(name, getlink=True)
        data = group.get(name)
        if data is None and isinstance(link, h5py.ExternalLink):
            raise FileError(path, f"links to {link.filename}, which cannot be read")
        if not isinstance(data, h5py.Dataset) or data.ndim not in (3, 4) or data.size == 0:
            raise FileError(path, "holds no images: a dataset [frame, slow, fast] is expected")
        if data.dtype.kind not in "iuf":
            raise FileError(path, f"holds {data.dtype} pixels; numbers are expected")
        datasets.append(data)
    return datasets


def _text(item: Any) -> str:
    value = item[()] if hasattr(item, "shape") and hasattr(item, "dtype") else item
    value = np.asarray(value).reshape(-1)[0] if isinstance(value, np.ndarray) else value
    return value.decode() if isinstance(value, bytes) else str(value)


def _si(item: Any, units: str | None = None) -> FloatArray:
    """Return the values of a field in SI units, one-dimensional."""
    name = _text(item.attrs.get("units", "")) if units is None else units
    values: FloatArray = np.atleast_1d(np.asarray(item[()], dtype=np.float64)).reshape(-1)
    if not values.size:
        raise ValueError(f"{item.name} is empty")
    return values * _unit(item, name)


def _unit(item: Any, name: str) -> float:
    if name not in _UNITS:
        raise ValueError(f"{item.name} has the unknown unit {name!r}")
    return _UNITS[name]


def _integers(item: Any) -> list[int]:
    """Return two numbers or more, (slow, fast) last."""
    values = np.asarray(item[()])
    whole = values.dtype.kind in "iuf" and (values == np.rint(values)).all()
    if not whole or values.size < 2:
        raise ValueError(f"{item.name} must hold whole numbers, for slow and fast")
    return [int(x) for x in values.reshape(-1)]


def _along(axis: Any) -> FloatArray:
    vector = np.asarray(axis.attrs["vector"], dtype=np.float64)
    if vector.shape != (3,) or not np.isfinite(vector).all():
        raise ValueError(f"the vector of {axis.name} is not one of 3 numbers")
    return unit(vector)


def _chain(file: Any, start: str, base: Any) -> list[Any]:
    """Return the axes from ``start`` down to the lab."""
    axes: list[Any] = []
    where, here = start, base
    while where != ".":
        axis = file[where] if where.startswith("/") else here[where]
        if len(axes) > 50:
            raise ValueError(f"the chain of transformations from {start} has no end")
        axes.append(axis)
        where, here = _text(axis.attrs.get("depends_on", ".")), axis.parent
    return axes


def _offset(axis: Any) -> FloatArray:
    offset = np.asarray(axis.attrs.get("offset", np.zeros(3)), dtype=np.float64)
    if not offset.any():
        return np.zeros(3)
    if offset.shape != (3,):
        raise ValueError(f"the offset of {axis.name} is not one of 3 numbers")
    return offset * _unit(axis, _text(axis.attrs.get("offset_units", axis.attrs.get("units", "m"))))


def _apply(axes: list[Any], vector: FloatArray, is_point: bool) -> FloatArray:
    """Carry a point or a direction down a chain, every axis at its first value."""
    for axis in axes:
        along = _along(axis)
        value = float(_si(axis)[0])
        if _text(axis.attrs["transformation_type"]) == "rotation":
            vector = rotate(vector, along, value)
        elif is_point:
            vector = vector + value * along
        if is_point:
            vector = vector + _offset(axis)
    return vector


def _read_measurement(
    entry: Any, instrument: Any, detector: Any, mask: NDArray[np.bool_] | None
) -> Measurement:
    file = entry.file
    beams = _find(instrument, "NXbeam") or _find(entry, "NXbeam")
    if not beams:
        raise ValueError("there is no NXbeam to tell the wavelength")
    panels, offsets = [], []
    for module in _find(detector, "NXdetector_module"):
        panels.append(_read_panel(file, module))
        offsets.append(_integers(module["data_origin"]))
    order = sorted(range(len(panels)), key=lambda n: offsets[n])
    panels = [panels[n] for n in order]
    wavelength = float(_si(beams[0]["incident_wavelength"])[0])
    spread = beams[0].get("incident_wavelength_spread")
    stokes = beams[0].get("incident_polarization_stokes")
    flux = beams[0].get("total_flux")
    count_time = detector.get("count_time")
    thickness = detector.get("sensor_thickness")
    sample = (_find(entry, "NXsample") or [None])[0]
    spindle, phi, osc = _read_spindle(file, sample)
    cell = None
    if sample is not None and "ub_matrix" in sample:
        reciprocal = np.asarray(sample["ub_matrix"][()], dtype=np.float64).reshape(-1, 3, 3)[0].T
        cell = as_vector(dual(np.ascontiguousarray(reciprocal)) * 1e-10)
    provenance: dict[str, Any] = {}
    if "simulation/provenance" in entry:
        with contextlib.suppress(json.JSONDecodeError):
            provenance = json.loads(_text(entry["simulation/provenance"]))
    return Measurement(
        panels=tuple(panels),
        beam=as_vector([0.0, 0.0, 1.0]),
        wavelength=wavelength,
        bandwidth=0.0 if spread is None else float(_si(spread)[0]) / wavelength,
        polarization=as_vector([-1.0, 0.0, 0.0]),
        kahn_factor=None if stokes is None else float(np.ravel(stokes[()])[1]),
        spindle=spindle,
        phi=phi,
        osc=osc,
        exposure=None if count_time is None else float(_si(count_time)[0]),
        flux=None if flux is None else float(np.ravel(flux[()])[0]),
        thickness=0.0 if thickness is None else read_thickness(float(_si(thickness)[0])),
        invalid=mask if mask is not None and mask.any() else None,
        cell=cell,
        provenance=provenance,
    ).check()


def _read_panel(file: Any, module: Any) -> PlacedPanel:
    fast, slow = module["fast_pixel_direction"], module["slow_pixel_direction"]
    vectors, sizes = [], []
    for axis in (fast, slow):
        below = _chain(file, _text(axis.attrs["depends_on"]), axis.parent)
        vectors.append(_apply(below, _along(axis), False))
        sizes.append(float(_si(axis)[0]))
    if abs(sizes[0] - sizes[1]) > 1e-9 * sizes[0]:
        raise ValueError(f"{module.name} has pixels of {sizes[0]:g} x {sizes[1]:g} m, not square")
    below = _chain(file, _text(fast.attrs["depends_on"]), fast.parent)
    if "module_offset" in module and module["module_offset"] not in below:
        below = _chain(file, module["module_offset"].name, module)
    origin = _apply(below, _offset(fast), True)
    normal = unit(cross(vectors[0], vectors[1]))
    close = float(dot(origin, normal))
    if close < 0.0:
        normal, close = -normal, -close
    rows, columns = _integers(module["data_size"])[-2:]
    return PlacedPanel(
        origin=as_vector(origin),
        fast=as_vector(vectors[0]),
        slow=as_vector(vectors[1]),
        normal=as_vector(normal),
        pixel_size=sizes[0],
        close_distance=close,
        pixels_slow=rows,
        pixels_fast=columns,
        name=module.name.rpartition("/")[2],
    )


def _read_spindle(file: Any, sample: Any) -> tuple[FloatArray | None, float, float]:
    """Return the axis that turns, where it starts and how far a frame turns."""
    if sample is None or "depends_on" not in sample:
        return None, 0.0, 0.0
    axes = _chain(file, _text(sample["depends_on"]), sample)
    turning = [axis for axis in axes if _text(axis.attrs["transformation_type"]) == "rotation"]
    if not turning:
        return None, 0.0, 0.0
    # The one that moves, else the one that is fixed to the lab.
    axis = next((a for a in turning if np.ptp(_si(a)) > 0.0), turning[-1])
    angles = _si(axis)
    step = axis.parent.get(f"{axis.name.rpartition('/')[2]}_increment_set")
    osc = float(angles[1] - angles[0]) if len(angles) > 1 else 0.0
    if osc == 0.0 and step is not None:
        osc = float(_si(step)[0])
    if len(angles) > 2 and np.abs(np.diff(angles) - osc).max() > 1e-6:
        raise ValueError(f"{axis.name} does not turn by the same angle in every frame")
    below = axes[axes.index(axis) + 1 :]
    return as_vector(_apply(below, _along(axis), False)), float(angles[0]), osc

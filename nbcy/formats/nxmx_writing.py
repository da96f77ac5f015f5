"""Writing NeXus/HDF5 after the application definition NXmx.

The frame of NeXus has z along the beam and y up; files are written with the electric field of the
beam along -x, which is where detectors seen from the sample have their fast axis.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.atomic import atomic_path
from nbcy.base.cell import cell_parameters, dual
from nbcy.base.constants import RTD
from nbcy.base.errors import ConfigError, FileError, WriteError
from nbcy.base.extras import require
from nbcy.base.panel import PlacedPanel
from nbcy.base.vectors import cross, dot, norm, unit
from nbcy.formats.bitshuffle import pack_lz4
from nbcy.formats.counts import FLOAT, KINDS, Integers
from nbcy.formats.frame import Frame
from nbcy.formats.measurement import Measurement, across, changes, written_thickness
from nbcy.formats.nxmx_names import MASTER, PROVENANCE, PROVENANCE_OF_FRAME
from nbcy.formats.times import now
from nbcy.version import __version__

FloatArray = NDArray[np.float64]

COMPRESSIONS: Final = ("lz4", "zstd", "none")
"""How frames are packed: bitshuffle with LZ4 or Zstandard, or not at all."""

DTYPES: Final = (*KINDS, FLOAT)
"""What frames can hold."""

FRAMES_PER_FILE: Final = 1000

_GRAZING: Final = 1e-6
"""Sine of the angle between beam and panel below which they count as parallel."""

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
        self._compression = compression
        self._files = files
        self._path = path
        self._measurement = measurement
        self._dtype = dtype
        self._integers = None if dtype == FLOAT else Integers(KINDS[dtype])
        self._count = 0
        self._told: list[Measurement] = []
        self._parts: list[tuple[str, Any]] = []
        self._targets: list[_Target] = []
        self._is_master = path.name.endswith(MASTER)
        self._master = self._open(path)
        self.frames_per_file = FRAMES_PER_FILE
        _write_entry(self._master, measurement, dtype, self._packing or {"compression": "gzip"})

    def _open(self, path: Path) -> Any:
        file, target = self._files.enter_context(_hdf5(self._h5py, path))
        self._targets.append(target)
        return file

    def append(self, frame: Frame, measurement: Measurement | None = None) -> None:
        """Add a frame.

        Parameters
        ----------
        frame : Frame
            Photons or counts; several panels stacked (`Measurement.rows`).
        measurement : Measurement, optional
            Of this frame, where it is not the next one of a rotation.

        Raises
        ------
        FileError
            It has another detector than the first.
        """
        told = self._measurement.at(self._count)
        if measurement is not None:
            told = to_nexus(measurement)
            if not told.same_detector(self._measurement):
                reason = "holds frames of one detector: frame {} has another than the first"
                raise FileError(self._path, reason.format(self._count + 1))
        self._told.append(replace(told, invalid=None))
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
        packed = pack_lz4(pixels.astype(data.dtype)) if self._compression == "lz4" else None
        if packed is None:
            data[-1] = pixels
        else:
            data.id.write_direct_chunk((len(data) - 1, 0, 0), packed)
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
        self._write_frames()
        spindles = [told.spindle for told in self._told if told.spindle is not None]
        entry["sample/depends_on"] = "/entry/sample/transformations/omega" if spindles else "."
        if spindles:
            width = RTD * self._measurement.osc
            angles = RTD * np.array([told.phi for told in self._told])
            omega = entry["sample/transformations"]
            _axis(omega, "omega", angles, spindles[0], "rotation", "deg", ".")
            _field(omega, "omega_end", angles + width, "deg")
            _field(omega, "omega_increment_set", np.full(len(angles), width), "deg")
            # Where scanning software looks for it.
            entry["data"].attrs["axes"] = ["omega", ".", "."]
            entry["data"].attrs["omega_indices"] = 0
            entry["data"]["omega"] = omega["omega"]
        entry["end_time"] = entry["end_time_estimated"][()]
        if self._integers is not None:
            self._integers.report()

    def _write_frames(self) -> None:
        """Write what differs from frame to frame, the spindle aside."""
        entry, first = self._master["entry"], self._told[0]
        wavelengths = np.array([1e10 * told.wavelength for told in self._told])
        if np.ptp(wavelengths) > 0.0:
            beam = entry["instrument/beam"]
            del beam["incident_wavelength"]
            _field(beam, "incident_wavelength", wavelengths, "angstrom")
        cells = [told.cell for told in self._told if told.cell is not None]
        if len(cells) == len(self._told) and any(not np.array_equal(c, cells[0]) for c in cells):
            sample = entry["sample"]
            del sample["unit_cell"], sample["ub_matrix"]
            _write_cells(sample, np.array(cells))
        differing = [changes(first.provenance, told.provenance) for told in self._told]
        if any(differing):
            texts = [json.dumps(each) for each in differing]
            kind = self._h5py.string_dtype()
            entry["simulation"].create_dataset(PROVENANCE_OF_FRAME, data=texts, dtype=kind)


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


def _write_entry(
    file: Any, measurement: Measurement, dtype: str, packing: Mapping[str, Any]
) -> None:
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
    simulation[PROVENANCE] = json.dumps(dict(measurement.provenance))
    _write_sample(entry, measurement)
    instrument = _classed(entry, "instrument", "NXinstrument")
    _field(instrument, "name", "simulation").attrs["short_name"] = "nbcy"
    _write_beam(instrument, measurement)
    _write_detector(instrument, measurement, dtype, packing)


def _write_sample(entry: Any, measurement: Measurement) -> None:
    sample = _classed(entry, "sample", "NXsample")
    sample["name"] = "simulated crystal"
    _classed(sample, "transformations", "NXtransformations")
    if measurement.cell is not None:
        _write_cells(sample, measurement.cell[np.newaxis])


def _write_cells(sample: Any, cells: FloatArray) -> None:
    """Write one cell and orientation, or those of each frame."""
    real = 1e10 * cells
    _field(sample, "unit_cell", np.array([cell_parameters(each) for each in real]))
    # Columns a*, b*, c* in 1/Angstrom at omega 0.
    _field(sample, "ub_matrix", np.array([dual(each).T for each in real]))


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


def _write_detector(
    instrument: Any, measurement: Measurement, dtype: str, packing: Mapping[str, Any]
) -> None:
    detector = _classed(instrument, "detector", "NXdetector")
    panels = measurement.panels
    first = panels[0]
    detector["description"] = "simulated pixel array"
    detector["type"] = "PIXEL"
    for name in ("x_pixel_size", "y_pixel_size"):
        _field(detector, name, first.pixel_size, "m")
    slope = float(dot(measurement.beam, first.normal))
    distance = first.close_distance
    if slope > _GRAZING:  # else the beam meets the panel nowhere
        distance /= slope
        centre = (distance * measurement.beam - first.origin) / first.pixel_size
        _field(detector, "beam_center_x", float(dot(centre, first.fast)), "pixel")
        _field(detector, "beam_center_y", float(dot(centre, first.slow)), "pixel")
    _field(detector, "distance", distance, "m")
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
        detector.create_dataset("pixel_mask", data=mask, chunks=mask.shape, **packing)

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

"""Where detector, beam, spindle and crystal are: the form in which geometry files come and go."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.constants import RTD
from nbcy.base.errors import ConfigError
from nbcy.base.panel import PARALLEL, place_panel
from nbcy.base.vectors import Vector, cross, norm, unit
from nbcy.config import Beam, Config, Crystal, Detector, Panel, Spindle
from nbcy.formats.measurement import Measurement

if TYPE_CHECKING:
    from nbcy.scene.scene import Scene

FloatArray = NDArray[np.float64]
Rectangle = tuple[int, int, int, int]

_FLAT: Final = 1e-9

_SOMEWHERE: Final = 1e4
"""mm; where panels are tried while their distance is open."""

MAX_IMAGES: Final = 10_000_000
"""Most images of a scan."""

MAX_RECTANGLES: Final = 5000
"""Most rectangles of a mask that is taken over."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """Detector, beam, spindle and crystal in one lab frame.

    Attributes
    ----------
    panels : tuple of Panel
        Millimetres.
    beam : tuple of float
        Direction in which the beam travels.
    wavelength_angstrom : float or None
        None where the file leaves it open.
    polarization : tuple of float or None
        Direction of the electric field.
    kahn_factor : float or None
        1 for a field wholly along ``polarization``, 0 for an unpolarized beam.
    spindle : tuple of float or None
        Axis around which the crystal turns, right-handed.
    phi_deg, osc_deg : float
        Spindle angle where the first image starts, and the rotation during one image.
    images : int
        Images in the scan.
    files : tuple of str
        Where these are, ``#####`` standing for the number; XDS.INP names the first that XDS reads.
    axes_angstrom : tuple of 3 tuples of 3 float, or None
        a, b, c of the crystal with the spindle at 0.
    cell_angstrom_deg : tuple of 6 float, or None
        The cell, where the file does not say how the crystal is oriented.
    space_group : str
        As the file has it: number or symbol; empty where it does not say.
    thickness_um, attenuation_depth_um : float or None
        Of the sensor.
    distance_open : bool
        Whether the file leaves the distance along the beam open: ``panels`` stand as if it were 0,
        until `at_distance` says what it is.
    notes : tuple of str
        What the file says and is not taken over; issued as `NbcyWarning` when it is read.
    """

    panels: tuple[Panel, ...]
    beam: Vector
    wavelength_angstrom: float | None = None
    polarization: Vector | None = None
    kahn_factor: float | None = None
    spindle: Vector | None = None
    phi_deg: float = 0.0
    osc_deg: float = 0.0
    images: int = 1
    files: tuple[str, ...] = ()
    axes_angstrom: tuple[Vector, Vector, Vector] | None = None
    cell_angstrom_deg: tuple[float, float, float, float, float, float] | None = None
    space_group: str = ""
    thickness_um: float | None = None
    attenuation_depth_um: float | None = None
    distance_open: bool = False
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: str | os.PathLike[str], experiment: int | None = None) -> Geometry:
        """Read a geometry file: what it is, its content tells.

        Parameters
        ----------
        path : path-like
            DIALS ``.expt``, CrystFEL ``.geom``, ``XDS.INP``, ``XPARM.XDS``, a NeXus NXmx master,
            or a miniCBF, SMV, TIFF or EDF image whose header tells it.
        experiment : int, optional
            Which one of an ``.expt`` with several, counted from 0; the first, with a note.

        Raises
        ------
        FileError
            It cannot be read, is none of these, or does not say where the pixels are.
        """
        from nbcy.formats.geometry_files import read_geometry

        return read_geometry(path, experiment)

    @classmethod
    def of(cls, scene: Scene) -> Geometry:
        """Return the geometry of a scene, for writing.

        Parameters
        ----------
        scene : Scene
        """
        from nbcy.scene.measuring import measurement_of_scene

        detector = scene.config.detector
        notes: tuple[str, ...] = ()
        if detector.mask_file is not None:
            notes = ("the mask file is not part of the geometry: only masked rectangles are",)
        masked = [panel.masked for panel in detector.panels] or [detector.masked]
        found = cls.of_measurement(replace(measurement_of_scene(scene), invalid=None))
        return replace(
            found,
            panels=tuple(
                panel.replace(masked=rectangles)
                for panel, rectangles in zip(found.panels, masked, strict=True)
            ),
            kahn_factor=0.0 if scene.nopolar else scene.kahn_factor,
            spindle=_vector(scene.placement.spindle),
            thickness_um=1e6 * scene.thickness if scene.mu > 0.0 else None,
            attenuation_depth_um=1e6 / scene.mu if scene.mu > 0.0 else None,
            notes=notes,
        )

    @classmethod
    def of_measurement(cls, measurement: Measurement, images: int = 1) -> Geometry:
        """Return the geometry that an image file tells.

        Parameters
        ----------
        measurement : Measurement
        images : int
            How many there are.
        """
        notes = []
        masked: list[tuple[Rectangle, ...]] = [()] * len(measurement.panels)
        if measurement.invalid is not None:
            masked = [
                tuple(rectangles(measurement.invalid[rows, : panel.pixels_fast]))
                for panel, rows in zip(measurement.panels, measurement.rows, strict=True)
            ]
            if sum(map(len, masked)) > MAX_RECTANGLES:
                masked = [()] * len(measurement.panels)
                notes.append("its mask is not taken over: it is too scattered for rectangles")
        if measurement.thickness > 0.0:
            notes.append("its sensor thickness is not taken over: the absorption is not given")
        cell = measurement.cell
        axes = None if cell is None else _axes(1e10 * cell)
        spindle = measurement.spindle
        return cls(
            panels=tuple(
                Panel(
                    name=panel.name,
                    origin_mm=1000.0 * panel.origin,
                    fast_vector=panel.fast,
                    slow_vector=panel.slow,
                    pixels_fast=panel.pixels_fast,
                    pixels_slow=panel.pixels_slow,
                    pixel_mm=1000.0 * panel.pixel_size,
                    masked=regions,
                )
                for panel, regions in zip(measurement.panels, masked, strict=True)
            ),
            beam=_vector(measurement.beam),
            wavelength_angstrom=1e10 * measurement.wavelength,
            polarization=_vector(measurement.polarization),
            kahn_factor=measurement.kahn_factor,
            spindle=None if spindle is None else _vector(spindle),
            phi_deg=RTD * measurement.phi,
            osc_deg=RTD * measurement.osc,
            images=images,
            axes_angstrom=axes,
            notes=tuple(notes),
        )

    def check(self) -> None:
        """Refuse what cannot be a beam, a crystal or a panel.

        Raises
        ------
        ConfigError
            Axes that are not perpendicular, a panel edge-on to the sample, a beam or a spindle of
            length 0, a crystal without a volume, a scan of no images, and the like.
        """
        if not 1 <= self.images <= MAX_IMAGES:
            raise ConfigError("images", self.images, f"must be from 1 to {MAX_IMAGES}")
        placed = self.at_distance(_SOMEWHERE) if self.distance_open else self
        config = placed.config
        polarization = np.array(config.beam.polarization_vector)
        if not float(norm(cross(unit(self.beam), unit(polarization)))) >= PARALLEL:
            expected = f"must not be parallel to the beam {self.beam}"
            raise ConfigError("beam.polarization_vector", tuple(polarization.tolist()), expected)
        for n, panel in enumerate(config.detector.panels):
            place_panel(panel, n)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the geometry, whole or not at all.

        Parameters
        ----------
        path : path-like
            ``.expt`` for DIALS, ``.geom`` for CrystFEL; the names ``XDS.INP`` and ``XPARM.XDS``.

        Raises
        ------
        FileError
            Another name, something that the format cannot hold, or a file that cannot be written.
        """
        from nbcy.formats.geometry_files import save_geometry

        save_geometry(self, path)

    def text(self, path: str | os.PathLike[str]) -> str:
        """Return what `save` would write."""
        from nbcy.formats.geometry_files import geometry_text

        return geometry_text(self, path)

    def at_distance(self, distance_mm: float) -> Geometry:
        """Return the same at a distance that was left open.

        Parameters
        ----------
        distance_mm : float
            By which panels move along the beam.
        """
        step = distance_mm * unit(self.beam)
        panels = tuple(
            panel.replace(origin_mm=_vector(np.array(panel.origin_mm) + step))
            for panel in self.panels
        )
        return replace(self, panels=panels, distance_open=False)

    def turned(self, rotation: FloatArray) -> Geometry:
        """Return the same in another frame of the lab.

        Parameters
        ----------
        rotation : ndarray, shape (3, 3)
            Takes vectors of this frame to the other.
        """

        def turn(vector: Vector) -> Vector:
            return _vector(rotation @ np.array(vector))

        def turn_any(vector: Vector | None) -> Vector | None:
            return None if vector is None else turn(vector)

        axes = self.axes_angstrom
        return replace(
            self,
            panels=tuple(
                panel.replace(
                    origin_mm=turn(panel.origin_mm),
                    fast_vector=turn(panel.fast_vector),
                    slow_vector=turn(panel.slow_vector),
                )
                for panel in self.panels
            ),
            beam=turn(self.beam),
            polarization=turn_any(self.polarization),
            spindle=turn_any(self.spindle),
            axes_angstrom=None if axes is None else (turn(axes[0]), turn(axes[1]), turn(axes[2])),
        )

    @property
    def config(self) -> Config:
        """The same as a configuration, to be completed: explicit vectors, explicit panels."""
        if self.distance_open:
            expected = "is left open by the geometry file: give it (Geometry.at_distance)"
            raise ConfigError("detector.distance_mm", None, expected)
        spindle = self.spindle
        polarization = self.polarization or _across(self.beam, spindle)
        crystal = Crystal(cell_angstrom_deg=self.cell_angstrom_deg)
        if self.axes_angstrom is not None:
            wavelength, axes = self.wavelength_angstrom, np.array(self.axes_angstrom)
            volume = abs(float(np.linalg.det(np.array([unit(axis) for axis in axes]))))
            if not volume > _FLAT:
                raise ConfigError("axes_angstrom", self.axes_angstrom, "span no volume")
            # The matrix is in units of the wavelength; without one it is that of 1 Angstrom.
            reciprocal = np.linalg.inv(axes)
            crystal = Crystal(matrix=(wavelength or 1.0) * reciprocal)
        return Config(
            crystal=crystal,
            beam=Beam(
                wavelength_angstrom=self.wavelength_angstrom,
                direction=self.beam,
                polarization_vector=polarization,
                kahn_factor=self.kahn_factor,
            ),
            detector=Detector(
                panels=self.panels,
                thickness_um=self.thickness_um,
                attenuation_depth_um=self.attenuation_depth_um,
            ),
            spindle=Spindle(
                axis=spindle or polarization,
                phi_deg=self.phi_deg,
                osc_deg=self.osc_deg or None,
            ),
        )


def rectangles(flags: NDArray[np.bool_]) -> Iterator[Rectangle]:
    """Yield rectangles that cover what is set: runs along rows, joined over equal rows.

    Parameters
    ----------
    flags : ndarray of bool, shape (slow, fast)

    Yields
    ------
    tuple of int
        ``(fast_min, fast_max, slow_min, slow_max)``, inclusive.
    """
    begun: dict[tuple[int, int], int] = {}
    for row in range(len(flags) + 1):
        runs: set[tuple[int, int]] = set()
        if row < len(flags) and flags[row].any():
            edges = np.concatenate(([False], flags[row], [False])).astype(np.int8)
            steps = np.flatnonzero(np.diff(edges)).reshape(-1, 2)
            runs = {(first, last - 1) for first, last in steps.tolist()}
        for run in [run for run in begun if run not in runs]:
            yield (*run, begun.pop(run), row - 1)
        for run in sorted(runs):
            begun.setdefault(run, row)


def _vector(array: FloatArray) -> Vector:
    x, y, z = array.tolist()
    return x, y, z


def _across(beam: Vector, spindle: Vector | None) -> Vector:
    """Choose a polarization: along the spindle, else the first axis across the beam."""
    ahead = unit(beam)
    for axis in (*([spindle] if spindle else []), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)):
        direction = unit(axis)
        if float(norm(cross(ahead, direction))) > 0.1:
            break
    return _vector(direction)


def _axes(cell: FloatArray) -> tuple[Vector, Vector, Vector]:
    a, b, c = (_vector(row) for row in cell)
    return a, b, c

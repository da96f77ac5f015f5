"""Where detector, beam, spindle and crystal are: the form in which geometry files come and go."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

from nbcy.choices import Ledger
from nbcy.config import Beam, Config, Crystal, Detector, Panel, Spindle
from nbcy.constants import RTD
from nbcy.conventions import Vector
from nbcy.detector import Panel as PlacedPanel
from nbcy.detector import place_detector, place_panels, resolve_frame
from nbcy.errors import FileError
from nbcy.sources import resolve_wavelength
from nbcy.vectors import cross, norm, unit

if TYPE_CHECKING:
    from nbcy.scene import Scene

FloatArray = NDArray[np.float64]

READERS: Final = {
    "DIALS .expt": "expt",
    "CrystFEL .geom": "crystfel",
    "XDS.INP": "xds_inp",
    "XPARM.XDS": "xparm",
    "SMV": "smv",
    "miniCBF": "cbf",
    "NeXus": "nexus",
}
"""What can be read, and the functions that do."""


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
    axes_angstrom : tuple of 3 tuples of 3 float, or None
        a, b, c of the crystal with the spindle at 0.
    cell_angstrom_deg : tuple of 6 float, or None
        The cell, where the file does not say how the crystal is oriented.
    space_group : str
        As the file has it: number or symbol; empty where it does not say.
    thickness_um, attenuation_depth_um : float or None
        Of the sensor.
    notes : tuple of str
        What the file says and the simulation does not take over.
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
    axes_angstrom: tuple[Vector, Vector, Vector] | None = None
    cell_angstrom_deg: tuple[float, float, float, float, float, float] | None = None
    space_group: str = ""
    thickness_um: float | None = None
    attenuation_depth_um: float | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Geometry:
        """Read a geometry file: what it is, its content tells.

        Parameters
        ----------
        path : path-like
            DIALS ``.expt``, CrystFEL ``.geom``, ``XDS.INP``, ``XPARM.XDS``, a NeXus NXmx master,
            or the header of a miniCBF or SMV image.

        Raises
        ------
        FileError
            It cannot be read, is none of these, or does not say where the pixels are.
        """
        from nbcy.io.files import read_bytes

        data = read_bytes(path)
        return _reader(path, data)(path)

    @classmethod
    def of(cls, scene: Scene) -> Geometry:
        """Return the geometry of a scene, for writing.

        Parameters
        ----------
        scene : Scene
        """
        phi = scene.sampling["phi"]
        a, b, c = (_vector(row) for row in scene.cell.real)
        wavelength: object = scene.choices["beam.wavelength"].value
        assert isinstance(wavelength, float)
        notes = ()
        if scene.config.detector.mask_file is not None:
            notes = ("the mask file is not part of the geometry: only masked rectangles are",)
        return cls(
            panels=_panels(scene.panels, scene.config),
            beam=_vector(scene.beam),
            wavelength_angstrom=1e10 * wavelength,
            polarization=_vector(scene.polarization),
            kahn_factor=0.0 if scene.nopolar else scene.kahn_factor,
            spindle=_vector(scene.placement.spindle),
            phi_deg=scene.config.spindle.phi_deg,
            osc_deg=RTD * phi.range,
            axes_angstrom=(a, b, c),
            thickness_um=1e6 * scene.thickness if scene.mu > 0.0 else None,
            attenuation_depth_um=1e6 / scene.mu if scene.mu > 0.0 else None,
            notes=notes,
        )

    @classmethod
    def of_detector(cls, config: Config) -> Geometry:
        """Return the geometry of a configuration without a crystal.

        Parameters
        ----------
        config : Config

        Raises
        ------
        ConfigError
            As for a scene.
        """
        ledger = Ledger()
        frame = resolve_frame(config, ledger)
        if config.detector.panels:
            panels, _ = place_panels(config, frame, ledger)
        else:
            panels = (place_detector(config, frame, config.quirks, ledger)[0],)
        known = config.beam.wavelength_angstrom or config.beam.energy_ev
        return cls(
            panels=_panels(panels, config),
            beam=_vector(frame.beam),
            wavelength_angstrom=1e10 * resolve_wavelength(config, ledger) if known else None,
            polarization=_vector(frame.polarization),
            spindle=_vector(frame.spindle),
            phi_deg=config.spindle.phi_deg,
            osc_deg=config.spindle.osc_deg or 0.0,
            notes=tuple(ledger.notes),
        )

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
        from nbcy.io.atomic import atomic_write

        with atomic_write(path) as file:
            file.write(_writer(path)(self, path).encode())

    @property
    def config(self) -> Config:
        """The same as a configuration, to be completed: the field ``custom``, explicit vectors."""
        spindle = self.spindle
        polarization = self.polarization or _across(self.beam, spindle)
        crystal = Crystal(cell_angstrom_deg=self.cell_angstrom_deg)
        if self.axes_angstrom is not None:
            wavelength = self.wavelength_angstrom
            # The matrix is in units of the wavelength; without one it is that of 1 Angstrom.
            reciprocal = np.linalg.inv(np.array(self.axes_angstrom))
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

    def with_note(self, note: str) -> Self:
        """Return a copy that says something more."""
        return replace(self, notes=(*self.notes, note))

    def corners(self, n: int) -> FloatArray:
        """Return the outer corners of a panel, m: at (slow, fast) = (0, 0), (0, 1), (1, 0), (1, 1).

        Parameters
        ----------
        n : int
            Number of the panel.

        Returns
        -------
        ndarray, shape (4, 3)
        """
        panel = self.panels[n]
        fast, slow = unit(panel.fast_vector), unit(panel.slow_vector)
        size = 1e-3 * panel.pixel_mm
        edges = np.array([slow * panel.pixels_slow, fast * panel.pixels_fast]) * size
        corners: FloatArray = np.array(
            [1e-3 * np.array(panel.origin_mm) + np.array(step) @ edges for step in _STEPS]
        )
        return corners


_STEPS = ((0, 0), (0, 1), (1, 0), (1, 1))


def writes(path: str | os.PathLike[str]) -> bool:
    """Whether a name is that of a geometry file which `Geometry.save` writes."""
    name = Path(path).name.upper()
    return name.endswith((".EXPT", ".GEOM")) or name in ("XDS.INP", "XPARM.XDS")


def _writer(path: str | os.PathLike[str]) -> Callable[[Geometry, str | os.PathLike[str]], str]:
    name = Path(path).name.upper()
    if name.endswith(".EXPT"):
        from nbcy.io.expt import format_expt

        return format_expt
    if name.endswith(".GEOM"):
        from nbcy.io.crystfel import format_geom

        return format_geom
    from nbcy.io.xds import format_inp, format_xparm

    if name in ("XDS.INP", "XPARM.XDS"):
        return format_inp if name == "XDS.INP" else format_xparm
    raise FileError(path, "must end in .expt or .geom, or be named XDS.INP or XPARM.XDS")


def _reader(
    path: str | os.PathLike[str], data: bytes
) -> Callable[[str | os.PathLike[str]], Geometry]:
    """Tell what a file is."""
    name, start = Path(path).name.upper(), data[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"\x89HDF"):
        from nbcy.io.nexus import read_nexus

        return read_nexus
    if start.startswith(b"###CBF"):
        from nbcy.io.cbf_header import read_cbf_header

        return read_cbf_header
    if start.startswith(b"{") and b"HEADER_BYTES" in start:
        return _read_smv
    if start.startswith(b"{") or name.endswith((".EXPT", ".JSON")):
        from nbcy.io.expt import read_expt

        return read_expt
    if start.upper().startswith((b"XPARM.XDS", b"GXPARM.XDS")) or "XPARM" in name:
        from nbcy.io.xds import read_xparm

        return read_xparm
    if name.endswith(".GEOM"):
        from nbcy.io.crystfel import read_geom

        return read_geom
    if name.endswith(".INP") or (b"ORGX=" in data and b"\0" not in data):
        from nbcy.io.xds import read_inp

        return read_inp
    raise FileError(path, f"is no geometry file: expected one of {', '.join(READERS)}")


def _read_smv(path: str | os.PathLike[str]) -> Geometry:
    from nbcy.io.smv import header_defaults, read_smv

    fields = header_defaults(read_smv(path)[0], path=path)
    return Geometry.of_detector(Config().with_overrides(fields))


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


def _panels(panels: tuple[PlacedPanel, ...], config: Config) -> tuple[Panel, ...]:
    given = config.detector.panels
    masked = [panel.masked for panel in given] if given else [config.detector.masked]
    return tuple(
        Panel(
            name=panel.name,
            origin_mm=1000.0 * panel.origin,
            fast_vector=panel.fast,
            slow_vector=panel.slow,
            pixels_fast=panel.pixels_fast,
            pixels_slow=panel.pixels_slow,
            pixel_mm=1000.0 * panel.pixel_size,
            masked=rectangles,
        )
        for panel, rectangles in zip(panels, masked, strict=True)
    )

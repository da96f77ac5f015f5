"""The resolved scene: everything the kernel needs, in SI, validated, read-only."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nbcy.base.choices import Choice, Ledger, Origin, origin_of
from nbcy.base.constants import B_SOL, K_SOL, R_E_SQR, RTD
from nbcy.base.errors import ConfigError
from nbcy.base.panel import PARALLEL, PlacedPanel
from nbcy.base.rng import ReferenceStream
from nbcy.base.units import to_si
from nbcy.base.vectors import frozen, norm, rotation_matrices, unit
from nbcy.crystal.mosaic import DEFAULT_SEED, mosaic_rotations
from nbcy.crystal.structure_factors import HklGrid, StructureFactors
from nbcy.scene.background import water_background
from nbcy.scene.beam import (
    SourceList,
    Sweep,
    beam_size,
    grid_sources,
    listed_sources,
    resolve_fluence,
    resolve_sweep,
    resolve_wavelength,
)
from nbcy.scene.geometry import (
    DetectorPlacement,
    LabFrame,
    place_detector,
    place_panels,
    placement_of_panel,
    resolve_frame,
)
from nbcy.scene.interpolation import first_step_leaves_list
from nbcy.scene.lattice import (
    CellGeometry,
    check_orientation_table,
    orient,
    resolve_cell,
    resolve_cells,
)

if TYPE_CHECKING:
    from nbcy.config import Config
    from nbcy.inputs.coordinates import Coordinates

FloatArray = NDArray[np.float64]
Region = tuple[int, int, int, int]
T = TypeVar("T", bound=np.generic)

MAX_OVERSAMPLE: Final = 10_000
"""Most sub-pixels along an edge; a hundred million a pixel are a slip of units, not a plan."""

MAX_SINGLE_CELLS: Final = 100_000
"""Most cells along an axis in single precision: distances to a node below 1e-12 count as that, and
h, k, l round once less often than in double, which shows where N times h is 1e9."""

ROI_NEEDS_ONE_PANEL: Final = (
    "needs a detector of one panel; to leave out parts of several, give the panels `masked`"
)


@dataclass(frozen=True, eq=False)
class Scene:
    """A configuration resolved into SI units, float64, C-contiguous, read-only arrays.

    Attributes
    ----------
    config : Config
        What the scene was built from.
    frame : LabFrame
        Directions in the lab.
    panels : tuple of PlacedPanel
        The detector.
    mask : ndarray of uint8, shape (slow, fast), or None
        Pixels that are zero here are not computed. With several panels: shape (pixels,), the
        panels one after another; see `mask_of`.
    roi : tuple of int, or None
        ``(fast_min, fast_max, slow_min, slow_max)``, inclusive, inside the detector; None with
        several panels, which are rendered whole.
    curved : bool
        The detector is wrapped around the sample (physics 2.7).
    distance : float
        Sample to detector along the beam, m.
    beam : ndarray, shape (3,)
        Unit vector along which the beam travels.
    point_pixel : bool
        Solid angle without pixel size and obliquity.
    polarization : ndarray, shape (3,)
        Unit vector of the electric field.
    kahn_factor, nopolar : float, bool
        Kahn's polarization factor, and whether to leave polarization out.
    incident : ndarray, shape (n_sources, 3)
        Unit vectors from each source to the sample.
    wavelengths, weights : ndarray, shape (n_sources,)
        Wavelengths in m; weights that sum to 1.
    orientations : ndarray, shape (n_phi, n_domains, 3, 3)
        ``[p, d]`` has the rows a, b, c in m after the spindle and the mosaic rotation.
    first_orientations : ndarray of the same shape, or None
        What the very first visit (first pixel rendered, first sub-pixel, layer and source) uses
        instead, with the quirk ``phi_carryover``.
    mosaic : ndarray, shape (n_domains, 3, 3)
        The domains' rotation matrices.
    reciprocal : ndarray, shape (3, 3)
        Rows a*, b*, c* in 1/Angstrom, after misset, before spindle and mosaic rotation.
    phis : ndarray, shape (n_phi,)
        Spindle angles in rad.
    cells : tuple of int
        ``(Na, Nb, Nc)``.
    shape, fudge : str, float
        Crystal shape and the factor that scales its spots' radius.
    star_radius : bool
        Quirk: spot radius of gauss and tophat crystals as the reference has it.
    hkl : HklGrid
        Structure factors.
    interpolate : bool
        Tricubic structure factors.
    cutoff : float
        Smallest part of the largest squared lattice factor of square crystals that counts.
    precision : str
        ``double`` or ``single``.
    dmin : float
        Finest spacing to render, m; 0 is off.
    oversample, oversample_recommended : int
        Sub-pixels along each edge: used, and what the crystal's size calls for.
    oversample_omega, oversample_polar, oversample_thick : bool
        Evaluate the factor for each sub-pixel.
    layers, layer_step, thickness, mu : int, float, float, float
        Sensor layers, their spacing (m), the sensor's thickness (m) and absorption (1/m; 0: every
        photon is captured).
    layer_capture : bool
        Quirk: the last layer's capture multiplies the sum over layers.
    fluence : float
        Photons/m².
    r_e_sqr : float
        Classical electron radius squared, m².
    steps : int
        ``sources * domains * phis * oversample**2``.
    water : float
        Background photons/sr, 0 for none (physics 9.6).
    water_scaling : bool
        Quirk: ``water`` is added before scaling by r_e²·fluence/steps.
    placement : DetectorPlacement
        All that a report says about the detector.
    cell : CellGeometry
        Cell parameters and crystal size.
    sampling : mapping of str to Sweep
        Resolved ``phi``, ``hdiv``, ``vdiv``, ``dispersion``, ``thickness``.
    sources : SourceList
        The sources as they were listed or laid out.
    mosaic_spread : float
        rad.
    choices : mapping of str to Choice
        Every value the user could have given or left open, and who chose it.
    notes : tuple of str
        Warnings for the user.
    """

    config: Config
    frame: LabFrame
    panels: tuple[PlacedPanel, ...]
    mask: NDArray[np.uint8] | None
    roi: Region | None
    curved: bool
    distance: float
    beam: FloatArray
    point_pixel: bool
    polarization: FloatArray
    kahn_factor: float
    nopolar: bool
    incident: FloatArray
    wavelengths: FloatArray
    weights: FloatArray
    orientations: FloatArray
    first_orientations: FloatArray | None
    mosaic: FloatArray
    reciprocal: FloatArray
    phis: FloatArray
    cells: tuple[int, int, int]
    shape: str
    fudge: float
    star_radius: bool
    hkl: HklGrid
    interpolate: bool
    cutoff: float
    precision: str
    dmin: float
    oversample: int
    oversample_recommended: int
    oversample_omega: bool
    oversample_polar: bool
    oversample_thick: bool
    layers: int
    layer_step: float
    thickness: float
    mu: float
    layer_capture: bool
    fluence: float
    r_e_sqr: float
    steps: int
    water: float
    water_scaling: bool
    placement: DetectorPlacement
    cell: CellGeometry
    sampling: Mapping[str, Sweep]
    sources: SourceList
    mosaic_spread: float
    choices: Mapping[str, Choice]
    notes: tuple[str, ...]

    @property
    def regions(self) -> tuple[Region, ...]:
        """What is rendered of each panel, inclusive."""
        return self.whole_panels if self.roi is None else (self.roi,)

    @property
    def whole_panels(self) -> tuple[Region, ...]:
        """All there is to render of each panel."""
        return tuple((0, p.pixels_fast - 1, 0, p.pixels_slow - 1) for p in self.panels)

    def split(self, flat: NDArray[T]) -> tuple[NDArray[T], ...]:
        """Return views (slow, fast) of each panel into an array of all pixels."""
        if len(self.panels) == 1:
            return (flat.reshape(self.panels[0].shape),)
        ends = np.cumsum([panel.pixels_slow * panel.pixels_fast for panel in self.panels])
        parts = np.split(flat.reshape(-1), ends[:-1])
        return tuple(x.reshape(p.shape) for x, p in zip(parts, self.panels, strict=True))

    def mask_of(self, panel: int) -> NDArray[np.uint8] | None:
        """Return the mask of one panel, shape (slow, fast), 0 where pixels are not computed."""
        return None if self.mask is None else self.split(self.mask)[panel]

    def placement_of(self, panel: int) -> DetectorPlacement:
        """Return what a report says about one panel."""
        if not self.config.detector.panels:
            return self.placement
        return placement_of_panel(self.panels[panel], self.frame)

    @property
    def wavelength(self) -> float:
        """Central wavelength, m."""
        value: Any = self.choices["beam.wavelength"].value
        return float(value)

    @property
    def calculated(self) -> bool:
        """Whether the structure factors were calculated from coordinates for this scene."""
        return "crystal.k_sol" in self.choices


def build_scene(config: Config, structure_factors: StructureFactors | None = None) -> Scene:
    """Resolve a configuration into a scene (physics 1 to 6, 9 and 11).

    Parameters
    ----------
    config : Config
        What the user gave.
    structure_factors : StructureFactors, optional
        Used in place of the configuration's hkl or structure file and default amplitude; their cell
        serves where the configuration gives none.

    Returns
    -------
    Scene

    Raises
    ------
    ConfigError
        Values that do not fit together.
    FileError
        A file that cannot be read.
    """
    ledger = Ledger()
    quirks = config.quirks
    frame = resolve_frame(config, ledger)
    panels, placement, nearest = _place(config, frame, ledger)

    wavelength = resolve_wavelength(config, ledger)
    fluence = resolve_fluence(config, ledger)
    sampling = _resolve_sampling(config, "layer_capture" in quirks, ledger)
    sources = _resolve_sources(config, frame, wavelength, sampling, ledger)
    _check_polarization(config, frame, sources)

    structure = _read_structure(config, ledger) if structure_factors is None else structure_factors
    cell = resolve_cell(
        config,
        _read_matrix(config),
        wavelength,
        "triclinic_cell" in quirks,
        lambda seed: ReferenceStream(seed).uniform,
        ledger,
        None if structure is None else structure.cell,
    )
    cells = resolve_cells(config, cell, beam_size(config), ledger)
    # In this order: the last bit decides where a number of sub-pixels is just whole (physics 4.4).
    a, b, c = (edge * n * 1e-10 for n, edge in zip(cells, cell.parameters, strict=False))
    cell = dataclasses.replace(cell, sample=(a, b, c))
    spread, rotations = _resolve_mosaic(config, ledger)
    phis = spindle_angles(config.spindle.phi_deg, sampling["phi"])
    orientations, first_orientations = orient(
        cell.real * 1e-10, frame.spindle, phis, rotations, "phi_carryover" in quirks
    )

    if not isinstance(structure, StructureFactors | None):
        dmin = _finest_spacing(config, panels, sources, placement.distance, cell.reciprocal, ledger)
        structure = _calculate(config, structure, dmin, wavelength, ledger)
    hkl = _resolve_structure_factors(config, structure, ledger)
    interpolate = _resolve_interpolation(config, cells, hkl, ledger)
    distance, pixel = nearest
    oversample, recommended = _resolve_oversampling(
        config, max(cell.sample), wavelength * distance / pixel, ledger
    )
    thickness, mu = _resolve_sensor(config, sampling, ledger)
    roi = _resolve_roi(config, panels, ledger)
    water_size = to_si(config.background.water_um, "um")
    scene = Scene(
        config=config,
        frame=frame,
        panels=panels,
        mask=_read_mask(config, panels),
        roi=roi,
        curved=config.detector.curved,
        distance=placement.distance,
        beam=frame.beam,
        point_pixel=config.detector.point_pixel,
        polarization=frame.polarization,
        kahn_factor=config.beam.kahn_factor,
        nopolar=config.beam.nopolar,
        incident=sources.incident,
        wavelengths=sources.wavelengths,
        weights=sources.weights,
        orientations=orientations,
        first_orientations=first_orientations,
        mosaic=frozen(rotations),
        reciprocal=cell.reciprocal,
        phis=frozen(phis),
        cells=cells,
        shape=config.crystal.shape,
        fudge=config.crystal.fudge,
        star_radius="star_radius" in quirks,
        hkl=hkl,
        interpolate=interpolate,
        cutoff=_resolve_cutoff(config, interpolate, ledger),
        precision=_resolve_precision(config, cells, interpolate, ledger),
        dmin=to_si(config.sampling.dmin_angstrom, "angstrom"),
        oversample=oversample,
        oversample_recommended=recommended,
        oversample_omega=config.sampling.oversample_omega,
        oversample_polar=config.sampling.oversample_polar,
        oversample_thick=config.sampling.oversample_thick,
        layers=thickness.count,
        layer_step=thickness.step,
        thickness=thickness.range,
        mu=mu,
        layer_capture="layer_capture" in quirks,
        fluence=fluence,
        r_e_sqr=R_E_SQR,
        steps=len(sources.wavelengths) * len(rotations) * len(phis) * oversample**2,
        water=water_background(water_size, fluence),
        water_scaling="water_scaling" in quirks,
        placement=placement,
        cell=cell,
        sampling=MappingProxyType(sampling),
        sources=sources,
        mosaic_spread=spread,
        choices=MappingProxyType(ledger.choices),
        notes=tuple(ledger.notes),
    )
    return _without_interpolation(scene) if _sticks(scene) else scene


def _place(
    config: Config, frame: LabFrame, ledger: Ledger
) -> tuple[tuple[PlacedPanel, ...], DetectorPlacement, tuple[float, float]]:
    """Place the detector; also return distance and pixel (m) where it is fewest pixels away."""
    if config.detector.panels:
        panels, placement = place_panels(config, frame, ledger)
        closest = min(panels, key=lambda panel: panel.nearest / panel.pixel_size)
        return panels, placement, (closest.nearest, closest.pixel_size)
    panel, placement = place_detector(config, frame, config.quirks, ledger)
    if config.detector.curved:
        _check_curved(frame, panel)
    return (panel,), placement, (placement.distance, panel.pixel_size)


def _check_curved(frame: LabFrame, panel: PlacedPanel) -> None:
    """Refuse to wrap a detector around anything but mosflm's axes (physics 2.7)."""
    expected = {
        "beam": (frame.beam, (1.0, 0.0, 0.0)),
        "fast axis": (panel.fast, (0.0, 0.0, 1.0)),
        "slow axis": (panel.slow, (0.0, -1.0, 0.0)),
    }
    for name, (vector, wanted) in expected.items():
        if not np.allclose(vector, wanted, rtol=0.0, atol=1e-9):
            raise ConfigError(
                "detector.curved",
                True,
                f"needs the axes of the mosflm convention and no rotation: the {name} must be "
                f"{wanted}, it is {tuple(vector.tolist())}",
            )


def _si(value: float | None, unit: str) -> float | None:
    """Convert what is given."""
    return None if value is None else to_si(value, unit)


def _resolve_sampling(config: Config, layer_quirk: bool, ledger: Ledger) -> dict[str, Sweep]:
    """Fill in ranges, steps and counts (physics 4.1)."""
    beam, detector, spindle = config.beam, config.detector, config.spindle
    layers = detector.thickness_steps
    for field, value in (("osc_deg", spindle.osc_deg), ("step_deg", spindle.step_deg)):
        if value is not None and value < 0.0:
            raise ConfigError(
                f"spindle.{field}", value, "must not be negative: reverse spindle.axis instead"
            )
    return {
        "phi": resolve_sweep(
            "spindle.osc",
            "spindle.steps",
            "rad",
            _si(spindle.osc_deg, "deg"),
            _si(spindle.step_deg, "deg"),
            spindle.steps,
            ledger,
            slices=True,
            lone_range=1.0 / RTD,
            may_rest=True,
        ),
        "hdiv": resolve_sweep(
            "beam.hdiv",
            "beam.hdiv_steps",
            "rad",
            _si(beam.hdiv_mrad, "mrad"),
            _si(beam.hdiv_step_mrad, "mrad"),
            beam.hdiv_steps,
            ledger,
            slices=False,
            lone_range=1.0,
        ),
        "vdiv": resolve_sweep(
            "beam.vdiv",
            "beam.vdiv_steps",
            "rad",
            _si(beam.vdiv_mrad, "mrad"),
            _si(beam.vdiv_step_mrad, "mrad"),
            beam.vdiv_steps,
            ledger,
            slices=False,
            lone_range=1.0,
        ),
        "dispersion": resolve_sweep(
            "beam.dispersion",
            "beam.dispersion_steps",
            "",
            _si(beam.dispersion_percent, "percent"),
            None,
            beam.dispersion_steps,
            ledger,
            slices=False,
            lone_range=0.0,
        ),
        "thickness": resolve_sweep(
            "detector.thickness",
            "detector.thickness_steps",
            "m",
            _si(detector.thickness_um, "um"),
            None,
            layers,
            ledger,
            slices=not layer_quirk or layers is None,
            lone_range=0.0,
        ),
    }


def _resolve_sources(
    config: Config,
    frame: LabFrame,
    wavelength: float,
    sampling: Mapping[str, Sweep],
    ledger: Ledger,
) -> SourceList:
    """Lay the sources out, or read them (physics 5)."""
    path = config.beam.source_file
    if path is None:
        ledger.choose("beam.sources", "grid", "", "derived", "divergence and dispersion")
        return grid_sources(
            frame.beam,
            frame.polarization,
            frame.vert,
            wavelength,
            sampling["hdiv"],
            sampling["vdiv"],
            sampling["dispersion"],
            config.beam.divergence == "round",
        )
    from nbcy.inputs.source_list import read_sources

    for name in ("hdiv", "vdiv", "dispersion"):
        if sampling[name].count > 1:
            ledger.note(f"beam.{name} is not used: beam.source_file lists the sources")
    positions, intensities, wavelengths = read_sources(path, -10.0 * frame.beam, wavelength)
    quirk = "source_weights" in config.quirks
    ledger.choose(
        "beam.sources", path, "", "given", "equal weights" if quirk else "weighted by intensity"
    )
    return listed_sources(positions, intensities, wavelengths, quirk, path)


def _check_polarization(config: Config, frame: LabFrame, sources: SourceList) -> None:
    """Refuse a polarized beam that travels along its own electric field (physics 9.3)."""
    if config.beam.kahn_factor == 0.0 or config.beam.nopolar:
        return
    across = norm(np.cross(frame.polarization, sources.incident))
    along = np.flatnonzero(across < PARALLEL)
    if along.size:
        raise ConfigError(
            "beam.polarization_vector",
            tuple(frame.polarization.tolist()),
            f"must not be parallel to the beam: source {along[0]} travels along it",
        )


def _read_matrix(config: Config) -> ArrayLike | None:
    """Return the MOSFLM matrix, if there is one (physics 6.2)."""
    crystal = config.crystal
    if crystal.matrix_file is None:
        return crystal.matrix
    from nbcy.inputs.matrix import read_matrix

    return read_matrix(crystal.matrix_file)


def _resolve_mosaic(config: Config, ledger: Ledger) -> tuple[float, NDArray[np.float64]]:
    """Return the mosaic spread (rad) and the domains' rotations (physics 4.3 and 8.2)."""
    crystal = config.crystal
    spread = to_si(crystal.mosaic_spread_deg or 0.0, "deg")
    wanted = crystal.mosaic_domains
    origin: Origin = "derived"
    if spread == 0.0:
        domains, reason = 1, "no mosaic spread"
        if wanted is None:
            origin = "default"
        elif wanted > 1:
            ledger.note(f"crystal.mosaic_domains = {wanted} is not used: there is no mosaic spread")
    elif wanted is None:
        domains, reason = 10, "a spread needs domains"
        ledger.note("crystal.mosaic_domains is not given: 10 domains sample the mosaic spread")
    else:
        domains, origin, reason = wanted, "given", ""
    ledger.choose("crystal.mosaic_domains", domains, "", origin, reason)
    if domains == 1:
        return spread, np.eye(3)[np.newaxis]
    check_orientation_table(domains, 1)  # before they are drawn
    seed = DEFAULT_SEED if crystal.mosaic_seed is None else crystal.mosaic_seed
    ledger.choose("crystal.mosaic_seed", seed, "", origin_of(crystal.mosaic_seed), "")
    return spread, mosaic_rotations(spread, domains, ReferenceStream(seed).uniform)


def _read_structure(config: Config, ledger: Ledger) -> StructureFactors | Coordinates | None:
    """Read structure factors, or the atoms to calculate them of once the resolution is known."""
    crystal = config.crystal
    used: set[str] = set()
    structure: StructureFactors | Coordinates | None = None
    if crystal.hkl_file is not None:
        structure = StructureFactors.from_text(crystal.hkl_file, crystal.default_F)
    elif crystal.structure_file is not None:
        from nbcy.inputs.structures import structure_kind

        kind = structure_kind(crystal.structure_file)
        if kind == "coordinates":
            from nbcy.inputs.coordinates import read_coordinates

            used = {"k_sol", "B_sol", "anomalous"}
            structure = read_coordinates(crystal.structure_file)
        else:
            used = {"column", "missing", "anomalous"}
            read = StructureFactors.from_mtz if kind == "mtz" else StructureFactors.from_cif
            structure = read(
                crystal.structure_file,
                crystal.column,
                anomalous=crystal.anomalous,
                missing=crystal.missing or "default",
                default_F=crystal.default_F,
            )
    for field in ("column", "missing", "k_sol", "B_sol", "anomalous"):
        if getattr(crystal, field) not in (None, False) and field not in used:
            what = "measured structure factors" if field in ("column", "missing") else "coordinates"
            ledger.note(f"crystal.{field} is not used: there are no {what}")
    return structure


def _finest_spacing(
    config: Config,
    panels: Sequence[PlacedPanel],
    sources: SourceList,
    distance: float,
    reciprocal: FloatArray,
    ledger: Ledger,
) -> float:
    """Return the resolution that structure factors are needed to, Å."""
    if config.sampling.dmin_angstrom > 0.0:
        return config.sampling.dmin_angstrom
    finest = 0.0
    for panel in panels:
        # Below 90° the largest angle is at a corner, above it one of these points is close by.
        fast, slow = (
            np.linspace(0.0, n * panel.pixel_size, 65)
            for n in (panel.pixels_fast, panel.pixels_slow)
        )
        points = panel.origin + (
            slow[:, np.newaxis, np.newaxis] * panel.slow + fast[:, np.newaxis] * panel.fast
        ).reshape(-1, 3)
        if config.detector.curved:  # physics 2.7
            about_slow = rotation_matrices(panel.slow, points[:, 1] / distance)
            about_fast = rotation_matrices(panel.fast, points[:, 2] / distance)
            points = about_fast @ about_slow @ np.array([distance, 0.0, 0.0])
        cosines = unit(points) @ sources.incident.T
        lengths = np.sqrt(np.maximum(2.0 - 2.0 * cosines.min(axis=0), 0.0)) / sources.wavelengths
        finest = max(finest, 1e-10 * float(lengths.max()))
    # The nearest reflection may lie half a cell further, what interpolation needs two.
    reach = 2.0 if _would_interpolate(config) else 0.5
    dmin = 1.0 / (finest + reach * float(norm(reciprocal).sum()))
    reason = f"{reach:g} cells beyond the detector's corners"
    ledger.choose("crystal.dmin", 1e-10 * dmin, "m", "derived", reason)
    ledger.note(
        f"structure factors are calculated to {dmin:.3g} Angstrom: the corner of the detector sees "
        f"{1.0 / finest:.3g} Angstrom (sampling.dmin_angstrom, -dmin set another limit)"
    )
    return dmin


def spindle_angles(phi_deg: float, sweep: Sweep) -> FloatArray:
    """Return the angles (rad) of a rotation that starts at ``phi_deg`` (physics 6.6)."""
    return to_si(phi_deg, "deg") + sweep.step * np.arange(sweep.count, dtype=float)


def calculated_for(scene: Scene, wavelength: float) -> HklGrid:
    """Calculate the structure factors of a scene's coordinates for another wavelength.

    Parameters
    ----------
    scene : Scene
        With ``scene.calculated``.
    wavelength : float
        Central wavelength, m; the spectrum keeps its relative width.
    """
    from nbcy.inputs.coordinates import read_coordinates

    config, ledger = scene.config, Ledger()
    model = read_coordinates(str(config.crystal.structure_file))
    wavelengths = scene.wavelengths * (wavelength / scene.wavelength)
    sources = dataclasses.replace(scene.sources, wavelengths=wavelengths)
    dmin = _finest_spacing(
        config, scene.panels, sources, scene.placement.distance, scene.cell.reciprocal, ledger
    )
    return _calculate(config, model, dmin, wavelength, ledger).to_grid()


def _calculate(
    config: Config, model: Coordinates, dmin: float, wavelength: float, ledger: Ledger
) -> StructureFactors:
    """Calculate structure factors of atoms."""
    crystal = config.crystal
    k_sol = K_SOL if crystal.k_sol is None else crystal.k_sol
    b_sol = B_SOL if crystal.B_sol is None else crystal.B_sol
    ledger.choose("crystal.k_sol", k_sol, "electrons/Angstrom³", origin_of(crystal.k_sol), "")
    ledger.choose("crystal.B_sol", b_sol, "Angstrom²", origin_of(crystal.B_sol), "")
    return StructureFactors.from_coordinates(
        model,
        dmin,
        k_sol=k_sol,
        B_sol=b_sol,
        anomalous=crystal.anomalous,
        wavelength_angstrom=1e10 * wavelength,
        default_F=crystal.default_F,
    )


def _resolve_structure_factors(
    config: Config, structure_factors: StructureFactors | None, ledger: Ledger
) -> HklGrid:
    """Spread the list of structure factors over its box (physics 7.4)."""
    crystal = config.crystal
    if structure_factors is None:
        structure_factors = StructureFactors(np.empty((0, 3)), np.empty(0), crystal.default_F)
        ledger.choose("crystal.hkl", 0, "", "default", "default_F everywhere")
    else:
        source = crystal.hkl_file or crystal.structure_file or "structure factors"
        ledger.choose("crystal.hkl", len(structure_factors), "", "given", source)
    for note in structure_factors.notes:
        ledger.note(note)
    if structure_factors.default_F == 0.0 and not structure_factors.F.any():
        ledger.note("every structure factor is 0: give an hkl list or default_F")
    return structure_factors.to_grid()


def _would_interpolate(config: Config) -> bool:
    """Whether a list of structure factors is interpolated."""
    if config.sampling.interpolate is not None:
        return config.sampling.interpolate
    # The reference decides before it turns sample sizes into counts, which are 1 until then.
    return min(config.crystal.cells or (1, 1, 1)) <= 2


def _resolve_interpolation(
    config: Config, cells: tuple[int, int, int], hkl: HklGrid, ledger: Ledger
) -> bool:
    """Decide between tricubic and nearest structure factors (physics 4.5)."""
    wanted = config.sampling.interpolate
    if hkl.n_loaded == 0:
        if wanted:
            ledger.note("sampling.interpolate is not used: there is no hkl list")
        ledger.choose("sampling.interpolate", False, "", "derived", "no hkl list")
        return False
    interpolate = _would_interpolate(config)
    if wanted is not None:
        ledger.choose("sampling.interpolate", wanted, "", "given", "")
        return wanted
    ledger.choose(
        "sampling.interpolate",
        interpolate,
        "",
        "derived",
        "on when Na, Nb or Nc, not counting sample sizes, is 2 or less",
    )
    if interpolate and min(cells) > 2:
        ledger.note(
            f"structure factors are interpolated though the crystal has {cells} cells, because "
            "its size is not given as counts; sampling.interpolate = False turns it off"
        )
    return interpolate


def _sticks(scene: Scene) -> bool:
    """Whether the quirk ``sticky_interpolation`` ends interpolation before it begins."""
    return (
        scene.interpolate
        and "sticky_interpolation" in scene.config.quirks
        and first_step_leaves_list(scene)
    )


def _without_interpolation(scene: Scene) -> Scene:
    reason = "quirk sticky_interpolation: the first step is at the edge of the list"
    choices = {
        **scene.choices,
        "sampling.interpolate": Choice(False, "", "derived", reason),
    }
    return dataclasses.replace(scene, interpolate=False, choices=MappingProxyType(choices))


def _resolve_cutoff(config: Config, interpolate: bool, ledger: Ledger) -> float:
    """Return what square crystals leave out; compact shapes have bounds of their own."""
    cutoff, shape = config.sampling.cutoff, config.crystal.shape
    if cutoff == 0.0 or (shape == "square" and not interpolate):
        ledger.choose("sampling.cutoff", cutoff, "", "given" if cutoff else "default", "")
        return cutoff
    what = "interpolated structure factors" if interpolate else f"{shape} crystals"
    ledger.note(f"sampling.cutoff is not used: it is not for {what}")
    ledger.choose("sampling.cutoff", 0.0, "", "derived", f"not for {what}")
    return 0.0


def _resolve_precision(
    config: Config, cells: tuple[int, int, int], interpolate: bool, ledger: Ledger
) -> str:
    """Return the kernel's arithmetic: single is there for what most images are made of."""
    wanted, shape = config.sampling.precision, config.crystal.shape
    what = None
    if interpolate:
        what = "interpolated structure factors"
    elif shape not in ("square", "gauss"):
        what = f"{shape} crystals"
    elif max(cells) > MAX_SINGLE_CELLS:
        what = f"crystals of more than {MAX_SINGLE_CELLS} cells"
    if wanted == "single" and what is not None:
        ledger.note(f"sampling.precision = single is not used: {what} are computed in double")
        ledger.choose("sampling.precision", "double", "", "derived", f"{what} need it")
        return "double"
    ledger.choose(
        "sampling.precision", wanted, "", "default" if wanted == "double" else "given", ""
    )
    return wanted


def _resolve_oversampling(
    config: Config, sample: float, reciprocal_pixel: float, ledger: Ledger
) -> tuple[int, int]:
    """Return the sub-pixels along an edge, and how many are recommended (physics 4.4)."""
    ratio = 3.0 * sample / reciprocal_pixel if reciprocal_pixel > 0.0 else math.inf
    recommended = max(1, math.ceil(min(ratio, 1e9)))
    wanted = config.sampling.oversample
    if (wanted or recommended) > MAX_OVERSAMPLE:
        raise ConfigError(
            "sampling.oversample",
            wanted or f"{recommended} (automatic)",
            f"must be at most {MAX_OVERSAMPLE}: the sample is {1e10 * sample:g} Angstrom, a pixel "
            f"{1e10 * reciprocal_pixel:g} Angstrom in reciprocal space; check the sample's size, "
            "or give a smaller number",
        )
    if wanted is None:
        ledger.choose(
            "sampling.oversample",
            recommended,
            "",
            "derived",
            "3 per fringe: ceil(3 * sample / (wavelength * distance / pixel))",
        )
        return recommended, recommended
    ledger.choose("sampling.oversample", wanted, "", "given", "")
    if wanted < recommended:
        ledger.note(
            f"sampling.oversample = {wanted} is coarse: the sample is {1e10 * sample:g} Angstrom, "
            f"a pixel {1e10 * reciprocal_pixel:g} Angstrom in reciprocal space; "
            f"{recommended} is recommended"
        )
    return wanted, recommended


def _resolve_sensor(
    config: Config, sampling: dict[str, Sweep], ledger: Ledger
) -> tuple[Sweep, float]:
    """Return the sensor's layers and its absorption in 1/m (physics 4.2)."""
    detector, layers = config.detector, sampling["thickness"]
    depth = _si(detector.attenuation_depth_um, "um")
    if layers.range == 0.0:
        if depth is not None:
            ledger.note("detector.attenuation_depth_um is not used: the sensor has no thickness")
        return layers, 0.0
    if depth is None:
        depth = layers.range
        ledger.choose("detector.attenuation_depth", depth, "m", "derived", "the thickness")
        ledger.note(
            "detector.attenuation_depth_um is not given: the thickness, "
            f"{detector.thickness_um:g} um, is taken"
        )
    else:
        ledger.choose("detector.attenuation_depth", depth, "m", "given", "")
    if depth == 0.0 or math.isinf(depth):
        ledger.note(
            "detector.thickness_um is not used: the attenuation depth says not to model absorption"
        )
        layers = sampling["thickness"] = Sweep(0.0, 0.0, 1)
        return layers, 0.0
    return layers, 1.0 / depth


def _resolve_roi(config: Config, panels: tuple[PlacedPanel, ...], ledger: Ledger) -> Region | None:
    """Return the inclusive region of interest, inside the detector (physics 9.7)."""
    wanted = config.sampling.roi
    if len(panels) > 1:
        if wanted is not None:
            raise ConfigError("sampling.roi", wanted, ROI_NEEDS_ONE_PANEL)
        ledger.choose("sampling.roi", None, "", "default", "every panel")
        return None
    (panel,) = panels
    last_fast, last_slow = panel.pixels_fast - 1, panel.pixels_slow - 1
    whole = (0, last_fast, 0, last_slow)
    if wanted is None:
        ledger.choose("sampling.roi", whole, "", "default", "the whole detector")
        return whole
    fast_min, fast_max, slow_min, slow_max = wanted
    clipped = (fast_min, min(fast_max, last_fast), slow_min, min(slow_max, last_slow))
    if fast_min > last_fast or slow_min > last_slow:
        raise ConfigError(
            "sampling.roi",
            wanted,
            f"must overlap the detector: fast 0...{last_fast}, slow 0...{last_slow}",
        )
    ledger.choose("sampling.roi", clipped, "", "given", "inclusive, clipped to the detector")
    if clipped != wanted:
        ledger.note(f"sampling.roi = {wanted} is clipped to the detector: {clipped}")
    return clipped


def _read_mask(config: Config, panels: tuple[PlacedPanel, ...]) -> NDArray[np.uint8] | None:
    """Put masked rectangles and the mask file together, as 0 (skip) and 1 (formats 5.4)."""
    detector = config.detector
    if detector.panels:
        named = [(f"detector.panels[{n}].", p.masked) for n, p in enumerate(detector.panels)]
    else:
        named = [("detector.", detector.masked)]
    if detector.mask_file is None and not any(rectangles for _, rectangles in named):
        return None
    masks = [np.ones(panel.shape, dtype=np.uint8) for panel in panels]
    if detector.mask_file is not None:
        masks = [_read_mask_file(detector.mask_file, panels[0].shape)]
    for mask, (field, rectangles) in zip(masks, named, strict=True):
        for fast_min, fast_max, slow_min, slow_max in rectangles:
            if fast_max >= mask.shape[1] or slow_max >= mask.shape[0]:
                raise ConfigError(
                    f"{field}masked",
                    (fast_min, fast_max, slow_min, slow_max),
                    f"must lie on the {mask.shape[1]} x {mask.shape[0]} pixels (fast x slow)",
                )
            mask[slow_min : slow_max + 1, fast_min : fast_max + 1] = 0
    joined = masks[0] if len(masks) == 1 else np.concatenate([mask.ravel() for mask in masks])
    joined.setflags(write=False)
    return joined


def _read_mask_file(path: str, shape: tuple[int, int]) -> NDArray[np.uint8]:
    from nbcy.formats.smv import read_smv

    _, pixels = read_smv(path)
    if pixels.shape != shape:
        raise ConfigError(
            "detector.mask_file",
            path,
            f"must have the detector's shape (slow, fast) = {shape}, it has {pixels.shape}",
        )
    mask: NDArray[np.uint8] = (pixels != 0).astype(np.uint8)
    return mask

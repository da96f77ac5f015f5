"""Structure factors as the kernel looks them up: listed or calculated (physics 7)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.cell import cell_parameters, dual
from nbcy.base.choices import origin_of
from nbcy.base.constants import B_SOL, K_SOL
from nbcy.base.symmetry import sphere
from nbcy.base.vectors import frozen, norm, rotation_matrices, unit
from nbcy.crystal.structure_factors import FactorsOfWavelengths, HklGrid, StructureFactors
from nbcy.scene.beam import illumination, wavelength
from nbcy.scene.desk import Step
from nbcy.scene.geometry import geometry
from nbcy.scene.lattice import cells, setting

if TYPE_CHECKING:
    from nbcy.base.panel import PlacedPanel

FloatArray = NDArray[np.float64]

_RESOLUTIONS: Final = 1.01
"""Ratio of the resolutions that structure factors are calculated to, so that a small change of
detector or beam keeps them."""


@dataclass(frozen=True, eq=False)
class Amplitudes:
    """Structure factors and how they are read between the nodes.

    Attributes
    ----------
    hkl : HklGrid
        At the central wavelength, where they differ from one to another.
    interpolate : bool
        Tricubic structure factors.
    calculated : bool
        Whether they were calculated from coordinates for this scene.
    channels : Channels or None
        Those of each wavelength, where they differ from one to another.
    """

    hkl: HklGrid
    interpolate: bool
    calculated: bool
    channels: Channels | None


@dataclass(frozen=True, eq=False)
class Damping:
    """What weakens or strengthens structure factors on top of their list (physics 7.8).

    Attributes
    ----------
    scale : float
        Factor on all.
    B : float
        Å²; F takes exp(-B/(4d²)).
    reciprocal : ndarray, shape (3, 3)
        Rows a*, b*, c*, 1/Å.
    every : ndarray of int, shape (n, 3), or None
        Reflections that shall be on the list, where those that are not have an amplitude.
    """

    scale: float
    B: float
    reciprocal: FloatArray
    every: NDArray[np.int32] | None

    def applied(self, listed: StructureFactors) -> StructureFactors:
        """Return a list with it."""
        if self.scale == 1.0 and self.B == 0.0:
            return listed
        hkl, F = listed.hkl, listed.F
        if self.every is not None:
            _, lacking = np.unique(np.concatenate([hkl, self.every]), axis=0, return_index=True)
            lacking = lacking[lacking >= len(hkl)] - len(hkl)
            hkl = np.concatenate([hkl, self.every[lacking]])
            F = np.concatenate([F, np.full(len(lacking), listed.default_F)])
        squares = np.square(hkl @ self.reciprocal).sum(axis=1)
        return StructureFactors(
            hkl,
            F * (self.scale * np.exp(-0.25 * self.B * squares)),
            listed.default_F * self.scale,
            listed.notes,
            cell=listed.cell,
            space_group=listed.space_group,
        )


@dataclass(frozen=True, eq=False)
class Channels:
    """Structure factors of each wavelength.

    Attributes
    ----------
    factors : FactorsOfWavelengths
    damping : Damping
    """

    factors: FactorsOfWavelengths
    damping: Damping

    def grid(self, wavelength: float) -> HklGrid:
        """Return those of a wavelength, m."""
        return self.damping.applied(self.factors.at(1e10 * wavelength)).to_grid()


def damping(step: Step) -> Damping:
    """Stage: scale and B factor on top of the list."""
    crystal = step.config.crystal
    every = None
    if crystal.B_factor_angstrom2 > 0.0 and crystal.default_F != 0.0:
        a, b, c, *angles = cell_parameters(dual(step.take(setting).reciprocal))
        alpha, beta, gamma = angles
        every = sphere((a, b, c, alpha, beta, gamma), step.take(calculated_dmin))
    scale, B = math.sqrt(crystal.spot_scale), crystal.B_factor_angstrom2
    return Damping(scale, B, step.take(setting).reciprocal, every)


def amplitudes(step: Step) -> Amplitudes:
    """Stage: the grid of structure factors, and whether it is interpolated."""
    grid, is_calculated = step.take(structure_factors)
    several = is_calculated and step.config.crystal.anomalous
    several = several and len(step.take(distinct_wavelengths)) > 1
    channels = None
    if several:
        channels = Channels(step.take(factors_of_wavelengths), step.take(damping))
    return Amplitudes(grid, _interpolates(step, grid), is_calculated, channels)


def structure_factors(step: Step) -> tuple[HklGrid, bool]:
    """Stage: the list spread over its box, and whether it was calculated."""
    crystal, ledger, structure = step.config.crystal, step.ledger, step.given("structure")
    is_calculated = not isinstance(structure, StructureFactors | None)
    if is_calculated:
        every = step.take(factors_of_wavelengths)
        structure = every.at(1e10 * step.take(typical_wavelength) if crystal.anomalous else None)
    if structure is None:
        structure = StructureFactors(np.empty((0, 3)), np.empty(0), crystal.default_F)
        ledger.choose("crystal.hkl", 0, "", "default", "default_F everywhere")
    else:
        source = crystal.hkl_file or crystal.structure_file or "structure factors"
        ledger.choose("crystal.hkl", len(structure), "", "given", source)
    for note in structure.notes:
        ledger.note(note)
    dark = structure.default_F == 0.0 and not structure.F.any()
    if dark and not step.config.background.materials:
        ledger.note("every structure factor is 0: give an hkl list or default_F")
    return step.take(damping).applied(structure).to_grid(), is_calculated


def factors_of_wavelengths(step: Step) -> FactorsOfWavelengths:
    """Stage: structure factors of atoms, of whatever wavelength."""
    crystal, ledger = step.config.crystal, step.ledger
    k_sol = K_SOL if crystal.k_sol is None else crystal.k_sol
    b_sol = B_SOL if crystal.B_sol is None else crystal.B_sol
    ledger.choose("crystal.k_sol", k_sol, "electrons/Angstrom³", origin_of(crystal.k_sol), "")
    ledger.choose("crystal.B_sol", b_sol, "Angstrom²", origin_of(crystal.B_sol), "")
    return FactorsOfWavelengths(
        step.given("structure"),
        step.take(calculated_dmin),
        k_sol=k_sol,
        B_sol=b_sol,
        anomalous=crystal.anomalous,
        default_F=crystal.default_F,
    )


def distinct_wavelengths(step: Step) -> FloatArray:
    """Stage: wavelengths of the sources, each once, in ascending order, m."""
    return frozen(np.unique(step.take(illumination).wavelengths))


def typical_wavelength(step: Step) -> float:
    """Stage: the wavelength that all sources have, else the central one, m."""
    every: list[float] = step.take(distinct_wavelengths).tolist()
    return every[0] if len(every) == 1 else step.take(wavelength)


def calculated_dmin(step: Step) -> float:
    """Stage: the resolution that structure factors are calculated to, Å."""
    wanted: float = step.config.sampling.dmin_angstrom
    if wanted > 0.0:
        return wanted
    beam, placed = step.take(illumination), step.take(geometry)
    finest = max(
        longest_scattering_vector(
            panel, placed.curved, placed.distance, beam.incident, beam.wavelengths
        )
        for panel in placed.panels
    )
    finest *= step.given("further") or 1.0
    # The nearest reflection may lie half a cell further, what interpolation needs two.
    reach = 2.0 if _would_interpolate(step) else 0.5
    needed = finest + reach * float(norm(step.take(setting).reciprocal).sum())
    dmin = _RESOLUTIONS ** -math.ceil(math.log(needed, _RESOLUTIONS) - 1e-9)
    reason = f"{reach:g} cells beyond the detector's corners, rounded up to the next percent"
    step.ledger.choose("crystal.dmin", 1e-10 * dmin, "m", "derived", reason)
    step.ledger.note(
        f"structure factors are calculated to {dmin:.3g} Angstrom: the corner of the detector sees "
        f"{1.0 / finest:.3g} Angstrom (sampling.dmin_angstrom, -dmin set another limit)"
    )
    return dmin


def longest_scattering_vector(
    panel: PlacedPanel,
    curved: bool,
    distance: float,
    incident: FloatArray,
    wavelengths: FloatArray,
) -> float:
    """Return the longest scattering vector that reaches a panel, 1/Å."""
    # Below 90° the largest angle is at a corner, above it one of these points is close by.
    fast, slow = (
        np.linspace(0.0, n * panel.pixel_size, 65) for n in (panel.pixels_fast, panel.pixels_slow)
    )
    points = panel.origin + (
        slow[:, np.newaxis, np.newaxis] * panel.slow + fast[:, np.newaxis] * panel.fast
    ).reshape(-1, 3)
    if curved:  # physics 2.7
        about_slow = rotation_matrices(panel.slow, points[:, 1] / distance)
        about_fast = rotation_matrices(panel.fast, points[:, 2] / distance)
        points = about_fast @ about_slow @ np.array([distance, 0.0, 0.0])
    cosines = unit(points) @ incident.T
    lengths = np.sqrt(np.maximum(2.0 - 2.0 * cosines.min(axis=0), 0.0)) / wavelengths
    return 1e-10 * float(lengths.max())


def _would_interpolate(step: Step) -> bool:
    """Whether a list of structure factors is interpolated."""
    wanted: bool | None = step.config.sampling.interpolate
    if wanted is not None:
        return wanted
    if step.config.sampling.average == "exact":
        return False
    # The reference decides before it turns sample sizes into counts, which are 1 until then.
    return min(step.config.crystal.cells or (1, 1, 1)) <= 2


def _interpolates(step: Step, hkl: HklGrid) -> bool:
    """Decide between tricubic and nearest structure factors (physics 4.5)."""
    wanted: bool | None = step.config.sampling.interpolate
    ledger = step.ledger
    if hkl.n_loaded == 0:
        if wanted:
            ledger.note("sampling.interpolate is not used: there is no hkl list")
        ledger.choose("sampling.interpolate", False, "", "derived", "no hkl list")
        return False
    interpolate = _would_interpolate(step)
    if wanted is not None:
        ledger.choose("sampling.interpolate", wanted, "", "given", "")
        return wanted
    exact = step.config.sampling.average == "exact"
    ledger.choose(
        "sampling.interpolate",
        interpolate,
        "",
        "derived",
        "exact averages take those of nodes"
        if exact
        else "on when Na, Nb or Nc, not counting sample sizes, is 2 or less",
    )
    counts = step.take(cells)
    if interpolate and min(counts) > 2:
        ledger.note(
            f"structure factors are interpolated though the crystal has {counts} cells, because "
            "its size is not given as counts; sampling.interpolate = False turns it off"
        )
    return interpolate

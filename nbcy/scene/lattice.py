"""The crystal: cell, setting, size, and its orientations (physics 6 and 8)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.cell import (
    cell_parameters,
    cell_volume,
    dual,
    impose_lengths,
    reciprocal_from_cell,
    reciprocal_from_matrix,
)
from nbcy.base.choices import Origin, origin_of
from nbcy.base.constants import RTD
from nbcy.base.errors import ConfigError
from nbcy.base.rng import ReferenceStream
from nbcy.base.units import to_si
from nbcy.base.vectors import (
    Vector,
    cross,
    dot,
    frozen,
    norm,
    rotate,
    rotate_xyz,
)
from nbcy.crystal.mosaic import DEFAULT_SEED, mosaic_rotations, random_misset
from nbcy.scene.beam import beam_size, wavelength
from nbcy.scene.desk import Step
from nbcy.scene.frame import lab_frame
from nbcy.scene.sweep import Sweep, converted, resolve_sweep

FloatArray = NDArray[np.float64]


MAX_ORIENTATION_BYTES: Final = 2 * 1024**3
"""Largest table of orientations."""

_CEIL_SLACK: Final = 1e-9

_SAME_CELL: Final = 0.01
"""Relative deviation from which cells are taken for different ones."""


@dataclass(frozen=True, eq=False)
class CellGeometry:
    """The cell as it is used, before spindle and mosaic rotation.

    Attributes
    ----------
    edges : tuple of float
        a, b, c in Angstrom: exactly what the user typed, where that is how the cell was given. The
        last bit decides numbers of cells and sub-pixels.
    volume : float
        Angstrom³.
    real, reciprocal : ndarray, shape (3, 3)
        Rows a, b, c in Angstrom and a*, b*, c* in 1/Angstrom.
    misset : tuple of float
        Rotations about x, y, z that were applied, rad.
    sample : tuple of float
        Crystal size along a, b, c, m.
    """

    edges: Vector
    volume: float
    real: FloatArray
    reciprocal: FloatArray
    misset: Vector
    sample: Vector

    @cached_property
    def parameters(self) -> tuple[float, ...]:
        """a, b, c in Angstrom, alpha, beta, gamma in degrees."""
        return (*self.edges, *cell_parameters(self.real)[3:])

    @cached_property
    def reciprocal_parameters(self) -> tuple[float, ...]:
        """a*, b*, c* in 1/Angstrom, their angles in degrees."""
        return cell_parameters(self.reciprocal)


def check_orientation_table(domains: int, phis: int) -> None:
    """Refuse a table of orientations that would not fit.

    Raises
    ------
    ConfigError
        It would be larger than 2 GiB.
    """
    size = 72 * domains * phis
    if size > MAX_ORIENTATION_BYTES:
        raise ConfigError(
            "crystal.mosaic_domains",
            f"{domains} domains x {phis} spindle steps",
            f"would take {size / 1024**3:.1f} GiB of orientations; at most 2 GiB fit",
        )


def orient(
    real: FloatArray,
    spindle: FloatArray,
    phis: FloatArray,
    mosaic: FloatArray,
    carryover: bool,
) -> tuple[FloatArray, FloatArray | None]:
    """Cell vectors of every spindle step and domain (physics 6.6).

    Parameters
    ----------
    real : ndarray, shape (3, 3)
        Rows a, b, c, m.
    spindle : ndarray, shape (3,)
        Unit vector.
    phis : ndarray, shape (n,)
        rad.
    mosaic : ndarray, shape (m, 3, 3)
        Rotation matrices.
    carryover : bool
        Quirk ``phi_carryover``: a step at exactly 0 keeps the vectors of the step before it.

    Returns
    -------
    orientations : ndarray, shape (n, m, 3, 3)
        m.
    first : ndarray of the same shape, or None
        What the very first visit uses, where that is something else.

    Raises
    ------
    ConfigError
        A table larger than 2 GiB.
    """
    check_orientation_table(len(mosaic), len(phis))

    def sweep(current: FloatArray) -> FloatArray:
        steps = []
        for phi in phis.tolist():
            if not (carryover and phi == 0.0):
                current = rotate(real, spindle, phi)
            steps.append(current)
        return np.array(steps)

    def with_domains(steps: FloatArray) -> FloatArray:
        # [p, d, vector, i] = sum over j of mosaic[d, i, j] * steps[p, vector, j]
        matrix = mosaic[np.newaxis, :, np.newaxis]
        return frozen(dot(matrix, steps[:, np.newaxis, :, np.newaxis, :]))

    first = sweep(real)
    later = sweep(first[-1])
    if np.array_equal(first, later):
        return with_domains(first), None
    return with_domains(later), with_domains(first)


@dataclass(frozen=True, eq=False)
class Setting:
    """The cell before any misset.

    Attributes
    ----------
    reciprocal : ndarray, shape (3, 3)
        Rows a*, b*, c*, 1/Angstrom.
    lengths, angles : tuple of float, or None
        Å and rad, as given; None of a matrix.
    """

    reciprocal: FloatArray
    lengths: Vector | None
    angles: Vector | None


def setting(step: Step) -> Setting:
    """Stage: the cell in its standard setting, or as a matrix has it (physics 6)."""
    crystal, ledger = step.config.crystal, step.ledger
    matrix = crystal.matrix if crystal.matrix_file is None else step.given("matrix")
    if matrix is not None:
        reciprocal = reciprocal_from_matrix(matrix, step.take(wavelength))
        ledger.choose("crystal.cell", "matrix", "", "given", "columns a*, b*, c*")
        return Setting(frozen(reciprocal), None, None)
    given = crystal.cell_angstrom_deg
    known = None if given is not None else _known_cell(step)
    if given is None and known is None:
        raise ConfigError(
            "crystal",
            "no cell",
            "give cell_angstrom_deg, matrix or matrix_file (-cell or -mat), or a structure_file",
        )
    a, b, c, *degrees = given or known or ()
    alpha, beta, gamma = (to_si(angle, "deg") for angle in degrees)
    lengths, angles = (a, b, c), (alpha, beta, gamma)
    reciprocal = reciprocal_from_cell(lengths, angles, "triclinic_cell" in step.quirks)
    whose = "" if given else ", the structure factors' own"
    ledger.choose(
        "crystal.cell",
        "cell",
        "",
        "given" if given else "derived",
        f"a* along x, b* in the xy plane{whose}",
    )
    return Setting(frozen(reciprocal), lengths, angles)


def _known_cell(step: Step) -> tuple[float, ...] | None:
    """Return the cell of the structure factors (Å, degrees)."""
    structure = step.given("structure")
    return None if structure is None else structure.cell


def misset(step: Step) -> Vector:
    """Stage: rotations about x, then y, then z, rad."""
    crystal, ledger = step.config.crystal, step.ledger
    angles: Vector = (0.0, 0.0, 0.0)
    if crystal.misset_random:
        seed = DEFAULT_SEED if crystal.misset_seed is None else crystal.misset_seed
        angles = random_misset(ReferenceStream(seed).uniform)
        ledger.choose("crystal.misset_seed", seed, "", origin_of(crystal.misset_seed), "")
        ledger.choose("crystal.misset", angles, "rad", "derived", f"random, seed {seed}")
    elif crystal.misset_deg is not None:
        x, y, z = (to_si(angle, "deg") for angle in crystal.misset_deg)
        angles = (x, y, z)
        ledger.choose("crystal.misset", angles, "rad", "given", "about x, then y, then z")
    else:
        ledger.choose("crystal.misset", angles, "rad", "default", "")
    return angles


def cell(step: Step) -> CellGeometry:
    """Stage: the cell as it is used; the crystal's size is one cell.

    Raises
    ------
    ConfigError
        Neither cell nor matrix, or a cell that is none.
    """
    ledger, start, angles = step.ledger, step.take(setting), step.take(misset)
    lengths = start.lengths
    reciprocal = rotate_xyz(start.reciprocal, *angles)
    if lengths is not None and start.angles is not None and "triclinic_cell" in step.quirks:
        volume = cell_volume(lengths, start.angles)
        real, reciprocal = impose_lengths(reciprocal, lengths, volume)
    else:
        volume = 1.0 / float(dot(reciprocal[0], cross(reciprocal[1], reciprocal[2])))
        real = dual(reciprocal)
        if volume < 0.0:
            ledger.note(f"the crystal's axes are left-handed: the volume is {volume:g} Angstrom³")
    known = _known_cell(step)
    if known is not None:
        parameters = cell_parameters(real)
        if not np.allclose(parameters, known, rtol=_SAME_CELL, atol=0.0):
            mine, theirs = (" ".join(f"{x:g}" for x in values) for values in (parameters, known))
            ledger.note(
                f"the crystal's cell, {mine}, is not that of its structure factors, {theirs}"
            )
    a, b, c = lengths or norm(real).tolist()
    return CellGeometry(
        edges=(a, b, c),
        volume=volume,
        real=frozen(real),
        reciprocal=frozen(reciprocal),
        misset=angles,
        sample=(a * 1e-10, b * 1e-10, c * 1e-10),
    )


def turned_cell(step: Step) -> CellGeometry:
    """Stage: the cell with the rotation that a series gives it, in the frame of the lab."""
    still, turn = step.take(cell), step.given("rotation")
    if turn is None:
        return still
    step.ledger.choose("crystal.rotation", turn, "", "given", "varied")
    return replace(
        still, real=frozen(still.real @ turn.T), reciprocal=frozen(still.reciprocal @ turn.T)
    )


def cell_edges(step: Step) -> Vector:
    """Stage: a, b, c, Angstrom."""
    return step.take(cell).edges


def cells(step: Step) -> tuple[int, int, int]:
    """Stage: unit cells along a, b, c; sizes of the sample go before counts (physics 6.5)."""
    crystal, ledger, edges = step.config.crystal, step.ledger, step.take(cell_edges)
    counts: list[int] = []
    axes = zip("abc", (crystal.size_x_mm, crystal.size_y_mm, crystal.size_z_mm), strict=True)
    for i, (axis, size_mm) in enumerate(axes):
        name = f"crystal.cells.{axis}"
        field = f"crystal.size_{'xyz'[i]}_mm"
        if size_mm is not None:
            size, widest = to_si(size_mm, "mm"), beam_size(step.config)
            if i > 0 and size > widest:  # physics 3
                ledger.note(f"{field} = {size_mm:g} is clipped to the beam, {1e3 * widest:g} mm")
                size = widest
            if crystal.cells is not None:
                ledger.note(
                    f"crystal.cells[{i}] = {crystal.cells[i]} is not used: {field} is given"
                )
            count = max(1, math.ceil(size / (edges[i] * 1e-10) - _CEIL_SLACK))
            ledger.choose(name, count, "", "derived", f"ceil(sample size / |{axis}|)")
        elif crystal.cells is not None:
            count = crystal.cells[i]
            ledger.choose(name, count, "", "given", "")
        else:
            count = 1
            ledger.choose(name, count, "", "default", "")
        counts.append(count)
    return counts[0], counts[1], counts[2]


def sample_size(step: Step) -> Vector:
    """Stage: the crystal's size along a, b, c, m."""
    edges = step.take(cell_edges)
    # In this order: the last bit decides where a number of sub-pixels is just whole (physics 4.4).
    a, b, c = (edge * n * 1e-10 for n, edge in zip(step.take(cells), edges, strict=True))
    return a, b, c


@dataclass(frozen=True, eq=False)
class Lattice:
    """The crystal before the spindle turns it.

    Attributes
    ----------
    cell : CellGeometry
        Its cell, and its size.
    cells : tuple of int
        ``(Na, Nb, Nc)``.
    """

    cell: CellGeometry
    cells: tuple[int, int, int]

    @property
    def reciprocal(self) -> FloatArray:
        """Rows a*, b*, c* in 1/Angstrom, after misset."""
        return self.cell.reciprocal


def lattice(step: Step) -> Lattice:
    """Stage: cell and size together."""
    sized = replace(step.take(turned_cell), sample=step.take(sample_size))
    return Lattice(sized, step.take(cells))


@dataclass(frozen=True, eq=False)
class Domains:
    """The mosaic domains.

    Attributes
    ----------
    mosaic_spread : float
        rad.
    mosaic : ndarray, shape (n_domains, 3, 3)
        Their rotation matrices.
    """

    mosaic_spread: float
    mosaic: FloatArray


def domains(step: Step) -> Domains:
    """Stage: mosaic spread and rotations (physics 4.3 and 8.2)."""
    crystal, ledger = step.config.crystal, step.ledger
    spread = to_si(crystal.mosaic_spread_deg or 0.0, "deg")
    wanted = crystal.mosaic_domains
    origin: Origin = "derived"
    if spread == 0.0:
        count, reason = 1, "no mosaic spread"
        if wanted is None:
            origin = "default"
        elif wanted > 1:
            ledger.note(f"crystal.mosaic_domains = {wanted} is not used: there is no mosaic spread")
    elif wanted is None:
        count, reason = 10, "a spread needs domains"
        ledger.note("crystal.mosaic_domains is not given: 10 domains sample the mosaic spread")
    else:
        count, origin, reason = wanted, "given", ""
    ledger.choose("crystal.mosaic_domains", count, "", origin, reason)
    if count == 1:
        return Domains(spread, frozen(np.eye(3)[np.newaxis]))
    check_orientation_table(count, 1)  # before they are drawn
    seed = DEFAULT_SEED if crystal.mosaic_seed is None else crystal.mosaic_seed
    ledger.choose("crystal.mosaic_seed", seed, "", origin_of(crystal.mosaic_seed), "")
    return Domains(spread, frozen(mosaic_rotations(spread, count, ReferenceStream(seed).uniform)))


@dataclass(frozen=True, eq=False)
class Rotation:
    """The crystal as the spindle turns it.

    Attributes
    ----------
    phi : Sweep
        rad.
    phis : ndarray, shape (n_phi,)
        Spindle angles, rad.
    orientations : ndarray, shape (n_phi, n_domains, 3, 3)
        ``[p, d]`` has the rows a, b, c in m after the spindle and the mosaic rotation.
    first_orientations : ndarray of the same shape, or None
        What the very first visit (first pixel rendered, first sub-pixel, layer and source) uses
        instead, with the quirk ``phi_carryover``.
    """

    phi: Sweep
    phis: FloatArray
    orientations: FloatArray
    first_orientations: FloatArray | None


def rotation(step: Step) -> Rotation:
    """Stage: orientations of every spindle step and domain (physics 6.6)."""
    spindle = step.config.spindle
    for field, value in (("osc_deg", spindle.osc_deg), ("step_deg", spindle.step_deg)):
        if value is not None and value < 0.0:
            raise ConfigError(
                f"spindle.{field}", value, "must not be negative: reverse spindle.axis instead"
            )
    sweep = resolve_sweep(
        "spindle.osc",
        "spindle.steps",
        "rad",
        converted(spindle.osc_deg, "deg"),
        converted(spindle.step_deg, "deg"),
        spindle.steps,
        step.ledger,
        slices=True,
        lone_range=1.0 / RTD,
        may_rest=True,
    )
    phis = spindle_angles(spindle.phi_deg, sweep, spindle.sampling)
    orientations, first = orient(
        step.take(turned_cell).real * 1e-10,
        step.take(lab_frame).spindle,
        phis,
        step.take(domains).mosaic,
        "phi_carryover" in step.quirks,
    )
    return Rotation(sweep, frozen(phis), orientations, first)


def spindle_angles(phi_deg: float, sweep: Sweep, sampling: str) -> FloatArray:
    """Return the angles (rad) of a rotation that starts at ``phi_deg`` (physics 4.1)."""
    within = 0.5 * sweep.step if sampling == "middle" else 0.0
    return to_si(phi_deg, "deg") + within + sweep.step * np.arange(sweep.count, dtype=float)

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
from nbcy.crystal.mosaic import (
    DEFAULT_SEED,
    axis_angle_rotations,
    checked_rotations,
    crystal_axes,
    gaussian_rotations,
    mosaic_rotations,
    random_misset,
    spiral_rotations,
)
from nbcy.scene.beam import beam_size, wavelength
from nbcy.scene.desk import Step
from nbcy.scene.frame import lab_frame
from nbcy.scene.sweep import Sweep, converted, resolve_sweep

FloatArray = NDArray[np.float64]


MAX_ORIENTATION_BYTES: Final = 2 * 1024**3
"""Largest table of orientations."""

_LEAST_WEIGHT: Final = 1e-100
"""Of a domain, as a part of the largest: their ratios are multiplied with sums in the kernel."""

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
    axes: FloatArray | None = None,
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
    axes : ndarray, shape (3, 3), optional
        Rows: Cartesian axes whose rotations the domains' are; they turn with the spindle.

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

    if axes is not None:
        real = real @ (axes.T @ mosaic.transpose(0, 2, 1) @ axes)
    first = sweep(real)
    later = sweep(first[-1]) if carryover else first
    if axes is not None:
        return frozen(later), None if np.array_equal(first, later) else frozen(first)
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


def cells(step: Step) -> Vector:
    """Stage: unit cells along a, b, c; sizes of the sample go before counts (physics 6.5)."""
    crystal, ledger, edges = step.config.crystal, step.ledger, step.take(cell_edges)
    if crystal.cells_matrix is not None:
        return _cells_of_matrix(step)
    counts: list[float] = []
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
            count: float = max(1, math.ceil(size / (edges[i] * 1e-10) - _CEIL_SLACK))
            ledger.choose(name, count, "", "derived", f"ceil(sample size / |{axis}|)")
        elif crystal.cells is not None:
            count = crystal.cells[i]
            ledger.choose(name, count, "", "given", "")
        else:
            count = 1
            ledger.choose(name, count, "", "default", "")
        counts.append(count)
    return counts[0], counts[1], counts[2]


def _cells_of_matrix(step: Step) -> Vector:
    """Return how far a crystal of a matrix reaches along a, b, c, in cells."""
    crystal, field = step.config.crystal, "crystal.cells_matrix"
    size = np.array(crystal.cells_matrix)
    if not np.array_equal(size, size.T) or not (np.linalg.eigvalsh(size) > 0.0).all():
        expected = "must be symmetric, with no axis of no or negative length"
        raise ConfigError(field, crystal.cells_matrix, expected)
    for name in ("size_x_mm", "size_y_mm", "size_z_mm"):
        if getattr(crystal, name) is not None:
            expected = "must not be given along with cells_matrix"
            raise ConfigError(f"crystal.{name}", getattr(crystal, name), expected)
    a, b, c = np.linalg.norm(size, axis=1).tolist()
    for axis, count in zip("abc", (a, b, c), strict=True):
        step.ledger.choose(f"crystal.cells.{axis}", count, "", "derived", "row of cells_matrix")
    return a, b, c


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
    cells : tuple of float
        ``(Na, Nb, Nc)``.
    """

    cell: CellGeometry
    cells: Vector

    @property
    def reciprocal(self) -> FloatArray:
        """Rows a*, b*, c* in 1/Angstrom, after misset."""
        return self.cell.reciprocal

    @property
    def own_axes(self) -> FloatArray:
        """Rows x along a*, y, z along c: the crystal's own Cartesian axes, after misset."""
        return crystal_axes(self.cell.real, self.cell.reciprocal)


def lattice(step: Step) -> Lattice:
    """Stage: cell and size together."""
    sized = replace(step.take(turned_cell), sample=step.take(sample_size))
    return Lattice(sized, step.take(cells))


def lattice_axes(step: Step) -> FloatArray:
    """Stage: the crystal's own Cartesian axes, rows."""
    return step.take(lattice).own_axes


@dataclass(frozen=True, eq=False)
class Domains:
    """The mosaic domains.

    Attributes
    ----------
    mosaic_model : str
        ``crystal.mosaic_model``.
    mosaic_spread : float
        rad; of three widths the root of their mean square.
    mosaic_widths : tuple of 3 float
        About the crystal's own axes (`Lattice.own_axes`), rad.
    mosaic : ndarray, shape (n_domains, 3, 3)
        Their rotation matrices.
    domain_weights : ndarray, shape (n_domains,)
        What each counts; they sum to 1.
    mosaic_fixed : bool
        Whether the rotations are those of the crystal's own axes, and turn with them; else they
        are the lab's and follow the spindle's (physics 6.6).
    """

    mosaic_model: str
    mosaic_spread: float
    mosaic_widths: Vector
    mosaic: FloatArray
    domain_weights: FloatArray
    mosaic_fixed: bool

    @property
    def weighted_domains(self) -> bool:
        """Whether some domains count more than others."""
        return bool(np.ptp(self.domain_weights) > 0.0)


def domains(step: Step) -> Domains:
    """Stage: the mosaic domains (physics 4.3, 8.2 and 8.6)."""
    crystal = step.config.crystal
    widths = _widths(crystal.mosaic_spread_deg)
    spread = widths[0] if len(set(widths)) == 1 else math.sqrt(sum(x * x for x in widths) / 3.0)
    model = crystal.mosaic_model
    if crystal.mosaic_matrices is not None:
        model, matrices, weights = "matrices", *_listed_domains(step)
        step.ledger.choose("crystal.mosaic_model", model, "", "given", "mosaic_matrices are given")
    elif model == "matrices":
        raise ConfigError("crystal.mosaic_model", model, "needs mosaic_matrices: rotations, a file")
    elif crystal.mosaic_weights:
        raise ConfigError("crystal.mosaic_weights", crystal.mosaic_weights, "need mosaic_matrices")
    else:
        matrices = _drawn_domains(step, model, spread, widths)
        weights = np.full(len(matrices), 1.0 / len(matrices))
    fixed = model in ("gaussian", "spiral")
    return Domains(model, spread, widths, frozen(matrices), frozen(weights), fixed)


def _widths(spread_deg: float | Vector | None) -> Vector:
    """Return the mosaic spread about each axis, rad."""
    x, y, z = spread_deg if isinstance(spread_deg, tuple) else (spread_deg or 0.0,) * 3
    return to_si(x, "deg"), to_si(y, "deg"), to_si(z, "deg")


def _listed_domains(step: Step) -> tuple[FloatArray, FloatArray]:
    """Return given rotations, and weights that sum to 1."""
    crystal, field = step.config.crystal, "crystal.mosaic_matrices"
    if crystal.mosaic_model not in ("cap", "matrices"):
        expected = "must be matrices: mosaic_matrices are given"
        raise ConfigError("crystal.mosaic_model", crystal.mosaic_model, expected)
    listed, weights = crystal.mosaic_matrices, crystal.mosaic_weights or None
    if isinstance(listed, str):
        listed, own = step.given("mosaic")
        if own is not None and weights is not None:
            expected = "must not be given: the file of mosaic_matrices has weights"
            raise ConfigError("crystal.mosaic_weights", weights, expected)
        weights = own if weights is None else weights
    for name in ("mosaic_spread_deg", "mosaic_domains", "mosaic_seed"):
        if getattr(crystal, name) is not None:
            step.ledger.note(f"crystal.{name} is not used: crystal.mosaic_matrices are given")
    matrices = checked_rotations(field, np.array(listed, float).reshape(-1, 3, 3))
    step.ledger.choose("crystal.mosaic_domains", len(matrices), "", "derived", "mosaic_matrices")
    count = np.ones(len(matrices)) if weights is None else np.array(weights, float)
    if len(count) != len(matrices):
        expected = f"must be {len(matrices)}, one for each of mosaic_matrices"
        raise ConfigError("crystal.mosaic_weights", f"{len(count)} numbers", expected)
    seen = count[count > 0.0]
    if not len(seen) or count.min() < 0.0 or not seen.min() > _LEAST_WEIGHT * seen.max():
        expected = f"must not all be 0, and else not below {_LEAST_WEIGHT:g} of the largest"
        raise ConfigError("crystal.mosaic_weights", weights, expected)
    return matrices[count > 0.0], seen / seen.sum()


def _drawn_domains(step: Step, model: str, spread: float, widths: Vector) -> FloatArray:
    """Draw the rotations of a model."""
    crystal, ledger = step.config.crystal, step.ledger
    if len(set(widths)) > 1 and model not in ("gaussian", "spiral"):
        expected = f"must be one number for {model}; gaussian and spiral take three"
        raise ConfigError("crystal.mosaic_spread_deg", crystal.mosaic_spread_deg, expected)
    exact = step.config.sampling.average == "exact"
    if exact:
        if crystal.mosaic_domains is not None:
            ledger.note("crystal.mosaic_domains is not used: the average is exact")
        ledger.choose("crystal.mosaic_domains", 1, "", "derived", "the average is exact")
    count = 1 if exact else _number_of_domains(step, spread)
    if count == 1:
        return np.eye(3)[np.newaxis]
    check_orientation_table(count, 1)  # before they are drawn
    seed = DEFAULT_SEED if crystal.mosaic_seed is None else crystal.mosaic_seed
    ledger.choose("crystal.mosaic_seed", seed, "", origin_of(crystal.mosaic_seed), "")
    uniform = ReferenceStream(seed).uniform
    if model == "cap":
        return mosaic_rotations(spread, count, uniform)
    if model == "axis_angle":
        return axis_angle_rotations(spread, count, uniform)
    draw = gaussian_rotations if model == "gaussian" else spiral_rotations
    return draw(widths, count, uniform)


def _number_of_domains(step: Step, spread: float) -> int:
    """Return how many domains sample the mosaic spread (physics 4.3)."""
    wanted, ledger = step.config.crystal.mosaic_domains, step.ledger
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
    return count


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
        _frames(step),
        step.ledger,
        slices=True,
        lone_range=1.0 / RTD,
        may_rest=True,
    )
    exact = step.config.sampling.average == "exact"
    phis = spindle_angles(spindle.phi_deg, sweep, "middle" if exact else spindle.sampling)
    rotations = step.take(domains)
    orientations, first = orient(
        step.take(turned_cell).real * 1e-10,
        step.take(lab_frame).spindle,
        phis,
        rotations.mosaic,
        "phi_carryover" in step.quirks,
        step.take(lattice_axes) if rotations.mosaic_fixed else None,
    )
    return Rotation(sweep, frozen(phis), orientations, first)


WIDEST_FRAME: Final = 2.0
"""Range of the spindle, degrees, that one exact average takes."""


def _frames(step: Step) -> int | None:
    """Return the number of spindle steps that is asked for; an exact average needs few."""
    spindle = step.config.spindle
    wanted: int | None = spindle.steps
    exact = step.config.sampling.average == "exact"
    if exact and wanted is None and spindle.step_deg is None and spindle.osc_deg is not None:
        return max(1, math.ceil(spindle.osc_deg / WIDEST_FRAME - _CEIL_SLACK))
    return wanted


def spindle_angles(phi_deg: float, sweep: Sweep, sampling: str) -> FloatArray:
    """Return the angles (rad) of a rotation that starts at ``phi_deg`` (physics 4.1)."""
    within = 0.5 * sweep.step if sampling == "middle" else 0.0
    return to_si(phi_deg, "deg") + within + sweep.step * np.arange(sweep.count, dtype=float)

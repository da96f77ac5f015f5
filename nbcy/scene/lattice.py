"""The crystal: cell, setting, size, and its orientations (physics 6 and 8)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nbcy.base.cell import (
    cell_parameters,
    cell_volume,
    dual,
    impose_lengths,
    reciprocal_from_cell,
    reciprocal_from_matrix,
)
from nbcy.base.choices import Ledger, origin_of
from nbcy.base.errors import ConfigError
from nbcy.base.units import to_si
from nbcy.base.vectors import (
    Vector,
    cross,
    dot,
    frozen,
    rotate,
    rotate_xyz,
)
from nbcy.crystal.mosaic import DEFAULT_SEED, Uniform, random_misset

if TYPE_CHECKING:
    from nbcy.config import Config

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
    parameters : tuple of float
        a, b, c in Angstrom, alpha, beta, gamma in degrees.
    reciprocal_parameters : tuple of float
        a*, b*, c* in 1/Angstrom, their angles in degrees.
    volume : float
        Angstrom³.
    real, reciprocal : ndarray, shape (3, 3)
        Rows a, b, c in Angstrom and a*, b*, c* in 1/Angstrom.
    misset : tuple of float
        Rotations about x, y, z that were applied, rad.
    sample : tuple of float
        Crystal size along a, b, c, m.
    """

    parameters: tuple[float, ...]
    reciprocal_parameters: tuple[float, ...]
    volume: float
    real: FloatArray
    reciprocal: FloatArray
    misset: Vector
    sample: Vector


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


def resolve_cell(
    config: Config,
    matrix: ArrayLike | None,
    wavelength: float,
    quirk: bool,
    stream: Callable[[int], Uniform],
    ledger: Ledger,
    known: tuple[float, ...] | None = None,
) -> CellGeometry:
    """Build the cell in its setting; the crystal's size is one cell (physics 6.1 to 6.4).

    Parameters
    ----------
    config : Config
        What the user gave.
    matrix : array_like, shape (3, 3), or None
        MOSFLM matrix, in place of a cell.
    wavelength : float
        m.
    quirk : bool
        Quirk ``triclinic_cell``.
    stream : callable
        Makes the reference's random stream from a seed.
    ledger : Ledger
        Takes the choices.
    known : tuple of 6 float, optional
        The cell of the structure factors (Å, degrees), for want of another.

    Raises
    ------
    ConfigError
        Neither cell nor matrix, or a cell that is none.
    """
    crystal = config.crystal
    given = crystal.cell_angstrom_deg
    lengths: Vector | None = None
    if matrix is not None:
        reciprocal = reciprocal_from_matrix(matrix, wavelength)
        ledger.choose("crystal.cell", "matrix", "", "given", "columns a*, b*, c*")
    elif given is not None or known is not None:
        a, b, c, *degrees = given or known or ()
        lengths = (a, b, c)
        alpha, beta, gamma = (to_si(angle, "deg") for angle in degrees)
        angles = (alpha, beta, gamma)
        reciprocal = reciprocal_from_cell(lengths, angles, quirk)
        whose = "" if given else ", the structure factors' own"
        ledger.choose(
            "crystal.cell",
            "cell",
            "",
            "given" if given else "derived",
            f"a* along x, b* in the xy plane{whose}",
        )
    else:
        raise ConfigError(
            "crystal",
            "no cell",
            "give cell_angstrom_deg, matrix or matrix_file (-cell or -mat), or a structure_file",
        )

    misset = (0.0, 0.0, 0.0)
    if crystal.misset_random:
        seed = DEFAULT_SEED if crystal.misset_seed is None else crystal.misset_seed
        misset = random_misset(stream(seed))
        ledger.choose("crystal.misset_seed", seed, "", origin_of(crystal.misset_seed), "")
        ledger.choose("crystal.misset", misset, "rad", "derived", f"random, seed {seed}")
    elif crystal.misset_deg is not None:
        x, y, z = (to_si(angle, "deg") for angle in crystal.misset_deg)
        misset = (x, y, z)
        ledger.choose("crystal.misset", misset, "rad", "given", "about x, then y, then z")
    else:
        ledger.choose("crystal.misset", misset, "rad", "default", "")
    reciprocal = rotate_xyz(reciprocal, *misset)
    if lengths is not None and quirk:
        volume = cell_volume(lengths, angles)
        real, reciprocal = impose_lengths(reciprocal, lengths, volume)
    else:
        volume = 1.0 / float(dot(reciprocal[0], cross(reciprocal[1], reciprocal[2])))
        real = dual(reciprocal)
        if volume < 0.0:
            ledger.note(f"the crystal's axes are left-handed: the volume is {volume:g} Angstrom³")
    parameters = cell_parameters(real)
    if known is not None and not np.allclose(parameters, known, rtol=_SAME_CELL, atol=0.0):
        mine, theirs = (" ".join(f"{x:g}" for x in values) for values in (parameters, known))
        ledger.note(f"the crystal's cell, {mine}, is not that of its structure factors, {theirs}")
    if lengths is not None:
        # Exactly what the user typed: the last bit decides numbers of cells and sub-pixels.
        parameters = (*lengths, *parameters[3:])
    return CellGeometry(
        parameters=parameters,
        reciprocal_parameters=cell_parameters(reciprocal),
        volume=volume,
        real=frozen(real),
        reciprocal=frozen(reciprocal),
        misset=misset,
        sample=(parameters[0] * 1e-10, parameters[1] * 1e-10, parameters[2] * 1e-10),
    )


def resolve_cells(
    config: Config, cell: CellGeometry, beam_size: float, ledger: Ledger
) -> tuple[int, int, int]:
    """Count the unit cells along a, b, c (physics 6.5).

    Parameters
    ----------
    config : Config
        What the user gave: counts, or sizes of the sample, which go before counts.
    cell : CellGeometry
        For the lengths of the axes.
    beam_size : float
        m; a sample is not taken to be wider or higher than the beam (physics 3.2).
    ledger : Ledger
        Takes the choices.
    """
    crystal = config.crystal
    counts: list[int] = []
    axes = zip("abc", (crystal.size_x_mm, crystal.size_y_mm, crystal.size_z_mm), strict=True)
    for i, (axis, size_mm) in enumerate(axes):
        name = f"crystal.cells.{axis}"
        field = f"crystal.size_{'xyz'[i]}_mm"
        if size_mm is not None:
            size = to_si(size_mm, "mm")
            if i > 0 and size > beam_size:
                ledger.note(f"{field} = {size_mm:g} is clipped to the beam, {1e3 * beam_size:g} mm")
                size = beam_size
            if crystal.cells is not None:
                ledger.note(
                    f"crystal.cells[{i}] = {crystal.cells[i]} is not used: {field} is given"
                )
            count = max(1, math.ceil(size / cell.sample[i] - _CEIL_SLACK))
            ledger.choose(name, count, "", "derived", f"ceil(sample size / |{axis}|)")
        elif crystal.cells is not None:
            count = crystal.cells[i]
            ledger.choose(name, count, "", "given", "")
        else:
            count = 1
            ledger.choose(name, count, "", "default", "")
        counts.append(count)
    return counts[0], counts[1], counts[2]

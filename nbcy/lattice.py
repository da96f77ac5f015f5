"""The crystal: cell, setting, size, and its orientations (physics 6 and 8)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nbcy.choices import Ledger, origin_of
from nbcy.constants import RTD
from nbcy.conventions import Vector
from nbcy.errors import ConfigError
from nbcy.units import to_si
from nbcy.vectors import angles_xyz, cross, dot, frozen, norm, rotate, rotate_xyz, rotation_matrices

if TYPE_CHECKING:
    from nbcy.config import Config

FloatArray = NDArray[np.float64]
Uniform = Callable[[], float]

DEFAULT_SEED: Final = 12345678
"""Seed of the mosaic domains and of a random misset when none is given (physics 8)."""

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


def cell_volume(lengths: Vector, angles: Vector) -> float:
    """Volume of a cell by the half sum of its angles (physics 6).

    Parameters
    ----------
    lengths : tuple of float
        a, b, c in Angstrom.
    angles : tuple of float
        alpha, beta, gamma in rad.

    Returns
    -------
    float
        Angstrom³.

    Raises
    ------
    ConfigError
        Angles that do not form a cell.
    """
    alpha, beta, gamma = angles
    half = (alpha + beta + gamma) / 2.0
    skew = math.sin(half) * math.sin(half - alpha) * math.sin(half - beta) * math.sin(half - gamma)
    # sin(pi) is 1e-16, not 0: a flat cell leaves a skew of that order.
    if not (skew > 1e-12 and all(0.0 < angle < math.pi for angle in angles)):
        raise ConfigError(
            "crystal.cell_angstrom_deg",
            (*lengths, *(RTD * angle for angle in angles)),
            "the angles form no cell: each must be below the sum of the other two, "
            "and all three together below 360°",
        )
    return 2.0 * math.prod(lengths) * math.sqrt(skew)


def reciprocal_from_cell(lengths: Vector, angles: Vector, reference: bool = False) -> FloatArray:
    """Reciprocal vectors with a* along x and b* in the xy plane (physics 6).

    Parameters
    ----------
    lengths : tuple of float
        a, b, c in Angstrom.
    angles : tuple of float
        alpha, beta, gamma in rad.
    reference : bool
        Quirk ``triclinic_cell``: the reference's z component of c*.

    Returns
    -------
    ndarray, shape (3, 3)
        Rows a*, b*, c* in 1/Angstrom.

    Raises
    ------
    ConfigError
        Angles that do not form a cell.
    """
    a, b, c = lengths
    alpha, beta, gamma = angles
    volume = cell_volume(lengths, angles)
    a_star = b * c * math.sin(alpha) / volume
    b_star = c * a * math.sin(beta) / volume
    c_star = a * b * math.sin(gamma) / volume
    sines, cosines = [math.sin(x) for x in angles], [math.cos(x) for x in angles]
    cos_alpha = (cosines[1] * cosines[2] - cosines[0]) / (sines[1] * sines[2])
    cos_beta = (cosines[2] * cosines[0] - cosines[1]) / (sines[2] * sines[0])
    cos_gamma = (cosines[0] * cosines[1] - cosines[2]) / (sines[0] * sines[1])
    sin_gamma = math.sqrt(1.0 - cos_gamma * cos_gamma)
    if reference:
        c_z = c_star * volume / (a * b * c * sin_gamma)
    else:
        c_z = 1.0 / (volume * a_star * b_star * sin_gamma)
    return np.array(
        [
            [a_star, 0.0, 0.0],
            [b_star * cos_gamma, b_star * sin_gamma, 0.0],
            [c_star * cos_beta, c_star * (cos_alpha - cos_beta * cos_gamma) / sin_gamma, c_z],
        ]
    )


def reciprocal_from_matrix(matrix: ArrayLike, wavelength: float) -> FloatArray:
    """Reciprocal vectors of a MOSFLM matrix (physics 6).

    Parameters
    ----------
    matrix : array_like, shape (3, 3)
        Columns a*, b*, c*, rows x, y, z, in units of the wavelength.
    wavelength : float
        m.

    Returns
    -------
    ndarray, shape (3, 3)
        Rows a*, b*, c* in 1/Angstrom.

    Raises
    ------
    ConfigError
        A matrix whose columns lie in a plane.
    """
    vectors = np.array(matrix, dtype=np.float64).T * (1e-10 / wavelength)
    volume = float(dot(vectors[0], cross(vectors[1], vectors[2])))
    if not abs(volume) > 1e-9 * float(np.prod(norm(vectors))):
        raise ConfigError(
            "crystal.matrix", np.asarray(matrix).tolist(), "the columns must not lie in a plane"
        )
    return vectors


def dual(vectors: FloatArray) -> FloatArray:
    """Real from reciprocal vectors and back (physics 6).

    Parameters
    ----------
    vectors : ndarray, shape (3, 3)
        Rows.
    """
    crosses = cross(vectors[[1, 2, 0]], vectors[[2, 0, 1]])
    volume = 1.0 / dot(vectors[0], crosses[0])
    duals: FloatArray = volume * crosses
    return duals


def impose_lengths(
    reciprocal: FloatArray, lengths: Vector, volume: float
) -> tuple[FloatArray, FloatArray]:
    """Give the real vectors the lengths a, b, c (quirk ``triclinic_cell``, physics 6).

    Parameters
    ----------
    reciprocal : ndarray, shape (3, 3)
        Rows a*, b*, c* in 1/Angstrom.
    lengths : tuple of float
        Angstrom.
    volume : float
        Angstrom³, which the reference does not adapt to the new vectors.

    Returns
    -------
    real, reciprocal : ndarray, shape (3, 3)
        Not exactly dual to each other, as in the reference.
    """
    crosses = cross(reciprocal[[1, 2, 0]], reciprocal[[2, 0, 1]])
    real = crosses / norm(crosses)[:, np.newaxis] * np.array(lengths)[:, np.newaxis]
    return real, cross(real[[1, 2, 0]], real[[2, 0, 1]]) / volume


def cell_parameters(vectors: FloatArray) -> tuple[float, ...]:
    """Lengths and angles (degrees) of three row vectors."""
    lengths = norm(vectors)

    def angle(i: int, j: int) -> float:
        cosine = float(dot(vectors[i], vectors[j]) / (lengths[i] * lengths[j]))
        return RTD * math.acos(max(-1.0, min(1.0, cosine)))

    return (*lengths.tolist(), angle(1, 2), angle(2, 0), angle(0, 1))


def random_rotation(cap: float, uniform: Uniform) -> tuple[FloatArray, float]:
    """Draw an axis and an angle of at most ``cap`` (physics 8).

    Parameters
    ----------
    cap : float
        rad.
    uniform : callable
        The reference's stream of float32 deviates.

    Returns
    -------
    axis : ndarray, shape (3,)
    angle : float
        rad.
    """
    r1 = 2.0 * float(uniform()) - 1.0
    r2 = 2.0 * float(uniform()) - 1.0
    r3 = 2.0 * float(uniform()) - 1.0
    across = math.sqrt(1.0 - r2 * r2)
    axis = np.array([across * math.sin(math.pi * r1), across * math.cos(math.pi * r1), r2])
    # powf takes and gives float32; pow of the rounded arguments, rounded, is the same number.
    base, exponent = np.float32(1.0 - r3 * r3), np.float32(1.0 / 3.0)
    root = np.float32(math.pow(float(base), float(exponent)))
    return axis, float(np.float32(cap) * root)


def random_misset(uniform: Uniform) -> Vector:
    """Angles about x, y, z of a random rotation, rad (physics 6).

    The reference passes 90 to a function of radians, so the cap is 90 rad here.
    """
    axis, angle = random_rotation(90.0, uniform)
    return angles_xyz(rotation_matrices(axis, np.asarray(angle)))


def mosaic_rotations(spread: float, domains: int, uniform: Uniform) -> FloatArray:
    """Rotation matrices of the mosaic domains (physics 8).

    Parameters
    ----------
    spread : float
        Largest angle, rad.
    domains : int
        Number of domains; the first is not rotated, though its numbers are drawn.
    uniform : callable
        The reference's stream of float32 deviates.

    Returns
    -------
    ndarray, shape (domains, 3, 3)
    """
    draws = [random_rotation(spread, uniform) for _ in range(domains)]
    axes = np.array([axis for axis, _ in draws])
    matrices = rotation_matrices(axes, np.array([angle for _, angle in draws]))
    matrices[0] = np.eye(3)
    return matrices


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
    """Cell vectors of every spindle step and domain (physics 6).

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
    """Build the cell in its setting; the crystal's size is one cell (physics 6).

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
    """Count the unit cells along a, b, c (physics 6).

    Parameters
    ----------
    config : Config
        What the user gave: counts, or sizes of the sample, which go before counts.
    cell : CellGeometry
        For the lengths of the axes.
    beam_size : float
        m; a sample is not taken to be wider or higher than the beam (physics 3).
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

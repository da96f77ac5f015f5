"""Orientations of a crystal: random, evenly spread, from reflections, from zone axes.

An orientation is a rotation matrix U that turns the crystal from its standard setting (a* along x,
b* in the xy plane) to its place in the lab: ``v_lab = U @ v_crystal``. `misset_from_matrix` makes
``misset_deg`` of it, `mosflm_matrix` a ``matrix``.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nbcy.base.cell import dual, reciprocal_from_cell
from nbcy.base.constants import RTD
from nbcy.base.errors import ConfigError, NbcyError
from nbcy.base.extras import install_hint
from nbcy.base.vectors import angles_xyz, cross, unit

FloatArray = NDArray[np.float64]
CellParameters = tuple[float, float, float, float, float, float]

DISAGREE_DEG: Final = 5.0
"""Difference of angles in the crystal and in the lab from which indices are taken for wrong."""

# Super-Fibonacci spirals on the sphere of quaternions (Alexa 2022): the two irrational ratios.
_PHI: Final = math.sqrt(2.0)
_PSI: Final = 1.533751168755204288118041


def random_orientations(n: int, seed: int) -> FloatArray:
    """Draw rotations, every one as likely as any other.

    Parameters
    ----------
    n : int
        How many.
    seed : int
        The same seed gives the same rotations, and a larger ``n`` only adds to them.

    Returns
    -------
    ndarray of float64, shape (n, 3, 3)

    Raises
    ------
    ConfigError
        A negative ``n`` or seed.
    NbcyError
        scipy is not installed.
    """
    generator = np.random.default_rng(_whole("seed", seed))
    quaternions = generator.standard_normal((_whole("n", n), 4))
    return _matrices(quaternions)


def uniform_orientations(n: int, seed: int | None = None) -> FloatArray:
    """Spread rotations evenly: super-Fibonacci spirals (Alexa, CVPR 2022).

    Parameters
    ----------
    n : int
        How many; neighbours are about 210°/∛n apart.
    seed : int, optional
        Turns them all by one random rotation.

    Returns
    -------
    ndarray of float64, shape (n, 3, 3)

    Raises
    ------
    ConfigError
        A negative ``n`` or seed.
    NbcyError
        scipy is not installed.
    """
    at = np.arange(_whole("n", n)) + 0.5
    share = at / max(n, 1)
    a, b = 2.0 * math.pi * at / _PHI, 2.0 * math.pi * at / _PSI
    low, high = np.sqrt(share), np.sqrt(1.0 - share)
    spread = _matrices(
        np.stack([low * np.sin(a), low * np.cos(a), high * np.sin(b), high * np.cos(b)], axis=-1)
    )
    return spread if seed is None else spread @ random_orientations(1, seed)[0]


def misset_from_matrix(rotation: ArrayLike | Any) -> FloatArray:
    """Angles about x, then y, then z, as ``Crystal(misset_deg=...)`` takes them.

    Parameters
    ----------
    rotation : array_like, shape (..., 3, 3), or scipy Rotation
        Rotation matrices.

    Returns
    -------
    ndarray of float64, shape (..., 3)
        Degrees.

    Raises
    ------
    ConfigError
        Not a rotation.
    """
    matrices = _rotations(rotation)
    angles = [angles_xyz(u) for u in matrices.reshape(-1, 3, 3)]
    return RTD * np.array(angles).reshape(*matrices.shape[:-1])


def mosflm_matrix(
    rotation: ArrayLike | Any, cell: CellParameters, wavelength_angstrom: float
) -> FloatArray:
    """Columns a*, b*, c* times the wavelength, as ``Crystal(matrix=...)`` takes them.

    Parameters
    ----------
    rotation : array_like, shape (..., 3, 3), or scipy Rotation
        Rotation matrices.
    cell : tuple of 6 float
        Å and degrees.
    wavelength_angstrom : float
        Å.

    Returns
    -------
    ndarray of float64, shape (..., 3, 3)

    Raises
    ------
    ConfigError
        Not a rotation, or a cell that is none.
    """
    if not (math.isfinite(wavelength_angstrom) and wavelength_angstrom > 0.0):
        raise ConfigError("wavelength_angstrom", wavelength_angstrom, "must be a positive number")
    matrix: FloatArray = _rotations(rotation) @ _reciprocal(cell).T * wavelength_angstrom
    return matrix


def from_reflections(
    cell: CellParameters,
    hkl_1: ArrayLike,
    direction_1: ArrayLike,
    hkl_2: ArrayLike,
    direction_2: ArrayLike,
) -> FloatArray:
    """Find the orientation of a crystal from two reflections (Busing and Levy 1967).

    The first is put exactly where it was seen, the second into the plane of both.

    Parameters
    ----------
    cell : tuple of 6 float
        Å and degrees.
    hkl_1, hkl_2 : array_like of float, shape (3,)
        Miller indices.
    direction_1, direction_2 : array_like of float, shape (3,)
        Where their reciprocal lattice vectors point in the lab, of any length: unit vectors towards
        the spot less that along which the beam travels.

    Returns
    -------
    ndarray of float64, shape (3, 3)

    Raises
    ------
    ConfigError
        Two that are parallel, or that are more than 5° further apart in the lab than in the
        crystal, or closer.
    """
    vectors = _reciprocal(cell)
    names = ("hkl_1", "direction_1", "hkl_2", "direction_2")
    return _from_two(vectors, names, (hkl_1, direction_1, hkl_2, direction_2))


def from_zone_axes(
    cell: CellParameters,
    uvw_1: ArrayLike,
    direction_1: ArrayLike,
    uvw_2: ArrayLike,
    direction_2: ArrayLike,
) -> FloatArray:
    """Find the orientation of a crystal from two directions of its lattice.

    The first is put exactly where it is asked for, the second into the plane of both: with the beam
    as the first direction, the crystal is seen along that zone axis.

    Parameters
    ----------
    cell : tuple of 6 float
        Å and degrees.
    uvw_1, uvw_2 : array_like of float, shape (3,)
        Zone axes: along ``u a + v b + w c``.
    direction_1, direction_2 : array_like of float, shape (3,)
        Where they point in the lab, of any length.

    Returns
    -------
    ndarray of float64, shape (3, 3)

    Raises
    ------
    ConfigError
        As for `from_reflections`.
    """
    vectors = dual(_reciprocal(cell))
    names = ("uvw_1", "direction_1", "uvw_2", "direction_2")
    return _from_two(vectors, names, (uvw_1, direction_1, uvw_2, direction_2))


def _from_two(
    vectors: FloatArray, names: tuple[str, ...], given: tuple[ArrayLike, ...]
) -> FloatArray:
    """Turn two combinations of lattice vectors to two directions."""
    first, first_lab, second, second_lab = (
        _vector(name, value) for name, value in zip(names, given, strict=True)
    )
    inside = (unit(first @ vectors), unit(second @ vectors))
    outside = (unit(first_lab), unit(second_lab))
    angles = []
    for pair, name, value in ((inside, names[2], given[2]), (outside, names[3], given[3])):
        sine = float(np.linalg.norm(cross(*pair)))
        if sine < 1e-6:
            raise ConfigError(name, value, f"must not be parallel to {name[:-1]}1")
        angles.append(RTD * math.atan2(sine, float(pair[0] @ pair[1])))
    if abs(angles[0] - angles[1]) > DISAGREE_DEG:
        raise ConfigError(
            names[3],
            given[3],
            f"makes {angles[1]:.1f}° with {names[1]}, but {names[0]} and {names[2]} are "
            f"{angles[0]:.1f}° apart in this cell: wrong indices?",
        )
    rotation: FloatArray = _triad(*outside).T @ _triad(*inside)
    return rotation


def _triad(first: FloatArray, second: FloatArray) -> FloatArray:
    """Rows: the first vector, one towards the second, and their normal."""
    normal = unit(cross(first, second))
    return np.stack([first, cross(normal, first), normal])


def _reciprocal(cell: CellParameters) -> FloatArray:
    a, b, c, *degrees = (float(x) for x in cell)
    alpha, beta, gamma = (angle / RTD for angle in degrees)
    return reciprocal_from_cell((a, b, c), (alpha, beta, gamma))


def _vector(name: str, value: ArrayLike) -> FloatArray:
    vector = np.asarray(value, dtype=np.float64)
    if vector.shape != (3,) or not np.isfinite(vector).all() or not vector.any():
        raise ConfigError(name, value, "must be three numbers, not all 0")
    return vector


def _whole(name: str, value: int) -> int:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 0:
        raise ConfigError(name, value, "must be a whole number that is not negative")
    return int(value)


def _rotations(value: ArrayLike | Any) -> FloatArray:
    matrices = np.asarray(value.as_matrix() if hasattr(value, "as_matrix") else value, dtype=float)
    if matrices.shape[-2:] != (3, 3):
        raise ConfigError("rotation", matrices.shape, "must have the shape (..., 3, 3)")
    unity = matrices @ np.swapaxes(matrices, -1, -2)
    orthogonal = np.allclose(unity, np.eye(3), rtol=0.0, atol=1e-6)
    if not (orthogonal and np.all(np.linalg.det(matrices) > 0.0)):
        raise ConfigError("rotation", matrices.tolist(), "must be a right-handed rotation matrix")
    return matrices


def _matrices(quaternions: FloatArray) -> FloatArray:
    try:
        from scipy.spatial.transform import Rotation
    except ImportError:
        hint = install_hint("orientations")
        raise NbcyError(f"orientations need scipy: {hint}") from None
    if not len(quaternions):
        return np.empty((0, 3, 3))
    matrices: FloatArray = Rotation.from_quat(quaternions).as_matrix()
    return matrices

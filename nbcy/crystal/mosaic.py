"""Orientations that are drawn: of the crystal, and of its mosaic domains (physics 6 and 8)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import ConfigError
from nbcy.base.vectors import Vector, angles_xyz, rotation_matrices, unit

FloatArray = NDArray[np.float64]

Uniform = Callable[[], float]

DEFAULT_SEED: Final = 12345678
"""Seed of the mosaic domains and of a random misset when none is given (physics 6.3, 8.2)."""


_ORTHOGONAL: Final = 1e-5
"""How far the product of a domain's rotation and its transpose may be from 1: files round."""


def random_rotation(cap: float, uniform: Uniform) -> tuple[FloatArray, float]:
    """Draw an axis and an angle of at most ``cap`` (physics 8.2).

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
    """Angles about x, y, z of a random rotation, rad (physics 6.3).

    The reference passes 90 to a function of radians, so the cap is 90 rad here.
    """
    axis, angle = random_rotation(90.0, uniform)
    return angles_xyz(rotation_matrices(axis, np.asarray(angle)))


def mosaic_rotations(spread: float, domains: int, uniform: Uniform) -> FloatArray:
    """Rotation matrices of the mosaic domains (physics 8.2).

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


def crystal_axes(real: FloatArray, reciprocal: FloatArray) -> FloatArray:
    """Return the crystal's own Cartesian axes: x along a*, z along c (physics 8.6).

    Parameters
    ----------
    real, reciprocal : ndarray, shape (3, 3)
        Rows a, b, c and a*, b*, c*, of any lengths.

    Returns
    -------
    ndarray, shape (3, 3)
        Rows x, y, z, orthonormal and right-handed.
    """
    x, z = unit(reciprocal[0]), unit(real[2])
    return np.array([x, np.cross(z, x), z])


def even_points(count: int, uniform: Uniform) -> FloatArray:
    """Return points that fill the unit cube evenly from the first on: Halton's (physics 8.6).

    Parameters
    ----------
    count : int
    uniform : callable
        Three numbers of it shift the sequence.

    Returns
    -------
    ndarray, shape (count, 3)
        Each in (0, 1).
    """
    shift = [float(uniform()) for _ in range(3)]
    points = np.stack([_mirrored(count, base) for base in (2, 3, 5)], axis=1)
    return np.clip((points + shift) % 1.0, 1e-16, 1.0 - 2.0**-53)


def _mirrored(count: int, base: int) -> FloatArray:
    """Return 1 to ``count`` with their digits mirrored at the point."""
    rest, place = np.arange(1, count + 1), 1.0
    mirrored = np.zeros(count)
    while rest.any():
        place /= base
        rest, digit = np.divmod(rest, base)
        mirrored += place * digit
    return mirrored


def _normal(parts: FloatArray) -> FloatArray:
    """Return the standard normal numbers below which some parts of all lie."""
    from statistics import NormalDist  # late: it brings much along

    quantile = NormalDist().inv_cdf
    return np.array([quantile(part) for part in parts.ravel().tolist()]).reshape(parts.shape)


def _turned_by(vectors: FloatArray) -> FloatArray:
    """Return the matrices of rotation vectors, rad."""
    angles = np.linalg.norm(vectors, axis=1)
    axes = vectors / np.where(angles > 0.0, angles, 1.0)[:, np.newaxis]
    return rotation_matrices(axes, angles)


def _with_opposites(vectors: FloatArray) -> FloatArray:
    return np.stack([vectors, -vectors], axis=1).reshape(-1, 3)


def gaussian_rotations(widths: Vector, domains: int, uniform: Uniform) -> FloatArray:
    """Rotations whose vectors are normally distributed (physics 8.6).

    Parameters
    ----------
    widths : tuple of float
        Standard deviations about the crystal's axes x, y, z, rad.
    domains : int
    uniform : callable

    Returns
    -------
    ndarray, shape (domains, 3, 3)
        In the frame of these axes.
    """
    return _turned_by(_normal(even_points(domains, uniform)) * widths)


def axis_angle_rotations(spread: float, domains: int, uniform: Uniform) -> FloatArray:
    """Rotations by normal angles about axes of any direction, with opposites (physics 8.6).

    Parameters
    ----------
    spread : float
        Standard deviation of the angles, rad.
    domains : int
        An odd number has the identity among them.
    uniform : callable

    Returns
    -------
    ndarray, shape (domains, 3, 3)
    """
    points = even_points(domains // 2, uniform)
    height, turn = 2.0 * points[:, 0] - 1.0, 2.0 * np.pi * points[:, 1]
    across = np.sqrt(1.0 - height * height)
    axes = np.stack([across * np.cos(turn), across * np.sin(turn), height], axis=1)
    vectors = _with_opposites(axes * spread * _normal(points[:, 2:]))
    return _turned_by(np.concatenate([np.zeros((domains % 2, 3)), vectors]))


def spiral_rotations(widths: Vector, count: int, uniform: Uniform) -> FloatArray:
    """Rotations about axes on a spiral by the quantiles of normal angles (physics 8.6).

    Parameters
    ----------
    widths : tuple of float
        Standard deviations about the crystal's axes x, y, z, rad.
    count : int
        Of axes and of angles; each rotation comes with its opposite.
    uniform : callable
        Shuffles the angles.

    Returns
    -------
    ndarray, shape (2 * count, 3, 3)
        In the frame of these axes.
    """
    height = (np.arange(count) + 0.5) / count
    turn = np.pi * (1.0 + math.sqrt(5.0)) * np.arange(count)
    across = np.sqrt(1.0 - height * height)
    axes = np.stack([across * np.cos(turn), across * np.sin(turn), height], axis=1)
    with np.errstate(divide="ignore"):
        spread = 1.0 / np.sqrt(np.square(axes / widths).sum(axis=1))
    angles = _normal(0.5 + 0.5 * np.arange(count) / count)
    for last in range(count - 1, 0, -1):
        other = int(float(uniform()) * (last + 1))
        angles[[last, other]] = angles[[other, last]]
    return _turned_by(_with_opposites(axes * (spread * angles)[:, np.newaxis]))


def checked_rotations(field: str, matrices: FloatArray) -> FloatArray:
    """Return rotation matrices as they are.

    Raises
    ------
    ConfigError
        There are none, or one is no rotation.
    """
    if not len(matrices):
        raise ConfigError(field, [], "must hold at least one rotation matrix")
    product = matrices @ matrices.transpose(0, 2, 1)
    whole = (abs(product - np.eye(3)) < _ORTHOGONAL).all(axis=(1, 2))
    right = np.linalg.det(matrices) > 0.0
    for i in np.flatnonzero(~(whole & right))[:1].tolist():
        expected = f"must be a rotation: orthogonal to {_ORTHOGONAL:g}, with determinant +1"
        raise ConfigError(f"{field}[{i}]", matrices[i].tolist(), expected)
    return matrices

"""Random orientations: of the crystal, and of its mosaic domains (physics 6 and 8)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.vectors import Vector, angles_xyz, rotation_matrices

FloatArray = NDArray[np.float64]

Uniform = Callable[[], float]

DEFAULT_SEED: Final = 12345678
"""Seed of the mosaic domains and of a random misset when none is given (physics 6.3, 8.2)."""


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

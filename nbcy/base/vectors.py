"""Three-vectors and their rotations, with a fixed order of arithmetic (docs/physics/README.md)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
Vector = tuple[float, float, float]


def dot(a: FloatArray, b: FloatArray) -> FloatArray:
    """Scalar products along the last axis, summed from x to z."""
    product: FloatArray = a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]
    return product


def cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """Vector products along the last axis."""
    return np.stack(
        (
            a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1],
            a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2],
            a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0],
        ),
        axis=-1,
    )


def norm(a: FloatArray) -> FloatArray:
    """Lengths along the last axis."""
    length: FloatArray = np.sqrt(dot(a, a))
    return length


def unit(a: ArrayLike) -> FloatArray:
    """Vectors of length 1; a vector of length 0 stays as it is."""
    vector = np.asarray(a, dtype=np.float64)
    # Scaled by a power of 2 first: exact, and no square is lost to overflow or underflow.
    _, exponent = np.frexp(np.max(np.abs(vector), axis=-1, keepdims=True))
    scaled = np.ldexp(vector, -exponent)
    length = norm(scaled)[..., np.newaxis]
    result: FloatArray = np.divide(scaled, length, out=scaled, where=length > 0.0)
    return result


def rotate(v: FloatArray, axis: FloatArray, angle: float) -> FloatArray:
    """Rotate vectors about a unit axis (Rodrigues): A of docs/physics/README.md.

    Parameters
    ----------
    v : ndarray, shape (..., 3)
        Vectors.
    axis : ndarray, shape (3,)
        Unit vector.
    angle : float
        rad, right-handed.
    """
    sine, cosine = np.sin(angle), np.cos(angle)
    along = dot(v, axis)[..., np.newaxis] * (1.0 - cosine)
    around = cross(np.broadcast_to(axis, v.shape), v) * sine
    rotated: FloatArray = v * cosine + around + axis * along
    return rotated


def rotate_xyz(v: FloatArray, x: float, y: float, z: float) -> FloatArray:
    """Rotate vectors about lab x, then y, then z: R of docs/physics/README.md.

    Parameters
    ----------
    v : ndarray, shape (..., 3)
        Vectors.
    x, y, z : float
        Angles, rad, right-handed.
    """
    vx, vy, vz = v[..., 0], v[..., 1], v[..., 2]
    sine, cosine = np.sin(x), np.cos(x)
    vy, vz = vy * cosine - vz * sine, vy * sine + vz * cosine
    sine, cosine = np.sin(y), np.cos(y)
    vx, vz = vx * cosine + vz * sine, vz * cosine - vx * sine
    sine, cosine = np.sin(z), np.cos(z)
    vx, vy = vx * cosine - vy * sine, vx * sine + vy * cosine
    return np.stack((vx, vy, vz), axis=-1)


def angles_xyz(matrix: FloatArray) -> tuple[float, float, float]:
    """Angles of `rotate_xyz` that a rotation matrix stands for.

    Parameters
    ----------
    matrix : ndarray, shape (3, 3)
        To be multiplied with column vectors.

    Returns
    -------
    x, y, z : float
        rad. Where y is a right angle, x takes what rounding leaves and z makes it whole.
    """
    m = matrix
    x = math.atan2(m[2, 1], m[2, 2])
    sine, cosine = math.sin(x), math.cos(x)
    y = math.atan2(-m[2, 0], m[2, 1] * sine + m[2, 2] * cosine)
    z = math.atan2(m[0, 2] * sine - m[0, 1] * cosine, m[1, 1] * cosine - m[1, 2] * sine)
    return x, y, z


def rotation_matrices(axes: FloatArray, angles: FloatArray) -> FloatArray:
    """Rodrigues' matrices, to be multiplied with column vectors.

    Parameters
    ----------
    axes : ndarray, shape (n, 3)
        Unit vectors.
    angles : ndarray, shape (n,)
        rad, right-handed.

    Returns
    -------
    ndarray, shape (n, 3, 3)
    """
    sine, cosine = np.sin(angles), np.cos(angles)
    x, y, z = axes[..., 0], axes[..., 1], axes[..., 2]
    rest = 1.0 - cosine
    rows = (
        (cosine + x * x * rest, x * y * rest - z * sine, x * z * rest + y * sine),
        (y * x * rest + z * sine, cosine + y * y * rest, y * z * rest - x * sine),
        (z * x * rest - y * sine, z * y * rest + x * sine, cosine + z * z * rest),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def frozen(a: ArrayLike) -> FloatArray:
    """Return a read-only C-contiguous float64 copy."""
    array = np.array(a, dtype=np.float64, order="C")
    array.setflags(write=False)
    return array

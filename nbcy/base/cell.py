"""Cells: lengths and angles, reciprocal vectors, volumes (physics 6)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nbcy.base.constants import RTD
from nbcy.base.errors import ConfigError
from nbcy.base.vectors import Vector, cross, dot, norm

FloatArray = NDArray[np.float64]


def cell_volume(lengths: Vector, angles: Vector) -> float:
    """Volume of a cell by the half sum of its angles (physics 6.1).

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
    """Reciprocal vectors with a* along x and b* in the xy plane (physics 6.1).

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
    """Reciprocal vectors of a MOSFLM matrix (physics 6.2).

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
    """Real from reciprocal vectors and back (physics 6.4).

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
    """Give the real vectors the lengths a, b, c (quirk ``triclinic_cell``, physics 6.1).

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

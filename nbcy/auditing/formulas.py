"""Single formulas of the physics, one number at a time, for recomputing what a side shows.

They stand apart from the kernel on purpose: an audit that used it could not find its faults.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nbcy.crystal.structure_factors import HklGrid

Array = NDArray[np.float64]

SPHERE: Final = 0.723601254558268
"""Scales an ellipsoidal crystal to the volume of its box (physics 7.3)."""


def sinc_ratio(n: float | Array, x: float | Array) -> Array:
    """sin(πNx)/sin(πx), its limit at integers (physics 7.3)."""
    x = np.asarray(x, dtype=np.float64)
    nearest = np.rint(x)
    offset = x - nearest
    turns = n * offset
    whole = np.rint(turns)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.sin(np.pi * (turns - whole)) / np.sin(np.pi * offset)
    ratio = np.where(offset == 0.0, n, ratio)
    odd = np.fmod(np.abs((n - 1.0) * nearest + whole), 2.0) == 1.0
    return np.where(odd, -ratio, ratio)


def lattice_factor(
    shape: str, cells: Array, hkl: Array, fudge: float, stars: Array | None = None
) -> float:
    """F_latt of one step (physics 7.3).

    Parameters
    ----------
    shape : {"square", "round", "gauss", "tophat"}
        Crystal shape.
    cells : ndarray, shape (3,)
        Na, Nb, Nc.
    hkl : ndarray, shape (3,)
        Fractional Miller indices.
    fudge : float
        Scales the spots of the shapes other than square.
    stars : ndarray, shape (3, 3), optional
        a*, b*, c* in 1/Å: the spot radius of gauss and tophat as the reference has it (quirk
        ``star_radius``).
    """
    if shape == "square":
        return float(math.prod(float(sinc_ratio(n, x)) for n, x in zip(cells, hkl, strict=True)))
    volume = float(np.prod(cells))
    offset = (hkl - np.ceil(hkl - 0.5)) * cells
    if stars is not None and shape != "round":
        offset = (offset / cells) @ stars * volume
    rho = fudge * float(offset @ offset)
    if shape == "round":
        x = math.pi * math.sqrt(rho)
        bulk = 1.0 if x < 1e-4 else 3.0 * (math.sin(x) - x * math.cos(x)) / x**3
        return volume * SPHERE * bulk
    if shape == "gauss":
        return volume * math.exp(-rho / 0.63)
    return volume if rho < 0.3969 else 0.0


def polarization(
    kahn: float, incident: Array, diffracted: Array, plane_normal: Array | None
) -> float:
    """½(1 + c² - K·cos2ψ·(1 - c²)) (physics 9.3).

    Parameters
    ----------
    kahn : float
        K.
    incident, diffracted : ndarray, shape (3,)
        Unit vectors.
    plane_normal : ndarray, shape (3,), or None
        beam × electric field; not needed for K = 0.
    """
    c = float(incident @ diffracted)
    if kahn == 0.0 or plane_normal is None:
        return 0.5 * (1.0 + c * c)
    b = -plane_normal / np.linalg.norm(plane_normal)
    e = np.cross(incident, b)
    x, y = float(diffracted @ e) / float(np.linalg.norm(e)), float(diffracted @ b)
    return 0.5 * (1.0 + c * c - kahn * (x * x - y * y))


def nearest_F(grid: HklGrid, hkl: Array) -> float:
    """Structure factor of a reflection, default_F where the list does not hold it."""
    low = np.array([grid.h_min, grid.k_min, grid.l_min]) - 1
    h, k, l = (int(x) for x in np.clip(hkl - low, 0, np.array(grid.data.shape) - 1))  # noqa: E741
    return float(grid.data[h, k, l])


def interpolated_F(grid: HklGrid, hkl: Array) -> float:
    """Tricubic Lagrange; where four points an axis leave the list the nearest (physics 7.5)."""
    low = np.array([grid.h_min, grid.k_min, grid.l_min])
    high = np.array([grid.h_max, grid.k_max, grid.l_max])
    whole = np.floor(hkl)
    if np.any(whole - 1 < low) or np.any(whole + 2 > high):
        return nearest_F(grid, np.ceil(hkl - 0.5))
    h, k, l = (int(x) for x in whole - low)  # noqa: E741
    cube = grid.data[h : h + 4, k : k + 4, l : l + 4]
    weights = []
    for x in hkl - whole:
        weights.append(
            np.array(
                [
                    -x * (x - 1.0) * (x - 2.0) / 6.0,
                    (x + 1.0) * (x - 1.0) * (x - 2.0) / 2.0,
                    -(x + 1.0) * x * (x - 2.0) / 2.0,
                    (x + 1.0) * x * (x - 1.0) / 6.0,
                ]
            )
        )
    return float(np.einsum("ijk,i,j,k", cube, *weights))


def rotation_of(turned: Array, still: Array) -> tuple[Array, float, float]:
    """Axis and angle of the rotation that takes one set of vectors to another.

    Parameters
    ----------
    turned, still : ndarray, shape (n, 3)
        Rows.

    Returns
    -------
    axis : ndarray, shape (3,)
        Unit vector.
    angle : float
        rad, 0 to π.
    misfit : float
        Largest distance that remains, relative to the longest vector.
    """
    product = turned.T @ still
    if not np.isfinite(product).all():  # LAPACK may not come back from infinities
        raise np.linalg.LinAlgError("vectors that are not finite")
    u, _, vt = np.linalg.svd(product)
    q = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
    misfit = float(np.abs(still @ q.T - turned).max() / np.linalg.norm(still, axis=1).max())
    skew = 0.5 * np.array([q[2, 1] - q[1, 2], q[0, 2] - q[2, 0], q[1, 0] - q[0, 1]])
    sine = float(np.linalg.norm(skew))
    angle = math.atan2(sine, 0.5 * (float(np.trace(q)) - 1.0))
    if sine > 1e-12:
        return skew / sine, angle, misfit
    values, vectors = np.linalg.eigh(0.5 * (q + q.T))
    return vectors[:, int(np.argmax(values))], angle, misfit

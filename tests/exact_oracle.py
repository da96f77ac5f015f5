"""Averages over mosaic rotation, energy, divergence and spindle by brute force (docs/averages.md).

Sums over grids so fine that they are exact to 1e-9: nothing is expanded, nothing is assumed about
where the most probable rotation is.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import oracle

REACH = 8.5
SPACING = 0.85  # of the narrowest width: a trapezoid rule is then exact to 1e-11


@dataclass(frozen=True)
class Widths:
    """Standard deviations: rotation (rad), energy (relative), divergence (rad); frame (rad)."""

    mosaic: float = 0.0
    energy: float = 0.0
    h: float = 0.0
    v: float = 0.0
    frame: float = 0.0


def rotations(vectors):
    """Rotation matrices of rotation vectors, shape (n, 3) -> (n, 3, 3)."""
    angle = np.linalg.norm(vectors, axis=1)[:, None, None]
    x, y, z = vectors.T
    o = np.zeros_like(x)
    cross = np.array([[o, -z, y], [z, o, -x], [-y, x, o]]).transpose(2, 0, 1)
    first = np.sinc(angle / np.pi)
    second = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.eye(3) + first * cross + second * (cross @ cross)


def normal_grid(width, spread):
    """Points and weights of a normal distribution for integrands no narrower than ``spread``."""
    if width == 0.0:
        return np.zeros(1), np.ones(1)
    step = SPACING / np.hypot(1 / width, 1 / spread)
    points = np.arange(-np.ceil(REACH * width / step), np.ceil(REACH * width / step) + 1) * step
    weights = np.exp(-0.5 * (points / width) ** 2)
    return points, weights / weights.sum()


def frame_grid(range_, spread):
    """Points and weights of a frame: Gauss and Legendre's, in pieces as wide as the integrand."""
    if range_ == 0.0:
        return np.zeros(1), np.ones(1)
    pieces = int(np.ceil(range_ / (2 * spread)))
    x, w = np.polynomial.legendre.leggauss(12)
    points = (np.arange(pieces)[:, None] + 0.5 + 0.5 * x) / pieces * range_
    return points.ravel(), np.tile(w / 2 / pieces, pieces)


def mean_square(real, metric, node, diffracted, incident, wavelength, across, spindle, widths):
    """Mean of exp(-2 rho/0.63) of one node in one direction.

    ``real`` has the rows a, b, c (m); ``across`` two unit vectors along which the beam diverges.
    """
    metric = np.asarray(metric)
    stretch = np.linalg.norm(real.T @ metric @ real, 2) * 2 / 0.63
    q = np.linalg.norm(diffracted - incident) / wavelength
    spread = 1.0 / (q * np.sqrt(2 * stretch))
    along = (diffracted - incident) / (q * wavelength)
    side = np.linalg.svd(along[None])[2][1:]
    about, about_w = normal_grid(widths.mosaic, np.inf)
    tilt, tilt_w = normal_grid(widths.mosaic, spread)
    energy, energy_w = normal_grid(widths.energy, spread)
    ray = spread * q * wavelength
    h, h_w = normal_grid(widths.h, ray)
    v, v_w = normal_grid(widths.v, ray)
    phi, phi_w = frame_grid(widths.frame, 1.5 * spread)
    wide = tilt[:, None, None, None] * side[0] + tilt[:, None, None] * side[1]
    vectors = (wide + about[:, None] * along).reshape(-1, 3)
    weights = (tilt_w[:, None, None] * tilt_w[:, None] * about_w).ravel()
    turned = np.einsum("ij,nkj->nik", real, rotations(vectors).transpose(0, 2, 1))  # rows R a
    total = 0.0
    for (dh, wh), (dv, wv), (p, wp) in itertools.product(
        zip(h, h_w, strict=True), zip(v, v_w, strict=True), zip(phi, phi_w, strict=True)
    ):
        ray_at = incident + dh * across[0] + dv * across[1]
        ray_at = ray_at / np.linalg.norm(ray_at)
        # the crystal with its domains turns by p: seen from it, the scattering vector turns back
        u = rotations(-p * np.asarray(spindle)[None])[0] @ (diffracted - ray_at) / wavelength
        hkl = turned @ u
        for e, we in zip(energy, energy_w, strict=True):
            away = hkl * (1 + e) - node
            rho = np.einsum("ni,ij,nj->n", away, metric, away)
            total += wh * wv * wp * we * (weights @ np.exp(-2 / 0.63 * rho))
    return total


def photons(scene, slow, fast, node, F, widths, across):
    """Photons that one node puts in one pixel: one source, one sub-pixel, one layer."""
    (visit,) = oracle.visits(scene, np.array([slow]), np.array([fast]))
    real = oracle_real(scene)
    mean = mean_square(
        real,
        scene.metric,
        np.asarray(node, float),
        visit.diffracted[0],
        scene.incident[0],
        scene.wavelengths[0],
        across,
        oracle_spindle(scene),
        widths,
    )
    volume = np.prod(np.array(scene.cells, float))
    factor = visit.omega[0] * visit.polar[0] * visit.capture[0]
    return scene.r_e_sqr * scene.fluence * (F * volume) ** 2 * mean * factor


def oracle_real(scene):
    """Rows a, b, c (m) before the spindle turns them."""
    return scene.lattice.cell.real * 1e-10


def oracle_spindle(scene):
    """The spindle's axis, of unit length."""
    return scene.geometry.frame.spindle

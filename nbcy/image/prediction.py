"""Where a lattice's reflections meet the detector (kinematics alone, no intensities)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import ConfigError
from nbcy.base.vectors import cross, dot, rotate

if TYPE_CHECKING:
    from nbcy.formats.measurement import Measurement

FloatArray = NDArray[np.float64]

MAX_REFLECTIONS: Final = 20_000_000
"""Most reciprocal lattice points that are tried."""


@dataclass(frozen=True, eq=False)
class Spots:
    """Predicted spots.

    Attributes
    ----------
    hkl : ndarray of int32, shape (n, 3)
    panel : ndarray of int64, shape (n,)
        Index of the panel.
    slow, fast : ndarray of float64, shape (n,)
        Pixels from the outer corner of the panel's first pixel.
    phi : ndarray of float64, shape (n,)
        Spindle angle of each, rad; of a still, its one angle.
    """

    hkl: NDArray[np.int32]
    panel: NDArray[np.int64]
    slow: FloatArray
    fast: FloatArray
    phi: FloatArray

    def __len__(self) -> int:
        return len(self.hkl)


def on_panels(
    measurement: Measurement, directions: FloatArray
) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
    """Find where rays from the sample meet the detector.

    Parameters
    ----------
    measurement : Measurement
    directions : ndarray, shape (n, 3)
        Of any length.

    Returns
    -------
    panel : ndarray of int64, shape (n,)
        -1 where a ray misses.
    slow, fast : ndarray, shape (n,)
        Pixels from the outer corner of the panel's first pixel; NaN where a ray misses.
    """
    panel = np.full(len(directions), -1)
    slow, fast = np.full((2, len(directions)), np.nan)
    for n, here in enumerate(measurement.panels):
        along = dot(directions, here.normal)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = here.close_distance / along
            points = directions * reach[:, np.newaxis] - here.origin
            s, f = dot(points, here.slow), dot(points, here.fast)
        s, f = s / here.pixel_size, f / here.pixel_size
        hit = (along > 0.0) & (s >= 0) & (s < here.pixels_slow) & (f >= 0) & (f < here.pixels_fast)
        panel[hit], slow[hit], fast[hit] = n, s[hit], f[hit]
    return panel, slow, fast


def finest_spacing(measurement: Measurement) -> float:
    """Return the resolution at the detector's outermost corner, m."""
    largest = 0.0
    for panel in measurement.panels:
        edges = panel.pixel_size * np.array(
            [panel.pixels_fast * panel.fast, panel.pixels_slow * panel.slow]
        )
        corners = panel.origin + np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) @ edges
        cosine = dot(corners, measurement.beam) / np.sqrt(dot(corners, corners))
        largest = max(largest, float(np.arccos(np.clip(cosine, -1.0, 1.0)).max()))
    return measurement.wavelength / (2.0 * math.sin(largest / 2.0))


def predict_spots(
    measurement: Measurement, dmin: float = 0.0, still_width: float = math.radians(0.1)
) -> Spots:
    """Predict the spots of a frame.

    Parameters
    ----------
    measurement : Measurement
        With ``cell``. While it turns, reflections that cross the Ewald sphere are spots.
    dmin : float
        Finest spacing, m; no finer than the detector reaches anyway.
    still_width : float
        Of a frame that does not turn: how far off the sphere reflections may be, as the angle, rad,
        by which the crystal would have to turn.

    Returns
    -------
    Spots

    Raises
    ------
    ConfigError
        No cell, or one so large that too many reflections would have to be tried.
    """
    if measurement.cell is None:
        raise ConfigError("crystal", None, "is not known: spots need a cell and its orientation")
    real = measurement.cell
    spacing = max(dmin, finest_spacing(measurement), measurement.wavelength / 2.0)
    limits = np.floor(np.linalg.norm(real, axis=1) / spacing).astype(int)
    tried = int(np.prod(2 * limits.astype(np.int64) + 1))
    if tried > MAX_REFLECTIONS:
        expected = f"means {tried} reflections, more than {MAX_REFLECTIONS}; give a coarser dmin"
        raise ConfigError("dmin", spacing * 1e10, expected)
    axes = [np.arange(-n, n + 1, dtype=np.int32) for n in limits]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    reciprocal = np.linalg.inv(real).T  # rows a*, b*, c*
    q = hkl @ reciprocal
    length2 = dot(q, q)
    within = (length2 > 0.0) & (length2 * spacing**2 <= 1.0)
    hkl, q, length2 = hkl[within], q[within], length2[within]
    s0 = measurement.beam / measurement.wavelength
    if measurement.spindle is None or measurement.osc == 0.0:
        axis = measurement.spindle
        if axis is not None and measurement.phi != 0.0:
            q = rotate(q, axis, measurement.phi)
        off = dot(q, q) + 2.0 * dot(q, np.broadcast_to(s0, q.shape))
        # Turning q by an angle about the axis that matters most changes it by 2 |q x s0| angle.
        reach = 2.0 * np.sqrt(dot(cross(q, s0), cross(q, s0))) * still_width
        near = np.abs(off) <= reach
        found, phis = [(hkl[near], q[near])], [np.full(int(near.sum()), measurement.phi)]
    else:
        found, phis = _crossings(measurement, hkl, q, length2, s0)
    hkl = np.concatenate([part for part, _ in found])
    q = np.concatenate([part for _, part in found])
    phi = np.concatenate(phis)
    panel, slow, fast = on_panels(measurement, q + s0)
    hit = panel >= 0
    return Spots(hkl[hit], panel[hit], slow[hit], fast[hit], phi[hit])


def _crossings(
    measurement: Measurement,
    hkl: NDArray[np.int32],
    q: FloatArray,
    length2: FloatArray,
    s0: FloatArray,
) -> tuple[list[tuple[NDArray[np.int32], FloatArray]], list[FloatArray]]:
    """Solve q(phi)² + 2 q(phi)·s0 = 0 for the phi of a frame: A cos phi + B sin phi = C."""
    axis = measurement.spindle
    assert axis is not None
    along = dot(q, axis)
    a = dot(q, s0) - along * float(dot(axis, s0))
    b = dot(cross(np.broadcast_to(axis, q.shape), q), s0)
    c = -length2 / 2.0 - along * float(dot(axis, s0))
    radius = np.hypot(a, b)
    with np.errstate(divide="ignore", invalid="ignore"):
        half = np.arccos(c / radius)  # NaN where the sphere is never met
    middle = np.arctan2(b, a)
    found, phis = [], []
    for sign in (-1.0, 1.0):
        phi = middle + sign * half
        phi = measurement.phi + np.mod(phi - measurement.phi, 2.0 * math.pi)
        here = np.flatnonzero(phi < measurement.phi + abs(measurement.osc))
        turned = q[here]
        cosine, sine = np.cos(phi[here])[:, np.newaxis], np.sin(phi[here])[:, np.newaxis]
        parallel = along[here][:, np.newaxis] * axis
        around = cross(np.broadcast_to(axis, turned.shape), turned)
        found.append((hkl[here], parallel + (turned - parallel) * cosine + around * sine))
        phis.append(phi[here])
    return found, phis

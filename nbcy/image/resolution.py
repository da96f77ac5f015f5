"""Resolution of every pixel, and the radial profile of a frame against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import ConfigError
from nbcy.base.panel import PlacedPanel
from nbcy.base.vectors import dot
from nbcy.formats.measurement import stack

if TYPE_CHECKING:
    from nbcy.formats.measurement import Measurement

FloatArray = NDArray[np.float64]


def panel_resolution(
    panel: PlacedPanel, beam: FloatArray, wavelength: float
) -> NDArray[np.float32]:
    """Return the spacing that diffracts to the centre of each pixel: d = wavelength/(2 sin theta).

    Parameters
    ----------
    panel : PlacedPanel
    beam : ndarray, shape (3,)
        Unit vector along which the beam travels.
    wavelength : float
        In any unit of length.

    Returns
    -------
    ndarray of float32, shape (slow, fast)
        In the unit of the wavelength; infinite in the beam.
    """
    size = panel.pixel_size
    slow = size * (np.arange(panel.pixels_slow) + 0.5)[:, np.newaxis]
    fast = size * (np.arange(panel.pixels_fast) + 0.5)[np.newaxis]
    start = panel.origin
    squared = dot(start, start) + fast**2 + slow**2
    squared = squared + 2.0 * (
        fast * float(dot(start, panel.fast)) + slow * float(dot(start, panel.slow))
    )
    along = fast * float(dot(panel.fast, beam)) + slow * float(dot(panel.slow, beam))
    along = along + float(dot(start, beam))
    distance = np.sqrt(squared)
    # Components of p across the beam, so that nothing cancels near it.
    across = start - dot(start, beam) * beam
    across_fast = panel.fast - dot(panel.fast, beam) * beam
    across_slow = panel.slow - dot(panel.slow, beam) * beam
    off = np.zeros(panel.shape)
    for n in range(3):
        off += (across[n] + fast * across_fast[n] + slow * across_slow[n]) ** 2
    # |u - beam|² = 2 (1 - cos) = 2 sin² / (1 + cos) ahead, and 2 (1 - cos) behind.
    cosine = along / distance
    with np.errstate(divide="ignore", invalid="ignore"):
        ahead = 2.0 * off / squared / (1.0 + cosine)
        chord = np.sqrt(np.where(cosine > 0.0, ahead, 2.0 * (1.0 - cosine)))
        resolution: NDArray[np.float32] = (wavelength / chord).astype(np.float32)
    return resolution


def resolution_map(measurement: Measurement) -> NDArray[np.float32]:
    """Return the spacing of each pixel of a frame, Angstrom.

    Parameters
    ----------
    measurement : Measurement

    Returns
    -------
    ndarray of float32, shape (slow, fast)
        As `Frame.pixels` has the panels; NaN where a frame has no panel.
    """
    wavelength = 1e10 * measurement.wavelength
    maps = [panel_resolution(each, measurement.beam, wavelength) for each in measurement.panels]
    return stack(maps, measurement.panels, np.nan)


def beam_radius(measurement: Measurement, spacing: float) -> float:
    """Return how far from the beam a spacing (Angstrom) diffracts, pixels of the first panel.

    On a detector that is square to the beam.
    """
    panel = measurement.panels[0]
    sine = min(1.0, 1e10 * measurement.wavelength / (2.0 * spacing))
    distance = abs(float(dot(panel.origin, measurement.beam)))
    return distance * float(np.tan(2.0 * np.arcsin(sine))) / panel.pixel_size


@dataclass(frozen=True, eq=False)
class Profile:
    """Pixels by resolution, in rings of one area on a flat detector.

    Attributes
    ----------
    resolution : ndarray, shape (n,)
        Of the middle of each ring, Angstrom.
    pixels : ndarray of int64, shape (n,)
        How many were measured.
    median, mean, maximum : ndarray, shape (n,)
    """

    resolution: FloatArray
    pixels: NDArray[np.int64]
    median: FloatArray
    mean: FloatArray
    maximum: FloatArray

    def __len__(self) -> int:
        return len(self.resolution)

    def to_text(self) -> str:
        """Return a table."""
        lines = [f"{'d/Å':>10} {'pixels':>9} {'median':>12} {'mean':>12} {'maximum':>12}"]
        rows = (self.resolution, self.pixels, self.median, self.mean, self.maximum)
        lines += [
            f"{d:10.3f} {n:9d} {middle:12.6g} {mean:12.6g} {top:12.6g}"
            for d, n, middle, mean, top in zip(*rows, strict=True)
        ]
        return "\n".join(lines) + "\n"


def radial_profile(pixels: FloatArray, resolution: NDArray[np.float32], rings: int = 50) -> Profile:
    """Sum up a frame in rings of resolution.

    Parameters
    ----------
    pixels : ndarray, shape (slow, fast)
        NaN where nothing was measured.
    resolution : ndarray, shape (slow, fast)
        Angstrom, from `resolution_map`.
    rings : int
        Between 1/d = 0 and the finest, evenly in 1/d². Rings without pixels are left out.

    Raises
    ------
    ConfigError
        Another shape, no rings, or no pixel.
    """
    if rings < 1:
        raise ConfigError("rings", rings, "must be at least 1")
    if pixels.shape != resolution.shape:
        raise ConfigError("pixels", pixels.shape, f"must have the map's shape {resolution.shape}")
    usable = np.isfinite(pixels) & (resolution > 0.0)
    if not usable.any():
        raise ConfigError("pixels", "none", "must hold numbers somewhere on the detector")
    values = pixels[usable]
    s2 = 1.0 / resolution[usable].astype(np.float64) ** 2
    width = float(s2.max()) * (1.0 + 1e-12) / rings
    ring = np.minimum((s2 / width).astype(np.int64), rings - 1)
    order = np.argsort(ring, kind="stable")
    ring, values = ring[order], values[order]
    names, starts = np.unique(ring, return_index=True)
    parts = np.split(values, starts[1:])
    return Profile(
        resolution=1.0 / np.sqrt((names + 0.5) * width),
        pixels=np.array([len(part) for part in parts]),
        median=np.array([float(np.median(part)) for part in parts]),
        mean=np.array([float(part.mean()) for part in parts]),
        maximum=np.array([float(part.max()) for part in parts]),
    )

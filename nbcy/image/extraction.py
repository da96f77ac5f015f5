"""The amplitudes of a material out of an image of it (physics 13.4)."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nbcy.base.amplitude_table import AmplitudeTable
from nbcy.base.atomic import atomic_write
from nbcy.base.errors import ConfigError
from nbcy.scene.scene import Scene

FloatArray = NDArray[np.float64]

RINGS = 200
"""Rings of equal width in sin θ/λ that an image is cut into."""


def extract_table(
    image: ArrayLike,
    scene: Scene,
    *,
    offset: float = 0.0,
    gain: float = 1.0,
    rings: int = RINGS,
) -> AmplitudeTable:
    """Return F(s) of the first material of a scene, as an image shows it (physics 13.4).

    Parameters
    ----------
    image : array_like
        Photons, or counts; of all panels, one after another. Not a number is not measured.
    scene : Scene
        Detector, beam, and how much of the material there is; its own table has no part.
    offset, gain : float
        Counts of no photon, and counts a photon.
    rings : int
        Of equal width in sin θ/λ.

    Raises
    ------
    ConfigError
        No material, other pixels than the detector's, or fewer than two rings with pixels.
    """
    if not scene.haze:
        raise ConfigError("background.materials", None, "must say how much of a material there is")
    share = scene.haze.of_one_electron()
    pixels = np.asarray(image, float).reshape(-1)
    each = share.whole() * (scene.r_e_sqr * scene.fluence * share.unit)
    if pixels.shape != each.shape:
        raise ConfigError("image", np.shape(image), f"must have the detector's {each.size} pixels")
    seen = np.isfinite(pixels) & (each > 0.0)
    if scene.mask is not None:
        seen &= scene.mask.reshape(-1) != 0
    stol = share.stol()[seen]
    square = (pixels[seen] - offset) / gain / each[seen]
    if not square.size:
        raise ConfigError("image", np.shape(image), "has no pixel that is measured")
    edges = np.linspace(stol.min(), stol.max(), rings + 1)
    order = np.argsort(stol, kind="stable")
    cuts = np.searchsorted(stol[order], edges[1:-1])
    found = [
        (float(np.median(stol[ring])), float(np.median(square[ring])))
        for ring in np.split(order, cuts)
        if ring.size
    ]
    s, f = np.array(found).T
    return AmplitudeTable(s, np.sign(f) * np.sqrt(np.abs(f)), name="image")


def save_table(table: AmplitudeTable, path: str | os.PathLike[str]) -> None:
    """Write a table as the reference's programs read it, whole or not at all (formats 4).

    Raises
    ------
    FileError
        It cannot be written.
    """
    with atomic_write(path) as file:
        for s, F in zip(table.stol.tolist(), table.F.tolist(), strict=True):
            file.write(f"{s:.9g} {F:.9g}\n".encode())

"""Scattering that does not come from the crystal (physics 9.6)."""

from __future__ import annotations

from dataclasses import dataclass

from nbcy.base.constants import AVOGADRO, R_E_SQR, WATER_F, WATER_MOLAR_MASS
from nbcy.base.units import to_si
from nbcy.scene.beam import fluence
from nbcy.scene.desk import Step


def water_background(size: float, fluence: float) -> float:
    """Photons per steradian scattered forward by a droplet of water (physics 9.6).

    Parameters
    ----------
    size : float
        Edge of the droplet, m.
    fluence : float
        Photons/m².

    Returns
    -------
    float
        Photons/sr, before polarization and absorption.
    """
    molecules = size * size * size * 1e6 * AVOGADRO / WATER_MOLAR_MASS
    return WATER_F * WATER_F * R_E_SQR * fluence * molecules


@dataclass(frozen=True)
class Water:
    """Scattering of a droplet of water.

    Attributes
    ----------
    water : float
        Photons/sr, 0 for none.
    water_scaling : bool
        Quirk: ``water`` is added before scaling by r_e²·fluence/steps.
    """

    water: float
    water_scaling: bool


def background(step: Step) -> Water:
    """Stage: what scatters besides the crystal."""
    size = to_si(step.config.background.water_um, "um")
    scaling = "water_scaling" in step.quirks
    return Water(water_background(size, step.take(fluence)) if size else 0.0, scaling)

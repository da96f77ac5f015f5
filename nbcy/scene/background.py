"""Scattering that does not come from the crystal (physics 9.6)."""

from __future__ import annotations

from nbcy.base.constants import AVOGADRO, R_E_SQR, WATER_F, WATER_MOLAR_MASS


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

"""Materials by name: density, molar mass and what their tables of amplitudes are of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class MaterialPreset:
    """A material that is known by its name.

    Attributes
    ----------
    density : float
        g/cm³.
    molar_mass : float
        g/mol of what the amplitude is of.
    what : str
        What its amplitude is, and of where.
    """

    density: float
    molar_mass: float
    what: str


PRESETS: Final = {
    "water": MaterialPreset(
        0.997, 18.015, "liquid at 25 °C: 14 points of the measured curve, intermolecular peak too"
    ),
    "air": MaterialPreset(
        1.184e-3, 28.965, "dry, 25 °C, 1 atm: N2, O2 and Ar as molecules apart from each other"
    ),
    "helium": MaterialPreset(1.636e-4, 4.0026, "25 °C, 1 atm: atoms apart from each other"),
    "ice": MaterialPreset(
        0.917, 18.015, "hexagonal, powder of crystals of 500 Å without texture, with diffuse part"
    ),
    "nanocrystalline_ice": MaterialPreset(
        0.917, 18.015, "the same of crystals of 50 Å; without the stacking faults of real ones"
    ),
    "kapton": MaterialPreset(
        1.42, 382.33, "C22H10N2O5 as independent atoms: the right level, no polymer rings"
    ),
    "paratone": MaterialPreset(
        0.89, 14.027, "CH2 of an oil as independent atoms: the right level, no ring at 4.6 Å"
    ),
}
"""The materials; sources in docs/background.md."""

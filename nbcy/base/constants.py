"""Frozen constants and where they come from."""

from __future__ import annotations

import math
from typing import Final

RTD: Final = 180.0 / math.pi
"""Degrees per radian."""

EV_ANGSTROM: Final = 12398.42
"""h·c in eV·Å as the reference rounds it (physics 3.1)."""

R_E: Final = 2.81794117756025e-15
"""Classical electron radius in m (physics 3.2)."""

R_E_SQR: Final = 7.94079248018965e-30
"""Square of the classical electron radius in m² (physics 3.2)."""

DEFAULT_FLUENCE: Final = 125932015286227086360700780544.0
"""Photons/m² that make r_e²·fluence = 1, so that intensity = F² (physics 3.2)."""

AVOGADRO: Final = 6.02214179e23
"""1/mol, as used for the water background (physics 9.6)."""

WATER_F: Final = 2.57
"""Forward structure factor of water in electrons (physics 9.6)."""

K_SOL: Final = 0.35
"""Density of bulk solvent, electrons/Å³, as found on average (Fokine and Urzhumtsev 2002)."""

B_SOL: Final = 46.0
"""How gently it ends at the protein, Å² (the same)."""

WATER_MOLAR_MASS: Final = 18.0
"""g/mol, as used for the water background (physics 9.6)."""

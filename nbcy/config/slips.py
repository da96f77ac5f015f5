"""Values that are possible but look like slips of units, and what was likely meant."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from nbcy.config.config import Config


class Range(NamedTuple):
    """Between which values of a field nobody asks, and what one outside was likely meant in.

    Attributes
    ----------
    path : str
        With its unit.
    least, most : float
        0 itself is never a slip.
    below, above : str
        Unit that a smaller, a larger value was likely meant in; empty where none is likely.
    """

    path: str
    least: float
    most: float
    below: str = ""
    above: str = ""


_RANGES: Final = (
    Range("detector.pixel_mm", 1e-4, 20.0, "m", "µm"),
    Range("detector.distance_mm", 2.0, 1e5, "m", "µm"),
    Range("detector.close_distance_mm", 2.0, 1e5, "m", "µm"),
    Range("detector.thickness_um", 1.0, 1e5, "mm", "nm"),
    Range("beam.wavelength_angstrom", 1e-3, 200.0, "nm", "eV"),
    Range("beam.energy_ev", 60.0, 1e7, "keV", ""),
    Range("beam.dispersion_percent", 0.0, 50.0),
    Range("beam.size_mm", 1e-6, 50.0, "m", "µm"),
    Range("crystal.size_x_mm", 0.0, 10.0, "", "µm"),
    Range("crystal.size_y_mm", 0.0, 10.0, "", "µm"),
    Range("crystal.size_z_mm", 0.0, 10.0, "", "µm"),
    Range("crystal.mosaic_spread_deg", 0.0, 45.0, "", "mrad"),
    Range("background.water_um", 1e-2, 1e5, "mm", "nm"),
)


def likely_slips(config: Config) -> Iterator[str]:
    """Yield what looks like a slip of units, in one line each."""
    for path, least, most, below, above in _RANGES:
        value = config.value(path)
        value = max(value) if isinstance(value, tuple) else value
        if not value or least <= value <= most:
            continue
        meant = below if value < least else above
        question = f": was it meant in {meant}?" if meant else ": is that the unit you meant?"
        yield f"{path} = {value:g} is far from what is usual{question}"
    cell = config.crystal.cell_angstrom_deg
    if cell is not None and max(cell[3:]) <= math.pi:
        angles = " ".join(f"{angle:g}" for angle in cell[3:])
        yield (
            f"crystal.cell_angstrom_deg has angles of {angles}°: were they meant in radians? "
            "90 is a right angle"
        )

"""Defects of the reference that nbcy reproduces on request (physics 11.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from nbcy.base.errors import ConfigError

QUIRKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "phi_carryover": "a spindle angle of exactly 0 keeps the cell of the step before it",
        "source_weights": "the intensities of a source file are ignored",
        "star_radius": "gauss and tophat spots have a radius in 1/Angstrom**2",
        "triclinic_cell": "triclinic cells get angles that are off by hundredths of a degree",
        "water_scaling": "water is scaled by r_e**2 and fluence twice and divided by the steps",
        "layer_capture": "sensor layers reach too deep and all count as the last one does",
        "pivot_override": "an explicit pivot is ignored unless the convention is custom",
        "pix0_ignored": "a given pix0 vector is always overwritten",
        "sticky_interpolation": "a first step at the edge of the list ends interpolation",
    }
)
"""Name and effect of each quirk."""


def parse_quirks(names: str | Iterable[str]) -> frozenset[str]:
    """Turn names of quirks into a set, ``all`` standing for every one.

    Parameters
    ----------
    names : str or iterable of str
        One name, several separated by commas, or an iterable of names.

    Returns
    -------
    frozenset of str

    Raises
    ------
    ConfigError
        A name that is not in `QUIRKS`.
    """
    try:
        parts = names.split(",") if isinstance(names, str) else [str(name) for name in names]
    except TypeError:
        raise ConfigError("quirks", names, "must be names of quirks") from None
    chosen = {part.strip() for part in parts} - {""}
    unknown = chosen - QUIRKS.keys() - {"all"}
    if unknown:
        raise ConfigError("quirks", sorted(unknown)[0], f"must be 'all' or of {', '.join(QUIRKS)}")
    return frozenset(QUIRKS) if "all" in chosen else frozenset(chosen)

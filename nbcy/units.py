"""The only place where mm, Å, eV, degrees, mrad, µm and the like become SI.

A unit is named by the suffix that stands in field names: ``mm`` in ``distance_mm``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from nbcy.constants import RTD
from nbcy.errors import UnitError


@dataclass(frozen=True)
class Unit:
    """A customary unit.

    Attributes
    ----------
    dimension : str
        What it measures.
    power : int
        The SI value is the value times ten to this power.
    pint : str
        Its name in pint.
    divisor : float
        The SI value is divided by this as well (degrees only).
    """

    dimension: str
    power: int
    pint: str
    divisor: float = 1.0


UNITS: Final[dict[str, Unit]] = {
    "m": Unit("length", 0, "meter"),
    "cm": Unit("length", -2, "centimeter"),
    "mm": Unit("length", -3, "millimeter"),
    "um": Unit("length", -6, "micrometer"),
    "nm": Unit("length", -9, "nanometer"),
    "angstrom": Unit("length", -10, "angstrom"),
    "ev": Unit("energy", 0, "electron_volt"),
    "kev": Unit("energy", 3, "kiloelectron_volt"),
    "rad": Unit("angle", 0, "radian"),
    "mrad": Unit("angle", -3, "milliradian"),
    "deg": Unit("angle", 0, "degree", RTD),
    "fraction": Unit("ratio", 0, "dimensionless"),
    "percent": Unit("ratio", -2, "percent"),
    "s": Unit("time", 0, "second"),
    "ms": Unit("time", -3, "millisecond"),
    "us": Unit("time", -6, "microsecond"),
    "fs": Unit("time", -15, "femtosecond"),
    "photons_per_m2": Unit("fluence", 0, "photon / meter ** 2"),
    "photons_per_mm2": Unit("fluence", 6, "photon / millimeter ** 2"),
    "photons_per_um2": Unit("fluence", 12, "photon / micrometer ** 2"),
    "photons_per_s": Unit("flux", 0, "photon / second"),
    "px": Unit("pixels", 0, "pixel"),
}
"""Suffix and meaning; energies stay in eV, which only becomes a wavelength (`nbcy.sources`)."""

_SPELLINGS: Final = {
    **{name: name for name in UNITS if "_" not in name},
    **{"Å": "angstrom", "A": "angstrom", "µm": "um", "μm": "um", "eV": "ev", "keV": "kev"},
    **{"°": "deg", "degree": "deg", "degrees": "deg", "%": "percent", "µs": "us", "μs": "us"},
}
_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\s\d*/^]+)\s*")


def _times_power_of_ten(value: float, power: int) -> float:
    # dividing by 1000 is correctly rounded, multiplying by 0.001 is not
    return value / 10.0**-power if power < 0 else value * 10.0**power


def to_si(value: float, unit: str) -> float:
    """Convert a number in a customary unit to SI.

    Parameters
    ----------
    value : float
        In ``unit``.
    unit : str
        Suffix, a key of `UNITS`.

    Returns
    -------
    float
        In m, rad, s, photons/m², ...; rounded as the reference rounds it, by one division.
    """
    entry = UNITS[unit]
    return _times_power_of_ten(value, entry.power) / entry.divisor


def convert(value: float, source: str, target: str) -> float:
    """Convert a number between two units of one dimension.

    Parameters
    ----------
    value : float
        In ``source``.
    source, target : str
        Keys of `UNITS`.

    Returns
    -------
    float
        In ``target``.

    Raises
    ------
    UnitError
        The two measure different things.
    """
    have, want = UNITS[source], UNITS[target]
    if have.dimension != want.dimension:
        raise UnitError(source, value, f"is a unit of {have.dimension}, not of {want.dimension}")
    if have == want:
        return value
    converted = _times_power_of_ten(value, have.power - want.power)
    return converted * (want.divisor / have.divisor)


def suffix_of(name: str) -> tuple[str, str] | None:
    """Split ``distance_mm`` into ``("distance", "mm")``; None where no unit ends the name."""
    for start in range(1, len(name)):
        if name[start - 1] == "_" and name[start:] in UNITS:
            return name[: start - 1], name[start:]
    return None


@cache
def registry() -> Any:
    """Return the pint registry, which knows photons and pixels as counts."""
    import pint

    units: Any = pint.UnitRegistry()
    units.define("photon = [photons]")
    return units


def parse_quantity(quantity: object, unit: str, field: str = "quantity") -> float:
    """Read ``"25 cm"`` or a pint quantity.

    Parameters
    ----------
    quantity : str or pint.Quantity
        A number with a unit of its own.
    unit : str
        The unit wanted, a key of `UNITS`.
    field : str
        What it is for, named in errors.

    Returns
    -------
    float
        In ``unit``.

    Raises
    ------
    UnitError
        No unit, an unknown one, or one of another dimension.
    """
    if isinstance(quantity, str):
        simple = _QUANTITY.fullmatch(quantity)
        spelled = _SPELLINGS.get(simple[2]) if simple else None
        if simple and spelled and UNITS[spelled].dimension == UNITS[unit].dimension:
            return convert(float(simple[1]), spelled, unit)
    return _parse_with_pint(quantity, unit, field)


def _parse_with_pint(quantity: object, unit: str, field: str) -> float:
    import pint

    entry = UNITS[unit]
    wanted = f'give a quantity of {entry.dimension}, such as "1 {unit.replace("_per_", "/")}"'
    units = registry()
    try:
        if isinstance(quantity, str):
            spelled = quantity.replace("photons", "photon").replace("Å", "angstrom").replace("%", "percent")
            own: Any = units.Quantity(spelled)
        elif hasattr(quantity, "magnitude"):
            # a quantity of another registry carries the names of its units along
            own = units.Quantity(quantity.magnitude, str(quantity.units))  # type: ignore[attr-defined]
        else:
            raise UnitError(field, quantity, wanted)
        if own.unitless and entry.dimension != "ratio":
            raise UnitError(field, quantity, f"has no unit: {wanted}")
        if entry.dimension in ("fluence", "flux") and "[photons]" not in own.dimensionality:
            own = own * units.photon  # photons are often left out: 1e12 / s
        return float(own.to(entry.pint).magnitude)
    except UnitError:
        raise
    except pint.DimensionalityError as error:
        raise UnitError(field, quantity, f"is of dimension {error.dim1 or 'none'}: {wanted}") from None
    except Exception:  # pint's parser raises many kinds
        raise UnitError(field, quantity, f"cannot be read: {wanted}") from None


"""The only place where mm, Å, eV, degrees, mrad, µm and the like become SI.

A unit is named by the suffix that it has in field names: ``mm`` as in ``distance_mm``.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final, NamedTuple

from nbcy.base.constants import RTD
from nbcy.base.errors import UnitError


class Unit(NamedTuple):
    """A customary unit.

    Attributes
    ----------
    dimension : str
        What it measures.
    power : int
        The unit is ten to this power times the SI unit (degrees aside).
    symbols : tuple of str
        How it is written in text; pint knows every one but ``px``, which it takes for a length.
    """

    dimension: str
    power: int
    symbols: tuple[str, ...]


def _per_area(area: str) -> tuple[str, ...]:
    return tuple(f"{p}/{area}{two}" for p in ("photons", "photon") for two in ("**2", "^2", "²"))


UNITS: Final[dict[str, Unit]] = {
    "m": Unit("length", 0, ("m",)),
    "cm": Unit("length", -2, ("cm",)),
    "mm": Unit("length", -3, ("mm",)),
    # Unicode has two signs each for micro and Angstrom.
    "um": Unit("length", -6, ("um", "\u00b5m", "\u03bcm")),
    "nm": Unit("length", -9, ("nm",)),
    "angstrom": Unit("length", -10, ("angstrom", "\u00c5", "\u212b")),
    "ev": Unit("energy", 0, ("eV",)),
    "kev": Unit("energy", 3, ("keV",)),
    "rad": Unit("angle", 0, ("rad",)),
    "mrad": Unit("angle", -3, ("mrad",)),
    "deg": Unit("angle", 0, ("deg", "degree", "degrees", "°")),
    "percent": Unit("ratio", -2, ("percent", "%")),
    "s": Unit("time", 0, ("s",)),
    "ms": Unit("time", -3, ("ms",)),
    "us": Unit("time", -6, ("us", "\u00b5s", "\u03bcs")),
    "fs": Unit("time", -15, ("fs",)),
    "photons_per_m2": Unit("fluence", 0, _per_area("m")),
    "photons_per_mm2": Unit("fluence", 6, _per_area("mm")),
    "photons_per_um2": Unit("fluence", 12, _per_area("um")),
    "photons_per_s": Unit("flux", 0, ("photons/s", "photon/s")),
    "g_per_cm3": Unit("density", 3, ("g/cm³", "g/cm^3", "g/cm**3")),
    "kg_per_m3": Unit("density", 0, ("kg/m³", "kg/m^3", "kg/m**3")),
    "g_per_mol": Unit("molar mass", -3, ("g/mol",)),
    "kg_per_mol": Unit("molar mass", 0, ("kg/mol",)),
    "px": Unit("pixels", 0, ("px", "pixel", "pixels")),
}
"""Units by suffix. Energies stay in eV: their only use is to become a wavelength (physics 3.1)."""

_BY_SYMBOL: Final = {symbol: name for name, unit in UNITS.items() for symbol in unit.symbols}
_QUANTITY = re.compile(
    r"\s*([-+]?(?:inf|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?))\s*([^\s0-9.+-].*?)\s*"
)


def split_units(name: str) -> tuple[str, tuple[str, ...]]:
    """Split the units off the name of a field.

    Parameters
    ----------
    name : str
        Such as ``distance_mm``, ``cell_angstrom_deg`` or ``steps``.

    Returns
    -------
    stem : str
        ``distance``, ``cell``, ``steps``.
    units : tuple of str
        ``("mm",)``, ``("angstrom", "deg")``, ``()``.
    """
    units: tuple[str, ...] = ()
    while True:
        # The longest that fits: photons_per_s ends with s as well.
        last = max((u for u in UNITS if name.endswith(f"_{u}")), key=len, default=None)
        if last is None:
            return name, units
        name, units = name[: -len(last) - 1], (last, *units)


def alternatives(unit: str) -> list[str]:
    """Return the units that measure the same, the given one included."""
    return [name for name in UNITS if UNITS[name].dimension == UNITS[unit].dimension]


def to_si(value: float, unit: str) -> float:
    """Convert to SI, rounded once, as the reference does.

    Parameters
    ----------
    value : float
        In ``unit``.
    unit : str
        Suffix of a customary unit.

    Returns
    -------
    float
        m, rad, s, photons/m², photons/s, eV, px; a ratio as a fraction.
    """
    if unit == "deg":
        return value / RTD
    power = UNITS[unit].power
    # Powers of ten up to 10**22 are exact, 10**-3 is not.
    return value / 10.0**-power if power < 0 else value * 10.0**power


def convert(value: float, source: str, target: str) -> float:
    """Convert between two units of one dimension.

    Powers of ten shift the decimal point of the shortest number that stands for ``value``, so that
    0.07 m and 7 cm are 70 mm exactly.

    Parameters
    ----------
    value : float
        In ``source``.
    source, target : str
        Suffixes of two units of one dimension.

    Returns
    -------
    float
        In ``target``.
    """
    if source == target:
        return value
    if target == "deg":
        return to_si(value, source) * RTD
    if source == "deg":
        value, source = value / RTD, "rad"
    from decimal import Decimal

    return float(Decimal(repr(float(value))).scaleb(UNITS[source].power - UNITS[target].power))


def is_quantity(value: object) -> bool:
    """Tell whether a value is a quantity of pint, of whatever registry."""
    return hasattr(value, "magnitude") and hasattr(value, "units")


def parse_quantity(quantity: object, unit: str, field: str = "quantity") -> float:
    """Read a quantity that brings its own unit.

    Parameters
    ----------
    quantity : str or pint.Quantity
        A number and a unit, such as ``"25 cm"``; photons may be left out of fluence and flux.
    unit : str
        Suffix of the unit wanted.
    field : str
        What the quantity is for, named in errors.

    Returns
    -------
    float
        In ``unit``.

    Raises
    ------
    UnitError
        No number, no unit, an unknown unit, or one that measures something else.
    """
    wanted = UNITS[unit]
    example = f"'1 {wanted.symbols[0]}'"
    expected = f"must be a number with a unit of {wanted.dimension}, such as {example}"
    match = _QUANTITY.fullmatch(quantity) if isinstance(quantity, str) else None
    if match and match[2] in _BY_SYMBOL:
        source = _BY_SYMBOL[match[2]]
        if UNITS[source].dimension != wanted.dimension:
            raise UnitError(field, quantity, expected)
        return convert(float(match[1]), source, unit)
    if not match and not is_quantity(quantity):
        raise UnitError(field, quantity, expected)
    try:
        if match:
            number, units = float(match[1]), _registry().parse_units(re.sub(r"^/", "1/", match[2]))
        else:
            number, units = _adopt(quantity)
        return number * _ratio(units, _registry().parse_units(wanted.symbols[-1]))
    except Exception as error:  # pint's parser lets all kinds through
        raise UnitError(field, str(quantity), expected) from error


_DIMENSIONS: Final = {"length": "m", "angle": "rad", "time": "s"}


def unit_in_si(name: str, dimension: str) -> float:
    """Return how much of the SI unit a unit in words is, whatever its spelling.

    Parameters
    ----------
    name : str
        Such as ``microns``, ``Seconds`` or ``mm``.
    dimension : {"length", "angle", "time"}

    Raises
    ------
    ValueError
        It is unknown, or measures something else.
    """
    for spelling in (name, name.lower(), name.lower().rstrip(".")):
        try:
            return _ratio(
                _registry().parse_units(spelling), _registry().parse_units(_DIMENSIONS[dimension])
            )
        except Exception:  # pint's parser lets all kinds through
            continue
    raise ValueError(f"{name[:40]!r} is not a unit of {dimension}")


@cache
def _registry() -> Any:
    """Return the registry that reads what the table does not know."""
    import pint  # takes a third of a second

    registry: Any = pint.UnitRegistry()
    registry.define("photon = []")
    return registry


def _adopt(quantity: Any) -> tuple[float, Any]:
    """Return number and unit of a quantity in our registry; in its own, it may not know photons."""
    import pint

    try:
        return float(quantity.magnitude), _registry().parse_units(f"{quantity.units:D}")
    except pint.UndefinedUnitError:
        quantity = quantity.to_root_units()
        return float(quantity.magnitude), _registry().parse_units(f"{quantity.units:D}")


def _ratio(source: Any, target: Any) -> float:
    """Return how many of one unit make another.

    To pint an angle is a number like any other, and here it is not; photons are one.
    """

    def root(unit: Any) -> tuple[float, dict[str, float]]:
        quantity = _registry().Quantity(1.0, unit).to_root_units()
        powers = {name: power for name, power in quantity.unit_items() if name != "photon"}
        return quantity.magnitude, powers

    (above, left), (below, right) = root(source), root(target)
    if left != right:
        raise ValueError("another dimension")
    return above / below

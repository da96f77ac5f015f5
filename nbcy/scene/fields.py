"""The ledger's entries for fields that no stage decides about: they are what the user gave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from nbcy.base.choices import Choice, origin_of
from nbcy.base.units import UNITS, split_units, to_si

if TYPE_CHECKING:
    from nbcy.config import Config

_SI: Final = {
    "length": "m",
    "energy": "eV",
    "angle": "rad",
    "ratio": "",
    "time": "s",
    "fluence": "1/m²",
    "flux": "1/s",
    "pixels": "px",
}


def choices_of_fields(config: Config, chosen: Mapping[str, Choice]) -> dict[str, Choice]:
    """Return an entry for every field without one.

    Parameters
    ----------
    config : Config
        What the user gave.
    chosen : mapping of str to Choice
        What the stages decided; the units are left out of the names.

    Returns
    -------
    dict of str to Choice
        Values in SI units; None for what is open and plays no part.
    """
    entries: dict[str, Choice] = {}
    for section, name, value, default in _fields(config):
        stem, units = split_units(name)
        path = f"{section}.{stem}" if section else stem
        if path not in chosen:
            # only a cell has two units, of lengths and of angles, which stay apart
            unit = ", ".join(_SI[UNITS[unit].dimension] for unit in units)
            origin = origin_of(None if value == default else value)
            entries[path] = Choice(_in_si(value, units), unit, origin, "")
    return entries


def _fields(config: Config) -> list[tuple[str, str, Any, Any]]:
    """Section, name, value and default of every field."""
    found: list[tuple[str, str, Any, Any]] = []
    for name, field in type(config).model_fields.items():
        section = getattr(config, name)
        if name == "quirks":
            found.append(("", name, section, field.default))
            continue
        for inner, spec in type(section).model_fields.items():
            found.append((name, inner, getattr(section, inner), spec.default))
    return found


def _in_si(value: Any, units: tuple[str, ...]) -> Any:
    if not units or value is None:
        return value
    if isinstance(value, tuple):
        last = len(units) - 1
        return tuple(to_si(item, units[min(i // 3, last)]) for i, item in enumerate(value))
    return to_si(value, units[0])

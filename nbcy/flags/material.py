"""The flags of the background: a table, and how much of its material there is."""

from __future__ import annotations

import os
from typing import Any, Final

from nbcy.base.errors import ConfigError, UsageError
from nbcy.config import Material
from nbcy.config.materials import PRESETS
from nbcy.flags.table import Settings

_SIZES: Final = ("crystal.size_x_mm", "crystal.size_y_mm", "crystal.size_z_mm")
_AMOUNTS: Final = ("thickness_mm", "width_mm", "height_mm")


def take_material(
    settings: Settings, given: dict[str, str], notes: list[str], amorphous: bool = False
) -> Material | None:
    """Take the material out of what flags set.

    Parameters
    ----------
    settings : dict
        Loses what the material is made of.
    given : dict
        The flag of each setting.
    notes : list of str
        Gets what the user should know.
    amorphous : bool
        The sample is the material: it has the sizes that a crystal would have.

    Returns
    -------
    Material or None
        None where no table is given, or not how much there is of it, as in command lines of
        nanoBragg, which reads tables and does not use them.

    Raises
    ------
    UsageError
        Something is missing, or cannot be.
    FileError
        A table that cannot be read.
    """
    tables = {name: settings.pop(f"run.{name}", None) for name in ("stol", "4stol", "Q")}
    named = [(name, path) for name, path in tables.items() if path is not None]
    amounts: dict[str, Any] = {
        name: settings.pop(f"run.{name}", None)
        for name in ("thickness_mm", "density_g_per_cm3", "molar_mass_g_per_mol")
    }
    if amorphous:
        for size, name in zip(_SIZES, _AMOUNTS, strict=True):
            value = settings.pop(size, None)
            amounts[name] = value if amounts.get(name) is None else amounts[name]
    if not named:
        if amorphous:
            raise UsageError("there is nothing to scatter: give a table, -stol, -4stol or -Q")
        for name, value in amounts.items():
            if value is not None:
                flag = given[f"run.{name}"]
                notes.append(f"{flag} {value:g} is skipped: it belongs to a background, -stol")
        return None
    if len(named) > 1:
        flags = ", ".join(f"-{name}" for name, _ in named)
        raise UsageError(f"{flags}: a background has one table; --set gives several materials")
    ((column, path),) = named
    if amounts["thickness_mm"] is None:
        if amorphous:
            raise UsageError(f"-{column}: how much there is of it is not given: -thickness")
        _check_table(column, path, notes)
        return None
    table = f".{os.sep}{path}" if path in PRESETS and os.path.exists(path) else path
    for name, flag in (("density_g_per_cm3", "-density"), ("molar_mass_g_per_mol", "-MW")):
        if amounts[name] is None and table not in PRESETS:
            raise UsageError(f"-{column} {path}: {flag} must be given along with it")
    try:
        return Material.from_dict({"table": table, "column": column, **amounts})
    except ConfigError as error:
        name = error.field.rpartition(".")[2]
        flag = given.get(f"run.{name}", f"-{column}")
        raise UsageError(f"{flag}: {error.expected}, not {error.value!r}") from error


def _check_table(column: str, path: str, notes: list[str]) -> None:
    from nbcy.inputs.stol import read_stol

    rows = len(read_stol(path, column)[0])
    notes.append(
        f"-{column} {path}: {rows} rows are read and not used, as in the reference: -thickness "
        "says how much there is of the material"
    )

"""Fields, units and chains of axes of NeXus files, as many programs write them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.constants import RTD
from nbcy.base.units import unit_in_si
from nbcy.base.vectors import norm, rotate, unit

FloatArray = NDArray[np.float64]

MAX_VALUES: Final = 10_000_000
"""Most numbers of a field that is not an image."""

_USUAL: Final = {
    "length": {
        **{"m": 1.0, "mm": 1e-3, "um": 1e-6, "nm": 1e-9},
        **dict.fromkeys(("angstrom", "Angstrom", "A", "Å"), 1e-10),
    },
    "angle": {"rad": 1.0, **dict.fromkeys(("deg", "degree", "degrees"), 1.0 / RTD)},
    "time": {"s": 1.0, "ms": 1e-3, "us": 1e-6},
}
"""What most files have; pint reads the rest."""

_FAR: Final = 20.0
"""m; a length without unit that is longer must be in millimetres."""

_LONG_WAVE: Final = 1e-6
"""m; a wavelength without unit that is longer must be in Angstrom."""

_DEEPEST: Final = 50
"""Most links of a chain of axes."""


def classes(group: Any, nx_class: str) -> list[Any]:
    """Return the groups of a class right under a group."""
    return [item for item in groups(group) if text(item.attrs.get("NX_class", "")) == nx_class]


def groups(group: Any) -> Iterator[Any]:
    """Yield the groups right under a group; links that lead nowhere are passed over."""
    for name in group:
        item = member(group, name)
        if item is not None and hasattr(item, "keys"):
            yield item


def member(group: Any, name: str) -> Any:
    """Return what stands under a name, None where nothing can be read there."""
    try:
        return group.get(name)
    except (KeyError, OSError, RuntimeError, ValueError):
        return None


def first(group: Any, *names: str) -> Any:
    """Return the first field of several names that is there."""
    found = (member(group, name) for name in names)
    return next((item for item in found if item is not None and hasattr(item, "dtype")), None)


def text(value: Any) -> str:
    """Return a string, of fixed or variable length, stored as such or as an array of one."""
    if hasattr(value, "shape") and hasattr(value, "id"):
        value = value[()]
    if isinstance(value, np.ndarray):
        if not value.size:
            return ""
        value = value.reshape(-1)[0]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def numbers(item: Any) -> FloatArray:
    """Return the numbers of a field, one-dimensional.

    Raises
    ------
    ValueError
        It is empty, holds no numbers or too many.
    """
    if not 0 < item.size <= MAX_VALUES:
        raise ValueError(f"{item.name} holds {item.size} numbers")
    try:
        return np.asarray(item[()], dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        raise ValueError(f"{item.name} holds no numbers") from None


def number(item: Any) -> float:
    """Return the first number of a field."""
    return float(numbers(item)[0])


def whole_numbers(item: Any) -> list[int]:
    """Return two whole numbers or more, (slow, fast) last."""
    values = numbers(item)
    if values.size < 2 or not (values == np.rint(values)).all() or (np.abs(values) > 2**31).any():
        raise ValueError(f"{item.name} must hold whole numbers, for slow and fast")
    return [int(x) for x in values]


def unit_of(item: Any, attribute: str = "units") -> str:
    """Return the unit of a field as it stands there, empty where there is none."""
    return text(item.attrs.get(attribute, "")).strip()


@cache
def factor(name: str, dimension: str) -> float:
    """Return a unit in SI.

    Raises
    ------
    ValueError
        It is unknown, or measures something else.
    """
    known = _USUAL[dimension].get(name)
    return unit_in_si(name, dimension) if known is None else known


def length(item: Any, notes: list[str]) -> float:
    """Return the first length of a field, m."""
    value, name = number(item), unit_of(item)
    if name:
        return value * factor(name, "length")
    if abs(value) > _FAR:
        notes.append(f"{item.name} has no unit: millimetres are taken")
        return value * 1e-3
    return value


def wavelengths(item: Any, notes: list[str]) -> FloatArray:
    """Return wavelengths, m; without a unit in Angstrom where metres make no sense."""
    values, name = numbers(item), unit_of(item)
    if name:
        return values * factor(name, "length")
    if float(np.median(values)) > _LONG_WAVE:
        notes.append(f"{item.name} has no unit: Angstrom is taken")
        return values * 1e-10
    return values


def angles(item: Any, notes: list[str], default: str = "") -> FloatArray:
    """Return angles, rad; without a unit in degrees."""
    values, name = numbers(item), unit_of(item) or default
    if not name and values.any():
        notes.append(f"{item.name} has no unit: degrees are taken")
    return values * factor(name or "deg", "angle")


def seconds(item: Any) -> float:
    """Return a time, s."""
    return number(item) * factor(unit_of(item) or "s", "time")


@dataclass(frozen=True, eq=False)
class Axis:
    """One link of a chain of transformations.

    Attributes
    ----------
    name : str
        Its path in the file.
    turns : bool
        A rotation, else a translation.
    vector : ndarray, shape (3,)
        Unit vector of a rotation; of a translation as it stands there.
    values : ndarray, shape (n,)
        rad or m.
    offset : ndarray, shape (3,)
        m.
    above : str
        Path of the next link towards the lab.
    item : h5py.Dataset
        Where the values are.
    """

    name: str
    turns: bool
    vector: FloatArray
    values: FloatArray
    offset: FloatArray
    above: str
    item: Any

    @property
    def direction(self) -> FloatArray:
        """Unit vector."""
        return unit(self.vector)

    def apply(self, vector: FloatArray, is_point: bool) -> FloatArray:
        """Carry a point or a direction to the next link, at the first value."""
        value = float(self.values[0])
        if self.turns:
            vector = rotate(vector, self.vector, value)
        elif is_point:
            vector = vector + value * self.vector
        return vector + self.offset if is_point else vector


def _values_of(found: Any, name: str) -> tuple[Any, Any]:
    """Return the field of an axis and where its attributes are; some axes are groups."""
    if not hasattr(found, "keys"):
        return found, found.attrs
    own = found.name.rpartition("/")[2]
    for inner in (own, name, own.rpartition("_")[2], "value", *found):
        item = member(found, inner)
        if item is not None and hasattr(item, "dtype") and item.dtype.kind in "iuf":
            return item, item.attrs if "vector" in item.attrs else found.attrs
    raise ValueError(f"{found.name} is a group without a field of numbers")


def read_axis(found: Any, notes: list[str]) -> Axis:
    """Read an axis.

    Raises
    ------
    ValueError
        No vector, no numbers, or units of something else.
    """
    name = found.name.rpartition("/")[2]
    item, attrs = _values_of(found, name)
    if "vector" not in attrs:
        raise ValueError(f"{found.name} is no axis: it has no vector")
    vector = np.asarray(attrs["vector"], dtype=np.float64).reshape(-1)
    if vector.shape != (3,) or not np.isfinite(vector).all():
        raise ValueError(f"the vector of {found.name} is not one of 3 numbers")
    kind = text(attrs.get("transformation_type", "")).strip().lower()
    own_unit = unit_of(item) or text(attrs.get("units", "")).strip()
    turns = kind == "rotation" if kind else own_unit in _USUAL["angle"]
    if turns:
        if not float(norm(vector)) > 0.0:
            raise ValueError(f"the vector of {found.name} has no length")
        vector, values = unit(vector), angles(item, notes, own_unit)
    else:
        values = numbers(item)
        if own_unit:
            values = values * factor(own_unit, "length")
        elif np.abs(values * norm(vector)).max() > _FAR:
            notes.append(f"{item.name} has no unit: millimetres are taken")
            values = values * 1e-3
    offset = np.asarray(attrs.get("offset", (0.0, 0.0, 0.0)), dtype=np.float64).reshape(-1)
    if offset.shape != (3,) or not np.isfinite(offset).all():
        raise ValueError(f"the offset of {found.name} is not one of 3 numbers")
    if offset.any():
        offset_unit = text(attrs.get("offset_units", "")) or ("" if turns else own_unit)
        offset = offset * factor(offset_unit or "m", "length")
    above = text(attrs.get("depends_on", ".")).strip() or "."
    return Axis(found.name, turns, vector, values, offset, above, item)


def find(file: Any, where: str, base: Any) -> Any:
    """Return what a ``depends_on`` names, seen from where it stands.

    Raises
    ------
    ValueError
        There is no such thing.
    """
    if ".." in where:
        where = posixpath.normpath(posixpath.join(base.name, where))
    places = [(file, where)] if where.startswith("/") else [(base, where)]
    if not where.startswith("/"):
        places += [(base, f"transformations/{where}"), (base.parent, where), (file, where)]
        places += [(base.parent, f"transformations/{where}")]
    for group, path in places:
        found = member(group, path)
        if found is not None:
            return found
    raise ValueError(f"{base.name} depends on {where}, which is not there")


def chain(file: Any, where: str, base: Any, notes: list[str]) -> list[Axis]:
    """Return the axes from one down to the lab.

    Raises
    ------
    ValueError
        One is missing, or no axis, or there is no end.
    """
    axes: list[Axis] = []
    while where not in (".", ""):
        if len(axes) >= _DEEPEST:
            raise ValueError(f"the chain of transformations from {axes[0].name} has no end")
        found = find(file, where, base)
        axes.append(read_axis(found, notes))
        where, base = axes[-1].above, found.parent
    return axes


def carried(axes: list[Axis], vector: FloatArray, is_point: bool) -> FloatArray:
    """Carry a point or a direction down a chain, every axis at its first value."""
    for axis in axes:
        vector = axis.apply(vector, is_point)
    return vector

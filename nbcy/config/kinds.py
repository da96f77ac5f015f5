"""Kinds of values that a field can have: how each is read, and what its parts are called."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Generic, TypeVar

from nbcy.base.constants import EV_ANGSTROM
from nbcy.base.errors import ConfigError, UnitError
from nbcy.base.units import parse_quantity
from nbcy.config.quirks import QUIRKS, parse_quirks

T = TypeVar("T")
Vector = tuple[float, float, float]
Matrix = tuple[Vector, Vector, Vector]
Cell = tuple[float, float, float, float, float, float]
Cells = tuple[float, float, float]
Rectangle = tuple[int, int, int, int]

# The largest seed of the reference's random numbers (physics 8.1); no count is ever as large.
_MAX_WHOLE: Final = 2**31 - 2


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the end of a message that names what may have been meant, or nothing."""
    import difflib

    near = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {near[0]}?" if near else ""


class Kind(Generic[T]):
    """A kind of values.

    Attributes
    ----------
    name : str
        What values are called.
    parts : mapping of str to Kind
        Names and kinds of what a value is made of, where their number is fixed.
    item : Kind or None
        Kind of the items of a list.
    typed, quantity : str
        What type checkers let through as a bare value and, of a field with a unit, as a quantity
        (names of ``arguments.pyi``, which `.ci/config_arguments` writes).
    """

    name: str = "value"
    parts: Mapping[str, Kind[Any]] = {}
    item: Kind[Any] | None = None
    typed: str = "Any"
    quantity: str = "Quantity"

    def read(self, value: Any) -> T:
        """Return a value as it is kept.

        Raises
        ------
        ValueError
            It is not of this kind; the text begins with "must" and says what would be right.
        """
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.name


def _bounded(
    value: Any, least: float | None, most: float | None, above: float | None, below: float | None
) -> None:
    if above is not None and not value > above:
        raise ValueError(f"must be greater than {above:.10g}")
    if least is not None and not value >= least:
        raise ValueError(f"must be greater than or equal to {least:.10g}")
    if below is not None and not value < below:
        raise ValueError(f"must be less than {below:.10g}")
    if most is not None and not value <= most:
        raise ValueError(f"must be less than or equal to {most:.10g}")


class Number(Kind[float]):
    """Real numbers within bounds."""

    name = "number"
    typed = "Real"

    def __init__(
        self,
        *,
        least: float | None = None,
        most: float | None = None,
        above: float | None = None,
        below: float | None = None,
        infinite: bool = False,
    ) -> None:
        self._bounds = least, most, above, below
        self._infinite = infinite

    def read(self, value: Any) -> float:
        """Return it as a float."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("must be a valid number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not self._infinite and not math.isfinite(number):
            raise ValueError("must be a finite number")
        _bounded(number, *self._bounds)
        return number + 0.0  # -0.0 becomes 0.0


class Whole(Kind[int]):
    """Whole numbers from ``least`` on."""

    name = "whole number"
    typed = "Integer"

    def __init__(self, least: int = -_MAX_WHOLE) -> None:
        self._least = least

    def read(self, value: Any) -> int:
        """Return it as an int."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("must be a valid integer")
        _bounded(value, self._least, _MAX_WHOLE, None, None)
        return int(value)


class Switch(Kind[bool]):
    """True or false."""

    name = "true or false"
    typed = "bool"

    def read(self, value: Any) -> bool:
        """Return it as it is."""
        if not isinstance(value, bool):
            raise ValueError("must be a valid boolean")
        return value


class Text(Kind[str]):
    """Any text."""

    name = "text"
    typed = "str"

    def read(self, value: Any) -> str:
        """Return it as it is."""
        if not isinstance(value, str):
            raise ValueError("must be a valid string")
        return value


class FileName(Kind[str]):
    """Names of files, as text or as a path."""

    name = "name of a file"
    typed = "FileName"

    def read(self, value: Any) -> str:
        """Return it as text."""
        name = os.fspath(value) if isinstance(value, os.PathLike) else value
        if not isinstance(name, str) or not name or "\0" in name:
            raise ValueError("must be the name of a file")
        if any("\ud800" <= character <= "\udfff" for character in name):
            raise ValueError("must be a file name in UTF-8")
        return name


class Choice(Kind[T]):
    """One of a few words."""

    def __init__(self, *words: T) -> None:
        *first, last = map(repr, words)
        self.words = words
        self.name = f"{', '.join(first)} or {last}"
        self.typed = "Literal[" + ", ".join(f'"{word}"' for word in words) + "]"

    def read(self, value: Any) -> T:
        """Return it as it is."""
        if not isinstance(value, str) or value not in self.words:
            raise ValueError(f"must be {self.name}")
        return self.words[self.words.index(value)]


class Parts(Kind[T]):
    """Tuples whose parts have names.

    Parameters
    ----------
    parts : mapping of str to Kind
    name : str
        What a tuple is called.
    complete : callable, optional
        Makes the tuple of what may be given in its place.
    check : callable, optional
        Raises a ValueError for parts that do not go together.
    """

    def __init__(
        self,
        parts: Mapping[str, Kind[Any]],
        name: str,
        *,
        complete: Callable[[Any], Any] | None = None,
        check: Callable[[Any], None] | None = None,
    ) -> None:
        self.parts, self.name = parts, name
        part = next(iter(parts.values())).typed
        self.typed = f"Several[{part}]" if complete is None else f"{part} | Several[{part}]"
        self.quantity = "Quantities" if complete is None else "Quantity | Quantities"
        self._complete, self._check = complete, check

    def read(self, value: Any) -> T:
        """Return it as a tuple, completed."""
        if self._complete is not None:
            value = self._complete(value)
        if not isinstance(value, tuple) or len(value) != len(self.parts):
            raise ValueError(f"must be {self.name}")
        kinds = self.parts.values()
        read: Any = tuple(kind.read(part) for kind, part in zip(kinds, value, strict=True))
        if self._check is not None:
            self._check(read)
        return read  # type: ignore[no-any-return]


class ListOf(Kind[tuple[T, ...]]):
    """Tuples of any length."""

    def __init__(self, item: Kind[T], name: str) -> None:
        self.item: Kind[T] = item
        self.name = f"list of {name}"
        self.typed = f"Several[{item.typed}]"

    def read(self, value: Any) -> tuple[T, ...]:
        """Return it as a tuple."""
        if not isinstance(value, tuple):
            raise ValueError(f"must be a {self.name}")
        return tuple(map(self.item.read, value))


class CellCount(Kind[float]):
    """Numbers of unit cells: whole numbers from 1 on, or fractional ones."""

    name = "number of cells"
    typed = "Real"

    def read(self, value: Any) -> float:
        """Return whole numbers as ints, others as floats."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("must be a valid number")
        if isinstance(value, int) or value.is_integer():
            return COUNT.read(int(value))
        return Number(above=0, most=_MAX_WHOLE).read(value)


class OneOrThree(Kind[float | Vector]):
    """One number that is not negative, or three."""

    name = "number, or 3"
    typed = "Real | Several[Real]"
    quantity = "Quantity | Quantities"

    def read(self, value: Any) -> float | Vector:
        """Return one as a float, three as a tuple."""
        if not isinstance(value, tuple):
            return NOT_NEGATIVE.read(value)
        if len(value) != 3:
            raise ValueError("must be one number, or 3")
        x, y, z = map(NOT_NEGATIVE.read, value)
        return x, y, z


class QuirkNames(Kind[frozenset[str]]):
    """Names of quirks, in a list or separated by commas."""

    name = "list of names"
    typed = "str | Iterable[str]"

    def read(self, value: Any) -> frozenset[str]:
        """Return them as a set."""
        if not isinstance(value, str | Iterable) or isinstance(value, bytes | Mapping):
            raise ValueError("must be a list of names, or 'all'")
        try:
            return parse_quirks(value if isinstance(value, str) else map(str, value))
        except ConfigError as error:
            name = str(error.value)
            raise ValueError(f"{name!r} {error.expected}{nearest(name, QUIRKS)}") from None


class FileOr(Kind[str | T]):
    """The name of a file that holds a value, or the value."""

    def __init__(self, kind: Kind[T]) -> None:
        self._kind = kind
        self.name = f"{kind.name}, or the name of a file"
        self.typed = f"FileName | {kind.typed}"

    def read(self, value: Any) -> str | T:
        """Return names as text."""
        if isinstance(value, str | os.PathLike):
            return FILE_NAME.read(value)
        return self._kind.read(value)


class Spectrum(Kind[tuple[tuple[float, float], ...]]):
    """Pairs of a wavelength (in Å, or a quantity that may also be an energy) and a weight."""

    name = "list of pairs: a wavelength in Angstrom, or an energy with its unit, and a weight"
    typed = "Several[Any]"

    def read(self, value: Any) -> tuple[tuple[float, float], ...]:
        """Return pairs of numbers, wavelengths in Å."""
        if not isinstance(value, tuple):
            raise ValueError(f"must be a {self.name}")
        pairs = []
        for pair in value:
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise ValueError(f"must be a {self.name}")
            pairs.append((_wavelength(pair[0]), NOT_NEGATIVE.read(pair[1])))
        if not any(weight for _, weight in pairs):
            raise ValueError("must have a weight that is not 0")
        return tuple(pairs)


def _wavelength(value: Any) -> float:
    """Read a wavelength in Å, or a quantity."""
    if isinstance(value, int | float):
        return POSITIVE.read(value)
    try:
        return POSITIVE.read(parse_quantity(value, "angstrom"))
    except UnitError:
        try:
            return EV_ANGSTROM / POSITIVE.read(parse_quantity(value, "ev"))
        except UnitError:
            expected = "must be a wavelength or an energy, with its unit: '1 Å', '12.4 keV'"
            raise ValueError(expected) from None


def _complete_cell(cell: object) -> object:
    numbers = cell if isinstance(cell, tuple) else (cell,)
    if not 1 <= len(numbers) <= 6:
        raise ValueError("must be 1 to 6 of a, b, c, alpha, beta, gamma")
    lengths, angles = numbers[:3], numbers[3:]
    return lengths + lengths[:1] * (3 - len(lengths)) + angles + (90.0,) * (3 - len(angles))


def _check_cell(cell: Cell) -> None:
    low, middle, high = sorted(cell[3:])
    if not (low > 0.0 and high < low + middle and low + middle + high < 360.0):
        raise ValueError(
            "the angles form no cell: each must be positive and below the sum of the other two, "
            "and all three together below 360°"
        )


def _check_direction(vector: Vector) -> None:
    if not any(vector):
        raise ValueError("must not have the length 0")


def _check_rectangle(rectangle: Rectangle) -> None:
    fast_min, fast_max, slow_min, slow_max = rectangle
    if not (0 <= fast_min <= fast_max and 0 <= slow_min <= slow_max):
        raise ValueError(
            "must be fast_min, fast_max, slow_min, slow_max, "
            "with no minimum below 0 and no minimum above its maximum"
        )


def _alike(names: str, kind: Kind[Any]) -> dict[str, Kind[Any]]:
    return dict.fromkeys(names.split(), kind)


def _thrice(value: Any) -> Any:
    return (value,) * 3 if isinstance(value, int | float) else value


NUMBER = Number()
POSITIVE = Number(above=0)
NOT_NEGATIVE = Number(least=0)
DEPTH = Number(least=0, infinite=True)
WHOLE = Whole()
COUNT = Whole(1)
SWITCH = Switch()
TEXT = Text()
FILE_NAME = FileName()
VECTOR: Final = Parts[Vector](_alike("x y z", NUMBER), "3 numbers: x, y, z")
DIRECTION: Final = Parts[Vector](VECTOR.parts, VECTOR.name, check=_check_direction)
MATRIX: Final = Parts[Matrix](
    _alike("x y z", Parts[Vector](_alike("a b c", NUMBER), "three rows of 3 numbers")),
    "three rows of 3 numbers",
)
ONE_OR_THREE = OneOrThree()
SPECTRUM = Spectrum()
CELL: Final = Parts[Cell](
    {**_alike("a b c", POSITIVE), **_alike("alpha beta gamma", NUMBER)},
    "6 numbers: a, b, c, alpha, beta, gamma",
    complete=_complete_cell,
    check=_check_cell,
)
CELLS: Final = Parts[Cells](
    _alike("a b c", CellCount()), "one number, or 3: Na, Nb, Nc", complete=_thrice
)
RECTANGLE: Final = Parts[Rectangle](
    _alike("fast_min fast_max slow_min slow_max", WHOLE),
    "4 whole numbers: fast_min, fast_max, slow_min, slow_max",
    check=_check_rectangle,
)
RECTANGLES = ListOf(RECTANGLE, "rectangles of 4 whole numbers each")
QUIRK_NAMES = QuirkNames()

"""Numbers as people print them: brackets, units, D exponents, decimal commas, few digits."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from nbcy.render.vocabulary import UNITS

_NUMBER: Final = re.compile(
    r"[-+]?(?:(?P<whole>\d+)(?P<point>\.(?P<decimals>\d*))?|\.(?P<bare>\d+))"
    r"(?:[eEdD](?P<exponent>[-+]?\d+))?"
)
_ODD: Final = re.compile(r"[-+]?(?:nan(?:\(\w*\))?|inf(?:inity)?)", re.IGNORECASE)
_DECIMAL_COMMA: Final = re.compile(r"(?<![\d.,])([-+]?\d+),(\d+(?:[eEdD][-+]?\d+)?)(?![\d.,])")
_WRAPPERS: Final = re.compile(
    r"\b(?:tensor|array|np\.float(?:32|64)|numpy\.float(?:32|64)|np\.array|float|vec3|matrix|col)"
    r"\s*\("
)
_ASIDES: Final = re.compile(
    r",?\s*(?:dtype|device|requires_grad|grad_fn)\s*=\s*[^,)\]]*|,?\s*shape=\([^)]*\)"
)
_BRACKETS: Final = str.maketrans("[](){};,", "        ")
_WORDS: Final = {"true": 1.0, "false": 0.0, "on": 1.0, "off": 0.0, "yes": 1.0, "no": 0.0}
_MANY: Final = 12
"""Numbers from which on their lengths tell to how many digits all were printed."""

_LONGEST: Final = 40
"""Characters of the longest word that is looked at as a number."""


@dataclass(frozen=True, slots=True)
class Printed:
    """Numbers as they stood on a line.

    Attributes
    ----------
    values : tuple of float
    halves : tuple of float
        Half a unit of the last digit of each, 0 for whole numbers and words.
    digits : int
        Significant digits of the longest.
    padded : bool
        Whether one of them ends in zeros that a shortest form would not have.
    unit : str
        Unit written behind them, empty for none.
    """

    values: tuple[float, ...]
    halves: tuple[float, ...]
    digits: int
    padded: bool
    unit: str = ""

    def scaled(self, factor: float) -> Printed:
        """Return the same in another unit."""
        return Printed(
            tuple(x * factor for x in self.values),
            tuple(x * abs(factor) for x in self.halves),
            self.digits,
            self.padded,
        )


def read_number(word: str) -> tuple[float, float, int, bool] | None:
    """Return value, half a unit of the last digit, digits, and whether zeros pad it."""
    if len(word) > _LONGEST:
        return None
    if _ODD.fullmatch(word):
        text = word.lower()
        value = math.nan if "nan" in text else math.inf
        return (-value if text.startswith("-") else value), 0.0, 0, False
    if word.lower() in _WORDS:
        return _WORDS[word.lower()], 0.0, 1, False
    match = _NUMBER.fullmatch(word)
    if match is None:
        return None
    value = float(word.replace("D", "e").replace("d", "e"))
    decimals = match["decimals"] or match["bare"] or ""
    exponent = int(match["exponent"] or 0)
    figures = ((match["whole"] or "") + decimals).lstrip("0")
    if match["point"] is None and match["bare"] is None and match["exponent"] is None:
        return value, 0.0, len(figures.rstrip("0")) or 1, False
    half = 0.5 * 10.0 ** max(min(exponent - len(decimals), 300), -340)
    # 1.0 and 1.0e+24 are how an exact number is printed, 1.000 is one that was rounded.
    exact = len(figures) <= 2 and len(decimals) <= 1
    return value, 0.0 if exact else half, len(figures), len(decimals) > 1 and figures[-1:] == "0"


def read_numbers(text: str, size: int | None = None) -> Printed | None:
    """Read all numbers of a line; None where a word is neither a number nor a unit.

    Parameters
    ----------
    text : str
        What stands behind the name.
    size : int, optional
        How many numbers there must be, where that is known.
    """
    text = _ASIDES.sub("", _WRAPPERS.sub("(", text)).strip()
    if "=" in text:  # an expression and what it comes to
        text = text.rpartition("=")[2]
    if "," in text and "." not in text:
        with_points = _DECIMAL_COMMA.sub(r"\1.\2", text)
        if _fits(with_points, size):
            text = with_points
    words = text.translate(_BRACKETS).split()
    unit = ""
    while words and read_number(words[-1]) is None:
        word = words.pop()
        if word.lower() not in UNITS or unit:
            return None
        unit = word
    if words and not unit and (match := re.fullmatch(r"(.*\d)(sr|mm|um|µm|Å|m|deg|eV)", words[-1])):
        words[-1], unit = match[1], match[2]
    return _gathered(words, unit)


def _fits(text: str, size: int | None) -> bool:
    """Whether decimal commas leave as many numbers as there must be."""
    words = text.replace(";", " ").translate(_BRACKETS).split()
    count = sum(read_number(word) is not None for word in words)
    return "," not in text.replace(", ", " ") and (size is None or count == size)


def _gathered(words: Iterable[str], unit: str) -> Printed | None:
    numbers = [read_number(word) for word in words]
    if not numbers or any(number is None for number in numbers):
        return None
    found = [number for number in numbers if number is not None]
    return Printed(
        tuple(number[0] for number in found),
        tuple(number[1] for number in found),
        max(number[2] for number in found),
        any(number[3] for number in found),
        unit,
    )


def of_floats(values: Iterable[float]) -> Printed | None:
    """Return numbers that came as such, from JSON."""
    return _gathered([repr(float(x)) for x in values], "")


class Style:
    """How one kind of line prints its numbers: how far each of them is known."""

    def __init__(self) -> None:
        self.padded = False
        self._lengths: dict[int, int] = {}

    def see(self, printed: Printed) -> None:
        """Take note of numbers; whole ones tell nothing."""
        self.padded |= printed.padded
        if any(printed.halves):
            known = self._lengths.get(printed.digits, 0)
            self._lengths[printed.digits] = known + len(printed.values)

    def half(self, printed: Printed) -> float:
        """Return half a unit of the last digit to which numbers were rounded, 0 for in full."""
        total = sum(self._lengths.values())
        full = sum(n for digits, n in self._lengths.items() if digits >= 12)
        if 4 * full >= total and not (self.padded and 0 < printed.digits < 9):
            return 0.0
        if self.padded and (any(printed.halves) or printed.digits < 6):
            return max(printed.halves)
        digits = printed.digits
        if not self.padded and self._lengths:
            # Zeros at the end are not printed: 0.1 may be 0.100027 to four digits.
            common = max(self._lengths, key=lambda n: (self._lengths[n], n))
            near = sum(many for n, many in self._lengths.items() if n >= common - 1)
            if total >= _MANY and 10 * near >= 7 * total:  # all to as many digits, as %g does
                digits = digits if digits >= common - 1 else common
            elif any(printed.halves):
                return max(printed.halves)
            else:  # whole, or as short as an exact number
                digits = max(
                    n
                    for n, many in self._lengths.items()
                    if many >= min(3, max(self._lengths.values()))
                )
        sizes = [abs(x) for x in printed.values if x and math.isfinite(x)]
        if not sizes or not self._lengths:
            return max(printed.halves)
        return 0.5 * 10.0 ** (math.floor(math.log10(max(sizes))) + 1 - digits)

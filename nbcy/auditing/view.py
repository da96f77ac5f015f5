"""A side as rules and hypotheses look at it: its own numbers, some replaced, some borrowed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from nbcy.auditing.side import Array, Side
from nbcy.render.facts import Fact
from nbcy.render.vocabulary import FLAGGED, KEYS

OVERSAMPLE_FLAGS: Final = tuple(FLAGGED)

SAFETY: Final = 8.0
"""Roundings that a number goes through inside a formula, for one when it is printed."""


OWN_WORD: Final = {
    "pix0_vector_meters": "origin",
    "fdet_vec": "fast_axis",
    "sdet_vec": "slow_axis",
    "close_distance_meters": "close_distance",
    "incident_vec": "beam_direction",
    "lambda_meters": "wavelength",
    "fluence_photons_per_m2": "fluence",
}
"""Keys whose value the side may also state in its own report."""


class Unknown(Exception):
    """A rule needs what neither side shows."""


@dataclass(eq=False)
class View:
    """A side as rules see it, with some numbers replaced by others.

    Attributes
    ----------
    side, other : Side
        The side, and the one that lends what the side does not say (its number of cells, say).
    crossed : bool
        Whether the other side's settings count in place of the side's own.
    replaced : dict
        ``(key, block)`` to numbers that stand in for the side's.
    doubt : dict
        Key to the relative uncertainty of such numbers, where it is not that of the side's.
    shift : tuple, or None
        A key or fact, one of its components, and a factor: how rounding is propagated.
    read : dict
        Keys and facts that were read, with their number of components.
    """

    side: Side
    other: Side
    replaced: dict[tuple[str, int], Array] = field(default_factory=dict)
    doubt: dict[str, float] = field(default_factory=dict)
    crossed: bool = False
    shift: tuple[str, int, float] | None = None
    read: dict[str, int] = field(default_factory=dict)
    borrowed: set[str] = field(default_factory=set)

    def vector(self, key: str, block: int = 0) -> Array:
        """Return the numbers of a key."""
        place = block % max(self.side.blocks, 1) if KEYS[key].per_block else 0
        value = self.replaced.get((key, place))
        if value is None:
            value = self.side.used(key, place)
        if value is None or not np.isfinite(value).all():
            raise Unknown(key)
        self.read[key] = len(value)
        return self._shifted(key, value)

    def number(self, key: str, block: int = 0) -> float:
        """Return the number of a key."""
        return float(self.vector(key, block)[0])

    def shows(self, key: str, block: int = 0) -> bool:
        """Whether the side shows a key."""
        place = block % max(self.side.blocks, 1) if KEYS[key].per_block else 0
        return (key, place) in self.replaced or self.side.used(key, place) is not None

    def _shifted(self, name: str, value: Array) -> Array:
        if self.shift is None or self.shift[0] != name:
            return value
        _, component, amount = self.shift
        moved = value.copy()
        moved[component] += amount * float(np.linalg.norm(value))
        return moved

    @property
    def ruler(self) -> Side:
        """The side whose settings count."""
        return self.other if self.crossed else self.side

    @property
    def lender(self) -> Side:
        """The side that lends the settings that the ruler does not say."""
        return self.side if self.crossed else self.other

    def straight(self) -> tuple[View, View]:
        """Return the ruler's and the lender's own views, of what is printed."""
        return View(self.ruler, self.lender), View(self.lender, self.ruler)

    def fact(self, name: str) -> Fact | None:
        """Return what the ruler says, the lender's word where it does not say."""
        fact = self.ruler.fact(name)
        if fact is None:
            fact = self.lender.fact(name)
            self.borrowed.add(name)
        return fact

    def word(self, name: str) -> str:
        """Return a fact that is a word."""
        fact = self.fact(name)
        if fact is None:
            raise Unknown(name)
        return str(fact.value)

    def says(self, name: str, word: str) -> bool:
        """Whether this is said."""
        fact = self.fact(name)
        return fact is not None and fact.value == word

    def numbers(self, name: str, borrow: bool = True) -> Array:
        """Return a fact's numbers."""
        fact = self.fact(name) if borrow else self.ruler.fact(name)
        if fact is None or isinstance(fact.value, str):
            raise Unknown(name)
        value = np.array(fact.value)
        self.read[f"fact:{name}"] = len(value)
        return self._shifted(f"fact:{name}", value)

    def count(self, name: str, borrow: bool = True) -> int:
        """Return a fact that is a whole number."""
        return round(float(self.numbers(name, borrow)[0]))

    def spread(self, name: str) -> float:
        """Relative uncertainty of what was read under this name."""
        if name.startswith("fact:"):
            fact = self.ruler.fact(name[5:]) or self.lender.fact(name[5:])
            assert fact is not None
            return fact.rtol if name[5:] in OWN_WORD.values() else fact.slack
        own = max(self.side.precision.eps, self.side.coarseness(name) / SAFETY)
        return max(own, self.doubt.get(name, self.side.doubt.get(name, 0.0)) / SAFETY)


FAILURES: Final = (Unknown, ArithmeticError, ValueError, IndexError, np.linalg.LinAlgError)
"""What a rule may raise when a side's numbers do not allow to evaluate it."""

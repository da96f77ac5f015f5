"""What a key must be by a side's own numbers, and how closely that is known."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from nbcy.auditing.rules import RULES, Result
from nbcy.auditing.side import Array, Side
from nbcy.auditing.view import FAILURES, OWN_WORD, SAFETY, Unknown, View
from nbcy.render.vocabulary import KEYS


@dataclass(eq=False)
class Expected:
    """What a rule says a key must be.

    Attributes
    ----------
    key : str
    values : list of ndarray
        Every value that would be right.
    inputs : tuple of str
        Keys it rests on.
    borrowed : tuple of str
        Facts the side does not say, taken from the other.
    """

    key: str
    values: list[Array]
    inputs: tuple[str, ...]
    borrowed: tuple[str, ...]
    _view: View
    _block: int

    @cached_property
    def slacks(self) -> list[Array]:
        """How far rounding of the inputs can move each value."""
        view = self._view
        slacks = [np.zeros_like(value) for value in self.values]
        for name, size in view.read.items():
            if name in WHOLE:
                continue
            for component in range(size):
                shift = (name, component, SAFETY * view.spread(name))
                shifted = dataclasses.replace(view, shift=shift, read={}, borrowed=set())
                try:
                    moved = _evaluate(self.key, shifted, self._block)
                except FAILURES:
                    continue
                for slack, now, then in zip(slacks, self.values, moved, strict=False):
                    slack += np.abs(then - now)
        return slacks

    def fits(self, value: Array, tolerance: float) -> bool:
        """Whether a value is right within the tolerance or within propagated rounding."""
        if not np.isfinite(value).all():
            return False
        base = tolerance * scale_of(self.key, value) + self._view.side.half(self.key)
        base += TINY if self._view.side.precision.single else 0.0
        distances = [np.abs(value - wanted) for wanted in self.values]
        if any(np.all(distance <= base) for distance in distances):
            return True
        if not self.loose:
            return False
        return any(
            np.all(distance <= base + slack)
            for distance, slack in zip(distances, self.slacks, strict=True)
        )

    @property
    def loose(self) -> bool:
        """Whether rounding matters at all: whole numbers and flags have none."""
        return KEYS[self.key].kind == "real"

    def nearest(self, value: Array) -> Array:
        """Return the right value that is nearest to this one."""
        return min(self.values, key=lambda wanted: float(np.abs(value - wanted).max()))

    def doubt(self, value: Array) -> float:
        """Relative uncertainty of one of the values."""
        if not self.loose:
            return 0.0
        size = float(np.linalg.norm(value))
        for wanted, slack in zip(self.values, self.slacks, strict=True):
            if wanted is value and size:
                return float(np.linalg.norm(slack)) / size
        return 0.0


WHOLE: Final = frozenset(
    {
        *(name for name, key in KEYS.items() if key.kind != "real"),
        *(
            f"fact:{name}"
            for name in ("cells", "sources", "domains", "layers", "oversample", "pixels")
        ),
        "fact:pixel_traced",
    }
)
"""What is counted, and has no rounding."""

TINY: Final = 1e-44
"""Below this single precision has no digits left."""


def scale_of(key: str, *values: Array) -> float:
    """Return what a tolerance is relative to: a vector's length, at least 1 where 0 is crossed."""
    size = max(math.hypot(*value.tolist()) for value in values)
    crosses_zero = key.startswith(("hkl", "F_latt")) or key == "cos_2theta"
    return max(size, 1.0) if crosses_zero else size


def expect(
    key: str,
    side: Side,
    other: Side,
    block: int,
    replaced: dict[tuple[str, int], Array] | None = None,
    doubt: dict[str, float] | None = None,
    crossed: bool = False,
) -> Expected | None:
    """Recompute a key from a side's own upstream keys.

    Parameters
    ----------
    key : str
    side, other : Side
        The side, and the one that lends unsaid facts.
    block : int
        Sub-pixel and layer.
    replaced : dict, optional
        Inputs to use in place of the side's.
    doubt : dict, optional
        Their relative uncertainties.
    crossed : bool
        Use the other side's settings in place of the side's own.

    Returns
    -------
    Expected, or None where the side does not show enough.
    """
    view = View(side, other, replaced or {}, doubt or {}, crossed)
    try:
        # numbers that make no sense are found out below, by not being finite
        with np.errstate(all="ignore"):
            values = _evaluate(key, view, block)
    except FAILURES:
        return None
    if not values or not all(np.all(np.isfinite(value)) for value in values):
        return None
    inputs = tuple(name for name in view.read if name in KEYS and name != key)
    return Expected(key, values, inputs, tuple(sorted(view.borrowed)), view, block)


def _evaluate(key: str, view: View, block: int) -> Result:
    rule = RULES.get(key)
    if rule is not None:
        values = rule(view, block)
        if key.startswith("rot_"):
            values = [value["abc".index(key[4])] for value in values]
        return values
    if key in OWN_WORD:
        if key in ("incident_vec", "lambda_meters"):
            _check_single_beam(view)
        return [view.numbers(OWN_WORD[key], borrow=False)]
    raise Unknown(key)


def _check_single_beam(view: View) -> None:
    """Refuse to judge source 0 by the mean beam where they may differ."""
    divergence = view.side.fact("divergence")
    spread = divergence is not None and any(divergence.numbers)
    if view.side.trace.scene is not None or spread or view.count("sources", borrow=False) != 1:
        raise Unknown("sources")

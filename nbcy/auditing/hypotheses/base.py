"""What a hypothesis is, and how one of them, or a pair, is found to explain a difference."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from nbcy.auditing.expected import expect, scale_of
from nbcy.auditing.formulas import rotation_of
from nbcy.auditing.implied import transported_origins
from nbcy.auditing.side import Array, Side
from nbcy.auditing.view import FAILURES, Unknown, View
from nbcy.base.vectors import rotate
from nbcy.render.vocabulary import KEYS

CELL_KEYS: Final = tuple(f"rot_{axis}_angstroms" for axis in "abc")
STAR_KEYS: Final = tuple(f"rot_{axis}_star_A_inv" for axis in "abc")

Words = tuple[Array | float, str] | tuple[Array | float, str, str]
"""Predicted value, arithmetic, and a fix where it is not the hypothesis's own."""

Proposals = Iterator[Words]


@dataclass(eq=False)
class Case:
    """A value to be explained.

    Attributes
    ----------
    key, block : str, int
        Where.
    x, y : Side
        The side that is looked at, and the other.
    value, target : ndarray
        What ``x`` shows, and what would be right: for a local fault from ``x``'s own upstream keys,
        for a cause with ``y``'s settings and ``x``'s inputs.
    tolerance : float
        Relative.
    kind : {"local", "cause"}
    follows : bool
        Whether ``x``'s value is known to follow from its own keys and settings.
    """

    key: str
    block: int
    x: Side
    y: Side
    value: Array
    target: Array
    tolerance: float
    kind: Literal["local", "cause"]
    follows: bool = False
    moved_origin: Array | None = None

    @property
    def view(self) -> View:
        """The side as rules see it."""
        return View(self.x, self.y)

    @property
    def axis(self) -> int:
        """0, 1, 2 for keys of a, b, c."""
        return "abc".index(self.key.split("_")[1 if self.key.startswith("rot_") else 2])

    def of(self, key: str, side: Side | None = None) -> Array:
        """Return a key of side ``x``, or of another."""
        value = (side or self.x).used(key, self.block if KEYS[key].per_block else 0)
        if value is None:
            raise Unknown(key)
        return value

    def each(self, key: str) -> Array:
        """Return a key that is one number, of every block of ``x``."""
        values = [self.x.used(key, i) for i in range(self.x.blocks)]
        if not values or any(value is None for value in values):
            raise Unknown(key)
        return np.array(values)[:, 0]

    def number(self, key: str, side: Side | None = None) -> float:
        """Return a key that is one number."""
        return float(self.of(key, side)[0])

    def near(self, a: Array | float, b: Array | float) -> bool:
        """Whether two values are equal within the tolerance."""
        a, b = np.atleast_1d(a), np.atleast_1d(b)
        if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
            return False
        return bool(np.all(np.abs(a - b) <= self.tolerance * scale_of(self.key, a, b)))

    def rows(self, keys: Sequence[str]) -> Array:
        """Return what is right for three related keys, as rows."""
        right = []
        for key in keys:
            rule = expect(key, self.x, self.y, self.block) if self.kind == "local" else None
            right.append(rule.values[0] if rule is not None else self.of(key, self.y))
        return np.array(right)

    def shown(self, keys: Sequence[str]) -> Array:
        """Return what ``x`` shows under three related keys, as rows."""
        rows = [self.x.printed(key, self.block) for key in keys]
        if any(row is None for row in rows):
            raise Unknown(keys[0])
        return np.array(rows)

    def explains_rows(self, predicted: Array, keys: Sequence[str]) -> bool:
        """Whether rows are what ``x`` shows under three related keys."""
        shown = self.shown(keys)
        return bool(np.abs(predicted - shown).max() <= 4.0 * self.tolerance * np.abs(shown).max())

    def origins(self) -> list[Array]:
        """Return the other side's detector origin, along ``x``'s axes where they differ."""
        if self.moved_origin is not None:
            return [self.moved_origin]
        return transported_origins(self.y, self.x, self.block)

    def axes(self) -> tuple[Array, Array, Array]:
        """Return ``x``'s fast and slow axis and the normal, away from the sample."""
        f, s = self.of("fdet_vec"), self.of("sdet_vec")
        n = np.cross(f, s)
        return f, s, n * math.copysign(1.0, float(n @ self.of("pix0_vector_meters")))

    def ratios(self) -> Iterator[float]:
        """Yield beam · normal of each side."""
        for side in sorted((self.x, self.y), key=lambda side: side.precision.eps):
            f, s, i = (self.of(key, side) for key in ("fdet_vec", "sdet_vec", "incident_vec"))
            ratio = abs(float(i @ np.cross(f, s)))
            if ratio > 1e-3:
                yield ratio


@dataclass(frozen=True, eq=False)
class Proposal:
    """A hypothesis that explains a value.

    Attributes
    ----------
    name, title : str
        Of the hypothesis; ``{x}`` stands for the side, ``{y}`` for the other.
    directed : bool
        Whether it says which side deviates.
    predicted : ndarray
        What it makes of the right value: what the side shows.
    arithmetic, fix : str
    """

    name: str
    title: str
    directed: bool
    predicted: Array
    arithmetic: str
    fix: str
    fitted: bool = False


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """One named cause.

    Attributes
    ----------
    name : str
        Short and stable.
    keys : tuple of str
        Where it may begin.
    title : str
        What it says.
    fix : str
        What would make the sides agree.
    test : callable
        Yields predictions for a case.
    directed : bool
        Whether it says which side deviates.
    combines : bool
        Whether it may explain a value together with another one.
    fitted : bool
        Whether it fits a number of its own; such a one needs the values of several keys to be
        supported and never explains a mere fault of printing.
    about : tuple of str
        Settings that it says differ; no cause where both sides state them alike.
    formula : bool
        Whether it finds fault with a formula of ``x``; then it is no cause where ``x``'s value
        follows from its own keys and settings.
    """

    name: str
    keys: tuple[str, ...]
    title: str
    fix: str
    test: Callable[[Case], Proposals]
    directed: bool = True
    combines: bool = False
    fitted: bool = False
    formula: bool = False
    about: tuple[str, ...] = ()

    def proposals(self, case: Case) -> Iterator[Proposal]:
        """Yield what the hypothesis predicts."""
        if (self.fitted and case.kind == "local") or (self.formula and case.follows):
            return
        try:
            for words in self.test(case):
                predicted = np.atleast_1d(np.asarray(words[0], dtype=np.float64))
                fix = words[2] if len(words) == 3 else self.fix
                yield Proposal(
                    self.name, self.title, self.directed, predicted, words[1], fix, self.fitted
                )
        except FAILURES:
            return


HYPOTHESES: Final[list[Hypothesis]] = []
"""Every hypothesis, the more telling ones first."""


def hypothesis(
    name: str, keys: Iterable[str], title: str, fix: str, **options: Any
) -> Callable[[Callable[[Case], Proposals]], Callable[[Case], Proposals]]:
    """Enter a function as a hypothesis; see `Hypothesis` for the parameters."""

    def enter(test: Callable[[Case], Proposals]) -> Callable[[Case], Proposals]:
        HYPOTHESES.append(Hypothesis(name, tuple(keys), title, fix, test, **options))
        return test

    return enter


def explain(
    cases: Sequence[Case], agreed: Collection[str] = ()
) -> tuple[Case, list[Proposal]] | None:
    """Find the hypothesis, or the pair of them, that explains a difference.

    Parameters
    ----------
    cases : sequence of Case
        The difference, looked at from either side where it is not clear which deviates.
    agreed : collection of str
        Settings that both sides state alike.

    Returns
    -------
    The case and what explains it, or None where nothing does. A single hypothesis goes before a
    pair, and one that fits a number of its own comes last.
    """
    candidates = [
        h
        for h in HYPOTHESES
        if cases[0].key in h.keys and not (h.about and set(h.about) <= set(agreed))
    ]
    candidates.sort(key=lambda h: h.fitted)
    steps: list[tuple[Case, Hypothesis, Proposal]] = []
    for h in candidates:
        for case in cases:
            for proposal in h.proposals(case):
                if case.near(proposal.predicted, case.target):
                    continue
                if case.near(proposal.predicted, case.value):
                    return case, [proposal]
                if h.combines and np.all(np.isfinite(proposal.predicted)):
                    steps.append((case, h, proposal))
    for case, first_h, first in steps:
        rest = replace(case, target=first.predicted, moved_origin=first.predicted)
        for h in candidates:
            if not h.combines or h is first_h:
                continue
            for second in h.proposals(rest):
                if case.near(second.predicted, case.value) and not case.near(
                    second.predicted, case.target
                ):
                    return case, [first, second]
    return None


def say(value: Array | float) -> str:
    """Return a number, or several in brackets, in nine digits."""
    numbers = " ".join(f"{x:.9g}" for x in np.atleast_1d(value))
    return f"({numbers})" if np.size(value) > 1 else numbers


def powers_of_ten(*exponents: int) -> Iterator[tuple[float, str]]:
    """Yield 10 to each exponent and to its negative, with the words for it."""
    for k in exponents:
        for sign in (k, -k):
            yield 10.0**sign, f"10^{sign}"


def xyz_angles(turned: Array, still: Array) -> Array:
    """Return the angles about x, then y, then z, in degrees, of the rotation between two sets."""
    axis, angle, _ = rotation_of(turned, still)
    q = rotate(np.eye(3), axis, angle).T
    return np.degrees(
        [
            math.atan2(q[2, 1], q[2, 2]),
            math.asin(max(-1.0, min(1.0, -q[2, 0]))),
            math.atan2(q[1, 0], q[0, 0]),
        ]
    )


def chain_factors(c: Case) -> dict[str, float]:
    """Factors that a program may multiply too early, twice, or not at all."""
    factors = {key: c.number(key) for key in ("polar", "omega_pixel", "capture_fraction")}
    factors["1/steps"] = 1.0 / c.number("steps")
    factors["r_e_sqr"] = c.number("r_e_sqr")
    factors["fluence_photons_per_m2"] = c.number("fluence_photons_per_m2")
    factors["r_e_sqr · fluence"] = factors["r_e_sqr"] * factors["fluence_photons_per_m2"]
    return {name: value for name, value in factors.items() if value not in (0.0, 1.0)}

"""Named causes of disagreement: data, and one small function each.

A hypothesis looks at a `Case` (side ``x`` shows ``value`` where ``target`` would be right) and
yields what ``x`` would show if the hypothesis were true, with the arithmetic in words. Only what
equals the shown value within tolerance, and differs from the right one, is ever reported.

A new one is a function with a decorator::

    @hypothesis("beam_reversed", ["incident_vec"], "{x}'s beam runs backwards", "negate it")
    def _beam_reversed(c: Case) -> Proposals:
        yield -c.target, "incident_vec = -1 · {y}'s"
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from nbcy.auditing.formulas import (
    interpolated_F,
    lattice_factor,
    nearest_F,
    polarization,
    rotation_of,
    sinc_ratio,
)
from nbcy.auditing.rules import (
    FAILURES,
    Unknown,
    View,
    captures,
    cells_along,
    components,
    expect,
    kahn_factor,
    layer_captures,
    oversample,
    pixel_size,
    polarization_plane,
    scale_of,
    spindle_angles,
    transported_origins,
)
from nbcy.auditing.side import Array, Side, Tolerances
from nbcy.constants import EV_ANGSTROM, R_E, R_E_SQR
from nbcy.conventions import CONVENTIONS
from nbcy.lattice import cell_parameters, dual, impose_lengths, reciprocal_from_cell
from nbcy.trace import KEYS
from nbcy.vectors import rotate

TOLERANCES: Final = Tolerances()

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

    def proposals(self, case: Case) -> Iterator[Proposal]:
        """Yield what the hypothesis predicts."""
        if (self.fitted and case.kind == "local") or (self.formula and case.follows):
            return
        try:
            for words in self.test(case):
                predicted = np.atleast_1d(np.asarray(words[0], dtype=np.float64))
                fix = words[2] if len(words) == 3 else self.fix
                yield Proposal(self.name, self.title, self.directed, predicted, words[1], fix)
        except FAILURES:
            return


HYPOTHESES: Final[list[Hypothesis]] = []
"""Every hypothesis, the more telling ones first."""


def hypothesis(
    name: str, keys: Iterable[str], title: str, fix: str, **options: bool
) -> Callable[[Callable[[Case], Proposals]], Callable[[Case], Proposals]]:
    """Enter a function as a hypothesis; see `Hypothesis` for the parameters."""

    def enter(test: Callable[[Case], Proposals]) -> Callable[[Case], Proposals]:
        HYPOTHESES.append(Hypothesis(name, tuple(keys), title, fix, test, **options))
        return test

    return enter


def explain(cases: Sequence[Case]) -> tuple[Case, list[Proposal]] | None:
    """Find the hypothesis, or the pair of them, that explains a difference.

    Parameters
    ----------
    cases : sequence of Case
        The difference, looked at from either side where it is not clear which deviates.

    Returns
    -------
    The case and what explains it, or None where nothing does. A single hypothesis goes before a
    pair, and one that fits a number of its own comes last.
    """
    candidates = [h for h in HYPOTHESES if cases[0].key in h.keys]
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


def _say(value: Array | float) -> str:
    numbers = " ".join(f"{x:.9g}" for x in np.atleast_1d(value))
    return f"({numbers})" if np.size(value) > 1 else numbers


def _along(origin: Array, f: Array, s: Array, n: Array) -> tuple[float, float, float]:
    """Return F, S and distance of a detector's near point from its origin."""
    fast, slow, close = components(origin, f, s, n).tolist()
    return -fast, -slow, close


def _powers_of_ten(*exponents: int) -> Iterator[tuple[float, str]]:
    for k in exponents:
        for sign in (k, -k):
            yield 10.0**sign, f"10^{sign}"


# Detector origin ---------------------------------------------------------------------------------

_ORIGIN = ("pix0_vector_meters",)


@hypothesis(
    "close_ratio",
    _ORIGIN,
    "{x} puts the detector plane at the distance along the beam; {y} at that times beam · normal",
    "in {x}: close_distance = |beam · normal| · distance",
    combines=True,
)
def _close_ratio(c: Case) -> Proposals:
    _, _, n = c.axes()
    for origin, ratio in itertools.product(c.origins(), c.ratios()):
        close = float(origin @ n)
        yield (
            origin + (close / ratio - close) * n,
            f"close_distance {{x}} / {{y}} = {abs(float(c.value @ n)) / abs(close):.9g}; "
            f"1/(beam · normal) = 1/{ratio:.9g} = {1.0 / ratio:.9g}; "
            f"pix0 differs by that much along the normal",
        )


@hypothesis(
    "pivot",
    _ORIGIN,
    "the sides pivot the detector on different points: beam spot against sample",
    "give both the same pivot (-pivot beam or -pivot sample)",
    directed=False,
)
def _pivot(c: Case) -> Proposals:
    f, s, n = c.axes()
    i = c.of("incident_vec")
    for origin, ratio in itertools.product(c.origins(), c.ratios()):
        *along, close = _along(origin, f, s, n)
        distance = close / ratio
        yield (
            -along[0] * f - along[1] * s + distance * i,
            f"{{x}}, pivot beam: -{along[0]:.9g}·fast - {along[1]:.9g}·slow + {distance:.9g}·beam; "
            f"{{y}}, pivot sample: the same with {close:.9g}·normal",
        )
        beam_fast, beam_slow, _ = _along(origin - distance * i, f, s, n)
        yield (
            -beam_fast * f - beam_slow * s + close * n,
            f"{{x}}, pivot sample: -{beam_fast:.9g}·fast - {beam_slow:.9g}·slow + "
            f"{close:.9g}·normal; "
            f"{{y}}, pivot beam: the same with {distance:.9g}·beam",
        )


@hypothesis(
    "beam_centre_swapped",
    _ORIGIN,
    "X and Y of the beam centre are exchanged",
    "exchange -Xbeam and -Ybeam (or ORGX and ORGY) on one side",
    directed=False,
    combines=True,
)
def _beam_centre_swapped(c: Case) -> Proposals:
    f, s, n = c.axes()
    for origin in c.origins():
        fast, slow, close = _along(origin, f, s, n)
        yield (
            -slow * f - fast * s + close * n,
            f"fast and slow position of the origin: {{y}} {fast:.9g} {slow:.9g} m, {{x}} reversed",
        )


def _shifts(c: Case, sizes: Sequence[float], what: str) -> Proposals:
    f, s, _ = c.axes()
    pixel = pixel_size(c.view)
    for origin in c.origins():
        for fast, slow in itertools.product(sizes, repeat=2):
            if fast or slow:
                yield (
                    origin - pixel * (fast * f + slow * s),
                    f"the origin of {{x}} is {fast:+g} pixel along fast, {slow:+g} along slow from "
                    f"{{y}}'s (pixel {pixel:.9g} m){what}",
                )


@hypothesis(
    "half_pixel",
    _ORIGIN,
    "the beam centre differs by half a pixel",
    "count from the same corner or centre of the pixel on both sides",
    directed=False,
    combines=True,
)
def _half_pixel(c: Case) -> Proposals:
    yield from _shifts(c, (0.0, 0.5, -0.5), "")


@hypothesis(
    "whole_pixel",
    _ORIGIN,
    "the beam centre differs by whole pixels",
    "count pixels from 0 or from 1 on both sides",
    directed=False,
    combines=True,
)
def _whole_pixel(c: Case) -> Proposals:
    yield from _shifts(c, (0.0, 1.0, -1.0, 0.5, -0.5, 1.5, -1.5), "")


@hypothesis(
    "beam_centre_default",
    _ORIGIN,
    "{x} has the default beam centre, the middle of the detector; {y} has another",
    "give {x} the beam centre of {y}",
    combines=True,
)
def _beam_centre_default(c: Case) -> Proposals:
    f, s, n = c.axes()
    v = c.view
    pixel = pixel_size(v)
    size = v.numbers("pixels") * pixel
    for origin, add in itertools.product(c.origins(), (0.0, pixel / 2.0, pixel)):
        centre = size / 2.0 + add
        fast, slow, close = _along(origin, f, s, n)
        yield (
            -centre[0] * f - centre[1] * s + close * n,
            f"near point fast, slow in {{x}}: {centre[0]:.9g} {centre[1]:.9g} m = half of "
            f" {size[0]:.9g} x {size[1]:.9g} m"
            + (f" + {add / pixel:g} pixel" if add else "")
            + f"; in {{y}}: {fast:.9g} {slow:.9g} m",
        )


@hypothesis(
    "beam_centre_flipped",
    _ORIGIN,
    "the beam centre is counted from opposite edges of the detector",
    "subtract it from the detector's size on one side",
    directed=False,
    combines=True,
)
def _beam_centre_flipped(c: Case) -> Proposals:
    f, s, n = c.axes()
    size = c.view.numbers("pixels") * pixel_size(c.view)
    for origin in c.origins():
        fast, slow, close = _along(origin, f, s, n)
        for turn in ((1, 0), (0, 1), (1, 1)):
            at = (size[0] - fast if turn[0] else fast), (size[1] - slow if turn[1] else slow)
            yield (
                -at[0] * f - at[1] * s + close * n,
                f"{{x}} {at[0]:.9g} {at[1]:.9g} m, {{y}} {fast:.9g} {slow:.9g} m, "
                f"detector {size[0]:.9g} x {size[1]:.9g} m",
            )


@hypothesis(
    "normal_regenerated",
    _ORIGIN,
    "one side uses the given detector normal, the other fast × slow",
    "use fast × slow in both",
    directed=False,
)
def _normal_regenerated(c: Case) -> Proposals:
    _, _, n = c.axes()
    for side in (c.x, c.y):
        fact = side.fact("normal_given")
        if fact is None:
            continue
        given = np.array(fact.numbers) / np.linalg.norm(fact.numbers)
        for origin in c.origins():
            close = float(origin @ n)
            for sign in (1.0, -1.0):
                yield (
                    origin + sign * close * (given - n),
                    f"pix0 differs by {close:.9g} m · (given normal - fast × slow)",
                )


@hypothesis(
    "origin_unit",
    _ORIGIN,
    "the detector origin differs by a power of ten: a slip of units",
    "use m on both sides",
    directed=False,
)
def _origin_unit(c: Case) -> Proposals:
    for origin in c.origins():
        for factor, text in _powers_of_ten(1, 2, 3):
            yield origin * factor, f"pix0 {{x}} = {text} · {{y}}"


@hypothesis(
    "distance",
    _ORIGIN,
    "the detector distance differs",
    "give both sides the same distance",
    directed=False,
    fitted=True,
    combines=True,
)
def _distance(c: Case) -> Proposals:
    _, _, n = c.axes()
    for origin in c.origins():
        here, there = float(c.value @ n), float(origin @ n)
        yield (
            origin + (here - there) * n,
            f"distance of the plane: {{x}} {here:.9g} m, {{y}} {there:.9g} m, ratio "
            f"{here / there:.9g}; "
            "along the plane the origins agree",
        )
        beam = c.of("incident_vec")
        along = float((c.value - origin) @ beam)
        yield (
            origin + along * beam,
            f"the origin of {{x}} is {along:+.9g} m along the beam from {{y}}'s, "
            "and nowhere else: another distance, pivoting on the beam",
        )


@hypothesis(
    "beam_centre",
    _ORIGIN,
    "the beam centre differs",
    "give both sides the same beam centre",
    directed=False,
    fitted=True,
)
def _beam_centre(c: Case) -> Proposals:
    f, s, n = c.axes()
    for origin in c.origins():
        shift = c.value - origin
        in_plane = shift - float(shift @ n) * n
        pixel = pixel_size(c.view)
        yield (
            origin + in_plane,
            f"the origin of {{x}} is {-float(shift @ f) / pixel:+.6g} pixel along fast, "
            f"{-float(shift @ s) / pixel:+.6g} along slow from {{y}}'s; distances agree",
        )


# Axes and beam -----------------------------------------------------------------------------------

_AXES = ("fdet_vec", "sdet_vec")


def conventions_of(side: Side, block: int, tolerance: float) -> tuple[list[str], list[str]]:
    """Return the named conventions that a side's detector axes, and its beam, belong to."""
    axes = [side.used(key, block) for key in _AXES]
    beam = side.used("incident_vec", block)

    def equal(vector: Array | None, wanted: tuple[float, float, float]) -> bool:
        return vector is not None and bool(np.all(np.abs(vector - wanted) <= tolerance))

    named = [row for row in CONVENTIONS.values() if row.name != "custom"]
    return (
        [row.name for row in named if equal(axes[0], row.fast) and equal(axes[1], row.slow)],
        [row.name for row in named if equal(beam, row.beam)],
    )


@hypothesis(
    "detector_rotation",
    _AXES,
    "the detectors are turned against each other",
    "give both sides the same detector rotations and 2θ",
    directed=False,
)
def _detector_rotation(c: Case) -> Proposals:
    mine, theirs = c.shown(_AXES), np.array([c.of(key, c.y) for key in _AXES])
    axis, angle, misfit = rotation_of(mine, theirs)
    # Conventions are a right angle or more apart, and a slip of printing is no rotation.
    if misfit > 4.0 * c.tolerance or angle > math.radians(45.0) or c.kind == "local":
        return
    degrees = math.degrees(angle)
    named = {
        "lab x": (1, 0, 0),
        "lab y": (0, 1, 0),
        "lab z": (0, 0, 1),
        "the beam": c.of("incident_vec", c.y),
        "its normal": np.cross(*theirs),
    }
    for name, vector in named.items():
        if abs(abs(float(axis @ np.asarray(vector))) - 1.0) < 1e-9 + (c.tolerance / angle) ** 2:
            sign = math.copysign(1.0, float(axis @ np.asarray(vector)))
            turned = rotate(c.target, axis, angle)
            yield turned, f"{{x}}'s axes are {{y}}'s turned by {sign * degrees:.9g}° about {name}"
            return
    for first, second, who in ((mine, theirs, "{x}"), (theirs, mine, "{y}")):
        angles = _xyz_angles(first, second)
        if all(abs(x - round(x, 2)) < 1e-6 + 1e2 * c.tolerance for x in angles):
            turned = rotate(c.target, axis, angle)
            yield (
                turned,
                f"{who}'s axes are the other's turned by {_say(np.round(angles, 6))}° "
                "about x, y, z",
            )


def _proper(c: Case, side: Side) -> bool:
    """Whether axes and beam are unit vectors and the axes perpendicular, as far as they must be."""
    f, s, i = (c.of(key, side) for key in (*_AXES, "incident_vec"))
    slack = 1e-6 + c.tolerance
    unit = all(abs(float(np.linalg.norm(vector)) - 1.0) < slack for vector in (f, s, i))
    return unit and abs(float(f @ s)) < math.sin(math.radians(0.1))


@hypothesis(
    "convention",
    (*_AXES, "incident_vec"),
    "{x} uses the vectors of a named convention where {y} uses its own",
    "select the same convention, or give {x} {y}'s vectors",
)
def _convention(c: Case) -> Proposals:
    mine, theirs = _conventions(c)
    which = c.key not in _AXES
    if mine[which] and not theirs[which] and _proper(c, c.y):
        yield _vector_of(c, mine[which]), _convention_words(c, mine, "{y}'s is no named one's")


@hypothesis(
    "convention",
    (*_AXES, "incident_vec"),
    "the sides follow different conventions",
    "select the same convention",
    directed=False,
)
def _conventions_differ(c: Case) -> Proposals:
    mine, theirs = _conventions(c)
    which = c.key not in _AXES
    if mine[which] and theirs[which] and not set(mine[which]) & set(theirs[which]):
        words = _convention_words(c, mine, f"{{y}}'s is that of {', '.join(theirs[which])}")
        yield _vector_of(c, mine[which]), words


def _conventions(c: Case) -> list[tuple[list[str], list[str]]]:
    return [conventions_of(side, c.block, max(c.tolerance, 1e-9)) for side in (c.x, c.y)]


def _vector_of(c: Case, names: list[str]) -> Array:
    part = {"fdet_vec": "fast", "sdet_vec": "slow", "incident_vec": "beam"}[c.key]
    return np.array(getattr(CONVENTIONS[names[0]], part))


def _convention_words(c: Case, mine: tuple[list[str], list[str]], others: str) -> str:
    axes, beams = mine
    names = axes if c.key in _AXES else beams
    words = f"{c.key} of {{x}} = {_say(_vector_of(c, names))}: that of {', '.join(names)}; {others}"
    if c.key == "incident_vec" and axes and not set(axes) & set(beams):
        beam = np.array(CONVENTIONS[axes[0]].beam)
        along = float(c.of("pix0_vector_meters") @ beam)
        words += (
            f". {{x}} mixes conventions: its detector has the axes of {', '.join(axes)} and stands "
            f"along their beam, pix0 · {_say(beam)} = {along:.9g} m"
        )
    return words


@hypothesis(
    "axis_flipped",
    _AXES,
    "a detector axis points the opposite way",
    "negate the axis on one side",
    directed=False,
)
def _axis_flipped(c: Case) -> Proposals:
    yield -c.target, f"{c.key} {{x}} = -1 · {{y}}"


@hypothesis(
    "axes_swapped",
    _AXES,
    "fast and slow axis are exchanged",
    "exchange them on one side",
    directed=False,
)
def _axes_swapped(c: Case) -> Proposals:
    yield c.of(_AXES[1 - _AXES.index(c.key)], c.y), f"{c.key} of {{x}} is the other axis of {{y}}"


def _xyz_angles(turned: Array, still: Array) -> Array:
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


@hypothesis(
    "beam_reversed",
    ["incident_vec"],
    "{x}'s beam vector points to the source, {y}'s away from it",
    "negate it on one side",
    directed=False,
)
def _beam_reversed(c: Case) -> Proposals:
    yield -c.target, "incident_vec {x} = -1 · {y}"


_OMEGA = ("omega_pixel_sr", "omega_pixel")

# Position of the sub-pixel -----------------------------------------------------------------------


@hypothesis(
    "oversample",
    ["pixel_pos_meters"],
    "the sides sample other points of the pixel: different oversampling",
    "give both sides the same -oversample",
    directed=False,
    combines=True,
)
def _subpixel(c: Case) -> Proposals:
    if c.kind == "local":
        return
    f, s, _ = c.axes()
    pixel, pix0 = pixel_size(c.view), c.of("pix0_vector_meters")
    at = c.target - pix0
    corner = [math.floor(float(at @ axis) / pixel + 1e-6) * pixel for axis in (f, s)]
    rest = at - float(at @ f) * f - float(at @ s) * s
    steps = round(c.number("steps"))
    for n in (n for n in range(1, 17) if steps % (n * n) == 0):
        for i, j in itertools.product({0, n // 2}, repeat=2):
            fast, slow = (w + (k + 0.5) / n * pixel for w, k in zip(corner, (j, i), strict=True))
            yield (
                pix0 + rest + fast * f + slow * s,
                f"{{x}} shows sub-pixel ({i}, {j}) of {n} x {n}",
            )


@hypothesis(
    "pixel_corner",
    ["pixel_pos_meters"],
    "{x} takes another point of the pixel than its centre",
    "add half a (sub-)pixel along fast and slow in {x}",
    formula=True,
)
def _pixel_corner(c: Case) -> Proposals:
    f, s, _ = c.axes()
    sub = pixel_size(c.view) / oversample(c.view)
    for fast, slow in itertools.product((0.0, -0.5, 0.5), repeat=2):
        yield (
            c.target + sub * (fast * f + slow * s),
            f"off by {fast:+g} along fast, {slow:+g} along slow",
        )


@hypothesis(
    "pixel_index",
    ["pixel_pos_meters"],
    "the sides trace different pixels",
    "trace the same pixel: -trace_pixel takes slow, then fast",
    directed=False,
    combines=True,
)
def _pixel_index(c: Case) -> Proposals:
    f, s, _ = c.axes()
    pixel, pix0 = pixel_size(c.view), c.of("pix0_vector_meters")
    at = c.target - pix0
    fast, slow = float(at @ f), float(at @ s)
    yield at - fast * f - slow * s + pix0 + slow * f + fast * s, "fast and slow index are exchanged"
    move = c.value - c.target
    steps = np.array([float(move @ f), float(move @ s)]) / pixel
    whole = np.rint(steps)
    yield (
        c.target + pixel * (whole[0] * f + whole[1] * s),
        f"{{x}}'s pixel is {whole[0]:+g} along fast, {whole[1]:+g} along slow from {{y}}'s",
    )


@hypothesis(
    "curved",
    ["pixel_pos_meters"],
    "one side's detector is curved, the other's flat",
    "-curved_det on both sides or on none",
    directed=False,
)
def _curved(c: Case) -> Proposals:
    for flat, who in ((c.target, "{x}"), (c.value, "{y}")):
        f, s = c.of("fdet_vec"), c.of("sdet_vec")
        close = c.number("close_distance_meters")
        bent = rotate(close * c.of("incident_vec"), s, float(flat[1]) / close)
        bent = rotate(bent, f, float(flat[2]) / close)
        other = c.value if who == "{x}" else c.target
        if c.near(bent, other):
            words = f"{who}'s point is the other's flat one wrapped at {close:.9g} m"
            yield (bent if who == "{x}" else c.value), words


@hypothesis(
    "pixel_size",
    ["pixel_pos_meters", *_OMEGA],
    "the pixels are of different size",
    "give both sides the same -pixel",
    directed=False,
    combines=True,
)
def _pixel_size(c: Case) -> Proposals:
    mine, theirs = (pixel_size(view) for view in (c.view, View(c.y, c.x)))
    words = f"pixel {{x}} {mine:.9g} m, {{y}} {theirs:.9g} m"
    if c.key in _OMEGA:
        yield c.target * (mine / theirs) ** 2, words
        return
    pix0 = c.of("pix0_vector_meters")
    yield pix0 + (c.target - pix0) * (mine / theirs), words


@hypothesis(
    "sensor_depth",
    ["pixel_pos_meters"],
    "the sides place the sensor layer at different depths",
    "use the same thickness and number of layers (quirk layer_capture: layers reach too deep)",
    directed=False,
    fitted=True,
)
def _sensor_depth(c: Case) -> Proposals:
    _, _, n = c.axes()
    depth = float((c.value - c.target) @ n)
    yield c.target + depth * n, f"{{x}}'s point lies {depth:.9g} m deeper along the normal"


@hypothesis(
    "plane_distance",
    ["R_distance_meters"],
    "{x} takes the distance of the detector plane for the distance of the pixel",
    "R = |pixel_pos| in {x}",
    formula=True,
)
def _plane_distance(c: Case) -> Proposals:
    yield c.of("close_distance_meters"), "R = close_distance_meters"


@hypothesis(
    "close_ratio",
    ["close_distance_meters"],
    "{x} prints the distance along the beam as the distance of the plane",
    "close_distance = pix0 · normal in {x}",
)
def _close_printed(c: Case) -> Proposals:
    for ratio in c.ratios():
        yield c.target / ratio, f"close_distance / (beam · normal) = {c.target[0]:.9g}/{ratio:.9g}"


@hypothesis(
    "obliquity_off",
    _OMEGA,
    "{x}'s solid angle leaves out the obliquity close/R",
    "omega = pixel²/R² · close/R in {x}",
    formula=True,
)
def _obliquity_off(c: Case) -> Proposals:
    obliquity = c.number("obliquity_factor")
    yield (
        c.target / obliquity,
        f"{{x}}/right = {c.value[0] / c.target[0]:.9g} = R/close = 1/{obliquity:.9g}",
    )


@hypothesis(
    "point_pixel",
    _OMEGA,
    "{x} uses a point pixel: 1/R² without pixel size and obliquity",
    "switch point_pixel off in {x}",
)
def _point_pixel(c: Case) -> Proposals:
    r = float(c.each("R_distance_meters")[0 if c.key == "omega_pixel" else c.block])
    yield 1.0 / r**2, f"1/R² = 1/{r:.9g}² = {1.0 / r**2:.9g}"


@hypothesis(
    "obliquity_twice",
    _OMEGA,
    "{x} applies the obliquity close/R twice",
    "once in {x}",
    formula=True,
)
def _obliquity_twice(c: Case) -> Proposals:
    obliquity = c.number("obliquity_factor")
    yield (
        c.target * obliquity,
        f"{{x}}/right = {c.value[0] / c.target[0]:.9g} = close/R = {obliquity:.9g}",
    )


@hypothesis(
    "subpixel_omega",
    _OMEGA,
    "one side's solid angle is that of a sub-pixel, the other's that of the pixel",
    "use the whole pixel and divide the sum by steps",
    formula=True,
)
def _subpixel_omega(c: Case) -> Proposals:
    for n in range(2, 17):
        yield c.target / n**2, f"{{x}} = right/{n}²"
        yield c.target * n**2, f"{{x}} = right · {n}²"


@hypothesis(
    "which_subpixel",
    ["omega_pixel", "polar", "cos_2theta"],
    "{x} takes the factor from other sub-pixels than the rule says",
    "polar and omega_pixel come from the first sub-pixel, cos_2theta from the last",
    formula=True,
)
def _which_subpixel(c: Case) -> Proposals:
    last = c.x.blocks - 1
    if last < 1:
        return
    values = []
    for i in range(c.x.blocks):
        incident, d = c.x.used("incident_vec", i), c.x.used("diffracted_vec", i)
        r, close = c.x.used("R_distance_meters", i), c.x.used("close_distance_meters", i)
        if incident is None or d is None or r is None or close is None:
            raise Unknown("diffracted_vec")
        if c.key == "omega_pixel":
            values.append(pixel_size(c.view) ** 2 * float(close[0]) / float(r[0]) ** 3)
        elif c.key == "cos_2theta":
            values.append(float(incident @ d))
        else:
            right = View(c.y, c.x)
            kahn = kahn_factor(right)
            plane = polarization_plane(right, incident) if kahn else None
            values.append(polarization(kahn, incident, d, plane))
    if not c.near(values[last if c.key == "cos_2theta" else 0], c.target):
        return
    for i, value in ((0, values[0]), (last, values[last])):
        yield value, f"that of sub-pixel block {i + 1} of {last + 1} = {value:.9g}"
    mean = float(np.mean(values))
    yield mean, f"the mean over {last + 1} sub-pixel blocks = {mean:.9g}"


@hypothesis(
    "obliquity_off", ["obliquity_factor"], "{x} uses no obliquity", "close/R in {x}", formula=True
)
def _no_obliquity(_: Case) -> Proposals:
    yield 1.0, "obliquity_factor = 1"


@hypothesis(
    "obliquity_beam",
    ["obliquity_factor"],
    "{x} takes the angle to the beam for the angle to the normal",
    "close/R in {x}, not incident · diffracted",
    formula=True,
)
def _obliquity_beam(c: Case) -> Proposals:
    cosine = float(c.of("incident_vec") @ c.of("diffracted_vec"))
    yield cosine, f"incident · diffracted = {cosine:.9g}"
    yield 1.0 / c.target, f"R/close = {1.0 / c.target[0]:.9g}"


@hypothesis(
    "vector_reversed",
    ["diffracted_vec", "scattering_vec_per_m", "hkl_frac"],
    "{x}'s vector has the opposite sign",
    "diffracted points to the pixel, scattering = (diffracted - incident)/λ",
    formula=True,
)
def _vector_reversed(c: Case) -> Proposals:
    yield -c.target, f"{c.key} = -1 · {_say(c.target)}"


# Wavelength and scattering vector ----------------------------------------------------------------

ENERGY_CONSTANTS: Final = {
    "nanoBragg's 12398.42": EV_ANGSTROM,
    "CODATA 2018's 12398.419843": 12398.419843320026,
    "12398.4193": 12398.4193,
    "12398.424": 12398.424,
    "12398.425": 12398.425,
    "12398.4": 12398.4,
    "12398.0": 12398.0,
    "12400": 12400.0,
}
"""h·c in eV·Å as programs write it."""


@hypothesis(
    "energy_constant",
    ["lambda_meters"],
    "the sides turn energy into wavelength with different constants",
    "give both the wavelength, not the energy",
    directed=False,
)
def _energy_constant(c: Case) -> Proposals:
    for (mine, x), (theirs, y) in itertools.permutations(ENERGY_CONSTANTS.items(), 2):
        yield c.target * x / y, f"λ {{x}}/{{y}} = {x / y:.12g}: {mine} in {{x}}, {theirs} in {{y}}"


_LENGTHS = ("lambda_meters", "lambda_angstroms", "R_distance_meters", "close_distance_meters")


@hypothesis(
    "unit_slip",
    (*_LENGTHS, "pixel_pos_meters", *CELL_KEYS, *STAR_KEYS, "scattering_vec_per_m", "hkl_frac"),
    "the sides differ by a power of ten: a slip of units",
    "use the key's unit on both sides",
    directed=False,
)
def _unit_slip(c: Case) -> Proposals:
    for factor, text in _powers_of_ten(1, 2, 3, 6, 9, 10, 13):
        yield c.target * factor, f"{c.key} {{x}} = {text} · {_say(c.target)} {KEYS[c.key].unit}"


@hypothesis(
    "two_pi",
    ["scattering_vec_per_m", "hkl_frac", *STAR_KEYS],
    "one side has a factor 2π in its reciprocal vectors",
    "|s| = 1/d, without 2π, on both sides",
    directed=False,
)
def _two_pi(c: Case) -> Proposals:
    for factor, text in ((2.0 * math.pi, "2π"), (0.5 / math.pi, "1/2π")):
        yield c.target * factor, f"{c.key} {{x}} = {text} · {_say(c.target)}"


@hypothesis(
    "scattering_formula",
    ["scattering_vec_per_m"],
    "{x} builds the scattering vector otherwise",
    "(diffracted - incident)/λ in {x}",
    formula=True,
)
def _scattering_formula(c: Case) -> Proposals:
    d, i, wavelength = c.of("diffracted_vec"), c.of("incident_vec"), c.number("lambda_meters")
    yield d / wavelength, "diffracted/λ: incident is not subtracted"
    yield d - i, "diffracted - incident: not divided by λ"
    yield (d + i) / wavelength, "(diffracted + incident)/λ: wrong sign of incident"
    yield (d - i) / (wavelength * 1e10), "divided by λ in Å: the value is in 1/Å"
    yield (d - i) * wavelength, "multiplied by λ"


# The cell ----------------------------------------------------------------------------------------


@hypothesis(
    "phi_carryover",
    CELL_KEYS,
    "{x} keeps the cell of the last φ step where φ is exactly 0 (φ carry-over)",
    "start {x} at a tiny φ (-phi 1e-12), or reproduce it in nbcy with -quirks phi_carryover",
)
def _phi_carryover(c: Case) -> Proposals:
    right = c.rows(CELL_KEYS)
    try:
        angles, axis = spindle_angles(c.view), c.view.numbers("spindle")
    except Unknown:
        yield from _carryover_without_words(c, right)
        return
    if len(angles) > 1 and angles[0] == 0.0:
        axis = axis / np.linalg.norm(axis)
        last = float(angles[-1])
        yield (
            rotate(right, axis, last)[c.axis],
            f"a, b, c of {{x}} are those of φ = 0 turned by {math.degrees(last):.9g}°, the last of "
            f"{len(angles)} φ steps, about the spindle {_say(axis)}",
        )


def _carryover_without_words(c: Case, right: Array) -> Proposals:
    n = round(c.number("steps") / max(c.x.blocks, 1))
    if c.number("steps") != c.number("steps", c.y):
        return
    stars = np.array([c.of(key, c.y) for key in STAR_KEYS])
    resting = np.abs(dual(stars) - right).max() <= 4.0 * c.tolerance * np.abs(right).max()
    axis, angle, misfit = rotation_of(c.shown(CELL_KEYS), right)
    step = math.degrees(angle)
    if (
        n > 1
        and resting
        and misfit <= 4.0 * c.tolerance
        and _is_round(step * n / (n - 1), c, angle)
    ):
        yield (
            rotate(right, axis, angle)[c.axis],
            f"{{y}} shows the unrotated cell, {{x}} the same turned by {step:.9g}° about "
            f"{_say(np.round(axis, 6))}: the last of {n} φ steps over {step * n / (n - 1):.6g}°",
        )


def _is_round(degrees: float, c: Case, angle: float) -> bool:
    """Whether an angle is one that people type, as far as its precision can tell."""
    slack = max(1e-7, 4.0 * c.tolerance / angle)
    digits = next((n for n in (3, 2, 1) if slack < 10.0 ** -(n + 1)), 0)
    return digits > 0 and abs(degrees - float(f"{degrees:.{digits - 1}e}")) <= slack * degrees


@hypothesis(
    "phi_range",
    CELL_KEYS,
    "φ starts at different angles",
    "give both sides the same -phi",
    directed=False,
)
def _phi_range(c: Case) -> Proposals:
    mine, theirs = (spindle_angles(view)[0] for view in (c.view, View(c.y, c.x)))
    axis = c.view.numbers("spindle")
    turned = rotate(c.rows(CELL_KEYS), axis / np.linalg.norm(axis), float(mine - theirs))
    angles = [math.degrees(float(angle)) for angle in (mine, theirs)]
    yield turned[c.axis], f"φ of the first step: {{x}} {angles[0]:.9g}°, {{y}} {angles[1]:.9g}°"


@hypothesis(
    "phi_step",
    CELL_KEYS,
    "{x} turns the crystal to another φ than its first step",
    "φ = phi + step·i, i from 0, about the spindle axis, in {x}",
    formula=True,
)
def _phi_step(c: Case) -> Proposals:
    right = c.rows(CELL_KEYS)
    angles, axis = spindle_angles(c.view), c.view.numbers("spindle")
    axis = axis / np.linalg.norm(axis)
    first = float(angles[0])
    step = float(angles[1] - angles[0]) if len(angles) > 1 else 0.0
    for angle, words in (
        (step / 2.0, "half a step further: the middle of the step"),
        (step, "one step further: the end of the step"),
        (-first, "φ is not applied"),
        (-2.0 * first, "φ has the opposite sign"),
        (first, "φ is applied twice"),
        (math.radians(first) - first, "φ in degrees is converted to rad twice"),
        (math.degrees(first) - first, "φ in degrees is used as rad"),
        *((float(a) - first, f"that of φ step {i}") for i, a in enumerate(angles) if i),
    ):
        yield rotate(right, axis, angle)[c.axis], f"turned by {math.degrees(angle):.9g}°: {words}"


@hypothesis(
    "matrix_wavelength",
    (*CELL_KEYS, *STAR_KEYS),
    "a factor of the wavelength is missing: MOSFLM matrices are in units of λ",
    "divide the matrix by λ (Å)",
    directed=False,
)
def _matrix_wavelength(c: Case) -> Proposals:
    wavelength = c.number("lambda_angstroms")
    for factor, text in ((wavelength, "λ"), (1.0 / wavelength, "1/λ")):
        yield c.target * factor, f"{c.key} {{x}} = {text} · {{y}}, λ = {wavelength:.9g} Å"


@hypothesis(
    "axes_permuted",
    (*CELL_KEYS, *STAR_KEYS),
    "the cell vectors are in another order or of another sign",
    "use the same order of a, b, c",
    directed=False,
)
def _axes_permuted(c: Case) -> Proposals:
    keys = CELL_KEYS if c.key in CELL_KEYS else STAR_KEYS
    right = c.rows(keys)
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            rows = np.array(signs)[:, None] * right[list(order)]
            if c.explains_rows(rows, keys):
                words = ", ".join(
                    f"{'-' if s < 0 else ''}{'abc'[i]}" for i, s in zip(order, signs, strict=True)
                )
                yield rows[c.axis], f"a, b, c of {{x}} are {words} of {{y}}"


@hypothesis(
    "matrix_transposed",
    (*CELL_KEYS, *STAR_KEYS),
    "the orientation matrix is read transposed on one side",
    "columns of a MOSFLM matrix are a*, b*, c*, rows x, y, z",
    directed=False,
)
def _matrix_transposed(c: Case) -> Proposals:
    turned = np.array([c.of(key, c.y) for key in STAR_KEYS]).T
    for rows, keys in ((turned, STAR_KEYS), (dual(turned), CELL_KEYS)):
        if c.key in keys and c.explains_rows(rows, keys):
            yield rows[c.axis], "{x}'s vectors follow from the transpose of {y}'s a*, b*, c*"


@hypothesis(
    "rotated_star",
    STAR_KEYS,
    "{x} prints the reciprocal vectors after the rotation, {y} before",
    "a matter of printing: compare them in the same setting",
    directed=True,
)
def _rotated_star(c: Case) -> Proposals:
    turned = dual(c.shown(CELL_KEYS))
    theirs = np.array([c.of(key, c.y) for key in CELL_KEYS])
    if c.explains_rows(theirs, CELL_KEYS) and c.explains_rows(turned, STAR_KEYS):
        yield turned[c.axis], "{x}'s a*, b*, c* are reciprocal to its rotated cell, {y}'s are not"


@hypothesis(
    "triclinic_cell",
    (*CELL_KEYS, *STAR_KEYS),
    "{x} has the reference's triclinic cell: lengths as given, angles off (quirk triclinic_cell)",
    "reproduce it in nbcy with -quirks triclinic_cell, or give both the matrix",
)
def _triclinic_cell(c: Case) -> Proposals:
    mine, theirs = c.shown(CELL_KEYS), np.array([c.of(key, c.y) for key in CELL_KEYS])
    given = cell_parameters(theirs)
    if max(abs(x - round(x, 3)) for x in given) > 1e-6 + 1e2 * c.tolerance:
        return
    lengths, angles = given[:3], tuple(math.radians(x) for x in given[3:])
    star = reciprocal_from_cell(
        (lengths[0], lengths[1], lengths[2]), (angles[0], angles[1], angles[2]), True
    )
    volume = abs(float(np.linalg.det(theirs)))
    bent, star = impose_lengths(star, (lengths[0], lengths[1], lengths[2]), volume)
    off = cell_parameters(bent)
    if max(abs(x - y) for x, y in zip(off, given, strict=True)) < 1e-6:
        return  # the quirk changes nothing in this cell
    keys, still = (CELL_KEYS, bent) if c.key in CELL_KEYS else (STAR_KEYS, star)
    shown = mine if c.key in CELL_KEYS else c.shown(STAR_KEYS)
    axis, angle, _ = rotation_of(shown, still)
    predicted = rotate(still, axis, angle)
    if c.explains_rows(predicted, keys):
        yield (
            predicted[c.axis],
            f"cell {_say(np.round(given, 6))} in {{y}}; "
            f"angles {_say(np.round(off[3:], 6))}° in {{x}}",
        )


@hypothesis(
    "crystal_rotation",
    CELL_KEYS,
    "the crystals are turned against each other",
    "give both sides the same φ, misset and matrix",
    directed=False,
    fitted=True,
)
def _crystal_rotation(c: Case) -> Proposals:
    mine, theirs = c.shown(CELL_KEYS), c.rows(CELL_KEYS)
    axis, angle, misfit = rotation_of(mine, theirs)
    if misfit <= 16.0 * c.tolerance:
        yield (
            rotate(theirs, axis, angle)[c.axis],
            f"{{x}}'s a, b, c are {{y}}'s turned by {math.degrees(angle):.9g}° about "
            f"{_say(np.round(axis, 6))}; "
            f"about x, y, z: {_say(np.round(_xyz_angles(mine, theirs), 6))}°",
        )


@hypothesis(
    "crystal_rotation",
    STAR_KEYS,
    "the crystals are turned against each other",
    "give both sides the same φ, misset and matrix",
    directed=False,
    fitted=True,
)
def _star_rotation(c: Case) -> Proposals:
    mine, theirs = c.shown(STAR_KEYS), c.rows(STAR_KEYS)
    axis, angle, misfit = rotation_of(mine, theirs)
    if misfit <= 16.0 * c.tolerance:
        yield (
            rotate(theirs, axis, angle)[c.axis],
            f"{{x}}'s a*, b*, c* are {{y}}'s turned by {math.degrees(angle):.9g}° about "
            f"{_say(np.round(axis, 6))}",
        )


@hypothesis(
    "cell",
    (*CELL_KEYS, *STAR_KEYS),
    "the unit cells differ",
    "give both sides the same cell or matrix",
    directed=False,
    fitted=True,
)
def _cell(c: Case) -> Proposals:
    mine, theirs = cell_parameters(c.shown(CELL_KEYS)), cell_parameters(c.rows(CELL_KEYS))
    stars = cell_parameters(dual(c.shown(STAR_KEYS)))
    if np.allclose(mine, theirs, rtol=4.0 * c.tolerance):
        return
    # Supported by x's own reciprocal vectors, which speak of the same cell.
    if np.allclose(mine, stars, rtol=16.0 * c.tolerance):
        words = f"cell {{x}} {_say(np.round(mine, 6))}, {{y}} {_say(np.round(theirs, 6))}"
        yield c.value, words


# Miller indices ----------------------------------------------------------------------------------


@hypothesis(
    "unrotated_cell",
    ["hkl_frac"],
    "{x} uses the cell before the spindle's rotation",
    "use rot_a, rot_b, rot_c in {x}",
    formula=True,
)
def _unrotated_cell(c: Case) -> Proposals:
    cell = dual(c.shown(STAR_KEYS))
    yield cell @ c.of("scattering_vec_per_m") * 1e-10, "a, b, c from a*, b*, c* · scattering vector"


@hypothesis(
    "hkl_order",
    ["hkl_frac"],
    "{x}'s h, k, l are in another order",
    "h = a·s, k = b·s, l = c·s",
    formula=True,
)
def _hkl_order(c: Case) -> Proposals:
    for order in itertools.permutations(range(3)):
        yield c.target[list(order)], f"order {''.join('hkl'[i] for i in order)}"


@hypothesis(
    "hkl_rounding",
    ["hkl_rounded"],
    "{x} rounds h, k, l otherwise",
    "ceil(x - 1/2) in {x}",
    formula=True,
)
def _hkl_rounding(c: Case) -> Proposals:
    hkl = c.of("hkl_frac")
    for rounded, words in (
        (np.trunc(hkl), "cut off towards 0"),
        (np.floor(hkl), "floor"),
        (np.ceil(hkl), "ceil"),
        (np.rint(hkl), "to even at 1/2"),
        (np.floor(hkl + 0.5), "floor(x + 1/2)"),
        (-(np.ceil(hkl - 0.5)), "opposite sign: the Friedel mate"),
    ):
        yield rounded + 0.0, f"{_say(hkl)} {words} = {_say(rounded + 0.0)}"


# Lattice factor ----------------------------------------------------------------------------------

_LATTICE = ("F_latt_a", "F_latt_b", "F_latt_c")


@hypothesis(
    "sinc_sign",
    (*_LATTICE, "F_latt"),
    "only the sign of the lattice factor differs; its square counts",
    "none needed",
    directed=False,
)
def _sinc_sign(c: Case) -> Proposals:
    yield -c.target, f"{c.key} {{x}} = -1 · {_say(c.target)}"


@hypothesis(
    "sinc_formula",
    _LATTICE,
    "{x} evaluates sin(πNh)/sin(πh) otherwise",
    "sin(πNh)/sin(πh), N at integers, in {x}",
    formula=True,
)
def _sinc_formula(c: Case) -> Proposals:
    n, x = cells_along(c.view, c.axis), float(c.of("hkl_frac")[c.axis])
    yield c.target / n, f"divided by N = {n:g}"
    yield c.target**2, "squared"
    yield math.sin(n * x) / math.sin(x), "sin(Nh)/sin(h): without π"
    yield math.sin(math.pi * n * x), "sin(πNh): not divided by sin(πh)"
    yield np.sinc(n * x) * n, "N·sin(πNh)/(πNh): the sphere's or slit's form, not periodic"
    yield 1.0, "1: the axis is left out"


@hypothesis(
    "cells",
    _LATTICE,
    "the numbers of unit cells differ",
    "give both sides the same -Na -Nb -Nc",
    directed=False,
)
def _cells(c: Case) -> Proposals:
    n, x = cells_along(View(c.y, c.x), c.axis), float(c.of("hkl_frac")[c.axis])
    others = [cells_along(View(c.y, c.x), i) for i in range(3)]
    # Few-digit lattice factors are met by chance by one of many N: try likely ones only.
    many = range(1, 301) if c.tolerance < 1e-7 else ()
    tried = dict.fromkeys([*others, n + 1, n - 1, 2 * n, n / 2, 1.0, *map(float, many)])
    for m in tried:
        if m >= 1 and m != n and m == round(m):
            yield (
                float(sinc_ratio(m, x)),
                f"sin(πNx)/sin(πx) at x = {x:.9g}: N = {m:g} in {{x}}, {n:g} in {{y}}",
            )


@hypothesis(
    "shape",
    ["F_latt", "I_before_scaling"],
    "the crystals have different shapes",
    "give both sides the same shape: -square_xtal, -round_xtal, -gauss_xtal or -tophat_spots",
    directed=False,
)
def _shape(c: Case) -> Proposals:
    cells = np.array([cells_along(c.view, i) for i in range(3)])
    stars = c.shown(STAR_KEYS)
    if c.key == "F_latt":
        hkl, amplitude = [c.of("hkl_frac")], [1.0]
    else:
        if c.number("steps") != c.x.blocks or c.x.used("F_latt_a", 0) is not None:
            return
        hkl = [np.asarray(c.x.used("hkl_frac", i)) for i in range(c.x.blocks)]
        amplitude = c.each("F_cell").tolist()
    measure = float(c.value[0])

    def value(shape: str, fudge: float, with_stars: bool) -> float:
        factors = [
            lattice_factor(shape, cells, x, fudge, stars if with_stars else None) for x in hkl
        ]
        if c.key == "F_latt":
            return factors[0]
        return sum((F * L) ** 2 for F, L in zip(amplitude, factors, strict=True))

    fact = c.x.fact("fudge")
    for shape, quirk in (
        ("square", 0),
        ("round", 0),
        ("gauss", 0),
        ("gauss", 1),
        ("tophat", 0),
        ("tophat", 1),
    ):
        name = f"{shape}{' with the quirk star_radius' if quirk else ''}"
        for fudge in (fact.numbers[0],) if fact is not None else (1.0,):
            yield value(shape, fudge, bool(quirk)), f"{{x}}: {name}, fudge {fudge:g}"
        if shape == "gauss" and fact is None and len(hkl) == 1 and measure > 0.0:
            # F_latt falls as exp(-fudge·ρ/0.63): a round fudge is an explanation, any other is not.
            peak, one = (value(shape, fudge, bool(quirk)) for fudge in (0.0, 1.0))
            fudge = math.log(measure / peak) / math.log(one / peak)
            if abs(fudge - float(f"{fudge:.2g}")) < 1e-6 * fudge:
                rounded = float(f"{fudge:.2g}")
                yield value(shape, rounded, bool(quirk)), f"{{x}}: {name}, fudge {rounded:g}"


@hypothesis(
    "lattice_product",
    ["F_latt"],
    "{x} combines the three axes otherwise",
    "F_latt = F_latt_a · F_latt_b · F_latt_c in {x}",
    formula=True,
)
def _lattice_product(c: Case) -> Proposals:
    a, b, d = (c.number(key) for key in _LATTICE)
    yield b * d, "without F_latt_a"
    yield a * d, "without F_latt_b"
    yield a * b, "without F_latt_c"
    yield (a * b * d) ** 2, "squared"
    yield a + b + d, "sum instead of product"


# Structure factor --------------------------------------------------------------------------------


@hypothesis(
    "default_F",
    ["F_cell"],
    "{x} does not have this reflection, or no structure factors at all: F_cell is the default",
    "load the same structure factors in {x} (-hkl)",
)
def _default_F(c: Case) -> Proposals:
    fact = c.x.fact("default_F")
    default = fact.numbers[0] if fact is not None else 0.0
    hkl = _say(c.of("hkl_rounded"))
    yield default, f"F{hkl} = {c.target[0]:.9g} in {{y}}; {{x}} has {default:g}, its default_F"


@hypothesis(
    "amplitude_intensity",
    ["F_cell"],
    "amplitudes on one side, intensities on the other",
    "convert with a square root: nanoBragg takes amplitudes",
    directed=False,
)
def _amplitude_intensity(c: Case) -> Proposals:
    F = float(c.target[0])
    yield F * F, f"{{x}} = {F:.9g}²"
    if F > 0:
        yield math.sqrt(F), f"{{x}} = √{F:.9g}"


@hypothesis(
    "interpolation",
    ["F_cell"],
    "one side interpolates structure factors, the other takes the nearest reflection",
    "-interpolate or -nointerpolate on both sides",
    directed=False,
)
def _interpolation(c: Case) -> Proposals:
    grid = c.x.grid or c.y.grid
    if grid is None:
        return
    hkl = c.of("hkl_frac")
    tricubic, nearest = interpolated_F(grid, hkl), nearest_F(grid, np.ceil(hkl - 0.5))
    words = f"tricubic at {_say(hkl)}: {tricubic:.9g}; nearest reflection: {nearest:.9g}"
    if c.near(c.target, nearest):
        yield tricubic, f"{words}; {{x}} interpolates"
    if c.near(c.target, tricubic):
        yield nearest, f"{words}; {{x}} does not interpolate"


@hypothesis(
    "other_reflection",
    ["F_cell"],
    "{x} looks another reflection up",
    "F of hkl_rounded in {x}",
    formula=True,
)
def _other_reflection(c: Case) -> Proposals:
    grid = c.x.grid or c.y.grid
    if grid is None:
        return
    hkl, at = c.of("hkl_frac"), c.of("hkl_rounded")
    tried = {
        "the Friedel mate": -at,
        "cut off towards 0": np.trunc(hkl),
        "floor": np.floor(hkl),
        "ceil": np.ceil(hkl),
        "l k h": at[::-1],
        "k h l": at[[1, 0, 2]],
        "h l k": at[[0, 2, 1]],
    }
    for words, other in tried.items():
        F = nearest_F(grid, other)
        if grid.default_F != F and not np.array_equal(other, at):
            yield F, f"F{_say(other)} = {F:.9g}: {words}"


# Sum over steps ----------------------------------------------------------------------------------


def _chain_factors(c: Case) -> dict[str, float]:
    """Factors that a program may multiply too early, twice, or not at all."""
    factors = {key: c.number(key) for key in ("polar", "omega_pixel", "capture_fraction")}
    factors["1/steps"] = 1.0 / c.number("steps")
    factors["r_e_sqr"] = c.number("r_e_sqr")
    factors["fluence_photons_per_m2"] = c.number("fluence_photons_per_m2")
    factors["r_e_sqr · fluence"] = factors["r_e_sqr"] * factors["fluence_photons_per_m2"]
    return {name: value for name, value in factors.items() if value not in (0.0, 1.0)}


@hypothesis(
    "factor_inside",
    ["I_before_scaling"],
    "{x}'s I_before_scaling already contains later factors of the chain",
    "print the sum of F_cell²·F_latt² before anything is multiplied into it",
    formula=True,
)
def _factor_inside(c: Case) -> Proposals:
    factors = _chain_factors(c)
    singles = [(name,) for name in factors]
    implied = _sum_behind_pixel(c)
    for names in (
        *singles,
        *itertools.combinations(factors, 2),
        *itertools.combinations(factors, 3),
    ):
        product = math.prod(factors[name] for name in names)
        words = " · ".join(f"{name} ({factors[name]:.9g})" for name in names)
        if (
            implied
            and abs(c.value[0] / (implied * product) - 1.0) < 1e-9 + 16.0 * c.x.precision.eps
        ):
            yield (
                c.target * product,
                f"{{x}}'s I_pixel_final rests on a sum of {implied:.9g}, "
                f"{{x}} shows {c.value[0]:.9g}: "
                f"ratio {c.value[0] / implied:.9g} = {words}",
            )
        yield c.target * product, f"{{x}} shows {c.value[0]:.9g} = {c.target[0]:.9g} · {words}"


def _sum_behind_pixel(c: Case) -> float:
    """Return the I_before_scaling that leads to x's I_pixel_final, 0 where it cannot be told."""
    key = "I_before_scaling"
    per_unit = expect("I_pixel_final", c.x, c.y, 0, {(key, 0): np.ones(1)})
    photons = c.x.used("I_pixel_final")
    if per_unit is None or photons is None or not per_unit.values[0][0]:
        return 0.0
    return float(photons[0] / per_unit.values[0][0])


@hypothesis(
    "power_of_factors",
    ["I_before_scaling"],
    "{x} sums another power of F_cell or F_latt than the square",
    "sum F_cell²·F_latt² in {x}: amplitudes are squared",
    formula=True,
)
def _power_of_factors(c: Case) -> Proposals:
    F, L = c.each("F_cell"), c.each("F_latt")
    if c.number("steps") != c.x.blocks:
        yield c.target / F[-1], f"sum of F_cell·F_latt²: F_cell = {F[-1]:.9g} is not squared"
        return
    for p, q in ((1, 2), (2, 1), (1, 1), (0, 2), (2, 0), (4, 2), (2, 4)):
        yield float(np.sum(F**p * L**q)), f"sum of F_cell^{p}·F_latt^{q}"
    yield float(np.sum(F * L) ** 2), "(sum of F_cell·F_latt)²: added as amplitudes"


@hypothesis(
    "which_steps",
    ["I_before_scaling"],
    "{x} sums other steps than {y}",
    "sum every sub-pixel, source, φ and domain once",
    formula=True,
)
def _which_steps(c: Case) -> Proposals:
    each = (c.each("F_cell") * c.each("F_latt")) ** 2
    total = float(c.target[0])
    yield each[-1], "the last shown step alone"
    yield each[0], "the first shown step alone"
    yield total - each[0], "without the first shown step"
    yield total - each[-1], "without the last shown step"
    yield total + each[0], "the first shown step counted twice"


# Scaling -----------------------------------------------------------------------------------------

ELECTRON_RADII: Final = {
    "nanoBragg's": R_E,
    "CODATA 2022": 2.8179403205e-15,
    "CODATA 2018": 2.8179403262e-15,
    "CODATA 2014": 2.8179403227e-15,
    "CODATA 2010": 2.8179403267e-15,
    "CODATA 2006": 2.8179402894e-15,
    "CODATA 2002": 2.817940325e-15,
    "CODATA 1998": 2.817940285e-15,
    "CODATA 1986": 2.81794092e-15,
    "2.81794e-15": 2.81794e-15,
    "2.8179e-15": 2.8179e-15,
    "2.818e-15": 2.818e-15,
    "2.82e-15": 2.82e-15,
}
"""Classical electron radius in m, as programs have it."""


@hypothesis(
    "r_e_constant",
    ["r_e_meters", "r_e_sqr"],
    "the sides have different values of the classical electron radius",
    f"r_e = {R_E!r} m in both",
    directed=False,
)
def _r_e_constant(c: Case) -> Proposals:
    power = 1 if c.key == "r_e_meters" else 2
    for name, radius in ELECTRON_RADII.items():
        yield radius**power, f"r_e = {radius:.12g} m: {name}"


@hypothesis(
    "r_e_power", ["r_e_sqr"], "{x}'s r_e_sqr is not the square of r_e", "r_e² in {x}", formula=True
)
def _r_e_power(c: Case) -> Proposals:
    yield c.of("r_e_meters"), "r_e_sqr = r_e"
    yield R_E_SQR, f"r_e_sqr = {R_E_SQR!r} m², nanoBragg's, whatever r_e is printed"


@hypothesis(
    "fluence_default",
    ["fluence_photons_per_m2"],
    "{x} uses the default fluence: flux, exposure and beam size were not used",
    "give {x} -flux, -exposure and -beamsize (or -fluence) as {y} has them",
)
def _fluence_default(c: Case) -> Proposals:
    yield (
        1.0 / R_E_SQR,
        f"r_e² · fluence = {R_E_SQR:.9g} · {c.value[0]:.9g} = {R_E_SQR * c.value[0]:.9g}: the "
        f"value that makes it 1; {{y}} has {c.target[0]:.9g}. No slip of units gives this number",
    )


@hypothesis(
    "fluence_unit",
    ["fluence_photons_per_m2"],
    "the fluences differ by a power of ten: a slip of units in beam size, flux or exposure",
    "fluence = flux · exposure / beamsize², beam size in m",
    directed=False,
    combines=True,
)
def _fluence_unit(c: Case) -> Proposals:
    because = {
        1: "",
        2: ": beam size off by 10 (mm/cm)",
        3: ": exposure off by 1000 (s/ms)",
        4: ": beam size off by 100 (cm/m)",
        6: ": beam size off by 1000 (mm/m or µm/mm)",
        8: ": beam size off by 10⁴ (µm/cm)",
        12: ": beam size off by 10⁶ (µm/m)",
    }
    for factor, text in _powers_of_ten(*because):
        exponent = round(abs(math.log10(factor)))
        yield c.target * factor, f"fluence {{x}} = {text} · {{y}}{because[exponent]}"


@hypothesis(
    "fluence_area",
    ["fluence_photons_per_m2"],
    "one side takes the beam for a square, the other for a circle",
    "fluence = flux · exposure / beamsize²: a square top hat",
    directed=False,
    combines=True,
)
def _fluence_area(c: Case) -> Proposals:
    for factor, text in (
        (0.25 * math.pi, "π/4"),
        (4.0 / math.pi, "4/π"),
        (math.pi, "π"),
        (1.0 / math.pi, "1/π"),
    ):
        yield c.target * factor, f"fluence {{x}} = {text} · {c.target[0]:.9g}"


@hypothesis(
    "fluence_photons",
    ["fluence_photons_per_m2"],
    "{x}'s fluence is not divided by the beam's area, or not multiplied by the exposure",
    "fluence = flux · exposure / beamsize²",
)
def _fluence_photons(c: Case) -> Proposals:
    for side in (c.x, c.y):
        exposure, size = side.fact("exposure"), side.fact("beam_size")
        if size is not None:
            yield (
                c.target * size.numbers[0] ** 2,
                f"fluence · beamsize², beam size {size.numbers[0]:.9g} m",
            )
            yield c.target * size.numbers[0], f"divided once by beam size {size.numbers[0]:.9g} m"
        if exposure is not None:
            yield (
                c.target / exposure.numbers[0],
                f"without the exposure of {exposure.numbers[0]:.9g} s",
            )


def _automatic_oversample(c: Case) -> int | None:
    """Return ceil(3·L·pixel/(λ·distance)), the reference's own choice (physics 4)."""
    for view in (c.view, View(c.y, c.x)):
        try:
            cells = [cells_along(view, i) for i in range(3)]
            lengths = [float(np.linalg.norm(view.vector(key))) for key in CELL_KEYS]
            size = max(n * x for n, x in zip(cells, lengths, strict=True))
            ratio = next(c.ratios())
            distance = view.number("close_distance_meters") / ratio
            reciprocal = view.number("lambda_angstroms") * distance / pixel_size(view)
            return max(1, math.ceil(3.0 * size / reciprocal))
        except (Unknown, StopIteration):
            continue
    return None


@hypothesis(
    "sampling",
    ["steps"],
    "the sides sample differently",
    "give both sides the same sources, mosaic domains, φ steps and oversampling",
    directed=False,
)
def _sampling(c: Case) -> Proposals:
    counts = [_counts(side) for side in (c.x, c.y)]
    products = [math.prod(n for n in count.values()) for count in counts]
    if products != [c.value[0], c.target[0]]:
        return
    names = [name for name in counts[0] if counts[0][name] != counts[1][name]]
    if names != ["oversample²"]:
        words = [" · ".join(f"{n:g} {name}" for name, n in count.items()) for count in counts]
        yield products[0], f"{{x}} {words[0]} = {products[0]:g}; {{y}} {words[1]} = {products[1]:g}"


def _counts(side: Side) -> dict[str, float]:
    """Return the factors of steps, as a side says them."""
    counts: dict[str, float] = {}
    for name, words in (("sources", "sources"), ("domains", "domains")):
        counts[words] = _said(side, name)[0]
    counts["φ steps"] = float(len(_said(side, "phis")))
    counts["oversample²"] = _said(side, "oversample")[0] ** 2
    return counts


def _said(side: Side, name: str) -> tuple[float, ...]:
    fact = side.fact(name)
    if fact is None:
        raise Unknown(name)
    return fact.numbers


@hypothesis(
    "oversample",
    ["steps"],
    "the sides oversample differently",
    "give both the same -oversample",
    directed=False,
    combines=True,
)
def _oversample(c: Case) -> Proposals:
    edges = [oversample(view) for view in (c.view, View(c.y, c.x))]
    if edges[0] == edges[1] and (
        c.x.blocks > 1 or (c.x.fact("oversample") and c.y.fact("oversample"))
    ):
        return  # both show the same sub-pixels
    automatic = _automatic_oversample(c)
    m = edges[1]
    fix = "give both the same -oversample"
    for n in range(1, 65):
        if n == m:
            continue
        words = (
            f"steps {{x}} {c.value[0]:.9g} = {c.target[0]:.9g} · ({n}/{m})²"
            if m > 1
            else (f"steps {{x}} {c.value[0]:.9g} = {c.target[0]:.9g} · {n}²")
        )
        words += f": oversampling {n} in {{x}}"
        if n == automatic:
            words += f", the automatic choice ceil(3 · {_size_words(c)}) = {n}"
            yield (
                c.target * (n / m) ** 2,
                words,
                f"give {{x}} -oversample {m}, or {{y}} -oversample {n}",
            )
        else:
            yield c.target * (n / m) ** 2, words, fix
        if m == 1:
            yield (
                c.target / n**2,
                f"steps {{x}} = {c.target[0]:.9g} / {n}²: oversampling {n} in {{y}}",
                fix,
            )


def _size_words(c: Case) -> str:
    for view in (c.view, View(c.y, c.x)):
        try:
            size = max(
                cells_along(view, i) * float(np.linalg.norm(view.vector(key)))
                for i, key in enumerate(CELL_KEYS)
            )
            distance = view.number("close_distance_meters") / next(c.ratios())
            pixel = view.number("lambda_angstroms") * distance / pixel_size(view)
            return f"{size:.6g} Å / {pixel:.6g} Å"
        except (Unknown, StopIteration):
            continue
    return "crystal size / reciprocal pixel"


@hypothesis(
    "steps_factor",
    ["steps"],
    "{x} leaves a factor out of the steps, or counts one too many",
    "steps = sources · domains · φ steps · oversample²; sensor layers do not count",
    formula=True,
)
def _steps_factor(c: Case) -> Proposals:
    sums = [c.number("I_before_scaling", side) for side in (c.x, c.y)]
    if c.kind == "cause" and not math.isclose(
        *sums, rel_tol=c.x.precision.tolerance("", TOLERANCES)
    ):
        return  # the sides have not summed the same steps
    names = {"sources": "sources", "domains": "mosaic domains", "layers": "sensor layers"}
    counts = {words: c.view.count(name) for name, words in names.items() if _says(c, name)}
    if _says(c, "phis"):
        counts["φ steps"] = len(c.view.numbers("phis"))
    for words, count in counts.items():
        if count > 1:
            yield c.target / count, f"{c.target[0]:.9g} / {count} {words}"
            yield c.target * count, f"{c.target[0]:.9g} · {count} {words}"
    yield 1.0, "steps = 1: the sum is not averaged"


def _says(c: Case, name: str) -> bool:
    return c.x.fact(name) is not None or c.y.fact(name) is not None


@hypothesis(
    "oversample_flag",
    ["oversample_thick", "oversample_polar", "oversample_omega"],
    "one side weighs this factor step by step",
    "give both sides the same -oversample_thick, -oversample_polar, -oversample_omega",
    directed=False,
)
def _oversample_flag(c: Case) -> Proposals:
    yield 1.0 - c.target, f"{c.key} is {c.value[0]:g} in {{x}}, {c.target[0]:g} in {{y}}"


@hypothesis(
    "capture_off",
    ["capture_fraction"],
    "{x} has no sensor absorption",
    "give {x} the sensor's thickness and attenuation depth",
)
def _capture_off(c: Case) -> Proposals:
    yield 1.0, f"capture_fraction = 1; with {{y}}'s sensor {c.target[0]:.9g}"


@hypothesis(
    "capture_layers",
    ["capture_fraction"],
    "{x} counts the sensor's layers otherwise",
    "same thickness, layers and attenuation depth (quirk layer_capture: the reference's layers)",
)
def _capture_layers(c: Case) -> Proposals:
    v = c.view
    thickness, layers, mu = (
        float(v.numbers("thickness")[0]),
        v.count("layers"),
        float(v.numbers("mu")[0]),
    )
    _, _, n = c.axes()
    p = abs(float(c.of("diffracted_vec") @ n))
    yield 1.0 - math.exp(-thickness * mu / p), "1 - exp(-tµ/cos): the whole sensor"
    yield 1.0 - math.exp(-thickness * mu), "1 - exp(-tµ): the whole sensor, without obliquity"
    yield math.exp(-thickness * mu / p), "exp(-tµ/cos): what passes instead of what is caught"
    yield from ((x, f"{x:.9g} by layers") for x in captures(v, thickness, layers, mu))
    for count, words in ((layers - 1, "thickness/(layers - 1)"), (layers, "thickness/layers")):
        if count > 0 and c.x.blocks >= layers:
            each = layer_captures(v, thickness / count, layers, mu)
            for j, x in enumerate(each):
                yield float(x), f"layer {j + 1} of {layers}, spacing {words}"
            yield float(each.sum()), f"sum over {layers} layers, spacing {words}"
            yield float(each.mean()), f"mean over {layers} layers, spacing {words}"


@hypothesis("polar_off", ["polar"], "{x} applies no polarization", "switch polarization on in {x}")
def _polar_off(c: Case) -> Proposals:
    cosine = c.number("cos_2theta")
    yield 1.0, f"polar = 1; {{x}}'s own cos_2theta = {cosine:.9g} gives {c.target[0]:.9g}"


@hypothesis(
    "polar_formula",
    ["polar"],
    "{x} evaluates the polarization otherwise",
    "½(1 + c² - K·cos2ψ·(1 - c²)), c = incident · diffracted, in {x}",
    formula=True,
)
def _polar_formula(c: Case) -> Proposals:
    for block in (0, -1):
        incident, diffracted = (c.x.used(key, block) for key in ("incident_vec", "diffracted_vec"))
        if incident is None or diffracted is None:
            return
        k = float(incident @ diffracted)
        yield k * k, "cos²2θ"
        yield 1.0 + k * k, "1 + cos²2θ: not halved"
        yield 0.5 * (1.0 + k), "½(1 + cos 2θ): not squared"
        yield abs(k), "|cos 2θ|"
        yield 1.0 - k * k, "sin²2θ"
        yield 0.5 * (1.0 - k * k), "½ sin²2θ"


@hypothesis(
    "kahn",
    ["polar"],
    "the Kahn factors K differ",
    "give both sides the same -polar K",
    directed=False,
)
def _kahn(c: Case) -> Proposals:
    incident, diffracted = (c.x.used(key, 0) for key in ("incident_vec", "diffracted_vec"))
    if incident is None or diffracted is None:
        return
    plain = polarization(0.0, incident, diffracted, None)
    eps = 16.0 * max(c.x.precision.eps, c.y.precision.eps)
    for plane in _polarization_planes(c, incident):
        slope = polarization(1.0, incident, diffracted, plane) - plain
        if abs(slope) < 1e3 * eps:
            continue
        # K has one degree of freedom, as polar has: only values that people type are an
        # explanation, and only as many decimals as chance would not meet.
        mine, right = ((float(polar[0]) - plain) / slope for polar in (c.value, c.target))
        slack = eps / abs(slope)
        decimals = next((n for n in (3, 2, 1) if slack < 0.01 * 10.0**-n), 0)
        typed = [round(K, decimals) + 0.0 for K in (mine, right)]
        if decimals and abs(mine - typed[0]) < slack and abs(right - typed[1]) < slack:
            yield (
                polarization(typed[0], incident, diffracted, plane),
                f"K = {typed[0]:g} in {{x}}, {typed[1]:g} in {{y}}",
            )
    yield plain, f"½(1 + cos²2θ) = {plain:.9g}: K = 0 in {{x}}"


def _polarization_planes(c: Case, incident: Array) -> list[Array]:
    """Return beam × electric field: as said, else as the conventions have it for this beam."""
    try:
        return [polarization_plane(c.view, incident)]
    except Unknown:
        pass
    fields = dict.fromkeys(row.polarization for row in CONVENTIONS.values())
    planes = [np.cross(incident, field) for field in fields]
    return [plane for plane in planes if float(np.linalg.norm(plane)) > 0.9]


@hypothesis(
    "cos_2theta_form",
    ["cos_2theta"],
    "{x} prints the angle in another form",
    "incident · diffracted in {x}",
    formula=True,
)
def _cos_2theta_form(c: Case) -> Proposals:
    x = float(np.clip(c.target[0], -1.0, 1.0))
    yield -x, "opposite sign: the direction to the source"
    yield math.acos(x), "2θ in rad"
    yield math.degrees(math.acos(x)), "2θ in degrees"
    yield x * x, "cos²2θ"
    yield math.cos(0.5 * math.acos(x)), "cos θ"


@hypothesis(
    "chain_factor",
    ["I_pixel_final"],
    "{x}'s I_pixel_final misses a factor of its own chain, or has it twice",
    "I_pixel_final = r_e_sqr·fluence·I_before_scaling/steps · capture · polar · omega in {x}",
    formula=True,
)
def _chain_factor(c: Case) -> Proposals:
    factors = _chain_factors(c)
    for count in (1, 2, 3):
        for names in itertools.combinations(factors, count):
            product = math.prod(factors[name] for name in names)
            words = " · ".join(names)
            yield (
                c.target / product,
                f"{{x}} shows {c.value[0]:.9g}, its chain gives {c.target[0]:.9g}: as if without "
                f"{words} = {product:.9g}, or with {words} inside I_before_scaling",
            )
            yield (
                c.target * product,
                f"{{x}} shows its chain's {c.target[0]:.9g} times {words} once more",
            )


@hypothesis(
    "background",
    ["I_pixel_final", "background_photons"],
    "{x} adds a background that {y} does not have",
    "give both sides the same -water",
)
def _background(c: Case) -> Proposals:
    if c.key == "background_photons":
        rule = expect("I_pixel_final", c.x, c.y, 0)
        if (
            c.target[0] == 0.0
            and rule is not None
            and rule.fits(c.of("I_pixel_final"), c.tolerance)
        ):
            yield c.value, f"{c.value[0]:.9g} photons, and {{x}}'s I_pixel_final contains them"
        return
    for side in (c.x, c.y):
        water = side.fact("water")
        if water is not None and water.numbers[0]:
            photons = water.numbers[0] * c.number("polar") * c.number("omega_pixel")
            photons *= c.number("capture_fraction")
            yield (
                c.target + photons,
                f"water {water.numbers[0]:.9g}/sr · polar · omega · capture = {photons:.9g}",
            )


@hypothesis(
    "float_rounding",
    ["floatimage_accumulated"],
    "{x}'s image pixel is not the float32 rounding of I_pixel_final",
    "none needed: compare I_pixel_final",
    formula=True,
)
def _float_rounding(c: Case) -> Proposals:
    photons = c.number("I_pixel_final")
    yield photons, "it is I_pixel_final in double precision"
    with np.errstate(over="ignore"):
        yield float(np.float16(photons)), "rounded to half precision"
    yield math.floor(photons + 0.5), "rounded to a whole number"

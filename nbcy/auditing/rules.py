"""How each key of a trace follows from the keys above it (trace 1).

A rule reads its inputs through a `View` and returns every value that would be right. The view notes
what was read, so that the causal graph and the propagation of rounding need no table of their own.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np

from nbcy.auditing.formulas import (
    interpolated_F,
    lattice_factor,
    nearest_F,
    polarization,
    sinc_ratio,
)
from nbcy.auditing.side import Array, Side
from nbcy.base.cell import dual
from nbcy.base.vectors import rotate
from nbcy.crystal.structure_factors import HklGrid
from nbcy.render.facts import Fact
from nbcy.render.vocabulary import KEYS

MOST_CELLS: Final = 2000
"""Largest number of cells along an axis that is tried when a side does not say its own."""

MOST_CELLS_SINGLE: Final = 200
"""The same for a side in single precision, whose digits one of many numbers meets by chance."""


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
        if value is None:
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
        own = self.side.precision.eps
        return max(own, self.doubt.get(name, self.side.doubt.get(name, 0.0)) / SAFETY)


FAILURES: Final = (Unknown, ArithmeticError, ValueError, IndexError, np.linalg.LinAlgError)
"""What a rule may raise when a side's numbers do not allow to evaluate it."""

Result = list[Array]
Rule = Callable[[View, int], Result]
RULES: Final[dict[str, Rule]] = {}
"""Rule of each key that has one; it returns every value that would be right."""

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


def _rule(*names: str) -> Callable[[Rule], Rule]:
    def enter(rule: Rule) -> Rule:
        for name in names:
            RULES[name] = rule
        return rule

    return enter


def _one(x: float) -> Result:
    return [np.array([x])]


# What a side does not print but its numbers rest on ----------------------------------------------


def normal(v: View, i: int) -> Array:
    """Return the detector's normal, away from the sample."""
    n = np.cross(v.vector("fdet_vec", i), v.vector("sdet_vec", i))
    length = float(np.linalg.norm(n))
    if not length > 0.0:
        raise Unknown("fdet_vec")
    return n * math.copysign(1.0 / length, float(n @ v.vector("pix0_vector_meters", i)))


def components(p: Array, f: Array, s: Array, n: Array) -> Array:
    """Return a vector's coordinates along axes that need not be exactly perpendicular."""
    return np.linalg.solve(np.array([f, s, n]).T, p)


def plane_position(v: View, i: int) -> Array:
    """Return F, S and depth of the traced sub-pixel, m, from where it is."""
    p = v.vector("pixel_pos_meters", i) - v.vector("pix0_vector_meters", i)
    return components(p, v.vector("fdet_vec", i), v.vector("sdet_vec", i), normal(v, i))


def oversample(v: View) -> int:
    """Return the number of sub-pixels along an edge that the blocks show."""
    fact = v.ruler.fact("oversample")
    if fact is not None:
        return round(fact.numbers[0])
    subs = v.side.blocks // layer_count(v)
    edge = math.isqrt(subs)
    if edge * edge == subs and edge > 1:
        return edge
    other = v.lender.fact("oversample")
    return round(other.numbers[0]) if other is not None else 1


def is_point_pixel(v: View) -> bool:
    """Whether the solid angle is 1/R²: as said, else as it is."""
    fact = v.ruler.fact("point_pixel")
    if fact is not None:
        return fact.value == "yes"
    own, _ = v.straight()
    product = own.number("omega_pixel_sr") * own.number("R_distance_meters") ** 2
    return math.isclose(product, 1.0, rel_tol=max(1e-9, _loose(v)))


def pixel_from_omega(v: View) -> float:
    """Return the pixel size that the first solid angle speaks of, m."""
    close, r = v.number("close_distance_meters"), v.number("R_distance_meters")
    return math.sqrt(v.number("omega_pixel_sr") * r**3 / close)


def pixel_size(v: View) -> float:
    """Return the pixel size, m: as said, else as both solid angles imply it."""
    try:
        return float(v.numbers("pixel")[0])
    except Unknown:
        pass
    if is_point_pixel(v):
        raise Unknown("pixel")
    guesses = []
    for view in v.straight():
        try:
            guesses.append(pixel_from_omega(view))
        except (Unknown, ValueError, ZeroDivisionError):
            continue
    if len(guesses) == 2 and math.isclose(*guesses, rel_tol=_loose(v)):
        return guesses[0]
    for guess in guesses:
        if _on_grid(v, guess):
            return guess
    raise Unknown("pixel")


def _loose(v: View) -> float:
    return 16.0 * max(v.side.precision.eps, v.other.precision.eps)


def _on_grid(v: View, pixel: float) -> bool:
    """Whether the traced position is the centre of a sub-pixel of this size."""
    try:
        at = plane_position(v, 0)[:2] / pixel * oversample(v) - 0.5
    except Unknown:
        return False
    limit = max(1e-7, 64.0 * v.side.precision.eps * float(np.abs(at).max() + 1.0))
    return bool(np.all(np.abs(at - np.rint(at)) < limit))


def crystal_shape(v: View) -> str:
    """Return the crystal's shape: as said, else square when the factors of the axes are shown."""
    try:
        return v.word("shape")
    except Unknown:
        if v.shows("F_latt_a"):
            return "square"
        raise


def kahn_factor(v: View) -> float:
    """Return K: as said, else 0 when a side's polarization needs no other."""
    try:
        return float(v.numbers("kahn")[0])
    except Unknown:
        pass
    for view in v.straight():
        try:
            c = float(view.vector("incident_vec") @ view.vector("diffracted_vec"))
            if math.isclose(
                view.number("polar"), 0.5 * (1.0 + c * c), rel_tol=max(_loose(v), 1e-9)
            ):
                return 0.0
        except Unknown:
            continue
    raise Unknown("kahn")


def cells_along(v: View, axis: int) -> float:
    """Return the number of cells along an axis: as said, else as both lattice factors imply it."""
    try:
        return float(v.numbers("cells")[axis])
    except Unknown:
        pass
    (mine, mine_unsigned), (theirs, theirs_unsigned) = (
        _possible_cells(view, axis) for view in v.straight()
    )
    # Digits in single precision are met by many numbers: the other side's word counts for more.
    alone = [mine, theirs] if v.ruler.precision.eps <= v.lender.precision.eps else [theirs, mine]
    unsigned = set(mine_unsigned) & set(theirs_unsigned)
    for choice in (set(mine) & set(theirs), alone[0], unsigned, alone[1], mine_unsigned):
        if choice:
            return float(min(choice))
    raise Unknown("cells")


def _possible_cells(v: View, axis: int) -> tuple[list[int], list[int]]:
    """Return the whole numbers that explain every F_latt of an axis, and those but for its sign."""
    eps = v.side.precision.eps
    most = MOST_CELLS if eps < 1e-10 else MOST_CELLS_SINGLE
    numbers = np.arange(1.0, most + 1.0)
    fits, but_for_sign = np.ones(most, dtype=bool), np.ones(most, dtype=bool)
    for i in range(min(v.side.blocks, 20)):
        printed = v.side.printed(f"F_latt_{'abc'[axis]}", i)
        hkl = v.side.used("hkl_frac", i)
        if printed is None or hkl is None or not np.isfinite(hkl).all():
            return [], []
        x = float(hkl[axis])
        slack = 8.0 * eps * (abs(x) + 1.0)
        values = sinc_ratio(numbers, x)
        moved = np.maximum(
            np.abs(sinc_ratio(numbers, x + slack) - values),
            np.abs(sinc_ratio(numbers, x - slack) - values),
        )
        limit = moved + max(1e-9, 8.0 * eps) * np.maximum(1.0, np.abs(values))
        fits &= np.abs(values - printed[0]) <= limit
        but_for_sign &= np.abs(np.abs(values) - abs(printed[0])) <= limit
    return [int(n) for n in numbers[fits]], [int(n) for n in numbers[but_for_sign]]


def unrotated_cell(v: View, i: int) -> Result:
    """Return the rows a, b, c in Å before the spindle turns: from the star vectors, or as said."""
    stars = np.array([v.vector(f"rot_{axis}_star_A_inv", i) for axis in "abc"])
    cells = [dual(stars)] if abs(float(np.linalg.det(stars))) > 0.0 else []
    if (fact := v.side.fact("real_cell")) is not None:
        v.read["fact:real_cell"] = 9
        cells.append(v._shifted("fact:real_cell", np.array(fact.value)).reshape(3, 3))
    return cells


def spindle_angles(v: View) -> Array:
    """Return φ of every step, rad, with all the digits the range gives."""
    listed = v.numbers("phis")
    try:
        start, end = v.numbers("phi_range")
        even = start + (end - start) / len(listed) * np.arange(len(listed))
        if np.allclose(even, listed, rtol=1e-5, atol=1e-5 * abs(end - start)):
            listed = even
    except (Unknown, ValueError):
        pass
    return np.radians(listed)


def transported_origins(giver: Side, taker: Side, block: int) -> list[Array]:
    """Return where a side's detector origin would be with the other side's axes.

    Parameters
    ----------
    giver : Side
        Whose near point and distance, or beam spot and distance along the beam, are kept.
    taker : Side
        Whose axes and beam are used.
    block : int
        Sub-pixel and layer.
    """
    keys = ("pix0_vector_meters", "fdet_vec", "sdet_vec", "incident_vec")
    given = [giver.used(key, block) for key in keys]
    taken = [taker.used(key, block) for key in keys]
    if any(x is None for x in (*given, *taken)):
        return [] if given[0] is None else [given[0]]
    pix0, f, s, beam = (np.asarray(x) for x in given)
    own, to_f, to_s, to_beam = (np.asarray(x) for x in taken)
    n, to_n = np.cross(f, s), np.cross(to_f, to_s)
    n = n * math.copysign(1.0, float(n @ pix0))
    to_n = to_n * math.copysign(1.0, float(to_n @ own))
    along = components(pix0, f, s, n)
    near = along[0] * to_f + along[1] * to_s
    results = [near + along[2] * to_n]
    slant = float(beam @ n)
    if abs(slant) > 1e-3 and not (np.array_equal(f, to_f) and np.array_equal(s, to_s)):
        distance = along[2] / slant
        spot = components(pix0 - distance * beam, f, s, n)
        results.append(spot[0] * to_f + spot[1] * to_s + distance * to_beam)
        results.append(near + abs(distance) * to_n)
    return results


# The rules, in causal order ----------------------------------------------------------------------


@_rule("pixel_pos_meters")
def _pixel_pos(v: View, i: int) -> Result:
    pix0, f, s = (v.vector(key, i) for key in ("pix0_vector_meters", "fdet_vec", "sdet_vec"))
    if v.says("curved", "yes"):
        return _curved_pos(v, i, pix0, f, s)
    if v.crossed:  # the same point of the detector, where this side has put the detector
        fast, slow, depth = plane_position(View(v.other, v.side), i)
        return [pix0 + fast * f + slow * s + depth * normal(v, i)]
    if not v.says("curved", "no") and (_on_sphere(v, i) or _on_sphere(View(v.other, v.side), i)):
        raise Unknown("curved")
    edge, layers = oversample(v), layer_count(v)
    sub = pixel_size(v) / edge
    along_fast, along_slow, depth = plane_position(v, i)
    if layers == 1:
        depth = 0.0
    traced = v.fact("pixel_traced")
    if traced is not None and v.side.blocks == edge * edge * layers:
        slow, fast = traced.numbers
        sub_slow, sub_fast = divmod(i // layers, edge)
        places = [((fast * edge + sub_fast + 0.5) * sub, (slow * edge + sub_slow + 0.5) * sub)]
    else:
        places = [
            ((math.floor(along_fast / sub) + 0.5) * sub, (math.floor(along_slow / sub) + 0.5) * sub)
        ]
        try:
            theirs = plane_position(View(v.other, v.side), i)
            places.append((float(theirs[0]), float(theirs[1])))
        except (Unknown, IndexError):
            pass
    return [pix0 + fast * f + slow * s + depth * normal(v, i) for fast, slow in places]


def layer_count(v: View) -> int:
    """Return the number of sensor layers: as said, else as the blocks' depths tell."""
    fact = v.fact("layers")
    return v.side.layers_seen if fact is None else round(fact.numbers[0])


def _on_sphere(v: View, i: int) -> bool:
    """Whether the pixel is as far away as the detector: a curved one, or the near point."""
    try:
        r, close = v.number("R_distance_meters", i), v.number("close_distance_meters", i)
    except (Unknown, IndexError):
        return False
    return math.isclose(r, close, rel_tol=_loose(v))


def _curved_pos(v: View, i: int, pix0: Array, f: Array, s: Array) -> Result:
    """Wrap the flat detector around the sample (physics 2.7)."""
    if layer_count(v) > 1:
        raise Unknown("layers")  # how deep each layer lies is not shown
    edge = oversample(v)
    sub = pixel_size(v) / edge
    close = v.number("close_distance_meters", i)
    traced = v.fact("pixel_traced")
    if traced is not None:
        sub_slow, sub_fast = divmod(i, edge)
        slow, fast = (
            (n + 0.5) * sub for n in np.array(traced.numbers) * edge + [sub_slow, sub_fast]
        )
    else:
        # Unwrapped, the position says itself which sub-pixel it is the centre of.
        x, y, z = v.vector("pixel_pos_meters", i) / close
        flat = np.array([close, close * math.asin(z), close * math.atan2(y, x)]) - pix0
        fast, slow = ((math.floor(float(flat @ axis) / sub) + 0.5) * sub for axis in (f, s))
    flat = pix0 + fast * f + slow * s
    beam = v.ruler.fact("beam_direction")
    ahead = close * (np.array(beam.numbers) if beam is not None else v.vector("incident_vec", i))
    return [rotate(rotate(ahead, s, float(flat[1]) / close), f, float(flat[2]) / close)]


@_rule("R_distance_meters")
def _airpath(v: View, i: int) -> Result:
    return _one(float(np.linalg.norm(v.vector("pixel_pos_meters", i))))


@_rule("omega_pixel_sr")
def _omega(v: View, i: int) -> Result:
    if i > 0 and not (v.shows("oversample_omega") and v.number("oversample_omega")):
        return [v.vector("omega_pixel_sr", 0)]
    r = v.number("R_distance_meters", i)
    if is_point_pixel(v):
        return _one(1.0 / r**2)
    return _one(pixel_size(v) ** 2 * v.number("close_distance_meters", i) / r**3)


@_rule("close_distance_meters")
def _close(v: View, i: int) -> Result:
    return _one(abs(float(v.vector("pix0_vector_meters", i) @ normal(v, i))))


@_rule("obliquity_factor")
def _obliquity(v: View, i: int) -> Result:
    return _one(v.number("close_distance_meters", i) / v.number("R_distance_meters", i))


@_rule("diffracted_vec")
def _diffracted(v: View, i: int) -> Result:
    return [v.vector("pixel_pos_meters", i) / v.number("R_distance_meters", i)]


@_rule("lambda_angstroms")
def _angstroms(v: View, i: int) -> Result:
    return _one(1e10 * v.number("lambda_meters", i))


@_rule("scattering_vec_per_m")
def _scattering(v: View, i: int) -> Result:
    change = v.vector("diffracted_vec", i) - v.vector("incident_vec", i)
    return [change / v.number("lambda_meters", i)]


@_rule("rot_a_angstroms", "rot_b_angstroms", "rot_c_angstroms")
def _rotated(v: View, i: int) -> Result:
    angle, axis = float(spindle_angles(v)[0]), v.numbers("spindle")
    axis = axis / np.linalg.norm(axis)
    return [rotate(cell, axis, angle) for cell in unrotated_cell(v, i)]


@_rule("rot_a_star_A_inv", "rot_b_star_A_inv", "rot_c_star_A_inv")
def _reciprocal(v: View, i: int) -> Result:
    if v.side.fact("reciprocal_cell") is not None:
        return [v.numbers("reciprocal_cell", borrow=False).reshape(3, 3)]
    # Without words: lengths and angles must be those of the rotated cell's reciprocal; with the
    # quirk triclinic_cell at least the angles.
    cell = np.array([v.vector(f"rot_{axis}_angstroms", i) for axis in "abc"])
    sides = [
        np.array([view.vector(f"rot_{axis}_star_A_inv", i) for axis in "abc"])
        for view in (v, View(v.other, v.side))
    ]
    for measure in (_metric, _angles):
        fits = [np.abs(measure(dual(stars)) / measure(cell) - 1.0).max() for stars in sides]
        fitting = [
            s for s, misfit in zip(sides, fits, strict=True) if misfit <= max(1e-9, 4.0 * _loose(v))
        ]
        if fitting:
            return fitting[:1]
    raise Unknown("reciprocal_cell")


def _metric(cell: Array) -> Array:
    """Return lengths and angles in a form in which none is near 0."""
    return np.concatenate([np.linalg.norm(cell, axis=1), _angles(cell)])


def _angles(cell: Array) -> Array:
    unit = cell / np.linalg.norm(cell, axis=1, keepdims=True)
    return 2.0 + np.array([unit[1] @ unit[2], unit[2] @ unit[0], unit[0] @ unit[1]])


@_rule("hkl_frac")
def _hkl(v: View, i: int) -> Result:
    cell = np.array([v.vector(f"rot_{axis}_angstroms", i) for axis in "abc"])
    return [cell @ v.vector("scattering_vec_per_m", i) * 1e-10]


@_rule("hkl_rounded")
def _rounded(v: View, i: int) -> Result:
    hkl = v.vector("hkl_frac", i)
    slack = 4.0 * v.side.precision.eps * (1.0 + float(np.abs(hkl).max()))
    up, down = (np.ceil(hkl - 0.5 + shift) + 0.0 for shift in (slack, -slack))
    corners = np.array(np.meshgrid(*zip(up, down, strict=True))).reshape(3, -1).T
    return [np.ceil(hkl - 0.5) + 0.0, *np.unique(corners, axis=0)]


def _axis_rule(axis: int) -> Rule:
    def rule(v: View, i: int) -> Result:
        if crystal_shape(v) != "square":
            raise Unknown("shape")
        return _one(float(sinc_ratio(cells_along(v, axis), float(v.vector("hkl_frac", i)[axis]))))

    return rule


for _axis, _letter in enumerate("abc"):
    RULES[f"F_latt_{_letter}"] = _axis_rule(_axis)


@_rule("F_latt")
def _lattice(v: View, i: int) -> Result:
    if all(v.shows(f"F_latt_{axis}", i) for axis in "abc"):
        return _one(math.prod(v.number(f"F_latt_{axis}", i) for axis in "abc"))
    fudge, cells = float(v.numbers("fudge")[0]), v.numbers("cells")
    hkl, shape = v.vector("hkl_frac", i), crystal_shape(v)
    quirk = reproduces(v, "star_radius")
    results = [] if quirk else _one(lattice_factor(shape, cells, hkl, fudge))
    if quirk is not False:
        stars = np.array([v.vector(f"rot_{axis}_star_A_inv", i) for axis in "abc"])
        results += _one(lattice_factor(shape, cells, hkl, fudge, stars))
    return results


def reproduces(v: View, quirk: str) -> bool | None:
    """Whether a side has a defect of the reference; None where that is not known."""
    if v.ruler.trace.prefix == "TRACE_C":
        return True
    fact = v.ruler.fact("quirks")
    return None if fact is None else quirk in str(fact.value).split()


@_rule("F_cell")
def _amplitude(v: View, i: int) -> Result:
    return [np.array([F]) for F in listed_F(v, v.vector("hkl_rounded", i), v.vector("hkl_frac", i))]


def listed_F(v: View, rounded: Array, hkl: Array) -> list[float]:
    """Return F from the side's list: of the nearest reflection, interpolated, or either."""
    loaded = v.ruler.fact("hkl_loaded")
    if loaded is not None and loaded.numbers[0] == 0:
        return [float(v.numbers("default_F", borrow=False)[0])]
    grid = v.ruler.grid
    if grid is None:
        grid = v.lender.grid
        v.borrowed.add("hkl_file")
    if grid is None:
        raise Unknown("hkl_file")
    for view in v.straight():
        choice = interpolates(view, grid)
        if choice is not None:
            return [interpolated_F(grid, hkl) if choice else nearest_F(grid, rounded)]
    return [nearest_F(grid, rounded), interpolated_F(grid, hkl)]


def interpolates(v: View, grid: HklGrid) -> bool | None:
    """Whether a side interpolates structure factors: as said, else as those it shows tell."""
    fact = v.side.fact("interpolation")
    if fact is not None:
        return fact.value == "on"
    for i in range(min(v.side.blocks, 20)):
        F, at, hkl = (v.side.printed(key, i) for key in ("F_cell", "hkl_rounded", "hkl_frac"))
        if F is None or at is None or hkl is None:
            continue
        fits = [
            math.isclose(float(F[0]), value, rel_tol=max(1e-9, _loose(v)))
            for value in (nearest_F(grid, at), interpolated_F(grid, hkl))
        ]
        if fits[0] != fits[1]:
            return fits[1]
    return None


@_rule("I_before_scaling")
def _sum(v: View, i: int) -> Result:
    del i
    if any(v.shows(f) and v.number(f) for f in OVERSAMPLE_FLAGS):
        raise Unknown("steps")
    per_visit = steps_per_visit(v)
    if per_visit == 1:
        return _one(
            sum((v.number("F_cell", b) * v.number("F_latt", b)) ** 2 for b in range(v.side.blocks))
        )
    results: Result = []
    lines = v.side.trace.phi_steps
    if len(lines) == per_visit and all("F_latt" in line for line in lines) and v.side.blocks == 1:
        amplitude = v.number("F_cell")
        results += _one(sum((amplitude * line["F_latt"]) ** 2 for line in lines))
    try:
        results += [np.array([x]) for x in replayed_sums(v, per_visit)]
    except Unknown:
        if not results:
            raise
    return results


def steps_per_visit(v: View) -> float:
    """Return the steps (sources, φ, domains) of a sub-pixel and layer: as said, else as counted."""
    try:
        return v.count("sources") * v.count("domains") * len(v.numbers("phis"))
    except Unknown:
        pass
    counts = [view.number("steps") for view in v.straight() if view.shows("steps")]
    if len(set(counts)) != 1:
        raise Unknown("steps")
    return counts[0] * layer_count(v) / v.side.blocks


def replayed_sums(v: View, per_visit: float) -> list[float]:
    """Return F²L² summed over φ steps that the log does not print, from the spindle and the cell.

    The first step uses the cell that is shown, the others the unrotated cell turned to their φ;
    one sum for each way of knowing the unrotated cell.
    """
    angles = spindle_angles(v)
    if v.count("sources") != 1 or v.count("domains") != 1 or len(angles) != per_visit:
        raise Unknown("sources")
    axis = v.numbers("spindle")
    axis = axis / np.linalg.norm(axis)
    first_angle = float(angles[0])
    shape = crystal_shape(v)
    cells = np.array([cells_along(v, i) for i in range(3)])
    fudge = 1.0 if shape == "square" else float(v.numbers("fudge")[0])
    totals = np.zeros(len(unrotated_cell(v, 0)) + 1)
    for b in range(v.side.blocks):
        s = v.vector("scattering_vec_per_m", b) * 1e-10
        shown = np.array([v.vector(f"rot_{x}_angstroms", b) for x in "abc"])
        first, amplitude = v.vector("hkl_rounded", b), v.number("F_cell", b)
        totals += (amplitude * lattice_factor(shape, cells, shown @ s, fudge)) ** 2
        back = rotate(shown, axis, -first_angle)
        for i, cell in enumerate([*unrotated_cell(v, b), back]):
            for angle in angles[1:]:
                hkl = rotate(cell, axis, float(angle)) @ s
                rounded = np.ceil(hkl - 0.5)
                F = _amplitude_near(v, first, amplitude, rounded, hkl)
                totals[i] += (F * lattice_factor(shape, cells, hkl, fudge)) ** 2
    return [float(x) for x in totals]


def _amplitude_near(v: View, known: Array, amplitude: float, rounded: Array, hkl: Array) -> float:
    """Return F of a step that is not shown: that of the shown one where it must be the same."""
    grid = v.ruler.grid or v.lender.grid
    own, _ = v.straight()
    if np.array_equal(rounded, known) and not (grid is not None and interpolates(own, grid)):
        return amplitude
    return listed_F(v, rounded, hkl)[0]


@_rule("r_e_sqr")
def _r_e_sqr(v: View, i: int) -> Result:
    del i
    return _one(v.number("r_e_meters") ** 2)


@_rule("steps")
def _steps(v: View, i: int) -> Result:
    del i
    counts = [v.count(name, borrow=False) for name in ("sources", "domains", "oversample")]
    return _one(counts[0] * counts[1] * len(v.numbers("phis", borrow=False)) * counts[2] ** 2)


OVERSAMPLE_FLAGS: Final = ("oversample_thick", "oversample_polar", "oversample_omega")


@_rule("capture_fraction")
def _capture(v: View, i: int) -> Result:
    del i
    thickness, layers = float(v.numbers("thickness")[0]), v.count("layers")
    mu = float(v.numbers("mu")[0])
    if thickness == 0.0 or mu == 0.0:
        return _one(1.0)
    if any(v.shows(flag) and v.number(flag) for flag in OVERSAMPLE_FLAGS):
        raise Unknown("oversample_thick")
    return [np.array([x]) for x in captures(v, thickness, layers, mu)]


def layer_captures(v: View, step: float, layers: int, mu: float) -> Array:
    """Return the capture of each layer of the first sub-pixel."""
    along = [float(v.vector("diffracted_vec", j) @ normal(v, j)) for j in range(layers)]
    j, p = np.arange(layers), np.array(along)
    captured: Array = np.exp(-j * step * mu / p) - np.exp(-(j + 1) * step * mu / p)
    return captured


def captures(v: View, thickness: float, layers: int, mu: float) -> Iterator[float]:
    """Yield the capture fractions that are right: the reference's last layer, nbcy's mean."""
    if v.side.blocks < layers:
        raise Unknown("layers")
    quirk = reproduces(v, "layer_capture")
    if quirk is not False:
        yield float(layer_captures(v, thickness / max(layers - 1, 1), layers, mu)[-1])
    if quirk:
        return
    each = layer_captures(v, thickness / layers, layers, mu)
    if layers == 1:
        yield float(each[0])
        return
    if steps_per_visit(v) != 1:
        raise Unknown("steps")  # the weights of the layers are not shown
    weights = np.zeros(layers)
    for b in range(v.side.blocks):
        weights[b % layers] += (v.number("F_cell", b) * v.number("F_latt", b)) ** 2
    yield float(weights @ each / weights.sum()) if weights.any() else float(each.mean())


@_rule("polar")
def _polar(v: View, i: int) -> Result:
    del i
    flagged = v.shows("oversample_polar") and v.number("oversample_polar") == 1.0
    sources = v.ruler.fact("sources")
    several = sources is not None and sources.numbers[0] != 1.0
    if several and (flagged or not v.shows("hkl_frac", 0)):
        raise Unknown("sources")  # that of a source that is not shown
    dmin = v.ruler.fact("dmin")
    if several and dmin is not None and dmin.numbers[0] > 0.0:
        raise Unknown("dmin")  # it may skip source 0 and not others
    rendered = [b for b in range(v.side.blocks) if v.shows("hkl_frac", b)]
    if not rendered:
        raise Unknown("hkl_frac")  # dmin skips every sub-pixel that is shown
    if v.says("nopolar", "yes"):
        return _one(1.0)
    block = v.side.blocks - 1 if flagged else rendered[0]
    incident, diffracted = v.vector("incident_vec", block), v.vector("diffracted_vec", block)
    kahn = kahn_factor(v)
    plane = polarization_plane(v, incident) if kahn else None
    return _one(polarization(kahn, incident, diffracted, plane))


def polarization_plane(v: View, incident: Array) -> Array:
    """Return beam × electric field for a source, not normalised."""
    field = v.ruler.fact("polarization_vector")
    if field is not None:
        return np.cross(incident, np.array(field.numbers))
    divergence = v.ruler.fact("divergence")
    if divergence is not None and any(divergence.numbers):
        raise Unknown("polarization_vector")  # the report gives it for the mean beam
    return v.numbers("polarization_normal")


@_rule("omega_pixel")
def _omega_pixel(v: View, i: int) -> Result:
    del i
    block = -1 if v.shows("oversample_omega") and v.number("oversample_omega") else 0
    return [v.vector("omega_pixel_sr", block)]


@_rule("cos_2theta")
def _cosine(v: View, i: int) -> Result:
    del i
    last = float(v.vector("incident_vec", -1) @ v.vector("diffracted_vec", -1))
    return _one(last)


@_rule("I_pixel_final")
def _photons(v: View, i: int) -> Result:
    del i
    product = v.number("r_e_sqr") * v.number("fluence_photons_per_m2")
    product *= v.number("I_before_scaling") / v.number("steps")
    for flag, key in zip(
        OVERSAMPLE_FLAGS, ("capture_fraction", "polar", "omega_pixel"), strict=True
    ):
        if not (v.shows(flag) and v.number(flag)):
            product *= v.number(key)
    if v.shows("background_photons"):
        product += v.number("background_photons")
    return _one(product)


@_rule("floatimage_accumulated")
def _float(v: View, i: int) -> Result:
    del i
    return _one(float(np.float32(v.number("I_pixel_final"))))


# Evaluating them ---------------------------------------------------------------------------------


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
        base = tolerance * scale_of(self.key, value) + (
            TINY if self._view.side.precision.single else 0.0
        )
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

SAFETY: Final = 8.0
"""Roundings that a number goes through inside a formula, for one when it is printed."""


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

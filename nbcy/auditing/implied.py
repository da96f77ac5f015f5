"""What a side does not print, but its numbers rest on: as it says, else as its keys imply."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from nbcy.auditing.formulas import interpolated_F, nearest_F, sinc_ratio
from nbcy.auditing.side import Array, Side
from nbcy.auditing.view import Unknown, View
from nbcy.base.cell import dual
from nbcy.crystal.structure_factors import HklGrid

MOST_CELLS: Final = 2000
"""Largest number of cells along an axis that is tried when a side does not say its own."""

MOST_CELLS_SINGLE: Final = 200
"""The same for a side in single precision, whose digits one of many numbers meets by chance."""


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
    return math.isclose(product, 1.0, rel_tol=max(1e-9, loose(v)))


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
    if len(guesses) == 2 and math.isclose(*guesses, rel_tol=loose(v)):
        return guesses[0]
    for guess in guesses:
        if on_grid(v, guess):
            return guess
    raise Unknown("pixel")


def loose(v: View) -> float:
    """Return the relative difference that the digits of the sides allow."""
    return 16.0 * max(v.side.precision.eps, v.other.precision.eps)


def on_grid(v: View, pixel: float) -> bool:
    """Whether the traced position is the centre of a sub-pixel of this size."""
    try:
        at = plane_position(v, 0)[:2] / pixel * oversample(v) - 0.5
    except Unknown:
        return False
    limit = max(1e-7, 64.0 * v.side.precision.eps * float(np.abs(at).max() + 1.0))
    return bool(np.all(np.abs(at - np.rint(at)) < limit))


def crystal_shape(v: View) -> str:
    """Return the crystal's shape: as said, else square when the factors of the axes are shown."""
    if v.ruler.fact("shape") is None and v.shows("F_latt_a"):
        return "square"
    return v.word("shape")


def kahn_factor(v: View) -> float:
    """Return K: as said, else 0 when a side's polarization needs no other."""
    try:
        return float(v.numbers("kahn")[0])
    except Unknown:
        pass
    for view in v.straight():
        try:
            c = float(view.vector("incident_vec") @ view.vector("diffracted_vec"))
            if math.isclose(view.number("polar"), 0.5 * (1.0 + c * c), rel_tol=max(loose(v), 1e-9)):
                return 0.0
        except Unknown:
            continue
    raise Unknown("kahn")


def cells_along(v: View, axis: int) -> float:
    """Return the number of cells along an axis: as said, else as both lattice factors imply it."""
    try:
        return float(v.numbers("cells", borrow=False)[axis])
    except Unknown:
        pass
    (mine, mine_unsigned), (theirs, theirs_unsigned) = (
        possible_cells(view, axis) for view in v.straight()
    )
    if (lent := v.lender.fact("cells")) is not None:
        if mine and lent.numbers[axis] not in mine:
            return float(min(mine))  # what the side shows is no number that the other one says
        return float(v.numbers("cells")[axis])
    # Digits in single precision are met by many numbers: the other side's word counts for more.
    alone = [mine, theirs] if v.ruler.precision.eps <= v.lender.precision.eps else [theirs, mine]
    unsigned = set(mine_unsigned) & set(theirs_unsigned)
    for choice in (set(mine) & set(theirs), alone[0], unsigned, alone[1], mine_unsigned):
        if choice:
            return float(min(choice))
    raise Unknown("cells")


def possible_cells(v: View, axis: int) -> tuple[list[int], list[int]]:
    """Return the whole numbers that explain every F_latt of an axis, and those but for its sign."""
    known = v.side.cells_seen
    state = hash(tuple((place, value.tobytes()) for place, value in v.side.corrected.items()))
    if (axis, state) not in known:
        known[axis, state] = _cells_that_fit(v, axis)
    return known[axis, state]


def _cells_that_fit(v: View, axis: int) -> tuple[list[int], list[int]]:
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


def unrotated_cell(v: View, i: int) -> list[Array]:
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


def layer_count(v: View) -> int:
    """Return the number of sensor layers: as said, else as the blocks' depths tell."""
    fact = v.fact("layers")
    return v.side.layers_seen if fact is None else round(fact.numbers[0])


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
            math.isclose(float(F[0]), value, rel_tol=max(1e-9, loose(v)))
            for value in (nearest_F(grid, at), interpolated_F(grid, hkl))
        ]
        if fits[0] != fits[1]:
            return fits[1]
    return None


def reproduces(v: View, quirk: str) -> bool | None:
    """Whether a side has a defect of the reference; None where that is not known."""
    if v.ruler.trace.prefix == "TRACE_C":
        return True
    fact = v.ruler.fact("quirks")
    return None if fact is None else quirk in str(fact.value).split()


def on_sphere(v: View, i: int) -> bool:
    """Whether the pixel is as far away as the detector: a curved one, or the near point."""
    try:
        r, close = v.number("R_distance_meters", i), v.number("close_distance_meters", i)
    except (Unknown, IndexError):
        return False
    return math.isclose(r, close, rel_tol=loose(v))


def layer_captures(v: View, step: float, layers: int, mu: float) -> Array:
    """Return the capture of each layer of the first sub-pixel."""
    along = [float(v.vector("diffracted_vec", j) @ normal(v, j)) for j in range(layers)]
    j, p = np.arange(layers), np.array(along)
    captured: Array = np.exp(-j * step * mu / p) - np.exp(-(j + 1) * step * mu / p)
    return captured


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


def polarization_plane(v: View, incident: Array) -> Array:
    """Return beam × electric field for a source, not normalised."""
    field = v.ruler.fact("polarization_vector")
    if field is not None:
        return np.cross(incident, np.array(field.numbers))
    divergence = v.ruler.fact("divergence")
    if divergence is not None and any(divergence.numbers):
        raise Unknown("polarization_vector")  # the report gives it for the mean beam
    return v.numbers("polarization_normal")

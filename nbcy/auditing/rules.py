"""How each key of a trace follows from the keys above it (trace 3.3).

A rule reads its inputs through a `View` and returns every value that would be right. The view notes
what was read, so that the propagation of rounding needs no table of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from nbcy.auditing.formulas import lattice_factor, polarization, sinc_ratio
from nbcy.auditing.implied import (
    cells_along,
    crystal_shape,
    interpolates,
    is_point_pixel,
    kahn_factor,
    layer_captures,
    layer_count,
    listed_F,
    loose,
    normal,
    on_sphere,
    oversample,
    pixel_size,
    plane_position,
    polarization_plane,
    reproduces,
    spindle_angles,
    steps_per_visit,
    unrotated_cell,
)
from nbcy.auditing.side import Array
from nbcy.auditing.view import OVERSAMPLE_FLAGS, Unknown, View
from nbcy.base.cell import dual
from nbcy.base.vectors import rotate

Result = list[Array]
Rule = Callable[[View, int], Result]
RULES: Final[dict[str, Rule]] = {}
"""Rule of each key that has one; it returns every value that would be right."""


def _rule(*names: str) -> Callable[[Rule], Rule]:
    def enter(rule: Rule) -> Rule:
        for name in names:
            RULES[name] = rule
        return rule

    return enter


def _one(x: float) -> Result:
    return [np.array([x])]


# The rules, in causal order ----------------------------------------------------------------------


_EDGE: Final = 0.1
"""Pixels by which a point may miss the edge that it lies on: rounding does not move it across."""


@_rule("pixel_pos_meters")
def _pixel_pos(v: View, i: int) -> Result:
    pix0, f, s = (v.vector(key, i) for key in ("pix0_vector_meters", "fdet_vec", "sdet_vec"))
    if v.says("curved", "yes"):
        return _curved_pos(v, i, pix0, f, s)
    if v.crossed:  # the same point of the detector, where this side has put the detector
        fast, slow, depth = plane_position(View(v.other, v.side), i)
        return [pix0 + fast * f + slow * s + depth * normal(v, i)]
    if not v.says("curved", "no") and (on_sphere(v, i) or on_sphere(View(v.other, v.side), i)):
        raise Unknown("curved")
    edge, layers = oversample(v), layer_count(v)
    sub = pixel_size(v) / edge
    along_fast, along_slow, depth = plane_position(v, i)
    if layers == 1:
        depth = 0.0
    traced = v.ruler.fact("pixel_traced")
    if traced is not None and v.side.blocks == edge * edge * layers:
        slow, fast = traced.numbers
        sub_slow, sub_fast = divmod(i // layers, edge)
        places = [((fast * edge + sub_fast + 0.5) * sub, (slow * edge + sub_slow + 0.5) * sub)]
    else:
        places = [
            tuple(
                (math.floor(along / sub + _EDGE) + 0.5) * sub for along in (along_fast, along_slow)
            )
        ]
        try:
            theirs = plane_position(View(v.other, v.side), i)
            places.append((float(theirs[0]), float(theirs[1])))
        except (Unknown, IndexError):
            pass
    return [pix0 + fast * f + slow * s + depth * normal(v, i) for fast, slow in places]


def _curved_pos(v: View, i: int, pix0: Array, f: Array, s: Array) -> Result:
    """Wrap the flat detector around the sample (physics 2.7)."""
    if layer_count(v) > 1:
        raise Unknown("layers")  # how deep each layer lies is not shown
    edge = oversample(v)
    sub = pixel_size(v) / edge
    close = v.number("close_distance_meters", i)
    traced = v.ruler.fact("pixel_traced")
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
            s for s, misfit in zip(sides, fits, strict=True) if misfit <= max(1e-9, 4.0 * loose(v))
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
    shape = v.ruler.fact("shape")
    square = shape is None or shape.value == "square"
    if square and all(v.shows(f"F_latt_{axis}", i) for axis in "abc"):
        return _one(math.prod(v.number(f"F_latt_{axis}", i) for axis in "abc"))
    fudge, cells = float(v.numbers("fudge")[0]), v.numbers("cells")
    hkl, name = v.vector("hkl_frac", i), crystal_shape(v)
    star = name == "gauss_star"
    name, quirk = ("gauss", True) if star else (name, reproduces(v, "star_radius"))
    results = [] if quirk else _one(lattice_factor(name, cells, hkl, fudge))
    if quirk is not False:
        stars = np.array([v.vector(f"rot_{axis}_star_A_inv", i) for axis in "abc"])
        results += _one(lattice_factor(name, cells, hkl, fudge, stars))
    return results


@_rule("F_cell")
def _amplitude(v: View, i: int) -> Result:
    if v.ruler.fact("spot_scale") is not None or v.ruler.fact("B_factor") is not None:
        raise Unknown("hkl_file")  # what is shown is more than the list
    return [np.array([F]) for F in listed_F(v, v.vector("hkl_rounded", i), v.vector("hkl_frac", i))]


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


@_rule("omega_pixel")
def _omega_pixel(v: View, i: int) -> Result:
    del i
    block = -1 if v.shows("oversample_omega") and v.number("oversample_omega") else 0
    return [v.vector("omega_pixel_sr", block)]


@_rule("cos_2theta")
def _cosine(v: View, i: int) -> Result:
    del i
    sources = v.ruler.fact("sources")
    if sources is not None and sources.numbers[0] > 1.0:
        raise Unknown("sources")  # that of the last source, which is not shown
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
    background = v.number("background_photons") if v.shows("background_photons") else 0.0
    results = _one(product + background)
    weighed = v.side.trace.extras.get("I_before_scaling_post_polar")
    if weighed and ("I_before_scaling", 0) not in v.replaced and v.number("polar"):
        with_polar = v.number("I_before_scaling") * v.number("polar")
        results += _one(product * weighed[0] / with_polar + background)
    return results


@_rule("floatimage_accumulated")
def _float(v: View, i: int) -> Result:
    del i
    photons = v.number("I_pixel_final")
    return [np.array([x]) for x in (float(np.float32(photons)), photons)]

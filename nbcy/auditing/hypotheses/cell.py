"""Hypotheses about the crystal's cell and orientation, down to h, k, l."""

from __future__ import annotations

import itertools
import math

import numpy as np

from nbcy.auditing.formulas import rotation_of
from nbcy.auditing.hypotheses.base import (
    CELL_KEYS,
    STAR_KEYS,
    Case,
    Proposals,
    hypothesis,
    say,
    xyz_angles,
)
from nbcy.auditing.hypotheses.turns import orientation_of, resting_stars
from nbcy.auditing.implied import spindle_angles
from nbcy.auditing.side import Array
from nbcy.auditing.view import Unknown, View
from nbcy.base.cell import cell_parameters, dual, impose_lengths, reciprocal_from_cell
from nbcy.base.vectors import rotate

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
            f"{len(angles)} φ steps, about the spindle {say(axis)}",
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
            f"{say(np.round(axis, 6))}: the last of {n} φ steps over {step * n / (n - 1):.6g}°",
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
    about=("phis",),
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
            f"cell {say(np.round(given, 6))} in {{y}}; "
            f"angles {say(np.round(off[3:], 6))}° in {{x}}",
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
            f"{say(np.round(axis, 6))}; "
            f"about x, y, z: {say(np.round(xyz_angles(mine, theirs), 6))}°",
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
            f"{say(np.round(axis, 6))}",
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
    turned = [orientation_of(resting_stars(c, side)) for side in (c.x, c.y)]
    if np.abs(turned[0] - turned[1]).max() > 64.0 * c.tolerance + 1e-9:
        return  # the orientation differs as well
    if np.allclose(mine, theirs, rtol=4.0 * c.tolerance):
        return
    # Supported by x's own reciprocal vectors, which speak of the same cell.
    if np.allclose(mine, stars, rtol=16.0 * c.tolerance):
        words = f"cell {{x}} {say(np.round(mine, 6))}, {{y}} {say(np.round(theirs, 6))}"
        yield c.value, words


# Miller indices ----------------------------------------------------------------------------------


@hypothesis(
    "hkl_from_reciprocal",
    ["hkl_frac"],
    "{x} takes h, k, l from the reciprocal vectors: a*·S instead of a·S",
    "h = a·s with the real vectors rot_a, rot_b, rot_c in {x}",
    formula=True,
)
def _hkl_from_reciprocal(c: Case) -> Proposals:
    stars, cell = c.shown(STAR_KEYS), np.array([c.of(key) for key in CELL_KEYS])
    s = c.of("scattering_vec_per_m")
    for rows, name in ((stars, "a*, b*, c*"), (dual(cell), "rotated a*, b*, c*")):
        for factor, unit in ((1e-10, "1/Å"), (1.0, "1/m"), (1e10, "1e10/m")):
            yield rows @ s * factor, f"{name} · scattering vector ({unit})"


@hypothesis(
    "half_scattering",
    ["scattering_vec_per_m", "hkl_frac"],
    "a factor 2 in the scattering vector: s/2 (sin θ/λ) is taken for s (1/d)",
    "s = (diffracted - incident)/λ, |s| = 1/d = 2 sin θ/λ, on both sides",
    directed=False,
)
def _half_scattering(c: Case) -> Proposals:
    for factor, text in ((0.5, "1/2"), (2.0, "2"), (math.pi, "π"), (1.0 / math.pi, "1/π")):
        yield c.target * factor, f"{c.key} {{x}} = {text} · {say(c.target)}"


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
        yield rounded + 0.0, f"{say(hkl)} {words} = {say(rounded + 0.0)}"

"""Hypotheses about the crystal's orientation, apart from its cell."""

from __future__ import annotations

import math

import numpy as np

from nbcy.auditing.formulas import rotation_of
from nbcy.auditing.hypotheses.base import CELL_KEYS, STAR_KEYS, Case, Proposals, hypothesis, say
from nbcy.auditing.hypotheses.turns import (
    matrix_of,
    mistaken,
    orientation_of,
    resting_stars,
    settings_of,
    spindle_turn,
    standard_stars,
    typed_angles,
)
from nbcy.auditing.side import Array
from nbcy.base.cell import cell_parameters, dual
from nbcy.base.vectors import rotate


def _rows(c: Case, stars: Array) -> Array:
    """Return what a set of a*, b*, c* makes of the key's three vectors."""
    if c.key in STAR_KEYS:
        return stars
    return dual(stars) @ spindle_turn(c, c.y).T


def _keys(c: Case) -> tuple[str, ...]:
    return STAR_KEYS if c.key in STAR_KEYS else CELL_KEYS


def _own_cell_as(c: Case, q: Array) -> Array:
    """Return x's own cell in an orientation."""
    cell = cell_parameters(dual(resting_stars(c, c.x)))
    return standard_stars(cell) @ q.T


@hypothesis(
    "orientation_lost",
    (*CELL_KEYS, *STAR_KEYS),
    "{x}'s cell stands in a standard setting: its orientation (matrix or misset) is ignored",
    "apply the orientation matrix, or misset, in {x}",
)
def _orientation_lost(c: Case) -> Proposals:
    cell = cell_parameters(dual(resting_stars(c, c.x)))
    for words, stars in settings_of(cell):
        for rows in (_rows(c, stars), _rows(c, stars) if c.key in STAR_KEYS else dual(stars)):
            if c.explains_rows(rows, _keys(c)):
                yield rows[c.axis], f"{{x}}'s vectors are those of the standard setting, {words}"


@hypothesis(
    "misset",
    (*CELL_KEYS, *STAR_KEYS),
    "{x} turns the crystal by misset otherwise: the orientation of the crystal differs",
    "misset turns about x, then y, then z, in degrees, before φ, in {x}",
)
def _misset(c: Case) -> Proposals:
    right = orientation_of(resting_stars(c, c.y))
    degrees = typed_angles(right, c.tolerance)
    rest = np.eye(3)
    said = c.y.fact("misset") or c.x.fact("misset")
    if said is not None and len(said.value) == 3:
        degrees = np.array(said.numbers)
        rest = matrix_of(np.radians(degrees)).T @ right
    if degrees is None:
        return
    for q, words in mistaken(degrees):
        rows = _rows(c, _own_cell_as(c, q @ rest))
        if c.explains_rows(rows, _keys(c)):
            yield rows[c.axis], f"misset {say(degrees)}°: {words}"


@hypothesis(
    "orientation_transposed",
    (*CELL_KEYS, *STAR_KEYS),
    "the orientation is transposed (inverse rotation) on one side",
    "turn the cell by the same matrix on both sides",
    directed=False,
)
def _orientation_transposed(c: Case) -> Proposals:
    rows = _rows(c, _own_cell_as(c, orientation_of(resting_stars(c, c.y)).T))
    if c.explains_rows(rows, _keys(c)):
        yield rows[c.axis], "{x}'s cell is turned by the transpose of {y}'s orientation"


@hypothesis(
    "phi_before_misset",
    CELL_KEYS,
    "{x} applies φ before misset (the spindle turns the cell before the orientation does)",
    "turn by misset (the orientation) first, then by φ about the spindle, in {x}",
)
def _phi_before_misset(c: Case) -> Proposals:
    q = orientation_of(resting_stars(c, c.y))
    turn = spindle_turn(c, c.y)
    if np.abs(turn - np.eye(3)).max() < 1e-7 + 16.0 * c.tolerance:
        return
    for swapped in (q @ turn @ q.T, q.T @ turn @ q):
        rows = dual(resting_stars(c, c.y)) @ swapped.T
        if c.explains_rows(rows, CELL_KEYS):
            yield rows[c.axis], "{x}: misset · φ · cell; {y}: φ · misset · cell"


@hypothesis(
    "spindle",
    CELL_KEYS,
    "the sides turn the crystal about different spindle axes",
    "give both sides the same -spindle_axis",
    directed=False,
)
def _spindle(c: Case) -> Proposals:
    stars = [resting_stars(c, side) for side in (c.x, c.y)]
    if np.abs(stars[0] - stars[1]).max() > 4.0 * c.tolerance * np.abs(stars[0]).max():
        return
    still = dual(stars[1])
    mine, theirs = (
        rotation_of(np.array([c.of(key, side) for key in CELL_KEYS]), still) for side in (c.x, c.y)
    )
    if min(mine[1], theirs[1]) < 1e-6 or abs(mine[1] - theirs[1]) > 1e-7 + 16.0 * c.tolerance:
        return
    words = f"both turn by {math.degrees(mine[1]):.9g}°, {{x}} about {say(np.round(mine[0], 6))}, "
    words += f"{{y}} about {say(np.round(theirs[0], 6))}"
    if np.allclose(mine[0], -theirs[0], atol=1e-6 + c.tolerance / mine[1]):
        words += ": the opposite sense (sign) of rotation"
    yield rotate(still, mine[0], mine[1])[c.axis], words


@hypothesis(
    "cell_and_orientation",
    (*CELL_KEYS, *STAR_KEYS),
    "the unit cells differ, and so does the orientation: the crystals are turned as well",
    "give both sides the same cell: and the same matrix, misset and φ",
    directed=False,
    fitted=True,
)
def _cell_and_orientation(c: Case) -> Proposals:
    stars = [resting_stars(c, side) for side in (c.x, c.y)]
    cells = [cell_parameters(dual(each)) for each in stars]
    q = [orientation_of(each) for each in stars]
    shown = c.shown(_keys(c))
    own = dual(stars[0]) if c.key in CELL_KEYS else stars[0]
    if np.allclose(cells[0], cells[1], rtol=4.0 * c.tolerance) or not np.allclose(
        cell_parameters(own), cell_parameters(shown), rtol=16.0 * c.tolerance
    ):
        return
    axis, angle, _ = rotation_of(q[0].T, q[1].T)
    if angle < 16.0 * c.tolerance + 1e-9:
        return
    yield (
        c.value,
        f"cell: {{x}} {say(np.round(cells[0], 6))}, {{y}} {say(np.round(cells[1], 6))}; crystal "
        f"rotation: turned by {math.degrees(angle):.9g}° about {say(np.round(axis, 6))}",
    )

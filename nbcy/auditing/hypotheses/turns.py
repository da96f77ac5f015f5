"""What programs make of rotations that are typed as angles about x, y, z."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from nbcy.auditing.formulas import rotation_of
from nbcy.auditing.hypotheses.base import CELL_KEYS, STAR_KEYS, Case
from nbcy.auditing.side import Array, Side
from nbcy.auditing.view import Unknown
from nbcy.base.cell import cell_parameters, dual, reciprocal_from_cell
from nbcy.base.vectors import rotate

_AXES = np.eye(3)


def matrix_of(angles: Array, order: str = "xyz") -> Array:
    """Return the matrix that turns columns about lab x, then y, then z (or another order), rad."""
    q = np.eye(3)
    for name in order:
        i = "xyz".index(name)
        q = rotate(q.T, _AXES[i], float(angles[i])).T
    return q


def angles_of(q: Array) -> Array:
    """Return the angles about x, then y, then z of a rotation matrix, rad."""
    return np.array(
        [
            math.atan2(q[2, 1], q[2, 2]),
            math.asin(max(-1.0, min(1.0, -q[2, 0]))),
            math.atan2(q[1, 0], q[0, 0]),
        ]
    )


def typed_angles(q: Array, slack: float = 1e-7) -> Array | None:
    """Return the angles of a rotation, degrees, where they are such as people type."""
    degrees = np.degrees(angles_of(q))
    typed: Array = np.round(degrees, 3).astype(np.float64)
    near = np.abs(degrees - typed) <= max(1e-7, math.degrees(slack))
    return typed if bool(np.all(near)) and slack < 1e-4 else None


def mistaken(degrees: Array) -> Iterator[tuple[Array, str]]:
    """Yield the rotations that a program may make of angles in degrees, with words for each."""
    right = np.radians(degrees)
    yield matrix_of(np.asarray(degrees)), "degrees are taken for radians (not converted)"
    yield matrix_of(np.radians(right)), "degrees are converted to radians twice"
    for signs in itertools.product((1.0, -1.0), repeat=3):
        if signs != (1.0, 1.0, 1.0):
            axes = ", ".join(n for n, s in zip("xyz", signs, strict=True) if s < 0.0)
            yield matrix_of(right * signs), f"opposite sign of the angle about {axes}"
    for order in ("xzy", "yxz", "yzx", "zxy", "zyx"):
        yield (
            matrix_of(right, order),
            f"rotations in the order {', '.join(order)} instead of x, y, z",
        )
    yield matrix_of(right).T, "the rotation matrix is transposed (inverse rotation)"
    for kept in itertools.product((1.0, 0.0), repeat=3):
        if any(kept) and kept != (1.0, 1.0, 1.0):
            axes = ", ".join(n for n, k in zip("xyz", kept, strict=True) if not k)
            yield matrix_of(right * kept), f"the rotation about {axes} is left out"
    yield np.eye(3), "not applied: left out"
    yield matrix_of(right) @ matrix_of(right), "applied twice"


def standard_stars(cell: Sequence[float]) -> Array:
    """Return rows a*, b*, c* with a* along x and b* in the xy plane, 1/Å."""
    a, b, c, *angles = cell
    alpha, beta, gamma = (math.radians(angle) for angle in angles)
    return np.array(reciprocal_from_cell((a, b, c), (alpha, beta, gamma)))


def settings_of(cell: Sequence[float]) -> Iterator[tuple[str, Array]]:
    """Yield the standard settings that programs put a cell in, as rows a*, b*, c*."""
    stars = standard_stars(cell)
    yield "a* along x, b* in the xy plane", stars
    a, b, c, *angles = cell
    cosines = np.cos(np.radians(angles))
    sine = math.sin(math.radians(angles[2]))
    x, y = c * cosines[1], c * (cosines[0] - cosines[1] * cosines[2]) / sine
    real = np.array(
        [
            [a, 0.0, 0.0],
            [b * cosines[2], b * sine, 0.0],
            [x, y, math.sqrt(max(c * c - x * x - y * y, 0.0))],
        ]
    )
    yield "a along x, c* along z: the PDB's", dual(real)
    yield "c along z, a* along x", dual(_turned_to(real, 2, 0))


def _turned_to(real: Array, along_z: int, star_along_x: int) -> Array:
    """Turn a cell so that one vector lies along z and one reciprocal vector along x."""
    z = real[along_z] / np.linalg.norm(real[along_z])
    star = dual(real)[star_along_x]
    x = star / np.linalg.norm(star)
    turned: Array = real @ np.array([x, np.cross(z, x), z]).T
    return turned


def resting_stars(c: Case, side: Side) -> Array:
    """Return a side's a*, b*, c* before the spindle turns."""
    rows = [side.used(key, c.block) for key in STAR_KEYS]
    if any(row is None for row in rows):
        rotated = [side.used(key, c.block) for key in CELL_KEYS]
        if any(row is None for row in rotated):
            raise Unknown(STAR_KEYS[0])
        return dual(np.array(rotated))
    return np.array(rows)


def orientation_of(stars: Array) -> Array:
    """Return the matrix that turns columns of the standard setting to where they are."""
    still = standard_stars(cell_parameters(dual(stars)))
    axis, angle, _ = rotation_of(stars, still)
    turn: Array = rotate(np.eye(3), axis, angle).T
    return turn


def spindle_turn(c: Case, side: Side) -> Array:
    """Return the rotation from a side's resting cell to the one it shows."""
    resting = dual(resting_stars(c, side))
    shown = np.array([side.used(key, c.block) for key in CELL_KEYS], dtype=np.float64)
    axis, angle, _ = rotation_of(shown, resting)
    turn: Array = rotate(np.eye(3), axis, angle).T
    return turn

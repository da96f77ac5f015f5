"""Hypotheses about the detector's axes and the beam: rotations, conventions, signs."""

from __future__ import annotations

import math

import numpy as np

from nbcy.auditing.formulas import rotation_of
from nbcy.auditing.hypotheses.base import Case, Proposals, hypothesis, say, xyz_angles
from nbcy.auditing.hypotheses.turns import mistaken, typed_angles
from nbcy.auditing.side import Array, Side
from nbcy.base.vectors import rotate
from nbcy.config.conventions import CONVENTIONS

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
        angles = xyz_angles(first, second)
        if all(abs(x - round(x, 2)) < 1e-6 + 1e2 * c.tolerance for x in angles):
            turned = rotate(c.target, axis, angle)
            yield (
                turned,
                f"{who}'s axes are the other's turned by {say(np.round(angles, 6))}° about x, y, z",
            )


def _proper(c: Case, side: Side) -> bool:
    """Whether axes and beam are unit vectors and the axes perpendicular, as far as they must be."""
    f, s, i = (c.of(key, side) for key in (*_AXES, "incident_vec"))
    slack = 1e-6 + c.tolerance
    unit = all(abs(float(np.linalg.norm(vector)) - 1.0) < slack for vector in (f, s, i))
    return unit and abs(float(f @ s)) < math.sin(math.radians(0.1))


@hypothesis(
    "detector_rotation",
    _AXES,
    "the detector rotations are taken otherwise in {x}",
    "rotx, roty, rotz in degrees, about x, then y, then z, then 2θ, in {x}",
)
def _detector_rotation_mistaken(c: Case) -> Proposals:
    theirs = np.array([c.of(key, c.y) for key in _AXES])
    for row in CONVENTIONS.values():
        base = np.array([row.fast, row.slow])
        axis, angle, misfit = rotation_of(theirs, base)
        if misfit > 4.0 * c.tolerance + 1e-9 or not 1e-6 < angle < math.radians(45.0):
            continue  # another convention is a right angle away
        degrees = typed_angles(rotate(np.eye(3), axis, angle).T, c.tolerance)
        if degrees is None:
            continue
        for q, words in mistaken(degrees):
            turned = base @ q.T
            if c.explains_rows(turned, _AXES):
                yield turned[_AXES.index(c.key)], f"rotx, roty, rotz {say(degrees)}°: {words}"


@hypothesis(
    "not_normalised",
    (*_AXES, "incident_vec", "diffracted_vec"),
    "{x}'s vector is not normalised: not of unit length",
    "divide the vector by its length in {x}",
)
def _not_normalised(c: Case) -> Proposals:
    length = float(np.linalg.norm(c.value))
    right = c.target / np.linalg.norm(c.target)
    words = f"length of {c.key}: {{x}} {length:.9g}, {{y}} {np.linalg.norm(c.target):.9g}"
    if length > 0.0 and c.tolerance < abs(length - 1.0) < 0.1:
        if abs(float(np.linalg.norm(c.target)) - 1.0) < 1e-12 + c.tolerance:
            yield right * length, f"{words}: the same direction"
        for digits in range(3, 9):
            typed: Array = np.round(right, digits).astype(np.float64)
            yield typed, f"{words}: as typed with {digits} decimals"
            # Nine digits and more do not come out alike by chance: a rounding of each component.
            half = 0.51 * 10.0**-digits
            if np.array_equal(c.value, np.round(c.value, digits)) and bool(
                np.all(np.abs(c.value - right) <= half)
            ):
                yield c.value, f"{words}: as typed with {digits} decimals"


@hypothesis(
    "beam_reversed",
    ["incident_vec"],
    "the beam vectors have opposite signs: one points to the source",
    "negate it on one side",
    directed=False,
)
def _beam_reversed(c: Case) -> Proposals:
    yield -c.target, "incident_vec {x} = -1 · {y}"


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
    words = f"{c.key} of {{x}} = {say(_vector_of(c, names))}: that of {', '.join(names)}; {others}"
    if c.key == "incident_vec" and axes and not set(axes) & set(beams):
        beam = np.array(CONVENTIONS[axes[0]].beam)
        along = float(c.of("pix0_vector_meters") @ beam)
        words += (
            f". {{x}} mixes conventions: its detector has the axes of {', '.join(axes)} and stands "
            f"along their beam, pix0 · {say(beam)} = {along:.9g} m"
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


@hypothesis(
    "detector_rotation",
    _AXES,
    "the detectors are turned against each other (other detector rotations, or convention)",
    "give both sides the same convention, detector rotations and 2θ",
    directed=False,
    fitted=True,
)
def _detector_turned(c: Case) -> Proposals:
    mine, theirs = c.shown(_AXES), np.array([c.of(key, c.y) for key in _AXES])
    axis, angle, misfit = rotation_of(mine, theirs)
    if misfit <= 16.0 * c.tolerance + 1e-12 and angle > 16.0 * c.tolerance:
        words = f"{{x}}'s axes are {{y}}'s turned by {math.degrees(angle):.9g}° about "
        yield rotate(c.target, axis, angle), words + say(np.round(axis, 6))


@hypothesis(
    "ghost_source",
    ["incident_vec", "lambda_meters"],
    "{x} has a ghost source: direction (0 0 0) or wavelength 0, an empty entry of its source list",
    "read the source list anew in {x}: each source needs a direction and a wavelength",
)
def _ghost_source(c: Case) -> Proposals:
    fact = c.x.fact("sources")
    count = f"; {{x}} counts {fact.numbers[0]:g} sources" if fact is not None else ""
    yield np.zeros_like(c.target), f"{c.key} of {{x}} is zero: no beam has that{count}"

"""Hypotheses about the detector's origin: beam centre, distance, pivot."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from nbcy.auditing.hypotheses.base import Case, Proposals, hypothesis, powers_of_ten, say
from nbcy.auditing.implied import components, pixel_size
from nbcy.auditing.side import Array

# Detector origin ---------------------------------------------------------------------------------

_ORIGIN = ("pix0_vector_meters",)


def _along(origin: Array, f: Array, s: Array, n: Array) -> tuple[float, float, float]:
    """Return F, S and distance of a detector's near point from its origin."""
    fast, slow, close = components(origin, f, s, n).tolist()
    return -fast, -slow, close


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
    close = abs(c.number("close_distance_meters"))
    if c.tolerance > 1e-7:
        return  # too few digits to tell one normal from another
    f, s = c.of("fdet_vec"), c.of("sdet_vec")
    theirs = [c.of(key, c.y) for key in ("pix0_vector_meters", "fdet_vec", "sdet_vec")]
    plane = np.cross(theirs[1], theirs[2])
    fast, slow, _ = components(theirs[0], theirs[1], theirs[2], plane)
    for near in (fast * f + slow * s,):
        used = (c.value - near) / close
        typed = np.round(used, 6)
        if (
            np.abs(used - typed).max() < 2e-7 + c.tolerance
            and 1e-7 < np.abs(typed - n).max() < 1e-3
        ):
            distance = float((c.value - near) @ typed) / float(typed @ typed)
            yield (
                near + distance * typed,
                f"the normal in {{x}} is {say(typed)} as typed; fast × slow is {say(n)}",
            )
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
        for factor, text in powers_of_ten(1, 2, 3):
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

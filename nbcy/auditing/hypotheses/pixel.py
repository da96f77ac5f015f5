"""Hypotheses about the pixel: its position, distance and solid angle."""

from __future__ import annotations

import itertools
import math

import numpy as np

from nbcy.auditing.formulas import polarization
from nbcy.auditing.hypotheses.base import Case, Proposals, hypothesis
from nbcy.auditing.implied import kahn_factor, oversample, pixel_size, polarization_plane
from nbcy.auditing.view import Unknown, View
from nbcy.base.vectors import rotate

_OMEGA = ("omega_pixel_sr", "omega_pixel")

# Position of the sub-pixel -----------------------------------------------------------------------


@hypothesis(
    "oversample",
    ["pixel_pos_meters"],
    "the sides sample other points of the pixel: different oversampling",
    "give both sides the same -oversample",
    directed=False,
    combines=True,
    about=("oversample",),
)
def _subpixel(c: Case) -> Proposals:
    if c.kind == "local":
        return
    f, s, _ = c.axes()
    pixel, pix0 = pixel_size(c.view), c.of("pix0_vector_meters")
    at = c.target - pix0
    if any(_is_edge(float(at @ axis) / pixel) for axis in (f, s)):
        return  # no sub-pixel's centre lies on the edge of the pixel
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


def _is_edge(pixels: float) -> bool:
    return abs(pixels - round(pixels)) < 0.05


@hypothesis(
    "pixel_corner",
    ["pixel_pos_meters"],
    "{x} takes another point of the pixel than its centre: half a pixel off",
    "add half a (sub-)pixel along fast and slow in {x}",
    formula=True,
)
def _pixel_corner(c: Case) -> Proposals:
    f, s, _ = c.axes()
    try:
        sub = pixel_size(c.view) / oversample(c.view)
    except Unknown:  # few digits of x's own
        sub = pixel_size(View(c.y, c.x)) / oversample(View(c.y, c.x))
    at = c.target - c.of("pix0_vector_meters")
    if any(_is_edge(float(at @ axis) / sub) for axis in (f, s)):
        return
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
    "obliquity_beam",
    _OMEGA,
    "{x}'s solid angle has cos 2θ in place of the obliquity close/R",
    "omega = pixel²/R² · close/R in {x}: the angle to the detector's normal, not to the beam",
    formula=True,
)
def _omega_with_cosine(c: Case) -> Proposals:
    cosine = float(c.of("incident_vec") @ c.of("diffracted_vec"))
    for words, factor in (("cos 2θ", cosine), ("cos³ 2θ", cosine**3), ("cos² 2θ", cosine**2)):
        yield (
            c.target / c.number("obliquity_factor") * factor,
            f"pixel²/R² · {words}, {words} = {factor:.9g}",
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

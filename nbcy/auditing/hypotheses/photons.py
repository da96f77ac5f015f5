"""Hypotheses about the photons in a pixel: capture, polarization, background, rounding."""

from __future__ import annotations

import itertools
import math

import numpy as np

from nbcy.auditing.expected import expect
from nbcy.auditing.formulas import polarization
from nbcy.auditing.hypotheses.base import Case, Proposals, chain_factors, hypothesis
from nbcy.auditing.hypotheses.scattering import unit_slip
from nbcy.auditing.implied import layer_captures, polarization_plane
from nbcy.auditing.rules import captures
from nbcy.auditing.side import Array
from nbcy.auditing.view import Unknown
from nbcy.config.conventions import CONVENTIONS


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
    cosine = c.x.used("cos_2theta")
    if cosine is not None:
        yield 1.0, f"polar = 1; {{x}}'s own cos_2theta = {cosine[0]:.9g} gives {c.target[0]:.9g}"
    else:
        yield 1.0, f"polar = 1: no polarization correction; {{y}} has {c.target[0]:.9g}"


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
    about=("kahn",),
)
def _kahn(c: Case) -> Proposals:
    incident, diffracted = (c.x.used(key, 0) for key in ("incident_vec", "diffracted_vec"))
    if incident is None or diffracted is None:
        return
    plain = polarization(0.0, incident, diffracted, None)
    eps = 16.0 * max(c.x.precision.eps, c.y.precision.eps) + c.x.half("polar") + c.y.half("polar")
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
    factors = chain_factors(c)
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
    "one_step_printed",
    ["I_before_scaling", "I_pixel_final"],
    "{x} prints the intensity of one step as I_before_scaling; its pixel rests on the sum of all",
    "print the sum over all steps",
)
def _one_step_printed(c: Case) -> Proposals:
    steps, printed = c.number("steps"), c.number("I_before_scaling")
    one = (float(c.each("F_cell")[-1]) * float(c.each("F_latt")[-1])) ** 2
    if steps <= c.x.blocks or one <= 0.0 or abs(printed / one - 1.0) > 16.0 * c.tolerance:
        return
    if c.key == "I_before_scaling":
        yield c.value, f"(F_cell·F_latt)² = {one:.9g} is that of one of {steps:g} steps"
    else:
        rest = float(c.value[0] / c.target[0]) * printed
        yield (
            c.value,
            f"(F_cell·F_latt)² = {one:.9g} is that of one of {steps:g} steps; "
            f"I_pixel_final rests on {rest:.9g}",
        )


@hypothesis(
    "default_F_squared",
    ["I_before_scaling", "I_pixel_final"],
    "{x} has the square of a structure factor (default_F²) once too often or not at all",
    "F_cell² enters the sum once, as it is, in {x}: no scale by default_F",
    formula=True,
)
def _default_F_squared(c: Case) -> Proposals:
    values = {"F_cell": float(c.each("F_cell")[-1])}
    for side in (c.x, c.y):
        if (fact := side.fact("default_F")) is not None:
            values["default_F"] = float(fact.numbers[0])
    for name, F in values.items():
        if F not in (0.0, 1.0):
            yield c.target * F * F, f"{name}² = {F * F:.9g} too much"
            yield c.target / (F * F), f"{name}² = {F * F:.9g} missing"
            yield c.target / F, f"{name} = {F:.9g} missing once"
            yield c.target * F, f"{name} = {F:.9g} too much once"


# An amplitude of 100 makes powers of ten as well: the last to be tried.
hypothesis(
    "unit_slip",
    ("F_cell", "I_before_scaling", "capture_fraction", "I_pixel_final"),
    "the sides differ by a power of ten: a slip of units",
    "use the key's unit on both sides",
    directed=False,
)(unit_slip)


@hypothesis(
    "background",
    ["I_pixel_final", "background_photons"],
    "{x} adds a background that {y} does not have",
    "give both sides the same background: -water, -stol and what goes with it",
    about=("water", "materials"),
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

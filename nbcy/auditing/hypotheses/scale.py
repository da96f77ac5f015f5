"""Hypotheses about the absolute scale: the sum over steps, r_e, fluence."""

from __future__ import annotations

import itertools
import math
from typing import Final

import numpy as np

from nbcy.auditing.expected import expect
from nbcy.auditing.hypotheses.base import Case, Proposals, chain_factors, hypothesis, powers_of_ten
from nbcy.base.constants import R_E, R_E_SQR

# Sum over steps ----------------------------------------------------------------------------------


@hypothesis(
    "factor_inside",
    ["I_before_scaling"],
    "{x}'s I_before_scaling already contains later factors of the chain",
    "print the sum of F_cell²·F_latt² before anything is multiplied into it",
    formula=True,
)
def _factor_inside(c: Case) -> Proposals:
    factors = chain_factors(c)
    singles = [(name,) for name in factors]
    implied = _sum_behind_pixel(c)
    for names in (
        *singles,
        *itertools.combinations(factors, 2),
        *itertools.combinations(factors, 3),
    ):
        product = math.prod(factors[name] for name in names)
        words = " · ".join(f"{name} ({factors[name]:.9g})" for name in names)
        if (
            implied
            and abs(c.value[0] / (implied * product) - 1.0) < 1e-9 + 16.0 * c.x.precision.eps
        ):
            yield (
                c.target * product,
                f"{{x}}'s I_pixel_final rests on a sum of {implied:.9g}, "
                f"{{x}} shows {c.value[0]:.9g}: "
                f"ratio {c.value[0] / implied:.9g} = {words}",
            )
        yield c.target * product, f"{{x}} shows {c.value[0]:.9g} = {c.target[0]:.9g} · {words}"


def _sum_behind_pixel(c: Case) -> float:
    """Return the I_before_scaling that leads to x's I_pixel_final, 0 where it cannot be told."""
    key = "I_before_scaling"
    per_unit = expect("I_pixel_final", c.x, c.y, 0, {(key, 0): np.ones(1)})
    photons = c.x.used("I_pixel_final")
    if per_unit is None or photons is None or not per_unit.values[0][0]:
        return 0.0
    return float(photons[0] / per_unit.values[0][0])


@hypothesis(
    "power_of_factors",
    ["I_before_scaling"],
    "{x} sums another power of F_cell or F_latt than the square",
    "sum F_cell²·F_latt² in {x}: amplitudes are squared",
    formula=True,
)
def _power_of_factors(c: Case) -> Proposals:
    F, L = c.each("F_cell"), c.each("F_latt")
    if c.number("steps") != c.x.blocks:
        yield c.target / F[-1], f"sum of F_cell·F_latt²: F_cell = {F[-1]:.9g} is not squared"
        return
    for p, q in ((1, 2), (2, 1), (1, 1), (0, 2), (2, 0), (4, 2), (2, 4)):
        yield float(np.sum(F**p * L**q)), f"sum of F_cell^{p}·F_latt^{q}"
    yield float(np.sum(F * L) ** 2), "(sum of F_cell·F_latt)²: added as amplitudes"


@hypothesis(
    "which_steps",
    ["I_before_scaling"],
    "{x} sums other steps than {y}",
    "sum every sub-pixel, source, φ and domain once",
    formula=True,
)
def _which_steps(c: Case) -> Proposals:
    each = (c.each("F_cell") * c.each("F_latt")) ** 2
    total = float(c.target[0])
    yield each[-1], "the last shown step alone"
    yield each[0], "the first shown step alone"
    yield total - each[0], "without the first shown step"
    yield total - each[-1], "without the last shown step"
    yield total + each[0], "the first shown step counted twice"


# Scaling -----------------------------------------------------------------------------------------

ELECTRON_RADII: Final = {
    "nanoBragg's": R_E,
    "CODATA 2022": 2.8179403205e-15,
    "CODATA 2018": 2.8179403262e-15,
    "CODATA 2014": 2.8179403227e-15,
    "CODATA 2010": 2.8179403267e-15,
    "CODATA 2006": 2.8179402894e-15,
    "CODATA 2002": 2.817940325e-15,
    "CODATA 1998": 2.817940285e-15,
    "CODATA 1986": 2.81794092e-15,
    "2.81794e-15": 2.81794e-15,
    "2.8179e-15": 2.8179e-15,
    "2.818e-15": 2.818e-15,
    "2.82e-15": 2.82e-15,
}
"""Classical electron radius in m, as programs have it."""


@hypothesis(
    "r_e_constant",
    ["r_e_meters", "r_e_sqr"],
    "the sides have different values of the classical electron radius",
    f"r_e = {R_E!r} m in both",
    directed=False,
)
def _r_e_constant(c: Case) -> Proposals:
    power = 1 if c.key == "r_e_meters" else 2
    shown = float(c.value[0]) ** (1.0 / power)
    for name, radius in sorted(ELECTRON_RADII.items(), key=lambda row: abs(row[1] - shown)):
        yield radius**power, f"r_e = {radius:.12g} m: {name}"


@hypothesis(
    "r_e_power", ["r_e_sqr"], "{x}'s r_e_sqr is not the square of r_e", "r_e² in {x}", formula=True
)
def _r_e_power(c: Case) -> Proposals:
    yield c.of("r_e_meters"), "r_e_sqr = r_e"
    yield R_E_SQR, f"r_e_sqr = {R_E_SQR!r} m², nanoBragg's, whatever r_e is printed"


@hypothesis(
    "fluence_default",
    ["fluence_photons_per_m2"],
    "{x} uses the default fluence: flux, exposure and beam size were not used",
    "give {x} -flux, -exposure and -beamsize (or -fluence) as {y} has them",
    about=("fluence",),
)
def _fluence_default(c: Case) -> Proposals:
    yield (
        1.0 / R_E_SQR,
        f"r_e² · fluence = {R_E_SQR:.9g} · {c.value[0]:.9g} = {R_E_SQR * c.value[0]:.9g}: the "
        f"value that makes it 1; {{y}} has {c.target[0]:.9g}. No slip of units gives this number",
    )


@hypothesis(
    "fluence_unit",
    ["fluence_photons_per_m2"],
    "the fluences differ by a power of ten: a slip of units in beam size, flux or exposure",
    "fluence = flux · exposure / beamsize², beam size in m",
    directed=False,
    combines=True,
    about=("fluence",),
)
def _fluence_unit(c: Case) -> Proposals:
    because = {
        1: "",
        2: ": beam size off by 10 (mm/cm)",
        3: ": exposure off by 1000 (s/ms)",
        4: ": beam size off by 100 (cm/m)",
        6: ": beam size off by 1000 (mm/m or µm/mm)",
        8: ": beam size off by 10⁴ (µm/cm)",
        12: ": beam size off by 10⁶ (µm/m)",
    }
    for factor, text in powers_of_ten(*because):
        exponent = round(abs(math.log10(factor)))
        yield c.target * factor, f"fluence {{x}} = {text} · {{y}}{because[exponent]}"


@hypothesis(
    "fluence_area",
    ["fluence_photons_per_m2"],
    "beam area: a square on one side, a circle on the other, or its radius taken for the diameter",
    "fluence = flux · exposure / beamsize²: a square top hat",
    directed=False,
    combines=True,
    about=("fluence",),
)
def _fluence_area(c: Case) -> Proposals:
    for factor, text in (
        (0.25 * math.pi, "π/4"),
        (4.0 / math.pi, "4/π"),
        (math.pi, "π"),
        (1.0 / math.pi, "1/π"),
        (4.0, "4: radius and diameter of the beam exchanged"),
        (0.25, "1/4: radius and diameter of the beam exchanged"),
    ):
        yield c.target * factor, f"fluence {{x}} = {text} · {c.target[0]:.9g}"


@hypothesis(
    "fluence_photons",
    ["fluence_photons_per_m2"],
    "{x}'s fluence is not divided by the beam's area, or not multiplied by the exposure",
    "fluence = flux · exposure / beamsize²",
)
def _fluence_photons(c: Case) -> Proposals:
    for side in (c.x, c.y):
        exposure, size = side.fact("exposure"), side.fact("beam_size")
        if size is not None:
            yield (
                c.target * size.numbers[0] ** 2,
                f"fluence · beamsize², beam size {size.numbers[0]:.9g} m",
            )
            yield c.target * size.numbers[0], f"divided once by beam size {size.numbers[0]:.9g} m"
        if exposure is not None:
            yield (
                c.target / exposure.numbers[0],
                f"without the exposure of {exposure.numbers[0]:.9g} s",
            )

"""Hypotheses about wavelength and scattering vector: constants, units, signs."""

from __future__ import annotations

import itertools
import math
from typing import Final

from nbcy.auditing.hypotheses.base import (
    CELL_KEYS,
    STAR_KEYS,
    Case,
    Proposals,
    hypothesis,
    powers_of_ten,
    say,
)
from nbcy.base.constants import EV_ANGSTROM
from nbcy.render.vocabulary import KEYS

# Wavelength and scattering vector ----------------------------------------------------------------


@hypothesis(
    "vector_reversed",
    ["diffracted_vec", "scattering_vec_per_m", "hkl_frac"],
    "{x}'s vector has the opposite sign",
    "diffracted points to the pixel, scattering = (diffracted - incident)/λ",
    formula=True,
)
def _vector_reversed(c: Case) -> Proposals:
    yield -c.target, f"{c.key} = -1 · {say(c.target)}"


ENERGY_CONSTANTS: Final = {
    "nanoBragg's 12398.42": EV_ANGSTROM,
    "CODATA 2018's 12398.419843": 12398.419843320026,
    "12398.4193": 12398.4193,
    "12398.424": 12398.424,
    "12398.425": 12398.425,
    "12398.4": 12398.4,
    "12398.0": 12398.0,
    "12400": 12400.0,
}
"""h·c in eV·Å as programs write it."""


@hypothesis(
    "energy_constant",
    ["lambda_meters"],
    "the sides turn energy into wavelength with different constants",
    "give both the wavelength, not the energy",
    directed=False,
)
def _energy_constant(c: Case) -> Proposals:
    for (mine, x), (theirs, y) in itertools.permutations(ENERGY_CONSTANTS.items(), 2):
        yield c.target * x / y, f"λ {{x}}/{{y}} = {x / y:.12g}: {mine} in {{x}}, {theirs} in {{y}}"


_LENGTHS = ("lambda_meters", "lambda_angstroms", "R_distance_meters", "close_distance_meters")


@hypothesis(
    "unit_slip",
    (
        *(*_LENGTHS, "pixel_pos_meters", *CELL_KEYS, *STAR_KEYS, "scattering_vec_per_m"),
        *("hkl_frac", "r_e_meters", "r_e_sqr", "omega_pixel_sr", "omega_pixel"),
    ),
    "the sides differ by a power of ten: a slip of units",
    "use the key's unit on both sides",
    directed=False,
)
def unit_slip(c: Case) -> Proposals:
    """Yield what slips by powers of ten make of a value."""
    for factor, text in powers_of_ten(1, 2, 3, 4, 6, 8, 9, 10, 12, 13, 20):
        yield c.target * factor, f"{c.key} {{x}} = {text} · {say(c.target)} {KEYS[c.key].unit}"


@hypothesis(
    "two_pi",
    ["scattering_vec_per_m", "hkl_frac", *STAR_KEYS],
    "one side has a factor 2π in its reciprocal vectors",
    "|s| = 1/d, without 2π, on both sides",
    directed=False,
)
def _two_pi(c: Case) -> Proposals:
    for factor, text in ((2.0 * math.pi, "2π"), (0.5 / math.pi, "1/2π")):
        yield c.target * factor, f"{c.key} {{x}} = {text} · {say(c.target)}"


@hypothesis(
    "scattering_formula",
    ["scattering_vec_per_m"],
    "{x} builds the scattering vector otherwise",
    "(diffracted - incident)/λ in {x}",
    formula=True,
)
def _scattering_formula(c: Case) -> Proposals:
    d, i, wavelength = c.of("diffracted_vec"), c.of("incident_vec"), c.number("lambda_meters")
    yield d / wavelength, "diffracted/λ: incident is not subtracted"
    yield d - i, "diffracted - incident: not divided by λ"
    yield (d + i) / wavelength, "(diffracted + incident)/λ: wrong sign of incident"
    yield (d - i) / (wavelength * 1e10), "divided by λ in Å: the value is in 1/Å"
    yield (d - i) * wavelength, "multiplied by λ"

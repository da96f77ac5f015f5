"""Hypotheses about amplitudes: lattice factor and structure factor."""

from __future__ import annotations

import math

import numpy as np

from nbcy.auditing.formulas import interpolated_F, lattice_factor, nearest_F, sinc_ratio
from nbcy.auditing.hypotheses.base import STAR_KEYS, Case, Proposals, hypothesis, say
from nbcy.auditing.implied import cells_along
from nbcy.auditing.view import View

# Lattice factor ----------------------------------------------------------------------------------

_LATTICE = ("F_latt_a", "F_latt_b", "F_latt_c")


@hypothesis(
    "sinc_sign",
    (*_LATTICE, "F_latt"),
    "only the sign of the lattice factor differs; its square counts",
    "none needed",
    directed=False,
)
def _sinc_sign(c: Case) -> Proposals:
    yield -c.target, f"{c.key} {{x}} = -1 · {say(c.target)}"


@hypothesis(
    "sinc_formula",
    _LATTICE,
    "{x} evaluates sin(πNh)/sin(πh) otherwise",
    "sin(πNh)/sin(πh), N at integers, in {x}",
    formula=True,
)
def _sinc_formula(c: Case) -> Proposals:
    n, x = cells_along(c.view, c.axis), float(c.of("hkl_frac")[c.axis])
    yield c.target / n, f"normalised: divided by N = {n:g}"
    sine = n * math.sin(math.pi * (x - round(x)) / n)
    if sine != 0.0:
        yield (
            math.sin(math.pi * (x - round(x))) / sine,
            f"normalised: sin(πx)/(N sin(πx/N)), x = h - round(h), N = {n:g}",
        )
    yield c.target**2, "squared"
    yield math.sin(n * x) / math.sin(x), "sin(Nh)/sin(h): without π"
    yield math.sin(math.pi * n * x), "sin(πNh): not divided by sin(πh)"
    yield np.sinc(n * x) * n, "N·sin(πNh)/(πNh): the sphere's or slit's form, not periodic"
    yield 1.0, "1: the axis is left out"


@hypothesis(
    "cells",
    _LATTICE,
    "the numbers of unit cells differ",
    "give both sides the same -Na -Nb -Nc",
    directed=False,
    about=("cells",),
)
def _cells(c: Case) -> Proposals:
    n, x = cells_along(View(c.y, c.x), c.axis), float(c.of("hkl_frac")[c.axis])
    others = [cells_along(View(c.y, c.x), i) for i in range(3)]
    # Few-digit lattice factors are met by chance by one of many N: try likely ones only.
    many = range(1, 301) if c.tolerance < 1e-7 else ()
    tried = dict.fromkeys([*others, n + 1, n - 1, 2 * n, n / 2, 1.0, *map(float, many)])
    for m in tried:
        if m >= 1 and m != n and m == round(m):
            wanted = float(sinc_ratio(m, x))
            slip = c.x.half("hkl_frac")
            reach = max(abs(float(sinc_ratio(m, x + d)) - wanted) for d in (slip, -slip))
            yield (
                c.value if abs(float(c.value[0]) - wanted) <= reach else wanted,
                f"sin(πNx)/sin(πx) at x = {x:.9g}: N = {m:g} in {{x}}, {n:g} in {{y}}",
            )


@hypothesis(
    "cells",
    ["F_latt"],
    "the numbers of unit cells differ",
    "give both sides the same -Na -Nb -Nc",
    directed=False,
    about=("cells",),
)
def _cells_of_all(c: Case) -> Proposals:
    """Where the axes are not shown: another N along all axes, or along one."""
    if all(c.x.printed(key, c.block) is not None for key in _LATTICE):
        return
    cells = np.array([cells_along(View(c.y, c.x), i) for i in range(3)])
    hkl = c.of("hkl_frac")
    for change in (1.0, -1.0, 2.0, -2.0, *cells, *(-0.5 * cells)):
        for axes in ([0, 1, 2], [0], [1], [2]):
            other = cells.copy()
            other[axes] += change
            if other.min() >= 1.0 and np.array_equal(other, np.rint(other)):
                words = f"N = {say(other)} in {{x}}, {say(cells)} in {{y}}, at hkl {say(hkl)}"
                yield lattice_factor("square", other, hkl, 1.0), words


@hypothesis(
    "shape",
    ["F_latt", *_LATTICE, "I_before_scaling"],
    "the crystals have different shapes",
    "give both sides the same shape: -square_xtal, -round_xtal, -gauss_xtal or -tophat_spots",
    directed=False,
    about=("shape",),
)
def _shape(c: Case) -> Proposals:
    cells = np.array([cells_along(c.view, i) for i in range(3)])
    if c.key in _LATTICE:
        n, x = cells[c.axis], float(c.of("hkl_frac")[c.axis])
        yield n * math.exp(-((n * (x - round(x))) ** 2) / 0.63), f"{{x}}: a Gaussian, N = {n:g}"
        return
    stars = c.shown(STAR_KEYS)
    if c.key == "F_latt":
        hkl, amplitude = [c.of("hkl_frac")], [1.0]
    else:
        if c.number("steps") != c.x.blocks or c.x.used("F_latt_a", 0) is not None:
            return
        hkl = [np.asarray(c.x.used("hkl_frac", i)) for i in range(c.x.blocks)]
        amplitude = c.each("F_cell").tolist()
    measure = float(c.value[0])

    def value(shape: str, fudge: float, with_stars: bool) -> float:
        factors = [
            lattice_factor(shape, cells, x, fudge, stars if with_stars else None) for x in hkl
        ]
        if c.key == "F_latt":
            return factors[0]
        return sum((F * L) ** 2 for F, L in zip(amplitude, factors, strict=True))

    fact = c.x.fact("fudge")
    for shape, quirk in (
        ("square", 0),
        ("round", 0),
        ("gauss", 0),
        ("gauss", 1),
        ("tophat", 0),
        ("tophat", 1),
    ):
        if shape == "square" and all(c.x.printed(key, c.block) is not None for key in _LATTICE):
            continue  # that it is square is how N is known
        name = f"{shape}{' with the quirk star_radius' if quirk else ''}"
        for fudge in (fact.numbers[0],) if fact is not None else (1.0,):
            yield value(shape, fudge, bool(quirk)), f"{{x}}: {name}, fudge {fudge:g}"
        if shape == "gauss" and fact is None and len(hkl) == 1 and measure > 0.0:
            # F_latt falls as exp(-fudge·ρ/0.63): a round fudge is an explanation, any other is not.
            peak, one = (value(shape, fudge, bool(quirk)) for fudge in (0.0, 1.0))
            fudge = math.log(measure / peak) / math.log(one / peak)
            if abs(fudge - float(f"{fudge:.2g}")) < 1e-6 * fudge:
                rounded = float(f"{fudge:.2g}")
                yield value(shape, rounded, bool(quirk)), f"{{x}}: {name}, fudge {rounded:g}"


@hypothesis(
    "lattice_product",
    ["F_latt"],
    "{x} combines the three axes otherwise",
    "F_latt = F_latt_a · F_latt_b · F_latt_c in {x}",
    formula=True,
)
def _lattice_product(c: Case) -> Proposals:
    a, b, d = (c.number(key) for key in _LATTICE)
    yield b * d, "without F_latt_a"
    yield a * d, "without F_latt_b"
    yield a * b, "without F_latt_c"
    yield (a * b * d) ** 2, "squared"
    yield a + b + d, "sum instead of product"
    cells = math.prod(cells_along(c.view, i) for i in range(3))
    yield a * b * d / cells, f"normalised: divided by Na·Nb·Nc = {cells:g}"


# Structure factor --------------------------------------------------------------------------------


@hypothesis(
    "default_F",
    ["F_cell"],
    "{x} does not have this reflection, or no structure factors at all: F_cell is the default",
    "load the same structure factors in {x} (-hkl)",
)
def _default_F(c: Case) -> Proposals:
    fact = c.x.fact("default_F")
    default = fact.numbers[0] if fact is not None else 0.0
    hkl = say(c.of("hkl_rounded"))
    yield default, f"F{hkl} = {c.target[0]:.9g} in {{y}}; {{x}} has {default:g}, its default_F"


@hypothesis(
    "amplitude_intensity",
    ["F_cell"],
    "amplitudes on one side, intensities on the other",
    "convert with a square root: nanoBragg takes amplitudes",
    directed=False,
)
def _amplitude_intensity(c: Case) -> Proposals:
    F = float(c.target[0])
    yield F * F, f"{{x}} = {F:.9g}²"
    if F > 0:
        yield math.sqrt(F), f"{{x}} = √{F:.9g}"


@hypothesis(
    "interpolation",
    ["F_cell"],
    "one side interpolates structure factors, the other takes the nearest reflection",
    "-interpolate or -nointerpolate on both sides",
    directed=False,
    about=("interpolation",),
)
def _interpolation(c: Case) -> Proposals:
    grid = c.x.grid or c.y.grid
    if grid is None:
        return
    hkl = c.of("hkl_frac")
    tricubic, nearest = interpolated_F(grid, hkl), nearest_F(grid, np.ceil(hkl - 0.5))
    words = f"tricubic at {say(hkl)}: {tricubic:.9g}; nearest reflection: {nearest:.9g}"
    if c.near(c.target, nearest):
        yield tricubic, f"{words}; {{x}} interpolates"
    if c.near(c.target, tricubic):
        yield nearest, f"{words}; {{x}} does not interpolate"


@hypothesis(
    "other_reflection",
    ["F_cell"],
    "{x} looks another reflection up",
    "F of hkl_rounded in {x}",
    formula=True,
)
def _other_reflection(c: Case) -> Proposals:
    grid = c.x.grid or c.y.grid
    if grid is None:
        return
    hkl, at = c.of("hkl_frac"), c.of("hkl_rounded")
    tried = {
        "the Friedel mate": -at,
        "cut off towards 0": np.trunc(hkl),
        "floor": np.floor(hkl),
        "ceil": np.ceil(hkl),
        "l k h": at[::-1],
        "k h l": at[[1, 0, 2]],
        "h l k": at[[0, 2, 1]],
    }
    for words, other in tried.items():
        F = nearest_F(grid, other)
        if grid.default_F != F and not np.array_equal(other, at):
            yield F, f"F{say(other)} = {F:.9g}: {words}"

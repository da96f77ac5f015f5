"""Hypotheses about steps: how many there are, and how they are weighed."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from nbcy.auditing.hypotheses.base import CELL_KEYS, Case, Proposals, hypothesis
from nbcy.auditing.implied import cells_along, oversample, pixel_size
from nbcy.auditing.side import Side, Tolerances
from nbcy.auditing.view import Unknown, View

TOLERANCES: Final = Tolerances()


def _automatic_oversample(c: Case) -> int | None:
    """Return ceil(3·L·pixel/(λ·distance)), the reference's own choice (physics 4.4)."""
    for view in (c.view, View(c.y, c.x)):
        try:
            cells = [cells_along(view, i) for i in range(3)]
            lengths = [float(np.linalg.norm(view.vector(key))) for key in CELL_KEYS]
            size = max(n * x for n, x in zip(cells, lengths, strict=True))
            ratio = next(c.ratios())
            distance = view.number("close_distance_meters") / ratio
            reciprocal = view.number("lambda_angstroms") * distance / pixel_size(view)
            return max(1, math.ceil(3.0 * size / reciprocal))
        except (Unknown, StopIteration):
            continue
    return None


@hypothesis(
    "sampling",
    ["steps"],
    "the sides sample differently",
    "give both sides the same sources, mosaic domains, φ steps and oversampling",
    directed=False,
)
def _sampling(c: Case) -> Proposals:
    counts = [_counts(side) for side in (c.x, c.y)]
    products = [math.prod(n for n in count.values()) for count in counts]
    if products != [c.value[0], c.target[0]]:
        return
    names = [name for name in counts[0] if counts[0][name] != counts[1][name]]
    if names != ["oversample²"]:
        words = [" · ".join(f"{n:g} {name}" for name, n in count.items()) for count in counts]
        yield products[0], f"{{x}} {words[0]} = {products[0]:g}; {{y}} {words[1]} = {products[1]:g}"


def _counts(side: Side) -> dict[str, float]:
    """Return the factors of steps, as a side says them."""
    counts: dict[str, float] = {}
    for name, words in (("sources", "sources"), ("domains", "domains")):
        counts[words] = _said(side, name)[0]
    counts["φ steps"] = float(len(_said(side, "phis")))
    counts["oversample²"] = _said(side, "oversample")[0] ** 2
    return counts


def _said(side: Side, name: str) -> tuple[float, ...]:
    fact = side.fact(name)
    if fact is None:
        raise Unknown(name)
    return fact.numbers


@hypothesis(
    "sources",
    ["steps"],
    "the sides count different numbers of sources",
    "give both sides the same source list; empty entries (ghost sources) do not count",
    directed=False,
    about=("sources",),
)
def _sources(c: Case) -> Proposals:
    for side, silent_side, flip in ((c.x, c.y, False), (c.y, c.x, True)):
        said, silent = side.fact("sources"), silent_side.fact("sources")
        if said is None or silent is not None or said.numbers[0] < 2.0:
            continue
        n = said.numbers[0]
        for m in range(1, 65):
            if m != n:
                says, other_side = ("{y}", "{x}") if flip else ("{x}", "{y}")
                yield (
                    c.target * (m / n if flip else n / m),
                    f"{says} counts {n:g} sources; the steps of {other_side} are those of {m}",
                )


@hypothesis(
    "oversample",
    ["steps"],
    "the sides oversample differently",
    "give both the same -oversample",
    directed=False,
    combines=True,
    about=("oversample",),
)
def _oversample(c: Case) -> Proposals:
    edges = [oversample(view) for view in (c.view, View(c.y, c.x))]
    if edges[0] == edges[1] and (
        c.x.blocks > 1 or (c.x.fact("oversample") and c.y.fact("oversample"))
    ):
        return  # both show the same sub-pixels
    automatic = _automatic_oversample(c)
    m = edges[1]
    fix = "give both the same -oversample"
    for n in range(1, 65):
        if n == m:
            continue
        words = (
            f"steps {{x}} {c.value[0]:.9g} = {c.target[0]:.9g} · ({n}/{m})²"
            if m > 1
            else (f"steps {{x}} {c.value[0]:.9g} = {c.target[0]:.9g} · {n}²")
        )
        words += f": oversampling {n} in {{x}}"
        if n == automatic:
            words += f", the automatic choice ceil(3 · {_size_words(c)}) = {n}"
            yield (
                c.target * (n / m) ** 2,
                words,
                f"give {{x}} -oversample {m}, or {{y}} -oversample {n}",
            )
        else:
            yield c.target * (n / m) ** 2, words, fix
        if m == 1:
            yield (
                c.target / n**2,
                f"steps {{x}} = {c.target[0]:.9g} / {n}²: oversampling {n} in {{y}}",
                fix,
            )


def _size_words(c: Case) -> str:
    for view in (c.view, View(c.y, c.x)):
        try:
            size = max(
                cells_along(view, i) * float(np.linalg.norm(view.vector(key)))
                for i, key in enumerate(CELL_KEYS)
            )
            distance = view.number("close_distance_meters") / next(c.ratios())
            pixel = view.number("lambda_angstroms") * distance / pixel_size(view)
            return f"{size:.6g} Å / {pixel:.6g} Å"
        except (Unknown, StopIteration):
            continue
    return "crystal size / reciprocal pixel"


@hypothesis(
    "steps_factor",
    ["steps"],
    "{x} leaves a factor out of the steps, or counts one too many",
    "steps = sources · domains · φ steps · oversample²; sensor layers do not count",
    formula=True,
)
def _steps_factor(c: Case) -> Proposals:
    sums = [c.number("I_before_scaling", side) for side in (c.x, c.y)]
    if c.kind == "cause" and not math.isclose(
        *sums, rel_tol=c.x.precision.tolerance("", TOLERANCES)
    ):
        return  # the sides have not summed the same steps
    names = {"sources": "sources", "domains": "mosaic domains", "layers": "sensor layers"}
    counts = {words: c.view.count(name) for name, words in names.items() if _says(c, name)}
    if _says(c, "phis"):
        counts["φ steps"] = len(c.view.numbers("phis"))
    for words, count in counts.items():
        if count > 1:
            yield c.target / count, f"{c.target[0]:.9g} / {count} {words}"
            yield c.target * count, f"{c.target[0]:.9g} · {count} {words}"
    if not _one_step_summed(c):
        yield 1.0, "steps = 1: the sum is not averaged"


def _one_step_summed(c: Case) -> bool:
    """Whether what is printed as the sum is that of the one step that is printed."""
    if c.x.blocks != 1:
        return False
    one = (c.number("F_cell") * c.number("F_latt")) ** 2
    return math.isclose(c.number("I_before_scaling"), one, rel_tol=1e-4)


@hypothesis(
    "steps_factor",
    ["steps"],
    "one side divides by more steps than it sums: ghost sources, mosaic domains or φ steps that "
    "add nothing, or the other side leaves a factor out",
    "steps = sources · domains · φ steps · oversample², each of which adds to the sum",
    directed=False,
)
def _steps_counted(c: Case) -> Proposals:
    sums = [c.number("I_before_scaling", side) for side in (c.x, c.y)]
    if not math.isclose(*sums, rel_tol=1e-4):
        return
    for view, other, who in ((c.value, c.target, "{x}"), (c.target, c.value, "{y}")):
        ratio = float(view[0] / other[0]) if other[0] else 0.0
        if ratio >= 2.0 and ratio == round(ratio):
            words = f"{who} counts {ratio:g} times as many steps, and both print the same sum"
            if _one_step_summed(c):
                words += ", which is (F_cell · F_latt)² of one step"
            yield c.value, words


def _says(c: Case, name: str) -> bool:
    return c.x.fact(name) is not None or c.y.fact(name) is not None


@hypothesis(
    "oversample_flag",
    ["oversample_thick", "oversample_polar", "oversample_omega"],
    "one side weighs this factor step by step",
    "give both sides the same -oversample_thick, -oversample_polar, -oversample_omega",
    directed=False,
)
def _oversample_flag(c: Case) -> Proposals:
    yield 1.0 - c.target, f"{c.key} is {c.value[0]:g} in {{x}}, {c.target[0]:g} in {{y}}"

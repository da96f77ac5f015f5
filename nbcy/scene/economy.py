"""What the kernel may leave out, and how precise it is: what pays, and what is sound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from nbcy.base.units import to_si
from nbcy.base.vectors import Vector
from nbcy.scene.amplitudes import amplitudes
from nbcy.scene.beam import illumination
from nbcy.scene.desk import Step
from nbcy.scene.lattice import cells, domains, rotation
from nbcy.scene.spots import COMPACT, TOPHAT_EDGE, Spots, spots

MAX_SINGLE_CELLS: Final = 100_000
"""Most cells along an axis in single precision: distances to a node below 1e-12 count as that, and
h, k, l round once less often than in double, which shows where N times h is 1e9."""

FEW_STEPS: Final = 8
"""With fewer steps a pixel, finding out which can be seen does not pay."""

MUCH_SEEN: Final = 0.025
"""Nor where a pixel sees a larger part of reciprocal space around its nodes."""

MUCH_SEEN_OF_SQUARE: Final = 0.15
"""The same of square crystals, whose steps cost more."""

REACH: Final = {"gauss": 20.0, "tophat": TOPHAT_EDGE}
"""rho beyond which nothing of a spot is worth mentioning."""


@dataclass(frozen=True)
class Economy:
    """What is not computed, or not in double.

    Attributes
    ----------
    dmin : float
        Finest spacing to render, m; 0 is off.
    cutoff : float
        Smallest part of the largest squared lattice factor of square crystals that counts; 0: any.
    skip : bool
        Leave out steps that add less than float32 can see, or than the cutoff.
    precision : str
        ``double`` or ``single``.
    """

    dmin: float
    cutoff: float
    skip: bool
    precision: str


def economy(step: Step) -> Economy:
    """Stage: precision, cutoff and skipping."""
    sampling, spot = step.config.sampling, step.take(spots)
    counts, interpolate = step.take(cells), step.take(amplitudes).interpolate
    steps = step.take(step_count)
    if step.config.sampling.average == "exact":
        return _of_exact(step)
    cutoff = _cutoff(step, spot, counts, interpolate, steps)
    skip = pays(spot, counts, interpolate, cutoff, steps)
    precision = _precision(step, spot.shape, counts, interpolate, skip)
    return Economy(to_si(sampling.dmin_angstrom, "angstrom"), cutoff, skip, precision)


def _of_exact(step: Step) -> Economy:
    """Return that of exact averages: in double, with a cutoff of their own."""
    sampling, why = step.config.sampling, "exact averages"
    for name, value, used in (
        ("cutoff", sampling.cutoff, 0.0),
        ("precision", sampling.precision, "double"),
    ):
        if value != used:
            step.ledger.note(f"sampling.{name} = {value} is not used: the average is exact")
        step.ledger.choose(f"sampling.{name}", used, "", "derived", why)
    dmin = to_si(sampling.dmin_angstrom, "angstrom")
    return Economy(dmin, 0.0, skip=False, precision="double")


def step_count(step: Step) -> int:
    """Stage: spindle steps times domains times sources."""
    turned, beam = step.take(rotation), step.take(illumination)
    phis, count = len(turned.phis), len(step.take(domains).mosaic)
    return phis * count * len(beam.wavelengths)


def pays(spot: Spots, counts: Vector, interpolate: bool, cutoff: float, steps: int) -> bool:
    """Whether finding out which steps can be seen pays."""
    if steps < FEW_STEPS:
        return False
    if spot.shape in COMPACT:
        return not (interpolate or spot.skew) and _part_seen(spot, counts) <= MUCH_SEEN
    return cutoff > 0.0 and _part_seen_of_square(counts, cutoff) < MUCH_SEEN_OF_SQUARE


def _part_seen(spot: Spots, counts: Vector) -> float:
    """Part of reciprocal space that lies within reach of the nodes."""
    # rho < reach is an ellipsoid; this is the radius, squared, of a sphere as large: a tiny fudge
    # overflows its cube
    radius = REACH[spot.shape] / spot.fudge / math.prod(float(n) for n in counts) ** (2 / 3)
    return 4.19 * math.pow(min(radius, 1e6), 1.5)


def _part_seen_of_square(counts: Vector, cutoff: float) -> float:
    """Part where the bound of csrc/nearby.h leaves out nothing of a square crystal."""
    distance = (np.arange(48) + 0.5) / 96.0
    h, k, l = (np.maximum(np.square(2.0 * n * distance), 1.0) for n in counts)  # noqa: E741
    return float(np.mean(h[:, None, None] * k[:, None] * l < 1.0 / cutoff))


def _cutoff(step: Step, spot: Spots, counts: Vector, interpolate: bool, steps: int) -> float:
    """Return what square crystals leave out; compact shapes have bounds of their own."""
    wanted: float = step.config.sampling.cutoff
    if wanted == 0.0:
        step.ledger.choose("sampling.cutoff", 0.0, "", "default", "")
        return 0.0
    unused = None
    if interpolate:
        unused = "it is not for interpolated structure factors"
    elif spot.shape != "square":
        unused = f"it is not for {spot.shape} crystals"
    elif not pays(spot, counts, interpolate, wanted, steps):
        unused = (
            "nothing is left out of fewer than eight phis x domains x sources, or of crystals so "
            "small that a pixel sees much of reciprocal space"
        )
    if unused is None:
        step.ledger.choose("sampling.cutoff", wanted, "", "given", "")
        return wanted
    step.ledger.note(f"sampling.cutoff is not used: {unused}")
    step.ledger.choose("sampling.cutoff", 0.0, "", "derived", unused)
    return 0.0


def _precision(step: Step, shape: str, counts: Vector, interpolate: bool, skip: bool) -> str:
    """Return the kernel's arithmetic: single is there for what most images are made of."""
    wanted: str = step.config.sampling.precision
    what = None
    if interpolate:
        what = "interpolated structure factors are computed in double"
    elif shape not in ("square", "gauss"):
        what = f"{shape} crystals are computed in double"
    elif max(counts) > MAX_SINGLE_CELLS:
        what = f"crystals of more than {MAX_SINGLE_CELLS} cells are computed in double"
    elif skip:
        what = "steps that are not left out are in double"
    if wanted == "single" and what is not None:
        step.ledger.note(f"sampling.precision = single is not used: {what}")
        step.ledger.choose("sampling.precision", "double", "", "derived", what)
        return "double"
    step.ledger.choose(
        "sampling.precision", wanted, "", "default" if wanted == "double" else "given", ""
    )
    return wanted

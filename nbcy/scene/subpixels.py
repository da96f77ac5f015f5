"""Sub-pixels: how finely a pixel is sampled (physics 4.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from nbcy.base.errors import ConfigError
from nbcy.scene.beam import wavelength
from nbcy.scene.desk import Step
from nbcy.scene.geometry import geometry
from nbcy.scene.lattice import sample_size

MAX_OVERSAMPLE: Final = 10_000
"""Most sub-pixels along an edge; a hundred million a pixel are a slip of units, not a plan."""


@dataclass(frozen=True)
class Subpixels:
    """How a pixel is cut up.

    Attributes
    ----------
    oversample, oversample_recommended : int
        Sub-pixels along each edge: used, and what the crystal's size calls for.
    oversample_omega, oversample_polar, oversample_thick : bool
        Evaluate the factor for each sub-pixel.
    """

    oversample: int
    oversample_recommended: int
    oversample_omega: bool
    oversample_polar: bool
    oversample_thick: bool


def subpixels(step: Step) -> Subpixels:
    """Stage: the sub-pixels along an edge."""
    sampling, ledger = step.config.sampling, step.ledger
    sample = max(step.take(sample_size))
    distance, pixel = step.take(geometry).nearest
    reciprocal_pixel = step.take(wavelength) * distance / pixel
    ratio = 3.0 * sample / reciprocal_pixel if reciprocal_pixel > 0.0 else math.inf
    recommended = max(1, math.ceil(min(ratio, 1e9)))
    wanted = sampling.oversample
    if (wanted or recommended) > MAX_OVERSAMPLE:
        raise ConfigError(
            "sampling.oversample",
            wanted or f"{recommended} (automatic)",
            f"must be at most {MAX_OVERSAMPLE}: the sample is {1e10 * sample:g} Angstrom, a pixel "
            f"{1e10 * reciprocal_pixel:g} Angstrom in reciprocal space; check the sample's size, "
            "or give a smaller number",
        )
    if wanted is None:
        ledger.choose(
            "sampling.oversample",
            recommended,
            "",
            "derived",
            "3 per fringe: ceil(3 * sample / (wavelength * distance / pixel))",
        )
    else:
        ledger.choose("sampling.oversample", wanted, "", "given", "")
        if wanted < recommended:
            ledger.note(
                f"sampling.oversample = {wanted} is coarse: the sample is {1e10 * sample:g} "
                f"Angstrom, a pixel {1e10 * reciprocal_pixel:g} Angstrom in reciprocal space; "
                f"{recommended} is recommended"
            )
    return Subpixels(
        wanted or recommended,
        recommended,
        sampling.oversample_omega,
        sampling.oversample_polar,
        sampling.oversample_thick,
    )

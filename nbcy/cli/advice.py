"""What the command line says of itself: long runs, images without photons, nanoBragg's defects."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from nbcy.config.conventions import CONVENTIONS
from nbcy.scene.interpolation import first_step_leaves_list

if TYPE_CHECKING:
    from nbcy.image.image import Image
    from nbcy.scene.scene import Scene

LONG_MINUTES: Final = 3.0
"""From which a run says how long it will take."""

_NANOSECONDS: Final = 3.0
"""Of one step on one processor (docs/speed.md); what is skipped takes less."""

DARK: Final = 0.1
"""Photons in the brightest pixel below which an image has none to speak of."""

_USUAL: Final = {"fluence": 1e24, "cells": 8000.0, "F": 100.0}
"""A focused free electron laser, 20 cells along each axis, a strong reflection of a protein."""


def long_run(scene: Scene, threads: int, frames: int = 1) -> str | None:
    """Say how long a run takes at most, and what makes it long; None for one that is short.

    Parameters
    ----------
    scene : Scene
    threads : int
        That render it.
    frames : int
        How many such images.
    """
    pixels = sum((r[1] - r[0] + 1) * (r[3] - r[2] + 1) for r in scene.regions)
    steps = pixels * scene.steps * scene.layers * frames
    minutes = steps * _NANOSECONDS * 1e-9 / threads / 60.0
    if minutes < LONG_MINUTES:
        return None
    factors = {
        f"{scene.oversample}² sub-pixels (sampling.oversample, -oversample)": scene.oversample**2,
        f"{scene.orientations.shape[1]} mosaic domains (-mosaic_domains)": (
            scene.orientations.shape[1]
        ),
        f"{len(scene.phis)} spindle steps (-phisteps)": len(scene.phis),
        f"{len(scene.wavelengths)} sources (-divsteps, -dispsteps, -sourcefile)": (
            len(scene.wavelengths)
        ),
        f"{scene.layers} sensor layers (-detector_thicksteps)": scene.layers,
    }
    most = max(factors, key=lambda text: factors[text])
    time = f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60.0:.3g} h"
    return f"this run may take up to {time}: {steps:.3g} steps, mostly because of {most}"


def too_dark(image: Image, limit: float = DARK) -> str | None:
    """Say why an image has no photons; None where its brightest pixel has as many as a limit."""
    scene = image.scene
    brightest = float(image.statistics().max)
    if brightest >= limit:
        return None
    if brightest == 0.0:
        return "every pixel is 0: check -dmin, -roi, -mask, and structure factors of 0"
    amplitude = float(np.abs(scene.hkl.data).max())
    cells = float(np.prod(scene.cells))
    short = {
        f"the fluence, {scene.fluence:g} photons/m² (-fluence, -flux, -beamsize)": (
            math.log10(_USUAL["fluence"] / max(scene.fluence, 1e-300))
        ),
        f"the size of the crystal, {'x'.join(map(str, scene.cells))} cells (-N, -samplesize)": (
            2.0 * math.log10(_USUAL["cells"] / cells)
        ),
        f"the structure factors, at most {amplitude:g} (-hkl, -default_F)": (
            2.0 * math.log10(_USUAL["F"] / max(amplitude, 1e-150))
        ),
    }
    reason = max(short, key=lambda text: short[text])
    enough = scene.fluence * 10.0 / brightest
    return (
        f"the brightest pixel has {brightest:.2g} photons, mostly because of {reason}; "
        f"-fluence {enough:.1g} would give it 10"
    )


def differs_from_reference(scene: Scene) -> Iterator[str]:
    """Yield how the reference's image would be another one, a line a quirk that is off."""
    for name, effect in _effects(scene):
        if name not in scene.config.quirks:
            yield f"nanoBragg differs here, and so does nbcy with -quirks {name}: {effect}"


def _effects(scene: Scene) -> Iterator[tuple[str, str]]:
    config, detector = scene.config, scene.config.detector
    if len(scene.phis) > 1 and (scene.phis == 0.0).any():
        yield "phi_carryover", "the step at φ = 0 has the orientation of the last step"
    if config.beam.source_file is not None and np.ptp(scene.sources.intensities) > 0.0:
        yield "source_weights", "every source counts the same, whatever its intensity"
    if scene.shape in ("gauss", "tophat"):
        yield "star_radius", f"the spots of {scene.shape} crystals have another radius"
    cell = config.crystal.cell_angstrom_deg
    if cell is not None and sum(angle != 90.0 for angle in cell[3:]) > 1:
        yield "triclinic_cell", "the cell's angles are off by up to some hundredths of a degree"
    if scene.water > 0.0:
        factor = scene.r_e_sqr * scene.fluence / scene.steps
        if abs(factor - 1.0) > 1e-6:
            yield "water_scaling", f"water is {factor:.2g} times as bright"
    if scene.thickness > 0.0:
        yield "layer_capture", "the sensor's layers reach too deep and count as the last one"
    imposed = CONVENTIONS[scene.placement.convention].pivot
    if detector.pivot is not None and imposed not in (None, detector.pivot):
        yield "pivot_override", f"the detector pivots on the {imposed}, -pivot is ignored"
    pix0 = scene.choices.get("detector.pix0")
    if detector.pix0_mm is not None and pix0 is not None and pix0.origin == "given":
        yield "pix0_ignored", "-pix0_vector is overwritten"
    if scene.interpolate and first_step_leaves_list(scene):
        yield "sticky_interpolation", "nothing is interpolated, as the first pixel is off the list"

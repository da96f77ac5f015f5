"""What a scene says about its image, as files of images and of geometry hold it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nbcy.base.units import to_si
from nbcy.base.vectors import frozen
from nbcy.formats.measurement import Measurement, across, stack

if TYPE_CHECKING:
    from nbcy.scene.coverage import Region
    from nbcy.scene.scene import Scene


def measurement_of_scene(scene: Scene) -> Measurement:
    """Collect what a scene says about its image."""
    config = scene.config
    sweep = scene.sweeps["phi"]
    wavelengths = scene.wavelengths
    mean = float(scene.weights @ wavelengths)
    turns = sweep.range > 0.0 or config.spindle.phi_deg != 0.0
    return Measurement(
        panels=scene.panels,
        beam=scene.beam,
        wavelength=mean,
        bandwidth=float(np.ptp(wavelengths)) / mean,
        polarization=across(scene.polarization, scene.beam),
        kahn_factor=None if scene.nopolar else scene.kahn_factor,
        spindle=scene.placement.spindle if turns else None,
        phi=to_si(config.spindle.phi_deg, "deg"),
        osc=sweep.range,
        exposure=config.beam.exposure_s,
        flux=config.beam.flux_photons_per_s or None,
        thickness=scene.thickness,
        invalid=unrendered(scene, scene.regions),
        cell=frozen(scene.cell.real * 1e-10),
        provenance={"config": config.to_dict()},
    )


def unrendered(scene: Scene, regions: Sequence[Region]) -> NDArray[np.bool_] | None:
    """Return the pixels that were not rendered: masked, or outside the regions of interest."""
    parts = []
    for n, (panel, region) in enumerate(zip(scene.panels, regions, strict=True)):
        fast_min, fast_max, slow_min, slow_max = region
        part = np.ones(panel.shape, dtype=bool)
        part[slow_min : slow_max + 1, fast_min : fast_max + 1] = False
        mask = scene.mask_of(n)
        parts.append(part if mask is None else part | (mask == 0))
    invalid: NDArray[np.bool_] = stack(parts, scene.panels, False)
    return invalid if invalid.any() else None

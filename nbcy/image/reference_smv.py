"""The SMV images that nanoBragg writes: scaled pixels, its rounding and its header."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

import numpy as np

from nbcy.base.constants import RTD
from nbcy.base.errors import NbcyWarning
from nbcy.formats.counts import ADC_OFFSET, SMV_SATURATED
from nbcy.formats.smv import SmvHeader, to_counts, write_smv

if TYPE_CHECKING:
    from nbcy.image.image import Image
    from nbcy.scene.scene import Scene


def save_reference_smv(
    image: Image,
    path: str | os.PathLike[str],
    scale: float | None = None,
    adc: float = ADC_OFFSET,
) -> None:
    """Write ``intimage.img`` or ``noiseimage.img`` as the reference does (physics 10.2, 10.4).

    Its header does not tell the offset; `Image.save` writes files that do.

    Parameters
    ----------
    image : Image
    path : path-like
    scale : float, optional
        What pixels are multiplied by; default `Image.default_scale`.
    adc : float
        What is added then.

    Raises
    ------
    FileError
        It cannot be written.

    Warns
    -----
    NbcyWarning
        Pixels beyond 16 bits.
    """
    factor = image.default_scale() if scale is None else scale
    stored = to_counts(image.pixels, factor, adc, image.roi)
    if above := int(np.count_nonzero(stored == SMV_SATURATED)):
        text = f"{above} pixels of {SMV_SATURATED} or more are stored as {SMV_SATURATED}"
        warnings.warn(text, NbcyWarning, stacklevel=2)
    write_smv(path, stored, smv_header(image.scene))


def smv_header(scene: Scene) -> SmvHeader:
    """Collect what an SMV header tells about a scene (formats 5)."""
    placement = scene.placement
    phi = scene.sweeps["phi"]
    x, y, z = placement.dials_origin
    wavelength = scene.illumination.wavelength
    return SmvHeader(
        pixel_mm=1000.0 * scene.panels[0].pixel_size,
        distance_mm=1000.0 * placement.distance,
        close_distance_mm=1000.0 * placement.close_distance,
        size_slow_mm=1000.0 * placement.size_slow,
        wavelength_angstrom=1e10 * float(wavelength),
        beam_center_mm=(1000.0 * placement.xbeam, 1000.0 * placement.ybeam),
        direct_beam_mm=(1000.0 * placement.fbeam, 1000.0 * placement.sbeam),
        dials_origin_mm=(1000.0 * x, 1000.0 * y, 1000.0 * z),
        org_px=(placement.orgx, placement.orgy),
        phi_deg=float(scene.config.spindle.phi_deg),
        osc_deg=RTD * phi.range,
        twotheta_deg=RTD * placement.twotheta,
    )

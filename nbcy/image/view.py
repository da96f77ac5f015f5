"""Pictures of frames: contrast, resolution rings, the beam and predicted spots, what is around."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import ConfigError
from nbcy.formats.measurement import unstack
from nbcy.formats.png import Contrast, enlarged, enlargement, max_pool
from nbcy.image.assembly import Assembly
from nbcy.image.local_background import local_background
from nbcy.image.margins import with_colour_bar, with_profile, with_title
from nbcy.image.marks import Pen, default_rings
from nbcy.image.prediction import Spots
from nbcy.image.resolution import radial_profile, resolution_map

if TYPE_CHECKING:
    from nbcy.formats.frames import Frame
    from nbcy.formats.measurement import Measurement
    from nbcy.image.resolution import Profile

MAX_SIZE: Final = 1600
"""Pixels along the longer edge of a picture, unless something else is asked for."""

MIN_SIZE: Final = 600
"""Pixels of a small image are drawn as squares, so that the longer edge comes near this."""

UNMEASURED: Final = (222, 214, 196)


def draw_view(
    frame: Frame,
    measurement: Measurement | None = None,
    *,
    rings: Sequence[float] | None = None,
    spots: Spots | None = None,
    max_size: int = MAX_SIZE,
    min_size: int = MIN_SIZE,
    low: float | None = None,
    high: float | None = None,
    linear: bool = False,
    subtract_background: bool = False,
    title: Sequence[str] = (),
    colour_bar: bool = False,
    profile: Profile | None = None,
) -> bytes:
    """Draw a frame as a PNG, dark spots on white.

    Parameters
    ----------
    frame : Frame
        Pixels that were not measured are drawn in a colour of their own.
    measurement : Measurement, optional
        Of the frame; without it there are no rings, and panels are drawn as they are stacked.
    rings : sequence of float, optional
        Spacings in Angstrom; default round numbers that fit, an empty one draws none.
    spots : Spots, optional
        From `predict_spots`; circles around where they should be.
    max_size : int
        Pixels along the longer edge; a larger image is shrunk, keeping the peaks.
    min_size : int
        Pixels of a smaller image are drawn as squares.
    low, high : float, optional
        What is white and what is black; default from the image (`Contrast.of`).
    linear : bool
        In place of a logarithmic scale.
    subtract_background : bool
        Draw what is above the median of the neighbourhood.
    title : sequence of str
        Written above.
    colour_bar : bool
        At the right: which value has which shade.
    profile : Profile, optional
        From `frame_profile`; drawn below.

    Returns
    -------
    bytes
        A PNG file.

    Raises
    ------
    ConfigError
        Impossible rings, size or limits, or rings without a measurement.
    """
    from PIL import Image

    if measurement is None and (rings or spots is not None):
        raise ConfigError("rings", rings, "need the geometry, which the file does not tell")
    for spacing in rings or ():
        if not (math.isfinite(spacing) and spacing > 0.0):
            raise ConfigError("rings", spacing, "must be positive, in Angstrom")
    pixels = frame.photons()
    if subtract_background:
        pixels -= _backgrounds(pixels, measurement)
    photons = pixels.astype(np.float32)
    photons[~np.isfinite(photons)] = np.nan
    assembly = None
    if measurement is not None:
        assembly = Assembly.of(measurement.panels, measurement)
        if len(measurement.panels) > 1:
            photons = assembly.draw(unstack(photons, measurement.panels))
    shown = max_pool(photons, max_size)
    contrast = Contrast.of(shown, low=low, high=high, linear=linear)
    min_size = min(min_size, max_size)
    picture = _coloured(shown, contrast, min_size)
    scale = enlargement(shown.shape, min_size) / math.ceil(max(photons.shape) / max_size)
    if measurement is not None and assembly is not None:
        pen = Pen(picture, measurement, assembly, scale)
        for spacing in default_rings(measurement) if rings is None else rings:
            pen.ring(spacing)
        if spots is not None:
            pen.spots(spots)
        pen.beam()
        pen.labels()
    if colour_bar:
        whole = bool((np.nan_to_num(shown) == np.rint(np.nan_to_num(shown))).all())
        unit = "counts" if whole and not subtract_background else "photons"
        picture = with_colour_bar(picture, contrast, unit)
    if profile is not None:
        picture = with_profile(picture, profile)
    if title:
        picture = with_title(picture, list(title))
    buffer = io.BytesIO()
    Image.Image.save(picture, buffer, "PNG")
    return buffer.getvalue()


def frame_profile(frame: Frame, measurement: Measurement) -> Profile:
    """Return a frame's pixels against resolution."""
    return radial_profile(frame.photons(), resolution_map(measurement))


def _coloured(shown: NDArray[np.float32], contrast: Contrast, min_size: int) -> Any:
    from PIL import Image

    levels = contrast.levels(shown)
    picture = np.repeat(levels[..., np.newaxis], 3, axis=-1)
    picture[np.isnan(shown)] = UNMEASURED
    return Image.fromarray(enlarged(picture, min_size))


def _backgrounds(
    pixels: NDArray[np.float64], measurement: Measurement | None
) -> NDArray[np.float64]:
    """Return the local background of each panel."""
    if measurement is None or len(measurement.panels) == 1:
        return local_background(pixels)
    background = np.zeros_like(pixels)
    for rows, panel in zip(measurement.rows, measurement.panels, strict=True):
        part = (rows, slice(0, panel.pixels_fast))
        background[part] = local_background(pixels[part])
    return background

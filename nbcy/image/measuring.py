"""What is known about an image, as files hold it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nbcy.formats.measurement import Measurement, stack
from nbcy.scene.measuring import measurement_of_scene, unrendered

if TYPE_CHECKING:
    from nbcy.image.image import Image


def measurement_of(image: Image) -> Measurement:
    """Collect what is known about an image.

    Parameters
    ----------
    image : Image
        A frame; the first, where there are several.
    """
    return replace(
        measurement_of_scene(image.scene),
        invalid=unrendered(image.scene, image.regions),
        provenance=dict(image.provenance),
    )


def stacked_pixels(image: Image) -> NDArray[np.float32]:
    """Return an image's pixels as a frame of shape (slow, fast)."""
    return stack(image.panels, image.scene.panels, 0.0)

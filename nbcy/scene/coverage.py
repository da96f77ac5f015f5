"""Which pixels are rendered: the mask and the region of interest (physics 9.7; formats 5.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import ConfigError
from nbcy.base.panel import PlacedPanel
from nbcy.scene.desk import Step
from nbcy.scene.geometry import geometry

Region = tuple[int, int, int, int]

ROI_NEEDS_ONE_PANEL: Final = (
    "needs a detector of one panel; to leave out parts of several, give the panels `masked`"
)


@dataclass(frozen=True, eq=False)
class Coverage:
    """What is rendered of the detector.

    Attributes
    ----------
    mask : ndarray of uint8, or None
        Pixels that are zero here are not computed. Shape (slow, fast); with several panels
        (pixels,), the panels one after another.
    roi : tuple of int, or None
        ``(fast_min, fast_max, slow_min, slow_max)``, inclusive, inside the detector; None with
        several panels, which are rendered whole.
    """

    mask: NDArray[np.uint8] | None
    roi: Region | None


def coverage(step: Step) -> Coverage:
    """Stage: mask and region of interest."""
    panels = step.take(geometry).panels
    return Coverage(_mask(step, panels), _roi(step, panels))


def _roi(step: Step, panels: tuple[PlacedPanel, ...]) -> Region | None:
    wanted, ledger = step.config.sampling.roi, step.ledger
    if len(panels) > 1:
        if wanted is not None:
            raise ConfigError("sampling.roi", wanted, ROI_NEEDS_ONE_PANEL)
        ledger.choose("sampling.roi", None, "", "default", "every panel")
        return None
    (panel,) = panels
    last_fast, last_slow = panel.pixels_fast - 1, panel.pixels_slow - 1
    whole = (0, last_fast, 0, last_slow)
    if wanted is None:
        ledger.choose("sampling.roi", whole, "", "default", "the whole detector")
        return whole
    fast_min, fast_max, slow_min, slow_max = wanted
    clipped = (fast_min, min(fast_max, last_fast), slow_min, min(slow_max, last_slow))
    if fast_min > last_fast or slow_min > last_slow:
        raise ConfigError(
            "sampling.roi",
            wanted,
            f"must overlap the detector: fast 0...{last_fast}, slow 0...{last_slow}",
        )
    ledger.choose("sampling.roi", clipped, "", "given", "inclusive, clipped to the detector")
    if clipped != wanted:
        ledger.note(f"sampling.roi = {wanted} is clipped to the detector: {clipped}")
    return clipped


def _mask(step: Step, panels: tuple[PlacedPanel, ...]) -> NDArray[np.uint8] | None:
    """Put masked rectangles and the mask file together, as 0 (skip) and 1."""
    detector = step.config.detector
    if detector.panels:
        named = [(f"detector.panels[{n}].", p.masked) for n, p in enumerate(detector.panels)]
    else:
        named = [("detector.", detector.masked)]
    if detector.mask_file is None and not any(rectangles for _, rectangles in named):
        return None
    if detector.mask_file is None:
        masks = [np.ones(panel.shape, dtype=np.uint8) for panel in panels]
    else:
        masks = [_of_shape(np.array(step.given("mask")), detector.mask_file, panels[0].shape)]
    for mask, (field, rectangles) in zip(masks, named, strict=True):
        for fast_min, fast_max, slow_min, slow_max in rectangles:
            if fast_max >= mask.shape[1] or slow_max >= mask.shape[0]:
                raise ConfigError(
                    f"{field}masked",
                    (fast_min, fast_max, slow_min, slow_max),
                    f"must lie on the {mask.shape[1]} x {mask.shape[0]} pixels (fast x slow)",
                )
            mask[slow_min : slow_max + 1, fast_min : fast_max + 1] = 0
    joined = masks[0] if len(masks) == 1 else np.concatenate([mask.ravel() for mask in masks])
    joined.setflags(write=False)
    return joined


def _of_shape(mask: NDArray[np.uint8], path: str, shape: tuple[int, int]) -> NDArray[np.uint8]:
    if mask.shape != shape:
        raise ConfigError(
            "detector.mask_file",
            path,
            f"must have the detector's shape (slow, fast) = {shape}, it has {mask.shape}",
        )
    return mask

"""Where two images differ: at which pixels, in which part, beyond which resolution."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from nbcy.auditing.relation_values import FEWEST, Array, Fit, Mask, Step
from nbcy.image.resolution import beam_radius, resolution_map

if TYPE_CHECKING:
    from nbcy.formats.measurement import Measurement

LISTED: Final = 5
"""So many differing pixels are listed one by one."""

DENSE: Final = 0.5
"""Share of the telling pixels that must differ in a part for the part to be named."""

PARTS: Final = ("rectangle", "beyond", "within")
"""Kinds of places that are a part of the detector, not of the values."""


def place(fit: Fit, y: Array, measurement: Measurement | None) -> Step | None:
    """Return what the pixels that do not obey have in common, None where they are scattered.

    Parameters
    ----------
    fit : Fit
    y : ndarray, shape (slow, fast)
        What was to be predicted.
    measurement : Measurement, optional
        Of ``y``; without it radii are about the middle of the image.
    """
    bad = ~fit.good
    count = int(bad.sum())
    if count == 0:
        return None
    if count <= LISTED:
        places = [(int(s), int(f)) for s, f in np.argwhere(bad)]
        listed = ", ".join(f"(slow {s}, fast {f})" for s, f in places)
        return Step("pixels", f"at {listed}", {"pixels": places})
    if (bright := _by_brightness(fit, bad, y)) is not None:
        return bright
    parts = [*_rectangle(bad, fit.telling), *_circle(bad, fit, measurement)]
    return max(parts, key=lambda part: part[0])[1] if parts else None


def _by_brightness(fit: Fit, bad: Mask, y: Array) -> Step | None:
    """Tell saturation, and faint pixels that were cut away."""
    others = fit.good & fit.telling
    if int(others.sum()) < FEWEST:
        return None
    value = fit.predicted
    count = int(bad.sum())
    if float(value[bad].min()) > float(value[others].max()):
        limit = float(value[bad].min())
        words = f"at the {count} brightest, saturated pixels ({limit:.7g} and more)"
        return Step("saturated", words, {"limit": limit, "pixels": count})
    if float(value[bad].max()) < float(value[others].min()) and len(np.unique(y[bad])) == 1:
        limit = float(value[bad].max())
        words = f"at the {count} faintest pixels (up to {limit:.7g}), which are {y[bad][0]:.7g}"
        return Step("faint", words, {"limit": limit, "pixels": count})
    return None


def _rectangle(bad: Mask, telling: Mask) -> Iterator[tuple[float, Step]]:
    rows, columns = (np.flatnonzero(bad.any(axis=axis)) for axis in (1, 0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    area = bad[box].size
    share = float(bad[box].sum()) / max(1, int((telling | bad)[box].sum()))
    if area > 0.5 * bad.size or share < DENSE or int(bad.sum()) < 0.2 * area:
        return
    ends = [int(end) for end in (rows[0], rows[-1], columns[0], columns[-1])]
    words = f"in slow {ends[0]} to {ends[1]}, fast {ends[2]} to {ends[3]}"
    yield share, Step("rectangle", words, dict(zip(("s0", "s1", "f0", "f1"), ends, strict=True)))


def _circle(bad: Mask, fit: Fit, measurement: Measurement | None) -> Iterator[tuple[float, Step]]:
    if measurement is not None and measurement.shape == bad.shape:
        spacing = resolution_map(measurement).astype(np.float64)
        radius = np.where(np.isnan(spacing), math.inf, 1.0 / spacing)
    else:
        measurement = None
        slow, fast = np.ogrid[: bad.shape[0], : bad.shape[1]]
        middle = [(size - 1) / 2.0 for size in bad.shape]
        radius = np.hypot(slow - middle[0], fast - middle[1])
    for kind, word in (("beyond", "beyond"), ("within", "within")):
        ends = radius[bad]
        limit = float(ends.min() if kind == "beyond" else ends.max())
        part = radius >= limit if kind == "beyond" else radius <= limit
        share = float(bad.sum()) / max(1, int((part & (fit.telling | bad)).sum()))
        clear = int((~part & fit.telling).sum()) >= FEWEST and float((~part).mean()) >= 0.05
        if share < DENSE or not clear:
            continue
        if measurement is None:
            words = f"{word} {limit:.5g} pixels from the middle of the image"
            yield share, Step(kind, words, {"radius_px": limit})
        else:
            d = 1.0 / limit if limit else math.inf
            pixels = beam_radius(measurement, d)
            words = f"{word} {d:.4g} Å ({pixels:.4g} pixels from the beam)"
            yield share, Step(kind, words, {"resolution_angstrom": d, "radius_px": pixels})

"""Where two images differ: at which pixels, in which part, beyond which resolution."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.auditing.relation_values import FEWEST, Array, Fit, Mask, Step
from nbcy.base.vectors import cross, dot
from nbcy.image.resolution import beam_radius, resolution_map

if TYPE_CHECKING:
    from nbcy.formats.measurement import Measurement

LISTED: Final = 5
"""So many differing pixels are listed one by one."""

DENSE: Final = 0.5
"""Share of the telling pixels that must differ in a part for the part to be named."""

PARTS: Final = ("rectangle", "beyond", "within", "phi streaks")
"""Kinds of places that are a part of the detector, not of the values."""

ALONG: Final = 0.9
"""Mean squared cosine between streaks and the way that spots move; at random it is one half."""


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
    if parts:
        return max(parts, key=lambda part: part[0])[1]
    return _streaks(bad, fit, y, measurement)


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


def _streaks(bad: Mask, fit: Fit, y: Array, measurement: Measurement | None) -> Step | None:
    """Tell whether the differences lie along the way on which spots move when the crystal turns."""
    if (
        measurement is None
        or measurement.spindle is None
        or len(measurement.panels) != 1
        or measurement.shape != bad.shape
    ):
        return None
    weight = np.where(bad, np.abs(np.nan_to_num(y - fit.predicted)), 0.0)
    weight = np.sqrt(weight)
    slope = np.gradient(weight)
    tensor = [_blurred(slope[i] * slope[j]) for i, j in ((0, 0), (0, 1), (1, 1))]
    # The structure tensor's small axis is the streak's.
    angle = 0.5 * np.arctan2(2.0 * tensor[1], tensor[0] - tensor[2]) + 0.5 * math.pi
    coherence = np.hypot(tensor[0] - tensor[2], 2.0 * tensor[1])
    strong = coherence > 0.05 * float(coherence.max(initial=0.0))
    if int(strong.sum()) < 4 * FEWEST:
        return None
    way = _ways(measurement)
    along = (np.cos(angle) * way[0] + np.sin(angle) * way[1]) ** 2
    cosine2 = float(np.average(along[strong], weights=coherence[strong]))
    elongation = float(np.average((coherence / (tensor[0] + tensor[2] + 1e-300))[strong]))
    if cosine2 < ALONG or elongation < DENSE:
        return None
    words = f"along the streaks on which spots move with φ (mean cos² {cosine2:.3f})"
    return Step("phi streaks", words, {"mean_squared_cosine": cosine2})


def _blurred(image: Array) -> Array:
    for axis in (0, 1):
        for _ in range(2):
            image = (np.roll(image, 1, axis) + image + np.roll(image, -1, axis)) / 3.0
    return image


def _ways(measurement: Measurement) -> NDArray[np.float64]:
    """Return the unit vectors (slow, fast) along which spots move with φ, of every pixel."""
    (panel,) = measurement.panels
    assert measurement.spindle is not None
    slow, fast = np.mgrid[: panel.pixels_slow, : panel.pixels_fast] + 0.5
    steps = np.stack((slow, fast), axis=-1) * panel.pixel_size
    rays = panel.origin + steps @ np.array([panel.slow, panel.fast])
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    turn = cross(np.broadcast_to(measurement.spindle, rays.shape), rays - measurement.beam)
    turn = turn - dot(turn, rays)[..., np.newaxis] * rays
    # On the panel's plane: a ray that turns moves along, not across it.
    lean = dot(turn, panel.normal) / dot(rays, panel.normal)
    moved = turn - lean[..., np.newaxis] * rays
    ways: NDArray[np.float64] = np.stack((dot(moved, panel.slow), dot(moved, panel.fast)))
    with np.errstate(invalid="ignore"):
        ways /= np.linalg.norm(ways, axis=0)
    return np.nan_to_num(ways)

"""How the values of one image follow from another's, pixel by pixel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

RTOL: Final = 2e-6
"""Relative difference of values that are the same: float32's rounding, twice, and a factor's."""

FLOOR: Final = 1e-12
"""The same as a fraction of the brightest pixel."""

FEWEST: Final = 8
"""Fewest pixels that differ from their background; fewer prove no relation."""

SIGMAS: Final = 6.0
"""How far off its expectation a sum may be that obeys Poisson's law."""

_SAMPLE = 20_000
_FAINT = 1e-6
_SLACK = 0.03
_MOST = 250_000
_HOPE = 0.02


@dataclass(frozen=True)
class Step:
    """One thing that is done to an image.

    Attributes
    ----------
    kind : str
        "scale", "transposed", "shifted", ...
    words : str
        For people.
    numbers : dict
        Its figures by name.
    """

    kind: str
    words: str
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Fit:
    """What makes the values of one image those of another.

    Attributes
    ----------
    steps : tuple of Step
        Empty where they are the same.
    good : ndarray of bool
        Pixels that obey.
    telling : ndarray of bool
        Pixels that differ from the background, so that obeying says something.
    predicted : ndarray
    """

    steps: tuple[Step, ...]
    good: Mask
    telling: Mask
    predicted: Array

    @property
    def share(self) -> float:
        """Fraction of the telling pixels that obey."""
        count = int(self.telling.sum())
        return int((self.good & self.telling).sum()) / count if count else 0.0

    def holds(self, fewest: int = FEWEST) -> bool:
        """Whether all pixels obey, and enough of them tell."""
        return bool(self.good.all()) and int(self.telling.sum()) >= fewest


@dataclass(frozen=True, eq=False)
class _Proposal:
    steps: tuple[Step, ...]
    predict: Callable[[Array], Array]
    tolerance: Callable[[Array], Array]


def exact_fit(x: Array, y: Array, fewest: int = FEWEST) -> Fit | None:
    """Return the simplest way in which every pixel of ``y`` follows from that of ``x``.

    Parameters
    ----------
    x, y : ndarray of one shape
        Pixels that are NaN in either are passed over.
    fewest : int
        Least number of pixels that differ from the background.
    """
    if not _promising(x, y):
        return None
    finite = np.isfinite(x) & np.isfinite(y)
    if int(finite.sum()) < fewest:
        return None
    a, b = x[finite], y[finite]
    small = _sample(a, b)
    for proposal in _exact_proposals(*small):
        if not _judge(proposal, *small).good.all():
            continue
        fit = _judge(proposal, a, b)
        if fit.holds(fewest):
            return _spread(fit, finite)
    return None


def partial_fits(x: Array, y: Array) -> list[Fit]:
    """Return how some pixels of ``y`` follow from those of ``x``, the simplest way first."""
    some = drawn(x, y, _SAMPLE)
    if len(some[0]) < FEWEST:
        return []
    trials = [(each, _judge(each, *some)) for each in _linear_proposals(*some)]
    likely = [each for each, trial in trials if trial.share > _HOPE]
    if not likely:
        return []
    finite = np.isfinite(x) & np.isfinite(y)
    a, b = x[finite], y[finite]
    return [_spread(_judge(each, a, b), finite) for each in likely]


def drawn(x: Array, y: Array, most: int) -> tuple[Array, Array]:
    """Return pixels that are numbers in both images; of large images, so many of them."""
    if x.size > most:
        rng = np.random.default_rng(0)
        places = tuple(rng.integers(0, size, most) for size in x.shape)
        x, y = x[places], y[places]
    finite = np.isfinite(x) & np.isfinite(y)
    return x[finite], y[finite]


def _promising(x: Array, y: Array) -> bool:
    """Whether some pixels nearly all obey one of the proposals: a look before the whole image."""
    a, b = drawn(x, y, _SAMPLE)
    return len(a) >= FEWEST and any(
        float(_judge(each, a, b).good.mean()) > 0.95 for each in _exact_proposals(a, b)
    )


def poisson_fit(x: Array, y: Array) -> tuple[Step, ...] | None:
    """Tell counts ``y`` from the expectation ``x`` that they were drawn from, up to a scale.

    Two images of counts may be draws of one expectation.
    """
    if x.size > _MOST and _poisson_steps(*drawn(x, y, _MOST)) is None:
        return None
    return _poisson_steps(*drawn(x, y, x.size))


def _poisson_steps(x: Array, y: Array) -> tuple[Step, ...] | None:
    if len(x) < 64 or not is_whole(y) or float(y.min()) < 0.0 or float(x.min()) < 0.0:
        return None
    if not float(x.sum()) > 0.0 or not _share_structure(x, y):
        return None
    for factor in (1.0, float(y.sum() / x.sum())):
        found = _chi_square(factor * x, y)
        if found is not None:
            step = _poisson_step("poisson", "with Poisson noise", *found)
            return (step,) if factor == 1.0 else (_scale(factor), step)
    if not is_whole(x):
        return None
    total = x + y
    some = total > 0.0
    chi2 = (x - y)[some] ** 2 / total[some]
    spread = math.sqrt(max(1.0, float((2.0 - 2.0 / total[some]).sum())))
    if abs(float(chi2.sum()) - len(chi2)) > SIGMAS * spread:
        return None
    words = "counted again: both are Poisson draws of one expectation"
    return (_poisson_step("redrawn", words, float(chi2.mean()), len(chi2)),)


def _poisson_step(kind: str, words: str, chi2: float, count: int) -> Step:
    tail = f" (χ² per pixel {chi2:.4g}, of {count} pixels)"
    return Step(kind, words + tail, {"chi_square_per_pixel": chi2, "pixels": count})


def _chi_square(expected: Array, counts: Array) -> tuple[float, int] | None:
    """Return χ² per pixel, None where the counts are no draws of the expectation."""
    faint = expected < 1.0
    dim = float(expected[faint].sum())
    if abs(float(counts[faint].sum()) - dim) > SIGMAS * math.sqrt(dim) + 1.0:
        return None
    bright = expected[~faint]
    if len(bright) < 16:
        return None
    terms = (counts[~faint] - bright) ** 2 / bright
    spread = math.sqrt(float((2.0 + 1.0 / bright).sum()))
    if abs(float(terms.sum()) - len(terms)) > SIGMAS * spread:
        return None
    return float(terms.mean()), len(terms)


def compressed(pixels: Array) -> Array:
    """Return pixels on a scale on which few bright ones do not decide alone; NaN becomes 0."""
    finite = np.isfinite(pixels)
    middle = float(np.median(pixels[finite])) if finite.any() else 0.0
    deviation = np.where(finite, pixels - middle, 0.0)
    size = float(np.quantile(np.abs(deviation), 0.9)) or float(np.abs(deviation).max()) or 1.0
    squeezed: Array = np.arcsinh(deviation / size)
    return squeezed - float(squeezed.mean())


def correlation(x: Array, y: Array) -> tuple[float, float]:
    """Return Pearson's correlation of `compressed` images, and by how many pixels it is carried."""
    step = math.ceil(math.sqrt(x.size / _MOST)) if x.ndim == 2 else 1
    a, b = (compressed(image[::step, ::step] if x.ndim == 2 else image) for image in (x, y))
    a2, b2 = a * a, b * b
    norm = math.sqrt(float(a2.sum()) * float(b2.sum()))
    if not norm > 0.0:
        return 0.0, 0.0
    carriers = min(float(v.sum()) ** 2 / float((v * v).sum()) for v in (a2, b2))
    return float((a * b).sum()) / norm, carriers


def _share_structure(x: Array, y: Array) -> bool:
    r, carriers = correlation(np.sqrt(x + 0.375), np.sqrt(y + 0.375))
    return carriers >= FEWEST and r * math.sqrt(carriers) > SIGMAS


def is_whole(values: Array) -> bool:
    """Whether all are integers, but for NaN."""
    return bool(((values == np.rint(values)) | np.isnan(values)).all())


def _sample(a: Array, b: Array) -> tuple[Array, Array]:
    if a.size <= _SAMPLE:
        return a, b
    some = np.random.default_rng(0).integers(0, a.size, _SAMPLE)
    bright = np.concatenate([np.argpartition(v, -500)[-500:] for v in (a, b)])
    chosen = np.concatenate((some, bright))
    return a[chosen], b[chosen]


def _spread(fit: Fit, finite: Mask) -> Fit:
    """Put the figures of the finite pixels back into the shape of the image."""

    def whole(values: NDArray[Any], other: Any) -> NDArray[Any]:
        image = np.full(finite.shape, other, values.dtype)
        image[finite] = values
        return image

    return Fit(
        fit.steps,
        whole(fit.good, True),
        whole(fit.telling, False),
        whole(fit.predicted, math.nan),
    )


def _judge(proposal: _Proposal, x: Array, y: Array) -> Fit:
    with np.errstate(invalid="ignore", over="ignore"):
        predicted = proposal.predict(x)
        allowed = proposal.tolerance(x)
    good = np.abs(predicted - y) <= allowed
    telling = np.zeros(y.shape, dtype=np.bool_)
    for values in (predicted, y):
        deviation = np.abs(values - np.median(values))
        telling |= deviation > 10.0 * allowed + _FAINT * float(deviation.max())
    cap = float(y.max())
    capped = (y == cap) & (predicted > cap + allowed)
    steps = proposal.steps
    proven = int((good & telling).sum()) >= FEWEST
    if proven and int(capped.sum()) >= 2 and bool((good | capped).all()):
        count = int(capped.sum())
        words = f"cut off at {cap:.9g} ({count} pixels)"
        steps = (*steps, Step("saturation", words, {"limit": cap, "pixels": count}))
        good = good | capped
    return Fit(steps, good, telling, predicted)


def _scale(factor: float) -> Step:
    return Step("scale", f"times {factor:.7g}", {"factor": factor})


def _offset(offset: float) -> Step:
    words = f"plus {offset:.7g}" if offset >= 0.0 else f"minus {-offset:.7g}"
    return Step("offset", words, {"offset": offset})


def _linear(k: float, b: float, before: tuple[Step, ...] = (), root: Any = None) -> _Proposal:
    """Propose ``k f(x) + b``, f the identity or what ``root`` says."""
    steps = list(before)
    if k != 1.0:
        steps.append(_scale(k))
    if b != 0.0:
        steps.append(_offset(b))

    def inner(x: Array) -> Array:
        return x if root is None else np.asarray(root(x), dtype=np.float64)

    def tolerance(x: Array) -> Array:
        scaled = np.abs(k * inner(x))
        return RTOL * (scaled + abs(b)) + FLOOR * float(np.nanmax(scaled, initial=0.0))

    return _Proposal(tuple(steps), lambda x: k * inner(x) + b, tolerance)


def _exact_proposals(x: Array, y: Array) -> Iterator[_Proposal]:
    yield from _linear_proposals(x, y)
    if float(x.min()) >= 0.0 and float(y.min()) >= 0.0:
        for kind, words, root in (
            ("square root", "as its square root", np.sqrt),
            ("square", "squared", np.square),
        ):
            k = _common_factor(root(x), y)
            if k is not None:
                yield _linear(k, 0.0, (Step(kind, words),), root)
    if is_whole(y):
        yield from _rounded_proposals(x, y)


def _linear_proposals(x: Array, y: Array) -> Iterator[_Proposal]:
    yield _linear(1.0, 0.0)
    factor = _common_factor(x, y)
    if factor is not None and factor != 1.0:
        yield _linear(factor, 0.0)
    size = float(np.median(np.abs(x) + np.abs(y)))
    offset = _densest(y - x, RTOL * size + FLOOR * float(np.abs(y).max()))
    if offset != 0.0:
        yield _linear(1.0, offset)
    slope = _common_slope(x, y)
    if slope is not None and slope != 1.0:
        offset = _densest(y - slope * x, RTOL * size + FLOOR * float(np.abs(y).max()))
        yield _linear(*_refined(x, y, slope, offset))


def _densest(values: Array, half_width: float) -> float:
    """Return the median of the values in the densest window."""
    ranked = np.sort(values)
    ends = np.searchsorted(ranked, ranked + 2.0 * half_width, side="right")
    start = int(np.argmax(ends - np.arange(len(ranked))))
    return float(np.median(ranked[start : ends[start]]))


def _common_factor(x: Array, y: Array) -> float | None:
    """Return the commonest ratio y/x."""
    usable = (x != 0.0) & (y != 0.0)
    if int(usable.sum()) < 2:
        return None
    with np.errstate(over="ignore", under="ignore"):
        ratios = y[usable] / x[usable]
    return _densest_ratio(ratios)


def _densest_ratio(ratios: Array) -> float | None:
    sign = 1.0 if float(np.median(ratios)) > 0.0 else -1.0
    ratios = sign * ratios
    ratios = ratios[(ratios > 1e-200) & (ratios < 1e200)]
    if not len(ratios):
        return None
    return _nice(sign * math.exp(_densest(np.log(ratios), 0.5 * RTOL)))


def _common_slope(x: Array, y: Array) -> float | None:
    """Return the commonest slope between pairs of pixels far apart in x."""
    order = np.argsort(x, kind="stable")
    half = len(order) // 2
    low, high = order[:half], order[-half:]
    rise, run = y[high] - y[low], x[high] - x[low]
    usable = (run > 1e-3 * float(np.ptp(x))) & (rise != 0.0)
    if int(usable.sum()) < 2:
        return None
    return _densest_ratio(rise[usable] / run[usable])


def _refined(x: Array, y: Array, k: float, b: float) -> tuple[float, float]:
    """Fit slope and offset again to the pixels that nearly obey."""
    size = np.abs(k * x) + abs(b)
    near = (np.abs(k * x + b - y) <= 10.0 * RTOL * size) & (size > 0.0)
    if int(near.sum()) < FEWEST:
        return k, b
    weight = 1.0 / size[near]
    design = np.stack((x[near], np.ones(int(near.sum()))), axis=1) * weight[:, np.newaxis]
    found = np.linalg.lstsq(design, y[near] * weight, rcond=None)[0]
    return _nice(float(found[0])), _nice(float(found[1]))


def _nice(number: float) -> float:
    """Return six digits of a number that has hardly more."""
    near = float(f"{number:.6g}")
    return near if abs(number - near) <= 0.05 * RTOL * abs(number) else number


def _rounded_proposals(x: Array, y: Array) -> Iterator[_Proposal]:
    """Propose integers of k x + b: to the nearest, or with the fraction dropped."""
    below = y < y.max() if float(y.max()) > 0.0 else np.ones(len(y), bool)
    if int((y == y.max()).sum()) < 2:
        below[:] = True
    x, y = x[below], y[below]
    if len(x) < 2 or float(np.ptp(x)) == 0.0:
        return
    slope = float(np.polyfit(x - x.mean(), y, 1)[0])
    narrowest = _narrowest(x, y, slope)
    for k in (1.0, *(float(f"{narrowest:.{digits}g}") for digits in range(1, 12)), narrowest):
        rest = y - k * x
        low, high = float(rest.max()), float(rest.min()) + 1.0  # of b in floor(k x + b)
        slack = _SLACK if k == narrowest else 1e-9
        if low > high + slack:
            continue
        nearest, cut = (math.ceil(low - half - slack) for half in (0.5, 0.0))
        if nearest <= high - 0.5 + slack:
            yield _rounded(_linear(k, float(nearest)), "rounded to integers", 0.0)
        elif cut <= high + slack:
            yield _rounded(_linear(k, float(cut)), "cut to integers", -0.5)
        elif k == narrowest:
            yield _rounded(_linear(k, 0.5 * (low + high) - 0.5), "rounded to integers", 0.0)


def _rounded(plain: _Proposal, words: str, shift: float) -> _Proposal:
    return _Proposal(
        (*plain.steps, Step("rounding", words)),
        lambda x: plain.predict(x) + shift,
        lambda x: 0.5 + _SLACK + plain.tolerance(x),
    )


def _narrowest(x: Array, y: Array, near: float) -> float:
    """Return the slope k, near a guess, that leaves y - k x the least range (convex in k)."""
    margin = 4.0 / float(np.ptp(x))
    low, high = near - margin, near + margin

    def width(k: float) -> float:
        return float(np.ptp(y - k * x))

    for _ in range(60):
        third = (high - low) / 3.0
        if width(low + third) < width(high - third):
            high -= third
        else:
            low += third
    return 0.5 * (low + high)

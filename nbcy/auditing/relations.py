"""The relation between two images: transposed, shifted, scaled, rounded, noisy, binned, ...

An arrangement (which pixel of one image is which of the other) and a way in which values follow are
looked for together, the simplest pair first. A relation is named where every pixel obeys it, or
most do and the others lie somewhere that can be named, or where a test of it could have failed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nbcy.auditing.relation_places import PARTS, place
from nbcy.auditing.relation_values import (
    FEWEST,
    SIGMAS,
    Array,
    Step,
    compressed,
    correlation,
    exact_fit,
    is_whole,
    partial_fits,
    poisson_fit,
)

if TYPE_CHECKING:
    from nbcy.formats.measurement import Measurement

MOST: Final = 0.5
"""Share of the telling pixels that must obey, where the others lie nowhere in particular."""

MOST_COUNTS: Final = 0.9
"""The same for integers, of which some agree by chance."""

SOME: Final = 0.05
"""The same where the others have a place of their own."""

ALIKE: Final = 0.1
"""Unexplained variance, against that of the images as they stand, of what nearly holds."""

CORRELATED: Final = 0.9

_WINDOW = 512
_LEAST_OVERLAP = 0.25
_DTYPES = ("<f4", "<u2", "<i2", "<u4", "<i4", "<f8")


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Pixels of one image beside those of the other that they belong to.

    Attributes
    ----------
    steps : tuple of Step
        What is done to the first image.
    x, y : ndarray of one shape
    whole : bool
        Whether ``y`` is the whole second image.
    fewest : int
        How many telling pixels prove it.
    """

    steps: tuple[Step, ...]
    x: Array
    y: Array
    whole: bool = True
    fewest: int = FEWEST


@dataclass(frozen=True, eq=False)
class Relation:
    """What makes one image the other.

    Attributes
    ----------
    steps : tuple of Step
        In the order in which they are done; empty for images that are the same.
    reverse : bool
        A follows from B, not B from A.
    share : float
        Of the pixels that tell, those that obey; 1 for all.
    others : int
        Pixels that do not obey.
    place : Step or None
        Where those are.
    nearly : float or None
        The correlation, where the relation holds not exactly but far better than none.
    """

    steps: tuple[Step, ...]
    reverse: bool = False
    share: float = 1.0
    others: int = 0
    place: Step | None = None
    nearly: float | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The steps' kinds."""
        return tuple(step.kind for step in self.steps)

    def __repr__(self) -> str:
        return f"<Relation: {self.to_text()}>"

    def to_text(self, a: str = "A", b: str = "B") -> str:
        """Return the relation in one sentence, with names for the images."""
        first, second = (b, a)[:: -1 if self.reverse else 1]
        about = "" if self.nearly is None else "nearly "
        if self.steps:
            words = f"{first} is {about}{second}, " + ", ".join(s.words for s in self.steps)
        else:
            words = f"{first} is the same as {second}"
        if self.nearly is not None:
            return f"{words} (correlation {self.nearly:.5f})."
        if not self.others:
            return f"{words}."
        where = "at places of no pattern" if self.place is None else self.place.words
        pixels = "1 pixel" if self.others == 1 else f"{self.others} pixels"
        return f"{words}, except {pixels}, {where}."

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "words": self.to_text(),
            "steps": [{"kind": step.kind, **step.numbers} for step in self.steps],
            "of": "B" if self.reverse else "A",
            "share": self.share,
            "others": self.others,
            "place": None
            if self.place is None
            else {"kind": self.place.kind, **self.place.numbers},
            "correlation": self.nearly,
        }


def find_relation(
    a: Array,
    b: Array,
    measurements: tuple[Measurement | None, Measurement | None] = (None, None),
) -> Relation | None:
    """Look for what makes one image the other.

    Parameters
    ----------
    a, b : ndarray, shape (slow, fast)
        Of any shapes; NaN where nothing was measured.
    measurements : tuple of Measurement or None
        Of each, for places of differences in terms of resolution.

    Returns
    -------
    Relation or None
        None where the images are independent, as far as can be told.
    """
    images = a.astype(np.float64, copy=False), b.astype(np.float64, copy=False)
    pairs = [(images, measurements[1], False), (images[::-1], measurements[0], True)]
    if a.shape == b.shape and np.array_equal(*images, equal_nan=True):
        return Relation(())
    in_place = (_turned, _reshaped, _binned, _swapped, _wrapped)
    for (x, y), _, reverse in pairs:
        found = _exact(arrangement for family in in_place for arrangement in family(x, y))
        if found is not None:
            return Relation(found, reverse)
    for (x, y), _, reverse in pairs:  # before shifts are looked for, which takes longer
        if (noisy := _noisy(_turned(x, y), reverse)) is not None:
            partial = _partial(_turned(x, y), None, reverse)
            return partial if partial is not None and _in_part(partial) else noisy
    for (x, y), _, reverse in pairs:
        if reverse and x.shape == y.shape and not is_whole(y):
            continue  # it was found the other way round
        if (found := _exact(_shifted(x, y))) is not None:
            return Relation(found, reverse)
    for (x, y), measurement, reverse in pairs:
        moved = _best_shift(x, y)
        candidates = _Candidates(x, y, moved)
        partial = _partial(candidates, measurement, reverse)
        if partial is not None and _in_part(partial):
            return partial
        relation = _noisy(candidates, reverse) or partial
        relation = relation or (None if reverse else _nearly(candidates))
        if relation is not None:
            return relation
    return None


def _exact(arrangements: Iterable[Arrangement]) -> tuple[Step, ...] | None:
    """Return the steps after which every pixel is the other image's."""
    for arrangement in arrangements:
        fit = exact_fit(arrangement.x, arrangement.y, arrangement.fewest)
        if fit is not None:
            return (*arrangement.steps, *fit.steps)
    return None


def _in_part(relation: Relation) -> bool:
    """Whether the pixels that do not obey are a part of the detector."""
    return relation.place is not None and relation.place.kind in PARTS


def _partial(
    candidates: Iterable[Arrangement], measurement: Measurement | None, reverse: bool
) -> Relation | None:
    """Find the relation that most pixels obey, or those outside a part that can be named."""
    best: Relation | None = None
    for arrangement in candidates:
        here = measurement if arrangement.whole else None
        for fit in partial_fits(arrangement.x, arrangement.y):
            proven = int((fit.good & fit.telling).sum()) >= 2 * arrangement.fewest
            if not proven or fit.share <= max(SOME, best.share if best else 0.0):
                continue
            where = place(fit, arrangement.y, here)
            most = MOST_COUNTS if is_whole(arrangement.y) else MOST
            if fit.share >= (SOME if where is not None and where.kind in PARTS else most):
                others = int((~fit.good).sum())
                steps = (*arrangement.steps, *fit.steps)
                best = Relation(steps, reverse, fit.share, others, where)
    return best


def _noisy(candidates: Iterable[Arrangement], reverse: bool) -> Relation | None:
    """Find the expectation of counts."""
    for arrangement in candidates:
        steps = poisson_fit(arrangement.x, arrangement.y)
        if steps is not None:
            return Relation((*arrangement.steps, *steps), reverse)
    return None


def _nearly(candidates: Iterable[Arrangement]) -> Relation | None:
    """Find an arrangement that leaves a tenth of the variance that the images as they stand do."""
    plain, chosen, best = 1.0, None, 1.0
    for arrangement in candidates:
        r, carriers = correlation(arrangement.x, arrangement.y)
        unexplained = 1.0 - r * abs(r)
        if not arrangement.steps:
            plain = best = unexplained
        proven = carriers >= FEWEST and r >= CORRELATED and r * math.sqrt(carriers) > SIGMAS
        if proven and arrangement.steps and unexplained < (0.5 if chosen else ALIKE) * best:
            chosen, best = arrangement, unexplained
    if chosen is None or best > ALIKE * plain:
        return None
    fit = exact_fit(chosen.x, chosen.y, chosen.fewest)
    if fit is not None:
        return Relation((*chosen.steps, *fit.steps))
    return Relation(chosen.steps, nearly=math.sqrt(max(0.0, 1.0 - best)))


def turns(x: Array) -> Iterator[tuple[tuple[Step, ...], Array]]:
    """Yield an image as it stands, transposed, mirrored and rotated."""
    yield (), x
    yield (Step("transposed", "transposed"),), x.T
    yield (Step("mirrored fast", "mirrored along the fast axis"),), x[:, ::-1]
    yield (Step("mirrored slow", "mirrored along the slow axis"),), x[::-1]
    half = Step("rotated", "rotated by 180°", {"degrees": 180})
    yield (half,), x[::-1, ::-1]
    for quarters, way in ((1, "anticlockwise"), (-1, "clockwise")):
        words = f"rotated by 90° {way} (slow drawn downwards)"
        yield (Step("rotated", words, {"degrees": -90 * quarters}),), np.rot90(x, quarters)
    yield (Step("transposed", "transposed"), half), x[::-1, ::-1].T


def _turned(x: Array, y: Array) -> Iterator[Arrangement]:
    for steps, turned in turns(x):
        if turned.shape == y.shape:
            yield Arrangement(steps, turned, y)


def _reshaped(x: Array, y: Array) -> Iterator[Arrangement]:
    """Take the same pixels one after another, in rows of another length."""
    if x.size == y.size and x.shape != y.shape:
        sizes = [" x ".join(map(str, image.shape)) for image in (x, y)]
        words = f"its pixels one after another as {sizes[1]} in place of {sizes[0]}"
        step = Step("reshaped", words, {"shape": list(y.shape)})
        yield Arrangement((step,), x.reshape(y.shape), y)


def _binned(x: Array, y: Array) -> Iterator[Arrangement]:
    for steps, turned in turns(x):
        factor = [big // small for big, small in zip(turned.shape, y.shape, strict=True)]
        if factor == [1, 1] or 0 in factor:
            continue
        if any(n // m != k for n, m, k in zip(turned.shape, factor, y.shape, strict=True)):
            continue
        blocks = turned[: factor[0] * y.shape[0], : factor[1] * y.shape[1]].reshape(
            y.shape[0], factor[0], y.shape[1], factor[1]
        )
        size = f"{factor[0]} x {factor[1]}"
        numbers = {"factor": factor}
        for kind, words, binned in (
            ("binned", f"binned {size} (sums)", blocks.sum(axis=(1, 3))),
            ("averaged", f"binned {size} (means)", blocks.mean(axis=(1, 3))),
            ("maximum", f"reduced {size} (largest pixels)", blocks.max(axis=(1, 3))),
            ("thinned", f"thinned out {size} (first pixels)", blocks[:, 0, :, 0]),
        ):
            yield Arrangement((*steps, Step(kind, words, numbers)), binned, y)


def _swapped(x: Array, y: Array) -> Iterator[Arrangement]:
    """Read the bytes of each pixel the other way round."""
    for name in _DTYPES:
        with np.errstate(invalid="ignore", over="ignore"):
            typed = x.astype(name)
            if not np.array_equal(typed.astype(np.float64), x, equal_nan=True):
                continue
            other = typed.byteswap().astype(np.float64)
        words = f"with the other byte order ({np.dtype(name).name})"
        step = Step("byte order", words, {"dtype": np.dtype(name).name})
        for arrangement in _turned(other, y):
            numbers = np.isfinite(arrangement.x) & np.isfinite(y)
            if np.array_equal(arrangement.x[numbers], y[numbers]):  # huge numbers tolerate all
                yield Arrangement((step, *arrangement.steps), arrangement.x, y)


def _wrapped(x: Array, y: Array) -> Iterator[Arrangement]:
    """Take unsigned integers for signed ones."""
    if not (is_whole(x) and is_whole(y)):
        return
    for bits in (16, 32):
        limit = 2.0 ** (bits - 1)
        if float(np.nanmax(x)) >= limit and float(np.nanmin(x)) >= 0.0:
            words = f"with {limit:.0f} and more wrapped to negative numbers ({bits} bits, signed)"
            step = Step("wrapped", words, {"bits": bits})
            signed = np.where(x >= limit, x - 2.0 * limit, x)
            for arrangement in _turned(signed, y):
                yield Arrangement((step, *arrangement.steps), arrangement.x, y)


def _shifted(x: Array, y: Array) -> Iterator[Arrangement]:
    """Move each turned image to where it resembles the other most."""
    for steps, turned in turns(x):
        for shift in _likely_shifts(turned, y):
            moved = _overlap(steps, turned, y, shift)
            if moved is not None:
                yield moved


def _likely_shifts(x: Array, y: Array) -> list[tuple[int, int]]:
    """Return the whole-pixel shifts (slow, fast) of x at which correlations peak."""
    windows = [_window(image) for image in (x, y)]
    (x_part, x_corner), (y_part, y_corner) = windows
    size = [a + b for a, b in zip(x_part.shape, y_part.shape, strict=True)]
    spectra = [np.fft.rfft2(compressed(part), size) for part in (x_part, y_part)]
    product = spectra[1] * np.conj(spectra[0])
    power = np.abs(product)
    shifts: list[tuple[int, int]] = []
    for weight in (1.0, 1.0 / np.maximum(power, 1e-9 * float(power.max(initial=0.0)) + 1e-300)):
        surface = np.fft.irfft2(product * weight, size)
        for index in np.argpartition(surface, -2, axis=None)[-2:]:
            place = np.unravel_index(int(index), surface.shape)
            shift = [
                int(n) - whole if n >= limit else int(n)
                for n, whole, limit in zip(place, size, y_part.shape, strict=True)
            ]
            total = (shift[0] + y_corner[0] - x_corner[0], shift[1] + y_corner[1] - x_corner[1])
            if total not in shifts:
                shifts.append(total)
    return sorted(shifts, key=lambda shift: abs(shift[0]) + abs(shift[1]))


def _window(image: Array) -> tuple[Array, tuple[int, int]]:
    """Cut the middle out of a large image."""
    start = [max(0, (size - _WINDOW) // 2) for size in image.shape]
    part = image[start[0] : start[0] + _WINDOW, start[1] : start[1] + _WINDOW]
    return part, (start[0], start[1])


def _overlap(
    steps: tuple[Step, ...],
    x: Array,
    y: Array,
    shift: tuple[int, int],
    half: tuple[float, float] = (0.0, 0.0),
) -> Arrangement | None:
    """Lay x, moved by pixels along slow and fast, upon y; ``half`` is how far it has moved before.

    None where too little overlaps, or nothing moves.
    """
    cuts = []
    for moved, x_size, y_size in zip(shift, x.shape, y.shape, strict=True):
        low, high = max(0, moved), min(y_size, x_size + moved)
        if high - low < max(2, _LEAST_OVERLAP * min(x_size, y_size)):
            return None
        cuts.append((slice(low, high), slice(low - moved, high - moved)))
    on_y, on_x = y[cuts[0][0], cuts[1][0]], x[cuts[0][1], cuts[1][1]]
    slow, fast = (moved + before for moved, before in zip(shift, half, strict=True))
    whole = on_y.shape == y.shape
    if whole and x.shape == y.shape:
        return None
    if whole and half == (0.0, 0.0):
        sizes = " of ".join(" x ".join(map(str, image.shape)) for image in (y, x))
        words = f"cut to {sizes} pixels from slow {-shift[0]}, fast {-shift[1]}"
        step = Step("region", words, {"slow": -shift[0], "fast": -shift[1]})
    else:
        words = f"shifted by {slow:+g} pixels along slow and {fast:+g} along fast"
        step = Step("shifted", words, {"slow": slow, "fast": fast})
    return Arrangement((*steps, step), on_x, on_y, whole, 2 * FEWEST)


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Arrangements of two images, made anew whenever they are gone through: large ones are many."""

    x: Array
    y: Array
    moved: tuple[tuple[Step, ...], Array, tuple[int, int]] | None

    def __iter__(self) -> Iterator[Arrangement]:
        yield from _turned(self.x, self.y)
        yield from _binned(self.x, self.y)
        if self.moved is not None:
            steps, turned, shift = self.moved
            whole = _overlap(steps, turned, self.y, shift)
            if whole is not None:
                yield whole
            yield from _half_pixels_away(steps, turned, self.y, shift)


def _best_shift(x: Array, y: Array) -> tuple[tuple[Step, ...], Array, tuple[int, int]] | None:
    """Return how x is turned and moved by whole pixels to resemble y most."""
    best, found = 0.0, None
    for steps, turned in turns(x):
        for shift in _likely_shifts(turned, y):
            arrangement = _overlap(steps, turned, y, shift)
            on_x, on_y = (arrangement.x, arrangement.y) if arrangement else (turned, y)
            if on_x.shape != on_y.shape:
                continue
            r, carriers = correlation(on_x, on_y)
            if carriers >= FEWEST and r > best and r * math.sqrt(carriers) > SIGMAS:
                best, found = r, (steps, turned, shift)
    return found


def _half_pixels_away(
    steps: tuple[Step, ...], x: Array, y: Array, shift: tuple[int, int]
) -> Iterator[Arrangement]:
    """Yield x moved by half a pixel more or less than a shift, as the means of neighbours."""
    for ways in itertools.product((0, -1, 1), repeat=2):
        if ways == (0, 0):
            continue
        between, start = x, list(shift)
        for axis, way in enumerate(ways):
            if way:
                low, high = (
                    (between[:-1], between[1:]) if axis == 0 else (between[:, :-1], between[:, 1:])
                )
                between = 0.5 * (low + high)  # row i now stands at i + 1/2
                start[axis] += way > 0
        half = (-0.5 * abs(ways[0]), -0.5 * abs(ways[1]))
        moved = _overlap(steps, between, y, (start[0], start[1]), half)
        if moved is not None:
            yield moved

"""Relations between images: each is found, with its numbers, and nothing else is."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import plain_config

from nbcy.auditing.relations import find_relation, turns
from nbcy.render.building import build_scene
from nbcy.scene.measuring import measurement_of_scene

SHAPE = (60, 84)
Pixels = np.ndarray


def single(image: Pixels) -> Pixels:
    return image.astype(np.float32).astype(np.float64)


def background(rng: np.random.Generator) -> Pixels:
    return single(100.0 * rng.random(SHAPE))


def spots(rng: np.random.Generator) -> Pixels:
    slow, fast = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = np.zeros(SHAPE)
    for _ in range(40):
        s, f = rng.uniform(0, SHAPE[0]), rng.uniform(0, SHAPE[1])
        distance2 = (slow - s) ** 2 + (fast - f) ** 2
        image += rng.lognormal(6, 1) * np.exp(-distance2 / (2 * 1.2**2))
    return single(image)


def wide(rng: np.random.Generator) -> Pixels:
    """Values over ten decades."""
    return single(rng.lognormal(0, 3, SHAPE))


def counts(rng: np.random.Generator) -> Pixels:
    return rng.poisson(spots(rng) + 3.0).astype(np.float64)


KINDS = (background, spots, wide, counts)
CONTINUOUS = (background, spots, wide)
kinds = st.sampled_from(KINDS)
seeds = st.integers(0, 2**32 - 1)
factors = st.floats(1e-6, 1e6).filter(lambda k: abs(math.log(k)) > 1e-3)


def drawn(kind: Callable[[np.random.Generator], Pixels], seed: int) -> Pixels:
    return kind(np.random.default_rng(seed))


@given(kinds, seeds)
def test_the_same(kind, seed):
    image = drawn(kind, seed)
    found = find_relation(image, image.copy())
    assert found.kinds == ()
    assert (found.share, found.others) == (1.0, 0)
    assert found.to_text() == "B is the same as A."


@given(kinds, seeds, factors)
def test_scaled(kind, seed, factor):
    image = drawn(kind, seed)
    found = find_relation(image, single(factor * image))
    assert found.kinds == ("scale",)
    assert found.steps[0].numbers["factor"] == pytest.approx(factor, rel=1e-6)


@given(kinds, seeds, st.floats(-100, 100).filter(lambda b: abs(b) > 0.1))
def test_offset(kind, seed, offset):
    image = drawn(kind, seed)
    found = find_relation(image, single(image + offset))
    assert found.kinds == ("offset",)
    # float32 rounds the sum: 6e-8 of it.
    assert found.steps[0].numbers["offset"] == pytest.approx(offset, rel=1e-4, abs=1e-5)


@given(kinds, seeds, st.floats(0.1, 10).filter(lambda k: abs(k - 1) > 0.01), st.integers(1, 50))
def test_scaled_and_offset(kind, seed, factor, offset):
    image = drawn(kind, seed)
    found = find_relation(image, single(factor * image + offset))
    assert found.kinds == ("scale", "offset")
    assert found.steps[0].numbers["factor"] == pytest.approx(factor, rel=1e-5)
    assert found.steps[1].numbers["offset"] == pytest.approx(offset, rel=1e-3)


@given(kinds, seeds)
def test_square_root_and_square(kind, seed):
    image = drawn(kind, seed)
    assert find_relation(image, single(np.sqrt(image))).kinds == ("square root",)
    assert find_relation(image, single(np.square(image))).kinds == ("square",)


@given(st.sampled_from(CONTINUOUS), seeds, st.floats(0.5, 5), st.booleans(), st.integers(0, 50))
def test_rounded(kind, seed, factor, cut, offset):
    image = drawn(kind, seed)
    image *= 1000.0 / image.sum() * image.size / 10.0  # 100 a pixel
    stored = (np.floor if cut else np.rint)(factor * image + offset)
    found = find_relation(image, stored)
    assert found.kinds[-1] == "rounding"
    assert set(found.kinds) <= {"scale", "offset", "rounding"}
    numbers = {step.kind: step.numbers for step in found.steps}
    # the range of slopes that give these integers: one in the largest of them
    found_factor = numbers.get("scale", {}).get("factor", 1.0)
    assert found_factor == pytest.approx(factor, abs=1.1 / np.ptp(image))


@given(st.sampled_from(CONTINUOUS), seeds)
def test_saturated(kind, seed):
    image = drawn(kind, seed)
    limit = float(np.quantile(image, 0.98))
    found = find_relation(image, np.minimum(image, limit))
    assert found.kinds == ("saturation",)
    assert found.steps[0].numbers["limit"] == limit
    assert found.steps[0].numbers["pixels"] == int((image > limit).sum())
    # and from the other side
    assert find_relation(np.minimum(image, limit), image).reverse


@given(kinds, seeds, st.integers(1, 7))
def test_turned(kind, seed, which):
    image = drawn(kind, seed)
    steps, turned = list(turns(image))[which]
    found = find_relation(image, turned)
    assert found.kinds == tuple(step.kind for step in steps)


@given(kinds, seeds, st.integers(0, 7), factors)
def test_turned_and_scaled(kind, seed, which, factor):
    image = drawn(kind, seed)
    steps, turned = list(turns(image))[which]
    found = find_relation(image, single(factor * turned))
    assert found.kinds == (*(step.kind for step in steps), "scale")
    assert found.steps[-1].numbers["factor"] == pytest.approx(factor, rel=1e-6)


@given(kinds, seeds, st.integers(-20, 20), st.integers(-20, 20), st.booleans())
def test_shifted_by_whole_pixels(kind, seed, slow, fast, transposed):
    if (slow, fast) == (0, 0):
        slow = 1
    image = drawn(kind, seed)
    moved = np.roll(image.T if transposed else image, (slow, fast), (0, 1))
    found = find_relation(image, moved)
    assert found.kinds == (("transposed",) if transposed else ()) + ("shifted",)
    assert found.steps[-1].numbers == {"slow": slow, "fast": fast}


@given(kinds, seeds, st.sampled_from([(0.5, 0), (0, 0.5), (-0.5, 0.5), (3.5, -2), (-0.5, 6)]))
def test_shifted_by_half_pixels(kind, seed, shift):
    image = drawn(kind, seed)
    moved = np.roll(image, [math.floor(part) for part in shift], (0, 1))
    for axis in (0, 1):
        if shift[axis] % 1:
            moved = 0.5 * (moved + np.roll(moved, 1, axis))
    found = find_relation(image, single(moved))
    assert found.kinds == ("shifted",)
    assert found.steps[0].numbers == {"slow": shift[0], "fast": shift[1]}


@given(kinds, seeds, st.sampled_from([(2, 2), (3, 3), (2, 1), (5, 4)]))
def test_binned(kind, seed, factor):
    image = drawn(kind, seed)
    slow, fast = (size // m for size, m in zip(SHAPE, factor, strict=True))
    blocks = image[: slow * factor[0], : fast * factor[1]]
    blocks = blocks.reshape(slow, factor[0], fast, factor[1])
    for binned, kind_of in ((blocks.sum((1, 3)), "binned"), (blocks[:, 0, :, 0], "thinned")):
        found = find_relation(image, single(binned))
        assert found.kinds == (kind_of,)
        assert found.steps[0].numbers["factor"] == list(factor)
        assert find_relation(single(binned), image).reverse


@given(kinds, seeds)
def test_a_region_and_another_shape(kind, seed):
    image = drawn(kind, seed)
    found = find_relation(image, image[11:48, 20:71])
    assert found.kinds == ("region",)
    assert found.steps[0].numbers == {"slow": 11, "fast": 20}
    found = find_relation(image, image.reshape(SHAPE[0] // 2, -1))
    assert found.kinds == ("reshaped",)


@given(kinds, seeds)
def test_byte_order(kind, seed):
    image = drawn(kind, seed)
    with np.errstate(invalid="ignore"):
        swapped = image.astype("<f4").byteswap().astype(np.float64)
    assert find_relation(image, swapped).kinds == ("byte order",)
    whole = np.rint(image * (60000.0 / image.max()))
    swapped = whole.astype("<u2").byteswap().astype(np.float64)
    assert find_relation(whole, swapped).kinds == ("byte order",)


def test_signed_integers():
    image = np.rint(drawn(background, 1) * 600.0)
    found = find_relation(image, image.astype(np.uint16).astype(np.int16).astype(float))
    assert found.kinds == ("wrapped",)


@given(kinds, seeds, st.integers(0, 7), st.sampled_from([1.0, 4.0]))
def test_poisson_noise(kind, seed, which, factor):
    image = drawn(kind, seed)
    image *= 30.0 / image.mean()
    steps, turned = list(turns(image))[which]
    noisy = np.random.default_rng(seed + 1).poisson(factor * turned).astype(float)
    found = find_relation(image, noisy)
    assert found.kinds[: len(steps)] == tuple(step.kind for step in steps)
    assert found.kinds[-1] == "poisson"
    numbers = {step.kind: step.numbers for step in found.steps}
    pixels = numbers["poisson"]["pixels"]
    assert numbers["poisson"]["chi_square_per_pixel"] == pytest.approx(
        1, abs=6 * (3 / pixels) ** 0.5
    )
    sigma = math.sqrt(factor / image.sum())
    assert numbers.get("scale", {"factor": 1.0})["factor"] == pytest.approx(factor, abs=6 * sigma)


@given(seeds)
def test_two_noise_images_of_one_expectation(seed):
    rng = np.random.default_rng(seed)
    expected = spots(rng) + 3.0
    found = find_relation(rng.poisson(expected).astype(float), rng.poisson(expected).astype(float))
    assert found.kinds == ("redrawn",)


@settings(max_examples=15)
@given(st.sampled_from(CONTINUOUS), seeds, factors, st.booleans())
def test_within_a_radius(kind, seed, factor, beyond):
    image = drawn(kind, seed) + 1.0
    slow, fast = np.mgrid[: SHAPE[0], : SHAPE[1]]
    radius = np.hypot(slow - 29.5, fast - 41.5)
    away = radius > 22.0 if beyond else radius < 22.0
    found = find_relation(image, np.where(away, 0.0, factor * image))
    assert found.kinds == ("scale",)
    assert found.others == int(away.sum())
    assert found.place.kind == ("beyond" if beyond else "within")
    assert found.place.numbers["radius_px"] == pytest.approx(22.0, abs=0.5)


@given(seeds, st.floats(2.0, 5.0))
def test_within_a_resolution(seed, dmin):
    config = plain_config(
        crystal={"cell_angstrom_deg": (50.0,)},
        beam={"wavelength_angstrom": 1.2},
        detector={
            **{"pixels_fast": SHAPE[1], "pixels_slow": SHAPE[0], "pixel_mm": 1.0},
            **{"distance_mm": 80, "xbeam_mm": 20, "ybeam_mm": 50},
        },
    )
    measurement = measurement_of_scene(build_scene(config))
    panel = measurement.panels[0]
    slow, fast = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    points = np.stack((slow, fast), -1) @ np.array([panel.slow, panel.fast]) * panel.pixel_size
    points = panel.origin + points
    chord = points / np.linalg.norm(points, axis=-1, keepdims=True) - measurement.beam
    spacing = 1.2 / np.maximum(np.linalg.norm(chord, axis=-1), 1e-9)
    image = drawn(background, seed) + 1.0
    found = find_relation(image, np.where(spacing < dmin, 0.0, image), (measurement, measurement))
    assert found.place.kind == "beyond"
    assert found.place.numbers["resolution_angstrom"] == pytest.approx(
        spacing[spacing < dmin].max(), rel=1e-6
    )


@settings(max_examples=15)
@given(kinds, seeds, st.integers(1, 5))
def test_few_pixels(kind, seed, count):
    image = drawn(kind, seed)
    other = image.copy()
    places = np.random.default_rng(seed).choice(image.size, count, replace=False)
    other.ravel()[places] += 3.0 + image.max()
    found = find_relation(image, other)
    assert found.kinds == ()
    assert found.others == count
    listed = {slow * SHAPE[1] + fast for slow, fast in found.place.numbers["pixels"]}
    assert listed == set(places.tolist())


@given(st.sampled_from(CONTINUOUS), seeds)
def test_a_part_of_the_detector(kind, seed):
    image = drawn(kind, seed) + 1.0
    other = image.copy()
    other[:, 30:40] = 0.0
    found = find_relation(image, other)
    assert found.place.kind == "rectangle"
    assert found.place.numbers == {"s0": 0, "s1": 59, "f0": 30, "f1": 39}


@given(kinds, kinds, seeds)
def test_independent_images_have_no_relation(kind, other, seed):
    rng = np.random.default_rng(seed)
    assert find_relation(kind(rng), other(rng)) is None


@pytest.mark.parametrize("level", [0.0, 1.0, 7.5])
def test_flat_images_prove_nothing(level):
    rng = np.random.default_rng(1)
    flat = np.full(SHAPE, level)
    assert find_relation(flat, flat).kinds == ()
    assert find_relation(flat, np.full(SHAPE, 3.0)) is None
    assert find_relation(flat, background(rng)) is None
    one = flat.copy()
    one[3, 4] += 1.0
    other = flat.copy()
    other[10, 20] += 1.0
    found = find_relation(one, other)
    assert found is None or found.others == 2


def test_nearly_transposed():
    rng = np.random.default_rng(3)
    image = spots(rng)
    slope = 1.0 + 0.02 * np.linspace(0, 1, SHAPE[1])
    found = find_relation(image, (image * slope).T)
    assert found.kinds == ("transposed",)
    assert found.nearly > 0.99
    assert "nearly" in found.to_text()


def test_large_images_are_judged_whole():
    """A look at some pixels comes first; the others count all the same."""
    rng = np.random.default_rng(5)
    image = single(rng.lognormal(2, 2, (620, 840)))
    for which, (steps, turned) in enumerate(turns(image)):
        found = find_relation(image, single(3.5 * turned))
        assert found.kinds == (*(step.kind for step in steps), "scale"), which
    stored = np.minimum(np.rint(2.5 * image + 40.0), 9000.0)
    found = find_relation(image, stored)
    assert found.kinds == ("scale", "offset", "rounding", "saturation")
    numbers = [step.numbers for step in found.steps]
    assert numbers[0]["factor"] == pytest.approx(2.5, abs=1.1 / 3600)
    assert numbers[1]["offset"] == pytest.approx(40.0, abs=0.5)
    # a pixel that rounds to the limit itself is not cut off
    assert numbers[3]["pixels"] == pytest.approx(int((stored == 9000).sum()), abs=1)
    found = find_relation(image, rng.poisson(image.T).astype(float))
    assert found.kinds == ("transposed", "poisson")
    other = image.copy()
    other[601, 17] *= 1.001
    found = find_relation(image, other)
    assert (found.kinds, found.others) == ((), 1)
    assert found.place.numbers["pixels"] == [(601, 17)]
    found = find_relation(image, np.roll(image, (-30, 171), (0, 1)))
    assert found.steps[0].numbers == {"slow": -30, "fast": 171}
    assert find_relation(image, single(rng.lognormal(2, 2, (620, 840)))) is None

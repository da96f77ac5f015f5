"""The reference's stream of random numbers (physics 8)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbcy.base.errors import ConfigError
from nbcy.base.rng import PURPOSES, ReferenceStream, RowStreams, reference_seed

SEEDS = st.integers(1, 2**31 - 2)


def shuffled_park_miller(seed):
    """The generator in exact integers (physics 8.1)."""
    state = seed

    def step():
        nonlocal state
        state = 16807 * state % (2**31 - 1)
        return state

    for _ in range(8):
        step()
    table = [step() for _ in range(32)][::-1]
    last = table[0]
    while True:
        slot = last // (1 + (2**31 - 2) // 32)
        last, table[slot] = table[slot], step()
        yield min(np.float32(last / (2**31 - 1)), np.float32(1.0 - 1.2e-7))


@given(SEEDS)
def test_uniform_is_the_spec(seed):
    stream = ReferenceStream(seed)
    for expected, _ in zip(shuffled_park_miller(seed), range(100), strict=False):
        assert stream.uniform() == expected


@given(SEEDS)
def test_same_seed_same_numbers_whatever_its_sign(seed):
    one, other = ReferenceStream(seed), ReferenceStream(-seed)
    assert [one.uniform() for _ in range(5)] == [other.uniform() for _ in range(5)]


def test_zero_counts_as_one():
    assert ReferenceStream(0).uniform() == ReferenceStream(1).uniform()


def test_seeding_again_starts_again():
    stream = ReferenceStream(3)
    first = [stream.gauss() for _ in range(3)]
    stream.__init__(3)
    assert [stream.gauss() for _ in range(3)] == first


@pytest.mark.parametrize("seed", [2**31 - 1, -(2**31) + 1, 1.5, "7", None])
def test_impossible_seeds(seed):
    with pytest.raises(ConfigError, match="seed"):
        ReferenceStream(seed)


def test_gauss_has_mean_0_and_variance_1():
    n = 20000
    stream = ReferenceStream(11)
    draws = np.array([stream.gauss() for _ in range(n)])
    # Six standard errors: 1/sqrt(n) of the mean, sqrt(2/n) of the variance.
    assert abs(draws.mean()) < 6.0 / math.sqrt(n)
    assert abs(draws.var() - 1.0) < 6.0 * math.sqrt(2.0 / n)


# On either side of the limits between the three methods.
@pytest.mark.parametrize("mean", [0.01, 1.0, 11.9, 12.1, 300.0, 1e5, 9.9e5, 1.1e6, 1e9])
def test_poisson_has_the_right_mean_and_variance(mean):
    n = 20000
    draws = ReferenceStream(7).poisson_image(np.full((1, n), mean)).astype(np.float64)
    # Six standard errors; the variance of the sample variance is (m + 2 m²)/n.
    assert abs(draws.mean() - mean) < 6.0 * math.sqrt(mean / n)
    assert abs(draws.var() - mean) < 6.0 * math.sqrt((mean + 2.0 * mean**2) / n)
    assert draws.min() >= 0.0
    if mean <= 1e6:
        assert (draws == np.floor(draws)).all()


def test_poisson_follows_the_distribution():
    n = 50000
    for mean in (2.5, 20.0):
        draws = ReferenceStream(5).poisson_image(np.full((1, n), mean)).ravel()
        for count in range(int(3 * mean)):
            p = math.exp(-mean + count * math.log(mean) - math.lgamma(count + 1))
            # Six standard deviations of a binomial count.
            assert abs((draws == count).sum() - n * p) < 6.0 * math.sqrt(n * p * (1.0 - p)) + 1.0


@given(st.lists(st.sampled_from([0.0, 0.3, 5.0, 50.0, 2e6]), max_size=30), SEEDS)
def test_image_is_one_draw_a_pixel_in_scan_order(means, seed):
    image = ReferenceStream(seed).poisson_image(np.array([means, means]))
    stream = ReferenceStream(seed)
    assert image.ravel().tolist() == [stream.poisson(mean) for mean in means * 2]


def test_image_of_nothing():
    assert ReferenceStream(1).poisson_image(np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("mean", [-1.0, math.nan, math.inf, 1e39])
def test_impossible_means(mean):
    stream = ReferenceStream(1)
    with pytest.raises(ConfigError, match="mean"):
        stream.poisson(mean)
    if not abs(mean) > 1e38:
        with pytest.raises(ConfigError, match=r"pixels\[1, 0\]"):
            stream.poisson_image(np.array([[1.0, 1.0], [mean, 1.0]]))
    assert stream.uniform() == ReferenceStream(1).uniform()  # nothing was drawn


def first(seed: int, index: int, purpose: str, row: int) -> float:
    return RowStreams(seed, index, purpose).row(row).random()


def test_seeds_indices_purposes_and_rows_have_streams_of_their_own():
    assert first(1, 0, "photons", 0) == first(1, 0, "photons", 0)
    keys = [(s, i, p, r) for s in range(4) for i in range(4) for p in PURPOSES for r in range(4)]
    assert len({first(*key) for key in keys}) == len(keys)


@given(st.integers(0, 2**70), st.integers(0, 2**20), st.integers(0, 2**16))
def test_rows_are_jumps_of_numpys_stream(seed, index, row):
    """The formula of physics 8.5, and the order in which rows are asked for does not matter."""
    sequence = np.random.SeedSequence(seed, spawn_key=(index, 2))
    expected = np.random.Generator(np.random.PCG64DXSM(sequence).jumped(row)).random(3)
    streams = RowStreams(seed, index, "readout")
    streams.row(row + 1).standard_normal(5, np.float32)
    assert (streams.row(row).random(3) == expected).all()
    assert (streams.fork().row(row).random(3) == expected).all()


@pytest.mark.parametrize("seed", [-1, 1.0, True, None])
def test_impossible_seeds_of_rows(seed):
    with pytest.raises(ConfigError, match="seed"):
        RowStreams(seed)
    with pytest.raises(ConfigError, match="index"):
        RowStreams(0, seed)


def test_frames_of_the_references_stream_have_seeds_of_their_own():
    assert reference_seed(7, 0) == 7
    seeds = {reference_seed(seed, index) for seed in range(30) for index in range(30)}
    assert len(seeds) == 30 * 30
    assert all(0 <= seed <= 2**31 - 2 for seed in seeds)

"""Photon counting noise (physics 8 and 10)."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbcy.base.errors import ConfigError
from nbcy.formats.smv import read_smv, to_counts
from nbcy.image.noise import poisson_image

GOLDEN = Path(__file__).parent / "data" / "golden"


def whole(pixels):
    return 0, pixels.shape[1] - 1, 0, pixels.shape[0] - 1


@pytest.mark.parametrize(("case", "seed"), [("cubic", 42), ("cubic_bright_noise", 5)])
def test_reference_stream_gives_the_reference_image(case, seed):
    mean = np.load(GOLDEN / case / "image.npz")["float"]
    counts = poisson_image(mean, seed, "reference")
    _, expected = read_smv(GOLDEN / case / "noiseimage.img")
    np.testing.assert_array_equal(to_counts(counts, 1.0, 40.0, whole(mean)), expected)
    report = (GOLDEN / case / "stdout.txt").read_text()
    photons, overloads = re.search(r"(\d+) photons on noise image \((\d+) overl", report).groups()
    assert int(counts.sum(dtype=np.float64)) == int(photons)
    assert (counts.astype(np.float64) + 40.0 > 65535.0).sum() == int(overloads)


@pytest.mark.parametrize("stream", ["numpy", "reference"])
@pytest.mark.parametrize("mean", [0.001, 4.0, 100.0, 3e6])
def test_mean_and_variance(stream, mean):
    n = 40000
    counts = poisson_image(np.full((40, 1000), mean, np.float32), 9, stream).astype(np.float64)
    mean = float(np.float32(mean))
    # Six standard errors; the variance of the sample variance is (m + 2 m²)/n.
    assert abs(counts.mean() - mean) < 6.0 * math.sqrt(mean / n)
    assert abs(counts.var() - mean) < 6.0 * math.sqrt((mean + 2.0 * mean**2) / n)


@pytest.mark.parametrize("stream", ["numpy", "reference"])
def test_a_seed_gives_the_same_counts_and_another_seed_others(stream):
    mean = np.full((20, 20), 50.0, np.float32)
    np.testing.assert_array_equal(poisson_image(mean, 1, stream), poisson_image(mean, 1, stream))
    assert (poisson_image(mean, 1, stream) != poisson_image(mean, 2, stream)).mean() > 0.5


def test_rows_and_columns_are_not_copies_of_each_other():
    counts = poisson_image(np.full((50, 50), 100.0, np.float32), 3)
    assert len({tuple(row) for row in counts.tolist()}) == 50
    assert len({tuple(row) for row in counts.T.tolist()}) == 50


@given(st.integers(0, 2**40), st.integers(0, 7), st.integers(0, 7), st.data())
def test_rows_do_not_depend_on_other_rows(seed, first, last, data):
    first, last = sorted((first, last))
    means = st.sampled_from([0.0, 0.5, 30.0, 1e7])
    mean = np.array(data.draw(st.lists(means, min_size=40, max_size=40)), np.float32).reshape(8, 5)
    counts = poisson_image(mean, seed)
    cropped = poisson_image(mean, seed, roi=(0, 4, first, last))
    np.testing.assert_array_equal(cropped[first : last + 1], counts[first : last + 1])
    assert not cropped[:first].any()
    assert not cropped[last + 1 :].any()


@pytest.mark.parametrize("stream", ["numpy", "reference"])
def test_nothing_is_drawn_outside_the_region(stream):
    mean = np.full((6, 7), 1000.0, np.float32)
    counts = poisson_image(mean, 4, stream, roi=(2, 4, 1, 3))
    inside = np.zeros((6, 7), bool)
    inside[1:4, 2:5] = True
    assert (counts[inside] > 0).all()
    assert not counts[~inside].any()


@pytest.mark.parametrize("stream", ["numpy", "reference"])
def test_no_photons_expected_none_counted(stream):
    assert not poisson_image(np.zeros((4, 4), np.float32), 1, stream).any()


@pytest.mark.parametrize("stream", ["numpy", "reference"])
@pytest.mark.parametrize("value", [-1e-3, math.nan, math.inf])
def test_impossible_means_are_located(stream, value):
    mean = np.ones((5, 6), np.float32)
    mean[3, 4] = value
    with pytest.raises(ConfigError, match=r"pixels\[3, 4\]"):
        poisson_image(mean, 1, stream, roi=(2, 5, 1, 4))
    assert poisson_image(mean, 1, stream, roi=(0, 5, 0, 2)).any()


def test_means_beyond_64_bits():
    mean = np.full((1, 1), 1e19, np.float32)
    with pytest.raises(ConfigError, match="9e"):
        poisson_image(mean, 1)
    # Nine standard deviations, and the spacing of float32 there.
    assert (
        abs(poisson_image(mean, 1, "reference")[0, 0] / 1e19 - 1.0)
        < 9.0 / math.sqrt(1e19) + 2.0**-23
    )


def test_unknown_stream():
    with pytest.raises(ConfigError, match="numpy, reference"):
        poisson_image(np.ones((1, 1), np.float32), 1, "mt19937")


@pytest.mark.parametrize("mean", [1e-3, 0.5, 3.9, 4.1])
def test_counts_have_poissons_distribution(mean):
    """Every count that is expected often enough for its number to be nearly normal."""
    n = 200_000
    counts = poisson_image(np.full((200, 1000), mean, np.float32), 8)
    mean = float(np.float32(mean))
    for count in range(20):
        expected = n * math.exp(-mean) * mean**count / math.factorial(count)
        if expected > 50.0:
            assert abs((counts == count).sum() - expected) < 5.0 * math.sqrt(expected)


def test_small_and_large_means_side_by_side():
    mean = np.tile(np.array([0.0, 0.3, 3.0, 40.0, 1e6], np.float32), (100, 400))
    counts = poisson_image(mean, 2).astype(np.float64).reshape(100, 400, 5)
    for column, expected in enumerate(mean[0, :5].astype(float)):
        error = math.sqrt(expected / 40_000)
        assert abs(counts[..., column].mean() - expected) <= 5.0 * error

"""From expected photons to what a detector reads (physics 12)."""

from __future__ import annotations

import copy
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbcy
from nbcy.base.errors import ConfigError
from nbcy.config.response import PRESETS
from nbcy.image.image import Image
from nbcy.image.spread import fibre_parts, gauss_parts, spread_fibre, spread_gauss, spread_kernel
from nbcy.render.building import build_scene

PIXEL_UM = 100.0


def scene_of(slow: int, fast: int, **detector: object) -> nbcy.Scene:
    return build_scene(
        nbcy.Config(
            crystal={"cell_angstrom_deg": 70, "cells": 3, "default_F": 10.0},
            beam={"wavelength_angstrom": 1.0},
            detector={
                "distance_mm": 100,
                "pixel_mm": PIXEL_UM / 1e3,
                **({} if detector else {"pixels_slow": slow, "pixels_fast": fast}),
                **detector,
            },
        )
    )


def flat(mean: float, slow: int = 400, fast: int = 500) -> Image:
    return Image(np.full((slow, fast), mean, np.float32), scene_of(slow, fast), {})


# Moments


def moments(mean: float, response: nbcy.Response) -> tuple[float, float]:
    """Mean and variance of what is read of a flat field, physics 12.1."""
    c, f = response.calibration_percent / 100.0, response.flicker_percent / 100.0
    if response.order == "simtbx":
        drawn = (1.0 + c * c) * (mean + f * f * mean**2) + c * c * mean**2
    else:
        drawn = mean + mean**2 * ((1.0 + c * c) * (1.0 + f * f) - 1.0)
    g, o, r = response.gain, response.offset, response.readout
    return g * mean + o, g * g * drawn + r * r


NOISY = nbcy.Response(flicker_percent=2, calibration_percent=3, readout=3, offset=10)
CASES = [
    (100.0, NOISY),
    (100.0, NOISY.replace(order="noisify")),
    (1e4, NOISY),
    (1e4, NOISY.replace(order="noisify")),
    (100.0, nbcy.Response(gain=2, readout=3, offset=40)),
    *((mean, nbcy.Response()) for mean in (1e-3, 0.5, 12.0, 1e6)),
]


def test_moments_are_those_stated():
    stated = (122.0936, 122.0036, 140054.0, 140044.99, 409.0)
    for (mean, response), variance in zip(CASES, stated, strict=False):
        assert moments(mean, response)[1] == pytest.approx(variance, abs=0.011)  # cut to cents


def check_moments(mean: float, response: nbcy.Response, slow: int, fast: int) -> None:
    """Mean and variance within four standard errors, estimated from the pixels themselves."""
    expected, variance = moments(mean, response)
    pixels = flat(mean, slow, fast).with_response(response, seed=11).pixels.astype(np.float64)
    deviations = pixels - pixels.mean()
    fourth = np.mean(deviations**4)
    n = pixels.size
    assert abs(pixels.mean() - expected) < 4.0 * math.sqrt(variance / n)
    assert abs(pixels.var() - variance) < 4.0 * math.sqrt((fourth - variance**2) / n)


@pytest.mark.parametrize(("mean", "response"), CASES)
def test_moments_of_a_flat_field(mean, response):
    check_moments(mean, response, 400, 500)


@pytest.mark.long
@pytest.mark.parametrize(("mean", "response"), CASES)
def test_moments_of_a_large_flat_field(mean, response):
    check_moments(mean, response, 2240, 2500)


@pytest.mark.parametrize("order", ["simtbx", "noisify"])
def test_frames_covary_by_the_calibration_alone(order):
    image, response = flat(100.0), NOISY.replace(order=order)
    one, other = (
        image.with_response(response, 5, index=index).pixels.astype(np.float64)
        for index in (1, 100_000)
    )
    products = (one - one.mean()) * (other - other.mean())
    variance = moments(100.0, response)[1]
    # the variance of a product of two normal numbers of covariance q is v² + q²
    error = math.sqrt((variance**2 + 9.0**2) / products.size)
    assert abs(products.mean() - 9.0) < 4.0 * error


def test_a_shot_flickers_as_a_whole():
    response = nbcy.Response(flicker_percent=10, flicker_per="shot")
    image = flat(1e6, 8, 9)
    levels = [image.with_response(response, 1, index=i).pixels.mean() / 1e6 for i in range(400)]
    within = image.with_response(response, 1).pixels.std()
    assert within < 2e3  # counting alone: 1e3
    # the variance of the sample variance of n normal numbers is 2 s⁴/n
    assert abs(np.var(levels) - 0.01) < 4.0 * 0.01 * math.sqrt(2.0 / 400)


def test_photon_transfer_gives_pedestal_and_gain_back():
    """Variance between frames against their mean: a line of slope gain through the pedestal."""
    response = nbcy.Response(gain=1.75, offset=37, readout=4, calibration_percent=2)
    means, variances = [], []
    for level, mean in enumerate((0.0, 20.0, 50.0, 100.0, 200.0)):
        image = flat(mean, 200, 250)
        frames = [
            image.with_response(response, level, index=i).pixels.astype(np.float64)
            for i in range(2)
        ]
        means.append(np.mean(frames))
        variances.append(np.var(frames[0] - frames[1]) / 2.0)
    gain, at_zero = np.polyfit(means, variances, 1)
    # 50,000 pixels: a variance is known to √(2/50000) = 0.6 %, a slope of five to about 1 %
    assert gain == pytest.approx(1.75, rel=0.03)
    assert means[0] == pytest.approx(37.0, abs=4.0 * 4.0 / math.sqrt(1e5))
    assert at_zero + gain * 37.0 == pytest.approx(16.0, abs=10.0)


# Streams


def test_counting_is_that_of_with_noise():
    image = flat(3.0, 40, 50)
    for index in (0, 5):
        counted = image.with_response(nbcy.Response(), 3, index=index).pixels
        np.testing.assert_array_equal(counted, image.with_noise(3, index=index).pixels)


@pytest.mark.parametrize("psf", [None, "gauss", "fibre"])
def test_threads_change_no_byte(psf):
    response = NOISY.replace(psf=psf, psf_fwhm_um=psf and 150.0)
    image = flat(5.0, 300, 401)
    one = image.with_response(response, 3, threads=1).pixels
    for threads in (2, 7):
        many = image.with_response(response, 3, threads=threads).pixels
        assert many.tobytes() == one.tobytes()
    assert image.with_noise(3, threads=1).pixels.tobytes() == image.with_noise(3).pixels.tobytes()


def test_seeds_and_indices_are_independent():
    image = flat(100.0, 100, 100)
    response = nbcy.Response(readout=3)
    drawn = {
        (seed, index): image.with_response(response, seed, index=index).pixels - 100.0
        for seed in range(3)
        for index in range(3)
    }
    for key, one in drawn.items():
        for other_key, other in drawn.items():
            correlation = np.mean(one * other) / 109.0
            assert abs(correlation - (key == other_key)) < 6.0 * math.sqrt(2.0 / one.size)


SENSITIVITIES = """
import numpy as np, nbcy, sys
from nbcy.image.image import Image
from nbcy.render.building import build_scene
config = nbcy.Config(crystal={"cell_angstrom_deg": 70, "cells": 3, "default_F": 1},
                     detector={"distance_mm": 100, "pixels_slow": 30, "pixels_fast": 40})
image = Image(np.full((30, 40), -1.0), build_scene(config), {})
read = image.with_response(nbcy.Response(calibration_percent=3), 17, index=100_000)
sys.stdout.buffer.write(read.pixels.tobytes())
"""


def test_sensitivities_are_the_same_in_every_image_and_process(tmp_path):
    """Below zero nothing is counted, so that only the sensitivities are left."""
    image = Image(np.full((30, 40), -1.0), scene_of(30, 40), {})
    response = nbcy.Response(calibration_percent=3)
    here = image.with_response(response, 2, index=1).pixels
    there = subprocess.run(
        [sys.executable, "-c", SENSITIVITIES], check=True, capture_output=True, cwd=tmp_path
    )
    assert there.stdout == here.tobytes()
    other = image.with_response(response.replace(calibration_seed=2)).pixels
    assert abs(np.corrcoef(here.ravel(), other.ravel())[0, 1]) < 6.0 / math.sqrt(1200)


def test_a_region_reads_as_it_would_in_the_whole():
    scene = scene_of(30, 40)
    pixels = np.full((30, 40), -1.0, np.float32)
    response = nbcy.Response(calibration_percent=3, flicker_percent=1, readout=2, offset=7)
    whole = Image(pixels, scene, {}).with_response(response).pixels
    part = Image(pixels, scene, {"roi": (5, 20, 6, 17)}).with_response(response).pixels
    np.testing.assert_array_equal(part[6:18, 5:21], whole[6:18, 5:21])
    part = part.copy()
    part[6:18, 5:21] = 0.0
    assert not part.any()


# Point spread


def test_parts_are_those_stated():
    for width, centre, neighbour in ((2.0, 0.1970835, 0.1062534), (1.0, 0.5790725, 0.0907910)):
        parts = gauss_parts(width)
        middle = len(parts) // 2
        assert parts[middle] ** 2 == pytest.approx(centre, abs=1e-7)
        assert parts[middle] * parts[middle + 1] == pytest.approx(neighbour, abs=1e-7)
        assert parts.sum() == pytest.approx(1.0, abs=1e-11)
    for width, centre, outside in ((2.0, 0.0817414, 0.252498), (1.0, 0.2413117, 0.129380)):
        quarter = fibre_parts(width, 400, 400)
        assert quarter[0, 0] == pytest.approx(centre, abs=1e-7)
        y, x = np.indices(quarter.shape)
        times = np.where(y > 0, 2, 1) * np.where(x > 0, 2, 1)
        inside = (quarter * times)[np.hypot(y, x) < 5.0].sum()
        # a ring of pixels about the circle is counted whole or not at all
        assert 1.0 - inside == pytest.approx(outside, abs=0.02)
        # beyond a square of half edge h: 1 - 4 corners of the integral
        g, h = 0.652383013252053 * width, 400.5
        beyond = 1.0 - 2.0 / np.pi * math.atan(h * h / (g * math.sqrt(g * g + 2.0 * h * h)))
        assert 1.0 - (quarter * times).sum() == pytest.approx(beyond, abs=1e-12)


def brute(photons, quarter):
    """Add up the spot of each pixel by itself."""
    out = np.zeros(photons.shape)
    for slow, fast in np.argwhere(photons):
        y, x = np.indices(photons.shape)
        out += photons[slow, fast] * quarter[abs(y - slow), abs(x - fast)]
    return out


spots = st.lists(
    st.tuples(st.integers(0, 14), st.integers(0, 10), st.floats(0.1, 1e4)), min_size=1, max_size=4
)


@given(spots, st.sampled_from(["gauss", "fibre", "kernel"]), st.floats(0.3, 4.0))
def test_spots_are_added_up_and_nothing_comes_back_in(places, kind, width):
    photons = np.zeros((15, 11))
    for slow, fast, value in places:
        photons[slow, fast] += value
    if kind == "fibre":
        quarter, spread = fibre_parts(width, 15, 11), spread_fibre(photons, width)
    else:
        parts = gauss_parts(width)
        half = np.zeros(16)
        half[: len(parts) // 2 + 1] = parts[len(parts) // 2 :][:16]
        quarter = np.multiply.outer(half, half)
        kernel = 3.0 * np.multiply.outer(parts, parts)  # counts as a sum of 1
        spread = spread_gauss(photons, width) if kind == "gauss" else spread_kernel(photons, kernel)
    np.testing.assert_allclose(spread, brute(photons, quarter), atol=1e-11 * photons.sum(), rtol=0)


def test_a_lopsided_kernel_points_the_right_way():
    photons = np.zeros((7, 9))
    photons[3, 4] = 8.0
    kernel = np.array([[0, 1, 0], [0, 2, 5], [0, 0, 0]])
    spread = spread_kernel(photons, kernel)
    expected = np.zeros((7, 9))
    expected[2, 4], expected[3, 4], expected[3, 5] = 1.0, 2.0, 5.0
    np.testing.assert_allclose(spread, expected, atol=1e-14)


def test_panels_are_apart():
    panel = {
        "origin_mm": (0, 0, 100),
        "fast_vector": (1, 0, 0),
        "slow_vector": (0, 1, 0),
        "pixels_fast": 12,
        "pixels_slow": 10,
        "pixel_mm": 0.1,
    }
    config = nbcy.Config(
        crystal={"cell_angstrom_deg": 70, "cells": 3, "default_F": 10.0},
        detector={"panels": [panel, {**panel, "origin_mm": (2, 0, 100), "pixels_slow": 8}]},
    )
    pixels = np.zeros(12 * 18, np.float32)
    pixels[12 * 10 - 1] = 1e6  # the last of the first panel
    image = Image(pixels, build_scene(config), {})
    response = nbcy.Response(psf="gauss", psf_fwhm_um=150, offset=2, readout=1)
    read = response.expected(image)
    assert (read.panels[1] == 2.0).all()
    assert read.panels[0][-1, -1] > read.panels[0][-2, -1] > 2.0
    one, other = image.with_response(response.replace(psf=None, psf_fwhm_um=None)).panels
    assert abs(np.corrcoef(one[:8].ravel(), other.ravel())[0, 1]) < 6.0 / math.sqrt(96)


# What is read


@pytest.mark.parametrize("psf", [None, "gauss", "fibre"])
def test_the_mean_of_many_is_what_is_expected(psf):
    photons = np.zeros((12, 14))
    photons[5, 6], photons[0, 13] = 900.0, 400.0
    image = Image(photons, scene_of(12, 14), {}, dtype=np.float64)
    response = nbcy.Response(
        gain=1.5, offset=20, readout=2, psf=psf, psf_fwhm_um=psf and 180.0, dead_pixels=[(0, 5, 6)]
    )
    expected = response.expected(image)
    assert expected.pixels.dtype == np.float64
    n = 300
    mean = np.mean([image.with_response(response, i).pixels for i in range(n)], axis=0)
    # photons that spread covary, but each pixel by itself varies by no more than if it were theirs
    error = np.sqrt((1.5 * np.abs(expected.pixels - 20.0) + 4.0) / n)
    assert (np.abs(mean - expected.pixels) < 5.0 * error + 1e-3).all()


def test_saturation_dead_and_hot_pixels():
    response = nbcy.Response(
        offset=5, saturation=100, dead_pixels=[(0, 1, 2)], hot_pixels=[(0, 3, 4)]
    )
    read = flat(1e4, 6, 7).with_response(response).pixels
    assert (np.delete(read.ravel(), 1 * 7 + 2) == 100.0).all()
    assert read[1, 2] == 5.0
    assert flat(0.0, 6, 7).with_response(response).pixels[3, 4] == 100.0


def test_below_zero_stays_as_it_is():
    image = Image(np.full((5, 6), -2.5), scene_of(5, 6), {})
    assert (image.with_response(nbcy.Response(gain=2, offset=1)).pixels == -4.0).all()


def test_the_configuration_has_a_response():
    config = nbcy.Config(response={"offset": 7, "psf": "gauss", "psf_fwhm": "0.1 mm"})
    assert nbcy.Config.from_toml(config.to_toml()) == config
    assert config.response.psf_fwhm_um == 100.0
    scene = build_scene(
        nbcy.Config(
            crystal={"cell_angstrom_deg": 70, "cells": 3, "default_F": 10.0},
            detector={"distance_mm": 100, "pixels_slow": 5, "pixels_fast": 6},
            response={"offset": 7},
        )
    )
    image = Image(np.zeros((5, 6)), scene, {})
    read = image.with_response(seed=4)
    assert (read.pixels == 7.0).all()
    assert read.is_counts
    assert read.provenance["response"] == {"offset": 7.0}
    assert read.provenance["noise"]["seed"] == 4


def test_responses_are_plain_values():
    response = nbcy.Response.preset("simtbx", readout=0)
    assert pickle.loads(pickle.dumps(response)) == response == copy.deepcopy(response)
    assert response.psf_fwhm_um == 80.0
    assert response.readout == 0.0
    assert "fibre" in repr(response)
    for name in PRESETS:
        flat(10.0, 5, 6).with_response(nbcy.Response.preset(name))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"psf": "gauss"}, "psf_fwhm_um"),
        ({"psf_fwhm_um": 80}, "response.psf"),
        ({"psf_kernel": [[1, 2], [3, 4]]}, "odd"),
        ({"psf_kernel": [[1, 2, 3], [3, 4]]}, "odd"),
        ({"psf_kernel": [[]]}, "odd"),
        ({"psf_kernel": [[0]]}, "sum"),
        ({"psf_kernel": [[1]], "psf": "gauss", "psf_fwhm_um": 80}, "must not be given along with"),
        ({"hot_pixels": [(0, 1, 1)]}, "saturation"),
        ({"dead_pixels": [(0, 5, 1)]}, "pixel of the detector"),
        ({"dead_pixels": [(1, 1, 1)]}, "pixel of the detector"),
    ],
)
def test_what_does_not_go_together(fields, message):
    response = nbcy.Response(**fields)
    for read in (flat(1.0, 5, 6).with_response, lambda r: r.expected(flat(1.0, 5, 6))):
        with pytest.raises(ConfigError, match=message):
            read(response)


def test_what_cannot_be_read():
    image = flat(1.0, 5, 6)
    for read in (image.with_noise(1), image.with_response(), nbcy.Response().expected(image)):
        with pytest.raises(ConfigError, match="photons"):
            read.with_response()
        with pytest.raises(ConfigError, match="photons"):
            nbcy.Response().expected(read)
        with pytest.raises(ConfigError, match="twice"):
            read.with_noise(1)
    with pytest.raises(ConfigError, match="seed"):
        image.with_response(seed=-1)
    with pytest.raises(ConfigError, match="must be one of"):
        nbcy.Response.preset("cdd")
    pixels = np.ones((5, 6))
    pixels[2, 3] = math.nan
    with pytest.raises(ConfigError, match=r"pixels\[2, 3\]"):
        Image(pixels, scene_of(5, 6), {}).with_response()

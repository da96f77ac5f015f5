"""Predicted spots against the kernel, and what pictures show where."""

from __future__ import annotations

import dataclasses
import io
import math

import numpy as np
import pytest
from PIL import Image as Picture
from strategies import plain_config

from nbcy import ConfigError, Simulator
from nbcy.cli.main import main
from nbcy.formats.frame import Frame
from nbcy.image.local_background import local_background
from nbcy.image.marks import BEAM, RING, SPOT
from nbcy.image.measuring import measurement_of, stacked_pixels
from nbcy.image.prediction import finest_spacing, on_panels, predict_spots
from nbcy.image.resolution import radial_profile, resolution_map
from nbcy.image.view import UNMEASURED, draw_view, frame_profile
from nbcy.render.building import build_scene
from nbcy.scene.measuring import measurement_of_scene

CRYSTAL = {
    "cell_angstrom_deg": (20, 22, 25, 85, 95, 100),
    "cells": (20, 18, 16),
    "default_F": 100,
    "shape": "gauss",
    "misset_deg": (10, 20, 30),
}
DETECTOR = {
    "pixels_fast": 150,
    "pixels_slow": 110,
    "pixel_mm": 0.4,
    "distance_mm": 60,
    "xbeam_mm": 15,
    "ybeam_mm": 40,
}
ROTATION = plain_config(
    crystal=CRYSTAL,
    beam={"wavelength_angstrom": 1.2, "fluence_photons_per_m2": 1e24},
    detector={**DETECTOR, "twotheta_deg": 8},
    spindle={"phi_deg": 30, "osc_deg": 6, "steps": 60},
    sampling={"oversample": 3},
)

pytestmark = pytest.mark.filterwarnings("ignore:.*coarse:nbcy.base.errors.NbcyWarning")


def colours(png):
    return np.asarray(Picture.open(io.BytesIO(png)).convert("RGB"))


def drawn(frame, measurement=None, **options):
    """The picture with a pixel for a pixel, unless something else is asked for."""
    return colours(draw_view(frame, measurement, **{"min_size": 1, **options}))


def places(picture, colour):
    """(slow, fast) of the pixels of a colour, at their centres."""
    return np.argwhere((picture == colour).all(axis=-1)) + 0.5


def spacings(measurement, places):
    """Resolution in Angstrom at places (slow, fast) on the first panel."""
    (panel,) = measurement.panels
    points = panel.origin + panel.pixel_size * places @ np.array([panel.slow, panel.fast])
    cosine = points @ measurement.beam / np.linalg.norm(points, axis=1)
    return 1e10 * measurement.wavelength / (2 * np.sin(np.arccos(cosine) / 2))


def far_from_edges_and_beam(bright, measurement):
    """Places of bright pixels that belong to no spot beyond the edge, nor to 0 0 0."""
    inner = np.zeros(bright.shape, bool)
    inner[4:-4, 4:-4] = True
    places = np.argwhere(bright & inner) + 0.5
    return places[spacings(measurement, places) < 5]


def test_spots_are_where_the_kernel_puts_them():
    image = Simulator(ROTATION).run()
    measurement = measurement_of(image)
    # A crystal of 400 Angstrom lights up a spot of spacing d for d / 400 Angstrom, and has tails.
    wide = 2 * 5 / 400
    inner = predict_spots(
        dataclasses.replace(measurement, phi=measurement.phi + wide, osc=measurement.osc - 2 * wide)
    )
    outer = predict_spots(
        dataclasses.replace(measurement, phi=measurement.phi - wide, osc=measurement.osc + 2 * wide)
    )
    assert len(inner) > 20
    bright = image.pixels > 0.01 * image.pixels.max()
    for slow, fast in zip(inner.slow, inner.fast, strict=True):
        s, f = int(slow), int(fast)
        assert bright[max(s - 1, 0) : s + 2, max(f - 1, 0) : f + 2].any(), (slow, fast)
    predicted = np.column_stack((outer.slow, outer.fast))
    for place in far_from_edges_and_beam(bright, measurement):
        assert np.linalg.norm(predicted - place, axis=1).min() < 3.0, place


def test_spots_of_a_still():
    still = ROTATION.with_overrides({"spindle": {}})
    image = Simulator(still).run()
    spots = predict_spots(measurement_of(image), still_width=math.radians(0.8))
    predicted = np.column_stack((spots.slow, spots.fast))
    bright = image.pixels > 0.01 * image.pixels[:, :60].max()
    bright = far_from_edges_and_beam(bright, measurement_of(image))
    assert len(bright) > 20
    for place in bright:
        assert np.linalg.norm(predicted - place, axis=1).min() < 2.0, place
    (only,) = set(spots.phi)
    assert only == 0.0


def test_spots_fulfil_bragg():
    measurement = measurement_of_scene(build_scene(ROTATION))
    spots = predict_spots(measurement, 2.5e-10)
    places = np.column_stack((spots.slow, spots.fast))
    reciprocal = np.linalg.inv(measurement.cell).T
    lengths = np.linalg.norm(spots.hkl @ reciprocal, axis=1)
    np.testing.assert_allclose(spacings(measurement, places), 1e10 / lengths, rtol=1e-9)
    assert lengths.max() <= 1 / 2.5e-10
    assert ((spots.phi >= measurement.phi) & (spots.phi < measurement.phi + measurement.osc)).all()


def test_spots_need_a_crystal_of_sensible_size():
    measurement = measurement_of_scene(build_scene(ROTATION))
    with pytest.raises(ConfigError, match="need a cell"):
        predict_spots(dataclasses.replace(measurement, cell=None))
    with pytest.raises(ConfigError, match="coarser dmin"):
        predict_spots(dataclasses.replace(measurement, cell=100 * measurement.cell))


@pytest.mark.parametrize("twotheta", [0, 8])
def test_rings_and_beam(twotheta):
    config = ROTATION.with_overrides({"detector.twotheta_deg": twotheta or None})
    measurement = measurement_of_scene(build_scene(config))
    frame = Frame(np.zeros(measurement.shape, np.float32))
    for spacing in (10.0, 4.0, 2.5):
        picture = drawn(frame, measurement, rings=[spacing])
        marked = places(picture, RING)
        assert len(marked) > 100
        # The label is drawn in the same colour, in a white box over the ring.
        found = spacings(measurement, marked)
        step = np.abs(spacings(measurement, marked + np.array([1, 0])) - found)
        step += np.abs(spacings(measurement, marked + np.array([0, 1])) - found)
        near = np.abs(found - spacing) < 1.5 * step
        assert near.mean() > 0.7
        assert np.ptp(np.arctan2(*(marked[near] - marked.mean(axis=0)).T)) > 6 or twotheta
    picture = drawn(frame, measurement, rings=[])
    panel, slow, fast = on_panels(measurement, measurement.beam[np.newaxis])
    assert panel[0] == 0
    np.testing.assert_allclose(places(picture, BEAM).mean(axis=0), (slow[0], fast[0]), atol=1.0)
    assert not len(places(picture, RING))


def test_default_rings_are_inside_and_few():
    measurement = measurement_of_scene(build_scene(ROTATION))
    picture = drawn(Frame(np.zeros(measurement.shape)), measurement)
    found = spacings(measurement, places(picture, RING))
    assert found.min() >= 1e10 * finest_spacing(measurement) * 0.99


def test_masked_pixels_have_their_own_colour():
    pixels = np.ones((20, 30), np.int32)
    invalid = np.zeros((20, 30), bool)
    invalid[3:5, 7:9] = True
    picture = drawn(Frame(pixels, invalid))
    np.testing.assert_array_equal((picture == UNMEASURED).all(axis=-1), invalid)


def test_large_images_shrink_and_keep_their_peaks():
    pixels = np.zeros((1000, 400), np.float32)
    pixels[777, 333] = 100.0
    picture = drawn(Frame(pixels), max_size=250)
    assert picture.shape == (250, 100, 3)
    assert np.argwhere(picture[..., 0] == 0).tolist() == [[777 // 4, 333 // 4]]


def test_panels_are_assembled():
    panels = [
        {
            "origin_mm": (60, 20 * n - 15, -8),
            "fast_vector": (0, 0, 1),
            "slow_vector": (0, -1, 0),
            "pixels_fast": 40,
            "pixels_slow": 20 + 10 * n,
            "pixel_mm": 0.4,
        }
        for n in range(2)
    ]
    config = ROTATION.with_overrides({"detector": {"panels": panels}})
    image = Simulator(config).run()
    measurement = measurement_of(image)
    frame = Frame(stacked_pixels(image), measurement.invalid)
    picture = drawn(frame, measurement, rings=[])
    # From 5 mm above to 23 mm below the beam: 12 mm of one panel, 8 mm of nothing, 8 mm of panel.
    assert picture.shape == (70, 40, 3)
    gap = (picture == UNMEASURED).all(axis=-1).all(axis=1)
    assert np.flatnonzero(gap).tolist() == list(range(30, 50))
    spotted = drawn(frame, measurement, rings=[], spots=predict_spots(measurement))
    assert len(places(spotted, SPOT)) > 50


def test_view_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ROTATION.save("c.toml")
    assert main(["simulate", "c.toml", "--frames", "2", "--noise", "-o", "s_#####.cbf"]) == 0
    assert main(["simulate", "c.toml", "-o", "a.npy"]) == 0
    capsys.readouterr()
    assert main(["view", "s_#####.cbf", "--frame", "2"]) == 0
    assert capsys.readouterr().out == "frame 2 of 2: s.00002.png\n"
    assert main(["view", "a.npy"]) == 0
    assert main(["view", "a.npy", "--spots", "c.toml", "-o", "spots.png"]) == 0
    note = "nbcy: a.npy does not tell its geometry: NumPy files do not tell it\n"
    assert capsys.readouterr().err == note
    found = colours((tmp_path / "spots.png").read_bytes())
    assert len(places(found, SPOT)) > 100
    # 150 x 110 pixels are drawn with four each way, and a line of text above
    assert found.shape[1] == 600
    assert found.shape[0] > 440
    assert main(["view", "a.npy", "--no-title", "-o", "bare.png"]) == 0
    assert colours((tmp_path / "bare.png").read_bytes()).shape == (440, 600, 3)
    capsys.readouterr()
    assert main(["view", "s_#####.cbf", "--profile", "--colour-bar", "-o", "p.png"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["d/Å", "pixels", "median", "mean", "maximum"]
    assert sum(int(line.split()[1]) for line in table[1:-1]) == 150 * 110
    whole = colours((tmp_path / "p.png").read_bytes())
    assert (whole.shape > np.array([440, 600, 0])).all()
    for command, reason in (
        ("view a.npy --spots", "does not tell a crystal"),
        ("view a.npy --rings 3", "need the geometry"),
        ("view a.npy --frame 2", "holds 1 to 1"),
        ("view a.npy -o a.jpg", "must end in .png"),
        ("view s_00001.cbf --rings -1 2", "must be positive"),
        ("view s_00001.cbf --max-size 0", "at least 1"),
        ("view s_00001.cbf --min 5 --max 5", "--max: must be more than the minimum, 5"),
        ("view s_00001.cbf --min nan", "--min: must be a finite number"),
        ("view a.npy --linear --log", "not allowed with argument --linear"),
        ("view a.npy --profile", "--profile: needs the geometry"),
        ("view nothing_##.cbf", "no file with a number"),
    ):
        assert main(command.split()) == 2
        message = capsys.readouterr().err
        assert reason in message
        assert message.count("\n") == 1


RNG = np.random.default_rng(8)
FEW = [(40, 50), (150, 220), (200, 30), (90, 260), (10, 10)]


def with_spots(background, brightness=400.0):
    image = np.array(background, np.float32)
    for slow, fast in FEW:
        image[slow : slow + 2, fast : fast + 2] += brightness
    return image


SLOW, FAST = np.mgrid[:240, :300]
WATER = 20.0 + 30.0 * np.exp(-((SLOW - 120) ** 2 + (FAST - 150) ** 2) / 60.0**2)


@pytest.mark.parametrize(
    "background",
    [
        np.zeros((240, 300)),
        np.full((240, 300), 40.0),
        RNG.poisson(np.full((240, 300), 40.0)),
        RNG.poisson(np.full((240, 300), 0.3)),
        WATER,
        RNG.poisson(WATER),
        1e-9 * RNG.random((240, 300)),
    ],
    ids=["zero", "offset", "noise", "photons", "water", "noisy water", "fringes"],
)
@pytest.mark.parametrize("options", [{}, {"linear": True}, {"subtract_background": True}])
def test_spots_are_dark_and_the_background_light(background, options):
    image = with_spots(background)
    shades = drawn(Frame(image), **options)[..., 0].astype(int)
    for slow, fast in FEW:
        assert shades[slow : slow + 2, fast : fast + 2].max() < 80
    assert np.median(shades) > 160
    assert np.quantile(shades, 0.01) > 100  # nowhere dark without a spot
    # shrunk by three, the spots are as dark
    small = drawn(Frame(image), max_size=100, **options)[..., 0].astype(int)
    assert small.shape == (80, 100)
    for slow, fast in FEW:
        assert small[slow // 3, fast // 3] < 80


def test_nothing_is_white():
    for level in (0.0, 40.0, -3.0):
        assert (drawn(Frame(np.full((30, 40), level))) == 255).all()
    nothing = np.zeros((30, 40), bool)
    nothing[:] = True
    assert (drawn(Frame(np.ones((30, 40)), nothing)) == UNMEASURED).all()
    noise = drawn(Frame(RNG.poisson(40.0, (200, 200))))
    assert noise.min() > 60  # noise alone is not stretched to black


def test_limits_that_are_given():
    image = np.array([[0.0, 1.0, 10.0, 100.0, 1000.0]] * 3)
    log = drawn(Frame(image), low=1.0, high=100.0)[0, :, 0]
    np.testing.assert_array_equal(log, [255, 255, 128, 0, 0])  # half-way
    linear = drawn(Frame(image), low=0.0, high=100.0, linear=True)[0, :, 0]
    np.testing.assert_allclose(linear, [255, 252.45, 229.5, 0, 0], atol=0.51)
    with pytest.raises(ConfigError, match="more than the minimum"):
        draw_view(Frame(image), low=2.0, high=1.0)


def test_small_images_are_enlarged():
    image = np.arange(12.0).reshape(3, 4)
    picture = colours(draw_view(Frame(image)))
    assert picture.shape == (450, 600, 3)
    np.testing.assert_array_equal(picture[75::150, 75::150], drawn(Frame(image)))
    assert drawn(Frame(image), min_size=600, max_size=100).shape == (75, 100, 3)


def test_labels_do_not_cover_spots():
    measurement = measurement_of_scene(build_scene(ROTATION))
    image = np.zeros(measurement.shape, np.float32)
    places_of_spots = RNG.integers(5, 105, (60, 2))
    image[tuple(places_of_spots.T)] = 100.0
    bare = drawn(Frame(image), measurement, rings=[], min_size=600)
    ringed = drawn(Frame(image), measurement, rings=[4.0], min_size=600)
    black = (bare == 0).all(axis=-1)
    hidden = black & (ringed == 255).all(axis=-1)  # a label's box is white
    assert len(places(ringed, RING)) > 100
    assert not hidden.any()


def test_title_and_colour_bar_leave_the_picture_as_it_is():
    image = with_spots(WATER)
    bare = drawn(Frame(image))
    around = drawn(Frame(image), title=["name.cbf", "1 Å"], colour_bar=True)
    above = around.shape[0] - bare.shape[0]
    assert above > 0
    np.testing.assert_array_equal(around[above:, : bare.shape[1]], bare)
    assert (around[:above] < 100).any()
    long = drawn(Frame(image), title=["x" * 500, "é Å " * 20])
    assert long.shape[1] == bare.shape[1]


def test_local_background_follows_the_water_and_not_the_spots():
    image = with_spots(WATER).astype(float)
    image[:, 100:105] = np.nan
    found = local_background(image)
    # Curvature 2 x 30/60²: 1/8 of it times the cell's square between centres, 1/24 of medians.
    bound = 2 * (2 * 30 / 60**2) * 32**2 * (1 / 8 + 1 / 24)
    assert np.abs(found - WATER)[16:-16, 16:-16].max() < bound
    assert (local_background(np.full((40, 40), np.nan)) == 0.0).all()


def test_resolution_of_pixels():
    image = Simulator(ROTATION.with_overrides({"spindle": {}})).run()
    measurement = measurement_of(image)
    maps = resolution_map(measurement)
    np.testing.assert_array_equal(image.resolution(), maps)
    centres = np.argwhere(np.ones(measurement.shape, bool)) + 0.5
    expected = spacings(measurement, centres).reshape(measurement.shape)
    # the test's arccos loses digits near the beam
    np.testing.assert_allclose(maps, expected, rtol=1e-6)


def test_radial_profile():
    measurement = measurement_of_scene(build_scene(ROTATION))
    resolution = resolution_map(measurement)
    pixels = 1.0 / resolution.astype(np.float64) ** 2  # what rings are even in
    pixels[:20] = np.nan
    profile = radial_profile(pixels, resolution, rings=20)
    assert profile.pixels.sum() == 90 * 150
    np.testing.assert_allclose(
        profile.median, 1.0 / profile.resolution**2, atol=profile.median[-1] / 39
    )
    whole = frame_profile(Frame(pixels), measurement)
    np.testing.assert_allclose(whole.maximum.max(), np.nanmax(pixels))
    with pytest.raises(ConfigError, match="must hold numbers"):
        radial_profile(np.full_like(pixels, np.nan), resolution)

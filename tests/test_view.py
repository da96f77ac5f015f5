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
from nbcy.formats.frames import open_recording
from nbcy.image.measuring import measurement_of, stacked_pixels
from nbcy.image.prediction import finest_spacing, on_panels, predict_spots
from nbcy.image.view import draw_view
from nbcy.render.building import build_scene
from nbcy.scene.measuring import measurement_of_scene

RING, BEAM, SPOT, UNMEASURED = (30, 90, 200), (200, 30, 30), (220, 90, 0), (222, 214, 196)
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
        picture = colours(draw_view(frame, measurement, rings=[spacing]))
        drawn = places(picture, RING)
        assert len(drawn) > 100
        # The label is drawn in the same colour, in a white box over the ring.
        found = spacings(measurement, drawn)
        step = np.abs(spacings(measurement, drawn + np.array([1, 0])) - found)
        step += np.abs(spacings(measurement, drawn + np.array([0, 1])) - found)
        near = np.abs(found - spacing) < 1.5 * step
        assert near.mean() > 0.7
        assert np.ptp(np.arctan2(*(drawn[near] - drawn.mean(axis=0)).T)) > 6 or twotheta
    picture = colours(draw_view(frame, measurement, rings=[]))
    panel, slow, fast = on_panels(measurement, measurement.beam[np.newaxis])
    assert panel[0] == 0
    np.testing.assert_allclose(places(picture, BEAM).mean(axis=0), (slow[0], fast[0]), atol=1.0)
    assert not len(places(picture, RING))


def test_default_rings_are_inside_and_few():
    measurement = measurement_of_scene(build_scene(ROTATION))
    picture = colours(draw_view(Frame(np.zeros(measurement.shape)), measurement))
    found = spacings(measurement, places(picture, RING))
    assert found.min() >= 1e10 * finest_spacing(measurement) * 0.99


def test_masked_pixels_have_their_own_colour():
    pixels = np.ones((20, 30), np.int32)
    invalid = np.zeros((20, 30), bool)
    invalid[3:5, 7:9] = True
    picture = colours(draw_view(Frame(pixels, invalid)))
    np.testing.assert_array_equal((picture == UNMEASURED).all(axis=-1), invalid)


def test_large_images_shrink_and_keep_their_peaks():
    pixels = np.zeros((1000, 400), np.float32)
    pixels[777, 333] = 100.0
    picture = colours(draw_view(Frame(pixels), max_size=250))
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
    picture = colours(draw_view(frame, measurement, rings=[]))
    # From 5 mm above to 23 mm below the beam: 12 mm of one panel, 8 mm of nothing, 8 mm of panel.
    assert picture.shape == (70, 40, 3)
    gap = (picture == UNMEASURED).all(axis=-1).all(axis=1)
    assert np.flatnonzero(gap).tolist() == list(range(30, 50))
    spotted = colours(draw_view(frame, measurement, rings=[], spots=predict_spots(measurement)))
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
    with open_recording("a.npy") as recording:
        assert colours((tmp_path / "a.png").read_bytes()).shape[:2] == recording.shape
    found = colours((tmp_path / "spots.png").read_bytes())
    assert len(places(found, SPOT)) > 100
    for command, reason in (
        ("view a.npy --spots", "does not tell a crystal"),
        ("view a.npy --rings 3", "need the geometry"),
        ("view a.npy --frame 2", "holds 1 to 1"),
        ("view a.npy -o a.jpg", "must end in .png"),
        ("view s_00001.cbf --rings -1 2", "must be positive"),
        ("view s_00001.cbf --max-size 0", "at least 1"),
        ("view nothing_##.cbf", "no file with a number"),
    ):
        assert main(command.split()) == 2
        message = capsys.readouterr().err
        assert reason in message
        assert message.count("\n") == 1

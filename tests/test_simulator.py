"""A Simulator as an object: what it refuses, where it can travel, what cannot be changed."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import nbcy

CRYSTAL = {"cell_angstrom_deg": (50,), "cells": 3, "default_F": 10}
DETECTOR = {"pixels_fast": 12, "pixels_slow": 9, "pixel_mm": 2}


def small(**changes):
    sections = {"crystal": dict(CRYSTAL), "detector": dict(DETECTOR)}
    for section, fields in changes.items():
        sections[section] = {**sections.get(section, {}), **fields}
    return nbcy.Simulator(**sections)


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"sampling": {"oversample": 46341}}, "sampling.oversample", "at most 10000"),
        # 50 mm for 50 um
        (
            {"crystal": {"cells": None, "size_x_mm": 50}, "beam": {"size": "1 m"}},
            "sampling.oversample",
            "automatic",
        ),
        ({"detector": {"distance_mm": 1e-300}}, "sampling.oversample", "automatic"),
        (
            {"crystal": {"mosaic_spread_deg": 1, "mosaic_domains": 10**9}},
            "crystal.mosaic_domains",
            "GiB",
        ),
    ],
)
def test_slips_of_units_are_refused_before_any_work(changes, field, reason):
    with pytest.raises(nbcy.ConfigError, match=reason) as caught:
        small(**changes)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "changes",
    [{"crystal": {"default_F": 1e30}}, {"beam": {"fluence_photons_per_m2": 1e300}}],
)
def test_pixels_beyond_float32_are_an_error(changes):
    with pytest.raises(nbcy.KernelError, match=r"is inf: .*too large"):
        small(**changes).run()


@pytest.mark.parametrize("config", [nbcy.Crystal(**CRYSTAL), {"crystal": CRYSTAL}, "file.toml", 3])
def test_anything_but_a_config_is_refused(config):
    with pytest.raises(nbcy.ConfigError, match="must be a Config"):
        nbcy.Simulator(config)


@pytest.mark.parametrize("quirks", [3, ["phi_carry"], "nothing"])
def test_wrong_quirks(quirks):
    with pytest.raises(nbcy.ConfigError):
        nbcy.Simulator(nbcy.Config(crystal=CRYSTAL), quirks=quirks)


@pytest.mark.parametrize(
    "roi", [(0, 1, 2), "abcd", 5, (0, 1.5, 0, 1), (0, 12, 0, 1), (-1, 2, 0, 1)]
)
def test_wrong_regions(roi):
    with pytest.raises(nbcy.ConfigError, match="roi"):
        small().run(roi=roi)


def test_a_region_of_numpy_integers_is_written(tmp_path):
    image = small().run(roi=np.array([1, 5, 2, 6]))
    image.save(tmp_path / "a.tif")
    assert image.provenance["roi"] == [1, 5, 2, 6]


@pytest.mark.parametrize("threads", [0, -1, 1025, 2**31, True, 1.5, "many"])
def test_wrong_threads(threads):
    with pytest.raises(nbcy.ConfigError, match="threads"):
        small().run(threads=threads)


def test_progress_must_be_callable():
    with pytest.raises(nbcy.ConfigError, match="progress"):
        small().run(progress=3)


@pytest.mark.parametrize("travel", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
def test_simulators_and_images_travel(travel):
    simulator = small()
    image = simulator.run()
    there = travel(simulator)
    assert there.config == simulator.config
    np.testing.assert_array_equal(there.run().pixels, image.pixels)
    back = travel(image)
    np.testing.assert_array_equal(back.pixels, image.pixels)
    assert back.provenance == image.provenance
    assert back.scene.choices == image.scene.choices


@pytest.mark.parametrize(
    "error",
    [
        nbcy.ConfigError("beam.energy_ev", -1, "must be positive"),
        nbcy.UnitError("beam.energy", "1 s", "must be an energy"),
        nbcy.FileError("P1.hkl", "is empty", 3),
        nbcy.UsageError("-hkl: needs a value"),
    ],
)
def test_errors_come_back_from_other_processes(error):
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


def test_nothing_can_be_replaced():
    simulator = small()
    image = simulator.run()
    for owner, name in (
        *((simulator, name) for name in ("scene", "config")),
        *((image, name) for name in ("pixels", "scene", "provenance", "solid_angle")),
    ):
        with pytest.raises(AttributeError):
            setattr(owner, name, None)
    with pytest.raises(ValueError, match="read-only"):
        image.pixels[0, 0] = 1
    with pytest.raises(TypeError):
        image.provenance["isa"] = "x"


def test_an_image_is_an_array_to_numpy():
    image = small().run()
    assert np.asarray(image).dtype == np.float32
    np.testing.assert_array_equal(np.asarray(image), image.pixels)
    assert np.array(image, dtype=float).dtype == float

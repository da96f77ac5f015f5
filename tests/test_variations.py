"""Many images from one simulator."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st

import nbcy
from nbcy.base.vectors import rotate_xyz

IDENTITY = np.eye(3)
# the images are coarse, and say so
pytestmark = pytest.mark.filterwarnings("ignore::nbcy.NbcyWarning")


def simulator(**sections):
    sections.setdefault("crystal", {"mosaic_spread_deg": 0.3, "mosaic_domains": 3})
    sections.setdefault("spindle", {"phi_deg": 10.0, "osc_deg": 1.0, "steps": 2})
    return nbcy.Simulator(strategies.plain_config(**sections))


def assert_same(image, other) -> None:
    """Up to where rounding of a product of rotations falls: N h eps of each step's phase."""
    a, b = image.pixels.astype(float), other.pixels.astype(float)
    assert (abs(a - b) <= 2.0**-23 * b + 1e-12 * b.max()).all()


def matrix_of(angles_deg):
    return rotate_xyz(IDENTITY, *np.radians(angles_deg)).T


@given(st.tuples(*[strategies.between(-180.0, 180.0)] * 3))
def test_an_orientation_is_a_misset(angles) -> None:
    (image,) = simulator().run_many([matrix_of(angles)])
    crystal = {"mosaic_spread_deg": 0.3, "mosaic_domains": 3, "misset_deg": angles}
    assert_same(image, simulator(crystal=crystal).run())


def test_rotations_come_after_misset() -> None:
    first, second = matrix_of((5, 0, 0)), matrix_of((0, 7, 0))
    crystal = {"misset_deg": (5, 0, 0)}
    (image,) = simulator(crystal=crystal).run_many([second])
    (other,) = simulator(crystal={}).run_many([second @ first])
    assert_same(image, other)


def test_the_scene_of_each_image_is_its_own() -> None:
    rotation = matrix_of((0, 0, 30))
    sim = simulator()
    (image,) = sim.run_many([rotation], wavelength_angstrom=[5.0], phi_deg=[20.0])
    np.testing.assert_allclose(image.scene.reciprocal, sim.scene.reciprocal @ rotation.T)
    assert image.scene.wavelengths[0] == pytest.approx(5e-10, rel=1e-15)
    np.testing.assert_allclose(image.scene.phis[0], math.radians(20.0))
    assert image.scene.config.spindle.phi_deg == 20.0
    assert image.provenance["variation"] == {
        "rotation": rotation.tolist(),
        "wavelength_angstrom": 5.0,
        "phi_deg": 20.0,
    }
    assert sim.scene.wavelengths[0] == pytest.approx(6.2e-10)


@pytest.mark.parametrize(
    ("name", "section", "field", "values"),
    [
        ("phi_deg", "spindle", "phi_deg", [0.0, 33.0, -7.0]),
        ("wavelength_angstrom", "beam", "wavelength_angstrom", [5.0, 6.3]),
        ("fluence_photons_per_m2", "beam", "fluence_photons_per_m2", [1e20, 3e24]),
    ],
)
def test_a_variation_is_a_configuration(name, section, field, values) -> None:
    base = {
        "spindle": {"phi_deg": 10.0, "osc_deg": 1.0, "steps": 2},
        "beam": {"dispersion_percent": 1.0, "dispersion_steps": 3},
        "background": {"water_um": 10.0},
    }
    sim = simulator(**base)
    images = list(sim.run_many(**{name: values}))
    assert len(images) == len(values)
    for image, value in zip(images, values, strict=True):
        sections = {**base, section: {**base[section], field: value}}
        assert_same(image, simulator(**sections).run())


@pytest.mark.parametrize("phi", [0.0, 10.0])
def test_the_carryover_quirk_varies_too(phi) -> None:
    config = strategies.plain_config(spindle={"phi_deg": 0.0, "osc_deg": 1.0, "steps": 2})
    sim = nbcy.Simulator(config, quirks="phi_carryover")
    (image,) = sim.run_many([IDENTITY], phi_deg=[phi])
    other = nbcy.Simulator(config.with_overrides({"spindle.phi_deg": phi}), quirks="phi_carryover")
    assert_same(image, other.run())


@pytest.mark.parametrize(("start", "osc", "steps"), [(-2.0, 1.5, 3), (-0.9, 0.6, 2), (-1.5, 1, 4)])
def test_phi_is_0_where_a_configuration_has_it(start, osc, steps) -> None:
    """The quirk asks whether phi is 0 to the last bit, which the middle steps must answer alike."""
    config = strategies.plain_config(spindle={"phi_deg": start, "osc_deg": osc, "steps": steps})
    config = config.with_overrides({"quirks": ["phi_carryover"]})
    for i, image in enumerate(nbcy.frames(config, 4)):
        other = config.with_overrides({"spindle.phi_deg": start + i * osc})
        assert image.pixels.tobytes() == nbcy.Simulator(other).run().pixels.tobytes()


def test_a_fluence_may_vary_from_nothing() -> None:
    base = {"beam": {"fluence_photons_per_m2": 0.0}, "background": {"water_um": 10.0}}
    dark, bright = simulator(**base).run_many(fluence_photons_per_m2=[1e-300, 1e24])
    assert np.isfinite(dark.pixels).all()
    base["beam"]["fluence_photons_per_m2"] = 1e24
    assert_same(bright, simulator(**base).run())


def test_coordinates_serve_the_shortest_wavelength() -> None:
    """Structure factors that ended where the first wavelength sees would leave corners dark."""
    pytest.importorskip("gemmi")
    peptide = str(Path(__file__).parent / "data/structures/5e5z.pdb")
    crystal = {
        "structure_file": peptide,
        "cells": 6,
        "misset_deg": (10, 20, 30),
        "default_F": 0.0,
        "cell_angstrom_deg": None,
    }
    detector = {"pixels_fast": 60, "pixels_slow": 60, "pixel_mm": 2.0}

    def made(wavelength, **more):
        beam = {"wavelength_angstrom": wavelength}
        return simulator(crystal=crystal | more, beam=beam, detector=detector)

    (image,) = made(3.0).run_many(wavelength_angstrom=[1.2])
    other = made(1.2).run()
    assert_same(image, other)
    assert other.pixels[0, :].any()
    assert other.pixels[-1, :].any()
    with pytest.raises(nbcy.ConfigError, match="make a Simulator for each"):
        made(3.0, anomalous=True).run_many(wavelength_angstrom=[1.2])


@given(st.floats(0.1, 10.0), st.floats(0.1, 10.0))
def test_one_wavelength_is_the_one_that_was_asked_for(configured, wanted) -> None:
    """To the last bit: many cells make much of it."""
    beam = {"wavelength_angstrom": configured}
    sim = nbcy.Simulator(strategies.plain_config(beam=beam, detector={"pixels_fast": 1}))
    (image,) = sim.run_many(wavelength_angstrom=[wanted])
    own = strategies.plain_scene(beam={"wavelength_angstrom": wanted})
    assert image.scene.wavelengths.tolist() == own.wavelengths.tolist()


def test_sub_pixels_too_coarse_for_a_wavelength_are_told() -> None:
    sim = simulator(sampling={"oversample": None})
    with pytest.warns(nbcy.NbcyWarning, match="would be recommended for 0.5 Angstrom"):
        sim.run_many(wavelength_angstrom=[0.5])


def test_no_matrix_is_taken_for_nothing() -> None:
    matrices = iter([IDENTITY] * 4)
    assert len(list(simulator().run_many(matrices, phi_deg=[1.0, 2.0]))) == 2
    assert len(list(matrices)) == 2


def test_matrices_that_end_too_soon_are_told() -> None:
    shots = simulator().run_many(iter([IDENTITY]), phi_deg=[1.0, 2.0])
    next(shots)
    with pytest.raises(nbcy.ConfigError, match=r"1 of them.*must be 2"):
        next(shots)


@pytest.mark.parametrize("nothing", [{"orientations": []}, {"phi_deg": []}])
def test_no_image_is_no_error(nothing) -> None:
    assert list(simulator().run_many(**nothing)) == []


@pytest.mark.skipif(sys.platform != "linux", reason="fork is Linux's")
def test_a_fork_between_two_images_does_not_hang(tmp_path) -> None:
    script = tmp_path / "forks.py"
    script.write_text(
        "import os, sys, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "import nbcy\n"
        "crystal = nbcy.Crystal(cell_angstrom_deg=(100, 100, 100), cells=5, default_F=100)\n"
        "detector = nbcy.Detector(pixels_fast=256, pixels_slow=256, pixel_mm=0.1)\n"
        "sim = nbcy.Simulator(crystal=crystal, detector=detector)\n"
        "shots = sim.run_many(phi_deg=[0.0, 1.0], threads=2)\n"
        "next(shots)\n"
        "child = os.fork()\n"
        "next(shots)\n"
        "sys.exit(0 if child == 0 else os.waitpid(child, 0)[1])\n"
    )
    subprocess.run([sys.executable, script], timeout=120, check=True)


def test_iterables_may_be_endless() -> None:
    shots = simulator().run_many(itertools.repeat(IDENTITY))
    first, second = next(shots), next(shots)
    assert first.pixels.tobytes() == second.pixels.tobytes()
    fluences = [1e20, 1e21]
    assert (
        len(list(simulator().run_many(iter([IDENTITY] * 2), fluence_photons_per_m2=fluences))) == 2
    )


def test_images_do_not_share_memory() -> None:
    first, second = simulator().run_many([IDENTITY, matrix_of((40, 0, 0))])
    assert not np.shares_memory(first.pixels, second.pixels)
    assert (first.pixels != second.pixels).any()


def test_masks_and_regions_hold() -> None:
    sim = simulator(sampling={"oversample": 1, "roi": (3, 7, 2, 5)})
    (image,) = sim.run_many([matrix_of((3, 0, 0))])
    outside = np.ones(image.pixels.shape, bool)
    outside[2:6, 3:8] = False
    assert not image.pixels[outside].any()
    assert image.pixels[~outside].all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing varies"),
        ({"orientations": 3}, "must be rotation matrices"),
        ({"orientations": IDENTITY}, "shape"),
        ({"orientations": [IDENTITY, 2 * IDENTITY]}, r"orientations\[1\].*orthogonal"),
        ({"orientations": [np.diag([1.0, 1.0, -1.0])]}, r"determinant \+1"),
        ({"orientations": [np.full((3, 3), np.nan)]}, "rotation matrix"),
        ({"orientations": [["a"] * 3] * 3}, "shape"),
        ({"orientations": [[1, 2], [3]]}, "must be matrices"),
        ({"orientations": [None, IDENTITY]}, "must be matrices"),
        ({"phi_deg": [np.inf]}, r"phi_deg\[0\].*finite"),
        ({"wavelength_angstrom": [1.0, 0.0]}, r"wavelength_angstrom\[1\].*positive"),
        ({"fluence_photons_per_m2": 1e20}, "one for each image"),
        ({"orientations": [IDENTITY], "phi_deg": [1.0, 2.0]}, "same length"),
        ({"phi_deg": [1.0], "threads": 0}, "threads"),
        ({"phi_deg": ["x"]}, "list of numbers"),
        ({"wavelength_angstrom": ["1 nm"]}, "list of numbers"),
        ({"phi_deg": [1j]}, "list of numbers"),
    ],
)
def test_wrong_variations_are_refused_at_once(arguments, message) -> None:
    with pytest.raises(nbcy.ConfigError, match=message):
        simulator().run_many(**arguments)


def test_listed_wavelengths_cannot_vary() -> None:
    sources = strategies.text_file("-10 0 0 1 6.2e-10\n")
    sim = simulator(beam={"source_file": sources})
    with pytest.raises(nbcy.ConfigError, match="source_file lists the wavelengths"):
        sim.run_many(wavelength_angstrom=[1.0])

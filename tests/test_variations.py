"""Many images from one simulator."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st

import nbcy
from nbcy.vectors import rotate_xyz

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
        ({"phi_deg": [np.inf]}, r"phi_deg\[0\].*finite"),
        ({"wavelength_angstrom": [1.0, 0.0]}, r"wavelength_angstrom\[1\].*positive"),
        ({"fluence_photons_per_m2": 1e20}, "one for each image"),
        ({"orientations": [IDENTITY], "phi_deg": [1.0, 2.0]}, "same length"),
        ({"phi_deg": [1.0], "threads": 0}, "threads"),
    ],
)
def test_wrong_variations_are_refused_at_once(arguments, message) -> None:
    with pytest.raises(nbcy.ConfigError, match=message):
        simulator().run_many(**arguments)


def test_listed_wavelengths_cannot_vary() -> None:
    sources = strategies.text_file("-10 0 0 1 6.2e-10\n")
    sim = simulator(beam={"source_file": sources})
    with pytest.raises(nbcy.ConfigError, match="source_file lists the wavelengths"):
        next(sim.run_many(wavelength_angstrom=[1.0]))

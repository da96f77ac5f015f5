"""Orientations end where they were meant to: in the scene's cell vectors."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import strategies
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

import nbcy
from nbcy.base.errors import ConfigError
from nbcy.base.vectors import unit
from nbcy.config import Config
from nbcy.crystal.orientations import (
    from_reflections,
    from_zone_axes,
    misset_from_matrix,
    mosflm_matrix,
    random_orientations,
    uniform_orientations,
)
from nbcy.render.building import build_scene

# Angles in degrees, sines of them, three rotations: some ten roundings of numbers up to 1.
EXACT = 1e-13
DETECTOR = {"pixels_fast": 4, "pixels_slow": 4}

indices = st.tuples(*[st.integers(-9, 9)] * 3).filter(any)


def axes(**crystal):
    """Rows a, b, c in Å as they are rendered."""
    config = Config(crystal={"default_F": 1.0, **crystal}, detector=DETECTOR)
    return 1e10 * build_scene(config).orientations[0, 0]


def standard(cell):
    return axes(cell_angstrom_deg=cell)


def same_axes(found, wanted):
    return np.allclose(found, wanted, rtol=0.0, atol=EXACT * 10.0 * np.abs(wanted).max())


@given(u=strategies.rotation_matrices(), cell=strategies.cells())
def test_a_misset_renders_the_orientation(u, cell):
    misset = misset_from_matrix(u)
    assert same_axes(axes(cell_angstrom_deg=cell, misset_deg=misset), standard(cell) @ u.T)


@given(u=strategies.rotation_matrices(), cell=strategies.cells())
def test_a_matrix_renders_the_orientation(u, cell):
    wavelength = 0.9
    config = Config(
        crystal={"matrix": mosflm_matrix(u, cell, wavelength), "default_F": 1.0},
        beam={"wavelength_angstrom": wavelength},
        detector=DETECTOR,
    )
    found = 1e10 * build_scene(config).orientations[0, 0]
    # Three inversions of a cell whose edges and angles may be far from equal.
    wanted = standard(cell) @ u.T
    assert np.allclose(found, wanted, rtol=0.0, atol=1e-11 * np.abs(wanted).max())


@pytest.mark.parametrize("y", [90.0, -90.0, 90.0 - 1e-7, 89.9999])
@given(x=st.floats(-180.0, 180.0), z=st.floats(-180.0, 180.0))
def test_a_misset_where_y_is_a_right_angle(y, x, z):
    u = Rotation.from_euler("xyz", [x, y, z], degrees=True).as_matrix()
    back = Rotation.from_euler("xyz", misset_from_matrix(u), degrees=True).as_matrix()
    assert np.allclose(back, u, rtol=0.0, atol=EXACT)


def test_missets_are_those_of_scipy():
    rotations = Rotation.from_matrix(random_orientations(200, 3))
    assert np.allclose(misset_from_matrix(rotations), rotations.as_euler("xyz", degrees=True))
    assert misset_from_matrix(np.empty((0, 3, 3))).shape == (0, 3)


@given(
    u=strategies.rotation_matrices(),
    cell=strategies.cells(),
    first=indices,
    second=indices,
    scales=st.tuples(st.floats(0.1, 10.0), st.floats(0.1, 10.0)),
)
@pytest.mark.parametrize("find", [from_reflections, from_zone_axes])
def test_two_directions_give_the_orientation_back(find, u, cell, first, second, scales):
    assume(np.cross(first, second).any())
    real = standard(cell)
    vectors = real if find is from_zone_axes else np.linalg.inv(real).T
    inside = [np.array(index) @ vectors for index in (first, second)]
    sine = np.linalg.norm(np.cross(*inside)) / math.prod(map(np.linalg.norm, inside))
    assume(sine > 1e-3)
    lab = [scale * (u @ vector) for scale, vector in zip(scales, inside, strict=True)]
    found = find(cell, first, lab[0], second, lab[1])
    # What roundings there are is divided by the sine of the angle between the two.
    assert np.allclose(found, u, rtol=0.0, atol=EXACT * 10.0 / sine)
    assert same_axes(
        axes(cell_angstrom_deg=cell, misset_deg=misset_from_matrix(found)), real @ found.T
    )


def test_the_first_direction_is_exact_and_the_second_in_the_plane():
    cell = (40.0, 50.0, 60.0, 90.0, 90.0, 90.0)
    turned = [math.cos(math.radians(92.0)), math.sin(math.radians(92.0)), 0.0]
    found = from_zone_axes(cell, (0, 0, 1), (1, 0, 0), (1, 0, 0), turned)
    assert np.allclose(found @ [0, 0, 1], [1, 0, 0], atol=EXACT)
    assert np.allclose(found @ [1, 0, 0], [0, 1, 0], atol=EXACT)


def test_an_image_is_indexed_by_its_own_spots():
    cell = (30.0, 35.0, 40.0, 80.0, 95.0, 100.0)
    u = random_orientations(1, 8)[0]
    image = nbcy.Simulator(
        crystal={
            "cell_angstrom_deg": cell,
            "misset_deg": misset_from_matrix(u),
            "cells": 10,
            "default_F": 50.0,
        },
        detector={"distance_mm": 80, "pixel_mm": 0.4, "pixels_fast": 200, "pixels_slow": 200},
    ).run()
    panel, beam = image.scene.panels[0], image.scene.beam
    spots = []
    for at in np.argsort(image.pixels, axis=None)[::-1]:
        slow, fast = np.unravel_index(at, image.pixels.shape)
        across = (fast + 0.5) * panel.fast + (slow + 0.5) * panel.slow
        s = unit(panel.origin + panel.pixel_size * across) - beam
        hkl = np.rint(1e10 * image.scene.orientations[0, 0] @ s)  # at 1 Å
        if hkl.any() and all(np.linalg.norm(np.cross(unit(s), unit(t))) > 0.5 for _, t in spots):
            spots.append((hkl, s))
        if len(spots) == 2:
            break
    (first, s), (second, t) = spots
    found = from_reflections(cell, first, s, second, t)
    # A spot reaches 1/10 of a cell, half a pixel is 1/400 of the distance; both count twice.
    length = min(np.linalg.norm(s), np.linalg.norm(t))
    assert Rotation.from_matrix(found @ u.T).magnitude() < 2.0 * (0.1 / 30.0 + 1.0 / 400.0) / length


def test_random_orientations_repeat_and_have_no_preference():
    some, more = random_orientations(500, 7), random_orientations(2000, 7)
    assert np.array_equal(some, more[:500])
    assert not np.array_equal(some, random_orientations(500, 8))
    assert np.allclose(more @ more.swapaxes(1, 2), np.eye(3), atol=EXACT)
    # Each element of a uniform rotation has the mean 0 and the variance 1/3.
    assert np.abs(more.mean(axis=0)).max() < 5.0 / math.sqrt(3.0 * 2000)
    # The angle of a uniform rotation has the mean pi/2 + 2/pi, and a variance below 1.
    angles = Rotation.from_matrix(more).magnitude()
    assert abs(angles.mean() - (math.pi / 2.0 + 2.0 / math.pi)) < 5.0 / math.sqrt(2000)


@pytest.mark.parametrize("seed", [None, 4])
def test_uniform_orientations_are_evenly_spread(seed):
    spread = Rotation.from_matrix(uniform_orientations(1000, seed)).as_quat()
    drawn = Rotation.from_matrix(random_orientations(1000, 1)).as_quat()

    def nearest(quaternions):
        dots = np.abs(quaternions @ quaternions.T)
        np.fill_diagonal(dots, 0.0)
        return np.degrees(2.0 * np.arccos(dots.max(axis=1)))

    # As spheres that fill the 8 pi² of rotations to about two thirds; drawn at random, some touch.
    assert nearest(spread).min() > 10.0 > 5.0 > nearest(drawn).min()
    assert nearest(spread).max() < 25.0


def test_a_seed_turns_the_grid_rigidly():
    one, other = uniform_orientations(50), uniform_orientations(50, seed=2)
    turns = np.swapaxes(one, 1, 2) @ other
    assert np.allclose(turns, turns[0], atol=EXACT)
    assert not np.allclose(turns[0], np.eye(3))


CELL = (50.0, 60.0, 70.0, 90.0, 90.0, 90.0)


@pytest.mark.parametrize(
    ("call", "field", "expected"),
    [
        (lambda: random_orientations(-1, 0), "n", "not negative"),
        (lambda: random_orientations(2, 1.5), "seed", "whole number"),
        (lambda: uniform_orientations(True), "n", "whole number"),
        (lambda: misset_from_matrix(np.diag([1.0, 1.0, -1.0])), "rotation", "right-handed"),
        (lambda: misset_from_matrix(2.0 * np.eye(3)), "rotation", "rotation matrix"),
        (lambda: misset_from_matrix(np.full((3, 3), np.nan)), "rotation", "rotation matrix"),
        (lambda: misset_from_matrix([1, 2, 3]), "rotation", r"shape \(..., 3, 3\)"),
        (lambda: mosflm_matrix(np.eye(3), CELL, 0.0), "wavelength_angstrom", "positive"),
        (
            lambda: mosflm_matrix(np.eye(3), (50, 60, 70, 30, 30, 90), 1.0),
            "crystal.cell_angstrom_deg",
            "form no cell",
        ),
        (
            lambda: from_reflections(CELL, (1, 0, 0), (1, 0, 0), (2, 0, 0), (0, 1, 0)),
            "hkl_2",
            "parallel to hkl_1",
        ),
        (
            lambda: from_reflections(CELL, (1, 0, 0), (1, 0, 0), (0, 1, 0), (-3, 0, 0)),
            "direction_2",
            "parallel to direction_1",
        ),
        (
            lambda: from_reflections(CELL, (1, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)),
            "direction_2",
            "45.0° with direction_1.*90.0° apart",
        ),
        (
            lambda: from_zone_axes(CELL, (0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)),
            "uvw_1",
            "not all 0",
        ),
    ],
)
def test_wrong_use(call, field, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConfigError, match=expected) as caught:
            call()
    assert caught.value.field == field

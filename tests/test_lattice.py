"""Cell, setting, size, orientations (physics 6 and 8)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nbcy.base.cell import (
    cell_parameters,
    dual,
    impose_lengths,
    reciprocal_from_cell,
    reciprocal_from_matrix,
)
from nbcy.base.constants import RTD
from nbcy.base.errors import ConfigError
from nbcy.base.rng import ReferenceStream
from nbcy.base.vectors import norm, rotate
from nbcy.config import Config
from nbcy.crystal.mosaic import mosaic_rotations, random_misset
from nbcy.render.building import INPUTS, build_scene
from nbcy.render.simulator import Simulator
from nbcy.scene import lattice
from nbcy.scene.desk import Desk
from nbcy.scene.lattice import orient
from nbcy.scene.measuring import measurement_of_scene

EPS = np.finfo(float).eps
X, Y, Z = np.eye(3)

lengths = st.tuples(*[st.floats(10.0, 300.0)] * 3)
degrees = st.tuples(*[st.floats(60.0, 115.0)] * 3)
# Conditioning: volume / abc of these cells is above 0.1, which costs two digits or so.
CELL = 1e3 * EPS


def stream(seed: int):
    return ReferenceStream(seed).uniform


def desk_of(fields: dict[str, object], quirk: bool = False, matrix=None) -> Desk:
    config = Config().with_overrides({**fields, "quirks": ["triclinic_cell"] if quirk else []})
    if matrix is not None:
        config = config.with_overrides({"crystal.matrix": np.asarray(matrix).tolist()})
    return Desk(config, INPUTS)


def cell_of(fields: dict[str, object], quirk: bool = False, matrix=None):
    desk = desk_of(fields, quirk, matrix)
    return desk.take(lattice.cell), desk


def formed(angles) -> bool:
    """Whether the angles form a cell that is not nearly flat."""
    cosines = [math.cos(math.radians(x)) for x in angles]
    return 1 - sum(c * c for c in cosines) + 2 * math.prod(cosines) > 0.05


# The cell


@given(edges=lengths, angles=degrees)
def test_cell_to_vectors_and_back(edges, angles):
    assume(formed(angles))
    reciprocal = reciprocal_from_cell(edges, tuple(x / RTD for x in angles))
    real = dual(reciprocal)
    np.testing.assert_allclose(real @ reciprocal.T, np.eye(3), atol=CELL)
    np.testing.assert_allclose(cell_parameters(real), edges + angles, rtol=CELL)
    np.testing.assert_allclose(
        dual(real), reciprocal, rtol=CELL, atol=CELL * norm(reciprocal).max()
    )
    # a* along x, b* in the xy plane, right-handed.
    assert reciprocal[0, 1] == reciprocal[0, 2] == reciprocal[1, 2] == 0.0
    assert np.linalg.det(reciprocal) > 0.0
    volume = math.prod(edges) * math.sqrt(
        1
        - sum(math.cos(math.radians(x)) ** 2 for x in angles)
        + 2 * math.prod(math.cos(math.radians(x)) for x in angles)
    )
    assert np.linalg.det(real) == pytest.approx(volume, rel=CELL)


@given(edges=lengths, beta=st.floats(60.0, 120.0), turn=degrees)
def test_quirk_is_exact_for_monoclinic_cells(edges, beta, turn):
    fields = {"crystal.cell_angstrom_deg": (*edges, 90.0, beta, 90.0), "crystal.misset_deg": turn}
    right, _ = cell_of(fields)
    quirk, _ = cell_of(fields, quirk=True)
    np.testing.assert_allclose(quirk.real, right.real, rtol=0, atol=CELL * max(edges))


def test_quirk_moves_the_angles_of_a_triclinic_cell():
    fields = {
        "crystal.cell_angstrom_deg": (70, 80, 90, 85, 95, 105),
        "crystal.misset_deg": (10, 20, 30),
    }
    right, _ = cell_of(fields)
    np.testing.assert_allclose(right.parameters, (70, 80, 90, 85, 95, 105), rtol=CELL)
    quirk, _ = cell_of(fields, quirk=True)
    # Six digits, as the reference prints them (golden triclinic_misset).
    np.testing.assert_allclose(
        quirk.parameters, (70, 80, 90, 84.9923, 95.0077, 105.001), rtol=0, atol=5.1e-4
    )
    # It divides by the volume of the cell that was asked for, so the two are not quite dual.
    assert quirk.volume == pytest.approx(right.volume, rel=CELL)
    shrunk = np.linalg.det(quirk.real) / right.volume
    np.testing.assert_allclose(quirk.real @ quirk.reciprocal.T, shrunk * np.eye(3), atol=CELL)
    assert 1e-6 < 1.0 - shrunk < 1e-4


def test_impose_lengths():
    reciprocal = np.diag([0.1, 0.2, 0.25])
    real, again = impose_lengths(reciprocal, (20.0, 10.0, 8.0), 1600.0)
    np.testing.assert_allclose(real, np.diag([20.0, 10.0, 8.0]))
    np.testing.assert_allclose(again, np.diag([0.05, 0.1, 0.125]))


@given(turn=st.tuples(*[st.floats(-180.0, 180.0)] * 3), angles=degrees, edges=lengths)
def test_misset_turns_the_whole_cell(turn, angles, edges):
    assume(formed(angles))
    fields = {"crystal.cell_angstrom_deg": (*edges, *angles)}
    still, _ = cell_of(fields)
    turned, _ = cell_of({**fields, "crystal.misset_deg": turn})
    rotation = np.linalg.solve(still.real, turned.real).T
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=CELL)
    assert np.linalg.det(rotation) == pytest.approx(1.0, abs=CELL)
    np.testing.assert_allclose(turned.reciprocal, still.reciprocal @ rotation.T, atol=CELL)
    assert turned.volume == pytest.approx(still.volume, rel=CELL)


def test_matrix():
    matrix = [[0.1, 0.0, 0.0], [0.02, 0.2, 0.0], [0.0, 0.0, 0.25]]
    reciprocal = reciprocal_from_matrix(matrix, 2e-10)
    np.testing.assert_allclose(reciprocal[0], [0.05, 0.01, 0.0])  # the first column, by 2 A
    cell, ledger = cell_of({}, matrix=matrix)
    np.testing.assert_allclose(cell.reciprocal, np.array(matrix).T)
    assert not ledger.notes
    left, ledger = cell_of({}, matrix=np.array(matrix)[:, [1, 0, 2]])
    assert left.volume < 0.0
    assert "left-handed" in ledger.notes[0]
    np.testing.assert_allclose(left.real @ left.reciprocal.T, np.eye(3), atol=CELL)


@pytest.mark.parametrize(
    "angles", [(90, 90, 180), (30, 40, 80), (120, 120, 120), (150, 150, 90), (0, 90, 90)]
)
def test_angles_that_form_no_cell(angles):
    with pytest.raises(ConfigError, match="form no cell"):
        reciprocal_from_cell((50.0, 60.0, 70.0), tuple(x / RTD for x in angles))


def test_no_cell_at_all():
    with pytest.raises(ConfigError, match="matrix or matrix_file"):
        cell_of({})
    with pytest.raises(ConfigError, match="in a plane"):
        cell_of({}, matrix=[[1, 2, 3], [4, 5, 6], [7, 8, 9]])


# Random rotations


def test_random_misset_is_the_reference_s():
    cell, ledger = cell_of(
        {
            "crystal.cell_angstrom_deg": (100, 100, 100, 90, 90, 90),
            "crystal.misset_random": True,
            "crystal.misset_seed": 9,
        }
    )
    # Six decimals of a degree, as the reference prints them (golden misset_random).
    angles = RTD * np.array(cell.misset)
    np.testing.assert_allclose(angles, (41.440666, 11.618092, 11.014333), rtol=0, atol=5.1e-7)
    assert ledger.choices["crystal.misset_seed"].origin == "given"
    assert cell.misset == random_misset(stream(9))


@given(
    spread=st.floats(0.0, 0.2),
    seed=st.integers(1, 2**31 - 2),
    domains=st.integers(1, 20),
)
def test_mosaic_rotations(spread, seed, domains):
    rotations = mosaic_rotations(spread, domains, stream(seed))
    np.testing.assert_array_equal(rotations[0], np.eye(3))
    # The axis has three components of few roundings each.
    products = rotations @ rotations.transpose(0, 2, 1)
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(3), products.shape), atol=20 * EPS)
    cosines = (np.trace(rotations, axis1=1, axis2=2) - 1.0) / 2.0
    # float32(spread) may be 6e-8 larger; cos loses half the digits of a small angle.
    assert np.arccos(np.clip(cosines, -1.0, 1.0)).max() <= spread * (1 + 1e-6) + 1e-7
    np.testing.assert_array_equal(rotations, mosaic_rotations(spread, domains, stream(seed)))
    # More domains extend the series, they do not change it.
    np.testing.assert_array_equal(
        mosaic_rotations(spread, domains + 3, stream(seed))[:domains], rotations
    )


# Spindle


def test_orientations_are_spindle_then_mosaic():
    real = dual(reciprocal_from_cell((50.0, 60.0, 70.0), (1.4, 1.6, 1.7)))
    phis = np.array([0.0, 0.3, -0.2])
    mosaic = mosaic_rotations(0.05, 4, stream(3))
    table, first = orient(real, Y, phis, mosaic, carryover=False)
    assert first is None
    assert table.shape == (3, 4, 3, 3)
    for p, phi in enumerate(phis):
        for d, rotation in enumerate(mosaic):
            for vector in range(3):
                expected = rotation @ rotate(real[vector], Y, phi)
                np.testing.assert_allclose(table[p, d, vector], expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(
        table @ table.transpose(0, 1, 3, 2),
        np.broadcast_to(real @ real.T, table.shape),
        rtol=CELL,
        atol=CELL * 70.0**2,
    )
    assert not table.flags.writeable


def test_carryover():
    real, mosaic = np.diag([5.0, 6.0, 7.0]), np.eye(3)[np.newaxis]

    def table(phis, carryover=True):
        later, first = orient(real, Z, np.array(phis), mosaic, carryover)
        return later[:, 0], None if first is None else first[:, 0]

    plain, _ = table([0.0, 0.1, 0.2], carryover=False)
    later, first = table([0.0, 0.1, 0.2])
    np.testing.assert_array_equal(later, plain[[2, 1, 2]])  # the first step keeps the last one's
    np.testing.assert_array_equal(first, plain)  # but has nothing to keep at the very first visit
    # In the middle of the sweep the step before has always been visited.
    plain, _ = table([-0.1, 0.0, 0.1], carryover=False)
    later, first = table([-0.1, 0.0, 0.1])
    assert first is None
    np.testing.assert_array_equal(later, plain[[0, 0, 2]])
    # With nothing to keep there is no carry-over.
    for phis in ([0.0], [0.0, 0.0], [0.1, 0.2], [1e-12, 0.1]):
        later, first = table(phis)
        assert first is None
        np.testing.assert_array_equal(later, table(phis, carryover=False)[0])


def test_orientation_table_is_bounded(monkeypatch):
    monkeypatch.setattr(lattice, "MAX_ORIENTATION_BYTES", 72 * 3)
    with pytest.raises(ConfigError, match="2 GiB"):
        orient(np.eye(3), Z, np.zeros(4), np.eye(3)[np.newaxis], carryover=False)


# Size


def cells_of(fields: dict[str, object], beam_size: float = 1e-4):
    fields = {"crystal.cell_angstrom_deg": (100, 50, 80, 90, 90, 90), **fields}
    desk = desk_of({**fields, "beam.size_mm": 1e3 * beam_size})
    return desk.take(lattice.cells), desk


def test_cells():
    assert cells_of({})[0] == (1, 1, 1)
    assert cells_of({"crystal.cells": (3, 4, 5)})[0] == (3, 4, 5)


@given(n=st.integers(1, 9000), edge=st.sampled_from([100.0, 27.31, 61.7]))
def test_whole_crystals_have_whole_cells(n, edge):
    cell = (edge, edge, edge, 90, 90, 90)
    size_mm = n * edge * 1e-7
    counts, _ = cells_of({"crystal.cell_angstrom_deg": cell, "crystal.size_x_mm": size_mm})
    assert counts == (n, 1, 1)
    counts, _ = cells_of({"crystal.cell_angstrom_deg": cell, "crystal.size_x_mm": 1.001 * size_mm})
    assert counts[0] == math.ceil(1.001 * n)


def test_size_is_clipped_to_the_beam():
    sizes = {f"crystal.size_{axis}_mm": 0.5 for axis in "xyz"}
    counts, ledger = cells_of(sizes)
    assert counts == (50_000, 20_000, 12_500)
    assert [note.split()[0] for note in ledger.notes] == ["crystal.size_y_mm", "crystal.size_z_mm"]
    counts, ledger = cells_of({**sizes, "crystal.cells": (2, 2, 2)}, beam_size=1e-3)
    assert counts == (50_000, 100_000, 62_500)
    assert "crystal.cells[0] = 2 is not used" in ledger.notes[0]


def test_angles_in_the_middle_of_their_steps():
    """Three slices of 2° from 10°: each stands for the degree before and after its angle."""
    spindle = {"phi_deg": 10.0, "osc_deg": 6.0, "steps": 3}
    for sampling, expected in (("start", (10, 12, 14)), ("middle", (11, 13, 15))):
        crystal = {"default_F": 1.0, "cell_angstrom_deg": 50.0}
        scene = build_scene(Config(crystal=crystal, spindle={**spindle, "sampling": sampling}))
        np.testing.assert_allclose(np.degrees(scene.phis), expected, rtol=1e-15)
        assert scene.choices["spindle.sampling"].value == sampling
        # what files say is the range itself
        measurement = measurement_of_scene(scene)
        assert math.degrees(measurement.phi) == pytest.approx(10.0, rel=1e-15)
        assert math.degrees(measurement.osc) == pytest.approx(6.0, rel=1e-15)
    still = Config(crystal=crystal, spindle={"phi_deg": 10.0, "sampling": "middle"})
    np.testing.assert_allclose(np.degrees(build_scene(still).phis), [10.0], rtol=1e-15)


def test_the_middle_is_the_same_from_both_ends():
    """A rotation run backwards, about the reversed axis, has the same image."""
    common = {
        "crystal": {"default_F": 100.0, "cell_angstrom_deg": (50, 60, 70), "cells": 4},
        "detector": {"pixel_mm": 0.1, "pixels_fast": 90, "pixels_slow": 90},
        "beam": {"wavelength_angstrom": 2.0},
        "sampling": {"oversample": 1},
    }
    forth = {"phi_deg": 5.0, "osc_deg": 6.0, "steps": 3, "sampling": "middle", "axis": (0, 0, 1)}
    back = {**forth, "phi_deg": -11.0, "axis": (0, 0, -1)}
    images = [
        Simulator(Config(**common, spindle=spindle)).run().pixels for spindle in (forth, back)
    ]
    np.testing.assert_allclose(*images, rtol=1e-5, atol=1e-6 * images[0].max())

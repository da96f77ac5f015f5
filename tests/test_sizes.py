"""Size, shape and strength of crystals beyond the reference's (physics 7.3, 7.8)."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import render

from nbcy.base.errors import ConfigError
from nbcy.config import Config, Crystal
from nbcy.render.simulator import Simulator

pytestmark = pytest.mark.filterwarnings("ignore::nbcy.base.errors.NbcyWarning")

SCENE = {
    "crystal.cell_angstrom_deg": (60, 70, 80, 85, 95, 100),
    "crystal.misset_deg": (10, 20, 30),
    "crystal.default_F": 100,
    "detector.pixels_fast": 24,
    "detector.pixels_slow": 20,
    "detector.pixel_mm": 1,
    "beam.fluence_photons_per_m2": 1e26,
    "sampling.oversample": 1,
}
SIZE = [[7.0, 1.0, -2.0], [1.0, 9.5, 0.5], [-2.0, 0.5, 6.0]]


def simulator(values) -> Simulator:
    return Simulator(Config().with_overrides({**SCENE, **values}))


def pixels_of(values):
    return simulator(values).run(dtype="float64").pixels


def agrees(sim):
    expected = render(sim.scene)
    image = sim.run(dtype="float64").pixels
    return bool((abs(image - expected.image) <= expected.error + 1e-12 * expected.image).all())


@pytest.mark.parametrize("shape", ["square", "round", "gauss", "tophat", "gauss_star"])
def test_fractional_numbers_of_cells(shape):
    values = {"crystal.shape": shape}
    assert agrees(simulator({**values, "crystal.cells": (5.5, 7.25, 6)}))
    whole = simulator({**values, "crystal.cells": 6}).run().pixels
    assert (whole == simulator({**values, "crystal.cells": 6.0}).run().pixels).all()
    below, above = (
        pixels_of({**values, "crystal.cells": 6 + d}).astype(float) for d in (-1e-9, 1e-9)
    )
    if shape != "tophat":  # whose edge may jump over a pixel
        np.testing.assert_allclose(below, above, rtol=1e-5, atol=1e-9 * above.max())


def test_single_precision_of_fractional_cells():
    values = {"crystal.cells": (5.5, 7.25, 6.5)}
    image = pixels_of({**values, "sampling.precision": "single"})
    exact = pixels_of(values)
    np.testing.assert_allclose(image, exact, rtol=0, atol=1e-4 * exact.max())


def test_types_of_cells():
    assert Crystal(cells=30.0).cells == (30, 30, 30)
    assert type(Crystal(cells=30.0).cells[0]) is int
    assert Crystal(cells=(5.5, 6, 7.0)).cells == (5.5, 6, 7)


@pytest.mark.parametrize("shape", ["gauss", "tophat"])
def test_matrix_of_cells(shape):
    sim = simulator({"crystal.shape": shape, "crystal.cells_matrix": SIZE})
    assert agrees(sim)
    assert sim.scene.spots.volume == pytest.approx(np.linalg.det(SIZE))
    values = {"crystal.shape": shape, "crystal.cells_matrix": np.diag([7, 9.5, 6]).tolist()}
    plain = pixels_of({"crystal.shape": shape, "crystal.cells": (7, 9.5, 6)})
    np.testing.assert_allclose(pixels_of(values), plain, rtol=1e-12)
    facts = sim.trace(1, 2).facts
    assert "cells" not in facts
    assert facts["cells_matrix"].value == tuple(np.ravel(SIZE))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cells_matrix": SIZE}, "for gauss and tophat"),
        ({"cells_matrix": SIZE, "shape": "gauss_star"}, "for gauss and tophat"),
        ({"cells_matrix": [[1, 2, 3], [0, 1, 0], [0, 0, 1]], "shape": "gauss"}, "symmetric"),
        ({"cells_matrix": [[1, 2, 0], [2, 1, 0], [0, 0, 1]], "shape": "gauss"}, "negative"),
        ({"cells_matrix": SIZE, "shape": "gauss", "size_x_mm": 1e-5}, "must not be given along"),
    ],
)
def test_what_cannot_be(values, message):
    with pytest.raises(ConfigError, match=message):
        simulator({f"crystal.{name}": value for name, value in values.items()})


def test_gauss_star_is_round_in_reciprocal_space():
    star = pixels_of({"crystal.shape": "gauss_star", "crystal.cells": 7})
    quirk = pixels_of({"crystal.shape": "gauss", "crystal.cells": 7, "quirks": ["star_radius"]})
    assert (star == quirk).all()


def test_spot_scale():
    values = {"crystal.cells": 5}
    plain, water = pixels_of(values), {"background.water_um": 1.0}
    np.testing.assert_allclose(
        pixels_of({**values, "crystal.spot_scale": 2.5}), 2.5 * plain, rtol=1e-12
    )
    both = pixels_of({**values, **water, "crystal.spot_scale": 2.5})
    alone = pixels_of({**values, **water, "crystal.default_F": 0.0})
    np.testing.assert_allclose(both, 2.5 * plain + alone, rtol=1e-12)


@pytest.mark.parametrize("listed", [False, True])
def test_B_factor(tmp_path, listed):
    values = {"crystal.cells": 5}
    if listed:
        path = tmp_path / "a.hkl"
        indices = np.indices((19, 19, 19)).reshape(3, -1).T - 9
        path.write_text("".join(f"{h} {k} {m} {50 + h}\n" for h, k, m in indices if h % 3))
        values |= {"crystal.hkl_file": str(path)}
    B, sim = 40.0, simulator(values)
    damped = simulator({**values, "crystal.B_factor_angstrom2": B})
    reciprocal = sim.scene.reciprocal
    ratios = pixels_of({**values, "crystal.B_factor_angstrom2": B}) / pixels_of(values)
    for slow, fast in np.ndindex(ratios.shape):
        hkl = sim.trace(slow, fast)["hkl_rounded"]
        s = np.linalg.norm(np.array(hkl) @ reciprocal) / 2.0
        assert ratios[slow, fast] == pytest.approx(np.exp(-2.0 * B * s * s), rel=1e-9)
    assert agrees(damped)

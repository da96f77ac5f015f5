"""Mosaic models (physics 8.6)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import render

from nbcy.base.errors import ConfigError, FileError
from nbcy.base.rng import ReferenceStream
from nbcy.base.vectors import rotation_matrices
from nbcy.config import Config, Crystal
from nbcy.crystal.mosaic import (
    axis_angle_rotations,
    gaussian_rotations,
    mosaic_rotations,
    spiral_rotations,
)
from nbcy.render.building import build_scene
from nbcy.render.simulator import Simulator

pytestmark = pytest.mark.filterwarnings("ignore:sampling.oversample")

ETA = math.radians(0.3)
SCENE = {
    "crystal.cell_angstrom_deg": (60, 70, 80, 85, 95, 100),
    "crystal.misset_deg": (10, 20, 30),
    "crystal.cells": 7,
    "crystal.default_F": 100,
    "detector.pixels_fast": 24,
    "detector.pixels_slow": 20,
    "detector.pixel_mm": 1,
    "beam.fluence_photons_per_m2": 1e26,
    "sampling.oversample": 1,
}


def stream(seed: int = 1):
    return ReferenceStream(seed).uniform


def simulator(values) -> Simulator:
    return Simulator(Config().with_overrides({**SCENE, **values}))


def angles_of(matrices):
    skew = (matrices - matrices.transpose(0, 2, 1))[:, [2, 0, 1], [1, 2, 0]]
    return np.arcsin(np.linalg.norm(skew, axis=1) / 2.0)


def vectors_of(matrices):
    return (matrices - matrices.transpose(0, 2, 1))[:, [2, 0, 1], [1, 2, 0]] / 2.0


def rms(values):
    return math.sqrt(np.mean(np.square(values)))


def test_every_model_has_its_spread():
    n = 20_000
    cap = angles_of(mosaic_rotations(ETA, n, stream()))
    assert rms(cap) / ETA == pytest.approx(0.8598, abs=0.004)  # 0.14 of one over root n, thrice
    assert cap.max() <= ETA * (1 + 1e-6)
    turned = axis_angle_rotations(ETA, n, stream())
    assert rms(angles_of(turned)) / ETA == pytest.approx(1.0, abs=2e-3)
    moved = (turned - np.eye(3)) @ np.array([0.0, 0.6, 0.8])
    assert rms(np.linalg.norm(moved, axis=1)) / ETA == pytest.approx(math.sqrt(2 / 3), abs=2e-3)
    normal = vectors_of(gaussian_rotations((ETA, 2 * ETA, 3 * ETA), n, stream()))
    covariance = np.cov(normal.T) / ETA**2
    np.testing.assert_allclose(covariance, np.diag([1.0, 4.0, 9.0]), rtol=0.01, atol=0.02)
    for count, expected in ((12, 0.86257), (50, 0.95548), (500, 0.99350)):
        spiral = spiral_rotations((ETA, ETA, ETA), count, stream())
        assert len(spiral) == 2 * count
        assert rms(angles_of(spiral)) / ETA == pytest.approx(expected, abs=6e-6)


@pytest.mark.parametrize("count", [1, 2, 7, 10])
def test_opposites(count):
    odd = axis_angle_rotations(ETA, count, stream())
    assert len(odd) == count
    both = [*odd[count % 2 :], *spiral_rotations((ETA, 2 * ETA, ETA), count, stream())]
    for one, other in zip(both[::2], both[1::2], strict=True):
        np.testing.assert_allclose(one @ other, np.eye(3), atol=1e-15)
    assert count % 2 == 0 or (odd[0] == np.eye(3)).all()


def test_spiral_of_three_widths():
    widths = np.array([1e-3, 2e-3, 4e-3])
    matrices = spiral_rotations(tuple(widths), 40, stream())
    plain = spiral_rotations((1e-3,) * 3, 40, stream())
    ratio = angles_of(matrices[2:]) / np.maximum(angles_of(plain[2:]), 1e-30)
    vectors = vectors_of(plain[2:])
    keep = np.linalg.norm(vectors, axis=1) > 0.0
    axes = vectors[keep] / np.linalg.norm(vectors[keep], axis=1)[:, np.newaxis]
    expected = 1.0 / np.sqrt(np.square(axes / (widths / 1e-3)).sum(axis=1))
    np.testing.assert_allclose(ratio[keep], expected, rtol=1e-5)  # sines stand for angles


@pytest.mark.parametrize("shape", ["square", "gauss", "round"])
def test_image_of_matrices_is_the_weighted_mean(shape):
    matrices = gaussian_rotations((0.03,) * 3, 9, stream())
    weights = [3.0, 3.0, 0.5, 0.0, 1e-9, 1.0, 2.0, 1.0, 1.0]
    given = {"crystal.shape": shape, "crystal.cells": 40 if shape == "gauss" else 7}
    whole = {"crystal.mosaic_matrices": matrices.tolist(), "crystal.mosaic_weights": weights}
    sim = simulator({**given, **whole})
    assert sim.scene.economy.skip == (shape == "gauss")
    image = sim.run(dtype="float64").pixels
    mean = sum(
        w * simulator({**given, "crystal.mosaic_matrices": [m]}).run(dtype="float64").pixels
        for w, m in zip(weights, matrices.tolist(), strict=True)
    ) / sum(weights)
    # what skipping leaves out is below 2^-28 of a pixel
    np.testing.assert_allclose(image, mean, rtol=1e-8, atol=1e-30)
    slow, fast = divmod(int(image.argmax()), image.shape[1])
    assert sim.trace(slow, fast)["I_pixel_final"] == pytest.approx(image[slow, fast], rel=1e-8)


def test_equal_weights_are_none_and_order_counts_for_nothing():
    matrices = axis_angle_rotations(0.02, 6, stream())
    listed = {"crystal.mosaic_matrices": matrices.tolist()}
    plain = simulator(listed).run(dtype="float64").pixels
    weighed = simulator({**listed, "crystal.mosaic_weights": [2.0] * 6}).run(dtype="float64").pixels
    assert (plain == weighed).all()
    weights = np.arange(1.0, 7.0)
    images = [
        simulator(
            {
                "crystal.mosaic_matrices": matrices[order].tolist(),
                "crystal.mosaic_weights": weights[order].tolist(),
            }
        )
        .run(dtype="float64")
        .pixels
        for order in (np.arange(6), np.array([5, 0, 3, 1, 4, 2]))
    ]
    np.testing.assert_allclose(images[0], images[1], rtol=1e-12)


@pytest.mark.parametrize("model", ["axis_angle", "gaussian", "spiral"])
def test_drawn_models_render_as_the_oracle_says(model):
    spread = {"crystal.mosaic_model": model, "crystal.mosaic_spread_deg": 1.0}
    sim = simulator({**spread, "crystal.mosaic_domains": 5, "spindle.phi_deg": 20.0})
    expected = render(sim.scene)
    image = sim.run(dtype="float64").pixels
    assert (abs(image - expected.image) <= expected.error + 1e-12 * expected.image).all()


@given(
    turn=st.tuples(*[st.floats(-180.0, 180.0)] * 3), model=st.sampled_from(["gaussian", "spiral"])
)
def test_domains_turn_with_the_crystal(turn, model):
    values = {
        **SCENE,
        "crystal.mosaic_model": model,
        "crystal.mosaic_spread_deg": (0.1, 1.0, 3.0),
        "crystal.mosaic_domains": 4,
    }
    still = build_scene(Config().with_overrides({**values, "crystal.misset_deg": (0, 0, 0)}))
    moved = build_scene(Config().with_overrides({**values, "crystal.misset_deg": turn}))
    x, y, z = (
        rotation_matrices(axis, np.asarray(math.radians(angle)))
        for axis, angle in zip(np.eye(3), turn, strict=True)
    )
    expected = still.orientations @ (z @ y @ x).T
    np.testing.assert_allclose(moved.orientations, expected, atol=1e-12 * abs(expected).max())
    phi = build_scene(Config().with_overrides({**values, "spindle.phi_deg": 90.0}))
    spun = rotation_matrices(still.placement.spindle, np.asarray(math.pi / 2))
    base = build_scene(Config().with_overrides(values))
    expected = base.orientations @ spun.T
    np.testing.assert_allclose(phi.orientations, expected, atol=1e-12 * abs(expected).max())


def test_three_equal_widths_are_one():
    model = {"crystal.mosaic_model": "gaussian", "crystal.mosaic_domains": 3}
    one = simulator({**model, "crystal.mosaic_spread_deg": 0.4})
    three = simulator({**model, "crystal.mosaic_spread_deg": (0.4, 0.4, 0.4)})
    assert (one.scene.orientations == three.scene.orientations).all()
    assert one.scene.mosaic_spread == three.scene.mosaic_spread == math.radians(0.4)


def test_cap_is_the_default():
    values = {"crystal.mosaic_spread_deg": 0.5, "crystal.mosaic_domains": 4}
    assert Crystal().mosaic_model == "cap"
    scene = simulator(values).scene
    expected = mosaic_rotations(math.radians(0.5), 4, ReferenceStream(12345678).uniform)
    assert (scene.mosaic == expected).all()
    assert not scene.weighted_domains


def test_files_of_matrices(tmp_path):
    matrices = gaussian_rotations((0.02,) * 3, 3, stream())
    weights = [1.0, 2.0, 3.0]
    text, npy = tmp_path / "domains.txt", tmp_path / "domains.npy"
    lines = [
        " ".join(map(repr, [*m.ravel().tolist(), w]))
        for m, w in zip(matrices, weights, strict=True)
    ]
    text.write_text("# domains\n" + "\n".join(lines) + "\n")
    np.save(npy, matrices)
    given = {"crystal.mosaic_model": "matrices"}
    listed = simulator(
        {
            **given,
            "crystal.mosaic_matrices": matrices.tolist(),
            "crystal.mosaic_weights": weights,
        }
    ).run()
    read = simulator({**given, "crystal.mosaic_matrices": str(text)}).run()
    assert (listed.pixels == read.pixels).all()
    assert "domain_weights" in simulator({"crystal.mosaic_matrices": str(text)}).trace(1, 1).facts
    both = {"crystal.mosaic_matrices": str(npy), "crystal.mosaic_weights": weights}
    assert (simulator(both).run().pixels == listed.pixels).all()
    text.write_text("1 0 0 0 1 0 0 0\n")
    with pytest.raises(FileError, match=r"domains\.txt:1: 8 columns"):
        simulator({"crystal.mosaic_matrices": str(text)})
    np.save(npy, np.zeros(4))
    with pytest.raises(FileError, match="shape"):
        simulator({"crystal.mosaic_matrices": str(npy)})


EYE = np.eye(3).tolist()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mosaic_model": "matrices"}, "needs mosaic_matrices"),
        ({"mosaic_matrices": []}, "at least one"),
        ({"mosaic_matrices": [EYE, (2 * np.eye(3)).tolist()]}, r"mosaic_matrices\[1\].*rotation"),
        ({"mosaic_matrices": [(-np.eye(3)).tolist()]}, "rotation"),
        ({"mosaic_matrices": [EYE], "mosaic_weights": [1, 2]}, "must be 1, one for each"),
        ({"mosaic_matrices": [EYE], "mosaic_weights": [0]}, "must not all be 0"),
        ({"mosaic_matrices": [EYE], "mosaic_model": "spiral"}, "must be matrices"),
        ({"mosaic_weights": [1]}, "need mosaic_matrices"),
        ({"mosaic_spread_deg": (1, 2, 3)}, "one number for cap"),
        ({"mosaic_spread_deg": (1, 2)}, "one number, or 3"),
        ({"mosaic_model": "wide"}, "must be 'cap'"),
    ],
)
def test_what_cannot_be(values, message):
    with pytest.raises(ConfigError, match=message):
        simulator({f"crystal.{name}": value for name, value in values.items()})


def test_what_is_not_used_is_said():
    with pytest.warns(UserWarning, match="mosaic_domains is not used"):
        simulator({"crystal.mosaic_matrices": [EYE], "crystal.mosaic_domains": 3})


def test_replaced_domains_keep_their_kernel():
    sim = simulator({"crystal.mosaic_matrices": [EYE, EYE], "crystal.mosaic_weights": [1, 3]})
    other = sim.with_values({"crystal.mosaic_weights": [3, 1]})
    assert "domains" in other.scene.rebuilt
    assert (sim.run().pixels == other.run().pixels).all()

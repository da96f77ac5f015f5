"""Every build of the kernel against the oracle, over the whole feature space and on the brink."""

from __future__ import annotations

import dataclasses

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings

from nbcy.base.errors import ConfigError
from nbcy.kernel._kernel import KernelScene, available_isas, chosen_isa
from nbcy.scene.scene import Scene

# float32 pixels: half a unit in the last place, or half of the smallest subnormal number
HALF_ULP, HALF_SUBNORMAL = 2.0**-24, 2.0**-150


def compare(image: np.ndarray, expected: oracle.Rendering) -> np.ndarray:
    """How far each pixel is off, as a fraction of what rounding explains; at most 1 when right."""
    allowed = abs(expected.image) * HALF_ULP + HALF_SUBNORMAL
    allowed = (allowed + expected.error) * (1.0 + HALF_ULP)
    distance = abs(image.astype(float) - expected.image)
    return np.where(expected.at_dmin, 0.0, distance / allowed)


def assert_agrees(scene: Scene) -> None:
    """Every build and one, two and five threads give the oracle's image and solid angle."""
    expected = oracle.render(scene)
    kernel = KernelScene(scene)
    for isa in available_isas():
        image, solid_angle = kernel.render(1, isa)
        assert image.dtype == np.float32
        assert np.isfinite(image).all()
        off = compare(image, expected)
        worst = np.unravel_index(np.argmax(off), off.shape)
        assert off[worst] <= 1.0, (
            f"{isa}: {image[worst]!r} at {worst} instead of {expected.image[worst]!r} "
            f"± {expected.error[worst]:.3g}; {np.count_nonzero(off > 1.0)} pixels are off"
        )
        angle, error = oracle.total_solid_angle(scene)
        assert abs(solid_angle - angle) <= error + image.size * oracle.EPS * angle
    for threads in (2, 5):
        again, angle = kernel.render(threads, isa)
        assert again.tobytes() == image.tobytes()
        assert angle == solid_angle
    # dmin's edge is a sphere of exactly one radius: only by accident does a pixel lie on it
    assert np.count_nonzero(expected.at_dmin) <= max(2, expected.image.size // 50)


# the one test that meets every feature with every other: it gets three times the examples
@settings(max_examples=3 * settings().max_examples)
@given(strategies.scenes())
def test_drawn_scenes(scene: Scene) -> None:
    assert_agrees(scene)


@pytest.mark.parametrize("name", strategies.DEGENERATE)
def test_degenerate_scenes(name: str) -> None:
    scene = strategies.DEGENERATE[name]()
    assert_agrees(scene)


def test_exact_bragg_peak_has_its_full_height() -> None:
    scene = strategies.DEGENERATE["exact Bragg peak"]()
    (step,) = oracle.breakdown(scene, 0, 0)
    assert (step.hkl == step.hkl_rounded).all()
    assert (step.hkl != 0.0).all()
    n = float(np.prod(scene.cells))
    assert step.intensity == (scene.hkl.default_F * n) ** 2
    image, solid_angle = KernelScene(scene).render()
    # 2theta is 90 degrees: the unpolarised beam loses half
    expected = step.intensity * 0.5 * solid_angle * scene.r_e_sqr * scene.fluence
    assert image[0, 0] == np.float32(expected)


@pytest.mark.parametrize("isa", available_isas())
def test_half_way_goes_to_the_lower_reflection(isa: str) -> None:
    """ceil(h - 1/2) at half-integers that are exact: there is no rounding to hide behind."""
    scene = strategies.DEGENERATE["exactly between reflections"]()
    (step,) = oracle.breakdown(scene, 0, 0)
    assert (step.hkl - np.floor(step.hkl) == 0.5).any()
    image, _ = KernelScene(scene).render(isa=isa)
    assert image[0, 0] == np.float32(oracle.render(scene).image[0, 0])


def test_everything_below_dmin_leaves_the_water() -> None:
    scene = strategies.DEGENERATE["everything below dmin"]()
    with_water, _ = KernelScene(scene).render()
    without, _ = KernelScene(scene.replaced(water=0.0)).render()
    assert not without.any()
    assert with_water.all()


# How much of a change of one part in a million, or one radian in a million, the comparison sees.
TINY = 1e-6
CHANGES = {
    "wavelength": lambda s: {"wavelengths": s.wavelengths * (1.0 + TINY)},
    "incident beam": lambda s: {"incident": s.incident + np.array([0.0, TINY, 0.0])},
    "cell": lambda s: {"orientations": s.orientations * (1.0 + TINY)},
    "one domain": lambda s: {
        "orientations": s.orientations * np.array([1.0 + TINY, 1.0])[:, None, None]
    },
    "weights": lambda s: {"weights": s.weights * np.array([1.0 + TINY, 1.0 - TINY])},
    "fluence": lambda s: {"fluence": s.fluence * (1.0 + TINY)},
    "Kahn factor": lambda s: {"kahn_factor": s.kahn_factor + TINY},
    "polarization": lambda s: {"polarization": s.polarization + np.array([0.0, 0.1, 0.0])},
    "detector origin": lambda s: {
        "panels": (dataclasses.replace(s.panels[0], origin=s.panels[0].origin * (1.0 + TINY)),)
    },
    "close distance": lambda s: {
        "panels": (
            dataclasses.replace(
                s.panels[0], close_distance=s.panels[0].close_distance * (1.0 + TINY)
            ),
        )
    },
    "absorption": lambda s: {"mu": s.mu * (1.0 + 10 * TINY)},
    "layer step": lambda s: {"layer_step": s.layer_step * (1.0 + 10 * TINY)},
    "water": lambda s: {"water": s.water * (1.0 + 10 * TINY)},
    "cells": lambda s: {"cells": (s.cells[0], s.cells[1], s.cells[2] + 1)},
    "structure factors": lambda s: {
        "hkl": dataclasses.replace(s.hkl, data=s.hkl.data * (1.0 + TINY))
    },
    "oversampled solid angle": lambda s: {"oversample_omega": False},
    "oversampled polarization": lambda s: {"oversample_polar": False},
    "oversampled capture": lambda s: {"oversample_thick": False},
    "mask": lambda s: {"mask": np.eye(20, 24, dtype=np.uint8)},
    "region": lambda s: {"roi": (0, 23, 0, 18)},
    "dmin": lambda s: {"dmin": 6.0 * s.wavelengths[0]},
    "shape": lambda s: {"shape": "round"},
    "interpolation": lambda s: {"interpolate": True},
    "point pixel": lambda s: {"point_pixel": True},
}


@pytest.fixture(scope="module")
def rich_scene() -> Scene:
    """A scene in which everything has a say."""
    scene = strategies.plain_scene(
        crystal={"mosaic_spread_deg": 0.5, "mosaic_domains": 2, "misset_deg": (10.0, 20.0, 30.0)},
        beam={"kahn_factor": 0.6, "dispersion_percent": 1.0, "dispersion_steps": 2},
        detector={"thickness_um": 500.0, "thickness_steps": 2, "attenuation_depth_um": 300.0},
        sampling={
            "oversample": 2,
            "oversample_omega": True,
            "oversample_polar": True,
            "oversample_thick": True,
        },
        background={"water_um": 0.001},
    )
    factors = np.random.default_rng(1).random((9, 9, 9)) * 100.0
    hkl = dataclasses.replace(
        scene.hkl, data=factors, n_loaded=343,
        h_min=-3, h_max=3, k_min=-3, k_max=3, l_min=-3, l_max=3,
    )  # fmt: skip
    hkl.data[[0, -1]] = hkl.data[:, [0, -1]] = hkl.data[:, :, [0, -1]] = hkl.default_F
    return scene.replaced(hkl=hkl)


VARIANTS = {
    "nothing": lambda s: {},
    "layer_capture": lambda s: {"layer_capture": True},
    "layer_capture, last layer": lambda s: {"layer_capture": True, "oversample_thick": False},
    "layers by themselves": lambda s: {"oversample_thick": False},
    "thick layers": lambda s: {"layer_step": 5e-3},
    "water_scaling": lambda s: {"water_scaling": True, "water": 1e9},
    "both water and layer quirks": lambda s: {
        "water_scaling": True, "water": 1e9, "layer_capture": True, "oversample_thick": False,
    },
    "water and nothing else": lambda s: {"hkl": dataclasses.replace(s.hkl, data=0.0 * s.hkl.data)},
    "water beyond dmin": lambda s: {"dmin": 6.0 * s.wavelengths[0], "oversample_polar": False},
    "dmin between wavelengths": lambda s: {
        "dmin": 6.0 * s.wavelengths[0], "oversample_polar": False, "water_scaling": True,
        "wavelengths": s.wavelengths * np.array([1.0, 0.8]),
    },
    "first visit": lambda s: {"first_orientations": 1.01 * s.orientations},
    "first visit that dmin leaves": lambda s: {
        "first_orientations": 1.01 * s.orientations, "dmin": 6.0 * s.wavelengths[0],
    },
    "first visit behind a mask": lambda s: {
        "first_orientations": 1.01 * s.orientations,
        "mask": np.eye(20, 24, k=3, dtype=np.uint8),
    },
    "round": lambda s: {"shape": "round", "fudge": 2.0},
    "gauss": lambda s: {"shape": "gauss", "fudge": 0.2},
    "gauss, star_radius": lambda s: {"shape": "gauss", "fudge": 0.2, "star_radius": True},
    "tophat": lambda s: {"shape": "tophat", "fudge": 0.02},
    "tophat, star_radius": lambda s: {"shape": "tophat", "fudge": 0.02, "star_radius": True},
    "one cell along b": lambda s: {"cells": (5, 1, 2)},
    "interpolation inside the box only": lambda s: {
        "interpolate": True, "hkl": dataclasses.replace(s.hkl, default_F=12.0),
    },
    "unlike weights": lambda s: {"weights": np.array([0.9, 0.1])},
    "curved": lambda s: {"curved": True},
    "everything once": lambda s: {
        "oversample_omega": False, "oversample_polar": False, "oversample_thick": False,
    },
}  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_rich_scene(rich_scene: Scene, variant: str) -> None:
    scene = rich_scene.replaced(**VARIANTS[variant](rich_scene))
    assert oracle.render(scene).image.any()
    assert_agrees(scene)


@pytest.mark.parametrize("change", CHANGES)
def test_comparison_sees_changes(rich_scene: Scene, change: str) -> None:
    """The bounds are sharp: hardly anything can be wrong by a millionth without being seen."""
    changed = rich_scene.replaced(**CHANGES[change](rich_scene))
    off = compare(KernelScene(changed).render()[0], oracle.render(rich_scene))
    assert (off > 1.0).any()


@given(strategies.scenes())
def test_traced_steps(scene: Scene) -> None:
    """Every step of a traced pixel is the oracle's, and the sum is the image's pixel."""
    slow, fast = (int(index[-1]) if len(index) else 0 for index in oracle.rendered_pixels(scene))
    kernel = KernelScene(scene)
    traced = kernel.trace(slow, fast)
    steps = oracle.breakdown(scene, slow, fast)
    n_steps = traced["intensity"].size
    assert len(steps) == n_steps
    per_visit = n_steps // traced["R"].size
    per_source = n_steps // traced["polar"].size
    for number, step in enumerate(steps):
        visit = step.visit
        if visit.at_dmin[0]:
            continue
        at_visit, at_source = number // per_visit, number // per_source
        roundoff = float(visit.roundoff[0])
        position = traced["pixel_pos"].reshape(-1, 3)[at_visit]
        np.testing.assert_allclose(
            position, visit.position[0], rtol=0, atol=roundoff * visit.airpath[0]
        )
        for key, mine, error in (
            ("R", visit.airpath, roundoff * visit.airpath),
            ("omega", visit.omega, 4.0 * roundoff * visit.omega),
            ("capture", visit.capture, visit.capture_error + oracle.EPS),
        ):
            assert abs(traced[key].flat[at_visit] - mine[0]) <= error[0], key
        assert abs(traced["polar"].flat[at_source] - visit.polar[0]) <= 4.0 * roundoff
        assert traced["skipped"].flat[at_source] == visit.skipped[0]
        if visit.skipped[0]:
            continue
        slack = oracle.index_slack(scene, visit, step.cell)
        hkl = traced["hkl_frac"].reshape(-1, 3)[number]
        assert (abs(hkl - step.hkl) <= slack).all()
        intensity, error = oracle.step_intensity_nearby(scene, step.hkl, slack)
        assert abs(traced["intensity"].flat[number] - intensity) <= error

    image, _ = kernel.render()
    fast_min, fast_max, slow_min, slow_max = scene.roi
    inside = fast_min <= fast <= fast_max and slow_min <= slow <= slow_max
    if inside and (scene.mask is None or scene.mask[slow, fast]):
        expected = oracle.render(
            scene.replaced(roi=(fast, fast, slow, slow), first_orientations=None)
        )
        photons = np.float64(traced["I_pixel_final"])
        # one more unit for the build: the trace has its own
        allowed = abs(photons) * 3.0 * HALF_ULP + HALF_SUBNORMAL + expected.error[slow, fast]
        assert abs(photons - image[slow, fast]) <= allowed


def test_isa_from_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for isa in available_isas():
        monkeypatch.setenv("NBCY_ISA", isa)
        assert chosen_isa() == isa
    monkeypatch.setenv("NBCY_ISA", "mmx")
    with pytest.raises(ConfigError, match=r"NBCY_ISA = 'mmx': .*generic"):
        chosen_isa()
    with pytest.raises(ConfigError, match=r"isa = 'mmx'"):
        KernelScene(strategies.plain_scene()).render(isa="mmx")
    monkeypatch.delenv("NBCY_ISA")
    assert chosen_isa() == available_isas()[-1]
    assert {"scalar", "generic"} <= set(available_isas())

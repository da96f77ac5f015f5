"""Single precision: faster, and off by no more than stated."""

from __future__ import annotations

import numpy as np
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st

from nbcy.crystal.structure_factors import StructureFactors
from nbcy.kernel._kernel import KernelScene, available_isas
from nbcy.render.building import build_scene
from nbcy.scene.economy import MAX_SINGLE_CELLS
from nbcy.scene.scene import Scene

OF_VALUE, OF_PEAK = 2e-6, 1e-7


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    scene = draw(strategies.scenes())
    return scene.replaced(shape=draw(st.sampled_from(["square", "gauss"])), interpolate=False)


def assert_within_the_stated_error(scene: Scene, smallest: float = 0.0) -> None:
    """On detectors a few spots wide, whose maximum is the local peak, in every build."""
    exact = KernelScene(scene).render()[0].astype(float)
    kernel = KernelScene(scene.replaced(precision="single"))
    allowed = OF_VALUE * exact + OF_PEAK * exact.max() + smallest
    for isa in available_isas():
        image, _ = kernel.render(isa=isa)
        assert (abs(image - exact) <= allowed).all(), isa


@given(scenes())
def test_the_stated_error_holds(scene: Scene) -> None:
    assert_within_the_stated_error(scene, smallest=2.0**-149)


@pytest.mark.parametrize("shape", ["square", "gauss"])
@pytest.mark.parametrize("pixel_mm", [0.4, 0.01])
@pytest.mark.parametrize(
    "cells", [(36, 47, 29), (1000, 3, 250), (2, 1, 5), (64, 64, 64), (65, 65, 65)]
)
def test_the_stated_error_holds_around_spots(cells, pixel_mm, shape) -> None:
    """Of many spots or many fringes on the detector, the peak is the largest pixel within 10."""
    config = strategies.plain_config(
        crystal={"cells": cells, "misset_deg": (10, 20, 30), "shape": shape},
        detector={"pixels_fast": 160, "pixels_slow": 150, "pixel_mm": pixel_mm},
        beam={"wavelength_angstrom": 1.0, "dispersion_percent": 1.0, "dispersion_steps": 3},
        sampling={"interpolate": False},
    )
    double = KernelScene(build_scene(config)).render()[0].astype(float)
    config = config.with_overrides({"sampling.precision": "single"})
    single = KernelScene(build_scene(config)).render()[0].astype(float)
    padded = np.pad(double, 10, "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (21, 21))
    peaks = windows.max(axis=(2, 3))
    assert (abs(single - double) <= OF_VALUE * double + OF_PEAK * peaks).all()


@pytest.mark.parametrize(("shape", "cells"), [("square", 20), ("square", 200), ("gauss", 20)])
def test_it_is_another_arithmetic(shape, cells) -> None:
    scene = strategies.plain_scene(
        crystal={"cells": cells, "shape": shape, "misset_deg": (10, 20, 30)}
    )
    double, _ = KernelScene(scene).render()
    single, _ = KernelScene(scene.replaced(precision="single")).render()
    assert (single != double).any()


BRINK = {
    name: scene
    for name, make in strategies.DEGENERATE.items()
    if (scene := make()).shape in ("square", "gauss")
    and not scene.interpolate
    and max(scene.cells) <= MAX_SINGLE_CELLS
} | {
    f"exactly between reflections, {cells}": strategies.DEGENERATE[
        "exactly between reflections"
    ]().replaced(cells=cells)
    for cells in ((31, 21, 41), (131, 121, 141))
}


@pytest.mark.parametrize("name", BRINK)
def test_the_stated_error_holds_on_the_brink(name) -> None:
    """Also which of two structure factors is meant half-way between reflections."""
    assert_within_the_stated_error(BRINK[name], smallest=2.0**-149)


@pytest.mark.parametrize("shape", ["square", "gauss"])
@pytest.mark.parametrize("cells", [3, 63, 65])
@pytest.mark.parametrize("edge", [8e4, 3e5])
def test_reflections_far_from_the_origin_are_found(edge, cells, shape) -> None:
    """Of indices around 1e5, on a list that ends on the detector, each F unlike its neighbours'."""
    config = strategies.plain_config(
        crystal={
            "cell_angstrom_deg": (edge, 0.9 * edge, 1.1 * edge),
            "misset_deg": (10, 20, 30),
            "cells": cells,
            "shape": shape,
        },
        beam={"wavelength_angstrom": 1.0},
        detector={
            **{"pixels_fast": 12, "pixels_slow": 12, "distance_mm": 10.0, "pixel_mm": 1e-3},
            **{"xbeam_mm": -8.0, "ybeam_mm": -9.0},
        },
        sampling={"interpolate": False},
    )
    unlisted = KernelScene(build_scene(config))
    nodes = np.array(
        [unlisted.trace(slow, fast)["hkl_rounded"].ravel() for slow, fast in np.ndindex(12, 12)]
    )
    assert abs(nodes).max() > edge / 2.0
    inside = abs(nodes - np.median(nodes, axis=0)).max(axis=1)
    listed = np.unique(nodes[inside < np.quantile(inside, 0.8)].astype(int), axis=0)
    amplitudes = np.random.default_rng(1).uniform(100.0, 900.0, len(listed))
    assert_within_the_stated_error(
        build_scene(config, StructureFactors(listed, amplitudes, default_F=30.0))
    )


@pytest.mark.parametrize("index", [-(2**31), -1053294592, 2**30, 2**31 - 1])
def test_a_list_beyond_reach_leaves_default_F(index) -> None:
    """Where 32-bit indices wrap; the second one to where the sign changes."""
    scene = build_scene(
        strategies.plain_config(sampling={"interpolate": False}),
        StructureFactors([[index, index, index]], [1e3], default_F=7.0),
    )
    assert KernelScene(scene).render()[0].any()
    assert_within_the_stated_error(scene)


@pytest.mark.parametrize("shape", ["square", "gauss"])
@pytest.mark.parametrize("default_F", [1e-42, 1e40])
def test_the_unit_of_F_does_not_matter(shape, default_F) -> None:
    """1e-42 has few digits as a float, 1e40 is none."""
    scene = strategies.plain_scene(
        crystal={"cells": 30, "shape": shape, "default_F": default_F, "misset_deg": (10, 20, 30)},
        beam={"fluence_photons_per_m2": 1e30 / default_F**2},
    )
    assert KernelScene(scene).render()[0].max() > 0.0
    assert_within_the_stated_error(scene)


@given(st.data())
def test_threads_and_regions_do_not_change_it(data) -> None:
    scene = data.draw(scenes()).replaced(precision="single", first_orientations=None)
    kernel = KernelScene(scene)
    image, _ = kernel.render()
    assert kernel.render(threads=3)[0].tobytes() == image.tobytes()


@pytest.mark.parametrize(
    ("crystal", "sampling"),
    [
        ({"shape": "round"}, {}),
        ({"shape": "tophat"}, {}),
        ({"cells": (5, 5, 10**5 + 1)}, {}),
        ({}, {"interpolate": True}),
    ],
)
def test_what_has_no_single_precision_says_so(crystal, sampling, tmp_path) -> None:
    hkl = tmp_path / "a.hkl"
    hkl.write_text("0 0 0 1\n5 5 5 2\n")
    config = strategies.plain_config(
        crystal={**crystal, "hkl_file": str(hkl)},
        sampling={"interpolate": False, **sampling, "precision": "single"},
    )
    scene = build_scene(config)
    assert scene.precision == "double"
    assert any("sampling.precision = single is not used" in note for note in scene.notes)

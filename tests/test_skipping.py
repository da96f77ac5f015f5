"""Gauss and tophat crystals: what is left out cannot be seen."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st

import nbcy
from nbcy.kernel._kernel import KernelScene, available_isas
from nbcy.scene.scene import Scene

ISAS = available_isas()


@st.composite
def sparse_scenes(draw: st.DrawFn) -> Scene:
    """Crystals of many cells, so that most steps of a pixel are far from any reflection."""
    scene = strategies.plain_scene(
        crystal={
            "cell_angstrom_deg": draw(
                st.sampled_from([(100, 100, 100), (40, 60, 90), (50, 60, 70, 80, 95, 110)])
            ),
            "cells": draw(st.sampled_from([(30, 30, 30), (200, 60, 40), (2000, 500, 900)])),
            "shape": draw(st.sampled_from(["gauss", "tophat"])),
            "fudge": draw(st.sampled_from([1.0, 0.3, 4.0])),
            "misset_deg": tuple(draw(strategies.between(0.0, 360.0)) for _ in range(3)),
            "mosaic_spread_deg": draw(st.sampled_from([0.01, 0.5, 20.0])),
            "mosaic_domains": draw(st.sampled_from([1, 7, 30])),
            "default_F": draw(st.sampled_from([0.0, 100.0])),
        },
        beam={
            "wavelength_angstrom": draw(st.sampled_from([1.0, 6.2])),
            "dispersion_percent": draw(st.sampled_from([0.1, 2.0])),
            "dispersion_steps": draw(st.sampled_from([1, 2, 3, 20, 70])),
            "hdiv_mrad": 1.0,
            "hdiv_steps": draw(st.sampled_from([1, 2])),
            "kahn_factor": draw(st.sampled_from([0.0, 0.9])),
            "flux_photons_per_s": draw(st.sampled_from([None, 1.0, 1e12])),
        },
        detector={
            "pixels_fast": 19,
            "pixels_slow": 18,
            "pixel_mm": draw(st.sampled_from([0.02, 0.5, 3.0])),
            "thickness_um": draw(st.sampled_from([0.0, 300.0])),
            "thickness_steps": 2,
        },
        sampling={
            "oversample": draw(st.sampled_from([1, 2])),
            "oversample_polar": draw(st.booleans()),
            "oversample_omega": draw(st.booleans()),
            "dmin_angstrom": draw(st.sampled_from([0.0, 3.0, 9.0])),
            "interpolate": False,
        },
    )
    if draw(st.booleans()):
        step = oracle.breakdown(scene, 9, 9)[0]
        listed = draw(strategies.structure_factors(step.hkl_rounded))
        scene = scene.replaced(hkl=listed.to_grid())
    return strategies.masked(scene, 3) if draw(st.booleans()) else scene


@given(sparse_scenes())
def test_what_is_left_out_cannot_be_seen(scene: Scene) -> None:
    """Less than 1/16 of a float32's last place: rounding may fall to the other side, no more."""
    kernel = KernelScene(scene)
    for isa in ISAS:
        whole, _ = kernel.render(isa=isa, skip=False)
        sparse, _ = kernel.render(isa=isa)
        assert (abs(whole - sparse) <= np.spacing(np.maximum(whole, sparse))).all()


@pytest.mark.parametrize("shape", ["gauss", "tophat"])
@pytest.mark.parametrize("cells", [10**3, 10**6, 10**9])
@pytest.mark.parametrize("wavelengths", [16, 17, 21, 65])  # more than whole chunks of 16 and 64
def test_large_crystals_see_the_same_h(shape: str, cells: int, wavelengths: int) -> None:
    """What is looked at and what is rendered are the same numbers, to the last bit."""
    beam = {"dispersion_percent": 10.0 / cells, "dispersion_steps": wavelengths}
    scene = strategies.scene_of_one_spot(cells, crystal={"shape": shape}, beam=beam)
    kernel = KernelScene(scene)
    assert kernel.scene.skip
    for isa in ISAS:
        whole, _ = kernel.render(isa=isa, skip=False)
        sparse, _ = kernel.render(isa=isa)
        assert whole.any()
        assert (abs(whole - sparse) <= np.spacing(np.maximum(whole, sparse))).all(), isa


@given(sparse_scenes())
def test_each_pixel_decides_for_itself(scene: Scene) -> None:
    """The cut into regions, and with it into groups of pixels, does not change a bit."""
    kernel = KernelScene(scene)
    whole, _ = kernel.render()
    for roi in ((0, 18, 4, 4), (3, 3, 0, 17), (5, 17, 2, 13)):
        part, _ = kernel.render(roi=roi)
        inside = (slice(roi[2], roi[3] + 1), slice(roi[0], roi[1] + 1))
        assert part[inside].tobytes() == whole[inside].tobytes()


def square_scene(scene: Scene, cutoff: float) -> Scene:
    return scene.replaced(shape="square", cutoff=cutoff)


@given(sparse_scenes(), st.sampled_from([1e-8, 1e-5, 1e-3, 0.3]))
def test_a_cutoff_takes_no_more_than_stated(scene: Scene, cutoff: float) -> None:
    """At most the cutoff of what each pixel would have with every step on its reflection."""
    kernel = KernelScene(square_scene(scene, cutoff))
    # one cell has a lattice factor of 1 everywhere
    unit, _ = KernelScene(square_scene(scene, 0.0).replaced(cells=(1, 1, 1))).render()
    largest = unit.astype(float) * float(np.prod(scene.cells, dtype=float)) ** 2
    whole, _ = kernel.render(skip=False)
    images = [kernel.render(isa=isa)[0] for isa in ISAS]
    missing = whole.astype(float) - images[-1]
    rounding = np.spacing(whole) + 1e-6 * cutoff * largest  # of the three float32 images
    assert (missing >= -np.spacing(whole)).all()
    assert (missing <= cutoff * largest + rounding).all()
    for image in images[:-1]:  # every build leaves out the same steps
        assert (abs(image.astype(float) - images[-1]) <= np.spacing(images[-1])).all()


def test_a_cutoff_leaves_out_fringes_and_keeps_spots() -> None:
    sampling = {"oversample": 1, "cutoff": 1e-4}
    detector = {"pixels_fast": 120, "pixels_slow": 120, "pixel_mm": 0.3}
    scene = strategies.plain_scene(
        crystal=crystal(cells=30, misset_deg=(10, 20, 30)), sampling=sampling, detector=detector
    )
    kernel = KernelScene(scene)
    assert kernel.scene.skip
    whole, _ = kernel.render(skip=False)
    cut, _ = kernel.render()
    peak = whole.max()
    assert cut.max() > (1.0 - 1e-3) * peak
    fringes = whole < 1e-6 * peak
    assert fringes.sum() > 1000
    assert cut[fringes].sum(dtype=float) < 0.5 * whole[fringes].sum(dtype=float)


@pytest.mark.parametrize(
    ("changes", "interpolate"), [({"shape": "gauss"}, False), ({"cells": 30}, True)]
)
def test_a_cutoff_that_is_not_used_says_so(changes, interpolate, tmp_path) -> None:
    listed = tmp_path / "a.hkl"
    listed.write_text("0 0 0 1\n5 5 5 2\n")
    sampling = {"cutoff": 1e-4, "interpolate": interpolate}
    changes = crystal(**changes, hkl_file=str(listed))
    scene = strategies.plain_scene(crystal=changes, sampling=sampling)
    assert scene.cutoff == 0.0
    assert any("sampling.cutoff is not used" in note for note in scene.notes)


@pytest.mark.parametrize("changes", [{"cells": 10}, {"mosaic_domains": 7}])
def test_a_cutoff_with_nothing_to_leave_out_says_so(changes) -> None:
    sampling = {"cutoff": 1e-4, "oversample": 100}
    config = strategies.plain_config(crystal=crystal(**changes), sampling=sampling)
    with pytest.warns(nbcy.NbcyWarning, match=r"sampling\.cutoff is not used"):
        nbcy.Simulator(config)


@pytest.mark.parametrize(("shape", "cutoff"), [("gauss", 0.0), ("square", 1e-4)])
def test_what_is_left_is_in_double_and_says_so(shape, cutoff) -> None:
    sampling = {"cutoff": cutoff, "oversample": 100}
    config = strategies.plain_config(
        crystal=crystal(shape=shape),
        sampling=sampling,
        detector={"pixels_fast": 1, "pixels_slow": 1},
    )
    nbcy.Simulator(config)  # without a note
    with pytest.warns(nbcy.NbcyWarning, match="single is not used: steps"):
        single = nbcy.Simulator(config.with_overrides({"sampling.precision": "single"}))
    assert single.run().pixels.tobytes() == nbcy.Simulator(config).run().pixels.tobytes()


def crystal(**changes):
    return {"cells": 100, "mosaic_spread_deg": 1.0, "mosaic_domains": 20, **changes}


@pytest.mark.parametrize("shape", ["gauss", "tophat"])
def test_sparse_patterns_are_skipped(shape: str) -> None:
    assert KernelScene(strategies.plain_scene(crystal=crystal(shape=shape))).scene.skip


@pytest.mark.parametrize(
    ("changes", "sampling"),
    [
        ({"shape": "square"}, {}),
        ({"shape": "square", "cells": 30}, {"cutoff": 1e-8}),
        ({"shape": "round"}, {}),
        ({"shape": "gauss", "cells": 5}, {}),
        ({"shape": "gauss", "mosaic_domains": 2}, {}),
    ],
)
def test_nothing_else_is_skipped(changes, sampling) -> None:
    scene = strategies.plain_scene(crystal=crystal(**changes), sampling=sampling)
    assert not KernelScene(scene).scene.skip


def test_the_reference_s_spot_radius_is_not_skipped() -> None:
    """Its metric has cross terms, which the bounds do not know."""
    config = strategies.plain_config(
        crystal=crystal(shape="gauss", cell_angstrom_deg=(50, 60, 70, 80, 95, 110))
    )
    scene = strategies.build_scene(config.with_overrides({"quirks": ["star_radius"]}))
    assert not KernelScene(scene).scene.skip

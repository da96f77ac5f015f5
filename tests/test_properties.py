"""What must hold for any image: symmetries, scalings and limits.

Images are float32 roundings of double sums. Where two runs add the same doubles, they are compared
bit for bit; where the sums differ only in order or scale, to one unit in the last place; where the
geometry is rounded differently, to the oracle's bound on what that does (`oracle.Rendering.error`).
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import plain_config, plain_scene

from nbcy.base.constants import DEFAULT_FLUENCE
from nbcy.config import Beam, Config
from nbcy.config.quirks import QUIRKS
from nbcy.crystal.structure_factors import StructureFactors
from nbcy.kernel._kernel import KernelScene, available_isas
from nbcy.render.building import build_scene
from nbcy.render.simulator import Simulator
from nbcy.scene.scene import Scene

EPS = np.finfo(float).eps

# One unit in the last place of a float32, at most, and the smallest subnormal one.
ULP, SUBNORMAL = 2.0**-23, 2.0**-149
angles = strategies.between(-180.0, 180.0)


def render(scene: Scene, **options: Any) -> np.ndarray:
    return KernelScene(scene).render(**options)[0]


def replace_panel(scene: Scene, **changes: Any) -> Scene:
    return scene.replaced(panels=(dataclasses.replace(scene.panels[0], **changes),))


def assert_same_photons(
    one: np.ndarray, other: np.ndarray, error: np.ndarray | float = 0.0
) -> None:
    """Equal to a unit in the last place of each, and ``error``."""
    one, other = one.astype(float), other.astype(float)
    allowed = ULP * np.maximum(abs(one), abs(other)) + SUBNORMAL + error
    off = abs(one - other) / allowed
    worst = np.unravel_index(np.argmax(off), off.shape)
    assert off[worst] <= 1.0, f"{one[worst]!r} and {other[worst]!r} at {worst}"


def polarized_scene(draw_misset: tuple[float, ...], kahn: float, twotheta: float) -> Scene:
    """A detector wide enough for every angle between beam and pixel up to 90 degrees."""
    return plain_scene(
        crystal={"misset_deg": draw_misset, "cells": 2},
        beam={"kahn_factor": kahn},
        detector={"convention": "xds", "pixel_mm": 15.0, "twotheta_deg": twotheta},
    )


# ---- polarization


@given(st.floats(-1.0, 1.0), angles)
def test_polarization_bounds(kahn: float, twotheta: float) -> None:
    """P = (1 + c² - K cos 2psi (1 - c²))/2, and cos 2psi is anything from -1 to 1.

    So P is largest at c² = 1, where it is 1 for every K, or for K cos 2psi = -1; and smallest at
    c = 0: (1 - |K|)/2. At a given c it is within |K|(1 - c²)/2 of (1 + c²)/2.
    """
    scene = polarized_scene((10.0, 20.0, 30.0), kahn, twotheta)
    kernel = KernelScene(scene)
    slack = 8.0 * oracle.EPS
    for slow in range(0, 20, 3):
        for fast in range(0, 24, 3):
            trace = kernel.trace(slow, fast)
            polar, c = float(trace["polar"].flat[0]), float(trace["cos_2theta"])
            assert (1.0 - abs(kahn)) / 2.0 - slack <= polar <= 1.0 + slack
            distance = abs(polar - (1.0 + c * c) / 2.0)
            assert distance <= abs(kahn) * (1.0 - c * c) / 2.0 + slack


def test_polarization_bounds_are_reached() -> None:
    """At 90 degrees, along the electric field nothing is scattered, across it everything."""
    for axis, expected in (((0.0, 0.0, 1.0), 0.0), ((0.0, 1.0, 0.0), 1.0)):
        scene = plain_scene(
            beam={"kahn_factor": 1.0, "direction": (1, 0, 0), "polarization_vector": (0, 0, 1)}
        )
        direction = np.array(axis)
        scene = replace_panel(
            scene, origin=0.1 * direction, fast=np.eye(3)[0], slow=np.cross(direction, np.eye(3)[0])
        )
        polar = KernelScene(scene).trace(0, 0)["polar"].flat[0]
        # the pixel's centre is half a pixel off, 0.8 mm of 100 mm in two directions
        assert abs(polar - expected) <= 2.0 * 0.008**2 + 8.0 * oracle.EPS


@given(st.tuples(angles, angles, angles), st.floats(0.0, 1.0), angles)
def test_polarization_is_linear_in_kahn(misset: Any, kahn: float, twotheta: float) -> None:
    """I(K) + I(-K) = 2 I(0): cos 2psi (1 - c²) enters with the sign of K."""
    plus, minus, none = (
        render(polarized_scene(misset, k, twotheta)).astype(float) for k in (kahn, -kahn, 0.0)
    )
    unpolarized = render(polarized_scene(misset, 0.0, twotheta).replaced(nopolar=True)).astype(
        float
    )
    # rounding of the stored pixels, and of P, which is at most 1, next to I without it
    allowed = ULP * (plus + minus) + 16.0 * oracle.EPS * unpolarized + SUBNORMAL
    assert (abs(plus + minus - 2.0 * none) <= allowed).all()


# ---- scale


@given(strategies.scenes(), st.floats(1e-3, 1e3))
def test_intensity_scales(scene: Scene, factor: float) -> None:
    """With fluence, with r_e squared and with F squared."""
    scene = scene.replaced(water=0.0)
    image = render(scene)
    expected = image * factor
    assume(expected.max() < 1e38)
    # the product of two roundings to float32 instead of one
    rounding = ULP * expected + factor * SUBNORMAL
    for change in (
        {"fluence": scene.fluence * factor},
        {"r_e_sqr": scene.r_e_sqr * factor},
    ):
        assert_same_photons(render(scene.replaced(**change)), expected, rounding)
    doubled = dataclasses.replace(
        scene.hkl, data=2.0 * scene.hkl.data, default_F=2.0 * scene.hkl.default_F
    )
    assume(image.max() < 1e37)
    again = render(scene.replaced(hkl=doubled))
    # every double is four times the other: only subnormal pixels round differently
    assert_same_photons(again, 4.0 * image, 4.0 * SUBNORMAL)
    normal = image > 1e-37
    assert (again[normal] == 4.0 * image[normal]).all()


lengths = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "nm": 1e-9}
times = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "fs": 1e-15}


@given(
    st.floats(1e6, 1e18),
    st.floats(1e-6, 1e3),
    st.floats(1e-7, 1e-2),
    st.sampled_from(sorted(times)),
    st.sampled_from(sorted(lengths)),
    st.booleans(),
)
def test_fluence_in_any_unit(
    flux: float, exposure: float, size: float, time: str, length: str, spelled: bool
) -> None:
    """Flux x exposure / size², whatever the units are."""
    beam: dict[str, Any] = {"flux_photons_per_s": flux}
    if spelled:
        beam |= {"exposure": f"{exposure / times[time]!r} {time}"}
        beam |= {"size": f"{size / lengths[length]!r} {length}"}
    else:
        beam |= {f"exposure_{time}": exposure / times[time]}
        beam |= {f"size_{length}": size / lengths[length]}
    scene = plain_scene(beam=beam)
    # a division here, a conversion to the customary unit, one to SI, and the size counts twice
    assert scene.fluence == pytest.approx(flux * exposure / size**2, rel=16.0 * oracle.EPS)


@given(st.floats(1e10, 1e35))
def test_fluence_per_any_area(fluence: float) -> None:
    for beam in (
        {"fluence_photons_per_m2": fluence},
        {"fluence_photons_per_mm2": fluence / 1e6},
        {"fluence_photons_per_um2": fluence / 1e12},
        {"fluence": f"{fluence / 1e4!r} photons/cm**2"},
    ):
        assert plain_scene(beam=beam).fluence == pytest.approx(fluence, rel=8.0 * oracle.EPS)


def test_default_fluence_makes_intensity_the_square_of_F() -> None:
    scene = plain_scene()
    assert scene.fluence == DEFAULT_FLUENCE
    assert Beam().flux_photons_per_s is None
    # both constants are given with 15 digits
    assert scene.r_e_sqr * scene.fluence == pytest.approx(1.0, rel=1e-14)


@given(
    st.floats(5.0, 300.0), st.sampled_from(["square", "round", "gauss", "tophat"]), angles, angles
)
def test_one_cell_scatters_as_its_structure_factor(
    cell: float, shape: str, x: float, y: float
) -> None:
    """With N = 1 on every axis a square crystal has no spots: I = F² everywhere.

    The other shapes do have an envelope; it is 1, but for round's factor, at most.
    """
    scene = plain_scene(
        crystal={
            "cell_angstrom_deg": (cell,), "cells": 1, "shape": shape, "misset_deg": (x, y, 0.0),
        },
        beam={"nopolar": True},
    )  # fmt: skip
    image = render(scene).astype(float)
    unit_pixels = np.zeros(image.shape)
    for visit in oracle.visits(scene, *oracle.rendered_pixels(scene)):
        unit_pixels.flat[:] = visit.omega
    expected = scene.hkl.default_F**2 * unit_pixels * scene.r_e_sqr * scene.fluence
    if shape == "square":
        assert_same_photons(image, expected)
    else:
        assert (image <= expected * (1.0 + ULP)).all()


# ---- steps


@given(strategies.scenes(), st.sampled_from(["source", "phi", "domain", "unlike sources"]))
def test_duplicating_steps_changes_nothing(scene: Scene, what: str) -> None:
    """The image is a mean over sources, phi steps and domains, however often each is counted."""
    scene = scene.replaced(first_orientations=None, water_scaling=False)
    image = render(scene)
    table = scene.orientations
    if what == "source":
        changes = {
            "incident": np.repeat(scene.incident, 2, axis=0),
            "wavelengths": np.repeat(scene.wavelengths, 2),
            "weights": np.repeat(scene.weights / 2.0, 2),
        }
    elif what == "unlike sources":
        # the first source counts once more, for a third of its weight
        weights = np.append(scene.weights, scene.weights[0] / 3.0)
        weights[0] -= weights[-1]
        changes = {
            "incident": np.append(scene.incident, scene.incident[:1], axis=0),
            "wavelengths": np.append(scene.wavelengths, scene.wavelengths[0]),
            "weights": weights,
        }
    elif what == "phi":
        changes = {"orientations": np.repeat(table, 2, axis=0), "phis": np.repeat(scene.phis, 2)}
    else:
        changes = {"orientations": np.repeat(table, 2, axis=1)}
    changed = scene.replaced(**changes)
    assert changed.steps > scene.steps
    # the sums have more terms: a rounding of a double each
    allowed = changed.steps * scene.layers * oracle.EPS * image
    assert_same_photons(render(changed), image, allowed)


def test_oversampling_converges() -> None:
    """The midpoint rule errs with the square of the sub-pixel, once every sub-pixel is itself."""
    flags = {f"oversample_{name}": True for name in ("omega", "polar", "thick")}
    scene = plain_scene(
        crystal={"cells": 3, "misset_deg": (10.0, 20.0, 30.0)},
        beam={"kahn_factor": 0.5},
        detector={
            "pixels_fast": 6, "pixels_slow": 5, "pixel_mm": 2.0,
            "thickness_um": 300.0, "attenuation_depth_um": 200.0, "thickness_steps": 2,
        },
        sampling={"oversample": 4, **flags},
    )  # fmt: skip

    def error(n: int) -> float:
        return float(abs(at(n) - finest).mean())

    def at(n: int) -> np.ndarray:
        return render(scene.replaced(oversample=n)).astype(float)

    finest = at(64)
    errors = [error(n) for n in (2, 4, 8)]
    # C (1/n² - 1/64²) without the terms of fourth order, which fall fourfold faster than those
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.2)
    assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.1)
    assert errors[2] < 1e-2 * finest.mean()


# ---- geometry


@given(strategies.scenes(), strategies.rotation_matrices())
def test_rotating_everything_changes_nothing(scene: Scene, rotation: np.ndarray) -> None:
    assume(not scene.curved)  # defined by the lab's axes
    expected = oracle.render(scene)
    turned = {
        name: np.ascontiguousarray(getattr(scene, name) @ rotation.T)
        for name in ("beam", "polarization", "incident", "orientations", "reciprocal")
    }
    if scene.first_orientations is not None:
        turned["first_orientations"] = scene.first_orientations @ rotation.T
    panel = scene.panels[0]
    axes = {k: rotation @ getattr(panel, k) for k in ("origin", "fast", "slow", "normal")}
    image = render(replace_panel(scene.replaced(**turned), **axes))
    # turning the vectors rounds as much again as using them
    error = np.where(expected.at_dmin, np.inf, 2.0 * expected.error)
    assert_same_photons(image, expected.image, error)


@given(strategies.scenes(), st.data())
def test_region_equals_the_crop(scene: Scene, data: st.DataObject) -> None:
    whole = render(scene)
    fast_min, fast_max, slow_min, slow_max = scene.roi
    fast = sorted(data.draw(st.integers(fast_min, fast_max)) for _ in range(2))
    slow = sorted(data.draw(st.integers(slow_min, slow_max)) for _ in range(2))
    expected = np.zeros_like(whole)
    inside = np.s_[slow[0] : slow[1] + 1, fast[0] : fast[1] + 1]
    expected[inside] = whole[inside]
    part = render(scene, roi=(*fast, *slow))
    assert part.tobytes() == expected.tobytes()


def test_region_of_a_simulator() -> None:
    simulator = Simulator(plain_config(sampling={"oversample": 4}))
    whole = simulator.run().pixels
    part = simulator.run(roi=(3, 10, 5, 6)).pixels
    configured = Simulator(plain_config(sampling={"oversample": 4, "roi": (3, 10, 5, 6)})).run()
    expected = np.zeros_like(whole)
    expected[5:7, 3:11] = whole[5:7, 3:11]
    assert part.tobytes() == configured.pixels.tobytes() == expected.tobytes()
    assert simulator.run().pixels.tobytes() == whole.tobytes()


@given(strategies.scenes())
def test_two_half_detectors_equal_the_whole(scene: Scene) -> None:
    panel = scene.panels[0]
    assume(panel.pixels_fast > 1 and not scene.curved)
    whole_roi = (0, panel.pixels_fast - 1, 0, panel.pixels_slow - 1)
    scene = scene.replaced(mask=None, first_orientations=None, roi=whole_roi)
    expected = oracle.render(scene)
    whole = render(scene)
    cut = panel.pixels_fast // 2
    halves = []
    for begin, end in ((0, cut), (cut, panel.pixels_fast)):
        half = replace_panel(
            scene, pixels_fast=end - begin,
            origin=panel.origin + begin * panel.pixel_size * panel.fast,
        )  # fmt: skip
        halves.append(render(half.replaced(roi=(0, end - begin - 1, *whole_roi[2:]))))
    # the left half has the whole's own origin, that of the right half is rounded
    assert halves[0].tobytes() == np.ascontiguousarray(whole[:, :cut]).tobytes()
    error = np.where(expected.at_dmin, np.inf, 2.0 * expected.error)
    assert_same_photons(np.hstack(halves), whole, error)


def rectangle_solid_angle(x: float, y: float, distance: float) -> float:
    """Of the rectangle between (0, 0) and (x, y) of a plane, seen from above its corner (0, 0)."""
    return math.atan(x * y / (distance * math.sqrt(x * x + y * y + distance * distance)))


@given(
    st.integers(1, 24), st.integers(1, 24), st.floats(1e-5, 5e-3),
    st.floats(0.02, 0.5), st.floats(-1.0, 2.0), st.floats(-1.0, 2.0), st.floats(-60.0, 60.0),
)  # fmt: skip
def test_solid_angles_sum_to_that_of_the_rectangle(
    fast: int, slow: int, pixel: float, distance: float, x: float, y: float, twotheta: float
) -> None:
    """Omega of a pixel is the midpoint rule for f = d/R³ over its square.

    It errs by at most p⁴/24 (|f_xx| + |f_yy|), and |f_xx| = |15 x²/R² - 3| d/R⁵ <= 12/d⁴.
    """
    scene = plain_scene(
        crystal={"cells": 1, "default_F": 1.0},
        beam={"nopolar": True},
        detector={
            "convention": "xds", "twotheta_deg": twotheta,
            "distance_mm": None, "close_distance_mm": 1000.0 * distance,
            "pixels_fast": fast, "pixels_slow": slow, "pixel_mm": 1000.0 * pixel,
            "orgx_px": 0.5 + x * fast, "orgy_px": 0.5 + y * slow,
        },
    )  # fmt: skip
    left, right = -x * fast * pixel, (1.0 - x) * fast * pixel
    bottom, top = -y * slow * pixel, (1.0 - y) * slow * pixel
    analytic = (
        rectangle_solid_angle(right, top, distance)
        - rectangle_solid_angle(left, top, distance)
        - rectangle_solid_angle(right, bottom, distance)
        + rectangle_solid_angle(left, bottom, distance)
    )
    curvature = fast * slow * pixel**4 / distance**4
    image, solid_angle = KernelScene(scene).render()
    # four terms of at most pi/2
    assert abs(solid_angle - analytic) <= curvature + 16.0 * oracle.EPS
    # with F = 1 and no polarization the image is that of the solid angles
    assert image.sum(dtype=float) == pytest.approx(solid_angle, rel=ULP)


# ---- threads and builds

BIG = plain_config(
    crystal={"misset_deg": (10.0, 20.0, 30.0), "mosaic_spread_deg": 1.0, "mosaic_domains": 2},
    beam={"kahn_factor": 0.3, "dispersion_percent": 2.0, "dispersion_steps": 2},
    detector={"pixels_fast": 190, "pixels_slow": 170, "pixel_mm": 0.4, "thickness_um": 300.0},
    spindle={"osc_deg": 1.0, "steps": 2},
    sampling={"oversample": 2},
)


@pytest.fixture(scope="module")
def big_scenes() -> list[Scene]:
    """Detectors of many tiles, whose width is no multiple of the kernel's blocks."""
    factors = StructureFactors(
        np.stack(np.mgrid[-6:7, -6:7, -6:7], -1).reshape(-1, 3),
        100.0 * np.random.default_rng(5).random(13**3),
        default_F=3.0,
    )
    scene = build_scene(BIG, factors)
    return [
        scene,
        strategies.masked(scene, 3),
        scene.replaced(shape="round", interpolate=True, oversample=1),
        scene.replaced(shape="gauss", dmin=20e-10, roi=(7, 177, 3, 160)),
        build_scene(BIG.with_overrides({"quirks": ["phi_carryover"]}), factors),
    ]


def test_big_scenes_are_cut_into_tiles(big_scenes: list[Scene]) -> None:
    assert len(KernelScene(big_scenes[0]).tiles(big_scenes[0].roi)) > 10
    assert big_scenes[-1].first_orientations is not None


def test_threads_change_nothing(big_scenes: list[Scene]) -> None:
    for scene in big_scenes:
        kernel = KernelScene(scene)
        image, solid_angle = kernel.render(1)
        for threads in (2, 5):
            again, angle = kernel.render(threads)
            assert again.tobytes() == image.tobytes()
            assert angle == solid_angle


def test_threads_of_a_simulator_change_nothing() -> None:
    with pytest.warns(UserWarning, match="attenuation"):
        simulator = Simulator(BIG)
    images = [simulator.run(threads=threads).pixels.tobytes() for threads in (1, 2, 5)]
    assert images[0] == images[1] == images[2]


def test_builds_agree(big_scenes: list[Scene]) -> None:
    """To 1e-12 of the highest value a pixel could have, before it is rounded to float32."""
    for scene in big_scenes:
        images = [render(scene, isa=isa).astype(float) for isa in available_isas()]
        unit = scene.replaced(
            shape="square", cells=(1, 1, 1), interpolate=False, dmin=0.0,
            hkl=dataclasses.replace(scene.hkl, data=np.ones((3, 3, 3)), default_F=1.0,
                                    h_min=0, h_max=0, k_min=0, k_max=0, l_min=0, l_max=0),
        )  # fmt: skip
        # tricubic weights overshoot: their absolute values sum to at most (5/4)³
        peak = (scene.hkl.data.max() * (1.25**3) * float(np.prod(scene.cells))) ** 2
        peaks = render(unit).astype(float) * peak
        for image in images[1:]:
            assert_same_photons(image, images[0], 1e-12 * peaks)


@pytest.mark.parametrize("shape", ["square", "round", "gauss"])
@pytest.mark.parametrize("cells", [100, 10**5, 10**8])
def test_builds_agree_however_many_the_cells(shape: str, cells: int) -> None:
    """h, k, l are the same to the last bit: one that differs would turn N h by 0.6 at 10^8."""
    scene = strategies.scene_of_one_spot(cells, crystal={"shape": shape})
    first, *others = (render(scene, isa=isa) for isa in available_isas())
    assert first.max() > 100.0 * np.median(first) > 0.0
    for image in others:
        # sines relative to their own size; the round shape's difference of two is off by 8 EPS of
        # its envelope, the peak, at most, and its square by twice as much
        allowed = np.spacing(first) + (16 * EPS * first.max() if shape == "round" else 0.0)
        assert (abs(image.astype(float) - first) <= allowed).all()


@pytest.mark.parametrize("wavelengths", [1, 5, 17])
def test_traces_see_the_same_h(wavelengths: int) -> None:
    """A trace takes wavelengths one by one, an image many at a time."""
    beam = {"dispersion_percent": 1e-6, "dispersion_steps": wavelengths}
    kernel = KernelScene(strategies.scene_of_one_spot(10**8, beam=beam))
    image, _ = kernel.render()
    for slow, fast in ((12, 12), (0, 0), (5, 17), (23, 8)):
        traced = kernel.trace(slow, fast)["I_pixel_final"]
        assert abs(traced - image[slow, fast]) <= np.spacing(image[slow, fast])


# ---- symmetry


@given(
    st.tuples(angles, angles, angles),
    st.tuples(*[st.sampled_from([1, 2, 5, 8])] * 3),
    st.sampled_from(["square", "round", "gauss", "tophat"]),
    st.booleans(),
    st.integers(0, 1000),
)
def test_friedel_symmetry(
    misset: Any, cells: Any, shape: str, interpolate: bool, seed: int
) -> None:
    """a, b, c -> -a, -b, -c takes h to -h: the same image when F(h) = F(-h), and L(h) = L(-h)."""
    rng = np.random.default_rng(seed)
    factors = 100.0 * rng.random((9, 9, 9))
    factors = factors + factors[::-1, ::-1, ::-1]
    hkl = np.stack(np.mgrid[-4:5, -4:5, -4:5], -1).reshape(-1, 3)
    config = plain_config(
        crystal={"misset_deg": misset, "cells": cells, "shape": shape},
        sampling={"interpolate": interpolate},
    )
    scene = build_scene(config, StructureFactors(hkl, factors.ravel(), default_F=7.0))
    inverted = scene.replaced(orientations=-scene.orientations)
    # the oracle's bound also covers steps exactly half way between two reflections
    error = 2.0 * oracle.render(scene).error
    assert_same_photons(render(inverted), render(scene), error)


def test_friedel_symmetry_needs_a_symmetric_list() -> None:
    hkl = np.stack(np.mgrid[-4:5, -4:5, -4:5], -1).reshape(-1, 3)
    config = plain_config(crystal={"misset_deg": (10.0, 20.0, 30.0)})
    scene = build_scene(config, StructureFactors(hkl, np.arange(1.0, 730.0)))
    inverted = scene.replaced(orientations=-scene.orientations)
    ratio = render(inverted).sum() / render(scene).sum()
    assert abs(ratio - 1.0) > 0.1


@given(strategies.scenes(), st.integers(0, 1000), st.floats(0.0, 1.0))
def test_mask_hides_and_changes_nothing_else(scene: Scene, seed: int, kept: float) -> None:
    # the quirk phi_carryover treats the first rendered pixel differently, whichever that is
    scene = scene.replaced(mask=None, first_orientations=None)
    masked = strategies.masked(scene, seed, kept)
    expected = np.where(masked.mask, render(scene), np.float32(0.0))
    assert render(masked).tobytes() == expected.tobytes()


# ---- quirks

TRIGGERS = {
    "phi_carryover": lambda s: bool((s.phis == 0.0).any()) and len(s.phis) > 1,
    "source_weights": lambda s: s.config.beam.source_file is not None,
    "star_radius": lambda s: s.shape in ("gauss", "tophat"),
    "triclinic_cell": lambda s: s.config.crystal.cell_angstrom_deg is not None,
    "water_scaling": lambda s: s.water > 0.0,
    "layer_capture": lambda s: s.thickness > 0.0,
    "pivot_override": lambda s: (
        s.config.detector.pivot is not None and s.placement.convention != "custom"
    ),
    "pix0_ignored": lambda s: s.config.detector.pix0_mm is not None,
    "sticky_interpolation": lambda s: s.interpolate,
    "table_extrapolation": lambda s: bool(s.config.background.materials),
}


def test_every_quirk_has_its_trigger() -> None:
    assert TRIGGERS.keys() == QUIRKS.keys()


@given(strategies.configs(), st.sampled_from(sorted(QUIRKS)))
def test_quirks_leave_other_images_alone(config: Config, quirk: str) -> None:
    # without other quirks, which may need another scene, as pivot_override does
    scene = build_scene(config.with_overrides({"quirks": []}))
    assume(not TRIGGERS[quirk](scene))
    quirky = build_scene(config.with_overrides({"quirks": [quirk]}))
    assert render(quirky).tobytes() == render(scene).tobytes()


def pair(quirk: str, **sections: Any) -> tuple[Scene, Scene]:
    """A scene without and with the quirk."""
    config = plain_config(**sections)
    return build_scene(config), build_scene(config.with_overrides({"quirks": [quirk]}))


def test_quirk_phi_carryover() -> None:
    """Every pixel but the first has the last phi in place of 0."""
    plain, quirky = pair("phi_carryover", spindle={"osc_deg": 4.0, "steps": 2})
    last = plain.orientations[1]
    expected = render(plain.replaced(orientations=np.array([last, last])))
    image = render(quirky)
    assert (image.flat[1:] == expected.flat[1:]).all()
    assert image.flat[0] == render(plain).flat[0] != expected.flat[0]


def test_quirk_source_weights() -> None:
    rows = ("-10 0.1 0 {} 6.2e-10", "-10 0 0.1 {} 6.1e-10", "-10 0 0 {} 6.25e-10")

    def sources(*intensities: float) -> dict[str, Any]:
        text = "\n".join(row.format(i) for row, i in zip(rows, intensities, strict=True))
        return {"beam": {"source_file": strategies.text_file(text)}}

    plain, quirky = pair("source_weights", **sources(1.0, 2.0, 5.0))
    equal, _ = pair("source_weights", **sources(4.0, 4.0, 4.0))
    assert render(quirky).tobytes() == render(equal).tobytes() != render(plain).tobytes()


@pytest.mark.parametrize("shape", ["gauss", "tophat"])
def test_quirk_star_radius(shape: str) -> None:
    """Right only for a cubic cell with N² = a."""
    cell = {"cell_angstrom_deg": (100.0,), "shape": shape, "misset_deg": (1.0, 2.0, 3.0)}
    plain, quirky = pair("star_radius", crystal={**cell, "cells": 10})
    # N³/a and N: the same number, differently rounded
    assert_same_photons(render(plain), render(quirky), 2.0 * oracle.render(plain).error)
    plain, quirky = pair("star_radius", crystal={**cell, "cells": 5})
    assert render(plain).tobytes() != render(quirky).tobytes()


def test_quirk_triclinic_cell() -> None:
    """Only where two angles differ from 90 degrees, and then by hundredths of a degree."""
    for angles, exact in (((90.0, 90.0, 90.0), True), ((90.0, 110.0, 90.0), True),
                          ((85.0, 95.0, 105.0), False)):  # fmt: skip
        plain, quirky = pair("triclinic_cell", crystal={"cell_angstrom_deg": (70, 80, 90, *angles)})
        off = abs(np.array(plain.cell.parameters) - quirky.cell.parameters)
        assert (off[:3] < 1e-11).all()
        assert (off[3:] < (1e-11 if exact else 0.03)).all()
        assert exact == bool((off[3:] < 1e-4).all())


def test_quirk_water_scaling() -> None:
    """r_e² fluence/steps too often: nothing at the defaults, everything elsewhere."""
    water = {"background": {"water_um": 5.0}, "crystal": {"default_F": 0.0}}
    plain, quirky = pair("water_scaling", **water)
    # r_e² fluence is 1 to 15 digits
    assert_same_photons(render(plain), render(quirky))
    plain, quirky = pair(
        "water_scaling", **water, beam={"fluence_photons_per_m2": 1e24}, spindle={"steps": 4}
    )
    scale = plain.r_e_sqr * plain.fluence / plain.steps
    assert plain.steps == 4
    assert_same_photons(render(quirky), render(plain) * scale, ULP * render(quirky))


def test_quirk_water_beyond_dmin() -> None:
    """Without polarization water stays where dmin skips the crystal; with it there is none."""
    water = {"background": {"water_um": 5.0}, "sampling": {"dmin_angstrom": 30.0}}
    beam = {"fluence_photons_per_m2": 1e24}
    _, quirky = pair("water_scaling", **water, beam={**beam, "nopolar": True})
    _, polarized = pair("water_scaling", **water, beam=beam)
    crystal = render(quirky.replaced(water=0.0))
    beyond = crystal == 0.0
    assert 0 < np.count_nonzero(beyond) < beyond.size
    assert (render(polarized)[beyond] == 0.0).all()
    # the same water on every pixel, but for the solid angle
    empty = {"crystal": {"default_F": 0.0}, "beam": {**beam, "nopolar": True}}
    bare, _ = pair("water_scaling", **water, **empty)
    expected = render(bare) * (quirky.r_e_sqr * quirky.fluence / quirky.steps)
    image = render(quirky)
    assert_same_photons(image[beyond], expected[beyond], 4.0 * ULP * expected[beyond])


def test_quirk_layer_capture() -> None:
    """The last of layers that reach too deep stands for all."""
    sensor = {"thickness_um": 400.0, "thickness_steps": 3, "attenuation_depth_um": 200.0}
    plain, quirky = pair("layer_capture", detector=sensor)
    assert plain.layer_step == pytest.approx(400e-6 / 3)
    assert quirky.layer_step == pytest.approx(400e-6 / 2)
    # Along the normal, and with one image for all layers: 1 - exp(-2), and 3 (exp(-2) - exp(-3)).
    narrow = {"pixels_fast": 2, "pixels_slow": 2, "pixel_mm": 0.01}
    flat = {"detector": {**sensor, **narrow}, "crystal": {"cells": 1}}
    thin = {"detector": narrow, "crystal": {"cells": 1}}
    plain, quirky = pair("layer_capture", **flat)
    bare = render(plain_scene(**thin)).mean()
    # the layers' depth brings the pixel closer to 100 mm by less than 0.4 mm: 0.8 % of Omega, which
    # is that of the first layer, so that only the slant of the rays, below 0.02, remains
    assert render(plain).mean() / bare == pytest.approx(1.0 - math.exp(-2.0), rel=1e-4)
    last = math.exp(-2.0) - math.exp(-3.0)
    assert render(quirky).mean() / bare == pytest.approx(3.0 * last, rel=1e-3)


def test_quirk_pivot_override() -> None:
    turned = {"twotheta_deg": 20.0, "pivot": "sample"}
    plain, quirky = pair("pivot_override", detector=turned)
    imposed, _ = pair("pivot_override", detector={"twotheta_deg": 20.0})
    assert plain.placement.pivot == "sample"
    assert render(quirky).tobytes() == render(imposed).tobytes() != render(plain).tobytes()


def test_quirk_pix0_ignored() -> None:
    detector = {"convention": "custom", "pix0_mm": (100.0, 20.0, -15.0)}
    plain, quirky = pair("pix0_ignored", detector=detector)
    placed, _ = pair("pix0_ignored", detector={"convention": "custom"})
    np.testing.assert_array_equal(plain.panels[0].origin, [0.1, 0.02, -0.015])
    assert render(quirky).tobytes() == render(placed).tobytes() != render(plain).tobytes()


def test_quirk_sticky_interpolation() -> None:
    """Where the first pixel is beyond the list, every pixel has its nearest reflection."""
    rows = "".join(
        f"{h} {k} {m} {10 + h + 3 * k + 7 * m % 5}\n"
        for h, k, m in itertools.product(range(-6, 7), repeat=3)
    )
    crystal = {"hkl_file": strategies.text_file(rows), "cells": 3, "cell_angstrom_deg": 50.0}
    config = plain_config(
        crystal=crystal, detector={"pixel_mm": 3.0, "distance_mm": 60.0},
        beam={"wavelength_angstrom": 2.0},
    )  # fmt: skip

    def images(*quirks: str, **sampling: Any) -> np.ndarray:
        changes = {f"sampling.{name}": value for name, value in sampling.items()}
        scene = build_scene(config.with_overrides({**changes, "quirks": list(quirks)}))
        return render(scene)

    each = images(interpolate=True)
    nearest = images(interpolate=False)
    assert 0 < np.count_nonzero(each != nearest) < each.size
    assert images("sticky_interpolation", interpolate=True).tobytes() == nearest.tobytes()
    # a first pixel whose stencil the list holds: each step decides
    slow, fast = np.argwhere(each != nearest)[0].tolist()
    last = each.shape[1] - 1
    part = {"interpolate": True, "roi": (fast, last, slow, each.shape[0] - 1)}
    assert images("sticky_interpolation", **part).tobytes() == images(**part).tobytes()

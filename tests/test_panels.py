"""Detectors of several panels: what they are made of, what they render, what refuses them."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image as Picture
from strategies import plain_config
from test_properties import assert_same_photons

import nbcy
from nbcy import Config, ConfigError, Detector, Panel, Simulator, build_scene
from nbcy.cli.main import main
from nbcy.image.assembly import Assembly
from nbcy.kernel._kernel import KernelScene, available_isas
from nbcy.scene.scene import Scene

PIXEL = 2.0**-10  # m: positions on this grid are exact
SIZE = 1000.0 * PIXEL


CRYSTAL = {"cell_angstrom_deg": (100,), "cells": 5, "default_F": 100.0}


def panel(name=None, origin=(250.0, -10.0, 8.0), **fields):
    """A panel of 8 x 6 pixels, across mosflm's beam."""
    given = {"name": name, "origin_mm": origin, "fast_vector": (0, 0, 1), "slow_vector": (0, -1, 0)}
    return Panel(**given | {"pixels_fast": 8, "pixels_slow": 6, "pixel_mm": 0.5} | fields)


def build(*panels, **sections):
    return build_scene(Config(detector=Detector(panels=panels), **{"crystal": CRYSTAL} | sections))


def cut(scene: Scene, slow: list[int], fast: list[int]) -> Scene:
    """The same detector in pieces, cut before the rows and columns that are named."""
    whole = scene.panels[0]
    edges = [[0, *sorted(cuts), size] for cuts, size in zip((slow, fast), whole.shape, strict=True)]
    panels, masks = [], []
    for s0, s1 in zip(edges[0][:-1], edges[0][1:], strict=True):
        for f0, f1 in zip(edges[1][:-1], edges[1][1:], strict=True):
            offset = whole.pixel_size * (f0 * whole.fast + s0 * whole.slow)
            panels.append(
                dataclasses.replace(
                    whole,
                    name=f"{s0}-{f0}",
                    origin=whole.origin + offset,
                    pixels_slow=s1 - s0,
                    pixels_fast=f1 - f0,
                )
            )
            if scene.mask is not None:
                masks.append(scene.mask[s0:s1, f0:f1].ravel())
    mask = None if scene.mask is None else np.concatenate(masks)
    return scene.replaced(panels=tuple(panels), roi=None, mask=mask)


def joined(scene: Scene, flat: np.ndarray, slow: list[int], fast: list[int]) -> np.ndarray:
    """The pieces put together again."""
    pieces = list(scene.split(flat))
    columns = len(fast) + 1
    rows = [pieces[n * columns : (n + 1) * columns] for n in range(len(slow) + 1)]
    return np.block(rows)


@st.composite
def cuts(draw: st.DrawFn, size: int) -> list[int]:
    if size == 1:
        return []
    return draw(st.lists(st.integers(1, size - 1), max_size=2, unique=True).map(sorted))


# ---- the kernel


@given(strategies.scenes(), st.data())
def test_pieces_equal_the_whole(scene: Scene, data: st.DataObject) -> None:
    assume(not scene.curved)
    whole = scene.panels[0]
    roi = (0, whole.pixels_fast - 1, 0, whole.pixels_slow - 1)
    # the very first visit is that of the first piece, whose pixels come in another order
    scene = scene.replaced(first_orientations=None, roi=roi)
    slow, fast = (data.draw(cuts(size)) for size in whole.shape)
    assume(slow or fast)
    pieces = cut(scene, slow, fast)
    expected = oracle.render(scene)
    image, angle = KernelScene(scene).render()
    flat, angles = KernelScene(pieces).render()
    # every origin but the first is rounded
    error = np.where(expected.at_dmin, np.inf, 2.0 * expected.error)
    assert_same_photons(joined(pieces, flat, slow, fast), image, error)
    # a solid angle takes eight roundings and goes with 1/R³, twice; R is a sum of an origin and two
    # steps along the axes, and no shorter than the distance of the plane
    farthest = max(float(np.linalg.norm(panel.origin)) for panel in pieces.panels)
    reach = (farthest + whole.pixel_size * sum(whole.shape)) / whole.close_distance
    rounding = image.size + 16.0 + 6.0 * reach
    assert angles == pytest.approx(angle, rel=rounding * oracle.EPS)
    again, _ = KernelScene(pieces).render(threads=3)
    assert again.tobytes() == flat.tobytes()


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize("masked", [False, True])
def test_exact_pieces_are_equal_to_the_bit(isa, masked):
    """On a grid of powers of 2 no position is rounded, and not a bit changes."""
    config = plain_config(
        crystal={"misset_deg": (10.0, 20.0, 30.0)},
        beam={"kahn_factor": 0.3},
        detector={
            "convention": "custom",
            "pixel_mm": SIZE,
            "distance_mm": None,
            "pix0_mm": (256 * SIZE, 12 * SIZE, -9 * SIZE),
            "thickness_um": 300.0,
        },
        sampling={"oversample": 2},
    )
    scene = build_scene(config)
    if masked:
        scene = strategies.masked(scene, 3)
    slow, fast = [5, 6], [1, 13]
    pieces = cut(scene, slow, fast)
    image, _ = KernelScene(scene).render(isa=isa)
    flat, _ = KernelScene(pieces).render(isa=isa)
    assert image.any()
    assert joined(pieces, flat, slow, fast).tobytes() == image.tobytes()


def test_each_panel_has_its_own_geometry():
    """Two panels at right angles, of other pixels: each as if it were alone."""
    tilted = panel("side", (20.0, 60.0, 40.0), fast_vector=(1, 0, 0), slow_vector=(0, 0, -2),
                   pixels_fast=5, pixels_slow=7, pixel_mm=0.8)  # fmt: skip
    ahead = panel("ahead", masked=[(2, 3, 1, 1)])
    options = {
        "sampling": {"oversample": 2, "oversample_thick": True},
        "beam": {"wavelength_angstrom": 6.2, "kahn_factor": -0.4},
    }
    detector = {"thickness_um": 450, "thickness_steps": 2, "attenuation_depth_um": 300}
    crystal = {"cell_angstrom_deg": (100,), "cells": 3, "default_F": 9.0}

    def run(*panels):
        return Simulator(
            Config(crystal=crystal, detector={"panels": panels, **detector}, **options)
        ).run()

    both = run(ahead, tilted)
    for image, alone in zip(both.panels, (run(ahead), run(tilted)), strict=True):
        assert image.tobytes() == alone.pixels.tobytes()
        assert image.any()
    front, side = both.scene.panels
    assert (front.close_distance, side.close_distance) == pytest.approx((0.25, 0.06))
    assert tuple(side.normal) == (0.0, 1.0, 0.0)
    assert np.argwhere(both.panels[0] == 0.0).tolist() == [[1, 2], [1, 3]]


def test_the_handedness_of_the_axes_does_not_matter():
    mirrored = panel(origin=(250.0, -10.0, 8.0), slow_vector=(0, 1, 0))
    (placed,) = build(mirrored).panels
    assert tuple(placed.normal) == (1.0, 0.0, 0.0)
    assert placed.close_distance == pytest.approx(0.25, rel=1e-15)
    behind = build(panel(origin=(-250.0, -10.0, 8.0)), panel()).panels[0]
    assert tuple(behind.normal) == (-1.0, 0.0, 0.0)


def test_one_panel_equals_a_placed_detector():
    """The same numbers by distance and beam centre, and by a panel."""
    detector = Detector(
        convention="dials", distance_mm=120, pixel_mm=0.3, pixels_fast=40, pixels_slow=30,
        roty_deg=12, twotheta_deg=8, orgx_px=11, orgy_px=9,
    )  # fmt: skip
    crystal = {"cell_angstrom_deg": (60,), "cells": 4, "default_F": 4.0}
    beam = {"wavelength_angstrom": 1.3}
    placed = Simulator(crystal=crystal, beam=beam, detector=detector, sampling={"oversample": 2})
    (found,) = placed.scene.panels
    same = Panel(
        origin_mm=found.origin * 1000.0, fast_vector=found.fast, slow_vector=found.slow,
        pixels_fast=40, pixels_slow=30, pixel_mm=0.3,
    )  # fmt: skip
    panels = Detector(convention="dials", panels=[same])
    image = Simulator(crystal=crystal, beam=beam, detector=panels, sampling={"oversample": 2}).run()
    assert image.pixels.shape == (30, 40)
    # turning millimetres into metres, and the unit vectors, round once more
    np.testing.assert_allclose(image.pixels, placed.run().pixels, rtol=1e-5)
    place, expected = image.scene.placement, placed.scene.placement
    for name in ("orgx", "orgy", "close_distance", "fclose", "sclose", "size_fast", "size_slow"):
        assert getattr(place, name) == pytest.approx(getattr(expected, name), rel=1e-12)


# ---- the configuration


def test_round_trips():
    config = Config(
        crystal=CRYSTAL,
        detector={
            "convention": "dials",
            "thickness_um": 320,
            "panels": [panel("p0", masked=[(0, 3, 1, 1), (5, 5, 0, 5)]), panel(pixel_mm=1 / 3)],
        },
    )
    assert Config.from_toml(config.to_toml()) == config
    assert Config.from_json(config.to_json()) == config
    assert config.to_toml().count("[[detector.panels]]") == 2
    assert config.detector.panels[1].name is None
    assert build_scene(config).panels[1].name == "panel1"


def test_units_of_panels():
    expected = panel(origin=(1.0, 20.0, 0.003), pixel_mm=0.075)
    others = {k: v for k, v in expected.to_dict().items() if k not in ("origin_mm", "pixel_mm")}
    assert expected == Panel(**others, origin_m=(1e-3, 2e-2, 3e-6), pixel_um=75)
    assert expected == Panel(**others, origin=("1 mm", "2 cm", "3 um"), pixel="75 um")


FIELDS = panel().to_dict()
BAD = [
    ({"distance_mm": 100, "panels": [FIELDS]}, "detector.distance_mm", "along with"),
    ({"rotx_deg": 1, "panels": [FIELDS]}, "detector.rotx_deg", "along with"),
    ({"curved": True, "panels": [FIELDS]}, "detector.curved", "along with"),
    ({"mask_file": "m.img", "panels": [FIELDS]}, "detector.mask_file", "along with"),
    ({"masked": [(0, 0, 0, 0)], "panels": [FIELDS]}, "detector.masked", "along with"),
    ({"panels": FIELDS}, "detector.panels", "list of panels"),
    ({"panels": [FIELDS, 3]}, "detector.panels[1]", "table of fields"),
    ({"panels": [FIELDS, {**FIELDS, "pixel_mm": None}]}, "detector.panels[1].pixel_mm", "be given"),
    (
        {"panels": [{**FIELDS, "pixel_mm": None, "pixel": 3}]},
        "detector.panels[0].pixel",
        "needs a unit",
    ),
    ({"panels": [{**FIELDS, "origin_mm": 3}]}, "detector.panels[0].origin_mm", "3 numbers"),
    ({"panels": [{**FIELDS, "orign_mm": 3}]}, "detector.panels[0].orign_mm", "mean origin"),
    ({"panels": [{**FIELDS, "pixels_fast": 0}]}, "detector.panels[0].pixels_fast", "greater"),
    ({"panels": [{**FIELDS, "masked": [3]}]}, "detector.panels[0].masked", "4 whole"),
    ({"panels": [{**FIELDS, "masked": [[3, 2, 0, 0]]}]}, "detector.panels[0].masked", "minimum"),
    ({"panels": [{**FIELDS, "name": "a"}] * 2}, "detector.panels[1].name", "no other"),
    ({"panels": [FIELDS, {**FIELDS, "name": "panel0"}]}, "detector.panels[1].name", "no other"),
]


@pytest.mark.parametrize(("fields", "field", "expected"), BAD, ids=[field for _, field, _ in BAD])
def test_bad_panels(fields, field, expected):
    with pytest.raises(ConfigError, match=expected) as caught:
        Detector(**fields)
    assert caught.value.field == field


SCENES = [
    ([panel(slow_vector=(0, -1, 0.01))], "detector.panels[0].slow_vector", "perpendicular"),
    ([panel(), panel(origin=(0, 5, 5))], "detector.panels[1].origin_mm", "plane"),
    ([panel(masked=[(0, 8, 0, 1)])], "detector.panels[0].masked", "must lie on the 8 x 6"),
    ([panel(pixels_fast=70000, pixels_slow=70000)], "detector.panels[0].pixels", "at most"),
]


@pytest.mark.parametrize(("panels", "field", "expected"), SCENES)
def test_panels_that_cannot_be(panels, field, expected):
    with pytest.raises(ConfigError, match=expected) as caught:
        build(*panels)
    assert caught.value.field == field


def test_masked_rectangles_of_one_panel():
    detector = {"pixels_fast": 9, "pixels_slow": 7, "masked": [(0, 2, 0, 6), (4, 8, 3, 3)]}
    scene = build_scene(Config(crystal=CRYSTAL, detector=detector))
    expected = np.ones((7, 9), np.uint8)
    expected[:, :3] = 0
    expected[3, 4:] = 0
    np.testing.assert_array_equal(scene.mask, expected)
    assert scene.mask_of(0) is not None
    with pytest.raises(ConfigError, match=r"detector\.masked.* must lie on the 9 x 7"):
        build_scene(Config(crystal=CRYSTAL, detector={**detector, "masked": [(0, 9, 0, 0)]}))


def test_a_region_is_for_one_panel():
    with pytest.raises(ConfigError, match=r"sampling\.roi.* one panel"):
        build(panel(), panel(), sampling={"roi": (0, 3, 0, 3)})
    simulator = Simulator(crystal=CRYSTAL, detector={"panels": [panel(), panel()]})
    with pytest.raises(ConfigError, match=r"roi.* one panel"):
        simulator.run(roi=(0, 3, 0, 3))
    with pytest.raises(ConfigError, match=r"roi.* one panel"):
        simulator.run().roi  # noqa: B018


def test_oversampling_goes_by_the_nearest_panel():
    far, near = panel(), panel(origin=(50.0, -10.0, 8.0))
    crystal = {"cell_angstrom_deg": (100,), "cells": 200, "default_F": 1.0}
    counts = [build(*p, crystal=crystal).oversample for p in ((far,), (near,), (far, near))]
    assert counts[0] < counts[1] == counts[2]


def test_the_placement_is_that_of_the_central_panel():
    left = panel(origin=(250.0, 0.0, -9.0))
    hit = panel(origin=(200.0, 1.0, -2.0))
    scene = build(left, hit)
    assert scene.placement.distance == pytest.approx(0.2)
    assert (scene.placement.fbeam, scene.placement.sbeam) == pytest.approx((0.002, 0.001))
    assert scene.placement_of(0).distance == pytest.approx(0.25)
    assert scene.choices["detector.distance"].reason == "of panel1"


# ---- the image


@pytest.fixture(scope="module")
def simulator():
    panels = [
        panel("a", (250.0, -1.0, 1.0), masked=[(0, 7, 0, 0)]),
        panel("b", (250.0, -1.0, -5.0)),
        panel("c", (250.0, 4.0, -5.0)),
    ]
    return Simulator(
        crystal={"cell_angstrom_deg": (100,), "cells": 5, "default_F": 1e4},
        beam={"wavelength_angstrom": 6.2},
        detector={"panels": panels},
        sampling={"oversample": 1},
    )


@pytest.fixture(scope="module")
def image(simulator):
    return simulator.run(threads=2)


def test_an_image_of_panels(image):
    assert image.pixels.shape == (3, 6, 8)
    assert [p.shape for p in image.panels] == [(6, 8)] * 3
    assert all(np.shares_memory(p, image.pixels) for p in image.panels)
    assert not any(p.flags.writeable for p in (*image.panels, image.pixels))
    assert "3 panels of 6 x 8 pixels" in repr(image)
    assert image.provenance["roi"] is None
    assert image.size == 144


def test_statistics_of_panels(image):
    found = image.statistics()
    kept = np.concatenate([image.panels[0][1:], *image.panels[1:]]).astype(float)
    assert found.pixels == kept.size
    assert found.sum == pytest.approx(kept.sum())
    assert found.max == kept.max()
    assert image.panels[found.max_panel][found.max_slow, found.max_fast] == found.max
    assert found.rms == pytest.approx(math.sqrt((kept**2).sum() / (kept.size - 1)))
    limit = float(np.median(kept))
    counted = np.count_nonzero(kept.astype(np.float32).astype(float) + (65535 - limit) > 65535)
    assert image.overloads(65535 - limit) == counted


@pytest.mark.parametrize("stream", ["numpy", "reference"])
def test_noise_of_panels(image, stream):
    """Counted on from panel to panel: the same as one tall panel."""
    counts = image.with_noise(7, stream)
    tall = nbcy.image.noise.poisson_image(image.pixels.reshape(-1, 8), 7, stream)
    np.testing.assert_array_equal(counts.pixels.reshape(-1, 8), tall)
    assert counts.is_counts


def test_panels_of_different_shapes():
    simulator = Simulator(
        crystal={"cell_angstrom_deg": (100,), "cells": 5, "default_F": 100.0},
        detector={"panels": [panel(), panel(pixels_fast=3, origin=(250, -10, 14))]},
    )
    assert "2 panels, 66 pixels" in repr(simulator)
    image = simulator.run()
    assert [p.shape for p in image.panels] == [(6, 8), (6, 3)]
    assert "2 panels, 66 pixels" in repr(image)
    with pytest.raises(ConfigError, match=r"image\.panels"):
        image.pixels  # noqa: B018
    assert image.with_noise(3).panels[1].shape == (6, 3)
    assert image.with_noise(3, "reference").panels[1].shape == (6, 3)


def test_what_an_image_is_made_of(simulator, image):
    flat = np.arange(144, dtype=np.float32)
    again = nbcy.Image(flat, simulator.scene, {})
    assert again.panels[1][0, 0] == 48.0
    np.testing.assert_array_equal(
        nbcy.Image(flat.reshape(3, 6, 8), simulator.scene, {}).pixels, again.pixels
    )
    for wrong in (flat[1:], flat.reshape(18, 8)):
        with pytest.raises(ConfigError, match=r"\(3, 6, 8\) or \(144,\)"):
            nbcy.Image(wrong, simulator.scene, {})


def test_files_of_panels(image, tmp_path):
    image.save(tmp_path / "a.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), image.pixels)
    image.save(tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == image.pixels.tobytes()
    for name in ("a.img", "a.pgm"):
        with pytest.raises(ConfigError, match="holds one panel, the detector has 3"):
            image.save(tmp_path / name)
        assert not (tmp_path / name).exists()
    image.save(tmp_path / "a.png")
    with Picture.open(tmp_path / "a.png") as picture:
        assert picture.size == image.assembled().shape[::-1] == (20, 16)
    assert image._repr_png_().startswith(b"\x89PNG")


# ---- the picture


@given(strategies.scenes(), st.data())
def test_pieces_are_drawn_as_the_whole(scene: Scene, data: st.DataObject) -> None:
    panel = scene.panels[0]
    slow, fast = (data.draw(cuts(size)) for size in panel.shape)
    pieces = cut(scene.replaced(mask=None), slow, fast)
    numbers = np.arange(panel.pixels_slow * panel.pixels_fast, dtype=np.float32)
    whole = numbers.reshape(panel.shape)
    edges = [[0, *cuts, size] for cuts, size in zip((slow, fast), panel.shape, strict=True)]
    parts = [
        whole[s0:s1, f0:f1]
        for s0, s1 in zip(edges[0][:-1], edges[0][1:], strict=True)
        for f0, f1 in zip(edges[1][:-1], edges[1][1:], strict=True)
    ]
    drawn = Assembly.of(pieces.panels, scene.frame).draw(parts)
    np.testing.assert_array_equal(drawn, whole)


def test_gaps_and_turned_panels_are_drawn_where_they_are():
    """A panel turned by 90°, one upside down, a gap between."""
    turned = panel(origin=(250.0, 0.0, 3.0), fast_vector=(0, -1, 0), slow_vector=(0, 0, -1))
    flipped = panel(origin=(250.0, -4.0, 9.0), fast_vector=(0, 0, -1), slow_vector=(0, 1, 0))
    scene = build(panel(origin=(250.0, 0.0, -10.0)), turned, flipped)
    a, b, c = (100 * n + np.arange(48, dtype=np.float32).reshape(6, 8) for n in (1, 2, 3))
    assembly = Assembly.of(scene.panels, scene.frame)
    drawn = assembly.draw((a, b, c))
    assert drawn.shape == (8, 38)
    np.testing.assert_array_equal(drawn[:6, :8], a)
    np.testing.assert_array_equal(drawn[:, 20:26], np.rot90(b, -1))
    np.testing.assert_array_equal(drawn[2:, 30:], np.rot90(c, 2))
    assert np.count_nonzero(np.isnan(drawn)) == 8 * 38 - 3 * 48
    centre = scene.panels[1].origin + 1e-3 * (0.25 * scene.panels[1].fast)
    assert assembly.place(centre) == pytest.approx((0.5, 26.0))


# ---- traces


def test_traces_of_panels(simulator, image):
    for number, pixels in enumerate(image.panels):
        trace = simulator.trace(3, 5, number)
        assert trace["floatimage_accumulated"] == pixels[3, 5]
        assert trace.panel == number
        np.testing.assert_array_equal(
            trace["pix0_vector_meters"], simulator.scene.panels[number].origin
        )
        facts = trace.facts
        assert facts["origin"].value == trace["pix0_vector_meters"]
        assert f"panel {number} ({'abc'[number]})" in trace.to_table()
    for slow, fast, number in ((6, 0, 0), (0, 8, 0), (0, 0, 3), (0, 0, -1)):
        with pytest.raises(ConfigError):
            simulator.trace(slow, fast, number)


def test_a_trace_remembers_its_panel(simulator, tmp_path):
    simulator.trace(1, 2, 2).to_json(tmp_path / "t.json")
    assert nbcy.Trace.read(tmp_path / "t.json").panel == 2


# ---- the command line


@pytest.fixture
def config_file(simulator, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    simulator.config.save("panels.toml")
    return "panels.toml"


def test_simulating_panels(config_file, image, capsys):
    assert main(["simulate", config_file, "-o", "a.bin", "-o", "a.png", "-o", "b.toml"]) == 0
    assert Path("a.bin").read_bytes() == image.pixels.tobytes()
    assert Config.load("b.toml") == image.scene.config
    assert main(["simulate", config_file]) == 0
    assert Path("floatimage.bin").read_bytes() == image.pixels.tobytes()
    assert "no SMV and PGM files" in capsys.readouterr().err
    assert not Path("intimage.img").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-o", "a.img"], "-o a.img: holds one panel"),
        (["-intimage", "b.img"], "-intimage: the detector has 3 panels"),
        (["-trace_pixel", "1", "1"], "-trace_pixel: the detector has 3 panels"),
        (["-distance", "100"], "along with detector.panels"),
        (["-roi", "0", "1", "0", "1"], "needs a detector of one panel"),
    ],
)
def test_what_panels_refuse(config_file, words, expected, capsys):
    assert main(["simulate", config_file, *words]) == 2
    assert expected in capsys.readouterr().err
    assert [path.name for path in Path().iterdir()] == [config_file]


def test_tracing_a_panel(config_file, simulator, capsys):
    for name in ("b", "1"):
        assert main(["trace", config_file, "--pixel", "3", "5", "--panel", name]) == 0
        assert capsys.readouterr().out == simulator.trace(3, 5, 1).to_table()
    assert main(["trace", config_file, "--pixel", "3", "5", "--panel", "d"]) == 2
    assert "--panel d: there is a, b, c" in capsys.readouterr().err

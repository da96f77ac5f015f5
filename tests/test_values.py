"""Other values without building anew, some pixels of an image, images in double."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st

import nbcy
from nbcy import Config, ConfigError, Simulator
from nbcy.config.section import Section
from nbcy.kernel._kernel import KernelScene

CONFIG = Config(
    crystal={
        "cell_angstrom_deg": (61, 72, 55, 88, 95, 101),
        "cells": (7, 8, 9),
        "misset_deg": (10, 20, 30),
        "mosaic_spread_deg": 0.3,
        "mosaic_domains": 4,
        "default_F": 50,
    },
    beam={"wavelength_angstrom": 1.1, "dispersion_percent": 1.0, "dispersion_steps": 3},
    detector={
        "pixels_fast": 60,
        "pixels_slow": 50,
        "pixel_mm": 0.9,
        "distance_mm": 80,
        "thickness_um": 300,
        "thickness_steps": 2,
        "attenuation_depth_um": 500,
    },
    spindle={"osc_deg": 0.5, "steps": 3},
    background={"water_um": 20},
)
CHANGES = {
    "crystal.misset_deg": (11.0, 20.0, 30.0),
    "crystal.misset_deg.x": 12.5,
    "crystal.cell_angstrom_deg": (62, 72, 55, 88, 95, 101),
    "crystal.cell_angstrom_deg.alpha": 89.5,
    "crystal.cells": (9, 8, 7),
    "crystal.mosaic_spread_deg": 0.5,
    "crystal.mosaic_domains": 6,
    "crystal.mosaic_seed": -7,
    "crystal.shape": "gauss",
    "crystal.fudge": 1.5,
    "crystal.default_F": 60.0,
    "beam.wavelength_angstrom": 1.3,
    "beam.fluence_photons_per_m2": 1e25,
    "beam.dispersion_percent": 2.0,
    "beam.kahn_factor": 0.5,
    "beam.polarization_vector": (0.0, 1.0, 0.1),
    "detector.distance_mm": 90.0,
    "detector.xbeam_mm": 20.0,
    "detector.rotx_deg": 3.0,
    "detector.pixels_fast": 61,
    "detector.thickness_um": 200.0,
    "detector.masked": [(3, 9, 3, 9)],
    "spindle.phi_deg": 4.0,
    "spindle.steps": 2,
    "sampling.oversample": 2,
    "sampling.roi": (5, 30, 6, 40),
    "sampling.dmin_angstrom": 3.0,
    "background.water_um": 0.0,
    "quirks": ["phi_carryover", "layer_capture"],
}


def quietly(config: Config) -> Simulator:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Simulator(config)


def with_values(simulator: Simulator, values: dict[str, object]) -> Simulator:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return simulator.with_values(values)


SIMULATOR = quietly(CONFIG)


def alike(a: nbcy.Scene, b: nbcy.Scene) -> bool:
    """Whether two scenes say the same of every value and its choice."""
    same_notes = sorted(a.notes) == sorted(b.notes)
    return same_notes and {k: repr(v) for k, v in a.choices.items()} == {
        k: repr(v) for k, v in b.choices.items()
    }


@pytest.mark.parametrize("path", CHANGES)
def test_another_value_is_a_simulator_built_anew(path: str) -> None:
    changed = with_values(SIMULATOR, {path: CHANGES[path]})
    anew = quietly(CONFIG.with_overrides({path: CHANGES[path]}))
    assert changed.config == anew.config
    assert changed.run().pixels.tobytes() == anew.run().pixels.tobytes()
    assert alike(changed.scene, anew.scene)
    # the one it comes from is left as it was
    assert SIMULATOR.run().pixels.tobytes() == quietly(CONFIG).run().pixels.tobytes()


@given(st.lists(st.sampled_from(list(CHANGES)), min_size=1, max_size=4))
def test_one_change_after_another(paths: list[str]) -> None:
    simulator, config = SIMULATOR, CONFIG
    for path in paths:
        simulator = with_values(simulator, {path: CHANGES[path]})
        config = config.with_overrides({path: CHANGES[path]})
    assert simulator.run().pixels.tobytes() == quietly(config).run().pixels.tobytes()


@pytest.mark.parametrize(
    ("path", "stages"),
    [
        ("beam.fluence_photons_per_m2", {"fluence", "background"}),
        ("spindle.phi_deg", {"rotation"}),
        ("crystal.misset_deg", {"misset", "cell", "turned_cell", "lattice", "rotation"}),
        ("detector.xbeam_mm", {"geometry", "coverage"}),
        ("sampling.precision", {"economy"}),
    ],
)
def test_only_what_depends_on_a_value_is_made_anew(path: str, stages: set[str]) -> None:
    value = "single" if path == "sampling.precision" else CHANGES[path]
    scene = with_values(SIMULATOR, {path: value}).scene
    # small numbers that come out the same end the chain
    small = {"cell_edges", "step_count", "subpixels", "sample_size"}
    assert stages <= set(scene.rebuilt) <= stages | small


def test_panels_vary_one_by_one() -> None:
    panels = [
        {"origin_mm": (x, -10.0, 90.0), "fast_vector": (1, 0, 0), "slow_vector": (0, 1, 0),
         "pixels_fast": 20, "pixels_slow": 15, "pixel_mm": 1.0}
        for x in (-30.0, 0.0, 30.0)
    ]  # fmt: skip
    config = Config(
        crystal={"cell_angstrom_deg": (50, 60, 70), "cells": 6, "default_F": 50},
        beam={"direction": (0, 0, 1), "polarization_vector": (1, 0, 0)},
        detector={"panels": panels},
    )
    change = {"detector.panels[1].origin_mm.y": -7.25}
    changed = with_values(quietly(config), change)
    assert changed.run().panels[1].tobytes() != quietly(config).run().panels[1].tobytes()
    anew = quietly(config.with_overrides(change))
    for a, b in zip(changed.run().panels, anew.run().panels, strict=True):
        assert a.tobytes() == b.tobytes()


def test_wrong_values_are_named() -> None:
    with pytest.raises(ConfigError, match="misset_dge"):
        SIMULATOR.with_values({"crystal.misset_dge": 3})
    with pytest.raises(ConfigError, match="cells"):
        SIMULATOR.with_values({"crystal.cells": (0, 1, 1)})


def test_series_of_any_value() -> None:
    values = {
        "crystal.misset_deg.z": [1.0, 2.0],
        "beam.wavelength_angstrom": iter([1.0, 1.2, 1.4]),
        "beam.fluence_photons_per_m2": np.array([1e24, 2e24]),
    }
    images = list(SIMULATOR.run_many(values))
    assert len(images) == 2
    for image, z, wavelength, fluence in zip(
        images, (1.0, 2.0), (1.0, 1.2), (1e24, 2e24), strict=True
    ):
        changes = {
            "crystal.misset_deg.z": z,
            "beam.wavelength_angstrom": wavelength,
            "beam.fluence_photons_per_m2": fluence,
        }
        anew = quietly(CONFIG.with_overrides(changes)).run()
        assert image.pixels.tobytes() == anew.pixels.tobytes()
        assert image.provenance["variation"] == changes
        told = image.provenance["config"]["beam"]["wavelength_angstrom"]
        assert told == wavelength == image.scene.config.beam.wavelength_angstrom


def test_series_with_keywords_beside() -> None:
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    (image,) = SIMULATOR.run_many({"crystal.cells": [(5, 5, 5)]}, orientations=[turn])
    (expected,) = with_values(SIMULATOR, {"crystal.cells": (5, 5, 5)}).run_many([turn])
    assert image.pixels.tobytes() == expected.pixels.tobytes()


def test_series_end_together() -> None:
    with pytest.raises(ConfigError, match="same length"):
        SIMULATOR.run_many({"crystal.misset_deg.z": [1.0], "crystal.cells": [(1, 1, 1)] * 2})
    with pytest.raises(ConfigError, match="list of values"):
        SIMULATOR.run_many({"crystal.misset_deg.z": 1.0})
    with pytest.raises(ConfigError, match="nothing varies"):
        SIMULATOR.run_many()


# ---- some pixels


@st.composite
def boxes(draw: st.DrawFn, scene: nbcy.Scene) -> list[tuple[int, ...]]:
    """Boxes inside what is rendered."""
    found = []
    for _ in range(draw(st.integers(1, 5))):
        panel = draw(st.integers(0, len(scene.panels) - 1))
        fast_min, fast_max, slow_min, slow_max = scene.regions[panel]
        slow = sorted(draw(st.tuples(*[st.integers(slow_min, slow_max)] * 2)))
        fast = sorted(draw(st.tuples(*[st.integers(fast_min, fast_max)] * 2)))
        found.append((panel, slow[0], slow[1] + 1, fast[0], fast[1] + 1))
    return found


@given(strategies.scenes(), st.data(), st.sampled_from(["float32", "float64"]))
def test_pixels_are_those_of_the_image(scene: nbcy.Scene, data: st.DataObject, dtype: str) -> None:
    kernel = KernelScene(scene)
    image = scene.split(kernel.render(dtype=dtype)[0])
    wanted = data.draw(boxes(scene))
    expected = [image[p][s0:s1, f0:f1].ravel() for p, s0, s1, f0, f1 in wanted]
    found = kernel.render_boxes(np.array(wanted), threads=2, dtype=dtype)
    assert found.tobytes() == np.concatenate(expected).tobytes()
    listed = [
        (p, s, f) for p, s0, s1, f0, f1 in wanted for s in range(s0, s1) for f in range(f0, f1)
    ]
    listed = data.draw(st.permutations(listed[:200]))
    found = kernel.render_listed(np.array(listed), threads=2, dtype=dtype)
    assert found.tobytes() == np.array([image[p][s, f] for p, s, f in listed], dtype).tobytes()


def test_large_boxes_are_cut() -> None:
    size = {"detector.pixels_fast": 300, "detector.pixels_slow": 200}
    simulator = with_values(SIMULATOR, size)
    image = simulator.run(dtype="float64").pixels
    some = simulator.run(pixels=[(0, 3, 190, 5, 291), (0, 0, 1, 0, 300)], dtype="float64")
    assert (some.box(0) == image[3:190, 5:291]).all()
    assert (some.box(-1) == image[:1]).all()
    assert repr(some) == f"<nbcy.PixelValues: 2 boxes, {187 * 286 + 300} pixels>"
    with pytest.raises(ConfigError, match="2 boxes"):
        some.box(2)


def test_series_of_some_pixels() -> None:
    wanted = [(0, 10, 20), (0, 4, 7)]
    values = {"spindle.phi_deg": [0.0, 5.0]}
    whole = SIMULATOR.run_many(values)
    some = SIMULATOR.run_many(values, pixels=wanted)
    for image, part in zip(whole, some, strict=True):
        assert part.values.tolist() == [float(image.pixels[s, f]) for _, s, f in wanted]
        assert part.provenance["variation"] == image.provenance["variation"]


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        ([(0, 50, 0)], "on the detector"),
        ([(1, 0, 0)], "on the detector"),
        ([(0, 3, 3, 0, 5)], "on the detector"),
        ([(0, 0, 51, 0, 5)], "on the detector"),
        ([(0, 1)], "rows of 3"),
        ([(0, 1.5, 2.0)], "whole numbers"),
        ([], "rows of 3"),
    ],
)
def test_impossible_pixels(pixels: list[tuple[int, ...]], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        SIMULATOR.run(pixels=pixels)


def test_pixels_outside_the_region_are_refused() -> None:
    simulator = with_values(SIMULATOR, {"sampling.roi": (5, 30, 6, 40)})
    assert simulator.run(pixels=[(0, 6, 5)]).values.size == 1
    with pytest.raises(ConfigError, match="region of interest"):
        simulator.run(pixels=[(0, 5, 5)])


# ---- doubles


@given(strategies.scenes())
def test_doubles_round_to_the_image(scene: nbcy.Scene) -> None:
    kernel = KernelScene(scene)
    double, angle = kernel.render(dtype=np.float64)
    single, same = kernel.render()
    assert double.dtype == np.float64
    assert double.astype(np.float32).tobytes() == single.tobytes()
    assert angle == same


def test_images_in_double(tmp_path) -> None:
    image = SIMULATOR.run(dtype="float64")
    assert image.pixels.dtype == np.float64
    single = SIMULATOR.run()
    # each pixel is rounded by half a unit of its last place
    assert image.statistics().sum == pytest.approx(single.statistics().sum, rel=2.0**-24)
    for name in ("a.bin", "a.nxs", "a.npy"):
        image.save(tmp_path / name)
    with nbcy.open_recording(tmp_path / "a.nxs") as recording:
        assert (recording.frame(0).pixels == single.pixels).all()
    assert (tmp_path / "a.bin").stat().st_size == 4 * image.size
    with pytest.raises(ConfigError, match="float32 or float64"):
        SIMULATOR.run(dtype="int32")


# ---- the ledger and the record


@given(strategies.configs())
def test_every_field_has_an_entry(config: Config) -> None:
    scene = quietly(config).scene

    def fields(section: Section, path: str) -> list[str]:
        found = []
        for field in type(section).model_fields.values():
            value = getattr(section, field.name)
            here = f"{path}.{field.stem}" if path else field.stem
            found += fields(value, here) if isinstance(value, Section) else [here]
        return found

    assert set(fields(config, "")) <= set(scene.choices)


def test_scenes_travel() -> None:
    scene = SIMULATOR.scene
    for other in (pickle.loads(pickle.dumps(scene)), copy.deepcopy(scene)):
        assert alike(other, scene)
        assert (other.orientations == scene.orientations).all()
    simulator = pickle.loads(pickle.dumps(SIMULATOR))
    changed = with_values(simulator, {"spindle.phi_deg": 3.0})
    expected = with_values(SIMULATOR, {"spindle.phi_deg": 3.0})
    assert changed.run().pixels.tobytes() == expected.run().pixels.tobytes()
    with pytest.raises(AttributeError, match="nonsense"):
        scene.nonsense  # noqa: B018
    assert "wavelengths" in dir(scene)

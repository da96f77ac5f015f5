"""Configurations resolved into scenes: golden reports and traces, choices, notes, refusals."""

from __future__ import annotations

import json
import math
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import strategies
from seedcase import C_TRACE, SEEDCASE

from nbcy.base.constants import RTD
from nbcy.base.errors import ConfigError
from nbcy.base.vectors import dot
from nbcy.config import Config
from nbcy.config.quirks import QUIRKS, parse_quirks
from nbcy.crystal import structure_factors
from nbcy.crystal.structure_factors import StructureFactors
from nbcy.flags.parsing import parse
from nbcy.render.building import build_scene
from nbcy.scene.background import water_background
from nbcy.scene.scene import Scene

DATA = Path(__file__).parent / "data"
GOLDEN = DATA / "golden"
CASES = {case["name"]: case for case in json.loads((GOLDEN / "manifest.json").read_text())}

# The reference prints %g in reports and %.15g in traces: half a unit of the last digit, of 1.0...
SIX_DIGITS = 5.0001e-6
# 15 digits, and a few dozen operations that may be ordered differently.
TRACE = 1e-13


def argv(text: str) -> list[str]:
    """Split a command line and give its input files a full path."""
    words = shlex.split(text)
    for i, word in enumerate(words):
        for folder in (GOLDEN / "inputs", SEEDCASE):
            if re.search(r"\w\.\w{3}$", word) and (folder / word).exists():
                words[i] = str(folder / word)
    return words


def scene_of(command: str, quirks=()) -> Scene:
    config = parse(argv(command)).config
    return build_scene(config.with_overrides({"quirks": sorted(quirks)}))


def build(fields: dict[str, object], factors: StructureFactors | None = None) -> Scene:
    fields = {"crystal.cell_angstrom_deg": (100, 100, 100, 90, 90, 90), **fields}
    return build_scene(Config().with_overrides(fields), factors)


@pytest.fixture(scope="module", params=CASES)
def golden(request):
    case = CASES[request.param]
    return case, scene_of(case["args"], case["quirks"])


def numbers(text: str) -> list[float]:
    return [float(x) for x in re.findall(r"[-+]?\d+\.?\d*(?:e[-+]?\d+)?", text)]


def report_of(scene: Scene) -> dict[str, tuple[float, ...]]:
    """Return the numbers of the reference's report lines, by what stands before them."""
    place, panel, cell, sampling = (
        scene.placement,
        scene.panels[0],
        scene.cell,
        scene.sweeps,
    )
    real, reciprocal = cell.real.T, cell.reciprocal.T
    return {
        "XDS incident beam:": tuple(
            float(dot(scene.beam, axis)) for axis in (panel.fast, panel.slow, panel.normal)
        ),
        "Unit Cell:": cell.parameters,
        "Recp Cell:": cell.reciprocal_parameters,
        "volume =": (cell.volume, 3.0),  # ...A^3
        "real-space cell vectors": tuple(real.ravel().tolist()),
        "reciprocal-space cell vectors": tuple(reciprocal.ravel().tolist()),
        "crystal is": tuple(1e6 * x for x in cell.sample),
        "phi": tuple((RTD * scene.phis).tolist()),
        "lambda": tuple(scene.wavelengths[: sampling["dispersion"].count].tolist()),
        "sources:": tuple(
            np.column_stack((scene.sources.positions, scene.sources.intensities, scene.wavelengths))
            .ravel()
            .tolist()
        ),
        "initialized hkls": (scene.hkl.n_loaded, scene.hkl.default_F),
        "xtal:": tuple(scene.cells),
        "incident fluence:": (scene.fluence, 2.0),  # ...m^2
        "distance=": (
            place.distance,
            place.size_fast,
            place.size_slow,
            panel.pixel_size,
            panel.pixels_fast,
            panel.pixels_slow,
        ),
        "sensor is": (scene.thickness, scene.layers, scene.mu),
        "Xbeam=": (place.xbeam, place.ybeam),
        "Fbeam=": (place.fbeam, place.sbeam),
        "Xclose=": (place.xclose, place.yclose),
        "Fclose=": (place.fclose, place.sclose),
        "DIRECTION_OF_DETECTOR_X-AXIS=": tuple(panel.fast),
        "DIRECTION_OF_DETECTOR_Y-AXIS=": tuple(panel.slow),
        "DIRECTION_OF_DETECTOR_Z-AXIS=": tuple(panel.normal),
        "INCIDENT_BEAM_DIRECTION=": tuple(scene.beam),
        "ROTATION_AXIS=": tuple(place.spindle),
        "POLARIZATION_PLANE_NORMAL=": tuple(place.plane_normal),
        "dials origin=": tuple(1000.0 * x for x in place.dials_origin),
        "hdivrange=": (sampling["hdiv"].range, sampling["hdiv"].step),
        "vdivrange=": (sampling["vdiv"].range, sampling["vdiv"].step),
        " sources": (len(scene.weights),),
        "mosaic domains over": (scene.orientations.shape[1], RTD * scene.mosaic_spread),
        "phi steps from": (
            len(scene.phis),
            RTD * scene.phis[0],
            RTD * (scene.phis[0] + sampling["phi"].range),
        ),
        "pixel oversample": (scene.oversample, scene.oversample),
    }


def read_report(text: str) -> dict[str, tuple[float, ...]]:
    """Read the same numbers from what the reference printed."""
    lines = text.splitlines()
    found: dict[str, tuple[float, ...]] = {}
    for i, line in enumerate(lines):
        if match := re.match(r"(?:phi|lambda)\d+ = (.*)", line):
            key = re.match("[a-z]+", line)[0]
            found[key] = (*found.get(key, ()), float(match[1]))
        elif "cell vectors" in line:
            rows = lines[i + 2 : i + 5]
            found[line.split(" (")[0]] = tuple(x for row in rows for x in numbers(row[2:]))
        elif match := re.match(r"  created a total of (\d+) sources:", line):
            rows = lines[i + 1 : i + 1 + int(match[1])]
            found["sources:"] = tuple(float(x) for row in rows for x in row.split())
        elif match := re.fullmatch(r"  \d+ sources", line):
            found[" sources"] = tuple(numbers(line))
        elif "auto-" not in line and "dump" not in line:
            for key in KEYS:
                if key in line:
                    found[key] = tuple(numbers(line.replace(key, "").replace("x", " ")))
                    break
    return found


KEYS = [
    *("XDS incident beam:", "Unit Cell:", "Recp Cell:", "volume =", "crystal is"),
    *(
        "initialized hkls",
        "xtal:",
        "incident fluence:",
        "distance=",
        "sensor is",
        "Xbeam=",
        "Fbeam=",
    ),
    *("Xclose=", "Fclose=", "DIRECTION_OF_DETECTOR_X-AXIS=", "DIRECTION_OF_DETECTOR_Y-AXIS="),
    *("DIRECTION_OF_DETECTOR_Z-AXIS=", "INCIDENT_BEAM_DIRECTION=", "ROTATION_AXIS="),
    *("POLARIZATION_PLANE_NORMAL=", "dials origin=", "hdivrange=", "vdivrange="),
    *("mosaic domains over", "phi steps from", "pixel oversample"),
]


def test_golden_report(golden):
    case, scene = golden
    printed = read_report((GOLDEN / case["name"] / "stdout.txt").read_text())
    expected = report_of(scene)
    if scene.config.beam.source_file is not None:
        printed["lambda"] = expected["lambda"]  # no grid, no such line
        # It counts the sources before it reads a file, so its axis line for them is not checked.
    if scene.thickness == 0.0:
        expected["sensor is"] = (0.0, 1, -1.0)  # the reference's way to say no absorption
    if "triclinic_cell" in case["quirks"]:
        # The reference prints angles there that its own vectors do not have.
        expected["Recp Cell:"] = (*expected["Recp Cell:"][:3], *printed["Recp Cell:"][3:])
    assert printed.keys() == expected.keys()
    for key, values in expected.items():
        # Vectors in Angstrom and 1/Angstrom are printed with %.8f, the rest with %g.
        floor = 5.01e-9 if "cell vectors" in key else 1e-15
        np.testing.assert_allclose(
            printed[key], values, rtol=SIX_DIGITS, atol=floor, err_msg=f"{case['name']}: {key}"
        )


def test_golden_convention_and_pivot(golden):
    case, scene = golden
    text = (GOLDEN / case["name"] / "stdout.txt").read_text()
    assert f"{scene.placement.convention} convention selected" in text
    pivot = {"beam": "direct beam spot", "sample": "sample"}[scene.placement.pivot]
    assert f"pivoting detector around {pivot}" in text
    recommended = re.search(r"recommend -oversample (\d+)", text)
    if recommended:
        assert scene.oversample_recommended == int(recommended[1])
        assert any(f"{recommended[1]} is recommended" in note for note in scene.notes)


def read_trace(path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for line in path.read_text().splitlines():
        words = line.split()
        if words[:1] == ["TRACE_C:"] and "=" not in line:
            found.setdefault(words[1], np.array([float(x) for x in words[2:]]))
    return found


def check_trace(scene: Scene, trace: dict[str, np.ndarray]) -> None:
    panel = scene.panels[0]
    cell = 1e10 * scene.orientations[0, 0]
    expected = {
        "pix0_vector_meters": panel.origin,
        "fdet_vec": panel.fast,
        "sdet_vec": panel.slow,
        "close_distance_meters": panel.close_distance,
        "incident_vec": scene.incident[0],
        "lambda_meters": scene.wavelengths[0],
        "rot_a_angstroms": cell[0],
        "rot_b_angstroms": cell[1],
        "rot_c_angstroms": cell[2],
        "rot_a_star_A_inv": scene.reciprocal[0],
        "rot_b_star_A_inv": scene.reciprocal[1],
        "rot_c_star_A_inv": scene.reciprocal[2],
        "r_e_sqr": scene.r_e_sqr,
        "fluence_photons_per_m2": scene.fluence,
        "steps": scene.steps,
    }
    for key, value in expected.items():
        printed = np.squeeze(trace[key])
        # 15 digits of each component, but a component that cancels has those of the vector.
        floor = TRACE * float(np.linalg.norm(printed))
        np.testing.assert_allclose(printed, value, rtol=5e-15, atol=floor, err_msg=key)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["trace"]])
def test_golden_trace(name):
    case = CASES[name]
    slow, fast = case["trace"]
    trace = read_trace(GOLDEN / name / f"trace_{slow}_{fast}.log")
    check_trace(scene_of(case["args"], case["quirks"]), trace)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["quirks"]])
def test_quirks_of_golden_cases_matter(name):
    case = CASES[name]
    quirky, right = scene_of(case["args"], case["quirks"]), scene_of(case["args"])
    quirk = case["quirks"][0]
    if quirk == "phi_carryover":
        assert quirky.first_orientations is not None
        assert right.first_orientations is None
        np.testing.assert_array_equal(quirky.first_orientations, right.orientations)
    elif quirk == "source_weights":
        assert (quirky.weights != right.weights).any()
    elif quirk == "triclinic_cell":
        assert np.abs(quirky.cell.real - right.cell.real).max() > 1e-4
    elif quirk == "layer_capture":
        assert quirky.layer_step > right.layer_step
    elif quirk == "pivot_override":
        assert (quirky.panels[0].origin != right.panels[0].origin).any()
    else:
        assert getattr(quirky, quirk)
        assert not getattr(right, quirk)


# The seed case


def test_seed_case():
    scene = scene_of((SEEDCASE / "args.txt").read_text(), ["phi_carryover"])
    check_trace(scene, read_trace(C_TRACE))
    panel = scene.panels[0]
    text = C_TRACE.read_text()
    for key, value in {
        "DETECTOR_PIX0_VECTOR": panel.origin,
        "DETECTOR_FAST_AXIS": panel.fast,
        "DETECTOR_SLOW_AXIS": panel.slow,
        "DETECTOR_NORMAL_AXIS": panel.normal,
        "TRACE_C: close_distance_meters": scene.placement.distance * scene.placement.ratio,
    }.items():
        printed = numbers(re.search(rf"{key} (.*)", text)[1])
        np.testing.assert_allclose(printed, np.atleast_1d(value), rtol=1e-14, err_msg=key)
    assert any("pix0_mm" in note and "0.950084 mm" in note for note in scene.notes)
    assert any("4 is recommended" in note for note in scene.notes)
    # The carried-over cell is that of the last step.
    np.testing.assert_array_equal(scene.orientations[0], scene.orientations[-1])
    np.testing.assert_array_equal(scene.first_orientations[1:], scene.orientations[1:])


# Defaults, and who chose them


def test_everything_by_default():
    scene = build({})
    choices = scene.choices
    assert {name: choices[name].origin for name in choices if name.startswith("detector.pi")} == {
        "detector.pivot": "derived",
        "detector.pix0": "derived",
        "detector.pixel": "default",
        "detector.pixels_fast": "derived",
        "detector.pixels_slow": "derived",
    }
    for name in ("detector.convention", "detector.distance", "beam.wavelength", "beam.fluence"):
        assert choices[name].origin == "default"
    for name in ("detector.xbeam", "sampling.oversample", "sampling.interpolate"):
        assert choices[name].origin == "derived"
        assert choices[name].reason
    assert scene.steps == scene.oversample**2 == 1
    assert scene.roi == (0, 1023, 0, 1023)
    assert scene.mask is None
    assert scene.hkl.data.shape == (3, 3, 3)
    assert not scene.hkl.data.any()
    assert scene.notes == ("every structure factor is 0: give an hkl list or default_F",)
    arrays = (scene.orientations, scene.incident, scene.weights, scene.hkl.data, scene.phis)
    for array in (*arrays, scene.panels[0].origin):
        assert array.dtype == np.float64
        assert array.flags.c_contiguous
        assert not array.flags.writeable


def test_steps_is_the_product():
    scene = build(
        {
            "beam.hdiv_mrad": 1.0,
            "beam.hdiv_steps": 3,
            "beam.dispersion_percent": 1.0,
            "beam.dispersion_steps": 2,
            "spindle.osc_deg": 1.0,
            "spindle.steps": 4,
            "crystal.mosaic_spread_deg": 0.5,
            "crystal.mosaic_domains": 5,
            "sampling.oversample": 2,
        }
    )
    assert scene.steps == 3 * 2 * 4 * 5 * 4
    assert scene.orientations.shape == (4, 5, 3, 3)
    assert scene.incident.shape == (6, 3)
    np.testing.assert_allclose(RTD * scene.phis, [0, 0.25, 0.5, 0.75])
    assert scene.choices["crystal.mosaic_seed"].origin == "default"


def test_the_spindle_does_not_turn_backwards():
    for field in ("osc", "step"):
        with pytest.raises(
            ConfigError, match=rf"spindle\.{field}_deg = -1.0: must not be negative"
        ):
            build({f"spindle.{field}_deg": -1.0})


@pytest.mark.parametrize(
    ("cells", "count"),
    [(1, 1), (10, 3), (11, 4), (20, 6)],
)
def test_oversampling(cells, count):
    # ceil(3 * cells * 100 A / (1 A * 100 mm / 0.1 mm)), which is exact for 10 and 20 cells.
    scene = build({"crystal.cells": (1, cells, 1)})
    assert scene.oversample == scene.oversample_recommended == count
    scene = build(
        {"crystal.cells": (1, cells, 1), "sampling.oversample": 2, "crystal.default_F": 1}
    )
    assert scene.oversample == 2
    assert bool(scene.notes) == (count > 2)


def test_mosaic_defaults():
    assert build({"crystal.mosaic_spread_deg": 0.5}).orientations.shape[1] == 10
    scene = build({"crystal.mosaic_domains": 5})
    assert scene.orientations.shape[1] == 1
    assert any("mosaic_domains = 5" in note for note in scene.notes)


def test_interpolation():
    factors = StructureFactors([(0, 0, 0), (2, 2, 2)], [1.0, 2.0])

    def resolved(fields: dict[str, object], factors=factors) -> Scene:
        return build(fields, factors)

    assert resolved({"crystal.cells": (3, 3, 2)}).interpolate
    assert not resolved({"crystal.cells": (3, 3, 3)}).interpolate
    assert resolved({"crystal.cells": (3, 3, 3), "sampling.interpolate": True}).interpolate
    assert not resolved({"crystal.cells": (1, 1, 1), "sampling.interpolate": False}).interpolate
    scene = resolved({"sampling.interpolate": True}, None)
    assert not scene.interpolate
    assert any("no hkl list" in note for note in scene.notes)
    # The reference decides before it knows how many cells a size makes.
    scene = resolved({f"crystal.size_{axis}_mm": 1e-4 for axis in "xyz"})
    assert scene.cells == (10, 10, 10)
    assert scene.interpolate
    assert any("interpolated" in note for note in scene.notes)


def test_sensor():
    thick = {"crystal.default_F": 1.0, "detector.thickness_um": 300.0}
    scene = build(thick)
    assert (scene.layers, scene.thickness) == (2, 300 / 1e6)
    assert scene.layer_step * scene.layers == scene.thickness
    assert scene.mu == pytest.approx(1e6 / 300, rel=1e-15)
    assert "attenuation_depth_um is not given" in scene.notes[0]
    scene = build({**thick, "detector.attenuation_depth_um": 100.0, "detector.thickness_steps": 3})
    assert scene.layer_step == pytest.approx(1e-4, rel=1e-15)
    assert scene.mu == pytest.approx(1e4, rel=1e-15)
    assert not scene.notes
    for depth in (0.0, math.inf):
        scene = build({**thick, "detector.attenuation_depth_um": depth})
        assert (scene.layers, scene.thickness, scene.mu) == (1, 0.0, 0.0)
        assert "attenuation" in scene.notes[0]
    scene = build({"crystal.default_F": 1.0, "detector.attenuation_depth_um": 100.0})
    assert scene.mu == 0.0
    assert "no thickness" in scene.notes[0]


def test_layer_capture_quirk_keeps_the_uncounted_rule():
    thick = {"detector.thickness_um": 300.0, "quirks": ["layer_capture"]}
    assert build(thick).layer_step == 300 / 1e6 / 2
    assert build({**thick, "detector.thickness_steps": 4}).layer_step == 300 / 1e6 / 3
    assert build(thick).layer_capture


def test_water():
    # 2.57² r_e² fluence molecules, of 1 µm³ of water: 1e-12 cm³ * 6.02e23 / 18 per cm³.
    assert water_background(1e-6, 1e20) == pytest.approx(
        2.57**2 * 7.94079248018965e-30 * 1e20 * 1e-12 * 6.02214179e23 / 18, rel=1e-14
    )
    assert build({}).water == 0.0
    scene = build({"background.water_um": 1.0, "beam.fluence_photons_per_m2": 1e20})
    assert scene.water == pytest.approx(water_background(1e-6, 1e20), rel=1e-14)


def test_turning_everything_together_turns_the_scene():
    """Crystal, beam, spindle and detector turned by one rotation see the same h, k, l."""
    fields = {
        "crystal.cell_angstrom_deg": (50, 60, 70, 80, 95, 100),
        "spindle.osc_deg": 2.0,
        "detector.pixels_fast": 50,
        "detector.pixels_slow": 40,
        "beam.hdiv_mrad": 5.0,
    }
    # Cyclic permutation of the axes, x to y to z to x: a rotation by 120° about (1, 1, 1).
    turned = {
        **fields,
        "beam.direction": (0, 1, 0),
        "beam.polarization_vector": (1, 0, 0),
        "detector.fast_vector": (1, 0, 0),
        "detector.slow_vector": (0, 0, -1),
        "detector.twotheta_axis": (0, 0, 1),
        "spindle.axis": (1, 0, 0),
    }
    still = build({**fields, "detector.convention": "custom"})
    moved = build(turned)
    roll = lambda v: np.roll(v, 1, axis=-1)  # noqa: E731
    for name in ("origin", "fast", "slow", "normal"):
        before, after = getattr(still.panels[0], name), getattr(moved.panels[0], name)
        np.testing.assert_allclose(after, roll(before), atol=1e-15)
    np.testing.assert_allclose(moved.incident, roll(still.incident), atol=1e-15)

    # The spindle's step about the turned axis is the turned step.
    def step(scene: Scene) -> np.ndarray:
        return np.linalg.solve(scene.orientations[0, 0], scene.orientations[1, 0]).T

    np.testing.assert_allclose(step(moved), np.roll(step(still), (1, 1), axis=(0, 1)), atol=1e-13)


# Region of interest, mask, curved detector


SMALL = {"detector.pixels_fast": 60, "detector.pixels_slow": 40, "crystal.default_F": 1.0}


def test_roi():
    assert build({**SMALL, "sampling.roi": (5, 9, 7, 7)}).roi == (5, 9, 7, 7)
    scene = build({**SMALL, "sampling.roi": (50, 90, 0, 39)})
    assert scene.roi == (50, 59, 0, 39)
    assert "clipped" in scene.notes[0]
    for roi in ((60, 70, 0, 10), (0, 10, 40, 45)):
        with pytest.raises(ConfigError, match=r"sampling\.roi"):
            build({**SMALL, "sampling.roi": roi})


def test_mask():
    path = str(GOLDEN / "inputs" / "mask.img")
    fields = {"detector.mask_file": path, "detector.pixels_fast": 96}
    scene = build({**fields, "detector.pixels_slow": 96})
    assert scene.mask.shape == (96, 96)
    assert scene.mask.dtype == np.uint8
    assert set(np.unique(scene.mask)) == {0, 1}
    with pytest.raises(ConfigError, match=r"\(slow, fast\) = \(95, 96\), it has \(96, 96\)"):
        build({**fields, "detector.pixels_slow": 95})


def test_curved_needs_mosflm_axes():
    assert build({"detector.curved": True}).curved
    for fields in (
        {"detector.convention": "adxv"},
        {"detector.convention": "xds"},
        {"detector.rotx_deg": 1.0},
        {"detector.twotheta_deg": 5.0},
    ):
        with pytest.raises(ConfigError, match=r"detector\.curved"):
            build({"detector.curved": True, **fields})


# Structure factors


def test_grid():
    grid = StructureFactors([(0, 1, -2), (2, 1, 3), (0, 1, -2)], [5.0, 7.0, 6.0], 0.5).to_grid()
    assert (grid.h_min, grid.h_max, grid.k_min, grid.k_max, grid.l_min, grid.l_max) == (
        *(0, 2, 1, 1),
        *(-2, 3),
    )
    assert grid.data.shape == (5, 3, 8)
    assert grid.data[1, 1, 1] == 6.0
    assert grid.data[3, 1, 6] == 7.0
    assert grid.n_loaded == 3
    assert (grid.data == 0.5).sum() == grid.data.size - 2
    edge = grid.data.copy()
    edge[1:-1, 1:-1, 1:-1] = 0.5
    assert (edge == 0.5).all()


def test_hkl_file():
    scene = build(
        {
            "crystal.hkl_file": str(GOLDEN / "inputs" / "sparse.hkl"),
            "crystal.default_F": 12.0,
            "crystal.cells": (4, 4, 4),
        }
    )
    assert scene.hkl.n_loaded == 2429
    assert scene.hkl.default_F == 12.0
    assert scene.choices["crystal.hkl"].origin == "given"


@pytest.mark.parametrize(
    ("hkl", "amplitudes", "words"),
    [
        ([(0, 0)], [1.0], "shape"),
        ([(0, 0, 0)], [1.0, 2.0], "shape"),
        ([(0, 0.5, 0)], [1.0], "integers"),
        ([(0, 2**40, 0)], [1.0], "integers"),
        ([(0, 3, 0)], [math.nan], r"F\(0, 3, 0\)"),
        ([(0, 0, 0), (9999, 9999, 9999)], [1.0, 1.0], "GiB"),
    ],
)
def test_impossible_structure_factors(hkl, amplitudes, words):
    with pytest.raises(ConfigError, match=words):
        StructureFactors(hkl, amplitudes).to_grid()


def test_grid_limit_is_on_the_whole_box(monkeypatch):
    factors = StructureFactors([(0, 0, 0), (7, 7, 7)], [1.0, 1.0])
    monkeypatch.setattr(structure_factors, "MAX_GRID_BYTES", 8 * 10**3)
    assert factors.to_grid().data.size == 10**3
    monkeypatch.setattr(structure_factors, "MAX_GRID_BYTES", 8 * 10**3 - 1)
    with pytest.raises(ConfigError, match=r"0\.\.\.7"):
        factors.to_grid()


# Quirks


def test_parse_quirks():
    assert parse_quirks("all") == QUIRKS.keys()
    assert parse_quirks("star_radius, layer_capture") == {"star_radius", "layer_capture"}
    assert parse_quirks(["star_radius"]) == {"star_radius"}
    assert parse_quirks("") == frozenset()
    with pytest.raises(ConfigError, match="phi_carryover"):
        parse_quirks("phi_carry")
    assert all(effect and "\n" not in effect for effect in QUIRKS.values())


@pytest.mark.parametrize("factor", [1.0, 0.3, 7.0, 1.1])
def test_a_polarized_source_along_its_field_is_refused(factor, tmp_path):
    """Whatever rounding leaves of the angle between them."""
    listed = tmp_path / "sources.txt"
    listed.write_text("-10 0 0 1 1e-10\n-1 -3 -7 1 1e-10\n")
    field = tuple(factor * x for x in (1.0, 3.0, 7.0))
    beam = {"source_file": str(listed), "polarization_vector": field, "wavelength_angstrom": 1.0}
    with pytest.raises(ConfigError, match="source 1 travels along it"):
        strategies.plain_scene(beam={**beam, "kahn_factor": 0.9})
    strategies.plain_scene(beam={**beam, "kahn_factor": 0.0})

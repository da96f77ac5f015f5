"""Traces: against the reference's own, against the image, through every form and back."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path

import numpy as np
import pytest
import seedcase
import strategies
from conftest import GoldenCase, golden_cases
from hypothesis import given

from nbcy.base.errors import FileError
from nbcy.cli.main import main
from nbcy.flags.parsing import parse
from nbcy.render.simulator import Simulator
from nbcy.render.trace import Trace
from nbcy.render.vocabulary import KEYS
from nbcy.scene.scene import Scene

from nbcy.kernel._kernel import KernelScene  # isort: skip

pytestmark = pytest.mark.filterwarnings("ignore::nbcy.base.errors.NbcyWarning")

TRACED = [case for case in golden_cases() if case.trace]
# The logs have 15 digits; both sides round a handful of operations.
RELATIVE = 1e-12


def assert_same_keys(live: Trace, reference: Trace) -> None:
    """Every key of every block, relative to the size of the vector or number."""
    assert len(live.blocks) == len(reference.blocks)
    pairs = [*zip(live.blocks, reference.blocks, strict=True), (live.chain, reference.chain)]
    for mine, theirs in pairs:
        for key, values in theirs.items():
            size = max(map(abs, values)) or 1.0
            # the float32 pixel may be one unit in the last place off
            allowed = 2.0**-23 if key == "floatimage_accumulated" else RELATIVE
            assert mine[key] == pytest.approx(values, rel=0, abs=allowed * size), key


@pytest.mark.parametrize("case", TRACED, ids=lambda case: case.name)
def test_golden_traces(case: GoldenCase, workdir: Path) -> None:
    slow, fast = case.trace
    reference = Trace.read(case.folder / f"trace_{slow}_{fast}.log")
    assert reference.prefix == "TRACE_C"
    live = Simulator(parse(case.argv).config, quirks=case.quirks).trace(slow, fast)
    assert_same_keys(live, reference)


@pytest.fixture(scope="module")
def seed_simulator() -> Simulator:
    return Simulator(parse(seedcase.argv()).config, quirks={"phi_carryover"})


def test_seedcase_trace(seed_simulator: Simulator) -> None:
    assert_same_keys(seed_simulator.trace(*seedcase.PIXEL), Trace.read(seedcase.C_TRACE))


@given(strategies.scenes())
def test_trace_is_the_image(scene: Scene) -> None:
    kernel = KernelScene(scene)
    image, _ = kernel.render()
    fast_min, fast_max, slow_min, slow_max = scene.roi
    for slow, fast in {(slow_min, fast_min), (slow_max, fast_max)}:
        if scene.mask is not None and not scene.mask[slow, fast]:
            continue
        trace = Trace.from_kernel(scene, slow, fast, kernel.trace(slow, fast))
        photons = float(image[slow, fast])
        # one float32 rounding, and the two builds' double rounding of steps between the peaks
        steps = trace.steps
        assert steps is not None
        # (float32 also underflows: to nothing below its smallest number)
        peak = float(np.abs(steps.used).max(initial=0.0)) + abs(photons)
        allowed = 1e-9 * peak + 2.0**-149
        assert trace["I_pixel_final"] == pytest.approx(photons, rel=2.0**-22, abs=allowed)
        background = trace.values("background_photons") or (0.0,)
        assert trace.chain_product() + background[0] == pytest.approx(
            trace["I_pixel_final"], rel=1e-12, abs=1e-300
        )


@pytest.fixture
def trace(workdir: Path) -> Trace:
    flags = (
        "-mat A.mat -hkl wilson.hkl -lambda 0.9768 -N 6 -distance 60 -pixel 0.8 -detpixels 48"
        " -oversample 2 -phi 1 -osc 1 -phisteps 3 -mosaic 0.4 -mosaic_domains 3 -dispersion 1"
        " -dispsteps 2 -polar 0.9 -detector_thick 300 -detector_abs 200 -detector_thicksteps 2"
    )
    return Simulator(parse(shlex.split(flags)).config).trace(20, 30)


def test_every_step_is_kept(trace: Trace) -> None:
    steps = trace.steps
    assert steps is not None
    # 4 sub-pixels x 2 layers, 2 wavelengths, 3 phi, 3 domains
    assert steps.shape == (8, 2, 3, 3)
    assert len(steps) == 8 * 2 * 3 * 3
    assert trace["steps"] == 4 * 2 * 3 * 3
    assert float(steps.used.sum()) == pytest.approx(trace["I_before_scaling"], rel=1e-12)
    best = steps.top(3)
    assert [steps.used.ravel()[i] for i in best] == sorted(steps.used.ravel(), reverse=True)[:3]


def test_log_reads_back(trace: Trace, tmp_path: Path) -> None:
    path = tmp_path / "trace.log"
    path.write_text(trace.to_log())
    again = Trace.read(path)
    assert again.prefix == "TRACE_NBCY"
    assert again.missing == []
    assert len(again.blocks) == len(trace.blocks) == 8
    for key in KEYS:
        if key in trace:
            assert again.values(key) == pytest.approx(trace.values(key), rel=1e-14, abs=1e-300)


def test_json_reads_back(trace: Trace, tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    with path.open("w") as file:
        trace.to_json(file)
    again = Trace.read(path)
    for key in KEYS:
        if key in trace:
            assert again.values(key) == trace.values(key)
    text = path.read_text()
    assert text.count('"F_cell"') >= 1
    json.loads(text)


def test_equation_is_the_pixel(trace: Trace) -> None:
    text = trace.explain()
    assert f"{trace['I_pixel_final']:.9g}" in text
    for number in ("fluence_photons_per_m2", "polar", "omega_pixel", "capture_fraction"):
        assert f"{trace[number]:.9g}" in text


def test_table_names_every_key_and_its_unit(trace: Trace) -> None:
    table = trace.to_table()
    for heading in ("Geometry", "Lattice", "Structure factor", "Scaling"):
        assert heading in table
    assert all(key in table for key in KEYS if key in trace)
    assert "sr" in table
    assert "photons" in table


@pytest.mark.parametrize("form", ["table", "log", "json", "equation"])
def test_command_line(form: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    flags = "-cell 100 -N 5 -default_F 100 -lambda 6.2 -detpixels 32 -pixel 0.4 --pixel 4 6"
    out = tmp_path / "out"
    assert main(["trace", *flags.split(), "--format", form, "-o", str(out)]) == 0
    assert main(["trace", *flags.split(), "--format", form]) == 0
    assert capsys.readouterr().out == out.read_text()
    if form in ("log", "json"):
        assert Trace.read(out)["F_cell"] == 100


def test_drop_in_flag_prints_the_log(workdir: Path, capsys: pytest.CaptureFixture) -> None:
    flags = "-cell 100 -N 5 -default_F 100 -lambda 6.2 -detpixels 32 -pixel 0.4 -nonoise -nopgm"
    assert main([*flags.split(), "-trace_pixel", "4", "6"]) == 0
    report = capsys.readouterr().out
    Path("report.txt").write_text(report)
    pixels = np.fromfile("floatimage.bin", "<f4").reshape(32, 32)
    assert np.float32(Trace.read("report.txt")["floatimage_accumulated"]) == pixels[4, 6]


LOG = "TRACE_PY: lambda_meters 1e-10\nTRACE_PY: steps 3\nTRACE_PY: F_cell 5\n"


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        (LOG, "steps", 3.0),
        (LOG.replace("\n", "\r\n"), "steps", 3.0),
        ("progress 3%\r" * 200_000 + "\n" + LOG, "F_cell", 5.0),
        (LOG + "TRACE_PY: F_cell 7\n", "F_cell", 7.0),
        (LOG[:-6], "steps", 3.0),
        (LOG + "TRACE_PY: polar nan\n", "polar", math.nan),
        ("\ufeff" + LOG, "lambda_meters", 1e-10),
    ],
    ids=["plain", "windows", "progress", "repeated", "truncated", "nan", "bom"],
)
def test_hardy_reading(text: str, key: str, value: float, tmp_path: Path) -> None:
    path = tmp_path / "some.log"
    path.write_text(text, newline="", encoding="utf-8")
    trace = Trace.read(path)
    assert trace[key] == pytest.approx(value, nan_ok=True)
    assert "polar" in trace.missing or key == "polar"


@pytest.mark.parametrize("content", [b"", b"nothing here\n", b"\0\1\2\3" * 100, b"{}"])
def test_no_trace_at_all(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "some.log"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"some\.log"):
        Trace.read(path)


def test_short_forms():
    """A trace in 20 lines and a scene in one, whatever they hold."""
    detector = {"pixels_fast": 8, "pixels_slow": 8, "pixel_mm": 1.0}
    crystal = {"cell_angstrom_deg": 100.0, "cells": 5, "default_F": 100.0}
    water = {"water_um": 5.0}
    simulator = Simulator(crystal=crystal, detector=detector, background=water)
    trace = simulator.trace(3, 4)
    lines = repr(trace).splitlines()
    assert len(lines) <= 20
    assert max(map(len, lines)) <= 160
    assert "slow 3, fast 4" in lines[0]
    assert any(line.split()[0] == "I_pixel_final" for line in lines)
    scene = repr(simulator.scene)
    assert "64 pixels, 5x5x5 cells" in scene
    assert len(scene.splitlines()) == 1
    assert len(scene) < 160

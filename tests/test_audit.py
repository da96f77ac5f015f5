"""The audit: injected faults are named, and nothing else is."""

from __future__ import annotations

import copy
import itertools
import json
import math
import re
from typing import Any

import numpy as np
import pytest
import seedcase
from conftest import GOLDEN, golden_cases
from faults import FACTORS, FAULTS, World, as_log, draw_world, perturbed, rounded
from hypothesis import given
from hypothesis import strategies as st
from seedcase import C_TRACE, SEEDCASE
from strategies import scenes

import nbcy
from nbcy.auditing import AuditReport, Tolerances, compare_traces
from nbcy.auditing.causality import CHAIN
from nbcy.auditing.expected import expect
from nbcy.auditing.fixes import find_remedy
from nbcy.auditing.formulas import interpolated_F, lattice_factor, rotation_of, sinc_ratio
from nbcy.auditing.hypotheses import HYPOTHESES
from nbcy.auditing.side import Side, recognise_precision
from nbcy.base.errors import ConfigError, FileError, UsageError
from nbcy.base.vectors import rotate
from nbcy.cli.main import main
from nbcy.config import Config
from nbcy.flags.parsing import parse
from nbcy.kernel._kernel import KernelScene
from nbcy.render.simulator import Simulator
from nbcy.render.trace import Trace
from nbcy.render.vocabulary import KEYS, QUANTITIES

pytestmark = pytest.mark.filterwarnings("ignore::nbcy.base.errors.NbcyWarning")

TRACED = [case for case in golden_cases() if case.trace]
FORMS = ("live", "log", "single")
CUBIC = "-cell 100 -N 5 -default_F 100 -lambda 6.2 -distance 100 -detpixels 96 -pixel 0.4"


def causes(report: AuditReport) -> list[str]:
    return [finding.cause for finding in report.findings if finding.cause != "precision"]


def with_report(case: Any, tmp_path: Any) -> Trace:
    """A golden trace together with what the reference said of the experiment."""
    slow, fast = case.trace
    path = tmp_path / f"{case.name}.log"
    trace = (case.folder / f"trace_{slow}_{fast}.log").read_text()
    path.write_text((case.folder / "stdout.txt").read_text() + trace)
    return Trace.read(path)


def in_form(trace: Trace, form: str, folder: Any, single: bool = False) -> Trace:
    return trace if form == "live" else as_log(trace, folder, form == "single" and single)


# Nothing where there is nothing


@pytest.mark.parametrize("case", TRACED, ids=lambda case: case.name)
@pytest.mark.parametrize("single", [False, True])
def test_a_trace_agrees_with_itself(case, single, tmp_path):
    trace = with_report(case, tmp_path)
    other = rounded(trace) if single else trace
    report = compare_traces(trace, other)
    assert report.agrees
    assert report.exit_status == 0
    assert report.first_divergence is None
    assert causes(report) == []
    assert {row.key for row in report.rows} == {key for key in KEYS if key in trace}


@given(scenes())
def test_no_cause_is_named_on_an_unperturbed_pair(scene):
    trace = Trace.from_kernel(scene, 0, 0, KernelScene(scene).trace(0, 0))
    bare = copy.copy(trace)
    bare.facts, bare.pixel, bare.scene, bare.steps = {}, None, None, None
    for a, b in itertools.product((trace, bare, rounded(trace), rounded(bare)), repeat=2):
        report = compare_traces(a, b)
        assert report.agrees, report.to_text()
        assert causes(report) == []


@pytest.mark.parametrize("case", TRACED, ids=lambda case: case.name)
def test_rules_hold_for_the_reference(case, workdir):
    """What each key follows from (trace 1), in the reference's own numbers."""
    trace = with_report(case, workdir)
    side = Side("A", trace, recognise_precision(trace))
    unknown = set()
    for key in CHAIN:
        for i in range(side.blocks if KEYS[key].per_block else 1):
            value = side.printed(key, i)
            if value is None or key == "background_photons":
                continue
            rule = expect(key, side, side, i)
            if rule is None:
                unknown.add(key)
            elif not (key.startswith("rot_") and case.name == "phi_zero_start"):  # phi_carryover
                assert rule.fits(value, 1e-9), (key, i, value, rule.values)
    # Nothing above the origin is printed, and nothing says which constants and flags are right.
    free = {"pix0_vector_meters", "r_e_meters", "oversample_thick", "oversample_polar"}
    free |= {"oversample_omega"}
    if case.name in ("mosaic", "round_xtal", "gauss_xtal"):
        free |= {"I_before_scaling"}  # not every step is shown, nor F_latt of these shapes
    if case.name == "curved_det":
        free |= {"pixel_pos_meters"}  # which pixel it was stands in no line
    assert unknown <= free


# One number changed


@pytest.mark.parametrize("form", ["double", "single"])
@pytest.mark.parametrize(
    "name",
    ["cubic_oversample3", "thick", "polar_kahn", "curved_det", "real_custom", "phi_osc", "flux"],
)
def test_a_perturbed_key_is_a_local_fault_of_that_side(name, form, workdir):
    (case,) = [case for case in TRACED if case.name == name]
    trace = with_report(case, workdir)  # with the list of structure factors beside it
    start = rounded(trace) if form == "single" else trace
    rng = np.random.default_rng(len(name))
    for key in (key for key in KEYS if key in trace):
        wrong = perturbed(start, key, rng)
        report = compare_traces(trace, wrong)
        assert [finding.keys for finding in report.findings] == [[key]], report.to_text()
        (finding,) = report.findings
        assert not report.agrees
        # Where a factor is 1 its flag decides nothing, and no number can tell which side is right.
        if not key.startswith("oversample"):
            assert (finding.kind, finding.side) == ("local fault", "B"), report.to_text()
            mirrored = compare_traces(wrong, trace).findings[0]
            assert (mirrored.kind, mirrored.side) == ("local fault", "A")


@pytest.mark.parametrize(
    "key", [key for key in KEYS if not KEYS[key].depends and "overs" not in key]
)
def test_a_perturbed_key_of_a_bare_log(key, tmp_path):
    """Without a word around the trace: what follows tells that the number was not used."""
    if key == "background_photons":
        pytest.skip("not in this log")
    case = GOLDEN / "triclinic_misset" / "trace_50_33.log"
    trace = Trace.read(case)
    report = compare_traces(trace, perturbed(trace, key, np.random.default_rng(5)))
    assert [finding.keys for finding in report.findings] == [[key]], report.to_text()
    assert report.findings[0].side == "B"
    if key.startswith("rot_"):
        return
    assert "Only the printing is at fault" in report.findings[0].note


def test_not_a_number_is_a_local_fault(tmp_path):
    trace = with_report(TRACED[0], tmp_path)
    wrong = copy.deepcopy(trace)
    wrong.chain["polar"] = (math.nan,)
    report = compare_traces(trace, wrong)
    assert report.first_divergence.key == "polar"
    assert (report.findings[0].cause, report.findings[0].side) == ("unexplained", "B")
    assert "not a number" in report.findings[0].arithmetic
    json.loads(report.to_json())


# Named faults


@pytest.mark.parametrize("name", FAULTS)
def test_an_injected_fault_is_named_first(name, tmp_path):
    fault = FAULTS[name]
    rng = np.random.default_rng(17)
    injected = 0
    for _ in range(20):
        world = draw_world(rng)
        wrong = fault.inject(world, rng)
        if wrong is None:
            continue  # there is nothing to get wrong in this world
        injected += 1
        for form in FORMS[:1] if fault.live else FORMS:
            a, b = in_form(world.trace, form, tmp_path), in_form(wrong, form, tmp_path, True)
            report = compare_traces(a, b)
            if report.agrees:
                # Less than single precision can see.
                assert form == "single", report.to_text()
                continue
            named = set(fault.named)
            if form == "single" and name == "kahn":
                named.add("unexplained")  # seven digits do not always tell which K it is
            assert causes(report)[0] in named, report.to_text()
        if injected == 2:
            return
    assert injected


@pytest.mark.parametrize("name", FAULTS)
def test_swapping_the_sides_mirrors_the_report(name):
    rng = np.random.default_rng(23)
    for _ in range(20):
        world = draw_world(rng)
        wrong = FAULTS[name].inject(world, rng)
        if wrong is not None:
            break
    there, back = compare_traces(world.trace, wrong), compare_traces(wrong, world.trace)
    swap = {"A": "B", "B": "A", "": "", "AB": "AB"}
    assert [(row.key, row.verdict, swap[row.side]) for row in there.rows] == [
        (row.key, row.verdict, row.side) for row in back.rows
    ]
    assert [(row.a, row.b) for row in there.rows] == [(row.b, row.a) for row in back.rows]
    assert [(f.cause, f.kind, swap[f.side], f.keys) for f in there.findings] == [
        (f.cause, f.kind, f.side, f.keys) for f in back.findings
    ]


TOGETHER: dict[str, dict[str, Any]] = {
    "distance": {"detector.distance_mm": 91.5},
    "fluence_default": {"beam.flux_photons_per_s": None},
    "kahn": {"beam.kahn_factor": 0.4},
    "cells": {"crystal.cells": (9, 10, 13)},
    "point_pixel": {"detector.point_pixel": True},
    "misset": {"crystal.misset_deg": (10.0, 20.0, 31.0)},
    "wavelength": {"beam.wavelength_angstrom": 1.2345},
}


@pytest.mark.parametrize(("one", "two"), list(itertools.combinations(TOGETHER, 2)))
def test_two_faults_at_once_are_both_named(one, two):
    world = plain_world()
    wrong = world.changed(TOGETHER[one] | TOGETHER[two])
    assert set(causes(compare_traces(world.trace, wrong))) == {one, two}


def plain_world() -> World:
    config = Config(
        crystal={
            "cell_angstrom_deg": (31, 43, 37, 84, 97, 104),
            "cells": (8, 10, 12),
            "misset_deg": (10.0, 20.0, 30.0),
        },
        beam={"wavelength_angstrom": 1.1, "flux_photons_per_s": 1e12, "kahn_factor": 0.9},
        detector={
            "pixels_fast": 90,
            "pixels_slow": 100,
            "pixel_mm": 0.4,
            "distance_mm": 90.0,
            "convention": "xds",
            "orgx_px": 40.2,
            "orgy_px": 51.7,
        },
        sampling={"oversample": 1, "interpolate": False},
    )
    return World(config, (33, 61))


def test_interpolated_structure_factors_are_the_kernel_s():
    """Also where the stencil leaves the list, and beyond the list."""
    hkl = np.array([*itertools.product(range(-4, 5), repeat=3)])
    factors = nbcy.StructureFactors(hkl, np.arange(len(hkl)) + 1.0, default_F=0.5)
    crystal = nbcy.Crystal(cell_angstrom_deg=(30, 40, 50), cells=2, misset_deg=(10, 20, 30))
    detector = nbcy.Detector(distance_mm=60, pixel_mm=4, pixels_fast=25, pixels_slow=25)
    config = Config(crystal=crystal, detector=detector, sampling={"oversample": 1})
    simulator = Simulator(config, structure_factors=factors)
    grid, reach = simulator.scene.hkl, set()
    for slow, fast in itertools.product(range(25), repeat=2):
        trace = simulator.trace(slow, fast)
        at = np.array(trace["hkl_frac"])
        assert interpolated_F(grid, at) == pytest.approx(trace["F_cell"], rel=1e-9)
        inside = np.all(np.abs(np.floor(at) + 0.5) <= 2.5)
        reach.add("inside" if inside else "edge" if np.all(np.abs(at) < 4.5) else "beyond")
    assert reach == {"inside", "edge", "beyond"}


def test_two_causes_of_one_difference():
    """Half a pixel and the plane's distance both move the origin, and nothing else."""
    world = plain_world()
    wrong = world.changed({"detector.orgx_px": 40.7, "detector.distance_mm": 93.25})
    report = compare_traces(world.trace, wrong)
    assert set(causes(report)) == {"half_pixel", "distance"}
    assert all(finding.keys == ["pix0_vector_meters"] for finding in report.findings)


def test_an_unexplained_difference_is_called_that(tmp_path):
    world = plain_world()
    wrong = world.changed({"beam.fluence_photons_per_m2": 3.3e21, "beam.flux_photons_per_s": None})
    assert causes(compare_traces(world.trace, wrong)) == ["fluence"]  # both sides state it
    report = compare_traces(world.trace, as_log(wrong, tmp_path))
    assert causes(report) == ["unexplained"]
    assert report.unexplained == report.findings
    assert re.fullmatch(
        r"<nbcy.AuditReport: live and \S+: diverge first in fluence_photons_per_m2 \(cause\); "
        "unexplained>",
        repr(report),
    )
    assert report.findings[0].keys == ["fluence_photons_per_m2"]
    assert report.findings[0].fix == ""
    assert "no hypothesis explains it" in report.to_text()


def test_mending_everything_closes_the_gap():
    world = plain_world()
    wrong = world.changed(TOGETHER["distance"] | TOGETHER["cells"] | TOGETHER["kahn"])
    closure = compare_traces(world.trace, wrong).closure
    assert closure is not None
    assert (closure.stopped, closure.differing) == ("", [])
    mended = closure.mended["B"]["I_pixel_final"][0]
    assert mended == pytest.approx(world.trace["I_pixel_final"], rel=1e-9)


@pytest.mark.long
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(FAULTS)), st.sampled_from(FORMS))
def test_any_fault_in_any_world(tmp_path_factory, seed, name, form):
    fault, rng = FAULTS[name], np.random.default_rng(seed)
    world = draw_world(rng)
    wrong = fault.inject(world, rng)
    if wrong is None or (fault.live and form != "live"):
        return
    folder = tmp_path_factory.getbasetemp()
    a, b = in_form(world.trace, form, folder), in_form(wrong, form, folder, True)
    report = compare_traces(a, b)
    if not report.agrees and form != "single":
        assert causes(report)[0] in fault.named, report.to_text()


# Precision and tolerances


def test_precision_is_recognised(tmp_path):
    trace = plain_world().trace
    double, single = as_log(trace, tmp_path), as_log(trace, tmp_path, True)
    assert recognise_precision(double).name == "float64"
    assert recognise_precision(single).name == "float32"
    for prec, name in (("%.9g", "float32"), ("%.6g", "6 digits"), ("%.17g", "float64")):
        short = copy.deepcopy(single if name == "float32" else double)
        for block in (*short.blocks, short.chain):
            for key, values in block.items():
                block[key] = tuple(float(prec % x) for x in values)
        assert recognise_precision(short).name == name
        assert compare_traces(double, short).agrees
    report = compare_traces(double, single)
    assert [finding.cause for finding in report.findings] == ["precision"]
    assert "numbers equal their rounding to float32" in report.to_text()


def test_few_numbers_do_not_tell_a_precision(tmp_path):
    path = tmp_path / "few.log"
    path.write_text("TRACE_PY: steps 10\nTRACE_PY: polar 0.5\n")
    assert recognise_precision(Trace.read(path)).name == "1 digits"


def test_tolerances_can_be_set():
    world = plain_world()
    wrong = world.changed({"detector.distance_mm": 90.0 * (1.0 + 1e-7)})
    assert not compare_traces(world.trace, wrong).agrees
    assert compare_traces(world.trace, wrong, Tolerances(double=1e-5)).agrees


# Sides


def test_every_kind_of_side(tmp_path, monkeypatch):
    config = parse(CUBIC.split()).config
    simulator = Simulator(config)
    trace = simulator.trace(40, 61)
    (tmp_path / "args.txt").write_text(f"{CUBIC} -trace_pixel 40 61\n")
    (tmp_path / "t.log").write_text(trace.to_log())
    with (tmp_path / "t.json").open("w") as file:
        trace.to_json(file)
    config.save(tmp_path / "c.toml")
    config.save(tmp_path / "c.json")
    sides: list[Any] = [config, simulator, trace, CUBIC, CUBIC.split()]
    sides += [tmp_path / name for name in ("args.txt", "t.log", "t.json", "c.toml", "c.json")]
    reference = GOLDEN / "cubic" / "trace_40_61.log"
    for side in sides:
        report = nbcy.audit(reference, side, pixel=(40, 61))
        assert report.agrees, report.to_text()
        assert nbcy.audit(str(side) if isinstance(side, type(tmp_path)) else side, trace).agrees


def test_inputs_are_found_beside_a_file_of_flags():
    assert nbcy.audit(C_TRACE, SEEDCASE / "args.txt").first_divergence.key == "rot_a_angstroms"


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("", FileError, "is empty"),
        ("hello\n", FileError, "holds no trace"),
        ("-cell 100\n", UsageError, "which pixel"),
        ("-bogus 1\n", UsageError, "no such flag"),
        ('-cell "100\n', UsageError, "No closing quotation"),
        ('{"crystal": {"cells": 0}}', ConfigError, "crystal.cells"),
    ],
)
def test_unusable_sides(content, error, message, tmp_path, capsys):
    path = tmp_path / "side.txt"
    if content.startswith("{"):
        path = tmp_path / "side.json"
    path.write_text(content)
    with pytest.raises(error, match=message):
        nbcy.audit(path, path)
    assert main(["audit", str(C_TRACE), str(path)]) in ((1, 2) if "cell" in content else (2,))
    with pytest.raises(UsageError, match="a side of an audit must be"):
        nbcy.audit(3, path)


# Reports and the command line


def test_report_forms(tmp_path):
    report = nbcy.audit(C_TRACE, seedcase.foreign(1))
    text = report.to_text()
    assert "\x1b" not in text
    assert "\x1b[31m" in report.to_text(color=True, full=True)
    assert len(report.to_text(full=True).splitlines()) > len(text.splitlines())
    markdown = report.to_markdown()
    assert markdown.startswith("# Audit of a pixel\n")
    assert all(f"`{row.key}`" in markdown for row in report.rows)
    data = json.loads(report.to_json())
    assert data["agrees"] is False
    assert data["first_divergence"] == "pix0_vector_meters"
    assert [row["key"] for row in data["rows"]] == [row.key for row in report.rows]
    assert {finding["cause"] for finding in data["findings"]} == set(causes(report))
    for finding in report.findings:
        assert finding.arithmetic
        assert finding.title in text
        assert finding.fix in markdown
    assert str(report) == text


def test_command_line(tmp_path, capsys):
    other = str(seedcase.foreign(3))
    names = [str(tmp_path / name) for name in ("report.md", "report.json")]
    words = ["audit", str(C_TRACE), other, "--markdown", names[0], "--json", names[1]]
    assert main(words) == 1
    assert "phi_carryover" in capsys.readouterr().out
    assert (tmp_path / "report.md").read_text().startswith("# Audit")
    assert json.loads((tmp_path / "report.json").read_text())["agrees"] is False
    assert main(["audit", other, other]) == 0
    assert main(["audit", other, other, "--color", "always"]) == 0
    assert "\x1b[1m" in capsys.readouterr().out
    assert main(["audit", other, "absent.log"]) == 2
    assert "absent.log: cannot be read" in capsys.readouterr().err
    assert main(["audit", other, other, "--rtol", "-1"]) == 2
    assert main(["audit", other, other, "--try-fixes"]) == 2
    assert "neither side can be run" in capsys.readouterr().err


# Fixes


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("-quirks phi_carryover", "phi_carryover"),
        ("-oversample 2", "oversample 2"),
        ("-nopolar", "polarization off"),
        ("-xds", "convention xds"),
        ("-fluence 1e24", "fluence 1e+24"),
        ("-N 6", "6 x 6 x 6 cells"),
        ("-distance 107", "distance 107 mm"),
        ("-Xbeam 17 -Ybeam 18", "beam centre 17 18 mm"),
        ("-point_pixel", "point pixel on"),
        ("-default_F 90", "90 for all"),
        ("-lambda 6.1", "wavelength 6.1"),
        ("-phi 3", "φ from 3°"),
        ("-nopolar -N 6 -fluence 1e24", "polarization off"),
    ],
)
def test_remedies(wanted, found):
    words = f"{CUBIC} -oversample 1 -osc 1 -phisteps 3 -misset 10 20 30".split()
    live = Simulator(parse(words).config)
    other = Simulator(parse([*words, *wanted.split()]).config).trace(40, 50)
    remedy = find_remedy(live, other, (40, 50))
    assert remedy.settled
    assert remedy.report.agrees
    assert len(remedy.changes) == (1 if "Xbeam" in wanted else wanted.count("-"))
    assert found in " ".join(change.words for change in remedy.changes)
    if "without" not in remedy.flags:
        again = Simulator(parse([*words, *remedy.flags.split()]).config).trace(40, 50)
        assert compare_traces(other, again).agrees


def test_a_remedy_that_leaves_a_misprint():
    """The log's own fault of printing stays; everything else is settled."""
    words = f"{CUBIC} -oversample 1".split()
    other = Simulator(parse([*words, "-N", "6"]).config).trace(40, 50)
    other.chain["cos_2theta"] = (-other.chain["cos_2theta"][0],)
    other.scene = None
    remedy = find_remedy(Simulator(parse(words).config), other, (40, 50))
    assert remedy.settled
    assert [change.words for change in remedy.changes] == ["6 x 6 x 6 cells"]
    assert "what remains: cos_2theta_form" in remedy.to_text(words)


# The parts


def test_hypotheses_are_told_apart_by_name():
    assert len({h.name for h in HYPOTHESES}) >= 40
    for h in HYPOTHESES:
        assert set(h.keys) <= KEYS.keys()
        assert h.title
        assert h.fix
    every = {name for fault in FAULTS.values() for name in fault.named}
    stated = {quantity.cause for quantity in QUANTITIES.values()}
    assert every <= {h.name for h in HYPOTHESES} | stated


@given(st.integers(1, 200), st.floats(-50.0, 50.0))
def test_sinc_ratio(n, x):
    offset = abs(x - round(x))
    if offset < 1e-6:
        assert abs(sinc_ratio(n, float(round(x)))) == n
        return
    wanted = math.sin(math.pi * n * x) / math.sin(math.pi * x)
    # The plain formula loses what π·N·x loses: one ulp of the argument over the smallest sine.
    assert sinc_ratio(n, x) == pytest.approx(wanted, abs=4e-16 * n * (1 + 4 * abs(x)) / offset)


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=3), st.floats(0.01, 3.0))
def test_rotation_of(axis, angle):
    length = float(np.linalg.norm(axis))
    if length < 0.1:
        return
    unit = np.array(axis) / length
    still = np.array([[3.0, 0.1, 0.0], [0.2, 2.0, 0.3], [0.0, 0.5, 4.0]])
    found, turned, misfit = rotation_of(rotate(still, unit, angle), still)
    assert misfit < 1e-13
    assert turned == pytest.approx(angle, abs=1e-12)
    assert found == pytest.approx(unit, abs=1e-11)


def test_shapes_of_the_lattice_factor():
    cells, node = np.array([4.0, 5.0, 6.0]), np.array([2.0, -1.0, 3.0])
    assert abs(lattice_factor("square", cells, node, 1.0)) == 120.0
    assert lattice_factor("round", cells, node, 1.0) == pytest.approx(120.0 * 0.723601254558268)
    assert lattice_factor("gauss", cells, node, 1.0) == 120.0
    assert lattice_factor("tophat", cells, node, 1.0) == 120.0
    assert lattice_factor("tophat", cells, node + 0.2, 1.0) == 0.0


def test_the_list_of_the_faults_holds_what_the_audit_looks_up():
    assert len(FACTORS) == 29**3

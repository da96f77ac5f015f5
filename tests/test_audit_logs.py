"""The audit on logs in the forms in which people have their numbers, made from nbcy's own."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from faults import FAULTS, World, draw_world

import nbcy
from nbcy.auditing import AuditReport
from nbcy.auditing.hypotheses import HYPOTHESES
from nbcy.auditing.records import FactRow
from nbcy.base.errors import NbcyError
from nbcy.config.quirks import QUIRKS
from nbcy.flags.parsing import parse
from nbcy.render.facts import Fact
from nbcy.render.simulator import Simulator
from nbcy.render.trace import Trace
from nbcy.render.vocabulary import KEYS, QUANTITIES, meaning_of

pytestmark = pytest.mark.filterwarnings("ignore::nbcy.base.errors.NbcyWarning")

PIXEL = (70, 76)
FLAGS = (
    "-default_F 100 -cell 70 80 90 80 95 103 -misset 10 20 30 -lambda 1 -distance 100 -pixel 0.1 "
    "-detpixels 128 -N 8 -flux 3e12 -exposure 0.25 -beamsize 0.05 -oversample 1 -phi 5 -osc 0.5 "
    "-phisteps 1 -Xbeam 5.2 -Ybeam 6.1 -polar 0.9"
)


def trace_of(more: str = "") -> Trace:
    return Simulator(parse(f"{FLAGS} {more}".split()).config).trace(*PIXEL)


def lines_of(trace: Trace) -> list[tuple[str, list[float]]]:
    return [
        (key, list(values)) for home in (*trace.blocks, trace.chain) for key, values in home.items()
    ]


def words(values: list[float], style: str = "{:.15g}") -> str:
    return " ".join(style.format(x) for x in values)


def vector(values: list[float]) -> str:
    return f"[{', '.join(repr(x) for x in values)}]" if len(values) > 1 else repr(values[0])


def as_json(trace: Trace) -> str:
    return json.dumps({"run": {"detector": trace.blocks[0]}, "result": [dict(trace.chain)]})


def named_json(trace: Trace) -> str:
    rows = [{"name": key, "value": values, "unit": ""} for key, values in lines_of(trace)]
    return json.dumps({"trace": rows})


def each(line: str) -> Callable[[Trace], str]:
    return lambda trace: "".join(
        line.format(key=key, value=words(values), vector=vector(values)) + "\n"
        for key, values in lines_of(trace)
    )


FORMS: dict[str, Callable[[Trace], str]] = {
    "port": each("TRACE_PY: {key} {value}"),
    "own prefix": each("TRACE_CUDA: {key} {value}"),
    "generic": each("TRACE: {key} = {value}"),
    "logging": each("2025-10-06 12:03:11,123 - INFO - TRACE_PY: {key} {value}"),
    "logging module": each("[12:03:11] DEBUG my.simulator: TRACE_PY: {key} {value}"),
    "terminal": each("\x1b[32mTRACE_PY:\x1b[0m {key} {value}"),
    "equals": each("{key} = {vector}"),
    "colon": each("  {key}: {vector}"),
    "tensors": each("TRACE_PY: {key} tensor({vector}, dtype=torch.float64)"),
    "markdown": each("| {key} | {value} |"),
    "python logging": each("INFO:root:TRACE_PY: {key} {value}"),
    "glog": each("I1103 12:00:01.221 123 sim.cc:42] {key} {value}"),
    "tracing": each("[2025-11-03T12:00:01Z DEBUG beam::trace] {key} = {vector}"),
    "arrows": each("{key} -> {value}"),
    "leaders": each("{key} ........ {value}"),
    "latex": each("{key} & {value} \\\\"),
    "quoted markdown": each("| `{key}` | {value} |"),
    "yaml": lambda trace: "".join(
        f"{key}:\n" + "".join(f"  - {x!r}\n" for x in values) for key, values in lines_of(trace)
    ),
    "json lines": lambda trace: "".join(
        json.dumps({"level": "DEBUG", "key": key, "value": values}) + "\n"
        for key, values in lines_of(trace)
    ),
    "dictionary in json's place": lambda trace: repr(dict(lines_of(trace))),
    "json": as_json,
    "rows in json": named_json,
    "exponents": lambda trace: "".join(
        f"TRACE_PY: {key} {words(values, '{:.17e}').replace('e', 'D')}\n"
        for key, values in lines_of(trace)
    ),
    "decimal commas": lambda trace: "".join(
        f"{key} = {words(values, '{:.17g}').replace('.', ',')}\n" for key, values in lines_of(trace)
    ),
}


def audited(tmp_path: Path, a: str, b: str) -> AuditReport:
    for name, text in (("a", a), ("b", b)):
        suffix = "json" if text.startswith("{") else "log"
        (tmp_path / f"{name}.{suffix}").write_text(text, encoding="utf-8")
    files = [next(tmp_path.glob(f"{name}.*")) for name in "ab"]
    report = nbcy.audit(*files)
    for file in files:
        file.unlink()
    return report


@pytest.mark.parametrize("form", FORMS)
def test_every_form_holds_the_same_numbers(form, tmp_path):
    trace = trace_of()
    path = tmp_path / ("side.json" if "json" in form else "side.log")
    path.write_text(FORMS[form](trace), encoding="utf-8")
    again = Trace.read(path)
    for key in KEYS:
        if trace.values(key) is not None:
            assert again.values(key) == pytest.approx(trace.values(key), rel=1e-14), key


@pytest.mark.parametrize("form", FORMS)
def test_a_fault_is_found_in_every_form(form, tmp_path):
    right, wrong = trace_of(), trace_of("-nopolar")
    report = audited(tmp_path, FORMS["port"](right), FORMS[form](wrong))
    assert [finding.cause for finding in report.findings] == ["polar_off"], report.to_text()
    report = audited(tmp_path, FORMS[form](right), FORMS["port"](right))
    assert report.agrees, report.to_text()


@pytest.mark.parametrize("digits", [4, 6, 7, 9])
@pytest.mark.parametrize("style", ["f", "e", "g"])
def test_rounding_is_no_finding(style, digits, tmp_path):
    trace = trace_of()
    text = "".join(
        f"TRACE_PY: {key} {words(values, f'{{:.{digits}{style}}}')}\n"
        for key, values in lines_of(trace)
        if style != "f" or 1e-2 < max(map(abs, values)) < 1e6
    )
    report = audited(tmp_path, FORMS["port"](trace), text)
    assert report.agrees, report.to_text(full=True)


def test_six_digits_still_tell(tmp_path):
    """Zeros that %g drops are digits all the same: 0.1 among numbers of six is 0.100000."""
    right = trace_of()
    lines = lines_of(trace_of("-Xbeam 5.3"))
    moved = "".join(f"TRACE_PY: {key} {words(values, '{:.6g}')}\n" for key, values in lines)
    report = audited(tmp_path, right.to_log(), moved)
    assert report.first_divergence is not None
    assert report.first_divergence.key == "pix0_vector_meters"
    assert report.findings[0].cause in ("whole_pixel", "beam_centre"), report.to_text()


def test_six_digits_of_several_sub_pixels(tmp_path):
    """The half of a last digit is that of the largest number of all blocks."""
    trace = trace_of("-oversample 3")
    rounded = with_values(trace, 6)
    last = trace.blocks[-1]["F_latt_b"]
    small = rounded.replace(f"F_latt_b {words(list(last), '{:.6g}')}", "F_latt_b 0.1025")
    halves = [Trace.read(_written(tmp_path, text)).halves["F_latt_b"] for text in (rounded, small)]
    assert halves[0] == halves[1] == 5e-6


def _written(folder: Path, text: str) -> Path:
    path = folder / "side.log"
    path.write_text(text)
    return path


def test_units_are_read(tmp_path):
    trace = trace_of()
    block = trace.blocks[0]
    text = (
        f"wavelength: {block['lambda_angstroms'][0]!r} Å\n"
        f"R = {block['R_distance_meters'][0] * 1e3!r} mm\n"
        f"solid angle (sr): {trace.chain['omega_pixel'][0]!r}\n"
        f"S (1/Å): {vector([x * 1e-10 for x in block['scattering_vec_per_m']])}\n"
        f"h_frac: {block['hkl_frac'][0]!r}\nk_frac: {block['hkl_frac'][1]!r}\n"
        f"l_frac: {block['hkl_frac'][2]!r}\n"
        f"fluence = {trace.chain['fluence_photons_per_m2'][0] * 1e-12!r} photons/um^2\n"
    )
    report = audited(tmp_path, trace.to_log(), text)
    compared = [row for row in report.rows if row.b is not None]
    assert len(compared) == 6
    assert report.agrees, report.to_text(full=True)


def test_printout_and_report_are_read(tmp_path):
    trace = trace_of()
    path = tmp_path / "stdout.txt"
    path.write_text(trace.to_printout())
    again = Trace.read(path)
    assert again.pixel == PIXEL
    shown = {key for key in KEYS if key in again}
    assert {"pixel_pos_meters", "hkl_frac", "F_latt", "polar", "I_pixel_final"} <= shown
    assert nbcy.audit(path, trace).agrees
    other = trace_of("-polar 0.2")
    report = nbcy.audit(path, other)
    assert report.findings[0].keys[0] == "polar"


def test_of_many_printed_pixels_the_other_sides_is_taken(tmp_path):
    simulator = Simulator(parse(FLAGS.split()).config)
    path = tmp_path / "stdout.txt"
    path.write_text("".join(simulator.trace(70, fast).to_printout() for fast in range(70, 80)))
    report = nbcy.audit(path, simulator.trace(70, 73))
    assert report.agrees, report.to_text()


def test_a_key_that_nobody_knows_is_compared(tmp_path):
    a, b = (f"TRACE_PY: polar 0.9\nTRACE_PY: my_factor {x}\n" for x in (0.25, 0.5))
    report = audited(tmp_path, a, b)
    assert not report.agrees
    assert "my_factor: A 0.25, B 0.5" in report.to_text()
    assert audited(tmp_path, a, a).agrees


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e999"])
@pytest.mark.parametrize(
    "key", ["I_pixel_final", "rot_c_star_A_inv", "pix0_vector_meters", "steps"]
)
def test_infinities_are_no_agreement(key, value, tmp_path):
    trace = trace_of()
    text = "".join(
        f"TRACE_PY: {k} {words(v) if k != key else ' '.join([value] * len(v))}\n"
        for k, v in lines_of(trace)
    )
    report = audited(tmp_path, trace.to_log(), text)
    assert report.exit_status == 1
    assert any(key in finding.keys for finding in report.findings)


def test_no_text_ends_in_a_traceback(tmp_path):
    rng = random.Random(11)
    sides = [FORMS[form](trace_of("-N 9")) for form in FORMS] + [FLAGS, trace_of().to_printout()]
    good = trace_of()
    for _ in range(120):
        text = bytearray(rng.choice(sides).encode())
        for _ in range(rng.choice([1, 4, 20])):
            at = rng.randrange(len(text))
            new = rng.choice(
                [b"inf", b"\xff", b"{", b"-", b"1e300", b"=", b"", b"nan", b"[", b"\n"]
            )
            text[at : at + rng.randrange(4)] = new
        path = tmp_path / "side.log"
        path.write_bytes(bytes(text[: rng.randrange(1, len(text) + 1)]))
        with contextlib.suppress(NbcyError):
            nbcy.audit(path, good, pixel=PIXEL).to_text(full=True)


# Settings come first

STATED = {
    "exposure": "-exposure 1",
    "flux": "-flux 3e13",
    "beam_size": "-beamsize 0.1",
    "wavelength": "-lambda 1.02",
    "phi_range": "-osc 1 -phisteps 3|-phisteps 3",
    "spindle": "-spindle_axis 0 -1 0|-spindle_axis 0 1 0",
    "mosaic_spread": "-mosaic 0.4 -mosaic_domains 5|-mosaic 0.5 -mosaic_domains 5",
    "mosaic_seed": "-mosaic 0.5 -mosaic_domains 5 -mosaic_seed 3|-mosaic 0.5 -mosaic_domains 5",
    "mosaic_domains": "-mosaic 0.5 -mosaic_domains 5|-mosaic 0.5 -mosaic_domains 7",
    "dispersion": "-dispersion 2 -dispsteps 3|-dispersion 1 -dispsteps 3",
    "divergence": "-divergence 0.5 -hdivsteps 3 -vdivsteps 3",
    "polarization_vector": "-polar_vector 0 1 0|-polar_vector 0 0 1",
    "kahn": "-polar 0.5",
    "polar_off": "-nopolar",
    "beam_vector": "-beam_vector 1 0.01 0|-beam_vector 1 0 0",
    "shape": "-gauss_xtal",
    "cells": "-Na 5",
    "detector_rotation": "-detector_rotx 5 -detector_roty 7|-detector_roty 5 -detector_rotx 7",
    "default_F": "-default_F 50",
    "oversample": "-oversample 3",
    "distance": "-distance 101",
    "beam_centre": "-Xbeam 5.3",
    "pixel_size": "-pixel 0.11",
    "cell": "-cell 70 80 90 80 95 104",
    "misset": "-misset 10 20 31",
    "sensor": "-detector_thick 450 -detector_abs 300 -thicksteps 3",
    "curved": "-curved_det",
    "background": "-water 100",
    "phi_carryover": "-phi 0 -phisteps 3 -quirks phi_carryover|-phi 0 -phisteps 3",
}


@pytest.mark.parametrize("cause", STATED)
def test_a_stated_difference_explains_what_follows_from_it(cause):
    there, _, here = STATED[cause].partition("|")
    sides = f"{FLAGS} {here}", f"{FLAGS} {there}"
    for a, b in (sides, sides[::-1]):
        report = nbcy.audit(a, b, pixel=PIXEL)
        assert report.findings[0].cause == cause, report.to_text()
        assert not report.unexplained, report.to_text()
        assert report.closure is not None
        assert report.closure.differing == [], report.to_text()


@pytest.mark.parametrize(
    ("here", "there", "path"),
    [
        ("-phisteps 3", "-osc 1 -phisteps 3", "spindle.osc_deg (-osc): A 0.5, B 1"),
        ("-N 8", "-Nb 9", "crystal.cells (-N, -Na, -Nb, -Nc): A 8 8 8, B 8 9 8"),
        ("-dispersion 1 -dispsteps 3", "-dispersion 1 -dispsteps 5", "beam.dispersion_steps"),
        ("-polar_vector 0 1 0", "-polar_vector 0 0 1", "beam.polarization_vector (-polar_vector)"),
        ("-quirks phi_carryover -phi 0 -phisteps 3", "-phi 0 -phisteps 3", "phi_carryover"),
        ("-twotheta 5 -pivot sample", "-twotheta 5 -pivot beam", "detector.pivot (-pivot)"),
    ],
)
def test_two_runs_say_exactly_in_what_they_differ(here, there, path, tmp_path, monkeypatch, capsys):
    from nbcy.cli.main import main

    monkeypatch.chdir(tmp_path)
    for name, more in (("a.log", here), ("b.log", there)):
        (tmp_path / name).write_text(f"{FLAGS} {more}\n")
    main(["audit", "a.log", "b.log", "--pixel", "70", "76"])
    out = capsys.readouterr().out
    assert path in out[out.index("Verdict") : out.index("   keys: ")], out
    settled = out[out.index("What settles it") :]
    assert path in settled
    assert "After that the sides agree." in settled


def test_what_two_runs_differ_in_without_effect_is_said():
    report = nbcy.audit(FLAGS, f"{FLAGS} -dmin 0.5 -adc 10", pixel=PIXEL)
    assert report.agrees
    text = report.to_text()
    assert "without effect on this pixel, in sampling.dmin_angstrom (-dmin): A 0, B 0.5" in text
    assert not nbcy.audit(FLAGS, FLAGS, pixel=PIXEL).runs


def with_values(trace: Trace, digits: int | None, **changed: list[float]) -> str:
    style = "{:.15g}" if digits is None else f"{{:.{digits}g}}"
    return "".join(
        f"TRACE_PY: {key} {words(changed.get(key, values), style)}\n"
        for key, values in lines_of(trace)
    )


@pytest.mark.parametrize("digits", [None, 6])
@pytest.mark.parametrize(
    ("cause", "keys"),
    [
        ("steps_factor", {"steps": 2.0, "I_pixel_final": 0.5}),
        ("amplitude_intensity", {"F_cell": 100.0, "I_before_scaling": 1e4, "I_pixel_final": 1e4}),
        (
            "fluence_area",
            {"fluence_photons_per_m2": 0.3183098861837907, "I_pixel_final": 1 / 3.14159265358979},
        ),
        ("beam_reversed", {"incident_vec": -1.0}),
        ("unit_slip", {"r_e_sqr": 1e4, "I_pixel_final": 1e4}),
    ],
)
def test_a_factor_has_its_cause_in_either_direction(cause, keys, digits, tmp_path):
    trace = trace_of("-phi 0 -osc 0")
    own = dict(lines_of(trace))
    wrong = {key: [x * factor for x in own[key]] for key, factor in keys.items()}
    a, b = with_values(trace, None), with_values(trace, digits, **wrong)
    for sides in ((a, b), (b, a)):
        report = audited(tmp_path, *sides)
        assert report.findings[0].cause == cause, report.to_text()


@pytest.mark.parametrize(
    "name", ["Na: 9 Nb: 9 Nc: 9", "Na = 9\nNb = 9\nNc = 9", "Ncells_abc = (9, 9, 9)"]
)
def test_numbers_of_cells_axis_by_axis(name, tmp_path):
    a = "Na = 8\nNb = 8\nNc = 8\nexposure_s = 0.25\nwavelength_A = 1\n"
    report = audited(tmp_path, a, f"{name}\nexposure_s = 0.25\nwavelength_A = 1\n")
    assert [finding.cause for finding in report.findings] == ["cells"], report.to_text()


def test_cells_are_found_from_the_lattice_factor_alone(tmp_path):
    kept = ("hkl_frac", "F_latt", "I_before_scaling")
    lines = lines_of(trace_of("-N 9"))
    b = "".join(f"TRACE_PY: {key} {words(values)}\n" for key, values in lines if key in kept)
    report = audited(tmp_path, trace_of().to_log(), b)
    assert report.findings[0].cause == "cells", report.to_text()


def test_what_a_side_does_not_state_makes_it_not_guilty(tmp_path):
    """A side that prints F_latt and not N is not wrong because the other one has another N."""
    a, b = trace_of(), trace_of("-N 5")
    report = audited(tmp_path, f"N_cells = 8 8 8\n{a.to_log()}", b.to_log())
    assert report.findings[0].cause == "cells"
    assert not [finding for finding in report.findings if finding.kind == "local fault"]


def test_settings_alone_are_compared(tmp_path):
    a = "SIM.exposure_s = 1.0\nSIM.Ncells_abc = (10, 10, 10)\nSIM.wavelength_A = 1.0\n"
    report = audited(tmp_path, a, a.replace("exposure_s = 1.0", "exposure_s = 0.1"))
    assert [finding.cause for finding in report.findings] == ["exposure"]
    assert report.exit_status == 1
    assert audited(tmp_path, a, a).agrees


# The ending


def test_the_verdict_has_five_lines_and_comes_first():
    report = nbcy.audit(FLAGS, f"{FLAGS} -N 9 -nopolar", pixel=PIXEL)
    lines = report.to_text().splitlines()
    start = lines.index("Verdict") + 1
    verdict = lines[start : lines.index("", start)]
    assert len(verdict) <= 5
    assert verdict[0].startswith("  The sides diverge. First in causal order: F_latt_a")
    assert "Keys in causal order" not in report.to_text()
    assert "Keys in causal order" in report.to_text(full=True)


def test_two_experiments_are_said_to_be_that():
    report = nbcy.audit(FLAGS, f"{FLAGS} -lambda 1.3 -N 20", pixel=PIXEL)
    text = report.to_text()
    assert text.index("Two different experiments") < text.index("Verdict")


def test_the_end_is_only_announced_when_the_pixel_was_judged(tmp_path):
    report = audited(tmp_path, "polar = 0.9146\nsteps = 10\n", "polar = 1.0\nsteps = 160\n")
    assert {finding.cause for finding in report.findings} == {"polar_off", "oversample"}
    assert "agree to the last key" not in report.to_text()


def test_a_live_side_is_a_twin(tmp_path, capsys):
    from nbcy.cli.main import main

    path = tmp_path / "other.log"
    path.write_text(trace_of("-N 9").to_log())
    flags = tmp_path / "flags.txt"
    flags.write_text(FLAGS)
    assert main(["audit", str(path), str(flags), "--pixel", "70", "76"]) == 1
    out = capsys.readouterr().out
    assert "After that the sides agree." in out
    assert "as a command line:" in out


# One vocabulary


def test_every_name_of_a_key_means_it():
    for name, key in KEYS.items():
        for word in (name, *key.synonyms):
            found = meaning_of(word)
            assert found is not None
            assert found.name == name, word


def test_settings_name_keys_paths_and_causes_that_exist():
    for quantity in QUANTITIES.values():
        assert set(quantity.bears) <= set(KEYS)
        section, _, field = quantity.path.partition(".")
        if field:
            assert hasattr(getattr(nbcy.Config(), section), field), quantity.path


@pytest.mark.parametrize("quirk", QUIRKS)
def test_a_stated_quirk_is_named(quirk):
    facts = [Fact(word, 0.0, "scene") for word in ("none", quirk)]
    assert FactRow("quirks", "quirks", "", facts[0], facts[1], False).cause == quirk


def test_every_hypothesis_can_fire():
    """What no fault of tests/faults.py ends in must at least be listed here, with the reason."""
    reached = {name for fault in FAULTS.values() for name in fault.named}
    unreached = {h.name for h in HYPOTHESES} - reached
    assert unreached <= UNREACHED, unreached - UNREACHED


UNREACHED = {
    *("curved", "sensor_depth", "capture_layers"),  # stated: see STATED
    *("sources", "sampling"),  # of counts that are stated: see the tables below
    *("axes_swapped", "normal_regenerated"),  # conventions are swapped axes; normals are typed
}
"""Hypotheses that no world of tests/faults.py has a fault for."""


def test_counts_of_sources_explain_the_steps(tmp_path):
    report = audited(tmp_path, "n_sources = 4\nsteps = 4\n", "steps = 2\npolar = 0.5\n")
    assert [finding.cause for finding in report.findings] == ["sources"], report.to_text()


def test_a_world_is_no_fault(tmp_path):
    import numpy as np

    world: World = draw_world(np.random.default_rng(3))
    assert nbcy.audit(world.trace, world.trace).agrees

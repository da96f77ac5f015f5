"""The audits of the case the project was born from: what they must find, and what not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import seedcase
from seedcase import C_TRACE, PIXEL, SEEDCASE

import nbcy
from nbcy.auditing import AuditReport, audit
from nbcy.cli.main import main
from nbcy.flags.parsing import parse
from nbcy.render.simulator import Simulator
from nbcy.render.trace import Trace

pytestmark = pytest.mark.filterwarnings("ignore::nbcy.base.errors.NbcyWarning")


def causes(report: AuditReport) -> dict[str, str]:
    return {finding.cause: finding.side for finding in report.findings}


def against(number: int) -> AuditReport:
    return audit(C_TRACE, seedcase.foreign(number))


def test_first_trace() -> None:
    report = against(1)
    assert report.exit_status == 1
    assert not report.same_experiment
    assert report.first_divergence.key == "pix0_vector_meters"
    found = causes(report)
    assert found["convention"] == "B"
    assert found["fluence_default"] == "B"
    assert found["polar_off"] == "B"
    assert "oversample" in found
    assert not report.unexplained
    # what the earlier, human audit got wrong
    assert not [cause for cause in found if "beamsize" in cause or "beam_size" in cause]
    assert report.row("cos_2theta").verdict == "inherited"
    assert (report.row("polar").verdict, report.row("polar").side) == ("local fault", "B")
    assert report.row("F_cell").verdict == "inherited"
    text = report.to_text(full=True)
    assert "(-28 -24 10) is not on the list" in text
    assert "0.524638" in text
    assert "160 = 10 · 4²" in text
    assert "ceil(3 · 1471.57" in text


def test_second_trace() -> None:
    report = against(2)
    assert report.first_divergence.key == "pix0_vector_meters"
    assert causes(report) == {"close_ratio": "B", "phi_carryover": "A", "default_F": "B"}
    for key in ("fluence_photons_per_m2", "steps", "polar"):
        assert report.row(key).verdict in ("agrees", "rounding")
    assert "1.00001888" in report.to_text()
    assert "F(-3 3 8) = 209.44" in report.to_text()


def test_third_trace() -> None:
    report = against(3)
    assert causes(report) == {"close_ratio": "B", "phi_carryover": "A", "factor_inside": "B"}
    row = report.row("I_before_scaling")
    assert (row.verdict, row.side) == ("local fault", "B")
    assert report.row("F_cell").verdict in ("agrees", "rounding")
    assert "6.32197962e+14" in report.to_text()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_sides_mirror(number: int) -> None:
    mirrored = audit(seedcase.foreign(number), C_TRACE)
    swap = {"A": "B", "B": "A", "": ""}
    assert {c: swap[side] for c, side in causes(mirrored).items()} == causes(against(number))
    for row in against(number).rows:
        other = mirrored.row(row.key)
        assert (other.verdict, other.a, other.b) == (row.verdict, row.b, row.a)


@pytest.fixture(scope="module")
def config() -> nbcy.Config:
    return parse(seedcase.argv()).config


def test_live_with_the_quirk_agrees(config: nbcy.Config) -> None:
    simulator = Simulator(config, quirks={"phi_carryover"})
    report = audit(C_TRACE, simulator, pixel=PIXEL)
    assert report.agrees
    assert report.findings == []
    # 15 digits
    for row in report.rows:
        if row.a and row.b and row.key != "floatimage_accumulated":
            size = max(map(abs, row.a)) or 1.0
            assert row.b == pytest.approx(row.a, rel=0, abs=1e-12 * size), row.key


def test_live_without_it_diverges_at_the_rotated_cell(config: nbcy.Config) -> None:
    report = audit(C_TRACE, config, pixel=PIXEL)
    assert report.first_divergence.key == "rot_a_angstroms"
    assert causes(report) == {"phi_carryover": "A"}
    assert not report.unexplained


def test_a_trace_agrees_with_itself() -> None:
    for path in (C_TRACE, *map(seedcase.foreign, (1, 2, 3))):
        report = audit(path, path)
        assert report.agrees, path
        assert report.findings == []
        assert {row.verdict for row in report.rows} <= {"agrees"}


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    markdown, plain = tmp_path / "report.md", tmp_path / "report.json"
    arguments = ["audit", str(C_TRACE), str(seedcase.foreign(1))]
    assert main([*arguments, "--markdown", str(markdown), "--json", str(plain)]) == 1
    printed = capsys.readouterr().out
    assert printed.rstrip("\n") == against(1).to_text().rstrip("\n")
    assert "\x1b" not in printed
    assert "fluence_default" in markdown.read_text()
    assert json.loads(plain.read_text())
    assert main(["audit", str(C_TRACE), str(C_TRACE)]) == 0
    assert main(["audit", str(C_TRACE), str(tmp_path / "none.log")]) == 2
    assert "none.log" in capsys.readouterr().err


def test_fixes_are_found_and_work(workdir: Path, capsys: pytest.CaptureFixture) -> None:
    args = SEEDCASE / "args.txt"
    assert main(["audit", str(C_TRACE), str(args), "--try-fixes"]) == 1
    out = capsys.readouterr().out
    assert "After that the sides agree." in out
    (command,) = (line.strip() for line in out.splitlines() if line.strip().startswith("nbcy -mat"))
    assert command.endswith("-quirks phi_carryover")
    fixed = command.removeprefix("nbcy ")
    assert main(["audit", str(C_TRACE), fixed]) == 0


def test_perturbing_any_number_is_found(tmp_path: Path) -> None:
    """One printed number changed by a thousandth: that key, that side, nothing before it."""
    text = C_TRACE.read_text()
    original = Trace.read(C_TRACE)
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if not line.startswith("TRACE_C: "):
            continue
        _, key, *words = line.split()
        values = [float(word) for word in words]
        changed = [value * 1.001 if value else 1e-3 for value in values]
        if key in ("hkl_rounded", "steps"):
            changed = [value + 1 for value in values]
        elif key.startswith("oversample_"):
            changed = [1 - value for value in values]
        path = tmp_path / "perturbed.log"
        new = " ".join(["TRACE_C:", key, *(f"{value:.15g}" for value in changed)])
        path.write_text("\n".join([*lines[:number], new, *lines[number + 1 :]]))
        report = audit(original, path)
        assert not report.agrees, key
        assert report.findings, key
        assert {finding.side for finding in report.findings} <= {"B", ""}, key
        shown = "scattering_vec_per_m" if key == "scattering_vec_A_inv" else key
        assert shown in {k for finding in report.findings for k in finding.keys}, key


def test_the_page_shows_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parent.parent.joinpath("docs", "audit.md").read_text(encoding="utf-8")
    monkeypatch.chdir(seedcase.foreign(1).parent)
    report = audit("c_trace.log", "py_trace_1.log").to_text().strip("\n")
    assert report[report.index("Audit of a pixel") :] in page


# The logs of other people, where they are at hand -------------------------------------------------

REAL = Path(__file__).parents[1].parent / "shared" / "seedcase"


@pytest.mark.skipif(not REAL.exists(), reason="the logs that people sent are not part of nbcy")
@pytest.mark.parametrize(
    ("number", "found", "said"),
    [
        (
            1,
            {"convention": "B", "fluence_default": "B", "polar_off": "B", "phi_carryover": "A"}
            | {"beam_centre_default": "B", "oversample": ""},
            ("(-16 23 21) is not on the list", "0.508459", "160 = 10 · 4²", "ceil(3 · 1471.57"),
        ),
        (
            2,
            {"close_ratio": "B", "phi_carryover": "A", "default_F": "B"},
            ("1.00001225", "F(-7 -1 -14) = 190.27"),
        ),
        (
            3,
            {"close_ratio": "B", "phi_carryover": "A", "factor_inside": "B"},
            ("807189.7", "0.914641"),
        ),
    ],
)
def test_real_logs(number: int, found: dict[str, str], said: tuple[str, ...]) -> None:
    report = audit(REAL / "c_trace.log", REAL / f"py_trace_{number}.log")
    assert report.first_divergence.key == "pix0_vector_meters"
    assert causes(report) == found
    assert not report.unexplained
    text = report.to_text(full=True)
    assert [words for words in said if words not in text] == []

"""The pairs of logs with known truth, where they are at hand: what each report must say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nbcy.cli.main import main

CASES = Path(__file__).parents[1].parent / "shared" / "auditcases"
NAMES = sorted(path.parent.name for path in CASES.glob("*/truth.md"))


def truth(name: str, key: str) -> str:
    found = re.search(rf"(?m)^{key}: (.*)$", (CASES / name / "truth.md").read_text())
    return found[1] if found else ""


@pytest.mark.skipif(not NAMES, reason="the logs that people sent are not part of nbcy")
@pytest.mark.parametrize("name", NAMES)
def test_the_report_says_what_is_true(name, monkeypatch, capsys):
    monkeypatch.chdir(CASES / name)
    words = ["audit", "a.log", "b.log", *truth(name, "run with").split()]
    reports = []
    for more in ([], ["--full"]):
        assert main([*words, *more]) in (0, 1, 2)
        captured = capsys.readouterr()
        reports.append(captured.out + captured.err)
    must, must_not = truth(name, "must"), truth(name, "must not")
    assert any(re.search(must, report, re.MULTILINE) for report in reports), reports[0]
    assert not re.search(must_not, reports[0], re.MULTILINE), reports[0]

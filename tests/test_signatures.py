"""Constructors say what they take: to type checkers, to help, to completion."""

from __future__ import annotations

import inspect
import pydoc
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import nbcy
from nbcy.config import (
    Background,
    Beam,
    Config,
    Crystal,
    Detector,
    Panel,
    Response,
    Sampling,
    Spindle,
)

ROOT = Path(__file__).parents[1]
SECTIONS = (Background, Beam, Config, Crystal, Detector, Panel, Response, Sampling, Spindle)


def test_arguments_are_up_to_date():
    """`.ci/config_arguments` writes what type checkers read."""
    script = ROOT / ".ci" / "config_arguments"
    if not script.exists():
        pytest.skip("not in a checkout of the repository")
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("section", SECTIONS)
def test_signatures_name_fields_and_stems(section):
    signature = inspect.signature(section)
    for field in section.model_fields.values():
        assert {field.name, field.stem} <= signature.parameters.keys()
    assert all(p.kind is p.KEYWORD_ONLY for p in signature.parameters.values())


@pytest.mark.parametrize("section", SECTIONS)
def test_help_is_about_the_section(section):
    text = pydoc.plain(pydoc.render_doc(section))
    assert f"class {section.__name__}(" in text
    for field in section.model_fields:
        assert field in text
    assert "pydantic" not in text.replace("__get_pydantic_core_schema__", "").lower()
    assert len(text.splitlines()) < 400


SNIPPET = """\
import numpy as np
import nbcy
from pathlib import Path

crystal = nbcy.Crystal(cell="7 nm", cells=(5, 5, 5), misset_deg=np.zeros(3), hkl_file=Path("a"))
beam = nbcy.Beam(energy="12 keV").replace(wavelength_nm=0.1)
detector = nbcy.Detector.preset("eiger4m", distance="15 cm")
config = nbcy.Config(crystal=crystal, beam={"energy_ev": 12e3}, quirks="all")
distance: float | None = config.detector.distance_mm
cells: tuple[float, float, float] | None = crystal.cells
"""
WRONG = {
    "nbcy.Detector(distnace_mm=5)": 'did you mean "distance_mm"',
    "nbcy.Detector(distance=5)": 'expected "str | PintQuantity | None"',
    'nbcy.Detector(distance_mm="5 cm")': 'incompatible type "str"',
    'nbcy.Detector.preset("eiger4m", distanec="5 cm")': "distanec",
    'nbcy.Crystal(shape="cube")': "Literal['cube']",
    'nbcy.Beam().replace(energie="5 keV")': "energie",
    "nbcy.Config(crystal=5)": 'incompatible type "int"',
    "nbcy.Crystal(cells=5).cels": "cels",
    "nbcy.Simulator(crystal=crystal, detecter=detector)": "detecter",
}


@pytest.mark.skipif(find_spec("mypy") is None, reason="mypy is not installed")
def _where_mypy_finds_nbcy(elsewhere: Path) -> Path:
    """An editable installation is found from its folder alone, where mypy refuses site-packages."""
    folder = Path(nbcy.__file__).parents[1]
    return elsewhere if folder.name == "site-packages" else folder


def test_type_checkers_know_the_fields(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SNIPPET + "\n".join(WRONG) + "\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(script)]
    done = subprocess.run(
        [*command, "--cache-dir", str(tmp_path / "cache")],
        capture_output=True,
        text=True,
        cwd=_where_mypy_finds_nbcy(tmp_path),
    )
    lines = [line for line in done.stdout.splitlines() if ": error: " in line]
    right = len(SNIPPET.splitlines())
    found = {int(line.split(":")[1]): line for line in lines}
    assert found.keys() == set(range(right + 1, right + 1 + len(WRONG))), done.stdout + done.stderr
    for line, words in enumerate(WRONG.values(), right + 1):
        assert any(words in other for other in lines if f":{line}:" in other), found[line]

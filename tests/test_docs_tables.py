"""Tables and numbers of the pages say what the code does."""

from __future__ import annotations

import itertools
import math
import re
import runpy
import warnings
from pathlib import Path
from typing import get_args

import pytest

import nbcy
from nbcy.base import constants, errors
from nbcy.base.choices import Ledger
from nbcy.base.errors import NbcyWarning
from nbcy.base.rng import ReferenceStream
from nbcy.base.units import UNITS
from nbcy.cli.main import SUBCOMMANDS
from nbcy.cli.subcommands import IMAGES
from nbcy.config.conventions import CONVENTIONS, ConventionName
from nbcy.config.presets import PRESETS
from nbcy.config.quirks import QUIRKS
from nbcy.flags.parsing import parse
from nbcy.flags.table import FLAGS
from nbcy.formats.registry import REGISTRY
from nbcy.image.reference_smv import save_reference_smv
from nbcy.render.vocabulary import KEYS
from nbcy.scene.beam import resolve_sweep

DOCS = Path(__file__).parent.parent / "docs"
NUMBERS = "## Numbers to check against"


def table(path: Path, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without its own."""
    text = f"\n{path.read_text(encoding='utf-8')}".split(f"\n{heading}\n", 1)[1]
    lines = itertools.dropwhile(lambda line: not line.startswith("|"), text.splitlines())
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines)
    cells = [re.split(r"(?<!\\)\|", row)[1:-1] for row in rows]
    return [[cell.strip() for cell in row] for row in cells[2:]]


def test_conventions():
    assert set(get_args(ConventionName)) == set(CONVENTIONS)
    rows = table(DOCS / "physics" / "01-axes.md", "## 1.2 Conventions")
    assert {row[0] for row in rows} == set(CONVENTIONS)
    for name, *vectors, pivot in rows:
        row = CONVENTIONS[name]
        said = [tuple(float(x) for x in vector.split()) for vector in vectors]
        assert said == [
            *(row.beam, row.fast, row.slow, row.normal),
            *(row.twotheta_axis, row.polarization, row.spindle),
        ]
        assert pivot == (row.pivot or "1.6")


def evaluated(cell: str, slices: bool, names: dict[str, float]) -> float:
    """A cell of the table of ranges, steps and counts."""
    formula = cell.replace("−", "-").split("; slices: ")[-1 if slices else 0]
    formula = {"1 rad; φ: 1°": "1", "at least 2": "max(count, 2)"}.get(formula, formula)
    return eval(formula, {"ceil": math.ceil, "max": max}, names)


@pytest.mark.parametrize("slices", [False, True], ids=["ends", "slices"])
@pytest.mark.parametrize("row", range(8))
def test_ranges_steps_and_counts(row, slices):
    rows = table(DOCS / "physics" / "04-sampling.md", "## 4.1 Range, step and count")
    assert len(rows) == 8
    words, *cells = rows[row]
    given = {"range": 7.0, "step": 2.0, "count": 5}
    if words != "all three":
        given = {name: value for name, value in given.items() if name in words.split(", ")}
    sweep = resolve_sweep(
        *("x", "x_steps", ""),
        *(given.get(name) for name in ("range", "step", "count")),
        Ledger(),
        slices=slices,
        lone_range=1.0,
    )
    known = dict(given)
    for name, cell in (("count", cells[2]), ("range", cells[0]), ("step", cells[1])):
        known[name] = evaluated(cell, slices, known)
    assert (sweep.range, sweep.step, sweep.count) == pytest.approx(
        (known["range"], known["step"], known["count"]), rel=1e-15
    )


def test_quirks():
    rows = table(DOCS / "physics" / "11-quirks.md", "## 11.1 Reproduced on request")
    assert [row[0].strip("`") for row in rows] == list(QUIRKS)
    for row, quirk in zip(rows, QUIRKS.values(), strict=True):
        assert tuple(re.findall(r"\[([\d.]+)\]", row[1])) == quirk.sections
        effect = quirk.effect.replace("**2", "²").replace("Angstrom", "Å")
        assert [cell.replace("`", "") for cell in row[2:]] == [effect, quirk.images]
        assert FLAGS.keys() >= set(quirk.flags)


def test_trace_keys():
    rows = table(DOCS / "trace.md", "## 1 Lines and keys")
    assert [(row[0].strip("`"), row[1]) for row in rows] == [
        (key.name, key.unit) for key in KEYS.values()
    ]


def test_constants():
    text = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "physics").glob("*.md"))
    said = {float(x) for x in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.]\d)", text)}
    for name in ("EV_ANGSTROM", "R_E", "R_E_SQR", "DEFAULT_FLUENCE", "AVOGADRO", "WATER_F"):
        assert getattr(constants, name) in said, name


def test_the_quirk_of_triclinic_cells():
    crystal = nbcy.Crystal(cell_angstrom_deg=(70, 80, 90, 85, 95, 105), default_F=1)
    config = nbcy.Config(crystal=crystal, quirks={"triclinic_cell"})
    angles = nbcy.Simulator(config).scene.cell.parameters[3:]
    page = (DOCS / "physics" / "06-crystal.md").read_text(encoding="utf-8")
    assert "{:.6g}, {:.6g} and {:.6g}".format(*angles) in page


def test_smv_header(tmp_path):
    crystal = nbcy.Crystal(cell_angstrom_deg=(50,), cells=3, default_F=1)
    detector = nbcy.Detector(pixels_fast=5, pixels_slow=4)
    image = nbcy.Simulator(crystal=crystal, detector=detector).run()
    save_reference_smv(image, tmp_path / "x.img")
    header = (tmp_path / "x.img").read_bytes().split(b"}")[0].decode()
    rows = table(DOCS / "formats.md", "### 5.1 Header")
    keys = [key for row in rows for key in row[0].split(", ")]
    assert [key.strip("`") for key in keys if key != "`ADC_OFFSET`"] == re.findall(
        r"^(\w+)=", header, re.MULTILINE
    )


def test_fields():
    page = runpy.run_path(str(DOCS / "fields.py"))
    assert page["page"]() == (DOCS / "fields.md").read_text(encoding="utf-8"), (
        "python docs/fields.py writes it anew"
    )
    for path, section in page["SECTIONS"].items():
        described = [name for names, _, _ in page["attributes"](section) for name in names]
        assert sorted(described) == sorted(section.model_fields), f"docstring of {path}"


def test_units():
    rows = table(DOCS / "configuration.md", "## Units")
    said = {dimension: cell.strip("`").split() for dimension, cell in rows}
    known: dict[str, list[str]] = {}
    for suffix, unit in UNITS.items():
        known.setdefault(unit.dimension, []).append(f"_{suffix}")
    assert {name: sorted(suffixes) for name, suffixes in said.items()} == {
        name: sorted(suffixes) for name, suffixes in known.items()
    }


def test_errors():
    said = {row[0].split("`")[1] for row in table(DOCS / "configuration.md", "## Errors")}
    kinds = {name for name in dir(errors) if name.endswith("Error")} - {"NbcyError"}
    assert said == kinds


def test_common_detectors():
    rows = {row[0].strip("`"): row for row in table(DOCS / "detectors.md", "## Common detectors")}
    assert set(rows) == set(PRESETS)
    for name, preset in PRESETS.items():
        _, title, pixels, pixel, modules, gaps = rows[name]
        assert title.startswith(preset.title)
        assert pixel == f"{preset.pixel_mm:.4g}"
        if preset.shift:
            assert pixels == "{} panels of {} x {}".format(
                math.prod(preset.modules), *preset.module
            )
        else:
            assert pixels == "{} x {}".format(*preset.pixels)
        if modules != "1":
            assert modules.startswith("{} x {}".format(*preset.modules))
            between = {
                gap for gap, n in zip(preset.gap, preset.modules, strict=True) if n > 1 and gap
            }
            assert {int(x) for x in gaps.split(", ")} == between


def test_subcommands_and_environment():
    rows = table(DOCS / "command-line.md", "## Subcommands")
    assert {row[0].split()[1].strip("`") for row in rows} == set(SUBCOMMANDS)
    said = "".join(row[0] for row in table(DOCS / "command-line.md", "## Environment"))
    sources = [
        *(DOCS.parent / "nbcy").rglob("*.py"),
        *(DOCS.parent / "nbcy").rglob("*.pyx"),
    ]
    read = {
        name
        for path in sources
        for line in path.read_text(encoding="utf-8").splitlines()
        if "environ" in line
        for name in re.findall(r'"([A-Z_]{5,})"', line)
    }
    assert set(re.findall(r"[A-Z_]{5,}", said)) == read


def test_numbers_to_check_against():
    page = DOCS / "physics" / "README.md"
    draws = {row[0]: [float(x) for x in row[1].split(", ")] for row in table(page, NUMBERS)}
    stream = ReferenceStream(1)
    assert [stream.uniform() for _ in range(3)] == pytest.approx(draws["uniform"], rel=1e-8)
    stream = ReferenceStream(1)
    assert [stream.gauss() for _ in range(2)] == pytest.approx(draws["gauss"], rel=1e-8)
    stream = ReferenceStream(1)
    means = [float(x) for x in list(draws)[2].removeprefix("Poisson of ").split(", ")]
    assert [stream.poisson(mean) for mean in means] == [*draws.values()][2]

    text = page.read_text(encoding="utf-8").split("Photons in the pixel", 1)[1]
    slow, fast, base = re.match(r" slow (\d+), fast (\d+) of `([^`]+)`", text).groups()
    rows = re.findall(r"^\| (?:`(-.+)`)? ?\| (\d\S+) \|$", text, re.MULTILINE)
    assert len(rows) == 10
    for more, photons in rows:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NbcyWarning)
            simulator = nbcy.Simulator(parse([*base.split(), *more.split()]).config)
        found = simulator.trace(int(slow), int(fast))["I_pixel_final"]
        assert found == pytest.approx(float(photons), rel=1e-8), more


def test_formats():
    rows = table(DOCS / "files.md", "# Image files")
    said = {suffix for row in rows for suffix in re.findall(r"`(\.\w+)`", row[0])}
    assert said == {x for each in REGISTRY if not each.picture for x in each.suffixes}
    usual = {each.suffixes[0] for each in REGISTRY if each.reader}
    assert usual <= {*IMAGES.split()} <= said, "IMAGES of nbcy/cli/subcommands.py"

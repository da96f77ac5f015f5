"""The report has the reference's lines, so that scripts that read it go on working."""

from __future__ import annotations

import re

import pytest

from nbcy.base.constants import RTD
from nbcy.cli.main import main
from nbcy.cli.report import BANNER

# Lines that differ on purpose: how they start, and why.
EXCEPTIONS = {
    # nbcy keeps nothing on disk that was not asked for (formats 8).
    "writing dump file": "not printed",
    # The reference adds up layers and divides by sources * domains * phi steps (physics 10.1).
    "solid angle subtended": "checked apart",
}
VECTOR_LINE = re.compile(r"[XYZ]: ")


def comparable(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if not line.startswith(tuple(EXCEPTIONS))]
    # In the tables of vectors the sign of a zero is that of a rounding error of 1e-15.
    return [
        line.replace("-0.00000000", " 0.00000000") if VECTOR_LINE.match(line) else line
        for line in lines
    ]


def solid_angle(text: str) -> tuple[float, float]:
    (line,) = re.findall("^solid angle subtended by detector = .*$", text, re.MULTILINE)
    match = re.fullmatch(r".* = (\S+) steradian \( (\S+)% sphere\)", line)
    return float(match[1]), float(match[2])


def number(pattern: str, text: str) -> int:
    (found,) = re.findall(pattern, text, re.MULTILINE)
    return int(found)


@pytest.fixture
def reports(golden_case, workdir, capsys):
    assert main(golden_case.nbcy_argv) == 0
    return capsys.readouterr().out, (golden_case.folder / "stdout.txt").read_text()


def test_lines(reports):
    mine, golden = reports
    assert comparable(mine) == comparable(golden)


def test_solid_angle(reports):
    mine, golden = reports
    layers = number(r"m thick in (\d+) layers", golden)
    steps = (
        number(r"^  (\d+) sources$", golden)
        * number(r"^  (\d+) mosaic domains over", golden)
        * number(r"^  (\d+) phi steps", golden)
    )
    for value, golden_value in zip(solid_angle(mine), solid_angle(golden), strict=True):
        # Two numbers of six digits, each off by at most 5e-6 of itself.
        assert value == pytest.approx(golden_value * steps / layers, rel=1.1e-5)


FLAGS = (
    "-cell 100 100 100 90 90 90 -default_F 100 -N 5 -detpixels 16 -pixel 1 -oversample 1 "
    "-floatfile /dev/null -intfile /dev/null -nopgm -nonoise "
)


def report(capsys, flags: str) -> str:
    assert main((FLAGS + flags).split()) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ("", BANNER),
        ("", "adxv convention selected."),
        (
            "-detector_thick 300 -detector_abs 250",
            "  sensor is 0.0003 m thick in 2 layers with mu= 4000",
        ),
        ("-detector_thick 300 -detector_abs inf", "  sensor is 0 m thick in 1 layers with mu= -1"),
        ("-roi 3 9 2 5", "  roi: 3 < x < 9 && 2 < y < 5"),
        ("-roi 3 99 2 5", "  roi: 3 < x < 15 && 2 < y < 5"),
        ("-default_F 1e-300", "max_I = 0  at 0.0005 0.0005"),
        ("-default_F 1e-300", "mean= 0 rms= 0 rmsd= 0"),
        ("-scale 3", "intfile_scale = 3"),
        ("-noisefile /dev/null -seed -7 -water 5", "  seed: -7"),
        ("-noisefile /dev/null -seed 7 -water 5", "  water droplet size: 5e-06 m"),
        ("-mosaic 0.5 -mosaic_domains 3", "  3 mosaic domains over mosaic spread of 0.5 degrees"),
    ],
)
def test_single_lines(capsys, flags, line):
    assert line in report(capsys, f"-adxv {flags}").splitlines()


def test_nothing_about_noise_without_noise(capsys):
    assert "noise" not in report(capsys, "")


def test_maximum_is_where_the_last_sub_pixel_was(capsys):
    """Of 4 sub-pixels of 0.25 mm the last is at 0.875 mm."""
    text = report(capsys, "-oversample 4")
    place = [float(x) for x in re.search(r"max_I = \S+  at (\S+) (\S+)", text).groups()]
    assert all(round(1000 * x - 0.875, 9) == int(1000 * x) for x in place)


def test_reciprocal_angles_are_those_of_the_cell(capsys):
    """Sine and cosine fit, so that the arctangent is the arccosine."""
    text = report(capsys, "-cell 70 80 90 85 95 105")
    line = re.search("^Recp Cell: (.*)$", text, re.MULTILINE)[1]
    from nbcy.base.cell import cell_parameters, reciprocal_from_cell

    angles = tuple(angle / RTD for angle in (85.0, 95.0, 105.0))
    expected = cell_parameters(reciprocal_from_cell((70.0, 80.0, 90.0), angles))
    assert line == " ".join(f"{x:g}" for x in expected)

"""``nbcy noisify``: noisify's flags and files."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nbcy.base.errors import UsageError
from nbcy.cli.main import main
from nbcy.config import Response
from nbcy.flags.noisify import parse_noisify
from nbcy.formats.smv import read_smv


@pytest.fixture
def floats(tmp_path, monkeypatch):
    """A float image of 60 x 80 pixels, where nbcy runs."""
    monkeypatch.chdir(tmp_path)
    np.full((60, 80), 100.25, "<f4").tofile("f.bin")
    return ["f.bin", "-detpixels_x", "80", "-detpixels_y", "60"]


def test_flags_are_a_response():
    words = (
        "-floatfile f.bin -scale 2 -gain 1.5 -adc 10 -readout_noise 3 -flicker 0.02 "
        "-calibration 0.03 -calib_seed 7 -psf fiber -psf_fwhm 46 -seed -5 -distance 200"
    )
    job = parse_noisify(words.split())
    assert job.response == Response(
        order="noisify",
        gain=1.5,
        offset=10,
        readout=3,
        flicker_percent=2,
        calibration_percent=3,
        calibration_seed=7,
        psf="fibre",
        psf_fwhm_um=46,
    )
    assert (job.input, job.scale, job.invocation.run.seed) == ("f.bin", 2.0, -5)
    assert job.invocation.config.detector.distance_mm == 200.0
    assert parse_noisify(["-distance", "100", "a.bin"]).response == Response.preset("noisify")


@pytest.mark.parametrize(
    "words",
    [
        "",
        "a.bin b.bin",
        "a.bin -floatfile b.bin",
        "a.bin -gain 0",
        "a.bin -gain",
        "a.bin -psf lorentz",
        "a.bin -psf_fwhm 80",
        "a.bin -readout 3x",
        "a.bin -calibratoin 3",
    ],
)
def test_wrong_use(words):
    with pytest.raises(UsageError):
        parse_noisify(words.split())


def test_files_and_statistics(floats, capsys):
    """Four standard errors of 4800 pixels, rounded to whole counts."""
    assert main(["noisify", *floats, "-gain", "2", "-readout_noise", "3", "-seed", "1"]) == 0
    assert "overloads" in capsys.readouterr().out
    header, without = read_smv("intimage.img")
    assert (without == math.floor(100.25 * 2 + 40)).all()
    _, noisy = read_smv("noiseimage.img")
    variance = 4.0 * 100.25 + 9.0 + 1.0 / 12.0
    assert abs(noisy.mean() - 240.5) < 4.0 * math.sqrt(variance / noisy.size)
    assert abs(noisy.var() - variance) < 4.0 * variance * math.sqrt(2.0 / noisy.size)
    assert header["SIZE1"] == "80"


def test_a_header_gives_the_geometry(floats):
    assert main(["noisify", *floats, "-nopgm", "-distance", "321", "-pixel", "0.2"]) == 0
    words = ["-header", "noiseimage.img", "-noisefile", "again.img", "-intfile", "int.img"]
    assert main(["noisify", "f.bin", *words, "-seed", "1", "-threads", "1"]) == 0
    again, pixels = read_smv("again.img")
    assert float(again["DISTANCE"]) == 321.0
    assert float(again["PIXEL_SIZE"]) == 0.2
    np.testing.assert_array_equal(pixels, read_smv("noiseimage.img")[1])


def test_nothing_is_written_where_something_is_wrong(floats, tmp_path):
    np.full((60, 80), np.inf, "<f4").tofile("inf.bin")
    assert main(["noisify", "inf.bin", *floats[1:]]) == 2
    assert main(["noisify", "f.bin", "-detpixels", "50"]) == 2
    assert main(["noisify", *floats, "-intfile", "f.bin"]) == 2
    assert main(["noisify", "absent.bin"]) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"f.bin", "inf.bin"}
    assert main(["noisify", *floats, "-nonoise", "-nopgm"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"f.bin", "inf.bin", "intimage.img"}


def test_a_series_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = "-cell 70 70 70 90 90 90 -N 5 -default_F 100 -distance 100 -detpixels 24 -osc 1"
    output = ["--frames", "2", "-o", "f_##.npy", "-seed", "3"]
    preset = ["--response-preset", "ccd", "--set", "response.offset=500"]
    assert main(["simulate", *flags.split(), *output, *preset]) == 0
    frames = [np.load(f"f_0{n}.npy") for n in (1, 2)]
    assert not np.array_equal(*frames)
    assert all(abs(frame.mean() - 500.0) < 50.0 for frame in frames)
    assert main(["simulate", *flags.split(), *output, "--response", "--noise"]) == 2
    wrong = [*output, "--response", "--set", "response.psf=gauss"]
    assert main(["simulate", *flags.split(), *wrong]) == 2

"""The command line: both faces, what they write, and how they end."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from nbcy.cli import progress
from nbcy.cli.main import SUBCOMMANDS, main
from nbcy.config import Config
from nbcy.flags.parsing import parse
from nbcy.flags.table import FLAGS
from nbcy.formats.frames import open_recording
from nbcy.formats.smv import read_smv
from nbcy.image.image import Image
from nbcy.render.simulator import Simulator
from nbcy.version import __version__

PICTURE = "-cell 100 -N 5 -default_F 100 -lambda 6.2 -fluence 1e31 -detpixels 12 -pixel 0.4"
QUIET = f"{PICTURE} -nonoise -nopgm"

# Coarse sampling and the like are meant here.
pytestmark = pytest.mark.filterwarnings("ignore::nbcy.base.errors.NbcyWarning")


@pytest.fixture(autouse=True)
def workdir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder):
    return {path.name for path in folder.iterdir()}


def run(command: str, status: int = 0) -> None:
    assert main(shlex.split(command)) == status


def expected(command: str) -> Image:
    return Simulator(parse(shlex.split(command)).config).run()


# Help.


@pytest.mark.parametrize("command", ["--help", "-h", f"{QUIET} --help"])
def test_help(command, capsys, workdir):
    run(command)
    text = capsys.readouterr().out
    assert "example:" in text
    assert all(name in text for name in (*SUBCOMMANDS, *FLAGS))
    assert names(workdir) == set()


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_help_of_a_subcommand(name, capsys):
    run(f"{name} --help")
    text = capsys.readouterr().out
    assert f"nbcy {name}" in text
    assert "example" in text
    assert all(
        len(line) <= 100
        for line in text.partition("\nexample")[0].splitlines()
        if not line.startswith("usage:")
    )


def test_version(capsys):
    run("--version")
    assert capsys.readouterr().out == f"nbcy {__version__}\n"


def test_hkl_is_not_h(workdir, capsys):
    (workdir / "x.hkl").write_text("0 0 1 3\n")
    run(f"-hkl x.hkl {QUIET}")
    assert "1 initialized hkls" in capsys.readouterr().out


def test_version_loads_nothing():
    code = (
        "import sys; from nbcy.cli.main import main; main(['--version']); "
        "print(*{m.split('.')[0] for m in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "pydantic", "tqdm", "PIL"} & set(done.stdout.split())


@pytest.mark.parametrize("given", [None, "3"])
@pytest.mark.parametrize("argv", ["None", "['--version']"])
def test_only_a_process_of_its_own_is_tuned(argv, given):
    """One BLAS thread, unless the user says how many; whoever calls main is left alone."""
    code = (
        "import gc, os, sys; sys.argv = ['nbcy', '--version']; before = gc.get_threshold(); "
        f"from nbcy.cli.main import main; main({argv}); "
        "print(os.environ.get('OPENBLAS_NUM_THREADS'), gc.get_threshold() == before)"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    if given:
        environment["OPENBLAS_NUM_THREADS"] = given
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    alone = argv == "None"
    assert done.stdout.split()[2:] == [given or ("1" if alone else "None"), str(not alone)]


# The drop-in face.


@pytest.mark.parametrize(
    ("flags", "files"),
    [
        ("-seed 1", {"floatimage.bin", "intimage.img", "image.pgm", "noiseimage.img"}),
        ("-nonoise", {"floatimage.bin", "intimage.img", "image.pgm"}),
        ("-nopgm -nonoise", {"floatimage.bin", "intimage.img"}),
        (
            "-floatfile a -intimage b -pgmfile c -noiseimage d -nonoise -seed 1",
            {"a", "b", "c"},
        ),
        ("-nonoise -noisefile d -nopgm -pgmimage c", {"floatimage.bin", "intimage.img", "c", "d"}),
    ],
)
def test_files(flags, files, workdir, capsys):
    run(f"{PICTURE} {flags}")
    assert names(workdir) == files
    written = [
        line.split()[1] for line in capsys.readouterr().out.splitlines() if line[:8] == "writing "
    ]
    assert set(written) == files


def test_pixels(workdir):
    run(f"{PICTURE} -scale 2 -adc 7 -pgmscale 0.25 -seed 3")
    image = expected(PICTURE)
    floats = np.fromfile("floatimage.bin", "<f4").reshape(12, 12)
    np.testing.assert_array_equal(floats, image.pixels)
    scaled = np.floor((2.0 * floats.astype(float) + 7.0).astype(np.float32) + 0.5)
    np.testing.assert_array_equal(read_smv("intimage.img")[1], np.clip(scaled, 0, 65535))
    gray = np.frombuffer((workdir / "image.pgm").read_bytes()[-144:], np.uint8).reshape(12, 12)
    np.testing.assert_array_equal(gray, np.clip(0.25 * floats.astype(float), 0, 255).astype(int))
    noise = image.with_noise(3, "reference").pixels
    np.testing.assert_array_equal(read_smv("noiseimage.img")[1], np.minimum(noise + 7, 65535))


def test_dev_null_stays_what_it_is(workdir):
    run(f"{QUIET} -floatfile /dev/null -intfile /dev/null")
    assert names(workdir) == set()
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_noise_without_a_seed_is_reproducible_and_says_so(workdir, capsys):
    images = []
    for flags in ("", "", "-seed 1", "-seed 2", "-seed -2"):
        run(f"{PICTURE} {flags}")
        images.append((workdir / "noiseimage.img").read_bytes())
        assert ("no -seed is given" in capsys.readouterr().err) == (not flags)
    a, b, c, d, e = images
    assert a == b == c != d == e


def test_printout(capsys):
    run(f"{QUIET} -roi 2 4 5 6 -printout")
    rows = re.findall(r"^(\d+) (\d+) (\S+)$", capsys.readouterr().out, re.MULTILINE)
    values = [(int(fast), int(slow), float(value)) for fast, slow, value in rows]
    pixels = expected(f"{QUIET} -roi 2 4 5 6").pixels
    assert [(fast, slow) for fast, slow, _ in values] == [
        (fast, slow) for slow in (5, 6) for fast in (2, 3, 4)
    ]
    # nine digits are all that a float32 has
    assert all(np.float32(v) == pixels[slow, fast] for fast, slow, v in values)


def test_printout_pixel(capsys):
    run(f"{QUIET} -printout_pixel 3 8")
    assert f"\n3 8 {expected(QUIET).pixels[8, 3]:.9g}\n" in capsys.readouterr().out


def test_trace_pixel(capsys):
    run(f"{QUIET} -trace_pixel 8 3")
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if "TRACE" in line]
    values = {key: words for prefix, key, *words in lines if prefix == "TRACE_NBCY:"}
    pixel = expected(QUIET).pixels[8, 3]
    assert np.float32(values["I_pixel_final"][0]) == pixel
    assert np.float32(values["floatimage_accumulated"][0]) == pixel


def test_quirks_and_threads(workdir):
    flags = f"{QUIET} -gauss_xtal"
    run(f"{flags} -quirks star_radius -threads 1")
    floats = np.fromfile("floatimage.bin", "<f4").reshape(12, 12)
    assert not np.array_equal(floats, expected(flags).pixels)
    np.testing.assert_array_equal(floats, expected(f"{flags} -quirks star_radius").pixels)


def test_notes_are_one_line_each_on_stderr(capsys):
    run(f"{QUIET} -matfile /dev/null -hdiv 3", status=2)
    run(f"{QUIET} -xds -Xbeam 3 -wavelength 1.5 -source_distance 10")
    output, errors = capsys.readouterr()
    lines = errors.splitlines()
    assert all(line.startswith("nbcy: ") for line in lines)
    assert "nbcy: -wavelength is read as -wave" in lines
    assert any("-source_distance 10 is skipped" in line for line in lines)
    assert any("xbeam_mm = 3 does not move the detector" in line for line in lines)
    assert "nbcy:" not in output


# Endings.


def test_ctrl_c(workdir, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Simulator, "run", interrupt)
    run(QUIET, status=130)
    assert capsys.readouterr().err == "nbcy: interrupted\n"
    assert names(workdir) == set()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError()])
def test_failing_while_writing(workdir, capsys, monkeypatch, error):
    (workdir / "intimage.img").write_text("old")

    def fail(*_):
        raise error

    monkeypatch.setattr("nbcy.image.reference_smv.write_smv", fail)
    run(QUIET, status=1)
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("nbcy: error: ")
    assert ("No space left" if isinstance(error, OSError) else "out of memory") in line
    assert (workdir / "intimage.img").read_text() == "old"
    assert names(workdir) == {"floatimage.bin", "intimage.img"}


def test_a_reader_that_leaves():
    command = f"{shlex.quote(sys.executable)} -m nbcy --help | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: nbcy")
    assert done.stderr == ""


# Progress.


class Terminal:
    """A stderr that says it is a terminal."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=terminal))
    return terminal


def test_no_bar_off_a_terminal(capsys):
    with progress.progress_bar() as update:
        assert update is None


def test_no_bar_when_not_wanted(terminal):
    with progress.progress_bar(False) as update:
        assert update is None


def test_bar(terminal, monkeypatch):
    monkeypatch.setattr(progress, "SHORT", 0.0)
    with progress.progress_bar() as update:
        update(1, 4)
        update(4, 4)
    assert "rendering:" in terminal.text


def test_short_work_has_no_bar(terminal, monkeypatch):
    monkeypatch.setattr(progress, "SHORT", 1e9)
    with progress.progress_bar() as update:
        update(1, 4)
    assert terminal.text == ""


# nbcy simulate.

CONFIG = {
    "crystal": {"cell_angstrom_deg": [100, 100, 100, 90, 90, 90], "cells": 3, "default_F": 100},
    "beam": {"energy": "2 keV", "fluence_photons_per_m2": 1e31},
    "detector": {"pixels_fast": 12, "pixels_slow": 12, "pixel_mm": 0.4},
    "sampling": {"oversample": 1},
}


@pytest.fixture
def config(workdir):
    (workdir / "run.json").write_text(json.dumps(CONFIG))
    Config(**CONFIG).save("run.toml")
    return Config(**CONFIG)


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_simulate_a_file(config, suffix):
    run(f"simulate run.{suffix} -o out.npy")
    np.testing.assert_array_equal(np.load("out.npy"), Simulator(config).run().pixels)


def test_flags_override_set_overrides_the_file(config, workdir):
    command = "simulate --set crystal.cells=[7,8,9] run.toml -Nb 5 --set beam.energy='3 keV'"
    run(f"{command} -distance 80 -o out.toml -o out.bin")
    used = Config.load("out.toml")
    assert used.crystal.cells == (7, 5, 9)
    assert used.beam.energy_ev == 3000
    assert used.detector.distance_mm == 80
    assert used.detector.pixels_fast == 12
    assert names(workdir) == {"run.toml", "run.json", "out.toml", "out.bin"}
    floats = np.fromfile("out.bin", "<f4").reshape(12, 12)
    np.testing.assert_array_equal(floats, Simulator(used).run().pixels)


def test_formats_by_suffix(config, workdir):
    run("simulate run.toml -o a.img -o b.pgm -o c.png --output d.npy -scale 3 -adc 1 -pgmscale 2")
    pixels = Simulator(config).run().pixels.astype(float)
    counts = np.clip(np.floor((3 * pixels + 1).astype(np.float32) + 0.5), 0, 65535)
    np.testing.assert_array_equal(read_smv("a.img")[1], counts)
    assert (workdir / "b.pgm").read_bytes().startswith(b"P5\n12 12\n# pixels scaled by 2\n")
    assert (workdir / "c.png").read_bytes().startswith(b"\x89PNG")


def test_simulate_without_outputs_writes_what_the_reference_does(workdir):
    run(f"{QUIET}")
    dropin = {path.name: path.read_bytes() for path in workdir.iterdir()}
    for path in workdir.iterdir():
        path.unlink()
    run(f"simulate {QUIET}")
    assert {path.name: path.read_bytes() for path in workdir.iterdir()} == dropin


def test_named_files_come_with_outputs(workdir):
    run(f"simulate {PICTURE} -floatfile f.bin -noisefile n.img -seed 5 -o a.npy")
    assert names(workdir) == {"f.bin", "n.img", "a.npy"}


@pytest.mark.parametrize("stream", ["numpy", "reference"])
def test_noise_stream(stream):
    run(f"simulate {PICTURE} -noisefile n.img -seed -5 -o a.npy --noise-stream {stream}")
    counts = expected(PICTURE).with_noise(5, stream).pixels
    np.testing.assert_array_equal(read_smv("n.img")[1], np.minimum(counts + 40, 65535))


def test_numpy_is_the_default_stream(workdir):
    images = []
    for options in ("", "--noise-stream numpy", "--noise-stream reference"):
        run(f"simulate {PICTURE} -noisefile n.img -seed 5 -o a.npy {options}")
        images.append((workdir / "n.img").read_bytes())
    assert images[0] == images[1] != images[2]


def test_set_null_takes_back(config):
    run("simulate run.toml --set sampling.oversample=null -o out.toml")
    assert Config.load("out.toml").sampling.oversample is None


# The others.


def test_info(capsys):
    run("info")
    text = capsys.readouterr().out
    assert __version__ in text
    for word in ("instruction set", "generic", "OpenMP", "threads"):
        assert word in text


def test_demo(workdir, capsys):
    run("demo --output there --threads 2")
    output, errors = capsys.readouterr()
    assert errors == ""
    for word in ("P 43", "Eiger 4M", "12 steps", "25 mosaic domains", "photons", "s to set up"):
        assert word in output
    assert names(workdir / "there") == {"interleukin.png", "interleukin.bin", "interleukin.img"}
    expected = np.fromfile(workdir / "there" / "interleukin.bin", "<f4").astype(float)
    with open_recording(workdir / "there" / "interleukin.img") as recording:
        frame = recording.frame(0)
    assert frame.pixels.shape == (2167, 2070)
    assert frame.invalid[514:551].all()  # the gaps between modules
    photons = np.where(frame.invalid, 0.0, frame.pixels)
    expected = expected.reshape(photons.shape)
    # Poisson, six sigma: the sum deviates by its root, a square of a deviation by √(2 + 1/mean).
    assert photons.sum() == pytest.approx(expected.sum(), abs=6 * np.sqrt(expected.sum()))
    lit = expected > 1
    squares = (photons - expected)[lit] ** 2 / expected[lit]
    assert squares.mean() == pytest.approx(1.0, abs=6 * np.sqrt(3 / squares.size))
    # Spots stand far above the water.
    assert np.count_nonzero(photons > 50) > 1000
    assert np.median(photons[lit]) in (1, 2)


def test_demo_without_gemmi(workdir, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "gemmi", None)
    assert main(["demo", "--output", "there"]) == 2
    assert "this needs gemmi: pip install nbcy[mx]" in capsys.readouterr().err
    assert not (workdir / "there").exists()


def test_python_m_nbcy(workdir):
    done = subprocess.run(
        [sys.executable, "-m", "nbcy", *QUIET.split()], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("nanoBragg nanocrystal diffraction simulator")
    assert names(workdir) == {"floatimage.bin", "intimage.img"}

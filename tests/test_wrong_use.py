"""Wrong use: one line that says what is wrong, status 2, and no file."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from nbcy.cli.main import main

GOOD = "-cell 100 -N 5 -default_F 100 -detpixels 8 -pixel 1 -nonoise -nopgm"


def smv(**entries: object) -> bytes:
    header = {"DIM": 2, "BYTE_ORDER": "little_endian", "TYPE": "unsigned_short", **entries}
    text = "".join(f"{key}={value};\n" for key, value in header.items())
    return f"{{\nHEADER_BYTES=512;\n{text}}}\f".ljust(512).encode() + bytes(32)


FILES = {
    "good.hkl": b"1 2 3 4\n",
    "short.hkl": b"0 0 0 1\n1 2 3\n",
    "word.hkl": b"1 2 3 x\n",
    "twice.hkl": b"1 2 3 4\n1 2 3 5\n",
    "fraction.hkl": b"1.5 2 3 4\n",
    "infinite.hkl": b"1 2 3 inf\n",
    "huge.hkl": b"-900000 -900000 -900000 4\n900000 900000 900000 5\n",
    "empty": b"",
    "three.mat": b"1 2 3\n",
    "flat.mat": b"1 0 0  0 1 0  1 1 0\n",
    "negative.src": b"-10 0 0 -1 1e-10\n",
    "zero.src": b"0 0 0 1 1e-10\n",
    "words.src": b"one two three\n",
    "text.img": b"hello\n",
    "small.img": smv(SIZE1=4, SIZE2=4, PIXEL_SIZE=1),
    "short.img": smv(SIZE1=40, SIZE2=40, PIXEL_SIZE=1),
    "pixel.img": smv(SIZE1=4, SIZE2=4, PIXEL_SIZE=-1),
    "word.img": smv(SIZE1=4, SIZE2=4, PIXEL_SIZE="big"),
    "three.stol": b"0.1 2 3\n",
    "syntax.toml": b"[crystal]\ncells = \n",
    "value.toml": b"[crystal]\ncells = 0\n",
    "section.toml": b"[cristal]\ncells = 1\n",
    "field.toml": b"[crystal]\ncels = 1\n",
    "list.json": b"[1]",
    "syntax.json": b"{",
    "folder/inside": b"",
}

# The command line, and pieces of the message.
WRONG = [
    # words
    ("", "nothing to do", "nbcy --help"),
    ("simulat", "'simulat' is neither a flag nor a subcommand", "simulate"),
    ("run.toml", "'run.toml' is neither"),
    ("{} -lamda 1", "-lamda: there is no such flag", "did you mean -lambda?"),
    ("{} -xbeam 1", "did you mean -Xbeam?"),
    ("{} -phistps 3", "did you mean -phisteps?"),
    ("{} -detpixels_z 3", "-detpixels_z: there is no such flag"),
    ("{} -default 3", "did you mean -default_F?"),
    ("{} -zzz", "-zzz: there is no such flag", "nbcy --help"),
    ("{} --thread 2", "--thread: there is no such flag", "-threads"),
    ("{} -h", "-h: there is no such flag"),
    ("{} stray", "stray word 'stray'"),
    ("{} -5", "stray word '-5'"),
    ("{} -xds yes", "stray word 'yes'"),
    ("{} -cell 50 50 50 90 90 90 90", "stray word '90'"),
    ("{} -lambda 1 2", "stray word '2'"),
    # values
    ("{} -lambda", "-lambda: needs a value"),
    ("{} -lambda -xds", "-lambda: needs a value", "'-xds' follows"),
    ("{} -lambda abc", "-lambda: needs a number (Å), not 'abc'"),
    ("{} -wave 1.5A", "-wave: needs a number (Å), not '1.5A'"),
    ("{} -lambda 1,5", "-lambda: needs a number (Å), not '1,5'"),
    ("{} -lambda nan", "-lambda: needs a number (Å), not 'nan'"),
    ("{} -lambda 1e400", "-lambda: needs a number (Å), not '1e400'"),
    ("{} -distance_mm x", "-distance_mm: needs a number (mm), not 'x'"),
    ("{} -distance 20cm", "-distance: needs a number (mm), not '20cm'"),
    ("{} -flux 1e12/s", "-flux: needs a number (photons/s), not '1e12/s'"),
    ("{} -N 5e1", "-N: needs a whole number, not '5e1'"),
    ("{} -N 1e3", "-N: needs a whole number, not '1e3'"),
    ("{} -cell", "-cell: needs a b c al be ga"),
    ("{} -misset 1 2", "-misset: needs x y z|random"),
    ("{} -misset radom", "-misset: needs a number or random (°), not 'radom'"),
    ("{} -fdet_vector 1 2", "-fdet_vector: needs x y z"),
    ("{} -roi 1 2 3", "-roi: needs x1 x2 y1 y2"),
    ("{} -roi 99 199 0 3", "-roi: sampling.roi = (99, 199, 0, 3)", "must overlap"),
    ("{} -hkl", "-hkl: needs a value"),
    ("{} -hkl -mosflm", "-hkl: needs a value", "'-mosflm' follows"),
    ("{} -pivot centre", "-pivot: needs sample or beam, not 'centre'"),
    ("{} -detector_abs thick", "-detector_abs: needs a number or inf (µm), not 'thick'"),
    ("{} -precision half", "-precision: needs double", "single"),
    ("{} -quirks phi_carry", "-quirks: needs names of quirks", "phi_carryover", "'phi_carry'"),
    ("{} -threads 0", "-threads: needs a whole number of at least 1, not '0'"),
    ("{} -threads 2000", "-threads: threads = 2000: must be a whole number from 1 to 1024"),
    ("{} -scale -1", "-scale: needs a number that is not negative, not '-1'"),
    ("{} -seed 99999999999", "-seed: needs a whole number from -2147483646 to 2147483646"),
    # impossible values, with the flag they came from
    ("{} -lambda -1", "-lambda: beam.wavelength_angstrom = -1.0"),
    ("{} -energy 0", "-energy: beam.energy_ev = 0.0"),
    ("{} -cell 100 -100 100", "-cell: crystal.cell_angstrom_deg"),
    ("{} -cell 9 9 9 90 90 200", "-cell: crystal.cell_angstrom_deg", "form no cell"),
    ("{} -fudge 0", "-fudge: crystal.fudge"),
    ("{} -mosaic -1", "-mosaic: crystal.mosaic_spread_deg"),
    ("{} -polar 2", "-polar: beam.kahn_factor = 2.0"),
    ("{} -dispersion 250 -dispsteps 3", "-dispersion: beam.dispersion_percent", "negative"),
    ("{} -distance 0", "-distance: detector.distance_mm = 0.0"),
    ("{} -pixel -1", "-pixel: detector.pixel_mm = -1.0"),
    ("{} -detpixels 0", "-detpixels: detector.pixels_fast = 0"),
    ("{} -detpixels 100000", "-detpixels: detector.pixels", "at most"),
    ("{} -fdet_vector 0 0 0", "-fdet_vector: detector.fast_vector"),
    ("{} -fdet_vector 1 0 0 -sdet_vector 1 1 0", "detector.slow_vector", "perpendicular"),
    ("{} -odet_vector 0 1 0", "-odet_vector: detector.normal_vector", "fast x slow"),
    ("{} -polar_vector 1 0 0", "-polar_vector: beam.polarization_vector", "parallel"),
    ("{} -roi 5 2 0 3", "-roi: sampling.roi"),
    ("{} -roi 100 200 0 3", "-roi: sampling.roi", "overlap"),
    ("{} -osc -1", "-osc: spindle.osc_deg = -1.0"),
    ("{} -curved_det -xds", "-curved_det: detector.curved", "mosflm"),
    ("{} -twotheta 180", "detector.distance", "must face the sample"),
    ("{} -trace_pixel 8 0", "-trace_pixel: 8 0 (slow, fast) is not on the detector", "7 7"),
    ("{} -printout_pixel 0 8", "-printout_pixel: 0 8 (fast, slow) is not on the detector"),
    ("-N 5 -default_F 1", "give cell_angstrom_deg, matrix or matrix_file"),
    ("{} -mat three.mat", "-mat: crystal.matrix_file", "cell_angstrom_deg"),
    # inputs
    ("{} -hkl nothing.hkl", "nothing.hkl: cannot be read: No such file"),
    ("{} -hkl folder", "folder: cannot be read: Is a directory"),
    ("{} -hkl empty", "empty: holds no reflections"),
    ("{} -hkl short.hkl", "short.hkl:2: '1 2 3': expected h k l F"),
    ("{} -hkl word.hkl", "word.hkl:1: 'x' is not a number"),
    ("{} -hkl twice.hkl", "twice.hkl:2: reflection 1 2 3 has F = 5 here but 4 on line 1"),
    ("{} -hkl fraction.hkl", "fraction.hkl:1: h = 1.5"),
    ("{} -hkl infinite.hkl", "infinite.hkl:1: 'inf' is not a finite number"),
    ("{} -hkl huge.hkl", "GiB"),
    ("-N 5 -mat three.mat", "three.mat: holds 3 numbers"),
    ("-N 5 -mat flat.mat", "-mat: crystal.matrix", "in a plane"),
    ("{} -sourcefile nothing.src", "nothing.src: cannot be read"),
    ("{} -sourcefile words.src", "words.src:1: 'one' is not a"),
    ("{} -sourcefile negative.src", "-sourcefile: beam.source_file", "must not be negative"),
    ("{} -sourcefile zero.src", "-sourcefile: beam.source_file", "sit at the sample"),
    ("{} -mask nothing.img", "nothing.img: cannot be read"),
    ("{} -mask text.img", "text.img: is not an SMV image"),
    ("{} -mask short.img", "short.img: 40 x 40 pixels take 3200 bytes"),
    ("{} -mask small.img", "-mask: detector.mask_file", "shape"),
    ("-cell 100 -N 5 -img pixel.img", "-img pixel.img: detector.pixel_mm = -1.0"),
    ("{} -img word.img", "word.img: PIXEL_SIZE=big"),
    ("{} -stol three.stol", "three.stol:1: '0.1 2 3'"),
    # outputs
    ("{} -floatfile nowhere/x.bin", "nowhere/x.bin: cannot be written: there is no folder"),
    ("{} -intfile folder", "folder: cannot be written: it is a folder"),
    ("{} -floatfile same -intfile same", "same cannot be written: it is another output"),
    ("{} -floatfile a -intfile ./a", "./a cannot be written: it is another output"),
    ("{} -hkl good.hkl -floatfile good.hkl", "good.hkl cannot be written: it is an input"),
    # nbcy simulate
    ("simulate", "nothing to simulate"),
    ("simulate nothing.toml", "nothing.toml: cannot be read"),
    ("simulate good.hkl", "good.hkl: must end in .toml or .json"),
    ("simulate syntax.toml", "syntax.toml", "not TOML"),
    ("simulate syntax.json", "syntax.json", "not JSON"),
    ("simulate list.json", "list.json"),
    ("simulate value.toml", "value.toml", "crystal.cells"),
    ("simulate section.toml", "section.toml", "did you mean crystal?"),
    ("simulate field.toml", "field.toml", "did you mean cells?"),
    ("simulate value.toml field.toml", "field.toml", "unrecognized"),
    ("simulate {} -lamda 1", "did you mean -lambda?"),
    ("simulate {} --set crystal.cels=5", "crystal.cels = 5", "did you mean cells?"),
    ("simulate {} --set crystal.cells", "--set crystal.cells: needs KEY=VALUE"),
    ("simulate {} --set beam.energy=12mm", "beam.energy = '12mm'"),
    ("simulate {} --set detector.distance=5", "detector.distance = 5", "unit"),
    ("simulate {} -o out.xyz", "-o out.xyz: must end in", ".png", ".toml"),
    ("simulate {} -o nowhere/out.img", "nowhere/out.img: cannot be written"),
    ("simulate {} -o a.img -o a.img", "a.img cannot be written: it is another output"),
    ("simulate {} --bogus", "--bogus"),
    ("simulate {} --distance 5", "arguments: --distance", "did you mean -distance?"),
    ("simulate {} --frame 5 -o a.nxs", "arguments: --frame", "did you mean --frames?"),
    ("simulate {} --frames 3 -o a.nxs", "-osc: spindle.osc_deg", "must be given"),
    ("view good.hkl --max_size 5", "arguments: --max_size", "did you mean --max-size?"),
    ("simulate {} --noise-stream mersenne", "--noise-stream", "'mersenne'"),
    # the others
    ("info about", "unrecognized arguments: about"),
    ("demo --threads 0", "threads = 0: must be a whole number from 1"),
    ("demo --threads some", "--threads", "'some'"),
    ("demo --output good.hkl", "good.hkl: cannot be made"),
]


def tree(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(errors: str, pieces: list[str]) -> None:
    *notes, line = errors.splitlines()
    assert line.startswith("nbcy: error: ")
    assert all(note.startswith("nbcy: ") and "error" not in note for note in notes)
    for piece in pieces:
        assert piece in line


def test_the_table_is_long_enough():
    assert len(WRONG) >= 40
    assert len({command for command, *_ in WRONG}) == len(WRONG)


@pytest.mark.parametrize(("command", "pieces"), [(c, p) for c, *p in WRONG], ids=lambda c: str(c))
def test_wrong_use(command, pieces, folder, capsys):
    before = tree(folder)
    status = main(shlex.split(command.format(GOOD)))
    output, errors = capsys.readouterr()
    check(errors, pieces)
    assert status == 2
    assert output == ""
    assert tree(folder) == before


def test_the_good_command_is_good(folder, capsys):
    """So that the table fails for the reasons it gives."""
    assert main(GOOD.split()) == 0
    assert main(["simulate", *GOOD.split(), "-o", "out.img"]) == 0
    assert "error" not in capsys.readouterr().err


def test_read_only_folder(folder, capsys, monkeypatch):
    (folder / "locked").mkdir(mode=0o555)
    # For root, who may write anywhere, the answer is the one that others get.
    allowed = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: "locked" not in str(path) and allowed(path, mode)
    )
    assert main([*GOOD.split(), "-floatfile", "locked/x.bin"]) == 2
    check(capsys.readouterr().err, ["locked/x.bin: cannot be written: permission denied"])


@pytest.mark.parametrize("count", ["0", "some"])
def test_impossible_number_of_threads_in_the_environment(folder, capsys, monkeypatch, count):
    monkeypatch.setenv("OMP_NUM_THREADS", count)
    before = tree(folder)
    assert main(GOOD.split()) == 2
    check(capsys.readouterr().err, ["OMP_NUM_THREADS"])
    assert tree(folder) == before


@pytest.mark.parametrize(
    ("command", "piece"),
    [
        ("-lamda 1", "did you mean -lambda?"),
        ("{} -hkl word.hkl", "word.hkl:1"),
        ("simulate value.toml", "crystal.cells"),
    ],
)
def test_as_a_process(command, piece, folder):
    before = tree(folder)
    words = shlex.split(command.format(GOOD))
    done = subprocess.run(
        [sys.executable, "-m", "nbcy", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    check(done.stderr, [piece])
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert tree(folder) == before

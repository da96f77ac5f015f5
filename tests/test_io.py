"""Readers and writers, one format after the other."""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import re
import stat
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from seedcase import SEEDCASE

import nbcy
from nbcy.base.atomic import atomic_write, check_destination
from nbcy.base.errors import ConfigError, FileError
from nbcy.base.files import blaming
from nbcy.config import Config, Crystal
from nbcy.formats.npy import read_npy, write_npy
from nbcy.formats.pgm import write_pgm
from nbcy.formats.png import Contrast, encode_png, max_pool, write_png
from nbcy.formats.raw import read_raw, write_raw
from nbcy.formats.smv import SmvHeader, header_defaults, read_smv, to_counts, write_smv
from nbcy.inputs.hkl import read_hkl, write_hkl
from nbcy.inputs.matrix import read_matrix
from nbcy.inputs.source_list import read_source_list
from nbcy.inputs.stol import read_stol
from nbcy.render.building import build_scene

DATA = Path(__file__).parent / "data"
GOLDEN = DATA / "golden"
CASES = [case["name"] for case in json.loads((GOLDEN / "manifest.json").read_text())]

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))
FLOAT_IMAGES = hnp.arrays(
    np.float32, SHAPES, elements=st.floats(0.0, 2.0**100, width=32, allow_nan=False)
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """A folder that hypothesis may use many times."""
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture
def text(tmp_path):
    """Write a file and return its path."""

    def write(content, name="input.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


# atomic_write


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "image.bin"
    path.write_bytes(b"old")
    with atomic_write(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["image.bin"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_failure_leaves_nothing_behind(tmp_path, error):
    old = tmp_path / "old.bin"
    old.write_bytes(b"old")

    def fail(path):
        with atomic_write(path) as file:
            file.write(b"half")
            raise error

    for path in (old, tmp_path / "new.bin"):
        with pytest.raises(FileError if error is OSError else error):
            fail(path)
    assert os.listdir(tmp_path) == ["old.bin"]
    assert old.read_bytes() == b"old"


def test_links_are_followed(tmp_path):
    target, link = tmp_path / "target.bin", tmp_path / "link.bin"
    link.symlink_to(target)
    with atomic_write(link) as file:
        file.write(b"x")
    assert link.is_symlink()
    assert target.read_bytes() == b"x"


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "a") as file:
            file.write(b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_device_stays_a_device():
    with atomic_write(os.devnull) as file:
        file.write(b"x")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing/image.bin", "no folder"),
        ("folder", "is a folder"),
        ("file/image.bin", "no folder"),
        ("", "no file name"),
        ("nul\0", "no file name"),
    ],
)
def test_impossible_destinations(tmp_path, monkeypatch, name, reason):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for use in (check_destination, lambda path: atomic_write(path).__enter__()):
        with pytest.raises(FileError, match=reason):
            use(name)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(FileError, match="permission denied"):
        check_destination(tmp_path / "image.bin")
    tmp_path.chmod(0o700)


def test_a_long_name_that_the_system_refuses(tmp_path):
    with pytest.raises(FileError, match="cannot be written"), atomic_write(tmp_path / ("x" * 300)):
        pass
    assert not os.listdir(tmp_path)


# hkl


def test_the_seed_case_list():
    hkl, amplitudes, notes = read_hkl(SEEDCASE / "wilson.hkl")
    lines = (SEEDCASE / "wilson.hkl").read_text().split("\n")[:-1]
    assert (hkl.shape, hkl.dtype, amplitudes.dtype) == ((len(lines), 3), np.int32, np.float64)
    for row in (0, 12345, len(lines) - 1):
        assert [*hkl[row].tolist(), amplitudes[row]] == [float(x) for x in lines[row].split()]
    assert notes == ()


@given(
    st.dictionaries(
        st.tuples(*[st.integers(-(2**31) + 1, 2**31 - 1) | st.integers(-3, 3)] * 3),
        st.floats(allow_nan=False, allow_infinity=False),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from(["\n", "\r\n", "\r", "\n\n \t\n", "\n# remark\n"]),
    st.sampled_from(["", " 1.5", " sigma 12", " # F"]),
)
def test_hkl_round_trip(scratch, table, line_end, tail):
    path = scratch / "list.hkl"
    write_hkl(path, list(table), list(table.values()))
    path.write_bytes(path.read_bytes().replace(b"\n", (tail + line_end).encode()))
    hkl, amplitudes, notes = read_hkl(path)
    assert [tuple(row) for row in hkl.tolist()] == list(table)
    assert amplitudes.tolist() == list(table.values())
    assert any(f"{len(table)} line" in note and "comment" in note for note in notes) == (
        "remark" in line_end
    )
    assert any(f"{len(table)} line" in note and "columns" in note for note in notes) == (
        tail in (" 1.5", " sigma 12")
    )
    assert len(notes) <= 2


def test_a_single_line_without_an_end(text):
    hkl, amplitudes, _ = read_hkl(text("1 -2 3 4.5"))
    assert (hkl.tolist(), amplitudes.tolist()) == ([[1, -2, 3]], [4.5])


def test_some_lines_with_more_columns(text):
    hkl, amplitudes, notes = read_hkl(text("1 2 3 4\n1 2 4 5 0.1\n1 2 5 6 0.1 90 # far\n"))
    assert hkl[:, 2].tolist() == [3, 4, 5]
    assert amplitudes.tolist() == [4.0, 5.0, 6.0]
    (note,) = notes
    assert "2 lines with more columns" in note


def test_a_compressed_list(text):
    assert read_hkl(text(gzip.compress(b"1 2 3 4\n"), "list.hkl.gz"))[1].tolist() == [4.0]


def test_the_same_reflection_twice_with_the_same_amplitude(text):
    assert len(read_hkl(text("1 2 3 4\n1 2 3 4.0\n"))[0]) == 2


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("", None, "no reflections"),
        ("# only\n\n# remarks\n", None, "no reflections"),
        ("1 2 3 4\n\n1 2.5 3 4\n", 3, "k = 2.5 is not"),
        ("1 2 3 4\n1 2 2147483648 4\n", 2, "l = 2147483648 is not"),
        ("1 2 3\n", 1, "expected h k l F"),
        ("1 2 3 4\n1 2 3 # 4\n", 2, "expected h k l F"),
        ("H K L F\n1 2 3 4\n", 1, "'H' is not a number"),
        ("1,2,3,4\n", 1, "expected h k l F"),
        ("1 2 3 12a\n", 1, "'12a' is not a number"),
        ("# x\r\n1 2 3 nan\r\n", 2, "'nan' is not a finite"),
        ("1 2 3 -inf\n", 1, "'-inf' is not a finite"),
        ("1 2 3 1e999\n", 1, "'1e999' is not a finite"),
        ("nan 2 3 4\n", 1, "'nan' is not a finite"),
        ("1 2 3 4\n# x\n5 6 7 8\n\n1 2 3 5\n", 5, "1 2 3 has F = 5 here but 4 on line 1"),
        (b"1 2 3 4\n\0\0", None, "not a text file"),
        (b"\xff\xfe1 2 3 4\n", 1, "is not a number"),
    ],
)
def test_bad_lists(text, content, line, reason):
    path = text(content)
    with pytest.raises(FileError, match=re.escape(reason)) as caught:
        read_hkl(path)
    assert caught.value.line == line
    assert caught.value.path == str(path)


@pytest.mark.parametrize("reader", [read_hkl, read_matrix, read_smv, read_raw, read_npy, read_stol])
def test_files_that_are_not_there(tmp_path, reader):
    with pytest.raises(FileError, match=r"missing\.x: cannot be read: No such file"):
        reader(tmp_path / "missing.x")
    with pytest.raises(FileError, match="cannot be read"):
        reader(tmp_path)
    with pytest.raises(FileError, match="no file name"):
        reader("nul\0")


def test_broken_compression(text):
    for data in (gzip.compress(b"1 2 3 4\n" * 99)[:-12], b"\x1f\x8b\x08\x00garbage" + bytes(20)):
        with pytest.raises(FileError, match="cannot be"):
            read_hkl(text(data))


# matrix


def test_matrix_of_the_seed_case():
    matrix = read_matrix(SEEDCASE / "A.mat")
    assert matrix[0].tolist() == [-0.01408196, -0.01161429, 0.02668715]
    assert matrix[2, 0] == 0.02241067


def test_what_follows_the_nine_numbers_is_not_read(text):
    path = text("# MOSFLM\n1 2 3\n4 5 6 # y\n\n7 8 9 words\n 0.000 0.000 0.000\n")
    assert read_matrix(path).ravel().tolist() == [*range(1, 10)]


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("", None, "holds 0 numbers"),
        ("1 2 3\n4 5 6\n7 8\n", None, "holds 8 numbers"),
        ("1 2 3\n4 x 6\n7 8 9\n", 2, "'x' is not a number"),
        ("1 2 3\n4 5 6\n7 nan 9\n", 3, "'nan' is not a finite number"),
    ],
)
def test_bad_matrices(text, content, line, reason):
    with pytest.raises(FileError, match=reason) as caught:
        read_matrix(text(content))
    assert caught.value.line == line


# sources


def test_missing_trailing_columns_take_defaults(text):
    path = text("# five, four, three, two, one\n1 2 3 4 5e-10\n1 2 3 4\n\n1 2 3\n1 2\n1\n")
    positions, intensities, wavelengths = read_source_list(path).completed(
        (-10.0, -20.0, -30.0), 1e-10
    )
    assert positions.tolist() == [[1, 2, 3]] * 3 + [[1, 2, -30], [1, -20, -30]]
    assert intensities.tolist() == [4, 4, 1, 1, 1]
    assert wavelengths.tolist() == [5e-10, 1e-10, 1e-10, 1e-10, 1e-10]


def test_golden_sources():
    positions, intensities, wavelengths = read_source_list(
        GOLDEN / "inputs" / "sources_weighted.txt"
    ).completed((-10.0, 0.0, 0.0), 1.0)
    assert positions[0].tolist() == [-10.0, -0.0019, 0.00239]
    assert intensities[:2].tolist() == [1.856, 0.451]
    assert wavelengths[0] == 9.99313001e-11


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("\n# none\n", None, "holds no sources"),
        ("1 2 3 4 5 6\n", 1, "6 columns"),
        ("1 2 3\n1 2 z\n", 2, "'z' is not a number"),
        ("1 2 inf\n", 1, "'inf' is not a finite number"),
    ],
)
def test_bad_sources(text, content, line, reason):
    with pytest.raises(FileError, match=reason) as caught:
        read_source_list(text(content))
    assert caught.value.line == line


# stol


@pytest.mark.parametrize(("column", "factor"), [("stol", 1.0), ("4stol", 4.0), ("Q", 4 * math.pi)])
def test_stol_columns(text, column, factor):
    stol, amplitudes = read_stol(text("# x F\n0 2.57\n0.5 3\n"), column)
    assert stol.tolist() == [0.0, 0.5 / factor]
    assert amplitudes.tolist() == [2.57, 3.0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("1 2 3\n", "expected stol"),
        ("1\n", "expected stol"),
        ("-1 2\n", "negative"),
    ],
)
def test_bad_stol(text, content, reason):
    with pytest.raises(FileError, match=reason):
        read_stol(text(content))
    with pytest.raises(ConfigError, match="stol, 4stol, Q"):
        read_stol(text(content), "q")


# SMV


def header_of(entries):
    """Build the header that golden entries describe."""

    def number(key):
        return float(entries[key])

    return SmvHeader(
        pixel_mm=number("PIXEL_SIZE"),
        distance_mm=number("DISTANCE"),
        close_distance_mm=number("CLOSE_DISTANCE"),
        size_slow_mm=number("PIXEL_SIZE") * number("SIZE2"),
        wavelength_angstrom=number("WAVELENGTH"),
        beam_center_mm=(number("BEAM_CENTER_X"), number("BEAM_CENTER_Y")),
        direct_beam_mm=(number("DENZO_Y_BEAM"), number("DENZO_X_BEAM")),
        dials_origin_mm=tuple(float(x) for x in entries["DIALS_ORIGIN"].split(",")),
        org_px=(number("XDS_ORGX"), number("XDS_ORGY")),
        phi_deg=number("PHI"),
        osc_deg=number("OSC_RANGE"),
        twotheta_deg=number("TWOTHETA"),
    )


@pytest.mark.parametrize("case", CASES)
def test_smv_is_the_golden_file(case, tmp_path):
    """From the golden float image and header entries, byte for byte but for a ";" (formats 5.1)."""
    golden = GOLDEN / case / "intimage.img"
    entries, expected = read_smv(golden)
    pixels = np.load(GOLDEN / case / "image.npz")["float"]
    roi = re.search(r"-roi (\d+) (\d+) (\d+) (\d+)", (GOLDEN / case / "args.txt").read_text())
    region = (
        tuple(int(edge) for edge in roi.groups())
        if roi
        else (0, pixels.shape[1] - 1, 0, pixels.shape[0] - 1)
    )
    counts = to_counts(pixels, 55000.0 / float(pixels.max()), 40.0, region)
    np.testing.assert_array_equal(counts, expected)

    path = tmp_path / "intimage.img"
    write_smv(path, counts, header_of(entries))
    ours, reference = path.read_bytes(), golden.read_bytes()
    assert len(ours) == len(reference)
    assert ours[512:] == reference[512:]
    ours_lines, lines = ours[:512].split(b"\n"), reference[:512].split(b"\n")
    for mine, line in zip(ours_lines, lines, strict=True):
        key = line.partition(b"=")[0]
        if key == b"DIALS_ORIGIN":
            assert mine == line + b";"
        elif key in (b"ADXV_CENTER_Y", b"MOSFLM_CENTER_X", b"MOSFLM_CENTER_Y"):
            # Sums of numbers of which the golden header keeps six digits: half a unit of the last
            # digit of each, and of the result.
            got, want = (float(x.partition(b"=")[2].rstrip(b";")) for x in (mine, line))
            size = max(abs(float(entries[k])) for k in ("DENZO_X_BEAM", "DENZO_Y_BEAM"))
            assert abs(got - want) <= 5e-6 * (size + 2.0 * abs(want) + 100.0)
        else:
            assert mine.rstrip() == line.rstrip()


@given(hnp.arrays(np.uint16, SHAPES), st.floats(-1e6, 1e6), st.floats(1e-3, 1e4))
def test_smv_round_trip(scratch, pixels, length, pixel):
    path = scratch / "image.img"
    header = SmvHeader(
        *(pixel, length, length / 3.0, 200.0 / 3.0, 0.123456789012),
        *((length, -length), (-length / 7.0, length), (length, 2.0 * length, 0.0)),
        *((length / 11.0, 0.5), -length, 1e-9 / 3.0, 20.0),
    )
    write_smv(path, pixels, header)
    entries, again = read_smv(path)
    np.testing.assert_array_equal(again, pixels)
    size = int(entries["HEADER_BYTES"])
    assert size % 512 == 0
    assert path.stat().st_size == size + pixels.nbytes
    # Repeats give up digits where that keeps the header at 512 bytes.
    exact, short = header.entries(), header.entries(6)
    assert {key: entries[key] for key in exact} == (
        exact if entries["DENZO_Y_BEAM"] == exact["DENZO_Y_BEAM"] else short
    )
    for key, true in (
        ("DISTANCE", length),
        ("BEAM_CENTER_Y", -length),
        ("DENZO_Y_BEAM", -length / 7.0),
    ):
        digits = (
            5e-6 if entries[key] == short[key] != exact[key] else 5e-9
        )  # half a unit of the last
        assert abs(float(entries[key]) - true) <= digits * abs(true)


def test_smv_header_stays_short_where_it_can(tmp_path):
    def size(scale):
        numbers = [scale / 7.0] * 5
        header = SmvHeader(
            *numbers, *([tuple(numbers[:2])] * 2), tuple(numbers[:3]), tuple(numbers[:2]), 0, 0, 0
        )
        write_smv(tmp_path / "image.img", np.zeros((2, 2), np.uint16), header)
        return int(read_smv(tmp_path / "image.img")[0]["HEADER_BYTES"]), header

    short, header = size(7.0)
    assert (short, header.entries()["XDS_ORGX"]) == (512, "1")
    long, _ = size(1e-200)  # exponents that no rounding shortens enough
    assert long == 1024


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"BYTE_ORDER=little_endian;", b"BYTE_ORDER=big_endian;   "),
        (b"TYPE=unsigned_short;", b"                    "),
        (b"\n", b"\r"),
        (b"=", b"= "),
    ],
)
def test_smv_variants_of_other_programs(text, old, new):
    golden = GOLDEN / "cubic" / "intimage.img"
    _, pixels = read_smv(golden)
    data = golden.read_bytes()
    head = data[:512].replace(old, new).ljust(512)[: data.index(b"\f") + 60].ljust(1024)
    head = head.replace(b"BYTES=512", b"BYTES=1024").replace(b"BYTES= 512", b"BYTES= 1024")[:1024]
    order = ">u2" if b"big" in new else "<u2"
    entries, again = read_smv(text(head + pixels.astype(order).tobytes()))
    np.testing.assert_array_equal(again, pixels)
    assert again.dtype == np.uint16
    assert entries["BEAM_CENTER_X"] == "19.4"
    assert entries["XDS_ORGX"] == "49.5"  # follows the line without its semicolon


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"{\n", b"P5\n", "not an SMV image"),
        (b"}", b" ", "HEADER_BYTES=512, but the header is"),  # up to a } among the pixels
        (b"HEADER_BYTES=512", b"HEADER_BYTES=abc", "HEADER_BYTES=abc"),
        (b"HEADER_BYTES=512", b"HEADER_BYTES=100", "HEADER_BYTES=100, but"),
        (b"HEADER_BYTES", b"XEADER_BYTES", "HEADER_BYTES is missing"),
        (b"SIZE1=96", b"SIZE1=-6", "SIZE1=-6"),
        (b"SIZE2=96", b"SIZE2= 0", "SIZE2=0"),
        (b"SIZE2=96", b"SIZE2=97", "96 x 97 pixels take 18624 bytes, but 18432"),
        (b"SIZE2=96", b"SIZE2=80", "96 x 80 pixels take 15360 bytes, but 18432"),
        (b"TYPE=unsigned_short", b"TYPE=complex_short ", "TYPE=complex_short"),
        (b"BYTE_ORDER=little", b"BYTE_ORDER=middle", "BYTE_ORDER=middle_endian"),
        (b"BYTE_ORDER", b"XYTE_ORDER", "BYTE_ORDER=None"),
        (b"DIM=2", b"DIM=3", "DIM=3"),
    ],
)
def test_bad_smv(text, old, new, reason):
    data = (GOLDEN / "cubic" / "intimage.img").read_bytes()
    head, body = data[:512], data[512:]
    assert old in head
    head = head.replace(old, new, 1)
    head = head.rstrip(b" ").ljust(512) if len(head) > 512 else head.ljust(512)
    with pytest.raises(FileError, match=re.escape(reason)):
        read_smv(text(head + body))


def test_truncated_smv(text):
    data = (GOLDEN / "cubic" / "intimage.img").read_bytes()
    for length in (0, 1, 100, 512, 513, len(data) - 1):
        with pytest.raises(FileError):
            read_smv(text(data[:length]))


@given(
    FLOAT_IMAGES,
    st.floats(-1e30, 1e30),
    st.floats(-1e6, 1e6),
    st.integers(0, 8),
    st.integers(0, 8),
    st.integers(1, 40),
)
def test_counts_are_rounded_and_clipped(pixels, scale, adc, fast_min, slow_min, band_pixels):
    region = (fast_min, pixels.shape[1] - 1, slow_min, pixels.shape[0] - 1)
    with mock.patch("nbcy.base.bands.BAND_PIXELS", band_pixels):
        counts = to_counts(pixels, scale, adc, region)
    exact = np.clip(pixels.astype(np.float64) * scale + adc, 0.0, 65535.0)
    # Half from rounding, and half a unit of a float32 below 2**16.
    assert (np.abs(counts - exact)[slow_min:, fast_min:] <= 0.5 + 2.0**-9).all()
    assert not counts[:slow_min].any()
    assert not counts[:, :fast_min].any()


@pytest.mark.parametrize("case", ["img_header", "mask"])
def test_headers_set_defaults(case):
    """What the reference made of the same header, from its report."""
    header, _ = read_smv(GOLDEN / "inputs" / "mask.img")
    config = Config(crystal=Crystal(cell_angstrom_deg=(100.0,)))
    config = config.with_overrides(header_defaults(header, mask=case == "mask"))
    scene = build_scene(config)
    report = (GOLDEN / case / "stdout.txt").read_text()

    def reported(name):
        return float(re.search(rf"\b{name}= ?(\S+)", report)[1])

    placement = scene.placement
    # The report prints six significant digits; all of these have fewer.
    assert f"{placement.xbeam:g}" == f"{reported('Xbeam'):g}"
    assert f"{placement.ybeam:g}" == f"{reported('Ybeam'):g}"
    assert f"{placement.fbeam:g}" == f"{reported('Fbeam'):g}"
    assert f"{placement.sbeam:g}" == f"{reported('Sbeam'):g}"
    assert f"{placement.distance:g}" == f"{reported('distance'):g}"
    assert f"{scene.panels[0].pixel_size:g}" == f"{reported('pixel'):g}"
    assert f"{scene.wavelengths[0]:g}" == f"{reported('wave'):g}"
    assert (scene.panels[0].pixels_slow, scene.panels[0].pixels_fast) == (96, 96)
    assert np.allclose(np.degrees(scene.phis), [3.0, 3.25], rtol=1e-15)
    assert "2 phi steps from 3 to 3.5 degrees" in report


def test_header_fields():
    header = {
        "SIZE1": "10",
        "SIZE2": "20",
        "PIXEL_SIZE": "0.1",
        "CLOSE_DISTANCE": "99",
        "BEAM_CENTER_Y": "1.5",
        "ORGX": "3",
        "XDS_ORGY": "4",
        "TWOTHETA": "0",
        "OSC_START": "7",
        "DETECTOR_SN": "x",
    }
    expected = {
        "detector.pixels_fast": 10,
        "detector.pixels_slow": 20,
        "detector.pixel_mm": 0.1,
        "detector.close_distance_mm": 99.0,
        "detector.ybeam_mm": 1.5,
        "detector.orgx_px": 3.0,
        "detector.orgy_px": 4.0,
    }
    assert header_defaults(header) == expected
    assert header_defaults(header, mask=True) == {**expected, "detector.ybeam_mm": 0.5}
    assert header_defaults({"TWOTHETA": "-5"}) == {"detector.twotheta_deg": -5.0}
    assert header_defaults({}) == {}


@pytest.mark.parametrize(
    ("header", "mask", "reason"),
    [
        ({"PHI": "abc"}, False, "a.img: PHI=abc: expected a number"),
        ({"DISTANCE": "nan"}, False, "DISTANCE=nan"),
        ({"SIZE1": "9.5"}, False, "SIZE1=9.5"),
        ({"BEAM_CENTER_Y": "1", "SIZE2": "5"}, True, "PIXEL_SIZE is missing"),
    ],
)
def test_bad_header_fields(header, mask, reason):
    with pytest.raises(FileError, match=re.escape(reason)):
        header_defaults(header, mask, "a.img")


# raw, npy


@given(FLOAT_IMAGES)
def test_raw_and_npy_round_trips(scratch, pixels):
    write_raw(scratch / "image.bin", pixels)
    np.testing.assert_array_equal(read_raw(scratch / "image.bin", pixels.shape), pixels)
    assert (scratch / "image.bin").read_bytes() == pixels.astype("<f4").tobytes()
    write_npy(scratch / "image.npy", pixels)
    again = read_npy(scratch / "image.npy")
    np.testing.assert_array_equal(again, pixels)
    assert again.dtype == np.float32


def test_raw_shape(tmp_path):
    path = tmp_path / "image.bin"
    write_raw(path, np.arange(16, dtype=np.float32).reshape(4, 4))
    assert read_raw(path)[1].tolist() == [4.0, 5.0, 6.0, 7.0]
    assert read_raw(path, (2, 8)).shape == (2, 8)
    with pytest.raises(FileError, match="64 bytes are not the float32 pixels of 3 x 5"):
        read_raw(path, (3, 5))
    path.write_bytes(bytes(60))
    with pytest.raises(FileError, match="give its shape"):
        read_raw(path)
    path.write_bytes(b"")
    with pytest.raises(FileError):
        read_raw(path)


def test_bad_npy(tmp_path):
    path = tmp_path / "image.npy"
    for array in (np.zeros(3), np.zeros((2, 2), complex), np.array([["a"]])):
        np.save(path, array)
        with pytest.raises(FileError, match="two dimensions"):
            read_npy(path)
    np.savez(tmp_path / "image.npz", a=np.zeros((2, 2)))
    with pytest.raises(FileError, match="two dimensions"):
        read_npy(tmp_path / "image.npz")
    np.save(path, np.array([[{}]], dtype=object), allow_pickle=True)
    with pytest.raises(FileError, match="not a usable NumPy array"):
        read_npy(path)
    for junk in (b"", b"junk", path.read_bytes()[:20]):
        path.write_bytes(junk)
        with pytest.raises(FileError, match="not a usable NumPy array"):
            read_npy(path)


def test_a_failure_on_the_way_has_a_public_name(tmp_path):
    with pytest.raises(nbcy.WriteError), atomic_write(tmp_path / "a"):
        raise OSError(28, "No space left on device")
    assert "WriteError" in nbcy.__all__
    assert list(tmp_path.iterdir()) == []


def test_an_npy_header_that_promises_too_much(tmp_path):
    path = tmp_path / "image.npy"
    for shape in ((2, 3), (10**9, 10**8), (10**12, 10**12)):
        with path.open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            file.write(bytes(20))
        reason = "not a usable NumPy array: it ends before the last of"
        with pytest.raises(FileError, match=f"{reason} {shape[0]} x {shape[1]} numbers"):
            read_npy(path)


def test_a_lack_of_memory_is_not_the_files_fault(tmp_path):
    with pytest.raises(MemoryError), blaming(tmp_path / "a.nxs", "image"):
        raise MemoryError


def test_integer_npy(tmp_path):
    np.save(tmp_path / "image.npy", np.array([[1, 2]], dtype=np.int16))
    again = read_npy(tmp_path / "image.npy")
    assert (again.dtype, again.tolist()) == (np.float64, [[1.0, 2.0]])


# pgm, png


def test_pgm_is_the_golden_file(tmp_path):
    pixels = np.load(GOLDEN / "cubic" / "image.npz")["float"]
    wide = pixels.astype(np.float64)
    scale = 250.0 / (5.0 * wide.std(ddof=1))
    write_pgm(tmp_path / "image.pgm", pixels, scale)
    golden = (GOLDEN / "cubic" / "image.pgm").read_bytes()
    assert (tmp_path / "image.pgm").read_bytes() == golden


@given(FLOAT_IMAGES, st.floats(0.0, 1e6))
def test_pgm_can_be_read(scratch, pixels, scale):
    from PIL import Image

    write_pgm(scratch / "image.pgm", np.asfortranarray(pixels), scale)
    with Image.open(scratch / "image.pgm") as picture:
        levels = np.asarray(picture)
    np.testing.assert_array_equal(levels, np.minimum(pixels.astype(np.float64) * scale // 1, 255))


@given(FLOAT_IMAGES)
def test_png_darkens_with_intensity(scratch, pixels):
    from PIL import Image

    write_png(scratch / "image.png", pixels)
    with Image.open(scratch / "image.png") as picture:
        assert picture.mode == "L"
        levels = np.asarray(picture)
    assert levels.shape == pixels.shape
    order = np.argsort(pixels, axis=None)
    assert (np.diff(levels.ravel()[order].astype(int)) <= 0).all()
    assert (levels[pixels == 0.0] == 255).all()
    if np.ptp(pixels) > 0.0:
        assert levels.ravel()[order[-1]] == 0
    else:
        assert (levels == 255).all()


def test_spots_show_on_a_faint_background():
    rng = np.random.default_rng(1)
    pixels = (1e-7 * rng.random((500, 600))).astype(np.float32)
    pixels[::50, ::60] = 10.0 ** rng.uniform(-1.0, 2.5, (10, 10))
    levels = Contrast.of(pixels).levels(pixels)
    assert levels[1, 1] == 255
    assert (levels[::50, ::60] < 160).all()


def test_single_counts_show():
    counts = np.zeros((50, 50), np.float32)
    counts[::5, ::5] = 1.0
    counts[25, 25] = 40.0
    levels = Contrast.of(counts).levels(counts)
    assert levels[0, 1] == 255
    assert levels[0, 0] < 230
    assert levels[25, 25] == 0


@given(FLOAT_IMAGES, st.integers(1, 12))
def test_pooling_keeps_the_peak(pixels, max_size):
    small = max_pool(pixels, max_size)
    assert max(small.shape) <= max(max_size, 1)
    assert small.max() == pixels.max()
    if max_size >= max(pixels.shape):
        np.testing.assert_array_equal(small, pixels)


def test_pooled_picture():
    from PIL import Image

    pixels = np.zeros((100, 70), np.float32)
    pixels[33, 44] = 5.0
    with Image.open(io.BytesIO(encode_png(pixels, max_size=10))) as picture:
        levels = np.asarray(picture)
    assert levels.shape == (10, 7)
    assert np.argwhere(levels == 0).tolist() == [[3, 4]]
    with pytest.raises(ConfigError, match="max_size"):
        encode_png(pixels, max_size=0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_reported():
    with pytest.raises(FileError, match="No space left"):
        write_raw("/dev/full", np.zeros((100, 100), np.float32))

"""Image: statistics, files, noise, pictures."""

from __future__ import annotations

import io
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nbcy.base.errors import ConfigError, FileError, NbcyError, NbcyWarning
from nbcy.config import Config
from nbcy.formats.frames import open_recording
from nbcy.formats.smv import read_smv
from nbcy.image.image import FORMATS, Image, output_format
from nbcy.image.reference_smv import save_reference_smv, smv_header
from nbcy.render.building import build_scene

GOLDEN = Path(__file__).parent / "data" / "golden"
INPUTS = GOLDEN / "inputs"
CUBIC = {
    "crystal.cell_angstrom_deg": [100.0],
    "crystal.default_F": 100.0,
    "crystal.cells": 5,
    "beam.wavelength_angstrom": 6.2,
    "detector.distance_mm": 100.0,
    "detector.pixels_fast": 96,
    "detector.pixels_slow": 96,
    "detector.pixel_mm": 0.4,
}
# What the command lines of some golden cases (args.txt) mean.
HEADER = {
    "beam.wavelength_angstrom": 5.5,
    "detector.distance_mm": 120.0,
    "detector.xbeam_mm": 18.0,
    "spindle.phi_deg": 3.0,
    "spindle.osc_deg": 0.5,
}
OVERRIDES = {
    "cubic": {},
    "roi": {"sampling.roi": (20, 60, 30, 70)},
    "mask": {
        **HEADER,
        "detector.ybeam_mm": 18.4,
        "detector.mask_file": str(INPUTS / "mask.img"),
    },
    "img_header": {**HEADER, "detector.ybeam_mm": 20.0},
}


def scene_of(overrides):
    return build_scene(Config().with_overrides({**CUBIC, **overrides}))


def small_scene(slow, fast, **overrides):
    pixels = {"detector.pixels_slow": slow, "detector.pixels_fast": fast}
    return scene_of({**pixels, **overrides})


def golden(case):
    return Image(np.load(GOLDEN / case / "image.npz")["float"], scene_of(OVERRIDES[case]), {})


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


@pytest.mark.parametrize("case", OVERRIDES)
def test_statistics_are_the_reference_report(case):
    statistics = golden(case).statistics()
    report = (GOLDEN / case / "stdout.txt").read_text()
    number = r"(\S+)"
    largest, x, y = re.search(rf"max_I = {number}  at {number} {number}", report).groups()
    assert f"{statistics.max:g}" == largest
    # The report gives the middle of the pixel, in m.
    assert f"{(statistics.max_fast + 0.5) * 0.4e-3:g}" == x
    assert f"{(statistics.max_slow + 0.5) * 0.4e-3:g}" == y
    mean, rms, rmsd = re.search(rf"mean= {number} rms= {number} rmsd= {number}", report).groups()
    assert f"{statistics.mean:g}" == mean
    assert f"{statistics.rms:g}" == rms
    assert f"{statistics.rmsd:g}" == rmsd
    scale = re.search(r"intfile_scale = (\S+)", report)[1]
    assert f"{golden(case).default_scale():g}" == scale


@pytest.mark.parametrize("case", OVERRIDES)
def test_smv_is_the_golden_file(case, tmp_path):
    """Pixels to the byte; header values within half a unit of the sixth digit that %g keeps."""
    save_reference_smv(golden(case), tmp_path / "intimage.img")
    entries, pixels = read_smv(tmp_path / "intimage.img")
    golden_entries, golden_pixels = read_smv(GOLDEN / case / "intimage.img")
    np.testing.assert_array_equal(pixels, golden_pixels)
    assert list(entries) == list(golden_entries)
    for key, text in golden_entries.items():
        for mine, want in zip(entries[key].split(","), text.split(","), strict=True):
            try:
                assert abs(float(mine) - float(want)) <= 5e-6 * abs(float(want)), key
            except ValueError:
                assert mine == want


def test_header_of_a_turned_detector():
    """Values of the golden case detector_rot_xds, which pivots around the sample."""
    scene = scene_of(
        {
            "detector.convention": "xds",
            "detector.rotx_deg": 5.0,
            "detector.roty_deg": 3.0,
            "detector.rotz_deg": 2.0,
            "detector.twotheta_deg": 20.0,
        }
    )
    args = (GOLDEN / "detector_rot_xds" / "args.txt").read_text()
    assert "-detector_rotx 5 -detector_roty 3 -detector_rotz 2 -twotheta 20" in args
    golden_entries, _ = read_smv(GOLDEN / "detector_rot_xds" / "intimage.img")
    for key, text in smv_header(scene).entries().items():
        for mine, want in zip(text.split(","), golden_entries[key].split(","), strict=True):
            # Half a unit of the sixth digit of the golden header.
            assert abs(float(mine) - float(want)) <= 5e-6 * abs(float(want)), key


def test_pgm_is_the_golden_file(tmp_path):
    golden("cubic").save(tmp_path / "image.pgm")
    assert (tmp_path / "image.pgm").read_bytes() == (GOLDEN / "cubic" / "image.pgm").read_bytes()


@pytest.mark.filterwarnings("ignore:.* are stored as 65535:nbcy.base.errors.NbcyWarning")
@pytest.mark.parametrize(("case", "seed"), [("cubic", 42), ("cubic_bright_noise", 5)])
def test_noise_image_is_the_golden_file(case, seed, tmp_path):
    image = Image(np.load(GOLDEN / case / "image.npz")["float"], scene_of({}), {})
    noisy = image.with_noise(seed, "reference")
    save_reference_smv(noisy, tmp_path / "noiseimage.img")
    ours = (tmp_path / "noiseimage.img").read_bytes()
    reference = (GOLDEN / case / "noiseimage.img").read_bytes()
    origin = re.search(rb"DIALS_ORIGIN=[^\n]*", reference)[0]
    # The one line that is closed (formats 5.1) makes the padding one blank shorter.
    assert ours == reference.replace(origin, origin + b";").replace(b"}\f ", b"}\f")
    report = (GOLDEN / case / "stdout.txt").read_text()
    photons, overloads = re.search(r"(\d+) photons on noise image \((\d+)", report).groups()
    assert int(noisy.statistics().sum) == int(photons)
    assert noisy.overloads() == int(overloads)


@given(
    hnp.arrays(np.float32, (5, 6), elements=st.floats(0.0, 1e6, width=32)),
    hnp.arrays(np.bool_, (5, 6)),
    st.tuples(st.integers(0, 5), st.integers(0, 5)).map(sorted),
    st.tuples(st.integers(0, 4), st.integers(0, 4)).map(sorted),
    st.integers(1, 40),
)
def test_statistics_by_definition(pixels, mask, fast, slow, band_pixels):
    scene = small_scene(5, 6).replaced(mask=mask.astype(np.uint8))
    with mock.patch("nbcy.base.bands.BAND_PIXELS", band_pixels):
        image = Image(pixels, scene, {"roi": [*fast, *slow]})
        statistics = image.statistics()
        overloads = image.overloads(0.0)
    region = np.zeros((5, 6), bool)
    region[slow[0] : slow[1] + 1, fast[0] : fast[1] + 1] = True
    counted = region & mask
    values = pixels[counted].astype(np.float64)
    n = len(values)
    assert statistics.pixels == n
    assert overloads == (pixels[region] > 65535.0).sum()
    # Sums of at most 30 terms: 30 rounding errors at most.
    close = {"rel": 30 * 2.0**-52, "abs": 1e-300}
    assert statistics.sum == pytest.approx(math.fsum(values), **close)
    if not n:
        assert (statistics.mean, statistics.rms, statistics.max) == (0.0, 0.0, 0.0)
        return
    mean = math.fsum(values) / n
    assert statistics.mean == pytest.approx(mean, **close)
    assert statistics.rms == pytest.approx(math.sqrt((values**2).sum() / max(n - 1, 1)), **close)
    everything = pixels[region].astype(np.float64)
    spread = math.sqrt(((everything - mean) ** 2).sum() / max(everything.size - 1, 1))
    # The mean's own error is subtracted from each pixel.
    assert statistics.rmsd == pytest.approx(spread, rel=1e-12, abs=1e6 * 60 * 2.0**-52)
    assert statistics.max == values.max()
    where = np.argwhere(counted & (pixels == values.max()))[0]
    assert [statistics.max_slow, statistics.max_fast] == where.tolist()


def test_what_is_no_number_does_not_hide_the_maximum():
    pixels = np.arange(20.0).reshape(4, 5)
    pixels[0, 0] = pixels[3, 4] = math.nan
    statistics = Image(pixels, small_scene(4, 5), {}).statistics()
    assert math.isnan(statistics.sum)
    assert (statistics.max, statistics.max_slow, statistics.max_fast) == (18.0, 3, 3)


def test_solid_angle_is_handed_on():
    image = Image(np.ones((4, 4)), small_scene(4, 4), {}, solid_angle=0.25)
    assert image.statistics().solid_angle == 0.25
    assert image.with_noise(1).statistics().solid_angle == 0.25
    assert Image(np.ones((4, 4)), small_scene(4, 4), {}).solid_angle is None


def test_pixels_are_read_only_float32():
    image = Image([[1, 2], [3, 4]], small_scene(2, 2), {"nbcy": "0"})
    assert image.pixels.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        image.pixels[0, 0] = 1.0
    with pytest.raises(TypeError):
        image.provenance["nbcy"] = "1"


def test_shape_must_be_the_detectors():
    with pytest.raises(ConfigError, match=r"\(2, 3\)"):
        Image(np.ones((3, 2)), small_scene(2, 3), {})


def test_repr_says_what_it_is():
    image = Image(np.full((2, 3), 2.0), small_scene(2, 3), {})
    assert repr(image) == "<nbcy.Image: 2 x 3 pixels, 12 photons>"
    assert "counts" in repr(image.with_noise(1))


@pytest.mark.filterwarnings("ignore:.* are stored as 65495:nbcy.base.errors.NbcyWarning")
@given(
    hnp.arrays(np.float32, (4, 7), elements=st.floats(0.0, 1e5, width=32)),
    st.sampled_from(sorted(FORMATS)),
)
def test_every_suffix(scratch, pixels, suffix):
    image = Image(pixels, small_scene(4, 7), {})
    path = scratch / f"image{suffix.upper()}"
    image.save(path)
    data = path.read_bytes()
    kind = FORMATS[suffix]
    if kind == "raw":
        assert data == pixels.astype("<f4").tobytes()
    elif kind == "npy":
        np.testing.assert_array_equal(np.load(path), pixels)
    elif kind == "smv":
        _, counts = read_smv(path)
        exact = np.floor(pixels.astype(np.float64) + 0.5) + 40.0
        np.testing.assert_array_equal(counts, np.minimum(exact, 65535.0))
    elif kind in ("pgm", "png"):
        assert data.startswith({"pgm": b"P5\n7 4\n", "png": b"\x89PNG"}[kind])
    else:
        with open_recording(path) as recording:
            written = recording.frame(0).pixels
        exact = np.floor(pixels.astype(np.float64) + 0.5) if kind == "cbf" else pixels
        np.testing.assert_array_equal(written, exact)


def test_format_in_place_of_the_suffix(tmp_path):
    image = Image(np.ones((2, 2)), small_scene(2, 2), {})
    image.save(tmp_path / "float.dat", format="raw")
    assert (tmp_path / "float.dat").stat().st_size == 16
    assert output_format("a.IMG") == "smv"


def test_scale_and_offset(tmp_path):
    image = Image([[0.0, 1.0], [2.0, 1e9]], small_scene(2, 2), {})
    with pytest.warns(NbcyWarning, match="^1 pixels of 65532 or more are stored as 65532"):
        image.save(tmp_path / "a.img", scale=10.0, adc=3.0)
    assert read_smv(tmp_path / "a.img")[1].tolist() == [[3, 13], [23, 65535]]
    with pytest.warns(NbcyWarning, match="^1 pixels of 65535 or more"):
        save_reference_smv(image, tmp_path / "b.img", 10.0, -15.0)
    assert read_smv(tmp_path / "b.img")[1].tolist() == [[0, 0], [5, 65535]]
    for adc in (-15, 2.5, 65535):
        with pytest.raises(ConfigError, match=r"adc = .*must be a whole number from 0 to 65534"):
            image.save(tmp_path / "d.img", adc=adc)
    image.save(tmp_path / "c.pgm", scale=1.5)
    assert (tmp_path / "c.pgm").read_bytes().endswith(b"255\n" + bytes([0, 1, 3, 255]))


def test_counts_are_not_scaled(tmp_path):
    noisy = Image(np.full((3, 3), 7.0), small_scene(3, 3), {}).with_noise(5)
    assert noisy.default_scale() == 1.0
    noisy.save(tmp_path / "noise.img")
    np.testing.assert_array_equal(read_smv(tmp_path / "noise.img")[1], noisy.pixels + 40)


@pytest.mark.parametrize(
    ("name", "options", "error", "reason"),
    [
        ("image.jpg", {}, ConfigError, "must end in one of .bin"),
        ("image", {}, ConfigError, "must end in one of"),
        ("image.expt", {}, ConfigError, "no pixels: nbcy.Geometry.of"),
        ("XDS.INP", {}, ConfigError, "no pixels: nbcy.Geometry.of"),
        ("image.img", {"format": "jpeg"}, ConfigError, "raw, smv, pgm, png, npy"),
        ("image.bin", {"scale": 2.0}, ConfigError, "no meaning for the format raw"),
        ("image.png", {"adc": 2.0}, ConfigError, "no meaning for the format png"),
        ("image.img", {"max_size": 2}, ConfigError, "no meaning for the format smv"),
        ("image.img", {"scale": math.nan}, ConfigError, "finite"),
        ("image.png", {"max_size": 0}, ConfigError, "at least 1"),
        ("missing/image.img", {}, FileError, "no folder"),
    ],
)
def test_bad_ways_to_save(tmp_path, name, options, error, reason):
    image = Image(np.ones((2, 2)), small_scene(2, 2), {})
    with pytest.raises(error, match=reason):
        image.save(tmp_path / name, **options)
    assert not os.listdir(tmp_path)


def test_a_failing_writer_leaves_nothing(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr("nbcy.formats.png.Contrast.levels", fail)
    with pytest.raises(MemoryError):
        Image(np.ones((2, 2)), small_scene(2, 2), {}).save(tmp_path / "image.png")
    assert not os.listdir(tmp_path)


def test_noise_keeps_record_of_itself():
    image = Image(np.full((3, 4), 9.0), small_scene(3, 4), {"nbcy": "0"})
    noisy = image.with_noise(seed=3)
    assert noisy.provenance["noise"] == {"seed": 3, "index": 0, "stream": "numpy"}
    assert noisy.provenance["nbcy"] == "0"
    np.testing.assert_array_equal(noisy.pixels, image.with_noise(3).pixels)
    assert "noise" not in image.provenance
    with pytest.raises(ConfigError, match="twice"):
        noisy.with_noise(4)
    for seed in (-1, 1.5):
        with pytest.raises(ConfigError, match="seed"):
            image.with_noise(seed)


def test_noise_stays_inside_the_region():
    scene = small_scene(4, 4, **{"sampling.roi": (1, 2, 0, 1)})
    noisy = Image(np.full((4, 4), 1000.0), scene, {}).with_noise(1)
    assert (noisy.pixels > 0).sum() == 4
    assert noisy.statistics().pixels == 4


def test_notebook_picture():
    from PIL import Image as Picture

    pixels = np.zeros((1500, 20), np.float32)
    pixels[700, 10] = 3.0
    data = Image(pixels, small_scene(1500, 20), {})._repr_png_()
    with Picture.open(io.BytesIO(data)) as picture:
        assert picture.size == (10, 750)
        assert np.argwhere(np.asarray(picture) == 0).tolist() == [[350, 5]]


@pytest.mark.parametrize("pixels", [np.zeros((3, 5)), np.arange(15.0).reshape(3, 5)])
def test_plot(pixels, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    axes = Image(pixels, small_scene(3, 5), {}).plot()
    assert axes.images[0].get_array().shape == (3, 5)
    assert axes.get_ylabel() == "slow (pixels)"
    own = pyplot.figure().subplots()
    assert Image(pixels, small_scene(3, 5), {}).plot(own) is own
    own.figure.canvas.draw()
    pyplot.close("all")


def test_plot_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(NbcyError, match="pip install nbcy"):
        Image(np.ones((2, 2)), small_scene(2, 2), {}).plot()


def test_the_kernel_is_not_needed(tmp_path):
    code = (
        "import sys, nbcy.image.image;"
        " print(*(name in sys.modules for name in ('nbcy.kernel._kernel', 'PIL')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]

"""Files of frames: written here, read by other libraries and by nbcy; damaged ones; series."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import warnings
import weakref
from pathlib import Path

import fabio
import h5py
import hdf5plugin  # noqa: F401
import numpy as np
import nxmx
import pytest
import silx.io
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from silx.io import nxdata
from strategies import plain_config

from nbcy import (
    Config,
    ConfigError,
    FileError,
    Geometry,
    NbcyError,
    NbcyWarning,
    Simulator,
    build_scene,
)
from nbcy.base import extras
from nbcy.cli.main import main
from nbcy.formats.counts import KINDS, Integers, invalid_pixels
from nbcy.formats.frame import Frame, numbered
from nbcy.formats.frames import open_recording
from nbcy.formats.measurement import Measurement
from nbcy.formats.nxmx_writing import nxmx_writer, to_nexus
from nbcy.formats.registry import REGISTRY
from nbcy.formats.writers import frame_writer
from nbcy.image.measuring import measurement_of
from nbcy.scene.measuring import measurement_of_scene
from nbcy.work.series import frames, save_frames

FRAMES = 5
PIXEL_MM = 0.172
NAN = float("nan")
SERIES = plain_config(
    crystal={"cell_angstrom_deg": (40, 50, 60, 80, 85, 95), "cells": 5, "default_F": 100},
    beam={
        "wavelength_angstrom": 1.1,
        "kahn_factor": 0.9,
        "flux_photons_per_s": 1e20,
        "exposure_s": 0.1,
        "size_mm": 0.02,
    },
    detector={
        "pixels_fast": 40,
        "pixels_slow": 30,
        "pixel_mm": PIXEL_MM,
        "distance_mm": 30,
        "xbeam_mm": 2.1,
        "ybeam_mm": 3.3,
        "masked": [(3, 5, 20, 22)],
    },
    spindle={"phi_deg": 10, "osc_deg": 0.3, "steps": 2},
    sampling={"oversample": 1},
)
ALL = ("s.nxs", "e_master.h5", "c_###.cbf", "i_###.img", "t_###.tif", "d_###.edf", "n_###.npy")
PANELS = [
    {
        "name": f"q{n}",
        "origin_mm": (80 + n, -20 + 30 * (n // 2), -20 + 30 * (n % 2)),
        "fast_vector": (0, np.sin(0.1 * n), np.cos(0.1 * n)),
        "slow_vector": (0, -np.cos(0.1 * n), np.sin(0.1 * n)),
        "pixels_fast": 9 + n,
        "pixels_slow": 7,
        "pixel_mm": 0.5,
    }
    for n in range(4)
]

pytestmark = pytest.mark.filterwarnings("ignore:.*oversample.*coarse:nbcy.base.errors.NbcyWarning")


def render(config=SERIES, count=FRAMES, **options):
    return list(frames(config, count, seed=3, threads=1, **options))


@pytest.fixture(scope="module")
def images():
    return render()


@pytest.fixture(scope="module")
def folder(images, tmp_path_factory):
    """Every format of one series of counts."""
    place = tmp_path_factory.mktemp("series")
    save_frames(iter(images), [place / name for name in ALL], FRAMES)
    return place


def flagged(image):
    """Counts with -1 where the mask is."""
    return np.where(image.scene.mask == 0, -1, image.pixels.astype(np.int64))


def counts_of(image):
    """Counts with NaN where the mask is."""
    return np.where(image.scene.mask == 0, NAN, image.pixels.astype(np.float64))


def write_to(path, measurement, **options):
    """A writer of one frame."""
    return frame_writer(path, measurement, 1, **options)


def names(place):
    return {path.name for path in place.iterdir()}


# Other libraries read what nbcy writes.


@pytest.mark.parametrize("name", ["c_###.cbf", "t_###.tif", "d_###.edf", "i_###.img"])
def test_fabio_reads_the_counts(folder, images, name):
    for n, image in enumerate(images, 1):
        with fabio.open(str(numbered(folder / name, n))) as file:
            pixels = file.data.astype(np.int64)
        expected = flagged(image)
        if name.endswith(".img"):
            expected = np.where(expected < 0, 0, expected + 40)
        np.testing.assert_array_equal(pixels, expected)
    assert images[0].pixels.max() > 20


@pytest.mark.parametrize(("name", "link"), [("s.nxs", "data"), ("e_master.h5", "data_000001")])
def test_plain_h5py_reads_the_counts(folder, images, name, link):
    with h5py.File(folder / name) as file:
        data = file["entry/data"][link]
        assert data.dtype == np.uint32
        assert data.chunks == (1, 30, 40)
        expected = np.array([flagged(image) for image in images])
        np.testing.assert_array_equal(data[()], np.where(expected < 0, 2**32 - 1, expected))
        mask = file["entry/instrument/detector/pixel_mask"][()]
        np.testing.assert_array_equal(mask != 0, images[0].scene.mask == 0)


def test_silx_finds_what_to_show(folder):
    with silx.io.open(str(folder / "s.nxs")) as file:
        shown = nxdata.get_default(file)
        assert shown.is_valid
        assert shown.signal.shape == (FRAMES, 30, 40)
        assert shown.axes_dataset_names[0] == "omega"
    with silx.io.open(str(folder / "e_master.h5")) as file:
        assert nxdata.get_default(file).signal.shape == (FRAMES, 30, 40)


def test_headers_tell_the_rotation(folder):
    start, width = r"Start_angle ([\d.]+)", r"Angle_increment ([\d.]+)"
    for n in range(FRAMES):
        with fabio.open(str(numbered(folder / "c_###.cbf", n + 1))) as file:
            text = file.header["_array_data.header_contents"]
        assert float(re.search(start, text)[1]) == pytest.approx(10 + 0.3 * n, abs=1e-9)
        assert float(re.search(width, text)[1]) == pytest.approx(0.3, abs=1e-9)
        with fabio.open(str(numbered(folder / "i_###.img", n + 1))) as file:
            assert float(file.header["PHI"]) == pytest.approx(10 + 0.3 * n, abs=1e-7)
            assert float(file.header["OSC_RANGE"]) == pytest.approx(0.3, abs=1e-7)
            assert file.header["ADC_OFFSET"] == "40"
    with h5py.File(folder / "s.nxs") as file:
        omega = nxmx.NXmx(file).entries[0].samples[0].depends_on
        assert omega[()].to("degree").magnitude == pytest.approx(10 + 0.3 * np.arange(FRAMES))
        ends = file["entry/sample/transformations/omega_end"][()]
        assert ends == pytest.approx(10.3 + 0.3 * np.arange(FRAMES))


def test_cbf_header_places_the_pixels(folder, images):
    with fabio.open(str(folder / "c_001.cbf")) as file:
        text = file.header["_array_data.header_contents"]

    def header(key):
        return np.array(re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", text.partition(key)[2])[:2], float)

    pixel, distance = header("Pixel_size")[0], header("Detector_distance")[0]
    beam_px = header("Beam_xy")
    scene = images[0].scene
    (panel,) = scene.panels
    for fast, slow in ((0, 0), (40, 0), (0, 30), (12.5, 7.25)):
        expected = panel.origin + panel.pixel_size * (fast * panel.fast + slow * panel.slow)
        found = distance * scene.beam
        found = found + pixel * (
            (fast - beam_px[0]) * panel.fast + (slow - beam_px[1]) * panel.slow
        )
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def nexus_positions(path):
    """Where nxmx puts the corners of each module, m, and what it says of the data it takes."""
    with h5py.File(path) as file:
        (detector,) = nxmx.NXmx(file).entries[0].instruments[0].detectors
        for module in detector.modules:
            size = module.data_size
            corners = []
            for fast, slow in ((0, 0), (size[1], 0), (0, size[0])):
                chain = nxmx.get_dependency_chain(module.module_offset)
                point = nxmx.get_cumulative_transformation(chain)[0][:3, 3] / 1000  # from mm
                for axis, count in (
                    (module.fast_pixel_direction, fast),
                    (module.slow_pixel_direction, slow),
                ):
                    step = float(axis[()].to("m").magnitude.squeeze()) * axis.vector
                    point = point + count * step
                corners.append(point)
            yield np.array(corners), tuple(module.data_origin), tuple(size)


def assert_same_places(path, scene):
    measurement = measurement_of_scene(scene)
    nexus = to_nexus(measurement)
    rotation = np.array([-measurement.polarization, [0, 0, 0], measurement.beam])
    rotation[1] = np.cross(rotation[2], rotation[0])
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    found = list(nexus_positions(path))
    for (corners, start, size), panel, rows in zip(
        found, scene.panels, measurement.rows, strict=True
    ):
        edges = panel.pixel_size * np.array(
            [np.zeros(3), panel.pixels_fast * panel.fast, panel.pixels_slow * panel.slow]
        )
        expected = (panel.origin + edges) @ rotation.T
        np.testing.assert_allclose(corners, expected, rtol=0, atol=1e-9)
        assert start == (rows.start, 0)
        assert size == panel.shape
    with open_recording(path) as recording:
        back = recording.measurement
    for a, b in zip(back.panels, nexus.panels, strict=True):
        for name in ("origin", "fast", "slow", "normal"):
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=0, atol=1e-12)
    assert back.wavelength == pytest.approx(measurement.wavelength, rel=1e-12)
    np.testing.assert_allclose(back.cell, nexus.cell, rtol=1e-9, atol=1e-18)
    if measurement.spindle is not None:
        np.testing.assert_allclose(back.spindle, nexus.spindle, rtol=0, atol=1e-12)
        assert (back.phi, back.osc) == pytest.approx((nexus.phi, nexus.osc), abs=1e-12)


@settings(max_examples=20)
@given(strategies.configs())
def test_nxmx_places_any_detector(tmp_path_factory, config):
    try:
        scene = build_scene(config)
    except NbcyError:
        return
    path = tmp_path_factory.mktemp("nxmx") / "any.nxs"
    measurement = measurement_of_scene(scene)
    with nxmx_writer(path, measurement, "float32") as writer:
        writer.append(Frame(np.zeros(measurement.shape, np.float32)))
    assert_same_places(path, scene)


def test_nxmx_places_panels(tmp_path):
    config = Config(
        crystal={"cell_angstrom_deg": (40,), "cells": 3, "default_F": 50},
        detector={"panels": PANELS},
        spindle={"axis": (0, 1, 0), "osc_deg": 1, "steps": 1},
    )
    counts = render(config, 2)
    save_frames(counts, tmp_path / "p.nxs", 2)
    assert_same_places(tmp_path / "p.nxs", counts[0].scene)
    with open_recording(tmp_path / "p.nxs") as recording:
        assert [panel.name for panel in recording.measurement.panels] == ["q0", "q1", "q2", "q3"]
        for n, image in enumerate(counts):
            pixels = recording.frame(n).pixels
            for rows, panel in zip(recording.measurement.rows, image.panels, strict=True):
                np.testing.assert_array_equal(pixels[rows, : panel.shape[1]], panel)


def test_nxmx_tells_beam_sensor_and_provenance(folder, images):
    with h5py.File(folder / "s.nxs") as file:
        assert file["entry/definition"][()] == b"NXmx"
        entry = nxmx.NXmx(file).entries[0]
        (instrument,) = entry.instruments
        (beam,), (detector,) = instrument.beams, instrument.detectors
        assert beam.incident_wavelength.to("angstrom").magnitude == pytest.approx(1.1)
        assert file["entry/instrument/beam/incident_polarization_stokes"][:].tolist() == [
            *(1.0, 0.9, 0.0, 0.0)
        ]
        assert detector.saturation_value == 2**32 - 3
        assert detector.underload_value == 0
        assert detector.count_time.to("s").magnitude == pytest.approx(0.1)
        simulation = file["entry/simulation"]
        told = json.loads(simulation["provenance"][()])
        assert simulation["program"][()] == b"nbcy"
        assert Config.model_validate(told["config"]) == images[0].scene.config
        assert told["noise"]["seed"] == 3
        sample = file["entry/sample"]
        np.testing.assert_allclose(sample["unit_cell"][0], (40, 50, 60, 80, 85, 95))


@pytest.mark.parametrize("name", ["c_001.cbf", "t_001.tif", "d_001.edf", "s.nxs"])
def test_provenance_comes_back(folder, name):
    with open_recording(folder / name) as recording:
        told = json.dumps(dict(recording.measurement.provenance))
    assert "cell_angstrom_deg" in told
    assert "seed" in told


# nbcy reads what nbcy writes.


@pytest.mark.parametrize("name", ALL[:-1])
def test_frames_come_back(folder, images, name):
    with open_recording(folder / name) as recording:
        assert len(recording) == FRAMES
        for n, image in enumerate(images):
            frame = recording.frame(n)
            np.testing.assert_array_equal(frame.invalid, image.scene.mask == 0)
            np.testing.assert_array_equal(
                frame.pixels[~frame.invalid], image.pixels[~frame.invalid]
            )
        with pytest.raises(ConfigError, match=f"holds frames 1 to {FRAMES}"):
            recording.frame(FRAMES)
        found = to_nexus(recording.measurement)
    expected = to_nexus(measurement_of(images[0]))
    # SMV headers have nine digits.
    atol = 2e-9 if name.endswith(".img") else 1e-11
    for a, b in zip(found.panels, expected.panels, strict=True):
        np.testing.assert_allclose(a.origin, b.origin, rtol=0, atol=atol)
        np.testing.assert_allclose(a.fast, b.fast, rtol=0, atol=1e-12)
    assert found.phi == pytest.approx(expected.phi, abs=1e-10)
    assert found.osc == pytest.approx(expected.osc, abs=1e-10)
    assert found.wavelength == pytest.approx(expected.wavelength, rel=1e-8)


def test_photons_keep_their_fractions(tmp_path, images):
    image = Simulator(SERIES).run(threads=1)
    for suffix in (".nxs", ".tif", ".edf"):
        image.save(tmp_path / f"x{suffix}")
        with open_recording(tmp_path / f"x{suffix}") as recording:
            frame = recording.frame(0)
        assert frame.pixels.dtype == np.float32
        valid = ~frame.invalid
        np.testing.assert_array_equal(frame.pixels[valid], image.pixels[valid])
    image.save(tmp_path / "x.cbf")
    with open_recording(tmp_path / "x.cbf") as recording:
        frame = recording.frame(0)
    np.testing.assert_array_equal(frame.pixels[valid], np.floor(image.pixels[valid] + 0.5))


@pytest.mark.parametrize("compression", ["lz4", "zstd", "none"])
@pytest.mark.parametrize("dtype", ["uint16", "uint32", "int32", "float32"])
def test_kinds_and_compressions(tmp_path, images, dtype, compression):
    path = tmp_path / "k.nxs"
    save_frames(images, path, FRAMES, dtype=dtype, compression=compression)
    with h5py.File(path) as file:
        data = file["entry/data/data"]
        assert data.dtype == dtype
        assert ("32008" in data._filters) == (compression != "none")
    with open_recording(path) as recording:
        frame = recording.frame(4)
    np.testing.assert_array_equal(frame.pixels[~frame.invalid], images[4].pixels[~frame.invalid])


def test_master_links_to_files_of_frames(tmp_path, images):
    measurement = measurement_of(images[0])
    with nxmx_writer(tmp_path / "m_master.h5", measurement, frames_per_file=2) as writer:
        for image in images:
            writer.append(Frame(image.pixels))
    data = {f"m_data_{n:06d}.h5" for n in (1, 2, 3)}
    assert names(tmp_path) == {"m_master.h5", *data}
    with open_recording(tmp_path / "m_master.h5") as recording:
        assert len(recording) == FRAMES
        valid = ~measurement.invalid
        for n, image in enumerate(images):
            np.testing.assert_array_equal(recording.frame(n).pixels[valid], image.pixels[valid])
    (tmp_path / "m_data_000002.h5").unlink()
    with pytest.raises(FileError, match=r"links to m_data_000002\.h5"):
        open_recording(tmp_path / "m_master.h5")


def test_conversions_in_a_row(folder, tmp_path, capsys):
    steps = ["a_##.cbf", "b_master.h5", "c_##.tif", "d_##.edf", "e.nxs"]
    source = folder / "s.nxs"
    for step in steps:
        assert main(["convert", str(source), str(tmp_path / step)]) == 0
        source = tmp_path / step
    assert main(["compare", str(source), str(folder / "s.nxs")]) == 0
    assert "5 of 5 frames agree" in capsys.readouterr().out
    with open_recording(source) as last, open_recording(folder / "s.nxs") as first:
        for mine, theirs in zip(last, first, strict=True):
            np.testing.assert_array_equal(mine.pixels, theirs.pixels)
            np.testing.assert_array_equal(mine.invalid, theirs.invalid)
    assert main(["convert", str(source), str(tmp_path / "one.cbf"), "--frame", "3"]) == 0
    assert main(["compare", str(tmp_path / "one.cbf"), str(folder / "c_003.cbf")]) == 0
    assert main(["compare", str(tmp_path / "one.cbf"), str(folder / "c_004.cbf")]) == 1
    single, series = str(tmp_path / "one.cbf"), str(folder / "s.nxs")
    for frame, status in (("3", 0), ("4", 1), ("6", 2), ("0", 2)):
        assert main(["compare", series, single, "--frame", frame]) == status
        assert main(["compare", single, series, "--frame", frame]) == status
    capsys.readouterr()
    assert main(["compare", series, single]) == 2
    assert "has 5 frames" in capsys.readouterr().err
    with open_recording(tmp_path / "one.cbf") as recording:
        assert np.degrees(recording.measurement.phi) == pytest.approx(10.6)


@pytest.mark.parametrize("masked", [[], [(3, 5, 20, 22)]], ids=["no mask", "mask"])
@pytest.mark.parametrize("dtype", ["uint32", "float32"])
def test_a_pixel_that_one_frame_lacks(tmp_path, monkeypatch, capsys, masked, dtype):
    """The others keep their counts there, also by way of a format without a mask."""
    monkeypatch.chdir(tmp_path)
    scene = build_scene(SERIES.with_overrides({"detector.masked": masked}))
    measurement = measurement_of_scene(scene)
    gaps = np.zeros(measurement.shape, bool) if not masked else scene.mask == 0
    lacking = gaps.copy()
    lacking[9, 7] = True
    pixels = np.full(measurement.shape, 7, np.int32)
    with frame_writer("p.nxs", measurement, 2, counts=True) as write:
        write(Frame(pixels, lacking))
        write(Frame(pixels, gaps))
    assert main(["convert", "p.nxs", "q.nxs", "--dtype", dtype]) == 0
    assert main(["convert", "p.nxs", "c_#.cbf"]) == 0
    assert main(["convert", "c_#.cbf", "r.nxs", "--dtype", dtype]) == 0
    assert capsys.readouterr().err == ""
    for name in ("p.nxs", "q.nxs", "c_#.cbf", "r.nxs"):
        with open_recording(name) as recording:
            for frame, invalid in zip(recording, (lacking, gaps), strict=True):
                np.testing.assert_array_equal(frame.photons(), np.where(invalid, np.nan, 7))
    with h5py.File("q.nxs") as file:
        mask = file["entry/instrument/detector"].get("pixel_mask")
        if masked:
            np.testing.assert_array_equal(mask[()] != 0, gaps)
        else:
            assert mask is None


def test_a_geometry_for_what_has_none(folder, tmp_path, capsys):
    config = tmp_path / "c.toml"
    SERIES.save(config)
    source = str(folder / "n_002.npy")
    assert main(["convert", source, str(tmp_path / "a.cbf")]) == 2
    assert "needs the geometry" in capsys.readouterr().err
    assert names(tmp_path) == {"c.toml"}
    assert main(["convert", source, str(tmp_path / "a.cbf"), "--geometry", str(config)]) == 0
    assert main(["compare", str(tmp_path / "a.cbf"), str(folder / "c_002.cbf")]) == 0


def test_what_was_not_measured(folder, tmp_path, monkeypatch, images, capsys):
    """0 without a header, NaN in floats, -1 in integers that name it, and a mask in NXmx."""
    monkeypatch.chdir(tmp_path)
    SERIES.save("c.toml")
    source = str(folder / "s.nxs")
    for name in ("a.npy", "a.bin", "a.edf"):
        assert main(["convert", source, name, "--frame", "1"]) == 0
    np.testing.assert_array_equal(np.load("a.npy"), images[0].pixels)
    np.testing.assert_array_equal(np.fromfile("a.bin", "<f4"), images[0].pixels.ravel())
    assert main(["convert", source, "b.edf", "--frame", "1", "--dtype", "float32"]) == 0
    headers = [fabio.open(name).header for name in ("a.edf", "b.edf")]
    assert [header.get("Dummy") for header in headers] == ["-1", None]
    assert np.isnan(fabio.open("b.edf").data).sum() == (images[0].scene.mask == 0).sum()

    dead = np.zeros(images[0].pixels.shape, bool)
    dead[9, 7] = dead[28, 3] = True
    np.save("nan.npy", np.where(dead, np.nan, images[0].pixels))
    assert main(["convert", "nan.npy", "b.nxs", "--geometry", "c.toml"]) == 0
    with h5py.File("b.nxs") as file:
        mask = file["entry/instrument/detector/pixel_mask"][()] != 0
    np.testing.assert_array_equal(mask, dead | (images[0].scene.mask == 0))
    assert main(["convert", "nan.npy", "zero.npy"]) == 0
    np.testing.assert_array_equal(np.load("zero.npy"), np.where(dead, 0, images[0].pixels))

    capsys.readouterr()
    for name in ("z.img", "z.npy", "z.cbf"):
        assert main(["convert", source, name, "--frame", "1", "--dtype", "int32"]) == 2
        assert "dtype = 'int32': has no meaning for the format" in capsys.readouterr().err


@pytest.mark.parametrize("wide", [0, 1], ids=["one shape", "shapes"])
def test_panels_without_a_header(tmp_path, monkeypatch, capsys, wide):
    monkeypatch.chdir(tmp_path)
    panels = [{**panel, "pixels_fast": 9 + n * wide} for n, panel in enumerate(PANELS)]
    crystal = {"cell_angstrom_deg": (40,), "cells": 3, "default_F": 50}
    config = Config(crystal=crystal, beam=SERIES.beam, detector={"panels": panels})
    config.save("c.toml")
    image = Simulator(config).run(threads=1)
    image.save("a.nxs")
    image.save("a.bin")
    assert main(["convert", "a.nxs", "b.bin"]) == 0
    assert Path("a.bin").read_bytes() == Path("b.bin").read_bytes()
    assert main(["view", "a.bin"]) == 2
    assert "--shape, --geometry" in capsys.readouterr().err
    assert main(["view", "a.bin", "--geometry", "c.toml", "--no-title"]) == 0
    assert main(["view", "a.nxs", "-o", "n.png", "--no-title"]) == 0
    assert Path("a.png").read_bytes() == Path("n.png").read_bytes()
    assert main(["convert", "a.bin", "c.nxs", "--geometry", "c.toml"]) == 0
    assert main(["compare", "a.nxs", "c.nxs"]) == 0
    if wide:
        capsys.readouterr()
        assert main(["convert", "a.nxs", "b.npy"]) == 2
        assert "panels of one shape" in capsys.readouterr().err
        return
    image.save("a.npy")
    assert main(["convert", "a.nxs", "b.npy"]) == 0
    assert np.load("a.npy").shape == np.load("b.npy").shape == (4, 7, 9)
    np.testing.assert_array_equal(np.load("a.npy"), np.load("b.npy"))
    for other in ("a.nxs", "a.bin"):
        assert main(["compare", "a.npy", other]) == 0
    assert main(["convert", "a.npy", "d.nxs", "--geometry", "c.toml"]) == 0
    assert main(["compare", "a.nxs", "d.nxs"]) == 0
    assert main(["view", "a.npy", "--geometry", "c.toml", "--no-title"]) == 0
    assert Path("a.png").read_bytes() == Path("n.png").read_bytes()


# Integers.


@given(
    hnp.arrays(np.float32, (3, 4), elements=st.floats(-(2.0**40), 2.0**40, width=32)),
    hnp.arrays(np.bool_, (3, 4)),
    st.sampled_from(sorted(KINDS)),
)
@pytest.mark.filterwarnings("ignore::nbcy.base.errors.NbcyWarning")
def test_integers(pixels, invalid, name):
    kind = KINDS[name]
    found = Integers(kind).of(pixels, invalid)
    assert found.dtype == name
    assert (found[invalid] == kind.flag).all()
    usable = pixels[~invalid].astype(np.float64)
    expected = np.clip(np.floor(usable + 0.5), 0, kind.largest)
    np.testing.assert_array_equal(found[~invalid].astype(np.float64), expected)
    back = invalid_pixels(found)
    np.testing.assert_array_equal(
        invalid if invalid.any() else back is None, True if back is None else back
    )
    again = Integers(kind).of(found, back)
    np.testing.assert_array_equal(again, found)


def test_integers_at_the_edges():
    kind = KINDS["uint16"]
    pixels = np.array([[0.5, 1.4999999, 65533.0, 65533.5, 1e9, np.nan, -0.4]])
    integers = Integers(kind)
    assert integers.of(pixels).tolist() == [[1, 1, 65533, 65534, 65534, 65535, 0]]
    with pytest.warns(NbcyWarning, match="2 pixels of 65534 or more are stored as 65534"):
        integers.report()
    integers = Integers(KINDS["int32"])
    assert integers.of(np.array([[-3, 7]])).tolist() == [[0, 7]]
    with pytest.warns(NbcyWarning, match="1 pixels below 0 are stored as 0"):
        integers.report()


@pytest.mark.parametrize("suffix", ["img", "cbf"])
def test_one_rule_for_integers(tmp_path, suffix):
    """SMV holds counts up to 65495 above its offset of 40, by the rule of the others."""
    largest = {"img": 65495, "cbf": KINDS["int32"].largest}[suffix]
    measurement = measurement_of_scene(build_scene(SERIES))
    pixels = np.zeros(measurement.shape, np.float64)
    pixels[0, :5] = [2.4999998, 2.5, largest - 1, 2.0 * largest, -3.0]
    pixels[1, 0] = np.nan
    path = tmp_path / f"a.{suffix}"
    with pytest.warns(NbcyWarning) as caught, write_to(path, measurement, counts=False) as write:
        write(Frame(pixels))
    assert [str(warning.message) for warning in caught] == [
        "1 pixels below 0 are stored as 0",
        f"1 pixels of {largest} or more are stored as {largest}",
    ]
    with open_recording(path) as recording:
        frame = recording.frame(0)
    assert frame.pixels[0, :5].tolist() == [2, 3, largest - 1, largest, 0]
    assert np.argwhere(frame.invalid).tolist() == [[1, 0]]


@pytest.mark.parametrize(("level", "lost"), [(0.3, True), (0.6, True), (1.0, False), (5.4, False)])
def test_a_note_where_rounding_loses_photons(tmp_path, level, lost):
    measurement = measurement_of_scene(build_scene(SERIES))
    pixels = np.full(measurement.shape, level, np.float32)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with write_to(tmp_path / "a.cbf", measurement, counts=False) as write:
            write(Frame(pixels))
        with write_to(tmp_path / "a.nxs", measurement, counts=False) as write:
            write(Frame(pixels))
    total = f"{pixels.sum(dtype=float):.6g}", f"{np.rint(level) * pixels.size:g}"
    found = [str(warning.message) for warning in caught]
    assert len(found) == lost
    assert all("turns {} photons into {}: ".format(*total) in text for text in found)


# Whole or not at all, in bounded memory.


@pytest.mark.parametrize("error", [KeyboardInterrupt, ConfigError("a", 1, "b")])
def test_an_interrupted_series_leaves_nothing(tmp_path, images, error):
    (tmp_path / "s.nxs").write_text("here before")
    before = names(tmp_path)

    def interrupted():
        yield from images[:3]
        raise error

    with pytest.raises((KeyboardInterrupt, ConfigError)):
        save_frames(interrupted(), [tmp_path / name for name in ALL], FRAMES)
    assert names(tmp_path) == before
    assert (tmp_path / "s.nxs").read_text() == "here before"


FULL_DISK = """
import resource, sys
from nbcy.cli.main import main

for size in map(int, sys.argv[3:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    print(main(["convert", *sys.argv[1:3]]), flush=True)
"""


@pytest.mark.parametrize("name", ALL)
def test_a_full_disk(folder, tmp_path, name):
    """HDF5, which crashes where its last writes fail, ends like the others, wherever it is."""
    sizes = ["0", "1000", "2900", *(["10000", "20000"] if name in ("s.nxs", "e_master.h5") else [])]
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, folder / "s.nxs", name, *sizes],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["1"] * len(sizes)
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert len(lines) == len(sizes)
    stem = name.partition(".")[0].rstrip("#").removesuffix("master")
    for line in lines:
        assert re.fullmatch(
            rf"nbcy: error: {stem}\w*\.\w+: cannot be written: File too large", line
        )
    assert names(tmp_path) == set()


def test_one_frame_at_a_time_is_in_memory(tmp_path):
    alive = weakref.WeakSet()
    most = 0

    def watched():
        nonlocal most
        for image in frames(SERIES, FRAMES, threads=1):
            alive.add(image)
            most = max(most, len(alive))
            yield image
            del image

    save_frames(watched(), [tmp_path / "a.nxs", tmp_path / "b_#.tif"], FRAMES)
    assert most <= 2  # the last one, and the next


def test_frames_are_the_rotation(images):
    for n, image in enumerate(images):
        config = SERIES.with_overrides({"spindle.phi_deg": 10 + n * 0.3})
        alone = Simulator(config).run(threads=1).with_noise(3, index=n)
        np.testing.assert_array_equal(image.pixels, alone.pixels)


def test_a_series_on_the_command_line(tmp_path, monkeypatch, images, capsys):
    monkeypatch.chdir(tmp_path)
    SERIES.save("series.toml")
    command = ["simulate", "series.toml", "--frames", "5", "--noise", "-seed", "3"]
    assert main([*command, "-o", "s.nxs", "-o", "f_#####.cbf", "-o", "back.json"]) == 0
    assert capsys.readouterr().out == "5 frames: s.nxs, f_#####.cbf, back.json\n"
    assert names(tmp_path) == {
        *("series.toml", "s.nxs", "back.json"),
        *(f"f_{n:05d}.cbf" for n in range(1, 6)),
    }
    for name in ("s.nxs", "f_#####.cbf"):
        with open_recording(name) as recording:
            for frame, image in zip(recording, images, strict=True):
                np.testing.assert_array_equal(
                    frame.pixels[~frame.invalid], image.pixels[~frame.invalid]
                )


@pytest.mark.parametrize(
    ("images", "template", "pixels"),
    [
        (["s.nxs", "there/f_###.cbf"], "../there/f_???.cbf", "PILATUS 0 2147483646"),
        (["f_####.img"], "../f_????.img", "ADSC 1 65534"),
        (["here/e_master.h5"], "e_??????.h5", "EIGER 0 2147483646"),
        (["s.nxs"], None, "PILATUS 0 2147483646"),
    ],
)
def test_a_series_writes_its_geometry(tmp_path, monkeypatch, images, template, pixels):
    """XDS.INP agrees with the frames that are written in the same run, and names them."""
    monkeypatch.chdir(tmp_path)
    SERIES.save("c.toml")
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    outputs = [*images, "here/XDS.INP", "s.expt", "back.toml"]
    words = [word for name in outputs for word in ("-o", name)]
    assert main(["simulate", "c.toml", "--frames", "3", "--noise", *words]) == 0
    assert Config.load("back.toml") == SERIES

    text = Path("here/XDS.INP").read_text()
    entries = dict(re.findall(r"([A-Z_]+)= *([^=\n]*)(?= [A-Z_]+=|$)", text, re.MULTILINE))
    assert entries["DATA_RANGE"] == "1 3"
    kinds = (entries[key] for key in ("DETECTOR", "MINIMUM_VALID_PIXEL_VALUE", "OVERLOAD"))
    assert " ".join(kinds) == pixels
    if template is None:
        assert "! give the name of the images" in text
    else:
        named = entries["NAME_TEMPLATE_OF_DATA_FRAMES"]
        assert named == template
        if "h5" in named:
            assert (tmp_path / "here" / named.replace("??????", "master")).is_file()
        else:
            stem, digits, suffix = re.fullmatch(r"([^?]*)(\?+)(.*)", named).groups()
            for n in (1, 2, 3):
                assert (tmp_path / "here" / f"{stem}{n:0{len(digits)}d}{suffix}").is_file()

    with open_recording(images[-1]) as recording:
        expected = to_nexus(recording.measurement)
        assert len(recording) == int(entries["DATA_RANGE"].split()[1])
        assert recording.shape == (int(entries["NY"]), int(entries["NX"]))
        invalid = recording.frame(0).invalid
    for name in ("here/XDS.INP", "s.expt"):
        geometry = Geometry.read(name)
        assert geometry.images == 3
        assert (geometry.phi_deg, geometry.osc_deg) == pytest.approx((10, 0.3), abs=1e-12)
        found = to_nexus(measurement_of_scene(build_scene(geometry.config)))
        np.testing.assert_array_equal(found.invalid, invalid)
        for part in ("origin", "fast", "slow"):
            a, b = (getattr(one.panels[0], part) for one in (found, expected))
            np.testing.assert_allclose(a, b, rtol=0, atol=2e-9)  # nine digits of SMV
        np.testing.assert_allclose(found.spindle, expected.spindle, rtol=0, atol=1e-9)
        assert found.wavelength == pytest.approx(expected.wavelength, rel=1e-8)


def test_a_series_is_resolved_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    SERIES.save("c.toml")
    built = []
    for module in ("nbcy.render.building", "nbcy.render.simulator"):
        monkeypatch.setattr(f"{module}.build_scene", lambda *a: built.append(a) or build_scene(*a))
    assert main(["simulate", "c.toml", "--frames", "2", "-o", "a.nxs", "-o", "a.expt"]) == 0
    assert len(built) == 1


def test_a_picture_is_that_of_the_first_frame(tmp_path, images):
    images[0].save(tmp_path / "b.png")
    save_frames(images[:2], tmp_path / "a.png", 1)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_series_of_panels_refuses_early(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    crystal = {"cell_angstrom_deg": (40,), "cells": 1, "default_F": 1}
    Config(detector={"panels": PANELS}, crystal=crystal, spindle=SERIES.spindle).save("c.toml")
    monkeypatch.setattr(Simulator, "run_many", lambda *_, **__: iter(()))
    for name, reason in (("a_#.cbf", "one panel"), ("a_#.npy", "panels of one shape")):
        assert main(["simulate", "c.toml", "--frames", "2", "-o", name]) == 2
        assert reason in capsys.readouterr().err


def test_a_picture_of_counts(tmp_path, monkeypatch, images):
    monkeypatch.chdir(tmp_path)
    SERIES.save("c.toml")
    words = "simulate c.toml --noise -seed 3 -o a.png -o a.pgm -o a.nxs"
    assert main(words.split()) == 0
    images[0].save("b.png")
    images[0].save("b.pgm")
    for suffix in ("png", "pgm"):
        assert Path(f"a.{suffix}").read_bytes() == Path(f"b.{suffix}").read_bytes()


def test_a_numbered_name_needs_no_number_of_frames(tmp_path, monkeypatch, images):
    monkeypatch.chdir(tmp_path)
    SERIES.save("c.toml")
    assert main(["simulate", "c.toml", "-o", "x_##.npy"]) == 0
    assert names(tmp_path) == {"c.toml", "x_01.npy"}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--frames", "0", "-o", "a.nxs"], "at least 1"),
        (["--frames", "3"], "-o FILE"),
        (["--frames", "3", "-o", "a.cbf"], "a_#####.cbf"),
        (["--frames", "3", "-o", "a_#.nxs"], "no #"),
        (["--frames", "13", "-o", "a_#.cbf"], "too few #"),
        (["--frames", "3", "-o", "a_#.png"], "nbcy view"),
        (["--frames", "3", "-o", "a.png"], "nbcy view"),
        (["--noise", "-o", "a.png", "-pgmscale", "2"], "-pgmscale: does not go"),
        (["--frames", "3", "-o", "a_#.xyz"], "must end in"),
        (["--frames", "3", "-o", "a.nxs", "--set", "spindle.osc_deg=0"], "must be given"),
        (["--frames", "3", "-o", "a.nxs", "-floatfile", "b.bin"], "-floatfile"),
        (["--dtype", "uint16", "-o", "a.cbf"], "no meaning"),
        (["--frames", "3", "-o", "no/such/folder.nxs"], "no folder"),
    ],
)
def test_wrong_series(arguments, reason, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    SERIES.save("c.toml")
    status = main(["simulate", "c.toml", "--set", "spindle.steps=1", *arguments])
    message = capsys.readouterr().err
    assert reason in message
    assert status == 2
    assert names(tmp_path) == {"c.toml"}


# Damaged files.


def cut(data):
    return data[: len(data) * 2 // 3]


def other_length(data):
    return data.replace(b"Second-Dimension: 30", b"Second-Dimension: 31")


def fewer_elements(data):
    return data.replace(b"Number-of-Elements: 1200", b"Number-of-Elements: 1199")


def other_size(data):
    return data.replace(b"X-Binary-Size: ", b"X-Binary-Size: 9")


def flipped(data):
    at = data.index(b"\x0c\x1a\x04\xd5") + 100
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        ("s.nxs", cut, "truncated"),
        ("c_001.cbf", cut, "cut short"),
        ("c_001.cbf", other_size, "cut short"),
        ("c_001.cbf", other_length, "its header says 40 x 31"),
        ("c_001.cbf", fewer_elements, "X-Binary-Number-of-Elements 1199"),
        ("c_001.cbf", flipped, "checksum"),
        ("c_001.cbf", lambda data: data[:200], "no binary section"),
        ("i_001.img", cut, "pixels take"),
        ("t_001.tif", cut, "TIFF file: image file is truncated"),
        ("d_001.edf", cut, "incomplete"),
        ("n_001.npy", cut, "NumPy"),
        ("n_001.npy", lambda data: data.replace(b"(30, 40)", b"(30, 0) "), "has no pixels"),
        ("n_001.npy", lambda data: data.replace(b"'shape': (", b"'shape': (("), "NumPy"),
        *((name, lambda _: b"", "is empty") for name in ("s.nxs", "c_001.cbf", "d_001.edf")),
        *((name, lambda _: b"hello\n", "does not begin") for name in ("s.nxs", "t_001.tif")),
    ],
)
@pytest.mark.parametrize("command", ["view", "convert", "compare"])
def test_damaged_files(folder, tmp_path, monkeypatch, capfd, name, damage, reason, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(damage((folder / name).read_bytes()))
    rest = {"view": ["-o", "out.png"], "convert": ["out.nxs"], "compare": [str(folder / name)]}
    assert main([command, name, *rest[command]]) == 2
    out, message = capfd.readouterr()
    assert out == ""
    assert message.startswith(f"nbcy: error: {name}: ")
    assert message.count("\n") == 1
    assert reason in message
    assert names(tmp_path) == {name}


def test_text_that_is_no_image(tmp_path):
    (tmp_path / "a.expt").write_text('{\n  "__id__": "ExperimentList"\n}\n')
    with pytest.raises(FileError, match=r"a\.expt: is not an image"):
        open_recording(tmp_path / "a.expt")


def test_hdf5_that_is_no_image(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(FileError, match="no NXentry"):
        open_recording(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_group("entry").attrs["NX_class"] = "NXentry"
    with pytest.raises(FileError, match="no NXdata"):
        open_recording(tmp_path / "b.h5")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("data_origin", "here", "data_origin holds no numbers"),
        ("data_size", "large", "data_size holds no numbers"),
        ("data_size", [7], "data_size must hold whole numbers"),
        ("data_size", [7.5, 40.0], "data_size must hold whole numbers"),
        ("data_origin", [NAN, 0.0], "data_origin must hold whole numbers"),
        ("data_origin", [5, 0], "its geometry is that of 30 x 40 pixels"),
        ("module_offset", "far", "module_offset holds no numbers"),
    ],
)
def test_modules_that_are_nowhere(folder, tmp_path, images, name, value, reason):
    """The picture is shown all the same."""
    shutil.copy(folder / "s.nxs", tmp_path / "s.nxs")
    with h5py.File(tmp_path / "s.nxs", "r+") as file:
        (module,) = [
            item
            for item in file["entry/instrument/detector"].values()
            if item.attrs.get("NX_class") == "NXdetector_module"
        ]
        attributes = dict(module[name].attrs)
        del module[name]
        module[name] = value
        module[name].attrs.update(attributes)
    with open_recording(tmp_path / "s.nxs") as recording:
        assert recording.measurement is None
        assert reason in recording.unplaced
        np.testing.assert_array_equal(recording.frame(1).photons(), counts_of(images[1]))
    with pytest.raises(FileError, match=f"does not say where its pixels are: .*{reason}"):
        Geometry.read(tmp_path / "s.nxs")


def test_a_turned_detector_is_not_placed(folder, tmp_path, capsys):
    data = (folder / "c_001.cbf").read_bytes()
    (tmp_path / "a.cbf").write_bytes(data.replace(b"2theta 0.0000", b"2theta 20.000"))
    with open_recording(tmp_path / "a.cbf") as recording:
        assert recording.measurement is None
        assert recording.unplaced.startswith("Detector_2theta is 20")
    note = f"nbcy: {tmp_path / 'a.cbf'} does not tell its geometry: Detector_2theta is 20"
    for name, status in (("a.tif", 0), ("a.nxs", 2)):
        assert main(["convert", str(tmp_path / "a.cbf"), str(tmp_path / name)]) == status
        assert capsys.readouterr().err.startswith(note)


def test_a_missing_library_is_named(tmp_path, monkeypatch, images):
    def missing(name):
        raise ImportError(name=name)

    monkeypatch.setattr(extras, "import_module", missing)
    for name in ("a.nxs", "a.cbf"):
        with pytest.raises(NbcyError, match=r"pip install nbcy\[files\]"):
            images[0].save(tmp_path / name)
    assert names(tmp_path) == set()


# What a header cannot hold.


@pytest.mark.parametrize("suffix", [".cbf", "_#.img"])
def test_headers_say_what_they_cannot_hold(tmp_path, suffix):
    tilted = SERIES.with_overrides({"detector.twotheta_deg": 5})
    with pytest.warns(NbcyWarning, match="5 degrees out of square"):
        save_frames(render(tilted, 1), tmp_path / f"a{suffix}", 1)
    crystal = {"cell_angstrom_deg": (40,), "cells": 1, "default_F": 1}
    panels = Config(detector={"panels": PANELS}, crystal=crystal)
    with pytest.raises(ConfigError, match="one panel"):
        save_frames(render(panels, 1), tmp_path / f"b{suffix}", 1)
    assert len(names(tmp_path)) == 1


def test_measurement_as_json(images):
    measurement = measurement_of(images[0])
    back = Measurement.from_dict(json.loads(json.dumps(measurement.to_dict())))
    for name in ("wavelength", "phi", "osc", "exposure", "flux", "kahn_factor"):
        assert getattr(back, name) == getattr(measurement, name)
    np.testing.assert_array_equal(back.panels[0].origin, measurement.panels[0].origin)
    np.testing.assert_array_equal(back.cell, measurement.cell)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wavelength", 0.0),
        ("wavelength", NAN),
        ("phi", float("inf")),
        ("thickness", "thin"),
        ("beam", [0.0, 0.0, 0.0]),
        ("beam", [NAN, 0.0, 1.0]),
        ("beam", [1.0]),
        ("polarization", [NAN] * 3),
        ("spindle", [0.0, 0.0, 0.0]),
        ("spindle", [NAN, 0.0, 0.0]),
        ("cell", [[NAN] * 3] * 3),
        ("cell", [1e-9] * 3),
        ("panels", []),
    ],
)
def test_measurements_that_cannot_be(images, name, value):
    told = measurement_of(images[0]).to_dict() | {name: value}
    assert isinstance(Measurement.of_json(json.dumps(told)), str)


def test_frames_are_not_checked_one_by_one(images, monkeypatch):
    """Readers check what headers say; what follows from that takes no time per panel."""
    measurement = measurement_of(images[0])
    monkeypatch.delattr(Measurement, "check")
    assert measurement.at(2).phi == pytest.approx(measurement.phi + 2 * measurement.osc)


@pytest.mark.parametrize("name", ["fast", "slow", "origin"])
def test_panels_that_cannot_be(images, name):
    told = measurement_of(images[0]).to_dict()
    assert isinstance(Measurement.of_json(json.dumps(told)), Measurement)
    told["panels"][0] |= {name: [NAN, 0.0, 1.0]}
    assert isinstance(Measurement.of_json(json.dumps(told)), str)


def test_every_format_that_is_read_is_tried():
    """Raw files, which do not tell their shape, have tests of their own."""
    tried = {Path(name).suffix for name in ALL}
    missing = [x.name for x in REGISTRY if x.reader and not tried & {*x.suffixes}]
    assert missing == ["raw"]

"""Geometry files: round trips, other libraries' readings, and what is wrong with bad ones."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import warnings
from dataclasses import replace
from pathlib import Path

import cspad
import numpy as np
import pytest
import strategies
from cfel_fmt.geometry import load_crystfel_geometry
from hypothesis import assume, given
from hypothesis import strategies as st

import nbcy
from nbcy import (
    Config,
    ConfigError,
    Detector,
    FileError,
    Geometry,
    NbcyWarning,
    Panel,
    Simulator,
)
from nbcy.base.vectors import cross, rotate, unit
from nbcy.cli.main import main
from nbcy.config.presets import PRESETS
from nbcy.formats.frames import open_recording

CSPAD = Path(__file__).parent.parent / "examples" / "cspad.geom"
STEPS = ((0, 0), (1, 0), (0, 1), (1, 1))


def corners(geometry: Geometry) -> np.ndarray:
    """Corners of the panels, mm: first pixel, along fast, along slow, both."""
    found = []
    for panel in geometry.panels:
        edges = panel.pixel_mm * np.array(
            [
                panel.pixels_fast * unit(panel.fast_vector),
                panel.pixels_slow * unit(panel.slow_vector),
            ]
        )
        found.append(panel.origin_mm + np.array(STEPS) @ edges)
    return np.array(found)


def beam_frame(geometry: Geometry) -> np.ndarray:
    """Polarization, up and beam as rows: what turns any lab frame into the same one."""
    beam = unit(geometry.beam)
    up = unit(cross(beam, np.array(geometry.config.beam.polarization_vector)))
    return np.array([cross(up, beam), up, beam])


# ---- round trips


@st.composite
def geometries(draw: st.DrawFn, *, one_pixel: bool = False, along_z: bool = False) -> Geometry:
    """Panels anywhere ahead of and beside the sample, in any frame."""
    turn = np.eye(3) if along_z else draw(strategies.rotation_matrices())
    pixel = draw(st.floats(0.02, 0.5))
    panels = []
    for n in range(draw(st.integers(1, 4))):
        own = draw(strategies.rotation_matrices())
        fast, slow = own[0], own[1] * draw(st.sampled_from([1.0, -1.0]))
        counts = draw(st.integers(1, 3000)), draw(st.integers(1, 3000))
        away = draw(st.floats(20.0, 900.0)) * own[2]
        off = draw(st.floats(-300.0, 300.0)) * fast + draw(st.floats(-300.0, 300.0)) * slow
        edge = draw(st.integers(0, counts[0] - 1)), draw(st.integers(0, counts[1] - 1))
        masked = [(0, edge[0], 0, edge[1]), (edge[0], edge[0], edge[1], counts[1] - 1)]
        panels.append(
            Panel(
                name=f"p{n}",
                origin_mm=turn @ (away + off),
                fast_vector=turn @ fast,
                slow_vector=turn @ slow,
                pixels_fast=counts[0],
                pixels_slow=counts[1],
                pixel_mm=pixel if one_pixel else draw(st.floats(0.02, 0.5)),
                masked=draw(st.sampled_from([(), masked])),
            )
        )
    axes = 50.0 * draw(strategies.rotation_matrices()) + np.diag([5.0, 10.0, 15.0])
    return Geometry(
        panels=tuple(panels),
        beam=tuple((turn @ [0.0, 0.0, 1.0]).tolist()),
        wavelength_angstrom=draw(st.floats(0.1, 10.0)),
        polarization=tuple((turn @ [1.0, 0.0, 0.0]).tolist()),
        kahn_factor=draw(st.floats(-1.0, 1.0)),
        spindle=tuple((turn @ [0.6, 0.8, 0.0]).tolist()),
        phi_deg=draw(st.floats(-360.0, 360.0)),
        osc_deg=draw(st.floats(0.01, 5.0)),
        images=draw(st.integers(1, 100)),
        axes_angstrom=tuple(tuple(row) for row in (axes @ turn.T).tolist()),
        thickness_um=draw(st.sampled_from([None, 450.0])),
        attenuation_depth_um=250.0,
    )


def again(geometry: Geometry, name: str, tmp_path: Path) -> Geometry:
    geometry.save(tmp_path / name)
    return Geometry.read(tmp_path / name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("geometry")


def assert_same_panels(found: Geometry, expected: Geometry) -> None:
    """Within 1e-9 m, that is 1e-6 mm: text holds 15 digits, so it is far better than that."""
    np.testing.assert_allclose(corners(found), corners(expected), rtol=0.0, atol=1e-9)
    for panel, other in zip(found.panels, expected.panels, strict=True):
        assert (panel.pixels_fast, panel.pixels_slow) == (other.pixels_fast, other.pixels_slow)
        assert set(panel.masked) == set(other.masked)
        assert panel.pixel_mm == pytest.approx(other.pixel_mm, rel=1e-14)


def assert_same_rest(found: Geometry, expected: Geometry) -> None:
    for name in ("beam", "polarization", "spindle"):
        value = getattr(expected, name)
        assert getattr(found, name) == pytest.approx(value, abs=1e-13)
    for name in ("wavelength_angstrom", "phi_deg", "osc_deg", "images"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-14)
    # The crystal's plane normals: a matrix of nearly 1/50.
    np.testing.assert_allclose(found.axes_angstrom, expected.axes_angstrom, rtol=0, atol=1e-11)


@given(geometries())
def test_expt_round_trip(folder, geometry):
    found = again(geometry, "a.expt", folder)
    geometry = geometry.turned(np.diag([1.0, -1.0, -1.0]) @ beam_frame(geometry))
    assert_same_panels(found, geometry)
    assert_same_rest(found, geometry)
    assert found.kahn_factor == pytest.approx(geometry.kahn_factor, abs=1e-15)
    assert [p.name for p in found.panels] == [p.name for p in geometry.panels]
    if geometry.thickness_um is not None:
        assert found.thickness_um == pytest.approx(450.0)
        assert found.attenuation_depth_um == pytest.approx(250.0)


def test_a_sensor_of_a_nanometre_is_none(tmp_path):
    """Headers have it where there is no sensor, because some programs stop at 0."""
    geometry = replace(Geometry.read(CSPAD), thickness_um=1e-3, attenuation_depth_um=250.0)
    for name in ("a.expt", "XDS.INP"):
        assert again(geometry, name, tmp_path).thickness_um is None


@given(geometries(along_z=True))
def test_geom_round_trip(folder, geometry):
    found = again(geometry, "a.geom", folder)
    assert_same_panels(found, geometry)
    assert found.wavelength_angstrom == pytest.approx(geometry.wavelength_angstrom, rel=1e-14)
    assert [p.name for p in found.panels] == [p.name for p in geometry.panels]


@given(geometries())
def test_geom_turns_the_beam_along_z(folder, geometry):
    # That frame is CrystFEL's, whatever is polarized; nothing is turned.
    assume(not np.allclose(geometry.beam, (0.0, 0.0, 1.0), rtol=0.0, atol=1e-12))
    found = again(geometry, "a.geom", folder)
    assert found.beam == (0.0, 0.0, 1.0)
    turned = corners(geometry) @ beam_frame(geometry).T
    np.testing.assert_allclose(corners(found) @ beam_frame(found).T, turned, rtol=0, atol=1e-9)


@given(geometries(one_pixel=True))
def test_xds_round_trip(folder, geometry):
    found = again(geometry, "XDS.INP", folder)
    assert_same_panels(found, geometry)
    assert_same_rest(found, geometry)
    assert found.kahn_factor == pytest.approx(geometry.kahn_factor, abs=1e-14)
    bare = replace(
        geometry,
        panels=tuple(p.model_copy(update={"masked": None}) for p in geometry.panels),
        polarization=None,
        images=1,
    )
    found = again(bare, "XPARM.XDS", folder)
    assert_same_panels(found, bare)
    assert_same_rest(replace(found, polarization=()), replace(bare, polarization=()))


CRYSTAL = {"cell_angstrom_deg": (40, 50, 60, 80, 95, 110), "cells": 3, "default_F": 100.0}


@pytest.mark.parametrize("name", ["a.expt", "XDS.INP", "XPARM.XDS"])
def test_the_image_comes_back(name, tmp_path):
    """From a configuration to a file, and from there to the same picture."""
    config = Config(
        crystal={**CRYSTAL, "misset_deg": (10, 20, 30)},
        beam={"wavelength_angstrom": 1.1, "kahn_factor": 0.5},
        detector={
            "convention": "mosflm", "distance_mm": 60, "pixel_mm": 0.5, "rotx_deg": 5,
            "twotheta_deg": 12, "pixels_fast": 40, "pixels_slow": 30, "masked": [(3, 9, 4, 5)],
        },
        spindle={"phi_deg": 12.5, "osc_deg": 1, "steps": 3},
        sampling={"oversample": 5},
    )  # fmt: skip
    image = Simulator(config).run()
    Geometry.of(image.scene).save(tmp_path / name)
    geometry = Geometry.read(tmp_path / name)
    changes = {f"crystal.{field}": CRYSTAL[field] for field in ("cells", "default_F")}
    changes |= {"sampling.oversample": 5, "spindle.steps": 3, "beam.kahn_factor": 0.5}
    found = Simulator(geometry.config.with_overrides(changes)).run()
    if name == "XPARM.XDS":  # which holds no masks and no polarization
        assert found.scene.mask is None
        changes["beam.polarization_vector"] = image.scene.polarization
        found = Simulator(geometry.config.with_overrides(changes)).run()
    else:
        np.testing.assert_array_equal(found.scene.mask, image.scene.mask)
    kept = image.scene.mask != 0
    np.testing.assert_allclose(found.pixels[kept], image.pixels[kept], rtol=1e-4)


def test_image_files_tell_their_geometry(tmp_path):
    """NeXus holds all of it, the headers of miniCBF and SMV what stands square to the beam."""
    config = Config(
        crystal=CRYSTAL,
        beam={"wavelength_angstrom": 1.1},
        detector={"distance_mm": 60, "pixel_mm": 0.2, "pixels_fast": 40, "pixels_slow": 30},
        spindle={"phi_deg": 7, "osc_deg": 0.5},
    )
    image = Simulator(config).run()
    expected = Geometry.of(image.scene)
    # SMV and CBF write nine digits of some ten millimetres.
    coarse = dict.fromkeys(("a_1.cbf", "a_1.img"), 1e-6)
    for name, precise in ({"a.nxs": 1e-9, "a.tif": 1e-9, "a.edf": 1e-9} | coarse).items():
        image.save(tmp_path / name)
        found = Geometry.read(tmp_path / name)
        np.testing.assert_allclose(
            corners(found) @ beam_frame(found).T,
            corners(expected) @ beam_frame(expected).T,
            rtol=0,
            atol=precise,
        )
        assert (found.phi_deg, found.osc_deg) == pytest.approx((7.0, 0.5))
        assert found.wavelength_angstrom == pytest.approx(1.1)
    panels = Geometry.read(CSPAD).config.with_overrides(
        {f"crystal.{name}": value for name, value in CRYSTAL.items()}
    )
    image = Simulator(panels.with_overrides({"sampling.oversample": 1})).run()
    image.save(tmp_path / "b.nxs")
    expected, found = Geometry.of(image.scene), Geometry.read(tmp_path / "b.nxs")
    np.testing.assert_allclose(
        corners(found) @ beam_frame(found).T,
        corners(expected) @ beam_frame(expected).T,
        rtol=0,
        atol=1e-9,
    )
    assert [set(p.masked) for p in found.panels] == [set(p.masked) for p in expected.panels]


ADSC = """{
HEADER_BYTES=  512;
DIM=2;
BYTE_ORDER=little_endian;
TYPE=unsigned_short;
SIZE1=48;
SIZE2=61;
PIXEL_SIZE=0.172000;
DISTANCE=150.0;
OSC_RANGE=1.0;
PHI=0.0;
OSC_START=30.0;
TWOTHETA=0.0;
AXIS=phi;
WAVELENGTH=0.9795;
BEAM_CENTER_X=5.25;
BEAM_CENTER_Y=4.31;
IMAGE_PEDESTAL=40;
}
"""


def adsc(path, **changes):
    """An image as ADSC's own programs write it, of 47 counts."""
    header = ADSC
    for key, value in changes.items():
        header = re.sub(rf"{key}=.*\n", f"{key}={value};\n" if value is not None else "", header)
    path.write_bytes(header.encode().ljust(512) + np.full((61, 48), 47, "<u2").tobytes())


def test_a_header_of_adsc(tmp_path):
    """BEAM_CENTER_X is along slow, Y along fast: DIALS puts the corner to (-4.31, 5.25, -150)."""
    adsc(tmp_path / "a.img")
    geometry = Geometry.read(tmp_path / "a.img")
    (panel,) = geometry.panels
    expected = -4.31 * unit(panel.fast_vector) - 5.25 * unit(panel.slow_vector)
    expected += 150.0 * unit(geometry.beam)
    assert panel.origin_mm == pytest.approx(expected)
    assert (panel.pixels_fast, panel.pixels_slow) == (48, 61)
    assert geometry.spindle == panel.fast_vector
    assert (geometry.phi_deg, geometry.osc_deg) == pytest.approx((30.0, 1.0))
    with nbcy.open_recording(tmp_path / "a.img") as recording:
        assert (recording.frame(0).pixels == 7).all()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"WAVELENGTH": "a"}, "WAVELENGTH=a is not a number"),
        ({"WAVELENGTH": "0"}, "WAVELENGTH=0 is not positive"),
        ({"DISTANCE": "-1"}, "DISTANCE=-1 is not positive"),
        ({"PIXEL_SIZE": "0"}, "PIXEL_SIZE=0 is not positive"),
        ({"DISTANCE": None, "BEAM_CENTER_X": None}, "lacks DISTANCE, BEAM_CENTER_X"),
        ({"TWOTHETA": "20"}, "not square to the beam"),
    ],
)
def test_headers_that_do_not_place_the_pixels(changes, reason, tmp_path, monkeypatch, capsys):
    """They are images all the same: a picture has no rings, and a note says why."""
    monkeypatch.chdir(tmp_path)
    adsc(Path("a.img"), **changes)
    with pytest.raises(FileError, match="does not say where its pixels are: .*" + reason):
        Geometry.read("a.img")
    assert main(["view", "a.img"]) == 0
    errors = capsys.readouterr().err
    assert errors.startswith("nbcy: a.img does not tell its geometry: ")
    assert reason in errors
    assert Path("a.png").exists()


def test_a_header_with_a_dash_is_no_json(tmp_path):
    """Geometry and images tell EDF alike."""
    path = tmp_path / "a.edf"
    path.write_bytes(b"{\nMade-by = hand ;\n".ljust(510) + b"}\n" + bytes(100))
    told = []
    for read in (Geometry.read, open_recording):
        with pytest.raises(FileError) as caught:
            read(path)
        told.append(str(caught.value))
    assert told[0] == told[1]


# ---- what other libraries make of it


def cfel_corners(path: Path) -> np.ndarray:
    """Corners by the numbers that cfel_fmt reads, mm."""
    found = []
    for panel in load_crystfel_geometry(path).detector["panels"].values():
        size = [panel[f"orig_max_{a}"] - panel[f"orig_min_{a}"] + 1 for a in ("fs", "ss")]
        start = np.array([panel["cnx"], panel["cny"], 0.0])
        edges = np.array([[panel[f"{a}{x}"] for x in "xyz"] for a in ("fs", "ss")])
        places = start + (np.array(STEPS) * size) @ edges
        z = np.array([0.0, 0.0, panel["clen"] + panel["coffset"]])
        found.append(1000.0 * (places / panel["res"] + z))
    return np.array(found)


def test_geom_against_cfel_fmt(tmp_path):
    geometry = Geometry.read(CSPAD)
    assert len(geometry.panels) == 64
    # What the file rounds: directions of six digits are not quite of length 1.
    assert np.abs(corners(geometry) - cfel_corners(CSPAD)).max() < 2e-6 * 194 * 0.11
    geometry.save(tmp_path / "again.geom")
    np.testing.assert_allclose(
        cfel_corners(tmp_path / "again.geom"), corners(geometry), rtol=0, atol=1e-9
    )
    read = load_crystfel_geometry(tmp_path / "again.geom")
    assert read.beam["photon_energy"] == pytest.approx(9500.0)
    assert len(read.detector["bad"]) == 5
    assert len(read.detector["panels"]) == 64


def test_the_bad_regions_of_the_example():
    panels = {panel.name: panel for panel in Geometry.read(CSPAD).panels}
    # chip 5 is the second of sensor 18: columns from 194, rows from 18 * 185
    assert panels["q2a5"].masked == ((300 - 194, 340 - 194, 20, 60),)
    near = panels["q0a0"]
    (stop,) = near.masked
    assert stop == (0, 27, 0, 10)  # 60 - 32.4786 = 27.5 columns, 60 - 48.8602 = 11.1 rows


def test_the_example_is_what_its_script_writes():
    assert CSPAD.read_text(encoding="utf-8") == cspad.text()


def _dials_python() -> str | None:
    """The interpreter that DIALS runs in."""
    program = shutil.which("dials.version")
    if program is None:
        return None
    python = Path(program).with_name("python3")
    check = [str(python), "-c", "import dxtbx"]
    return str(python) if subprocess.run(check, capture_output=True).returncode == 0 else None


def dxtbx(*words: object) -> dict:
    python = _dials_python()
    if python is None:
        pytest.skip("DIALS is not installed")
    script = Path(__file__).with_name("dials_geometry.py")
    done = subprocess.run(
        [python, script, *map(str, words)], capture_output=True, text=True, check=True
    )
    (found,) = json.loads(done.stdout)
    return found


def assert_as_dxtbx(geometry: Geometry, told: dict) -> None:
    np.testing.assert_allclose(corners(geometry), told["corners"], rtol=0, atol=1e-9)
    for panel, mask in zip(geometry.panels, told["masks"], strict=True):
        flags = np.zeros((panel.pixels_slow, panel.pixels_fast), bool)
        for f0, f1, s0, s1 in panel.masked:
            flags[s0 : s1 + 1, f0 : f1 + 1] = True
        assert np.flatnonzero(flags).tolist() == mask
    s0 = np.array(told["s0"])
    np.testing.assert_allclose(geometry.beam, unit(s0), rtol=0, atol=1e-14)
    assert geometry.wavelength_angstrom == pytest.approx(told["wavelength"])
    field = cross(np.array(told["normal"]), s0)
    assert abs(unit(field) @ unit(geometry.polarization)) == pytest.approx(1.0)
    assert geometry.kahn_factor == pytest.approx(2 * told["fraction"] - 1)
    assert (geometry.phi_deg, geometry.osc_deg) == pytest.approx(told["oscillation"])
    assert geometry.images == told["images"]
    for degrees, matrix in told["A"].items():
        axes = rotate(
            np.array(geometry.axes_angstrom), unit(geometry.spindle), np.radians(float(degrees))
        )
        expected = np.linalg.inv(np.array(matrix).reshape(3, 3))
        np.testing.assert_allclose(axes, expected, rtol=0, atol=1e-11)


@pytest.mark.dials
def test_reading_what_dxtbx_writes(tmp_path):
    """Nested groups of panels, masks, a goniometer of three axes."""
    told = dxtbx("make", tmp_path / "made.expt")
    geometry = Geometry.read(tmp_path / "made.expt")
    assert_as_dxtbx(geometry, told)
    assert [panel.name for panel in geometry.panels] == told["names"]
    assert geometry.thickness_um == pytest.approx(320.0)
    assert geometry.attenuation_depth_um == pytest.approx(1000.0 / 3.9)


@pytest.mark.dials
def test_dxtbx_reads_what_we_write(tmp_path):
    config = Config(
        crystal={**CRYSTAL, "misset_deg": (10, 20, 30)},
        beam={"wavelength_angstrom": 1.1, "kahn_factor": 0.5},
        detector={
            "convention": "mosflm", "distance_mm": 60, "pixel_mm": 0.2, "rotx_deg": 5,
            "twotheta_deg": 12, "pixels_fast": 40, "pixels_slow": 30, "masked": [(3, 9, 4, 5)],
        },
        spindle={"phi_deg": 12.5, "osc_deg": 1},
    )  # fmt: skip
    geometry = replace(Geometry.of(nbcy.build_scene(config)), images=7)
    geometry.save(tmp_path / "a.expt")
    turn = np.diag([1.0, -1.0, -1.0])
    told = dxtbx("describe", tmp_path / "a.expt")
    assert_as_dxtbx(geometry.turned(turn @ beam_frame(geometry)), told)
    many = replace(
        Geometry.read(CSPAD), polarization=(0.0, 1.0, 0.0), kahn_factor=0.9, spindle=(1.0, 0.0, 0.0)
    )
    many = replace(many, phi_deg=3.0, osc_deg=0.5, images=3, axes_angstrom=geometry.axes_angstrom)
    many.save(tmp_path / "b.expt")
    told = dxtbx("describe", tmp_path / "b.expt")
    assert_as_dxtbx(many.turned(turn @ beam_frame(many)), told)


# ---- XDS by its own rules

INP = """
JOB= XYCORR INIT COLSPOT  ! comment ORGX= 7
NX= 100 NY= 80  QX= 0.2 QY= 0.2
ORGX= 40.5 ORGY=30.5
DETECTOR_DISTANCE= -120
DIRECTION_OF_DETECTOR_X-AXIS= 0 0 2
DIRECTION_OF_DETECTOR_Y-AXIS= 0 1 0
X-RAY_WAVELENGTH=0.9
INCIDENT_BEAM_DIRECTION= 3 0 0.3
ROTATION_AXIS= 0 0 -1
STARTING_ANGLE= 10 OSCILLATION_RANGE= 0.25 DATA_RANGE= 1 40
SPACE_GROUP_NUMBER= 19  UNIT_CELL_CONSTANTS= 50 60 70 90 90 90
FRACTION_OF_POLARIZATION= 0.98 POLARIZATION_PLANE_NORMAL= 0 1 0
UNTRUSTED_RECTANGLE= 10 20 0 81
UNTRUSTED_ELLIPSE= 1 2 3 4
SENSOR_THICKNESS= 0.45 SILICON= 3.2
"""


def test_an_xds_inp(tmp_path):
    """X x Y is -x here: a negative distance puts the detector at +120 mm along x."""
    (tmp_path / "XDS.INP").write_text(INP)
    geometry = Geometry.read(tmp_path / "XDS.INP")
    (panel,) = geometry.panels
    # pixel (1, 1) has its centre at 1: its corner lies 40 and 30 pixels before the origin
    assert panel.origin_mm == pytest.approx((120.0, -6.0, -8.0))
    assert (panel.fast_vector, panel.slow_vector) == ((0, 0, 1), (0, 1, 0))
    assert panel.masked == ((10, 18, 0, 79),)
    assert geometry.beam == pytest.approx(unit((3.0, 0.0, 0.3)))
    assert (geometry.phi_deg, geometry.osc_deg, geometry.images) == (10.0, 0.25, 40)
    assert geometry.spindle == (0.0, 0.0, -1.0)
    assert geometry.kahn_factor == pytest.approx(0.96)
    assert abs(np.array(geometry.polarization) @ [0, 1, 0]) < 1e-15
    assert geometry.cell_angstrom_deg == (50.0, 60.0, 70.0, 90.0, 90.0, 90.0)
    assert geometry.space_group == "19"
    assert geometry.thickness_um == 450.0
    assert geometry.config.crystal.cell_angstrom_deg == geometry.cell_angstrom_deg


@pytest.mark.parametrize(
    ("line", "inside"),
    [
        (
            "UNTRUSTED_RECTANGLE= 9.5 20.5 2 7",
            lambda x, y: (x > 9.5) & (x < 20.5) & (y > 2) & (y < 7),
        ),
        (
            "UNTRUSTED_ELLIPSE= 20 41 -5 16",
            lambda x, y: (x - 30.5) ** 2 + (y - 5.5) ** 2 < 10.5**2 - 1e-9,
        ),
        (
            "UNTRUSTED_QUADRILATERAL= 10 10 30 20 20 50 10 40",
            lambda x, y: (x > 10) & (x > y - 30) & (x < 2 * y - 10) & (3 * x < 110 - y),
        ),
    ],
)
def test_untrusted_areas(line, inside, tmp_path):
    """Pixels count from 1, and edges are trusted."""
    (tmp_path / "XDS.INP").write_text(INP.replace("UNTRUSTED_RECTANGLE= 10 20 0 81", line))
    (panel,) = Geometry.read(tmp_path / "XDS.INP").panels
    masked = np.zeros((80, 100), bool)
    for f0, f1, s0, s1 in panel.masked:
        masked[s0 : s1 + 1, f0 : f1 + 1] = True
    y, x = np.mgrid[1:81, 1:101]
    np.testing.assert_array_equal(masked, inside(x, y))


def test_xds_segments(tmp_path):
    """The place of a pixel (ix, iy) of a segment, by the formula of XDS."""
    text = INP + (
        "SEGMENT= 1 50 1 80\n"
        "SEGMENT= 51 100 1 40\nDIRECTION_OF_SEGMENT_X-AXIS= 0.8 0.6 0\n"
        "DIRECTION_OF_SEGMENT_Y-AXIS= -0.6 0.8 0\nSEGMENT_DISTANCE= 2.5\n"
        "SEGMENT_ORGX= 7.25 SEGMENT_ORGY= -3\n"
    )
    (tmp_path / "XDS.INP").write_text(text)
    first, second = Geometry.read(tmp_path / "XDS.INP").panels
    assert (first.pixels_fast, first.pixels_slow) == (50, 80)
    assert first.origin_mm == pytest.approx((120.0, -6.0, -8.0))
    assert first.masked == ((10, 18, 0, 79),)
    assert second.masked == ()
    own = np.array([[0.8, 0.6, 0], [-0.6, 0.8, 0], [0, 0, 1]])
    detector = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    for ix, iy in ((51, 1), (100, 40), (73, 21)):
        u = np.array([0.2 * (ix - 7.25), 0.2 * (iy + 3), 2.5]) @ own
        expected = (u + np.array([-0.2 * 40.5, -0.2 * 30.5, -120])) @ detector
        steps = 0.2 * (ix - 51 + 0.5), 0.2 * (iy - 1 + 0.5)
        place = second.origin_mm + steps[0] * unit(second.fast_vector)
        place = place + steps[1] * unit(second.slow_vector)
        np.testing.assert_allclose(place, expected, atol=1e-12)


def test_the_starting_frame_of_xds(tmp_path):
    """STARTING_ANGLE is that of STARTING_FRAME, else of the first image."""
    text = INP.replace("DATA_RANGE= 1 40", "DATA_RANGE= 11 50")
    (tmp_path / "XDS.INP").write_text(text)
    assert Geometry.read(tmp_path / "XDS.INP").phi_deg == 10.0
    (tmp_path / "XDS.INP").write_text(text + "STARTING_FRAME= 3\n")
    assert Geometry.read(tmp_path / "XDS.INP").phi_deg == 12.0


XPARM = """ XPARM.XDS    VERSION Jan 31, 2020  BUILT=20200417
     1        0.0000    0.1000  0.999975 -0.005872 -0.003916
       0.979180       0.001253       0.000461       1.021262
    96     78.2580     78.2580     37.2610  90.000  90.000  90.000
      31.194212      53.218887      48.012524
     -68.313316      37.937126       2.333022
     -21.123062     -18.021414      24.862183
        1      4150      4371    0.075000    0.075000
    2110.541504    2211.471680     180.123459
       1.000000       0.000000       0.000000
       0.000000       1.000000       0.000000
       0.000000       0.000000       1.000000
         1         1      4150         1      4371
    0.00    0.00    0.00  1.00000  0.00000  0.00000  0.00000  1.00000  0.00000
"""


def test_an_xparm(tmp_path):
    (tmp_path / "GXPARM.XDS").write_text(XPARM)
    geometry = Geometry.read(tmp_path / "GXPARM.XDS")
    (panel,) = geometry.panels
    expected = (-0.075 * 2110.041504, -0.075 * 2210.97168, 180.123459)
    assert panel.origin_mm == pytest.approx(expected)
    assert (panel.pixels_fast, panel.pixels_slow) == (4150, 4371)
    assert np.linalg.norm(geometry.axes_angstrom, axis=1) == pytest.approx(
        [78.258, 78.258, 37.261], rel=2e-2
    )
    assert geometry.spindle == pytest.approx((0.999975, -0.005872, -0.003916), abs=1e-6)
    assert geometry.space_group == "96"


def test_an_xparm_of_before_2010(tmp_path):
    """The same numbers in another order, without a title and without segments."""
    lines = XPARM.splitlines()
    size, place = lines[7].split(), lines[8].split()
    old = [*lines[1:3], " ".join(size[1:]), " ".join([place[2], *place[:2]]), *lines[9:12]]
    (tmp_path / "XPARM.XDS").write_text("\n".join([*old, *lines[3:7]]) + "\n")
    (tmp_path / "new_XPARM.XDS").write_text(XPARM)
    found, expected = (Geometry.read(tmp_path / f"{n}XPARM.XDS") for n in ("", "new_"))
    assert_same_panels(found, expected)
    assert found.axes_angstrom == expected.axes_angstrom
    assert (found.spindle, found.beam) == (expected.spindle, expected.beam)
    assert (found.phi_deg, found.osc_deg) == (expected.phi_deg, expected.osc_deg)


# ---- experiment lists


def test_one_of_many_experiments(workdir, capsys):
    beams = [{"direction": [0, 0, 1], "wavelength": w} for w in (1.0, 1.2, 1.5)]
    experiments = [{"beam": n, "detector": 0} for n in range(3)]
    Path("a.expt").write_text(expt(experiment=experiments, beam=beams))
    with pytest.warns(NbcyWarning, match="holds 3 experiments, 0 to 2: number 0 is read"):
        assert Geometry.read("a.expt").wavelength_angstrom == 1.0
    assert Geometry.read("a.expt", 2).wavelength_angstrom == 1.5
    with pytest.raises(FileError, match="has 3 experiments, there is no number 3"):
        Geometry.read("a.expt", 3)
    Path("XDS.INP").write_text(INP)
    with pytest.raises(FileError, match="no numbered experiments"):
        Geometry.read("XDS.INP", 0)
    words = ["simulate", "--geometry", "a.expt", "--experiment", "1", "-cell", "40", "40", "40"]
    words += ["90", "90", "90", "-default_F", "100", "-o", "b.toml"]
    assert main(words) == 0
    assert Config.load("b.toml").beam.wavelength_angstrom == 1.2


def test_a_mask_file_of_an_experiment_is_noted(tmp_path):
    imagesets = [{"template": "x_####.cbf", "mask": "pixels.mask"}]
    experiments = [{"beam": 0, "detector": 0, "imageset": 0}]
    (tmp_path / "a.expt").write_text(expt(experiment=experiments, imageset=imagesets))
    with pytest.warns(NbcyWarning, match=r"mask file pixels\.mask is not read"):
        Geometry.read(tmp_path / "a.expt")


# ---- CrystFEL's syntax


def geom(**changes: str | None) -> str:
    lines = {
        "clen": "0.1",
        "photon_energy": "12 keV",
        "res": "10000",
        "p0/min_fs": "0",
        "p0/max_fs": "9",
        "p0/min_ss": "0",
        "p0/max_ss": "4",
        "p0/fs": "+1.0x",
        "p0/ss": "y",
        "p0/corner_x": "-3",
        "p0/corner_y": "2.5",
    }
    lines = lines | {name.replace("__", "/"): text for name, text in changes.items()}
    return "".join(f"{name} = {text}\n" for name, text in lines.items() if text is not None)


@pytest.mark.parametrize(
    ("changes", "origin", "fast"),
    [
        ({}, (-0.3, 0.25, 100), (1, 0, 0)),
        ({"clen": "100 mm ; comment"}, (-0.3, 0.25, 100), (1, 0, 0)),
        ({"p0__coffset": "-0.02", "p0__res": "5000"}, (-0.6, 0.5, 80), (1, 0, 0)),
        ({"p0__fs": "-x"}, (-0.3, 0.25, 100), (-1, 0, 0)),
        ({"p0__fs": "0.6x + 0.0y -8e-1z"}, (-0.3, 0.25, 100), (0.6, 0, -0.8)),
        ({"p0__coffset": "-20 mm"}, (-0.3, 0.25, 80), (1, 0, 0)),
        ({"p0__clen": "0.2", "peak_sep": "6.0"}, (-0.3, 0.25, 200), (1, 0, 0)),
        ({"clen": None, "p0__clen": "50 mm"}, (-0.3, 0.25, 50), (1, 0, 0)),
        ({"detector_shift_x": "1 mm"}, (0.7, 0.25, 100), (1, 0, 0)),
        ({"detector_shift_y": "-0.002"}, (-0.3, -1.75, 100), (1, 0, 0)),
    ],
)
def test_geom_syntax(changes, origin, fast, tmp_path):
    (tmp_path / "a.geom").write_text(geom(**changes))
    geometry = Geometry.read(tmp_path / "a.geom")
    (panel,) = geometry.panels
    assert panel.origin_mm == pytest.approx(origin)
    assert panel.fast_vector == pytest.approx(fast)
    assert geometry.wavelength_angstrom == pytest.approx(1.0332, rel=1e-4)


def test_geom_globals_hold_for_panels_mentioned_later(tmp_path):
    second = geom(clen=None, photon_energy=None).replace("p0", "p1").replace("10000", "20000")
    (tmp_path / "a.geom").write_text(geom() + second)
    first, other = Geometry.read(tmp_path / "a.geom").panels
    assert (first.pixel_mm, other.pixel_mm) == (0.1, 0.05)


@pytest.mark.parametrize(
    ("lines", "masked"),
    [
        ("bad_a/panel = p0\nbad_a/min_fs = 2\nbad_a/max_fs = 30\nbad_a/min_ss = 0\nbad_a/max_ss=1",
         {(2, 9, 0, 1)}),
        ("bad_a/min_x = -1\nbad_a/max_x = 1\nbad_a/min_y = 3.9\nbad_a/max_y=100",
         {(2, 3, 1, 4)}),
        ("p0/no_index = 1", {(0, 9, 0, 4)}),
        ("p0/mask_edge_pixels = 1", {(0, 9, 0, 0), (0, 9, 4, 4), (0, 0, 0, 4), (9, 9, 0, 4)}),
    ],
)  # fmt: skip
def test_geom_bad_regions(lines, masked, tmp_path):
    (tmp_path / "a.geom").write_text(geom() + lines)
    (panel,) = Geometry.read(tmp_path / "a.geom").panels
    assert set(panel.masked) == masked


def test_geom_that_leaves_the_energy_to_the_data(tmp_path):
    (tmp_path / "a.geom").write_text(geom(photon_energy="/LCLS/photon_energy_eV"))
    with pytest.warns(NbcyWarning, match=r"beam\.energy"):
        geometry = Geometry.read(tmp_path / "a.geom")
    assert geometry.wavelength_angstrom is None
    config = geometry.config.with_overrides({"beam.energy": "9 keV"})
    assert config.beam.energy_ev == 9000.0
    with pytest.raises(FileError, match="no wavelength"):
        geometry.save(tmp_path / "a.expt")


@pytest.mark.parametrize("clen", [None, "/LCLS/detector_1/EncoderValue", "camera_length mm"])
def test_geom_that_leaves_the_distance_to_the_data(workdir, clen, capsys):
    Path("a.geom").write_text(geom(clen=clen, p0__coffset="-0.02"))
    with pytest.warns(NbcyWarning, match="no camera length"):
        geometry = Geometry.read("a.geom")
    assert geometry.distance_open
    with pytest.raises(ConfigError, match="left open"):
        _ = geometry.config
    (panel,) = geometry.at_distance(150.0).config.detector.panels
    assert panel.origin_mm == pytest.approx((-0.3, 0.25, 130.0))
    words = ["simulate", "--geometry", "a.geom", "-cell", "40", "40", "40", "90", "90", "90"]
    words += ["-default_F", "100", "-o", "b.toml"]
    assert main([*words, "-distance", "150"]) == 0
    (panel,) = Config.load("b.toml").detector.panels
    assert panel.origin_mm == pytest.approx((-0.3, 0.25, 130.0))
    assert main([*words[:-1], "c.toml", "--set", "detector.distance=15 cm"]) == 0
    assert Config.load("c.toml") == Config.load("b.toml")
    capsys.readouterr()
    assert main(words) == 2
    assert "leaves the distance open; give -distance" in capsys.readouterr().err


def test_geom_that_leaves_shifts_to_the_data(tmp_path):
    (tmp_path / "a.geom").write_text(geom(detector_shift_x="/entry/shift mm"))
    with pytest.warns(NbcyWarning, match="detector_shift_x stands in the data"):
        geometry = Geometry.read(tmp_path / "a.geom")
    assert geometry.panels[0].origin_mm == pytest.approx((-0.3, 0.25, 100.0))


def test_geom_with_fields_of_other_days(tmp_path):
    (tmp_path / "a.geom").write_text(geom(p0__rigid_group="0", p0__cells="many"))
    with pytest.warns(NbcyWarning) as notes:
        Geometry.read(tmp_path / "a.geom")
    assert "cells is no parameter of today's CrystFEL" in "".join(str(n.message) for n in notes)


@pytest.mark.parametrize(
    ("fs", "ss", "pixel", "note"),
    [
        ("2x", "2.0y", 0.2, "have the length 2: pixels are 200 µm"),
        ("1.004x", "0.997y", 0.1, "moves pixels by up to 4.27 µm"),  # 10 x 0.4, 5 x 0.3
        ("x", "0.01x +0.99995y", 0.1, "moves pixels by up to 5 µm"),  # 5 x 1
        ("x", "0.0005x +0.9999999y", 0.1, None),
    ],
)
def test_refined_vectors_are_not_quite_square(fs, ss, pixel, note, tmp_path):
    (tmp_path / "a.geom").write_text(geom(p0__fs=fs, p0__ss=ss))
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        (panel,) = Geometry.read(tmp_path / "a.geom").panels
    assert panel.pixel_mm == pytest.approx(pixel)
    assert panel.origin_mm == pytest.approx((-0.3, 0.25, 100.0))
    assert [note] == ([None] if not notes else [note for n in notes if note in str(n.message)])


def test_a_bad_region_of_the_data_holds_for_every_panel(tmp_path):
    second = geom(clen=None, photon_energy=None, p0__min_ss="5", p0__max_ss="9").replace("p0", "p1")
    region = "bad_a/min_fs = 8\nbad_a/max_fs = 20\nbad_a/min_ss = 3\nbad_a/max_ss = 6\n"
    (tmp_path / "a.geom").write_text(geom() + second + region)
    first, other = Geometry.read(tmp_path / "a.geom").panels
    assert (first.masked, other.masked) == (((8, 9, 3, 4),), ((8, 9, 0, 1),))


# ---- files that are wrong

REGION = "".join(f"bad1/{end}_{a} = 1\n" for end in ("min", "max") for a in ("fs", "ss"))
REGION += "bad1/panel = q\n"
EXPT = {
    "experiment": [{"beam": 0, "detector": 0}],
    "beam": [{"direction": [0, 0, 1], "wavelength": 1.0}],
    "detector": [
        {
            "panels": [
                {
                    "name": "a", "fast_axis": [1, 0, 0], "slow_axis": [0, -1, 0],
                    "origin": [-1, 1, -100], "image_size": [10, 20], "pixel_size": [0.1, 0.1],
                }
            ]
        }
    ],
}  # fmt: skip


def expt(**changes):
    data = json.loads(json.dumps(EXPT))
    data["detector"][0]["panels"][0].update(changes.pop("panel", {}))
    return json.dumps(data | changes)


BAD = {
    "clen in parsec": ("a.geom", geom(clen="1 parsec"), "a.geom:1: clen = 1 parsec: expected"),
    "no res": ("a.geom", geom(res=None), "p0/res is missing"),
    "no panels": ("a.geom", "clen = 0.1\n", "has no panels"),
    "not square": ("a.geom", geom(p0__ss="2.0y"), "pixels must be square, they are 100 x 200"),
    "no length of fs": ("a.geom", geom(p0__fs="0x", p0__ss="0y"), "must be square, they are 0 x 0"),
    "res": ("a.geom", geom(res="-10000"), "must be positive"),
    "skew": ("a.geom", geom(p0__ss="0.8x 0.6y"), "must be perpendicular to"),
    "typo": ("a.geom", geom(p0__corner_z="1"), "corner_z is not a parameter"),
    "hint": ("a.geom", geom(p0__maxfs="1"), "did you mean max_fs?"),
    "no equals": ("a.geom", geom() + "hello\n", "'hello' is not of the form"),
    "vector": ("a.geom", geom(p0__fs="1.0q"), "expected a vector such as"),
    "no pixels": ("a.geom", geom(p0__max_fs="-1"), "max_fs = -1: expected a whole number"),
    "reversed": ("a.geom", geom(p0__min_fs="10"), "has no pixels"),
    "bad panel": (
        "a.geom",
        geom(
            bad1__min_fs="1", bad1__max_fs="2", bad1__min_ss="1", bad1__max_ss="2", bad1__panel="q"
        ),
        "there is no such panel",
    ),
    "bad mixture": ("a.geom", geom(bad1__min_fs="1", bad1__min_x="q"), "either in fs and ss or"),
    "energy": ("a.geom", geom(photon_energy="12 J"), "expected a number and one of eV, keV"),
    "no energy": ("a.geom", geom(photon_energy="-12"), "must be positive"),
    "truncated": ("a.expt", expt()[:200], "is not JSON"),
    "a list": ("a.expt", "[]", "is not an experiment list"),
    "no detector": ("a.expt", expt(experiment=[{"beam": 0}]), "has no beam or no detector"),
    "missing": ("a.expt", expt(panel={"name": None}).replace('"origin"', '"orign"'), "'origin' is"),
    "no model": ("a.expt", expt(beam=[]), "there is no beam number 0"),
    "a number for a vector": (
        "a.expt",
        expt(panel={"fast_axis": 1}),
        "fast_axis must be a list of 3 numbers, not 1",
    ),
    "two numbers": ("a.expt", expt(panel={"origin": [1, 2]}), "origin must be a list of 3 numbers"),
    "a word": ("a.expt", expt(panel={"origin": [1, 2, "x"]}), 'origin: "x" is not a finite number'),
    "an infinity": (
        "a.expt",
        expt(panel={"origin": [1, 2, -7777]}).replace("-7777", "1e400"),
        "origin: Infinity is not a finite number",
    ),
    "half a pixel": ("a.expt", expt(panel={"image_size": [9.5, 2]}), "9.5 is not a whole number"),
    "one image_size": ("a.expt", expt(panel={"image_size": [9]}), "image_size must be a list of 2"),
    "no experiment": ("a.expt", expt(experiment=[7]), "experiment must be an object, not 7"),
    "no images": (
        "a.expt",
        expt(
            experiment=[{"beam": 0, "detector": 0, "scan": 0}],
            scan=[{"image_range": [1, 0], "oscillation": [0, 1]}],
        ),
        "images = 0: must be from 1",
    ),
    "flat crystal": (
        "a.expt",
        expt(
            experiment=[{"beam": 0, "detector": 0, "crystal": 0}],
            crystal=[{f"real_space_{axis}": [1, 2, 3] for axis in "abc"}],
        ),
        "span no volume",
    ),
    "parallel": (
        "a.expt",
        expt(panel={"slow_axis": [1, 0, 0]}),
        "slow_vector = (1.0, 0.0, 0.0): must be perpendicular",
    ),
    "edge-on": ("a.expt", expt(panel={"origin": [5, 6, 0]}), "must not lie in its plane"),
    "rectangles": ("a.expt", expt(panel={"pixel_size": [0.1, 0.2]}), "must be square"),
    "empty": ("a.expt", expt(detector=[{"panels": []}]), "has a detector without panels"),
    "zero axis": ("a.expt", expt(panel={"fast_axis": [0, 0, 0]}), "length 0"),
    "one colour": ("a.expt", expt(beam=[{"direction": [0, 0, 1]}]), "a beam of one wavelength"),
    "no org": ("XDS.INP", INP.replace("ORGX= 40.5", ""), "ORGX= is missing"),
    "words": ("XDS.INP", INP.replace("ORGX= 40.5", "ORGX= x"), "XDS.INP:4: 'x' is not a number"),
    "few": ("XDS.INP", INP.replace("ROTATION_AXIS= 0 0 -1", "ROTATION_AXIS= 0 1"), "3 numbers"),
    "few untrusted": (
        "XDS.INP",
        INP.replace("10 20 0 81", "10 20 0"),
        "XDS.INP:14: expected UNTRUSTED_RECTANGLE= and 4 numbers",
    ),
    "few of a segment": ("XDS.INP", INP + "SEGMENT= 1 9 1\n", "expected SEGMENT= and 4 numbers"),
    "few of its axis": (
        "XDS.INP",
        INP + "SEGMENT= 1 9 1 9\nDIRECTION_OF_SEGMENT_X-AXIS= 1 0\n",
        "XDS.INP:18: expected DIRECTION_OF_SEGMENT_X-AXIS= and 3 numbers",
    ),
    "half NX": ("XDS.INP", INP.replace("NX= 100", "NX= 99.5"), "NX= 99.5: expected a whole"),
    "no length": ("XDS.INP", INP.replace("= 3 0 0.3", "= 0 0 0"), "INCIDENT_BEAM_DIRECTION must"),
    "QY": ("XDS.INP", INP.replace("QY= 0.2", "QY= 0.3"), "must be square"),
    "old and short": ("XPARM.XDS", "1 0 0.2 1 0 0\n", "ends before wavelength"),
    "no XPARM": ("XPARM.XDS", "1 0 0.2 1\n", "is not an XPARM.XDS: its first line"),
    "short": ("XPARM.XDS", "\n".join(XPARM.splitlines()[:9]), "ends before the detector's X-axis"),
    "text": ("a.txt", "hello\n", "is no geometry file: expected one of DIALS"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files(case, tmp_path, monkeypatch, capsys):
    name, text, expected = BAD[case]
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(text)
    with pytest.raises(FileError) as caught:
        Geometry.read(name)
    assert expected in str(caught.value)
    assert str(caught.value).startswith(name)
    assert main(["simulate", "--geometry", name, "-o", "out.bin"]) == 2
    errors = capsys.readouterr().err
    assert len(errors.strip().splitlines()) == 1
    assert [path.name for path in Path().iterdir()] == [name]


def test_files_that_cannot_be_written(tmp_path):
    geometry = Geometry.read(CSPAD)
    for name in ("a.txt", "MY.INP"):
        with pytest.raises(FileError, match=r"must end in \.expt or \.geom"):
            geometry.save(tmp_path / name)
    with pytest.raises(FileError, match="no crystal"):
        geometry.save(tmp_path / "XPARM.XDS")
    first, second = geometry.panels[:2]
    mixed = replace(geometry, panels=(first, second.model_copy(update={"pixel_mm": 0.2})))
    with pytest.raises(FileError, match="one pixel size"):
        mixed.save(tmp_path / "XDS.INP")
    assert not list(tmp_path.iterdir())


# ---- the command line


@pytest.fixture
def workdir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


FLAGS = ["-cell", "50", "60", "70", "90", "90", "90", "-N", "3", "-default_F", "10"]


def test_simulating_a_geometry(workdir, capsys):
    words = ["simulate", "--geometry", str(CSPAD), *FLAGS, "-oversample", "1"]
    assert main([*words, "-o", "a.bin", "-o", "a.expt", "-o", "a.toml", "-o", "XDS.INP"]) == 0
    image = np.fromfile("a.bin", "<f4")
    assert image.size == 64 * 185 * 194
    assert Config.load("a.toml").beam.wavelength_angstrom == pytest.approx(1.30509, rel=1e-5)
    for name in ("a.expt", "XDS.INP"):
        assert (
            main(["simulate", "--geometry", name, *FLAGS, "-oversample", "1", "-o", "b.bin"]) == 0
        )
        again = np.fromfile("b.bin", "<f4")
        assert (again == 0.0).sum() == (image == 0.0).sum()
        np.testing.assert_allclose(again, image, rtol=1e-3, atol=1e-6 * image.max())
    capsys.readouterr()


def test_a_configuration_overrides_the_geometry(workdir):
    Path("a.geom").write_text(geom(photon_energy="/some/where"))
    Path("a.toml").write_text(
        '[beam]\nenergy = "9 keV"\n[crystal]\ncell_angstrom_deg = [50]\ndefault_F = 1\n'
    )
    words = ["simulate", "a.toml", "--geometry", "a.geom", "-N", "2", "-o", "b.toml"]
    assert main(words) == 0
    config = Config.load("b.toml")
    assert config.beam.energy_ev == 9000.0
    assert config.detector.panels[0].name == "p0"
    assert config.crystal.cells == (2, 2, 2)


def test_notes_about_a_geometry(workdir, capsys):
    Path("a.geom").write_text(geom(photon_energy="/some/where"))
    assert main(["simulate", "--geometry", "a.geom", *FLAGS, "-o", "b.toml"]) == 0
    assert "a.geom: it gives no wavelength" in capsys.readouterr().err


def test_simulating_a_common_detector(workdir):
    words = ["simulate", "--detector", "Eiger 4M", "-distance", "200", *FLAGS]
    assert main([*words, "-lambda", "1", "-o", "a.toml", "-o", "a.geom"]) == 0
    detector = Config.load("a.toml").detector
    assert (detector.pixels_fast, detector.pixels_slow, detector.distance_mm) == (2070, 2167, 200)
    assert len(Geometry.read("a.geom").panels[0].masked) == 4
    assert main(["simulate", "--detector", "jungfrau16m", "-distance", "200", *FLAGS,
                 "-lambda", "1", "-roi", "0", "1", "0", "1", "-o", "b.toml"]) == 2  # fmt: skip


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--detector", "eiger5m"], "--detector eiger5m: must be one of pilatus"),
        (["--detector", "jungfrau16m", "-Xbeam", "3"], "--detector jungfrau16m: -Xbeam"),
        (["--detector", "eiger4m", "--geometry", "a.geom"], "is that of --geometry"),
        (["--geometry", "none.geom"], "none.geom: cannot be read"),
    ],
)
def test_wrong_use(workdir, words, expected, capsys):
    assert main(["simulate", *words, *FLAGS, "-o", "a.bin"]) == 2
    assert expected in capsys.readouterr().err
    assert not list(workdir.iterdir())


# ---- presets


def test_presets_against_pyfai():
    """Pixels, gaps and masks as another library has them."""
    from pyFAI import detectors

    for name, theirs in {
        "pilatus300k": "Pilatus300k", "pilatus1m": "Pilatus1M", "pilatus2m": "Pilatus2M",
        "pilatus6m": "Pilatus6M", "eiger1m": "Eiger1M", "eiger4m": "Eiger4M",
        "eiger9m": "Eiger9M", "eiger16m": "Eiger16M", "eiger2_4m": "Eiger2_4M",
        "eiger2_9m": "Eiger2_9M", "eiger2_16m": "Eiger2_16M", "jungfrau4m": "Jungfrau4M",
    }.items():  # fmt: skip
        other = getattr(detectors, theirs)()
        detector = Detector.preset(name, distance_mm=100)
        scene = nbcy.build_scene(Config(crystal=CRYSTAL, detector=detector))
        (panel,) = scene.panels
        assert panel.shape == other.MAX_SHAPE
        assert panel.pixel_size == pytest.approx(other.pixel1, rel=1e-12)
        np.testing.assert_array_equal(scene.mask == 0, other.calc_mask() != 0)
    rayonix = detectors.RayonixMx340hs()
    assert PRESETS["rayonix_mx340"].pixels == rayonix.shape
    assert PRESETS["rayonix_mx340"].pixel_mm == pytest.approx(1000 * rayonix.pixel1, rel=1e-6)


@pytest.mark.parametrize("convention", ["mosflm", "xds"])
def test_the_windmill_of_the_jungfrau(convention):
    """32 modules, no two of which overlap, around a hole in which the beam is."""
    detector = Detector.preset("Jungfrau 16M", distance="20 cm", convention=convention)
    assert len(detector.panels) == 32
    scene = nbcy.build_scene(Config(crystal=CRYSTAL, detector=detector))
    whole = np.zeros((4432, 4215), int)
    for fast, slow in PRESETS["jungfrau16m"].corners():
        whole[slow : slow + 514, fast : fast + 1030] += 1
    assert whole.max() == 1
    assert whole[4432 // 2, 4215 // 2] == 0
    assert scene.placement.distance == pytest.approx(0.2)
    assert min(panel.outside(0.2 * scene.beam) for panel in scene.panels) > 50e-6
    mask = scene.mask_of(31)
    assert mask is not None
    seams = [256, 257, 514, 515, 772, 773]
    assert np.flatnonzero(mask[0] == 0).tolist() == seams
    assert np.flatnonzero(mask[:, 0] == 0).tolist() == [256, 257]


def test_preset_fields():
    detector = Detector.preset("pilatus6m", distance="30 cm", pixels_fast=100, masked=[])
    assert (detector.distance_mm, detector.pixels_fast, detector.pixel_mm) == (300, 100, 0.172)
    with pytest.raises(ConfigError, match="must be one of pilatus300k"):
        Detector.preset("pilatus")
    with pytest.raises(ConfigError, match=r"; did you mean eiger4m\?"):
        Detector.preset("Eigr4M")
    with pytest.raises(ConfigError, match=r"along with detector\.panels"):
        Detector.preset("jungfrau16m", xbeam_mm=3)

"""NXmx and SMV as other programs write them, made here by hand; stacks of what differs."""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from strategies import plain_config

from nbcy import Config, ConfigError, FileError, Geometry, NbcyWarning, Simulator, orientations
from nbcy.base.files import read_bytes
from nbcy.cli.main import main
from nbcy.formats.frame import Frame
from nbcy.formats.frames import open_recording
from nbcy.formats.measurement import Measurement, changed, changes
from nbcy.formats.registry import GEOMETRY_REGISTRY, REGISTRY, _load
from nbcy.image.measuring import measurement_of
from nbcy.image.prediction import predict_spots
from nbcy.inputs.hkl import read_hkl
from nbcy.inputs.mask import read_mask
from nbcy.work.series import save_frames

SLOW, FAST, COUNT = 40, 30, 3
PIXEL, DISTANCE, CENTRE, WAVELENGTH = 75e-6, 0.2, (14.3, 21.7), 0.9763
PIXELS = np.arange(COUNT * SLOW * FAST, dtype=np.uint32).reshape(COUNT, SLOW, FAST)
ORIGIN = (1e3 * PIXEL * CENTRE[0], 1e3 * PIXEL * CENTRE[1], 1e3 * DISTANCE)

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*(thickness is not taken over|oversample.*coarse):nbcy.base.errors.NbcyWarning"
)


def group(parent, name, nx_class):
    made = parent.create_group(name)
    made.attrs["NX_class"] = nx_class
    return made


def field(parent, name, value, units=None, **attributes):
    made = parent.create_dataset(name, data=value)
    for key, text in {"units": units, **attributes}.items():
        if text is not None:
            made.attrs[key] = text
    return made


def axis(parent, name, value, units, kind, vector, above, offset=(0.0, 0.0, 0.0), **attributes):
    attributes.setdefault("offset_units", "m")
    return field(
        parent, name, value, units, transformation_type=kind, vector=np.array(vector, float),
        offset=np.array(offset, float), depends_on=above, **attributes,
    )  # fmt: skip


DETECTOR = "/entry/instrument/detector"


def module(detector, name, origin=(0, 0), size=(SLOW, FAST), stack=None):
    made = group(detector, name, "NXdetector_module")
    made["data_origin"], made["data_size"] = np.array(origin), np.array(size)
    x, y = CENTRE[0] - origin[-1], CENTRE[1] - origin[-2]
    axis(
        made, "module_offset", 0.0, "m", "translation", (1, 0, 0),
        f"{DETECTOR}/transformations/det_z", (PIXEL * x, PIXEL * y, 0.0),
    )  # fmt: skip
    for way, vector in (("fast", (-1, 0, 0)), ("slow", (0, -1, 0))):
        here = f"{made.name}/module_offset"
        axis(made, f"{way}_pixel_direction", PIXEL, "m", "translation", vector, here)
    return made


def write(path, *, modules=True, omega=(10.0, 10.1, 10.2), data=PIXELS):
    """A file as a beamline writes it, for a test to change."""
    file = h5py.File(path, "w")
    entry = group(file, "entry", "NXentry")
    entry["definition"] = "NXmx"
    field(group(entry, "data", "NXdata"), "data", data)
    entry["data"].attrs["signal"] = "data"
    instrument = group(entry, "instrument", "NXinstrument")
    beam = group(instrument, "beam", "NXbeam")
    field(beam, "incident_wavelength", WAVELENGTH, "angstrom")
    detector = group(instrument, "detector", "NXdetector")
    for name, value in zip(("beam_center_x", "beam_center_y"), CENTRE, strict=True):
        field(detector, name, value, "pixel")
    field(detector, "detector_distance", DISTANCE, "m")
    field(detector, "count_time", 0.01, "s")
    field(detector, "sensor_thickness", 0.00045, "m")
    for name in ("x_pixel_size", "y_pixel_size"):
        field(detector, name, PIXEL, "m")
    chain = group(detector, "transformations", "NXtransformations")
    axis(chain, "det_z", [1e3 * DISTANCE], "mm", "translation", (0, 0, 1), ".")
    if modules:
        module(detector, "module")
    sample = group(entry, "sample", "NXsample")
    sample["depends_on"] = "/entry/sample/transformations/omega"
    turning = group(sample, "transformations", "NXtransformations")
    axis(turning, "omega", list(omega), "deg", "rotation", (-1, 0, 0), ".")
    field(turning, "omega_increment_set", np.full(len(omega), 0.1), "deg")
    return file


def check(path, *, phi=10.0, osc=0.1, origin=ORIGIN, pixels=PIXELS):
    geometry = Geometry.read(path)
    (panel,) = geometry.panels
    assert panel.origin_mm == pytest.approx(origin, abs=1e-9)
    assert panel.fast_vector == pytest.approx((-1, 0, 0))
    assert panel.slow_vector == pytest.approx((0, -1, 0))
    assert (panel.pixels_slow, panel.pixels_fast) == pixels.shape[-2:]
    assert panel.pixel_mm == pytest.approx(1e3 * PIXEL)
    assert geometry.wavelength_angstrom == pytest.approx(WAVELENGTH)
    assert (geometry.phi_deg, geometry.osc_deg) == pytest.approx((phi, osc))
    with open_recording(path) as recording:
        assert recording.measurement is not None
        found = np.array([frame.pixels for frame in recording])
    np.testing.assert_array_equal(found, pixels)
    return geometry


def as_fixed_bytes(file):
    """Every string as one of fixed length, which C writers and NumPy make."""

    def change(name, item):
        for holder, key in [(item.attrs, key) for key in item.attrs]:
            if isinstance(holder[key], str):
                text = holder[key]
                del holder[key]
                holder[key] = np.bytes_(text)

    file.visititems(change)
    for name in ("entry/definition", "entry/sample/depends_on"):
        text = file[name][()]
        del file[name]
        file[name] = np.bytes_(text)


def with_unit(name, value, unit):
    def change(file):
        file[name][()] = value
        file[name].attrs["units"] = unit

    return change


def omega_as_group(file):
    turning = file["entry/sample/transformations"]
    values = turning["omega"]
    inner = group(turning, "goniometer_omega", "NXpositioner")
    file.copy(values, inner, "omega")
    del turning["omega"]
    field(inner, "omega_increment_set", np.full(COUNT, 0.1))
    del file["entry/sample/depends_on"]
    file["entry/sample/depends_on"] = "/entry/sample/transformations/goniometer_omega"


def omega_as_log(file):
    """The attributes at the group, the numbers in ``value``."""
    turning = file["entry/sample/transformations"]
    values, attributes = turning["omega"][()], dict(turning["omega"].attrs)
    del turning["omega"]
    log = group(turning, "omega", "NXlog")
    log.attrs.update(attributes)
    field(log, "value", values, "deg")


def other_data_first(file):
    """An NXdata of something else, whose name comes first."""
    other = group(file["entry"], "a_curve", "NXdata")
    other["intensity"] = np.arange(9.0)


def by_beamline_names(file):
    """Links of files of frames, ten and more, not in the order of letters."""
    data = file["entry/data"]
    del data["data"]
    for n in range(COUNT):
        data[f"data_{9 + n}"] = PIXELS[n : n + 1]
    del data.attrs["signal"]


def swapped(file):
    del file[f"{DETECTOR}/module/data_size"]
    file[f"{DETECTOR}/module/data_size"] = np.array([FAST, SLOW])


def lone_picture(file):
    del file["entry/data/data"]
    file["entry/data/data"] = PIXELS[0]


def relative_links(file):
    for name in ("module_offset",):
        file[f"{DETECTOR}/module/{name}"].attrs["depends_on"] = "../transformations/det_z"
    for way in ("fast", "slow"):
        direction = file[f"{DETECTOR}/module/{way}_pixel_direction"]
        direction.attrs["depends_on"] = "module_offset"


def long_vectors(file):
    """A translation of 1 along a vector that is as long as the way, as nexgen has it."""
    offset = file[f"{DETECTOR}/module/module_offset"]
    offset.attrs["vector"] = offset.attrs["offset"]
    offset.attrs["offset"] = np.zeros(3)
    offset[()] = 1.0


@pytest.mark.parametrize(
    "change",
    [
        lambda file: None,
        as_fixed_bytes,
        with_unit(f"{DETECTOR}/count_time", 10.0, "milliseconds"),
        with_unit(f"{DETECTOR}/count_time", 0.01, "Seconds"),
        with_unit(f"{DETECTOR}/sensor_thickness", 450.0, "microns"),
        with_unit("entry/instrument/beam/incident_wavelength", WAVELENGTH, "Angstroms"),
        with_unit("entry/instrument/beam/incident_wavelength", WAVELENGTH / 10, "nanometer"),
        with_unit(f"{DETECTOR}/transformations/det_z", 20.0, "centimetre"),
        with_unit("entry/sample/transformations/omega", [10.0, 10.1, 10.2], "Degrees"),
        omega_as_group,
        omega_as_log,
        other_data_first,
        by_beamline_names,
        swapped,
        relative_links,
        long_vectors,
    ],
)
def test_as_others_write_nxmx(tmp_path, change):
    with write(tmp_path / "a.nxs") as file:
        change(file)
    check(tmp_path / "a.nxs")


def test_a_lone_picture(tmp_path):
    with write(tmp_path / "a.nxs") as file:
        lone_picture(file)
    check(tmp_path / "a.nxs", pixels=PIXELS[:1])


def test_a_compressed_file(tmp_path):
    write(tmp_path / "a.nxs").close()
    (tmp_path / "b.nxs.gz").write_bytes(gzip.compress((tmp_path / "a.nxs").read_bytes()))
    check(tmp_path / "b.nxs.gz")


def test_a_master_without_modules(tmp_path):
    """Square to the beam, by distance and beam centre."""
    write(tmp_path / "a_master.h5", modules=False).close()
    check(tmp_path / "a_master.h5")
    with write(tmp_path / "b_master.h5", modules=False) as file:
        del file[f"{DETECTOR}/detector_distance"]
    with open_recording(tmp_path / "b_master.h5") as recording:
        assert "no NXdetector_module, nor detector_distance in its place" in recording.unplaced
        np.testing.assert_array_equal(recording.frame(2).pixels, PIXELS[2])


def test_a_master_of_dectris(tmp_path):
    """A goniometer of angles without vectors, an energy without a wavelength."""
    with write(tmp_path / "a_master.h5", modules=False) as file:
        del file["entry/instrument/beam/incident_wavelength"], file["entry/sample/depends_on"]
        del file["entry/sample/transformations"]
        specific = file[DETECTOR].create_group("detectorSpecific")
        field(specific, "photon_energy", 12398.419843320026 / WAVELENGTH, "eV")
        goniometer = group(file["entry/sample"], "goniometer", "NXtransformations")
        field(goniometer, "omega", [10.0, 10.1, 10.2], "degree")
        field(goniometer, "omega_range_average", 0.1, "degree")
    check(tmp_path / "a_master.h5")


def test_modules_side_by_side(tmp_path):
    """They are cut out of the picture and stacked."""
    with write(tmp_path / "a.nxs", modules=False) as file:
        for n, (slow, fast) in enumerate([(22, 17), (0, 17), (22, 0), (0, 0)]):
            module(file[DETECTOR], f"m{n}", (slow, fast), (18, 13))
        mask = np.zeros((SLOW, FAST), np.uint32)
        mask[23, 18], mask[20, 15], mask[1, 1] = 1, 1, 1 << 31  # in a module, in a gap, a remark
        file[f"{DETECTOR}/pixel_mask"] = mask
    geometry = Geometry.read(tmp_path / "a.nxs")
    places = [(0, 0), (0, 17), (22, 0), (22, 17)]
    for panel, (slow, fast) in zip(geometry.panels, places, strict=True):
        x, y = ORIGIN[0] - 0.075 * fast, ORIGIN[1] - 0.075 * slow
        assert panel.origin_mm == pytest.approx((x, y, ORIGIN[2]))
        assert (panel.pixels_slow, panel.pixels_fast) == (18, 13)
    assert [panel.masked for panel in geometry.panels] == [(), (), (), ((1, 1, 1, 1),)]
    parts = [PIXELS[1, s : s + 18, f : f + 13] for s, f in places]
    with open_recording(tmp_path / "a.nxs") as recording:
        frame = recording.frame(1)
    np.testing.assert_array_equal(frame.pixels, np.concatenate(parts))
    assert np.argwhere(frame.invalid).tolist() == [[3 * 18 + 1, 1]]


def test_screening_steps(tmp_path):
    """Frames start where they say, and turn by what they say."""
    write(tmp_path / "a.nxs", omega=(0.0, 45.0, 90.0)).close()
    with pytest.warns(NbcyWarning, match="do not follow one another: each turns by 0.1 degrees"):
        check(tmp_path / "a.nxs", phi=0.0)
    with pytest.warns(NbcyWarning, match="do not follow"):
        recording = open_recording(tmp_path / "a.nxs")
    with recording:
        starts = [np.degrees(recording.measurement_at(n).phi) for n in range(COUNT)]
    assert starts == pytest.approx([0.0, 45.0, 90.0])


def test_angles_with_jitter(tmp_path):
    write(tmp_path / "a.nxs", omega=(10.0, 10.1001, 10.1999)).close()
    check(tmp_path / "a.nxs")
    with write(tmp_path / "b.nxs", omega=(10.0, 10.1001, 10.1999)) as file:
        del file["entry/sample/transformations/omega_increment_set"]
    check(tmp_path / "b.nxs", osc=0.09995)
    with open_recording(tmp_path / "b.nxs") as recording:
        assert np.degrees(recording.measurement_at(1).phi) == pytest.approx(10.1001)


def test_lengths_without_a_unit(tmp_path):
    with write(tmp_path / "a.nxs") as file:
        del file["entry/instrument/beam/incident_wavelength"].attrs["units"]
    with pytest.warns(NbcyWarning, match="incident_wavelength has no unit: Angstrom is taken"):
        check(tmp_path / "a.nxs")
    with write(tmp_path / "b.nxs") as file:
        file["entry/instrument/beam/incident_wavelength"][()] = WAVELENGTH * 1e-10
        del file["entry/instrument/beam/incident_wavelength"].attrs["units"]
    check(tmp_path / "b.nxs")


@pytest.mark.parametrize("unit", ["parsnip", "kg", "s"])
def test_a_unit_of_something_else(tmp_path, unit):
    with write(tmp_path / "a.nxs") as file:
        file[f"{DETECTOR}/transformations/det_z"].attrs["units"] = unit
    with pytest.raises(FileError, match=f"'{unit}' is not a unit of length"):
        Geometry.read(tmp_path / "a.nxs")
    with open_recording(tmp_path / "a.nxs") as recording:  # the picture is there all the same
        np.testing.assert_array_equal(recording.frame(0).pixels, PIXELS[0])


def test_files_behind_a_master_that_are_missing(tmp_path):
    """The geometry is told all the same; frames are never made up."""
    with write(tmp_path / "a_master.h5") as file:
        del file["entry/data/data"], file["entry/data"].attrs["signal"]
        file["entry/data/data_000001"] = h5py.ExternalLink("a_data_000001.h5", "/entry/data/data")
    assert Geometry.read(tmp_path / "a_master.h5").images == COUNT
    with pytest.raises(FileError, match=r"links to a_data_000001\.h5, which cannot be read"):
        open_recording(tmp_path / "a_master.h5")
    with write(tmp_path / "b.nxs") as file:
        del file["entry/data/data"]
        layout = h5py.VirtualLayout((COUNT, SLOW, FAST), np.uint32)
        layout[:] = h5py.VirtualSource("b_000001.h5", "/data", (COUNT, SLOW, FAST))
        file["entry/data"].create_virtual_dataset("data", layout)
    missing = pytest.raises(FileError, match=r"links to b_000001\.h5, which cannot be read")
    with open_recording(tmp_path / "b.nxs") as recording, missing:
        recording.frame(0)
    with h5py.File(tmp_path / "b_000001.h5", "w") as file:
        file["data"] = PIXELS
    check(tmp_path / "b.nxs")
    with write(tmp_path / "c.nxs") as file:
        del file["entry/data/data"]
        file["entry/data"].create_dataset("data", (COUNT, SLOW, FAST), np.uint32)
    unwritten = pytest.raises(FileError, match="none were written")
    with open_recording(tmp_path / "c.nxs") as recording, unwritten:
        recording.frame(0)


def test_the_last_files_behind_a_master_are_missing(tmp_path):
    """Eiger's masters name files that an aborted run never wrote."""
    with write(tmp_path / "a_master.h5") as file:
        file.move("entry/data/data", "entry/data/data_000001")
        file["entry/data"].attrs["signal"] = "data_000001"
        file["entry/data/data_000002"] = h5py.ExternalLink("a_data_000002.h5", "/entry/data/data")
    with pytest.warns(NbcyWarning, match=r"a_data_000002\.h5 and what follows it cannot be read"):
        recording = open_recording(tmp_path / "a_master.h5")
    with recording:
        assert recording.count == COUNT


# ---- stacks of what differs

CRYSTAL = {
    "cell_angstrom_deg": (30, 40, 50, 80, 95, 100), "cells": 8, "default_F": 100,
    "shape": "gauss",
}  # fmt: skip
STILL = plain_config(
    crystal=CRYSTAL,
    beam={"wavelength_angstrom": 1.1, "fluence_photons_per_m2": 1e24},
    detector={"pixels_fast": 90, "pixels_slow": 80, "pixel_mm": 0.5, "distance_mm": 60},
    sampling={"oversample": 1},
)


@pytest.fixture(scope="module")
def stills():
    turns = orientations.random_orientations(3, seed=5)
    return turns, list(Simulator(STILL).run_many(turns, progress=False, threads=1))


def test_a_stack_of_stills_holds_their_orientations(tmp_path, stills, capsys):
    _, images = stills
    save_frames(iter(images), [tmp_path / "s.nxs", tmp_path / "t_##.tif"], len(images))
    for name in ("s.nxs", "t_##.tif"):
        with open_recording(tmp_path / name) as recording:
            for n, image in enumerate(images):
                expected, found = measurement_of(image), recording.measurement_at(n)
                assert found.spindle is None
                # Lengths and angles between the axes and the beam, whatever the frame of the lab.
                np.testing.assert_allclose(
                    found.cell @ found.beam, expected.cell @ expected.beam, rtol=0, atol=1e-19
                )
                spots, wanted = predict_spots(found), predict_spots(expected)
                assert len(spots) == len(wanted) > 0
                assert set(map(tuple, spots.hkl)) == set(map(tuple, wanted.hkl))
    cells = [measurement_of(image).cell for image in images]
    assert not np.allclose(cells[0], cells[1], atol=0.0)


def test_circles_are_where_the_spots_of_a_still_are(tmp_path, stills):
    _, images = stills
    save_frames(iter(images), tmp_path / "s.nxs", len(images))
    with open_recording(tmp_path / "s.nxs") as recording:
        for n, image in enumerate(images):
            spots = predict_spots(recording.measurement_at(n))
            rows, columns = spots.slow.astype(int), spots.fast.astype(int)
            here = image.pixels[rows, columns]
            assert np.median(here) > 20.0 * np.median(image.pixels)


def test_provenance_of_each_frame(tmp_path, stills):
    _, images = stills
    noisy = [image.with_noise(seed) for seed, image in enumerate(images, 7)]
    save_frames(iter(noisy), tmp_path / "s.nxs", len(noisy))
    with open_recording(tmp_path / "s.nxs") as recording:
        for n, image in enumerate(noisy):
            found = recording.measurement_at(n).provenance
            assert found == json.loads(json.dumps(dict(image.provenance)))


def test_changes_of_nested_mappings():
    first = {"a": {"b": 1, "c": {"d": 2}}, "e": 3, "gone": 4}
    other = {"a": {"b": 1, "c": {"d": 5}}, "e": 3, "new": [6]}
    differing = changes(first, other)
    assert differing == {"a": {"c": {"d": 5}}, "new": [6], "gone": None}
    assert changed(first, differing) == {**other, "gone": None}
    assert changes(first, first) == {}


def test_wavelengths_of_each_frame(tmp_path):
    lengths = [1.1, 1.0, 1.05]
    config = STILL.with_overrides({"sampling.oversample": 12})
    images = list(Simulator(config).run_many(wavelength_angstrom=lengths, progress=False))
    save_frames(iter(images), tmp_path / "s.nxs", len(images))
    with open_recording(tmp_path / "s.nxs") as recording:
        found = [1e10 * recording.measurement_at(n).wavelength for n in range(3)]
    assert found == pytest.approx(lengths)


def test_a_stack_of_two_detectors_is_refused(tmp_path, stills):
    _, (image, *_) = stills
    other = Simulator(STILL.with_overrides({"detector.distance_mm": 61})).run()
    with pytest.raises(FileError, match="frame 2 has another than the first"):
        save_frames(iter([image, other]), tmp_path / "s.nxs", 2)
    assert list(tmp_path.iterdir()) == []


def test_a_panel_along_the_beam(tmp_path):
    """The beam meets it nowhere, so there is no beam centre to write."""
    panel = {
        "origin_mm": (50, 20, -10), "fast_vector": (1, 0, 0), "slow_vector": (0, 0, 1),
        "pixels_fast": 12, "pixels_slow": 9, "pixel_mm": 1.0,
    }  # fmt: skip
    config = Config(
        crystal=CRYSTAL, detector={"panels": [panel]},
        beam={"wavelength_angstrom": 1, "direction": (1, 0, 0)},
    )  # fmt: skip
    image = Simulator(config).run()
    for name in ("a.nxs", "a.tif", "a.edf"):
        image.save(tmp_path / name)
        with open_recording(tmp_path / name) as recording:
            (found,) = recording.measurement.panels
            assert found.close_distance == pytest.approx(0.02)
            assert abs(found.normal @ recording.measurement.beam) < 1e-9


# ---- SMV


def smv(path, pixels, order="little_endian", kind="unsigned_short", **changes):
    entries = {
        "DIM": 2, "BYTE_ORDER": order, "TYPE": kind, "SIZE1": pixels.shape[1],
        "SIZE2": pixels.shape[0], "PIXEL_SIZE": 0.1, "DISTANCE": 100, "WAVELENGTH": 1,
        "BEAM_CENTER_X": 0.6, "BEAM_CENTER_Y": 0.4, **changes,
    }  # fmt: skip
    text = "".join(f"{key}={value};\n" for key, value in entries.items())
    header = f"{{\nHEADER_BYTES=  512;\n{text}}}\f".ljust(512).encode()
    path.write_bytes(header + pixels.tobytes())


def test_pixels_below_the_pedestal_are_counts_below_zero(tmp_path):
    smv(tmp_path / "a.img", np.array([[0, 1, 39], [40, 41, 65535]], "<u2"), IMAGE_PEDESTAL=40)
    with open_recording(tmp_path / "a.img") as recording:
        frame = recording.frame(0)
    np.testing.assert_array_equal(frame.pixels[frame.pixels > -40], [-39, -1, 0, 1, 65495])
    np.testing.assert_array_equal(frame.invalid, [[True, False, False], [False, False, False]])


@pytest.mark.parametrize(
    ("order", "kind", "stored"),
    [
        ("little_endian", "signed_long", "<i4"),
        ("big_endian", "unsigned_long", ">u4"),
        ("little_endian", "float", "<f4"),
        ("big_endian", "unsigned_short", ">u2"),
    ],
)
def test_smv_of_other_pixels(tmp_path, order, kind, stored):
    pixels = np.array([[1, 2, 3], [4, 5, 30000]])
    smv(tmp_path / "a.img", pixels.astype(stored), order, kind)
    with open_recording(tmp_path / "a.img") as recording:
        np.testing.assert_array_equal(recording.frame(0).pixels, pixels)


def test_a_small_twotheta_is_an_encoder(tmp_path):
    pixels = np.ones((2, 3), "<u2")
    smv(tmp_path / "a.img", pixels)
    smv(tmp_path / "b.img", pixels, TWOTHETA=-0.009)
    with pytest.warns(NbcyWarning, match=r"TWOTHETA=-0\.009 is an encoder's"):
        found = Geometry.read(tmp_path / "b.img")
    assert found.panels == Geometry.read(tmp_path / "a.img").panels
    for changes_ in ({"TWOTHETA": 5}, {"TWOTHETA": 0.05, "CLOSE_DISTANCE": 99.99}):
        smv(tmp_path / "c.img", pixels, **changes_)
        with pytest.raises(FileError, match="not square to the beam"):
            Geometry.read(tmp_path / "c.img")


def test_a_barrel_is_no_flat_panel(tmp_path):
    image = Simulator(STILL).run()
    image.with_noise(1).save(tmp_path / "a.cbf")
    data = (tmp_path / "a.cbf").read_bytes()
    barrel = data.replace(b"# Detector: simulated", b"# Detector: PILATUS 12M", 1)
    (tmp_path / "a.cbf").write_bytes(barrel)
    with open_recording(tmp_path / "a.cbf") as recording:
        assert "barrel of 24 banks" in recording.unplaced


# ---- damage that libraries do not survive


def limited(call, seconds=20):
    """Run in time; a hang would end the process, and the test with it."""
    signal.alarm(seconds)
    try:
        return call()
    finally:
        signal.alarm(0)


def test_directories_of_a_tiff_in_a_circle(tmp_path):
    Simulator(STILL).run().save(tmp_path / "a.tif")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    at = int.from_bytes(data[4:8], "little")
    end = at + 2 + 12 * int.from_bytes(data[at : at + 2], "little")
    data[end : end + 4] = data[4:8]
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(FileError, match="its directories come back to byte"):
        limited(lambda: open_recording(tmp_path / "a.tif"))


def test_an_edf_of_a_billion_dimensions(tmp_path):
    Simulator(STILL).run().save(tmp_path / "a.edf")
    data = (tmp_path / "a.edf").read_bytes()
    (tmp_path / "a.edf").write_bytes(data.replace(b"Dim_2 =", b"Dim_1000000000 =", 1))
    with pytest.raises(FileError, match="has Dim_1000000000: an image of two dimensions"):
        limited(lambda: open_recording(tmp_path / "a.edf"))


def test_a_description_without_numbers(tmp_path):
    measurement = measurement_of(Simulator(STILL).run())
    told = measurement.to_dict() | {"phi": None}
    assert "damaged" in Measurement.of_json(json.dumps(told))


def test_a_bomb_of_gzip(tmp_path):
    (tmp_path / "a.hkl.gz").write_bytes(gzip.compress(b"\0" * 2**27))
    with pytest.raises(FileError, match="expands to more than"):
        read_bytes(tmp_path / "a.hkl.gz")
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"\0" * 2**20))
    assert len(read_bytes(tmp_path / "b.gz")) == 2**20


def test_a_long_header_of_smv_is_read_in_time(tmp_path):
    (tmp_path / "a.img").write_bytes(b"{\nHEADER_BYTES=512;\n" + b"a" * 900_000 + b"}" + b" " * 99)
    with pytest.raises(FileError):
        limited(lambda: open_recording(tmp_path / "a.img"))


def test_errors_echo_no_more_than_200_characters(tmp_path):
    (tmp_path / "a.hkl").write_text("1 2 3 " + "q" * 5000 + "\n")
    with pytest.raises(FileError) as caught:
        read_hkl(tmp_path / "a.hkl")
    assert str(caught.value).count("q") < 201
    assert "is not a number; expected h k l F" in str(caught.value)


def test_long_names_in_other_alphabets(tmp_path):
    path = tmp_path / ("é" * 120 + ".img")
    Simulator(STILL).run().with_noise(1).save(path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "words", [["--help"], ["audit", *["-cell 40 40 40 90 90 90 -trace_pixel 1 1"] * 2]]
)
def test_output_that_is_closed_or_ascii(tmp_path, words):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = shlex.join([sys.executable, "-m", "nbcy", *words])
    for end in (">&-", ">/dev/null"):
        done = subprocess.run(
            ["bash", "-c", f"{command} {end}"], env=environment, cwd=tmp_path, capture_output=True
        )
        assert b"Traceback" not in done.stderr


# ---- one frame of the lab


def test_expt_and_nxs_of_one_run_lie_in_one_frame(tmp_path):
    """NeXus's x and z are DIALS's with the other sign."""
    config = STILL.with_overrides({
        "spindle.osc_deg": 1.0, "spindle.phi_deg": 20.0, "detector.rotx_deg": 3.0,
        "detector.convention": "custom",
        "beam.polarization_vector": (0.0, 0.6, 0.8),
    })  # fmt: skip
    image = Simulator(config).run()
    image.save(tmp_path / "a.nxs")
    Geometry.of(image.scene).save(tmp_path / "a.expt")
    nexus, dials = Geometry.read(tmp_path / "a.nxs"), Geometry.read(tmp_path / "a.expt")
    turned = nexus.turned(np.diag([-1.0, 1.0, -1.0]))
    for name in ("origin_mm", "fast_vector", "slow_vector"):
        found = getattr(turned.panels[0], name)
        assert found == pytest.approx(getattr(dials.panels[0], name), abs=1e-9)
    for name in ("beam", "spindle", "polarization"):
        assert getattr(turned, name) == pytest.approx(getattr(dials, name), abs=1e-12)
    np.testing.assert_allclose(turned.axes_angstrom, dials.axes_angstrom, rtol=0, atol=1e-9)


# ---- masks


@pytest.mark.parametrize("name", ["m.img", "m.cbf", "m.tif", "m.edf", "m.nxs", "m.npy", "m.bin"])
def test_masks_of_any_format(tmp_path, name):
    image = Simulator(STILL).run().with_noise(3)
    if name == "m.img":
        smv(tmp_path / name, (image.pixels > 0).astype("<u2"), ADC_OFFSET=40)
    else:
        image.save(tmp_path / name)
    mask = read_mask(tmp_path / name, (80, 90))
    np.testing.assert_array_equal(mask, image.pixels > 0)
    wrong = STILL.with_overrides(
        {"detector.mask_file": str(tmp_path / name), "detector.pixels_fast": 81}
    )
    with pytest.raises((ConfigError, FileError)):
        Simulator(wrong)


# ---- the registry


@pytest.mark.parametrize("record", [*REGISTRY, *GEOMETRY_REGISTRY], ids=lambda each: each.name)
def test_every_record_is_complete(record):
    """A format's places are in its record; each leads somewhere and is documented."""
    places = [record.reader, record.writer, getattr(record, "geometry_reader", "")]
    for place in filter(None, places):
        assert _load(place).__doc__, f"{record.name}: {place} has no docstring"
    docs = Path(__file__).parents[1] / "docs"
    if record in GEOMETRY_REGISTRY:
        named = record.name.replace(" ", " `?").replace(".", r"\.")
        assert re.search(named, (docs / "detectors.md").read_text()), (
            f"{record.name} is missing from docs/detectors.md"
        )
        return
    told = (docs / "files.md").read_text()
    for suffix in record.suffixes:
        assert suffix in told, f"{record.name}: {suffix} is missing from docs/files.md"
    assert record.picture or record.reader, f"{record.name} can be written and not read"
    assert (
        record.many or record.picture or not record.begins or record.is_start_of(start_of(record))
    ), f"{record.name}: files do not begin as `begins` says"


def start_of(record, _made={}):  # noqa: B006
    """First bytes of a file of a format, as it is written."""
    from tempfile import TemporaryDirectory

    image = _made.setdefault("image", Simulator(STILL).run())
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", NbcyWarning)
        path = Path(folder) / f"a{record.suffixes[0]}"
        image.save(path)
        return path.read_bytes()[:1024]


def test_suffixes_belong_to_one_format():
    suffixes = [suffix for record in REGISTRY for suffix in record.suffixes]
    assert len(set(suffixes)) == len(suffixes)


def test_img_means_one_thing(tmp_path, monkeypatch):
    """Photons, a count for each, on top of the offset, whoever writes it."""
    monkeypatch.chdir(tmp_path)
    STILL.with_overrides({"spindle.osc_deg": 0.1}).save("a.toml")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NbcyWarning)
        assert main(["simulate", "a.toml", "-o", "one.img", "-o", "one.nxs"]) == 0
        assert main(["simulate", "a.toml", "--frames", "1", "-o", "two_#.img"]) == 0
        assert main(["convert", "one.nxs", "three.img"]) == 0
    found = []
    for name in ("one.img", "two_1.img", "three.img"):
        with open_recording(name) as recording:
            found.append(recording.frame(0).pixels)
            assert recording.measurement is not None
    with open_recording("one.nxs") as recording:
        photons = recording.frame(0).pixels
    np.testing.assert_array_equal(found[0], np.floor(photons.astype(np.float64) + 0.5))
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


def test_frames_are_arranged_only_where_there_are_modules():
    assert Frame(PIXELS[0]).invalid is None
    assert replace(Frame(PIXELS[0]), invalid=PIXELS[0] > 5).photons().shape == (SLOW, FAST)

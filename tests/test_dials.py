"""A series of nbcy's, processed by DIALS: cell, orientation and intensities come back.

Phi's sense, handedness, beam centre, distance, axes, scaling: nothing that is wrong in a file or in
the simulation gets past this.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hdf5plugin
import numpy as np
import pytest
from seedcase import wilson_list

from nbcy import Config, StructureFactors
from nbcy.cli.main import main
from nbcy.formats.nxmx_writing import to_nexus
from nbcy.render.building import build_scene
from nbcy.scene.measuring import measurement_of_scene
from nbcy.work.series import frames, save_frames

pytestmark = [
    pytest.mark.dials,
    pytest.mark.xdist_group("dials"),  # one run of DIALS for all
    pytest.mark.skipif(shutil.which("dials.import") is None, reason="DIALS is not installed"),
    pytest.mark.filterwarnings("ignore::nbcy.base.errors.NbcyWarning"),
]

FRAMES = 40
PATTERNS = ("s.nxs", "s_*.cbf")
# A triclinic crystal on a Pilatus 300K, which DIALS knows, off centre; 0.025 degrees a step.
CONFIG = Config(
    crystal={
        "cell_angstrom_deg": (27.07, 31.25, 33.76, 87.98, 108.0, 112.11),
        "cells": (14, 12, 11),
        "shape": "gauss",
        "misset_deg": (23, 41, 67),
    },
    beam={
        "wavelength_angstrom": 1.0,
        "flux_photons_per_s": 6e16,
        "exposure_s": 1,
        "size_mm": 0.01,
        "kahn_factor": 0.98,
    },
    detector={
        "pixel_mm": 0.172,
        "pixels_fast": 487,
        "pixels_slow": 619,
        "distance_mm": 80,
        "xbeam_mm": 52.3,
        "ybeam_mm": 41.2,
    },
    spindle={"phi_deg": 5, "osc_deg": 0.5, "steps": 20},
    sampling={"oversample": 2},
    background={"water_um": 0.13},
)
READ_REFLECTIONS = """
import json, sys
from dials.array_family import flex
table = flex.reflection_table.from_file(sys.argv[1])
whole = table.select(table.get_flags(table.flags.integrated_sum))
whole = whole.select(whole["partiality"] > 0.99)
columns = {"hkl": "miller_index", "sum": "intensity.sum.value", "lp": "lp"}
print(json.dumps({name: list(whole[column]) for name, column in columns.items()}))
"""


READ_GEOMETRY = """
import json
from dxtbx.model.experiment_list import ExperimentList
(experiment,) = ExperimentList.from_file("imported.expt", check_format=False)
print(json.dumps([
    [panel.get_origin(), panel.get_fast_axis(), panel.get_slow_axis(), panel.get_image_size()]
    for panel in experiment.detector
] + [experiment.goniometer.get_rotation_axis(), experiment.beam.get_wavelength()]))
"""


@pytest.fixture(scope="module")
def factors(tmp_path_factory):
    path = tmp_path_factory.mktemp("list") / "wilson.hkl"
    path.write_text(wilson_list(CONFIG.crystal.cell_angstrom_deg))
    return StructureFactors.from_text(path)


@pytest.fixture(scope="module")
def folder(factors, tmp_path_factory):
    place = tmp_path_factory.mktemp("dials")
    series = frames(CONFIG, FRAMES, structure_factors=factors, seed=1)
    save_frames(series, [place / "s.nxs", place / "s_#####.cbf"], FRAMES)
    return place


def dials(*command, cwd):
    # Debian's HDF5 has no bitshuffle of its own.
    environment = {**os.environ, "HDF5_PLUGIN_PATH": hdf5plugin.PLUGIN_PATH, "OMP_NUM_THREADS": "1"}
    for name in ("PYTHONPATH", "PYTHONHOME"):
        environment.pop(name, None)
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def ask(script, *arguments, cwd):
    """Run a script with DIALS's own Python."""
    python = Path(shutil.which("dials.import")).read_text().splitlines()[0].removeprefix("#!")
    return json.loads(dials(*python.split(), "-c", script, *arguments, cwd=cwd).splitlines()[-1])


def in_dials(measurement):
    """Turn a measurement into DIALS's frame: that of NeXus, by 180 degrees about y."""
    return to_nexus(measurement).turned(np.diag([-1.0, 1.0, -1.0]))


def process(images, place):
    dials("dials.import", *map(str, images), cwd=place)
    dials("dials.find_spots", "imported.expt", "nproc=1", cwd=place)
    indexing = dials("dials.index", "imported.expt", "strong.refl", "nproc=1", cwd=place)
    dials("dials.integrate", "indexed.expt", "indexed.refl", "nproc=1", cwd=place)
    reflections = ask(READ_REFLECTIONS, "integrated.refl", cwd=place)
    table = re.findall(r"^\|\s*0 \|\s*(\d+) \|\s*(\d+) \| [\d.]+%", indexing, re.MULTILINE)
    return json.loads((place / "integrated.expt").read_text()), reflections, table[-1]


@pytest.fixture(scope="module")
def processed(folder, tmp_path_factory):
    """What DIALS makes of each format, both at the same time."""
    with ThreadPoolExecutor() as pool:
        return {
            pattern: pool.submit(
                process, sorted(folder.glob(pattern)), tmp_path_factory.mktemp("processed")
            )
            for pattern in PATTERNS
        }


def angle(rotation):
    return np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1)))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_dials_recovers_the_crystal(processed, factors, pattern):
    experiment, reflections, counts = processed[pattern].result()

    # Spots that were indexed.
    indexed, unindexed = map(int, counts)
    assert indexed > 1000
    assert indexed >= 0.98 * (indexed + unindexed)

    measurement = in_dials(measurement_of_scene(build_scene(CONFIG)))
    scan, goniometer = experiment["scan"][0], experiment["goniometer"][0]
    assert scan["oscillation"] == pytest.approx([5.0, 0.5])
    assert goniometer["rotation_axis"] == pytest.approx(measurement.spindle, abs=1e-9)

    # The same lattice may have other axes: find them, with whole numbers of determinant 1.
    mine = 1e10 * measurement.cell
    crystal = experiment["crystal"][0]
    found = np.array([crystal[f"real_space_{axis}"] for axis in "abc"])
    change = np.rint(mine @ np.linalg.inv(found))
    assert np.linalg.det(change) == pytest.approx(1.0)
    found = change @ found
    lengths = np.linalg.norm(found, axis=1) / np.linalg.norm(mine, axis=1)
    np.testing.assert_allclose(lengths, 1.0, rtol=0, atol=1e-3)
    shape = found @ found.T, mine @ mine.T
    np.testing.assert_allclose(shape[0], shape[1], rtol=0, atol=1e-3 * shape[1].max())

    # Orientation: nearest rotation between the two.
    u, _, v = np.linalg.svd(found.T @ mine)
    assert angle(u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v) < 0.05

    # Intensities.
    known = {tuple(hkl): F for hkl, F in zip(factors.hkl.tolist(), factors.F, strict=True)}
    hkl = np.array(reflections["hkl"]) @ np.rint(np.linalg.inv(change)).astype(int)
    expected = np.array([known.get(tuple(index), np.nan) ** 2 for index in hkl.tolist()])
    intensity = np.array(reflections["sum"]) * np.array(reflections["lp"])
    usable = np.isfinite(expected)
    assert usable.sum() > 1000
    assert np.corrcoef(intensity[usable], expected[usable])[0, 1] > 0.95


# A detector of four panels, none like another, and one off centre.
PANELS = [
    {
        "name": f"q{n}",
        "origin_mm": (80 + n, -20 + 30 * (n // 2), -20 + 30 * (n % 2)),
        "fast_vector": (0, np.sin(0.1 * n), np.cos(0.1 * n)),
        "slow_vector": (0, -np.cos(0.1 * n), np.sin(0.1 * n)),
        "pixels_fast": 90 + 10 * n,
        "pixels_slow": 70,
        "pixel_mm": 0.2,
    }
    for n in range(4)
]
SMALL = CONFIG.with_overrides(
    {"crystal.default_F": 1, "crystal.cells": 1, "spindle.steps": 1, "sampling.oversample": 1}
)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("a.nxs", {}),
        ("a.nxs", {"detector.twotheta_deg": 12}),
        ("a.nxs", {"detector": {"panels": PANELS}}),
        ("a_master.h5", {"detector.convention": "adxv", "detector.ybeam_mm": 60}),
        ("a_####.cbf", {}),
        ("a_####.img", {}),
    ],
)
def test_dials_places_the_pixels(tmp_path, name, changes):
    config = SMALL.with_overrides(changes)
    save_frames(frames(config, 2, seed=1), tmp_path / name, 2)
    stem, suffix = name.split("#")[0].split(".")[0], Path(name).suffix
    files = [path.name for path in sorted(tmp_path.glob(f"{stem}*{suffix}"))]
    dials("dials.import", *files, cwd=tmp_path)
    *panels, axis, wavelength = ask(READ_GEOMETRY, cwd=tmp_path)
    measurement = in_dials(measurement_of_scene(build_scene(config)))
    for (origin, fast, slow, size), panel in zip(panels, measurement.panels, strict=True):
        # m; SMV headers have nine digits of mm.
        np.testing.assert_allclose(np.array(origin) / 1000, panel.origin, rtol=0, atol=1e-9)
        np.testing.assert_allclose(fast, panel.fast, rtol=0, atol=1e-9)
        np.testing.assert_allclose(slow, panel.slow, rtol=0, atol=1e-9)
        assert tuple(size) == panel.shape[::-1]
    np.testing.assert_allclose(axis, measurement.spindle, rtol=0, atol=1e-9)
    assert wavelength == pytest.approx(1e10 * measurement.wavelength, rel=1e-9)


def test_dials_takes_the_geometry_of_the_same_run(tmp_path, monkeypatch):
    """The .expt of a series stands in for the headers of its images, in the lab of DIALS."""
    monkeypatch.chdir(tmp_path)
    SMALL.save("c.toml")
    words = "simulate c.toml --frames 2 --noise -seed 1 -o a_####.cbf -o a.nxs -o a.expt -o XDS.INP"
    assert main(words.split()) == 0
    measurement = in_dials(measurement_of_scene(build_scene(SMALL)))
    for images in (["a_0001.cbf", "a_0002.cbf"], ["a.nxs"]):
        command = "dials.import", *images, "reference_geometry=a.expt"
        dials(*command, cwd=tmp_path)
        panel, axis, wavelength = ask(READ_GEOMETRY, cwd=tmp_path)
        expected = measurement.panels[0]
        np.testing.assert_allclose(np.array(panel[0]) / 1000, expected.origin, rtol=0, atol=1e-12)
        np.testing.assert_allclose(panel[1], expected.fast, rtol=0, atol=1e-12)
        np.testing.assert_allclose(panel[2], expected.slow, rtol=0, atol=1e-12)
        np.testing.assert_allclose(axis, measurement.spindle, rtol=0, atol=1e-12)
        assert wavelength == pytest.approx(1e10 * measurement.wavelength, rel=1e-12)
        (scan,) = json.loads((tmp_path / "imported.expt").read_text())["scan"]
        assert scan["image_range"] == [1, 2]
        (imageset,) = json.loads((tmp_path / "imported.expt").read_text())["imageset"]
        assert Path(imageset["template"]).name == ("a.nxs" if len(images) == 1 else "a_####.cbf")

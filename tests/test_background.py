"""Background: the reference's sister program, properties, parts of images (physics 13)."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbcy
from nbcy import Background, Beam, ConfigError, Crystal, Detector, FileError, Material, NbcyWarning
from nbcy.base.amplitude_table import AmplitudeTable
from nbcy.base.constants import AVOGADRO, R_E_SQR
from nbcy.cli.main import main
from nbcy.image.extraction import extract_table

GOLDEN = Path(__file__).parent / "data" / "golden_background"
WATER14 = str(GOLDEN / "water14.stol")
CELL = (15, 15, 15)
FLOAT32 = 2.0**-23


def simulator(materials, *, default_F=0.0, quirks=(), detector=None, beam=None, **more):
    """A small detector that sees materials and next to no crystal."""
    return nbcy.Simulator(
        crystal=Crystal(cell_angstrom_deg=CELL, cells=1, default_F=default_F),
        detector=Detector(
            **{"pixels_fast": 70, "pixels_slow": 90, "pixel_mm": 0.5, "distance_mm": 60}
            | (detector or {})
        ),
        beam=Beam(**{"fluence_photons_per_m2": 1e20} | (beam or {})),
        sampling={"oversample": 1} | more.pop("sampling", {}),
        background=Background(materials=materials, **more),
        quirks=quirks,
    )


def material(**fields):
    return Material(
        **{
            "table": WATER14,
            "thickness_mm": 1.0,
            "density_g_per_cm3": 1.0,
            "molar_mass_g_per_mol": 18.0,
        }
        | fields
    )


# Tables


def lagrange(x, y, s):
    """The polynomial through some points, straight from the definition."""
    total = 0.0
    for n in range(len(x)):
        part = y[n]
        for other in range(len(x)):
            if other != n:
                part *= (s - x[other]) / (x[n] - x[other])
        total += part
    return total


@st.composite
def points(draw):
    steps = draw(st.lists(st.floats(0.01, 0.2), min_size=2, max_size=9))
    x = np.cumsum(steps)
    return x, np.array(draw(st.lists(st.floats(-10, 10), min_size=len(x), max_size=len(x))))


@given(points(), st.floats(0.0, 1.0))
def test_tables_are_cubics_between_their_points(table, at):
    """With the reference's far points on each side, in the interval that s is in."""
    x, y = table
    far_x = np.array([-1e20, *x, 1e20])
    far_y = np.array([y[0], *y, y[-1]])
    s = x[0] + at * (x[-1] - x[0])
    n = min(max(int(np.searchsorted(x, s, "right")) - 1, 0), len(x) - 2)
    expected = lagrange(far_x[n : n + 4], far_y[n : n + 4], s)
    # Differences of close points lose what their quotients gain: third differences of 0.01.
    assert AmplitudeTable(x, y)(s) == pytest.approx(expected, abs=1e-6)


@given(points(), st.floats(0.001, 2.0))
def test_beyond_its_ends_a_table_keeps_its_last_value_or_goes_on(table, further):
    x, y = table
    outside = np.array([x[0] - further, x[-1] + further])
    assert AmplitudeTable(x, y)(outside) == pytest.approx(y[[0, -1]], abs=1e-6)
    line = [lagrange(x[:2], y[:2], outside[0]), lagrange(x[-2:], y[-2:], outside[1])]
    assert AmplitudeTable(x, y, goes_on=True)(outside) == pytest.approx(line, rel=1e-6, abs=1e-6)


def test_table_of_water():
    table = AmplitudeTable(*np.loadtxt(WATER14).T)
    known = {0.1: 3.896608, 0.17: 7.740173, 0.25: 5.898189, 0.4: 4.078777}
    assert table(list(known)) == pytest.approx(list(known.values()), abs=1e-6)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0 1\n", "two points"),
        ("0 1\n0.2 1\n0.1 1\n", "falls below"),
        ("0 1\n0.2 1\n0.2 2\n", "repeats"),
        ("0 1\n0.2 nan\n", "bad.stol:2"),
    ],
)
def test_tables_that_are_none(tmp_path, text, reason):
    path = tmp_path / "bad.stol"
    path.write_text(text)
    with pytest.raises(FileError, match=reason):
        simulator([material(table=path)])


@pytest.mark.parametrize("column", ["4stol", "Q"])
def test_other_first_columns(tmp_path, column):
    stol, F = np.loadtxt(WATER14).T
    path = tmp_path / "table.txt"
    np.savetxt(path, np.stack((stol * {"4stol": 4.0, "Q": 4.0 * math.pi}[column], F), 1), "%.17g")
    other = simulator([material(table=path, column=column)]).run().pixels
    assert other == pytest.approx(simulator([material()]).run().pixels, rel=1e-6)


# Absolute values


def test_water_photons_at_200_mm():
    detector = {
        "pixel_mm": 0.075,
        "distance_mm": 200.0,
        "pixels_fast": 2002,
        "pixels_slow": 1,
        "convention": "custom",
        "pivot": "beam",
        "xbeam_mm": 0.0375,
        "ybeam_mm": 0.0375,
    }
    beam = {"flux_photons_per_s": 5e9, "exposure_s": 1.0, "fluence_photons_per_m2": None}
    sim = simulator([material(thickness_mm=2.5)], detector=detector, beam=beam, tolerance=0)
    values = sim.run(dtype="float64").pixels[0, [0, 2000]]
    fifty, hundred = (
        simulator(
            [material(thickness_mm=2.5)],
            detector=detector | {"xbeam_mm": 0.0375 - away, "pixels_fast": 1},
            beam=beam,
        )
        .run(dtype="float64")
        .pixels[0, 0]
        for away in (50.0, 100.0)
    )
    expected = [3.084474, 11.265805, 13.153035, 3.567066]
    assert [values[0], fifty, hundred, values[1]] == pytest.approx(expected, abs=6e-7)


@given(st.floats(0.01, 30.0), st.floats(0.1, 3.0), st.floats(2.0, 400.0), st.floats(0.01, 1.0))
def test_on_the_axis(F, density, mass, edge):
    """F²·r_e²·fluence·M·Ω, of a cube of material in a wider beam."""
    path = Path(WATER14).parent / "two.stol"
    one = material(
        table=path,
        thickness_mm=edge,
        width_mm=edge,
        height_mm=edge,
        scale=F * F,
        density_g_per_cm3=density,
        molar_mass_g_per_mol=mass,
    )
    detector = {
        "pixels_fast": 1,
        "pixels_slow": 1,
        "pixel_mm": 1e-3,
        "distance_mm": 100.0,
        "convention": "custom",
        "pivot": "beam",
        "xbeam_mm": 5e-4,
        "ybeam_mm": 5e-4,
    }
    beam = {"size_mm": 1.0}
    photons = simulator([one], detector=detector, beam=beam).run(dtype="float64").pixels[0, 0]
    molecules = (edge / 10.0) ** 3 * density * AVOGADRO / mass
    assert photons == pytest.approx(F * F * R_E_SQR * 1e20 * molecules * 1e-10, rel=1e-9)


def test_photons_do_not_depend_on_the_size_of_the_beam():
    one = material()
    beam = {"flux_photons_per_s": 1e12, "exposure_s": 0.1, "fluence_photons_per_m2": None}
    wide, narrow = (
        simulator([one], beam=beam | {"size_mm": size}).run(dtype="float64").pixels
        for size in (0.1, 0.01)
    )
    assert narrow == pytest.approx(wide, rel=1e-12)


# Properties

detectors = st.fixed_dictionaries(
    {
        "distance_mm": st.floats(20.0, 300.0),
        "pixel_mm": st.floats(0.05, 1.0),
        "rotx_deg": st.floats(-20, 20),
        "roty_deg": st.floats(-20, 20),
        "twotheta_deg": st.floats(0, 20),
        "thickness_um": st.sampled_from([0.0, 450.0]),
        "curved": st.just(False),
        "point_pixel": st.booleans(),
    }
).map(lambda d: d if d["thickness_um"] else d | {"thickness_um": None})
beams = st.fixed_dictionaries(
    {
        "kahn_factor": st.floats(-1, 1),
        "nopolar": st.booleans(),
        "dispersion_percent": st.floats(0.1, 5.0),
        "dispersion_steps": st.integers(1, 3),
        "wavelength_angstrom": st.floats(0.6, 2.0),
    }
)


@pytest.mark.filterwarnings("ignore::nbcy.NbcyWarning")
@given(detectors, beams, st.sampled_from(["water", "air", "ice", "kapton"]), st.integers(1, 4))
def test_interpolation_keeps_its_bound(detector, beam, table, oversample):
    one = Material(table=table, thickness_mm=1.0)
    more = {"detector": detector, "beam": beam, "sampling": {"oversample": oversample}}
    quick = simulator([one], **more).run(dtype="float64").pixels
    exact = simulator([one], **more, tolerance=0).run(dtype="float64").pixels
    assert quick == pytest.approx(exact, rel=1e-4)


@pytest.mark.filterwarnings("ignore::nbcy.NbcyWarning")
@given(detectors, beams, st.floats(0.1, 10.0))
def test_thickness_density_scale_and_sums(detector, beam, factor):
    def photons(*materials):
        sim = simulator(materials, detector=detector, beam=beam, tolerance=0)
        return sim.run(dtype="float64").pixels

    one = photons(material())
    for fields in ({"thickness_mm": factor}, {"density_g_per_cm3": factor}, {"scale": factor}):
        assert photons(material(**fields)) == pytest.approx(factor * one, rel=1e-12)
    air = Material(table="air", thickness_mm=50 * factor)
    both = photons(material(), air)
    assert both == pytest.approx(one + photons(air), rel=1e-12)
    taken = photons(material(), air, material(scale=-1.0))
    assert taken == pytest.approx(photons(air), rel=1e-9, abs=1e-12 * float(one.max()))


@given(st.floats(-180, 180), st.floats(-1, 1))
def test_turning_everything_changes_nothing(angle, kahn):
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))

    def turned(x, y, z):  # about an axis that is none of the detector's, cyclically
        x, y = cosine * x - sine * y, sine * x + cosine * y
        return (z, x, y)

    panel = {
        "origin_mm": (-20.0, -18.0, 60.0),
        "fast_vector": (1, 0, 0),
        "slow_vector": (0, 1, 0),
        "pixels_fast": 40,
        "pixels_slow": 40,
        "pixel_mm": 1.0,
    }
    vectors = ("origin_mm", "fast_vector", "slow_vector")
    pixels = []
    for turn in (lambda *v: v, turned):
        placed = panel | {name: turn(*panel[name]) for name in vectors}
        sim = nbcy.Simulator(
            crystal=Crystal(cell_angstrom_deg=CELL, cells=1, default_F=0.0),
            detector=Detector(convention="custom", panels=[placed]),
            beam=Beam(direction=turn(0, 0, 1), polarization_vector=turn(1, 0, 0), kahn_factor=kahn),
            background=Background(materials=[material()], tolerance=0),
        )
        pixels.append(sim.run(dtype="float64").pixels)
    assert pixels[1] == pytest.approx(pixels[0], rel=1e-11)


# Parts, pieces, and what is kept


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("tolerance", [0.0, 1e-4])
def test_some_pixels_are_those_of_the_image(dtype, tolerance):
    sim = simulator(
        [material(), Material(table="ice", thickness_mm=0.01)],
        default_F=10.0,
        detector={"masked": [(3, 9, 4, 12)]},
        tolerance=tolerance,
    )
    image = sim.run(dtype=dtype, threads=2)
    again = sim.with_values({"sampling.oversample": 1})
    boxes = [(0, 0, 7, 0, 70), (0, 60, 90, 50, 69), (0, 5, 6, 5, 6)]
    found = again.run(pixels=boxes, dtype=dtype)
    for n, (_, s0, s1, f0, f1) in enumerate(boxes):
        assert (found.box(n) == image.pixels[s0:s1, f0:f1]).all()
    rows = np.random.default_rng(1).integers(0, (1, 90, 70), (40, 3))
    fresh = simulator(
        [material(), Material(table="ice", thickness_mm=0.01)],
        default_F=10.0,
        detector={"masked": [(3, 9, 4, 12)]},
        tolerance=tolerance,
    )
    values = fresh.run(pixels=rows, dtype=dtype).values
    assert (values == image.pixels[rows[:, 1], rows[:, 2]]).all()
    assert not image.pixels[4:13, 3:10].any()


def test_the_image_does_not_depend_on_threads():
    one, four = (simulator([material()]).run(threads=n).pixels for n in (1, 4))
    assert one.tobytes() == four.tobytes()


def test_parts_add_up():
    sim = simulator([material()], default_F=10.0, sampling={"roi": (5, 60, 3, 80)})
    image = sim.run()
    assert (image.bragg + image.background == image.pixels).all()
    crystal = simulator([], default_F=10.0, sampling={"roi": (5, 60, 3, 80)}).run()
    assert (image.bragg == crystal.pixels).all()
    assert not crystal.background.any()
    assert (crystal.bragg == crystal.pixels).all()
    only = simulator([material()], sampling={"roi": (5, 60, 3, 80)}).run()
    assert (image.background == only.pixels).all()
    assert image.background[3:81, 5:61].all()
    assert image.background.sum() == image.background[3:81, 5:61].sum()
    with pytest.raises(ConfigError, match="expected photons"):
        image.with_noise(seed=1).bragg  # noqa: B018


def test_several_panels():
    panels = [
        {
            "origin_mm": (x, -20.0, 60.0),
            "fast_vector": (1, 0, 0),
            "slow_vector": (0, 1, 0),
            "pixels_fast": fast,
            "pixels_slow": 70,
            "pixel_mm": 0.5,
        }
        for x, fast in ((-30.0, 50), (0.0, 30))
    ]
    whole = {"panels": panels, "convention": "xds"}
    sim = nbcy.Simulator(
        crystal=Crystal(cell_angstrom_deg=CELL, default_F=1.0),
        detector=Detector(**whole),
        background=Background(materials=[material()]),
    )
    image = sim.run()
    for n, panel in enumerate(panels):
        alone = sim.with_values({"detector.panels": [panel]}).run()
        assert (image.panels[n] == alone.panels[0]).all()


def test_it_is_computed_once(monkeypatch):
    from nbcy.scene.haze import Haze

    sim = simulator([material()], default_F=1.0)
    counted = []
    render = Haze._render
    monkeypatch.setattr(Haze, "_render", lambda *args: counted.append(1) or render(*args))
    shots = sim.run_many(
        orientations=[np.eye(3)] * 3, fluence_photons_per_m2=[1e20, 2e20, 4e20], progress=False
    )
    sums = [image.background.sum(dtype=float) for image in shots]
    assert len(counted) == 1
    assert sums == pytest.approx([sums[0], 2 * sums[0], 4 * sums[0]], rel=1e-6)
    sim.with_values({"crystal.misset_deg": (1, 2, 3)}).run()
    assert len(counted) == 1
    sim.with_values({"detector.distance_mm": 61.0}).run()
    assert len(counted) == 2


def test_wavelengths_of_a_series():
    sim = simulator([material()])
    (longer,) = sim.run_many(wavelength_angstrom=[1.5], progress=False)
    assert (longer.pixels == sim.with_values({"beam.wavelength_angstrom": 1.5}).run().pixels).all()


def test_a_table_that_ends_says_so():
    with pytest.warns(NbcyWarning, match="its table ends at 1 Angstrom, the detector sees"):
        simulator([material()], beam={"wavelength_angstrom": 0.4})


def test_values_by_path_and_copies():
    sim = simulator([material()])
    double = sim.with_values({"background.materials[0].thickness_mm": 2.0})
    assert double.run().pixels == pytest.approx(2.0 * sim.run().pixels, rel=1e-6)
    assert (pickle.loads(pickle.dumps(sim)).run().pixels == sim.run().pixels).all()
    assert pickle.loads(pickle.dumps(material())) == material()
    assert nbcy.Config.from_dict(sim.config.to_dict()) == sim.config


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"table": "file.stol", "thickness_mm": 1}, "density_g_per_cm3.*must be given"),
        ({"table": "water"}, "thickness_mm.*must be given"),
        ({"table": "water", "thickness": "1 m", "density_m": 1}, "density_g_per_cm3"),
        ({"table": "water", "thickness_mm": -1}, "greater"),
    ],
)
def test_materials_that_cannot_be(fields, match):
    with pytest.raises(ConfigError, match=match):
        Background(materials=[fields])
    with pytest.raises(ConfigError, match=r"background.materials\[0\]"):
        Background(materials=[fields])


@pytest.mark.parametrize("name", sorted(nbcy.config.materials.PRESETS))
def test_presets(name):
    image = simulator([Material(table=name, thickness="2 mm")]).run()
    assert (image.pixels > 0.0).all()


def test_golden_cases_are_there():
    names = {case["name"] for case in json.loads((GOLDEN / "manifest.json").read_text())}
    assert names == set(np.load(GOLDEN / "images.npz"))


# Traces


def test_a_trace_ends_at_the_pixel():
    sim = simulator([material(), Material(table="air", thickness_mm=20.0)], default_F=10.0)
    image = sim.run(dtype="float64")
    trace = sim.trace(40, 30)
    assert trace["I_pixel_final"] == pytest.approx(image.pixels[40, 30], rel=1e-13)
    assert trace["background_photons"] == pytest.approx(image.background[40, 30], rel=1e-9)
    assert trace.chain_product() == pytest.approx(image.bragg[40, 30], rel=1e-12)
    assert "background_photons" in trace.explain()
    assert nbcy.audit(trace, trace).agrees
    other = simulator([], default_F=10.0).trace(40, 30)
    report = nbcy.audit(trace, other)
    assert not report.agrees
    assert "adds a background" in report.to_text()


# The command line

CASES = json.loads((GOLDEN / "manifest.json").read_text())
UNLIKE = ("solid angle", "pgm_scale", "intfile_scale", "writing", "max_I")
"""Lines that differ: steps in the solid angle, files, and where in a pixel its maximum is."""


def plain(line):
    """A line without signs of zeros, and without rmsd, in which the reference is off."""
    return line.replace("-0 ", "0 ").partition(" rmsd=")[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_golden(case, tmp_path, monkeypatch, capsys):
    """Images to the last float32 bit or so, and the report."""
    monkeypatch.chdir(tmp_path)
    words = case["args"].split()
    table = words[words.index("-stol") + 1]
    (tmp_path / table).write_bytes((GOLDEN / table).read_bytes())
    extra = ["-floatfile", "f.bin", "-quirks", "table_extrapolation"]
    assert main(["background", *words, *extra]) == 0
    expected = np.load(GOLDEN / "images.npz")[case["name"]]
    found = np.fromfile("f.bin", "<f4").reshape(expected.shape)
    assert found == pytest.approx(expected, rel=2 * FLOAT32)
    lines = capsys.readouterr().out.splitlines()
    for line in (GOLDEN / "stdout" / f"{case['name']}.txt").read_text().splitlines():
        if not line.startswith(UNLIKE):
            assert plain(line) in map(plain, lines)


def test_flags_of_both_programs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    both = "-cell 15 15 15 90 90 90 -N 1 -default_F 10 -oversample 1 -detpixels 64 -pixel 0.8 "
    both += "-distance 60 -fluence 1e20 -nonoise -nopgm -intfile i.img"
    water = "-stol water -thickness 1"
    for words, name in ((f"{both} {water}", "sum"), (both, "bragg")):
        assert main([*words.split(), "-floatfile", f"{name}.bin"]) == 0
    total, bragg = (np.fromfile(f"{name}.bin", "<f4") for name in ("sum", "bragg"))
    config = nbcy.flags.parsing.parse(f"{both} {water}".split()).config
    image = nbcy.Simulator(config).run()
    assert (image.pixels.ravel() == total).all()
    assert (image.bragg.ravel() == bragg).all()
    assert config.background.materials == (Material(table="water", thickness_mm=1.0),)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "there is nothing to scatter"),
        ("-stol water", "-thickness"),
        (f"-stol {WATER14} -thickness 1", "-density must be given"),
        ("-stol water -Q water -thickness 1", "one table"),
        ("-stol nothing -thickness 1 -density 1 -MW 18", "nothing"),
        ("-stol water -thickness -1", "-thickness"),
    ],
)
def test_wrong_use(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["background", *words.split()]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


# Tables out of images


def test_a_table_comes_back_from_its_image(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = "-thickness 2 -density 1 -MW 18 -flux 1e13 -distance 100 -pixel 0.2 -detpixels 500 "
    flags += "-polar 0.9 -detector_thick 300 -detector_abs 500 -nopgm -intfile i.img"
    words = [*flags.split(), "-floatfile", "image.bin"]
    assert main(["background", "-stol", WATER14, *words]) == 0
    assert main(["background", "--extract", "image.bin", "-o", "table.stol", *words]) == 0
    stol, F = np.loadtxt("table.stol").T
    assert len(stol) > 100
    assert F[5:-5] == pytest.approx(AmplitudeTable(*np.loadtxt(WATER14).T)(stol)[5:-5], rel=1e-3)


def test_offset_and_gain():
    one = material(scale=1.0)
    sim = simulator([one])
    image = sim.run(dtype="float64")
    plain = extract_table(image.pixels, sim.scene)
    counts = extract_table(2.5 * image.pixels + 40.0, sim.scene, offset=40.0, gain=2.5)
    assert pytest.approx(plain.F, rel=1e-9) == counts.F
    with pytest.raises(ConfigError, match="pixels"):
        extract_table(image.pixels[1:], sim.scene)

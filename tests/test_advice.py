"""What the command line says of itself: slips of units, long runs, dark images, other images."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import strategies

from nbcy.base.errors import NbcyWarning
from nbcy.cli.advice import DARK, differs_from_reference, long_run, too_dark
from nbcy.cli.main import main
from nbcy.config import Config
from nbcy.config.quirks import QUIRKS
from nbcy.config.slips import likely_slips
from nbcy.flags.parsing import parse
from nbcy.formats.smv import read_smv
from nbcy.inputs.hkl import read_hkl
from nbcy.inputs.source_list import read_source_list
from nbcy.render.building import build_scene
from nbcy.render.simulator import Simulator
from nbcy.scene.scene import Scene

PLAIN = (
    "-cell 78 78 38 90 90 90 -default_F 100 -N 10 -lambda 1 -distance 150 -detpixels 24 -pixel 0.4"
)


def scene(words: str = "") -> Scene:
    return build_scene(parse(f"{PLAIN} -oversample 1 {words}".split()).config)


@pytest.mark.parametrize(
    ("words", "path", "meant"),
    [
        ("-pixel 172", "detector.pixel_mm = 172", "µm"),
        ("-pixel 1.72e-4", "detector.pixel_mm", None),
        ("-distance 0.25", "detector.distance_mm = 0.25", "in m?"),
        ("-lambda 12660", "beam.wavelength_angstrom = 12660", "eV"),
        ("-energy 12.66", "beam.energy_ev = 12.66", "keV"),
        ("-cell 78 78 38 1.57 1.57 1.57", "crystal.cell_angstrom_deg", "radians"),
        ("-dispersion 100", "beam.dispersion_percent = 100", "unit"),
        ("-detector_thick 0.45", "detector.thickness_um = 0.45", "mm"),
        ("-samplesize 20", "crystal.size_x_mm = 20", "µm"),
    ],
)
def test_slips_of_units(words, path, meant):
    said = list(likely_slips(parse(words.split()).config))
    if meant is None:
        assert said == []
    else:
        assert path in said[0]
        assert meant in said[0]


def test_usual_values_are_no_slips():
    assert list(likely_slips(Config())) == []
    usual = f"{PLAIN} -dispersion 3 -energy 12660 -pixel 0.05 -detector_thick 450 -beamsize 0.001"
    assert list(likely_slips(parse(usual.split()).config)) == []
    near = Config(
        crystal={"cell_angstrom_deg": 50, "default_F": 1},
        detector={"distance_mm": 0.25},
        sampling={"oversample": 99},
    )
    with pytest.warns(NbcyWarning, match="far from what is usual"):
        Simulator(near)


def test_a_long_run_says_so_and_why():
    assert long_run(scene(), 1) is None
    text = long_run(scene("-phi 1 -osc 1 -phisteps 200 -detpixels 20000"), 1)
    assert "200 spindle steps (-phisteps)" in text
    many = long_run(scene("-oversample 3000 -detpixels 100"), 1)
    assert "3000² sub-pixels (sampling.oversample, -oversample)" in many
    # the time goes with frames, and against threads
    assert long_run(scene("-oversample 300"), 1) is None
    assert long_run(scene("-oversample 300"), 1, frames=10_000) is not None
    assert long_run(scene("-oversample 300"), 10_000, frames=10_000) is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("-fluence 1e8", "the fluence, 1e+08 photons/m²"),
        ("-N 1 -fluence 1e22 -nointerpolate", "the size of the crystal, 1x1x1 cells"),
        ("-default_F 1e-6 -fluence 1e24", "the structure factors, at most 1e-06"),
        ("-dmin 1e6", "every pixel is 0"),
    ],
)
def test_a_dark_image_says_why(words, reason):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NbcyWarning)
        image = Simulator(scene(words).config).run()
    assert reason in too_dark(image)


def test_what_a_dark_image_would_need(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    quiet = "-nonoise -nopgm -noprogress"
    assert main(f"{PLAIN} {quiet} -fluence 1e20".split()) == 0
    said = capsys.readouterr().err
    assert "the fluence" in said
    needed = said.split("-fluence ")[-1].split()[0]
    assert main(f"{PLAIN} {quiet} -fluence {needed}".split()) == 0
    brightest = np.fromfile("floatimage.bin", "<f4").max()
    assert brightest == pytest.approx(10.0, rel=0.5)  # one digit is said
    assert brightest > DARK
    assert "brightest" not in capsys.readouterr().err


def test_noise_without_a_photon_says_why(tmp_path, monkeypatch, capsys):
    """A few tenths of a photon in the brightest pixel need not make one."""
    monkeypatch.chdir(tmp_path)
    words = f"{PLAIN} -nopgm -noprogress -seed 1 -N 1"
    assert main(f"{words} -fluence 1e30".split()) == 0
    brightest = np.fromfile("floatimage.bin", "<f4").max()
    dim = 1e30 * 0.11 / float(brightest)
    assert main(f"{words} -roi 12 12 12 12 -fluence {dim!r}".split()) == 0
    captured = capsys.readouterr()
    assert "\n0 photons on noise image" in captured.out
    assert "the noise image has no photon" in captured.err


EFFECTS = {
    "phi_carryover": "-osc 2 -phisteps 3",
    "source_weights": None,
    "star_radius": "-gauss_xtal",
    "triclinic_cell": "-cell 70 80 90 85 95 105",
    "water_scaling": "-water 5 -fluence 1e24",
    "layer_capture": "-detector_thick 300 -detector_abs 200",
    "pivot_override": "-pivot sample",
    "pix0_ignored": "-pix0_vector_mm 150 3 3",
    "sticky_interpolation": None,
}


def test_every_quirk_is_told_of():
    # nonBragg's, of which nanoBragg has nothing
    assert EFFECTS.keys() == QUIRKS.keys() - {"table_extrapolation"}


@pytest.mark.parametrize("quirk", EFFECTS)
def test_what_the_reference_would_do_otherwise(quirk):
    words = EFFECTS[quirk]
    if quirk == "source_weights":
        rows = "-10 0 0 1 1e-10\n-10,0.1,0,3,1e-10\n"
        words = f"-sourcefile {strategies.text_file(rows)}"
    elif quirk == "sticky_interpolation":
        rows = "".join(f"{h} {k} {k} 5\n" for h in range(3) for k in range(3))
        words = f"-hkl {strategies.text_file(rows)} -interpolate"
    (said,) = differs_from_reference(scene(words))
    assert f"-quirks {quirk}" in said
    assert list(differs_from_reference(scene(f"{words} -quirks {quirk}"))) == []
    assert list(differs_from_reference(scene())) == []


def test_water_says_by_how_much():
    """r_e² times fluence over steps is what the reference has too much, or too little."""
    made = scene("-water 5 -fluence 1e22 -osc 1 -phi 1 -phisteps 2")
    (said,) = differs_from_reference(made)
    quirky = made.replaced(water_scaling=True)
    factor = quirky.r_e_sqr * quirky.fluence / quirky.steps
    assert f"{factor:.2g} times" in said


def test_only_old_scripts_are_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = f"{PLAIN} -nonoise -nopgm -noprogress -gauss_xtal"
    for command, told in ((words, True), (f"simulate {words}", False)):
        assert main(command.split()) == 0
        assert ("star_radius" in capsys.readouterr().err) is told


def test_nothing_to_scatter_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = "-cell 50 -detpixels 8 -nonoise -nopgm"
    for command in (words, f"simulate {words}", f"simulate {words} --noise -o a.cbf"):
        assert main(command.split()) == 2
        assert "-hkl or -default_F" in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []
    assert main(f"{words} -water 5".split()) == 0


def test_noise_with_a_fractional_offset_is_cut(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = f"{PLAIN} -nopgm -noprogress -seed 3"
    images = []
    for offset in ("7", "7.9"):
        assert main(f"{words} -adc {offset}".split()) == 0
        images.append(read_smv("noiseimage.img")[1])
    np.testing.assert_array_equal(*images)


def test_sources_with_commas():
    path = strategies.text_file("-10, 0, 0.1, 2, 1.1e-10\n-10,0.2\n")
    positions, intensities, wavelengths = read_source_list(path).completed((-10.0, 0.0, 0.0), 1e-10)
    np.testing.assert_array_equal(positions, [[-10, 0, 0.1], [-10, 0.2, 0]])
    np.testing.assert_array_equal(intensities, [2, 1])
    np.testing.assert_array_equal(wavelengths, [1.1e-10, 1e-10])


@pytest.mark.parametrize("end", ["0 0 0 0.00\n0 0 0 8\n", "0 0 0 8\n0 0 0 0.00\n"])
def test_the_end_of_a_shelx_list_is_no_reflection(end):
    hkl, amplitudes, notes = read_hkl(strategies.text_file(f"1 2 3 4\n{end}"))
    assert hkl.tolist() == [[1, 2, 3], [0, 0, 0]]
    assert amplitudes.tolist() == [4, 8]
    assert "ends a list" in notes[-1]
    hkl, _, notes = read_hkl(strategies.text_file("1 2 3 4\n0 0 0 0.00\n"))
    assert len(hkl) == 2
    assert notes == ()

"""The reference's flags become a configuration: every name, every rule of docs/command-line.md."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbcy.base.errors import FileError, UsageError
from nbcy.config import Config
from nbcy.config.quirks import QUIRKS
from nbcy.flags.help import help_text, page
from nbcy.flags.names import meaning
from nbcy.flags.parsing import Run, parse, split
from nbcy.flags.table import FLAGS, GROUPS, IDLE, WITHOUT_FLAG
from nbcy.flags.values import MAX_SEED
from nbcy.flags.words import command_line

# The names of the reference's flags, "…" written out.
REFERENCE_TEXT = """
-hkl -default_F -mat -matrix -cell -misset -misset_seed -N -Na -Nb -Nc -samplesize -xtalsize
-sample_thick -sample_x -xtal_thick -xtal_x -sample_width -sample_y -xtal_width -xtal_y
-sample_height -sample_z -xtal_height -xtal_z -square_xtal -round_xtal -gauss_xtal -binary_spots
-tophat_spots -fudge -mosaic -mosaicity -mosaic_spread -mosaic_domains -mosaic_seed -interpolate
-nointerpolate -dmin -lambda -wave -energy -fluence -flux -exposure -beamsize -polar -nopolar
-dispersion -dispsteps -divergence -hdivrange -vdivrange -hdivstep -hdivsteps -vdivstep -vdivsteps
-divsteps -round_div -square_div -sourcefile -distance -close_distance -detsize -detsize_f
-detsize_x -detsize_s -detsize_y -detpixels -detpixels_f -detpixels_x -detpixels_s -detpixels_y
-pixel -Xbeam -Ybeam -Xclose -Yclose -ORGX -ORGY -mosflm -xds -adxv -denzo -dials -pivot
-detector_rotx -detector_roty -detector_rotz -twotheta -fdet_vector -sdet_vector -odet_vector
-beam_vector -polar_vector -spindle_axis -twotheta_axis -pix0_vector -pix0_vector_mm -detector_abs
-detector_absorb -detector_thick -detector_thicksteps -thicksteps -curved_det -point_pixel
-oversample -oversample_thick -oversample_polar -oversample_omega -phi -osc -phistep -phisteps
-water -stol -4stol -Q -thickness -density -MW
-roi -mask -img -floatfile -floatimage -intfile -intimage -pgmfile
-pgmimage -noisefile -noiseimage -nonoise -nopgm -scale -pgmscale -adc -adcoffset -seed -printout
-printout_pixel -trace_pixel -progress -noprogress -quirks -threads -precision -cutoff
-mosaic_model -mosaic_matrices -spectrum -average -cutoff_photons
-energy_spread -hdiv_sigma -vdiv_sigma -spot_scale -B_factor -gauss_star_xtal
"""
REFERENCE = REFERENCE_TEXT.split()


def test_the_table_is_the_spec():
    assert set(FLAGS) == set(REFERENCE)
    names = [name for group in GROUPS.values() for flag in group for name in flag.names]
    assert len(names) == len(set(names))
    assert not set(IDLE) & set(FLAGS)
    for idle in IDLE.values():
        assert set(re.findall(r"-\w+", idle.why)) <= set(FLAGS)


def test_help_has_every_name_and_stays_narrow():
    words = help_text().split()
    assert set(FLAGS) <= set(words)
    assert max(map(len, help_text().splitlines())) <= 100


def test_the_page_is_up_to_date():
    docs = Path(__file__).parent.parent / "docs" / "flags.md"
    assert docs.read_text(encoding="utf-8") == page(), "run python -m nbcy.flags > docs/flags.md"


def paths() -> set[str]:
    """Every field of a configuration."""
    return {p.path for p in Config().parameters() if p.path.count(".") <= 1}


def test_every_path_has_a_flag_or_a_reason():
    settings = [path.split(".") for flag in FLAGS.values() for path in flag.settings(SAMPLE)]
    set_by_flags = {".".join(steps[:2]) for steps in settings if steps[0] != "run"}
    assert set_by_flags <= paths() | {"crystal.misset_random"}
    assert paths() - set_by_flags - {"crystal.misset_random"} == set(WITHOUT_FLAG)


def test_what_a_run_asks_for_has_a_flag():
    fields = {f"run.{field.name}" for field in dataclasses.fields(Run)}
    set_by_flags = {path for flag in FLAGS.values() for path in (*flag.sets, *flag.also)}
    ours = {"run.img", "run.stol", "run.4stol", "run.Q"}  # read, and gone
    ours |= {"run.thickness_mm", "run.density_g_per_cm3", "run.molar_mass_g_per_mol"}
    assert {path for path in set_by_flags if path.startswith("run.")} - ours == fields


SAMPLE = (1.0, 2.0, 3.0)
"""A value that every flag's settings can be asked for."""


@pytest.mark.parametrize(
    "flag", [flag for group in GROUPS.values() for flag in group], ids=lambda flag: flag.names[0]
)
def test_settings_become_the_flags_that_set_them(flag, tmp_path):
    samples = {"n": ["3"], "x": ["0.5"], "x|inf": ["0.5"], "": []}
    samples |= {
        "NAME,..|all": ["star_radius"],
        "sample|beam": ["beam"],
        "double|single": ["single"],
        "MODEL": ["gaussian"],
        "sampled|exact": ["exact"],
    }
    samples["FILE"] = [image(tmp_path / "a.img")]
    words = samples.get(flag.takes.shown) or ["1", "2", "3", "4", "80", "80"][: flag.takes.most]
    value, _ = flag.takes.read(flag.names[0], words)
    settings = {path: new for path, new in flag.settings(value).items() if path in flag.sets}
    if not any(path.startswith("run.") for path in settings):
        again = command_line(settings).split()
        assert parse(again).config == parse([flag.names[0], *words]).config


def config(line: str, base: Config | None = None) -> Config:
    return parse(line.split(), base).config


def field(config: Config, name: str) -> object:
    value: object = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("-hkl P1.hkl", "crystal.hkl_file", "P1.hkl"),
        ("-default_F 7", "crystal.default_F", 7.0),
        ("-mat A.mat", "crystal.matrix_file", "A.mat"),
        ("-cell 50", "crystal.cell_angstrom_deg", (50, 50, 50, 90, 90, 90)),
        ("-cell 50 60 70 80", "crystal.cell_angstrom_deg", (50, 60, 70, 80, 90, 90)),
        ("-cell 70 80 90 85 95 105", "crystal.cell_angstrom_deg", (70, 80, 90, 85, 95, 105)),
        ("-misset 10 -20 30", "crystal.misset_deg", (10, -20, 30)),
        ("-misset random", "crystal.misset_random", True),
        ("-misset_seed 9", "crystal.misset_seed", 9),
        ("-N 5", "crystal.cells", (5, 5, 5)),
        ("-Nb 4", "crystal.cells", (1, 4, 1)),
        ("-N 5 -Nb 7", "crystal.cells", (5, 7, 5)),
        ("-Nb 7 -N 5", "crystal.cells", (5, 5, 5)),
        ("-samplesize 5e-5", "crystal.size_z_mm", 5e-5),
        ("-sample_thick .5", "crystal.size_x_mm", 0.5),
        ("-sample_width 2", "crystal.size_y_mm", 2.0),
        ("-sample_height 3", "crystal.size_z_mm", 3.0),
        ("-square_xtal", "crystal.shape", "square"),
        ("-round_xtal", "crystal.shape", "round"),
        ("-gauss_xtal", "crystal.shape", "gauss"),
        ("-tophat_spots", "crystal.shape", "tophat"),
        ("-fudge 16", "crystal.fudge", 16.0),
        ("-mosaic 0.8", "crystal.mosaic_spread_deg", 0.8),
        ("-mosaic_domains 12", "crystal.mosaic_domains", 12),
        ("-mosaic_seed -777", "crystal.mosaic_seed", -777),
        ("-interpolate", "sampling.interpolate", True),
        ("-nointerpolate", "sampling.interpolate", False),
        ("-dmin 30", "sampling.dmin_angstrom", 30.0),
        ("-lambda 6.2", "beam.wavelength_angstrom", 6.2),
        ("-energy 7100", "beam.energy_ev", 7100.0),
        ("-fluence 1.3e32", "beam.fluence_photons_per_m2", 1.3e32),
        ("-flux 1e12", "beam.flux_photons_per_s", 1e12),
        ("-exposure 0.1", "beam.exposure_s", 0.1),
        ("-beamsize 0.05", "beam.size_mm", 0.05),
        ("-polar -0.5", "beam.kahn_factor", -0.5),
        ("-nopolar", "beam.nopolar", True),
        ("-dispersion 2", "beam.dispersion_percent", 2.0),
        ("-dispsteps 4", "beam.dispersion_steps", 4),
        ("-divergence 3", "beam.hdiv_mrad", 3.0),
        ("-divergence 3", "beam.vdiv_mrad", 3.0),
        ("-hdivrange 20", "beam.hdiv_mrad", 20.0),
        ("-vdivrange 10", "beam.vdiv_mrad", 10.0),
        ("-hdivstep 5", "beam.hdiv_step_mrad", 5.0),
        ("-vdivstep 6", "beam.vdiv_step_mrad", 6.0),
        ("-hdivsteps 3", "beam.hdiv_steps", 3),
        ("-vdivsteps 4", "beam.vdiv_steps", 4),
        ("-divsteps 5", "beam.hdiv_steps", 5),
        ("-divsteps 5", "beam.vdiv_steps", 5),
        ("-round_div", "beam.divergence", "round"),
        ("-square_div", "beam.divergence", "square"),
        ("-sourcefile s.txt", "beam.source_file", "s.txt"),
        ("-distance 231.27466", "detector.distance_mm", 231.27466),
        ("-close_distance 95", "detector.close_distance_mm", 95.0),
        ("-detsize 80", "detector.size_fast_mm", 80.0),
        ("-detsize 80", "detector.size_slow_mm", 80.0),
        ("-detsize_f 70", "detector.size_fast_mm", 70.0),
        ("-detsize_s 60", "detector.size_slow_mm", 60.0),
        ("-detpixels 96", "detector.pixels_fast", 96),
        ("-detpixels 96.0", "detector.pixels_slow", 96),
        ("-detpixels_x 110", "detector.pixels_fast", 110),
        ("-detpixels_y 70", "detector.pixels_slow", 70),
        ("-pixel 0.172", "detector.pixel_mm", 0.172),
        ("-Xbeam -12", "detector.xbeam_mm", -12.0),
        ("-Ybeam 25", "detector.ybeam_mm", 25.0),
        ("-Xclose 19", "detector.xclose_mm", 19.0),
        ("-Yclose 18", "detector.yclose_mm", 18.0),
        ("-ORGX 50.5", "detector.orgx_px", 50.5),
        ("-ORGY 40.25", "detector.orgy_px", 40.25),
        ("-mosflm", "detector.convention", "mosflm"),
        ("-xds", "detector.convention", "xds"),
        ("-adxv", "detector.convention", "adxv"),
        ("-denzo", "detector.convention", "denzo"),
        ("-dials", "detector.convention", "dials"),
        ("-pivot sample", "detector.pivot", "sample"),
        ("-detector_rotx 5", "detector.rotx_deg", 5.0),
        ("-detector_roty 3", "detector.roty_deg", 3.0),
        ("-detector_rotz 2", "detector.rotz_deg", 2.0),
        ("-twotheta 20", "detector.twotheta_deg", 20.0),
        ("-fdet_vector 1 0 0", "detector.fast_vector", (1, 0, 0)),
        ("-sdet_vector 0 -1 0", "detector.slow_vector", (0, -1, 0)),
        ("-odet_vector 0 0 -1", "detector.normal_vector", (0, 0, -1)),
        ("-beam_vector 0 0 1", "beam.direction", (0, 0, 1)),
        ("-polar_vector 0 1 0", "beam.polarization_vector", (0, 1, 0)),
        ("-spindle_axis -1 0 0", "spindle.axis", (-1, 0, 0)),
        ("-twotheta_axis 0 1 0", "detector.twotheta_axis", (0, 1, 0)),
        ("-pix0_vector 0.1 -0.2 0.25", "detector.pix0_mm", (100, -200, 250)),
        ("-pix0_vector_mm 1 2 3", "detector.pix0_mm", (1, 2, 3)),
        ("-detector_abs inf", "detector.attenuation_depth_um", math.inf),
        ("-detector_abs 200", "detector.attenuation_depth_um", 200.0),
        ("-detector_thick 450", "detector.thickness_um", 450.0),
        ("-detector_thicksteps 3", "detector.thickness_steps", 3),
        ("-curved_det", "detector.curved", True),
        ("-point_pixel", "detector.point_pixel", True),
        ("-oversample 3", "sampling.oversample", 3),
        ("-oversample_thick", "sampling.oversample_thick", True),
        ("-oversample_polar", "sampling.oversample_polar", True),
        ("-oversample_omega", "sampling.oversample_omega", True),
        ("-phi 5", "spindle.phi_deg", 5.0),
        ("-osc 1", "spindle.osc_deg", 1.0),
        ("-phistep 0.3", "spindle.step_deg", 0.3),
        ("-phisteps 6", "spindle.steps", 6),
        ("-water 20", "background.water_um", 20.0),
        ("-roi 20 60 30 70", "sampling.roi", (20, 60, 30, 70)),
        ("-quirks star_radius,layer_capture", "quirks", {"star_radius", "layer_capture"}),
        ("-quirks all", "quirks", set(QUIRKS)),
        ("-precision double", "sampling.precision", "double"),
    ],
)
def test_what_a_flag_sets(line, name, value):
    invocation = parse(line.split())
    assert field(invocation.config, name) == value
    assert invocation.notes == ()
    # nothing else is touched, and what the reference does not know stays not given
    changed = invocation.config.to_dict()
    section = name.split(".")[0]
    assert set(changed) <= {section}


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("-floatfile a.bin", "floatfile", "a.bin"),
        ("-intfile a.img", "intfile", "a.img"),
        ("-pgmfile a.pgm", "pgmfile", "a.pgm"),
        ("-noisefile a.img", "noisefile", "a.img"),
        ("-nonoise", "noise", False),
        ("-nopgm", "pgm", False),
        ("-nonoise -noisefile a.img", "noise", True),
        ("-nopgm -pgmfile a.pgm", "pgm", True),
        ("-scale 2", "scale", 2.0),
        ("-pgmscale 3", "pgmscale", 3.0),
        ("-adc 0", "adc", 0.0),
        ("-seed 42", "seed", 42),
        ("-printout", "printout", True),
        ("-printout_pixel 1 2", "printout_pixel", (1, 2)),
        ("-trace_pixel 685 1039", "trace_pixel", (685, 1039)),
        ("-threads 3", "threads", 3),
        ("-noprogress", "progress", False),
        ("-noprogress -progress", "progress", True),
    ],
)
def test_what_a_flag_asks_for(line, name, value):
    invocation = parse(line.split())
    assert getattr(invocation.run, name) == value
    assert invocation.config == Config()
    defaults = dataclasses.asdict(Run())
    others = {k: v for k, v in dataclasses.asdict(invocation.run).items() if k != name}
    differing = {k for k in others if others[k] != defaults[k]}
    assert differing <= {"noisefile", "pgmfile"}


def test_aliases_are_the_same_flag():
    samples = {0: [], 1: ["3"], 2: ["3", "4"], 3: ["1", "2", "3"], 4: ["1", "2", "3", "4"]}
    rows = [flag for group in GROUPS.values() for flag in group if len(flag.names) > 1]
    assert len(rows) > 10
    for flag in rows:
        words = samples[flag.takes.least]
        first, *others = (parse([name, *words]) for name in flag.names)
        for other in others:
            assert (other.config, other.run) == (first.config, first.run)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("-matfile", "-mat"),
        ("-matrixfile", "-matrix"),
        ("-lambda0", "-lambda"),
        ("-distance_mm", "-distance"),
        ("-pixelsize", "-pixel"),
        ("-energy_eV", "-energy"),
        ("-mosaic_dom", "-mosaic_domains"),
        ("-mosaic_domain", "-mosaic_domains"),
        ("-adc_offset", "-adc"),
        ("-width", "-sample_width"),
        ("-height", "-sample_height"),
        ("--distance", "-distance"),
        ("--detpixels_x", "-detpixels_x"),
        ("-oscillation", "-osc"),
        ("-floatimagefile", "-floatimage"),
    ],
)
def test_longer_spellings(word, name):
    longer, known = parse([word, "3"]), parse([name, "3"])
    assert (longer.config, longer.run) == (known.config, known.run)
    assert longer.notes == (f"{word} is read as {name}",)


@pytest.mark.parametrize(
    ("word", "instead"),
    [
        *(("-hdiv", "-hdivrange"), ("-vdiv", "-vdivrange"), ("-dispstep", "-dispsteps")),
        *(("-source_distance", "-sourcefile"), ("-source_dist", "-sourcefile")),
        *(("-coherent", "incoherently"), ("-molecules", "no part")),
        *(("-molecule", "no part"), ("-dump", "no list"), ("-stolout", "not used")),
        # longer spellings of what the reference knows by the exact name alone
        *(("-NN", "use -N"), ("-N_cells", "use -N"), ("-phi0", "use -phi")),
        *(("-polarization", "use -polar"), ("-detector_thickness", "use -detector_thick")),
        *(("--phi", "use -phi"), ("--N", "use -N")),
    ],
)
@pytest.mark.parametrize("values", [[], ["3.5"]])
def test_idle_flags_are_skipped_with_a_note(word, instead, values):
    invocation = parse(["-distance", "7", word, *values, "-xds"])
    assert invocation.config == config("-distance 7 -xds")
    (note,) = invocation.notes
    assert note.startswith(" ".join([word, *values, "is skipped"]))
    assert instead in note


def test_a_table_that_is_written_is_not_one_that_is_read():
    assert parse(["-stolout", "table.txt", "-phi", "3"]).config == config("-phi 3")
    assert meaning("-stolout").flag is None


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("-lambda 1 -lambda 2", "-lambda 2"),
        ("-lambda 1 -energy 9000", "-energy 9000"),
        ("-energy 9000 -lambda 1", "-lambda 1"),
        ("-lambda 2 -energy 9000 -lambda 1", "-lambda 1"),
        ("-nopolar -polar 0.5", "-polar 0.5"),
        ("-misset 1 2 3 -misset random", "-misset random"),
        ("-misset random -misset 1 2 3", "-misset 1 2 3"),
        ("-pix0_vector 1 2 3 -pix0_vector_mm 4 5 6", "-pix0_vector_mm 4 5 6"),
        ("-pix0_vector_mm 4 5 6 -pix0_vector 1 2 3", "-pix0_vector 1 2 3"),
        ("-xds -mosflm", "-mosflm"),
        ("-interpolate -nointerpolate", "-nointerpolate"),
        ("-divergence 5 -hdivrange 3", "-hdivrange 3 -vdivrange 5"),
        ("-hdivrange 3 -divergence 5", "-divergence 5"),
        ("-detpixels 5 -detpixels_y 6", "-detpixels_x 5 -detpixels_y 6"),
        ("-oversample 3 -oversample 0", ""),
    ],
)
def test_the_last_word_counts(line, same):
    assert config(line) == config(same)


def test_nopolar_after_polar():
    assert config("-polar 0.5 -nopolar").beam.nopolar is True


@pytest.mark.parametrize(
    "flag",
    [
        *("-oversample", "-dispsteps", "-hdivsteps", "-vdivsteps", "-divsteps"),
        *("-thicksteps", "-mosaic_domains"),
    ],
)
@pytest.mark.parametrize("count", ["0", "-1"])
def test_counts_that_are_not_positive_are_not_given(flag, count):
    invocation = parse([flag, count])
    assert invocation.config == Config()
    assert invocation.notes == (f"{flag} {count} counts as not given",)


@pytest.mark.parametrize(
    ("line", "path", "value"),
    [
        ("-N 0", "crystal.cells", (1, 1, 1)),
        ("-N -3", "crystal.cells", (1, 1, 1)),
        ("-Na 5.7", "crystal.cells", (5, 1, 1)),
        ("-N 4 -Nb 0", "crystal.cells", (4, 1, 4)),
        ("-phisteps 0", "spindle.steps", 1),
        ("-phisteps 3.9", "spindle.steps", 3),
        ("-phisteps -1", "spindle.steps", None),
        ("-oversample 2.5", "sampling.oversample", 2),
        ("-detpixels 96.7", "detector.pixels_fast", 96),
        ("-roi -5 20 0 3.9", "sampling.roi", (0, 20, 0, 3)),
    ],
)
def test_counts_are_read_as_the_reference_does_and_noted(line, path, value):
    invocation = parse(line.split())
    assert field(invocation.config, path) == value
    assert invocation.notes


@pytest.mark.parametrize("word", ["1e3", "three", "5x", "0x10"])
def test_counts_that_would_be_another_number_are_refused(word):
    with pytest.raises(UsageError, match="needs a whole number"):
        parse(["-N", word])


def test_scales_of_0_are_left_to_the_image():
    run = parse(["-scale", "3", "-scale", "0", "-nopgm", "-pgmscale", "0"]).run
    assert (run.scale, run.pgmscale, run.pgm) == (None, None, True)
    assert parse(["-pgmscale", "2", "-nopgm"]).run.pgm is False


@pytest.mark.parametrize("word", ["rand", "random", "randomly"])
def test_a_random_misset(word):
    assert config(f"-misset {word}").crystal.misset_random


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("-spindle_axis 0 1 0 -xds", "-xds"),
        ("-beam_vector 0 0 1 -fdet_vector 1 0 0 -mosflm", "-mosflm"),
        ("-pix0_vector_mm 100 1 2 -adxv", "-adxv"),
        ("-xds -spindle_axis 0 1 0 -dials", "-dials"),
        ("-spindle_axis 1 0 0 -xds -twotheta_axis 0 1 0", "-xds -twotheta_axis 0 1 0"),
        ("-spindle_axis 0 1 0 -close_distance 80 -mosflm", "-close_distance 80 -mosflm"),
    ],
)
def test_a_convention_resets_the_vectors_before_it(line, same):
    assert config(line) == config(same)
    assert any("sets every vector again" in note for note in parse(line.split()).notes)


@pytest.mark.parametrize(
    ("line", "pivot"),
    [
        ("-distance 100 -Xbeam 5 -Ybeam 5", None),  # a named convention imposes its own
        ("-twotheta 5", None),
        ("-xds -close_distance 90", None),
        ("-spindle_axis 0 1 0", None),
        ("-spindle_axis 0 1 0 -distance 100", "beam"),
        ("-spindle_axis 0 1 0 -Xbeam 1", "beam"),
        ("-spindle_axis 0 1 0 -Ybeam 1", "beam"),
        ("-close_distance 90 -spindle_axis 0 1 0", "sample"),
        ("-Xclose 1 -fdet_vector 1 0 0", "sample"),
        ("-Yclose 1 -sdet_vector 1 0 0", "sample"),
        ("-ORGX 1 -odet_vector 1 0 0", "sample"),
        ("-ORGY 1 -beam_vector 1 0 0", "sample"),
        ("-twotheta 0 -polar_vector 1 0 0", "sample"),
        ("-twotheta 3 -distance 100 -twotheta_axis 0 1 0", "beam"),
        ("-distance 100 -twotheta 3 -pix0_vector 0 1 0", "sample"),
        ("-pix0_vector_mm 1 1 1 -distance 100", "beam"),
        ("-pivot sample -spindle_axis 0 1 0 -distance 100", "beam"),
        ("-spindle_axis 0 1 0 -distance 100 -pivot sample", "sample"),
        ("-spindle_axis 0 1 0 -close_distance 100 -pivot beam -twotheta 3", "sample"),
        ("-xds -pivot beam", "beam"),
        ("-pivot beam -xds -ORGX 5", "beam"),  # where the convention is named, -pivot wins
        ("-xds -spindle_axis 0 1 0", "sample"),
        ("-adxv -spindle_axis 0 1 0", "beam"),
        ("-xds -spindle_axis 0 1 0 -distance 100", "beam"),
        ("-close_distance 90 -mosflm -spindle_axis 0 1 0", "beam"),
    ],
)
def test_pivot(line, pivot):
    assert config(line).detector.pivot == pivot


# Accidents of the reference's parser that are not repeated.


def test_misset_seed_is_not_misset():
    crystal = config("-misset_seed 5").crystal
    assert (crystal.misset_deg, crystal.misset_random) == (None, False)


def test_twotheta_axis_is_not_twotheta():
    assert config("-twotheta_axis 0 1 0").detector.twotheta_deg is None


def test_curved_det_as_the_last_word():
    assert config("-distance 100 -curved_det").detector.curved


def test_nopolar_survives_oversample_polar():
    beam = config("-nopolar -oversample_polar").beam
    assert beam.nopolar is True


# Headers.

HEADER = {
    "SIZE1": 12,
    "SIZE2": 10,
    "PIXEL_SIZE": 0.5,
    "DISTANCE": 120,
    "WAVELENGTH": 5.5,
    "BEAM_CENTER_X": 2,
    "BEAM_CENTER_Y": 1,
    "PHI": 3,
    "OSC_RANGE": 0.5,
}


def image(path: Path, **changes: float) -> str:
    entries = {**HEADER, **changes}
    text = "{\nHEADER_BYTES=512;\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE=unsigned_short;\n"
    text += "".join(f"{key}={value};\n" for key, value in entries.items())
    pixels = bytes(2 * int(entries["SIZE1"]) * int(entries["SIZE2"]))
    path.write_bytes((text + "}\f").ljust(512).encode() + pixels)
    return str(path)


def test_header_gives_defaults(tmp_path):
    invocation = parse(["-img", image(tmp_path / "a.img")])
    detector, beam, spindle = (
        invocation.config.detector,
        invocation.config.beam,
        invocation.config.spindle,
    )
    assert (detector.pixels_fast, detector.pixels_slow, detector.pixel_mm) == (12, 10, 0.5)
    assert (detector.distance_mm, detector.xbeam_mm, detector.ybeam_mm) == (120, 2, 1)
    assert (beam.wavelength_angstrom, spindle.phi_deg, spindle.osc_deg) == (5.5, 3, 0.5)
    assert detector.mask_file is None
    assert invocation.headers == (str(tmp_path / "a.img"),)


def test_mask_counts_the_beam_centre_from_the_other_edge(tmp_path):
    path = image(tmp_path / "a.img")
    detector = parse(["-mask", path]).config.detector
    assert (detector.mask_file, detector.xbeam_mm, detector.ybeam_mm) == (path, 2, 10 * 0.5 - 1)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    ("flags", "name", "value"),
    [
        ("-distance 77", "detector.distance_mm", 77),
        ("-distance 77", "detector.close_distance_mm", None),
        ("-energy 9000", "beam.energy_ev", 9000),
        ("-energy 9000", "beam.wavelength_angstrom", None),
        ("-detsize 33", "detector.pixels_fast", None),
        ("-detsize 33", "detector.pixels_slow", None),
        ("-detpixels_x 33", "detector.pixels_fast", 33),
        ("-detpixels_x 33", "detector.pixels_slow", 10),
        ("-phi 9", "spindle.phi_deg", 9),
        ("-Xbeam 9", "detector.ybeam_mm", 1),
    ],
)
def test_flags_override_headers(tmp_path, flags, name, value, before):
    header = ["-img", image(tmp_path / "a.img", CLOSE_DISTANCE=119)]
    words = [*header, *flags.split()] if before else [*flags.split(), *header]
    assert field(parse(words).config, name) == value


@pytest.mark.parametrize("order", [1, -1])
def test_an_image_goes_before_a_mask(tmp_path, order):
    a, b = image(tmp_path / "a.img"), image(tmp_path / "b.img", DISTANCE=50)
    words = [["-img", a], ["-mask", b]][::order]
    detector = parse([word for pair in words for word in pair]).config.detector
    assert (detector.distance_mm, detector.mask_file) == (120, b)


def test_a_header_turns_nothing(tmp_path):
    path = image(tmp_path / "a.img", XDS_ORGX=3, XDS_ORGY=4, CLOSE_DISTANCE=119)
    custom = ["-spindle_axis", "0", "1", "0"]
    assert parse(["-img", path, *custom]).config.detector.pivot == "beam"
    assert parse(["-img", path, *custom, "-ORGX", "3"]).config.detector.pivot == "sample"


def test_the_last_header_counts(tmp_path):
    a, b = image(tmp_path / "a.img"), image(tmp_path / "b.img", DISTANCE=50)
    assert parse(["-img", a, "-img", b]).config.detector.distance_mm == 50
    assert parse(["-img", b, "-img", a]).config.detector.distance_mm == 120
    assert parse(["-img", b, "-img", a, "-img", b]).config.detector.distance_mm == 50


def test_an_impossible_header_is_named(tmp_path):
    path = image(tmp_path / "a.img", PIXEL_SIZE=-1)
    with pytest.raises(UsageError, match=r"-img .*a\.img: detector\.pixel_mm = -1"):
        parse(["-img", path])


@pytest.mark.parametrize("flag", ["-stol", "-4stol", "-Q"])
def test_tables_are_read_and_not_used(tmp_path, flag):
    path = tmp_path / "bg.stol"
    path.write_text("0.1 2.5\n0.2 3.5\n")
    invocation = parse([flag, str(path)])
    assert invocation.config == Config()
    (note,) = invocation.notes
    assert "2 rows" in note
    assert "not used" in note
    with pytest.raises(FileError, match="cannot be read"):
        parse([flag, str(tmp_path / "nothing")])


# On top of a configuration.

BASE = Config().with_overrides(
    {
        "crystal.matrix": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        "crystal.cells": [2, 3, 4],
        "beam.energy_ev": 12000,
        "beam.flux_photons_per_s": 1e12,
        "detector.pixels_fast": 100,
        "detector.close_distance_mm": 90,
        "sampling.oversample": 3,
    }
)


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("", "crystal.cells", (2, 3, 4)),
        ("-Nb 9", "crystal.cells", (2, 9, 4)),
        ("-cell 50", "crystal.matrix", None),
        ("-mat A.mat", "crystal.matrix", None),
        ("-lambda 1", "beam.energy_ev", None),
        ("-fluence 1e20", "beam.flux_photons_per_s", None),
        ("-detsize_f 9", "detector.pixels_fast", None),
        ("-distance 9", "detector.close_distance_mm", None),
        ("-oversample 0", "sampling.oversample", None),
        ("-samplesize 1", "crystal.cells", (2, 3, 4)),
    ],
)
def test_flags_override_a_configuration(line, name, value):
    assert field(config(line, BASE), name) == value


def test_split_separates_flags_from_a_subcommands_words():
    words = ["run.toml", "-osc", "1", "--set", "a=1", "-o", "x.img", "-cell", "50", "60", "-h"]
    words += ["-xds", "--pixel", "3", "4", "-hdiv", "2", "-hkl", "f"]
    flags, others = split(words)
    assert flags == ["-osc", "1", "-cell", "50", "60", "-xds", "-hdiv", "2", "-hkl", "f"]
    assert others == ["run.toml", "--set", "a=1", "-o", "x.img", "-h", "--pixel", "3", "4"]


def test_what_can_only_be_turned_on_is_left_out():
    assert command_line({"detector.point_pixel": False}) == "(without -point_pixel)"
    assert command_line({"sampling.interpolate": False}) == "-nointerpolate"
    assert command_line({"crystal.cells": (2, 2, 2), "beam.energy_ev": None}) == "-N 2"
    assert command_line({"crystal.cells": [2, 3, 4]}) == "-Na 2 -Nb 3 -Nc 4"
    with pytest.raises(KeyError, match=r"crystal\.k_sol"):
        command_line({"crystal.k_sol": 0.3})


# Properties.


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_arrive_to_the_last_bit(x):
    assert parse(["-Xbeam", repr(x)]).config.detector.xbeam_mm == x


@given(st.integers(-MAX_SEED, MAX_SEED))
def test_seeds_arrive(n):
    assert parse(["-seed", str(n)]).run.seed == n


JUNK = st.sampled_from([*FLAGS, *IDLE, "1", "-2.5", "random", "x", "", "-", "--", "-lamda", "inf"])


@given(st.lists(JUNK | st.text(max_size=5), max_size=8))
def test_any_words_are_understood_or_refused(words):
    with contextlib.suppress(UsageError, FileError):  # and nothing else
        assert parse(words) == parse(words)

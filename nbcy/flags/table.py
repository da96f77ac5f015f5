"""The flags, one row each: names, what follows, the configuration path it sets, help.

Everything else about flags (parsing, help, docs, command lines in reports) is read off these rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from nbcy.base.units import UNITS, convert, split_units
from nbcy.config.response import Response
from nbcy.flags import values as v
from nbcy.flags.values import Takes

Settings = dict[str, Any]
"""What is set to what: configuration paths, and ``run.NAME`` for `nbcy.flags.parsing.Run`.

None stands for "not given".
"""


@dataclass(frozen=True, slots=True)
class Flag:
    """One row of the table.

    Attributes
    ----------
    names : tuple of str
        The name, then its aliases.
    takes : Takes
        What follows it.
    sets : tuple of str
        Configuration paths that get the value, or ``run.NAME``.
    help : str
        One line, without the unit.
    also : mapping of str to object
        What is set besides, whatever the value.
    keyword : mapping of str to object
        What the keyword of ``takes`` sets instead.
    unit : str
        Suffix of the unit of the value, where that is not the path's.
    stems : tuple of str
        Abbreviations from which the reference knows the flag.
    exact : bool
        The reference takes no longer spelling for it.
    pivot : {"", "beam", "sample"}
        Point that the detector turns about from here on in the convention custom.
    """

    names: tuple[str, ...]
    takes: Takes
    sets: tuple[str, ...]
    help: str
    also: Mapping[str, Any] = field(default_factory=dict)
    keyword: Mapping[str, Any] = field(default_factory=dict)
    unit: str = ""
    stems: tuple[str, ...] = ()
    exact: bool = False
    pivot: str = ""

    @property
    def units(self) -> tuple[str, ...]:
        """Suffixes of the units in which the value is given."""
        return (self.unit,) if self.unit else split_units(self.sets[0])[1]

    @property
    def signs(self) -> str:
        """The units for people."""

        def sign(unit: str) -> str:
            symbols = UNITS[unit].symbols
            return next((s for s in symbols if not s.isascii()), symbols[0])

        return ", ".join(map(sign, self.units))

    def read(self, name: str, words: Sequence[str]) -> tuple[Any, int]:
        """Convert those of the words behind the flag that are its own; return how many these are.

        Raises
        ------
        UsageError
            Too few words, or words of the wrong kind.
        """
        return self.takes.read(name, words[: self.takes.most], self.signs)

    @property
    def turns_custom(self) -> bool:
        """Whether it selects the convention custom."""
        return self.takes is v.VECTOR

    @property
    def names_convention(self) -> bool:
        """Whether it selects a convention by name."""
        return self.sets == ("detector.convention",)

    def settings(self, value: Any) -> Settings:
        """Return what a value sets."""
        if self.takes.keyword and value == self.takes.keyword:
            return dict(self.keyword)
        if self.unit:
            own = split_units(self.sets[0])[1][0]
            value = tuple(convert(x, self.unit, own) for x in value)
        return {**self.also, **dict.fromkeys(self.sets, value)}


def _flag(names: str, takes: Takes, sets: str, text: str, **more: Any) -> Flag:
    return Flag(tuple(names.split()), takes, tuple(sets.split()), text, **more)


CELLS: Final = ("crystal.cells.a", "crystal.cells.b", "crystal.cells.c")

GROUPS: Final[Mapping[str, tuple[Flag, ...]]] = {
    "crystal": (
        _flag(
            "-hkl", v.REFLECTIONS, "crystal.hkl_file", "structure factors: text, h k l F per line"
        ),
        _flag("-default_F", v.REAL, "crystal.default_F", "F of reflections not on the list"),
        _flag("-mat -matrix", v.FILE, "crystal.matrix_file", "MOSFLM orientation matrix"),
        _flag("-cell", v.CELL, "crystal.cell_angstrom_deg", "unit cell"),
        _flag(
            "-misset",
            v.MISSET,
            "crystal.misset_deg",
            "rotation about x, y, z; or a random one",
            also={"crystal.misset_random": False},
            keyword={"crystal.misset_deg": None, "crystal.misset_random": True},
        ),
        _flag("-misset_seed", v.SEED, "crystal.misset_seed", "seed of a random misset"),
        _flag("-N", v.CELLS, " ".join(CELLS), "unit cells along each of a, b, c", exact=True),
        _flag("-Na", v.CELLS, CELLS[0], "unit cells along a", exact=True),
        _flag("-Nb", v.CELLS, CELLS[1], "unit cells along b", exact=True),
        _flag("-Nc", v.CELLS, CELLS[2], "unit cells along c", exact=True),
        _flag(
            "-samplesize -xtalsize",
            v.REAL,
            "crystal.size_x_mm crystal.size_y_mm crystal.size_z_mm",
            "size of the sample",
        ),
        _flag(
            "-sample_thick -sample_x -xtal_thick -xtal_x",
            v.REAL,
            "crystal.size_x_mm",
            "size along the beam (sets Na)",
        ),
        _flag(
            "-sample_width -sample_y -xtal_width -xtal_y",
            v.REAL,
            "crystal.size_y_mm",
            "horizontal size (sets Nb)",
            stems=("-width",),
        ),
        _flag(
            "-sample_height -sample_z -xtal_height -xtal_z",
            v.REAL,
            "crystal.size_z_mm",
            "vertical size (sets Nc)",
            stems=("-heigh", "-sample_heigh", "-xtal_heigh"),
        ),
        _flag("-square_xtal", v.fixed("square"), "crystal.shape", "a block (the default)"),
        _flag("-round_xtal", v.fixed("round"), "crystal.shape", "an ellipsoid"),
        _flag("-gauss_xtal", v.fixed("gauss"), "crystal.shape", "Gaussian spots"),
        _flag("-tophat_spots -binary_spots", v.fixed("tophat"), "crystal.shape", "disk spots"),
        _flag("-fudge", v.REAL, "crystal.fudge", "scales the width of the spots of a shape"),
        _flag(
            "-mosaic -mosaicity -mosaic_spread",
            v.REAL,
            "crystal.mosaic_spread_deg",
            "largest angle of the mosaic domains",
        ),
        _flag(
            "-mosaic_domains",
            v.COUNT,
            "crystal.mosaic_domains",
            "number of mosaic domains",
            stems=("-mosaic_dom",),
        ),
        _flag("-mosaic_seed", v.SEED, "crystal.mosaic_seed", "seed of the mosaic domains"),
        _flag(
            "-interpolate",
            v.ON,
            "sampling.interpolate",
            "tricubic interpolation between structure factors",
        ),
        _flag(
            "-nointerpolate",
            v.OFF,
            "sampling.interpolate",
            "structure factor of the nearest reflection",
        ),
        _flag("-dmin", v.REAL, "sampling.dmin_angstrom", "finest spacing to render"),
    ),
    "beam": (
        _flag(
            "-lambda -wave",
            v.REAL,
            "beam.wavelength_angstrom",
            "wavelength",
            also={"beam.energy_ev": None},
        ),
        _flag(
            "-energy",
            v.REAL,
            "beam.energy_ev",
            "photon energy",
            also={"beam.wavelength_angstrom": None},
        ),
        _flag("-fluence", v.REAL, "beam.fluence_photons_per_m2", "photons on the sample"),
        _flag("-flux", v.REAL, "beam.flux_photons_per_s", "photons, with exposure and beamsize"),
        _flag("-exposure", v.REAL, "beam.exposure_s", "exposure"),
        _flag("-beamsize", v.REAL, "beam.size_mm", "edge of the square beam"),
        _flag(
            "-polar",
            v.REAL,
            "beam.kahn_factor",
            "Kahn polarization factor, -1 to 1; 0 is unpolarized",
            also={"beam.nopolar": False},
            exact=True,
        ),
        _flag("-nopolar", v.ON, "beam.nopolar", "no polarization factor at all"),
        _flag("-dispersion", v.REAL, "beam.dispersion_percent", "spectral width"),
        _flag("-dispsteps", v.COUNT, "beam.dispersion_steps", "number of wavelengths"),
        _flag("-divergence", v.REAL, "beam.hdiv_mrad beam.vdiv_mrad", "full divergence"),
        _flag("-hdivrange", v.REAL, "beam.hdiv_mrad", "horizontal divergence"),
        _flag("-vdivrange", v.REAL, "beam.vdiv_mrad", "vertical divergence"),
        _flag("-hdivstep", v.REAL, "beam.hdiv_step_mrad", "horizontal step", exact=True),
        _flag("-vdivstep", v.REAL, "beam.vdiv_step_mrad", "vertical step", exact=True),
        _flag("-hdivsteps", v.COUNT, "beam.hdiv_steps", "number of horizontal directions"),
        _flag("-vdivsteps", v.COUNT, "beam.vdiv_steps", "number of vertical directions"),
        _flag("-divsteps", v.COUNT, "beam.hdiv_steps beam.vdiv_steps", "both numbers"),
        _flag("-round_div", v.fixed("round"), "beam.divergence", "elliptic (the default)"),
        _flag("-square_div", v.fixed("square"), "beam.divergence", "rectangular"),
        _flag(
            "-sourcefile",
            v.FILE,
            "beam.source_file",
            "sources: X Y Z intensity wavelength (m) per line",
        ),
    ),
    "detector": (
        _flag(
            "-distance",
            v.REAL,
            "detector.distance_mm",
            "sample to detector along the beam",
            pivot="beam",
        ),
        _flag(
            "-close_distance",
            v.REAL,
            "detector.close_distance_mm",
            "sample to detector along its normal",
            pivot="sample",
        ),
        _flag(
            "-detsize",
            v.REAL,
            "detector.size_fast_mm detector.size_slow_mm",
            "edges of the detector",
            exact=True,
        ),
        _flag("-detsize_f -detsize_x", v.REAL, "detector.size_fast_mm", "fast edge"),
        _flag("-detsize_s -detsize_y", v.REAL, "detector.size_slow_mm", "slow edge"),
        _flag(
            "-detpixels",
            v.WHOLE,
            "detector.pixels_fast detector.pixels_slow",
            "pixels along each edge",
            exact=True,
        ),
        _flag("-detpixels_f -detpixels_x", v.WHOLE, "detector.pixels_fast", "pixels in a row"),
        _flag("-detpixels_s -detpixels_y", v.WHOLE, "detector.pixels_slow", "number of rows"),
        _flag("-pixel", v.REAL, "detector.pixel_mm", "edge of a pixel"),
        _flag(
            "-Xbeam", v.REAL, "detector.xbeam_mm", "beam centre; pivots on the beam", pivot="beam"
        ),
        _flag(
            "-Ybeam", v.REAL, "detector.ybeam_mm", "beam centre; pivots on the beam", pivot="beam"
        ),
        _flag(
            "-Xclose",
            v.REAL,
            "detector.xclose_mm",
            "near point; pivots on the sample",
            pivot="sample",
        ),
        _flag(
            "-Yclose",
            v.REAL,
            "detector.yclose_mm",
            "near point; pivots on the sample",
            pivot="sample",
        ),
        _flag("-ORGX", v.REAL, "detector.orgx_px", "near point of XDS", pivot="sample"),
        _flag("-ORGY", v.REAL, "detector.orgy_px", "near point of XDS", pivot="sample"),
        *(
            _flag(
                f"-{name}",
                v.fixed(name),
                "detector.convention",
                f"{name} convention{' (the default)' if name == 'mosflm' else ''}",
            )
            for name in ("mosflm", "xds", "adxv", "denzo", "dials")
        ),
        _flag("-pivot", v.PIVOT, "detector.pivot", "what detector rotations keep in place"),
        *(
            _flag(
                f"-detector_rot{axis}",
                v.REAL,
                f"detector.rot{axis}_deg",
                f"turn the detector about {axis}",
            )
            for axis in "xyz"
        ),
        _flag("-twotheta", v.REAL, "detector.twotheta_deg", "angle of the 2θ arm", pivot="sample"),
        _flag("-fdet_vector", v.VECTOR, "detector.fast_vector", "fast axis"),
        _flag("-sdet_vector", v.VECTOR, "detector.slow_vector", "slow axis"),
        _flag("-odet_vector", v.VECTOR, "detector.normal_vector", "axis away from the sample"),
        _flag("-beam_vector", v.VECTOR, "beam.direction", "direction of the beam"),
        _flag("-polar_vector", v.VECTOR, "beam.polarization_vector", "electric field"),
        _flag("-spindle_axis", v.VECTOR, "spindle.axis", "axis of phi"),
        _flag("-twotheta_axis", v.VECTOR, "detector.twotheta_axis", "axis of the 2θ arm"),
        _flag(
            "-pix0_vector",
            v.VECTOR,
            "detector.pix0_mm",
            "corner of the first pixel",
            unit="m",
            exact=True,
        ),
        _flag("-pix0_vector_mm", v.VECTOR, "detector.pix0_mm", "the same"),
        _flag(
            "-detector_abs -detector_absorb",
            v.DEPTH,
            "detector.attenuation_depth_um",
            "attenuation depth of the sensor",
        ),
        _flag(
            "-detector_thick",
            v.REAL,
            "detector.thickness_um",
            "thickness of the sensor",
            exact=True,
        ),
        _flag(
            "-detector_thicksteps -thicksteps",
            v.COUNT,
            "detector.thickness_steps",
            "layers of the sensor",
        ),
        _flag("-curved_det", v.ON, "detector.curved", "wrapped around the sample"),
        _flag(
            "-point_pixel",
            v.ON,
            "detector.point_pixel",
            "solid angle 1/distance², without pixel size and obliquity",
        ),
        _flag(
            "-oversample",
            v.COUNT,
            "sampling.oversample",
            "sub-pixels along each edge",
            exact=True,
        ),
        *(
            _flag(
                f"-oversample_{name}",
                v.ON,
                f"sampling.oversample_{name}",
                f"{text} for every sub-pixel",
            )
            for name, text in (
                ("thick", "absorption"),
                ("polar", "polarization"),
                ("omega", "solid angle"),
            )
        ),
    ),
    "spindle": (
        _flag("-phi", v.REAL, "spindle.phi_deg", "start of the rotation", exact=True),
        _flag("-osc", v.REAL, "spindle.osc_deg", "range of the rotation"),
        _flag("-phistep", v.REAL, "spindle.step_deg", "step of the rotation", exact=True),
        _flag("-phisteps", v.STEPS, "spindle.steps", "number of steps"),
    ),
    "background": (
        _flag("-water", v.REAL, "background.water_um", "size of a droplet of water"),
        *(
            _flag(f"-{name}", v.FILE, f"run.{name}", text, exact=True)
            for name, text in (
                ("stol", "amplitudes of a background against sin(θ)/λ, of -thickness"),
                ("4stol", "the same with 4 sin(θ)/λ"),
                ("Q", "the same with 4π sin(θ)/λ"),
            )
        ),
        _flag("-thickness", v.REAL, "run.thickness_mm", "of that background along the beam"),
        _flag("-density", v.REAL, "run.density_g_per_cm3", "its density"),
        _flag("-MW", v.REAL, "run.molar_mass_g_per_mol", "its molar mass"),
    ),
    "region and defaults": (
        _flag("-roi", v.ROI, "sampling.roi", "pixels to render, inclusive"),
        _flag(
            "-mask",
            v.FILE,
            "detector.mask_file",
            "SMV image, zero is skipped; its header gives defaults",
        ),
        _flag("-img", v.FILE, "run.img", "SMV image whose header gives defaults"),
    ),
    "output": (
        _flag("-floatfile -floatimage", v.FILE, "run.floatfile", "float32 image"),
        _flag("-intfile -intimage", v.FILE, "run.intfile", "SMV image without noise"),
        _flag("-pgmfile -pgmimage", v.FILE, "run.pgmfile", "PGM image", also={"run.pgm": True}),
        _flag(
            "-noisefile -noiseimage",
            v.FILE,
            "run.noisefile",
            "SMV image with noise",
            also={"run.noise": True},
        ),
        _flag("-nonoise", v.OFF, "run.noise", "no image with noise"),
        _flag("-nopgm", v.OFF, "run.pgm", "no PGM image"),
        _flag("-scale", v.SCALE, "run.scale", "SMV counts per photon (default, and 0: 55000/max)"),
        _flag(
            "-pgmscale",
            v.SCALE,
            "run.pgmscale",
            "PGM levels per photon (0: automatic)",
            also={"run.pgm": True},
        ),
        _flag("-adc -adcoffset", v.REAL, "run.adc", "added to SMV counts (default 40)"),
        _flag("-seed", v.SEED, "run.seed", "seed of the noise (default 1)"),
        _flag(
            "-printout",
            v.ON,
            "run.printout",
            "print fast, slow, value of pixels",
            exact=True,
        ),
        _flag("-printout_pixel", v.FAST_SLOW, "run.printout_pixel", "print one pixel: fast, slow"),
        _flag("-trace_pixel", v.SLOW_FAST, "run.trace_pixel", "trace one pixel: slow, fast"),
        _flag("-progress", v.ON, "run.progress", "progress bar (the default)"),
        _flag("-noprogress", v.OFF, "run.progress", "no progress bar"),
    ),
    "nbcy's own": (
        _flag("-quirks", v.QUIRK_NAMES, "quirks", "defects to reproduce"),
        _flag("-threads", v.THREADS, "run.threads", "threads (default: all processors)"),
        _flag("-precision", v.PRECISION, "sampling.precision", "arithmetic (default: double)"),
        _flag(
            "-mosaic_model",
            v.MOSAIC_MODEL,
            "crystal.mosaic_model",
            "cap (default), axis_angle, gaussian, spiral",
        ),
        _flag(
            "-mosaic_matrices",
            v.FILE,
            "crystal.mosaic_matrices",
            "rotations of the domains: nine numbers a line, and a weight",
        ),
        _flag("-gauss_star_xtal", v.fixed("gauss_star"), "crystal.shape", "round Gaussian spots"),
        _flag("-spot_scale", v.REAL, "crystal.spot_scale", "factor on the crystal's part"),
        _flag("-B_factor", v.REAL, "crystal.B_factor_angstrom2", "B factor on top of the list"),
        _flag(
            "-spectrum",
            v.FILE,
            "beam.spectrum_file",
            "wavelengths (Å) or energies (eV) and weights",
        ),
        _flag(
            "-cutoff",
            v.REAL,
            "sampling.cutoff",
            "drop steps below this part of a peak (default 0)",
        ),
        _flag("-average", v.AVERAGE, "sampling.average", "exact: gauss crystals in closed form"),
        _flag("-cutoff_photons", v.REAL, "sampling.cutoff_photons", "what exact pixels may lack"),
        _flag("-energy_spread", v.REAL, "beam.energy_spread_percent", "width of the energy"),
        _flag("-hdiv_sigma", v.REAL, "beam.hdiv_sigma_mrad", "width of horizontal divergence"),
        _flag("-vdiv_sigma", v.REAL, "beam.vdiv_sigma_mrad", "width of vertical divergence"),
    ),
}
"""The table, by heading of the help."""

OWN: Final = "nbcy's own"
"""Heading of the flags that the reference does not know."""

FLAGS: Final[Mapping[str, Flag]] = {
    name: flag for group in GROUPS.values() for flag in group for name in flag.names
}
"""Every name with its row."""

OWN_FLAGS: Final = frozenset(name for flag in GROUPS[OWN] for name in flag.names)


@dataclass(frozen=True, slots=True)
class Idle:
    """A flag that does nothing in the reference, and so here.

    Attributes
    ----------
    why : str
        What to do instead, or what it belongs to.
    exact : bool
        Longer spellings are not it.
    file : bool
        The name of a file may follow.
    """

    why: str
    exact: bool = False
    file: bool = False


_FOR_PROTEIN: Final = "it has no part in the image"

IDLE: Final[Mapping[str, Idle]] = {
    "-hdiv": Idle("use -hdivrange", exact=True),
    "-vdiv": Idle("use -vdivrange", exact=True),
    "-dispstep": Idle("use -dispsteps", exact=True),
    "-source_dist": Idle("use -sourcefile"),
    "-coherent": Idle("sources always add up incoherently"),
    "-molec": Idle(_FOR_PROTEIN),
    "-dump": Idle("no list is kept for the next run", file=True),
    "-stolout": Idle("background tables are not used", file=True),
}
"""Flags of published examples that do nothing in the reference; longer spellings are the same."""

WITHOUT_FLAG: Final[Mapping[str, str]] = {
    "crystal.matrix": "-mat reads it from a file",
    "crystal.structure_file": "--pdb, --mtz, --cif",
    "crystal.column": "--column",
    "crystal.anomalous": "--anomalous",
    "crystal.missing": "--set",
    "crystal.mosaic_weights": "a tenth number a line of -mosaic_matrices",
    "beam.spectrum": "-spectrum reads it from a file",
    "crystal.cells_matrix": "--set",
    "crystal.k_sol": "--set",
    "crystal.B_sol": "--set",
    "spindle.sampling": "--set",
    "background.materials": "-stol with -thickness, or --set",
    "background.tolerance": "--set",
    "detector.masked": "--detector, or a configuration file",
    "detector.panels": "--geometry, --detector, or a configuration file",
    **{f"response.{name}": "--set, or a configuration file" for name in Response.model_fields},
}
"""Configuration paths that no flag sets, and what does."""

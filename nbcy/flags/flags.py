"""The reference's flags: one table of what each takes and sets, and the parser that reads it.

See docs/command-line.md.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from nbcy.base.errors import ConfigError, UsageError
from nbcy.base.units import convert
from nbcy.config import Config
from nbcy.config.quirks import QUIRKS, parse_quirks

if TYPE_CHECKING:
    from nbcy.config.conventions import Pivot

Settings = dict[str, Any]
"""What is set to what: dotted fields of `Config`, ``cells.N``, and ``run.NAME`` for `Run`.

None stands for "not given".
"""


@dataclass(frozen=True, slots=True)
class Run:
    """What a command line asks for apart from the configuration.

    Attributes
    ----------
    floatfile, intfile : str or None
        Names of the images that the reference always writes; None for none.
    pgmfile, noisefile : str
        Names of the other two.
    noise, pgm : bool
        Whether to write these two.
    scale, pgmscale : float or None
        Counts per photon of the SMV and the PGM image; None lets the image decide.
    adc : float
        Added to every pixel of the SMV images.
    seed : int
        Of the noise.
    printout : bool
        Print every pixel.
    printout_pixel, trace_pixel : tuple of int, or None
        ``(fast, slow)`` and ``(slow, fast)``.
    threads : int or None
    progress : bool
        Show a progress bar where there is a terminal.
    """

    floatfile: str | None = "floatimage.bin"
    intfile: str | None = "intimage.img"
    pgmfile: str = "image.pgm"
    noisefile: str = "noiseimage.img"
    noise: bool = True
    pgm: bool = True
    scale: float | None = None
    pgmscale: float | None = None
    adc: float = 40.0
    seed: int = 1
    printout: bool = False
    printout_pixel: tuple[int, int] | None = None
    trace_pixel: tuple[int, int] | None = None
    threads: int | None = None
    progress: bool = True


@dataclass(frozen=True, slots=True)
class Invocation:
    """A parsed command line.

    Attributes
    ----------
    config : Config
    run : Run
    given : mapping of str to str
        The flag as typed, or the header, by the name of the setting.
    headers : tuple of str
        Files whose headers gave defaults, in the order in which they were read.
    notes : tuple of str
        For the user: what was read otherwise than written.
    """

    config: Config
    run: Run
    given: Mapping[str, str]
    headers: tuple[str, ...]
    notes: tuple[str, ...]


# What flags take ---------------------------------------------------------------------------------

_REAL = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_WHOLE = re.compile(r"([-+]?\d+)(\.0*)?")


def _real(word: str) -> float:
    if not _REAL.fullmatch(word) or not math.isfinite(value := float(word)):
        raise ValueError("a number")
    return value


def _whole(word: str) -> int:
    match = _WHOLE.fullmatch(word)
    if not match:
        raise ValueError("a whole number")
    return int(match[1])


MAX_SEED: Final = 2**31 - 2
"""Largest seed of the reference's random numbers."""


def _pixel(word: str) -> int:
    if not _WHOLE.fullmatch(word) or (index := _whole(word)) < 0:
        raise ValueError("a whole number that is not negative")
    return index


def _threads(word: str) -> int:
    if not _WHOLE.fullmatch(word) or (count := _whole(word)) < 1:
        raise ValueError("a whole number of at least 1")
    return count


def _seed(word: str) -> int:
    if not _WHOLE.fullmatch(word) or abs(seed := _whole(word)) > MAX_SEED:
        raise ValueError(f"a whole number from {-MAX_SEED} to {MAX_SEED}")
    return seed


def _scale(word: str) -> float:
    if not _REAL.fullmatch(word) or (value := _real(word)) <= 0.0:
        raise ValueError("a positive number")
    return value


def _count(word: str) -> int | None:
    """Read a count, which the reference takes as not given when it is not positive."""
    count = _whole(word)
    return count if count > 0 else None


def _depth(word: str) -> float:
    if word.lower() in ("inf", "infinity"):
        return math.inf
    try:
        return _real(word)
    except ValueError:
        raise ValueError("a number or inf") from None


def _choice(*choices: str) -> Callable[[str], str]:
    def convert(word: str) -> str:
        if word not in choices:
            raise ValueError(" or ".join(choices))
        return word

    return convert


def _quirks(word: str) -> list[str]:
    try:
        return sorted(parse_quirks(word))
    except ConfigError as error:
        raise ValueError(f"names of quirks ({', '.join(QUIRKS)}) or all") from error


@dataclass(frozen=True, slots=True)
class Takes:
    """The words that follow a flag.

    Attributes
    ----------
    shown : str
        As in the help.
    convert : callable
        From one word to its value; ValueError says what is needed.
    least, most : int
        Number of words.
    keyword : str
        A word that stands for all of them.
    """

    shown: str
    convert: Callable[[str], Any]
    least: int = 1
    most: int = 1
    keyword: str = ""


NOTHING: Final = Takes("", str, 0, 0)
REAL: Final = Takes("x", _real)
WHOLE: Final = Takes("n", _whole)
COUNT: Final = Takes("n", _count)
SEED: Final = Takes("n", _seed)
SCALE: Final = Takes("x", _scale)
FILE: Final = Takes("FILE", str)
VECTOR: Final = Takes("x y z", _real, 3, 3)
CELL: Final = Takes("a b c al be ga", _real, 1, 6)
MISSET: Final = Takes("x y z|random", _real, 3, 3, "random")
ROI: Final = Takes("x1 x2 y1 y2", _pixel, 4, 4)
FAST_SLOW: Final = Takes("f s", _pixel, 2, 2)
SLOW_FAST: Final = Takes("s f", _pixel, 2, 2)
DEPTH: Final = Takes("x|inf", _depth)


# What flags set ----------------------------------------------------------------------------------

Sets = Callable[[Any], Settings]


def to(*names: str, clears: tuple[str, ...] = ()) -> Sets:
    """Set every one of ``names`` to the value, and what they stand in place of to nothing."""
    return lambda value: {**dict.fromkeys(clears), **dict.fromkeys(names, value)}


def fixed(**settings: Any) -> Sets:
    """Set what the flag alone says; ``__`` stands for the dot."""
    return lambda _: {name.replace("__", "."): value for name, value in settings.items()}


def _misset(value: tuple[float, ...] | str) -> Settings:
    if value == "random":
        return {"crystal.misset_deg": None, "crystal.misset_random": True}
    return {"crystal.misset_deg": value, "crystal.misset_random": False}


@dataclass(frozen=True, slots=True)
class Flag:
    """One row of the table.

    Attributes
    ----------
    names : tuple of str
        The name, then its aliases.
    takes : Takes
        What follows it.
    sets : callable
        From the value to settings.
    help : str
        One line.
    """

    names: tuple[str, ...]
    takes: Takes
    sets: Sets
    help: str


def _flag(names: str, takes: Takes, sets: Sets, text: str) -> Flag:
    return Flag(tuple(names.split()), takes, sets, text)


_N = ("cells.0", "cells.1", "cells.2")
_SIZES = ("crystal.size_x_mm", "crystal.size_y_mm", "crystal.size_z_mm")

GROUPS: Final[Mapping[str, tuple[Flag, ...]]] = {
    "crystal": (
        _flag("-hkl", FILE, to("crystal.hkl_file"), "structure factors: text, h k l F per line"),
        _flag("-default_F", REAL, to("crystal.default_F"), "F of reflections not on the list"),
        _flag("-mat -matrix", FILE, to("crystal.matrix_file"), "MOSFLM orientation matrix"),
        _flag("-cell", CELL, to("crystal.cell_angstrom_deg"), "unit cell, Å and degrees"),
        _flag("-misset", MISSET, _misset, "rotation about x, y, z, degrees; or a random one"),
        _flag("-misset_seed", SEED, to("crystal.misset_seed"), "seed of a random misset"),
        _flag("-N", WHOLE, to(*_N), "unit cells along each of a, b, c"),
        _flag("-Na", WHOLE, to(_N[0]), "unit cells along a"),
        _flag("-Nb", WHOLE, to(_N[1]), "unit cells along b"),
        _flag("-Nc", WHOLE, to(_N[2]), "unit cells along c"),
        _flag("-samplesize -xtalsize", REAL, to(*_SIZES), "size of the sample, mm"),
        _flag(
            "-sample_thick -sample_x -xtal_thick -xtal_x",
            REAL,
            to(_SIZES[0]),
            "size along the beam (sets Na), mm",
        ),
        _flag(
            "-sample_width -sample_y -xtal_width -xtal_y",
            REAL,
            to(_SIZES[1]),
            "horizontal size (sets Nb), mm",
        ),
        _flag(
            "-sample_height -sample_z -xtal_height -xtal_z",
            REAL,
            to(_SIZES[2]),
            "vertical size (sets Nc), mm",
        ),
        _flag("-square_xtal", NOTHING, fixed(crystal__shape="square"), "a block (the default)"),
        _flag("-round_xtal", NOTHING, fixed(crystal__shape="round"), "an ellipsoid"),
        _flag("-gauss_xtal", NOTHING, fixed(crystal__shape="gauss"), "Gaussian spots"),
        _flag("-tophat_spots -binary_spots", NOTHING, fixed(crystal__shape="tophat"), "disk spots"),
        _flag("-fudge", REAL, to("crystal.fudge"), "scales the width of the spots of a shape"),
        _flag(
            "-mosaic -mosaicity -mosaic_spread",
            REAL,
            to("crystal.mosaic_spread_deg"),
            "largest angle of the mosaic domains, degrees",
        ),
        _flag("-mosaic_domains", COUNT, to("crystal.mosaic_domains"), "number of mosaic domains"),
        _flag("-mosaic_seed", SEED, to("crystal.mosaic_seed"), "seed of the mosaic domains"),
        _flag(
            "-interpolate",
            NOTHING,
            fixed(sampling__interpolate=True),
            "tricubic interpolation between structure factors",
        ),
        _flag(
            "-nointerpolate",
            NOTHING,
            fixed(sampling__interpolate=False),
            "structure factor of the nearest reflection",
        ),
        _flag("-dmin", REAL, to("sampling.dmin_angstrom"), "finest spacing to render, Å"),
    ),
    "beam": (
        _flag(
            "-lambda -wave",
            REAL,
            to("beam.wavelength_angstrom", clears=("beam.energy_ev",)),
            "wavelength, Å",
        ),
        _flag(
            "-energy",
            REAL,
            to("beam.energy_ev", clears=("beam.wavelength_angstrom",)),
            "photon energy, eV",
        ),
        _flag("-fluence", REAL, to("beam.fluence_photons_per_m2"), "photons/m² on the sample"),
        _flag("-flux", REAL, to("beam.flux_photons_per_s"), "photons/s, with exposure, beamsize"),
        _flag("-exposure", REAL, to("beam.exposure_s"), "exposure, s"),
        _flag("-beamsize", REAL, to("beam.size_mm"), "edge of the square beam, mm"),
        _flag(
            "-polar",
            REAL,
            lambda value: {"beam.kahn_factor": value, "beam.nopolar": False},
            "Kahn polarization factor, -1 to 1; 0 is unpolarized",
        ),
        _flag("-nopolar", NOTHING, fixed(beam__nopolar=True), "no polarization factor at all"),
        _flag("-dispersion", REAL, to("beam.dispersion_percent"), "spectral width, %"),
        _flag("-dispsteps", COUNT, to("beam.dispersion_steps"), "number of wavelengths"),
        _flag("-divergence", REAL, to("beam.hdiv_mrad", "beam.vdiv_mrad"), "full divergence, mrad"),
        _flag("-hdivrange", REAL, to("beam.hdiv_mrad"), "horizontal divergence, mrad"),
        _flag("-vdivrange", REAL, to("beam.vdiv_mrad"), "vertical divergence, mrad"),
        _flag("-hdivstep", REAL, to("beam.hdiv_step_mrad"), "horizontal step, mrad"),
        _flag("-vdivstep", REAL, to("beam.vdiv_step_mrad"), "vertical step, mrad"),
        _flag("-hdivsteps", COUNT, to("beam.hdiv_steps"), "number of horizontal directions"),
        _flag("-vdivsteps", COUNT, to("beam.vdiv_steps"), "number of vertical directions"),
        _flag("-divsteps", COUNT, to("beam.hdiv_steps", "beam.vdiv_steps"), "both numbers"),
        _flag("-round_div", NOTHING, fixed(beam__divergence="round"), "elliptic (the default)"),
        _flag("-square_div", NOTHING, fixed(beam__divergence="square"), "rectangular"),
        _flag(
            "-sourcefile",
            FILE,
            to("beam.source_file"),
            "sources: X Y Z intensity wavelength (m) per line",
        ),
    ),
    "detector": (
        _flag("-distance", REAL, to("detector.distance_mm"), "sample to detector along beam, mm"),
        _flag(
            "-close_distance",
            REAL,
            to("detector.close_distance_mm"),
            "sample to detector along its normal, mm",
        ),
        _flag(
            "-detsize",
            REAL,
            to("detector.size_fast_mm", "detector.size_slow_mm"),
            "edges of the detector, mm",
        ),
        _flag("-detsize_f -detsize_x", REAL, to("detector.size_fast_mm"), "fast edge, mm"),
        _flag("-detsize_s -detsize_y", REAL, to("detector.size_slow_mm"), "slow edge, mm"),
        _flag(
            "-detpixels",
            WHOLE,
            to("detector.pixels_fast", "detector.pixels_slow"),
            "pixels along each edge",
        ),
        _flag("-detpixels_f -detpixels_x", WHOLE, to("detector.pixels_fast"), "pixels in a row"),
        _flag("-detpixels_s -detpixels_y", WHOLE, to("detector.pixels_slow"), "number of rows"),
        _flag("-pixel", REAL, to("detector.pixel_mm"), "edge of a pixel, mm"),
        _flag("-Xbeam", REAL, to("detector.xbeam_mm"), "beam centre, mm; pivots on the beam"),
        _flag("-Ybeam", REAL, to("detector.ybeam_mm"), "beam centre, mm; pivots on the beam"),
        _flag("-Xclose", REAL, to("detector.xclose_mm"), "near point, mm; pivots on the sample"),
        _flag("-Yclose", REAL, to("detector.yclose_mm"), "near point, mm; pivots on the sample"),
        _flag("-ORGX", REAL, to("detector.orgx_px"), "near point of XDS, pixels"),
        _flag("-ORGY", REAL, to("detector.orgy_px"), "near point of XDS, pixels"),
        *(
            _flag(
                f"-{name}",
                NOTHING,
                fixed(detector__convention=name),
                f"{name} convention{' (the default)' if name == 'mosflm' else ''}",
            )
            for name in ("mosflm", "xds", "adxv", "denzo", "dials")
        ),
        _flag(
            "-pivot",
            Takes("sample|beam", _choice("sample", "beam")),
            to("detector.pivot"),
            "what detector rotations keep in place",
        ),
        *(
            _flag(
                f"-detector_rot{axis}",
                REAL,
                to(f"detector.rot{axis}_deg"),
                f"turn the detector about {axis}, degrees",
            )
            for axis in "xyz"
        ),
        _flag("-twotheta", REAL, to("detector.twotheta_deg"), "angle of the 2θ arm, degrees"),
        _flag("-fdet_vector", VECTOR, to("detector.fast_vector"), "fast axis"),
        _flag("-sdet_vector", VECTOR, to("detector.slow_vector"), "slow axis"),
        _flag("-odet_vector", VECTOR, to("detector.normal_vector"), "axis away from the sample"),
        _flag("-beam_vector", VECTOR, to("beam.direction"), "direction of the beam"),
        _flag("-polar_vector", VECTOR, to("beam.polarization_vector"), "electric field"),
        _flag("-spindle_axis", VECTOR, to("spindle.axis"), "axis of phi"),
        _flag("-twotheta_axis", VECTOR, to("detector.twotheta_axis"), "axis of the 2θ arm"),
        _flag(
            "-pix0_vector",
            VECTOR,
            lambda value: {"detector.pix0_mm": tuple(convert(x, "m", "mm") for x in value)},
            "corner of the first pixel, m",
        ),
        _flag("-pix0_vector_mm", VECTOR, to("detector.pix0_mm"), "the same in mm"),
        _flag(
            "-detector_abs -detector_absorb",
            DEPTH,
            to("detector.attenuation_depth_um"),
            "attenuation depth of the sensor, µm",
        ),
        _flag("-detector_thick", REAL, to("detector.thickness_um"), "thickness of the sensor, µm"),
        _flag(
            "-detector_thicksteps -thicksteps",
            COUNT,
            to("detector.thickness_steps"),
            "layers of the sensor",
        ),
        _flag("-curved_det", NOTHING, fixed(detector__curved=True), "wrapped around the sample"),
        _flag(
            "-point_pixel",
            NOTHING,
            fixed(detector__point_pixel=True),
            "solid angle 1/distance², without pixel size and obliquity",
        ),
        _flag("-oversample", COUNT, to("sampling.oversample"), "sub-pixels along each edge"),
        *(
            _flag(
                f"-oversample_{name}",
                NOTHING,
                fixed(**{f"sampling__oversample_{name}": True}),
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
        _flag("-phi", REAL, to("spindle.phi_deg"), "start of the rotation, degrees"),
        _flag("-osc", REAL, to("spindle.osc_deg"), "range of the rotation, degrees"),
        _flag("-phistep", REAL, to("spindle.step_deg"), "step of the rotation, degrees"),
        _flag("-phisteps", COUNT, to("spindle.steps"), "number of steps"),
    ),
    "background": (
        _flag("-water", REAL, to("background.water_um"), "size of a droplet of water, µm"),
        _flag("-stol", FILE, to("run.stol"), "table of sin(θ)/λ and F; checked, not used"),
        _flag("-4stol", FILE, to("run.4stol"), "the same with 4 sin(θ)/λ"),
        _flag("-Q", FILE, to("run.Q"), "the same with 4π sin(θ)/λ"),
    ),
    "region and defaults": (
        _flag("-roi", ROI, to("sampling.roi"), "pixels to render, inclusive"),
        _flag(
            "-mask",
            FILE,
            to("detector.mask_file"),
            "SMV image, zero is skipped; its header gives defaults",
        ),
        _flag("-img", FILE, to("run.img"), "SMV image whose header gives defaults"),
    ),
    "output": (
        _flag("-floatfile -floatimage", FILE, to("run.floatfile"), "float32 image"),
        _flag("-intfile -intimage", FILE, to("run.intfile"), "SMV image without noise"),
        _flag(
            "-pgmfile -pgmimage",
            FILE,
            lambda value: {"run.pgmfile": value, "run.pgm": True},
            "PGM image",
        ),
        _flag(
            "-noisefile -noiseimage",
            FILE,
            lambda value: {"run.noisefile": value, "run.noise": True},
            "SMV image with noise",
        ),
        _flag("-nonoise", NOTHING, fixed(run__noise=False), "no image with noise"),
        _flag("-nopgm", NOTHING, fixed(run__pgm=False), "no PGM image"),
        _flag("-scale", SCALE, to("run.scale"), "SMV counts per photon (default 55000/max)"),
        _flag("-pgmscale", SCALE, to("run.pgmscale"), "PGM levels per photon"),
        _flag("-adc -adcoffset", REAL, to("run.adc"), "added to SMV counts (default 40)"),
        _flag("-seed", SEED, to("run.seed"), "seed of the noise (default 1)"),
        _flag("-printout", NOTHING, fixed(run__printout=True), "print fast, slow, value of pixels"),
        _flag(
            "-printout_pixel", FAST_SLOW, to("run.printout_pixel"), "print one pixel: fast, slow"
        ),
        _flag("-trace_pixel", SLOW_FAST, to("run.trace_pixel"), "trace one pixel: slow, fast"),
        _flag("-progress", NOTHING, fixed(run__progress=True), "progress bar (the default)"),
        _flag("-noprogress", NOTHING, fixed(run__progress=False), "no progress bar"),
    ),
    "nbcy's own": (
        _flag("-quirks", Takes("NAME,..|all", _quirks), to("quirks"), "defects to reproduce"),
        _flag(
            "-threads", Takes("n", _threads), to("run.threads"), "threads (default: all processors)"
        ),
        _flag(
            "-precision",
            Takes("double|single", _choice("double", "single")),
            to("sampling.precision"),
            "arithmetic (default: double)",
        ),
        _flag(
            "-cutoff",
            REAL,
            to("sampling.cutoff"),
            "drop steps below this part of a peak (default 0)",
        ),
    ),
}
"""The table, by heading of the help."""

FLAGS: Final[Mapping[str, Flag]] = {
    name: flag for group in GROUPS.values() for flag in group for name in flag.names
}
"""Every name with its row."""

IDLE: Final[Mapping[str, str]] = {
    "-hdiv": "-hdivrange",
    "-vdiv": "-vdivrange",
    "-dispstep": "-dispsteps",
    "-source_distance": "-sourcefile",
}
"""Flags of published examples that do nothing in the reference, and the flag that works."""

_BEAM_PIVOT: Final = {"-distance", "-Xbeam", "-Ybeam"}
_SAMPLE_PIVOT: Final = {"-close_distance", "-Xclose", "-Yclose", "-ORGX", "-ORGY", "-twotheta"}
_SELECT_CUSTOM: Final = {
    *("-fdet_vector", "-sdet_vector", "-odet_vector", "-beam_vector", "-polar_vector"),
    *("-spindle_axis", "-twotheta_axis", "-pix0_vector", "-pix0_vector_mm"),
}

# A flag overrides a header or a configuration file also where these say it in other words.
_DISPLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "crystal.cell_angstrom_deg": ("crystal.matrix", "crystal.matrix_file"),
    "crystal.matrix_file": ("crystal.matrix", "crystal.cell_angstrom_deg"),
    "crystal.cells": _SIZES,
    "beam.fluence_photons_per_m2": ("beam.flux_photons_per_s",),
    "detector.size_fast_mm": ("detector.pixels_fast",),
    "detector.size_slow_mm": ("detector.pixels_slow",),
    "detector.pixels_fast": ("detector.size_fast_mm",),
    "detector.pixels_slow": ("detector.size_slow_mm",),
    "detector.distance_mm": ("detector.close_distance_mm",),
}

_SURE: Final = 0.85
"""Similarity from which a word is taken for a misspelt name, not for a longer spelling."""


_HELP_COLUMN: Final = 34


def _nearest(word: str, cutoff: float) -> str | None:
    """Return the known name that looks most like ``word``."""
    import difflib

    lower = {name.lower(): name for name in (*FLAGS, *IDLE)}
    close = difflib.get_close_matches(word.lower(), lower, 1, cutoff)
    return lower[close[0]] if close else None


def _resolve(word: str) -> tuple[str, str | None]:
    """Return the known name that ``word`` stands for, and a note when it is another one.

    Raises
    ------
    UsageError
        No known name, or one that looks misspelt.
    """
    if word in FLAGS or word in IDLE:
        return word, None
    if not _is_flag(word):
        raise UsageError(f"stray word {word!r}: it belongs to no flag; see nbcy --help")
    name, equals, value = word.partition("=")
    if equals and (name in FLAGS or name in IDLE):
        raise UsageError(f"{word}: flags take their values after a blank: {name} {value}")
    shorter = max((name for name in FLAGS if word.startswith(name)), key=len, default=None)
    meant = next((name for name in FLAGS if name.startswith(word)), None) or _nearest(word, _SURE)
    if shorter is not None and (meant is None or len(meant) <= len(shorter)):
        return shorter, f"{word} is read as {shorter}"
    near = meant or _nearest(word, 0.5)
    hint = f"; did you mean {near}?" if near else ""
    raise UsageError(f"{word}: there is no such flag{hint or '; see nbcy --help'}")


def _is_flag(word: str) -> bool:
    return re.match(r"--?[^\W\d]|-4s", word) is not None


def _take(name: str, flag: Flag, words: Sequence[str]) -> tuple[Any, int]:
    """Convert the words that follow a flag; return the value and how many were taken.

    Raises
    ------
    UsageError
        Too few words, or words of the wrong kind.
    """
    takes = flag.takes
    if not takes.most:
        return True, 0
    if takes.keyword and words and words[0] == takes.keyword:
        return takes.keyword, 1
    values: list[Any] = []
    for word in words[: takes.most]:
        enough = len(values) >= takes.least
        if _is_flag(word):
            break
        try:
            values.append(takes.convert(word))
        except ValueError as error:
            if enough:
                break
            wanted = f"{error} or {takes.keyword}" if takes.keyword else error
            raise UsageError(f"{name}: needs {wanted}, not {word!r}") from error
    if len(values) < takes.least:
        what = takes.shown if takes.most > 1 else "a value"
        got = f"; {words[len(values)]!r} follows" if len(values) < len(words) else ""
        raise UsageError(f"{name}: needs {what}{got}")
    return (values[0] if takes.most == 1 else tuple(values)), len(values)


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Separate the reference's flags, with their values, from a subcommand's own words.

    Parameters
    ----------
    words : sequence of str
        Long options, the short ones -h and -o, positional words, and flags, in any order.

    Returns
    -------
    flags, others : list of str

    Raises
    ------
    UsageError
        As `parse`.
    """
    flags: list[str] = []
    others: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word in ("-h", "-o") or word.startswith("--") or not _is_flag(word):
            others.append(word)
            continue
        start = at - 1
        name, _ = _resolve(word)
        if name in IDLE:
            while at < len(words) and _REAL.fullmatch(words[at]):
                at += 1
        else:
            takes = FLAGS[name].takes
            at += _take(word, FLAGS[name], words[at : at + takes.most])[1]
        flags += words[start:at]
    return flags, others


def help_text() -> str:
    """Return the table for people, by heading."""
    lines: list[str] = []
    for heading, group in GROUPS.items():
        lines += ["", heading] if lines else [heading]
        for flag in group:
            shown = f"{' '.join(flag.names)} {flag.takes.shown}".rstrip()
            if len(shown) > _HELP_COLUMN - 4:
                lines.append(f"  {shown}")
                shown = ""
            lines.append(f"  {shown:<{_HELP_COLUMN - 2}}{flag.help}")
    return "\n".join(lines)


def blame(error: ConfigError, given: Mapping[str, str]) -> str:
    """Say which flags an impossible value came from.

    Parameters
    ----------
    error : ConfigError
    given : mapping of str to str
        `Invocation.given`.

    Returns
    -------
    str
        The message, after the names of the flags where there are any; of a value that is
        missing, after the flag that gives it.
    """
    field = re.split(r"[ \[]", error.field)[0]
    flags = {
        flag: None
        for name, flag in given.items()
        if name in (field, f"run.{field}")
        or ("." in field and name.startswith((f"{field}_", f"{field}.")))
    }
    if not flags and error.value is None:  # the flag that would have given it
        flags = dict.fromkeys([n for n, flag in FLAGS.items() if field in flag.sets(())][:1])
    return ": ".join([", ".join(flags), str(error)] if flags else [str(error)])


def parse(argv: Sequence[str], base: Config | None = None) -> Invocation:
    """Read a command line of the reference's flags.

    Parameters
    ----------
    argv : sequence of str
        The words after the program's name.
    base : Config, optional
        What the flags override.

    Returns
    -------
    Invocation

    Raises
    ------
    UsageError
        An unknown flag, a missing or wrong value, a stray word, an impossible setting.
    FileError
        A header or table that cannot be read.
    """
    settings: Settings = {}
    given: dict[str, str] = {}
    notes: list[str] = []
    headers: dict[str, str] = {}
    pivot: Pivot | None = None
    custom = False
    at = 0
    while at < len(argv):
        word = argv[at]
        at += 1
        name, note = _resolve(word)
        if note:
            notes.append(note)
        if name in IDLE:
            skipped = at
            while at < len(argv) and _REAL.fullmatch(argv[at]):
                at += 1
            text = " ".join([name, *argv[skipped:at]])
            notes.append(f"{text} is skipped, it does nothing in the reference: use {IDLE[name]}")
            continue
        flag = FLAGS[name]
        value, taken = _take(word, flag, argv[at : at + flag.takes.most])
        at += taken
        if value is None:
            notes.append(f"{word} {argv[at - 1]} counts as not given")
        new = flag.sets(value)
        settings |= new
        given |= dict.fromkeys((key for key, value in new.items() if value is not None), word)
        if flag.names[0] in ("-mask", "-img"):
            headers.pop(str(value), None)
            headers[str(value)] = flag.names[0]
        if flag.names[0] in _BEAM_PIVOT:
            pivot = "beam"
        elif flag.names[0] in _SAMPLE_PIVOT:
            pivot = "sample"
        custom = custom or flag.names[0] in _SELECT_CUSTOM

    if custom and pivot and "detector.pivot" not in settings:
        settings["detector.pivot"] = pivot
    _check_tables(settings, notes)
    run = {key[4:]: settings.pop(key) for key in list(settings) if key.startswith("run.")}
    run.pop("img", None)
    _join_cells(settings, base, given)
    displaced = [
        rival
        for field, rivals in _DISPLACES.items()
        if settings.get(field) is not None
        for rival in rivals
    ]
    defaults: Settings = {}
    for path, name in headers.items():
        from nbcy.formats.smv import header_defaults, read_smv

        new = header_defaults(read_smv(path)[0], name == "-mask", path)
        defaults |= new
        given = {**dict.fromkeys(new, f"{name} {path}"), **given}
    fields = {**defaults, **dict.fromkeys(displaced), **settings}
    try:
        config = (base or Config()).with_overrides(fields)
    except ConfigError as error:
        raise UsageError(blame(error, given)) from error
    return Invocation(config, replace(Run(), **run), given, tuple(headers), tuple(notes))


def _join_cells(settings: Settings, base: Config | None, given: dict[str, str]) -> None:
    """Put Na, Nb, Nc together."""
    counts = {name: settings.pop(name) for name in _N if name in settings}
    if counts:
        start = (base.crystal.cells if base else None) or (1, 1, 1)
        settings["crystal.cells"] = [counts.get(n, c) for n, c in zip(_N, start, strict=True)]
        flags = dict.fromkeys(given.pop(name) for name in counts)
        given["crystal.cells"] = ", ".join(flags)


def _check_tables(settings: Settings, notes: list[str]) -> None:
    """Check the tables that the reference reads and does not use."""
    for name in ("stol", "4stol", "Q"):
        path = settings.pop(f"run.{name}", None)
        if path is not None:
            from nbcy.inputs.stol import read_stol

            rows = len(read_stol(path, name)[0])
            notes.append(f"-{name} {path}: {rows} rows are read and not used, as in the reference")

"""What a program says about its own experiment, around a trace: one flat table of named facts.

The reference prints its settings as free text; a scene holds them as numbers. Both become the same
facts here, so that two sides can be compared before their traces are (trace 3.1).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from nbcy.base.constants import RTD
from nbcy.config.crystal import SHAPE_WORDS

if TYPE_CHECKING:
    from nbcy.config import Config
    from nbcy.scene.scene import Scene

SHORT: Final = 5e-6
"""Relative uncertainty of a number printed with %g (six digits)."""

FULL: Final = 5e-15
"""Relative uncertainty of a number printed with %.15g."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact with how well it is known.

    Attributes
    ----------
    value : tuple of float, or str
        Numbers in the quantity's unit, or a word.
    rtol : float
        Relative uncertainty of the numbers; 0 for exact ones.
    origin : str
        Where it was read: "report", "set-up line", "scene", "keys".
    """

    value: tuple[float, ...] | str
    rtol: float = 0.0
    origin: str = "report"

    @property
    def numbers(self) -> tuple[float, ...]:
        """The value, which must be numbers."""
        assert not isinstance(self.value, str)
        return self.value

    @property
    def slack(self) -> float:
        """Relative uncertainty that arithmetic with the numbers must allow for.

        %g drops zeros: fewer than six digits are all the digits the number had.
        """
        if self.rtol == SHORT and all(_digits(x) < 6 for x in self.numbers):
            return FULL
        return max(self.rtol, 1e-15)

    def __str__(self) -> str:
        if isinstance(self.value, str):
            return self.value
        return " ".join(f"{x:.9g}" for x in self.value)


def same_fact(a: Fact, b: Fact) -> bool:
    """Whether two facts agree within what is known of each."""
    if isinstance(a.value, str) or isinstance(b.value, str):
        return a.value == b.value
    if len(a.value) != len(b.value):
        return False
    size = max((abs(x) for x in a.value + b.value), default=0.0)
    limit = (2.0 * max(a.rtol, b.rtol) + 1e-12) * size
    return all(abs(x - y) <= limit for x, y in zip(a.value, b.value, strict=True))


SHAPES: Final[Mapping[str, str]] = {word: shape for shape, word in SHAPE_WORDS.items()}
"""Crystal shapes by the reference's words."""

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "shape": {
        **SHAPES,
        **{name: name for name in ("square", "round", "gauss", "tophat")},
        **{"gaussian": "gauss", "gauss_argchk": "gauss", "parallelepiped": "square"},
    },
    "convention": {name: name for name in ("mosflm", "denzo", "adxv", "xds", "dials", "custom")},
    "pivot": {
        "sample": "sample",
        "beam": "beam",
        "direct beam": "beam",
        "direct beam spot": "beam",
    },
    "interpolation": {
        "on": "on",
        "off": "off",
        "true": "on",
        "false": "off",
        "0": "off",
        "1": "on",
    },
    **{
        name: {"true": "yes", "false": "no", "yes": "yes", "no": "no", "1": "yes", "0": "no"}
        for name in ("nopolar", "point_pixel", "curved")
    },
}
"""What settings that are words are called, and how they stand in facts."""


def word_of(name: str, text: str) -> str | None:
    """Return the word that a setting's text means, None where the setting is none of words."""
    words = WORDS.get(name)
    if words is None:
        return text.strip() if name == "hkl_file" else None
    plain = text.strip(" \"'.").lower().rpartition(".")[2].removesuffix("_xtal")
    return words.get(plain, plain[:40])


_N = r"[-+0-9.eEinfa]+"
"""A printed number, infinities and NaN included."""

# (what the line contains, how to read it, how precise its numbers are); each named group is a fact.
_REPORT: Final = (
    ("convention selected", r"(?P<convention>\w+) convention selected", 0.0),
    ("pivoting detector", r"around (?P<pivot>sample|direct beam spot)", 0.0),
    ("FAST_AXIS", rf"DETECTOR_FAST_AXIS (?P<fast_axis>{_N} {_N} {_N})", FULL),
    ("SLOW_AXIS", rf"DETECTOR_SLOW_AXIS (?P<slow_axis>{_N} {_N} {_N})", FULL),
    ("NORMAL_AXIS", rf"DETECTOR_NORMAL_AXIS (?P<normal_axis>{_N} {_N} {_N})", FULL),
    ("PIX0_VECTOR", rf"DETECTOR_PIX0_VECTOR (?P<origin>{_N} {_N} {_N})", FULL),
    ("DETECTOR_X-AXIS=", rf"AXIS= (?P<fast_axis>{_N} {_N} {_N})", SHORT),
    ("DETECTOR_Y-AXIS=", rf"AXIS= (?P<slow_axis>{_N} {_N} {_N})", SHORT),
    ("DETECTOR_Z-AXIS=", rf"AXIS= (?P<normal_axis>{_N} {_N} {_N})", SHORT),
    ("INCIDENT_BEAM", rf"DIRECTION= (?P<beam_direction>{_N} {_N} {_N})", SHORT),
    ("spindle ROTATION", rf"AXIS= (?P<spindle>{_N} {_N} {_N})", SHORT),
    ("PLANE_NORMAL=", rf"NORMAL= (?P<polarization_normal>{_N} {_N} {_N})", SHORT),
    ("Unit Cell:", rf"Unit Cell: (?P<cell>{_N} {_N} {_N} {_N} {_N} {_N})", SHORT),
    ("recommend -oversample", r"-oversample (?P<recommended_oversample>\d+)", 0.0),
    ("fold oversampling", r"auto-selected (?P<recommended_oversample>\d+)-fold", 0.0),
    ("interpolation", r"auto-selected (?P<interpolation>no|tricubic) interp", 0.0),
    ("counting entries in", r"counting entries in (?P<hkl_file>.+)", 0.0),
    ("created a total of", r"total of (?P<sources>\d+) sources", 0.0),
    ("created a total of", r"total of (?P<domains>\d+) mosaic", 0.0),
    ("initialized hkls", rf"(?P<hkl_loaded>\d+) initialized.* =(?P<default_F>{_N})\)", SHORT),
    (" xtal: ", r"(?P<shape>\S+) xtal: (?P<cells>[\d.]+x[\d.]+x[\d.]+) cells", 0.0),
    ("wave=", rf"wave=(?P<wavelength>{_N}) meters \+/- (?P<dispersion>{_N})%", SHORT),
    ("Kahn polarization", rf"factor: (?P<kahn>{_N})", SHORT),
    ("polarization effect", r"effect (?P<nopolar>disabled)", 0.0),
    ("obliquity effect", r"effect (?P<point_pixel>disabled)", 0.0),
    ("curved detector", r"(?P<curved>curved) detector", 0.0),
    ("incident fluence", rf"fluence: (?P<fluence>{_N})", SHORT),
    ("distance=", rf"distance=(?P<distance>{_N}) detsize=", SHORT),
    ("detsize=", rf"pixel=(?P<pixel>{_N}) meters \((?P<pixels>\d+x\d+) pixels", SHORT),
    ("sensor is", rf"is (?P<thickness>{_N}) m thick in (?P<layers>\d+) layers", SHORT),
    ("sensor is", rf"with mu= (?P<mu>{_N})", SHORT),
    ("Xbeam=", rf"Xbeam=(?P<beam_centre>{_N} Ybeam={_N})", SHORT),
    ("Fbeam=", rf"Fbeam=(?P<direct_beam>{_N} Sbeam={_N})", SHORT),
    ("Xclose=", rf"^\s*Xclose=(?P<near_point_given>{_N} Yclose={_N})", SHORT),
    ("Fclose=", rf"^\s*Fclose=(?P<near_point>{_N} Sclose={_N})", SHORT),
    ("divrange=", rf"divrange=(?P<divergence>{_N})", SHORT),
    (" sources", r"^\s*(?P<sources>\d+) sources\s*$", 0.0),
    ("mosaic domains over", rf"(?P<domains>\d+) mosaic.*of (?P<mosaic_spread>{_N})", SHORT),
    ("phi steps from", rf"phi steps from (?P<phi_range>{_N} to {_N}) degrees", SHORT),
    ("pixel oversample", r"(?P<oversample>\d+)x\d+ pixel oversample", 0.0),
    ("tracing pixel", r"spixel=(?P<pixel_traced>\d+, fpixel=\d+)", 0.0),
    ("ixel", r"\bslow\s*[=:]\s*(?P<pixel_traced>\d+\s*,?\s*fast\s*[=:]\s*\d+)", 0.0),
    ("ixel", r"[Pp]ixel:? *\((?P<pixel_traced>\d+, *\d+)\)(?! *[\[(]?(?:fast|x)\b)", 0.0),
    ("ixel", r"[Pp]ixel:? *[\[(]slow, *fast[\])][:=]? *[\[(]?(?P<pixel_traced>\d+, *\d+)", 0.0),
    ("spindle axis", rf"spindle axis *[:=] *[\[(]?(?P<spindle>{_N},? +{_N},? +{_N})", SHORT),
    ("detector_convention=", r"detector_convention=(?P<convention>\w+)", 0.0),
    ("angles_rad=", r"angles_rad=(?P<detector_rotations>rotx:.*)", SHORT),
    (":close_distance_m=", rf"=(?P<close_distance>{_N})", FULL),
    (":ratio=", rf"=(?P<ratio>{_N})", FULL),
    (":distance_m=", rf"=(?P<distance>{_N})", FULL),
)


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str], float], ...]:
    """Return the table, compiled when the first log is read: most command lines read none."""
    return tuple((needle, re.compile(pattern), rtol) for needle, pattern, rtol in _REPORT)


_LONGEST: Final = 1000
"""Characters; a report has no longer lines."""

_SIZES: Final = {
    **dict.fromkeys(("pixel_traced", "pixels", "phi_range", "direct_beam", "near_point"), 2),
    **dict.fromkeys(("fast_axis", "slow_axis", "normal_axis", "origin", "spindle", "cells"), 3),
    **dict.fromkeys(("beam_direction", "polarization_normal"), 3),
    "cell": 6,
}
"""Numbers that a fact must have."""

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf)\b")
_PHI = re.compile(rf"phi(\d+) = ({_N})\s*$")
_VECTORS = re.compile(rf"([XYZ]): *({_N}) +({_N}) +({_N})\s*$")


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(word) for word in _NUMBER.findall(text))


def _digits(x: float) -> int:
    """Return the number of significant digits that %g needs for ``x``."""
    return len(f"{abs(x):.9e}".split("e")[0].replace(".", "").rstrip("0"))


class ReportReader:
    """Collects facts from the lines of a log.

    Attributes
    ----------
    facts : dict of str to Fact
        What was found so far. Where a thing is said twice, the more precise word stands, and
        among equals the last.
    """

    def __init__(self) -> None:
        self.facts: dict[str, Fact] = {}
        self._phis: dict[int, float] = {}
        self._vectors: list[tuple[float, ...]] = []
        self._vector_target = ""

    def feed(self, line: str) -> None:
        """Look at one line."""
        if len(line) > _LONGEST:
            return
        for needle, pattern, rtol in _patterns():
            if needle in line and (match := pattern.search(line)):
                for name, text in match.groupdict().items():
                    self._take(name, text.strip(), rtol)
        if match := _PHI.match(line):
            if (angle := _NUMBER.fullmatch(match[2])) is not None:
                self._phis[int(match[1])] = float(angle[0])
        elif "space cell vectors" in line:
            self._vector_target = "real_cell" if "real" in line else "reciprocal_cell"
            self._vectors = []
        elif self._vector_target and (match := _VECTORS.match(line)):
            self._vectors.append(_numbers(" ".join(match.groups()[1:])))
            if any(len(vector) != 3 for vector in self._vectors):
                self._vector_target = ""
            elif len(self._vectors) == 3:
                rows = tuple(x for column in zip(*self._vectors, strict=True) for x in column)
                size = max(abs(x) for x in rows) or 1.0
                self.facts[self._vector_target] = Fact(rows, 5e-9 / size)
                self._vector_target = ""

    def _take(self, name: str, text: str, rtol: float) -> None:
        value: tuple[float, ...] | str
        if name in ("nopolar", "point_pixel", "curved"):
            value = "yes"
        elif name == "interpolation":
            value = "off" if text == "no" else "on"
        elif name == "convention":
            value = text.lower()
        elif name == "pivot":
            value = "sample" if text == "sample" else "beam"
        elif name == "shape":
            value = SHAPES.get(text, text)
        elif name == "hkl_file":
            value = text
        else:
            value = _numbers(text)
            if not value or not all(math.isfinite(x) for x in value):
                return
            if len(value) != _SIZES.get(name, len(value)):
                return
            if name == "mu":
                value = (max(value[0], 0.0),)  # the reference prints -1 for no absorption
            if name == "divergence" and name in self.facts and len(self.facts[name].value) == 1:
                value = (float(self.facts[name].value[0]), *value)
        known = self.facts.get(name)
        if known is None or rtol <= known.rtol:
            self.facts[name] = Fact(value, rtol)

    def steps(self) -> int | None:
        """Return sources · domains · φ steps · oversample², where the report says them all."""
        counts = [self.facts.get(name) for name in ("sources", "domains", "oversample")]
        if any(count is None for count in counts) or "phi_range" not in self.facts:
            return None
        sources, domains, edge = (round(count.numbers[0]) for count in counts if count)
        return sources * domains * max(len(self._phis), 1) * edge**2

    def finish(self) -> dict[str, Fact]:
        """Return the facts, with what a complete report says by leaving it out."""
        if self._phis and sorted(self._phis) == list(range(len(self._phis))):
            angles = tuple(self._phis[i] for i in sorted(self._phis))
            self.facts["phis"] = Fact(angles, SHORT)
        if {"distance", "wavelength", "cells"} <= self.facts.keys():
            for name in ("nopolar", "point_pixel", "curved"):
                self.facts.setdefault(name, Fact("no"))
        return self.facts


def facts_of_scene(
    scene: Scene, pixel: tuple[int, int] | None = None, number: int | None = None
) -> dict[str, Fact]:
    """Return the facts of a scene.

    Parameters
    ----------
    scene : Scene
        What will be, or was, simulated.
    pixel : tuple of int, optional
        The traced pixel (slow, fast).
    number : int, optional
        Its panel, one of several.
    """
    panel, place = scene.panels[number or 0], scene.placement_of(number or 0)
    phis = scene.phis * RTD
    sweep = scene.sweeps
    config = scene.config
    values: dict[str, object] = {
        "pixel_traced": pixel,
        "convention": place.convention,
        "pivot": place.pivot,
        "beam_direction": scene.beam,
        "fast_axis": panel.fast,
        "slow_axis": panel.slow,
        "normal_axis": panel.normal,
        "origin": panel.origin,
        "pixel": panel.pixel_size,
        "pixels": (panel.pixels_fast, panel.pixels_slow),
        "distance": place.distance,
        "close_distance": place.close_distance,
        "ratio": place.ratio,
        "beam_centre": (place.xbeam, place.ybeam),
        "direct_beam": (place.fbeam, place.sbeam),
        "near_point_given": (place.xclose, place.yclose),
        "near_point": (place.fclose, place.sclose),
        "curved": scene.curved,
        "point_pixel": scene.point_pixel,
        "thickness": scene.thickness,
        "layers": scene.layers,
        "mu": scene.mu,
        "wavelength": scene.illumination.wavelength,
        "dispersion": 100.0 * sweep["dispersion"].range,
        "sources": len(scene.wavelengths),
        "wavelengths": scene.wavelengths,
        "source_weights": scene.weights,
        "source_directions": scene.incident,
        "exposure": config.beam.exposure_s,
        "flux": config.beam.flux_photons_per_s,
        "beam_size": None if config.beam.size_mm is None else 1e-3 * config.beam.size_mm,
        "misset": config.crystal.misset_deg,
        "mosaic_seed": _chosen(scene, "crystal.mosaic_seed"),
        "normal_given": config.detector.normal_vector,
        "twotheta_axis": config.detector.twotheta_axis,
        "detector_rotations": _rotations(config),
        "divergence": (sweep["hdiv"].range, sweep["vdiv"].range),
        "fluence": scene.fluence,
        "kahn": scene.kahn_factor,
        "nopolar": scene.nopolar,
        "polarization_vector": scene.polarization,
        "polarization_normal": place.plane_normal,
        "spindle": place.spindle,
        "phi_range": (float(phis[0]), float(phis[0]) + RTD * sweep["phi"].range),
        "phis": phis,
        "cell": scene.cell.parameters,
        "real_cell": scene.cell.real,
        "reciprocal_cell": scene.reciprocal,
        **_size_and_strength(scene),
        "fudge": scene.fudge,
        "domains": scene.orientations.shape[1],
        "mosaic_model": scene.mosaic_model,
        "mosaic_spread": _spread(scene),
        "domain_weights": scene.domain_weights if scene.weighted_domains else None,
        "hkl_loaded": scene.hkl.n_loaded,
        "hkl_file": scene.config.crystal.hkl_file or scene.config.crystal.structure_file,
        "default_F": scene.hkl.default_F,
        "interpolation": "on" if scene.interpolate else "off",
        "dmin": scene.dmin,
        "oversample": scene.oversample,
        "recommended_oversample": scene.oversample_recommended,
        "water": scene.water,
        "materials": ", ".join(one.table for one in scene.config.background.materials) or None,
        "quirks": " ".join(sorted(scene.config.quirks)) or "none",
    }
    return {
        name: Fact(_plain(value), 0.0, "scene")
        for name, value in values.items()
        if value is not None
    }


def _chosen(scene: Scene, path: str) -> object:
    choice = scene.choices.get(path)
    return None if choice is None else choice.value


def _size_and_strength(scene: Scene) -> dict[str, object]:
    """Return what the crystal's size, shape and strength are; None where it is usual."""
    crystal = scene.config.crystal
    return {
        "cells": scene.cells if crystal.cells_matrix is None else None,
        "cells_matrix": crystal.cells_matrix,
        "shape": "gauss_star" if crystal.shape == "gauss_star" else scene.shape,
        "spot_scale": None if crystal.spot_scale == 1.0 else crystal.spot_scale,
        "B_factor": crystal.B_factor_angstrom2 or None,
    }


def _spread(scene: Scene) -> tuple[float, ...]:
    """Return one mosaic spread, or three where they differ, degrees."""
    x, y, z = (RTD * width for width in scene.domains.mosaic_widths)
    return (x,) if x == y == z else (x, y, z)


def _rotations(config: Config) -> tuple[float, ...]:
    detector = config.detector
    angles = (detector.rotx_deg, detector.roty_deg, detector.rotz_deg, detector.twotheta_deg or 0.0)
    return tuple(angle / RTD for angle in angles)


def _plain(value: object) -> tuple[float, ...] | str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return tuple(np.asarray(value, dtype=np.float64).ravel().tolist())

"""The shapes of work that are timed, as command lines that a reference executable takes too."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import bench  # noqa: F401 - puts the installed package before the source folder

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from seedcase import SEEDCASE


@dataclass(frozen=True)
class Shape:
    name: str
    what: str
    flags: str
    slow: str
    """The rows of a smaller region for builds that would take too long."""


SHAPES = (
    Shape(
        "seed",
        "Pilatus 6M x 10 phi, 53 k structure factors",
        "-mat A.mat -hkl wilson.hkl -nointerpolate -oversample 1 -flux 1e18 -beamsize 1.0"
        " -spindle_axis -1 0 0 -Xbeam 213.4062 -Ybeam 219.0518 -distance 238.4471"
        " -lambda 0.9768 -pixel 0.172 -detpixels_x 2463 -detpixels_y 2527"
        " -odet_vector 0.002599 0.005420 -0.999982 -sdet_vector 0.003505 -0.999979 -0.005410"
        " -fdet_vector 0.999990 0.003491 0.002618"
        " -beam_vector -0.000799999708 0.0002999998905 -0.999999635"
        " -Na 36 -Nb 47 -Nc 29 -osc 0.1 -phi 0.001 -phisteps 10 -twotheta 0",
        "1200 1327",
    ),
    Shape(
        "cubic",
        "1024 x 1024 x 1 step, one structure factor",
        "-cell 100 100 100 90 90 90 -default_F 100 -lambda 1 -N 20 -distance 100 -pixel 0.1"
        " -detpixels 1024 -oversample 1 -nointerpolate",
        "448 575",
    ),
    Shape(
        "broad",
        "512 x 512 x 20 domains x 20 wavelengths, 53 k structure factors",
        "-mat A.mat -hkl wilson.hkl -nointerpolate -oversample 1 -lambda 0.9768 -N 20 -distance 120"
        " -pixel 0.3 -detpixels 512 -mosaic 0.5 -mosaic_domains 20 -dispersion 1 -dispsteps 20",
        "240 271",
    ),
    Shape(
        "gauss",
        "256 x 256 x 500 domains, gauss crystal",
        "-mat A.mat -hkl wilson.hkl -nointerpolate -oversample 1 -lambda 0.9768 -N 20 -distance 120"
        " -pixel 0.6 -detpixels 256 -mosaic 1 -mosaic_domains 500 -gauss_xtal",
        "120 135",
    ),
    Shape(
        "sparse",
        "64 x 64 x 1000 domains x 100 wavelengths, gauss crystal of 100 cells a side",
        "-mat A.mat -hkl wilson.hkl -nointerpolate -oversample 1 -lambda 0.9768 -N 100 -distance"
        " 120 -pixel 0.3 -detpixels 64 -Xbeam 40 -Ybeam 30 -mosaic 0.5 -mosaic_domains 1000"
        " -dispersion 1 -dispsteps 100 -gauss_xtal",
        "30 31",
    ),
    Shape(
        "saxs",
        "512 x 512 x 1 step, tricubic, N = 1",
        "-mat A.mat -hkl wilson.hkl -interpolate -oversample 1 -lambda 0.9768 -N 1 -distance 500"
        " -pixel 0.3 -detpixels 512",
        "240 303",
    ),
)


def write_inputs(folder: Path) -> None:
    """Put the files that the flags name into ``folder``."""
    for name in ("A.mat", "wilson.hkl"):
        shutil.copy(SEEDCASE / name, folder)

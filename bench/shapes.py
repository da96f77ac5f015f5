"""The shapes of work that are timed, as command lines that a reference executable takes too."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

MATRIX = """\
-0.02837711 -0.00305386 0.02535816
-0.02871390 0.01019549 -0.01400049
0.01050048 -0.03209440 -0.01036054
"""


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
        "Pilatus 6M x 10 phi, 64 k structure factors",
        "-mat A.mat -hkl P1.hkl -nointerpolate -oversample 1 -flux 1e18 -beamsize 1.0"
        " -spindle_axis -1 0 0 -Xbeam 217.742295 -Ybeam 213.907080 -distance 231.274660"
        " -lambda 0.976800 -pixel 0.172 -detpixels_x 2463 -detpixels_y 2527"
        " -odet_vector -0.000088 0.004914 -0.999988 -sdet_vector -0.005998 -0.999970 -0.004913"
        " -fdet_vector 0.999982 -0.005998 -0.000118 -beam_vector 0.00051387949 0.0 -0.99999986"
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
        "512 x 512 x 20 domains x 20 wavelengths, 64 k structure factors",
        "-mat A.mat -hkl P1.hkl -nointerpolate -oversample 1 -lambda 0.9768 -N 20 -distance 120"
        " -pixel 0.3 -detpixels 512 -mosaic 0.5 -mosaic_domains 20 -dispersion 1 -dispsteps 20",
        "240 271",
    ),
    Shape(
        "gauss",
        "256 x 256 x 500 domains, gauss crystal",
        "-mat A.mat -hkl P1.hkl -nointerpolate -oversample 1 -lambda 0.9768 -N 20 -distance 120"
        " -pixel 0.6 -detpixels 256 -mosaic 1 -mosaic_domains 500 -gauss_xtal",
        "120 135",
    ),
    Shape(
        "sparse",
        "64 x 64 x 1000 domains x 100 wavelengths, gauss crystal of 100 cells a side",
        "-mat A.mat -hkl P1.hkl -nointerpolate -oversample 1 -lambda 0.9768 -N 100 -distance 120"
        " -pixel 0.3 -detpixels 64 -Xbeam 40 -Ybeam 30 -mosaic 0.5 -mosaic_domains 1000"
        " -dispersion 1 -dispsteps 100 -gauss_xtal",
        "30 31",
    ),
    Shape(
        "saxs",
        "512 x 512 x 1 step, tricubic, N = 1",
        "-mat A.mat -hkl P1.hkl -interpolate -oversample 1 -lambda 0.9768 -N 1 -distance 500"
        " -pixel 0.3 -detpixels 512",
        "240 303",
    ),
)


def write_inputs(folder: Path) -> None:
    """Put the files that the flags name into ``folder``."""
    folder.joinpath("A.mat").write_text(MATRIX)
    packed = resources.files("nbcy.data").joinpath("lysozyme.hkl.gz").read_bytes()
    folder.joinpath("P1.hkl").write_bytes(gzip.decompress(packed))

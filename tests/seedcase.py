"""The seed case: one experiment, what the reference made of it, and three logs of other programs.

The list of structure factors and the three logs are made here, not stored:
``python tests/seedcase.py FOLDER`` writes them beside copies of the stored files.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
from faults import rounded

from nbcy.base.errors import NbcyWarning
from nbcy.config import Config
from nbcy.flags.parsing import parse
from nbcy.render.simulator import Simulator
from nbcy.render.trace import Trace

PIXEL = (1671, 1560)
"""The pixel traced: slow, fast."""
CELL = (26.75, 31.31, 33.67, 88.69, 71.53, 68.14)
LIST_SHA256 = "9c127bce374090456f88f920f36dd5ba60e627871f784c35ac7deb6f079c2d0c"
"""Of the list that the reference read."""


def wilson_list(cell: tuple[float, ...] = CELL, d_min: float = 1.25) -> str:
    """Draw the structure factors of some 1000 atoms of mean f² 45 and B 12 Å² (Wilson 1949).

    All of a P1 cell to ``d_min``, Friedel mates alike, as lines ``h k l F``.
    """
    edges, angles = np.array(cell[:3]), np.cos(np.radians(cell[3:]))
    cosines = np.array(
        [[1.0, angles[2], angles[1]], [angles[2], 1.0, angles[0]], [angles[1], angles[0], 1.0]]
    )
    reciprocal = np.linalg.inv(cosines * np.outer(edges, edges))
    h, k, l = (  # noqa: E741
        axis.ravel()
        for axis in np.mgrid[tuple(slice(-n, n + 1) for n in (edges / d_min).astype(int) + 1)]
    )
    hkl = np.stack([h, k, l], axis=1)
    sin_theta_by_lambda_sq = np.einsum("ni,ij,nj->n", hkl, reciprocal, hkl) / 4.0
    half = (h > 0) | ((h == 0) & ((k > 0) | ((k == 0) & (l > 0))))
    kept = half & (sin_theta_by_lambda_sq <= 1.0 / (4.0 * d_min**2))
    hkl, s2 = hkl[kept], sin_theta_by_lambda_sq[kept]
    rng = np.random.default_rng(20261128)
    intensity = 1000.0 * 45.0 * np.exp(-2.0 * 12.0 * s2) * rng.exponential(size=len(hkl))
    return "".join(
        f"{h} {k} {l} {F:.2f}\n{-h} {-k} {-l} {F:.2f}\n"
        for (h, k, l), F in zip(  # noqa: E741
            hkl.tolist(), np.sqrt(intensity), strict=True
        )
    )


def _complete() -> Path:
    """Make the folder; it lasts as long as the process."""
    folder = Path(_FOLDER.name)
    for path in (Path(__file__).parent / "data" / "seedcase").iterdir():
        shutil.copy(path, folder)
    text = wilson_list()
    assert hashlib.sha256(text.encode()).hexdigest() == LIST_SHA256, "not what the reference read"
    (folder / "wilson.hkl").write_text(text)
    return folder


_FOLDER = tempfile.TemporaryDirectory(prefix="seedcase-")
SEEDCASE = _complete()
"""The folder of the case, with its list."""
C_TRACE = SEEDCASE / "c_trace.log"
"""What the reference printed."""


def argv() -> list[str]:
    """Return the command line, with paths to its inputs."""
    words = shlex.split((SEEDCASE / "args.txt").read_text())
    return [str(SEEDCASE / word) if word in ("A.mat", "wilson.hkl") else word for word in words]


def foreign(number: int) -> Path:
    """Return the log of one of the other programs, 1 to 3."""
    path = SEEDCASE / f"py_trace_{number}.log"
    if not path.exists():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NbcyWarning)
            path.write_text(foreign_log(FOREIGN[number - 1]()))
    return path


# Logs of other programs --------------------------------------------------------------------------


def _without_settings() -> Trace:
    """A program that used mosflm's detector, its own defaults and no polarization.

    Its detector is centred on mosflm's beam (1 0 0), its rays come along (0 0 1). It oversamples
    4 by 4 and prints the middle of the pixel.
    """
    right = parse(argv()).config
    fast, slow = right.detector.pixels_fast, right.detector.pixels_slow
    distance, half = right.detector.distance_mm, right.detector.pixel_mm / 2.0
    unset = ("beam.flux_photons_per_s", "beam.exposure_s", "beam.size_mm")
    unset += ("detector.xbeam_mm", "detector.ybeam_mm")
    wrong = right.with_overrides(
        dict.fromkeys(unset)
        | {
            "beam.direction": (0.0, 0.0, 1.0),
            "beam.nopolar": True,
            "detector.fast_vector": (0.0, 0.0, 1.0),
            "detector.slow_vector": (0.0, -1.0, 0.0),
            "detector.normal_vector": (1.0, 0.0, 0.0),
            "detector.pix0_mm": (distance, half * slow, -half * fast),
        }
    )
    trace = Simulator(wrong).trace(*PIXEL)
    trace.chain["steps"] = (trace["steps"] * 4**2,)
    return trace


def _at_full_distance() -> Config:
    """The detector plane at the distance along the beam, not at that times beam · normal."""
    right = parse(argv()).config
    panel = Simulator(right).scene.panels[0]
    distance = right.detector.distance_mm
    return right.with_overrides(
        {"detector.distance_mm": distance * distance / (1e3 * panel.close_distance)}
    )


def _without_list() -> Trace:
    """A program that lost its structure factors, and knows another distance."""
    return Simulator(_at_full_distance().with_overrides({"crystal.hkl_file": None})).trace(*PIXEL)


def _polarized_sum() -> Trace:
    """A program of another distance whose printed sum has the polarization in it."""
    trace = Simulator(_at_full_distance()).trace(*PIXEL)
    trace.chain["I_before_scaling"] = (trace["I_before_scaling"] * trace["polar"],)
    return trace


FOREIGN = (_without_settings, _without_list, _polarized_sum)
"""What wrote py_trace_1.log, py_trace_2.log and py_trace_3.log."""


def foreign_log(trace: Trace) -> str:
    """The log of a program that computes in float32 and prints nothing but its trace."""
    lines = rounded(trace).to_log().splitlines(keepends=True)
    kept = (line for line in lines if line.startswith("TRACE_NBCY: "))
    return "".join(kept).replace("TRACE_NBCY", "TRACE_PY").replace("_vec_per_m", "_vec_A_inv")


if __name__ == "__main__":
    for number in (1, 2, 3):
        foreign(number)
    shutil.copytree(SEEDCASE, sys.argv[1], dirs_exist_ok=True)

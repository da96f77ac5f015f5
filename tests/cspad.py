"""The detector of ``examples/cspad.geom``: ``python tests/cspad.py > examples/cspad.geom``.

Laid out like the CSPAD of LCLS, with places and tilts drawn at random: no detector's calibration.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

CHIP_FAST, CHIP_SLOW, SEAM = 194, 185, 3
"""Pixels of a chip, and how many wide the seam between the two chips of a sensor is."""
SENSORS = (
    *((33, 49, "x"), (33, 256, "x"), (630, 49, "y"), (837, 49, "y")),
    *((216, 460, "y"), (423, 460, "y"), (445, 460, "x"), (445, 667, "x")),
)
"""Of the first quadrant: pixels from the beam to the first pixel's corner, and the fast axis."""
QUARTER_TURN = np.array([[0.0, -1.0], [1.0, 0.0]])

HEAD = """\
; A detector laid out like the CSPAD of LCLS: 4 quadrants of 8 sensors of 2 chips around a hole,
; each sensor a little off its place and turned by some tenths of a degree.

photon_energy = 9500  ; eV
clen = 0.0793  ; m
adu_per_photon = 1
res = 9097.525  ; 109.92 µm

data = /entry/data/data
dim0 = %
dim1 = ss
dim2 = fs
"""
BAD = """
; a shadow on one chip, and the edge of the beam stop
bad_shadow/panel = q2a5
bad_shadow/min_fs = 300
bad_shadow/max_fs = 340
bad_shadow/min_ss = 3350
bad_shadow/max_ss = 3390
bad_stop/min_x = -60.0
bad_stop/max_x = 60.0
bad_stop/min_y = -60.0
bad_stop/max_y = 60.0
"""


def chips() -> Iterator[str]:
    """Yield the section of each chip, two by two: a sensor's lie in one plane."""
    rng = np.random.default_rng(4)
    for quadrant in range(4):
        turn = np.linalg.matrix_power(QUARTER_TURN, quadrant)
        for sensor, (x, y, axis) in enumerate(SENSORS):
            corner = turn @ (x, y) + rng.normal(0.0, 0.8, 2)
            angle = np.arctan2(*(turn @ ((1, 0) if axis == "x" else (0, 1)))[::-1])
            angle += rng.normal(0.0, 0.003)
            fast = np.array([np.cos(angle), np.sin(angle)])
            tilt, offset = rng.normal(0.0, 3e-4), rng.normal(0.0, 7e-5)
            row = (8 * quadrant + sensor) * CHIP_SLOW
            for chip in range(2):
                column = chip * CHIP_FAST
                at = corner + chip * (CHIP_FAST + SEAM) * fast
                name = f"q{quadrant}a{2 * sensor + chip}"
                yield f"""
{name}/min_fs = {column}
{name}/max_fs = {column + CHIP_FAST - 1}
{name}/min_ss = {row}
{name}/max_ss = {row + CHIP_SLOW - 1}
{name}/fs = {fast[0]:+.6f}x {fast[1]:+.6f}y {tilt:+.6f}z
{name}/ss = {-fast[1]:+.6f}x {fast[0]:+.6f}y
{name}/corner_x = {at[0]:.4f}
{name}/corner_y = {at[1]:.4f}
{name}/coffset = {offset:.7f}
"""


def text() -> str:
    """Return the file."""
    groups = [
        f"group_q{q} = " + ",".join(f"q{q}a{chip}" for chip in range(2 * len(SENSORS)))
        for q in range(4)
    ]
    groups.append("group_all = q0,q1,q2,q3")
    return HEAD + "".join(chips()) + "\n" + "\n".join(groups) + "\n" + BAD


if __name__ == "__main__":
    print(text(), end="")

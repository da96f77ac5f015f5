"""Resolution rings, predicted spots and the beam, drawn upon a picture."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.vectors import cross
from nbcy.formats.measurement import Measurement
from nbcy.image.assembly import Assembly
from nbcy.image.lettering import Lettering
from nbcy.image.prediction import Spots, finest_spacing, on_panels

FloatArray = NDArray[np.float64]
Box = tuple[float, float, float, float]

# Okabe and Ito (2008): colours that are told apart whatever eyes one has.
RING: Final = (0, 114, 178)
BEAM: Final = (204, 121, 167)
SPOT: Final = (213, 94, 0)

RINGS: Final = (
    *(50.0, 20.0, 10.0, 7.0, 5.0, 4.0, 3.0, 2.5, 2.0, 1.7, 1.5),
    *(1.3, 1.2, 1.1, 1.0, 0.9, 0.8),
)
"""Spacings that rings are drawn at, Angstrom, where they fit."""

_MOSTRINGS = 6
_FAR = 0.06
_PLACES = 180


def default_rings(measurement: Measurement) -> list[float]:
    """Choose spacings whose rings are well apart and inside the detector's corners."""
    angstrom = 1e10 * measurement.wavelength
    finest = 1e10 * finest_spacing(measurement)

    def radius(spacing: float) -> float:
        return math.tan(min(1.5, 2.0 * math.asin(min(1.0, angstrom / (2.0 * spacing)))))

    edge = radius(finest)
    chosen: list[float] = []
    for spacing in RINGS:
        inside = spacing > finest and radius(spacing) > _FAR * edge
        apart = not chosen or radius(spacing) - radius(chosen[-1]) > edge / _MOSTRINGS / 1.2
        if inside and apart:
            chosen.append(spacing)
    return chosen


class Pen:
    """Draws on a picture in the coordinates of the lab."""

    def __init__(
        self, picture: Any, measurement: Measurement, assembly: Assembly, scale: float
    ) -> None:
        from PIL import ImageDraw

        self._draw = ImageDraw.Draw(picture)
        self._dark = 255.0 - np.asarray(picture.convert("L"), dtype=np.float64)
        self._size: tuple[int, int] = picture.size
        self._letters = Lettering(self._draw, max(11, max(picture.size) // 90))
        self._measurement = measurement
        self._assembly = assembly
        self._scale = scale
        self._width = max(1, max(picture.size) // 800)
        self._taken: list[Box] = []
        self._labels: list[tuple[str, list[tuple[float, float]]]] = []

    def _place(
        self, panel: NDArray[np.int64], slow: FloatArray, fast: FloatArray
    ) -> list[tuple[float, float]]:
        """Return (x, y) on the picture of points on panels."""
        placed = np.zeros((len(panel), 2))
        for n, here in enumerate(self._measurement.panels):
            on = panel == n
            steps = np.stack((slow[on], fast[on]), axis=-1) * here.pixel_size
            points = here.origin + steps @ np.array([here.slow, here.fast])
            placed[on] = self._assembly.place(points)
        if len(self._measurement.panels) == 1:  # as the pixels are stored
            placed = np.stack((slow, fast), axis=-1)
        return [(float(x), float(y)) for y, x in placed * self._scale]

    def ring(self, spacing: float) -> None:
        """Draw where a spacing (Angstrom) diffracts, and write it beside."""
        here = self._measurement
        sine = 1e10 * here.wavelength / (2.0 * spacing)
        if sine > 1.0:
            return
        opening = 2.0 * math.asin(sine)
        around = np.linspace(0.0, 2.0 * math.pi, 1441)[:, np.newaxis]
        x = here.polarization
        cone = np.cos(around) * x + np.sin(around) * cross(here.beam, x)
        panel, slow, fast = on_panels(
            here, math.cos(opening) * here.beam + math.sin(opening) * cone
        )
        points = self._place(panel, slow, fast)
        for n in range(len(points) - 1):
            if panel[n] >= 0 and panel[n] == panel[n + 1]:
                self._draw.line([points[n], points[n + 1]], fill=RING, width=self._width)
        usable = [p for p, k in zip(points, panel, strict=True) if k >= 0]
        self._labels.append((f"{spacing:g} Å", usable[:: max(1, len(usable) // _PLACES)]))

    def labels(self) -> None:
        """Write beside each ring what it is, where that covers least."""
        for text, points in self._labels:
            boxes = [box for point in points if (box := self._box(text, point)) is not None]
            if not boxes:
                continue
            box = min(boxes, key=self._covers)
            self._taken.append(box)
            self._draw.rectangle(box, fill=(255, 255, 255))
            middle = (box[0] + box[2]) / 2.0, (box[1] + box[3]) / 2.0
            self._letters.write(*middle, text, RING, anchor="mm")

    def _box(self, text: str, point: tuple[float, float]) -> Box | None:
        """Return where a text around a point would be, None off the picture."""
        x, y = point
        wide, high = self._letters.width(text) / 2.0 + 3.0, 0.75 * self._letters.size
        inside = wide < x < self._size[0] - wide and high < y < self._size[1] - high
        return (x - wide, y - high, x + wide, y + high) if inside else None

    def _covers(self, box: Box) -> tuple[int, float, float]:
        """Return what a label would hide: other marks, dark pixels; then the uppermost is best."""
        left, top, right, bottom = box
        marks = sum(
            left < x1 and right > x0 and top < y1 and bottom > y0 for x0, y0, x1, y1 in self._taken
        )
        part = self._dark[int(top) : int(bottom) + 1, int(left) : int(right) + 1]
        return marks, round(float(part.max(initial=0.0)) / 64.0), top

    def spots(self, spots: Spots) -> None:
        """Circle predicted spots."""
        r = max(4.0, max(self._size) / 250.0, 1.5 * self._scale)
        for x, y in self._place(spots.panel, spots.slow, spots.fast):
            box = (x - r, y - r, x + r, y + r)
            self._draw.ellipse(box, outline=SPOT, width=self._width)
            self._taken.append(box)

    def beam(self) -> None:
        """Cross out where the beam meets the detector, or its plane."""
        here = self._measurement
        panel, slow, fast = on_panels(here, here.beam[np.newaxis])
        if panel[0] < 0:
            ahead = [p for p in here.panels if float(p.normal @ here.beam) > 0.0]
            if not ahead:
                return
            first = ahead[0]
            point = here.beam * first.close_distance / float(first.normal @ here.beam)
            y, x = self._assembly.place(point) * self._scale
        else:
            ((x, y),) = self._place(panel, slow, fast)
        r = max(self._size) / 60.0
        for across, down in ((1, 0), (-1, 0), (0, 1), (0, -1)):  # open in the middle
            near, far = 0.3 * r, r
            ends = (x + near * across, y + near * down, x + far * across, y + far * down)
            self._draw.line(ends, fill=BEAM, width=self._width + 1)
        self._taken.append((x - r, y - r, x + r, y + r))

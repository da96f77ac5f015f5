"""Pictures of images: logarithmic, with resolution rings, the beam and predicted spots."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import ConfigError
from nbcy.base.vectors import cross
from nbcy.formats.measurement import unstack
from nbcy.formats.png import gray_levels, gray_range, max_pool
from nbcy.image.assembly import Assembly
from nbcy.image.prediction import Spots, finest_spacing, on_panels

if TYPE_CHECKING:
    from nbcy.formats.frames import Frame
    from nbcy.formats.measurement import Measurement

FloatArray = NDArray[np.float64]

RINGS: Final = (
    *(50.0, 20.0, 10.0, 7.0, 5.0, 4.0, 3.0, 2.5, 2.0, 1.7, 1.5),
    *(1.3, 1.2, 1.1, 1.0, 0.9, 0.8),
)
"""Spacings that rings are drawn at, Angstrom, where they fit."""

MAX_SIZE: Final = 1600
"""Pixels along the longer edge of a picture, unless something else is asked for."""

_RING, _BEAM, _SPOT = (30, 90, 200), (200, 30, 30), (220, 90, 0)
_UNMEASURED = (222, 214, 196)
_MOST_RINGS = 6
_FAR = 0.06


def draw_view(
    frame: Frame,
    measurement: Measurement | None = None,
    *,
    rings: Sequence[float] | None = None,
    spots: Spots | None = None,
    max_size: int = MAX_SIZE,
) -> bytes:
    """Draw a frame as a PNG.

    Parameters
    ----------
    frame : Frame
        Pixels that were not measured are drawn in a colour of their own.
    measurement : Measurement, optional
        Of the frame; without it there are no rings, and panels are drawn as they are stacked.
    rings : sequence of float, optional
        Spacings in Angstrom; default round numbers that fit, an empty one draws none.
    spots : Spots, optional
        From `predict_spots`; circles around where they should be.
    max_size : int
        Pixels along the longer edge; a smaller image is drawn pixel by pixel.

    Returns
    -------
    bytes
        A PNG file.

    Raises
    ------
    ConfigError
        Impossible rings or size, or rings without a measurement.
    """
    from PIL import Image, ImageDraw, ImageFont

    if measurement is None and (rings or spots is not None):
        raise ConfigError("rings", rings, "need the geometry, which the file does not tell")
    for spacing in rings or ():
        if not (math.isfinite(spacing) and spacing > 0.0):
            raise ConfigError("rings", spacing, "must be positive, in Angstrom")
    photons = frame.photons().astype(np.float32)
    assembly = None
    if measurement is not None:
        assembly = Assembly.of(measurement.panels, measurement)
        if len(measurement.panels) > 1:
            photons = assembly.draw(unstack(photons, measurement.panels))
    unmeasured = ~np.isfinite(photons)
    photons = np.where(unmeasured, np.float32(0.0), photons)
    shown = max_pool(photons, max_size)
    block = math.ceil(max(photons.shape) / max_size)
    levels = gray_levels(shown, *gray_range(photons))
    picture = np.repeat(levels[..., np.newaxis], 3, axis=-1)
    picture[max_pool((~unmeasured).astype(np.float32), max_size) == 0.0] = _UNMEASURED
    image = Image.fromarray(picture)
    if measurement is not None and assembly is not None:
        draw = ImageDraw.Draw(image)
        size = max(11, max(image.size) // 90)
        pen = _Pen(draw, ImageFont.load_default(size), measurement, assembly, block, image.size)
        for spacing in _default_rings(measurement) if rings is None else rings:
            pen.ring(spacing)
        if spots is not None:
            pen.spots(spots)
        pen.beam()
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _default_rings(measurement: Measurement) -> list[float]:
    """Choose spacings whose rings are well apart and inside the detector's corners."""
    angstrom = 1e10 * measurement.wavelength
    finest = 1e10 * finest_spacing(measurement)

    def radius(spacing: float) -> float:
        return math.tan(min(1.5, 2.0 * math.asin(min(1.0, angstrom / (2.0 * spacing)))))

    edge = radius(finest)
    chosen: list[float] = []
    for spacing in RINGS:
        inside = spacing > finest and radius(spacing) > _FAR * edge
        apart = not chosen or radius(spacing) - radius(chosen[-1]) > edge / _MOST_RINGS / 1.2
        if inside and apart:
            chosen.append(spacing)
    return chosen


class _Pen:
    """Draws on a picture in the coordinates of the lab."""

    def __init__(
        self,
        draw: Any,
        font: Any,
        measurement: Measurement,
        assembly: Assembly,
        block: int,
        size: tuple[int, int],
    ) -> None:
        self._draw = draw
        self._font = font
        self._measurement = measurement
        self._assembly = assembly
        self._block = block
        self._size = size
        self._width = max(1, max(size) // 800)

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
        return [(float(x), float(y)) for y, x in placed / self._block]

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
                self._draw.line([points[n], points[n + 1]], fill=_RING, width=self._width)
        usable = [p for p, k in zip(points, panel, strict=True) if k >= 0]
        if usable:
            self._label(f"{spacing:g} A", usable)

    def _label(self, text: str, points: Iterable[tuple[float, float]]) -> None:
        """Write at the uppermost of the points where there is room."""
        left, top, right, bottom = self._draw.textbbox((0, 0), text, font=self._font)
        wide, high = right - left, bottom - top
        x_margin, y_margin = wide / 2 + 2, high + 2
        room = [
            (x, y)
            for x, y in points
            if x_margin < x < self._size[0] - x_margin and y_margin < y < self._size[1] - y_margin
        ]
        if not room:
            return
        x, y = min(room, key=lambda point: point[1])
        box = (x - wide / 2 - 2, y - high - 1, x + wide / 2 + 2, y + high / 2 + 2)
        self._draw.rectangle(box, fill=(255, 255, 255))
        self._draw.text((x, y), text, fill=_RING, font=self._font, anchor="mm")
        # Pillow's own font has no Å: its A gets a ring.
        r = max(1.0, high / 7.0)
        x += (wide - self._draw.textlength("A", font=self._font)) / 2.0
        y -= high / 2.0 + 1.6 * r
        self._draw.ellipse((x - r, y - r, x + r, y + r), outline=_RING)

    def spots(self, spots: Spots) -> None:
        """Circle predicted spots."""
        r = max(4.0, max(self._size) / 250.0)
        for x, y in self._place(spots.panel, spots.slow, spots.fast):
            self._draw.ellipse((x - r, y - r, x + r, y + r), outline=_SPOT, width=self._width)

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
            y, x = self._assembly.place(point) / self._block
        else:
            ((x, y),) = self._place(panel, slow, fast)
        r = max(self._size) / 60.0
        for ends in ((x - r, y, x + r, y), (x, y - r, x, y + r)):
            self._draw.line(ends, fill=_BEAM, width=self._width + 1)

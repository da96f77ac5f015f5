"""What stands around a picture: title, colour bar, radial profile."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from nbcy.formats.png import Contrast
from nbcy.image.lettering import Lettering
from nbcy.image.resolution import Profile

INK: Final = (30, 30, 30)
_LINE = (0, 114, 178)
_PAPER = (255, 255, 255)
_TICKS = 6


def letter_size(picture: Any) -> int:
    """Return how large letters are beside a picture."""
    return max(12, int(max(picture.size)) // 80)


def _short(value: float) -> str:
    return f"{value:.0f}" if 1000.0 <= abs(value) < 1e7 else f"{value:.3g}"


def with_title(picture: Any, parts: list[str]) -> Any:
    """Return a picture with a line of text above it, or as many as it needs."""
    from PIL import Image, ImageDraw

    size = letter_size(picture)
    letters = Lettering(ImageDraw.Draw(picture), size)
    lines = letters.lines(parts, picture.width - size)
    pitch = round(1.5 * size)
    above = len(lines) * pitch + size // 2
    whole = Image.new("RGB", (picture.width, picture.height + above), _PAPER)
    whole.paste(picture, (0, above))
    letters = Lettering(ImageDraw.Draw(whole), size)
    for n, line in enumerate(lines):
        letters.write(size // 2, (n + 0.75) * pitch, line, INK)
    return whole


def with_colour_bar(picture: Any, contrast: Contrast, unit: str) -> Any:
    """Return a picture with its scale at the right: white below, black above."""
    from PIL import Image, ImageDraw

    size = letter_size(picture)
    height = min(max(picture.height - 4 * size, 8 * size), 40 * size)
    ticks = [n / (_TICKS - 1) for n in range(_TICKS)]
    texts = [_short(contrast.value(tick)) for tick in ticks]
    letters = Lettering(ImageDraw.Draw(picture), size)
    wide = round(max(letters.width(text) for text in (*texts, unit)))
    whole = Image.new(
        "RGB", (picture.width + 4 * size + wide, max(picture.height, height + 4 * size)), _PAPER
    )
    whole.paste(picture, (0, 0))
    left, top = picture.width + size, 3 * size
    ramp = np.rint(np.linspace(0.0, 255.0, height)).astype(np.uint8)
    bar = np.repeat(ramp[:, np.newaxis], 2 * size, axis=1)
    whole.paste(Image.fromarray(bar), (left, top))
    draw = ImageDraw.Draw(whole)
    draw.rectangle((left, top, left + 2 * size, top + height), outline=INK)
    letters = Lettering(draw, size)
    letters.write(left, 1.5 * size, unit, INK)
    for tick, text in zip(ticks, texts, strict=True):
        y = top + height * (1.0 - tick)
        draw.line((left + 2 * size, y, left + 2.3 * size, y), fill=INK)
        letters.write(left + 2.6 * size, y, text, INK)
    return whole


def with_profile(picture: Any, profile: Profile) -> Any:
    """Return a picture with the median of its pixels against resolution below it."""
    from PIL import Image, ImageDraw

    size = letter_size(picture)
    height = max(10 * size, picture.height // 5)
    whole = Image.new("RGB", (picture.width, picture.height + height + 4 * size), _PAPER)
    whole.paste(picture, (0, 0))
    draw = ImageDraw.Draw(whole)
    letters = Lettering(draw, size)
    values = profile.median
    positive = values[values > 0.0]
    log = len(positive) > 1 and float(positive.max()) > 30.0 * float(positive.min())
    low = float(positive.min()) if log else min(0.0, float(values.min()))
    high = float(values.max()) if float(values.max()) > low else low + 1.0

    def rise(value: float) -> float:
        if log:
            return math.log(max(value, low) / low) / math.log(high / low)
        return (value - low) / (high - low)

    texts = [_short(value) for value in (low, high)]
    left = round(max(letters.width(text) for text in texts)) + size
    right, top = whole.width - size, picture.height + 2 * size
    bottom = top + height - size
    x = 1.0 / profile.resolution**2
    across = left + (right - left) * x / float(x.max())
    up = [bottom - (bottom - top) * rise(float(value)) for value in values]
    draw.line((left, top, left, bottom, right, bottom), fill=INK)
    draw.line(list(zip(across.tolist(), up, strict=True)), fill=_LINE, width=max(1, size // 8))
    letters.write(left, top - size, f"median against resolution{', log' if log else ''}", INK)
    for text, y in zip(texts, (bottom, top), strict=True):
        letters.write(left - size // 3, y, text, INK, anchor="rm")
    end = -math.inf
    for part in np.linspace(0.1, 1.0, 6):
        text = f"{1.0 / math.sqrt(part * float(x.max())):.3g} Å"
        place = left + (right - left) * float(part)
        start = place - letters.width(text) / 2.0
        if start > end + size and start + letters.width(text) < whole.width:
            draw.line((place, bottom, place, bottom + size // 3), fill=INK)
            letters.write(place, bottom + size, text, INK, anchor="mm")
            end = start + letters.width(text)
    return whole

"""Text on pictures, in Pillow's own font."""

from __future__ import annotations

from typing import Any

Colour = tuple[int, int, int]


class Lettering:
    """Writes on a picture.

    Parameters
    ----------
    draw : PIL.ImageDraw.ImageDraw
    size : int
        Of the letters, pixels.
    """

    def __init__(self, draw: Any, size: int) -> None:
        from PIL import ImageFont

        self.size = size
        self._draw = draw
        self._font = ImageFont.load_default(size)

    def width(self, text: str) -> float:
        """Return how wide a text is, pixels."""
        return float(self._draw.textlength(_plain(text), font=self._font))

    def write(self, x: float, y: float, text: str, fill: Colour, anchor: str = "lm") -> None:
        """Write at a point, which is where Pillow's ``anchor`` says: left, middle, ..."""
        self._draw.text((x, y), _plain(text), fill=fill, font=self._font, anchor=anchor)
        start = x - {"l": 0.0, "m": 0.5, "r": 1.0}[anchor[0]] * self.width(text)
        left, top, right, bottom = self._draw.textbbox((x, y), "A", font=self._font, anchor=anchor)
        r = max(1.0, (bottom - top) / 7.0)
        for n, letter in enumerate(text):
            if letter == "Å":  # which the font has not: its A gets a ring
                middle = start + self.width(text[:n]) + 0.5 * (right - left)
                ring = (middle - r, top - 2.6 * r, middle + r, top - 0.6 * r)
                self._draw.ellipse(ring, outline=fill)

    def lines(self, parts: list[str], wide: float) -> list[str]:
        """Set parts of a text side by side, on as few lines as fit; long parts are cut."""
        lines: list[str] = []
        for part in map(str, parts):
            longer = f"{lines[-1]}, {part}" if lines else part
            if lines and self.width(longer) <= wide:
                lines[-1] = longer
            else:
                lines.append(self._cut(part, wide))
        return lines

    def _cut(self, text: str, wide: float) -> str:
        if self.width(text) <= wide:
            return text
        while len(text) > 4 and self.width("..." + text) > wide:
            text = text[1:]  # a path's end tells most
        return "..." + text


def _plain(text: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() else "A" if c == "Å" else "?" for c in text)

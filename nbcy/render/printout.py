"""What unmodified nanoBragg prints with ``-printout``: a block a sub-pixel, then the factors."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_N: Final = r"([-+0-9.eEinfa]+)"
_START: Final = re.compile(r"\s*(\d+)\s+(\d+) : stol = ")
_AT: Final = re.compile(rf"\s*at {_N} {_N} {_N}\s*$")
_HKL: Final = re.compile(rf"\s*hkl=\s*{_N} {_N} {_N}\s+hkl0=\s*{_N} {_N} {_N}\s*$")
_AMPLITUDES: Final = re.compile(rf"\s*F_cell={_N}\s+F_latt={_N}\s+I = {_N}\s*$")
_FACTOR: Final = re.compile(rf"(I/steps|polar|omega|capfrac|pixel)\s+{_N}\s*$")
_NAMES: Final[Mapping[str, str]] = {
    "I/steps": "I_per_step",
    "polar": "polar",
    "omega": "omega_pixel",
    "capfrac": "capture_fraction",
    "pixel": "I_pixel_final",
}


def format_printout(
    pixel: tuple[int, int],
    blocks: Sequence[Mapping[str, Sequence[float]]],
    chain: Mapping[str, Sequence[float]],
) -> str:
    """Return a trace as nanoBragg prints a pixel with ``-printout``.

    Parameters
    ----------
    pixel : tuple of int
        (slow, fast).
    blocks, chain : sequence of mapping, mapping
        Key to numbers, of each sub-pixel and layer, and of the factors.
    """
    lines, total = [], 0.0
    for block in blocks:
        s = block["scattering_vec_per_m"]
        stol = 0.5 * math.hypot(*s)
        total += (block["F_cell"][0] * block["F_latt"][0]) ** 2
        position = " ".join(f"{x:g}" for x in block["pixel_pos_meters"])
        frac = " ".join(f"{x:f}" for x in block["hkl_frac"])
        whole = " ".join(f"{x:.0f}" for x in block["hkl_rounded"])
        lines += [
            f"{pixel[1]:4d} {pixel[0]:4d} : stol = {stol:g} or {1e-10 * stol:g}",
            f"at {position}",
            f"hkl= {frac}  hkl0= {whole}",
            f" F_cell={block['F_cell'][0]:g}  F_latt={block['F_latt'][0]:g}   I = {total:g}",
        ]
    mean = chain["I_before_scaling"][0] / chain["steps"][0]
    factors = {
        "I/steps": mean,
        **{word: chain[key][0] for word, key in _NAMES.items() if key in chain},
    }
    lines += [f"{word:<7} {value:15.10g}" for word, value in factors.items()]
    return "\n".join(lines) + "\n"


@dataclass(eq=False)
class PrintedPixel:
    """One pixel's printout: key to text, for each block and for the factors behind them."""

    pixel: tuple[int, int]
    line: int
    blocks: list[dict[str, str]] = field(default_factory=list)
    chain: dict[str, str] = field(default_factory=dict)


class PrintoutReader:
    """Collects printouts of pixels; of the many a whole image prints, the wanted one or the last.

    Attributes
    ----------
    wanted : tuple of int, or None
        (slow, fast).
    found : PrintedPixel or None
    count : int
        Number of pixels seen.
    """

    def __init__(self, wanted: tuple[int, int] | None = None) -> None:
        self.wanted = wanted
        self.found: PrintedPixel | None = None
        self.count = 0
        self._open: PrintedPixel | None = None

    def feed(self, number: int, line: str) -> bool:
        """Look at a line; whether it belongs to a printout."""
        if match := _START.match(line):
            self._start(number, (int(match[2]), int(match[1])))
            return True
        if self._open is None:
            return False
        blocks = self._open.blocks
        if match := _AT.match(line):
            blocks[-1]["pixel_pos_meters"] = " ".join(match.groups())
        elif match := _HKL.match(line):
            blocks[-1]["hkl_frac"] = " ".join(match.groups()[:3])
            blocks[-1]["hkl_rounded"] = " ".join(match.groups()[3:])
        elif match := _AMPLITUDES.match(line):
            blocks[-1] |= {"F_cell": match[1], "F_latt": match[2]}
            self._open.chain["I_before_scaling"] = match[3]
        elif match := _FACTOR.match(line):
            self._open.chain[_NAMES[match[1]]] = match[2]
        else:
            return False
        return True

    def _start(self, number: int, pixel: tuple[int, int]) -> None:
        if self._open is None or self._open.pixel != pixel or "I_per_step" in self._open.chain:
            self._open = PrintedPixel(pixel, number)
            self.count += 1
            if self.wanted is None or pixel == self.wanted or self.found is None:
                self.found = self._open
        self._open.blocks.append({})

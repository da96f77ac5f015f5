"""Common detectors: pixels, gaps between modules, and where the modules are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Final

import numpy as np

from nbcy.base.errors import ConfigError
from nbcy.config.conventions import CONVENTIONS
from nbcy.config.kinds import nearest

Rectangle = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Preset:
    """A detector of equal modules; counts and sizes are (fast, slow), in pixels.

    Attributes
    ----------
    title : str
        What it is sold as.
    pixel_mm : float
    modules, module, gap : tuple of int
        Number of modules, pixels of each, and pixels between them.
    chips : tuple of int
        Chips of a module, which `seam` pixels separate.
    seam : int
        Pixels between chips that do not count by themselves.
    shift : int
        Pixels by which half of the rows and of the columns stand aside, around a hole for the beam
        (a windmill); each module is then a panel of its own.
    """

    title: str
    pixel_mm: float
    modules: tuple[int, int]
    module: tuple[int, int]
    gap: tuple[int, int] = (0, 0)
    chips: tuple[int, int] = (1, 1)
    seam: int = 0
    shift: int = 0

    @property
    def pixels(self) -> tuple[int, int]:
        """Extent of the whole detector, gaps included."""
        fast, slow = (
            n * size + (n - 1) * gap + self.shift
            for n, size, gap in zip(self.modules, self.module, self.gap, strict=True)
        )
        return fast, slow

    def corners(self) -> Iterator[tuple[int, int]]:
        """Yield the first pixel (fast, slow) of each module, row by row."""
        (across, down), (width, height) = self.modules, self.module
        for row, column in product(range(down), range(across)):
            fast, slow = column * (width + self.gap[0]), row * (height + self.gap[1])
            yield (
                fast + (self.shift if row < down // 2 else 0),
                slow + (self.shift if column >= across // 2 else 0),
            )

    def gaps(self) -> Iterator[Rectangle]:
        """Yield the gaps between modules on one grid of pixels."""
        fast, slow = self.pixels
        for start in self._between(0):
            yield start, start + self.gap[0] - 1, 0, slow - 1
        for start in self._between(1):
            yield 0, fast - 1, start, start + self.gap[1] - 1

    def _between(self, axis: int) -> Iterator[int]:
        size, gap = self.module[axis], self.gap[axis]
        if gap:
            yield from range(size, self.pixels[axis] - 1, size + gap)

    def seams(self) -> Iterator[Rectangle]:
        """Yield what separates the chips of one module."""
        width, height = self.module
        for axis, (count, size) in enumerate(zip(self.chips, self.module, strict=True)):
            chip = (size - (count - 1) * self.seam) // count
            for n in range(1, count):
                start = n * chip + (n - 1) * self.seam
                end = start + self.seam - 1
                yield (start, end, 0, height - 1) if axis == 0 else (0, width - 1, start, end)


def _pilatus(title: str, fast: int, slow: int) -> Preset:
    return Preset(title, 0.172, (fast, slow), (487, 195), (7, 17))


def _eiger(title: str, fast: int, slow: int) -> Preset:
    return Preset(title, 0.075, (fast, slow), (1030, 514), (10, 37))


def _eiger2(title: str, fast: int, slow: int) -> Preset:
    return Preset(title, 0.075, (fast, slow), (1028, 512), (12, 38))


PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        "pilatus300k": _pilatus("Pilatus 300K", 1, 3),
        "pilatus1m": _pilatus("Pilatus 1M", 2, 5),
        "pilatus2m": _pilatus("Pilatus 2M", 3, 8),
        "pilatus6m": _pilatus("Pilatus 6M", 5, 12),
        "eiger1m": _eiger("Eiger 1M", 1, 2),
        "eiger4m": _eiger("Eiger 4M", 2, 4),
        "eiger9m": _eiger("Eiger 9M", 3, 6),
        "eiger16m": _eiger("Eiger 16M", 4, 8),
        "eiger2_4m": _eiger2("Eiger2 4M", 2, 4),
        "eiger2_9m": _eiger2("Eiger2 9M", 3, 6),
        "eiger2_16m": _eiger2("Eiger2 16M", 4, 8),
        "jungfrau4m": Preset("Jungfrau 4M", 0.075, (2, 4), (1030, 514), (8, 36)),
        "jungfrau16m": Preset(
            "Jungfrau 16M", 0.075, (4, 8), (1030, 514), (9, 36), chips=(4, 2), seam=2, shift=68
        ),
        "rayonix_mx340": Preset("Rayonix MX340-HS, 2 x 2 binned", 340 / 3840, (1, 1), (3840, 3840)),
    }
)
"""Every preset by its name."""


def find_preset(name: str) -> Preset:
    """Return a preset; case, blanks, hyphens and underscores do not matter.

    Raises
    ------
    ConfigError
        There is no such detector.
    """

    def plain(text: str) -> str:
        return "".join(c for c in text.lower() if c.isalnum())

    if isinstance(name, str):
        for known, preset in PRESETS.items():
            if plain(name) in (plain(known), plain(preset.title)):
                return preset
    expected = f"must be one of {', '.join(PRESETS)}{nearest(str(name).lower(), PRESETS)}"
    raise ConfigError("detector", name, expected)


def panels_of(preset: Preset, convention: str, distance_mm: float) -> list[dict[str, object]]:
    """Return each module as a panel, square to the beam, which meets the middle of the whole.

    Parameters
    ----------
    preset : Preset
    convention : str
        For the directions of beam and axes.
    distance_mm : float

    Returns
    -------
    list of dict
        Fields of `nbcy.Panel`.
    """
    axes = CONVENTIONS[convention]
    fast, slow, beam = (np.array(axis) for axis in (axes.fast, axes.slow, axes.beam))
    middle = np.array(preset.pixels) / 2.0
    seams = list(preset.seams())
    panels: list[dict[str, object]] = []
    for number, corner in enumerate(preset.corners()):
        along, down = (np.array(corner) - middle) * preset.pixel_mm
        panels.append(
            {
                "name": f"m{number:02d}",
                "origin_mm": along * fast + down * slow + distance_mm * beam,
                "fast_vector": axes.fast,
                "slow_vector": axes.slow,
                "pixels_fast": preset.module[0],
                "pixels_slow": preset.module[1],
                "pixel_mm": preset.pixel_mm,
                "masked": seams,
            }
        )
    return panels

"""Where the reference stops to interpolate (physics 7.5, quirk ``sticky_interpolation``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nbcy.base.vectors import norm, rotate, unit

if TYPE_CHECKING:
    from nbcy.base.panel import PlacedPanel
    from nbcy.crystal.structure_factors import HklGrid
    from nbcy.scene.scene import Scene

FloatArray = NDArray[np.float64]


def first_step_leaves_list(scene: Scene) -> bool:
    """Whether the image's first step is too close to the end of the list to interpolate."""
    hkl = _first_step(scene)
    return hkl is not None and not holds_stencil(scene.hkl, hkl)


def holds_stencil(grid: HklGrid, hkl: FloatArray) -> bool:
    """Whether the list's box holds the 64 nodes around a place in reciprocal space."""
    floor = np.floor(hkl)
    low = (grid.h_min, grid.k_min, grid.l_min)
    high = (grid.h_max, grid.k_max, grid.l_max)
    return bool((floor - 1 >= low).all() and (floor + 2 <= high).all())


def _first_step(scene: Scene) -> FloatArray | None:
    """Return h, k, l of the first step that dmin leaves, in the order of the reference."""
    table = scene.orientations if scene.first_orientations is None else scene.first_orientations
    for panel, slow, fast in _pixels(scene):
        for position in _positions(scene, panel, slow, fast):
            scattering = (unit(position) - scene.incident) / scene.wavelengths[:, np.newaxis]
            seen = np.flatnonzero(norm(scattering) * scene.dmin <= 1.0)
            if seen.size:
                hkl: FloatArray = table[0, 0] @ scattering[seen[0]]
                return hkl
    return None


def _pixels(scene: Scene) -> Iterator[tuple[PlacedPanel, int, int]]:
    for number, (panel, region) in enumerate(zip(scene.panels, scene.regions, strict=True)):
        mask = scene.mask_of(number)
        for slow in range(region[2], region[3] + 1):
            for fast in range(region[0], region[1] + 1):
                if mask is None or mask[slow, fast]:
                    yield panel, slow, fast


def _positions(scene: Scene, panel: PlacedPanel, slow: int, fast: int) -> Iterator[FloatArray]:
    """Yield the places of a pixel's sub-pixels and layers (physics 2.6)."""
    sub = panel.pixel_size / scene.oversample
    for number in range(scene.oversample**2):
        i, j = divmod(number, scene.oversample)
        along_slow = panel.pixel_size * slow + sub / 2.0 + sub * i
        along_fast = panel.pixel_size * fast + sub / 2.0 + sub * j
        corner = panel.origin + along_fast * panel.fast + along_slow * panel.slow
        for layer in range(scene.layers):
            flat = corner + layer * scene.layer_step * panel.normal
            if not scene.curved:
                yield flat
                continue
            start = scene.distance * scene.beam
            about_slow = rotate(start, panel.slow, float(flat[1]) / scene.distance)
            yield rotate(about_slow, panel.fast, float(flat[2]) / scene.distance)

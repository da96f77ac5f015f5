"""Several panels beside each other on one flat picture, for looking."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from nbcy.base.panel import PlacedPanel
from nbcy.base.vectors import cross, dot, norm, unit

FloatArray = NDArray[np.float64]

MAX_PICTURE: Final = 2**28
"""Most pixels of a picture; panels further apart are drawn coarser."""

_SHARED: Final = 0.5
_EDGE_ON: Final = 1e-6


class Directions(Protocol):
    """What knows where the beam goes and how it is polarized."""

    @property
    def beam(self) -> FloatArray:
        """Unit vector."""

    @property
    def polarization(self) -> FloatArray:
        """Unit vector."""


@dataclass(frozen=True, eq=False)
class Assembly:
    """A plane on which panels are drawn as they are seen from the sample.

    The picture is a projection along the mean normal of the panels, so that a panel which is cut
    into several is drawn as the whole. Rows run along the fast axis that the panels share, or
    along the polarization where they share none.

    Attributes
    ----------
    panels : tuple of PlacedPanel
    corner : ndarray, shape (3,)
        Outer corner of the picture's first pixel, m.
    right, down : ndarray, shape (3,)
        Unit vectors along the rows and the columns of the picture.
    pixel_size : float
        Of the picture, m: the smallest of the panels'.
    shape : tuple of int
        (slow, fast).
    """

    panels: tuple[PlacedPanel, ...]
    corner: FloatArray
    right: FloatArray
    down: FloatArray
    pixel_size: float
    shape: tuple[int, int]

    @classmethod
    def of(cls, panels: tuple[PlacedPanel, ...], frame: Directions) -> Assembly:
        """Lay the picture out.

        Parameters
        ----------
        panels : tuple of PlacedPanel
        frame : Frame or the like
            For the beam and the polarization, where the panels do not say what is ahead and across.
        """
        areas = [panel.pixels_fast * panel.pixels_slow for panel in panels]

        def shared(name: str) -> FloatArray | None:
            mean = np.average([getattr(panel, name) for panel in panels], axis=0, weights=areas)
            return mean if float(norm(mean)) > _SHARED else None

        ahead, across, along = shared("normal"), shared("fast"), shared("slow")
        normal = frame.beam if ahead is None else unit(ahead)
        candidates = [frame.polarization if across is None else across, *np.eye(3)]
        in_plane = (vector - dot(vector, normal) * normal for vector in candidates)
        right = unit(next(vector for vector in in_plane if float(norm(vector)) > 0.1))
        down = cross(normal, right)
        if along is not None and float(dot(down, along)) < 0.0:
            down = -down
        corners = np.concatenate([_corners(panel) for panel in panels])
        x, y = dot(corners, right), dot(corners, down)
        size = min(panel.pixel_size for panel in panels)
        width, height = float(np.ptp(x)), float(np.ptp(y))
        size = max(size, math.sqrt(width * height / MAX_PICTURE))
        counts = [max(1, round(extent / size)) for extent in (height, width)]
        corner = float(x.min()) * right + float(y.min()) * down
        return cls(panels, corner, right, down, size, (counts[0], counts[1]))

    def place(self, points: FloatArray) -> FloatArray:
        """Return where points of the lab are drawn.

        Parameters
        ----------
        points : ndarray, shape (..., 3)
            m.

        Returns
        -------
        ndarray, shape (..., 2)
            (slow, fast) in pixels of the picture, 0 at the outer corner of the first.
        """
        offset = points - self.corner
        drawn: FloatArray = np.stack((dot(offset, self.down), dot(offset, self.right)), axis=-1)
        return drawn / self.pixel_size

    def draw(
        self, images: Sequence[NDArray[np.float32]], fill: float = math.nan
    ) -> NDArray[np.float32]:
        """Return the picture: each of its pixels is the panel's pixel at its centre.

        Parameters
        ----------
        images : sequence of ndarray, shape (slow, fast)
            One a panel.
        fill : float
            What stands where there is no panel.
        """
        picture = np.full(self.shape, fill, dtype=np.float32)
        for panel, image in zip(self.panels, images, strict=True):
            edges = np.array([panel.slow, panel.fast]) * panel.pixel_size
            origin = self.place(panel.origin)
            steps = self.place(panel.origin + edges) - origin  # of one pixel along slow, fast
            if abs(np.linalg.det(steps)) < _EDGE_ON:
                continue
            ends = self.place(_corners(panel))
            low = np.maximum(np.floor(ends.min(axis=0)).astype(int), 0)
            high = np.minimum(np.ceil(ends.max(axis=0)).astype(int), self.shape)
            slow, fast = np.ogrid[low[0] : high[0], low[1] : high[1]]
            inverse = np.linalg.inv(steps)
            s, f = slow + (0.5 - origin[0]), fast + (0.5 - origin[1])
            i = np.floor(s * inverse[0, 0] + f * inverse[1, 0]).astype(np.int64)
            j = np.floor(s * inverse[0, 1] + f * inverse[1, 1]).astype(np.int64)
            inside = (i >= 0) & (i < panel.pixels_slow) & (j >= 0) & (j < panel.pixels_fast)
            part = picture[low[0] : high[0], low[1] : high[1]]
            part[inside] = image[i[inside], j[inside]]
        return picture


def _corners(panel: PlacedPanel) -> FloatArray:
    size = panel.pixel_size
    edges = np.array([size * panel.pixels_fast * panel.fast, size * panel.pixels_slow * panel.slow])
    corners: FloatArray = panel.origin + np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) @ edges
    return corners

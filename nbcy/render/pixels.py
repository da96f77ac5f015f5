"""Some pixels of an image: boxes, or a list (names: panel, slow, fast)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nbcy.base.errors import ConfigError

if TYPE_CHECKING:
    from nbcy.base.panel import PlacedPanel

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pixels:
    """Which pixels are asked for.

    Attributes
    ----------
    boxes : ndarray of int64, shape (n, 5), or None
        Panel, slow begin and end, fast begin and end (half open).
    listed : ndarray of int64, shape (n, 3), or None
        Panel, slow, fast, where single pixels are asked for.
    """

    boxes: Indices | None
    listed: Indices | None


@dataclass(frozen=True, eq=False)
class PixelValues:
    """Photons of some pixels, bit by bit those of the whole image.

    Attributes
    ----------
    values : ndarray of float32 or float64, shape (n,)
        One box after another, row by row; or as they were listed. Read-only.
    boxes : ndarray of int64, shape (n, 5), or None
        As they were asked for.
    pixels : ndarray of int64, shape (n, 3), or None
        As they were listed.
    provenance : dict
        How they were rendered.
    """

    values: NDArray[Any]
    boxes: Indices | None
    pixels: Indices | None
    provenance: dict[str, Any]

    def __repr__(self) -> str:
        what = f"{len(self.boxes)} boxes, " if self.boxes is not None else ""
        return f"<nbcy.PixelValues: {what}{self.values.size} pixels>"

    def __len__(self) -> int:
        return self.values.size

    def box(self, n: int) -> NDArray[Any]:
        """Return one box, shape (slow, fast).

        Raises
        ------
        ConfigError
            Pixels were listed, or there is no such box.
        """
        count = 0 if self.boxes is None else len(self.boxes)
        if self.boxes is None or not -count <= n < count:
            raise ConfigError("box", n, f"there are {count} boxes")
        heights, widths = np.diff(self.boxes[:, 1:3])[:, 0], np.diff(self.boxes[:, 3:5])[:, 0]
        n %= count
        begin = int((heights * widths)[:n].sum())
        shape = int(heights[n]), int(widths[n])
        return self.values[begin : begin + shape[0] * shape[1]].reshape(shape)


def read_pixels(pixels: ArrayLike, panels: Sequence[PlacedPanel], roi: Any = None) -> Pixels:
    """Check which pixels are asked for.

    Parameters
    ----------
    pixels : array_like of int, shape (n, 3) or (n, 5)
        Panel, slow, fast; or panel, slow begin and end, fast begin and end (half open).
    panels : sequence of PlacedPanel
        The detector.
    roi : tuple of int, optional
        The region that is rendered of a detector of one panel, inclusive.

    Raises
    ------
    ConfigError
        Something else, or pixels that are not on the detector or not rendered.
    """
    expected = "must be rows of 3 (panel, slow, fast) or 5 (panel, slow0, slow1, fast0, fast1)"
    try:
        table = np.asarray(pixels)
    except ValueError:
        table = np.empty(())
    if table.ndim != 2 or table.shape[1] not in (3, 5):
        raise ConfigError("pixels", f"numbers of shape {table.shape}", expected)
    if not np.issubdtype(table.dtype, np.integer):
        raise ConfigError("pixels", f"numbers of type {table.dtype}", "must be whole numbers")
    wanted = table.astype(np.int64)
    listed = wanted.shape[1] == 3
    begin, end = (
        (wanted[:, [1, 2]], wanted[:, [1, 2]] + 1)
        if listed
        else (
            wanted[:, [1, 3]],
            wanted[:, [2, 4]],
        )
    )
    shapes = np.array([panel.shape for panel in panels])
    known = (wanted[:, 0] >= 0) & (wanted[:, 0] < len(panels))
    low, high = np.zeros(2, np.int64), shapes[np.where(known, wanted[:, 0], 0)]
    where = "on the detector, whose panels have (slow, fast) pixels " + str(shapes[:4].tolist())
    on_detector = known & ((begin >= 0) & (begin < end) & (end <= high)).all(axis=1)
    if roi is not None and on_detector.all():
        low, high = np.array([roi[2], roi[0]]), np.array([[roi[3] + 1, roi[1] + 1]])
        where = f"inside the region of interest {tuple(roi)}"
    inside = known & ((begin >= low) & (begin < end) & (end <= high)).all(axis=1)
    for n in np.flatnonzero(~inside)[:1].tolist():
        raise ConfigError(f"pixels[{n}]", tuple(wanted[n].tolist()), f"must lie {where}")
    wanted.setflags(write=False)
    return Pixels(None, wanted) if listed else Pixels(wanted, None)

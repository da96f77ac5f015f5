"""Lists of structure factors and the dense grid the kernel looks them up in (physics 7)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nbcy.errors import ConfigError

MAX_GRID_BYTES: Final = 2 * 1024**3
"""Largest grid that is allocated."""


@dataclass(frozen=True, eq=False)
class HklGrid:
    """Structure factors on the box that encloses the list.

    Attributes
    ----------
    data : ndarray of float64, shape (nh + 2, nk + 2, nl + 2)
        Amplitudes in electrons, padded by one layer of ``default_F`` on every side, so that an
        index clamped to the padded box reads the right value. ``data[1, 1, 1]`` is
        ``(h_min, k_min, l_min)``.
    h_min, h_max, k_min, k_max, l_min, l_max : int
        The box, inclusive.
    default_F : float
        Amplitude of every reflection that is not on the list.
    n_loaded : int
        Number of entries of the list; 0 stands for a grid of ``default_F`` alone.
    """

    data: NDArray[np.float64]
    h_min: int
    h_max: int
    k_min: int
    k_max: int
    l_min: int
    l_max: int
    default_F: float
    n_loaded: int


class StructureFactors:
    """A list of structure factor amplitudes in P1.

    Parameters
    ----------
    hkl : array_like of int, shape (n, 3)
        Miller indices.
    F : array_like of float, shape (n,)
        Amplitudes in electrons.
    default_F : float
        Amplitude of everything that is not on the list.
    notes : tuple of str
        Remarks for the user, of whoever read the list.

    Raises
    ------
    ConfigError
        Wrong shapes, indices that are not integers, numbers that are not finite.
    """

    def __init__(
        self, hkl: ArrayLike, F: ArrayLike, default_F: float = 0.0, notes: tuple[str, ...] = ()
    ) -> None:
        indices = np.asarray(hkl)
        amplitudes = np.array(F, dtype=np.float64)
        if indices.size == 0:
            indices = indices.reshape(0, 3)
        if indices.ndim != 2 or indices.shape[1] != 3:
            raise ConfigError("hkl", indices.shape, "must have the shape (n, 3)")
        if amplitudes.shape != (len(indices),):
            raise ConfigError("F", amplitudes.shape, f"must have the shape ({len(indices)},)")
        whole = indices.astype(np.int32)
        wrong = np.flatnonzero((whole != indices).any(axis=1))
        if wrong.size:
            raise ConfigError("hkl", indices[wrong[0]].tolist(), "must be 32-bit integers")
        bad = np.flatnonzero(~np.isfinite(amplitudes))
        if bad.size:
            where = f"F{tuple(whole[bad[0]].tolist())}"
            raise ConfigError(where, float(amplitudes[bad[0]]), "must be a finite number")
        if not np.isfinite(default_F):
            raise ConfigError("default_F", default_F, "must be a finite number")
        whole.setflags(write=False)
        amplitudes.setflags(write=False)
        self.hkl: NDArray[np.int32] = whole
        self.F: NDArray[np.float64] = amplitudes
        self.default_F = float(default_F)
        self.notes = notes

    def __len__(self) -> int:
        """Count the entries."""
        return len(self.F)

    @classmethod
    def from_text(cls, path: str | os.PathLike[str], default_F: float = 0.0) -> StructureFactors:
        """Read ``h k l F`` lines (formats, hkl text).

        Parameters
        ----------
        path : path-like
            The file.
        default_F : float
            Amplitude of everything that is not on the list.

        Raises
        ------
        FileError
            Naming the line that cannot be read.
        """
        from nbcy.io.hkl import read_hkl

        hkl, amplitudes, notes = read_hkl(path)
        return cls(hkl, amplitudes, default_F, notes)

    def to_grid(self) -> HklGrid:
        """Spread the list over its bounding box.

        Raises
        ------
        ConfigError
            The box would take more than 2 GiB.
        """
        if not len(self):
            low = high = np.zeros(3, dtype=np.int64)
        else:
            low = self.hkl.min(axis=0).astype(np.int64)
            high = self.hkl.max(axis=0).astype(np.int64)
        extent = [int(n) for n in high - low + 3]
        size = 8 * extent[0] * extent[1] * extent[2]
        if size > MAX_GRID_BYTES:
            box = " x ".join(f"{lo}...{hi}" for lo, hi in zip(low, high, strict=True))
            raise ConfigError(
                "hkl",
                box,
                f"the {len(self)} reflections span a box that would take {size / 1024**3:.1f} GiB; "
                f"at most {MAX_GRID_BYTES / 1024**3:.0f} GiB fit: remove the outlying indices",
            )
        data = np.full(extent, self.default_F)
        if len(self):
            at = self.hkl - low + 1
            data[at[:, 0], at[:, 1], at[:, 2]] = self.F
        data.setflags(write=False)
        return HklGrid(
            data,
            int(low[0]),
            int(high[0]),
            int(low[1]),
            int(high[1]),
            int(low[2]),
            int(high[2]),
            self.default_F,
            len(self),
        )

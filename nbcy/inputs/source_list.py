"""Lists of X-ray sources (formats 3)."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nbcy.base.errors import FileError
from nbcy.base.files import content, numbers, read_lines

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SourceList:
    """Sources as a file lists them.

    Attributes
    ----------
    positions : ndarray, shape (n, 3)
        From the sample towards each source, any length; NaN where a line ends before.
    intensities : ndarray, shape (n,)
        1 where a line ends before.
    wavelengths : ndarray, shape (n,)
        m; NaN where a line ends before.
    """

    positions: FloatArray
    intensities: FloatArray
    wavelengths: FloatArray

    def completed(
        self, position: ArrayLike, wavelength: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return positions, intensities and wavelengths with what stands in for missing ones.

        Parameters
        ----------
        position : array_like, shape (3,)
        wavelength : float
            m.
        """
        return (
            np.where(np.isnan(self.positions), np.asarray(position), self.positions),
            self.intensities.copy(),
            np.where(np.isnan(self.wavelengths), wavelength, self.wavelengths),
        )


_MISSING: Final = (math.nan, math.nan, math.nan, 1.0, math.nan)


def read_source_list(path: str | os.PathLike[str]) -> SourceList:
    """Read a list of sources: ``X Y Z intensity wavelength`` per line.

    Parameters
    ----------
    path : path-like
        Text; blank lines and comments (``#``) are skipped, commas separate as blanks do.

    Raises
    ------
    FileError
        No source, a word that is not a finite number, or more than five columns; naming the line.
    """
    expected = "X Y Z intensity wavelength(m)"
    rows = []
    for row, line in enumerate(read_lines(path), 1):
        words = content(line).replace(",", " ").split()
        if len(words) > len(_MISSING):
            raise FileError(path, f"{len(words)} columns; expected {expected}", row)
        if words:
            rows.append([*numbers(path, row, words, expected), *_MISSING[len(words) :]])
    if not rows:
        raise FileError(path, f"holds no sources: {expected} per line is expected")
    table: FloatArray = np.array(rows)
    return SourceList(table[:, :3].copy(), table[:, 3].copy(), table[:, 4].copy())

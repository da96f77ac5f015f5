"""Spectra: wavelengths or energies, and weights (physics 5.3)."""

from __future__ import annotations

import os
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.constants import EV_ANGSTROM
from nbcy.base.errors import FileError
from nbcy.base.files import content, numbers, read_lines

LONGEST: Final = 100.0
"""Å: larger numbers are energies in eV."""


def read_spectrum(path: str | os.PathLike[str]) -> NDArray[np.float64]:
    """Read a spectrum: a wavelength or an energy and a weight per line.

    Parameters
    ----------
    path : path-like
        Text, ``.lam`` or any other; blank lines and comments (``#``) are skipped, commas separate
        as blanks do. Numbers above 100 are energies in eV, others wavelengths in Å.

    Returns
    -------
    ndarray, shape (n, 2)
        Å and photons (relative).

    Raises
    ------
    FileError
        No channel, a line that does not hold two numbers, one that is not positive, a negative
        weight, or none that is not 0.
    """
    expected = "a wavelength (Angstrom) or an energy (eV, above 100), and a weight"
    rows: list[list[float]] = []
    for row, line in enumerate(read_lines(path), 1):
        words = content(line).replace(",", " ").split()
        if not words:
            continue
        if len(words) != 2:
            raise FileError(path, f"{len(words)} columns; expected {expected}", row)
        value, weight = numbers(path, row, words, expected)
        if not (value > 0.0 and weight >= 0.0):
            raise FileError(path, f"{line.strip()!r}: must not be negative; {expected}", row)
        rows.append([EV_ANGSTROM / value if value > LONGEST else value, weight])
    if not any(weight for _, weight in rows):
        raise FileError(path, f"holds no photons: {expected} per line is expected")
    return np.array(rows)

"""Random numbers: the reference's for parity, NumPy's for all else (physics 8).

A seed becomes a stream, one for each of:

- misset, mosaic domains (`scene.lattice`), and noise as nanoBragg draws it (`image.noise`,
  ``stream="reference"``): `ReferenceStream`;
- noise: `row_generator`, for each row of an image; frame i of a series has ``seed + i``
  (`work.series`);
- random orientations: ``numpy.random.default_rng(seed)`` (`crystal.orientations`).
"""

from __future__ import annotations

import numpy as np

from nbcy.base._rng import ReferenceStream
from nbcy.base.errors import ConfigError

__all__ = ["ReferenceStream", "row_generator"]


def row_generator(seed: int, row: int) -> np.random.Generator:
    """Return the generator of one row of an image (physics 8.5).

    Each row has a stream of its own, so that what it draws depends on neither threads nor on which
    other rows are drawn.

    Parameters
    ----------
    seed : int
        Not negative.
    row : int
        Slow index, counted from the first row of the detector.

    Raises
    ------
    ConfigError
        A seed that is negative or not a whole number.
    """
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
        raise ConfigError("seed", seed, "must be a whole number that is not negative")
    return np.random.default_rng([int(seed), row])

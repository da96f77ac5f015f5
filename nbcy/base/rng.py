"""Random numbers: the reference's for parity, NumPy's for all else (physics 8).

A seed becomes a stream, one for each of:

- misset, mosaic domains (`scene.lattice`), and noise as nanoBragg draws it (`image.noise`,
  ``stream="reference"``): `ReferenceStream`;
- what a detector reads: `RowStreams`, for each row of an image and each purpose; frame i of a
  series is the index i of one seed (`work.series`);
- random orientations: ``numpy.random.default_rng(seed)`` (`crystal.orientations`).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from nbcy.base._rng import ReferenceStream
from nbcy.base.errors import ConfigError

__all__ = ["PURPOSES", "ReferenceStream", "RowStreams", "check_whole", "reference_seed"]

PURPOSES: Final = ("photons", "flicker", "readout", "calibration")
"""What random numbers are for: none of these depends on whether others are drawn."""

_JUMP: Final = 210306068529402873165736369884012333109  # NumPy's, in PCG64DXSM.jumped
_PERIOD: Final = 2**128


def check_whole(name: str, value: int) -> int:
    """Return a whole number that is not negative.

    Raises
    ------
    ConfigError
        It is none.
    """
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 0:
        raise ConfigError(name, value, "must be a whole number that is not negative")
    return int(value)


class RowStreams:
    """A stream of random numbers for each row of an image (physics 8.5).

    What a row draws depends on neither threads nor on which other rows are drawn.

    Parameters
    ----------
    seed : int
        Not negative.
    index : int
        Of the frame or shot, not negative: no two pairs of seed and index share a stream.
    purpose : str
        One of `PURPOSES`.

    Raises
    ------
    ConfigError
        A seed or an index that is negative or not a whole number.
    """

    def __init__(self, seed: int, index: int = 0, purpose: str = "photons") -> None:
        key = check_whole("index", index), PURPOSES.index(purpose)
        sequence = np.random.SeedSequence(check_whole("seed", seed), spawn_key=key)
        self._bits = np.random.PCG64DXSM(sequence)
        self._start = self._bits.state
        self._generator = np.random.Generator(self._bits)

    def fork(self) -> RowStreams:
        """Return the same streams for another thread."""
        other = object.__new__(RowStreams)
        other._bits = np.random.PCG64DXSM(0)
        other._start = self._start
        other._generator = np.random.Generator(other._bits)
        return other

    def row(self, row: int) -> np.random.Generator:
        """Return the generator of a row, until the next is asked for.

        Parameters
        ----------
        row : int
            Slow index, counted from the first row of the detector.
        """
        self._bits.state = self._start
        self._bits.advance(row * _JUMP % _PERIOD)
        return self._generator


def reference_seed(seed: int, index: int) -> int:
    """Return the seed of a frame in the reference's stream: ``seed`` itself for the first."""
    if not check_whole("index", index):
        return seed
    sequence = np.random.SeedSequence(check_whole("seed", seed), spawn_key=(index,))
    return 1 + int(sequence.generate_state(1, np.uint64)[0] % (2**31 - 2))

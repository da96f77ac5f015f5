"""From pixels to the integers of a file, by one rule for every format.

Pixels are rounded to the nearest integer, halves up. Below zero becomes zero. A pixel that reaches
the largest storable value is stored as that value, and the file says that the last value to trust
is the one below. A pixel that was not measured becomes the format's flag.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.errors import ConfigError, NbcyWarning


@dataclass(frozen=True)
class IntegerKind:
    """A kind of integer pixels.

    Attributes
    ----------
    name : str
        NumPy's.
    flag : int
        Stands for a pixel that was not measured.
    largest : int
        Stands for every value from here on.
    """

    name: str
    flag: int
    largest: int

    @property
    def trusted(self) -> int:
        """Largest value that means itself."""
        return self.largest - 1


KINDS: Final = {
    kind.name: kind
    for kind in (
        IntegerKind("uint16", 2**16 - 1, 2**16 - 2),
        IntegerKind("uint32", 2**32 - 1, 2**32 - 2),
        IntegerKind("int32", -1, 2**31 - 1),
    )
}
"""By NumPy's name. The unsigned flag, the largest number, is that of Eiger; -1 is Pilatus's."""

FLOAT: Final = "float32"
"""The kind of pixels that are kept as they are."""


def check_kind(name: str, allowed: tuple[str, ...]) -> str:
    """Return the name of a kind of pixels.

    Raises
    ------
    ConfigError
        A kind that the format cannot hold.
    """
    if name not in allowed:
        raise ConfigError("dtype", name, f"must be one of {', '.join(allowed)} in this format")
    return name


def invalid_pixels(
    pixels: NDArray[Any], mask: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_] | None:
    """Find the pixels of a file that were not measured.

    Parameters
    ----------
    pixels : ndarray, shape (slow, fast)
        As they stand in the file: integers of one of the `KINDS`, or floats.
    mask : ndarray of bool, shape (slow, fast), optional
        What the file says besides.

    Returns
    -------
    ndarray of bool, shape (slow, fast), or None
        None where all were measured.
    """
    flagged: NDArray[np.bool_]
    if pixels.dtype.kind == "f":
        flagged = np.isnan(pixels)
    elif pixels.dtype.kind == "i":
        flagged = pixels < 0
    else:
        flagged = pixels == np.iinfo(pixels.dtype).max
    if mask is not None:
        flagged = flagged | mask
    return flagged if flagged.any() else None


def to_integers(
    pixels: NDArray[Any], kind: IntegerKind, invalid: NDArray[np.bool_] | None = None
) -> NDArray[Any]:
    """Turn pixels into integers.

    Parameters
    ----------
    pixels : ndarray, shape (slow, fast)
        Integers or floats; what is not a number counts as not measured.
    kind : IntegerKind
    invalid : ndarray of bool, shape (slow, fast), optional
        Pixels that were not measured.

    Returns
    -------
    ndarray of ``kind``, shape (slow, fast)

    Warns
    -----
    NbcyWarning
        Pixels below zero, or too large to be stored.
    """
    if pixels.dtype.kind == "f":
        unknown = np.isnan(pixels)
        invalid = unknown if invalid is None else unknown | invalid
        pixels = np.floor(pixels.astype(np.float64) + 0.5)
    else:
        pixels = pixels.astype(np.int64)
    measured = True if invalid is None else ~invalid
    for outside, what in (
        (pixels < 0, "below 0 are stored as 0"),
        (pixels >= kind.largest, f"of {kind.largest} or more are stored as {kind.largest}"),
    ):
        if count := int(np.count_nonzero(outside & measured)):
            warnings.warn(f"{count} pixels {what}", NbcyWarning, stacklevel=3)
    usable = pixels if invalid is None else np.where(invalid, 0, pixels)
    integers: NDArray[Any] = usable.clip(0, kind.largest).astype(kind.name)
    if invalid is not None:
        integers[invalid] = kind.flag
    return integers

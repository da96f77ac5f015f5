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

from nbcy.base.errors import ConfigError, NbcyWarning
from nbcy.base.threads import in_bands


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

ROUNDED: Final = 0.1
"""Rounding that changes the sum of the pixels by more than this part of it is worth a note."""

ADC_OFFSET: Final = 40.0
"""What SMV pixels hold for no photon, unless something else is asked for."""

SMV_SATURATED: Final = 65535
"""Largest pixel of SMV."""


def smv_counts(adc: int) -> IntegerKind:
    """Return SMV's uint16 before an offset is added; 0 is the flag."""
    return IntegerKind("int32", -adc, SMV_SATURATED - adc)


SMV_COUNTS: Final = smv_counts(int(ADC_OFFSET))

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


class Integers:
    """Turns the frames of a recording into integers, and says in the end what did not fit.

    Parameters
    ----------
    kind : IntegerKind
    """

    def __init__(self, kind: IntegerKind) -> None:
        self.kind = kind
        self.below = 0
        self.above = 0
        self.exact = self.rounded = 0.0

    def of(self, pixels: NDArray[Any], invalid: NDArray[np.bool_] | None = None) -> NDArray[Any]:
        """Turn pixels into integers.

        Parameters
        ----------
        pixels : ndarray, shape (slow, fast)
            Integers or floats; what is not a number counts as not measured.
        invalid : ndarray of bool, shape (slow, fast), optional
            Pixels that were not measured.

        Returns
        -------
        ndarray of ``kind``, shape (slow, fast)
        """
        integers = np.empty(pixels.shape, self.kind.name)
        found: dict[int, NDArray[np.float64]] = {}

        def convert(rows: slice) -> None:
            flagged = None if invalid is None else invalid[rows]
            integers[rows], found[rows.start] = self._band(pixels[rows], flagged)

        in_bands(convert, 0, pixels.shape[0] - 1, pixels.shape[1])
        for first in sorted(found):  # one order of adding up, whatever the threads
            below, above, exact, rounded = found[first]
            self.below += int(below)
            self.above += int(above)
            self.exact += exact
            self.rounded += rounded
        return integers

    def _band(
        self, pixels: NDArray[Any], invalid: NDArray[np.bool_] | None
    ) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Turn some rows into integers; count what does not fit, add up what is rounded."""
        kind = self.kind
        exact_sum = rounded_sum = 0.0
        if pixels.dtype.kind == "f":
            unknown = np.isnan(pixels)
            if unknown.any():
                invalid = unknown if invalid is None else unknown | invalid
            exact = pixels.astype(np.float64)
            pixels = np.floor(exact + 0.5)
            summed = (exact > 0.0) & np.isfinite(exact)
            if invalid is not None:
                summed &= ~invalid
            exact_sum = float(exact.sum(where=summed))
            rounded_sum = float(pixels.sum(where=summed))
        else:
            pixels = pixels.astype(np.int64)
        usable = pixels if invalid is None else np.where(invalid, 0, pixels)
        below = np.count_nonzero(usable < 0)
        above = np.count_nonzero(usable >= kind.largest)
        integers: NDArray[Any] = usable.clip(0, kind.largest).astype(kind.name)
        if invalid is not None:
            integers[invalid] = kind.flag
        return integers, np.array([below, above, exact_sum, rounded_sum], np.float64)

    def report(self) -> None:
        """Say how many pixels were below zero or too large, and what rounding made of the sum.

        Warns
        -----
        NbcyWarning
        """
        largest = self.kind.largest
        for count, what in (
            (self.below, "below 0 are stored as 0"),
            (self.above, f"of {largest} or more are stored as {largest}"),
        ):
            if count:
                warnings.warn(f"{count} pixels {what}", NbcyWarning, stacklevel=3)
        if abs(self.rounded - self.exact) > ROUNDED * self.exact:
            text = (
                f"rounding to whole numbers turns {self.exact:.6g} photons into {self.rounded:.6g}:"
                " float32 pixels (.nxs, .tif, .edf) keep the fractions, counted photons (--noise) "
                "have the right sum"
            )
            warnings.warn(text, NbcyWarning, stacklevel=3)

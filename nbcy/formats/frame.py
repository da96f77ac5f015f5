"""Frames and recordings, whatever the format; names of numbered files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import ConfigError, FileError
from nbcy.formats.measurement import Measurement

NUMBER: Final = re.compile("#+")
"""Stands for the number of a frame in a file name."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Pixels as a file holds them.

    Attributes
    ----------
    pixels : ndarray, shape (slow, fast)
        Integers or floats, without the file's offset; several panels stacked.
    invalid : ndarray of bool, shape (slow, fast), or None
        Pixels that were not measured.
    """

    pixels: NDArray[Any]
    invalid: NDArray[np.bool_] | None = None

    def photons(self) -> NDArray[np.float64]:
        """Return the pixels with NaN where nothing was measured."""
        with np.errstate(invalid="ignore"):  # a damaged file may hold signaling NaN
            photons = self.pixels.astype(np.float64)
        if self.invalid is not None:
            photons[self.invalid] = np.nan
        return photons


@dataclass(eq=False)
class Recording:
    """Frames that a file, or a numbered set of files, holds; read when they are asked for.

    A context manager: leaving it closes the file.

    Attributes
    ----------
    name : str
        As it was opened.
    shape : tuple of int
        (slow, fast) of a frame.
    count : int
        Number of frames.
    read : callable
        Reads a frame, counted from 0.
    measurement : Measurement or None
        What the file says besides, of the first frame.
    unplaced : str
        Why there is no measurement.
    told : callable, optional
        Returns the measurement of a frame, counted from 0, where frames are no steady rotation.
    """

    name: str
    shape: tuple[int, int]
    count: int
    read: Callable[[int], Frame]
    measurement: Measurement | None = None
    close: Callable[[], None] = lambda: None
    unplaced: str = ""
    told: Callable[[int], Measurement | None] | None = None

    def __post_init__(self) -> None:
        """Pass over a measurement of other pixels."""
        if self.measurement is not None and self.measurement.shape != self.shape:
            slow, fast = self.measurement.shape
            self.measurement = None
            self.unplaced = f"its geometry is that of {slow} x {fast} pixels, one above the other"

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Frame]:
        return map(self.frame, range(self.count))

    def frame(self, n: int) -> Frame:
        """Read a frame, counted from 0.

        Raises
        ------
        ConfigError
            There is no such frame.
        FileError
            It cannot be read, or has another shape than the first.
        """
        if not 0 <= n < self.count:
            raise ConfigError("frame", n + 1, f"{self.name} holds frames 1 to {self.count}")
        frame = self.read(n)
        if frame.pixels.shape != self.shape:
            sizes = [" x ".join(map(str, shape)) for shape in (frame.pixels.shape, self.shape)]
            raise FileError(self.name, f"frame {n + 1} has {sizes[0]} pixels, the first {sizes[1]}")
        return frame

    def measurement_at(self, n: int) -> Measurement | None:
        """Return what the file says of a frame, counted from 0; None where it says nothing."""
        if self.measurement is None:
            return None
        return self.measurement.at(n) if self.told is None else self.told(n)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def is_template(path: str | os.PathLike[str]) -> bool:
    """Whether a file name has a ``#####`` for the number of the frame."""
    return "#" in Path(path).name


def numbered(path: str | os.PathLike[str], number: int) -> Path:
    """Put a frame's number, counted from 1, in place of ``#####``."""
    whole = Path(path)

    def fill(match: re.Match[str]) -> str:
        return f"{number:0{len(match[0])}d}"

    return whole.with_name(NUMBER.sub(fill, whole.name))

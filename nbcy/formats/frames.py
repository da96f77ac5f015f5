"""Frames of image files, one or many, of any format."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import ConfigError, FileError
from nbcy.base.files import blaming, is_header, read_bytes
from nbcy.formats.registry import FORMATS

if TYPE_CHECKING:
    from nbcy.base.panel import PlacedPanel
    from nbcy.formats.measurement import Measurement

_NUMBER: Final = re.compile("#+")


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
    """

    name: str
    shape: tuple[int, int]
    count: int
    read: Callable[[int], Frame]
    measurement: Measurement | None = None
    close: Callable[[], None] = lambda: None
    unplaced: str = ""

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

    return whole.with_name(_NUMBER.sub(fill, whole.name))


def open_recording(
    path: str | os.PathLike[str],
    shape: tuple[int, int] | None = None,
    panels: Sequence[PlacedPanel] | None = None,
) -> Recording:
    """Open images of any format, told by their content.

    Parameters
    ----------
    path : path-like
        NXmx, miniCBF, SMV, TIFF, EDF, NumPy or raw float32. ``frame_#####.cbf`` stands for all
        files of that name with a number, from the smallest number to the first gap.
    shape : tuple of int, optional
        (slow, fast) of raw pixels; without it a square is taken.
    panels : sequence of PlacedPanel, optional
        Whose raw pixels stand one after another, in place of ``shape``.

    Returns
    -------
    Recording

    Raises
    ------
    FileError
        Not an image, or a broken one.
    NbcyError
        The library for the format is not installed.
    """
    if is_template(path) and not os.path.exists(path):
        return _open_numbered(path, shape, panels)
    start = _start_of(path)
    if start.startswith(b"\x89HDF\r\n\x1a\n"):
        from nbcy.formats.nxmx import open_nxmx

        return open_nxmx(path)
    with blaming(path, "image"):
        frame, told = _read_one(path, start, shape, panels)
    if not frame.pixels.size:
        raise FileError(path, "has no pixels")
    slow, fast = frame.pixels.shape
    recording = Recording(os.fspath(path), (slow, fast), 1, lambda _: frame)
    if isinstance(told, str):
        return replace(recording, unplaced=told)
    return replace(recording, measurement=told)


def _start_of(path: str | os.PathLike[str]) -> bytes:
    """Return the first bytes of a file, expanded where gzip packed it."""
    try:
        with Path(path).open("rb") as file:
            start = file.read(1024)
    except OSError as error:
        raise FileError(path, f"cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # a NUL in the name
        raise FileError(path, f"is no file name: {error}") from None
    if start.startswith(b"\x1f\x8b"):
        start = read_bytes(path)[:1024]
    if not start:
        raise FileError(path, "is empty")
    return start


def _read_one(
    path: str | os.PathLike[str],
    start: bytes,
    shape: tuple[int, int] | None,
    panels: Sequence[PlacedPanel] | None,
) -> tuple[Frame, Measurement | str]:
    """Read a file of one frame, and its measurement or why it has none."""
    if start.startswith(b"\x93NUMPY"):
        from nbcy.formats.npy import read_npy

        return Frame(read_npy(path)), "NumPy files do not tell it"
    if start.startswith(b"###CBF"):
        from nbcy.formats.cbf import read_cbf

        return read_cbf(path)
    if start.startswith((b"II*\0", b"MM\0*")):
        from nbcy.formats.tiff import read_tiff

        return read_tiff(path)
    if start.startswith(b"{") and b"HEADER_BYTES" in start:
        from nbcy.formats.smv import read_smv_frame

        return read_smv_frame(path)
    if is_header(start):
        from nbcy.formats.edf import read_edf

        return read_edf(path)
    suffix = Path(path).suffix.lower()
    if suffix not in ("", ".bin", ".float", ".raw", ".gz"):
        of_image = "does not begin as a file of that suffix does"
        raise FileError(path, of_image if suffix in FORMATS else "is not an image")
    from nbcy.formats.raw import read_raw

    if shape is None and panels is not None:
        pixels = _read_panels(path, panels)
    else:
        pixels = read_raw(path, shape)
    return Frame(pixels), "raw files do not tell it"


def _read_panels(
    path: str | os.PathLike[str], panels: Sequence[PlacedPanel]
) -> NDArray[np.float32]:
    """Read raw pixels of one panel after another, and stack them."""
    from nbcy.formats.measurement import stack, stacked_shape
    from nbcy.formats.raw import read_raw

    sizes = [panel.pixels_slow * panel.pixels_fast for panel in panels]
    whole = stacked_shape(panels)
    if sum(sizes) == math.prod(whole):  # equally wide
        return read_raw(path, whole)
    parts = np.split(read_raw(path, (1, sum(sizes)))[0], np.cumsum(sizes)[:-1])
    shaped = [part.reshape(panel.shape) for part, panel in zip(parts, panels, strict=True)]
    return stack(shaped, panels, 0.0)


def _open_numbered(
    path: str | os.PathLike[str],
    shape: tuple[int, int] | None,
    panels: Sequence[PlacedPanel] | None,
) -> Recording:
    whole = Path(path)
    parts = _NUMBER.split(whole.name)
    if len(parts) != 2:
        raise FileError(path, "must have one ##### for the number of the frame")
    digits = f"[0-9]{{{len(whole.name) - sum(map(len, parts))}}}"
    pattern = re.compile(f"{re.escape(parts[0])}({digits}){re.escape(parts[1])}")
    try:
        found = [pattern.fullmatch(name) for name in os.listdir(whole.parent)]
    except OSError as error:
        raise FileError(path, f"cannot be read: {error.strerror or error}") from None
    numbers = {int(match[1]) for match in found if match}
    if not numbers:
        raise FileError(path, "cannot be read: there is no file with a number in place of ####")
    first = min(numbers)
    last = next(n for n in range(first, first + len(numbers) + 1) if n + 1 not in numbers)

    def read(n: int) -> Frame:
        with open_recording(numbered(path, first + n), shape, panels) as recording:
            return recording.frame(0)

    with open_recording(numbered(path, first), shape, panels) as recording:
        return replace(recording, name=os.fspath(path), count=last - first + 1, read=read)

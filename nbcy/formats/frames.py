"""Files of images of any format, told by their content."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import FileError
from nbcy.base.files import blaming
from nbcy.base.panel import PlacedPanel
from nbcy.formats.frame import NUMBER, Frame, Recording, is_template, numbered
from nbcy.formats.measurement import Measurement, stack, stacked_shape
from nbcy.formats.raw import read_raw
from nbcy.formats.registry import format_of_file

__all__ = ["Frame", "Recording", "is_template", "numbered", "open_recording"]


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
    format = format_of_file(path)
    if format.many:
        opened: Recording = format.read(path)
        return opened
    with blaming(path, "image"):
        frame: Frame
        told: Measurement | str
        if format.begins:
            frame, told = format.read(path)
        else:
            frame, told = Frame(_read_headerless(path, shape, panels)), "raw files do not tell it"
    if not frame.pixels.size:
        raise FileError(path, "has no pixels")
    slow, fast = frame.pixels.shape
    recording = Recording(os.fspath(path), (slow, fast), 1, lambda _: frame)
    if isinstance(told, str):
        return replace(recording, unplaced=told)
    return replace(recording, measurement=told)


def _read_headerless(
    path: str | os.PathLike[str],
    shape: tuple[int, int] | None,
    panels: Sequence[PlacedPanel] | None,
) -> NDArray[np.float32]:
    """Read raw pixels, of panels one after another where these are given without a shape."""
    if shape is not None or panels is None:
        return read_raw(path, shape)
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
    parts = NUMBER.split(whole.name)
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
    last_number = next(n for n in range(first, first + len(numbers) + 1) if n + 1 not in numbers)

    last: tuple[int, Recording] | None = None

    def opened(n: int) -> Recording:
        nonlocal last
        if last is None or last[0] != n:
            last = n, open_recording(numbered(path, first + n), shape, panels)
        return last[1]

    def read(n: int) -> Frame:
        return opened(n).frame(0)

    def told(n: int) -> Measurement | None:
        return opened(n).measurement

    recording = opened(0)
    return replace(
        recording, name=os.fspath(path), count=last_number - first + 1, read=read, told=told
    )

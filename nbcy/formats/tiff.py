"""TIFF of integers or floats, through fabio."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from nbcy.base.errors import FileError
from nbcy.base.extras import require
from nbcy.base.files import read_bytes
from nbcy.formats.counts import invalid_pixels
from nbcy.formats.fabio_reading import read_with_fabio
from nbcy.formats.frame import Frame
from nbcy.formats.measurement import Measurement

_KEY = "nbcy"


def write_tiff(path: Path, pixels: NDArray[Any], measurement: Measurement | None) -> None:
    """Write an image.

    Parameters
    ----------
    path : Path
        Written to in place.
    pixels : ndarray of float32 or int32, shape (slow, fast)
    measurement : Measurement, optional
        Of this frame, kept as JSON in the description.
    """
    header = {} if measurement is None else {_KEY: json.dumps(measurement.to_dict())}
    require("fabio.tifimage", "files").TifImage(data=pixels, header=header).write(str(path))


def _check_directories(path: str | os.PathLike[str]) -> None:
    """Refuse directories that lead to each other without an end, or out of the file."""
    data = read_bytes(path)
    order: Literal["little", "big"] = "little" if data.startswith(b"II") else "big"

    def number(at: int, size: int) -> int:
        if at + size > len(data):
            raise FileError(path, f"is cut short: a directory at byte {at} is not there")
        return int.from_bytes(data[at : at + size], order)

    at, seen = number(4, 4), set[int]()
    while at:
        if at in seen:
            raise FileError(path, f"is damaged: its directories come back to byte {at}")
        seen.add(at)
        at = number(at + 2 + 12 * number(at, 2), 4)


def read_tiff(path: str | os.PathLike[str]) -> tuple[Frame, Measurement | str]:
    """Read an image, and its measurement or why it has none.

    Raises
    ------
    FileError
        Not TIFF, damaged, or not of one number for a pixel.
    """
    _check_directories(path)
    header, pixels = read_with_fabio(path, "tifimage", "TIFF")
    frame = Frame(pixels, invalid_pixels(pixels))
    text = str(header.get("imageDescription", ""))
    _, ours, told = text.partition(f"{_KEY}=")
    return frame, Measurement.of_json(told) if ours else "only TIFF files of nbcy tell it"

"""TIFF of integers or floats, through fabio."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from nbcy.base.extras import require
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


def read_tiff(path: str | os.PathLike[str]) -> tuple[Frame, Measurement | str]:
    """Read an image, and its measurement or why it has none.

    Raises
    ------
    FileError
        Not TIFF, damaged, or not of one number for a pixel.
    """
    header, pixels = read_with_fabio(path, "tifimage", "TIFF")
    frame = Frame(pixels, invalid_pixels(pixels))
    text = str(header.get("imageDescription", ""))
    _, ours, told = text.partition(f"{_KEY}=")
    return frame, Measurement.of_json(told) if ours else "only TIFF files of nbcy tell it"

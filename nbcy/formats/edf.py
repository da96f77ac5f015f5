"""EDF, the format of the ESRF, through fabio."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from numpy.typing import NDArray

from nbcy.base.errors import FileError, elided
from nbcy.base.extras import require
from nbcy.base.files import read_bytes
from nbcy.formats.counts import invalid_pixels
from nbcy.formats.fabio_reading import read_with_fabio
from nbcy.formats.frame import Frame
from nbcy.formats.measurement import FlatGeometry, Measurement, flat_geometry, flat_measurement

_KEY = "nbcy"


def write_edf(path: Path, pixels: NDArray[Any], measurement: Measurement | None) -> None:
    """Write an image.

    Parameters
    ----------
    path : Path
        Written to in place.
    pixels : ndarray of float32 or int32, shape (slow, fast)
    measurement : Measurement, optional
        Of this frame: all of it as JSON, and the keys of the ESRF's SAXS programs, in metres.
    """
    # Floats are NaN where nothing was measured, which needs no name.
    header = {"Dummy": "-1", "DDummy": "0.1"} if pixels.dtype.kind == "i" else {}
    if measurement is not None:
        flat, problems = flat_geometry(measurement)
        pixel = measurement.panels[0].pixel_size
        if not problems or problems == ["the spindle is not along the fast axis"]:
            header |= {
                "PSize_1": f"{pixel:.12g}",
                "PSize_2": f"{pixel:.12g}",
                "Center_1": f"{flat.beam_px[0]:.12g}",
                "Center_2": f"{flat.beam_px[1]:.12g}",
                "SampleDistance": f"{flat.distance:.12g}",
            }
        header["WaveLength"] = f"{measurement.wavelength:.12g}"
        # Braces and semicolons are EDF's own.
        header[_KEY] = quote(json.dumps(measurement.to_dict()), safe=' !"#$&()*+,/:<=>?@[]^`|~')
    require("fabio.edfimage", "files").EdfImage(data=pixels, header=header).write(str(path))


def read_edf(path: str | os.PathLike[str]) -> tuple[Frame, Measurement | str]:
    """Read an image, and its measurement or why it has none.

    Raises
    ------
    FileError
        Not EDF, or damaged.
    """
    high = re.search(rb"(?i)\bdim_0*([1-9]\d+)\s*=", read_bytes(path))
    if high:  # fabio counts up to it
        rank = elided(high[1].decode())
        raise FileError(path, f"has Dim_{rank}: an image of two dimensions is expected")
    header, pixels = read_with_fabio(path, "edfimage", "EDF")
    slow, fast = pixels.shape
    return Frame(pixels, invalid_pixels(pixels)), _measurement(header, (slow, fast))


def _measurement(header: Mapping[str, str], shape: tuple[int, int]) -> Measurement | str:
    if _KEY in header:
        return Measurement.of_json(unquote(header[_KEY]))
    keys = ("PSize_1", "SampleDistance", "Center_1", "Center_2", "WaveLength")
    lacking = [key for key in keys if key not in header]
    if lacking:
        return f"its header lacks {', '.join(lacking)}"
    try:
        pixel, distance, fast, slow, wavelength = (float(header[key].split()[0]) for key in keys)
        flat = FlatGeometry(distance, (fast, slow))
        return flat_measurement(flat, pixel, shape, wavelength=wavelength)
    except (ValueError, IndexError) as error:
        return str(error)

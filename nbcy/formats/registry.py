"""File name suffixes, and what the formats behind them can hold."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from nbcy.base.errors import ConfigError
from nbcy.formats.counts import FLOAT, KINDS, check_kind

FORMATS: Final = {
    ".bin": "raw",
    ".float": "raw",
    ".raw": "raw",
    ".img": "smv",
    ".smv": "smv",
    ".pgm": "pgm",
    ".png": "png",
    ".npy": "npy",
    ".nxs": "nxmx",
    ".h5": "nxmx",
    ".cbf": "cbf",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".edf": "edf",
}
"""File name suffixes and the formats they select."""

OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "raw": (),
    "smv": ("scale", "adc"),
    "pgm": ("scale",),
    "png": ("max_size",),
    "npy": (),
    "nxmx": ("dtype", "compression"),
    "cbf": (),
    "tiff": ("dtype",),
    "edf": ("dtype",),
}
"""What can be asked for when a format is written."""

PICTURES: Final = ("pgm", "png")
"""Formats to look at, whose pixels are no photons."""

# For counts, for expected photons; the first where nothing is asked for.
_DTYPES: Final = {
    "nxmx": (("uint32", "uint16", "int32", FLOAT), (FLOAT, *KINDS)),
    "tiff": (("int32", FLOAT), (FLOAT, "int32")),
    "edf": (("int32", FLOAT), (FLOAT, "int32")),
    "cbf": (("int32",), ("int32",)),
    "smv": (("uint16",), ("uint16",)),
}


def output_format(path: str | os.PathLike[str], format: str | None = None) -> str:
    """Return the format in which an image would be saved.

    Parameters
    ----------
    path : path-like
        File name.
    format : str, optional
        One of the formats, in place of the suffix.

    Raises
    ------
    ConfigError
        An unknown format or suffix.
    """
    if format is not None:
        if format not in OPTIONS:
            raise ConfigError("format", format, f"must be one of {', '.join(OPTIONS)}")
        return format
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ConfigError("path", os.fspath(path), f"must end in one of {', '.join(FORMATS)}")
    return FORMATS[suffix]


def check_options(format: str, **options: object) -> None:
    """Refuse what is asked for, not None, and has no meaning for a format.

    Raises
    ------
    ConfigError
    """
    for name, value in options.items():
        if value is not None and name not in OPTIONS[format]:
            raise ConfigError(name, value, f"has no meaning for the format {format}")


def pixel_kind(format: str, counts: bool, asked: str | None = None) -> str:
    """Return what the pixels of a file become, as NumPy calls it.

    Parameters
    ----------
    format : str
    counts : bool
        Whether they are counts, not expected photons.
    asked : str, optional
        What the user wants.

    Raises
    ------
    ConfigError
        The format cannot hold what the user wants.
    """
    allowed = _DTYPES.get(format, ((FLOAT,), (FLOAT,)))[0 if counts else 1]
    return allowed[0] if asked is None else check_kind(asked, allowed)

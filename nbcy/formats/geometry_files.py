"""Files of geometry, in and out: the door of `nbcy.formats.geometry.Geometry`."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import Final

from nbcy.base.atomic import atomic_write
from nbcy.base.errors import FileError, NbcyWarning
from nbcy.base.files import blaming, read_bytes
from nbcy.formats.frames import open_recording
from nbcy.formats.geometry import Geometry
from nbcy.formats.registry import GEOMETRY_REGISTRY, REGISTRY, GeometryFormat

PathLike = str | os.PathLike[str]

KINDS: Final = (
    *(each.name for each in GEOMETRY_REGISTRY),
    *("NeXus NXmx", "miniCBF", "SMV", "TIFF", "EDF"),
)
"""What can be read."""


def read_geometry(path: PathLike, experiment: int | None = None) -> Geometry:
    """Read a geometry file (`Geometry.read`).

    Parameters
    ----------
    path : path-like
    experiment : int, optional
        Which of several experiments, from 0.

    Raises
    ------
    FileError
    """
    data = read_bytes(path)
    with blaming(path, "geometry file"):
        geometry = _read(path, data, experiment)
        geometry.check()
    for note in geometry.notes:
        warnings.warn(f"{os.fspath(path)}: {note}", NbcyWarning, stacklevel=3)
    return geometry


def _read(path: PathLike, data: bytes, experiment: int | None) -> Geometry:
    """Tell what a file is, by its content and then by its name."""
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    image = next((each for each in REGISTRY if each.is_start_of(data[:1024])), None)
    if image is not None:
        if experiment is not None:
            raise FileError(path, "is an image, which has no numbered experiments")
        told = image.read_geometry(path)
        return told if isinstance(told, Geometry) else _of_image(path)
    name = Path(path).name.upper()
    text = b"" if b"\0" in data else data
    kinds = [each for each in GEOMETRY_REGISTRY if re.match(each.begins.encode(), start)]
    kinds += [each for each in GEOMETRY_REGISTRY if re.fullmatch(each.named, name)]
    kinds += [
        each for each in GEOMETRY_REGISTRY if each.holds and re.search(each.holds.encode(), text)
    ]
    kinds += [each for each in GEOMETRY_REGISTRY if each.usual and re.search(each.usual, name)]
    if not kinds:
        raise FileError(path, f"is no geometry file: expected one of {', '.join(KINDS)}")
    found: Geometry = kinds[0].read(path, experiment)
    return found


def _of_image(path: PathLike) -> Geometry:
    with open_recording(path) as recording:
        if recording.measurement is None:
            reason = f": {recording.unplaced}" if recording.unplaced else ""
            raise FileError(path, f"does not say where its pixels are{reason}")
        return Geometry.of_measurement(recording.measurement, len(recording))


def writes(path: PathLike) -> bool:
    """Whether a name is that of a geometry file which `Geometry.save` writes."""
    return _written(path) is not None


def _written(path: PathLike) -> GeometryFormat | None:
    name = Path(path).name.upper()
    return next((each for each in GEOMETRY_REGISTRY if re.fullmatch(each.named, name)), None)


def geometry_text(geometry: Geometry, path: PathLike) -> str:
    """Return what a file of this name would hold.

    Raises
    ------
    FileError
        Another name, or something that the format cannot hold.
    """
    format = _written(path)
    if format is None:
        raise FileError(path, "must end in .expt or .geom, or be named XDS.INP or XPARM.XDS")
    return format.text(geometry, path)


def save_geometry(geometry: Geometry, path: PathLike) -> None:
    """Write a geometry file (`Geometry.save`), whole or not at all.

    Raises
    ------
    FileError
    """
    text = geometry_text(geometry, path)
    with atomic_write(path) as file:
        file.write(text.encode())

"""Reading NeXus/HDF5: NXmx and what is near to it."""

from __future__ import annotations

import contextlib
import io
import math
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import FileError, NbcyWarning
from nbcy.base.extras import require
from nbcy.base.files import blaming, is_packed, read_bytes
from nbcy.base.panel import MAX_PIXELS
from nbcy.formats.counts import invalid_pixels
from nbcy.formats.frame import Frame, Recording
from nbcy.formats.geometry import Geometry
from nbcy.formats.measurement import Measurement, stacked_shape
from nbcy.formats.nxmx_fields import classes, first, groups, member, text
from nbcy.formats.nxmx_geometry import Module, Told, read_told

PathLike = str | os.PathLike[str]

_MASKED: Final = 0xFFFF
"""Bits of a pixel mask that mean a pixel without a measurement; the others are remarks."""


@contextmanager
def _opened(path: PathLike) -> Iterator[Any]:
    """Open a file, which stays open unless something fails."""
    h5py = require("h5py", "files")
    require("hdf5plugin", "files")
    with blaming(path, "HDF5 file"):
        source: Any = path
        if is_packed(path):
            source = io.BytesIO(read_bytes(path))
        file = h5py.File(source, "r")
    try:
        with blaming(path, "HDF5 file"):
            yield file
    except BaseException:
        file.close()
        raise


def open_nxmx(path: PathLike) -> Recording:
    """Open an NXmx file, a master with its files or one that holds all.

    Raises
    ------
    FileError
        Not HDF5, cut short, without images, or a file behind a master is missing.
    NbcyError
        h5py or hdf5plugin is missing.

    Warns
    -----
    NbcyWarning
        Where the file leaves something open and something was supposed.
    """
    with _opened(path) as file:
        recording, notes = _recording(file, path)
    for note in notes:
        warnings.warn(f"{os.fspath(path)}: {note}", NbcyWarning, stacklevel=3)
    return recording


def read_nxmx_geometry(path: PathLike) -> Geometry:
    """Read the geometry of a file, whose frames may be missing.

    Raises
    ------
    FileError
        It does not tell its geometry.
    """
    with _opened(path) as file, file:
        entry = _entry(file, path)
        try:
            shape: tuple[int, ...] | None = _pictures(entry, path)[0].shape
        except FileError:
            shape = None
        told, unplaced = _told(entry, shape)
        if told is None:
            raise FileError(path, f"does not say where its pixels are: {unplaced}")
        measurement = told.measurement
        mask = _mask_of(entry, told.modules)
        if mask is not None and mask.any() and mask.shape == measurement.shape:
            measurement = replace(measurement, invalid=mask)
        geometry = Geometry.of_measurement(measurement, told.frames)
        return replace(geometry, notes=(*geometry.notes, *told.notes))


def _entry(file: Any, path: PathLike) -> Any:
    entries = classes(file, "NXentry") or [
        item for item in (member(file, "entry"),) if item is not None
    ]
    if not entries:
        raise FileError(path, "is not a NeXus file: it has no NXentry")
    return entries[0]


def _reason(error: Exception) -> str:
    """Return in one line what is wrong with the geometry."""
    words = " ".join(str(error.args[0] if error.args else error).split())
    return words[:200] or type(error).__name__


def _recording(file: Any, path: PathLike) -> tuple[Recording, tuple[str, ...]]:
    entry = _entry(file, path)
    pictures = _pictures(entry, path)
    told, unplaced = _told(entry, pictures[0].shape)
    modules = told.modules if told is not None else ()
    picks = _picks(modules, pictures[0].shape)
    ends = np.cumsum([len(each) for each in pictures])
    mask = _mask_of(entry, modules)

    def read(n: int) -> Frame:
        part = int(np.searchsorted(ends, n, side="right"))
        with blaming(path, "HDF5 file"):
            picture = pictures[part].read(n - int(ends[part]) + len(pictures[part]))
        pixels = _arranged(picture, modules, picks)
        usable = mask if mask is not None and mask.shape == pixels.shape else None
        return Frame(pixels, invalid_pixels(pixels, usable))

    if told is None:
        flat = _flat_shape(pictures[0].shape)
        recording = Recording(
            os.fspath(path), flat, int(ends[-1]), read, close=file.close, unplaced=unplaced
        )
        return recording, ()
    measurement = told.measurement
    if mask is not None and mask.any() and mask.shape == measurement.shape:
        measurement = replace(measurement, invalid=mask)

    def at(n: int) -> Measurement:
        return told.at(n, measurement)

    recording = Recording(
        os.fspath(path), measurement.shape, int(ends[-1]), read, measurement, file.close, told=at
    )
    return recording, told.notes


def _told(entry: Any, shape: tuple[int, ...] | None) -> tuple[Told | None, str]:
    """Read what a file says besides its pixels, or return why that cannot be done.

    A fault in it does not hide the picture.
    """
    try:
        told = read_told(entry, shape)
    except Exception as error:  # whatever a damaged file makes of numbers, links and types
        return None, _reason(error)
    if shape is not None and _picks(told.modules, shape) is None:
        slow, fast = stacked_shape([module.panel for module in told.modules])
        return None, f"its geometry is that of {slow} x {fast} pixels"
    return told, ""


# Pictures ----------------------------------------------------------------------------------------


class _Pictures:
    """A dataset of one or more pictures."""

    def __init__(self, data: Any, path: PathLike) -> None:
        self._data = data
        self._single = data.ndim == 2
        self.shape: tuple[int, ...] = data.shape if self._single else data.shape[1:]
        if math.prod(self.shape) > MAX_PIXELS:
            raise FileError(path, f"has frames of {' x '.join(map(str, self.shape))} pixels")
        self._missing = list(_missing_sources(data, path))
        # HDF5 would show zeros.
        stored = data.is_virtual or data.external or data.id.get_storage_size() > 0
        self._unwritten = not stored
        self._path = path

    def __len__(self) -> int:
        return 1 if self._single else len(self._data)

    def read(self, n: int) -> NDArray[Any]:
        if self._missing:
            raise FileError(self._path, f"links to {self._missing[0]}, which cannot be read")
        if self._unwritten:
            raise FileError(self._path, f"has no pixels in {self._data.name}: none were written")
        pixels: NDArray[Any] = self._data[()] if self._single else self._data[n]
        return pixels


def _missing_sources(data: Any, path: PathLike) -> Iterator[str]:
    """Yield the files of a virtual dataset that cannot be read."""
    for source in data.virtual_sources() if data.is_virtual else ():
        name = source.file_name
        if name == ".":
            if member(data.file, source.dset_name) is None:
                yield _target(data.file, source.dset_name)
        elif not (os.path.exists(Path(path).parent / name) or os.path.exists(name)):
            yield name


def _target(group: Any, name: str) -> str:
    """Return the file that a link leads to."""
    with contextlib.suppress(KeyError):
        return str(getattr(group.get(name, getlink=True), "filename", name))
    return name


def _pictures(entry: Any, path: PathLike) -> list[_Pictures]:
    """Return the datasets of frames, in their order.

    Raises
    ------
    FileError
        There is none, or the first file behind a master is missing.
    """
    wanted = classes(entry, "NXdata")
    default = member(entry, text(entry.attrs.get("default", "")) or "data")
    named = [group for group in (default, member(entry, "data")) if group is not None]
    places = [group for group in [*named, *wanted] if hasattr(group, "keys")]
    detectors = [d for i in groups(entry) for d in classes(i, "NXdetector")]
    lost: list[str] = []
    for group in [*places, *detectors]:
        found = _in_group(group, path, lost)
        if found:
            return found
    if lost:
        raise FileError(path, f"links to {lost[0]}, which cannot be read")
    if not places:
        raise FileError(path, "holds no images: there is no NXdata")
    raise FileError(path, "holds no images: a dataset [frame, slow, fast] is expected")


def _in_group(group: Any, path: PathLike, lost: list[str]) -> list[_Pictures]:
    names = sorted(
        (name for name in group if re.fullmatch(r"data_\d+", name)),
        key=lambda name: int(name.partition("_")[2]),
    )
    signal = text(group.attrs.get("signal", ""))
    if signal in group and signal not in names:
        names = [signal]
    elif "data" in group:
        names = ["data"]
    elif not names:
        names = [name for name in group if _is_picture(member(group, name))][:1]
    found: list[_Pictures] = []
    gone: list[str] = []
    for name in names:
        data = member(group, name)
        if data is None:
            gone.append(_target(group, name))
        elif _is_picture(data):
            if gone and found:
                raise FileError(path, f"links to {gone[0]}, which cannot be read")
            found.append(_Pictures(data, path))
        elif getattr(data, "ndim", 0) > 1:
            raise FileError(path, f"holds {data.dtype} pixels; numbers are expected")
    if any(each.shape != found[0].shape for each in found):
        raise FileError(path, "has frames of different shapes")
    if found and gone:
        text_ = f"{gone[0]} and what follows it cannot be read: the frames before it are used"
        warnings.warn(f"{os.fspath(path)}: {text_}", NbcyWarning, stacklevel=5)
    lost += gone
    return found


def _is_picture(data: Any) -> bool:
    return (
        hasattr(data, "dtype")
        and data.ndim in (2, 3, 4)
        and data.size > 0
        and data.dtype.kind in "iuf"
    )


def _flat_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    return math.prod(shape[:-1]), shape[-1]


Pick = tuple[int | slice, ...]


def _picks(modules: tuple[Module, ...], shape: tuple[int, ...]) -> list[Pick] | None:
    """Return where the panels are in a picture; None where they are not on it."""
    picks: list[Pick] = []
    same = len({module.origin for module in modules}) == 1
    for n, module in enumerate(modules):
        slow, fast = module.origin[-2:]
        rows, columns = module.panel.shape
        if slow + rows > shape[-2] or fast + columns > shape[-1] or min(slow, fast) < 0:
            return None
        within: Pick = (slice(slow, slow + rows), slice(fast, fast + columns))
        if len(shape) > 2:
            # Panels of dxtbx all start at 0: they are told by their order.
            index = module.origin[0] if len(module.origin) > 2 and not same else n
            if not 0 <= index < shape[0]:
                return None
            within = (index, *within)
        picks.append(within)
    whole = sum(math.prod(module.panel.shape) for module in modules) == math.prod(shape)
    if len(modules) == 1 and not whole:
        return None  # a part of the picture would be lost
    return picks


def _arranged(
    picture: NDArray[Any], modules: tuple[Module, ...], picks: list[Pick] | None
) -> NDArray[Any]:
    """Stack the panels of a picture along the slow axis."""
    if not modules or picks is None:
        return picture.reshape(-1, picture.shape[-1])
    if len(modules) == 1:
        return picture[picks[0]]
    panels = [module.panel for module in modules]
    whole = np.zeros(stacked_shape(panels), dtype=picture.dtype)
    row = 0
    for panel, pick in zip(panels, picks, strict=True):
        whole[row : row + panel.pixels_slow, : panel.pixels_fast] = picture[pick]
        row += panel.pixels_slow
    return whole


def _mask_of(entry: Any, modules: tuple[Module, ...]) -> NDArray[np.bool_] | None:
    """Return which pixels a detector's mask says were not measured."""
    detectors = [d for i in groups(entry) for d in classes(i, "NXdetector")]
    item = next((m for m in (first(d, "pixel_mask") for d in detectors) if m is not None), None)
    if item is None or item.ndim not in (2, 3) or item.dtype.kind not in "iub":
        return None
    if math.prod(item.shape) > MAX_PIXELS:
        return None
    mask = item[()]
    if mask.ndim == 3 and len(mask) == 1:
        mask = mask[0]
    flags: NDArray[np.bool_] = mask if mask.dtype == bool else (mask & _MASKED) != 0
    return _arranged(flags, modules, _picks(modules, flags.shape))

"""Frames into files of any format, whole or not at all."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from nbcy.base.atomic import atomic_path, check_destination
from nbcy.base.errors import ConfigError, FileError, NbcyWarning
from nbcy.base.panel import PlacedPanel
from nbcy.formats.counts import Integers, smv_counts
from nbcy.formats.frame import Frame, is_template, numbered
from nbcy.formats.measurement import Measurement, flat_geometry
from nbcy.formats.registry import (
    REGISTRY,
    check_options,
    format_named,
    output_format,
    pixel_kind,
)


class Write(Protocol):
    """Takes the next frame, and what is known of it where it is not the next of a rotation."""

    def __call__(self, frame: Frame, measurement: Measurement | None = None, /) -> None:
        """Write it."""


@contextmanager
def frame_writer(
    path: str | os.PathLike[str],
    measurement: Measurement | None,
    count: int,
    *,
    counts: bool,
    format: str | None = None,
    dtype: str | None = None,
    compression: str | None = None,
    scale: float | None = None,
    adc: int | None = None,
) -> Iterator[Write]:
    """Open a file, or a numbered set of files, for frames that come one by one.

    Nothing appears before the last frame is written; whatever fails before leaves nothing.

    Parameters
    ----------
    path : path-like
        The suffix tells the format; ``frame_#####.cbf`` makes a file of each frame, from 1.
    measurement : Measurement or None
        Of the first frame. NXmx and miniCBF need it, and so does SMV.
    count : int
        Number of frames.
    counts : bool
        Whether pixels are counts, not expected photons.
    format, dtype, compression, scale, adc
        As for `Image.save`.

    Yields
    ------
    callable
        Takes the next frame.

    Raises
    ------
    ConfigError
        A name or an option that does not fit; a format for which the geometry is not known.
    FileError
        It cannot be written.

    Warns
    -----
    NbcyWarning
        Geometry that a miniCBF or SMV header cannot hold; pixels that integers cannot hold.
    """
    chosen = format_named(check_target(path, count, format))
    check_options(chosen.name, dtype=dtype, compression=compression, scale=scale, adc=adc)
    kind = pixel_kind(chosen.name, counts, dtype)
    if measurement is None and chosen.needs_geometry:
        expected = "needs the geometry, which the input does not tell: --geometry FILE"
        raise ConfigError("path", os.fspath(path), expected)
    if measurement is not None:
        check_panels(chosen.name, measurement.panels)
    if measurement is not None and chosen.flat:
        _, problems = flat_geometry(measurement)
        for problem in problems:
            text = f"the header of {os.fspath(path)} cannot hold all of the geometry: {problem}"
            warnings.warn(text, NbcyWarning, stacklevel=4)
    if chosen.many:
        with chosen.write(path, measurement, kind, compression or "lz4") as writer:
            yield writer.append
        return
    written = 0
    stored = chosen.kinds.get(kind) if adc is None else smv_counts(adc)
    integers = None if stored is None else Integers(stored)
    offset = () if adc is None else (adc,)
    with ExitStack() as files:

        def write(frame: Frame, told: Measurement | None = None, /) -> None:
            nonlocal written
            target = numbered(path, written + 1) if is_template(path) else Path(path)
            here = told or (None if measurement is None else measurement.at(written))
            written += 1
            place = files.enter_context(atomic_path(target))
            if integers is not None:
                pixels = frame.pixels if scale is None else frame.photons() * scale
                chosen.write(place, integers.of(pixels, frame.invalid), here, *offset)
            else:  # NaN where nothing was measured
                chosen.write(place, frame.photons().astype(np.float32), here)

        yield write
        if not written:
            raise FileError(path, "cannot be written: there is no frame")
        if integers is not None:
            integers.report()


def check_target(
    path: str | os.PathLike[str], count: int, format: str | None = None, *, pictures: bool = False
) -> str:
    """Make sure that a name can take a number of frames, and return its format.

    Parameters
    ----------
    path, count, format
        As for `frame_writer`.
    pictures : bool
        Whether a single frame may also be a picture.

    Raises
    ------
    ConfigError, FileError
        It cannot.
    """
    record = format_named(output_format(path, format))
    if record.picture and not (pictures and count == 1 and not is_template(path)):
        raise ConfigError("path", os.fspath(path), "is a picture; nbcy view makes pictures")
    one_file = record.many or count == 1
    if is_template(path) and record.many:
        raise ConfigError("path", os.fspath(path), "must have no #: the file holds all frames")
    if not one_file and not is_template(path):
        example = f"{Path(path).stem}_#####{Path(path).suffix}"
        expected = f"takes one frame, not {count}; give {example}, or a file ending in .nxs"
        raise ConfigError("path", os.fspath(path), expected)
    if is_template(path) and len(numbered(path, count).name) > len(Path(path).name):
        raise ConfigError("path", os.fspath(path), f"has too few # for {count} frames")
    check_destination(numbered(path, 1))
    return record.name


def check_panels(format: str, panels: Sequence[PlacedPanel]) -> None:
    """Refuse a format that does not hold panels.

    Raises
    ------
    ConfigError
    """
    several = len({panel.shape for panel in panels}) > 1
    held: dict[str, bool] = {
        "any": True,
        "alike": not several,
        "one": len(panels) == 1,
    }
    record = format_named(format)
    if held[record.panels]:
        return
    use = ", ".join(each.suffixes[0] for each in REGISTRY if held[each.panels])
    what = {"alike": "panels of one shape", "one": f"one panel, the detector has {len(panels)}"}
    raise ConfigError("format", format, f"holds {what[record.panels]}; use {use}")

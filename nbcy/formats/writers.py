"""Frames into files of any format, whole or not at all."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.atomic import atomic_path, check_destination
from nbcy.base.errors import ConfigError, FileError, NbcyWarning
from nbcy.base.panel import PlacedPanel
from nbcy.formats.counts import FLOAT, KINDS, IntegerKind, Integers
from nbcy.formats.frames import Frame, is_template, numbered
from nbcy.formats.measurement import Measurement, flat_geometry, unstack
from nbcy.formats.registry import PICTURES, check_options, output_format, pixel_kind
from nbcy.formats.smv import SATURATED

ADC_OFFSET: Final = 40.0
"""What SMV pixels hold for no photon, unless something else is asked for."""

_SMV: Final = IntegerKind("int32", -int(ADC_OFFSET), SATURATED - int(ADC_OFFSET))
"""SMV's uint16 before the offset is added."""

Write = Callable[[Frame], None]


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
    format, dtype, compression
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
    chosen = check_target(path, count, format)
    check_options(chosen, dtype=dtype, compression=compression)
    kind = pixel_kind(chosen, counts, dtype)
    if measurement is None and chosen in ("nxmx", "cbf", "smv"):
        expected = "needs the geometry, which the input does not tell: --geometry FILE"
        raise ConfigError("path", os.fspath(path), expected)
    if measurement is not None:
        check_panels(chosen, measurement.panels)
    if measurement is not None and chosen in ("cbf", "smv"):
        _, problems = flat_geometry(measurement)
        for problem in problems:
            text = f"the header of {os.fspath(path)} cannot hold all of the geometry: {problem}"
            warnings.warn(text, NbcyWarning, stacklevel=4)
    if chosen == "nxmx":
        from nbcy.formats.nxmx import nxmx_writer

        assert measurement is not None
        with nxmx_writer(path, measurement, kind, compression or "lz4") as writer:
            yield writer.append
        return
    written = 0
    integers = None if kind == FLOAT else Integers(_SMV if chosen == "smv" else KINDS[kind])
    with ExitStack() as files:

        def write(frame: Frame) -> None:
            nonlocal written
            target = numbered(path, written + 1) if is_template(path) else Path(path)
            here = None if measurement is None else measurement.at(written)
            written += 1
            place = files.enter_context(atomic_path(target))
            _write_one(place, chosen, integers, frame, here)

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
    chosen = output_format(path, format)
    if chosen in PICTURES and not (pictures and count == 1 and not is_template(path)):
        raise ConfigError("path", os.fspath(path), "is a picture; nbcy view makes pictures")
    one_file = chosen == "nxmx" or count == 1
    if is_template(path) and chosen == "nxmx":
        raise ConfigError("path", os.fspath(path), "must have no #: the file holds all frames")
    if not one_file and not is_template(path):
        example = f"{Path(path).stem}_#####{Path(path).suffix}"
        expected = f"takes one frame, not {count}; give {example}, or a file ending in .nxs"
        raise ConfigError("path", os.fspath(path), expected)
    if is_template(path) and len(numbered(path, count).name) > len(Path(path).name):
        raise ConfigError("path", os.fspath(path), f"has too few # for {count} frames")
    check_destination(numbered(path, 1))
    return chosen


def check_panels(format: str, panels: Sequence[PlacedPanel]) -> None:
    """Refuse a format that does not hold panels.

    Raises
    ------
    ConfigError
    """
    several = len({panel.shape for panel in panels}) > 1
    use = ".nxs, .png, .raw" if several else ".nxs, .png, .raw, .npy"
    if len(panels) > 1 and format in ("smv", "pgm", "cbf"):
        expected = f"holds one panel, the detector has {len(panels)}; use {use}"
        raise ConfigError("format", format, expected)
    if several and format == "npy":
        raise ConfigError("format", format, f"holds panels of one shape; use {use}")


def _write_one(
    path: Path,
    format: str,
    integers: Integers | None,
    frame: Frame,
    measurement: Measurement | None,
) -> None:
    """Write a file of one frame where it is."""
    pixels: NDArray[Any] = frame.pixels
    if integers is not None:
        pixels = integers.of(pixels, frame.invalid)
    else:
        pixels = frame.photons().astype(np.float32)  # NaN where nothing was measured
    if format == "smv":
        from nbcy.formats.smv import smv_header_of, write_smv

        assert measurement is not None
        stored = (pixels + int(ADC_OFFSET)).astype(np.uint16)
        write_smv(path, stored, smv_header_of(measurement, ADC_OFFSET))
    elif format == "cbf":
        from nbcy.formats.cbf import write_cbf

        assert measurement is not None
        write_cbf(path, pixels, measurement)
    elif format == "tiff":
        from nbcy.formats.tiff import write_tiff

        write_tiff(path, pixels, measurement)
    elif format == "edf":
        from nbcy.formats.edf import write_edf

        write_edf(path, pixels, measurement)
    else:
        from nbcy.formats.npy import write_npy
        from nbcy.formats.raw import write_raw

        pixels[np.isnan(pixels)] = 0.0
        panels = [pixels] if measurement is None else unstack(pixels, measurement.panels)
        if format == "raw":
            write_raw(path, np.concatenate([panel.reshape(-1) for panel in panels]))
        else:
            write_npy(path, np.array(panels) if len(panels) > 1 else pixels)

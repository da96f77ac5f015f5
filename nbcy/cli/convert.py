"""``nbcy convert``: images from one format to another."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from nbcy.base.errors import ConfigError, UsageError
from nbcy.cli.messages import note
from nbcy.cli.subcommands import IMAGES

if TYPE_CHECKING:
    from nbcy.formats.frames import Recording
    from nbcy.formats.measurement import Measurement


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "convert",
        description="Read images of any format, told by their content, and write them in the "
        "format of OUT's suffix.\nframe_#####.cbf stands for files numbered from 1.",
        epilog="examples: nbcy convert series.nxs frame_#####.cbf\n"
        "          nbcy convert frame_#####.cbf series_master.h5 --compression zstd\n"
        "          nbcy convert image.npy image.cbf --geometry experiment.toml",
    )
    parser.add_argument("input", metavar="IN", help=IMAGES)
    parser.add_argument("output", metavar="OUT", help=IMAGES)
    parser.add_argument("--frame", type=int, metavar="N", help="this frame alone, from 1")
    parser.add_argument("--dtype", choices=("uint16", "uint32", "int32", "float32"))
    parser.add_argument("--compression", choices=("lz4", "zstd", "none"), help="of .nxs .h5")
    parser.add_argument(
        "--geometry",
        metavar="FILE",
        help="a configuration or geometry file (as for nbcy simulate), in place of what IN tells",
    )
    parser.add_argument(
        "--shape", type=int, nargs=2, metavar=("SLOW", "FAST"), help="of raw images"
    )


def run(args: argparse.Namespace) -> int:
    """Convert."""
    import numpy as np

    from nbcy.formats.writers import check_target, frame_writer

    if _clash(args.input, args.output):
        raise UsageError(f"{args.output} cannot be written: it is the input as well")
    with open_input(args.input, args) as (recording, measurement):
        if args.frame is not None and not 1 <= args.frame <= recording.count:
            raise UsageError(f"--frame {args.frame}: {args.input} holds 1 to {recording.count}")
        numbers = range(recording.count) if args.frame is None else [args.frame - 1]
        count = len(numbers)
        try:
            check_target(args.output, count)
        except ConfigError as error:
            raise UsageError(f"{args.output}: {error.expected}") from error
        first = recording.frame(numbers[0])
        counts = first.pixels.dtype.kind != "f"
        if measurement is not None:
            told = None if args.geometry is not None else recording.measurement_at(numbers[0])
            measurement = told or measurement.at(numbers[0])
            if count == 1:  # what one frame of a series lacks, the others may have
                invalid = np.isnan(first.photons())
                if measurement.invalid is not None:
                    invalid |= measurement.invalid
                measurement = replace(measurement, invalid=invalid if invalid.any() else None)
        else:
            note_unplaced(args.input, recording)
        with frame_writer(
            args.output,
            measurement,
            count,
            counts=counts,
            dtype=args.dtype,
            compression=args.compression,
        ) as write:
            for n in numbers:
                told = None if args.geometry is not None else recording.measurement_at(n)
                write(recording.frame(n), told if count > 1 else None)
    print(f"{count} frame{'s' if count > 1 else ''}: {args.output}")
    return 0


def _clash(a: str, b: str) -> bool:
    """Whether two names, or the files that they stand for, are the same."""
    x, y = (re.sub("#+", "#", os.path.realpath(name)) for name in (a, b))
    return x == y


@contextmanager
def open_input(
    path: str, args: argparse.Namespace
) -> Iterator[tuple[Recording, Measurement | None]]:
    """Open the images that a subcommand reads, as ``--shape`` and ``--geometry`` say.

    Yields
    ------
    recording : Recording
    measurement : Measurement or None
        Of ``--geometry``, else what the images tell.

    Raises
    ------
    ConfigError, FileError, UsageError
        They cannot be used, or have other pixels than the geometry.
    """
    from nbcy.formats.frames import open_recording

    given = None if args.geometry is None else read_measurement(args.geometry)
    shape = tuple(args.shape) if args.shape else None
    with open_recording(path, shape, None if given is None else given.panels) as recording:
        if given is not None:
            check_shape(args.geometry, given, recording)
        yield recording, given or recording.measurement


def note_unplaced(path: str, recording: Recording) -> None:
    """Say why nobody knows where the pixels of images are."""
    note(f"{path} does not tell its geometry: {recording.unplaced}")


def check_shape(path: str, measurement: Measurement, recording: Recording) -> None:
    """Refuse a geometry file of another shape than the images.

    Raises
    ------
    UsageError
    """
    if measurement.shape != recording.shape:
        sizes = [" x ".join(map(str, each.shape)) for each in (measurement, recording)]
        raise UsageError(f"{path} has {sizes[0]} pixels, the image {sizes[1]} (slow x fast)")


def read_measurement(path: str) -> Measurement:
    """Read the geometry of frames from a configuration or any geometry file.

    Raises
    ------
    ConfigError, FileError
        It cannot be used.
    """
    from nbcy.config import Config, Crystal
    from nbcy.formats.geometry import Geometry
    from nbcy.render.building import build_scene
    from nbcy.scene.measuring import measurement_of_scene

    named_config = path.lower().endswith((".toml", ".json"))
    config = Config.load(path) if named_config else Geometry.read(path).config
    if config.crystal == Crystal():
        config = config.with_overrides({"crystal.cell_angstrom_deg": (100.0,)})
        return replace(measurement_of_scene(build_scene(config)), cell=None)
    return measurement_of_scene(build_scene(config))

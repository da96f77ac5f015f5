"""Rotation series: frame after frame, into files that hold them all or one each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from nbcy.base.atomic import atomic_path
from nbcy.base.constants import RTD
from nbcy.base.errors import ConfigError
from nbcy.crystal.structure_factors import StructureFactors
from nbcy.formats.frame import Frame
from nbcy.formats.registry import OPTIONS, PICTURES
from nbcy.formats.writers import Write, check_target, frame_writer
from nbcy.image.measuring import measurement_of, stacked_pixels
from nbcy.image.response import check_response
from nbcy.render.simulator import Simulator

if TYPE_CHECKING:
    from nbcy.config import Config, Response
    from nbcy.image.image import Image
    from nbcy.image.noise import Stream


def frames(
    config: Config,
    count: int,
    *,
    structure_factors: StructureFactors | None = None,
    threads: int | None = None,
    seed: int | None = None,
    stream: Stream = "numpy",
    response: Response | None = None,
) -> Iterator[Image]:
    """Render the frames of a rotation, one after another.

    Frame ``i``, counted from 0, starts at ``spindle.phi_deg + i * spindle.osc_deg``.

    Parameters
    ----------
    config : Config
        Of the first frame; ``spindle.osc_deg`` (or steps of it) says how far a frame turns.
    count : int
        Number of frames.
    structure_factors : StructureFactors, optional
        In place of ``config.crystal.hkl_file``.
    threads : int, optional
        As for `Simulator.run`.
    seed : int, optional
        Frames of counted photons, frame ``i`` drawn with the stream of ``seed`` and ``i``, so that
        no frame of another seed is the same; default expected photons.
    stream : {"numpy", "reference"}
        Where the noise comes from (`Image.with_noise`).
    response : Response, optional
        Frames of what a detector reads (`Image.with_response`), for the seed 0 if none is given.

    Yields
    ------
    Image

    Raises
    ------
    ConfigError
        No frame, no rotation, or what `Simulator` refuses.
    """
    simulator = Simulator(config, structure_factors=structure_factors)
    return frames_of(simulator, count, threads=threads, seed=seed, stream=stream, response=response)


def frames_of(
    simulator: Simulator,
    count: int,
    *,
    threads: int | None = None,
    seed: int | None = None,
    stream: Stream = "numpy",
    response: Response | None = None,
) -> Iterator[Image]:
    """Do as `frames` does, from the simulator of the first frame."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ConfigError("frames", count, "must be a whole number of at least 1")
    config = simulator.config
    osc = RTD * simulator.scene.sweeps["phi"].range
    if config.spindle.osc_deg is not None:
        osc = config.spindle.osc_deg  # as the user typed it
    if count > 1 and not osc > 0.0:
        raise ConfigError(
            "spindle.osc_deg", config.spindle.osc_deg, f"must be given: {count} frames turn by it"
        )
    start = config.spindle.phi_deg

    images = simulator.run_many(
        phi_deg=[start + i * osc for i in range(count)], threads=threads, progress=False
    )
    if response is not None:
        if stream != "numpy":
            raise ConfigError("stream", stream, "must be numpy: a response has no other")
        check_response(response, simulator.scene.panels)
        first = 0 if seed is None else seed
        return (
            image.with_response(response, first, index=i, threads=threads)
            for i, image in enumerate(images)
        )
    if seed is None:
        return images
    return (
        image.with_noise(seed, stream, index=i, threads=threads) for i, image in enumerate(images)
    )


def save_frames(
    images: Iterable[Image],
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    count: int,
    *,
    dtype: str | None = None,
    compression: str | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> None:
    """Write frames as they come, all of them or none; one at a time is in memory.

    Parameters
    ----------
    images : iterable of Image
        Such as `frames` yields.
    paths : path-like, or several
        ``series.nxs`` holds all frames, ``series_master.h5`` links to files of up to 1000, and
        ``frame_#####.cbf`` (or ``.img``, ``.tif``, ``.edf``, ``.npy``, ``.bin``) stands for a file
        of each, numbered from 1. A single frame may also be a picture (``.png``, ``.pgm``).
    count : int
        Number of frames.
    dtype, compression
        As for `Image.save`, where the format has a use for them.
    progress : callable, optional
        Called with the frames done and the frames in all.

    Raises
    ------
    ConfigError
        A name or an option that does not fit.
    FileError
        It cannot be written.
    """
    chosen = check_outputs(paths, count, dtype, compression)
    with ExitStack() as files:
        writers: list[Write] = []
        for done, image in enumerate(images, 1):
            measurement = measurement_of(image)
            if done == 1:
                for path, format in chosen.items():
                    if format in PICTURES:
                        image.save(files.enter_context(atomic_path(path)), format=format)
                        continue
                    writer = frame_writer(
                        path,
                        measurement,
                        count,
                        counts=image.is_counts,
                        format=format,
                        dtype=dtype if "dtype" in OPTIONS[format] else None,
                        compression=compression if "compression" in OPTIONS[format] else None,
                    )
                    writers.append(files.enter_context(writer))
            frame = Frame(stacked_pixels(image), measurement.invalid)
            for write in writers:
                write(frame, measurement)
            if progress is not None:
                progress(done, count)


def check_outputs(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    count: int,
    dtype: str | None = None,
    compression: str | None = None,
) -> dict[str | os.PathLike[str], str]:
    """Make sure that files can take a series, and return the format of each.

    Parameters
    ----------
    paths, count, dtype, compression
        As for `save_frames`.

    Raises
    ------
    ConfigError, FileError
        They cannot.
    """
    targets = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    chosen = {path: check_target(path, count, pictures=True) for path in targets}
    for name, value in (("dtype", dtype), ("compression", compression)):
        if value is not None and not any(name in OPTIONS[format] for format in chosen.values()):
            formats = ", ".join(sorted(set(chosen.values())))
            raise ConfigError(name, value, f"has no meaning for the format {formats}")
    return chosen

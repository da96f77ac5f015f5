"""What a side of an audit may be given as, and how it becomes a trace."""

from __future__ import annotations

import os
import shlex
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbcy.base.errors import FileError, NbcyWarning, UsageError
from nbcy.formats.frame import is_template
from nbcy.render.trace import JSON_FORMAT, Trace

if TYPE_CHECKING:
    from nbcy.config import Config
    from nbcy.render.simulator import Simulator

FILE_FIELDS = (
    "crystal.matrix_file",
    "crystal.hkl_file",
    "crystal.structure_file",
    "beam.source_file",
    "detector.mask_file",
)
"""Fields of a configuration that name input files."""


@dataclass(eq=False)
class Source:
    """One side, opened.

    Attributes
    ----------
    name : str
        What it is called in reports.
    trace : Trace
    simulator : Simulator or None
        For a live side.
    command : list of str or None
        Its command line, where it was given as one.
    """

    name: str
    trace: Trace
    simulator: Simulator | None = None
    command: list[str] | None = None


def open_sides(a: Any, b: Any, pixel: tuple[int, int] | None = None) -> tuple[Source, Source]:
    """Turn what the user gave into two traces.

    Parameters
    ----------
    a, b : path, str, sequence of str, Trace, Simulator or Config
    pixel : tuple of int, optional
        (slow, fast) for live sides.

    Raises
    ------
    FileError, ConfigError, UsageError
        A side that cannot be used, or a live side without a pixel.
    """
    opened = [_open(side) for side in (a, b)]
    if pixel is None:
        pixels = [side.pixel for side in opened]
        pixel = pixels[0] or pixels[1]
    sources = []
    for side in opened:
        if isinstance(side, Trace):
            sources.append(Source(side.name, side))
            continue
        if pixel is None:
            raise UsageError(
                "which pixel? Neither side says: give --pixel SLOW FAST, or -trace_pixel as a flag"
            )
        trace = side.simulator.trace(*pixel)
        trace.name = side.name
        trace.problems += [f"note: {note}" for note in trace.scene.notes] if trace.scene else []
        sources.append(Source(side.name, trace, side.simulator, side.command))
    return sources[0], sources[1]


def is_runnable(name: str) -> bool:
    """Tell flags, a file of flags and a configuration from an image."""
    if name.lstrip().startswith("-") and not os.path.exists(name):
        return True
    path = Path(name)
    if path.suffix.lower() in (".toml", ".json"):
        return True
    if is_template(path) and not path.exists():
        return False
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise FileError(path, f"cannot be read: {error.strerror}") from error
    return b"\0" not in start and start.lstrip()[:1] == b"-"


def open_run(side: Any) -> Simulator:
    """Turn flags, a file of them, a configuration or a Simulator into a Simulator.

    Raises
    ------
    FileError, ConfigError, UsageError
        It cannot be used, or it is a trace, which cannot be run.
    """
    opened = _open(side)
    if isinstance(opened, Trace):
        raise UsageError(f"{side}: a trace cannot be run; give flags or a configuration")
    return opened.simulator


@dataclass(eq=False)
class _Live:
    """A simulator that waits for its pixel."""

    name: str
    simulator: Simulator
    pixel: tuple[int, int] | None
    command: list[str] | None = None


def _open(side: Any) -> Trace | _Live:
    from nbcy.config import Config
    from nbcy.render.simulator import Simulator

    if isinstance(side, Trace):
        return side
    if isinstance(side, Simulator):
        return _Live("live", side, None)
    if isinstance(side, Config):
        return _Live("live", _quietly(side), None)
    if isinstance(side, str | os.PathLike):
        text = os.fspath(side)
        if text.lstrip().startswith("-") and not os.path.exists(text):
            return _from_flags(_split(text, "the command line"), "command line", None)
        return _open_file(Path(text))
    if isinstance(side, Sequence) and all(isinstance(word, str) for word in side):
        return _from_flags(list(side), "command line", None)
    raise UsageError(
        "a side of an audit must be a file, flags, a Trace, Simulator or Config, "
        f"not {type(side).__name__}"
    )


def _open_file(path: Path) -> Trace | _Live:
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise FileError(path, f"cannot be read: {error.strerror}") from error
    if not start.strip():
        raise FileError(
            path, "is empty: a trace log, trace JSON, configuration or flags are needed"
        )
    text = start.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    if path.suffix == ".toml" or (text.startswith("{") and JSON_FORMAT not in text):
        return load_config(path)
    if text.startswith("-") and not text.startswith("--"):
        return _from_flags(
            _split(path.read_text(encoding="utf-8"), str(path)), str(path), path.parent
        )
    return Trace.read(path)


def load_config(path: Path) -> _Live:
    """Open a TOML or JSON configuration.

    Raises
    ------
    FileError
        Impossible values; names the file.
    """
    from nbcy.config import Config

    return _Live(str(path), _quietly(_beside(Config.load(path), path.parent)), None)


def _split(text: str, what: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError as error:
        raise UsageError(f"{what}: {error}") from error


def _from_flags(words: list[str], name: str, folder: Path | None) -> _Live:
    from nbcy.flags.parsing import parse

    invocation = parse(words)
    config = invocation.config if folder is None else _beside(invocation.config, folder)
    return _Live(name, _quietly(config), invocation.run.trace_pixel, words)


def _beside(config: Config, folder: Path) -> Config:
    """Look for input files beside the file that names them where they are not found."""
    moved = {}
    for field in FILE_FIELDS:
        section, _, name = field.partition(".")
        path = getattr(getattr(config, section), name)
        if path is not None and not os.path.exists(path) and (folder / path).exists():
            moved[field] = str(folder / path)
    return config.with_overrides(moved) if moved else config


def _quietly(config: Config) -> Simulator:
    """Build a simulator; what it would warn of stands in its scene's notes."""
    from nbcy.render.simulator import Simulator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NbcyWarning)
        return Simulator(config)

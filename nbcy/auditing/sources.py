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
from nbcy.render.tracejson import load_json
from nbcy.render.vocabulary import KEYS

if TYPE_CHECKING:
    from nbcy.config import Config
    from nbcy.render.simulator import Simulator

_SECTIONS = {"crystal", "beam", "detector", "spindle", "sampling", "background", "quirks"}

FILE_FIELDS = (
    "crystal.matrix_file",
    "crystal.hkl_file",
    "crystal.structure_file",
    "beam.source_file",
    "beam.spectrum_file",
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
    pixels = [side.pixel for side in opened]
    if pixel is None:
        pixel = pixels[0] or pixels[1]
    # A log may print many pixels: take the one that is asked for, or that the other side has.
    opened = [
        _again(given, side, pixel if k == 1 or pixels[1] is None else pixels[1])
        for k, (given, side) in enumerate(zip((a, b), opened, strict=True))
    ]
    sources = []
    for side in opened:
        if isinstance(side, Trace):
            sources.append(Source(side.name, side))
            continue
        if pixel is None:
            raise UsageError(
                "which pixel? Neither side says: give --pixel SLOW FAST, or -trace_pixel as a flag"
            )
        if isinstance(side, _Geometry):
            sources.append(Source(side.name, side.trace(pixel)))
            continue
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
    if not isinstance(opened, _Live):
        raise UsageError(f"{side}: a trace cannot be run; give flags or a configuration")
    return opened.simulator


def _again(given: Any, side: Any, pixel: tuple[int, int] | None) -> Any:
    """Read a log of many pixels once more, for another of them."""
    many = isinstance(side, Trace) and any("pixels are printed" in p for p in side.problems)
    if not many or pixel is None or side.pixel == pixel:
        return side
    return Trace.read(given, pixel)


@dataclass(eq=False)
class _Live:
    """A simulator that waits for its pixel."""

    name: str
    simulator: Simulator
    pixel: tuple[int, int] | None
    command: list[str] | None = None


def _open(side: Any) -> Trace | _Live | _Geometry:
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


def _open_file(path: Path) -> Trace | _Live | _Geometry:
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
    if path.suffix == ".toml":
        return load_config(path)
    if text.startswith("{") and JSON_FORMAT not in text:
        data = load_json(path)
        if isinstance(data, dict) and "ExperimentList" in str(data.get("__id__")):
            return _from_geometry(path)
        if isinstance(data, dict) and (data.keys() & _SECTIONS or not data):
            return load_config(path)
    if text.startswith("-") and not text.startswith("--"):
        return _from_flags(_split(_text_of(path), str(path)), str(path), path.parent)
    return Trace.read(path)


def _text_of(path: Path) -> str:
    """Return a file of flags; bytes that are no UTF-8 become a mark that no flag has."""
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise FileError(path, f"cannot be read: {error.strerror}") from error


@dataclass(eq=False)
class _Geometry:
    """A file that says where things are and nothing of amplitudes: half a simulator."""

    name: str
    simulator: Simulator
    pixel: tuple[int, int] | None = None

    def trace(self, pixel: tuple[int, int]) -> Trace:
        """Return what the geometry alone decides of a pixel."""
        whole = self.simulator.trace(*pixel)
        blocks = [
            {key: block[key] for key in _OF_GEOMETRY if key in block} for block in whole.blocks[:1]
        ]
        facts = {name: whole.facts[name] for name in _FACTS_OF_GEOMETRY if name in whole.facts}
        chain = {"cos_2theta": whole.chain["cos_2theta"]}
        return Trace(self.name, "TRACE_NBCY", blocks, chain, facts, pixel=pixel)


_OF_GEOMETRY = tuple(KEYS)[: tuple(KEYS).index("F_latt_a")]
_FACTS_OF_GEOMETRY = (
    *("pixel_traced", "beam_direction", "fast_axis", "slow_axis", "origin", "pixel", "pixels"),
    *("close_distance", "wavelength", "cell", "spindle"),
)


def _from_geometry(path: Path) -> _Geometry:
    """Open a DIALS .expt file as a side."""
    from nbcy.formats.geometry import Geometry

    config = Geometry.read(path).config
    return _Geometry(
        str(path),
        _quietly(
            config.with_overrides(
                {"crystal.default_F": 1.0, "crystal.cells": (5, 5, 5), "sampling.oversample": 1}
            )
        ),
    )


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

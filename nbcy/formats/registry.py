"""The formats: a record each, of how a file is told, read and written and what it can hold.

A format is a module that reads or writes, and a record here. Nothing else knows its name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal

from nbcy.base.errors import ConfigError, FileError
from nbcy.base.files import first_bytes, is_packed, read_bytes
from nbcy.formats.counts import FLOAT, KINDS, SMV_COUNTS, IntegerKind, check_kind

Names = tuple[str, ...]


def _load(place: str) -> Callable[..., Any]:
    """Return the function that ``module:function`` names."""
    module, _, function = place.partition(":")
    loaded: Callable[..., Any] = getattr(import_module(f"nbcy.formats.{module}"), function)
    return loaded


@dataclass(frozen=True)
class Format:
    """A format of images.

    Attributes
    ----------
    name : str
    suffixes : tuple of str
        Of file names; the first is the usual one.
    begins : str
        Regular expression for the first bytes of a file; empty where they tell nothing.
    reader : str
        ``module:function`` of ``path -> (Frame, Measurement | str)``, where ``str`` says why there
        is no measurement; with ``many``, of ``path -> Recording``. Empty where it is only written.
    writer : str
        Of ``path, pixels, measurement -> None``, which writes in place; with ``many``, of a
        context as `nbcy.formats.nxmx_writing.nxmx_writer`.
    geometry_reader : str
        Of ``path -> Geometry``, where geometry can be read although frames are missing.
    options : tuple of str
        What can be asked for in `Image.save`.
    panels : {"any", "alike", "one"}
        What a file holds: panels of any shape, of one shape, or a single one.
    many : bool
        Whether one file holds all frames.
    picture : bool
        To look at: pixels are no photons.
    needs_geometry : bool
        Whether a file without geometry cannot be written.
    flat : bool
        Whether its header reduces geometry to distance and beam centre.
    of_counts, of_photons : tuple of str
        What pixels may become, as NumPy calls it; the first where nothing is asked for.
    kinds : mapping
        How counts are stored, where integers have marks of their own.
    """

    name: str
    suffixes: Names
    begins: str = ""
    reader: str = ""
    writer: str = ""
    geometry_reader: str = ""
    options: Names = ()
    panels: Literal["any", "alike", "one"] = "any"
    many: bool = False
    picture: bool = False
    needs_geometry: bool = False
    flat: bool = False
    of_counts: Names = (FLOAT,)
    of_photons: Names = (FLOAT,)
    kinds: Mapping[str, IntegerKind] = field(default_factory=lambda: KINDS)

    def read(self, *arguments: Any) -> Any:
        """Call the reader."""
        return _load(self.reader)(*arguments)

    def write(self, *arguments: Any) -> Any:
        """Call the writer."""
        return _load(self.writer)(*arguments)

    def read_geometry(self, path: str | os.PathLike[str]) -> Any:
        """Call the reader of geometry that needs no frames, where there is one."""
        return _load(self.geometry_reader)(path) if self.geometry_reader else None

    def is_start_of(self, start: bytes) -> bool:
        """Whether a file that begins like this is one of the format."""
        return bool(self.begins) and re.match(self.begins.encode("latin-1"), start) is not None


REGISTRY: Final = (
    Format(
        name="raw",
        suffixes=(".bin", ".float", ".raw"),
        reader="raw:read_raw",
        writer="raw:write_raw_frame",
    ),
    Format(
        name="smv",
        suffixes=(".img", ".smv"),
        begins=r"\{(?s:.*)HEADER_BYTES",
        reader="smv:read_smv_frame",
        writer="smv:write_smv_frame",
        options=("scale", "adc"),
        panels="one",
        needs_geometry=True,
        flat=True,
        of_counts=("uint16",),
        of_photons=("uint16",),
        kinds={"uint16": SMV_COUNTS},
    ),
    Format(
        name="pgm",
        suffixes=(".pgm",),
        writer="pgm:write_pgm",
        options=("scale",),
        panels="one",
        picture=True,
    ),
    Format(
        name="png",
        suffixes=(".png",),
        writer="png:write_png",
        options=("max_size",),
        picture=True,
    ),
    Format(
        name="npy",
        suffixes=(".npy",),
        begins=r"\x93NUMPY",
        reader="npy:read_npy_frame",
        writer="npy:write_npy_frame",
        panels="alike",
    ),
    Format(
        name="nxmx",
        suffixes=(".nxs", ".h5"),
        begins=r"\x89HDF\r\n\x1a\n",
        reader="nxmx_reading:open_nxmx",
        writer="nxmx_writing:nxmx_writer",
        geometry_reader="nxmx_reading:read_nxmx_geometry",
        options=("dtype", "compression"),
        many=True,
        needs_geometry=True,
        of_counts=("uint32", "uint16", "int32", FLOAT),
        of_photons=(FLOAT, *KINDS),
    ),
    Format(
        name="cbf",
        suffixes=(".cbf",),
        begins="###CBF",
        reader="cbf:read_cbf",
        writer="cbf:write_cbf",
        panels="one",
        needs_geometry=True,
        flat=True,
        of_counts=("int32",),
        of_photons=("int32",),
    ),
    Format(
        name="tiff",
        suffixes=(".tif", ".tiff"),
        begins=r"II\*\0|MM\0\*",
        reader="tiff:read_tiff",
        writer="tiff:write_tiff",
        options=("dtype",),
        of_counts=("int32", FLOAT),
        of_photons=(FLOAT, "int32"),
    ),
    Format(
        name="edf",
        suffixes=(".edf",),
        begins=r"\{\s*[\w-]+\s*=",
        reader="edf:read_edf",
        writer="edf:write_edf",
        options=("dtype",),
        of_counts=("int32", FLOAT),
        of_photons=(FLOAT, "int32"),
    ),
)
"""Formats of images. What begins like several is the first of them."""


@dataclass(frozen=True)
class GeometryFormat:
    """A format of text that holds geometry and no pixels.

    Attributes
    ----------
    name : str
    named : str
        Regular expression for the file names that select it when it is written, and that tell it
        where its content does not.
    begins : str
        Regular expression for what a file begins with, after blanks.
    holds : str
        Regular expression for what stands somewhere in it; empty where that tells nothing.
    reader : str
        ``module:function`` of ``path -> Geometry``, of ``path, experiment`` with ``several``.
    writer : str
        Of ``geometry, path -> str``.
    usual : str
        Regular expression for names that are of no other format, for files without content that
        tells.
    several : bool
        Whether a file holds numbered experiments, of which the reader takes one.
    """

    name: str
    named: str
    begins: str
    holds: str
    reader: str
    writer: str
    usual: str = ""
    several: bool = False

    def read(self, path: str | os.PathLike[str], experiment: int | None) -> Any:
        """Call the reader.

        Raises
        ------
        FileError
            Of several experiments one is asked for, and the format has none.
        """
        if not self.several and experiment is not None:
            raise FileError(path, f"is {self.name}, which has no numbered experiments")
        return _load(self.reader)(*((path, experiment) if self.several else (path,)))

    def text(self, *arguments: Any) -> str:
        """Call the writer."""
        written: str = _load(self.writer)(*arguments)
        return written


GEOMETRY_REGISTRY: Final = (
    GeometryFormat(
        name="DIALS .expt",
        named=r".*\.EXPT",
        begins=r"\{",
        holds="",
        reader="expt:read_expt",
        writer="expt:format_expt",
        usual=r"\.JSON$",
        several=True,
    ),
    GeometryFormat(
        name="CrystFEL .geom",
        named=r".*\.GEOM",
        begins="(?!)",
        holds=r"(?m)^\s*[\w-]+/(corner_x|min_fs)\s*=",
        reader="crystfel:read_geom",
        writer="crystfel:format_geom",
    ),
    GeometryFormat(
        name="XDS.INP",
        named=r"XDS\.INP",
        begins="(?!)",
        holds=r"ORGX\s*=",
        reader="xds:read_inp",
        writer="xds:format_inp",
        usual=r"\.INP$",
    ),
    GeometryFormat(
        name="XPARM.XDS",
        named=r"XPARM\.XDS",
        begins="(?i:G?XPARM.XDS)",
        holds="",
        reader="xparm:read_xparm",
        writer="xparm:format_xparm",
        usual="XPARM",
    ),
)
"""Formats of geometry."""

FORMATS: Final = {suffix: each.name for each in REGISTRY for suffix in each.suffixes}
"""File name suffixes and the formats they select."""

OPTIONS: Final[Mapping[str, Names]] = {each.name: each.options for each in REGISTRY}
"""What can be asked for when a format is written."""

PICTURES: Final = tuple(each.name for each in REGISTRY if each.picture)
"""Formats to look at, whose pixels are no photons."""

_BY_NAME: Final = {each.name: each for each in REGISTRY}


_START: Final = 1024
"""Bytes that tell a format."""


def format_named(name: str) -> Format:
    """Return the record of a format."""
    return _BY_NAME[name]


def format_of_start(path: str | os.PathLike[str], start: bytes) -> Format:
    """Tell the format of a file of images by its first bytes, and by its suffix where it has none.

    Raises
    ------
    FileError
        It is none.
    """
    for each in REGISTRY:
        if each.is_start_of(start):
            return each
    suffix = Path(path).suffix.lower()
    headerless = next(each for each in REGISTRY if each.reader and not each.begins)
    if suffix in ("", ".gz", *headerless.suffixes):
        return headerless
    of_image = "does not begin as a file of that suffix does"
    raise FileError(path, of_image if suffix in FORMATS else "is not an image")


def format_of_file(path: str | os.PathLike[str]) -> Format:
    """Tell the format of a file of images, expanded where gzip packed it.

    Raises
    ------
    FileError
        It cannot be read, is empty, or is none.
    """
    start = read_bytes(path)[:_START] if is_packed(path) else first_bytes(path, _START)
    if not start:
        raise FileError(path, "is empty")
    return format_of_start(path, start)


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
    if any(re.fullmatch(each.named, Path(path).name.upper()) for each in GEOMETRY_REGISTRY):
        expected = "holds geometry and no pixels: nbcy.Geometry.of(scene).save writes it"
        raise ConfigError("path", os.fspath(path), expected)
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
    record = _BY_NAME[format]
    allowed = record.of_counts if counts else record.of_photons
    return allowed[0] if asked is None else check_kind(asked, allowed)

"""The whole configuration: its sections, and values by their paths."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, Unpack

from nbcy.base.errors import ConfigError
from nbcy.config import files
from nbcy.config.background import Background
from nbcy.config.beam import Beam
from nbcy.config.crystal import Crystal
from nbcy.config.detector import Detector
from nbcy.config.kinds import QUIRK_NAMES
from nbcy.config.paths import Parameter, override, parameter_at, parameters, value_at
from nbcy.config.response import Response
from nbcy.config.sampling import Sampling
from nbcy.config.section import Field, Section, Table
from nbcy.config.spindle import Spindle

if TYPE_CHECKING:
    from nbcy.config.arguments import ConfigFields


class Config(Section):
    """All that determines an image.

    Attributes
    ----------
    crystal, beam, detector, spindle, sampling, background, response : Section
        Each can also be given as a mapping of its fields.
    quirks : frozenset of str
        Defects of the reference to reproduce (`nbcy.config.quirks.QUIRKS`); ``"all"`` is every one.

    Notes
    -----
    Names of files are taken as they are, relative to the working directory.

    Examples
    --------
    >>> config = Config(crystal=Crystal(cell="7 nm", cells=5), beam={"energy": "12.66 keV"})
    """

    crystal = Field(Table(Crystal), Crystal())
    beam = Field(Table(Beam), Beam())
    detector = Field(Table(Detector), Detector())
    spindle = Field(Table(Spindle), Spindle())
    sampling = Field(Table(Sampling), Sampling())
    background = Field(Table(Background), Background())
    response = Field(Table(Response), Response())
    quirks = Field(QUIRK_NAMES, frozenset[str]())

    if TYPE_CHECKING:

        def __init__(self, **fields: Unpack[ConfigFields]) -> None: ...
        def replace(self, **fields: Unpack[ConfigFields]) -> Self: ...  # noqa: D102

    @classmethod
    def _path(cls, name: str) -> str:
        return name

    @classmethod
    def _unknown(cls, name: str, value: object) -> ConfigError:
        for section, field in cls.model_fields.items():
            if isinstance(field.kind, Table) and name in field.kind.section._spellings:
                expected = f"there is no such field; did you mean {section}.{name}?"
                return ConfigError(name, value, expected)
        return super()._unknown(name, value)

    def with_overrides(self, overrides: Mapping[str, Any]) -> Self:
        """Return a configuration in which some values are replaced.

        Parameters
        ----------
        overrides : mapping of str to object
            By path, with fields in any spelling: ``{"crystal.cells": 20, "beam.energy": "12 keV",
            "crystal.misset_deg.x": 5, "detector.panels[3].origin_mm.y": 1.5}``, or whole sections.
            None takes a value back. An energy replaces a wavelength, a matrix a cell, and the other
            way round.

        Raises
        ------
        ConfigError, UnitError
            Unknown paths, and values that cannot be right.
        """
        return override(self, overrides)

    def value(self, path: str) -> Any:
        """Return the value that a path names, in the unit that it ends with; None when not given.

        Parameters
        ----------
        path : str
            Such as ``beam.wavelength_angstrom``, ``beam.wavelength_nm``,
            ``crystal.cell_angstrom_deg.alpha``, ``detector.panels[3].origin_mm.y``.

        Raises
        ------
        ConfigError, UnitError
            There is no such value.
        """
        return value_at(self, path)

    def parameter(self, path: str) -> Parameter:
        """Return the one name, unit and kind of the value that a path names in any spelling.

        Raises
        ------
        ConfigError
            There is no such value.

        Examples
        --------
        >>> Config().parameter("detector.distance")
        Parameter(path='detector.distance_mm', unit='mm', kind=number)
        """
        return parameter_at(self, path)

    def parameters(self) -> list[Parameter]:
        """Return path, unit and kind of every value: fields, items of lists, parts of vectors."""
        return list(parameters(self))

    def to_toml(self) -> str:
        """Return all that differs from the defaults as TOML."""
        return files.to_toml(self.to_dict())

    def to_json(self) -> str:
        """Return all that differs from the defaults as JSON, with infinity as ``"inf"``."""
        return files.to_json(self.to_dict())

    @classmethod
    def from_toml(cls, text: str, source: str | os.PathLike[str] = "TOML") -> Self:
        """Make a configuration of TOML.

        Parameters
        ----------
        text : str
            What `to_toml` returns, or anything like it.
        source : path-like
            Where the text comes from, for errors.

        Raises
        ------
        FileError
            It is not TOML.
        ConfigError, UnitError
            Unknown fields, and values that cannot be right.
        """
        return cls.from_dict(files.from_toml(text, source))

    @classmethod
    def from_json(cls, text: str, source: str | os.PathLike[str] = "JSON") -> Self:
        """Make a configuration of JSON; parameters and errors as for `from_toml`."""
        return cls.from_dict(files.from_json(text, source))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a ``.toml`` or ``.json`` file.

        Raises
        ------
        FileError
            It has another suffix, cannot be read, or does not hold what its suffix says.
        ConfigError, UnitError
            Unknown fields, and values that cannot be right; the file is named as well.
        """
        data = files.load(path)
        try:
            return cls.from_dict(data)
        except ConfigError as error:
            expected = f"{error.expected} (in {os.fspath(path)})"
            raise type(error)(error.field, error.value, expected) from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a ``.toml`` or ``.json`` file, as a whole or not at all.

        Raises
        ------
        FileError
            It has another suffix, or cannot be written.
        """
        files.save(path, self.to_dict())

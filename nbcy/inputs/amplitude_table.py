"""Tables of materials, from files and by name (formats 4)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import nbcy
from nbcy.base.amplitude_table import AmplitudeTable
from nbcy.base.errors import ConfigError, FileError
from nbcy.inputs.stol import read_stol

FOLDER: Final = Path(nbcy.__file__).parent / "data" / "background"
"""Tables of the materials known by name; `.ci/background_tables` writes them."""


def read_amplitude_table(path: str, column: str = "stol") -> AmplitudeTable:
    """Read a table (formats 4).

    Raises
    ------
    FileError
        Not two columns of finite numbers, fewer than two points, or not ascending.
    """
    stol, F = read_stol(path, column)
    try:
        return AmplitudeTable(stol, F, name=path)
    except ConfigError as error:
        raise FileError(path, f"{error.value}: {error.expected}") from error

"""What kind of structure a file holds, by its content."""

from __future__ import annotations

import os
import re
from typing import Literal

from nbcy.io.files import read_bytes

Kind = Literal["coordinates", "mtz", "reflections"]

NAMES = {
    "coordinates": "coordinates",
    "mtz": "MTZ",
    "reflections": "structure factor mmCIF",
}
"""The kinds in words."""


def structure_kind(path: str | os.PathLike[str]) -> Kind:
    """Tell coordinates (PDB, mmCIF), MTZ and structure factor mmCIF apart.

    Parameters
    ----------
    path : path-like
        The file, perhaps compressed by gzip.

    Raises
    ------
    FileError
        It cannot be read.
    """
    data = read_bytes(path)
    if data.startswith(b"MTZ "):
        return "mtz"
    items = set(re.findall(rb"^\s*_(atom_site|refln)[._]", data, re.MULTILINE))
    return "reflections" if items == {b"refln"} else "coordinates"

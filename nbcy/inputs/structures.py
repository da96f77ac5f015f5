"""What kind of structure a file holds, by its content."""

from __future__ import annotations

import os
import re
from typing import Literal

from nbcy.base.errors import FileError
from nbcy.base.files import read_bytes
from nbcy.inputs.coordinates import is_cif

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
        It cannot be read, or is none of these.
    """
    data = read_bytes(path)
    if data.startswith(b"MTZ "):
        return "mtz"
    items = set(re.findall(rb"^\s*_(atom_site|refln)[._]", data, re.MULTILINE))
    if items == {b"refln"}:
        return "reflections"
    if items or is_cif(data) or re.search(rb"^(ATOM  |HETATM|CRYST1)", data, re.MULTILINE):
        return "coordinates"
    what = "neither coordinates (PDB, mmCIF) nor structure factors (MTZ, mmCIF)"
    raise FileError(path, f"is {what}" if data else "is empty")

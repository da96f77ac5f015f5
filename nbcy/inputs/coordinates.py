"""Atomic coordinates, PDB and mmCIF, for `nbcy.crystal.fcalc` to make structure factors of."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from nbcy.base.errors import FileError
from nbcy.base.files import blaming, plain, read_bytes
from nbcy.base.symmetry import CellParameters, SpaceGroup, is_crystal, need_gemmi

_MISFILED = 0.02
"""Largest relative deviation of an occupancy on a special position from a whole atom's share."""

_LOWEST_B = -10.0
"""Å²; refined anisotropic B factors dip a little below 0, what is far below is a mistake."""


@dataclass(frozen=True, eq=False)
class Coordinates:
    """The atoms of a crystal.

    Attributes
    ----------
    cell : tuple of 6 float
        Å and degrees.
    space_group : SpaceGroup
    structure : gemmi.Structure
        With one model, of atoms that scatter.
    notes : tuple of str
        What was left out or supposed.
    """

    cell: CellParameters
    space_group: SpaceGroup
    structure: Any
    notes: tuple[str, ...]


def read_coordinates(path: str | os.PathLike[str]) -> Coordinates:
    """Read a PDB or mmCIF file.

    Parameters
    ----------
    path : path-like
        The file, perhaps compressed by gzip.

    Raises
    ------
    FileError
        No atoms, no unit cell, an unknown space group, a B factor far below 0, or no such file.
    NbcyError
        gemmi is not installed.
    """
    gemmi = need_gemmi(f"{os.fspath(path)}: reading coordinates")
    with blaming(path, "file of coordinates"):
        return _read(gemmi, path, plain(read_bytes(path)))


def _read(gemmi: Any, path: str | os.PathLike[str], data: bytes) -> Coordinates:
    if is_cif(data):
        if not re.search(rb"(?m)^\s*_atom_site\.", data) and re.search(rb"_atom_site_fract_", data):
            reason = "is a CIF of the core dictionary, as small molecules have it: mmCIF is read"
            raise FileError(path, reason)
        structure = gemmi.make_structure_from_block(_atom_block(gemmi, data))
    else:
        data = _without_identification(data)
        _check_columns(path, data)
        structure = gemmi.read_pdb_string(data)
    if not len(structure) or not structure[0].count_atom_sites():
        raise FileError(path, "holds no atoms: a PDB or mmCIF file of coordinates is expected")
    if not is_crystal(structure.cell):
        raise FileError(
            path,
            "has no unit cell (CRYST1 record, or _cell items): the coordinates of a crystal are "
            "expected",
        )
    if structure.cell.explicit_matrices:
        reason = "(SCALE records, _atom_sites.fract_transf_matrix) another frame than the usual one"
        raise FileError(path, f"has its coordinates in {reason}: a along x, b in the xy plane")
    notes: list[str] = []
    group = _space_group(path, structure, notes)
    _keep_one_model(structure, notes)
    if any(not op.given for op in structure.ncs):
        before = structure[0].count_atom_sites()
        structure.expand_ncs(gemmi.HowToNameCopiedChain.Dup)
        copies = structure[0].count_atom_sites() // before
        notes.append(f"strict NCS: the {before} atoms are copied to {copies} times as many")
    _check_atoms(path, structure, notes)
    name = os.fspath(path)
    cell = structure.cell.parameters
    return Coordinates(cell, group, structure, tuple(f"{name}: {note}" for note in notes))


_COLUMNS: Final = {
    **dict.fromkeys((b"ATOM  ", b"HETATM"), (30, 38, 46, 54, 60, 66)),
    b"CRYST1": (6, 15, 24, 33, 40, 47, 54),
    b"ANISOU": (28, 35, 42, 49, 56, 63, 70),
    **dict.fromkeys((b"MTRIX1", b"MTRIX2", b"MTRIX3"), (10, 20, 30, 40, 45, 55)),
}
"""Where the numbers of PDB records begin, and the last one ends."""

_FIELD: Final = re.compile(rb" *[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)? *")
_BLANK: Final = {
    **dict.fromkeys((b"ATOM  ", b"HETATM"), (54, 60)),  # occupancy, B
    **dict.fromkeys((b"MTRIX1", b"MTRIX2", b"MTRIX3"), (40,)),  # before the translation
}
"""Which of them may be blank."""


def _check_columns(path: str | os.PathLike[str], data: bytes) -> None:
    """Refuse letters where PDB has numbers: gemmi reads up to them."""
    for row, line in enumerate(data.splitlines(), 1):
        record = line[:6].upper()
        columns = _COLUMNS.get(record)
        if columns is None:
            continue
        for first, end in pairwise(columns):
            text = line[first:end]
            if not (
                _FIELD.fullmatch(text) or (first in _BLANK.get(record, ()) and not text.strip())
            ):
                where = f"columns {first + 1} to {end} of {line[:6].decode().strip()}"
                raise FileError(path, f"{text.decode()!r} in {where} is not a number", row)


_NUMBERED: Final = re.compile(rb"(ATOM  |HETATM).{70}[ \d]{3}\d\s*")
"""An atom whose line ends with its number, where the element stands today."""


def _without_identification(data: bytes) -> bytes:
    """Leave out columns 73 to 80, which until 1996 had the entry's name and the line's number."""
    rows = data.splitlines()
    if not any(map(_NUMBERED.fullmatch, rows)):
        return data
    return b"\n".join(row[:72] for row in rows) + b"\n"


def is_cif(data: bytes) -> bool:
    """Tell CIF from PDB by the first line that is neither blank nor a comment."""
    for line in data.splitlines():
        words = line.split()
        if words and not words[0].startswith(b"#"):
            return words[0].lower().startswith(b"data_")
    return False


def _atom_block(gemmi: Any, data: bytes) -> Any:
    document = gemmi.cif.read_string(data)
    with_atoms = [block for block in document if block.find_values("_atom_site.id")]
    return with_atoms[0] if with_atoms else document[0]


def _space_group(path: str | os.PathLike[str], structure: Any, notes: list[str]) -> SpaceGroup:
    if not structure.spacegroup_hm.strip():
        notes.append("names no space group: P 1 is taken")
        structure.spacegroup_hm = "P 1"
    found = structure.find_spacegroup()
    if found is None:
        raise FileError(path, f"space group {structure.spacegroup_hm!r} is unknown")
    structure.setup_cell_images()
    if not structure.cell.is_compatible_with_spacegroup(found, 0.01):
        cell = " ".join(f"{x:g}" for x in structure.cell.parameters)
        raise FileError(path, f"the cell {cell} does not fit the space group {found.xhm()}")
    return SpaceGroup.of_gemmi(found)


def _keep_one_model(structure: Any, notes: list[str]) -> None:
    number = len(structure)
    if number > 1:
        notes.append(f"the first of {number} models is used")
        del structure[1:]


def _check_atoms(path: str | os.PathLike[str], structure: Any, notes: list[str]) -> None:
    """Refuse impossible atoms, leave out those that cannot scatter, and say so."""
    skipped: Counter[str] = Counter()
    unoccupied = special = negative = 0
    for chain in structure[0]:
        for residue in chain:
            for i in reversed(range(len(residue))):
                atom = residue[i]
                where = f"atom {atom.name} of {residue.name} {residue.seqid} in chain {chain.name}"
                numbers = (*atom.pos.tolist(), atom.occ, atom.b_iso)
                if not all(map(math.isfinite, numbers)):
                    raise FileError(path, f"{where} has a number that is missing or not finite")
                lowest = lowest_b(atom)
                if not lowest >= _LOWEST_B:
                    raise FileError(path, f"{where} has a B factor of {lowest:.3g}, below 0")
                negative += lowest < 0.0
                element = atom.element
                if element.atomic_number == 0 or element.it92 is None:
                    skipped[element.name] += 1
                    del residue[i]
                    continue
                unoccupied += atom.occ == 0.0
                images = structure.cell.is_special_position(atom.pos, 0.4)
                special += images > 0 and atom.occ * (images + 1) > 1.0 + _MISFILED
    if skipped:
        kinds = ", ".join(f"{n} {name}" for name, n in sorted(skipped.items()))
        notes.append(f"atoms of unknown scattering are left out: {kinds}")
    if unoccupied:
        notes.append(f"{unoccupied} atoms have occupancy 0 and do not scatter")
    if negative:
        notes.append(f"{negative} atoms have a B factor below 0 along some axis")
    if special:
        notes.append(
            f"{special} atoms on special positions have the occupancy of a whole atom, and so "
            "count once for each of their images"
        )
    if not structure[0].count_atom_sites():
        raise FileError(path, "holds no atom whose scattering is known")


def lowest_b(atom: Any) -> float:
    """Return the B factor of an atom, Å²; of an anisotropic one, along its tightest axis."""
    if not atom.aniso.nonzero():
        return float(atom.b_iso)
    return float(8.0 * math.pi**2 * min(atom.aniso.calculate_eigenvalues()))

"""Measured structure factors: MTZ and structure factor mmCIF."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nbcy.base.atomic import atomic_write
from nbcy.base.errors import FileError
from nbcy.base.files import blaming, plain, read_bytes
from nbcy.base.symmetry import CellParameters, SpaceGroup, is_crystal, need_gemmi, pack, unpack

FloatArray = NDArray[np.float64]

_AMPLITUDE, _INTENSITY = "amplitude", "intensity"

# Column types of MTZ: what they hold, and whether of one Friedel mate.
_MTZ_TYPES = {
    "F": (_AMPLITUDE, False),
    "J": (_INTENSITY, False),
    "G": (_AMPLITUDE, True),
    "K": (_INTENSITY, True),
}
_MTZ_NAMES = {
    "H": "index",
    "F": "amplitude",
    "J": "intensity",
    "G": "amplitude of F(+) or F(-)",
    "K": "intensity of I(+) or I(-)",
    "Q": "standard deviation",
    "L": "standard deviation",
    "M": "standard deviation",
    "D": "anomalous difference",
    "P": "phase",
    "W": "weight",
    "A": "phase probability",
    "I": "integer",
}

# Items of mmCIF's _refln and of the core dictionary: what they hold.
_CIF_ITEMS = {
    "F_meas_au": _AMPLITUDE,
    "F_meas": _AMPLITUDE,
    "F_calc_au": _AMPLITUDE,
    "F_calc": _AMPLITUDE,
    "F_squared_meas": _INTENSITY,
    "F_squared_calc": _INTENSITY,
    "intensity_meas": _INTENSITY,
    "intensity_calc": _INTENSITY,
    "pdbx_F_plus": _AMPLITUDE,
    "pdbx_F_minus": _AMPLITUDE,
    "pdbx_I_plus": _INTENSITY,
    "pdbx_I_minus": _INTENSITY,
}


@dataclass(frozen=True)
class ColumnChoice:
    """One thing to read: a column, or the two of Bijvoet pairs.

    Attributes
    ----------
    columns : tuple of str
        One name, or those of F(+) and F(-).
    kind : str
        Amplitude or intensity.
    """

    columns: tuple[str, ...]
    kind: str

    def __str__(self) -> str:
        pairs = ", Bijvoet pairs" if len(self.columns) == 2 else ""
        return f"{self.name} ({self.kind}{pairs})"

    @property
    def name(self) -> str:
        """What the user calls it."""
        return ",".join(self.columns)


@dataclass(frozen=True, eq=False)
class Reflections:
    """Amplitudes of unique reflections.

    Attributes
    ----------
    cell : tuple of 6 float
        Å and degrees.
    space_group : SpaceGroup
    hkl : ndarray of int32, shape (n, 3)
        One of each set of equivalents under Laue symmetry, none that is absent.
    plus, minus : ndarray of float64, shape (n,)
        Amplitudes of ``hkl`` and ``-hkl``, in the file's scale.
    notes : tuple of str
        What was left out or supposed.
    """

    cell: CellParameters
    space_group: SpaceGroup
    hkl: NDArray[np.int32]
    plus: FloatArray
    minus: FloatArray
    notes: tuple[str, ...]


def read_mtz(
    path: str | os.PathLike[str], column: str | None = None, anomalous: bool = False
) -> Reflections:
    """Read amplitudes or intensities of an MTZ file.

    Parameters
    ----------
    path : path-like
        A merged MTZ, perhaps compressed by gzip.
    column : str, optional
        What to read; of Bijvoet pairs either name, or both with a comma between.
    anomalous : bool
        Keep Friedel mates apart.

    Raises
    ------
    FileError
        No such file, no MTZ, no merged amplitudes or intensities, several when ``column`` is not
        given, or none of that name.
    NbcyError
        gemmi is not installed.
    """
    gemmi = need_gemmi(f"{os.fspath(path)}: reading MTZ")
    data = read_bytes(path)
    if not data.startswith(b"MTZ "):
        raise FileError(path, "is not an MTZ file")
    with blaming(path, "MTZ file"):
        return _read_mtz(gemmi, path, data, column, anomalous)


def _read_mtz(
    gemmi: Any, path: str | os.PathLike[str], data: bytes, column: str | None, anomalous: bool
) -> Reflections:
    with _expanded(data) as name:
        try:
            mtz = gemmi.read_mtz_file(name)
        except (RuntimeError, OSError) as error:
            raise ValueError(str(error).replace(name, "").strip(": ")) from None
    if len(mtz.batches):
        raise FileError(path, "holds unmerged data: merge them first")
    if mtz.spacegroup is None or not is_crystal(mtz.cell):
        raise FileError(path, "has no space group or no unit cell")
    types = {column.label: column.type for column in mtz.columns}
    choices = [
        ColumnChoice(labels, _MTZ_TYPES[types[labels[0]]][0]) for labels in _mtz_choices(types)
    ]
    others = [f"{label} ({_MTZ_NAMES.get(kind, kind)})" for label, kind in types.items()]
    choice = _choose(path, column, anomalous, choices, others)
    table = np.array(mtz, copy=True)
    at = list(types)
    values = [table[:, at.index(label)].astype(np.float64) for label in choice.columns]
    if np.isfinite(mtz.valm):
        values = [np.where(value == np.float32(mtz.valm), np.nan, value) for value in values]
    cell = mtz.columns[at.index(choice.columns[0])].dataset.cell
    cell = cell if is_crystal(cell) else mtz.cell
    hkl = np.ascontiguousarray(table[:, :3]).astype(np.int32)
    group = SpaceGroup.of_gemmi(mtz.spacegroup)
    return _merge(path, cell.parameters, group, hkl, values, choice, anomalous, [])


def _mtz_choices(types: dict[str, str]) -> Iterator[tuple[str, ...]]:
    """Find columns of amplitudes and intensities; those of Friedel mates come in pairs."""
    mates = [label for label, kind in types.items() if kind in "GK"]
    while mates:
        plus = mates.pop(0)
        same = [label for label in mates if types[label] == types[plus]]
        opposite = {plus.replace("+", "-"), plus.replace("plus", "minus")}
        minus = next((label for label in same if label in opposite), same[0] if same else None)
        if minus is not None:
            mates.remove(minus)
            yield plus, minus
    yield from ((label,) for label, kind in types.items() if kind in "FJ")


def read_reflection_cif(
    path: str | os.PathLike[str], column: str | None = None, anomalous: bool = False
) -> Reflections:
    """Read amplitudes or intensities of a structure factor mmCIF file.

    Parameters
    ----------
    path : path-like
        The file, perhaps compressed by gzip; of several blocks with reflections the first is read.
    column : str, optional
        Name of a ``_refln`` item, such as ``F_meas_au``; of Bijvoet pairs either, or both with a
        comma between.
    anomalous : bool
        Keep Friedel mates apart.

    Raises
    ------
    FileError, NbcyError
        As for `read_mtz`.
    """
    gemmi = need_gemmi(f"{os.fspath(path)}: reading mmCIF")
    with blaming(path, "structure factor mmCIF file"):
        return _read_cif(gemmi, path, plain(read_bytes(path)), column, anomalous)


def _read_cif(
    gemmi: Any, path: str | os.PathLike[str], data: bytes, column: str | None, anomalous: bool
) -> Reflections:
    blocks = list(gemmi.as_refln_blocks(gemmi.cif.read_string(data)))
    blocks = [block for block in blocks if block.default_loop is not None]
    if not blocks:
        raise FileError(path, "holds no reflections (_refln items)")
    notes = []
    block = blocks[0]
    if len(blocks) > 1:
        unread = ", ".join(other.block.name for other in blocks[1:])
        notes.append(f"block {block.block.name} is read, and not {unread}")
    labels = block.column_labels()
    for label in (f"index_{letter}" for letter in "hkl"):
        if label not in labels:
            raise FileError(path, f"has no item _refln.{label}")
    if not block.is_merged():
        raise FileError(path, "holds unmerged data: merge them first")
    if block.spacegroup is None or not is_crystal(block.cell):
        raise FileError(path, "has no space group or no unit cell")
    pairs = [
        ColumnChoice((f"pdbx_{x}_plus", f"pdbx_{x}_minus"), kind)
        for x, kind in (("F", _AMPLITUDE), ("I", _INTENSITY))
        if {f"pdbx_{x}_plus", f"pdbx_{x}_minus"} <= set(labels)
    ]
    paired = {name for pair in pairs for name in pair.columns}
    choices = [
        *pairs,
        *(
            ColumnChoice((label,), _CIF_ITEMS[label])
            for label in labels
            if label in _CIF_ITEMS and label not in paired
        ),
    ]
    choice = _choose(path, column, anomalous, choices, labels)
    try:
        hkl = block.make_miller_array().astype(np.int32)
    except (ValueError, RuntimeError) as error:
        raise FileError(path, f"has a _refln.index that cannot be: {error}") from None
    values = [np.array(block.make_float_array(label)) for label in choice.columns]
    if "status" in labels:
        status = np.array([str(word) for word in block.block.find_values("_refln.status")])
        unreliable = status == "x"
        number = int(sum(np.isfinite(value[unreliable]).sum() for value in values))
        if number:
            notes.append(f"{number} values of status x (unreliable) are left out")
        values = [np.where(unreliable, np.nan, value) for value in values]
    group = SpaceGroup.of_gemmi(block.spacegroup)
    return _merge(path, block.cell.parameters, group, hkl, values, choice, anomalous, notes)


def write_mtz(
    path: str | os.PathLike[str], hkl: ArrayLike, F: ArrayLike, cell: CellParameters
) -> None:
    """Write structure factors in P 1 as an MTZ file.

    Friedel mates that are equal everywhere go to one column, F; else there are F(+) and F(-), of
    which that of a mate that is not listed is missing. MTZ holds float32.

    Parameters
    ----------
    path : path-like
        The file.
    hkl : array_like of int, shape (n, 3)
        Miller indices, each once.
    F : array_like of float, shape (n,)
        Amplitudes, electrons.
    cell : tuple of 6 float
        Å and degrees.

    Raises
    ------
    FileError
        It cannot be written.
    NbcyError
        gemmi is not installed.
    """
    gemmi = need_gemmi("writing MTZ")
    indices = np.asarray(hkl, dtype=np.int32).reshape(-1, 3)
    keys, friedel = SpaceGroup.find(None).representatives(indices)
    unique, at = np.unique(keys, return_inverse=True)
    mates = np.full((2, len(unique)), np.nan)
    mates[friedel.astype(int), at] = F
    centre = pack(np.zeros((1, 3), dtype=np.int32))[0]
    mates[1, unique == centre] = mates[0, unique == centre]

    mtz = gemmi.Mtz(with_base=True)
    mtz.title = "Structure factors in P 1"
    mtz.spacegroup = gemmi.find_spacegroup_by_name("P 1")
    mtz.set_cell_for_all(gemmi.UnitCell(*cell))
    mtz.add_dataset("nbcy")
    columns: list[FloatArray]
    if np.array_equal(mates[0], mates[1]):
        mtz.add_column("F", "F")
        columns = [mates[0]]
    else:
        mtz.add_column("F(+)", "G")
        mtz.add_column("F(-)", "G")
        columns = [mates[0], mates[1]]
    table = np.column_stack([unpack(unique), *columns]).astype(np.float32)
    mtz.set_data(np.ascontiguousarray(table))
    mtz.ensure_asu()
    mtz.sort()
    data = mtz.write_to_bytes()
    with atomic_write(path) as file:
        file.write(data)


@contextmanager
def _expanded(data: bytes) -> Iterator[str]:
    """Name a file with these bytes: gemmi reads MTZ from files alone."""
    with tempfile.TemporaryDirectory(prefix="nbcy-") as folder:
        file = Path(folder, "data.mtz")
        file.write_bytes(data)
        yield str(file)


def _choose(
    path: str | os.PathLike[str],
    column: str | None,
    anomalous: bool,
    choices: list[ColumnChoice],
    others: list[str],
) -> ColumnChoice:
    """Find what the user means, or say what there is."""
    listed = "; ".join(map(str, choices))
    if not choices:
        raise FileError(
            path, f"holds neither amplitudes nor intensities, only {', '.join(others) or 'nothing'}"
        )
    if column is not None:
        wanted = set(re.split(r"\s*,\s*", column.strip()))
        found = [choice for choice in choices if wanted <= set(choice.columns)]
        if len(found) == 1:
            return found[0]
        raise FileError(
            path, f"has no column {column} of amplitudes or intensities; there are: {listed}"
        )
    pairs = [choice for choice in choices if len(choice.columns) == 2]
    means = [choice for choice in choices if len(choice.columns) == 1]
    fitting = (pairs or means) if anomalous else (means or pairs)
    if len(fitting) > 1:
        raise FileError(
            path, f"has several columns to read, choose one (column, --column): {listed}"
        )
    return fitting[0]


def _merge(
    path: str | os.PathLike[str],
    cell: CellParameters,
    group: SpaceGroup,
    hkl: NDArray[np.int32],
    values: list[FloatArray],
    choice: ColumnChoice,
    anomalous: bool,
    notes: list[str],
) -> Reflections:
    """Bring reflections to one of each set of equivalents, and intensities to amplitudes."""
    keys, friedel = group.representatives(hkl)
    if len(values) == 2:
        keys, friedel = np.concatenate([keys, keys]), np.concatenate([friedel, ~friedel])
    value = np.concatenate(values)
    hkl = np.concatenate([hkl] * len(values))
    known = np.isfinite(value)
    absent = group.absent(hkl) & known
    if absent.any():
        notes.append(f"{absent.sum()} values of reflections that {group.name} extinguishes are 0")
    known &= ~absent
    keys, friedel, value, hkl = keys[known], friedel[known], value[known], hkl[known]
    if not value.size:
        raise FileError(path, f"has no value in {choice.name}")

    unique, at = np.unique(keys, return_inverse=True)
    mates = np.full((2, len(unique)), np.nan)
    mates[friedel.astype(int), at] = value
    clash = np.flatnonzero(mates[friedel.astype(int), at] != value)
    if clash.size:
        index = " ".join(map(str, hkl[clash[0]]))
        raise FileError(
            path,
            f"lists {choice.name} of {index} or an equivalent twice with different values: "
            "are the data unmerged?",
        )
    if choice.kind == _AMPLITUDE:
        lowest = int(np.argmin(value))
        if value[lowest] < 0.0:
            index = " ".join(map(str, hkl[lowest]))
            raise FileError(
                path,
                f"{choice.name} of {index} is {value[lowest]:g}: amplitudes are not negative",
            )
    one_sided = np.isnan(mates).any(axis=0)
    if anomalous and one_sided.all():
        notes.append("holds no Bijvoet pairs: Friedel mates are equal")
    mean = np.nanmean(mates, axis=0)
    plus, minus = np.where(np.isnan(mates), mean, mates) if anomalous else (mean, mean)
    if choice.kind == _INTENSITY:
        negative = int((plus < 0.0).sum())
        if negative:
            notes.append(
                f"{negative} of {len(unique)} intensities in {choice.name} are negative: F = 0 "
                "there (amplitudes after French and Wilson have no such bias)"
            )
        plus, minus = (np.sqrt(np.maximum(side, 0.0)) for side in (plus, minus))
    name = os.fspath(path)
    return Reflections(
        cell,
        group,
        unpack(unique),
        plus,
        minus,
        tuple(f"{name}: {note}" for note in notes),
    )

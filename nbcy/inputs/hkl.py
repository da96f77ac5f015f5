"""Lists of structure factors: lines of ``h k l F`` (formats 1)."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nbcy.base.atomic import atomic_write
from nbcy.base.errors import FileError
from nbcy.base.files import content, numbers, read_lines

_EXPECTED = "h k l F"
_LARGEST = 2**31 - 1


def read_hkl(
    path: str | os.PathLike[str],
) -> tuple[NDArray[np.int32], NDArray[np.float64], tuple[str, ...]]:
    """Read a list of structure factors.

    Parameters
    ----------
    path : path-like
        Text, perhaps compressed by gzip. Blank lines and comments (``#``) are skipped.

    Returns
    -------
    hkl : ndarray of int32, shape (n, 3)
        Miller indices, in the file's order.
    F : ndarray of float64, shape (n,)
        Amplitudes, electrons.
    notes : tuple of str
        What was skipped.

    Raises
    ------
    FileError
        No reflection, a word that is not a number, an index that is not whole, an F that is not
        finite, or a reflection that stands there twice with different F; naming the line.
    """
    lines = read_lines(path)
    if not any(content(line) for line in lines):
        raise FileError(path, f"holds no reflections: {_EXPECTED} per line is expected")
    table, wide = _table(path, lines)
    indices = table[:, :3]
    with np.errstate(invalid="ignore"):
        sound = (indices == np.rint(indices)) & (np.abs(indices) <= _LARGEST)
    if not (sound.all() and np.isfinite(table[:, 3]).all()):
        raise _fault(path, lines)
    hkl = indices.astype(np.int32)
    amplitudes = np.ascontiguousarray(table[:, 3])
    remarks = _remarks(path, lines, wide)
    ends = ~hkl.any(axis=1) & (amplitudes == 0.0)
    if ends.any() and (~hkl.any(axis=1) & ~ends).any():  # as SHELX marks the end of a list
        rows = [line for line in lines if content(line)]
        marks = {line for line, end in zip(rows, ends.tolist(), strict=True) if end}
        lines = ["" if line in marks else line for line in lines]
        hkl, amplitudes = hkl[~ends], amplitudes[~ends]
        remarks = (*remarks, f"{os.fspath(path)}: 0 0 0 with F = 0 ends a list; 0 0 0 is the other")
    _refuse_contradictions(path, lines, hkl, amplitudes)
    return hkl, amplitudes, remarks


def write_hkl(path: str | os.PathLike[str], hkl: ArrayLike, F: ArrayLike) -> None:
    """Write a list of structure factors; reading it again gives the same numbers.

    Parameters
    ----------
    path : path-like
        The file.
    hkl : array_like of int, shape (n, 3)
        Miller indices.
    F : array_like of float, shape (n,)
        Amplitudes, electrons.

    Raises
    ------
    FileError
        It cannot be written.
    """
    rows = zip(np.asarray(hkl).tolist(), np.asarray(F, dtype=np.float64).tolist(), strict=True)
    text = "".join(f"{h} {k} {l} {f!r}\n" for (h, k, l), f in rows)  # noqa: E741
    with atomic_write(path) as file:
        file.write(text.encode())


def _table(path: str | os.PathLike[str], lines: list[str]) -> tuple[NDArray[np.float64], bool]:
    """Return the first four columns, and whether some lines have more."""
    try:
        table = np.loadtxt(lines, ndmin=2)
        if table.shape[1] == 4:
            return table, False
    except ValueError:
        pass  # lines of different lengths, or words in the columns that do not matter
    try:
        return np.loadtxt(lines, usecols=(0, 1, 2, 3), ndmin=2), True
    except ValueError:
        raise _fault(path, lines) from None


def _fault(path: str | os.PathLike[str], lines: list[str]) -> FileError:
    """Find what is wrong, slowly and with the line number."""
    for row, line in enumerate(lines, 1):
        words = content(line).split()
        if not words:
            continue
        if len(words) < 4:
            return FileError(path, f"{content(line)!r}: expected {_EXPECTED}", row)
        try:
            values = numbers(path, row, words[:4], _EXPECTED)
        except FileError as error:
            return error
        for name, word, value in zip("hkl", words, values[:3], strict=False):
            if value != round(value) or abs(value) > _LARGEST:
                return FileError(path, f"{name} = {word} is not a 32-bit integer", row)
    return FileError(path, f"cannot be understood: {_EXPECTED} per line is expected")


def _refuse_contradictions(
    path: str | os.PathLike[str],
    lines: list[str],
    hkl: NDArray[np.int32],
    amplitudes: NDArray[np.float64],
) -> None:
    order = np.lexsort(hkl.T)  # stable: equals stay in the file's order
    same = (hkl[order[1:]] == hkl[order[:-1]]).all(axis=1)
    clashes = np.flatnonzero(same & (amplitudes[order[1:]] != amplitudes[order[:-1]]))
    if clashes.size:
        rows = [row for row, line in enumerate(lines, 1) if content(line)]
        clash = clashes[np.argmin(order[clashes + 1])]
        first, second = int(order[clash]), int(order[clash + 1])
        index = " ".join(str(i) for i in hkl[second])
        raise FileError(
            path,
            f"reflection {index} has F = {amplitudes[second]:g} here but {amplitudes[first]:g} "
            f"on line {rows[first]}",
            rows[second],
        )


def _remarks(path: str | os.PathLike[str], lines: list[str], wide: bool) -> tuple[str, ...]:
    def counted(number: int) -> str:
        return f"{os.fspath(path)}: {number} line{'' if number == 1 else 's'}"

    remarks = []
    comments = sum(1 for line in lines if "#" in line and not content(line))
    if comments:
        remarks.append(f"{counted(comments)} of comment skipped; the reference stops at the first")
    if wide:
        longer = sum(1 for line in lines if len(content(line).split()) > 4)
        remarks.append(f"{counted(longer)} with more columns than {_EXPECTED}: the rest is ignored")
    return tuple(remarks)

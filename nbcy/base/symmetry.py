"""Miller indices under the symmetry of a space group: unique, equivalent, absent, complete."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.cell import cell_volume, reciprocal_from_cell
from nbcy.base.constants import RTD
from nbcy.base.errors import ConfigError, NbcyError
from nbcy.base.extras import install_hint

if TYPE_CHECKING:
    from types import ModuleType

Indices = NDArray[np.int32]
FloatArray = NDArray[np.float64]
CellParameters = tuple[float, float, float, float, float, float]

MAX_REFLECTIONS: Final = 20_000_000
"""Most reflections of a sphere, Friedel mates included."""

_REACH: Final = 2**20
"""Indices beyond this are no Miller indices; three below it fit one 64-bit key."""

_LONGEST: Final = 1e6
"""Å; the axis of a cell is shorter."""


def need_gemmi(what: str) -> ModuleType:
    """Import gemmi, which is an extra.

    Parameters
    ----------
    what : str
        What needs it.

    Raises
    ------
    NbcyError
        It is not installed.
    """
    try:
        import gemmi
    except ImportError:
        raise NbcyError(f"{what} needs gemmi: {install_hint('mx')}") from None
    return gemmi


def is_crystal(cell: Any) -> bool:
    """Whether a cell, as gemmi has it, can be a crystal's: MTZ and CRYST1 have placeholders."""
    if not (cell.is_crystal() and max(cell.parameters[:3]) < _LONGEST):
        return False
    try:
        _reciprocal(cell.parameters)
    except ConfigError:  # its angles
        return False
    return True


@dataclass(frozen=True, eq=False)
class SpaceGroup:
    """What a space group does to Miller indices.

    Attributes
    ----------
    name : str
        Hermann-Mauguin, extended: ``P 43``, ``R 3:H``.
    rotations : ndarray of int, shape (n, 3, 3)
        The point group: ``h @ rotation`` is equivalent to ``h``. The identity comes first.
    """

    name: str
    rotations: NDArray[np.int64]
    _gemmi: Any = None

    @classmethod
    def find(cls, name: str | None) -> SpaceGroup:
        """Look a space group up by name; None and ``P 1`` need no gemmi.

        Raises
        ------
        ConfigError
            There is none of that name.
        NbcyError
            gemmi is not installed.
        """
        if name is None or name == "P 1":
            return cls("P 1", np.eye(3, dtype=np.int64)[np.newaxis])
        found = need_gemmi("space group symmetry").find_spacegroup_by_name(name)
        if found is None:
            raise ConfigError("space_group", name, "must be a space group, as in 'P 21 21 21'")
        return cls.of_gemmi(found)

    @classmethod
    def of_gemmi(cls, group: Any) -> SpaceGroup:
        """Take over a space group of gemmi's."""
        operations = group.operations().sym_ops
        rotations = np.array([op.rot for op in operations]) // operations[0].DEN
        _, first = np.unique(rotations.reshape(-1, 9), axis=0, return_index=True)
        return cls(group.xhm(), rotations[np.sort(first)], group)

    def absent(self, hkl: Indices) -> NDArray[np.bool_]:
        """Tell which reflections the space group extinguishes.

        Parameters
        ----------
        hkl : ndarray of int32, shape (n, 3)

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        if self._gemmi is None:
            return np.zeros(len(hkl), dtype=bool)
        indices = np.ascontiguousarray(hkl, dtype=np.int32)
        absences: NDArray[np.bool_] = self._gemmi.operations().systematic_absences(indices)
        return absences

    def representatives(self, hkl: Indices) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Map reflections to the one that stands for all that are equivalent under Laue symmetry.

        Parameters
        ----------
        hkl : ndarray of int32, shape (n, 3)

        Returns
        -------
        keys : ndarray of int64, shape (n,)
            Equal for equivalent reflections; `unpack` makes indices of them.
        friedel : ndarray of bool, shape (n,)
            The reflection is equivalent to the Friedel mate of its representative, and not to
            itself.
        """
        plus = np.full(len(hkl), -1, dtype=np.int64)
        minus = plus.copy()
        for rotation in self.rotations:
            turned = hkl @ rotation
            np.maximum(plus, pack(turned), out=plus)
            np.maximum(minus, pack(-turned), out=minus)
        return np.maximum(plus, minus), minus > plus

    def expand(
        self, hkl: Indices, plus: FloatArray, minus: FloatArray
    ) -> tuple[Indices, FloatArray]:
        """List every equivalent of unique reflections, Friedel mates included.

        Parameters
        ----------
        hkl : ndarray of int32, shape (n, 3)
            One of each set of equivalents under Laue symmetry.
        plus, minus : ndarray of float64, shape (n,)
            Amplitudes of ``hkl`` and of ``-hkl``; where both are equivalent ``plus`` is taken.

        Returns
        -------
        hkl : ndarray of int32, shape (m, 3)
            Sorted by h, k, l; each once.
        F : ndarray of float64, shape (m,)
        """
        turned = [hkl @ rotation for rotation in self.rotations]
        keys = np.concatenate([pack(h) for h in turned] + [pack(-h) for h in turned])
        amplitudes = np.concatenate([plus] * len(turned) + [minus] * len(turned))
        keys, first = np.unique(keys, return_index=True)
        return unpack(keys), amplitudes[first]


def pack(hkl: NDArray[Any]) -> NDArray[np.int64]:
    """Make one number of each reflection, in the order of h, k, l.

    Raises
    ------
    ConfigError
        An index of a million or more.
    """
    far = np.flatnonzero((np.abs(hkl.astype(np.int64)) >= _REACH).any(axis=1))
    if far.size:
        raise ConfigError("hkl", hkl[far[0]].tolist(), f"must be below {_REACH} for symmetry")
    wide = hkl.astype(np.int64) + _REACH
    keys: NDArray[np.int64] = (wide[:, 0] << 42) | (wide[:, 1] << 21) | wide[:, 2]
    return keys


def unpack(keys: NDArray[np.int64]) -> Indices:
    """Make reflections of what `pack` made of them."""
    mask = 2 * _REACH - 1
    columns = (keys >> 42, (keys >> 21) & mask, keys & mask)
    return np.ascontiguousarray(np.stack(columns, axis=1) - _REACH, dtype=np.int32)


def inverse_d_squared(hkl: NDArray[Any], cell: CellParameters) -> FloatArray:
    """1/d² of reflections, 1/Å².

    Parameters
    ----------
    hkl : ndarray of int, shape (n, 3)
    cell : tuple of 6 float
        a, b, c in Å, alpha, beta, gamma in degrees.
    """
    s = hkl @ _reciprocal(cell)
    squares: FloatArray = (s * s).sum(axis=1)
    return squares


def _reciprocal(cell: CellParameters) -> FloatArray:
    a, b, c, *angles = cell
    alpha, beta, gamma = (angle / RTD for angle in angles)
    return reciprocal_from_cell((a, b, c), (alpha, beta, gamma))


def check_sphere(cell: CellParameters, dmin: float) -> None:
    """Refuse a sphere of reflections that would not fit.

    Raises
    ------
    ConfigError
        More than 20 million.
    """
    a, b, c, *angles = cell
    alpha, beta, gamma = (angle / RTD for angle in angles)
    if not (math.isfinite(dmin) and dmin > 0.0):
        raise ConfigError("dmin_angstrom", dmin, "must be a positive number")
    volume = cell_volume((a, b, c), (alpha, beta, gamma))
    number = 4.0 / 3.0 * math.pi * volume / dmin**3
    if number > MAX_REFLECTIONS:
        raise ConfigError(
            "dmin_angstrom",
            dmin,
            f"would take {number:.2g} reflections, at most {MAX_REFLECTIONS:.2g} fit; "
            "give a larger one (sampling.dmin_angstrom in a configuration, or -dmin)",
        )


def sphere(cell: CellParameters, dmin: float) -> Indices:
    """List every reflection but 0 0 0 down to a spacing.

    Parameters
    ----------
    cell : tuple of 6 float
        a, b, c in Å, alpha, beta, gamma in degrees.
    dmin : float
        Finest spacing, Å, inclusive.

    Returns
    -------
    ndarray of int32, shape (n, 3)
        Sorted by h, k, l.

    Raises
    ------
    ConfigError
        More than 20 million.
    """
    check_sphere(cell, dmin)
    limits = [int(edge / dmin) + 1 for edge in cell[:3]]  # |h| = |a·s| <= a/d
    k, l = (np.arange(-n, n + 1, dtype=np.int32) for n in limits[1:])  # noqa: E741
    layer = np.stack(np.broadcast_arrays(0, k[:, np.newaxis], l), axis=-1).reshape(-1, 3)
    inside = []
    for h in range(-limits[0], limits[0] + 1):
        hkl = layer + np.array([h, 0, 0])
        # A spacing that is meant to be on the limit must not fall to the last bit.
        inside.append(hkl[inverse_d_squared(hkl, cell) <= (1.0 + 1e-9) / dmin**2])
    every = np.concatenate(inside).astype(np.int32)
    return every[every.any(axis=1)]

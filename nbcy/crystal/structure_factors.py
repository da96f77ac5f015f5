"""Lists of structure factors and the dense grid the kernel looks them up in (physics 7.4)."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nbcy.base.constants import B_SOL, K_SOL
from nbcy.base.errors import ConfigError
from nbcy.base.symmetry import CellParameters, SpaceGroup, inverse_d_squared, pack, sphere

if TYPE_CHECKING:
    from nbcy.inputs.coordinates import Coordinates
    from nbcy.inputs.reflections import Reflections

Missing = Literal["default", "shell"]
Path = str | os.PathLike[str]

_SHELL = 500
"""About as many reflections as a shell of resolution holds."""

MAX_GRID_BYTES: Final = 2 * 1024**3
"""Largest grid that is allocated."""


@dataclass(frozen=True, eq=False)
class HklGrid:
    """Structure factors on the box that encloses the list.

    Attributes
    ----------
    data : ndarray of float64, shape (nh + 2, nk + 2, nl + 2)
        Amplitudes in electrons, padded by one layer of ``default_F`` on every side, so that an
        index clamped to the padded box reads the right value. ``data[1, 1, 1]`` is
        ``(h_min, k_min, l_min)``.
    h_min, h_max, k_min, k_max, l_min, l_max : int
        The box, inclusive.
    default_F : float
        Amplitude of every reflection that is not on the list.
    n_loaded : int
        Number of entries of the list; 0 stands for a grid of ``default_F`` alone.
    """

    data: NDArray[np.float64]
    h_min: int
    h_max: int
    k_min: int
    k_max: int
    l_min: int
    l_max: int
    default_F: float
    n_loaded: int


@dataclass(frozen=True)
class StructureFactorsReport:
    """What a list of structure factors holds.

    Attributes
    ----------
    count : int
        Entries of the list.
    F_min, F_max, F_mean : float
        Range and mean of the amplitudes but F(000), electrons; 0 of an empty list.
    F000 : float or None
        Amplitude of 0 0 0, if it is on the list.
    d_max, d_min : float or None
        Coarsest and finest spacing but that of 0 0 0, Å; None without a cell.
    completeness : float or None
        Part of the reflections of the sphere to ``d_min`` that are on the list; Friedel mates count
        each, 0 0 0 and what the space group extinguishes not at all. None without a cell.
    cell : tuple of 6 float or None
        Å and degrees.
    space_group : str or None
        Hermann-Mauguin symbol of the crystal; the list is in P1.
    """

    count: int
    F_min: float
    F_max: float
    F_mean: float
    F000: float | None
    d_max: float | None
    d_min: float | None
    completeness: float | None
    cell: CellParameters | None
    space_group: str | None

    def __str__(self) -> str:
        def shown(value: float | None, pattern: str) -> str:
            return "unknown" if value is None else format(value, pattern)

        cell = "unknown" if self.cell is None else " ".join(f"{x:.6g}" for x in self.cell)
        rows = {
            "reflections": f"{self.count} in P1, Friedel mates counted each",
            "F": f"{self.F_min:.5g} to {self.F_max:.5g}, mean {self.F_mean:.5g}",
            "F(000)": "not listed" if self.F000 is None else f"{self.F000:.7g}",
            "resolution": f"{shown(self.d_max, '.4g')} to {shown(self.d_min, '.4g')} Å",
            "completeness": shown(self.completeness, ".2%"),
            "cell": f"{cell} (Å, degrees)",
            "space group": self.space_group or "unknown",
        }
        return "".join(f"{name:<14}{text}\n" for name, text in rows.items())


class StructureFactors:
    """A list of structure factor amplitudes in P1.

    Parameters
    ----------
    hkl : array_like of int, shape (n, 3)
        Miller indices.
    F : array_like of float, shape (n,)
        Amplitudes in electrons.
    default_F : float
        Amplitude of everything that is not on the list.
    notes : tuple of str
        Remarks for the user, of whoever read the list.
    cell : sequence of 6 float, optional
        a, b, c in Å, alpha, beta, gamma in degrees. Serves as the crystal's where a configuration
        gives none.
    space_group : str, optional
        Hermann-Mauguin symbol of the crystal. It tells what is extinguished; the list itself is in
        P1, and nothing is expanded by it.

    Raises
    ------
    ConfigError
        Wrong shapes, indices that are not integers, numbers that are not finite, a cell that is
        none.
    """

    def __init__(
        self,
        hkl: ArrayLike,
        F: ArrayLike,
        default_F: float = 0.0,
        notes: tuple[str, ...] = (),
        *,
        cell: CellParameters | None = None,
        space_group: str | None = None,
    ) -> None:
        indices = np.asarray(hkl)
        amplitudes = np.array(F, dtype=np.float64)
        if indices.size == 0:
            indices = indices.reshape(0, 3)
        if indices.ndim != 2 or indices.shape[1] != 3:
            raise ConfigError("hkl", indices.shape, "must have the shape (n, 3)")
        if amplitudes.shape != (len(indices),):
            raise ConfigError("F", amplitudes.shape, f"must have the shape ({len(indices)},)")
        whole = indices.astype(np.int32)
        wrong = np.flatnonzero((whole != indices).any(axis=1))
        if wrong.size:
            raise ConfigError("hkl", indices[wrong[0]].tolist(), "must be 32-bit integers")
        bad = np.flatnonzero(~np.isfinite(amplitudes))
        if bad.size:
            where = f"F{tuple(whole[bad[0]].tolist())}"
            raise ConfigError(where, float(amplitudes[bad[0]]), "must be a finite number")
        if not np.isfinite(default_F):
            raise ConfigError("default_F", default_F, "must be a finite number")
        whole.setflags(write=False)
        amplitudes.setflags(write=False)
        self.hkl: NDArray[np.int32] = whole
        self.F: NDArray[np.float64] = amplitudes
        self.default_F = float(default_F)
        self.notes = notes
        self.cell = None if cell is None else _checked_cell(cell)
        self.space_group = space_group

    def __len__(self) -> int:
        """Count the entries."""
        return len(self.F)

    @classmethod
    def from_text(cls, path: str | os.PathLike[str], default_F: float = 0.0) -> StructureFactors:
        """Read ``h k l F`` lines (formats 1).

        Parameters
        ----------
        path : path-like
            The file.
        default_F : float
            Amplitude of everything that is not on the list.

        Raises
        ------
        FileError
            Naming the line that cannot be read.
        """
        from nbcy.inputs.hkl import read_hkl

        hkl, amplitudes, notes = read_hkl(path)
        return cls(hkl, amplitudes, default_F, notes)

    @classmethod
    def from_coordinates(
        cls,
        path: Path | Coordinates,
        dmin_angstrom: float,
        *,
        dmax_angstrom: float | None = None,
        k_sol: float = K_SOL,
        B_sol: float = B_SOL,
        anomalous: bool = False,
        wavelength_angstrom: float | None = None,
        default_F: float = 0.0,
    ) -> StructureFactors:
        """Calculate structure factors of atoms in a PDB or mmCIF file, and of bulk solvent.

        The scale is absolute: F(000) is the number of electrons in the cell, which is the sum of
        the atoms' occupancies times their form factors at 0, plus ``k_sol`` times the volume of the
        solvent; f' is in it when ``anomalous``. `nbcy.crystal.fcalc` says how, and how exactly.

        Hydrogens count where the file has them, alternative conformations by their occupancies.

        Parameters
        ----------
        path : path-like or Coordinates
            The file, perhaps compressed by gzip.
        dmin_angstrom, dmax_angstrom : float
            Finest and coarsest spacing; with a coarsest one there is no F(000).
        k_sol : float
            Density of the bulk solvent, electrons/Å³; 0 for none.
        B_sol : float
            Its B factor, Å².
        anomalous : bool
            Add f' and f'' of Cromer and Liberman: Friedel mates differ.
        wavelength_angstrom : float, optional
            Needed for that.
        default_F : float
            Amplitude of everything that is not on the list.

        Raises
        ------
        FileError
            No such file, no atoms, no unit cell, no known space group.
        ConfigError
            Values that cannot be right, or more than 20 million reflections.
        NbcyError
            gemmi is not installed.
        """
        _check_range(dmin_angstrom, dmax_angstrom)
        for name, value in (("k_sol", k_sol), ("B_sol", B_sol)):
            if not (math.isfinite(value) and value >= 0.0):
                raise ConfigError(name, value, "must be a number that is not negative")
        if anomalous and not (wavelength_angstrom is not None and wavelength_angstrom > 0.0):
            raise ConfigError(
                "wavelength_angstrom", wavelength_angstrom, "must be given for anomalous scattering"
            )
        every = FactorsOfWavelengths(
            path,
            dmin_angstrom,
            dmax_angstrom=dmax_angstrom,
            k_sol=k_sol,
            B_sol=B_sol,
            anomalous=anomalous,
            default_F=default_F,
        )
        return every.at(wavelength_angstrom if anomalous else None)

    @classmethod
    def from_mtz(
        cls,
        path: Path,
        column: str | None = None,
        *,
        anomalous: bool = False,
        dmin_angstrom: float | None = None,
        dmax_angstrom: float | None = None,
        missing: Missing | StructureFactors = "default",
        default_F: float = 0.0,
    ) -> StructureFactors:
        """Read measured amplitudes or intensities of an MTZ file and expand them to P1.

        Of an intensity the square root is taken; a negative one counts as 0, and a note says how
        many there were.

        Parameters
        ----------
        path : path-like
            A merged MTZ file, perhaps compressed by gzip.
        column : str, optional
            What to read, where there is a choice; of Bijvoet pairs either name, or both with a
            comma between, ``"F(+),F(-)"``.
        anomalous : bool
            Keep Friedel mates apart; else they are averaged.
        dmin_angstrom, dmax_angstrom : float, optional
            Finest and coarsest spacing to keep.
        missing : {"default", "shell"} or StructureFactors
            What reflections get that the file lacks within its resolution: ``default_F``; the root
            mean square amplitude of the nearest shell of resolution; or calculated values, to whose
            scale and fall-off the measured ones are then fitted.
        default_F : float
            Amplitude of everything that is not on the list.

        Raises
        ------
        FileError
            No such file, no MTZ, no amplitudes, or several that could be meant.
        ConfigError
            Values that cannot be right.
        NbcyError
            gemmi is not installed.
        """
        from nbcy.inputs.reflections import read_mtz

        _check_range(dmin_angstrom, dmax_angstrom)
        _check_missing(missing)
        data = read_mtz(path, column, anomalous)
        return cls._of_reflections(data, dmin_angstrom, dmax_angstrom, missing, default_F)

    @classmethod
    def from_cif(
        cls,
        path: Path,
        column: str | None = None,
        *,
        anomalous: bool = False,
        dmin_angstrom: float | None = None,
        dmax_angstrom: float | None = None,
        missing: Missing | StructureFactors = "default",
        default_F: float = 0.0,
    ) -> StructureFactors:
        """Read a structure factor mmCIF file; all else as for `from_mtz`.

        ``column`` is the name of a ``_refln`` item, such as ``F_meas_au``.
        """
        from nbcy.inputs.reflections import read_reflection_cif

        _check_range(dmin_angstrom, dmax_angstrom)
        _check_missing(missing)
        data = read_reflection_cif(path, column, anomalous)
        return cls._of_reflections(data, dmin_angstrom, dmax_angstrom, missing, default_F)

    @classmethod
    def _of_reflections(
        cls,
        data: Reflections,
        dmin: float | None,
        dmax: float | None,
        missing: Missing | StructureFactors,
        default_F: float,
    ) -> StructureFactors:
        """Expand to P1, and fill in what is missing."""
        group, cell = data.space_group, data.cell
        hkl, F = group.expand(data.hkl, data.plus, data.minus)
        notes = list(data.notes)
        measured = inverse_d_squared(hkl, cell)
        if dmin is None:
            dmin = 1.0 / math.sqrt(measured.max()) if measured.max() > 0.0 else math.inf
        inside = measured <= (1.0 + 1e-9) / dmin**2
        if not inside.any():
            raise ConfigError("dmin_angstrom", dmin, "leaves no reflection")
        hkl, F, measured = hkl[inside], F[inside], measured[inside]

        if isinstance(missing, StructureFactors):
            k, B = _fit(hkl, F, measured, missing)
            F = F * k * np.exp(-B * measured / 4.0)
            notes.append(f"F is multiplied by {k:.4g} exp({-B:.4g}/4d²) to fit the calculated F")
        if math.isfinite(dmin):
            every = sphere(cell, dmin)
            every = every[~group.absent(every)]
            gap = every[~np.isin(pack(every), pack(hkl))]
            part = f"{len(gap)} of {len(every)} reflections to {dmin:.4g} Å"
            values = np.empty(0)
            if not len(gap):
                pass
            elif isinstance(missing, StructureFactors):
                wanted = np.concatenate([np.zeros((1, 3), dtype=np.int32), gap])
                gap, values = missing._looked_up(wanted)
                notes.append(f"{part} are missing: calculated amplitudes are taken")
            elif missing == "shell":
                values = _shell_rms(measured, F, inverse_d_squared(gap, cell))
                notes.append(f"{part} are missing: the r.m.s. F of their shell is taken")
            else:
                gap = gap[:0]
                notes.append(f"{part} are missing: default_F = {default_F:g} is taken")
            hkl, F = np.concatenate([hkl, gap]), np.concatenate([F, values])
            order = np.argsort(pack(hkl))
            hkl, F = hkl[order], F[order]
        return cls._listed(hkl, F, default_F, tuple(notes), cell, group, dmin, dmax)

    @classmethod
    def _listed(
        cls,
        hkl: NDArray[np.int32],
        F: NDArray[np.float64],
        default_F: float,
        notes: tuple[str, ...],
        cell: CellParameters,
        group: SpaceGroup,
        dmin: float,
        dmax: float | None,
    ) -> StructureFactors:
        """Make a list of a sphere of reflections in P1."""
        if default_F != 0.0 and math.isfinite(dmin):  # what is extinguished must not take it
            every = sphere(cell, dmin)
            nothing = every[group.absent(every)]
            hkl = np.concatenate([hkl, nothing])
            F = np.concatenate([F, np.zeros(len(nothing))])
        if dmax is not None:
            kept = inverse_d_squared(hkl, cell) >= (1.0 - 1e-9) / dmax**2
            hkl, F = hkl[kept], F[kept]
        return cls(hkl, F, default_F, notes, cell=cell, space_group=group.name)

    def _looked_up(self, hkl: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return those of some reflections that are on the list, and their amplitudes."""
        keys = pack(self.hkl)
        order = np.argsort(keys)
        wanted = pack(hkl)
        at = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
        found = keys[order[at]] == wanted
        return hkl[found], self.F[order[at[found]]]

    def report(self) -> StructureFactorsReport:
        """Summarise the list.

        Raises
        ------
        ConfigError
            The space group is none.
        NbcyError
            gemmi, which knows space groups, is not installed.
        """
        centre = ~self.hkl.any(axis=1)
        F = self.F[~centre]
        d_max = d_min = completeness = None
        if self.cell is not None and len(F):
            hkl = self.hkl[~centre]
            squares = inverse_d_squared(hkl, self.cell)
            d_max, d_min = (1.0 / math.sqrt(s) for s in (squares.min(), squares.max()))
            group = SpaceGroup.find(self.space_group)
            every = sphere(self.cell, d_min)
            possible = len(every) - int(group.absent(every).sum())
            present = len(np.unique(pack(hkl[~group.absent(hkl)])))
            completeness = present / possible if possible else 0.0
        return StructureFactorsReport(
            count=len(self),
            F_min=float(F.min(initial=math.inf)) if len(F) else 0.0,
            F_max=float(F.max()) if len(F) else 0.0,
            F_mean=float(F.mean()) if len(F) else 0.0,
            F000=float(self.F[centre][0]) if centre.any() else None,
            d_max=d_max,
            d_min=d_min,
            completeness=completeness,
            cell=self.cell,
            space_group=self.space_group,
        )

    def to_text(self, path: Path) -> None:
        """Write ``h k l F`` lines; reading them again gives the same numbers.

        Raises
        ------
        FileError
            It cannot be written.
        """
        from nbcy.inputs.hkl import write_hkl

        write_hkl(path, self.hkl, self.F)

    def to_mtz(self, path: Path, cell: CellParameters | None = None) -> None:
        """Write an MTZ file in P 1, of float32.

        Equal Friedel mates share one column F, others have F(+) and F(-).

        Parameters
        ----------
        path : path-like
            The file.
        cell : sequence of 6 float, optional
            In place of the list's own; Å and degrees.

        Raises
        ------
        ConfigError
            There is no cell.
        FileError
            It cannot be written.
        NbcyError
            gemmi is not installed.
        """
        from nbcy.inputs.reflections import write_mtz

        written = self.cell if cell is None else _checked_cell(cell)
        if written is None:
            raise ConfigError("cell", None, "must be given: MTZ files have a unit cell")
        write_mtz(path, self.hkl, self.F, written)

    def to_grid(self) -> HklGrid:
        """Spread the list over its bounding box.

        Raises
        ------
        ConfigError
            The box would take more than 2 GiB.
        """
        if not len(self):
            low = high = np.zeros(3, dtype=np.int64)
        else:
            low = self.hkl.min(axis=0).astype(np.int64)
            high = self.hkl.max(axis=0).astype(np.int64)
        extent = [int(n) for n in high - low + 3]
        size = 8 * extent[0] * extent[1] * extent[2]
        if size > MAX_GRID_BYTES:
            box = " x ".join(f"{lo}...{hi}" for lo, hi in zip(low, high, strict=True))
            raise ConfigError(
                "hkl",
                box,
                f"the {len(self)} reflections span a box that would take {size / 1024**3:.1f} GiB; "
                f"at most {MAX_GRID_BYTES / 1024**3:.0f} GiB fit: remove the outlying indices",
            )
        data = np.full(extent, self.default_F)
        if len(self):
            at = self.hkl - low + 1
            data[at[:, 0], at[:, 1], at[:, 2]] = self.F
        data.setflags(write=False)
        return HklGrid(
            data,
            int(low[0]),
            int(high[0]),
            int(low[1]),
            int(high[1]),
            int(low[2]),
            int(high[2]),
            self.default_F,
            len(self),
        )


def _checked_cell(cell: CellParameters) -> CellParameters:
    values = tuple(float(x) for x in cell)
    if len(values) != 6 or not all(math.isfinite(x) and x > 0.0 for x in values):
        raise ConfigError("cell", cell, "must be six positive numbers: Å and degrees")
    a, b, c, alpha, beta, gamma = values
    inverse_d_squared(np.zeros((1, 3)), (a, b, c, alpha, beta, gamma))  # angles that form a cell
    return a, b, c, alpha, beta, gamma


class FactorsOfWavelengths:
    """Structure factors of coordinates at any wavelength, put together of a few complex lists.

    Parameters
    ----------
    path, dmin_angstrom, dmax_angstrom, k_sol, B_sol, default_F
        As for `StructureFactors.from_coordinates`.
    anomalous : bool
        Whether f' and f'' will be wanted.
    """

    def __init__(
        self,
        path: Path | Coordinates,
        dmin_angstrom: float,
        *,
        dmax_angstrom: float | None = None,
        k_sol: float = K_SOL,
        B_sol: float = B_SOL,
        anomalous: bool = True,
        default_F: float = 0.0,
    ) -> None:
        from nbcy.crystal.fcalc import calculate
        from nbcy.inputs.coordinates import Coordinates, read_coordinates

        model = path if isinstance(path, Coordinates) else read_coordinates(path)
        self._parts = calculate(model, dmin_angstrom, k_sol, B_sol, anomalous)
        # where each amplitude stands among those of unique reflections and their mates
        places = 1.0 + np.arange(2.0 * len(self._parts.hkl)).reshape(2, -1)
        hkl, at = model.space_group.expand(self._parts.hkl, *places)
        self._listed = StructureFactors._listed(
            hkl,
            at,
            default_F,
            model.notes,
            model.cell,
            model.space_group,
            dmin_angstrom,
            dmax_angstrom,
        )

    def at(self, wavelength_angstrom: float | None) -> StructureFactors:
        """Return the list at a wavelength, or without f' and f''."""
        found = self._parts.at(wavelength_angstrom)
        amplitudes = np.concatenate([[0.0], np.abs(found.plus), np.abs(found.minus)])
        listed = self._listed
        return StructureFactors(
            listed.hkl,
            amplitudes[listed.F.astype(np.int64)],
            listed.default_F,
            listed.notes,
            cell=listed.cell,
            space_group=listed.space_group,
        )


def _check_range(dmin: float | None, dmax: float | None) -> None:
    for name, value in (("dmin_angstrom", dmin), ("dmax_angstrom", dmax)):
        if value is not None and not (math.isfinite(value) and value > 0.0):
            raise ConfigError(name, value, "must be a positive number")
    if dmin is not None and dmax is not None and dmax < dmin:
        raise ConfigError("dmax_angstrom", dmax, f"must not be finer than dmin_angstrom, {dmin:g}")


def _check_missing(missing: object) -> None:
    if isinstance(missing, StructureFactors):
        if missing.cell is None or not len(missing):
            raise ConfigError("missing", "structure factors", "must have a cell and reflections")
    elif missing not in get_args(Missing):
        raise ConfigError("missing", missing, "must be 'default', 'shell' or StructureFactors")


def _edges(squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut reflections into shells of equal volume; return the limits between them, 1/Å²."""
    number = max(1, min(50, len(squares) // _SHELL))
    low, high = (float(x) ** 1.5 for x in (squares.min(), squares.max()))
    between: NDArray[np.float64] = np.linspace(low, high, number + 1)[1:-1] ** (2.0 / 3.0)
    return between


def _shell_rms(
    squares: NDArray[np.float64], F: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Root mean square amplitude of the nearest shell that has reflections.

    Parameters
    ----------
    squares, wanted : ndarray
        1/d² of what is known and of what is asked for, 1/Å².
    F : ndarray
        Amplitudes.
    """
    positive = squares > 0.0
    squares, F = squares[positive], F[positive]
    if not len(F):
        return np.zeros(len(wanted))
    edges = _edges(squares)
    shell = np.searchsorted(edges, squares)
    count = np.bincount(shell, minlength=len(edges) + 1)
    total = np.bincount(shell, F * F, minlength=len(edges) + 1)
    filled = np.flatnonzero(count)
    asked = np.searchsorted(edges, wanted)
    nearest = filled[abs(filled[:, np.newaxis] - np.arange(len(edges) + 1)).argmin(axis=0)][asked]
    rms: NDArray[np.float64] = np.sqrt(total[nearest] / count[nearest])
    return rms


def _fit(
    hkl: NDArray[np.int32],
    F: NDArray[np.float64],
    squares: NDArray[np.float64],
    calculated: StructureFactors,
) -> tuple[float, float]:
    """Fit k and B of k·exp(-B/4d²) to the mean intensities of shells (Wilson).

    Returns
    -------
    k : float
    B : float
        Å².
    """
    common, F_calculated = calculated._looked_up(hkl)
    at = np.isin(pack(hkl), pack(common)) & (squares > 0.0)
    kept = common.any(axis=1)
    F, F_calculated, squares = F[at], F_calculated[kept], squares[at]
    if not len(F):
        raise ConfigError("missing", "structure factors", "must have reflections in common")
    shell = np.searchsorted(_edges(squares), squares)
    count = np.bincount(shell)
    means = [np.bincount(shell, x) / np.maximum(count, 1) for x in (F**2, F_calculated**2, squares)]
    used = (count > 0) & (means[0] > 0.0) & (means[1] > 0.0)
    if not used.any():
        raise ConfigError("missing", "structure factors", "must not be 0")
    observed, wanted, at_square = (mean[used] for mean in means)
    weight = np.sqrt(count[used])
    # One shell alone says nothing about B.
    columns = [np.ones(used.sum())] + ([-at_square / 2.0] if used.sum() > 1 else [])
    system = np.stack(columns, axis=1) * weight[:, np.newaxis]
    solution = np.linalg.lstsq(system, np.log(wanted / observed) * weight, rcond=None)[0]
    return math.exp(solution[0] / 2.0), float(solution[1]) if len(solution) > 1 else 0.0

"""Structure factors of atoms and bulk solvent, in electrons.

The density of the atoms (form factors of International Tables C, 1992, as five Gaussians with the
constant as one of width 0, times the displacement) is laid on a grid five times as fine as the
resolution, smeared to a B of at least 4 dmin² and sharpened back after the Fourier transform. What
is left of aliasing, of the cut-off at 1e-8 electrons/Å³ and of float32 (at atomic resolution the
largest part, as sharpening enlarges it) is below 1e-5 of the mean amplitude, and of F(000).

The solvent is a flat mask (Jiang and Brünger 1994), on a grid of at most 0.5 Å: what is outside of
van der Waals radii enlarged by 1.1 Å, grown again by 0.9 Å.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nbcy.base.constants import B_SOL, EV_ANGSTROM, K_SOL
from nbcy.base.symmetry import check_sphere, inverse_d_squared, need_gemmi

if TYPE_CHECKING:
    from nbcy.inputs.coordinates import Coordinates

ComplexArray = NDArray[np.complex128]

_OVERSAMPLING = 2.5
_BLUR = 4.0
_CUTOFF = 1e-8
_COARSEST = 3.0  # Å: a coarser grid would have to be smeared over more than small cells
_COARSEST_MASK = 0.5  # Å: how much of the cell is solvent depends on it, at 0.5 by a few percent


@dataclass(frozen=True, eq=False)
class CalculatedFactors:
    """Structure factors of the unique reflections.

    Attributes
    ----------
    hkl : ndarray of int32, shape (n, 3)
        0 0 0, then one of each set of equivalents under Laue symmetry that is not absent.
    plus, minus : ndarray of complex128, shape (n,)
        F(hkl) and F(-hkl), electrons.
    solvent_fraction : float
        Part of the cell that bulk solvent fills, 0 where none is modelled.
    """

    hkl: NDArray[np.int32]
    plus: ComplexArray
    minus: ComplexArray
    solvent_fraction: float


@dataclass(frozen=True, eq=False)
class FactorParts:
    """What structure factors of any wavelength are put together of.

    Attributes
    ----------
    hkl : ndarray of int32, shape (n, 3)
        As of `CalculatedFactors`.
    normal : ndarray of complex128, shape (n,)
        F(hkl) without anomalous scattering, electrons.
    anomalous : mapping of int to ndarray of complex128, shape (n,)
        By atomic number: F(hkl) if each of these atoms had f = 1 at all angles, and the rest none.
    solvent_fraction : float
    """

    hkl: NDArray[np.int32]
    normal: ComplexArray
    anomalous: Mapping[int, ComplexArray]
    solvent_fraction: float

    def at(self, wavelength: float | None) -> CalculatedFactors:
        """Return the structure factors at a wavelength (Å), or without f' and f''."""
        plus, minus = self.normal.copy(), self.normal.conj()
        if wavelength is not None:
            gemmi = need_gemmi("anomalous scattering")
            for z, part in self.anomalous.items():
                f = complex(*gemmi.cromer_liberman(z, EV_ANGSTROM / wavelength))
                plus += f * part
                minus += f * part.conj()
        return CalculatedFactors(self.hkl, plus, minus, self.solvent_fraction)


def calculate(
    model: Coordinates,
    dmin: float,
    k_sol: float = K_SOL,
    b_sol: float = B_SOL,
    anomalous: bool = False,
) -> FactorParts:
    """Calculate structure factors.

    Parameters
    ----------
    model : Coordinates
    dmin : float
        Finest spacing, Å.
    k_sol, b_sol : float
        Density (electrons/Å³; 0 for no solvent) and B factor (Å²) of the bulk solvent.
    anomalous : bool
        Whether f' and f'' will be wanted. They are Cromer and Liberman's, which know nothing of
        white lines at edges.

    Raises
    ------
    ConfigError
        More than 20 million reflections.
    """
    gemmi = need_gemmi("calculating structure factors")
    check_sphere(model.cell, dmin)
    group, cell = model.structure.find_spacegroup(), model.structure.cell
    unique = gemmi.make_miller_array(cell, group, dmin * (1.0 - 1e-9))
    hkl = np.concatenate([np.zeros((1, 3), dtype=np.int32), unique])
    stol2 = inverse_d_squared(hkl, model.cell) / 4.0

    density = _density(gemmi, model, min(dmin, _COARSEST))
    sharpen = np.exp(density.blur * stol2)
    density.put_model_density_on_grid(model.structure[0])
    normal = _transform(gemmi, density.grid, hkl) * sharpen
    fraction = 0.0
    if k_sol > 0.0:
        mask = _solvent(gemmi, model, dmin)
        fraction = float(np.mean(mask.array))
        normal += k_sol * np.exp(-b_sol * stol2) * _transform(gemmi, mask, hkl)
    parts: dict[int, ComplexArray] = {}
    sites = list(model.structure[0].all()) if anomalous else []
    for z in sorted({site.atom.element.atomic_number for site in sites}):
        density.initialize_grid()
        for site in sites:
            if site.atom.element.atomic_number == z:
                density.add_c_contribution_to_grid(site.atom, 1.0)
        density.grid.symmetrize_sum()
        parts[z] = _transform(gemmi, density.grid, hkl) * sharpen
    return FactorParts(hkl, normal, parts, fraction)


def _density(gemmi: Any, model: Coordinates, dmin: float) -> Any:
    from nbcy.inputs.coordinates import lowest_b

    density = gemmi.DensityCalculatorX()
    density.d_min = dmin
    density.rate = _OVERSAMPLING
    density.cutoff = _CUTOFF
    tightest = min(lowest_b(site.atom) for site in model.structure[0].all())
    density.blur = max(0.0, _BLUR * dmin**2 - tightest)
    density.set_grid_cell_and_spacegroup(model.structure)
    return density


def _solvent(gemmi: Any, model: Coordinates, dmin: float) -> Any:
    """Return 1 where the solvent is and 0 elsewhere."""
    mask = gemmi.FloatGrid()
    mask.set_unit_cell(model.structure.cell)
    mask.spacegroup = model.structure.find_spacegroup()
    spacing = min(dmin / 4.0, _COARSEST_MASK)
    mask.set_size_from_spacing(spacing, gemmi.GridSizeRounding.Up)
    masker = gemmi.SolventMasker(gemmi.AtomicRadiiSet.Cctbx)
    masker.put_mask_on_float_grid(mask, model.structure[0])
    return mask


def _transform(gemmi: Any, grid: Any, hkl: NDArray[np.int32]) -> ComplexArray:
    """Fourier coefficients at ``hkl``; the transform holds those with l >= 0."""
    coefficients = np.array(gemmi.transform_map_to_f_phi(grid, half_l=True), copy=False)
    friedel = hkl[:, 2] < 0
    h, k, l = np.where(friedel[:, np.newaxis], -hkl, hkl).T  # noqa: E741
    values = coefficients[h, k, l].astype(np.complex128)
    result: ComplexArray = np.where(friedel, values.conj(), values)
    return result

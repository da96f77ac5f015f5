"""Structure factors of real structures, against sums over atoms and against gemmi."""

from __future__ import annotations

import gzip
import math
import re
import sys
from functools import cache
from pathlib import Path

import gemmi
import numpy as np
import pytest
from conftest import DATA
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from nbcy import StructureFactors
from nbcy.base.errors import ConfigError, FileError, NbcyError
from nbcy.base.symmetry import SpaceGroup, inverse_d_squared, pack, sphere
from nbcy.cli.main import main
from nbcy.config import Config
from nbcy.crystal.fcalc import calculate
from nbcy.inputs.coordinates import read_coordinates
from nbcy.inputs.reflections import read_mtz
from nbcy.render.building import build_scene

STRUCTURES = DATA / "structures"
PEPTIDE = STRUCTURES / "5e5z.pdb"
CRO = STRUCTURES / "1orc.pdb"
INTERLEUKIN = STRUCTURES / "1l2h.cif.gz"
MEASURED = STRUCTURES / "1l2h.mtz.gz"

STATED = 1e-5
"""Of the mean amplitude and of F(000): what `nbcy.crystal.fcalc` promises."""

FLOAT32 = 2.0**-23


def sum_over_atoms(path, hkl, wavelength=None):
    """F as International Tables define it: every atom of every asymmetric unit, one by one."""
    structure = gemmi.read_structure(str(path))
    fractional = np.array(structure.cell.frac.mat.tolist())
    hkl = np.asarray(hkl, dtype=float)
    stol2 = np.sum((hkl @ fractional) ** 2, axis=1) / 4.0
    total = np.zeros(len(hkl), dtype=complex)
    for site in structure[0].all():
        atom = site.atom
        table = atom.element.it92
        factor = table.c + sum(
            a * np.exp(-b * stol2) for a, b in zip(table.a, table.b, strict=True)
        )
        if wavelength is not None:
            real, imaginary = gemmi.cromer_liberman(
                atom.element.atomic_number, 12398.42 / wavelength
            )
            factor = factor + real + 1j * imaginary
        x = fractional @ atom.pos.tolist()
        for op in structure.find_spacegroup().operations():
            turned = hkl @ (np.array(op.rot) / op.DEN)
            if atom.aniso.nonzero():
                s = turned @ fractional
                U = np.array(atom.aniso.as_mat33().tolist())
                shake = np.exp(-2.0 * np.pi**2 * np.einsum("ni,ij,nj->n", s, U, s))
            else:
                shake = np.exp(-atom.b_iso * stol2)
            phase = turned @ x + hkl @ (np.array(op.tran) / op.DEN)
            total += atom.occ * factor * shake * np.exp(2j * np.pi * phase)
    return total


def some(factors, number, seed=0):
    """Some of the entries but 0 0 0."""
    rows = np.flatnonzero(factors.hkl.any(axis=1))
    rows = np.random.default_rng(seed).choice(rows, min(number, len(rows)), replace=False)
    return factors.hkl[rows], factors.F[rows]


@cache
def interleukin(**options):
    return StructureFactors.from_coordinates(INTERLEUKIN, 1.54, **options)


def by_index(factors):
    return dict(zip(map(tuple, factors.hkl.tolist()), factors.F.tolist(), strict=True))


# ---- Fcalc


@pytest.mark.parametrize(
    ("path", "dmin", "wavelength"),
    [
        (PEPTIDE, 1.0, None),
        (PEPTIDE, 0.7, 0.7),
        (PEPTIDE, 4.0, None),
        (PEPTIDE, 1.6, 2.5),
        (CRO, 1.8, None),
        (CRO, 2.2, 1.7),
        (INTERLEUKIN, 1.54, None),
        (INTERLEUKIN, 4.0, 1.0),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_amplitudes_are_those_of_a_sum_over_atoms(path, dmin, wavelength):
    factors = StructureFactors.from_coordinates(
        path, dmin, k_sol=0.0, anomalous=wavelength is not None, wavelength_angstrom=wavelength
    )
    hkl, F = some(factors, 60)
    lowest = np.argsort(inverse_d_squared(factors.hkl, factors.cell))[1:15]
    hkl, F = np.concatenate([hkl, factors.hkl[lowest]]), np.concatenate([F, factors.F[lowest]])
    assert np.abs(F - abs(sum_over_atoms(path, hkl, wavelength))).max() < STATED * factors.F.mean()


def test_phases_and_friedel_mates_are_those_of_a_sum_over_atoms():
    found = calculate(read_coordinates(PEPTIDE), 1.6, 0.0, 0.0, anomalous=True).at(2.5)
    mean = abs(found.plus[1:]).mean()
    allowed = STATED * np.where(found.hkl.any(axis=1), mean, abs(found.plus[0]))
    for values, hkl in ((found.plus, found.hkl), (found.minus, -found.hkl)):
        assert (abs(values - sum_over_atoms(PEPTIDE, hkl, 2.5)) < allowed).all()
    assert abs(found.plus - found.minus.conj()).max() > 0.01 * mean


def test_f000_is_the_number_of_electrons():
    structure = gemmi.read_structure(str(CRO))
    images = len(structure.find_spacegroup().operations())
    electrons = images * sum(a.atom.occ * a.atom.element.atomic_number for a in structure[0].all())
    alone = StructureFactors.from_coordinates(CRO, 3.0, k_sol=0.0).report().F000
    # The table's five Gaussians give Z to three or four digits.
    assert alone == pytest.approx(electrons, rel=5e-4)
    assert alone == pytest.approx(sum_over_atoms(CRO, [(0, 0, 0)])[0].real, rel=2e-6)

    model = read_coordinates(CRO)
    found = calculate(model, 3.0, k_sol=0.4).at(None)
    added = 0.4 * found.solvent_fraction * structure.cell.volume
    assert found.plus[0].real == pytest.approx(alone + added, rel=2e-6)


def test_the_solvent_adds_a_mask_that_falls_off():
    model = read_coordinates(CRO)
    bare, thin, thick, soft = (
        calculate(model, 3.0, k, B).normal for k, B in ((0, 0), (0.2, 10), (0.4, 10), (0.2, 60))
    )
    stol2 = inverse_d_squared(calculate(model, 3.0).hkl, model.cell) / 4.0
    scale = abs(thin - bare)[1:].mean()
    assert np.allclose(thick - bare, 2.0 * (thin - bare), rtol=1e-9, atol=1e-9 * scale)
    assert np.allclose(
        soft - bare, (thin - bare) * np.exp(-50.0 * stol2), rtol=1e-9, atol=1e-9 * scale
    )
    # Matthews: a protein fills 1.23 Å³/Da.
    dalton = 4 * sum(a.atom.occ * a.atom.element.weight for a in model.structure[0].all())
    share = 1.0 - 1.23 * dalton / model.structure.cell.volume
    assert calculate(model, 3.0).solvent_fraction == pytest.approx(share, abs=0.1)


def test_anomalous_scattering_splits_friedel_mates_and_nothing_else():
    plain = by_index(StructureFactors.from_coordinates(CRO, 3.0))
    split = by_index(
        StructureFactors.from_coordinates(CRO, 3.0, anomalous=True, wavelength_angstrom=1.7)
    )
    assert plain.keys() == split.keys()
    assert all(plain[-h, -k, -l] == F for (h, k, l), F in plain.items())  # noqa: E741
    differing = 0
    for (h, k, l), F in split.items():  # noqa: E741
        # P 21 21 21: two signs changed are equivalent, and where an index is 0 so is the mate.
        assert F == split[-h, -k, l] == split[h, -k, -l] == split[-h, k, -l]
        centric = 0 in (h, k, l)
        mate = split[-h, -k, -l]
        assert not centric or mate == F
        differing += not centric and mate != F
    assert differing > 0.5 * len(split)


def test_equivalent_reflections_have_one_amplitude():
    at = by_index(interleukin())
    for (h, k, l), F in list(at.items())[::97]:  # noqa: E741
        assert F == at[-k, h, l] == at[-h, -k, l] == at[k, -h, l] == at[-h, -k, -l]


def test_the_list_is_a_sphere_in_p1():
    factors = interleukin()
    report = factors.report()
    assert report.completeness == 1.0
    assert report.d_min == pytest.approx(1.54, rel=1e-3)
    assert report.d_min >= 1.54
    assert (report.cell, report.space_group) == ((53.89, 53.89, 77.36, 90, 90, 90), "P 43")
    absent = factors.hkl[(factors.hkl[:, :2] == 0).all(axis=1)][:, 2]
    assert set(absent % 4) == {0}
    text = str(report)
    for part in ("257489 in P1", "53.89 to 1.54 Å", "100.00%", "P 43", "81209"):
        assert part in text

    filled = StructureFactors.from_coordinates(CRO, 4.0, default_F=7.0)
    grid = filled.to_grid().data[1:-1, 1:-1, 1:-1]
    at = by_index(filled)
    assert at[1, 0, 0] == at[0, 0, 3] == 0.0 != at[2, 0, 0]
    assert grid.max() > 7.0 == grid[0, 0, 0]

    shell = StructureFactors.from_coordinates(CRO, 4.0, dmax_angstrom=8.0)
    spacing = 1.0 / np.sqrt(inverse_d_squared(shell.hkl, shell.cell))
    assert spacing.min() >= 4.0
    assert spacing.max() <= 8.0
    assert shell.report().F000 is None


ATOM = "ATOM  {:5d}  {:<3} ALA A{:4d}    {:8.3f}{:8.3f}{:8.3f}{:6.2f}{:6.2f}          {:>2}\n"
CRYST = "CRYST1   12.000   14.000   16.000  90.00  90.00  90.00 {:<11}\n"


def pdb(tmp_path, *atoms, group="P 1", head=None, name="model.pdb"):
    """Write a PDB file of atoms: element, position, and perhaps occupancy and B."""
    lines = [CRYST.format(group) if head is None else head]
    for i, (element, position, *rest) in enumerate(atoms, 1):
        occupancy, B = rest or (1.0, 15.0)
        lines.append(ATOM.format(i, element, i, *position, occupancy, B, element))
    path = tmp_path / name
    path.write_text("".join(lines) + "END\n")
    return path


CARBON = ("C", (1.0, 2.0, 3.0))


def test_what_does_not_scatter_is_noted(tmp_path):
    atoms = [CARBON, ("O", (4.0, 4.0, 4.0), 0.0, 20.0), ("X", (8.0, 8.0, 8.0))]
    full = StructureFactors.from_coordinates(pdb(tmp_path, *atoms), 3.0)
    assert "left out: 1 X" in full.notes[0]
    assert "1 atoms have occupancy 0" in full.notes[1]
    alone = StructureFactors.from_coordinates(pdb(tmp_path, CARBON), 3.0, k_sol=0.0)
    without = StructureFactors.from_coordinates(pdb(tmp_path, *atoms), 3.0, k_sol=0.0)
    assert np.allclose(alone.F, without.F, rtol=1e-5)
    assert alone.notes == ()

    special = pdb(tmp_path, ("C", (0.0, 2.0, 0.0)), CARBON, group="P 1 2 1")
    assert (
        "1 atoms on special positions" in StructureFactors.from_coordinates(special, 3.0).notes[0]
    )
    shared = pdb(tmp_path, ("C", (0.0, 2.0, 0.0), 0.5, 15.0), CARBON, group="P 1 2 1")
    assert StructureFactors.from_coordinates(shared, 3.0).notes == ()
    nameless = StructureFactors.from_coordinates(pdb(tmp_path, CARBON, group=""), 3.0)
    assert "P 1 is taken" in nameless.notes[0]


def test_models_and_copies(tmp_path):
    one = pdb(tmp_path, CARBON).read_text()
    head, atom, _ = one.splitlines(keepends=True)
    other = ATOM.format(1, "C", 1, 5.0, 5.0, 5.0, 1.0, 15.0, "C")
    path = tmp_path / "models.pdb"
    path.write_text(f"{head}MODEL        1\n{atom}ENDMDL\nMODEL        2\n{other}ENDMDL\nEND\n")
    factors = StructureFactors.from_coordinates(path, 3.0)
    assert "first of 2 models" in factors.notes[0]
    assert np.array_equal(
        factors.F, StructureFactors.from_coordinates(pdb(tmp_path, CARBON), 3.0).F
    )

    copied = head + "".join(
        f"MTRIX{row + 1}   1{x:10.6f}{y:10.6f}{z:10.6f}     {shift:10.5f}\n"
        for row, ((x, y, z), shift) in enumerate(zip(np.eye(3), (4, 3, 2), strict=True))
    )
    path.write_text(copied + atom + "END\n")
    factors = StructureFactors.from_coordinates(path, 3.0, k_sol=0.0)
    both = pdb(tmp_path, CARBON, ("C", (5.0, 5.0, 5.0)))
    assert "strict NCS" in factors.notes[0]
    expected = StructureFactors.from_coordinates(both, 3.0, k_sol=0.0)
    assert np.allclose(factors.F, expected.F, rtol=1e-5)


# ---- symmetry

GROUPS = [group for group in gemmi.spacegroup_table_itb() if group.is_reference_setting()]
CELLS = {
    "triclinic": (9, 10, 11, 80, 95, 100),
    "monoclinic": (9, 10, 11, 90, 95, 90),
    "orthorhombic": (9, 10, 11, 90, 90, 90),
    "tetragonal": (10, 10, 12, 90, 90, 90),
    "trigonal": (10, 10, 12, 90, 90, 120),
    "hexagonal": (10, 10, 12, 90, 90, 120),
    "cubic": (10, 10, 10, 90, 90, 90),
}


@given(group=st.sampled_from(GROUPS), data=st.data())
def test_every_space_group_expands_to_its_sphere(group, data):
    cell = CELLS[group.crystal_system_str()]
    mine = SpaceGroup.of_gemmi(group)
    unique = gemmi.make_miller_array(gemmi.UnitCell(*cell), group, 2.1)
    seed = data.draw(st.integers(0, 2**32 - 1))
    plus, minus = np.random.default_rng(seed).uniform(1.0, 2.0, (2, len(unique)))
    hkl, F = mine.expand(unique, plus, minus)
    every = sphere(cell, 2.1)
    assert np.array_equal(hkl, every[~mine.absent(every)])
    # gemmi's own mapping to the asymmetric unit; an odd isym is of the reflection itself.
    asu, operations = gemmi.ReciprocalAsu(group), group.operations()
    at = {tuple(index): i for i, index in enumerate(unique.tolist())}
    for index, value in list(zip(hkl.tolist(), F.tolist(), strict=True))[:: max(1, len(F) // 40)]:
        image, isym = asu.to_asu(index, operations)
        i = at[tuple(image)]
        if operations.is_reflection_centric(image):
            assert value == plus[i]
        else:
            assert value == (plus[i] if isym % 2 else minus[i])


@given(group=st.sampled_from(GROUPS), seed=st.integers(0, 2**32 - 1))
def test_representatives_are_shared_by_equivalents_alone(group, seed):
    mine = SpaceGroup.of_gemmi(group)
    hkl = np.random.default_rng(seed).integers(-9, 10, (30, 3)).astype(np.int32)
    keys, friedel = mine.representatives(hkl)
    for rotation in mine.rotations:
        turned = (hkl @ rotation).astype(np.int32)
        again, mates = mine.representatives(turned)
        assert np.array_equal(again, keys)
        assert np.array_equal(mates, friedel)
    again, mates = mine.representatives(-hkl)
    assert np.array_equal(again, keys)
    assert not (mates & friedel).any()
    canonical = hkl.copy()
    group.switch_to_asu(canonical)
    assert len(np.unique(keys)) == len(np.unique(pack(canonical)))


def test_a_sphere_is_what_gemmi_counts():
    cell = (31.0, 42.0, 53.0, 75.0, 95.0, 110.0)
    p1 = gemmi.find_spacegroup_by_name("P 1")
    counted = gemmi.count_reflections(gemmi.UnitCell(*cell), p1, 3.0, unique=False)
    hkl = sphere(cell, 3.0)
    assert len(hkl) == counted
    spacing = [gemmi.UnitCell(*cell).calculate_d(index) for index in hkl[:50].tolist()]
    assert np.allclose(1.0 / np.sqrt(inverse_d_squared(hkl[:50], cell)), spacing, rtol=1e-12)


# ---- measured


def mtz_file(path, columns, hkl, *values, group="P 21 21 21", cell=(40, 50, 60, 90, 90, 90)):
    """Write an MTZ file: columns as ``label:type``."""
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = gemmi.find_spacegroup_by_name(group)
    mtz.set_cell_for_all(gemmi.UnitCell(*cell))
    mtz.add_dataset("data")
    for column in columns.split():
        label, kind = column.split(":")
        mtz.add_column(label, kind)
    mtz.set_data(np.ascontiguousarray(np.column_stack([hkl, *values]), dtype=np.float32))
    mtz.write_to_file(str(path))
    return path


HKL = [(1, 2, 3), (2, 2, 2), (0, 2, 4), (3, 1, 2)]
nan = math.nan


def test_measured_intensities_agree_with_calculated_ones():
    measured = StructureFactors.from_mtz(MEASURED)
    report = measured.report()
    assert (report.space_group, report.F000) == ("P 43", None)
    assert report.d_min == pytest.approx(1.5388, abs=1e-4)
    assert report.completeness == pytest.approx(250658 / 258180)
    assert "448 of 31781 intensities in IMEAN are negative" in measured.notes[0]
    assert "7522 of 258180 reflections" in measured.notes[1]

    def agreement(**options):
        scaled = StructureFactors.from_mtz(MEASURED, missing=interleukin(**options))
        common = np.isin(pack(scaled.hkl), pack(measured.hkl))
        hkl, F = interleukin(**options)._looked_up(scaled.hkl[common])
        observed = scaled._looked_up(hkl)[1]
        assert len(F) > 250_000
        # This crystal was a twin by k h -l; its smaller part is about 0.36.
        twin = interleukin(**options)._looked_up(hkl[:, [1, 0, 2]] * np.int32([1, 1, -1]))[1]
        F = np.sqrt(0.64 * F**2 + 0.36 * twin**2)
        F *= (observed * F).sum() / (F * F).sum()
        return abs(observed - F).sum() / observed.sum(), np.corrcoef(observed, F)[0, 1]

    (R, correlation), (bare, _) = agreement(), agreement(k_sol=0.0)
    # What refined models have, though all that is fitted here is one scale and one B.
    assert R < 0.17
    assert correlation > 0.95
    assert bare > R + 0.01


def test_missing_reflections_are_filled():
    shell = StructureFactors.from_mtz(MEASURED, missing="shell", dmin_angstrom=2.5)
    filled = StructureFactors.from_mtz(MEASURED, missing=interleukin(), dmin_angstrom=2.5)
    bare = StructureFactors.from_mtz(MEASURED, dmin_angstrom=2.5)
    assert (
        shell.report().completeness
        == filled.report().completeness
        == 1.0
        > (bare.report().completeness)
    )
    assert filled.report().F000 == interleukin().report().F000
    known, guessed, calculated = by_index(bare), by_index(shell), by_index(filled)
    theirs = by_index(interleukin())
    ratio = {index: calculated[index] / F for index, F in known.items() if F > 0.0}
    # The fit is one scale and one fall-off: the ratio depends on the spacing alone.
    squares = inverse_d_squared(np.array(list(ratio)), bare.cell)
    slope, offset = np.polyfit(squares, np.log(list(ratio.values())), 1)
    assert np.allclose(np.log(list(ratio.values())), offset + slope * squares, atol=1e-9)
    for index in guessed.keys() - known.keys():
        assert calculated[index] == theirs[index]
    for index, F in known.items():
        assert guessed[index] == F
    # Never near 0 nor near the largest: the mean of a shell.
    new = np.array([guessed[index] for index in guessed.keys() - known.keys()])
    assert bare.F.mean() / 4.0 < new.min()
    assert new.max() < bare.F.max() / 1.5


def test_a_shell_is_its_root_mean_square(tmp_path):
    path = mtz_file(tmp_path / "a.mtz", "F:F", HKL, [3.0, 4.0, 5.0, 6.0], group="P 1")
    factors = StructureFactors.from_mtz(path, missing="shell")
    known = {tuple(s * i for i in index) for index in HKL for s in (1, -1)}
    values = {F for index, F in by_index(factors).items() if index not in known}
    assert len(values) == 1
    assert values.pop() == pytest.approx(math.sqrt((9 + 16 + 25 + 36) / 4))


def test_bijvoet_pairs(tmp_path):
    columns = "F(+):G SIGF(+):L F(-):G SIGF(-):L DANO:D"
    one = [1.0] * 4
    path = mtz_file(
        tmp_path / "a.mtz", columns, HKL, [3, 4, 5, nan], one, [1, 2, 7, 9], one, [2, 2, 0, nan]
    )
    kept = by_index(StructureFactors.from_mtz(path, anomalous=True))
    # 0 2 4 is centric: its pair is one reflection; of 3 1 2 only one mate was measured.
    for index, plus, minus in zip(HKL, (3, 4, 6, 9), (1, 2, 6, 9), strict=True):
        h, k, l = index  # noqa: E741
        assert (kept[index], kept[-h, -k, l], kept[-h, -k, -l]) == (
            plus if index != (0, 2, 4) else 5,
            plus if index != (0, 2, 4) else 5,
            minus if index != (0, 2, 4) else 5,
        )
    for column in (None, "F(+)", "F(-)", "F(+),F(-)"):
        merged = by_index(StructureFactors.from_mtz(path, column))
        assert [merged[index] for index in HKL] == [2, 3, 6, 9]
        assert merged[-1, -2, -3] == 2

    intensities = mtz_file(
        tmp_path / "b.mtz", "I(+):K I(-):K", HKL, [9, 16, 4, -1], [25, nan, 4, -9]
    )
    factors = StructureFactors.from_mtz(intensities, anomalous=True)
    kept = by_index(factors)
    assert (kept[1, 2, 3], kept[-1, -2, -3], kept[2, 2, 2], kept[-2, -2, -2]) == (3, 5, 4, 4)
    assert kept[3, 1, 2] == kept[-3, -1, -2] == 0
    assert "1 of 4 intensities" in factors.notes[0]
    merged = by_index(StructureFactors.from_mtz(intensities))
    assert merged[1, 2, 3] == pytest.approx(math.sqrt(17))

    plain = mtz_file(tmp_path / "c.mtz", "F:F", HKL, [1, 2, 3, 4])
    assert "no Bijvoet pairs" in StructureFactors.from_mtz(plain, anomalous=True).notes[0]
    both = mtz_file(tmp_path / "d.mtz", "FP:F F(+):G F(-):G", HKL, [1, 2, 3, 4], [2] * 4, [3] * 4)
    assert by_index(StructureFactors.from_mtz(both))[1, 2, 3] == 1
    assert by_index(StructureFactors.from_mtz(both, anomalous=True))[-1, -2, -3] == 3


def test_values_that_cannot_be_are_left_out(tmp_path):
    path = mtz_file(tmp_path / "a.mtz", "F:F", [*HKL, (1, 0, 0), (0, 0, 0)], [1, nan, 3, 4, 5, 6])
    factors = StructureFactors.from_mtz(path)
    listed = by_index(factors)
    assert (2, 2, 2) not in listed
    assert (1, 0, 0) not in listed
    assert listed[0, 0, 0] == 6
    assert "1 values of reflections that P 21 21 21 extinguishes" in factors.notes[0]


def test_structure_factor_mmcif(tmp_path):
    path = STRUCTURES / "4aap-sf-subset.cif"
    with pytest.raises(FileError, match=r"F_meas_au \(amplitude\); F_calc \(amplitude\)"):
        StructureFactors.from_cif(path)
    factors = StructureFactors.from_cif(path, "F_meas_au")
    listed = by_index(factors)
    assert factors.space_group == "P 32 2 1"
    assert listed[0, 0, 15] == listed[0, 0, -15] == 106.8
    assert (4, 1, -101) not in listed  # status x
    # P 3 2 1: h k l, -h-k h l, and k h -l are equivalent.
    assert listed[7, 5, -3] == listed[-12, 7, -3] == listed[5, 7, 3] == 244.7

    text = (
        path.read_text()
        .replace("F_meas_au", "intensity_meas")
        .replace("refln.F_calc", "refln.other")
    )
    changed = tmp_path / "sf.cif.gz"
    changed.write_bytes(gzip.compress(text.encode()))
    assert by_index(StructureFactors.from_cif(changed))[0, 0, 15] == pytest.approx(106.8**0.5)
    assert by_index(StructureFactors.from_cif(path, "F_calc"))[4, 1, -100] == 16.0


# ---- writing


def test_mtz_is_read_back_by_gemmi(tmp_path):
    factors = StructureFactors.from_coordinates(CRO, 3.0)
    factors.to_mtz(tmp_path / "a.mtz")
    mtz = gemmi.read_mtz_file(str(tmp_path / "a.mtz"))
    assert (mtz.spacegroup_name, mtz.cell.parameters) == ("P 1", factors.cell)
    assert [(c.label, c.type) for c in mtz.columns[3:]] == [("F", "F")]
    at = by_index(factors)
    table = np.array(mtz)
    assert 2 * len(table) - 1 == len(factors)
    for h, k, l, F in table.tolist():  # noqa: E741
        assert F == np.float32(at[h, k, l]) == np.float32(at[-h, -k, -l])
    back = StructureFactors.from_mtz(tmp_path / "a.mtz").report()
    assert pytest.approx(factors.report().F000, rel=FLOAT32) == back.F000


@pytest.mark.parametrize("anomalous", [False, True])
def test_round_trips(tmp_path, anomalous):
    factors = StructureFactors.from_coordinates(
        PEPTIDE, 2.0, anomalous=anomalous, wavelength_angstrom=2.0
    )
    factors.to_mtz(tmp_path / "a.mtz")
    back = StructureFactors.from_mtz(tmp_path / "a.mtz", anomalous=anomalous)
    assert np.array_equal(back.hkl, factors.hkl)
    assert np.array_equal(back.F, factors.F.astype(np.float32))
    factors.to_text(tmp_path / "a.hkl")
    again = StructureFactors.from_text(tmp_path / "a.hkl")
    assert np.array_equal(again.hkl, factors.hkl)
    assert np.array_equal(again.F, factors.F)
    with pytest.raises(ConfigError, match="MTZ files have a unit cell"):
        again.to_mtz(tmp_path / "b.mtz")
    again.to_mtz(tmp_path / "b.mtz", cell=factors.cell)
    assert read_mtz(tmp_path / "b.mtz").cell == factors.cell


def test_a_list_without_mates_is_written_as_it_is(tmp_path):
    factors = StructureFactors([(1, 2, 3), (-2, 0, 0)], [4.0, 5.0], cell=(40, 50, 60, 90, 90, 90))
    factors.to_mtz(tmp_path / "a.mtz")
    table = np.array(gemmi.read_mtz_file(str(tmp_path / "a.mtz")))
    values = {tuple(row[:3]): tuple(row[3:]) for row in table.tolist()}
    assert values[1, 2, 3][0] == 4.0
    assert math.isnan(values[1, 2, 3][1])
    assert values[2, 0, 0][1] == 5.0
    assert math.isnan(values[2, 0, 0][0])


def test_report_of_a_bare_list():
    report = StructureFactors([(1, 2, 3), (0, 0, 0)], [4.0, 900.0]).report()
    assert (report.count, report.F_min, report.F_max, report.F000) == (2, 4.0, 4.0, 900.0)
    assert report.d_min is report.completeness is report.cell is None
    assert "unknown" in str(report)
    assert StructureFactors([], []).report().count == 0
    with pytest.raises(ConfigError, match="must be a space group"):
        StructureFactors([(1, 0, 0)], [1], cell=(9,) * 3 + (90,) * 3, space_group="P 7").report()


# ---- the crystal of a configuration

DETECTOR = {"pixels_fast": 40, "pixels_slow": 30, "pixel_mm": 2.0}


def config(path, **sections):
    crystal = {"structure_file": path, "cells": 5, **sections.pop("crystal", {})}
    return Config(
        crystal=crystal, detector={**DETECTOR, **sections.pop("detector", {})}, **sections
    )


def test_a_scene_of_a_structure():
    scene = build_scene(config(PEPTIDE, crystal={"k_sol": 0.0}, sampling={"dmin_angstrom": 2.0}))
    expected = StructureFactors.from_coordinates(PEPTIDE, 2.0, k_sol=0.0)
    assert np.array_equal(scene.hkl.data, expected.to_grid().data)
    assert scene.cell.parameters[:3] == expected.cell[:3]
    assert scene.choices["crystal.cell"].origin == "derived"
    assert scene.choices["crystal.k_sol"].origin == "given"
    assert scene.choices["crystal.B_sol"].value == 46.0

    scene = build_scene(config(PEPTIDE, crystal={"anomalous": True}, beam={"energy": "6 keV"}))
    grid = scene.hkl.data
    assert not np.array_equal(grid, grid[::-1, ::-1, ::-1])

    given = build_scene(config(PEPTIDE, crystal={"cell_angstrom_deg": (10, 10, 19, 90, 101, 90)}))
    assert given.cell.parameters[0] == 10.0
    assert any("is not that of its structure factors" in note for note in given.notes)

    factors = StructureFactors([(1, 0, 0)], [5.0], cell=(30, 40, 50, 90, 90, 90))
    assert build_scene(Config(detector=DETECTOR), factors).cell.parameters[1] == 40.0


def test_a_scene_of_measured_data():
    path = STRUCTURES / "5e5z.mtz"
    scene = build_scene(config(path, crystal={"column": "I", "missing": "shell", "B_sol": 3.0}))
    expected = StructureFactors.from_mtz(path, "I", missing="shell")
    assert np.array_equal(scene.hkl.data, expected.to_grid().data)
    assert "crystal.B_sol is not used: there are no coordinates" in scene.notes
    assert set(expected.notes) <= set(scene.notes)
    with pytest.raises(FileError, match=r"FP \(amplitude\); I \(intensity\)"):
        build_scene(config(path))
    unused = config(PEPTIDE, crystal={"column": "F"}, sampling={"dmin_angstrom": 3.0})
    assert any("crystal.column is not used" in note for note in build_scene(unused).notes)


@given(
    distance=st.floats(20.0, 300.0),
    tilt=st.floats(-40.0, 40.0),
    turn=st.floats(-120.0, 120.0),
    hdiv=st.sampled_from([0.0, 20.0]),
    dispersion=st.sampled_from([0.0, 10.0]),
)
@settings(max_examples=25)
def test_structure_factors_reach_every_pixel(distance, tilt, turn, hdiv, dispersion):
    """No pixel looks up a reflection beyond the calculated ones, at any angle."""
    try:
        scene = build_scene(
            config(
                PEPTIDE,
                beam={
                    "hdiv_mrad": hdiv,
                    "dispersion_percent": dispersion,
                    "wavelength_angstrom": 2.0,
                },
                detector={"distance_mm": distance, "rotx_deg": tilt, "twotheta_deg": turn},
                sampling={"oversample": 1},
            )
        )
    except ConfigError:
        reject()  # the detector lies in or behind the sample
    panel = scene.panels[0]
    fast, slow = np.meshgrid(
        np.arange(0.0, panel.pixels_fast + 1), np.arange(0.0, panel.pixels_slow + 1)
    )
    across = fast[..., np.newaxis] * panel.fast + slow[..., np.newaxis] * panel.slow
    points = (panel.origin + panel.pixel_size * across).reshape(-1, 3)
    directions = points / np.linalg.norm(points, axis=1, keepdims=True)
    dmin = scene.choices["crystal.dmin"].value
    cell = tuple(scene.cell.parameters)
    for incident, wavelength in zip(scene.incident, scene.wavelengths, strict=True):
        s = (directions - incident) / wavelength
        nearest = np.rint(s @ scene.orientations[0, 0].T)
        assert inverse_d_squared(nearest, cell).max() <= (1e-10 / dmin) ** 2 * (1.0 + 1e-9)


def test_a_curved_detector_sees_more():
    flat, curved = (
        build_scene(
            config(PEPTIDE, detector={"distance_mm": 40.0, "curved": bend}, crystal={"cells": 9})
        )
        .choices["crystal.dmin"]
        .value
        for bend in (False, True)
    )
    # The beam hits a pixel off the middle: the corner is 42 and 32 mm along two arcs of 40 mm.
    corner = math.acos(math.cos(42 / 40) * math.cos(32 / 40))
    sine = math.sin(math.radians(101.22))
    reach = 0.5 * (1 / (9.643 * sine) + 1 / 9.609 + 1 / (19.029 * sine))
    needed = 2.0 * math.sin(corner / 2.0) + reach
    assert needed < 1e-10 / curved < 1.01 * needed  # rounded up to the next percent
    assert curved < flat


# ---- the command line


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(capsys):
    return capsys.readouterr().err.splitlines()


def test_from_a_pdb_file_to_a_picture_in_one_command(folder, capsys):
    small = "-detpixels 64 -pixel 1.6"
    assert main(["simulate", "--pdb", str(CRO), "--output", "image.png", *small.split()]) == 0
    assert (folder / "image.png").read_bytes().startswith(b"\x89PNG")
    said = "\n".join(lines(capsys))
    for text in ("random", "20 unit cells", "1e+24 photons", "calculated to"):
        assert text in said
    assert [path.name for path in folder.iterdir()] == ["image.png"]


PDB = """\
CRYST1   50.000   50.000   50.000  90.00  90.00  90.00 P 1
ATOM      1  N   ALA A   1      11.104   6.134  -6.504  1.00 20.00           N
"""


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("  11.104", " abc.def", "a.pdb:2: ' abc.def' in columns 31 to 38 of ATOM"),
        ("  11.104", "        ", "columns 31 to 38 of ATOM"),
        ("  -6.504", "  -6.5.4", "columns 47 to 54 of ATOM"),
        ("  1.00", "  x.00", "'  x.00' in columns 55 to 60 of ATOM"),
        (" 20.00", "  zz.z", "'  zz.z' in columns 61 to 66 of ATOM"),
        ("50.000  90.00  90.00", "50.000  90.00       ", "columns 41 to 47 of CRYST1"),
        ("  90.00 P", "  9O.00 P", "a.pdb:1: '  9O.00' in columns 48 to 54 of CRYST1"),
    ],
)
def test_letters_where_pdb_has_numbers(folder, old, new, where):
    text = PDB.replace(old, new)
    (folder / "a.pdb").write_text(text)
    with pytest.raises(FileError) as caught:
        read_coordinates("a.pdb")
    assert where in str(caught.value)
    assert str(caught.value).endswith("is not a number")


def test_another_frame_of_the_crystal(folder):
    scale = "SCALE1      0.000000  0.020000  0.000000        0.00000\n"
    scale += "SCALE2      0.020000  0.000000  0.000000        0.00000\n"
    scale += "SCALE3      0.000000  0.000000 -0.020000        0.00000\n"
    (folder / "a.pdb").write_text(PDB.replace("ATOM", scale + "ATOM"))
    with pytest.raises(FileError, match=r"a\.pdb: .* another frame than the usual"):
        read_coordinates("a.pdb")


@pytest.mark.parametrize("column", [15, 22, 60])
def test_names_in_other_alphabets(folder, column):
    """They are names of authors, atoms and chains: what scatters is the same."""
    (folder / "a.pdb").write_text(PDB)
    header, atom = PDB.encode().splitlines()
    atom = atom[: column - 1] + b"\xe9" + atom[column:] if column < 60 else atom
    (folder / "b.pdb").write_bytes(b"\n".join([b"REMARK \xe9", header, atom, b""]))
    plain, other = (
        StructureFactors.from_coordinates(name, dmin_angstrom=10.0) for name in ("a.pdb", "b.pdb")
    )
    assert np.array_equal(plain.F, other.F)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("_refln.index_k", "_refln.index_q", "no item _refln.index_k"),
        ("0    0   15 o", "0    x   15 o", "a _refln.index that cannot be: .* x"),
        ("0    0   15 o", "0    0  1.5 o", "a _refln.index that cannot be"),
        ("_cell.angle_beta", "_cell.angle_beta 1\n_cell.other", "no space group or no unit cell"),
        ("_cell.length_a", "_cell.length_a 1e300\n_cell.other", "no space group or no unit cell"),
    ],
)
def test_indices_that_are_none(folder, old, new, reason):
    text = (STRUCTURES / "4aap-sf-subset.cif").read_text()
    assert text.count(old) == 1
    (folder / "a.cif").write_text(text.replace(old, new))
    with pytest.raises(FileError, match=f"a.cif: has {reason}"):
        StructureFactors.from_cif("a.cif", "F_calc")


def test_a_column_of_no_dataset(folder):
    mtz_file(folder / "a.mtz", "F:F", HKL, [1.0] * len(HKL))
    data, found = re.subn(rb"PROJECT( +)1 ", rb"PROJECT\g<1>7 ", Path("a.mtz").read_bytes())
    assert found
    Path("a.mtz").write_bytes(data)
    with pytest.raises(FileError, match=r"a\.mtz: is not a usable MTZ file: .*dataset"):
        StructureFactors.from_mtz("a.mtz")


def test_what_is_given_is_not_chosen(folder, capsys):
    words = (
        "-misset 1 2 3 -N 3 -fluence 1e20 -dmin 3 -detpixels 8 -pixel 10 -distance 90 -lambda 1 "
        "-o out.toml"
    )
    assert main(["simulate", "--cif", str(INTERLEUKIN), *words.split()]) == 0
    assert not any("is given" in line for line in lines(capsys))
    written = Config.load("out.toml")
    assert written.crystal.misset_deg == (1, 2, 3)
    assert (written.crystal.cells, written.crystal.misset_random) == ((3, 3, 3), False)
    # A configuration file decides for itself.
    written.with_overrides({"crystal.misset_deg": None, "crystal.cells": None}).save("in.toml")
    command = ["simulate", "in.toml", "--mtz", str(MEASURED), "-o", "again.toml"]
    assert main(command) == 0
    again = Config.load("again.toml")
    assert (again.crystal.cells, again.crystal.misset_random) == (None, False)
    assert again.crystal.structure_file == str(MEASURED)


def test_trace_of_a_structure(folder, capsys):
    command = f"trace --pdb {PEPTIDE} -dmin 3 -detpixels 8 -pixel 10 --pixel 3 4"
    assert main(command.split()) == 0
    assert "no orientation is given" in "\n".join(lines(capsys))


def test_structure_factors_command(folder, capsys):
    assert main(f"structure-factors {CRO} --dmin 4 -o a.hkl -o a.mtz --k-sol 0".split()) == 0
    said = capsys.readouterr().out
    assert "100.00%" in said
    expected = StructureFactors.from_coordinates(CRO, 4.0, k_sol=0.0)
    assert str(expected.report()) == said
    assert np.array_equal(StructureFactors.from_text("a.hkl").F, expected.F)
    assert main(["structure-factors", "a.hkl"]) == 0
    assert f"{len(expected)} in P1" in capsys.readouterr().out
    mtz = STRUCTURES / "5e5z.mtz"
    command = f"structure-factors {mtz} --column FP --missing {PEPTIDE} -o b.hkl --dmin 2"
    assert main(command.split()) == 0
    filled = StructureFactors.from_mtz(
        mtz,
        "FP",
        dmin_angstrom=2.0,
        missing=StructureFactors.from_coordinates(PEPTIDE, 2.0),
    )
    assert np.allclose(StructureFactors.from_text("b.hkl").F, filled.F, rtol=1e-6)


def bad_files(folder):
    """Commands that cannot work, and what they are told."""
    text = PEPTIDE.read_text().splitlines(keepends=True)
    atoms = "".join(line for line in text if line.startswith("ATOM"))
    (folder / "cellless.pdb").write_text(atoms)
    (folder / "placeholder.pdb").write_text(
        "CRYST1    1.000    1.000    1.000  90.00  90.00  90.00 P 1\n" + atoms
    )
    (folder / "misfit.pdb").write_text(CRYST.format("P 4 3 2") + atoms)
    (folder / "unknown.pdb").write_text(CRYST.format("Q 7") + atoms)
    (folder / "garbage.pdb").write_text("this is\nno PDB file\n")
    (folder / "empty.pdb").write_text("")
    (folder / "atomless.pdb").write_text("CRYST1   50.000   50.000   50.000  90.00  90.00  90.00\n")
    (folder / "empty.cif").write_text("data_nothing\n_cell.length_a 5\n")
    (folder / "broken.cif").write_text("data_x\nloop_\n_atom_site.id\n_atom_site.x\n1\n")
    (folder / "negative.pdb").write_text(
        CRYST.format("P 1") + ATOM.format(1, "C", 1, 1, 1, 1, 1, -50, "C")
    )
    (folder / "short.cif.gz").write_bytes(INTERLEUKIN.read_bytes()[:20000])
    data = gzip.decompress(MEASURED.read_bytes())
    (folder / "short.mtz").write_bytes(data[: len(data) // 2])
    (folder / "short.mtz.gz").write_bytes(MEASURED.read_bytes()[:20000])
    mtz_file(folder / "phases.mtz", "PHI:P FREE:I", HKL, [1, 2, 3, 4], [0, 0, 0, 1])
    mtz_file(folder / "nothing.mtz", "F:F", HKL, [nan] * 4)
    mtz_file(folder / "minus.mtz", "F:F", HKL, [1, -2, 3, 4])
    mtz_file(folder / "twice.mtz", "F:F", [*HKL, (-1, -2, 3)], [1, 2, 3, 4, 5])
    (folder / "letters.hkl").write_text("1 2 3 4.0\n1 2 x 4.0\n")
    (folder / "python.hkl").write_text("1 2 3 4.0\n1 2 1_0 4.0\n")
    sf = STRUCTURES / "4aap-sf-subset.cif"
    (folder / "phases.cif").write_text(
        sf.read_text().replace("F_meas", "fom").replace("refln.F_calc", "refln.fom2")
    )
    return {
        "--pdb nowhere.pdb": "cannot be read: No such file",
        "--pdb cellless.pdb": "cellless.pdb: has no unit cell",
        "--pdb placeholder.pdb": "has no unit cell",
        "--pdb misfit.pdb": "does not fit the space group P 4 3 2",
        "--pdb unknown.pdb": "space group 'Q 7' is unknown",
        "--pdb garbage.pdb": "is neither coordinates (PDB, mmCIF) nor structure factors (MTZ",
        "--mtz garbage.pdb": "is neither coordinates (PDB, mmCIF) nor structure factors (MTZ",
        "--pdb empty.pdb": "empty.pdb: is empty",
        "--pdb atomless.pdb": "holds no atoms",
        "--cif empty.cif": "holds no atoms",
        "--cif broken.cif": "broken.cif: is not a usable file of coordinates: ",
        "--pdb negative.pdb": "atom C of ALA 1 in chain A has a B factor of -50",
        "--cif short.cif.gz": "cannot be expanded",
        "--mtz short.mtz": "short.mtz: is not a usable MTZ file: ",
        "--mtz short.mtz.gz": "cannot be expanded",
        "--mtz phases.mtz": "neither amplitudes nor intensities, only H (index), K (index), "
        "L (index), PHI (phase), FREE (integer)",
        "--mtz nothing.mtz": "has no value in F",
        "--mtz minus.mtz": "F of 2 2 2 is -2",
        "--mtz twice.mtz": "F of 1 2 3 or an equivalent twice",
        "--mtz minus.mtz --column FREE": "has no column FREE",
        "--cif phases.cif": "neither amplitudes nor intensities, only crystal_id",
        f"--pdb {MEASURED}": "this is MTZ; give it as --mtz",
        f"--mtz {CRO}": "this is coordinates; give it as --pdb",
        f"--pdb {sf}": "this is structure factor mmCIF; give it as --cif",
        f"--pdb {CRO} --mtz {MEASURED}": "not allowed with",
        f"--pdb {CRO} -hkl letters.hkl": "-hkl cannot be given along with",
        f"--pdb {CRO} -dmin 0.01": "reflections, at most 2e+07 fit",
        "-cell 10 -hkl letters.hkl": "letters.hkl:2: 'x' is not a number",
        "-cell 10 -hkl python.hkl": "python.hkl:2: '1_0' is not a number",
    }


def test_bad_files_give_one_clear_error_and_no_output(folder, capsys):
    for words, expected in bad_files(folder).items():
        before = set(folder.iterdir())
        assert main(["simulate", *words.split(), "-o", "image.png"]) == 2, words
        said = lines(capsys)
        assert len(said) == 1, said
        assert said[0].startswith("nbcy: error: ")
        assert expected in said[0], said[0]
        assert set(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (f"{CRO}", "--dmin: coordinates need"),
        (f"{CRO} --dmin 0", "dmin_angstrom = 0.0: must be a positive number"),
        (f"{CRO} --dmin 3 --dmax 2", "must not be finer"),
        (f"{CRO} --dmin 3 --anomalous", "need a --wavelength"),
        (f"{CRO} --dmin 3 --column F", "--column has no meaning"),
        (f"{CRO} --dmin 3 --k-sol -1", "k_sol = -1.0: must be a number that is not negative"),
        (f"{MEASURED} --k-sol 1", "--k-sol has no meaning"),
        (f"{MEASURED} --dmin 500", "leaves no reflection"),
        ("a.hkl --dmin 3", "--dmin has no meaning"),
        ("a.hkl -o b.mtz", "MTZ needs a unit cell"),
        (f"{CRO} --dmin 3 -o a.cif", "must end in one of .mtz, .hkl, .txt"),
        ("a.hkl -o a.hkl", "is an input as well"),
        (f"{CRO} --dmin 3 -o nowhere/a.hkl", "there is no folder"),
    ],
)
def test_wrong_use_of_structure_factors(folder, capsys, words, expected):
    (folder / "a.hkl").write_text("1 2 3 4\n")
    assert main(["structure-factors", *words.split()]) == 2
    (said,) = lines(capsys)
    assert expected in said
    assert (folder / "a.hkl").read_text() == "1 2 3 4\n"


def test_wrong_arguments():
    with pytest.raises(ConfigError, match="must be given for anomalous"):
        StructureFactors.from_coordinates(CRO, 3.0, anomalous=True)
    with pytest.raises(ConfigError, match="'default', 'shell' or StructureFactors"):
        StructureFactors.from_mtz(MEASURED, missing="guess")
    with pytest.raises(ConfigError, match="must have a cell"):
        StructureFactors.from_mtz(MEASURED, missing=StructureFactors([(1, 0, 0)], [1]))
    with pytest.raises(ConfigError, match="six positive numbers"):
        StructureFactors([], [], cell=(1, 2, 3))
    with pytest.raises(FileError, match="is not an MTZ file"):
        StructureFactors.from_mtz(CRO)
    with pytest.raises(FileError, match="holds no reflections"):
        StructureFactors.from_cif(INTERLEUKIN)


def test_without_gemmi(monkeypatch):
    monkeypatch.setitem(sys.modules, "gemmi", None)
    for read in (
        lambda: StructureFactors.from_coordinates(CRO, 3.0),
        lambda: StructureFactors.from_mtz(MEASURED),
        lambda: StructureFactors.from_cif(STRUCTURES / "4aap-sf-subset.cif"),
    ):
        with pytest.raises(NbcyError, match=r"needs gemmi: pip install nbcy\[mx\]"):
            read()


def test_what_nothing_gives_is_taken_and_said(folder, capsys):
    words = "-misset 1 2 3 -N 3 -fluence 1e20 -dmin 3 -o out.toml"
    assert main(["simulate", "--cif", str(INTERLEUKIN), *words.split()]) == 0
    said = lines(capsys)
    for what, flag in (
        ("wavelength", "-lambda"),
        ("detector", "--detector"),
        ("distance", "-distance"),
    ):
        assert any(f"no {what} is given" in line and flag in line for line in said)


OLD_PDB = """\
CRYST1   40.960   18.650   22.520  90.00  90.77  90.00 P 21          2  1XYZ  62
ATOM      1  N   THR     1      17.047  14.099   3.625  1.00 13.79      1XYZ  70
ATOM      2  CA  THR     1      16.967  12.784   4.338  1.00 10.80      1XYZ  71
ATOM      3  SG  CYS     3       8.000  12.000   9.000  1.00  9.85   3  1XYZ9999
TER       4      CYS     3                                              1XYZ 397
"""


def test_coordinates_of_before_1996(tmp_path):
    """Lines end with the entry's name and their number, where the element stands today."""
    (tmp_path / "old.pdb").write_text(OLD_PDB)
    found = read_coordinates(tmp_path / "old.pdb")
    atoms = [atom for chain in found.structure[0] for residue in chain for atom in residue]
    assert [atom.element.name for atom in atoms] == ["N", "C", "S"]
    assert [atom.b_iso for atom in atoms] == pytest.approx([13.79, 10.80, 9.85], rel=1e-6)


def test_a_cif_of_small_molecules_is_named(tmp_path):
    loop = "loop_\n_atom_site_label\n_atom_site_fract_x\nNa1 0\n"
    (tmp_path / "a.cif").write_text(f"data_x\n_cell_length_a 5.64\n{loop}")
    with pytest.raises(FileError, match="CIF of the core dictionary, as small molecules have it"):
        read_coordinates(tmp_path / "a.cif")


def test_sources_of_one_wavelength_have_its_anomalous_scattering(tmp_path):
    crystal = {"anomalous": True}
    listed = tmp_path / "sources"
    listed.write_text("-10 0 0 1 1.7e-10\n-10 0 0.1 1 1.7e-10\n")
    far = build_scene(config(PEPTIDE, crystal=crystal, beam={"source_file": str(listed)}))
    beam = {"source_file": str(listed), "wavelength_angstrom": 1.7}
    same = build_scene(config(PEPTIDE, crystal=crystal, beam=beam))
    assert (far.hkl.data == same.hkl.data).all()
    assert far.amplitudes.channels is same.amplitudes.channels is None

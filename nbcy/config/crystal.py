"""The crystal: what scatters, how it lies, how large and how perfect it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, Self, Unpack, get_args

from nbcy.config.kinds import (
    CELL,
    CELLS,
    COUNT,
    FILE_NAME,
    MATRIX,
    NOT_NEGATIVE,
    NUMBER,
    ONE_OR_THREE,
    POSITIVE,
    SWITCH,
    TEXT,
    VECTOR,
    WHOLE,
    Choice,
    FileOr,
    ListOf,
)
from nbcy.config.section import Field, Section

if TYPE_CHECKING:
    from nbcy.config.arguments import CrystalFields

Shape = Literal["square", "round", "gauss", "tophat", "gauss_star"]
SHAPE_WORDS: Final[Mapping[Shape, str]] = {
    "square": "parallelpiped",
    "round": "ellipsoidal",
    "gauss": "gaussian",
    "tophat": "tophat-spot",
    "gauss_star": "gaussian-star",
}
"""The reference's word for each shape, and ours for the last, which it lacks."""

MosaicModel = Literal["cap", "axis_angle", "gaussian", "spiral", "matrices"]

Missing = Literal["default", "shell"]


class Crystal(Section):
    """The crystal (physics 6 to 8).

    Attributes
    ----------
    cell_angstrom_deg : tuple of 6 float
        a, b, c in Å, alpha, beta, gamma in degrees; b and c left out are a, angles left out 90.
    matrix : tuple of 3 rows of 3 float
        MOSFLM's: rows x, y, z; columns a*, b*, c*; in units of the wavelength. In place of a cell.
    matrix_file : str
        Text file with the nine numbers of a matrix.
    misset_deg : tuple of 3 float
        Rotations of the crystal about x, then y, then z.
    misset_random, misset_seed : bool, int
        A random orientation instead, and the seed it is drawn with.
    cells : tuple of 3 float
        Unit cells along a, b, c, perhaps fractional; a single number stands for all three.
    cells_matrix : tuple of 3 rows of 3 float
        A symmetric matrix in place of three numbers, for gauss and tophat.
    size_x_mm, size_y_mm, size_z_mm : float
        Size of the sample along the beam, across and upwards; in place of ``cells``.
    shape : {"square", "round", "gauss", "tophat", "gauss_star"}
        Shape of the crystal, and so of the spots.
    fudge : float
        Factor on the radius of spots that are not square.
    mosaic_model : {"cap", "axis_angle", "gaussian", "spiral", "matrices"}
        What the mosaic spread is: the largest angle (cap), or the standard deviation of angles.
    mosaic_spread_deg : float, or tuple of 3 float
        Mosaic spread; three of gaussian and spiral stand for the crystal's own axes.
    mosaic_domains, mosaic_seed : int, int
        The domains that sample it, and the seed they are drawn with.
    mosaic_matrices : list of matrices, or str
        Rotations of the domains in the lab, or a file of them: nine numbers a line, or .npy.
    mosaic_weights : list of float
        What each of these domains counts; all the same when not given.
    hkl_file : str
        Structure factors: lines of h k l F.
    structure_file : str
        Coordinates (PDB, mmCIF) to calculate structure factors of, or measured ones (MTZ, structure
        factor mmCIF); in place of ``hkl_file``. Its cell is taken where none is given.
    column : str
        What to read of measured structure factors, where there is a choice.
    missing : {"default", "shell"}
        What measured structure factors lack gets ``default_F``, or the root mean square of the
        nearest shell of resolution.
    anomalous : bool
        Keep Friedel mates apart: f' and f'' at the wavelength, or measured Bijvoet pairs.
    k_sol, B_sol : float
        Bulk solvent of coordinates: density in electrons/Å³ (0.35 when not given, 0 for none), and
        B factor in Å² (46).
    default_F : float
        Structure factor of reflections that are not in the list.
    spot_scale : float
        Factor on the crystal's part of the image, as of several such crystals.
    B_factor_angstrom2 : float
        Debye and Waller's factor exp(-2 B s²) on intensities, s = 1/(2d), on top of the list.
    """

    _rivals = (
        ("matrix_file", "matrix", "cell_angstrom_deg"),
        ("structure_file", "hkl_file"),
        ("cells_matrix", "cells"),
    )

    cell_angstrom_deg = Field(CELL)
    matrix = Field(MATRIX)
    matrix_file = Field(FILE_NAME)
    misset_deg = Field(VECTOR, start=(0.0, 0.0, 0.0))
    misset_random = Field(SWITCH, False)
    misset_seed = Field(WHOLE)
    cells = Field(CELLS, start=(1, 1, 1))
    cells_matrix = Field(MATRIX)
    size_x_mm = Field(POSITIVE)
    size_y_mm = Field(POSITIVE)
    size_z_mm = Field(POSITIVE)
    shape = Field(Choice[Shape](*get_args(Shape)), "square")
    fudge = Field(POSITIVE, 1.0)
    mosaic_model = Field(Choice[MosaicModel](*get_args(MosaicModel)), "cap")
    mosaic_spread_deg = Field(ONE_OR_THREE)
    mosaic_domains = Field(COUNT)
    mosaic_seed = Field(WHOLE)
    mosaic_matrices = Field(FileOr(ListOf(MATRIX, "matrices of 3 rows of 3 numbers")))
    mosaic_weights = Field(ListOf(NOT_NEGATIVE, "numbers"), ())
    hkl_file = Field(FILE_NAME)
    structure_file = Field(FILE_NAME)
    column = Field(TEXT)
    missing = Field(Choice[Missing](*get_args(Missing)))
    anomalous = Field(SWITCH, False)
    k_sol = Field(NOT_NEGATIVE)
    B_sol = Field(NOT_NEGATIVE)
    default_F = Field(NUMBER, 0.0)
    spot_scale = Field(POSITIVE, 1.0)
    B_factor_angstrom2 = Field(NOT_NEGATIVE, 0.0)

    if TYPE_CHECKING:

        def __init__(self, **fields: Unpack[CrystalFields]) -> None: ...
        def replace(self, **fields: Unpack[CrystalFields]) -> Self: ...  # noqa: D102

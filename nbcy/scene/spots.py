"""What a spot looks like: shape, fudge and the metric of its distances (physics 4 and 8)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import ConfigError
from nbcy.base.vectors import frozen
from nbcy.scene.desk import Step
from nbcy.scene.lattice import cells, turned_cell

FloatArray = NDArray[np.float64]

COMPACT: Final = ("gauss", "tophat")
"""Shapes whose spots end."""

TOPHAT_EDGE: Final = 0.3969
"""rho where a tophat spot ends (physics 4)."""


@dataclass(frozen=True, eq=False)
class Spots:
    """The shape of the crystal, and so of the spots.

    Attributes
    ----------
    shape, fudge : str, float
        Crystal shape and the factor that scales its spots' radius.
    star_radius : bool
        Quirk: spot radius of gauss and tophat crystals as the reference has it.
    metric : ndarray, shape (3, 3)
        ``rho = d . metric . d`` of the fractional distances ``d`` from a node, fudge included.
    volume : float
        Number of unit cells: the lattice factor at a node.
    """

    shape: str
    fudge: float
    star_radius: bool
    metric: NDArray[np.float64]
    volume: float

    @property
    def skew(self) -> bool:
        """Whether distances along different axes mix."""
        return bool(np.any(self.metric - np.diag(np.diag(self.metric))))


def spots(step: Step) -> Spots:
    """Stage: shape and metric."""
    crystal = step.config.crystal
    star = crystal.shape == "gauss_star"
    shape, star = ("gauss" if star else crystal.shape), star or "star_radius" in step.quirks
    reciprocal = step.take(turned_cell).reciprocal if star else None
    size = np.diag(step.take(cells))
    if crystal.cells_matrix is not None:
        if shape not in COMPACT or crystal.shape == "gauss_star":
            expected = "is for gauss and tophat crystals"
            raise ConfigError("crystal.cells_matrix", crystal.cells_matrix, expected)
        size = np.array(crystal.cells_matrix)
    metric = spot_metric(shape, size, crystal.fudge, reciprocal)
    volume = math.prod(step.take(cells))
    if crystal.cells_matrix is not None:
        volume = float(np.linalg.det(size))
    return Spots(shape, crystal.fudge, star, metric, float(volume))


def spot_metric(
    shape: str, size: FloatArray, fudge: float, reciprocal: FloatArray | None = None
) -> FloatArray:
    """Return the metric of distances from a node.

    Parameters
    ----------
    shape, fudge
        Of the crystal.
    size : ndarray, shape (3, 3)
        Numbers of unit cells, on the diagonal where there are three.
    reciprocal : ndarray, shape (3, 3), optional
        Rows a*, b*, c*, 1/Angstrom: gauss and tophat spots as the quirk ``star_radius`` has them.
    """
    counts = np.diag(size)
    if np.array_equal(size, np.diag(counts)):
        if reciprocal is not None and shape in COMPACT:
            return frozen(reciprocal @ reciprocal.T * counts.prod() ** 2 * fudge)
        return frozen(np.diag(counts**2) * fudge)
    if reciprocal is not None:
        return frozen(reciprocal @ reciprocal.T * np.linalg.det(size) ** 2 * fudge)
    return frozen(size @ size.T * fudge)

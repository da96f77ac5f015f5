"""What a spot looks like: shape, fudge and the metric of its distances (physics 4 and 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

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
    """

    shape: str
    fudge: float
    star_radius: bool
    metric: NDArray[np.float64]

    @property
    def skew(self) -> bool:
        """Whether distances along different axes mix."""
        return bool(np.any(self.metric - np.diag(np.diag(self.metric))))


def spots(step: Step) -> Spots:
    """Stage: shape and metric."""
    crystal, quirk = step.config.crystal, "star_radius" in step.quirks
    reciprocal = step.take(turned_cell).reciprocal if quirk else None
    metric = spot_metric(crystal.shape, step.take(cells), crystal.fudge, reciprocal)
    return Spots(crystal.shape, crystal.fudge, quirk, metric)


def spot_metric(
    shape: str, cells: tuple[int, int, int], fudge: float, reciprocal: FloatArray | None = None
) -> FloatArray:
    """Return the metric of distances from a node.

    Parameters
    ----------
    shape, cells, fudge
        Of the crystal.
    reciprocal : ndarray, shape (3, 3), optional
        Rows a*, b*, c*, 1/Angstrom: gauss and tophat spots as the quirk ``star_radius`` has them.
    """
    counts = np.array(cells, float)
    if reciprocal is not None and shape in COMPACT:
        return frozen(reciprocal @ reciprocal.T * counts.prod() ** 2 * fudge)
    return frozen(np.diag(counts**2) * fudge)

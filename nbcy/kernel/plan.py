"""A scene laid out for C: what csrc/nbcy.h wants to know and a scene does not say as such."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import ConfigError
from nbcy.base.vectors import Vector, unit

if TYPE_CHECKING:
    from nbcy.scene.beam import Illumination
    from nbcy.scene.frame import LabFrame
    from nbcy.scene.geometry import SceneGeometry
    from nbcy.scene.scene import Scene

FloatArray = NDArray[np.float64]

SHAPES: Final = {"square": 0, "round": 1, "gauss": 2, "tophat": 3}

PANEL: Final = np.dtype(
    [
        ("origin", "f8", 3),
        ("fast", "f8", 3),
        ("slow", "f8", 3),
        ("normal", "f8", 3),
        ("pixel_size", "f8"),
        ("close_distance", "f8"),
        ("pixels_fast", "i8"),
        ("offset", "i8"),
    ],
    align=True,
)
"""`nbcy_panel`."""

SOURCE: Final = np.dtype(
    [
        ("incident", "f8", 3),
        ("inverse_wavelength", "f8"),
        ("shared", "i4"),
        ("relative_weight", "f8"),
        ("pol_b", "f8", 3),
        ("pol_e", "f8", 3),
        ("across", "f8", (2, 3)),
    ],
    align=True,
)
"""`nbcy_source`."""

LARGEST_PHASE: Final = 2.0**50
"""Up to this |h| * N, rounding to integers is exact in every build."""

FEW_CELLS: Final = 64
"""Single precision: fractions of h, k, l as 32-bit integers move a pixel by up to 6e-10 of the
fringe for each cell along an axis, and leave room for |h| up to `LARGEST_SPLIT`."""

LARGEST_SPLIT: Final = 2.0**19


def panels(geometry: SceneGeometry) -> NDArray[np.void]:
    """Return the panels as C has them; their pixels follow each other in the image."""
    table = np.zeros(len(geometry.panels), PANEL)
    offset = 0
    for row, panel in zip(table, geometry.panels, strict=True):
        for name in ("origin", "fast", "slow", "normal", "pixel_size", "close_distance"):
            row[name] = getattr(panel, name)
        row["pixels_fast"], row["offset"] = panel.pixels_fast, offset
        offset += panel.pixels_slow * panel.pixels_fast
    return table


def image_shape(geometry: SceneGeometry) -> tuple[int, ...]:
    """Return the shape of the image: (slow, fast), or (pixels,) of several panels."""
    if len(geometry.panels) == 1:
        return geometry.panels[0].shape
    return (sum(panel.pixels_slow * panel.pixels_fast for panel in geometry.panels),)


def sources(beam: Illumination, frame: LabFrame) -> NDArray[np.void]:
    """Return the sources as C has them, each with the frames of polarization and divergence."""
    polarization, incident = frame.polarization, np.asarray(beam.incident)
    table = np.zeros(len(incident), SOURCE)
    table["incident"] = incident
    table["inverse_wavelength"] = 1.0 / beam.wavelengths
    table["relative_weight"] = beam.weights * len(incident)
    like_next = (incident[1:] == incident[:-1]).all(axis=1)
    table["shared"] = np.append(like_next, False) | np.append(False, like_next)
    if beam.kahn_factor != 0.0 and not beam.nopolar:  # an unpolarised beam has no such frame
        across = np.cross(polarization, incident)
        across /= np.linalg.norm(across, axis=1, keepdims=True)
        electric = np.cross(incident, across)
        electric /= np.linalg.norm(electric, axis=1, keepdims=True)
        table["pol_b"], table["pol_e"] = across, electric
    sideways = unit(np.cross(frame.vert, incident)) if frame.vert.any() else 0.0 * incident
    table["across"][:, 0] = sideways
    table["across"][:, 1] = np.cross(incident, sideways)
    return table


class PrincipalAxes(NamedTuple):
    """`nbcy_average`: a gauss crystal seen along the principal axes of its mosaic rotation.

    Attributes
    ----------
    axes : ndarray, shape (n, 9)
        Of each orientation.
    widths, spindle : ndarray, shape (3,)
        rad; unit vector.
    real, reciprocal, stretch : ndarray, shape (3, 3)
        Rows a, b, c in m; a*, b*, c* in 1/m; twice the exponent of L² of a distance, m².
    least_slope : float
        Half the smallest eigenvalue of ``stretch``.
    rounds : int
        Steps of Newton's.
    """

    axes: FloatArray
    widths: FloatArray
    spindle: FloatArray
    real: FloatArray
    reciprocal: FloatArray
    stretch: FloatArray
    least_slope: float
    rounds: int


WIDE_MOSAIC: Final = 0.01
"""From this mosaic width on, rad, Newton takes a step more."""


def principal_axes(scene: Scene) -> PrincipalAxes:
    """Return what csrc/exact.h wants to know of the crystal."""
    orientations = scene.rotation.orientations[:, 0]
    first, turned = orientations[0], scene.lattice.cell.real * 1e-10
    # own axes, as the spindle has turned them
    columns = np.linalg.solve(turned, first).T @ scene.lattice.own_axes.T
    # [o]: the first orientation's vectors turned into the o-th, x_o = turn x
    turns = np.linalg.solve(first, orientations).transpose(0, 2, 1)
    real = first @ columns
    stretch = real.T @ scene.spots.metric @ real * (4.0 / 0.63)
    return PrincipalAxes(
        axes=np.ascontiguousarray((turns @ columns).transpose(0, 2, 1)).reshape(-1, 9),
        widths=np.array(scene.average.mosaic),
        spindle=columns.T @ scene.geometry.frame.spindle,
        real=real,
        reciprocal=np.linalg.inv(real).T,
        stretch=stretch,
        least_slope=0.5 * float(np.linalg.eigvalsh(stretch)[0]),
        rounds=3 if max(scene.average.mosaic) > WIDE_MOSAIC else 2,
    )


def orientation_weights(scene: Scene) -> FloatArray:
    """Return what each orientation counts, 1 on average."""
    weights = scene.domains.domain_weights
    return np.tile(weights * len(weights), len(scene.rotation.phis))


def cell_lengths(orientations: FloatArray) -> Vector:
    """Return the largest lengths of a, b and c in any orientation, m."""
    squares = np.square(orientations).sum(axis=-1)
    # no shorter than any orientation's, whatever the last bit
    a, b, c = (np.sqrt(squares.reshape(-1, 3).max(axis=0)) * (1.0 + 1e-12)).tolist()
    return a, b, c


def check_reach(scene: Scene, lengths: Vector) -> bool:
    """Return whether 32-bit fractions of h, k, l will do in single precision.

    Raises
    ------
    ConfigError
        Numbers of cells or a fudge for which double precision will not do.
    """
    cells, spots = scene.lattice.cells, scene.spots
    longest = max(lengths) * 2.0 / float(scene.illumination.wavelengths.min())
    if not longest * max(cells) < LARGEST_PHASE:
        raise ConfigError(
            "crystal.cells",
            cells,
            "too many cells for double precision: |h|*N must stay below 2**50",
        )
    if spots.shape == "round" and not np.sqrt(spots.metric.max()) < LARGEST_PHASE:
        raise ConfigError(
            "crystal.fudge",
            spots.fudge,
            "too large for double precision: N*sqrt(fudge) must stay below 2**50",
        )
    whole = all(float(n).is_integer() for n in cells)
    return whole and max(cells) <= FEW_CELLS and longest < LARGEST_SPLIT - 1.0


def cells(scene: Scene) -> tuple[float, float, float]:
    """Return numbers of cells along the axes, or what has their product where that is all."""
    if scene.config.crystal.cells_matrix is not None:
        return scene.spots.volume, 1.0, 1.0
    a, b, c = scene.lattice.cells
    return a, b, c


def metric(scene: Scene) -> tuple[float, ...]:
    """Return the metric's elements hh, kk, ll, hk, hl, kl."""
    full = scene.spots.metric
    rows, columns = (0, 1, 2, 0, 0, 1), (0, 1, 2, 1, 2, 2)
    return tuple(full[rows, columns].tolist())

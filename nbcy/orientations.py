"""The documented name of `nbcy.crystal.orientations`."""

from nbcy.crystal.orientations import (
    from_reflections,
    from_zone_axes,
    misset_from_matrix,
    mosflm_matrix,
    random_orientations,
    uniform_orientations,
)

__all__ = [
    "from_reflections",
    "from_zone_axes",
    "misset_from_matrix",
    "mosflm_matrix",
    "random_orientations",
    "uniform_orientations",
]

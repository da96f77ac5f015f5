"""The rotation of the crystal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, Unpack

from nbcy.config.kinds import COUNT, DIRECTION, NUMBER
from nbcy.config.section import Field, Section

if TYPE_CHECKING:
    from nbcy.config.arguments import SpindleFields


class Spindle(Section):
    """The rotation of the crystal (physics 4 and 6).

    Attributes
    ----------
    axis : tuple of 3 float
        Of any length; selects the custom convention.
    phi_deg : float
        Angle at the start.
    osc_deg, step_deg, steps : float, float, int
        Range, step and number of angles; what is left out follows from the others.
    """

    axis = Field(DIRECTION)
    phi_deg = Field(NUMBER, 0.0)
    osc_deg = Field(NUMBER)
    step_deg = Field(NUMBER)
    steps = Field(COUNT)

    if TYPE_CHECKING:

        def __init__(self, **fields: Unpack[SpindleFields]) -> None: ...
        def replace(self, **fields: Unpack[SpindleFields]) -> Self: ...  # noqa: D102

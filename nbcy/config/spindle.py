"""The rotation of the crystal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self, Unpack, get_args

from nbcy.config.kinds import COUNT, DIRECTION, NUMBER, Choice
from nbcy.config.section import Field, Section

if TYPE_CHECKING:
    from nbcy.config.arguments import SpindleFields

SpindleSampling = Literal["start", "middle"]


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
    sampling : {"start", "middle"}
        Where in each step the angle is that stands for it. The middle is right for images that are
        indexed or integrated with the range that their files tell; the start is the reference's.
    """

    axis = Field(DIRECTION)
    phi_deg = Field(NUMBER, 0.0)
    osc_deg = Field(NUMBER)
    step_deg = Field(NUMBER)
    steps = Field(COUNT)
    sampling = Field(Choice[SpindleSampling](*get_args(SpindleSampling)), "start")

    if TYPE_CHECKING:

        def __init__(self, **fields: Unpack[SpindleFields]) -> None: ...
        def replace(self, **fields: Unpack[SpindleFields]) -> Self: ...  # noqa: D102

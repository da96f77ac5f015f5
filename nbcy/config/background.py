"""What scatters besides the crystal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, Unpack

from nbcy.config.kinds import NOT_NEGATIVE
from nbcy.config.section import Field, Section

if TYPE_CHECKING:
    from nbcy.config.arguments import BackgroundFields


class Background(Section):
    """What scatters besides the crystal (physics 9.6).

    Attributes
    ----------
    water_um : float
        Edge of a droplet of water.
    """

    water_um = Field(NOT_NEGATIVE, 0.0)

    if TYPE_CHECKING:

        def __init__(self, **fields: Unpack[BackgroundFields]) -> None: ...
        def replace(self, **fields: Unpack[BackgroundFields]) -> Self: ...  # noqa: D102

"""How finely to compute, and what part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self, Unpack, get_args

from nbcy.config.kinds import COUNT, NOT_NEGATIVE, POSITIVE, RECTANGLE, SWITCH, Choice, Number
from nbcy.config.section import Field, Section

if TYPE_CHECKING:
    from nbcy.config.arguments import SamplingFields

Precision = Literal["double", "single"]
Average = Literal["sampled", "exact"]


class Sampling(Section):
    """How finely to compute, and what part (physics 4, 7 and 9).

    Attributes
    ----------
    oversample : int
        Sub-pixels along each edge of a pixel; as many as the crystal's size calls for when not
        given.
    oversample_omega, oversample_polar, oversample_thick : bool
        Compute solid angle, polarization and capture for each sub-pixel.
    interpolate : bool
        Tricubic structure factors; when not given, for crystals of 1 or 2 cells along an axis.
    dmin_angstrom : float
        Finest spacing to render; 0 is no limit.
    roi : tuple of 4 int
        ``(fast_min, fast_max, slow_min, slow_max)``, all inclusive.
    precision : {"double", "single"}
        Arithmetic of the kernel. Single is faster for square and gauss crystals; each pixel is
        within 2e-6 of itself plus 1e-7 of the peaks around it (docs/speed.md).
    cutoff : float
        Leave out steps of square crystals whose squared lattice factor is below this part of
        (Na·Nb·Nc)². A pixel is too low by no more than this part of what it would have were each of
        its steps at the centre of its reflection. 0, the default, leaves out nothing.
    average : {"sampled", "exact"}
        Sum over domains, sources and spindle steps, or average gauss crystals over mosaic rotation,
        widths of energy and divergence, and the spindle's range in closed form (docs/averages.md).
    cutoff_photons : float
        What a pixel of an exact average may lack; 1e-30 when not given.
    """

    oversample = Field(COUNT)
    oversample_omega = Field(SWITCH, False)
    oversample_polar = Field(SWITCH, False)
    oversample_thick = Field(SWITCH, False)
    interpolate = Field(SWITCH)
    dmin_angstrom = Field(NOT_NEGATIVE, 0.0)
    roi = Field(RECTANGLE)
    precision = Field(Choice[Precision](*get_args(Precision)), "double")
    cutoff = Field(Number(least=0, below=1), 0.0)
    average = Field(Choice[Average](*get_args(Average)), "sampled")
    cutoff_photons = Field(POSITIVE)

    if TYPE_CHECKING:

        def __init__(self, **fields: Unpack[SamplingFields]) -> None: ...
        def replace(self, **fields: Unpack[SamplingFields]) -> Self: ...  # noqa: D102

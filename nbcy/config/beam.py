"""The beam: wavelengths, directions, photons, polarization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self, Unpack, get_args

from nbcy.config.kinds import (
    COUNT,
    DIRECTION,
    FILE_NAME,
    NOT_NEGATIVE,
    POSITIVE,
    SPECTRUM,
    SWITCH,
    Choice,
    Number,
)
from nbcy.config.section import Field, Section

if TYPE_CHECKING:
    from nbcy.config.arguments import BeamFields

Divergence = Literal["round", "square"]


class Beam(Section):
    """The incident beam (physics 3 to 5).

    Attributes
    ----------
    wavelength_angstrom, energy_ev : float
        Wavelength or photon energy, not both; 1 Å when neither is given.
    fluence_photons_per_m2 : float
        Photons that hit the sample; what makes intensity = F² when not given.
    flux_photons_per_s, exposure_s, size_mm : float
        Photons per time, exposure (1 s when not given) and edge of the square beam (0.1 mm); a flux
        goes before a fluence, 0 is no flux.
    kahn_factor : float
        Polarization, from -1 to 1; 0 is unpolarized (physics 3.3).
    nopolar : bool
        Leave polarization out.
    dispersion_percent, dispersion_steps : float, int
        Range of wavelengths relative to the central one, and how many sample it.
    hdiv_mrad, hdiv_step_mrad, hdiv_steps : float, float, int
        Range, step and number of directions in the plane of the polarization vector.
    vdiv_mrad, vdiv_step_mrad, vdiv_steps : float, float, int
        The same across it.
    energy_spread_percent : float
        Standard deviation of the photon energy around that of each source, relative to it; for
        exact averages.
    hdiv_sigma_mrad, vdiv_sigma_mrad : float
        Standard deviations of the beam's direction in the plane of the polarization vector, and
        across it; for exact averages.
    divergence : {"round", "square"}
        Leave out the corners of the grid of directions, or keep them.
    spectrum : list of pairs
        Wavelengths (Å, or quantities that may be energies), each with a weight in photons.
    spectrum_file : str
        The same in two columns: wavelengths in Å, or energies in eV where above 100.
    source_file : str
        Text file of sources, in place of divergence and dispersion.
    direction : tuple of 3 float
        Where the beam goes, of any length; selects the custom convention.
    polarization_vector : tuple of 3 float
        The electric field, of any length; selects the custom convention.
    """

    _rivals = (
        ("energy_ev", "wavelength_angstrom"),
        ("source_file", "spectrum", "spectrum_file"),
    )

    wavelength_angstrom = Field(POSITIVE)
    energy_ev = Field(POSITIVE)
    fluence_photons_per_m2 = Field(NOT_NEGATIVE)
    flux_photons_per_s = Field(NOT_NEGATIVE)
    exposure_s = Field(NOT_NEGATIVE)
    size_mm = Field(POSITIVE)
    kahn_factor = Field(Number(least=-1, most=1), 0.0)
    nopolar = Field(SWITCH, False)
    dispersion_percent = Field(NOT_NEGATIVE)
    dispersion_steps = Field(COUNT)
    hdiv_mrad = Field(NOT_NEGATIVE)
    vdiv_mrad = Field(NOT_NEGATIVE)
    hdiv_step_mrad = Field(NOT_NEGATIVE)
    vdiv_step_mrad = Field(NOT_NEGATIVE)
    hdiv_steps = Field(COUNT)
    vdiv_steps = Field(COUNT)
    energy_spread_percent = Field(NOT_NEGATIVE)
    hdiv_sigma_mrad = Field(NOT_NEGATIVE)
    vdiv_sigma_mrad = Field(NOT_NEGATIVE)
    divergence = Field(Choice[Divergence](*get_args(Divergence)), "round")
    spectrum = Field(SPECTRUM)
    spectrum_file = Field(FILE_NAME)
    source_file = Field(FILE_NAME)
    direction = Field(DIRECTION)
    polarization_vector = Field(DIRECTION)

    if TYPE_CHECKING:

        def __init__(self, **fields: Unpack[BeamFields]) -> None: ...
        def replace(self, **fields: Unpack[BeamFields]) -> Self: ...  # noqa: D102

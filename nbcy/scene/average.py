"""What is averaged in closed form instead of sampled (docs/averages.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nbcy.base.choices import origin_of
from nbcy.base.errors import ConfigError
from nbcy.base.units import to_si
from nbcy.base.vectors import Vector
from nbcy.scene.desk import Step
from nbcy.scene.lattice import domains, rotation

CUTOFF_PHOTONS: Final = 1e-30
"""What a pixel may lack where nothing else is asked."""

WIDEST_ENERGY: Final = 0.03
WIDEST_DIVERGENCE: Final = 0.02
WIDEST_MOSAIC: Final = 0.1
"""Largest standard deviations (relative, rad, rad) for which the closed form is made."""

WIDE_AT_ENDS: Final = 0.002
"""From this mosaic width on, rad, what an end of the spindle's range cuts may be less exact."""

TESTED: Final = (0.0350, 0.0101, 0.00501)
"""Standard deviations of rotation, energy and direction up to which 1e-4 of each pixel holds."""


@dataclass(frozen=True)
class Average:
    """What is averaged in closed form.

    Attributes
    ----------
    exact : bool
        Whether anything is.
    mosaic : tuple of float
        Standard deviations of the rotation about the crystal's own axes, rad.
    energy : float
        Of each source's photon energy, relative.
    divergence : tuple of float
        Of its direction, horizontally and vertically, rad.
    frame : float
        Range of each spindle step, rad.
    cutoff : float
        Photons that a pixel may lack.
    """

    exact: bool
    mosaic: Vector = (0.0, 0.0, 0.0)
    energy: float = 0.0
    divergence: tuple[float, float] = (0.0, 0.0)
    frame: float = 0.0
    cutoff: float = CUTOFF_PHOTONS


def average(step: Step) -> Average:
    """Stage: widths of what is averaged in closed form.

    Raises
    ------
    ConfigError
        A crystal that has no closed form, widths beyond it, or widths that nothing would use.
    """
    sampling, beam, ledger = step.config.sampling, step.config.beam, step.ledger
    wanted = sampling.average
    ledger.choose("sampling.average", wanted, "", "default" if wanted == "sampled" else "given", "")
    fields = ("energy_spread_percent", "hdiv_sigma_mrad", "vdiv_sigma_mrad")
    given = {name: getattr(beam, name) for name in fields}
    if wanted == "sampled":
        for name, value in given.items():
            if value:
                raise ConfigError(
                    f"beam.{name}",
                    value,
                    'needs sampling.average = "exact"; beam.dispersion_percent, hdiv_mrad and '
                    "vdiv_mrad are sampled",
                )
        if sampling.cutoff_photons is not None:
            ledger.note("sampling.cutoff_photons is not used: it is for exact averages")
        return Average(False)
    _check_crystal(step)
    energy = to_si(given["energy_spread_percent"] or 0.0, "percent")
    h, v = (to_si(given[name] or 0.0, "mrad") for name in fields[1:])
    mosaic = step.take(domains).mosaic_widths
    for name, value, widest in (
        ("beam.energy_spread_percent", energy, WIDEST_ENERGY),
        ("beam.hdiv_sigma_mrad", h, WIDEST_DIVERGENCE),
        ("beam.vdiv_sigma_mrad", v, WIDEST_DIVERGENCE),
        ("crystal.mosaic_spread_deg", max(mosaic), WIDEST_MOSAIC),
    ):
        if value > widest:
            raise ConfigError(
                name,
                f"{value:g} (relative or rad)",
                f"must be at most {widest:g} in exact averages",
            )
    if max(mosaic) > TESTED[0] or energy > TESTED[1] or max(h, v) > TESTED[2]:
        ledger.note(
            "the widths are beyond a mosaic spread of 2 degrees, an energy spread of 1 % or a "
            "divergence of 5 mrad: pixels may be off by more than 1e-4 of themselves"
        )
    ledger.choose(
        "beam.energy_spread", energy, "", origin_of(given[fields[0]]), "standard deviation"
    )
    for name, value, field in (("hdiv", h, fields[1]), ("vdiv", v, fields[2])):
        reason = "standard deviation"
        ledger.choose(f"beam.{name}_sigma", value, "rad", origin_of(given[field]), reason)
    cutoff = sampling.cutoff_photons or CUTOFF_PHOTONS
    ledger.choose("sampling.cutoff_photons", cutoff, "", origin_of(sampling.cutoff_photons), "")
    turned = step.take(rotation)
    if turned.phi.step > 0.0 and max(mosaic) > WIDE_AT_ENDS:
        ledger.note(
            "reflections that are brightest at an end of the spindle's range may be off by 3e-4 of "
            "themselves (docs/averages.md)"
        )
    return Average(True, mosaic, energy, (h, v), turned.phi.step, cutoff)


def _check_crystal(step: Step) -> None:
    """Refuse what has no closed form."""
    crystal, sampling = step.config.crystal, step.config.sampling
    if crystal.shape != "gauss":
        raise ConfigError(
            "sampling.average",
            "exact",
            f'is for gauss crystals, this one is {crystal.shape}: crystal.shape = "gauss", or '
            '"sampled"',
        )
    moves = crystal.mosaic_matrices is not None or max(step.take(domains).mosaic_widths) > 0.0
    if moves and crystal.mosaic_model != "gaussian":
        raise ConfigError(
            "sampling.average",
            "exact",
            f"is for the gaussian mosaic model, this one is {crystal.mosaic_model}: "
            'crystal.mosaic_model = "gaussian", or "sampled"',
        )
    if sampling.interpolate:
        raise ConfigError(
            "sampling.average",
            "exact",
            "takes structure factors at the nodes: sampling.interpolate must be False",
        )

"""The beam: wavelength, fluence, and the sources that sample it (physics 3 to 5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nbcy.base.choices import Ledger, Origin, origin_of
from nbcy.base.constants import DEFAULT_FLUENCE, EV_ANGSTROM
from nbcy.base.errors import ConfigError
from nbcy.base.units import to_si
from nbcy.base.vectors import frozen, norm, rotate, unit

if TYPE_CHECKING:
    from nbcy.config import Config

FloatArray = NDArray[np.float64]

MAX_STEPS = 10_000_000
"""Most steps of one sweep and most sources."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """How a quantity is sampled.

    Attributes
    ----------
    range, step : float
        Whole width and spacing, in SI units.
    count : int
        Number of samples.
    """

    range: float
    step: float
    count: int


@dataclass(frozen=True, eq=False)
class SourceList:
    """The points that stand for the beam.

    Attributes
    ----------
    positions : ndarray, shape (n, 3)
        From the sample towards each source, any length.
    intensities : ndarray, shape (n,)
        As listed; 1/n when the beam is sampled on a grid.
    wavelengths : ndarray, shape (n,)
        m.
    weights : ndarray, shape (n,)
        What each source counts; the sum is 1.
    incident : ndarray, shape (n, 3)
        Unit vectors from each source to the sample.
    deviations : ndarray, shape (m, 2)
        Horizontal and vertical offsets of the directions, rad; empty for a list.
    """

    positions: FloatArray
    intensities: FloatArray
    wavelengths: FloatArray
    weights: FloatArray
    incident: FloatArray
    deviations: FloatArray


def resolve_sweep(
    name: str,
    count_name: str,
    unit_name: str,
    range_: float | None,
    step: float | None,
    count: int | None,
    ledger: Ledger,
    *,
    slices: bool,
    lone_range: float,
    may_rest: bool = False,
) -> Sweep:
    """Fill in what the user left open of range, step and count (physics 4.1).

    Parameters
    ----------
    name, count_name, unit_name : str
        What is sampled, the field of its count, and its SI unit.
    range_, step : float or None
        SI units, not negative.
    count : int or None
        Number of samples, at least 1.
    ledger : Ledger
        Takes the choice.
    slices : bool
        A count divides the range into slices that start at the samples, instead of placing the
        samples at both ends and evenly between.
    lone_range : float
        Range when only a count is given; 0 makes that one sample.
    may_rest : bool
        Keep the number of samples even where the range is 0.

    Raises
    ------
    ConfigError
        More than `MAX_STEPS` samples.
    """
    step = None if step == 0.0 else step
    wanted = count
    origin: Origin = "derived"
    if range_ is None:
        if step is not None:
            sweep, reason = Sweep(step, step, 2), "only the step is given: its two ends"
        elif wanted is not None:
            sweep = Sweep(lone_range, lone_range / wanted, wanted)
            reason = "only the count is given"
        else:
            sweep, origin, reason = Sweep(0.0, 0.0, 1), "default", "nothing given"
    elif step is None:
        if slices:
            wanted = wanted or 2
            sweep, reason = Sweep(range_, range_ / wanted, wanted), "range / count"
        else:
            wanted = max(wanted or 2, 2)
            sweep, reason = Sweep(range_, range_ / (wanted - 1), wanted), "range / (count - 1)"
    elif wanted is None:
        wanted = math.ceil(min(range_ / step, 1e18))
        sweep, reason = Sweep(range_, step, wanted), "ceil(range / step)"
    else:
        sweep, origin, reason = Sweep(range_, step, wanted), "given", ""
    if may_rest:
        sweep = Sweep(sweep.range, sweep.step, max(sweep.count, 1))
    elif not (sweep.range > 0.0 and sweep.step > 0.0):
        sweep = Sweep(0.0, 0.0, 1)
    _require_few(count_name, sweep.count)
    ledger.choose(name, sweep, unit_name, origin, reason)
    if count is not None and count != sweep.count:
        ledger.note(f"{count_name} = {count} is not used: {sweep.count} steps, {reason}")
    return sweep


def _require_few(name: str, count: int) -> None:
    """Refuse a count that would fill the memory."""
    if count > MAX_STEPS:
        raise ConfigError(name, count, f"must be at most {MAX_STEPS}")


def resolve_wavelength(config: Config, ledger: Ledger) -> float:
    """Return the central wavelength in m (physics 3.1)."""
    beam = config.beam
    if beam.energy_ev is not None:
        wavelength = to_si(EV_ANGSTROM / beam.energy_ev, "angstrom")
        ledger.choose("beam.wavelength", wavelength, "m", "derived", "from the energy")
    elif beam.wavelength_angstrom is not None:
        wavelength = to_si(beam.wavelength_angstrom, "angstrom")
        ledger.choose("beam.wavelength", wavelength, "m", "given", "")
    else:
        wavelength = to_si(1.0, "angstrom")
        ledger.choose("beam.wavelength", wavelength, "m", "default", "")
    return wavelength


def beam_size(config: Config) -> float:
    """Edge of the square beam in m (physics 3.2)."""
    size = config.beam.size_mm
    return to_si(0.1 if size is None else size, "mm")


def resolve_fluence(config: Config, ledger: Ledger) -> float:
    """Return the photons/m² that reach the sample (physics 3.2).

    Raises
    ------
    ConfigError
        A beam so small that the fluence is infinite.
    """
    beam = config.beam
    exposure = 1.0 if beam.exposure_s is None else beam.exposure_s
    size = beam_size(config)
    ledger.choose("beam.size", size, "m", origin_of(beam.size_mm), "square")
    if beam.flux_photons_per_s and exposure > 0.0:
        fluence = beam.flux_photons_per_s * exposure / size / size
        if not math.isfinite(fluence):
            raise ConfigError("beam.size_mm", beam.size_mm, "makes the fluence infinite")
        reason = "flux * exposure / beam size²"
        ledger.choose("beam.exposure", exposure, "s", origin_of(beam.exposure_s), "")
        ledger.choose("beam.fluence", fluence, "1/m²", "derived", reason)
        if beam.fluence_photons_per_m2 is not None:
            ledger.note(
                f"beam.fluence_photons_per_m2 = {beam.fluence_photons_per_m2:g} is not used: "
                f"{reason} makes {fluence:g}"
            )
        return fluence
    if beam.flux_photons_per_s:
        ledger.note("beam.flux_photons_per_s is not used: the exposure is 0")
    if beam.fluence_photons_per_m2 is not None:
        ledger.choose("beam.fluence", beam.fluence_photons_per_m2, "1/m²", "given", "")
        return beam.fluence_photons_per_m2
    ledger.choose("beam.fluence", DEFAULT_FLUENCE, "1/m²", "default", "r_e² * fluence = 1")
    return DEFAULT_FLUENCE


def grid_sources(
    beam: FloatArray,
    polarization: FloatArray,
    vert: FloatArray,
    wavelength: float,
    hdiv: Sweep,
    vdiv: Sweep,
    dispersion: Sweep,
    round_divergence: bool,
) -> SourceList:
    """Sample divergence and dispersion on a grid (physics 5.1).

    Parameters
    ----------
    beam, polarization, vert : ndarray, shape (3,)
        Unit vectors.
    wavelength : float
        Central wavelength, m.
    hdiv, vdiv : Sweep
        Divergence, rad.
    dispersion : Sweep
        Relative to the wavelength.
    round_divergence : bool
        Drop directions outside the ellipse that the two ranges span.

    Returns
    -------
    SourceList
        Directions in the order horizontal, vertical, and for each all its wavelengths.

    Raises
    ------
    ConfigError
        More than `MAX_STEPS` sources, or none left.
    """
    _require_few(
        "beam.hdiv_steps * vdiv_steps * dispersion_steps",
        hdiv.count * vdiv.count * dispersion.count,
    )

    def offsets(sweep: Sweep) -> tuple[FloatArray, FloatArray]:
        values: FloatArray = sweep.step * np.arange(sweep.count, dtype=float) - sweep.range / 2.0
        if sweep.range == 0.0:
            return values, np.zeros_like(values)
        even = sweep.step * sweep.step / 4.0 * (1 - sweep.count % 2)
        return values, (values * values - even) / (sweep.range * sweep.range)

    h, h_part = offsets(hdiv)
    v, v_part = offsets(vdiv)
    keep = np.ones((len(h), len(v)), dtype=bool)
    if round_divergence:
        keep = ~(4.0 * (h_part[:, np.newaxis] + v_part) > 1.1)
    deviations = np.stack(np.broadcast_arrays(h[:, np.newaxis], v), axis=-1)[keep]
    if not len(deviations):
        raise ConfigError("beam.divergence", "round", "leaves no source: use square, or more steps")
    directions = np.array(
        [rotate(rotate(-10.0 * beam, polarization, dv), vert, dh) for dh, dv in deviations.tolist()]
    )
    spectrum = wavelength * (
        1.0 + dispersion.step * np.arange(dispersion.count) - dispersion.range / 2.0
    )
    if not (spectrum > 0.0).all():
        raise ConfigError(
            "beam.dispersion_percent", 100.0 * dispersion.range, "makes a wavelength negative"
        )
    positions = np.repeat(directions, dispersion.count, axis=0)
    weights = np.full(len(positions), 1.0 / len(positions))
    return SourceList(
        positions=frozen(positions),
        intensities=frozen(weights),
        wavelengths=frozen(np.tile(spectrum, len(directions))),
        weights=frozen(weights),
        incident=frozen(-unit(positions)),
        deviations=frozen(deviations),
    )


def listed_sources(
    positions: FloatArray,
    intensities: FloatArray,
    wavelengths: FloatArray,
    equal_weights: bool,
    where: str,
) -> SourceList:
    """Take the sources from a list (physics 5.2).

    Parameters
    ----------
    positions : ndarray, shape (n, 3)
        From the sample towards each source, any length.
    intensities : ndarray, shape (n,)
        Relative.
    wavelengths : ndarray, shape (n,)
        m.
    equal_weights : bool
        Quirk ``source_weights``: leave the intensities out.
    where : str
        Name of the list, for errors.

    Raises
    ------
    ConfigError
        No source, one at the sample, a negative intensity, all intensities zero, or a wavelength
        that is not positive.
    """

    def refuse(bad: NDArray[np.bool_], values: FloatArray, expected: str) -> None:
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            value = values[row].tolist()
            raise ConfigError("beam.source_file", f"{where}, source {row + 1}: {value}", expected)

    if not len(positions):
        raise ConfigError("beam.source_file", where, "must list at least one source")
    refuse(~(norm(positions) > 0.0), positions, "a source must not sit at the sample")
    refuse(~(intensities >= 0.0), intensities, "intensities must not be negative")
    refuse(~(wavelengths > 0.0), wavelengths, "wavelengths (in m) must be positive")
    total = float(intensities.sum())
    if not total > 0.0:
        raise ConfigError("beam.source_file", where, "the intensities must not all be 0")
    if equal_weights:
        weights = np.full(len(positions), 1.0 / len(positions))
    else:
        weights = intensities / total
    return SourceList(
        positions=frozen(positions),
        intensities=frozen(intensities),
        wavelengths=frozen(wavelengths),
        weights=frozen(weights),
        incident=frozen(-unit(positions)),
        deviations=frozen(np.empty((0, 2))),
    )

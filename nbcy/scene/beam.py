"""The beam: wavelength, fluence, and the sources that sample it (physics 3 to 5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nbcy.base.choices import Ledger, origin_of
from nbcy.base.constants import DEFAULT_FLUENCE, EV_ANGSTROM
from nbcy.base.errors import ConfigError
from nbcy.base.panel import PARALLEL
from nbcy.base.units import to_si
from nbcy.base.vectors import frozen, norm, rotate, unit
from nbcy.scene.desk import Step
from nbcy.scene.frame import LabFrame, lab_frame
from nbcy.scene.sweep import Sweep, converted, require_few, resolve_sweep

if TYPE_CHECKING:
    from nbcy.config import Config

FloatArray = NDArray[np.float64]


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


def resolve_wavelength(config: Config, ledger: Ledger, mean: float | None = None) -> float:
    """Return the central wavelength in m (physics 3.1); ``mean`` is that of a spectrum, m."""
    beam = config.beam
    if beam.energy_ev is not None:
        wavelength = to_si(EV_ANGSTROM / beam.energy_ev, "angstrom")
        ledger.choose("beam.wavelength", wavelength, "m", "derived", "from the energy")
    elif beam.wavelength_angstrom is not None:
        wavelength = to_si(beam.wavelength_angstrom, "angstrom")
        ledger.choose("beam.wavelength", wavelength, "m", "given", "")
    elif mean is not None:
        wavelength = mean
        ledger.choose("beam.wavelength", wavelength, "m", "derived", "the spectrum's mean")
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
    spectrum: FloatArray | None = None,
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
    spectrum : ndarray, shape (n, 2), optional
        Wavelengths (m) and weights in place of the dispersion (physics 5.3).

    Returns
    -------
    SourceList
        Directions in the order horizontal, vertical, and for each all its wavelengths.

    Raises
    ------
    ConfigError
        More than `MAX_STEPS` sources, or none left.
    """
    require_few(
        "beam.hdiv_steps * vdiv_steps * dispersion_steps",
        hdiv.count * vdiv.count * (dispersion.count if spectrum is None else len(spectrum)),
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
    if spectrum is not None:
        return _with_spectrum(directions, deviations, spectrum)
    wavelengths = wavelength * (
        1.0 + dispersion.step * np.arange(dispersion.count) - dispersion.range / 2.0
    )
    if not (wavelengths > 0.0).all():
        raise ConfigError(
            "beam.dispersion_percent", 100.0 * dispersion.range, "makes a wavelength negative"
        )
    positions = np.repeat(directions, dispersion.count, axis=0)
    weights = np.full(len(positions), 1.0 / len(positions))
    return SourceList(
        positions=frozen(positions),
        intensities=frozen(weights),
        wavelengths=frozen(np.tile(wavelengths, len(directions))),
        weights=frozen(weights),
        incident=frozen(-unit(positions)),
        deviations=frozen(deviations),
    )


def _with_spectrum(
    directions: FloatArray, deviations: FloatArray, spectrum: FloatArray
) -> SourceList:
    """Give each direction every channel of a spectrum (physics 5.3)."""
    weights = np.tile(spectrum[:, 1] / spectrum[:, 1].sum() / len(directions), len(directions))
    positions = np.repeat(directions, len(spectrum), axis=0)
    return SourceList(
        positions=frozen(positions),
        intensities=frozen(weights),
        wavelengths=frozen(np.tile(spectrum[:, 0], len(directions))),
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


@dataclass(frozen=True, eq=False)
class Illumination:
    """The beam as it meets the crystal, but for its photons.

    Attributes
    ----------
    wavelength : float
        Central wavelength, m.
    sources : SourceList
    hdiv, vdiv, dispersion : Sweep
        rad, rad, relative to the wavelength.
    kahn_factor, nopolar : float, bool
        Kahn's polarization factor, and whether to leave polarization out.
    """

    wavelength: float
    sources: SourceList
    hdiv: Sweep
    vdiv: Sweep
    dispersion: Sweep
    kahn_factor: float
    nopolar: bool

    @property
    def incident(self) -> FloatArray:
        """Unit vectors from each source to the sample, shape (n, 3)."""
        return self.sources.incident

    @property
    def wavelengths(self) -> FloatArray:
        """Of each source, m."""
        return self.sources.wavelengths

    @property
    def weights(self) -> FloatArray:
        """Of each source; they sum to 1."""
        return self.sources.weights


def spectrum(step: Step) -> FloatArray | None:
    """Stage: wavelengths (m) and weights of the channels that have photons, if they are given."""
    beam = step.config.beam
    listed = step.given("spectrum") if beam.spectrum_file is not None else beam.spectrum
    if listed is None:
        return None
    channels = np.array(listed, float)
    channels[:, 0] *= 1e-10
    return frozen(channels[channels[:, 1] > 0.0])


def wavelength(step: Step) -> float:
    """Stage: the central wavelength, m."""
    channels = step.take(spectrum)
    mean = None if channels is None else float(np.average(channels[:, 0], weights=channels[:, 1]))
    return resolve_wavelength(step.config, step.ledger, mean)


def fluence(step: Step) -> float:
    """Stage: photons/m²."""
    varied: float | None = step.given("fluence")
    if varied is not None:
        step.ledger.choose("beam.fluence", varied, "1/m²", "given", "varied")
        return varied
    return resolve_fluence(step.config, step.ledger)


def illumination(step: Step) -> Illumination:
    """Stage: directions, wavelengths and weights of the sources (physics 5)."""
    beam, frame, central = step.config.beam, step.take(lab_frame), step.take(wavelength)
    hdiv, vdiv = (
        resolve_sweep(
            f"beam.{name}",
            f"beam.{name}_steps",
            "rad",
            converted(getattr(beam, f"{name}_mrad"), "mrad"),
            converted(getattr(beam, f"{name}_step_mrad"), "mrad"),
            getattr(beam, f"{name}_steps"),
            step.ledger,
            slices=False,
            lone_range=1.0,
        )
        for name in ("hdiv", "vdiv")
    )
    dispersion = resolve_sweep(
        "beam.dispersion",
        "beam.dispersion_steps",
        "",
        converted(beam.dispersion_percent, "percent"),
        None,
        beam.dispersion_steps,
        step.ledger,
        slices=False,
        lone_range=0.0,
    )
    sources = _sources(step, frame, central, hdiv, vdiv, dispersion)
    if beam.kahn_factor != 0.0 and not beam.nopolar:
        _check_polarization(frame, sources)
    return Illumination(central, sources, hdiv, vdiv, dispersion, beam.kahn_factor, beam.nopolar)


def _sources(
    step: Step, frame: LabFrame, central: float, hdiv: Sweep, vdiv: Sweep, dispersion: Sweep
) -> SourceList:
    """Lay the sources out, or take those that are listed."""
    beam, ledger = step.config.beam, step.ledger
    path, channels = beam.source_file, step.take(spectrum)
    if path is None:
        reason = "divergence and dispersion" if channels is None else "divergence and spectrum"
        ledger.choose("beam.sources", "grid", "", "derived", reason)
        if channels is not None and dispersion.count > 1:
            ledger.note("beam.dispersion is not used: a spectrum is given")
        return grid_sources(
            frame.beam,
            frame.polarization,
            frame.vert,
            central,
            hdiv,
            vdiv,
            dispersion,
            beam.divergence == "round",
            channels,
        )
    for name, sweep in (("hdiv", hdiv), ("vdiv", vdiv), ("dispersion", dispersion)):
        if sweep.count > 1:
            ledger.note(f"beam.{name} is not used: beam.source_file lists the sources")
    listed = step.given("sources")
    positions, intensities, wavelengths = listed.completed(-10.0 * frame.beam, central)
    quirk = "source_weights" in step.quirks
    ledger.choose(
        "beam.sources", path, "", "given", "equal weights" if quirk else "weighted by intensity"
    )
    return listed_sources(positions, intensities, wavelengths, quirk, path)


def _check_polarization(frame: LabFrame, sources: SourceList) -> None:
    """Refuse a polarized beam that travels along its own electric field (physics 9.3)."""
    across = norm(np.cross(frame.polarization, sources.incident))
    along = np.flatnonzero(across < PARALLEL)
    if along.size:
        raise ConfigError(
            "beam.polarization_vector",
            tuple(frame.polarization.tolist()),
            f"must not be parallel to the beam: source {along[0]} travels along it",
        )

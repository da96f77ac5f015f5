"""What scatters besides the crystal: materials in SI, and the old droplet of water."""

from __future__ import annotations

from dataclasses import dataclass

from nbcy.base.amplitude_table import AmplitudeTable
from nbcy.base.constants import AVOGADRO, R_E_SQR, WATER_F, WATER_MOLAR_MASS
from nbcy.base.units import to_si
from nbcy.config.background import Material
from nbcy.config.materials import PRESETS
from nbcy.scene.amplitudes import longest_scattering_vector
from nbcy.scene.beam import beam_size, fluence, illumination
from nbcy.scene.desk import Step
from nbcy.scene.geometry import geometry
from nbcy.scene.haze import Haze, Scatterer
from nbcy.scene.sensor import sensor
from nbcy.scene.subpixels import subpixels


def water_background(size: float, fluence: float) -> float:
    """Photons per steradian scattered forward by a droplet of water (physics 9.6).

    Parameters
    ----------
    size : float
        Edge of the droplet, m.
    fluence : float
        Photons/m².

    Returns
    -------
    float
        Before polarization, solid angle and capture.
    """
    molecules = size * size * size * 1e6 * AVOGADRO / WATER_MOLAR_MASS
    return WATER_F * WATER_F * R_E_SQR * fluence * molecules


@dataclass(frozen=True)
class Water:
    """Scattering of a droplet of water.

    Attributes
    ----------
    water : float
        Photons/sr before polarization, solid angle and capture.
    water_scaling : bool
        Quirk: ``water`` is added before scaling by r_e²·fluence/steps.
    """

    water: float
    water_scaling: bool


def background(step: Step) -> Water:
    """Stage: the droplet of water."""
    size = to_si(step.config.background.water_um, "um")
    scaling = "water_scaling" in step.quirks
    return Water(water_background(size, step.take(fluence)) if size else 0.0, scaling)


def scatterers(step: Step) -> tuple[Scatterer, ...]:
    """Stage: the materials, how many molecules of each are lit, and their amplitudes."""
    made = step.config.background.materials
    tables: tuple[AmplitudeTable, ...] = step.given("amplitude_tables")
    names = [f"background.materials[{n}]" for n in range(len(made))]
    size = beam_size(step.config)
    if "table_extrapolation" in step.quirks:
        tables = tuple(table.going_on() for table in tables)
    return tuple(
        _scatterer(step, name, material, size, table)
        for name, material, table in zip(names, made, tables, strict=True)
    )


def _scatterer(
    step: Step, name: str, material: Material, beam: float, table: AmplitudeTable
) -> Scatterer:
    """Return what the beam lights of a material (physics 13.1)."""
    preset = PRESETS.get(material.table)
    density, mass = material.density_g_per_cm3, material.molar_mass_g_per_mol
    if preset is not None:
        density = preset.density if density is None else density
        mass = preset.molar_mass if mass is None else mass
    assert density is not None
    assert mass is not None
    edges = [to_si(material.thickness_mm, "mm")]
    for across in ("height", "width"):
        given = getattr(material, f"{across}_mm")
        edge = beam if given is None else to_si(given, "mm")
        if edge > beam:
            step.ledger.note(
                f"{name}.{across}_mm = {given:g} is more than the beam lights: {1e3 * beam:g}"
            )
        edges.append(min(edge, beam))
    made = Scatterer(name, (edges[0], edges[1], edges[2]), density, mass, material.scale, table)
    reason = "volume * density * N_A / molar mass"
    step.ledger.choose(f"{name}.molecules", made.molecules, "", "derived", reason)
    return made


def haze(step: Step) -> Haze:
    """Stage: the photons of all materials as a function of the pixel."""
    made = step.take(scatterers)
    beam = step.take(illumination)
    tolerance = step.config.background.tolerance
    if not made:  # nothing that it depends on needs to be watched
        return Haze.nothing()
    placed = step.take(geometry)
    found = Haze(made, placed, beam, step.take(sensor), step.take(subpixels), tolerance)
    furthest = 0.5 * max(
        longest_scattering_vector(
            panel, placed.curved, placed.distance, beam.incident, beam.wavelengths
        )
        for panel in placed.panels
    )
    for scatterer in made:
        if scatterer.table.goes_on:
            continue
        if furthest > (1.0 + 1e-9) * scatterer.table.last:
            step.ledger.note(
                f"{scatterer.name}: its table ends at {0.5 / scatterer.table.last:.4g} Angstrom, "
                f"the detector sees {0.5 / furthest:.4g}: the last value is kept beyond"
            )
    return found

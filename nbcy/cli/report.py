"""The reference's report, line by line, so that scripts which read it go on working."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from nbcy.cli.flags import Outputs
from nbcy.constants import AVOGADRO, RTD
from nbcy.image import Image
from nbcy.scene import Scene

BANNER = "nanoBragg nanocrystal diffraction simulator - James Holton and Ken Frankel 5-17-17"
CRYSTALS = {"square": "parallelpiped", "round": "ellipsoidal", "gauss": "gaussian", "tophat": "tophat-spot"}
DENSITY = 1.2
"""g/cm³ of the molecular weight line."""


def _g(*values: Any) -> str:
    return " ".join(f"{float(value):g}" for value in values)


def _columns(names: tuple[str, str, str], vectors: Any) -> Iterator[str]:
    yield "     " + "".join(f"{name:<12}" for name in names)[:-2]
    for axis, row in zip("XYZ", np.asarray(vectors).T, strict=True):
        yield f"{axis}: " + " ".join(f"{value:11.8f}" for value in row)


def before_rendering(scene: Scene, outputs: Outputs) -> Iterator[str]:
    """Yield the lines that describe a scene.

    Parameters
    ----------
    scene : Scene
    outputs : Outputs
        What will be written.
    """
    yield from _set_up(scene)
    yield from _crystal(scene)
    yield from _steps(scene)
    yield from _summary(scene)
    if outputs.noise:
        yield from ("", "  noise image paramters:", f"  seed: {-abs(outputs.seed or 0)}")
        yield f"  water droplet size: {_g(scene.config.background.water_um / 1e6)} m"
    yield ""


def _wavelength(scene: Scene) -> float:
    """Return the nominal wavelength, m; the sources may have others."""
    return float(scene.choices["wavelength"].value)  # type: ignore[arg-type]


def _set_up(scene: Scene) -> Iterator[str]:
    config, placement, panel = scene.config, scene.placement, scene.panels[0]
    if config.detector.mask_file:
        yield f"reading {config.detector.mask_file}"
    normal = config.detector.normal_vector
    if normal and math.sqrt(sum(x * x for x in normal)) != 1.0:
        yield "WARNING: auto-generating odet_vector"
    yield BANNER
    yield f"{placement.convention} convention selected."
    yield f"pivoting detector around {'sample' if placement.pivot == 'sample' else 'direct beam spot'}"
    axes = (panel.fast, panel.slow, panel.normal)
    yield f"XDS incident beam: {_g(*(scene.beam @ axis for axis in axes))}"
    if config.crystal.matrix_file:
        yield f"reading {config.crystal.matrix_file}"
    if config.sampling.interpolate is None:
        # the reference decides before it knows the cells that a sample size makes
        small = min(config.crystal.cells or (1, 1, 1)) <= 2
        yield "auto-selected " + ("tricubic interpolation of structure factors" if small else "no interpolation")


def _crystal(scene: Scene) -> Iterator[str]:
    crystal, cell = scene.config.crystal, scene.cell
    if crystal.misset_random:
        angles = " ".join(f"{angle * RTD:f}" for angle in cell.misset)
        yield f"random orientation misset angles: {angles} deg"
    yield f"Unit Cell: {_g(*cell.parameters)}"
    yield f"Recp Cell: {_g(*cell.reciprocal_parameters)}"
    yield f"volume = {_g(cell.volume)} A^3"
    yield "real-space cell vectors (Angstrom):"
    yield from _columns(("a", "b", "c"), cell.real)
    yield "reciprocal-space cell vectors (Angstrom^-1):"
    yield from _columns(("a_star", "b_star", "c_star"), cell.reciprocal)
    yield f"crystal is {' x '.join(_g(1e6 * size) for size in cell.sample)} microns"
    if scene.config.sampling.oversample is None:
        yield f"auto-selected {scene.oversample}-fold oversampling"
    elif scene.oversample < scene.oversample_recommended:
        pixel = 1e10 * _wavelength(scene) * scene.placement.distance / scene.panels[0].pixel_size
        yield f"WARNING: maximum dimension of sample is {_g(1e10 * max(cell.sample))} A"
        yield f"         but reciprocal pixel size is {_g(pixel)} A"
        yield "         intensity may vary significantly across a pixel!"
        yield f"         recommend -oversample {scene.oversample_recommended} to work around this"
    a, b, c = cell.parameters[:3]
    yield f"approximate MW = {_g(a * b * c * 1e-24 * AVOGADRO * DENSITY)}"
    if crystal.hkl_file:
        yield f"counting entries in {crystal.hkl_file}"
        if crystal.default_F != 0.0:
            yield f"initializing to default_F = {_g(crystal.default_F)}:"
        yield f"re-reading {crystal.hkl_file}"


def _steps(scene: Scene) -> Iterator[str]:
    sources = scene.sources
    for layer in range(scene.layers):
        yield f"thick{layer} = {_g(1e6 * layer * scene.layer_step)} um"
    for number, phi in enumerate(scene.phis):
        yield f"phi{number} = {_g(phi * RTD)}"
    for deviation in sources.deviations:
        yield f"divergence deviation: {_g(*deviation)}"
    if len(sources.deviations):
        count = len(sources.wavelengths) // len(sources.deviations)
        for number, wavelength in enumerate(sources.wavelengths[:count]):
            yield f"lambda{number} = {_g(wavelength)}"
    yield f"  created a total of {len(sources.wavelengths)} sources:"
    for position, intensity, wavelength in zip(
        sources.positions, sources.intensities, sources.wavelengths, strict=True
    ):
        yield f"{_g(*position)}   {_g(intensity, wavelength)}"
    yield f"  created a total of {scene.orientations.shape[1]} mosaic domains"


def _summary(scene: Scene) -> Iterator[str]:
    config, placement, panel = scene.config, scene.placement, scene.panels[0]
    sampling, sources = scene.sampling, scene.sources
    yield f"  {scene.hkl.n_loaded} initialized hkls (all others ={_g(scene.hkl.default_F)})"
    yield f"  {CRYSTALS[scene.shape]} xtal: {'x'.join(map(str, scene.cells))} cells"
    dispersion = sampling["dispersion"]
    yield (
        f"  wave={_g(_wavelength(scene))} meters +/- {_g(100.0 * dispersion.range)}% "
        f"in {dispersion.count} steps"
    )
    yield "  polarization effect disabled" if scene.nopolar else (
        f"  Kahn polarization factor: {scene.kahn_factor:f}"
    )
    if scene.curved:
        yield "  curved detector: all pixels same distance from origin"
    if scene.point_pixel:
        yield "  pixel obliquity effect disabled"
    yield f"  incident fluence: {_g(scene.fluence)} photons/m^2"
    yield (
        f"  distance={_g(placement.distance)} detsize={_g(placement.size_fast)}x{_g(placement.size_slow)}  "
        f"pixel={_g(panel.pixel_size)} meters ({panel.pixels_fast}x{panel.pixels_slow} pixels)"
    )
    mu = scene.mu if scene.thickness > 0.0 else -1.0
    yield f"  sensor is {_g(scene.thickness)} m thick in {scene.layers} layers with mu= {_g(mu)}"
    yield f"  Xbeam={_g(placement.xbeam)} Ybeam={_g(placement.ybeam)}"
    yield f"  Fbeam={_g(placement.fbeam)} Sbeam={_g(placement.sbeam)}"
    yield f"  Xclose={_g(placement.xclose)} Yclose={_g(placement.yclose)}"
    yield f"  Fclose={_g(placement.fclose)} Sclose={_g(placement.sclose)}"
    for axis, vector in zip("XYZ", (panel.fast, panel.slow, panel.normal), strict=True):
        yield f"  DIRECTION_OF_DETECTOR_{axis}-AXIS= {_g(*vector)}"
    yield f"  INCIDENT_BEAM_DIRECTION= {_g(*scene.beam)}"
    yield f"  spindle ROTATION_AXIS= {_g(*placement.spindle)}"
    yield f"  POLARIZATION_PLANE_NORMAL= {_g(*placement.plane_normal)}"
    yield f"  dials origin= {_g(*(1000.0 * x for x in placement.dials_origin))}"
    fast_min, fast_max, slow_min, slow_max = _reported_roi(scene)
    yield f"  roi: {fast_min} < x < {fast_max} && {slow_min} < y < {slow_max}"
    for name in ("hdiv", "vdiv"):
        yield f"  {name}range={_g(sampling[name].range)} {name}step={_g(sampling[name].step)}  radians"
    yield f"  {len(sources.deviations) or -1} divergence steps"
    yield f"  {len(sources.wavelengths)} sources"
    domains = scene.orientations.shape[1]
    yield f"  {domains} mosaic domains over mosaic spread of {_g(scene.mosaic_spread * RTD)} degrees"
    phi = sampling["phi"]
    phi0 = config.spindle.phi_deg
    yield f"  {phi.count} phi steps from {_g(phi0)} to {_g(phi0 + phi.range * RTD)} degrees"
    yield f"  {scene.oversample}x{scene.oversample} pixel oversample steps"
    if config.detector.mask_file:
        yield f"  skipping zero-flagged pixels in {config.detector.mask_file}"


def _reported_roi(scene: Scene) -> tuple[int, int, int, int]:
    """Return the region as the reference prints it: a whole detector ends one past its last pixel."""
    if scene.config.sampling.roi is None:
        return 0, scene.panels[0].pixels_fast, 0, scene.panels[0].pixels_slow
    return scene.roi


def statistics(image: Image) -> Iterator[str]:
    """Yield the lines that describe an image."""
    found, scene = image.statistics(), image.scene
    # where the reference last was in the brightest pixel: the centre of its last sub-pixel
    last = 1.0 - 0.5 / scene.oversample
    at = [(pixel + last) * scene.panels[0].pixel_size for pixel in (found.max_fast, found.max_slow)]
    yield f"max_I = {_g(found.max)}  at {_g(*at)}"
    yield f"mean= {_g(found.mean)} rms= {_g(found.rms)} rmsd= {_g(found.rmsd)}"


def solid_angle(image: Image) -> str:
    """Return the line about the solid angle."""
    angle = image.solid_angle or 0.0
    return (
        f"solid angle subtended by detector = {_g(angle)} steradian ( {_g(100.0 * angle / (4.0 * math.pi))}% sphere)"
    )

"""The reference's report, line for line, so that scripts which read it go on working."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.constants import AVOGADRO, RTD
from nbcy.config.crystal import SHAPE_WORDS
from nbcy.flags.parsing import Run
from nbcy.image.image import Image
from nbcy.scene.lattice import CellGeometry
from nbcy.scene.scene import Scene

BANNER: Final = "nanoBragg nanocrystal diffraction simulator - James Holton and Ken Frankel 5-17-17"
PROTEIN_DENSITY: Final = 1.2
"""g/cm³, which the reference takes for the approximate molecular weight."""


def shown(*values: Any) -> str:
    """Return numbers as the reference writes them."""
    return " ".join(f"{float(value):g}" for value in values)


def _columns(names: str, vectors: NDArray[np.float64]) -> Iterator[str]:
    yield names
    for axis, row in zip("XYZ", vectors.T, strict=True):
        yield f"{axis}: " + " ".join(f"{value:11.8f}" for value in row)


def scene_lines(scene: Scene, run: Run, headers: Sequence[str] = ()) -> Iterator[str]:
    """Yield what the reference prints before it renders.

    Parameters
    ----------
    scene : Scene
    run : Run
        For the lines about noise.
    headers : sequence of str
        Files whose headers gave defaults.
    """
    yield from _setting(scene, headers)
    yield from _crystal(scene)
    yield from _sampling(scene)
    yield from _summary(scene)
    if run.noise:
        yield ""
        yield "  noise image paramters:"
        yield f"  seed: {-abs(run.seed)}"
        yield f"  water droplet size: {shown(scene.config.background.water_um / 1e6)} m"
    yield ""


def _setting(scene: Scene, headers: Sequence[str]) -> Iterator[str]:
    config, placement, panel = scene.config, scene.placement, scene.panels[0]
    for path in headers:
        yield f"reading {path}"
    given = config.detector.normal_vector
    if given is not None and math.sqrt(sum(x * x for x in given)) != 1.0:
        yield "WARNING: auto-generating odet_vector"
    yield BANNER
    if config.crystal.mosaic_spread_deg and config.crystal.mosaic_domains is None:
        domains = scene.orientations.shape[1]
        yield (
            f"WARNING: finite mosaicity with only one domain! upping to {domains} mosaic domains"
        )
    yield f"{placement.convention} convention selected."
    pivot = {"beam": "direct beam spot", "sample": "sample"}[placement.pivot]
    yield f"pivoting detector around {pivot}"
    axes = (panel.fast, panel.slow, panel.normal)
    yield f"XDS incident beam: {shown(*(axis @ scene.beam for axis in axes))}"


def _crystal(scene: Scene) -> Iterator[str]:
    config, cell = scene.config, scene.cell
    crystal, sampling = config.crystal, config.sampling
    if crystal.matrix_file is not None:
        yield f"reading {crystal.matrix_file}"
    if sampling.interpolate is None:
        # Said before the reference knows whether there is a list to interpolate in.
        few = min(crystal.cells or (1, 1, 1)) <= 2
        choice = "tricubic interpolation of structure factors" if few else "no interpolation"
        yield f"auto-selected {choice}"
    if crystal.misset_random:
        angles = " ".join(f"{angle * RTD:f}" for angle in cell.misset)
        yield f"random orientation misset angles: {angles} deg"
    yield f"Unit Cell: {shown(*cell.parameters)}"
    yield f"Recp Cell: {shown(*cell.reciprocal_parameters[:3], *_reciprocal_angles(cell))}"
    yield f"volume = {shown(cell.volume)} A^3"
    yield "real-space cell vectors (Angstrom):"
    yield from _columns("     a           b           c         ", cell.real)
    yield "reciprocal-space cell vectors (Angstrom^-1):"
    yield from _columns("     a_star      b_star      c_star    ", cell.reciprocal)
    yield f"crystal is {' x '.join(shown(1e6 * edge) for edge in cell.sample)} microns"
    if sampling.oversample is None:
        yield f"auto-selected {scene.oversample}-fold oversampling"
    elif scene.oversample < scene.oversample_recommended:
        distance = scene.placement.distance / scene.panels[0].pixel_size
        yield f"WARNING: maximum dimension of sample is {shown(1e10 * max(cell.sample))} A"
        pixel = 1e10 * _wavelength(scene) * distance
        yield f"         but reciprocal pixel size is {shown(pixel)} A"
        yield "         intensity may vary significantly across a pixel!"
        yield f"         recommend -oversample {scene.oversample_recommended} to work around this"
    a, b, c = cell.edges
    yield f"approximate MW = {shown(a * b * c * 1e-24 * PROTEIN_DENSITY * AVOGADRO)}"
    if crystal.hkl_file is not None:
        yield f"counting entries in {crystal.hkl_file}"
        if crystal.default_F != 0.0:
            yield f"initializing to default_F = {shown(crystal.default_F)}:"
        yield f"re-reading {crystal.hkl_file}"


def _reciprocal_angles(cell: CellGeometry) -> Iterator[float]:
    """Yield alpha*, beta*, gamma* in degrees, from sine and cosine.

    With the quirk ``triclinic_cell`` the two do not quite fit each other, and this is what the
    reference makes of them.
    """
    lengths, volume = cell.parameters[:3], abs(cell.volume)
    stars = cell.reciprocal_parameters[:3]
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        sine = lengths[i] / (volume * stars[j] * stars[k])
        cosine = float(cell.reciprocal[j] @ cell.reciprocal[k]) / (stars[j] * stars[k])
        yield RTD * math.atan2(sine, cosine)


def _wavelength(scene: Scene) -> float:
    """Return the central wavelength, m; a list of sources can do without it."""
    wavelength = scene.illumination.wavelength
    return float(wavelength)


def _sampling(scene: Scene) -> Iterator[str]:
    for number in range(scene.layers):
        yield f"thick{number} = {shown(1e6 * scene.layer_step * number)} um"
    for number, phi in enumerate(scene.phis):
        yield f"phi{number} = {shown(RTD * phi)}"
    yield from source_lines(scene)
    yield f"  created a total of {scene.orientations.shape[1]} mosaic domains"


def source_lines(scene: Scene, *, counted: bool = False) -> Iterator[str]:
    """Yield what the reference prints about sources.

    Parameters
    ----------
    scene : Scene
    counted : bool
        The intensity of each source of a grid is 1, not its share.
    """
    sources = scene.sources
    total = len(sources.wavelengths) if counted and len(sources.deviations) else 1
    for deviation in sources.deviations:
        yield f"divergence deviation: {shown(*deviation)}"
    if len(sources.deviations):
        count = scene.sweeps["dispersion"].count
        for number, wavelength in enumerate(sources.wavelengths[:count]):
            yield f"lambda{number} = {wavelength:.15g}"
    yield f"  created a total of {len(sources.wavelengths)} sources:"
    rows = zip(sources.positions, sources.intensities, sources.wavelengths, strict=True)
    for position, intensity, wavelength in rows:
        yield f"{shown(*position)}   {shown(total * intensity, wavelength)}"


def _summary(scene: Scene) -> Iterator[str]:
    config, placement, panel = scene.config, scene.placement, scene.panels[0]
    sampling, phi0 = scene.sweeps, scene.config.spindle.phi_deg
    dispersion, phi = sampling["dispersion"], sampling["phi"]
    yield f"  {scene.hkl.n_loaded} initialized hkls (all others ={shown(scene.hkl.default_F)})"
    yield f"  {SHAPE_WORDS[scene.shape]} xtal: {'x'.join(map(str, scene.cells))} cells"
    yield (
        f"  wave={shown(_wavelength(scene))} meters +/- {shown(100.0 * dispersion.range)}% "
        f"in {dispersion.count} steps"
    )
    if scene.nopolar:
        yield "  polarization effect disabled"
    else:
        yield f"  Kahn polarization factor: {scene.kahn_factor:f}"
    if scene.curved:
        yield "  curved detector: all pixels same distance from origin"
    if scene.point_pixel:
        yield "  pixel obliquity effect disabled"
    yield f"  incident fluence: {shown(scene.fluence)} photons/m^2"
    yield (
        f"  distance={shown(placement.distance)} "
        f"detsize={shown(placement.size_fast)}x{shown(placement.size_slow)}  "
        f"pixel={shown(panel.pixel_size)} meters ({panel.pixels_fast}x{panel.pixels_slow} pixels)"
    )
    mu = scene.mu if scene.mu > 0.0 else -1.0
    layers = f"{shown(scene.thickness)} m thick in {scene.layers} layers"
    yield f"  sensor is {layers} with mu= {shown(mu)}"
    yield f"  Xbeam={shown(placement.xbeam)} Ybeam={shown(placement.ybeam)}"
    yield f"  Fbeam={shown(placement.fbeam)} Sbeam={shown(placement.sbeam)}"
    yield f"  Xclose={shown(placement.xclose)} Yclose={shown(placement.yclose)}"
    yield f"  Fclose={shown(placement.fclose)} Sclose={shown(placement.sclose)}"
    for axis, vector in zip("XYZ", (panel.fast, panel.slow, panel.normal), strict=True):
        yield f"  DIRECTION_OF_DETECTOR_{axis}-AXIS= {shown(*vector)}"
    yield f"  INCIDENT_BEAM_DIRECTION= {shown(*scene.beam)}"
    yield f"  spindle ROTATION_AXIS= {shown(*placement.spindle)}"
    yield f"  POLARIZATION_PLANE_NORMAL= {shown(*placement.plane_normal)}"
    yield f"  dials origin= {shown(*(1000.0 * x for x in placement.dials_origin))}"
    # Without a region the reference prints the numbers of pixels, else the last pixels.
    whole = config.sampling.roi is None
    roi = (0, panel.pixels_fast, 0, panel.pixels_slow) if whole else scene.regions[0]
    yield f"  roi: {roi[0]} < x < {roi[1]} && {roi[2]} < y < {roi[3]}"
    for name in ("hdiv", "vdiv"):
        sweep = sampling[name]
        yield f"  {name}range={shown(sweep.range)} {name}step={shown(sweep.step)}  radians"
    yield f"  {len(scene.sources.deviations) or -1} divergence steps"
    yield f"  {len(scene.wavelengths)} sources"
    yield (
        f"  {scene.orientations.shape[1]} mosaic domains over mosaic spread of "
        f"{shown(RTD * scene.mosaic_spread)} degrees"
    )
    yield f"  {phi.count} phi steps from {shown(phi0)} to {shown(phi0 + RTD * phi.range)} degrees"
    yield f"  {scene.oversample}x{scene.oversample} pixel oversample steps"
    if config.detector.mask_file is not None:
        yield f"  skipping zero-flagged pixels in {config.detector.mask_file}"


def solid_angle_line(image: Image) -> str:
    """Return what the reference prints right after it has rendered."""
    angle = image.solid_angle or 0.0
    sphere = 100.0 * angle / 4.0 / math.pi
    return (
        f"solid angle subtended by detector = {shown(angle)} steradian ( {shown(sphere)}% sphere)"
    )


def statistics_lines(image: Image) -> Iterator[str]:
    """Yield what the reference prints about the pixels."""
    scene, found = image.scene, image.statistics()
    # The reference remembers where in the pixel its last sub-pixel was.
    last = (scene.oversample - 0.5) / scene.oversample
    panel = scene.panels[found.max_panel]
    place = [panel.pixel_size * (p + last) for p in (found.max_fast, found.max_slow)]
    yield f"max_I = {shown(found.max)}  at {shown(*place)}"
    yield f"mean= {shown(found.mean)} rms= {shown(found.rms)} rmsd= {shown(found.rmsd)}"

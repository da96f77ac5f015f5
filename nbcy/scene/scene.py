"""The resolved scene: what the stages made, put together, in SI, validated, read-only."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from nbcy.base.choices import Choice
from nbcy.base.constants import R_E_SQR
from nbcy.scene.amplitudes import Amplitudes, amplitudes
from nbcy.scene.average import Average, average
from nbcy.scene.background import Water, background, haze
from nbcy.scene.beam import Illumination, fluence, illumination
from nbcy.scene.coverage import Coverage, Region, coverage
from nbcy.scene.desk import Desk
from nbcy.scene.detector import DetectorPlacement
from nbcy.scene.economy import Economy, economy, pays
from nbcy.scene.fields import choices_of_fields
from nbcy.scene.geometry import SceneGeometry, geometry, placement_of_panel
from nbcy.scene.haze import Haze
from nbcy.scene.interpolation import first_step_leaves_list
from nbcy.scene.lattice import Domains, Lattice, Rotation, domains, lattice, rotation
from nbcy.scene.sensor import Sensor, sensor
from nbcy.scene.spots import Spots, spot_metric, spots
from nbcy.scene.subpixels import Subpixels, subpixels
from nbcy.scene.sweep import Sweep

if TYPE_CHECKING:
    from nbcy.config import Config

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Scene:
    """A configuration resolved into SI units, float64, C-contiguous, read-only arrays.

    It is made of parts, a stage each; what a part holds can also be read from the scene itself,
    ``scene.panels`` for ``scene.geometry.panels``.

    Attributes
    ----------
    config : Config
        What the scene was built from.
    geometry : SceneGeometry
        ``frame``, ``panels``, ``placement``, ``curved``, ``point_pixel``, ``beam``,
        ``polarization``, ``distance``.
    coverage : Coverage
        ``mask``, ``roi``.
    illumination : Illumination
        ``sources``, ``incident``, ``wavelengths``, ``weights``, ``wavelength``, ``kahn_factor``,
        ``nopolar``.
    fluence : float
        Photons/m².
    lattice : Lattice
        ``cell``, ``cells``, ``reciprocal``, ``own_axes``.
    domains : Domains
        ``mosaic``, ``mosaic_model``, ``mosaic_spread``, ``mosaic_widths``, ``mosaic_fixed``,
        ``domain_weights``, ``weighted_domains``.
    rotation : Rotation
        ``phis``, ``orientations``, ``first_orientations``.
    spots : Spots
        ``shape``, ``fudge``, ``star_radius``, ``metric``, ``volume``.
    amplitudes : Amplitudes
        ``hkl``, ``interpolate``, ``calculated``.
    sensor : Sensor
        ``layers``, ``layer_step``, ``thickness``, ``mu``, ``layer_capture``.
    subpixels : Subpixels
        ``oversample``, ``oversample_recommended``, ``oversample_omega``, ``oversample_polar``,
        ``oversample_thick``.
    average : Average
        ``exact``; what is averaged in closed form.
    economy : Economy
        ``dmin``, ``cutoff``, ``skip``, ``precision``.
    background : Water
        ``water``, ``water_scaling``.
    haze : Haze
        Photons of the materials of ``config.background``.
    desk : Desk
        Where the stages were made, and which of them anew (``desk.rebuilt``).
    r_e_sqr : float
        Classical electron radius squared, m².
    """

    config: Config
    geometry: SceneGeometry
    coverage: Coverage
    illumination: Illumination
    fluence: float
    lattice: Lattice
    domains: Domains
    rotation: Rotation
    spots: Spots
    amplitudes: Amplitudes
    sensor: Sensor
    subpixels: Subpixels
    average: Average
    economy: Economy
    background: Water
    haze: Haze
    desk: Desk = dataclasses.field(repr=False)

    r_e_sqr: float = R_E_SQR

    def __getattr__(self, name: str) -> Any:
        part = _PART_OF.get(name)
        if part is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(getattr(self, part), name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_PART_OF})

    @cached_property
    def choices(self) -> Mapping[str, Choice]:
        """Every value the user could have given or left open, and who chose it."""
        chosen = self.desk.choices
        return MappingProxyType({**choices_of_fields(self.config, chosen), **chosen})

    @property
    def rebuilt(self) -> tuple[str, ...]:
        """Stages that were made anew, where this scene took over from another; else all."""
        return tuple(self.desk.rebuilt)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Warnings for the user."""
        return self.desk.notes

    @property
    def steps(self) -> int:
        """``sources * domains * phis * oversample**2``."""
        turned = self.rotation.orientations
        steps = len(self.illumination.wavelengths) * turned.shape[0] * turned.shape[1]
        subpixels = self.subpixels.oversample * self.subpixels.oversample
        return int(steps * subpixels)

    @property
    def sweeps(self) -> Mapping[str, Sweep]:
        """How ``phi``, ``hdiv``, ``vdiv``, ``dispersion`` and ``thickness`` are sampled."""
        beam = self.illumination
        return {
            "phi": self.rotation.phi,
            "hdiv": beam.hdiv,
            "vdiv": beam.vdiv,
            "dispersion": beam.dispersion,
            "thickness": self.sensor.sweep,
        }

    def replaced(self, **values: Any) -> Scene:
        """Return a scene in which parts have other fields; nothing else is resolved anew.

        What the kernel may leave out follows from its new fields.

        Parameters
        ----------
        **values
            Parts, or what can be read from the scene itself: ``shape="gauss"``.
        """
        parts: dict[str, Any] = {}
        for name, value in values.items():
            part, *inside = _INSIDE.get(name, (_PART_OF.get(name, name), name))
            if part == name:
                parts[name] = value
                continue
            holder = parts.get(part, getattr(self, part))
            *between, field = inside
            for record in between:
                value = dataclasses.replace(getattr(holder, record), **{field: value})
                field = record
            parts[part] = dataclasses.replace(holder, **{field: value})
        scene = dataclasses.replace(self, **parts)
        spot, cells, economy = scene.spots, scene.lattice.cells, scene.economy
        if "metric" not in values:
            star = scene.lattice.reciprocal if spot.star_radius else None
            matrix = scene.config.crystal.cells_matrix
            size = np.diag(cells) if matrix is None else np.array(matrix)
            metric = spot_metric(spot.shape, size, spot.fudge, star)
            volume = spot.volume if matrix is not None else float(np.prod(cells))
            spot = dataclasses.replace(spot, metric=metric, volume=volume)
        steps = scene.steps // scene.subpixels.oversample**2
        skip = pays(spot, cells, scene.amplitudes.interpolate, economy.cutoff, steps)
        economy = dataclasses.replace(economy, skip=skip)
        return dataclasses.replace(scene, spots=spot, economy=economy).with_haze()

    def with_haze(self) -> Scene:
        """Return the scene with the haze that its own detector and beam see."""
        seen = self.haze.seen_by(self.geometry, self.illumination, self.sensor, self.subpixels)
        return self if seen is self.haze else dataclasses.replace(self, haze=seen)

    def __repr__(self) -> str:
        panels = self.geometry.panels
        pixels = sum(panel.pixels_slow * panel.pixels_fast for panel in panels)
        cells = "x".join(map(str, self.lattice.cells))
        several = "" if len(panels) == 1 else "s"
        return (
            f"<nbcy.Scene: {len(panels)} panel{several}, {pixels} pixels, {cells} cells, "
            f"{self.steps} steps a pixel, {len(self.choices)} choices, {len(self.notes)} notes>"
        )

    @property
    def regions(self) -> tuple[Region, ...]:
        """What is rendered of each panel, inclusive."""
        return self.whole_panels if self.coverage.roi is None else (self.coverage.roi,)

    @property
    def whole_panels(self) -> tuple[Region, ...]:
        """All there is to render of each panel."""
        panels = self.geometry.panels
        return tuple((0, p.pixels_fast - 1, 0, p.pixels_slow - 1) for p in panels)

    def split(self, flat: NDArray[T]) -> tuple[NDArray[T], ...]:
        """Return views (slow, fast) of each panel into an array of all pixels."""
        panels = self.geometry.panels
        if len(panels) == 1:
            return (flat.reshape(panels[0].shape),)
        ends = np.cumsum([panel.pixels_slow * panel.pixels_fast for panel in panels])
        parts = np.split(flat.reshape(-1), ends[:-1])
        return tuple(x.reshape(p.shape) for x, p in zip(parts, panels, strict=True))

    def mask_of(self, panel: int) -> NDArray[np.uint8] | None:
        """Return the mask of one panel, shape (slow, fast), 0 where pixels are not computed."""
        mask = self.coverage.mask
        return None if mask is None else self.split(mask)[panel]

    def placement_of(self, panel: int) -> DetectorPlacement:
        """Return what a report says about one panel."""
        if not self.config.detector.panels:
            return self.geometry.placement
        return placement_of_panel(self.geometry.panels[panel], self.geometry.frame)


def _names(kind: type) -> list[str]:
    fields = [field.name for field in dataclasses.fields(kind)]
    return [*fields, *(name for name, item in vars(kind).items() if isinstance(item, property))]


_PART_OF: Final = {
    name: part
    for part, kind in (
        ("geometry", SceneGeometry),
        ("coverage", Coverage),
        ("illumination", Illumination),
        ("lattice", Lattice),
        ("domains", Domains),
        ("rotation", Rotation),
        ("spots", Spots),
        ("amplitudes", Amplitudes),
        ("sensor", Sensor),
        ("subpixels", Subpixels),
        ("economy", Economy),
        ("background", Water),
    )
    for name in _names(kind)
}
"""The part that holds what can be read from a scene."""


_INSIDE: Final = {
    **{name: ("illumination", "sources", name) for name in ("incident", "wavelengths", "weights")},
    **{name: ("geometry", "frame", name) for name in ("beam", "polarization")},
    "distance": ("geometry", "placement", "distance"),
    "reciprocal": ("lattice", "cell", "reciprocal"),
    "layers": ("sensor", "sweep", "count"),
    "layer_step": ("sensor", "sweep", "step"),
    "thickness": ("sensor", "sweep", "range"),
}
"""Where what can be read from a scene is kept, if not in the part itself."""


def compose(desk: Desk) -> Scene:
    """Have every stage made, and put what they made together."""
    scene = Scene(
        config=desk.config,
        geometry=desk.take(geometry),
        illumination=desk.take(illumination),
        fluence=desk.take(fluence),
        lattice=desk.take(lattice),
        domains=desk.take(domains),
        rotation=desk.take(rotation),
        spots=desk.take(spots),
        amplitudes=desk.take(amplitudes),
        subpixels=desk.take(subpixels),
        sensor=desk.take(sensor),
        average=desk.take(average),
        economy=desk.take(economy),
        coverage=desk.take(coverage),
        background=desk.take(background),
        haze=desk.take(haze),
        desk=desk,
    )
    desk.settle()
    return _without_interpolation(scene) if _sticks(scene) else scene


def _sticks(scene: Scene) -> bool:
    """Whether the quirk ``sticky_interpolation`` ends interpolation before it begins."""
    return (
        scene.amplitudes.interpolate
        and "sticky_interpolation" in scene.config.quirks
        and first_step_leaves_list(scene)
    )


def _without_interpolation(scene: Scene) -> Scene:
    reason = "quirk sticky_interpolation: the first step is at the edge of the list"
    changed = scene.replaced(interpolate=False)
    choice = Choice(False, "", "derived", reason)
    changed.__dict__["choices"] = MappingProxyType(
        {**scene.choices, "sampling.interpolate": choice}
    )
    return changed

"""Where everything is: the lab's frame, the detector's panels (physics 1 and 2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nbcy.base.choices import Ledger
from nbcy.base.errors import ConfigError
from nbcy.base.panel import (
    PlacedPanel,
    place_panel,
)
from nbcy.base.vectors import cross, dot, frozen
from nbcy.config.conventions import (
    beam_of_axes,
)
from nbcy.scene.desk import Step
from nbcy.scene.detector import DetectorPlacement, place_detector
from nbcy.scene.frame import LabFrame, lab_frame

if TYPE_CHECKING:
    from nbcy.config import Config

FloatArray = NDArray[np.float64]


def place_panels(
    config: Config, frame: LabFrame, ledger: Ledger
) -> tuple[tuple[PlacedPanel, ...], DetectorPlacement]:
    """Take the panels that place themselves (physics 2.8).

    Parameters
    ----------
    config : Config
        With ``detector.panels``.
    frame : LabFrame
        For the beam and the spindle.
    ledger : Ledger
        Takes the choices.

    Returns
    -------
    panels : tuple of PlacedPanel
    placement : DetectorPlacement
        Of the panel that the beam hits, or comes nearest to.

    Raises
    ------
    ConfigError
        Axes that are not perpendicular, or a panel edge-on to the sample.
    """
    panels = [place_panel(given, n) for n, given in enumerate(config.detector.panels)]
    ledger.choose("detector.panels", len(panels), "", "given", "")
    central = min(panels, key=lambda panel: _missed_by(panel, frame.beam))
    placement = placement_of_panel(central, frame)
    for name in ("distance", "close_distance"):
        value = getattr(placement, name)
        ledger.choose(f"detector.{name}", value, "m", "derived", f"of {central.name}")
    return tuple(panels), placement


def _missed_by(panel: PlacedPanel, beam: FloatArray) -> float:
    """Return how far from a panel the beam crosses its plane, m."""
    along = float(dot(beam, panel.normal))
    return panel.outside(panel.close_distance / along * beam) if along > 0.0 else math.inf


def placement_of_panel(panel: PlacedPanel, frame: LabFrame) -> DetectorPlacement:
    """Return what a report says about one panel of several.

    Where the panel does not cross the beam, the distance along it is the distance of the plane.
    """
    origin, pixel, beam = panel.origin, panel.pixel_size, frame.beam
    size_fast, size_slow = pixel * panel.pixels_fast, pixel * panel.pixels_slow
    ratio = float(dot(beam, panel.normal))
    distance = panel.close_distance / ratio if ratio > 0.0 else panel.close_distance
    to_corner = distance * beam - origin
    fbeam, sbeam = float(dot(panel.fast, to_corner)), float(dot(panel.slow, to_corner))
    fclose, sclose = -float(dot(origin, panel.fast)), -float(dot(origin, panel.slow))
    xbeam, ybeam = beam_of_axes(frame.convention, fbeam, sbeam, size_slow, pixel)
    return DetectorPlacement(
        convention=frame.convention,
        pivot="sample",
        xbeam=xbeam,
        ybeam=ybeam,
        xclose=fclose,
        yclose=sclose,
        fbeam=fbeam,
        sbeam=sbeam,
        fclose=fclose,
        sclose=sclose,
        orgx=fclose / pixel + 0.5,
        orgy=sclose / pixel + 0.5,
        distance=distance,
        close_distance=panel.close_distance,
        ratio=ratio,
        dials_origin=(float(origin[2]), float(origin[1]), -float(origin[0])),
        size_fast=size_fast,
        size_slow=size_slow,
        twotheta=0.0,
        twotheta_axis=frame.twotheta_axis,
        spindle=frame.spindle,
        vert=frame.vert,
        plane_normal=frozen(cross(beam, frame.polarization)),
    )


@dataclass(frozen=True, eq=False)
class SceneGeometry:
    """Where everything is.

    Attributes
    ----------
    frame : LabFrame
        Directions in the lab.
    panels : tuple of PlacedPanel
        The detector.
    placement : DetectorPlacement
        What a report says about it.
    curved : bool
        The detector is wrapped around the sample (physics 2.7).
    point_pixel : bool
        Solid angle without pixel size and obliquity.
    nearest : tuple of float
        Distance and pixel size, m, of the panel that is fewest pixels away.
    """

    frame: LabFrame
    panels: tuple[PlacedPanel, ...]
    placement: DetectorPlacement
    curved: bool
    point_pixel: bool
    nearest: tuple[float, float]

    @property
    def beam(self) -> FloatArray:
        """Unit vector along which the beam travels."""
        return self.frame.beam

    @property
    def polarization(self) -> FloatArray:
        """Unit vector of the electric field."""
        return self.frame.polarization

    @property
    def distance(self) -> float:
        """Sample to detector along the beam, m."""
        return self.placement.distance


def geometry(step: Step) -> SceneGeometry:
    """Stage: the detector in the lab."""
    config, frame = step.config, step.take(lab_frame)
    detector = config.detector
    panels: tuple[PlacedPanel, ...]
    if detector.panels:
        panels, placement = place_panels(config, frame, step.ledger)
        closest = min(panels, key=lambda panel: panel.nearest / panel.pixel_size)
        nearest = closest.nearest, closest.pixel_size
    else:
        panel, placement = place_detector(config, frame, step.quirks, step.ledger)
        panels = (panel,)
        nearest = placement.distance, panel.pixel_size
        if detector.curved:
            _check_curved(frame, panel)
    return SceneGeometry(frame, panels, placement, detector.curved, detector.point_pixel, nearest)


def _check_curved(frame: LabFrame, panel: PlacedPanel) -> None:
    """Refuse to wrap a detector around anything but mosflm's axes (physics 2.7)."""
    expected = {
        "beam": (frame.beam, (1.0, 0.0, 0.0)),
        "fast axis": (panel.fast, (0.0, 0.0, 1.0)),
        "slow axis": (panel.slow, (0.0, -1.0, 0.0)),
    }
    for name, (vector, wanted) in expected.items():
        if not np.allclose(vector, wanted, rtol=0.0, atol=1e-9):
            raise ConfigError(
                "detector.curved",
                True,
                f"needs the axes of the mosflm convention and no rotation: the {name} must be "
                f"{wanted}, it is {tuple(vector.tolist())}",
            )

"""The sensor: its layers and what they capture (physics 4.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nbcy.scene.desk import Step
from nbcy.scene.sweep import Sweep, converted, resolve_sweep


@dataclass(frozen=True)
class Sensor:
    """What stops the photons.

    Attributes
    ----------
    sweep : Sweep
        Thickness, spacing (m) and number of the layers.
    mu : float
        Absorption, 1/m; 0: every photon is captured.
    layer_capture : bool
        Quirk: the last layer's capture multiplies the sum over layers.
    """

    sweep: Sweep
    mu: float
    layer_capture: bool

    @property
    def layers(self) -> int:
        """Number of layers."""
        return self.sweep.count

    @property
    def layer_step(self) -> float:
        """Spacing of the layers, m."""
        return self.sweep.step

    @property
    def thickness(self) -> float:
        """Of all layers, m."""
        return self.sweep.range


def sensor(step: Step) -> Sensor:
    """Stage: layers and absorption."""
    detector, ledger = step.config.detector, step.ledger
    quirk, count = "layer_capture" in step.quirks, detector.thickness_steps
    layers = resolve_sweep(
        "detector.thickness",
        "detector.thickness_steps",
        "m",
        converted(detector.thickness_um, "um"),
        None,
        count,
        ledger,
        slices=not quirk or count is None,
        lone_range=0.0,
    )
    depth = converted(detector.attenuation_depth_um, "um")
    if layers.range == 0.0:
        if depth is not None:
            ledger.note("detector.attenuation_depth_um is not used: the sensor has no thickness")
        return Sensor(layers, 0.0, quirk)
    if depth is None:
        depth = layers.range
        ledger.choose("detector.attenuation_depth", depth, "m", "derived", "the thickness")
        ledger.note(
            "detector.attenuation_depth_um is not given: the thickness, "
            f"{detector.thickness_um:g} um, is taken"
        )
    else:
        ledger.choose("detector.attenuation_depth", depth, "m", "given", "")
    if depth == 0.0 or math.isinf(depth):
        ledger.note(
            "detector.thickness_um is not used: the attenuation depth says not to model absorption"
        )
        return Sensor(Sweep(0.0, 0.0, 1), 0.0, quirk)
    return Sensor(layers, 1.0 / depth, quirk)

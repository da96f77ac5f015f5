"""Directions in the lab: the convention and its vectors (physics 1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nbcy.base.choices import Ledger, Origin
from nbcy.base.constants import RTD
from nbcy.base.errors import ConfigError
from nbcy.base.panel import PARALLEL, check_perpendicular
from nbcy.base.vectors import Vector, cross, dot, frozen, norm, unit
from nbcy.config.conventions import CONVENTIONS
from nbcy.scene.desk import Step

if TYPE_CHECKING:
    from nbcy.config import Config

FloatArray = NDArray[np.float64]

_NORMAL_TOLERANCE = math.cos(1.0 / RTD)


@dataclass(frozen=True, eq=False)
class LabFrame:
    """Directions in the lab before the detector is turned.

    Attributes
    ----------
    convention : str
        Name of the convention in force.
    beam, fast, slow, normal, twotheta_axis, polarization, spindle : ndarray, shape (3,)
        Unit vectors.
    vert : ndarray, shape (3,)
        Unit vector along beam x polarization; zero when the two are parallel.
    """

    convention: str
    beam: FloatArray
    fast: FloatArray
    slow: FloatArray
    normal: FloatArray
    twotheta_axis: FloatArray
    polarization: FloatArray
    spindle: FloatArray
    vert: FloatArray


def resolve_frame(config: Config, ledger: Ledger) -> LabFrame:
    """Choose the convention and its vectors (physics 1.2).

    Parameters
    ----------
    config : Config
        What the user gave. Any vector among it selects the convention ``custom``.
    ledger : Ledger
        Takes the choices.

    Raises
    ------
    ConfigError
        Axes that are not perpendicular, or a polarization along the beam where it matters.
    """
    detector = config.detector
    given: dict[str, Vector | None] = {
        "beam.direction": config.beam.direction,
        "detector.fast_vector": detector.fast_vector,
        "detector.slow_vector": detector.slow_vector,
        "detector.normal_vector": detector.normal_vector,
        "detector.twotheta_axis": detector.twotheta_axis,
        "beam.polarization_vector": config.beam.polarization_vector,
        "spindle.axis": config.spindle.axis,
    }
    named = detector.convention
    selecting = [field for field, vector in given.items() if vector is not None]
    if detector.pix0_mm is not None:
        selecting.append("detector.pix0_mm")
    if selecting:
        convention = CONVENTIONS["custom"]
        origin: Origin = "derived"
        reason = f"selected by {selecting[0]}"
        if named == "custom":
            origin, reason = "given", ""
        elif named is not None:
            ledger.note(
                f"{', '.join(selecting)} select the convention custom: every vector that is not "
                f"given starts from custom's values, not from those of {named}"
            )
    elif named is not None:
        convention, origin, reason = CONVENTIONS[named], "given", ""
    else:
        convention, origin, reason = CONVENTIONS["mosflm"], "default", "no convention given"
    ledger.choose("detector.convention", convention.name, "", origin, reason)

    start: dict[str, Vector] = {
        "beam.direction": convention.beam,
        "detector.fast_vector": convention.fast,
        "detector.slow_vector": convention.slow,
        "detector.normal_vector": convention.normal,
        "detector.twotheta_axis": convention.twotheta_axis,
        "beam.polarization_vector": convention.polarization,
        "spindle.axis": convention.spindle,
    }
    vectors: dict[str, FloatArray] = {}
    for field, default in start.items():
        value = given[field]
        vectors[field] = unit(default if value is None else value)
        if detector.panels and field.startswith("detector."):
            continue
        if value is not None:
            ledger.choose(field, tuple(vectors[field].tolist()), "", "given", "normalised")
        else:
            ledger.choose(field, default, "", "default", f"convention {convention.name}")

    fast, slow = vectors["detector.fast_vector"], vectors["detector.slow_vector"]
    if convention.name == "custom" and not detector.panels:
        vectors["detector.normal_vector"] = _custom_normal(
            fast, slow, given["detector.normal_vector"], vectors["beam.direction"], ledger
        )
    beam, polarization = vectors["beam.direction"], vectors["beam.polarization_vector"]
    plane_normal = cross(beam, polarization)
    parallel = bool(norm(plane_normal) < PARALLEL)
    if parallel and (given["beam.polarization_vector"] is not None or _uses_polarization(config)):
        raise ConfigError(
            "beam.polarization_vector",
            tuple(polarization.tolist()),
            f"must not be parallel to the beam {tuple(beam.tolist())}",
        )
    return LabFrame(
        convention=convention.name,
        beam=frozen(beam),
        fast=frozen(fast),
        slow=frozen(slow),
        normal=frozen(vectors["detector.normal_vector"]),
        twotheta_axis=frozen(vectors["detector.twotheta_axis"]),
        polarization=frozen(polarization),
        spindle=frozen(vectors["spindle.axis"]),
        vert=frozen(np.zeros(3) if parallel else unit(plane_normal)),
    )


def _uses_polarization(config: Config) -> bool:
    """Whether anything depends on the direction of the electric field."""
    beam = config.beam
    divergence = (
        beam.hdiv_mrad,
        beam.vdiv_mrad,
        beam.hdiv_step_mrad,
        beam.vdiv_step_mrad,
        beam.hdiv_steps,
        beam.vdiv_steps,
    )
    polarized = beam.kahn_factor != 0.0 and not beam.nopolar
    return polarized or any(value is not None for value in divergence)


def _custom_normal(
    fast: FloatArray, slow: FloatArray, given: Vector | None, beam: FloatArray, ledger: Ledger
) -> FloatArray:
    """Return ±(fast x slow) with the sense of the given normal, or of custom's (physics 1.3)."""
    check_perpendicular("detector.slow_vector", fast, slow)
    normal = unit(cross(fast, slow))
    wanted = CONVENTIONS["custom"].normal if given is None else given
    along = float(dot(normal, unit(wanted)))
    if given is not None and abs(along) < _NORMAL_TOLERANCE:
        raise ConfigError(
            "detector.normal_vector",
            given,
            f"must be within 1° of ±(fast x slow) = ±{tuple(normal.tolist())}",
        )
    if abs(along) < PARALLEL:  # custom's normal lies in the detector: downstream
        along = float(dot(normal, beam))
        sense = "along the beam"
    else:
        sense = f"with the sense of {'custom' if given is None else 'the given normal'}"
    if along < 0.0:
        normal = -normal
    ledger.choose(
        "detector.normal_vector",
        tuple(normal.tolist()),
        "",
        "derived",
        f"±(fast x slow) {sense}",
    )
    return normal


def lab_frame(step: Step) -> LabFrame:
    """Stage: the convention and its vectors."""
    return resolve_frame(step.config, step.ledger)

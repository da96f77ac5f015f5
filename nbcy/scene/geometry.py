"""Where the detector is: axes, origin, distances, beam centre (physics 1 and 2)."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nbcy.base.choices import Ledger, Origin, origin_of
from nbcy.base.constants import RTD
from nbcy.base.errors import ConfigError
from nbcy.base.panel import (
    PARALLEL,
    PlacedPanel,
    check_count,
    check_perpendicular,
    place_panel,
)
from nbcy.base.units import to_si
from nbcy.base.vectors import Vector, cross, dot, frozen, norm, rotate, rotate_xyz, unit
from nbcy.config.conventions import (
    CONVENTIONS,
    Pivot,
    beam_of_axes,
    beam_on_axes,
    default_beam_centre,
)
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


@dataclass(frozen=True, eq=False)
class DetectorPlacement:
    """What a report says about the detector, in SI units.

    Attributes
    ----------
    convention, pivot : str
        The convention and the pivot in force.
    xbeam, ybeam, xclose, yclose : float
        Beam centre and near point as the convention counts them, m.
    fbeam, sbeam, fclose, sclose : float
        The same along the fast and the slow axis, from where the detector finally is, m.
    orgx, orgy : float
        Near point in pixels, as XDS counts them.
    distance, close_distance : float
        Sample to detector along the beam and along the normal, m.
    ratio : float
        Cosine between beam and normal before the two-theta arm turns.
    dials_origin : tuple of float
        Corner of pixel (0, 0) in the frame of DIALS, m.
    size_fast, size_slow : float
        m.
    twotheta : float
        rad.
    twotheta_axis, spindle, vert : ndarray, shape (3,)
        Unit vectors.
    plane_normal : ndarray, shape (3,)
        beam x polarization, not normalised.
    """

    convention: str
    pivot: Pivot
    xbeam: float
    ybeam: float
    xclose: float
    yclose: float
    fbeam: float
    sbeam: float
    fclose: float
    sclose: float
    orgx: float
    orgy: float
    distance: float
    close_distance: float
    ratio: float
    dials_origin: Vector
    size_fast: float
    size_slow: float
    twotheta: float
    twotheta_axis: FloatArray
    spindle: FloatArray
    vert: FloatArray
    plane_normal: FloatArray


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


def _axis_size(
    axis: str, count: int | None, size_mm: float | None, pixel: float, ledger: Ledger
) -> tuple[int, float]:
    """Return the number of pixels along an axis and its length in m (physics 1.1)."""
    field, size_field = f"detector.pixels_{axis}", f"detector.size_{axis}"
    if count is not None:
        size = pixel * count
        ledger.choose(field, count, "", "given", "")
        ledger.choose(size_field, size, "m", "derived", "pixels * pixel size")
        if size_mm is not None and math.ceil(to_si(size_mm, "mm") / pixel - 0.5) != count:
            ledger.note(
                f"{size_field}_mm = {size_mm:g} is not used: {field} = {count} is given as well "
                f"and makes {1000.0 * size:g} mm"
            )
    else:
        size = to_si(102.4 if size_mm is None else size_mm, "mm")
        ledger.choose(size_field, size, "m", origin_of(size_mm), "")
        count = math.ceil(size / pixel - 0.5)
        ledger.choose(field, count, "", "derived", "ceil(size / pixel size - 0.5)")
    if count < 1:
        raise ConfigError(
            f"{size_field}_mm", size * 1000.0, f"must hold a pixel of {pixel * 1000.0:g} mm"
        )
    return count, size


def _resolve_pivot(config: Config, convention: str, quirk: bool, ledger: Ledger) -> Pivot:
    """Choose the point around which the detector turns (physics 1.6)."""
    detector = config.detector
    rule = CONVENTIONS[convention].pivot
    if detector.pivot is not None:
        if not (quirk and rule is not None):
            ledger.choose("detector.pivot", detector.pivot, "", "given", "")
            return detector.pivot
        if detector.pivot != rule:
            ledger.note(
                f"detector.pivot = {detector.pivot} is not used: with the quirk pivot_override "
                f"the convention {convention} imposes {rule}"
            )
    if rule is not None:
        ledger.choose("detector.pivot", rule, "", "derived", f"convention {convention}")
        return rule
    for field in ("close_distance_mm", "xclose_mm", "yclose_mm", "orgx_px", "orgy_px"):
        if getattr(detector, field) is not None:
            ledger.choose("detector.pivot", "sample", "", "derived", f"{field} is given")
            return "sample"
    if detector.twotheta_deg is not None:
        ledger.choose("detector.pivot", "sample", "", "derived", "twotheta_deg is given")
        return "sample"
    ledger.choose("detector.pivot", "beam", "", "derived", "no near point and no twotheta given")
    return "beam"


def _note_unused_centres(config: Config, convention: str, pivot: Pivot, ledger: Ledger) -> None:
    """Say which of the given beam centres and near points do not move the detector."""
    detector = config.detector
    rank: tuple[str, ...]
    if convention != "custom" and pivot == "sample":
        rank, reason = ("org",), f"pivoting on the sample, {convention} takes the near point from"
    elif convention in ("mosflm", "denzo", "adxv"):
        rank, reason = ("beam",), f"pivoting on the beam, {convention} takes the beam centre from"
    else:
        rank, reason = ("beam", "close", "org"), f"{convention} prefers"
    for x, org in (("x", "orgx_px"), ("y", "orgy_px")):
        fields = {"beam": f"{x}beam_mm", "close": f"{x}close_mm", "org": org}
        given = [kind for kind in fields if getattr(detector, fields[kind]) is not None]
        used = next((kind for kind in rank if kind in given), rank[0])
        for kind in given:
            if kind != used:
                ledger.note(
                    f"detector.{fields[kind]} = {getattr(detector, fields[kind]):g} does not "
                    f"move the detector: {reason} {fields[used]}"
                )


def _apply_pix0(
    config: Config, placed: FloatArray, quirk: bool, ledger: Ledger
) -> tuple[FloatArray, bool]:
    """Return the origin, and whether it is the one the user gave (physics 2.5)."""
    detector = config.detector
    if detector.pix0_mm is None:
        ledger.choose(
            "detector.pix0", tuple(placed.tolist()), "m", "derived", "distance and beam centre"
        )
        return placed, False
    given = np.array([to_si(x, "mm") for x in detector.pix0_mm])
    fields = ("xbeam_mm", "ybeam_mm", "xclose_mm", "yclose_mm", "orgx_px", "orgy_px")
    rivals = [field for field in fields if getattr(detector, field) is not None]
    if not (quirk or rivals):
        ledger.choose("detector.pix0", tuple(given.tolist()), "m", "given", "")
        return given, True
    winner = ", ".join(rivals) if rivals else "the quirk pix0_ignored"
    ledger.choose("detector.pix0", tuple(placed.tolist()), "m", "derived", f"from {winner}")
    ledger.note(
        f"detector.pix0_mm = {detector.pix0_mm} is not used because of {winner}: it differs from "
        f"the origin in force by {1000.0 * float(norm(given - placed)):.6g} mm"
    )
    return placed, False


def _settle_distances(
    config: Config, distance: float, close: float, from_pix0: bool, ledger: Ledger
) -> None:
    """Record the final distances, and say when a given one was overruled."""
    detector = config.detector
    if from_pix0:
        rule = "detector.pix0_mm"
    elif detector.close_distance_mm is not None:
        rule = "detector.close_distance_mm"
    else:
        rule = ""
    for field, given_mm, value in (
        ("distance", detector.distance_mm, distance),
        ("close_distance", detector.close_distance_mm, close),
    ):
        if given_mm is not None and rule in ("", f"detector.{field}_mm"):
            ledger.choose(f"detector.{field}", value, "m", "given", "")
        elif detector.distance_mm is None and not rule and field == "distance":
            ledger.choose("detector.distance", value, "m", "default", "")
        else:
            ledger.choose(
                f"detector.{field}", value, "m", "derived", f"from {rule or 'distance and normal'}"
            )
            if given_mm is not None and abs(1000.0 * value - given_mm) > 1e-9 * given_mm:
                ledger.note(
                    f"detector.{field}_mm = {given_mm:g} is not used: {rule} makes it "
                    f"{1000.0 * value:.9g}"
                )


def place_detector(
    config: Config, frame: LabFrame, quirks: frozenset[str], ledger: Ledger
) -> tuple[PlacedPanel, DetectorPlacement]:
    """Put the detector into the lab (physics 1 and 2).

    Parameters
    ----------
    config : Config
        What the user gave.
    frame : LabFrame
        The directions before any rotation.
    quirks : frozenset of str
        ``pivot_override`` and ``pix0_ignored`` matter here.
    ledger : Ledger
        Takes the choices and notes.

    Returns
    -------
    panel : PlacedPanel
    placement : DetectorPlacement

    Raises
    ------
    ConfigError
        No pixel, too many pixels, or a detector that the sample sees from behind.
    """
    detector = config.detector
    convention, beam = frame.convention, frame.beam
    pixel = to_si(0.1 if detector.pixel_mm is None else detector.pixel_mm, "mm")
    ledger.choose("detector.pixel", pixel, "m", origin_of(detector.pixel_mm), "")
    pixels_fast, size_fast = _axis_size(
        "fast", detector.pixels_fast, detector.size_fast_mm, pixel, ledger
    )
    pixels_slow, size_slow = _axis_size(
        "slow", detector.pixels_slow, detector.size_slow_mm, pixel, ledger
    )
    check_count("detector.pixels", pixels_fast, pixels_slow)

    # Near point and beam centre, m (physics 1.4 and 1.5).
    def near(org: float | None, size: float) -> float:
        return size / 2.0 if org is None else (org - 0.5) * pixel

    def metres(field: str, value_mm: float | None, default: float, reason: str) -> float:
        if value_mm is None:
            ledger.choose(field, default, "m", "derived", reason)
            return default
        value = to_si(value_mm, "mm")
        ledger.choose(field, value, "m", "given", "")
        return value

    fclose, sclose = near(detector.orgx_px, size_fast), near(detector.orgy_px, size_slow)
    rule = "ORG, else the detector's centre"
    xclose = metres("detector.xclose", detector.xclose_mm, fclose, rule)
    yclose = metres("detector.yclose", detector.yclose_mm, sclose, rule)
    xdefault, ydefault = default_beam_centre(
        convention, size_fast, size_slow, pixel, (xclose, yclose)
    )
    rule = f"convention {convention}"
    xbeam = metres("detector.xbeam", detector.xbeam_mm, xdefault, rule)
    ybeam = metres("detector.ybeam", detector.ybeam_mm, ydefault, rule)
    fbeam, sbeam = beam_on_axes(convention, xbeam, ybeam, size_slow, pixel)
    if convention == "custom":
        fclose, sclose = xbeam, ybeam

    pivot = _resolve_pivot(config, convention, "pivot_override" in quirks, ledger)
    _note_unused_centres(config, convention, pivot, ledger)

    angles = (
        to_si(detector.rotx_deg, "deg"),
        to_si(detector.roty_deg, "deg"),
        to_si(detector.rotz_deg, "deg"),
    )
    twotheta = to_si(detector.twotheta_deg or 0.0, "deg")
    arm = frame.twotheta_axis

    # The distances (physics 2.1).
    distance = to_si(100.0 if detector.distance_mm is None else detector.distance_mm, "mm")
    ratio = float(dot(beam, rotate_xyz(frame.normal, *angles)))
    if ratio == 0.0:
        ratio = sys.float_info.min
    if detector.close_distance_mm is None:
        close = abs(ratio * distance)
    else:
        close = to_si(detector.close_distance_mm, "mm")
    distance = close / ratio

    # Origin and axes (physics 2.2 to 2.4).
    def turned(vector: FloatArray) -> FloatArray:
        return rotate(rotate_xyz(vector, *angles), arm, twotheta)

    fast, slow, normal = turned(frame.fast), turned(frame.slow), turned(frame.normal)
    if pivot == "sample":
        origin = turned(-fclose * frame.fast - sclose * frame.slow + close * frame.normal)
    else:
        origin = -fbeam * fast - sbeam * slow + distance * beam
    origin, from_pix0 = _apply_pix0(config, origin, "pix0_ignored" in quirks, ledger)
    axes_alone = detector.normal_vector is None and (detector.fast_vector or detector.slow_vector)
    if from_pix0 and axes_alone and float(dot(origin, normal)) < 0.0:
        normal, ratio = -normal, -ratio  # away from the sample, wherever that is
    if ratio < 0.0:
        ledger.note(
            "the detector stands upstream of the sample, because its normal "
            f"{tuple(normal.tolist())} points against the beam; if that is not meant, give "
            "detector.normal_vector with the other sign"
        )

    # What that comes to (physics 2.5).
    fclose, sclose = -float(dot(origin, fast)), -float(dot(origin, slow))
    close = float(dot(origin, normal))
    if not np.isfinite(origin).all() or not close > 0.0:
        raise ConfigError(
            "detector.distance",
            f"{1000.0 * close:g} mm along the normal",
            "the detector must face the sample: turn it less, or check distance, pivot and normal",
        )
    distance = close / ratio
    to_corner = distance * beam - origin
    _settle_distances(config, distance, close, from_pix0, ledger)
    placement = DetectorPlacement(
        convention=convention,
        pivot=pivot,
        xbeam=xbeam,
        ybeam=ybeam,
        xclose=xclose,
        yclose=yclose,
        fbeam=float(dot(fast, to_corner)),
        sbeam=float(dot(slow, to_corner)),
        fclose=fclose,
        sclose=sclose,
        orgx=fclose / pixel + 0.5,
        orgy=sclose / pixel + 0.5,
        distance=distance,
        close_distance=close,
        ratio=ratio,
        dials_origin=(float(origin[2]), float(origin[1]), -float(origin[0])),
        size_fast=size_fast,
        size_slow=size_slow,
        twotheta=twotheta,
        twotheta_axis=arm,
        spindle=frame.spindle,
        vert=frame.vert,
        plane_normal=frozen(cross(beam, frame.polarization)),
    )
    panel = PlacedPanel(
        origin=frozen(origin),
        fast=frozen(fast),
        slow=frozen(slow),
        normal=frozen(normal),
        pixel_size=pixel,
        close_distance=close,
        pixels_slow=pixels_slow,
        pixels_fast=pixels_fast,
    )
    return panel, placement


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


def lab_frame(step: Step) -> LabFrame:
    """Stage: the convention and its vectors."""
    return resolve_frame(step.config, step.ledger)


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

"""One flat detector: sizes, beam centre, distances, rotations, origin (physics 1 and 2)."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nbcy.base.choices import Ledger, origin_of
from nbcy.base.errors import ConfigError
from nbcy.base.panel import PlacedPanel, check_count
from nbcy.base.units import to_si
from nbcy.base.vectors import Vector, cross, dot, frozen, norm, rotate, rotate_xyz
from nbcy.config.conventions import CONVENTIONS, Pivot, beam_on_axes, default_beam_centre
from nbcy.scene.frame import LabFrame

if TYPE_CHECKING:
    from nbcy.config import Config

FloatArray = NDArray[np.float64]


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


@dataclass(frozen=True)
class _Size:
    """Pixels and edges, m."""

    pixel: float
    pixels_fast: int
    pixels_slow: int
    fast: float
    slow: float


@dataclass(frozen=True)
class _Centres:
    """Beam centre and near point, m: as the convention counts them, and along the axes."""

    xbeam: float
    ybeam: float
    xclose: float
    yclose: float
    fbeam: float
    sbeam: float
    fclose: float
    sclose: float


@dataclass(frozen=True, eq=False)
class _Stand:
    """Where the detector stands; the ratio is that of `DetectorPlacement`."""

    origin: FloatArray
    fast: FloatArray
    slow: FloatArray
    normal: FloatArray
    ratio: float
    from_pix0: bool


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
    size = _size(config, ledger)
    centres = _centres(config, frame.convention, size, ledger)
    pivot = _resolve_pivot(config, frame.convention, "pivot_override" in quirks, ledger)
    _note_unused_centres(config, frame.convention, pivot, ledger)
    stand = _stand(config, frame, centres, pivot, "pix0_ignored" in quirks, ledger)
    panel = _panel(size, stand)
    distance = panel.close_distance / stand.ratio
    _settle_distances(config, distance, panel.close_distance, stand.from_pix0, ledger)
    twotheta = to_si(config.detector.twotheta_deg or 0.0, "deg")
    return panel, _placement(frame, size, centres, pivot, stand, panel, distance, twotheta)


def _size(config: Config, ledger: Ledger) -> _Size:
    detector = config.detector
    pixel = to_si(0.1 if detector.pixel_mm is None else detector.pixel_mm, "mm")
    ledger.choose("detector.pixel", pixel, "m", origin_of(detector.pixel_mm), "")
    pixels_fast, fast = _axis_size(
        "fast", detector.pixels_fast, detector.size_fast_mm, pixel, ledger
    )
    pixels_slow, slow = _axis_size(
        "slow", detector.pixels_slow, detector.size_slow_mm, pixel, ledger
    )
    check_count("detector.pixels", pixels_fast, pixels_slow)
    return _Size(pixel, pixels_fast, pixels_slow, fast, slow)


def _centres(config: Config, convention: str, size: _Size, ledger: Ledger) -> _Centres:
    """Near point and beam centre (physics 1.4 and 1.5)."""
    detector = config.detector

    def near(org: float | None, edge: float) -> float:
        return edge / 2.0 if org is None else (org - 0.5) * size.pixel

    def metres(field: str, value_mm: float | None, default: float, reason: str) -> float:
        if value_mm is None:
            ledger.choose(field, default, "m", "derived", reason)
            return default
        value = to_si(value_mm, "mm")
        ledger.choose(field, value, "m", "given", "")
        return value

    fclose, sclose = near(detector.orgx_px, size.fast), near(detector.orgy_px, size.slow)
    rule = "ORG, else the detector's centre"
    xclose = metres("detector.xclose", detector.xclose_mm, fclose, rule)
    yclose = metres("detector.yclose", detector.yclose_mm, sclose, rule)
    xdefault, ydefault = default_beam_centre(
        convention, size.fast, size.slow, size.pixel, (xclose, yclose)
    )
    rule = f"convention {convention}"
    xbeam = metres("detector.xbeam", detector.xbeam_mm, xdefault, rule)
    ybeam = metres("detector.ybeam", detector.ybeam_mm, ydefault, rule)
    fbeam, sbeam = beam_on_axes(convention, xbeam, ybeam, size.slow, size.pixel)
    if convention == "custom":
        fclose, sclose = xbeam, ybeam
    return _Centres(xbeam, ybeam, xclose, yclose, fbeam, sbeam, fclose, sclose)


def _stand(
    config: Config, frame: LabFrame, centres: _Centres, pivot: Pivot, quirk: bool, ledger: Ledger
) -> _Stand:
    """Turn and shift the detector."""
    detector, beam = config.detector, frame.beam
    angles = (
        to_si(detector.rotx_deg, "deg"),
        to_si(detector.roty_deg, "deg"),
        to_si(detector.rotz_deg, "deg"),
    )
    twotheta = to_si(detector.twotheta_deg or 0.0, "deg")

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
        return rotate(rotate_xyz(vector, *angles), frame.twotheta_axis, twotheta)

    fast, slow, normal = turned(frame.fast), turned(frame.slow), turned(frame.normal)
    if pivot == "sample":
        origin = turned(
            -centres.fclose * frame.fast - centres.sclose * frame.slow + close * frame.normal
        )
    else:
        origin = -centres.fbeam * fast - centres.sbeam * slow + distance * beam
    origin, from_pix0 = _apply_pix0(config, origin, quirk, ledger)
    axes_alone = detector.normal_vector is None and (detector.fast_vector or detector.slow_vector)
    if from_pix0 and axes_alone and float(dot(origin, normal)) < 0.0:
        normal, ratio = -normal, -ratio  # away from the sample, wherever that is
    if ratio < 0.0:
        ledger.note(
            "the detector stands upstream of the sample, because its normal "
            f"{tuple(normal.tolist())} points against the beam; if that is not meant, give "
            "detector.normal_vector with the other sign"
        )
    return _Stand(origin, fast, slow, normal, ratio, from_pix0)


def _panel(size: _Size, stand: _Stand) -> PlacedPanel:
    close = float(dot(stand.origin, stand.normal))
    if not np.isfinite(stand.origin).all() or not close > 0.0:
        raise ConfigError(
            "detector.distance",
            f"{1000.0 * close:g} mm along the normal",
            "the detector must face the sample: turn it less, or check distance, pivot and normal",
        )
    return PlacedPanel(
        origin=frozen(stand.origin),
        fast=frozen(stand.fast),
        slow=frozen(stand.slow),
        normal=frozen(stand.normal),
        pixel_size=size.pixel,
        close_distance=close,
        pixels_slow=size.pixels_slow,
        pixels_fast=size.pixels_fast,
    )


def _placement(
    frame: LabFrame,
    size: _Size,
    centres: _Centres,
    pivot: Pivot,
    stand: _Stand,
    panel: PlacedPanel,
    distance: float,
    twotheta: float,
) -> DetectorPlacement:
    """Return what that comes to (physics 2.5)."""
    origin, beam = stand.origin, frame.beam
    fclose, sclose = -float(dot(origin, stand.fast)), -float(dot(origin, stand.slow))
    to_corner = distance * beam - origin
    return DetectorPlacement(
        convention=frame.convention,
        pivot=pivot,
        xbeam=centres.xbeam,
        ybeam=centres.ybeam,
        xclose=centres.xclose,
        yclose=centres.yclose,
        fbeam=float(dot(stand.fast, to_corner)),
        sbeam=float(dot(stand.slow, to_corner)),
        fclose=fclose,
        sclose=sclose,
        orgx=fclose / size.pixel + 0.5,
        orgy=sclose / size.pixel + 0.5,
        distance=distance,
        close_distance=panel.close_distance,
        ratio=stand.ratio,
        dials_origin=(float(origin[2]), float(origin[1]), -float(origin[0])),
        size_fast=size.fast,
        size_slow=size.slow,
        twotheta=twotheta,
        twotheta_axis=frame.twotheta_axis,
        spindle=frame.spindle,
        vert=frame.vert,
        plane_normal=frozen(cross(beam, frame.polarization)),
    )

"""What image files say about a measurement besides its pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nbcy.base.panel import PlacedPanel
from nbcy.base.vectors import cross, dot, frozen, norm, unit

FloatArray = NDArray[np.float64]

PERPENDICULAR: Final = 1e-6
"""Largest sine of an angle that a header without angles may ignore: 0.2 um in 20 cm."""

NO_SENSOR: Final = 1e-9

_NEAR: Final = 1e-9

_FAR: Final = 1e6
"""m; no length of a measurement comes near."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """Geometry, beam and crystal of a file's frames, in SI units and the frame of the lab.

    Attributes
    ----------
    panels : tuple of PlacedPanel
        Stacked along the slow axis in the pixels of a frame (`rows`).
    beam : ndarray, shape (3,)
        Unit vector along which the beam travels.
    wavelength : float
        m.
    bandwidth : float
        Range of wavelengths relative to the central one.
    polarization : ndarray, shape (3,)
        Unit vector of the electric field, perpendicular to the beam.
    kahn_factor : float or None
        From -1 to 1; None when it is not known.
    spindle : ndarray, shape (3,), or None
        Unit vector of the axis around which the crystal turns; None for stills.
    phi, osc : float
        Spindle angle at the start of the first frame, and how far each frame turns, rad.
    exposure : float or None
        Of one frame, s.
    flux : float or None
        photons/s.
    thickness : float
        Of the sensor, m; 0 is a detector that counts where the photons arrive.
    invalid : ndarray of bool, shape (slow, fast), or None
        Pixels that were not measured, of all panels as `rows` has them.
    cell : ndarray, shape (3, 3), or None
        Rows a, b, c in m at spindle angle 0.
    provenance : mapping
        How the pixels came about; what JSON can hold.
    """

    panels: tuple[PlacedPanel, ...]
    beam: FloatArray
    wavelength: float
    polarization: FloatArray
    kahn_factor: float | None = None
    bandwidth: float = 0.0
    spindle: FloatArray | None = None
    phi: float = 0.0
    osc: float = 0.0
    exposure: float | None = None
    flux: float | None = None
    thickness: float = 0.0
    invalid: NDArray[np.bool_] | None = None
    cell: FloatArray | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> Self:
        """Refuse what cannot be, as headers have it where something was not known.

        For readers of files; what was computed is sound.

        Returns
        -------
        Measurement
            This one.

        Raises
        ------
        TypeError, ValueError
            No number, one that is not finite, a length that is not positive, or a direction that
            is no unit vector.
        """
        if not self.panels:
            raise ValueError("there is no panel")
        for panel in self.panels:
            if not (0.0 < panel.pixel_size < _FAR and min(panel.shape) > 0):
                raise ValueError(f"pixels of {1e3 * panel.pixel_size:g} mm cannot be")
            if not (abs(panel.origin) < _FAR).all() or panel.close_distance == 0.0:
                raise ValueError("a panel must be somewhere, and not edge-on to the sample")
        directions = [self.beam, self.polarization]
        directions += [along for panel in self.panels for along in (panel.fast, panel.slow)]
        directions += [] if self.spindle is None else [self.spindle]
        for direction in directions:
            if direction.shape != (3,) or not abs(float(norm(direction)) - 1.0) <= PERPENDICULAR:
                raise ValueError("a direction is not a unit vector")
        if self.cell is not None and not (
            self.cell.shape == (3, 3) and np.isfinite(self.cell).all()
        ):
            raise ValueError("the axes of the cell must be three vectors of finite numbers")
        if not 0.0 < self.wavelength < _FAR:
            raise ValueError(f"a wavelength of {1e10 * self.wavelength:g} Å cannot be")
        optional = ("kahn_factor", "exposure", "flux")
        for name in ("phi", "osc", "thickness", "bandwidth", *optional):
            value = getattr(self, name)
            if value is None and name in optional:
                continue
            if not math.isfinite(value):
                raise ValueError(f"{name} must be finite")
        return self

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels (slow, fast) of a frame."""
        return stacked_shape(self.panels)

    @property
    def rows(self) -> tuple[slice, ...]:
        """Where each panel's rows are in a frame; its columns start at 0."""
        return stacked_rows(self.panels)

    def at(self, frame: int) -> Measurement:
        """Return what is said about one frame, counted from 0."""
        return replace(self, phi=self.phi + frame * self.osc)

    def same_detector(self, other: Measurement) -> bool:
        """Whether panels are where another's are, within a nanometre."""
        return len(self.panels) == len(other.panels) and all(
            a.shape == b.shape
            and a.pixel_size == b.pixel_size
            and all(
                np.allclose(getattr(a, name), getattr(b, name), rtol=0.0, atol=_NEAR)
                for name in ("origin", "fast", "slow")
            )
            for a, b in zip(self.panels, other.panels, strict=True)
        )

    def turned(self, rotation: FloatArray) -> Measurement:
        """Return the same in another frame of the lab.

        Parameters
        ----------
        rotation : ndarray, shape (3, 3)
            Takes vectors of this frame to the other.
        """

        def turn(vector: FloatArray) -> FloatArray:
            return frozen(dot(rotation, vector[..., np.newaxis, :]))

        def turned_panel(panel: PlacedPanel) -> PlacedPanel:
            return replace(
                panel,
                origin=turn(panel.origin),
                fast=turn(panel.fast),
                slow=turn(panel.slow),
                normal=turn(panel.normal),
            )

        return replace(
            self,
            panels=tuple(map(turned_panel, self.panels)),
            beam=turn(self.beam),
            polarization=turn(self.polarization),
            spindle=None if self.spindle is None else turn(self.spindle),
            cell=None if self.cell is None else turn(self.cell),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all but the mask as numbers, text, lists and dicts."""

        def plain(value: Any) -> Any:
            if isinstance(value, np.ndarray):
                return value.tolist()
            if isinstance(value, PlacedPanel):
                return {name: plain(item) for name, item in vars(value).items()}
            if isinstance(value, tuple):
                return [plain(item) for item in value]
            return dict(value) if isinstance(value, Mapping) else value

        return {n: plain(v) for n, v in vars(self).items() if n != "invalid" and v is not None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Measurement:
        """Undo `to_dict`.

        Raises
        ------
        KeyError, TypeError, ValueError
            It is something else.
        """

        def arrays(table: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
            return {name: frozen(np.asarray(table[name], float)) for name in names if name in table}

        vectors = ("origin", "fast", "slow", "normal")
        panels = tuple(
            PlacedPanel(**{**panel, **arrays(panel, vectors)}) for panel in data["panels"]
        )
        vectors = ("beam", "polarization", "spindle", "cell")
        return cls(**{**data, **arrays(data, vectors), "panels": panels})

    @classmethod
    def of_json(cls, text: str) -> Measurement | str:
        """Read `to_dict` from JSON, or return why that cannot be done."""
        import json

        try:
            return cls.from_dict(json.loads(text)).check()
        except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
            return f"what nbcy wrote into its header is damaged: {error}"

    def provenance_lines(self) -> list[str]:
        """Return the provenance as lines ``key = JSON``; the configuration has its own keys."""
        import json

        lines: list[str] = []

        def flatten(path: str, value: Any) -> None:
            if isinstance(value, Mapping) and value:
                for name, item in value.items():
                    flatten(f"{path}.{name}" if path else str(name), item)
            else:
                lines.append(f"{path} = {json.dumps(value)}")

        for key, value in self.provenance.items():
            flatten("" if key == "config" else key, value)
        return lines


def changes(first: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a nested mapping differs from another; what is no longer there is None."""
    found: dict[str, Any] = {name: None for name in first if name not in other}
    for name, value in other.items():
        before = first.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            if inner := changes(before, value):
                found[name] = inner
        elif name not in first or before != value:
            found[name] = value
    return found


def changed(first: Mapping[str, Any], differing: Mapping[str, Any]) -> dict[str, Any]:
    """Undo `changes`."""
    found = dict(first)
    for name, value in differing.items():
        before = first.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            value = changed(before, value)
        found[name] = value
    return found


def across(vector: FloatArray, beam: FloatArray) -> FloatArray:
    """Return the unit vector across the beam that is nearest to a vector, or any one."""
    for start in (vector, *np.eye(3)):
        rest = start - dot(start, beam) * beam
        if norm(rest) > 1e-3:
            return frozen(unit(rest))
    raise AssertionError("a vector cannot be parallel to three axes")


def stacked_shape(panels: Sequence[PlacedPanel]) -> tuple[int, int]:
    """Return the pixels (slow, fast) of panels stacked along the slow axis."""
    return sum(p.pixels_slow for p in panels), max(p.pixels_fast for p in panels)


def stacked_rows(panels: Sequence[PlacedPanel]) -> tuple[slice, ...]:
    """Return the rows of each panel in the stack."""
    ends = np.cumsum([panel.pixels_slow for panel in panels]).tolist()
    return tuple(slice(e - p.pixels_slow, e) for e, p in zip(ends, panels, strict=True))


def stack(parts: Sequence[NDArray[Any]], panels: Sequence[PlacedPanel], fill: Any) -> NDArray[Any]:
    """Stack arrays (slow, fast) of panels along the slow axis, the narrow ones filled up."""
    if len(parts) == 1:
        return parts[0]
    whole = np.full(stacked_shape(panels), fill, dtype=parts[0].dtype)
    for part, rows in zip(parts, stacked_rows(panels), strict=True):
        whole[rows, : part.shape[1]] = part
    return whole


def unstack(whole: NDArray[Any], panels: Sequence[PlacedPanel]) -> list[NDArray[Any]]:
    """Undo `stack`."""
    rows = stacked_rows(panels)
    return [whole[r, : panel.pixels_fast] for r, panel in zip(rows, panels, strict=True)]


@dataclass(frozen=True)
class FlatGeometry:
    """What a header without vectors says: one detector square to the beam.

    Attributes
    ----------
    distance : float
        m.
    beam_px : tuple of float
        Where the beam meets the detector, (fast, slow), in pixels from the outer corner of pixel
        (0, 0).
    """

    distance: float
    beam_px: tuple[float, float]

    def place(self, pixel_size: float, shape: tuple[int, int]) -> PlacedPanel:
        """Put the detector into the lab, with the beam along x, fast along z and slow along -y."""
        fast, slow, beam = (np.array(v) for v in ((0.0, 0, 1), (0.0, -1, 0), (1.0, 0, 0)))
        corner = -pixel_size * (self.beam_px[0] * fast + self.beam_px[1] * slow)
        return PlacedPanel(
            origin=frozen(corner + self.distance * beam),
            fast=frozen(fast),
            slow=frozen(slow),
            normal=frozen(beam),
            pixel_size=pixel_size,
            close_distance=self.distance,
            pixels_slow=shape[0],
            pixels_fast=shape[1],
        )


def flat_geometry(measurement: Measurement) -> tuple[FlatGeometry, list[str]]:
    """Reduce a measurement to distance and beam centre.

    Returns
    -------
    FlatGeometry
        Of the first panel. Of a tilted one, the point that is nearest to the sample.
    problems : list of str
        What the reduction loses.
    """
    panel, beam = measurement.panels[0], measurement.beam
    problems = []
    if len(measurement.panels) > 1:
        problems.append(f"{len(measurement.panels)} panels become the first one")
    if float(norm(cross(panel.normal, beam))) > PERPENDICULAR:
        angle = math.degrees(math.acos(min(1.0, float(dot(panel.normal, beam)))))
        problems.append(
            f"the detector is {angle:.3g} degrees out of square: distance and beam centre are "
            "those of its point nearest to the sample"
        )
    if float(dot(cross(panel.fast, panel.slow), panel.normal)) < 0.0:
        problems.append("the image is seen from behind")
    spindle = measurement.spindle
    if spindle is not None and float(norm(spindle - panel.fast)) > PERPENDICULAR:
        problems.append("the spindle is not along the fast axis")
    beam_px = (
        -float(dot(panel.origin, panel.fast)) / panel.pixel_size,
        -float(dot(panel.origin, panel.slow)) / panel.pixel_size,
    )
    return FlatGeometry(float(dot(panel.origin, panel.normal)), beam_px), problems


def flat_measurement(
    geometry: FlatGeometry, pixel_size: float, shape: tuple[int, int], **others: Any
) -> Measurement:
    """Undo `flat_geometry`, in a lab with the beam along x and the spindle along z.

    Raises
    ------
    ValueError
        Numbers that cannot be, such as those of a distance that was not known.
    """
    if not geometry.distance > 0.0:
        raise ValueError(f"a distance of {1e3 * geometry.distance:g} mm cannot be")
    return Measurement(
        panels=(geometry.place(pixel_size, shape),),
        beam=frozen([1.0, 0.0, 0.0]),
        polarization=frozen([0.0, 0.0, 1.0]),
        spindle=frozen([0.0, 0.0, 1.0]),
        **others,
    ).check()


def written_thickness(measurement: Measurement) -> float:
    """Return the sensor's thickness, m, as headers have it: 1 nm for none.

    Some programs correct for the parallax in a sensor of any thickness, but stop at 0.
    """
    return max(measurement.thickness, NO_SENSOR)


def read_thickness(value: float) -> float:
    """Undo `written_thickness`."""
    return value if value > NO_SENSOR else 0.0


def as_vector(value: ArrayLike) -> FloatArray:
    """Return three numbers as a read-only vector."""
    return frozen(np.asarray(value, dtype=np.float64))

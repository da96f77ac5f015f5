"""The detector: one flat panel, or panels that place themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, Unpack, get_args

from nbcy.base.errors import ConfigError
from nbcy.config.conventions import ConventionName, Pivot
from nbcy.config.kinds import (
    COUNT,
    DEPTH,
    DIRECTION,
    FILE_NAME,
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    RECTANGLES,
    SWITCH,
    TEXT,
    VECTOR,
    Choice,
    ListOf,
)
from nbcy.config.section import REQUIRED, Field, Section, Table

if TYPE_CHECKING:
    from nbcy.config.arguments import DetectorFields, PanelFields


class Panel(Section):
    """One flat part of a detector, put where it is.

    Attributes
    ----------
    name : str
        What the panel is called; its number in the detector when not given.
    origin_mm : tuple of 3 float
        Outer corner of its first pixel, in the lab.
    fast_vector, slow_vector : tuple of 3 float
        Directions along a row and along a column of pixels, of any length, perpendicular.
    pixels_fast, pixels_slow : int
        Pixels along the fast and the slow axis.
    pixel_mm : float
        Edge of a pixel.
    masked : tuple of rectangles
        Pixels that are not rendered: ``(fast_min, fast_max, slow_min, slow_max)`` each, inclusive.
    """

    name = Field(TEXT)
    origin_mm = Field(VECTOR, REQUIRED)
    fast_vector = Field(DIRECTION, REQUIRED)
    slow_vector = Field(DIRECTION, REQUIRED)
    pixels_fast = Field(COUNT, REQUIRED)
    pixels_slow = Field(COUNT, REQUIRED)
    pixel_mm = Field(POSITIVE, REQUIRED)
    masked = Field(RECTANGLES, ())

    if TYPE_CHECKING:

        def __init__(self, **fields: Unpack[PanelFields]) -> None: ...
        def replace(self, **fields: Unpack[PanelFields]) -> Self: ...  # noqa: D102


class _Panels(ListOf[Panel]):
    """Panels of one detector, each under a name of its own."""

    def read(self, value: Any) -> tuple[Panel, ...]:
        if not isinstance(value, tuple):
            raise ConfigError("detector.panels", value, "must be a list of panels")
        panels: list[Panel] = []
        for n, panel in enumerate(value):
            try:
                panels.append(Panel.from_dict(panel))
            except ConfigError as error:
                field = error.field.replace("panel", f"detector.panels[{n}]", 1)
                raise type(error)(field, error.value, error.expected) from None
        names = [f"panel{n}" if p.name is None else p.name for n, p in enumerate(panels)]
        for n, name in enumerate(names):
            if name in names[:n] or not name:
                expected = "must be a name that no other panel has"
                raise ConfigError(f"detector.panels[{n}].name", name, expected)
        return tuple(panels)


_PANELS = _Panels(Table(Panel), "panels")


class Detector(Section):
    """The detector (physics 1 and 2).

    It is one flat panel that distance, beam centre and rotations put into the lab, or ``panels``,
    each of which says where it is.

    Attributes
    ----------
    convention : {"mosflm", "denzo", "adxv", "xds", "dials", "custom"}
        What the axes and the beam centre mean; mosflm when nothing is given.
    pixel_mm : float
        Edge of a pixel; 0.1 mm when not given.
    pixels_fast, pixels_slow : int
        Pixels along the fast and the slow axis.
    size_fast_mm, size_slow_mm : float
        Edges of the detector, in place of the numbers of pixels.
    distance_mm : float
        From the sample to the detector along the beam.
    close_distance_mm : float
        From the sample to the nearest point of the detector's plane; goes before the distance.
    xbeam_mm, ybeam_mm : float
        Where the beam hits the detector, as the convention has it.
    xclose_mm, yclose_mm : float
        The point of the detector's plane that is nearest to the sample.
    orgx_px, orgy_px : float
        The same point as XDS has it, in pixels from 0.5.
    pivot : {"beam", "sample"}
        What the detector's rotations leave in place: the beam's spot, or the distance.
    rotx_deg, roty_deg, rotz_deg : float
        Rotations about lab x, then y, then z.
    twotheta_deg : float
        Rotation about ``twotheta_axis`` after that; 0 is not the same as not given.
    fast_vector, slow_vector, normal_vector, twotheta_axis : tuple of 3 float
        Axes, of any length; each selects the custom convention.
    pix0_mm : tuple of 3 float
        Corner of the first pixel; selects the custom convention. A beam centre goes before it.
    curved : bool
        Wrap the detector around the sample.
    point_pixel : bool
        Solid angle without pixel size and obliquity.
    thickness_um, thickness_steps : float, int
        Thickness of the sensor, and the layers it is cut into.
    attenuation_depth_um : float
        Depth at which 1/e of the photons are left; inf or 0 is no absorption.
    mask_file : str
        SMV image; pixels that are 0 in it are not rendered.
    masked : tuple of rectangles
        Pixels that are not rendered: ``(fast_min, fast_max, slow_min, slow_max)`` each, inclusive.
    panels : tuple of Panel
        In place of pixels, size, distance, beam centre, rotations, axes and masks; the convention
        is left with the beam, the polarization and the spindle.
    """

    convention = Field(Choice[ConventionName](*get_args(ConventionName)))
    pixel_mm = Field(POSITIVE)
    pixels_fast = Field(COUNT)
    pixels_slow = Field(COUNT)
    size_fast_mm = Field(POSITIVE)
    size_slow_mm = Field(POSITIVE)
    distance_mm = Field(POSITIVE)
    close_distance_mm = Field(POSITIVE)
    xbeam_mm = Field(NUMBER)
    ybeam_mm = Field(NUMBER)
    xclose_mm = Field(NUMBER)
    yclose_mm = Field(NUMBER)
    orgx_px = Field(NUMBER)
    orgy_px = Field(NUMBER)
    pivot = Field(Choice[Pivot](*get_args(Pivot)))
    rotx_deg = Field(NUMBER, 0.0)
    roty_deg = Field(NUMBER, 0.0)
    rotz_deg = Field(NUMBER, 0.0)
    twotheta_deg = Field(NUMBER)
    fast_vector = Field(DIRECTION)
    slow_vector = Field(DIRECTION)
    normal_vector = Field(DIRECTION)
    twotheta_axis = Field(DIRECTION)
    pix0_mm = Field(VECTOR)
    curved = Field(SWITCH, False)
    point_pixel = Field(SWITCH, False)
    thickness_um = Field(NOT_NEGATIVE)
    thickness_steps = Field(COUNT)
    attenuation_depth_um = Field(DEPTH)
    mask_file = Field(FILE_NAME)
    masked = Field(RECTANGLES, ())
    panels = Field(_PANELS, ())

    # What the panels do not replace.
    _beside_panels = (
        *("convention", "point_pixel", "thickness_um", "thickness_steps", "attenuation_depth_um"),
        "panels",
    )

    if TYPE_CHECKING:

        def __init__(self, **fields: Unpack[DetectorFields]) -> None: ...
        def replace(self, **fields: Unpack[DetectorFields]) -> Self: ...  # noqa: D102

    @classmethod
    def preset(cls, name: str, **fields: Unpack[DetectorFields]) -> Self:
        """Return a common detector: its pixels, and its gaps masked.

        Parameters
        ----------
        name : str
            One of `nbcy.config.presets.PRESETS`: ``pilatus2m``, ``pilatus6m``, ``eiger4m``,
            ``eiger9m``, ``eiger16m``, ``jungfrau4m``, ``jungfrau16m``, ``rayonix_mx340``, ...
        **fields
            Any other fields, in any spelling; they go before those of the preset. A detector whose
            modules do not lie on one grid (``jungfrau16m``) is made of panels: it takes distance
            and convention, and has its middle in the beam.

        Raises
        ------
        ConfigError, UnitError
            There is no such detector, or a field that cannot be right.

        Examples
        --------
        >>> Detector.preset("eiger4m", distance="15 cm").pixels_fast
        2070
        """
        from nbcy.config.presets import find_preset, panels_of

        preset = find_preset(name)
        given = cls(**fields)
        if not preset.shift:
            fast, slow = preset.pixels
            usual = cls(
                pixel_mm=preset.pixel_mm,
                pixels_fast=fast,
                pixels_slow=slow,
                masked=list(preset.gaps()),
            )
            return usual._replaced(given._given())
        distance = 100.0 if given.distance_mm is None else given.distance_mm
        convention = given.convention or "mosflm"
        placed = given.replace(distance_mm=None)
        return placed._replaced({"panels": panels_of(preset, convention, distance)})

    def _check(self, spelled: Mapping[str, str]) -> None:
        if self.panels:
            for name, value in self._given().items():
                if name not in self._beside_panels:
                    expected = "must not be given along with detector.panels: they place themselves"
                    raise ConfigError(self._path(spelled[name]), value, expected)

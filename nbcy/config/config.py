"""What to simulate, in the user's units: immutable models, to and from TOML and JSON.

A bare number needs its unit in the name (``distance_mm=250``, ``distance_m=0.25``), a quantity
brings its own (``distance="25 cm"`` or a pint quantity), and there is no third way.
"""

from __future__ import annotations

import difflib
import json
import math
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from nbcy.base.errors import ConfigError, FileError, UnitError
from nbcy.base.units import UNITS, alternatives, convert, is_quantity, parse_quantity, split_units
from nbcy.config.quirks import QUIRKS, parse_quirks

# The largest seed of the reference's random numbers (physics 8.1); no count is ever as large.
_MAX_WHOLE = 2**31 - 2


def _sized(count: int, what: str) -> BeforeValidator:
    def check(value: object) -> object:
        if not isinstance(value, tuple) or len(value) != count:
            raise ValueError(f"must be {what}")
        return value

    return BeforeValidator(check)


def _several(what: str) -> BeforeValidator:
    def check(value: object) -> object:
        if not isinstance(value, tuple):
            raise ValueError(f"must be a list of {what}")
        return value

    return BeforeValidator(check)


def _check_direction(vector: tuple[float, ...]) -> tuple[float, ...]:
    if not any(vector):
        raise ValueError("must not have the length 0")
    return vector


def _complete_cell(cell: object) -> object:
    numbers = cell if isinstance(cell, tuple) else (cell,)
    if not 1 <= len(numbers) <= 6:
        raise ValueError("must be 1 to 6 of a, b, c, alpha, beta, gamma")
    lengths, angles = numbers[:3], numbers[3:]
    return lengths + lengths[:1] * (3 - len(lengths)) + angles + (90.0,) * (3 - len(angles))


def _check_cell(cell: tuple[float, ...]) -> tuple[float, ...]:
    low, middle, high = sorted(cell[3:])
    if not (low > 0.0 and high < low + middle and low + middle + high < 360.0):
        raise ValueError(
            "the angles form no cell: each must be positive and below the sum of the other two, "
            "and all three together below 360°"
        )
    return cell


def _check_roi(roi: tuple[int, ...]) -> tuple[int, ...]:
    if not (0 <= roi[0] <= roi[1] and 0 <= roi[2] <= roi[3]):
        raise ValueError(
            "must be fast_min, fast_max, slow_min, slow_max, "
            "with no minimum below 0 and no minimum above its maximum"
        )
    return roi


def _file_name(value: object) -> object:
    name = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError("must be the name of a file")
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise ValueError("must be a file name in UTF-8")
    return name


def _quirk_names(value: object) -> frozenset[str]:
    if not isinstance(value, str | Iterable) or isinstance(value, bytes | Mapping):
        raise ValueError("must be a list of names, or 'all'")
    try:
        return parse_quirks(value if isinstance(value, str) else map(str, value))
    except ConfigError as error:
        name = str(error.value)
        raise ValueError(f"{name!r} {error.expected}{_nearest(name, QUIRKS)}") from None


def _nearest(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {near[0]}?" if near else ""


Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Depth = Annotated[float, Field(ge=0, allow_inf_nan=True)]
Whole = Annotated[int, Field(ge=-_MAX_WHOLE, le=_MAX_WHOLE)]
Count = Annotated[Whole, Field(ge=1)]
FileName = Annotated[str, BeforeValidator(_file_name)]
Row = Annotated[tuple[float, float, float], _sized(3, "three rows of 3 numbers")]
Matrix = Annotated[tuple[Row, Row, Row], _sized(3, "three rows of 3 numbers")]
Vector = Annotated[tuple[float, float, float], _sized(3, "3 numbers: x, y, z")]
Direction = Annotated[Vector, AfterValidator(_check_direction)]
Cell = Annotated[
    tuple[Positive, Positive, Positive, float, float, float],
    BeforeValidator(_complete_cell),
    AfterValidator(_check_cell),
]
Cells = Annotated[
    tuple[Count, Count, Count],
    _sized(3, "one whole number, or 3: Na, Nb, Nc"),
    BeforeValidator(lambda value: (value,) * 3 if isinstance(value, int) else value),
]
Roi = Annotated[
    tuple[Whole, Whole, Whole, Whole],
    _sized(4, "4 whole numbers: fast_min, fast_max, slow_min, slow_max"),
    AfterValidator(_check_roi),
]
Rectangles = Annotated[tuple[Roi, ...], _several("rectangles of 4 whole numbers each")]
Quirks = Annotated[frozenset[str], BeforeValidator(_quirk_names)]


def _tidy(value: Any) -> Any:
    """Make plain numbers and tuples of NumPy's, lists and arrays of quantities."""
    if is_quantity(value):
        return tuple(value) if getattr(value.magnitude, "ndim", 0) else value
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return tuple(_tidy(item) for item in value)
    return value + 0.0 if isinstance(value, float) else value  # -0.0 becomes 0.0


def _plain(value: Any) -> Any:
    """Make what TOML can hold of the value of a field."""
    if isinstance(value, Section):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return sorted(value) if isinstance(value, frozenset) else value


class Section(BaseModel):
    """Base of the models: the unit rule, and errors that say what would be right.

    A field whose name ends with a unit can also be given with another unit of the same dimension,
    or without one as a quantity. None counts as not given.

    Raises
    ------
    UnitError
        A quantity without a unit, with one that measures something else, or given twice.
    ConfigError
        Any other value that cannot be right, and unknown fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    # Sets of fields of which at most one can be given.
    _rivals: ClassVar[tuple[tuple[str, ...], ...]] = ()
    # Field, and units of bare numbers, for each name that a field can be given by.
    _spellings: ClassVar[dict[str, tuple[str, tuple[str, ...]]]] = {}

    def __init_subclass__(cls, *, init: bool = True, **options: Any) -> None:
        """Take ``init=False``: to type checkers, any name may then be an argument."""
        super().__init_subclass__(**options)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Collect the names that fields can be given by."""
        cls._spellings = {}
        for field in cls.model_fields:
            stem, units = split_units(field)
            for given in product(*map(alternatives, units)):
                cls._spellings["_".join((stem, *given))] = field, given
            cls._spellings[stem] = field, ()

    def __init__(self, /, **data: Any) -> None:
        given = type(self)._read(data)
        try:
            super().__init__(**{field: value for field, (_, _, value) in given.items()})
        except ValidationError as invalid:
            first = invalid.errors(include_url=False)[0]
            field = str(first["loc"][0])
            if field not in given:
                raise ConfigError(self._path(field), None, "must be given") from None
            name, value, _ = given[field]
            cause = first.get("ctx", {}).get("error")
            expected = str(cause or re.sub("^.* should ", "must ", first["msg"]))
            raise ConfigError(self._path(name), value, expected) from None

    @classmethod
    def _path(cls, name: str) -> str:
        return f"{cls.__name__.lower()}.{name}"

    @classmethod
    def _read(cls, data: Mapping[str, Any]) -> dict[str, tuple[str, Any, Any]]:
        """Find for each field the name and value that it was given by, and its value."""
        given: dict[str, tuple[str, Any, Any]] = {}
        for name, value in data.items():
            if name not in cls._spellings:
                raise cls._unknown(name, value)
            field, units = cls._spellings[name]
            if value is None:
                continue
            if field in given:
                expected = f"must not be given along with {given[field][0]}"
                raise UnitError(cls._path(name), value, expected)
            converted = _tidy(value)
            _, own = split_units(field)
            if own:
                converted = _in_units(converted, own, units, field, cls._path(name))
            given[field] = name, value, converted
        for fields in cls._rivals:
            rivals = [given[field][:2] for field in fields if field in given]
            if len(rivals) > 1:
                (name, value), (other, _) = rivals[:2]
                raise ConfigError(cls._path(name), value, f"must not be given along with {other}")
        return given

    @classmethod
    def _unknown(cls, name: str, value: object) -> ConfigError:
        stem, units = split_units(name)
        field, _ = cls._spellings.get(stem, ("", ()))
        _, own = split_units(field)
        if units and own:
            return UnitError(cls._path(name), value, f"has the wrong unit; did you mean {field}?")
        stems = (split_units(field)[0] for field in cls.model_fields)
        near = _nearest(name, (*cls.model_fields, *stems))
        return ConfigError(cls._path(name), value, f"there is no such field{near}")

    @classmethod
    def model_validate(cls, obj: Any, *_: Any, **__: Any) -> Self:
        """Make a model of a mapping.

        Raises
        ------
        ConfigError, UnitError
            As when it is made of arguments.
        """
        if isinstance(obj, cls):
            return obj
        if not isinstance(obj, Mapping):
            raise ConfigError(cls.__name__.lower(), obj, "must be a table of fields")
        return cls(**{str(name): value for name, value in obj.items()})

    def model_copy(self, *, update: Mapping[str, Any] | None = None, **_: Any) -> Self:
        """Return a copy with other values for some fields.

        Parameters
        ----------
        update : mapping of str to object, optional
            Fields in any spelling; None takes one back. An energy replaces a wavelength, a matrix
            a cell, a structure file an hkl file, and the other way round.

        Raises
        ------
        ConfigError, UnitError
            As for a new model.
        """
        changes = dict(update or {})
        known = self._spellings
        replaced = {known[name][0]: value for name, value in changes.items() if name in known}
        for rivals in self._rivals:
            if any(replaced.get(field) is not None for field in rivals):
                replaced.update(dict.fromkeys(rivals))
        kept = {name: value for name, value in self._given() if name not in replaced}
        return type(self)(**kept, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return all that differs from the defaults, as numbers, text, lists and dicts."""
        return {name: _plain(value) for name, value in self._given()}

    def _given(self) -> list[tuple[str, Any]]:
        fields = type(self).model_fields
        return [(name, value) for name, value in self if value != fields[name].default]

    def __repr_args__(self) -> list[tuple[str, Any]]:
        return self._given()

    def __setattr__(self, name: str, value: object) -> None:
        raise ConfigError(self._path(name), value, "cannot be set; model_copy makes another model")

    def __delattr__(self, name: str) -> None:
        raise ConfigError(self._path(name), "del", "cannot be removed")


def _in_units(
    value: Any, own: tuple[str, ...], given: tuple[str, ...], field: str, path: str
) -> Any:
    """Convert what was given to the units of its field.

    Parameters
    ----------
    value : object
        One value or a tuple of them.
    own, given : tuple of str
        Units of the field, and of bare numbers; the latter is empty when they are not allowed.
    field, path : str
        Name of the field, and the dotted name that it was given by.
    """

    def convert_one(item: Any, i: int) -> Any:
        at = min(i // 3, len(own) - 1)  # only a cell has two units, for three numbers each
        unit = UNITS[own[at]]
        is_number = isinstance(item, int | float) and not isinstance(item, bool)
        if not given:
            if is_number:
                expected = (
                    f"needs a unit: give {field}, or a quantity such as '1 {unit.symbols[0]}'"
                )
                raise UnitError(path, value, expected)
            return parse_quantity(item, own[at], path)
        if isinstance(item, str) and item == "inf":  # JSON has no other way to say so
            return math.inf
        if isinstance(item, str) or is_quantity(item):
            stem, _ = split_units(field)
            raise UnitError(path, value, f"must be a bare number; {stem} takes quantities")
        try:
            return convert(float(item), given[at], own[at]) if is_number else item
        except OverflowError:
            return math.inf

    if isinstance(value, tuple):
        return tuple(convert_one(item, i) for i, item in enumerate(value))
    return convert_one(value, 0)


class Crystal(Section, init=False):
    """The crystal (physics 6 to 8).

    Attributes
    ----------
    cell_angstrom_deg : tuple of 6 float
        a, b, c in Å, alpha, beta, gamma in degrees; b and c left out are a, angles left out 90.
    matrix : tuple of 3 rows of 3 float
        MOSFLM's: rows x, y, z; columns a*, b*, c*; in units of the wavelength. In place of a cell.
    matrix_file : str
        Text file with the nine numbers of a matrix.
    misset_deg : tuple of 3 float
        Rotations of the crystal about x, then y, then z.
    misset_random, misset_seed : bool, int
        A random orientation instead, and the seed it is drawn with.
    cells : tuple of 3 int
        Unit cells along a, b, c; a single number stands for all three.
    size_x_mm, size_y_mm, size_z_mm : float
        Size of the sample along the beam, across and upwards; in place of ``cells``.
    shape : {"square", "round", "gauss", "tophat"}
        Shape of the crystal, and so of the spots.
    fudge : float
        Factor on the radius of spots that are not square.
    mosaic_spread_deg, mosaic_domains, mosaic_seed : float, int, int
        Mosaic spread, the domains that sample it, and the seed they are drawn with.
    hkl_file : str
        Structure factors: lines of h k l F.
    structure_file : str
        Coordinates (PDB, mmCIF) to calculate structure factors of, or measured ones (MTZ, structure
        factor mmCIF); in place of ``hkl_file``. Its cell is taken where none is given.
    column : str
        What to read of measured structure factors, where there is a choice.
    missing : {"default", "shell"}
        What measured structure factors lack gets ``default_F``, or the root mean square of the
        nearest shell of resolution.
    anomalous : bool
        Keep Friedel mates apart: f' and f'' at the wavelength, or measured Bijvoet pairs.
    k_sol, B_sol : float
        Bulk solvent of coordinates: density in electrons/Å³ (0.35 when not given, 0 for none), and
        B factor in Å² (46).
    default_F : float
        Structure factor of reflections that are not in the list.
    """

    _rivals = (
        ("matrix_file", "matrix", "cell_angstrom_deg"),
        ("structure_file", "hkl_file"),
    )

    cell_angstrom_deg: Cell | None = None
    matrix: Matrix | None = None
    matrix_file: FileName | None = None
    misset_deg: Vector | None = None
    misset_random: bool = False
    misset_seed: Whole | None = None
    cells: Cells | None = None
    size_x_mm: Positive | None = None
    size_y_mm: Positive | None = None
    size_z_mm: Positive | None = None
    shape: Literal["square", "round", "gauss", "tophat"] = "square"
    fudge: Positive = 1.0
    mosaic_spread_deg: NotNegative | None = None
    mosaic_domains: Count | None = None
    mosaic_seed: Whole | None = None
    hkl_file: FileName | None = None
    structure_file: FileName | None = None
    column: str | None = None
    missing: Literal["default", "shell"] | None = None
    anomalous: bool = False
    k_sol: NotNegative | None = None
    B_sol: NotNegative | None = None
    default_F: float = 0.0


class Beam(Section, init=False):
    """The incident beam (physics 3 to 5).

    Attributes
    ----------
    wavelength_angstrom, energy_ev : float
        Wavelength or photon energy, not both; 1 Å when neither is given.
    fluence_photons_per_m2 : float
        Photons that hit the sample; what makes intensity = F² when not given.
    flux_photons_per_s, exposure_s, size_mm : float
        Photons per time, exposure (1 s when not given) and edge of the square beam (0.1 mm); a flux
        goes before a fluence, 0 is no flux.
    kahn_factor : float
        Polarization, from -1 to 1; 0 is unpolarized (physics 3.3).
    nopolar : bool
        Leave polarization out.
    dispersion_percent, dispersion_steps : float, int
        Range of wavelengths relative to the central one, and how many sample it.
    hdiv_mrad, hdiv_step_mrad, hdiv_steps : float, float, int
        Range, step and number of directions in the plane of the polarization vector.
    vdiv_mrad, vdiv_step_mrad, vdiv_steps : float, float, int
        The same across it.
    divergence : {"round", "square"}
        Leave out the corners of the grid of directions, or keep them.
    source_file : str
        Text file of sources, in place of divergence and dispersion.
    direction : tuple of 3 float
        Where the beam goes, of any length; selects the custom convention.
    polarization_vector : tuple of 3 float
        The electric field, of any length; selects the custom convention.
    """

    _rivals = (("energy_ev", "wavelength_angstrom"),)

    wavelength_angstrom: Positive | None = None
    energy_ev: Positive | None = None
    fluence_photons_per_m2: NotNegative | None = None
    flux_photons_per_s: NotNegative | None = None
    exposure_s: NotNegative | None = None
    size_mm: Positive | None = None
    kahn_factor: Annotated[float, Field(ge=-1, le=1)] = 0.0
    nopolar: bool = False
    dispersion_percent: NotNegative | None = None
    dispersion_steps: Count | None = None
    hdiv_mrad: NotNegative | None = None
    vdiv_mrad: NotNegative | None = None
    hdiv_step_mrad: NotNegative | None = None
    vdiv_step_mrad: NotNegative | None = None
    hdiv_steps: Count | None = None
    vdiv_steps: Count | None = None
    divergence: Literal["round", "square"] = "round"
    source_file: FileName | None = None
    direction: Direction | None = None
    polarization_vector: Direction | None = None


class Panel(Section, init=False):
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

    name: str | None = None
    origin_mm: Vector
    fast_vector: Direction
    slow_vector: Direction
    pixels_fast: Count
    pixels_slow: Count
    pixel_mm: Positive
    masked: Rectangles = ()


class Detector(Section, init=False):
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

    convention: Literal["mosflm", "denzo", "adxv", "xds", "dials", "custom"] | None = None
    pixel_mm: Positive | None = None
    pixels_fast: Count | None = None
    pixels_slow: Count | None = None
    size_fast_mm: Positive | None = None
    size_slow_mm: Positive | None = None
    distance_mm: Positive | None = None
    close_distance_mm: Positive | None = None
    xbeam_mm: float | None = None
    ybeam_mm: float | None = None
    xclose_mm: float | None = None
    yclose_mm: float | None = None
    orgx_px: float | None = None
    orgy_px: float | None = None
    pivot: Literal["beam", "sample"] | None = None
    rotx_deg: float = 0.0
    roty_deg: float = 0.0
    rotz_deg: float = 0.0
    twotheta_deg: float | None = None
    fast_vector: Direction | None = None
    slow_vector: Direction | None = None
    normal_vector: Direction | None = None
    twotheta_axis: Direction | None = None
    pix0_mm: Vector | None = None
    curved: bool = False
    point_pixel: bool = False
    thickness_um: NotNegative | None = None
    thickness_steps: Count | None = None
    attenuation_depth_um: Depth | None = None
    mask_file: FileName | None = None
    masked: Rectangles = ()
    panels: tuple[Panel, ...] = ()

    # What the panels do not replace.
    _beside_panels: ClassVar[tuple[str, ...]] = (
        "convention",
        "point_pixel",
        "thickness_um",
        "thickness_steps",
        "attenuation_depth_um",
        "panels",
    )

    @classmethod
    def preset(cls, name: str, **fields: Any) -> Self:
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
            return usual.model_copy(update=dict(given._given()))
        distance = 100.0 if given.distance_mm is None else given.distance_mm
        convention = given.convention or "mosflm"
        placed = given.model_copy(update={"distance_mm": None})
        return placed.model_copy(update={"panels": panels_of(preset, convention, distance)})

    @classmethod
    def _read(cls, data: Mapping[str, Any]) -> dict[str, tuple[str, Any, Any]]:
        if data.get("panels") is not None:
            data = {**data, "panels": _read_panels(data["panels"])}
        given = super()._read(data)
        if "panels" in given and given["panels"][2]:
            for field, (name, value, converted) in given.items():
                default = cls.model_fields[field].default
                if field not in cls._beside_panels and converted != default:
                    expected = "must not be given along with detector.panels: they place themselves"
                    raise ConfigError(cls._path(name), value, expected)
        return given


def _read_panels(panels: object) -> tuple[Panel, ...]:
    if not isinstance(panels, list | tuple):
        raise ConfigError("detector.panels", panels, "must be a list of panels")
    read: list[Panel] = []
    for n, panel in enumerate(panels):
        try:
            read.append(Panel.model_validate(panel))
        except ConfigError as error:
            field = error.field.replace("panel", f"detector.panels[{n}]", 1)
            raise type(error)(field, error.value, error.expected) from None
    names = [f"panel{n}" if panel.name is None else panel.name for n, panel in enumerate(read)]
    for n, name in enumerate(names):
        if name in names[:n] or not name:
            expected = "must be a name that no other panel has"
            raise ConfigError(f"detector.panels[{n}].name", name, expected)
    return tuple(read)


class Spindle(Section, init=False):
    """The rotation of the crystal (physics 4 and 6).

    Attributes
    ----------
    axis : tuple of 3 float
        Of any length; selects the custom convention.
    phi_deg : float
        Angle at the start.
    osc_deg, step_deg, steps : float, float, int
        Range, step and number of angles; what is left out follows from the others.
    """

    axis: Direction | None = None
    phi_deg: float = 0.0
    osc_deg: float | None = None
    step_deg: float | None = None
    steps: Count | None = None


class Sampling(Section, init=False):
    """How finely to compute, and what part (physics 4, 7 and 9).

    Attributes
    ----------
    oversample : int
        Sub-pixels along each edge of a pixel; as many as the crystal's size calls for when not
        given.
    oversample_omega, oversample_polar, oversample_thick : bool
        Compute solid angle, polarization and capture for each sub-pixel.
    interpolate : bool
        Tricubic structure factors; when not given, for crystals of 1 or 2 cells along an axis.
    dmin_angstrom : float
        Finest spacing to render; 0 is no limit.
    roi : tuple of 4 int
        ``(fast_min, fast_max, slow_min, slow_max)``, all inclusive.
    precision : {"double", "single"}
        Arithmetic of the kernel. Single is faster for square and gauss crystals; each pixel is
        within 2e-6 of itself plus 1e-7 of the peaks around it (docs/speed.md).
    cutoff : float
        Leave out steps of square crystals whose squared lattice factor is below this part of
        (Na·Nb·Nc)². A pixel is too low by no more than this part of what it would have were each of
        its steps at the centre of its reflection. 0, the default, leaves out nothing.
    """

    oversample: Count | None = None
    oversample_omega: bool = False
    oversample_polar: bool = False
    oversample_thick: bool = False
    interpolate: bool | None = None
    dmin_angstrom: NotNegative = 0.0
    roi: Roi | None = None
    precision: Literal["double", "single"] = "double"
    cutoff: Annotated[NotNegative, Field(lt=1.0)] = 0.0


class Background(Section, init=False):
    """What scatters besides the crystal (physics 9.6).

    Attributes
    ----------
    water_um : float
        Edge of a droplet of water.
    """

    water_um: NotNegative = 0.0


class Config(Section, init=False):
    """All that determines an image.

    Attributes
    ----------
    crystal, beam, detector, spindle, sampling, background : Section
        Each can also be given as a mapping of its fields.
    quirks : frozenset of str
        Defects of the reference to reproduce (`nbcy.config.quirks.QUIRKS`); ``"all"`` is every one.

    Notes
    -----
    Names of files are taken as they are, relative to the working directory.

    Examples
    --------
    >>> config = Config(crystal=Crystal(cell="7 nm", cells=5), beam={"energy": "12.66 keV"})
    """

    crystal: Crystal = Crystal()
    beam: Beam = Beam()
    detector: Detector = Detector()
    spindle: Spindle = Spindle()
    sampling: Sampling = Sampling()
    background: Background = Background()
    quirks: Quirks = frozenset()

    @classmethod
    def _path(cls, name: str) -> str:
        return name

    @classmethod
    def _read(cls, data: Mapping[str, Any]) -> dict[str, tuple[str, Any, Any]]:
        read = {
            name: section.model_validate(data[name])
            for name, section in cls._sections().items()
            if data.get(name) is not None
        }
        return super()._read({**data, **read})

    @classmethod
    def _sections(cls) -> dict[str, type[Section]]:
        fields = cls.model_fields.items()
        return {n: type(f.default) for n, f in fields if isinstance(f.default, Section)}

    def with_overrides(self, overrides: Mapping[str, Any]) -> Self:
        """Return a configuration in which some values are replaced.

        Parameters
        ----------
        overrides : mapping of str to object
            Dotted fields in any spelling, ``{"crystal.cells": 20, "beam.energy": "12 keV"}``, or
            whole sections. None takes a value back. An energy replaces a wavelength, a matrix a
            cell, and the other way round.

        Raises
        ------
        ConfigError, UnitError
            Unknown fields, and values that cannot be right.
        """
        config = self.model_copy(update={k: v for k, v in overrides.items() if "." not in k})
        changes: dict[str, dict[str, Any]] = {}
        for path, value in overrides.items():
            section, dot, name = path.partition(".")
            if dot and section not in self._sections():
                near = _nearest(section, self._sections())
                raise ConfigError(path, value, f"there is no such section{near}")
            if dot:
                changes.setdefault(section, {})[name] = value
        return config.model_copy(
            update={n: getattr(config, n).model_copy(update=new) for n, new in changes.items()}
        )

    def to_toml(self) -> str:
        """Return all that differs from the defaults as TOML."""
        import tomli_w

        return tomli_w.dumps(self.to_dict())

    def to_json(self) -> str:
        """Return all that differs from the defaults as JSON, with infinity as ``"inf"``."""

        def finite(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: finite(item) for name, item in value.items()}
            return "inf" if value == math.inf else value

        return json.dumps(finite(self.to_dict()), indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_toml(cls, text: str, source: str | os.PathLike[str] = "TOML") -> Self:
        """Make a configuration of TOML.

        Parameters
        ----------
        text : str
            What `to_toml` returns, or anything like it.
        source : path-like
            Where the text comes from, for errors.

        Raises
        ------
        FileError
            It is not TOML.
        ConfigError, UnitError
            Unknown fields, and values that cannot be right.
        """
        try:
            data = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            line = re.search(r"at line (\d+)", str(error))
            raise FileError(source, f"is not TOML: {error}", line and int(line[1])) from None
        return cls.model_validate(data)

    @classmethod
    def from_json(cls, text: str, source: str | os.PathLike[str] = "JSON") -> Self:
        """Make a configuration of JSON; parameters and errors as for `from_toml`."""

        def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            table = dict(pairs)
            if len(table) < len(pairs):
                names = [name for name, _ in pairs]
                twice = next(name for name in names if names.count(name) > 1)
                raise ValueError(f"{twice!r} stands there twice")
            return table

        try:
            data = json.loads(text, object_pairs_hook=unique)
        except (ValueError, RecursionError) as error:
            line = getattr(error, "lineno", None)
            raise FileError(source, f"is not JSON: {error}", line) from None
        return cls.model_validate(data)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a ``.toml`` or ``.json`` file.

        Raises
        ------
        FileError
            It has another suffix, cannot be read, or does not hold what its suffix says.
        ConfigError, UnitError
            Unknown fields, and values that cannot be right; the file is named as well.
        """
        from nbcy.base.files import read_bytes

        read = cls.from_toml if _suffix(path) == ".toml" else cls.from_json
        try:
            return read(read_bytes(path).decode("utf-8-sig"), path)
        except UnicodeDecodeError:
            raise FileError(path, "is not UTF-8 text") from None
        except ConfigError as error:
            expected = f"{error.expected} (in {os.fspath(path)})"
            raise type(error)(error.field, error.value, expected) from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a ``.toml`` or ``.json`` file, as a whole or not at all.

        Raises
        ------
        FileError
            It has another suffix, or cannot be written.
        """
        from nbcy.base.atomic import atomic_write

        text = self.to_toml() if _suffix(path) == ".toml" else self.to_json()
        with atomic_write(path) as file:
            file.write(text.encode())


def _suffix(path: str | os.PathLike[str]) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in (".toml", ".json"):
        raise FileError(path, "must end in .toml or .json")
    return suffix

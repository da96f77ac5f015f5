"""What to simulate, in the user's units: immutable models, TOML and JSON in and out.

A bare number needs its unit in the name (``distance_mm=250``, also ``distance_m=0.25``), a quantity
brings its own (``distance="25 cm"`` or a pint quantity). There is no third way.
"""

from __future__ import annotations

import difflib
import json
import math
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticUndefined

from nbcy.errors import ConfigError, FileError, UnitError
from nbcy.quirks import QUIRKS, parse_quirks
from nbcy.units import UNITS, convert, parse_quantity, suffix_of


def _number(value: Any) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        raise ValueError("must be a number")
    return float(value)


def _checked(test: Any, expected: str) -> BeforeValidator:
    def check(value: Any) -> float:
        number = _number(value)
        if not test(number):
            raise ValueError(expected)
        return number

    return BeforeValidator(check)


def _whole(minimum: int | None) -> BeforeValidator:
    expected = "must be a whole number" + ("" if minimum is None else f" of at least {minimum}")

    def check(value: Any) -> int:
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
            raise ValueError(expected)
        if not math.isfinite(value) or value != int(value) or (minimum is not None and value < minimum):
            raise ValueError(expected)
        return int(value)

    return BeforeValidator(check)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise ValueError("must be true or false")
    return bool(value)


def _items(value: Any, counts: Iterable[int]) -> tuple[Any, ...]:
    counts = tuple(counts)
    wanted = f"must be {' or '.join(map(str, counts[-1:]))} numbers"
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise ValueError(wanted)
    items = tuple(value.tolist() if isinstance(value, np.ndarray) else value)
    if len(items) not in counts:
        raise ValueError(f"{wanted}, not {len(items)}")
    return items


def _finite_items(value: Any, counts: Iterable[int]) -> tuple[float, ...]:
    numbers = tuple(_number(item) for item in _items(value, counts))
    if not all(map(math.isfinite, numbers)):
        raise ValueError("must be finite numbers")
    return numbers


def _direction(value: Any) -> tuple[float, ...]:
    vector = _finite_items(value, (3,))
    if not any(vector):
        raise ValueError("must not be the zero vector")
    return vector


def _cell(value: Any) -> tuple[float, ...]:
    given = _finite_items(value, range(1, 7))
    lengths = (*given[:3], *(given[0],) * (3 - len(given)))
    angles = (*given[3:], *(90.0,) * (6 - max(3, len(given))))
    if min(lengths) <= 0:
        raise ValueError("the three lengths must be positive")
    alpha, beta, gamma = sorted(angles)
    if not (alpha > 0 and gamma < alpha + beta and alpha + beta + gamma < 360):
        raise ValueError(
            "the angles form no cell: each must be positive and below the sum of the other two, "
            "and all three together below 360 degrees"
        )
    return (*lengths, *angles)


def _matrix(value: Any) -> tuple[tuple[float, ...], ...]:
    items = np.asarray(value, dtype=object).reshape(-1) if not isinstance(value, str) else ()
    if len(items) != 9:
        raise ValueError("must be nine numbers: rows x, y, z; columns a*, b*, c*")
    numbers = _finite_items(items, (9,))
    rows = (numbers[0:3], numbers[3:6], numbers[6:9])
    if np.linalg.det(np.array(rows)) == 0:
        raise ValueError("is singular: its columns must be three independent vectors a*, b*, c*")
    return rows


def _cells(value: Any) -> tuple[int, ...]:
    items = (value,) * 3 if isinstance(value, int | float | np.number) else _items(value, (3,))
    check: Any = _whole(1).func
    return tuple(check(item) for item in items)


def _roi(value: Any) -> tuple[int, ...]:
    check: Any = _whole(0).func
    fast_min, fast_max, slow_min, slow_max = (check(item) for item in _items(value, (4,)))
    if fast_min > fast_max or slow_min > slow_max:
        raise ValueError("must be (fast_min, fast_max, slow_min, slow_max) with min <= max")
    return fast_min, fast_max, slow_min, slow_max


Finite = Annotated[float, _checked(math.isfinite, "must be a finite number")]
Positive = Annotated[float, _checked(lambda x: 0 < x < math.inf, "must be a positive number")]
NotNegative = Annotated[float, _checked(lambda x: 0 <= x < math.inf, "must be zero or a positive number")]
Depth = Annotated[float, _checked(lambda x: x >= 0, 'must be zero or more; "inf" means no absorption model')]
Kahn = Annotated[float, _checked(lambda x: -1 <= x <= 1, "must be from -1 to 1")]
Whole = Annotated[int, _whole(None)]
Count = Annotated[int, _whole(1)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Vector = Annotated[tuple[float, float, float], BeforeValidator(lambda v: _finite_items(v, (3,)))]
Direction = Annotated[tuple[float, float, float], BeforeValidator(_direction)]
Cell = Annotated[tuple[float, float, float, float, float, float], BeforeValidator(_cell)]
Row = tuple[float, float, float]
Matrix = Annotated[tuple[Row, Row, Row], BeforeValidator(_matrix)]
Cells = Annotated[tuple[int, int, int], BeforeValidator(_cells)]
Roi = Annotated[tuple[int, int, int, int], BeforeValidator(_roi)]

_CELL_UNITS = ("angstrom",) * 3 + ("deg",) * 3


class _Model(BaseModel):
    """Frozen model whose quantities follow the unit rule and whose errors are nbcy's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    section: ClassVar[str] = ""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _translated(error, self.section) from None

    def __repr_args__(self) -> Any:
        return [(name, getattr(self, name)) for name in self.model_fields if name in self.model_fields_set]

    @model_validator(mode="before")
    @classmethod
    def _resolve_units(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        resolved: dict[str, Any] = {}
        spelled: dict[str, str] = {}
        for name, value in data.items():
            if value is None:
                continue
            field, converted = cls._resolve(str(name), value)
            if field in resolved:
                raise UnitError(_dotted(cls.section, field), value, f"is given twice, as {spelled[field]} and as {name}")
            resolved[field], spelled[field] = converted, str(name)
        return resolved

    @classmethod
    def _resolve(cls, name: str, value: Any) -> tuple[str, Any]:
        """Return the canonical field and the value in its unit."""
        fields = cls.model_fields
        if name in fields:
            unit = suffix_of(name)
            if (unit or name == "cell_angstrom_deg") and _carries_unit(value):
                raise UnitError(
                    _dotted(cls.section, name), value, f"has a unit of its own: write it as {_stem(name)}=..."
                )
            return name, value
        for field in fields:
            if field == "cell_angstrom_deg" and name == "cell":
                items = _items(value.split(",") if isinstance(value, str) else value, range(1, 7))
                return field, [
                    _own_unit(item, unit, _dotted(cls.section, name))
                    for item, unit in zip(items, _CELL_UNITS, strict=False)
                ]
            split = suffix_of(field)
            if split is None:
                continue
            stem, unit = split
            where = _dotted(cls.section, name)
            if name == stem:
                return field, _each(value, lambda item, unit=unit, where=where: _own_unit(item, unit, where))
            other = suffix_of(name)
            if other and other[0] == stem:
                _require_dimension(other[1], unit, where, value)
                return field, _each(
                    value, lambda item, a=other[1], b=unit: convert(_number(item), a, b)
                )
        raise ConfigError(_dotted(cls.section, name), value, _unknown(name, cls))


def _stem(name: str) -> str:
    if name == "cell_angstrom_deg":
        return "cell"
    split = suffix_of(name)
    return split[0] if split else name


def _carries_unit(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() not in ("inf", "+inf")
    if isinstance(value, list | tuple):
        return any(_carries_unit(item) for item in value)
    return hasattr(value, "magnitude")


def _each(value: Any, function: Any) -> Any:
    if isinstance(value, list | tuple | np.ndarray):
        return [function(item) for item in value]
    magnitude = getattr(value, "magnitude", None)
    if isinstance(magnitude, np.ndarray | list | tuple):
        return [function(item * value.units) for item in magnitude]
    return function(value)


def _own_unit(value: Any, unit: str, field: str) -> float:
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        stem = field.rsplit(".", 1)[-1]
        raise UnitError(
            field, value, f'is a bare number: write {stem}_{unit}={value!r}, or {stem}="{value} {unit.replace("_per_", "/")}"'
        )
    return parse_quantity(value, unit, field)


def _require_dimension(given: str, wanted: str, field: str, value: Any) -> None:
    if UNITS[given].dimension != UNITS[wanted].dimension:
        same = ", ".join(u for u, entry in UNITS.items() if entry.dimension == UNITS[wanted].dimension)
        raise UnitError(
            field, value, f"_{given} is a unit of {UNITS[given].dimension}; here one of {same} is right"
        )


def _dotted(*parts: str) -> str:
    return ".".join(part for part in parts if part)


def _unknown(name: str, model: type[BaseModel]) -> str:
    names = [*model.model_fields, *(_stem(field) for field in model.model_fields)]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    stem = suffix_of(name)
    if not near and stem:
        near = difflib.get_close_matches(stem[0], names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"no such field; {hint}the fields are {', '.join(model.model_fields)}"


def _translated(error: ValidationError, section: str) -> ConfigError:
    first = error.errors()[0]
    own = first.get("ctx", {}).get("error")
    if isinstance(own, ConfigError):
        return own
    where = _dotted(section, *(str(part) for part in first["loc"] if not str(part).startswith("function")))
    expected = str(own) if own else first["msg"][:1].lower() + first["msg"][1:]
    if first["type"] == "literal_error":
        expected = f"must be one of {first['ctx']['expected']}"
    return ConfigError(where, first["input"], expected)


class Crystal(_Model):
    """The crystal (physics 6 and 7).

    Attributes
    ----------
    cell_angstrom_deg : tuple of 6 float
        a, b, c in Å and α, β, γ in degrees; missing b and c equal a, missing angles are 90.
    matrix : 3 x 3 float
        MOSFLM matrix in place of the cell: rows x, y, z, columns a*, b*, c*, in units of the wavelength.
    matrix_file : str
        A file with those nine numbers.
    misset_deg : tuple of 3 float
        Rotations about x, y and z, degrees.
    misset_random : bool
        A random setting, from ``misset_seed``.
    misset_seed : int
        Seed of the random setting.
    cells : int or tuple of 3 int
        Unit cells along a, b and c.
    size_x_mm, size_y_mm, size_z_mm : float
        Sample size in place of ``cells``: along a, b and c.
    shape : {"square", "round", "gauss", "tophat"}
        What a spot looks like.
    fudge : float
        Scales the radius of round, gauss and tophat spots.
    mosaic_spread_deg : float
        Full width of the isotropic mosaic cap, degrees.
    mosaic_domains : int
        Number of domains.
    mosaic_seed : int
        Seed of their orientations.
    hkl_file : str
        Structure factors, ``h k l F`` lines.
    default_F : float
        Amplitude in electrons of every reflection that is not on the list.
    """

    section = "crystal"

    cell_angstrom_deg: Cell | None = None
    matrix: Matrix | None = None
    matrix_file: str | None = None
    misset_deg: Vector | None = None
    misset_random: Flag = False
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
    hkl_file: str | None = None
    default_F: Finite = 0.0

    @model_validator(mode="after")
    def _one_cell(self) -> Self:
        given = [n for n in ("cell_angstrom_deg", "matrix", "matrix_file") if getattr(self, n) is not None]
        if len(given) > 1:
            raise ConfigError(f"crystal.{given[1]}", getattr(self, given[1]), f"{given[0]} is given too: only one can be")
        if self.misset_deg is not None and self.misset_random:
            raise ConfigError("crystal.misset_random", True, "misset_deg is given too: only one can be")
        return self


class Beam(_Model):
    """The incident beam (physics 3 to 5).

    Attributes
    ----------
    wavelength_angstrom, energy_ev : float
        One of the two; 1 Å when neither is given.
    fluence_photons_per_m2 : float
        Photons per area on the crystal. The default makes r_e²·fluence = 1.
    flux_photons_per_s, exposure_s, size_mm : float
        In place of the fluence: flux x exposure / size².
    kahn_factor : float
        Kahn's polarization factor from -1 to 1; 0 is unpolarised.
    nopolar : bool
        Leave polarization out.
    dispersion_percent, dispersion_steps : float, int
        Full spectral width and number of wavelengths.
    hdiv_mrad, vdiv_mrad, hdiv_step_mrad, vdiv_step_mrad : float
        Full divergence, horizontal and vertical, and the step.
    hdiv_steps, vdiv_steps : int
        Number of divergence steps.
    divergence : {"round", "square"}
        Which corners of the divergence are left out.
    source_file : str
        Columns X Y Z intensity wavelength(m) in place of divergence and dispersion.
    direction, polarization_vector : tuple of 3 float
        Where the beam travels and its electric field; any of them selects the custom convention.
    """

    section = "beam"

    wavelength_angstrom: Positive | None = None
    energy_ev: Positive | None = None
    fluence_photons_per_m2: NotNegative | None = None
    flux_photons_per_s: NotNegative | None = None
    exposure_s: NotNegative | None = None
    size_mm: Positive | None = None
    kahn_factor: Kahn = 0.0
    nopolar: Flag = False
    dispersion_percent: NotNegative | None = None
    dispersion_steps: Count | None = None
    hdiv_mrad: NotNegative | None = None
    vdiv_mrad: NotNegative | None = None
    hdiv_step_mrad: NotNegative | None = None
    vdiv_step_mrad: NotNegative | None = None
    hdiv_steps: Count | None = None
    vdiv_steps: Count | None = None
    divergence: Literal["round", "square"] = "round"
    source_file: str | None = None
    direction: Direction | None = None
    polarization_vector: Direction | None = None

    @model_validator(mode="after")
    def _one_wavelength(self) -> Self:
        if self.wavelength_angstrom is not None and self.energy_ev is not None:
            raise ConfigError("beam.energy_ev", self.energy_ev, "wavelength_angstrom is given too: only one can be")
        return self


class Detector(_Model):
    """The detector (physics 1 and 2).

    Attributes
    ----------
    convention : {"mosflm", "denzo", "adxv", "xds", "dials", "custom"}
        Axes and meaning of the beam centre; mosflm when nothing is given.
    pixel_mm : float
        Edge of a square pixel.
    pixels_fast, pixels_slow : int
        Number of pixels.
    size_fast_mm, size_slow_mm : float
        Edges of the detector, in place of the numbers of pixels.
    distance_mm, close_distance_mm : float
        Sample to detector along the beam, and to the nearest point of its plane.
    xbeam_mm, ybeam_mm : float
        Direct-beam centre in the convention's own terms.
    xclose_mm, yclose_mm : float
        The point nearest to the sample.
    orgx_px, orgy_px : float
        The same in XDS's pixels.
    pivot : {"beam", "sample"}
        What stays in place when the detector is turned.
    rotx_deg, roty_deg, rotz_deg, twotheta_deg : float
        Rotations about the lab axes and about the two-theta axis.
    fast_vector, slow_vector, normal_vector, twotheta_axis : tuple of 3 float
        Axes; any of them selects the custom convention.
    pix0_mm : tuple of 3 float
        Corner of the first pixel.
    curved : bool
        Every pixel at the same distance from the sample.
    point_pixel : bool
        Solid angle without pixel size and obliquity.
    thickness_um, thickness_steps, attenuation_depth_um : float, int, float
        Sensor, the number of layers it is cut into, and 1/e depth of absorption (inf: none).
    mask_file : str
        SMV image; pixels that are zero there are not rendered.
    """

    section = "detector"

    convention: Literal["mosflm", "denzo", "adxv", "xds", "dials", "custom"] | None = None
    pixel_mm: Positive | None = None
    pixels_fast: Count | None = None
    pixels_slow: Count | None = None
    size_fast_mm: Positive | None = None
    size_slow_mm: Positive | None = None
    distance_mm: Positive | None = None
    close_distance_mm: Positive | None = None
    xbeam_mm: Finite | None = None
    ybeam_mm: Finite | None = None
    xclose_mm: Finite | None = None
    yclose_mm: Finite | None = None
    orgx_px: Finite | None = None
    orgy_px: Finite | None = None
    pivot: Literal["beam", "sample"] | None = None
    rotx_deg: Finite = 0.0
    roty_deg: Finite = 0.0
    rotz_deg: Finite = 0.0
    twotheta_deg: Finite | None = None
    fast_vector: Direction | None = None
    slow_vector: Direction | None = None
    normal_vector: Direction | None = None
    twotheta_axis: Direction | None = None
    pix0_mm: Vector | None = None
    curved: Flag = False
    point_pixel: Flag = False
    thickness_um: NotNegative | None = None
    thickness_steps: Count | None = None
    attenuation_depth_um: Annotated[float, BeforeValidator(lambda v: _infinite(v))] | None = None
    mask_file: str | None = None


def _infinite(value: Any) -> float:
    if isinstance(value, str) and value.strip().lower() in ("inf", "+inf"):
        return math.inf
    check: Any = Depth.__metadata__[0].func  # type: ignore[attr-defined]
    return float(check(value))


class Spindle(_Model):
    """The rotation of the crystal (physics 4 and 6).

    Attributes
    ----------
    axis : tuple of 3 float
        Rotation axis; selects the custom convention.
    phi_deg : float
        Start.
    osc_deg, step_deg, steps : float, float, int
        Range, step and number of steps; what is left out follows from the rest.
    """

    section = "spindle"

    axis: Direction | None = None
    phi_deg: Finite = 0.0
    osc_deg: Finite | None = None
    step_deg: Finite | None = None
    steps: Count | None = None


class Sampling(_Model):
    """How finely, and which part (physics 4, 7 and 9).

    Attributes
    ----------
    oversample : int
        Sub-pixels along each edge of a pixel; chosen from the crystal's size when not given.
    oversample_omega, oversample_polar, oversample_thick : bool
        Evaluate solid angle, polarization, capture fraction for each sub-pixel.
    interpolate : bool
        Tricubic structure factors; for crystals of one or two cells when not given.
    dmin_angstrom : float
        Finest spacing that is rendered; 0 for no limit.
    roi : tuple of 4 int
        ``(fast_min, fast_max, slow_min, slow_max)``, inclusive.
    precision : {"double"}
        Arithmetic of the kernel.
    """

    section = "sampling"

    oversample: Count | None = None
    oversample_omega: Flag = False
    oversample_polar: Flag = False
    oversample_thick: Flag = False
    interpolate: Flag | None = None
    dmin_angstrom: NotNegative = 0.0
    roi: Roi | None = None
    precision: Literal["double"] = "double"


class Background(_Model):
    """What scatters besides the crystal (physics 9).

    Attributes
    ----------
    water_um : float
        Edge of a droplet of water, µm.
    """

    section = "background"

    water_um: NotNegative = 0.0


def _quirk_names(value: Any) -> frozenset[str]:
    names = [value] if isinstance(value, str) else list(value)
    for name in ",".join(str(n) for n in names).split(","):
        if name.strip() and name.strip() not in {*QUIRKS, "all"}:
            near = difflib.get_close_matches(name.strip(), QUIRKS, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise ConfigError("quirks", name.strip(), f"no such quirk; {hint}there are {', '.join(QUIRKS)}, and all")
    return parse_quirks(",".join(str(n) for n in names))


class Config(_Model):
    """Everything that determines an image.

    Attributes
    ----------
    crystal, beam, detector, spindle, sampling, background
        The sections; each can also be given as a mapping.
    quirks : frozenset of str
        Defects of the reference to reproduce (`nbcy.QUIRKS`); "all" stands for every one.

    Notes
    -----
    Paths are relative to the working directory, as they are on the command line.
    """

    crystal: Crystal = Crystal()
    beam: Beam = Beam()
    detector: Detector = Detector()
    spindle: Spindle = Spindle()
    sampling: Sampling = Sampling()
    background: Background = Background()
    quirks: Annotated[frozenset[str], BeforeValidator(_quirk_names)] = frozenset()

    def to_dict(self) -> dict[str, Any]:
        """Return what was given, as plain numbers, lists and strings in the canonical units."""
        tree: dict[str, Any] = {}
        for name in ("crystal", "beam", "detector", "spindle", "sampling", "background"):
            section = getattr(self, name)
            given = {
                field: _plain(getattr(section, field))
                for field, info in type(section).model_fields.items()
                if getattr(section, field) != info.default or info.default is PydanticUndefined
            }
            if given:
                tree[name] = given
        if self.quirks:
            tree["quirks"] = sorted(self.quirks)
        return tree

    def to_json(self) -> str:
        """Return the configuration as JSON; an infinite number is the string "inf"."""
        return json.dumps(_without_infinity(self.to_dict()), indent=2, ensure_ascii=False) + "\n"

    def to_toml(self) -> str:
        """Return the configuration as TOML."""
        import tomli_w

        return tomli_w.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises
        ------
        ConfigError, UnitError
            Impossible values.
        json.JSONDecodeError
            Not JSON.
        """
        return cls(**_tree(json.loads(text)))

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Read what `to_toml` wrote.

        Raises
        ------
        ConfigError, UnitError
            Impossible values.
        tomllib.TOMLDecodeError
            Not TOML.
        """
        return cls(**_tree(tomllib.loads(text)))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a ``.toml`` or ``.json`` file.

        Raises
        ------
        FileError
            Another suffix, unreadable, or impossible values; names the file.
        """
        suffix = _suffix(path)
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise FileError(path, f"cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from None
        try:
            return cls.from_toml(text) if suffix == ".toml" else cls.from_json(text)
        except json.JSONDecodeError as error:
            raise FileError(path, f"is not JSON: {error.msg}", error.lineno) from None
        except tomllib.TOMLDecodeError as error:
            raise FileError(path, f"is not TOML: {error}") from None
        except ConfigError as error:
            raise FileError(path, str(error)) from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a ``.toml`` or ``.json`` file.

        Raises
        ------
        FileError
            Another suffix, or not writable; an existing file is then left as it was.
        """
        from nbcy.io.atomic import atomic_write

        text = self.to_toml() if _suffix(path) == ".toml" else self.to_json()
        with atomic_write(path) as stream:
            stream.write(text.encode("utf-8"))

    def with_overrides(self, values: Mapping[str, Any]) -> Self:
        """Return a configuration in which some fields are replaced.

        Parameters
        ----------
        values : mapping of str to object
            ``{"crystal.cells": [20, 20, 20], "beam.energy": "12 keV"}``; None takes a field back. Any
            spelling of a field replaces every other spelling of it.

        Raises
        ------
        ConfigError, UnitError
            Unknown fields, impossible values.
        """
        tree: dict[str, Any] = self.to_dict()
        models: dict[str, Any] = {name: info.annotation for name, info in type(self).model_fields.items()}
        for path, value in values.items():
            section, _, name = path.partition(".")
            if section not in models:
                raise ConfigError(path, value, f"no such section; there are {', '.join(models)}")
            if not name:
                tree[section] = value
                continue
            if section == "quirks":
                raise ConfigError(path, value, "quirks has no fields: give quirks a list of names")
            if value is None:
                fields = models[section].model_fields
                match = [f for f in fields if name in (f, _stem(f))]
                if not match:
                    raise ConfigError(path, value, _unknown(name, models[section]))
                tree.get(section, {}).pop(match[0], None)
                continue
            field, converted = models[section]._resolve(name, value)
            tree.setdefault(section, {})
            if field in ("wavelength_angstrom", "energy_ev"):
                tree[section].pop("wavelength_angstrom", None)
                tree[section].pop("energy_ev", None)
            tree[section][field] = converted
        return type(self)(**tree)


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _without_infinity(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_infinity(item) for key, item in value.items()}
    return "inf" if value == math.inf else value


def _tree(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ConfigError("config", type(data).__name__, "must be a table of sections")
    for name in data:
        if name not in Config.model_fields:
            raise ConfigError(name, "...", _unknown(name, Config))
    return data


def _suffix(path: str | os.PathLike[str]) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in (".toml", ".json"):
        raise FileError(path, "must end in .toml or .json")
    return suffix

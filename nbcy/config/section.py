"""The base of the sections: named fields, the unit rule, values that do not change.

A bare number needs its unit in the name (``distance_mm=250``, ``distance_m=0.25``), a quantity
brings its own (``distance="25 cm"`` or a pint quantity), and there is no third way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Self, TypeVar, overload

from nbcy.base.errors import ConfigError, UnitError
from nbcy.base.units import UNITS, alternatives, convert, is_quantity, parse_quantity, split_units
from nbcy.config.kinds import Kind, nearest

T = TypeVar("T")
K = TypeVar("K")
S = TypeVar("S", bound="Section")

_LONG: Final = 200
"""Characters of a list that its section's repr shows."""

REQUIRED: Final = object()
"""Default of a field that must be given."""


class Field(Generic[T]):
    """A field of a section: ``distance_mm = Field(POSITIVE)`` in its class.

    Parameters
    ----------
    kind : Kind
        What it can hold.
    default : object
        Its value when not given; None when left out.
    start : tuple, optional
        What parts of it replace while it is not given.

    Attributes
    ----------
    name, stem : str
        With and without its units.
    units : tuple of str
        Units of its numbers; a cell has two, for three numbers each.
    """

    @overload
    def __init__(
        self: Field[K | None], kind: Kind[K], default: None = None, *, start: K | None = None
    ) -> None: ...
    @overload
    def __init__(self: Field[K], kind: Kind[K], default: K | object) -> None: ...
    def __init__(self, kind: Kind[Any], default: Any = None, *, start: Any = None) -> None:
        self.kind, self.default, self.start = kind, default, start

    def __set_name__(self, _: type, name: str) -> None:
        self.name = name
        self.stem, self.units = split_units(name)

    @overload
    def __get__(self, section: Section, owner: type) -> T: ...
    @overload
    def __get__(self, section: object, owner: type) -> Field[T]: ...
    def __get__(self, section: object, owner: type) -> Any:
        return self if section is None else section.__dict__[self.name]

    def __set__(self, section: Section, value: object) -> None:
        raise AttributeError(self.name)  # never reached, makes help list the fields as data

    def spellings(self) -> dict[str, tuple[str, ...]]:
        """Return the units of bare numbers for each name that the field can be given by."""
        names = {
            "_".join((self.stem, *given)): given
            for given in product(*map(alternatives, self.units))
        }
        return {**names, self.stem: ()}

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        """What help says of the field."""
        if self.default is REQUIRED:
            return f"{self.kind!r}; must be given"
        return repr(self.kind) if self.default is None else f"{self.kind!r}; {self.default!r}"

    def __repr__(self) -> str:
        return f"<{self.name}: {self.__doc__}>"


class _Spellings:
    """Field, and units of bare numbers, for each name that a field can be given by."""

    def __get__(self, _: object, owner: type[Section]) -> Mapping[str, tuple[str, tuple[str, ...]]]:
        owner._spellings = {
            name: (field.name, units)
            for field in owner.model_fields.values()
            for name, units in field.spellings().items()
        }
        return owner._spellings


class _Signature:
    """The signature that help and completion show: each field, and its stem for quantities."""

    def __get__(self, _: object, owner: type[Section]) -> Any:
        from inspect import Parameter, Signature

        parameters = []
        for field in owner.model_fields.values():
            default = Parameter.empty if field.default is REQUIRED else field.default
            names = {field.name: default, **({field.stem: None} if field.units else {})}
            for name, value in names.items():
                parameters.append(Parameter(name, Parameter.KEYWORD_ONLY, default=value))
        return Signature(parameters)


class Section:
    """Base of the sections: the unit rule, and errors that say what would be right.

    A field whose name ends with a unit can also be given with another unit of the same dimension,
    or without one as a quantity. None counts as not given.

    Raises
    ------
    UnitError
        A quantity without a unit, with one that measures something else, or given twice.
    ConfigError
        Any other value that cannot be right, and unknown fields.
    """

    model_fields: ClassVar[Mapping[str, Field[Any]]] = {}
    """Every field by its name, in order."""

    # Sets of fields of which at most one can be given.
    _rivals: ClassVar[tuple[tuple[str, ...], ...]] = ()
    _spellings: ClassVar[Mapping[str, tuple[str, tuple[str, ...]]]] = {}
    __signature__ = _Signature()

    def __init_subclass__(cls) -> None:
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
        cls.model_fields = {**cls.model_fields, **own}
        cls._spellings = _Spellings()  # type: ignore[assignment]

    def __init__(self, /, **fields: Any) -> None:
        given = type(self)._read(fields)
        for name, field in type(self).model_fields.items():
            if name not in given and field.default is REQUIRED:
                raise ConfigError(self._path(name), None, "must be given")
            self.__dict__[name] = field.default
        self._take(given)
        self._check({spelling: name for name, (spelling, _, _) in given.items()})

    def _take(self, given: Mapping[str, tuple[str, Any, Any]]) -> None:
        """Take values that were read, by field: spelling, what was given, and its number."""
        for name, (spelling, value, converted) in given.items():
            try:
                self.__dict__[name] = self.model_fields[name].kind.read(converted)
            except ConfigError:
                raise
            except ValueError as error:
                raise ConfigError(self._path(spelling), value, str(error)) from None

    def _check(self, spelled: Mapping[str, str]) -> None:
        """Refuse values that do not go together, given the spellings of those that are given."""

    @classmethod
    def _path(cls, name: str) -> str:
        return f"{cls.__name__.lower()}.{name}"

    @classmethod
    def _read(cls, fields: Mapping[str, Any]) -> dict[str, tuple[str, Any, Any]]:
        """Find for each field the name and value that it was given by, and its value."""
        given: dict[str, tuple[str, Any, Any]] = {}
        spellings = cls._spellings
        for name, value in fields.items():
            if name not in spellings:
                raise cls._unknown(name, value)
            if value is None:
                continue
            field, units = cls.model_fields[spellings[name][0]], spellings[name][1]
            if field.name in given:
                expected = f"must not be given along with {given[field.name][0]}"
                raise UnitError(cls._path(name), value, expected)
            converted = tidy(value)
            if field.units:
                converted = _in_units(converted, field, units, cls._path(name))
            given[field.name] = name, value, converted
        for rivals in cls._rivals:
            both = [given[rival][:2] for rival in rivals if rival in given]
            if len(both) > 1:
                (name, value), (other, _) = both[:2]
                raise ConfigError(cls._path(name), value, f"must not be given along with {other}")
        return given

    @classmethod
    def _unknown(cls, name: str, value: object) -> ConfigError:
        stem, units = split_units(name)
        fields = {field.stem: field for field in cls.model_fields.values()}
        if units and stem in fields and fields[stem].units:
            expected = f"has the wrong unit; did you mean {fields[stem].name}?"
            return UnitError(cls._path(name), value, expected)
        near = nearest(name, (*cls.model_fields, *fields))
        return ConfigError(cls._path(name), value, f"there is no such field{near}")

    @classmethod
    def from_dict(cls, fields: Any) -> Self:
        """Make a section of a mapping, as `to_dict` returns it; a section is returned as it is.

        Raises
        ------
        ConfigError, UnitError
            As when it is made of arguments.
        """
        if isinstance(fields, cls):
            return fields
        if not isinstance(fields, Mapping):
            raise ConfigError(cls.__name__.lower(), fields, "must be a table of fields")
        return cls(**{str(name): value for name, value in fields.items()})

    model_validate = from_dict

    if not TYPE_CHECKING:  # each section says which fields it takes

        def replace(self, **fields):
            """Return a copy with other values for some fields: `model_copy` of arguments."""
            return self._replaced(fields)

        __replace__ = replace  # copy.replace

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """Return a copy with other values for some fields.

        Parameters
        ----------
        update : mapping of str to object, optional
            Fields in any spelling; None takes one back. An energy replaces a wavelength, a matrix
            a cell, a structure file an hkl file, and the other way round.

        Raises
        ------
        ConfigError, UnitError
            As for a new section.
        """
        return self._replaced(update or {})

    def _replaced(self, changes: Mapping[str, Any]) -> Self:
        given, fields = self._read(changes), self.model_fields
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        back = [self._spellings[name][0] for name, value in changes.items() if value is None]
        for rivals in self._rivals:
            if any(field in given for field in rivals):
                back += rivals
        for name in back:
            if name not in given and fields[name].default is REQUIRED:
                raise ConfigError(self._path(name), None, "must be given")
            other.__dict__[name] = fields[name].default
        other._take(given)
        if type(self)._check is not Section._check:
            spelled = {spelling: name for name, (spelling, _, _) in given.items()}
            other._check(
                {**{name: name for name in other._given() if name not in given}, **spelled}
            )
        return other

    def to_dict(self) -> dict[str, Any]:
        """Return all that differs from the defaults, as numbers, text, lists and dicts."""
        return {name: _plain(value) for name, value in self._given().items()}

    def _given(self) -> dict[str, Any]:
        fields = self.model_fields
        return {name: v for name, v in self.__dict__.items() if v != fields[name].default}

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={_shown(value)}" for name, value in self._given().items())
        return f"{type(self).__name__}({given})"

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self._given())

    def __setattr__(self, name: str, value: object) -> None:
        raise ConfigError(self._path(name), value, "cannot be set; replace makes another section")

    def __delattr__(self, name: str) -> None:
        raise ConfigError(self._path(name), "del", "cannot be removed")

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: object) -> Any:
        """Let a section be a field of other people's models."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(cls.from_dict)


def _shown(value: Any) -> str:
    """Return the repr of a value, or of a long list how long it is."""
    text = repr(value)
    is_list = isinstance(value, tuple) and len(text) > _LONG
    return f"<{len(value)} items>" if is_list else text


def _restore(section: type[Section], given: Mapping[str, Any]) -> Section:
    return section(**given)


class Table(Kind[S]):
    """Another section, or a mapping of its fields."""

    name = "table of fields"

    def __init__(self, section: type[S]) -> None:
        self.section = section
        self.typed = f"{section.__name__} | Mapping[str, Any]"

    def read(self, value: Any) -> S:
        """Return it as a section."""
        return self.section.from_dict(value)


def tidy(value: Any) -> Any:
    """Make plain numbers and tuples of NumPy's, lists and arrays of quantities."""
    if is_quantity(value):
        return tuple(value) if getattr(value.magnitude, "ndim", 0) else value
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return tuple(tidy(item) for item in value)
    return value


def _plain(value: Any) -> Any:
    """Make what TOML can hold of the value of a field."""
    if isinstance(value, Section):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return sorted(value) if isinstance(value, frozenset) else value


def unit_at(part: int, units: tuple[str, ...]) -> str:
    """Return which of the units of a field is that of one of its numbers, or nothing."""
    return units[min(part // 3, len(units) - 1)] if units else ""


def _in_units(value: Any, field: Field[Any], given: tuple[str, ...], path: str) -> Any:
    """Convert one value or a tuple of them to the units of their field.

    Parameters
    ----------
    value : object
    field : Field
    given : tuple of str
        Units of bare numbers; empty when they are not allowed.
    path : str
        The dotted name that the field was given by.
    """
    if not isinstance(value, tuple):
        return in_unit(value, field, 0, given, path, value)
    return tuple(in_unit(item, field, n, given, path, value) for n, item in enumerate(value))


def in_unit(
    item: Any, field: Field[Any], part: int, given: tuple[str, ...], path: str, whole: Any
) -> Any:
    """Convert one number to the unit that its field has for this part."""
    own = unit_at(part, field.units)
    is_number = isinstance(item, int | float) and not isinstance(item, bool)
    if not given:
        if is_number:
            example = f"'1 {UNITS[own].symbols[0]}'"
            expected = f"needs a unit: give {field.name}, or a quantity such as {example}"
            raise UnitError(path, whole, expected)
        return parse_quantity(item, own, path)
    if isinstance(item, str) and item == "inf":  # JSON has no other way to say so
        return math.inf
    if isinstance(item, str) or is_quantity(item):
        raise UnitError(path, whole, f"must be a bare number; {field.stem} takes quantities")
    try:
        return convert(float(item), unit_at(part, given), own) if is_number else item
    except OverflowError:
        return math.inf

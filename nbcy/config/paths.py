"""One name for every value: its path with its unit, such as ``detector.panels[3].origin_mm.y``.

A path is the names of sections and fields with dots between them, ``[n]`` for an item of a list,
and the name of a part: x, y, z of a vector, a, b, c, alpha, beta, gamma of a cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from nbcy.base.errors import ConfigError, UnitError
from nbcy.base.units import convert
from nbcy.config.kinds import Kind, Number, nearest
from nbcy.config.section import Field, Section, Table, in_unit, tidy, unit_at

S = TypeVar("S", bound=Section)
Step = str | int

_STEP: Final = re.compile(r"([^.\[\]]+)((?:\[[0-9]+\])*)(?:\.(?!$)|$)")
_NOTHING: Final = object()


class Parameter(NamedTuple):
    """A value of a configuration.

    Attributes
    ----------
    path : str
        Its name.
    unit : str
        Suffix of its unit (`nbcy.base.units.UNITS`), empty where it has none.
    kind : Kind
        What it can be; ``kind.name`` says it in words.
    """

    path: str
    unit: str
    kind: Kind[Any]

    @property
    def is_real(self) -> bool:
        """Whether it is one real number, which can change by any small amount."""
        return isinstance(self.kind, Number)


def split(path: str) -> list[Step]:
    """Return names and numbers on the way to a value.

    Raises
    ------
    ConfigError
        It is not a path.
    """
    steps: list[Step] = []
    at = 0
    while at < len(path) or not path:
        step = _STEP.match(path, at)
        if not step:
            expected = "is not a path, as beam.wavelength_angstrom or detector.panels[0].pixel_mm"
            raise ConfigError(path, None, expected)
        steps += [step[1], *map(int, re.findall("[0-9]+", step[2]))]
        at = step.end()
    return steps


def join(path: str, step: str | int) -> str:
    """Return the path that is one step longer."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    return f"{path}.{step}" if path else step


def parameters(section: Section, prefix: str = "") -> Iterator[Parameter]:
    """Yield every value of a section: fields, items, and parts, each with unit and kind."""
    for field in section.model_fields.values():
        path = join(prefix, field.name)
        yield from _parameters(path, field, field.kind, getattr(section, field.name), 0)


def _parameters(
    path: str, field: Field[Any], kind: Kind[Any], value: Any, part: int
) -> Iterator[Parameter]:
    if isinstance(kind, Table):
        yield from parameters(value, path)
        return
    yield Parameter(path, _unit(field, kind, part), kind)
    for n, (name, inner) in enumerate(kind.parts.items()):
        yield from _parameters(join(path, name), field, inner, value and value[n], n)
    for n, item in enumerate(value if kind.item else ()):
        assert kind.item is not None
        yield from _parameters(join(path, n), field, kind.item, item, 0)


class _Place(NamedTuple):
    """Where a path has come to inside a field."""

    path: str
    field: Field[Any]
    units: tuple[str, ...]
    part: int = 0


class _Change:
    """New values for what a path names, and for what is inside it."""

    def __init__(self) -> None:
        self.value: Any = _NOTHING
        self.inside: dict[Step, _Change] = {}
        self.source: tuple[str, Any] = ("", None)  # path and value as given, for errors

    def add(self, steps: list[Step], path: str, value: Any) -> None:
        """Take one more value."""
        change = self
        for step in steps:
            change = change.inside.setdefault(step, _Change())
            if not change.source[0]:
                change.source = path, value
        change.value = value


class _Found(NamedTuple):
    """What a path leads to."""

    value: Any
    kind: Kind[Any]
    place: _Place | None
    path: str  # with fields as they are named


def _find(section: Section, path: str) -> _Found:
    found = _Found(section, Table(type(section)), None, "")
    for step in split(path):
        value, kind, place, name = found
        if isinstance(kind, Table):
            field, units = _field(kind.section, step, (path, None))
            here = _Place(join(place.path if place else "", step), field, units)
            found = _Found(getattr(value, field.name), field.kind, here, join(name, field.name))
        elif place is not None:
            part, inner = _child(kind, value, step, place, (path, None))
            here = place._replace(path=join(place.path, step), part=part)
            value = None if value is None else value[part]
            found = _Found(value, inner, here, join(name, step))
    return found


def value_at(section: Section, path: str) -> Any:
    """Return the value that a path names, in the unit that it ends with; None when not given.

    Raises
    ------
    ConfigError, UnitError
        There is no such value.
    """
    found = _find(section, path)
    return found.value if found.place is None else _converted(found.value, found.place)


def parameter_at(section: Section, path: str) -> Parameter:
    """Return name, unit and kind of the value that a path names in any spelling.

    Raises
    ------
    ConfigError
        There is no such value.
    """
    found = _find(section, path)
    unit = "" if found.place is None else _unit(found.place.field, found.kind, found.place.part)
    return Parameter(found.path, unit, found.kind)


def _unit(field: Field[Any], kind: Kind[Any], part: int) -> str:
    """Return the unit of a value, or nothing where it has none or each part its own."""
    return "" if len(field.units) > 1 and kind.parts else unit_at(part, field.units)


def _converted(value: Any, place: _Place) -> Any:
    field, units = place.field, place.units
    if units == field.units or value is None:
        return value
    if not units:
        raise UnitError(place.path, None, f"needs its unit: {field.name}")
    if isinstance(value, tuple):
        return tuple(_converted(v, place._replace(part=n)) for n, v in enumerate(value))
    return convert(value, unit_at(place.part, field.units), unit_at(place.part, units))


def override(section: S, values: Mapping[str, Any]) -> S:
    """Return a section in which the values at some paths are replaced.

    Parameters
    ----------
    section : Section
    values : mapping of str to object
        By path. Sections, lists and vectors are replaced before what is inside them.

    Raises
    ------
    ConfigError, UnitError
        There is no such value, or it cannot be that.
    """
    change = _Change()
    for path, value in values.items():
        change.add(split(path), path, value)
    return _section(section, change, "")


def _section(section: S, change: _Change, path: str) -> S:
    whole = {n: new.value for n, new in change.inside.items() if new.value is not _NOTHING}
    for name in whole.keys() - section._spellings.keys():
        if isinstance(name, int):
            raise ConfigError(*change.inside[name].source, "there is no such item")
    if whole:
        section = section._replaced({str(name): value for name, value in whole.items()})
    fields: dict[str, Any] = {}
    for name, new in change.inside.items():
        if new.inside:
            field, units = _field(type(section), name, new.source)
            old = fields.get(field.name, getattr(section, field.name))
            place = _Place(join(path, name), field, units)
            fields[field.name] = _changed(old, field.kind, new, place)
    return section._replaced(fields) if fields else section


def _changed(value: Any, kind: Kind[Any], change: _Change, place: _Place) -> Any:
    """Return the value of a field, an item or a part, with changes inside it."""
    if isinstance(kind, Table):
        try:
            return _section(value, change, place.path)
        except ConfigError as error:
            raise _placed(error, kind.section, place.path) from None
    if value is None:
        value = _start(kind, change, place)
    items = list(value) if isinstance(value, tuple) else value
    for step, new in change.inside.items():
        n, inner = _child(kind, items, step, place, new.source)
        at = place._replace(path=join(place.path, step), part=n)
        if new.value is not _NOTHING:
            items[n] = _read(new.value, inner, at)
        if new.inside:
            items[n] = _changed(items[n], inner, new, at)
    return tuple(items)


def _start(kind: Kind[Any], change: _Change, place: _Place) -> Any:
    """Return what the parts of a value that is not given replace."""
    if place.field.start is not None:
        return place.field.start
    if kind.parts and not kind.parts.keys() <= change.inside.keys():
        path, value = next(iter(change.inside.values())).source
        raise ConfigError(path, value, f"is part of {place.path}, which is not given")
    return (None,) * len(kind.parts)


def _read(value: Any, kind: Kind[Any], place: _Place) -> Any:
    read = tidy(value)
    if place.field.units:
        read = in_unit(read, place.field, place.part, place.units, place.path, value)
    try:
        return kind.read(read)
    except ConfigError as error:
        raise _placed(error, getattr(kind, "section", Section), place.path) from None
    except ValueError as error:
        raise ConfigError(place.path, value, str(error)) from None


def _placed(error: ConfigError, section: type[Section], path: str) -> ConfigError:
    """Return an error in terms of where the section is."""
    label = section.__name__.lower()
    if error.field != label and not error.field.startswith(f"{label}."):
        return error
    return type(error)(path + error.field.removeprefix(label), error.value, error.expected)


def _field(
    section: type[Section], name: Step, source: tuple[str, Any]
) -> tuple[Field[Any], tuple[str, ...]]:
    """Return a field and the units that it is spelled with."""
    if name in section._spellings:
        field, units = section._spellings[str(name)]
        return section.model_fields[field], units
    inner = {
        n: f.kind.section for n, f in section.model_fields.items() if isinstance(f.kind, Table)
    }
    if inner and source[0] != name:
        raise ConfigError(*source, f"there is no such section{nearest(str(name), inner)}")
    error = section._unknown(str(name), source[1])
    raise type(error)(*source, error.expected)


def _child(
    kind: Kind[Any], value: Any, step: Step, place: _Place, source: tuple[str, Any]
) -> tuple[int, Kind[Any]]:
    """Return number and kind of an item or a part."""
    if isinstance(step, int) and kind.item is not None:
        if step < len(value):
            return step, kind.item
        raise ConfigError(*source, f"there is no such item: {place.path} has {len(value)}")
    names = list(kind.parts)
    if step in names:
        return names.index(str(step)), kind.parts[str(step)]
    near = nearest(str(step), names) or f"; did you mean {place.field.name}?"
    listed = f" Its parts are {', '.join(names)}" if names else ""
    raise ConfigError(*source, f"there is no such section or part{near}{listed}")

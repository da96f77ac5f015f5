"""Reading JSON that holds the keys of a trace, whatever its nesting."""

from __future__ import annotations

import ast
import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any, Final

from nbcy.base.errors import FileError
from nbcy.render.statements import Reading, Statements
from nbcy.render.vocabulary import meaning_of

_NAMES: Final = ("name", "key", "variable", "quantity", "parameter")
_VALUES: Final = ("value", "values", "val")
_DEEPEST: Final = 60


def load_json(path: str | os.PathLike[str]) -> Any:
    """Parse a JSON file, one of JSON lines, or what Python prints of a dictionary.

    Raises
    ------
    FileError
        It is not valid JSON, or cannot be read.
    """
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            text = file.read()
    except OSError as error:
        raise FileError(path, f"cannot be read: {error}") from error
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        for parse in (_json_lines, ast.literal_eval):
            with contextlib.suppress(ValueError, SyntaxError, MemoryError, RecursionError):
                return parse(text)
        raise FileError(path, f"is not valid JSON: {error.msg}", error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise FileError(path, f"cannot be read: {error}") from error


def _json_lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def read_json(path: str | os.PathLike[str], data: Any) -> Reading:
    """Read the keys of a trace from JSON of any nesting.

    Parameters
    ----------
    path : path-like
        Where it came from.
    data : object
        What was parsed.

    Raises
    ------
    FileError
        It holds no key that is known.
    """
    problems: list[str] = []
    statements = Statements(problems)
    for name, text in _leaves(data, 0):
        if meaning_of(name) is not None:
            statements.take(0, name, text)
        else:
            statements.extra(name, text)
    reading = statements.reading(os.fspath(path), "", {}, problems)
    if not reading.blocks and not reading.chain and not reading.facts:
        raise FileError(path, "is JSON, but holds no trace: no key of a trace among its names")
    traced = _pixel(data)
    reading.pixel = reading.pixel or traced
    return reading


def _leaves(data: Any, depth: int) -> Iterator[tuple[str, str]]:
    """Yield names and their numbers as text, in the order of the file."""
    if depth > _DEEPEST:
        return
    if isinstance(data, list):
        for item in data:
            yield from _leaves(item, depth + 1)
        return
    if not isinstance(data, dict):
        return
    named = next((data[k] for k in _NAMES if isinstance(data.get(k), str)), None)
    valued = next((data[k] for k in _VALUES if k in data), None)
    if named is not None and valued is not None:
        yield named, _text(valued, data.get("unit") or data.get("units"))
        return
    for name, value in data.items():
        text = _leaf(name, value)
        if text is not None:
            yield str(name), text
        else:
            yield from _leaves(value, depth + 1)


def _leaf(name: str, value: Any) -> str | None:
    """Return what stands under a name as text, None for what has names of its own."""
    if isinstance(value, dict):
        inner = next((value[k] for k in _VALUES if k in value), None)
        if inner is not None:
            return _text(inner, value.get("unit") or value.get("units"))
        parts = [value.get(k) for k in ("x", "y", "z")]
        if len(value) == 3 and all(_is_number(part) for part in parts):
            return _text(parts, None)
        parts = [value.get(k) for k in ("h", "k", "l")]
        known = meaning_of(name)
        if known is not None and not known.setting and all(_is_number(part) for part in parts):
            return _text(parts, None)
        return None
    if isinstance(value, list):
        flat = [x for row in value for x in (row if isinstance(row, list) else [row])]
        if not flat or not all(_is_number(x) for x in flat):
            return None
        return _text(flat, None)
    return _text(value, None) if value is not None else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any, unit: Any) -> str:
    if isinstance(value, list):
        words = " ".join(_text(item, None) for item in value)
    elif isinstance(value, float):
        words = repr(value)
    else:
        words = str(value)[:400]
    return f"{words} {unit}" if isinstance(unit, str) and unit not in ("", "-") else words


def _pixel(data: Any) -> tuple[int, int] | None:
    """Return the traced pixel where the top of the file names it by slow and fast."""
    if not isinstance(data, dict):
        return None
    for home in (data, *(value for value in data.values() if isinstance(value, dict))):
        pair = home.get("pixel")
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(x, int) for x in pair):
            return pair[0], pair[1]
        places = [home.get(name) for name in ("slow", "fast")]
        if all(isinstance(x, int) and not isinstance(x, bool) for x in places):
            return places[0], places[1]  # type: ignore[return-value]
    return None

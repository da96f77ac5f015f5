"""Configurations as TOML and JSON: text to plain data and back, in files or not."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

from nbcy.base.errors import FileError

PathLike = str | os.PathLike[str]


def to_toml(data: dict[str, Any]) -> str:
    """Return plain data as TOML."""
    import tomli_w

    return tomli_w.dumps(data)


def to_json(data: dict[str, Any]) -> str:
    """Return plain data as JSON, with infinity as ``"inf"``."""
    import json

    def finite(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: finite(item) for name, item in value.items()}
        return "inf" if value == math.inf else value

    return json.dumps(finite(data), indent=2, allow_nan=False) + "\n"


def from_toml(text: str, source: PathLike) -> Any:
    """Read TOML.

    Raises
    ------
    FileError
        It is not TOML.
    """
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        line = re.search(r"at line (\d+)", str(error))
        raise FileError(source, f"is not TOML: {error}", line and int(line[1])) from None


def from_json(text: str, source: PathLike) -> Any:
    """Read JSON.

    Raises
    ------
    FileError
        It is not JSON, or a name stands twice in one table.
    """
    import json

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"{twice!r} stands there twice")
        return table

    try:
        return json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise FileError(source, f"is not JSON: {error}", line) from None


def load(path: PathLike) -> Any:
    """Read a ``.toml`` or ``.json`` file.

    Raises
    ------
    FileError
        It has another suffix, cannot be read, or does not hold what its suffix says.
    """
    from nbcy.base.files import read_bytes

    read = from_toml if _suffix(path) == ".toml" else from_json
    try:
        return read(read_bytes(path).decode("utf-8-sig"), path)
    except UnicodeDecodeError:
        raise FileError(path, "is not UTF-8 text") from None


def save(path: PathLike, data: dict[str, Any]) -> None:
    """Write a ``.toml`` or ``.json`` file, as a whole or not at all.

    Raises
    ------
    FileError
        It has another suffix, or cannot be written.
    """
    from nbcy.base.atomic import atomic_write

    text = to_toml(data) if _suffix(path) == ".toml" else to_json(data)
    with atomic_write(path) as file:
        file.write(text.encode())


def _suffix(path: PathLike) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in (".toml", ".json"):
        raise FileError(path, "must end in .toml or .json")
    return suffix

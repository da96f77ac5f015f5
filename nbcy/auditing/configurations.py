"""In which settings two runs differ, exactly: their configurations say it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbcy.config.quirks import QUIRKS
from nbcy.flags.table import FLAGS

if TYPE_CHECKING:
    from nbcy.config import Config
    from nbcy.render.trace import Trace


@dataclass(frozen=True)
class Difference:
    """A setting in which two configurations differ.

    Attributes
    ----------
    path : str
        Of the setting; for a quirk ``"quirks"``.
    a, b : object
        Its values, None where there is none; for a quirk its name or None.
    words : str
        All of that in words, with the flags that set it.
    """

    path: str
    a: Any
    b: Any
    words: str


def differences(a: Config, b: Config) -> Iterator[Difference]:
    """Yield the settings in which two configurations differ, quirks first, one by one."""
    for name in sorted(a.quirks ^ b.quirks):
        side = "A" if name in a.quirks else "B"
        mine, theirs = (name if name in config.quirks else None for config in (a, b))
        yield Difference("quirks", mine, theirs, f"{side} has the quirk {name} ({QUIRKS[name]})")
    first, second = _given(a), _given(b)
    for path in sorted(first.keys() | second.keys()):
        x, y = first.get(path), second.get(path)
        if x != y:
            x, y = a.value(path), b.value(path)
            values = f"A {shown(x)}, B {shown(y)}"
            flags = ", ".join(flags_of(path)[:4])
            yield Difference(path, x, y, path + (f" ({flags})" if flags else "") + f": {values}")


def differing_runs(a: Trace, b: Trace) -> list[Difference]:
    """Return in which settings two sides differ that were both run, else nothing."""
    if a.scene is None or b.scene is None:
        return []
    return list(differences(a.scene.config, b.scene.config))


def shown(value: Any) -> str:
    """Return a value of a configuration in few words."""
    if isinstance(value, tuple | list) and all(isinstance(x, int | float) for x in value):
        text = " ".join(f"{x:.9g}" for x in value)
    else:
        number = isinstance(value, float)
        text = "not given" if value is None else f"{value:.9g}" if number else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _given(config: Config) -> dict[str, Any]:
    """Return what differs from the defaults, by path."""
    return {
        f"{section}.{name}": value
        for section, fields in config.to_dict().items()
        if isinstance(fields, dict)
        for name, value in fields.items()
    }


def flags_of(path: str) -> list[str]:
    """Return the flags that set a path, or a part of it."""
    every = [flag for flag in FLAGS.values() if any(name.startswith(path) for name in flag.sets)]
    alone = [flag for flag in every if flag.sets == (path,)]
    return list(dict.fromkeys(flag.names[0] for flag in alone or every))

"""What the scene took, where each value came from, and what the user should know."""

from __future__ import annotations

import copyreg
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal


def _read_only(contents: dict[object, object]) -> MappingProxyType[object, object]:
    return MappingProxyType(contents)


# Scenes and images hold read-only mappings, and travel between processes.
copyreg.pickle(MappingProxyType, lambda proxy: (_read_only, (dict(proxy),)))

Origin = Literal["given", "default", "derived"]


def origin_of(value: object) -> Origin:
    """Tell a value that the user gave from a fixed default."""
    return "default" if value is None else "given"


@dataclass(frozen=True, slots=True)
class Choice:
    """One resolved value.

    Attributes
    ----------
    value : object
        The value in SI units.
    unit : str
        SI unit, empty when it has none.
    origin : {"given", "default", "derived"}
        Who chose it: the user, a fixed default, or a rule applied to other values.
    reason : str
        The rule, in a few words.
    """

    value: object
    unit: str
    origin: Origin
    reason: str


@dataclass(slots=True)
class Ledger:
    """Collects choices and notes while a scene is being built."""

    choices: dict[str, Choice] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def choose(self, name: str, value: object, unit: str, origin: Origin, reason: str) -> None:
        """Record the value taken for ``name``."""
        self.choices[name] = Choice(value, unit, origin, reason)

    def note(self, text: str) -> None:
        """Record a warning for the user."""
        self.notes.append(text)

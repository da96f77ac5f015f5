"""Stages of a scene: each is made once, of the configuration and of other stages.

A stage is a function of a `Step`. What it reads of the configuration and which stages it takes is
noted while it runs, so that a later scene takes over what depends on nothing that has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from nbcy.base.choices import Choice, Ledger

if TYPE_CHECKING:
    from nbcy.config import Config

T = TypeVar("T")
Stage = Callable[["Step"], T]
Reads = dict[tuple[str, str], object]


class _Watched:
    """A section of a configuration that notes which of its fields are read."""

    def __init__(self, name: str, section: object, reads: Reads) -> None:
        self._name, self._section, self._reads = name, section, reads

    def __getattr__(self, field: str) -> Any:
        value = getattr(self._section, field)
        self._reads[self._name, field] = value
        return value


class _WatchedConfig:
    """A configuration whose sections note what is read of them."""

    def __init__(self, config: Config, reads: Reads) -> None:
        self._config, self._reads = config, reads

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._config, name)
        if name == "quirks":
            self._reads["", name] = value
        return value if name == "quirks" else _Watched(name, value, self._reads)


class Step:
    """What a stage is made of.

    Attributes
    ----------
    config : Config
        What the user gave.
    quirks : frozenset of str
        Defects of the reference to reproduce.
    ledger : Ledger
        Takes the stage's choices and notes.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.reads: Reads = {}
        self.taken: dict[Any, object] = {}  # by stage, or by the name of an input
        self.config = cast("Config", _WatchedConfig(desk.config, self.reads))
        self.ledger = Ledger()

    @property
    def quirks(self) -> frozenset[str]:
        """Defects of the reference to reproduce."""
        return self.config.quirks

    def take(self, stage: Stage[T]) -> T:
        """Return what another stage made."""
        value = self._desk.take(stage)
        self.taken[stage] = value
        return value

    def given(self, name: str) -> Any:
        """Return what was read from files before the scene, by its name."""
        value = self._desk.given(name)
        self.taken[name] = value
        return value


def _same(old: object, new: object) -> bool:
    """Whether two results of a stage are alike."""
    if isinstance(old, np.ndarray):
        return np.array_equal(old, new)  # type: ignore[arg-type]
    return bool(old == new)


class _Made:
    """What a stage made, and of what."""

    __slots__ = ("ledger", "reads", "taken", "value")

    def __init__(self, value: object, step: Step) -> None:
        self.value, self.ledger = value, step.ledger
        self.reads, self.taken = step.reads, step.taken


class Desk:
    """Makes stages, and keeps what they made.

    Parameters
    ----------
    config : Config
        What the user gave.
    inputs : mapping of str to Stage
        Readers of what is needed besides, by name.
    before : Desk, optional
        Whose results serve where nothing that they depend on is different.
    kept : mapping, optional
        Results that are known to serve, in place of looking: `independent` of what differs.
    """

    def __init__(
        self,
        config: Config,
        inputs: Mapping[str, Stage[Any]],
        before: Desk | None = None,
        kept: Mapping[Any, _Made] | None = None,
    ) -> None:
        self.config = config
        self.inputs = inputs
        self._made: dict[Any, _Made] = dict(kept or {})
        self._before = {} if before is None else before._made
        self.rebuilt: list[str] = []

    def take(self, stage: Stage[T]) -> T:
        """Return what a stage makes."""
        made = self._made.get(stage)
        if made is None:
            made = self._made[stage] = self._kept(stage) or self._make(stage)
        return cast("T", made.value)

    def independent(
        self, fields: Collection[tuple[str, str]], inputs: Collection[str]
    ) -> dict[Any, _Made]:
        """Return the results that depend neither on fields (section and name) nor on inputs."""
        found: dict[Any, _Made] = {}
        for stage, made in self._made.items():  # a stage comes after those that it takes
            if made.reads.keys().isdisjoint(fields) and all(
                other not in inputs if isinstance(other, str) else other in found
                for other in made.taken
            ):
                found[stage] = made
        return found

    def given(self, name: str) -> Any:
        """Return an input."""
        return self.take(self.inputs[name])

    def _kept(self, stage: Stage[Any]) -> _Made | None:
        old = self._before.get(stage)
        if old is None:
            return None
        for (section, field), value in old.reads.items():
            holder = getattr(self.config, section) if section else self.config
            now = getattr(holder, field)
            if now is not value and now != value:
                return None
        for other, value in old.taken.items():
            if (self.given(other) if isinstance(other, str) else self.take(other)) is not value:
                return None
        return old

    def _make(self, stage: Stage[Any]) -> _Made:
        step = Step(self)
        value = stage(step)
        self.rebuilt.append(getattr(stage, "__name__", "input"))
        old = self._before.get(stage)
        if old is not None and type(old.value) is type(value) and _same(old.value, value):
            value = old.value  # what depends on it alone need not be made again
        return _Made(value, step)

    def settle(self) -> None:
        """Let go of what served from before."""
        self._before = {}

    @property
    def choices(self) -> dict[str, Choice]:
        """Who chose which value, of every stage that was taken."""
        return {k: v for made in self._made.values() for k, v in made.ledger.choices.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """Warnings of every stage that was taken."""
        return tuple(note for made in self._made.values() for note in made.ledger.notes)

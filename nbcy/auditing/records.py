"""What an audit finds, row by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from nbcy.auditing.side import Array
from nbcy.render.facts import Fact
from nbcy.render.vocabulary import QUANTITIES, RESULTS

Verdict = Literal[
    "agrees",
    "rounding",
    "cause",
    "local fault",
    "undecidable",
    "inherited",
    "unverifiable",
    "not shown",
]


@dataclass(frozen=True, eq=False)
class Row:
    """The comparison of one key.

    Attributes
    ----------
    key : str
    block : int
        The sub-pixel and layer shown: the first that does not agree, else the last.
    a, b : tuple of float, or None
        Values; None where a side does not show the key.
    relative : float
        Largest difference relative to the size of the value.
    verdict : str
        "agrees", "rounding" (differs by the propagation of differences within tolerance), "cause",
        "local fault", "inherited", "unverifiable" (downstream of a difference, but not all that it
        rests on is shown), or "not shown".
    side : str
        "A", "B" or "AB" where a side is at fault.
    note : str
        One line.
    """

    key: str
    block: int
    a: tuple[float, ...] | None
    b: tuple[float, ...] | None
    relative: float
    verdict: Verdict
    side: str = ""
    note: str = ""


@dataclass(eq=False)
class Finding:
    """One cause of disagreement.

    Attributes
    ----------
    cause : str
        Name of the hypothesis, or "unexplained".
    title : str
        What it says.
    side : str
        "A" or "B" for the side that deviates, empty where only the relation is known.
    keys : list of str
        Keys it explains.
    kind : {"cause", "local fault", "not decidable", "rounding"}
        A setting, a value that does not follow from the side's own, or one that rests on what the
        side does not say.
    arithmetic : list of str
        The numbers that support it.
    fix : str
        What would make the sides agree.
    note : str
        What the log cannot tell.
    """

    cause: str
    title: str
    side: str
    keys: list[str]
    kind: str
    arithmetic: list[str]
    fix: str = ""
    note: str = ""

    @property
    def explained(self) -> bool:
        """Whether a hypothesis explains it."""
        return self.cause != "unexplained"


@dataclass(frozen=True, eq=False)
class FactRow:
    """The comparison of one fact of the experiment.

    Attributes
    ----------
    name, label, unit : str
    a, b : Fact or None
        None where a side does not say.
    same : bool or None
        None where it cannot be compared.
    """

    name: str
    label: str
    unit: str
    a: Fact | None
    b: Fact | None
    same: bool | None

    @property
    def said(self) -> bool:
        """Whether both sides say it themselves, and it is not read off their keys."""
        return all(fact is not None and fact.origin != "keys" for fact in (self.a, self.b))

    @property
    def decides(self) -> bool:
        """Whether it is a setting, and does not merely follow from others."""
        return QUANTITIES[self.name].decides

    @property
    def cause(self) -> str:
        """Name of the cause that it is when it differs."""
        if self.name == "quirks":
            mine, theirs = (set(str(fact).split()) - {"none"} for fact in (self.a, self.b))
            return " ".join(sorted(mine ^ theirs)) or "quirks"
        return QUANTITIES[self.name].cause

    @property
    def is_root(self) -> bool:
        """Whether it is set as such, and does not follow from other settings."""
        return self.decides and self.name not in RESULTS

    @property
    def words(self) -> str:
        """Both sides' values, with the names under which they are set."""
        quantity = QUANTITIES[self.name]
        names = ", ".join(x for x in (quantity.path, quantity.flag) if x)
        unit = f" {self.unit}" if self.unit else ""
        told = f"{self.label}: A {_shown(self.a)}, B {_shown(self.b)}{unit}"
        return f"{told} ({names})" if names else told


@dataclass(frozen=True, eq=False)
class Closure:
    """What both sides come to once the faults are mended and B is given A's settings.

    Attributes
    ----------
    mended : dict of str to dict
        For "A" and "B": key to value, of what had to be recomputed.
    stopped : str
        First key that cannot be recomputed because a side does not show enough, or empty.
    differing : list of str
        Keys that still differ.
    lost : list of str
        Every key that cannot be recomputed.
    judged : bool
        Whether every other key that both sides show was followed.
    """

    mended: dict[str, dict[str, tuple[float, ...]]]
    stopped: str
    differing: list[str]
    lost: list[str] = field(default_factory=list)
    judged: bool = True


@dataclass(frozen=True, eq=False)
class Look:
    """A difference, looked at from one side.

    Attributes
    ----------
    label : str
        The side.
    shown, right : ndarray
        What it shows, and what would be right: from its own upstream keys for a local fault, with
        the other side's settings for a cause.
    follows : bool
        Whether what it shows is known to follow from its own keys and settings.
    """

    label: str
    shown: Array
    right: Array
    follows: bool = False


@dataclass(frozen=True, eq=False)
class Fault:
    """A difference that begins at a key.

    Attributes
    ----------
    key, block : str, int
        Where.
    looks : tuple of Look
        From the side at fault; from B and from A where it is not clear which deviates.
    used : bool or None
        Whether the side's downstream keys went on from what it shows.
    borrowed : tuple of str
        Facts taken from the other side to recompute it.
    doubt : float
        Relative uncertainty of what would be right.
    """

    key: str
    block: int
    looks: tuple[Look, ...]
    used: bool | None = None
    borrowed: tuple[str, ...] = ()
    doubt: float = 0.0

    @property
    def side(self) -> str:
        """The side at fault, empty where that is not clear."""
        return self.looks[0].label if len(self.looks) == 1 else ""

    @property
    def deviation(self) -> float:
        """How far what is shown is from what would be right, relative to its size."""
        look = self.looks[0]
        return relative_difference(look.shown, look.right)

    @property
    def kind(self) -> str:
        """What stands in the report."""
        return "local fault" if self.side else "cause"

    @property
    def note(self) -> str:
        """One line for the table."""
        return f"{self.side}'s own upstream keys give {self._wanted}"

    @property
    def _wanted(self) -> str:
        right = self.looks[0].right
        size = float(np.linalg.norm(right))
        if self.doubt <= 1e-8 or size == 0.0:
            return short(right)
        return f"{short(right, 6)} (±{self.doubt * size:.1g})"

    @property
    def remark(self) -> str:
        """What the log tells of whether the image is affected."""
        if not self.side:
            return ""
        remark = {
            False: f"Only the printing is at fault: what follows in {self.side} rests on "
            f"{self._wanted}.",
            True: f"{self.side} went on with the printed value.",
            None: f"Whether {self.side} went on with the printed value cannot be told from it.",
        }[self.used]
        said = [QUANTITIES[name].label for name in self.borrowed if name in QUANTITIES]
        if said:
            remark += f" (Not said by {self.side}, taken from the other side: {', '.join(said)}.)"
        return remark


def _shown(fact: Fact | None) -> str:
    text = "not said" if fact is None else str(fact)
    return text if len(text) <= 60 else f"{text[:57]}..."


def short(value: Array | None, digits: int = 9) -> str:
    """Return numbers in a few digits."""
    return "nothing" if value is None else " ".join(f"{x:.{digits}g}" for x in value)


def as_tuple(value: Array | None) -> tuple[float, ...] | None:
    """Return plain numbers."""
    return None if value is None else tuple(value.tolist())


def relative_difference(a: Array, b: Array) -> float:
    """Return the distance of two values relative to the larger one."""
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return 0.0 if np.array_equal(a, b, equal_nan=True) else float("inf")
    size = max(float(np.linalg.norm(a)), float(np.linalg.norm(b)))
    return float(np.linalg.norm(a - b)) / size if size else 0.0


def listed(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

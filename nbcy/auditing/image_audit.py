"""Why two images differ, where what made them can be run.

First each run is to reproduce its image. Then the settings in which the runs differ, quirks among
them, are changed one by one, and each is given its share of the squared difference. Last, the worst
pixels are audited.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nbcy.auditing.configurations import differences, shown
from nbcy.auditing.relation_values import Array, is_whole
from nbcy.auditing.relations import Relation, find_relation
from nbcy.base.errors import NbcyError, NbcyWarning, UsageError
from nbcy.config.quirks import QUIRKS

if TYPE_CHECKING:
    from nbcy.auditing.report import AuditReport
    from nbcy.config import Config
    from nbcy.render.simulator import Simulator

NOTABLE: Final = 0.01
"""Share of the squared difference from which a change is named."""

TRACE: Final = 1e-9
"""The same of settings that are known to differ."""

PIXELS: Final = 3
"""How many of the worst pixels are audited."""

PATIENCE: Final = 120.0
"""Seconds after which no further setting is tried."""

_APART = 4
_MOST_CHANGES = 8
_VALUES = frozenset({"scale", "offset", "rounding", "saturation", "poisson", "redrawn"})


@dataclass(frozen=True, eq=False)
class Change:
    """A change to a run.

    Attributes
    ----------
    words : str
        What is changed.
    overrides : dict
        For `Config.with_overrides`.
    quirk : str
        Name of a quirk that is switched on, or off where it was on.
    share : float
        Of the squared difference that goes with it, after the changes before it.
    """

    words: str
    overrides: dict[str, Any] = field(default_factory=dict)
    quirk: str = ""
    share: float = 0.0

    def applied_to(self, config: Config) -> Config | None:
        """Return a configuration with the change; None where it cannot have it."""
        overrides = dict(self.overrides)
        if self.quirk:
            overrides["quirks"] = sorted(config.quirks ^ {self.quirk})
        try:
            return config.with_overrides(overrides)
        except NbcyError:
            return None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        quirk = {"quirk": self.quirk} if self.quirk else {}
        return {"words": self.words, "share": self.share, **quirk, "overrides": self.overrides}


@dataclass(frozen=True, eq=False)
class Origin:
    """Whether an image was made by a run.

    Attributes
    ----------
    label, name : str
        "A" or "B", and the file.
    relation : Relation or None
        Of the run's image to the file's; None where there is none.
    changes : tuple of Change
        With which the run comes nearer to the image.
    made : bool
        Whether it reproduces the image, with the changes.
    """

    label: str
    name: str
    relation: Relation | None
    changes: tuple[Change, ...]
    made: bool

    def to_text(self) -> str:
        """Return it for people."""
        if self.made and not self.changes:
            return f"{self.label} was made by its command{self._how()}."
        words = [f"{change.words} ({change.share:.1%})" for change in self.changes]
        with_these = ", ".join(words)
        if self.made:
            return (
                f"{self.label} was not made by its command as it stands, but it is with: "
                f"{with_these}{self._how()}."
            )
        text = f"{self.label} was not made by this command: {self.name} is another image."
        if self.relation is not None:
            text += " " + self.relation.to_text("What the command makes", self.label)
        if words:
            text += f" It comes nearer with: {with_these}."
        return text

    def _how(self) -> str:
        if self.relation is None or not self.relation.steps:
            return ""
        return " (" + ", ".join(step.words for step in self.relation.steps) + ")"


@dataclass(frozen=True, eq=False)
class ImageAudit:
    """Why two images differ.

    Attributes
    ----------
    origins : tuple of Origin
        Of the sides that are images with a run.
    causes : tuple of Change
        What turns A's run into B's, by the share of the squared difference.
    rest : float
        Share of the squared difference that is left.
    pixels : tuple
        (slow, fast), share of the squared difference there, and the audit of each worst pixel.
    notes : tuple of str
        What was not tried.
    """

    origins: tuple[Origin, ...]
    causes: tuple[Change, ...]
    rest: float
    pixels: tuple[tuple[tuple[int, int], float, AuditReport], ...] = ()
    notes: tuple[str, ...] = ()

    def to_text(self) -> str:
        """Return it for people: where from, why, and the worst pixels."""
        lines = [origin.to_text() for origin in self.origins]
        if self.causes:
            what = "A into B" if all(o.made for o in self.origins) else "A's run into B"
            lines.append(f"What turns {what}, with its share of the squared difference:")
            lines += [f"  {_percent(cause.share)}  {cause.words}" for cause in self.causes]
            lines.append(f"  {_percent(self.rest)}  not explained")
        elif self.rest:
            lines.append("No change that was tried turns A into B.")
        lines += self.notes
        if self.pixels:
            total = sum(share for _, share, _ in self.pixels)
            many = f"{len(self.pixels)} worst pixels" if len(self.pixels) > 1 else "worst pixel"
            lines.append(f"The {many} ({total:.2%} of the squared difference):")
            lines += [f"  {line}" for line in self._pixel_lines()]
        lines.append(f"Verdict: {self.verdict}")
        return "\n".join(lines) + "\n"

    @property
    def verdict(self) -> str:
        """Why the images differ, in one sentence."""
        told = [
            f"{origin.label} has {change.words}, {change.share:.1%} of what its command lacks"
            for origin in self.origins
            for change in origin.changes
            if origin.made
        ]
        foreign = [o.label for o in self.origins if not o.made]
        told += [f"{label} is not what its command makes" for label in foreign]
        if not foreign:
            known = " ".join(told)
            told += [
                f"{cause.words}, {cause.share:.1%} of the squared difference"
                for cause in self.causes
                if not any(name in known and name in cause.words for name in QUIRKS)
            ]
        return ("; ".join(told) or "not found") + "."

    def _pixel_lines(self) -> Iterator[str]:
        for (slow, fast), share, report in self.pixels:
            named = [
                f"{finding.cause}{f' ({finding.side})' if finding.side else ''}: {finding.title}"
                for finding in report.findings
            ]
            why = "; ".join(named) or "the traces agree"
            yield f"slow {slow}, fast {fast}, {share:.2%}: {why}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "origins": [
                {
                    "side": origin.label,
                    "made": origin.made,
                    "relation": origin.relation.to_dict() if origin.relation else None,
                    "changes": [change.to_dict() for change in origin.changes],
                }
                for origin in self.origins
            ],
            "causes": [change.to_dict() for change in self.causes],
            "unexplained": self.rest,
            "pixels": [
                {"pixel": pixel, "share": share, "causes": [f.cause for f in report.findings]}
                for pixel, share, report in self.pixels
            ],
            "notes": list(self.notes),
        }


def _percent(share: float) -> str:
    small = 0.0 < abs(share) < 5e-5
    return f"{f'{100.0 * share:.1g}%' if small else f'{share:.2%}':>7}"


@dataclass(eq=False)
class Side:
    """An image and what is said to have made it.

    Attributes
    ----------
    label, name : str
    pixels : ndarray, shape (slow, fast)
    config : Config or None
        Of its run.
    rendered : bool
        Whether the pixels are the run's own.
    """

    label: str
    name: str
    pixels: Array
    config: Config | None
    rendered: bool


@dataclass(eq=False)
class _Bench:
    """Renders configurations, until patience ends."""

    started: float = field(default_factory=time.monotonic)
    skipped: int = 0
    _done: dict[str, Array | None] = field(default_factory=dict)

    def render(self, config: Config) -> Array | None:
        """Return the image of a configuration; None where it cannot be, or time is over."""
        key = config.to_json()
        if key not in self._done:
            if self._done and time.monotonic() - self.started > PATIENCE:
                self.skipped += 1
                return None
            self._done[key] = rendered(config)
        return self._done[key]


def simulator_of(config: Config) -> Simulator:
    """Return a simulator that does not warn again of what was warned of."""
    from nbcy.render.simulator import Simulator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NbcyWarning)
        return Simulator(config)


def rendered(config: Config) -> Array | None:
    """Return the image of a configuration as float64; None where there is none such."""
    from nbcy.image.measuring import stacked_pixels

    try:
        simulator = simulator_of(config)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NbcyWarning)
            return stacked_pixels(simulator.run()).astype(np.float64)
    except NbcyError:
        return None


def audit_images(a: Side, b: Side, pixels: int = PIXELS) -> ImageAudit:
    """Find out why two images differ.

    Parameters
    ----------
    a, b : Side
        At least one with a run.
    pixels : int
        How many of the worst pixels to audit, where both have runs.

    Returns
    -------
    ImageAudit

    Raises
    ------
    UsageError
        A run that makes no image.
    """
    bench = _Bench()
    origins = []
    sides = []
    for side in (a, b):
        if side.config is None or side.rendered:
            sides.append(side)
            continue
        origin = find_origin(side, bench)
        origins.append(origin)
        config = side.config
        for change in origin.changes:
            config = change.applied_to(config) or config
        image = bench.render(config) if origin.made else None
        sides.append(replace(side, config=config, pixels=side.pixels if image is None else image))
    first, second = sides
    swapped = first.config is None
    if swapped:
        first, second = second, first
    target = second.pixels
    assert first.config is not None
    start = bench.render(first.config)
    if start is None:
        raise UsageError(f"{first.label}'s run makes no image")
    if second.config is not None:
        changes = list(_differences(first.config, second.config))
    else:
        changes = list(simple_changes(first.config))
    total = _squares(start, target)
    least = NOTABLE if second.config is None else TRACE
    causes, rest = _explain(first.config, changes, start, target, bench, least)
    if not causes and second.config is not None and total > 0.0:
        causes, rest = _explain_together(first.config, changes, start, target, bench)
    if swapped:
        causes = tuple(replace(each, words=f"{each.words} (in B's run)") for each in causes)
    notes = []
    if bench.skipped:
        notes.append(f"{bench.skipped} runs were not tried: {PATIENCE:g} s had passed.")
    audits: list[tuple[tuple[int, int], float, AuditReport]] = []
    if a.config is not None and b.config is not None and total > 0.0:
        audits = list(_worst_audits(sides, pixels, total))
    return ImageAudit(tuple(origins), causes, rest if total else 0.0, tuple(audits), tuple(notes))


def find_origin(side: Side, bench: _Bench) -> Origin:
    """Check that a run reproduces its image, and try what would make it do so."""
    assert side.config is not None
    image = bench.render(side.config)
    if image is None:
        return Origin(side.label, side.name, None, (), False)
    relation = find_relation(image, side.pixels)
    if _same(relation):
        return Origin(side.label, side.name, relation, (), True)
    if image.shape != side.pixels.shape:
        return Origin(side.label, side.name, relation, (), False)
    changes, _ = _explain(side.config, list(simple_changes(side.config)), image, side.pixels, bench)
    config = side.config
    for change in changes:
        config = change.applied_to(config) or config
    mended = bench.render(config) if changes else None
    if mended is not None and _same(better := find_relation(mended, side.pixels)):
        return Origin(side.label, side.name, better, changes, True)
    return Origin(side.label, side.name, relation, changes, False)


def _same(relation: Relation | None) -> bool:
    """Whether an image is a run's but for how values were stored."""
    return (
        relation is not None
        and relation.nearly is None
        and not relation.others
        and set(relation.kinds) <= _VALUES
    )


def simple_changes(config: Config) -> Iterator[Change]:
    """Yield quirks, and settings that programs and people differ in."""
    for name, effect in QUIRKS.items():
        words = f"without the quirk {name}" if name in config.quirks else f"the quirk {name}"
        yield Change(f"{words} ({effect})", quirk=name)
    for path, values in _TRIED.items():
        now = config.value(path)
        for value in values:
            if value != now:
                yield Change(f"{path} = {shown(value)}", {path: value})
    if config.spindle.phi_deg == 0.0:
        yield Change("spindle.phi_deg = 1e-12", {"spindle.phi_deg": 1e-12})


_TRIED: Final[dict[str, tuple[Any, ...]]] = {
    "beam.nopolar": (True, False),
    "beam.kahn_factor": (0.0, 1.0),
    "beam.dispersion_percent": (None,),
    "crystal.shape": ("square", "round", "gauss", "tophat"),
    "crystal.default_F": (0.0,),
    "crystal.mosaic_spread_deg": (None,),
    "crystal.misset_deg": (None,),
    "detector.point_pixel": (True, False),
    "detector.curved": (True, False),
    "detector.pivot": ("beam", "sample"),
    "detector.thickness_um": (None,),
    "detector.mask_file": (None,),
    "background.water_um": (0.0,),
    "spindle.osc_deg": (None,),
    "sampling.interpolate": (True, False),
    "sampling.oversample": (1, 2, 3),
    "sampling.oversample_omega": (True, False),
    "sampling.oversample_polar": (True, False),
    "sampling.oversample_thick": (True, False),
    "sampling.roi": (None,),
}
"""Settings that are tried, and their values."""


def _differences(a: Config, b: Config) -> Iterator[Change]:
    """Yield what changes a configuration into another, setting by setting."""
    for each in differences(a, b):
        if each.path == "quirks":
            yield Change(each.words, quirk=each.a or each.b)
        else:
            yield Change(each.words, {each.path: each.b})


def _squares(image: Array, target: Array) -> float:
    """Return the sum of squared differences, up to a scale where the target is of integers."""
    if image.shape != target.shape:
        return math.inf
    usable = np.isfinite(image) & np.isfinite(target)
    x, y = image[usable], target[usable]
    if is_whole(y) and not is_whole(x):
        norm = float(x @ x)
        x = x * (float(x @ y) / norm) if norm > 0.0 else x
    return float(((x - y) ** 2).sum())


def _explain(
    config: Config,
    changes: list[Change],
    image: Array,
    target: Array,
    bench: _Bench,
    least_share: float = NOTABLE,
) -> tuple[tuple[Change, ...], float]:
    """Take the change that explains most, then the next, and return the share that is left."""
    total = left = _squares(image, target)
    if not total > 0.0 or total == math.inf:
        return (), 0.0 if total == 0.0 else 1.0
    found: list[Change] = []
    while len(found) < _MOST_CHANGES and left > 0.1 * least_share * total:
        trials = [(_misfit(each.applied_to(config), target, bench), each) for each in changes]
        if not trials:
            break
        least = min(squares for squares, _ in trials)
        # Of changes that do the same the first is named: quirks come before settings.
        squares, change = next(t for t in trials if t[0] <= least + 1e-6 * total)
        if left - squares < least_share * total:
            break
        found.append(replace(change, share=(left - squares) / total))
        left, config = squares, change.applied_to(config) or config
        changes = [each for each in changes if each is not change]
    return tuple(found), left / total


def _explain_together(
    config: Config, changes: list[Change], image: Array, target: Array, bench: _Bench
) -> tuple[tuple[Change, ...], float]:
    """Find the fewest changes that must come together, where none helps alone."""
    total = _squares(image, target)

    def misfit(chosen: list[Change]) -> float:
        made: Config | None = config
        for change in chosen:
            made = None if made is None else change.applied_to(made)
        return _misfit(made, target, bench)

    left = misfit(changes)
    if total - left < NOTABLE * total:
        return (), 1.0
    needed = list(changes)
    for change in changes:
        fewer = [each for each in needed if each is not change]
        if misfit(fewer) <= left + NOTABLE * total:
            needed = fewer
    words = ", and ".join(each.words for each in needed)
    share = (total - left) / total
    return (Change(words, {}, share=share),), 1.0 - share


def _misfit(config: Config | None, target: Array, bench: _Bench) -> float:
    image = None if config is None else bench.render(config)
    return math.inf if image is None else _squares(image, target)


def _worst_audits(
    sides: list[Side], count: int, total: float
) -> Iterator[tuple[tuple[int, int], float, AuditReport]]:
    """Audit the worst pixels that are some way apart."""
    from nbcy.auditing import audit

    configs = [side.config for side in sides]
    assert configs[0] is not None
    assert configs[1] is not None
    first, second = (simulator_of(config) for config in configs if config is not None)
    if len(first.scene.panels) > 1 or len(second.scene.panels) > 1:
        return
    squared = np.nan_to_num((sides[0].pixels - sides[1].pixels) ** 2)
    for _ in range(count):
        slow, fast = (int(n) for n in np.unravel_index(int(squared.argmax()), squared.shape))
        share = float(squared[slow, fast]) / total
        if not share > 0.0:
            return
        yield (slow, fast), share, audit(first, second, pixel=(slow, fast))
        near = tuple(slice(max(0, n - _APART), n + _APART + 1) for n in (slow, fast))
        squared[near] = 0.0

"""One model for the whole chain: what both sides come to once what was named is mended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nbcy.auditing.causality import CHAIN
from nbcy.auditing.expected import expect, scale_of
from nbcy.auditing.hypotheses import STAR_KEYS
from nbcy.auditing.records import Closure
from nbcy.auditing.rules import RULES
from nbcy.auditing.side import Array
from nbcy.render.vocabulary import KEYS

if TYPE_CHECKING:
    from nbcy.auditing.engine import Comparison

Chain = dict[tuple[str, int], Array]


def close(comparison: Comparison) -> Closure:
    """Mend both sides' faults, give B A's settings, and follow both to the end of the chain."""
    chains: dict[str, Chain] = {}
    doubts: dict[str, dict[str, float]] = {"A": {}, "B": {}}
    lost: set[str] = set()
    for label in "AB":
        chains[label], missing = _mend(comparison, label, doubts[label])
        lost |= missing
    stopped = min(lost, key=CHAIN.index, default="")
    differing = [
        key for key in CHAIN if key not in lost and _differs(comparison, chains, doubts, key)
    ]
    mended = {label: _changed(comparison, label, chain) for label, chain in chains.items()}
    judged = all(
        (key, i) in chains[label]
        for label in "AB"
        for key in CHAIN
        if key not in lost
        for i in [max(comparison.side_of(label).blocks - 1, 0) if KEYS[key].per_block else 0]
        if comparison.a.printed(key) is not None and comparison.b.printed(key) is not None
    )
    return Closure(mended, stopped, differing, sorted(lost, key=CHAIN.index), judged)


def _differs(
    comparison: Comparison,
    chains: dict[str, Chain],
    doubts: dict[str, dict[str, float]],
    key: str,
) -> bool:
    ends = []
    for label in "AB":
        last = max(comparison.side_of(label).blocks - 1, 0) if KEYS[key].per_block else 0
        ends.append(chains[label].get((key, last)))
    if ends[0] is None or ends[1] is None or comparison.same(key, ends[0], ends[1]):
        return False
    doubt = max(doubts["A"].get(key, 0.0), doubts["B"].get(key, 0.0))
    far = np.abs(ends[0] - ends[1])
    return not bool(np.all(far <= doubt * scale_of(key, ends[0], ends[1])))


def _changed(comparison: Comparison, label: str, chain: Chain) -> dict[str, tuple[float, ...]]:
    side = comparison.side_of(label)
    mended: dict[str, tuple[float, ...]] = {}
    for (key, i), value in reversed(chain.items()):
        before = side.printed(key, i)
        if key not in mended and before is not None and not np.array_equal(before, value):
            mended[key] = tuple(value.tolist())
    return mended


def _mend(comparison: Comparison, label: str, doubts: dict[str, float]) -> tuple[Chain, set[str]]:
    """Recompute a side's chain; return its values, and the keys that cannot be followed."""
    side = comparison.side_of(label)
    other = comparison.side_of("B" if label == "A" else "A")
    chain: Chain = {}
    changed: set[str] = set()
    lost: set[str] = set()
    if comparison.a.blocks != comparison.b.blocks:
        lost.add("pixel_pos_meters")  # sub-pixels and layers that the other side does not have
    for key in CHAIN:
        inputs = set(KEYS[key].depends)
        for i in range(side.blocks if KEYS[key].per_block else 1):
            value = side.used(key, i)
            if value is None:
                continue
            at_fault = comparison.is_at_fault(label, key, i)
            # B is given A's settings; A keeps its own.
            switched = label == "B" and comparison.is_settled(key, i)
            if key in STAR_KEYS:
                inputs = set()  # what a program starts from; the rotated cell only confirms them
            if not (switched or at_fault or inputs & (changed | lost)):
                chain[key, i] = value
                continue
            theirs = other.used(key, min(i, max(other.blocks - 1, 0)))
            rule = None
            given = switched and (not inputs or key in STAR_KEYS)
            if key in RULES and not given and not inputs & lost:
                rule = expect(key, side, other, i, chain, doubts, crossed=label == "B")
            if rule is not None:
                own = value
                value = rule.nearest(value if theirs is None else theirs)
                if switched and theirs is not None and not inputs & changed:
                    # What the other side does not state cannot be given: its number stands for it.
                    value = theirs if comparison.same(key, value, own) else value
                doubts[key] = max(doubts.get(key, 0.0), rule.doubt(value))
            elif switched and theirs is not None and (given or not inputs & lost):
                value = theirs
            else:
                lost.add(key)
                break
            changed.add(key)
            chain[key, i] = value
    return chain, lost

"""What each side says of its own settings, and what a stated difference explains.

What both sides state comes before any cause that is fitted to numbers. What a side does not state
is borrowed from the other one to recompute its keys, and never makes it guilty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from nbcy.auditing.implied import oversample, possible_cells
from nbcy.auditing.records import FactRow, Fault, Finding, Row, Verdict, relative_difference, short
from nbcy.auditing.side import Side
from nbcy.auditing.view import View
from nbcy.render.facts import Fact, same_fact
from nbcy.render.vocabulary import FOLLOWS, QUANTITIES


def compare_experiments(a: Side, b: Side) -> list[FactRow]:
    """Compare what the sides say, or imply, about their experiments (trace 3.1)."""
    facts = [{**side.implied(), **side.trace.facts} for side in (a, b)]
    for known, side in zip(facts, (a, b), strict=True):
        if "oversample" not in known and side.blocks > 1:
            known["oversample"] = Fact((float(oversample(View(side, side))),), 0.0, "keys")
    rows = []
    for name, quantity in QUANTITIES.items():
        left, right = facts[0].get(name), facts[1].get(name)
        if left is None and right is None:
            continue
        same = None if left is None or right is None else same_fact(left, right)
        rows.append(FactRow(name, quantity.label, quantity.unit, left, right, same))
    return rows


def agreed_settings(experiment: Sequence[FactRow]) -> set[str]:
    """Return the settings that both sides state, and state alike."""
    return {row.name for row in experiment if row.same is True and row.said}


def told(experiment: Sequence[FactRow], key: str) -> list[FactRow]:
    """Return the settings that bear on a key and that the sides state differently."""
    differing = {row.name: row for row in experiment if row.same is False and row.said}
    bearing = [row for name, row in differing.items() if key in QUANTITIES[name].bears]
    roots = [row for row in bearing if not differing.keys() & set(FOLLOWS.get(row.name, ()))]
    followed = {
        other
        for row in bearing
        for other in FOLLOWS.get(row.name, ())
        if other in differing and not differing.keys() & set(FOLLOWS.get(other, ()))
    }
    names = {row.name for row in roots} | followed
    return [differing[name] for name in QUANTITIES if name in names]


def stated_differences(
    rows: Sequence[FactRow], fault: Fault, experiment: Sequence[FactRow]
) -> list[Finding]:
    """Return the findings that settings which both sides state differently amount to."""
    findings: dict[str, Finding] = {}
    for row in rows:
        quantity = QUANTITIES[row.name]
        flag = " or ".join(x for x in (quantity.flag, quantity.path) if x)
        finding = findings.get(row.cause)
        if finding is None:
            finding = findings[row.cause] = Finding(
                cause=row.cause,
                title=f"the sides state a different {row.label}",
                side="",
                keys=[fault.key],
                kind="cause",
                arithmetic=[],
                fix=f"give both sides the same {row.label}" + (f": {flag}" if flag else ""),
            )
        finding.arithmetic.append(row.words)
    look = fault.looks[0]
    for finding in findings.values():
        if len(look.shown) == 1 and len(findings) == 1 and look.right[0] not in (0.0,):
            shown = {fault.looks[-1].label: fault.looks[-1].shown, look.label: look.shown}
            finding.arithmetic.append(
                f"{fault.key}: A {short(shown.get('A'))}, B {short(shown.get('B'))}"
            )
    del experiment
    return list(findings.values())


_NEVER_GUESSED: Final = frozenset({"hkl_file"})


def not_decidable(fault: Fault, side: Side) -> Finding | None:
    """Return the finding for a value that rests on what its side does not state.

    Parameters
    ----------
    fault : Fault
        A local fault that nothing explains.
    side : Side
        Whose.
    """
    borrowed = [name for name in fault.borrowed if name in QUANTITIES]
    needed = [name for name in borrowed if fault.key in QUANTITIES[name].bears]
    if not needed:
        return None
    labels = ", ".join(QUANTITIES[name].label for name in needed)
    look = fault.looks[0]
    lines = [
        f"{fault.side} shows {short(look.shown)}; with the other side's {labels} it would be "
        f"{short(look.right)}"
    ]
    if "cells" in needed and fault.key.startswith("F_latt_"):
        axis = "abc".index(fault.key[-1])
        fitting = possible_cells(View(side, side), axis)[0]
        if fitting:
            many = " or ".join(str(n) for n in fitting[:4])
            lines.append(f"N = {many} would give {fault.side}'s {fault.key}")
    return Finding(
        cause=QUANTITIES[needed[0]].cause,
        title=f"not decidable from this log: {fault.side}'s {fault.key} rests on {labels}, "
        f"which {fault.side} does not state",
        side="",
        keys=[fault.key],
        kind="not decidable",
        arithmetic=lines,
        fix=f"print {labels} of {fault.side}",
    )


def unexplained(fault: Fault, experiment: Sequence[FactRow]) -> Finding:
    """Return the finding for a difference that no hypothesis explains."""
    look = fault.looks[0]
    ratio = ""
    if len(look.right) == 1 and look.right[0] != 0.0:
        ratio = f", {look.shown[0] / look.right[0]:.9g} times it"
    if fault.side:
        title = f"{fault.side}'s {fault.key} does not follow from {fault.side}'s own keys"
        lines = [
            f"{fault.side} shows {short(look.shown)}; its own keys give {short(look.right)}{ratio}"
        ]
    else:
        title = f"{fault.key} differs, and no hypothesis explains it"
        other = fault.looks[1]
        moved = not np.array_equal(look.right, other.shown)
        own = f" ({short(look.right)} with A's settings)" if moved else ""
        lines = [f"A {short(other.shown)}, B {short(look.shown)}{own}{ratio}"]
        differing = [row.label for row in experiment if row.same is False and row.said]
        if differing:
            lines.append(f"settings in which the sides say they differ: {', '.join(differing)}")
    if any(np.isnan(each.shown).any() for each in fault.looks):
        lines.append("not a number")
    if any(np.isinf(each.shown).any() for each in fault.looks):
        lines.append("infinite: something before it was divided by zero")
    return Finding(
        "unexplained", title, fault.side, [fault.key], fault.kind, lines, "", fault.remark
    )


def unknown_rows(a: Side, b: Side) -> list[Row]:
    """Compare what both sides print under names that nbcy has no formula for."""
    rows = []
    eps = max(1e-9, min(4.0 * max(a.precision.eps, b.precision.eps), 1e-5))
    for name in a.trace.extras:
        left, right = a.trace.extras[name], b.trace.extras.get(name)
        if right is None or len(left) != len(right):
            continue
        relative = relative_difference(np.array(left), np.array(right))
        verdict: Verdict = "agrees" if relative <= eps else "unverifiable"
        note = "" if verdict == "agrees" else "nbcy does not know this key"
        rows.append(Row(name, 0, left, right, relative, verdict, "", note))
    return rows

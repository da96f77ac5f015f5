"""The ending that one can use: at most five lines, before anything else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from nbcy.auditing.records import FactRow, Finding, Row
from nbcy.render.vocabulary import KEYS

if TYPE_CHECKING:
    from nbcy.auditing.report import AuditReport

_APART: Final = {"cell": 1e-3, "wavelength": 1e-3, "cells": 0.0, "distance": 0.1, "shape": 0.0}
"""Settings that make two experiments of one, and how far they may differ without doing so."""


def different_experiments(rows: Sequence[FactRow]) -> list[str]:
    """Return at most three lines on what makes two experiments of the sides, none where nothing."""
    apart = [row for row in rows if row.name in _APART and row.same is False and _far(row)]
    if not apart:
        return []
    names = ", ".join(row.label for row in apart)
    words = [row.words for row in apart]
    lines = [f"Two different experiments: the sides differ in {names}.", "; ".join(words[:3]) + "."]
    return [*lines, "What follows from that is no fault of a program; make them one experiment."]


def _far(row: FactRow) -> bool:
    assert row.a is not None
    assert row.b is not None
    if isinstance(row.a.value, str) or isinstance(row.b.value, str):
        return row.a.value != row.b.value
    if len(row.a.value) != len(row.b.value):
        return True
    limit = _APART[row.name]
    return any(
        abs(x - y) > limit * max(abs(x), abs(y))
        for x, y in zip(row.a.value, row.b.value, strict=True)
    )


def verdict_lines(report: AuditReport) -> Iterator[str]:
    """Yield at most five lines: what differs first, why, on whose side, what to do, how sure."""
    first = report.first_divergence
    causes = [finding for finding in report.findings if finding.cause != "precision"]
    if first is None and causes:
        yield f"The sides diverge in what they state: {causes[0].cause}: {causes[0].title}."
        yield f"{causes[0].arithmetic[0]}."
        yield f"What to do: {causes[0].fix}."
        yield f"How sure: both state it; no key that both show depends on it ({len(causes)} such)."
        return
    if first is None:
        yield _agreement(report)
        if report.findings:
            yield f"{report.findings[0].title}."
        elif report.runs:
            yield f"The runs differ, without effect on this pixel, in {_runs(report)}."
        elif (stated := _stated(report)) and report.rows:
            yield f"Stated differently, without effect here: {stated}."
        return
    where = f", block {first.block + 1}" if first.block else ""
    a, b = (_numbers(values) for values in (first.a, first.b))
    yield (
        f"The sides diverge. First in causal order: {first.key}{where} ({first.verdict}): "
        f"A {a}, B {b}."
    )
    finding = _first_finding(report, first)
    if finding is None:
        yield f"Why: {first.note or 'nothing in these logs tells'}."
        return
    rest = len(report.findings) - 1
    more = f" ({rest} more below)" if rest > 0 else ""
    yield f"Why: {finding.cause}: {finding.title}{more}."
    if report.runs:
        yield f"The runs differ in {_runs(report)}."
    else:
        yield f"On whose side: {_whose(finding)}."
    if finding.fix:
        yield f"What to do: {finding.fix}."
    yield f"How sure: {_sureness(report)}."


def _runs(report: AuditReport) -> str:
    more = f"; and {len(report.runs) - 3} more below" if len(report.runs) > 3 else ""
    return "; ".join(each.words for each in report.runs[:3]) + more


def _agreement(report: AuditReport) -> str:
    judged = [row for row in report.rows if row.verdict != "not shown"]
    if not judged:
        return "No key is shown by both sides; only what they say of their settings is compared."
    return f"The sides agree within tolerance: {len(judged)} shared keys, all of them judged."


def _stated(report: AuditReport) -> str:
    rows = [row for row in report.experiment if row.same is False and row.said]
    return "; ".join(row.words for row in rows[:3])


def _first_finding(report: AuditReport, first: Row) -> Finding | None:
    return next(
        (finding for finding in report.findings if first.key in finding.keys),
        report.findings[0] if report.findings else None,
    )


def _whose(finding: Finding) -> str:
    if finding.kind == "not decidable":
        return "not decidable from these logs"
    if not finding.side:
        return "either: only the relation of the two is known"
    how = "a fault of its own" if finding.kind == "local fault" else "it is the one that deviates"
    return f"{finding.side}, {how}"


def _sureness(report: AuditReport) -> str:
    shared = [row for row in report.rows if row.a is not None and row.b is not None]
    words = f"{len(shared)} of {len(KEYS) - 1} keys are shown by both"
    names = [precision.name for precision in report.precisions]
    words += f", A in {names[0]}, B in {names[1]}" if names[0] != names[1] else f", in {names[0]}"
    closure = report.closure
    if closure is not None and not closure.differing and not closure.lost and closure.judged:
        return f"{words}; what is named explains every one of them"
    if closure is not None and closure.differing:
        return f"{words}; {len(closure.differing)} still differ after what is named"
    if closure is not None and closure.lost:
        return f"{words}; from {closure.lost[0]} on too little is shown to recompute"
    return words


def _numbers(values: tuple[float, ...] | None) -> str:
    if values is None:
        return "not shown"
    return " ".join(f"{x:.{9 if len(values) == 1 else 6}g}" for x in values)

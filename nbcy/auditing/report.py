"""The outcome of an audit, as a table for the terminal, as Markdown, and as JSON."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from nbcy.auditing.configurations import Difference
from nbcy.auditing.records import Closure, FactRow, Finding, Row
from nbcy.auditing.side import Precision
from nbcy.auditing.verdict import different_experiments, verdict_lines
from nbcy.render.vocabulary import KEYS

COLOURS: Final = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "dim": "2"}
VERDICT_COLOUR: Final = {
    "agrees": "dim",
    "rounding": "dim",
    "cause": "red",
    "local fault": "red",
    "undecidable": "yellow",
    "inherited": "yellow",
    "unverifiable": "yellow",
    "not shown": "cyan",
}
VERDICT_MEANING: Final = {
    "cause": "differs by itself: nothing upstream explains it",
    "local fault": "does not follow from the same side's own upstream keys",
    "undecidable": "rests on a setting that the side does not state",
    "inherited": "follows from upstream keys that differ",
    "unverifiable": "downstream of a difference, but not all it rests on is shown",
    "rounding": "differences within tolerance upstream, carried on",
    "not shown": "one side does not print it",
}


@dataclass(frozen=True, eq=False, repr=False)
class AuditReport:
    """What an audit found.

    Attributes
    ----------
    names : tuple of str
        The sides.
    precisions : tuple of Precision
        How precise the numbers of each are.
    experiment : list of FactRow
        What each side says of its experiment.
    rows : list of Row
        Every key that a side shows, in causal order.
    findings : list of Finding
        Causes, in causal order; those that no hypothesis explains are named "unexplained".
    closure : Closure or None
        What the sides come to with everything mended.
    problems : tuple of list of str
        What is missing or odd in each side.
    extras : list of Row
        What both sides print under names that are not known.
    runs : list of Difference
        Settings in which the sides' configurations differ, where both were run.
    """

    names: tuple[str, str]
    precisions: tuple[Precision, Precision]
    experiment: list[FactRow]
    rows: list[Row]
    findings: list[Finding]
    closure: Closure | None
    problems: tuple[list[str], list[str]]
    extras: list[Row] = field(default_factory=list)
    runs: list[Difference] = field(default_factory=list)

    def __repr__(self) -> str:
        first = self.first_divergence
        found = "they agree" if first is None else f"diverge first in {first.key} ({first.verdict})"
        causes = ", ".join(finding.cause for finding in self.findings)
        return f"<nbcy.AuditReport: {' and '.join(self.names)}: {found}{causes and f'; {causes}'}>"

    @property
    def agrees(self) -> bool:
        """Whether the sides agree within tolerance."""
        return all(row.verdict in _QUIET for row in (*self.rows, *self.extras)) and not any(
            finding.cause != "precision" for finding in self.findings
        )

    @property
    def first_divergence(self) -> Row | None:
        """The first key in causal order that does not agree."""
        every = (*self.rows, *self.extras)
        return next((row for row in every if row.verdict not in _QUIET), None)

    @property
    def same_experiment(self) -> bool | None:
        """Whether the sides say the same of what decides an experiment; None: they say nothing."""
        from nbcy.render.vocabulary import QUANTITIES

        known = [row.same for row in self.experiment if QUANTITIES[row.name].decides]
        if False in known:
            return False
        return True if True in known else None

    @property
    def unexplained(self) -> list[Finding]:
        """Findings that no hypothesis explains."""
        return [finding for finding in self.findings if not finding.explained]

    @property
    def exit_status(self) -> int:
        """0 where the sides agree, 1 where they diverge."""
        return 0 if self.agrees else 1

    def row(self, key: str) -> Row:
        """Return the comparison of a key."""
        return next(row for row in self.rows if row.key == key)

    # Text ----------------------------------------------------------------------------------------

    def to_text(self, color: bool = False, full: bool = False) -> str:
        """Return the report for a terminal.

        Parameters
        ----------
        color : bool
            Use ANSI colours.
        full : bool
            List facts and keys that agree as well.
        """

        def paint(text: str, style: str) -> str:
            return f"\x1b[{COLOURS[style]}m{text}\x1b[0m" if color and style else text

        lines = [paint("Audit of a pixel", "bold")]
        for label, name, precision in zip("AB", self.names, self.precisions, strict=True):
            lines.append(f"  {label}  {name}  ({precision.name}: {precision.evidence})")
        if apart := different_experiments(self.experiment):
            lines += ["", *apart]
        lines += ["", paint("Verdict", "bold")]
        lines += [f"  {line}" for line in verdict_lines(self)]
        for number, finding in enumerate(self.findings, 1):
            lines += ["", *_finding_lines(number, finding, paint)]
        if self.closure is not None and self.findings and not self.agrees:
            lines += ["", paint("With what is named mended", "bold")]
            lines += [f"  {line}" for line in self._closure_lines()]
        if self.runs:
            lines += ["", paint("The runs differ in", "bold")]
            lines += [f"  {each.words}" for each in self.runs]
        lines += self._unknown_lines(full)
        if full:
            lines += ["", paint("Were these the same experiment?", "bold")]
            lines += [f"  {line}" for line in self._experiment_lines(full)]
            lines += ["", paint("Keys in causal order", "bold")]
            lines += list(self._key_lines(full, paint))
        elif not self.runs:
            lines += self._other_settings()
        lines += self._problem_lines(full)
        if not full and not self.agrees:
            lines += ["", "The table of keys and settings: --full"]
        return "\n".join(lines) + "\n"

    def _other_settings(self) -> list[str]:
        """Return what the sides state differently and no finding has named."""
        named = " ".join(line for finding in self.findings for line in finding.arithmetic)
        left = [
            row.words
            for row in self.experiment
            if row.same is False and row.said and row.words not in named and row.is_root
        ]
        return ["", "Also stated differently:", *(f"  {line}" for line in left[:8])] if left else []

    def _unknown_lines(self, full: bool) -> list[str]:
        """Return what both sides print under names that are not known."""
        shown = self.extras if full else [row for row in self.extras if row.verdict != "agrees"]
        lines = [
            f"  {row.key}: A {_numbers(row.a)}, B {_numbers(row.b)}, relative {row.relative:.3g}"
            for row in shown[: None if full else 12]
        ]
        if not lines:
            return []
        what = "Printed by both under names without a formula" + ("" if full else ", and different")
        return ["", f"{what}:", *lines]

    def _problem_lines(self, full: bool) -> list[str]:
        lines = [
            f"  {label}: {problem}"
            for label, problems in zip("AB", self.problems, strict=True)
            for problem in problems
            if full or not problem.startswith("not shown")
        ]
        shown = lines if full else [_cut(line, 160) for line in lines[:8]]
        if len(shown) < len(lines):
            shown.append(f"  and {len(lines) - len(shown)} more: --full")
        return ["", "What was read:", *shown] if lines else []

    def _experiment_lines(self, full: bool) -> Iterator[str]:
        verdict = self.same_experiment
        differing = [row for row in self.experiment if row.same is False]
        compared = [row for row in self.experiment if row.same is not None]
        if verdict is None:
            yield "Neither side says enough of itself to tell."
        elif verdict:
            yield f"As far as both say, yes: {len(compared)} settings agree."
        else:
            yield f"No: {len(differing)} of {len(compared)} settings that both show differ."
        for row in self.experiment if full else differing:
            mark = {True: " ", False: "≠", None: "?"}[row.same]
            a, b = ("not shown" if fact is None else str(fact) for fact in (row.a, row.b))
            yield f"{mark} {row.label:<26} A {_cut(a, 38):<39} B {_cut(b, 38)} {row.unit}".rstrip()
        if not full:
            for label, only in (
                ("A", [row.label for row in self.experiment if row.b is None]),
                ("B", [row.label for row in self.experiment if row.a is None]),
            ):
                if only:
                    text = f"said by {label} only: {', '.join(only)}"
                    yield from textwrap.wrap(text, 96, subsequent_indent="  ")

    def _key_lines(self, full: bool, paint: Any) -> Iterator[str]:
        yield f"  {'key':<23} {'A':<37} {'B':<37} {'rel. diff':>9}  verdict"
        shown = [row for row in self.rows if full or row.verdict not in ("agrees", "rounding")]
        for row in shown:
            who = f" {row.side}" if row.side else ""
            verdict = paint(f"{row.verdict}{who}", VERDICT_COLOUR[row.verdict])
            a, b = (_numbers(values) for values in (row.a, row.b))
            relative = "" if math.isnan(row.relative) else f"{row.relative:.3g}"
            note = f": {row.note}" if row.verdict in ("inherited", "unverifiable") else ""
            yield f"  {row.key:<23} {a:<37} {b:<37} {relative:>9}  {verdict}{note}"
        quiet = len(self.rows) - len(shown)
        if quiet:
            yield f"  {quiet} more keys agree"
        used = dict.fromkeys(row.verdict for row in shown if row.verdict in VERDICT_MEANING)
        for verdict in used:
            yield f"  ({verdict}: {VERDICT_MEANING[verdict]})"

    def _closure_lines(self) -> Iterator[str]:
        assert self.closure is not None
        yield "(local faults of either side mended; for causes, B is given A's settings)"
        for key in ("F_latt", "F_cell", "I_before_scaling", "polar", "I_pixel_final"):
            ends = []
            for label, row_value in zip("AB", self._ends(key), strict=True):
                mended = self.closure.mended[label].get(key)
                if mended is not None or row_value is not None:
                    ends.append(
                        f"{label} {_numbers(mended or row_value)}" + (" (mended)" if mended else "")
                    )
            if any("mended" in end for end in ends):
                yield f"{key:<18} " + "   ".join(ends)
        if self.closure.differing:
            yield f"Still different, and not explained: {', '.join(self.closure.differing)}."
        if self.closure.lost:
            yield (
                f"To recompute {', '.join(self.closure.lost[:4])} more would have to be shown"
                + ("." if self.closure.differing else "; all else then agrees.")
            )
        elif not self.closure.differing and self.closure.judged:
            shared = {row.key for row in self.rows if row.a is not None and row.b is not None}
            if "I_pixel_final" in shared:
                yield "The sides then agree to the last key, within what their digits allow."
            else:
                yield "Every key that both show then agrees; the pixel itself is not shown."

    def _ends(self, key: str) -> tuple[Any, Any]:
        row = next((row for row in self.rows if row.key == key), None)
        return (None, None) if row is None else (row.a, row.b)

    # Markdown and JSON ---------------------------------------------------------------------------

    def to_markdown(self) -> str:
        """Return the report as Markdown, with the whole table."""
        lines = ["# Audit of a pixel", ""]
        for label, name, precision, problems in zip(
            "AB", self.names, self.precisions, self.problems, strict=True
        ):
            lines.append(f"- **{label}**: `{name}`, {precision.name} ({precision.evidence})")
            lines += [f"  - {problem}" for problem in problems]
        lines += ["", "## Were these the same experiment?", ""]
        experiment = list(self._experiment_lines(False))
        lines += [experiment[0], ""]
        differing = [row for row in self.experiment if row.same is False]
        if differing:
            lines += _table(
                ("setting", "A", "B", "unit"),
                ((row.label, str(row.a), str(row.b), row.unit) for row in differing),
            )
        lines += ["", "## Keys in causal order", ""]
        lines += _table(
            ("key", "A", "B", "relative difference", "verdict"),
            (
                (
                    f"`{row.key}`",
                    _numbers(row.a),
                    _numbers(row.b),
                    "" if math.isnan(row.relative) else f"{row.relative:.3g}",
                    f"{row.verdict} {row.side}".strip() + (f": {row.note}" if row.note else ""),
                )
                for row in self.rows
            ),
        )
        lines += ["", "## Conclusion", "", *(f"- {line}" for line in verdict_lines(self))]
        if self.runs:
            lines += ["", "The runs differ in", "", *(f"- {each.words}" for each in self.runs)]
        for number, finding in enumerate(self.findings, 1):
            who = f" of {finding.side}" if finding.side else ""
            lines += ["", f"### {number}. {finding.cause}: {finding.title}", ""]
            lines.append(
                f"{finding.kind}{who}; keys: {', '.join(f'`{key}`' for key in finding.keys)}"
            )
            lines += ["", *(f"- {line}" for line in finding.arithmetic)]
            if finding.fix:
                lines.append(f"- fix: {finding.fix}")
            if finding.note:
                lines.append(f"- {finding.note}")
        if self.closure is not None and self.findings:
            lines += [
                "",
                "## With all of this mended",
                "",
                *(f"- {x}" for x in self._closure_lines()),
            ]
        return "\n".join(lines) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        first = self.first_divergence
        return {
            "agrees": self.agrees,
            "first_divergence": None if first is None else first.key,
            "same_experiment": self.same_experiment,
            "sides": {
                label: {
                    "name": name,
                    "precision": precision.name,
                    "evidence": precision.evidence,
                    "problems": problems,
                }
                for label, name, precision, problems in zip(
                    "AB", self.names, self.precisions, self.problems, strict=True
                )
            },
            "experiment": [
                {
                    "name": row.name,
                    "label": row.label,
                    "unit": row.unit,
                    "a": None if row.a is None else row.a.value,
                    "b": None if row.b is None else row.b.value,
                    "same": row.same,
                }
                for row in self.experiment
            ],
            "runs": [each.words for each in self.runs],
            "rows": [
                {
                    "key": row.key,
                    "unit": KEYS[row.key].unit,
                    "block": row.block,
                    "a": _finite(row.a),
                    "b": _finite(row.b),
                    "relative": row.relative if math.isfinite(row.relative) else None,
                    "verdict": row.verdict,
                    "side": row.side,
                    "note": row.note,
                }
                for row in self.rows
            ],
            "findings": [
                {
                    "cause": finding.cause,
                    "title": finding.title,
                    "kind": finding.kind,
                    "side": finding.side,
                    "keys": finding.keys,
                    "arithmetic": finding.arithmetic,
                    "fix": finding.fix,
                    "note": finding.note,
                }
                for finding in self.findings
            ],
            "closure": None
            if self.closure is None
            else {
                "mended": self.closure.mended,
                "stopped": self.closure.stopped,
                "differing": self.closure.differing,
            },
        }

    def to_json(self) -> str:
        """Return the report as JSON."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n"

    def _repr_markdown_(self) -> str:
        return self.to_markdown()

    def __str__(self) -> str:
        return self.to_text()


_QUIET: Final = ("agrees", "rounding", "not shown")


def _finding_lines(number: int, finding: Finding, paint: Any) -> Iterator[str]:
    who = f" [{finding.kind} of {finding.side}]" if finding.side else f" [{finding.kind}]"
    style = "red" if not finding.explained else "bold"
    yield paint(f"{number}. {finding.cause}: {finding.title}", style) + who
    yield f"   keys: {', '.join(finding.keys)}"
    yield from (f"   {line}" for line in finding.arithmetic)
    if finding.fix:
        yield f"   fix: {finding.fix}"
    if finding.note:
        yield f"   {finding.note}"


def _numbers(values: tuple[float, ...] | None) -> str:
    if values is None:
        return "not shown"
    digits = 9 if len(values) == 1 else 6
    return " ".join(f"{x:.{digits}g}" for x in values)


def _finite(values: tuple[float, ...] | None) -> list[float | str] | None:
    """Return numbers as JSON can hold them."""
    return None if values is None else [x if math.isfinite(x) else repr(x) for x in values]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows
    ]

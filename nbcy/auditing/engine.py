"""The comparison itself: key by key in causal order, each difference traced to where it began.

A key that differs is *inherited* when each side's value follows from its own upstream keys, a
*local fault* of a side whose value does not, and a *cause* when nothing upstream explains it: a
setting in which the sides differ. Where everything downstream went on from another number than the
printed one, only the printing is at fault, and the audit goes on from the other number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from nbcy.auditing.causality import CHAIN, CONSUMERS, SHALLOW, ancestors
from nbcy.auditing.closure import close
from nbcy.auditing.expected import TINY, Expected, expect, scale_of
from nbcy.auditing.formulas import nearest_F
from nbcy.auditing.hypotheses import CELL_KEYS, STAR_KEYS, Case, explain
from nbcy.auditing.implied import transported_origins
from nbcy.auditing.records import (
    Closure,
    FactRow,
    Fault,
    Finding,
    Look,
    Row,
    Verdict,
    as_tuple,
    listed,
    relative_difference,
    short,
)
from nbcy.auditing.settings import (
    agreed_settings,
    compare_experiments,
    not_decidable,
    stated_differences,
    told,
    unexplained,
    unknown_rows,
)
from nbcy.auditing.side import Array, Side, Tolerances
from nbcy.render.vocabulary import KEYS, QUANTITIES

NEGLIGIBLE: Final = 1e-6
"""Relative deviation from a side's own keys that is no fault where nothing explains it."""


@dataclass(eq=False)
class Comparison:
    """Two sides and everything found between them."""

    a: Side
    b: Side
    tolerances: Tolerances
    rows: list[Row] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    experiment: list[FactRow] = field(default_factory=list)
    closure: Closure | None = None
    extras: list[Row] = field(default_factory=list)
    _verdicts: dict[str, dict[int, Verdict]] = field(default_factory=dict)
    _at_fault: dict[tuple[str, int], str] = field(default_factory=dict)
    _causes: set[tuple[str, int]] = field(default_factory=set)

    def run(self) -> None:
        """Compare."""
        self.experiment = compare_experiments(self.a, self.b)
        with np.errstate(all="ignore"):  # what is tried on wrong numbers may well overflow
            rows = {key: self._compare(key) for key in CHAIN}
        self.rows = [row for key in KEYS if (row := rows[key]) is not None]
        self.rows = [
            row
            for row in self.rows
            if not KEYS[row.key].optional or (row.a, row.b) != ((0.0,), (0.0,))
        ]
        self.extras = unknown_rows(self.a, self.b)
        self._add_unseen()
        self._order_findings()
        if self.findings:
            with np.errstate(all="ignore"):
                self.closure = close(self)
        self._note_precision()

    def differing_keys(self) -> list[str]:
        """Keys whose values are not the same, in any block, without asking why."""
        wrong = []
        for key in CHAIN:
            for i in range(max(self.a.blocks, self.b.blocks) if KEYS[key].per_block else 1):
                ends = [
                    side.printed(key, min(i, side.blocks - 1) if KEYS[key].per_block else 0)
                    for side in (self.a, self.b)
                ]
                if (
                    ends[0] is not None
                    and ends[1] is not None
                    and not self._same(key, ends[0], ends[1])
                ):
                    wrong.append(key)
                    break
        return wrong

    # One key -------------------------------------------------------------------------------------

    def tolerance(self, key: str) -> float:
        """Relative tolerance for a key of this pair."""
        if KEYS[key].kind != "real":
            return 0.0
        return max(side.precision.tolerance(key, self.tolerances) for side in (self.a, self.b))

    def _same(self, key: str, a: Array, b: Array) -> bool:
        if len(a) != len(b):
            return False
        both_nan = np.isnan(a) & np.isnan(b)
        with np.errstate(invalid="ignore"):
            floor = TINY if self.a.precision.single or self.b.precision.single else 0.0
            floor += self.a.half(key) + self.b.half(key)
            near = np.abs(a - b) <= self.tolerance(key) * scale_of(key, a, b) + floor
        return bool(np.all((near & np.isfinite(a) & np.isfinite(b)) | both_nan | (a == b)))

    def same(self, key: str, a: Array, b: Array) -> bool:
        """Whether two values of a key agree within the tolerance and their digits."""
        return self._same(key, a, b)

    def side_of(self, label: str) -> Side:
        """Return a side by its label."""
        return self._side(label)

    def is_at_fault(self, label: str, key: str, block: int) -> bool:
        """Whether a side's value was found wrong."""
        return label in self._at_fault.get((key, block), "")

    def is_settled(self, key: str, block: int) -> bool:
        """Whether a difference was put down to a setting, this key's or one it follows from."""
        if (key, block) in self._causes:
            return True
        verdict = self._verdicts.get(key, {}).get(block)
        return verdict == "inherited" and not KEYS[key].depends

    def _compare(self, key: str) -> Row | None:
        blocks = min(self.a.blocks, self.b.blocks) if KEYS[key].per_block else 1
        shown: Row | None = None
        for i in range(blocks):
            a, b = self.a.printed(key, i), self.b.printed(key, i)
            if a is None or b is None:
                if (a is not None or b is not None) and shown is None:
                    shown = Row(key, i, as_tuple(a), as_tuple(b), float("nan"), "not shown")
                continue
            verdict, side, note, faults = self._judge(key, i, a, b)
            self._verdicts.setdefault(key, {})[i] = verdict
            self._at_fault[key, i] = side
            verdict = self._diagnosed(faults, verdict)
            self._verdicts[key][i] = verdict
            quiet = ("agrees", "rounding", "not shown")
            if shown is None or (
                shown.verdict in quiet and (verdict not in quiet or i == blocks - 1)
            ):
                shown = Row(
                    key, i, as_tuple(a), as_tuple(b), relative_difference(a, b), verdict, side, note
                )
        return shown

    def _judge(self, key: str, i: int, a: Array, b: Array) -> tuple[Verdict, str, str, list[Fault]]:
        same = self._same(key, a, b)
        disturbed = self._disturbed(key, i)
        if same and not disturbed:
            return "agrees", "", "", []
        wanted = {"A": expect(key, self.a, self.b, i), "B": expect(key, self.b, self.a, i)}
        printed = {"A": a, "B": b}
        follows = {
            label: None
            if rule is None
            else rule.fits(printed[label], self._own_tolerance(label, key))
            for label, rule in wanted.items()
        }
        wrong = [label for label in "AB" if follows[label] is False]
        if same:
            if key in CELL_KEYS and wrong and self._prints_rotated(wrong[0], i):
                return "agrees", "", "", []
            if len(wrong) == 1 and self._matters(key, i, wanted[wrong[0]], printed[wrong[0]]):
                rule = wanted[wrong[0]]
                assert rule is not None
                fault = self._local_fault(key, i, wrong[0], printed[wrong[0]], rule)
                note = f"equal, but {wrong[0]}'s does not follow from {wrong[0]}'s own keys"
                return "local fault", wrong[0], note, [fault]
            return "agrees", "", "", []
        if len(wrong) == 2 and (slip := self._misprint(key, i, printed)):
            return "local fault", slip.side, slip.note, [slip]
        if wrong:
            faults = []
            for label in wrong:
                rule = wanted[label]
                assert rule is not None
                faults.append(self._local_fault(key, i, label, printed[label], rule))
            right = printed | {fault.side: fault.looks[0].right for fault in faults}
            faults += self._beyond(key, i, right, max(fault.doubt for fault in faults))
            return "local fault", "".join(wrong), faults[0].note, faults
        return self._cause_or_inherited(key, i, printed, follows, disturbed)

    def _beyond(self, key: str, i: int, right: dict[str, Array], doubt: float) -> list[Fault]:
        """Go on from the corrected values: the settings may differ besides."""
        far = float(np.abs(right["A"] - right["B"]).max())
        if self._same(key, right["A"], right["B"]) or far <= doubt * scale_of(key, *right.values()):
            return []
        if KEYS[key].depends and any(
            self._crosses(key, i, label, right) is not False for label in "AB"
        ):
            return []
        return [self._cause(key, i, right, dict.fromkeys("AB", True))]

    def _cause(
        self, key: str, i: int, values: dict[str, Array], follows: dict[str, bool | None]
    ) -> Fault:
        looks = tuple(
            Look(
                label,
                values[label],
                self._target(key, i, label, values),
                follows[label] is True and bool(KEYS[key].depends),
            )
            for label in "BA"
        )
        self._causes.add((key, i))
        return Fault(key, i, looks)

    def _own_tolerance(self, label: str, key: str) -> float:
        if KEYS[key].kind != "real":
            return 0.0
        return self._side(label).precision.tolerance(key, self.tolerances)

    def _side(self, label: str) -> Side:
        return self.a if label == "A" else self.b

    def _other(self, label: str) -> Side:
        return self.b if label == "A" else self.a

    def _disturbed(self, key: str, i: int) -> list[str]:
        """Keys upstream, at any distance, that do not agree."""
        block = i if KEYS[key].per_block else None
        return [name for name in KEYS if name in ancestors(key) and self._differs(name, block)]

    def _differs(self, key: str, block: int | None) -> bool:
        if not KEYS[key].per_block:
            block = 0
        calm = ("agrees", "rounding")
        known = self._verdicts.get(key, {})
        if block is None and known:
            return any(verdict not in calm for verdict in known.values())
        if block in known:
            return known[block] not in calm
        a, b = self.a.printed(key, block or 0), self.b.printed(key, block or 0)
        return a is not None and b is not None and not self._same(key, a, b)

    def _matters(self, key: str, i: int, rule: Expected | None, printed: Array) -> bool:
        """Whether a value that equals the other side's should not, by more than roundings."""
        assert rule is not None
        nearest = rule.nearest(printed)
        return not self._same(key, nearest, printed) and bool(self._disturbed(key, i))

    def _local_fault(self, key: str, i: int, label: str, printed: Array, rule: Expected) -> Fault:
        others = self._other(label).printed(key, i)
        expected = rule.nearest(printed if others is None else others)
        doubt = rule.doubt(expected)
        used = self._is_used(key, i, label, printed, expected, doubt)
        if used is False:
            self._side(label).corrected[key, i] = expected
            self._side(label).doubt[key] = doubt
        return Fault(key, i, (Look(label, printed, expected),), used, rule.borrowed, doubt)

    def _misprint(self, key: str, i: int, printed: dict[str, Array]) -> Fault | None:
        """Find the side that went on from the other side's value and not from its own."""
        if key in STAR_KEYS and self._only_turned(i):
            return None
        found = [
            label
            for label, other in (("A", "B"), ("B", "A"))
            if self._is_used(key, i, label, printed[label], printed[other]) is False
        ]
        if len(found) != 1:
            return None
        label, other = found[0], "B" if found[0] == "A" else "A"
        self._side(label).corrected[key, i] = printed[other]
        return Fault(key, i, (Look(label, printed[label], printed[other]),), used=False)

    def _prints_rotated(self, label: str, i: int) -> bool:
        """Whether a side's a*, b*, c* are those of its rotated cell: printed so, not wrong."""
        side = self._side(label)
        rows = [[side.printed(k, i) for k in keys] for keys in (STAR_KEYS, CELL_KEYS)]
        if any(row is None for each in rows for row in each):
            return False
        stars, cell = (np.array(each, dtype=np.float64) for each in rows)
        apart = np.abs(stars @ cell.T - np.eye(3)).max()
        return bool(apart < 1e-9 + 64.0 * self.tolerance(CELL_KEYS[0]))

    def _only_turned(self, i: int) -> bool:
        """Whether each side's a*, b*, c* are those of its own cell, but for a rotation."""
        for side in (self.a, self.b):
            rows = [[side.printed(k, i) for k in keys] for keys in (STAR_KEYS, CELL_KEYS)]
            if any(row is None for each in rows for row in each):
                return False
            stars, cell = (np.array(each, dtype=np.float64) for each in rows)
            if not (np.isfinite(stars).all() and np.isfinite(cell).all()):
                return False
            with np.errstate(all="ignore"):
                finite = np.isfinite(stars @ stars.T).all() and np.isfinite(cell @ cell.T).all()
            if not finite or abs(float(np.linalg.det(cell))) == 0.0:
                return False
            if not np.allclose(stars @ stars.T, np.linalg.inv(cell @ cell.T), rtol=1e-6, atol=1e-9):
                return False
        return True

    def _stand_in(self, key: str, i: int, label: str, value: Array) -> dict[tuple[str, int], Array]:
        """Return what to compute with; a*, b*, c* are right or wrong together."""
        replaced = {(key, i): value}
        theirs = self._other(label).printed(key, i)
        if key in STAR_KEYS and theirs is not None and np.array_equal(value, theirs):
            for name in STAR_KEYS:
                sibling = self._other(label).printed(name, i)
                if sibling is not None:
                    replaced[name, i] = sibling
        return replaced

    def _is_used(
        self, key: str, i: int, label: str, printed: Array, expected: Array, doubt: float = 0.0
    ) -> bool | None:
        """Whether the keys downstream went on from the printed value; None where none tells."""
        side, other = self._side(label), self._other(label)
        votes = set()
        for consumer in CONSUMERS[key]:
            block = i if KEYS[consumer].per_block else 0
            value = side.printed(consumer, block)
            if value is None:
                continue
            fits = []
            for stand_in, unsure in ((printed, 0.0), (expected, doubt)):
                replaced = self._stand_in(key, i, label, stand_in)
                rule = expect(consumer, side, other, block, replaced, {key: unsure})
                if rule is None and np.any(stand_in):
                    break
                fits.append(
                    rule is not None and rule.fits(value, self._own_tolerance(label, consumer))
                )
            if len(fits) == 2 and fits[0] != fits[1]:
                votes.add(fits[0])
            elif len(fits) == 2 and not fits[0] and key in STAR_KEYS:
                return None  # a cell that neither set of a*, b*, c* gives: more than a misprint
        return True if True in votes else False if votes else None

    def _cause_or_inherited(
        self,
        key: str,
        i: int,
        printed: dict[str, Array],
        follows: dict[str, bool | None],
        disturbed: list[str],
    ) -> tuple[Verdict, str, str, list[Fault]]:
        upstream = [name for name in KEYS[key].depends if name in disturbed]
        if follows["A"] and follows["B"] and KEYS[key].depends:
            # The cells and the φ steps, say, count in the sum and are named elsewhere already.
            named = key == "I_before_scaling" and any(
                name == "steps" or (KEYS[name].depends and name.startswith("F_"))
                for name, _ in self._causes
            )
            if named or any(self._crosses(key, i, label, printed) for label in "AB"):
                if disturbed:
                    note = f"follows from {listed(upstream or disturbed)}"
                    return "inherited", "", note + self._absent(key, i), []
                if slip := self._misprint(key, i, printed):
                    return "local fault", slip.side, slip.note, [slip]
                return "rounding", "", "differences within tolerance upstream, carried on", []
        elif key == "pix0_vector_meters":
            moved = self._only_axes(i, printed)
            if moved:
                return "inherited", "", f"the same place along other axes: follows from {moved}", []
        elif disturbed and (follows["A"] is None or follows["B"] is None):
            faults = []
            if self._newly_told(key):
                faults = [self._cause(key, i, printed, follows)]
            return "unverifiable", "", f"downstream of {listed(upstream or disturbed)}", faults
        if slip := self._misprint(key, i, printed):
            return "local fault", slip.side, slip.note, [slip]
        fault = self._cause(key, i, printed, follows)
        return "cause", "", "differs by itself", [fault]

    def _absent(self, key: str, i: int) -> str:
        """Say which side's reflection is not on the list."""
        grid = self.a.grid or self.b.grid
        if key != "F_cell" or grid is None:
            return ""
        words = ""
        for side in (self.a, self.b):
            hkl, F = side.used("hkl_rounded", i), side.used("F_cell", i)
            if hkl is not None and F is not None and F[0] == grid.default_F == nearest_F(grid, hkl):
                words += f"; {side.label}'s ({short(hkl)}) is not on the list"
        return words

    def _target(self, key: str, i: int, label: str, printed: dict[str, Array]) -> Array:
        """Return what the side's value would be with the other side's settings."""
        crossed = self._with_inputs_of(key, i, label)
        other = "B" if label == "A" else "A"
        if crossed is None:
            return printed[other]
        right = crossed.nearest(printed[label])
        if self._same(key, right, printed[label]) and not self._disturbed(key, i):
            return printed[other]  # the other side states nothing: its number is all there is
        return right

    def _crosses(self, key: str, i: int, label: str, values: dict[str, Array]) -> bool | None:
        """Whether the other side's settings with this side's inputs give this side's value."""
        crossed = self._with_inputs_of(key, i, label)
        return None if crossed is None else crossed.fits(values[label], self.tolerance(key))

    def _with_inputs_of(self, key: str, i: int, label: str) -> Expected | None:
        if not KEYS[key].depends:
            return None
        return expect(key, self._side(label), self._other(label), i, crossed=True)

    def _only_axes(self, i: int, printed: dict[str, Array]) -> str:
        """Name the axes from which a difference of the origin follows."""
        moved = [key for key in ("fdet_vec", "sdet_vec", "incident_vec") if self._differs(key, i)]
        for label, other in (("A", "B"), ("B", "A")):
            if not moved:
                break
            for value in transported_origins(self._side(other), self._side(label), i):
                if self._same("pix0_vector_meters", value, printed[label]):
                    return listed(moved)
        return ""

    # Causes --------------------------------------------------------------------------------------

    def _add_unseen(self) -> None:
        """Name stated differences whose effect no key shows that both sides print."""
        shown = {row.key for row in self.rows if row.a is not None and row.b is not None}
        for row in self.experiment:
            bears = QUANTITIES[row.name].bears
            if row.same is not False or not (row.said and row.is_root and bears):
                continue
            named = any(row.cause == finding.cause for finding in self.findings)
            if not named and not shown & set(bears):
                self._add(
                    Finding(
                        cause=row.cause,
                        title=f"the sides state a different {row.label}",
                        side="",
                        keys=[bears[0]],
                        kind="cause",
                        arithmetic=[row.words],
                        fix=f"give both sides the same {row.label}",
                        note="What follows from it is not shown by both.",
                    )
                )

    def _bearing(self, fault: Fault) -> list[FactRow]:
        """Return the stated settings from which a difference may follow."""
        stated = told(self.experiment, fault.key)
        if fault.key != "F_cell":
            return stated
        defaults = [side.fact("default_F") for side in (self.a, self.b)]
        values = [self._side(label).used("F_cell", fault.block) for label in "AB"]
        used = any(
            fact is not None and value is not None and fact.numbers[0] == value[0]
            for fact, value in zip(defaults, values, strict=True)
        )
        return [row for row in stated if used or row.name != "default_F"]

    def _newly_told(self, key: str) -> list[FactRow]:
        """Return stated settings that bear on a key, differ, and are named by no finding yet."""
        named = {finding.cause for finding in self.findings}
        return [row for row in told(self.experiment, key) if row.cause not in named]

    def _diagnosed(self, faults: list[Fault], verdict: Verdict) -> Verdict:
        for fault in faults:
            verdict = self._diagnose(fault, verdict)
        return verdict

    def _diagnose(self, fault: Fault, verdict: Verdict) -> Verdict:
        """Name what a difference comes from; return the verdict, which that may change."""
        stated = [] if fault.side else self._bearing(fault)
        cases = list(self._cases(fault))
        agreed = set() if fault.side else agreed_settings(self.experiment)
        found = explain(cases, agreed)
        named = {row.cause for row in stated}
        if found is not None and stated and not named & {p.name for p in found[1]}:
            found = None if any(row.is_root for row in stated) else found
        if found is None and stated:
            for finding in stated_differences(stated, fault, self.experiment):
                self._add(finding)
            return verdict
        if found is None:
            if fault.side and fault.deviation < NEGLIGIBLE:
                return "rounding"
            undecided = not_decidable(fault, self._side(fault.side)) if fault.side else None
            self._add(undecided or unexplained(fault, self.experiment))
            return "undecidable" if undecided else verdict
        case, chain = found
        for proposal in chain:
            if proposal.name == "not_normalised":
                _loosen(case.x, abs(float(np.linalg.norm(case.value)) - 1.0))
        for proposal in chain:
            side = case.x.label if proposal.directed else ""
            finding = Finding(
                cause=proposal.name,
                title=proposal.title.format(x=case.x.label, y=case.y.label),
                side=side if fault.kind == "cause" else fault.side,
                keys=[fault.key],
                kind=fault.kind,
                arithmetic=[proposal.arithmetic.format(x=case.x.label, y=case.y.label)],
                fix=proposal.fix.format(x=case.x.label, y=case.y.label),
                note=fault.remark,
            )
            finding.arithmetic += [row.words for row in stated if row.cause == proposal.name]
            self._add(finding)
        return verdict

    def _cases(self, fault: Fault) -> Iterator[Case]:
        tolerance = self.tolerance(fault.key)
        if fault.key in SHALLOW:
            closer = 2.0 * max(self.tolerances.single_direct, self.tolerances.double)
            tolerance = min(tolerance, closer)
        printed = sum(
            side.coarseness(fault.key)
            + max(map(side.coarseness, KEYS[fault.key].depends), default=0)
            for side in (self.a, self.b)
        )
        for look in fault.looks:
            yield Case(
                key=fault.key,
                block=fault.block,
                x=self._side(look.label),
                y=self._other(look.label),
                value=look.shown,
                target=look.right,
                tolerance=max(tolerance + printed, fault.doubt, 1e-12),
                kind="local" if fault.side else "cause",
                follows=look.follows,
            )

    def _add(self, new: Finding) -> None:
        """Enter a finding, together with an earlier one of the same cause and side."""
        for old in self.findings:
            if (old.cause, old.side, old.kind) != (new.cause, new.side, new.kind):
                continue
            if new.explained or set(new.keys) <= set(old.keys):
                old.keys += [key for key in new.keys if key not in old.keys]
                if len(old.arithmetic) < 8:
                    old.arithmetic += [
                        line for line in new.arithmetic if line not in old.arithmetic
                    ]
                return
        self.findings.append(new)

    # Order ---------------------------------------------------------------------------------------

    def _order_findings(self) -> None:
        """Put findings into causal order; axes that differ also move the origin."""
        origin = "pix0_vector_meters"
        moved = any(
            row.key == origin and row.verdict in ("cause", "inherited") for row in self.rows
        )
        for finding in self.findings:
            if moved and finding.kind == "cause" and finding.keys[0] in ("fdet_vec", "sdet_vec"):
                finding.keys.insert(0, origin)
        names = list(KEYS)
        self.findings.sort(key=lambda finding: (names.index(finding.keys[0]), -len(finding.keys)))

    def _note_precision(self) -> None:
        """Say so when single precision is all that separates the sides."""
        single = [side for side in (self.a, self.b) if side.precision.single]
        differing = [
            row for row in self.rows if row.a is not None and row.b is not None and row.a != row.b
        ]
        if self.findings or not single or not differing:
            return
        worst = max(differing, key=lambda row: row.relative)
        names = " and ".join(f"{side.label} ({side.precision.name})" for side in single)
        self.findings.append(
            Finding(
                cause="precision",
                title=f"Only rounding separates the sides: {names}",
                side=single[0].label if len(single) == 1 else "",
                keys=[row.key for row in differing],
                kind="rounding",
                arithmetic=[f"{side.label}: {side.precision.evidence}" for side in single]
                + [f"largest difference: {worst.key}, {worst.relative:.2g} relative"],
                fix="none needed; double precision would remove it",
            )
        )


def _loosen(side: Side, excess: float) -> None:
    """Count vectors that are not of unit length as an uncertainty of all that rests on them."""
    eps = max(side.precision.eps, 2.0 * excess)
    side.precision = dataclasses.replace(side.precision, eps=eps)

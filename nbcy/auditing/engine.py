"""The comparison itself: key by key in causal order, each difference traced to where it began.

A key that differs is *inherited* when each side's value follows from its own upstream keys, a
*local fault* of a side whose value does not, and a *cause* when nothing upstream explains it: a
setting in which the sides differ. Where everything downstream went on from another number than the
printed one, only the printing is at fault, and the audit goes on from the other number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal

import numpy as np

from nbcy.auditing.formulas import nearest_F
from nbcy.auditing.hypotheses import STAR_KEYS, Case, explain
from nbcy.auditing.rules import (
    OVERSAMPLE_FLAGS,
    RULES,
    TINY,
    Expected,
    View,
    expect,
    oversample,
    scale_of,
    transported_origins,
)
from nbcy.auditing.side import Array, Side, Tolerances
from nbcy.render.facts import Fact, same_fact
from nbcy.render.vocabulary import KEYS, QUANTITIES

Verdict = Literal[
    "agrees",
    "rounding",
    "cause",
    "local fault",
    "inherited",
    "unverifiable",
    "not shown",
]

DEPENDS: Final[Mapping[str, tuple[str, ...]]] = {
    "pixel_pos_meters": ("pix0_vector_meters", "fdet_vec", "sdet_vec"),
    "R_distance_meters": ("pixel_pos_meters",),
    "omega_pixel_sr": ("R_distance_meters", "close_distance_meters"),
    "close_distance_meters": ("pix0_vector_meters", "fdet_vec", "sdet_vec"),
    "obliquity_factor": ("close_distance_meters", "R_distance_meters"),
    "diffracted_vec": ("pixel_pos_meters", "R_distance_meters"),
    "lambda_angstroms": ("lambda_meters",),
    "scattering_vec_per_m": ("diffracted_vec", "incident_vec", "lambda_meters"),
    **{f"rot_{x}_angstroms": tuple(f"rot_{y}_star_A_inv" for y in "abc") for x in "abc"},
    "hkl_frac": (
        "scattering_vec_per_m",
        "rot_a_angstroms",
        "rot_b_angstroms",
        "rot_c_angstroms",
    ),
    "hkl_rounded": ("hkl_frac",),
    "F_latt_a": ("hkl_frac",),
    "F_latt_b": ("hkl_frac",),
    "F_latt_c": ("hkl_frac",),
    "F_latt": ("F_latt_a", "F_latt_b", "F_latt_c", "hkl_frac"),
    "F_cell": ("hkl_rounded", "hkl_frac"),
    "I_before_scaling": (
        "F_latt",
        "F_cell",
        "scattering_vec_per_m",
        "rot_a_angstroms",
        "rot_b_angstroms",
        "rot_c_angstroms",
        *(f"rot_{x}_star_A_inv" for x in "abc"),
        "steps",
        *OVERSAMPLE_FLAGS,
    ),
    "r_e_sqr": ("r_e_meters",),
    "capture_fraction": ("diffracted_vec", "F_latt", "F_cell", "oversample_thick"),
    "polar": ("incident_vec", "diffracted_vec", "oversample_polar"),
    "omega_pixel": ("omega_pixel_sr", "oversample_omega"),
    "cos_2theta": ("incident_vec", "diffracted_vec"),
    "I_pixel_final": (
        "r_e_sqr",
        "fluence_photons_per_m2",
        "I_before_scaling",
        "steps",
        "capture_fraction",
        "polar",
        "omega_pixel",
        "background_photons",
        *OVERSAMPLE_FLAGS,
    ),
    "floatimage_accumulated": ("I_pixel_final",),
}
"""What each key rests on directly; the others are what the programs start from."""

CONSUMERS: Final[Mapping[str, tuple[str, ...]]] = {
    name: tuple(other for other, inputs in DEPENDS.items() if name in inputs) for name in KEYS
}
"""What rests directly on each key."""


@cache
def ancestors(key: str) -> frozenset[str]:
    """Return what a key rests on, directly or not."""
    direct = DEPENDS.get(key, ())
    return frozenset(direct).union(*(ancestors(name) for name in direct))


_EARLIER: Final[Mapping[str, str]] = {
    "close_distance_meters": "sdet_vec",
    "rot_a_star_A_inv": "scattering_vec_per_m",
    "rot_b_star_A_inv": "scattering_vec_per_m",
    "rot_c_star_A_inv": "scattering_vec_per_m",
    "steps": "F_cell",
    "oversample_thick": "F_cell",
    "oversample_polar": "F_cell",
    "oversample_omega": "F_cell",
}
"""Keys that stand later in the table than what rests on them, and after which they come."""

_PLACE: Final = {name: place for place, name in enumerate(KEYS)}

CHAIN: Final = sorted(
    KEYS, key=lambda name: (_PLACE[_EARLIER.get(name, name)], name in _EARLIER, _PLACE[name])
)
"""Keys in the order in which they can be recomputed."""


_OPTIONAL: Final = "background_photons"

SHALLOW: Final = frozenset(
    {
        *("R_distance_meters", "omega_pixel_sr", "obliquity_factor", "diffracted_vec"),
        *("capture_fraction", "polar", "omega_pixel", "cos_2theta"),
    }
)
"""Keys near enough to the start that a hypothesis must meet them more closely than two sides do."""


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
    kind : {"cause", "local fault"}
        A setting, or a value that does not follow from the side's own.
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


@dataclass(frozen=True, eq=False)
class Closure:
    """What both sides come to once the faults are mended and B is given A's settings.

    Attributes
    ----------
    mended : dict of str to dict
        For "A" and "B": key to value, of what had to be recomputed.
    stopped : str
        Key at which the recomputation ends because a side does not show enough, or empty.
    differing : list of str
        Keys that still differ.
    """

    mended: dict[str, dict[str, tuple[float, ...]]]
    stopped: str
    differing: list[str]


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
    _verdicts: dict[tuple[str, int], Verdict] = field(default_factory=dict)
    _at_fault: dict[tuple[str, int], str] = field(default_factory=dict)
    _causes: set[tuple[str, int]] = field(default_factory=set)

    def run(self) -> None:
        """Compare."""
        self.experiment = compare_experiments(self.a, self.b)
        with np.errstate(all="ignore"):  # what is tried on wrong numbers may well overflow
            rows = {key: self._compare(key) for key in CHAIN}
        self.rows = [row for key in KEYS if (row := rows[key]) is not None]
        if not any((row.a, row.b) != ((0.0,), (0.0,)) for row in self.rows if row.key == _OPTIONAL):
            self.rows = [row for row in self.rows if row.key != _OPTIONAL]
        self._order_findings()
        if self.findings:
            with np.errstate(all="ignore"):
                self.closure = self._close()
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
        both_nan = np.isnan(a) & np.isnan(b)
        with np.errstate(invalid="ignore"):
            floor = TINY if self.a.precision.single or self.b.precision.single else 0.0
            near = np.abs(a - b) <= self.tolerance(key) * scale_of(key, a, b) + floor
        return bool(np.all(near | both_nan | (a == b)))

    def _compare(self, key: str) -> Row | None:
        blocks = min(self.a.blocks, self.b.blocks) if KEYS[key].per_block else 1
        shown: Row | None = None
        for i in range(blocks):
            a, b = self.a.printed(key, i), self.b.printed(key, i)
            if a is None or b is None:
                if (a is not None or b is not None) and shown is None:
                    shown = Row(key, i, _tuple(a), _tuple(b), float("nan"), "not shown")
                continue
            verdict, side, note, faults = self._judge(key, i, a, b)
            self._verdicts[key, i] = verdict
            self._at_fault[key, i] = side
            quiet = ("agrees", "rounding", "not shown")
            if shown is None or (
                shown.verdict in quiet and (verdict not in quiet or i == blocks - 1)
            ):
                shown = Row(key, i, _tuple(a), _tuple(b), _relative(a, b), verdict, side, note)
            if verdict in ("cause", "local fault"):
                for fault in faults:
                    self._diagnose(fault)
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
        if key in DEPENDS and any(
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
                follows[label] is True and key in DEPENDS,
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
        verdicts = [
            verdict
            for (name, i), verdict in self._verdicts.items()
            if name == key and block in (None, i)
        ]
        if verdicts:
            return any(verdict not in calm for verdict in verdicts)
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
        upstream = [name for name in DEPENDS.get(key, ()) if name in disturbed]
        if follows["A"] and follows["B"] and key in DEPENDS:
            # The cells and the φ steps, say, count in the sum and are named elsewhere already.
            named = key == "I_before_scaling" and any(
                name == "steps" or (name in DEPENDS and name.startswith("F_"))
                for name, _ in self._causes
            )
            if named or any(self._crosses(key, i, label, printed) for label in "AB"):
                if disturbed:
                    note = f"follows from {_list(upstream or disturbed)}"
                    return "inherited", "", note + self._absent(key, i), []
                if slip := self._misprint(key, i, printed):
                    return "local fault", slip.side, slip.note, [slip]
                return "rounding", "", "differences within tolerance upstream, carried on", []
        elif key == "pix0_vector_meters":
            moved = self._only_axes(i, printed)
            if moved:
                return "inherited", "", f"the same place along other axes: follows from {moved}", []
        elif disturbed and (follows["A"] is None or follows["B"] is None):
            return "unverifiable", "", f"downstream of {_list(upstream or disturbed)}", []
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
                words += f"; {side.label}'s ({_short(hkl)}) is not on the list"
        return words

    def _target(self, key: str, i: int, label: str, printed: dict[str, Array]) -> Array:
        """Return what the side's value would be with the other side's settings."""
        crossed = self._with_inputs_of(key, i, label)
        other = "B" if label == "A" else "A"
        return printed[other] if crossed is None else crossed.nearest(printed[label])

    def _crosses(self, key: str, i: int, label: str, values: dict[str, Array]) -> bool | None:
        """Whether the other side's settings with this side's inputs give this side's value."""
        crossed = self._with_inputs_of(key, i, label)
        return None if crossed is None else crossed.fits(values[label], self.tolerance(key))

    def _with_inputs_of(self, key: str, i: int, label: str) -> Expected | None:
        if key not in DEPENDS:
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
                    return _list(moved)
        return ""

    # Causes --------------------------------------------------------------------------------------

    def _diagnose(self, fault: Fault) -> None:
        cases = list(self._cases(fault))
        found = explain(cases)
        if found is None:
            self._add(_unexplained(fault, self.experiment))
            return
        case, chain = found
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
            self._add(finding)

    def _cases(self, fault: Fault) -> Iterator[Case]:
        tolerance = self.tolerance(fault.key)
        if fault.key in SHALLOW:
            closer = 2.0 * max(self.tolerances.single_direct, self.tolerances.double)
            tolerance = min(tolerance, closer)
        for look in fault.looks:
            yield Case(
                key=fault.key,
                block=fault.block,
                x=self._side(look.label),
                y=self._other(look.label),
                value=look.shown,
                target=look.right,
                tolerance=max(tolerance, fault.doubt, 1e-12),
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

    # Closure -------------------------------------------------------------------------------------

    def _close(self) -> Closure:
        """Mend both sides and follow them to the end of the chain."""
        chains: dict[str, dict[tuple[str, int], Array]] = {}
        doubts: dict[str, dict[str, float]] = {"A": {}, "B": {}}
        stopped = ""
        for label in "AB":
            chains[label], stop = self._mend(label, doubts[label])
            stopped = min((x for x in (stopped, stop) if x), key=CHAIN.index, default="")
        differing = []
        for key in CHAIN if not stopped else CHAIN[: CHAIN.index(stopped)]:
            ends = []
            for label in "AB":
                last = max(self._side(label).blocks - 1, 0) if KEYS[key].per_block else 0
                ends.append(chains[label].get((key, last)))
            if ends[0] is None or ends[1] is None or self._same(key, ends[0], ends[1]):
                continue
            doubt = max(doubts["A"].get(key, 0.0), doubts["B"].get(key, 0.0))
            if np.abs(ends[0] - ends[1]).max() > doubt * scale_of(key, ends[0], ends[1]):
                differing.append(key)
        ends_of = {label: dict(reversed(chain.items())) for label, chain in chains.items()}
        mended: dict[str, dict[str, tuple[float, ...]]] = {}
        for label, chain in ends_of.items():
            side = self._side(label)
            mended[label] = {}
            for (key, i), value in chain.items():
                before = side.printed(key, i)
                if (
                    key not in mended[label]
                    and before is not None
                    and not np.array_equal(before, value)
                ):
                    mended[label][key] = tuple(value.tolist())
        return Closure(mended, stopped, differing)

    def _mend(
        self, label: str, doubts: dict[str, float]
    ) -> tuple[dict[tuple[str, int], Array], str]:
        """Recompute a side's chain; return its values and where that had to end."""
        side, other = self._side(label), self._other(label)
        chain: dict[tuple[str, int], Array] = {}
        changed: set[str] = set()
        for key in CHAIN:
            for i in range(side.blocks if KEYS[key].per_block else 1):
                value = side.used(key, i)
                if value is None:
                    continue
                at_fault = label in self._at_fault.get((key, i), "")
                # B is given A's settings; A keeps its own.
                switched = label == "B" and (key, i) in self._causes
                rule = None
                if (switched or at_fault or changed & set(DEPENDS.get(key, ()))) and key in RULES:
                    rule = expect(key, side, other, i, chain, doubts, crossed=label == "B")
                if switched and rule is None:
                    theirs = other.used(key, min(i, other.blocks - 1))
                    assert theirs is not None
                    value = theirs
                    changed.add(key)
                elif switched or at_fault or changed & set(DEPENDS.get(key, ())):
                    if rule is None:
                        return chain, key
                    others = other.used(key, min(i, other.blocks - 1))
                    value = rule.nearest(value if others is None else others)
                    doubts[key] = max(doubts.get(key, 0.0), rule.doubt(value))
                    changed.add(key)
                chain[key, i] = value
        return chain, ""

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
            return _short(right)
        return f"{_short(right, 6)} (±{self.doubt * size:.1g})"

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


def _unexplained(fault: Fault, experiment: list[FactRow]) -> Finding:
    look = fault.looks[0]
    ratio = ""
    if len(look.right) == 1 and look.right[0] != 0.0:
        ratio = f", {look.shown[0] / look.right[0]:.9g} times it"
    if fault.side:
        title = f"{fault.side}'s {fault.key} does not follow from {fault.side}'s own keys"
        lines = [
            f"{fault.side} shows {_short(look.shown)}; "
            f"its own keys give {_short(look.right)}{ratio}"
        ]
        if np.isnan(look.shown).any():
            lines.append("not a number")
    else:
        title = f"{fault.key} differs, and no hypothesis explains it"
        other = fault.looks[1]
        moved = not np.array_equal(look.right, other.shown)
        own = f" ({_short(look.right)} with A's settings)" if moved else ""
        lines = [f"A {_short(other.shown)}, B {_short(look.shown)}{own}{ratio}"]
        told = [row.label for row in experiment if row.same is False and row.said]
        if told:
            lines.append(f"settings in which the sides say they differ: {', '.join(told)}")
    return Finding(
        "unexplained", title, fault.side, [fault.key], fault.kind, lines, "", fault.remark
    )


def _short(value: Array | None, digits: int = 9) -> str:
    return "nothing" if value is None else " ".join(f"{x:.{digits}g}" for x in value)


def _tuple(value: Array | None) -> tuple[float, ...] | None:
    return None if value is None else tuple(value.tolist())


def _relative(a: Array, b: Array) -> float:
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return 0.0 if np.array_equal(a, b, equal_nan=True) else float("inf")
    size = max(float(np.linalg.norm(a)), float(np.linalg.norm(b)))
    return float(np.linalg.norm(a - b)) / size if size else 0.0


def _list(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

"""How often the audit names what was injected: recall, precision, and what is taken for what.

For each named fault of tests/faults.py worlds are drawn, the fault is injected into one side, and
the other side is audited against it: live, and as a bare log in double precision, in single, to
six digits, and with a random part of its keys. Then clean pairs of every form: whatever is named
there is a false alarm. Pairs that agree within tolerance cannot be told apart and count as
invisible. Run it from a clone: ``python -m bench.audit_recall --draws 40 --clean 10000``.
"""

from __future__ import annotations

import argparse
import collections
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

import bench  # noqa: F401 - puts the installed package before the source folder

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from faults import FAULTS, Fault, World, as_log, draw_world

from nbcy.auditing import AuditReport, compare_traces
from nbcy.render.trace import Trace
from nbcy.render.vocabulary import KEYS

FORMS = ("live", "double", "single", "six digits", "part of the keys")
Counts = collections.Counter[str]


def other_side(wrong: Trace, form: str, folder: Path, rng: np.random.Generator) -> Trace:
    if form == "live":
        return wrong
    if form == "six digits":
        return as_log(wrong, folder, digits=6)
    if form == "part of the keys":
        share = float(rng.uniform(0.1, 1.0))
        kept = {key for key in KEYS if rng.random() < share} | {"I_pixel_final"}
        return as_log(wrong, folder, kept=kept)
    return as_log(wrong, folder, single=form == "single")


def draws_of(fault: Fault, number: int) -> list[tuple[World, Trace]]:
    """Worlds in which the fault changes something at all."""
    drawn: list[tuple[World, Trace]] = []
    seed = 0
    while len(drawn) < number and seed < 20 * number:
        rng = np.random.default_rng([sum(map(ord, fault.name)), seed])
        seed += 1
        world = draw_world(rng)
        wrong = fault.inject(world, rng)
        if wrong is not None:
            drawn.append((world, wrong))
    return drawn


def judge(report: AuditReport, fault: Fault) -> str:
    if report.agrees:
        return "invisible"
    first = report.findings[0].cause if report.findings else "nothing"
    return "named" if first in fault.named else first


def table(outcomes: dict[str, dict[str, Counts]]) -> str:
    lines = [
        "| fault | " + " | ".join(FORMS) + " | also named first |",
        "|---|" + "---|" * (len(FORMS) + 1),
    ]
    for name, forms in outcomes.items():
        cells, others = [], Counts()
        for form in FORMS:
            seen = sum(n for outcome, n in forms[form].items() if outcome != "invisible")
            cells.append(f"{forms[form]['named']}/{seen}" if seen else "–")
            others.update({o: n for o, n in forms[form].items() if o not in ("named", "invisible")})
        also = ", ".join(f"{o} {n}" for o, n in others.most_common())
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {also} |")
    return "\n".join(lines)


def false_alarms(count: int, folder: Path) -> int:
    """Audit clean pairs of random forms, and count those in which a cause is named."""
    alarms = 0
    for seed in range(count):
        rng = np.random.default_rng([7, seed])
        if seed % 20 == 0:
            world = draw_world(rng)
        forms = [FORMS[int(rng.integers(len(FORMS)))] for _ in "AB"]
        sides = [other_side(world.trace, form, folder, rng) for form in forms]
        report = compare_traces(*sides)
        # that only rounding separates the sides is no cause of anything
        named = [finding for finding in report.findings if finding.cause != "precision"]
        if named:
            alarms += 1
            print(f"false alarm {seed}: {' and '.join(forms)}: {named[0].cause} {named[0].keys}")
    return alarms


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.audit_recall", description=__doc__)
    parser.add_argument("--draws", type=int, default=20, help="worlds per fault (default: 20)")
    parser.add_argument("--clean", type=int, default=500, help="clean pairs (default: 500)")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    outcomes: dict[str, dict[str, Counts]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for fault in FAULTS.values():
            forms = {form: Counts() for form in FORMS}
            rng = np.random.default_rng(len(fault.name))
            for world, wrong in draws_of(fault, arguments.draws):
                for form in FORMS:
                    if form != "live" and fault.live:
                        continue
                    side = other_side(wrong, form, folder, rng)
                    forms[form][judge(compare_traces(world.trace, side), fault)] += 1
            outcomes[fault.name] = forms
        alarms = false_alarms(arguments.clean, folder)
    print(table(outcomes))
    for form in FORMS:
        named = sum(forms[form]["named"] for forms in outcomes.values())
        seen = sum(
            n for forms in outcomes.values() for o, n in forms[form].items() if o != "invisible"
        )
        print(f"{form}: the injected cause is named first in {named} of {seen} visible pairs")
    print(f"false alarms on clean pairs: {alarms} of {arguments.clean}")


if __name__ == "__main__":
    main()

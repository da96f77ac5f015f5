"""How often the audit names what was injected: recall, precision, and what is taken for what.

For each named fault of tests/faults.py worlds are drawn, the fault is injected into one side, and
the other side is audited against it: live, as a bare log in double precision, and as one in
single. Pairs that agree within tolerance cannot be told apart and count as invisible. Run it from
a clone: ``python -m bench.audit_recall --draws 40``.
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

from faults import FAULTS, Fault, World, as_log, draw_world, rounded

from nbcy.auditing import AuditReport, compare_traces
from nbcy.render.trace import Trace

FORMS = ("live", "double", "single")
Counts = collections.Counter[str]


def other_side(wrong: Trace, form: str, folder: Path) -> Trace:
    if form == "live":
        return wrong
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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.audit_recall", description=__doc__)
    parser.add_argument("--draws", type=int, default=20, help="worlds per fault (default: 20)")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    outcomes: dict[str, dict[str, Counts]] = {}
    alarms = clean = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for fault in FAULTS.values():
            forms = {form: Counts() for form in FORMS}
            for world, wrong in draws_of(fault, arguments.draws):
                for form in FORMS:
                    if form != "live" and fault.live:
                        continue
                    side = other_side(wrong, form, folder)
                    forms[form][judge(compare_traces(world.trace, side), fault)] += 1
            outcomes[fault.name] = forms
        for seed in range(arguments.draws * 5):
            world = draw_world(np.random.default_rng([7, seed]))
            for side in (world.trace, rounded(world.trace), as_log(world.trace, folder)):
                clean += 1
                report = compare_traces(world.trace, side)
                # that only rounding separates the sides is no cause of anything
                alarms += any(finding.cause != "precision" for finding in report.findings)
    print(table(outcomes))
    for form in FORMS:
        named = sum(forms[form]["named"] for forms in outcomes.values())
        seen = sum(
            n for forms in outcomes.values() for o, n in forms[form].items() if o != "invisible"
        )
        print(f"{form}: the injected cause is named first in {named} of {seen} visible pairs")
    print(f"false alarms on unperturbed pairs: {alarms} of {clean}")


if __name__ == "__main__":
    main()

"""``nbcy audit``: where two traces diverge, and why."""

from __future__ import annotations

import argparse
import os
import sys

from nbcy.base.errors import UsageError

SIDES = """\
A and B are each one of
  a log                   lines TRACE_C:, TRACE_PY:, TRACE: ..., nanoBragg's -printout or its
                          report, among any others
  a table                 lines key = value, key: value, as people type them
  JSON                    from nbcy trace --format json, or any with such keys
  a configuration         TOML or JSON; it is run
  a file of flags         nanoBragg's flags as text; it is run
  a DIALS .expt file      its geometry is compared
  a quoted command line   "-mat A.mat -hkl P1.hkl ..."; it is run
A side that is run traces the pixel that the other side traced, or --pixel.

exit status: 0 the sides agree, 1 they diverge, 2 unusable input
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "audit",
        usage="nbcy audit A B [--pixel SLOW FAST] [--try-fixes] [--full] [--markdown FILE] "
        "[--json FILE]",
        description="Find out which number diverges first on the way to a pixel, on which side the "
        "fault is, and what\nwould make the sides agree.\n\n" + SIDES,
        epilog="example: nbcy audit c_trace.log py_trace.log\n"
        "         nbcy audit c_trace.log args.txt --try-fixes",
    )
    parser.add_argument("a", metavar="A", help="one side")
    parser.add_argument("b", metavar="B", help="the other side")
    parser.add_argument(
        "--pixel", nargs=2, type=int, metavar=("SLOW", "FAST"), help="pixel for sides that are run"
    )
    parser.add_argument(
        "--try-fixes",
        action="store_true",
        help="run the live side with changes until it agrees with the other one, however long that "
        "takes (without this: for some seconds)",
    )
    parser.add_argument("--full", action="store_true", help="add the table of keys and of settings")
    parser.add_argument("--markdown", metavar="FILE", help="write the report as Markdown")
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON")
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="default: on a terminal",
    )
    for name, text in (
        ("rtol", "relative tolerance in double precision (default 1e-9)"),
        ("rtol-single", "relative tolerance in single precision (default 2e-5)"),
        ("rtol-direct", "the same for what takes few operations (default 1e-6)"),
    ):
        parser.add_argument(f"--{name}", type=float, metavar="X", help=text)


def run(args: argparse.Namespace) -> int:
    """Audit."""
    from nbcy.auditing import Tolerances, compare_traces
    from nbcy.auditing.sources import open_sides

    chosen = {"double": args.rtol, "single": args.rtol_single, "single_direct": args.rtol_direct}
    for name, value in chosen.items():
        if value is not None and not 0.0 <= value < 1.0:
            raise UsageError(f"tolerance {name} = {value:g}: must be from 0 to 1")
    tolerances = Tolerances(**{name: value for name, value in chosen.items() if value is not None})
    pixel = None if args.pixel is None else (args.pixel[0], args.pixel[1])
    a, b = open_sides(args.a, args.b, pixel)
    if args.try_fixes and a.simulator is None and b.simulator is None:
        raise UsageError("--try-fixes: neither side can be run")
    report = compare_traces(a.trace, b.trace, tolerances)
    _write(args.markdown, report.to_markdown())
    _write(args.json, report.to_json())
    print(report.to_text(color=_colour(args.color), full=args.full), end="")
    if not report.agrees and (a.simulator is not None or b.simulator is not None):
        from nbcy.auditing.fixes import QUICK, find_remedy

        live, other = (b, a) if b.simulator is not None else (a, b)
        assert live.simulator is not None
        assert live.trace.pixel is not None
        seconds = None if args.try_fixes else QUICK
        model = None if other.simulator is None else other.simulator.config
        remedy = find_remedy(
            live.simulator, other.trace, live.trace.pixel, tolerances, seconds, model
        )
        if args.try_fixes or remedy.settled:
            print(f"\n{remedy.to_text(live.command)}", end="")
    return report.exit_status


def _colour(choice: str) -> bool:
    if choice == "auto":
        return sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return choice == "always"


def _write(path: str | None, text: str) -> None:
    if path is not None:
        from nbcy.base.atomic import atomic_write

        with atomic_write(path) as file:
            file.write(text.encode())

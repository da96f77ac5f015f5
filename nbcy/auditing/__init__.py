"""Where two programs diverge on a pixel, why, and what would help.

In: two traces, simulators, command lines, logs. Out: an `AuditReport`. `audit` compares key by key
in causal order (trace 3).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nbcy.auditing.configurations import differing_runs
from nbcy.auditing.engine import Comparison
from nbcy.auditing.records import Closure, FactRow, Finding, Row
from nbcy.auditing.report import AuditReport
from nbcy.auditing.side import Side, Tolerances, recognise_precision
from nbcy.auditing.sources import open_sides
from nbcy.base.errors import UsageError
from nbcy.render.trace import Trace

if TYPE_CHECKING:
    from nbcy.config import Config
    from nbcy.render.simulator import Simulator

__all__ = [
    "AuditReport",
    "Closure",
    "FactRow",
    "Finding",
    "Row",
    "Tolerances",
    "audit",
    "compare_traces",
]


def audit(
    a: str | os.PathLike[str] | Sequence[str] | Trace | Simulator | Config,
    b: str | os.PathLike[str] | Sequence[str] | Trace | Simulator | Config,
    *,
    pixel: tuple[int, int] | None = None,
    tolerances: Tolerances | None = None,
) -> AuditReport:
    """Find out where and why two sides disagree on a pixel.

    Parameters
    ----------
    a, b : path, str, sequence of str, Trace, Simulator or Config
        Each a trace log of any prefix, a trace JSON, a TOML or JSON configuration, a file of the
        reference's flags, a command line of them, or something live.
    pixel : tuple of int, optional
        (slow, fast) for live sides; default the pixel that the other side traced.
    tolerances : Tolerances, optional
        What counts as agreement.

    Returns
    -------
    AuditReport

    Raises
    ------
    FileError
        A file that is none of these, or cannot be read.
    ConfigError, UsageError
        A live side that cannot be built, or no pixel to trace.
    """
    first, second = open_sides(a, b, pixel)
    return compare_traces(first.trace, second.trace, tolerances)


def compare_traces(a: Trace, b: Trace, tolerances: Tolerances | None = None) -> AuditReport:
    """Audit two traces.

    Parameters
    ----------
    a, b : Trace
    tolerances : Tolerances, optional

    Returns
    -------
    AuditReport

    Raises
    ------
    UsageError
        The sides show no key in common.
    """
    sides = [
        Side(label, trace, recognise_precision(trace))
        for label, trace in zip("AB", (a, b), strict=True)
    ]
    comparison = Comparison(sides[0], sides[1], tolerances or Tolerances())
    with np.errstate(all="ignore"):  # what is tried on wrong numbers may well overflow
        comparison.run()
    if all(row.verdict == "not shown" for row in comparison.rows):
        raise UsageError(f"{a.name} and {b.name} have no key in common: nothing can be compared")
    return AuditReport(
        names=(a.name, b.name),
        precisions=(sides[0].precision, sides[1].precision),
        experiment=comparison.experiment,
        rows=comparison.rows,
        findings=comparison.findings,
        closure=comparison.closure,
        problems=(a.problems, b.problems),
        extras=comparison.extras,
        runs=differing_runs(a, b),
    )

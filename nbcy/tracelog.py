"""Reading the logs in which programs trace a pixel (spec trace 1).

Logs come truncated, repeated, through Windows, wrapped in megabytes of progress. What is there is
read; what is missing or odd is said with its line number.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator

from nbcy.errors import FileError
from nbcy.facts import ReportReader
from nbcy.trace import ALIASES, KEYS, Block, Trace, Values

PREFIXES = ("TRACE_C", "TRACE_PY", "TRACE_NBCY")
"""Prefixes of trace lines: the reference, its Python port, nbcy."""

_LINE = re.compile(r"\s*(TRACE_(?:C|PY|NBCY)):\s*(\w+)(?:\s+(.*))?$")
_PHI = re.compile(r"\s*TRACE_(?:C|PY|NBCY)_PHI\s+(.*)$")
_DECORATION = str.maketrans("[](),;=", "       ")
_WORDS = {"true": 1.0, "false": 0.0, "tensor": None, "array": None}
_LONGEST_LINE = 10_000
"""Characters; longer lines are progress or binary data, not a trace."""


def read_log(path: str | os.PathLike[str]) -> Trace:
    """Read the trace of one pixel from a log.

    Parameters
    ----------
    path : path-like
        The log of any program that prints ``TRACE_C:``, ``TRACE_PY:`` or ``TRACE_NBCY:`` lines.

    Returns
    -------
    Trace
        With every block; of a pixel that is traced several times, the last time.

    Raises
    ------
    FileError
        Unreadable, without a trace, or with the traces of two programs.
    """
    reader = _LogReader(path)
    try:
        for number, line, complete in _lines(path):
            reader.feed(number, line, complete)
    except OSError as error:
        raise FileError(path, f"cannot be read: {error.strerror}") from error
    return reader.finish()


def _lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str, bool]]:
    """Yield line number, text and whether the line was ended."""
    with open(path, "rb") as probe:
        mark = probe.read(2)
    encoding = "utf-16" if mark in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    with open(path, encoding=encoding, errors="replace") as file:
        number = 0
        ended = True
        while line := file.readline(_LONGEST_LINE):
            if ended:
                number += 1
            starts = ended
            ended = line.endswith("\n")
            if starts:
                yield number, line.rstrip("\r\n"), ended or len(line) == _LONGEST_LINE


class _LogReader:
    """Puts the lines of one log together."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self.prefix = ""
        self.blocks: list[Block] = []
        self.chain: Block = {}
        self.phi_steps: list[dict[str, float]] = []
        self.problems: list[str] = []
        self.report = ReportReader()
        self.passes = 1
        self.unknown: dict[str, int] = {}
        self._block: Block | None = None

    def feed(self, number: int, line: str, complete: bool) -> None:
        """Take one line."""
        if (match := _LINE.match(line)) and not (match[3] or "").startswith("="):
            prefix, name, text = match[1], ALIASES.get(match[2], match[2]), match[3] or ""
            if line[match.end(2) : match.end(2) + 1] in ("=", ":"):
                self.report.feed(line)
            elif name not in KEYS:
                self.unknown.setdefault(name, number)
            else:
                self._take(number, prefix, name, text, complete)
        elif match := _PHI.match(line):
            pairs = re.findall(r"(\w+)=(\S+)", match[1])
            values = {name: _number(text) for name, text in pairs}
            self.phi_steps.append({k: v for k, v in values.items() if v is not None})
        else:
            self.report.feed(line)

    def _take(self, number: int, prefix: str, name: str, text: str, complete: bool) -> None:
        if self.prefix and prefix != self.prefix:
            raise FileError(
                self.path,
                f"{prefix} lines follow {self.prefix} lines: two programs' traces in one file; "
                "split it, one trace a file",
                number,
            )
        self.prefix = prefix
        key = KEYS[name]
        values = _numbers(text)
        if values is None or len(values) < key.size:
            self.problems.append(f"line {number}: {name} needs {key.size} number(s), has {text!r}")
            return
        if len(values) > key.size:
            self.problems.append(
                f"line {number}: {name} has more than {key.size} number(s): {text!r}"
            )
            return
        if not complete and name != "floatimage_accumulated":
            self.problems.append(
                f"line {number}: the file ends inside the line of {name}: left out"
            )
            return
        if not all(math.isfinite(x) for x in values):
            self.problems.append(f"line {number}: {name} is not finite: {text.strip()}")
        if not key.per_block:
            if name in self.chain and not _same(self.chain[name], values):
                self.problems.append(f"line {number}: {name} is printed again, with another value")
            self.chain[name] = values
            self._block = None
            return
        if self._block is None and self.chain:
            self._restart(number, name, values)
        if self._block is None or name in self._block:
            self._block = {}
            self.blocks.append(self._block)
        self._block[name] = values

    def _restart(self, number: int, name: str, values: Values) -> None:
        """Begin the trace anew where a file holds the same pixel again."""
        first = self.blocks[0].get(name) if self.blocks else None
        if first is not None and _same(first, values):
            self.passes += 1
            self.problems.append(f"line {number}: the trace starts again; the last one is used")
            self.blocks, self.chain, self.phi_steps = [], {}, []

    def finish(self) -> Trace:
        """Return the trace."""
        if not self.prefix:
            raise FileError(
                self.path, "holds no trace: no line starts with TRACE_C:, TRACE_PY: or TRACE_NBCY:"
            )
        if self.unknown:
            names = ", ".join(f"{name} (line {line})" for name, line in self.unknown.items())
            self.problems.append(f"keys nbcy does not know, not judged: {names}")
        if not self.blocks:
            self.problems.append("no geometry: only the scaling chain is shown")
        facts = self.report.finish()
        traced = facts.get("pixel_traced")
        pixel = (int(traced.value[0]), int(traced.value[1])) if traced else None
        trace = Trace(
            name=os.fspath(self.path),
            prefix=self.prefix,
            blocks=[{name: block[name] for name in KEYS if name in block} for block in self.blocks],
            chain={name: self.chain[name] for name in KEYS if name in self.chain},
            facts=facts,
            phi_steps=self.phi_steps,
            problems=self.problems,
            pixel=pixel,
        )
        if trace.missing:
            self.problems.append(f"not shown: {', '.join(trace.missing)}")
        return trace


def _number(text: str) -> float | None:
    word = text.lower()
    if word in _WORDS:
        return _WORDS[word]
    try:
        return float(word)
    except ValueError:
        return None


def _numbers(text: str) -> Values | None:
    """Return the numbers of a line, None where one of its words is not a number."""
    words = [w for w in text.translate(_DECORATION).split() if w.lower() not in ("tensor", "array")]
    numbers = [_number(word) for word in words]
    if any(number is None for number in numbers):
        return None
    return tuple(number for number in numbers if number is not None)


def _same(a: Values, b: Values) -> bool:
    return len(a) == len(b) and all(
        x == y or (math.isnan(x) and math.isnan(y)) for x, y in zip(a, b, strict=True)
    )

"""Reading the logs in which programs trace a pixel (trace 1).

Logs come truncated, repeated, through Windows, wrapped in megabytes of progress. What is there is
read; what is missing or odd is said with its line number.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator

from nbcy.base.errors import FileError
from nbcy.render.facts import ReportReader
from nbcy.render.trace import ALIASES, KEYS, Block, Trace, Values

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


class _Passage:
    """One run through the keys: blocks, and the chain that follows them."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.blocks: list[Block] = []
        self.chain: Block = {}
        self.phi_steps: list[dict[str, float]] = []

    def repeats(self, earlier: _Passage) -> bool:
        """Whether it begins at the same point of the detector as an earlier one."""
        first, before = self.blocks[0], earlier.blocks[0] if earlier.blocks else {}
        shared = first.keys() & before.keys()
        told = shared & {"pixel_pos_meters"} or shared
        return bool(told) and all(_same(first[key], before[key]) for key in told)


class _LogReader:
    """Puts the lines of one log together."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self.prefix = ""
        self.passages = [_Passage(0)]
        self.problems: list[str] = []
        self.report = ReportReader()
        self.unknown: dict[str, int] = {}
        self._block: Block | None = None

    def feed(self, number: int, line: str, complete: bool) -> None:
        """Take one line."""
        match = _LINE.match(line)
        if not complete and line.lstrip().startswith("TRACE") and not _last_key(match):
            self.problems.append(f"line {number}: the file ends inside this line: left out")
        elif match:
            prefix, name, text = match[1], ALIASES.get(match[2], match[2]), match[3] or ""
            if name in KEYS:
                self._take(number, prefix, name, text)
            else:
                self.unknown.setdefault(name, number)
        elif match := _PHI.match(line):
            pairs = re.findall(r"(\w+)=(\S+)", match[1])
            values = {name: _number(text) for name, text in pairs}
            self.passages[-1].phi_steps.append(
                {name: value for name, value in values.items() if value is not None}
            )
        else:
            self.report.feed(line)

    def _take(self, number: int, prefix: str, name: str, text: str) -> None:
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
        if values is None or len(values) != key.size:
            needs = f"needs {key.size} number{'s' * (key.size > 1)}"
            self.problems.append(f"line {number}: {name} {needs}, has {text!r}: left out")
            return
        if not all(math.isfinite(x) for x in values):
            self.problems.append(f"line {number}: {name} is not finite: {text.strip()}")
        passage = self.passages[-1]
        if not key.per_block:
            if name in passage.chain and not _same(passage.chain[name], values):
                self.problems.append(f"line {number}: {name} is printed again, with another value")
            passage.chain[name] = values
            self._block = None
            return
        if self._block is None and passage.chain:
            passage = _Passage(number)
            self.passages.append(passage)
        if self._block is None or name in self._block:
            self._block = {}
            passage.blocks.append(self._block)
        self._block[name] = values

    def _join(self) -> _Passage:
        """Keep the last of repeated traces, and join the parts of one."""
        whole = self.passages[0]
        for passage in self.passages[1:]:
            if passage.repeats(whole):
                self.problems.append(
                    f"line {passage.line}: the trace starts again; the last one is used"
                )
                whole = passage
            else:
                first = passage.blocks[0]
                if whole.blocks and not first.keys() & whole.blocks[-1].keys():
                    whole.blocks[-1].update(first)  # the chain came in between
                    del passage.blocks[0]
                whole.blocks += passage.blocks
                whole.chain |= passage.chain
                whole.phi_steps += passage.phi_steps
        return whole

    def finish(self) -> Trace:
        """Return the trace."""
        if not self.prefix:
            raise FileError(
                self.path, "holds no trace: no line starts with TRACE_C:, TRACE_PY: or TRACE_NBCY:"
            )
        if self.unknown:
            names = ", ".join(f"{name} (line {line})" for name, line in self.unknown.items())
            self.problems.append(f"keys nbcy does not know, not judged: {names}")
        whole = self._join()
        facts = self.report.finish()
        traced = facts.get("pixel_traced")
        trace = Trace(
            name=os.fspath(self.path),
            prefix=self.prefix,
            blocks=[
                {name: block[name] for name in KEYS if name in block} for block in whole.blocks
            ],
            chain={name: whole.chain[name] for name in KEYS if name in whole.chain},
            facts=facts,
            phi_steps=whole.phi_steps,
            problems=self.problems,
            pixel=(int(traced.numbers[0]), int(traced.numbers[1])) if traced else None,
        )
        if trace.missing:
            self.problems.append(f"not shown: {', '.join(trace.missing)}")
        return trace


def _last_key(match: re.Match[str] | None) -> bool:
    """Whether a line holds the key with which a trace ends."""
    return match is not None and match[2] == "floatimage_accumulated"


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

"""Reading the logs in which programs trace a pixel (trace 1), and what people make of them.

Logs come truncated, repeated, through Windows, through loggers and terminals, wrapped in megabytes
of progress, or typed by hand. What is there is read; what is missing or odd is said with its line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final

from nbcy.base.errors import FileError
from nbcy.render.facts import ReportReader
from nbcy.render.printed import read_numbers
from nbcy.render.printout import PrintoutReader
from nbcy.render.statements import Reading, Statements
from nbcy.render.vocabulary import KEYS, meaning_of

PREFIXES: Final = ("TRACE_C", "TRACE_PY", "TRACE_NBCY")
"""Prefixes of trace lines: the reference, its Python port, nbcy."""

_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PREFIXED: Final = re.compile(r"(?:^|[\s|>\]\[(:-])(TRACE(?:_[A-Z0-9]+)*)\s*[:\]>]+\s*(.*)$")
_SET_UP: Final = re.compile(r"TRACE_[A-Z]+:([A-Za-z]\w*)=(\S.*)$")
_PHI: Final = re.compile(r"(?:^|\s)TRACE_[A-Z0-9]+_PHI:?\s+(.*)$")
_ASIDE: Final = ("CONFIG", "PHI", "TRICUBIC", "ROTSTAR", "START", "END", "COORDS")
_WORDS_BEHIND: Final = re.compile(r"(\w+)(?:\s+(.*))?$")
_PAIR: Final = re.compile(
    r"([^\W\d_|][^=:|;\t]{0,48}?)\s*(?:==?>?|:=?|->|→|\.{2,}|[|;&\t]|,(?=[-+\d]))\s*(.+)$"
)
_TABLE_ROW: Final = re.compile(r"\s*\|\s*`?([^|`]+?)`?\s*\|\s*([^|]+?)\s*(?:\|.*)?$")
_BARE: Final = re.compile(r"\s*([^\W\d]\w+)\s+([-+\d.\[(].*)$")
_LOGGED: Final = re.compile(
    r"^\s*(?:\[\d{4}-\d\d-\d\d[T ][^\]]*\]|[IWEFD]\d{4} [\d:.]+\s+\d+ [^\s\]]+:\d+\]|"
    r"[\[(]?\d{4}-\d\d-\d\d[T ][\d:.,]+Z?[\])]?|[\[(]?\d\d:\d\d:\d\d(?:[.,]\d+)?[\])]?|"
    r"[\[(]?(?:DEBUG|INFO|WARNING|ERROR|CRITICAL|TRACE)[\])]?(?=[\s:|-])|[-|:]|[A-Za-z_]\w*(?:\.\w+)+(?=\s*[-:|])|"
    r"root(?=[\s:|-]))[\s:|-]*"
)
_SEPARATED: Final = re.compile(r"[=:|;,&→\t]|\w\s+[-+.\d\[(]")
_MARKED_UP: Final = re.compile(r"`|\*\*|\\\\\s*$|\\(?=_)")
"""What Markdown and LaTeX put around a name or behind a row."""

_CELLS: Final = re.compile(r"\bN([abc])\s*[:=]\s*(\d{1,9})\b")
_YAML_NAME: Final = re.compile(r"\s*([^\W\d]\w+):\s*$")
_YAML_ITEM: Final = re.compile(r"\s*-\s+([-+]?[.\d]\S*)\s*$")
_BANNER: Final = "nanoBragg nanocrystal diffraction simulator"
_LONGEST_LINE: Final = 10_000
"""Characters; longer lines are progress or binary data, not a trace."""

_NO_KEYS: Final = frozenset(
    {
        *("time", "elapsed", "runtime", "seconds", "max_i", "mean", "rms", "rmsd", "volume"),
        *("intfile_scale", "pgm_scale", "seed", "version", "date", "line", "step", "iter", "epoch"),
    }
)
"""Names that any program prints and that are no key of a pixel."""


def read_log(path: str | os.PathLike[str], pixel: tuple[int, int] | None = None) -> Reading:
    """Read the trace of one pixel from a log, a table, or a report.

    Parameters
    ----------
    path : path-like
        The log of any program that prints trace lines, ``-printout`` blocks or a report, or a
        table of keys and values.
    pixel : tuple of int, optional
        (slow, fast) of the pixel to take from a log that prints several.

    Returns
    -------
    Reading
        With every block; of a pixel that is traced several times, the last time.

    Raises
    ------
    FileError
        Unreadable, without anything to compare, or with the traces of two programs.
    """
    reader = _LogReader(path, pixel)
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
    """Sorts the lines of one log by who says what."""

    def __init__(self, path: str | os.PathLike[str], pixel: tuple[int, int] | None) -> None:
        self.path = path
        self.prefix = ""
        self.report = ReportReader()
        self.printout = PrintoutReader(pixel)
        self.problems: list[str] = []
        self.traced = Statements(self.problems)
        self.remarked = Statements([])
        self.set_up = Statements([])
        self.typed = Statements([])
        self.reference = False
        self._list_name = ""
        self._list: list[str] = []

    def feed(self, number: int, line: str, complete: bool) -> None:
        """Take one line."""
        if "\x1b" in line:
            line = _ANSI.sub("", line)
        if "TRACE" in line and self._trace_line(number, line, complete):
            return
        if self.printout.feed(number, line):
            return
        self.report.feed(line)
        self.reference |= _BANNER in line
        if len(line) < 400:
            self._typed_line(number, line)

    def _trace_line(self, number: int, line: str, complete: bool) -> bool:
        if match := _PHI.search(line):
            self.traced.phi_step(match[1])
            return True
        match = _PREFIXED.search(line)
        if match is None:
            if not complete and line.lstrip().startswith("TRACE"):
                self._cut(number)
                return True
            return False
        prefix, rest = match[1], match[2]
        parts = prefix.split("_")
        if any(part in _ASIDE for part in parts):
            self.report.feed(line)
            return True
        if not complete and not rest.startswith("floatimage_accumulated"):
            self._cut(number)
            return True
        if len(parts) == 1:
            self.report.feed(rest)
            if pair := _PAIR.match(rest) or _WORDS_BEHIND.match(rest):
                self.remarked.take(number, pair[1], pair[2] or "")
            return True
        self.report.feed(line)
        if setting := _SET_UP.match(line[match.start(1) :]):
            self.set_up.take(number, setting[1], setting[2])
            return True
        self._check_program(number, "_".join(parts[:2]))
        if words := _WORDS_BEHIND.match(rest):
            self.traced.take(number, words[1], words[2] or "", said=True)
        elif pair := _PAIR.match(rest):
            self.traced.take(number, pair[1], pair[2], said=True)
        return True

    def _cut(self, number: int) -> None:
        self.problems.append(f"line {number}: the file ends inside this line: left out")

    def _check_program(self, number: int, prefix: str) -> None:
        if self.prefix and prefix != self.prefix:
            raise FileError(
                self.path,
                f"{prefix} lines follow {self.prefix} lines: two programs' traces in one file; "
                "split it, one trace a file",
                number,
            )
        self.prefix = prefix

    def _typed_line(self, number: int, line: str) -> None:
        if self._listed(number, line) or not _SEPARATED.search(line):
            return
        if counts := _CELLS.findall(line):
            self.typed.cells(counts)
            return
        line = _unlogged(_MARKED_UP.sub("", line))
        row = _TABLE_ROW.match(line) if "|" in line else None
        pair = row or _PAIR.match(line.lstrip()) or _BARE.match(line)
        if pair is None:
            return
        name, text = pair[1].strip(" \"'"), pair[2].strip(" \"'|`")
        words = name.split()
        if len(words) > 4 or any(word.isdigit() for word in words):
            return  # progress
        if meaning_of(name) is not None:
            self.typed.take(number, name, text)
        elif not self.reference and pair.re is not _BARE and _is_new_name(name):
            self.typed.extra(name, text)

    def _listed(self, number: int, line: str) -> bool:
        """Take YAML's lists: a name alone on its line, then a number a line."""
        if self._list_name and (item := _YAML_ITEM.match(line)):
            self._list.append(item[1])
            meaning = meaning_of(self._list_name)
            if meaning and not meaning.setting and len(self._list) == KEYS[meaning.name].size:
                self.typed.take(number, self._list_name, " ".join(self._list))
                self._list_name = ""
            return True
        head = _YAML_NAME.match(line)
        self._list_name, self._list = (head[1] if head else ""), []
        return False

    def finish(self) -> Reading:
        """Return what was found."""
        facts = self.report.finish()
        sources = [
            s for s in (self.traced, self._printed(), self.set_up, self.remarked, self.typed) if s
        ]
        if not sources and len(facts) < 3:
            raise FileError(
                self.path,
                "holds no trace: no line TRACE_C:, TRACE_PY: or TRACE_NBCY:, no -printout block, "
                "no report, and no line 'key = value' with a key that is known",
            )
        main = sources[0] if sources else self.traced
        for other in sources[1:]:
            if other is not self.typed or not self.traced or not self.reference:
                main.complete(other)
        if self.printout.count > 1 and not self.traced:
            found = self.printout.found
            assert found is not None
            self.problems.append(
                f"{self.printout.count} pixels are printed; that of slow {found.pixel[0]}, fast "
                f"{found.pixel[1]} is used"
            )
        prefix = self.prefix or ("TRACE_C" if self.reference else "")
        return main.reading(os.fspath(self.path), prefix, facts, self.problems)

    def _printed(self) -> Statements:
        """Return the printout as statements; I/steps has more digits than I."""
        statements = Statements([])
        found = self.printout.found
        if found is None:
            return statements
        for block in found.blocks:
            statements.next_block()
            for name, text in block.items():
                statements.take(found.line, name, text)
        steps = self.report.steps()
        for name, text in found.chain.items():
            if name != "I_per_step":
                statements.take(found.line, name, text)
            elif steps and (mean := read_numbers(text)):
                statements.put("I_before_scaling", mean.scaled(steps), rank=-1)
        if steps and found.chain:
            statements.take(found.line, "steps", str(steps))
        statements.pixel = found.pixel
        return statements


def _unlogged(line: str) -> str:
    """Take off what logging modules put in front: time, level, name."""
    for _ in range(5):
        shorter = _LOGGED.sub("", line, count=1)
        if shorter == line or not shorter.strip():
            return line
        line = shorter
    return line


def _is_new_name(name: str) -> bool:
    """Whether a name that is not known may be a key of somebody's own."""
    return (
        re.fullmatch(r"[^\W\d]\w{1,40}(?:\s?[\[(][^\])]*[\])])?", name) is not None
        and name.lower() not in _NO_KEYS
    )

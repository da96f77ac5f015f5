"""What was said under which name, put together to the blocks and the chain of one pixel."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from nbcy.render.facts import FULL, Fact, word_of
from nbcy.render.printed import Printed, Style, read_number, read_numbers
from nbcy.render.vocabulary import KEYS, QUANTITIES, Meaning, in_unit, meaning_of, plain_name

Values = tuple[float, ...]
Block = dict[str, Values]


@dataclass(eq=False)
class Reading:
    """A trace as it was read.

    Attributes
    ----------
    name, prefix : str
        Where from, and which program's lines.
    blocks, chain, facts, phi_steps, problems, pixel
        As in `nbcy.render.trace.Trace`.
    halves : dict of str to float
        Half a unit of the last digit that was printed of a key, 0 where it was printed in full.
    extras : dict of str to tuple of float
        What is printed under names that are not known.
    """

    name: str
    prefix: str
    blocks: list[Block]
    chain: Block
    facts: dict[str, Fact]
    phi_steps: list[dict[str, float]]
    problems: list[str]
    pixel: tuple[int, int] | None
    halves: dict[str, float]
    extras: dict[str, Values]


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


_GUESSED_MM: Final[Mapping[str, float]] = {
    "distance": 2.0,
    "close_distance": 2.0,
    "pixel": 5e-3,
    "beam_size": 1e-3,
}
"""Lengths from which on a number without unit must be in mm: in m none is that large."""


def _size(printed: Printed) -> float:
    return max(map(abs, printed.values))


class Statements:
    """Collects statements of one kind of line.

    Parameters
    ----------
    problems : list of str
        Takes what is odd.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        self.passages = [_Passage(0)]
        self.facts: dict[str, Fact] = {}
        self.extras: dict[str, Values] = {}
        self.unread: dict[str, int] = {}
        self.pixel: tuple[int, int] | None = None
        self.style = Style()
        self._printed: dict[str, Printed] = {}
        self._parts: dict[str, dict[int, Printed]] = {}
        self._block: Block | None = None
        self._said_as: dict[str, tuple[str, int]] = {}
        self._filled: dict[str, float] = {}
        self._cells: dict[str, float] = {}

    def __bool__(self) -> bool:
        """Whether anything was said of a key or a setting."""
        whole = self.passages[0]
        return bool(whole.blocks or whole.chain or self.facts or self.extras)

    def take(self, number: int, name: str, text: str, said: bool = False) -> None:
        """Take a name and what stands behind it; ``said``: on a line that must be a key's."""
        text = text.strip()
        text = text[1:].lstrip() if text[:1] in ("=", ":") else text
        meaning = meaning_of(name)
        if meaning is None:
            if said:
                self.unread.setdefault(name, number)
                self.extra(name, text)
            return
        if meaning.setting:
            self._setting(meaning, text)
            return
        size = KEYS[meaning.name].size if meaning.part is None else 1
        printed = read_numbers(text, size)
        if printed is None or len(printed.values) != size:
            self._odd(number, meaning, text, said)
            return
        if not all(math.isfinite(x) for x in printed.values):
            self.problems.append(f"line {number}: {meaning.name} is not finite: {text}")
        printed = _in_key_unit(meaning, printed)
        if meaning.part is not None:
            self._part(meaning, printed, number)
        else:
            self.put(meaning.name, printed, name, meaning.rank, number)

    def _odd(self, number: int, meaning: Meaning, text: str, said: bool) -> None:
        size = KEYS[meaning.name].size
        if said and meaning.part is None:
            needs = f"needs {size} number{'s' * (size > 1)}"
            self.problems.append(f"line {number}: {meaning.name} {needs}, has {text!r}: left out")

    def _part(self, meaning: Meaning, printed: Printed, number: int) -> None:
        parts = self._parts.setdefault(meaning.name, {})
        assert meaning.part is not None
        if meaning.part in parts:
            parts.clear()
        parts[meaning.part] = printed
        if len(parts) == 3:
            ordered = [parts[i] for i in range(3)]
            parts.clear()
            whole = Printed(
                tuple(p.values[0] for p in ordered),
                tuple(p.halves[0] for p in ordered),
                max(p.digits for p in ordered),
                any(p.padded for p in ordered),
            )
            self.put(meaning.name, whole, f"parts of {meaning.name}", meaning.rank, number)

    def put(
        self, name: str, printed: Printed, spelling: str = "", rank: int = 0, number: int = 0
    ) -> None:
        """Enter the numbers of a key."""
        passage = self.passages[-1]
        spelling = spelling or name
        self.style.see(printed)
        if not KEYS[name].per_block:
            if name in passage.chain and not self._prefers(name, spelling, rank, passage.chain):
                self.extras[spelling] = printed.values
                return
            if (
                name in passage.chain
                and self._said_as[name] == (spelling, rank)
                and not _same(passage.chain[name], printed.values)
            ):
                self.problems.append(f"line {number}: {name} is printed again, with another value")
            passage.chain[name] = printed.values
            self._note(name, printed, spelling, rank)
            self._block = None
            return
        if self._block is None and passage.chain:
            passage = _Passage(number)
            self.passages.append(passage)
        if self._block is not None and name in self._block:
            known, before = self._said_as[name]
            if rank > 0 and known == spelling and _same(self._block[name], printed.values):
                return  # set-up lines are repeated; only a key's own name begins a block
            if known != spelling:
                if rank >= before:
                    self.extras[spelling] = printed.values
                    return
                self.extras[known] = self._block[name]
            else:
                self._block = None
        if self._block is None:
            self._block = {}
            passage.blocks.append(self._block)
        self._block[name] = printed.values
        self._note(name, printed, spelling, rank)

    def _prefers(self, name: str, spelling: str, rank: int, home: Block) -> bool:
        """Whether a second name for a key that was read already says it better than the first."""
        known, before = self._said_as[name]
        if known == spelling:
            return True
        if rank < before:
            self.extras[known] = home[name]
        return rank < before

    def _note(self, name: str, printed: Printed, spelling: str, rank: int) -> None:
        self._said_as[name] = (spelling, rank)
        known = self._printed.get(name)
        # of several blocks the largest number: %g rounds it most
        if known is None or _size(known) <= _size(printed):
            self._printed[name] = printed

    def next_block(self) -> None:
        """Begin a block."""
        self._block = {}
        self.passages[-1].blocks.append(self._block)

    def extra(self, name: str, text: str) -> None:
        """Keep numbers under a name that is not known."""
        printed = read_numbers(text)
        if printed is None and ":" in text:
            printed = read_numbers(" ".join(re.findall(r":\s*([-+0-9.eE]+)", text)))
        if printed is not None and 1 <= len(printed.values) <= 9:
            self.extras[plain_name(name)[0]] = printed.values

    def phi_step(self, text: str) -> None:
        """Take a line of one φ step: ``key=value`` pairs."""
        values = {}
        for name, word in re.findall(r"(\w+)=(\S+)", text):
            if (number := read_number(word)) is not None:
                values[name] = number[0]
        self.passages[-1].phi_steps.append(values)

    def _setting(self, meaning: Meaning, text: str) -> None:
        quantity = QUANTITIES[meaning.name]
        if (word := word_of(meaning.name, text)) is not None:
            self.facts[meaning.name] = Fact(word, 0.0, "said")
            return
        if meaning.name == "cells":
            text = re.sub(r"(?<=\d)\s*[xX*]\s*(?=\d)", " ", text)
        printed = read_numbers(text)
        if printed is None or not all(math.isfinite(x) for x in printed.values):
            return
        unit = meaning.unit or printed.unit
        factor = in_unit(unit, quantity.unit) if unit else None
        if factor is None:
            limit = _GUESSED_MM.get(meaning.name, math.inf)
            factor = 1e-3 if printed.values[0] >= limit else 1.0
        values = tuple(x * factor for x in printed.values)
        if meaning.name == "cells" and len(values) == 1:
            values *= 3
        size = max((abs(x) for x in printed.values), default=0.0) or 1.0
        rtol = max(FULL, *(half / size for half in printed.halves)) if printed.digits < 12 else FULL
        if meaning.name in self.facts and meaning.rank > 0:
            return
        self.facts[meaning.name] = Fact(values, rtol, "said")

    def cells(self, counts: Iterable[tuple[str, str]]) -> None:
        """Take numbers of unit cells that are said axis by axis."""
        self._cells.update((axis, float(count)) for axis, count in counts)
        if len(self._cells) == 3:
            self.facts["cells"] = Fact(tuple(self._cells[axis] for axis in "abc"), 0.0, "said")

    def complete(self, other: Statements) -> None:
        """Fill in what only other lines say; the last block stands for the sub-pixel meant."""
        own, theirs = self._join(), other._join()
        taken = {**(theirs.blocks[-1] if len(theirs.blocks) == 1 else {}), **theirs.chain}
        for name, values in taken.items():
            shown = name in own.chain or any(name in block for block in own.blocks)
            if shown or (KEYS[name].per_block and len(own.blocks) > 1):
                continue
            if KEYS[name].per_block:
                if not own.blocks:
                    own.blocks.append({})
                own.blocks[0][name] = values
            else:
                own.chain[name] = values
            printed = other._printed[name]
            self._filled[name] = other.style.half(printed)
        self.passages = [own]
        for name, fact in other.facts.items():
            self.facts.setdefault(name, fact)
        for name, numbers in other.extras.items():
            self.extras.setdefault(name, numbers)
        self.pixel = self.pixel or other.pixel

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
        self.passages = [whole]
        return whole

    def _halves(self) -> dict[str, float]:
        """Return how far each key's numbers are known, where they were not printed in full."""
        halves = {name: self.style.half(printed) for name, printed in self._printed.items()}
        halves |= self._filled
        return {name: half for name, half in halves.items() if half and KEYS[name].kind == "real"}

    def reading(
        self, name: str, prefix: str, facts: dict[str, Fact], problems: list[str]
    ) -> Reading:
        """Return the trace."""
        whole = self._join()
        for known, fact in self.facts.items():
            if known not in facts or facts[known].rtol > fact.rtol:
                facts[known] = fact
        _complete_phi(facts)
        if self.unread:
            names = ", ".join(f"{key} (line {line})" for key, line in self.unread.items())
            problems.append(f"keys nbcy does not know: {names}")
        traced = facts.get("pixel_traced")
        pixel = self.pixel
        if traced is not None and len(traced.value) == 2:
            pixel = (int(traced.numbers[0]), int(traced.numbers[1]))
        elif pixel is not None:
            facts["pixel_traced"] = Fact((float(pixel[0]), float(pixel[1])))
        return Reading(
            name=name,
            prefix=prefix,
            blocks=[{k: block[k] for k in KEYS if k in block} for block in whole.blocks],
            chain={k: whole.chain[k] for k in KEYS if k in whole.chain},
            facts=facts,
            phi_steps=whole.phi_steps,
            problems=problems,
            pixel=pixel,
            halves=self._halves(),
            extras=dict(self.extras),
        )


def _complete_phi(facts: dict[str, Fact]) -> None:
    """Put φ range and steps together from what is said of start, range and number."""
    start, osc, steps = (facts.get(name) for name in ("phi_start", "osc", "phi_steps"))
    if osc is None or "phi_range" in facts:
        return
    first = start.numbers[0] if start is not None else 0.0
    facts["phi_range"] = Fact((first, first + osc.numbers[0]), osc.rtol, "said")
    count = round(steps.numbers[0]) if steps is not None else 0
    if 0 < count <= 100_000 and "phis" not in facts:
        angles = tuple(first + osc.numbers[0] * i / count for i in range(count))
        facts["phis"] = Fact(angles, max(osc.rtol, 1e-12), "said")


def _in_key_unit(meaning: Meaning, printed: Printed) -> Printed:
    """Return numbers in the key's own unit, where they say another."""
    key = KEYS[meaning.name]
    for unit in (printed.unit, meaning.unit):
        factor = in_unit(unit, key.unit) if unit else None
        if factor is not None:
            return printed.scaled(factor) if factor != 1.0 else printed
    if meaning.name == "lambda_meters" and meaning.rank and printed.values[0] > 1e-6:
        return printed.scaled(1e-10)  # no X-ray is that long in m
    return printed


def _same(a: Values, b: Values) -> bool:
    return len(a) == len(b) and all(
        x == y or (math.isnan(x) and math.isnan(y)) for x, y in zip(a, b, strict=True)
    )

"""Which flag a word stands for, and what to say where it is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from nbcy.base.errors import UsageError
from nbcy.flags.table import FLAGS, IDLE, OWN_FLAGS, Flag
from nbcy.flags.values import is_flag, is_number, structure_option

Options = Callable[[], Mapping[str, str]]
"""Returns long options without dashes, with what to call them: ``{"pdb": "--pdb"}``."""

_SURE: Final = 0.85
"""Similarity from which a word is taken for a misspelt name, not for a longer spelling."""

_STEMS: Final[Mapping[str, Flag]] = {
    **{stem: flag for flag in FLAGS.values() for stem in flag.stems},
    **FLAGS,
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a word stands for.

    Attributes
    ----------
    flag : Flag or None
        None where the reference would skip the word.
    note : str
        For the user, where that is not what stands there.
    file : bool
        Of a word that is skipped: the name of a file may follow.
    """

    flag: Flag | None
    note: str = ""
    file: bool = False

    def count(self, words: Sequence[str]) -> int:
        """Return how many words go with one that is skipped."""
        numbers = takewhile(is_number, words)
        named = self.file and words and not is_flag(words[0])
        return max(sum(1 for _ in numbers), 1 if named else 0)


def no_options() -> Mapping[str, str]:
    """Know no long option."""
    return {}


def plain(word: str) -> str:
    """Return a word without its dashes, as long options are written."""
    return word.lstrip("-").replace("_", "-").lower()


def nearest(word: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the name that looks most like a word, whatever its dashes and its case."""
    import difflib

    known = {plain(name): name for name in names}
    close = difflib.get_close_matches(plain(word), known, 1, cutoff)
    return known[close[0]] if close else None


def meaning(word: str, options: Options = no_options) -> Meaning:
    """Find the flag that a word stands for.

    Parameters
    ----------
    word : str
    options : callable, optional
        The long options that the word may have been meant for.

    Raises
    ------
    UsageError
        None, or one that looks misspelt.
    """
    if word in FLAGS:
        return Meaning(FLAGS[word])
    if not is_flag(word):
        raise UsageError(f"stray word {word!r}: it belongs to no flag{_hint_of_stray(word)}")
    single = word[1:] if word.startswith("--") else word
    if single in OWN_FLAGS:
        return Meaning(FLAGS[single])
    idle = next(
        (n for n in IDLE if single == n or (single.startswith(n) and not IDLE[n].exact)), ""
    )
    if idle:
        why = f"it does nothing in the reference: {IDLE[idle].why}"
        return Meaning(None, why, IDLE[idle].file)
    name, equals, value = word.partition("=")
    if equals and name in FLAGS:
        raise UsageError(f"{word}: flags take their values after a blank: {name} {value}")
    shorter = max((stem for stem in _STEMS if single.startswith(stem)), key=len, default=None)
    if shorter is None or plain(word) in options():
        raise _unknown(word, options)
    flag = _STEMS[shorter]
    meant = next((n for n in FLAGS if n.startswith(single)), None) or _misspelt(single)
    if shorter in OWN_FLAGS or (
        meant is not None and FLAGS[meant] is not flag and len(meant) > len(shorter)
    ):
        raise _unknown(word, options)
    if flag.exact and shorter in flag.names:
        return Meaning(None, f"the reference does not know it: use {shorter}")
    return Meaning(flag, f"{word} is read as {shorter if shorter in FLAGS else flag.names[0]}")


def _misspelt(word: str) -> str | None:
    return nearest(word, FLAGS, _SURE)


def _unknown(word: str, options: Options) -> UsageError:
    """Name what a word that is no flag may have been meant for."""
    known = dict(options())
    near = known.get(plain(word))
    if near is None:
        near = next((name for name in FLAGS if name.startswith(word)), None)
    if near is None:
        near = nearest(word, [*FLAGS, *known], 0.5)
        near = known.get(near or "", near)
    hint = f"; did you mean {near}?" if near else "; see nbcy --help"
    return UsageError(f"{word}: there is no such flag{hint}")


def _hint_of_stray(word: str) -> str:
    option = structure_option(word)
    return f"; nbcy simulate {option} {word} takes this file" if option else "; see nbcy --help"

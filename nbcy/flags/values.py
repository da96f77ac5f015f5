"""What follows a flag: how many words, and what each becomes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from nbcy.base.errors import ConfigError, UsageError
from nbcy.config.crystal import MosaicModel
from nbcy.config.quirks import QUIRKS, parse_quirks

_REAL = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_COUNT = re.compile(r"([-+]?\d+)(\.\d*)?")

MAX_SEED: Final = 2**31 - 2
"""Largest seed of the reference's random numbers."""


def is_number(word: str) -> bool:
    """Whether a word is a number."""
    return _REAL.fullmatch(word) is not None


def is_flag(word: str) -> bool:
    """Whether a word can only be a flag."""
    return re.match(r"--?[^\W\d]|-4s", word) is not None


def real(word: str) -> float:
    """Read a finite number."""
    if not is_number(word) or not math.isfinite(value := float(word)):
        raise ValueError("a number")
    return value


def whole(word: str) -> int:
    """Read a whole number; a fraction is cut, as in the reference."""
    match = _COUNT.fullmatch(word)
    if not match:
        raise ValueError("a whole number")
    return int(match[1])


def _positive_or_not_given(word: str) -> int | None:
    count = whole(word)
    return count if count > 0 else None


def _at_least_one(word: str) -> int:
    return max(1, whole(word))


def _steps(word: str) -> int | None:
    """Read the number of spindle steps: 0 is one step, to the reference too."""
    count = whole(word)
    return max(1, count) if count >= 0 else None


def _pixel(word: str) -> int:
    if (index := whole(word)) < 0:
        raise ValueError("a whole number that is not negative")
    return index


def _clipped_pixel(word: str) -> int:
    return max(0, whole(word))


def _threads(word: str) -> int:
    if (count := whole(word)) < 1:
        raise ValueError("a whole number of at least 1")
    return count


def _seed(word: str) -> int:
    if abs(seed := whole(word)) > MAX_SEED:
        raise ValueError(f"a whole number from {-MAX_SEED} to {MAX_SEED}")
    return seed


def _scale(word: str) -> float | None:
    """Read a scale; 0 leaves it to the image."""
    value = real(word)
    if value < 0.0:
        raise ValueError("a number that is not negative")
    return value or None


def _depth(word: str) -> float:
    if word.lower() in ("inf", "infinity"):
        return math.inf
    try:
        return real(word)
    except ValueError:
        raise ValueError("a number or inf") from None


def _choice(*choices: str) -> Callable[[str], str]:
    def convert(word: str) -> str:
        if word not in choices:
            raise ValueError(" or ".join(choices))
        return word

    return convert


def _quirks(word: str) -> list[str]:
    try:
        return sorted(parse_quirks(word))
    except ConfigError as error:
        raise ValueError(f"names of quirks ({', '.join(QUIRKS)}) or all") from error


_STRUCTURES: Final = {".mtz": "mtz", ".cif": "cif", ".mmcif": "cif", ".pdb": "pdb", ".ent": "pdb"}
"""Suffixes of structures, and the option of ``nbcy simulate`` that reads them."""


def structure_option(path: str) -> str | None:
    """Return the option that reads a structure file, by its suffix."""
    plain = path.lower().removesuffix(".gz")
    return next((f"--{o}" for suffix, o in _STRUCTURES.items() if plain.endswith(suffix)), None)


def _reflections(word: str) -> str:
    if option := structure_option(word):
        raise ValueError(f"lines of h k l F (nbcy simulate {option} {word} reads this file)")
    return word


@dataclass(frozen=True, slots=True)
class Takes:
    """The words that follow a flag.

    Attributes
    ----------
    shown : str
        As in the help.
    convert : callable
        From one word to its value; ValueError says what is needed.
    least, most : int
        Number of words.
    keyword : str
        A word that stands for all of them; longer spellings are taken for it.
    value : object
        Of a flag that takes no word.
    """

    shown: str
    convert: Callable[[str], Any]
    least: int = 1
    most: int = 1
    keyword: str = ""
    value: Any = True

    def read(self, name: str, words: Sequence[str], units: str = "") -> tuple[Any, int]:
        """Convert the words that follow a flag.

        Returns
        -------
        value : object
            A tuple where there may be several words; None counts as not given.
        taken : int
            How many words belong to the flag.

        Raises
        ------
        UsageError
            Too few words, or words of the wrong kind.
        """
        if not self.most:
            return self.value, 0
        if self.keyword and words and words[0].startswith(self.keyword):
            return self.keyword, 1
        values: list[Any] = []
        for word in words[: self.most]:
            if is_flag(word):
                break
            try:
                values.append(self.convert(word))
            except ValueError as error:
                if len(values) >= self.least:
                    break
                wanted = f"{error} or {self.shown.rpartition('|')[2]}" if self.keyword else error
                wanted = f"{wanted} ({units})" if units else wanted
                raise UsageError(f"{name}: needs {wanted}, not {word!r}") from error
        if len(values) < self.least:
            what = self.shown if self.most > 1 else "a value"
            got = f"; {words[len(values)]!r} follows" if len(values) < len(words) else ""
            raise UsageError(f"{name}: needs {what}{got}")
        return (values[0] if self.most == 1 else tuple(values)), len(values)


def fixed(value: Any) -> Takes:
    """Take no word and mean ``value``."""
    return Takes("", str, 0, 0, value=value)


ON: Final = fixed(True)
OFF: Final = fixed(False)
REAL: Final = Takes("x", real)
WHOLE: Final = Takes("n", whole)
COUNT: Final = Takes("n", _positive_or_not_given)
CELLS: Final = Takes("n", _at_least_one)
STEPS: Final = Takes("n", _steps)
SEED: Final = Takes("n", _seed)
SCALE: Final = Takes("x", _scale)
THREADS: Final = Takes("n", _threads)
FILE: Final = Takes("FILE", str)
REFLECTIONS: Final = Takes("FILE", _reflections)
VECTOR: Final = Takes("x y z", real, 3, 3)
CELL: Final = Takes("a b c al be ga", real, 1, 6)
MISSET: Final = Takes("x y z|random", real, 3, 3, "rand")
ROI: Final = Takes("x1 x2 y1 y2", _clipped_pixel, 4, 4)
FAST_SLOW: Final = Takes("f s", _pixel, 2, 2)
SLOW_FAST: Final = Takes("s f", _pixel, 2, 2)
DEPTH: Final = Takes("x|inf", _depth)
PIVOT: Final = Takes("sample|beam", _choice("sample", "beam"))
AVERAGE: Final = Takes("sampled|exact", _choice("sampled", "exact"))
PRECISION: Final = Takes("double|single", _choice("double", "single"))
_MODELS: Final = get_args(MosaicModel)
MOSAIC_MODEL: Final = Takes("MODEL", _choice(*_MODELS))
QUIRK_NAMES: Final = Takes("NAME,..|all", _quirks)

"""Words of a command line become a configuration and what to do with its image.

What the reference decides by the order of the flags is decided so here: the last word counts, a
named convention resets the vectors before it, vectors and pivots act from where they stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from nbcy.base.errors import ConfigError, UsageError
from nbcy.config import Config
from nbcy.config.conventions import CONVENTIONS
from nbcy.flags.material import take_material
from nbcy.flags.names import Options, meaning, no_options
from nbcy.flags.table import CELLS, FLAGS, OWN_FLAGS, Flag, Settings
from nbcy.flags.values import is_flag
from nbcy.flags.words import blame


@dataclass(frozen=True, slots=True)
class Run:
    """What a command line asks for apart from the configuration.

    Attributes
    ----------
    floatfile, intfile : str or None
        Names of the images that the reference always writes; None for none.
    pgmfile, noisefile : str
        Names of the other two.
    noise, pgm : bool
        Whether to write these two.
    scale, pgmscale : float or None
        Counts per photon of the SMV and the PGM image; None lets the image decide.
    adc : float
        Added to every pixel of the SMV images.
    seed : int
        Of the noise.
    printout : bool
        Print every pixel.
    printout_pixel, trace_pixel : tuple of int, or None
        ``(fast, slow)`` and ``(slow, fast)``.
    threads : int or None
    progress : bool
        Show a progress bar where there is a terminal.
    """

    floatfile: str | None = "floatimage.bin"
    intfile: str | None = "intimage.img"
    pgmfile: str = "image.pgm"
    noisefile: str = "noiseimage.img"
    noise: bool = True
    pgm: bool = True
    scale: float | None = None
    pgmscale: float | None = None
    adc: float = 40.0
    seed: int = 1
    printout: bool = False
    printout_pixel: tuple[int, int] | None = None
    trace_pixel: tuple[int, int] | None = None
    threads: int | None = None
    progress: bool = True


@dataclass(frozen=True, slots=True)
class Invocation:
    """A parsed command line.

    Attributes
    ----------
    config : Config
    run : Run
    given : mapping of str to str
        The flag as typed, or the header, by the name of the setting.
    headers : tuple of str
        Files whose headers gave defaults, in the order in which they were read.
    notes : tuple of str
        For the user: what was read otherwise than written.
    """

    config: Config
    run: Run
    given: Mapping[str, str]
    headers: tuple[str, ...]
    notes: tuple[str, ...]


# A flag overrides a header or a configuration file also where these say it in other words.
_DISPLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "crystal.cell_angstrom_deg": ("crystal.matrix", "crystal.matrix_file"),
    "crystal.matrix_file": ("crystal.matrix", "crystal.cell_angstrom_deg"),
    **dict.fromkeys(CELLS, ("crystal.size_x_mm", "crystal.size_y_mm", "crystal.size_z_mm")),
    "beam.fluence_photons_per_m2": ("beam.flux_photons_per_s",),
    "detector.size_fast_mm": ("detector.pixels_fast",),
    "detector.size_slow_mm": ("detector.pixels_slow",),
    "detector.pixels_fast": ("detector.size_fast_mm",),
    "detector.pixels_slow": ("detector.size_slow_mm",),
    "detector.distance_mm": ("detector.close_distance_mm",),
}

_VECTORS: Final = frozenset(
    path for flag in FLAGS.values() if flag.turns_custom for path in flag.sets
)


@dataclass(slots=True)
class _Line:
    """What has been read so far."""

    settings: Settings = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    custom: bool = False
    pivot: str | None = None
    pivots_by: str = ""

    def read(self, words: Sequence[str], options: Options) -> None:
        """Read flags and their values."""
        at = 0
        while at < len(words):
            word = words[at]
            at += 1
            meant = meaning(word, options)
            if meant.flag is None:
                skipped = meant.count(words[at:])
                text = " ".join([word, *words[at : at + skipped]])
                self.notes.append(f"{text} is skipped, {meant.note}")
                at += skipped
                continue
            if meant.note:
                self.notes.append(meant.note)
            value, taken = meant.flag.read(word, words[at:])
            self._note_other_counts(word, words[at : at + taken], value)
            self._set(meant.flag, word, value)
            at += taken

    def _note_other_counts(self, flag: str, words: Sequence[str], value: Any) -> None:
        """Say which whole numbers are not the ones that stand there."""
        if value is None:
            self.notes.append(f"{flag} {words[0]} counts as not given")
            return
        numbers = value if isinstance(value, tuple) else (value,)
        for word, number in zip(words, numbers, strict=False):
            if isinstance(number, int) and float(word) != number:
                self.notes.append(f"{flag} {' '.join(words)}: {word} is read as {number}")

    def _set(self, flag: Flag, word: str, value: Any) -> None:
        new = flag.settings(value)
        if flag.names_convention:
            self._reset_vectors(word)
            self.custom = False
            self.pivot, self.pivots_by = CONVENTIONS[value].pivot, word
        self.custom = self.custom or flag.turns_custom
        self.settings |= new
        self.given |= dict.fromkeys((key for key, new in new.items() if new is not None), word)
        if flag.pivot or flag.sets == ("detector.pivot",):
            self.pivot, self.pivots_by = flag.pivot or value, word
        if flag.sets == ("detector.mask_file",):
            self.masks.append(value)
        elif flag.sets == ("run.img",):
            self.images.append(value)

    def _reset_vectors(self, convention: str) -> None:
        reset = [path for path in self.settings if path in _VECTORS]
        if reset:
            flags = ", ".join(self.given.pop(path) for path in reset)
            self.notes.append(f"{convention} comes after {flags} and sets every vector again")
        for path in reset:
            del self.settings[path]

    def settle_pivot(self) -> None:
        """Let the last flag decide in the convention custom, where no rule imposes a pivot."""
        if not self.custom:
            return
        if self.pivot is None and self.headers:
            self.pivot = "beam"  # headers turn nothing
        if self.pivot is None:
            return
        explicit = self.settings.get("detector.pivot")
        if explicit not in (None, self.pivot):
            self.notes.append(
                f"-pivot {explicit} is overruled by {self.pivots_by}, which comes after it and "
                f"pivots on the {self.pivot}"
            )
        self.settings["detector.pivot"] = self.pivot

    @property
    def headers(self) -> dict[str, str]:
        """Files whose headers give defaults, with their flags: images go before masks."""
        found: dict[str, str] = {}
        for path, flag in [(p, "-mask") for p in self.masks[-1:]] + [
            (p, "-img") for p in self.images
        ]:
            found.pop(path, None)
            found[path] = flag
        return found


def parse(
    argv: Sequence[str],
    base: Config | None = None,
    options: Options = no_options,
    *,
    amorphous: bool = False,
) -> Invocation:
    """Read a command line of the reference's flags.

    Parameters
    ----------
    argv : sequence of str
        The words after the program's name.
    base : Config, optional
        What the flags override.
    options : callable, optional
        Long options that unknown words may have been meant for.
    amorphous : bool
        The sample is the background's material, not a crystal.

    Returns
    -------
    Invocation

    Raises
    ------
    UsageError
        An unknown flag, a missing or wrong value, a stray word, an impossible setting.
    FileError
        A header or table that cannot be read.
    """
    line = _Line()
    line.read(argv, options)
    line.settle_pivot()
    settings, given = line.settings, line.given
    material = take_material(settings, given, line.notes, amorphous)
    if material is not None:
        settings["background.materials"] = [material]
    run = {key[4:]: settings.pop(key) for key in list(settings) if key.startswith("run.")}
    run.pop("img", None)
    displaced = [
        rival
        for field, rivals in _DISPLACES.items()
        if settings.get(field) is not None
        for rival in rivals
    ]
    defaults = _header_defaults(line.headers, given)
    try:
        config = (base or Config()).with_overrides(
            {**defaults, **dict.fromkeys(displaced), **settings}
        )
    except ConfigError as error:
        raise UsageError(blame(error, given)) from error
    return Invocation(config, replace(Run(), **run), given, tuple(line.headers), tuple(line.notes))


def _header_defaults(headers: Mapping[str, str], given: dict[str, str]) -> Settings:
    """Read the settings that images bring along."""
    defaults: Settings = {}
    for path, flag in headers.items():
        from nbcy.formats.smv import header_defaults, read_smv

        new = header_defaults(read_smv(path)[0], flag == "-mask", path)
        defaults |= new
        for name in new:
            given.setdefault(name, f"{flag} {path}")
    return defaults


def split(words: Sequence[str], options: Options = no_options) -> tuple[list[str], list[str]]:
    """Separate the reference's flags, with their values, from a subcommand's own words.

    Parameters
    ----------
    words : sequence of str
        Long options, the short ones -h and -o, positional words, and flags, in any order.
    options : callable, optional
        The subcommand's long options, which unknown words may have been meant for.

    Returns
    -------
    flags, others : list of str

    Raises
    ------
    UsageError
        As `parse`.
    """
    flags: list[str] = []
    others: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        own = word.startswith("--") and word[1:] in OWN_FLAGS
        if word in ("-h", "-o") or not (is_flag(word) and (own or not word.startswith("--"))):
            others.append(word)
            continue
        start = at - 1
        meant = meaning(word, options)
        if meant.flag is None:
            at += meant.count(words[at:])
        else:
            at += meant.flag.read(word, words[at:])[1]
        flags += words[start:at]
    return flags, others

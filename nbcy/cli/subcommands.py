"""Subcommands: the parser of their words.

A subcommand is a module of this package, with underscores for dashes, that is imported only when
used. It has ``add_parser(subparsers)``, which adds its argparse parser, and ``run(args)``, which
returns the exit status. A module with ``TAKES_FLAGS = True`` also gets the reference's flags, in
``args.flags``; one with ``READS_WORDS = True`` all words there but those of every subcommand.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any, NoReturn

from nbcy.base.errors import UsageError
from nbcy.flags.names import nearest, plain

IMAGES = ".nxs .h5 .cbf .img .tif .edf .npy .bin"
"""What files of images are usually called: the registry, which needs NumPy, is no help to help."""


class Parser(argparse.ArgumentParser):
    """Parses without abbreviations, and raises in place of printing a usage and leaving."""

    def __init__(self, **options: Any) -> None:
        # Arguments are tried on a formatter, which would look for the terminal's width.
        narrow = partial(argparse.RawDescriptionHelpFormatter, width=80)
        super().__init__(allow_abbrev=False, formatter_class=narrow, **options)

    def format_help(self) -> str:
        """Return the help, as wide as the terminal."""
        self.formatter_class = argparse.RawDescriptionHelpFormatter
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Raise a UsageError."""
        raise UsageError(f"{message}; see {self.prog} --help")


def parser_of(name: str) -> tuple[Any, Parser, Parser]:
    """Return the module of a subcommand, its parser's parent, and its parser."""
    module = import_module(f"nbcy.cli.{name.replace('-', '_')}")
    parent = Parser(prog="nbcy")
    # Named, as argparse would otherwise load what formats help to find a name.
    subparsers = parent.add_subparsers(parser_class=Parser, prog="nbcy")
    module.add_parser(subparsers)
    parser = subparsers.choices[name]
    parser.add_argument("--quiet", action="store_true", help="say nothing but what is asked for")
    if "--threads" not in parser._option_string_actions:
        parser.add_argument(
            "--threads", type=_threads, metavar="N", help="threads (default: all processors)"
        )
    return module, parent, parser


def _threads(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"needs a whole number of at least 1, not {word!r}")
    return int(word)


def long_options(name: str) -> dict[str, str]:
    """Return the long options of a subcommand by what is left without dashes."""
    _, _, parser = parser_of(name)
    return {plain(option): option for option in _options(parser)}


def _options(parser: Parser) -> list[str]:
    return [option for option in parser._option_string_actions if option.startswith("--")]


def run_subcommand(name: str, words: list[str]) -> int:
    """Parse the words after a subcommand's name, run it, and return the exit status.

    Raises
    ------
    UsageError
        Words that it does not take.
    """
    module, parent, parser = parser_of(name)
    takes_flags = getattr(module, "TAKES_FLAGS", False)
    flags: list[str] = []
    if takes_flags:
        from nbcy.flags.parsing import split

        flags, words = split(words, lambda: {plain(option): option for option in _options(parser)})
    if getattr(module, "READS_WORDS", False):
        flags, words = _apart(words)
    try:
        args, unknown = parent.parse_known_args([name, *words])
    except SystemExit:  # --help has printed itself
        return 0
    if unknown:
        raise UsageError(f"unrecognized arguments: {' '.join(unknown)}; {_hint(name, unknown)}")
    args.flags = flags
    with _threads_of(args.threads):
        return int(module.run(args))


def _apart(words: list[str]) -> tuple[list[str], list[str]]:
    """Separate another program's words from those that every subcommand takes."""
    flags: list[str] = []
    own: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--threads":
            own += [word, *[following for following in [next(rest, None)] if following]]
        elif word in ("--help", "-h", "--quiet") or word.startswith("--threads="):
            own.append(word)
        else:
            flags.append(word)
    return flags, own


@contextmanager
def _threads_of(count: int | None) -> Iterator[None]:
    """Have what renders in the block use so many threads, where nothing else is said."""
    before = os.environ.get("OMP_NUM_THREADS")
    try:
        if count is not None:
            os.environ["OMP_NUM_THREADS"] = str(count)
        yield
    finally:
        if count is not None:
            os.environ.pop("OMP_NUM_THREADS")
            if before is not None:
                os.environ["OMP_NUM_THREADS"] = before


def _hint(name: str, words: Sequence[str]) -> str:
    """Name what the first unknown word may stand for."""
    from nbcy.flags.table import FLAGS
    from nbcy.flags.values import structure_option

    module, _, parser = parser_of(name)
    takes_flags = getattr(module, "TAKES_FLAGS", False)
    option = next((word for word in words if word.startswith("-")), "")
    known = [*_options(parser), *(FLAGS if takes_flags else ())]
    near = nearest(option, known) if option else None
    if near is None and takes_flags and (kind := structure_option(words[0])):
        near = f"{kind} {words[0]}"
    return f"did you mean {near}?" if near else f"see nbcy {name} --help"

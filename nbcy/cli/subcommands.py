"""Subcommands: the parser of their words.

A subcommand is a module of this package, with underscores for dashes, that is imported only when
used. It has ``add_parser(subparsers)``, which adds its argparse parser, and ``run(args)``, which
returns the exit status. A module with ``TAKES_FLAGS = True`` also gets the reference's flags, in
``args.flags``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from functools import partial
from importlib import import_module
from typing import Any, NoReturn

from nbcy.base.errors import UsageError


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


def run_subcommand(name: str, words: list[str]) -> int:
    """Parse the words after a subcommand's name, run it, and return the exit status.

    Raises
    ------
    UsageError
        Words that it does not take.
    """
    module = import_module(f"nbcy.cli.{name.replace('-', '_')}")
    flags: list[str] = []
    if getattr(module, "TAKES_FLAGS", False):
        from nbcy.flags.parsing import split

        flags, words = split(words)
    parser = Parser(prog="nbcy")
    # Named, as argparse would otherwise load what formats help to find a name.
    subparsers = parser.add_subparsers(parser_class=Parser, prog="nbcy")
    module.add_parser(subparsers)
    try:
        args, unknown = parser.parse_known_args([name, *words])
    except SystemExit:  # --help has printed itself
        return 0
    if unknown:
        known = set(subparsers.choices[name]._option_string_actions)
        if getattr(module, "TAKES_FLAGS", False):
            from nbcy.flags.table import FLAGS

            known.update(FLAGS)
        hint = _nearest(unknown, known) or f"see nbcy {name} --help"
        raise UsageError(f"unrecognized arguments: {' '.join(unknown)}; {hint}")
    args.flags = flags
    return int(module.run(args))


def _nearest(words: Sequence[str], known: Iterable[str]) -> str:
    """Name the option that the first unknown one may stand for, whatever its dashes."""
    option = next((word for word in words if word.startswith("-")), "")
    plain = {name.lstrip("-").replace("_", "-").lower(): name for name in known}
    written = option.lstrip("-").replace("_", "-").lower()
    from difflib import get_close_matches

    near = get_close_matches(written, plain, 1, 0.6)
    return f"did you mean {plain[near[0]]}?" if near else ""

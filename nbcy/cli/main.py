"""The entry point: drop-in flags or a subcommand, and the exit status.

A subcommand is a module of this package, with underscores for dashes, that is imported only when
used. It has ``add_parser(subparsers)``, which adds its argparse parser, and ``run(args)``, which
returns the exit status. A module with ``TAKES_FLAGS = True`` also gets the reference's flags, in
``args.flags``.
"""

from __future__ import annotations

import argparse
import difflib
import gc
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final, NoReturn

from nbcy.base.errors import KernelError, NbcyError, UsageError, WriteError
from nbcy.cli.messages import Failure, note, warnings_as_notes

SUBCOMMANDS: Final[Mapping[str, str]] = {
    "simulate": "an image from a configuration file, a structure, the flags below",
    "trace": "every number on the way to one pixel",
    "audit": "where two traces diverge, and why",
    "compare": "two images, pixel by pixel",
    "convert": "images from one format to another",
    "view": "a picture of an image, with resolution rings",
    "structure-factors": "a list in P1 from PDB, mmCIF or MTZ, and what it holds",
    "demo": "interleukin-1 beta on an Eiger: from coordinates that ship with nbcy to a frame",
    "info": "what was built and what runs",
}
"""The subcommands, each a module of that name, with underscores for dashes."""

USAGE: Final = """\
usage: nbcy FLAG [VALUE ...] ...    nanoBragg's flags, report and files
       nbcy SUBCOMMAND ...          nbcy SUBCOMMAND --help says more
       nbcy --help | --version

example: nbcy -cell 100 100 100 90 90 90 -default_F 100 -lambda 6.2 -N 5 -distance 100 \\
              -detpixels 96 -pixel 0.4
"""

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130


class Parser(argparse.ArgumentParser):
    """Parses without abbreviations, and raises in place of printing a usage and leaving."""

    def __init__(self, **options: object) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Raise a UsageError."""
        raise UsageError(f"{message}; see {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after the program's name. Default ``sys.argv``, of a process that is the command
        line's own: it is tuned to start quickly.

    Returns
    -------
    int
        0 done; 1 failed while running; 2 wrong use or unreadable input; 130 interrupted.
    """
    if argv is None:
        _start_quickly()
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        with warnings_as_notes():
            status = _dispatch(words)
        if sys.stdout is not None:  # a daemon may have none
            sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        note("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; spare the interpreter's own flush at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except NbcyError as error:
        note(f"error: {error}")
        failed = isinstance(error, Failure | KernelError | WriteError)
        return FAILED if failed else WRONG_USE
    except (OSError, MemoryError) as error:
        note(f"error: {str(error) or 'out of memory'}")
        return FAILED


def _start_quickly() -> None:
    """Spare a process that is ours alone what only slows its start.

    BLAS would start threads that nothing here needs and that spin beside ours for 20 ms, and the
    collector would look again and again through what was imported, which stays. Threads that spin
    while they wait stand in their own way where others are busy.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    gc.set_threshold(200_000)


def _dispatch(words: list[str]) -> int:
    if not words:
        raise UsageError("nothing to do: give flags or a subcommand; see nbcy --help")
    first = words[0]
    if first in SUBCOMMANDS:
        return _run_subcommand(first, words[1:])
    if first in ("--version", "-version"):
        from nbcy.version import __version__

        print(f"nbcy {__version__}")
        return DONE
    if first in ("-h", "-help", "help") or "--help" in words:
        from nbcy.flags.flags import help_text

        print(USAGE)
        print("subcommands")
        for name, text in SUBCOMMANDS.items():
            print(f"  {name:<32}{text}")
        print()
        print(help_text())
        return DONE
    if not first.startswith("-"):
        near = difflib.get_close_matches(first, SUBCOMMANDS, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else "see nbcy --help"
        raise UsageError(f"{first!r} is neither a flag nor a subcommand; {hint}")
    status: int = _load("dropin").run(words)
    return status


def _load(name: str) -> Any:
    return import_module(f"nbcy.cli.{name}")


def _run_subcommand(name: str, words: list[str]) -> int:
    module = _load(name.replace("-", "_"))
    flags: list[str] = []
    if getattr(module, "TAKES_FLAGS", False):
        from nbcy.flags.flags import split

        flags, words = split(words)
    parser = Parser(prog="nbcy")
    subparsers = parser.add_subparsers(parser_class=Parser)
    module.add_parser(subparsers)
    try:
        args, unknown = parser.parse_known_args([name, *words])
    except SystemExit:  # --help has printed itself
        return DONE
    if unknown:
        known = set(subparsers.choices[name]._option_string_actions)
        if getattr(module, "TAKES_FLAGS", False):
            from nbcy.flags.flags import FLAGS

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
    near = difflib.get_close_matches(written, plain, 1, 0.6)
    return f"did you mean {plain[near[0]]}?" if near else ""

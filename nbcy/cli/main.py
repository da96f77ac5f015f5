"""The entry point: drop-in flags or a subcommand, and the exit status."""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from nbcy.base.errors import KernelError, NbcyError, UsageError, WriteError
from nbcy.cli.messages import Failure, complain, quietly, warnings_as_notes

SUBCOMMANDS: Final[Mapping[str, str]] = {
    "simulate": "an image from a configuration file, a structure, the flags below",
    "background": "nonBragg's flags, report and files; F(s) of an image",
    "trace": "every number on the way to one pixel",
    "audit": "where two traces diverge, and why",
    "compare": "two images, pixel by pixel",
    "noisify": "noisify's flags: what a detector reads where photons are expected",
    "convert": "images from one format to another",
    "view": "a picture of an image, with resolution rings",
    "structure-factors": "a list in P1 from PDB, mmCIF or MTZ, and what it holds",
    "demo": "interleukin-1 beta on an Eiger: from coordinates that ship with nbcy to a frame",
    "info": "what was built and what runs",
    "completion": "a script that completes words in bash, zsh or fish",
}
"""The subcommands, each a module of that name, with underscores for dashes."""

QUIET: Final = ("-quiet", "--quiet")
"""Words that may stand anywhere."""

USAGE: Final = """\
usage: nbcy FLAG [VALUE ...] ...    nanoBragg's flags, report and files
       nbcy SUBCOMMAND ...          nbcy SUBCOMMAND --help says more
       nbcy --help | --version
       --quiet anywhere: nothing but errors and what was asked for

example: nbcy -cell 100 100 100 90 90 90 -default_F 100 -lambda 6.2 -N 5 -distance 100 \\
              -detpixels 96 -pixel 0.4
"""

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130


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
        _make_streams_usable()
    given = sys.argv[1:] if argv is None else argv
    words = [word for word in given if word not in QUIET]
    try:
        with quietly(len(words) < len(given)), warnings_as_notes():
            status = _dispatch(words)
        if sys.stdout is not None:  # whoever calls us may have none
            sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; spare the interpreter's own flush at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except NbcyError as error:
        complain(f"error: {_shortened(str(error))}")
        failed = isinstance(error, Failure | KernelError | WriteError)
        return FAILED if failed else WRONG_USE
    except (OSError, MemoryError) as error:
        complain(f"error: {str(error) or 'out of memory'}")
        return FAILED


def _shortened(text: str) -> str:
    """Leave the middle out of words that nobody wants to read again."""
    words = text.split()
    return " ".join(word if len(word) <= 200 else f"{word[:80]}...{word[-40:]}" for word in words)


def _start_quickly() -> None:
    """Spare a process that is ours alone what only slows its start.

    BLAS would start threads that nothing here needs and that spin beside ours for 20 ms, and the
    collector would look again and again through what was imported, which stays. Threads that spin
    while they wait stand in their own way where others are busy.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    gc.set_threshold(200_000)


def _make_streams_usable() -> None:
    """Print into nothing where stdout is closed, and around characters that it does not have."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _dispatch(words: list[str]) -> int:
    if not words:
        raise UsageError("nothing to do: give flags or a subcommand; see nbcy --help")
    first = words[0]
    if first in SUBCOMMANDS:
        from nbcy.cli.subcommands import run_subcommand

        return run_subcommand(first, words[1:])
    if first in ("--version", "-version"):
        from nbcy.version import __version__

        print(f"nbcy {__version__}")
        return DONE
    if first in ("-h", "-help", "help") or "--help" in words:
        from nbcy.flags.help import help_text

        print(USAGE)
        print("subcommands")
        for name, text in SUBCOMMANDS.items():
            print(f"  {name:<32}{text}")
        print()
        print(help_text())
        return DONE
    if not first.startswith("-"):
        import difflib

        from nbcy.flags.values import structure_option

        near = difflib.get_close_matches(first, SUBCOMMANDS, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else "see nbcy --help"
        if option := structure_option(first):
            hint = f"did you mean nbcy simulate {option} {first}?"
        raise UsageError(f"{first!r} is neither a flag nor a subcommand; {hint}")
    from nbcy.cli import dropin

    return dropin.run(words)

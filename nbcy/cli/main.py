"""The entry point: which face of the command line is meant, and what an error looks like."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from nbcy.errors import NbcyError

SUBCOMMANDS = {
    "simulate": "render images from a config file, flags, or both",
    "demo": "render a lysozyme pattern that ships with nbcy",
    "trace": "explain one pixel step by step",
    "audit": "find where and why two traces diverge",
    "compare": "compare two images",
    "info": "what was built, and what runs",
}
"""One module of `nbcy.cli` each, with ``run(argv) -> int``; imported only when asked for."""

USAGE = """\
usage: nbcy FLAGS...              nanoBragg's flags, report and files
       nbcy SUBCOMMAND ...        see nbcy SUBCOMMAND --help

example:
  nbcy -cell 100 100 100 90 90 90 -default_F 100 -lambda 6.2 -N 5 -distance 100 -detpixels 96 -pixel 0.4

subcommands:
"""


def help_text() -> str:
    """Return what ``nbcy --help`` prints."""
    from nbcy.cli.flags import help_text

    names = "".join(f"  {name:<10} {what}\n" for name, what in SUBCOMMANDS.items())
    return f"{USAGE}{names}\nflags:{help_text()}\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Default ``sys.argv[1:]``.

    Returns
    -------
    int
        0 done; 1 failed while running (or, for audit and compare, different); 2 wrong use or unusable
        input; 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(words)
    except NbcyError as error:
        print(f"nbcy: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("nbcy: interrupted, nothing more is written", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has left, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, MemoryError) as error:
        print(f"nbcy: failed: {str(error) or type(error).__name__}", file=sys.stderr)
        return 1


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("--help", "-help", "-h"):
        print(help_text(), end="")
        return 0 if words else 2
    if words[0] in ("--version", "-version"):
        from nbcy.version import __version__

        print(f"nbcy {__version__}")
        return 0
    if words[0] in SUBCOMMANDS:
        run = import_module(f"nbcy.cli.{words[0]}").run
        try:
            return int(run(words[1:]))
        except SystemExit as stop:  # argparse has printed what was wrong
            return int(stop.code or 0)
    if not words[0].startswith("-"):
        import difflib

        from nbcy.errors import UsageError

        near = difflib.get_close_matches(words[0], SUBCOMMANDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(SUBCOMMANDS)}"
        raise UsageError(f"no subcommand {words[0]!r}: {hint}")
    from nbcy.cli.dropin import run as run_flags

    return run_flags(words)

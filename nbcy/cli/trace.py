"""``nbcy trace``: every number on the way to one pixel."""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nbcy.base.errors import UsageError
from nbcy.cli.messages import note
from nbcy.cli.simulate import add_inputs, read_inputs
from nbcy.render.trace import Trace

if TYPE_CHECKING:
    from nbcy.render.simulator import Simulator

TAKES_FLAGS = True


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "trace",
        usage="nbcy trace [CONFIG.toml|CONFIG.json|LOG] [--pdb|--mtz|--cif FILE] "
        "[FLAG [VALUE ...] ...] [--set KEY=VALUE] --pixel SLOW FAST [--panel NAME] "
        "[--format table|log|json|equation|printout] [-o FILE]",
        description="Print every number on the way to one pixel, from the detector's origin to "
        "photons: with the same\nphysics that renders the image, or from a trace log or trace JSON "
        "that was written before.",
        epilog="example: nbcy trace -cell 100 -N 5 -default_F 100 -lambda 6.2 -detpixels 96 "
        "-pixel 0.4 --pixel 40 61",
    )
    add_inputs(parser)
    parser.add_argument(
        "--pixel",
        nargs=2,
        type=int,
        metavar=("SLOW", "FAST"),
        help="the pixel; -trace_pixel among the flags does the same",
    )
    parser.add_argument(
        "--panel", metavar="NAME", help="its panel, by name or number; default the first"
    )
    parser.add_argument(
        "--format",
        choices=("table", "log", "json", "equation", "printout"),
        default="table",
        help="for people (default), lines as the reference prints them, everything as JSON, or the "
        "scaling chain as an equation",
    )
    parser.add_argument("--top", type=int, default=5, metavar="N", help="largest steps to list")
    parser.add_argument(
        "--all-steps", action="store_true", help="JSON: every step, however many there are"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write to a file, not to the terminal"
    )


def run(args: argparse.Namespace) -> int:
    """Trace."""
    if args.top < 1:
        raise UsageError(f"--top {args.top}: needs at least 1")
    trace = _trace(args)
    write: dict[str, Callable[[io.TextIOBase], object]] = {
        "table": lambda file: file.write(trace.to_table(args.top)),
        "log": lambda file: file.write(trace.to_log()),
        "json": lambda file: _write_json(trace, file, args.all_steps),
        "equation": lambda file: file.write(trace.explain()),
        "printout": lambda file: file.write(_printout(trace)),
    }
    if args.output is None:
        write[args.format](sys.stdout)  # type: ignore[arg-type]
        return 0
    from nbcy.base.atomic import atomic_write

    with atomic_write(args.output) as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8", newline="\n")
        write[args.format](text)
        text.flush()
        text.detach()
    return 0


def _printout(trace: Trace) -> str:
    try:
        return trace.to_printout()
    except KeyError as error:
        raise UsageError(f"--format printout: {error.args[0]} is not shown") from error


def _write_json(trace: Trace, file: io.TextIOBase, every: bool) -> None:
    if every:
        trace.to_json(file, max_steps=None)  # type: ignore[arg-type]
    else:
        trace.to_json(file)  # type: ignore[arg-type]


def _trace(args: argparse.Namespace) -> Trace:
    from nbcy.render.simulator import Simulator

    if args.config is not None and not args.flags and not args.set and _is_trace(args.config):
        if args.pixel is not None:
            raise UsageError(f"--pixel: {args.config} is a trace and holds one pixel")
        return Trace.read(args.config)
    invocation = read_inputs(args)
    for text in invocation.notes:
        note(text)
    pixel = args.pixel or invocation.run.trace_pixel
    if pixel is None:
        raise UsageError("which pixel? give --pixel SLOW FAST")
    simulator = Simulator(invocation.config)
    slow, fast = pixel
    return simulator.trace(slow, fast, _panel(args.panel, simulator))


def _panel(wanted: str | None, simulator: Simulator) -> int:
    """Find a panel by its name, else by its number."""
    names = [panel.name for panel in simulator.scene.geometry.panels]
    numbers = [str(number) for number in range(len(names))]
    for known in (names, numbers):
        if wanted in known:
            return known.index(wanted)
    if wanted is None:
        return 0
    raise UsageError(f"--panel {wanted}: there is {', '.join(names)}")


def _is_trace(path: str) -> bool:
    """Whether a file is a trace and not a configuration."""
    from nbcy.render.trace import JSON_FORMAT

    if Path(path).suffix.lower() == ".toml":
        return False
    with contextlib.suppress(OSError), open(path, "rb") as file:
        start = file.read(4096).lstrip()
        return not start.startswith(b"{") or JSON_FORMAT.encode() in start
    return False

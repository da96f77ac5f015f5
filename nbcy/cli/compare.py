"""``nbcy compare``: two images, and the worst pixel's audit where both sides can be run."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbcy.errors import UsageError

if TYPE_CHECKING:
    from nbcy.auditing.images import Pixels
    from nbcy.simulator import Simulator


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "compare",
        description="Compare two images pixel by pixel. A side is an image (.bin .raw .float raw "
        "float32, .img .smv, .npy) or what makes one: a TOML or JSON configuration, a file of "
        "nanoBragg's flags, or the flags themselves as one quoted word. "
        "Exit status 0: they agree, 1: they differ, 2: unusable input.",
        epilog="example: nbcy compare floatimage.bin other.npy --difference difference.png",
    )
    parser.add_argument("a", metavar="A")
    parser.add_argument("b", metavar="B")
    parser.add_argument("--rtol", type=float, default=1e-6, metavar="X", help="default: 1e-6")
    parser.add_argument(
        "--floor",
        type=float,
        default=1e-12,
        metavar="X",
        help="absolute tolerance, as a fraction of A's brightest pixel (default: 1e-12)",
    )
    parser.add_argument(
        "--shape", type=int, nargs=2, metavar=("SLOW", "FAST"), help="of raw images"
    )
    parser.add_argument(
        "--difference", metavar="FILE", help="picture of B - A as a PNG: red B, blue A brighter"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--audit",
        action="store_true",
        help="audit the worst pixel; both sides must be runnable, by themselves or by --run-a, "
        "--run-b",
    )
    parser.add_argument("--run-a", metavar="RUN", help="what makes A: flags or configuration")
    parser.add_argument("--run-b", metavar="RUN", help="what makes B")


def run(args: argparse.Namespace) -> int:
    """Compare."""
    from nbcy.auditing.images import compare_images, difference_png
    from nbcy.io.atomic import atomic_write, check_destination

    if args.difference:
        if Path(args.difference).suffix.lower() != ".png":
            raise UsageError(f"--difference {args.difference}: must end in .png")
        check_destination(args.difference)
    for name in ("rtol", "floor"):
        if not 0.0 <= getattr(args, name) < 1.0:
            raise UsageError(f"--{name} {getattr(args, name):g}: must be from 0 to 1")
    runs = (_simulator(args.run_a or args.a), _simulator(args.run_b or args.b))
    if args.audit and None in runs:
        side = "A: --run-a" if runs[0] is None else "B: --run-b"
        raise UsageError(f"--audit: say what makes {side} takes flags or a configuration")
    a, b = _pixels(args, runs)
    result = compare_images(a, b, (args.a, args.b), args.rtol, args.floor)
    if args.difference:
        with atomic_write(args.difference) as file:
            file.write(difference_png(a, b))
    if args.json:
        print(json.dumps(result.to_dict(), indent=2))
    else:
        print(result.to_text(), end="")
    if args.audit and not result.agrees:
        from nbcy.auditing import audit

        first, second = runs
        assert first is not None
        assert second is not None
        print(f"\n{audit(first, second, pixel=result.worst).to_text()}", end="")
    return 0 if result.agrees else 1


def _simulator(name: str) -> Simulator | None:
    """Return the simulator of a side that is run, None for an image."""
    from nbcy.auditing.sources import is_runnable, open_run

    return open_run(name) if is_runnable(name) else None


def _pixels(
    args: argparse.Namespace, runs: tuple[Simulator | None, Simulator | None]
) -> tuple[Pixels, Pixels]:
    """Read the sides that are images, render those that are not."""
    from nbcy.auditing.images import read_pair, read_pixels
    from nbcy.auditing.sources import is_runnable

    shape = tuple(args.shape) if args.shape else None
    live = [is_runnable(name) for name in (args.a, args.b)]
    if not any(live):
        return read_pair(args.a, args.b, shape)
    rendered = [
        simulator.run().pixels.astype(np.float64) if simulator is not None and alive else None
        for simulator, alive in zip(runs, live, strict=True)
    ]
    known = next(pixels for pixels in rendered if pixels is not None)
    a, b = (
        read_pixels(name, shape or known.shape) if pixels is None else pixels
        for name, pixels in zip((args.a, args.b), rendered, strict=True)
    )
    return a, b

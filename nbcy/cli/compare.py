"""``nbcy compare``: how two images are related, how they differ, and why."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from nbcy.base.errors import FileError, UsageError
from nbcy.cli.subcommands import IMAGES

if TYPE_CHECKING:
    from nbcy.auditing.image_audit import ImageAudit
    from nbcy.auditing.images import Pixels
    from nbcy.formats.frames import Recording
    from nbcy.render.simulator import Simulator

NO_RELATION = "No simple relation between the images was found."


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "compare",
        description=f"""\
Tell how two images are related (scaled, rounded, noisy, turned, shifted, binned, cut, ...),
and compare them pixel by pixel. A side is an image ({IMAGES},
where .bin is raw float32; frame_#####.cbf for a series, which is compared frame by frame)
or what makes one: a TOML or JSON configuration, a file of nanoBragg's flags, or the flags
themselves as one quoted word.
Exit status 0: they agree, 1: they differ, 2: unusable input.""",
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
        "--frame",
        type=int,
        metavar="N",
        help="of series: this one alone, from 1; the other side may be a single image",
    )
    parser.add_argument(
        "--difference", metavar="FILE", help="picture of B - A as a PNG: red B, blue A brighter"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--audit",
        action="store_true",
        help="say why they differ: check that each run makes its image, try quirks and settings, "
        "audit the worst pixels; a side must be runnable, by itself or by --run-a, --run-b",
    )
    parser.add_argument(
        "--pixels", type=int, default=3, metavar="N", help="how many are audited (default: 3)"
    )
    parser.add_argument("--full", action="store_true", help="print the audits of these pixels")
    parser.add_argument("--run-a", metavar="RUN", help="what makes A: flags or configuration")
    parser.add_argument("--run-b", metavar="RUN", help="what makes B")


def run(args: argparse.Namespace) -> int:
    """Compare."""
    from nbcy.auditing.images import compare_images, difference_png
    from nbcy.auditing.relations import find_relation
    from nbcy.base.atomic import atomic_write, check_destination

    if args.difference:
        if Path(args.difference).suffix.lower() != ".png":
            raise UsageError(f"--difference {args.difference}: must end in .png")
        check_destination(args.difference)
    for name in ("rtol", "floor"):
        if not 0.0 <= getattr(args, name) < 1.0:
            raise UsageError(f"--{name} {getattr(args, name):g}: must be from 0 to 1")
    if args.pixels < 1:
        raise UsageError(f"--pixels {args.pixels}: must be at least 1")
    runs = (_simulator(args.run_a or args.a), _simulator(args.run_b or args.b))
    if args.audit and runs == (None, None):
        raise UsageError(
            "--audit: say what makes A or B: --run-a and --run-b take flags or a configuration"
        )
    with ExitStack() as files:
        a, b = (files.enter_context(side) for side in _sides(args, runs))
        numbers = _frame_numbers(args, a, b)
        if a.shape != b.shape:
            return _compare_shapes(args, a, b, numbers[0])
        results = [
            compare_images(*_pair(a, b, n), (args.a, args.b), args.rtol, args.floor)
            for n in numbers
        ]
        worst = max(range(len(results)), key=lambda n: results[n].max_difference)
        result, agreeing = results[worst], sum(r.agrees for r in results)
        pair = _pair(a, b, numbers[worst])
        relation = find_relation(*pair, (a.measurement, b.measurement))
        if args.difference:
            with atomic_write(args.difference) as file:
                file.write(difference_png(*pair))
    reason = _reason(args, pair, runs) if args.audit and not result.agrees else None
    if args.json:
        figures = [each.to_dict() for each in results]
        figures[worst]["relation"] = None if relation is None else relation.to_dict()
        if reason is not None:
            figures[worst]["audit"] = reason.to_dict()
        print(json.dumps(figures if len(results) > 1 else figures[0], indent=2))
    else:
        if len(results) > 1:
            print(f"{agreeing} of {len(results)} frames agree; the worst is frame {worst + 1}:")
        print(relation.to_text() if relation else NO_RELATION)
        print(result.to_text(), end="")
        if reason is not None:
            for _, _, report in reason.pixels if args.full else ():
                print(f"\n{report.to_text()}", end="")
            print(f"\n{reason.to_text()}", end="")
    return 0 if agreeing == len(results) else 1


def _frame_numbers(args: argparse.Namespace, a: Recording, b: Recording) -> Sequence[int]:
    """Return which frames, from 0, are compared.

    Raises
    ------
    UsageError
        There are no such frames, or other numbers of them.
    """
    count = max(a.count, b.count)
    if a.count != b.count and (args.frame is None or 1 not in (a.count, b.count)):
        hint = "; --frame N compares one" if 1 in (a.count, b.count) else ""
        raise UsageError(f"{args.a} has {a.count} frames, {args.b} has {b.count}{hint}")
    if args.frame is not None and not 1 <= args.frame <= count:
        raise UsageError(f"--frame {args.frame}: there are 1 to {count}")
    return range(count) if args.frame is None else [args.frame - 1]


def _compare_shapes(args: argparse.Namespace, a: Recording, b: Recording, number: int) -> int:
    """Tell how images of different shapes are related.

    Raises
    ------
    FileError
        They are not.
    """
    from nbcy.auditing.relations import find_relation

    sizes = [" x ".join(map(str, recording.shape)) for recording in (a, b)]
    if args.audit or args.difference:
        option = "--audit" if args.audit else "--difference"
        raise UsageError(f"{option}: {args.a} has {sizes[0]} pixels, {args.b} has {sizes[1]}")
    relation = find_relation(*_pair(a, b, number), (a.measurement, b.measurement))
    if relation is None:
        raise FileError(
            args.b,
            f"has {sizes[1]} pixels, {args.a} has {sizes[0]}, and neither is "
            "a part of the other, binned or reshaped",
        )
    if args.json:
        shapes = {"names": [args.a, args.b], "shapes": [a.shape, b.shape], "agrees": False}
        print(json.dumps({**shapes, "relation": relation.to_dict()}, indent=2))
    else:
        print(relation.to_text())
        print(f"A  {args.a}: {sizes[0]} pixels (slow x fast)")
        print(f"B  {args.b}: {sizes[1]} pixels")
        print("The images differ in shape.")
    return 1


def _reason(
    args: argparse.Namespace,
    pair: tuple[Pixels, Pixels],
    runs: tuple[Simulator | None, Simulator | None],
) -> ImageAudit:
    """Find out why the images differ."""
    from nbcy.auditing.image_audit import Side, audit_images
    from nbcy.auditing.sources import is_runnable

    a, b = (
        Side(
            label, name, pixels, None if simulator is None else simulator.config, is_runnable(name)
        )
        for label, name, pixels, simulator in zip("AB", (args.a, args.b), pair, runs, strict=True)
    )
    return audit_images(a, b, args.pixels)


def _simulator(name: str) -> Simulator | None:
    """Return the simulator of a side that is run, None for an image."""
    from nbcy.auditing.sources import is_runnable, open_run

    return open_run(name) if is_runnable(name) else None


def _sides(
    args: argparse.Namespace, runs: tuple[Simulator | None, Simulator | None]
) -> tuple[Recording, Recording]:
    """Open the sides that are images, render those that are not."""
    from nbcy.auditing.images import open_pair
    from nbcy.auditing.sources import is_runnable
    from nbcy.formats.frames import open_recording

    shape = tuple(args.shape) if args.shape else None
    live = [is_runnable(name) for name in (args.a, args.b)]
    if not any(live):
        return open_pair(args.a, args.b, shape)
    rendered = [
        _rendered(simulator, name) if simulator is not None and alive else None
        for simulator, alive, name in zip(runs, live, (args.a, args.b), strict=True)
    ]
    known = next(recording for recording in rendered if recording is not None)
    a, b = (
        open_recording(name, shape or known.shape) if recording is None else recording
        for name, recording in zip((args.a, args.b), rendered, strict=True)
    )
    return a, b


def _rendered(simulator: Simulator, name: str) -> Recording:
    from nbcy.formats.frames import Frame, Recording
    from nbcy.image.measuring import stacked_pixels

    pixels = stacked_pixels(simulator.run())
    slow, fast = pixels.shape
    return Recording(name, (slow, fast), 1, lambda _: Frame(pixels))


def _pair(a: Recording, b: Recording, n: int) -> tuple[Pixels, Pixels]:
    """Read a frame of both sides; a single image stands for any.

    What one side flags as not measured and the other, which may have no flags, holds as 0 is
    equal.
    """
    frames = [side.frame(n if side.count > 1 else 0) for side in (a, b)]
    x, y = (frame.photons() for frame in frames)
    for flagged, other in ((frames[0].invalid, y), (frames[1].invalid, x)):
        if flagged is not None and flagged.shape == other.shape:
            other[flagged & (other == 0.0)] = math.nan
    return x, y

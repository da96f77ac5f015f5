"""``nbcy simulate``: a configuration file, the reference's flags, or both."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nbcy.cli.flags import Invocation, parse
from nbcy.errors import ConfigError, UsageError

TAKES_FLAGS = True


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "simulate",
        usage="nbcy simulate [CONFIG.toml|CONFIG.json] [FLAG [VALUE ...] ...] [--set KEY=VALUE] "
        "[--frames N] [--noise] [-o FILE]",
        description="Simulate an image from a configuration file, nanoBragg's flags (see nbcy "
        "--help), or both.\nFlags override --set, which overrides the file.",
        epilog="examples: nbcy simulate experiment.toml -N 20 --set beam.energy='12 keV' "
        "-o image.img -o image.png\n"
        "          nbcy simulate experiment.toml --frames 90 --noise -o series.nxs "
        "-o frame_#####.cbf",
    )
    add_inputs(parser)
    parser.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="FILE",
        help="what to write, by suffix: .nxs .h5 .cbf .img .tif .edf .npy .bin .pgm .png image, "
        ".toml .json the configuration; repeatable. Default: the reference's files",
    )
    parser.add_argument(
        "--frames",
        type=int,
        metavar="N",
        help="a rotation series, each frame spindle.osc_deg further on; outputs are .nxs, "
        "_master.h5, or a name with ##### for the number, from 1",
    )
    parser.add_argument(
        "--noise",
        action="store_true",
        help="outputs hold counted photons; -seed N for the first frame, N + 1 for the next, ...",
    )
    parser.add_argument(
        "--dtype",
        choices=("uint16", "uint32", "int32", "float32"),
        help="pixels of .nxs .h5 .tif .edf (default: integers for counts, else float32)",
    )
    parser.add_argument(
        "--compression", choices=("lz4", "zstd", "none"), help="of .nxs .h5 (default: lz4)"
    )
    parser.add_argument(
        "--noise-stream",
        choices=("numpy", "reference"),
        default="numpy",
        help="random numbers of the noise image (default: numpy)",
    )


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that `read_inputs` reads."""
    parser.add_argument("config", nargs="?", metavar="CONFIG", help="TOML or JSON file")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set a field, as in crystal.cells=[20,20,20]; repeatable",
    )


def read_inputs(args: argparse.Namespace) -> Invocation:
    """Read a configuration file, ``--set`` and the reference's flags, in this order.

    Parameters
    ----------
    args : Namespace
        With ``config``, ``set`` and ``flags``.

    Returns
    -------
    Invocation

    Raises
    ------
    UsageError, ConfigError, FileError
        Something in it is wrong.
    """
    from nbcy.config import Config

    if args.config is None and not (args.set or args.flags):
        raise UsageError("nothing to simulate: give a configuration file or flags")
    base = Config() if args.config is None else Config.load(args.config)
    return parse(args.flags, base.with_overrides(_settings(args.set)))


def _settings(assignments: Sequence[str]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {assignment}: needs KEY=VALUE, as in crystal.cells=[20,20,20]")
        try:
            settings[key.strip()] = json.loads(text)
        except json.JSONDecodeError:
            settings[key.strip()] = text  # a name, or a quantity such as 12 keV
    return settings


def run(args: argparse.Namespace) -> int:
    """Simulate."""
    from nbcy.cli.dropin import execute, is_config, only_named
    from nbcy.io.formats import output_format

    invocation = read_inputs(args)
    if args.frames is not None or args.noise or args.dtype or args.compression:
        return _run_series(args, invocation)
    if args.output:
        invocation = replace(invocation, run=only_named(invocation))
        for path in args.output:
            try:
                if not is_config(path):
                    output_format(path)
            except ConfigError as error:
                raise UsageError(f"-o {path}: {error.expected}, .toml, .json") from error
    inputs = [] if args.config is None else [args.config]
    return execute(invocation, stream=args.noise_stream, outputs=args.output, inputs=inputs)


def _run_series(args: argparse.Namespace, invocation: Invocation) -> int:
    """Render frames into the files that were named."""
    from nbcy.cli.dropin import check_outputs, is_config
    from nbcy.cli.flags import blame
    from nbcy.cli.messages import note, running
    from nbcy.cli.progress import progress_bar
    from nbcy.series import check_outputs as check_series
    from nbcy.series import frames, save_frames

    count = 1 if args.frames is None else args.frames
    images = [path for path in args.output if not is_config(path)]
    if not images:
        raise UsageError("--frames, --noise, --dtype and --compression: say where to with -o FILE")
    unused = ("run.floatfile", "run.intfile", "run.pgmfile", "run.noisefile", "run.trace_pixel")
    for name in unused:
        if name in invocation.given:
            raise UsageError(f"{invocation.given[name]}: does not go with --frames or --noise")
    run, config = invocation.run, invocation.config
    try:
        rendered = frames(
            config, count, threads=run.threads, seed=abs(run.seed) if args.noise else None
        )
        check_series(images, count, args.dtype, args.compression)
    except ConfigError as error:
        raise UsageError(blame(error, invocation.given)) from error
    inputs = [] if args.config is None else [args.config]
    check_outputs(invocation, args.output, inputs)
    for text in invocation.notes:
        note(text)
    with running():
        for path in args.output:
            if is_config(path):
                config.save(path)
        with progress_bar(run.progress) as progress:
            save_frames(
                rendered,
                images,
                count,
                dtype=args.dtype,
                compression=args.compression,
                progress=progress,
            )
    print(f"{count} frame{'s' if count > 1 else ''}: {', '.join(args.output)}")
    return 0

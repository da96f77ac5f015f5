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
        "[-o FILE]",
        description="Simulate an image from a configuration file, nanoBragg's flags (see nbcy "
        "--help), or both.\nFlags override --set, which overrides the file.",
        epilog="example: nbcy simulate experiment.toml -N 20 --set beam.energy='12 keV' "
        "-o image.img -o image.png",
    )
    add_inputs(parser)
    parser.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="FILE",
        help="what to write, by suffix: .bin .img .pgm .png .npy image, .toml .json the "
        "configuration; repeatable. Default: the reference's files",
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
    from nbcy.image import output_format

    invocation = read_inputs(args)
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

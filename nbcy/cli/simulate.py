"""``nbcy simulate``: a configuration file, the reference's flags, or both."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nbcy.cli.flags import Invocation, blame, parse
from nbcy.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from nbcy.config import Config

TAKES_FLAGS = True


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "simulate",
        usage="nbcy simulate [CONFIG.toml|CONFIG.json] [--geometry FILE | --detector NAME] "
        "[FLAG [VALUE ...] ...] [--set KEY=VALUE] [--frames N] [--noise] [-o FILE]",
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
        ".toml .json the configuration, .expt .geom XDS.INP XPARM.XDS the geometry; repeatable. "
        "Default: the reference's files",
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
        "--geometry",
        metavar="FILE",
        help="take detector, beam, spindle and crystal from DIALS .expt, CrystFEL .geom, XDS.INP, "
        "XPARM.XDS, or the header of a NeXus, miniCBF or SMV image; CONFIG overrides it",
    )
    parser.add_argument(
        "--detector",
        metavar="NAME",
        help="a common detector: pilatus2m, pilatus6m, eiger4m, eiger9m, eiger16m, jungfrau16m, "
        "rayonix_mx340, ...",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set a field, as in crystal.cells=[20,20,20]; repeatable",
    )


def read_inputs(args: argparse.Namespace) -> Invocation:
    """Read a geometry, a configuration file, ``--set`` and the reference's flags, in this order.

    Parameters
    ----------
    args : Namespace
        With what `add_inputs` adds, and ``flags``.

    Returns
    -------
    Invocation

    Raises
    ------
    UsageError, ConfigError, FileError
        Something in it is wrong.
    """
    from nbcy.config import Config

    named = args.config, args.geometry, args.detector
    if named == (None, None, None) and not (args.set or args.flags):
        raise UsageError("nothing to simulate: give a configuration file or flags")
    if args.geometry is not None and args.detector is not None:
        raise UsageError("--detector: the detector is that of --geometry")
    base = Config()
    if args.geometry is not None:
        from nbcy.geometry import Geometry

        base = Geometry.read(args.geometry).config
    if args.config is not None:
        base = base.with_overrides(_flat(Config.load(args.config)))
    invocation = parse(args.flags, base.with_overrides(_settings(args.set)))
    if args.detector is not None:
        invocation = replace(invocation, config=_preset(args.detector, invocation))
    return invocation


def _flat(config: Config) -> dict[str, Any]:
    """Return dotted fields and their values."""
    flat: dict[str, Any] = {}
    for section, values in config.to_dict().items():
        if isinstance(values, dict):
            flat |= {f"{section}.{name}": value for name, value in values.items()}
        else:
            flat[section] = values
    return flat


def _preset(name: str, invocation: Invocation) -> Config:
    """Put a common detector under what else is said about the detector."""
    from nbcy.config import Detector

    try:
        given = invocation.config.detector.to_dict()
        detector = Detector.preset(name, **given)
    except ConfigError as error:
        reason = error.expected if error.value == name else blame(error, invocation.given)
        raise UsageError(f"--detector {name}: {reason}") from error
    return invocation.config.model_copy(update={"detector": detector})


def _inputs(args: argparse.Namespace) -> list[str]:
    """Return the files that were read, and must not be written to."""
    return [path for path in (args.config, args.geometry) if path is not None]


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
    from nbcy.cli.dropin import DESCRIPTIONS, execute, is_description, only_named
    from nbcy.io.formats import output_format
    from nbcy.io.frames import is_template

    invocation = read_inputs(args)
    numbered = any(map(is_template, args.output))
    if args.frames is not None or numbered or args.noise or args.dtype or args.compression:
        return _run_series(args, invocation)
    if args.output:
        invocation = replace(invocation, run=only_named(invocation))
        for path in args.output:
            try:
                if not is_description(path):
                    output_format(path)
            except ConfigError as error:
                raise UsageError(f"-o {path}: {error.expected}, {DESCRIPTIONS}") from error
    return execute(invocation, stream=args.noise_stream, outputs=args.output, inputs=_inputs(args))


def _run_series(args: argparse.Namespace, invocation: Invocation) -> int:
    """Render frames into the files that were named."""
    from nbcy.cli.dropin import check_outputs, is_description, save_description
    from nbcy.cli.messages import note, running
    from nbcy.cli.progress import progress_bar
    from nbcy.scene import build_scene
    from nbcy.series import check_outputs as check_series
    from nbcy.series import frames, save_frames

    count = 1 if args.frames is None else args.frames
    images = [path for path in args.output if not is_description(path)]
    if not images:
        raise UsageError("--frames, --noise, --dtype and --compression: say where to with -o FILE")
    unused = ("run.floatfile", "run.intfile", "run.pgmfile", "run.noisefile", "run.trace_pixel")
    for name in unused:
        if name in invocation.given:
            raise UsageError(f"{invocation.given[name]}: does not go with --frames or --noise")
    run, config = invocation.run, invocation.config
    try:
        rendered = frames(
            config,
            count,
            threads=run.threads,
            seed=abs(run.seed) if args.noise else None,
            stream=args.noise_stream,
        )
        check_series(images, count, args.dtype, args.compression)
    except ConfigError as error:
        raise UsageError(blame(error, invocation.given)) from error
    check_outputs(invocation, args.output, _inputs(args))
    for text in invocation.notes:
        note(text)
    with running():
        for path in args.output:
            if is_description(path):
                save_description(path, build_scene(config), count)
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

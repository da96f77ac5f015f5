"""``nbcy simulate``: a configuration file, a structure, the reference's flags, or all of them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from nbcy.base.errors import ConfigError, UsageError
from nbcy.cli.subcommands import IMAGES
from nbcy.flags.parsing import Invocation, parse
from nbcy.flags.values import structure_option
from nbcy.flags.words import blame

if TYPE_CHECKING:
    from nbcy.config import Config, Response
    from nbcy.formats.geometry import Geometry

TAKES_FLAGS = True

_STRUCTURES: Final[Mapping[str, str]] = {
    "pdb": "coordinates, PDB or mmCIF: structure factors are calculated, with bulk solvent",
    "mtz": "measured amplitudes or intensities",
    "cif": "mmCIF, of coordinates or of structure factors",
}
_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "pdb": ("coordinates",),
    "mtz": ("mtz",),
    "cif": ("coordinates", "reflections"),
}

CELLS: Final = 20
"""Unit cells along each axis when only a structure is given."""

FLUENCE: Final = 1e24
"""Photons/m² then: the focus of a free electron laser."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "simulate",
        usage="nbcy simulate [CONFIG.toml|CONFIG.json] [--pdb|--mtz|--cif FILE] "
        "[--geometry FILE | --detector NAME] [FLAG [VALUE ...] ...] [--set KEY=VALUE] "
        "[--frames N] [--noise] [-o FILE]",
        description="Simulate an image from a configuration file, a structure, nanoBragg's flags\n"
        "(see nbcy --help), or all of them. Flags override the structure, which overrides --set,\n"
        "which overrides the file. With a structure and no file, what an image needs and nothing\n"
        "gives is chosen, and said.",
        epilog="examples: nbcy simulate --pdb model.pdb --detector eiger4m -distance 200 "
        "-o image.png\n"
        "          nbcy simulate experiment.toml -N 20 --set beam.energy='12 keV' "
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
        help=f"what to write, by suffix: {IMAGES} .pgm .png image, "
        ".toml .json the configuration, .expt .geom XDS.INP XPARM.XDS the geometry; repeatable. "
        "Default: the reference's files",
    )
    parser.add_argument(
        "--frames",
        type=int,
        metavar="N",
        help="a rotation series, each frame -osc further on; images go to .nxs, _master.h5, or a "
        "name with ##### for the number, from 1",
    )
    parser.add_argument(
        "--noise",
        action="store_true",
        help="outputs hold counted photons; every frame of -seed N has a stream of its own",
    )
    parser.add_argument(
        "--response",
        action="store_true",
        help="outputs hold what a detector reads, after the configuration's section response",
    )
    parser.add_argument(
        "--response-preset",
        metavar="NAME",
        help="the same, after simtbx, noisify, ccd, photon_counting or integrating, which the "
        "section overrides",
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
        "--experiment",
        type=int,
        metavar="N",
        help="which of the experiments of an .expt, from 0 (default: the first)",
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
        help="set a value by its path, as in crystal.cells=[20,20,20] or crystal.misset_deg.x=5; "
        "repeatable",
    )
    structure = parser.add_mutually_exclusive_group()
    for kind, text in _STRUCTURES.items():
        structure.add_argument(f"--{kind}", metavar="FILE", help=text)
    parser.add_argument(
        "--column", metavar="NAME", help="what to read of MTZ or structure factor mmCIF"
    )
    parser.add_argument(
        "--anomalous", action="store_true", default=None, help="keep Friedel mates apart"
    )


def read_inputs(args: argparse.Namespace) -> Invocation:
    """Read a geometry, a configuration file, ``--set``, a structure and the flags, in this order.

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

    if args.config is not None and (option := structure_option(args.config)):
        raise UsageError(f"{args.config} is no configuration: give it as {option} {args.config}")
    structure = _structure(args)
    named = args.config, args.geometry, args.detector
    if named == (None, None, None) and not (args.set or args.flags or structure):
        raise UsageError("nothing to simulate: give a configuration file, a structure or flags")
    if args.experiment is not None and args.geometry is None:
        raise UsageError("--experiment: say of which file, --geometry FILE")
    if args.geometry is not None and args.detector is not None:
        raise UsageError("--detector: the detector is that of --geometry")
    base, opened = Config(), None
    if args.geometry is not None:
        from nbcy.formats.geometry import Geometry

        geometry = Geometry.read(args.geometry, args.experiment)
        if geometry.distance_open:  # the panels come when the distance is known
            opened = geometry
            base = geometry.at_distance(1.0).config.with_overrides({"detector.panels": ()})
        else:
            base = geometry.config
    if args.config is not None:
        base = base.with_overrides(_flat(Config.load(args.config)))
    base = base.with_overrides(settings_of(args.set)).with_overrides(structure)
    invocation = parse(args.flags, base)
    if opened is not None:
        invocation = _place_at_distance(opened, args.geometry, invocation)
    if args.detector is not None:
        invocation = replace(invocation, config=_preset(args.detector, invocation))
    if "crystal.structure_file" not in structure:
        return invocation
    if "crystal.hkl_file" in invocation.given:
        raise UsageError("-hkl cannot be given along with --pdb, --mtz or --cif")
    return invocation if args.config is not None else _complete(invocation)


def _place_at_distance(geometry: Geometry, path: str, invocation: Invocation) -> Invocation:
    """Put panels where ``-distance`` or ``detector.distance`` says; the file leaves it open."""
    config = invocation.config
    distance = config.detector.distance_mm
    if distance is None:
        raise UsageError(f"--geometry {path}: it leaves the distance open; give -distance")
    panels = geometry.at_distance(distance).panels
    placed = config.with_overrides({"detector.distance_mm": None, "detector.panels": panels})
    return replace(invocation, config=placed)


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
    return invocation.config.replace(detector=detector)


def _inputs(args: argparse.Namespace) -> list[str]:
    """Return the files that were read, and must not be written to."""
    named = (args.config, args.geometry, args.pdb, args.mtz, args.cif)
    return [path for path in named if path is not None]


def _structure(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the options of a structure set.

    Raises
    ------
    UsageError
        The file holds something else.
    """
    settings: dict[str, Any] = {}
    for option, kinds in _KINDS.items():
        path = getattr(args, option)
        if path is None:
            continue
        from nbcy.inputs.structures import NAMES, structure_kind

        kind = structure_kind(path)
        if kind not in kinds:
            fitting = next(name for name, others in _KINDS.items() if kind in others)
            raise UsageError(f"--{option} {path}: this is {NAMES[kind]}; give it as --{fitting}")
        settings["crystal.structure_file"] = path
    for name in ("column", "anomalous"):
        if getattr(args, name) is not None:
            settings[f"crystal.{name}"] = getattr(args, name)
    return settings


def _complete(invocation: Invocation) -> Invocation:
    """Choose what makes an image worth looking at, where nothing says otherwise."""
    crystal, beam = invocation.config.crystal, invocation.config.beam
    chosen: dict[str, Any] = {}
    notes: list[str] = []
    if (crystal.matrix, crystal.matrix_file, crystal.misset_deg) == (None, None, None):
        chosen["crystal.misset_random"] = True
        if not crystal.misset_random and crystal.misset_seed is None:
            notes.append("no orientation is given: a random one is taken (-misset, -misset_seed)")
    if (crystal.cells, crystal.size_x_mm, crystal.size_y_mm, crystal.size_z_mm) == (None,) * 4:
        chosen["crystal.cells"] = CELLS
        notes.append(f"no size is given: {CELLS} unit cells along each axis are taken (-N)")
    if beam.fluence_photons_per_m2 is None and beam.flux_photons_per_s is None:
        chosen["beam.fluence_photons_per_m2"] = FLUENCE
        notes.append(
            f"no intensity is given: a fluence of {FLUENCE:g} photons/m² is taken, 1e12 photons on "
            "a square micrometre (-fluence, -flux)"
        )
    spectral = (beam.wavelength_angstrom, beam.energy_ev, beam.source_file, beam.spectrum_file)
    if spectral == (None,) * 4 and not beam.spectrum:
        notes.append("no wavelength is given: 1 Å is taken (-lambda, -energy)")
    detector = invocation.config.detector
    if not detector.panels:
        if (detector.pixels_fast, detector.size_fast_mm) == (None, None):
            notes.append(
                "no detector is given: 102.4 mm square of 0.1 mm pixels is taken (--detector, "
                "-detpixels, -pixel)"
            )
        placed = (detector.distance_mm, detector.close_distance_mm, detector.pix0_mm)
        if placed == (None, None, None):
            notes.append("no distance is given: 100 mm is taken (-distance)")
    return replace(
        invocation,
        config=invocation.config.with_overrides(chosen),
        notes=(*invocation.notes, *notes),
    )


def settings_of(assignments: Sequence[str]) -> dict[str, Any]:
    """Return the values of ``--set KEY=VALUE``, by path."""
    if not assignments:
        return {}
    import json

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
    from nbcy.formats.frame import is_template
    from nbcy.formats.registry import output_format

    invocation = read_inputs(args)
    numbered = any(map(is_template, args.output))
    reads = args.noise or args.response or args.response_preset
    if args.frames is not None or numbered or reads or args.dtype or args.compression:
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


def _response(args: argparse.Namespace, config: Config) -> Response | None:
    """Return what the detector does, if anything was asked for."""
    from nbcy.config import Response

    if not (args.response or args.response_preset):
        return None
    if args.noise:
        raise UsageError("--noise: a response counts photons itself; leave out --noise")
    if args.response_preset is None:
        return config.response
    return Response.preset(args.response_preset, **config.response.to_dict())


def _run_series(args: argparse.Namespace, invocation: Invocation) -> int:
    """Render frames into the files that were named."""
    from nbcy.cli.dropin import (
        check_outputs,
        check_scatters,
        check_scene,
        is_description,
        note_ahead,
        save_description,
    )
    from nbcy.cli.messages import note, running, say
    from nbcy.cli.progress import progress_bar
    from nbcy.formats.registry import output_format, pixel_kind
    from nbcy.render.simulator import Simulator
    from nbcy.work.series import check_outputs as check_series
    from nbcy.work.series import frames_of, save_frames

    count = 1 if args.frames is None else args.frames
    images = [path for path in args.output if not is_description(path)]
    if not images:
        raise UsageError(
            "--frames, --noise, --response, --dtype and --compression: say where to with -o FILE"
        )
    files = ("floatfile", "intfile", "pgmfile", "noisefile")
    for option in (*files, "scale", "adc", "pgmscale", "printout_pixel", "printout", "trace_pixel"):
        if (name := f"run.{option}") in invocation.given:
            others = "--frames, --noise, --response, --dtype or --compression"
            raise UsageError(f"{invocation.given[name]}: does not go with {others}")
    run = invocation.run
    try:
        response = _response(args, invocation.config)
        simulator = Simulator(invocation.config)
        rendered = frames_of(
            simulator,
            count,
            threads=run.threads,
            seed=abs(run.seed) if args.noise or response is not None else None,
            stream=args.noise_stream,
            response=response,
        )
        check_series(images, count, args.dtype, args.compression)
        wide = pixel_kind("nxmx", args.noise or response is not None, args.dtype) in (
            "uint32",
            "int32",
        )
    except ConfigError as error:
        raise UsageError(blame(error, invocation.given)) from error
    scene = simulator.scene
    check_scatters(scene)
    check_scene(scene, args.output)
    # XDS reads no floats, and XDS.INP tells the largest pixel of 32 bits.
    named = [path for path in images if wide or output_format(path) != "nxmx"]
    check_outputs(invocation, args.output, _inputs(args))
    for text in invocation.notes:
        note(text)
    note_ahead(scene, run, frames=count)
    with running():
        for path in args.output:
            if is_description(path):
                save_description(path, scene, count, named)
        with progress_bar(run.progress) as progress:
            save_frames(
                rendered,
                images,
                count,
                dtype=args.dtype,
                compression=args.compression,
                progress=progress,
            )
    say(f"{count} frame{'s' if count > 1 else ''}: {', '.join(args.output)}")
    return 0

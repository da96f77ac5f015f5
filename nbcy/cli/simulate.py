"""``nbcy simulate``: a configuration file, a structure, the reference's flags, or all of them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from nbcy.cli.flags import Invocation, parse
from nbcy.errors import ConfigError, UsageError

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
        "[FLAG [VALUE ...] ...] [--set KEY=VALUE] [-o FILE]",
        description="Simulate an image from a configuration file, a structure, nanoBragg's flags "
        "(see nbcy --help), or all of them.\nFlags override the structure, which overrides --set, "
        "which overrides the file.\nWith a structure and no file, what an image needs and nothing "
        "gives is chosen, and said.",
        epilog="examples: nbcy simulate --pdb model.pdb -o image.png\n"
        "          nbcy simulate experiment.toml -N 20 --set beam.energy='12 keV' "
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
    """Read a configuration file, ``--set``, a structure and the reference's flags, in this order.

    Parameters
    ----------
    args : Namespace
        With what `add_inputs` added, and ``flags``.

    Returns
    -------
    Invocation

    Raises
    ------
    UsageError, ConfigError, FileError
        Something in it is wrong.
    """
    from nbcy.config import Config

    structure = _structure(args)
    if args.config is None and not (args.set or args.flags or structure):
        raise UsageError("nothing to simulate: give a configuration file, a structure or flags")
    base = Config() if args.config is None else Config.load(args.config)
    base = base.with_overrides(_settings(args.set)).with_overrides(structure)
    invocation = parse(args.flags, base)
    if "crystal.structure_file" not in structure:
        return invocation
    if "crystal.hkl_file" in invocation.given:
        raise UsageError("-hkl cannot be given along with --pdb, --mtz or --cif")
    return invocation if args.config is not None else _complete(invocation)


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
        from nbcy.io.structures import NAMES, structure_kind

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
    return replace(
        invocation,
        config=invocation.config.with_overrides(chosen),
        notes=(*invocation.notes, *notes),
    )


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

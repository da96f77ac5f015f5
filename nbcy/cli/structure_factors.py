"""``nbcy structure-factors``: a list in P1 from coordinates or measured data, and what it holds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nbcy.base.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from nbcy.crystal.structure_factors import StructureFactors

_OF_COORDINATES = ("k_sol", "B_sol", "wavelength_angstrom")
_OF_DATA = ("column", "missing")

SUFFIXES: Final = (".mtz", ".hkl", ".txt")
"""Of what can be written: MTZ, else text."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "structure-factors",
        description="List structure factors in P1, Friedel mates included: calculated from "
        "coordinates (PDB, mmCIF) with\nbulk solvent, measured (MTZ, structure factor mmCIF), or "
        "h k l F text. Prints what the list holds.",
        epilog="examples: nbcy structure-factors model.cif.gz --dmin 1.8 -o P1.hkl\n"
        "          nbcy structure-factors data.mtz --column IMEAN --missing model.pdb -o P1.mtz",
    )
    parser.add_argument("file", metavar="FILE", help="PDB, mmCIF, MTZ, or h k l F text (.hkl)")
    parser.add_argument(
        "--dmin",
        type=float,
        metavar="Å",
        dest="dmin_angstrom",
        help="finest spacing; needed for coordinates",
    )
    parser.add_argument(
        "--dmax", type=float, metavar="Å", dest="dmax_angstrom", help="coarsest spacing"
    )
    parser.add_argument("--column", metavar="NAME", help="what to read of measured data")
    parser.add_argument(
        "--missing",
        metavar="default|shell|FILE",
        help="what measured data lack: nothing is listed (default), the r.m.s. of the nearest "
        "shell, or calculated from these coordinates, to whose scale the data are then brought",
    )
    parser.add_argument("--anomalous", action="store_true", help="keep Friedel mates apart")
    parser.add_argument(
        "--wavelength", type=float, metavar="Å", dest="wavelength_angstrom", help="for f' and f''"
    )
    parser.add_argument(
        "--k-sol",
        type=float,
        metavar="x",
        dest="k_sol",
        help="bulk solvent, electrons/Å³ (default: 0.35; 0 for none)",
    )
    parser.add_argument(
        "--B-sol", type=float, metavar="x", dest="B_sol", help="its B factor, Å² (default: 46)"
    )
    parser.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="FILE",
        help=".mtz, or .hkl or .txt for h k l F text; repeatable",
    )


def run(args: argparse.Namespace) -> int:
    """List, write, report."""
    from nbcy.base.atomic import check_destination
    from nbcy.cli.messages import note, running

    inputs = {Path(path).resolve() for path in (args.file, args.missing) if path is not None}
    for path in args.output:
        if Path(path).suffix.lower() not in SUFFIXES:
            raise UsageError(f"-o {path}: must end in one of {', '.join(SUFFIXES)}")
        if check_destination(path) in inputs:
            raise UsageError(f"{path} cannot be written: it is an input as well")
    factors = _read(args)
    for text in factors.notes:
        note(text)
    with running():
        for path in args.output:
            if path.lower().endswith(".mtz"):
                factors.to_mtz(path)
            else:
                factors.to_text(path)
    print(factors.report(), end="")
    return 0


def _read(args: argparse.Namespace) -> StructureFactors:
    from nbcy.crystal.structure_factors import StructureFactors
    from nbcy.inputs.structures import structure_kind

    if args.file.lower().removesuffix(".gz").endswith(".hkl"):
        _refuse(args, (*_OF_COORDINATES, *_OF_DATA, "dmin_angstrom", "dmax_angstrom", "anomalous"))
        if any(path.lower().endswith(".mtz") for path in args.output):
            raise UsageError(f"{args.file}: MTZ needs a unit cell, and text has none")
        return StructureFactors.from_text(args.file)
    kind = structure_kind(args.file)
    limits = {"dmin_angstrom": args.dmin_angstrom, "dmax_angstrom": args.dmax_angstrom}
    try:
        if kind == "coordinates":
            _refuse(args, _OF_DATA)
            return _calculate(args, args.file, anomalous=args.anomalous, **limits)
        read = StructureFactors.from_mtz if kind == "mtz" else StructureFactors.from_cif
        missing: Any = args.missing or "default"
        if missing in ("default", "shell"):
            _refuse(args, _OF_COORDINATES)
        else:
            dmin = args.dmin_angstrom
            if dmin is None:
                dmin = read(args.file, args.column).report().d_min
            missing = _calculate(args, missing, anomalous=args.anomalous, dmin_angstrom=dmin)
        return read(args.file, args.column, anomalous=args.anomalous, missing=missing, **limits)
    except ConfigError as error:
        raise UsageError(str(error)) from error


def _calculate(args: argparse.Namespace, path: str, **options: Any) -> StructureFactors:
    from nbcy.crystal.structure_factors import StructureFactors

    if options["dmin_angstrom"] is None:
        raise UsageError("--dmin: coordinates need a finest spacing, as in --dmin 1.8")
    if options["anomalous"] and args.wavelength_angstrom is None:
        raise UsageError("--anomalous: coordinates need a --wavelength")
    for name in _OF_COORDINATES:
        if getattr(args, name) is not None:
            options[name] = getattr(args, name)
    return StructureFactors.from_coordinates(path, **options)


def _refuse(args: argparse.Namespace, names: tuple[str, ...]) -> None:
    """Refuse options that mean nothing for this kind of file."""
    for name in names:
        if getattr(args, name):
            option = "--" + name.removesuffix("_angstrom").replace("_", "-")
            raise UsageError(f"{option} has no meaning for {args.file}")

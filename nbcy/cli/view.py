"""``nbcy view``: a picture of an image."""

from __future__ import annotations

import argparse
from pathlib import Path

from nbcy.base.errors import ConfigError, UsageError


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "view",
        description="Draw an image of any format on a logarithmic scale, dark spots on white, with "
        "resolution rings and a cross\nat the beam where the file tells its geometry.",
        epilog="example: nbcy view series.nxs --frame 12 --spots -o frame12.png",
    )
    parser.add_argument("file", metavar="FILE", help=".nxs .h5 .cbf .img .tif .edf .npy .bin")
    parser.add_argument(
        "-o", "--output", metavar="PNG", help="default: FILE with .png for its suffix"
    )
    parser.add_argument("--frame", type=int, default=1, metavar="N", help="from 1 (default: 1)")
    parser.add_argument(
        "--rings", type=float, nargs="*", metavar="D", help="spacings in Angstrom; none for no ring"
    )
    parser.add_argument(
        "--spots",
        nargs="?",
        const="",
        metavar="CRYSTAL",
        help="circle predicted spots, of the file's crystal or that of a configuration or geometry "
        "file",
    )
    parser.add_argument(
        "--dmin", type=float, default=0.0, metavar="D", help="finest spacing of --spots, Angstrom"
    )
    parser.add_argument(
        "--geometry",
        metavar="FILE",
        help="a configuration or geometry file (as for nbcy simulate), in place of what FILE tells",
    )
    parser.add_argument(
        "--max-size", type=int, default=1600, metavar="N", help="of the longer edge (default: 1600)"
    )
    parser.add_argument(
        "--shape", type=int, nargs=2, metavar=("SLOW", "FAST"), help="of raw images"
    )


def run(args: argparse.Namespace) -> int:
    """Draw."""
    from nbcy.base.atomic import atomic_write, check_destination
    from nbcy.cli.convert import check_shape, note_unplaced, open_input, read_measurement
    from nbcy.image.prediction import predict_spots
    from nbcy.image.view import draw_view

    output = args.output
    if output is None:
        number = "" if args.frame == 1 else f".{args.frame:05d}"
        output = Path(args.file).stem.replace("#", "").rstrip("_.") + f"{number}.png"
    if Path(output).suffix.lower() != ".png":
        raise UsageError(f"-o {output}: must end in .png")
    check_destination(output)
    with open_input(args.file, args) as (recording, measurement):
        if not 1 <= args.frame <= recording.count:
            raise UsageError(f"--frame {args.frame}: {args.file} holds 1 to {recording.count}")
        frame = recording.frame(args.frame - 1)
        if measurement is not None:
            told = None if args.geometry else recording.measurement_at(args.frame - 1)
            measurement = told or measurement.at(args.frame - 1)
        spots = None
        if args.spots is not None:
            crystal = measurement
            if args.spots:
                crystal = read_measurement(args.spots)
                check_shape(args.spots, crystal, recording)
                crystal = crystal.at(args.frame - 1)
                measurement = measurement or crystal
            if crystal is None or crystal.cell is None:
                expected = "the file does not tell a crystal; give --spots FILE"
                raise UsageError(f"--spots: {expected}")
            spots = predict_spots(crystal, 1e-10 * args.dmin)
        try:
            picture = draw_view(
                frame, measurement, rings=args.rings, spots=spots, max_size=args.max_size
            )
        except ConfigError as error:
            option = error.field.replace("_", "-")
            raise UsageError(f"--{option}: {error.expected}") from error
    with atomic_write(output) as file:
        file.write(picture)
    if measurement is None:
        note_unplaced(args.file, recording)
    found = "" if spots is None else f", {len(spots)} predicted spots"
    print(f"frame {args.frame} of {recording.count}{found}: {output}")
    return 0

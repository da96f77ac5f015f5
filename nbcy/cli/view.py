"""``nbcy view``: a picture of an image."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from nbcy.base.errors import ConfigError, UsageError
from nbcy.cli.subcommands import IMAGES

if TYPE_CHECKING:
    from nbcy.formats.frames import Recording
    from nbcy.formats.measurement import Measurement


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "view",
        description="Draw an image of any format, dark spots on white, with resolution rings and a "
        "cross\nat the beam where the file tells its geometry. The contrast is the image's own; an "
        "image\nthat is shrunk keeps its peaks.",
        epilog="example: nbcy view series.nxs --frame 12 --spots -o frame12.png",
    )
    parser.add_argument("file", metavar="FILE", help=IMAGES)
    parser.add_argument(
        "-o",
        "--output",
        metavar="PNG",
        help="default: FILE with .png for its suffix, here",
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
    parser.add_argument("--min", type=float, metavar="X", help="value that is white")
    parser.add_argument("--max", type=float, metavar="X", help="value that is black")
    scale = parser.add_mutually_exclusive_group()
    scale.add_argument("--linear", action="store_true", help="a linear scale")
    scale.add_argument("--log", action="store_true", help="a logarithmic scale (default)")
    parser.add_argument(
        "--subtract-background", action="store_true", help="draw what is above the local median"
    )
    parser.add_argument(
        "--colour-bar", "--color-bar", action="store_true", help="show which value has which shade"
    )
    parser.add_argument("--no-title", action="store_true", help="no line of text above")
    parser.add_argument(
        "--profile",
        action="store_true",
        help="draw the radial median against resolution below, and print the table",
    )
    parser.add_argument(
        "--shape", type=int, nargs=2, metavar=("SLOW", "FAST"), help="of raw images"
    )


def run(args: argparse.Namespace) -> int:
    """Draw."""
    from nbcy.base.atomic import atomic_write, check_destination
    from nbcy.cli.convert import check_shape, note_unplaced, open_input, read_measurement
    from nbcy.image.prediction import predict_spots
    from nbcy.image.view import draw_view, frame_profile

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
        if args.profile and measurement is None:
            raise UsageError(
                f"--profile: needs the geometry: {recording.unplaced}; --geometry FILE"
            )
        profile = frame_profile(frame, measurement) if args.profile and measurement else None
        try:
            picture = draw_view(
                frame,
                measurement,
                rings=args.rings,
                spots=spots,
                max_size=args.max_size,
                low=args.min,
                high=args.max,
                linear=args.linear,
                subtract_background=args.subtract_background,
                title=() if args.no_title else _title(args, recording, measurement),
                colour_bar=args.colour_bar,
                profile=profile,
            )
        except ConfigError as error:
            option = error.field.replace("_", "-")
            raise UsageError(f"--{option}: {error.expected}") from error
    with atomic_write(output) as file:
        file.write(picture)
    if measurement is None:
        note_unplaced(args.file, recording)
    if profile is not None:
        print(profile.to_text(), end="")
    found = "" if spots is None else f", {len(spots)} predicted spots"
    print(f"frame {args.frame} of {recording.count}{found}: {output}")
    return 0


def _title(
    args: argparse.Namespace, recording: Recording, measurement: Measurement | None
) -> list[str]:
    """Return file, frame, wavelength and distance in words."""
    parts = [Path(args.file).name]
    if recording.count > 1:
        parts.append(f"frame {args.frame} of {recording.count}")
    if measurement is not None:
        parts.append(f"{1e10 * measurement.wavelength:.5g} Å")
        distances = [1e3 * abs(panel.close_distance) for panel in measurement.panels]
        nearest, furthest = (f"{end:.5g}" for end in (min(distances), max(distances)))
        parts.append(f"{nearest} mm" if nearest == furthest else f"{nearest} to {furthest} mm")
    return parts

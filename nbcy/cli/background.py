"""``nbcy background``: the reference's sister program nonBragg, and tables out of images."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from nbcy.base.errors import ConfigError, UsageError
from nbcy.cli.messages import note, running, say
from nbcy.cli.report import shown, source_lines
from nbcy.flags.words import blame

if TYPE_CHECKING:
    from nbcy.config import Config
    from nbcy.flags.parsing import Invocation
    from nbcy.render.simulator import Simulator
    from nbcy.scene.scene import Scene

TAKES_FLAGS = True

BANNER: Final = (
    "nonBragg amorphous material diffraction simulator - James Holton and Ken Frankel 3-19-16"
)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "background",
        usage="nbcy background FLAG [VALUE ...] ... [--set KEY=VALUE]\n"
        "       nbcy background --extract IMAGE -o TABLE FLAG [VALUE ...] ...",
        description="Render what a material without order scatters, with nonBragg's flags, its "
        "report and its files.\nThe sample is the material: -samplesize and -thickness say how "
        "much of it there is.",
        epilog="examples: nbcy background -stol water -thickness 2.5 -flux 5e9 -distance 200 "
        "-detpixels 512 -pixel 0.4\n          nbcy background --extract measured.cbf -o table.stol "
        "-thickness 1 -density 1 -MW 18\n              -flux 5e9 -distance 200 -pixel 0.172",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any value of the configuration; repeatable",
    )
    parser.add_argument(
        "--extract", metavar="IMAGE", help="read F(s) of the material out of an image of it"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="the table that is extracted")
    parser.add_argument(
        "--offset", type=float, default=0.0, metavar="x", help="counts of no photon, if any"
    )
    parser.add_argument(
        "--gain", type=float, default=1.0, metavar="x", help="counts a photon (default: 1)"
    )


def run(args: argparse.Namespace) -> int:
    """Check everything, then report, render and write; or extract a table."""
    if args.extract is not None:
        return _extract(args)
    if args.output is not None:
        raise UsageError("-o is for --extract; -floatfile, -intfile and others name the images")
    from nbcy.cli.dropin import check_outputs, write_files

    invocation, simulator = _prepare(args, args.flags)
    todo = replace(invocation.run, noise="run.noisefile" in invocation.given)
    for name, flag in invocation.given.items():
        if name.split(".")[0] in ("crystal", "spindle") and "size" not in name:
            note(f"{flag} is not used: a background has no crystal")
    wanted = [todo.floatfile, todo.intfile, todo.pgmfile if todo.pgm else None]
    wanted.append(todo.noisefile if todo.noise else None)
    names = [path for path in wanted if path is not None]
    check_outputs(replace(invocation, config=simulator.config), names, [])
    for text in invocation.notes:
        note(text)
    with running():
        say(*_lines(simulator.scene, invocation.headers))
        image = simulator.run(todo.threads)
        write_files(image, todo, "reference")
    return 0


def _prepare(args: argparse.Namespace, flags: Sequence[str]) -> tuple[Invocation, Simulator]:
    from nbcy.cli.simulate import settings_of
    from nbcy.config import Config
    from nbcy.flags.parsing import parse
    from nbcy.render.simulator import Simulator

    exact = {"background.tolerance": 0.0}
    base = Config().with_overrides(exact | settings_of(args.set))
    invocation = parse(flags, base, amorphous=True)
    try:
        return invocation, Simulator(_config(invocation))
    except ConfigError as error:
        raise UsageError(blame(error, invocation.given)) from error


def _extract(args: argparse.Namespace) -> int:
    """Write the table of a material that an image shows."""
    from nbcy.base.atomic import check_destination
    from nbcy.formats.frames import open_recording
    from nbcy.image.extraction import extract_table, save_table

    if args.output is None:
        raise UsageError("--extract: say where the table goes, -o table.stol")
    if not args.gain > 0.0:
        raise UsageError("--gain must be positive")
    flags = list(args.flags)
    if not {"-stol", "-4stol", "-Q"} & set(flags):
        lacking = [name for name in ("-thickness", "-density", "-MW") if name not in flags]
        if lacking and "-samplesize" not in flags:
            raise UsageError(f"--extract: {', '.join(lacking)} must be given")
        flags += ["-stol", "water"]  # whose amplitudes have no part in it
    _, simulator = _prepare(args, flags)
    check_destination(args.output)
    panels = simulator.scene.panels
    with open_recording(args.extract, panels[0].shape) as frames:
        pixels = frames.read(0).photons()
    try:
        table = extract_table(pixels, simulator.scene, offset=args.offset, gain=args.gain)
    except ConfigError as error:
        raise UsageError(f"--extract {args.extract}: {error}") from error
    with running():
        save_table(table, args.output)
        say(f"writing {args.output}: {table.stol.size} points to {0.5 / table.last:.4g} Angstrom")
    return 0


def _config(invocation: Invocation) -> Config:
    """Return the configuration without a crystal, and nonBragg's defaults."""
    config, given = invocation.config, invocation.given
    changes: dict[str, object] = {
        "crystal": {"cell_angstrom_deg": (1.0, 1.0, 1.0), "cells": 1, "default_F": 0.0},
        "spindle": {},
    }
    if config.sampling.oversample is None:
        changes["sampling.oversample"] = 1
    if config.detector.convention is None and not any(
        name in given
        for name in ("detector.orgx_px", "detector.orgy_px", "detector.pix0_mm", "detector.pivot")
    ):
        changes |= _beam_centre(config)
    return config.with_overrides(changes)


def _beam_centre(config: Config) -> dict[str, object]:
    """Return where nonBragg has the beam: X along the fast axis, Y along the slow one."""
    detector = config.detector
    pixel = 0.1 if detector.pixel_mm is None else detector.pixel_mm
    sizes = []
    for count, size in (
        (detector.pixels_fast, detector.size_fast_mm),
        (detector.pixels_slow, detector.size_slow_mm),
    ):
        sizes.append(count * pixel if count is not None else 102.4 if size is None else size)
    return {
        "detector.convention": "custom",
        "detector.pivot": "beam",
        "detector.xbeam_mm": (sizes[0] - pixel) / 2.0
        if detector.xbeam_mm is None
        else detector.xbeam_mm,
        "detector.ybeam_mm": (sizes[1] + pixel) / 2.0
        if detector.ybeam_mm is None
        else detector.ybeam_mm,
    }


def _lines(scene: Scene, headers: Sequence[str]) -> Iterator[str]:
    """Yield what nonBragg prints before it renders."""
    config, placement, panel = scene.config, scene.placement, scene.panels[0]
    scatterer, material = scene.haze.scatterers[0], config.background.materials[0]
    for path in headers:
        yield f"reading {path}"
    yield BANNER
    pivot = {"beam": "direct beam spot", "sample": "sample"}[placement.pivot]
    yield f"pivoting detector around {pivot}"
    yield f"reading {material.table}"
    yield from source_lines(scene, counted=True)
    points = scatterer.table.stol.size + 4  # two beyond each end
    yield f"  {points} initialized F points (will cubic-spline interpolate between them)"
    dispersion = scene.sweeps["dispersion"]
    yield (
        f"  wave={shown(scene.wavelength)} meters +/- {shown(100.0 * dispersion.range)}% "
        f"in {dispersion.count} steps"
    )
    if scene.nopolar:
        yield "  polarization effect disabled"
    else:
        yield f"  Kahn polarization factor: {scene.kahn_factor:f}"
    yield f"  incident fluence: {shown(scene.fluence)} photons/m^2"
    thickness, height, width = scatterer.edges
    yield (
        f"  sample is {shown(thickness)} m thick x {shown(height)} m high x {shown(width)} m wide, "
        f"{shown(scatterer.density)} g/cm^3 and {shown(scatterer.molar_mass)} g/mol "
        f"({shown(scatterer.molecules)} molecules)"
    )
    yield (
        f"  distance={shown(placement.distance)} "
        f"detsize={shown(placement.size_fast)}x{shown(placement.size_slow)}  "
        f"pixel={shown(panel.pixel_size)} meters ({panel.pixels_fast}x{panel.pixels_slow} pixels)"
    )
    yield f"  Xbeam={shown(placement.xbeam)} Ybeam={shown(placement.ybeam)}"
    yield f"  detector origin: {shown(*panel.origin)}"
    for axis, vector in zip("XY", (panel.fast, panel.slow), strict=True):
        yield f"  DIRECTION_OF_DETECTOR_{axis}-AXIS= {shown(*vector)}"
    yield f"  INCIDENT_BEAM_DIRECTION= {shown(*scene.beam)}"
    yield f"  POLARIZATION_PLANE_NORMAL= {shown(*scene.polarization)}"
    whole = config.sampling.roi is None
    roi = (0, panel.pixels_fast, 0, panel.pixels_slow) if whole else scene.regions[0]
    yield f"  roi: {roi[0]} < x < {roi[1]} && {roi[2]} < y < {roi[3]}"
    for name in ("hdiv", "vdiv"):
        sweep = scene.sweeps[name]
        yield f"  {name}range={shown(sweep.range)} {name}step={shown(sweep.step)}  radians"
    yield f"  {len(scene.sources.deviations) or -1} divergence steps"
    yield f"  {len(scene.wavelengths)} sources"
    yield f"  {scene.oversample} pixel oversample steps"
    yield ""

"""``nbcy demo``: the main job, on the crystal and detector that ship with nbcy."""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

FILES = ("lysozyme.png", "lysozyme.bin", "lysozyme.img")
"""Picture, float32 image, SMV image."""

PICTURE_EDGE = 1250
"""Pixels along the longer edge of the picture: half of the detector's, keeping the peaks."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "demo",
        description="Simulate triclinic lysozyme on a Pilatus 6M, with a rotation of 0.1 degrees, "
        f"and write\n{', '.join(FILES)}.",
        epilog="example: nbcy demo --output lysozyme",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("demo-output"),
        metavar="FOLDER",
        help="folder for the files, made when it is missing (default: demo-output)",
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="threads (default: all processors)"
    )


def run(args: argparse.Namespace) -> int:
    """Simulate the shipped example, and say what was simulated and how long it took."""
    from importlib import resources

    from nbcy.base.atomic import check_destination
    from nbcy.base.errors import FileError, NbcyWarning
    from nbcy.cli.messages import running
    from nbcy.cli.progress import progress_bar
    from nbcy.config import Config
    from nbcy.crystal.structure_factors import StructureFactors
    from nbcy.kernel.installation import config_info
    from nbcy.kernel.threads import resolve_threads
    from nbcy.render.simulator import Simulator

    threads = resolve_threads(args.threads)
    folder: Path = args.output
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(folder, f"cannot be made: {error.strerror}") from error
    for name in FILES:
        check_destination(folder / name)
    with running():
        started = time.perf_counter()
        data = resources.files("nbcy.data")
        config = Config.from_toml(data.joinpath("demo.toml").read_text(encoding="utf-8"))
        with resources.as_file(data.joinpath("lysozyme.hkl.gz")) as path:
            factors = StructureFactors.from_text(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NbcyWarning)  # the case is sampled coarsely on purpose
            simulator = Simulator(config, structure_factors=factors)
        ready = time.perf_counter()
        with progress_bar() as progress:
            image = simulator.run(threads, progress=progress)
        rendered = time.perf_counter()
        for name in FILES:
            picture = name.endswith(".png")
            image.save(folder / name, max_size=PICTURE_EDGE if picture else None)
        written = time.perf_counter()

    scene, found = image.scene, image.statistics()
    panel = scene.panels[0]
    steps = scene.steps * image.pixels.size
    lines = {
        "crystal": f"triclinic lysozyme, {' x '.join(map(str, scene.cells))} cells of "
        + " ".join(f"{x:.4g}" for x in scene.cell.parameters),
        "": f"{scene.hkl.n_loaded} structure factors",
        "beam": f"{1e10 * scene.wavelengths[0]:.4f} Å, {scene.fluence:.3g} photons/m²",
        "detector": f"Pilatus 6M, {panel.pixels_fast} x {panel.pixels_slow} pixels of "
        f"{1e6 * panel.pixel_size:g} µm at {1e3 * scene.distance:.1f} mm",
        "rotation": f"{config.spindle.osc_deg:g} degrees in {len(scene.phis)} steps",
        "image": f"{found.sum:.0f} photons, {found.max:.0f} in the brightest pixel "
        f"(slow {found.max_slow}, fast {found.max_fast})",
        "time": f"{ready - started:.2f} s to set up, {rendered - ready:.2f} s for "
        f"{steps / 1e6:.0f} million steps, {written - rendered:.2f} s to write",
        "speed": f"{1e9 * threads * (rendered - ready) / steps:.1f} ns a step and thread, "
        f"{threads} threads, {config_info()['instruction set']}",
        "files": ", ".join(str(folder / name) for name in FILES),
    }
    for name, text in lines.items():
        print(f"{name:<10}{text}")
    return 0

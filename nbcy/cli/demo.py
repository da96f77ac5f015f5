"""``nbcy demo``: the main job, from the coordinates that ship with nbcy to a frame."""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

FILES = ("interleukin.png", "interleukin.img", "interleukin.bin")
"""Counted photons as a picture and as SMV; expected photons, float32."""

MODEL = "1l2h.cif.gz"
DETECTOR = "eiger4m"
DISTANCE_MM = 160.0
NOISE_SEED = 1

PICTURE_EDGE = 1250
"""Pixels along the longer edge of the picture: half of the detector's, keeping the peaks."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand."""
    from nbcy.base.extras import install_hint

    parser = subparsers.add_parser(
        "demo",
        description="Simulate a frame of interleukin-1 beta on an Eiger 4M, half a degree of "
        "rotation, from\nits coordinates to counted photons, and write "
        f"{', '.join(FILES)}.\nNeeds gemmi: {install_hint('mx')}.",
        epilog="example: nbcy demo --output interleukin",
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
    from nbcy.base.extras import require
    from nbcy.base.threads import resolve_threads
    from nbcy.cli.messages import running
    from nbcy.cli.progress import progress_bar
    from nbcy.config import Config, Detector
    from nbcy.config.presets import PRESETS
    from nbcy.kernel.installation import config_info
    from nbcy.render.simulator import Simulator

    require("gemmi", "mx")
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
        with resources.as_file(data.joinpath(MODEL)) as path, warnings.catch_warnings():
            warnings.simplefilter("ignore", NbcyWarning)  # the case is sampled coarsely on purpose
            simulator = Simulator(
                config.with_overrides(
                    {
                        "crystal.structure_file": str(path),
                        "detector": Detector.preset(DETECTOR, distance_mm=DISTANCE_MM),
                    }
                )
            )
        ready = time.perf_counter()
        with progress_bar() as progress:
            image = simulator.run(threads, progress=progress)
        rendered = time.perf_counter()
        counted = image.with_noise(NOISE_SEED)
        for name, made in zip(FILES, (counted, counted, image), strict=True):
            made.save(folder / name, max_size=PICTURE_EDGE if name.endswith(".png") else None)
        written = time.perf_counter()

    scene, found = image.scene, counted.statistics()
    panel = scene.panels[0]
    steps = scene.steps * image.pixels.size
    lines = {
        "crystal": "interleukin-1 beta (PDB 1L2H), P 43, "
        f"{' x '.join(map(str, scene.cells))} cells of "
        + " ".join(f"{x:.4g}" for x in scene.cell.parameters),
        "": f"{scene.hkl.n_loaded} calculated structure factors, "
        f"{len(scene.mosaic)} mosaic domains",
        "beam": f"{1e10 * scene.wavelengths[0]:.4f} Å, {scene.fluence:.3g} photons/m²",
        "detector": f"{PRESETS[DETECTOR].title}, {panel.pixels_fast} x {panel.pixels_slow} pixels "
        f"of {1e6 * panel.pixel_size:g} µm at {1e3 * scene.distance:.1f} mm",
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

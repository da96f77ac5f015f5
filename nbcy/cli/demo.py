"""``nbcy demo``: the main job on the crystal, structure factors and detector that ship with nbcy."""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from nbcy.cli.progress import progress_bar

LONGEST_EDGE = 1250
"""Pixels of the picture: half of the detector, each the brightest of what it stands for."""


def run(argv: Sequence[str]) -> int:
    """Render triclinic lysozyme on a Pilatus 6M."""
    parser = argparse.ArgumentParser(
        prog="nbcy demo",
        description="Render triclinic lysozyme on a Pilatus 6M: a picture, the raw float image, an SMV file.",
        epilog="example: nbcy demo --output demo-output",
    )
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="folder (default: demo-output)")
    parser.add_argument("--threads", type=int, help="worker threads (default: all)")
    arguments = parser.parse_args(argv)

    from nbcy.config import Config
    from nbcy.errors import FileError, NbcyWarning
    from nbcy.installation import config_info
    from nbcy.simulator import Simulator, resolve_threads
    from nbcy.structure_factors import StructureFactors

    threads = resolve_threads(arguments.threads)
    started = time.perf_counter()
    data = resources.files("nbcy.data")
    config = Config.from_toml(data.joinpath("demo.toml").read_text(encoding="utf-8"))
    with resources.as_file(data.joinpath("lysozyme.hkl.gz")) as path:
        factors = StructureFactors.from_text(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NbcyWarning)  # coarse sampling is part of the case
        simulator = Simulator(config, structure_factors=factors)
    folder = arguments.output
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(folder, f"cannot be made: {error.strerror}") from None
    ready = time.perf_counter()
    with progress_bar() as progress:
        image = simulator.run(threads=threads, progress=progress)
    rendered = time.perf_counter()
    image.save(folder / "lysozyme.png", max_size=LONGEST_EDGE)
    image.save(folder / "lysozyme.bin")
    image.save(folder / "lysozyme.img")
    written = time.perf_counter()

    scene, found = image.scene, image.statistics()
    panel, steps = scene.panels[0], scene.steps * image.pixels.size
    cell = " ".join(f"{x:.4g}" for x in scene.cell.parameters)
    print(f"crystal    triclinic lysozyme, cell {cell}, {' x '.join(map(str, scene.cells))} cells")
    print(f"beam       {scene.wavelengths[0] * 1e10:.4f} Angstrom, {scene.fluence:.3g} photons/m^2")
    print(
        f"detector   Pilatus 6M, {panel.pixels_fast} x {panel.pixels_slow} pixels of {panel.pixel_size * 1e6:g} um, "
        f"{scene.distance * 1e3:.1f} mm away"
    )
    print(f"rotation   {len(scene.phis)} steps, {scene.hkl.n_loaded} structure factors")
    print(f"image      {found.sum:.1f} photons, brightest pixel {found.max:.1f} (slow {found.max_slow}, fast {found.max_fast})")
    print(
        f"time       {ready - started:.2f} s to read and set up, {rendered - ready:.2f} s for {steps / 1e6:.1f} million steps "
        f"({config_info()['instruction set']}, {threads} threads, {1e9 * threads * (rendered - ready) / steps:.1f} ns per step and "
        f"thread), {written - rendered:.2f} s to write"
    )
    for name in ("lysozyme.png", "lysozyme.bin", "lysozyme.img"):
        print(f"written    {folder / name}")
    return 0

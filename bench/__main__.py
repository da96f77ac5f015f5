"""Time every kernel build on every shape of work: ns per step, and the ratio to the scalar build.

One step is one sub-pixel x layer x source x phi x domain of one pixel. Each figure is the median of
repeats that are interleaved over the builds, so that a slow spell of the machine meets them all.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.shapes import SHAPES, Shape, write_inputs
from nbcy._kernel import KernelScene, available_isas
from nbcy.cli.flags import parse
from nbcy.installation import config_info
from nbcy.scene import build_scene

SLOW_BUILDS = ("scalar",)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rows_of(shape: Shape, kernel: KernelScene) -> tuple[int, int, int, int]:
    fast_min, fast_max, _, _ = kernel.scene.roi
    low, high = map(int, shape.slow.split())
    return fast_min, fast_max, low, high


def steps_in(kernel: KernelScene, roi: tuple[int, int, int, int]) -> int:
    pixels = (roi[1] - roi[0] + 1) * (roi[3] - roi[2] + 1)
    return pixels * kernel.scene.steps * kernel.scene.layers


def reference_seconds(executable: Path, flags: list[str], roi: list[int]) -> float:
    """Wall time of an external nanoBragg on a region, less its time on a single pixel there."""

    def run(region: list[int]) -> float:
        command = [str(executable), *flags, "-nonoise", "-nopgm", "-floatfile", "/dev/null"]
        command += ["-intfile", "/dev/null", "-roi", *map(str, region)]
        return seconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))

    return run(roi) - run([roi[0], roi[0], roi[2], roi[2]])


def measure(shape: Shape, repeats: int, threads: int, reference: Path | None) -> dict[str, Any]:
    flags = shape.flags.split()
    kernel = KernelScene(build_scene(parse(flags).config))
    times: dict[str, list[float]] = {}
    for _ in range(repeats):
        for isa in available_isas():
            roi = rows_of(shape, kernel) if isa in SLOW_BUILDS else kernel.scene.roi
            taken = seconds(
                lambda isa=isa, roi=roi: kernel.render(threads=threads, isa=isa, roi=roi)
            )
            times.setdefault(isa, []).append(1e9 * taken / steps_in(kernel, roi))
        if reference:
            roi = rows_of(shape, kernel)
            taken = reference_seconds(reference, flags, list(roi))
            times.setdefault("reference", []).append(1e9 * taken / steps_in(kernel, roi))
    nanoseconds = {name: statistics.median(values) for name, values in times.items()}
    spread = {name: max(values) / min(values) for name, values in times.items()}
    return {
        "shape": shape.name,
        "what": shape.what,
        "ns_per_step": nanoseconds,
        "max_over_min": spread,
    }


def table(results: list[dict[str, Any]]) -> str:
    names = list(results[0]["ns_per_step"])
    lines = [f"{'ns per step':<12}" + "".join(f"{name:>20}" for name in names)]
    for result in results:
        figures = result["ns_per_step"]
        cells = [
            f"{figures[name]:.2f} (x{figures['scalar'] / figures[name]:.1f})" for name in names
        ]
        lines.append(f"{result['shape']:<12}" + "".join(f"{cell:>20}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--shapes", nargs="+", choices=[s.name for s in SHAPES])
    parser.add_argument(
        "--reference", type=Path, help="a nanoBragg executable, timed on the same work"
    )
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    if arguments.repeats < 1:
        parser.error("--repeats: needs at least 1")
    if arguments.reference and not arguments.reference.is_file():
        parser.error(f"--reference {arguments.reference}: there is no such file")
    reference = arguments.reference.resolve() if arguments.reference else None
    out = arguments.json.resolve() if arguments.json else None
    chosen = [s for s in SHAPES if not arguments.shapes or s.name in arguments.shapes]
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder))
        os.chdir(folder)
        results = [measure(s, arguments.repeats, arguments.threads, reference) for s in chosen]
        os.chdir("/")
    print(f"threads {arguments.threads}, median of {arguments.repeats}; (x...): ratio to scalar")
    for shape in chosen:
        print(f"  {shape.name:<6} {shape.what}")
    print(table(results))
    if out:
        out.write_text(
            json.dumps({"installation": config_info(), "results": results}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()

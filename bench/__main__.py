"""Time every kernel build on every shape of work, and what is not the kernel: python -m bench.

One step is one sub-pixel x layer x source x phi x domain of one pixel. Each figure is the median of
repeats that are interleaved over the builds, so that a slow spell of the machine meets them all.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import costs, grid
from bench.peak import multiply_adds_per_ns
from bench.shapes import SHAPES, Shape, write_inputs
from nbcy.base.atomic import check_destination
from nbcy.base.errors import NbcyError
from nbcy.base.threads import resolve_threads
from nbcy.flags.parsing import parse
from nbcy.kernel._kernel import KernelScene, available_isas
from nbcy.kernel.installation import config_info
from nbcy.render.building import build_scene

Roi = tuple[int, int, int, int]

MULTIPLICATIONS = 50
"""Multiplications and multiply-adds of a step of a square crystal, counted in the AVX-512 build's
loop over wavelengths. They are what processors have fewest units for."""

NOISE = 1.1
"""What `--compare` flags, beyond the spread of the repeats: the machine may be shared."""

COST_NOISE = 1.25
"""The same of what is not the kernel, which is timed in fewer repeats."""


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rows_of(shape: Shape, kernel: KernelScene) -> Roi:
    fast_min, fast_max, _, _ = kernel.scene.roi
    low, high = map(int, shape.slow.split())
    return fast_min, fast_max, low, high


def steps_in(kernel: KernelScene, roi: Roi) -> int:
    pixels = (roi[1] - roi[0] + 1) * (roi[3] - roi[2] + 1)
    return pixels * kernel.scene.steps * kernel.scene.layers


def reference_seconds(executable: Path, flags: list[str], roi: list[int]) -> float:
    """Wall time of an external nanoBragg on a region, less its time on a single pixel there."""
    image = Path("reference.bin")

    def run(region: list[int]) -> float:
        image.unlink(missing_ok=True)
        command = [str(executable), *flags, "-nonoise", "-nopgm", "-floatfile", str(image)]
        command += ["-intfile", "/dev/null", "-roi", *map(str, region)]
        try:
            taken = seconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"--reference: {error}")
        if not image.exists():
            sys.exit(f"--reference {executable}: it writes no -floatfile, as nanoBragg would")
        return taken

    return run(roi) - run([roi[0], roi[0], roi[2], roi[2]])


def measure(shape: Shape, repeats: int, threads: int, reference: Path | None) -> dict[str, Any]:
    flags = shape.flags.split()
    kernel = KernelScene(build_scene(parse(flags).config))
    single = KernelScene(build_scene(parse([*flags, "-precision", "single"]).config))
    few, isas = rows_of(shape, kernel), available_isas()
    fastest = isas[-1]
    # name: kernel, region, threads, instruction set, whether steps may be left out
    runs: dict[str, tuple[KernelScene, Roi, int, str, bool]] = {
        isa: (kernel, few if isa == "scalar" else kernel.scene.roi, 1, isa, False) for isa in isas
    }
    if kernel.scene.skip:
        runs = {name: (k, few, t, isa, s) for name, (k, _, t, isa, s) in runs.items()}
        runs["skipping"] = (kernel, kernel.scene.roi, 1, fastest, True)
    if single.scene.precision == "single":
        runs["single"] = (single, few if kernel.scene.skip else kernel.scene.roi, 1, fastest, False)
    last = runs["skipping"] if kernel.scene.skip else runs[fastest]
    runs[f"{threads} threads"] = (last[0], last[1], threads, last[3], last[4])
    times: dict[str, list[float]] = {}
    for _ in range(repeats):
        for name, (scene, roi, number, isa, skip) in runs.items():
            taken = seconds(
                lambda s=scene, n=number, i=isa, r=roi, k=skip: s.render(n, i, r, skip=k)
            )
            times.setdefault(name, []).append(1e9 * taken / steps_in(kernel, roi))
        if reference:
            taken = reference_seconds(reference, flags, list(few))
            times.setdefault("reference", []).append(1e9 * taken / steps_in(kernel, few))
    return {
        "shape": shape.name,
        "what": shape.what,
        "steps_per_pixel": kernel.scene.steps,
        "ns_per_step": {name: statistics.median(values) for name, values in times.items()},
        "max_over_min": {name: max(values) / min(values) for name, values in times.items()},
    }


def table(results: list[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for result in results for name in result["ns_per_step"]))
    lines = [f"{'ns per step':<12}" + "".join(f"{name:>20}" for name in names)]
    for result in results:
        figures = result["ns_per_step"]
        cells = [
            f"{figures[name]:.3g} (x{figures['scalar'] / figures[name]:.3g})"
            if name in figures
            else ""
            for name in names
        ]
        lines.append(f"{result['shape']:<12}" + "".join(f"{cell:>20}" for cell in cells))
    return "\n".join(lines)


def peaks(results: list[dict[str, Any]], threads: int) -> dict[str, dict[str, float]]:
    """Multiply-adds per ns that each build could do, and what part of them shapes of work do.

    Also how many times as many the machine does in several programs at once: threads cannot gain
    more than that.
    """
    found: dict[str, dict[str, float]] = {}
    for isa in available_isas():
        rate = multiply_adds_per_ns(isa)
        if rate is None:
            continue
        together = multiply_adds_per_ns(isa, min(threads, os.cpu_count() or 1)) or rate
        found[isa] = {"multiply-adds per ns": rate, f"{threads} programs, times": together / rate}
        for result in results:
            if result["shape"] in ("seed", "broad"):
                share = MULTIPLICATIONS / result["ns_per_step"][isa] / rate
                found[isa][f"{result['shape']}, part of it"] = share
    return found


def peak_lines(found: dict[str, dict[str, float]]) -> str:
    return "\n".join(
        f"{isa}: " + "; ".join(f"{name} {value:.3g}" for name, value in figures.items())
        for isa, figures in found.items()
    )


def compared_costs(old: dict[str, float], now: dict[str, float]) -> list[str]:
    return [
        f"{name}: {old[name]:.3g} -> {value:.3g}"
        for name, value in now.items()
        if name in old and not COST_NOISE**-1 < (value + 1.0) / (old[name] + 1.0) < COST_NOISE
    ]


def compared(old: dict[str, Any], results: list[dict[str, Any]]) -> list[str]:
    """Changes beyond what the repeats of both runs spread, and the noise of a shared machine."""
    lines = []
    before = {result["shape"]: result for result in old["results"]}
    for result in results:
        was = before.get(result["shape"], {"ns_per_step": {}})
        for name, now in result["ns_per_step"].items():
            if name not in was["ns_per_step"]:
                continue
            ratio = now / was["ns_per_step"][name]
            noise = NOISE * max(result["max_over_min"][name], was["max_over_min"][name])
            if not 1.0 / noise < ratio < noise:
                verdict = "slower" if ratio > 1.0 else "faster"
                lines.append(f"{result['shape']}, {name}: x{ratio:.2f} ({verdict})")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="for the last column")
    everything = [*(s.name for s in SHAPES), "grid", "costs"]
    parser.add_argument(
        "--shapes",
        nargs="+",
        choices=everything,
        default=everything,
        help="what to measure; grid: lists of growing size, costs: what is not the kernel",
    )
    parser.add_argument(
        "--reference", type=Path, help="a nanoBragg executable, timed on the same work"
    )
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--compare", type=Path, help="an earlier --json: tell what changed")
    arguments = parser.parse_args()
    if arguments.repeats < 1:
        parser.error("--repeats needs at least 1")
    for name in ("reference", "compare"):
        path = getattr(arguments, name)
        if path and not path.is_file():
            parser.error(f"--{name} {path}: there is no such file")
    try:
        resolve_threads(arguments.threads)
        if arguments.json:
            check_destination(arguments.json)
    except NbcyError as error:
        parser.error(str(error))
    old = None
    if arguments.compare:
        try:
            old = json.loads(arguments.compare.read_text())
            old["results"], old["costs"]
        except (ValueError, KeyError, TypeError):
            parser.error(f"--compare {arguments.compare}: that is no --json of this program")
    reference = arguments.reference.resolve() if arguments.reference else None
    out = arguments.json.resolve() if arguments.json else None
    wanted = arguments.shapes
    chosen = [s for s in SHAPES if s.name in wanted]
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder))
        os.chdir(folder)
        results = [measure(s, arguments.repeats, arguments.threads, reference) for s in chosen]
        grids = grid.measure(arguments.repeats) if "grid" in wanted else {}
        others = costs.measure(arguments.repeats) if "costs" in wanted else {}
        os.chdir("/")
    found = peaks(results, arguments.threads) if results else {}
    print(f"one thread, median of {arguments.repeats}; (x...): ratio to scalar")
    for shape in chosen:
        print(f"  {shape.name:<6} {shape.what}")
    if results:
        print(table(results))
        print(peak_lines(found))
    if grids:
        print("\n" + grid.table(grids))
    if others:
        print(f"\n{'ms':>55}\n" + costs.table(others))
    if old is not None:
        changes = compared(old, results) + compared_costs(old["costs"], others)
        both = {r["shape"] for r in old["results"]} & {r["shape"] for r in results}
        common = both or old["costs"].keys() & others.keys()
        nothing = "nothing changed beyond noise" if common else "nothing was measured in both"
        print("\n" + ("\n".join(changes) or nothing))
    if out:
        figures = {
            "installation": config_info(),
            "results": results,
            "peaks": found,
            "grids": grids,
            "costs": others,
        }
        out.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Structure factors that do not fit into the caches: the same work with lists of growing size."""

from __future__ import annotations

import statistics
import time

import numpy as np

from nbcy.crystal.structure_factors import HklGrid
from nbcy.flags.parsing import parse
from nbcy.kernel._kernel import KernelScene
from nbcy.render.building import build_scene

EDGES = (30, 100, 200, 300)
ENDS = (("min", -1), ("max", 1))
FLAGS = (
    "-default_F 1 -lambda 1 -N 20 -distance 100 -pixel 0.4 -detpixels 256 -oversample 1"
    " -nointerpolate -misset 10 20 30 -mosaic 0.5 -mosaic_domains 20 -dispersion 1 -dispsteps 5"
)


def kernel_of(edge: int) -> KernelScene:
    """Build a cubic crystal whose corner of the detector sees the end of a list of edge³."""
    cell = 0.8 * edge  # Angstrom; the corner sees 0.62 / Angstrom
    scene = build_scene(parse(f"{FLAGS} -cell {cell} {cell} {cell} 90 90 90".split()).config)
    half = edge // 2
    data = np.random.default_rng(1).uniform(1.0, 100.0, (2 * half + 3,) * 3)
    bounds = {f"{axis}_{end}": sign * half for axis in "hkl" for end, sign in ENDS}
    grid = HklGrid(data, **bounds, default_F=1.0, n_loaded=data.size)
    return KernelScene(scene.replaced(hkl=grid))


def measure(repeats: int) -> dict[str, dict[str, float]]:
    """Time one thread and two; ns per step, and MiB that the list takes."""
    kernels = {edge: kernel_of(edge) for edge in EDGES}
    times: dict[tuple[int, int], list[float]] = {}
    for _ in range(repeats):
        for edge, kernel in kernels.items():
            for threads in (1, 2):
                start = time.perf_counter()
                kernel.render(threads)
                taken = 1e9 * (time.perf_counter() - start) / 256**2 / kernel.scene.steps
                times.setdefault((edge, threads), []).append(taken)
    return {
        f"{edge}^3": {
            "MiB": kernel.scene.hkl.data.nbytes / 2.0**20,
            "one thread": statistics.median(times[edge, 1]),
            "two threads": statistics.median(times[edge, 2]),
        }
        for edge, kernel in kernels.items()
    }


def table(grids: dict[str, dict[str, float]]) -> str:
    lines = [f"{'list':<12}{'MiB':>10}{'ns, 1 thread':>15}{'ns, 2 threads':>15}"]
    lines += [
        f"{name:<12}" + f"{row['MiB']:>10.1f}{row['one thread']:>15.3g}{row['two threads']:>15.3g}"
        for name, row in grids.items()
    ]
    return "\n".join(lines)

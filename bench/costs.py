"""What is not the kernel: starting, reading, building, writing, many images, memory."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import nbcy
from bench.shapes import SHAPES
from nbcy.flags.parsing import parse
from nbcy.image.image import Image
from nbcy.inputs.hkl import read_hkl
from nbcy.render.building import build_scene

FLAGS = {shape.name: shape.flags for shape in SHAPES}
MIB = 2.0**20

PEAK_MEMORY = """
import sys, warnings
warnings.simplefilter("ignore")
from nbcy.kernel._kernel import KernelScene
from nbcy.flags.parsing import parse
from nbcy.render.building import build_scene

def kib(name):
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith(name)).split()[1])

parsed = parse(sys.argv[1:])
before = kib("VmRSS")
kernel = KernelScene(build_scene(parsed.config))
image, _ = kernel.render(threads=2)
print(1024 * (kib("VmHWM") - before), image.nbytes + kernel.scene.hkl.data.nbytes)
"""


def median_ms(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def python(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=Path.cwd()
    ).stdout


def many_overhead(repeats: int) -> float:
    """What an image of `run_many` costs besides its pixels, in percent of 512 x 512 of them.

    Both are timed by turns, image after image: Python is slower where pixels have filled the
    caches.
    """
    flags = FLAGS["cubic"].replace("-detpixels 1024", "-detpixels 512")
    simulator = nbcy.Simulator(parse(flags.split()).config)
    rotations = np.broadcast_to(np.eye(3), (50, 3, 3))

    def images() -> None:
        for _ in simulator.run_many(rotations, threads=1, progress=False):
            pass

    def kernels() -> None:
        for _ in rotations:
            simulator._kernel.render(1)

    pairs = [(median_ms(images, 1), median_ms(kernels, 1)) for _ in range(5 * repeats)]
    return 100.0 * (statistics.median(all_of_it / alone for all_of_it, alone in pairs) - 1.0)


START_FLAGS = (
    "-cell 70 70 70 90 90 90 -N 5 -default_F 100 -distance 100 -detpixels 64 -nonoise -nopgm"
)
START_FILE = """\
[crystal]
cell_angstrom_deg = [70, 70, 70, 90, 90, 90]
cells = 5
default_F = 100
[detector]
distance_mm = 100
pixels_fast = 64
pixels_slow = 64
"""


def start_ratios(repeats: int) -> dict[str, float]:
    """Time of whole processes that make a 64 x 64 image, as multiples of ``import numpy``.

    Best of many, by turns: others on the machine only ever add time.
    """
    Path("start.toml").write_text(START_FILE)
    commands = {
        "numpy": ["-c", "import numpy"],
        "nbcy": ["-m", "nbcy", *START_FLAGS.split()],
        "nbcy simulate": ["-m", "nbcy", "simulate", "start.toml", "-nonoise", "-nopgm"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(3 * repeats):
        for name, command in commands.items():
            times[name].append(median_ms(lambda command=command: python(*command), 1))
    best = {name: min(each) for name, each in times.items()}
    return {
        f"{name}, 64 x 64: multiple of import numpy": best[name] / best["numpy"]
        for name in ("nbcy", "nbcy simulate")
    }


def measure(repeats: int) -> dict[str, float]:
    """Costs in ms, unless their name says otherwise; in a folder with the shapes' inputs."""
    seed = parse(FLAGS["seed"].split()).config
    cubic = nbcy.Simulator(parse(FLAGS["cubic"].split()).config)
    image: Image = nbcy.Simulator(seed).run(threads=2)
    nothing = median_ms(lambda: python("-c", "pass"), repeats)
    command = ["-m", "nbcy", *FLAGS["cubic"].split(), "-nonoise", "-nopgm", "-floatfile", "f.bin"]
    costs = {
        "import nbcy": median_ms(lambda: python("-c", "import nbcy"), repeats) - nothing,
        "read 53 k structure factors": median_ms(lambda: read_hkl("wilson.hkl"), repeats),
        "build the seed's scene, list included": median_ms(lambda: build_scene(seed), repeats),
        "write the seed's float image": median_ms(lambda: image.save("a.bin"), repeats),
        "write the seed's SMV image": median_ms(lambda: image.save("a.img"), repeats),
        "nbcy, 1024 x 1024 x 1 step, whole process": median_ms(lambda: python(*command), repeats),
        "the same, warm, two threads": median_ms(lambda: cubic.run(threads=2), 5 * repeats),
        **start_ratios(repeats),
        "run_many, 512 x 512 x 1 step: overhead, %": many_overhead(repeats),
    }
    if Path("/proc/self/status").exists():
        grown, held = map(int, python("-c", PEAK_MEMORY, *FLAGS["seed"].split()).split())
        costs["seed: memory beyond image and grid, MiB"] = (grown - held) / MIB
    return costs


def table(costs: dict[str, float]) -> str:
    return "\n".join(f"{name:<45}{value:>10.1f}" for name, value in costs.items())

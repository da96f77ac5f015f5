"""Time against steps and against pixels over three decades: python -m bench.growth PLOT.png."""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np

from nbcy.base.atomic import check_destination
from nbcy.base.errors import FileError
from nbcy.flags.parsing import parse
from nbcy.kernel._kernel import KernelScene
from nbcy.render.building import build_scene

BASE = (
    "-cell 70 80 90 85 95 105 -default_F 100 -lambda 1 -N 20 -distance 100 -pixel 0.1"
    " -oversample 1 -nointerpolate -mosaic 1"
)
DOMAINS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
EDGES = (64, 96, 128, 256, 384, 512, 1024, 1536, 2048)


def seconds(edge: int, domains: int) -> float:
    flags = f"{BASE} -detpixels {edge} -mosaic_domains {domains}"
    kernel = KernelScene(build_scene(parse(flags.split()).config))
    times = []
    for _ in range(5):
        start = time.perf_counter()
        kernel.render(threads=1)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("plot", type=Path, metavar="PLOT.png", help="the picture to write")
    plot = parser.parse_args().plot
    try:
        check_destination(plot)
    except FileError as error:
        parser.error(str(error))
    from matplotlib import pyplot

    warnings.simplefilter("ignore")
    series = {
        "steps a pixel (128 x 128 pixels)": (DOMAINS, [seconds(128, n) for n in DOMAINS]),
        "pixels (4 steps each)": ([n * n for n in EDGES], [seconds(n, 4) for n in EDGES]),
    }
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for ax, (name, (counts, times)) in zip(axes, series.items(), strict=True):
        slope = np.polyfit(np.log(counts[-5:]), np.log(times[-5:]), 1)[0]
        ax.loglog(counts, times, "o-", color="black", markersize=4, linewidth=1)
        line = times[-1] / counts[-1] * np.array(counts)
        ax.loglog(counts, line, "--", color="gray", linewidth=1, label="proportional")
        ax.set_xlabel(name)
        ax.set_ylabel("seconds, one thread")
        ax.legend(frameon=False)
        print(f"{name}: exponent {slope:.3f} over the upper half")
        for count, taken in zip(counts, times, strict=True):
            print(f"  {count:>9} {taken:.5f} s")
    figure.savefig(plot, dpi=110)


if __name__ == "__main__":
    main()

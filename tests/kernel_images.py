"""What every build of the kernel makes of the golden cases and of more shapes.

``python tests/kernel_images.py write OUT.npz`` with the nbcy of one compiler, then
``python tests/kernel_images.py compare OUT.npz OTHER.npz``: the same to the last bit, or where not.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

MANY_STEPS: dict[str, Any] = {
    "sampling.oversample": 1,
    "crystal.mosaic_spread_deg": 0.5,
    "crystal.mosaic_domains": 12,
    "beam.dispersion_percent": 1.0,
    "beam.dispersion_steps": 5,
}
# The golden cases hold neither single precision nor steps that are left out.
MORE: dict[str, dict[str, Any]] = {
    "single": {**MANY_STEPS, "sampling.precision": "single"},
    "single_gauss": {**MANY_STEPS, "crystal.shape": "gauss", "sampling.precision": "single"},
    "single_many_cells": {
        "sampling.oversample": 2,
        "crystal.cells": 400,
        "sampling.precision": "single",
    },
    "cutoff": {**MANY_STEPS, "crystal.cells": 60, "sampling.cutoff": 1e-4},
    "gauss": {**MANY_STEPS, "crystal.cells": 60, "crystal.shape": "gauss"},
    "tophat": {**MANY_STEPS, "crystal.cells": 60, "crystal.shape": "tophat"},
    "round": {**MANY_STEPS, "crystal.shape": "round"},
    "dmin": {**MANY_STEPS, "sampling.dmin_angstrom": 1.7, "sampling.oversample_polar": True},
}
MORE_OF = ("real_matrix_hkl", "triclinic_misset")


def configurations() -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    """Name, configuration, quirks; the working directory has to hold the golden inputs."""
    from conftest import golden_cases

    from nbcy.flags.parsing import parse

    for case in golden_cases():
        config = parse(case.argv).config
        yield case.name, config, case.quirks
        if case.name in MORE_OF:
            for name, overrides in MORE.items():
                yield f"{case.name}_{name}", config.with_overrides(overrides), case.quirks


def images() -> dict[str, np.ndarray]:
    """Image and solid angle of each configuration and build, and a traced pixel of each."""
    from conftest import link_inputs

    from nbcy.kernel._kernel import KernelScene, available_isas
    from nbcy.render.simulator import Simulator

    made: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        link_inputs(Path(folder))
        for name, config, quirks in configurations():
            kernel = KernelScene(Simulator(config, quirks=quirks).scene)
            for isa in available_isas():
                pixels, solid_angle = kernel.render(isa=isa)
                made[f"{name}/{isa}"] = pixels
                made[f"{name}/{isa}/solid angle"] = np.array(solid_angle)
            slow, fast = (int(n) // 2 for n in kernel.image_shape)
            for key, values in kernel.trace(slow, fast).items():
                made[f"{name}/trace/{key}"] = np.asarray(values)
    return made


def differences(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> list[str]:
    """One line for each array that is not the same to the last bit."""
    lines = [f"{name}: only in one" for name in sorted(first.keys() ^ second.keys())]
    for name in sorted(first.keys() & second.keys()):
        one, other = first[name], second[name]
        if one.shape != other.shape or one.dtype != other.dtype:
            lines.append(f"{name}: {one.shape} {one.dtype} and {other.shape} {other.dtype}")
        elif one.tobytes() != other.tobytes():
            unlike = one != other
            size = np.abs(one.astype(float)).max()
            most = np.abs(one.astype(float) - other.astype(float)).max()
            count = f"{np.count_nonzero(unlike)} of {one.size}"
            lines.append(f"{name}: {count} differ, at most by {most:.3g} of {size:.3g}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("write").add_argument("output", type=Path)
    compare = commands.add_parser("compare")
    compare.add_argument("files", type=Path, nargs=2)
    arguments = parser.parse_args()
    if arguments.command == "write":
        warnings.simplefilter("ignore")
        made = images()
        np.savez(arguments.output, **made)
        print(f"{len(made)} arrays written")
        return 0
    first, second = ({**np.load(path)} for path in arguments.files)
    lines = differences(first, second)
    print("\n".join(lines) or f"{len(first)} arrays: the same to the last bit")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())

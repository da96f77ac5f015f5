"""What was built and what runs."""

from __future__ import annotations

import platform

import numpy as np

from nbcy.base.threads import resolve_threads
from nbcy.kernel._kernel import OPENMP, available_isas, chosen_isa
from nbcy.version import __version__


def config_info() -> dict[str, str]:
    """Describe the installation.

    Returns
    -------
    dict of str to str
        Version, instruction set chosen and available, OpenMP, threads, Python, NumPy, platform.
    """
    return {
        "nbcy": __version__,
        "instruction set": chosen_isa(),
        "available": ", ".join(available_isas()) + "  (force one with NBCY_ISA)",
        "OpenMP": "yes" if OPENMP else "no: runs are serial",
        "threads": str(resolve_threads() if OPENMP else 1),
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
    }


def show_config() -> None:
    """Print what was built and what runs."""
    info = config_info()
    width = max(map(len, info))
    for key, value in info.items():
        print(f"{key:<{width}}  {value}")

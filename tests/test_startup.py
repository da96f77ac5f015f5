"""What starting loads: shell loops over small images pay for each module a thousand times."""

from __future__ import annotations

import subprocess
import sys

# Of the standard library and of ours, what a small image needs none of.
LATE = {
    *("argparse", "asyncio", "base64", "bz2", "csv", "decimal", "difflib", "email", "gettext"),
    *("gzip", "hashlib", "hmac", "http", "importlib.metadata", "json", "logging", "lzma"),
    *("multiprocessing", "random", "secrets", "shutil", "socket", "ssl", "tempfile", "tomllib"),
    *("unittest", "urllib.request", "uuid", "xml", "zipfile"),
    *("numpy.random", "numpy.ma", "numpy.polynomial", "numpy.fft", "numpy.testing"),
    *("PIL", "fabio", "gemmi", "h5py", "hdf5plugin", "matplotlib", "pint", "pydantic", "rich"),
    *("scipy", "tomli_w", "tqdm"),
    *("nbcy.auditing", "nbcy.formats.geometry", "nbcy.formats.nxmx_reading", "nbcy.formats.xds"),
    *(
        "nbcy.inputs.coordinates",
        "nbcy.inputs.reflections",
        "nbcy.render.facts",
        "nbcy.render.trace",
    ),
    *("nbcy.render.variations", "nbcy.work"),
}
CONFIG = """\
[crystal]
cell_angstrom_deg = [70, 70, 70, 90, 90, 90]
cells = 5
default_F = 100
[detector]
distance_mm = 100
pixels_fast = 64
pixels_slow = 64
"""
FLAGS = "-cell 70 70 70 90 90 90 -N 5 -default_F 100 -distance 100 -detpixels 64"


def loaded(code, folder):
    """Names of the modules that code loads, besides those that numpy takes along."""

    def modules(code):
        command = [sys.executable, "-c", f"{code}\nimport sys; print('|', *sys.modules)"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
        return set(done.stdout.rpartition("|")[2].split())

    return modules(code) - modules("import numpy")


def command_line(*words):
    return f"from nbcy.cli.main import main; assert main({list(words)}) == 0"


def test_import_nbcy(tmp_path):
    """Neither numpy nor any part of nbcy beyond names."""
    found = loaded("import nbcy", tmp_path)
    assert {name for name in found if name.startswith("nbcy")} <= {
        *("nbcy", "nbcy.base", "nbcy.base.lazy"),
    }
    assert not LATE & found


def test_drop_in(tmp_path):
    found = loaded(command_line(*FLAGS.split(), "-nonoise", "-nopgm"), tmp_path)
    assert {"nbcy.kernel._kernel", "nbcy.image.image"} <= found
    assert not LATE & found


def test_drop_in_with_noise(tmp_path):
    """NumPy's random numbers take along what they need, and nothing else comes."""
    found = loaded(command_line(*FLAGS.split()), tmp_path)
    assert not LATE & found - loaded("import numpy.random", tmp_path)


def test_simulate_a_file(tmp_path):
    (tmp_path / "a.toml").write_text(CONFIG)
    found = loaded(command_line("simulate", "a.toml", "-nonoise", "-nopgm"), tmp_path)
    assert not (LATE - {"argparse", "gettext", "tomllib"}) & found

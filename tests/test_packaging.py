"""The package builds from nothing but its own files, also where OpenMP does not work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from nbcy.version import __version__

ROOT = Path(__file__).parent.parent
USE = """
import nbcy, nbcy.kernel._kernel
from nbcy import *
crystal = nbcy.Crystal(cell_angstrom_deg=(50, 50, 50, 90, 90, 90), cells=5, default_F=10)
detector = nbcy.Detector(pixels_fast=8, pixels_slow=8, pixel_mm=1)
image = nbcy.Simulator(crystal=crystal, detector=detector).run(threads=2)
print(nbcy.kernel._kernel.OPENMP, image.statistics().sum > 0)
"""

pytestmark = [
    pytest.mark.skipif(not ROOT.joinpath("setup.py").exists(), reason="needs the source tree"),
    pytest.mark.xdist_group("packaging"),  # one source distribution for all
]


def run(*command, **options):
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_citation_has_the_version():
    lines = ROOT.joinpath("CITATION.cff").read_text().splitlines()
    assert f"version: {__version__}" in lines


def unpack(wheel, folder):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
        return set(archive.namelist())


def used(folder):
    """Import and use the unpacked wheel, away from the source tree."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return run(sys.executable, "-c", USE, cwd=folder, env=environment).split()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The unpacked source distribution, made from a copy so that the tree stays clean."""
    folder = tmp_path_factory.mktemp("sdist")
    copy = folder / "tree"
    ignored = shutil.ignore_patterns(
        ".git", ".venv", "build", "*.so", "*.egg-info", "__pycache__", ".*_cache"
    )
    shutil.copytree(ROOT, copy, ignore=ignored)
    run(sys.executable, "-m", "build", "--sdist", "--outdir", folder, copy)
    (archive,) = folder.glob("nbcy-*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    (unpacked,) = (path for path in folder.glob("nbcy-*") if path.is_dir())
    return unpacked


def test_wheel_from_the_source_distribution_works(source, tmp_path):
    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, source)
    (wheel,) = tmp_path.glob("*.whl")
    names = unpack(wheel, tmp_path / "site")
    assert {
        "nbcy/py.typed",
        "nbcy/kernel/_kernel.pyi",
        "nbcy/base/_rng.pyi",
        "nbcy/data/1l2h.cif.gz",
    } <= names
    assert not [name for name in names if name.endswith((".c", ".h", ".pyx")) or "tests/" in name]
    assert used(tmp_path / "site") == ["True", "True"]


def test_build_without_openmp_is_serial_and_says_so(source, tmp_path):
    compiler = tmp_path / "cc"
    compiler.write_text(
        '#!/bin/sh\nfor word; do [ "$word" = -fopenmp ] && exit 1; done\nexec gcc "$@"\n'
    )
    compiler.chmod(0o755)
    environment = {**os.environ, "CC": str(compiler)}
    said = run(
        sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, source, env=environment
    )
    assert "OpenMP does not work with this compiler, the build has one thread alone" in said
    (wheel,) = tmp_path.glob("*.whl")
    unpack(wheel, tmp_path / "site")
    assert used(tmp_path / "site") == ["False", "True"]

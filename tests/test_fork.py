"""Forked processes render with threads, whoever had OpenMP's threads before the fork."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fork is Linux's")

SIMULATOR = """
import multiprocessing, os, signal, sys
import nbcy

simulator = nbcy.Simulator(
    crystal=nbcy.Crystal(cell_angstrom_deg=(50,), cells=3, default_F=10),
    detector=nbcy.Detector(pixels_fast=300, pixels_slow=300, pixel_mm=0.2),
)

def render(threads):
    return simulator.run(threads=threads).statistics().sum
"""


def run_script(folder: Path, text: str) -> str:
    """Return what a script prints; a hang is a failure."""
    script = folder / "forks.py"
    script.write_text(text)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_workers_forked_after_a_run(tmp_path):
    script = (
        SIMULATOR
        + """
total = render(2)
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(render, [2, 1, 2, 3]) == [total] * 4
print("done")
"""
    )
    assert run_script(tmp_path, script) == "done\n"


def test_a_child_of_a_child(tmp_path):
    script = (
        SIMULATOR
        + """
total = render(2)
if os.fork() == 0:
    assert render(2) == total
    if os.fork() == 0:
        assert render(2) == total
        print("done", flush=True)
        os._exit(0)
    os._exit(os.wait()[1] >> 8)
sys.exit(os.wait()[1] >> 8)
"""
    )
    assert run_script(tmp_path, script) == "done\n"


FOREIGN = """
#include <omp.h>
int threads(void)
{
    int count = 0;
    #pragma omp parallel num_threads(3) reduction(+:count)
    count += 1;
    return count;
}
"""


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Another library that uses the compiler's OpenMP."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    (tmp_path / "foreign.c").write_text(FOREIGN)
    library = tmp_path / "foreign.so"
    command = [compiler, "-shared", "-fPIC", "-fopenmp", "-o", library, tmp_path / "foreign.c"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no OpenMP")
    return library


@pytest.mark.parametrize("imported", ["before", "after"])
def test_a_fork_after_another_library_had_threads(tmp_path, foreign, imported):
    """nbcy imported before that, or in the child alone."""
    fork = f"""
import ctypes, os, sys
assert ctypes.CDLL({str(foreign)!r}).threads() == 3
if os.fork():
    sys.exit(os.wait()[1] >> 8)
"""
    child = "assert render(2) == render(1)\nprint('done', flush=True)\nos._exit(0)\n"
    parts = [SIMULATOR, fork, child] if imported == "before" else [fork, SIMULATOR, child]
    assert run_script(tmp_path, "".join(parts)) == "done\n"


def test_ctrl_c_in_a_fork(tmp_path):
    """The signal comes to the first thread, which waits for the one that renders."""
    script = tmp_path / "endless.py"
    script.write_text(
        SIMULATOR.replace(
            "default_F=10", "default_F=10, mosaic_spread_deg=1, mosaic_domains=1000"
        ).replace("pixel_mm=0.2)", "pixel_mm=0.2), sampling=nbcy.Sampling(oversample=10_000)")
        + """
if os.fork():
    sys.exit(os.wait()[1] >> 8)
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs start without
def started(done, total):
    print(os.getpid(), flush=True)
try:
    simulator.run(threads=2, progress=started)
except KeyboardInterrupt:
    os._exit(77)
"""
    )
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as process:
        child = int(process.stdout.readline())
        try:
            os.kill(child, signal.SIGINT)
            process.wait(timeout=120)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
    assert process.returncode == 77

"""Signals stop the kernel at once, whatever work is left, and leave nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import nbcy

# Hours of work: the test ends only because the kernel stops.
FLAGS = (
    "-cell 100 100 100 90 90 90 -default_F 100 -lambda 1 -N 20 -distance 100 -detpixels 2000"
    " -pixel 0.1 -oversample 50 -mosaic 1 -mosaic_domains 1000 -seed 1 -threads 2"
)
# A background job starts with SIGINT ignored, and so would its child.
AS_AT_A_TERMINAL = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("nbcy", run_name="__main__", alter_sys=True)
"""


def endless():
    crystal = nbcy.Crystal(
        cell_angstrom_deg=(100, 100, 100),
        cells=20,
        default_F=1,
        mosaic_spread_deg=1,
        mosaic_domains=1000,
    )
    detector = nbcy.Detector(pixels_fast=2000, pixels_slow=2000, pixel_mm=0.1)
    return nbcy.Simulator(crystal=crystal, detector=detector, sampling=nbcy.Sampling(oversample=50))


def test_ctrl_c_on_the_command_line(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", AS_AT_A_TERMINAL, *FLAGS.split()],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for line in process.stdout:  # the report is out when the kernel starts
            if "water droplet" in line:
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, errors
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


def test_what_progress_raises_stops_the_kernel():
    class Enough(Exception):
        pass

    seen = []

    def progress(done, total):
        seen.append((done, total))
        raise Enough

    before = threading.active_count()
    with pytest.raises(Enough):
        endless().run(threads=2, progress=progress)
    ((done, total),) = seen
    assert 0 <= done < total
    assert threading.active_count() == before


def test_a_stopped_simulator_runs_again():
    simulator = endless()
    with pytest.raises(ZeroDivisionError):
        simulator.run(progress=lambda done, total: 1 / 0)
    image = simulator.run(roi=(1000, 1000, 1000, 1000))
    assert image.pixels[1000, 1000] > 0


@pytest.mark.parametrize("crystal", [{}, {"shape": "gauss", "cells": 100}])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_pixel_that_takes_hours_is_left_in_the_middle(threads, crystal):
    """A hundred million sub-pixels: what stops at the end of a pixel would not stop today."""
    given = {"cells": 20, "default_F": 1, "mosaic_spread_deg": 1, "mosaic_domains": 1000, **crystal}
    simulator = nbcy.Simulator(
        crystal=nbcy.Crystal(cell_angstrom_deg=(100, 100, 100), **given),
        detector=nbcy.Detector(pixels_fast=9, pixels_slow=9, pixel_mm=0.1),
        sampling=nbcy.Sampling(oversample=10_000),
    )

    def progress(done, total):
        assert done == 0
        raise InterruptedError

    with pytest.raises(InterruptedError):
        simulator.run(threads=threads, progress=progress)


ENDING = pytest.mark.parametrize("ending", ["SIGTERM", "SIGHUP"])
# Whoever started the tests may have had a signal ignored.
DEFAULTS = """
import signal
for name in ("SIGTERM", "SIGHUP"):
    signal.signal(getattr(signal, name), signal.SIG_DFL)
"""


def ended(folder: Path, script: str, ending: str) -> int:
    """Start a script, end it by a signal once it says something, and return its status."""
    with subprocess.Popen(
        [sys.executable, "-c", DEFAULTS + script], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline()
            assert any(folder.rglob("*.part"))  # what would stay
            process.send_signal(getattr(signal, ending))
            return process.wait(timeout=120)
        finally:
            process.kill()


@ENDING
@pytest.mark.parametrize("opened", ["atomic_write", "atomic_path"])
def test_what_ends_the_process_leaves_no_part_of_a_file(tmp_path, opened, ending):
    script = f"""
import time
from pathlib import Path
from nbcy.base.atomic import {opened}
with {opened}("outer") as outer, {opened}("inner") as inner:
    (inner.with_name("more") if {opened!r} == "atomic_path" else Path("kept")).write_text("x")
    print("ready", flush=True)
    time.sleep(3600)
"""
    assert ended(tmp_path, script, ending) == -getattr(signal, ending)
    kept = {"kept"} if opened == "atomic_write" else set()
    assert {path.name for path in tmp_path.iterdir()} == kept


@ENDING
def test_what_ends_a_series_leaves_nothing(tmp_path, ending):
    script = """
import nbcy
crystal = nbcy.Crystal(cell_angstrom_deg=(100,), cells=20, default_F=1)
detector = nbcy.Detector(pixels_fast=500, pixels_slow=500, pixel_mm=0.1)
sim = nbcy.Simulator(crystal=crystal, detector=detector, sampling=nbcy.Sampling(oversample=1))
def images():
    yield from sim.run_many(phi_deg=[0.0, 1.0])
    print("ready", flush=True)
    yield from sim.run_many(fluence_photons_per_m2=iter(lambda: 1e24, None))
nbcy.save_frames(images(), ["frames_#####.cbf", "all.nxs"], 10_000)
"""
    assert ended(tmp_path, script, ending) == -getattr(signal, ending)
    assert not list(tmp_path.iterdir())


def test_a_fork_that_is_ended_leaves_its_parents_files_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = (
        DEFAULTS
        + """
import os, time
from nbcy.base.atomic import atomic_write
with atomic_write("file") as file:
    file.write(b"whole")
    awake, waken = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(waken, b"!")
        time.sleep(3600)
    os.read(awake, 1)
    os.kill(child, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
"""
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
    assert Path("file").read_bytes() == b"whole"

"""Ctrl-C stops the kernel at once, whatever work is left, and leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

import nbcy

# Hours of work: the test ends only because the kernel stops.
FLAGS = (
    "-cell 100 100 100 90 90 90 -default_F 100 -lambda 1 -N 20 -distance 100 -detpixels 2000"
    " -pixel 0.1 -oversample 50 -mosaic 1 -mosaic_domains 1000 -seed 1 -threads 2"
)


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
        [sys.executable, "-m", "nbcy", *FLAGS.split()],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:  # the report is out when the kernel starts
        if "water droplet" in line:
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
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

"""Chunks that many threads pack are those of HDF5's own filter."""

from __future__ import annotations

import h5py
import hdf5plugin
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbcy.formats import bitshuffle
from nbcy.formats.bitshuffle import pack_lz4
from nbcy.formats.counts import KINDS, Integers


def filtered(pixels: np.ndarray) -> bytes:
    """What HDF5 writes."""
    with h5py.File.in_memory() as file:
        packing = hdf5plugin.Bitshuffle(cname="lz4")
        data = file.create_dataset("a", data=pixels, chunks=pixels.shape, **packing)
        return data.id.read_direct_chunk((0,) * pixels.ndim)[1]


@given(
    st.integers(1, 600),
    st.integers(1, 700),
    st.sampled_from(["uint16", "uint32", "int32", "float32"]),
    st.integers(1, 3),
)
def test_bytes_are_those_of_the_filter(slow, fast, dtype, threads):
    pixels = np.random.default_rng(slow + fast).poisson(2.0, (slow, fast)).astype(dtype)
    assert pack_lz4(pixels, threads) == filtered(pixels)


def test_without_the_library_hdf5_packs(monkeypatch, tmp_path):
    import nbcy

    monkeypatch.setattr(bitshuffle, "_library", lambda: None)
    assert pack_lz4(np.zeros((3, 3), np.uint16)) is None
    simulator = nbcy.Simulator(
        crystal={"cell_angstrom_deg": 70, "cells": 3, "default_F": 100},
        detector={"distance_mm": 100, "pixels_slow": 30, "pixels_fast": 40},
    )
    image = simulator.run().with_noise(1)
    image.save(tmp_path / "slow.nxs")
    monkeypatch.undo()
    image.save(tmp_path / "fast.nxs")
    chunks = []
    for name in ("slow.nxs", "fast.nxs"):
        with h5py.File(tmp_path / name) as file:
            data = file["entry/data/data"]
            np.testing.assert_array_equal(data[0], image.pixels)
            chunks.append(data.id.read_direct_chunk((0, 0, 0))[1])
    assert chunks[0] == chunks[1]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_integers_of_many_bands(kind, monkeypatch):
    """Larger than a band: the same by one thread, and what does not fit is counted once."""
    rng = np.random.default_rng(3)
    pixels = rng.normal(2.0, 2.0, (300, 400))
    pixels[7, 9], pixels[250, 3] = np.nan, 1e12
    made = []
    for threads in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        integers = Integers(kind)
        made.append((integers.of(pixels).tobytes(), vars(integers)))
    assert made[0] == made[1]
    whole = np.floor(np.nan_to_num(pixels) + 0.5)
    assert made[0][1]["below"] == (whole < 0).sum()
    assert made[0][1]["above"] == 1
    stored = np.frombuffer(made[0][0], kind.name).reshape(pixels.shape)
    assert stored[7, 9] == kind.flag
    assert stored[250, 3] == kind.largest
    assert made[0][1]["rounded"] == pytest.approx(whole[whole > 0].sum(), rel=1e-12)

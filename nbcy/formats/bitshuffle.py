"""Chunks of HDF5, packed by bitshuffle and LZ4 on many threads.

HDF5 packs a chunk on one thread. The library of its filter, which hdf5plugin brings along, packs
blocks of 8 KiB that know nothing of each other, so that many threads can have a part of a chunk
each, and put together the bytes that the filter would have made.
"""

from __future__ import annotations

import ctypes
import glob
import os
import struct
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.extras import require
from nbcy.base.threads import in_pieces

_BLOCKS_OF_A_PART: Final = 64


@cache
def _library() -> Any:
    """Return the filter's library, or None where it does not show what is needed."""
    folder = require("hdf5plugin", "files").PLUGIN_PATH
    for path in glob.glob(os.path.join(folder, "libh5bshuf.*")):
        try:
            library = ctypes.CDLL(path)
            size, pointer = ctypes.c_size_t, ctypes.c_void_p
            library.bshuf_compress_lz4.argtypes = [pointer, pointer, size, size, size]
            library.bshuf_compress_lz4.restype = ctypes.c_int64
            library.bshuf_compress_lz4_bound.argtypes = [size, size, size]
            library.bshuf_compress_lz4_bound.restype = size
            library.bshuf_default_block_size.argtypes = [size]
            library.bshuf_default_block_size.restype = size
        except (OSError, AttributeError):
            continue
        return library
    return None


def pack_lz4(pixels: NDArray[Any], threads: int | None = None) -> bytes | None:
    """Return pixels as HDF5's filter of bitshuffle and LZ4 packs them.

    Parameters
    ----------
    pixels : ndarray
    threads : int, optional
        As for `nbcy.base.threads.resolve_threads`; bytes do not depend on it.

    Returns
    -------
    bytes or None
        None where the library cannot be used by itself.
    """
    library = _library()
    if library is None:
        return None
    flat = np.ascontiguousarray(pixels).reshape(-1)
    width = flat.itemsize
    block = library.bshuf_default_block_size(width)
    step = _BLOCKS_OF_A_PART * block
    starts = range(0, flat.size, step)
    parts: list[bytes] = [b""] * len(starts)

    def pack(n: int) -> None:
        part = flat[starts[n] : starts[n] + step]
        room = np.empty(library.bshuf_compress_lz4_bound(part.size, width, block), np.uint8)
        done = library.bshuf_compress_lz4(
            part.ctypes.data, room.ctypes.data, part.size, width, block
        )
        if done < 0:
            raise RuntimeError(f"bitshuffle fails with {done}")
        parts[n] = room[:done].tobytes()

    in_pieces(pack, range(len(starts)), threads)
    return struct.pack(">QI", flat.nbytes, block * width) + b"".join(parts)

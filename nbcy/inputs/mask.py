"""Masks: images of any format whose zeros are not rendered (formats 5.4)."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from nbcy.formats.frames import open_recording
from nbcy.formats.registry import format_of_file
from nbcy.formats.smv import read_smv


def read_mask(path: str | os.PathLike[str], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Read a mask.

    Parameters
    ----------
    path : path-like
        SMV, whose pixels count as they are, whatever offset the header tells; or another format
        that `nbcy.open_recording` reads, of which the first frame is taken.
    shape : tuple of int
        (slow, fast) of raw pixels; other files have their own.

    Returns
    -------
    ndarray of uint8, shape (slow, fast) of the file
        0 where the file has 0 or says that nothing was measured, else 1.

    Raises
    ------
    FileError
        Not an image, or raw pixels of another number.
    """
    if format_of_file(path).name == "smv":
        _, pixels = read_smv(path)
        kept = pixels != 0
    else:
        with open_recording(path, shape) as recording:
            frame = recording.frame(0)
        kept = frame.pixels != 0
        if frame.invalid is not None:
            kept &= ~frame.invalid
    mask: NDArray[np.uint8] = kept.astype(np.uint8)
    return mask

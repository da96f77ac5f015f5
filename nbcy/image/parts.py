"""The parts of an image: what the crystal scatters, and what everything else does (physics 13)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nbcy.base.errors import KernelError
from nbcy.scene.coverage import Region
from nbcy.scene.scene import Scene

Pixels = NDArray[Any]


def with_background(bragg: Pixels, scene: Scene, region: Region | None, threads: int) -> Pixels:
    """Return expected photons: the crystal's, and those of the materials.

    Parameters
    ----------
    bragg : ndarray of float32 or float64
        Of all panels.
    scene : Scene
    region : tuple of int, optional
        What was rendered of one panel, inclusive.
    threads : int

    Raises
    ------
    KernelError
        A pixel is too bright for its type.
    """
    image = background_of(scene, region, bragg.dtype, threads).reshape(bragg.shape)
    image += bragg
    if not np.isfinite(image).all():
        _raise_too_bright(bragg.dtype)
    return image


def background_of(
    scene: Scene, region: Region | None, dtype: DTypeLike, threads: int = 1
) -> Pixels:
    """Return the photons of the materials, one panel after another; 0 where nothing is rendered."""
    name = np.dtype(dtype).name
    image: Pixels = scene.haze.whole(name, threads) * _scale(scene)
    if region is not None:
        fast_min, fast_max, slow_min, slow_max = region
        (panel,) = scene.split(image)
        panel[:slow_min], panel[slow_max + 1 :] = 0.0, 0.0
        panel[:, :fast_min], panel[:, fast_max + 1 :] = 0.0, 0.0
    if scene.mask is not None:
        image *= scene.mask.reshape(-1) != 0
    return image


def add_to_pixels(
    values: Pixels,
    scene: Scene,
    boxes: NDArray[np.int64] | None,
    listed: NDArray[np.int64] | None,
) -> None:
    """Add the photons of the materials to some pixels, as the whole image has them.

    Raises
    ------
    KernelError
        A pixel is too bright for its type.
    """
    if listed is None:
        assert boxes is not None
        listed = np.concatenate([_inside(box) for box in boxes.tolist()] or [np.empty((0, 3), int)])
    for panel in np.unique(listed[:, 0]).tolist():
        here = listed[:, 0] == panel
        slow, fast = listed[here, 1], listed[here, 2]
        values[here] += photons_of_materials(scene, panel, slow, fast, values.dtype)
    if not np.isfinite(values).all():
        _raise_too_bright(values.dtype)


def photons_of_materials(
    scene: Scene,
    panel: int,
    slow: NDArray[np.int64],
    fast: NDArray[np.int64],
    dtype: DTypeLike = np.float64,
) -> Pixels:
    """Return the photons of the materials in some pixels of a panel, as the image has them."""
    kind = np.dtype(dtype)
    part: Pixels = scene.haze.pixels(panel, slow, fast).astype(kind) * _scale(scene)
    mask = scene.mask_of(panel)
    if mask is not None:
        part *= mask[slow, fast] != 0
    return part


def _inside(box: list[int]) -> NDArray[np.int64]:
    panel, slow, slow_end, fast, fast_end = box
    rows, columns = np.mgrid[slow:slow_end, fast:fast_end]
    return np.stack((np.full(rows.size, panel), rows.ravel(), columns.ravel()), axis=-1)


def _scale(scene: Scene) -> float:
    return scene.r_e_sqr * scene.fluence * scene.haze.unit


def _raise_too_bright(dtype: np.dtype[Any]) -> None:
    raise KernelError(f"the background is too large for a {dtype} image: see fluence and materials")

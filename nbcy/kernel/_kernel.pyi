from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nbcy.scene.scene import Scene

OPENMP: bool
SOURCES: str

def available_isas() -> tuple[str, ...]: ...
def chosen_isa(isa: str | None = None) -> str: ...
def evaluate(name: str, x: NDArray[np.float64], isa: str | None = None) -> NDArray[np.float64]: ...

class KernelScene:
    scene: Scene
    image_shape: tuple[int, ...]
    def __init__(self, scene: Scene, like: KernelScene | None = None) -> None: ...
    def tiles(self, roi: tuple[int, int, int, int] | None = None) -> NDArray[np.int64]: ...
    def render(
        self,
        threads: int = 1,
        isa: str | None = None,
        roi: tuple[int, int, int, int] | None = None,
        poll: Callable[[int, int], object] | None = None,
        skip: bool = True,
        dtype: DTypeLike = ...,
    ) -> tuple[NDArray[Any], float]: ...
    def render_boxes(
        self,
        boxes: NDArray[np.int64],
        threads: int = 1,
        isa: str | None = None,
        poll: Callable[[int, int], object] | None = None,
        dtype: DTypeLike = ...,
    ) -> NDArray[Any]: ...
    def render_listed(
        self,
        pixels: NDArray[np.int64],
        threads: int = 1,
        isa: str | None = None,
        poll: Callable[[int, int], object] | None = None,
        dtype: DTypeLike = ...,
    ) -> NDArray[Any]: ...
    def trace(self, slow: int, fast: int, panel: int = 0) -> dict[str, Any]: ...

"""Images whose structure factors differ from one wavelength to another: summed up by wavelengths.

Each channel is a scene of its own (physics 7.7), rendered in double; only one at a time is laid out
for the kernel, so that memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nbcy.base.errors import KernelError
from nbcy.base.vectors import frozen
from nbcy.kernel._kernel import KernelScene
from nbcy.scene.scene import Scene

Poll = Callable[[int, int], object]

_OF_SOURCES: Final = (
    *("scattering", "polar", "skipped", "hkl_frac", "hkl_rounded", "F_latt_abc"),
    *("F_latt", "F_cell", "intensity"),
)
"""What a trace keeps of every source, on its second axis."""


def kernel_of(
    scene: Scene, like: KernelScene | ChannelKernel | None = None
) -> KernelScene | ChannelKernel:
    """Lay a scene out for the kernel.

    Parameters
    ----------
    scene : Scene
    like : KernelScene or ChannelKernel, optional
        Whose layout serves for the parts that both scenes share.
    """
    if scene.amplitudes.channels is not None:
        return ChannelKernel(scene)
    return KernelScene(scene, like if isinstance(like, KernelScene) else None)


class ChannelKernel:
    """A scene whose wavelengths have structure factors of their own; as `KernelScene`.

    Parameters
    ----------
    scene : Scene
        With ``amplitudes.channels``.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        wavelengths, first = np.unique(scene.illumination.wavelengths, return_index=True)
        self._wavelengths: list[float] = wavelengths[np.argsort(first)].tolist()

    def __repr__(self) -> str:
        return f"<nbcy.ChannelKernel: {len(self._wavelengths)} wavelengths>"

    def channels(self) -> Iterator[tuple[NDArray[np.intp], KernelScene]]:
        """Yield the sources of each wavelength, and their scene."""
        like = None
        for wavelength in self._wavelengths:
            which = np.flatnonzero(self.scene.illumination.wavelengths == wavelength)
            like = KernelScene(self._of_sources(which, wavelength), like)
            yield which, like

    def _of_sources(self, which: NDArray[np.intp], wavelength: float) -> Scene:
        scene, beam = self.scene, self.scene.illumination
        factors = scene.amplitudes.channels
        assert factors is not None
        share = float(beam.weights[which].sum())
        sources = beam.sources
        sources = replace(
            sources,
            positions=frozen(sources.positions[which]),
            intensities=frozen(sources.intensities[which]),
            wavelengths=frozen(sources.wavelengths[which]),
            weights=frozen(sources.weights[which] / share),
            incident=frozen(sources.incident[which]),
        )
        rotation = scene.rotation
        if 0 not in which:  # the very first visit is the first source's
            rotation = replace(rotation, first_orientations=None)
        grid = factors.grid(wavelength)
        return replace(
            scene,
            illumination=replace(beam, sources=sources),
            amplitudes=replace(scene.amplitudes, hkl=grid, channels=None),
            rotation=rotation,
            fluence=scene.fluence * share,
            background=replace(scene.background, water=scene.background.water * share),
        )

    def _sum(
        self,
        render: Callable[[KernelScene, Poll | None], NDArray[np.float64]],
        poll: Poll | None,
        dtype: DTypeLike,
    ) -> NDArray[Any]:
        total: NDArray[np.float64] | None = None
        count = len(self._wavelengths)
        for n, (_, kernel) in enumerate(self.channels()):

            def told(done: int, parts: int, n: int = n) -> object:
                return None if poll is None else poll(n * parts + done, count * parts)

            image = render(kernel, None if poll is None else told)
            total = image if total is None else total + image
        assert total is not None
        with np.errstate(over="ignore"):
            image = total.astype(dtype)
        if not np.isfinite(image).all():
            raise KernelError(f"photons are too many for a {image.dtype} image")
        return image

    def render(
        self,
        threads: int = 1,
        isa: str | None = None,
        roi: tuple[int, int, int, int] | None = None,
        poll: Poll | None = None,
        dtype: DTypeLike = np.float32,
    ) -> tuple[NDArray[Any], float]:
        """Render the image, as `KernelScene.render`."""
        angles = []

        def one(kernel: KernelScene, told: Poll | None) -> NDArray[np.float64]:
            image, angle = kernel.render(threads, isa, roi, told, dtype=np.float64)
            angles.append(angle)
            return image

        return self._sum(one, poll, dtype), angles[0]

    def render_boxes(
        self,
        boxes: NDArray[np.int64],
        threads: int = 1,
        isa: str | None = None,
        poll: Poll | None = None,
        dtype: DTypeLike = np.float32,
    ) -> NDArray[Any]:
        """Render rectangles of pixels, as `KernelScene.render_boxes`."""
        return self._sum(
            lambda kernel, told: kernel.render_boxes(boxes, threads, isa, told, np.float64),
            poll,
            dtype,
        )

    def render_listed(
        self,
        pixels: NDArray[np.int64],
        threads: int = 1,
        isa: str | None = None,
        poll: Poll | None = None,
        dtype: DTypeLike = np.float32,
    ) -> NDArray[Any]:
        """Render pixels one by one, as `KernelScene.render_listed`."""
        return self._sum(
            lambda kernel, told: kernel.render_listed(pixels, threads, isa, told, np.float64),
            poll,
            dtype,
        )

    def trace(self, slow: int, fast: int, panel: int = 0) -> dict[str, Any]:
        """Render one pixel and keep every step, as `KernelScene.trace`."""
        whole: dict[str, Any] = {}
        sources = len(self.scene.illumination.wavelengths)
        for which, kernel in self.channels():
            part = kernel.trace(slow, fast, panel)
            # what one source contributes to the sum that all of them share
            unit = kernel.scene.fluence / self.scene.fluence * self.scene.steps / kernel.scene.steps
            part["I_before_scaling"] *= unit
            if not whole:
                whole = dict(part)
                for name in _OF_SOURCES:
                    shape = (part[name].shape[0], sources, *part[name].shape[2:])
                    whole[name] = np.zeros(shape, part[name].dtype)
            else:
                for name in ("I_before_scaling", "I_pixel_final", "background"):
                    whole[name] += part[name]
                whole["first_visit"] |= part["first_visit"]
            for name in _OF_SOURCES:
                whole[name][:, which] = part[name]
        return whole

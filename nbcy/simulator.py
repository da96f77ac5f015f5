"""Configuration in, image or trace out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from nbcy._kernel import KernelScene, chosen_isa
from nbcy.config import Config
from nbcy.errors import ConfigError, KernelError, NbcyWarning
from nbcy.image import Image
from nbcy.quirks import parse_quirks
from nbcy.scene import Scene, build_scene
from nbcy.structure_factors import StructureFactors
from nbcy.version import __version__

if TYPE_CHECKING:
    from nbcy.trace import Trace

Roi = tuple[int, int, int, int]

MAX_THREADS = 1024
"""More than any node has; a slip of the keyboard must not start millions."""


class Simulator:
    """Renders diffraction images of one configuration.

    The configuration is resolved once; what it leads to (geometry, sources, orientations, structure
    factors) stands in `scene` and serves every run.

    Parameters
    ----------
    config : Config, optional
        What to simulate; the sections can also be given by name,
        ``Simulator(crystal=Crystal(...), detector=Detector(...))``.
    quirks : iterable of str, optional
        Defects of the reference to reproduce (`nbcy.quirks.QUIRKS`), in place of ``config.quirks``.
    structure_factors : StructureFactors, optional
        In place of ``config.crystal.hkl_file`` or ``structure_file``; a cell of theirs serves where
        the configuration gives none.
    **sections
        ``crystal``, ``beam``, ``detector``, ``spindle``, ``sampling``, ``background``.

    Attributes
    ----------
    config : Config
    scene : Scene
        Everything resolved, in SI units; ``scene.choices`` says who chose each value.

    Raises
    ------
    ConfigError, UnitError
        Impossible values.
    FileError
        A file that cannot be read.

    Examples
    --------
    >>> import nbcy
    >>> crystal = nbcy.Crystal(cell_angstrom_deg=(100, 100, 100), cells=5, default_F=100)
    >>> detector = nbcy.Detector(pixels_fast=64, pixels_slow=64, pixel_mm=0.4, distance="10 cm")
    >>> image = nbcy.Simulator(crystal=crystal, detector=detector).run()
    >>> image.pixels.shape
    (64, 64)
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        quirks: Iterable[str] | str | None = None,
        structure_factors: StructureFactors | None = None,
        **sections: Any,
    ) -> None:
        if config is not None and sections:
            raise ConfigError("config", "given", f"cannot be combined with {', '.join(sections)}")
        if config is None:
            config = Config(**sections)
        if not isinstance(config, Config):
            raise ConfigError(
                "config",
                config,
                "must be a Config; read one with Config.load, or name the sections: "
                "Simulator(crystal=..., detector=...)",
            )
        if quirks is not None:
            config = config.with_overrides({"quirks": sorted(parse_quirks(quirks))})
        self._config = config
        self._kernel = KernelScene(build_scene(config, structure_factors))
        for note in self.scene.notes:
            warnings.warn(note, NbcyWarning, stacklevel=2)

    def __repr__(self) -> str:
        panel = self.scene.panels[0]
        return (
            f"<nbcy.Simulator: {panel.pixels_slow} x {panel.pixels_fast} pixels (slow x fast), "
            f"{self.scene.steps} steps each>"
        )

    @property
    def config(self) -> Config:
        """What is simulated."""
        return self._config

    @property
    def scene(self) -> Scene:
        """What the configuration was resolved into."""
        return self._kernel.scene

    def run(
        self,
        threads: int | None = None,
        roi: Roi | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Image:
        """Render the image.

        Parameters
        ----------
        threads : int, optional
            Worker threads; default every processor this process may use, or OMP_NUM_THREADS.
            The image does not depend on it.
        roi : tuple of int, optional
            ``(fast_min, fast_max, slow_min, slow_max)``, inclusive, in place of the scene's;
            pixels outside stay 0.
        progress : callable, optional
            Called with the parts done and the parts in all, about twenty times a second.

        Returns
        -------
        Image
            float32 photons per pixel, shape (slow, fast).

        Raises
        ------
        ConfigError
            Impossible ``threads``, ``roi`` or ``progress``.
        KernelError
            A pixel is too bright for float32.
        KeyboardInterrupt
            Ctrl-C; the kernel has stopped.
        """
        count = self._threads_after_fork(resolve_threads(threads))
        if progress is not None and not callable(progress):
            raise ConfigError("progress", progress, "must be a function of two numbers")
        region = self.scene.roi if roi is None else roi
        isa = chosen_isa()
        pixels, solid_angle = self._kernel.render(count, isa, region, progress)
        if not np.isfinite(pixels).all():
            slow, fast = (int(i) for i in np.argwhere(~np.isfinite(pixels))[0])
            raise KernelError(
                f"pixel (slow {slow}, fast {fast}) is {pixels[slow, fast]}: structure factors, "
                "fluence, water or pixel are too large for a float32 image"
            )
        provenance = {
            "nbcy": __version__,
            "isa": isa,
            "threads": count,
            "roi": list(region),
            "quirks": sorted(self.config.quirks),
            "config": self.config.to_dict(),
        }
        return Image(pixels, self.scene, provenance, solid_angle=solid_angle)

    @staticmethod
    def _threads_after_fork(count: int) -> int:
        if count > 1 and _Fork.threads_lost:
            warnings.warn(
                "this process was forked from one that had rendered with several threads: it "
                'renders with one; start workers with multiprocessing.get_context("spawn")',
                NbcyWarning,
                stacklevel=3,
            )
            return 1
        _Fork.threads_started = _Fork.threads_started or count > 1
        return count

    def trace(self, slow: int, fast: int) -> Trace:
        """Render one pixel with the same physics and keep every step.

        Parameters
        ----------
        slow, fast : int
            The pixel.

        Returns
        -------
        Trace

        Raises
        ------
        ConfigError
            The pixel is not on the detector.
        """
        from nbcy.trace import Trace

        return Trace.from_kernel(self.scene, slow, fast, self._kernel.trace(slow, fast))


class _Fork:
    """Whether this process is a fork of one that had started OpenMP's threads.

    They do not survive a fork, and the runtime would wait for them for ever.
    """

    threads_started = False
    threads_lost = False


def _forked() -> None:
    _Fork.threads_lost = _Fork.threads_lost or _Fork.threads_started


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def resolve_threads(threads: int | None = None) -> int:
    """Return the number of threads to use.

    Parameters
    ----------
    threads : int, optional
        Default: OMP_NUM_THREADS where it is set, else the processors this process may run on.

    Raises
    ------
    ConfigError
        Not a whole number from 1 to 1024.
    """
    asked: object = threads if threads is not None else os.environ.get("OMP_NUM_THREADS") or None
    if asked is None:
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else os.cpu_count() or 1
    where = "threads" if threads is not None else "OMP_NUM_THREADS"
    try:
        count = int(str(asked).split(",")[0])  # OpenMP allows one count per nesting level
    except ValueError:
        count = 0
    if not 1 <= count <= MAX_THREADS or isinstance(asked, bool):
        raise ConfigError(where, asked, f"must be a whole number from 1 to {MAX_THREADS}")
    return count

"""Configuration in, image or trace out."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Unpack

from numpy.typing import ArrayLike

from nbcy.base.errors import ConfigError, NbcyWarning
from nbcy.config import Config
from nbcy.config.quirks import parse_quirks
from nbcy.config.slips import likely_slips
from nbcy.crystal.structure_factors import StructureFactors
from nbcy.image.image import Image, describe_panels
from nbcy.kernel._kernel import KernelScene, chosen_isa
from nbcy.kernel.threads import resolve_threads, run_threaded
from nbcy.render.building import build_scene
from nbcy.scene.scene import Scene
from nbcy.version import __version__

if TYPE_CHECKING:
    from nbcy.config.arguments import Sections
    from nbcy.render.trace import Trace
    from nbcy.render.variations import Variation, Variations, Varying

Roi = tuple[int, int, int, int]


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
        Defects of the reference to reproduce (`nbcy.QUIRKS`), in place of ``config.quirks``.
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
        **sections: Unpack[Sections],
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
        for note in (*likely_slips(config), *self.scene.notes):
            warnings.warn(note, NbcyWarning, stacklevel=2)

    def __repr__(self) -> str:
        size = describe_panels(self.scene)
        return f"<nbcy.Simulator: {size} (slow x fast), {self.scene.steps} steps each>"

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
            pixels outside stay 0. For detectors of one panel.
        progress : callable, optional
            Called with the parts done and the parts in all, about twenty times a second.

        Returns
        -------
        Image
            float32 photons per pixel, shape (slow, fast), of every panel.

        Raises
        ------
        ConfigError
            Impossible ``threads``, ``roi`` or ``progress``.
        KernelError
            A pixel is too bright for float32.
        KeyboardInterrupt
            Ctrl-C; the kernel has stopped.
        """
        count = resolve_threads(threads)
        if progress is not None and not callable(progress):
            raise ConfigError("progress", progress, "must be a function of two numbers")
        return self._render(self._kernel, count, chosen_isa(), roi, progress)

    def run_many(
        self,
        orientations: Any = None,
        *,
        phi_deg: ArrayLike | None = None,
        wavelength_angstrom: ArrayLike | None = None,
        fluence_photons_per_m2: ArrayLike | None = None,
        threads: int | None = None,
        progress: bool = True,
    ) -> Iterator[Image]:
        """Render many images that share detector, structure factors and all else.

        Each is rendered when it is asked for, so that memory does not grow with their number.

        Parameters
        ----------
        orientations : array_like, shape (n, 3, 3), or iterable, or scipy Rotation, optional
            Rotations of the crystal in the lab frame, applied to it as it is configured (after
            misset) and before the spindle turns. An iterable may be endless.
        phi_deg : array_like, shape (n,), optional
            Where the spindle starts.
        wavelength_angstrom : array_like, shape (n,), optional
            Central wavelengths; the spectrum keeps its relative width, the crystal its cell, a
            pixel its sub-pixels. Structure factors of coordinates reach as far as the shortest
            sees; ``anomalous`` ones belong to one wavelength, which cannot vary.
        fluence_photons_per_m2 : array_like, shape (n,), optional
            Shot by shot, in place of the beam's.
        threads : int, optional
            As for `run`.
        progress : bool
            Whether to show a bar where stderr is a terminal.

        Returns
        -------
        iterator of Image
            What varies stands in each image's ``provenance["variation"]`` and in its scene.

        Raises
        ------
        ConfigError
            Nothing varies, lengths differ, a matrix is no rotation, or an impossible value.

        Examples
        --------
        >>> import nbcy
        >>> crystal = nbcy.Crystal(cell_angstrom_deg=(100, 100, 100), cells=5, default_F=100)
        >>> sim = nbcy.Simulator(crystal=crystal, detector=nbcy.Detector(pixels_fast=64,
        ...     pixels_slow=64, pixel_mm=0.4, distance="10 cm"))
        >>> shots = sim.run_many(fluence_photons_per_m2=[1e24, 2e24, 4e24])
        >>> dim, brighter, _ = (image.statistics().sum for image in shots)
        >>> round(brighter / dim, 6)
        2.0
        """
        from nbcy.render.variations import Varying, read_variations

        variations = read_variations(
            orientations, phi_deg, wavelength_angstrom, fluence_photons_per_m2
        )
        varying = Varying(self.scene, variations.shortest)
        return self._run_each(varying, variations, resolve_threads(threads), chosen_isa(), progress)

    def _run_each(
        self,
        varying: Varying,
        variations: Variations,
        threads: int,
        isa: str,
        progress: bool,
    ) -> Iterator[Image]:
        base = self._kernel if varying.base is self.scene else KernelScene(varying.base)
        each = variations.each
        if progress and sys.stderr is not None and sys.stderr.isatty():
            bar = import_module("tqdm").tqdm
            each = bar(each, total=variations.count, desc="rendering", unit="image")
        for variation in each:
            kernel = KernelScene(varying.scene(variation), base)
            yield self._render(kernel, threads, isa, None, None, variation)

    @cached_property
    def _configuration(self) -> dict[str, Any]:
        return {"quirks": sorted(self.config.quirks), "config": self.config.to_dict()}

    def _render(
        self,
        kernel: KernelScene,
        threads: int,
        isa: str,
        roi: Roi | None,
        progress: Callable[[int, int], object] | None,
        variation: Variation | None = None,
    ) -> Image:
        region = kernel.scene.roi if roi is None else roi
        pixels, solid_angle = run_threaded(
            lambda poll: kernel.render(threads, isa, region, poll), threads, progress
        )
        provenance = {
            "nbcy": __version__,
            "isa": isa,
            "threads": threads,
            "roi": None if region is None else [int(edge) for edge in region],
            **self._configuration,
        }
        if variation is not None:
            provenance["variation"] = variation.to_dict()
            if variation.phi_deg is not None:
                provenance["config"] = kernel.scene.config.to_dict()
        return Image(pixels, kernel.scene, provenance, solid_angle=solid_angle)

    def trace(self, slow: int, fast: int, panel: int = 0) -> Trace:
        """Render one pixel with the same physics and keep every step.

        Parameters
        ----------
        slow, fast : int
            The pixel.
        panel : int
            Its panel.

        Returns
        -------
        Trace

        Raises
        ------
        ConfigError
            The pixel is not on the detector.
        """
        from nbcy.render.trace import Trace

        arrays = self._kernel.trace(slow, fast, panel)
        return Trace.from_kernel(self.scene, slow, fast, arrays, panel)

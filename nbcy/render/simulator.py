"""Configuration in, image or trace out."""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from nbcy.base.errors import ConfigError, NbcyWarning
from nbcy.base.threads import resolve_threads
from nbcy.config import Config
from nbcy.config.quirks import parse_quirks
from nbcy.config.slips import likely_slips
from nbcy.crystal.structure_factors import StructureFactors
from nbcy.image.image import Image, describe_panels
from nbcy.kernel._kernel import KernelScene, chosen_isa
from nbcy.kernel.threads import run_threaded
from nbcy.render.building import build_scene, rebuilt
from nbcy.render.channels import ChannelKernel, kernel_of
from nbcy.scene.scene import Scene
from nbcy.version import __version__

if TYPE_CHECKING:
    from nbcy.config.arguments import Sections
    from nbcy.render.pixels import PixelValues
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
        self._kernel = kernel_of(build_scene(config, structure_factors))
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

    @overload
    def run(
        self,
        threads: int | None = None,
        roi: Roi | None = None,
        progress: Callable[[int, int], object] | None = None,
        *,
        pixels: None = None,
        dtype: DTypeLike = "float32",
    ) -> Image: ...
    @overload
    def run(
        self,
        threads: int | None = None,
        roi: Roi | None = None,
        progress: Callable[[int, int], object] | None = None,
        *,
        pixels: ArrayLike,
        dtype: DTypeLike = "float32",
    ) -> PixelValues: ...
    def run(
        self,
        threads: int | None = None,
        roi: Roi | None = None,
        progress: Callable[[int, int], object] | None = None,
        *,
        pixels: ArrayLike | None = None,
        dtype: DTypeLike = "float32",
    ) -> Image | PixelValues:
        """Render the image, or some of its pixels.

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
        pixels : array_like of int, shape (n, 3) or (n, 5), optional
            Only these: ``(panel, slow, fast)`` each, or boxes
            ``(panel, slow0, slow1, fast0, fast1)``, half open. Their values are bit by bit those
            of the whole image.
        dtype : {"float32", "float64"}
            float64 for fits and differences: the sums before they are rounded.

        Returns
        -------
        Image or PixelValues
            Photons per pixel, shape (slow, fast), of every panel; or of the pixels asked for.

        Raises
        ------
        ConfigError
            Impossible ``threads``, ``roi``, ``progress``, ``pixels`` or ``dtype``.
        KernelError
            A pixel is too bright for float32.
        KeyboardInterrupt
            Ctrl-C; the kernel has stopped.

        Examples
        --------
        >>> import nbcy
        >>> crystal = nbcy.Crystal(cell_angstrom_deg=(100, 100, 100), cells=5, default_F=100)
        >>> sim = nbcy.Simulator(crystal=crystal, detector=nbcy.Detector(pixels_fast=64,
        ...     pixels_slow=64, pixel_mm=0.4, distance="10 cm"))
        >>> some = sim.run(pixels=[(0, 20, 32, 10, 22)])
        >>> bool((some.box(0) == sim.run().pixels[20:32, 10:22]).all())
        True
        """
        job = _Job(
            resolve_threads(threads), chosen_isa(), roi, progress, pixels, _read_dtype(dtype)
        )
        if progress is not None and not callable(progress):
            raise ConfigError("progress", progress, "must be a function of two numbers")
        return self._render(self._kernel, job)

    def with_values(self, values: Mapping[str, Any]) -> Simulator:
        """Return a simulator with other values, which shares all that does not depend on them.

        Its image has the bytes of a simulator built anew.

        Parameters
        ----------
        values : mapping of str to object
            By the path of the configuration: ``{"crystal.misset_deg": (1, 2, 3)}``,
            ``{"detector.panels[3].origin_mm.y": 7.25}``.

        Returns
        -------
        Simulator
            ``scene.rebuilt`` names the stages that were made anew.

        Raises
        ------
        ConfigError, UnitError
            There is no such path, or a value cannot be right.

        Examples
        --------
        >>> import nbcy
        >>> crystal = nbcy.Crystal(cell_angstrom_deg=(100, 100, 100), cells=5, default_F=100)
        >>> sim = nbcy.Simulator(crystal=crystal)
        >>> sim.with_values({"beam.fluence_photons_per_m2": 1e24}).scene.rebuilt
        ('fluence',)
        """
        other = copy.copy(self)
        other.__dict__.pop("_configuration", None)
        other._config = self.config.with_overrides(values)
        other._kernel = kernel_of(rebuilt(self.scene, other._config), self._kernel)
        known = set(self.scene.notes)
        for note in other.scene.notes:
            if note not in known:
                warnings.warn(note, NbcyWarning, stacklevel=2)
        return other

    def run_many(
        self,
        values: Any = None,
        *,
        orientations: Any = None,
        phi_deg: ArrayLike | None = None,
        wavelength_angstrom: ArrayLike | None = None,
        fluence_photons_per_m2: ArrayLike | None = None,
        threads: int | None = None,
        progress: bool = True,
        pixels: ArrayLike | None = None,
        dtype: DTypeLike = "float32",
    ) -> Iterator[Any]:
        """Render many images that share all that does not vary.

        Each is rendered when it is asked for, so that memory does not grow with their number.

        Parameters
        ----------
        values : mapping of str to array_like or iterable, optional
            One value for each image, by the path of the configuration, as `with_values` takes
            them: ``{"crystal.misset_deg": [(0, 0, 1), (0, 0, 2)]}``. Orientations may stand here,
            too.
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
        threads, pixels, dtype
            As for `run`.
        progress : bool
            Whether to show a bar where stderr is a terminal.

        Returns
        -------
        iterator of Image or PixelValues
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

        if values is not None and not isinstance(values, Mapping):
            if orientations is not None:
                raise ConfigError("run_many", "two sets of orientations", "give one")
            values, orientations = None, values
        variations = read_variations(
            values, orientations, phi_deg, wavelength_angstrom, fluence_photons_per_m2
        )
        varying = Varying(self.scene, variations.shortest)
        job = _Job(resolve_threads(threads), chosen_isa(), None, None, pixels, _read_dtype(dtype))
        return self._run_each(varying, variations, job, progress)

    def _run_each(
        self, varying: Varying, variations: Variations, job: _Job, progress: bool
    ) -> Iterator[Image | PixelValues]:
        base = self._kernel if varying.base is self.scene else kernel_of(varying.base)
        each = variations.each
        if progress and sys.stderr is not None and sys.stderr.isatty():
            bar = import_module("tqdm").tqdm
            each = bar(each, total=variations.count, desc="rendering", unit="image")
        for variation in each:
            kernel = kernel_of(varying.scene(variation), base)
            yield self._render(kernel, job, variation)

    @cached_property
    def _configuration(self) -> dict[str, Any]:
        return {"quirks": sorted(self.config.quirks), "config": self.config.to_dict()}

    def _render(
        self, kernel: KernelScene | ChannelKernel, job: _Job, variation: Variation | None = None
    ) -> Image | PixelValues:
        scene, threads = kernel.scene, job.threads
        region = scene.coverage.roi if job.roi is None else job.roi
        if job.pixels is not None:
            from nbcy.render.pixels import PixelValues, read_pixels

            wanted = read_pixels(job.pixels, scene.geometry.panels, region)

            def render_some(poll: Callable[[int, int], object] | None) -> NDArray[Any]:
                if wanted.boxes is not None:
                    return kernel.render_boxes(wanted.boxes, threads, job.isa, poll, job.dtype)
                assert wanted.listed is not None
                return kernel.render_listed(wanted.listed, threads, job.isa, poll, job.dtype)

            values = run_threaded(render_some, threads, job.progress)
            if scene.haze:
                from nbcy.image.parts import add_to_pixels

                add_to_pixels(values, scene, wanted.boxes, wanted.listed)
            values.setflags(write=False)
            told = self._provenance(kernel.scene, job, None, variation)
            return PixelValues(values, wanted.boxes, wanted.listed, told)
        image, solid_angle = run_threaded(
            lambda poll: kernel.render(threads, job.isa, region, poll, dtype=job.dtype),
            threads,
            job.progress,
        )
        told = self._provenance(scene, job, region, variation)
        bragg = None
        if scene.haze:
            from nbcy.image.parts import with_background

            bragg, image = image, with_background(image, scene, region, threads)
        return Image(image, scene, told, solid_angle=solid_angle, dtype=job.dtype, bragg=bragg)

    def _provenance(
        self, scene: Scene, job: _Job, region: Roi | None, variation: Variation | None
    ) -> dict[str, Any]:
        provenance = {
            "nbcy": __version__,
            "isa": job.isa,
            "threads": job.threads,
            "roi": None if region is None else [int(edge) for edge in region],
            **self._configuration,
        }
        if variation is not None:
            provenance["variation"] = variation.to_dict()
            if variation.overrides:
                provenance["config"] = scene.config.to_dict()
        return provenance

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
        if self.scene.haze:
            from nbcy.image.parts import photons_of_materials

            here = np.array([slow]), np.array([fast])
            arrays["materials"] = float(photons_of_materials(self.scene, panel, *here)[0])
            arrays["I_pixel_final"] += arrays["materials"]
        return Trace.from_kernel(self.scene, slow, fast, arrays, panel)


class _Job(NamedTuple):
    """How to render, and what part."""

    threads: int
    isa: str
    roi: Roi | None
    progress: Callable[[int, int], object] | None
    pixels: ArrayLike | None
    dtype: np.dtype[Any]


def _read_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        read = np.dtype(dtype)
    except TypeError:
        read = np.dtype(object)
    if read not in (np.float32, np.float64):
        raise ConfigError("dtype", dtype, "must be float32 or float64")
    return read

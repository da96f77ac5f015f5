"""A rendered image: pixels, where they come from, statistics, and ways out."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from nbcy.base.atomic import check_destination
from nbcy.base.bands import bands
from nbcy.base.errors import ConfigError, NbcyError
from nbcy.base.extras import install_hint
from nbcy.formats.counts import ADC_OFFSET
from nbcy.formats.counts import SMV_SATURATED as SATURATED
from nbcy.formats.registry import FORMATS, check_options, output_format
from nbcy.formats.writers import check_panels
from nbcy.image.noise import Stream, poisson_image
from nbcy.scene.coverage import ROI_NEEDS_ONE_PANEL, Region
from nbcy.scene.scene import Scene

if TYPE_CHECKING:
    from nbcy.config import Response

PLOTTED = 2000
"""Pixels along the longer edge of a plot; larger images are shrunk, keeping the peaks."""

__all__ = ["ADC_OFFSET", "FORMATS", "Image", "ImageStatistics", "output_format"]


@dataclass(frozen=True)
class ImageStatistics:
    """What an image holds inside its region of interest, where the mask allows.

    Attributes
    ----------
    sum, mean : float
        Photons.
    rms : float
        Root of the sum of squares over ``pixels - 1``.
    rmsd : float
        Root mean square deviation from the mean, over pixels - 1. As in the reference, masked
        pixels count here: as zeros that deviate by the mean.
    max : float
        Largest pixel.
    max_slow, max_fast : int
        Where it is; the first in scan order.
    pixels : int
        Number of pixels.
    solid_angle : float or None
        Sum over the pixels, steradian; None when it is not known.
    max_panel : int
        On which panel the largest pixel is.
    """

    sum: float
    mean: float
    rms: float
    rmsd: float
    max: float
    max_slow: int
    max_fast: int
    pixels: int
    solid_angle: float | None
    max_panel: int = 0


class Image:
    """A diffraction image.

    Parameters
    ----------
    pixels : array_like, shape (slow, fast)
        Photons per pixel. A float32 array is taken over and made read-only. Of several panels:
        shape (pixels,), one panel after another, or (panel, slow, fast).
    scene : Scene
        What was rendered.
    provenance : mapping
        How: versions, instruction set, configuration. ``roi`` in it is the region that was
        rendered, the scene's when it is not there; ``noise`` marks an image of counts.
    solid_angle : float, optional
        Sum over the pixels, steradian.
    dtype : numpy dtype
        float32, or float64 for differences and fits; files hold float32.
    bragg : array_like, optional
        The part of the pixels that is the crystal's, where there is another.

    Attributes
    ----------
    pixels : ndarray of float32 or float64, shape (slow, fast)
        Read-only; shape (panel, slow, fast) with several panels of one shape.
    panels : tuple of ndarray of float32, shape (slow, fast)
        The same, one array a panel; read-only views.
    scene : Scene
    provenance : mapping
        Read-only.
    solid_angle : float or None

    Raises
    ------
    ConfigError
        Pixels that do not have the shape of the scene's detector.
    """

    def __init__(
        self,
        pixels: ArrayLike,
        scene: Scene,
        provenance: Mapping[str, Any],
        *,
        solid_angle: float | None = None,
        dtype: DTypeLike = np.float32,
        bragg: ArrayLike | None = None,
    ) -> None:
        array = np.ascontiguousarray(pixels, dtype=dtype)
        shapes = [panel.shape for panel in scene.panels]
        allowed: list[tuple[int, ...]] = []
        if len(set(shapes)) == 1:
            allowed = [(len(shapes), *shapes[0]) if len(shapes) > 1 else shapes[0]]
        if len(shapes) > 1:
            allowed.append((sum(slow * fast for slow, fast in shapes),))
        if array.shape not in allowed:
            expected = " or ".join(map(str, allowed))
            raise ConfigError("pixels", array.shape, f"must have the detector's shape {expected}")
        array.setflags(write=False)
        self._flat: NDArray[np.float32] = array.reshape(-1)
        self._panels = scene.split(array)
        self._scene = scene
        self._provenance: Mapping[str, Any] = MappingProxyType(dict(provenance))
        self._solid_angle = solid_angle
        self._bragg = None if bragg is None else np.asarray(bragg, dtype).reshape(-1)

    @property
    def pixels(self) -> NDArray[np.float32]:
        """Photons per pixel, [slow, fast], read-only.

        With several panels: [panel, slow, fast].

        Raises
        ------
        ConfigError
            Panels of different shapes.
        """
        panels = self._panels
        if len(panels) == 1:
            return panels[0]
        if any(panel.shape != panels[0].shape for panel in panels):
            shapes = sorted({panel.shape for panel in panels})
            raise ConfigError("pixels", shapes, "panels of different shapes: use image.panels")
        return self._flat.reshape(len(panels), *panels[0].shape)

    @property
    def bragg(self) -> NDArray[np.float32]:
        """Photons of the crystal, and of ``background.water_um``, of the shape of `pixels`.

        ``image.pixels`` is ``image.bragg + image.background``, bit by bit.

        Raises
        ------
        ConfigError
            Counts, of which nobody knows where they come from.
        """
        self._check_parts("bragg")
        if self._bragg is None:
            return self.pixels
        part = self._bragg.reshape(self.pixels.shape)
        part.setflags(write=False)
        return part

    @property
    def background(self) -> NDArray[np.float32]:
        """Photons of the materials of ``config.background``, of the shape of `pixels`.

        Raises
        ------
        ConfigError
            Counts, of which nobody knows where they come from.
        """
        self._check_parts("background")
        shape = self.pixels.shape
        if self._bragg is None:
            return np.zeros(shape, self._flat.dtype)
        from nbcy.image.parts import background_of

        part = background_of(self.scene, self.provenance.get("roi"), self._flat.dtype)
        part.setflags(write=False)
        return part.reshape(shape)

    def _check_parts(self, name: str) -> None:
        if self.is_counts:
            raise ConfigError(name, "counts", "is known of expected photons alone")

    @property
    def panels(self) -> tuple[NDArray[np.float32], ...]:
        """Photons per pixel, [slow, fast] of each panel, read-only."""
        return self._panels

    @property
    def size(self) -> int:
        """Number of pixels of all panels."""
        return self._flat.size

    @property
    def scene(self) -> Scene:
        """What was rendered."""
        return self._scene

    @property
    def provenance(self) -> Mapping[str, Any]:
        """How it was rendered."""
        return self._provenance

    @property
    def solid_angle(self) -> float | None:
        """Of the rendered pixels, steradian."""
        return self._solid_angle

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the pixels, for NumPy."""
        return np.array(self.pixels, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        kind = "counts" if self.is_counts else "photons"
        size = describe_panels(self.scene)
        return f"<nbcy.Image: {size}, {self.statistics().sum:g} {kind}>"

    @property
    def is_counts(self) -> bool:
        """Whether the pixels are noisy counts, not expected photons."""
        return "noise" in self.provenance

    @property
    def roi(self) -> Region:
        """The region that was rendered: (fast_min, fast_max, slow_min, slow_max), inclusive.

        Raises
        ------
        ConfigError
            Several panels, which are rendered whole.
        """
        if len(self.panels) > 1:
            raise ConfigError("roi", None, ROI_NEEDS_ONE_PANEL)
        return self.regions[0]

    @property
    def regions(self) -> tuple[Region, ...]:
        """The region of each panel that was rendered, inclusive."""
        roi = self.provenance.get("roi")
        if roi is None:
            return self.scene.regions
        fast_min, fast_max, slow_min, slow_max = roi
        return ((fast_min, fast_max, slow_min, slow_max),)

    def statistics(self) -> ImageStatistics:
        """Return sum, mean, spread and maximum (physics 10.1)."""
        return self._statistics

    @cached_property
    def _statistics(self) -> ImageStatistics:
        first = self.regions[0]
        largest, place = -math.inf, (0, first[2], first[0])
        total = squares = 0.0
        count = 0
        for panel, slow, band, counted in self._bands():
            values = band.ravel() if counted is None else band[counted]
            count += values.size
            total += float(values.sum())
            squares += float(np.square(values).sum())
            if values.size and (peak := float(np.fmax.reduce(values))) > largest:
                index = int((values == peak).argmax())
                at = index if counted is None else int(np.flatnonzero(counted)[index])
                row, column = divmod(at, band.shape[1])
                largest, place = peak, (panel, slow + row, self.regions[panel][0] + column)
        mean = total / count if count else 0.0
        deviations = 0.0
        area = 0
        for _, _, band, _ in self._bands():
            band -= mean
            deviations += float(np.square(band, out=band).sum())
            area += band.size
        return ImageStatistics(
            sum=total,
            mean=mean,
            rms=math.sqrt(squares / max(count - 1, 1)),
            rmsd=math.sqrt(deviations / max(area - 1, 1)),
            max=largest if count else 0.0,
            max_slow=place[1],
            max_fast=place[2],
            pixels=count,
            solid_angle=self.solid_angle,
            max_panel=place[0],
        )

    def _bands(self) -> Iterator[tuple[int, int, NDArray[np.float64], NDArray[np.bool_] | None]]:
        """Yield panel, first row, some rows of its region in float64, and what the mask keeps."""
        for panel, (fast_min, fast_max, slow_min, slow_max) in enumerate(self.regions):
            inside = slice(fast_min, fast_max + 1)
            mask = self.scene.mask_of(panel)
            for rows in bands(slow_min, slow_max, fast_max + 1 - fast_min):
                band = self.panels[panel][rows, inside].astype(np.float64)
                counted = None if mask is None else mask[rows, inside] != 0
                yield panel, rows.start, band, counted

    def assembled(self, fill: float = math.nan) -> NDArray[np.float32]:
        """Return the panels beside each other as they are seen from the sample, for looking.

        Parameters
        ----------
        fill : float
            What stands where there is no panel.

        Returns
        -------
        ndarray of float32, shape (slow, fast)
            See `nbcy.image.assembly.Assembly`, which also says where a point of the lab is on
            it. The image itself where there is one panel.
        """
        if len(self.panels) == 1:
            return self.pixels
        from nbcy.image.assembly import Assembly

        return Assembly.of(self.scene.panels, self.scene.frame).draw(self.panels, fill)

    def with_noise(
        self, seed: int, stream: Stream = "numpy", *, index: int = 0, threads: int | None = None
    ) -> Image:
        """Return an image of counted photons (physics 8.3, 8.5).

        Parameters
        ----------
        seed : int
            The same seed gives the same counts.
        stream : {"numpy", "reference"}
            NumPy's generators, or the reference's random numbers for parity with its images.
        index : int
            Number of the frame or shot: images of one seed have streams of their own.
        threads : int, optional
            As for `Simulator.run`; counts do not depend on it.

        Returns
        -------
        Image
            Counts; its provenance has ``noise``.

        Raises
        ------
        ConfigError
            An impossible seed, an unknown stream, or an image that holds counts already.
        """
        if self.is_counts or "response" in self.provenance:
            before = self.provenance.get("noise", self.provenance.get("response"))
            raise ConfigError("with_noise", before, "must not be applied twice")
        if len(self.panels) == 1:
            pixels, roi = self.pixels, self.roi
            counts = poisson_image(pixels, seed, stream, roi, index=index, threads=threads)
        elif stream == "reference":  # pixel after pixel, whatever their rows
            counts = poisson_image(self._flat[np.newaxis], seed, stream, index=index)[0]
        else:
            rows = np.cumsum([0, *(len(panel) for panel in self.panels)])
            drawn = (
                poisson_image(
                    panel, seed, stream, first_row=int(row), index=index, threads=threads
                ).ravel()
                for panel, row in zip(self.panels, rows[:-1], strict=True)
            )
            counts = np.concatenate(list(drawn))
        noise = {"seed": int(seed), "index": int(index), "stream": stream}
        provenance = {**self.provenance, "noise": noise}
        return Image(counts, self.scene, provenance, solid_angle=self.solid_angle)

    def with_response(
        self,
        response: Response | None = None,
        seed: int = 0,
        *,
        index: int = 0,
        threads: int | None = None,
    ) -> Image:
        """Return what a detector reads where these photons are expected (physics 12).

        Parameters
        ----------
        response : Response, optional
            Default: that of the configuration.
        seed : int
            Not negative; the same seed and index give the same counts.
        index : int
            Number of the frame or shot: images of one seed have streams of their own.
        threads : int, optional
            As for `Simulator.run`; counts do not depend on it.

        Returns
        -------
        Image
            Counts, not rounded yet, as files do that when they are written; its provenance has
            ``noise`` and ``response``.

        Raises
        ------
        ConfigError
            An image that holds counts already, photons that are not finite, an impossible seed, or
            a response that does not fit the detector.
        """
        from nbcy.image.response import counted_image

        chosen = self.scene.config.response if response is None else response
        return counted_image(self, chosen, seed, index, threads)

    def default_scale(self, format: str = "smv") -> float:
        """Return what pixels are multiplied by when nothing else is asked for (physics 10.2, 10.3).

        Parameters
        ----------
        format : {"smv", "pgm"}
            ``smv``: 55000/max, and 1 for counts. ``pgm``: 250/(5 rmsd). 1 for an empty image.
        """
        statistics = self.statistics()
        if format == "pgm":
            return 250.0 / (5.0 * statistics.rmsd) if statistics.rmsd > 0.0 else 1.0
        if self.is_counts or not statistics.max > 0.0:
            return 1.0
        return 55000.0 / statistics.max

    def overloads(self, adc: float = ADC_OFFSET) -> int:
        """Count the pixels that exceed 65535 once the offset is added (physics 10.4)."""
        return sum(int(np.count_nonzero(band + adc > SATURATED)) for *_, band, _ in self._bands())

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        format: str | None = None,
        scale: float | None = None,
        adc: float | None = None,
        max_size: int | None = None,
        dtype: str | None = None,
        compression: str | None = None,
    ) -> None:
        """Write the image, whole or not at all.

        Parameters
        ----------
        path : path-like
            The suffix tells the format: ``.bin``, ``.float``, ``.raw`` raw float32; ``.img``,
            ``.smv`` SMV with 16-bit integers; ``.pgm``; ``.png`` on a logarithmic scale, for
            looking; ``.npy``; ``.nxs``, ``.h5`` NeXus NXmx; ``.cbf`` miniCBF; ``.tif``, ``.tiff``;
            ``.edf``. Of several panels, raw holds one after another, npy the stack
            (panel, slow, fast), png the `assembled` view, NXmx, TIFF and EDF the panels below each
            other; SMV, PGM and miniCBF hold one panel.
        format : str, optional
            In place of the suffix: raw, smv, pgm, png, npy, nxmx, cbf, tiff or edf.
        scale : float, optional
            SMV, PGM: what pixels are multiplied by. SMV holds a count for a photon by default,
            PGM what `default_scale` says. (`nbcy.image.reference_smv` writes nanoBragg's own.)
        adc : int, optional
            SMV: what is added then and told in the header, default 40.
        max_size : int, optional
            PNG: shrink to this many pixels along the longer edge, keeping the peaks.
        dtype : {"uint16", "uint32", "int32", "float32"}, optional
            NXmx: what pixels become, TIFF and EDF: one of the last two. Default integers for
            counts and float32 for expected photons.
        compression : {"lz4", "zstd", "none"}, optional
            NXmx: default lz4, after bitshuffle.

        Raises
        ------
        ConfigError
            An unknown suffix, an option that is not finite or that the format has no use for, or
            more panels than the format holds.
        FileError
            The file cannot be written.
        NbcyError
            The library for the format is not installed.

        Warns
        -----
        NbcyWarning
            Pixels or geometry that the format cannot hold, or much lost by rounding.
        """
        chosen = output_format(path, format)
        numbers = {"scale": scale, "adc": adc, "max_size": max_size}
        check_options(chosen, **numbers, dtype=dtype, compression=compression)
        for name, value in numbers.items():
            if value is None:
                continue
            if not isinstance(value, int | float | np.number) or not math.isfinite(value):
                raise ConfigError(name, value, "must be a finite number")
            if name == "scale" and not value > 0:
                raise ConfigError(name, value, "must be positive")
            if name == "adc" and not (value == int(value) and 0 <= value < SATURATED):
                raise ConfigError(name, value, f"must be a whole number from 0 to {SATURATED - 1}")
        check_panels(chosen, self.scene.panels)
        check_destination(path)
        if chosen == "pgm":
            from nbcy.formats.pgm import write_pgm

            write_pgm(path, self.pixels, self.default_scale("pgm") if scale is None else scale)
        elif chosen == "png":
            from nbcy.formats.png import write_png

            write_png(path, self.assembled(), max_size)
        elif chosen == "npy":
            from nbcy.formats.npy import write_npy

            write_npy(path, self.pixels)
        elif chosen in ("nxmx", "smv", "cbf", "tiff", "edf"):
            from nbcy.formats.frame import Frame
            from nbcy.formats.writers import frame_writer
            from nbcy.image.measuring import measurement_of, stacked_pixels

            measurement = measurement_of(self)
            with frame_writer(
                path,
                measurement,
                1,
                counts=self.is_counts,
                format=chosen,
                dtype=dtype,
                compression=compression,
                scale=scale,
                adc=None if adc is None else int(adc),
            ) as write:
                write(Frame(stacked_pixels(self), measurement.invalid))
        else:
            from nbcy.formats.raw import write_raw

            write_raw(path, self._flat)

    def _repr_png_(self) -> bytes:
        from nbcy.formats.png import encode_png

        return encode_png(self.assembled(), max_size=1000, min_size=400)

    def plot(self, ax: Any = None) -> Any:
        """Draw the image on a logarithmic scale with matplotlib.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; default a new figure.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        NbcyError
            matplotlib is not installed.
        """
        try:
            from matplotlib import pyplot
            from matplotlib.colors import FuncNorm
        except ImportError:
            raise NbcyError(f"plot() needs matplotlib: {install_hint('plot')}") from None
        from nbcy.formats.png import Contrast, max_pool

        if ax is None:
            _, ax = pyplot.subplots()
        picture = self.assembled()
        block = math.ceil(max(picture.shape) / PLOTTED)
        picture = max_pool(picture, PLOTTED)
        slow, fast = (block * size for size in picture.shape)
        contrast = Contrast.of(picture)
        knee = contrast.knee
        norm = FuncNorm(
            (
                lambda x: np.log1p(np.maximum(x - contrast.low, 0.0) / knee),
                lambda y: contrast.low + knee * np.expm1(y),
            ),
            contrast.low,
            contrast.high,
        )
        shown = ax.imshow(
            picture,
            cmap="gray_r",
            norm=norm,
            interpolation="nearest",
            extent=(-0.5, fast - 0.5, slow - 0.5, -0.5),
        )
        ax.set_xlabel("fast (pixels)")
        ax.set_ylabel("slow (pixels)")
        ticks = [contrast.value(part) for part in np.linspace(0.0, 1.0, 6)]
        label = "counts" if self.is_counts else "photons"
        bar = ax.figure.colorbar(shown, ax=ax, label=label, ticks=ticks)
        bar.ax.set_yticklabels([f"{tick:.3g}" for tick in ticks])
        bar.minorticks_off()
        return ax

    def resolution(self) -> NDArray[np.float32]:
        """Return the spacing of each pixel, Angstrom: d = wavelength/(2 sin theta) at its centre.

        Returns
        -------
        ndarray of float32
            Of the shape of `pixels`; infinite in the beam. The wavelength is the mean one.

        Raises
        ------
        ConfigError
            Panels of different shapes.
        """
        from nbcy.image.resolution import panel_resolution
        from nbcy.scene.measuring import measurement_of_scene

        here = measurement_of_scene(self.scene)
        maps = [panel_resolution(p, here.beam, 1e10 * here.wavelength) for p in here.panels]
        if len(maps) == 1:
            return maps[0]
        if any(each.shape != maps[0].shape for each in maps):
            raise ConfigError("resolution", None, "panels of different shapes have no one map")
        return np.stack(maps)


def describe_panels(scene: Scene) -> str:
    """Return the size of the detector in words."""
    panels = scene.panels
    slow, fast = panels[0].shape
    if len(panels) == 1:
        return f"{slow} x {fast} pixels"
    if all(panel.shape == panels[0].shape for panel in panels):
        return f"{len(panels)} panels of {slow} x {fast} pixels"
    count = sum(panel.pixels_slow * panel.pixels_fast for panel in panels)
    return f"{len(panels)} panels, {count} pixels"

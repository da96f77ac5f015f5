"""From expected photons to what a detector reads (physics 12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import ConfigError
from nbcy.base.rng import RowStreams
from nbcy.base.threads import in_bands
from nbcy.image.noise import LARGEST_MEAN, check_means, poisson_row
from nbcy.image.spread import spread_fibre, spread_gauss, spread_kernel

if TYPE_CHECKING:
    from nbcy.base.panel import PlacedPanel
    from nbcy.config.response import Response
    from nbcy.image.image import Image

Array = NDArray[np.floating[Any]]

_LARGEST: Final = LARGEST_MEAN / 1e3
"""Expected photons that still have counts when the beam flickers and pixels differ."""


def check_response(response: Response, panels: tuple[PlacedPanel, ...]) -> None:
    """Refuse what does not go together, or does not fit a detector.

    Raises
    ------
    ConfigError
    """
    r = response
    if (r.psf is None) != (r.psf_fwhm_um is None):
        missing, given = ("psf", "psf_fwhm_um") if r.psf is None else ("psf_fwhm_um", "psf")
        raise ConfigError(f"response.{missing}", None, f"must be given along with {given}")
    if r.psf_kernel:
        if r.psf is not None:
            raise ConfigError("response.psf", r.psf, "must not be given along with psf_kernel")
        shape = len(r.psf_kernel), len(r.psf_kernel[0])
        even = any(size % 2 == 0 for size in shape)
        if even or any(len(row) != shape[1] for row in r.psf_kernel):
            expected = "must have rows of one length; rows and columns are odd in number"
            raise ConfigError("response.psf_kernel", shape, expected)
        if not 0.0 < sum(map(sum, r.psf_kernel)) < np.inf:
            raise ConfigError("response.psf_kernel", shape, "must have a sum above 0")
    for name in ("dead_pixels", "hot_pixels"):
        for place in getattr(r, name):
            panel, slow, fast = place
            if (
                panel >= len(panels)
                or slow >= panels[panel].shape[0]
                or fast >= (panels[panel].shape[1])
            ):
                raise ConfigError(f"response.{name}", place, "must be a pixel of the detector")
    if r.hot_pixels and r.saturation is None:
        expected = "must be given: hot pixels read it"
        raise ConfigError("response.saturation", None, expected)


def counted_image(
    image: Image, response: Response, seed: int, index: int = 0, threads: int | None = None
) -> Image:
    """Return what a detector reads: `Image.with_response` (physics 12.1, 12.4)."""
    _check_photons(image, "with_response")
    check_response(response, image.scene.panels)
    read = np.zeros(image.size, np.float32)
    first = 0
    for number, out in enumerate(image.scene.split(read)):
        reading = _Reading(image, number, first, response, seed, index, threads)
        fast_min, fast_max, slow_min, slow_max = image.regions[number]
        out[slow_min : slow_max + 1, fast_min : fast_max + 1] = reading.counts()
        first += len(out)
    noise = {"seed": int(seed), "index": int(index), "stream": "numpy"}
    return _image(image, read, {"noise": noise, "response": response.to_dict()})


def expected_image(image: Image, response: Response, threads: int | None = None) -> Image:
    """Return the mean of what is read: `Response.expected`."""
    _check_photons(image, "expected")
    check_response(response, image.scene.panels)
    read = np.zeros(image.size, image.panels[0].dtype)
    for number, out in enumerate(image.scene.split(read)):
        fast_min, fast_max, slow_min, slow_max = image.regions[number]
        inside = slice(slow_min, slow_max + 1), slice(fast_min, fast_max + 1)
        photons = spread(
            image.panels[number][inside], response, image.scene.panels[number], threads
        )
        out[inside] = photons * photons.dtype.type(response.gain)
        out[inside] += photons.dtype.type(response.offset)
        for place, slow, fast in response.dead_pixels:
            if place == number:
                out[slow, fast] = response.offset
        for place, slow, fast in response.hot_pixels:
            if place == number:
                out[slow, fast] = response.saturation
    return _image(image, read, {"response": response.to_dict()})


def spread(
    photons: Array, response: Response, panel: PlacedPanel, threads: int | None = None
) -> Array:
    """Spread photons on one panel; the same array where there is no spread (physics 12.2)."""
    if response.psf_kernel:
        return spread_kernel(photons, np.array(response.psf_kernel), threads)
    if response.psf is None or response.psf_fwhm_um is None:
        return photons
    width = response.psf_fwhm_um / (1e6 * panel.pixel_size)
    of_kind = spread_gauss if response.psf == "gauss" else spread_fibre
    return of_kind(photons, width, threads)


def _check_photons(image: Image, name: str) -> None:
    if image.is_counts or "response" in image.provenance:
        before = image.provenance.get("response", image.provenance.get("noise"))
        raise ConfigError(name, before, "needs expected photons, not what a detector read")


def _image(image: Image, pixels: NDArray[Any], more: dict[str, Any]) -> Image:
    shaped = pixels.reshape(image.panels[0].shape) if len(image.panels) == 1 else pixels
    provenance = {**image.provenance, **more}
    return type(image)(
        shaped, image.scene, provenance, solid_angle=image.solid_angle, dtype=shaped.dtype
    )


@dataclass
class _Reading:
    """The rendered region of one panel while it is read.

    Attributes
    ----------
    image : Image
        Of expected photons.
    panel : int
    first_row : int
        Of the panel, as the rows of all panels are counted.
    response : Response
    seed, index : int
    threads : int or None
    """

    image: Image
    panel: int
    first_row: int
    response: Response
    seed: int
    index: int
    threads: int | None

    def __post_init__(self) -> None:
        self.region = self.image.regions[self.panel]
        fast_min, fast_max, slow_min, slow_max = self.region
        self.across = slice(fast_min, fast_max + 1)
        self.shape = (slow_max + 1 - slow_min, fast_max + 1 - fast_min)
        seeds = {"calibration": (self.response.calibration_seed, 0)}
        self.streams = {
            purpose: RowStreams(*seeds.get(purpose, (self.seed, self.index)), purpose)
            for purpose in ("photons", "flicker", "readout", "calibration")
        }
        beam = self.streams["flicker"].fork().row(0).standard_normal()
        self.shot = 1.0 + 0.01 * self.response.flicker_percent * beam

    def counts(self) -> Array:
        """Return counts, in float32 so that none is rounded before it is written."""
        photons = np.empty(self.shape, np.float32)
        is_spread = self.response.psf is not None or bool(self.response.psf_kernel)

        def draw(rows: slice) -> None:
            drawn = self._photons(rows)
            photons[rows] = drawn if is_spread else self._read(drawn, rows)

        self._in_bands(draw)
        if not is_spread:
            return photons
        panel = self.image.scene.panels[self.panel]
        arrived = spread(photons, self.response, panel, self.threads)

        def read(rows: slice) -> None:
            photons[rows] = self._read(arrived[rows].astype(np.float64), rows)

        self._in_bands(read)
        return photons

    def _in_bands(self, work: Any) -> None:
        in_bands(work, 0, self.shape[0] - 1, self.image.panels[self.panel].shape[1], self.threads)

    def _photons(self, rows: slice) -> Array:
        """Draw the photons of some rows, each counted with its pixel's sensitivity."""
        r = self.response
        fast_min, _, slow_min, _ = self.region
        above = slice(slow_min + rows.start, slow_min + rows.stop)
        photons = self.image.panels[self.panel][above, self.across].astype(np.float64)
        check_means(photons, -_LARGEST, _LARGEST, (above.start, fast_min))
        sensitivity = self._normal("calibration", rows, 0.01 * r.calibration_percent, 1.0)
        if r.order == "noisify":
            photons *= sensitivity
        if r.flicker_per == "shot":
            photons *= self.shot
        else:
            photons *= self._normal("flicker", rows, 0.01 * r.flicker_percent, 1.0)
        streams = self.streams["photons"].fork()
        for number, row in enumerate(photons, self._first(rows)):
            counted = poisson_row(streams.row(number), np.maximum(row, 0.0))
            np.copyto(row, counted, where=row >= 0.0)
        if r.order == "simtbx":
            photons *= sensitivity
        return photons

    def _read(self, photons: Array, rows: slice) -> Array:
        """Turn photons, in place, into counts."""
        r = self.response
        for place in self._inside(r.dead_pixels, rows):
            photons[place] = 0.0
        photons *= r.gain
        photons += self._normal("readout", rows, r.readout, r.offset)
        if r.saturation is not None:
            np.minimum(photons, r.saturation, out=photons)
        for place in self._inside(r.hot_pixels, rows):
            photons[place] = r.saturation
        return photons

    def _inside(
        self, places: tuple[tuple[int, int, int], ...], rows: slice
    ) -> Iterator[tuple[int, int]]:
        """Yield which of the pixels are in some rows, as they are counted there."""
        fast_min, fast_max, slow_min, _ = self.region
        for panel, slow, fast in places:
            row = slow - slow_min
            if (
                panel == self.panel
                and rows.start <= row < rows.stop
                and fast_min <= fast <= fast_max
            ):
                yield row - rows.start, fast - fast_min

    def _first(self, rows: slice) -> int:
        return self.first_row + self.region[2] + int(rows.start)

    def _normal(self, purpose: str, rows: slice, spread: float, mean: float) -> Array | float:
        """Draw from a normal distribution for some rows; whole rows, so that no crop matters."""
        if spread == 0.0:
            return mean
        width = self.image.panels[self.panel].shape[1]
        streams = self.streams[purpose].fork()
        first = self._first(rows)
        drawn: Array = np.empty((rows.stop - rows.start, self.shape[1]))
        for n in range(len(drawn)):
            drawn[n] = streams.row(first + n).standard_normal(size=(width,))[self.across]
        drawn *= spread
        drawn += mean
        return drawn

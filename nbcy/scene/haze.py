"""The photons of what has no order, a smooth function of the pixel (physics 13.1, 13.3).

A panel is cut into square cells. A cell's values are interpolated between a few points; where that
is not good enough, checked along both diagonals, along which s takes all values that it has in the
cell, the cell is cut up, and in the end computed pixel by pixel. What a cell holds depends on the
cell alone, so that some pixels are bit by bit those of the whole image.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nbcy.base.amplitude_table import AmplitudeTable
from nbcy.base.constants import AVOGADRO
from nbcy.base.panel import PlacedPanel
from nbcy.base.vectors import unit
from nbcy.scene.beam import Illumination
from nbcy.scene.geometry import SceneGeometry
from nbcy.scene.sensor import Sensor
from nbcy.scene.subpixels import Subpixels

FloatArray = NDArray[np.float64]

EDGES: Final = (64, 16)
"""Pixels along the edge of a cell, and of what it is cut into before it is computed whole."""

NODES: Final = 6
"""Points along the edge of a cell between which it is interpolated."""

MANY: Final = 2**12
"""About how many points are computed at a time: what that takes stays in the caches."""


@dataclass(frozen=True, eq=False)
class Scatterer:
    """One material.

    Attributes
    ----------
    name : str
        Its path in the configuration.
    edges : tuple of float
        Thickness, height and width of what the beam lights, m.
    density, molar_mass : float
        g/cm³, g/mol.
    scale : float
        Multiplies the photons.
    table : AmplitudeTable
    """

    name: str
    edges: tuple[float, float, float]
    density: float
    molar_mass: float
    scale: float
    table: AmplitudeTable

    @property
    def molecules(self) -> float:
        """How many the beam lights (physics 13.1)."""
        thickness, height, width = self.edges
        volume = thickness * height * width * 1e6
        return volume * self.density * AVOGADRO / self.molar_mass


@dataclass(frozen=True, eq=False)
class _Rule:
    """How the pixels of a cell follow from its nodes, along one edge.

    Attributes
    ----------
    edge : int
        Pixels.
    at : ndarray, shape (NODES,)
        Where the nodes are, in pixels from the centre of the first.
    weights : ndarray, shape (NODES, edge)
        What each node adds to each pixel.
    """

    edge: int
    at: FloatArray
    weights: FloatArray

    @classmethod
    def of(cls, edge: int) -> _Rule:
        """Put the nodes at Chebyshev's points of the edge."""
        half = np.cos(np.pi * (np.arange(NODES)[::-1] + 0.5) / NODES)
        at = (edge - 1) / 2.0 * (1.0 + half / half[-1])
        at.setflags(write=False)
        pixels = np.arange(edge, dtype=float)
        weights = np.ones((NODES, edge))
        for n in range(NODES):
            for other in range(NODES):
                if other != n:
                    weights[n] *= (pixels - at[other]) / (at[n] - at[other])
        return cls(edge, at, weights)

    def spread(self, nodes: FloatArray) -> FloatArray:
        """Return the pixels of cells, (n, edge, edge), of their nodes, (n, NODES, NODES)."""
        # A product of matrices a cell: the same bits for any number of cells.
        pixels: FloatArray = np.matmul(np.matmul(self.weights.T, nodes), self.weights)
        return pixels

    def diagonals(self, nodes: FloatArray) -> FloatArray:
        """Return what is on both diagonals, (n, 2, edge)."""
        rows = np.matmul(self.weights.T, nodes)
        down = (rows * self.weights.T).sum(axis=2)
        up = (rows * self.weights.T[::-1]).sum(axis=2)
        return np.stack((down, up), axis=1)


_RULES: Final = tuple(_Rule.of(edge) for edge in EDGES)


class _Kept:
    """Whole images that were made of a haze; they do not travel between processes."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.images: dict[str, NDArray[np.floating]] = {}

    def __reduce__(self) -> tuple[type[_Kept], tuple[()]]:
        return _Kept, ()


class Haze:
    """Photons of materials, over r_e²·fluence, on every pixel.

    Parameters
    ----------
    scatterers : tuple of Scatterer
    geometry : SceneGeometry
    illumination : Illumination
    sensor : Sensor
    subpixels : Subpixels
    tolerance : float
        By how much of itself a pixel may be off; 0 computes each.
    """

    def __init__(
        self,
        scatterers: tuple[Scatterer, ...],
        geometry: SceneGeometry | None,
        illumination: Illumination | None,
        sensor: Sensor | None,
        subpixels: Subpixels | None,
        tolerance: float,
    ) -> None:
        self.scatterers, self.tolerance = scatterers, tolerance
        self._parts = (geometry, illumination, sensor, subpixels)
        self._kept = _Kept()

    @classmethod
    def nothing(cls) -> Haze:
        """Return what adds nothing."""
        return cls((), None, None, None, None, 0.0)

    def __bool__(self) -> bool:
        return bool(self.scatterers)

    def seen_by(
        self,
        geometry: SceneGeometry,
        illumination: Illumination,
        sensor: Sensor,
        subpixels: Subpixels,
    ) -> Haze:
        """Return it of another detector or beam; itself where these are the same."""
        parts = (geometry, illumination, sensor, subpixels)
        if not self or all(new is old for new, old in zip(parts, self._parts, strict=True)):
            return self
        return Haze(self.scatterers, *parts, self.tolerance)

    def of_one_electron(self) -> Haze:
        """Return that of the first material alone, of a molecule that scatters as one electron."""
        one = AmplitudeTable((0.0, 1.0), (1.0, 1.0))
        alone = dataclasses.replace(self.scatterers[0], table=one)
        return Haze((alone,), *self._parts, self.tolerance)

    def stol(self) -> FloatArray:
        """Return sin θ/λ of the centres of pixels, 1/Å, panel after panel (physics 13.4)."""
        beam = self._beam
        incident = unit(beam.weights @ beam.incident)[:, np.newaxis]
        wavelength = 1e10 * float(beam.weights @ beam.wavelengths)
        found = []
        for panel in self._geometry.panels:
            slow, fast = np.indices(panel.shape, dtype=float).reshape(2, -1)
            total, weights = np.zeros(slow.size), np.zeros(slow.size)
            for layer in range(self._sensor.layers):
                seen, weight = self._towards(panel, slow, fast, layer)
                away = seen - incident
                total += weight * np.sqrt((away * away).sum(axis=0))
                weights += weight
            found.append(total / weights / 2.0 / wavelength)
        return np.concatenate(found)

    # What each part is, where there is anything at all.
    @property
    def _geometry(self) -> SceneGeometry:
        assert self._parts[0] is not None
        return self._parts[0]

    @property
    def _beam(self) -> Illumination:
        assert self._parts[1] is not None
        return self._parts[1]

    @property
    def _sensor(self) -> Sensor:
        assert self._parts[2] is not None
        return self._parts[2]

    @property
    def _oversample(self) -> int:
        assert self._parts[3] is not None
        return self._parts[3].oversample

    # One pixel ----------------------------------------------------------------------------------

    def exact(
        self, panel: int, slow: ArrayLike, fast: ArrayLike, *, whole: bool = True
    ) -> FloatArray:
        """Compute pixels one by one (physics 13.1).

        Parameters
        ----------
        panel : int
        slow, fast : array_like
            Indices of pixels; those of points between pixels serve to interpolate.
        whole : bool
            Take every sub-pixel; else, of more than 2 x 2, four points that have the same mean to
            the third order.
        """
        placed = self._geometry.panels[panel]
        slow, fast = np.broadcast_arrays(np.asarray(slow, float), np.asarray(fast, float))
        total = np.zeros(slow.size)
        offsets = _offsets(self._oversample, whole)
        for down in offsets:
            for across in offsets:
                for layer in range(self._sensor.layers):
                    point = slow.ravel() + down, fast.ravel() + across
                    seen, factor = self._towards(placed, *point, layer)
                    total += factor * self._scattered(seen)
        return (total / len(offsets) ** 2).reshape(slow.shape)

    def _position(
        self, panel: PlacedPanel, slow: FloatArray, fast: FloatArray, depth: float
    ) -> FloatArray:
        """Return where points are, m, shape (3, n) (physics 2.6)."""
        f, s = panel.pixel_size * (fast + 0.5), panel.pixel_size * (slow + 0.5)
        origin = panel.origin + depth * panel.normal
        flat = (
            np.multiply.outer(panel.fast, f)
            + np.multiply.outer(panel.slow, s)
            + origin[:, np.newaxis]
        )
        if not self._geometry.curved:
            return flat
        distance = self._geometry.distance
        ahead = np.broadcast_to((distance * self._geometry.beam)[:, np.newaxis], flat.shape)
        return _turned(
            _turned(ahead, panel.slow, flat[1] / distance), panel.fast, flat[2] / distance
        )

    def _towards(
        self, panel: PlacedPanel, slow: FloatArray, fast: FloatArray, layer: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return directions to points in a layer, (3, n), and solid angle times capture."""
        depth = layer * self._sensor.layer_step
        seen = self._position(panel, slow, fast, depth)
        square = (seen * seen).sum(axis=0)
        airpath = np.sqrt(square)
        seen /= airpath
        factor = 1.0 / square
        if not self._geometry.point_pixel:
            factor *= panel.pixel_size**2 * panel.close_distance / airpath
        mu = self._sensor.mu
        if mu:
            step = self._sensor.layer_step * mu / np.maximum(_along(panel.normal, seen), 1e-300)
            factor *= np.exp(-layer * step) - np.exp(-(layer + 1) * step)
        return seen, factor

    def _scattered(self, seen: FloatArray) -> FloatArray:
        """Sum sgn(F)·F² and polarization over sources and materials."""
        beam, total = self._beam, np.zeros(seen.shape[1])
        incident, wavelengths, weights = beam.incident, beam.wavelengths, beam.weights
        last, half, polar = None, np.empty(0), np.empty(0)
        for direction, wavelength, weight in zip(incident, wavelengths, weights, strict=True):
            if last is None or not np.array_equal(direction, last):
                away = seen - direction[:, np.newaxis]
                half = np.sqrt((away * away).sum(axis=0)) / 2.0
                polar = self._polarization(seen, direction)
                last = direction
            stol = half / (1e10 * wavelength)
            for one in self.scatterers:
                F = one.table(stol)
                total += (weight * one.molecules * one.scale) * polar * F * np.abs(F)
        return total

    def _polarization(self, seen: FloatArray, incident: FloatArray) -> FloatArray:
        """Return Kahn's factor of one direction of the beam (physics 9.3)."""
        beam = self._beam
        if beam.nopolar:
            return np.ones(seen.shape[1])
        cosine = _along(incident, seen)
        square = cosine * cosine
        result: FloatArray = 0.5 * (1.0 + square)
        if beam.kahn_factor:
            across = np.cross(self._geometry.polarization, incident)
            across /= np.sqrt(across @ across)
            b, e = _along(across, seen), _along(np.cross(incident, across), seen)
            length = b * b + e * e
            split = np.divide(e * e - b * b, length, out=np.ones_like(length), where=length > 0.0)
            result -= 0.5 * beam.kahn_factor * split * (1.0 - square)
        return result

    # Many pixels --------------------------------------------------------------------------------

    def _cells(self, panel: int, corners: NDArray[np.int64], level: int = 0) -> FloatArray:
        """Return cells, shape (n, edge, edge), of their first pixels (slow, fast)."""
        if not self.tolerance:
            level = len(EDGES)
        if level == len(EDGES):
            edge = EDGES[-1] if self.tolerance else EDGES[0]
            inside = np.arange(edge)
            slow = corners[:, 0, np.newaxis, np.newaxis] + inside[:, np.newaxis]
            fast = corners[:, 1, np.newaxis, np.newaxis] + inside
            return self.exact(panel, slow, fast)
        rule = _RULES[level]
        first = corners[:, :, np.newaxis, np.newaxis].astype(float)
        nodes = self.exact(
            panel, first[:, 0] + rule.at[:, np.newaxis], first[:, 1] + rule.at, whole=False
        )
        along = np.arange(rule.edge)
        both = np.stack((along, along[::-1]))
        true = self.exact(panel, first[:, 0] + along, first[:, 1] + both)
        off = np.abs(rule.diagonals(nodes) - true) > 0.1 * self.tolerance * np.abs(true)
        bad = np.flatnonzero(off.any(axis=(1, 2)))
        cells = rule.spread(nodes)
        if bad.size:
            cells[bad] = self._cut_up(panel, corners[bad], level)
        return cells

    def _cut_up(self, panel: int, corners: NDArray[np.int64], level: int) -> FloatArray:
        """Return cells, each put together of smaller ones."""
        edge = EDGES[level]
        if level + 1 == len(EDGES):
            return self._cells(panel, corners, level + 1)
        smaller = EDGES[level + 1]
        parts = edge // smaller
        shift = np.stack(np.meshgrid(*[smaller * np.arange(parts)] * 2, indexing="ij"), axis=-1)
        places = (corners[:, np.newaxis] + shift.reshape(-1, 2)).reshape(-1, 2)
        cells = self._cells(panel, places, level + 1)
        cells = cells.reshape(-1, parts, parts, smaller, smaller).swapaxes(2, 3)
        return cells.reshape(-1, edge, edge)

    def whole(self, dtype: str = "float64", threads: int = 1) -> NDArray[np.floating]:
        """Return every pixel over r_e²·fluence and `unit`, one panel after another.

        It is kept, for the images that follow.
        """
        with self._kept.lock:
            image = self._kept.images.get(dtype)
            if image is None:
                image = self._render(np.dtype(dtype), threads)
                image.setflags(write=False)
                self._kept.images[dtype] = image
        return image

    @cached_property
    def unit(self) -> float:
        """A power of 2 about as large as the values, which float32 may not hold."""
        middle = [(p.pixels_slow / 2.0, p.pixels_fast / 2.0) for p in self._geometry.panels[:1]]
        value = abs(float(self.exact(0, *middle[0], whole=False)))
        return 2.0 ** float(np.frexp(value)[1]) if value > 0.0 else 1.0

    def _render(self, dtype: np.dtype[np.floating], threads: int) -> NDArray[np.floating]:
        panels = self._geometry.panels
        ends = np.cumsum([0, *(p.pixels_slow * p.pixels_fast for p in panels)])
        image = np.empty(ends[-1], dtype)
        jobs = [
            (number, corners, image[begin:end].reshape(panel.shape))
            for number, (panel, begin, end) in enumerate(zip(panels, ends, ends[1:], strict=False))
            for corners in self._batches(panel)
        ]
        unit = self.unit

        def fill(job: tuple[int, NDArray[np.int64], NDArray[np.floating]]) -> None:
            number, corners, target = job
            for (slow, fast), cell in zip(
                corners.tolist(), self._cells(number, corners), strict=True
            ):
                part = target[slow : slow + EDGES[0], fast : fast + EDGES[0]]
                np.divide(
                    cell[: part.shape[0], : part.shape[1]], unit, out=part, casting="same_kind"
                )

        _each(fill, jobs, threads)
        return image

    def _batches(self, panel: PlacedPanel) -> Iterator[NDArray[np.int64]]:
        starts = [np.arange(0, count, EDGES[0]) for count in panel.shape]
        corners = np.stack(np.meshgrid(*starts, indexing="ij"), axis=-1).reshape(-1, 2)
        size = max(1, MANY // (EDGES[0] ** 2 if not self.tolerance else 4 * EDGES[0]))
        for begin in range(0, len(corners), size):
            yield corners[begin : begin + size]

    def pixels(self, panel: int, slow: NDArray[np.int64], fast: NDArray[np.int64]) -> FloatArray:
        """Return some pixels over r_e²·fluence and `unit`, as `whole` has them."""
        if not self.tolerance:
            return self.exact(panel, slow, fast) / self.unit
        corners = np.stack((slow, fast), axis=-1) // EDGES[0] * EDGES[0]
        cells, which = np.unique(corners.reshape(-1, 2), axis=0, return_inverse=True)
        found = np.empty(slow.size)
        which, inside = which.ravel(), (slow.ravel() % EDGES[0], fast.ravel() % EDGES[0])
        size = max(1, MANY // EDGES[0])
        for begin in range(0, len(cells), size):
            values = self._cells(panel, cells[begin : begin + size])
            here = (which >= begin) & (which < begin + size)
            found[here] = values[which[here] - begin, inside[0][here], inside[1][here]]
        return (found / self.unit).reshape(slow.shape)


def _offsets(oversample: int, whole: bool) -> FloatArray:
    """Return where points stand in a pixel along one edge, from its centre, in pixels."""
    if oversample > 2 and not whole:
        away = np.sqrt((1.0 - 1.0 / oversample**2) / 12.0)
        return np.array([-away, away])
    return (np.arange(oversample) + 0.5) / oversample - 0.5


def _along(axis: FloatArray, v: FloatArray) -> FloatArray:
    """Return axis · v of vectors, shape (3, n); BLAS would give other bits to other neighbours."""
    result: FloatArray = axis[0] * v[0] + axis[1] * v[1] + axis[2] * v[2]
    return result


def _turned(v: FloatArray, axis: FloatArray, angle: FloatArray) -> FloatArray:
    """Rotate vectors, shape (3, n), each by its own angle about an axis."""
    column = axis[:, np.newaxis]
    along = _along(axis, v) * (1.0 - np.cos(angle))
    around: FloatArray = np.cross(column, v, axis=0) * np.sin(angle)
    return v * np.cos(angle) + around + column * along


def _each(
    do: Callable[[tuple[int, NDArray[np.int64], NDArray[np.floating]]], None],
    jobs: list[tuple[int, NDArray[np.int64], NDArray[np.floating]]],
    threads: int,
) -> None:
    if threads == 1 or len(jobs) == 1:
        for job in jobs:
            do(job)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(threads, len(jobs))) as pool:
        for _ in pool.map(do, jobs):
            pass

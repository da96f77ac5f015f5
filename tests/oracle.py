"""The physics of nbcy in NumPy, straight from docs/physics: slow, readable, independent.

It takes the public fields of a `nbcy.Scene` and nothing else from nbcy, so it can judge every
build of the kernel. Citations are those of docs/physics. All arrays run over
pixels, so that a whole image is one set of pixels.

Beside every value goes a bound on how far another correct program in double precision may be from
it. The same formulas in another order differ by the rounding of the pixel's direction
(`Visit.roundoff`), which moves h, k and l; the corners of the box in which (h, k, l) must then lie
tell what that does to the intensity, also where a step stands on the edge between two reflections,
of a top hat, or of the box of the list, and either side is right.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

EPS = 2.0**-52
# Roundings that separate two programs in one component of the diffracted direction: P = pix0
# + F fast + S slow + O normal takes six of half an EPS of at most |pix0| + F + S + O, R = |P| and
# d = P/R double that and add five of |d|; both programs make them.
DIRECTION_ROUNDINGS = 16.0
# Roundings after h, k and l are known: a handful for each function, the product, the scaling.
FACTOR_ROUNDINGS = 64.0


class Approx(NamedTuple):
    """A value and a bound on its error; products and sums carry the bound along."""

    value: np.ndarray
    error: np.ndarray

    def __mul__(self, other):
        other = other if isinstance(other, Approx) else Approx(other, 0.0)
        return Approx(
            self.value * other.value,
            abs(self.value) * other.error
            + abs(other.value) * self.error
            + self.error * other.error,
        )

    def __add__(self, other):
        return Approx(self.value + other.value, self.error + other.error)


class Visit(NamedTuple):
    """What one sub-pixel, layer and source see: arrays over pixels."""

    sub_slow: int
    sub_fast: int
    layer: int
    source: int
    position: np.ndarray
    airpath: np.ndarray
    diffracted: np.ndarray
    omega: np.ndarray
    capture: np.ndarray
    scattering: np.ndarray
    cos_2theta: np.ndarray
    polar: np.ndarray
    skipped: np.ndarray
    roundoff: np.ndarray
    capture_error: np.ndarray
    at_dmin: np.ndarray


class Step(NamedTuple):
    """One step of one pixel."""

    visit: Visit
    phi: int
    domain: int
    cell: np.ndarray
    hkl: np.ndarray
    hkl_rounded: np.ndarray
    F_latt: np.ndarray
    F_cell: np.ndarray
    intensity: np.ndarray


@dataclass(frozen=True)
class Rendering:
    """An image, how far a correct program may be from it, and where dmin cannot be judged."""

    image: np.ndarray
    error: np.ndarray
    at_dmin: np.ndarray


# ---- physics 2.6, 7.1, 9.2 to 9.4: the pixel, the factors of the scaling chain, s


def rotate(vectors, axis, angle):
    """Rodrigues' rotation of each vector by its angle."""
    angle = np.asarray(angle)[..., np.newaxis]
    along = np.sum(vectors * axis, axis=-1, keepdims=True)
    return (
        vectors * np.cos(angle)
        + np.cross(np.broadcast_to(axis, vectors.shape), vectors) * np.sin(angle)
        + axis * along * (1.0 - np.cos(angle))
    )


def pixel_position(scene, slow, fast, sub_slow, sub_fast, layer):
    """P of each pixel, and the lengths that were added up for it, m."""
    (panel,) = scene.panels
    sub = panel.pixel_size / scene.oversample
    f = panel.pixel_size * fast + sub / 2 + sub * sub_fast
    s = panel.pixel_size * slow + sub / 2 + sub * sub_slow
    depth = layer * scene.layer_step
    position = (
        panel.origin
        + f[:, np.newaxis] * panel.fast
        + s[:, np.newaxis] * panel.slow
        + depth * panel.normal
    )
    lengths = np.linalg.norm(panel.origin) + f + s + depth
    if scene.curved:
        flat, start = position, np.broadcast_to(scene.distance * scene.beam, position.shape)
        position = rotate(start, panel.slow, flat[:, 1] / scene.distance)
        position = rotate(position, panel.fast, flat[:, 2] / scene.distance)
    return position, lengths


def solid_angle(scene, airpath):
    """Omega, sr (physics 9.2)."""
    (panel,) = scene.panels
    if scene.point_pixel:
        return 1.0 / airpath**2
    return panel.pixel_size**2 / airpath**2 * (panel.close_distance / airpath)


def capture_fraction(scene, diffracted, layer):
    """Photons caught in a layer (physics 9.4); how its error follows from the direction's."""
    (panel,) = scene.panels
    ones = np.ones(len(diffracted))
    if scene.thickness == 0.0 or scene.mu == 0.0:
        return ones, 0.0 * ones
    p = diffracted @ panel.normal
    front, back = (j * scene.layer_step * scene.mu / p for j in (layer, layer + 1))
    # an error e of p changes exp(-x) by x exp(-x) e/p, and x exp(-x) < 1
    return np.exp(-front) - np.exp(-back), 4.0 / p


def polarization_factor(scene, diffracted, incident):
    """Kahn's factor, and cos 2theta (physics 9.3)."""
    c = diffracted @ incident
    if scene.nopolar:
        return np.ones(len(c)), c
    if scene.kahn_factor == 0.0:
        return 0.5 * (1.0 + c**2), c
    b = np.cross(scene.polarization, incident)
    b /= np.linalg.norm(b)
    e = np.cross(incident, b)
    e /= np.linalg.norm(e)
    psi = -np.arctan2(diffracted @ b, diffracted @ e)
    return 0.5 * (1.0 + c**2 - scene.kahn_factor * np.cos(2.0 * psi) * (1.0 - c**2)), c


def visits(scene, slow, fast) -> Iterator[Visit]:
    """Every sub-pixel, layer and source of the pixels, in the order of the loops."""
    subs = range(scene.oversample)
    for sub_slow, sub_fast, layer in itertools.product(subs, subs, range(scene.layers)):
        position, lengths = pixel_position(scene, slow, fast, sub_slow, sub_fast, layer)
        airpath = np.linalg.norm(position, axis=1)
        diffracted = position / airpath[:, np.newaxis]
        roundoff = DIRECTION_ROUNDINGS * EPS * (1.0 + lengths / airpath)
        omega = solid_angle(scene, airpath)
        capture, capture_error = capture_fraction(scene, diffracted, layer)
        for source, (incident, wavelength) in enumerate(
            zip(scene.incident, scene.wavelengths, strict=True)
        ):
            scattering = (diffracted - incident) / wavelength
            polar, cos_2theta = polarization_factor(scene, diffracted, incident)
            length = np.linalg.norm(scattering, axis=1)
            skipped = at_dmin = np.zeros(len(slow), bool)
            if scene.dmin > 0.0:
                # dmin > 1/|s|
                skipped = length * scene.dmin > 1.0
                at_dmin = abs(length - 1.0 / scene.dmin) < 4.0 * roundoff / wavelength
            yield Visit(
                sub_slow, sub_fast, layer, source,
                position, airpath, diffracted, omega, capture, scattering, cos_2theta, polar,
                skipped, roundoff, capture_error * roundoff, at_dmin,
            )  # fmt: skip


# ---- physics 7: lattice factor and structure factor


def interference(n, delta):
    """sin(pi N h)/sin(pi h) up to its sign, from h's distance to the nearest integer."""
    at_node = delta == 0.0
    safe = np.where(at_node, 0.5, delta)
    return np.where(at_node, float(n), np.sin(np.pi * n * safe) / np.sin(np.pi * safe))


def sphere(x):
    """3 (sin x - x cos x)/x**3, by its series where the difference would cancel."""
    far = np.maximum(x, 0.5)
    series = sum(
        (-1) ** n * 3.0 * (2 * n + 2) / math.factorial(2 * n + 3) * x ** (2 * n) for n in range(9)
    )
    return np.where(x < 0.5, series, 3.0 * (np.sin(far) - far * np.cos(far)) / far**3)


def lattice_factor(scene, hkl):
    """F_latt for fractional indices of shape (..., 3)."""
    delta = hkl - np.ceil(hkl - 0.5)
    cells = np.array(scene.cells, float)
    matrix, volume = scene.config.crystal.cells_matrix, np.prod(cells)
    if matrix is not None:
        volume = np.linalg.det(matrix)
    if scene.shape == "square":
        factor = np.ones(hkl.shape[:-1])
        for axis, n in enumerate(cells):
            if n != 1:
                factor = factor * interference(n, delta[..., axis])
        return factor
    if scene.shape in ("gauss", "tophat") and scene.star_radius:
        rho = np.sum((delta @ scene.reciprocal) ** 2, axis=-1) * volume**2
    elif matrix is not None:
        rho = np.sum((delta @ np.array(matrix)) ** 2, axis=-1)
    else:
        rho = np.sum((delta * cells) ** 2, axis=-1)
    if scene.shape == "round":
        return np.prod(cells) * 0.723601254558268 * sphere(np.pi * np.sqrt(scene.fudge * rho))
    if scene.shape == "gauss":
        return volume * np.exp(-rho * scene.fudge / 0.63)
    assert scene.shape == "tophat"
    return np.where(rho * scene.fudge < 0.3969, volume, 0.0)


def structure_factor(scene, hkl):
    """F_cell for fractional indices of shape (..., 3), and a bound on its rounding."""
    grid = scene.hkl
    low = np.array([grid.h_min, grid.k_min, grid.l_min])
    high = np.array([grid.h_max, grid.k_max, grid.l_max])
    if grid.n_loaded == 0:
        return np.full(hkl.shape[:-1], grid.default_F), np.zeros(hkl.shape[:-1])
    listed = grid.data[1:-1, 1:-1, 1:-1]
    nearest = np.ceil(hkl - 0.5)
    inside = np.all((nearest >= low) & (nearest <= high), axis=-1)
    i, j, k = np.moveaxis(np.where(inside[..., np.newaxis], nearest - low, 0).astype(int), -1, 0)
    at_nearest = np.where(inside, listed[i, j, k], grid.default_F)
    if not scene.interpolate:
        return at_nearest, np.zeros(hkl.shape[:-1])
    floor = np.floor(hkl)
    inside = np.all((floor - 1 >= low) & (floor + 2 <= high), axis=-1)
    corner = np.where(inside[..., np.newaxis], floor - 1 - low, 0).astype(int)
    x = hkl - floor  # nodes at -1, 0, 1, 2
    weights = np.stack(
        [
            -x * (x - 1.0) * (x - 2.0) / 6.0,
            (x + 1.0) * (x - 1.0) * (x - 2.0) / 2.0,
            -(x + 1.0) * x * (x - 2.0) / 2.0,
            (x + 1.0) * x * (x - 1.0) / 6.0,
        ]
    )
    total, magnitude = np.zeros(inside.shape), np.zeros(inside.shape)
    for i, j, k in itertools.product(range(4), repeat=3):
        if not inside.any():
            break
        at = np.minimum(corner + (i, j, k), high - low)  # noqa: RUF005
        weight = weights[i, ..., 0] * weights[j, ..., 1] * weights[k, ..., 2]
        term = weight * listed[at[..., 0], at[..., 1], at[..., 2]]
        total, magnitude = total + term, magnitude + abs(term)
    return (
        np.where(inside, total, at_nearest),
        np.where(inside, FACTOR_ROUNDINGS * EPS * magnitude, 0.0),
    )


def step_intensity(scene, hkl):
    """F**2 L**2 and a bound on its rounding."""
    factor, error = structure_factor(scene, hkl)
    lattice = lattice_factor(scene, hkl)
    amplitude = Approx(factor, error) * Approx(lattice, FACTOR_ROUNDINGS * EPS * abs(lattice))
    return amplitude * amplitude


# +-1 for every corner of a cube, after its centre
BOX = np.array([(0, 0, 0), *itertools.product((-1.0, 1.0), repeat=3)])


def step_intensity_nearby(scene, hkl, slack):
    """F**2 L**2 at hkl, with what it can be within +-slack of each index.

    Inside so small a box the intensity is linear, or quadratic where it has a node or a peak, or
    jumps at an edge: in every case its distance from the centre is largest at a corner.
    """
    box = hkl + BOX[:, np.newaxis, :] * slack
    centre, error = step_intensity(scene, box)
    return Approx(centre[0], error[0] + np.max(abs(centre - centre[0]), axis=0))


# ---- physics 9: the pixel


def first_visited(scene, slow, fast):
    """Which of the pixels the loops visit first: the first that dmin does not skip altogether."""
    seen = np.zeros(len(slow), bool)
    for visit in visits(scene, slow, fast):
        seen |= ~visit.skipped
    first = np.zeros(len(slow), bool)
    if seen.any():
        first[np.argmax(seen)] = True
    return first


def rendered_pixels(scene):
    """Slow and fast indices of the pixels in the region of interest and the mask, as scanned."""
    fast_min, fast_max, slow_min, slow_max = scene.roi
    slow, fast = np.mgrid[slow_min : slow_max + 1, fast_min : fast_max + 1]
    slow, fast = slow.ravel(), fast.ravel()
    if scene.mask is not None:
        keep = scene.mask[slow, fast] != 0
        slow, fast = slow[keep], fast[keep]
    return slow, fast


def cells_of_visit(scene, visit, fresh):
    """Cell vectors of every phi step and domain: shape (n_phi, n_domains, pixels or 1, 3, 3).

    ``fresh`` marks the pixel whose next visit is the very first of the image (quirk
    phi_carryover); it is cleared here once that visit took place.
    """
    cells = scene.orientations[:, :, np.newaxis]
    if scene.first_orientations is None or not fresh.any():
        return cells
    now = (fresh & ~visit.skipped)[:, np.newaxis, np.newaxis]
    fresh &= visit.skipped
    return np.where(now, scene.first_orientations[:, :, np.newaxis], cells)


def index_slack(scene, visit, cells):
    """How far another correct program's h, k and l may be off, for cells of shape (..., 3, 3)."""
    # h = a.(d - i)/wavelength; |d - i| <= 2, so that its own roundings stay below those of d
    reach = np.linalg.norm(cells, axis=-1) / scene.wavelengths[visit.source]
    return 2.0 * reach * visit.roundoff[:, np.newaxis] + 2.0 * EPS


def chosen(condition, yes, no):
    """Elementwise choice between two approximate values."""
    return Approx(*(np.where(condition, a, b) for a, b in zip(yes, no, strict=True)))


def render_pixels(scene, slow, fast, fresh):
    """Photons in some pixels, as `Approx`, and which of them stand on the edge of dmin.

    Every factor either weighs each step by its own value (the oversample_ options) or multiplies
    the sum with its value at the first sub-pixel; layers always weigh by their own capture, except
    under the quirk layer_capture.
    """
    zero = Approx(np.zeros(len(slow)), np.zeros(len(slow)))
    total, captures = zero, []
    seen, at_dmin = np.zeros(len(slow), bool), np.zeros(len(slow), bool)
    # without polarization there is nothing to be seen first
    polar_first = Approx(zero.value + 1.0, zero.error) if scene.nopolar else zero
    n_sources = len(scene.wavelengths)
    fresh = fresh.copy()

    for visit in visits(scene, slow, fast):
        omega = Approx(visit.omega, 4.0 * visit.omega * visit.roundoff)
        polar = Approx(visit.polar, np.zeros(1) if scene.nopolar else 4.0 * visit.roundoff)
        capture = Approx(visit.capture, visit.capture_error)
        if visit.sub_slow == visit.sub_fast == visit.source == 0:
            captures.append(capture)
            if visit.layer == 0:
                omega_first, polar_of_water = omega, polar
        polar_first = chosen(seen | visit.skipped, polar_first, polar)
        seen |= ~visit.skipped
        at_dmin |= visit.at_dmin

        intensity = zero
        turned = cells_of_visit(scene, visit, fresh).reshape(
            scene.orientations[..., 0, 0].size, -1, 3, 3
        )
        domains = scene.domains.domain_weights * len(scene.domains.domain_weights)
        for cells, weight in zip(turned, itertools.cycle(domains.tolist()), strict=False):
            hkl = np.sum(cells * visit.scattering[:, np.newaxis, :], axis=-1)
            slack = index_slack(scene, visit, cells)
            intensity = intensity + step_intensity_nearby(scene, hkl, slack) * weight
        intensity = intensity * (~visit.skipped * scene.weights[visit.source] * n_sources)
        if scene.oversample_omega:
            intensity = intensity * omega
        if scene.oversample_polar:
            intensity = intensity * polar
        if scene.oversample_thick:
            intensity = intensity * capture
        elif not scene.layer_capture:
            intensity = intensity * captures[visit.layer]
        total = total + intensity

    captured = zero
    for capture in captures:
        captured = captured + capture
    background = zero
    if scene.water_scaling:
        # as if it were one more step of the crystal's
        total = total + (zero + Approx(scene.water, 0.0)) * (
            Approx(1.0, 0.0) if scene.layer_capture else captured
        )
    else:
        background = polar_of_water * omega_first * captured * scene.water
    if scene.layer_capture and not scene.oversample_thick:
        total = total * captures[-1]
    if not scene.oversample_polar:
        total = total * polar_first
    if not scene.oversample_omega:
        total = total * omega_first
    photons = total * (scene.r_e_sqr * scene.fluence / scene.steps) + background
    # both programs round every partial sum and every factor of the scale
    rounding = (scene.steps * scene.layers + FACTOR_ROUNDINGS) * EPS * abs(photons.value)
    return Approx(photons.value, photons.error + rounding), at_dmin


def render(scene):
    """Render the scene.

    Parameters
    ----------
    scene : nbcy.scene.scene.Scene

    Returns
    -------
    Rendering
        float64 photons per pixel, shape (slow, fast).
    """
    (panel,) = scene.panels
    shape = (panel.pixels_slow, panel.pixels_fast)
    rendering = Rendering(np.zeros(shape), np.zeros(shape), np.zeros(shape, bool))
    slow, fast = rendered_pixels(scene)
    if len(slow):
        photons, at_dmin = render_pixels(scene, slow, fast, first_visited(scene, slow, fast))
        rendering.image[slow, fast] = photons.value
        rendering.error[slow, fast] = photons.error
        rendering.at_dmin[slow, fast] = at_dmin
    return rendering


def total_solid_angle(scene):
    """Solid angle of the rendered pixels, sr (physics 10.1).

    A pixel counts as its image does: the mean over the sub-pixels when these have solid angles of
    their own, else that of the first one.
    """
    slow, fast = rendered_pixels(scene)
    omega = [visit for visit in visits(scene, slow, fast) if visit.layer == visit.source == 0]
    if not scene.oversample_omega:
        omega = omega[:1]
    total = np.sum([visit.omega for visit in omega]) / len(omega)
    error = np.sum([4.0 * visit.omega * visit.roundoff for visit in omega]) / len(omega)
    return Approx(total, error + FACTOR_ROUNDINGS * EPS * total)


def breakdown(scene, slow, fast):
    """Every step of one pixel, in the order of the loops.

    Parameters
    ----------
    scene : nbcy.scene.scene.Scene
    slow, fast : int

    Returns
    -------
    list of Step
        Steps that dmin skips are there with ``visit.skipped`` set.
    """
    all_slow, all_fast = rendered_pixels(scene)
    here = (all_slow == slow) & (all_fast == fast)
    fresh = first_visited(scene, all_slow, all_fast)[here]
    steps = []
    for visit in visits(scene, np.array([slow]), np.array([fast])):
        table = cells_of_visit(scene, visit, fresh)[:, :, 0]
        for phi, domain in np.ndindex(table.shape[:2]):
            hkl = table[phi, domain] @ visit.scattering[0]
            F_latt, (F_cell, _) = lattice_factor(scene, hkl), structure_factor(scene, hkl)
            steps.append(
                Step(
                    visit=visit,
                    phi=phi,
                    domain=domain,
                    cell=table[phi, domain],
                    hkl=hkl,
                    hkl_rounded=np.ceil(hkl - 0.5),
                    F_latt=F_latt,
                    F_cell=F_cell,
                    intensity=(F_cell * F_latt) ** 2,
                )
            )
    return steps

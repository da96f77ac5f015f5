"""What hypothesis draws: configurations and scenes over every feature, and scenes on the brink.

Detectors are small and steps few, so that the slow oracle takes milliseconds for one of them.
"""

from __future__ import annotations

import atexit
import dataclasses
import hashlib
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import oracle
from hypothesis import note
from hypothesis import strategies as st

from nbcy.config import Config
from nbcy.config.quirks import QUIRKS
from nbcy.crystal.structure_factors import StructureFactors
from nbcy.render.building import build_scene
from nbcy.scene.scene import Scene

MAX_STEPS = 40
"""Most sub-pixels x layers x sources x phi steps x domains of a drawn scene."""

NAMED_CONVENTIONS = ("mosflm", "denzo", "adxv", "xds", "dials")

_FOLDER = tempfile.TemporaryDirectory(prefix="nbcy-tests-")
atexit.register(_FOLDER.cleanup)


def text_file(content: str) -> str:
    """Return the path of a file with this content; it lives as long as the process."""
    path = Path(_FOLDER.name, hashlib.sha256(content.encode()).hexdigest()[:16] + ".txt")
    path.write_text(content)
    return str(path)


def between(low: float, high: float) -> st.SearchStrategy[float]:
    """Floats, often the round numbers at which things line up exactly."""
    round_ones = sorted(
        {low, high, (low + high) / 2.0, *(r for r in (0.0, 1.0) if low <= r <= high)}
    )
    return st.one_of(st.floats(low, high), st.sampled_from(sorted(round_ones)))


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw from the strategy, or None for an option that is not given."""
    return st.none() | strategy


def given_ones(options: dict[str, Any]) -> dict[str, Any]:
    """Drop the options that are None."""
    return {name: value for name, value in options.items() if value is not None}


@st.composite
def rotation_matrices(draw: st.DrawFn) -> np.ndarray:
    """Rotations, uniform enough, from the four numbers of a quaternion."""
    q = np.array([draw(between(-1.0, 1.0)) for _ in range(4)])
    if np.linalg.norm(q) < 0.1:
        q = np.array([1.0, 0.0, 0.0, 0.0])
    w, x, y, z = q / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def as_vector(array: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in array)
    return x, y, z


# ---- sections of a configuration


@st.composite
def step_counts(draw: st.DrawFn) -> dict[str, int]:
    """How often each thing is sampled, at most `MAX_STEPS` in all."""
    left = MAX_STEPS
    counts = {}
    for name in draw(
        st.permutations(["oversample", "layers", "hdiv", "vdiv", "disp", "phi", "mosaic"])
    ):
        most = min(4, math.isqrt(left) if name == "oversample" else left)
        counts[name] = draw(st.integers(1, max(1, most)))
        left //= counts[name] ** 2 if name == "oversample" else counts[name]
    return counts


@st.composite
def cells(draw: st.DrawFn) -> tuple[float, ...]:
    """Unit cells: anything from cubic to triclinic, with angles from 60 to 119 degrees."""
    a, b, c = (draw(between(5.0, 120.0)) for _ in range(3))
    angles = draw(
        st.sampled_from([(90.0, 90.0, 90.0), (90.0, 90.0, 119.0), (90.0, 75.0, 90.0)])
        | st.tuples(*[between(60.0, 119.0)] * 3)
    )
    # Degrees; three equal angles of 120 are flat, and one must stay below the sum of the others.
    if angles[0] + angles[1] + angles[2] > 340.0:
        angles = (angles[0], angles[1], 340.0 - angles[0] - angles[1])
    if max(angles) > sum(angles) - max(angles) - 5.0:
        angles = (90.0, 90.0, 90.0)
    return (a, b, c, *angles)


@st.composite
def crystals(draw: st.DrawFn, counts: dict[str, int]) -> dict[str, Any]:
    cell_or_matrix: dict[str, Any] = {"cell_angstrom_deg": draw(cells())}
    if draw(st.integers(0, 4)) == 0:
        # columns a*, b*, c* in units of the wavelength: a cell of about 10 to 100 wavelengths
        matrix = draw(rotation_matrices()) * [draw(between(0.01, 0.1)) for _ in range(3)]
        cell_or_matrix = {"matrix": tuple(as_vector(row) for row in matrix)}
    misset = draw(
        st.sampled_from([{}, {"misset_random": True, "misset_seed": 3}, {"misset_deg": None}])
    )
    if "misset_deg" in misset:
        misset = {"misset_deg": tuple(draw(between(-180.0, 180.0)) for _ in range(3))}
    mosaic: dict[str, Any] = {}
    if counts["mosaic"] > 1:
        mosaic = {
            "mosaic_model": draw(st.sampled_from(["cap", "axis_angle", "gaussian", "spiral"])),
            "mosaic_spread_deg": draw(between(0.01, 3.0)),
            "mosaic_domains": counts["mosaic"],
            "mosaic_seed": draw(maybe(st.integers(1, 10**6))),
        }
    return given_ones(
        {
            **cell_or_matrix,
            **misset,
            **mosaic,
            "cells": tuple(draw(st.sampled_from([1, 2, 3, 5, 8, 40, 4.5, 7.25])) for _ in range(3)),
            "shape": draw(st.sampled_from(["square", "round", "gauss", "tophat", "gauss_star"])),
            "fudge": draw(maybe(between(0.001, 10.0))),
            "default_F": draw(st.sampled_from([100.0, 100.0, 1.0, 0.0])),
        }
    )


def source_lines(draw: st.DrawFn, beam: np.ndarray, wavelength: float) -> str:
    """A list of sources near the beam, some with trailing columns missing."""
    lines = []
    for _ in range(draw(st.integers(1, 5))):
        position = -10.0 * beam + [draw(between(-0.2, 0.2)) for _ in range(3)]
        columns = [f"{x:.17g}" for x in position]
        columns.append(f"{draw(between(0.1, 2.0)):.17g}")
        columns.append(f"{wavelength * 1e-10 * draw(between(0.98, 1.02)):.17g}")
        lines.append(" ".join(columns[: draw(st.sampled_from([3, 4, 5, 5]))]))
    return "\n".join(lines) + "\n"


@st.composite
def beams(draw: st.DrawFn, counts: dict[str, int], direction: np.ndarray) -> dict[str, Any]:
    wavelength = draw(between(0.5, 8.0))
    beam: dict[str, Any] = {}
    if draw(st.booleans()):
        beam["wavelength_angstrom"] = wavelength
    else:
        beam["energy_ev"] = 12398.42 / wavelength
    intensity = draw(st.sampled_from(["default", "fluence", "flux"]))
    if intensity == "fluence":
        beam["fluence_photons_per_m2"] = draw(between(1e20, 1e30))
    elif intensity == "flux":
        beam["flux_photons_per_s"] = draw(between(1e9, 1e18))
        beam["exposure_s"] = draw(maybe(between(0.001, 10.0)))
        beam["size_mm"] = draw(maybe(between(0.001, 1.0)))
    beam["kahn_factor"] = draw(st.sampled_from([0.0, 1.0, -1.0]) | st.floats(-1.0, 1.0))
    beam["nopolar"] = draw(st.sampled_from([False, False, False, True]))
    if draw(st.integers(0, 4)) == 0:
        beam["source_file"] = text_file(source_lines(draw, direction, wavelength))
        return given_ones(beam)
    for name in ("hdiv", "vdiv"):
        if counts[name] > 1:
            beam[f"{name}_mrad"] = draw(between(0.01, 20.0))
            beam[f"{name}_steps"] = counts[name]
    beam["divergence"] = draw(st.sampled_from(["round", "square"]))
    if beam["divergence"] == "round" and counts["hdiv"] % 2 == counts["vdiv"] % 2 == 0:
        # 2 x 2 points are all corners: the ellipse would drop every one of them
        beam["divergence"] = "square"
    if counts["disp"] > 1:
        beam["dispersion_percent"] = draw(between(0.01, 10.0))
        beam["dispersion_steps"] = counts["disp"]
    return given_ones(beam)


@st.composite
def detectors(
    draw: st.DrawFn, counts: dict[str, int], quirks: frozenset[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A detector that faces the sample, and the beam and polarization that go with it.

    Rotations and the two-theta of a detector that pivots on the beam stay small enough for that.
    """
    edge = st.sampled_from([7, 16, 24, 1, 2])
    detector: dict[str, Any] = {
        "pixels_fast": draw(edge),
        "pixels_slow": draw(edge),
        "pixel_mm": draw(between(0.05, 12.0)),
        "point_pixel": draw(st.sampled_from([False, False, True])),
    }
    beam: dict[str, Any] = {}
    direction = {"xds": (0, 0, 1), "dials": (0, 0, 1), "adxv": (0, 0, 1)}
    convention = draw(st.sampled_from([*NAMED_CONVENTIONS, "custom", "custom", "curved"]))

    distance = draw(between(20.0, 400.0))
    along = draw(st.sampled_from(["distance_mm", "close_distance_mm"]))
    detector[along] = distance
    if convention == "curved":
        # not bent so far that the sensor's normal, which is that of the flat detector, turns away
        detector["pixel_mm"] = min(detector["pixel_mm"], 0.02 * distance)
        detector["curved"] = True
        detector["convention"] = draw(st.sampled_from(["mosflm", "denzo"]))
    else:
        detector["convention"] = convention
        for axis in "xyz":
            detector[f"rot{axis}_deg"] = draw(between(-12.0, 12.0))
        detector["twotheta_deg"] = draw(maybe(between(-30.0, 30.0)))
        detector["pivot"] = draw(maybe(st.sampled_from(["beam", "sample"])))
        if detector["pivot"] == "sample" and "pivot_override" not in quirks:
            detector["twotheta_deg"] = draw(maybe(between(-170.0, 170.0)))
    if convention == "custom":
        frame = draw(rotation_matrices())
        fast, slow, normal = frame.T
        tilt = 0.3 * np.array([draw(between(-1.0, 1.0)) for _ in range(2)])
        towards = normal + tilt[0] * fast + tilt[1] * slow
        detector["fast_vector"], detector["slow_vector"] = as_vector(fast), as_vector(slow)
        detector["normal_vector"] = draw(maybe(st.just(as_vector(3.0 * normal))))
        detector["twotheta_axis"] = draw(maybe(st.just(as_vector(fast))))
        beam["direction"] = as_vector(2.0 * towards)
        beam["polarization_vector"] = as_vector(slow + draw(between(-0.3, 0.3)) * normal)
    else:
        towards = np.array(direction.get(detector["convention"], (1, 0, 0)), float)

    extent = detector["pixel_mm"] * max(detector["pixels_fast"], detector["pixels_slow"])
    centre = draw(st.sampled_from(["none", "beam", "close", "org"]))
    if centre == "org":
        for name in ("orgx_px", "orgy_px"):
            detector[name] = draw(between(-5.0, 25.0))
    elif centre != "none":
        for name in (f"x{centre}_mm", f"y{centre}_mm"):
            detector[name] = draw(between(-0.5 * extent, extent))
    elif convention == "custom" and draw(st.booleans()):
        for axis in "xyz":
            del detector[f"rot{axis}_deg"]
        del detector["twotheta_deg"]
        detector["pix0_mm"] = as_vector(frame @ [-extent / 2.0, -extent / 3.0, distance])
    if counts["layers"] > 1:
        detector["thickness_um"] = draw(between(1.0, 2000.0))
        detector["thickness_steps"] = counts["layers"]
        detector["attenuation_depth_um"] = draw(maybe(between(1.0, 5000.0) | st.just(math.inf)))
    return given_ones(detector), {"beam": beam, "towards": towards / np.linalg.norm(towards)}


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Valid configurations over the whole feature space, without an hkl list."""
    counts = draw(step_counts())
    quirks = draw(st.just(frozenset()) | st.frozensets(st.sampled_from(sorted(QUIRKS))))
    detector, along = draw(detectors(counts, quirks))
    crystal = draw(crystals(counts))
    beam = {**draw(beams(counts, along["towards"])), **along["beam"]}
    osc = draw(between(0.01, 30.0))
    # from exactly 0, through exactly 0, or anywhere
    spindle = {
        "phi_deg": draw(st.sampled_from([0.0, -osc / counts["phi"], 10.0]) | st.floats(-180, 180))
    }
    if counts["phi"] > 1:
        spindle |= {"osc_deg": osc, "steps": counts["phi"]}
    sampling = {
        "oversample": counts["oversample"],
        "oversample_omega": draw(st.booleans()),
        "oversample_polar": draw(st.booleans()),
        "oversample_thick": draw(st.booleans()),
        "interpolate": draw(maybe(st.booleans())),
        "dmin_angstrom": draw(st.sampled_from([0.0, 0.0, 0.0, 0.0, 1.0, 3.0, 10.0, 30.0])),
    }
    if draw(st.integers(0, 3)) == 0:
        roi = []
        for axis in ("fast", "slow"):
            last = detector[f"pixels_{axis}"] - 1
            first = draw(st.integers(0, last))
            roi += [first, draw(st.integers(first, last))]
        sampling["roi"] = tuple(roi)
    config = Config(
        crystal=crystal,
        beam=beam,
        detector=detector,
        spindle=spindle,
        sampling=given_ones(sampling),
        background={"water_um": draw(st.sampled_from([0.0, 0.0, 0.0, 0.02]))},  # as bright as spots
        quirks=quirks,
    )
    note(config)
    return config


# ---- structure factors and scenes


@st.composite
def structure_factors(draw: st.DrawFn, centre: np.ndarray) -> StructureFactors:
    """Lists of anything from one reflection to a box of 15 x 12 x 13, often with holes.

    They lie around ``centre``, or half a box off, so that edges are met as well.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    extent = draw(st.sampled_from([(15, 12, 13), (9, 7, 6), (4, 4, 4), (1, 1, 1)]))
    low = [
        int(c) - e // 2 + draw(st.sampled_from([0, 0, e // 2]))
        for c, e in zip(centre, extent, strict=True)
    ]
    hkl = np.stack(np.mgrid[tuple(slice(n, n + e) for n, e in zip(low, extent, strict=True))], -1)
    hkl = hkl.reshape(-1, 3)
    keep = rng.random(len(hkl)) < draw(st.sampled_from([1.0, 1.0, 0.6]))
    keep[0] = True
    hkl = hkl[keep]
    amplitudes = np.round(100.0 * rng.random(len(hkl)), 2)
    return StructureFactors(hkl, amplitudes, default_F=draw(st.sampled_from([0.0, 7.0])))


def masked(scene: Scene, seed: int, kept: float = 0.7) -> Scene:
    """The scene behind a random mask."""
    panel = scene.panels[0]
    rng = np.random.default_rng(seed)
    mask = (rng.random((panel.pixels_slow, panel.pixels_fast)) < kept).astype(np.uint8)
    return scene.replaced(mask=mask)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Scenes over the whole feature space, with and without hkl lists and masks."""
    config = draw(configs())
    scene = build_scene(config)
    if draw(st.booleans()):
        panel = scene.panels[0]
        steps = oracle.breakdown(scene, panel.pixels_slow // 2, panel.pixels_fast // 2)
        scene = build_scene(config, draw(structure_factors(steps[0].hkl_rounded)))
    if draw(st.integers(0, 3)) == 0:
        scene = masked(scene, draw(st.integers(0, 1000)))
    return scene


def plain_config(**sections: dict[str, Any]) -> Config:
    """A small cubic case, with whole sections updated."""
    base: dict[str, dict[str, Any]] = {
        "crystal": {"cell_angstrom_deg": (100, 100, 100), "cells": 5, "default_F": 100.0},
        "beam": {"wavelength_angstrom": 6.2},
        "detector": {
            "pixels_fast": 24,
            "pixels_slow": 20,
            "pixel_mm": 1.6,
            "distance_mm": 100.0,
            "convention": "mosflm",
        },
        "sampling": {"oversample": 1},
    }
    return Config(
        **{name: {**base.get(name, {}), **sections.get(name, {})} for name in base | sections}
    )


def plain_scene(**sections: dict[str, Any]) -> Scene:
    return build_scene(plain_config(**sections))


def scene_of_one_spot(cells: int, **sections: dict[str, Any]) -> Scene:
    """A cubic crystal of 100 Angstrom that meets (-4 28 0) at 1 Angstrom, and six of its fringes.

    (2 28 ...)² - 200 * 4 = 0 puts the reflection on the Ewald sphere; it is seen along (24 7 0)/25.
    """
    crystal = {"cells": cells, **sections.pop("crystal", {})}
    scene = plain_scene(
        crystal=crystal,
        beam={"wavelength_angstrom": 1.0, **sections.pop("beam", {})},
        detector={"pixels_fast": 24, "pixels_slow": 24, "pixel_mm": 1e-3},
        **sections,
    )
    (panel,) = scene.panels
    size = 0.25e-3 / cells  # of 24: 6 times the reciprocal of the crystal's edge, at 0.1 m
    fast, slow = np.array([0.0, 0.0, 1.0]), np.array([-0.28, 0.96, 0.0])
    ahead = np.array([0.96, 0.28, 0.0])
    panel = dataclasses.replace(
        panel,
        origin=0.1 * ahead - 12.3 * size * (fast + slow),
        fast=fast,
        slow=slow,
        normal=ahead,
        pixel_size=size,
        close_distance=0.1,
    )
    return scene.replaced(panels=(panel,))


# ---- scenes on the brink


def _exact_bragg_peak() -> Scene:
    """One pixel at 90 degrees whose h, k, l are whole numbers to the last bit."""
    scene = plain_scene(
        detector={"pixels_fast": 1, "pixels_slow": 1, "pixel_mm": 0.1},
        crystal={"cells": (40, 30, 20)},
    )
    size = 2.0**-33  # m, about 1.16 Angstrom: multiplying by it is exact
    (panel,) = scene.panels
    panel = dataclasses.replace(
        panel,
        # the pixel's centre lies on the lab's y axis
        origin=np.array([-0.5, 0.0, -0.5]) * panel.pixel_size + np.array([0.0, 0.125, 0.0]),
        fast=np.array([1.0, 0.0, 0.0]),
        slow=np.array([0.0, 0.0, 1.0]),
        normal=np.array([0.0, 1.0, 0.0]),
        close_distance=0.125,
    )
    # s = (-1, 1, 0)/size
    cell = np.array([[-2.0, 1.0, 0.0], [0.0, 5.0, 3.0], [-1.0, -4.0, 7.0]]) * size
    return scene.replaced(
        panels=(panel,),
        incident=np.array([[1.0, 0.0, 0.0]]),
        wavelengths=np.array([size]),
        orientations=cell[np.newaxis, np.newaxis],
    )


def _half_way() -> Scene:
    """As the exact peak, with h, k and l exactly half way between reflections."""
    scene = _exact_bragg_peak()
    factors = StructureFactors(
        np.stack(np.mgrid[-1:4, -1:4, -3:3], -1).reshape(-1, 3),
        np.arange(1.0, 151.0),
        default_F=3.0,
    )
    return scene.replaced(
        orientations=scene.orientations * 0.5, cells=(1, 1, 1), hkl=factors.to_grid()
    )


def _beam_on_pixel_centre(**crystal: Any) -> Scene:
    """h = k = l = 0 in the middle pixel, where also psi is undefined."""
    return plain_scene(
        crystal=crystal,
        beam={"kahn_factor": 0.7},
        detector={
            "convention": "dials",
            "pixels_fast": 7,
            "pixels_slow": 7,
            "pivot": "beam",
            "xbeam_mm": 3.5 * 1.6,
            "ybeam_mm": 3.5 * 1.6,
        },
    )


def _two_theta(degrees: float) -> Scene:
    return plain_scene(
        detector={"convention": "xds", "twotheta_deg": degrees}, beam={"kahn_factor": -0.4}
    )


def _listed(offset: int, **crystal: Any) -> Scene:
    hkl = np.stack(np.mgrid[:4, :4, :4], -1).reshape(-1, 3)
    factors = StructureFactors(hkl + offset, np.arange(1.0, 65.0), default_F=2.0)
    return build_scene(plain_config(crystal=crystal), factors)


DEGENERATE: dict[str, Callable[[], Scene]] = {
    "exact Bragg peak": _exact_bragg_peak,
    "exactly between reflections": _half_way,
    "beam on a pixel centre": _beam_on_pixel_centre,
    "beam on a pixel centre, round": lambda: _beam_on_pixel_centre(shape="round"),
    "beam on a pixel centre, gauss": lambda: _beam_on_pixel_centre(shape="gauss"),
    "beam on a pixel centre, tophat": lambda: _beam_on_pixel_centre(shape="tophat"),
    "beam on a pixel centre, dmin": lambda: _beam_on_pixel_centre().replaced(dmin=30e-10),
    "two theta of 90 degrees": lambda: _two_theta(90.0),
    "back scattering": lambda: _two_theta(180.0),
    "two theta of 150 degrees": lambda: _two_theta(150.0),
    "one pixel": lambda: plain_scene(detector={"pixels_fast": 1, "pixels_slow": 1}),
    "one row": lambda: plain_scene(detector={"pixels_slow": 1, "pixels_fast": 200}),
    "one column": lambda: plain_scene(detector={"pixels_fast": 1, "pixels_slow": 200}),
    "one cell": lambda: plain_scene(crystal={"cells": 1}),
    "one cell, round": lambda: plain_scene(crystal={"cells": 1, "shape": "round"}),
    "a plate": lambda: plain_scene(crystal={"cells": (1, 40, 7)}),
    "a huge crystal": lambda: plain_scene(crystal={"cells": 10**6, "default_F": 1e-3}),
    "a huge round crystal": lambda: plain_scene(
        crystal={"cells": 10**6, "default_F": 1e-3, "shape": "round"}
    ),
    "a huge crystal on the beam": lambda: _beam_on_pixel_centre(cells=10**6, default_F=1e-3),
    "a huge gauss crystal on the beam": lambda: _beam_on_pixel_centre(
        cells=10**6, default_F=1e-3, shape="gauss"
    ),
    "a list far away": lambda: _listed(100_000),
    "a list far away, interpolated": lambda: _listed(-100_000, cells=1),
    "a list at the origin, interpolated": lambda: _listed(0, cells=1),
    "an empty list": lambda: build_scene(
        plain_config(), StructureFactors(np.empty((0, 3)), np.empty(0), default_F=5.0)
    ),
    "an empty list of nothing": lambda: build_scene(
        plain_config(), StructureFactors(np.empty((0, 3)), np.empty(0))
    ),
    "everything masked": lambda: masked(plain_scene(), 1, kept=0.0),
    "everything below dmin": lambda: plain_scene(
        sampling={"dmin_angstrom": 1e6}, background={"water_um": 10.0}
    ),
    "unpolarised beam along the polarization vector": lambda: plain_scene(
        detector={"convention": "custom", "normal_vector": (0, 0, 1), "fast_vector": (1, 0, 0)},
        beam={"direction": (0, 0, 1)},
    ),
    "grazing sensor": lambda: plain_scene(
        detector={
            "thickness_um": 500.0,
            "thickness_steps": 3,
            "attenuation_depth_um": 10.0,
            "distance_mm": 0.5,
            "pixel_mm": 20.0,
        }
    ),
}
"""Scenes at which naive arithmetic divides by zero, overflows or falls off a table."""

"""Faults to be injected into one side of an audit, and worlds to inject them into.

A fault of a setting changes the configuration or the scene and lets the kernel do the rest; a fault
of a program changes one formula and carries it on to the end of the chain; a fault of printing
changes a printed number alone.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nbcy.auditing.formulas import lattice_factor
from nbcy.auditing.hypotheses.turns import matrix_of, settings_of, standard_stars
from nbcy.base.cell import dual
from nbcy.base.vectors import rotate
from nbcy.config import Config
from nbcy.crystal.structure_factors import StructureFactors
from nbcy.kernel._kernel import KernelScene
from nbcy.render.building import build_scene
from nbcy.render.trace import Trace
from nbcy.render.vocabulary import FLAGGED, KEYS
from nbcy.scene.scene import Scene

Rng = np.random.Generator
Block = dict[str, tuple[float, ...]]


def _factors() -> StructureFactors:
    """A dense list with no two amplitudes alike, but for Friedel mates."""
    h, k, l = np.mgrid[-14:15, -14:15, -14:15].reshape(3, -1)  # noqa: E741
    F = 20.0 + 200.0 * (0.5 + 0.5 * np.sin(12.9898 * h + 78.233 * k + 37.719 * l + 0.3))
    return StructureFactors(np.stack([h, k, l], axis=1), np.round(F, 2), default_F=3.0)


FACTORS = _factors()


@dataclass(eq=False)
class World:
    """One experiment, right in every respect."""

    config: Config
    pixel: tuple[int, int]

    @cached_property
    def scene(self) -> Scene:
        return self.build(self.config)

    def build(self, config: Config, factors: StructureFactors | None = FACTORS) -> Scene:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return build_scene(config, factors)

    @cached_property
    def trace(self) -> Trace:
        return self.run(self.scene)

    def run(self, scene: Scene) -> Trace:
        return Trace.from_kernel(scene, *self.pixel, KernelScene(scene).trace(*self.pixel))

    def changed(self, values: dict[str, Any], factors: StructureFactors | None = FACTORS) -> Trace:
        return self.run(self.build(self.config.with_overrides(values), factors))

    def replaced(self, **fields: Any) -> Trace:
        return self.run(self.scene.replaced(**fields))


def draw_world(rng: Rng) -> World:
    """Draw an experiment: any convention, turned, with an oscillation, flux and polarization."""
    convention = str(rng.choice(["mosflm", "xds", "adxv", "dials", "custom"]))
    wavelength = round(float(rng.uniform(0.9, 1.6)), 4)
    detector: dict[str, Any] = {
        "pixels_fast": int(rng.integers(80, 140)),
        "pixels_slow": int(rng.integers(80, 140)),
        "pixel_mm": float(rng.choice([0.172, 0.1, 0.4, 0.8])),
        "convention": convention,
        "rotx_deg": round(float(rng.uniform(2.0, 6.0)), 2),
        "roty_deg": round(float(rng.uniform(-6.0, -2.0)), 2),
    }
    beam: dict[str, Any] = {
        "wavelength_angstrom": wavelength,
        "flux_photons_per_s": float(rng.choice([1e12, 3e13])),
        "exposure_s": float(rng.choice([0.1, 0.25])),
        "size_mm": float(rng.choice([0.05, 0.02])),
        "kahn_factor": float(rng.choice([0.0, 0.0, 0.93, -0.5])),
    }
    if convention == "custom":
        fast = np.array([0.999, -0.03, 0.02])
        slow = np.cross([0.02, 0.01, 1.0], fast)
        detector |= {"fast_vector": tuple(fast), "slow_vector": tuple(slow)}
        beam |= {"direction": (0.0005, 0.001, 1.0), "polarization_vector": (1.0, 0.0, 0.0)}
    extent = detector["pixel_mm"] * detector["pixels_fast"]
    detector |= {
        "distance_mm": round(extent * float(rng.uniform(0.8, 2.0)), 3),
        "xbeam_mm": round(extent * float(rng.uniform(0.3, 0.45)), 3),
        "ybeam_mm": round(extent * float(rng.uniform(0.55, 0.7)), 3),
    }
    if convention in ("xds", "dials"):
        detector |= {"orgx_px": 41.3, "orgy_px": 52.8}
    steps = int(rng.choice([1, 4, 6]))
    spindle: dict[str, Any] = {"phi_deg": float(rng.choice([0.0, 7.0]))}
    if steps > 1:
        spindle |= {"osc_deg": float(rng.choice([0.5, 0.9])), "steps": steps}
    config = Config(
        crystal={
            "cell_angstrom_deg": (31.0, 43.0, 37.0, 84.0, 97.0, 104.0),
            "misset_deg": tuple(round(float(x), 2) for x in rng.uniform(-60.0, 60.0, 3)),
            "cells": tuple(int(n) for n in rng.choice([5, 7, 8, 11, 14], 3, replace=False)),
        },
        beam=beam,
        detector=detector,
        spindle=spindle,
        sampling={"oversample": int(rng.choice([1, 1, 2])), "interpolate": False},
    )
    slow, fast = (int(n) for n in rng.integers(10, 70, 2))
    return World(config, (slow, fast))


# Forms in which a side may come ------------------------------------------------------------------


def as_log(
    trace: Trace,
    folder: Path,
    single: bool = False,
    digits: int = 15,
    kept: Collection[str] | None = None,
) -> Trace:
    """Print a trace and read it back without anything around it.

    In single precision, to few digits, or with the keys in ``kept`` alone, if asked.
    """
    path = folder / "side.log"
    lines = (rounded(trace) if single else trace).to_log().splitlines()
    printed = []
    for line in lines:
        prefix, key, *words = line.split()
        if kept is not None and key not in kept:
            continue
        if digits < 15 and prefix == "TRACE_NBCY:":
            words = [f"{float(word):.{digits}g}" for word in words]
        printed.append(" ".join([prefix, key, *words]))
    path.write_text("\n".join(printed) + "\n")
    bare = Trace.read(path)
    bare.facts.clear()
    bare.pixel = None
    return bare


def rounded(trace: Trace) -> Trace:
    """The trace with every number rounded to float32."""
    single = dataclasses.replace(
        trace, blocks=copy.deepcopy(trace.blocks), chain=dict(trace.chain), scene=None, steps=None
    )
    for block in (*single.blocks, single.chain):
        for name, values in block.items():
            if KEYS[name].kind == "real":
                block[name] = tuple(float(np.float32(x)) for x in values)
    return single


# Faults ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """A named fault: what it does to a world, and which names it may be given."""

    name: str
    inject: Callable[[World, Rng], Trace | None]
    named: frozenset[str]
    live: bool = False
    """Whether a log alone, without a list of structure factors and a report, does not tell it."""


FAULTS: dict[str, Fault] = {}


def fault(
    *named: str, live: bool = False
) -> Callable[[Callable[[World, Rng], Trace | None]], None]:
    def enter(inject: Callable[[World, Rng], Trace | None]) -> None:
        name = inject.__name__
        FAULTS[name] = Fault(name, inject, frozenset(named or (name,)), live)

    return enter


def carried_on(trace: Trace, start: str, value: Callable[[dict[str, Any]], Any]) -> Trace:
    """Change a key in every block and follow the chain from there (trace 1)."""
    wrong = dataclasses.replace(
        trace, blocks=copy.deepcopy(trace.blocks), chain=dict(trace.chain), scene=None, steps=None
    )
    wrong.facts = dict(trace.facts)
    cells = np.array(trace.facts["cells"].numbers)
    visible = trace.chain["steps"][0] == len(trace.blocks)
    names = list(KEYS)
    total = 0.0
    for block in wrong.blocks:
        get = {name: np.array(numbers) for name, numbers in block.items()}
        for name in names[names.index(start) :]:
            if name not in block:
                continue
            if name == start:
                new = value(get)
            elif name in GEOMETRY:
                new = GEOMETRY[name](get, block)
            elif name == "hkl_frac":
                rot = np.array([get[f"rot_{x}_angstroms"] for x in "abc"])
                new = rot @ get["scattering_vec_per_m"] * 1e-10
            elif name == "hkl_rounded":
                new = np.ceil(get["hkl_frac"] - 0.5) + 0.0
            elif name.startswith("F_latt_"):
                i = "abc".index(name[-1])
                line = np.zeros(3)
                line[0] = get["hkl_frac"][i]
                new = lattice_factor("square", np.array([cells[i], 1.0, 1.0]), line, 1.0)
            elif name == "F_latt":
                new = math.prod(float(get[f"F_latt_{x}"][0]) for x in "abc")
            elif name == "F_cell":
                new = look_up(get["hkl_rounded"])
            elif name == "scattering_vec_per_m":
                new = (get["diffracted_vec"] - get["incident_vec"]) / get["lambda_meters"]
            else:
                continue
            get[name] = np.atleast_1d(np.asarray(new, dtype=np.float64))
            block[name] = tuple(get[name].tolist())
        total += float(get["F_cell"][0] * get["F_latt"][0]) ** 2
    if visible and start not in wrong.chain:
        wrong.chain["I_before_scaling"] = (total,)
    if start in wrong.chain:
        wrong.chain[start] = (float(value({k: np.array(v) for k, v in wrong.chain.items()})),)
    if start != "I_pixel_final":
        wrong.chain["I_pixel_final"] = (wrong.chain_product(),)
    wrong.chain["floatimage_accumulated"] = (float(np.float32(wrong.chain["I_pixel_final"][0])),)
    return wrong


PLACE = "pixel_pos_meters"
GEOMETRY: dict[str, Callable[[dict[str, Any], Block], Any]] = {
    "R_distance_meters": lambda get, before: np.linalg.norm(get[PLACE]),
    "diffracted_vec": lambda get, before: get[PLACE] / get["R_distance_meters"],
}
"""What follows from a place on the detector, in a program that goes on from a wrong one."""


def look_up(hkl: np.ndarray) -> float:
    grid = FACTORS.to_grid() if "grid" not in _CACHE else _CACHE["grid"]
    _CACHE["grid"] = grid
    at = np.clip(
        hkl - np.array([grid.h_min, grid.k_min, grid.l_min]) + 1, 0, np.array(grid.data.shape) - 1
    )
    return float(grid.data[tuple(at.astype(int))])


_CACHE: dict[str, Any] = {}


def every_step_shown(world: World) -> bool:
    return world.trace.chain["steps"][0] == len(world.trace.blocks)


# Settings


@fault()
def fluence_default(w: World, rng: Rng) -> Trace:
    return w.changed({"beam.flux_photons_per_s": None})


@fault()
def fluence_unit(w: World, rng: Rng) -> Trace:
    return w.replaced(fluence=w.scene.fluence * 10.0 ** int(rng.choice([-6, -4, -2, 2, 4, 6])))


@fault()
def fluence_area(w: World, rng: Rng) -> Trace:
    return w.replaced(fluence=w.scene.fluence * float(rng.choice([math.pi / 4, 4 / math.pi])))


@fault()
def oversample(w: World, rng: Rng) -> Trace:
    return w.changed({"sampling.oversample": w.scene.oversample + int(rng.integers(1, 4))})


@fault()
def polar_off(w: World, rng: Rng) -> Trace:
    return w.changed({"beam.nopolar": True})


@fault()
def kahn(w: World, rng: Rng) -> Trace:
    other = [k for k in (0.0, 0.85, -0.3, 0.5) if k != w.scene.kahn_factor]
    return w.changed({"beam.kahn_factor": float(rng.choice(other))})


@fault()
def convention(w: World, rng: Rng) -> Trace | None:
    still = {"detector.rotx_deg": 0.0, "detector.roty_deg": 0.0}
    if w.config.detector.convention == "custom":
        return None
    w.config = w.config.with_overrides(still)
    for cached in ("scene", "trace"):
        w.__dict__.pop(cached, None)
    others = {"mosflm", "xds", "adxv"} - {w.config.detector.convention}
    if w.config.detector.convention == "dials":
        others -= {"xds"}
    return w.changed({"detector.convention": str(rng.choice(sorted(others)))})


def _moved(w: World, shift: np.ndarray) -> Trace:
    panel = w.scene.panels[0]
    origin = panel.origin + shift
    close = float(origin @ panel.normal)
    return w.replaced(panels=(dataclasses.replace(panel, origin=origin, close_distance=close),))


@fault()
def half_pixel(w: World, rng: Rng) -> Trace:
    panel = w.scene.panels[0]
    fast, slow = [(0.5, 0.0), (0.0, -0.5), (0.5, 0.5)][int(rng.integers(3))]
    return _moved(w, -panel.pixel_size * (fast * panel.fast + slow * panel.slow))


@fault()
def whole_pixel(w: World, rng: Rng) -> Trace:
    panel = w.scene.panels[0]
    fast, slow = [(1.0, 0.0), (0.0, -1.0), (1.0, 1.0)][int(rng.integers(3))]
    return _moved(w, -panel.pixel_size * (fast * panel.fast + slow * panel.slow))


@fault()
def beam_centre_swapped(w: World, rng: Rng) -> Trace:
    panel = w.scene.panels[0]
    fast, slow = -float(panel.origin @ panel.fast), -float(panel.origin @ panel.slow)
    return _moved(w, (fast - slow) * panel.fast + (slow - fast) * panel.slow)


@fault("beam_centre_default", "beam_centre")  # the detector's size is not always shown
def beam_centre_default(w: World, rng: Rng) -> Trace:
    panel = w.scene.panels[0]
    size = panel.pixel_size * np.array([panel.pixels_fast, panel.pixels_slow]) / 2.0
    fast, slow = float(panel.origin @ panel.fast), float(panel.origin @ panel.slow)
    return _moved(w, -(fast + size[0]) * panel.fast - (slow + size[1]) * panel.slow)


@fault()
def beam_centre(w: World, rng: Rng) -> Trace:
    panel = w.scene.panels[0]
    fast, slow = rng.uniform(2.1, 7.9, 2) * panel.pixel_size
    return _moved(w, fast * panel.fast + slow * panel.slow)


@fault()
def distance(w: World, rng: Rng) -> Trace:
    panel = w.scene.panels[0]
    return _moved(w, float(rng.uniform(0.01, 0.05)) * panel.close_distance * panel.normal)


@fault()
def close_ratio(w: World, rng: Rng) -> Trace:
    panel = w.scene.panels[0]
    ratio = float(panel.normal @ w.scene.beam)
    return _moved(w, (1.0 / ratio - 1.0) * panel.close_distance * panel.normal)


@fault()
def pivot(w: World, rng: Rng) -> Trace:
    panel = w.scene.panels[0]
    distance = panel.close_distance / float(panel.normal @ w.scene.beam)
    return _moved(w, distance * w.scene.beam - panel.close_distance * panel.normal)


@fault("detector_rotation")
def detector_rotation(w: World, rng: Rng) -> Trace:
    w.config = w.config.with_overrides({"detector.rotx_deg": 0.0, "detector.roty_deg": 0.0})
    for cached in ("scene", "trace"):
        w.__dict__.pop(cached, None)
    return w.changed({"detector.rotx_deg": float(rng.choice([5.0, -3.5, 12.0]))})


@fault("phi_carryover")
def phi_carryover(w: World, rng: Rng) -> Trace | None:
    if w.config.spindle.phi_deg != 0.0 or len(w.scene.phis) == 1:
        return None
    return w.changed({"quirks": ["phi_carryover"]})


@fault("phi_range", live=True)  # by the cell alone a step looks like carry-over
def phi_offset(w: World, rng: Rng) -> Trace:
    step = math.degrees(w.scene.sweeps["phi"].step) or 1.3
    return w.changed(
        {"spindle.phi_deg": w.config.spindle.phi_deg + float(rng.choice([0.5, 1.0])) * step}
    )


@fault("crystal_rotation", "misset")
def misset(w: World, rng: Rng) -> Trace:
    assert w.config.crystal.misset_deg is not None
    x, y, z = w.config.crystal.misset_deg
    return w.changed({"crystal.misset_deg": (x + 3.0, y, z - 2.0)})


@fault("axes_permuted")
def axes_permuted(w: World, rng: Rng) -> Trace:
    order = [(1, 0, 2), (2, 1, 0), (1, 2, 0)][int(rng.integers(3))]
    return w.replaced(
        orientations=np.ascontiguousarray(w.scene.orientations[:, :, list(order)]),
        reciprocal=w.scene.reciprocal[list(order)],
    )


def _recelled(w: World, reciprocal: np.ndarray) -> Trace:
    turn = w.scene.orientations @ np.linalg.inv(dual(w.scene.reciprocal))
    # rows are vectors: right-multiply by each step's rotation
    rotations = np.linalg.inv(dual(w.scene.reciprocal)) @ w.scene.orientations
    del turn
    return w.replaced(
        orientations=np.ascontiguousarray(dual(reciprocal) @ rotations), reciprocal=reciprocal
    )


@fault("matrix_transposed")
def matrix_transposed(w: World, rng: Rng) -> Trace | None:
    if w.config.spindle.phi_deg != 0.0:
        return None
    return _recelled(w, np.ascontiguousarray(w.scene.reciprocal.T))


@fault("matrix_wavelength")
def matrix_wavelength(w: World, rng: Rng) -> Trace:
    return _recelled(w, w.scene.reciprocal * (w.scene.wavelengths[0] * 1e10))


@fault("cell")
def cell(w: World, rng: Rng) -> Trace:
    a, b, c, *angles = w.config.crystal.cell_angstrom_deg
    return w.changed({"crystal.cell_angstrom_deg": (a * 1.01, b, c * 0.99, *angles)})


@fault("triclinic_cell")
def triclinic_cell(w: World, rng: Rng) -> Trace:
    return w.changed({"quirks": ["triclinic_cell"]})


@fault("cells")
def cells(w: World, rng: Rng) -> Trace:
    n = list(w.scene.cells)
    n[int(rng.integers(3))] += int(rng.choice([-1, 1]))
    return w.changed({"crystal.cells": n})


@fault("default_F")
def default_F(w: World, rng: Rng) -> Trace:
    return w.changed({"crystal.default_F": 0.0}, None)


@fault("interpolation", live=True)
def interpolation(w: World, rng: Rng) -> Trace:
    return w.changed({"sampling.interpolate": True})


@fault("amplitude_intensity")
def amplitude_intensity(w: World, rng: Rng) -> Trace:
    return w.changed({}, StructureFactors(FACTORS.hkl, FACTORS.F**2, 9.0))


@fault("point_pixel")
def point_pixel(w: World, rng: Rng) -> Trace:
    return w.changed({"detector.point_pixel": True})


@fault("energy_constant")
def energy_constant(w: World, rng: Rng) -> Trace:
    return w.replaced(
        wavelengths=w.scene.wavelengths * (float(rng.choice([12398.4, 12400.0])) / 12398.42)
    )


@fault("oversample_flag")
def oversample_flag(w: World, rng: Rng) -> Trace:
    name = str(rng.choice(["omega", "polar"]))
    return w.changed({f"sampling.oversample_{name}": True})


@fault("background")
def background(w: World, rng: Rng) -> Trace:
    return w.changed({"background.water_um": 500.0})


# Formulas


@fault("obliquity_off")
def obliquity_off(w: World, rng: Rng) -> Trace:
    wrong = carried_on(w.trace, "I_pixel_final", lambda chain: 0.0)
    for block in wrong.blocks:
        block["omega_pixel_sr"] = tuple(
            x / wrong.blocks[0]["obliquity_factor"][0] for x in block["omega_pixel_sr"]
        )
    wrong.chain["omega_pixel"] = wrong.blocks[0]["omega_pixel_sr"]
    return _finished(wrong)


def _finished(trace: Trace) -> Trace:
    trace.chain["I_pixel_final"] = (trace.chain_product(),)
    trace.chain["floatimage_accumulated"] = (float(np.float32(trace.chain["I_pixel_final"][0])),)
    return trace


@fault("hkl_rounding")
def hkl_rounding(w: World, rng: Rng) -> Trace | None:
    mode = [np.trunc, np.floor, np.ceil][int(rng.integers(3))]
    if not every_step_shown(w):
        return None
    return carried_on(w.trace, "hkl_rounded", lambda get: mode(get["hkl_frac"]) + 0.0)


@fault("unrotated_cell")
def unrotated_cell(w: World, rng: Rng) -> Trace | None:
    if not every_step_shown(w) or w.config.spindle.phi_deg == 0.0:
        return None

    def hkl(get: dict[str, Any]) -> Any:
        return (
            dual(np.array([get[f"rot_{x}_star_A_inv"] for x in "abc"]))
            @ get["scattering_vec_per_m"]
            * 1e-10
        )

    return carried_on(w.trace, "hkl_frac", hkl)


@fault("two_pi")
def two_pi(w: World, rng: Rng) -> Trace | None:
    if not every_step_shown(w):
        return None
    return carried_on(
        w.trace, "scattering_vec_per_m", lambda get: get["scattering_vec_per_m"] * 2.0 * math.pi
    )


@fault("vector_reversed")
def vector_reversed(w: World, rng: Rng) -> Trace | None:
    if not every_step_shown(w):
        return None
    return carried_on(w.trace, "scattering_vec_per_m", lambda get: -get["scattering_vec_per_m"])


@fault("other_reflection", live=True)
def other_reflection(w: World, rng: Rng) -> Trace | None:
    if not every_step_shown(w):
        return None
    wrong = carried_on(w.trace, "F_cell", lambda get: look_up(-get["hkl_rounded"]))
    return wrong if wrong["F_cell"] != w.trace["F_cell"] else None  # neither is on the list


@fault("lattice_product")
def lattice_product(w: World, rng: Rng) -> Trace | None:
    if not every_step_shown(w):
        return None
    return carried_on(w.trace, "F_latt", lambda get: get["F_latt_a"] * get["F_latt_b"])


@fault("power_of_factors")
def power_of_factors(w: World, rng: Rng) -> Trace | None:
    if not every_step_shown(w):
        return None
    F = np.array([block["F_cell"][0] for block in w.trace.blocks])
    L = np.array([block["F_latt"][0] for block in w.trace.blocks])
    return carried_on(w.trace, "I_before_scaling", lambda chain: float((F * L**2).sum()))


@fault("r_e_constant")
def r_e_constant(w: World, rng: Rng) -> Trace:
    radius = float(rng.choice([2.8179403262e-15, 2.818e-15, 2.82e-15]))
    wrong = carried_on(w.trace, "r_e_meters", lambda chain: radius)
    wrong.chain["r_e_sqr"] = (radius**2,)
    return _finished(wrong)


@fault("polar_formula")
def polar_formula(w: World, rng: Rng) -> Trace:
    d = np.array(w.trace.blocks[0]["diffracted_vec"])
    c = float(np.array(w.trace.blocks[0]["incident_vec"]) @ d)
    value = [c * c, 1.0 + c * c, 0.5 * (1.0 + c)][int(rng.integers(3))]
    return carried_on(w.trace, "polar", lambda chain: value)


@fault("steps_factor", live=True)
def steps_factor(w: World, rng: Rng) -> Trace | None:
    n = len(w.scene.phis)
    if n == 1:
        return None
    return carried_on(w.trace, "steps", lambda chain: chain["steps"][0] / n)


@fault("which_subpixel")
def which_subpixel(w: World, rng: Rng) -> Trace | None:
    if w.scene.oversample == 1:
        return None
    last = w.trace.blocks[-1]
    size = w.scene.panels[0].pixel_size
    omega = size**2 * last["close_distance_meters"][0] / last["R_distance_meters"][0] ** 3
    return carried_on(w.trace, "omega_pixel", lambda chain: omega)


@fault("chain_factor")
def chain_factor(w: World, rng: Rng) -> Trace:
    name = str(rng.choice(["polar", "omega_pixel"]))
    return carried_on(
        w.trace, "I_pixel_final", lambda chain: chain["I_pixel_final"][0] / chain[name][0]
    )


def _from_stars(w: World, stars: np.ndarray) -> Trace:
    """A crystal whose a*, b*, c* are these before the spindle turns it."""
    return _recelled(w, np.ascontiguousarray(stars))


def _turned(w: World, turn: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The cell with another misset: ``turn`` makes a matrix of the angles in degrees."""
    assert w.config.crystal.misset_deg is not None
    cell = w.config.crystal.cell_angstrom_deg
    assert cell is not None
    return standard_stars(cell) @ turn(np.array(w.config.crystal.misset_deg)).T


@fault("orientation_lost")
def orientation_lost(w: World, rng: Rng) -> Trace:
    cell = w.config.crystal.cell_angstrom_deg
    assert cell is not None
    settings = [stars for _, stars in settings_of(cell)]
    return _from_stars(w, settings[int(rng.integers(len(settings)))])


@fault("misset")
def misset_mistaken(w: World, rng: Rng) -> Trace:
    choice = int(rng.integers(3))
    turn = [
        lambda deg: matrix_of(deg),
        lambda deg: matrix_of(np.radians(deg), "zyx"),
        lambda deg: matrix_of(np.radians(deg) * [1.0, -1.0, 1.0]),
    ][choice]
    return _from_stars(w, _turned(w, turn))


@fault("misset", "orientation_transposed")
def orientation_transposed(w: World, rng: Rng) -> Trace:
    return _from_stars(w, _turned(w, lambda deg: matrix_of(np.radians(deg)).T))


@fault("phi_before_misset")
def phi_before_misset(w: World, rng: Rng) -> Trace | None:
    if w.config.spindle.phi_deg == 0.0:
        return None
    assert w.config.crystal.misset_deg is not None
    q = matrix_of(np.radians(w.config.crystal.misset_deg))
    rest = dual(w.scene.reciprocal)
    turns = np.linalg.inv(rest) @ w.scene.orientations  # row vectors: each step's rotation
    return w.replaced(orientations=np.ascontiguousarray(rest @ q @ turns @ q.T))


@fault("spindle")
def spindle(w: World, rng: Rng) -> Trace | None:
    if w.config.spindle.phi_deg == 0.0:
        return None
    axis = np.roll(w.scene.placement.spindle, 1) * float(rng.choice([1.0, -1.0]))
    rest = dual(w.scene.reciprocal) * 1e-10
    turned = np.array([[rotate(rest, axis, float(phi))] for phi in w.scene.phis])
    return w.replaced(orientations=np.ascontiguousarray(turned))


@fault("cell_and_orientation", "cell", "misset")
def cell_and_orientation(w: World, rng: Rng) -> Trace:
    assert w.config.crystal.misset_deg is not None
    x, y, z = w.config.crystal.misset_deg
    a, b, c, *angles = w.config.crystal.cell_angstrom_deg
    return w.changed(
        {
            "crystal.cell_angstrom_deg": (a * 1.01, b, c * 0.99, *angles),
            "crystal.misset_deg": (x + 3.0, y, z - 2.0),
        }
    )


@fault("detector_rotation")
def detector_degrees(w: World, rng: Rng) -> Trace:
    d = w.config.detector
    return w.changed(
        {
            "detector.rotx_deg": math.degrees(d.rotx_deg),
            "detector.roty_deg": math.degrees(d.roty_deg),
        }
    )


@fault("detector_rotation")
def detector_sign(w: World, rng: Rng) -> Trace:
    return w.changed({"detector.roty_deg": -w.config.detector.roty_deg})


@fault("not_normalised")
def not_normalised(w: World, rng: Rng) -> Trace | None:
    if not every_step_shown(w):
        return None
    key = str(rng.choice(["incident_vec", "fdet_vec"]))
    typed = np.round(np.array(w.trace.blocks[0][key]), 4)
    if abs(float(np.linalg.norm(typed)) - 1.0) < 1e-6:
        return None
    return carried_on(w.trace, key, lambda get: typed)


@fault("hkl_from_reciprocal")
def hkl_from_reciprocal(w: World, rng: Rng) -> Trace | None:
    if not every_step_shown(w):
        return None
    return carried_on(
        w.trace,
        "hkl_frac",
        lambda get: (
            np.array([get[f"rot_{x}_star_A_inv"] for x in "abc"])
            @ get["scattering_vec_per_m"]
            * 1e-10
        ),
    )


@fault("half_scattering")
def half_scattering(w: World, rng: Rng) -> Trace | None:
    if not every_step_shown(w):
        return None
    return carried_on(
        w.trace, "scattering_vec_per_m", lambda get: get["scattering_vec_per_m"] * 0.5
    )


@fault("sinc_formula")
def sinc_formula(w: World, rng: Rng) -> Trace | None:
    if not every_step_shown(w):
        return None
    n = w.scene.cells[0]
    return carried_on(w.trace, "F_latt_a", lambda get: get["F_latt_a"] / n)


@fault("scattering_formula")
def scattering_formula(w: World, rng: Rng) -> Trace | None:
    if not every_step_shown(w):
        return None
    return carried_on(
        w.trace, "scattering_vec_per_m", lambda get: get["diffracted_vec"] / get["lambda_meters"]
    )


@fault("hkl_order")
def hkl_order(w: World, rng: Rng) -> Trace | None:
    if not every_step_shown(w):
        return None
    return carried_on(w.trace, "hkl_frac", lambda get: get["hkl_frac"][[1, 0, 2]])


@fault("pixel_index")
def pixel_index(w: World, rng: Rng) -> Trace:
    return World(w.config, (w.pixel[1], w.pixel[0] + 3)).trace


@fault("pixel_corner")
def pixel_corner(w: World, rng: Rng) -> Trace:
    panel = w.scene.panels[0]
    shift = 0.5 / w.scene.oversample * panel.pixel_size * (panel.fast + panel.slow)
    return _printed(w, "pixel_pos_meters", lambda x: x - shift)


def _omega_times(w: World, factor: Callable[[Block], float]) -> Trace:
    wrong = carried_on(w.trace, "I_pixel_final", lambda chain: 0.0)
    scale = [factor(block) for block in w.trace.blocks]
    for block, x in zip(wrong.blocks, scale, strict=True):
        block["omega_pixel_sr"] = (block["omega_pixel_sr"][0] * x,)
    wrong.chain["omega_pixel"] = wrong.blocks[0]["omega_pixel_sr"]
    return _finished(wrong)


@fault("obliquity_beam")
def obliquity_beam(w: World, rng: Rng) -> Trace:
    def factor(block: Block) -> float:
        cosine = float(np.dot(block["incident_vec"], block["diffracted_vec"]))
        return cosine / w.trace.blocks[0]["obliquity_factor"][0] if cosine else 1.0

    first = factor(w.trace.blocks[0])
    return _omega_times(w, lambda block: first)


@fault("unit_slip")
def omega_unit(w: World, rng: Rng) -> Trace:
    return _omega_times(w, lambda block: 1e6)


@fault("unit_slip")
def r_e_unit(w: World, rng: Rng) -> Trace:
    wrong = carried_on(w.trace, "r_e_sqr", lambda chain: chain["r_e_sqr"][0] * 1e4)
    return _finished(wrong)


@fault("fluence_area")
def fluence_radius(w: World, rng: Rng) -> Trace:
    return w.replaced(fluence=w.scene.fluence * float(rng.choice([4.0, 0.25])))


@fault("default_F_squared", "power_of_factors")
def default_F_squared(w: World, rng: Rng) -> Trace | None:
    F = w.trace.blocks[-1]["F_cell"][0]
    if not every_step_shown(w) or len(w.trace.blocks) > 1:
        return None
    return carried_on(
        w.trace, "I_before_scaling", lambda chain: chain["I_before_scaling"][0] * F * F
    )


@fault("one_step_printed", "which_steps")
def one_step_printed(w: World, rng: Rng) -> Trace | None:
    if w.scene.oversample > 1 or len(w.scene.phis) == 1:
        return None
    block = w.trace.blocks[0]
    one = (block["F_cell"][0] * block["F_latt"][0]) ** 2
    wrong = _printed(w, "I_before_scaling", lambda x: np.array([one]))
    wrong.facts = {}
    return wrong


@fault("obliquity_twice")
def obliquity_twice(w: World, rng: Rng) -> Trace:
    factor = w.trace.blocks[0]["obliquity_factor"][0]
    return _omega_times(w, lambda block: factor)


@fault("subpixel_omega")
def subpixel_omega(w: World, rng: Rng) -> Trace:
    return _omega_times(w, lambda block: 0.25)


@fault("plane_distance")
def plane_distance(w: World, rng: Rng) -> Trace:
    close = w.trace.blocks[0]["close_distance_meters"][0]
    return _printed(w, "R_distance_meters", lambda x: np.array([close]))


@fault("r_e_power")
def r_e_power(w: World, rng: Rng) -> Trace:
    return _finished(carried_on(w.trace, "r_e_sqr", lambda chain: chain["r_e_meters"][0]))


@fault("origin_unit")
def origin_unit(w: World, rng: Rng) -> Trace:
    return _moved(w, 999.0 * w.scene.panels[0].origin)


@fault("beam_centre_flipped", "beam_centre")
def beam_centre_flipped(w: World, rng: Rng) -> Trace:
    panel = w.scene.panels[0]
    size = panel.pixel_size * panel.pixels_fast
    return _moved(w, (-size - 2.0 * float(panel.origin @ panel.fast)) * panel.fast)


@fault("sensor", "capture_off", live=True)  # where the layers lie stands in no bare log
def sensor(w: World, rng: Rng) -> Trace:
    thick = {"detector.thickness_um": 450.0, "detector.attenuation_depth_um": 300.0}
    return w.changed(thick)


@fault("float_rounding")
def float_rounding(w: World, rng: Rng) -> Trace:
    return _printed(w, "floatimage_accumulated", lambda x: np.floor(x + 0.5))


@fault("fluence_photons", "fluence_unit", "fluence_area", live=True)
def fluence_photons(w: World, rng: Rng) -> Trace:
    assert w.config.beam.exposure_s is not None
    return w.replaced(fluence=w.scene.fluence / w.config.beam.exposure_s)


@fault("ghost_source")
def ghost_source(w: World, rng: Rng) -> Trace:
    return _printed(w, "incident_vec", lambda x: 0.0 * x)


@fault("axis_flipped")
def axis_flipped(w: World, rng: Rng) -> Trace:
    panel = w.scene.panels[0]
    return w.replaced(panels=(dataclasses.replace(panel, slow=-panel.slow),))


@fault("beam_reversed", "convention")
def beam_reversed(w: World, rng: Rng) -> Trace | None:
    if not every_step_shown(w):
        return None
    return carried_on(w.trace, "incident_vec", lambda get: -get["incident_vec"])


@fault("phi_step", live=True)
def phi_step(w: World, rng: Rng) -> Trace | None:
    if len(w.scene.phis) == 1 or w.config.spindle.phi_deg == 0.0:
        return None
    half = float(w.scene.phis[1] - w.scene.phis[0]) / 2.0
    axis = w.scene.placement.spindle
    return w.replaced(orientations=np.ascontiguousarray(rotate(w.scene.orientations, axis, half)))


@fault("pixel_size", "beam_centre")
def pixel_size(w: World, rng: Rng) -> Trace:
    assert w.config.detector.pixel_mm is not None
    return w.changed({"detector.pixel_mm": w.config.detector.pixel_mm * 1.01})


@fault("shape", live=True)
def shape(w: World, rng: Rng) -> Trace:
    return w.changed({"crystal.shape": str(rng.choice(["gauss", "round"]))})


@fault("exposure", live=True)
def exposure(w: World, rng: Rng) -> Trace:
    return w.changed({"beam.exposure_s": 0.7})


@fault("wavelength", live=True)
def wavelength(w: World, rng: Rng) -> Trace:
    return w.changed({"beam.wavelength_angstrom": 1.2345})


@fault("polarization_vector", live=True)
def polarization_vector(w: World, rng: Rng) -> Trace | None:
    if w.config.beam.kahn_factor == 0.0 or w.scene.placement.convention not in ("mosflm", "custom"):
        return None  # a vector that is given makes the convention "custom", which moves the axes
    return w.changed(
        {"beam.polarization_vector": tuple(np.cross(w.scene.beam, w.scene.polarization))}
    )


@fault("mosaic_spread", live=True)
def mosaic_spread(w: World, rng: Rng) -> Trace:
    return w.changed({"crystal.mosaic_spread_deg": 0.5, "crystal.mosaic_domains": 4})


# Printing


def _printed(w: World, key: str, change: Callable[[np.ndarray], Any]) -> Trace:
    wrong = dataclasses.replace(
        w.trace,
        blocks=copy.deepcopy(w.trace.blocks),
        chain=dict(w.trace.chain),
        scene=None,
        steps=None,
    )
    for home in (*wrong.blocks, wrong.chain):
        if key in home:
            home[key] = tuple(np.atleast_1d(change(np.array(home[key]))).tolist())
    return wrong


@fault("factor_inside")
def factor_inside(w: World, rng: Rng) -> Trace | None:
    name = str(rng.choice(["polar", "omega_pixel"]))
    factor = w.trace.chain[name][0]
    return _printed(w, "I_before_scaling", lambda x: x * factor)


@fault("sinc_sign")
def sinc_sign(w: World, rng: Rng) -> Trace:
    wrong = _printed(w, "F_latt_b", lambda x: -x)
    for block in wrong.blocks:
        block["F_latt"] = (-block["F_latt"][0],)
    return wrong


@fault("rotated_star")
def rotated_star(w: World, rng: Rng) -> Trace | None:
    if w.config.spindle.phi_deg == 0.0:
        return None
    wrong = _printed(w, "cos_2theta", lambda x: x)
    for block in wrong.blocks:
        stars = dual(np.array([block[f"rot_{x}_angstroms"] for x in "abc"]))
        for x, star in zip("abc", stars, strict=True):
            block[f"rot_{x}_star_A_inv"] = tuple(star.tolist())
    return wrong


@fault("unit_slip")
def unit_slip(w: World, rng: Rng) -> Trace:
    key, factor = [
        ("lambda_angstroms", 0.1),
        ("scattering_vec_per_m", 1e-10),
        ("R_distance_meters", 1e3),
    ][int(rng.integers(3))]
    return _printed(w, key, lambda x: x * factor)


@fault("cos_2theta_form")
def cos_2theta_form(w: World, rng: Rng) -> Trace:
    form = [np.arccos, lambda x: np.degrees(np.arccos(x)), np.negative][int(rng.integers(3))]
    return _printed(w, "cos_2theta", form)


def perturbed(trace: Trace, key: str, rng: Rng) -> Trace:
    """The trace with one number of one key changed, in one block, by 0.1 to 10 %."""
    wrong = dataclasses.replace(
        trace, blocks=copy.deepcopy(trace.blocks), chain=dict(trace.chain), scene=None, steps=None
    )
    homes = [home for home in (*wrong.blocks, wrong.chain) if key in home]
    home = homes[int(rng.integers(len(homes)))]
    values = list(home[key])
    i = int(rng.integers(len(values)))
    if KEYS[key].kind == "flag":
        values[i] = 1.0 - values[i]
    elif KEYS[key].kind == "integer":
        values[i] += (
            float(rng.choice([-1.0, 1.0, 2.0])) if key != "steps" else float(rng.choice([1.0, 2.0]))
        )
    else:
        size = math.hypot(*values) or 1.0
        values[i] += (
            float(rng.choice([1e-3, 1e-2, 0.1, -1e-3, -0.03])) * size * float(rng.uniform(0.8, 1.2))
        )
    home[key] = tuple(values)
    return wrong


__all__ = ["FAULTS", "FLAGGED", "Fault", "World", "as_log", "draw_world", "perturbed", "rounded"]

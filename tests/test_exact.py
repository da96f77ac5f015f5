"""Exact averages (docs/averages.md) against brute force, their limits, and what they refuse."""

import math

import exact_oracle
import numpy as np
import pytest

import nbcy
from nbcy.base.errors import ConfigError
from nbcy.kernel._kernel import KernelScene, available_isas

pytestmark = pytest.mark.filterwarnings("ignore::nbcy.NbcyWarning")

DEGREE = math.pi / 180

# physics: photons of node (-1 2 2) alone, by brute force over the rotation vector and the energy
TABLE = {
    (0.0, 0.0): (46.60761206,),
    (0.05, 0.0): (43.493115, 0.019422331, 2.1899491e-19),
    (0.2, 0.0): (21.573332, 0.035150902, 1.0634281e-11),
    (1.0, 0.0): (1.5404352, 0.0063991188, 2.4030367e-07),
    (0.05, 0.2): (39.728892, 0.046038462, 1.0131915e-18),
    (0.2, 0.5): (15.148548, 0.42539812, 3.2052937e-09),
}
PIXELS = ((111, 186), (111, 187), (112, 188))
NODE = (-1, 2, 2)


def config(crystal=(), beam=(), spindle=(), **sampling):
    """A low-order spot of a small crystal."""
    crystal = {
        "cell_angstrom_deg": (78, 78, 38),
        "misset_deg": (10, 20, 30),
        "cells": 30,
        "shape": "gauss",
        "mosaic_model": "gaussian",
    } | dict(crystal)
    return nbcy.Config(
        crystal=nbcy.Crystal(**crystal),
        beam=nbcy.Beam(fluence_photons_per_m2=1e24, wavelength_angstrom=1.0, **dict(beam)),
        detector=nbcy.Detector(
            distance_mm=100, pixels_fast=256, pixels_slow=256, pixel_mm=0.1, convention="mosflm"
        ),
        spindle=nbcy.Spindle(**dict(spindle)),
        sampling=nbcy.Sampling(**({"oversample": 1, "average": "exact"} | sampling)),
    )


@pytest.fixture
def one_node(tmp_path):
    """A list of one reflection."""
    path = tmp_path / "one.hkl"
    path.write_text("{} {} {} 100\n".format(*NODE))
    return {"hkl_file": str(path)}


def scene_of(made):
    return nbcy.Simulator(made).scene


def doubles(scene, isa=None, roi=None):
    return KernelScene(scene).render(dtype=np.float64, isa=isa, roi=roi)[0]


def across(scene):
    """Unit vectors along which the beam diverges."""
    incident = scene.incident[0]
    side = np.cross(scene.geometry.frame.vert, incident)
    return side, np.cross(incident, side)


def brute_force(scene, pixel, widths):
    return exact_oracle.photons(scene, *pixel, NODE, 100.0, widths, across(scene))


@pytest.mark.parametrize("widths", TABLE)
def test_pixels_are_those_of_brute_force(one_node, widths):
    mosaic, energy = widths
    scene = scene_of(
        config(one_node | {"mosaic_spread_deg": mosaic}, {"energy_spread_percent": energy})
    )
    image = doubles(scene)
    for pixel, photons in zip(PIXELS, TABLE[widths], strict=False):
        assert image[pixel] == pytest.approx(photons, rel=1e-5)


@pytest.mark.parametrize("widths", [(0.2, 0.0), (0.05, 0.2)])
def test_oracle_has_the_digits_of_the_table(one_node, widths):
    mosaic, energy = widths
    scene = scene_of(config(one_node))
    exact = exact_oracle.Widths(mosaic * DEGREE, energy / 100)
    for pixel, photons in zip(PIXELS, TABLE[widths], strict=True):
        assert brute_force(scene, pixel, exact) == pytest.approx(photons, rel=2e-7)


@pytest.mark.parametrize(
    ("mosaic", "energy", "h", "v", "frame", "bound"),
    [
        (2.0, 1.0, 0, 0, 0, 1e-4),
        (0.0, 0.0, 2, 1, 0, 1e-4),
        (0.1, 0.0, 0, 0, 0.5, 2e-4),
        (0.0, 0.0, 0, 0, 1.0, 2e-4),
    ],
)
def test_widths_up_to_the_largest_meet_the_bound(one_node, mosaic, energy, h, v, frame, bound):
    scene = scene_of(
        config(
            one_node | {"mosaic_spread_deg": mosaic},
            {"energy_spread_percent": energy, "hdiv_sigma_mrad": h, "vdiv_sigma_mrad": v},
            {"osc_deg": frame} if frame else {},
        )
    )
    widths = exact_oracle.Widths(mosaic * DEGREE, energy / 100, h / 1000, v / 1000, frame * DEGREE)
    image = doubles(scene, roi=(184, 188, 110, 112))
    for pixel in PIXELS[:2]:
        assert image[pixel] == pytest.approx(brute_force(scene, pixel, widths), rel=bound)


def test_builds_agree(one_node):
    scene = scene_of(
        config(
            {"mosaic_spread_deg": 0.3, "default_F": 50.0},
            {"energy_spread_percent": 0.3},
            {"osc_deg": 0.4},
            cutoff_photons=1e-12,
        )
    )
    roi = (170, 201, 100, 131)
    images = [doubles(scene, isa, roi) for isa in available_isas()]
    for image in images[1:]:
        assert image == pytest.approx(images[0], rel=1e-10, abs=1e-12)
    slow, fast = np.unravel_index(np.argmax(images[-1]), images[-1].shape)
    trace = KernelScene(scene).trace(slow, fast)
    assert trace["I_pixel_final"] == pytest.approx(images[-1][slow, fast], rel=1e-10)


def test_trace_tells_where_most_comes_from(one_node):
    scene = scene_of(config(one_node | {"mosaic_spread_deg": 0.2}, {"energy_spread_percent": 0.3}))
    trace = KernelScene(scene).trace(*PIXELS[0])
    assert tuple(trace["hkl_rounded"].reshape(3)) == NODE
    rotation, width = (trace[f"{name}_rotation"].reshape(3) for name in ("likeliest", "width"))
    energy = trace["likeliest_energy"].item()
    turned = exact_oracle.rotations(rotation[np.newaxis])[0].T @ trace["scattering"].reshape(3)
    hkl = exact_oracle.oracle_real(scene) @ turned * (1 + energy)
    before = trace["hkl_frac"].reshape(3)
    assert np.linalg.norm(hkl - NODE) < np.linalg.norm(before - NODE)
    assert (width > 0.0).all()
    assert (width <= 0.2 * DEGREE * (1 + 1e-6)).all()
    assert 0.0 < trace["probability"].item() < 1.0


def test_no_width_is_one_domain(one_node):
    exact = doubles(scene_of(config(one_node)))
    sampled = doubles(scene_of(config(one_node, average="sampled")))
    # nearest-node sampling ends half-way to the next node, where this crystal has nothing
    assert exact == pytest.approx(sampled, rel=1e-11, abs=1e-29)


@pytest.mark.parametrize("anisotropic", [False, True])
def test_sampled_domains_converge_to_it(anisotropic):
    spread = {"mosaic_spread_deg": (0.1, 0.5, 0.25)} if anisotropic else {"mosaic_spread_deg": 0.3}
    spindle, crystal = {"phi_deg": 20.0}, {"default_F": 100.0} | spread
    scene = scene_of(config(crystal, spindle=spindle, cutoff_photons=1e-6))
    image = doubles(scene)
    slow, fast = np.unravel_index(np.argmax(image), image.shape)
    roi = (max(fast - 4, 0), min(fast + 4, 255), max(slow - 4, 0), min(slow + 4, 255))
    exact = doubles(scene, roi=roi)
    errors = []
    for count in (300, 20000):
        many = crystal | {"mosaic_domains": count}
        sampled = doubles(scene_of(config(many, spindle=spindle, average="sampled")), roi=roi)
        errors.append(abs(sampled - exact).sum() / exact.sum())
    assert errors[1] < 0.02
    assert errors[1] < 0.3 * errors[0]


def test_integral_over_a_rocking_does_not_depend_on_the_spread(one_node):
    frame = {"phi_deg": -5.0, "osc_deg": 10.0}
    totals = [
        doubles(
            scene_of(config(one_node | {"mosaic_spread_deg": spread}, spindle=frame, oversample=6)),
            roi=(175, 195, 100, 125),
        ).sum()
        for spread in (0.02, 0.3)
    ]
    # of a wide spread, some rotates about the spindle less and some more: second order in it
    assert totals[1] == pytest.approx(totals[0], rel=1e-3)


def test_energy_and_spindle_join_with_the_beam_sampled(one_node):
    """Two wavelengths with a width each: the mean of two images."""
    beam = {"energy_spread_percent": 0.2, "dispersion_percent": 1.0, "dispersion_steps": 2}
    both = scene_of(config(one_node | {"mosaic_spread_deg": 0.3}, beam))
    image = doubles(both)
    parts = []
    for wavelength in both.wavelengths * 1e10:
        made = config(one_node | {"mosaic_spread_deg": 0.3}, {"energy_spread_percent": 0.2})
        alone = made.replace(
            beam=made.beam.replace(wavelength_angstrom=float(wavelength)),
        )
        parts.append(doubles(scene_of(alone)))
    bright = image > 1e-6 * image.max()
    assert image[bright] == pytest.approx(np.mean(parts, axis=0)[bright], rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"crystal": {"shape": "square"}}, "sampling.average"),
        (
            {"crystal": {"mosaic_model": "cap", "mosaic_spread_deg": 0.5}},
            "sampling.average",
        ),
        ({"interpolate": True}, "sampling.average"),
        ({"beam": {"energy_spread_percent": 4.0}}, "beam.energy_spread_percent"),
        (
            {"beam": {"energy_spread_percent": 1.0}, "average": "sampled"},
            "beam.energy_spread_percent",
        ),
        (
            {"beam": {"hdiv_sigma_mrad": 1.0}, "average": "sampled"},
            "beam.hdiv_sigma_mrad",
        ),
    ],
)
def test_what_has_no_closed_form_is_refused(changes, field):
    changes = {"crystal": {}} | changes
    changes["crystal"] = {"default_F": 1.0} | changes["crystal"]
    with pytest.raises(ConfigError, match=field):
        scene_of(config(**changes))

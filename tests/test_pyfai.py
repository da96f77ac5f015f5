"""Solid angle and polarization against pyFAI, an independent program, on the same geometry."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from nbcy import Config, Simulator

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    integrator = pytest.importorskip("pyFAI.integrator.azimuthal")

F, FLUENCE = 100.0, 1e30
R_E = 2.8179403262e-15  # m, CODATA
TOLERANCE = 2e-6  # float32 pixels; r_e² is known to 7 digits in the kernel


def render(twotheta, **beam):
    """One unit cell scatters F² everywhere: pixels are solid angle times polarization."""
    config = Config(
        crystal={"cell_angstrom_deg": (10,), "cells": 1, "default_F": F},
        beam={"wavelength_angstrom": 1.3, "fluence_photons_per_m2": FLUENCE, **beam},
        detector={
            "pixels_fast": 70,
            "pixels_slow": 90,
            "pixel_mm": 1.5,
            "close_distance_mm": 80,
            "orgx_px": 20.3,
            "orgy_px": 51.7,
            "roty_deg": twotheta,
            "pivot": "sample",
        },
        sampling={"oversample": 1, "interpolate": False},
    )
    simulator = Simulator(config)
    return simulator.scene, simulator.run().pixels.astype(np.float64)


def geometry(scene, twotheta):
    """The same detector for pyFAI, whose axes are slow and fast, and whose turns left-handed."""
    placement, panel = scene.placement, scene.panels[0]
    return integrator.AzimuthalIntegrator(
        dist=placement.close_distance,
        poni1=placement.sclose,
        poni2=placement.fclose,
        rot1=-math.radians(twotheta),
        pixel1=panel.pixel_size,
        pixel2=panel.pixel_size,
        wavelength=1.3e-10,
    )


@pytest.mark.parametrize("twotheta", [0, 25, -40])
def test_solid_angle(twotheta):
    scene, pixels = render(twotheta, nopolar=True)
    panel = scene.panels[0]
    ai = geometry(scene, twotheta)
    scale = (panel.pixel_size / panel.close_distance) ** 2
    expected = scale * ai.solidAngleArray(panel.shape)
    found = pixels / (F**2 * R_E**2 * FLUENCE)
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE)
    assert np.ptp(expected) > 0.3 * expected.max()


@pytest.mark.parametrize("twotheta", [0, 25, -40])
@pytest.mark.parametrize("kahn", [0.0, 0.95, -0.6])
def test_polarization(twotheta, kahn):
    scene, pixels = render(twotheta, kahn_factor=kahn)
    _, unpolarized = render(twotheta, nopolar=True)
    # mosflm's electric field is along the fast axis, pyFAI's factor 1 horizontal.
    expected = geometry(scene, twotheta).polarization(scene.panels[0].shape, kahn)
    np.testing.assert_allclose(pixels / unpolarized, expected, rtol=TOLERANCE)
    assert np.ptp(expected) > 0.2


@pytest.mark.parametrize("twotheta", [0, 25, -40])
def test_scattering_angle(twotheta):
    scene, _ = render(twotheta)
    (panel,) = scene.panels
    slow, fast = np.mgrid[0.5 : panel.pixels_slow, 0.5 : panel.pixels_fast]
    points = panel.origin + panel.pixel_size * (
        fast[..., np.newaxis] * panel.fast + slow[..., np.newaxis] * panel.slow
    )
    cosine = points @ scene.beam / np.linalg.norm(points, axis=-1)
    expected = geometry(scene, twotheta).twoThetaArray(panel.shape)
    np.testing.assert_allclose(np.arccos(cosine), expected, rtol=0, atol=1e-7)

"""Wavelength, fluence, default sampling and sources (physics 3 to 5)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbcy.base.choices import Ledger
from nbcy.base.constants import DEFAULT_FLUENCE, R_E_SQR
from nbcy.base.errors import ConfigError
from nbcy.base.vectors import dot, norm
from nbcy.config import Config
from nbcy.scene.beam import (
    SourceList,
    Sweep,
    grid_sources,
    listed_sources,
    resolve_fluence,
    resolve_sweep,
    resolve_wavelength,
)

X, Y, Z = np.eye(3)
ONE = Sweep(0.0, 0.0, 1)
EPS = np.finfo(float).eps

steps = st.integers(1, 5)
widths = st.floats(1e-5, 0.05)


def sweep(range_=None, step=None, count=None, **rules) -> Sweep:
    rules = {"slices": False, "lone_range": 1.0, **rules}
    return resolve_sweep(
        "beam.hdiv", "beam.hdiv_steps", "rad", range_, step, count, Ledger(), **rules
    )


def posts(width: float, count: int) -> Sweep:
    return sweep(width, None, count) if count > 1 else ONE


def lay_out(
    hdiv: Sweep = ONE, vdiv: Sweep = ONE, dispersion: Sweep = ONE, is_round: bool = False
) -> SourceList:
    return grid_sources(X, Z, -Y, 1e-10, hdiv, vdiv, dispersion, is_round)


# Default sampling


@pytest.mark.parametrize(
    ("given_parts", "expected"),
    [
        # range, step, count -> range, step, count (physics 4.1)
        ((None, None, None), (0.0, 0.0, 1)),
        ((None, 0.5, None), (0.5, 0.5, 2)),
        ((2.0, None, None), (2.0, 2.0, 2)),
        ((2.0, 0.3, None), (2.0, 0.3, 7)),
        ((None, None, 4), (1.0, 0.25, 4)),
        ((None, 0.5, 4), (0.5, 0.5, 2)),
        ((2.0, None, 5), (2.0, 0.5, 5)),
        ((2.0, None, 1), (2.0, 2.0, 2)),
        ((2.0, 0.3, 3), (2.0, 0.3, 3)),
        ((0.0, None, None), (0.0, 0.0, 1)),
        ((0.0, 0.5, 3), (0.0, 0.0, 1)),
        ((2.0, 0.0, 3), (2.0, 1.0, 3)),
    ],
)
def test_divergence_rules(given_parts, expected):
    assert sweep(*given_parts) == Sweep(*expected)


@pytest.mark.parametrize(
    ("given_parts", "expected"),
    [
        ((None, None, None), (0.0, 0.0, 1)),
        ((None, 0.5, None), (0.5, 0.5, 2)),
        ((2.0, None, None), (2.0, 1.0, 2)),
        ((2.0, 0.3, None), (2.0, 0.3, 7)),
        ((None, None, 4), (0.25, 0.0625, 4)),
        ((2.0, None, 5), (2.0, 0.4, 5)),
        ((2.0, None, 1), (2.0, 2.0, 1)),
        ((2.0, 0.3, 3), (2.0, 0.3, 3)),
        ((0.0, None, 3), (0.0, 0.0, 3)),
        ((0.0, 0.5, None), (0.0, 0.5, 1)),
    ],
)
def test_spindle_rules(given_parts, expected):
    assert sweep(*given_parts, slices=True, lone_range=0.25, may_rest=True) == Sweep(*expected)


def test_a_count_alone_can_mean_one_step():
    assert sweep(count=7, lone_range=0.0) == ONE


def test_sweep_records_what_it_did():
    ledger = Ledger()
    resolve_sweep("s", "s_steps", "rad", None, 0.5, 4, ledger, slices=False, lone_range=1.0)
    assert ledger.choices["s"].origin == "derived"
    assert "s_steps = 4 is not used: 2 steps" in ledger.notes[0]
    resolve_sweep("t", "t_steps", "rad", 1.0, 0.5, 4, ledger, slices=False, lone_range=1.0)
    assert ledger.choices["t"].origin == "given"
    resolve_sweep("u", "u_steps", "rad", None, None, None, ledger, slices=False, lone_range=1.0)
    assert ledger.choices["u"].origin == "default"
    assert len(ledger.notes) == 1


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((1.0, 1e-9, None), "at most"),
        ((1.0, 1e-320, None), "at most"),
        ((1.0, None, 10**8), "at most"),
    ],
)
def test_impossible_sweeps(parts, words):
    with pytest.raises(ConfigError, match=words):
        sweep(*parts)


# Wavelength and fluence


def test_wavelength():
    def resolve(fields: dict[str, object]) -> float:
        return resolve_wavelength(Config().with_overrides(fields), Ledger())

    assert resolve({}) == 1e-10
    assert resolve({"beam.wavelength_angstrom": 0.9768}) == 0.9768 / 1e10
    assert resolve({"beam.energy_ev": 12398.42}) == 1e-10


def test_fluence():
    def resolve(fields: dict[str, object]) -> tuple[float, Ledger]:
        ledger = Ledger()
        return resolve_fluence(Config().with_overrides(fields), ledger), ledger

    # The default has 15 digits or so.
    assert resolve({})[0] * R_E_SQR == pytest.approx(1.0, rel=1e-14)
    assert resolve({"beam.fluence_photons_per_m2": 5e20})[0] == 5e20
    flux = {"beam.flux_photons_per_s": 1e12}
    assert resolve(flux)[0] == pytest.approx(1e12 / (1e-4) ** 2, rel=4 * EPS)
    full = {**flux, "beam.exposure_s": 0.1, "beam.size_mm": 0.05}
    assert resolve(full)[0] == pytest.approx(4e19, rel=4 * EPS)
    fluence, ledger = resolve({**flux, "beam.fluence_photons_per_m2": 5.0})
    assert fluence > 1e19
    assert "fluence_photons_per_m2 = 5" in ledger.notes[0]
    fluence, ledger = resolve({**flux, "beam.exposure_s": 0.0})
    assert fluence == DEFAULT_FLUENCE
    assert "exposure" in ledger.notes[0]
    with pytest.raises(ConfigError, match="infinite"):
        resolve({**flux, "beam.size_mm": 1e-160})


# Sources on a grid


@given(
    h=st.tuples(widths, steps),
    v=st.tuples(widths, steps),
    dispersion=st.tuples(widths, steps),
    is_round=st.booleans(),
)
def test_grid_sources(h, v, dispersion, is_round):
    listed = lay_out(posts(*h), posts(*v), posts(*dispersion), is_round)
    n = len(listed.wavelengths)
    assert listed.weights.sum() == pytest.approx(1.0, abs=n * EPS)
    np.testing.assert_allclose(norm(listed.incident), 1.0, atol=4 * EPS)
    np.testing.assert_allclose(norm(listed.positions), 10.0, rtol=16 * EPS)
    # Samples stand symmetrically around the beam and the central wavelength.
    np.testing.assert_allclose(listed.wavelengths.mean(), 1e-10, rtol=8 * EPS)
    np.testing.assert_allclose(listed.deviations.mean(axis=0), 0.0, atol=8 * EPS)
    assert len(listed.deviations) * posts(*dispersion).count == n
    # No direction is farther from the beam than both deviations together.
    off = np.arccos(np.clip(dot(listed.incident, X), -1.0, 1.0))
    assert off.max() <= np.abs(listed.deviations).sum(axis=1).max() + 1e-7  # acos near 1
    if not is_round:
        assert n == posts(*h).count * posts(*v).count * posts(*dispersion).count


def test_directions_turn_about_the_right_axes():
    listed = lay_out(Sweep(0.2, 0.2, 2), ONE)
    # beam x, polarization z, vert -y: horizontal divergence moves the beam in the xz plane.
    np.testing.assert_allclose(
        listed.incident, [[np.cos(0.1), 0, s * np.sin(0.1)] for s in (-1, 1)], atol=4 * EPS
    )
    listed = lay_out(ONE, Sweep(0.2, 0.2, 2))
    np.testing.assert_allclose(
        listed.incident, [[np.cos(0.1), s * np.sin(0.1), 0] for s in (-1, 1)], atol=4 * EPS
    )


def test_order_and_spectrum():
    listed = lay_out(Sweep(0.2, 0.2, 2), Sweep(0.1, 0.1, 2), Sweep(0.02, 0.02, 2))
    np.testing.assert_allclose(
        listed.deviations, [[-0.1, -0.05], [-0.1, 0.05], [0.1, -0.05], [0.1, 0.05]]
    )
    np.testing.assert_allclose(listed.wavelengths, np.tile([0.99e-10, 1.01e-10], 4), rtol=4 * EPS)
    np.testing.assert_array_equal(listed.incident[0::2], listed.incident[1::2])


@pytest.mark.parametrize(
    ("h", "v", "kept"),
    [
        # By hand from physics 5.1; a corner of an odd grid has 1 + 1 > 1.1.
        (3, 3, 5),
        (2, 2, 4),
        (2, 3, 6),
        (4, 4, 12),
        (5, 5, 13),
        (3, 1, 3),
        (1, 1, 1),
    ],
)
def test_round_divergence_drops_the_corners(h, v, kept):
    assert len(lay_out(posts(0.02, h), posts(0.01, v), is_round=True).weights) == kept
    assert len(lay_out(posts(0.02, h), posts(0.01, v)).weights) == h * v


def test_impossible_grids():
    with pytest.raises(ConfigError, match="negative"):
        lay_out(dispersion=Sweep(3.0, 3.0, 2))
    with pytest.raises(ConfigError, match="at most"):
        lay_out(*[Sweep(0.1, 1e-5, 10_000)] * 2)
    with pytest.raises(ConfigError, match="leaves no source"):
        lay_out(Sweep(1.0, 3.0, 1), Sweep(1.0, 3.0, 1), is_round=True)


# Sources from a list


def listed(positions, intensities, wavelengths=None, equal=False) -> SourceList:
    positions = np.array(positions, dtype=float)
    intensities = np.array(intensities, dtype=float)
    if wavelengths is None:
        wavelengths = np.full(len(positions), 1e-10)
    return listed_sources(positions, intensities, np.array(wavelengths), equal, "beam.txt")


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=20).filter(lambda x: sum(x) > 1e-9))
def test_list_weights(intensities):
    positions = [(-10.0, 0.1 * i, 0.0) for i in range(len(intensities))]
    sources = listed(positions, intensities)
    assert sources.weights.sum() == pytest.approx(1.0, abs=len(intensities) * EPS)
    np.testing.assert_array_equal(sources.intensities, intensities)
    np.testing.assert_allclose(norm(sources.incident), 1.0, atol=4 * EPS)
    quirk = listed(positions, intensities, equal=True)
    assert (quirk.weights == 1.0 / len(intensities)).all()


def test_equal_intensities_equal_the_quirk():
    positions = [(-10, 0, 0), (-10, 1, 0), (-10, 0, 1)]
    np.testing.assert_allclose(
        listed(positions, [7, 7, 7]).weights, listed(positions, [7, 7, 7], equal=True).weights
    )
    np.testing.assert_array_equal(listed([(-3, 0, 4)], [1]).incident, [[0.6, 0.0, -0.8]])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([], []), "at least one"),
        (([(0, 0, 0)], [1]), "at the sample"),
        (([(-1, 0, 0), (-1, 0, 0)], [1, -1]), "source 2: -1.0.*intensities"),
        (([(-1, 0, 0)], [0]), "must not all be 0"),
        (([(-1, 0, 0)], [1], [0.0]), "wavelengths"),
    ],
)
def test_impossible_lists(arguments, words):
    positions, *rest = arguments
    with pytest.raises(ConfigError, match=words):
        listed(np.reshape(positions, (-1, 3)), *rest)

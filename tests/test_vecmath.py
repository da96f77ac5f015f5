"""The kernel's own functions against mpmath, over their whole range."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from nbcy.kernel._kernel import available_isas, evaluate

EPS = np.finfo(float).eps


def reference(function, points):
    """Correctly rounded values."""
    with mpmath.workdps(100):  # sin x - x cos x at x = 1e-20 cancels 60 digits
        return np.array([float(function(mpmath.mpf(float(x)))) for x in points])


@pytest.fixture(params=available_isas(), autouse=True)
def isa(request, monkeypatch):
    """Each build has functions of its own; `evaluate` takes the one the environment names."""
    monkeypatch.setenv("NBCY_ISA", request.param)
    return request.param


def relative_error(name, function, points):
    wanted = reference(function, points)
    return np.abs(evaluate(name, points) - wanted) / np.abs(wanted)


@pytest.fixture(scope="module")
def halves():
    rng = np.random.default_rng(1)
    wide = rng.uniform(-0.5, 0.5, 1500)
    tiny = 10.0 ** rng.uniform(-30, -1, 500)
    return np.concatenate([wide, tiny, -tiny, [0.5, -0.5, 0.25, 1e-30]])


def test_sinpi(halves):
    # fit 1.5e-16; t = x^2 - 3 rounds by EPS, to which the sine answers with up to 2 of its own; the
    # square of t by 4 EPS of which it takes 0.24; the last factor and sum, the scale and x by EPS/2
    # each, the steps before the last by 1 EPS together
    assert relative_error("sinpi", mpmath.sinpi, halves).max() < 1.5e-16 + 6 * EPS


def test_cospi(halves):
    # absolute: the polynomial is 1 - t*q with t*q up to 1.25, three roundings at that size
    error = np.abs(evaluate("cospi", halves) - reference(mpmath.cospi, halves))
    assert error.max() < 3 * EPS


def test_exp_negative():
    rng = np.random.default_rng(2)
    points = np.concatenate(
        [-(10.0 ** rng.uniform(-18, np.log10(708), 2000)), [0.0, -1.0, -707.999]]
    )
    assert relative_error("exp_negative", mpmath.exp, points).max() < 2 * EPS


def test_exp_negative_underflows_to_zero():
    assert (evaluate("exp_negative", np.array([-708.1, -1e4, -1e300, -np.inf])) == 0.0).all()


def sphere(y):
    x = mpmath.pi * y
    return 3 * (mpmath.sin(x) - x * mpmath.cos(x)) / x**3 if x else mpmath.mpf(1)


def test_sphere_near_the_peak():
    # the series up to x = 1, cut off at 4e-16; then 0.3 is left of two terms of 0.84 and 0.54 that
    # are wrong by 6 and 4 EPS, and rises
    points = np.concatenate([10.0 ** np.linspace(-20, 0, 800), np.linspace(0.28, 0.36, 400)])
    assert relative_error("sphere", sphere, points).max() < 25 * EPS


def test_sphere_far_out():
    # sin x - x cos x ~ x: the error is absolute, a few roundings of the envelope 3/x^2
    points = np.linspace(1.0, 2000.0, 2001) + 0.123
    envelope = 3.0 / (np.pi * points) ** 2
    error = np.abs(evaluate("sphere", points) - reference(sphere, points))
    assert (error <= (8 * EPS) * envelope).all()


def test_sphere_at_zero_is_one():
    assert evaluate("sphere", np.array([0.0]))[0] == 1.0

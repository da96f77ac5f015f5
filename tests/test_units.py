"""Customary units: SI, conversions, and quantities read from text and from pint."""

from __future__ import annotations

import math
import subprocess
import sys
from decimal import Decimal
from functools import cache

import numpy as np
import pint
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbcy.base.constants import RTD
from nbcy.base.errors import UnitError
from nbcy.base.units import (
    UNITS,
    alternatives,
    convert,
    is_quantity,
    parse_quantity,
    split_units,
    to_si,
)

EPS = sys.float_info.epsilon
# Far enough from overflow and from subnormal numbers for any of the conversions.
numbers = st.floats(1e-100, 1e100) | st.floats(-1e100, -1e-100) | st.just(0.0)
pairs = st.sampled_from([(a, b) for a in UNITS for b in alternatives(a)])


@cache
def other_registry() -> pint.UnitRegistry:
    """Return a registry that is not nbcy's and that counts photons in its own way."""
    registry = pint.UnitRegistry()
    registry.define("photon = [photons]")
    registry.define("step = 3 micrometer")
    return registry


# To SI


@given(x=numbers)
def test_to_si_rounds_once(x):
    """The reference divides by these numbers; the last bit decides how many steps there are."""
    for unit, expected in {
        "m": x,
        "cm": x / 100,
        "mm": x / 1000,
        "um": x / 1e6,
        "nm": x / 1e9,
        "angstrom": x / 1e10,
        "ev": x,
        "kev": x * 1000,
        "rad": x,
        "mrad": x / 1000,
        "deg": x / RTD,
        "percent": x / 100,
        "s": x,
        "ms": x / 1000,
        "us": x / 1e6,
        "fs": x / 1e15,
        "photons_per_m2": x,
        "photons_per_mm2": x * 1e6,
        "photons_per_um2": x * 1e12,
        "photons_per_s": x,
        "g_per_cm3": x * 1000,
        "kg_per_m3": x,
        "g_per_mol": x / 1000,
        "kg_per_mol": x,
        "px": x,
    }.items():
        assert to_si(x, unit) == expected


def test_every_unit_has_been_checked():
    assert len(UNITS) == 25
    assert RTD == 57.29577951308232


# Between units


@given(x=numbers, units=pairs)
def test_conversion_and_back(x, units):
    source, target = units
    # Either way rounds three times at most: to radians, by a power of ten, to degrees.
    assert convert(convert(x, source, target), target, source) == pytest.approx(
        x, rel=4 * EPS, abs=0
    )


@given(x=numbers, units=pairs)
def test_conversion_keeps_the_si_value(x, units):
    source, target = units
    converted = convert(x, source, target)
    assert to_si(converted, target) == pytest.approx(to_si(x, source), rel=4 * EPS, abs=0)
    if source == target:
        assert converted == x


# A float tells apart all decimals of up to 15 digits.
@given(x=st.decimals(Decimal(-99999), Decimal(99999), places=9, allow_nan=False), units=pairs)
def test_what_is_typed_is_shifted_exactly(x, units):
    source, target = units
    if "deg" not in units:
        power = UNITS[source].power - UNITS[target].power
        assert convert(float(x), source, target) == float(x.scaleb(power))


def test_examples():
    assert convert(0.07, "m", "mm") == 70.0  # 0.07 * 1000 is 70.00000000000001
    assert convert(12.66, "kev", "ev") == 12660.0
    assert convert(math.pi, "rad", "deg") == 180.0
    assert convert(90.0, "deg", "mrad") == pytest.approx(500 * math.pi, rel=4 * EPS)
    assert convert(math.inf, "mm", "um") == math.inf
    assert convert(3, "photons_per_um2", "photons_per_m2") == 3e12


# Names


@pytest.mark.parametrize(
    ("name", "stem", "units"),
    [
        ("distance_mm", "distance", ("mm",)),
        ("flux_photons_per_s", "flux", ("photons_per_s",)),
        ("exposure_s", "exposure", ("s",)),
        ("cell_angstrom_deg", "cell", ("angstrom", "deg")),
        ("hdiv_steps", "hdiv_steps", ()),
        ("axis", "axis", ()),
        ("mm", "mm", ()),
        ("", "", ()),
    ],
)
def test_split_units(name, stem, units):
    assert split_units(name) == (stem, units)


@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_can_be_a_suffix(unit):
    assert split_units(f"some_field_{unit}") == ("some_field", (unit,))
    assert unit in alternatives(unit)
    assert {UNITS[other].dimension for other in alternatives(unit)} == {UNITS[unit].dimension}


# Quantities


SYMBOLS = [(symbol, unit) for unit, entry in UNITS.items() for symbol in entry.symbols]


@pytest.mark.parametrize(("symbol", "unit"), SYMBOLS)
def test_every_symbol(symbol, unit):
    for text in (f"12.5 {symbol}", f"12.5{symbol}", f"  +1.25e1\t{symbol} "):
        assert parse_quantity(text, unit) == 12.5
    assert parse_quantity(f"-.5 {symbol}", unit) == -0.5
    for target in alternatives(unit):
        assert parse_quantity(f"0.07 {symbol}", target) == convert(0.07, unit, target)


@pytest.mark.parametrize(("symbol", "unit"), [pair for pair in SYMBOLS if pair[1] != "px"])
def test_the_table_agrees_with_pint(symbol, unit):
    registry = other_registry()
    for target in alternatives(unit):
        quantity = registry.Quantity(12.5, registry.parse_units(symbol))
        by_pint = quantity.to(registry.parse_units(UNITS[target].symbols[0])).magnitude
        # pint multiplies a few factors, each rounded once or twice.
        assert parse_quantity(f"12.5 {symbol}", target) == pytest.approx(by_pint, rel=16 * EPS)
        # The same number written so that the table does not know the unit.
        assert parse_quantity(f"12.5 ({symbol})", target) == pytest.approx(by_pint, rel=16 * EPS)


@settings(deadline=None)
@given(x=numbers, units=pairs.filter(lambda pair: pair[0] != "px"))
def test_pint_quantities(x, units):
    source, target = units
    registry = other_registry()
    quantity = registry.Quantity(x, registry.parse_units(UNITS[source].symbols[0]))
    expected = pytest.approx(convert(x, source, target), rel=16 * EPS, abs=0)
    assert parse_quantity(quantity, target) == expected


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("1 inch", "mm", 25.4),
        ("25 centimeters", "mm", 250),
        ("0.5 turn", "deg", 180),
        ("30 arcmin", "deg", 0.5),
        ("2 minutes", "s", 120),
        ("1.602176634e-19 J", "ev", 1),
        ("1e12 / s", "photons_per_s", 1e12),
        ("1e12/s", "photons_per_s", 1e12),
        ("6e13 photons / minute", "photons_per_s", 1e12),
        ("1e12 photons per second", "photons_per_s", 1e12),
        ("1e20 photons/cm**2", "photons_per_m2", 1e24),
        ("1e20 / cm^2", "photons_per_um2", 1e12),
        ("5000 ppm", "percent", 0.5),
        ("inf um", "um", math.inf),
        ("1231.5 pixels", "px", 1231.5),
    ],
)
def test_other_units(text, unit, value):
    assert parse_quantity(text, unit) == pytest.approx(value, rel=8 * EPS)


def test_quantities_of_other_registries():
    registry = other_registry()
    assert parse_quantity(registry.Quantity(4, "step"), "um") == pytest.approx(12, rel=8 * EPS)
    assert parse_quantity(registry.Quantity(0.005), "percent") == pytest.approx(0.5, rel=8 * EPS)
    assert parse_quantity(registry.Quantity(np.float32(0.5), "m"), "mm") == 500
    assert parse_quantity(registry.Quantity(Decimal("0.5"), "m"), "mm") == 500
    assert parse_quantity(registry.Quantity(7, "pixel"), "px") == 7
    registry = pint.UnitRegistry()
    registry.formatter.default_format = "~P"
    assert parse_quantity(registry.Quantity(3, "degree"), "mrad") == pytest.approx(3000 / RTD)


@pytest.mark.parametrize(
    ("quantity", "unit"),
    [
        # no unit, no number, neither
        *[("25", "mm"), ("2.5", "mm"), ("1e3", "mm"), ("mm", "mm"), ("", "mm"), ("  ", "mm")],
        # another dimension, also where pint sees none
        *[("25 s", "mm"), ("25 eV", "angstrom"), ("25 angstrom", "ev"), ("5 mm²", "mm")],
        *[("50 percent", "deg"), ("1 deg", "percent"), ("1 turn", "percent"), ("1 ppm", "deg")],
        *[("5 rad/s", "photons_per_s"), ("5 photons", "photons_per_s"), ("5 deg", "px")],
        *[("5 photons/m**2", "photons_per_s"), ("5 turn/m**2", "photons_per_m2")],
        # a pixel is no length, though CSS has one
        *[("25 px", "mm"), ("5 mm", "px"), ("5 css_pixel", "px")],
        # unknown units, and an ampere
        *[("5 kev", "ev"), ("5 foot-candle-ish", "mm"), ("1 A", "angstrom"), ("1 MM", "mm")],
        # no arithmetic
        *[("1 mm + 2 mm", "mm"), ("9**9 mm", "mm"), ("2*3 mm", "mm"), ("1 mm 2 mm", "mm")],
        *[("1,5 mm", "mm"), ("0x10 mm", "mm"), ("nan mm", "mm"), ("1 m**", "mm"), ("1 (m", "mm")],
        *[("1 __import__('os')", "mm"), ("1 m;m", "mm"), ("１ mm", "mm")],
        # neither text nor quantity
        *[(25, "mm"), (2.5, "mm"), (None, "mm"), (["25 mm"], "mm"), (b"25 mm", "mm")],
    ],
)
def test_no_quantity(quantity, unit):
    with pytest.raises(UnitError) as caught:
        parse_quantity(quantity, unit, "detector.distance")
    error = caught.value
    assert error.field == "detector.distance"
    assert UNITS[unit].dimension in error.expected
    assert f"'1 {UNITS[unit].symbols[0]}'" in error.expected


def test_no_quantity_of_pint():
    registry = other_registry()
    for quantity in (
        registry.Quantity(3, "s"),
        registry.Quantity([1, 2], "mm"),
        registry.Quantity(3),
    ):
        with pytest.raises(UnitError, match="unit of length"):
            parse_quantity(quantity, "mm")


def test_is_quantity():
    assert is_quantity(other_registry().Quantity(3, "mm"))
    assert not any(map(is_quantity, (3.0, "3 mm", None, np.zeros(3))))


def test_pint_is_imported_only_when_needed():
    code = (
        "import sys; from nbcy.base.units import parse_quantity as p;"
        "p('25 cm', 'mm'); p('1e12 photons/s', 'photons_per_s'); assert 'pint' not in sys.modules;"
        "p('1 inch', 'mm'); assert 'pint' in sys.modules"
    )
    # Nothing may be printed either: pint warns on stderr about units defined twice.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

"""Configurations: the unit rule, what is refused and how, files, overrides."""

from __future__ import annotations

import ast
import copy
import json
import math
import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pint
import pytest
from configurations import FIELDS, MODELS, SECTIONS, configs
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

import nbcy
from nbcy.base.errors import ConfigError, FileError, UnitError, elided
from nbcy.base.units import UNITS, alternatives, convert, split_units
from nbcy.config import (
    Beam,
    Config,
    Crystal,
    Detector,
    Panel,
    Sampling,
    Section,
    Spindle,
)
from nbcy.config.kinds import NUMBER
from nbcy.config.quirks import QUIRKS
from nbcy.config.section import Field

EPS = sys.float_info.epsilon


@pytest.mark.parametrize("model", MODELS)
def test_the_fields(model):
    """The names are what scripts and files rely on."""
    assert list(model.model_fields) == list(FIELDS[model])


@pytest.mark.parametrize("model", [*MODELS, Panel, Config])
def test_every_field_is_documented(model):
    for field in model.model_fields:
        assert field in model.__doc__


def test_nothing_is_needed():
    config = Config()
    assert config.to_dict() == {}
    assert config.to_toml() == ""
    assert json.loads(config.to_json()) == {}
    assert (config.crystal.shape, config.crystal.fudge, config.quirks) == ("square", 1.0, set())
    assert config.detector.distance_mm is None


# The unit rule


QUANTITIES = [
    (model, field) for model in MODELS for field in model.model_fields if split_units(field)[1]
]
SPELLINGS = [
    (model, name, *entry)
    for model in MODELS
    for name, entry in model._spellings.items()
    if split_units(entry[0])[1] and entry[1]
]
CANONICAL = {
    "cell_angstrom_deg": (70.0, 80.0, 90.0, 85.0, 95.0, 105.0),
    "misset_deg": (10.0, -20.0, 0.5),
    "pix0_mm": (120.0, -30.0, 0.25),
}


def test_every_field_is_read_where_scenes_are_made_and_used():
    """What nobody reads would be ignored in silence."""
    read = set()
    for room in ("base", "formats", "inputs", "crystal", "scene", "image", "render"):
        for path in (Path(nbcy.__file__).parent / room).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute):
                    read.add(node.attr)
                elif isinstance(node, ast.Constant):
                    read.add(node.value)
    for model in (*MODELS, Panel):
        assert set(model.model_fields) <= read, (model.__name__, {*model.model_fields} - read)


def test_how_many_names_there_are():
    """6 lengths, 3 angles, 2 energies...: no combination is missing, and none stands twice."""
    assert QUANTITIES
    expected = sum(
        math.prod(len(alternatives(unit)) for unit in split_units(field)[1])
        for _, field in QUANTITIES
    )
    assert len(SPELLINGS) == expected
    for model in MODELS:
        stems = [split_units(field)[0] for field in model.model_fields]
        assert len({*stems, *model.model_fields}) == len(stems) + sum(
            model is other for other, _ in QUANTITIES
        )


def units_of(units, value):
    """Return the unit of each number."""
    if not isinstance(value, tuple):
        return units
    return [units[min(i // 3, len(units) - 1)] for i in range(len(value))]


def same(value):
    return pytest.approx(value, rel=4 * EPS, abs=0)


@pytest.mark.parametrize(("model", "name", "field", "units"), SPELLINGS)
def test_every_suffix(model, name, field, units):
    value = CANONICAL.get(field, 3.5)
    _, own = split_units(field)
    numbers = value if isinstance(value, tuple) else (value,)
    given_in = units_of(units, value)
    converted = [
        convert(x, a, b) for x, a, b in zip(numbers, units_of(own, value), given_in, strict=True)
    ]
    bare = tuple(converted) if isinstance(value, tuple) else converted[0]
    assert getattr(model(**{name: bare}), field) == same(value)
    # With the unit in the text it goes under the name without one.
    stem, _ = split_units(field)
    texts = [f"{x!r} {UNITS[u].symbols[0]}" for x, u in zip(converted, given_in, strict=True)]
    text = texts if isinstance(value, tuple) else texts[0]
    assert model(**{stem: text}) == model(**{name: bare})
    for key, wrong in ((stem, bare), (name, text)):
        with pytest.raises(UnitError, match=key):
            model(**{key: wrong})
    with pytest.raises(UnitError, match="along with"):
        model(**{stem: text, name: bare})


@settings(deadline=None)
@given(x=st.floats(1e-6, 1e6), unit=st.sampled_from(alternatives("mm")))
def test_any_spelling_means_the_same(x, unit):
    symbol = UNITS[unit].symbols[0]
    model = Detector(**{f"distance_{unit}": x})
    assert model == Detector(distance=f"{x!r} {symbol}") == Detector(distance=f" {x!r}{symbol} ")
    quantity = pint.get_application_registry().Quantity(x, symbol)
    assert Detector(distance=quantity).distance_mm == pytest.approx(model.distance_mm, rel=8 * EPS)
    assert hash(model) == hash(Detector(distance_mm=model.distance_mm))


@pytest.mark.parametrize(
    ("model", "field"), [pair for pair in QUANTITIES if pair[1] not in CANONICAL]
)
def test_wrong_dimension(model, field):
    stem, (own,) = split_units(field)
    for unit in UNITS:
        if UNITS[unit].dimension == UNITS[own].dimension:
            continue
        with pytest.raises(UnitError) as caught:
            model(**{stem: f"3 {UNITS[unit].symbols[0]}"})
        assert caught.value.field == f"{model.__name__.lower()}.{stem}"
        if f"{stem}_{unit}" not in model._spellings:  # hdiv_s is wrong, size_x_mm is another size
            with pytest.raises(UnitError, match=field):
                model(**{f"{stem}_{unit}": 3.0})


def test_vectors():
    expected = Detector(pix0_mm=(1.0, 20.0, 0.003))
    registry = pint.UnitRegistry()
    for pix0 in (["1 mm", "2 cm", "3 um"], registry.Quantity(np.array([1.0, 20.0, 0.003]), "mm")):
        assert Detector(pix0=pix0) == expected
    assert Detector(pix0=("1 mm", registry.Quantity(2, "cm"), "3 um")) == expected
    assert Detector(pix0_m=np.array([1e-3, 2e-2, 3e-6])) == expected
    for pix0 in ((1, 2, 3), ["1 mm", "2 mm", 3.0], ["1 mm", "2 mm", "3 s"]):
        with pytest.raises(UnitError, match=r"detector\.pix0 "):
            Detector(pix0=pix0)


def test_cells_of_few_numbers():
    cubic = Crystal(cell_angstrom_deg=(70, 70, 70, 90, 90, 90))
    for cell in (70, [70], (70.0, 70, 70), np.array([70, 70]), (70, 70, 70, 90, 90)):
        assert Crystal(cell_angstrom_deg=cell) == cubic
    assert Crystal(cell="7 nm") == Crystal(cell=["7 nm"]) == Crystal(cell_nm_deg=7) == cubic
    assert Crystal(cell_angstrom_deg=(70, 80, 90, 100)).cell_angstrom_deg == (
        *(70, 80, 90),
        *(100, 90, 90),
    )
    assert Crystal(cell_angstrom_deg=(70, 80)).cell_angstrom_deg == (70, 80, 70, 90, 90, 90)


def test_numpy_counts_as_python():
    assert Crystal(cells=5) == Crystal(cells=np.int64(5)) == Crystal(cells=np.array([5, 5, 5]))
    assert Detector(distance_mm=np.float32(0.5)) == Detector(distance_mm=0.5)
    assert Detector(curved=np.bool_(True)).curved is True
    assert Crystal(matrix=np.eye(3)).matrix == ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    assert type(Crystal(cells=np.array([5, 5, 5])).cells[0]) is int
    assert type(Detector(rotx_deg=3).rotx_deg) is float


def test_none_is_not_given():
    assert Detector(distance_mm=None, distance=None, curved=None) == Detector()
    assert Beam(energy=None, wavelength="1 angstrom") == Beam(wavelength_angstrom=1)
    assert Config(crystal=None, quirks=None) == Config()
    with pytest.raises(ConfigError, match="distance_mm"):
        Detector(distanc_mm=None)


def test_file_names():
    assert Crystal(hkl_file=Path("data") / "P1.hkl") == Crystal(hkl_file="data/P1.hkl")


def test_quirks():
    assert Config(quirks="all").quirks == QUIRKS.keys()
    assert Config(quirks=["all"]) == Config(quirks=set(QUIRKS))
    assert Config(quirks="star_radius,layer_capture").quirks == {"star_radius", "layer_capture"}
    assert Config(quirks=()) == Config()


# Immutable


@given(config=configs)
def test_models_are_values(config):
    again = Config(**{name: getattr(config, name) for name in Config.model_fields})
    assert again == config
    assert hash(again) == hash(config)
    assert {config: 1}[again] == 1
    assert pickle.loads(pickle.dumps(config)) == copy.deepcopy(config) == config.model_copy()


def test_equal_configurations_are_written_alike():
    minus, plus = Detector(pix0_mm=(-0.0, 1, 0), rotx="-0 deg"), Detector(pix0_mm=(0, 1, 0))
    assert minus == plus
    assert Config(detector=minus).to_toml() == Config(detector=plus).to_toml()


def test_nothing_can_be_changed():
    config = Config(crystal=Crystal(cells=5))
    for model, field in ((config, "crystal"), (config.crystal, "cells"), (config.crystal, "new")):
        with pytest.raises(ConfigError, match=field):
            setattr(model, field, None)
        with pytest.raises(ConfigError, match=field):
            delattr(model, field)
    assert config == Config(crystal=Crystal(cells=5)) != Config()
    assert Crystal() != Beam()


def test_repr_shows_what_is_given():
    assert repr(Detector(distance="25 cm")) == "Detector(distance_mm=250.0)"
    assert eval(repr(Config(beam=Beam(energy_ev=1e4)))) == Config(beam=Beam(energy_ev=1e4))
    assert repr(Detector.preset("jungfrau16m")) == "Detector(panels=<32 items>)"


@given(config=configs)
def test_repr_evaluates_back(config):
    """Where no long list is left out."""
    names = {model.__name__: model for model in (*MODELS, Panel, Config)}
    text = repr(config)
    assert "items>" in text or eval(text, {**names, "inf": math.inf}) == config


def test_replace():
    detector = Detector(distance="25 cm")
    assert detector.replace(pixel="75 um") == Detector(distance_mm=250, pixel_mm=0.075)
    assert detector.replace(distance=None) == Detector()
    assert Beam(energy_ev=1e4).replace(wavelength_angstrom=1) == Beam(wavelength_angstrom=1)
    assert Config().replace(detector=detector).detector == detector
    with pytest.raises(ConfigError, match="did you mean distance_mm"):
        detector.replace(distanc_mm=5)


# Refusals


nan, inf = math.nan, math.inf

# Section, field, value, and what the message must say.
REFUSED = [
    ("crystal", "cells", 0, "greater than or equal to 1"),
    ("crystal", "cells", (5, -1, 5), "greater than or equal to 1"),
    ("crystal", "cells", (5, 5), "3: Na, Nb, Nc"),
    ("crystal", "cells", (5, 5, -0.5), "greater than 0"),
    ("crystal", "cells", float("inf"), "finite"),
    ("crystal", "cells", "5", "one number, or 3"),
    ("crystal", "cells", True, "valid number"),
    ("crystal", "cells", 2**31, "less than or equal"),
    ("crystal", "cell_angstrom_deg", (), "1 to 6"),
    ("crystal", "cell_angstrom_deg", (1, 2, 3, 90, 90, 90, 90), "1 to 6"),
    ("crystal", "cell_angstrom_deg", (70, 0, 70), "greater than 0"),
    ("crystal", "cell_angstrom_deg", (70, 70, 70, 90, 90, 180), "form no cell"),
    ("crystal", "cell_angstrom_deg", (70, 70, 70, 120, 120, 120), "below 360°"),
    ("crystal", "cell_angstrom_deg", (70, 70, 70, 30, 40, 80), "sum of the other two"),
    ("crystal", "cell_angstrom_deg", (70, 70, 70, 0, 90, 90), "form no cell"),
    ("crystal", "cell_angstrom_deg", (70, 70, 70, -90, 90, 90), "form no cell"),
    ("crystal", "cell_angstrom_deg", (70, nan, 70), "finite number"),
    ("crystal", "cell_angstrom_deg", (70, None, 70), "valid number"),
    ("crystal", "cell_angstrom_deg", ((70, 70, 70), (90, 90, 90)), "valid number"),
    ("crystal", "matrix", (1, 2, 3), "three rows of 3"),
    ("crystal", "matrix", [[1, 2], [3, 4]], "three rows of 3"),
    ("crystal", "matrix", [[1, 0, 0], [0, 1, 0], [0, 0, inf]], "finite number"),
    ("crystal", "matrix", 3, "three rows of 3"),
    ("crystal", "matrix_file", "", "name of a file"),
    ("crystal", "hkl_file", 5, "name of a file"),
    ("crystal", "hkl_file", "a\0b", "name of a file"),
    ("crystal", "hkl_file", b"P1.hkl", "name of a file"),
    ("crystal", "hkl_file", "\udcff.hkl", "UTF-8"),
    ("crystal", "misset_deg", (1, 2), "3 numbers"),
    ("crystal", "misset_deg", 5, "3 numbers"),
    ("crystal", "misset_random", "yes", "valid boolean"),
    ("crystal", "misset_random", 1, "valid boolean"),
    ("crystal", "misset_seed", 1.5, "valid integer"),
    ("crystal", "mosaic_seed", 2**31 - 1, "less than or equal to 2147483646"),
    ("crystal", "mosaic_seed", -(2**31), "greater than or equal to -2147483646"),
    ("crystal", "mosaic_spread_deg", -0.5, "greater than or equal to 0"),
    ("crystal", "mosaic_spread", "-5 mrad", "greater than or equal to 0"),
    ("crystal", "mosaic_domains", 0, "greater than or equal to 1"),
    ("crystal", "size_x_mm", 0, "greater than 0"),
    ("crystal", "size_y", "-5 um", "greater than 0"),
    ("crystal", "shape", "cube", "'square', 'round', 'gauss', 'tophat' or 'gauss_star'"),
    ("crystal", "fudge", 0.0, "greater than 0"),
    ("crystal", "fudge", "1", "valid number"),
    ("crystal", "default_F", nan, "finite number"),
    ("crystal", "default_f", 5, "did you mean default_F?"),
    ("crystal", "unit_cell", 5, "no such field"),
    ("beam", "wavelength_angstrom", 0, "greater than 0"),
    ("beam", "wavelength_nm", -0.1, "greater than 0"),
    ("beam", "wavelength_angstrom", inf, "finite number"),
    ("beam", "wavelength_angstrom", "inf", "finite number"),
    ("beam", "energy", "-12 keV", "greater than 0"),
    ("beam", "fluence_photons_per_m2", -1, "greater than or equal to 0"),
    ("beam", "flux_photons_per_s", -1e12, "greater than or equal to 0"),
    ("beam", "flux_photons_per_s", inf, "finite number"),
    ("beam", "exposure_s", -1, "greater than or equal to 0"),
    ("beam", "size_mm", 0, "greater than 0"),
    ("beam", "kahn_factor", 1.01, "less than or equal to 1"),
    ("beam", "kahn_factor", -2, "greater than or equal to -1"),
    ("beam", "nopolar", 0, "valid boolean"),
    ("beam", "dispersion_percent", -1, "greater than or equal to 0"),
    ("beam", "dispersion_steps", 0, "greater than or equal to 1"),
    ("beam", "hdiv_mrad", -1, "greater than or equal to 0"),
    ("beam", "vdiv_step_mrad", -1, "greater than or equal to 0"),
    ("beam", "hdiv_stepz", 3, "did you mean hdiv_step"),
    ("beam", "divergence", "triangle", "'round' or 'square'"),
    ("beam", "direction", (0, 0, 0), "length 0"),
    ("beam", "direction", (-0.0, 0, 0), "length 0"),
    ("beam", "direction", (1, 0, nan), "finite number"),
    ("beam", "polarization_vector", "z", "3 numbers"),
    ("detector", "convention", "mosfilm", "'mosflm', 'denzo'"),
    ("detector", "pixel_mm", -0.1, "greater than 0"),
    ("detector", "pixel_mm", 0, "greater than 0"),
    ("detector", "pixel", "0 um", "greater than 0"),
    ("detector", "pixel_mm", True, "valid number"),
    ("detector", "pixel_m", True, "valid number"),
    ("detector", "pixel_m", [1.0], "valid number"),
    ("detector", "pixels_fast", 0, "greater than or equal to 1"),
    ("detector", "pixels_slow", 10.5, "valid integer"),
    ("detector", "size_fast_mm", -1, "greater than 0"),
    ("detector", "distance_mm", 0, "greater than 0"),
    ("detector", "distance_mm", 10**400, "finite number"),
    ("detector", "distance_m", 1e306, "finite number"),
    ("detector", "distance_mm", 1j, "valid number"),
    ("detector", "close_distance_mm", -5, "greater than 0"),
    ("detector", "distnace_mm", 5, "did you mean distance_mm?"),
    ("detector", "distanse", "5 cm", "did you mean distance"),
    ("detector", "distance_inch", 5, "did you mean distance"),
    ("detector", "orgx_px", nan, "finite number"),
    ("detector", "pivot", "centre", "'beam' or 'sample'"),
    ("detector", "rotx_deg", inf, "finite number"),
    ("detector", "fast_vector", (0, 0, 0), "length 0"),
    ("detector", "fast_vector", (1, 0), "3 numbers"),
    ("detector", "pix0_mm", (1, 2, 3, 4), "3 numbers"),
    ("detector", "thickness_um", -1, "greater than or equal to 0"),
    ("detector", "thickness_steps", 0, "greater than or equal to 1"),
    ("detector", "attenuation_depth_um", -1, "greater than or equal to 0"),
    ("detector", "attenuation_depth_um", nan, "greater than or equal to 0"),
    ("detector", "attenuation_depth_um", -inf, "greater than or equal to 0"),
    ("spindle", "axis", (0, 0, 0), "length 0"),
    ("spindle", "phi_deg", nan, "finite number"),
    ("spindle", "steps", -3, "greater than or equal to 1"),
    ("sampling", "oversample", 0, "greater than or equal to 1"),
    ("sampling", "oversample", 2.0, "valid integer"),
    ("sampling", "interpolate", "auto", "valid boolean"),
    ("sampling", "dmin_angstrom", -1, "greater than or equal to 0"),
    ("sampling", "roi", (5, 4, 0, 9), "no minimum above its maximum"),
    ("sampling", "roi", (0, 9, 5, 4), "no minimum above its maximum"),
    ("sampling", "roi", (-1, 2, 0, 9), "no minimum below 0"),
    ("sampling", "roi", (0, 9, -5, -5), "no minimum below 0"),
    ("sampling", "roi", (0, 9), "4 whole numbers"),
    ("sampling", "roi", (0, 9.5, 0, 9), "valid integer"),
    ("sampling", "precision", "half", "'double'"),
    ("sampling", "cutoff", 1.0, "less than 1"),
    ("sampling", "cutoff", -1e-3, "greater than or equal to 0"),
    ("background", "water_um", -1, "greater than or equal to 0"),
]


@pytest.mark.parametrize(("section", "field", "value", "words"), REFUSED)
def test_refused(section, field, value, words):
    with pytest.raises(ConfigError) as caught:
        SECTIONS[section](**{field: value})
    error = caught.value
    assert (error.field, error.value) == (f"{section}.{field}", value)
    assert words in error.expected
    assert str(error).startswith(f"{section}.{field} = {elided(repr(value))}: ")
    assert not isinstance(error, ValidationError)
    # As part of a configuration, of whatever form, it is the same error.
    for make in (
        lambda: Config(**{section: {field: value}}),
        lambda: Config.model_validate({section: {field: value}}),
        lambda: Config().with_overrides({f"{section}.{field}": value}),
        lambda: getattr(Config(), section).model_copy(update={field: value}),
    ):
        with pytest.raises(type(error)) as again:
            make()
        assert str(again.value) == str(error)


@pytest.mark.parametrize(
    ("model", "fields", "field", "other"),
    [
        (
            Beam,
            {"wavelength_angstrom": 1, "energy_ev": 1e4},
            "beam.energy_ev",
            "wavelength_angstrom",
        ),
        (Beam, {"energy": "1 keV", "wavelength": "1 nm"}, "beam.energy", "wavelength"),
        (Crystal, {"cell": "7 nm", "matrix_file": "A.mat"}, "crystal.matrix_file", "cell"),
        (
            Crystal,
            {"matrix": np.eye(3), "cell_angstrom_deg": 70},
            "crystal.matrix",
            "cell_angstrom_deg",
        ),
        (Crystal, {"matrix": np.eye(3), "matrix_file": "A.mat"}, "crystal.matrix_file", "matrix"),
        (Crystal, {"hkl_file": "a", "structure_file": "b"}, "crystal.structure_file", "hkl_file"),
    ],
)
def test_one_or_the_other(model, fields, field, other):
    with pytest.raises(ConfigError, match=f"along with {other}$") as caught:
        model(**fields)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"detectr": {}}, "detectr", "did you mean detector?"),
        ({"distance_mm": 5}, "distance_mm", "no such field"),
        ({"crystal": 5}, "crystal", "table"),
        ({"crystal": [1, 2]}, "crystal", "table"),
        ({"crystal": Beam()}, "crystal", "table"),
        ({"crystal": {5: 6}}, "crystal.5", "no such field"),
        ({"quirks": ["phi_carry_over"]}, "quirks", "did you mean phi_carryover?"),
        ({"quirks": "everything"}, "quirks", "'all'"),
        ({"quirks": [5]}, "quirks", "'all'"),
        ({"quirks": 5}, "quirks", "list of names"),
        ({"quirks": {"all": True}}, "quirks", "list of names"),
    ],
)
def test_refused_configurations(fields, field, words):
    with pytest.raises(ConfigError) as caught:
        Config(**fields)
    assert caught.value.field == field
    assert words in caught.value.expected


def test_what_is_legal():
    """Limits that a check could be tempted to draw too narrowly."""
    Beam(kahn_factor=-1, exposure_s=0, flux_photons_per_s=0, dispersion_percent=0)
    Spindle(phi_deg=-1000, osc_deg=-1, step_deg=-0.1)
    Detector(attenuation_depth_um=inf, thickness_um=0, xbeam_mm=-5, twotheta_deg=400)
    Detector(attenuation_depth="inf um")
    Crystal(default_F=-1, misset_deg=(0, 0, 0), mosaic_seed=-5, cell_angstrom_deg=(1, 1, 1, 119))
    Sampling(roi=(5, 5, 0, 0))


def test_in_other_models_errors_are_those_of_pydantic():
    class Mine(BaseModel):
        detector: Detector

    assert Mine(detector={"distance": "25 cm"}).detector.distance_mm == 250
    with pytest.raises(ValidationError, match="greater than 0"):
        Mine(detector={"distance": "-25 cm"})


# TOML and JSON


@given(config=configs)
def test_round_trip(config):
    toml, text = config.to_toml(), config.to_json()
    for again in (Config.from_toml(toml), Config.from_json(text), Config(**config.to_dict())):
        assert again == config
        assert (again.to_toml(), again.to_json()) == (toml, text)
    assert json.loads(text, parse_constant=pytest.fail).keys() <= Config.model_fields.keys()


@pytest.mark.parametrize("name", ["a.toml", "a.json", "a.TOML", "ä.Json"])
def test_files(tmp_path, name):
    config = Config(
        crystal=Crystal(cell=["7 nm"], hkl_file='"odd" \\ näme\n.hkl'),
        detector=Detector(attenuation_depth_um=inf, pix0_mm=(0.1, 1e300, 5e-324)),
        quirks="all",
    )
    config.save(tmp_path / name)
    assert Config.load(str(tmp_path / name)) == config
    assert os.listdir(tmp_path) == [name]
    Config().save(tmp_path / name)
    assert Config.load(tmp_path / name) == Config()


def test_units_in_files(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text('\ufeff[detector]\ndistance = "25 cm"\npix0 = ["1 mm", "2 mm", "3 mm"]\r\n')
    assert Config.load(path).detector == Detector(distance_mm=250, pix0_mm=(1, 2, 3))
    path = tmp_path / "a.json"
    path.write_text('{"detector": {"distance_m": 0.25, "attenuation_depth_um": "inf"}}')
    assert Config.load(path).detector == Detector(distance_mm=250, attenuation_depth_um=inf)


@pytest.mark.parametrize(
    ("name", "content", "line", "words"),
    [
        ("a.toml", "[crystal]\ncells = \n", 2, "not TOML"),
        ("a.toml", "[crystal]\ncells = 1\ncells = 2\n", 3, "not TOML"),
        ("a.toml", "[crystal", None, "not TOML"),
        ("a.toml", "a = " + 100_000 * "[", None, "not TOML"),
        ("a.toml", b"a = '\xff'", None, "not UTF-8"),
        ("a.json", '{"crystal":\n\n}', 3, "not JSON"),
        ("a.json", '{"crystal": {"cells": 1, "cells": 2}}', None, "'cells' stands there twice"),
        ("a.json", "", 1, "not JSON"),
        ("a.json", 100_000 * "[", None, "not JSON"),
        ("a.json", "9" * 10_000, None, "not JSON"),
        ("a.yaml", "", None, "must end in .toml or .json"),
        ("a", "", None, "must end in .toml or .json"),
    ],
)
def test_broken_files(tmp_path, name, content, line, words):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FileError) as caught:
        Config.load(path)
    assert (caught.value.path, caught.value.line) == (str(path), line)
    assert words in str(caught.value)


def test_files_that_are_none(tmp_path):
    (tmp_path / "folder.toml").mkdir()
    for path in (tmp_path / "absent.toml", tmp_path / "folder.toml", "a\0.toml"):
        with pytest.raises(FileError):
            Config.load(path)


@pytest.mark.parametrize(
    ("name", "content", "kind", "field"),
    [
        ("a.toml", "[detector]\npixel_mm = -1", ConfigError, "detector.pixel_mm"),
        ("a.toml", "[detector]\npixel_mm = nan", ConfigError, "detector.pixel_mm"),
        ("a.toml", "[detector]\npixel_mm = 2026-01-01", ConfigError, "detector.pixel_mm"),
        ("a.toml", "[detector]\npixel = 1", UnitError, "detector.pixel"),
        ("a.toml", "[detector.pixel_mm]\na = 1", ConfigError, "detector.pixel_mm"),
        ("a.toml", "[[detector]]\npixel_mm = 1", ConfigError, "detector"),
        ("a.toml", "[detectr]", ConfigError, "detectr"),
        ("a.json", '{"beam": {"energy": "1 angstrom"}}', UnitError, "beam.energy"),
        ("a.json", '{"beam": {"energy_ev": NaN}}', ConfigError, "beam.energy_ev"),
        ("a.json", '{"beam": {"energy_ev": 1, "energy": "1 eV"}}', UnitError, "beam.energy"),
        ("a.json", '{"beam": {"self": 1}}', ConfigError, "beam.self"),
        ("a.json", "[]", ConfigError, "config"),
    ],
)
def test_wrong_values_in_files(tmp_path, name, content, kind, field):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(kind) as caught:
        Config.load(path)
    assert type(caught.value) is kind
    assert caught.value.field == field
    assert str(path) in str(caught.value)


def test_saving_is_all_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a.toml"
    config = Config(crystal=Crystal(cells=5))
    config.save(path)

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        patch.setattr(os, "replace", fail)
        with pytest.raises(FileError, match="No space left"):
            Config().save(path)
    assert Config.load(path) == config
    for bad in (tmp_path / "a.txt", tmp_path / "absent" / "a.toml"):
        with pytest.raises(FileError):
            config.save(bad)
    assert os.listdir(tmp_path) == ["a.toml"]


# Overrides


def test_overrides():
    config = Config(
        crystal=Crystal(cells=5, default_F=10), beam=Beam(wavelength_angstrom=1), quirks="all"
    )
    changed = config.with_overrides(
        {"crystal.cells": [20, 20, 20], "detector.distance": "25 cm", "beam.energy": "12 keV"}
    )
    assert changed == Config(
        crystal=Crystal(cells=20, default_F=10),
        beam=Beam(energy_ev=12000),
        detector=Detector(distance_mm=250),
        quirks="all",
    )
    assert config.crystal.cells == (5, 5, 5)
    assert config.with_overrides({}) == config
    # Any spelling replaces any other, and None takes back.
    assert changed.with_overrides({"detector.distance_m": 1}).detector.distance_mm == 1000
    assert changed.with_overrides({"detector.distance": None}).detector == Detector()
    assert config.with_overrides({"beam.energy": None}) == config
    assert config.with_overrides({"crystal.default_F": None}).crystal == Crystal(cells=5)
    # Whole sections.
    assert config.with_overrides({"crystal": {"cells": 3}, "quirks": None}) == Config(
        crystal=Crystal(cells=3), beam=config.beam
    )
    assert config.with_overrides(
        {"crystal.default_F": 3, "crystal": Crystal(cells=4)}
    ).crystal == Crystal(cells=4, default_F=3)
    # A matrix replaces a cell.
    crystal = Config(crystal=Crystal(cell="7 nm"))
    assert crystal.with_overrides({"crystal.matrix_file": "A.mat"}).crystal == Crystal(
        matrix_file="A.mat"
    )


@given(config=configs, other=configs)
def test_overriding_every_value(config, other):
    overrides = {
        f"{name}.{field}": getattr(getattr(other, name), field)
        for name, model in SECTIONS.items()
        for field in model.model_fields
    }
    assert config.with_overrides({**overrides, "quirks": other.quirks}) == other


@pytest.mark.parametrize(
    ("overrides", "field", "words"),
    [
        ({"beem.energy": "1 keV"}, "beem.energy", "did you mean beam?"),
        ({"beem": {}}, "beem", "did you mean beam?"),
        ({"beam.energie": "1 keV"}, "beam.energie", "did you mean energy"),
        ({"quirks.all": True}, "quirks.all", "no such section"),
        ({"crystal.cells.0": 5}, "crystal.cells.0", "did you mean cells?"),
        ({"energy": "1 keV"}, "energy", "no such field"),
        ({"beam.energy": "1 keV", "beam.energy_ev": 5}, "beam.energy_ev", "along with energy"),
        ({"beam.energy": "1 keV", "beam.wavelength_nm": 1}, "beam.energy", "along with wavelength"),
    ],
)
def test_refused_overrides(overrides, field, words):
    with pytest.raises(ConfigError) as caught:
        Config(beam=Beam(energy_ev=5)).with_overrides(overrides)
    assert caught.value.field == field
    assert words in caught.value.expected


def test_a_section_of_ones_own():
    """The base class serves any model whose names carry units."""

    class Stage(Section):
        travel_mm = Field(NUMBER, 0.0)

    assert Stage(travel="2 cm") == Stage(travel_m=0.02) == Stage(travel_mm=20)

"""One name for every value: paths are listed, read and set, and wrong ones are told apart."""

from __future__ import annotations

import pytest
from configurations import FIELDS, SECTIONS, configs
from hypothesis import given
from hypothesis import strategies as st

from nbcy.base.errors import ConfigError, UnitError
from nbcy.base.units import UNITS
from nbcy.cli.main import main
from nbcy.config import Beam, Config, Crystal, Detector, Panel
from nbcy.flags.table import FLAGS
from nbcy.render.vocabulary import QUANTITIES

PANEL = {
    "origin_mm": (1, 2, 3),
    "fast_vector": (0, 0, 1),
    "slow_vector": (0, -1, 0),
    "pixels_fast": 10,
    "pixels_slow": 20,
    "pixel_mm": 0.1,
}
CONFIG = Config(
    crystal=Crystal(cell_angstrom_deg=(70, 80, 90, 85, 95, 105)),
    beam=Beam(wavelength_angstrom=1.5),
    detector=Detector(panels=[PANEL, {**PANEL, "masked": [(0, 1, 2, 3)]}]),
)


@given(config=configs)
def test_every_value_comes_back(config):
    """Setting a value to what it is changes nothing, and all of them together make the whole."""
    values = {one.path: config.value(one.path) for one in config.parameters()}
    assert len(values) == len(config.parameters())
    for path, value in values.items():
        if value is not None:
            assert config.with_overrides({path: value}) == config, path
    given_ones = {path: value for path, value in values.items() if value is not None}
    assert config.with_overrides(given_ones) == config
    whole = {path: value for path, value in values.items() if path.count(".") <= 1}
    assert Config().with_overrides({p: v for p, v in whole.items() if "[" not in p}) == config


@given(config=configs, draw=st.data())
def test_what_is_set_is_there(config, draw):
    """Any value of any field; and nothing else changes but what cannot stand beside it."""
    section = draw.draw(st.sampled_from(sorted(SECTIONS)))
    field = draw.draw(st.sampled_from(sorted(FIELDS[SECTIONS[section]])))
    value = draw.draw(FIELDS[SECTIONS[section]][field])
    path = f"{section}.{field}"
    if section == "detector" and (config.detector.panels or (field == "panels" and value)):
        config = config.replace(detector=None)
    changed = config.with_overrides({path: value})
    assert changed.value(path) == value
    before, after = ({p.path: c.value(p.path) for p in c.parameters()} for c in (config, changed))
    rivals = {f"{section}.{r}" for rs in SECTIONS[section]._rivals if field in rs for r in rs}
    for other in before.keys() & after.keys():
        if not other.startswith((path, *rivals)):
            assert after[other] == before[other], other


@given(config=configs, draw=st.data())
def test_parts_are_set_alone(config, draw):
    vectors = [p for p in config.parameters() if p.kind.parts and config.value(p.path) is not None]
    if not vectors:
        return
    vector = draw.draw(st.sampled_from(vectors))
    name = draw.draw(st.sampled_from(list(vector.kind.parts)))
    old = config.value(vector.path)
    part = list(vector.kind.parts).index(name)
    assert config.value(f"{vector.path}.{name}") == old[part]
    try:
        changed = config.with_overrides({f"{vector.path}.{name}": 7})
    except ConfigError:  # 7° makes no cell, or no rectangle is left
        expected = (*old[:part], 7, *old[part + 1 :])
        with pytest.raises(ConfigError):
            config.with_overrides({vector.path: expected})
    else:
        assert changed.value(vector.path) == (*old[:part], 7, *old[part + 1 :])


def test_parameters():
    listed = {one.path: one for one in CONFIG.parameters()}
    for path, unit, real in (
        ("crystal.cell_angstrom_deg", "", False),
        ("crystal.cell_angstrom_deg.a", "angstrom", True),
        ("crystal.cell_angstrom_deg.gamma", "deg", True),
        ("crystal.misset_deg.x", "deg", True),
        ("crystal.matrix.x.a", "", True),
        ("crystal.cells.b", "", False),
        ("crystal.shape", "", False),
        ("beam.fluence_photons_per_m2", "photons_per_m2", True),
        ("detector.panels[1].origin_mm.y", "mm", True),
        ("detector.panels[1].masked[0].fast_max", "", False),
        ("quirks", "", False),
    ):
        assert (listed[path].unit, listed[path].is_real) == (unit, real), path
    assert all(one.unit in UNITS for one in listed.values() if one.unit)
    assert "detector.panels[2].origin_mm" not in listed
    # Every number that is not a whole one has its unit or none at all in all of its name.
    assert all(one.unit in one.path for one in listed.values())


@pytest.mark.parametrize(
    ("path", "name", "unit"),
    [
        ("detector.distance", "detector.distance_mm", "mm"),
        ("detector.distance_m", "detector.distance_mm", "mm"),
        ("crystal.cell_nm_rad.alpha", "crystal.cell_angstrom_deg.alpha", "deg"),
        ("crystal.cell", "crystal.cell_angstrom_deg", ""),
        ("detector.panels[1].origin.y", "detector.panels[1].origin_mm.y", "mm"),
        ("beam.kahn_factor", "beam.kahn_factor", ""),
        ("crystal", "crystal", ""),
    ],
)
def test_one_name(path, name, unit):
    found = CONFIG.parameter(path)
    assert (found.path, found.unit) == (name, unit)
    assert CONFIG.parameter(name) == found
    assert found in CONFIG.parameters() or "." not in name


def test_values():
    assert CONFIG.value("beam.wavelength_angstrom") == 1.5
    assert CONFIG.value("beam.wavelength_nm") == 0.15
    assert CONFIG.value("crystal.cell_nm_deg.b") == 8
    assert CONFIG.value("crystal.cell_nm_deg") == (7, 8, 9, 85, 95, 105)
    assert CONFIG.value("detector.panels[1].origin_um.y") == 2000
    assert CONFIG.value("detector.panels[0]") == Panel(**PANEL)
    assert CONFIG.value("crystal") == CONFIG.crystal
    assert CONFIG.value("crystal.misset_deg") is None
    assert CONFIG.value("crystal.misset_deg.x") is None


def test_parts_and_items():
    changed = CONFIG.with_overrides(
        {
            "crystal.cell.a": "7.5 nm",
            "crystal.cell_angstrom_deg.gamma": 100,
            "crystal.cells.b": 5,
            "crystal.misset_mrad.y": 0,
            "crystal.misset.z": "90 deg",
            "detector.panels[1].origin_um.y": 1500,
            "detector.panels[1].masked[0].fast_max": 9,
            "detector.panels[0]": {**PANEL, "name": "first"},
        }
    )
    assert changed.crystal.cell_angstrom_deg == (75, 80, 90, 85, 95, 100)
    assert changed.crystal.cells == (1, 5, 1)
    assert changed.crystal.misset_deg == (0, 0, 90)
    assert changed.detector.panels == (
        Panel(**PANEL, name="first"),
        Panel(**{**PANEL, "origin_mm": (1, 1.5, 3)}, masked=[(0, 9, 2, 3)]),
    )
    # A vector is replaced before its parts, in whatever order they stand.
    both = {"detector.pix0_mm.x": 4, "detector.pix0_mm": (1, 2, 3)}
    assert Config().with_overrides(both).detector.pix0_mm == (4, 2, 3)
    # All parts of what is not given make it.
    parts = {f"beam.direction.{name}": n for n, name in enumerate("xyz")}
    assert Config().with_overrides(parts).beam.direction == (0, 1, 2)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("beem.energy_ev", "no such section; did you mean beam?"),
        ("energy", "did you mean beam.energy?"),
        ("misset_deg", "did you mean crystal.misset_deg?"),
        ("crystal.cels.a", "did you mean cells?"),
        ("crystal.cell_angstrom_deg.alfa", "did you mean alpha?"),
        ("crystal.cells.x", "Its parts are a, b, c"),
        ("crystal.cells[0]", "Its parts are a, b, c"),
        ("crystal.shape.x", "did you mean shape?"),
        ("detector.panels[2].pixel_mm", "detector.panels has 2"),
        ("detector.panels.pixel_mm", "did you mean panels?"),
        ("detector.panels[0].orgin_mm.x", "did you mean origin_mm?"),
        ("detector[0]", "no such"),
        ("", "is not a path"),
        ("crystal..cells", "is not a path"),
        ("crystal.", "is not a path"),
        ("crystal.cells.a ", "did you mean a?"),
        ("detector.panels[-1].pixel_mm", "is not a path"),
        ("detector.panels[0]pixel_mm", "is not a path"),
    ],
)
def test_wrong_paths(path, words):
    for use in (CONFIG.value, CONFIG.parameter, lambda path: CONFIG.with_overrides({path: 5})):
        with pytest.raises(ConfigError) as caught:
            use(path)
        assert caught.value.field == path
        assert words in caught.value.expected


@pytest.mark.parametrize(
    ("path", "value", "kind", "words"),
    [
        ("crystal.cells.b", 0, ConfigError, "greater than or equal to 1"),
        ("crystal.cells.b", None, ConfigError, "valid number"),
        ("crystal.misset_deg.x", "5 deg", UnitError, "bare number"),
        ("crystal.misset.x", 5, UnitError, "needs a unit"),
        ("crystal.misset.x", "5 mm", UnitError, "unit of angle"),
        ("detector.panels[1].pixel_mm", -1, ConfigError, "greater than 0"),
        ("detector.panels[1]", 5, ConfigError, "table of fields"),
        ("detector.panels[1].origin_mm.z", "x", UnitError, "bare number"),
        ("detector.pix0_mm.x", 5, ConfigError, "detector.pix0_mm, which is not given"),
        ("detector.panels[1].masked[0]", (0, 1), ConfigError, "4 whole numbers"),
    ],
)
def test_wrong_values(path, value, kind, words):
    with pytest.raises(ConfigError) as caught:
        CONFIG.with_overrides({path: value})
    assert type(caught.value) is kind
    assert (caught.value.field, caught.value.value) == (path, value)
    assert words in caught.value.expected


@pytest.mark.parametrize("flag", FLAGS.values(), ids=lambda flag: flag.names[0])
def test_flags_set_what_there_is(flag):
    for path in flag.sets:
        if not path.startswith("run."):
            assert CONFIG.parameter(path).path


def test_the_audit_names_what_there_is():
    for quantity in QUANTITIES.values():
        for path in quantity.path.split():
            assert CONFIG.parameter(path).path, quantity.name


def test_a_stem_has_no_value():
    with pytest.raises(UnitError, match="needs its unit: wavelength_angstrom"):
        CONFIG.value("beam.wavelength")


def test_set_takes_paths(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    CONFIG.save("a.toml")
    words = ["simulate", "a.toml", "-default_F", "1", "-N", "5", "-o", "b.toml"]
    settings = ["crystal.misset_deg.x=5", "detector.panels[1].origin_mm.y=1.5"]
    assert main([*words, *(f"--set={setting}" for setting in settings)]) == 0
    made = Config.load("b.toml")
    assert made.crystal.misset_deg == (5, 0, 0)
    assert made.detector.panels[1].origin_mm == (1, 1.5, 3)
    assert main([*words, "--set", "crystal.misset_deg.w=5"]) == 2
    assert "Its parts are x, y, z" in capsys.readouterr().err

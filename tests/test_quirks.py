"""A quirk is one record; wherever a quirk acts, its name is that of the record."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import nbcy
from nbcy.base.errors import ConfigError
from nbcy.config.quirks import QUIRKS, parse_quirks

PACKAGE = Path(nbcy.__file__).parent


def asked_for():
    """Names that code looks for among quirks, by file: ``"name" in config.quirks``."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
                where = node.comparators[0]
                name = where.attr if isinstance(where, ast.Attribute) else getattr(where, "id", "")
                if name == "quirks" and isinstance(node.left, ast.Constant):
                    yield path.relative_to(PACKAGE).as_posix(), node.left.value


def test_every_quirk_is_decided_in_the_file_that_its_record_names():
    files: dict[str, set[str]] = {name: set() for name in QUIRKS}
    for where, name in asked_for():
        if where.startswith("scene/"):
            files.setdefault(name, set()).add(f"nbcy/{where}")
    assert files == {quirk.name: {quirk.decided_in} for quirk in QUIRKS.values()}


def test_nobody_asks_for_another_quirk():
    for where, name in asked_for():
        assert name in QUIRKS, f"{where} asks for {name}"


@pytest.mark.parametrize("quirk", QUIRKS.values(), ids=lambda quirk: quirk.name)
def test_records(quirk):
    assert QUIRKS[quirk.name] is quirk
    assert str(quirk) == quirk.effect
    assert all((quirk.name, quirk.effect, quirk.images, quirk.flags, quirk.sections))
    assert nbcy.Config(quirks=[quirk.name]).quirks == {quirk.name}


def test_names():
    assert parse_quirks("all") == set(QUIRKS)
    assert parse_quirks(" star_radius , pix0_ignored,") == {"star_radius", "pix0_ignored"}
    with pytest.raises(ConfigError, match="star_radius"):
        parse_quirks("starradius")
    with pytest.raises(ConfigError, match="names of quirks"):
        parse_quirks(5)

"""Imports point one way, heavy libraries come late, C symbols carry the project's name."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nbcy

PACKAGE = Path(nbcy.__file__).parent
SOURCES = Path(__file__).parent.parent / "nbcy"

_SPEC = importlib.util.spec_from_file_location("rooms", SOURCES.parent / "docs" / "rooms.py")
rooms = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(rooms)
RANK = {name: rank for rank, name in enumerate(rooms.ROOMS)}
HEAVY = {
    *("pint", "PIL", "tqdm", "rich", "matplotlib", "scipy", "tomli_w"),
    *("gemmi", "h5py", "hdf5plugin", "fabio"),
}


def upward():
    """What is imported against the order of the rooms."""
    for path in rooms.modules():
        where = str(path.relative_to(SOURCES))
        room = where.split("/")[0]
        if room not in RANK:  # the package's own face
            continue
        for name in rooms.imported(path):
            if name.startswith("nbcy.") and name != "nbcy.version":
                other = name.split(".")[1]
                if RANK[other] > RANK[room]:
                    yield where, name


def test_rooms_are_in_order():
    doors = {door for door in rooms.DOORS if room_of(door[1]) > room_of(door[0])}
    assert set(upward()) == doors


def room_of(name):
    """The rank of a module's room, of its path or its dotted name."""
    return RANK[name.removeprefix("nbcy.").replace("/", ".").split(".")[0]]


def circles():
    """Groups of modules that import each other, also inside functions, through no door."""
    names = {
        path: ".".join(("nbcy", *path.relative_to(SOURCES).with_suffix("").parts))
        for path in rooms.modules()
    }
    uses = {
        name: {
            other
            for other in rooms.imported(path)
            if other in names.values()
            and other != name
            and (str(path.relative_to(SOURCES)), other) not in rooms.DOORS
        }
        for path, name in names.items()
    }
    reach = {}
    for name in uses:
        seen, todo = set(), [name]
        while todo:
            for other in uses[todo.pop()] - seen:
                seen.add(other)
                todo.append(other)
        reach[name] = seen
    return {frozenset(o for o in reach[n] if n in reach[o]) for n in uses if n in reach[n]}


def test_no_modules_import_each_other():
    found = {name.removeprefix("nbcy.") for circle in circles() for name in circle}
    assert not found


def test_every_folder_is_a_room():
    folders = {path.name for path in SOURCES.iterdir() if (path / "__init__.py").exists()}
    assert folders - {"data"} == set(rooms.ROOMS)


@pytest.mark.parametrize("room", rooms.ROOMS)
def test_rooms_say_what_comes_in_and_what_goes_out(room):
    text = ast.get_docstring(ast.parse((SOURCES / room / "__init__.py").read_text()))
    assert text is not None
    assert "In:" in text
    assert "Out:" in text


@pytest.mark.parametrize("path", rooms.modules(), ids=lambda path: str(path.relative_to(SOURCES)))
def test_heavy_libraries_come_late(path):
    for name in rooms.imported(path, late=False):
        assert name.split(".")[0] not in HEAVY, f"{name} must be imported where it is used"


def test_import_nbcy_loads_nothing():
    code = "import sys, nbcy; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"numpy", "pydantic", *HEAVY} & set(loaded.stdout.split())


def test_every_public_name_can_be_imported():
    for name in nbcy.__all__:
        assert getattr(nbcy, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Simulater'"):
        nbcy.Simulater  # noqa: B018


def test_type_information_is_installed():
    assert (PACKAGE / "py.typed").exists()
    for extension in ("kernel/_kernel", "base/_rng"):
        assert (PACKAGE / f"{extension}.pyi").exists()


def test_c_symbols_carry_the_project_name():
    kernel = next(PACKAGE.glob("kernel/_kernel.*.so"))
    names = subprocess.run(
        ["nm", "-D", "--defined-only", str(kernel)], capture_output=True, text=True, check=True
    )
    symbols = [line.split()[-1] for line in names.stdout.splitlines()]
    assert symbols
    assert all(s.startswith(("nbcy_", "PyInit_", "_")) for s in symbols), symbols


def lines_of_code(function):
    """Lines of a function but for its docstring."""
    text = ast.get_docstring(function, clean=False)
    return function.end_lineno - function.lineno + 1 - (text.count("\n") + 1 if text else 0)


@pytest.mark.parametrize("path", rooms.modules(), ids=lambda path: str(path.relative_to(SOURCES)))
def test_functions_and_records_are_small(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert lines_of_code(node) <= 80, f"{node.name} wants to come apart"
        elif isinstance(node, ast.ClassDef):
            fields = [item for item in node.body if isinstance(item, ast.AnnAssign)]
            assert len(fields) <= 25, f"{node.name} wants to come apart"


OPENS = re.compile(r"\bopen\(|read_bytes|read_text|atomic_|nbcy\.inputs|base\.files")


@pytest.mark.parametrize("room", ["config", "scene", "kernel"])
def test_rooms_before_the_files_open_none(room):
    for path in sorted((SOURCES / room).glob("*.py")):
        if path.name not in ("files.py", "threads.py"):  # Config.load and save; /proc
            found = OPENS.search(path.read_text())
            assert not found, f"{room}/{path.name} says {found[0]}"


def test_the_picture_is_up_to_date():
    assert rooms.PICTURE.read_text() == rooms.draw(), "draw it anew: python docs/rooms.py"

"""Imports point one way, heavy libraries come late, C symbols carry the project's name."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nbcy

PACKAGE = Path(nbcy.__file__).parent
SOURCES = Path(__file__).parent.parent / "nbcy"

# Data flows from the left to the right; a module imports only what stands before it.
LAYERS = [
    {"errors", "constants", "version", "vectors", "bands", "choices", "quirks"},
    {"units"},
    {"config", "conventions", "presets"},
    {"_rng", "rng"},
    {"detector", "sources", "lattice", "background"},
    {"symmetry", "orientations"},
    {"fcalc", "structure_factors"},
    {"scene"},
    {"_kernel"},
    {"noise", "assembly", "image", "io", "geometry", "prediction"},
    {"variations"},
    {"simulator", "view"},
    {"series"},
    {"installation", "tracelog", "trace", "facts"},
    {"auditing"},
    {"cli", "data"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
HEAVY = {
    *("pint", "PIL", "tqdm", "rich", "matplotlib", "scipy", "tomli_w"),
    *("gemmi", "h5py", "hdf5plugin", "fabio"),
}


def modules():
    return sorted(
        path for path in SOURCES.rglob("*.py") if path.name not in ("__init__.py", "__main__.py")
    )


def part_of(path):
    relative = path.relative_to(SOURCES)
    return relative.parts[0].removesuffix(".py")


def imported(path):
    """Names of what a module imports when it is imported itself."""
    todo = list(ast.parse(path.read_text()).body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.If | ast.Try) and "TYPE_CHECKING" not in ast.dump(node):
            todo += node.body


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCES)))
def test_imports_point_one_way(path):
    mine = part_of(path)
    assert mine in RANK, f"{mine} has no place in the order of layers"
    for name in imported(path):
        if name.startswith("nbcy."):
            other = name.split(".")[1]
            assert RANK[other] <= RANK[mine], f"{mine} imports {other}, which comes after it"
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
    for extension in ("_kernel", "_rng"):
        assert (PACKAGE / f"{extension}.pyi").exists()


def test_c_symbols_carry_the_project_name():
    kernel = next(PACKAGE.glob("_kernel.*.so"))
    names = subprocess.run(
        ["nm", "-D", "--defined-only", str(kernel)], capture_output=True, text=True, check=True
    )
    symbols = [line.split()[-1] for line in names.stdout.splitlines()]
    assert symbols
    assert all(s.startswith(("nbcy_", "PyInit_", "_")) for s in symbols), symbols

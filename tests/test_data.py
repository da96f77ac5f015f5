"""Data files are of our own making, or a README beside them names their source and licence."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
FROM_PACKAGES = (ROOT / "tests" / "data" / "structures", ROOT / "nbcy" / "data")
OTHER_PEOPLES = ("auditcases", "filecases", "seedcase")
LICENCE = re.compile(r"MPL-2\.0|MIT|BSD-3-Clause|CC0-1\.0")


@pytest.mark.parametrize("folder", FROM_PACKAGES, ids=lambda path: path.parent.name)
def test_source_and_licence_are_named(folder: Path) -> None:
    rows = {}
    for line in (folder / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("|") and line.count("|") == 5:
            names, _, source, licence = (cell.strip() for cell in line.strip("|").split("|"))
            rows |= dict.fromkeys(names.split(", "), (source, licence))
    files = {path.name for path in folder.iterdir() if path.suffix not in (".md", ".py")}
    files = {f"{name}/" if (folder / name).is_dir() else name for name in files} - {"__pycache__/"}
    assert files <= rows.keys()
    for name in [name for name in rows if name in files]:
        source, licence = rows[name]
        assert source, name
        assert LICENCE.fullmatch(licence), name


def digests(*folders: Path) -> dict[str, Path]:
    return {
        hashlib.sha256(path.read_bytes()).hexdigest(): path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and path.stat().st_size
    }


@pytest.mark.skipif(not SHARED.exists(), reason="what people sent is not part of nbcy")
def test_no_file_that_people_sent_is_ours() -> None:
    sent = digests(*(SHARED / name for name in OTHER_PEOPLES))
    assert sent
    ours = digests(*(ROOT / name for name in ("tests", "examples", "docs", "bench")), ROOT / "nbcy")
    assert {path: sent[digest] for digest, path in ours.items() if digest in sent} == {}

"""Hypothesis profiles, and the golden cases as fixtures."""

from __future__ import annotations

import json
import os
import runpy
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from seedcase import SEEDCASE

DATA = Path(__file__).parent / "data"
GOLDEN = DATA / "golden"

# No deadlines: tests say nothing about time. Generating a scene is itself slow.
_COMMON: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("quick", max_examples=15, derandomize=True, **_COMMON)
settings.register_profile("ci", max_examples=40, derandomize=True, **_COMMON)
settings.register_profile("long", max_examples=3000, **_COMMON)
settings.load_profile(os.environ.get("NBCY_HYPOTHESIS_PROFILE", "ci"))


def pytest_configure() -> None:
    """Say in one line what hundreds of failures would hide."""
    from nbcy.kernel import _kernel

    sources = Path(__file__).parent.parent / "csrc" / "fingerprint.py"
    wanted = runpy.run_path(str(sources))["fingerprint"]()
    if getattr(_kernel, "SOURCES", "") != wanted:
        pytest.exit(
            "the compiled kernel is not made of these sources: rebuild it, pip install .", 3
        )


# pytest-xdist's workers share the processors.
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    share = (os.cpu_count() or 1) // int(workers)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(share, 1)))


@dataclass(frozen=True)
class GoldenCase:
    """A command line, and what the reference wrote for it."""

    name: str
    argv: tuple[str, ...]
    quirks: tuple[str, ...]
    trace: tuple[int, int] | None
    noise: bool

    @property
    def folder(self) -> Path:
        return GOLDEN / self.name

    @property
    def image(self) -> np.ndarray:
        """The float image, float32 [slow, fast]."""
        with np.load(self.folder / "image.npz") as archive:
            return archive["float"]

    @property
    def nbcy_argv(self) -> list[str]:
        """The command line with which nbcy agrees with the reference."""
        return [*self.argv, *(("-quirks", ",".join(self.quirks)) if self.quirks else ())]


def golden_cases() -> list[GoldenCase]:
    manifest = json.loads((GOLDEN / "manifest.json").read_text())
    return [
        GoldenCase(
            name=entry["name"],
            argv=tuple(shlex.split(entry["args"])),
            quirks=tuple(entry["quirks"]),
            trace=tuple(entry["trace"]) if entry["trace"] else None,
            noise=entry["noise"],
        )
        for entry in manifest
    ]


@pytest.fixture(params=golden_cases(), ids=lambda case: case.name)
def golden_case(request: pytest.FixtureRequest) -> GoldenCase:
    """Each golden case in turn."""
    return request.param


def link_inputs(folder: Path) -> None:
    """Put the inputs that golden command lines name into a folder."""
    for source in (*(GOLDEN / "inputs").iterdir(), SEEDCASE / "A.mat", SEEDCASE / "wilson.hkl"):
        (folder / source.name).symlink_to(source)


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory but for the inputs that golden command lines name."""
    link_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path

"""The kernel's C tests, which need no Python themselves, with each compiler that is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

C = Path(__file__).parent / "c"
COMPILERS = ("gcc", "clang")
# Newest first, where clang has no name of its own.
CLANGS = [f"clang-{version}" for version in range(30, 13, -1)]

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("make") is None, reason="needs make"
)


def command_of(compiler: str) -> str:
    names = [compiler, *(CLANGS if compiler == "clang" else ())]
    found = [name for name in names if shutil.which(name)]
    if not found:
        pytest.skip(f"no {compiler}")
    return found[0]


@pytest.mark.parametrize("compiler", COMPILERS)
def test_kernel(compiler, tmp_path):
    done = subprocess.run(
        ["make", "-s", "-C", C, f"OUT={tmp_path}", f"CC={command_of(compiler)}", "test"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MAKEFLAGS": f"-j{os.cpu_count()}"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failures" in done.stdout
    assert "warning" not in done.stderr

"""A fingerprint of the compiled parts' sources: a kernel that bears another one is stale."""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def fingerprint() -> str:
    """Return it, 16 hexadecimal digits."""
    patterns = ("csrc/*.[ch]", "csrc/builds.mk", "nbcy/*/*.pyx", "nbcy/*/*.pxd")
    files = sorted(path for pattern in patterns for path in ROOT.glob(pattern))
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]

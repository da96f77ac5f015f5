"""The version of this package, which pyproject.toml takes from here."""

from __future__ import annotations

from typing import Final

__version__: Final = "0.1.0"

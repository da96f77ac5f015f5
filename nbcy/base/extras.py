"""Libraries that come with an extra."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from nbcy.base.errors import NbcyError


def install_hint(extra: str) -> str:
    """Return how an extra is installed, also from a checkout."""
    return f'pip install nbcy[{extra}] (from a checkout: pip install ".[{extra}]")'


def require(library: str, extra: str) -> Any:
    """Import a library when it is needed.

    Raises
    ------
    NbcyError
        It is not installed; saying what to install.
    """
    try:
        return import_module(library)
    except ImportError as error:
        if error.name is not None and error.name.split(".")[0] != library.split(".")[0]:
            raise
        text = f"this needs {library.split('.')[0]}: {install_hint(extra)}"
        raise NbcyError(text) from None

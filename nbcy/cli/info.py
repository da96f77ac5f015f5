"""``nbcy info``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def run(argv: Sequence[str]) -> int:
    """Print what was built and what runs."""
    parser = argparse.ArgumentParser(
        prog="nbcy info",
        description="What was built, and what runs.",
        epilog="example: NBCY_ISA=avx2 nbcy info",
    )
    parser.parse_args(argv)
    from nbcy.installation import show_config

    show_config()
    return 0

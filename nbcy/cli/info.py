"""``nbcy info``: what was built and what runs."""

from __future__ import annotations

import argparse


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand."""
    subparsers.add_parser(
        "info",
        description="Say what was built and what runs: version, instruction sets, OpenMP, threads.",
        epilog="example: NBCY_ISA=generic nbcy info",
    )


def run(args: argparse.Namespace) -> int:  # noqa: ARG001
    """Print version, instruction sets, OpenMP and threads."""
    from nbcy.kernel.installation import show_config

    show_config()
    return 0

"""The table of flags for people: on the terminal, and as a page of the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nbcy.flags.table import GROUPS, IDLE, WITHOUT_FLAG, Flag

_COLUMN: Final = 34


def _text(flag: Flag) -> str:
    return f"{flag.help}, {flag.signs}" if flag.units else flag.help


def help_text() -> str:
    """Return the table by heading, in at most 100 columns."""
    lines: list[str] = []
    for heading, group in GROUPS.items():
        lines += ["", heading] if lines else [heading]
        for flag in group:
            shown = f"{' '.join(flag.names)} {flag.takes.shown}".rstrip()
            if len(shown) > _COLUMN - 4:
                lines.append(f"  {shown}")
                shown = ""
            lines.append(f"  {shown:<{_COLUMN - 2}}{_text(flag)}")
    return "\n".join(lines)


def page() -> str:
    """Return the documentation's page of flags, in Markdown."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Flags"
    yield ""
    yield "Made from the table in `nbcy/flags/table.py` by `python -m nbcy.flags > docs/flags.md`."
    yield "[command-line.md](command-line.md) says how flags are read."
    for heading, group in GROUPS.items():
        yield ""
        yield f"## {heading[0].upper()}{heading[1:]}"
        yield ""
        yield "| flag | meaning | sets |"
        yield "|---|---|---|"
        for flag in group:
            names = ", ".join(f"`{name}`" for name in flag.names)
            shown = f" `{flag.takes.shown}`".replace("|", "\\|") if flag.takes.shown else ""
            sets = ", ".join(f"`{name}`" for name in flag.sets if not name.startswith("run."))
            yield f"| {names}{shown} | {_text(flag)} | {sets} |"
    yield ""
    yield "## Skipped, with a note"
    yield ""
    yield "They do nothing in nanoBragg, and so here."
    yield ""
    yield "| flag | |"
    yield "|---|---|"
    for name, idle in IDLE.items():
        yield f"| `{name}{'' if idle.exact else '…'}` | {idle.why} |"
    yield ""
    yield "## Paths without a flag"
    yield ""
    yield "| path | what sets it |"
    yield "|---|---|"
    for path, what in WITHOUT_FLAG.items():
        yield f"| `{path}` | {what} |"

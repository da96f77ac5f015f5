"""Write fields.md from the docstrings of the configuration's sections: python docs/fields.py."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import nbcy
from nbcy.flags.table import FLAGS

PAGE = Path(__file__).with_suffix(".md")
SECTIONS = {
    "crystal": nbcy.Crystal,
    "beam": nbcy.Beam,
    "detector": nbcy.Detector,
    "detector.panels[n]": nbcy.Panel,
    "spindle": nbcy.Spindle,
    "sampling": nbcy.Sampling,
    "background": nbcy.Background,
    "response": nbcy.Response,
    "background.materials[n]": nbcy.Material,
}
HEAD = """\
# Fields of the configuration

A field has one name, its path (`beam.wavelength_angstrom`), in files, in `config.with_overrides`,
behind `--set` and in errors. The end of a name is its unit;
[configuration.md](configuration.md#units) says which other spellings are taken. What happens where
a field without a default is not given stands in [physics](physics/README.md).

This page is written by `docs/fields.py` from `help(nbcy.Crystal)` and the others.
"""


def attributes(section: type) -> Iterator[tuple[list[str], str, str]]:
    """Yield the names, kinds and meaning of each entry of a section's docstring."""
    text = inspect.getdoc(section).split("Attributes\n----------\n")[1]
    text = re.split(r"\n\n\w+\n-+\n", text)[0]
    for names, kinds, meaning in re.findall(r"^(\w[^:\n]*) : (.+)\n((?: +.+\n?)+)", text, re.M):
        yield names.split(", "), kinds, " ".join(meaning.split())


def defaults(section: type, names: list[str]) -> str:
    """Return what fields are when nobody gives them, where that is something."""
    values = {name: section.model_fields[name].default for name in names}
    told = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in values.items()
        if isinstance(value, str | int | float)
    }
    if len(told) == len(names) and len(set(told.values())) == 1:
        return told[names[0]]
    return ", ".join(f"{name} {value}" for name, value in told.items())


def flags(path: str, names: list[str]) -> str:
    """Return the flags of the reference that set some fields, or parts of them."""
    paths = [f"{path}.{name}" for name in names]
    rows = {flag.names[0]: {*flag.sets, *flag.also, *flag.keyword} for flag in FLAGS.values()}
    found = [
        name
        for name, sets in rows.items()
        if any(one == each or one.startswith(f"{each}.") for one in sets for each in paths)
    ]
    return ", ".join(f"`{name}`" for name in found)


def page() -> str:
    """Return the whole page."""
    lines = [HEAD]
    for path, section in SECTIONS.items():
        lines += [f"## {path}", "", inspect.getdoc(section).splitlines()[0], ""]
        lines += ["| field | kind | default | meaning | flags |", "|---|---|---|---|---|"]
        for names, kinds, meaning in attributes(section):
            shown = ", ".join(f"`{name}`" for name in names)
            told = meaning.replace("``", "`")
            cells = (shown, kinds, defaults(section, names), told, flags(path, names))
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

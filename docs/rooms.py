"""Draws docs/rooms.svg from the imports themselves: python docs/rooms.py."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "nbcy"
PICTURE = ROOT / "docs" / "rooms.svg"

# In the order in which data passes: a module imports from its own room and those before it.
ROOMS = [
    *("base", "config", "formats", "inputs", "crystal", "scene", "kernel", "image", "render"),
    *("flags", "auditing", "work", "cli"),
]
# One named door each: a class that offers what is made where it cannot look.
DOORS = {
    ("config/response.py", "nbcy.image.response"),  # Response.expected(image)
    ("formats/geometry.py", "nbcy.scene.measuring"),  # Geometry.of(scene)
    ("formats/geometry.py", "nbcy.formats.geometry_files"),  # Geometry.read, save and text
}

_WIDTH, _LEFT, _ROW, _LINE, _GAP = 1180, 20, 17, 110, 12
_FONT = 'font-family="sans-serif"'


def modules() -> list[Path]:
    """Every module but the packages' faces."""
    faces = ("__init__.py", "__main__.py")
    return sorted(path for path in PACKAGE.rglob("*.py") if path.name not in faces)


def imported(path: Path, *, late: bool = True) -> Iterator[str]:
    """Names of what a module imports, also inside functions unless ``late`` is false."""
    todo: list[ast.AST] = list(ast.parse(path.read_text()).body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        elif late or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo += ast.iter_child_nodes(node)


def room_of(path: Path) -> str:
    """Return the room that a module is in."""
    return path.relative_to(PACKAGE).parts[0]


def arrows() -> dict[tuple[str, str], int]:
    """How many modules of one room import from another, doors apart."""
    found: dict[tuple[str, str], int] = {}
    for path in modules():
        if room_of(path) not in ROOMS:
            continue
        names = {
            name
            for name in imported(path)
            if name.startswith("nbcy.")
            and (str(path.relative_to(PACKAGE)), name) not in DOORS
            and name.split(".")[1] in ROOMS
        }
        for other in {name.split(".")[1] for name in names} - {room_of(path)}:
            found[room_of(path), other] = found.get((room_of(path), other), 0) + 1
    return found


def draw() -> str:
    """Return the picture."""
    body: list[str] = []
    middle: dict[str, float] = {}
    top = 46.0
    for room in ROOMS:
        names = _names(room)
        lines = _wrapped(names)
        height = 24 + _ROW * (len(lines) + 1)
        middle[room] = top + height / 2
        body.append(
            f'<rect x="{_LEFT}" y="{top:g}" width="820" height="{height}" rx="6" fill="#f4f1ea" '
            'stroke="#8a8272"/>'
        )
        body.append(_text(_LEFT + 12, top + 20, room, 15, "bold"))
        body.append(_text(_LEFT + 100, top + 20, _purpose(room), 12, colour="#555"))
        for n, line in enumerate(lines):
            body.append(_text(_LEFT + 100, top + 38 + _ROW * n, line, 11, colour="#1c4f82"))
        top += height + _GAP
    for (room, other), count in sorted(arrows().items()):
        body.append(_arrow(ROOMS.index(room), ROOMS.index(other), middle, count))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top:g}" '
        f'viewBox="0 0 {_WIDTH} {top:g}">'
    )
    title = _text(_LEFT, 28, "The rooms of nbcy, in the order in which data passes", 18, "bold")
    note = _text(
        860, 28, "an arrow: imports from; the thicker, the more modules", 11, colour="#555"
    )
    white = f'<rect width="{_WIDTH}" height="{top:g}" fill="white"/>'
    return "\n".join([head, white, title, note, *body, "</svg>"]) + "\n"


def _names(room: str) -> list[str]:
    folder = PACKAGE / room
    found = [
        str(path.relative_to(folder).with_suffix("")) for path in modules() if room_of(path) == room
    ]
    return [*found, *sorted(path.name for path in folder.glob("*.pyx"))]


def _wrapped(names: list[str]) -> list[str]:
    lines = [""]
    for name in names:
        if len(lines[-1]) + len(name) > _LINE:
            lines.append("")
        lines[-1] += f"{name}, "
    return [line.rstrip(", ") for line in lines]


def _purpose(room: str) -> str:
    text = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text())) or ""
    return text.split("\n")[0]


def _arrow(begin: int, end: int, middle: dict[str, float], count: int) -> str:
    """Draw an arc on the right, from a room to one before it; red where it is against the order."""
    y0, y1 = middle[ROOMS[begin]] - 6, middle[ROOMS[end]] + 6
    bulge = 850 + 22 * abs(begin - end) + 12
    colour = "#b4b0a6" if end < begin else "#d02020"
    width = 0.6 + 0.22 * min(count, 12)
    return (
        f'<path d="M842 {y0:g} C{bulge} {y0:g} {bulge} {y1:g} 850 {y1:g}" fill="none" '
        f'stroke="{colour}" stroke-width="{width:.2f}"/>'
        f'<path d="M842 {y1:g} l9 -4 v8 z" fill="{colour}"/>'
    )


def _text(
    x: float, y: float, text: str, size: int, weight: str = "normal", colour: str = "#222"
) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f"{_FONT}>{escape(text)}</text>"
    )


if __name__ == "__main__":
    PICTURE.write_text(draw())

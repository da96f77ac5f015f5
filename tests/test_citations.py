"""What comments and pages refer to exists: sections, links, files, names, commands."""

from __future__ import annotations

import contextlib
import functools
import pkgutil
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbcy.cli.main import SUBCOMMANDS, main
from nbcy.flags.table import FLAGS

ROOT = Path(__file__).parent.parent
CODE = sorted(
    path
    for folder in ("nbcy", "csrc", "tests", "bench", "examples")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".pyi", ".pyx", ".pxd", ".h"}
    or (path.suffix == ".c" and folder != "nbcy")  # Cython's C is not ours
    if path.name != Path(__file__).name
)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BOOKS = {
    "physics": sorted((ROOT / "docs" / "physics").glob("[0-9]*.md")),
    "trace": [ROOT / "docs" / "trace.md"],
    "formats": [ROOT / "docs" / "formats.md"],
}
"""What can be cited by number."""

NUMBER = r"\d+(?:\.\d+)?"
CITATION = re.compile(
    rf"\b({'|'.join(BOOKS)}) ({NUMBER}(?:(?:, | and | to ){NUMBER})*)(?![\w-])", re.IGNORECASE
)
VAGUE = re.compile(
    r"\bsections? \d|\b(?:physics|trace|formats) \d+(?:\.\d+)? (?:step|point) \d|"
    r"\(formats, |\b(?:the|physics|command-line) spec(?:'s|ification)?\b|\bspec (?:trace|physics)",
    re.IGNORECASE,
)
HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)
LINK = re.compile(r"(?<!`)!?\[([^\]]*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(
    r"(?<![\w/.*-])((?:\.ci|nbcy|csrc|tests|bench|docs|examples)(?:/[\w.-]+)+"
    r"(?:\.(?:py|pyx|pyi|pxd|h|c|md|toml|geom|gz|png)\b|/(?=[\s`),])))"
)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@functools.cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def unwrapped(text: str) -> str:
    """Join lines, so that what is wrapped in a comment reads on."""
    return re.sub(r"\s*\n\s*(?:#|\*|//)?\s*", " ", text)


def headings(path: Path) -> list[str]:
    return [title for _, title in HEADING.findall(FENCE.sub("", text_of(path)))]


def anchor(title: str) -> str:
    """What a forge makes of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower().replace("`", "")).strip().replace(" ", "-")


@functools.cache
def sections(book: str) -> dict[str, Path]:
    """Page of each numbered section."""
    found: dict[str, Path] = {}
    for page in BOOKS[book]:
        for title in headings(page):
            if match := re.match(rf"({NUMBER}) \S", title):
                assert match[1] not in found, f"{book} {match[1]} stands twice"
                found[match[1]] = page
    return found


def cited(text: str) -> Iterator[tuple[str, str]]:
    """Yield book and section; ``3 to 5`` cites 3, 4 and 5, ``7.3 to 7.5`` likewise."""
    for book, numbers in CITATION.findall(unwrapped(text)):
        previous, join = "", ""
        for part in re.split(r"(, | and | to )", numbers):
            if part.strip() in {",", "and", "to"}:
                join = part.strip()
                continue
            if join == "to":
                yield from ((book.lower(), number) for number in between(previous, part))
            yield book.lower(), part
            previous = part


def between(first: str, last: str) -> list[str]:
    *chapter, start = first.split(".")
    *other, stop = last.split(".")
    assert chapter == other, f"{first} to {last} has ends of two kinds"
    assert int(start) < int(stop), f"{first} to {last} goes backwards"
    return [".".join([*chapter, str(n)]) for n in range(int(start) + 1, int(stop))]


def unresolved(text: str) -> list[str]:
    return [f"{book} {number}" for book, number in cited(text) if number not in sections(book)]


def everywhere(found: Callable[[Path], list[str]]) -> dict[str, list[str]]:
    """What is found, by file."""
    return {relative(path): names for path in [*CODE, *PAGES] if (names := found(path))}


def test_citations_resolve():
    missing = everywhere(lambda path: unresolved(text_of(path)))
    assert not missing, "cited, but not in docs"


def test_there_are_citations():
    """The net is not empty: a hundred places and most sections of the physics."""
    found = [pair for path in CODE for pair in cited(text_of(path))]
    assert len(found) > 100
    assert {number.split(".")[0] for book, number in found if book == "physics"} == {
        str(n) for n in range(1, 14)
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("as in physics 2.6", []),
        ("(physics 3 to 5, trace 3.1)", []),
        ("/* physics\n * 7.3 to 7.5 */", []),
        ("# physics\n    # 9.4 and 9.6", []),
        ("physics 14", ["physics 14"]),
        ("physics 2.60", ["physics 2.60"]),
        ("Physics 1, 9.99 and 3", ["physics 9.99"]),
        ("physics 9 to 14", ["physics 14"]),
        ("physics 11.1 to 11.5", ["physics 11.4", "physics 11.5"]),
        ("formats 77", ["formats 77"]),
        ("trace 40_61, a trace of 3 steps", []),
    ],
)
def test_a_citation_is_found_and_judged(text, expected):
    assert unresolved(text) == expected


def vague(path: Path) -> list[str]:
    text = LINK.sub("", unwrapped(text_of(path)))
    return [text[match.start() : match.end() + 30] for match in VAGUE.finditer(text)]


def test_citations_have_one_form():
    assert not everywhere(vague), "cite as `physics 2.6` (CONTRIBUTING.md)"


@pytest.mark.parametrize("book", BOOKS)
def test_sections_are_counted_without_gaps(book):
    numbers = [tuple(map(int, number.split("."))) for number in sections(book)]
    assert numbers == sorted(numbers)
    chapters = sorted({number[0] for number in numbers})
    assert chapters == list(range(1, len(chapters) + 1))
    for chapter in chapters:
        parts = [number[1] for number in numbers if len(number) == 2 and number[0] == chapter]
        assert parts == list(range(1, len(parts) + 1))
        assert (chapter,) in numbers


def test_the_map_of_the_physics_names_files_that_cite():
    """Each file in the table says which part of its section it computes."""
    table = text_of(ROOT / "docs" / "physics" / "README.md")
    files = {row[1]: FILE.findall(row[0]) for row in re.finditer(r"^\| \[(\d+) .*", table, re.M)}
    assert list(files) == [str(n) for n in range(1, 14)]
    for chapter, names in files.items():
        assert names
        for name in names:
            found = {number.split(".")[0] for _, number in cited(text_of(ROOT / name))}
            assert chapter in found, f"{name} cites nothing of physics {chapter}"


def test_every_part_of_the_physics_is_cited_by_code():
    """What no code computes has no business among the physics, or the code does not say so."""
    ours = [path for path in CODE if relative(path).startswith(("nbcy", "csrc"))]
    found = {number for path in ours for book, number in cited(text_of(path)) if book == "physics"}
    silent = [n for n in sections("physics") if "." in n and n not in found]
    assert silent == ["11.2", "11.3"]


def test_pages_are_named_after_their_section():
    for number, page in sections("physics").items():
        assert page.name.startswith(f"{int(number.split('.')[0]):02d}-")


def links() -> Iterator[tuple[Path, str, str]]:
    for page in PAGES:
        for shown, target in LINK.findall(FENCE.sub("", text_of(page))):
            if not re.match(r"[a-z]+:", target):
                yield page, shown, target


def broken(page: Path, shown: str, target: str) -> str:
    """Why a link leads nowhere, or nothing."""
    name, _, fragment = target.partition("#")
    file = (page.parent / name).resolve() if name else page
    if not (file.exists() and file.is_relative_to(ROOT.resolve())):
        return "no such file"
    found = headings(file) if file.suffix == ".md" else []
    titles = {"": found[0] if found else "", **{anchor(title): title for title in found}}
    if fragment not in titles:
        return "no such heading"
    number = re.match(rf"{NUMBER}$", shown)
    return "" if not number or titles[fragment].startswith(f"{shown} ") else "another section"


def test_links_resolve():
    every = [*links()]
    assert len(every) > 50
    bad = {(relative(link[0]), link[2]): why for link in every if (why := broken(*link))}
    assert not bad


@pytest.mark.parametrize(
    ("shown", "target", "expected"),
    [
        ("2.6", "physics/02-position.md#26-sub-pixels", ""),
        ("2.5", "physics/02-position.md#26-sub-pixels", "another section"),
        ("2", "physics/02-position.md", ""),
        ("3", "physics/02-position.md", "another section"),
        ("there", "physics/02-position.md#27-sub-pixels", "no such heading"),
        ("there", "physics/99-nothing.md", "no such file"),
        ("there", "../../elsewhere.md", "no such file"),
    ],
)
def test_a_link_is_judged(shown, target, expected):
    assert broken(ROOT / "docs" / "trace.md", shown, target) == expected


def test_files_that_are_named_exist():
    missing = everywhere(
        lambda path: [x for x in FILE.findall(text_of(path)) if not (ROOT / x).exists()]
    )
    missing.pop("docs/architecture.md", None)  # being written
    assert not missing, "named, but not there"


def test_names_and_extras_exist():
    """`nbcy.X` of the pages can be imported, and `nbcy[x]` is an extra."""
    extras = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]["optional-dependencies"]
    for page in PAGES:
        for name in set(re.findall(r"\bnbcy(?:\.[A-Za-z_]\w*)+", text_of(page))):
            assert pkgutil.resolve_name(name) is not None, f"{relative(page)}: {name}"
        for names in re.findall(r"(?:nbcy|\.)\[([a-z,]+)\]", text_of(page)):
            assert set(names.split(",")) <= set(extras), f"{relative(page)}: [{names}]"


def commands() -> Iterator[tuple[str, list[str]]]:
    """Lines of shell that call nbcy, with the page."""
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", text_of(page), re.DOTALL):
            for line in re.findall(r"\bnbcy (.+)", block.replace("\\\n", " ")):
                yield relative(page), shlex.split(line, comments=True)


def test_commands_use_what_there_is(capsys):
    """Subcommands, their options, and nanoBragg's flags, each by its exact name."""
    every = [*commands()]
    assert len(every) > 15
    for page, words in every:
        name = words[0] if words[0] in SUBCOMMANDS else None
        if name:
            with contextlib.suppress(SystemExit):
                main([name, "--help"])
        shown = set(re.findall(r"(?<![\w-])--?[\w-]+", capsys.readouterr().out))
        for word in words[bool(name) :]:
            if re.match(r"--?[a-zA-Z]", word):
                assert word in shown or word in FLAGS, f"{page}: {' '.join(words)}: {word}"

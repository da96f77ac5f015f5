"""``nbcy completion``: a script for the shell, made from the parsers and the table of flags."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Final

SHELLS: Final = {
    "bash": 'eval "$(nbcy completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(nbcy completion zsh)" in ~/.zshrc, after compinit',
    "fish": "nbcy completion fish > ~/.config/fish/completions/nbcy.fish",
}
"""Shells, and how to use the script."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand."""
    usage = "\n".join(f"  {line}" for line in SHELLS.values())
    parser = subparsers.add_parser(
        "completion",
        description="Print a script that completes subcommands, options, flags and their choices.",
        epilog=f"example:\n{usage}",
    )
    parser.add_argument("shell", choices=SHELLS)


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    lines = _fish() if args.shell == "fish" else _bash(args.shell == "zsh")
    print("\n".join(lines))
    return 0


def _subcommands() -> dict[str, list[str]]:
    """Return the words that can follow each subcommand."""
    from nbcy.cli.main import SUBCOMMANDS
    from nbcy.cli.subcommands import parser_of
    from nbcy.flags.table import FLAGS

    found = {}
    for name in SUBCOMMANDS:
        module, _, parser = parser_of(name)
        flags = FLAGS if getattr(module, "TAKES_FLAGS", False) else ()
        found[name] = sorted({*parser._option_string_actions, *flags})
    found["completion"] += list(SHELLS)
    return found


def _choices() -> dict[str, list[str]]:
    """Return the words that can follow flags and options that take one of a few."""
    from nbcy.cli.main import SUBCOMMANDS
    from nbcy.cli.subcommands import parser_of
    from nbcy.config.presets import PRESETS
    from nbcy.config.quirks import QUIRKS

    found = {"-pivot": ["sample", "beam"], "-precision": ["double", "single"]}
    found["-quirks"] = ["all", *QUIRKS]
    for name in SUBCOMMANDS:
        _, _, parser = parser_of(name)
        for option, action in parser._option_string_actions.items():
            if action.choices:
                found[option] = [str(choice) for choice in action.choices]
    found["--detector"] = list(PRESETS)
    return found


def _bash(zsh: bool) -> Iterator[str]:
    from nbcy.flags.table import FLAGS

    flags = " ".join(FLAGS)
    subcommands = _subcommands()
    if zsh:
        yield "autoload -U +X bashcompinit && bashcompinit"
    yield "_nbcy() {"
    yield '  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" words'
    yield '  case "$before" in'
    for option, choices in _choices().items():
        yield f'    {option}) COMPREPLY=($(compgen -W "{" ".join(choices)}" -- "$word")); return;;'
    yield "  esac"
    yield '  case "${COMP_WORDS[1]}" in'
    for name, words in subcommands.items():
        yield f'    {name}) words="{" ".join(words)}";;'
    yield f'    *) words="{flags} --quiet";;'
    yield "  esac"
    yield f'  [ "$COMP_CWORD" = 1 ] && words="{" ".join(subcommands)} --help --version {flags}"'
    yield '  COMPREPLY=($(compgen -W "$words" -- "$word"))'
    yield '  case "$word" in -*) ;; *) COMPREPLY+=($(compgen -f -- "$word"));; esac'
    yield "}"
    yield "complete -o filenames -F _nbcy nbcy"


def _fish() -> Iterator[str]:
    from nbcy.cli.main import SUBCOMMANDS

    names = " ".join(SUBCOMMANDS)
    for name, text in SUBCOMMANDS.items():
        yield f"complete -c nbcy -n __fish_use_subcommand -a {name} -d {_quoted(text)}"
    yield from _fish_flags(f"not __fish_seen_subcommand_from {names}")
    choices = _choices()
    for name, words in _subcommands().items():
        seen = f"__fish_seen_subcommand_from {name}"
        for option in words:
            if option.startswith("--"):
                more = f" -x -a {_quoted(' '.join(choices[option]))}" if option in choices else ""
                yield f"complete -c nbcy -n {_quoted(seen)} -l {option[2:]}{more}"
    yield from _fish_flags("__fish_seen_subcommand_from simulate trace")
    yield f"complete -c nbcy -n '__fish_seen_subcommand_from completion' -f -a '{' '.join(SHELLS)}'"


def _fish_flags(when: str) -> Iterator[str]:
    from nbcy.flags.table import FLAGS

    choices = _choices()
    for name, flag in FLAGS.items():
        more = f" -x -a {_quoted(' '.join(choices[name]))}" if name in choices else ""
        yield f"complete -c nbcy -n {_quoted(when)} -o {name[1:]}{more} -d {_quoted(flag.help)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "\\'") + "'"

"""``nbcy simulate``: a config file, nanoBragg's flags on top of it, output by suffix."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbcy.cli.dropin import prepare, warn
from nbcy.cli.flags import blame, parse
from nbcy.cli.progress import progress_bar
from nbcy.config import Config
from nbcy.errors import ConfigError, UsageError

HELP = """\
usage: nbcy simulate [CONFIG.toml|CONFIG.json] [nanoBragg flags] [--set KEY=VALUE]... [--output FILE]...

Render an image from a config file. nanoBragg's flags (nbcy --help) override what the file says,
--set overrides both.

  --set KEY=VALUE     e.g. --set crystal.cells=[20,20,20] --set beam.energy="12 keV"
  --output FILE, -o   .bin raw float32, .img SMV, .pgm, .png, .npy; repeat for several (default: image.png)
  --noise SEED        write photon counts, drawn with NumPy, in place of expected photons
  --save-config FILE  also write the configuration that was used, .toml or .json

example:
  nbcy simulate experiment.toml -N 20 --set beam.flux_photons_per_s=1e12 -o image.img -o image.png
"""


def run(argv: Sequence[str]) -> int:
    """Simulate."""
    if any(word in ("--help", "-h") for word in argv):
        print(HELP, end="")
        return 0
    words, options = _split(list(argv))
    invocation = parse(words, Config.load(options["config"][0]) if options["config"] else None)
    config = invocation.config.with_overrides(_settings(options["set"]))
    for note in invocation.notes:
        warn(f"note: {note}")

    from nbcy.image import output_format
    from nbcy.io.atomic import check_destination
    from nbcy.simulator import resolve_threads

    outputs = options["output"] or ["image.png"]
    for name in [*outputs, *options["save_config"]]:
        check_destination(name)
    for name in outputs:
        output_format(name)
    for name in options["save_config"]:
        if Path(name).suffix.lower() not in (".toml", ".json"):
            raise UsageError(f"--save-config {name}: must end in .toml or .json")
    seed = _seed(options["noise"])
    threads = resolve_threads(invocation.run.threads)
    try:
        simulator = prepare(config)
    except ConfigError as error:
        raise UsageError(blame(error, invocation.given)) from None
    with progress_bar(None if invocation.run.progress else False) as progress:
        image = simulator.run(threads=threads, progress=progress)
    if seed is not None:
        image = image.with_noise(seed=seed)
    found = image.statistics()
    print(f"{found.sum:g} photons, mean {found.mean:g}, max {found.max:g} at slow {found.max_slow} fast {found.max_fast}")
    for name in outputs:
        image.save(name)
        print(f"written {name}")
    for name in options["save_config"]:
        config.save(name)
        print(f"written {name}")
    return 0


def _split(words: list[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Separate our own options and the config file from nanoBragg's flags."""
    names = {"--set": "set", "--output": "output", "-o": "output", "--noise": "noise", "--save-config": "save_config"}
    options: dict[str, list[str]] = {name: [] for name in (*names.values(), "config")}
    rest: list[str] = []
    if words and not words[0].startswith("-"):
        options["config"].append(words.pop(0))
    while words:
        word, equals, value = words[0].partition("=")
        if word not in names:
            if word.startswith("--"):
                raise UsageError(f"unknown option {word}; see nbcy simulate --help")
            rest.append(words.pop(0))
            continue
        words.pop(0)
        if not equals:
            if not words:
                raise UsageError(f"{word}: expected a value")
            value = words.pop(0)
        options[names[word]].append(value)
    return rest, options


def _settings(words: list[str]) -> dict[str, Any]:
    """Read what --set sets."""
    settings = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {word}: expected KEY=VALUE, such as crystal.cells=[20,20,20]")
        settings[key] = _value(text)
    return settings


def _value(text: str) -> Any:
    """Read a value as JSON where it is JSON, else as the text it is."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _seed(given: list[str]) -> int | None:
    if not given:
        return None
    try:
        seed = int(given[-1])
    except ValueError:
        seed = -1
    if seed < 0:
        raise UsageError(f"--noise {given[-1]}: expected a whole number of at least 0")
    return seed

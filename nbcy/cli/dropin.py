"""nanoBragg's own way of being called: its flags, its report, its files."""

from __future__ import annotations

import secrets
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nbcy.cli import report
from nbcy.cli.flags import Run, blame, parse
from nbcy.cli.progress import progress_bar
from nbcy.errors import ConfigError, UsageError
from nbcy.io.atomic import check_destination

if TYPE_CHECKING:
    from nbcy.image import Image
    from nbcy.simulator import Simulator


def warn(text: str) -> None:
    """Say something on stderr that is not an error."""
    print(f"nbcy: {text}", file=sys.stderr)


def prepare(config: object) -> Simulator:
    """Build the simulator; its notes go to stderr."""
    from nbcy.config import Config
    from nbcy.simulator import Simulator

    assert isinstance(config, Config)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        simulator = Simulator(config)
    for warning in caught:
        warn(f"note: {warning.message}")
    return simulator


def run(argv: Sequence[str]) -> int:
    """Simulate what nanoBragg's flags ask for.

    Parameters
    ----------
    argv : sequence of str

    Returns
    -------
    int
        Exit status.
    """
    invocation = parse(argv)
    outputs = invocation.run
    if outputs.seed is None:
        outputs = replace(outputs, seed=secrets.randbelow(2**31 - 2) + 1)
    for note in invocation.notes:
        warn(f"note: {note}")
    try:
        simulator = prepare(invocation.config)
    except ConfigError as error:
        raise UsageError(blame(error, invocation.given)) from None
    _check(outputs, simulator)

    _print(report.scene_lines(simulator.scene, outputs, invocation.headers))
    if outputs.trace_pixel:
        print(simulator.trace(*outputs.trace_pixel).to_log())
    with progress_bar(None if outputs.progress else False) as progress:
        image = simulator.run(threads=outputs.threads, progress=progress)
    if outputs.printout or outputs.printout_pixel:
        _print_pixels(image, outputs)
    write(image, outputs)
    return 0


def _check(outputs: Run, simulator: Simulator) -> None:
    """Refuse what could only fail after the work is done."""
    from nbcy.simulator import resolve_threads

    resolve_threads(outputs.threads)
    panel = simulator.scene.panels[0]
    names = [outputs.floatfile, outputs.intfile]
    names += [outputs.noisefile] if outputs.noise else []
    names += [outputs.pgmfile] if outputs.pgm else []
    for name in names:
        check_destination(name)
    real = [name for name in names if name != "/dev/null"]
    if len(set(real)) < len(real):
        raise UsageError(f"two images would be written to the same file: {', '.join(sorted(real))}")
    pairs = (("-printout_pixel", outputs.printout_pixel), ("-trace_pixel", (outputs.trace_pixel or (0, 0))[::-1]))
    for flag, pixel in pairs:
        if pixel and not (0 <= pixel[0] < panel.pixels_fast and 0 <= pixel[1] < panel.pixels_slow):
            raise UsageError(
                f"{flag}: fast {pixel[0]}, slow {pixel[1]} is not on the detector of "
                f"{panel.pixels_fast} x {panel.pixels_slow} pixels"
            )
    for flag, scale in (("-scale", outputs.scale), ("-pgmscale", outputs.pgmscale), ("-adc", outputs.adc)):
        if scale is not None and not abs(scale) < float("inf"):
            raise UsageError(f"{flag}: expected a finite number, not {scale}")


def _print(lines: object) -> None:
    for line in lines:  # type: ignore[attr-defined]
        print(line)
    sys.stdout.flush()


def _print_pixels(image: Image, outputs: Run) -> None:
    fast_min, fast_max, slow_min, slow_max = image.roi
    if outputs.printout_pixel:
        fast_min = fast_max = outputs.printout_pixel[0]
        slow_min = slow_max = outputs.printout_pixel[1]
    for slow in range(slow_min, slow_max + 1):
        for fast in range(fast_min, fast_max + 1):
            print(f"{fast:4d} {slow:4d} : {image.pixels[slow, fast]:.9g} photons")


def write(image: Image, outputs: Run) -> None:
    """Write the reference's files and print its lines about them."""
    print(report.solid_angle_line(image))
    print(f"writing {outputs.floatfile} as {image.pixels.size} 4-byte floats")
    image.save(outputs.floatfile, format="raw")
    _print(report.statistics_lines(image))
    scale = _scale(outputs.scale, image, "smv")
    print(f"intfile_scale = {scale:g}")
    print(f"writing {outputs.intfile} as 2-byte integers")
    image.save(outputs.intfile, format="smv", scale=scale, adc=outputs.adc)
    if outputs.pgm:
        scale = _scale(outputs.pgmscale, image, "pgm")
        print(f"pgm_scale = {scale:g}")
        print(f"writing {outputs.pgmfile} as 1-byte integers")
        image.save(outputs.pgmfile, format="pgm", scale=scale)
    if outputs.noise:
        assert outputs.seed is not None
        noisy = image.with_noise(seed=outputs.seed, stream="reference")
        photons = noisy.statistics().sum
        print(f"{photons:.0f} photons on noise image ({noisy.overloads(outputs.adc)} overloads)")
        print(f"writing {outputs.noisefile} as 2-byte integers")
        noisy.save(outputs.noisefile, format="smv", scale=1.0, adc=outputs.adc)


def _scale(given: float | None, image: Image, format: str) -> float:
    # the reference takes a scale that is not positive for one that was not given
    return given if given is not None and given > 0.0 else image.default_scale(format)

"""The reference's command line: its flags, its report, its files (docs/command-line.md)."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from nbcy.base.errors import ConfigError, UsageError
from nbcy.cli import report
from nbcy.cli.advice import differs_from_reference, long_run, too_dark
from nbcy.cli.messages import note, running, say
from nbcy.cli.progress import progress_bar
from nbcy.flags.parsing import Invocation, Run, parse
from nbcy.flags.words import blame

if TYPE_CHECKING:
    from nbcy.image.image import Image
    from nbcy.image.noise import Stream
    from nbcy.render.simulator import Simulator
    from nbcy.scene.scene import Scene


def run(argv: Sequence[str]) -> int:
    """Do what a command line of the reference asks for.

    Parameters
    ----------
    argv : sequence of str
        The words after the program's name.

    Returns
    -------
    int
        Exit status.
    """
    return execute(parse(argv, options=_simulate_options), stream="reference", old_script=True)


def _simulate_options() -> dict[str, str]:
    """Return what a word may have been meant for that only the other face knows."""
    from nbcy.cli.subcommands import long_options

    return {name: f"nbcy simulate {option}" for name, option in long_options("simulate").items()}


def execute(
    invocation: Invocation,
    *,
    stream: Stream,
    outputs: Sequence[str] = (),
    inputs: Sequence[str] = (),
    old_script: bool = False,
) -> int:
    """Check everything, then report, render and write.

    Parameters
    ----------
    invocation : Invocation
    stream : {"numpy", "reference"}
        Where the noise comes from.
    outputs : sequence of str
        Files to write in addition; the suffix tells the format.
    inputs : sequence of str
        Files that were read and must not be written to, besides those of the configuration.
    old_script : bool
        Say where the reference would make another image.

    Returns
    -------
    int
        Exit status.

    Raises
    ------
    UsageError, FileError
        Wrong use, found before anything is computed or written.
    Failure
        What goes wrong after that.
    """
    run = invocation.run
    simulator = _prepare(invocation)
    run = _check_panels(invocation, simulator, outputs)
    _check_pixels(run, simulator)
    check_outputs(invocation, [*_files(run), *outputs], inputs)
    for text in invocation.notes:
        note(text)
    note_ahead(simulator.scene, run, old_script)
    if run.noise and "run.seed" not in invocation.given:
        note(f"no -seed is given: the noise is that of seed {run.seed}, the same every time")
    with running():
        say(*report.scene_lines(simulator.scene, run, invocation.headers))
        sys.stdout.flush()
        if run.trace_pixel is not None:
            _print(simulator.trace(*run.trace_pixel).to_log().splitlines())
        with progress_bar(run.progress) as progress:
            image = simulator.run(run.threads, progress=progress)
        if dark := too_dark(image):
            note(dark)
        _print_pixels(image, run)
        write_files(image, run, stream)
        for path in outputs:
            _write_by_suffix(image, path, run)
    return 0


def _prepare(invocation: Invocation) -> Simulator:
    """Build the scene; a value that does not fit is blamed on its flag."""
    from nbcy.base.threads import resolve_threads
    from nbcy.kernel._kernel import chosen_isa
    from nbcy.render.simulator import Simulator

    try:
        resolve_threads(invocation.run.threads)
        chosen_isa()
        simulator = Simulator(invocation.config)
    except ConfigError as error:
        raise UsageError(blame(error, invocation.given)) from error
    check_scatters(simulator.scene)
    return simulator


def check_scatters(scene: Scene) -> None:
    """Refuse to render nothing.

    Raises
    ------
    UsageError
    """
    if not scene.hkl.data.any() and scene.water == 0.0 and not scene.haze:
        raise UsageError("there is nothing to scatter: give structure factors, -hkl or -default_F")


def note_ahead(scene: Scene, run: Run, old_script: bool = False, frames: int = 1) -> None:
    """Say before it is rendered what a run should be known for."""
    from nbcy.base.threads import resolve_threads

    if long := long_run(scene, resolve_threads(run.threads), frames):
        note(long)
    for text in differs_from_reference(scene) if old_script else ():
        note(text)


def _check_panels(invocation: Invocation, simulator: Simulator, outputs: Sequence[str]) -> Run:
    """Refuse what is for one panel; of the files nobody asked for, leave these out."""
    run, scene, given = invocation.run, simulator.scene, invocation.given
    check_scene(scene, outputs)
    if len(scene.panels) == 1:
        return run
    for name in ("trace_pixel", "printout_pixel", "intfile", "pgmfile", "noisefile"):
        if f"run.{name}" in given:
            raise UsageError(f"{given[f'run.{name}']}: the detector has {len(scene.panels)} panels")
    if run.intfile is not None:
        note(f"the detector has {len(scene.panels)} panels: no SMV and PGM files are written")
    return replace(run, intfile=None, pgm=False, noise=False)


def check_scene(scene: Scene, outputs: Sequence[str]) -> None:
    """Refuse outputs that do not hold the panels or the geometry of a scene.

    Raises
    ------
    UsageError, FileError
    """
    if not outputs:
        return
    from nbcy.formats.geometry import Geometry
    from nbcy.formats.geometry_files import writes
    from nbcy.formats.writers import check_panels
    from nbcy.image.image import output_format

    for path in outputs:
        try:
            if writes(path):
                Geometry.of(scene).text(path)
            elif not is_description(path):
                check_panels(output_format(path), scene.panels)
        except ConfigError as error:
            raise UsageError(f"-o {path}: {error.expected}") from error


def _check_pixels(run: Run, simulator: Simulator) -> None:
    slow_fast = simulator.scene.panels[0].shape
    for flag, pixel, extents, order in (
        ("-trace_pixel", run.trace_pixel, slow_fast, "slow, fast"),
        ("-printout_pixel", run.printout_pixel, slow_fast[::-1], "fast, slow"),
    ):
        if pixel is not None and not all(
            0 <= p < extent for p, extent in zip(pixel, extents, strict=True)
        ):
            last = f"{extents[0] - 1} {extents[1] - 1}"
            raise UsageError(
                f"{flag}: {pixel[0]} {pixel[1]} ({order}) is not on the detector, "
                f"whose last pixel is {last}"
            )


def _files(run: Run) -> list[str]:
    """Names of the reference's files that will be written."""
    wanted = (
        (run.floatfile, True),
        (run.intfile, True),
        (run.pgmfile, run.pgm),
        (run.noisefile, run.noise),
    )
    return [path for path, write in wanted if write and path is not None]


def check_outputs(invocation: Invocation, paths: list[str], inputs: Sequence[str]) -> None:
    """Refuse, before the work is done, what could not be written or would destroy something.

    Raises
    ------
    FileError, UsageError
    """
    from nbcy.base.atomic import check_destination

    config = invocation.config
    read = [
        *inputs,
        *invocation.headers,
        config.crystal.hkl_file,
        config.crystal.structure_file,
        config.crystal.matrix_file,
        config.beam.source_file,
        config.detector.mask_file,
        *(one.table for one in config.background.materials),
    ]
    taken = {os.path.realpath(path): "is an input" for path in read if path is not None}
    for path in paths:
        target = check_destination(path)
        if target.exists() and not target.is_file():
            continue  # a device or a pipe takes any number of images
        if str(target) in taken:
            raise UsageError(f"{path} cannot be written: it {taken[str(target)]} as well")
        taken[str(target)] = "is another output"


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)
    sys.stdout.flush()


def _print_pixels(image: Image, run: Run) -> None:
    """Print fast, slow and value of the pixels that were asked for."""
    if run.printout_pixel is not None:
        fast, slow = run.printout_pixel
        region = (fast, fast, slow, slow)
    elif run.printout:
        region = image.roi
    else:
        return
    fast_min, fast_max, slow_min, slow_max = region
    for slow in range(slow_min, slow_max + 1):
        row = image.pixels[slow].tolist()
        _print(f"{fast} {slow} {row[fast]:.9g}" for fast in range(fast_min, fast_max + 1))


def write_files(image: Image, run: Run, stream: Stream) -> None:
    """Write the reference's files, with the lines it prints about them."""
    from nbcy.image.reference_smv import save_reference_smv

    say(report.solid_angle_line(image))
    if run.floatfile is not None:
        say(f"writing {run.floatfile} as {image.size} 4-byte floats")
        image.save(run.floatfile, format="raw")
    say(*report.statistics_lines(image))
    if run.intfile is not None:
        scale = image.default_scale("smv") if run.scale is None else run.scale
        say(f"intfile_scale = {scale:g}")
        say(f"writing {run.intfile} as 2-byte integers")
        save_reference_smv(image, run.intfile, scale, run.adc)
    if run.pgm:
        scale = image.default_scale("pgm") if run.pgmscale is None else run.pgmscale
        say(f"pgm_scale = {scale:g}")
        say(f"writing {run.pgmfile} as 1-byte integers")
        image.save(run.pgmfile, format="pgm", scale=scale)
    if run.noise:
        counts = image.with_noise(abs(run.seed), stream)
        photons, overloads = counts.statistics().sum, counts.overloads(run.adc)
        say(f"{photons:.0f} photons on noise image ({overloads} overloads)")
        if photons == 0 and not too_dark(image):
            note(f"the noise image has no photon: {too_dark(image, math.inf)}")
        say(f"writing {run.noisefile} as 2-byte integers")
        # Cut, not rounded, as the sum is (physics 10.4).
        save_reference_smv(counts, run.noisefile, 1.0, math.floor(run.adc))


DESCRIPTIONS: Final = ".toml, .json, .expt, .geom, or be named XDS.INP or XPARM.XDS"
"""Names of outputs that hold no pixels."""


def is_description(path: str) -> bool:
    """Whether an output is to hold the configuration or the geometry."""
    from nbcy.formats.geometry_files import writes

    return path.lower().endswith((".toml", ".json")) or writes(path)


def save_description(path: str, scene: Scene, count: int = 1, files: Sequence[str] = ()) -> None:
    """Write the configuration or the geometry of images, which are in files."""
    from nbcy.formats.geometry import Geometry
    from nbcy.formats.geometry_files import writes

    if writes(path):
        replace(Geometry.of(scene), images=count, files=tuple(files)).save(path)
    else:
        scene.config.save(path)


def _write_by_suffix(image: Image, path: str, run: Run) -> None:
    from nbcy.image.image import output_format

    say(f"writing {path}")
    if is_description(path):
        save_description(path, image.scene)
        return
    format = output_format(path)
    if format == "smv":
        image.save(path, scale=run.scale, adc=run.adc)
    elif format == "pgm":
        image.save(path, scale=run.pgmscale)
    else:
        image.save(path)


def only_named(invocation: Invocation) -> Run:
    """Return what to do when only files that were named are to be written."""
    run, given = invocation.run, invocation.given
    return replace(
        run,
        floatfile=run.floatfile if "run.floatfile" in given else None,
        intfile=run.intfile if "run.intfile" in given else None,
        pgm=run.pgm and "run.pgmfile" in given,
        noise=run.noise and "run.noisefile" in given,
    )

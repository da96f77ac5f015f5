"""``nbcy noisify``: noisify's flags, from a float image to what a detector reads."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from nbcy.base.errors import ConfigError, UsageError
from nbcy.cli.messages import note, running, say

if TYPE_CHECKING:
    from nbcy.flags.noisify import Job
    from nbcy.image.image import Image

READS_WORDS = True


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand."""
    from nbcy.flags.noisify import help_lines

    subparsers.add_parser(
        "noisify",
        usage="nbcy noisify FLAG [VALUE ...] ... [FILE]",
        description="Do what noisify does: read a float image of expected photons, write"
        "\nintimage.img, image.pgm and noiseimage.img.\nWhat is drawn has noisify's statistics, "
        "not its random stream.",
        epilog="flags\n" + "\n".join(help_lines()) + "\n\nexample: nbcy noisify -header image.img "
        "-scale 1000 -psf fiber -readout_noise 3 floatimage.bin",
    )


def run(args: argparse.Namespace) -> int:
    """Noisify."""
    from nbcy.cli.dropin import check_outputs
    from nbcy.flags.noisify import parse_noisify
    from nbcy.image.response import check_response

    job = parse_noisify(args.flags)
    run = job.invocation.run
    image = _read(job)
    check_response(job.response, image.scene.panels)
    wanted = ((run.intfile, True), (run.pgmfile, run.pgm), (run.noisefile, run.noise))
    named = [path for path, write in wanted if write and path is not None]
    check_outputs(job.invocation, named, [job.input])
    for text in job.invocation.notes:
        note(text)
    if run.noise and "run.seed" not in job.invocation.given:
        note(f"no -seed is given: the noise is that of seed {run.seed}, the same every time")
    counts = image.with_response(job.response, abs(run.seed)) if run.noise else None
    with running():
        say(*_settings(job, image))
        _write(job, image, counts)
    return 0


def _read(job: Job) -> Image:
    """Read the float image, as large as flags or header say, or square."""
    from nbcy.formats.frames import open_recording
    from nbcy.image.image import Image
    from nbcy.render.building import build_scene

    config = job.invocation.config
    detector = config.detector
    sizes = (detector.pixels_slow, detector.pixels_fast, detector.size_slow_mm)
    told = build_scene(config).panels[0].shape if any(sizes) else None
    with open_recording(job.input, told) as recording:
        pixels = recording.read(0).photons()
    shape = {"detector.pixels_slow": pixels.shape[0], "detector.pixels_fast": pixels.shape[1]}
    if told is not None and told != pixels.shape:
        raise UsageError(f"{job.input} has {pixels.shape} pixels, the detector {told}")
    try:
        scene = build_scene(config if told is not None else config.with_overrides(shape))
    except ConfigError as error:
        raise UsageError(str(error)) from error
    pixels = np.nan_to_num(pixels.astype(np.float32), nan=0.0, posinf=np.inf)
    return Image(pixels * np.float32(job.scale), scene, {})


def _settings(job: Job, image: Image) -> Iterator[str]:
    r = job.response
    yield f"importing {image.size} pixel intensities: {job.input}"
    yield f"  seed: {job.invocation.run.seed}"
    yield f"  calibration noise seed: {r.calibration_seed}"
    yield f"  calibration_noise = {r.calibration_percent:g} %"
    yield f"  input file scale = {job.scale:g}"
    yield f"  readout_noise = {r.readout:g} ADU"
    yield f"  flicker_noise = {r.flicker_percent:g} %"
    yield f"  quantum_gain = {r.gain:g} ADU/photon"
    yield f"  adc_offset = {r.offset:g} ADU"
    if r.psf is not None:
        yield f"  point spread = {r.psf}, fwhm {r.psf_fwhm_um:g} um"
    yield f"maximum value in input file: {image.statistics().max / job.scale:g}"


def _write(job: Job, image: Image, counts: Image | None) -> None:
    from nbcy.image.reference_smv import save_reference_smv

    run, response = job.invocation.run, job.response
    if run.intfile is not None:
        say(f"writing {run.intfile} as {image.size} 2-byte integers")
        # Cut, not rounded: noisify leaves half a count to the offset.
        save_reference_smv(image, run.intfile, response.gain, response.offset - 0.5)
    if run.pgm:
        say(f"writing {run.pgmfile} as 1-byte integers")
        scale = image.default_scale("pgm") if run.pgmscale is None else run.pgmscale
        image.save(run.pgmfile, format="pgm", scale=scale)
    if counts is not None:
        total = counts.statistics().sum - response.offset * image.size
        photons, overloads = total / response.gain, counts.overloads(0.0)
        say(f"{photons:.0f} photons on noise image ({overloads} overloads)")
        say(f"writing {run.noisefile} as 2-byte integers")
        save_reference_smv(counts, run.noisefile, 1.0, 0.0)

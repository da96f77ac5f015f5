"""noisify's flags: its own in a table, and those that mean the same as nanoBragg's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nbcy.base.errors import UsageError
from nbcy.config import Config, Crystal, Response
from nbcy.flags.parsing import Invocation, parse
from nbcy.flags.values import is_flag, real, whole

WIDTH_UM: Final = 80.0
"""Width of the point spread where only its kind is given."""


def _percent(word: str) -> float:
    return 100.0 * real(word)


def _positive(word: str) -> float:
    if not (value := real(word)) > 0.0:
        raise ValueError("a number above 0")
    return value


def _spread(word: str) -> str | None:
    kinds = {"gauss": "gauss", "fiber": "fibre", "fibre": "fibre", "none": None}
    if word not in kinds:
        raise ValueError("gauss, fiber or none")
    return kinds[word]


def _seed(word: str) -> int:
    return abs(whole(word))


@dataclass(frozen=True, slots=True)
class Row:
    """A flag of noisify.

    Attributes
    ----------
    names : str
        The name, then its aliases.
    shown : str
        What follows it.
    read : callable
        From the word that follows to its value.
    sets : str
        A field of `Response`, or what else it is.
    help : str
    """

    names: str
    shown: str
    read: Callable[[str], Any]
    sets: str
    help: str


TABLE: Final = (
    Row("-floatfile -floatimage", "FILE", str, "input", "float image of expected photons"),
    Row("-header", "FILE", str, "header", "SMV image whose header gives the geometry"),
    Row("-scale", "x", _positive, "scale", "what the float image is multiplied by"),
    Row("-gain", "x", _positive, "gain", "counts for a photon (default 1)"),
    Row("-adc -adcoffset", "x", real, "offset", "counts for no photon (default 40)"),
    Row("-readout_noise -readnoise -readout", "x", real, "readout", "rms noise of a pixel, counts"),
    Row("-flicker", "x", _percent, "flicker_percent", "rms flicker of the beam, a fraction"),
    Row(
        "-calibration -calibration_noise",
        "x",
        _percent,
        "calibration_percent",
        "rms error of the pixels' sensitivities, a fraction",
    ),
    Row("-calib_seed", "n", _seed, "calibration_seed", "seed of the sensitivities"),
    Row("-psf", "gauss|fiber|none", _spread, "psf", "kind of point spread (default none)"),
    Row("-psf_fwhm", "x", _positive, "psf_fwhm_um", f"its width, µm (default {WIDTH_UM:g})"),
    Row("-psf_radius", "x", real, "radius", "skipped: spots reach to the edge of the detector"),
)
BY_NAME: Final = {name: row for row in TABLE for name in row.names.split()}


@dataclass(frozen=True, slots=True)
class Job:
    """What a command line of noisify asks for.

    Attributes
    ----------
    input : str
        The float image.
    scale : float
    response : Response
    invocation : Invocation
        Geometry, names of files, and seed, as of nanoBragg's flags.
    """

    input: str
    scale: float
    response: Response
    invocation: Invocation


def parse_noisify(words: Sequence[str]) -> Job:
    """Read a command line of noisify's flags.

    Parameters
    ----------
    words : sequence of str
        The float image may stand without its flag.

    Raises
    ------
    UsageError
        An unknown flag, a wrong value, no float image or two.
    FileError
        A header that cannot be read.
    """
    given: dict[str, Any] = {}
    others: list[str] = []
    images: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        row = BY_NAME.get(word)
        if row is None and not is_flag(word) and not _follows_flag(others):
            images.append(word)
            continue
        if row is None:
            others.append(word)
            continue
        if at == len(words):
            raise UsageError(f"{word}: needs a value")
        try:
            given[row.sets] = row.read(words[at])
        except ValueError as error:
            raise UsageError(f"{word}: needs {error}, not {words[at]!r}") from None
        at += 1
    images += [given.pop("input")] if "input" in given else []
    if len(images) != 1:
        raise UsageError(f"needs one float image, FILE or -floatfile FILE, not {len(images)}")
    scale = given.pop("scale", 1.0)
    header = given.pop("header", None)
    given.pop("radius", None)
    flags = [*(["-img", header] if header is not None else []), *others]
    # What scatters is of no account here, but a scene has something that does.
    nothing = Config(crystal=Crystal(cell_angstrom_deg=100, cells=1, default_F=1))
    return Job(images[0], scale, _response(given), parse(flags, nothing))


def _follows_flag(words: Sequence[str]) -> bool:
    """Whether the next word may be a value of one of nanoBragg's flags."""
    from nbcy.flags.names import meaning

    for back, word in enumerate(reversed(words)):
        if is_flag(word):
            flag = meaning(word).flag
            return flag is not None and back < flag.takes.most
    return False


def _response(given: dict[str, Any]) -> Response:
    if given.get("psf") is not None:
        given.setdefault("psf_fwhm_um", WIDTH_UM)
    elif given.pop("psf_fwhm_um", None) is not None:
        raise UsageError("-psf_fwhm: say of which kind, -psf gauss or -psf fiber")
    return Response.preset("noisify", **given)


def help_lines() -> list[str]:
    """Return the table for people."""
    lines = [f"  {f'{row.names} {row.shown}':<44}{row.help}" for row in TABLE]
    more = "-detpixels -pixel -distance -lambda -Xbeam -Ybeam ... -intfile -pgmfile -noisefile"
    return [*lines, f"  {more}", f"  {'-nopgm -nonoise -seed -pgmscale':<44}as nanoBragg's"]

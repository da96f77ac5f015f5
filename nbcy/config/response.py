"""What the detector makes of the photons that reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, Self, Unpack, get_args

from nbcy.base.errors import ConfigError
from nbcy.config.kinds import (
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    Choice,
    ListOf,
    Number,
    Parts,
    Whole,
)
from nbcy.config.section import Field, Section

if TYPE_CHECKING:
    from nbcy.config.arguments import ResponseFields
    from nbcy.image.image import Image

Order = Literal["simtbx", "noisify"]
Spread = Literal["gauss", "fibre"]
Per = Literal["pixel", "shot"]
Place = tuple[int, int, int]

_PERCENT = Number(least=0, most=100)
_PLACES = ListOf(
    Parts[Place](
        dict.fromkeys(("panel", "slow", "fast"), Whole(0)), "3 whole numbers: panel, slow, fast"
    ),
    "pixels",
)
_ROWS = ListOf(ListOf(NOT_NEGATIVE, "numbers"), "rows of numbers")

PRESETS: Final[dict[str, dict[str, Any]]] = {
    "simtbx": {
        "calibration_percent": 3.0,
        "readout": 3.0,
        "offset": 40.0,
        "psf": "fibre",
        "psf_fwhm_um": 80.0,
    },
    "noisify": {"order": "noisify", "offset": 40.0},
    "ccd": {
        "calibration_percent": 1.0,
        "gain": 1.8,
        "readout": 7.0,
        "offset": 40.0,
        "psf": "fibre",
        "psf_fwhm_um": 80.0,
        "saturation": 65535.0,
    },
    "photon_counting": {"saturation": 2.0**20 - 1.0},
    "integrating": {
        "calibration_percent": 0.5,
        "readout": 0.1,
        "saturation": 11000.0,
    },
}
"""Responses by their names: what each gives in place of the defaults."""


class Response(Section):
    """From expected photons to what a detector reads (physics 12).

    By default photons are counted, and nothing else.

    Attributes
    ----------
    flicker_percent : float
        Spread (rms) of the beam's intensity.
    flicker_per : {"pixel", "shot"}
        Whether it flickers anew for each pixel, as in simtbx and noisify, or once for each image.
    calibration_percent : float
        Spread (rms) of the pixels' sensitivities.
    calibration_seed : int
        Of the sensitivities, which are the same in every image and process.
    gain : float
        Counts for a photon.
    offset : float
        Counts for no photon.
    readout : float
        Noise (rms) of reading a pixel, counts.
    psf : {"gauss", "fibre"}
        Shape of the spot that a photon makes, of the width ``psf_fwhm_um``: a normal distribution,
        or the long tails of a fibre-optic taper. No spread when not given.
    psf_fwhm_um : float
        Full width at half maximum of the spot on the detector.
    psf_kernel : tuple of tuple of float
        The spot by itself, rows of parts that fall into pixels, in place of ``psf``; rows and
        columns are odd in number, the photon's own pixel is in the middle, and the sum counts as 1.
    saturation : float
        Counts at which a pixel stays.
    order : {"simtbx", "noisify"}
        Whether sensitivities come after photons are counted, or before; the spread is after both.
    dead_pixels, hot_pixels : tuple of (panel, slow, fast)
        Pixels that no photon reaches, and that always read ``saturation``.
    """

    flicker_percent = Field(_PERCENT, 0.0)
    flicker_per = Field(Choice[Per](*get_args(Per)), "pixel")
    calibration_percent = Field(_PERCENT, 0.0)
    calibration_seed = Field(Whole(0), 1)
    gain = Field(POSITIVE, 1.0)
    offset = Field(NUMBER, 0.0)
    readout = Field(NOT_NEGATIVE, 0.0)
    psf = Field(Choice[Spread](*get_args(Spread)))
    psf_fwhm_um = Field(POSITIVE)
    psf_kernel = Field(_ROWS, ())
    saturation = Field(POSITIVE)
    order = Field(Choice[Order](*get_args(Order)), "simtbx")
    dead_pixels = Field(_PLACES, ())
    hot_pixels = Field(_PLACES, ())

    if TYPE_CHECKING:

        def __init__(self, **fields: Unpack[ResponseFields]) -> None: ...
        def replace(self, **fields: Unpack[ResponseFields]) -> Self: ...  # noqa: D102

    @classmethod
    def preset(cls, name: str, **fields: Unpack[ResponseFields]) -> Self:
        """Return the response of a program or of a kind of detector.

        Parameters
        ----------
        name : str
            ``simtbx`` and ``noisify``: the defaults of those programs. ``ccd``: a taper of fibres
            as in Rayonix detectors. ``photon_counting``: photons up to 2²⁰. ``integrating``: a
            noise of a tenth of a photon, as in JUNGFRAU detectors.
            `nbcy.config.response.PRESETS` has the numbers.
        **fields
            Others in any spelling; they go before those of the preset.

        Raises
        ------
        ConfigError
            There is no such preset, or no such field.

        Examples
        --------
        >>> Response.preset("ccd", readout=3).readout
        3.0
        """
        if name not in PRESETS:
            raise ConfigError("response", name, f"must be one of {', '.join(PRESETS)}")
        return cls(**PRESETS[name]).replace(**fields)

    def expected(self, image: Image) -> Image:
        """Return the mean of what is read where photons are expected (physics 12.3).

        Photons are spread and become counts with an offset; nothing is drawn, and nothing
        saturates. Sensitivities are left out, too: they are 1 in the mean.

        Parameters
        ----------
        image : Image
            Of expected photons.

        Returns
        -------
        Image
            Of the same dtype.

        Raises
        ------
        ConfigError
            An image of counts, or a response that does not fit it.
        """
        from nbcy.image.response import expected_image

        return expected_image(image, self)

"""SMV (ADSC) images: a text header and 16-bit pixels (formats 5)."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.atomic import atomic_write
from nbcy.base.bands import bands
from nbcy.base.constants import RTD
from nbcy.base.errors import FileError, NbcyWarning
from nbcy.base.files import read_bytes
from nbcy.formats.counts import ADC_OFFSET, SMV_SATURATED
from nbcy.formats.frame import Frame
from nbcy.formats.measurement import FlatGeometry, Measurement, flat_geometry, flat_measurement

_BLOCK = 512
_BYTE_ORDERS = {"little_endian": "<", "big_endian": ">"}
_TYPES = {
    **dict.fromkeys(("unsigned_short", "unsigned short int"), "u2"),
    **dict.fromkeys(("unsigned_long", "unsigned_int"), "u4"),
    **dict.fromkeys(("signed_long", "signed_int", "long", "long_integer"), "i4"),
    "signed_short": "i2",
    "float": "f4",
}
"""By what headers call it; the first is what nbcy and the reference write."""

_LONGEST: Final = 2**20
"""Bytes of a header."""

_ENCODER: Final = 0.1
"""Degrees; a TWOTHETA up to this, without a CLOSE_DISTANCE that says otherwise, is an encoder's."""
# Header fields that set defaults (formats 5.3), and the configuration's names for them.
_DEFAULTS: Final = {
    "SIZE1": "detector.pixels_fast",
    "SIZE2": "detector.pixels_slow",
    "PIXEL_SIZE": "detector.pixel_mm",
    "DISTANCE": "detector.distance_mm",
    "CLOSE_DISTANCE": "detector.close_distance_mm",
    "WAVELENGTH": "beam.wavelength_angstrom",
    "BEAM_CENTER_X": "detector.xbeam_mm",
    "BEAM_CENTER_Y": "detector.ybeam_mm",
    "ORGX": "detector.orgx_px",
    "ORGY": "detector.orgy_px",
    "XDS_ORGX": "detector.orgx_px",
    "XDS_ORGY": "detector.orgy_px",
    "PHI": "spindle.phi_deg",
    "OSC_RANGE": "spindle.osc_deg",
    "TWOTHETA": "detector.twotheta_deg",
}


_REPEATS: Final = frozenset(
    {"ADXV_CENTER_X", "ADXV_CENTER_Y", "MOSFLM_CENTER_X", "MOSFLM_CENTER_Y"}
    | {"DENZO_X_BEAM", "DENZO_Y_BEAM"}
)
"""What follows from the direct beam and the pixel."""


@dataclass(frozen=True)
class SmvHeader:
    """The quantities an SMV header tells, in its units.

    Attributes
    ----------
    pixel_mm, distance_mm, close_distance_mm, size_slow_mm : float
        Pixel, distance along the beam and along the normal, extent of the slow axis.
    wavelength_angstrom : float
    beam_center_mm : tuple of float
        X and Y as the convention in force counts them.
    direct_beam_mm : tuple of float
        Where the beam meets the detector along the fast and the slow axis.
    dials_origin_mm : tuple of float
        Corner of pixel (0, 0) in the frame of DIALS.
    org_px : tuple of float
        Near point as XDS counts it.
    phi_deg, osc_deg, twotheta_deg : float
        Start and width of the rotation, two-theta.
    adc_offset : float or None
        What the pixels hold for no photon, where the header is to tell.
    beamline : str
        Some programs choose by it how they read the beam centre.
    """

    pixel_mm: float
    distance_mm: float
    close_distance_mm: float
    size_slow_mm: float
    wavelength_angstrom: float
    beam_center_mm: tuple[float, float]
    direct_beam_mm: tuple[float, float]
    dials_origin_mm: tuple[float, float, float]
    org_px: tuple[float, float]
    phi_deg: float
    osc_deg: float
    twotheta_deg: float
    adc_offset: float | None = None
    beamline: str = "fake"

    def entries(self, digits_of_repeats: int = 9) -> dict[str, str]:
        """Return keys and values from PIXEL_SIZE to TWOTHETA, in the reference's order.

        Parameters
        ----------
        digits_of_repeats : int
            Significant digits of what follows from other entries; those have nine.
        """
        fbeam, sbeam = self.direct_beam_mm
        half = self.pixel_mm / 2.0
        values = {
            "PIXEL_SIZE": self.pixel_mm,
            "DISTANCE": self.distance_mm,
            "WAVELENGTH": self.wavelength_angstrom,
            "BEAM_CENTER_X": self.beam_center_mm[0],
            "BEAM_CENTER_Y": self.beam_center_mm[1],
            "ADXV_CENTER_X": fbeam,
            "ADXV_CENTER_Y": self.size_slow_mm - sbeam,
            "MOSFLM_CENTER_X": sbeam - half,
            "MOSFLM_CENTER_Y": fbeam - half,
            "DENZO_X_BEAM": sbeam,
            "DENZO_Y_BEAM": fbeam,
            "DIALS_ORIGIN": self.dials_origin_mm,
            "XDS_ORGX": self.org_px[0],
            "XDS_ORGY": self.org_px[1],
            "CLOSE_DISTANCE": self.close_distance_mm,
            "PHI": self.phi_deg,
            "OSC_START": self.phi_deg,
            "OSC_RANGE": self.osc_deg,
            "TWOTHETA": self.twotheta_deg,
            **({} if self.adc_offset is None else {"ADC_OFFSET": self.adc_offset}),
        }
        return {
            key: ",".join(
                f"{x:.{digits_of_repeats if key in _REPEATS else 9}g}"
                for x in (value if isinstance(value, tuple) else (value,))
            )
            for key, value in values.items()
        }


def write_smv(path: str | os.PathLike[str], pixels: NDArray[np.uint16], header: SmvHeader) -> None:
    """Write an SMV image.

    Parameters
    ----------
    path : path-like
        The file.
    pixels : ndarray of uint16, shape (slow, fast)
    header : SmvHeader

    Raises
    ------
    FileError
        It cannot be written.
    """
    slow, fast = pixels.shape

    def text(size: int, digits_of_repeats: int) -> str:
        entries = {
            "DIM": "2",
            "BYTE_ORDER": "little_endian",
            "TYPE": "unsigned_short",
            "SIZE1": str(fast),
            "SIZE2": str(slow),
            **header.entries(digits_of_repeats),
            "DETECTOR_SN": "000",
            "BEAMLINE": header.beamline,
        }
        lines = "".join(f"{key}={value};\n" for key, value in entries.items())
        return f"{{\nHEADER_BYTES={size};\n{lines}}}\f"

    # Many scripts skip 512 bytes without looking: repeats give up digits before the header grows.
    fitting = (
        written.ljust(size)
        for size in itertools.count(_BLOCK, _BLOCK)
        for digits in (9, 6)
        if len(written := text(size, digits)) <= size
    )
    with atomic_write(path) as file:
        file.write(next(fitting).encode("ascii"))
        file.write(np.ascontiguousarray(pixels, dtype="<u2").data)


def write_smv_frame(
    path: Path, pixels: NDArray[np.int32], measurement: Measurement, adc: int = int(ADC_OFFSET)
) -> None:
    """Write a frame of counts, on top of an offset that the header tells; 0 is not measured."""
    write_smv(path, (pixels + adc).astype(np.uint16), smv_header_of(measurement, adc))


def read_smv(path: str | os.PathLike[str]) -> tuple[dict[str, str], NDArray[Any]]:
    """Read an SMV image.

    Parameters
    ----------
    path : path-like
        The file, perhaps compressed by gzip.

    Returns
    -------
    header : dict of str to str
        Every entry of the header, as it stands there.
    pixels : ndarray, shape (slow, fast)
        uint16 in most files.

    Raises
    ------
    FileError
        Not an SMV image, one of an unknown type, or one with pixels missing.
    """
    data = read_bytes(path)
    end = data.find(b"}", 0, _LONGEST)
    if not data.startswith(b"{") or end < 0:
        raise FileError(path, "is not an SMV image: there is no header between { and }")
    text = data[1:end].decode("latin-1").replace("\r", "\n").replace(";", "\n")
    entries = (line.partition("=") for line in text.split("\n"))
    header = {key.strip(): value.strip() for key, equals, value in entries if equals}
    offset = _size(path, header, "HEADER_BYTES")
    if offset <= end:
        raise FileError(path, f"HEADER_BYTES={offset}, but the header is {end + 1} bytes long")
    fast, slow = _size(path, header, "SIZE1"), _size(path, header, "SIZE2")
    if header.get("DIM", "2") != "2":
        raise FileError(path, f"DIM={header['DIM']}: an image of 2 dimensions is expected")
    kind = header.get("TYPE", header.get("Data_type", next(iter(_TYPES))))
    if kind not in _TYPES:
        raise FileError(path, f"TYPE={kind} is not supported: expected one of {', '.join(_TYPES)}")
    order = header.get("BYTE_ORDER")
    if order not in _BYTE_ORDERS:
        raise FileError(path, f"BYTE_ORDER={order}: expected one of {', '.join(_BYTE_ORDERS)}")
    stored = np.dtype(_BYTE_ORDERS[order] + _TYPES[kind])
    wanted, found = stored.itemsize * fast * slow, len(data) - offset
    if not wanted <= found < wanted + _BLOCK:
        reason = (
            f"{fast} x {slow} pixels take {wanted} bytes, but {max(found, 0)} follow the header"
        )
        raise FileError(path, reason)
    pixels = np.frombuffer(data, stored, fast * slow, offset).reshape(slow, fast)
    return header, pixels.astype(stored.newbyteorder("="), copy=False)


def _size(path: str | os.PathLike[str], header: Mapping[str, str], key: str) -> int:
    text = header.get(key)
    if text is None:
        raise FileError(path, f"is not a complete SMV image: {key} is missing from the header")
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) == 0:
        raise FileError(path, f"{key}={text}: expected a whole number of at least 1")
    return int(text)


def header_defaults(
    header: Mapping[str, str],
    mask: bool = False,
    path: str | os.PathLike[str] = "SMV header",
) -> dict[str, Any]:
    """Return the settings that an image or a mask brings along (formats 5.3).

    Parameters
    ----------
    header : mapping of str to str
        From `read_smv`.
    mask : bool
        The header is a mask's: BEAM_CENTER_Y counts from the other edge.
    path : path-like
        Where the header is from, for errors.

    Returns
    -------
    dict
        Dotted configuration fields, as `Config.with_overrides` takes them. A TWOTHETA of 0 is left
        out: it turns nothing, but given as an option it would move the pivot.

    Raises
    ------
    FileError
        A value that is not a finite number, or a mask with BEAM_CENTER_Y but without the sizes
        that it counts from.
    """

    def number(key: str) -> float:
        if key.startswith("SIZE"):
            return _size(path, header, key)
        try:
            value = float(header[key])
        except KeyError:
            raise FileError(path, f"{key} is missing, needed for BEAM_CENTER_Y") from None
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise FileError(path, f"{key}={header[key]}: expected a number")
        return value

    fields: dict[str, Any] = {_DEFAULTS[key]: number(key) for key in _DEFAULTS if key in header}
    if mask and "BEAM_CENTER_Y" in header:
        size_slow = number("SIZE2") * number("PIXEL_SIZE")
        fields["detector.ybeam_mm"] = size_slow - number("BEAM_CENTER_Y")
    if fields.get("detector.twotheta_deg") == 0.0:
        del fields["detector.twotheta_deg"]
    return fields


def to_counts(
    pixels: NDArray[np.float32], scale: float, adc: float, roi: tuple[int, int, int, int]
) -> NDArray[np.uint16]:
    """Turn pixels into 16-bit integers as the reference does (physics 10.2).

    Parameters
    ----------
    pixels : ndarray of float32, shape (slow, fast)
    scale, adc : float
        What pixels are multiplied by, and what is added then.
    roi : tuple of int
        ``(fast_min, fast_max, slow_min, slow_max)``, inclusive; pixels outside become 0, without
        the offset.

    Returns
    -------
    ndarray of uint16, shape (slow, fast)
        Rounded, clipped to 0 ... 65535.
    """
    fast_min, fast_max, slow_min, slow_max = roi
    counts = np.zeros(pixels.shape, dtype=np.uint16)
    inside = slice(fast_min, fast_max + 1)
    for rows in bands(slow_min, slow_max, fast_max + 1 - fast_min):
        value = pixels[rows, inside].astype(np.float64)
        value *= scale
        value += adc
        np.clip(value, 0, SMV_SATURATED, out=value)
        # The reference keeps the scaled pixel in a float before it rounds.
        value = value.astype(np.float32).astype(np.float64)
        value += 0.5
        counts[rows, inside] = value  # drops the fraction
    return counts


def smv_header_of(measurement: Measurement, adc_offset: float) -> SmvHeader:
    """Collect what a header tells about a measurement, as `flat_geometry` reduces it.

    The beam centre is that of denzo, X along slow and Y along fast from the outer corner, which is
    how DIALS reads it.
    """
    flat, _ = flat_geometry(measurement)
    panel = measurement.panels[0]
    pixel, distance = 1e3 * panel.pixel_size, 1e3 * flat.distance
    fast, slow = (pixel * centre for centre in flat.beam_px)
    return SmvHeader(
        pixel_mm=pixel,
        distance_mm=distance,
        close_distance_mm=distance,
        size_slow_mm=pixel * panel.pixels_slow,
        wavelength_angstrom=1e10 * measurement.wavelength,
        beam_center_mm=(slow, fast),
        direct_beam_mm=(fast, slow),
        dials_origin_mm=(-fast, slow, -distance),
        org_px=(flat.beam_px[0] + 0.5, flat.beam_px[1] + 0.5),
        phi_deg=RTD * measurement.phi,
        osc_deg=RTD * measurement.osc,
        twotheta_deg=0.0,
        adc_offset=adc_offset,
        beamline="nbcy",
    )


def read_smv_frame(path: str | os.PathLike[str]) -> tuple[Frame, Measurement | str]:
    """Read an image as counts: without the ADC_OFFSET or IMAGE_PEDESTAL that its header tells.

    Returns
    -------
    Frame
    Measurement or str
        Or why there is none: a header without the distance, the beam centre or the wavelength, or
        a detector that is not square to the beam.

    Raises
    ------
    FileError
        As `read_smv`.
    """
    header, pixels = read_smv(path)
    numbers: dict[str, float] = {}
    for key, text in header.items():
        with contextlib.suppress(ValueError):
            numbers[key] = float(text)
    offset = numbers.get("ADC_OFFSET", numbers.get("IMAGE_PEDESTAL", 0.0))
    if offset.is_integer() and 0.0 < offset <= SMV_SATURATED and pixels.dtype.kind in "iu":
        unmeasured = pixels == 0  # pixels below the offset are counts below zero
        counts = pixels.astype(np.int64) - int(offset)
        frame = Frame(counts.astype(np.int32), unmeasured if unmeasured.any() else None)
    else:
        frame = Frame(pixels)
    slow, fast = pixels.shape
    return frame, _measurement(path, header, numbers, (slow, fast))


def _measurement(
    path: str | os.PathLike[str],
    header: Mapping[str, str],
    numbers: Mapping[str, float],
    shape: tuple[int, int],
) -> Measurement | str:
    """Place the detector, or say why not."""
    # ADSC has BEAM_CENTER as denzo does; nanoBragg has that of the convention in force.
    centre = ("DENZO_Y_BEAM", "DENZO_X_BEAM")
    if not header.keys() & set(centre):
        centre = ("BEAM_CENTER_Y", "BEAM_CENTER_X")
    needed = ("DISTANCE", "PIXEL_SIZE", "WAVELENGTH", *centre)
    lacking = [key for key in needed if key not in header]
    if lacking:
        return f"its header lacks {', '.join(lacking)}"
    optional = ("CLOSE_DISTANCE", "TWOTHETA", "OSC_START", "PHI", "OSC_RANGE")
    for key in (*needed, *optional):
        if key in header and not math.isfinite(numbers.get(key, math.nan)):
            return f"{key}={header[key]} is not a number"
    for key in needed[:3]:
        if not numbers[key] > 0.0:
            return f"{key}={header[key]} is not positive"
    distance, pixel, wavelength, fast, slow = (numbers[key] for key in needed)
    close = numbers.get("CLOSE_DISTANCE", distance)
    twotheta = numbers.get("TWOTHETA", 0.0)
    if abs(twotheta) > _ENCODER or abs(close - distance) > 1e-9 * abs(distance):
        return "its detector is not square to the beam (TWOTHETA, CLOSE_DISTANCE)"
    if twotheta:
        text = f"TWOTHETA={twotheta:g} is an encoder's: the detector is square to the beam"
        warnings.warn(f"{os.fspath(path)}: {text}", NbcyWarning, stacklevel=4)
    try:
        return flat_measurement(
            FlatGeometry(1e-3 * distance, (fast / pixel, slow / pixel)),
            1e-3 * pixel,
            shape,
            wavelength=1e-10 * wavelength,
            phi=numbers.get("OSC_START", numbers.get("PHI", 0.0)) / RTD,
            osc=numbers.get("OSC_RANGE", 0.0) / RTD,
        )
    except ValueError as error:
        return str(error)

"""miniCBF: one frame of a Pilatus or the like, compressed by byte offsets, through fabio."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.constants import RTD
from nbcy.base.errors import FileError
from nbcy.base.extras import require
from nbcy.base.files import read_bytes
from nbcy.formats.counts import KINDS, invalid_pixels
from nbcy.formats.frame import Frame
from nbcy.formats.measurement import (
    PERPENDICULAR,
    FlatGeometry,
    Measurement,
    flat_geometry,
    flat_measurement,
    read_thickness,
    written_thickness,
)
from nbcy.formats.times import now
from nbcy.version import __version__

_BINARY: Final = b"\x0c\x1a\x04\xd5"
_BYTE_OFFSET: Final = "x-CBF_BYTE_OFFSET"
_NAMES: Final = {
    (195, 487): "PILATUS 100K",
    (407, 487): "PILATUS 200K",
    (619, 487): "PILATUS 300K",
    (1043, 981): "PILATUS 1M",
    (1679, 1475): "PILATUS 2M",
    (2527, 2463): "PILATUS 6M",
    (1065, 1030): "EIGER 1M",
    (2167, 2070): "EIGER 4M",
    (3269, 3110): "EIGER 9M",
    (4371, 4150): "EIGER 16M",
}
"""Detectors by their pixels (slow, fast)."""

_BARREL: Final = (5071, 2463)
"""Pixels of the PILATUS 12M."""


def write_cbf(path: Path, pixels: NDArray[np.int32], measurement: Measurement) -> None:
    """Write a frame.

    Parameters
    ----------
    path : Path
        Written to in place.
    pixels : ndarray of int32, shape (slow, fast)
        -1 where nothing was measured.
    measurement : Measurement
        Of this frame; its first panel, as `flat_geometry` reduces it.
    """
    header = {
        "_array_data.header_convention": '"PILATUS_1.2"',
        "_array_data.header_contents": "\n".join(_header_lines(measurement, pixels)),
    }
    require("fabio.cbfimage", "files").CbfImage(data=pixels, header=header).write(str(path))


def _header_lines(measurement: Measurement, pixels: NDArray[np.int32]) -> list[str]:
    flat, _ = flat_geometry(measurement)
    pixel = f"{1e6 * measurement.panels[0].pixel_size:.12g}e-6"
    exposure = 1.0 if measurement.exposure is None else measurement.exposure
    x, y = flat.beam_px
    angles = RTD * measurement.phi, RTD * measurement.osc
    lines = [
        f"Detector: {_NAMES.get(measurement.shape, 'simulated')}, S/N 00-0000",
        now().strftime("%Y-%m-%dT%H:%M:%S.000"),
        f"Pixel_size {pixel} m x {pixel} m",
        f"Silicon sensor, thickness {written_thickness(measurement):.9f} m",
        f"Exposure_time {exposure:.9f} s",
        f"Exposure_period {exposure:.9f} s",
        "Tau = 0 s",
        f"Count_cutoff {KINDS['int32'].trusted} counts",
        f"N_excluded_pixels = {int(np.count_nonzero(pixels < 0))}",
        f"Wavelength {1e10 * measurement.wavelength:.10f} A",
        f"Detector_distance {flat.distance:.12f} m",
        "Detector_Voffset 0.00000 m",
        f"Beam_xy ({x:.9f}, {y:.9f}) pixels",
        *([] if measurement.flux is None else [f"Flux {measurement.flux:.9g}"]),
        "Filter_transmission 1.0000",
        f"Start_angle {angles[0]:.9f} deg.",
        f"Angle_increment {angles[1]:.9f} deg.",
        "Detector_2theta 0.0000 deg.",
    ]
    if measurement.kahn_factor is not None:
        lines.append(f"Polarization {(1.0 + measurement.kahn_factor) / 2.0:.6f}")
    if measurement.spindle is not None:
        lines += [
            "Alpha 0.0000 deg.",
            "Kappa 0.0000 deg.",
            "Phi 0.0000 deg.",
            "Chi 0.0000 deg.",
            "Oscillation_axis X.CW",
            "N_oscillations 1",
        ]
    lines.append(f"Simulated by nbcy {__version__}")
    lines += [f"nbcy: {line}" for line in measurement.provenance_lines()]
    return [f"# {line}" for line in lines]


def read_cbf(path: str | os.PathLike[str]) -> tuple[Frame, Measurement | str]:
    """Read a frame.

    Returns
    -------
    Frame
    Measurement or str
        Or why there is none: the header is not a Pilatus's, or the detector is not square to the
        beam.

    Raises
    ------
    FileError
        Not CBF, not compressed by byte offsets, or damaged.
    """
    compression = require("fabio.compression", "files")
    data = read_bytes(path)
    start = data.find(_BINARY)
    if start < 0:
        raise FileError(path, "is not a usable CBF: there is no binary section")
    text = data[:start].decode("latin-1")
    fast, slow = (_size(path, text, f"X-Binary-Size-{n}-Dimension") for n in ("Fastest", "Second"))
    length = _size(path, text, "X-Binary-Size")
    count = re.search(r"X-Binary-Number-of-Elements:\s*(\S+)", text)
    if count and count[1] != str(fast * slow):
        reason = f"its header says {fast} x {slow}, and X-Binary-Number-of-Elements {count[1]}"
        raise FileError(path, f"is damaged: {reason}")
    binary = data[start + len(_BINARY) :][:length]
    if len(binary) < length:
        reason = f"is cut short: its pixels take {length} bytes, {len(binary)} are there"
        raise FileError(path, reason)
    if _BYTE_OFFSET.lower() not in text.lower():
        raise FileError(path, f"is packed in an unknown way: {_BYTE_OFFSET} is expected")
    digest = re.search(r"Content-MD5:\s*(\S+)", text)
    if digest and base64.b64encode(hashlib.md5(binary).digest()).decode() != digest[1]:
        raise FileError(path, "is damaged: its pixels do not have the checksum in its header")
    try:
        values = np.asarray(compression.decByteOffset(binary, fast * slow))
    except Exception as error:  # whatever a decoder trips over
        raise FileError(path, f"is damaged: {error or type(error).__name__}") from None
    if values.size != fast * slow:
        reason = f"has {values.size} pixels, its header says {fast} x {slow}"
        raise FileError(path, reason)
    pixels = values.reshape(slow, fast).astype(np.int32)
    return Frame(pixels, invalid_pixels(pixels)), _measurement(text, (slow, fast))


def _size(path: str | os.PathLike[str], text: str, key: str) -> int:
    found = re.search(rf"{key}:\s*([0-9]{{1,10}})\b", text)
    if not found or int(found[1]) == 0:
        raise FileError(path, f"is not a usable CBF: {key} is missing")
    return int(found[1])


_N: Final = r"[\s(=]*([-+0-9.eE]+)"


def _measurement(text: str, shape: tuple[int, int]) -> Measurement | str:
    """Read the header of a Pilatus, or say why that cannot be done."""

    def number(key: str, default: float | None = None) -> float:
        found = re.search(rf"#\s*{key}\b{_N}", text)
        if found is None:
            if default is None:
                raise ValueError(f"its header lacks {key}")
            return default
        return float(found[1])

    if shape == _BARREL or re.search(r"#\s*Detector:\s*PILATUS\S*\s+12M", text):
        return "a PILATUS 12M is a barrel of 24 banks, and not the flat panel of its header"
    centre = re.search(rf"#\s*Beam_xy{_N},\s*([-+0-9.eE]+)\s*\)", text)
    try:
        if centre is None:
            raise ValueError("its header lacks Beam_xy")
        twotheta = number("Detector_2theta", 0.0)
        if abs(twotheta) > RTD * PERPENDICULAR:
            raise ValueError(f"Detector_2theta is {twotheta:g}, without saying around which axis")
        flat = FlatGeometry(number("Detector_distance"), (float(centre[1]), float(centre[2])))
        kahn = 2.0 * number("Polarization", -1.0) - 1.0
        exposure = number("Exposure_time", 0.0)
        return flat_measurement(
            flat,
            number("Pixel_size"),
            shape,
            wavelength=number("Wavelength") * 1e-10,
            phi=number("Start_angle", 0.0) / RTD,
            osc=number("Angle_increment", 0.0) / RTD,
            exposure=exposure or None,
            flux=number("Flux", 0.0) or None,
            kahn_factor=kahn if kahn >= -1.0 else None,
            thickness=read_thickness(number("Silicon sensor, thickness", 0.0)),
            provenance=_provenance(text),
        )
    except ValueError as error:
        return str(error)


def _provenance(text: str) -> dict[str, Any]:
    lines = re.findall(r"#\s*nbcy:\s*(\S.*?)\s*$", text, re.MULTILINE)
    return {"header": lines} if lines else {}

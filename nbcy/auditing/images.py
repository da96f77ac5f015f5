"""Two whole images, pixel by pixel (trace 3.6)."""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import ConfigError, FileError
from nbcy.formats.frames import Recording, open_recording

Pixels = NDArray[np.float64]

RTOL: Final = 1e-6
"""Default relative tolerance of a pixel: float32 holds seven digits."""

FLOOR: Final = 1e-12
"""Default absolute tolerance, as a fraction of the brightest pixel."""


@dataclass(frozen=True, eq=False)
class ImageComparison:
    """How two images of one shape differ.

    Attributes
    ----------
    names : tuple of str
    shape : tuple of int
        (slow, fast).
    sums, maxima : tuple of float
        Of each image.
    correlation : float
        Pearson's; NaN where an image is flat.
    rmse : float
        Root of the mean square difference.
    max_difference : float
    worst : tuple of int
        (slow, fast) of the largest difference.
    within : float
        Fraction of pixels within tolerance.
    rtol, atol : float
        The tolerance: ``atol + rtol * |A|``.
    unusable : int
        Pixels that are no number in one image and one in the other.
    """

    names: tuple[str, str]
    shape: tuple[int, int]
    sums: tuple[float, float]
    maxima: tuple[float, float]
    correlation: float
    rmse: float
    max_difference: float
    worst: tuple[int, int]
    within: float
    rtol: float
    atol: float
    unusable: int

    @property
    def agrees(self) -> bool:
        """Whether every pixel is within tolerance."""
        return self.within == 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        figures: dict[str, Any] = {
            name: getattr(self, name)
            for name in (
                *("names", "shape", "sums", "maxima", "correlation", "rmse"),
                *("max_difference", "worst", "within", "rtol", "atol", "unusable", "agrees"),
            )
        }
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in figures.items()
        }

    def to_text(self) -> str:
        """Return the figures for people."""
        ratio = self.sums[1] / self.sums[0] if self.sums[0] else math.nan
        slow, fast = self.worst
        lines = [
            f"A  {self.names[0]}",
            f"B  {self.names[1]}",
            f"{self.shape[0]} x {self.shape[1]} pixels (slow x fast)",
            f"correlation         {self.correlation:.12g}",
            f"sum                 A {self.sums[0]:.9g}   B {self.sums[1]:.9g}   B/A {ratio:.12g}",
            f"maximum             A {self.maxima[0]:.9g}   B {self.maxima[1]:.9g}",
            f"rms difference      {self.rmse:.6g}",
            f"largest difference  {self.max_difference:.6g} at slow {slow}, fast {fast}",
            f"within tolerance    {self.within:.6%} of pixels "
            f"({self.rtol:g}·|A| + {self.atol:.3g})",
        ]
        if self.unusable:
            lines.append(f"not a number        {self.unusable} pixels in one image only")
        lines.append("The images agree." if self.agrees else "The images differ.")
        return "\n".join(lines) + "\n"


def compare_images(
    a: Pixels,
    b: Pixels,
    names: tuple[str, str] = ("A", "B"),
    rtol: float = RTOL,
    floor: float = FLOOR,
) -> ImageComparison:
    """Compare two images.

    Parameters
    ----------
    a, b : ndarray, shape (slow, fast)
    names : tuple of str
        For the report.
    rtol : float
        Relative tolerance.
    floor : float
        Absolute tolerance as a fraction of A's brightest pixel.

    Raises
    ------
    ConfigError
        Images of different shapes, or without pixels.
    """
    if a.shape != b.shape or a.size == 0:
        raise ConfigError(
            "shape", f"{a.shape} and {b.shape}", "both images must have the same pixels"
        )
    a, b = a.astype(np.float64), b.astype(np.float64)
    numbers = np.isfinite(a) & np.isfinite(b)
    alike = (a == b) | (np.isnan(a) & np.isnan(b))
    x, y = np.where(numbers, a, 0.0), np.where(numbers, b, 0.0)
    difference = np.abs(x - y)
    brightest = float(np.abs(x).max())
    atol = floor * brightest
    good = (numbers & (difference <= atol + rtol * np.abs(x))) | alike
    ranked = np.where(numbers, difference, np.where(alike, 0.0, np.inf))
    slow, fast = (int(i) for i in np.unravel_index(int(np.argmax(ranked)), a.shape))
    spread = x - x.mean(), y - y.mean()
    norm = math.sqrt(float((spread[0] ** 2).sum()) * float((spread[1] ** 2).sum()))
    return ImageComparison(
        names=names,
        shape=(a.shape[0], a.shape[1]),
        sums=(float(x.sum()), float(y.sum())),
        maxima=(float(x.max()), float(y.max())),
        correlation=float((spread[0] * spread[1]).sum()) / norm if norm else math.nan,
        rmse=math.sqrt(float((difference**2).mean())),
        max_difference=float(ranked[slow, fast]),
        worst=(slow, fast),
        within=float(good.mean()),
        rtol=rtol,
        atol=atol,
        unusable=int((~numbers & ~alike).sum()),
    )


def read_pixels(path: str | os.PathLike[str], shape: tuple[int, int] | None = None) -> Pixels:
    """Read the first frame of a file of any format, told by its content.

    Parameters
    ----------
    path : path-like
        As for `nbcy.formats.frames.open_recording`.
    shape : tuple of int, optional
        (slow, fast) of a raw image; without it a square is taken.

    Returns
    -------
    ndarray of float64, shape (slow, fast)
        NaN where the file says that nothing was measured.

    Raises
    ------
    FileError
        Not an image.
    """
    with open_recording(path, shape) as recording:
        return recording.frame(0).photons()


def open_pair(
    a: str | os.PathLike[str], b: str | os.PathLike[str], shape: tuple[int, int] | None = None
) -> tuple[Recording, Recording]:
    """Open two files; a raw one takes the shape of the other.

    Raises
    ------
    FileError
        Not images.
    """
    opened: dict[int, Recording] = {}
    failed: dict[int, FileError] = {}
    for i, path in enumerate((a, b)):
        try:
            opened[i] = open_recording(path, shape)
        except FileError as error:
            failed[i] = error
    for i, failure in failed.items():
        if shape is not None or 1 - i not in opened:
            raise failure
        opened[i] = open_recording((a, b)[i], opened[1 - i].shape)
    return opened[0], opened[1]


def difference_png(a: Pixels, b: Pixels) -> bytes:
    """Draw B - A: red where B is brighter, blue where it is darker; small differences show.

    Parameters
    ----------
    a, b : ndarray, shape (slow, fast)

    Returns
    -------
    bytes
        A PNG file.
    """
    from PIL import Image

    difference = np.nan_to_num(b - a, nan=0.0, posinf=0.0, neginf=0.0)
    largest = float(np.abs(difference).max())
    # arsinh: linear near 0, logarithmic above a millionth of the largest.
    scaled = np.arcsinh(difference / (1e-6 * largest)) / math.asinh(1e6) if largest else difference
    fade = np.rint(255.0 * (1.0 - np.abs(scaled))).astype(np.uint8)
    picture = np.full((*difference.shape, 3), 255, dtype=np.uint8)
    picture[..., 1] = fade
    picture[..., 2] = np.where(scaled > 0.0, fade, 255)
    picture[..., 0] = np.where(scaled < 0.0, fade, 255)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()

"""Reading with fabio, whose remarks about a damaged file become errors."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nbcy.base.errors import FileError
from nbcy.base.extras import require


class _Remarks(logging.Handler):
    """Keeps what a library logs."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())

    @property
    def reason(self) -> str:
        """The first text that is about the file, not about what is tried next."""
        final = (text for text in self.texts if not text.endswith("trying PIL"))
        return re.sub("^.* with PIL: ", "", next(final, ""))


def read_with_fabio(
    path: str | os.PathLike[str], module: str, name: str
) -> tuple[Mapping[str, Any], NDArray[Any]]:
    """Read a file of one image.

    Parameters
    ----------
    path : path-like
        The file.
    module, name : str
        fabio's class for the format, and the format's name for errors.

    Returns
    -------
    header : mapping
    pixels : ndarray, shape (slow, fast)

    Raises
    ------
    FileError
        It is damaged, or holds something else than one image.
    NbcyError
        fabio is not installed.
    """
    kind = next(
        value
        for key, value in vars(require(f"fabio.{module}", "files")).items()
        if key.lower() == module
    )
    remarks, logger = _Remarks(), logging.getLogger("fabio")
    propagate = logger.propagate
    logger.addHandler(remarks)
    logger.propagate = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with kind().read(os.fspath(path)) as image:
                header, pixels, count = dict(image.header), image.data, image.nframes
    except Exception as error:  # whatever a parser trips over in a damaged file
        reason = remarks.reason or f"{type(error).__name__} {error}"
        raise FileError(path, f"is not a usable {name} file: {_line(reason)}") from None
    finally:
        logger.removeHandler(remarks)
        logger.propagate = propagate
    if remarks.reason:
        raise FileError(path, f"is not a usable {name} file: {_line(remarks.reason)}")
    if count != 1 or pixels is None or pixels.ndim != 2 or pixels.dtype.kind not in "iuf":
        raise FileError(path, f"must hold one image of numbers with two dimensions; it has {count}")
    return header, np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))


def _line(text: str) -> str:
    return " ".join(text.split())

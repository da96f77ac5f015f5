"""Defects of the reference that nbcy reproduces on request (physics 11.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from nbcy.base.errors import ConfigError


class Quirk(NamedTuple):
    """A defect of the reference; as text, its effect.

    Attributes
    ----------
    name : str
    effect : str
        What the reference does.
    images : str
        Which images that changes.
    flags : tuple of str
        Flags by which it comes into play.
    sections : tuple of str
        Sections of docs/physics that say more.
    decided_in : str
        The file that asks for it, where the scene is built.
    """

    name: str
    effect: str
    images: str
    flags: tuple[str, ...]
    sections: tuple[str, ...]
    decided_in: str

    def __str__(self) -> str:
        return self.effect


QUIRKS: Final[Mapping[str, Quirk]] = MappingProxyType(
    {
        quirk.name: quirk
        for quirk in (
            Quirk(
                "phi_carryover",
                "a spindle angle of exactly 0 keeps the cell of the step before it",
                "every oscillation image that starts at φ = 0",
                ("-phi", "-osc", "-phistep", "-phisteps"),
                ("6.6",),
                "nbcy/scene/lattice.py",
            ),
            Quirk(
                "source_weights",
                "the intensities of a source file are ignored",
                "source files with unequal intensities",
                ("-sourcefile",),
                ("5.2",),
                "nbcy/scene/beam.py",
            ),
            Quirk(
                "star_radius",
                "gauss and tophat spots have a radius in 1/Angstrom**2",
                "gauss and tophat shapes, unless N² equals the cell edge in Å",
                ("-gauss_xtal", "-tophat_spots"),
                ("7.3",),
                "nbcy/scene/spots.py",
            ),
            Quirk(
                "triclinic_cell",
                "triclinic cells get angles that are off by hundredths of a degree",
                "triclinic cells given by -cell",
                ("-cell",),
                ("6.1",),
                "nbcy/scene/lattice.py",
            ),
            Quirk(
                "water_scaling",
                "water is scaled by r_e**2 and fluence twice and divided by the steps",
                "water with a fluence other than the default, or more than one step",
                ("-water",),
                ("9.6",),
                "nbcy/scene/background.py",
            ),
            Quirk(
                "layer_capture",
                "sensor layers reach too deep and all count as the last one does",
                "any sensor with thickness",
                ("-detector_thick", "-detector_abs", "-detector_thicksteps"),
                ("4.2", "9.4"),
                "nbcy/scene/sensor.py",
            ),
            Quirk(
                "pivot_override",
                "an explicit pivot is ignored unless the convention is custom",
                "an explicit -pivot in a named convention",
                ("-pivot",),
                ("1.6",),
                "nbcy/scene/detector.py",
            ),
            Quirk(
                "pix0_ignored",
                "a given pix0 vector is always overwritten",
                "-pix0_vector without a beam centre",
                ("-pix0_vector", "-pix0_vector_mm"),
                ("2.5",),
                "nbcy/scene/detector.py",
            ),
            Quirk(
                "table_extrapolation",
                "beyond its ends a background table goes on as a straight line",
                "backgrounds that are seen further out than their table goes",
                ("-stol", "-4stol", "-Q"),
                ("13.2",),
                "nbcy/scene/background.py",
            ),
            Quirk(
                "sticky_interpolation",
                "a first step at the edge of the list ends interpolation",
                "crystals of 1 or 2 cells along an axis, and -interpolate, with a list that ends "
                "on the detector",
                ("-interpolate", "-N", "-Na", "-Nb", "-Nc"),
                ("7.5",),
                "nbcy/scene/scene.py",
            ),
        )
    }
)
"""Every quirk by its name: the one place that knows it, besides the file that decides on it."""


def parse_quirks(names: str | Iterable[str]) -> frozenset[str]:
    """Turn names of quirks into a set, ``all`` standing for every one.

    Parameters
    ----------
    names : str or iterable of str
        One name, several separated by commas, or an iterable of names.

    Returns
    -------
    frozenset of str

    Raises
    ------
    ConfigError
        A name that is not in `QUIRKS`.
    """
    try:
        parts = names.split(",") if isinstance(names, str) else [str(name) for name in names]
    except TypeError:
        raise ConfigError("quirks", names, "must be names of quirks") from None
    chosen = {part.strip() for part in parts} - {""}
    unknown = chosen - QUIRKS.keys() - {"all"}
    if unknown:
        raise ConfigError("quirks", sorted(unknown)[0], f"must be 'all' or of {', '.join(QUIRKS)}")
    return frozenset(QUIRKS) if "all" in chosen else frozenset(chosen)

"""What scatters besides the crystal, and what stands before the detector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, Unpack

from nbcy.base.errors import ConfigError
from nbcy.config.kinds import FILE_NAME, NOT_NEGATIVE, NUMBER, POSITIVE, Choice, ListOf
from nbcy.config.materials import PRESETS
from nbcy.config.section import REQUIRED, Field, Section, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbcy.config.arguments import BackgroundFields, MaterialFields


class Material(Section):
    """Something without order that the beam lights (physics 13).

    Attributes
    ----------
    table : str
        Amplitude a molecule against resolution: ``water``, ``air``, ``helium``, ``ice``,
        ``nanocrystalline_ice``, ``kapton`` or ``paratone``, or else a file of two columns.
    column : {"stol", "4stol", "Q"}
        What the first column of a file is: sin θ/λ, 4 sin θ/λ or 4π sin θ/λ, 1/Å.
    thickness_mm : float
        Along the beam.
    width_mm, height_mm : float
        Across the beam, of a droplet; the beam's size when not given.
    density_g_per_cm3 : float
        Mass density; a preset brings its own.
    molar_mass_g_per_mol : float
        Of the molecules that the amplitude is of; a preset brings its own.
    scale : float
        Multiplies the photons; negative takes them away.
    """

    table = Field(FILE_NAME, REQUIRED)
    column = Field(Choice[str]("stol", "4stol", "Q"), "stol")
    thickness_mm = Field(NOT_NEGATIVE, REQUIRED)
    width_mm = Field(POSITIVE)
    height_mm = Field(POSITIVE)
    density_g_per_cm3 = Field(NOT_NEGATIVE)
    molar_mass_g_per_mol = Field(POSITIVE)
    scale = Field(NUMBER, 1.0)

    if TYPE_CHECKING:

        def __init__(self, **fields: Unpack[MaterialFields]) -> None: ...
        def replace(self, **fields: Unpack[MaterialFields]) -> Self: ...  # noqa: D102

    def _check(self, spelled: Mapping[str, str]) -> None:
        del spelled
        if self.table in PRESETS:
            return
        known = ", ".join(PRESETS)
        for name in ("density_g_per_cm3", "molar_mass_g_per_mol"):
            if getattr(self, name) is None:
                expected = f"must be given for the table of a file; those of {known} are known"
                raise ConfigError(self._path(name), None, expected)


class _Materials(ListOf[Material]):
    """Materials, each an error's place of its own."""

    def read(self, value: Any) -> tuple[Material, ...]:
        if not isinstance(value, tuple):
            raise ConfigError("background.materials", value, "must be a list of materials")
        materials = []
        for n, material in enumerate(value):
            try:
                materials.append(Material.from_dict(material))
            except ConfigError as error:
                field = error.field.replace("material", f"background.materials[{n}]", 1)
                raise type(error)(field, error.value, error.expected) from None
        return tuple(materials)


class Background(Section):
    """What scatters besides the crystal (physics 9.6 and 13).

    Attributes
    ----------
    water_um : float
        Edge of a droplet of water that scatters alike in all directions, as nanoBragg has it.
    materials : tuple of Material
        What the beam passes besides; their photons add.
    tolerance : float
        By how much of itself a pixel of background may be off, as it is interpolated where it is
        smooth; 0 computes each pixel.
    """

    water_um = Field(NOT_NEGATIVE, 0.0)
    materials = Field(_Materials(Table(Material), "materials"), ())
    tolerance = Field(NOT_NEGATIVE, 1e-4)

    if TYPE_CHECKING:

        def __init__(self, **fields: Unpack[BackgroundFields]) -> None: ...
        def replace(self, **fields: Unpack[BackgroundFields]) -> Self: ...  # noqa: D102

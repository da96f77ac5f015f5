"""Scenes that differ in the crystal's orientation, the wavelength or the fluence alone."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.choices import Choice
from nbcy.base.errors import ConfigError, NbcyWarning
from nbcy.base.units import to_si
from nbcy.base.vectors import frozen
from nbcy.config.section import Section
from nbcy.render.building import Rebuilding, rebuilt
from nbcy.scene.scene import Scene

if TYPE_CHECKING:
    from nbcy.config import Config

FloatArray = NDArray[np.float64]

_ORTHOGONAL: Final = 1e-9
"""How far the product of a rotation matrix and its transpose may be from 1."""


@dataclass(frozen=True, eq=False)
class Variation:
    """What one image of many has of its own; None is what the configuration says.

    Attributes
    ----------
    rotation : ndarray, shape (3, 3), or None
        Applied to the crystal, in the lab frame, after misset and before the spindle turns.
    phi_deg : float or None
        Where the spindle starts.
    wavelength_angstrom : float or None
        Central wavelength; the spectrum keeps its relative width.
    fluence_photons_per_m2 : float or None
    values : mapping of str to object
        Values of the configuration, by path.
    """

    rotation: FloatArray | None = None
    phi_deg: float | None = None
    wavelength_angstrom: float | None = None
    fluence_photons_per_m2: float | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def overrides(self) -> dict[str, Any]:
        """What differs in the configuration, by its path."""
        phi = {} if self.phi_deg is None else {"spindle.phi_deg": self.phi_deg}
        return {**self.values, **phi}

    def to_dict(self) -> dict[str, Any]:
        """Return what is varied, as numbers and lists."""
        named = {name: value for name, value in vars(self).items() if name != "values"}
        return {
            name: value.tolist() if hasattr(value, "tolist") else value
            for name, value in {**named, **self.values}.items()
            if value is not None
        }


@dataclass(frozen=True, eq=False)
class Variations:
    """What varies from image to image.

    Attributes
    ----------
    each : iterable of Variation
    count : int or None
        How many; None where only the iterable knows.
    shortest : float or None
        Shortest central wavelength, Angstrom; None where it does not vary.
    """

    each: Iterable[Variation]
    count: int | None
    shortest: float | None


def read_variations(
    values: Mapping[str, Any] | None = None,
    orientations: Any = None,
    phi_deg: Any = None,
    wavelength_angstrom: Any = None,
    fluence_photons_per_m2: Any = None,
) -> Variations:
    """Check what varies and put it together, image by image.

    Parameters
    ----------
    values : mapping of str to array_like or iterable, optional
        One value for each image, by the path of the configuration.
    orientations : array_like, shape (n, 3, 3), or scipy Rotation, or iterable of matrices, optional
        Rotation matrices. An iterable without a length is read as the images are rendered.
    phi_deg, wavelength_angstrom, fluence_photons_per_m2 : array_like, shape (n,), optional

    Raises
    ------
    ConfigError
        Nothing varies, lengths differ, or a value is impossible. Of an iterable without a length,
        once it has come to its end too soon or to a matrix that is no rotation.
    """
    numbers = {
        "phi_deg": phi_deg,
        "wavelength_angstrom": wavelength_angstrom,
        "fluence_photons_per_m2": fluence_photons_per_m2,
    }
    columns = {name: _column(name, value) for name, value in numbers.items() if value is not None}
    paths = dict(values or {})
    if orientations is None and not columns and not paths:
        expected = f"give values by path, orientations or any of {', '.join(numbers)}"
        raise ConfigError("run_many", "nothing varies", expected)
    lengths = {name: len(column) for name, column in columns.items()}
    lengths |= {path: len(each) for path, each in paths.items() if hasattr(each, "__len__")}
    for path, each in paths.items():
        if not isinstance(each, Iterable) or isinstance(each, str | bytes | Mapping):
            raise ConfigError(path, each, "must be a list of values, one for each image")
    rotations: Iterable[FloatArray | None]
    if orientations is None:
        rotations = repeat(None)
    elif hasattr(orientations, "as_matrix"):  # scipy's Rotation
        listed = check_rotations(np.reshape(orientations.as_matrix(), (-1, 3, 3)))
        rotations, lengths["orientations"] = listed, len(listed)
    elif hasattr(orientations, "__len__"):
        listed = check_rotations(orientations)
        rotations, lengths["orientations"] = listed, len(listed)
    elif isinstance(orientations, Iterable):
        rotations = (check_rotations([matrix], i)[0] for i, matrix in enumerate(orientations))
    else:
        raise ConfigError("orientations", orientations, "must be rotation matrices, (n, 3, 3)")
    if len(set(lengths.values())) > 1:
        raise ConfigError("run_many", lengths, "must all have the same length")
    count = next(iter(lengths.values()), None)
    wavelengths = columns.get("wavelength_angstrom")
    return Variations(
        _put_together(rotations, [columns.get(name) for name in numbers], paths, count),
        count,
        min(wavelengths) if wavelengths else None,
    )


def _put_together(
    rotations: Iterable[FloatArray | None],
    columns: list[list[float] | None],
    paths: Mapping[str, Iterable[Any]],
    count: int | None,
) -> Iterator[Variation]:
    # The columns come first: at their end no rotation is taken for nothing.
    given = [repeat(None) if column is None else column for column in columns]
    rows: Iterable[tuple[Any, ...]] = zip(*paths.values(), strict=False) if paths else repeat(())
    done = 0
    for phi, wavelength, fluence, values, rotation in zip(*given, rows, rotations, strict=False):
        named = dict(zip(paths, values, strict=True))
        yield Variation(rotation, phi, wavelength, fluence, named)
        done += 1
    if count is not None and done < count:
        raise ConfigError("orientations", f"{done} of them", f"must be {count}, as of the rest")


def _column(name: str, value: Any) -> list[float]:
    try:
        column = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        column = np.empty(())
    if column.ndim != 1:
        raise ConfigError(name, value, "must be a list of numbers, one for each image")
    wrong = ~np.isfinite(column) if name == "phi_deg" else ~(np.isfinite(column) & (column > 0.0))
    if wrong.any():
        i = int(np.argmax(wrong))
        expected = "must be finite" if name == "phi_deg" else "must be positive and finite"
        raise ConfigError(f"{name}[{i}]", float(column[i]), expected)
    values: list[float] = column.tolist()
    return values


def check_rotations(matrices: Any, first: int = 0) -> FloatArray:
    """Return rotation matrices as an array, shape (n, 3, 3).

    Parameters
    ----------
    matrices : array_like, shape (n, 3, 3)
    first : int
        What the first one is called in an error.

    Raises
    ------
    ConfigError
        They are not rotations.
    """
    if len(matrices) == 0:
        return np.empty((0, 3, 3))
    try:
        rotations = np.asarray([getattr(m, "as_matrix", lambda m=m: m)() for m in matrices], float)
    except (TypeError, ValueError):
        rotations = np.empty(0)
    if rotations.ndim != 3 or rotations.shape[1:] != (3, 3):
        where = f"orientations[{first}]" if len(matrices) == 1 else "orientations"
        what = f"numbers of shape {rotations.shape}" if rotations.size else "not arrays of numbers"
        raise ConfigError(where, what, "must be matrices of shape (n, 3, 3)")
    product = rotations @ rotations.transpose(0, 2, 1)
    # not a number is never less
    whole = (abs(product - np.eye(3)) < _ORTHOGONAL).all(axis=(1, 2))
    right = (np.cross(rotations[:, 0], rotations[:, 1]) * rotations[:, 2]).sum(axis=1) > 0.0
    for i in np.flatnonzero(~(whole & right))[:1].tolist():
        raise ConfigError(
            f"orientations[{first + i}]",
            rotations[i].tolist(),
            f"must be a rotation matrix: orthogonal to {_ORTHOGONAL:g}, with determinant +1",
        )
    return rotations


class Varying:
    """Makes the scene of each variation, from parts that stay the same.

    Parameters
    ----------
    scene : Scene
        What the configuration was resolved into.
    shortest : float, optional
        Shortest wavelength that will be asked for, Angstrom.

    Attributes
    ----------
    base : Scene
        The same, with structure factors that reach as far as the shortest wavelength sees.

    Raises
    ------
    ConfigError
        The wavelength cannot vary.

    Warns
    -----
    NbcyWarning
        Sub-pixels chosen for the configured wavelength are too coarse for the shortest.
    """

    def __init__(self, scene: Scene, shortest: float | None = None) -> None:
        self.base = scene if shortest is None else _ready_for(scene, shortest)
        self._rebuilding = Rebuilding(self.base)

    def scene(self, variation: Variation) -> Scene:
        """Return the scene of one image."""
        scene, config, inputs = self.base, self.base.config, dict[str, Any]()
        values = variation.overrides
        if values:
            config = config.with_overrides(values)
        if variation.rotation is not None:
            inputs["rotation"] = variation.rotation
        if variation.fluence_photons_per_m2 is not None:
            inputs["fluence"] = variation.fluence_photons_per_m2
        if values or inputs:
            scene = self._rebuilding.scene_of(config, _fields(self.base.config, config), inputs)
        if variation.wavelength_angstrom is not None:
            scene = _at_wavelength(scene, to_si(variation.wavelength_angstrom, "angstrom"))
        return scene


def _fields(config: Config, other: Config) -> frozenset[tuple[str, str]]:
    """Return section and name of the fields in which two configurations differ."""
    found = []
    for section, mine in vars(config).items():
        theirs = getattr(other, section)
        if mine is theirs:
            continue
        if not isinstance(mine, Section):
            found.append(("", section))
            continue
        values = vars(theirs)
        found += [
            (section, name) for name, value in vars(mine).items() if values[name] is not value
        ]
    return frozenset(found)


def _at_wavelength(scene: Scene, wavelength: float) -> Scene:
    """Return the scene with another beam, and the crystal and its sampling as they are."""
    beam = scene.illumination
    wavelengths = frozen(beam.wavelengths / beam.wavelength * wavelength)
    sources = dataclasses.replace(beam.sources, wavelengths=wavelengths)
    changed = dataclasses.replace(
        scene, illumination=dataclasses.replace(beam, wavelength=wavelength, sources=sources)
    ).with_haze()
    choice = Choice(wavelength, "m", "given", "varied")
    choices = MappingProxyType({**scene.choices, "beam.wavelength": choice})
    changed.__dict__["choices"] = choices
    return changed


def _ready_for(scene: Scene, shortest: float) -> Scene:
    """Return a scene whose structure factors serve wavelengths down to the shortest."""
    field, crystal = "wavelength_angstrom", scene.config.crystal
    if scene.config.beam.source_file is not None:
        raise ConfigError(field, shortest, "cannot vary: beam.source_file lists the wavelengths")
    if scene.amplitudes.calculated and crystal.anomalous:
        expected = "cannot vary: f' and f'' of the coordinates are those of the beam's wavelength"
        raise ConfigError(field, shortest, f"{expected}; make a Simulator for each")
    beam = scene.illumination
    ratio = beam.wavelength / to_si(shortest, "angstrom")
    recommended = math.ceil(ratio * scene.subpixels.oversample_recommended)
    if ratio > 1.0 and scene.subpixels.oversample < recommended:
        warnings.warn(
            f"sampling.oversample = {scene.subpixels.oversample} is kept for every wavelength: up "
            f"to {recommended} would be recommended for {shortest:g} Angstrom",
            NbcyWarning,
            stacklevel=4,
        )
    if ratio > 1.0 and scene.amplitudes.calculated:
        return rebuilt(scene, scene.config, further=ratio)
    return scene

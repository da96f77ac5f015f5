"""What files hold is read, then the scene is resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nbcy.crystal.structure_factors import StructureFactors
from nbcy.scene.desk import Desk, Stage, Step
from nbcy.scene.geometry import geometry
from nbcy.scene.scene import Scene, compose

if TYPE_CHECKING:
    from nbcy.base.amplitude_table import AmplitudeTable
    from nbcy.config import Config
    from nbcy.inputs.coordinates import Coordinates
    from nbcy.inputs.source_list import SourceList


def structure(step: Step) -> StructureFactors | Coordinates | None:
    """Read structure factors, or the atoms to calculate them of once the resolution is known."""
    crystal = step.config.crystal
    used: set[str] = set()
    found: StructureFactors | Coordinates | None = None
    if crystal.hkl_file is not None:
        found = StructureFactors.from_text(crystal.hkl_file, crystal.default_F)
    elif crystal.structure_file is not None:
        from nbcy.inputs.structures import structure_kind

        kind = structure_kind(crystal.structure_file)
        if kind == "coordinates":
            from nbcy.inputs.coordinates import read_coordinates

            used = {"k_sol", "B_sol", "anomalous"}
            found = read_coordinates(crystal.structure_file)
        else:
            used = {"column", "missing", "anomalous"}
            read = StructureFactors.from_mtz if kind == "mtz" else StructureFactors.from_cif
            found = read(
                crystal.structure_file,
                crystal.column,
                anomalous=crystal.anomalous,
                missing=crystal.missing or "default",
                default_F=crystal.default_F,
            )
    for field in ("column", "missing", "k_sol", "B_sol", "anomalous"):
        if getattr(crystal, field) not in (None, False) and field not in used:
            what = "measured structure factors" if field in ("column", "missing") else "coordinates"
            step.ledger.note(f"crystal.{field} is not used: there are no {what}")
    return found


def matrix(step: Step) -> Any:
    """Read the MOSFLM matrix (physics 6)."""
    from nbcy.inputs.matrix import read_matrix

    return read_matrix(str(step.config.crystal.matrix_file))


def mask(step: Step) -> NDArray[np.uint8]:
    """Read the mask file (formats 5.4)."""
    from nbcy.inputs.mask import read_mask

    return read_mask(str(step.config.detector.mask_file), step.take(geometry).panels[0].shape)


def mosaic(step: Step) -> Any:
    """Read the rotations of the mosaic domains, and their weights if they have any."""
    from nbcy.inputs.mosaic import read_mosaic

    return read_mosaic(str(step.config.crystal.mosaic_matrices))


def spectrum(step: Step) -> Any:
    """Read wavelengths and weights."""
    from nbcy.inputs.spectrum import read_spectrum

    return read_spectrum(str(step.config.beam.spectrum_file))


def amplitude_tables(step: Step) -> tuple[AmplitudeTable, ...]:
    """Read the table of each material (physics 13.2)."""
    from nbcy.config.materials import PRESETS
    from nbcy.inputs.amplitude_table import FOLDER, read_amplitude_table

    return tuple(
        read_amplitude_table(str(FOLDER / f"{one.table}.stol"))
        if one.table in PRESETS
        else read_amplitude_table(one.table, one.column)
        for one in step.config.background.materials
    )


def sources(step: Step) -> SourceList:
    """Read the list of sources (physics 5.2)."""
    from nbcy.inputs.source_list import read_source_list

    return read_source_list(str(step.config.beam.source_file))


@dataclass(frozen=True, eq=False)
class Given:
    """A value in place of what would be read."""

    value: object

    def __call__(self, _: Step) -> object:
        """Return it."""
        return self.value


NOTHING = Given(None)

INPUTS: Mapping[str, Stage[Any]] = {
    "structure": structure,
    "matrix": matrix,
    "mask": mask,
    "mosaic": mosaic,
    "spectrum": spectrum,
    "sources": sources,
    "amplitude_tables": amplitude_tables,
    "rotation": NOTHING,
    "fluence": NOTHING,
    "further": NOTHING,
}
"""What scenes take besides the configuration: from files, and of a series ``rotation``, a matrix
that turns the crystal after misset, ``fluence``, photons/m², and ``further``, by how much more
than the scene's own wavelength sees calculated structure factors must reach."""


def build_scene(config: Config, structure_factors: StructureFactors | None = None) -> Scene:
    """Resolve a configuration into a scene (physics 1 to 6, 9 and 11).

    Parameters
    ----------
    config : Config
        What the user gave.
    structure_factors : StructureFactors, optional
        Used in place of the configuration's hkl or structure file and default amplitude; their cell
        serves where the configuration gives none.

    Returns
    -------
    Scene

    Raises
    ------
    ConfigError
        Values that do not fit together.
    FileError
        A file that cannot be read.
    """
    inputs = dict(INPUTS)
    if structure_factors is not None:
        inputs["structure"] = Given(structure_factors)
    return compose(Desk(config, inputs))


def rebuilt(scene: Scene, config: Config, **inputs: object) -> Scene:
    """Resolve another configuration, taking over from a scene what does not differ.

    Parameters
    ----------
    scene : Scene
    config : Config
    **inputs
        Values in place of what `INPUTS` names.
    """
    return compose(Desk(config, _with(scene, inputs), scene.desk))


class Rebuilding:
    """Makes scenes that differ from one in the same fields and inputs, again and again.

    Parameters
    ----------
    scene : Scene
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._kept: dict[Any, Any] = {}

    def scene_of(
        self, config: Config, fields: frozenset[tuple[str, str]], inputs: Mapping[str, object]
    ) -> Scene:
        """Return the scene of a configuration that differs in no other fields (section, name)."""
        what = fields, frozenset(inputs)
        kept = self._kept.get(what)
        if kept is None:
            kept = self._kept[what] = self.scene.desk.independent(*what)
        return compose(Desk(config, _with(self.scene, inputs), self.scene.desk, kept))


def _with(scene: Scene, inputs: Mapping[str, object]) -> dict[str, Stage[Any]]:
    given = {name: Given(value) for name, value in inputs.items()}
    return {**scene.desk.inputs, **given}

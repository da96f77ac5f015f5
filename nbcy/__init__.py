"""nbcy: nanoBragg's diffraction images, exact, fast, and explainable pixel by pixel.

The public names are imported when first used, so that ``import nbcy`` is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbcy.base.lazy import hand_on

if TYPE_CHECKING:
    from nbcy.auditing import AuditReport, audit
    from nbcy.base.errors import (
        ConfigError,
        FileError,
        KernelError,
        NbcyError,
        NbcyWarning,
        UnitError,
        UsageError,
        WriteError,
    )
    from nbcy.config import (
        Background,
        Beam,
        Config,
        Crystal,
        Detector,
        Material,
        Panel,
        Response,
        Sampling,
        Spindle,
    )
    from nbcy.config.quirks import QUIRKS
    from nbcy.crystal.structure_factors import StructureFactors
    from nbcy.formats.frames import open_recording
    from nbcy.formats.geometry import Geometry
    from nbcy.image.image import Image
    from nbcy.kernel.installation import show_config
    from nbcy.render.building import build_scene
    from nbcy.render.simulator import Simulator
    from nbcy.render.trace import Trace
    from nbcy.scene.scene import Scene
    from nbcy.version import __version__
    from nbcy.work.series import frames, save_frames

_HOMES = {
    "nbcy.auditing": ("AuditReport", "audit"),
    "nbcy.config": (
        *("Background", "Beam", "Config", "Crystal", "Detector", "Material"),
        *("Panel", "Response", "Sampling", "Spindle"),
    ),
    "nbcy.base.errors": (
        *("ConfigError", "FileError", "KernelError", "NbcyError", "NbcyWarning"),
        *("UnitError", "UsageError", "WriteError"),
    ),
    "nbcy.formats.geometry": ("Geometry",),
    "nbcy.image.image": ("Image",),
    "nbcy.kernel.installation": ("show_config",),
    "nbcy.formats.frames": ("open_recording",),
    "nbcy.config.quirks": ("QUIRKS",),
    "nbcy.render.building": ("build_scene",),
    "nbcy.scene.scene": ("Scene",),
    "nbcy.work.series": ("frames", "save_frames"),
    "nbcy.render.simulator": ("Simulator",),
    "nbcy.crystal.structure_factors": ("StructureFactors",),
    "nbcy.render.trace": ("Trace",),
    "nbcy.version": ("__version__",),
}
__all__ = [
    "QUIRKS",
    "AuditReport",
    "Background",
    "Beam",
    "Config",
    "ConfigError",
    "Crystal",
    "Detector",
    "FileError",
    "Geometry",
    "Image",
    "KernelError",
    "Material",
    "NbcyError",
    "NbcyWarning",
    "Panel",
    "Response",
    "Sampling",
    "Scene",
    "Simulator",
    "Spindle",
    "StructureFactors",
    "Trace",
    "UnitError",
    "UsageError",
    "WriteError",
    "__version__",
    "audit",
    "build_scene",
    "frames",
    "open_recording",
    "save_frames",
    "show_config",
]


__getattr__, __dir__ = hand_on(__name__, _HOMES)

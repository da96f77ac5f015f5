"""nbcy: nanoBragg's diffraction images, exact, fast, and explainable pixel by pixel.

The public names are imported when first used, so that ``import nbcy`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbcy.auditing import AuditReport, audit
    from nbcy.config import (
        Background,
        Beam,
        Config,
        Crystal,
        Detector,
        Panel,
        Sampling,
        Spindle,
    )
    from nbcy.errors import (
        ConfigError,
        FileError,
        KernelError,
        NbcyError,
        NbcyWarning,
        UnitError,
        UsageError,
        WriteError,
    )
    from nbcy.geometry import Geometry
    from nbcy.image import Image
    from nbcy.installation import show_config
    from nbcy.io.frames import open_recording
    from nbcy.quirks import QUIRKS
    from nbcy.scene import Scene, build_scene
    from nbcy.series import frames, save_frames
    from nbcy.simulator import Simulator
    from nbcy.structure_factors import StructureFactors
    from nbcy.trace import Trace
    from nbcy.version import __version__

_HOMES = {
    "nbcy.auditing": ("AuditReport", "audit"),
    "nbcy.config": (
        *("Background", "Beam", "Config", "Crystal", "Detector", "Panel", "Sampling"),
        "Spindle",
    ),
    "nbcy.errors": (
        *("ConfigError", "FileError", "KernelError", "NbcyError", "NbcyWarning"),
        *("UnitError", "UsageError", "WriteError"),
    ),
    "nbcy.geometry": ("Geometry",),
    "nbcy.image": ("Image",),
    "nbcy.installation": ("show_config",),
    "nbcy.io.frames": ("open_recording",),
    "nbcy.quirks": ("QUIRKS",),
    "nbcy.scene": ("Scene", "build_scene"),
    "nbcy.series": ("frames", "save_frames"),
    "nbcy.simulator": ("Simulator",),
    "nbcy.structure_factors": ("StructureFactors",),
    "nbcy.trace": ("Trace",),
    "nbcy.version": ("__version__",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

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
    "NbcyError",
    "NbcyWarning",
    "Panel",
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


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'nbcy' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

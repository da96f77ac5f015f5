"""What the user asks, in the user's units: immutable sections, to and from TOML and JSON.

In: numbers with units, mappings, text. Out: a `Config`. Knows no scene.
"""

from nbcy.config.config import (
    Background,
    Beam,
    Config,
    Crystal,
    Detector,
    Panel,
    Sampling,
    Section,
    Spindle,
)

__all__ = [
    "Background",
    "Beam",
    "Config",
    "Crystal",
    "Detector",
    "Panel",
    "Sampling",
    "Section",
    "Spindle",
]

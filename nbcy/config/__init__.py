"""What the user asks, in the user's units: immutable sections, to and from TOML and JSON.

In: numbers with units, mappings, text. Out: a `Config`. Knows no scene.
"""

from nbcy.config.background import Background, Material
from nbcy.config.beam import Beam
from nbcy.config.config import Config
from nbcy.config.crystal import Crystal
from nbcy.config.detector import Detector, Panel
from nbcy.config.response import Response
from nbcy.config.sampling import Sampling
from nbcy.config.section import Section
from nbcy.config.spindle import Spindle

__all__ = [
    "Background",
    "Beam",
    "Config",
    "Crystal",
    "Detector",
    "Material",
    "Panel",
    "Response",
    "Sampling",
    "Section",
    "Spindle",
]

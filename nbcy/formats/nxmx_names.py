"""Names in NXmx files that both reading and writing know."""

from __future__ import annotations

from typing import Final

MASTER: Final = "_master.h5"
"""A file of this name links to files of frames, as Eiger's do."""

PROVENANCE: Final = "provenance"
PROVENANCE_OF_FRAME: Final = "provenance_of_frame"
"""In the NXprocess ``simulation``: JSON of the first frame, and for each what differs from it."""

"""Named causes of disagreement: data, and one small function each.

A hypothesis looks at a `Case` (side ``x`` shows ``value`` where ``target`` would be right) and
yields what ``x`` would show if the hypothesis were true, with the arithmetic in words. Only what
equals the shown value within tolerance, and differs from the right one, is ever reported.

A new one is a function with a decorator::

    @hypothesis("beam_reversed", ["incident_vec"], "{x}'s beam runs backwards", "negate it")
    def _beam_reversed(c: Case) -> Proposals:
        yield -c.target, "incident_vec = -1 · {y}'s"
"""

from __future__ import annotations

from nbcy.auditing.hypotheses.base import (
    CELL_KEYS,
    HYPOTHESES,
    STAR_KEYS,
    Case,
    Hypothesis,
    Proposal,
    explain,
    hypothesis,
)

# The order of these is the order of HYPOTHESES.
# isort: off
from nbcy.auditing.hypotheses import (  # noqa: F401
    origin,
    axes,
    pixel,
    scattering,
    cell,
    orientation,
    amplitudes,
    scale,
    sampling,
    photons,
)
# isort: on

__all__ = [
    "CELL_KEYS",
    "HYPOTHESES",
    "STAR_KEYS",
    "Case",
    "Hypothesis",
    "Proposal",
    "explain",
    "hypothesis",
]

"""Which key rests on which, and the order in which keys can be recomputed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from nbcy.render.vocabulary import KEYS

CONSUMERS: Final[Mapping[str, tuple[str, ...]]] = {
    name: tuple(other for other, key in KEYS.items() if name in key.depends) for name in KEYS
}
"""What rests directly on each key."""


@cache
def ancestors(key: str) -> frozenset[str]:
    """Return what a key rests on, directly or not."""
    direct = KEYS[key].depends
    return frozenset(direct).union(*(ancestors(name) for name in direct))


_EARLIER: Final[Mapping[str, str]] = {
    "close_distance_meters": "sdet_vec",
    "rot_a_star_A_inv": "scattering_vec_per_m",
    "rot_b_star_A_inv": "scattering_vec_per_m",
    "rot_c_star_A_inv": "scattering_vec_per_m",
    "steps": "F_cell",
    "oversample_thick": "F_cell",
    "oversample_polar": "F_cell",
    "oversample_omega": "sdet_vec",
}
"""Keys that stand later in the table than what rests on them, and after which they come."""

_PLACE: Final = {name: place for place, name in enumerate(KEYS)}

CHAIN: Final = sorted(
    KEYS, key=lambda name: (_PLACE[_EARLIER.get(name, name)], name in _EARLIER, _PLACE[name])
)
"""Keys in the order in which they can be recomputed."""


SHALLOW: Final = frozenset(
    {
        *("R_distance_meters", "omega_pixel_sr", "obliquity_factor", "diffracted_vec"),
        *("capture_fraction", "polar", "omega_pixel", "cos_2theta"),
    }
)
"""Keys near enough to the start that a hypothesis must meet them more closely than two sides do."""

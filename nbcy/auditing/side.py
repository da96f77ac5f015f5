"""One side of an audit: what it shows, how precisely, and what it says or implies about itself."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nbcy.base.cell import cell_parameters
from nbcy.crystal.structure_factors import HklGrid, StructureFactors
from nbcy.render.facts import FULL, Fact
from nbcy.render.trace import Trace
from nbcy.render.vocabulary import KEYS

Array = NDArray[np.float64]

DIRECT: Final = frozenset(
    {
        "pix0_vector_meters",
        "fdet_vec",
        "sdet_vec",
        "close_distance_meters",
        "incident_vec",
        "lambda_meters",
        "lambda_angstroms",
        *(f"rot_{axis}_angstroms" for axis in "abc"),
        *(f"rot_{axis}_star_A_inv" for axis in "abc"),
        "F_cell",
        "r_e_meters",
        "r_e_sqr",
        "fluence_photons_per_m2",
    }
)
"""Keys that a program is given or gets with a few operations: float32 leaves them six digits."""


@dataclass(frozen=True, slots=True)
class Tolerances:
    """Relative differences that count as agreement.

    Attributes
    ----------
    double : float
        Between sides in double precision.
    single : float
        When a side is in single precision.
    single_direct : float
        The same for what takes only a few operations (`DIRECT`), where rounding cannot hide as
        much. Vectors are measured against their length, integers and flags exactly.
    """

    double: float = 1e-9
    single: float = 2e-5
    single_direct: float = 1e-6


@dataclass(frozen=True, slots=True)
class Precision:
    """How precise the numbers of a side are.

    Attributes
    ----------
    name : str
        "float64", "float32", or "7 digits".
    eps : float
        Relative uncertainty of one number.
    evidence : str
        Why.
    """

    name: str
    eps: float
    evidence: str

    @property
    def single(self) -> bool:
        """Whether single-precision tolerances apply."""
        return self.eps > 1e-10

    def tolerance(self, key: str, tolerances: Tolerances) -> float:
        """Relative tolerance of a key."""
        if not self.single:
            return tolerances.double
        own = tolerances.single_direct if key in DIRECT else tolerances.single
        return max(own, 4.0 * self.eps)


_MANY: Final = 12
"""Numbers from which on their digits tell how they were printed."""


def digits_of(x: float) -> int:
    """Return the number of significant decimal digits a number was printed with, at least."""
    return len(repr(abs(x)).split("e")[0].replace(".", "").strip("0"))


def recognise_precision(trace: Trace) -> Precision:
    """Tell single precision, and short printing, from double precision (trace 3.4).

    A number in single precision equals its own rounding to float32, in all the digits it was
    printed with; a double does so by chance once in 10⁷ or so.
    """
    if trace.scene is not None:
        return Precision("float64", FULL, "live, in double precision")
    numbers = [
        x
        for name, values in _items(trace)
        if KEYS[name].kind == "real"
        and name != "floatimage_accumulated"
        and name not in trace.halves
        for x in values
        if math.isfinite(x)
    ]
    telling = [x for x in numbers if digits_of(x) >= 9]
    if trace.halves and len(telling) < 4:
        return Precision(
            "as printed", 1e-15, "each number as far as its digits go: few have more than 9"
        )
    if len(telling) < 4:
        longest = max((digits_of(x) for x in numbers), default=0)
        if longest >= 9 or longest == 0:
            return Precision("float64", FULL, "too few digits to tell")
        # A handful of numbers, typed by hand, may be short because they are exact.
        eps = 0.5 * 10.0 ** (1 - longest) if len(numbers) >= _MANY else 1e-15
        return Precision(f"{longest} digits", eps, f"no number has more than {longest}")
    single = sum(_is_float32(x) for x in telling)
    if single >= 0.8 * len(telling):
        share = "all" if single == len(telling) else f"{single} of"
        return Precision(
            "float32", 2.0**-23, f"{share} {len(telling)} numbers equal their rounding to float32"
        )
    longest = max(digits_of(x) for x in telling)
    if longest <= 10:
        return Precision(
            f"{longest} digits", 0.5 * 10.0 ** (1 - longest), f"no number has more than {longest}"
        )
    if single > 0.2 * len(telling):
        return Precision(
            "mixed", 2.0**-23, f"{single} of {len(telling)} numbers equal their rounding to float32"
        )
    return Precision("float64", FULL, f"{len(telling) - single} of {len(telling)} are no float32")


def _is_float32(x: float) -> bool:
    if not 1.2e-38 < abs(x) < 3.4e38:
        return True  # out of float32's range: tells nothing
    half_unit = 0.51 * 10.0 ** (math.floor(math.log10(abs(x))) + 1 - digits_of(x))
    return abs(float(np.float32(x)) - x) <= half_unit


def _items(trace: Trace) -> Iterator[tuple[str, tuple[float, ...]]]:
    for block in (*trace.blocks[:50], trace.chain):
        yield from block.items()


@lru_cache(maxsize=2)
def _read_grid(path: str, default_F: float, changed: int) -> HklGrid:
    """Read a list, once for both sides and for every audit until it changes."""
    del changed
    return StructureFactors.from_text(path, default_F).to_grid()


@dataclass(eq=False)
class Side:
    """One side of an audit.

    Attributes
    ----------
    label : str
        "A" or "B".
    trace : Trace
    precision : Precision
    corrected : dict
        ``(key, block)`` to the value that the side really went on with, where the printed one is
        found to be a fault of the printing.
    doubt : dict
        Key to the relative uncertainty of such a value.
    cells_seen : dict
        Numbers of cells that were found to fit, so that they are looked for once.
    """

    label: str
    trace: Trace
    precision: Precision
    corrected: dict[tuple[str, int], Array] = field(default_factory=dict)
    doubt: dict[str, float] = field(default_factory=dict)
    cells_seen: dict[tuple[int, int], tuple[list[int], list[int]]] = field(default_factory=dict)

    @property
    def blocks(self) -> int:
        """Number of sub-pixels and layers shown."""
        return len(self.trace.blocks)

    def printed(self, key: str, block: int = -1) -> Array | None:
        """Return the numbers of a key as printed, None where they are not shown."""
        home = self.trace.chain
        if KEYS[key].per_block:
            if not self.trace.blocks:
                return None
            home = self.trace.blocks[block]
        values = home.get(key)
        if KEYS[key].optional and values is None and "I_pixel_final" in home:
            return np.zeros(1)  # a background is printed only where there is one
        return None if values is None else np.array(values)

    def used(self, key: str, block: int = -1) -> Array | None:
        """Return the numbers the side went on with."""
        place = block % max(self.blocks, 1) if KEYS[key].per_block else 0
        if (key, place) in self.corrected:
            return self.corrected[key, place]
        return self.printed(key, block)

    def half(self, key: str) -> float:
        """Half a unit of the last digit that was printed of a key, with what adding it may lose."""
        return 1.02 * self.trace.halves.get(key, 0.0)

    def coarseness(self, key: str) -> float:
        """Return `half` relative to the size of the value, 0 where it was printed in full."""
        half = self.half(key)
        value = self.printed(key) if half else None
        if value is None:
            return 0.0
        size = float(np.linalg.norm(value))
        return min(half / size, 1.0) if size > 0.0 else 1.0

    def fact(self, name: str) -> Fact | None:
        """Return what the side says or implies about itself."""
        return self.trace.facts.get(name)

    @cached_property
    def grid(self) -> HklGrid | None:
        """The structure factors, of a live side or from the file the log names beside itself."""
        if self.trace.scene is not None:
            return self.trace.scene.amplitudes.hkl
        named = self.trace.facts.get("hkl_file")
        if named is None or not os.path.isfile(self.trace.name):
            return None
        path = os.path.join(os.path.dirname(self.trace.name), str(named.value))
        if not os.path.isfile(path):
            return None
        default = self.trace.facts.get("default_F")
        return _read_grid(path, default.numbers[0] if default else 0.0, os.stat(path).st_mtime_ns)

    @cached_property
    def layers_seen(self) -> int:
        """Number of sensor layers that the positions of the blocks speak of."""
        keys = ("pixel_pos_meters", "pix0_vector_meters", "fdet_vec", "sdet_vec")
        rows = [[self.printed(key, i) for key in keys] for i in range(min(self.blocks, 400))]
        if self.blocks < 2 or any(value is None for row in rows for value in row):
            return 1
        position, origin, fast, slow = np.array(rows, dtype=np.float64).transpose(1, 0, 2)
        depth = np.einsum("ij,ij->i", position - origin, np.cross(fast, slow))
        limit = max(1e-12, 64.0 * self.precision.eps * float(np.abs(position).max()))
        for layers in range(1, len(depth)):
            if self.blocks % layers == 0:
                same = np.abs(depth - np.resize(depth[:layers], len(depth))) <= limit
                if same.mean() >= 0.75:
                    return layers
        return self.blocks

    def implied(self) -> dict[str, Fact]:
        """Return the facts that the keys themselves imply."""
        facts: dict[str, Fact] = {}
        slack = 8.0 * self.precision.eps

        def take(name: str, value: Array | tuple[float, ...]) -> None:
            numbers = np.asarray(value, dtype=np.float64).ravel()
            facts[name] = Fact(tuple(numbers.tolist()), slack, "keys")

        for name, key in (
            ("fast_axis", "fdet_vec"),
            ("slow_axis", "sdet_vec"),
            ("origin", "pix0_vector_meters"),
            ("beam_direction", "incident_vec"),
            ("close_distance", "close_distance_meters"),
            ("wavelength", "lambda_meters"),
            ("fluence", "fluence_photons_per_m2"),
        ):
            if (value := self.printed(key)) is not None:
                take(name, value)
        rotated = [self.printed(f"rot_{axis}_angstroms") for axis in "abc"]
        if all(vector is not None for vector in rotated):
            with contextlib.suppress(ArithmeticError, ValueError):
                take("cell", cell_parameters(np.array(rotated)))
        return facts

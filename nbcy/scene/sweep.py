"""How a quantity is sampled: range, step and count (physics 4.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from nbcy.base.choices import Ledger, Origin
from nbcy.base.errors import ConfigError
from nbcy.base.units import to_si

MAX_STEPS: Final = 10_000_000
"""Most steps of one sweep and most sources."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """How a quantity is sampled.

    Attributes
    ----------
    range, step : float
        Whole width and spacing, in SI units.
    count : int
        Number of samples.
    """

    range: float
    step: float
    count: int


def resolve_sweep(
    name: str,
    count_name: str,
    unit_name: str,
    range_: float | None,
    step: float | None,
    count: int | None,
    ledger: Ledger,
    *,
    slices: bool,
    lone_range: float,
    may_rest: bool = False,
) -> Sweep:
    """Fill in what the user left open of range, step and count (physics 4.1).

    Parameters
    ----------
    name, count_name, unit_name : str
        What is sampled, the field of its count, and its SI unit.
    range_, step : float or None
        SI units, not negative.
    count : int or None
        Number of samples, at least 1.
    ledger : Ledger
        Takes the choice.
    slices : bool
        A count divides the range into slices that start at the samples, instead of placing the
        samples at both ends and evenly between.
    lone_range : float
        Range when only a count is given; 0 makes that one sample.
    may_rest : bool
        Keep the number of samples even where the range is 0.

    Raises
    ------
    ConfigError
        More than `MAX_STEPS` samples.
    """
    step = None if step == 0.0 else step
    wanted = count
    origin: Origin = "derived"
    if range_ is None:
        if step is not None:
            sweep, reason = Sweep(step, step, 2), "only the step is given: its two ends"
        elif wanted is not None:
            sweep = Sweep(lone_range, lone_range / wanted, wanted)
            reason = "only the count is given"
        else:
            sweep, origin, reason = Sweep(0.0, 0.0, 1), "default", "nothing given"
    elif step is None:
        if slices:
            wanted = wanted or 2
            sweep, reason = Sweep(range_, range_ / wanted, wanted), "range / count"
        else:
            wanted = max(wanted or 2, 2)
            sweep, reason = Sweep(range_, range_ / (wanted - 1), wanted), "range / (count - 1)"
    elif wanted is None:
        wanted = math.ceil(min(range_ / step, 1e18))
        sweep, reason = Sweep(range_, step, wanted), "ceil(range / step)"
    else:
        sweep, origin, reason = Sweep(range_, step, wanted), "given", ""
    if may_rest:
        sweep = Sweep(sweep.range, sweep.step, max(sweep.count, 1))
    elif not (sweep.range > 0.0 and sweep.step > 0.0):
        sweep = Sweep(0.0, 0.0, 1)
    require_few(count_name, sweep.count)
    ledger.choose(name, sweep, unit_name, origin, reason)
    if count is not None and count != sweep.count:
        ledger.note(f"{count_name} = {count} is not used: {sweep.count} steps, {reason}")
    return sweep


def require_few(name: str, count: int) -> None:
    """Refuse a count that would fill the memory."""
    if count > MAX_STEPS:
        raise ConfigError(name, count, f"must be at most {MAX_STEPS}")


def converted(value: float | None, unit: str) -> float | None:
    """Convert what is given to SI."""
    return None if value is None else to_si(value, unit)

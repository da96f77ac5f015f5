"""A table of amplitude against resolution as a function (physics 13.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nbcy.base.errors import ConfigError

FloatArray = NDArray[np.float64]


class AmplitudeTable:
    """Amplitude a molecule as a function of sin θ/λ.

    Between two points of the table it is the cubic through them and the next one on each side, in
    the first and the last interval the parabola through the three that there are.

    Parameters
    ----------
    stol : array_like, shape (n,)
        sin θ/λ, 1/Å, ascending.
    F : array_like, shape (n,)
        Electrons.
    goes_on : bool
        Beyond its ends the table is the straight line through the last two points, as in the
        reference (quirk ``table_extrapolation``); else it keeps its last value.
    name : str
        For errors.

    Raises
    ------
    ConfigError
        Fewer than two points, not finite, not ascending.
    """

    def __init__(
        self, stol: ArrayLike, F: ArrayLike, *, goes_on: bool = False, name: str = "table"
    ) -> None:
        self.stol, self.F = np.array(stol, float), np.array(F, float)
        self.goes_on, self.name = goes_on, name
        shape = self.stol.shape
        if len(shape) != 1 or shape != self.F.shape or shape[0] < 2:
            raise ConfigError(name, f"{self.stol.size} points", "must have two points or more")
        if not (np.isfinite(self.stol).all() and np.isfinite(self.F).all()):
            raise ConfigError(name, "not finite", "must hold finite numbers")
        for n in np.flatnonzero(~(np.diff(self.stol) > 0.0))[:1].tolist():
            what = "repeats" if self.stol[n] == self.stol[n + 1] else "falls below"
            expected = f"must ascend: sin θ/λ of point {n + 2} {what} that of point {n + 1}"
            raise ConfigError(name, float(self.stol[n + 1]), expected)
        self._coefficients = np.array([self._cubic(n) for n in range(shape[0] - 1)]).T.copy()

    def _cubic(self, n: int) -> FloatArray:
        """Return the coefficients of an interval, constant first, of s less its first point."""
        points = slice(max(n - 1, 0), n + 3)
        x, y = self.stol[points] - self.stol[n], self.F[points].copy()
        found = np.zeros(4)
        for order in range(1, len(x)):  # divided differences, then Newton's form by powers
            y[order:] = (y[order:] - y[order - 1 : -1]) / (x[order:] - x[:-order])
        for root, difference in zip(x[::-1], y[::-1], strict=True):
            found[1:], found[0] = found[:-1] - root * found[1:], difference - root * found[0]
        return found

    @property
    def last(self) -> float:
        """Where the table ends, sin θ/λ in 1/Å."""
        return float(self.stol[-1])

    def going_on(self) -> AmplitudeTable:
        """Return it with straight lines beyond its ends."""
        return AmplitudeTable(self.stol, self.F, goes_on=True, name=self.name)

    def __call__(self, stol: ArrayLike) -> FloatArray:
        """Return the amplitudes at sin θ/λ, electrons."""
        s = np.asarray(stol, float)
        within = np.clip(s, self.stol[0], self.stol[-1])
        interval = np.searchsorted(self.stol[1:-1], within, "right")
        t = within - self.stol[interval]
        c0, c1, c2, c3 = (c[interval] for c in self._coefficients)
        values: FloatArray = ((c3 * t + c2) * t + c1) * t + c0
        if self.goes_on:
            slope = np.diff(self.F) / np.diff(self.stol)
            values += np.where(s < within, slope[0], slope[-1]) * (s - within)
        return values

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AmplitudeTable):
            return NotImplemented
        same = np.array_equal(self.stol, other.stol) and np.array_equal(self.F, other.F)
        return same and self.goes_on == other.goes_on

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (
            f"<nbcy.AmplitudeTable {self.name}: {self.stol.size} points, sin θ/λ "
            f"{self.stol[0]:g} to {self.stol[-1]:g} 1/Å>"
        )

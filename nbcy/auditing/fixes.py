"""Which changes to a live side make it agree with the other one? They are tried, not guessed."""

from __future__ import annotations

import math
import shlex
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nbcy.auditing.causality import CHAIN
from nbcy.auditing.configurations import Difference, differences, flags_of
from nbcy.auditing.engine import Comparison
from nbcy.auditing.formulas import rotation_of
from nbcy.auditing.hypotheses import CELL_KEYS
from nbcy.auditing.implied import cells_along, components
from nbcy.auditing.side import Side, Tolerances, recognise_precision
from nbcy.auditing.view import Unknown, View
from nbcy.base.errors import NbcyError, NbcyWarning
from nbcy.config.conventions import CONVENTIONS
from nbcy.config.quirks import QUIRKS
from nbcy.flags.words import command_line
from nbcy.render.trace import Trace

if TYPE_CHECKING:
    from nbcy.auditing.report import AuditReport
    from nbcy.config import Config
    from nbcy.render.simulator import Simulator

MOST_CHANGES: Final = 5
"""Largest number of changes that are tried together."""

QUICK: Final = 4.0
"""Seconds for which changes are tried unasked."""

NO_QUIRKS: Final = "(without -quirks)"

WIDTH: Final = 6
"""Number of promising sets of changes that are carried on from each size to the next."""


@dataclass(frozen=True, eq=False)
class Change:
    """One change to a configuration.

    Attributes
    ----------
    words : str
        What it is.
    overrides : dict
        For `Config.with_overrides`.
    said : str
        The same as flags of the reference, where the overrides alone do not say it.
    """

    words: str
    overrides: dict[str, Any]
    said: str = ""

    @property
    def flags(self) -> str:
        """The change as flags of the reference, to be put at the end of a command line."""
        return self.said or command_line(self.overrides)


@dataclass(frozen=True, eq=False)
class Remedy:
    """The smallest set of changes that was found.

    Attributes
    ----------
    changes : tuple of Change
        Empty where nothing had to be changed, or nothing helped.
    report : AuditReport
        Of the sides after the changes.
    settled : bool
        Whether they then agree, but for faults of the other side alone.
    tried : int
        Number of configurations that were run.
    quirks : frozenset of str
        Of the configuration with the changes.
    """

    changes: tuple[Change, ...]
    report: AuditReport
    settled: bool
    tried: int
    quirks: frozenset[str]

    @property
    def flags(self) -> str:
        """The changes as flags of the reference."""
        words = [change.flags for change in self.changes if "quirks" not in change.overrides]
        if len(words) < len(self.changes):
            words.append(f"-quirks {','.join(sorted(self.quirks))}" if self.quirks else NO_QUIRKS)
        return " ".join(words)

    def to_text(self, command: list[str] | None = None) -> str:
        """Return what to do, as text.

        Parameters
        ----------
        command : list of str, optional
            The live side's command line, to be printed with the changes.
        """
        if not self.changes:
            return (
                f"Nothing was found that makes the sides agree ({self.tried} configurations run).\n"
            )
        lines = [
            f"{'What settles it' if self.settled else 'What helps'}, "
            f"of {self.tried} configurations that were run:"
        ]
        lines += [f"  {change.words}" for change in self.changes]
        if command is not None:
            lines += ["as a command line:", f"  nbcy {shlex.join(command)} {self.flags}"]
        else:
            lines += [f"as flags: {self.flags}"]
        if not self.report.agrees:
            left = "; ".join(f"{f.cause} ({', '.join(f.keys)})" for f in self.report.findings)
            lines.append(f"what remains: {left}")
        else:
            lines.append("After that the sides agree.")
        return "\n".join(lines) + "\n"


def find_remedy(
    live: Simulator,
    other: Trace,
    pixel: tuple[int, int],
    tolerances: Tolerances | None = None,
    seconds: float | None = None,
    model: Config | None = None,
) -> Remedy:
    """Search for the smallest set of changes that makes a live side agree with a trace.

    Parameters
    ----------
    live : Simulator
    other : Trace
        What to agree with.
    pixel : tuple of int
        (slow, fast).
    tolerances : Tolerances, optional
    seconds : float, optional
        How long to search; without it until nothing is left to try.
    model : Config, optional
        What the other side was run with; then only the settings in which it differs are tried.

    Returns
    -------
    Remedy
        Side A of its report is the other side.
    """
    search = _Search(live, other, pixel, tolerances or Tolerances())
    search.until = math.inf if seconds is None else time.monotonic() + seconds
    return search.run() if model is None else search.follow(model)


class _Search:
    """Best-first search over sets of changes, smallest sets first."""

    def __init__(
        self, live: Simulator, other: Trace, pixel: tuple[int, int], tolerances: Tolerances
    ) -> None:
        self.config = live.config
        self.other = other
        self.pixel = pixel
        self.tolerances = tolerances
        self.tried = 0
        self.until = math.inf
        self._hkl = (live.config.crystal.hkl_file, live.config.crystal.default_F)
        self._factors = self._read_factors()
        self._start = live.trace(*pixel)

    def _read_factors(self) -> Any:
        from nbcy.crystal.structure_factors import StructureFactors

        path, default = self._hkl
        return None if path is None else StructureFactors.from_text(path, default)

    def run(self) -> Remedy:
        """Search."""
        best: tuple[Change, ...] = ()
        best_score = self._score(self._start)
        beam: list[tuple[tuple[Change, ...], Trace]] = [((), self._start)]
        for _ in range(MOST_CHANGES):
            if best_score[0] == 0:
                break
            ranked: list[tuple[tuple[int, int], int, tuple[Change, ...], Trace]] = []
            for changes, trace in beam:
                for change in self._candidates(trace, self._with(changes)):
                    if any(change.words == known.words for known in changes):
                        continue
                    if time.monotonic() > self.until:
                        break
                    extended = (*changes, change)
                    result = self._trace(extended)
                    if result is not None:
                        ranked.append((self._score(result), len(ranked), extended, result))
            ranked.sort(key=lambda entry: entry[:2])
            if not ranked or ranked[0][0] >= best_score:
                break
            best_score, best = ranked[0][0], ranked[0][2]
            beam = [(changes, trace) for _, _, changes, trace in ranked[:WIDTH]]
        best = self._without_needless(best, best_score)
        return self._remedy(best)

    def follow(self, model: Config) -> Remedy:
        """Take over the other side's settings, as few of them as it needs."""
        changes = tuple(
            Change(each.words, _override(each), _as_flags(each))
            for each in differences(model, self.config)
        )
        trace = self._trace(changes)
        if trace is None:
            return self._remedy(())
        return self._remedy(self._without_needless(changes, self._score(trace)))

    def _without_needless(
        self, changes: tuple[Change, ...], score: tuple[int, int]
    ) -> tuple[Change, ...]:
        for change in changes:
            rest = tuple(other for other in changes if other is not change)
            trace = self._trace(rest)
            if trace is not None and self._score(trace) <= score:
                return self._without_needless(rest, score)
        return changes

    def _remedy(self, changes: tuple[Change, ...]) -> Remedy:
        from nbcy.auditing import compare_traces

        trace = self._trace(changes)
        assert trace is not None
        report = compare_traces(self.other, trace, self.tolerances)
        theirs = all(
            f.kind == "rounding" or (f.kind == "local fault" and f.side == "A")
            for f in report.findings
        )
        settled = report.agrees or (bool(report.findings) and theirs)
        return Remedy(changes, report, settled, self.tried, self._with(changes).quirks)

    def _with(self, changes: tuple[Change, ...]) -> Config:
        together: dict[str, Any] = {}
        quirks = set(self.config.quirks)
        for change in changes:
            together |= change.overrides
            quirks ^= set(change.overrides.get("quirks", ()))
        return self.config.with_overrides(together | {"quirks": sorted(quirks)})

    def _trace(self, changes: tuple[Change, ...]) -> Trace | None:
        from nbcy.render.simulator import Simulator

        self.tried += 1
        try:
            config = self._with(changes)
            same = (config.crystal.hkl_file, config.crystal.default_F) == self._hkl
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NbcyWarning)
                simulator = Simulator(config, structure_factors=self._factors if same else None)
            return simulator.trace(*self.pixel)
        except NbcyError:
            return None

    def _score(self, trace: Trace) -> tuple[int, int]:
        """Return how many keys differ, and how early the first one stands: smaller is better."""
        sides = [
            Side(label, side, recognise_precision(side))
            for label, side in (("A", self.other), ("B", trace))
        ]
        comparison = Comparison(sides[0], sides[1], self.tolerances)
        wrong = comparison.differing_keys()
        first = min((CHAIN.index(key) for key in wrong), default=len(CHAIN))
        return len(wrong), len(CHAIN) - first

    # What may be changed -------------------------------------------------------------------------

    def _candidates(self, trace: Trace, config: Config) -> Iterator[Change]:
        """Yield changes that the differences suggest."""
        wrong = set(self._comparison(trace).differing_keys())
        for kind in (_quirks, _geometry, _beam, _crystal, _scaling):
            try:
                yield from kind(self.other, trace, config, wrong)
            except (Unknown, KeyError, ZeroDivisionError, np.linalg.LinAlgError):
                continue

    def _comparison(self, trace: Trace) -> Comparison:
        sides = [Side(x, t, recognise_precision(t)) for x, t in (("A", self.other), ("B", trace))]
        return Comparison(sides[0], sides[1], self.tolerances)


def _override(difference: Difference) -> dict[str, Any]:
    """Return what gives the second of two configurations the first one's setting."""
    if difference.path == "quirks":
        return {"quirks": [difference.a or difference.b]}  # named: switched the other way
    return {difference.path: difference.a}


def _as_flags(difference: Difference) -> str:
    path, value = difference.path, difference.a
    if path == "quirks":
        return ""
    flags = flags_of(path)
    if value is None:
        return f"(without {flags[0] if flags else path})"
    try:
        return command_line({path: value})
    except KeyError:
        return f"({path} = {value})"


def _vector(trace: Trace, key: str) -> Any:
    values = trace.values(key)
    if values is None:
        raise KeyError(key)
    return np.array(values)


def _number(trace: Trace, key: str) -> float:
    return float(_vector(trace, key)[0])


def _quirks(other: Trace, trace: Trace, config: Config, wrong: set[str]) -> Iterator[Change]:
    del other, trace, wrong
    for name in sorted(set(QUIRKS) - config.quirks):
        yield Change(f"reproduce the reference's quirk {name}", {"quirks": [name]})


def _geometry(other: Trace, trace: Trace, config: Config, wrong: set[str]) -> Iterator[Change]:
    if wrong & {"fdet_vec", "sdet_vec", "incident_vec", "pix0_vector_meters"}:
        for name, row in CONVENTIONS.items():
            if name != "custom" and name != config.detector.convention:
                yield Change(f"convention {row.name}", {"detector.convention": name})
        for pivot in ("beam", "sample"):
            yield Change(f"pivot {pivot}", {"detector.pivot": pivot})
    if wrong & {"fdet_vec", "sdet_vec"}:
        axes = {
            name: tuple(_vector(other, f"{name[0]}det_vec").tolist()) for name in ("fast", "slow")
        }
        yield Change(
            "the other side's detector axes",
            {f"detector.{name}_vector": axis for name, axis in axes.items()},
        )
    if "incident_vec" in wrong:
        beam = tuple(_vector(other, "incident_vec").tolist())
        yield Change("the other side's beam", {"beam.direction": beam})
    if "pix0_vector_meters" in wrong:
        yield from _placement(other, trace)
    if wrong & {"omega_pixel_sr", "omega_pixel"}:
        flag = not config.detector.point_pixel
        yield Change(
            "point pixel " + ("on" if flag else "off"),
            {"detector.point_pixel": flag},
        )


def _placement(other: Trace, trace: Trace) -> Iterator[Change]:
    if trace.scene is not None and trace.scene.config.detector.panels:
        return  # no distance, beam centre or rotation moves panels that place themselves
    f, s = _vector(trace, "fdet_vec"), _vector(trace, "sdet_vec")
    beam = _vector(trace, "incident_vec")
    n = np.cross(f, s)
    mine = _vector(trace, "pix0_vector_meters")
    n = n * math.copysign(1.0, float(n @ mine))
    here = components(mine, f, s, n)
    there = components(_vector(other, "pix0_vector_meters"), f, s, n)
    pivot = trace.scene.placement.pivot if trace.scene is not None else "beam"
    keep = {"detector.pivot": pivot}
    close = 1000.0 * float(there[2])
    yield Change(
        f"close distance {close:.9g} mm",
        {"detector.close_distance_mm": close, **keep},
    )
    distance = close / abs(float(n @ beam))
    yield Change(
        f"distance {distance:.9g} mm",
        {"detector.distance_mm": distance, "detector.close_distance_mm": None},
    )
    fast, slow = (1000.0 * float(x) for x in here[:2] - there[:2])
    assert trace.scene is not None
    place = trace.scene.placement
    x, y = 1000.0 * place.xbeam, 1000.0 * place.ybeam
    moved = {
        "mosflm": (x + slow, y + fast),
        "denzo": (x + slow, y + fast),
        "adxv": (x + fast, y - slow),
    }.get(place.convention, (x + fast, y + slow))
    yield Change(
        f"beam centre {moved[0]:.9g} {moved[1]:.9g} mm",
        {"detector.xbeam_mm": moved[0], "detector.ybeam_mm": moved[1], **keep},
    )
    pixel = 1000.0 * trace.scene.panels[0].pixel_size
    org = place.orgx + fast / pixel, place.orgy + slow / pixel
    yield Change(
        f"ORGX ORGY {org[0]:.9g} {org[1]:.9g} pixels",
        {"detector.orgx_px": org[0], "detector.orgy_px": org[1], **keep},
    )


def _beam(other: Trace, trace: Trace, config: Config, wrong: set[str]) -> Iterator[Change]:
    if "lambda_meters" in wrong:
        wavelength = 1e10 * _number(other, "lambda_meters")
        yield Change(
            f"wavelength {wavelength:.9g} Å",
            {"beam.wavelength_angstrom": wavelength},
        )
    if "fluence_photons_per_m2" in wrong:
        fluence = _number(other, "fluence_photons_per_m2")
        yield Change(
            f"fluence {fluence:.9g} photons/m²",
            {"beam.fluence_photons_per_m2": fluence, "beam.flux_photons_per_s": None},
            f"-flux 0 -fluence {fluence!r}",
        )
    if "polar" in wrong:
        off = not config.beam.nopolar
        yield Change("polarization " + ("off" if off else "on"), {"beam.nopolar": off})
        c = float(_vector(other, "incident_vec") @ _vector(other, "diffracted_vec"))
        rest, own = _number(other, "polar"), _number(trace, "polar")
        plain = 0.5 * (1.0 + c * c)
        yield Change("Kahn factor 0", {"beam.kahn_factor": 0.0})
        if config.beam.kahn_factor and own != plain:
            kahn = round(config.beam.kahn_factor * (rest - plain) / (own - plain), 6)
            if abs(kahn) <= 1.0:
                yield Change(f"Kahn factor {kahn:g}", {"beam.kahn_factor": kahn})


def _crystal(other: Trace, trace: Trace, config: Config, wrong: set[str]) -> Iterator[Change]:
    if wrong & {"F_latt_a", "F_latt_b", "F_latt_c"}:
        sides = [Side(x, t, recognise_precision(t)) for x, t in (("A", other), ("B", trace))]
        view = View(sides[0], Side("A", other, sides[0].precision))
        n = [cells_along(view, axis) for axis in range(3)]
        n = [round(each) if abs(each - round(each)) < 1e-6 else each for each in n]
        yield Change(
            f"{n[0]} x {n[1]} x {n[2]} cells",
            {"crystal.cells": n},
        )
    if "F_latt" in wrong or "I_before_scaling" in wrong:
        for shape in ("square", "round", "gauss", "tophat"):
            if shape != config.crystal.shape:
                yield Change(f"crystal shape {shape}", {"crystal.shape": shape})
    if set(CELL_KEYS) & wrong:
        turned, still = (np.array([_vector(t, key) for key in CELL_KEYS]) for t in (other, trace))
        axis, angle, misfit = rotation_of(turned, still)
        assert trace.scene is not None
        along = float(axis @ trace.scene.placement.spindle)
        if misfit < 1e-5 and abs(abs(along) - 1.0) < 1e-5:
            phi = config.spindle.phi_deg + math.degrees(math.copysign(angle, along))
            phi = round(phi, 6) if abs(phi - round(phi, 6)) < 1e-9 else phi
            yield Change(f"φ from {phi:g}°", {"spindle.phi_deg": phi})
    if "F_cell" in wrong:
        for choice in (True, False):
            word = "interpolate" if choice else "nointerpolate"
            yield Change(word, {"sampling.interpolate": choice})
        default = _number(other, "F_cell")
        yield Change(
            f"no structure factors, {default:g} for all",
            {
                "crystal.hkl_file": None,
                "crystal.structure_file": None,
                "crystal.default_F": default,
            },
            f"(without -hkl) -default_F {default:g}",
        )


def _scaling(other: Trace, trace: Trace, config: Config, wrong: set[str]) -> Iterator[Change]:
    if "steps" in wrong or "pixel_pos_meters" in wrong:
        ratio = _number(other, "steps") / _number(trace, "steps")
        assert trace.scene is not None
        n = trace.scene.oversample * math.sqrt(ratio)
        if abs(n - round(n)) < 1e-9 and n >= 1:
            yield Change(f"oversample {n:.0f}", {"sampling.oversample": round(n)})
    for name in ("thick", "polar", "omega"):
        if f"oversample_{name}" in wrong:
            on = _number(other, f"oversample_{name}") == 1.0
            yield Change(
                f"oversample_{name} {'on' if on else 'off'}",
                {f"sampling.oversample_{name}": on},
            )
    if "capture_fraction" in wrong and config.detector.thickness_um is not None:
        yield Change(
            "no sensor",
            {
                "detector.thickness_um": None,
                "detector.thickness_steps": None,
                "detector.attenuation_depth_um": None,
            },
            "-detector_thick 0",
        )

"""The trace of one pixel: every number on the way from the detector's origin to the photons.

A `Trace` comes from a live simulation, from a log (``TRACE_C:``, ``TRACE_PY:``, ``TRACE_NBCY:``) or
from nbcy's own JSON, and has the same shape in each case (trace 1).
"""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TextIO

import numpy as np
from numpy.typing import NDArray

from nbcy.base.constants import R_E
from nbcy.base.errors import FileError
from nbcy.render.facts import Fact, facts_of_scene
from nbcy.render.printout import format_printout
from nbcy.render.statements import Block, Reading, Values
from nbcy.render.tracejson import load_json, read_json
from nbcy.render.tracelog import read_log
from nbcy.render.vocabulary import ALIASES, FLAGGED, KEYS

if TYPE_CHECKING:
    from nbcy.scene.scene import Scene

JSON_FORMAT: Final = "nbcy trace"
JSON_STEPS: Final = 100_000
"""Steps up to which a JSON file holds every one of them unless asked otherwise."""


@dataclass(frozen=True, eq=False)
class Steps:
    """Every step of a live trace.

    Memory: the arrays take 104 bytes a step (sub-pixel, layer, source, φ, domain), so a million
    steps need 104 MB; nothing else here grows with their number.

    Attributes
    ----------
    arrays : mapping of str to ndarray
        As the kernel returns them: over visits (sub-pixel and layer), over visits and sources, and
        over visits, sources, φ and domains.
    """

    arrays: Mapping[str, NDArray[Any]]

    @property
    def shape(self) -> tuple[int, ...]:
        """Visits, sources, φ steps, domains."""
        return self.arrays["intensity"].shape

    def __len__(self) -> int:
        """Return the number of steps."""
        return int(self.arrays["intensity"].size)

    @property
    def used(self) -> NDArray[np.float64]:
        """F_cell²·F_latt² of each step, 0 where ``dmin`` skips it."""
        kept = ~self.arrays["skipped"]
        used: NDArray[np.float64] = self.arrays["intensity"] * kept[:, :, None, None]
        return used

    def at(self, index: int) -> dict[str, Any]:
        """Return one step, by its place in the order in which the kernel runs.

        Parameters
        ----------
        index : int
            0 to ``len(self) - 1``.
        """
        visit, source, phi, domain = (int(i) for i in np.unravel_index(index, self.shape))
        step: dict[str, Any] = {
            name: int(self.arrays[name][visit]) for name in ("sub_slow", "sub_fast", "layer")
        }
        step |= {"source": source, "phi": phi, "domain": domain}
        for name in ("hkl_frac", "hkl_rounded", "F_latt_abc", "F_latt", "F_cell"):
            step[name] = self.arrays[name][visit, source, phi, domain].tolist()
        step["hkl_rounded"] = [int(x) for x in step["hkl_rounded"]]
        step["intensity"] = float(self.used[visit, source, phi, domain])
        return step

    def top(self, count: int) -> list[int]:
        """Return the indices of the steps that contribute most, largest first."""
        used = self.used.ravel()
        count = min(count, used.size)
        largest = np.argpartition(used, used.size - count)[used.size - count :]
        order = np.lexsort((largest, -used[largest]))
        return [int(i) for i in largest[order]]


_SHORT: Final = (
    *("R_distance_meters", "lambda_angstroms", "hkl_frac", "hkl_rounded", "F_latt", "F_cell"),
    *("I_before_scaling", "r_e_sqr", "fluence_photons_per_m2", "steps", "capture_fraction"),
    *("polar", "omega_pixel", "background_photons", "I_pixel_final", "floatimage_accumulated"),
)
"""Keys that the short form of a trace shows, where they are known."""


@dataclass(eq=False)
class Trace:
    """One pixel, explained.

    Attributes
    ----------
    name : str
        What it is called in reports: a path, or "live".
    prefix : str
        ``TRACE_C``, ``TRACE_PY`` or ``TRACE_NBCY``.
    blocks : list of dict
        For each sub-pixel and layer, the geometry of source 0 and the step of source 0, the first
        φ and the first domain: key name to a tuple of numbers.
    chain : dict
        The keys that are printed once.
    facts : dict of str to Fact
        What the program says about its experiment.
    phi_steps : list of dict
        ``TRACE_..._PHI`` lines, where a log has them.
    problems : list of str
        What is missing or odd, with line numbers.
    pixel : tuple of int, or None
        (slow, fast).
    halves : dict of str to float
        Half a unit of the last digit of what a log prints of a key; absent where it prints it in
        full.
    extras : dict of str to tuple of float
        What a log prints under names that are not known.
    panel : int
        Its panel.
    steps : Steps or None
        Every step, for a live trace.
    scene : Scene or None
        What was simulated, for a live trace.
    """

    name: str
    prefix: str
    blocks: list[Block]
    chain: Block
    facts: dict[str, Fact] = field(default_factory=dict)
    phi_steps: list[dict[str, float]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    pixel: tuple[int, int] | None = None
    halves: dict[str, float] = field(default_factory=dict)
    extras: dict[str, Values] = field(default_factory=dict)
    panel: int = 0
    steps: Steps | None = None
    scene: Scene | None = None

    def values(self, key: str) -> Values | None:
        """Return the numbers of a key (of the last block), or None where it is not shown."""
        name = ALIASES.get(key, key)
        if name in self.chain:
            return self.chain[name]
        return next((block[name] for block in reversed(self.blocks) if name in block), None)

    def __getitem__(self, key: str) -> float | Values:
        """Return a number, or a tuple of three."""
        values = self.values(key)
        if values is None:
            raise KeyError(key)
        return values if len(values) > 1 else values[0]

    def __contains__(self, key: object) -> bool:
        """Whether the key is shown."""
        return isinstance(key, str) and self.values(key) is not None

    @property
    def missing(self) -> list[str]:
        """Keys of a trace (trace 1) that are not shown."""
        return [name for name in KEYS if name not in self and not KEYS[name].optional]

    def chain_product(self) -> float:
        """Return the product of the scaling chain, from the keys shown.

        Raises
        ------
        KeyError
            One of them is not shown.
        """
        product = 1.0
        for name, power in self.scaling_factors().items():
            value = self[name]
            assert isinstance(value, float)
            product *= value**power
        return product

    def scaling_factors(self) -> dict[str, int]:
        """Return the factors of I_pixel_final with their powers (physics 9.1).

        What the ``oversample_...`` flags weigh step by step is inside I_before_scaling already.
        """
        factors = {"r_e_sqr": 1, "fluence_photons_per_m2": 1, "I_before_scaling": 1, "steps": -1}
        for flag, name in FLAGGED.items():
            if self.values(flag) != (1.0,):
                factors[name] = 1
        return factors

    # Sources of traces ---------------------------------------------------------------------------

    @classmethod
    def from_kernel(
        cls, scene: Scene, slow: int, fast: int, arrays: Mapping[str, Any], number: int = 0
    ) -> Trace:
        """Assemble the keys of a live trace from what the kernel kept.

        Parameters
        ----------
        scene : Scene
        slow, fast : int
            The pixel.
        arrays : mapping
            What ``KernelScene.trace`` returned.
        number : int
            Its panel.
        """
        panel = scene.panels[number]
        first = arrays["first_visit"] and scene.first_orientations is not None
        cells = scene.first_orientations if first else scene.orientations
        assert cells is not None
        rest = scene.orientations[0, 0] * 1e10
        wavelength, incident = float(scene.wavelengths[0]), scene.incident[0]
        blocks = []
        for visit in range(len(arrays["R"])):
            r = float(arrays["R"][visit])
            omega = arrays["omega"][visit if scene.oversample_omega else 0]
            rotated = cells[0, 0] * 1e10 if visit == 0 else rest
            block: dict[str, object] = {
                "pix0_vector_meters": panel.origin,
                "fdet_vec": panel.fast,
                "sdet_vec": panel.slow,
                "pixel_pos_meters": arrays["pixel_pos"][visit],
                "R_distance_meters": r,
                "omega_pixel_sr": omega,
                "close_distance_meters": panel.close_distance,
                "obliquity_factor": panel.close_distance / r,
                "diffracted_vec": arrays["diffracted"][visit],
                "incident_vec": incident,
                "lambda_meters": wavelength,
                "lambda_angstroms": wavelength * 1e10,
                "scattering_vec_per_m": arrays["scattering"][visit, 0],
            }
            if not arrays["skipped"][visit, 0]:
                for axis, real, reciprocal in zip("abc", rotated, scene.reciprocal, strict=True):
                    block[f"rot_{axis}_angstroms"] = real
                    block[f"rot_{axis}_star_A_inv"] = reciprocal
                block["hkl_frac"] = arrays["hkl_frac"][visit, 0, 0, 0]
                block["hkl_rounded"] = arrays["hkl_rounded"][visit, 0, 0, 0]
                if scene.shape == "square":
                    for axis, ratio in zip(
                        "abc", arrays["F_latt_abc"][visit, 0, 0, 0], strict=True
                    ):
                        block[f"F_latt_{axis}"] = ratio
                block["F_latt"] = arrays["F_latt"][visit, 0, 0, 0]
                block["F_cell"] = arrays["F_cell"][visit, 0, 0, 0]
            blocks.append({name: _tuple(block[name]) for name in KEYS if name in block})
        chain: dict[str, object] = {
            "I_before_scaling": arrays["I_before_scaling"],
            "r_e_meters": R_E,
            "r_e_sqr": scene.r_e_sqr,
            "fluence_photons_per_m2": scene.fluence,
            "steps": scene.steps,
            "oversample_thick": scene.oversample_thick,
            "oversample_polar": scene.oversample_polar,
            "oversample_omega": scene.oversample_omega,
            "capture_fraction": arrays["capture_fraction"],
            "polar": arrays["polar_final"],
            "omega_pixel": arrays["omega_pixel"],
            "cos_2theta": float(np.dot(arrays["diffracted"][-1], incident)),
            "I_pixel_final": arrays["I_pixel_final"],
            "floatimage_accumulated": np.float32(arrays["I_pixel_final"]),
        }
        trace = cls(
            name="live",
            prefix="TRACE_NBCY",
            blocks=blocks,
            chain={name: _tuple(chain[name]) for name in KEYS if name in chain},
            facts=facts_of_scene(scene, (slow, fast), number),
            pixel=(slow, fast),
            panel=number,
            steps=Steps({name: value for name, value in arrays.items() if np.ndim(value)}),
            scene=scene,
        )
        photons, product = float(arrays["I_pixel_final"]), trace.chain_product()
        added = scene.water or arrays.get("materials", 0.0)
        if added and not math.isclose(photons, product, rel_tol=1e-14):
            trace.chain["background_photons"] = (photons - product,)
        return trace

    @classmethod
    def read(cls, path: str | os.PathLike[str], pixel: tuple[int, int] | None = None) -> Trace:
        """Read a log, a table of keys or JSON, whichever it is.

        Parameters
        ----------
        path : path-like
            The file.
        pixel : tuple of int, optional
            (slow, fast) of the pixel to take from a log that prints several.

        Raises
        ------
        FileError
            Unreadable, or without a trace.
        """
        try:
            with open(path, "rb") as file:
                start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
        except OSError as error:
            raise FileError(path, f"cannot be read: {error.strerror}") from error
        if not start.startswith((b"{", b"[{")):
            return cls.of_reading(read_log(path, pixel))
        data = load_json(path)
        if isinstance(data, dict) and data.get("format") == JSON_FORMAT:
            return cls.from_json(path)
        return cls.of_reading(read_json(path, data))

    @classmethod
    def of_reading(cls, reading: Reading) -> Trace:
        """Return what was read from a file as a trace."""
        trace = cls(
            name=reading.name,
            prefix=reading.prefix,
            blocks=reading.blocks,
            chain=reading.chain,
            facts=reading.facts,
            phi_steps=reading.phi_steps,
            problems=reading.problems,
            pixel=reading.pixel,
            halves=reading.halves,
            extras=reading.extras,
        )
        if trace.missing:
            trace.problems.append(f"not shown: {', '.join(trace.missing)}")
        return trace

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> Trace:
        """Read a trace that `to_json` wrote.

        Parameters
        ----------
        path : path-like
            The file.

        Raises
        ------
        FileError
            Not such a file.
        """
        data = load_json(path)
        if not isinstance(data, dict) or data.get("format") != JSON_FORMAT:
            raise FileError(path, f'is JSON, but not a trace: "format" must be "{JSON_FORMAT}"')
        try:
            return cls(
                name=os.fspath(path),
                prefix="TRACE_NBCY",
                blocks=[_block_of_json(block) for block in data["blocks"]],
                chain=_block_of_json(data["chain"]),
                facts={
                    name: Fact(value if isinstance(value, str) else _tuple(value), 0.0, "trace")
                    for name, value in data["facts"].items()
                },
                pixel=(int(data["pixel"][0]), int(data["pixel"][1])) if data["pixel"] else None,
                panel=int(data.get("panel", 0)),
                problems=list(data.get("problems", ())),
            )
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise FileError(path, f"is not a complete trace: {error!r}") from error

    # Forms of traces -----------------------------------------------------------------------------

    def to_log(self) -> str:
        """Return the log form: ``TRACE_NBCY: key value ...`` with %.15g, blocks first."""
        lines = []
        if self.pixel is not None:
            lines.append(
                f"TRACE_CONFIG: tracing pixel (spixel={self.pixel[0]}, fpixel={self.pixel[1]})"
            )
        for block in (*self.blocks, self.chain):
            for name in KEYS:
                if name in block:
                    numbers = " ".join(f"{x:.15g}" for x in block[name])
                    lines.append(f"TRACE_NBCY: {name} {numbers}")
        return "\n".join(lines) + "\n"

    def to_printout(self) -> str:
        """Return the form in which unmodified nanoBragg prints a pixel with ``-printout``.

        Raises
        ------
        KeyError
            A key that the form needs is not shown.
        """
        if self.pixel is None:
            raise KeyError("pixel")
        return format_printout(self.pixel, self.blocks, self.chain)

    def to_json(
        self,
        file: TextIO | str | os.PathLike[str] | None = None,
        max_steps: int | None = JSON_STEPS,
    ) -> str | None:
        """Write the trace as JSON, step by step, so that memory does not grow with the file.

        Parameters
        ----------
        file : text file or path-like, optional
            Where to; without it the text is returned.
        max_steps : int, optional
            With more steps than this only the largest 1000 are written, and the file says so.
            None writes every one.

        Returns
        -------
        str or None
            The text where no file is given.

        Raises
        ------
        FileError
            The path cannot be written.
        """
        if file is None:
            text = io.StringIO()
            text.writelines(self._json_pieces(max_steps))
            return text.getvalue()
        if isinstance(file, str | os.PathLike):
            from nbcy.base.atomic import atomic_write

            with atomic_write(file) as stream:
                stream.writelines(piece.encode() for piece in self._json_pieces(max_steps))
        else:
            file.writelines(self._json_pieces(max_steps))
        return None

    def _json_pieces(self, max_steps: int | None) -> Iterator[str]:
        head = {
            "format": JSON_FORMAT,
            "pixel": self.pixel,
            "panel": self.panel,
            "units": {name: key.unit for name, key in KEYS.items() if name in self},
            "facts": {name: fact.value for name, fact in self.facts.items()},
            "problems": self.problems,
            "blocks": self.blocks,
            "chain": self.chain,
        }
        text = json.dumps(head, indent=1, ensure_ascii=False)
        if self.steps is None:
            yield text + "\n"
            return
        total = len(self.steps)
        every = max_steps is None or total <= max_steps
        indices = range(total) if every else self.steps.top(1000)
        yield f'{text[:-2]},\n "steps_total": {total},\n'
        yield f' "steps_written": "{"all" if every else "the largest"}",\n "steps": ['
        for i, index in enumerate(indices):
            yield ("\n  " if i == 0 else ",\n  ") + json.dumps(self.steps.at(index))
        yield "\n ]\n}\n"

    def to_table(self, top: int = 5) -> str:
        """Return the trace for people: value, unit and meaning of each key.

        Parameters
        ----------
        top : int
            Number of largest steps listed below the table of a live trace.
        """
        lines = [f"Trace of {self._where()}{self.name}"]
        if len(self.blocks) > 1:
            lines.append(f"{len(self.blocks)} sub-pixels and layers; the last one stands below")
        group = ""
        for name, key in KEYS.items():
            values = self.values(name)
            if values is None:
                continue
            if key.group != group:
                group = key.group
                lines += ["", group]
            lines.append(self._line(name, values))
        if self.steps is not None and len(self.steps) > 1:
            lines += ["", *self._largest_steps(top)]
        lines += [f"note: {problem}" for problem in self.problems]
        return "\n".join(lines) + "\n"

    def __repr__(self) -> str:
        """Return what the pixel is made of, in at most 20 lines; `to_table` has every key."""
        steps = f", {len(self.steps)} steps" if self.steps is not None else ""
        lines = [f"<nbcy.Trace of {self._where()}{self.name}{steps}"]
        for name in _SHORT:
            values = self.values(name)
            if values is not None:
                lines.append(self._line(name, values))
        return "\n".join(lines) + ">"

    def _where(self) -> str:
        where = "" if self.pixel is None else f"pixel slow {self.pixel[0]}, fast {self.pixel[1]}, "
        if self.scene is not None and len(self.scene.panels) > 1:
            where += f"panel {self.panel} ({self.scene.panels[self.panel].name}), "
        return where

    def _line(self, name: str, values: Values) -> str:
        key = KEYS[name]
        numbers = " ".join(f"{x:.9g}" for x in values)
        return f"  {name:<23} {numbers:<43} {key.unit:<8} {key.meaning}".rstrip()

    def _largest_steps(self, count: int) -> list[str]:
        assert self.steps is not None
        total = float(self.steps.used.sum())
        best = self.steps.top(count)
        lines = [
            f"Largest of {len(self.steps)} steps",
            "  share    sub  layer source  phi domain   h k l               F_latt      F_cell",
        ]
        for index in best:
            step = self.steps.at(index)
            share = step["intensity"] / total if total else 0.0
            hkl = " ".join(str(x) for x in step["hkl_rounded"])
            sub = f"{step['sub_slow']},{step['sub_fast']}"
            lines.append(
                f"  {share:7.2%} {sub:>5} {step['layer']:>5} {step['source']:>6} {step['phi']:>5} "
                f"{step['domain']:>6}   {hkl:<14} {step['F_latt']:>12.6g} {step['F_cell']:>11.6g}"
            )
        return lines

    def explain(self) -> str:
        """Return the scaling chain as an equation with the numbers filled in."""
        factors = self.scaling_factors()
        absent = [name for name in factors if name not in self]
        if absent:
            return f"The scaling chain cannot be written out: {', '.join(absent)} not shown.\n"
        background = self.values("background_photons")
        added = background[0] if background else 0.0
        total = self.chain_product() + added
        symbols, figures = "", ""
        for name, power in factors.items():
            join = "" if not symbols else " / " if power < 0 else " · "
            unit = KEYS[name].unit if name != "I_before_scaling" else ""
            symbols += join + name
            figures += f"{join}{self[name]:.9g} {unit}".rstrip()
        lines = [
            "I_pixel_final",
            f"  = {symbols}" + (" + background_photons" if added else ""),
            f"  = {figures}" + (f" + {added:.9g}" if added else ""),
            f"  = {total:.9g} photons",
        ]
        lines += [
            f"  ({name} is inside I_before_scaling: -{flag})"
            for flag, name in FLAGGED.items()
            if name not in factors
        ]
        shown = self.values("I_pixel_final")
        if shown is not None and not math.isclose(shown[0], total, rel_tol=1e-9):
            lines.append(f"  but the trace shows I_pixel_final = {shown[0]:.9g}")
        lines += ["", f"I_before_scaling = sum of F_cell²·F_latt² over {self['steps']:.0f} steps"]
        if self.steps is not None:
            lines += self._largest_steps(5)
        elif (F := self.values("F_cell")) and (L := self.values("F_latt")):
            lines.append(
                f"  {F[0]:.9g}² · {L[0]:.9g}² = {(F[0] * L[0]) ** 2:.9g} in the step shown last"
            )
        return "\n".join(lines) + "\n"


def _tuple(value: object) -> Values:
    return tuple(np.asarray(value, dtype=np.float64).ravel().tolist())


def _block_of_json(block: Mapping[str, Any]) -> Block:
    numbers = {ALIASES.get(k, k): tuple(float(x) for x in values) for k, values in block.items()}
    odd = [k for k, values in numbers.items() if k not in KEYS or len(values) != KEYS[k].size]
    if odd:
        raise ValueError(f"{odd[0]} is no key, or has another number of values")
    return numbers

"""Reading what programs print: logs cut short, repeated, decorated, and the report around them."""

from __future__ import annotations

import io
import json
import math
import random

import numpy as np
import pytest
import seedcase
from conftest import GOLDEN, golden_cases
from hypothesis import given
from seedcase import C_TRACE
from strategies import scenes

from nbcy.base.errors import FileError
from nbcy.flags.parsing import parse
from nbcy.kernel._kernel import KernelScene
from nbcy.render.building import build_scene
from nbcy.render.facts import ReportReader, facts_of_scene, same_fact
from nbcy.render.simulator import Simulator
from nbcy.render.trace import Trace
from nbcy.render.vocabulary import FLAGGED, KEYS, QUANTITIES
from nbcy.scene.scene import Scene

pytestmark = pytest.mark.filterwarnings("ignore::nbcy.base.errors.NbcyWarning")

CUBIC = GOLDEN / "cubic" / "trace_40_61.log"
NINE = GOLDEN / "cubic_oversample3" / "trace_20_30.log"


def read_text(tmp_path, text: str | bytes) -> Trace:
    path = tmp_path / "side.log"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return Trace.read(path)


def without(word: str) -> str:
    """The cubic log but for lines with this word."""
    lines = CUBIC.read_text().splitlines(keepends=True)
    return "".join(line for line in lines if word not in line)


# Logs


def test_missing_keys_are_named(tmp_path):
    trace = read_text(tmp_path, without("hkl_frac"))
    assert "hkl_frac" not in trace
    assert trace.problems == ["not shown: hkl_frac"]


@pytest.mark.parametrize("cut", [0.31, 0.6, 0.95])
def test_truncated_log(tmp_path, cut):
    text = CUBIC.read_text()
    text = text[: int(cut * len(text))]
    assert not text.endswith("\n")
    trace, whole = read_text(tmp_path, text), Trace.read(CUBIC)
    shown = [key for key in KEYS if key in trace]
    assert len(shown) == text.count("\n")
    assert all(trace[key] == whole[key] for key in shown)
    last = text.count("\n") + 1
    assert trace.problems[0] == f"line {last}: the file ends inside this line: left out"
    assert trace.problems[1] == f"not shown: {', '.join(k for k in whole_keys() if k not in shown)}"


def whole_keys() -> list[str]:
    return [key for key in KEYS if key != "background_photons"]


def test_a_last_line_without_an_end_is_read_when_it_is_the_last_key(tmp_path):
    assert "floatimage_accumulated" in read_text(tmp_path, CUBIC.read_text().rstrip("\n"))


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r\n").encode("utf-16"),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: b"\n\xff\xfe\xb5\n" + text.encode(),
    ],
    ids=["windows", "powershell", "byte order mark", "not UTF-8"],
)
def test_encodings(tmp_path, encode):
    back, whole = read_text(tmp_path, encode(CUBIC.read_text())), Trace.read(CUBIC)
    assert (back.blocks, back.chain) == (whole.blocks, whole.chain)


def test_repeated_trace_counts_once(tmp_path):
    once = NINE.read_text()
    trace = read_text(tmp_path, f"{once}something else\n{once}")
    assert len(trace.blocks) == 9
    assert trace.problems == ["line 250: the trace starts again; the last one is used"]


def test_a_chain_printed_after_each_sub_pixel_is_one_trace(tmp_path):
    lines = NINE.read_text().splitlines(keepends=True)
    chain = lines[-14:]
    trace = read_text(tmp_path, "".join([*lines[:26], *chain, *lines[26:52], *chain]))
    assert len(trace.blocks) == 2
    assert trace.chain == Trace.read(NINE).chain


def test_megabytes_of_progress(tmp_path):
    noise = "".join(f"{n} of 100000 phi=0.1 distance=x\r" for n in range(100_000))
    text = f"{noise}\n{'x' * 3_000_000}\n{C_TRACE.read_text()}{noise}"
    trace, whole = read_text(tmp_path, text), Trace.read(C_TRACE)
    assert (trace.chain, trace.facts) == (whole.chain, whole.facts)


def test_not_a_number_is_read_and_said(tmp_path):
    trace = read_text(tmp_path, CUBIC.read_text().replace("polar 0.998178658823342", "polar -nan"))
    assert math.isnan(trace["polar"])
    assert trace.problems == ["line 36: polar is not finite: -nan"]


def test_decorated_numbers(tmp_path):
    text = (
        "TRACE_PY: pix0_vector_meters [0.1, 0.2, 0.3]\n"
        "TRACE_PY: R_distance_meters tensor(0.25)\n"
        "TRACE_PY: oversample_thick False\n"
        "TRACE_PY: polar abc\n"
        "TRACE_PY: steps 1 2\n"
        "TRACE_PY: my_own_key 3\n"
    )
    trace = read_text(tmp_path, text)
    assert trace["pix0_vector_meters"] == (0.1, 0.2, 0.3)
    assert trace["R_distance_meters"] == 0.25
    assert trace["oversample_thick"] == 0.0
    assert trace.problems[:3] == [
        "line 4: polar needs 1 number, has 'abc': left out",
        "line 5: steps needs 1 number, has '1 2': left out",
        "keys nbcy does not know: my_own_key (line 6)",
    ]


@pytest.mark.parametrize("prefix", ["TRACE_C", "TRACE_PY", "TRACE_NBCY"])
def test_prefixes(tmp_path, prefix):
    trace = read_text(tmp_path, CUBIC.read_text().replace("TRACE_C", prefix))
    assert trace.prefix == prefix
    assert trace.chain == Trace.read(CUBIC).chain


def test_two_programs_in_one_file(tmp_path):
    text = CUBIC.read_text() + seedcase.foreign(1).read_text()
    with pytest.raises(FileError, match=r"side\.log:41: TRACE_PY lines follow TRACE_C lines"):
        read_text(tmp_path, text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"side\.json:1: is not valid JSON"),
        ("[1, 2]", "holds no trace"),
        ('{"a": 1}', "holds no trace"),
        ('{"format": "nbcy trace", "blocks": [], "chain": {}}', "is not a complete trace"),
        ('{"format": "nbcy trace", "blocks": [{"polar": "x"}]}', "is not a complete trace"),
    ],
)
def test_bad_json(tmp_path, content, message):
    path = tmp_path / "side.json"
    path.write_text(content)
    with pytest.raises(FileError, match=message):
        Trace.read(path)


# The report around a trace


@pytest.mark.parametrize("case", golden_cases(), ids=lambda case: case.name)
def test_report_says_what_the_scene_holds(case, workdir):
    reader = ReportReader()
    for line in (case.folder / "stdout.txt").read_text().splitlines():
        reader.feed(line)
    said = reader.finish()
    held = facts_of_scene(build_scene(parse(case.nbcy_argv).config))
    assert {"cells", "distance", "wavelength", "fluence", "phis", "real_cell"} <= said.keys()
    assert said.keys() <= QUANTITIES.keys()
    shared = said.keys() & held.keys()
    if held["hkl_loaded"].value == (0.0,):
        shared -= {"interpolation"}  # the reference speaks of it before it knows of no list
    assert [name for name in shared if not same_fact(said[name], held[name])] == []


def test_facts_of_the_seed_case():
    facts = Trace.read(C_TRACE).facts
    assert facts["convention"].value == "custom"
    assert facts["distance"].value == (0.238447,)
    assert facts["phis"].value == tuple(n / 100 for n in range(10))
    assert facts["cells"].value == (36.0, 47.0, 29.0)
    assert facts["pixel_traced"].value == (1671.0, 1560.0)
    assert facts["hkl_file"].value == "wilson.hkl"


# What a live trace adds


def plain_trace() -> Trace:
    """A trace of several sub-pixels, φ steps and domains."""
    words = "-cell 30 40 50 90 100 90 -default_F 7 -lambda 1 -N 4 -distance 80 -detpixels 20"
    words += " -pixel 1 -oversample 2 -osc 3 -phisteps 3 -mosaic 1 -mosaic_domains 4 -flux 1e12"
    return Simulator(parse(words.split()).config).trace(4, 13)


def traced(scene: Scene) -> Trace:
    panel = scene.panels[0]
    rng = random.Random(repr(panel.origin.tolist()))
    slow, fast = rng.randrange(panel.pixels_slow), rng.randrange(panel.pixels_fast)
    return Trace.from_kernel(scene, slow, fast, KernelScene(scene).trace(slow, fast))


@given(scenes())
def test_steps_add_up(scene):
    trace = traced(scene)
    assert trace.steps is not None
    assert len(trace.steps) == trace["steps"] * scene.layers
    if any(trace[flag] for flag in FLAGGED) or (scene.water and scene.water_scaling):
        return
    weights = scene.weights * len(scene.weights)
    total = float(np.einsum("vspd,s->", trace.steps.used, weights))
    # Sums of positive numbers in another order: far less than 1e-12 for a thousand of them.
    assert trace["I_before_scaling"] == pytest.approx(total, rel=1e-12, abs=1e-300)


@given(scenes())
def test_chain_multiplies_to_the_pixel(scene):
    trace = traced(scene)
    (background,) = trace.values("background_photons") or (0.0,)
    assert trace["I_pixel_final"] == pytest.approx(trace.chain_product() + background, rel=1e-12)


def test_json_of_many_steps_holds_the_largest():
    text = io.StringIO()
    plain_trace().to_json(text, max_steps=10)
    data = json.loads(text.getvalue())
    assert (data["steps_total"], data["steps_written"]) == (48, "the largest")
    intensities = [step["intensity"] for step in data["steps"]]
    assert intensities == sorted(intensities, reverse=True)


def test_top_steps_are_the_largest():
    steps = plain_trace().steps
    assert steps is not None
    best = [steps.at(i)["intensity"] for i in steps.top(5)]
    assert best == sorted(steps.used.ravel().tolist(), reverse=True)[:5]
    assert len(steps.top(10**6)) == len(steps)


def test_explain_writes_the_chain_with_its_numbers():
    text = Trace.read(C_TRACE).explain()
    assert "= r_e_sqr · fluence_photons_per_m2 · I_before_scaling / steps · capture" in text
    assert "= 7.94079248e-30 m² · 1e+24 1/m² · 5.79314069e+14 / 10 · 1 · 0.940874075" in text
    assert "= 186.104612 photons" in text
    assert "but the trace shows" not in text


def test_explain_says_what_does_not_fit(tmp_path):
    text = Trace.read(seedcase.foreign(3)).explain()
    wrong = "= 188.83474 photons\n  but the trace shows I_pixel_final = 200.700974"
    assert wrong in text
    assert "cannot be written out: steps" in read_text(tmp_path, without(" steps ")).explain()


def test_explain_names_factors_inside_the_sum():
    words = "-cell 50 -default_F 7 -N 4 -detpixels 9 -pixel 1 -oversample 2 -oversample_omega"
    text = Simulator(parse(words.split()).config).trace(4, 4).explain()
    assert "(omega_pixel is inside I_before_scaling: -oversample_omega)" in text
    assert "but the trace shows" not in text

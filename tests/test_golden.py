"""What the reference wrote for the golden command lines and the seed case, nbcy computes too."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import oracle
import pytest
import seedcase
from conftest import DATA, GoldenCase, golden_cases
from seedcase import SEEDCASE

from nbcy.cli.main import main
from nbcy.flags.parsing import parse
from nbcy.image.image import Image
from nbcy.render.simulator import Simulator

# The cases include coarse sampling and vectors that select another convention.
pytestmark = pytest.mark.filterwarnings("ignore::nbcy.base.errors.NbcyWarning")

# The reference sums in double and stores float32: its rounding is 6e-8 of a pixel, ours as much
# again; rounding in double moves pixels between the peaks by up to about 1e-13 of the maximum.
RELATIVE, OF_MAXIMUM = 1e-6, 1e-12


def assert_as_golden(pixels: np.ndarray, golden: np.ndarray, maximum: float | None = None) -> None:
    golden = golden.astype(float)
    allowed = RELATIVE * abs(golden) + OF_MAXIMUM * (golden.max() if maximum is None else maximum)
    distance = abs(pixels - golden)
    worst = np.unravel_index(np.argmax(distance / allowed), golden.shape)
    assert (distance <= allowed).all(), (
        f"{np.count_nonzero(distance > allowed)} pixels differ, most at {tuple(map(int, worst))}: "
        f"{pixels[worst]!r} instead of {golden[worst]!r}"
    )


def test_api(golden_case: GoldenCase, workdir: Path) -> None:
    simulator = Simulator(parse(golden_case.argv).config, quirks=golden_case.quirks)
    image = simulator.run()
    assert image.pixels.dtype == np.float32
    assert_as_golden(image.pixels, golden_case.image)


def smv(path: Path) -> tuple[dict[str, str], bytes]:
    """Header entries and the bytes after the header."""
    data = path.read_bytes()
    text = data[: data.index(b"}")].decode("ascii").lstrip("{\n")
    entries = dict(line.rstrip(";").split("=", 1) for line in text.splitlines() if line)
    return entries, data[int(entries["HEADER_BYTES"]) :]


def assert_same_smv(path: Path, golden: Path) -> None:
    """The same pixels; the same header but for its closed DIALS_ORIGIN line and more digits.

    These can need a second block of 512 bytes.
    """
    entries, pixels = smv(path)
    golden_entries, golden_pixels = smv(golden)
    assert list(entries) == list(golden_entries)
    for name, text in golden_entries.items():
        if name in ("BYTE_ORDER", "TYPE", "DETECTOR_SN", "BEAMLINE"):
            assert entries[name] == text
            continue
        if name == "HEADER_BYTES":
            assert int(entries[name]) in (512, 1024)
            continue
        # %g keeps six digits of what nbcy writes with nine
        for value, golden_value in zip(entries[name].split(","), text.split(","), strict=True):
            assert float(value) == pytest.approx(float(golden_value), rel=5.1e-6, abs=1e-12), name
    assert pixels == golden_pixels


def test_command_line(
    golden_case: GoldenCase, workdir: Path, capsys: pytest.CaptureFixture
) -> None:
    inputs = {path.name for path in workdir.iterdir()}
    assert main(golden_case.nbcy_argv) == 0, capsys.readouterr().err
    written = {path.name for path in workdir.iterdir()} - inputs
    expected = {"floatimage.bin", "intimage.img"}
    expected |= {"image.pgm"} if "-nopgm" not in golden_case.argv else set()
    expected |= {"noiseimage.img"} if "-nonoise" not in golden_case.argv else set()
    assert written == expected

    golden = golden_case.image
    pixels = np.fromfile("floatimage.bin", "<f4").reshape(golden.shape)
    assert_as_golden(pixels, golden)
    assert_same_smv(Path("intimage.img"), golden_case.folder / "intimage.img")
    if "image.pgm" in expected:
        assert Path("image.pgm").read_bytes() == (golden_case.folder / "image.pgm").read_bytes()
    if "noiseimage.img" in expected:
        assert_same_smv(Path("noiseimage.img"), golden_case.folder / "noiseimage.img")


def test_comparison_can_fail(workdir: Path) -> None:
    """Without the quirk that its name tells, a case is not reproduced."""
    (case,) = (case for case in golden_cases() if case.name == "phi_zero_start")
    image = Simulator(parse(case.argv).config).run()
    with pytest.raises(AssertionError, match="pixels differ"):
        assert_as_golden(image.pixels, case.image)


@pytest.fixture(scope="module", params=["quirk_phi_carryover", "correct"])
def seed_image(request: pytest.FixtureRequest) -> tuple[str, Image]:
    quirks = {"phi_carryover"} if request.param == "quirk_phi_carryover" else set()
    with pytest.warns(UserWarning, match="pix0"):
        simulator = Simulator(parse(seedcase.argv()).config, quirks=quirks)
    return request.param, simulator.run()


def test_seedcase_pixels(seed_image: tuple[str, Image]) -> None:
    variant, image = seed_image
    with np.load(SEEDCASE / "samples.npz") as samples:
        slow, fast, golden = samples["slow"], samples["fast"], samples[variant]
    sums = json.loads((SEEDCASE / "image_sums.json").read_text())[variant]
    assert_as_golden(image.pixels[slow, fast], golden, sums["max"])


def test_seedcase_sums(seed_image: tuple[str, Image]) -> None:
    variant, image = seed_image
    sums = json.loads((SEEDCASE / "image_sums.json").read_text())[variant]
    pixels = image.pixels.astype(float)
    statistics = image.statistics()
    assert statistics.sum == pytest.approx(pixels.sum(), rel=1e-12)
    assert statistics.sum == pytest.approx(sums["sum"], rel=RELATIVE)
    assert statistics.mean == pytest.approx(sums["mean"], rel=RELATIVE)
    assert statistics.max == pytest.approx(sums["max"], rel=RELATIVE)
    assert [statistics.max_slow, statistics.max_fast] == sums["argmax"]
    rows, columns = (np.arange(0, n, 256) for n in pixels.shape)
    blocks = np.add.reduceat(np.add.reduceat(pixels, rows, axis=0), columns, axis=1)
    # every pixel of a block may be off by as much as a pixel may
    allowed = 256 * 256 * OF_MAXIMUM * sums["max"]
    np.testing.assert_allclose(blocks, sums["block_sums_256"], rtol=RELATIVE, atol=allowed)


def test_oracle(golden_case: GoldenCase, workdir: Path) -> None:
    """The judge of the kernel is itself judged by the reference."""
    scene = Simulator(parse(golden_case.argv).config, quirks=golden_case.quirks).scene
    golden = golden_case.image
    if scene.steps > 100:
        # seconds for the whole image: every seventh pixel (of a prime, so of all columns) will do
        mask = np.zeros(golden.shape, np.uint8)
        mask.flat[::7] = 1
        scene = scene.replaced(mask=mask)
        golden = np.where(mask, golden, 0.0)
    assert_as_golden(oracle.render(scene).image, golden, golden_case.image.max())


STEP_KEYS = {
    "pixel_pos_meters": lambda s: s.visit.position[0],
    "R_distance_meters": lambda s: s.visit.airpath,
    "omega_pixel_sr": lambda s: s.visit.omega,
    "diffracted_vec": lambda s: s.visit.diffracted[0],
    "scattering_vec_A_inv": lambda s: s.visit.scattering[0],
    "rot_a_angstroms": lambda s: s.cell[0] * 1e10,
    "rot_b_angstroms": lambda s: s.cell[1] * 1e10,
    "rot_c_angstroms": lambda s: s.cell[2] * 1e10,
    "hkl_frac": lambda s: s.hkl,
    "hkl_rounded": lambda s: s.hkl_rounded,
    "F_cell": lambda s: [s.F_cell],
}


@pytest.mark.parametrize(
    "golden_case", [case for case in golden_cases() if case.trace], ids=lambda case: case.name
)
def test_oracle_steps(golden_case: GoldenCase, workdir: Path) -> None:
    """The oracle's breakdown of a pixel against the steps that the reference printed."""
    assert golden_case.trace is not None
    slow, fast = golden_case.trace
    log = (golden_case.folder / f"trace_{slow}_{fast}.log").read_text()
    blocks: dict[str, list[np.ndarray]] = {}
    for line in log.splitlines():
        _, key, *words = line.split()
        if key in STEP_KEYS:
            blocks.setdefault(key, []).append(np.array(words, float))
    scene = Simulator(parse(golden_case.argv).config, quirks=golden_case.quirks).scene
    # the reference prints source 0, first phi step and first domain of every sub-pixel and layer
    printed = [
        step
        for step in oracle.breakdown(scene, slow, fast)
        if step.visit.source == step.phi == step.domain == 0
    ]
    for key, values in blocks.items():
        assert len(values) == len(printed)
        for step, value in zip(printed, values, strict=True):
            if key == "omega_pixel_sr":
                step = printed[0]  # the reference goes on printing that of the first sub-pixel
            mine = np.asarray(STEP_KEYS[key](step))
            # 15 printed digits; components near zero are as good as the vector's length
            allowed = 1e-12 * np.linalg.norm(value)
            np.testing.assert_allclose(mine, value, rtol=0, atol=allowed, err_msg=key)


# Old scripts' spellings and orders, in which the reference was run without a dump file.

DROPIN = DATA / "golden_dropin"
DROPIN_ARGS = {
    case["name"]: case["args"] for case in json.loads((DROPIN / "manifest.json").read_text())
}
NOT_COMPARED = (
    *("mmap(", "writing ", "done initializing", "solid angle"),  # of its own files and memory
    *("WARNING: out of range", "WARNING: further warnings"),
)


@pytest.fixture
def dropin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("full.hkl", "i_plain.img", "m64.img"):
        (tmp_path / name).symlink_to(DROPIN / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", DROPIN_ARGS)
def test_old_scripts(name: str, dropin_folder: Path, capsys: pytest.CaptureFixture) -> None:
    """To the last bit, and the report's lines with it."""
    assert main([*DROPIN_ARGS[name].split(), "-quirks", "all"]) == 0, capsys.readouterr().err
    with np.load(DROPIN / "images.npz") as images:
        golden = images[name]
    pixels = np.fromfile("floatimage.bin", "<f4").reshape(golden.shape)
    np.testing.assert_array_equal(pixels, golden)

    def lines(text: str) -> list[str]:
        kept = [x for x in text.splitlines() if x and not x.startswith(NOT_COMPARED)]
        return [line.replace("-0.00000000", " 0.00000000") for line in kept]

    said = lines((DROPIN / "stdout" / f"{name}.txt").read_text())
    assert lines(capsys.readouterr().out) == said

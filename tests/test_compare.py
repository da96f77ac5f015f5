"""``nbcy compare``: figures, pictures, formats, and the way on to the worst pixel."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path

import numpy as np
import pytest
from conftest import golden_cases
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image as Picture

from nbcy.auditing.images import compare_images, difference_png
from nbcy.cli.main import main

FLAGS = (
    "-cell 100 -N 5 -default_F 100 -lambda 6.2 -distance 100 -detpixels 24 -pixel 1 -nonoise -nopgm"
)
images = hnp.arrays(np.float64, (5, 7), elements=st.floats(0, 1e6, allow_subnormal=False))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert (
        main(["simulate", *FLAGS.split(), "-o", "a.bin", "-o", "a.npy", "-intfile", "a.img"]) == 0
    )
    assert main(["simulate", *f"{FLAGS} -polar 0.5".split(), "-o", "b.bin"]) == 0
    return tmp_path


@given(images)
def test_an_image_agrees_with_itself(image: np.ndarray) -> None:
    result = compare_images(image, image)
    assert result.agrees
    assert (result.within, result.rmse, result.max_difference) == (1.0, 0.0, 0.0)
    assert math.isnan(result.correlation) or result.correlation == pytest.approx(1.0)


@given(images, st.integers(0, 4), st.integers(0, 6), st.floats(1.0, 1e6))
def test_one_changed_pixel_is_the_worst(
    image: np.ndarray, slow: int, fast: int, change: float
) -> None:
    other = image.copy()
    # beyond the tolerance of 1e-6 of the pixel and 1e-12 of the brightest
    other[slow, fast] += change + 1e-3 * image[slow, fast]
    result = compare_images(image, other)
    assert not result.agrees
    assert result.worst == (slow, fast)
    assert result.within == pytest.approx(34 / 35)
    assert result.rmse == pytest.approx(result.max_difference / math.sqrt(35))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_pixels_that_are_no_numbers(value: float) -> None:
    a, b = np.ones((3, 4)), np.ones((3, 4))
    b[1, 2] = value
    result = compare_images(a, b)
    assert not result.agrees
    assert (result.unusable, result.worst) == (1, (1, 2))
    assert compare_images(b, b).agrees


def test_command_line(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["compare", "a.bin", "a.npy"]) == 0
    assert "The images agree." in capsys.readouterr().out
    assert main(["compare", "a.bin", "b.bin", "--json", "--difference", "d.png"]) == 1
    figures = json.loads(capsys.readouterr().out)
    a, b = (np.fromfile(f"{name}.bin", "<f4").reshape(24, 24).astype(float) for name in "ab")
    assert figures["rmse"] == pytest.approx(math.sqrt(((a - b) ** 2).mean()))
    assert figures["max_difference"] == pytest.approx(abs(a - b).max())
    assert figures["sums"] == pytest.approx([a.sum(), b.sum()])
    assert figures["correlation"] == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1])
    picture = np.asarray(Picture.open("d.png")).astype(int)
    assert picture.shape == (24, 24, 3)
    # red where B is brighter, blue where it is darker
    redder = picture[..., 0] > picture[..., 2]
    assert (redder == (b > a))[abs(b - a) > 1e-3 * abs(b - a).max()].all()
    # the integer image is another scale: correlated, not equal
    assert main(["compare", "a.bin", "a.img", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["correlation"] > 0.999


def test_tolerance(folder: Path) -> None:
    a = np.load("a.npy")
    np.save("c.npy", (a * (1 + 1e-4)).astype(np.float32))
    assert main(["compare", "a.npy", "c.npy"]) == 1
    assert main(["compare", "a.npy", "c.npy", "--rtol", "2e-4"]) == 0


def test_runs_are_rendered_and_the_worst_pixel_is_audited(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["compare", FLAGS, "a.bin"]) == 0
    capsys.readouterr()
    other = f"{FLAGS} -polar 0.5"
    command = ["compare", "a.bin", "b.bin", "--audit", "--run-a", FLAGS, "--run-b", other]
    assert main(command) == 1
    out = capsys.readouterr().out
    assert "A was made by its command." in out
    assert "B was made by its command." in out
    assert "100.00%  beam.kahn_factor (-polar): A 0, B 0.5" in out
    assert "kahn" in out
    assert main([*command, "--full"]) == 1
    assert "Audit of a pixel" in capsys.readouterr().out


def test_shares_of_several_causes_add_up(folder: Path, capsys: pytest.CaptureFixture) -> None:
    other = f"{FLAGS} -polar 0.5 -distance 100.5"
    assert main(["simulate", *other.split(), "-o", "c.bin"]) == 0
    capsys.readouterr()
    runs = ["--run-a", FLAGS, "--run-b", other]
    assert main(["compare", "a.bin", "c.bin", "--json", "--audit", *runs]) == 1
    found = json.loads(capsys.readouterr().out)["audit"]
    paths = {path for cause in found["causes"] for path in cause["overrides"]}
    assert paths == {"beam.kahn_factor", "detector.distance_mm"}
    shares = [cause["share"] for cause in found["causes"]]
    assert sum(shares) + found["unexplained"] == pytest.approx(1.0)
    assert found["unexplained"] == pytest.approx(0.0, abs=1e-9)
    assert shares == sorted(shares, reverse=True)
    assert len(found["pixels"]) == 3


def test_a_file_of_another_command(folder: Path, capsys: pytest.CaptureFixture) -> None:
    wrong = f"{FLAGS} -lambda 5"
    assert main(["compare", "a.bin", "b.bin", "--audit", "--run-a", wrong]) == 1
    out = capsys.readouterr().out
    assert "A was not made by this command" in out
    assert "Verdict: A is not what its command makes." in out
    # the integer image is the command's, with its scale and offset
    runs = ["--run-a", FLAGS, "--run-b", f"{FLAGS} -polar 0.5"]
    assert main(["compare", "a.img", "b.bin", "--audit", *runs]) == 1
    assert "A was made by its command (times 8.79" in capsys.readouterr().out


@pytest.mark.parametrize("swapped", [False, True])
def test_reference_images_of_phi_zero(
    workdir: Path, swapped: bool, capsys: pytest.CaptureFixture
) -> None:
    cases = {case.name: case for case in golden_cases()}
    pair = [cases["phi_zero_start"], cases["phi_zero_start_correct"]]
    if swapped:
        pair.reverse()
    for label, case in zip("ab", pair, strict=True):
        case.image.tofile(f"{label}.bin")
    runs = [
        word
        for label, case in zip("ab", pair, strict=True)
        for word in (f"--run-{label}", shlex.join(case.argv))
    ]
    assert main(["compare", "a.bin", "b.bin", "--audit", *runs]) == 1
    out = capsys.readouterr().out
    side, other = "BA" if swapped else "AB"
    assert f"{side} was not made by its command as it stands, but it is with: the quirk" in out
    assert f"{other} was made by its command." in out
    assert out.splitlines()[-1].startswith(f"Verdict: {side} has the quirk phi_carryover")
    # one of the runs is enough to find it
    alone = runs[2:] if swapped else runs[:2]
    assert main(["compare", "a.bin", "b.bin", "--audit", *alone]) == 1
    assert "Verdict: " + side + " has the quirk phi_carryover" in capsys.readouterr().out


def test_relations_are_named_first(folder: Path, capsys: pytest.CaptureFixture) -> None:
    image = np.load("a.npy")
    np.save("t.npy", 2.0 * image.T)
    np.save("h.npy", image.reshape(12, 2, 12, 2).sum(axis=(1, 3)))
    for other, words in (
        ("a.bin", "B is the same as A."),
        ("a.img", "B is A, times 8.79"),
        ("t.npy", "times 2."),
        ("b.bin", "No simple relation between the images was found."),
    ):
        status = main(["compare", "a.npy", other])
        first = capsys.readouterr().out.splitlines()[0]
        assert words in first
        assert status == (other != "a.bin")
    assert main(["compare", "a.npy", "h.npy"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("B is A, binned 2 x 2 (sums).")
    assert out.endswith("The images differ in shape.\n")
    assert main(["compare", "a.npy", "h.npy", "--json"]) == 1
    relation = json.loads(capsys.readouterr().out)["relation"]
    assert relation["steps"] == [{"kind": "binned", "factor": [2, 2]}]


def test_no_difference_is_a_white_picture() -> None:
    image = np.ones((3, 4))
    import io

    picture = np.asarray(Picture.open(io.BytesIO(difference_png(image, image))))
    assert (picture == 255).all()


@pytest.mark.parametrize(
    ("arguments", "piece"),
    [
        ("a.bin none.bin", "none.bin"),
        ("a.bin b.bin --rtol -1", "--rtol"),
        ("a.bin b.bin --audit", "--run-a"),
        ("a.bin b.bin --difference d.jpg", "must end in .png"),
        ("a.bin b.bin --difference missing/d.png", "no folder"),
        ("a.bin b.bin --shape 5 7", "5 x 7"),
        ("a.bin text.npy", "text.npy"),
        ("a.bin other.npy", "pixels"),
    ],
)
def test_wrong_use(arguments: str, piece: str, folder: Path, capsys: pytest.CaptureFixture) -> None:
    Path("text.npy").write_text("no image\n")
    np.save("other.npy", np.ones((3, 3), np.float32))
    capsys.readouterr()
    before = sorted(folder.iterdir())
    assert main(["compare", *arguments.split()]) == 2
    assert piece in capsys.readouterr().err
    assert sorted(folder.iterdir()) == before

"""Every example, and the first command of the README, run as a user would run them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import DATA
from PIL import Image as Picture

from nbcy.cli.main import main
from nbcy.formats.frames import open_recording

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def test_there_are_examples():
    assert EXAMPLES


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path, tmp_path):
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_command_of_the_readme(tmp_path, monkeypatch):
    """Spots on every module of a real detector, and its gaps."""
    pytest.importorskip("gemmi")
    readme = (ROOT / "README.md").read_text()
    monkeypatch.chdir(tmp_path)
    command = r"^nbcy (simulate --pdb model\.pdb --detector eiger4m .*-o image\.png) *#"
    (words,) = re.findall(command, readme, re.MULTILINE)
    shutil.copy(DATA / "structures" / "1orc.pdb", "model.pdb")
    assert main([*words.split(), "-o", "same.nxs"]) == 0
    picture = np.asarray(Picture.open("image.png")).astype(int)
    with open_recording("same.nxs") as recording:
        frame = recording.frame(0)
    photons = frame.photons()
    assert picture.shape == photons.shape == (2167, 2070)
    # Dark spots on white: the more photons, the darker.
    assert picture.flat[np.nanargmax(photons)] == 0
    order = np.argsort(photons[~frame.invalid])
    assert (np.diff(picture[~frame.invalid][order]) <= 0).all()
    assert np.median(picture) == 255
    # Three rows and one column of gaps between modules of 514 x 1030, white from edge to edge.
    rows = np.flatnonzero(frame.invalid.all(axis=1)).reshape(3, 37)
    columns = np.flatnonzero(frame.invalid.all(axis=0))
    np.testing.assert_array_equal(rows[:, 0], [514, 1065, 1616])
    np.testing.assert_array_equal(columns, np.arange(1030, 1040))
    assert (picture[frame.invalid] == 255).all()
    for first in (0, *rows[:, -1] + 1):
        for left in (0, 1040):
            module = picture[first : first + 514, left : left + 1030]
            assert module.shape == (514, 1030)
            assert (module < 128).sum() > 50

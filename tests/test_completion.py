"""What the shell completes, and what both faces say about each other's words."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from nbcy.cli.completion import SHELLS
from nbcy.cli.main import SUBCOMMANDS, main
from nbcy.cli.subcommands import long_options
from nbcy.config.presets import PRESETS
from nbcy.flags.table import FLAGS


@pytest.fixture
def script(capsys):
    assert main(["completion", "bash"]) == 0
    return capsys.readouterr().out


def completed(script, words):
    """What bash offers for the last of some words."""
    line = " ".join(f"'{word}'" for word in words)
    lines = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _nbcy; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script + lines], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash(script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert completed(script, ["nbcy", ""]) >= {*SUBCOMMANDS, *FLAGS}
    assert completed(script, ["nbcy", "si"]) == {"simulate"}
    assert completed(script, ["nbcy", "-cell", "5", "-mosaic_"]) == {
        *("-mosaic_spread", "-mosaic_domains", "-mosaic_seed", "-mosaic_model"),
        "-mosaic_matrices",
    }
    assert completed(script, ["nbcy", "simulate", "--pd"]) == {"--pdb"}
    assert "-distance" in completed(script, ["nbcy", "simulate", "-di"])
    assert completed(script, ["nbcy", "view", "-di"]) == set()
    assert completed(script, ["nbcy", "simulate", "--detector", ""]) == set(PRESETS)
    assert completed(script, ["nbcy", "-pivot", "s"]) == {"sample"}
    (tmp_path / "run.toml").write_text("")
    assert completed(script, ["nbcy", "simulate", "run"]) == {"run.toml"}


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts_know_every_word(shell, capsys):
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    dash = {"fish": ""}.get(shell, "-")
    assert all(f"{dash}{name[1:]}" in text for name in FLAGS)
    assert all(name in text for name in SUBCOMMANDS)
    assert all(option.lstrip("-") in text for option in long_options("simulate"))


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("-pdb 1orc.pdb", "did you mean nbcy simulate --pdb?"),
        ("-noise", "did you mean nbcy simulate --noise?"),
        ("-detector eiger4m", "did you mean nbcy simulate --detector?"),
        ("-frames 3", "did you mean nbcy simulate --frames?"),
        ("-output a.png", "did you mean nbcy simulate --output?"),
        ("1orc.pdb", "did you mean nbcy simulate --pdb 1orc.pdb?"),
        ("-cell 50 1orc.mtz", "nbcy simulate --mtz 1orc.mtz"),
        ("-hkl 1orc.mtz", "nbcy simulate --mtz 1orc.mtz"),
        ("-hkl 1orc.cif.gz", "nbcy simulate --cif 1orc.cif.gz"),
        ("simulate -noise -o a.cbf", "did you mean --noise?"),
        ("simulate -detector eiger4m", "did you mean --detector?"),
        ("simulate 1orc.pdb", "give it as --pdb 1orc.pdb"),
        ("simulate run.toml 1orc.pdb", "did you mean --pdb 1orc.pdb?"),
        ("simulate --distance 3", "did you mean -distance?"),
        ("trace -frames 3", "-frames: there is no such flag"),
        ("info --threads 0", "at least 1"),
    ],
)
def test_both_faces_know_each_other(command, hint, capsys):
    assert main(command.split()) == 2
    assert hint in capsys.readouterr().err


SMALL = "-cell 50 -N 3 -default_F 100 -detpixels 8 -pixel 1 -nonoise -nopgm"


@pytest.mark.parametrize("command", [SMALL, f"simulate {SMALL}", f"simulate {SMALL} -o a.npy"])
def test_quiet(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for quiet in ("--quiet", "-quiet"):
        assert main([*command.split(), quiet]) == 0
        assert capsys.readouterr() == ("", "")
        assert any(tmp_path.iterdir())
    assert main([*command.split(), "--quiet", "-lamda", "1"]) == 2
    assert "-lamda" in capsys.readouterr().err
    assert main(command.split()) == 0  # only there
    assert capsys.readouterr().out


def test_what_was_asked_for_is_said_quietly(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*SMALL.split(), "--quiet", "-printout_pixel", "3", "4"]) == 0
    assert capsys.readouterr().out.startswith("3 4 ")
    assert main(["info", "--quiet"]) == 0
    assert "nbcy" in capsys.readouterr().out


@pytest.mark.parametrize("words", ["--threads 2", "-threads 2"])
@pytest.mark.parametrize("face", ["", "simulate "])
def test_threads(words, face, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(f"{face}{SMALL} {words} --quiet".split()) == 0
    assert capsys.readouterr().err == ""


def test_every_subcommand_takes_threads_and_quiet():
    for name in SUBCOMMANDS:
        assert {"threads", "quiet"} <= set(long_options(name))

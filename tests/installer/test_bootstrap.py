"""Set-up: what is installed for which command, once; what is said when something is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.doctor import SystemLibrary
from installer import bootstrap, libraries

CHECKOUT = Path(__file__).parents[2]


class Commands:
    """Records what would be run; commands that contain a word of `failing` fail."""

    def __init__(self, venv: Path) -> None:
        self.venv = venv
        self.run: list[list[str]] = []
        self.failing: set[str] = set()

    def __call__(self, command: Sequence[object], *, check: bool = False, **_: object) -> int:
        words = [str(word) for word in command]
        self.run.append(words)
        if self.failing & set(words):
            if check:
                raise subprocess.CalledProcessError(1, words)
            return 1
        if "venv" in words:
            bootstrap.PYTHON.parent.mkdir(parents=True)
            bootstrap.PYTHON.touch()
        return 0

    def installed(self) -> list[str]:
        return [words[-1] for words in self.run if "install" in words and "pip" in words]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Commands:
    venv = tmp_path / "venv"
    for name, path in {"VENV": venv, "STAMP": venv / "porelight.json", "BIN": venv / "bin"}.items():
        monkeypatch.setattr(bootstrap, name, path)
    monkeypatch.setattr(bootstrap, "PYTHON", venv / "bin" / "python")
    recorded = Commands(venv)
    monkeypatch.setattr(bootstrap.subprocess, "call", recorded)
    monkeypatch.setattr(bootstrap.subprocess, "run", recorded)
    monkeypatch.delenv("PORELIGHT_PIP_ARGS", raising=False)
    return recorded


def test_first_retouch_sets_up_and_the_second_starts_at_once(commands: Commands) -> None:
    assert bootstrap.main(["retouch", "a.jpg", "--out", "out"]) == 0
    assert commands.installed() == [str(CHECKOUT)]
    assert commands.run[-1] == [str(commands.venv / "bin" / "porelight"), "retouch", "a.jpg", "--out", "out"]
    commands.run.clear()
    assert bootstrap.main(["doctor"]) == 0
    assert commands.run == [[str(commands.venv / "bin" / "porelight"), "doctor"]]


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["app"], "[app]"),
        (["edit", "copy.tif"], "[app]"),
        (["setup"], "[all]"),
        (["test"], "[dev]"),
        (["retouch", "a.jpg", "--policy", "kontext"], "[generative]"),
    ],
)
def test_each_command_brings_its_extra(commands: Commands, arguments: list[str], extra: str) -> None:
    assert bootstrap.main(arguments) == 0
    assert commands.installed() == [f"{CHECKOUT}{extra}"]


def test_pins_are_given_to_pip_and_nothing_is_compiled(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORELIGHT_PIP_ARGS", "--find-links '/a b'")
    bootstrap.set_up("")
    pip = next(words for words in commands.run if "--constraint" in words)
    assert pip[pip.index("--constraint") + 1] == str(CHECKOUT / "constraints.txt")
    assert pip[pip.index("--only-binary") + 1] == ":all:"
    assert pip[pip.index("--find-links") + 1] == "/a b"


def test_new_pins_install_again(commands: Commands, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("one", encoding="utf-8")
    monkeypatch.setattr(bootstrap, "CHECKOUT", tmp_path)
    bootstrap.set_up("")
    bootstrap.set_up("")
    assert len(commands.installed()) == 1
    (tmp_path / "constraints.txt").write_text("two", encoding="utf-8")
    bootstrap.set_up("")
    assert len(commands.installed()) == 2


def test_failed_install_is_not_remembered(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    commands.failing = {"--constraint"}
    assert bootstrap.main(["doctor"]) == bootstrap.EXIT_SETUP
    assert "Set-up stopped" in capsys.readouterr().err
    assert not bootstrap.STAMP.exists()


def test_missing_venv_module_names_the_package(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    commands.failing = {"venv", "apt-get"}
    assert bootstrap.main(["doctor"]) == bootstrap.EXIT_SETUP
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"sudo apt-get install -y python{version}-venv" in capsys.readouterr().err


def test_all_checks_run_and_one_failure_is_enough(commands: Commands) -> None:
    commands.failing = {"mypy"}
    assert bootstrap.main(["test", "-x"]) == 1
    assert commands.run[-1][1:] == ["-m", "pytest", "-n", "2", "-x"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="system libraries are checked on Linux only")
def test_missing_library_prints_the_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    absent = SystemLibrary("libporelight-no.so.1", "libno1", "no", "no", "nothing", needed=True)
    monkeypatch.setattr(libraries, "LIBRARIES", (*libraries.LIBRARIES, absent))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert libraries.main([]) == 1
    assert "sudo apt-get install -y libno1" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_start_script_refuses_other_pythons(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    (tmp_path / "dirname").symlink_to("/usr/bin/dirname")
    done = subprocess.run(
        ["/bin/sh", str(CHECKOUT / "installer" / "run"), "doctor"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    assert "3.11, 3.12 or 3.13" in done.stderr

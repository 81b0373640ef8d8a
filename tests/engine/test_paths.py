"""Files that are written whole or not at all, and logs that hold no photo's name."""

from __future__ import annotations

import logging
import os
import stat
import sys
from pathlib import Path

import pytest

from engine import logs, paths


def test_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    paths.write_atomic(path, b"one")
    paths.write_atomic(path, b"two")
    assert path.read_bytes() == b"two" and [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_what_a_kill_left_goes_with_the_next_file(tmp_path: Path) -> None:
    names = ("." + "a1" * 8 + ".part", "." + "b2" * 8 + ".part", ".of-a-person.part")
    for name in names:
        (tmp_path / name).write_bytes(b"half")
    for name in (names[0], names[2]):
        os.utime(tmp_path / name, (1e9, 1e9))
    paths.write_atomic(tmp_path / "a.json", b"one")
    left = {each.name for each in tmp_path.iterdir()}
    assert left == {"a.json", names[1], names[2]}, "one is being written, one is not ours"


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "full"), KeyboardInterrupt()])
def test_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), fail)  # type: ignore[misc]
    with pytest.raises(type(error)):
        paths.write_atomic(path, b"new")
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="rights of POSIX")
def test_rights_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    paths.write_atomic(tmp_path / "atomic", b"")
    assert stat.S_IMODE((tmp_path / "atomic").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_the_users_folder_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path))
    assert paths.user_sidecars().parent == paths.user_folder() == tmp_path
    monkeypatch.delenv(paths.HOME_VARIABLE)
    assert paths.user_folder().name == "porelight"


@pytest.mark.allow_warnings_in_log
def test_logs_go_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path))
    try:
        logs.configure()
        logging.getLogger("engine.somewhere").warning("a warning")
        logging.getLogger("engine.somewhere").info("not shown")
        text = paths.log_file().read_text(encoding="utf-8")
        assert "a warning" in text and "not shown" not in text
        logs.configure(to_file=False)
        logging.getLogger("engine.somewhere").warning("dropped")
        assert "dropped" not in paths.log_file().read_text(encoding="utf-8")
    finally:
        logs.configure(to_file=False)

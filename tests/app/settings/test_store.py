"""Settings survive: restarts, damage, newer versions, other windows, full disks."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from app.settings.migrations import migrated
from app.settings.schema import FIELDS, Settings, Theme
from app.settings.store import SettingsStore
from app.viewmodels.preferences import PREFERENCES, found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.json"


def test_without_a_file_there_are_the_defaults_and_nothing_is_said(file: Path) -> None:
    store = SettingsStore(file)
    assert store.load() == Settings()
    assert store.notice == ""
    assert not file.exists()


def test_changes_come_back(file: Path) -> None:
    SettingsStore(file).save({"theme": "light", "keys": {"undo": ["Ctrl+U"]}, "cache_mb": 128})
    again = SettingsStore(file).load()
    assert (again.theme, again.cache_mb, again.keys) == (Theme.LIGHT, 128, {"undo": ("Ctrl+U",)})
    assert again.read_ahead is Settings().read_ahead


@pytest.mark.parametrize("damage", [b"", b"{", b"[1, 2]", b"\xff\xfe\x00", b'{"theme": "dark"}', b"[" * 100_000])
def test_a_damaged_file_is_kept_aside_and_the_one_before_is_used(file: Path, damage: bytes) -> None:
    store = SettingsStore(file)
    store.save({"theme": "light"})
    store.save({"theme": "grey"})
    file.write_bytes(damage)
    assert store.load().theme is Theme.LIGHT
    assert "damaged" in store.notice
    assert (file.parent / "settings.damaged-1.json").read_bytes() == damage
    assert not file.exists()
    # It works on from there, and a second damage does not take the first one's place.
    store.save({"threads": 2})
    file.write_bytes(damage)
    store.load()
    assert (file.parent / "settings.damaged-2.json").exists()


def test_damaged_without_a_backup_means_the_defaults(file: Path) -> None:
    file.write_bytes(b"no settings")
    store = SettingsStore(file)
    assert store.load() == Settings()
    assert "defaults" in store.notice


def test_single_values_that_make_no_sense_give_way(file: Path) -> None:
    file.write_text(json.dumps({"version": 1, "theme": "pink", "threads": -3, "cache_mb": 128}))
    store = SettingsStore(file)
    loaded = store.load()
    assert (loaded.theme, loaded.threads, loaded.cache_mb) == (Theme.DARK, 0, 128)
    assert "theme" in store.notice
    assert "threads" in store.notice


def test_what_a_newer_version_wrote_is_carried_along(file: Path) -> None:
    file.write_text(json.dumps({"version": 9, "theme": "light", "wallpaper": {"kind": "waves"}}))
    SettingsStore(file).save({"threads": 3})
    data = json.loads(file.read_bytes())
    assert (data["version"], data["wallpaper"], data["theme"], data["threads"]) == (9, {"kind": "waves"}, "light", 3)


def test_two_windows_keep_each_other_s_changes(file: Path) -> None:
    first, second = SettingsStore(file), SettingsStore(file)
    first.load()
    second.load()
    first.save({"theme": "light"})
    assert second.save({"threads": 4}).theme is Theme.LIGHT


def test_a_write_that_fails_leaves_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SettingsStore(file)
    store.save({"theme": "light"})
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        store.save({"theme": "grey"})
    assert store.load().theme is Theme.LIGHT
    assert sorted(each.name for each in file.parent.iterdir()) == ["settings.json"]


def test_migrations_run_in_their_order() -> None:
    steps = {1: lambda d: {**d, "b": d["a"] + 1}, 2: lambda d: {**d, "c": d["b"] * 10}}
    assert migrated({"version": 1, "a": 1}, steps, 3) == {"version": 3, "a": 1, "b": 2, "c": 20}
    assert migrated({"version": 2, "b": 5}, steps, 3) == {"version": 3, "b": 5, "c": 50}
    assert migrated({"version": 7, "x": 1}, steps, 3) == {"version": 7, "x": 1}


def test_every_setting_can_be_found_in_the_window() -> None:
    offered = {each.name for each in PREFERENCES}
    assert set(FIELDS) - offered == {"keys"}  # the page of shortcuts
    for each in PREFERENCES:
        assert each in found(each.title)
    assert [each.name for each in found("gpu")] == ["device"]
    assert [each.name for each in found("ICC screen")] == ["monitor_profile"]
    assert found("no such word") == ()

"""The policies screen: what it says of each version, and that what it does is what the command line does."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.views.main_window import MainWindow
from app.views.policies_window import PoliciesWindow
from engine.policies import versions
from engine.policies.compact.networks import FIELD_WEIGHTS
from engine.weights.catalogue import locate
from tests.app.conftest import MakeWindow
from tests.helpers.fake_engine import write_portrait
from tests.helpers.versions import RESULTS, stored

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def shown(window: MainWindow, qtbot: QtBot) -> PoliciesWindow:
    window.learn.show_policies()
    found = window.learn._policies
    assert found is not None
    at_rest(found, qtbot)
    return found


def at_rest(found: PoliciesWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not found.model.busy and found.model.found is not None)


def cells(found: PoliciesWindow) -> list[list[str]]:
    model = found.rows
    return [
        [model.data(model.index(row, column), Qt.ItemDataRole.DisplayRole) for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


def test_without_trained_policies_it_says_what_to_do(make_window: MakeWindow, qtbot: QtBot) -> None:
    found = shown(make_window(), qtbot)
    assert cells(found) == [["compact", "Active", "", "", "", ""]]
    assert found.title.text() == "compact retouches"
    assert found.said.text() == "Nothing is trained yet. Make picks and train, or import a policy."
    assert not found.activate.isEnabled() and not found.export.isEnabled() and not found.rollback.isVisible()


def test_versions_are_told_activated_and_rolled_back(make_window: MakeWindow, qtbot: QtBot) -> None:
    stored("good", created="2026-01-02T03:04:05+00:00")
    guards = {"pore_retention": 0.7, "noise": 1.0}
    before = {"pore_retention": 1.0, "noise": 1.0}
    lost = {**RESULTS, "wins": False, "guards": guards, "guards_before": before, "held_out_picks": None}
    stored("bad", wins=False, results=lost, created="2026-01-03T03:04:05+00:00")
    window = make_window()
    found = shown(window, qtbot)
    assert [row[:5] for row in cells(found)] == [
        ["bad", "Did not win", "81% (64%–92%)", "40 picks, 14 photos", "compact"],
        ["good", "Won", "81% (64%–92%)", "40 picks, 14 photos", "compact"],
        ["compact", "Active", "", "", ""],
    ]
    assert found.chosen is not None and found.chosen.name == "bad"
    assert not found.activate.isEnabled()
    assert "pores kept 0.70, before 1.00, at least 0.90 is wanted" in found.proof.text()
    assert found.proof.text().endswith("It did not win, so it is not activated.")
    found.table.selectRow(1)
    assert "12 faces" in found.proof.text() and "75% of 8 held-out picks" in found.proof.text()
    found.activate.click()
    at_rest(found, qtbot)
    assert versions.active() == "good" and found.title.text() == "good retouches"
    assert window.photo.notice == "good retouches from now on. Photos retouched before stay as they are."
    assert found.rollback.isVisible() and found.rollback.text() == "Roll Back to compact"
    found.rollback.click()
    at_rest(found, qtbot)
    assert versions.active() == "compact" and not found.rollback.isVisible()


def test_what_was_retouched_ahead_by_the_policy_before_is_not_shown(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    stored("good")
    photos = [write_portrait(tmp_path / f"{name}.png") for name in "abc"]
    window = make_window()
    window.desk.open([tmp_path])
    qtbot.waitUntil(lambda: window.desk.library.total == 3 and not window.desk.library.scanning)
    opened = window.desk.opened

    def ready(path: Path) -> bool:
        return path in opened and opened._kept[path].retouched is not None

    for path in photos:  # each is left in turn; only the first was edited
        window.desk.show(path)
        qtbot.waitUntil(lambda: bool(window.photo.layers) and not window.photo.busy)
        if path is photos[0]:
            window.photo.set_strength("light", 80)
            with qtbot.waitSignal(window.photo.saved):
                window.photo.save()
    qtbot.waitUntil(lambda: ready(photos[0]) and ready(photos[1]))
    window.learn.policies.activate("good")
    qtbot.waitUntil(lambda: not window.learn.policies.busy)
    assert photos[0] in opened
    assert not ready(photos[1])


def test_a_policy_travels_as_one_file(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.porelight-policy"
    weights = locate(FIELD_WEIGHTS).read_bytes()
    stored("taste-1", weights=weights)
    found = shown(make_window(), qtbot)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    found.table.selectRow(0)
    found.export.click()
    at_rest(found, qtbot)
    assert file.exists() and "Its checksum (SHA-256) is" in found.said.text()
    versions.remove("taste-1")
    stored("taste-1")  # another one of that name
    found.load.click()
    at_rest(found, qtbot)
    assert found.said.text() == "taste-1 was taken here, so it is called taste-1-1. Activate it to use it."
    assert (versions.folder() / "taste-1-1" / versions.WEIGHTS).read_bytes() == weights
    file.write_bytes(file.read_bytes()[:-2000] + bytes(2000))
    found.load.click()
    at_rest(found, qtbot)
    assert found.trouble.text().startswith("mine.porelight-policy is damaged")

"""The page without a photo: a sample that moves, keys to begin with, and the recent folders later."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from app.views.sample import BLEMISHES, KEPT, SIDE
from tests.app.conftest import MakeWindow


def test_divider_shows_what_goes_and_what_stays(make_window: MakeWindow, qtbot: QtBot) -> None:
    page = make_window().empty
    sample = page.sample
    x, y, _ = BLEMISHES[0]
    spot, mole = QPoint(int(x * SIDE), int(y * SIDE)), QPoint(int(KEPT[0][0] * SIDE), int(KEPT[0][1] * SIDE))
    ratio = sample.devicePixelRatio()

    def colour(at: QPoint) -> tuple[int, int, int]:
        found = sample.grab().toImage().pixelColor(at * ratio)
        return found.red(), found.green(), found.blue()

    qtbot.mouseMove(sample, QPoint(SIDE - 4, 20))
    assert sample.divider > 0.9
    red, kept = colour(spot), colour(mole)
    qtbot.mouseMove(sample, QPoint(3, 20))
    assert sample.divider < 0.1
    healed = colour(spot)
    assert healed[1] - red[1] > 40  # less red
    assert colour(mole) == kept
    before = sample.divider
    qtbot.keyClick(sample, Qt.Key.Key_Right)
    assert sample.divider > before


def test_keys_first_and_recent_folders_later(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = make_window()
    folders, page = window.desk.place.recent, window.empty
    assert "F1" in {label.text() for label in page.findChildren(QLabel)}
    (tmp_path / "wedding").mkdir()
    folders += [tmp_path / "wedding", tmp_path / "gone"]
    page.refresh()
    names = [button.text() for button in page.findChildren(QPushButton) if button.property("role") == "folder"]
    assert names == ["wedding"]
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # what was there before goes
    button = next(b for b in page.findChildren(QPushButton) if b.text() == "wedding")
    with qtbot.waitSignal(page.chosen) as chosen:
        button.click()
    assert chosen.args == [tmp_path / "wedding"]

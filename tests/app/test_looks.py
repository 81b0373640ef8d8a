"""What a person would object to on sight, measured."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QDialog,
    QFrame,
    QLabel,
    QPushButton,
    QScrollArea,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.viewmodels.compare import Mode
from app.viewmodels.library import Filter
from app.viewmodels.presets import SHIPPED
from app.viewmodels.shortcuts import Shortcuts
from app.views import cheat_sheet, main_window, parts, theme
from app.views.cheat_sheet import CheatSheet
from app.views.main_window import MainWindow
from app.views.parts import number
from app.views.recipes_dialog import RecipesDialog
from app.views.settings_window import SettingsWindow
from engine.delivery.recipe import BUILT_IN
from tests.app.conftest import MakeWindow

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def test_bars_show_a_handle_only_where_there_is_a_way_to_go(window: MainWindow, qtbot: QtBot, portrait: Path) -> None:
    bar = window.shoot.frames.verticalScrollBar()
    assert not bar.isEnabled() and not window.shoot.strip.horizontalScrollBar().isEnabled()
    for i in range(40):
        shutil.copy(portrait, portrait.with_name(f"{i}.png"))
    window.desk.open([portrait.parent])
    qtbot.waitUntil(bar.isEnabled)
    assert bar.maximum() > 0


def test_the_modes_are_a_shape_within_the_toolbar(window: MainWindow) -> None:
    modes = window.toolbar.findChild(QFrame, "segments")
    assert modes is not None
    above = modes.y()
    below = window.toolbar.height() - modes.y() - modes.height()
    assert above >= 5 and abs(above - below) <= 1


def test_the_words_before_and_after_stand_on_the_photo(window: MainWindow) -> None:
    compare, canvas = window.compare, window.canvas
    compare.set_mode(Mode.SIDE)
    compare.fit()
    QApplication.processEvents()
    assert compare.viewport is not None
    beside = int(compare.viewport.to_view((0, 0), compare.pane_size)[0] / canvas.devicePixelRatioF()) - 1
    image = canvas.grab().toImage()
    assert beside > 20
    assert {image.pixelColor(beside - 5, y).name() for y in range(canvas.height())} == {theme.CANVAS}
    assert {image.pixelColor(16, y).name() for y in range(canvas.height())} == {theme.CANVAS}


def test_bars_leave_out_rather_than_cut_words(window: MainWindow, qtbot: QtBot, portrait: Path) -> None:
    window.desk.open([portrait.parent])
    qtbot.waitUntil(lambda: "1 / 1" in window.shoot.bar.count.text())
    for bar, least in ((window.toolbar, 500), (window.shoot.bar, 800)):
        counts = []
        for width in (1600, 1100, least, 1600):
            bar.setFixedWidth(width)
            for _ in range(3):
                QApplication.processEvents()
            words = [each for kind in (QToolButton, QLabel) for each in bar.findChildren(kind) if each.isVisible()]
            assert [each.text() for each in words if each.width() < each.minimumSizeHint().width()] == []
            counts.append(len(words))
        assert counts[0] == counts[-1] > counts[2]


def test_filters_without_a_place_are_in_a_menu(window: MainWindow, qtbot: QtBot, portrait: Path) -> None:
    window.desk.open([portrait.parent])
    qtbot.waitUntil(lambda: "1 / 1" in window.shoot.bar.count.text())
    bar, library = window.shoot.bar, window.desk.library

    def resized(width: int) -> None:
        bar.setFixedWidth(width)
        for _ in range(3):
            QApplication.processEvents()

    resized(1600)
    words = [*bar.flags.values(), *bar.badges.values()]
    assert bar.more.isHidden() and not any(button.isHidden() for button in words)
    resized(640)
    assert bar.more.isVisible() and all(button.isHidden() for button in words)
    bar.more.menu().aboutToShow.emit()
    entries = {action.text(): action for action in bar.more.menu().actions()}
    assert list(entries) == ["Picked", "Rejected", "Edited", "Exported", "Faces"] and not bar.more.isChecked()
    entries["Exported"].trigger()
    assert library.filter == Filter(exported=True) and bar.more.isChecked()
    bar.more.menu().aboutToShow.emit()
    assert [action.isChecked() for action in bar.more.menu().actions()] == [False, False, False, True, False]
    bar.clear.click()
    assert not library.filter.active and not bar.more.isChecked()


def test_the_search_of_settings_is_ready_and_empty_each_time(window: MainWindow) -> None:
    for _ in range(2):
        window.ask_settings(0)
        shown = window._settings_window
        assert shown is not None and shown.focusWidget() is shown.search
        said: list[str] = []  # what the button that clears it hears
        shown.search.textChanged.connect(said.append)
        shown.search.setText("profile")
        shown.sections.setCurrentRow(1)
        assert said == ["profile", ""] and not shown.rows["auto_retouch"].isHidden()
        shown.rows["theme"].control.setFocus()
        shown.close()


@pytest.mark.parametrize("where", ["recipes", "settings", "seed"])
def test_numbers_stand_off_the_edge(where: str, window: MainWindow) -> None:
    places = {
        "recipes": lambda: RecipesDialog([], BUILT_IN, [], window),
        "settings": lambda: SettingsWindow(window.settings, window.shortcuts, window),
        "seed": lambda: window.adjust.pages,
    }
    top: QWidget = places[where]()
    fields = top.findChildren(QAbstractSpinBox)
    assert fields
    assert {field.lineEdit().textMargins().left() for field in fields} == {6}
    double = number(0.1, 400.0, " MP")
    assert (double.decimals(), double.maximum(), number(1, 9).maximum()) == (1, 400.0, 9)


@pytest.mark.parametrize("width", [640, 1024, 1366, 2560])
def test_the_cheat_sheet_fits_the_screen(width: int, window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cheat_sheet, parts):
        monkeypatch.setattr(module, "room_of", lambda widget: QSize(width, 720))
    sheet = CheatSheet(Shortcuts(window.settings), QPushButton(), window)
    sheet.show()
    assert sheet.width() <= width and sheet.height() <= 720
    scroll = sheet.findChild(QScrollArea)
    assert scroll is not None and scroll.widget().minimumSizeHint().width() <= scroll.viewport().width()
    sheet.close()


def test_all_of_the_cheat_sheet_is_seen_where_there_is_room(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (cheat_sheet, parts):
        monkeypatch.setattr(module, "room_of", lambda widget: QSize(1912, 1400))
    sheet = CheatSheet(Shortcuts(window.settings), QPushButton(), window)
    sheet.show()
    scroll = sheet.findChild(QScrollArea)
    assert scroll is not None and scroll.verticalScrollBar().maximum() == 0
    sheet.close()


@pytest.mark.parametrize("room", [QSize(952, 560), QSize(1366, 640)])
def test_every_window_fits_a_small_screen(room: QSize, window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "room_of", lambda widget: room)
    window.learn.show_picks()
    window.learn.show_training()
    window.learn.show_policies()
    window.learn.show_review()
    window.delivery.show_queue()
    window.ask_settings()
    shown = [each for each in window.findChildren(QDialog) if each.isVisible()]
    assert len(shown) == 6
    for each in shown:
        assert each.width() <= room.width() and each.height() <= room.height(), each.windowTitle()
        each.close()


def test_the_window_itself_fits_a_small_screen(make_window: MakeWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main_window, "room_of", lambda widget: QSize(952, 560))
    window = make_window()
    window.resize(952, 560)
    QApplication.processEvents()
    assert (window.width(), window.height()) == (952, 560)
    assert main_window.SMALLEST.width() <= 1920 // 2 - 8, "half a Full HD screen"
    cut = [each for each in window.findChildren(QPushButton) if each.isVisible() and each.visibleRegion().isEmpty()]
    assert not cut


def test_presets_stay_where_they_are_when_one_is_taken(window: MainWindow, qtbot: QtBot) -> None:
    window.adjust.show_tab(1)
    page = window.adjust.preset_page
    qtbot.wait(50)
    before = page.tree.geometry()
    page.model.apply(SHIPPED[0])
    qtbot.wait(50)
    assert page.title.text() == SHIPPED[0].title and page.tree.geometry() == before

"""Every control has a name for screen readers, is reached by Tab, and lets go of the focus again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollBar,
    QTableView,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.viewmodels.crashes import Crashes
from app.views.cheat_sheet import CheatSheet
from app.views.main_window import MainWindow
from app.views.policies_window import PoliciesWindow
from app.views.queue_window import QueueWindow
from app.views.recipes_dialog import RecipesDialog
from app.views.report_offer import ReportDialog
from app.views.review_window import ReviewWindow
from app.views.settings_window import SettingsWindow
from app.views.strip import Strip
from app.views.training_window import TrainingWindow
from engine.errors import ImageReadError
from engine.library.frames import Frame
from tests.helpers.versions import stored

CONTROLS = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit,
)  # fmt: skip
INNER = ("qt_", "QLineEditIconButton")
"""Parts of Qt's own controls."""


def _controls(top: QWidget) -> list[QWidget]:
    """What a person can act on, as it is visible now."""
    found = [top, *top.findChildren(QWidget)]
    return [
        widget
        for widget in found
        if widget.isVisible()
        and widget.window() is top
        and not isinstance(widget, QScrollBar)
        and not (isinstance(widget, QHeaderView) and not widget.sectionsClickable())
        and not widget.objectName().startswith(INNER)
        and type(widget).__name__ not in INNER
        and not isinstance(widget.parentWidget(), (QAbstractSpinBox, QComboBox, QLineEdit))
        and (isinstance(widget, CONTROLS) or widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
    ]


def _name(widget: QWidget) -> str:
    """What a screen reader says."""
    return QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name).strip()


def _described(widget: QWidget) -> str:
    return f"{type(widget).__name__} {widget.objectName()!r} in {type(widget.parentWidget()).__name__}"


def _visited(top: QWidget, key: Qt.Key, limit: int) -> list[QWidget]:
    """Where real key presses lead, until the focus is where it was."""
    seen: list[QWidget] = []
    for _ in range(limit):
        widget = QApplication.focusWidget()
        if widget is None or (seen and widget is seen[0]):
            break
        assert widget not in seen, f"{_described(widget)} comes again before the first one"
        seen.append(widget)
        QTest.keyClick(widget, key)
        assert QApplication.focusWidget() is not widget or len(seen) == 1, f"{_described(widget)} keeps the focus"
    return seen


def _check(top: QWidget) -> None:
    controls = _controls(top)
    assert len(controls) > 1
    assert [_described(widget) for widget in controls if not _name(widget)] == []
    if not any(widget.isEnabled() for widget in controls):  # nothing to act on yet, such as an empty queue
        for widget in controls:
            widget.setEnabled(True)
    reachable = {widget for widget in controls if widget.isEnabled()}
    first = next(widget for widget in controls if widget in reachable)
    first.setFocus()
    limit = 4 * len(controls) + 50
    forward = set(_visited(top, Qt.Key.Key_Tab, limit))
    missed = [_described(w) for w in reachable - forward if not _elsewhere(w)]
    assert missed == []
    first.setFocus()
    assert set(_visited(top, Qt.Key.Key_Backtab, limit)) == forward


def _elsewhere(widget: QWidget) -> bool:
    """Whether another way leads to a control that Tab passes over: a key of its own, or arrows in its group."""
    if isinstance(widget, QAbstractButton):
        action = getattr(widget, "defaultAction", lambda: None)()
        keys = [widget.shortcut()] + (action.shortcuts() if action is not None else [])
        return any(not key.isEmpty() for key in keys)
    return False


@pytest.fixture
def window_at_work(window: MainWindow, qtbot: QtBot) -> MainWindow:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return window


def _settings(window: MainWindow) -> QWidget:
    return SettingsWindow(window.settings, window.shortcuts, window)


def _keys(window: MainWindow) -> QWidget:
    dialog = SettingsWindow(window.settings, window.shortcuts, window)
    dialog.sections.setCurrentRow(dialog.sections.count() - 1)
    return dialog


def _restart(window: MainWindow) -> QWidget:
    window.settings.set(language="de")
    dialog = SettingsWindow(window.settings, window.shortcuts, window)
    assert not dialog.strip.isHidden()
    return dialog


def _sheet(window: MainWindow) -> QWidget:
    return CheatSheet(window.shortcuts, QPushButton("Change"), window)


def _queue(window: MainWindow) -> QWidget:
    dialog = QueueWindow(window.desk.queue, window)
    assert not any(table.tabKeyNavigation() for table in dialog.findChildren(QTableView))
    return dialog


def _recipes(window: MainWindow) -> QWidget:
    recipes, _ = window.desk.queue.recipes()
    return RecipesDialog([Frame(Path("a.jpg"))], recipes, [recipes[0].name], window)


def _policies(window: MainWindow) -> QWidget:
    stored("taste-1")
    return PoliciesWindow(window.learn.policies, window)


def _training(window: MainWindow) -> QWidget:
    learn = window.learn
    return TrainingWindow(learn.training, learn.policies, list, learn.show_picks, learn.show_review, window)


def _review(window: MainWindow) -> QWidget:
    return ReviewWindow(window.learn.review, list, window)


def _report(window: MainWindow) -> QWidget:
    return ReportDialog(Crashes(window.desk.save, window.photo.show), window.settings, window)


DIALOGS = (
    _settings, _keys, _restart, _sheet, _queue, _recipes, _policies, _training, _review, _report,
)  # fmt: skip


@pytest.mark.parametrize("page", range(4))
def test_main_window(window_at_work: MainWindow, page: int) -> None:
    window_at_work.adjust.show_tab(page)
    _check(window_at_work)


def test_strips_over_the_picture(window_at_work: MainWindow) -> None:
    window = window_at_work
    window.photo.fail(ImageReadError("a.jpg is empty.", "Copy it again."), "", "open")
    window.add_strip(Strip("Settings were damaged.", "They are as at first.", "Show"))
    _check(window)


def test_page_without_a_photo(make_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    window = make_window()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    _check(window)


@pytest.mark.qt_log_ignore("propagateSizeHints")  # says the offscreen platform
@pytest.mark.parametrize("make", DIALOGS)
def test_dialogs(window_at_work: MainWindow, make: Callable[[MainWindow], QWidget], qtbot: QtBot) -> None:
    dialog = make(window_at_work)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    qtbot.waitUntil(lambda: not window_at_work.photo.runner.jobs)
    _check(dialog)


def test_no_two_buttons_beside_each_other_have_one_name(window_at_work: MainWindow) -> None:
    for tab in range(4):
        window_at_work.adjust.show_tab(tab)
        QApplication.processEvents()
        names = [_name(each) for each in window_at_work.panel.findChildren(QPushButton) if each.isVisible()]
        assert len(set(names)) == len(names) > 0

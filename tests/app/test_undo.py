"""One undo for edits, stars, labels and flags, through the window's keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.viewmodels.library import Filter
from app.views.main_window import MainWindow
from engine.library import culls
from engine.library.xmp import Cull, Flag, Label
from tests.app.conftest import MakeWindow
from tests.helpers.fake_engine import write_portrait

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def shoot(tmp_path: Path) -> list[Path]:
    return [write_portrait(tmp_path / f"{name}.png") for name in ("a", "b", "c")]


def listed(make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]) -> MainWindow:
    window = make_window()
    window.desk.open([shoot[0].parent])
    qtbot.waitUntil(lambda: window.desk.library.total == 3 and not window.desk.library.scanning)
    return window


def at_rest(qtbot: QtBot, window: MainWindow, path: Path) -> None:
    qtbot.waitUntil(lambda: window.photo.path == path and bool(window.photo.layers) and not window.photo.busy)


def undo(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.keyClick(window, Qt.Key.Key_Z, CTRL)


def redo(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.keyClick(window, Qt.Key.Key_Z, CTRL | SHIFT)


def test_stars_labels_and_flags_are_undone_key_by_key(make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]) -> None:
    window = listed(make_window, qtbot, shoot)
    library = window.desk.library
    library.select_all()
    for key in (Qt.Key.Key_4, Qt.Key.Key_9, Qt.Key.Key_P):
        qtbot.keyClick(window, key)
    assert {library.frames[path].cull for path in shoot} == {Cull(4, Label.BLUE, Flag.PICK)}
    assert window.undo_action.toolTip().startswith("Undo Picked")
    undo(qtbot, window)
    undo(qtbot, window)
    assert library.frames[shoot[2]].cull == Cull(4)
    undo(qtbot, window)
    assert not window.undo_action.isEnabled()
    redo(qtbot, window)
    qtbot.waitUntil(lambda: not library.runner.jobs)
    assert [culls.load(path) for path in shoot] == [Cull(4)] * 3
    assert library.frames[shoot[0]].cull == Cull(4)


def test_what_was_done_last_is_undone_first(make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]) -> None:
    window = listed(make_window, qtbot, shoot)
    photo, library = window.photo, window.desk.library
    window.desk.show(shoot[0])
    at_rest(qtbot, window, shoot[0])
    photo.set_strength("tone", 80)
    qtbot.keyClick(window, Qt.Key.Key_3)
    photo.set_strength("tone", 20)
    undo(qtbot, window)
    assert (photo.strength("tone"), library.frames[shoot[0]].cull.stars) == (80, 3)
    undo(qtbot, window)
    assert (photo.strength("tone"), library.frames[shoot[0]].cull.stars) == (80, 0)
    undo(qtbot, window)
    assert photo.strength("tone") == 50
    for tone, stars in ((80, 0), (80, 3), (20, 3)):
        redo(qtbot, window)
        assert (photo.strength("tone"), library.frames[shoot[0]].cull.stars) == (tone, stars)
    assert not window.redo_action.isEnabled()


def test_undo_goes_back_to_the_frame_that_its_own_key_hid(
    make_window: MakeWindow, qtbot: QtBot, shoot: list[Path]
) -> None:
    window = listed(make_window, qtbot, shoot)
    library = window.desk.library
    library.set_filter(Filter(flag=Flag.NONE))
    library.go(shoot[1])
    qtbot.keyClick(window, Qt.Key.Key_X)
    assert (library.current, library.shown) == (shoot[2], [shoot[0], shoot[2]])
    assert window.shoot.bar.count.text() == "2 of 3 photos  ·  2 / 2"
    library.select_all()
    assert window.shoot.bar.count.text() == "2 of 3 photos  ·  2 selected"
    undo(qtbot, window)
    assert (library.current, library.shown) == (shoot[1], shoot)

"""Wild clicks and keys: nothing may crash, warn or break the history."""

from __future__ import annotations

import random
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from app.viewmodels.state import Stage
from engine.types import Strengths
from tests.app.conftest import MakeWindow
from tests.helpers.fake_engine import FakeEngine, opened

ACTIONS = 300
KEYS = (
    Qt.Key.Key_Y, Qt.Key.Key_Z, Qt.Key.Key_O, Qt.Key.Key_Backslash, Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Tab,
    Qt.Key.Key_Escape, Qt.Key.Key_Space, Qt.Key.Key_5,
)  # fmt: skip
MODIFIERS = (Qt.KeyboardModifier.NoModifier,) * 3 + (Qt.KeyboardModifier.ShiftModifier,)


def test_wild_clicks_and_keys(make_window: MakeWindow, qtbot: QtBot, portrait: Path) -> None:
    window = make_window(FakeEngine(faces=2))
    opened(qtbot, window.photo, portrait)
    chance = random.Random(7)
    sliders = [row.slider for row in window.strengths.rows.values()]
    for _ in range(ACTIONS):
        match chance.randrange(8):
            case 0 | 1:
                target = chance.choice([window.canvas, *sliders])
                qtbot.mouseClick(
                    target, Qt.MouseButton.LeftButton, pos=_inside(chance, target.width(), target.height())
                )
            case 2:
                start = _inside(chance, window.canvas.width(), window.canvas.height())
                qtbot.mousePress(window.canvas, Qt.MouseButton.LeftButton, pos=start)
                end = _inside(chance, window.canvas.width(), window.canvas.height())
                qtbot.mouseMove(window.canvas, end)
                qtbot.mouseRelease(window.canvas, Qt.MouseButton.LeftButton, pos=end)
            case 3 | 4:
                qtbot.keyClick(chance.choice([window, *sliders]), chance.choice(KEYS), chance.choice(MODIFIERS))
            case 5:
                action = chance.choice([window.undo_action, window.redo_action, window.marks_action, window.fit_action])
                action.trigger()
            case 6:
                window.compare.zoom(chance.uniform(0.3, 3), (chance.uniform(0, 500), chance.uniform(0, 500)))
            case 7:
                chance.choice(list(window.faces.rows.values())).chosen.emit()
    qtbot.waitUntil(lambda: window.photo.frames.settled)
    assert window.photo.stage is Stage.PROPOSED and window.photo.problem is None
    assert window.photo.history.state == window.photo.document
    while window.photo.history.undo_label:
        window.photo.undo()
    assert all(edits.strengths == Strengths() and not edits.decisions for edits in window.photo.edits.values())


def _inside(chance: random.Random, width: int, height: int) -> QPoint:
    return QPoint(chance.randrange(width), chance.randrange(height))

"""Wild clicks and keys: nothing may crash, warn or break the history."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.viewmodels.labels import AREA_TITLES
from app.viewmodels.overlays import Overlay
from app.viewmodels.presets import SHIPPED
from app.viewmodels.records import replay
from app.viewmodels.state import Stage
from app.viewmodels.tools import Effect, Tool
from app.views.main_window import MainWindow
from engine.journal import Journal, journal_file
from tests.app.conftest import MakeWindow
from tests.helpers.fake_engine import FakeEngine, opened

ACTIONS = 1000
KEYS = (
    Qt.Key.Key_Y, Qt.Key.Key_Z, Qt.Key.Key_O, Qt.Key.Key_Backslash, Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Tab,
    Qt.Key.Key_Escape, Qt.Key.Key_Space, Qt.Key.Key_5, Qt.Key.Key_Q, Qt.Key.Key_K, Qt.Key.Key_J, Qt.Key.Key_L,
    Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight, Qt.Key.Key_Delete,
)  # fmt: skip
MODIFIERS = (Qt.KeyboardModifier.NoModifier,) * 3 + (Qt.KeyboardModifier.ShiftModifier,)
LEFT = Qt.MouseButton.LeftButton


class Monkey:
    """One wild thing at a time."""

    def __init__(self, window: MainWindow, qtbot: QtBot, seed: int) -> None:
        self.window, self.qtbot, self.chance = window, qtbot, random.Random(seed)
        self.sliders = [row.slider for row in window.strengths.rows.values()]
        adjust = window.adjust
        self.quick: list[Callable[[], object]] = [
            self.click, self.click, self.drag, self.drag, self.key, self.key, self.key,
            lambda: self.chance.choice([window.undo_action, window.undo_action, window.redo_action]).trigger(),
            lambda: self.chance.choice([window.marks_action, window.fit_action, adjust.fill_action]).trigger(),
            lambda: self.chance.choice([adjust.face_action, adjust.copy_action, adjust.paste_action]).trigger(),
            lambda: window.compare.zoom(self.some(0.3, 3), (self.some(0, 500), self.some(0, 500))),
            lambda: self.chance.choice(list(window.faces.rows.values())).chosen.emit(),
            lambda: adjust.tools.choose(self.chance.choice(list(Tool))),
            lambda: adjust.tools.set(size=self.some(0, 70), effect=self.chance.choice(list(Effect))),
            lambda: window.compare.show_overlay(self.chance.choice(list(Overlay)), "tone"),
            lambda: window.photo.select_area(self.chance.choice([None, *AREA_TITLES])),
            lambda: adjust.show_tab(self.chance.randrange(4)),
            lambda: adjust.presets.set_amount(self.some(0, 100)),
            lambda: window.photo.go(self.chance.randrange(len(window.photo.history.entries))),
            lambda: adjust.variations.pick(self.chance.randrange(1, 7)),
            lambda: adjust.variations.compare(bool(self.chance.randrange(2))),
            self.snapshot,
        ]  # fmt: skip
        self.slow: list[Callable[[], object]] = [
            adjust.variations.draw,
            lambda: adjust.variations.take(self.chance.randrange(1, 7)),
            lambda: adjust.presets.apply(self.chance.choice(SHIPPED)),
            adjust.tools.delete,
            window.photo.reset,
            window.photo.save,
        ]

    def act(self) -> None:
        self.chance.choice(self.slow if self.chance.random() < 0.06 else self.quick)()
        if self.chance.random() < 0.2:
            self.qtbot.wait(1)

    def some(self, low: float, high: float) -> float:
        return self.chance.uniform(low, high)

    def inside(self, widget: QWidget) -> QPoint:
        return QPoint(self.chance.randrange(widget.width()), self.chance.randrange(widget.height()))

    def click(self) -> None:
        target = self.chance.choice([self.window.canvas, *self.sliders])
        self.qtbot.mouseClick(target, LEFT, pos=self.inside(target))

    def drag(self) -> None:
        canvas = self.window.canvas
        self.qtbot.mousePress(canvas, LEFT, pos=self.inside(canvas))
        for _ in range(3):
            self.qtbot.mouseMove(canvas, self.inside(canvas))
        self.qtbot.mouseRelease(canvas, LEFT, pos=self.inside(canvas))

    def key(self) -> None:
        target = self.chance.choice([self.window, *self.sliders])
        self.qtbot.keyClick(target, self.chance.choice(KEYS), self.chance.choice(MODIFIERS))

    def snapshot(self) -> None:
        photo = self.window.photo
        names = list(photo.history.snapshots)
        if names and self.chance.random() < 0.5:
            (photo.restore if self.chance.random() < 0.5 else photo.forget)(self.chance.choice(names))
        else:
            photo.snapshot(f"{self.chance.randrange(5)}")


def test_wild_clicks_and_keys(make_window: MakeWindow, qtbot: QtBot, portrait: Path) -> None:
    window = make_window(FakeEngine(faces=2))
    opened(qtbot, window.photo, portrait)
    photo, monkey = window.photo, Monkey(window, qtbot, 7)
    for _ in range(ACTIONS):
        monkey.act()
    qtbot.waitUntil(lambda: not photo.runner.jobs and photo.frames.settled)
    assert photo.stage is Stage.PROPOSED and photo.problem is None
    assert photo.history.state == photo.document
    assert photo.path is not None and photo.photo is not None
    records = Journal(journal_file(photo.path, photo.photo.size)).read()
    assert sum(record.kind == "push" for record in records) > 100
    kept = replay(records)
    assert kept is not None and kept.position == photo.history.position
    assert [entry.label for entry in kept.entries] == [entry.label for entry in photo.history.entries]
    assert sorted(kept.snapshots) == sorted(photo.history.snapshots)
    while photo.history.last_done:
        photo.undo()
    qtbot.waitUntil(lambda: not photo.runner.jobs)
    assert photo.document == photo.history.entries[0].state

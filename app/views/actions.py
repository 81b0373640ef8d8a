"""Actions of the window, made from the table: title, keys, tip. Their keys follow the settings at once."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QWidget

from app.viewmodels.actions import ACTIONS
from app.viewmodels.shortcuts import Shortcuts, shown


class Actions(QObject):
    """Makes each action once; `made` has them by their id in the table."""

    def __init__(self, shortcuts: Shortcuts, window: QWidget) -> None:
        super().__init__(window)
        self.shortcuts, self.window = shortcuts, window
        self.made: dict[str, QAction] = {}
        shortcuts.changed.connect(self._refresh)

    def make(self, id: str, do: Callable[[], object], *, checkable: bool = False) -> QAction:
        """The action of the table with what it does."""
        action = QAction(ACTIONS[id].title, self.window)
        action.setObjectName(id)
        action.setCheckable(checkable)
        action.triggered.connect(lambda *_: do())
        self.window.addAction(action)
        self.made[id] = action
        self._give_keys(id)
        return action

    def tip(self, id: str, text: str = "") -> None:
        """Say something else on hovering; the key is added."""
        self.made[id].setToolTip(self._with_keys(id, text or ACTIONS[id].help or ACTIONS[id].title.rstrip("…")))

    def holds(self, id: str, event: QKeyEvent) -> bool:
        """Whether a key event is the key of an action that works while it is held."""
        return QKeySequence(event.keyCombination()).toString() in self.shortcuts.keys(id)

    def _refresh(self) -> None:
        for id in self.made:
            self._give_keys(id)

    def _give_keys(self, id: str) -> None:
        self.made[id].setShortcuts([QKeySequence(key) for key in self.shortcuts.keys(id)])
        self.tip(id)

    def _with_keys(self, id: str, text: str) -> str:
        keys = self.shortcuts.keys(id)
        return f"{text} ({shown(keys[0])})" if keys else text

"""The menu Learn: its windows are made when they are first wanted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMainWindow, QMenu

from app.language import tr
from app.viewmodels.desk import Desk
from app.viewmodels.picks import PicksModel
from app.views.actions import Actions

if TYPE_CHECKING:
    from app.views.picks_window import PicksWindow


class Learn(QObject):
    """Makes the actions and windows; the main window places the menu."""

    def __init__(self, desk: Desk, actions: Actions, window: QMainWindow) -> None:
        super().__init__(window)
        self.desk, self.window = desk, window
        self.picks = PicksModel(desk.photo.engine, desk.photo.runner, self)
        self.menu = QMenu(tr("&Learn"), window)
        self.menu.addActions([actions.make("learn_picks", self.show_picks)])
        self._picks: PicksWindow | None = None

    def show_picks(self) -> None:
        """Ask which of two retouches is better."""
        if self._picks is None:
            from app.views.picks_window import PicksWindow

            self._picks = PicksWindow(self.picks, self._chosen, self.window)
        self._picks.begin()

    def _chosen(self) -> list[Path]:
        """The selected photos, else the open one."""
        chosen = self.desk.library.chosen
        return chosen or ([self.desk.photo.path] if self.desk.photo.path else [])

    def close(self) -> None:
        """Before the window's jobs end."""
        self.picks.close()

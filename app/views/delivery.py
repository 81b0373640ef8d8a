"""The export's part of the window: the actions, the dialog, the queue window, and its line in the status bar."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMainWindow, QPushButton

from app.language import tr
from app.viewmodels.desk import Desk
from app.viewmodels.library import LibraryChange
from app.viewmodels.state import Change
from app.views.actions import Actions
from app.views.queue_window import QueueWindow


class Delivery(QObject):
    """Makes the actions and windows; the main window places them."""

    def __init__(self, desk: Desk, actions: Actions, window: QMainWindow) -> None:
        super().__init__(window)
        self.desk, self.queue, self.window = desk, desk.queue, window
        self.export_action = actions.make("export", self.ask)
        self.again_action = actions.make("export_again", self.again)
        self.queue_action = actions.make("export_queue", self.show_queue)
        self.watch_action = actions.make("export_new", lambda: desk.watch(not desk.watching), checkable=True)
        self.actions = (self.export_action, self.again_action, self.watch_action, self.queue_action)
        self.button = QPushButton()
        self.button.setProperty("role", "flat")
        self.button.setToolTip(tr("Show the export queue"))
        self.button.clicked.connect(self.show_queue)
        self._shown: QueueWindow | None = None
        self.queue.changed.connect(self._refresh)
        desk.library.changed.connect(self._follow)
        desk.photo.changed.connect(self._follow)
        self._refresh()
        self._follow(Change.PHOTO)

    def ask(self) -> None:
        """Ask which recipes, then queue the chosen photos."""
        from app.views.recipes_dialog import RecipesDialog

        frames = self.desk.chosen_frames
        if not frames:
            return
        recipes, trouble = self.queue.recipes()
        if trouble:
            self.desk.photo.say(trouble)
        dialog = RecipesDialog(frames, recipes, self.queue.chosen(), self.window)
        if dialog.exec():
            self.queue.keep(dialog.recipes, [recipe.name for recipe in dialog.chosen])
            self.desk.deliver(dialog.chosen)

    def again(self) -> None:
        """Queue the chosen photos with the recipes of the last time; ask if there are none."""
        recipes, names = self.queue.recipes()[0], self.queue.chosen()
        chosen = [recipe for recipe in recipes if recipe.name in names]
        if chosen:
            self.desk.deliver(chosen)
        else:
            self.ask()

    def show_queue(self) -> None:
        if self._shown is None:
            self._shown = QueueWindow(self.queue, self.window)
        self.queue.wake()
        self._shown.show()
        self._shown.raise_()

    def _refresh(self) -> None:
        text = self.queue.summary
        if self.queue.problem is not None:
            text = self.queue.problem.message
        self.button.setText(text)
        self.button.setVisible(bool(text))

    def _follow(self, _: LibraryChange | Change) -> None:
        some = self.desk.can_deliver
        for action in (self.export_action, self.again_action):
            action.setEnabled(some)
        self.watch_action.setEnabled(self.desk.library.folder is not None)
        self.watch_action.setChecked(self.desk.watching)

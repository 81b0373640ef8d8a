"""The library's part of the window: filmstrip, grid, filter bar, and the actions of the menu Photo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFileDialog, QLabel, QMainWindow, QMenu, QPushButton, QVBoxLayout, QWidget

from app.language import tr
from app.viewmodels.desk import Desk
from app.viewmodels.library import Filter, LibraryChange, View
from app.views.actions import Actions
from app.views.filter_bar import FilterBar
from app.views.frame_list import Filmstrip, Grid
from engine.library.xmp import Flag, Label

LABEL_ACTIONS = {label: f"label_{label.value.lower()}" for label in Label if label}
FLAG_ACTIONS = {Flag.PICK: "flag_pick", Flag.REJECT: "flag_reject", Flag.NONE: "flag_none"}
WAYS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End)
FILTER_ACTIONS: dict[str, dict[str, object]] = {
    **{f"only_stars_{stars}": {"stars": stars} for stars in range(1, 6)},
    **{f"only_{id}": {"label": label} for label, id in LABEL_ACTIONS.items()},
    **{f"only_{id}": {"flag": flag} for flag, id in FLAG_ACTIONS.items()},
}
"""Action → what it filters by."""


class Shoot(QObject):
    """Makes the widgets; the window places them."""

    changed = Signal()
    """`page` may be another widget now."""

    def __init__(self, desk: Desk, actions: Actions, window: QMainWindow) -> None:
        super().__init__(window)
        self.desk, self.library, self.actions, self.window = desk, desk.library, actions, window
        self.strip = Filmstrip(self.library, desk.thumbnails)
        self.grid = QWidget()
        self.frames = Grid(self.library, desk.thumbnails)
        self.hidden = _Nothing(
            tr("No photo matches"),
            tr("The filter below hides all photos of this folder."),
            tr("Show All"),
            lambda: self.library.set_filter(Filter()),
        )
        self.empty = _Nothing(
            tr("No photos here"),
            tr("Neither this folder nor its subfolders hold any."),
            tr("Open Folder…"),
            self.ask_folder,
        )
        self.grid.setFocusProxy(self.frames)
        column = QVBoxLayout(self.grid)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.frames)
        column.addWidget(self.hidden)
        column.addWidget(self.empty)
        self.strip_wanted = True
        self._make_actions()
        self.bar = FilterBar(self.library, self.deep_action)
        self._make_menus()
        for view in (self.strip, self.frames):
            view.activated_frame.connect(desk.show)
            view.menu = self.photo_menu
        self.library.changed.connect(self._refresh)
        self._refresh(LibraryChange.LIST | LibraryChange.VIEW)

    @property
    def page(self) -> QWidget | None:
        """The grid, if it is wanted and there is anything in it, or a folder that holds nothing."""
        return self.grid if self.library.view is View.GRID and (self.library.frames or self.library.empty) else None

    def key(self, event: QKeyEvent) -> bool:
        """Keys that no focused widget wanted go through the frames as in the filmstrip, with Shift selecting them.
        Returns: whether it was one of ours."""
        other = event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier)
        if Qt.Key(event.key()) not in WAYS or other or not self.library.frames:
            return False
        self.strip.keyPressEvent(event)
        return True

    # --- construction -------------------------------------------------------------------------------------------------

    def _make_actions(self) -> None:
        library, desk, make = self.library, self.desk, self.actions.make
        culling = library.culling
        self.open_folder = make("open_folder", self.ask_folder)
        self.grid_action = make("grid", lambda: library.set_view(View.GRID))
        self.single_action = make("single", desk.show)
        self.next_action = make("next_photo", lambda: library.step(1))
        self.previous_action = make("previous_photo", lambda: library.step(-1))
        self.all_action = make("select_all", library.select_all)
        self.deep_action = make("subfolders", lambda: library.set_deep(not library.deep), checkable=True)
        self.deep_action.setIconText(tr("Subfolders"))
        self.strip_action = make("filmstrip", self._toggle_strip, checkable=True)
        self.strip_action.setChecked(True)
        self.star_actions = [make(f"stars_{n}", partial(culling.set_stars, n)) for n in range(6)]
        self.label_actions = {label: make(id, partial(culling.set_label, label)) for label, id in LABEL_ACTIONS.items()}
        self.flag_actions = {flag: make(id, partial(culling.set_flag, flag)) for flag, id in FLAG_ACTIONS.items()}
        self.every_action = make("all", lambda: library.set_filter(Filter()))
        self.filter_actions = {
            id: make(id, partial(self._toggle_filter, values), checkable=True) for id, values in FILTER_ACTIONS.items()
        }
        self._needing_frames = [
            *(self.every_action, *self.filter_actions.values()),
            *(self.grid_action, self.single_action, self.next_action, self.previous_action, self.all_action),
            *self.star_actions,
            *self.label_actions.values(),
            *self.flag_actions.values(),
        ]

    def _make_menus(self) -> None:
        self.photo_menu = QMenu(tr("&Photo"), self.window)
        self.photo_menu.addActions([self.grid_action, self.single_action, self.next_action, self.previous_action])
        self.photo_menu.addSeparator()
        stars = self.photo_menu.addMenu(tr("Stars"))
        stars.addActions(self.star_actions)
        labels = self.photo_menu.addMenu(tr("Colour Label"))
        labels.addActions(list(self.label_actions.values()))
        self.photo_menu.addActions(list(self.flag_actions.values()))
        only = self.photo_menu.addMenu(tr("Filter"))
        only.addActions([self.every_action, *self.filter_actions.values()])
        self.photo_menu.addSeparator()
        self.photo_menu.addActions([self.all_action, self.deep_action, self.strip_action])
        self.recent_menu = QMenu(tr("Open Recent"), self.window)
        self.recent_menu.aboutToShow.connect(self._fill_recent)

    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        for folder in self.desk.place.recent:
            action = self.recent_menu.addAction(str(folder))
            action.triggered.connect(partial(self.desk.open, [folder]))
            action.setEnabled(folder.is_dir())
        if self.recent_menu.isEmpty():
            self.recent_menu.addAction(tr("No folder yet")).setEnabled(False)

    # --- showing and doing --------------------------------------------------------------------------------------------

    def ask_folder(self) -> None:
        """Choose a folder in a dialog."""
        start = str(self.library.folder or "")
        folder = QFileDialog.getExistingDirectory(self.window, tr("Open folder"), start)
        if folder:
            self.desk.open([Path(folder)])

    def _toggle_filter(self, values: dict[str, object]) -> None:
        """Show only these, or all again."""
        own = {name: getattr(self.library.filter, name) for name in values}
        wanted = {name: getattr(Filter(), name) for name in values} if own == values else values
        self.library.set_filter(replace(self.library.filter, **wanted))

    def _toggle_strip(self) -> None:
        self.strip_wanted = not self.strip_wanted
        self._refresh(LibraryChange.VIEW)

    def _refresh(self, change: LibraryChange) -> None:
        library = self.library
        if change & (LibraryChange.LIST | LibraryChange.VIEW | LibraryChange.FILTER | LibraryChange.CURRENT):
            some = bool(library.frames)
            grid = library.view is View.GRID
            focused = self.window.focusWidget()
            keys = focused is not None and self.grid.isAncestorOf(focused)
            self.bar.setVisible(some)
            self.strip.setVisible(some and self.strip_wanted and not grid)
            self.frames.setVisible(bool(library.shown))
            self.hidden.setVisible(some and not library.shown)
            self.empty.setVisible(library.empty)
            if keys:  # what goes takes the keys with it
                (self.frames if library.shown else self.hidden if some else self.empty).setFocus()
            self.strip_action.setChecked(self.strip_wanted)
            self.deep_action.setChecked(library.deep)
            self.deep_action.setEnabled(library.folder is not None)
            for id, action in self.filter_actions.items():
                action.setChecked(all(getattr(library.filter, n) == v for n, v in FILTER_ACTIONS[id].items()))
            for action in self._needing_frames:
                action.setEnabled(some)
            self.changed.emit()


class _Nothing(QWidget):
    """What stands in place of the grid where it shows nothing: why, and what to do."""

    def __init__(self, what: str, why: str, way_out: str, go: Callable[[], None]) -> None:
        super().__init__()
        self.setObjectName("nothing")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)  # the canvas goes on here
        title, lead = QLabel(what), QLabel(why)
        title.setProperty("role", "title")
        lead.setProperty("role", "lead")
        button = QPushButton(way_out)
        self.setFocusProxy(button)
        button.clicked.connect(lambda: go())
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addStretch(5)
        for widget in (title, lead, button):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(6)

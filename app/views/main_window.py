"""The main window: menus and shortcuts, the canvas in the middle, faces and strengths to the right."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, qVersion
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QKeyEvent,
    QKeySequence,
    QMoveEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QMessageBox,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.language import tr
from app.viewmodels.compare import CompareModel, Mode
from app.viewmodels.desk import Desk
from app.viewmodels.photo import PhotoModel
from app.viewmodels.settings import SettingsModel
from app.viewmodels.shortcuts import Shortcuts
from app.viewmodels.state import Change, Stage
from app.views import theme
from app.views.actions import Actions
from app.views.adjust import Adjust
from app.views.banner import Banner
from app.views.canvas import Canvas
from app.views.delivery import Delivery
from app.views.empty import EmptyState
from app.views.learn import Learn
from app.views.parts import room_of, take_room
from app.views.shoot import Shoot
from app.views.status import StatusBar
from app.views.toolbar import Toolbar

if TYPE_CHECKING:
    from app.views.settings_window import SettingsWindow

SMALLEST = QSize(944, 600)
"""Fits half a Full HD screen with its frame."""
PANEL_WIDTH = 308
WIDE_SHARE, WIDEST = 0.36, 720
"""Of the window, and in logical pixels at most: the panel while it shows pictures to choose from."""
MODE_ACTIONS = {
    Mode.AFTER: "mode_after",
    Mode.WIPE: "mode_wipe",
    Mode.SIDE: "mode_side",
    Mode.STACKED: "mode_stacked",
}


class MainWindow(QMainWindow):
    """Shows one `PhotoModel`; everything it can do is an action with a shortcut."""

    def __init__(self, photo: PhotoModel, settings: SettingsModel | None = None) -> None:
        super().__init__()
        self.photo = photo
        self.settings = settings or SettingsModel(parent=self)
        self.shortcuts = Shortcuts(self.settings, self)
        self._settings_window: SettingsWindow | None = None
        self.restarting = False
        """Closed only to be opened again."""
        self.settings.changed.connect(self._settle)
        self.actions_made = Actions(self.shortcuts, self)
        self.compare = CompareModel(self)
        self.desk = Desk(photo, self.compare, self.settings, self)
        self.shoot = Shoot(self.desk, self.actions_made, self)
        self.delivery = Delivery(self.desk, self.actions_made, self)
        self.learn = Learn(self.desk, self.actions_made, self.settings, self)
        self.export_action = self.delivery.export_action
        self.setWindowTitle("Porelight")
        self.setAcceptDrops(True)
        self.resize(1440, 900)
        self.setMinimumSize(SMALLEST.boundedTo(room_of(self)))
        self._make_actions()
        self.adjust = Adjust(self.desk, self.compare, self.actions_made, self)
        self.adjust.history.kept.connect(self._focus_photo)
        self.learn.watch(self.adjust.variations)
        self.strengths, self.faces = self.adjust.strengths, self.adjust.faces
        self.canvas = Canvas(photo, self.compare, self.adjust.tools)
        self.empty = EmptyState(lambda: self.desk.place.recent, self.shortcuts)
        self.banner = Banner(photo)
        self.status = StatusBar(photo, self.compare, self.delivery.button)
        self.toolbar = Toolbar(
            self.mode_actions,
            (self.open_action, self.undo_action, self.redo_action),
            (self.marks_action, self.fit_action, self.full_action),
        )
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.canvas)
        self.stack.addWidget(self.shoot.grid)
        self.empty.wanted.connect(self.ask_open)
        self.empty.chosen.connect(lambda folder: self.desk.open([folder]))
        self.empty.folder_wanted.connect(self.shoot.ask_folder)
        self.banner.acted.connect(self._act)
        self._lay_out()
        self._make_menus()
        photo.changed.connect(self._refresh)
        self.compare.changed.connect(self._refresh_view_actions)
        self.shoot.changed.connect(self._show_page)
        self.desk.library.changed.connect(lambda _: self._refresh(Change.JOB))
        self.desk.returned.connect(self.close)
        self.shortcuts.begun.connect(photo.say)
        self._refresh(Change.PHOTO | Change.EDITS | Change.JOB)
        self._refresh_view_actions()

    # --- construction -------------------------------------------------------------------------------------------------

    def _make_actions(self) -> None:
        photo, compare, make = self.photo, self.compare, self.actions_made.make
        self.open_action = make("open", self.ask_open)
        self.save_action = make("save_back", self.desk.save_back)
        self.save_action.setVisible(False)
        self.settings_action = make("settings", self.ask_settings)
        self.shortcuts_action = make("shortcuts", self.show_shortcuts)
        self.about_action = make("about", self.show_about)
        self.quit_action = make("quit", self.close)
        self.undo_action = make("undo", self.desk.undo.undo)
        self.redo_action = make("redo", self.desk.undo.redo)
        self.reset_action = make("reset", photo.reset)
        self.retouch_action = make("retouch", photo.retouch)
        self.cancel_action = make("cancel", photo.cancel)
        self.marks_action = make("marks", lambda: compare.show_marks(not compare.marks), checkable=True)
        self.fit_action = make("fit", compare.fit)
        self.full_action = make("full", lambda: compare.zoom_to(1.0))
        self.toggle_zoom_action = make("toggle_zoom", lambda: compare.toggle_zoom(self._cursor()))
        self.zoom_in_action = make("zoom_in", lambda: self._zoom(1.25))
        self.zoom_out_action = make("zoom_out", lambda: self._zoom(0.8))
        self.mode_actions = {
            mode: make(id, partial(compare.toggle, mode), checkable=True) for mode, id in MODE_ACTIONS.items()
        }

    def _make_menus(self) -> None:
        bar = self.menuBar()
        file, edit, view = (QMenu(name, self) for name in (tr("&File"), tr("&Edit"), tr("&View")))
        help = QMenu(tr("&Help"), self)
        settings, tools = self.adjust.settings_menu, self.adjust.tools_menu
        for menu in (file, edit, self.shoot.photo_menu, settings, tools, view, self.learn.menu, help):
            bar.addMenu(menu)
        file.addActions([self.open_action, self.shoot.open_folder])
        file.addMenu(self.shoot.recent_menu)
        file.addSeparator()
        file.addAction(self.save_action)
        file.addActions(list(self.delivery.actions))
        file.addSeparator()
        file.addActions([self.settings_action, self.quit_action])
        help.addActions([self.shortcuts_action, self.about_action])
        edit.addActions([self.undo_action, self.redo_action])
        edit.addSeparator()
        edit.addActions([self.reset_action])
        edit.addSeparator()
        edit.addActions([self.retouch_action, self.cancel_action])
        view.addActions(list(self.mode_actions.values()))
        view.addSeparator()
        view.addAction(self.marks_action)
        view.addMenu(self.adjust.overlay_menu)
        view.addAction(self.adjust.loupe_action)
        view.addSeparator()
        view.addActions([self.fit_action, self.adjust.fill_action, self.full_action, self.adjust.face_action])
        view.addAction(self.toggle_zoom_action)
        view.addActions([self.zoom_in_action, self.zoom_out_action])
        view.addSeparator()
        view.addMenu(self.adjust.display_menu)

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(0)
        left.addWidget(self.toolbar)
        self._strips = QVBoxLayout()
        left.addLayout(self._strips)
        self.add_strip(self.learn.strip)
        left.addWidget(self.banner)
        left.addWidget(self.stack, 1)
        across = QHBoxLayout()
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        across.addLayout(left, 1)
        across.addWidget(self._make_panel())
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(across, 1)
        column.addWidget(self.shoot.bar)
        column.addWidget(self.shoot.strip)
        column.addWidget(self.status)
        self.setCentralWidget(whole)

    def _make_panel(self) -> QFrame:
        self.panel = panel = QFrame()
        panel.setObjectName("panel")
        self._fit_panel()
        self.adjust.pages.currentChanged.connect(lambda _: self._fit_panel())
        self.main_button = QPushButton(tr("Export…"))
        self.main_button.setProperty("role", "primary")
        self.main_button.clicked.connect(lambda: self._main_action().trigger())
        column = QVBoxLayout(panel)
        column.setContentsMargins(1, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.adjust.tabs)
        column.addWidget(self.adjust.pages, 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(16, 10, 16, 14)
        foot.addWidget(self.main_button)
        column.addLayout(foot)
        return panel

    def _fit_panel(self) -> None:
        wide = min(round(WIDE_SHARE * self.width()), WIDEST) if self.adjust.shows_pictures else 0
        self.panel.setFixedWidth(max(PANEL_WIDTH, wide))

    def add_strip(self, strip: QWidget) -> None:
        """Show a strip between toolbar and picture."""
        self._strips.addWidget(strip)

    # --- showing ------------------------------------------------------------------------------------------------------

    def _refresh(self, change: Change) -> None:
        photo = self.photo
        if Change.PHOTO in change:
            self.setWindowTitle(tr("{name} — Porelight", name=photo.path.name) if photo.path else "Porelight")
            self._show_page()
        proposed = photo.stage is Stage.PROPOSED
        back, forward = self.desk.undo.back, self.desk.undo.forward
        self.undo_action.setEnabled(back is not None)
        self.redo_action.setEnabled(forward is not None)
        self.actions_made.tip("undo", tr("Undo {undo_label}", undo_label=back.label if back else "").strip())
        self.actions_made.tip("redo", tr("Redo {redo_label}", redo_label=forward.label if forward else "").strip())
        self.reset_action.setEnabled(proposed and self.desk.adjusting)
        handed = photo.path in self.desk.handed
        self.save_action.setVisible(handed)
        self.save_action.setEnabled(handed and proposed and not photo.busy)
        self.retouch_action.setEnabled(photo.stage is Stage.OPEN and not photo.busy)
        self.cancel_action.setEnabled(photo.busy)
        loaded = photo.stage in (Stage.OPEN, Stage.PROPOSED)
        for action in (self.fit_action, self.full_action, self.toggle_zoom_action):
            action.setEnabled(loaded)
        for action in (*self.mode_actions.values(), self.marks_action):
            action.setEnabled(proposed)
        main = self._main_action()
        self.main_button.setText(main.text())
        self.main_button.setEnabled(main.isEnabled())

    def _show_page(self) -> None:
        """The grid, the photo, a bare canvas where the banner says why there is none, or the invitation."""
        nothing = self.photo.stage is Stage.EMPTY and self.desk.library.current is None
        photo = self.empty if nothing else self.canvas
        page = self.shoot.page or photo
        self._fit_panel()
        if page is not self.stack.currentWidget():
            self.stack.setCurrentWidget(page)
            page.setFocus()

    def _focus_photo(self) -> None:
        """The keys are the photo's, or the grid's, again."""
        if (page := self.stack.currentWidget()) is not None:
            page.setFocus()

    def _keys_in_panel(self) -> bool:
        """Whether keys move or change something in the panel; a button there only has the focus of its click."""
        focused = self.focusWidget()
        return focused is not None and self.panel.isAncestorOf(focused) and not isinstance(focused, QAbstractButton)

    def _refresh_view_actions(self) -> None:
        for mode, action in self.mode_actions.items():
            action.setChecked(mode is self.compare.mode)
        self.marks_action.setChecked(self.compare.marks)

    # --- doing --------------------------------------------------------------------------------------------------------

    def ask_open(self) -> None:
        """Choose photos in a dialog."""
        from engine.imageio.read import supported_suffixes  # not when the window opens

        folder = str(self.photo.path.parent) if self.photo.path else ""
        patterns = " ".join(f"*{suffix}" for suffix in sorted(supported_suffixes()))
        paths, _ = QFileDialog.getOpenFileNames(
            self,
            tr("Open photos"),
            folder,
            tr("Photos ({patterns} {upper});;All files (*)", patterns=patterns, upper=patterns.upper()),
        )
        self.desk.open([Path(path) for path in paths])

    def _main_action(self) -> QAction:
        """What the large button does."""
        if self.photo.stage is Stage.OPEN and not self.photo.busy:
            return self.retouch_action
        return self.save_action if self.photo.path in self.desk.handed else self.export_action

    def _act(self, action: str) -> None:
        {"open": self.ask_open, "retouch": self.photo.retouch, "export": self.delivery.ask}[action]()

    def ask_settings(self, section: int = 0) -> None:
        """Open the settings, or bring them forward."""
        if self._settings_window is None:
            from app.views.settings_window import SettingsWindow

            self._settings_window = SettingsWindow(self.settings, self.shortcuts, self)
            self._settings_window.restart_wanted.connect(self._restart)
        self._settings_window.sections.setCurrentRow(section)
        self._settings_window.show()
        self._settings_window.raise_()
        self._settings_window.activateWindow()
        self._settings_window.search.setFocus()

    def _restart(self) -> None:
        self.restarting = True
        self.close()

    def show_shortcuts(self) -> None:
        """The cheat sheet."""
        from app.viewmodels.preferences import SECTIONS, SHORTCUTS
        from app.views.cheat_sheet import CheatSheet

        edit = QPushButton(tr("Change Shortcuts…"))
        edit.clicked.connect(lambda: self.ask_settings(SECTIONS.index(SHORTCUTS)))
        CheatSheet(self.shortcuts, edit, self).open()

    def show_about(self) -> None:
        """Version and licence."""
        from engine.report import porelight_version

        text = tr("Porelight {version}, with Qt {qt}", version=porelight_version(), qt=qVersion())
        more = tr("Apache License 2.0. Photos and picks stay on this computer.")
        box = QMessageBox(QMessageBox.Icon.NoIcon, tr("About Porelight"), text, parent=self)
        box.setInformativeText(more)
        box.open()

    def _settle(self, names: frozenset[str]) -> None:
        application = QApplication.instance()
        if "theme" in names and isinstance(application, QApplication):
            theme.apply(application, self.settings.values.theme)

    def _zoom(self, factor: float) -> None:
        width, height = self.compare.pane_size
        self.compare.zoom(factor, (width / 2, height / 2))

    def _cursor(self) -> tuple[float, float] | None:
        """The cursor on the canvas, in device pixels."""
        if not self.canvas.underMouse():
            return None
        at, ratio = self.canvas.mapFromGlobal(self.cursor().pos()), self.canvas.devicePixelRatioF()
        return at.x() * ratio, at.y() * ratio

    def lie_as_left(self) -> None:
        """Lie on the screen as when the window was used last; at first as large as is useful and fits."""
        before = QByteArray.fromBase64(self.desk.place.window.encode())
        if before.isEmpty() or not self.restoreGeometry(before):
            take_room(self, self.width(), self.height())

    def _remember(self) -> None:
        """Note how the window lies."""
        if self.isVisible():
            self.desk.place.keep(window=bytes(self.saveGeometry().toBase64().data()).decode())

    # --- events -------------------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and not event.isAutoRepeat():
            self.shortcuts.pressed(QKeySequence(event.keyCombination()).toString())
            if event.key() == Qt.Key.Key_Escape and self._keys_in_panel():
                event.accept()  # the keys go back to the photo; nothing that runs is cancelled by that
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.actions_made.holds("original", event):
            if not event.isAutoRepeat():
                self.compare.hold(True)
            return
        if event.key() == Qt.Key.Key_Escape:
            if not self._keys_in_panel():
                self.adjust.tools.put_away()
            self._focus_photo()
        elif not self.shoot.key(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if self.actions_made.holds("original", event):
            if not event.isAutoRepeat():
                self.compare.hold(False)
            return
        self.shortcuts.released(QKeySequence(event.keyCombination()).toString())
        super().keyReleaseEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() is QEvent.Type.ActivationChange:
            if self.isActiveWindow():
                self.desk.library.rescan()
                self.adjust.display.refresh()
            else:
                self.compare.hold(False)
        elif event.type() is QEvent.Type.WindowStateChange:
            self._remember()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_panel()
        self._remember()

    def moveEvent(self, event: QMoveEvent) -> None:
        super().moveEvent(event)
        self._remember()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not event.spontaneous():
            self.windowHandle().screenChanged.connect(lambda _: self.adjust.display.refresh())
        self.stack.setFocus()  # no button looks chosen before the person chose one

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = _dropped(event)
        if paths:
            event.acceptProposedAction()
            self.desk.open(paths)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.hide()
        self.desk.close()
        self.learn.close()
        self.photo.close()
        self.desk.queue.release()
        super().closeEvent(event)


def _dropped(event: QDropEvent) -> list[Path]:
    """The local files and folders that are dropped."""
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]

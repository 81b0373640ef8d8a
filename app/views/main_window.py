"""The main window: menus and shortcuts, the canvas in the middle, faces and strengths to the right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.viewmodels.compare import CompareModel, Mode
from app.viewmodels.desk import Desk
from app.viewmodels.photo import PhotoModel
from app.viewmodels.state import Change, Stage
from app.views.adjust import Adjust
from app.views.banner import Banner
from app.views.canvas import Canvas
from app.views.delivery import Delivery
from app.views.empty import EmptyState
from app.views.shoot import Shoot
from app.views.status import StatusBar
from app.views.toolbar import Toolbar

PANEL_WIDTH = 308
PATTERNS = (
    "*.jpg *.jpeg *.png *.tif *.tiff *.webp *.heic *.heif *.dng *.cr2 *.cr3 *.nef *.nrw *.arw *.raf *.orf *.rw2 *.pef "
    "*.srw *.3fr *.fff *.iiq *.x3f"
)


class MainWindow(QMainWindow):
    """Shows one `PhotoModel`; everything it can do is an action with a shortcut."""

    def __init__(self, photo: PhotoModel, compare: CompareModel | None = None) -> None:
        super().__init__()
        self.photo = photo
        self.compare = compare or CompareModel(self)
        self.desk = Desk(photo, self.compare, self)
        self.shoot = Shoot(self.desk, self)
        self.delivery = Delivery(self.desk, self)
        self.export_action = self.delivery.export_action
        self.setWindowTitle("Porelight")
        self.setAcceptDrops(True)
        self.resize(1440, 900)
        self.setMinimumSize(1060, 600)
        self._make_actions()
        self.adjust = Adjust(self.desk, self.compare, self)
        self.strengths, self.faces = self.adjust.strengths, self.adjust.faces
        self.canvas = Canvas(photo, self.compare, self.adjust.tools)
        self.empty = EmptyState()
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
        self.banner.acted.connect(self._act)
        self._lay_out()
        self._make_menus()
        photo.changed.connect(self._refresh)
        self.compare.changed.connect(self._refresh_view_actions)
        self.shoot.changed.connect(self._show_page)
        self.desk.library.changed.connect(lambda _: self._refresh(Change.JOB))
        self.desk.returned.connect(self.close)
        self._refresh(Change.PHOTO | Change.EDITS | Change.JOB)
        self._refresh_view_actions()

    # --- construction -------------------------------------------------------------------------------------------------

    def _make_actions(self) -> None:
        photo, compare = self.photo, self.compare
        self.open_action = self._action("Open…", self.ask_open, QKeySequence.StandardKey.Open, "Open a photo")
        self.save_action = self._action("Save and Return", self.desk.save_back, QKeySequence.StandardKey.Save)
        self.save_action.setVisible(False)
        self.quit_action = self._action("Quit", self.close, QKeySequence.StandardKey.Quit)
        self.undo_action = self._action("Undo", photo.undo, QKeySequence.StandardKey.Undo)
        self.redo_action = self._action("Redo", photo.redo, QKeySequence.StandardKey.Redo)
        self.reset_action = self._action("Reset Strengths and Marks", photo.reset, "Ctrl+Shift+R")
        self.retouch_action = self._action("Retouch", photo.retouch, "Ctrl+R", "Find faces and propose a retouch")
        self.cancel_action = self._action("Cancel", photo.cancel, "Esc")
        self.marks_action = self._action(
            "Marks", lambda: compare.show_marks(not compare.marks), "O", "Outline marks; a click keeps or removes one"
        )
        self.marks_action.setCheckable(True)
        self.fit_action = self._action("Fit", compare.fit, "Ctrl+0", "Show the whole photo")
        self.full_action = self._action(
            "100%", lambda: compare.zoom_to(1.0), "Ctrl+1", "One photo pixel per screen pixel"
        )
        self.toggle_zoom_action = self._action("Toggle Zoom", lambda: compare.toggle_zoom(self._cursor()), "Z")
        self.zoom_in_action = self._action("Zoom In", lambda: self._zoom(1.25), QKeySequence.StandardKey.ZoomIn)
        self.zoom_out_action = self._action("Zoom Out", lambda: self._zoom(0.8), QKeySequence.StandardKey.ZoomOut)
        self.mode_actions: dict[Mode, QAction] = {}
        keys = {Mode.AFTER: "", Mode.WIPE: "Shift+Y", Mode.SIDE: "Y", Mode.STACKED: "Alt+Y"}
        names = {Mode.AFTER: "After", Mode.WIPE: "Wipe", Mode.SIDE: "Side by Side", Mode.STACKED: "Stacked"}
        for mode, key in keys.items():
            tip = f"{names[mode]} ({key})" if key else "Only the result. Hold \\ for the original."
            action = self._action(names[mode], self._mode_setter(mode), key, tip)
            action.setCheckable(True)
            self.mode_actions[mode] = action

    def _mode_setter(self, mode: Mode) -> Callable[[], None]:
        return lambda: self.compare.toggle(mode)

    def _action(
        self,
        text: str,
        do: Callable[..., object],
        key: str | QKeySequence.StandardKey = "",
        tip: str = "",
    ) -> QAction:
        action = QAction(text, self)
        if key:
            action.setShortcut(QKeySequence(key))
        shortcut = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        tip = tip or text
        action.setToolTip(tip if "(" in tip or not shortcut else f"{tip} ({shortcut})")
        action.triggered.connect(lambda *_: do())
        return action

    def _make_menus(self) -> None:
        bar = self.menuBar()
        file, edit, view = (QMenu(name, self) for name in ("&File", "&Edit", "&View"))
        for menu in (file, edit, self.shoot.photo_menu, self.adjust.settings_menu, self.adjust.tools_menu, view):
            bar.addMenu(menu)
        file.addActions([self.open_action, self.shoot.open_folder])
        file.addMenu(self.shoot.recent_menu)
        file.addSeparator()
        file.addAction(self.save_action)
        file.addActions(list(self.delivery.actions))
        file.addSeparator()
        file.addAction(self.quit_action)
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
        panel = QFrame()
        panel.setObjectName("panel")
        panel.setFixedWidth(PANEL_WIDTH)
        self.main_button = QPushButton("Export…")
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

    # --- showing ------------------------------------------------------------------------------------------------------

    def _refresh(self, change: Change) -> None:
        photo = self.photo
        if Change.PHOTO in change:
            self.setWindowTitle(f"{photo.path.name} — Porelight" if photo.path else "Porelight")
            self._show_page()
        proposed = photo.stage is Stage.PROPOSED
        self.undo_action.setEnabled(proposed and bool(photo.history.undo_label))
        self.redo_action.setEnabled(proposed and bool(photo.history.redo_label))
        self.undo_action.setToolTip(f"Undo {photo.history.undo_label}".strip())
        self.redo_action.setToolTip(f"Redo {photo.history.redo_label}".strip())
        self.reset_action.setEnabled(proposed)
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
        """The grid, the photo or, where there is neither, the invitation."""
        photo = self.empty if self.photo.stage is Stage.EMPTY else self.canvas
        self.stack.setCurrentWidget(self.shoot.page or photo)

    def _refresh_view_actions(self) -> None:
        for mode, action in self.mode_actions.items():
            action.setChecked(mode is self.compare.mode)
        self.marks_action.setChecked(self.compare.marks)

    # --- doing --------------------------------------------------------------------------------------------------------

    def ask_open(self) -> None:
        """Choose photos in a dialog."""
        folder = str(self.photo.path.parent) if self.photo.path else ""
        paths, _ = QFileDialog.getOpenFileNames(
            self, "Open photos", folder, f"Photos ({PATTERNS} {PATTERNS.upper()});;All files (*)"
        )
        self.desk.open([Path(path) for path in paths])

    def _main_action(self) -> QAction:
        """What the large button does."""
        if self.photo.stage is Stage.OPEN and not self.photo.busy:
            return self.retouch_action
        return self.save_action if self.photo.path in self.desk.handed else self.export_action

    def _act(self, action: str) -> None:
        {"open": self.ask_open, "retouch": self.photo.retouch, "export": self.delivery.ask}[action]()

    def _zoom(self, factor: float) -> None:
        width, height = self.compare.pane_size
        self.compare.zoom(factor, (width / 2, height / 2))

    def _cursor(self) -> tuple[float, float] | None:
        """The cursor on the canvas, in device pixels."""
        if not self.canvas.underMouse():
            return None
        at, ratio = self.canvas.mapFromGlobal(self.cursor().pos()), self.canvas.devicePixelRatioF()
        return at.x() * ratio, at.y() * ratio

    # --- events -------------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Backslash:
            if not event.isAutoRepeat():
                self.compare.hold(True)
            return
        if not self.shoot.key(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Backslash:
            if not event.isAutoRepeat():
                self.compare.hold(False)
            return
        super().keyReleaseEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() is QEvent.Type.ActivationChange:
            if self.isActiveWindow():
                self.desk.library.rescan()
            else:
                self.compare.hold(False)
        super().changeEvent(event)

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
        self.photo.close()
        self.desk.queue.release()
        super().closeEvent(event)


def _dropped(event: QDropEvent) -> list[Path]:
    """The local files and folders that are dropped."""
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]

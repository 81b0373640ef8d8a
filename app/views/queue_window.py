"""The export queue: what runs, what waits, what failed and why, with everything that may be done about it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QMimeData, QModelIndex, Qt, QUrl
from PySide6.QtGui import QColor, QDesktopServices, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.language import said, tr
from app.viewmodels.queue import QueueModel
from app.views import theme
from app.views.parts import Index, Rows, button, say, table, take_room, thin_bar, words
from engine.delivery.ledger import AGAIN, OPEN, Entry, State

DRAGGED = "application/x-porelight-jobs"
COLUMNS = (tr("Photo"), tr("Recipes"), tr("State"))
STATES = {
    State.WAITING: tr("Waiting"),
    State.RUNNING: tr("Exporting"),
    State.DONE: tr("Exported"),
    State.SKIPPED: tr("Skipped"),
    State.FAILED: tr("Failed"),
    State.CANCELLED: tr("Cancelled"),
}
COLOURS = {State.FAILED: "WARN", State.RUNNING: "ACCENT", State.DONE: "TEXT"}


class _Rows(Rows):
    def __init__(self, queue: QueueModel, parent: QWidget) -> None:
        super().__init__(COLUMNS, parent)
        self.queue = queue

    def follow(self) -> None:
        entries = self.queue.entries
        if [each.id for each in entries] == [each.id for each in self.items]:
            self.items = entries
            if entries:
                self.dataChanged.emit(self.index(0, 0), self.index(len(entries) - 1, len(COLUMNS) - 1))
            return
        self.put(entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry: Entry = self.items[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return (entry.source.name, ", ".join(said(recipe) for _, _, recipe in entry.files), self._state(entry))[
                index.column()
            ]
        if role == Qt.ItemDataRole.ToolTipRole:
            lines = [str(entry.source), *map(str, entry.outputs), said(entry.reason), said(entry.hint)]
            return "\n".join(line for line in lines if line)
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == len(COLUMNS) - 1:
            return QColor(getattr(theme, COLOURS.get(entry.state, "MUTED")))
        return None

    # Waiting jobs are dragged to another place among those that wait.

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        flags = super().flags(index)
        waiting = self.items[index.row()].state is State.WAITING
        return flags | Qt.ItemFlag.ItemIsDragEnabled if waiting else flags

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [DRAGGED]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        data = QMimeData()
        ids = sorted({self.items[index.row()].id for index in indexes})
        data.setData(DRAGGED, json.dumps(ids).encode())
        return data

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index) -> bool:
        ids = json.loads(bytes(data.data(DRAGGED).data()))
        below = self.items[row:] if row >= 0 else []
        self.queue.put(ids, next((e.id for e in below if e.state is State.WAITING and e.id not in ids), None))
        return True

    def _state(self, entry: Entry) -> str:
        if entry.state is State.RUNNING and self.queue.progress is not None:
            return tr("Exporting, {fraction:.0%}", fraction=self.queue.progress.fraction)
        return f"{STATES[entry.state]}: {said(entry.reason)}" if entry.reason else STATES[entry.state]


class QueueWindow(QDialog):
    """Stays open beside the main window."""

    def __init__(self, queue: QueueModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Export Queue"))
        take_room(self, 860, 520)
        self.queue = queue
        self._followed: tuple[State, int] = (State.WAITING, 0)
        """State and id of the job that was brought into sight last."""
        self.title, self.trouble, self.hint = words("title"), words("warning"), words("muted")
        self.bar = thin_bar(tr("Progress of the export"))
        self.rows = _Rows(queue, self)
        self.table = table(self.rows, tr("Export jobs"), (180, 200))
        self.table.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.table.setDragDropOverwriteMode(False)  # between rows, not onto one
        self.empty = QLabel(tr("Nothing is being exported. Choose photos, then Export."))
        self.empty.setProperty("role", "lead")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.pause = button(tr("Pause"), tr("Stop; the running photo waits again"), role="primary")
        self.up, self.down = button(tr("Up"), tr("Earlier (Alt+Up)")), button(tr("Down"), tr("Later (Alt+Down)"))
        self.cancel = button(tr("Cancel Selected"), tr("Do not export the selected photos (Delete)"))
        self.retry = button(
            tr("Retry Failed"), tr("Export again what failed, or what is selected of it or was cancelled")
        )
        self.show_folder = button(tr("Open Folder"), tr("Show the folder of the selected photo's file"))
        self.clear = button(tr("Clear Finished"), tr("Take finished jobs off this list; their files stay"))
        self._lay_out()
        self._connect()
        self._refresh()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(10)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.pause)
        layout.addLayout(head)
        layout.addWidget(self.bar)
        layout.addWidget(self.trouble)
        layout.addWidget(self.hint)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.empty, 1)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        for each in (self.up, self.down, self.cancel, self.show_folder):
            foot.addWidget(each)
        foot.addStretch(1)
        for each in (self.retry, self.clear):
            foot.addWidget(each)
        layout.addLayout(foot)

    def _connect(self) -> None:
        queue = self.queue
        self.pause.clicked.connect(lambda: queue.resume() if queue.paused else queue.pause())
        self.up.clicked.connect(lambda: queue.move(self.selected(), -1))
        self.down.clicked.connect(lambda: queue.move(self.selected(), 1))
        self.cancel.clicked.connect(lambda: queue.cancel(self.selected()))
        self.retry.clicked.connect(self._retry)
        self.clear.clicked.connect(queue.clear)
        self.show_folder.clicked.connect(self._open_folder)
        for key, each in (("Alt+Up", self.up), ("Alt+Down", self.down), ("Del", self.cancel)):
            QShortcut(QKeySequence(key), self.table, each.click, context=Qt.ShortcutContext.WidgetShortcut)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._enable())
        queue.changed.connect(self._refresh)

    def _retry(self) -> None:
        self.table.setFocus()  # the button is disabled now, and the next one clears the list
        self.queue.retry(self._ended() or None)

    def _ended(self) -> list[int]:
        """Ids of the selected jobs that can be tried again."""
        chosen = set(self.selected())
        return [entry.id for entry in self.rows.items if entry.id in chosen and entry.state in AGAIN]

    def selected(self) -> list[int]:
        """Ids of the selected jobs."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        return [self.rows.items[row].id for row in rows]

    def _refresh(self) -> None:
        if not self.isVisible():
            return
        queue, chosen = self.queue, set(self.selected())
        at = self.table.currentIndex().row()
        current = self.rows.items[at].id if at >= 0 else None
        self.rows.follow()
        if (chosen or current is not None) and self.table.currentIndex().row() < 0:  # other jobs: all of it is gone
            marks = self.table.selectionModel()
            flag = marks.SelectionFlag
            for row, entry in enumerate(self.rows.items):
                if entry.id in chosen:
                    marks.select(self.rows.index(row, 0), flag.Select | flag.Rows)
                if entry.id == current:
                    marks.setCurrentIndex(self.rows.index(row, 0), flag.NoUpdate)
        self.title.setText(queue.summary or tr("Export Queue"))
        self.bar.setValue(round(queue.fraction * 1000))
        self.bar.setVisible(bool(queue.waiting))
        problem = queue.problem
        say(self.trouble, problem.message if problem else "")
        say(self.hint, problem.hint if problem else "")
        self.table.setVisible(bool(queue.entries))
        self.empty.setVisible(not queue.entries)
        self._enable()
        self._follow()

    def _follow(self) -> None:
        """Bring into sight what is being exported, in the end what failed first; not while a person is in the list."""
        wanted = State.RUNNING if self.queue.waiting else State.FAILED
        row, entry = next(((row, e) for row, e in enumerate(self.rows.items) if e.state is wanted), (-1, None))
        place = (wanted, entry.id if entry is not None else 0)
        if place != self._followed and not self.selected() and not self.table.underMouse():
            self.table.scrollTo(self.rows.index(max(row, 0), 0))
        self._followed = place

    def _enable(self) -> None:
        queue, chosen = self.queue, set(self.selected())
        picked = [entry for entry in self.rows.items if entry.id in chosen]
        self.pause.setText(tr("Resume") if queue.paused else tr("Pause"))
        self.pause.setEnabled(bool(queue.waiting) or queue.paused)
        movable = any(entry.state is State.WAITING for entry in picked)
        self.up.setEnabled(movable)
        self.down.setEnabled(movable)
        self.cancel.setEnabled(any(entry.state in OPEN for entry in picked))
        self.show_folder.setEnabled(any(entry.outputs for entry in picked))
        again = self._ended()
        self.retry.setText(tr("Retry Selected") if again else tr("Retry Failed"))
        self.retry.setEnabled(bool(again) or queue.counts[State.FAILED] > 0)
        self.clear.setEnabled(any(entry.state not in OPEN for entry in queue.entries))

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._refresh()

    def _open_folder(self) -> None:
        chosen = set(self.selected())
        for entry in self.rows.items:
            if entry.id in chosen and entry.outputs:
                QDesktopServices.openUrl(QUrl.fromLocalFile(str(entry.outputs[0].parent)))
                return

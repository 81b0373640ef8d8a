"""History and snapshots: every state with its name, shown on the canvas while the mouse or the keys rest on it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.language import tr
from app.viewmodels.photo import PhotoModel
from app.viewmodels.state import Change, Document, Stage
from app.views import theme
from app.views.parts import section


class StateList(QListWidget):
    """Rows that stand for documents. One that the mouse or the keys rest on shows on the canvas."""

    chosen = Signal(int)
    """(row), by Return."""
    left = Signal()
    """The keys went elsewhere."""

    def __init__(self, photo: PhotoModel, name: str) -> None:
        super().__init__()
        self.photo = photo
        self.setAccessibleName(name)
        self.setObjectName("states")
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUniformItemSizes(True)
        self.documents: list[Document] = []
        self.itemEntered.connect(lambda item: photo.preview(self.documents[self.row(item)]))
        self.currentRowChanged.connect(self._moved)

    def _moved(self, row: int) -> None:
        if self.hasFocus():
            self.photo.preview(self.documents[row] if 0 <= row < len(self.documents) else None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentRow() >= 0:
            self.chosen.emit(self.currentRow())
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.photo.preview(None)
        super().focusOutEvent(event)
        self.left.emit()

    def leaveEvent(self, event: QEvent) -> None:
        self.photo.preview(None)
        super().leaveEvent(event)


class SnapshotList(StateList):
    """Delete forgets a snapshot."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        item = self.currentItem()
        if event.key() == Qt.Key.Key_Delete and item is not None:
            self.photo.forget(item.text())
            return
        super().keyPressEvent(event)


class HistoryPanel(QWidget):
    """Two lists."""

    kept = Signal()
    """A snapshot has got its name."""

    def __init__(self, photo: PhotoModel) -> None:
        super().__init__()
        self.photo = photo
        self.entries = StateList(photo, tr("History"))
        self.snapshots = SnapshotList(photo, tr("Snapshots"))
        self.name = QLineEdit()
        self.name.setPlaceholderText(tr("Name of a snapshot"))
        self.name.setAccessibleName(tr("Name of a snapshot"))
        self.keep = QPushButton(tr("Keep"))
        self.keep.setToolTip(tr("Keep the present state under this name"))
        self.restore = QPushButton(tr("Go to"))
        self.forget = QPushButton(tr("Delete"))
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(theme.SPACE)
        column.addWidget(section(tr("Snapshots")))
        line = QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(self.name, 1)
        line.addWidget(self.keep)
        column.addLayout(line)
        self.none = QLabel(tr("A snapshot keeps a state under a name, however far you go on from it."))
        self.none.setProperty("role", "muted")
        self.none.setWordWrap(True)
        column.addWidget(self.none)
        column.addWidget(self.snapshots)
        self.buttons = QWidget()
        buttons = QHBoxLayout(self.buttons)
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.addWidget(self.restore)
        buttons.addWidget(self.forget)
        buttons.addStretch()
        column.addWidget(self.buttons)
        column.addSpacing(theme.SPACE)
        column.addWidget(section(tr("History")))
        column.addWidget(self.entries, 1)
        self.keep.clicked.connect(self._keep)
        self.name.returnPressed.connect(self._keep)
        self.restore.clicked.connect(lambda: self._with_snapshot(photo.restore))
        self.forget.clicked.connect(lambda: self._with_snapshot(photo.forget))
        self.snapshots.itemDoubleClicked.connect(lambda item: photo.restore(item.text()))
        self.snapshots.chosen.connect(lambda row: photo.restore(self.snapshots.item(row).text()))
        self.entries.itemClicked.connect(lambda item: self._go(self.entries.row(item)))
        self.entries.chosen.connect(self._go)
        self.entries.left.connect(lambda: self._refresh(Change.HISTORY))
        photo.changed.connect(self._refresh)
        self._refresh(Change.PHOTO)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() is QEvent.Type.PaletteChange:
            self._refresh(Change.EDITS)
        super().changeEvent(event)

    def _go(self, row: int) -> None:
        self.photo.go(len(self.entries.documents) - 1 - row)

    def _keep(self) -> None:
        self.photo.snapshot(self.name.text().strip())
        self.name.clear()
        self.kept.emit()

    def _with_snapshot(self, do: object) -> None:
        item = self.snapshots.currentItem()
        if item is not None:
            do(item.text())  # type: ignore[operator]

    def _refresh(self, change: Change) -> None:
        if not change & (Change.HISTORY | Change.PHOTO | Change.PROPOSAL | Change.EDITS):
            return
        active = self.photo.stage is Stage.PROPOSED
        self.setEnabled(active)
        history = self.photo.history
        entries = tuple(reversed(history.entries)) if active else ()
        texts = [entry.label or tr("As proposed") for entry in entries]
        if texts != [self.entries.item(row).text() for row in range(self.entries.count())]:
            self.entries.clear()
            self.entries.addItems(texts)
        self.entries.documents = [entry.state for entry in entries]
        here = len(entries) - 1 - history.position
        for row in range(self.entries.count()):
            _mark(self.entries.item(row), row < here)
        self.entries.setCurrentRow(here if active else -1)
        names = sorted(history.snapshots) if active else []
        if names != [self.snapshots.item(row).text() for row in range(self.snapshots.count())]:
            self.snapshots.clear()
            self.snapshots.addItems(names)
        self.snapshots.documents = [history.snapshots[name] for name in names]
        self.snapshots.setFixedHeight(min(max(len(names), 1), 5) * self.snapshots.sizeHintForRow(0) + 4)
        self.none.setVisible(not names)
        self.snapshots.setVisible(bool(names))
        self.buttons.setVisible(bool(names))


def _mark(item: QListWidgetItem, undone: bool) -> None:
    """What is undone stands back, and can still be read: one may go to it."""
    font = item.font()
    font.setItalic(undone)
    item.setFont(font)
    item.setForeground(QColor(theme.MUTED if undone else theme.TEXT))

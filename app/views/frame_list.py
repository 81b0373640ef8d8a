"""Filmstrip and grid: list views of the library's shown frames. Cells are of one size and painted by `FramePainter`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.language import said, tr
from app.viewmodels.labels import FLAG_TITLES, LABEL_TITLES, counted
from app.viewmodels.library import LibraryChange, LibraryModel
from app.viewmodels.thumbnails import Thumbnails
from app.views.frame_painter import FILM, GRID, FramePainter, Look
from engine.library.frames import Frame

Index = QModelIndex | QPersistentModelIndex
NO_INDEX = QModelIndex()
AHEAD = 60
"""Frames around the visible ones whose pictures are made for the cache before they are looked at."""


class FrameList(QAbstractListModel):
    """Rows of `library.shown`; holds no data of its own."""

    def __init__(self, library: LibraryModel, parent: QWidget) -> None:
        super().__init__(parent)
        self.library = library
        self.rows: list[Path] = list(library.shown)

    def follow(self) -> None:
        """Other frames, or another order."""
        self.beginResetModel()
        self.rows = list(self.library.shown)
        self.endResetModel()

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        frame = self.library.frames.get(self.rows[index.row()])
        if frame is None:
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return described(frame, frame.path in self.library.exported)
        if role == Qt.ItemDataRole.ToolTipRole:
            return hint(frame, self.library.failed.get(frame.path, ""), self.library.folder)
        return None


def described(frame: Frame, exported: bool = False) -> str:
    """A frame in words, for screen readers."""
    parts = [frame.path.name]
    if frame.cull.stars:
        parts.append(counted(frame.cull.stars, "star", "stars"))
    parts += [LABEL_TITLES[frame.cull.label]] if frame.cull.label else []
    parts += [FLAG_TITLES[frame.cull.flag]] if frame.cull.flag else []
    parts += [word for word, true in ((tr("edited"), frame.edited), (tr("exported"), exported)) if true]
    if frame.faces:
        parts.append(counted(frame.faces, "face", "faces"))
    return ", ".join(parts)


def hint(frame: Frame, failed: str, folder: Path | None) -> str:
    """Name, from the open folder on, time, and what is wrong."""
    inside = folder is not None and frame.path.is_relative_to(folder)
    lines = [str(frame.path.relative_to(folder)) if inside and folder is not None else frame.path.name]
    if frame.captured:
        date, _, clock = frame.captured.partition(" ")
        lines.append(f"{date.replace(':', '-')} {clock}")
    lines += [line for line in (failed, said(frame.problem), tr("The file is gone.") if frame.missing else "") if line]
    return "\n".join(lines)


class _Delegate(QStyledItemDelegate):
    def __init__(self, painter: FramePainter, parent: FrameView) -> None:
        super().__init__(parent)
        self.painter = painter

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return self.painter.look.cell

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        rows = index.model().rows  # type: ignore[attr-defined]
        hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        self.painter.paint(painter, option.rect, rows[index.row()], hover)


class FrameView(QListView):
    """What filmstrip and grid share."""

    activated_frame = Signal(object)
    """(Path) a frame was double-clicked or Return was pressed."""

    def __init__(self, library: LibraryModel, thumbnails: Thumbnails, look: Look) -> None:
        super().__init__()
        self.library, self.thumbnails = library, thumbnails
        self.menu: QMenu | None = None
        self.frames = FrameList(library, self)
        self.painter_ = FramePainter(library, thumbnails, look)
        self.setModel(self.frames)
        self.setItemDelegate(_Delegate(self.painter_, self))
        self.setUniformItemSizes(True)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setMovement(QListView.Movement.Static)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setMouseTracking(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self._looking = QTimer(self)
        self._looking.setSingleShot(True)
        self._looking.setInterval(30)
        self._looking.timeout.connect(self._look)
        library.changed.connect(self._refresh)
        thumbnails.ready.connect(self._ready)
        for bar in (self.horizontalScrollBar(), self.verticalScrollBar()):
            bar.valueChanged.connect(lambda _: self._looking.start())
            # It keeps its place, so that nothing jumps, and shows a handle only where there is a way to go.
            bar.setEnabled(False)
            bar.rangeChanged.connect(lambda low, high, bar=bar: bar.setEnabled(high > low))

    def _refresh(self, change: LibraryChange) -> None:
        if LibraryChange.LIST in change:
            self.frames.follow()
        if change & (LibraryChange.LIST | LibraryChange.FRAMES):
            self._looking.start()
        if change & (LibraryChange.LIST | LibraryChange.CURRENT | LibraryChange.VIEW) and self.isVisible():
            self._show_current()
        if change & (LibraryChange.LIST | LibraryChange.CURRENT | LibraryChange.SELECTION):
            self.viewport().update()
        elif LibraryChange.FRAMES in change and self.isVisible():
            seen = self.visible_rows()
            for path in self.library.touched:
                if (row := self.library.row(path)) in seen:
                    self.update(self.frames.index(row))

    def _show_current(self) -> None:
        row = self.library.row(self.library.current)
        if row >= 0:
            index = self.frames.index(row)
            self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
            self.reveal(index)

    def reveal(self, index: QModelIndex) -> None:
        self.scrollTo(index, QAbstractItemView.ScrollHint.EnsureVisible)

    def _ready(self, path: Path) -> None:
        self.painter_.forget(path)
        row = self.library.row(path)
        if row >= 0 and self.isVisible():
            self.update(self.frames.index(row))

    def visible_rows(self) -> range:
        """Rows of which something is visible."""
        area = self.viewport().rect().adjusted(4, 4, -4, -4)
        first, last = self.indexAt(area.topLeft()), self.indexAt(area.bottomRight())
        count = len(self.frames.rows)
        if not count:
            return range(0)
        start = first.row() if first.isValid() else 0
        stop = last.row() + 1 if last.isValid() else min(count, start + self._fits())
        return range(start, max(stop, start + 1))

    def _fits(self) -> int:
        """How many cells fit into the view, at most."""
        cell, area = self.painter_.look.cell, self.viewport().size()
        return (area.width() // cell.width() + 2) * (area.height() // cell.height() + 2)

    def _look(self) -> None:
        """Tell the maker of pictures what is seen."""
        if not self.isVisible():
            return
        rows, seen = self.frames.rows, self.visible_rows()

        def keys(some: range) -> list[tuple[Path, tuple[int, ...]]]:
            known = self.library.frames
            return [(rows[r], known[rows[r]].picture) for r in some if rows[r] in known and not known[rows[r]].missing]

        after = range(seen.stop, min(seen.stop + AHEAD, len(rows)))
        before = range(max(seen.start - AHEAD // 2, 0), seen.start)
        self.thumbnails.look_at(keys(seen), [*keys(after), *keys(before)])

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._show_current()
        self._looking.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._looking.start()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if index.isValid():
            keys, path = event.modifiers(), self.frames.rows[index.row()]
            menu = event.button() is Qt.MouseButton.RightButton
            if not (menu and path in self.library.selection):
                self.library.select(
                    path,
                    toggle=bool(keys & Qt.KeyboardModifier.ControlModifier),
                    extend=bool(keys & Qt.KeyboardModifier.ShiftModifier),
                )
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not event.buttons():
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and event.button() is Qt.MouseButton.LeftButton:
            self.activated_frame.emit(self.frames.rows[index.row()])

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.menu is not None and self.library.current is not None:
            self.menu.popup(event.globalPos())

    def columns(self) -> int:
        """Cells in a row, for the keys Up and Down."""
        return 1

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self.columns(),
            Qt.Key.Key_Down: self.columns(),
            Qt.Key.Key_Home: -len(self.frames.rows),
            Qt.Key.Key_End: len(self.frames.rows),
        }
        key = Qt.Key(event.key())
        page = self._fits()
        steps |= {Qt.Key.Key_PageUp: -page, Qt.Key.Key_PageDown: page}
        by = steps.get(key)
        if by is None:
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.library.current is not None:
                self.activated_frame.emit(self.library.current)
                return
            event.ignore()
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.reveal(self.frames.index(self.library.row(self.library.extend(by))))
        else:
            self.library.step(by)


class Filmstrip(FrameView):
    """One row along the bottom."""

    def __init__(self, library: LibraryModel, thumbnails: Thumbnails) -> None:
        super().__init__(library, thumbnails, FILM)
        self.setObjectName("filmstrip")
        self.setAccessibleName(tr("Filmstrip"))
        self.setWrapping(False)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFixedHeight(FILM.cell.height() + 14)

    def reveal(self, index: QModelIndex) -> None:
        """In the middle, so that what comes and what was are both in sight."""
        self.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta()
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - (delta.y() or delta.x()))
        event.accept()


class Grid(FrameView):
    """All frames in rows."""

    def __init__(self, library: LibraryModel, thumbnails: Thumbnails) -> None:
        super().__init__(library, thumbnails, GRID)
        self.setObjectName("grid")
        self.setAccessibleName(tr("Grid of photos"))
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.verticalScrollBar().setSingleStep(GRID.cell.height() // 3)
        self.setViewportMargins(10, 8, 0, 0)

    def columns(self) -> int:
        return max(self.viewport().width() // GRID.cell.width(), 1)

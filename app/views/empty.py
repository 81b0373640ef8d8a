"""What the window says while no photo is open: how to begin, a sample of what happens, and where one was before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.language import tr
from app.viewmodels.shortcuts import Shortcuts, shown
from app.views import theme
from app.views.sample import Sample

KEYS = (
    ("mode_side", tr("Before and after side by side")),
    ("original", tr("The original, while held")),
    ("marks", tr("Every mark; a click keeps or removes one")),
    ("next_photo", tr("The next photo, retouched ahead")),
    ("export", tr("Export")),
    ("shortcuts", tr("All keys")),
)
RECENT = 6


class EmptyState(QWidget):
    """An invitation to open or drop photos or a folder. On the first run the keys to begin with, later the recent
    folders."""

    wanted = Signal()
    folder_wanted = Signal()
    chosen = Signal(object)
    """(Path) a recent folder."""

    def __init__(self, recent: Callable[[], Sequence[Path]], shortcuts: Shortcuts) -> None:
        super().__init__()
        self._recent, self.shortcuts = recent, shortcuts
        self.sample = Sample()
        caption = _label(tr("Blemishes go. Moles, freckles and pores stay."), "muted")
        caption.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.button, self.folder = QPushButton(tr("Open Photos…")), QPushButton(tr("Open Folder…"))
        self.button.setProperty("role", "primary")
        self.button.clicked.connect(self.wanted)
        self.folder.clicked.connect(self.folder_wanted)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.button)
        buttons.addWidget(self.folder)
        buttons.addStretch()
        self._below = QVBoxLayout()
        left, right = QVBoxLayout(), QVBoxLayout()
        left.setSpacing(10)
        left.addWidget(self.sample)
        left.addWidget(caption)
        left.addStretch()
        right.setSpacing(0)
        for widget, gap in (
            (_label(tr("Open a portrait"), "title"), 8),
            (_label(tr("Drop photos or a folder here, or choose. Originals are never changed."), "lead"), 4),
            (_label(tr("JPEG, PNG, TIFF, WebP, HEIC, camera RAW"), "muted"), 18),
        ):
            right.addWidget(widget)
            right.addSpacing(gap)
        right.addLayout(buttons)
        right.addSpacing(26)
        right.addLayout(self._below)
        right.addStretch()
        across = QHBoxLayout()
        across.setSpacing(48)
        across.addStretch(1)
        across.addLayout(left)
        across.addLayout(right)
        across.addStretch(1)
        whole = QVBoxLayout(self)
        whole.addStretch(4)
        whole.addLayout(across)
        whole.addStretch(5)
        shortcuts.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the recent folders, or the keys where there are none."""
        while (item := self._below.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        folders = [folder for folder in self._recent() if folder.is_dir()][:RECENT]
        self._below.addWidget(self._folders(folders) if folders else self._keys())

    def showEvent(self, event: QShowEvent) -> None:
        self.refresh()
        super().showEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), QColor(theme.CANVAS))

    def _keys(self) -> QWidget:
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(7)
        for row, (action, what) in enumerate(KEYS):
            keys = self.shortcuts.keys(action)
            grid.addWidget(_label(shown(keys[0]) if keys else "–", "key"), row, 0, Qt.AlignmentFlag.AlignRight)
            grid.addWidget(_label(what, "lead"), row, 1)
        grid.setColumnStretch(1, 1)
        return box

    def _folders(self, folders: Sequence[Path]) -> QWidget:
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(_label(tr("Recent"), "section"))
        for folder in folders:
            button = QPushButton(folder.name)
            button.setProperty("role", "folder")
            button.setToolTip(str(folder))
            button.setAccessibleDescription(str(folder))
            button.clicked.connect(partial(self.chosen.emit, folder))
            column.addWidget(button)
        return box


def _label(text: str, role: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", role)
    return label

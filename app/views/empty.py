"""What the window says while no photo is open."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.views import theme


class EmptyState(QWidget):
    """An invitation to open or drop photos or a folder."""

    wanted = Signal()
    folder_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel("Open a portrait")
        lead = QLabel("Drop photos or a folder here, or choose. Originals are never changed.")
        title.setProperty("role", "title")
        lead.setProperty("role", "lead")
        kinds = QLabel("JPEG, PNG, TIFF, WebP, HEIC, camera RAW")
        kinds.setProperty("role", "muted")
        self.folder = QPushButton("Open Folder…")
        self.folder.clicked.connect(self.folder_wanted)
        self.button = QPushButton("Open Photos…")
        self.button.setProperty("role", "primary")
        self.button.clicked.connect(self.wanted)
        row = QHBoxLayout()
        row.addStretch()
        row.addWidget(self.button)
        row.addWidget(self.folder)
        row.addStretch()
        layout = QVBoxLayout(self)
        layout.setSpacing(0)
        layout.addStretch(5)
        layout.addSpacing(120)
        for widget, gap in ((title, 8), (lead, 22)):
            widget.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            layout.addWidget(widget)
            layout.addSpacing(gap)
        layout.addLayout(row)
        layout.addSpacing(18)
        kinds.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(kinds)
        layout.addStretch(6)
        self._title = title

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.CANVAS))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        centre = QPointF(self.width() / 2, self._title.geometry().top() - 70)
        frame = QRectF(0, 0, 76, 92)
        frame.moveCenter(centre)
        painter.setPen(QPen(QColor(theme.FAINT), 1.5))
        painter.drawRoundedRect(frame, 7, 7)
        # A head, half of it lit: before and after.
        head = QRectF(0, 0, 34, 42)
        head.moveCenter(centre)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#4d4d4d"))
        painter.drawEllipse(head)
        painter.setClipRect(QRectF(centre.x(), head.top(), 40, head.height()))
        painter.setBrush(QColor(theme.ACCENT))
        painter.drawEllipse(head)
        painter.setClipping(False)
        painter.setPen(QPen(QColor("#d8d8d8"), 1))
        painter.drawLine(QPointF(centre.x(), frame.top()), QPointF(centre.x(), frame.bottom()))

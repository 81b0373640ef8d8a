"""The status bar: what the photo is, what was said last, and what runs, with a way to stop it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from app.language import tr, written
from app.viewmodels.compare import CompareModel
from app.viewmodels.photo import PhotoModel
from app.viewmodels.state import Change, Stage
from engine.network import guarding, listen, refused


class StatusBar(QFrame):
    """One line at the bottom."""

    def __init__(self, photo: PhotoModel, compare: CompareModel, export: QWidget | None = None) -> None:
        super().__init__()
        self.setObjectName("status")
        self.setFixedHeight(32)
        self.photo, self.compare = photo, compare
        self.zoom, self.summary, self.notice, self.doing = QLabel(), QLabel(), QLabel(), QLabel()
        self.zoom.setFixedWidth(40)
        self.zoom.setAccessibleName(tr("Zoom"))
        self.notice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        for label in (self.zoom, self.summary, self.notice, self.doing):
            label.setProperty("role", "muted")
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(160, 4)
        self.bar.setAccessibleName(tr("Progress"))
        self.cancel = QPushButton(tr("Cancel"))
        self.cancel.setProperty("role", "flat")
        self.cancel.setToolTip(tr("Stop what runs (Esc)"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 0, 8, 0)
        layout.setSpacing(12)
        layout.addWidget(self.zoom)
        layout.addWidget(self.summary)
        layout.addWidget(self.notice, 1)
        layout.addWidget(self.doing)
        layout.addWidget(self.bar, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(self.cancel)
        if export is not None:
            layout.addWidget(export)
        layout.addWidget(NetworkSign())
        self.cancel.clicked.connect(photo.cancel)
        photo.changed.connect(self._refresh)
        compare.changed.connect(self._show_zoom)
        self._refresh()

    def _refresh(self, change: Change = Change.PHOTO) -> None:
        if not change & ~(Change.EDITS | Change.SELECTION):
            return
        photo = self.photo
        self.summary.setText(photo.summary)
        self.notice.setText(photo.notice)
        self.notice.setToolTip(photo.notice)
        self.cancel.setVisible(photo.busy)
        for widget in (self.doing, self.bar):
            widget.setVisible(bool(photo.doing))
        self.doing.setText(photo.doing)
        fraction = photo.progress.fraction if photo.progress is not None else 0.0
        # An unknown share is a bar that moves.
        self.bar.setRange(0, 1000 if fraction else 0)
        self.bar.setValue(round(fraction * 1000))
        self._show_zoom()

    def _show_zoom(self) -> None:
        viewport = self.compare.viewport
        shown = viewport is not None and self.photo.stage in (Stage.OPEN, Stage.PROPOSED)
        self.zoom.setText(written(viewport.zoom, ".0%") if viewport is not None and shown else "")
        self.zoom.setVisible(shown)


class NetworkSign(QLabel):
    """Whether anything uses the network: nothing does, and what tries is refused and said."""

    _tried = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Network"))
        self._tried.connect(self._refresh, Qt.ConnectionType.QueuedConnection)
        listen(self._tried.emit)
        self._refresh()

    def _refresh(self) -> None:
        self.setVisible(guarding())
        count = len(refused)
        self.setText(tr("Network refused") if count else tr("Offline"))
        self.setToolTip(
            tr("Something tried to use the network and was refused, {count} times.", count=count)
            if count
            else tr("Porelight uses no network. Photos and edits stay on this computer.")
        )
        self.setProperty("role", "warning" if count else "muted")
        self.style().unpolish(self)
        self.style().polish(self)

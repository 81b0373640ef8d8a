"""The face list: a thumbnail, what happens to its marks, on and off; a click selects it for the strengths."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPixmap
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.language import said, tr
from app.viewmodels.labels import counted
from app.viewmodels.photo import PhotoModel
from app.viewmodels.state import Change
from app.views.pixels import to_image
from engine.types import Box, Decision, FaceAnalysis

THUMB = 40


class FaceRow(QFrame):
    """One line of the list."""

    chosen = Signal()

    def __init__(self, title: str, thumbnail: QPixmap | None) -> None:
        super().__init__()
        self.setObjectName("face")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.setAccessibleName(title)
        self.detail = QLabel()
        self.detail.setProperty("role", "muted")
        self.detail.setWordWrap(True)  # else its words would set how narrow the panel can be
        self.switch = QCheckBox()
        self.switch.setToolTip(tr("Retouch this face"))
        self.switch.setAccessibleName(tr("Retouch {title}", title=title))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 5, 6, 5)
        layout.setSpacing(10)
        if thumbnail is not None:
            picture = QLabel()
            picture.setFixedSize(THUMB, THUMB)
            picture.setPixmap(thumbnail)
            layout.addWidget(picture)
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addStretch()
        words.addWidget(QLabel(title))
        words.addWidget(self.detail)
        words.addStretch()
        layout.addLayout(words, 1)
        layout.addWidget(self.switch)

    def set_chosen(self, chosen: bool) -> None:
        if self.property("chosen") == chosen:
            return
        self.setProperty("chosen", chosen)
        self.style().unpolish(self)
        self.style().polish(self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.chosen.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit()
        else:
            super().keyPressEvent(event)


class FaceList(QWidget):
    """Rows for all faces, one for all of them, and the faces that were skipped with their reason."""

    def __init__(self, photo: PhotoModel) -> None:
        super().__init__()
        self.photo = photo
        self.rows: dict[str | None, FaceRow] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        photo.changed.connect(self._refresh)
        self._build()

    def _refresh(self, change: Change) -> None:
        if change & (Change.FACES | Change.PHOTO) or (Change.JOB in change and not self.rows):
            self._build()
        if change & (Change.FACES | Change.PHOTO | Change.EDITS | Change.SELECTION | Change.PROPOSAL):
            self._show_state()

    def _build(self) -> None:
        while (item := self._layout.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.rows = {}
        faces = self.photo.faces
        if len(faces) > 1:
            self._add(None, tr("All faces"), None)
        for number, face in enumerate(faces, 1):
            self._add(face.id, tr("Face {number}", number=number), _thumbnail(self.photo, face))
        for skipped in self.photo.skipped:
            self._note(tr("Skipped: {reason}", reason=said(skipped.reason)))
        looking = self.photo.photo is not None and self.photo.busy
        if not faces and not self.photo.skipped:
            words = tr("No face found.") if self.photo.faceless else tr("Faces appear here.")
            self._note(tr("Looking for faces…") if looking else words)
        if self.photo.faceless and not looking:
            self._note(tr("The tool Faces marks one by hand."))
        self._show_state()

    def _add(self, face: str | None, title: str, thumbnail: QPixmap | None) -> None:
        row = FaceRow(title, thumbnail)
        row.chosen.connect(lambda: self.photo.select(face))
        row.switch.toggled.connect(lambda on: self._switch(face, on))
        row.switch.setVisible(face is not None)
        self.rows[face] = row
        self._layout.addWidget(row)

    def _note(self, text: str) -> None:
        note = QLabel(text)
        note.setWordWrap(True)
        note.setTextFormat(Qt.TextFormat.PlainText)
        note.setProperty("role", "muted")
        self._layout.addWidget(note)

    def _switch(self, face: str | None, on: bool) -> None:
        if face is not None:
            self.photo.enable(face, on)

    def _show_state(self) -> None:
        alone = len(self.photo.faces) == 1
        for face, row in self.rows.items():
            row.set_chosen(face == self.photo.selected and not alone)
            if face is None:
                row.detail.setText(
                    tr("Strengths act on {counted}", counted=counted(len(self.photo.faces), "face", "faces"))
                )
                continue
            edits = self.photo.edits.get(face)
            row.switch.blockSignals(True)
            row.switch.setChecked(edits is None or edits.enabled)
            row.switch.blockSignals(False)
            row.switch.setEnabled(bool(self.photo.layers))
            row.detail.setText(self._detail(face))
            row.detail.setVisible(bool(row.detail.text()))

    def _detail(self, face: str) -> str:
        """What becomes of the marks; of a face that is off from the start, why."""
        if self.photo.edits_of(face).enabled:
            return self._marks(face)
        return next((said(found.doubt) for found in self.photo.faces if found.id == face), "") or self._marks(face)

    def _marks(self, face: str) -> str:
        layers = self.photo.layers.get(face)
        if layers is None:
            return ""
        removed = sum(self.photo.decision(face, mark) is Decision.REMOVE for mark in layers.marks)
        return (
            tr(
                "{counted} removed, {value}\N{NO-BREAK SPACE}kept",  # the line breaks at the comma
                counted=counted(removed, "mark", "marks"),
                value=len(layers.marks) - removed,
            )
            if layers.marks
            else tr("No marks")
        )


def _thumbnail(photo: PhotoModel, face: FaceAnalysis) -> QPixmap | None:
    """The face, square with round corners."""
    if photo.photo is None:
        return None
    x0, y0, x1, y1 = _square(face.box, photo.photo.size)
    step = max((x1 - x0) // (THUMB * 4), 1)
    from engine.imageio.colour import to_srgb8

    crop = np.ascontiguousarray(photo.photo.pixels[y0:y1:step, x0:x1:step])
    image = to_image(to_srgb8(crop, photo.photo.icc))
    scaled = QPixmap.fromImage(image).scaled(
        THUMB * 2, THUMB * 2, Qt.AspectRatioMode.KeepAspectRatioByExpanding, Qt.TransformationMode.SmoothTransformation
    )
    rounded = QPixmap(THUMB * 2, THUMB * 2)
    rounded.fill(Qt.GlobalColor.transparent)
    painter = QPainter(rounded)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    path = QPainterPath()
    path.addRoundedRect(QRectF(rounded.rect()), 10, 10)
    painter.setClipPath(path)
    painter.drawPixmap(0, 0, scaled)
    painter.end()
    rounded.setDevicePixelRatio(2)
    return rounded


def _square(box: Box, size: tuple[int, int]) -> Box:
    """A square about a box, inside the photo as far as it goes."""
    side = min(max(box[2] - box[0], box[3] - box[1]), *size)
    x0 = min(max((box[0] + box[2] - side) // 2, 0), size[0] - side)
    y0 = min(max((box[1] + box[3] - side) // 2, 0), size[1] - side)
    return x0, y0, x0 + side, y0 + side

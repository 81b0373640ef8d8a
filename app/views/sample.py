"""A drawn sample: a head as an illustration, with what a retouch takes away and what it keeps. No photograph.

The divider follows the mouse, and the arrow keys when the sample has the focus.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QRadialGradient,
)
from PySide6.QtWidgets import QWidget

from app.language import tr
from app.views import theme

SIDE: Final = 300
SKIN, SHADE, HAIR, SHIRT, GROUND = "#d9a988", "#c4916f", "#4a342b", "#8b97a3", "#b9bcbf"
BLEMISHES: Final = (
    (0.405, 0.335, 5.0), (0.452, 0.300, 3.5), (0.560, 0.325, 4.2), (0.383, 0.505, 5.4), (0.418, 0.552, 3.4),
    (0.360, 0.452, 3.0), (0.600, 0.520, 4.8), (0.628, 0.470, 3.2), (0.520, 0.655, 4.4), (0.476, 0.628, 2.8),
    (0.575, 0.600, 3.0),
)  # fmt: skip
"""(x, y, radius): fractions of the sample's side and logical pixels at its full size."""
KEPT: Final = (
    (0.612, 0.560, 3.3), (0.440, 0.470, 1.3), (0.462, 0.486, 1.1), (0.482, 0.470, 1.3), (0.522, 0.474, 1.2),
    (0.545, 0.488, 1.1), (0.566, 0.470, 1.3), (0.505, 0.488, 1.0),
)  # fmt: skip
"""A mole and freckles."""
STEP: Final = 0.05


class Sample(QWidget):
    """Before to the left of `divider`, after to the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.divider = 0.5
        self.setFixedSize(SIDE, SIDE)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setAccessibleName(tr("Sample, before and after"))
        self.setAccessibleDescription(tr("Blemishes go; moles and freckles stay. The arrow keys move the divider."))

    def sizeHint(self) -> QSize:
        return QSize(SIDE, SIDE)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._move(event.position().x() / self.width())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        by = {Qt.Key.Key_Left: -STEP, Qt.Key.Key_Right: STEP}.get(Qt.Key(event.key()))
        if by is None:
            super().keyPressEvent(event)
        else:
            self._move(self.divider + by)

    def _move(self, divider: float) -> None:
        self.divider = min(max(divider, 0.0), 1.0)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        frame = QPainterPath()
        frame.addRoundedRect(whole, 10, 10)
        painter.setClipPath(frame)
        self._head(painter, whole)
        split = whole.left() + self.divider * whole.width()
        painter.save()
        painter.setClipRect(QRectF(whole.left(), whole.top(), split - whole.left(), whole.height()))
        self._redness(painter, whole)
        painter.restore()
        painter.setPen(Qt.PenStyle.NoPen)
        for x, y, radius in KEPT:
            painter.setBrush(QColor("#7a4a30" if radius > 2 else "#b07a58"))
            painter.drawEllipse(_at(whole, x, y), radius, radius)
        painter.fillRect(QRectF(split - 1.5, 0, 3, self.height()), QColor(0, 0, 0, 60))
        painter.fillRect(QRectF(split - 0.5, 0, 1, self.height()), QColor(255, 255, 255, 230))
        painter.setClipping(False)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.ACCENT), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(whole, 10, 10)

    def _head(self, painter: QPainter, whole: QRectF) -> None:
        painter.fillRect(whole, QColor(GROUND))
        painter.setPen(Qt.PenStyle.NoPen)
        side = whole.width()
        back = QPainterPath()
        back.setFillRule(Qt.FillRule.WindingFill)
        back.addEllipse(_at(whole, 0.5, 0.40), 0.255 * side, 0.285 * side)
        back.addRoundedRect(QRectF(_at(whole, 0.245, 0.36), _at(whole, 0.755, 0.74)), 0.08 * side, 0.08 * side)
        painter.setBrush(QColor(HAIR))
        painter.drawPath(back)
        painter.setBrush(QColor(SHIRT))
        shoulders = QPainterPath(_at(whole, 0.06, 1.02))
        shoulders.cubicTo(_at(whole, 0.10, 0.84), _at(whole, 0.30, 0.82), _at(whole, 0.5, 0.82))
        shoulders.cubicTo(_at(whole, 0.70, 0.82), _at(whole, 0.90, 0.84), _at(whole, 0.94, 1.02))
        painter.drawPath(shoulders)
        neck = QPainterPath(_at(whole, 0.41, 0.62))
        neck.lineTo(_at(whole, 0.41, 0.80))
        neck.cubicTo(_at(whole, 0.43, 0.91), _at(whole, 0.57, 0.91), _at(whole, 0.59, 0.80))
        neck.lineTo(_at(whole, 0.59, 0.62))
        painter.setBrush(QColor(SHADE))
        painter.drawPath(neck)
        face = QPainterPath(_at(whole, 0.305, 0.38))
        face.cubicTo(_at(whole, 0.305, 0.15), _at(whole, 0.695, 0.15), _at(whole, 0.695, 0.38))
        face.cubicTo(_at(whole, 0.695, 0.56), _at(whole, 0.62, 0.745), _at(whole, 0.5, 0.745))
        face.cubicTo(_at(whole, 0.38, 0.745), _at(whole, 0.305, 0.56), _at(whole, 0.305, 0.38))
        light = QLinearGradient(_at(whole, 0.30, 0.2), _at(whole, 0.72, 0.7))
        light.setColorAt(0, QColor("#e5bb9d"))
        light.setColorAt(0.55, QColor(SKIN))
        light.setColorAt(1, QColor(SHADE))
        painter.setBrush(light)
        painter.drawPath(face)
        fringe = QPainterPath(_at(whole, 0.29, 0.43))
        fringe.cubicTo(_at(whole, 0.29, 0.08), _at(whole, 0.71, 0.08), _at(whole, 0.71, 0.43))
        fringe.cubicTo(_at(whole, 0.69, 0.30), _at(whole, 0.62, 0.25), _at(whole, 0.56, 0.235))
        fringe.cubicTo(_at(whole, 0.47, 0.29), _at(whole, 0.34, 0.29), _at(whole, 0.29, 0.43))
        painter.setBrush(QColor(HAIR))
        painter.drawPath(fringe)

    def _redness(self, painter: QPainter, whole: QRectF) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        for x, y, radius in BLEMISHES:
            spot = QRadialGradient(_at(whole, x, y), radius * 1.7)
            spot.setColorAt(0, QColor(186, 62, 52, 200))
            spot.setColorAt(0.4, QColor(190, 70, 60, 150))
            spot.setColorAt(1, QColor(200, 90, 80, 0))
            painter.setBrush(spot)
            painter.drawEllipse(_at(whole, x, y), radius * 1.7, radius * 1.7)


def _at(whole: QRectF, x: float, y: float) -> QPointF:
    return QPointF(whole.left() + x * whole.width(), whole.top() + y * whole.height())

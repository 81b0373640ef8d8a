"""Outlines of marks: a solid ring is removed, a dashed ring with a dot is kept. Shape and colour say the same."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen

from app.language import tr
from app.viewmodels.compare import CompareModel, Pane
from app.viewmodels.labels import MARKS
from app.viewmodels.photo import PhotoModel
from app.viewmodels.viewport import Point, Size
from app.views import theme
from engine.types import Decision, Mark

RING = 1.5
"""Ring radius as a multiple of the mark's."""
SMALLEST = 7.0
"""Logical pixels; smaller rings could not be hit."""


class MarksOverlay:
    """Draws marks and finds the one under the cursor."""

    def __init__(self, photo: PhotoModel, compare: CompareModel) -> None:
        self.photo, self.compare = photo, compare
        self.hovered: tuple[str, Mark] | None = None
        self.pane: Pane | None = None
        """The pane of the mark under the cursor."""
        self._ratio = 1.0

    def paint(self, painter: QPainter, pane: Pane, ratio: float) -> None:
        """On one pane, in device pixels."""
        self._ratio = ratio
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for face, mark in self._marks():
            centre, radius = self._place(mark, pane)
            decision = self.photo.decision(face, mark)
            colour = QColor(theme.REMOVE if decision is Decision.REMOVE else theme.KEEP)
            hovered = self.hovered == (face, mark)
            painter.setPen(QPen(QColor(0, 0, 0, 120), (4 if hovered else 3) * ratio))
            painter.drawEllipse(centre, radius, radius)
            pen = QPen(colour, (2.4 if hovered else 1.5) * ratio)
            if decision is Decision.KEEP:
                pen.setDashPattern([2.2, 2.0])
            painter.setPen(pen)
            painter.drawEllipse(centre, radius, radius)
        if pane.side != "before":
            self._legend(painter, pane)

    def at(self, position: Point) -> tuple[str, Mark] | None:
        """The mark nearest to a canvas position inside its ring, with its face's id."""
        if not self.compare.marks or self.compare.viewport is None or self.compare.holding:
            return None
        pane = self.compare.pane_at(position)
        best: tuple[float, str, Mark] | None = None
        for face, mark in self._marks():
            centre, radius = self._place(mark, pane)
            distance = math.hypot(position[0] - centre.x(), position[1] - centre.y())
            if distance <= radius + 2 * self._ratio and (best is None or distance < best[0]):
                best = (distance, face, mark)
        return best[1:] if best else None

    def text(self, found: tuple[str, Mark] | None) -> str:
        """The hint at the cursor."""
        if found is None:
            return ""
        decision = self.photo.decision(*found)
        kind = MARKS[found[1].kind]
        if decision is Decision.REMOVE:
            return tr("{kind}, removed. Click to keep it.", kind=kind)
        return tr("{kind}, kept. Click to remove it.", kind=kind)

    def paint_hint(self, painter: QPainter, canvas: Size) -> None:
        """Words beside the mark under the cursor."""
        if self.hovered is None or self.pane is None or not self.compare.marks or self.compare.holding:
            return
        ratio, text = self._ratio, self.text(self.hovered)
        font = QFont(painter.font())
        font.setPixelSize(round(11 * ratio))
        painter.setFont(font)
        centre, radius = self._place(self.hovered[1], self.pane)
        box = QRectF(0, 0, painter.fontMetrics().horizontalAdvance(text) + 18 * ratio, 24 * ratio)
        box.moveCenter(QPointF(centre.x(), centre.y() + radius + 22 * ratio))
        box.moveLeft(min(max(box.left(), 4 * ratio), canvas[0] - box.width() - 4 * ratio))
        if box.bottom() > canvas[1] - 4 * ratio:
            box.moveBottom(centre.y() - radius - 10 * ratio)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(20, 20, 20, 215))
        painter.drawRoundedRect(box, 4 * ratio, 4 * ratio)
        painter.setPen(QColor(240, 240, 240))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _marks(self) -> list[tuple[str, Mark]]:
        return [(face, mark) for face, layers in self.photo.layers.items() for mark in layers.marks]

    def _place(self, mark: Mark, pane: Pane) -> tuple[QPointF, float]:
        viewport = self.compare.viewport
        assert viewport is not None
        x, y = viewport.to_view(mark.centre, pane.size)
        radius = max(mark.radius * viewport.zoom * RING, SMALLEST * self._ratio)
        return QPointF(x + pane.x, y + pane.y), radius

    def _legend(self, painter: QPainter, pane: Pane) -> None:
        """What the rings mean, with counts, in the pane's lower left corner."""
        ratio = self._ratio
        decisions = [self.photo.decision(face, mark) for face, mark in self._marks()]
        removed = decisions.count(Decision.REMOVE)
        words = (tr("{removed} removed", removed=removed), tr("{value} kept", value=len(decisions) - removed))
        font = QFont(painter.font())
        font.setPixelSize(round(11 * ratio))
        painter.setFont(font)
        metrics = painter.fontMetrics()
        widths = [metrics.horizontalAdvance(word) for word in words]
        box = QRectF(0, 0, sum(widths) + 68 * ratio, 25 * ratio)
        box.moveBottomLeft(QPointF(pane.x + 12 * ratio, pane.y + pane.size[1] - 12 * ratio))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(20, 20, 20, 180))
        painter.drawRoundedRect(box, 4 * ratio, 4 * ratio)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        x = box.left() + 15 * ratio
        for word, width, colour, dashed in zip(words, widths, (theme.REMOVE, theme.KEEP), (False, True), strict=True):
            pen = QPen(QColor(colour), 1.5 * ratio)
            if dashed:
                pen.setDashPattern([2.2, 2.0])
            painter.setPen(pen)
            painter.drawEllipse(QPointF(x, box.center().y()), 5 * ratio, 5 * ratio)
            painter.setPen(QColor(235, 235, 235))
            text = QRectF(x + 11 * ratio, box.top(), width + 4 * ratio, box.height())
            painter.drawText(text, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, word)
            x += width + 33 * ratio

"""Curves of a training, and the same samples over time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.language import tr, written
from app.views import theme
from trainer.grpo.curves import Figure, runs

LEFT, RIGHT, TOP, BOTTOM = 60, 10, 26, 20
CAPTION = 18
WIDE = 120
"""Pixels across from which a sample can be judged."""


class CurvePlot(QWidget):
    """One figure. names: of its curves, as people read them. form: a format as Python takes it."""

    def __init__(self, title: str, names: Mapping[str, str], form: str = "g") -> None:
        super().__init__()
        self.title, self.names, self.form = title, names, form
        self.figure: Figure | None = None
        self.setAccessibleName(title)
        self.setMinimumSize(220, 120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_figure(self, figure: Figure | None) -> None:
        if figure != self.figure:
            self.figure = figure
            self.setAccessibleDescription(self._last())
            self.update()

    def _last(self) -> str:
        """The newest values, for screen readers."""
        if self.figure is None:
            return ""
        found = {self.names.get(name, self.title): runs(curve) for name, curve in self.figure.curves.items()}
        return ", ".join(f"{name} {written(parts[-1][-1][1], '.3g')}" for name, parts in found.items() if parts)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(LEFT, TOP, self.width() - LEFT - RIGHT, self.height() - TOP - BOTTOM)
        painter.setPen(QColor(theme.TEXT))
        painter.drawText(QRectF(0, 0, self.width(), TOP - 6), Qt.AlignmentFlag.AlignLeft, self.title)
        extent = self.figure.extent if self.figure is not None else None
        if self.figure is None or extent is None:
            _draw_nothing(painter, area)
            return
        first, last, low, high = extent

        def at(x: float, y: float) -> QPointF:
            return QPointF(
                area.left() + (x - first) / (last - first) * area.width(),
                area.top() + (high - y) / (high - low) * area.height(),
            )

        self._draw_axes(painter, area, extent)
        for limit in self.figure.limits:
            painter.setPen(QPen(QColor(theme.WARN), 1, Qt.PenStyle.DashLine))
            painter.drawLine(at(first, limit), at(last, limit))
        place = float(self.width() - RIGHT)
        for number, (name, curve) in enumerate(self.figure.curves.items()):
            pen = QPen(QColor((theme.ACCENT, theme.MUTED)[number % 2]), 2)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.setPen(pen)
            for run in runs(curve):
                painter.drawPolyline(QPolygonF([at(x, y) for x, y in run]))
                if len(run) == 1:
                    painter.drawEllipse(at(*run[0]), 1.5, 1.5)
            if len(self.figure.curves) > 1:
                place = self._draw_name(painter, self.names.get(name, name), place)

    def _draw_axes(self, painter: QPainter, area: QRectF, extent: tuple[float, float, float, float]) -> None:
        first, last, low, high = extent
        for share in (0.0, 0.5, 1.0):
            y = area.bottom() - share * area.height()
            painter.setPen(QColor(theme.EDGE))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(QColor(theme.MUTED))
            label = QRectF(0, y - 8, LEFT - 6, 16)
            value = low + share * (high - low)
            side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(label, side, written(value, self.form))
        below = QRectF(area.left(), area.bottom() + 4, area.width(), 16)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, f"{first:g}")
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, f"{last:g}")

    def _draw_name(self, painter: QPainter, name: str, right: float) -> float:
        """In the pen's colour, to the left of `right`. Returns: where the next one ends."""
        width = painter.fontMetrics().horizontalAdvance(name)
        painter.drawText(QRectF(right - width, 0, width + 1, TOP - 6), Qt.AlignmentFlag.AlignLeft, name)
        return right - width - 14


class Strips(QWidget):
    """Rows of pictures: the same samples after more and more iterations."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[list[tuple[int, Path]]] = []
        self._pictures: dict[Path, QPixmap] = {}
        self.setAccessibleName(tr("Samples over time"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return QSize(420, 420)

    def show_rows(self, rows: list[list[tuple[int, Path]]]) -> None:
        """rows: (iterations, PNG file) of each face."""
        if rows != self._rows:
            self._rows = rows
            wanted = [path for row in rows for _, path in row]
            self._pictures = {path: self._pictures.get(path) or QPixmap(str(path)) for path in wanted}
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(QColor(theme.TEXT))
        painter.drawText(QRectF(0, 0, self.width(), 20), Qt.AlignmentFlag.AlignLeft, tr("The same samples over time"))
        if not self._rows:
            _draw_nothing(painter, QRectF(0, TOP, self.width(), self.height() - TOP - BOTTOM))
            return
        gap = 4
        chosen = self._chosen(len(self._rows[0]), gap)
        high = (self.height() - TOP - CAPTION) / len(self._rows) - gap
        side = max(min((self.width() - gap * (len(chosen) - 1)) / max(len(chosen), 2), high), 16.0)
        for number, row in enumerate(self._rows):
            for place, (_, path) in enumerate(row[each] for each in chosen):
                picture = self._pictures[path]
                if not picture.isNull():
                    size = picture.size().scaled(QSize(round(side), round(side)), Qt.AspectRatioMode.KeepAspectRatio)
                    x, y = place * (side + gap), TOP + number * (side + gap)
                    painter.drawPixmap(QRectF(x, y, size.width(), size.height()), picture, QRectF(picture.rect()))
        painter.setPen(QColor(theme.MUTED))
        for place, (step, _) in enumerate(self._rows[0][each] for each in chosen):
            words = tr("before") if step == 0 else tr("after {step}", step=step)
            caption = QRectF(place * (side + gap), TOP + len(self._rows) * (side + gap), side, CAPTION)
            painter.drawText(caption, Qt.AlignmentFlag.AlignLeft, words)

    def _chosen(self, count: int, gap: int) -> list[int]:
        """Which of so many pictures of a row have room to be judged: the first, the last, and some between."""
        columns = min(count, max(2, (self.width() + gap) // (WIDE + gap)))
        return sorted({round(i * (count - 1) / max(columns - 1, 1)) for i in range(columns)})


def _draw_nothing(painter: QPainter, area: QRectF) -> None:
    painter.fillRect(area, QColor(theme.PANEL))
    painter.setPen(QColor(theme.MUTED))
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, tr("After the first round"))

"""Paints one frame of filmstrip or grid: picture, stars, label, flag and badges. Vector shapes only, no icon files."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from app.language import tr
from app.viewmodels.library import LibraryModel
from app.viewmodels.thumbnails import Thumbnails
from app.views import theme
from app.views.pixels import to_image
from engine.library.frames import Frame
from engine.library.xmp import Flag, Label

LABELS: Final = {
    Label.RED: "#d9605a",
    Label.YELLOW: "#dcc04e",
    Label.GREEN: "#6fae62",
    Label.BLUE: "#5b8fd0",
    Label.PURPLE: "#9a77c2",
}
PIXMAPS: Final = 300
CAPTION: Final = 11
"""Height of a name, in logical pixels."""
STAR: Final = QPolygonF(
    [
        QPointF(0.0, -1.0), QPointF(0.235, -0.324), QPointF(0.951, -0.309), QPointF(0.380, 0.124),
        QPointF(0.588, 0.809), QPointF(0.0, 0.4), QPointF(-0.588, 0.809), QPointF(-0.380, 0.124),
        QPointF(-0.951, -0.309), QPointF(-0.235, -0.324),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Look:
    """How a cell is to be painted. caption: with name and stars below the picture."""

    cell: QSize
    caption: bool
    margin: int = 6


FILM: Final = Look(QSize(132, 96), caption=False, margin=5)
GRID: Final = Look(QSize(212, 232), caption=True, margin=10)


class FramePainter:
    """Paints cells; keeps the scaled pictures of the last few hundred."""

    def __init__(self, library: LibraryModel, thumbnails: Thumbnails, look: Look) -> None:
        self.library, self.thumbnails, self.look = library, thumbnails, look
        self._pixmaps: OrderedDict[Path, tuple[object, QPixmap]] = OrderedDict()

    def forget(self, path: Path) -> None:
        """The picture of a frame is another one now."""
        self._pixmaps.pop(path, None)

    def paint(self, painter: QPainter, rect: QRect, path: Path, hover: bool) -> None:
        frame = self.library.frames.get(path)
        if frame is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        cell = QRectF(rect).adjusted(1.5, 1.5, -1.5, -1.5)
        self._ground(painter, cell, path, frame, hover)
        inside = cell.adjusted(*(self.look.margin * sign for sign in (1, 1, -1, -1)))
        if self.look.caption:
            inside.setBottom(inside.bottom() - 34)
        shown = self._picture(painter, inside, frame)
        self._badges(painter, shown, frame)
        if self.look.caption:
            self._caption(painter, cell, frame)
        else:
            if frame.cull.stars:
                strip = QRectF(shown.left(), shown.bottom() - 15, shown.width(), 15)
                painter.fillRect(strip, QColor(0, 0, 0, 120))
                _stars(painter, QPointF(strip.left() + 8, strip.center().y()), 4.4, 10, frame.cull.stars, 0, "#ececec")
            _flag(painter, QPointF(shown.left() + 9, shown.top() + 10), frame.cull.flag)
        painter.restore()

    def _ground(self, painter: QPainter, cell: QRectF, path: Path, frame: Frame, hover: bool) -> None:
        current = path == self.library.current
        chosen = path in self.library.selection
        shade = theme.CELL_HOVER if hover else theme.CELL
        shade = theme.CELL_CURRENT if current else theme.CELL_CHOSEN if chosen else shade
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(shade))
        painter.drawRoundedRect(cell, 5, 5)
        if frame.cull.label:
            clip = QPainterPath()
            clip.addRoundedRect(cell, 5, 5)
            painter.save()
            painter.setClipPath(clip)
            painter.fillRect(QRectF(cell.left(), cell.bottom() - 4, cell.width(), 4), QColor(LABELS[frame.cull.label]))
            painter.restore()
        if current:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(theme.ACCENT), 1.5))
            painter.drawRoundedRect(cell, 5, 5)

    def _picture(self, painter: QPainter, inside: QRectF, frame: Frame) -> QRectF:
        """The picture, fitted; or in words why there is none. Returns: where it is."""
        pixmap = self._pixmap(painter, inside, frame)
        if pixmap is None:
            why = tr("Missing") if frame.missing else ""
            why = why or (tr("Unreadable") if self.thumbnails.failed(frame.path, frame.picture) else "")
            box = QRectF(0, 0, inside.width(), min(inside.height(), inside.width() * 2 / 3))
            box.moveCenter(inside.center())
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.HOLE))
            painter.drawRoundedRect(box, 3, 3)
            if why:
                painter.setPen(QColor(theme.WARN))
                painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), why)
            return box
        ratio = pixmap.devicePixelRatio()
        box = QRectF(0, 0, pixmap.width() / ratio, pixmap.height() / ratio)
        box.moveCenter(inside.center())
        box.moveTopLeft(QPointF(round(box.left() * ratio) / ratio, round(box.top() * ratio) / ratio))
        if frame.cull.flag is Flag.REJECT or frame.missing:
            painter.setOpacity(0.35)
        painter.drawPixmap(box.topLeft(), pixmap)
        painter.setOpacity(1)
        return box

    def _pixmap(self, painter: QPainter, inside: QRectF, frame: Frame) -> QPixmap | None:
        pixels = self.thumbnails.get(frame.path, frame.picture)
        if pixels is None:
            return None
        ratio = painter.device().devicePixelRatioF()
        size = (inside.size() * ratio).toSize()
        key = (frame.picture, id(pixels), size.width(), size.height())
        kept = self._pixmaps.get(frame.path)
        if kept is not None and kept[0] == key:
            self._pixmaps.move_to_end(frame.path)
            return kept[1]
        smooth = Qt.TransformationMode.SmoothTransformation
        image = to_image(pixels).scaled(size, Qt.AspectRatioMode.KeepAspectRatio, smooth)
        pixmap = QPixmap.fromImage(image)
        pixmap.setDevicePixelRatio(ratio)
        self._pixmaps[frame.path] = (key, pixmap)
        self._pixmaps.move_to_end(frame.path)
        while len(self._pixmaps) > PIXMAPS:
            self._pixmaps.popitem(last=False)
        return pixmap

    def _badges(self, painter: QPainter, shown: QRectF, frame: Frame) -> None:
        """Small discs at the picture's top right: failed, exported, edited, faces; as many as there is room for."""
        at = QPointF(shown.right() - 12, shown.top() + 12)
        marks = []
        if frame.path in self.library.failed or frame.problem:
            marks.append("failed")
        if frame.path in self.library.exported:
            marks.append("exported")
        if frame.edited:
            marks.append("edited")
        if frame.faces:
            marks.append("faces")
        flagged = 20 if frame.cull.flag and not self.look.caption else 0
        for mark in marks:
            if at.x() - 9 < shown.left() + flagged:
                break
            _badge(painter, at, mark, frame.faces or 0)
            at -= QPointF(21, 0)

    def _caption(self, painter: QPainter, cell: QRectF, frame: Frame) -> None:
        line = QRectF(cell.left() + 10, cell.bottom() - 40, cell.width() - 20, 16)
        font = QFont(painter.font())
        font.setPixelSize(CAPTION)
        painter.setFont(font)
        painter.setPen(QColor(theme.TEXT if frame.path == self.library.current else theme.MUTED))
        name, width = frame.path.name, int(line.width()) - 18
        if len(name) * CAPTION > width:  # measuring takes as long as all else here, and no sign is wider than high
            name = QFontMetrics(font).elidedText(name, Qt.TextElideMode.ElideMiddle, width)
        painter.drawText(line, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), name)
        _flag(painter, QPointF(line.right() - 5, line.center().y()), frame.cull.flag)
        _stars(painter, QPointF(line.left() + 5, line.bottom() + 9), 5, 14, frame.cull.stars, 5, theme.STAR)


def _stars(painter: QPainter, at: QPointF, radius: float, step: float, stars: int, dots: int, colour: str) -> None:
    """`stars` stars, and dots for the rest up to `dots`."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    for number in range(stars):
        painter.save()
        painter.translate(at.x() + number * step, at.y())
        painter.scale(radius, radius)
        painter.drawPolygon(STAR)
        painter.restore()
    painter.setBrush(QColor(theme.FAINT))
    painter.translate(at)
    painter.drawPath(_dots(step, stars, dots))
    painter.translate(-at)


@lru_cache
def _dots(step: float, first: int, last: int) -> QPainterPath:
    """One path is painted in a third of the time of single dots."""
    path = QPainterPath()
    for number in range(first, last):
        path.addEllipse(QPointF(number * step, 0), 1.2, 1.2)
    return path


def _flag(painter: QPainter, at: QPointF, flag: Flag) -> None:
    if not flag:
        return
    painter.save()
    painter.translate(at)
    painter.setPen(QPen(QColor("#101010"), 2.6))
    for turn in range(2):
        painter.drawLine(QPointF(-3.5, -5.5), QPointF(-3.5, 6))
        painter.setBrush(QColor("#f0f0f0" if flag is Flag.PICK else theme.WARN))
        painter.drawPolygon(QPolygonF([QPointF(-3.5, -5.5), QPointF(5, -2.5), QPointF(-3.5, 0.5)]))
        painter.setPen(QPen(QColor("#f0f0f0" if flag is Flag.PICK else theme.WARN), 1.2))
        if turn and flag is Flag.REJECT:
            painter.setPen(QPen(QColor(theme.WARN), 1.6))
            painter.drawLine(QPointF(0, 2.5), QPointF(5, 7))
            painter.drawLine(QPointF(5, 2.5), QPointF(0, 7))
    painter.restore()


def _badge(painter: QPainter, at: QPointF, mark: str, count: int) -> None:
    painter.save()
    painter.translate(at)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(theme.WARN) if mark == "failed" else QColor(20, 20, 20, 190))
    painter.drawEllipse(QPointF(0, 0), 9, 9)
    ink = QColor(theme.ON_WARN) if mark == "failed" else QColor("#eeeeee")
    painter.setPen(QPen(ink, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    if mark == "failed":
        painter.drawLine(QPointF(0, -4.5), QPointF(0, 1))
        painter.drawPoint(QPointF(0, 4.3))
    elif mark == "exported":
        painter.drawPolyline([QPointF(-4, 0.4), QPointF(-1.2, 3.2), QPointF(4.2, -3.2)])
    elif mark == "edited":
        for y, knob in ((-2.6, 1.6), (2.6, -1.6)):
            painter.drawLine(QPointF(-4.4, y), QPointF(4.4, y))
            painter.setBrush(ink)
            painter.drawEllipse(QPointF(knob, y), 1.3, 1.3)
    elif count > 1:
        font = QFont(painter.font())
        font.setPixelSize(10)
        font.setBold(True)
        painter.setFont(font)
        painter.drawText(QRectF(-9, -9, 18, 18), int(Qt.AlignmentFlag.AlignCenter), str(min(count, 99)))
    else:
        painter.setBrush(ink)
        painter.drawEllipse(QPointF(0, -2.2), 1.9, 1.9)
        shoulders = QPainterPath(QPointF(-4, 4.4))
        shoulders.quadTo(QPointF(-3.6, 0.9), QPointF(0, 0.9))
        shoulders.quadTo(QPointF(3.6, 0.9), QPointF(4, 4.4))
        painter.drawPath(shoulders)
    painter.restore()

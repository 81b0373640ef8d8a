"""What tools and the loupe draw over the picture: the brush and its stroke, face boxes, the magnifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen

from app.viewmodels.compare import CompareModel, Pane
from app.viewmodels.frames import Frames, Request, Shown
from app.viewmodels.photo import PhotoModel
from app.viewmodels.tools import Tool, ToolModel
from app.viewmodels.viewport import Point
from app.views import theme
from app.views.pixels import to_image
from engine.types import Box

LOUPE = 130
"""Radius of the loupe, in logical pixels."""
LOUPE_ZOOM = 2
WASH = 95
"""Opacity of a stroke that heals, of 255."""


class ToolOverlay:
    """Draws in device pixels. `at` is the cursor on the canvas, None while it is elsewhere."""

    def __init__(self, tools: ToolModel, compare: CompareModel) -> None:
        self.tools, self.compare = tools, compare
        self.at: Point | None = None

    def paint(self, painter: QPainter, pane: Pane, ratio: float) -> None:
        """On one pane. What was brushed to be healed stays painted until it is."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for mark in self.tools.photo.healing if pane.side != "before" and not self.compare.holding else ():
            self._wash(painter, pane, mark.points, mark.radius, theme.REMOVE)
        if self.tools.tool is Tool.FACES:
            self._boxes(painter, pane, ratio)
        elif self.tools.painting:
            self._stroke(painter, pane, ratio)

    def _stroke(self, painter: QPainter, pane: Pane, ratio: float) -> None:
        viewport, tools = self.compare.viewport, self.tools
        assert viewport is not None
        if tools.points and tools.tool is Tool.HEAL:  # what other strokes do is in the picture at once
            self._wash(painter, pane, tools.points, tools.radius(tools.points[0]), _colour(tools))
        if self.at is not None and pane.holds(self.at):
            source = viewport.to_source(pane.local(self.at), pane.size)
            radius = max(tools.radius(tools.points[0] if tools.points else source) * viewport.zoom, 2 * ratio)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for colour, width in ((QColor(0, 0, 0, 140), 3.0), (QColor(_colour(tools)), 1.3)):
                painter.setPen(QPen(colour, width * ratio))
                painter.drawEllipse(QPointF(*self.at), radius, radius)

    def _wash(self, painter: QPainter, pane: Pane, points: Sequence[Point], radius: float, colour: str) -> None:
        """A stroke one can see the skin through. points, radius: source pixels."""
        viewport = self.compare.viewport
        assert viewport is not None
        path = QPainterPath()
        for index, point in enumerate(points):
            x, y = viewport.to_view(point, pane.size)
            if index:
                path.lineTo(x + pane.x, y + pane.y)
            else:
                path.moveTo(x + pane.x, y + pane.y)
                path.lineTo(x + pane.x + 0.01, y + pane.y)
        wash, width = QColor(colour), 2 * radius * viewport.zoom
        wash.setAlpha(WASH)
        pen = QPen(wash, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        painter.strokePath(path, pen)

    def _boxes(self, painter: QPainter, pane: Pane, ratio: float) -> None:
        for index, box in enumerate(self.tools.boxes):
            rect = self._rect(box, pane)
            chosen = index == self.tools.chosen
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for colour, width in ((QColor(0, 0, 0, 130), 4.0), (QColor(theme.SIGN if chosen else "#ffffff"), 1.6)):
                painter.setPen(QPen(colour, width * ratio))
                painter.drawRoundedRect(rect, 3 * ratio, 3 * ratio)
            painter.setPen(QPen(QColor(0, 0, 0, 150), ratio))
            painter.setBrush(QColor(theme.SIGN if chosen else "#ffffff"))
            for corner in (rect.topLeft(), rect.topRight(), rect.bottomLeft(), rect.bottomRight()):
                painter.drawRect(QRectF(corner.x() - 4 * ratio, corner.y() - 4 * ratio, 8 * ratio, 8 * ratio))

    def _rect(self, box: Box, pane: Pane) -> QRectF:
        viewport = self.compare.viewport
        assert viewport is not None
        x0, y0 = viewport.to_view(box[:2], pane.size)
        x1, y1 = viewport.to_view(box[2:], pane.size)
        return QRectF(x0 + pane.x, y0 + pane.y, x1 - x0, y1 - y0)


class Loupe:
    """A round magnifier at the cursor: the result at `LOUPE_ZOOM` pixels per photo pixel, whatever the canvas shows."""

    def __init__(self, photo: PhotoModel, compare: CompareModel) -> None:
        self.photo, self.compare = photo, compare
        self.frames = Frames(photo.runner, photo)
        self._image: tuple[object, QImage] | None = None

    def follow(self, ratio: float) -> None:
        """Ask for the part under the loupe."""
        at, viewport, photo = self.compare.loupe, self.compare.viewport, self.photo.photo
        source = self.photo.frames.source
        if at is None or viewport is None or photo is None or source is None:
            return
        if self.frames.source is not source:
            self.frames.set_source(source, photo.size)
        self.frames.set_edits(self.photo.edits)
        pane = self.compare.pane_at(at)
        x, y = viewport.to_source(pane.local(at), pane.size)
        half = int(LOUPE * ratio / LOUPE_ZOOM) + 24
        # Steps of 16 pixels, so that small movements need no new picture.
        x0, y0 = (max(int(v - half) // 16 * 16, 0) for v in (x, y))
        box = x0, y0, min(x0 + 2 * half + 16, photo.size[0]), min(y0 + 2 * half + 16, photo.size[1])
        if box[0] < box[2] and box[1] < box[3]:
            self.frames.want(Request(box, (box[2] - box[0], box[3] - box[1])))

    def paint(self, painter: QPainter, ratio: float, image: Callable[[Shown, str], QImage]) -> None:
        """image: of what the canvas shows, enlarged until there is something sharper."""
        at, viewport = self.compare.loupe, self.compare.viewport
        if at is None or viewport is None:
            return
        pane = self.compare.pane_at(at)
        before = self.compare.holding or pane.side == "before"
        radius = LOUPE * ratio
        clip = QPainterPath()
        clip.addEllipse(QPointF(*at), radius, radius)
        painter.save()
        painter.setClipPath(clip)
        painter.fillPath(clip, QColor(theme.CANVAS))
        x, y = viewport.to_source(pane.local(at), pane.size)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        side = "before" if before else "after"
        for shown in self.photo.frames.shown:
            self._draw(painter, shown, image(shown, side), at, (x, y))
        for shown in self.frames.shown:
            key = (shown.generation, before, id(shown.stack))
            if self._image is None or self._image[0] != key:
                self._image = key, to_image(shown.before if before else shown.after)
            self._draw(painter, shown, self._image[1], at, (x, y))
        painter.restore()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in ((QColor(0, 0, 0, 150), 4.0), (QColor(235, 235, 235), 1.6)):
            painter.setPen(QPen(colour, width * ratio))
            painter.drawEllipse(QPointF(*at), radius, radius)

    def _draw(self, painter: QPainter, shown: Shown, image: QImage, at: Point, source: Point) -> None:
        """source: the position under the cursor."""
        box = shown.request.box
        painter.drawImage(
            QRectF(
                at[0] + (box[0] - source[0]) * LOUPE_ZOOM,
                at[1] + (box[1] - source[1]) * LOUPE_ZOOM,
                (box[2] - box[0]) * LOUPE_ZOOM,
                (box[3] - box[1]) * LOUPE_ZOOM,
            ),
            image,
        )


def _colour(tools: ToolModel) -> str:
    if tools.erasing:
        return "#d9d9d9"
    return {Tool.HEAL: theme.REMOVE, Tool.PROTECT: theme.KEEP}.get(tools.tool, theme.SIGN)

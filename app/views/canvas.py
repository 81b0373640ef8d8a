"""The canvas: shows before and after, zooms about the cursor, pans, drags the wipe's divider, flips marks.

All drawing and all positions here are in device pixels; `_device` converts from Qt's logical ones.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from app.language import tr
from app.viewmodels.compare import CompareModel, Mode, Pane
from app.viewmodels.frames import Request, Shown
from app.viewmodels.overlays import Overlay, overlaid
from app.viewmodels.photo import PhotoModel
from app.viewmodels.state import Change, Stage
from app.viewmodels.tools import Tool, ToolModel
from app.viewmodels.viewport import Point
from app.views import theme
from app.views.marks_overlay import MarksOverlay
from app.views.pixels import to_image
from app.views.tool_overlay import Loupe, ToolOverlay

GRAB = 9
"""Logical pixels to both sides of the divider that take hold of it."""
CLICK = 4
"""Logical pixels that the mouse may move during a click."""
WHEEL_STEP = 1.2
CRISP_ZOOM = 3.0
"""From here on, source pixels are drawn as squares."""


class Canvas(QWidget):
    """Shows a `PhotoModel` through a `CompareModel`."""

    dropped = Signal(object)
    """(Path) of a file dropped here."""

    def __init__(self, photo: PhotoModel, compare: CompareModel, tools: ToolModel) -> None:
        super().__init__()
        self.photo, self.compare, self.tools = photo, compare, tools
        self.overlay = MarksOverlay(photo, compare)
        self.tool_overlay = ToolOverlay(tools, compare)
        self.loupe = Loupe(photo, compare)
        self._images: dict[tuple[int, str], QImage] = {}
        self._pressed: Point | None = None
        self._last: Point = (0, 0)
        self._dragging = ""
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMinimumSize(360, 240)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(tr("Photo"))
        compare.changed.connect(self._moved)
        tools.changed.connect(self.update)
        photo.frames.changed.connect(self.update)
        self.loupe.frames.changed.connect(self.update)
        photo.changed.connect(self._photo_changed)

    def sizeHint(self) -> QSize:
        return QSize(960, 720)

    # --- models -------------------------------------------------------------------------------------------------------

    def _photo_changed(self, change: Change) -> None:
        if not change & ~(Change.JOB | Change.NOTICE | Change.PROBLEM):  # progress comes 30 times a second
            return
        if Change.PHOTO in change:
            self._images.clear()
            self.compare.set_photo(self.photo.photo.size if self.photo.photo else None)
        if self.compare.loupe is not None:
            self.loupe.follow(self.devicePixelRatioF())
        self.update()

    def _moved(self) -> None:
        viewport = self.compare.viewport
        if viewport is not None:
            self.photo.frames.want(Request.of(viewport, self.compare.pane_size))
        self.loupe.follow(self.devicePixelRatioF())
        self.update()

    # --- painting -----------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.CANVAS))
        if self.compare.viewport is None:
            return
        ratio = self.devicePixelRatioF()
        painter.scale(1 / ratio, 1 / ratio)
        for pane in self.compare.panes:
            self._paint_pane(painter, pane)
        if self.compare.marks and not self.compare.holding and self.tools.tool is not Tool.FACES:
            for pane in self.compare.panes:
                painter.setClipRect(QRect(pane.x, pane.y, *pane.size))
                self.overlay.paint(painter, pane, ratio)
        if self.tools.active or self.photo.healing:
            for pane in self.compare.panes:
                painter.setClipRect(QRect(pane.x, pane.y, *pane.size))
                self.tool_overlay.paint(painter, pane, ratio)
        painter.setClipping(False)
        self.loupe.paint(painter, ratio, self._image)
        if self.photo.stage is Stage.PROPOSED:
            self.overlay.paint_hint(painter, self.compare.canvas)
            self._paint_signs(painter, ratio)
        self._forget_images()

    def _paint_pane(self, painter: QPainter, pane: Pane) -> None:
        area = QRect(pane.x, pane.y, *pane.size)
        if pane.side != "wipe":
            self._paint_side(painter, pane, "before" if self.compare.holding else pane.side, area)
            return
        split = self._divider_x()
        self._paint_side(painter, pane, "before", QRect(area.left(), area.top(), split, area.height()))
        self._paint_side(painter, pane, "after", QRect(split, area.top(), area.width() - split, area.height()))

    def _paint_side(self, painter: QPainter, pane: Pane, side: str, area: QRect) -> None:
        viewport = self.compare.viewport
        assert viewport is not None
        painter.setClipRect(area)
        for shown in self.photo.frames.covering(viewport.visible(pane.size)):
            image = self._image(shown, side)
            x0, y0 = viewport.to_view(shown.request.box[:2], pane.size)
            x1, y1 = viewport.to_view(shown.request.box[2:], pane.size)
            target = QRectF(x0 + pane.x, y0 + pane.y, x1 - x0, y1 - y0)
            if abs(target.width() - image.width()) < 1 and abs(target.height() - image.height()) < 1:
                painter.drawImage(QPointF(round(target.x()), round(target.y())), image)
                continue
            smooth = viewport.zoom < CRISP_ZOOM
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
            painter.drawImage(target, image)

    def _image(self, shown: Shown, side: str) -> QImage:
        compare = self.compare
        overlay = compare.overlay if side == "after" else Overlay.NONE
        key = _key(shown, side, overlay, compare.layer)
        if key not in self._images:
            self._images[key] = to_image(shown.before if side == "before" else overlaid(shown, overlay, compare.layer))
        return self._images[key]

    def _forget_images(self) -> None:
        """Keep only pictures of what is shown now."""
        compare = self.compare
        alive = {_key(shown, "before", Overlay.NONE, "") for shown in self.photo.frames.shown}
        alive |= {_key(shown, "after", compare.overlay, compare.layer) for shown in self.photo.frames.shown}
        for key in self._images.keys() - alive:
            del self._images[key]

    def _paint_signs(self, painter: QPainter, ratio: float) -> None:
        """The divider, the words Before and After, and what lies over the picture."""
        signs = self.compare.signs
        font = QFont(self.font())
        font.setPixelSize(round(11 * ratio))
        painter.setFont(font)
        width, left, top = self.compare.canvas[0], 12 * ratio, 12 * ratio
        viewport = self.compare.viewport
        if viewport is not None and self.compare.mode is not Mode.STACKED:  # on the photo, not across its edge
            x, y = viewport.to_view((0, 0), self.compare.pane_size)
            left, top = max(left, x + 8 * ratio), max(top, y + 8 * ratio)
        if self.compare.holding:
            _word(painter, signs[0], left, top, ratio)
        elif self.compare.mode is Mode.WIPE:
            split = self._divider_x()
            _divider(painter, split, self.compare.canvas[1], ratio)
            if split > 90 * ratio:
                _word(painter, signs[0], split - 12 * ratio, top, ratio, right=True)
            if width - split > 80 * ratio:
                _word(painter, signs[1], split + 12 * ratio, top, ratio)
        elif self.compare.mode in (Mode.SIDE, Mode.STACKED):
            for pane, word in zip(self.compare.panes, signs, strict=True):
                _word(painter, word, pane.x + left, pane.y + top, ratio)
        elif self.compare.overlay is not Overlay.NONE:
            _word(painter, signs[1], left, top, ratio)

    def _divider_x(self) -> int:
        return round(self.compare.divider * self.compare.canvas[0])

    # --- input --------------------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        ratio = self.devicePixelRatioF()
        self.compare.set_canvas((round(self.width() * ratio), round(self.height() * ratio)))

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120
        if steps and self.tools.painting and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.tools.set(size=self.tools.size + 4 * steps)
        elif steps:
            self.compare.zoom(WHEEL_STEP**steps, self._device(event.position()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            return
        self._pressed = self._last = self._device(event.position())
        if self.tools.active and event.button() is Qt.MouseButton.LeftButton and not self._panning(event):
            self._dragging = "tool"
            if self.tools.tool is Tool.FACES:
                self.tools.grab(self._source(self._pressed))
            else:
                alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
                self.tools.begin(self._source(self._pressed), erase=alt)
            return
        on_divider = self._on_divider(self._pressed) and event.button() is Qt.MouseButton.LeftButton
        self._dragging = "divider" if on_divider else ""

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position = self._device(event.position())
        self.tool_overlay.at = position
        if self.compare.loupe is not None:
            self.compare.look(position)
        if self._pressed is None:
            self._hover(position, event)
            return
        if self._dragging == "tool":
            (self.tools.drag if self.tools.tool is Tool.FACES else self.tools.extend)(self._source(position))
            self.update()
            return
        moved = max(abs(position[0] - self._pressed[0]), abs(position[1] - self._pressed[1]))
        if self._dragging == "divider":
            self.compare.set_divider(position[0] / self.compare.canvas[0])
        elif self._dragging == "pan" or moved > CLICK * self.devicePixelRatioF():
            self._dragging = "pan"
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.compare.pan(position[0] - self._last[0], position[1] - self._last[1])
        self._last = position

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._dragging == "tool" and event.button() is Qt.MouseButton.LeftButton:
            (self.tools.drop if self.tools.tool is Tool.FACES else self.tools.end)()
        clicked = self._pressed is not None and not self._dragging and event.button() is Qt.MouseButton.LeftButton
        self._pressed, self._dragging = None, ""
        if clicked and self.compare.viewport is not None:
            self._click(self._device(event.position()))
        self._hover(self._device(event.position()), event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        position = self._device(event.position())
        if self.tools.active:
            self.mousePressEvent(event)
        elif self._on_divider(position):
            self.compare.set_divider(0.5)
        elif self.overlay.at(position) is None and event.button() is Qt.MouseButton.LeftButton:
            self.compare.toggle_zoom(position)

    def leaveEvent(self, event: QEvent) -> None:
        self.overlay.hovered = None
        self.tool_overlay.at = None
        self.update()

    def _panning(self, event: QMouseEvent) -> bool:
        """Ctrl with any tool moves the picture."""
        return bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)

    def _source(self, position: Point) -> Point:
        viewport, pane = self.compare.viewport, self.compare.pane_at(position)
        assert viewport is not None
        return viewport.to_source(pane.local(position), pane.size)

    def _click(self, position: Point) -> None:
        found = self.overlay.at(position)
        if found is not None:
            self.photo.flip(*found)

    def _hover(self, position: Point, event: QMouseEvent) -> None:
        if self.tools.active:
            self.overlay.hovered = None
            painting = self.tools.painting
            self.setCursor(Qt.CursorShape.BlankCursor if painting else Qt.CursorShape.CrossCursor)
            self.update()
            return
        found = self.overlay.at(position)
        if found != self.overlay.hovered:
            self.overlay.hovered, self.overlay.pane = found, self.compare.pane_at(position)
            self.update()
        if self._on_divider(position):
            self.setCursor(Qt.CursorShape.SplitHCursor)
        elif found is not None:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        elif self.compare.viewport is not None and not self.compare.viewport.fitted:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            self.setCursor(Qt.CursorShape.ArrowCursor)

    def _on_divider(self, position: Point) -> bool:
        if self.compare.mode is not Mode.WIPE or self.compare.holding or self.photo.stage is not Stage.PROPOSED:
            return False
        return abs(position[0] - self._divider_x()) <= GRAB * self.devicePixelRatioF()

    def _device(self, position: QPointF) -> Point:
        ratio = self.devicePixelRatioF()
        return position.x() * ratio, position.y() * ratio


def _key(shown: Shown, side: str, overlay: Overlay, layer: str) -> tuple[int, str]:
    """The same for the same pixels: edits change only what is after."""
    if side == "before":
        return 0, f"before{id(shown.stack)}"
    return shown.generation, f"{overlay}{layer if overlay is Overlay.LAYER else ''}{id(shown.stack)}"


def _divider(painter: QPainter, x: int, height: int, ratio: float) -> None:
    """A line that shows on light and dark skin, with a grip."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.fillRect(QRectF(x - 1.5 * ratio, 0, 3 * ratio, height), QColor(0, 0, 0, 70))
    painter.fillRect(QRectF(x - 0.5 * ratio, 0, max(ratio, 1), height), QColor(255, 255, 255, 215))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle = QPointF(x, height / 2)
    painter.setPen(QPen(QColor(0, 0, 0, 90), ratio))
    painter.setBrush(QColor(245, 245, 245, 235))
    painter.drawEllipse(middle, 13 * ratio, 13 * ratio)
    painter.setPen(QPen(QColor("#3a3a3a"), 1.6 * ratio, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    for side in (-1, 1):
        tip = middle + QPointF(side * 8 * ratio, 0)
        painter.drawLine(tip, tip + QPointF(-side * 3.5 * ratio, -3.5 * ratio))
        painter.drawLine(tip, tip + QPointF(-side * 3.5 * ratio, 3.5 * ratio))


def _word(painter: QPainter, word: str, x: float, y: float, ratio: float, *, right: bool = False) -> None:
    """A quiet label on the picture; x is its left or right edge."""
    width = painter.fontMetrics().horizontalAdvance(word) + 16 * ratio
    box = QRectF(x - width if right else x, y, width, 21 * ratio)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(20, 20, 20, 165))
    painter.drawRoundedRect(box, 4 * ratio, 4 * ratio)
    painter.setPen(QColor(235, 235, 235))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, word)

"""Two pictures side by side to be judged, as large as fits or both at 100% in the same place."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QSizePolicy, QWidget

from app.language import tr
from app.viewmodels.viewport import Point, Size, Viewport
from app.views import theme

CHOICES = {
    Qt.Key.Key_1: 0, Qt.Key.Key_Left: 0, Qt.Key.Key_2: 1, Qt.Key.Key_Right: 1, Qt.Key.Key_T: 2, Qt.Key.Key_Space: 2,
}  # fmt: skip
"""Keys that answer: 0 left, 1 right, 2 alike."""
MOVES = {Qt.Key.Key_Left: (1, 0), Qt.Key.Key_Right: (-1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}
STEP = 120
"""Device pixels that a key moves the pictures by."""


class Picture(QWidget):
    """One side. centre: position in the picture that is shown in the middle at 100%, None for the whole picture."""

    chosen = Signal()
    dragged = Signal(QPointF)
    """By how many device pixels."""

    def __init__(self, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.number = number
        self.image: QImage | None = None
        self.centre: Point | None = None
        self._pressed: QPointF | None = None
        self._moved = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Picture {number}", number=number))
        self.setToolTip(tr("Click or press {number} if this one is better", number=number))

    def sizeHint(self) -> QSize:
        return QSize(520, 640)

    def show_image(self, image: QImage | None) -> None:
        self.image = image
        self.update()

    @property
    def pane(self) -> Size:
        """In device pixels."""
        ratio = self.devicePixelRatioF()
        return max(round(self.width() * ratio), 1), max(round(self.height() * ratio), 1)

    def viewport(self, centre: Point) -> Viewport:
        """At 100% about a position in the picture, as far as the picture reaches."""
        assert self.image is not None
        return Viewport((self.image.width(), self.image.height())).at(1.0, centre, self.pane)

    def area(self) -> QRectF:
        """Where the picture lies."""
        assert self.image is not None
        ratio, width, height = self.devicePixelRatioF(), self.image.width(), self.image.height()
        if self.centre is None:
            fits = min(self.width() / width, self.height() / height, 2 / ratio)
            w, h = round(width * fits), round(height * fits)
            return QRectF((self.width() - w) // 2, (self.height() - h) // 2, w, h)
        x, y = self.viewport(self.centre).to_view((0, 0), self.pane)
        return QRectF(x / ratio, y / ratio, width / ratio, height / ratio)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.CANVAS))
        if self.image is None:
            return
        painter.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        area = self.area()
        painter.drawImage(area, self.image)
        badge = QRectF(max(area.left(), 0) + 8, max(area.top(), 0) + 8, 22, 20)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(20, 20, 20, 170))
        painter.drawRoundedRect(badge, 3, 3)
        font = QFont(self.font())
        font.setPixelSize(12)
        painter.setFont(font)
        painter.setPen(QColor(235, 235, 235))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, str(self.number))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._pressed, self._moved = event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            return
        way = event.position() - self._pressed
        if self._moved or way.manhattanLength() >= QApplication.startDragDistance():
            self._pressed, self._moved = event.position(), True
            self.dragged.emit(way * self.devicePixelRatioF())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None and not self._moved:
            self.chosen.emit()
        self._pressed = None


class Pair(QWidget):
    """Both sides; zoom and position are shared."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.left, self.right = Picture(1), Picture(2)
        self._images: tuple[QImage, QImage, QImage] | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        for each in (self.left, self.right):
            row.addWidget(each, 1)
            each.dragged.connect(lambda way: self.pan(way.x(), way.y()))

    def show_images(self, images: tuple[QImage, QImage, QImage] | None) -> None:
        """(left, right, original), as a whole."""
        self._images = images
        self._look_at(None)
        self.show_original(False)

    def show_original(self, original: bool) -> None:
        """Hold up the original on both sides, or show the two again."""
        images = self._images
        self.left.show_image(images[2 if original else 0] if images else None)
        self.right.show_image(images[2 if original else 1] if images else None)

    def pressed(self, event: QKeyEvent) -> bool:
        """Whether a key was one for looking: the original while it is held, 100%, and moving with Shift."""
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Backslash:
            self.show_original(True)
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier and key in MOVES:
            self.pan(*(STEP * each for each in MOVES[key]))
        elif key == Qt.Key.Key_Z:
            if not event.isAutoRepeat():
                self.toggle_zoom()
        else:
            return False
        return True

    def released(self, event: QKeyEvent) -> bool:
        """Whether the original was held up until now."""
        if event.key() != Qt.Key.Key_Backslash or event.isAutoRepeat():
            return False
        self.show_original(False)
        return True

    @property
    def centre(self) -> Point | None:
        return self.left.centre

    def toggle_zoom(self) -> None:
        """Between the whole pictures and 100%: where the cursor is, or the middle."""
        if self.centre is not None or self._images is None:
            self._look_at(None)
            return
        side = next((each for each in (self.left, self.right) if each.underMouse()), None)
        width, height = self._images[0].width(), self._images[0].height()
        centre = (width / 2, height / 2)
        if side is not None:
            area, at = side.area(), side.mapFromGlobal(side.cursor().pos())
            centre = (
                (at.x() - area.left()) / area.width() * width,
                (at.y() - area.top()) / area.height() * height,
            )
        self._look_at(centre)

    def pan(self, dx: float, dy: float) -> None:
        """Move both pictures by device pixels, at 100%."""
        if self.centre is not None:
            self._look_at((self.centre[0] - dx, self.centre[1] - dy))

    def _look_at(self, centre: Point | None) -> None:
        if centre is not None and self.left.image is not None:
            centre = self.left.viewport(centre).centre
        for each in (self.left, self.right):
            each.centre = centre
            each.update()

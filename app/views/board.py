"""Two or more pictures beside each other to be judged, as large as fits or all at 100% in the same place."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QGridLayout, QSizePolicy, QWidget

from app.language import tr
from app.viewmodels.viewport import Point, Size, Viewport
from app.views import theme

MOST = 4
PAIR = {Qt.Key.Key_Left: 0, Qt.Key.Key_Right: 1}
"""Keys that choose one of two, besides the numbers."""
ALIKE = (Qt.Key.Key_T, Qt.Key.Key_Space)
BEFORE = (Qt.Key.Key_Backslash, Qt.Key.Key_B)
"""As in the main window: a backslash is hard to hold down where it takes AltGr."""
MOVES = {Qt.Key.Key_Left: (1, 0), Qt.Key.Key_Right: (-1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}
EMPTY_MARGIN = 40
STEP = 120
"""Device pixels that a key moves the pictures by."""


class Picture(QWidget):
    """One place. centre: position in the picture that is shown in the middle at 100%, None for the whole picture."""

    chosen = Signal()
    dragged = Signal(QPointF)
    """By how many device pixels."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.image: QImage | None = None
        self.text = ""
        """What stands in an empty place."""
        self.centre: Point | None = None
        self._pressed: QPointF | None = None
        self._moved = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Picture {number}", number=number))
        self.setToolTip(tr("Click or press {number} if this one is the best", number=number))

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
            painter.setPen(QColor(theme.MUTED))
            inside = self.rect().adjusted(EMPTY_MARGIN, EMPTY_MARGIN, -EMPTY_MARGIN, -EMPTY_MARGIN)
            painter.drawText(inside, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.text)
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


class Board(QWidget):
    """All places; zoom and position are shared."""

    chosen = Signal(object)
    """(place from 0), or None: they are alike."""

    def __init__(self) -> None:
        super().__init__()
        self.places = tuple(Picture(number) for number in range(1, MOST + 1))
        self._images: tuple[QImage, ...] = ()
        self._original: QImage | None = None
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(theme.SPACE)
        for number, each in enumerate(self.places):
            grid.addWidget(each, number // 2, number % 2)
            each.chosen.connect(partial(self.chosen.emit, number))
            each.dragged.connect(lambda way: self.pan(way.x(), way.y()))

    def show_images(self, images: Sequence[QImage], original: QImage | None = None) -> None:
        """Two to `MOST` pictures, each as a whole; none for one empty place."""
        self._images, self._original = tuple(images), original
        for number, each in enumerate(self.places):
            each.setVisible(number < max(len(images), 1))
        self._look_at(None)
        self.show_original(False)

    def say(self, text: str) -> None:
        """What stands there while there are no pictures."""
        first = self.places[0]
        if text != first.text:
            first.text = text
            first.setAccessibleDescription(text)
            first.update()

    def show_original(self, original: bool) -> None:
        """Hold up the original in every place, or show the pictures again."""
        for number, each in enumerate(self.places):
            own = self._images[number] if number < len(self._images) else None
            each.show_image(self._original if original and own is not None else own)

    def pressed(self, event: QKeyEvent) -> bool:
        """Whether a key was one for looking or choosing: the original while it is held, 100%, moving with Shift; a
        number, an arrow for one of two, alike. A key that is held chooses once."""
        key = Qt.Key(event.key())
        if key in BEFORE:
            self.show_original(True)
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier and key in MOVES:
            self.pan(*(STEP * each for each in MOVES[key]))
        elif key == Qt.Key.Key_Z:
            if not event.isAutoRepeat():
                self.toggle_zoom()
        elif key in ALIKE or self._place(key) is not None:
            if not event.isAutoRepeat():
                self.chosen.emit(self._place(key))
        else:
            return False
        return True

    def _place(self, key: Qt.Key) -> int | None:
        """The place that a key chooses."""
        if len(self._images) == 2 and key in PAIR:
            return PAIR[key]
        number = int(key) - int(Qt.Key.Key_1)
        return number if 0 <= number < len(self._images) else None

    def released(self, event: QKeyEvent) -> bool:
        """Whether the original was held up until now."""
        if Qt.Key(event.key()) not in BEFORE or event.isAutoRepeat():
            return False
        self.show_original(False)
        return True

    @property
    def centre(self) -> Point | None:
        return self.places[0].centre

    def toggle_zoom(self) -> None:
        """Between the whole pictures and 100%: where the cursor is, or the middle."""
        if self.centre is not None or not self._images:
            self._look_at(None)
            return
        place = next((each for each in self.places if each.isVisible() and each.underMouse()), None)
        width, height = self._images[0].width(), self._images[0].height()
        centre = (width / 2, height / 2)
        if place is not None:
            area, at = place.area(), place.mapFromGlobal(place.cursor().pos())
            centre = (
                (at.x() - area.left()) / area.width() * width,
                (at.y() - area.top()) / area.height() * height,
            )
        self._look_at(centre)

    def pan(self, dx: float, dy: float) -> None:
        """Move all pictures by device pixels, at 100%."""
        if self.centre is not None:
            self._look_at((self.centre[0] - dx, self.centre[1] - dy))

    def _look_at(self, centre: Point | None) -> None:
        if centre is not None and self.places[0].image is not None:
            centre = self.places[0].viewport(centre).centre
        for each in self.places:
            each.centre = centre
            each.update()

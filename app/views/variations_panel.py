"""The grid of variations with its settings. One that the mouse or the keys rest on shows on the canvas; a click picks,
two picked ones can be compared, one can be taken."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QFont,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QStandardItemModel,
)
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.language import tr
from app.viewmodels.labels import DIFFERS, LayerLabel
from app.viewmodels.variations import COUNT, Anchor, Variation, VariationsModel
from app.views import theme
from app.views.parts import number
from app.views.pixels import to_image
from app.views.strengths import StrengthRow
from engine.proposal import EXPLORATION, MAX_SEED

ANCHORS = {Anchor.CURRENT: tr("Current result"), Anchor.PICK: tr("Last picked"), Anchor.FIRST: tr("First proposal")}
GAP = 4
LEAST = 140
"""Tiles are at least so wide, in logical pixels, or two of them fill the width."""
HOW_FAR = LayerLabel("exploration", tr("Exploration"), tr("0 stays close to the anchor, 100 goes its own way."))


class Tile(QWidget):
    """One variation."""

    clicked = Signal()
    taken = Signal()
    looked_at = Signal()
    """The mouse or the keys came to it."""
    left = Signal()
    """The keys went elsewhere."""

    def __init__(self, variation: Variation, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.variation = variation
        self.image = to_image(variation.picture)
        self.picked = 0
        """1 or 2 if it is picked, in that order."""
        self.differs = [DIFFERS[name][0 if more else 1] for name, more in variation.differs[:2]]
        """How it differs from what is varied, in words."""
        self.setAccessibleDescription(", ".join(self.differs))
        self._scaled = QImage()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName(tr("Variation {number}", number=variation.number))
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawImage(self.rect(), self._picture())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.picked or self.hasFocus() or self.underMouse():
            line = QColor(theme.SIGN) if self.picked else QColor(245, 245, 245)
            for colour, width in ((QColor(20, 20, 20), 6.0), (line, 3.0)):  # shows on light and dark photos
                painter.setPen(QPen(colour, width))
                painter.drawRect(self.rect())
        text = "AB"[self.picked - 1] if self.picked else str(self.variation.number)
        box = QRectF(6, 6, 20, 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.SIGN) if self.picked else QColor(20, 20, 20, 170))
        painter.drawRoundedRect(box, 3, 3)
        painter.setPen(QColor(20, 20, 20) if self.picked else QColor(235, 235, 235))
        font = QFont(self.font())
        font.setPixelSize(11)
        font.setBold(bool(self.picked))
        painter.setFont(font)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        if self.differs:
            high = painter.fontMetrics().height() * len(self.differs) + 6
            strip = QRectF(0, self.height() - high, self.width(), high)
            painter.fillRect(strip, QColor(20, 20, 20, 170))
            painter.setPen(QColor(235, 235, 235))
            painter.drawText(strip, Qt.AlignmentFlag.AlignCenter, "\n".join(self.differs))

    def _picture(self) -> QImage:
        """In the tile's device pixels, so that it is sharp."""
        size = self.size() * self.devicePixelRatioF()
        if self._scaled.size() != size:
            self._scaled = self.image.scaled(
                size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
        return self._scaled

    def enterEvent(self, event: QEnterEvent) -> None:
        self.looked_at.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.looked_at.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.left.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.clicked.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.taken.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            (self.clicked if event.key() == Qt.Key.Key_Space else self.taken).emit()
        else:
            super().keyPressEvent(event)


class Tiles(QScrollArea):
    """All variations, as large as lets all of them be seen, or in rows to scroll where that would be small."""

    def __init__(self, model: VariationsModel) -> None:
        super().__init__()
        self.model = model
        self.tiles: list[Tile] = []
        self.columns = 1
        self._found: tuple[Variation, ...] = ()
        self._inside = QWidget()
        self._inside.setObjectName("scrolled")
        self.setWidget(self._inside)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def refresh(self) -> None:
        """Show what was found and picked."""
        picked = self.model.picked
        if self.model.found != self._found:
            self._fill()
        for tile in self.tiles:
            number = tile.variation.number
            tile.picked = picked.index(number) + 1 if number in picked else 0
            tile.update()

    def _fill(self) -> None:
        self._found, model = self.model.found, self.model
        for tile in self.tiles:
            tile.hide()
            tile.deleteLater()
        self.tiles = [Tile(variation, self._inside) for variation in self._found]
        for tile in self.tiles:
            number = tile.variation.number
            tile.clicked.connect(partial(model.pick, number))
            tile.taken.connect(partial(model.take, number))
            tile.looked_at.connect(partial(model.preview, number))
            tile.left.connect(partial(model.preview, None))
            tile.show()
        self._arrange()

    def _arrange(self) -> None:
        inside, count = self._inside, len(self.tiles)
        width, height = self.width(), self.height()
        if not count:
            inside.resize(width, 0)
            return
        picture = self.tiles[0].image
        aspect = picture.width() / picture.height()
        self.columns, wide = most_seen(count, aspect, width, height)
        if wide < min(LEAST, (width - GAP) // 2):
            width -= self.verticalScrollBar().sizeHint().width()
            self.columns = max((width + GAP) // (LEAST + GAP), 2)
            wide = (width - (self.columns - 1) * GAP) // self.columns
        high = round(wide / aspect)
        for index, tile in enumerate(self.tiles):
            row, column = divmod(index, self.columns)
            tile.setGeometry(column * (wide + GAP), row * (high + GAP), wide, high)
        inside.resize(self.columns * (wide + GAP) - GAP, -(-count // self.columns) * (high + GAP) - GAP)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.model.preview(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go from tile to tile."""
        ways = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -self.columns, Qt.Key.Key_Down: self.columns}
        way = None if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier else ways.get(Qt.Key(event.key()))
        at = next((index for index, tile in enumerate(self.tiles) if tile.hasFocus()), None)
        if way is None or at is None:
            event.ignore()
        elif 0 <= at + way < len(self.tiles):
            self.tiles[at + way].setFocus(Qt.FocusReason.OtherFocusReason)
            self.ensureWidgetVisible(self.tiles[at + way], 0, 0)


def most_seen(count: int, aspect: float, width: int, height: int) -> tuple[int, int]:
    """(columns, width of a tile) of the largest tiles that all fit. aspect: of a tile, width by height."""
    found = []
    for columns in range(1, count + 1):
        rows = -(-count // columns)
        across = (width - (columns - 1) * GAP) / columns
        found.append((int(min(across, (height - (rows - 1) * GAP) / rows * aspect)), -columns))
    wide, columns = max(found)
    return -columns, max(wide, 1)


class VariationsPanel(QWidget):
    """Settings above, tiles below."""

    def __init__(self, model: VariationsModel) -> None:
        super().__init__()
        self.model = model
        self.board = Tiles(model)
        self.draw = QPushButton(tr("Draw {count} Variations", count=COUNT))
        self.draw.setProperty("role", "primary")
        self.anchor = QComboBox()
        for anchor, title in ANCHORS.items():
            self.anchor.addItem(title, anchor)
        self.anchor.setAccessibleName(tr("Anchor"))
        self.exploration = StrengthRow(HOW_FAR, 100 * EXPLORATION)
        self.seed = number(0, MAX_SEED)
        self.seed.setAccessibleName(tr("Seed"))
        self.shuffle = QPushButton(tr("Shuffle"))
        self.compare = QPushButton(tr("Compare at 100%"))
        self.compare.setCheckable(True)
        self.take = QPushButton(tr("Take"))
        for each in (self.draw, self.shuffle, self.compare, self.take):
            each.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys where they are
            each.setAutoDefault(True)  # Return presses it as Space does
        self.hint = QLabel()
        self.hint.setProperty("role", "muted")
        self.hint.setWordWrap(True)
        self._lay_out()
        self.draw.clicked.connect(model.draw)
        self.anchor.activated.connect(lambda index: model.set(anchor=self.anchor.itemData(index)))
        self.exploration.changed.connect(lambda value, _: model.set(exploration=value))
        self.seed.valueChanged.connect(lambda value: model.set(seed=value))
        self.shuffle.clicked.connect(model.shuffle)
        self.compare.clicked.connect(model.compare)
        self.take.clicked.connect(self._take)
        model.changed.connect(self._refresh)
        model.photo.changed.connect(lambda _: self._refresh())
        self._refresh()

    @property
    def first(self) -> QWidget:
        """What wants the keys: the first variation, or what draws them, or will."""
        if self.board.tiles:
            return self.board.tiles[0]
        return self.draw if self.draw.isEnabled() else self

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(theme.SPACE)
        for title, widgets in ((tr("Around"), (self.anchor,)), (tr("Seed"), (self.seed, self.shuffle))):
            row = QHBoxLayout()
            row.setSpacing(6)
            name = QLabel(title)
            name.setFixedWidth(92)
            row.addWidget(name)
            for index, widget in enumerate(widgets):
                row.addWidget(widget, 0 if index else 1)
            column.addLayout(row)
        column.addWidget(self.exploration)
        column.addWidget(self.draw)
        column.addWidget(self.hint)
        column.addWidget(self.board, 1)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.compare, 1)
        row.addWidget(self.take, 1)
        column.addLayout(row)

    def _take(self) -> None:
        if self.model.picked:
            self.model.take(self.model.picked[-1])

    def _refresh(self) -> None:
        model = self.model
        news = model.found != tuple(tile.variation for tile in self.board.tiles)
        self.board.refresh()
        if news and self.board.tiles and self.window().focusWidget() is self:  # they were drawn by a key
            self.board.tiles[0].setFocus()
        if self.window().focusWidget() in (self.draw, self.take) and not model.ready:
            self.setFocus()  # else it would go on to Export when they are disabled
        self.draw.setEnabled(model.ready)
        if model.ready and not self.board.tiles and self.window().focusWidget() is self:
            self.draw.setFocus()  # the photo was still being retouched when the keys came here
        both = len(model.picked) == 2
        self.compare.setEnabled(both)
        self.compare.setChecked(model.comparing)
        self.take.setText(tr("Take B") if both else tr("Take"))
        self.take.setEnabled(bool(model.picked) and model.ready)
        self.exploration.show_value(model.exploration)
        self.anchor.setCurrentIndex(self.anchor.findData(model.anchor))
        entries = self.anchor.model()
        assert isinstance(entries, QStandardItemModel)
        entries.item(self.anchor.findData(Anchor.PICK)).setEnabled(model.last_picked is not None)
        self.seed.blockSignals(True)
        self.seed.setValue(model.seed)
        self.seed.blockSignals(False)
        self.hint.setText(self._words())
        self.hint.setVisible(bool(self.hint.text()))

    def _words(self) -> str:
        if not self.model.found:
            return tr("Other results for the same faces. None of them changes the photo until you take it.")
        return tr("Rest on one to see it. A click picks it, or two to compare; a double-click takes it.")

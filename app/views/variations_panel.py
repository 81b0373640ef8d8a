"""The grid of variations with its settings; a click picks, two picked ones can be compared, one can be taken."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QStandardItemModel
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.language import tr
from app.viewmodels.labels import LayerLabel
from app.viewmodels.variations import COUNT, MAX_SEED, Anchor, Variation, VariationsModel
from app.views import theme
from app.views.parts import number, scrolling
from app.views.pixels import to_image
from app.views.strengths import StrengthRow

ANCHORS = {Anchor.CURRENT: tr("Current result"), Anchor.PICK: tr("Last picked"), Anchor.PLAIN: tr("Plain sample")}
EXPLORATION = LayerLabel("exploration", tr("Exploration"), tr("0 stays close to the anchor, 100 goes its own way."))


class Tile(QWidget):
    """One variation."""

    clicked = Signal()
    taken = Signal()

    def __init__(self, variation: Variation, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.variation = variation
        self.image = to_image(variation.picture)
        self.picked = 0
        """1 or 2 if it is picked, in that order."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Variation {number}", number=variation.number))
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return round(width * self.image.height() / max(self.image.width(), 1))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(self.rect(), self.image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.picked or self.hasFocus() or self.underMouse():
            colour = QColor(theme.SIGN) if self.picked else QColor(230, 230, 230, 150)
            painter.setPen(QPen(colour, 2.5 if self.picked else 1.5))
            painter.drawRect(QRectF(self.rect()).adjusted(1.2, 1.2, -1.2, -1.2))
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


class VariationsPanel(QWidget):
    """Settings above, tiles below."""

    def __init__(self, model: VariationsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = model
        self.tiles: list[Tile] = []
        self._found: tuple[Variation, ...] = ()
        self.draw = QPushButton(tr("Draw {count} Variations", count=COUNT))
        self.draw.setProperty("role", "primary")
        self.anchor = QComboBox()
        for anchor, title in ANCHORS.items():
            self.anchor.addItem(title, anchor)
        self.anchor.setAccessibleName(tr("Anchor"))
        self.exploration = StrengthRow(EXPLORATION, 50)
        self.seed = number(0, MAX_SEED)
        self.seed.setAccessibleName(tr("Seed"))
        self.shuffle = QPushButton(tr("Shuffle"))
        self.compare = QPushButton(tr("Compare at 100%"))
        self.compare.setCheckable(True)
        self.take = QPushButton(tr("Take"))
        for each in (self.draw, self.shuffle, self.compare, self.take):
            each.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys where they are
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
        inside = QWidget()
        self.grid = QGridLayout(inside)
        self.grid.setContentsMargins(0, 0, 0, 0)
        self.grid.setSpacing(4)
        self.grid.setRowStretch(99, 1)
        column.addWidget(scrolling(inside), 1)
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
        if model.found != self._found:
            self._fill()
        if self.window().focusWidget() in (self.draw, self.take) and not model.ready:
            self.setFocus()  # else it would go on to Export when they are disabled
        for tile in self.tiles:
            number = tile.variation.number
            tile.picked = model.picked.index(number) + 1 if number in model.picked else 0
            tile.update()
        self.draw.setEnabled(model.ready)
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
        return "" if self.model.picked else tr("Click to pick one, or two to compare; a double-click takes it.")

    def _fill(self) -> None:
        self._found = self.model.found
        for tile in self.tiles:
            self.grid.removeWidget(tile)
            tile.deleteLater()
        self.tiles = [Tile(variation) for variation in self._found]
        for index, tile in enumerate(self.tiles):
            number = tile.variation.number
            tile.clicked.connect(lambda number=number: self.model.pick(number))
            tile.taken.connect(lambda number=number: self.model.take(number))
            self.grid.addWidget(tile, index // 2, index % 2)
        if self.tiles and self.window().focusWidget() is self:  # they were drawn by a key
            self.tiles[0].setFocus()

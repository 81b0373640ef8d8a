"""Picks: two retouches of a face side by side, and a key for every answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.language import tr, trn
from app.viewmodels.picks import DRAWING, LEFT, RIGHT, PicksModel
from app.views import theme
from app.views.pixels import to_image
from trainer.picks.records import DIMENSIONS, Preference

KEYS: dict[Qt.Key, Preference] = {
    Qt.Key.Key_1: LEFT, Qt.Key.Key_Left: LEFT, Qt.Key.Key_2: RIGHT, Qt.Key.Key_Right: RIGHT,
    Qt.Key.Key_T: "tie", Qt.Key.Key_Space: "tie",
}  # fmt: skip
SAID = {None: "–", LEFT: tr("left"), RIGHT: tr("right"), "tie": tr("alike")}
NAMES = {
    "smoothing": tr("Smoothing"), "blemishes": tr("Blemishes"), "tone": tr("Tone"), "features": tr("Features"),
    "clarity": tr("Clarity"),
}  # fmt: skip
HELP = tr("Which is better?   1 or ←   left      2 or →   right      T or Space   alike      hold \\   original")


class Picture(QWidget):
    """One side, as large as fits."""

    chosen = Signal()

    def __init__(self, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.number = number
        self.image: QImage | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Picture {number}", number=number))
        self.setToolTip(tr("Click or press {number} if this one is better", number=number))

    def sizeHint(self) -> QSize:
        return QSize(520, 640)

    def show_image(self, image: QImage | None) -> None:
        self.image = image
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.CANVAS))
        if self.image is None:
            return
        painter.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        ratio = self.devicePixelRatioF()
        fits = min(self.width() / self.image.width(), self.height() / self.image.height(), 2 / ratio)
        width, height = round(self.image.width() * fits), round(self.image.height() * fits)
        left, top = (self.width() - width) // 2, (self.height() - height) // 2
        painter.drawImage(QRectF(left, top, width, height), self.image)
        badge = QRectF(left + 8, top + 8, 22, 20)
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
            self.chosen.emit()


class PicksWindow(QDialog):
    """Stays open beside the main window. photos: what variations would be drawn of now."""

    def __init__(self, model: PicksModel, photos: Callable[[], Sequence[Path]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Picks"))
        self.resize(1180, 800)
        self.model, self.photos = model, photos
        self.left, self.right = Picture(1), Picture(2)
        self.left.chosen.connect(partial(model.answer, LEFT))
        self.right.chosen.connect(partial(model.answer, RIGHT))
        self.title, self.help, self.progress = QLabel(), QLabel(HELP), QLabel()
        self.trouble = QLabel()
        self.title.setProperty("role", "lead")
        self.help.setProperty("role", "muted")
        self.progress.setProperty("role", "muted")
        self.trouble.setProperty("role", "warning")
        self.trouble.setWordWrap(True)
        for label in (self.title, self.trouble, self.progress):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(4)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName(tr("Progress of the variations"))
        self.dimensions = {
            name: _button("", tr("Press F{number} for left, right, alike", number=number), partial(model.turn, name))
            for number, name in enumerate(DIMENSIONS, 1)
        }
        self.draw = _button("", tr("Draw variations of the selected photos to choose from"), self._draw)
        self.undo = _button(tr("Undo") + "  U", tr("Take the last answer back and ask again"), model.undo)
        self.skip = _button(tr("Skip") + "  S", tr("Ask something else"), model.skip)
        self._images: tuple[QImage, QImage, QImage] | None = None
        self._of: object = None
        self._lay_out()
        model.changed.connect(self._refresh)
        self._refresh()

    def _lay_out(self) -> None:
        top, pair, more, foot = (QHBoxLayout() for _ in range(4))
        top.addWidget(self.title, 1)
        top.addWidget(self.draw)
        pair.setSpacing(theme.SPACE)
        pair.addWidget(self.left, 1)
        pair.addWidget(self.right, 1)
        aside = QLabel(tr("If you like, also:"))
        aside.setProperty("role", "muted")
        more.addWidget(aside)
        for button in self.dimensions.values():
            more.addWidget(button)
        more.addStretch(1)
        more.addWidget(self.undo)
        more.addWidget(self.skip)
        foot.addWidget(self.help, 1)
        foot.addWidget(self.progress)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 14)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(self.trouble)
        column.addWidget(self.bar)
        column.addLayout(pair, 1)
        column.addLayout(more)
        column.addLayout(foot)

    def begin(self) -> None:
        """Show the window; ask what the store holds."""
        self.show()
        self.raise_()
        self.activateWindow()
        if self.model.state is None:
            self.model.start()
        self._refresh()

    # --- showing ------------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        model, state = self.model, self.model.state
        shown = state.shown if state is not None else None
        if shown is not self._of:
            self._of = shown
            self._images = None if shown is None else (
                to_image(shown.first), to_image(shown.second), to_image(shown.original)
            )  # fmt: skip
            self._show(original=False)
        count = len(self.photos())
        self.draw.setText(tr("Stop") if self._drawing else _wanted(count))
        self.draw.setEnabled(self._drawing or (count > 0 and not model.busy))
        self.draw.setProperty("role", "primary" if shown is None and not self._drawing else "")
        self.draw.style().polish(self.draw)
        self.title.setText(self._title())
        problem = model.problem
        trouble = f"{problem.message} {problem.hint}" if problem else " ".join(state.trouble[:3]) if state else ""
        self.trouble.setText(trouble)
        self.trouble.setVisible(bool(trouble))
        self.bar.setVisible(self._drawing)
        self.bar.setValue(round(1000 * model.progress.fraction) if model.progress else 0)
        for number, (name, button) in enumerate(self.dimensions.items(), 1):
            button.setText(f"F{number}  {NAMES[name]}: {SAID[model.dimensions.get(name)]}")
            button.setEnabled(shown is not None)
        self.undo.setEnabled(state is not None and state.progress.answered > 0 and not model.busy)
        self.skip.setEnabled(shown is not None and not model.busy)
        self.help.setVisible(shown is not None)
        self.progress.setText(model.words)

    @property
    def _drawing(self) -> bool:
        return self.model.busy and self.model.doing == DRAWING

    def _title(self) -> str:
        model, state = self.model, self.model.state
        if self._drawing:
            return (
                tr("Drawing variations: {name} …", name=model.progress.detail)
                if model.progress
                else tr("Drawing variations …")
            )
        if state is None:
            return tr("Opening the picks …") if model.busy else ""
        if state.shown is not None:
            return state.shown.name
        asked = state.progress.total > 0
        return (
            tr("All pairs are answered. Draw more variations to go on.")
            if asked
            else tr("Select some photos in the grid and draw variations of them; then say which of two is better.")
        )

    def _show(self, *, original: bool) -> None:
        images = self._images
        self.left.show_image(images[2 if original else 0] if images else None)
        self.right.show_image(images[2 if original else 1] if images else None)

    # --- doing --------------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if self._drawing:
            self.model.cancel()
        else:
            self.model.add(list(self.photos()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        number = int(key) - int(Qt.Key.Key_F1)
        if key == Qt.Key.Key_Backslash:
            self._show(original=True)
        elif event.isAutoRepeat():
            return  # a key that is held answers once
        elif key in KEYS:
            self.model.answer(KEYS[key])
        elif key == Qt.Key.Key_S:
            self.model.skip()
        elif key == Qt.Key.Key_U:
            self.model.undo()
        elif 0 <= number < len(DIMENSIONS):
            self.model.turn(DIMENSIONS[number])
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Backslash and not event.isAutoRepeat():
            self._show(original=False)
        else:
            super().keyReleaseEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.ActivationChange:
            self._refresh()  # other photos may be selected

    def done(self, result: int) -> None:
        self.model.close()
        super().done(result)


def _wanted(count: int) -> str:
    return trn("Draw Variations of {count} Photo", "Draw Variations of {count} Photos", count)


def _button(text: str, tip: str, do: Callable[[], object]) -> QPushButton:
    """Never takes the keys away from the answers."""
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    button.setAutoDefault(False)
    button.clicked.connect(lambda: do())
    return button

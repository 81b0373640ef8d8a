"""Picks: two retouches of a face side by side, and a key for every answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.language import tr, trn
from app.viewmodels.picks import DRAWING, LEFT, RIGHT, PicksModel
from app.views.pair import CHOICES, Pair
from app.views.parts import keyless, thin_bar
from app.views.pixels import to_image
from trainer.picks.records import DIMENSIONS, Preference

ANSWERS: tuple[Preference, ...] = (LEFT, RIGHT, "tie")
SAID = {None: "–", LEFT: tr("left"), RIGHT: tr("right"), "tie": tr("alike")}
NAMES = {
    "smoothing": tr("Smoothing"), "blemishes": tr("Blemishes"), "tone": tr("Tone"), "features": tr("Features"),
    "clarity": tr("Clarity"),
}  # fmt: skip
HELP = tr(
    "Which is better?   1 or ←   left      2 or →   right      T or Space   alike      Z   100%      hold \\   original"
)


class PicksWindow(QDialog):
    """Stays open beside the main window. photos: what variations would be drawn of now."""

    def __init__(self, model: PicksModel, photos: Callable[[], Sequence[Path]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Picks"))
        self.resize(1180, 800)
        self.model, self.photos = model, photos
        self.pair = Pair()
        self.pair.left.chosen.connect(partial(model.answer, LEFT))
        self.pair.right.chosen.connect(partial(model.answer, RIGHT))
        self.title, self.help, self.progress = QLabel(), QLabel(HELP), QLabel()
        self.trouble = QLabel()
        self.title.setProperty("role", "lead")
        self.help.setProperty("role", "muted")
        self.progress.setProperty("role", "muted")
        self.trouble.setProperty("role", "warning")
        self.trouble.setWordWrap(True)
        for label in (self.title, self.trouble, self.progress):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.bar = thin_bar(tr("Progress of the variations"))
        self.dimensions = {
            name: keyless("", tr("Press F{number} for left, right, alike", number=number), partial(model.turn, name))
            for number, name in enumerate(DIMENSIONS, 1)
        }
        self.draw = keyless("", tr("Draw variations of the selected photos to choose from"), self._draw)
        self.undo = keyless(tr("Undo") + "  U", tr("Take the last answer back and ask again"), model.undo)
        self.skip = keyless(tr("Skip") + "  S", tr("Ask something else"), model.skip)
        self._of: object = None
        self._lay_out()
        model.changed.connect(self._refresh)
        self._refresh()

    def _lay_out(self) -> None:
        top, more, foot = (QHBoxLayout() for _ in range(3))
        top.addWidget(self.title, 1)
        top.addWidget(self.draw)
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
        column.addWidget(self.pair, 1)
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
            self.pair.show_images(None if shown is None else (
                to_image(shown.first), to_image(shown.second), to_image(shown.original)
            ))  # fmt: skip
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

    # --- doing --------------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if self._drawing:
            self.model.cancel()
        else:
            self.model.add(list(self.photos()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        number = int(key) - int(Qt.Key.Key_F1)
        if self.pair.pressed(event) or event.isAutoRepeat():
            return  # a key that is held answers once
        if key in CHOICES:
            self.model.answer(ANSWERS[CHOICES[key]])
        elif key == Qt.Key.Key_S:
            self.model.skip()
        elif key == Qt.Key.Key_U:
            self.model.undo()
        elif 0 <= number < len(DIMENSIONS):
            self.model.turn(DIMENSIONS[number])
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self.pair.released(event):
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

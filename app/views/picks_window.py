"""Picks: two retouches of a face, or more, beside each other, and a key for every answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.language import tr, trn
from app.viewmodels.pick_data import NAMES, PickData
from app.viewmodels.picks import FEW, LEFT, RIGHT, PicksModel
from app.views.board import Board
from app.views.parts import hold_width, keep_place, keyless, take_room, thin_bar
from app.views.pixels import to_image
from trainer.picks.records import DIMENSIONS

SAID = {None: "–", LEFT: tr("left"), RIGHT: tr("right"), "tie": tr("alike")}
HELP = {
    2: tr("Which is better?   1 or ←   left      2 or →   right      T or Space   alike"),
    3: tr("Which is the best?   1   2   3      T or Space   all alike"),
    4: tr("Which is the best?   1   2   3   4      T or Space   all alike"),
}
"""By the number of pictures."""
PRIMARY = 30
"""Height of a button that stands out, in logical pixels."""
LOOKING = tr("Z   100%      hold \\ or B   original")


class PicksWindow(QDialog):
    """Stays open beside the main window. photos: what variations would be drawn of now."""

    def __init__(self, model: PicksModel, photos: Callable[[], Sequence[Path]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Picks"))
        take_room(self, 1180, 800)
        self.model, self.photos = model, photos
        self.board = Board()
        self.board.chosen.connect(model.choose)
        self.title, self.help, self.progress = QLabel(), QLabel(), QLabel()
        self.trouble = QLabel()
        self.title.setProperty("role", "lead")
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.help.setProperty("role", "muted")
        self.help.setWordWrap(True)
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
        self.together = keyless(
            "",
            tr("Two retouches at a time, or the best of four: that teaches more, but asks about no single dimension"),
            model.switch,
        )
        self.all = keyless(
            tr("All Picks…") + "  A", tr("What was picked, import, export and withdrawing"), self._show_all
        )
        self.repair = keyless(
            tr("Repair") + "  R", tr("Go on with what is sound; the damaged file is kept beside it"), model.repair
        )
        self.draw = keyless("", tr("Draw variations of the selected photos to choose from"), self._draw)
        self.undo = keyless(tr("Undo") + "  U", tr("Take the last answer back and ask again"), model.undo)
        self.skip = keyless(tr("Skip") + "  S", tr("Ask something else"), model.skip)
        self._of: object = None
        self.board.show_images(())
        self._lay_out()
        model.changed.connect(self._refresh)
        self._refresh()

    def _lay_out(self) -> None:
        top, wrong, more, foot = (QHBoxLayout() for _ in range(4))
        wrong.addWidget(self.trouble, 1)
        wrong.addWidget(self.repair)
        top.addStrut(PRIMARY)
        top.addWidget(self.title, 1)
        for each in (self.draw, self.together, self.all):  # words that change are left of what they may not move
            top.addWidget(each)
        top.addSpacing(12)
        top.addWidget(self.undo)
        top.addWidget(self.skip)
        self.aside = QLabel(tr("If you like, also:"))
        self.aside.setProperty("role", "muted")
        more.addWidget(self.aside)
        for number, (name, button) in enumerate(self.dimensions.items(), 1):
            hold_width(button, [_said(number, name, each) for each in SAID])
            more.addWidget(button)
        more.addStretch(1)
        foot.addWidget(self.help, 1)
        foot.addWidget(self.progress)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 14)
        column.setSpacing(10)
        column.addLayout(top)
        column.addLayout(wrong)
        keep_place(self.bar)
        column.addWidget(self.bar)
        column.addWidget(self.board, 1)
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
            pictures = shown.pictures if shown is not None else ()
            original = to_image(shown.original) if shown is not None else None
            self.board.show_images([to_image(each) for each in pictures], original)
        count, drawing = len(self.photos()), model.drawing.photo is not None
        self.draw.setText((tr("Stop") if drawing else _wanted(count)) + "  D")
        self.draw.setEnabled(drawing or (count > 0 and state is not None))
        self.draw.setProperty("role", "primary" if shown is None and not drawing else "")
        self.draw.style().polish(self.draw)
        name = shown.name if shown is not None else ""
        self.title.setText(name)
        self.title.setToolTip(name)
        self.board.say(self._empty())
        problem = model.problem
        trouble = " ".join(model.trouble[:3])
        if problem:
            hint = tr("Repairing goes on with what is sound, and keeps the damaged file.")
            trouble = f"{problem.message} {hint if model.damaged else problem.hint}"
        self.trouble.setText(trouble)
        self.trouble.setVisible(bool(trouble))
        self.repair.setVisible(model.damaged)
        self.bar.setVisible(drawing)
        self.bar.setValue(round(1000 * model.drawing.progress.fraction) if model.drawing.progress else 0)
        for number, (name, button) in enumerate(self.dimensions.items(), 1):
            button.setText(_said(number, name, model.dimensions.get(name)))
            button.setVisible(model.shown in (0, FEW))
            button.setEnabled(shown is not None)
        self.aside.setVisible(model.shown in (0, FEW))
        self.together.setText((tr("Four at a Time") if model.together == FEW else tr("Two at a Time")) + "  G")
        self.all.setEnabled(state is not None and not model.busy)
        self.undo.setEnabled(state is not None and state.progress.answered > 0 and not model.busy)
        self.skip.setEnabled(shown is not None and not model.busy)
        self.help.setVisible(shown is not None)
        asked = f"{model.doing} …" if model.busy else HELP.get(model.shown, "")
        self.help.setText(f"{asked}      {LOOKING}")
        self.progress.setText(model.words)

    def _empty(self) -> str:
        """What stands where the pictures would be."""
        state, drawing = self.model.state, self.model.drawing.photo
        if drawing is not None:
            return tr("Drawing variations: {name} …", name=drawing.name)
        if state is None:
            return f"{self.model.doing} …" if self.model.busy else ""
        if state.progress.total:
            return tr("All pairs are answered. Draw more variations to go on.")
        return tr("Select some photos in the grid and draw variations of them; then say which of two is better.")

    # --- doing --------------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if self.model.drawing.photo is not None:
            self.model.drawing.stop()
        else:
            self.model.add(list(self.photos()))

    def _show_all(self) -> None:
        from app.views.pick_data import PickDataDialog

        dialog = PickDataDialog(PickData(self.model), self)
        dialog.exec()
        dialog.deleteLater()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        number = int(key) - int(Qt.Key.Key_F1)
        if self.board.pressed(event) or event.isAutoRepeat():
            return
        if key in (buttons := {Qt.Key.Key_A: self.all, Qt.Key.Key_D: self.draw, Qt.Key.Key_R: self.repair}):
            if not buttons[key].isHidden():
                buttons[key].click()
        elif key == Qt.Key.Key_S:
            self.model.skip()
        elif key == Qt.Key.Key_U:
            self.model.undo()
        elif key == Qt.Key.Key_G:
            self.model.switch()
        elif 0 <= number < len(DIMENSIONS):
            self.model.turn(DIMENSIONS[number])
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self.board.released(event):
            super().keyReleaseEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.ActivationChange:
            self._refresh()  # other photos may be selected

    def done(self, result: int) -> None:
        self.model.close()
        super().done(result)


def _said(number: int, name: str, preference: str | None) -> str:
    return f"F{number}  {NAMES[name]}: {SAID[preference]}"


def _wanted(count: int) -> str:
    return trn("Draw Variations of {count} Photo", "Draw Variations of {count} Photos", count)

"""Blind review: two retouches of the same photo on random sides, a key for every answer, and the result at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.language import tr
from app.viewmodels.labels import counted
from app.viewmodels.review import Asked, ReviewModel
from app.views.board import Board
from app.views.parts import READABLE, button, fill, form, keyless, say, take_room, thin_bar, words
from app.views.pixels import to_image
from trainer.review import Answer

ANSWERS: dict[int | None, Answer] = {0: "A", 1: "B", None: "tie"}
HELP = tr(
    "1 or ←   left      2 or →   right      T or Space   alike      U   back      Z   100%, Shift+arrows move      "
    "hold \\ or B   original"
)


class ReviewWindow(QDialog):
    """Stays open beside the main window. photos: what would be compared now."""

    def __init__(self, model: ReviewModel, photos: Callable[[], Sequence[Path]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Blind Review"))
        take_room(self, 1180, 800)
        self.model, self.photos = model, photos
        self._of: Asked | None = None
        self._wanted = ""
        self.title, self.said, self.trouble = words("title"), words("muted"), words("warning")
        self.help = words("muted", HELP)
        self.bar = thin_bar(tr("Progress of the review"))
        self.board = Board()
        self.board.chosen.connect(lambda place: model.answer(ANSWERS[place]))
        self.back = keyless(tr("Back") + "  U", tr("Ask the question before again"), model.back)
        self.again = button(tr("New Review"), tr("Compare others, or the same again"), model.put_away)
        self.start = button(tr("Begin"), tr("Draw the pairs, then ask"), self._begin, "primary")
        self.setup, self.outcome = self._make_setup(), words("muted")
        self.outcome.setMaximumWidth(READABLE)
        self.outcome.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.pages = QStackedWidget()
        for page in (self.setup, self.board, self.outcome):
            self.pages.addWidget(page)
        self._lay_out()
        model.changed.connect(self._refresh)
        self._refresh()

    def _make_setup(self) -> QWidget:
        page = QWidget()
        self.policy, self.against, self.chosen = QComboBox(), QComboBox(), words("")
        rows = form([(tr("Policy"), self.policy), (tr("Against"), self.against), (tr("Photos"), self.chosen)])
        for each in (self.policy, self.against):
            each.activated.connect(lambda: self._refresh())
        promise = words(
            "muted",
            tr(
                "Each photo is shown with both retouches, on random sides and without a name. Some come again with "
                "sides turned: that measures you. Take photos that nothing was trained on; a dozen tell something."
            ),
        )
        promise.setMaximumWidth(READABLE)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(18)
        column.addLayout(rows)
        column.addWidget(promise)
        column.addStretch(1)
        return page

    def _lay_out(self) -> None:
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.help, 1)
        foot.addWidget(self.again)
        foot.addStretch(0)
        foot.addWidget(self.back)
        foot.addWidget(self.start)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        for each in (self.title, self.said, self.trouble, self.bar):
            column.addWidget(each)
        column.addWidget(self.pages, 1)
        column.addLayout(foot)

    def begin(self, policy: str = "") -> None:
        """Show the window. policy: the one to review, if a training has just made it."""
        self._wanted = policy
        self.show()
        self.raise_()
        self.activateWindow()
        self.setFocus()
        self.model.refresh()

    # --- showing ------------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        model, asked, problem = self.model, self.model.asked, self.model.problem
        if asked is not self._of:
            self._of = asked
            pictures = () if asked is None else (asked.first, asked.second, asked.original)
            shown = [to_image(each) for each in pictures if each is not None]
            self.board.show_images(shown[:2], shown[2] if len(shown) == 3 else None)
            self.setFocus()
        asking, ended = asked is not None and bool(asked.pair), asked is not None and not asked.pair
        self.pages.setCurrentWidget(self.board if asking else self.outcome if ended else self.setup)
        say(self.title, model.title)
        say(self.trouble, f"{problem.message} {problem.hint}" if problem else "")
        self.outcome.setText("\n\n".join(model.said))
        self.bar.setVisible(model.drawing or asking)
        answered = (asked.number - 1) / asked.count if asked is not None else 0.0
        self.bar.setValue(round(1000 * (model.fraction if model.drawing else answered)))
        self.help.setVisible(asking)
        self.back.setVisible(asked is not None)
        self.back.setEnabled(model.can_go_back and not model.busy)
        self.again.setVisible(ended)
        self.start.setVisible(asked is None)
        self._show_setup()

    def _show_setup(self) -> None:
        model, count = self.model, len(self.photos())
        names = [(name, name) for name in model.policies]
        wanted = self._wanted or self.policy.currentData()
        fill(self.policy, names, wanted)
        others = [each for each in names if each[0] != self.policy.currentData()]
        fill(self.against, others, self.against.currentData() or (others[-1][0] if others else None))
        self._wanted = ""
        own = tr("The selected ones: {photos}", photos=counted(count, "photo", "photos"))
        self.chosen.setText(own if count else tr("None is selected"))
        hint = ""
        if model.asked is None and model.policies:
            if not others:
                hint = tr("There is only the shipped policy. Train or import another one first.")
            elif not count:
                hint = tr("Select some photos in the grid.")
        say(self.said, hint)
        self.start.setEnabled(bool(others) and count > 0 and not model.drawing and not model.busy)
        for each in (self.policy, self.against):
            each.setEnabled(each.count() > 0 and not model.drawing)

    # --- doing --------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self.model.make(list(self.photos()), self.policy.currentData(), self.against.currentData())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if self.pages.currentWidget() is not self.board:
            super().keyPressEvent(event)
        elif self.board.pressed(event) or event.isAutoRepeat():
            return
        elif key == Qt.Key.Key_U:
            self.model.back()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self.board.released(event):
            super().keyReleaseEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.ActivationChange:
            self._refresh()  # other photos may be selected

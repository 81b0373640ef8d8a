"""The error banner: one sentence, what to do, an action, and the details to copy."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout

from app.language import tr
from app.viewmodels.photo import PhotoModel
from app.viewmodels.state import Change

ACTIONS = {"open": tr("Open another…"), "retouch": tr("Try again"), "export": tr("Export again…")}


class Banner(QFrame):
    """Shows `PhotoModel.problem`; hidden while there is none."""

    acted = Signal(str)
    """(action) when the person takes the proposed way out."""

    def __init__(self, photo: PhotoModel) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.photo = photo
        self.message, self.hint = _words("message"), _words("hint")
        self.action = QPushButton()
        self.copy = QPushButton(tr("Copy details"))
        self.close_button = QPushButton(tr("Dismiss"))
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.message)
        words.addWidget(self.hint)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 9, 12, 9)
        layout.setSpacing(8)
        layout.addLayout(words, 1)
        for button in (self.action, self.copy, self.close_button):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys where they are
            layout.addWidget(button)
        self.action.clicked.connect(self._act)
        self.copy.clicked.connect(self._copy)
        self.close_button.clicked.connect(photo.dismiss)
        photo.changed.connect(self._refresh)
        self.hide()

    def _refresh(self, change: Change) -> None:
        if Change.PROBLEM not in change:
            return
        problem = self.photo.problem
        self.setVisible(problem is not None)
        if problem is not None:
            self.message.setText(problem.message)
            self.hint.setText(problem.hint)
            self.hint.setVisible(bool(problem.hint))
            self.action.setText(ACTIONS.get(problem.action, ""))
            self.action.setVisible(problem.action in ACTIONS)
            self.copy.setText(tr("Copy details"))

    def _act(self) -> None:
        problem = self.photo.problem
        self.photo.dismiss()
        if problem is not None:
            self.acted.emit(problem.action)

    def _copy(self) -> None:
        if self.photo.problem is not None:
            QGuiApplication.clipboard().setText(self.photo.problem.details)
            self.copy.setText(tr("Copied"))


def _words(role: str) -> QLabel:
    label = QLabel()
    label.setProperty("role", role)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    return label

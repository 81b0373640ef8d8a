"""A strip between toolbar and picture."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from app.language import tr


class Strip(QFrame):
    """A sentence over the picture that stays until it is dismissed, with at most one thing to do."""

    acted = Signal()
    dismissed = Signal()

    def __init__(self, message: str, hint: str, action: str = "", dismiss: str = "") -> None:
        super().__init__()
        self.setObjectName("strip")
        words = QVBoxLayout()
        words.setSpacing(2)
        for text, role in ((message, "message"), (hint, "hint")):
            label = QLabel(text)
            label.setProperty("role", role)
            label.setWordWrap(True)
            words.addWidget(label)
        self.action, self.dismiss = QPushButton(action), QPushButton(dismiss or tr("Dismiss"))
        self.action.setVisible(bool(action))
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 9, 12, 9)
        row.setSpacing(8)
        row.addLayout(words, 1)
        for button in (self.action, self.dismiss):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys where they are
            row.addWidget(button)
        self.action.clicked.connect(self.acted)
        self.dismiss.clicked.connect(self.hide)
        self.dismiss.clicked.connect(self.dismissed)

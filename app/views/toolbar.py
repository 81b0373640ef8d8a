"""The bar over the canvas: opening and undo, comparison, marks and zoom."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton

from app.viewmodels.compare import Mode
from app.views.parts import make_way


class Toolbar(QFrame):
    """Buttons for actions of the window; the segments are the comparison's modes."""

    def __init__(
        self,
        modes: dict[Mode, QAction],
        left: tuple[QAction, ...],
        right: tuple[QAction, ...],
    ) -> None:
        super().__init__()
        self.setObjectName("toolbar")
        self.setFixedHeight(44)
        first, last = [_button(action) for action in left], [_button(action) for action in right]
        self._spare = [*reversed(last), *reversed(first)]
        """What the menus have too, in the order in which it makes way."""
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 0, 12, 0)
        layout.setSpacing(4)
        for each in first:
            layout.addWidget(each)
        layout.addStretch(1)
        segments = QFrame()
        segments.setObjectName("segments")
        row = QHBoxLayout(segments)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(1)
        for mode in modes:
            button = QToolButton()
            button.setDefaultAction(modes[mode])
            row.addWidget(button)
        layout.addWidget(segments, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addStretch(1)
        for each in last:
            layout.addWidget(each)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        make_way(self, self._spare)


def _button(action: QAction) -> QToolButton:
    button = QToolButton()
    button.setProperty("role", "flat")
    button.setDefaultAction(action)
    return button

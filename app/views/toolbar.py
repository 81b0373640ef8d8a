"""The bar over the canvas: comparison, marks, zoom, undo."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from app.viewmodels.compare import CompareModel, Mode
from app.viewmodels.photo import PhotoModel, Stage

MODES = ((Mode.AFTER, "After"), (Mode.WIPE, "Wipe"), (Mode.SIDE, "Side by side"), (Mode.STACKED, "Top / bottom"))


class Toolbar(QFrame):
    """Buttons for actions of the window; the segments show the comparison's mode."""

    def __init__(
        self,
        photo: PhotoModel,
        compare: CompareModel,
        modes: dict[Mode, QAction],
        left: tuple[QAction, ...],
        right: tuple[QAction, ...],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("toolbar")
        self.setFixedHeight(44)
        self.photo, self.compare = photo, compare
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 0, 12, 0)
        layout.setSpacing(4)
        for action in left:
            layout.addWidget(_button(action))
        layout.addStretch(1)
        segments = QFrame()
        segments.setObjectName("segments")
        row = QHBoxLayout(segments)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(1)
        group = QButtonGroup(self)
        for mode, title in MODES:
            button = QToolButton()
            button.setDefaultAction(modes[mode])
            button.setText(title)
            group.addButton(button)
            row.addWidget(button)
        layout.addWidget(segments)
        layout.addStretch(1)
        for action in right:
            layout.addWidget(_button(action))
        self.zoom = QLabel()
        self.zoom.setProperty("role", "muted")
        self.zoom.setFixedWidth(46)
        layout.addWidget(self.zoom)
        compare.changed.connect(self._refresh)
        photo.changed.connect(self._refresh)
        self._refresh()

    def _refresh(self, _: object = None) -> None:
        viewport = self.compare.viewport
        shown = viewport is not None and self.photo.stage in (Stage.OPEN, Stage.PROPOSED)
        self.zoom.setText(f"{viewport.zoom * 100:.0f}%" if viewport is not None and shown else "")


def _button(action: QAction) -> QToolButton:
    button = QToolButton()
    button.setProperty("role", "flat")
    button.setDefaultAction(action)
    return button

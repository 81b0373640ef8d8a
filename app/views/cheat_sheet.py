"""The cheat sheet: every action and its keys on one page, drawn from the table of actions."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.language import tr
from app.viewmodels.actions import FIXED, grouped
from app.viewmodels.shortcuts import Shortcuts, shown
from app.views.parts import room_of, scrolling, section, take_room

Blocks = list[tuple[str, list[tuple[str, str]]]]
"""(group, (keys, what it does))."""
COLUMNS = 3
"""At most; fewer on a narrow screen."""
BAR = 8
"""Width of a scroll bar."""
SERIES = {
    "stars": tr("No stars to five"),
    "label": tr("Red, yellow, green, blue label"),
    "only_stars": tr("Filter: so many stars"),
    "only_label": tr("Filter: this label"),
    "only_flag": tr("Filter: picked, rejected, no flag"),
}
"""Actions that share a line."""


class CheatSheet(QDialog):
    """Closes with Escape, with its own key, or with the button."""

    def __init__(self, shortcuts: Shortcuts, edit: QPushButton, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keyboard Shortcuts"))
        self.shortcuts = shortcuts
        room = room_of(parent or self)
        blocks = self._blocks()
        # Words and keys are longer in other languages.
        pages = (_page(blocks, columns) for columns in range(COLUMNS, 0, -1))
        page = next((each for each in pages if each.sizeHint().width() + BAR <= room.width()), None) or _page(blocks, 1)
        scroll = scrolling(page, across=True)
        scroll.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # nothing in it takes the keys that move it
        scroll.setAccessibleName(tr("Keyboard Shortcuts"))
        self.close_button = QPushButton(tr("Close"))
        self.close_button.setDefault(True)
        self.close_button.clicked.connect(self.accept)
        edit.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.setContentsMargins(16, 10, 16, 12)
        foot.addWidget(edit)
        foot.addStretch()
        foot.addWidget(self.close_button)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)
        whole.addLayout(foot)
        size = page.sizeHint()
        take_room(self, max(1160, size.width() + BAR), size.height() + foot.sizeHint().height())

    def _blocks(self) -> Blocks:
        """What has no keys is left out."""
        blocks = []
        for group, infos in grouped():
            lines: dict[str, list[str]] = {}
            for info in infos:
                title = SERIES.get(info.id.rpartition("_")[0], info.title.rstrip("…"))
                lines.setdefault(title, []).extend(map(shown, self.shortcuts.keys(info.id)))
            blocks.append((group, [(_row(keys), title) for title, keys in lines.items() if keys]))
        blocks.append((tr("On the Spot"), list(FIXED)))
        return [block for block in blocks if block[1]]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_F1, Qt.Key.Key_Question):
            self.accept()
        else:
            super().keyPressEvent(event)


def _row(keys: list[str]) -> str:
    """Keys on one line; what they all begin with stands there once."""
    first, comma, _ = keys[0].rpartition(", ")
    same = first + comma
    return (
        same + " ".join(key.removeprefix(same) for key in keys)
        if all(key.startswith(same) for key in keys)
        else " ".join(keys)
    )


def _page(blocks: Blocks, columns: int) -> QWidget:
    page = QWidget()
    across = QHBoxLayout(page)
    across.setContentsMargins(28, 22, 28, 22)
    across.setSpacing(44)
    for column in _balanced(blocks, columns):
        stack = QVBoxLayout()
        stack.setSpacing(22)
        for title, lines in column:
            stack.addLayout(_block(title, lines))
        stack.addStretch()
        across.addLayout(stack, 1)
    return page


def _balanced(blocks: Blocks, number: int) -> list[Blocks]:
    """Blocks in their order, in columns of about the same height."""
    heights = [len(lines) + 2 for _, lines in blocks]
    share = sum(heights) / number
    columns: list[Blocks] = [[] for _ in range(number)]
    before = 0
    for block, height in zip(blocks, heights, strict=True):
        columns[min(int((before + height / 2) / share), number - 1)].append(block)
        before += height
    return columns


def _block(title: str, lines: list[tuple[str, str]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(14)
    grid.setVerticalSpacing(5)
    grid.addWidget(section(title), 0, 0, 1, 2)
    for row, (keys, what) in enumerate(lines, 1):
        key = QLabel(keys)
        key.setProperty("role", "key")
        key.setTextFormat(Qt.TextFormat.PlainText)
        grid.addWidget(QLabel(what), row, 0)
        grid.addWidget(key, row, 1, Qt.AlignmentFlag.AlignRight)
    grid.setColumnStretch(0, 1)
    return grid

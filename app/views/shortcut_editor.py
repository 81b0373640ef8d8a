"""Shortcuts as a list that can be edited: press the keys that an action shall have; a conflict is asked about."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QKeyCombination, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.language import tr
from app.viewmodels.actions import ACTIONS, ActionInfo, grouped
from app.viewmodels.preferences import SHORTCUTS, matches
from app.viewmodels.shortcuts import Shortcuts, shown
from app.views.parts import keep_place, section, words

MODIFIERS = (Qt.Key.Key_Control, Qt.Key.Key_Shift, Qt.Key.Key_Alt, Qt.Key.Key_Meta, Qt.Key.Key_AltGr)
LEAVE = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)


class ShortcutEditor(QWidget):
    """One row per action, in the groups of the table."""

    def __init__(self, shortcuts: Shortcuts) -> None:
        super().__init__()
        self.shortcuts = shortcuts
        self.rows: dict[str, ShortcutRow] = {}
        self.headings: dict[str, QLabel] = {}
        lead = words("muted", tr("Click a field and press the keys. Backspace removes them."))
        self.all = QPushButton(tr("All as at First"))
        self.all.clicked.connect(shortcuts.reset_all)
        top = QHBoxLayout()
        top.addWidget(lead, 1)
        top.addWidget(self.all)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(2)
        column.addLayout(top)
        for group, infos in grouped():
            heading = section(group)
            heading.setContentsMargins(0, 14, 0, 4)
            column.addWidget(heading)
            self.headings[group] = heading
            for info in infos:
                self.rows[info.id] = ShortcutRow(info, shortcuts)
                column.addWidget(self.rows[info.id])

    def filter(self, query: str) -> bool:
        """Show the actions with these words or keys. Returns: whether there are any."""
        some = False
        for group, infos in grouped():
            hits = {
                i.id for i in infos if matches(query, SHORTCUTS, group, i.title, i.help, *self.shortcuts.keys(i.id))
            }
            for info in infos:
                self.rows[info.id].setVisible(info.id in hits)
            self.headings[group].setVisible(bool(hits))
            some = some or bool(hits)
        return some


class ShortcutRow(QFrame):
    """An action, its keys, and what to do when the keys belong to another one."""

    def __init__(self, info: ActionInfo, shortcuts: Shortcuts) -> None:
        super().__init__()
        self.info, self.shortcuts = info, shortcuts
        self._wanted = ""
        name = QLabel(info.title)
        name.setToolTip(info.help)
        self.field = KeyField()
        self.field.setFixedWidth(190)
        self.field.setAccessibleName(tr("Keys of {title}", title=info.title))
        self.field.setAccessibleDescription(info.help)
        name.setBuddy(self.field)
        self.reset = QPushButton("↺")
        self.reset.setProperty("role", "flat")
        self.reset.setFixedWidth(28)
        self.reset.setToolTip(tr("Back to the default"))
        self.reset.setAccessibleName(tr("Keys of {title}: back to the default", title=info.title))
        keep_place(self.reset)
        self.conflict = QLabel()
        self.conflict.setProperty("role", "warning")
        self.conflict.setWordWrap(True)
        self.take, self.leave = QPushButton(tr("Use Here")), QPushButton(tr("Leave"))
        line = QHBoxLayout()
        line.setSpacing(16)
        line.addWidget(name, 1)
        line.addWidget(self.field)
        line.addWidget(self.reset)
        self.question = QWidget()
        ask = QHBoxLayout(self.question)
        ask.setContentsMargins(0, 4, 44, 8)
        ask.addWidget(self.conflict, 1)
        ask.addWidget(self.take)
        ask.addWidget(self.leave)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(line)
        column.addWidget(self.question)
        self.question.hide()
        self.field.pressed.connect(self._pressed)
        self.field.cleared.connect(lambda: self._give(""))
        self.take.clicked.connect(lambda: self._give(self._wanted))
        self.leave.clicked.connect(self._refresh)
        self.reset.clicked.connect(lambda: shortcuts.reset(info.id))
        shortcuts.changed.connect(self._refresh)
        self._refresh()

    def _pressed(self, keys: str) -> None:
        owner = self.shortcuts.owner(keys, but=self.info.id)
        if owner is None:
            self._give(keys)
            return
        self._wanted = keys
        self.field.setText(shown(keys))
        self.conflict.setText(tr("{shown} belongs to “{title}”.", shown=shown(keys), title=ACTIONS[owner].title))
        self.question.show()
        self.take.setFocus()

    def _give(self, keys: str) -> None:
        self.shortcuts.set(self.info.id, [keys] if keys else [])
        self._refresh()

    def _refresh(self) -> None:
        self.question.hide()
        self.field.setText("   ".join(map(shown, self.shortcuts.keys(self.info.id))))
        self.reset.setVisible(self.shortcuts.changed_from_default(self.info.id))


class KeyField(QLineEdit):
    """Takes the next key combination instead of text. Tab leaves it, as everywhere."""

    pressed = Signal(str)
    """(keys) as portable text."""
    cleared = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setPlaceholderText(tr("None"))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)

    def event(self, event: QEvent) -> bool:
        # Otherwise the window's own shortcuts would take the keys.
        if event.type() is QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in LEAVE:
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_Backspace and not event.modifiers():
            self.cleared.emit()
        elif key not in MODIFIERS and key != Qt.Key.Key_unknown:
            self.pressed.emit(QKeySequence(_plain(event)).toString())


def _plain(event: QKeyEvent) -> QKeyCombination:
    """Without the keypad's mark, and without Shift where the sign already says it, as for "?"."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    text = event.text()
    if text.isprintable() and text and not text.isalnum() and not text.isspace():
        modifiers &= ~Qt.KeyboardModifier.ShiftModifier
    return QKeyCombination(modifiers, Qt.Key(event.key()))

"""The settings window: sections to the left, one line per setting, a search over all of them. Changes count at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.language import tr
from app.settings.schema import SRGB
from app.viewmodels.preferences import (
    PREFERENCES,
    SECTIONS,
    SHORTCUTS,
    Choice,
    Number,
    Preference,
    Profile,
    Switch,
    default,
    found,
    waiting,
)
from app.viewmodels.settings import SettingsModel
from app.viewmodels.shortcuts import Shortcuts
from app.views.parts import ask_profile, number, scrolling, take_room
from app.views.shortcut_editor import ShortcutEditor
from app.views.strip import Strip

CONTROL_WIDTH = 230


class SettingsWindow(QDialog):
    """Shows a `SettingsModel`."""

    restart_wanted = Signal()

    def __init__(self, settings: SettingsModel, shortcuts: Shortcuts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Settings"))
        take_room(self, 860, 600)
        self.setMinimumSize(700, 420)
        self.settings = settings
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search"))
        self.search.setAccessibleName(tr("Search settings"))
        self.search.setClearButtonEnabled(True)
        self.sections = QListWidget()
        self.sections.setObjectName("sections")
        self.sections.setAccessibleName(tr("Sections"))
        self.sections.addItems(SECTIONS)
        self.rows = {each.name: PreferenceRow(each, settings) for each in PREFERENCES}
        self.headings = {section: _heading(section) for section in SECTIONS}
        self.editor = ShortcutEditor(shortcuts)
        self.nothing = QLabel(tr("No setting has these words."))
        self.nothing.setProperty("role", "lead")
        self.strip = Strip(
            tr("Some changes count from the next start on."),
            tr("Porelight comes back with the same photo."),
            tr("Restart Now"),
            tr("Later"),
        )
        self.strip.acted.connect(self.restart_wanted)
        self.strip.setVisible(waiting(settings))
        settings.changed.connect(lambda _: self.strip.setVisible(waiting(settings)))
        self._lay_out()
        self.search.textChanged.connect(self._show)
        self.sections.currentRowChanged.connect(self._section_chosen)
        self.sections.setCurrentRow(0)
        self.search.setFocus()

    def _lay_out(self) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(24, 16, 24, 24)
        column.setSpacing(0)
        for section in SECTIONS:
            column.addWidget(self.headings[section])
            for each in PREFERENCES:
                if each.section == section:
                    column.addWidget(self.rows[each.name])
        column.addWidget(self.editor)
        column.addWidget(self.nothing)
        column.addStretch()
        left = QVBoxLayout()
        left.setContentsMargins(12, 12, 12, 12)
        left.setSpacing(12)
        left.addWidget(self.search)
        left.addWidget(self.sections, 1)
        side = QFrame()
        side.setFixedWidth(214)
        self.sections.setFixedWidth(190)
        side.setLayout(left)
        right = QVBoxLayout()
        right.addWidget(scrolling(page, across=True), 1)
        right.addWidget(self.strip)
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        across.addWidget(side)
        across.addLayout(right, 1)

    def _section_chosen(self, row: int) -> None:
        if row >= 0:
            self.search.clear()
            self._show()

    def _show(self) -> None:
        """The chosen section, or everything with the words that are searched for."""
        query = self.search.text().strip()
        with QSignalBlocker(self.sections):
            if query:
                self.sections.setCurrentRow(-1)
            elif self.sections.currentRow() < 0:
                self.sections.setCurrentRow(0)
        section = SECTIONS[max(self.sections.currentRow(), 0)]
        names = {each.name for each in (found(query) if query else PREFERENCES)}
        shown = {each.name for each in PREFERENCES if each.name in names and (query or each.section == section)}
        for name, row in self.rows.items():
            row.setVisible(name in shown)
        some = self.editor.filter(query) if query else section == SHORTCUTS and self.editor.filter("")
        self.editor.setVisible(some)
        for name, heading in self.headings.items():
            own = any(each.section == name and each.name in shown for each in PREFERENCES)
            heading.setVisible(own or (name == SHORTCUTS and some))
        self.nothing.setVisible(not shown and not some)


class PreferenceRow(QFrame):
    """One setting: what it is and does to the left, the control to the right, a way back to the default."""

    def __init__(self, preference: Preference, settings: SettingsModel) -> None:
        super().__init__()
        self.preference, self.settings = preference, settings
        self.setObjectName("preference")
        title = QLabel(preference.title)
        title.setWordWrap(True)
        help = QLabel(preference.help + (tr(" From the next start on.") if preference.restart else ""))
        help.setProperty("role", "muted")
        help.setWordWrap(True)
        self.control = self._make_control()
        self.control.setAccessibleName(preference.title)
        self.control.setAccessibleDescription(preference.help)
        title.setBuddy(self.control)
        self.reset = QPushButton("↺")
        self.reset.setProperty("role", "flat")
        self.reset.setFixedWidth(28)
        self.reset.setToolTip(tr("Back to the default"))
        self.reset.setAccessibleName(tr("{title}: back to the default", title=preference.title))
        self.reset.clicked.connect(lambda: settings.reset(preference.name))
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addWidget(title)
        words.addWidget(help)
        right = QWidget()
        right.setFixedWidth(CONTROL_WIDTH)
        box = QHBoxLayout(right)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.control, 1 if not isinstance(preference.control, Switch) else 0)
        if isinstance(preference.control, Switch):
            box.addStretch()
        policy = self.reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.reset.setSizePolicy(policy)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 12, 0, 12)
        row.setSpacing(16)
        row.addLayout(words, 1)
        row.addWidget(right)
        row.addWidget(self.reset)
        settings.changed.connect(lambda names: self._refresh() if preference.name in names else None)
        self._refresh()

    def _make_control(self) -> QWidget:
        control, change = self.preference.control, self._change
        if isinstance(control, Choice):
            combo = QComboBox()
            for value, text in control.options:
                combo.addItem(text, value)
            combo.activated.connect(lambda row: change(combo.itemData(row)))
            return combo
        if isinstance(control, Number):
            spin = number(control.low, control.high, control.unit)
            spin.setSingleStep(control.step)
            spin.setSpecialValueText(control.zero)
            spin.setKeyboardTracking(False)
            spin.valueChanged.connect(change)
            return spin
        if isinstance(control, Switch):
            box = QCheckBox()
            box.toggled.connect(change)
            return box
        combo = QComboBox()
        combo.activated.connect(lambda row: self._choose_profile(combo.itemData(row)))
        return combo

    def _refresh(self) -> None:
        value = getattr(self.settings.values, self.preference.name)
        control: Any = self.control
        with QSignalBlocker(self.control):
            if isinstance(self.preference.control, Choice):
                control.setCurrentIndex(max(control.findData(value), 0))
            elif isinstance(self.preference.control, Number):
                control.setValue(value)
            elif isinstance(self.preference.control, Switch):
                control.setChecked(value)
            elif isinstance(self.preference.control, Profile):
                control.clear()
                control.addItem(tr("As the system"), None)
                control.addItem(SRGB, SRGB)
                if value not in (None, SRGB):
                    control.addItem(Path(value).stem, value)
                control.addItem(tr("Choose Profile…"), "")
                control.setCurrentIndex(control.findData(value))
        self.reset.setVisible(value != default(self.preference.name))

    def _change(self, value: object) -> None:
        self.settings.set(**{self.preference.name: value})

    def _choose_profile(self, value: str | None) -> None:
        chosen = ask_profile(self) if value == "" else value
        if chosen != "":
            self._change(chosen)
        self._refresh()


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "title")
    label.setContentsMargins(0, 8, 0, 8)
    return label

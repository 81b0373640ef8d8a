"""The settings as the window follows them: one object that everybody listens to. No widgets."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from app.language import tr
from app.settings.schema import FIELDS, Settings
from app.settings.store import SettingsStore


class SettingsModel(QObject):
    """values: all settings as they are now."""

    changed = Signal(object)
    """(frozenset of names) whose values are new."""
    noticed = Signal(str)
    """A sentence for the status bar."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.store = SettingsStore()
        self.values = self.started = self.store.load()
        """started: as they were when the program started."""
        self.notice = self.store.notice

    def set(self, **changes: Any) -> None:
        """Change settings and keep them. What cannot be kept is used until the end, and said.

        Raises: ValidationError."""
        before = self.values
        try:
            self.values = self.store.save(changes)
        except OSError as error:
            self.values = Settings.model_validate({**before.model_dump(), **changes})
            self.noticed.emit(tr("The settings cannot be kept: {strerror}.", strerror=error.strerror))
        names = frozenset(name for name in FIELDS if getattr(before, name) != getattr(self.values, name))
        if names:
            self.changed.emit(names)

    def reset(self, *names: str) -> None:
        """Back to the defaults."""
        fresh = Settings()
        self.set(**{name: getattr(fresh, name) for name in names})

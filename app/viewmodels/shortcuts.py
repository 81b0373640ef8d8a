"""Which keys do what: the table's defaults and what the person changed. No widgets."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QKeySequence

from app.language import tr
from app.viewmodels.actions import ACTIONS
from app.viewmodels.settings import SettingsModel


def normal(keys: str) -> str:
    """One spelling for each key sequence; empty for what is none."""
    return QKeySequence(keys, QKeySequence.SequenceFormat.PortableText).toString()


def shown(keys: str) -> str:
    """A key sequence as this platform writes it."""
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)


def clash(one: str, other: str) -> bool:
    """Whether two normal sequences are the same, or one begins the other."""
    return f"{one}, ".startswith(f"{other}, ") or f"{other}, ".startswith(f"{one}, ")


class Shortcuts(QObject):
    """Keys by action. No key belongs to two actions, nor begins another's."""

    changed = Signal()
    begun = Signal(str)
    """What may follow the key that was pressed, in words; empty once another one was released."""

    def __init__(self, settings: SettingsModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.settings = settings
        self._first = ""
        self._now = self._all()
        settings.changed.connect(self._settle)

    def _settle(self, names: frozenset[str]) -> None:
        if "keys" in names:
            self._now = self._all()
            self.changed.emit()

    def keys(self, action: str) -> tuple[str, ...]:
        """Key sequences of an action, the one to show first."""
        return self._now[action]

    def owner(self, keys: str, but: str = "") -> str | None:
        """The first action that a key sequence belongs to, or begins the keys of, if it is another one than `but`."""
        wanted = normal(keys)
        return next((id for id, own in self._now.items() if id != but and any(clash(wanted, key) for key in own)), None)

    def pressed(self, keys: str) -> None:
        """A key that no widget wants for itself: say what may follow it, if it begins anything."""
        own = [key for each in self._now.values() for key in each if key.startswith(f"{keys}, ")]
        if own:
            self._first = keys
            following = " ".join(shown(key.removeprefix(f"{keys}, ")) for key in own)
            self.begun.emit(tr("{keys}, then one of these: {following}", keys=shown(keys), following=following))

    def released(self, keys: str) -> None:
        """Whatever key follows, it is no longer said what may."""
        if self._first not in ("", keys):
            self._first = ""
            self.begun.emit("")

    def changed_from_default(self, action: str) -> bool:
        return self.keys(action) != tuple(map(normal, ACTIONS[action].keys))

    def set(self, action: str, keys: Sequence[str]) -> None:
        """Give keys to an action; whoever had one of them loses it."""
        now = self._now
        wanted = tuple(dict.fromkeys(found for each in keys if (found := normal(each))))
        now = {id: tuple(key for key in own if not any(clash(key, each) for each in wanted)) for id, own in now.items()}
        now[action] = wanted
        self._keep(now)

    def reset(self, action: str) -> None:
        """The default keys of an action; whoever has one of them now loses it."""
        self.set(action, ACTIONS[action].keys)

    def reset_all(self) -> None:
        self.settings.reset("keys")

    def _all(self) -> dict[str, tuple[str, ...]]:
        """Unknown actions and keys in the settings are passed over; of two owners the first one keeps the key."""
        own = self.settings.values.keys
        found = {id: tuple(map(normal, own.get(id, info.keys))) for id, info in ACTIONS.items()}
        taken: set[str] = set()
        # What the person chose comes before the defaults.
        for id in sorted(found, key=lambda id: id not in own):
            found[id] = tuple(key for key in found[id] if key and not any(clash(key, each) for each in taken))
            taken |= set(found[id])
        return found

    def _keep(self, keys: dict[str, tuple[str, ...]]) -> None:
        known = {id: own for id, own in keys.items() if own != tuple(map(normal, ACTIONS[id].keys))}
        foreign = {id: own for id, own in self.settings.values.keys.items() if id not in ACTIONS}
        self.settings.set(keys={**foreign, **known})

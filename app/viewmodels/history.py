"""Undo and redo over immutable states, any of which can be gone back to, and named snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S")


@dataclass(frozen=True)
class Entry(Generic[S]):
    """A state and what led to it. time: ISO 8601, UTC, empty for the first."""

    label: str
    state: S
    time: str = ""


class History(Generic[S]):
    """A list of states with a position. Entries pushed in a row with `merge` and the same `key` become one."""

    def __init__(self, state: S, label: str = "") -> None:
        self._entries: list[Entry[S]] = [Entry(label, state)]
        self._position = 0
        self._key: object = None
        self.snapshots: dict[str, S] = {}

    @classmethod
    def of(cls, entries: Sequence[Entry[S]], position: int) -> History[S]:
        """A history that was kept. entries: at least one."""
        history = cls(entries[0].state)
        history._entries, history._position = list(entries), position
        return history

    @property
    def entries(self) -> tuple[Entry[S], ...]:
        """Oldest first; those after `position` were undone."""
        return tuple(self._entries)

    @property
    def position(self) -> int:
        return self._position

    @property
    def state(self) -> S:
        return self._entries[self._position].state

    @property
    def last_done(self) -> Entry[S] | None:
        """What undo would take back."""
        return self._entries[self._position] if self._position else None

    @property
    def last_undone(self) -> Entry[S] | None:
        """What redo would do again."""
        return self._entries[self._position + 1] if self._position + 1 < len(self._entries) else None

    def push(self, label: str, state: S, *, key: object = None, merge: bool = False, time: str = "") -> bool:
        """Add a state after the current one; everything that was undone is forgotten. Returns: whether it differs."""
        if state == self.state:
            return False
        del self._entries[self._position + 1 :]
        if merge and key == self._key and self._position:
            self._entries[self._position] = Entry(label, state, time)
        else:
            self._entries.append(Entry(label, state, time))
            self._position += 1
        self._key = key if merge else None
        return True

    def go(self, position: int) -> S:
        """Go to any entry; beyond an end, to the last one there."""
        self._position, self._key = min(max(position, 0), len(self._entries) - 1), None
        return self.state

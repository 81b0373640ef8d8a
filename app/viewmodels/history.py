"""Undo and redo over immutable states."""

from __future__ import annotations

from typing import Generic, TypeVar

S = TypeVar("S")


class History(Generic[S]):
    """A list of states with a position. Entries pushed in a row with `merge` and the same `key` become one."""

    def __init__(self, state: S) -> None:
        self._entries: list[tuple[str, S]] = [("", state)]
        self._position = 0
        self._key: object = None

    @property
    def state(self) -> S:
        return self._entries[self._position][1]

    @property
    def undo_label(self) -> str:
        """What undo would take back; empty if there is nothing."""
        return self._entries[self._position][0] if self._position else ""

    @property
    def redo_label(self) -> str:
        """What redo would do again; empty if there is nothing."""
        return self._entries[self._position + 1][0] if self._position + 1 < len(self._entries) else ""

    def push(self, label: str, state: S, *, key: object = None, merge: bool = False) -> None:
        """Add a state after the current one; everything that was undone is forgotten."""
        if state == self.state:
            return
        del self._entries[self._position + 1 :]
        if merge and key == self._key and self._position:
            self._entries[self._position] = (label, state)
        else:
            self._entries.append((label, state))
            self._position += 1
        self._key = key if merge else None

    def undo(self) -> S:
        """Go one back, if there is one."""
        self._position, self._key = max(self._position - 1, 0), None
        return self.state

    def redo(self) -> S:
        """Go one forward, if there is one."""
        self._position, self._key = min(self._position + 1, len(self._entries) - 1), None
        return self.state

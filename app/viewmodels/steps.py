"""What was done and can be undone, and what was undone and can be done again. No widgets."""

from __future__ import annotations

from typing import Generic, TypeVar

S = TypeVar("S")


class Steps(Generic[S]):
    """Two stacks, the last step at the end of each."""

    def __init__(self) -> None:
        self.done: list[S] = []
        self.undone: list[S] = []

    @property
    def last_done(self) -> S | None:
        """What undo would take back."""
        return self.done[-1] if self.done else None

    @property
    def last_undone(self) -> S | None:
        """What redo would do again."""
        return self.undone[-1] if self.undone else None

    def push(self, step: S) -> None:
        """Something new was done: what was undone is forgotten."""
        self.done.append(step)
        self.undone.clear()

    def forget(self) -> None:
        """Nothing can be undone or done again."""
        self.done.clear()
        self.undone.clear()

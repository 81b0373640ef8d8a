"""One undo for all: the open photo's history, and the stars, labels and flags of all photos. No widgets.

What was done last is undone first, whichever it was; what was undone last is done again first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.viewmodels.library import LibraryModel, View
from app.viewmodels.photo import PhotoModel
from app.viewmodels.state import Stage


@dataclass(frozen=True)
class Way:
    """Something that can be undone or done again."""

    time: str
    label: str
    go: Callable[[], None]


class Undo:
    """Edits are undone where they are seen: not in the grid."""

    def __init__(self, photo: PhotoModel, library: LibraryModel) -> None:
        self.photo, self.library = photo, library

    @property
    def back(self) -> Way | None:
        """What undo would do."""
        found, step, history = [], self.library.culling.last_done, self.photo.history
        if step is not None:
            found.append(Way(step.time, step.label, self.library.culling.undo))
        if self._edits and history.position:
            entry = history.entries[history.position]
            found.append(Way(entry.time, entry.label, self.photo.undo))
        return max(found, key=lambda way: way.time, default=None)

    @property
    def forward(self) -> Way | None:
        """What redo would do."""
        found, step, history = [], self.library.culling.last_undone, self.photo.history
        if step is not None:
            found.append(Way(step.time, step.label, self.library.culling.redo))
        if self._edits and history.position + 1 < len(history.entries):
            entry = history.entries[history.position + 1]
            found.append(Way(entry.time, entry.label, self.photo.redo))
        return min(found, key=lambda way: way.time, default=None)

    @property
    def _edits(self) -> bool:
        return self.photo.stage is Stage.PROPOSED and self.library.view is View.SINGLE

    def undo(self) -> None:
        """Go one back."""
        if (way := self.back) is not None:
            way.go()

    def redo(self) -> None:
        """Go one forward again."""
        if (way := self.forward) is not None:
            way.go()

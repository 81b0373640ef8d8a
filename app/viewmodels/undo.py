"""One undo for all: the open photo's history, settings given to others, and the stars, labels and flags of all photos.
No widgets.

What was done last is undone first, whichever it was; what was undone last is done again first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.viewmodels.giving import Gift
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
    """Edits are undone where they are seen: those of the open photo not in the grid, unless they were given there."""

    def __init__(self, photo: PhotoModel, library: LibraryModel) -> None:
        self.photo, self.library = photo, library

    @property
    def back(self) -> Way | None:
        """What undo would do."""
        found, step, history = [], self.library.culling.steps.last_done, self.photo.history
        if step is not None:
            found.append(Way(step.time, step.label, self.library.culling.undo))
        if (gift := self._gift(self.photo.giving.steps.last_done)) is not None:
            found.append(Way(gift.time, gift.label, self._with(gift, self.photo.giving.undo)))
        if self._edits and (entry := history.last_done) is not None:
            found.append(Way(entry.time, entry.label, self.photo.undo))
        return max(found, key=lambda way: way.time, default=None)

    @property
    def forward(self) -> Way | None:
        """What redo would do."""
        found, step, history = [], self.library.culling.steps.last_undone, self.photo.history
        if step is not None:
            found.append(Way(step.time, step.label, self.library.culling.redo))
        if (gift := self._gift(self.photo.giving.steps.last_undone)) is not None:
            found.append(Way(gift.time, gift.label, self._with(gift, self.photo.giving.redo)))
        if self._edits and (entry := history.last_undone) is not None:
            found.append(Way(entry.time, entry.label, self.photo.redo))
        return min(found, key=lambda way: way.time, default=None)

    @property
    def _edits(self) -> bool:
        return self.photo.stage is Stage.PROPOSED and self.library.view is View.SINGLE

    def _gift(self, gift: Gift | None) -> Gift | None:
        """What was given to photos listed here, but for the open photo alone: that has it in its own history."""
        if gift is None or not any(path in self.library.frames for path in gift.paths):
            return None
        return None if self.library.view is View.SINGLE and self.photo.path in gift.paths else gift

    def _with(self, gift: Gift, go: Callable[[], None]) -> Callable[[], None]:
        """In the grid also select the frames that it was for."""

        def run() -> None:
            go()
            if self.library.view is View.GRID:
                self.library.go_back_to(gift.paths)

        return run

    def undo(self) -> None:
        """Go one back."""
        if (way := self.back) is not None:
            way.go()

    def redo(self) -> None:
        """Go one forward again."""
        if (way := self.forward) is not None:
            way.go()

"""Stars, labels and flags: set here first and saved behind on the lane "library", with undo and redo. No widgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.language import tr
from app.viewmodels.labels import FLAG_TITLES, LABEL_TITLES
from app.viewmodels.steps import Steps
from engine.clock import now
from engine.jobs import CancelToken, Progress, Report
from engine.library.xmp import Cull, Flag, Label

if TYPE_CHECKING:
    from app.viewmodels.library import LibraryModel

Culls = Mapping[Path, Cull]


@dataclass(frozen=True)
class Step:
    """What one key did. time: as of entries of a photo's history."""

    label: str
    before: Culls
    after: Culls
    time: str


class Culling:
    """Sets them for the selected frames of a library."""

    def __init__(self, library: LibraryModel, lane: str) -> None:
        self._library, self._lane = library, lane
        self.steps: Steps[Step] = Steps()
        self._saving: Counter[Path] = Counter()

    def set_stars(self, stars: int) -> None:
        stars = min(max(stars, 0), 5)
        self._change("★" * stars or tr("No Stars"), lambda cull: replace(cull, stars=stars))

    def set_label(self, label: Label) -> None:
        """A colour; the same again takes it away."""
        library = self._library
        held = all(library.frames[path].cull.label is label for path in library.chosen)
        set_to = Label.NONE if held else label
        self._change(LABEL_TITLES.get(set_to, tr("No Label")), lambda cull: replace(cull, label=set_to))

    def set_flag(self, flag: Flag) -> None:
        self._change(FLAG_TITLES.get(flag, tr("No Flag")), lambda cull: replace(cull, flag=flag))

    # --- undo ---------------------------------------------------------------------------------------------------------

    def undo(self) -> None:
        """Take the last step back, and go to the frames it was for."""
        if self.steps.done:
            step = self.steps.done.pop()
            self.steps.undone.append(step)
            self._again(step.before)

    def redo(self) -> None:
        """Do again what was undone last, and go to its frames."""
        if self.steps.undone:
            step = self.steps.undone.pop()
            self.steps.done.append(step)
            self._again(step.after)

    def _again(self, culls: Culls) -> None:
        frames = self._library.frames
        there = {path: cull for path, cull in culls.items() if path in frames and not frames[path].missing}
        self._set(there)
        self._library.go_back_to(there)

    # --- setting and saving -------------------------------------------------------------------------------------------

    def unsaved(self, path: Path) -> bool:
        """Whether what was set is still being saved: it counts, not what the disk says."""
        return self._saving[path] > 0

    def _change(self, label: str, change: Callable[[Cull], Cull]) -> None:
        frames = self._library.frames
        before = {path: frames[path].cull for path in self._library.chosen if not frames[path].missing}
        after = {path: new for path, old in before.items() if (new := change(old)) != old}
        if after:
            self.steps.push(Step(label, {path: before[path] for path in after}, after, now()))
            self._set(after)

    def _set(self, culls: Culls) -> None:
        library = self._library
        before = {path: library.frames[path].cull for path in culls}
        self._saving.update(culls.keys())
        library.take_culls(culls)

        def work(token: CancelToken, report: Report) -> list[tuple[Path, Exception]]:
            from engine.library import culls as files
            from engine.library import scan

            troubles: list[tuple[Path, Exception]] = []
            for number, (path, cull) in enumerate(culls.items()):
                try:
                    files.save(path, cull, scan.embedded(path))
                except Exception as error:  # noqa: BLE001 (each photo by itself; all are told)
                    troubles.append((path, error))
                report(Progress("save", (number + 1) / len(culls)))
            return troubles

        def done(troubles: list[tuple[Path, Exception]]) -> None:
            self._saving.subtract(culls.keys())
            back = {path: before[path] for path, _ in troubles if path in library.frames and not self._saving[path]}
            if back:
                library.take_culls(back)
            if troubles:
                failed(troubles[0][1])

        failed = lambda error: library.fail(error, tr("Saving stars, labels and flags"))  # noqa: E731
        library.runner.start(self._lane, work, done, failed, essential=True)

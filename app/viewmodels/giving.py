"""Settings given to photos that are not open, by their sidecars, with undo and redo. No widgets.

A sidecar that was changed since is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.language import tr
from app.viewmodels.labels import counted
from app.viewmodels.state import Stage
from app.viewmodels.steps import Steps
from app.viewmodels.working import LANE
from engine.clock import now
from engine.jobs import CancelToken, Progress, Report
from engine.settings import FaceSettings

if TYPE_CHECKING:
    from app.viewmodels.photo import PhotoModel
    from engine.sidecar import Sidecar

Swap = tuple["Sidecar | None", "Sidecar | None"]
"""The sidecar that lies there, and the one that undo or redo puts in its place; None is no sidecar."""


@dataclass(frozen=True)
class Gift:
    """What was given at once. paths: of all photos that it was for, the open one among them; time: as of entries of a
    photo's history."""

    label: str
    time: str
    paths: tuple[Path, ...]
    swaps: Mapping[Path, Swap]


class Giving(QObject):
    """Works on the lane "work", behind what runs for the open photo."""

    given = Signal(object)
    """(Path) of a photo whose sidecar was changed: what is known of its edits is no longer right."""

    def __init__(self, photo: PhotoModel) -> None:
        super().__init__(photo)
        self._photo = photo
        self.steps: Steps[Gift] = Steps()

    def give(self, paths: Sequence[Path], settings: FaceSettings, label: str) -> None:
        """Give settings to photos; the open one, if it is among them, gets its own by `PhotoModel.paste`."""
        gift, apart = Gift(label, now(), tuple(paths), {}), self._photo.apart

        def change(path: Path) -> Swap:
            from engine.sidecar import give, load

            before = load(path)
            give(path, settings, user_folder=apart)
            return load(path), before

        def done(swaps: Mapping[Path, Swap], troubled: Collection[Path]) -> None:
            if swaps or self._photo.path in paths:
                self.steps.push(replace(gift, swaps=swaps))
            if swaps:
                self._photo.say(tr("Settings given to {counted}.", counted=counted(len(swaps), "photo", "photos")))

        self._each([path for path in paths if path != self._photo.path], change, done)

    def undo(self) -> None:
        """Take back what was given last."""
        if self.steps.done:
            self._swap(self.steps.done, self.steps.undone)

    def redo(self) -> None:
        """Give again what was taken back last."""
        if self.steps.undone:
            self._swap(self.steps.undone, self.steps.done)

    def _swap(self, origin: list[Gift], target: list[Gift]) -> None:
        gift, photo, apart = origin.pop(), self._photo, self._photo.apart
        if photo.path not in gift.swaps:
            self._step_of_open(gift, back=target is self.steps.undone)
        photo.save()  # what was changed since counts, too

        def change(path: Path) -> Swap | None:
            from engine.sidecar import exchange, load

            here, other = gift.swaps[path]
            return (load(path), here) if exchange(path, here, other, user_folder=apart) else None

        def done(swaps: Mapping[Path, Swap], troubled: Collection[Path]) -> None:
            if swaps or not gift.swaps:
                target.append(replace(gift, swaps=swaps))
            if troubled:  # can be tried again
                origin.append(replace(gift, swaps={path: gift.swaps[path] for path in troubled}))
            if photo.path is not None and photo.path in swaps:
                photo.open(photo.path)
            if left := len(gift.swaps) - len(swaps) - len(troubled):
                photo.say(tr("Left as changed since then: {counted}.", counted=counted(left, "photo", "photos")))
            elif target is self.steps.undone:
                photo.say(tr("Taken back: {what}", what=gift.label))
            else:
                photo.say(gift.label)

        self._each(list(gift.swaps), change, done)

    def _step_of_open(self, gift: Gift, *, back: bool) -> None:
        """Go back or forward in the open photo's own history, if what it was given while it was open is there."""
        photo = self._photo
        entry = photo.history.last_done if back else photo.history.last_undone
        if entry is None or photo.path not in gift.paths or photo.stage is not Stage.PROPOSED:
            return
        if entry.label == gift.label and entry.time >= gift.time:
            (photo.undo if back else photo.redo)()

    def _each(
        self,
        paths: Sequence[Path],
        change: Callable[[Path], Swap | None],
        done: Callable[[Mapping[Path, Swap], Collection[Path]], None],
    ) -> None:
        """Change the sidecar of each; one that cannot be changed, as a newer version wrote it, keeps no other back.

        done: gets what was changed, and the photos whose sidecars could not be.
        """
        if not paths:
            done({}, ())
            return

        def work(token: CancelToken, report: Report) -> tuple[dict[Path, Swap], dict[Path, Exception]]:
            swaps: dict[Path, Swap] = {}
            troubles: dict[Path, Exception] = {}
            for number, path in enumerate(paths):
                report(Progress("write", number / len(paths), path.name))
                try:
                    if (swap := change(path)) is not None:
                        swaps[path] = swap
                except Exception as error:  # noqa: BLE001 (each photo by itself)
                    troubles[path] = error
            return swaps, troubles

        def ended(result: tuple[dict[Path, Swap], dict[Path, Exception]]) -> None:
            swaps, troubles = result
            for path in swaps:
                self.given.emit(path)
            done(swaps, troubles)
            for error in list(troubles.values())[:1]:
                failed(error)

        failed = lambda error: self._photo.fail(error, tr("Giving settings"))  # noqa: E731
        self._photo.runner.start(LANE, work, ended, failed, essential=True)

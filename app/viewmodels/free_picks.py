"""Picks that come for free: a photographer takes one variation over the others that are shown. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from app.language import tr, trn
from app.settings.schema import Recording
from app.viewmodels.photo import PhotoModel
from app.viewmodels.picks import PicksModel
from app.viewmodels.settings import SettingsModel
from app.viewmodels.state import Change
from app.viewmodels.variations import Taken, VariationsModel


@dataclass
class _Choice:
    """time: of its entry in the photo's history. picks: ids of those that count. busy: they are on their way, or could
    not be kept, which was said."""

    taken: Taken
    time: str
    picks: Sequence[str] = ()
    busy: bool = False


class FreePicks(QObject):
    """Records what is taken, if the person wants it, who is asked once, and takes it back where the taking is undone.
    waiting: the choice that waits for the word."""

    changed = Signal()

    def __init__(
        self,
        variations: VariationsModel,
        picks: PicksModel,
        settings: SettingsModel,
        photo: PhotoModel,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._picks, self._settings, self._photo = picks, settings, photo
        self._choices: list[_Choice] = []
        self.waiting: _Choice | None = None
        variations.taken.connect(self._taken)
        photo.changed.connect(self._photo_changed)

    def answer(self, record: bool) -> None:
        """What is done with this choice and all later ones; the settings can change it."""
        waiting, self.waiting = self.waiting, None
        self._settings.set(record_picks=Recording.YES if record else Recording.NO)
        if record and waiting is not None:
            self._keep(waiting)
        self.changed.emit()

    def _taken(self, taken: Taken) -> None:
        wish, history = self._settings.values.record_picks, self._photo.history
        choice = _Choice(taken, history.entries[history.position].time)
        if wish is Recording.YES:
            self._keep(choice)
        elif wish is Recording.ASK:
            self.waiting = choice
            self.changed.emit()

    def _keep(self, choice: _Choice) -> None:
        self._choices.append(choice)
        self._follow()

    def _photo_changed(self, change: Change) -> None:
        if Change.HISTORY in change:
            self._follow()

    def _follow(self) -> None:
        """Make the picks of the open photo those of the takings that its history holds."""
        history = self._photo.history
        done = {entry.time for entry in history.entries[: history.position + 1]}
        for choice in self._choices:
            if (
                choice.taken.path == self._photo.path
                and not choice.busy
                and (choice.time in done) != bool(choice.picks)
            ):
                self._take_back(choice) if choice.picks else self._record(choice)

    def _record(self, choice: _Choice) -> None:
        def done(picks: list[str]) -> None:
            choice.picks, choice.busy = picks, False
            self._photo.say(trn("{count} pick recorded.", "{count} picks recorded.", len(picks)))
            self._follow()  # it may have been undone meanwhile

        choice.busy = True
        self._picks.record(choice.taken, done, lambda error: self._photo.fail(error, tr("Recording the pick")))

    def _take_back(self, choice: _Choice) -> None:
        def done(_: None) -> None:
            choice.picks, choice.busy = (), False
            self._follow()

        choice.busy = True
        self._picks.take_back(choice.picks, done, lambda error: self._photo.fail(error, tr("Undoing the pick")))

"""Picks that come for free: a photographer takes one variation over the others that are shown. No widgets."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.language import tr, trn
from app.settings.schema import Recording
from app.viewmodels.picks import PicksModel
from app.viewmodels.settings import SettingsModel
from app.viewmodels.variations import Taken, VariationsModel
from app.viewmodels.working import WorkModel


class FreePicks(QObject):
    """Records what is taken, if the person wants it, who is asked once. waiting: the choice that waits for the word."""

    changed = Signal()

    def __init__(
        self,
        variations: VariationsModel,
        picks: PicksModel,
        settings: SettingsModel,
        status: WorkModel,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._picks, self._settings, self._status = picks, settings, status
        self.waiting: Taken | None = None
        variations.taken.connect(self._taken)

    def answer(self, record: bool) -> None:
        """What is done with this choice and all later ones; the settings can change it."""
        waiting, self.waiting = self.waiting, None
        self._settings.set(record_picks=Recording.YES if record else Recording.NO)
        if record and waiting is not None:
            self._record(waiting)
        self.changed.emit()

    def _taken(self, taken: Taken) -> None:
        wish = self._settings.values.record_picks
        if wish is Recording.YES:
            self._record(taken)
        elif wish is Recording.ASK:
            self.waiting = taken
            self.changed.emit()

    def _record(self, taken: Taken) -> None:
        self._picks.record(
            taken,
            lambda count: self._status.say(trn("{count} pick recorded.", "{count} picks recorded.", count)),
            lambda error: self._status.fail(error, tr("Recording the pick")),
        )

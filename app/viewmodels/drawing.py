"""Variations that are drawn to be asked about, while what is drawn already is looked at. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal

from app.jobs.runner import Job, JobRunner
from app.viewmodels.engine import Engine
from app.viewmodels.sitting import Sitting
from engine.jobs import CancelToken, Progress, Report

LANE: Final = "picks-drawing"


class Drawing(QObject):
    """Draws photo by photo, through a sitting of its own that lives on the lane's thread.

    photo: that is drawn now, None at rest. progress: of all that were asked for. trouble: a sentence for each photo
    that could not be used.
    """

    changed = Signal()
    drawn = Signal()
    """The store has got more to ask about."""
    failed = Signal(object)
    """(Exception) Nothing more is drawn."""

    def __init__(self, engine: Engine, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine, self._runner = engine, runner
        self._sitting: Sitting | None = None
        self._job: Job | None = None
        self._waiting: list[Path] = []
        self._count = 0
        self.progress: Progress | None = None
        self.trouble: list[str] = []
        runner.progressed.connect(self._progressed)

    @property
    def photo(self) -> Path | None:
        return self._waiting[0] if self._job is not None else None

    def begin(self, photos: Sequence[Path]) -> None:
        """Draw variations of photos."""
        self._waiting, self._count, self.trouble = list(photos), len(photos), []
        self._next()

    def stop(self) -> None:
        """Draw no more; what is drawn is kept."""
        if self._job is not None:
            self._job.token.cancel()
            self._waiting.clear()
            self._next()
            self.drawn.emit()

    def _next(self) -> None:
        self._job, self.progress = None, None
        if self._waiting:
            path = self._waiting[0]
            job = self._runner.start(
                LANE,
                lambda token, report: self._add(path, token, report),
                lambda trouble: self._done(job, trouble),
                lambda error: self._give_up(job, error),
            )
            self._job = job
        elif not self._runner.closed:
            self._runner.start(LANE, lambda token, report: self._shut(), _nothing, _nothing, essential=True)
        self.changed.emit()

    def _done(self, job: Job, trouble: list[str]) -> None:
        if job is self._job:
            self.trouble += trouble
            del self._waiting[0]
            self._next()
            self.drawn.emit()

    def _give_up(self, job: Job, error: Exception) -> None:
        if job is self._job:
            self._waiting.clear()
            self._next()
            self.failed.emit(error)

    def _progressed(self, job: Job, progress: Progress) -> None:
        if job is self._job:
            done = self._count - len(self._waiting)
            self.progress = replace(progress, fraction=(done + progress.fraction) / self._count)
            self.changed.emit()

    # --- on the lane's thread -----------------------------------------------------------------------------------------

    def _add(self, path: Path, token: CancelToken, report: Report) -> list[str]:
        """Raises: PickStoreError, UsageError, Cancelled."""
        if self._sitting is None:
            self._sitting = Sitting(self._engine)
        return self._sitting.add([path], token, report)

    def _shut(self) -> None:
        if self._sitting is not None:
            self._sitting.close()
            self._sitting = None


def _nothing(_: object) -> None:
    """Nobody waits for the end."""

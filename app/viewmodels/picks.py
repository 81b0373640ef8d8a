"""Picks as the window shows them: which of two retouches is better. No widgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from PySide6.QtCore import QObject, Signal

from app.jobs.runner import Job, JobRunner
from app.language import tr, trn
from app.viewmodels.drawing import Drawing
from app.viewmodels.engine import Engine
from app.viewmodels.problem import Problem
from app.viewmodels.settings import SettingsModel
from app.viewmodels.sitting import Sitting, State, repair
from app.viewmodels.variations import Taken
from engine.errors import EngineError
from engine.jobs import CancelToken, Progress, Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.picks.records import Preference

R = TypeVar("R")
LANE: Final = "picks"
LEFT: Final = "image1"
RIGHT: Final = "image2"
FEW: Final = 2
MANY: Final = 4
"""Pictures that are shown at a time."""
_TURN: Final[dict[Preference | None, Preference | None]] = {None: LEFT, LEFT: RIGHT, RIGHT: "tie", "tie": None}


class PicksModel(QObject):
    """One sitting. Everything but this object's own fields lives on the lane's thread.

    state: the question and how far it is, None before the first. busy: no answer is taken now. dimensions: what was
    said of single dimensions of the waiting question. damaged: whether the problem is a damaged store, which can be
    repaired.
    """

    changed = Signal()

    def __init__(
        self, engine: Engine, runner: JobRunner, settings: SettingsModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._engine, self._runner, self._settings = engine, runner, settings
        settings.changed.connect(self._set)
        self._sitting: Sitting | None = None
        self._job: Job | None = None
        self._ahead: Job | None = None
        self.drawing = Drawing(engine, runner, self)
        self.drawing.changed.connect(self.changed)
        self.drawing.drawn.connect(self._take_in)
        self.drawing.failed.connect(lambda error: self._fail(error, tr("Drawing variations")))
        self.damaged = False
        self.state: State | None = None
        self.dimensions: dict[str, Preference] = {}
        self.doing = ""
        self.progress: Progress | None = None
        self.problem: Problem | None = None
        runner.progressed.connect(self._progressed)

    @property
    def busy(self) -> bool:
        return self._job is not None

    @property
    def trouble(self) -> list[str]:
        """Sentences on photos that could not be used, and on a store that was repaired."""
        return [*(self.state.trouble if self.state is not None else ()), *self.drawing.trouble]

    @property
    def together(self) -> int:
        """How many pictures are shown at a time; tests and repeats are always two."""
        return self._settings.values.picks_shown

    @property
    def shown(self) -> int:
        """How many pictures are shown now."""
        return len(self.state.shown.pictures) if self.state is not None and self.state.shown is not None else 0

    @property
    def words(self) -> str:
        """How far it is, in a line."""
        if self.state is None:
            return ""
        now = self.state.progress
        repeats = now.consistency.agreement
        parts = [trn("{count} pick", "{count} picks", now.total), tr("{count} in this sitting", count=now.answered)]
        if repeats.count:
            parts.append(tr("answered alike {share:.0%} of {count} repeats", share=repeats.value, count=repeats.count))
        if now.more is not None:
            parts.append(
                tr("about {count} more would help", count=now.more) if now.more else tr("more would change little")
            )
        return "   ·   ".join(parts)

    # --- doing --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open the store and ask what it holds."""
        self.through(tr("Opening the picks"), lambda sitting, token, report: None)

    def repair(self) -> None:
        """Go on with what is sound of a damaged store; the damaged file is kept."""

        def work(token: CancelToken, report: Report) -> State:
            self._shut()
            kept = repair()
            return self._open().state(token, [tr("Repaired; the damaged file is kept as {name}.", name=kept)])

        self._run(tr("Repairing the picks"), work)

    def add(self, photos: Sequence[Path]) -> None:
        """Draw variations of photos; each is asked about as soon as it is drawn."""
        self.problem = None
        self.drawing.begin(photos)

    def turn(self, dimension: str) -> None:
        """Which of two is better in one dimension: not said, left, right, alike, and not said again."""
        if self.shown != FEW or self.busy:
            return
        said = _TURN[self.dimensions.pop(dimension, None)]
        if said is not None:
            self.dimensions[dimension] = said
        self.changed.emit()

    def choose(self, best: int | None) -> None:
        """Record which picture is the best, from 0, or None if all are alike; and ask the next question."""
        said: Mapping[str, Preference] = dict(self.dimensions)
        if self.shown and (best is None or best < self.shown):
            self._step(tr("Recording the pick"), lambda sitting: sitting.choose(best, said))

    def switch(self) -> None:
        """Between two pictures at a time and many."""
        self._settings.set(picks_shown=MANY if self.together == FEW else FEW)

    def record(self, taken: Taken, done: Callable[[list[str]], None], failed: Callable[[Exception], None]) -> None:
        """Record a choice made elsewhere in the window. done: gets the ids of the picks."""
        self._runner.start(LANE, lambda token, report: self._open().took(taken, token), done, failed)

    def take_back(
        self, picks: Sequence[str], done: Callable[[None], None], failed: Callable[[Exception], None]
    ) -> None:
        """Take back what `record` made."""
        self._runner.start(LANE, lambda token, report: self._open().store.undo(*picks), done, failed)

    def skip(self) -> None:
        if self.shown:
            self._step(tr("Skipping"), lambda sitting: sitting.skip())

    def undo(self) -> None:
        if self.state is not None and self.state.progress.answered:
            self._step(tr("Undoing the pick"), lambda sitting: sitting.undo())

    def cancel(self) -> None:
        """Give up what `through` does now; the end is not waited for."""
        if self._job is not None:
            self._job.token.cancel()
            self._job = None
            self.changed.emit()

    def close(self) -> None:
        """Close the store; nothing is lost, every answer lies in it."""
        self.drawing.stop()
        for job in (self._job, self._ahead):
            if job is not None:
                job.token.cancel()
        self._job = self._ahead = None
        self.state = None
        if not self._runner.closed:
            self._runner.start(LANE, lambda token, report: self._shut(), lambda _: None, _ignored, essential=True)

    def through(
        self,
        doing: str,
        act: Callable[[Sitting, CancelToken, Report], R],
        done: Callable[[R], object] = lambda _: None,
    ) -> None:
        """Do something with the sitting, then ask again. done: gets what it gave."""
        together, found = self.together, list[R]()

        def work(token: CancelToken, report: Report) -> State:
            sitting = self._open()
            found.append(act(sitting, token, report))
            sitting.show(together)
            return sitting.state(token)

        self._run(doing, work, lambda: done(found[0]))

    # --- inside -------------------------------------------------------------------------------------------------------

    def _step(self, doing: str, act: Callable[[Sitting], object]) -> None:
        if self.state is not None:
            self.through(doing, lambda sitting, token, report: act(sitting))

    def _set(self, names: frozenset[str]) -> None:
        if "picks_shown" in names:
            self._step(tr("Choosing anew"), lambda sitting: None)
            self.changed.emit()

    def _run(
        self,
        doing: str,
        work: Callable[[CancelToken, Report], State],
        then: Callable[[], object] | None = None,
    ) -> None:
        if self.busy:
            return
        if self._ahead is not None:
            self._ahead.token.cancel()
        self.problem, self.damaged, self.progress, self.doing = None, False, None, doing

        def done(state: State) -> None:
            if self._job is job:
                self._job, self.state, self.dimensions = None, state, {}
                self._preload()
                if then is not None:
                    then()
                self.changed.emit()

        def failed(error: Exception) -> None:
            if self._job is job:
                self._job = None
                self._fail(error, doing)

        job = self._runner.start(LANE, work, done, failed)
        self._job = job
        self.changed.emit()

    def _fail(self, error: Exception, doing: str) -> None:
        self.problem = Problem.of(error, doing)
        self.damaged = isinstance(error, EngineError) and bool(error.context.get("damaged"))
        self.changed.emit()

    def _take_in(self) -> None:
        """Ask about what is drawn; a question that is looked at stays."""

        def done(progress: Any) -> None:
            if self.state is not None and not self.busy:
                if self.state.shown is None:
                    self.start()
                else:
                    self.state = replace(self.state, progress=progress)
                    self.changed.emit()

        self._runner.start(LANE, lambda token, report: self._open().renew(), done, _ignored)

    def _preload(self) -> None:
        """Make pictures that are probably wanted next, while this pair is looked at."""
        self._ahead = self._runner.start(
            LANE, lambda token, report: self._open().preload(token), lambda _: None, _ignored
        )

    def _open(self) -> Sitting:
        """On the lane's thread. Raises: PickStoreError, UsageError."""
        if self._sitting is None:
            self._sitting = Sitting(self._engine, self.together)
        return self._sitting

    def _shut(self) -> None:
        """On the lane's thread."""
        if self._sitting is not None:
            self._sitting.close()
            self._sitting = None

    def _progressed(self, job: Job, progress: Progress) -> None:
        if job is self._job:
            self.progress = progress
            self.changed.emit()


def _ignored(_: Exception) -> None:
    """What fails ahead of its time is told when it is asked for."""

"""The export queue as the window shows it: jobs, counts, remaining time, recipes. No widgets.

The ledger and the worker are the engine's; here one step after another runs on the lane "queue", and what the ledger
says is shown. Waiting jobs go on after a restart unless the queue is paused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.jobs.runner import Job, JobRunner
from app.language import later, said, tr
from app.viewmodels.engine import Engine
from app.viewmodels.labels import about, counted
from app.viewmodels.library import Delivered
from app.viewmodels.problem import Problem
from engine.delivery.ledger import OPEN, Entry, Ledger, State
from engine.errors import EngineError
from engine.jobs import CancelToken, Progress, Report
from engine.library.frames import Frame

if TYPE_CHECKING:
    from engine.delivery.queue import Queue
    from engine.delivery.recipe import Recipe
    from engine.sidecar import Sidecar

LANE = "queue"
LOOK_MS = 3000
"""So often another Porelight that exports is looked at: how far it is, and whether it is gone."""
PLAN_LANE = "work"
"""Where edits are saved: what was being saved is on disk when jobs are made of it."""


ENDED = {
    State.SKIPPED: later("{count:,} skipped"),
    State.FAILED: later("{count:,} failed"),
    State.CANCELLED: later("{count:,} cancelled"),
}


class QueueModel(QObject):
    """Jobs in order, and what may be done with them."""

    changed = Signal()
    """Jobs, counts, progress or problem."""
    ended = Signal()
    """A job has ended, or the ledger was looked at for the first time."""

    def __init__(self, engine: Engine, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.engine, self.runner = engine, runner
        self.entries: list[Entry] = []
        self.counts: dict[State, int] = dict.fromkeys(State, 0)
        self.paused = False
        self.problem: Problem | None = None
        self.progress: Progress | None = None
        self.planning = 0
        self.elsewhere = False
        """Whether another Porelight works through the queue."""
        self._ledger: Ledger | None = None
        self._queue: Queue | None = None
        self._job: Job | None = None
        self._finished = 0
        self._again = False
        self._closed = False
        self._looking = QTimer(self)
        self._looking.setSingleShot(True)
        self._looking.setInterval(LOOK_MS)
        self._looking.timeout.connect(self.wake)
        runner.progressed.connect(self._progressed)
        runner.ended.connect(self._ended)

    # --- adding -------------------------------------------------------------------------------------------------------

    def add(
        self,
        frames: Sequence[Frame],
        recipes: Sequence[Recipe],
        unsaved: Mapping[Path, Callable[[], Sidecar]] | None = None,
    ) -> None:
        """Freeze a job for each photo and queue it. Edits must have been saved, but for those of `unsaved`."""
        ledger = self._book()
        if ledger is None or not frames or not recipes:
            return
        self.planning += len(frames)

        def work(token: CancelToken, report: Report) -> None:
            from engine.delivery import plan
            from engine.delivery.naming import Subject

            subjects = [Subject(frame.path, frame.captured, frame.cull.stars) for frame in frames]
            edits = {path: make() for path, make in (unsaved or {}).items()}
            # Here, so that what is planned next takes other names.
            ledger.add(plan.jobs(subjects, recipes, ledger.promised(), edits))

        def done(_: None) -> None:
            self.planning -= len(frames)
            self._refresh()
            self._kick()

        def failed(error: Exception) -> None:
            self.planning -= len(frames)
            self._fail(error)

        self.runner.start(PLAN_LANE, work, done, failed, essential=True)
        self.changed.emit()

    # --- what may be done ---------------------------------------------------------------------------------------------

    def resume(self) -> None:
        """Go on, after a pause or a restart."""
        ledger = self._book()
        if ledger is not None and ledger.paused:
            self._tell(lambda: setattr(ledger, "paused", False))
        self.problem = None
        self._refresh()
        self._kick()

    def wake(self) -> None:
        """Look at the ledger, and go on with what waits there unless it is paused."""
        self._refresh()
        self.ended.emit()
        self._kick()

    def pause(self) -> None:
        """Stop at the next step; the running job waits again."""
        ledger = self._book()
        if ledger is None:
            return
        self._tell(lambda: setattr(ledger, "paused", True))
        self._stop()
        self._refresh()

    def cancel(self, ids: Collection[int]) -> None:
        """Cancel waiting and running jobs."""
        running = {entry.id for entry in self.entries if entry.state is State.RUNNING}
        self._act(lambda ledger: ledger.cancel(ids))
        if running & set(ids):
            self._stop()

    def retry(self, ids: Collection[int] | None = None) -> None:
        """Queue jobs again that failed; of None, all that failed."""
        chosen = [e.id for e in self.entries if e.state is State.FAILED] if ids is None else ids
        self._act(lambda ledger: ledger.retry(chosen))
        self._kick()

    def clear(self) -> None:
        """Forget the jobs that have ended."""
        self._finished = 0
        self._act(lambda ledger: ledger.remove([entry.id for entry in self.entries if entry.state not in OPEN]))

    def move(self, ids: Sequence[int], by: int) -> None:
        """Move waiting jobs up (−1) or down (1) by one place, or to the top or bottom with ±1000."""
        waiting = [entry.id for entry in self.entries if entry.state is State.WAITING]
        rest = [id for id in waiting if id not in set(ids)]
        first = next((place for place, id in enumerate(waiting) if id in set(ids)), 0)
        at = min(max(first + by, 0), len(rest))
        self.put(ids, rest[at] if at < len(rest) else None)

    def put(self, ids: Collection[int], before: int | None) -> None:
        """Move waiting jobs, in the order they have, to before another waiting one, or to the end."""
        waiting = [entry.id for entry in self.entries if entry.state is State.WAITING]
        chosen = [id for id in waiting if id in ids]
        if chosen:
            self._act(lambda ledger: ledger.move(chosen, before))

    # --- recipes ------------------------------------------------------------------------------------------------------

    def recipes(self) -> tuple[tuple[Recipe, ...], str]:
        """(the person's recipes, what was wrong with their file, or empty)."""
        from engine.delivery import recipe

        found, wrong = recipe.load()
        return found, f"{said(wrong.message)} {said(wrong.hint)}" if wrong is not None else ""

    def chosen(self) -> list[str]:
        """Names of the recipes chosen last."""
        ledger = self._book()
        try:
            names = json.loads(ledger.setting("recipes") or "[]") if ledger is not None else []
        except (ValueError, EngineError):
            return []
        return [name for name in names if isinstance(name, str)]

    def keep(self, recipes: Sequence[Recipe], chosen: Sequence[str]) -> None:
        """Keep recipes and which were chosen."""
        from engine.delivery import recipe

        try:
            if tuple(recipes) != recipe.load()[0]:
                recipe.save(recipes)
        except EngineError as error:
            self._fail(error)
        self._act(lambda ledger: ledger.remember("recipes", json.dumps(list(chosen))))

    # --- saying -------------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        return self._job is not None

    @property
    def waiting(self) -> int:
        return self.counts[State.WAITING] + self.counts[State.RUNNING]

    @property
    def fraction(self) -> float:
        """Of all jobs since the queue was last empty."""
        total = self._finished + self.waiting
        here = self.progress.fraction if self.progress is not None and self.running else 0.0
        return (self._finished + here) / total if total else 0.0

    @property
    def summary(self) -> str:
        """The queue in one line; empty if it never had a job."""
        if self.planning:
            return tr("Adding {counted} to the export", counted=counted(self.planning, "photo", "photos"))
        if self.paused and self.waiting:
            return tr("Export paused, {waiting} waiting", waiting=self.waiting)
        if self.waiting and self.elsewhere:
            return tr("{waiting} waiting; another Porelight exports", waiting=self.waiting)
        if self.waiting:
            total = self._finished + self.waiting
            number, left = min(self._finished + 1, total), self._left()
            if left:
                return tr("Exporting {number} of {total}, {left} left", number=number, total=total, left=left)
            return tr("Exporting {number} of {total}", number=number, total=total)
        done = self.counts[State.DONE]
        parts = [tr(text, count=self.counts[state]) for state, text in ENDED.items() if self.counts[state]]
        return (
            ", ".join([tr("{photos} exported", photos=counted(done, "photo", "photos")), *parts])
            if done or parts
            else ""
        )

    def _left(self) -> str:
        if self._queue is None:
            return ""
        seconds = self._queue.remaining(self.progress.fraction if self.progress is not None else 0.0)
        if seconds is None:
            return ""
        return about(seconds)

    # --- inside -------------------------------------------------------------------------------------------------------

    @property
    def ledger(self) -> Ledger | None:
        """None if it cannot be used; `problem` says why."""
        return self._book()

    def _book(self) -> Ledger | None:
        if self._ledger is None and not self._closed:
            try:
                self._ledger = Ledger()
            except EngineError as error:
                self._fail(error)
        return self._ledger

    def _act(self, do: Callable[[Ledger], object]) -> None:
        ledger = self._book()
        if ledger is not None:
            self._tell(partial(do, ledger))

    def _tell(self, do: Callable[[], object]) -> None:
        try:
            do()
        except EngineError as error:
            self._fail(error)
        self._refresh()

    def _refresh(self) -> None:
        ledger = self._book()
        if ledger is not None:
            try:
                self.entries, self.counts, self.paused = ledger.entries(), ledger.counts(), ledger.paused
            except EngineError as error:
                self._fail(error)
        self.changed.emit()

    def _kick(self) -> None:
        """Run the next job, if none runs here; one that another program began too, which may be gone by now."""
        ledger, engine = self._book(), self.engine
        if ledger is None or self._job is not None or self._closed or self.paused or not self.waiting:
            return

        def work(token: CancelToken, report: Report) -> tuple[Entry | None, bool]:
            from engine.delivery.queue import Queue

            if self._queue is None:
                self._queue = Queue(ledger, engine.deliver)
            return self._queue.step(token, report), self._queue.own()

        def done(result: tuple[Entry | None, bool]) -> None:
            entry, own = result
            self.elsewhere = not own
            if entry is not None:
                self._finished += entry.state not in OPEN
                if entry.code == "disk_full":
                    self.problem = Problem(
                        said(entry.reason), tr("Free some space, then resume the export."), entry.reason
                    )
            self._again = entry is not None

        self._again = False
        self._job = self.runner.start(LANE, work, done, self._fail)

    def _ended(self, job: Job) -> None:
        if job is not self._job:
            return
        again = self._again or job.token.cancelled
        self._job, self.progress = None, None
        self._refresh()
        self.ended.emit()
        if again:
            self._kick()
        elif self.elsewhere and self.waiting and not self._closed:
            self._looking.start()
        if not self.waiting and not self.running:
            self._finished = 0

    def _progressed(self, job: Job, progress: Progress) -> None:
        if job is self._job:
            first, self.progress, self.elsewhere = self.progress is None, progress, False
            if first:
                self._refresh()
            else:
                self.changed.emit()

    def _stop(self) -> None:
        if self._job is not None:
            self._job.token.cancel()

    def _fail(self, error: Exception) -> None:
        self.problem = Problem.of(error, tr("Exporting"))
        self.changed.emit()

    def delivery(self) -> Delivered:
        """What became of photos, as far as it is known."""
        ledger = self._ledger
        if ledger is None:
            return Delivered()
        try:
            failed = {path: said(reason) for path, reason in ledger.troubles().items()}
            return Delivered(frozenset(ledger.delivered()), failed, ledger.written())
        except EngineError:
            return Delivered()

    def close(self) -> None:
        """Stop; the running job waits for the next start. To be called before the runner is closed."""
        self._stop()
        self._looking.stop()
        self._closed = True

    def release(self) -> None:
        """Let go of the files, when no worker uses them any more."""
        if self._queue is not None:
            self._queue.close()
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

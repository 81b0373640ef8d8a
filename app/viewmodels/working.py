"""Jobs, problems and notices of the window: what runs now, what went wrong, what was said last. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from app.jobs.runner import Job, JobRunner
from app.language import tr
from app.viewmodels.labels import STAGES
from app.viewmodels.problem import Problem
from app.viewmodels.state import Change
from engine.jobs import CancelToken, Progress, Report

T = TypeVar("T")
LANE = "work"
Work = Callable[[CancelToken, Report], T]


class WorkModel(QObject):
    """At most one job is the window's own at a time; it has a label, progress, and can be cancelled."""

    changed = Signal(object)
    """(Change)"""

    def __init__(self) -> None:
        super().__init__()
        self.runner = JobRunner(self)
        self.problem: Problem | None = None
        self.notice = ""
        self.job: Job | None = None
        self.progress: Progress | None = None
        self.runner.progressed.connect(self._progressed)
        self.runner.ended.connect(self._ended)

    @property
    def busy(self) -> bool:
        return self.job is not None

    @property
    def doing(self) -> str:
        """What runs, for the status bar."""
        if self.job is None:
            return ""
        if self.progress is not None and self.progress.stage in STAGES and self.job.label == tr("Retouching"):
            return STAGES[self.progress.stage]
        return self.job.label

    def dismiss(self) -> None:
        """Take the problem away."""
        if self.problem is not None:
            self.problem = None
            self.changed.emit(Change.PROBLEM)

    def say(self, notice: str) -> None:
        """A sentence for the status bar."""
        self.notice = notice
        self.changed.emit(Change.NOTICE)

    def run_job(
        self,
        label: str,
        work: Work[T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
        lane: str = LANE,
    ) -> None:
        """Start the window's own job; `done` or `failed` is called in this thread, neither after a cancellation."""

        def finish(after: Callable[..., None]) -> Callable[..., None]:
            def run(value: object) -> None:
                if self.job is job:
                    self.job, self.progress = None, None
                after(value)

            return run

        job = self.runner.start(lane, work, finish(done), finish(failed), label)
        self.job, self.progress = job, None
        self.changed.emit(Change.JOB)

    def fail(self, error: Exception, doing: str, action: str = "", also: Change = Change.PROBLEM) -> None:
        """Show a problem. doing: as for `Problem.of`. action: what its button does."""
        self.show(Problem.of(error, doing, action), also)

    def show(self, problem: Problem, also: Change = Change.PROBLEM) -> None:
        """Show a problem that is worded already."""
        self.problem = problem
        self.changed.emit(Change.PROBLEM | also)

    def _progressed(self, job: Job, progress: Progress) -> None:
        if job is self.job:
            self.progress = progress
            self.changed.emit(Change.JOB)

    def _ended(self, job: Job) -> None:
        if job.label:
            self.changed.emit(Change.JOB)

"""Jobs on lanes: every lane is one worker thread, so jobs of a lane never run at the same time.

A job is a plain function of a `CancelToken` and a `Report`. Its result or exception comes back to the GUI thread by a
queued signal. Progress goes through a one-slot mailbox per job that is looked at 30 times a second, so a chatty job
cannot flood the event loop.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from engine.errors import Cancelled
from engine.jobs import CancelToken, Progress, Report

log = logging.getLogger(__name__)
T = TypeVar("T")
DRAIN_MS = 33


class Mailbox:
    """Holds the latest message only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._message: Progress | None = None

    def put(self, message: Progress) -> None:
        with self._lock:
            self._message = message

    def take(self) -> Progress | None:
        with self._lock:
            message, self._message = self._message, None
        return message


@dataclass(eq=False)
class Job:
    """One running or waiting piece of work. label: a sentence for the status bar, empty for quiet jobs. essential: runs
    to its end even when the runner closes, such as saving."""

    label: str
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]
    essential: bool = False
    token: CancelToken = field(default_factory=CancelToken)
    mailbox: Mailbox = field(default_factory=Mailbox)


class JobRunner(QObject):
    """Starts jobs and brings their ends back to the thread that this object lives in."""

    progressed = Signal(object, object)
    """(Job, Progress), at most 30 times a second for each job."""
    started = Signal(object)
    ended = Signal(object)
    """(Job), after its `done` or `failed` was called, and after a cancellation."""
    _arrived = Signal(object, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lanes: dict[str, ThreadPoolExecutor] = {}
        self._jobs: list[Job] = []
        self._closed = False
        self._timer = QTimer(self)
        self._timer.setInterval(DRAIN_MS)
        self._timer.timeout.connect(self._drain)
        self._arrived.connect(self._deliver)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Waiting and running jobs, oldest first."""
        return tuple(self._jobs)

    @property
    def closed(self) -> bool:
        return self._closed

    def start(
        self,
        lane: str,
        work: Callable[[CancelToken, Report], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
        label: str = "",
        *,
        essential: bool = False,
    ) -> Job:
        """Queue `work` on a lane; `done` or `failed` is called later in this thread, neither after a cancellation."""
        if self._closed:
            raise RuntimeError("The runner is closed.")
        job = Job(label, done, failed, essential)
        self._jobs.append(job)
        self._timer.start()
        self.started.emit(job)
        pool = self._lanes.get(lane) or self._lanes.setdefault(lane, ThreadPoolExecutor(1, f"porelight-{lane}"))
        pool.submit(self._run, job, work)
        return job

    def cancel_all(self) -> None:
        """Ask every job to stop, except essential ones; those that wait end before they start."""
        for job in self._jobs:
            if not job.essential:
                job.token.cancel()

    def close(self) -> None:
        """Cancel, and wait until the worker threads have ended. Results that come late are dropped."""
        self._closed = True
        self._timer.stop()
        self.cancel_all()
        for pool in self._lanes.values():
            pool.shutdown(wait=True)
        self._lanes.clear()
        self._jobs.clear()

    def _run(self, job: Job, work: Callable[[CancelToken, Report], Any]) -> None:
        """In the worker thread."""
        result: Any = None
        problem: Exception | None = None
        try:
            job.token.check()
            result = work(job.token, job.mailbox.put)
        except Exception as error:  # noqa: BLE001 (the edge of the thread: everything is handed to `failed`)
            problem = error
        if not self._closed:
            self._arrived.emit(job, result, problem)
        elif problem is not None and job.essential:
            log.error("A job failed while the window was closing: %s", problem)

    @Slot(object, object, object)
    def _deliver(self, job: Job, result: Any, problem: Exception | None) -> None:
        if self._closed or job not in self._jobs:
            return
        self._jobs.remove(job)
        if not self._jobs:
            self._timer.stop()
        if problem is None and not job.token.cancelled:
            job.done(result)
        elif problem is not None and not isinstance(problem, Cancelled):
            job.failed(problem)
        self.ended.emit(job)

    @Slot()
    def _drain(self) -> None:
        for job in self.jobs:
            message = job.mailbox.take()
            if message is not None:
                self.progressed.emit(job, message)

"""Working through the ledger: one job after another, as the only program that does so, until it is paused or empty.

Every job goes through `pipeline.attempt`, the same way as the command line's. When the disk is full the queue pauses:
every job after that would fail for the same reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.delivery.ledger import OPEN, Entry, Ledger, State, thawed
from engine.errors import DiskFullError, EngineError
from engine.jobs import CancelToken, Progress, Report, silent
from engine.locks import FileLock
from engine.pipeline import RetouchRequest, RetouchResult, Status

Attempt = Callable[[RetouchRequest, CancelToken, Report], RetouchResult]
"""`pipeline.attempt` with its policies: every error of the photo comes back as a result."""


class Queue:
    """The ledger with a worker's view on it. `step` may run in another thread than everything else."""

    def __init__(self, ledger: Ledger, attempt: Attempt) -> None:
        self.ledger = ledger
        self._attempt = attempt
        self._lock = FileLock(ledger.path.with_name(ledger.path.name + ".lock"))

    def own(self) -> bool:
        """Become the program that works through the queue, if no other is. Jobs that were left running wait again."""
        if self._lock.held:
            return True
        if not self._lock.acquire():
            return False
        self.ledger.recover()
        return True

    def step(self, token: CancelToken, report: Report = silent) -> Entry | None:
        """Take the first waiting job and do it. Returns: what became of it, None if there is nothing to do.

        A token that is cancelled puts the job back, unless the job itself was cancelled in the ledger.
        Raises: ExportError if the ledger cannot be used.
        """
        if self.ledger.paused or token.cancelled or not self.own():
            return None
        entry = self.ledger.take()
        if entry is None:
            return None
        report(Progress("read", 0.0))
        begun = time.monotonic()
        try:
            result = self._attempt(thawed(entry), token, report)
        except EngineError as error:
            result = RetouchResult(entry.source, Status.FAILED, error.message, error.hint, error.code)
        except BaseException:
            self.ledger.put_back(entry.id)
            raise
        if result.status is Status.CANCELLED:
            self.ledger.put_back(entry.id)
        else:
            self.ledger.finish(entry.id, result, time.monotonic() - begun)
        if result.code == DiskFullError.code:
            self.ledger.paused = True
        return self.ledger.entry(entry.id)

    def drain(self, token: CancelToken, finished: Callable[[Entry], None] = lambda _: None) -> dict[State, int]:
        """All waiting jobs, one after another. Returns: the counts of all jobs."""
        while (entry := self.step(token)) is not None:
            finished(entry)
        return self.ledger.counts()

    def remaining(self, fraction: float = 0.0) -> float | None:
        """Seconds until the queue is empty, from the last jobs; None before the first is done. fraction: of the job
        that runs."""
        each = self.ledger.seconds()
        counts = self.ledger.counts()
        open_ = sum(counts[state] for state in OPEN)
        if each is None or not open_:
            return None
        return each * (open_ - (min(max(fraction, 0.0), 1.0) if counts[State.RUNNING] else 0.0))

    def close(self) -> None:
        """Let another program work through the queue."""
        self._lock.release()

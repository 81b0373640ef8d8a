"""Cancellation and progress for long jobs, without Qt and without threads of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import Cancelled


@dataclass(frozen=True)
class Progress:
    """One progress message: `stage` is a stable word, `fraction` in [0, 1] of the whole job."""

    stage: str
    fraction: float
    detail: str = ""


Report = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """A `Report` that ignores progress."""


def within(report: Report, low: float, high: float, *, stage: str = "", detail: str = "") -> Report:
    """Progress of a part as progress of the whole, from `low` to `high`; under another stage or detail where given."""
    return lambda p: report(Progress(stage or p.stage, low + (high - low) * p.fraction, detail or p.detail))


def share(report: Report, index: int, count: int, *, detail: str = "") -> Report:
    """Progress of part `index` of `count` as progress of the whole."""
    return within(report, index / count, (index + 1) / count, detail=detail)


class CancelToken:
    """Thread-safe request to stop; long jobs call `check` between steps."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if `cancel` was called."""
        if self._event.is_set():
            raise Cancelled

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

"""Requests to a running training, as files in `RUN/control/`: they work from any process and any computer."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

Request = Literal["stop", "pause"]
POLL_SECONDS = 0.5


class Control:
    """The requests of one run. A request is a file; it stands until it is withdrawn."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "control"

    def request(self, what: Request) -> None:
        """Ask the training to stop at its next step, or to pause until the request is withdrawn."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / what).touch()

    def withdraw(self, what: Request) -> None:
        (self.folder / what).unlink(missing_ok=True)

    def asked(self, what: Request) -> bool:
        return (self.folder / what).exists()

    def clear(self, before: float) -> None:
        """Forget requests to an earlier training: those made before a time, in seconds since 1970."""
        for what in ("stop", "pause"):
            path = self.folder / what
            if path.exists() and path.stat().st_mtime < before:
                self.withdraw(what)

    def wait_while_paused(self, told: Callable[[bool], None], stopping: Callable[[], bool]) -> None:
        """Return at once unless a pause is asked; else when it is withdrawn or a stop is asked.

        told: called with True when waiting begins and False when it ends. stopping: another reason to stop.
        """
        if not self.asked("pause"):
            return
        told(True)
        while self.asked("pause") and not self.asked("stop") and not stopping():
            time.sleep(POLL_SECONDS)
        told(False)

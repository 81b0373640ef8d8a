"""One training as it is seen from outside: by its events, its lock and its requests. No Qt."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine import paths
from engine.errors import EngineError

if TYPE_CHECKING:
    from trainer.events import Event
    from trainer.grpo.config import GrpoConfig

OUTPUT: Final = "output.txt"
"""What the process prints."""
REPORT: Final = "report.html"
LITTLE_SPACE: Final = 32 << 20
"""Free bytes below which a training that ended without a word ended for want of space."""


class Phase(StrEnum):
    """Where a training stands. broken: it ended without saying why, such as by a kill."""

    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    BROKEN = "broken"
    FINISHED = "finished"

    @property
    def at_work(self) -> bool:
        return self in (Phase.RUNNING, Phase.PAUSING, Phase.PAUSED, Phase.STOPPING)


@dataclass(frozen=True)
class Seen:
    """One look at a run. begun: whether it has a manifest, so that it can go on. printed: the last line of what it
    printed. full: whether the disk is."""

    folder: Path
    phase: Phase
    events: tuple[Event, ...] = ()
    begun: bool = False
    config: GrpoConfig | None = None
    printed: str = ""
    full: bool = False

    def last(self, kind: str) -> dict[str, Any] | None:
        """The newest event of a kind."""
        found = next((event for event in reversed(self.events) if event.kind == kind), None)
        return None if found is None else dict(found.data)

    @property
    def step(self) -> int:
        """Iterations done."""
        return max((event.data["step"] for event in self.events if event.kind == "update"), default=0)

    @property
    def resumable(self) -> bool:
        """Unless it is finished, or would only fail again."""
        failed = self.last("failed") if self.phase is Phase.FAILED else None
        return (
            self.begun
            and self.phase in (Phase.STOPPED, Phase.BROKEN, Phase.FAILED)
            and not (failed is not None and failed.get("code") == "training")
        )


def home() -> Path:
    """Where the window's trainings lie."""
    return paths.user_folder() / "trainings"


def folders(place: Path | None = None) -> list[Path]:
    """Of all trainings, or of what else lies in a place by the time, the newest first."""
    return sorted((path for path in (place or home()).glob("*") if path.is_dir()), reverse=True)


def new_folder(place: Path | None = None) -> Path:
    """For another one, named by the time; made at once, so that it is nobody else's. Raises: OSError."""
    stem, number = datetime.datetime.now().strftime("%Y-%m-%d-%H%M%S"), 1
    while True:
        folder = (place or home()) / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return folder


def settings_of(folder: Path) -> GrpoConfig | None:
    """The settings of a run; None before it has a manifest, or if that cannot be read."""
    from trainer.grpo.config import from_plain
    from trainer.runs import Run

    try:
        return from_plain(Run.open(folder, "policy").manifest.config)
    except EngineError:
        return None


class Watch:
    """Looks at one run again and again; reads only what is new."""

    def __init__(self, folder: Path) -> None:
        from trainer.control import Control
        from trainer.events import Tail
        from trainer.runs import EVENTS

        self.folder, self.control = folder, Control(folder)
        self._tail = Tail(folder / EVENTS)
        self._events: list[Event] = []
        self._config: GrpoConfig | None = None

    def look(self, alive: bool | None) -> Seen:
        """alive: whether its process runs; None if that is known by the lock alone, as after a restart."""
        from trainer.runs import is_running

        running = is_running(self.folder) if alive is None else alive
        self._events += self._tail.poll()  # after asking whether it runs, so that its last words are not missed
        self._config = self._config or settings_of(self.folder)
        phase = self._phase(running)
        silent = phase is Phase.BROKEN
        return Seen(
            self.folder,
            phase,
            tuple(self._events),
            self._config is not None,
            self._config,
            last_line(self.folder / OUTPUT) if silent else "",
            silent and shutil.disk_usage(self.folder).free < LITTLE_SPACE,
        )

    def _phase(self, running: bool) -> Phase:
        kind = _decisive(self._events)
        if not running:
            ends = {"finished": Phase.FINISHED, "stopped": Phase.STOPPED, "failed": Phase.FAILED}
            return ends.get(kind, Phase.BROKEN)
        if self.control.asked("stop"):
            return Phase.STOPPING
        if self.control.asked("pause"):
            return Phase.PAUSED if kind == "paused" else Phase.PAUSING
        return Phase.RUNNING


def _decisive(events: Sequence[Event]) -> str:
    """The kind of the last event that says where a run stands; going on takes an end back."""
    kinds = ("begun", "loading", "paused", "continued", "finished", "stopped", "failed")
    return next((event.kind for event in reversed(events) if event.kind in kinds), "")


def last_line(path: Path) -> str:
    """The last words of what a process printed."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")

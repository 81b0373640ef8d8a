"""Training as the window shows it: what is to be trained, the run, and what came of it. No widgets.

The training is the command line in a process of its own (`app.jobs.process`), which goes on when the window is closed.
What is known of it is read from its folder.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from app.jobs import process
from app.jobs.runner import Job, JobRunner
from app.language import tr
from app.viewmodels import account, plan, watching
from app.viewmodels.labels import about
from app.viewmodels.plan import Plan
from app.viewmodels.problem import Problem
from app.viewmodels.watching import Phase, Seen, Watch

if TYPE_CHECKING:
    from trainer.grpo.curves import Figure

T = TypeVar("T")
LANE: Final = "training"
POLL_MS: Final = 500
SETTINGS: Final = "settings.toml"
LENGTHS: Final = {6: tr("Short"), 12: tr("Usual"), 24: tr("Long")}
"""Iterations, and what that is called."""
MODES: Final = {
    "cps": tr("DPG, exact noise (usual)"),
    "dpg": tr("DPG, as published"),
    "sde": tr("Flow-GRPO"),
    "nft": tr("DiffusionNFT"),
}
FIGURES: Final = {
    "reward": tr("Reward"),
    "preferred": tr("Share that is preferred to before"),
    "guarded": tr("Guards: 1 is the limit"),
    "divergence": tr("Distance from the policy before (KL)"),
}
CURVES: Final = {"samples": tr("while exploring"), "evaluation": tr("plain")}


@dataclass(frozen=True)
class Wanted:
    """The settings that a person makes. base: the policy to begin with, "" for the active one. extra: whether photos
    besides those of the picks are trained on."""

    mode: str = "cps"
    iterations: int = 12
    base: str = ""
    extra: bool = False


class TrainingModel(QObject):
    """At most one training of this person at a time. plan: None before the first look. seen: the newest run, None if
    there is none. setting_up: whether another training is being prepared, or the run is shown."""

    changed = Signal()
    ended = Signal()
    """A training that was at work has ended; `title` and `said` tell how."""

    def __init__(self, runner: JobRunner, parent: QObject | None = None, command: Sequence[str] | None = None) -> None:
        super().__init__(parent)
        self._runner, self._command = runner, command
        self._job: Job | None = None
        self._watch: Watch | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)
        self.plan: Plan | None = None
        self.seen: Seen | None = None
        self.wanted = Wanted()
        self.setting_up = True
        self.problem: Problem | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being looked at or started."""
        return self._job is not None

    @property
    def at_work(self) -> bool:
        return self.seen is not None and self.seen.phase.at_work

    @property
    def can_train(self) -> bool:
        return self.plan is not None and not self.plan.obstacle() and not self.at_work

    # --- doing --------------------------------------------------------------------------------------------------------

    def refresh(self, extra: Sequence[Path] = ()) -> None:
        """Look at the picks and at the newest run, whoever began it. extra: photos that could be trained on besides."""

        def work() -> tuple[Plan, Watch | None, Seen | None]:
            found = plan.look(extra)
            return found, *self._newest()

        def done(result: tuple[Plan, Watch | None, Seen | None]) -> None:
            first = self.plan is None
            self.plan, watch, seen = result
            if watch is not None and seen is not None:
                self._watch = watch
                self._show(seen)
                if first or seen.phase.at_work:
                    self.setting_up = False

        self._run(tr("Reading the picks"), work, done)

    def choose(self, **values: object) -> None:
        """Settings of the next training, by their names in `Wanted`."""
        self.wanted = replace(self.wanted, **values)  # type: ignore[arg-type]
        self.changed.emit()

    def set_up(self, wanted: bool) -> None:
        """Prepare another training, or show the run."""
        if not self.at_work and (wanted or self.seen is not None):
            self.setting_up, self.problem = wanted, None
            self.changed.emit()

    def start(self) -> None:
        """Begin to train as set."""
        if not self.can_train or self.busy:
            return
        assert self.plan is not None
        found, wanted = self.plan, self.wanted

        def work() -> tuple[Watch, Seen]:
            watch, seen = self._newest()
            if watch is not None and seen is not None and seen.phase.at_work:
                return watch, seen  # another window was faster
            folder = watching.new_folder()
            (folder / SETTINGS).write_text(_settings(wanted), encoding="utf-8")
            return self._launch(folder, _arguments(folder, found, wanted))

        self._run(tr("Starting the training"), work, self._launched)

    def resume(self) -> None:
        """Go on with a run that was stopped or broke off."""
        if self.seen is None or not self.seen.resumable or self.busy:
            return
        folder = self.seen.folder
        arguments = ["train", "policy", "--out", str(folder), "--resume", "--threads", _threads()]
        self._run(tr("Resuming the training"), lambda: self._launch(folder, arguments), self._launched)

    def pause(self) -> None:
        if self._watch is not None and self.at_work:
            self._ask(lambda watch: watch.control.request("pause"))

    def go_on(self) -> None:
        """Withdraw a pause."""
        self._ask(lambda watch: watch.control.withdraw("pause"))

    def stop(self) -> None:
        """Stop at the next step; what was learned is kept, and the run can be resumed."""
        if self._watch is not None and self.at_work:
            self._ask(lambda watch: watch.control.request("stop"))

    def close(self) -> None:
        """Look no more; the training goes on by itself."""
        self._timer.stop()

    # --- saying -------------------------------------------------------------------------------------------------------

    @property
    def estimate(self) -> str:
        """How long the training that is set will take."""
        from trainer.forecast import seconds, usual
        from trainer.grpo.config import GrpoConfig

        if self.plan is None or self.plan.obstacle():
            return ""
        photos = len(self.plan.photos) + (len(self.plan.extra) if self.wanted.extra else 0)
        config = GrpoConfig(iterations=self.wanted.iterations)
        return about(seconds(photos, config, self.plan.speed or usual(bool(self.plan.encoder))))

    @property
    def fraction(self) -> float:
        event = self.seen.last("progress") if self.seen is not None else None
        return float(event["fraction"]) if event else 0.0

    @property
    def title(self) -> str:
        """Where the run stands, in a few words."""
        return account.title(self.seen) if self.seen is not None else ""

    @property
    def said(self) -> list[str]:
        """What is to be known of the run, in sentences."""
        return account.sentences(self.seen, self.plan.speed if self.plan else None) if self.seen is not None else []

    @property
    def version(self) -> str:
        """The policy that came of it; empty if none did."""
        return account.version(self.seen) if self.seen is not None else ""

    @property
    def won(self) -> bool:
        return self.seen is not None and account.won(self.seen)

    @property
    def report(self) -> Path | None:
        """The page with everything, once it is there."""
        if self.seen is None or self.seen.phase is not Phase.FINISHED:
            return None
        path = self.seen.folder / watching.REPORT
        return path if path.exists() else None

    def figures(self) -> dict[str, Figure]:
        """Name in `FIGURES` → the curve so far."""
        from trainer.grpo import curves

        events = self.seen.events if self.seen is not None else ()
        drawn = (curves.reward, curves.preferred, curves.guarded, curves.divergence)
        return {name: draw(events) for name, draw in zip(FIGURES, drawn, strict=True)}

    def strips(self) -> list[list[tuple[int, Path]]]:
        """For each face shown, (iterations, picture) of the same sample over time."""
        from trainer.grpo.curves import strips

        if (seen := self.seen) is None:
            return []
        return [[(step, seen.folder / name) for step, name in row] for row in strips(seen.events)]

    # --- inside -------------------------------------------------------------------------------------------------------

    def _newest(self) -> tuple[Watch | None, Seen | None]:
        """In the worker: the newest run."""
        folder = next(iter(watching.folders()), None)
        if folder is None:
            return None, None
        known = self._watch
        watch = known if known is not None and known.folder == folder else Watch(folder)
        return watch, watch.look(self._alive(folder))

    def _alive(self, folder: Path) -> bool | None:
        """Whether this window's own process works in the folder; None if none of this window does."""
        if self._process is None or self._watch is None or self._watch.folder != folder:
            return None
        return self._process.poll() is None

    def _launch(self, folder: Path, arguments: Sequence[str]) -> tuple[Watch, Seen]:
        """In the worker."""
        line = [*(self._command or process.command()), *arguments]
        self._process = process.start(line, folder / watching.OUTPUT)
        known = self._watch
        self._watch = known if known is not None and known.folder == folder else Watch(folder)
        return self._watch, self._watch.look(True)

    def _launched(self, result: tuple[Watch, Seen]) -> None:
        self._watch, seen = result
        self.setting_up = False
        self._show(seen)

    def _ask(self, do: Callable[[Watch], object]) -> None:
        """Make a request to the training, and look at once."""
        if self._watch is None:
            return
        try:
            do(self._watch)
        except OSError as error:
            self.problem = Problem.of(error, tr("Asking the training"))
            self.changed.emit()
        self._poll()

    def _poll(self) -> None:
        watch = self._watch
        if watch is None or self._runner.closed:
            return
        self._run("", lambda: watch.look(self._alive(watch.folder)), self._show)

    def _show(self, seen: Seen) -> None:
        before, self.seen = self.seen, seen
        if seen.phase.at_work:
            self._timer.start()
        else:
            self._timer.stop()
            if before is not None and before.phase.at_work and before.folder == seen.folder:
                self.ended.emit()

    def _run(self, doing: str, work: Callable[[], T], show: Callable[[T], None]) -> None:
        """doing: empty for what goes on by itself."""
        if self.busy:
            return

        def done(result: T) -> None:
            self._job = None
            if doing:
                self.problem = None
            show(result)
            self.changed.emit()

        def failed(error: Exception) -> None:
            self._job, self.problem = None, Problem.of(error, doing or tr("Watching the training"))
            self.changed.emit()

        self._job = self._runner.start(LANE, lambda token, report: work(), done, failed)
        if doing:
            self.changed.emit()


def _settings(wanted: Wanted) -> str:
    """As TOML; all others are the command line's own."""
    return f"iterations = {wanted.iterations}\n"


def _arguments(folder: Path, found: Plan, wanted: Wanted) -> list[str]:
    from trainer.picks.store import default_store

    line = ["train", "policy", "--picks", str(default_store()), "--out", str(folder), "--mode", wanted.mode]
    line += ["--config", str(folder / SETTINGS), "--threads", _threads()]
    if wanted.base:
        line += ["--policy", wanted.base]
    if wanted.extra:
        for path in (*found.photos, *found.extra):
            line += ["--photos", str(path)]
    return line


def _threads() -> str:
    """Half of the processors measure samples."""
    return str(max(1, (os.cpu_count() or 2) // 2))

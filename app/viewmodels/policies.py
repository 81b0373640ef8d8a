"""Trained policies as the window shows them: where they come from, how they did, which one is active. No widgets."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, Signal

from app.jobs.runner import Job, JobRunner
from app.language import tr, trn
from app.viewmodels import verdicts
from app.viewmodels.labels import counted
from app.viewmodels.problem import Problem

if TYPE_CHECKING:
    from engine.policies.versions import Version

LANE: Final = "policies"


@dataclass(frozen=True)
class PolicyRow:
    """A policy in words. wins: None for the shipped one, which was measured against nothing."""

    name: str
    version: str
    parent: str
    created: str
    learned: str
    preferred: str
    wins: bool | None
    active: bool
    proof: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        if self.active:
            return tr("Active")
        return {None: tr("Shipped"), True: tr("Won"), False: tr("Did not win")}[self.wins]

    @property
    def can_be_activated(self) -> bool:
        return not self.active and self.wins is not False


@dataclass(frozen=True)
class Policies:
    """All policies, the newest first and the shipped one last. before: what a roll back makes active."""

    rows: tuple[PolicyRow, ...]
    active: str
    before: str | None


class PoliciesModel(QObject):
    """Everything is done on a lane of its own, because an import tries the weights."""

    changed = Signal()
    switched = Signal()
    """Another policy is active; `notice` says so."""

    def __init__(self, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self._job: Job | None = None
        self.found: Policies | None = None
        self.problem: Problem | None = None
        self.notice = ""

    @property
    def busy(self) -> bool:
        return self._job is not None

    def refresh(self) -> None:
        """Look at what there is; what was said stays."""
        self._run(tr("Reading the policies"), lambda: self.notice)

    def activate(self, name: str) -> None:
        """Let a policy retouch from now on."""

        def work() -> str:
            from engine.policies import versions

            versions.activate(name)
            return ""

        self._run(tr("Activating {name}", name=name), work)

    def rollback(self) -> None:
        def work() -> str:
            from engine.policies import versions

            versions.rollback()
            return ""

        self._run(tr("Rolling back"), work)

    def export(self, name: str, path: Path) -> None:
        def work() -> str:
            from engine.policies import versions

            checksum = versions.export(name, path)
            return tr("{name} is in {file}. Its checksum (SHA-256) is {checksum}.", name=name, file=path.name,
                      checksum=checksum)  # fmt: skip

        self._run(tr("Exporting {name}", name=name), work)

    def import_file(self, path: Path) -> None:
        """Take in an exported policy, under another name if its own is taken."""

        def work() -> str:
            from engine.errors import UsageError
            from engine.policies import versions

            try:
                name = versions.import_file(path).name
            except UsageError as error:
                if "taken" not in error.context:
                    raise
                taken = str(error.context["taken"])
                name = versions.import_file(path, versions.free_name(taken)).name
                return tr(
                    "{taken} was taken here, so it is called {name}. Activate it to use it.", taken=taken, name=name
                )
            return tr("{name} is here now. Activate it to use it.", name=name)

        self._run(tr("Importing {name}", name=path.name), work)

    def _run(self, doing: str, work: Callable[[], str]) -> None:
        """work: gives what is said when it is done."""
        if self.busy:
            return
        known = self.found

        def all_of_it() -> tuple[str, str, Policies]:
            from engine.policies import versions

            before = known.active if known is not None else versions.active()
            return before, work(), _look()

        def done(result: tuple[str, str, Policies]) -> None:
            self._job, self.problem = None, None
            before, self.notice, self.found = result
            if before != self.found.active:
                self.notice = tr(
                    "{name} retouches from now on. Photos retouched before stay as they are.", name=self.found.active
                )
                self.switched.emit()
            self.changed.emit()

        def failed(error: Exception) -> None:
            self._job, self.notice, self.problem = None, "", Problem.of(error, doing)
            self.changed.emit()

        self._job = self._runner.start(LANE, lambda token, report: all_of_it(), done, failed)
        self.changed.emit()


def _look() -> Policies:
    from engine.policies import versions

    active = versions.active()
    shipped = PolicyRow(versions.SHIPPED, "", "", "", "", "", None, active == versions.SHIPPED)
    rows = [_row(each, active) for each in reversed(versions.versions())]
    return Policies((*rows, shipped), active, versions.before_active())


def _row(version: Version, active: str) -> PolicyRow:
    return PolicyRow(
        version.name,
        version.version,
        version.parent.name,
        shown_time(version.created),
        _learned(version.sources),
        verdicts.preferred(version.results),
        version.wins,
        version.name == active,
        verdicts.proved(version.results),
    )


def _learned(sources: Mapping[str, Any]) -> str:
    parts = []
    if picks := sources.get("picks"):
        parts.append(trn("{count} pick", "{count} picks", int(picks)))
    if photos := sources.get("photos"):
        parts.append(counted(int(photos), "photo", "photos"))
    return ", ".join(parts)


def shown_time(iso: str) -> str:
    """An ISO time in this computer's zone, to the minute."""
    try:
        return datetime.datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return iso

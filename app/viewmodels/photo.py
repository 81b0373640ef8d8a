"""The state of the window: one photo, its faces, edits, history, jobs and problems. No widgets.

Engine work runs on the lane "work", one job after another; only that lane touches the session. What a job finds comes
back as immutable values. Edits live here and are handed to jobs as they are at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from app.jobs.runner import Job, JobRunner
from app.viewmodels.engine import Engine
from app.viewmodels.frames import Frames
from app.viewmodels.history import History
from app.viewmodels.labels import DECISIONS, MARKS, STAGES, TITLES, counted
from app.viewmodels.opened import Opened, Stamp, stamp
from app.viewmodels.problem import Problem
from app.viewmodels.state import Change, Edits, ExportRequest, Retouched, Stage
from engine.jobs import CancelToken, Progress, Report
from engine.types import Decision, FaceAnalysis, FaceEdits, Mark, Photo, RetouchLayers, SkippedFace

if TYPE_CHECKING:
    from engine.session import RetouchSession

T = TypeVar("T")
LANE = "work"
READ_LANE = "read"
SAVE_MS = 800
"""Edits are saved this long after the last change."""


class PhotoModel(QObject):
    """The one object that views show and act on."""

    changed = Signal(object)
    """(Change)"""
    left = Signal(object)
    """(Opened) a photo that makes room for another one; it may be handed back to `open`."""
    saved = Signal(object, int)
    """(Path, faces) whose edits were saved just now."""

    def __init__(self, engine: Engine | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.engine = engine or Engine()
        self.runner = JobRunner(self)
        self.frames = Frames(self.runner, self)
        self.auto_retouch = True
        self.stage = Stage.EMPTY
        self.path: Path | None = None
        self.photo: Photo | None = None
        self.faces: tuple[FaceAnalysis, ...] = ()
        self.skipped: tuple[SkippedFace, ...] = ()
        self.layers: Mapping[str, RetouchLayers] = {}
        self.selected: str | None = None
        self.edits: Edits = {}
        self.history: History[Edits] = History({})
        self.problem: Problem | None = None
        self.notice = ""
        self.job: Job | None = None
        self.progress: Progress | None = None
        self._session: RetouchSession | None = None
        self._unsaved = False
        self._stamp: Stamp = ()
        self._saving = QTimer(self)
        self._saving.setSingleShot(True)
        self._saving.setInterval(SAVE_MS)
        self._saving.timeout.connect(self.save)
        self.runner.progressed.connect(self._progressed)
        self.runner.ended.connect(self._ended)
        self.frames.failed.connect(lambda error: self._fail(error, "Showing the photo"))

    # --- opening and retouching ---------------------------------------------------------------------------------------

    def open(self, path: Path, ready: Opened | None = None) -> None:
        """Open another photo; what runs for the present one is cancelled, its edits are saved first.

        ready: the photo, if it was read before; then it shows at once.
        """
        self.save()
        self.cancel()
        self._leave()
        self.path, self.stage, self._session = path, Stage.OPENING, None
        self.photo, self.faces, self.skipped, self.layers, self.selected = None, (), (), {}, None
        self._restart_history({})
        self.frames.set_source(None)
        self.problem, self.notice = None, ""
        self.changed.emit(
            Change.PHOTO | Change.FACES | Change.PROPOSAL | Change.SELECTION | Change.PROBLEM | Change.NOTICE
        )

        def work(token: CancelToken, report: Report) -> Opened:
            found = stamp(path)
            session = self.engine.open(path)
            return Opened(session, self.engine.source(session.photo, None), found)

        def failed(error: Exception) -> None:
            self.stage, self.path = Stage.EMPTY, None
            self._fail(error, f"Opening {path.name}", "open", Change.PHOTO)

        if ready is not None:
            self._opened(ready)
        else:
            self._start(f"Opening {path.name}", work, self._opened, failed, READ_LANE)

    def _opened(self, opened: Opened) -> None:
        session = opened.session
        self._session, self.photo, self.stage = session, session.photo, Stage.OPEN
        self._stamp = opened.stamp
        self.notice = " ".join(session.photo.notes)
        self.frames.set_source(opened.source, session.photo.size)
        self.changed.emit(Change.PHOTO | Change.NOTICE)
        if opened.retouched is not None:
            self._show_proposal(replace(opened.retouched, edits=opened.edits))
        elif self.auto_retouch:
            self.retouch()

    def _leave(self) -> None:
        """Hand the present photo on, so that coming back to it is quick."""
        session, source = self._session, self.frames.source
        if session is None or source is None or self.stage not in (Stage.OPEN, Stage.PROPOSED) or self._unsaved:
            return
        found = None
        if self.stage is Stage.PROPOSED:
            found = Retouched(self.faces, self.skipped, self.layers, self.edits, tuple(session.notes))
        self.left.emit(Opened(session, source, self._stamp, found, self.edits))

    def retouch(self) -> None:
        """Find the faces and propose a retouch, or take up the saved one."""
        session, engine = self._session, self.engine
        if session is None or self.busy:
            return
        self._dismiss()
        edits = dict(self.edits) if self.stage is Stage.PROPOSED else None

        def work(token: CancelToken, report: Report) -> Retouched:
            return retouched(engine, session, token, report, edits)

        name = session.photo.path.name
        failed = lambda error: self._retouch_failed(error, name)  # noqa: E731
        self._start("Retouching", work, self._proposed, failed)

    def _proposed(self, found: Retouched) -> None:
        assert self.photo is not None
        self.frames.set_source(self.engine.source(self.photo, found.layers), self.photo.size, same_photo=True)
        self._show_proposal(found)

    def _show_proposal(self, found: Retouched) -> None:
        """Take over a proposal whose pictures the canvas has."""
        self.faces, self.skipped, self.layers, self.stage = found.faces, found.skipped, found.layers, Stage.PROPOSED
        if self.selected not in {face.id for face in self.faces}:
            self.selected = self.faces[0].id if len(self.faces) == 1 else None
        self._restart_history(found.edits)
        self.notice = " ".join(found.notes)
        self.changed.emit(Change.FACES | Change.PROPOSAL | Change.EDITS | Change.SELECTION | Change.NOTICE)

    def _retouch_failed(self, error: Exception, name: str) -> None:
        if self._session is not None:
            self.faces, self.skipped = self._session.faces, self._session.skipped
        self._fail(error, f"Retouching {name}", "retouch", Change.FACES)

    # --- edits --------------------------------------------------------------------------------------------------------

    @property
    def targets(self) -> tuple[str, ...]:
        """Ids of the faces that an edit is for: the selected one, or all."""
        if self.selected is not None:
            return (self.selected,)
        return tuple(face.id for face in self.faces)

    def strength(self, name: str) -> float | None:
        """0–100, or None if the targets differ. name: a layer or "amount"."""
        values = {_strength(self._edits_of(face), name) for face in self.targets}
        return (values.pop() if values else default_strength(name)) if len(values) <= 1 else None

    def set_strength(self, name: str, value: float, *, commit: bool = True, merge: bool = False) -> None:
        """Set a strength of the targets. Without `commit` (during a drag) there is no history entry yet; with `merge`
        (key by key) the entry joins the last one if that was for the same strength."""
        value = min(max(value, 0.0), 100.0)
        edits = dict(self.edits)
        for face in self.targets:
            own = self._edits_of(face)
            edits[face] = replace(own, strengths=own.strengths.with_(**{name: value}))
        self._set(edits)
        if commit:
            self._commit(f"{TITLES[name]} {value:.0f}", key=(self.selected, name), merge=merge)
        else:
            self.changed.emit(Change.EDITS)

    def reset(self) -> None:
        """Everything of the targets as proposed."""
        self._set({**self.edits, **{face: FaceEdits() for face in self.targets}})
        self._commit("Reset")

    def enable(self, face: str, enabled: bool) -> None:
        """Switch one face's retouch on or off."""
        self._set({**self.edits, face: replace(self._edits_of(face), enabled=enabled)})
        self._commit("Face on" if enabled else "Face off")

    def decision(self, face: str, mark: Mark) -> Decision:
        """What happens to a mark: the person's choice or the proposed one."""
        return self._edits_of(face).decisions.get(mark.id, mark.decision)

    def flip(self, face: str, mark: Mark) -> None:
        """Keep a mark that would be removed, or the other way round."""
        own = self._edits_of(face)
        other = Decision.KEEP if self.decision(face, mark) is Decision.REMOVE else Decision.REMOVE
        decisions = {key: value for key, value in own.decisions.items() if key != mark.id}
        if other is not mark.decision:
            decisions[mark.id] = other
        self._set({**self.edits, face: replace(own, decisions=decisions)})
        self._commit(f"{MARKS[mark.kind]} {DECISIONS[other]}")

    def undo(self) -> None:
        self._set(self.history.undo())
        self._mark_unsaved()
        self.changed.emit(Change.EDITS)

    def redo(self) -> None:
        self._set(self.history.redo())
        self._mark_unsaved()
        self.changed.emit(Change.EDITS)

    def select(self, face: str | None) -> None:
        """Edit one face, or all."""
        if face != self.selected:
            self.selected = face
            self.changed.emit(Change.SELECTION)

    def _edits_of(self, face: str) -> FaceEdits:
        return self.edits.get(face, FaceEdits())

    def _set(self, edits: Edits) -> None:
        self.edits = edits
        self.frames.set_edits(edits)

    def _commit(self, label: str, *, key: object = None, merge: bool = False) -> None:
        self.history.push(label, self.edits, key=key, merge=merge)
        self._mark_unsaved()
        self.changed.emit(Change.EDITS)

    def _restart_history(self, edits: Edits) -> None:
        self.history = History(edits)
        self.edits = edits
        self.frames.set_edits(edits)

    # --- saving and exporting -----------------------------------------------------------------------------------------

    def _mark_unsaved(self) -> None:
        self._unsaved = True
        self._saving.start()

    def save(self) -> None:
        """Write the sidecar if there is something new."""
        self._saving.stop()
        session, edits = self._session, dict(self.edits)
        if not self._unsaved or session is None or self.stage is not Stage.PROPOSED:
            return
        self._unsaved = False

        def work(token: CancelToken, report: Report) -> None:
            session.edits.update(edits)
            session.save_sidecar()

        def done(_: None) -> None:
            if session is self._session:
                self._stamp = stamp(session.photo.path)
            self.saved.emit(session.photo.path, len(session.faces))

        failed = lambda error: self._fail(error, f"Saving the edits of {session.photo.path.name}")  # noqa: E731
        self.runner.start(LANE, work, done, failed, essential=True)

    def export(self, request: ExportRequest) -> None:
        """Render at full size and write."""
        session, edits = self._session, dict(self.edits)
        if session is None or self.stage is not Stage.PROPOSED or self.busy:
            return
        self._dismiss()

        def work(token: CancelToken, report: Report) -> tuple[str, ...]:
            session.edits.update(edits)
            report(Progress("render", 0.0))
            pixels = session.render()
            token.check()
            report(Progress("write", 0.6))
            from engine.delivery.recipe import Recipe

            asked = {"format": request.format or "own", "depth": request.depth, "quality": request.quality}
            recipe = Recipe.model_validate(asked)
            return session.export(request.path, recipe, pixels=pixels, overwrite=request.overwrite)

        def done(notes: tuple[str, ...]) -> None:
            self.notice = " ".join([f"Exported {request.path.name}.", *notes])
            self.changed.emit(Change.NOTICE)

        name = request.path.name
        self._start(f"Exporting {name}", work, done, lambda error: self._fail(error, f"Exporting {name}", "export"))

    # --- jobs and problems --------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        return self.job is not None

    @property
    def doing(self) -> str:
        """What runs, for the status bar."""
        if self.job is None:
            return ""
        if self.progress is not None and self.progress.stage in STAGES and self.job.label == "Retouching":
            return STAGES[self.progress.stage]
        return self.job.label

    @property
    def summary(self) -> str:
        """The photo in one line."""
        if self.photo is None:
            return ""
        width, height = self.photo.size
        parts = [f"{width:,} × {height:,}", f"{self.photo.depth} bit"]
        if self.stage is Stage.PROPOSED:
            parts.append(counted(len(self.faces), "face"))
        return "   ·   ".join(parts)

    def cancel(self) -> None:
        """Cancel what runs; the window is free at once, the job ends at its next step."""
        if self.job is not None:
            self.job.token.cancel()
            self.job, self.progress = None, None
            if self.stage is Stage.OPENING:
                self.stage, self.path = Stage.EMPTY, None
            self.notice = "Cancelled."
            self.changed.emit(Change.JOB | Change.NOTICE | Change.PHOTO)

    def dismiss(self) -> None:
        """Take the problem away."""
        self._dismiss()

    def close(self) -> None:
        """Save, stop everything, and wait for the worker threads."""
        self.cancel()
        self.save()
        self.frames.set_source(None)
        self.runner.close()

    def _start(
        self,
        label: str,
        work: Callable[[CancelToken, Report], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
        lane: str = LANE,
    ) -> None:
        def finish(after: Callable[..., None]) -> Callable[..., None]:
            def run(value: object) -> None:
                if self.job is job:
                    self.job, self.progress = None, None
                after(value)

            return run

        job = self.runner.start(lane, work, finish(done), finish(failed), label)
        self.job = job
        self.progress = None
        self.changed.emit(Change.JOB)

    def _progressed(self, job: Job, progress: Progress) -> None:
        if job is not self.job:
            return
        self.progress = progress
        session, found = self._session, Change.JOB
        # The job reports after the faces are found, so these tuples no longer change: show them before the proposal.
        if session is not None and session.faces is not self.faces and progress.stage != "analyse":
            self.faces, self.skipped = session.faces, session.skipped
            found |= Change.FACES
        self.changed.emit(found)

    def _ended(self, job: Job) -> None:
        if job.label:
            self.changed.emit(Change.JOB)

    def _fail(self, error: Exception, doing: str, action: str = "", also: Change = Change.PROBLEM) -> None:
        self.problem = Problem.of(error, doing, action)
        self.changed.emit(Change.PROBLEM | also)

    def _dismiss(self) -> None:
        if self.problem is not None:
            self.problem = None
            self.changed.emit(Change.PROBLEM)


def default_strength(name: str) -> float:
    """Where a slider stands before anyone has moved it. name: a layer or "amount"."""
    return _strength(FaceEdits(), name)


def _strength(edits: FaceEdits, name: str) -> float:
    return edits.strengths.amount if name == "amount" else edits.strengths.values[name]


def retouched(
    engine: Engine, session: RetouchSession, token: CancelToken, report: Report, edits: Edits | None = None
) -> Retouched:
    """Find the faces and propose a retouch, or take up the saved one. edits: of a proposal that is made anew.

    Raises: as `RetouchSession.propose` and `restore`.
    """
    saved = engine.saved(session.photo.path) if edits is None else None
    report(Progress("analyse", 0.0))
    if saved is None and not session.faces:
        session.analyse()
    if saved is None:
        session.require_faces()
    token.check()
    report(Progress("load", 0.1))
    policy = engine.policy()
    token.check()
    if saved is not None:
        session.restore(saved, policy, token=token, report=_part(report, 0.2, 1.0))
    else:
        session.propose(policy, token=token, report=_part(report, 0.2, 1.0))
        session.edits.update({key: value for key, value in (edits or {}).items() if key in session.edits})
    assert session.proposal is not None
    return Retouched(session.faces, session.skipped, session.proposal.layers, dict(session.edits), tuple(session.notes))


def _part(report: Report, low: float, high: float) -> Report:
    """Progress of a part as progress of the whole."""
    return lambda p: report(Progress(p.stage, low + (high - low) * p.fraction, p.detail))

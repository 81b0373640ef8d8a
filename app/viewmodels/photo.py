"""The state of the window: one photo, its faces, edits, jobs and problems. No widgets.

Engine work runs on the lane "work", one job after another; only that lane touches the session. What a job finds comes
back as immutable values. Edits live here and are handed to jobs as they are at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal

from app.jobs.runner import Job
from app.language import said, tr
from app.viewmodels.editing import EditModel
from app.viewmodels.engine import Engine
from app.viewmodels.frames import Frames
from app.viewmodels.giving import Giving
from app.viewmodels.labels import counted
from app.viewmodels.opened import Opened, Stamp, stamp
from app.viewmodels.retouching import moved, redrawn, retouched
from app.viewmodels.state import Change, Document, Edits, Retouched, Stage, own_marks
from app.viewmodels.working import LANE, Work
from engine.clock import now
from engine.errors import EngineError, NoFaceError
from engine.jobs import CancelToken, Progress, Report
from engine.settings import FaceSettings
from engine.types import Box, OwnMark, Photo, RetouchLayers, SkippedFace

if TYPE_CHECKING:
    from engine.journal import Journal
    from engine.proposal import ProposalSpec
    from engine.session import RetouchSession
    from engine.sidecar import Sidecar

READ_LANE = "read"
SAVE_MS = 800
"""Edits are saved this long after the last change."""


class PhotoModel(EditModel):
    """The one object that views show and act on."""

    left = Signal(object)
    """(Opened) a photo that makes room for another one; it may be handed back to `open`."""
    saved = Signal(object)
    """(Path) whose edits were saved just now."""

    def __init__(self, engine: Engine | None = None) -> None:
        super().__init__()
        self.engine = engine or Engine()
        self.frames = Frames(self.runner, self)
        self.giving = Giving(self)
        self.auto_retouch = True
        self.apart = False
        """Whether edits are kept in the person's own folder, because the photos lie in another program's."""
        self.stage = Stage.EMPTY
        self.path: Path | None = None
        self.photo: Photo | None = None
        self.skipped: tuple[SkippedFace, ...] = ()
        self.faceless = False
        """Whether faces were looked for, and none was found that can be retouched."""
        self.read_only = False
        """Whether a newer version wrote this photo's edits, so that none are saved."""
        self._session: RetouchSession | None = None
        self._journal: Journal | None = None
        self._drawn: tuple[object, object] = (None, None)
        """Proposal and boxes of the document that faces and layers were last drawn for."""
        self._resolved: Mapping[str, Sequence[OwnMark]] = {}
        """Face id → the brushed marks that its layers have."""
        self._healed: Mapping[str, Sequence[OwnMark]] = {}
        """The same of the layers that are in the picture."""
        self._unsaved = False
        self._waiting: tuple[FaceSettings, str] | None = None
        """Settings that the photo gets once it is retouched, and their label."""
        self._stamp: Stamp = ()
        self._saving = QTimer(self)
        self._saving.setSingleShot(True)
        self._saving.setInterval(SAVE_MS)
        self._saving.timeout.connect(self.save)
        self.frames.changed.connect(self._show_healed)
        self.frames.failed.connect(lambda error: self.fail(error, tr("Showing the photo")))

    @property
    def healing(self) -> tuple[OwnMark, ...]:
        """Brushed marks that are not healed in the picture yet."""
        brushed = own_marks(self.edits).items()
        return tuple(mark for face, marks in brushed for mark in marks if mark not in self._healed.get(face, ()))

    @property
    def doing(self) -> str:
        return super().doing or (tr("Healing the mark") if self.healing else "")

    @property
    def session(self) -> RetouchSession | None:
        """Of the open photo; touched only by jobs on the lane "work"."""
        return self._session

    def warm_up(self) -> None:
        """Load the policy before the first photo asks for it; if it cannot be loaded, that photo says so."""
        self.runner.start(LANE, lambda token, report: self.engine.warm_up(), lambda _: None, lambda _: None)

    # --- opening and retouching ---------------------------------------------------------------------------------------

    def open(self, path: Path, ready: Opened | None = None) -> None:
        """Open another photo; what runs for the present one is cancelled, its edits are saved first.

        ready: the photo, if it was read before; then it shows at once.
        """
        waiting, left = self._waiting, self.path
        self.save()
        self.cancel()
        self._leave()
        self.path, self.stage, self._session, self._journal = path, Stage.OPENING, None, None
        self.photo, self.faces, self.skipped, self.layers, self.selected = None, (), (), {}, None
        self.faceless, self.read_only, self._waiting = False, False, waiting if left == path else None
        self._restart(Document({}))
        self.frames.set_source(None)
        self.problem, self.notice = None, ""
        self.changed.emit(~Change.JOB)

        def work(token: CancelToken, report: Report) -> Opened:
            found = stamp(path)
            session = self.engine.open(path)
            return Opened(session, self.engine.source(session.photo, None), found)

        def failed(error: Exception) -> None:
            self.stage, self.path = Stage.EMPTY, None
            self.fail(error, tr("Opening {name}", name=path.name), "open", Change.PHOTO)

        if ready is not None:
            self._opened(ready)
        else:
            self.run_job(tr("Opening {name}", name=path.name), work, self._opened, failed, READ_LANE)
        if waiting is not None and left is not None:  # they were pasted, and come to its sidecar
            self.giving.give([left], *waiting)

    def _opened(self, opened: Opened) -> None:
        session = opened.session
        self._session, self.photo, self.stage = session, session.photo, Stage.OPEN
        self._stamp = opened.stamp
        self.notice = " ".join(map(said, session.photo.notes))
        self.frames.set_source(opened.source, session.photo.size)
        self.changed.emit(Change.PHOTO | Change.NOTICE)
        if opened.retouched is not None:
            self._show_proposal(opened.retouched)
        elif self.auto_retouch:
            self.retouch()

    def _leave(self) -> None:
        """Hand the present photo on, so that coming back to it is quick."""
        session, source = self._session, self.frames.source
        if self.stage is Stage.PROPOSED and self.history.position:
            self.previous = self.settings()
        if session is None or source is None or self.stage not in (Stage.OPEN, Stage.PROPOSED) or self._unsaved:
            return
        found = None
        if self.stage is Stage.PROPOSED and self._resolved == own_marks(self.edits):  # else the layers lack a mark
            notes = tuple(session.notes)
            found = Retouched(self.faces, self.skipped, self.layers, self.document, notes, self.history, self.read_only)
        self.left.emit(Opened(session, source, self._stamp, found, self.edits))

    def retouch(self, boxes: Sequence[Box] | None = None) -> None:
        """Find the faces, or look for them in boxes set by hand, and propose a retouch, or take up the saved one."""
        session, engine = self._session, self.engine
        if session is None or self.busy:
            return
        document = self.document if self.stage is Stage.PROPOSED else None
        name = session.photo.path.name
        work: Work[Retouched] = lambda token, report: retouched(  # noqa: E731
            engine, session, token, report, document, boxes
        )
        self.dismiss()
        self.run_job(tr("Retouching"), work, self._proposed, lambda error: self._retouch_failed(error, name))

    def _proposed(self, found: Retouched) -> None:
        self.show_layers(found.layers)
        self._show_proposal(found)

    def show_layers(self, layers: Mapping[str, RetouchLayers] | None) -> None:
        """Put the photo with these layers by face id, or alone, on the canvas once that is drawn."""
        if self.photo is not None:
            self.frames.set_source(self.engine.source(self.photo, layers), self.photo.size, same_photo=True)

    def _show_proposal(self, found: Retouched) -> None:
        """Take over a proposal whose pictures the canvas has."""
        assert self.photo is not None
        self._take(found)
        self.read_only = found.read_only
        self._journal = None if self.read_only else self.engine.journal(self.photo.path, self.photo.size)
        self._follow(found.document, found.edits)
        self._restart(found.document, found.history)
        if found.unsaved:
            self._unsaved = True
            self._saving.start()
        self.notice = " ".join(map(said, found.notes))
        self.changed.emit(~(Change.JOB | Change.PHOTO | Change.PROBLEM))
        if self._waiting is not None:
            (settings, label), self._waiting = self._waiting, None
            self.apply(settings, label)

    def paste(self, settings: FaceSettings, label: str) -> bool:
        """Give settings to the targets; to a photo that is not retouched yet as soon as it is. Returns: whether now."""
        if self.stage is Stage.PROPOSED:
            self.apply(settings, label)
            return True
        self._waiting = settings, label
        return False

    def _take(self, found: Retouched) -> None:
        self.faces, self.skipped, self.layers, self.stage = found.faces, found.skipped, found.layers, Stage.PROPOSED
        self.faceless = False
        if self.selected not in {face.id for face in self.faces}:
            self.selected = self.faces[0].id if len(self.faces) == 1 else None

    def _follow(self, document: Document, edits: Edits) -> None:
        """Faces and layers were drawn for this document, with the marks of these edits healed."""
        self._drawn = _drawing(document)
        self._healed = self._resolved = own_marks(edits)

    def _retouch_failed(self, error: Exception, name: str) -> None:
        self._waiting, self.faceless = None, isinstance(error, NoFaceError)
        if self._session is not None:
            self.faces, self.skipped = self._session.faces, self._session.skipped
        self.fail(error, tr("Retouching {name}", name=name), "retouch", Change.FACES)

    # --- faces, variations --------------------------------------------------------------------------------------------

    def set_boxes(self, boxes: Sequence[Box], label: str) -> None:
        """Set the face boxes by hand and retouch the faces in them; what was edited goes with its face."""
        session, engine, document = self._session, self.engine, self.document
        if self.stage is Stage.OPEN and self.faceless:
            self.retouch(boxes)
            return
        if session is None or self.stage is not Stage.PROPOSED or self.busy:
            return

        def work(token: CancelToken, report: Report) -> Retouched:
            return moved(engine, session, token, report, document, boxes)

        self._redraw(work, label, document)

    def take(self, proposal: ProposalSpec, label: str, taken: Callable[[], object] | None = None) -> None:
        """Make another proposal of this photo the current one, as one history entry. taken: called once it is."""
        document = replace(self.document, proposal=proposal)
        session, engine = self._session, self.engine
        if session is None or self.stage is not Stage.PROPOSED or self.busy or document == self.document:
            return
        self._redraw(lambda token, report: redrawn(engine, session, token, report, document), label, document, taken)

    def _redraw(
        self, work: Work[Retouched], label: str, document: Document, drawn: Callable[[], object] | None = None
    ) -> None:
        """Draw faces or proposal anew; with a label as one more history entry, without to follow the history."""

        def done(found: Retouched) -> None:
            self.show_layers(found.layers)
            self._take(found)
            moved = label and found.document.boxes != document.boxes
            self.notice = " ".join(said(skipped.reason) for skipped in found.skipped) if moved else ""
            self._follow(found.document if label else document, found.edits)
            if label:
                self._set(found.document)
                self._commit(label)
            self.changed.emit(Change.FACES | Change.PROPOSAL | Change.EDITS | Change.SELECTION | Change.NOTICE)
            if drawn is not None:
                drawn()

        def failed(error: Exception) -> None:
            self._drawn = _drawing(self.document)  # not again by itself
            self.fail(error, tr("Retouching"), also=Change.FACES)

        self.dismiss()
        self.run_job(tr("Retouching"), work, done, failed)

    def _document_changed(self, before: Document) -> None:
        """Engine work for an edit: another proposal, other faces, or marks of the person's own."""
        session, engine, document = self._session, self.engine, self.document
        if session is None or self.stage is not Stage.PROPOSED:
            return
        if not self.busy and _drawing(document) != self._drawn:
            self._redraw(lambda token, report: redrawn(engine, session, token, report, document), "", document)
        elif own_marks(document.edits) != own_marks(before.edits):
            self._resolve(session, document)

    def _resolve(self, session: RetouchSession, document: Document) -> None:
        """Heal patches of the marks that were brushed, quietly."""

        def work(token: CancelToken, report: Report) -> dict[str, RetouchLayers]:
            session.take_edits(document.edits)
            return {layers.face_id: layers for layers, _ in session.layers()}

        def done(layers: dict[str, RetouchLayers]) -> None:
            if session is self._session and own_marks(self.edits) == own_marks(document.edits):
                self.layers, self._resolved = layers, own_marks(document.edits)
                self.show_layers(layers)
                self.changed.emit(Change.PROPOSAL | Change.EDITS)

        def failed(error: Exception) -> None:
            self._healed = self._resolved = own_marks(document.edits)  # they are not being healed any more
            self.fail(error, tr("Healing the mark"), also=Change.EDITS)

        self.runner.start(LANE, work, done, failed)

    def _show_healed(self) -> None:
        """A brushed mark counts as healed once the picture shows it."""
        if self._healed is not self._resolved and self.frames.settled:
            self._healed = self._resolved
            self.changed.emit(Change.JOB)

    # --- saving and exporting -----------------------------------------------------------------------------------------

    def _recorded(self, label: str, *, kind: str = "push", key: object = None, moved: bool = False) -> None:
        """Write to the journal at once, and to the sidecar soon."""
        journal = self._journal
        if journal is None or self.stage is not Stage.PROPOSED:
            return
        from app.viewmodels.records import record_of
        from engine.journal import Record

        try:
            if not journal.path.exists():
                new = 1 if kind == "push" and not moved else 0
                for each in self.history.entries[: len(self.history.entries) - new]:
                    journal.append(record_of(each.state, self.faces, self.layers, each.label))
            if moved:
                journal.append(Record(kind="at", position=self.history.position, time=now()))
            else:
                journal.append(record_of(self.document, self.faces, self.layers, label, kind=kind, key=key))
        except OSError as error:
            self._journal = None
            self.say(tr("The history of this photo cannot be kept: {strerror}.", strerror=error.strerror))
        self._unsaved = True
        self._saving.start()

    def save(self) -> None:
        """Write the sidecar if there is something new."""
        self._saving.stop()
        session, edits, apart = self._session, dict(self.edits), self.apart
        if not self._unsaved or session is None or self.stage is not Stage.PROPOSED:
            return
        self._unsaved = False

        def work(token: CancelToken, report: Report) -> tuple[str, ...]:
            session.take_edits(edits)
            known = len(session.notes)
            session.save_sidecar(user_folder=apart)
            return tuple(session.notes[known:])

        def done(notes: tuple[str, ...]) -> None:
            if notes:
                self.say(" ".join(map(said, notes)))
            if session is self._session:
                self._stamp = stamp(session.photo.path)
            self.saved.emit(session.photo.path)

        failed = lambda error: self.fail(error, tr("Saving the edits of {name}", name=session.photo.path.name))  # noqa: E731
        self.runner.start(LANE, work, done, failed, essential=True)

    @property
    def unsaved(self) -> Callable[[], Sidecar] | None:
        """Makes the sidecar of edits that are not saved, on the lane "work"; None if what counts is on the disk."""
        session, edits = self._session, dict(self.edits)
        if not self.read_only or session is None:
            return None

        def make() -> Sidecar:
            session.take_edits(edits)
            return session.to_sidecar()

        return make

    def write_back(self, done: Callable[[], None]) -> None:
        """Write the retouch into the open file, a copy that another program handed over; then call `done`."""
        session, edits, opened = self._session, dict(self.edits), self._stamp[:1]
        if session is None or self.stage is not Stage.PROPOSED or self.busy:
            return
        self.dismiss()
        self._saving.stop()
        self._unsaved = False

        def work(token: CancelToken, report: Report) -> tuple[str, ...]:
            from engine.delivery.roundtrip import write_back

            session.take_edits(edits)
            report(Progress("render", 0.0))
            pixels = session.render()
            token.check()
            report(Progress("write", 0.6))
            return write_back(session, opened[0], pixels)  # type: ignore[arg-type]

        def written(notes: tuple[str, ...]) -> None:
            self._stamp = stamp(session.photo.path)
            self.say(" ".join([tr("Saved {name}.", name=session.photo.path.name), *map(said, notes)]))
            done()

        name = session.photo.path.name
        self.run_job(
            tr("Saving {name}", name=name),
            work,
            written,
            lambda error: self.fail(error, tr("Saving {name}", name=name)),
        )

    # --- jobs and problems --------------------------------------------------------------------------------------------

    @property
    def summary(self) -> str:
        """The photo in one line."""
        if self.photo is None:
            return ""
        parts = [" × ".join(map(str, self.photo.size)), tr("{depth} bit", depth=self.photo.depth)]
        if self.stage is Stage.PROPOSED:
            parts.append(counted(len(self.faces), "face", "faces"))
        return "   ·   ".join(parts)

    def cancel(self) -> None:
        """Cancel what runs; the window is free at once, the job ends at its next step."""
        if self.job is not None:
            self.job.token.cancel()
            self.job, self.progress, self._waiting = None, None, None
            self._drawn = _drawing(self.document)  # what was being drawn is not drawn again by itself
            if self.stage is Stage.OPENING:
                self.stage, self.path = Stage.EMPTY, None
            self.notice = tr("Cancelled.")
            self.changed.emit(Change.JOB | Change.NOTICE | Change.PHOTO)

    def close(self) -> None:
        """Save, stop everything, and wait for the worker threads."""
        waiting, left = self._waiting, self.path
        self.cancel()
        self.save()
        self.frames.set_source(None)
        self.runner.close()
        if waiting is not None and left is not None:
            from engine.sidecar import give

            with suppress(EngineError):  # nobody is there any more to be told
                give(left, waiting[0], user_folder=self.apart)
        self.engine.close()

    def _progressed(self, job: Job, progress: Progress) -> None:
        session = self._session
        # The job reports after the faces are found: show them before the proposal, which may only refine their masks.
        early = job is self.job and self.stage is Stage.OPEN and progress.stage != "analyse"
        if early and session is not None and session.faces is not self.faces:
            self.faces, self.skipped = session.faces, session.skipped
            self.changed.emit(Change.FACES)
        super()._progressed(job, progress)

    def _ended(self, job: Job) -> None:
        super()._ended(job)
        if job.label:
            self._document_changed(self.document)


def _drawing(document: Document) -> tuple[object, object]:
    return document.proposal, document.boxes

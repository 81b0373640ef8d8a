"""The work of retouching a photo, as it runs in the worker: find faces, take up what was saved, or propose. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.language import tr
from app.viewmodels.engine import Engine
from app.viewmodels.frames import U8
from app.viewmodels.history import History
from app.viewmodels.state import Document, Retouched
from engine.errors import SidecarError
from engine.jobs import CancelToken, Progress, Report, silent, within

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.journal import Record
    from engine.session import RetouchSession
    from engine.sidecar import Sidecar
    from engine.types import Box

NEWER = tr(
    "A newer Porelight has edited this photo. Its edits are left as they are; what you change here can be exported but "
    "is not saved."
)


def retouched(
    engine: Engine,
    session: RetouchSession,
    token: CancelToken,
    report: Report,
    document: Document | None = None,
    boxes: Sequence[Box] | None = None,
) -> Retouched:
    """Find the faces and propose a retouch, or take up the saved one. document: of a proposal that is made anew. boxes:
    of faces that a person set because none was found.

    Raises: as `RetouchSession.propose` and `restore`.
    """
    saved, kept = (None, Kept()) if document is not None else _kept(engine, session)
    if boxes is not None:
        kept = replace(kept, unsaved=not kept.read_only)
        saved = saved.model_copy(update={"boxes": tuple(boxes)}) if saved is not None else None
    report(Progress("analyse", 0.0))
    if saved is None and (boxes is not None or not session.faces):
        session.analyse(boxes)
    if saved is None:
        session.require_faces()
    token.check()
    report(Progress("load", 0.1))
    policy = engine.policy()
    token.check()
    if saved is not None:
        session.restore(saved, policy, token=token, report=within(report, 0.2, 1.0))
    else:
        session.propose(policy, token=token, report=within(report, 0.2, 1.0))
        session.take_edits(document.edits if document is not None else {})
    return _result(session, kept)


def redrawn(
    engine: Engine, session: RetouchSession, token: CancelToken, report: Report, document: Document
) -> Retouched:
    """Draw the faces and the proposal of a document: after undo, or when face boxes were moved.

    Raises: as `RetouchSession.draw`; NoFaceError leaves the session as it was.
    """
    faces, skipped, boxes, proposal = session.faces, session.skipped, session.boxes, session.proposal
    try:
        if document.boxes != session.boxes:
            report(Progress("analyse", 0.0))
            session.analyse(document.boxes)
            session.require_faces()
        report(Progress("load", 0.3))
        policy = engine.policy()
        wanted = document.proposal or (proposal.spec if proposal is not None else None)
        part = within(report, 0.4, 1.0)
        if wanted is None:
            session.propose(policy, token=token, report=part)
        else:
            session.adopt(session.draw(policy, wanted.drawn_by(policy.info), token=token, report=part))
    except BaseException:
        session.faces, session.skipped, session.boxes, session.proposal = faces, skipped, boxes, proposal
        raise
    session.take_edits(document.edits)
    return _result(session)


def moved(
    engine: Engine,
    session: RetouchSession,
    token: CancelToken,
    report: Report,
    document: Document,
    boxes: Sequence[Box],
) -> Retouched:
    """Face boxes set by hand: edits go with the faces that overlap most. Raises: as `redrawn`."""
    from engine.sidecar import overlap

    old = {face.id: face.box for face in session.faces}
    found = redrawn(engine, session, token, report, replace(document, boxes=tuple(boxes), edits={}))
    edits = {}
    for face in session.faces:
        best = max(old, key=lambda name: overlap(old[name], face.box), default="")
        same = best and overlap(old[best], face.box) > 0.2
        edits[face.id] = document.edits[best] if same and best in document.edits else session.edits[face.id]
    session.edits = edits
    return replace(_result(session), skipped=found.skipped)


def small_of(engine: Engine, path: Path, token: CancelToken) -> U8:
    """The small picture of a photo that is not open, with its saved edits. Raises: as `retouched`."""
    session = engine.open(path)
    found = retouched(engine, session, token, silent)
    return engine.small(session.photo, found.layers, found.edits, token)


@dataclass(frozen=True)
class Kept:
    """What was kept of a photo beside its sidecar; fields as of `Retouched`. given: without a history there are saved
    edits, such as settings that were given to the photo; undo takes them back. time: when they were saved."""

    history: History[Record] | None = None
    given: bool = False
    time: str = ""
    read_only: bool = False
    unsaved: bool = False


def _kept(engine: Engine, session: RetouchSession) -> tuple[Sidecar | None, Kept]:
    """The sidecar to take up, and what else was kept. What was not saved any more before the program ended is taken
    from the history."""
    from app.viewmodels.records import replay, sidecar_of

    photo = session.photo
    try:
        saved = engine.saved(photo.path)
    except SidecarError as error:
        if not error.context.get("newer"):
            raise
        session.notes.append(NEWER)
        return None, Kept(read_only=True)
    records = engine.journal(photo.path, photo.size).read()
    old = replay(records)
    before = saved.saved if saved is not None else ""
    unsaved = old is not None and records[-1].time > before
    if old is not None and unsaved:
        saved = sidecar_of(old.state, photo.size).model_copy(update={"saved": before})
    return saved, Kept(old, given=saved is not None, time=before, unsaved=unsaved)


def _result(session: RetouchSession, kept: Kept = Kept()) -> Retouched:
    assert session.proposal is not None
    layers = {each.face_id: each for each, _ in session.layers()}
    document = Document(dict(session.edits), session.proposal.spec, session.boxes)
    history = None
    if kept.history is not None:
        from app.viewmodels.records import history_of

        history = history_of(kept.history, document, session.faces, layers, kept.time)
    elif kept.given:
        from app.viewmodels.records import history_from

        history = history_from(document, session.faces, kept.time)
    notes = tuple(session.notes)
    return Retouched(session.faces, session.skipped, layers, document, notes, history, kept.read_only, kept.unsaved)

"""Between what the window edits and what is kept of it: documents and journal records. Loaded with the first photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.language import tr
from app.viewmodels.history import Entry, History
from app.viewmodels.state import Document
from engine import sidecar
from engine.clock import now
from engine.journal import Record
from engine.sidecar import Sidecar
from engine.types import FaceAnalysis, FaceEdits, RetouchLayers

Faces = Sequence[FaceAnalysis]
Layers = Mapping[str, RetouchLayers]


def record_of(
    document: Document, faces: Faces, layers: Layers, label: str, *, kind: str = "push", key: object = None
) -> Record:
    """A record of a state; one with a key may join the record before it."""
    marks = {face: each.marks for face, each in layers.items()}
    return Record.model_construct(
        kind=kind,
        label=label,
        time=now(),
        key="" if key is None else repr(key),
        merge=key is not None,
        faces=sidecar.entries(faces, document.edits, marks),
        proposal=document.proposal,
        boxes=document.boxes,
    )


def replay(records: Sequence[Record]) -> History[Record] | None:
    """The history that records tell of; None if there is none."""
    history: History[Record] | None = None
    for record in records:
        if record.kind == "push" and history is None:
            history = History(record, record.label)
        elif history is None:
            continue
        elif record.kind == "push":
            history.push(record.label, record, key=record.key, merge=record.merge, time=record.time)
        elif record.kind == "at":
            history.go(record.position)
        elif record.kind == "snapshot":
            history.snapshots[record.label] = record
        else:
            history.snapshots.pop(record.label, None)
    return history


def sidecar_of(record: Record, size: tuple[int, int]) -> Sidecar:
    """A record's state as a sidecar, to be restored."""
    photo = sidecar.PhotoId(name="", sha256="", width=size[0], height=size[1])
    return Sidecar(photo=photo, boxes=record.boxes, proposal=record.proposal, faces=record.faces)


def document_of(record: Record, faces: Faces, layers: Layers) -> Document:
    """A record's state for the faces as they are analysed now; faces that are gone keep their saved names."""
    whole = sidecar_of(record, (0, 0))
    found = whole.face_entries(faces)
    edits = {face: entry.edits(layers[face].marks if face in layers else ()) for face, entry in found.items()}
    taken = [id(entry) for entry in found.values()]
    edits |= {entry.id: entry.edits(()) for entry in record.faces if id(entry) not in taken and entry.id not in edits}
    edits |= {face.id: FaceEdits.initial(face) for face in faces if face.id not in edits}
    return Document(edits, record.proposal, record.boxes)


def history_of(old: History[Record], current: Document, faces: Faces, layers: Layers, time: str) -> History[Document]:
    """The history with `current` as its present state: in place of an equal one, or as one more, of that time."""
    states = [document_of(entry.state, faces, layers) for entry in old.entries]
    entries = [Entry(e.label, state, e.time) for e, state in zip(old.entries, states, strict=True)]
    here = states[old.position]
    if here.edits == current.edits and here.boxes == current.boxes:
        entries[old.position] = Entry(entries[old.position].label, current, entries[old.position].time)
    history: History[Document] = History.of(entries, old.position)
    history.snapshots = {name: document_of(record, faces, layers) for name, record in old.snapshots.items()}
    history.push(tr("Changed elsewhere"), current, time=time)
    return history


def history_from(current: Document, faces: Faces, time: str) -> History[Document]:
    """The history of a photo that has edits, of that time, and no history yet."""
    history = History(replace(current, edits={face.id: FaceEdits.initial(face) for face in faces}))
    history.push(tr("Changed elsewhere"), current, time=time)
    return history

"""What a person edits: strengths, regions, marks, brushwork, with history and snapshots. No widgets, no engine work.

`EditModel` holds the state and says what changed. `PhotoModel` adds the photo that it is for, and carries out what
needs the engine: `_document_changed` is called for that after every change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count

from app.language import tr
from app.viewmodels.frames import Frames
from app.viewmodels.history import History
from app.viewmodels.labels import AREA_TITLES, BRUSH_TITLES, DECISIONS, MARKS, TITLES
from app.viewmodels.state import Change, Document, Edits
from app.viewmodels.working import WorkModel
from engine.clock import now
from engine.settings import FaceSettings
from engine.types import (
    PROPOSED,
    Brushwork,
    Decision,
    FaceAnalysis,
    FaceEdits,
    Mark,
    OwnMark,
    RetouchLayers,
)


class EditModel(WorkModel):
    """The edits of the open photo. Methods that change something end in a history entry, unless it says otherwise."""

    frames: Frames

    def __init__(self) -> None:
        super().__init__()
        self.faces: tuple[FaceAnalysis, ...] = ()
        self.layers: Mapping[str, RetouchLayers] = {}
        self.selected: str | None = None
        """The face that edits are for; None for all."""
        self.area: str | None = None
        """The region that strengths are for; None for the whole face."""
        self.document = Document({})
        self.history: History[Document] = History(self.document)
        self.copied: FaceSettings | None = None
        """Settings on the clipboard."""
        self.previous: FaceSettings | None = None
        """Settings of the photo that was open before."""

    @property
    def edits(self) -> Edits:
        return self.document.edits

    # --- what edits are for -------------------------------------------------------------------------------------------

    @property
    def targets(self) -> tuple[str, ...]:
        """Ids of the faces that an edit is for: the selected one, or all."""
        if self.selected is not None:
            return (self.selected,)
        return tuple(face.id for face in self.faces)

    def select(self, face: str | None) -> None:
        """Edit one face, or all."""
        if face != self.selected:
            self.selected = face
            self.changed.emit(Change.SELECTION)

    def select_area(self, area: str | None) -> None:
        """Set strengths of one region, or of the whole face."""
        if area != self.area:
            self.area = area
            self.frames.set_split((area,) if area else ())
            self.changed.emit(Change.SELECTION)

    # --- strengths ----------------------------------------------------------------------------------------------------

    def origin(self, name: str) -> float:
        """Where a slider stands before anyone has moved it. name: a layer, "amount" or "preserve"."""
        return PROPOSED if self.area and name != "preserve" else default_strength(name)

    def strength(self, name: str) -> float | None:
        """0–100 in the region or face that is edited, or None if the targets differ."""
        return self._common(self.document, name)

    def _common(self, document: Document, name: str) -> float | None:
        values = {self._value(document.edits.get(face, FaceEdits()), name) for face in self.targets}
        return (values.pop() if values else self.origin(name)) if len(values) <= 1 else None

    def _value(self, edits: FaceEdits, name: str) -> float:
        if self.area and name != "preserve":
            return edits.regions.get(self.area, {}).get(name, PROPOSED)
        return _strength(edits, name)

    def set_strength(self, name: str, value: float, *, commit: bool = True, merge: bool = False) -> None:
        """Set a strength of the targets. Without `commit` (during a drag) there is no history entry yet; with `merge`
        (key by key) the entry joins the last one if that was for the same strength."""
        value = min(max(value, 0.0), 100.0)
        label = f"{TITLES[name]} {value:.0f}"
        self._each(lambda own: self._with(own, name, value), self._where(label), (name,), commit, merge)

    def group(self, names: Sequence[str]) -> float | None:
        """Mean of several strengths, or None if the targets differ."""
        values = [self.strength(name) for name in names]
        return None if None in values else sum(v for v in values if v is not None) / len(values)

    def set_group(
        self, title: str, names: Sequence[str], value: float, *, commit: bool = True, merge: bool = False
    ) -> None:
        """Move several strengths together, by what their mean moves from the last committed state."""
        before = [self._common(self.history.state, name) for name in names]
        known = [PROPOSED if v is None else v for v in before]
        by = value - sum(known) / len(known)

        def moved(own: FaceEdits) -> FaceEdits:
            for name, start in zip(names, known, strict=True):
                own = self._with(own, name, min(max(start + by, 0.0), 100.0))
            return own

        self._each(moved, self._where(f"{title} {value:.0f}"), tuple(names), commit, merge)

    def _with(self, own: FaceEdits, name: str, value: float) -> FaceEdits:
        if name == "preserve":
            return replace(own, preserve=value)
        if not self.area:
            return replace(own, strengths=own.strengths.with_(**{name: value}))
        values = {key: v for key, v in {**own.regions.get(self.area, {}), name: value}.items() if v != PROPOSED}
        regions = {area: v for area, v in own.regions.items() if area != self.area}
        return replace(own, regions=regions | ({self.area: values} if values else {}))

    def _each(
        self,
        change: Callable[[FaceEdits], FaceEdits],
        label: str,
        key: object,
        commit: bool = True,
        merge: bool = False,
    ) -> None:
        """Change the edits of all targets."""
        edits = {**self.edits, **{face: change(self.edits_of(face)) for face in self.targets}}
        self._set(replace(self.document, edits=edits))
        if commit:
            self._commit(label, key=(self.selected, self.area, key) if merge else None)
        else:
            self.changed.emit(Change.EDITS)

    def _where(self, label: str) -> str:
        return f"{AREA_TITLES[self.area]}: {label}" if self.area else label

    def reset(self) -> None:
        """Everything of the targets as proposed; of one region, if one is selected."""
        if self.area:
            area = self.area
            self._each(
                lambda own: replace(own, regions={k: v for k, v in own.regions.items() if k != area}),
                self._where(tr("Reset")),
                None,
            )
        else:
            initial = {face.id: FaceEdits.initial(face) for face in self.faces if face.id in self.targets}
            self._set(replace(self.document, edits={**self.edits, **initial}))
            self._commit(tr("Reset"))

    def enable(self, face: str, enabled: bool) -> None:
        """Switch one face's retouch on or off."""
        self._one(face, replace(self.edits_of(face), enabled=enabled), tr("Face on") if enabled else tr("Face off"))

    # --- settings, carried over ---------------------------------------------------------------------------------------

    def settings(self) -> FaceSettings:
        """The settings of the selected face, or of the first."""
        face = next(iter(self.targets), "")
        return FaceSettings.of(self.edits_of(face))

    def copy(self) -> None:
        """Take the settings to the clipboard."""
        self.copied = self.settings()
        self.changed.emit(Change.SELECTION)

    def apply(self, settings: FaceSettings, label: str, *, key: object = None, onto: Edits | None = None) -> None:
        """Give settings to the targets. Entries with the same key in a row become one. onto: edits to start from."""
        edits = self.edits if onto is None else onto
        changed = {face: settings.on(edits.get(face, FaceEdits())) for face in self.targets}
        self._set(replace(self.document, edits={**edits, **changed}))
        self._commit(label, key=key)

    # --- marks and brushwork ------------------------------------------------------------------------------------------

    def decision(self, face: str, mark: Mark) -> Decision:
        """What happens to a mark: the person's choice or the proposed one."""
        return self.edits_of(face).decisions.get(mark.id, mark.decision)

    def flip(self, face: str, mark: Mark) -> None:
        """Keep a mark that would be removed, or the other way round."""
        own = self.edits_of(face)
        other = Decision.KEEP if self.decision(face, mark) is Decision.REMOVE else Decision.REMOVE
        decisions = {key: value for key, value in own.decisions.items() if key != mark.id}
        if other is not mark.decision:
            decisions[mark.id] = other
        self._one(face, replace(own, decisions=decisions), f"{MARKS[mark.kind]} {DECISIONS[other]}")

    def add_mark(self, face: str, points: Sequence[tuple[float, float]], radius: float) -> None:
        """Remove what a stroke covers. points, radius: source pixels."""
        own = self.edits_of(face)
        number = 1 + max((int(mark.id.rpartition("-")[2]) for mark in own.marks), default=0)
        mark = OwnMark(f"own-{number}", tuple((float(x), float(y)) for x, y in points), float(radius))
        self._one(face, replace(own, marks=(*own.marks, mark)), tr("Mark added"))

    def set_brushwork(self, face: str, what: str, work: Brushwork | None) -> None:
        """Replace what is painted over a layer, or over all; None takes it away."""
        own = self.edits_of(face)
        works = {key: value for key, value in own.brushwork.items() if key != what}
        if work is not None:
            works[what] = work
        label = (
            tr("Brush, {value}", value=BRUSH_TITLES[what])
            if work is not None
            else tr("Brush off, {value}", value=BRUSH_TITLES[what])
        )
        self._one(face, replace(own, brushwork=works), label)

    # --- history ------------------------------------------------------------------------------------------------------

    def undo(self) -> None:
        """Go one back."""
        self.go(self.history.position - 1)

    def redo(self) -> None:
        """Go one forward again."""
        self.go(self.history.position + 1)

    def go(self, position: int) -> None:
        """Go to any entry of the history."""
        before = self.history.position
        document = self.history.go(position)
        self._set(document)
        if self.history.position != before:
            self._recorded("", moved=True)
            self.changed.emit(Change.EDITS | Change.HISTORY)

    def preview(self, document: Document | None) -> None:
        """Show another state without going there; None for the present one. Shows edits, not other proposals."""
        self.frames.set_edits((document or self.document).edits)

    def snapshot(self, name: str = "") -> None:
        """Keep the present state under a name, or under the next number that is free."""
        numbered = (tr("Snapshot {value}", value=value) for value in count(1))
        name = name or next(each for each in numbered if each not in self.history.snapshots)
        self.history.snapshots[name] = self.document
        self._recorded(name, kind="snapshot")
        self.changed.emit(Change.HISTORY)

    def forget(self, name: str) -> None:
        """Delete a snapshot."""
        if self.history.snapshots.pop(name, None) is not None:
            self._recorded(name, kind="forget")
            self.changed.emit(Change.HISTORY)

    def restore(self, name: str) -> None:
        """Go to a snapshot, as one more history entry."""
        self._set(self.history.snapshots[name])
        self._commit(tr("Snapshot “{name}”", name=name))

    # --- inside -------------------------------------------------------------------------------------------------------

    def edits_of(self, face: str) -> FaceEdits:
        """A face's edits; as proposed if nothing was edited."""
        return self.edits.get(face, FaceEdits())

    def _one(self, face: str, edits: FaceEdits, label: str) -> None:
        self._set(replace(self.document, edits={**self.edits, face: edits}))
        self._commit(label)

    def _set(self, document: Document) -> None:
        before, self.document = self.document, document
        self.frames.set_edits(document.edits)
        self._document_changed(before)

    def _commit(self, label: str, *, key: object = None) -> None:
        if self.history.push(label, self.document, key=key, merge=key is not None, time=now()):
            self._recorded(label, key=key)
        self.changed.emit(Change.EDITS | Change.HISTORY)

    def _restart(self, document: Document, history: History[Document] | None = None) -> None:
        """Another photo or a new proposal."""
        self.document, self.history = document, history or History(document)
        self.frames.set_edits(document.edits)

    def _document_changed(self, before: Document) -> None:
        """For engine work that a change asks for."""

    def _recorded(self, label: str, *, kind: str = "push", key: object = None, moved: bool = False) -> None:
        """For keeping what was done."""


def default_strength(name: str) -> float:
    """Where a slider stands before anyone has moved it. name: a layer, "amount" or "preserve"."""
    return _strength(FaceEdits(), name)


def _strength(edits: FaceEdits, name: str) -> float:
    if name == "preserve":
        return edits.preserve
    return edits.strengths.amount if name == "amount" else edits.strengths.values[name]

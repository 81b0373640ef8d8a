"""The values that describe the window's state, and what changed of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import TYPE_CHECKING

from app.viewmodels.history import History
from engine.types import Box, FaceAnalysis, FaceEdits, OwnMark, RetouchLayers, SkippedFace

if TYPE_CHECKING:
    from engine.proposal import ProposalSpec

Edits = Mapping[str, FaceEdits]
"""Face id → a person's choices."""


@dataclass(frozen=True)
class Document:
    """All that a person can undo: the edits, the proposal that they are for, and face boxes set by hand."""

    edits: Edits
    proposal: ProposalSpec | None = None
    boxes: tuple[Box, ...] | None = None


def own_marks(edits: Edits) -> dict[str, tuple[OwnMark, ...]]:
    """Face id → the marks that the person brushed, if there are any; what is healed there is part of the layers."""
    return {face: each.marks for face, each in edits.items() if each.marks}


class Change(Flag):
    """What a view has to look at again."""

    PHOTO = auto()
    FACES = auto()
    PROPOSAL = auto()
    EDITS = auto()
    HISTORY = auto()
    SELECTION = auto()
    JOB = auto()
    PROBLEM = auto()
    NOTICE = auto()


class Stage(Enum):
    """How far the photo is."""

    EMPTY = auto()
    OPENING = auto()
    OPEN = auto()
    PROPOSED = auto()


@dataclass(frozen=True)
class Retouched:
    """What a retouching job brings back. history: of earlier times, None if it starts now. read_only: a newer version
    wrote this photo's edits; none are saved. unsaved: the history knows edits that the sidecar does not, because the
    program was killed."""

    faces: tuple[FaceAnalysis, ...]
    skipped: tuple[SkippedFace, ...]
    layers: Mapping[str, RetouchLayers]
    document: Document
    notes: tuple[str, ...]
    history: History[Document] | None = None
    read_only: bool = False
    unsaved: bool = False

    @property
    def edits(self) -> Edits:
        return self.document.edits

"""The values that describe the window's state, and what changed of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, Flag, auto
from pathlib import Path

from engine.types import FaceAnalysis, FaceEdits, RetouchLayers, SkippedFace

Edits = Mapping[str, FaceEdits]
"""Face id → a person's choices."""


class Change(Flag):
    """What a view has to look at again."""

    PHOTO = auto()
    FACES = auto()
    PROPOSAL = auto()
    EDITS = auto()
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
class ExportRequest:
    """depth, format: None leaves them to the file's name and the photo."""

    path: Path
    format: str | None = None
    depth: int | None = None
    quality: int = 95
    overwrite: bool = False


@dataclass(frozen=True)
class Retouched:
    """What a retouching job brings back."""

    faces: tuple[FaceAnalysis, ...]
    skipped: tuple[SkippedFace, ...]
    layers: Mapping[str, RetouchLayers]
    edits: Edits
    notes: tuple[str, ...]

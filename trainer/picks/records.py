"""What a store of picks holds, as data: candidates that can be rendered again, and choices between two of them.

Ids of persons and studios are random numbers: they tell two people apart and say nothing else about them.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine import sidecar
from engine.metrics.dimensions import DIMENSIONS as MEASURED
from engine.sidecar import Sidecar

DIMENSIONS: Final[tuple[str, ...]] = MEASURED[:5]
"""The five in which two retouches are compared; `engine.metrics.dimensions` measures the same ones."""

Preference = Literal["image1", "image2", "tie"]
Level = Literal["model", "person", "expert"]
Purpose = Literal["active", "random", "repeat", "free", "given"]
LEVELS: Final[tuple[str, ...]] = get_args(Level)

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Id = Annotated[str, Field(pattern="^[0-9a-f]{8,32}$")]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @property
    def body(self) -> str:
        """Canonical JSON: equal records have equal bodies."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


class PhotoFile(_Record):
    """Where a file with these bytes was seen; one file may have been seen in several places."""

    sha256: Digest
    path: str


class Candidate(_Record):
    """One retouch of one face.

    photo: the file before. face: id within the photo's analysis, "" for the whole picture. retouch: what renders it
    again, a sidecar (the photo's identity, face boxes, `ProposalSpec`, edits, the engine's version in `application`).
    picture: checksum of the finished file, for results of other programs (retouch None) or as a further proof.
    """

    photo: Digest
    face: str = ""
    retouch: Sidecar | None = None
    picture: Digest | None = None

    @field_validator("retouch", mode="before")
    @classmethod
    def _older_sidecars(cls, value: Any) -> Any:
        """A retouch kept by an earlier version is read as sidecars of that version are."""
        return sidecar.parse(value, "of a pick") if isinstance(value, dict) else value

    @property
    def id(self) -> str:
        """Content decides it: the same retouch has the same id on every computer. The file's encoding does not count
        where it can be rendered again."""
        data = {"photo": self.photo, "face": self.face}
        if self.retouch is None:
            data["picture"] = self.picture or ""
        else:
            plain = self.retouch.model_copy(update={"saved": ""})
            data["retouch"] = plain.model_dump_json(exclude={"photo": {"name"}}, exclude_defaults=True)
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:32]


class Pick(_Record):
    """One answer: two candidates of one face as they were shown, left and right, and what was preferred.

    time: ISO, UTC. session: answers given in one sitting. subject: a random id of the photographed person where it is
    known that photos show the same one. dimensions: the same question per dimension. scores: of each image, 1–5 in
    the paper's form, more is better.
    purpose: "random" picks are an unbiased test; "repeat" asks the pick `repeats` again with sides flipped.
    """

    id: Id = Field(default_factory=lambda: new_id())
    time: str
    person: Id
    studio: Id
    session: Id
    image1: Id
    image2: Id
    photo: Digest
    preference: Preference
    level: Level = "person"
    purpose: Purpose = "given"
    subject: Id | None = None
    repeats: Id | None = None
    dimensions: dict[str, Preference] = {}
    scores: dict[str, tuple[float, float]] = {}
    reasoning: str = ""

    @field_validator("scores", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        for name, scores in value.items() if isinstance(value, dict) else ():
            if not isinstance(scores, (list, tuple)) or len(scores) != 2:
                raise ValueError(f"{name} needs two scores, one of each image")
        return value

    @field_validator("dimensions", "scores")
    @classmethod
    def _known(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if name not in DIMENSIONS:
                raise ValueError(f"unknown dimension {name!r}; known are {', '.join(DIMENSIONS)}")
        return value

    @property
    def pair(self) -> tuple[str, str]:
        """The two candidates, whatever their sides."""
        return pair_of(self.image1, self.image2)

    @property
    def better(self) -> str | None:
        """The preferred candidate, None for a tie."""
        return {"image1": self.image1, "image2": self.image2, "tie": None}[self.preference]


class Features(_Record):
    """Measured features of a candidate, kept so that picks outlive their photos. version: of the features' meaning."""

    candidate: Id
    version: int
    names: tuple[str, ...]
    values: tuple[float, ...]


class Undo(_Record):
    """Takes a pick back; the pick stays in the store and counts no more."""

    pick: Id


class Withdrawal(_Record):
    """Takes all picks of a photo back for good, on the wish of who is shown: training and exports leave them out."""

    photo: Digest
    time: str


def pair_of(first: str, second: str) -> tuple[str, str]:
    """Two candidates by their ids, whatever their sides."""
    return (first, second) if first <= second else (second, first)


def new_id() -> str:
    """A random id, 64 bits."""
    return secrets.token_hex(8)

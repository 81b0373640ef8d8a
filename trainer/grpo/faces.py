"""What is trained on: faces of photos, analysed and encoded once, and measured as often as samples are drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
import torch

from engine import outputs
from engine.errors import EngineError, NoFaceError, UsageError
from engine.jobs import CancelToken, Progress, Report, silent
from engine.metrics.dimensions import PairMeasures
from engine.policies.base import Condition, TrainablePolicy
from engine.session import RetouchSession
from engine.types import F32
from trainer.reward.features import FeatureMeter

if TYPE_CHECKING:
    from trainer.reward.encoder import Encoder


@dataclass(frozen=True)
class Measured:
    """One sample. features: (f,) what the reward sees. pair: what the guards see."""

    features: F32
    pair: PairMeasures


class TrainingFace(Protocol):
    """A face to sample retouches of. key: of photo and face, stable between runs. photo: of the photo alone."""

    @property
    def key(self) -> str: ...

    @property
    def photo(self) -> str: ...

    @property
    def condition(self) -> Condition: ...

    @property
    def explored(self) -> torch.Tensor: ...

    def measure(self, latent: torch.Tensor) -> Measured:
        """Of the retouch that a latent (1, …) stands for, drawn and compared on the face's grid. Thread-safe."""
        ...


@dataclass(frozen=True)
class PhotoFace:
    """A face of a real photo. path: for the pictures of the report."""

    key: str
    photo: str
    path: Path
    condition: Condition
    explored: torch.Tensor
    canvas: Callable[[torch.Tensor], F32]
    meter: FeatureMeter

    def measure(self, latent: torch.Tensor) -> Measured:
        return Measured(*self.meter.measure_lab(self.after(latent)))

    def after(self, latent: torch.Tensor) -> F32:
        """(h, w, 3) L*a*b* on the learning grid: the photo's own plus what the retouch changes."""
        before, change = self.meter.before, self.canvas(latent)
        h, w = before.shape[:2]
        small = cv2.resize(change, (w, h), interpolation=cv2.INTER_AREA) if change.shape[:2] != (h, w) else change
        return (before + small).astype(np.float32)


def load_faces(
    sources: Sequence[Path],
    policy: TrainablePolicy,
    token: CancelToken | None = None,
    report: Report = silent,
    encoder: Encoder | None = None,
) -> tuple[list[PhotoFace], list[str]]:
    """All faces of the photos, in order, and a sentence on each photo that could not be used.

    encoder: that looks at their retouches too. Raises: NoFaceError if there is none at all, Cancelled.
    """
    faces: list[PhotoFace] = []
    skipped: list[str] = []
    for index, path in enumerate(sources):
        if token is not None:
            token.check()
        report(Progress("faces", index / len(sources), path.name))
        try:
            faces += _faces_of(path, policy, encoder)
        except EngineError as error:
            skipped.append(error.message)
    if not faces:
        raise NoFaceError("None of the photos shows a face that can be trained on.", "Name a folder of portraits.")
    return faces, skipped


def gather(folders: Sequence[str]) -> list[Path]:
    """Photos in folders and globs, in a fixed order. Raises: UsageError if there are none, or one is not there."""
    found = sorted(source.path for source in outputs.gather(folders))
    for path in found:
        if not path.is_file():
            raise UsageError(f"There is no photo or folder {path}.", "Name photos and folders that are there.")
    return found


def _faces_of(path: Path, policy: TrainablePolicy, encoder: Encoder | None) -> list[PhotoFace]:
    session = RetouchSession.open(path)
    session.analyse()
    session.require_faces()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    found = []
    for face in session.faces:
        condition = policy.encode(session.photo, face)
        found.append(
            PhotoFace(
                f"{digest[:16]}/{face.id}",
                digest,
                path,
                policy.slim(condition),
                policy.explored(condition),
                policy.canvas(condition),
                FeatureMeter(session.photo, condition.face, policy.marks(condition), encoder),
            )
        )
    return found


def split(photos: Sequence[str], held_out: float, seed: int) -> Mapping[str, bool]:
    """Photo → whether it is held out for the proof, decided by a hash, so that it stays when photos are added.

    With two photos or more there is at least one on each side.
    """
    order = sorted(set(photos), key=lambda photo: hashlib.sha256(f"{seed} {photo}".encode()).hexdigest())
    count = round(len(order) * held_out)
    if held_out > 0 and len(order) > 1:
        count = min(max(count, 1), len(order) - 1)
    return {photo: index < count for index, photo in enumerate(order)}

"""Faces with many different retouches, measured: what a prior is made from and what simulated people pick from."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.session import RetouchSession
from engine.sidecar import Sidecar
from engine.types import LAYERS, Decision, FaceEdits, Mark, Pixels, Strengths
from trainer.reward.measuring import OpenFace

if TYPE_CHECKING:
    from engine.policies.base import Policy

EXPLORATION: Final = 1.0
EDITED: Final = 0.5
"""Share of retouches that also differ by strengths and by decisions on marks, as photographers' own do."""


@dataclass(frozen=True)
class Retouch:
    """One retouch of the face, rendered. sidecar: what renders it again."""

    sidecar: Sidecar
    pixels: Pixels


def retouches(opened: OpenFace, policy: Policy, count: int, seed: int) -> Iterator[Retouch]:
    """`count` different retouches of a face: variations of the policy's own, the later ones with random edits.

    Everything is decided by the seed. Raises: as `RetouchSession.propose`.
    """
    session, face = opened.session, opened.face
    stream = random.Random(seed)
    session.propose(policy, seed=seed)
    plain = count - round(count * EDITED)
    proposals = []
    for proposal in session.vary(policy, plain, EXPLORATION):
        proposals.append(proposal)
        session.adopt(proposal)
        session.edits[face.id] = FaceEdits()
        yield _rendered(session)
    for number in range(count - plain):
        proposal = session.adopt(proposals[number % len(proposals)])
        session.edits[face.id] = random_edits(stream, proposal.layers[face.id].marks)
        yield _rendered(session)


def random_edits(stream: random.Random, marks: Sequence[Mark]) -> FaceEdits:
    """Strengths anywhere between none and twice; half the time marks that would be kept are removed."""
    strengths = {layer: stream.uniform(0, 100) for layer in LAYERS}
    decisions: dict[str, Decision] = {}
    if stream.random() < 0.5:
        decisions = {mark.id: Decision.REMOVE for mark in marks if mark.decision is Decision.KEEP}
    return FaceEdits(Strengths(strengths), decisions)


def people(folder: Path, limit: int, *, held_out: bool) -> list[Path]:
    """Portraits under a folder, one of each person, that were trained on or that were kept for tests, evenly spread."""
    from trainer.pretrain.faces import is_held_out, person_of

    first: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.jpg")):
        first.setdefault(person_of(path), path)
    found = [path for person, path in first.items() if is_held_out(person) == held_out]
    step = max(len(found) / max(limit, 1), 1.0)
    return [found[int(number * step)] for number in range(min(limit, len(found)))]


def _rendered(session: RetouchSession) -> Retouch:
    return Retouch(session.to_sidecar(), session.render())

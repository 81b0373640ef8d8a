"""Made-up photos, candidates and picks for a store."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

from engine.proposal import ProposalSpec, SamplerSettings
from engine.sidecar import FaceEntry, PhotoId, Sidecar
from trainer.picks.records import Candidate, Pick, Preference, new_id
from trainer.picks.store import PickStore

STUDIO, PERSON, SESSION = "5" * 16, "a" * 16, "b" * 16
TIME = "2026-01-02T03:04:05+00:00"


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def candidate(photo: str = "one", seed: int = 0, **strengths: float) -> Candidate:
    """A retouch of the made-up photo, another one for each seed."""
    spec = ProposalSpec("compact", "1-00000000", seed, SamplerSettings(steps=16, shift=3.0))
    entry = FaceEntry(id="face-1", box=(10, 10, 90, 110), strengths=strengths)  # type: ignore[arg-type]
    identity = PhotoId(name=f"{photo}.jpg", sha256=digest(photo), width=100, height=120)
    retouch = Sidecar(application="Porelight 0.1.0", photo=identity, proposal=spec, faces=(entry,))
    return Candidate(photo=digest(photo), face="face-1", retouch=retouch)


def pick(first: Candidate, second: Candidate, preference: Preference = "image1", **fields: object) -> Pick:
    data: dict[str, object] = {"time": TIME, "person": PERSON, "studio": STUDIO, "session": SESSION, **fields}
    return Pick.model_validate(
        {
            "image1": first.id,
            "image2": second.id,
            "photo": first.photo,
            "preference": preference,
            "id": new_id(),
            **data,
        }
    )


def filled(path: Path, count: int = 5, photo: str = "one") -> list[Pick]:
    """A store with `count` picks between neighbours of count + 1 candidates of one photo."""
    candidates = [candidate(photo, seed) for seed in range(count + 1)]
    picks = [pick(a, b) for a, b in itertools.pairwise(candidates)]
    with PickStore.open(path, create=True) as store:
        store.append(*candidates)
        for each in picks:
            store.append(each)
    return picks

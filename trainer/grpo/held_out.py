"""Picks that neither the reward nor the policy may see, so that they can prove something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.errors import EngineError
from engine.proposal import ProposalSpec
from trainer.grpo.proof import HeldOutPick
from trainer.picks.annotation import settle
from trainer.picks.store import PickStore
from trainer.reward.data import Answers, collect
from trainer.reward.files import KIND, load_reward
from trainer.reward.measuring import kept
from trainer.reward.model import Reward, fit_reward
from trainer.reward.train import split
from trainer.runs import Run


@dataclass(frozen=True)
class KnownPicks:
    """The picks that a reward was made from, whatever was picked since. tested: photos (SHA-256) of its test picks,
    which it was not trained on. faces: candidate → id of its face, "" for the largest. specs: candidate → how it was
    drawn."""

    answers: Answers
    tested: frozenset[str]
    faces: dict[str, str]
    specs: dict[str, ProposalSpec]

    @classmethod
    def of(cls, reward: Path) -> KnownPicks | None:
        """None if the store is not there any more or cannot be read; the reward itself still works."""
        manifest = Run.open(reward, KIND).manifest
        persons, trusted = manifest.config.get("persons") or (), bool(manifest.config.get("trust_model"))
        try:
            with PickStore.open(Path(manifest.sources["picks"])) as store:
                settled = settle(store.picks(manifest.sources.get("rows")), persons=persons, trust_model=trusted)
                answers = collect(settled.picks, kept(store, load_reward(reward).prior.names))
                candidates = store.candidates()
        except (EngineError, KeyError, TypeError):
            return None
        test = split(answers)[1]
        tested = frozenset(pick.photo for pick in test.picks) if test else frozenset()
        faces = {key: each.face for key, each in candidates.items()}
        drawn = {key: each.retouch.proposal for key, each in candidates.items() if each.retouch}
        return cls(answers, tested, faces, {key: spec for key, spec in drawn.items() if spec})

    def reward(self, trained: Reward, held: Set[str]) -> Reward:
        """The reward without the picks of these photos; as it is if it has seen none of them."""
        rest = [i for i, pick in enumerate(self.answers.picks) if pick.photo not in held | self.tested]
        if len(rest) == len(self.answers.picks) or not rest or held <= self.tested:
            return trained
        answers = self.answers.take(rest)
        return replace(fit_reward(trained.prior, answers.overall, answers.dimensions), unchanged=trained.unchanged)

    def liked(self, held: Set[str], version: str) -> dict[str, ProposalSpec]:
        """Face (`PhotoFace.key`, or "PHOTO/" for all of them) → how the retouch of it was drawn that won most, the
        later one of equals; not of held photos, and only what this version of the policy drew."""
        wins: Counter[str] = Counter()
        face_of: dict[str, str] = {}
        for pick in self.answers.picks:
            spec = self.specs.get(pick.better) if pick.better else None
            if pick.better and spec and spec.policy_version == version and pick.photo not in held:
                wins[pick.better] += 1
                face_of[pick.better] = self._key(pick.photo, pick.better)
        best: dict[str, str] = {}
        for candidate, count in wins.items():
            if count >= wins[best.setdefault(face_of[candidate], candidate)]:
                best[face_of[candidate]] = candidate
        return {face: self.specs[candidate] for face, candidate in best.items()}

    def _key(self, photo: str, candidate: str) -> str:
        return f"{photo[:16]}/{self.faces.get(candidate, '')}"

    def held_out(self, held: Set[str]) -> list[HeldOutPick]:
        """The decided picks of these photos."""
        found = []
        for place, pick in enumerate(self.answers.picks):
            if pick.photo in held and pick.better is not None:
                pair = self.answers.overall.first[place], self.answers.overall.second[place]
                better, worse = pair if pick.better == pick.image1 else pair[::-1]
                features = (np.asarray(each, np.float32) for each in (better, worse))
                found.append(HeldOutPick(self._key(pick.photo, pick.better), *features))
        return found

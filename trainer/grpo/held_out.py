"""Picks that neither the reward nor the policy may see, so that they can prove something."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.errors import EngineError
from trainer.grpo.proof import HeldOutPick
from trainer.picks.annotation import settle
from trainer.picks.store import PickStore
from trainer.reward.data import Answers, collect
from trainer.reward.features import NAMES, VERSION
from trainer.reward.files import KIND
from trainer.reward.model import Reward, fit_reward
from trainer.reward.train import split
from trainer.runs import Run


@dataclass(frozen=True)
class KnownPicks:
    """The picks that a reward was made from. tested: photos (SHA-256) of its test picks, which it was not trained on.
    faces: candidate → id of its face, "" for the largest."""

    answers: Answers
    tested: frozenset[str]
    faces: dict[str, str]

    @classmethod
    def of(cls, reward: Path) -> KnownPicks | None:
        """None if the store is not there any more or cannot be read; the reward itself still works."""
        manifest = Run.open(reward, KIND).manifest
        persons, trusted = manifest.config.get("persons") or (), bool(manifest.config.get("trust_model"))
        try:
            with PickStore.open(Path(manifest.sources["picks"])) as store:
                settled = settle(store.picks(), persons=persons, trust_model=trusted)
                answers = collect(settled.picks, store.features(VERSION, NAMES))
                faces = {key: each.face for key, each in store.candidates().items()}
        except (EngineError, KeyError, TypeError):
            return None
        test = split(answers)[1]
        return cls(answers, frozenset(pick.photo for pick in test.picks) if test else frozenset(), faces)

    def reward(self, trained: Reward, held: Set[str]) -> Reward:
        """The reward without the picks of these photos; as it is if it has seen none of them."""
        rest = [i for i, pick in enumerate(self.answers.picks) if pick.photo not in held | self.tested]
        if len(rest) == len(self.answers.picks) or not rest or held <= self.tested:
            return trained
        answers = self.answers.take(rest)
        return replace(fit_reward(trained.prior, answers.overall, answers.dimensions), unchanged=trained.unchanged)

    def held_out(self, held: Set[str]) -> list[HeldOutPick]:
        """The decided picks of these photos."""
        found = []
        for place, pick in enumerate(self.answers.picks):
            if pick.photo in held and pick.better is not None:
                pair = self.answers.overall.first[place], self.answers.overall.second[place]
                better, worse = pair if pick.better == pick.image1 else pair[::-1]
                face = f"{pick.photo[:16]}/{self.faces.get(pick.better, '')}"
                found.append(HeldOutPick(face, *(np.asarray(each, np.float32) for each in (better, worse))))
        return found

"""Picks that the reward was not trained on, for the proof of a policy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError
from trainer.grpo.proof import HeldOutPick
from trainer.picks.annotation import settle
from trainer.picks.store import PickStore
from trainer.reward.data import collect
from trainer.reward.features import VERSION
from trainer.reward.files import KIND
from trainer.reward.train import test_places
from trainer.runs import Run


@dataclass(frozen=True)
class TestedPick:
    """photo: SHA-256 of the photo. pick: what the proof asks, None for a tie or unmeasured candidates."""

    photo: str
    pick: HeldOutPick | None


def held_out_picks(reward: Path) -> list[TestedPick]:
    """The test picks of a reward's run: as many as its own report was made from, none if it had too few.

    A store that is gone or damaged is no error here: then there are none.
    """
    manifest = Run.open(reward, KIND).manifest
    try:
        with PickStore.open(Path(manifest.sources["picks"])) as store:
            config = manifest.config
            picks = [p for p in store.picks() if not config.get("persons") or p.person in config["persons"]]
            settled = settle(picks, trust_model=bool(config.get("trust_model")))
            answers = collect(settled.picks, store.features(VERSION))
            candidates, features = store.candidates(), store.features(VERSION)
    except (EngineError, KeyError):
        return []
    found = []
    for place in test_places(answers):
        pick = answers.picks[place]
        better = pick.better
        if better is None:
            found.append(TestedPick(pick.photo, None))
            continue
        worse = pick.image2 if better == pick.image1 else pick.image1
        key = f"{pick.photo[:16]}/{candidates[better].face or '*'}"
        found.append(TestedPick(pick.photo, HeldOutPick(key, features[better], features[worse])))
    return found

"""From a store of picks to what the reward is fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.types import F32
from trainer.picks.records import DIMENSIONS, Pick
from trainer.reward import davidson
from trainer.reward.model import Comparisons

OUTCOME: Final = {"image1": davidson.FIRST, "image2": davidson.SECOND, "tie": davidson.TIE}


@dataclass(frozen=True)
class Answers:
    """Picks whose candidates' features are known, in order; the rest is `missing`."""

    picks: tuple[Pick, ...]
    overall: Comparisons
    dimensions: Mapping[str, Comparisons]
    missing: int = 0

    def take(self, which: Sequence[int]) -> Answers:
        """A part, by places in `picks`."""
        picks = [self.picks[i] for i in which]
        first, second = self.overall.first[list(which)], self.overall.second[list(which)]
        return _answers(picks, first, second, 0)


def collect(picks: Sequence[Pick], features: Mapping[str, F32]) -> Answers:
    """features: candidate id → (f,); where one is NaN of either picture, it says nothing of the pair."""
    known = [each for each in picks if each.image1 in features and each.image2 in features]
    width = len(next(iter(features.values()))) if features else 0
    first = np.array([features[each.image1] for each in known], np.float64).reshape(len(known), width)
    second = np.array([features[each.image2] for each in known], np.float64).reshape(len(known), width)
    unknown = np.isnan(first) | np.isnan(second)
    first[unknown] = second[unknown] = 0
    return _answers(known, first, second, len(picks) - len(known))


def _answers(picks: Sequence[Pick], first: np.ndarray, second: np.ndarray, missing: int) -> Answers:
    overall = Comparisons(first, second, np.array([OUTCOME[each.preference] for each in picks], np.int64))
    dimensions = {}
    for name in DIMENSIONS:
        which = np.array([i for i, each in enumerate(picks) if name in each.dimensions], np.int64)
        outcomes = np.array([OUTCOME[picks[i].dimensions[name]] for i in which], np.int64)
        dimensions[name] = Comparisons(first[which], second[which], outcomes)
    return Answers(tuple(picks), overall, dimensions, missing)

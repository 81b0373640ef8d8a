"""How well a reward predicts answers that it has not seen, how that compares with the person's own consistency, and
how many more picks it needs. Split by photo and person: no photo, and no photographed person that is known to be on
several photos, is on both sides."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from trainer.picks.annotation import settle
from trainer.picks.records import DIMENSIONS, Pick
from trainer.picks.store import PickStore
from trainer.reward import davidson
from trainer.reward.data import Answers
from trainer.reward.davidson import F64, FIRST, SECOND
from trainer.reward.model import Comparisons, Head, fit_head
from trainer.reward.prior import OVERALL, Prior
from trainer.statistics import Share, rounded

FOLDS: Final = 5
LEAST_TESTS: Final = 10
"""Random test picks below which accuracy is cross-validated instead."""
LEAST_REPEATS: Final = 5
"""Repeats below which nothing is said of the person's own consistency."""
SETTLED: Final = 0.9
"""Expected share of pairs whose order would not change with more picks at which no more are asked for."""
MOST: Final = 400
"""Picks beyond which it is not said any more how many are needed."""
BINS: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class Consistency:
    """agreement: how often a repeat got the same answer. ceiling: the accuracy that nothing can exceed on this
    person's answers: with a share e of them turned round, repeats agree in e² + (1 − e)² of cases; it is 1 − e, or NaN
    after fewer than `LEAST_REPEATS`."""

    agreement: Share
    ceiling: float

    @classmethod
    def of(cls, picks: Sequence[Pick]) -> Consistency:
        """From all pairs that a person answered again, each answer against the one before it; a tie against a
        preference counts half."""
        last: dict[tuple[str, tuple[str, str]], Pick] = {}
        pairs = []
        for each in picks:
            key = each.person, each.pair
            if key in last:
                pairs.append((last[key], each))
            last[key] = each
        hits = 0.0
        for before, again in pairs:
            if before.better == again.better:
                hits += 1
            elif before.better is None or again.better is None:
                hits += 0.5
        share = Share.of(hits, len(pairs))
        known = len(pairs) >= LEAST_REPEATS
        return cls(share, (1 + math.sqrt(max(2 * share.value - 1, 0))) / 2 if known else math.nan)


@dataclass(frozen=True)
class Prediction:
    """Probabilities (n, 3) of answers that the head had not seen, and what was answered."""

    probabilities: F64
    outcomes: np.ndarray

    @property
    def decided(self) -> np.ndarray:
        return (self.outcomes == FIRST) | (self.outcomes == SECOND)

    def accuracy(self) -> Share:
        """Of answers that are no ties: the likelier side is the preferred one; equal sides count half."""
        p, outcome = self.probabilities[self.decided], self.outcomes[self.decided]
        lead = np.where(outcome == FIRST, p[:, 0] - p[:, 1], p[:, 1] - p[:, 0])
        return Share.of(float((lead > 0).sum() + 0.5 * (lead == 0).sum()), len(lead))

    def tempered(self, temperature: float) -> Prediction:
        """The same as another temperature would state it."""
        return Prediction(davidson.tempered(self.probabilities, temperature), self.outcomes)

    def log_loss(self) -> float:
        """Mean negative logarithm of the probability of what was answered, in nats; ln 3 is a guess."""
        if not len(self.outcomes):
            return math.nan
        chosen = self.probabilities[np.arange(len(self.outcomes)), self.outcomes]
        return float(-np.log(np.maximum(chosen, 1e-12)).mean())

    def calibration(self) -> tuple[list[dict[str, Any]], float]:
        """Bins of the stated probability of the likelier side against how often it came true, and the mean gap."""
        p, outcome = self.probabilities[self.decided], self.outcomes[self.decided]
        side = p[:, :2] / p[:, :2].sum(1, keepdims=True) if len(p) else p[:, :2]
        stated = side.max(1) if len(p) else np.zeros(0)
        came = side.argmax(1) == outcome if len(p) else np.zeros(0, bool)
        bins, gap = [], 0.0
        for low, high in itertools.pairwise(BINS):
            inside = (stated >= low) & ((stated < high) | (high == 1.0))
            if inside.any():
                mean, share = float(stated[inside].mean()), float(came[inside].mean())
                bins.append({"stated": round(mean, 4), "came_true": round(share, 4), "count": int(inside.sum())})
                gap += abs(mean - share) * float(inside.mean())
        return bins, gap


def groups_of(picks: Sequence[Pick]) -> list[int]:
    """A number for each pick: equal where photo or photographed person is the same, also by way of others."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            key = parent[key]
        return key

    for each in picks:
        if each.subject:
            parent[root(f"photo {each.photo}")] = root(f"subject {each.subject}")
    roots = [root(f"photo {each.photo}") for each in picks]
    numbers = {key: number for number, key in enumerate(sorted(set(roots)))}
    return [numbers[key] for key in roots]


def cross_validate(prior: Prior, head: str, data: Comparisons, groups: Sequence[int], seed: int = 0) -> Prediction:
    """Every answer predicted by a head that saw no answer of its group.

    With a single group nothing can be predicted: the prediction is empty.
    """
    numbers = np.array(groups, np.int64)
    known = sorted(set(groups))
    if len(known) < 2:
        return Prediction(np.zeros((0, 3)), np.zeros(0, np.int64))
    order = np.random.default_rng(seed).permutation(known)
    folds = [order[k :: min(FOLDS, len(known))] for k in range(min(FOLDS, len(known)))]
    found = np.zeros((len(data), 3))
    for fold in folds:
        inside = np.isin(numbers, fold)
        fitted = fit_head(prior, head, data.take(~inside))
        found[inside] = predict(prior, fitted, data.take(inside)).probabilities
    return Prediction(found, data.outcomes)


def predict(prior: Prior, head: Head, data: Comparisons) -> Prediction:
    return Prediction(head.probabilities(prior.units(data.first) - prior.units(data.second)), data.outcomes)


def best_temperature(prediction: Prediction) -> float:
    """The temperature under which answers that were not seen are likeliest; near 1 unless they speak against it."""
    if not prediction.decided.any():
        return 1.0

    def loss(log_t: float) -> float:
        stated = prediction.tempered(math.exp(log_t)).log_loss()
        return len(prediction.outcomes) * stated + log_t**2 / (2 * 0.4**2)

    grid = np.linspace(math.log(0.4), math.log(4), 47)
    return float(math.exp(grid[int(np.argmin([loss(each) for each in grid]))]))


def more_picks(head: Head, deltas: F64, picks: int) -> int:
    """About how many more picks until `SETTLED` of the pairs with differences (n, f) are settled; 0 if they are,
    at most `MOST`.

    The expected share of settled orders is the mean of Φ(|u|/s); with m more picks s shrinks by √(n/(n + m)).
    """
    if not len(deltas):
        return 40
    mean, spread = head.difference(deltas)
    ratio = np.abs(mean) / np.maximum(spread, 1e-9)

    def settled(factor: float) -> float:
        return float(np.mean([0.5 * (1 + math.erf(each * factor / math.sqrt(2))) for each in ratio]))

    for more in (0, *range(10, MOST, 10)):
        if settled(math.sqrt((max(picks, 1) + more) / max(picks, 1))) >= SETTLED:
            return more
    return MOST


def by_dimension(prior: Prior, answers: Answers) -> Mapping[str, Share]:
    """Cross-validated accuracy of each dimension's head where that dimension was asked for."""
    found = {}
    for name in DIMENSIONS:
        asked = [i for i, each in enumerate(answers.picks) if name in each.dimensions]
        groups = groups_of([answers.picks[i] for i in asked])
        if len(set(groups)) > 1:
            found[name] = cross_validate(prior, name, answers.dimensions[name], groups).accuracy()
    return found


def overall_prediction(prior: Prior, answers: Answers, seed: int = 0) -> Prediction:
    """Cross-validated predictions of the overall answers."""
    return cross_validate(prior, OVERALL, answers.overall, groups_of(answers.picks), seed)


def statistics(store: PickStore) -> dict[str, Any]:
    """What a store holds, as plain JSON."""
    picks = store.picks()
    settled = settle(picks)
    consistency = Consistency.of(picks)
    return {
        "picks": len(picks),
        "photos": len({each.photo for each in picks}),
        "candidates": len(store.candidates()),
        "preferences": dict(Counter(each.preference for each in picks)),
        "purposes": dict(Counter(each.purpose for each in picks)),
        "levels": dict(Counter(each.level for each in picks)),
        "persons": dict(Counter(each.person for each in picks)),
        "dimensions": dict(Counter(name for each in picks for name in each.dimensions)),
        "disputed": len(settled.disputed),
        "withdrawn_photos": len(store.withdrawn()),
        "repeats": consistency.agreement.as_json(),
        "ceiling": rounded(consistency.ceiling),
    }

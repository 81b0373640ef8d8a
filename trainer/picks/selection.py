"""Which two retouches to ask about next. Pure functions of features, a reward's head and a random generator.

Active choice asks where an answer tells most about the weights: the Fisher information of the answer on the reward's
last layer, as the gain log(1 + c·δᵀΣδ) of the posterior's log-determinant (D-optimal design), with Σ the covariance of
the weights, δ the difference of the pair's units and c the curvature of the answer's likelihood. Photos asked about
before count less. Where more than two are shown, each further one is that whose pairs with the others tell most.
For an unbiased test pairs are random.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from trainer.picks.records import pair_of
from trainer.reward import davidson
from trainer.reward.davidson import F64
from trainer.reward.model import Head

FAMILIAR: Final = 0.75
"""Factor on the information of a photo's pairs for each time that it was asked about already."""


@dataclass(frozen=True)
class Group:
    """Retouches of one face. candidates: their ids; units: (n, f), see `Prior.units`. photo: SHA-256 of the file."""

    photo: str
    candidates: tuple[str, ...]
    units: F64

    def pairs(self) -> list[tuple[int, int]]:
        count = len(self.candidates)
        return [(i, j) for i in range(count) for j in range(i + 1, count)]


Pair = tuple[Group, int, int]
"""Two candidates of a group, by their places."""
Asked = Collection[tuple[str, str]]
"""Pairs of candidate ids that were asked already, as `pair_of` gives them."""


def information(head: Head, delta: F64) -> F64:
    """(n,) gain of asking about each of (n, f) differences of units, in nats."""
    curvature = davidson.curvature(davidson.probabilities(delta @ head.mean, head.eta))
    variance = ((delta @ head.covariance) * delta).sum(1)
    return np.asarray(np.log1p(curvature * np.maximum(variance, 0)))


def choose_active(groups: Sequence[Group], head: Head, asked: Asked, times: Mapping[str, int]) -> Pair | None:
    """The most telling pair that was not asked yet; None if all were. times: photo → how often it was asked about."""
    pairs = open_pairs(groups, asked)
    if not pairs:
        return None
    delta = np.array([group.units[i] - group.units[j] for group, i, j in pairs])
    weights = np.array([FAMILIAR ** times.get(group.photo, 0) for group, _, _ in pairs])
    return pairs[int(np.argmax(information(head, delta) * weights))]


def choose_beside(group: Group, shown: Sequence[int], head: Head, asked: Asked) -> int | None:
    """The candidate whose pairs with those shown, by their places, tell most in sum; None if it would repeat a pair."""
    free = unasked_beside(group, shown, asked)
    if not free:
        return None
    delta = np.array([group.units[new] - group.units[old] for new in free for old in shown])
    return free[int(np.argmax(information(head, delta).reshape(len(free), -1).sum(1)))]


def unasked_beside(group: Group, shown: Sequence[int], asked: Asked) -> list[int]:
    """Places of the candidates that make no pair with those shown that was asked already."""
    keys = group.candidates
    others = [place for place in range(len(keys)) if place not in shown]
    return [each for each in others if not any(pair_of(keys[each], keys[old]) in asked for old in shown)]


def choose_random(groups: Sequence[Group], asked: Asked, times: Mapping[str, int], rng: random.Random) -> Pair | None:
    """A random pair of a random photo among those asked about least often; None if all were asked."""
    pairs = open_pairs(groups, asked)
    if not pairs:
        return None
    least = min(times.get(group.photo, 0) for group, _, _ in pairs)
    photos = sorted({group.photo for group, _, _ in pairs if times.get(group.photo, 0) == least})
    photo = rng.choice(photos)
    return rng.choice([pair for pair in pairs if pair[0].photo == photo])


def open_pairs(groups: Sequence[Group], asked: Asked) -> list[Pair]:
    """All pairs that were not asked yet."""
    return [
        (group, i, j)
        for group in groups
        for i, j in group.pairs()
        if pair_of(group.candidates[i], group.candidates[j]) not in asked
    ]

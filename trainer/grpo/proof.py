"""Whether a trained policy is better than the one before, on photos and picks that nothing was trained on.

A policy wins if its samples are liked better on unseen faces beyond chance and what it proposes first on most of them,
if it has moved the way held-out picks point, and if it keeps all guards there. Anything less, also having nothing to be
proved on, is no win.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from engine.policies.base import TrainablePolicy
from engine.types import F32
from trainer.grpo import guards
from trainer.grpo.config import GrpoConfig
from trainer.grpo.faces import TrainingFace
from trainer.grpo.rollout import Group, Reward, plain, seed_of, typical
from trainer.statistics import Share, rounded

SEEDS: Final = 4
"""Samples of each unseen face, the same seeds for both policies."""
ALIKE: Final = 0.3
"""Least correlation that is assumed between samples of one face: four of them count as about two."""


class HeldOutPick(NamedTuple):
    """A pick that nothing was trained on. face: key of its face, or "PHOTO/" for
    any of the photo's; better, worse: (f,) features of its candidates."""

    face: str
    better: F32
    worse: F32


@dataclass(frozen=True)
class Proof:
    """win_rate: of the trained policy's samples on unseen faces, by the reward. typical: of what it proposes first, one
    for each face. picks: share of held-out picks whose direction the policy moved in, None without any.
    gain, dimensions: of what it proposes first. breaches: broken guards, as sentences. words: the verdict."""

    faces: int
    win_rate: Share
    typical: Share
    picks: Share | None
    gain: float
    dimensions: Mapping[str, float]
    guards: Mapping[str, float]
    before: Mapping[str, float]
    breaches: tuple[str, ...] = ()
    words: tuple[str, ...] = field(default=())

    @property
    def wins(self) -> bool:
        agrees = self.picks is None or self.picks.value >= 0.5
        better = self.win_rate.low > 0.5 and self.typical.value > 0.5 and self.gain > 0
        return self.faces > 0 and better and agrees and not self.breaches

    def plain(self) -> dict[str, Any]:
        """For a version's results."""
        return {
            "wins": self.wins,
            "faces": self.faces,
            "win_rate": rounded(self.win_rate.value),
            "interval": [rounded(self.win_rate.low), rounded(self.win_rate.high)],
            "typical": self.typical.as_json(),
            "held_out_picks": None if self.picks is None else self.picks.as_json(),
            "gain": rounded(self.gain),
            "dimensions": {name: rounded(value) for name, value in self.dimensions.items()},
            "guards": {name: rounded(value) for name, value in self.guards.items()},
            "guards_before": {name: rounded(value) for name, value in self.before.items()},
            "breaches": list(self.breaches),
            "words": list(self.words),
        }


def prove(
    policy: TrainablePolicy,
    faces: Sequence[TrainingFace],
    reward: Reward,
    config: GrpoConfig,
    picks: Sequence[HeldOutPick] = (),
    pool: ThreadPoolExecutor | None = None,
    extra: Mapping[str, tuple[float, float]] | None = None,
) -> Proof:
    """Compare `policy` with its reference on unseen faces.

    extra: guarded measures that need whole photos (identity, geometry), as (before, after).
    """
    seeds = [[seed_of(config, 9, index, number) for number in range(SEEDS)] for index in range(len(faces))]

    def drawn(which: Any) -> tuple[list[Group], list[Group]]:
        samples = [plain(which, f, i, reward, config, seeds[i], pool) for i, f in enumerate(faces)]
        return samples, [typical(which, f, i, reward, config, pool) for i, f in enumerate(faces)]

    if not faces:
        nothing = Share.of(0, 0)
        words = ("Nothing was held out, so it is not proved: name more photos.",)
        return Proof(0, nothing, nothing, None, math.nan, {}, {}, {}, (), words)
    (new, proposed), (old, proposed_before) = drawn(policy), drawn(policy.reference())
    rate, rate_proposed = (
        win_rate([group.overall for group in a], [group.overall for group in b])
        for a, b in ((new, old), (proposed, proposed_before))
    )
    both = [*zip(proposed, proposed_before, strict=True)]
    moved = {face.key: _features(a) - _features(b) for face, (a, b) in zip(faces, both, strict=True)}
    agreement = agreement_of(moved, picks, _spread(old))
    measured, before = (
        guards.means([each.pair for group in groups for each in group.measured])
        for groups in ((*new, *proposed), (*old, *proposed_before))
    )
    for name, (was, now) in (extra or {}).items():
        before[name], measured[name] = was, now
    broken = tuple(str(each) for each in guards.breaches(measured, before))
    gain = float(np.mean([a.overall - b.overall for a, b in both]))
    dimensions = {
        name: float(np.mean([a.dimensions[name] - b.dimensions[name] for a, b in both])) for name in new[0].dimensions
    }
    proof = Proof(len(faces), rate, rate_proposed, agreement, gain, dimensions, measured, before, broken)
    return Proof(**{**proof.__dict__, "words": _words(proof)})


def win_rate(new: Sequence[np.ndarray], old: Sequence[np.ndarray]) -> Share:
    """Share of samples that are better than the old policy's of the same seed, ties half. One array a face.

    Samples of one face are alike: their correlation, at least `ALIKE`, reduces how many count in the interval.
    """
    won = np.array([(a > b) + 0.5 * (a == b) for a, b in zip(new, old, strict=True)], np.float64)
    faces, seeds = won.shape
    rate = float(won.mean())
    between = float(won.mean(1).var(ddof=1)) if faces > 1 else 0.0
    total = rate * (1 - rate)
    alike = min(1.0, max(ALIKE, between / total if total > 0 else 0.0))
    count = faces * seeds / (1 + (seeds - 1) * alike)
    return Share.of(rate * count, count)


def agreement_of(moved: Mapping[str, F32], picks: Sequence[HeldOutPick], spread: F32) -> Share | None:
    """Of the picks on faces that were drawn: how many prefer what the policy moved towards. moved: face → mean change
    of features. It asks the picks themselves, not the reward."""
    pulls = []
    for pick in picks:
        face = next((key for key in moved if key == pick.face or (pick.face.endswith("/") and pick.face in key)), None)
        if face is not None:
            pulls.append(float(((pick.better - pick.worse) / spread) @ (moved[face] / spread)))
    if not pulls:
        return None
    return Share.of(sum((pull > 0) + 0.5 * (pull == 0) for pull in pulls), len(pulls))


def _features(group: Group) -> F32:
    return np.mean([each.features for each in group.measured], axis=0, dtype=np.float32)


def _spread(groups: Sequence[Group]) -> F32:
    """(f,) spread of features between the old policy's samples of one face."""
    inside = np.mean([np.var([each.features for each in group.measured], axis=0) for group in groups], axis=0)
    return np.asarray(np.sqrt(np.maximum(inside, 1e-8)), np.float32)


def _words(proof: Proof) -> tuple[str, ...]:
    rate = proof.win_rate
    said = [
        f"On {proof.faces} unseen faces it is preferred to the policy before in {rate.value:.0%} of samples "
        f"({rate.low:.0%}–{rate.high:.0%}), and what it proposes first on {proof.typical.value:.0%} of the faces."
    ]
    if proof.picks is not None:
        said.append(
            f"{proof.picks.value:.0%} of {proof.picks.count:.0f} held-out picks point the way it moved "
            f"({proof.picks.low:.0%}–{proof.picks.high:.0%})."
        )
    said += [f"A guard is broken: {each}." for each in proof.breaches]
    said.append("It wins." if proof.wins else "It does not win, so it is not activated.")
    return tuple(said)

"""What is looked at while training: which faces, which seeds, and what evaluations and curves show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.grpo import guards
from trainer.grpo.config import GrpoConfig
from trainer.grpo.rollout import Group, seed_of

SEEDS = 2
"""Plain samples of every face at each evaluation; the same seeds each time, so that only the policy differs."""


@dataclass(frozen=True)
class Evaluation:
    """reward: mean of `rewards` (faces, seeds). guards: mean of each guarded measure. parts: of each dimension."""

    reward: float
    rewards: list[list[float]]
    guards: dict[str, float]
    parts: dict[str, float]

    @classmethod
    def of(cls, groups: Sequence[Group]) -> Evaluation:
        rewards = [[float(value) for value in group.rewards] for group in groups]
        names = groups[0].dimensions
        parts = {name: float(np.mean([group.dimensions[name] for group in groups])) for name in names}
        measured = guards.means([each.pair for group in groups for each in group.measured])
        return cls(float(np.mean(rewards)), rewards, measured, parts)

    def plain(self, baseline: list[list[float]]) -> dict[str, Any]:
        """For the event; with the share of samples that are better than the same seeds' before training."""
        wins = np.sign(np.array(self.rewards) - np.array(baseline))
        rate = float((wins > 0).mean() + 0.5 * (wins == 0).mean())
        return {"reward": self.reward, "win_rate": rate, "guards": self.guards, "parts": self.parts}


def evaluation_seeds(config: GrpoConfig, index: int) -> list[int]:
    return [seed_of(config, 0, index, number) for number in range(SEEDS)]


def chosen(config: GrpoConfig, iteration: int, count: int) -> list[int]:
    """Faces of an iteration, of `count`: all in turn, each round in an order of its own."""
    start = iteration * config.faces
    return [_order(config, place // count, count)[place % count] for place in range(start, start + config.faces)]


def _order(config: GrpoConfig, turn: int, count: int) -> list[int]:
    return [int(i) for i in np.random.default_rng(seed_of(config, 3, turn)).permutation(count)]


def curves_of(groups: Sequence[Group], config: GrpoConfig, iteration: int) -> dict[str, Any]:
    """What curves show of an iteration's samples. rendered: samples drawn and measured so far."""
    return {
        "reward": float(np.mean([group.rewards for group in groups])),
        "spread": float(np.mean([group.rewards.std() for group in groups])),
        "rendered": (iteration + 1) * config.faces * config.group,
        "ceiling": config.ceiling(iteration),
    }

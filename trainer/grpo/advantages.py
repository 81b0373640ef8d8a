"""From rewards of a group to advantages. numpy only."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


def advantages(rewards: F64, least_spread: float, kind: Literal["group", "win_rate"] = "group") -> F64:
    """Mean 0 and spread 1 within the group; all 0 where rewards differ by less than `least_spread` (standard
    deviation): such groups teach nothing but noise.

    Args:
        rewards: (G,) of one face's samples.
        kind: "win_rate" first replaces each reward by the share of the others that it beats, so that tiny differences
            are not blown up to large ones (REFERENCES: pref-grpo).
    """
    if rewards.std() < max(least_spread, 1e-12):
        return np.zeros_like(rewards)
    used = win_rates(rewards) if kind == "win_rate" else rewards
    return np.asarray((used - used.mean()) / used.std())


def win_rates(rewards: F64) -> F64:
    """(G,) share of the other samples that each one beats; equal ones count half."""
    beats = (rewards[:, None] > rewards[None]) + 0.5 * (rewards[:, None] == rewards[None])
    return np.asarray((beats.sum(1) - 0.5) / (len(rewards) - 1))


def optimality(advantage: F64, limit: float = 5.0) -> F64:
    """r = clip(A / limit, −1, 1) / 2 + ½ in [0, 1]: how probably a sample is a good one (REFERENCES: nft)."""
    return np.asarray(np.clip(advantage / limit, -1, 1) / 2 + 0.5)

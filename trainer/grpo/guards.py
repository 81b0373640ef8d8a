"""What a policy may not do whatever the reward says: limits on measures that no reward is trained on.

They are looked at on the policy's plain samples. A limit counts as broken only where the policy before training kept it
better: a face that was difficult before is no reason to stop.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from engine.metrics.dimensions import PairMeasures


@dataclass(frozen=True)
class Limit:
    """low … high of the mean over all samples of a measure of `PairMeasures`; slack: worsening that is allowed anyway.
    guards: what it protects. margin: how far below `high` a training stops, because unseen faces go further."""

    guards: str
    measure: str
    low: float
    high: float
    slack: float
    margin: float = 0.0

    def bounds(self, start: float) -> tuple[float, float]:
        """Between which a measure that was `start` before training may lie: never stricter than it was then."""
        return min(self.low, start) - self.slack, max(self.high, start) + self.slack


LIMITS: Final = (
    Limit("texture", "pore_retention", 0.90, 1.05, 0.01, margin=0.02),  # as shipped
    Limit("texture", "noise", 0.70, 1.15, 0.02),
    Limit("kept marks", "kept_contrast", 0.95, 1.20, 0.02),  # the mark ledger's promise
    Limit("kept marks", "kept_survival", 0.90, 1.00, 0.02),
    Limit("tone", "tone_change", 0.0, 3.0, 0.1),  # ΔE00 3: seen at once
    Limit("tone", "seam", 0.0, 1.5, 0.1),
    Limit("identity", "outside_change", 0.0, 0.5, 0.05),  # hair, brows, eyes, lips, beard, glasses
    Limit("identity", "identity_distance", 0.0, 0.3, 0.02),  # deps: 0.3 and more is drift
    Limit("geometry", "landmark_drift", 0.0, 0.01, 0.002),  # share of W
)

IN_TRAINING: Final = tuple(replace(limit, high=limit.high - limit.margin, margin=0.0) for limit in LIMITS)
"""The same while a policy is trained, on the faces that it is trained on."""


@dataclass(frozen=True)
class Breach:
    """A broken limit."""

    limit: Limit
    value: float
    before: float

    def __str__(self) -> str:
        name = f"{self.limit.guards}: {self.limit.measure.replace('_', ' ')}"
        if math.isnan(self.value):
            return f"{name} cannot be measured any more (before training {self.before:.2f})"
        word, bound = ("fell", self.limit.low) if self.value < self.limit.low else ("rose", self.limit.high)
        return f"{name} {word} to {self.value:.2f} (before training {self.before:.2f}, limit {bound:.2f})"


def means(pairs: Sequence[PairMeasures]) -> dict[str, float]:
    """Mean of every guarded measure over samples, those left out where it could not be measured; NaN if nowhere."""
    found = {}
    for name in dict.fromkeys(limit.measure for limit in LIMITS):
        values = [value for pair in pairs if math.isfinite(value := getattr(pair, name))]
        found[name] = float(np.mean(values)) if values else math.nan
    return found


def used(now: Mapping[str, float | None], before: Mapping[str, float | None]) -> dict[str, float]:
    """For each measure that was taken, how much of the way from where it began to the limit ahead is gone; above 1 the
    limit is broken. 0 and 1 are ends that shares and distances have by themselves, no limits."""
    found = {}
    for limit in IN_TRAINING:
        value, start = now.get(limit.measure), before.get(limit.measure)
        if value is None or start is None or not (math.isfinite(value) and math.isfinite(start)):
            continue
        low, high = limit.bounds(start)
        low, high = low if limit.low != 0 else -math.inf, high if limit.high != 1 else math.inf
        found[limit.measure] = (value - start) / ((low if value < start else high) - start)
    return found


def breaches(now: Mapping[str, float], before: Mapping[str, float], limits: Sequence[Limit] = LIMITS) -> list[Breach]:
    """Limits that are broken now and were kept better before; measures are as from `means`. What could be measured
    before and cannot be any more, such as the landmarks where no face is found now, is broken too."""
    found = []
    for limit in limits:
        value, start = now[limit.measure], before[limit.measure]
        if not (math.isfinite(value) or math.isfinite(start)):
            continue
        low, high = limit.bounds(start if math.isfinite(start) else limit.low)
        if not low <= value <= high:
            found.append(Breach(limit, value, start))
    return found

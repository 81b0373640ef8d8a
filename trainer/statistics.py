"""Shares with intervals, and numbers for reports."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

Z: Final = 1.959964
"""Two-sided 95% of the normal distribution."""


@dataclass(frozen=True)
class Share:
    """A share of `count` cases, with its 95% interval (REFERENCES: wilson). count may be a fraction where some cases
    are alike. None of 0 cases says nothing: value NaN, 0 to 1."""

    value: float
    low: float
    high: float
    count: float

    @classmethod
    def of(cls, hits: float, count: float) -> Share:
        if not count:
            return cls(math.nan, 0.0, 1.0, 0)
        p, z2 = hits / count, Z * Z
        middle = (p + z2 / (2 * count)) / (1 + z2 / count)
        half = Z * math.sqrt(p * (1 - p) / count + z2 / (4 * count**2)) / (1 + z2 / count)
        return cls(p, max(middle - half, 0.0), min(middle + half, 1.0), count)

    def as_json(self) -> dict[str, Any]:
        low, high = rounded(self.low), rounded(self.high)
        return {"value": rounded(self.value), "low": low, "high": high, "count": self.count}


def rounded(value: float) -> float | None:
    """To four places, for JSON; None where it is not finite."""
    return round(float(value), 4) if math.isfinite(value) else None


def sign_test(wins: int, losses: int) -> float:
    """Two-sided exact binomial probability of so uneven a count if both were equally likely; 1 without any."""
    count = wins + losses
    if count == 0:
        return 1.0
    tail = sum(math.comb(count, k) for k in range(max(wins, losses), count + 1)) / 2**count
    return min(1.0, 2 * tail)

"""From one row per face and retoucher to means, worst deciles and groups of skin colour."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from engine.metrics.dimensions import Meaning, PairMeasures
from engine.metrics.skin import ITA_GROUPS, ita_group

LEAST_GROUP: Final = 2
"""Faces that a group of skin colour needs to be compared with others."""
BEFORE: Final = "before"


@dataclass(frozen=True)
class Row:
    """One face by one retoucher. paper: title → score of the paper's table, as far as it could be measured. marks: how
    many to remove and to keep were looked at."""

    photo: str
    face: str
    method: str
    measures: PairMeasures
    paper: Mapping[str, float] = field(default_factory=dict)
    marks: tuple[int, int] = (0, 0)

    @property
    def group(self) -> str:
        """Group of skin colour by the individual typology angle."""
        return ita_group(self.measures.typology_angle)


@dataclass(frozen=True)
class Spread:
    """mean and worst decile over faces; count: faces on which it could be measured."""

    mean: float
    worst: float
    count: int


def spread(values: Iterable[float], best: str) -> Spread:
    """Mean and worst decile. best: which way is better, as in `Meaning`; where it depends, the worst is NaN."""
    finite = np.array([value for value in values if math.isfinite(value)], np.float64)
    if not finite.size:
        return Spread(math.nan, math.nan, 0)
    if best in ("one", "zero"):
        target = 1.0 if best == "one" else 0.0
        ordered = finite[np.argsort(np.abs(finite - target), kind="stable")]
        worst = float(ordered[min(len(ordered) - 1, math.floor(0.9 * len(ordered)))])
    elif best in ("low", "high"):
        worst = float(np.percentile(finite, 90 if best == "low" else 10))
    else:
        worst = math.nan
    return Spread(float(finite.mean()), worst, int(finite.size))


def summarise(rows: Sequence[Row]) -> dict[str, dict[str, Spread]]:
    """Retoucher → measure → spread over its faces."""
    meanings = PairMeasures.meanings()
    return {
        method: {
            name: spread((getattr(row.measures, name) for row in mine), meaning.best)
            for name, meaning in meanings.items()
        }
        for method, mine in by_method(rows).items()
    }


def by_method(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows of each retoucher, in the order of first appearance."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.method, []).append(row)
    return found


@dataclass(frozen=True)
class GroupRow:
    """Means of one measure by group of skin colour; gap: between the groups that have `LEAST_GROUP` faces."""

    means: Mapping[str, tuple[float, int]]
    gap: float


def groups(rows: Sequence[Row], name: str) -> GroupRow:
    """A measure of one retoucher's rows by group, lightest first."""
    means: dict[str, tuple[float, int]] = {}
    for group, _ in ITA_GROUPS:
        values = [getattr(row.measures, name) for row in rows if row.group == group]
        finite = [value for value in values if math.isfinite(value)]
        if finite:
            means[group] = float(np.mean(finite)), len(finite)
    compared = [mean for mean, count in means.values() if count >= LEAST_GROUP]
    return GroupRow(means, max(compared) - min(compared) if len(compared) > 1 else math.nan)


def paper_means(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Retoucher → title → mean score of the paper's table."""
    found: dict[str, dict[str, float]] = {}
    for method, mine in by_method(rows).items():
        titles = {title for row in mine for title in row.paper}
        found[method] = {
            title: spread([row.paper[title] for row in mine if title in row.paper], "").mean for title in titles
        }
    return found


def better(meaning: Meaning, value: float, other: float) -> bool:
    """Whether the first value is better than the second."""
    distance = {
        "one": lambda v: abs(v - 1),
        "zero": abs,
        "low": lambda v: v,
        "high": lambda v: -v,
    }.get(meaning.best)
    return distance is not None and distance(value) < distance(other)

"""What the curves of a training show, from its events: the report and the window draw the same. torch-free."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from trainer.events import Event, by_step
from trainer.grpo.guards import IN_TRAINING, used

Curve = Sequence[tuple[float, float | None]]
SHOWN_SAMPLES: Final = 6
"""Evaluations of which pictures are shown, first and last among them."""
ROUND: Final = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
"""Numbers that axes are divided by, times a power of ten."""


@dataclass(frozen=True)
class Figure:
    """Curves over iterations by name; values that are None leave a gap. limits: horizontal lines."""

    title: str
    curves: Mapping[str, Curve]
    limits: Sequence[float] = ()
    unit: str = ""

    @property
    def extent(self) -> tuple[float, float, float, float] | None:
        """(first, last, low, high): what the axes span, low to high between round numbers; None without a point."""
        points = [point for curve in self.curves.values() for run in runs(curve) for point in run]
        if not points:
            return None
        xs, ys = [x for x, _ in points], [y for _, y in points] + list(self.limits)
        low, high = _round_span(min(ys), max(ys))
        first, last = min(xs), max(xs)
        return first, last if last > first else first + 1, low, high


def _round_span(low: float, high: float) -> tuple[float, float]:
    """The narrowest span around two values whose halves are a round number wide and begin at a multiple of it."""
    width = (high - low) / 2 or max(abs(high), 1e-3) * 0.1
    digit = 10.0 ** math.floor(math.log10(width))
    for half in (step * scale for scale in (digit, 10 * digit) for step in ROUND):
        start = math.floor(low / half + 1e-9) * half
        if half >= width * (1 - 1e-9) and start + 2 * half >= high - 1e-9 * half:
            return round(start, 12), round(start + 2 * half, 12)
    return low, high


def runs(curve: Curve) -> list[list[tuple[float, float]]]:
    """The parts of a curve without gaps."""
    found: list[list[tuple[float, float]]] = [[]]
    for x, y in curve:
        if y is None or not math.isfinite(y):
            found.append([])
        else:
            found[-1].append((x, y))
    return [run for run in found if run]


def reward(events: Sequence[Event]) -> Figure:
    samples, evaluations = by_step(events, "samples"), by_step(events, "evaluation")
    return Figure(
        "Reward", {"samples": _curve(samples, "reward"), "evaluation": _curve(evaluations, "reward")}, unit="logits"
    )


def preferred(events: Sequence[Event]) -> Figure:
    share = _curve(by_step(events, "evaluation"), "win_rate")
    return Figure("Preferred to the policy before", {"share": share}, (0.5,), "on training faces")


def divergence(events: Sequence[Event]) -> Figure:
    return Figure("Divergence from the policy before", {"KL": _curve(by_step(events, "update"), "kl")})


def guarded(events: Sequence[Event]) -> Figure:
    """Of the way to its limit, how much the guard nearest to it has gone; 1 is the limit."""
    evaluations = by_step(events, "evaluation")
    before: Mapping[str, float] = next((event.data["guards"] for event in evaluations.values()), {})
    curve = [
        (step, max(used(event.data["guards"], before).values(), default=None)) for step, event in evaluations.items()
    ]
    return Figure("Guards", {"nearest": curve}, (1.0,), "share of the limit")


def all_figures(events: Sequence[Event]) -> list[Figure]:
    """Everything, for the report."""
    samples, evaluations = by_step(events, "samples"), by_step(events, "evaluation")
    told = [event.data.get("parts", {}) for event in evaluations.values()]
    parts = sorted({name for each in told for name, value in each.items() if value})  # heads without picks say nothing
    figures = [
        reward(events),
        preferred(events),
        Figure("Parts of the reward", {name: _curve(evaluations, "parts", name) for name in parts}, unit="logits"),
        divergence(events),
        Figure("Ceiling of λ", {"λ": _curve(samples, "ceiling")}),
        Figure("Spread of rewards within groups", {"spread": _curve(samples, "spread")}, unit="logits"),
    ]
    for limit in IN_TRAINING:
        curve = _curve(evaluations, "guards", limit.measure)
        values = [y for _, y in curve if y is not None]
        near = [bound for bound in (limit.low, limit.high) if values and _near(bound, values)]
        figures.append(Figure(f"Guard: {limit.measure.replace('_', ' ')}", {limit.measure: curve}, near))
    return figures


def strips(events: Sequence[Event]) -> list[list[tuple[int, str]]]:
    """For each face shown, (iteration, file within the run) of the same sample over time."""
    found = by_step(events, "pictures")
    steps = list(found)
    if not steps:
        return []
    count = min(SHOWN_SAMPLES, len(steps))
    shown = sorted({steps[round(i * (len(steps) - 1) / max(count - 1, 1))] for i in range(count)})
    places = min(len(found[step].data["files"]) for step in shown)
    return [[(step, found[step].data["files"][place]) for step in shown] for place in range(places)]


def working_seconds(events: Sequence[Event]) -> float:
    """Without breaks between a stop and what went on from there."""
    return sum(b.t - a.t for a, b in pairwise(events) if b.t - a.t < 600)


def _near(bound: float, values: Sequence[float]) -> bool:
    """Whether a limit is near enough to the curve to be drawn without flattening it."""
    reach = max(max(values) - min(values), 0.05 * abs(bound), 0.02)
    return min(values) - 2 * reach <= bound <= max(values) + 2 * reach


def _curve(found: Mapping[int, Event], *path: str) -> Curve:
    return [(step, _dig(event.data, path)) for step, event in found.items()]


def _dig(data: Any, path: Sequence[str]) -> float | None:
    for name in path:
        data = data.get(name) if hasattr(data, "get") else None
    return data

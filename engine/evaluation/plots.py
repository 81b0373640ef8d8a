"""Plots as inline SVG: one dot per face, one row per retoucher."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

import numpy as np

from engine.evaluation.tables import number

AIMS: Final[dict[str, tuple[float, float]]] = {
    "pore_retention": (0.90, 1.05),
    "blemish_removed": (0.90, 1.0),
    "kept_contrast": (0.95, 1.05),
    "tone_change": (0.0, 0.6),
    "outside_change": (0.0, 0.05),
    "landmark_drift": (0.0, 0.001),
    "identity_distance": (0.0, 0.3),
}
"""Measures that are plotted, with the range aimed at."""

WIDTH: Final = 400
LABEL: Final = 140
ROW: Final = 26
COLOURS: Final = ("#1d6b52", "#b4552d", "#5b6fa8", "#8a6d3b", "#7d5a86", "#4e7d8a")


def strip(values: Mapping[str, Sequence[float]], aim: tuple[float, float]) -> str:
    """An SVG: each retoucher's values as dots, their mean as a bar, the aim as a shaded range."""
    finite = [v for each in values.values() for v in each if math.isfinite(v)]
    low, high = _range([*finite, *aim])
    left, right = LABEL, WIDTH - 14

    def x(value: float) -> float:
        return left + (right - left) * (value - low) / (high - low)

    height = ROW * len(values) + 24
    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">']
    parts.append(
        f'<rect x="{x(aim[0]):.1f}" y="0" width="{max(x(aim[1]) - x(aim[0]), 1):.1f}" height="{height - 20}" '
        f'fill="#dfeee3"/>'
    )
    for tick in _ticks(low, high):
        parts.append(f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="0" y2="{height - 20}" stroke="#d9dcd8"/>')
        text = number(tick, max(0, 1 - math.floor(math.log10(high - low))))
        parts.append(f'<text x="{x(tick):.1f}" y="{height - 5}" text-anchor="middle">{text}</text>')
    for row, (name, mine) in enumerate(values.items()):
        y = ROW * row + ROW / 2
        colour = COLOURS[row % len(COLOURS)]
        parts.append(f'<text class="name" x="0" y="{y + 4:.1f}">{escape(_short(name))}</text>')
        known = [v for v in mine if math.isfinite(v)]
        for index, value in enumerate(known):
            jitter = ((index * 0.618) % 1 - 0.5) * 0.5 * ROW
            parts.append(
                f'<circle cx="{x(value):.1f}" cy="{y + jitter:.1f}" r="3" fill="{colour}" fill-opacity=".45"/>'
            )
        if known:
            mean = x(float(np.mean(known)))
            parts.append(
                f'<line x1="{mean:.1f}" x2="{mean:.1f}" y1="{y - 10:.1f}" y2="{y + 10:.1f}" stroke="{colour}" '
                f'stroke-width="2.5"/>'
            )
    return "".join(parts) + "</svg>"


def _short(name: str) -> str:
    return name if len(name) <= 20 else name[:19] + "…"


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.04 * (high - low) or 0.5
    return (low - room if low < 0 or low > 0.2 * high else 0 - room), high + room


def _ticks(low: float, high: float) -> list[float]:
    """Four or so round numbers within a range."""
    raw = (high - low) / 4
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * k for k in (1, 2, 5, 10) if power * k >= raw)
    first = math.ceil(low / step)
    return [step * k for k in range(first, math.floor(high / step) + 1)]

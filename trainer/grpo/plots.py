"""Curves as inline SVG: no library, no script, readable on paper."""

from __future__ import annotations

import html
from typing import Final

from trainer.grpo.curves import Figure, runs

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 460, 190, 52, 26, 14
COLOURS: Final = ("#1f6f8b", "#c8553d", "#588157", "#7b5ea7", "#b08900", "#444444")


def plot(figure: Figure) -> str:
    """A figure as inline SVG with its caption; nothing if it has no points."""
    extent = figure.extent
    if extent is None:
        return ""
    title, curves, limits, unit = figure.title, figure.curves, figure.limits, figure.unit
    first, last, low, high = extent

    def at(x: float, y: float) -> str:
        px = LEFT + (x - first) / (last - first) * (WIDTH - LEFT - 12)
        py = TOP + (high - y) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return f"{px:.1f},{py:.1f}"

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">']
    for share in (0.0, 0.5, 1.0):
        value = low + share * (high - low)
        x, y = at(first, value).split(",")
        parts.append(f'<line x1="{x}" y1="{y}" x2="{WIDTH - 12}" y2="{y}" class="grid"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{float(y) + 4:.1f}" class="tick" text-anchor="end">{_short(value)}</text>'
        )
    for x_value in (first, last):
        x, _ = at(x_value, low).split(",")
        anchor = "start" if x_value == first else "end"
        parts.append(f'<text x="{x}" y="{HEIGHT - 8}" class="tick" text-anchor="{anchor}">{x_value:g}</text>')
    for limit in limits:
        x, y = at(first, limit).split(",")
        parts.append(f'<line x1="{x}" y1="{y}" x2="{WIDTH - 12}" y2="{y}" class="limit"/>')
    for number, curve in enumerate(curves.values()):
        colour = COLOURS[number % len(COLOURS)]
        for run in runs(curve):
            line = " ".join(at(x, y) for x, y in run)
            parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
            if len(run) == 1:
                x, y = at(*run[0]).split(",")
                parts.append(f'<circle cx="{x}" cy="{y}" r="2.5" fill="{colour}"/>')
    parts.append("</svg>")
    names = "".join(
        f'<span><i style="background:{COLOURS[n % len(COLOURS)]}"></i>{html.escape(name)}</span>'
        for n, name in enumerate(curves)
    )
    legend = f'<div class="legend">{names}</div>' if len(curves) > 1 else ""
    caption = html.escape(title) + (f" <small>{html.escape(unit)}</small>" if unit else "")
    return f"<figure><figcaption>{caption}</figcaption>{''.join(parts)}{legend}</figure>"


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) >= 0.01 or value == 0 else f"{value:.1e}"

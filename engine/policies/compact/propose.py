"""From field amounts to layers: what each amount does to the skin bands of one face (design.md section 5)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.layers.bands import band_split, masked_gaussian
from engine.types import F32, FaceAnalysis


def _soft_limit(band: F32, limit: float) -> F32:
    """Odd, slope 1 at 0, bounded by ±limit: strong lines and edges are form, not blemish, and stay."""
    return (limit * np.tanh(band / limit)).astype(np.float32)


def _statistics(values: F32, weight: F32) -> tuple[float, float]:
    """Median and upper spread (84th percentile − median) where `weight` > ½."""
    inside = values[weight > 0.5]
    if inside.size == 0:
        return 0.0, 1.0
    median, upper = np.percentile(inside, (50, 84))
    return float(median), max(float(upper - median), 0.5)


def lab_deltas(face: FaceAnalysis, base: F32, protect: F32, field: Mapping[str, F32]) -> dict[str, F32]:
    """L*a*b* differences per layer on the face grid.

    Args:
        face: regions and scale.
        base: (h, w, 3) L*a*b* after the proposed healing.
        protect: (h, w) in [0, 1], 1 where kept marks are: nothing changes there.
        field: layer name → amount (h, w), see `field.LIMITS`.
    """
    regions, width = face.regions, face.grid_width
    skin = regions["skin"] * (1 - protect)
    bands = band_split(base, width, skin)
    smoothed = bands.form + bands.blotch
    out: dict[str, F32] = {}

    bump = _soft_limit(bands.bump[..., 0], 2.5)
    out["smooth"] = _stack(-field["smooth"] * skin * bump)

    level, _ = _statistics(bands.form[..., 1], skin)
    redness = np.maximum(bands.form[..., 1] - level - 2.0, 0) * 0.5
    chroma = bands.blotch[..., 1:] + 0.5 * bands.bump[..., 1:]
    amount = (field["tone"] * skin)[..., None]
    out["tone"] = np.concatenate([np.zeros_like(amount), -amount * _soft_limit(chroma, 5.0)], -1)
    out["tone"][..., 1] -= amount[..., 0] * redness

    out["light"] = _stack(-field["light"] * skin * _soft_limit(bands.blotch[..., 0], 3.0))

    median, spread = _statistics(smoothed[..., 0], skin)
    excess = np.maximum(smoothed[..., 0] - (median + 1.4 * spread), 0)
    out["shine"] = _stack(-field["shine"] * skin * _soft_limit(0.6 * excess, 6.0))

    cheek = _mean(bands.form, regions["cheeks"] * skin)
    under = regions["under_eyes"] * skin
    lift = np.clip(cheek[0] - 2.0 - smoothed[..., 0], 0, 9.0)
    out["under_eye"] = _stack(
        field["under_eye"] * under * 0.6 * lift,
        *(field["under_eye"] * under * 0.3 * np.clip(cheek[c] - smoothed[..., c], -4, 4) for c in (1, 2)),
    )

    sharp = np.maximum.reduce([regions["eyes"], regions["brows"], regions["lips"]])
    detail = base[..., 0] - masked_gaussian(base[..., 0], width / 70, sharp)
    out["features"] = _stack(field["features"] * sharp * _soft_limit(detail, 8.0))

    teeth = regions["teeth"]
    yellow = np.clip(base[..., 2] - 3.0, 0, 20)
    out["teeth"] = _stack(field["teeth"] * teeth * 3.0, np.zeros_like(teeth), -field["teeth"] * teeth * 0.7 * yellow)

    whites = np.clip(regions["eyes"] - regions["iris"], 0, 1) * (base[..., 0] > 35)
    out["eye_whites"] = _stack(
        field["eye_whites"] * whites * 3.0,
        -field["eye_whites"] * whites * 0.6 * np.clip(base[..., 1] - 1, 0, 15),
        -field["eye_whites"] * whites * 0.5 * np.clip(base[..., 2] - 1, 0, 15),
    )
    return {name: np.ascontiguousarray(delta, dtype=np.float32) for name, delta in out.items()}


def _stack(light: F32, a: F32 | None = None, b: F32 | None = None) -> F32:
    zero = np.zeros_like(light)
    return np.stack([light, zero if a is None else a, zero if b is None else b], -1)


def _mean(image: F32, weight: F32) -> F32:
    total = float(weight.sum())
    if total < 4:
        return np.asarray(image.reshape(-1, 3).mean(0))
    return np.asarray((image * weight[..., None]).reshape(-1, 3).sum(0) / total)

"""The styles of retouching that the field flow learns: what each face needs, and how hands and tastes differ.

A style is made, not collected: for each layer a typical amount, multiplied by how much this face and this part of it
needs the layer (`Needs`), by the hand (one factor for all layers), by taste (one factor for each layer) and by smooth
differences between regions (`sample_style`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from engine.policies.compact import field as fields
from engine.types import F32, LAYERS

TYPICAL: Final[dict[str, float]] = {
    "heal": 1.05,
    "smooth": 0.25,
    "tone": 0.36,
    "light": 0.26,
    "shine": 0.28,
    "under_eye": 0.36,
    "texture": 0.035,
    "features": 0.18,
    "teeth": 0.25,
    "eye_whites": 0.16,
}
"""Amounts of a typical hand on a face of typical need, before `LIMITS` bend them."""

CELL_NEEDS: Final = ("smooth", "tone", "light")
"""Layers whose need differs from place to place; that of the others is one number."""
RESPONSE: Final = 0.9
"""Exponent from need to amount: what a layer does grows with need^1.9, so that clean skin is left nearly alone."""
MOST: Final = 1.6
"""Greatest multiple of the typical amount that need can ask for."""
CHILD: Final = 0.6
"""Share of the amounts that childlike proportions take away."""

HAND: Final = 0.5
TASTE: Final = 0.7
REGION: Final = 0.9
"""Spreads of the logarithms: of all layers together, of each layer, of each layer's regional modes before they fall
with their frequency (`SMOOTHNESS`). Smoothing then differs between forehead and cheeks by 0.9 of what it differs by in
both."""


SMALL: Final = {"shine": 0.0, "under_eye": 0.05, "features": 0.05, "teeth": 1.0, "eye_whites": 0.05}
"""Layers whose need is one number, and below which need a face does not count in the typical one: a closed mouth has no
teeth to whiten."""


BASIS: Final = fields.cosine_basis(fields.MODES)


class Needs:
    """Turns face features into needs around 1; `typical` is the need of a typical face, by layer."""

    def __init__(self, typical: Mapping[str, float]) -> None:
        self.typical = dict(typical)

    @classmethod
    def of(cls, features: F32) -> Needs:
        """By the medians of training faces, (N, FEATURES)."""
        cells, whole = fields.split_features(features)
        skin = cells["skin"] > 0.4
        typical = {name: float(np.median(cells[name][skin])) for name in CELL_NEEDS}
        return cls(typical | {n: float(np.median(whole[n][whole[n] >= least])) for n, least in SMALL.items()})

    def __call__(self, features: F32) -> F32:
        """(…, FEATURES) → (…, C, M, M) factors on each layer's typical amount: 0 nothing to do, 1 typical, ≤ `MOST`."""
        cells, whole = fields.split_features(features)
        need = np.ones((*features.shape[:-1], fields.CHANNELS, fields.MODES, fields.MODES), np.float32)
        for name, typical in self.typical.items():
            value = cells[name] if name in CELL_NEEDS else whole[name][..., None, None]
            need[..., LAYERS.index(name), :, :] = value / typical
        need = np.clip(np.maximum(need, 1e-3) ** RESPONSE, 0, MOST)
        need *= 1 - CHILD * whole["child"][..., None, None, None]
        need[..., LAYERS.index("heal"), :, :] = 1
        return np.asarray(need, np.float32)


def sample_style(need: F32, rng: np.random.Generator) -> F32:
    """Retouches in amount units on the cells of the face, one for each of the needs (…, C, M, M)."""
    lead, per_layer = need.shape[:-3], (fields.CHANNELS, 1, 1)
    hand = rng.normal(size=(*lead, 1, 1, 1)) * HAND
    taste = rng.normal(size=(*lead, *per_layer)) * TASTE
    modes = rng.normal(size=need.shape) * REGION * fields.SMOOTHNESS
    modes[..., 0, 0] = 0
    region = BASIS @ modes @ BASIS.T
    typical, limits = (
        np.array([table[name] for name in LAYERS], np.float32)[:, None, None] for table in (TYPICAL, fields.LIMITS)
    )
    amount = limits * np.tanh(typical * need * np.exp(hand + taste + region) / limits)
    amount[..., LAYERS.index("heal"), :, :] = TYPICAL["heal"] + 0.05 * rng.normal(size=(*lead, 1, 1))
    return np.asarray(amount, np.float32)


def to_modes(cells: F32) -> F32:
    """Cosine modes of values at the cell centres, as many as cells, smoothed: a retoucher's hand knows no cells."""
    inverse = np.linalg.inv(BASIS)
    return np.asarray((inverse @ cells @ inverse.T) * fields.SMOOTHNESS, np.float32)


def vary_features(features: F32, spread: F32, rng: np.random.Generator) -> F32:
    """Faces that might have been: (B, FEATURES) with a little noise, needs from none to more than their own, any age.

    Portraits of children and of flawless skin are rare among training portraits; the flow must know them too.
    """
    count = len(features)
    out = (features + rng.normal(size=features.shape) * spread).astype(np.float32)
    cells, whole = fields.split_features(out)  # views: what follows changes `out`
    everything = np.where(rng.random(count) < 0.5, rng.uniform(0, 1.5, count), 1.0)

    def factor() -> F32:
        own = np.where(rng.random(count) < 0.3, rng.uniform(0, 2, count), 1.0)
        return np.asarray(everything * own, np.float32)

    for name in CELL_NEEDS:
        cells[name] *= factor()[:, None, None]
    for name in ("shine", "under_eye", "teeth", "eye_whites"):
        whole[name] *= (share := factor())
        if name in cells:
            cells[name] *= share[:, None, None]
    whole["child"][:] = np.where(rng.random(count) < 0.3, rng.uniform(0, 1, count), whole["child"])
    for plane in cells.values():
        np.maximum(plane, 0, out=plane)
    return out

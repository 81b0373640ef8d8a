"""Strengths that a variation draws for itself.

Samples of one face hardly differ at a glance, so every other variation doses the layers of the skin anew.
"""

from __future__ import annotations

import random
from typing import Final

from engine.types import PROPOSED, Strengths

DOSED: Final = ("smooth", "tone", "light", "shine", "under_eye", "texture")
"""Layers of the skin that a policy doses. Healing stays whole."""


def dosed(base: Strengths, photo: str, seed: int, reach: float) -> Strengths:
    """Strengths of a photo's variation of that seed: `base` for even seeds; for odd ones each of `DOSED` that nobody
    has set otherwise lies evenly within `reach` times half the scale around what is proposed.

    Args: photo: its SHA-256. reach: in [0, 1]; 1 is from none to twice of what is proposed.
    """
    if seed % 2 == 0:
        return base
    stream = random.Random(f"{photo} {seed}")
    drawn = {layer: PROPOSED + reach * stream.randint(-50, 50) for layer in DOSED}
    return base.with_(**{layer: value for layer, value in drawn.items() if base.values[layer] == PROPOSED})

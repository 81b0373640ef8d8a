"""Closing what a heal network leaves of a mark, from the skin around it."""

from __future__ import annotations

import numpy as np

from engine.layers.bands import gaussian, masked_gaussian
from engine.types import F32

REACH = 1 / 60
"""σ of the skin around a mark that tells its colour, as a share of W; wide marks keep the network's own proposal."""
DETAIL = 1 / 200
"""σ below which the network's detail stays, as a share of W."""
TRUST = 0.03
"""Weight of pixels inside a mark against the clean skin around it."""


def close_marks(lab: F32, change: F32, soft: F32, skin: F32, width: float) -> F32:
    """The change that heals marks completely: low frequencies inside marks come from the skin around them.

    A normalised convolution (membrane) over clean skin; where a mark is wider than it reaches, the network's proposal
    counts most. Args: lab and change (h, w, 3) L*a*b*, soft and skin (h, w) in [0, 1], width: W in grid pixels.
    """
    healed = lab + change
    clean = np.clip(skin, 0, 1) * (1 - (1 - TRUST) * soft)
    around = masked_gaussian(healed, width * REACH, clean)
    own = gaussian(healed, width * DETAIL)
    return np.asarray(change + soft[..., None] * (around - own), dtype=np.float32)

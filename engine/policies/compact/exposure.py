"""The light in which the heal network sees a face, in the product and in training: dark skin with more of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.types import F32

LIT, MOST_LIT = 50.0, 1.8
"""L* to which the network's picture of darker skin is exposed, and the most of it: marks then stand out as on skin that
it has seen much of."""
BLACK = np.array([16, 0, 0], np.float32)
"""More light on everything scales L* + 16, a* and b* alike, but for the deepest blacks."""


def missing_light(lab: F32, skin: npt.NDArray[np.bool_]) -> np.float32:
    """Factor on L* + 16 that exposes the median of `skin` (h, w) to `LIT`; 1 where it is as light. lab: (h, w, 3)."""
    level = float(np.median(lab[skin, 0])) if skin.any() else LIT
    return np.float32(np.clip((LIT + 16) / (level + 16), 1, MOST_LIT))


def exposed(lab: F32, light: np.float32) -> F32:
    """L*a*b* (..., 3) in `light` times as much of it; not cut at white."""
    return np.asarray((lab + BLACK) * light - BLACK, np.float32)

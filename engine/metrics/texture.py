"""Skin texture and evenness, measured on L*a*b* before and after (methods.md section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.layers.bands import BLOTCH_CUT, BUMP_CUT, gaussian, masked_gaussian
from engine.types import F32

FINE: Final = 0.7 / 600
COARSE: Final = 1.6 / 600
"""The texture band, as shares of face width W: between Gaussians of 0.7 and 1.6 px at W = 600."""

RETENTION_TARGET: Final = (0.85, 1.0)
"""Portrait target; below 0.6 is plastic, above 1.15 is sharpened (methods.md section 5)."""


def texture_band(lab: F32, width: float) -> F32:
    """(h, w) L* in the texture band. width: W in pixels of `lab`."""
    lightness = np.ascontiguousarray(lab[..., 0], dtype=np.float32)
    return gaussian(lightness, width * FINE) - gaussian(lightness, width * COARSE)


def texture_retention(lab_before: F32, lab_after: F32, skin_mask: F32, width: float) -> float:
    """rms of the texture band on skin, after ÷ before; NaN where there is no skin or no texture before.

    Args:
        lab_before, lab_after: (h, w, 3) L*a*b*.
        skin_mask: (h, w) weights in [0, 1]; leave marks out of it.
        width: face width W in pixels of these arrays.
    """
    before, after = (rms(texture_band(lab, width), skin_mask) for lab in (lab_before, lab_after))
    return after / before if before > 1e-6 else float("nan")


@dataclass(frozen=True)
class Blotchiness:
    """rms of the blotch band (centre W/30) on skin, in ΔE units: of L*, and of chroma (a*, b* together)."""

    lightness: float
    chroma: float


def blotchiness(lab: F32, skin_mask: F32, width: float) -> Blotchiness:
    """Spread of colour in the blotch band; NaN where there is no skin."""
    band = masked_gaussian(lab, width * BUMP_CUT, skin_mask) - masked_gaussian(lab, width * BLOTCH_CUT, skin_mask)
    a, b = rms(band[..., 1], skin_mask), rms(band[..., 2], skin_mask)
    return Blotchiness(rms(band[..., 0], skin_mask), float(np.hypot(a, b)))


def rms(values: F32, weight: F32) -> float:
    """Weighted root mean square of (h, w); NaN where nothing weighs."""
    total = float(weight.sum(dtype=np.float64))
    if total <= 0:
        return float("nan")
    return float(np.sqrt((values.astype(np.float64) ** 2 * weight).sum() / total))

"""Quality of one picture without a reference, by closed formulas that need no trained weights."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np

from engine.types import F32

_IMMERKAER: Final = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def sharpness(lightness: F32, weight: F32 | None = None) -> float:
    """Tenengrad: root mean square of the Sobel gradient, in L* per pixel. Source: REFERENCES tenengrad."""
    across, down = cv2.Sobel(lightness, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(lightness, cv2.CV_32F, 0, 1) / 8
    return math.sqrt(_mean(np.asarray(across**2 + down**2, np.float32), weight))


def noise(lightness: F32, weight: F32 | None = None) -> float:
    """Standard deviation of white noise in L*, from a mask that is blind to slopes. Source: REFERENCES immerkaer."""
    filtered = np.abs(cv2.filter2D(lightness, cv2.CV_32F, _IMMERKAER))
    return math.sqrt(math.pi / 2) / 6 * _mean(filtered, weight)


def colourfulness(lab: F32, weight: F32 | None = None) -> float:
    """M⁽¹⁾ = σ_ab + 0.37 μ_ab: spread of a*, b* and distance of their mean from grey.

    Source: REFERENCES colourfulness.
    """
    a, b = lab[..., 1], lab[..., 2]
    mean_a, mean_b = _mean(a, weight), _mean(b, weight)
    spread = _mean((a - mean_a) ** 2, weight) + _mean((b - mean_b) ** 2, weight)
    return math.sqrt(spread) + 0.37 * math.hypot(mean_a, mean_b)


def blur(lightness: F32) -> float:
    """Perceptual blur in [0, 1], 0 sharp: how little of the neighbours' differences a further blur takes away.

    Source: REFERENCES crete.
    """
    worst = 0.0
    for axis, size in ((0, (1, 9)), (1, (9, 1))):
        again = cv2.blur(lightness, size, borderType=cv2.BORDER_REFLECT)
        sharp, soft = (np.abs(np.diff(image.astype(np.float64), axis=axis)) for image in (lightness, again))
        total = float(sharp.sum())
        lost = float(np.maximum(sharp - soft, 0).sum())
        worst = max(worst, (total - lost) / total if total > 0 else 1.0)
    return worst


def entropy(lightness: F32) -> float:
    """Shannon entropy of L* in 256 steps of 100/256, in bits. Source: REFERENCES shannon."""
    counts = np.histogram(lightness, bins=256, range=(0, 100))[0].astype(np.float64)
    share = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(share * np.log2(share)).sum())


def _mean(values: F32, weight: F32 | None) -> float:
    """Weighted mean; NaN where nothing weighs."""
    if weight is None:
        return float(values.mean(dtype=np.float64))
    total = float(weight.sum(dtype=np.float64))
    return float((values.astype(np.float64) * weight).sum() / total) if total > 0 else float("nan")

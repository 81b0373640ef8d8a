"""Skin bands: pores, bumps, blotches and form, as fractions of face width W (design.md section 5).

The cuts are standard deviations of Gaussians. Between two cuts lies a band whose centre is their geometric mean.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np

from engine.types import F32

PORE_CUT: Final = 1 / 400
"""Pores lie below: everything finer than a Gaussian of σ = W/400."""
BUMP_CUT: Final = 1 / 50
"""Bumps and fine lines lie between PORE_CUT and here (centre W/141)."""
BLOTCH_CUT: Final = 1 / 18
"""Blotches lie between BUMP_CUT and here (centre W/30); everything coarser is form."""

OUTSIDE_WEIGHT: Final = 1e-3
"""Weight of pixels outside a mask: only where nothing of the mask is near do they count."""


class Bands(NamedTuple):
    """Bands of one image, each shaped like it; their sum is the image up to float rounding."""

    pore: F32
    bump: F32
    blotch: F32
    form: F32


def gaussian(image: F32, sigma: float) -> F32:
    """Gaussian blur of (h, w) or (h, w, c) float32, mirrored at the border; `sigma` in pixels of the array.

    The kernel is cut at 3σ. Wide blurs run on an image reduced by whole factors, which keeps σ ≥ 4 there; the error is
    about a hundredth of the contrast at most.
    """
    if sigma < 0.15:
        return image.copy()
    factor = int(sigma // 4)
    h, w = image.shape[:2]
    pad = factor * int(np.ceil(3 * sigma / max(factor, 1)))
    if factor < 2 or pad >= min(h, w):
        return _blur(image, sigma)
    bottom, right = pad + factor - h % factor, pad + factor - w % factor
    padded = cv2.copyMakeBorder(image, pad, bottom, pad, right, cv2.BORDER_REFLECT)
    size = padded.shape[1] // factor, padded.shape[0] // factor
    small = np.asarray(cv2.resize(padded, size, interpolation=cv2.INTER_AREA), np.float32)
    # Averaging over `factor` pixels and interpolating linearly blur a little themselves.
    own = (factor**2 - 1) / 12 + factor**2 / 6
    blurred = _blur(small, float(np.sqrt(sigma**2 - own)) / factor)
    full = cv2.resize(blurred, (padded.shape[1], padded.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(full[pad : pad + h, pad : pad + w], dtype=np.float32)


def _blur(image: F32, sigma: float) -> F32:
    size = 2 * int(np.ceil(3 * sigma)) + 1
    return np.asarray(cv2.GaussianBlur(image, (size, size), sigma, borderType=cv2.BORDER_REFLECT), dtype=np.float32)


def masked_gaussian(image: F32, sigma: float, mask: F32 | None) -> F32:
    """Gaussian blur that takes its average only where `mask` (h, w) in [0, 1] is high (normalised convolution).

    Where nothing of the mask is near, it is the plain blur: hair and lips do not bleed into skin, and nothing
    divides by zero.
    """
    if mask is None:
        return gaussian(image, sigma)
    weight = mask.astype(np.float32) + np.float32(OUTSIDE_WEIGHT)
    spread = weight[..., None] if image.ndim == 3 else weight
    low = gaussian(np.ascontiguousarray(image * spread), sigma)
    norm = np.maximum(gaussian(weight, sigma), np.float32(OUTSIDE_WEIGHT / 2))
    return (low / (norm[..., None] if image.ndim == 3 else norm)).astype(np.float32)


def band_split(lab: F32, width: float, mask: F32 | None = None) -> Bands:
    """Split an image into bands.

    Args:
        lab: (h, w, c) or (h, w) float32, any space.
        width: face width W in the pixels of `lab`.
        mask: (h, w) soft mask in [0, 1] outside which pixels do not count in the averages.
    """
    fine = masked_gaussian(lab, width * PORE_CUT, mask)
    middle = masked_gaussian(lab, width * BUMP_CUT, mask)
    form = masked_gaussian(lab, width * BLOTCH_CUT, mask)
    return Bands(lab - fine, fine - middle, middle - form, form)

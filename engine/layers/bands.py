"""Skin bands: pores, bumps, blotches and form, as fractions of face width W.

The cuts are standard deviations of Gaussians. Between two cuts lies a band whose centre is their geometric mean.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from engine.device import side_by_side
from engine.types import F32

PORE_CUT: Final = 1 / 400
"""Pores lie below: everything finer than a Gaussian of σ = W/400."""
BUMP_CUT: Final = 1 / 50
"""Bumps and fine lines lie between PORE_CUT and here (centre W/141)."""
BLOTCH_CUT: Final = 1 / 18
"""Blotches lie between BUMP_CUT and here (centre W/30); everything coarser is form."""

OUTSIDE_WEIGHT: Final = 1e-3
"""Weight of pixels outside a mask: only where nothing of the mask is near do they count."""


PLANE_RIDGE: Final = 0.01
"""Damping of `masked_plane`'s slope, in σ²: a plane seen along one line only is flat across it."""


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
    low = gaussian(np.ascontiguousarray(image * _as_wide(weight, image), np.float32), sigma)
    norm = np.maximum(gaussian(weight, sigma), np.float32(OUTSIDE_WEIGHT / 2))
    return np.divide(low, _as_wide(norm, image), out=low)


def _as_wide(plane: F32, image: F32) -> F32:
    """A plane (h, w) as often as an image has channels: products are quicker with that than with one channel."""
    return plane if image.ndim == 2 else np.asarray(cv2.merge([plane] * image.shape[2]), np.float32)


def masked_plane(image: F32, sigma: float, mask: F32) -> F32:
    """Gaussian blur that fits a plane to what `mask` shows of each pixel's surroundings, instead of a mean.

    At a mask's border a mean follows only the inside, so that every slope of light would look like a blotch there; a
    plane continues the slope. Inside, both agree. Computed on an image reduced by whole factors, σ ≥ 2.5 there.
    Args: image (h, w, c) or (h, w) float32; sigma in its pixels; mask (h, w) in [0, 1].
    """
    if image.ndim == 2:
        return masked_plane(image[..., None], sigma, mask)[..., 0]
    h, w = image.shape[:2]
    factor = max(1, int(sigma / 2.5))
    weight = mask.astype(np.float32) + np.float32(OUTSIDE_WEIGHT)
    bottom, right = -h % factor, -w % factor
    planes = np.concatenate([image * weight[..., None], weight[..., None]], -1)
    planes = cv2.copyMakeBorder(planes, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=0)
    size = planes.shape[1] // factor, planes.shape[0] // factor
    planes = np.asarray(cv2.resize(planes, size, interpolation=cv2.INTER_AREA), np.float64)
    own = (factor**2 - 1) / 12 + factor**2 / 6
    fitted = _plane_fit(planes, float(np.sqrt(max(sigma**2 - own, 0.25))) / factor)
    full = cv2.resize(fitted, (w + right, h + bottom), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(full[:h, :w].reshape(image.shape), np.float32)


def _plane_fit(planes: npt.NDArray[np.float64], sigma: float) -> F32:
    """Values at each pixel of planes fitted by least squares. planes: (h, w, c + 1), the last is the weight, the others
    are multiplied by it. The slope is damped where the weight lies along one line."""
    y, x = np.mgrid[: planes.shape[0], : planes.shape[1]] / sigma
    weight, total = planes[..., -1], planes[..., :-1]
    moments = np.stack([weight, weight * x, weight * y, weight * x * x, weight * x * y, weight * y * y], -1)
    products = [total, total * x[..., None], total * y[..., None]]
    stack = np.concatenate([moments, *products], -1)
    reach = 2 * int(np.ceil(3 * sigma)) + 1
    blurred = [
        cv2.GaussianBlur(np.ascontiguousarray(stack[..., i]), (reach, reach), sigma, borderType=cv2.BORDER_CONSTANT)
        for i in range(stack.shape[-1])
    ]
    n = np.maximum(blurred[0], 1e-9)
    mx, my, xx, xy, yy = (moment / n for moment in blurred[1:6])
    xx, xy, yy = xx - mx * mx + PLANE_RIDGE, xy - mx * my, yy - my * my + PLANE_RIDGE
    determinant = xx * yy - xy * xy
    c = total.shape[-1]
    out = np.empty(total.shape, np.float32)
    for i in range(c):
        mean, along_x, along_y = (blurred[6 + k * c + i] / n for k in range(3))
        cx, cy = along_x - mean * mx, along_y - mean * my
        slope_x, slope_y = (yy * cx - xy * cy) / determinant, (xx * cy - xy * cx) / determinant
        out[..., i] = mean + slope_x * (x - mx) + slope_y * (y - my)
    return out


def band_split(lab: F32, width: float, mask: F32 | None = None) -> Bands:
    """Split an image into bands.

    Args:
        lab: (h, w, c) or (h, w) float32, any space.
        width: face width W in the pixels of `lab`.
        mask: (h, w) soft mask in [0, 1] outside which pixels do not count in the averages; at its border the two
            coarser bands follow slopes of light (`masked_plane`).
    """

    def below(cut: float) -> F32:
        if mask is None or cut == PORE_CUT:
            return masked_gaussian(lab, width * cut, mask)
        return masked_plane(lab, width * cut, mask)

    fine, middle, form = side_by_side(below, (PORE_CUT, BUMP_CUT, BLOTCH_CUT))
    return Bands(lab - fine, fine - middle, middle - form, form)

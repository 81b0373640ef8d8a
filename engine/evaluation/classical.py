"""Three classical ways to retouch skin, to compare with: frequency separation, wavelets, a bilateral filter.

They know the skin but no marks; settings are those of common tutorials, in face widths. Each works on the encoded
values of a face at `WORKING_WIDTH` and adds its change to the photo's own pixels, so that they are as sharp as it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import cv2
import numpy as np

from engine.layers.bands import gaussian, masked_gaussian
from engine.types import F32, FaceAnalysis, Photo, Pixels

WORKING_WIDTH: Final = 800
"""Greatest face width in pixels at which the filters run; a change of larger faces is enlarged."""


def frequency_separation(rgb: F32, skin: F32, width: float) -> F32:
    """The low layer (σ = W/100) is blurred by W/25 within the skin; the high layer is put back untouched."""
    low = gaussian(rgb, width / 100)
    return rgb - low + masked_gaussian(low, width / 25, skin)


def wavelet(rgb: F32, skin: F32, width: float) -> F32:
    """À trous decomposition into octaves; those from W/200 to W/25 are lowered to 40%, finer and coarser ones stay."""
    levels, sigma, planes = [], 0.8, rgb
    while sigma < width / 12:
        smooth = masked_gaussian(rgb, sigma, skin)
        levels.append((sigma, planes - smooth))
        planes, sigma = smooth, sigma * 2
    kept = sum(level * (0.4 if width / 200 <= s <= width / 25 else 1.0) for s, level in levels)
    return np.asarray(planes + kept, np.float32)


def bilateral(rgb: F32, skin: F32, width: float) -> F32:
    """Surface blur: spatial σ = W/60, range σ = 0.08 of full scale."""
    del skin
    sigma = width / 60
    return np.asarray(cv2.bilateralFilter(rgb, int(2 * sigma) | 1, 0.08, sigma), np.float32)


Filter = Callable[[F32, F32, float], F32]
METHODS: Final[dict[str, Filter]] = {
    "frequency separation": frequency_separation,
    "wavelet": wavelet,
    "bilateral": bilateral,
}


def retouch(photo: Photo, faces: Sequence[FaceAnalysis], method: str) -> Pixels:
    """The photo with the skin of its faces filtered; depth and encoding as the photo's."""
    out = photo.pixels.copy()
    full = np.float32(np.iinfo(out.dtype).max)
    for face in faces:
        x0, y0, x1, y1 = face.grid.box
        crop = photo.pixels[y0:y1, x0:x1].astype(np.float32) / full
        scale = min(1.0, WORKING_WIDTH / face.width)
        size = max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale))
        small = np.asarray(crop if scale == 1 else cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.float32)
        skin = np.asarray(cv2.resize(face.regions["skin"], size, interpolation=cv2.INTER_LINEAR), np.float32)
        lowered = (METHODS[method](small, skin, face.width * scale) - small) * skin[..., None]
        change = np.asarray(cv2.resize(lowered, crop.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)
        filtered = np.rint(np.clip(crop + change, 0, 1) * full).astype(out.dtype)
        where = np.any(change != 0, axis=-1)
        out[y0:y1, x0:x1][where] = filtered[where]
    return out

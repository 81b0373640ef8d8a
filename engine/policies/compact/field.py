"""The retouch field: how much of each layer goes where on the aligned face, and the features it is sampled from.

A field is a smooth map (channel, y, x) over the face grid, one channel per layer of `engine.types.LAYERS`, held as
MODES × MODES cosine modes (DCT-II) per channel, divided by `SCALES` so that unit Gaussian noise is a plausible field:
global style and regional differences then differ between samples by amounts that a person sees, at every step count.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from engine.layers.bands import band_split
from engine.types import F32, LAYERS, FaceAnalysis

MODES: Final = 4
CHANNELS: Final = len(LAYERS)

LIMITS: Final[dict[str, float]] = {
    "heal": 1.0,  # share of each mark's patch
    "smooth": 0.55,  # share of the bump band removed
    "tone": 0.75,  # share of the chroma blotches removed
    "light": 0.55,  # share of the luminance blotches removed
    "shine": 0.7,  # share of the specular excess removed
    "under_eye": 0.6,  # share of the under-eye darkness lifted
    "texture": 0.25,  # pore-band gain minus 1
    "features": 0.45,  # clarity of eyes, brows, lips
    "teeth": 0.55,  # share of the yellow removed
    "eye_whites": 0.4,
}
"""Greatest proposed amount of each channel (strength 100 doubles it)."""

MEANS: Final = np.array([1.0, 0.22, 0.34, 0.24, 0.25, 0.25, 0.05, 0.14, 0.2, 0.12], np.float32)
STDS: Final = np.array([0.05, 0.10, 0.15, 0.11, 0.16, 0.14, 0.05, 0.09, 0.13, 0.08], np.float32)
"""Mean and spread of the amounts in the training distribution; they only fix the latent's units."""


def _smoothness() -> F32:
    """(M, M): how fast modes fall with their frequency k, as 1/(1 + k²/2); 1 for the mean."""
    k = np.arange(MODES, dtype=np.float32)
    return np.asarray(1 / (1 + 0.5 * (k[:, None] ** 2 + k[None] ** 2)), np.float32)


def _scales() -> F32:
    """(C, M, M): spread of each mode of the field in amount units, `STDS` for the mean."""
    fall = REGIONAL * SMOOTHNESS
    fall[0, 0] = 1
    return np.asarray(STDS[:, None, None] * fall[None], np.float32)


REGIONAL: Final = np.float32(0.2)
"""Spread of regional modes, before `SMOOTHNESS`, as a share of the spread of the mean; measured on training data."""
SMOOTHNESS: Final = _smoothness()
SCALES: Final = _scales()


def cosine_basis(size: int) -> F32:
    """(size, MODES) cosine modes sampled at cell centres: cos(π k (i + ½) / size), so that mode 0 is 1."""
    i = np.arange(size, dtype=np.float32)[:, None] + 0.5
    return np.cos(np.pi * np.arange(MODES, dtype=np.float32)[None] * i / size).astype(np.float32)


def to_latent(modes: F32) -> F32:
    """Field modes (C, M, M) in amount units to the flow's latent."""
    centred = modes.copy()
    centred[:, 0, 0] -= MEANS
    return (centred / SCALES).astype(np.float32)


def to_modes(latent: F32) -> F32:
    """Inverse of `to_latent`."""
    modes = latent * SCALES
    modes[:, 0, 0] += MEANS
    return modes.astype(np.float32)


def amount(modes: F32, name: str, shape: tuple[int, int]) -> F32:
    """The amounts (h, w) of one layer, clipped to [0, limit]."""
    rows, columns = cosine_basis(shape[0]), cosine_basis(shape[1])
    values = rows @ modes[LAYERS.index(name)] @ columns.T
    return np.clip(values, 0, LIMITS[name], out=values)


def to_field(latent: F32, shape: tuple[int, int]) -> dict[str, F32]:
    """The amounts (h, w) of each layer, clipped to [0, limit]."""
    modes = to_modes(latent)
    return {name: amount(modes, name, shape) for name in LAYERS}


def _pool(plane: F32, weight: F32) -> F32:
    """Weighted means over MODES × MODES cells; empty cells take the whole face's mean."""
    total = cv2.resize(plane * weight, (MODES, MODES), interpolation=cv2.INTER_AREA)
    area = cv2.resize(weight, (MODES, MODES), interpolation=cv2.INTER_AREA)
    mean = float((plane * weight).sum() / max(float(weight.sum()), 1e-6))
    return np.where(area > 0.02, total / np.maximum(area, 0.02), mean).astype(np.float32)


FEATURES: Final = 7 * MODES * MODES + 12


def face_features(face: FaceAnalysis) -> F32:
    """(FEATURES,) what the face needs: per cell the rms of pore, bump and blotch bands (L and chroma), redness,
    darkness and skin share; then global tone, scale and feature statistics. Units L*a*b*, sizes as shares of W."""
    skin = np.ascontiguousarray(face.regions["skin"])
    bands = band_split(face.lab, face.grid_width)
    lab, eps = face.lab, 1e-6
    weight = skin + eps
    mean = [float((lab[..., c] * weight).sum() / weight.sum()) for c in range(3)]
    cells = [
        np.sqrt(_pool(bands.pore[..., 0] ** 2, weight)),
        np.sqrt(_pool(bands.bump[..., 0] ** 2, weight)),
        np.sqrt(_pool(bands.blotch[..., 0] ** 2, weight)),
        np.sqrt(_pool(bands.blotch[..., 1] ** 2 + bands.blotch[..., 2] ** 2, weight)),
        _pool(lab[..., 1] - mean[1], weight),
        _pool(lab[..., 0] - mean[0], weight),
        cv2.resize(skin, (MODES, MODES), interpolation=cv2.INTER_AREA),
    ]

    def over(region: str, plane: F32) -> float:
        w = face.regions[region]
        return float((plane * w).sum() / max(float(w.sum()), 1.0)) if w.sum() > 4 else 0.0

    chroma = np.hypot(lab[..., 1], lab[..., 2])
    under = over("under_eyes", lab[..., 0]) - over("cheeks", lab[..., 0])
    globals_ = [
        *mean,
        under,
        over("teeth", lab[..., 2]),
        over("teeth", lab[..., 0]),
        over("eyes", lab[..., 0]),
        over("lips", chroma),
        float(face.regions["facial_hair"].mean()),
        float(face.regions["teeth"].sum()) / face.grid_width**2 * 100,
        float(np.percentile(lab[..., 0][skin > 0.5], 98) - mean[0]) if (skin > 0.5).any() else 0.0,
        float(np.log(max(face.width, 1.0))),
    ]
    return np.concatenate([np.ravel(c) for c in cells] + [np.array(globals_, np.float32)]).astype(np.float32)

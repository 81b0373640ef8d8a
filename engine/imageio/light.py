"""sRGB-encoded values and linear light (IEC 61966-2-1), both in [0, 1]."""

from __future__ import annotations

import numpy as np

from engine.types import F32


def linearise(encoded: F32) -> F32:
    """sRGB-encoded [0, 1] to linear light (IEC 61966-2-1)."""
    e = np.clip(encoded, 0, 1)
    return np.where(e <= 0.04045, e / 12.92, ((e + 0.055) / 1.055) ** 2.4).astype(np.float32)


def encode(linear: F32) -> F32:
    """Linear light to sRGB-encoded [0, 1]."""
    x = np.clip(linear, 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(np.maximum(x, 1e-6), 1 / 2.4) - 0.055).astype(
        np.float32
    )

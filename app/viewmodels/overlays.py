"""Pictures over the picture: clipping, what is changed, the difference, one layer. Pure functions on arrays."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from app.viewmodels.frames import U8, Shown
from engine.types import F32

DIFFERENCE_GAIN = 8
"""How many times the difference is enlarged."""
TINT = np.array([232, 70, 60], np.float32)
HIGH, LOW = np.array([255, 48, 48], np.uint8), np.array([60, 110, 255], np.uint8)
OPACITY = 0.75


class Overlay(StrEnum):
    """NONE: the picture alone."""

    NONE = "none"
    CLIPPING = "clipping"
    MASK = "mask"
    DIFFERENCE = "difference"
    LAYER = "layer"


def overlaid(shown: Shown, overlay: Overlay, layer: str) -> U8:
    """The result with an overlay: (h, w, 3) uint8."""
    if overlay is Overlay.CLIPPING:
        return clipping(shown.after)
    if overlay is Overlay.DIFFERENCE:
        return difference(shown.before, shown.after)
    if overlay in (Overlay.MASK, Overlay.LAYER) and shown.proposed:
        return tinted(shown.after, shown.presence(None if overlay is Overlay.MASK else layer))
    return shown.after


def clipping(picture: U8) -> U8:
    """Red where a channel is at its top, blue where all are at the bottom."""
    out = picture.copy()
    out[(picture == 255).any(axis=2)] = HIGH
    out[(picture == 0).all(axis=2)] = LOW
    return out


def difference(before: U8, after: U8) -> U8:
    """Grey where nothing changed, brighter or darker by the enlarged change elsewhere."""
    change = after.astype(np.int16) - before
    return np.clip(128 + change * DIFFERENCE_GAIN, 0, 255).astype(np.uint8)


def tinted(picture: U8, strength: F32) -> U8:
    """Red by strength (h, w), half at 1 and full at 2, over a greyed picture."""
    grey = picture.astype(np.float32).mean(axis=2, keepdims=True)
    share = np.clip(strength / 2, 0, 1)[..., None] * np.float32(OPACITY)
    return np.rint(grey * (1 - share) + TINT * share).astype(np.uint8)

"""Which pixels of a face are bare skin: geometry first, then this person's own skin colour and texture.

The colour model is fitted to each face (any skin tone, light or colour cast; black-and-white too): the robust mean of
bare places gives a start, then a local mean that follows the light across the face.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from engine.faces import topology
from engine.faces.raster import blur, ramp, weighted_blur
from engine.types import F32

FLOOR = np.float32([9.0, 4.0, 5.0])
"""Least standard deviations in L*, a* and b* of one person's skin, over the whole face."""

LOCAL = np.float32([7.0, 4.5, 5.0])
"""The same against the local mean."""


@dataclass(frozen=True)
class SkinColour:
    """mean, deviation: (3,) L*a*b*; texture: median fine-band amplitude of skin in L*."""

    mean: F32
    deviation: F32
    texture: F32


def sample_mask(points: F32, shape: tuple[int, int], unit: float) -> F32:
    """Small discs at places that are bare skin in nearly every portrait. Landmarks in grid pixels."""
    canvas = np.zeros(shape, np.uint8)
    for x, y in points[topology.SKIN_SAMPLES]:
        cv2.circle(canvas, (round(float(x)), round(float(y))), max(2, round(unit / 40)), 1, -1)
    return canvas.astype(np.float32)


def fine_amplitude(lab: F32, unit: float) -> F32:
    """Local amplitude of the finest detail of L*: high on hair and cloth, low on skin. Shapes: (h, w, 3) → (h, w)."""
    light = np.ascontiguousarray(lab[..., 0])
    return blur(np.abs(light - blur(light, unit / 160)), unit / 90)


def fit_colour(lab: F32, points: F32, unit: float, allowed: F32) -> SkinColour:
    """Robust colour of the skin samples. allowed: (h, w) weights that exclude features and occluders."""
    smooth = blur(lab, unit / 100)
    chosen = (sample_mask(points, lab.shape[:2], unit) > 0) & (allowed > 0.5)
    if chosen.sum() < 50:
        chosen = sample_mask(points, lab.shape[:2], unit) > 0
    if not chosen.any():
        return SkinColour(np.float32([60, 12, 15]), FLOOR * 2, np.float32(0.5))
    values = smooth[chosen]
    for _ in range(3):
        middle = np.median(values, axis=0)
        deviation = np.maximum(1.4826 * np.median(np.abs(values - middle), axis=0), FLOOR)
        near = (np.abs(values - middle) / deviation).max(1) < 2.5
        if near.sum() > 20:
            values = values[near]
    texture = np.median(fine_amplitude(lab, unit)[chosen])
    return SkinColour(np.float32(middle), np.float32(deviation), np.float32(max(texture, 0.15)))


def distance(lab: F32, colour: SkinColour) -> F32:
    """Mahalanobis-like distance to the face's skin colour, lenient towards redness and shading."""
    return _length((lab - colour.mean) / colour.deviation)


def _length(z: F32) -> F32:
    light, red, yellow = z[..., 0], z[..., 1], z[..., 2]
    light = np.where(light > 0, light * 0.8, light)  # highlights
    red = np.where(red > 0, red * 0.45, red)  # blushing, acne, sunburn
    return np.sqrt(light**2 + red**2 + yellow**2).astype(np.float32)


def likeness(lab: F32, colour: SkinColour, prior: F32, unit: float) -> F32:
    """Probability-like map (h, w) of "this pixel has the colour of the skin here". prior: where skin is expected."""
    smooth = blur(lab, unit / 220)
    wide = ramp(distance(smooth, colour), 4.0, 2.0)
    weight = prior * wide
    for _ in range(2):
        local = weighted_blur(smooth, weight, unit / 9)
        near = _length((smooth - local) / LOCAL)
        weight = prior * ramp(near, 3.4, 1.8) * ramp(distance(local, colour), 5.0, 3.0)
    grain = np.log2(np.maximum(fine_amplitude(lab, unit), 0.1) / colour.texture)
    rough = ramp(grain, 1.6, 3.2)
    near = near + 1.2 * rough
    return (ramp(near, 4.2, 2.4) * ramp(distance(local, colour), 6.0, 3.5)).astype(np.float32)

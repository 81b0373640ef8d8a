"""Eyes, irises, brows, lips, teeth and nostrils: landmark polygons refined by lightness and colour."""

from __future__ import annotations

import numpy as np

from engine.faces import topology
from engine.faces.raster import blur, compact_parts, expand, polygon, ramp
from engine.faces.skin import SkinColour
from engine.types import F32


def eyes(points: F32, shape: tuple[int, int]) -> F32:
    """The eye openings. points: (478, 2) in grid pixels (here and below; `unit` is W in grid pixels)."""
    both = [polygon(points[ring], shape) for ring in (topology.RIGHT_EYE, topology.LEFT_EYE)]
    return np.maximum(*both).astype(np.float32)


def lash_zone(points: F32, shape: tuple[int, int], unit: float) -> F32:
    """The eyes with their lids' edges and lashes: a little more than the openings."""
    rings = (topology.RIGHT_EYE, topology.LEFT_EYE)
    zones = [polygon(_open(points[ring], unit), shape, unit / 120) for ring in rings]
    return np.maximum(*zones).astype(np.float32)


def _open(ring: F32, unit: float) -> F32:
    return expand(ring, unit / 36)


def iris(points: F32, shape: tuple[int, int], opening: F32) -> F32:
    """Iris discs within the eye openings."""
    out = np.zeros(shape, np.float32)
    y, x = (np.arange(n, dtype=np.float32) + np.float32(0.5) for n in shape)
    for ring in (topology.RIGHT_IRIS, topology.LEFT_IRIS):
        cx, cy = points[ring[0]]
        radius = np.linalg.norm(points[ring[1:]] - points[ring[0]], axis=1).mean()
        out = np.maximum(out, np.clip(radius + 0.5 - np.hypot(x - cx, y[:, None] - cy), 0, 1))
    return (out * opening).astype(np.float32)


def brows(points: F32, shape: tuple[int, int], unit: float, light: F32) -> F32:
    """Brow hair: the landmark polygon, and what is darker than the skin around it close by; spots apart are marks.
    light: (h, w) L*."""
    core, wide = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for ring in (topology.RIGHT_BROW, topology.LEFT_BROW):
        core = np.maximum(core, polygon(points[ring], shape, unit / 90))
        wide = np.maximum(wide, polygon(expand(points[ring], unit / 22), shape, unit / 60))
    darker = blur(light, unit / 14) - blur(light, unit / 150)
    found = np.maximum(core * 0.9, wide * ramp(darker, 2.5, 7.0))
    labels, area, compact = compact_parts(found > 0.1)
    apart = compact & (np.bincount(labels[core > 0.5], minlength=len(area)) == 0)
    return np.where(apart[labels], np.float32(0), found).astype(np.float32)


def lips(points: F32, shape: tuple[int, int], unit: float) -> F32:
    """Both lips without the mouth's inside."""
    outer = polygon(points[topology.LIPS_OUTER], shape, unit / 250)
    return (outer * (1 - mouth(points, shape, unit))).astype(np.float32)


def lip_zone(points: F32, shape: tuple[int, int], unit: float) -> F32:
    """The whole mouth with the lips' edge: a little more than the lips."""
    return polygon(expand(points[topology.LIPS_OUTER], unit / 80), shape, unit / 150)


def mouth(points: F32, shape: tuple[int, int], unit: float) -> F32:
    """The open mouth's inside; nothing when the lips touch."""
    ring = points[topology.LIPS_INNER]
    gap = np.linalg.norm(ring[5] - ring[15])
    if gap < unit / 60:
        return np.zeros(shape, np.float32)
    return polygon(ring, shape, unit / 250)


def teeth(points: F32, shape: tuple[int, int], unit: float, lab: F32, colour: SkinColour) -> F32:
    """Light, weakly coloured pixels inside the mouth."""
    inside = mouth(points, shape, unit)
    if inside.max() == 0:
        return inside
    smooth = blur(lab, unit / 250)
    redness = smooth[..., 1] - colour.mean[1]
    light = smooth[..., 0] - colour.mean[0]
    return (inside * ramp(light, -26, -12) * ramp(redness, 3, -3)).astype(np.float32)


def nostrils(points: F32, shape: tuple[int, int], unit: float, light: F32) -> F32:
    """Dark pixels within the nostril polygons, and much darker ones beside them: a mark there is no nostril.
    light: (h, w) L*."""
    core, wide = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for ring in (topology.RIGHT_NOSTRIL, topology.LEFT_NOSTRIL):
        core = np.maximum(core, polygon(points[ring], shape, unit / 120))
        wide = np.maximum(wide, polygon(expand(points[ring], unit / 60), shape, unit / 80))
    darker = blur(light, unit / 12) - blur(light, unit / 250)
    return np.maximum(core * ramp(darker, 5, 14), wide * ramp(darker, 9, 18)).astype(np.float32)

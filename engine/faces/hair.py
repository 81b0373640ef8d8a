"""Hair of the head, and beards and stubble."""

from __future__ import annotations

import numpy as np

from engine.faces import topology
from engine.faces.parts import axes
from engine.faces.raster import blur, expand, polygon, ramp
from engine.faces.skin import SkinColour, shade_chroma
from engine.types import F32


def facial_hair(points: F32, shape: tuple[int, int], unit: float, lab: F32, grain: F32, colour: SkinColour) -> F32:
    """Beard, moustache and stubble: in the lower face, rough together with dark or grey.

    Smooth shade under the chin is dark but not rough, wrinkles and pores are rough but have the skin's colour, and skin
    on a face's dark side keeps the colour that hair takes from it.
    """
    zone = polygon(_beard_zone(points, unit), shape, unit / 40)
    lips = polygon(expand(points[topology.LIPS_OUTER], unit / 80), shape, unit / 150)
    local = blur(lab, unit / 60)
    darker = colour.mean[0] - local[..., 0]
    chroma = float(np.hypot(colour.mean[1], colour.mean[2]))
    share = np.asarray(np.hypot(local[..., 1], local[..., 2]) / max(chroma, 4), np.float32)
    pale = np.zeros(shape, np.float32) if chroma < 4 else ramp(share, 0.9, 0.65)
    strands = ramp(grain, 1.2, 2.2)
    grey = ramp(grain, 0.5, 1.2) * pale
    dark = ramp(grain, -0.3, 0.6) * ramp(darker, 18, 32) * ramp(share / shade_chroma(local, colour.mean), 1.25, 1.05)
    return (zone * (1 - lips) * blur(np.maximum.reduce([strands, grey, dark]), unit / 90)).astype(np.float32)


def _beard_zone(points: F32, unit: float) -> F32:
    """From the ears and the nose's base down to a little below the jaw line. Shapes: (n, 2)."""
    _, down = axes(points)
    jaw = points[topology.JAW_LINE[1:-1]]
    low = np.sin(np.linspace(0, np.pi, len(jaw)))[:, None] * down * (0.09 * unit)
    cheeks = points[[411, 426, 327, 2, 98, 206, 187]]
    return np.concatenate([jaw + low, cheeks]).astype(np.float32)


def hair(points: F32, shape: tuple[int, int], unit: float, person: F32, skin: F32) -> F32:
    """Hair around the face: what is person but not skin in the head's zone (hats and scarves too)."""
    across, down = axes(points)
    oval = points[topology.OVAL]
    middle = oval.mean(0) - down * 0.12 * unit
    y, x = (np.arange(n, dtype=np.float32) - m for n, m in zip(shape, middle[::-1], strict=True))
    u, v = ((y[:, None] * axis[1] + x * axis[0]) / scale for axis, scale in ((across, 0.95 * unit), (down, unit)))
    head = ramp(np.hypot(u, np.where(v < 0, v / 1.15, v / 0.75)).astype(np.float32), 1.0, 0.85)
    return (head * person * (1 - skin)).astype(np.float32)

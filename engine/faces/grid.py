"""The crop around a face on which it is analysed."""

from __future__ import annotations

import cv2
import numpy as np

from engine.faces import topology
from engine.imageio.colour import to_lab
from engine.types import F32, GRID_FACE_WIDTH, Box, FaceGrid, Photo

SIDE, ABOVE, BELOW = 0.30, 0.36, 0.28
"""Room around the face oval in face widths: for ears and hair, the forehead above the oval, the neck."""

ENLARGE = 2.0


def face_box(landmarks: F32, size: tuple[int, int]) -> Box:
    """Bounding box of the face oval, inside a photo of the given (width, height)."""
    oval = landmarks[topology.OVAL]
    x0, y0 = np.clip(np.floor(oval.min(0)), 0, np.array(size, np.float32) - 1)
    x1, y1 = np.clip(np.ceil(oval.max(0)), (x0 + 1, y0 + 1), size)
    return int(x0), int(y0), int(x1), int(y1)


def face_grid(landmarks: F32, width: float, size: tuple[int, int]) -> FaceGrid:
    """The grid of a face `width` wide in a photo of the given (width, height): the oval with room around it."""
    oval = landmarks[topology.OVAL]
    up = landmarks[topology.TOP] - landmarks[topology.CHIN]
    up = up / max(float(np.linalg.norm(up)), 1e-6)
    corners = np.concatenate([oval + up * (ABOVE * width), oval - up * (BELOW * width)])
    side = np.array([-up[1], up[0]], np.float32) * (SIDE * width)
    corners = np.concatenate([corners, oval + side, oval - side])
    x0, y0 = (int(v) for v in np.clip(np.floor(corners.min(0)), 0, np.array(size, np.float32) - 1))
    x1, y1 = (int(v) for v in np.clip(np.ceil(corners.max(0)), (x0 + 1, y0 + 1), size))
    scale = min(GRID_FACE_WIDTH / width, ENLARGE)
    return FaceGrid((x0, y0, x1, y1), (max(1, round((y1 - y0) * scale)), max(1, round((x1 - x0) * scale))))


def grid_pixels(photo: Photo, grid: FaceGrid) -> F32:
    """The grid's crop, resampled, in the photo's encoded values at full scale 1. Shapes: (h, w, 3)."""
    x0, y0, x1, y1 = grid.box
    crop = photo.pixels[y0:y1, x0:x1]
    full = np.float32(np.iinfo(crop.dtype).max)
    shape = grid.shape[1], grid.shape[0]
    if grid.scale[0] <= 0.5:  # averages of four and more integers, rounded: fast, lean and exact enough
        resampled = cv2.resize(crop, shape, interpolation=cv2.INTER_AREA)
    else:
        method = cv2.INTER_AREA if grid.scale[0] < 1 else cv2.INTER_CUBIC
        resampled = cv2.resize(crop.astype(np.float32), shape, interpolation=method)
    return np.clip(np.asarray(resampled, np.float32) / full, 0, 1)


def grid_lab(photo: Photo, grid: FaceGrid) -> F32:
    """The grid's crop in L*a*b* D50. Shapes: (h, w, 3)."""
    return to_lab(grid_pixels(photo, grid), photo.icc)

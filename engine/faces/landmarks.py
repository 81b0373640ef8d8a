"""478 landmarks of one face in source pixels, from upright crops around it; width and head pose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from engine.faces import models, topology
from engine.faces.detect import Detection
from engine.faces.models import Srgb8
from engine.imageio.colour import to_srgb8
from engine.types import F32, Photo

CROP = 384
"""Side in pixels of the upright crop that the landmarker sees."""

CROP_FACES = 2.1
"""Side of the crop in face widths."""

VIEWS = ((0.0, 1.0), (-7.0, 1.08), (7.0, 0.93))
"""(turn in degrees, zoom) of the crops whose landmarks are averaged."""

NEUTRAL_PITCH = 0.0
"""Pitch in degrees that the landmarks of a level frontal face show (mean of the London set)."""


@dataclass(frozen=True)
class Fit:
    """points: (478, 3) float32, x and y in source pixels (z in the same unit, smaller is nearer to the camera).
    spread: root mean square disagreement between the views, as a fraction of the face's width."""

    points: F32
    spread: float

    @property
    def landmarks(self) -> F32:
        """(478, 2) in source pixels."""
        return np.ascontiguousarray(self.points[:, :2])


def upright_crop(photo: Photo, centre: F32, side: float, roll: float, size: int = CROP) -> tuple[Srgb8, F32]:
    """A square of the photo, turned by `roll` degrees so that the eyes are level, as sRGB of (size, size, 3).

    Also returns the (2, 3) affine map from crop positions to source positions (pixel centres at .5). Outside the photo
    its border is repeated.
    """
    width, height = photo.size
    reach = side * 0.7072 + 2
    x0, y0 = (int(np.clip(np.floor(c - reach), 0, n - 1)) for c, n in zip(centre, (width, height), strict=True))
    x1, y1 = (int(np.clip(np.ceil(c + reach), a + 1, n)) for c, a, n in zip(centre, (x0, y0), (width, height), strict=True))
    region = photo.pixels[y0:y1, x0:x1]
    shrink = max(1.0, side / size)
    small = (max(1, round((x1 - x0) / shrink)), max(1, round((y1 - y0) / shrink)))
    if shrink > 1:
        region = cv2.resize(region, small, interpolation=cv2.INTER_AREA)
    srgb = to_srgb8(region, photo.icc)
    scale = np.float64([region.shape[1] / (x1 - x0), region.shape[0] / (y1 - y0)])
    angle = np.radians(roll)
    turn = np.float64([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * (side / size)
    to_source = np.column_stack([turn, np.float64(centre) - turn @ np.float64([size / 2, size / 2])])
    to_region = (to_source - [[0, 0, x0], [0, 0, y0]]) * scale[:, None]
    to_region[:, 2] += to_region[:, :2] @ [0.5, 0.5] - 0.5  # cv2 counts pixel centres from 0
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    crop = cv2.warpAffine(srgb, to_region, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8), to_source.astype(np.float32)


def fit(photo: Photo, detection: Detection, landmarker: Any) -> Fit | None:
    """Landmarks of a detected face, or None if there is no face after all."""
    across = detection.eyes[1] - detection.eyes[0]
    roll = float(np.degrees(np.arctan2(across[1], across[0])))
    centre = (detection.box[:2] + detection.box[2:]) / 2
    side = float((detection.box[2:] - detection.box[:2]).max()) * 2
    tries = (_view(photo, centre, side * zoom, roll, landmarker) for zoom in (1.0, 1.5))
    first = next((view for view in tries if view is not None), None)
    if first is None:
        return None
    centre, side = _frame_of(first)
    views = []
    for turn, zoom in VIEWS:
        view = _view(photo, centre, side * zoom, roll_of(first[:, :2]) + turn, landmarker)
        if view is not None:
            views.append(view)
    if not views:
        return None
    stack = np.stack(views)
    points = stack.mean(0)
    error = np.sqrt(((stack - points)[:, :, :2] ** 2).sum(-1).mean())
    return Fit(points, float(error) / max(width_of(points[:, :2]), 1.0))


def _frame_of(points: F32) -> tuple[F32, float]:
    oval = points[topology.OVAL, :2]
    return (oval.min(0) + oval.max(0)) / 2, max(width_of(points[:, :2]), _height(points) * 0.8) * CROP_FACES


def _height(points: F32) -> float:
    return float(np.linalg.norm(points[topology.TOP, :2] - points[topology.CHIN, :2]))


def _view(photo: Photo, centre: F32, side: float, roll: float, landmarker: Any) -> F32 | None:
    crop, to_source = upright_crop(photo, centre, side, roll)
    found = landmarker.detect(models.image(crop)).face_landmarks
    if not found:
        return None
    xyz = np.float32([[p.x, p.y, p.z] for p in found[0]]) * CROP
    xy = xyz[:, :2] @ to_source[:, :2].T + to_source[:, 2]
    if np.linalg.norm(xy[topology.OVAL].mean(0) - centre) > 0.3 * side:
        return None
    return np.column_stack([xy, xyz[:, 2] * (side / CROP)]).astype(np.float32)


def roll_of(landmarks: F32) -> float:
    """Turn of the eye axis in degrees, positive when the image-right eye is lower."""
    across = landmarks[topology.LEFT_EYE_OUTER] - landmarks[topology.RIGHT_EYE_OUTER]
    return float(np.degrees(np.arctan2(across[1], across[0])))


def width_of(landmarks: F32) -> float:
    """W: distance between the face oval's extremes along the eye axis. Shapes: (478, 2)."""
    angle = np.radians(roll_of(landmarks))
    along = landmarks[topology.OVAL] @ np.float32([np.cos(angle), np.sin(angle)])
    return float(along.max() - along.min())


def pose_of(points: F32) -> tuple[float, float, float]:
    """(yaw, pitch, roll) in degrees from (478, 3) landmarks.

    Yaw is positive when the face turns to the image's right, pitch when it looks up. The face's own axes are the mean
    direction between mirrored landmarks and, made orthogonal to it, that from the forehead to the chin.
    """
    right, left = np.asarray(topology.MIRRORED).T
    across = (points[left] - points[right]).astype(np.float64).sum(0)
    across /= np.linalg.norm(across)
    down = (points[topology.CHIN] - points[topology.TOP]).astype(np.float64)
    down -= across * (down @ across)
    down /= np.linalg.norm(down)
    forward = np.cross(down, across)  # towards the camera: z < 0 is nearer
    yaw = np.degrees(np.arctan2(forward[0], -forward[2]))
    pitch = np.degrees(np.arcsin(np.clip(-forward[1], -1, 1))) - NEUTRAL_PITCH
    roll = np.degrees(np.arctan2(across[1], across[0]))
    return float(yaw), float(pitch), float(roll)

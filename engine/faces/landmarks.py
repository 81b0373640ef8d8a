"""478 landmarks of one face in source pixels, from upright crops around it; width and head pose."""

from __future__ import annotations

from collections.abc import Sequence
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

FACE = 360
"""Width to which a larger face is reduced for detection-like work (landmarks, person, hands, embedding)."""

REACH = 1.8
"""Surroundings in face widths from the centre to each side."""

OFF_CENTRE = 0.2
"""Greatest distance of a face's middle from the crop's, in sides of the crop."""

VIEWS = ((0.0, 1.0), (-7.0, 1.08), (7.0, 0.93))
"""(turn in degrees, zoom) of the crops whose landmarks are averaged."""

NEUTRAL_PITCH = -4.0
"""Pitch in degrees that the landmarks of a level frontal face show (mean of 18 people of the London Set)."""


@dataclass(frozen=True)
class Surroundings:
    """A face and its surroundings, reduced once and used for every crop.

    srgb: (h, w, 3) uint8; origin: source position of its corner; scale: (x, y) pixels here per source pixel.
    """

    srgb: Srgb8
    origin: F32
    scale: F32

    @classmethod
    def of(cls, photo: Photo, centre: F32, width: float) -> Surroundings:
        """Cut out `REACH` widths around a face about `width` source pixels wide, the face then at most FACE wide."""
        size = np.array(photo.size, np.float64)
        low = np.clip(np.floor(centre - REACH * width), 0, size - 1).astype(int)
        high = np.clip(np.ceil(centre + REACH * width), low + 1, size).astype(int)
        region = photo.pixels[low[1] : high[1], low[0] : high[0]]
        shrink = width / FACE
        if shrink > 1:
            small = [max(1, round(n / shrink)) for n in (high - low)]
            region = cv2.resize(region, small, interpolation=cv2.INTER_AREA)
        scale = np.array([region.shape[1], region.shape[0]], np.float64) / (high - low)
        return cls(to_srgb8(region, photo.icc), low.astype(np.float32), scale.astype(np.float32))

    def upright(self, centre: F32, side: float, roll: float, size: int = CROP) -> tuple[Srgb8, F32]:
        """A square of `side` source pixels, turned so that eyes at `roll` degrees are level, as (size, size, 3).

        Also returns the (2, 3) affine map from crop positions to source positions (pixel centres at .5). Beyond the
        photo's border its last pixels are repeated.
        """
        angle = np.radians(roll)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float64) * (side / size)
        to_source = np.column_stack([turn, np.float64(centre) - turn @ np.array([size / 2, size / 2], np.float64)])
        to_here = to_source.copy()
        to_here[:, 2] -= self.origin
        to_here *= self.scale[:, None]
        to_here[:, 2] += to_here[:, :2] @ [0.5, 0.5] - 0.5  # cv2 counts pixel centres from 0
        shrink = float(np.hypot(*to_here[:, 0]))
        pixels = self.srgb if shrink < 1.5 else cv2.GaussianBlur(self.srgb, (0, 0), 0.4 * shrink)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        crop = cv2.warpAffine(pixels, to_here, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(crop, np.uint8), to_source.astype(np.float32)


@dataclass(frozen=True)
class Fit:
    """points: (478, 3) float32, x and y in source pixels (z in the same unit, smaller is nearer to the camera).
    spread: root mean square disagreement between the views, as a fraction of the face's width.
    surroundings: reduced pixels around the face."""

    points: F32
    spread: float
    surroundings: Surroundings

    @property
    def landmarks(self) -> F32:
        """(478, 2) in source pixels."""
        return np.ascontiguousarray(self.points[:, :2])


def fit(
    photo: Photo, detection: Detection, landmarker: Any, views: Sequence[tuple[float, float]] = VIEWS
) -> Fit | None:
    """Landmarks of a detected face, the mean of `views`, or None if there is no face after all."""
    across = detection.eyes[1] - detection.eyes[0]
    roll = float(np.degrees(np.arctan2(across[1], across[0])))
    centre: F32 = ((detection.box[:2] + detection.box[2:]) / 2).astype(np.float32)
    side = float((detection.box[2:] - detection.box[:2]).max()) * 2
    around = Surroundings.of(photo, centre, side / 2)
    attempts = ((roll, 1.0), (roll, 1.5), (roll, 0.75), (0.0, 1.0))  # the detector may mislead
    tries = (_view(around, centre, side * zoom, turn, landmarker) for turn, zoom in attempts)
    first = next((view for view in tries if view is not None), None)
    if first is None:
        return None
    centre, side = _frame_of(first)
    upright = roll_of(first[:, :2])
    seen = [_view(around, centre, side * zoom, upright + turn, landmarker) for turn, zoom in views]
    found = [view for view in seen if view is not None]
    if not found:
        return None
    stack = np.stack(found)
    points = stack.mean(0)
    error = np.sqrt(((stack - points)[:, :, :2] ** 2).sum(-1).mean())
    return Fit(points, float(error) / max(width_of(points[:, :2]), 1.0), around)


def _frame_of(points: F32) -> tuple[F32, float]:
    oval = points[topology.OVAL, :2]
    return (oval.min(0) + oval.max(0)) / 2, max(width_of(points[:, :2]), _height(points) * 0.8) * CROP_FACES


def _height(points: F32) -> float:
    return float(np.linalg.norm(points[topology.TOP, :2] - points[topology.CHIN, :2]))


def _view(around: Surroundings, centre: F32, side: float, roll: float, landmarker: Any) -> F32 | None:
    crop, to_source = around.upright(centre, side, roll)
    middle, best = CROP / 2, None
    for face in landmarker.detect(models.image(crop)).face_landmarks:
        xyz = np.array([[p.x, p.y, p.z] for p in face], np.float32) * np.float32(CROP)
        apart = float(np.linalg.norm(xyz[topology.OVAL, :2].mean(0) - middle))
        if apart < OFF_CENTRE * CROP and (best is None or apart < best[0]):  # neighbours reach into the crop
            best = apart, xyz
    if best is None:
        return None
    xyz = best[1]
    xy = xyz[:, :2] @ to_source[:, :2].T + to_source[:, 2]
    return np.column_stack([xy, xyz[:, 2] * (side / CROP)]).astype(np.float32)


def roll_of(landmarks: F32) -> float:
    """Turn of the eye axis in degrees, positive when the image-right eye is lower."""
    across = landmarks[topology.LEFT_EYE_OUTER] - landmarks[topology.RIGHT_EYE_OUTER]
    return float(np.degrees(np.arctan2(across[1], across[0])))


def width_of(landmarks: F32) -> float:
    """W: distance between the face oval's extremes along the eye axis. Shapes: (478, 2)."""
    angle = np.radians(roll_of(landmarks))
    along = landmarks[topology.OVAL] @ np.array([np.cos(angle), np.sin(angle)], np.float32)
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

"""A 128-number description of a face, to measure how far a retouch drifts from the person.

It is for drift only and claims no recognition: before and after of one person stay below about 0.3, clearly different
people start near 0.47. Model: dlib's face_recognition_resnet_model_v1 (CC0) as ONNX, see the models' README.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from engine.faces import models
from engine.faces.landmarks import Surroundings
from engine.faces.models import Srgb8
from engine.inference import open_model
from engine.types import F32

F64 = npt.NDArray[np.float64]

DRIFT_LIMIT = 0.3
"""Distance above which a retouch is no longer the same face."""

CHIP = 150
_PADDING = 0.25
_ANCHORS = (263, 362, 33, 133, 2)
"""Landmarks of dlib's five points: outer and inner corners of both eyes, base of the nose."""

_TEMPLATE = np.array(
    [
        [0.8595674595992, 0.2134981538014],
        [0.6460604764104, 0.2289674387677],
        [0.1205750620789, 0.2137274526848],
        [0.3340850613712, 0.2290642403242],
        [0.4901123135679, 0.6277975316475],
    ],
    np.float64,
)
"""dlib's mean positions of the five points (get_face_chip_details), Boost Software License."""


@cache
def _session() -> Any:
    return open_model(models.model_file(models.IDENTITY))


def chip(pixels: Srgb8, landmarks: F32) -> Srgb8:
    """The 150×150 aligned face that the network expects. landmarks: (478, 2) in positions of `pixels`."""
    target = (_PADDING + _TEMPLATE) / (2 * _PADDING + 1) * CHIP
    source = landmarks[list(_ANCHORS)].astype(np.float64)
    map_ = similarity(source, target)
    scale = float(np.hypot(map_[0, 0], map_[1, 0]))
    if scale < 0.5:  # average before a strong reduction
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.45 / scale), np.uint8)
    map_[:, 2] += map_[:, :2] @ [0.5, 0.5] - 0.5
    return np.asarray(cv2.warpAffine(pixels, map_, (CHIP, CHIP), flags=cv2.INTER_LINEAR), np.uint8)


def similarity(source: F64, target: F64) -> F64:
    """Least-squares similarity (2, 3) from source to target points (Umeyama, 1991)."""
    s, t = source - source.mean(0), target - target.mean(0)
    u, d, vt = np.linalg.svd(t.T @ s)
    sign = np.array([1, np.sign(np.linalg.det(u @ vt))], np.float64)
    turn = u @ np.diag(sign) @ vt
    scaled = turn * (d @ sign) / (s**2).sum()
    return np.column_stack([scaled, target.mean(0) - scaled @ source.mean(0)])


def embed(pixels: Srgb8, landmarks: F32) -> F32:
    """(128,) float32 embedding of the face at `landmarks` in (h, w, 3) uint8 sRGB pixels.

    Raises: ModelMissingError, ModelCorruptError.
    """
    batch = chip(pixels, landmarks).astype(np.float32).transpose(2, 0, 1)[None]
    return np.asarray(_session().run(None, {"rgb": batch})[0][0], np.float32)


def embed_around(around: Surroundings, landmarks: F32) -> F32:
    """Embedding of a face in its reduced surroundings. landmarks: (478, 2) in source pixels."""
    return embed(around.srgb, ((landmarks - around.origin) * around.scale).astype(np.float32))


def distance(a: F32, b: F32) -> float:
    """Euclidean distance of two embeddings."""
    return float(np.linalg.norm(np.float64(a) - np.float64(b)))

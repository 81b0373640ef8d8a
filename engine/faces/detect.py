"""Where faces are: MediaPipe's two face detectors on the whole frame and on overlapping tiles of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from operator import call
from typing import Any

import cv2
import numpy as np

from engine.device import side_by_side
from engine.faces import models
from engine.faces.models import Srgb8
from engine.imageio.colour import to_srgb8
from engine.types import F32, Photo

SMALLEST_FACE = 120
"""Face width in source pixels below which a face is skipped."""

SEARCH_FACE = 30
"""Width in search-frame pixels of the smallest face that is retouched: what the tiles still find well."""

SEARCH_FRAME = 1024
"""The search frame's long side is at least this (or the photo's own)."""

LEAST_SCORE = 0.4
"""Detector score of the faintest candidates; landmarks and their agreement decide whether they are faces."""

TILE = 400
STRIDE = 280
MARGIN = 0.35
"""Border added around the frame, as a fraction of its size, when no face was found: for faces that fill it."""


@dataclass(frozen=True)
class Detection:
    """A detected face. box: (4,) float32 x0 y0 x1 y1; eyes: (2, 2), the image-left eye first; both in source pixels."""

    box: F32
    eyes: F32
    score: float


def search_frame(photo: Photo) -> tuple[Srgb8, F32]:
    """The photo reduced for the search, as sRGB, and its (x, y) scale."""
    width, height = photo.size
    scale = min(1.0, max(SEARCH_FACE / SMALLEST_FACE, SEARCH_FRAME / max(width, height)))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    pixels = photo.pixels if scale == 1 else cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA)
    return to_srgb8(pixels, photo.icc), np.array([size[0] / width, size[1] / height], np.float32)


def find(photo: Photo) -> list[Detection]:
    """All faces of a photo, best first, each once."""
    frame, scale = search_frame(photo)
    if min(frame.shape[:2]) < 16:
        return []
    found: list[Detection] = []
    with ExitStack() as stack:
        short = stack.enter_context(models.detector(models.SHORT_RANGE, LEAST_SCORE))
        full = stack.enter_context(models.detector(models.FULL_RANGE, LEAST_SCORE))
        stack.enter_context(models.quiet())
        # Turned always: the detectors also take an inverted face for an upright one. Each detector in its own thread.
        searches: tuple[Callable[[], list[Detection]], ...] = (
            lambda: _detect(short, frame) + _detect_turned(short, frame),
            lambda: _detect(full, frame) + _detect_tiles(full, frame),
        )
        for each in side_by_side(call, searches):
            found += each
        if not found:
            found = _detect_bordered(short, frame) or _detect_bordered(full, frame) or _detect_turned(full, frame)
    to_source = np.tile(1 / scale, 2)
    return [
        Detection((d.box * to_source).astype(np.float32), (d.eyes / scale).astype(np.float32), d.score)
        for d in unique(found)
    ]


def _tiles(width: int, height: int) -> Iterator[tuple[int, int]]:
    for y in _starts(height):
        for x in _starts(width):
            yield x, y


def _starts(length: int) -> list[int]:
    if length <= TILE:
        return [0]
    count = int(np.ceil((length - TILE) / STRIDE)) + 1
    return [round(start) for start in np.linspace(0, length - TILE, count)]


def _detect(detector: Any, frame: Srgb8, origin: tuple[float, float] = (0, 0)) -> list[Detection]:
    height, width = frame.shape[:2]
    found = []
    for item in detector.detect(models.image(frame)).detections:
        b = item.bounding_box
        box = np.array([b.origin_x, b.origin_y, b.origin_x + b.width, b.origin_y + b.height], np.float32)
        eyes = np.array([[k.x * width, k.y * height] for k in item.keypoints[:2]], np.float32)
        offset = np.array(origin, np.float32)
        found.append(Detection(box + np.tile(offset, 2), eyes + offset, item.categories[0].score))
    return found


def _detect_tiles(detector: Any, frame: Srgb8) -> list[Detection]:
    """Small faces, in tiles of a large frame."""
    found: list[Detection] = []
    if max(frame.shape[:2]) > TILE * 1.3:
        for x, y in _tiles(frame.shape[1], frame.shape[0]):
            found += _detect(detector, frame[y : y + TILE, x : x + TILE], (x, y))
    return found


def _detect_bordered(detector: Any, frame: Srgb8) -> list[Detection]:
    """Faces that fill the frame, which the detectors miss without some room around them."""
    height, width = frame.shape[:2]
    dy, dx = round(MARGIN * height), round(MARGIN * width)
    bordered = cv2.copyMakeBorder(frame, dy, dy, dx, dx, cv2.BORDER_REPLICATE)
    return _detect(detector, np.asarray(bordered, np.uint8), (-dx, -dy))


def _detect_turned(detector: Any, frame: Srgb8) -> list[Detection]:
    """Faces lying on their side or upside down."""
    found = []
    for turns in (1, 2, 3):
        turned = np.ascontiguousarray(np.rot90(frame, turns))
        for d in _detect(detector, turned):
            corners = _turn_back(d.box.reshape(2, 2), turns, frame.shape[1], frame.shape[0])
            box = np.concatenate([corners.min(0), corners.max(0)])
            found.append(Detection(box, _turn_back(d.eyes, turns, frame.shape[1], frame.shape[0]), d.score))
    return found


def _turn_back(points: F32, turns: int, width: int, height: int) -> F32:
    """Positions in `np.rot90(frame, turns)` as positions in the frame of the given size."""
    x, y = points[:, 0], points[:, 1]
    if turns == 1:
        return np.stack([width - y, x], 1)
    if turns == 2:
        return np.stack([width - x, height - y], 1)
    return np.stack([y, height - x], 1)


def overlap(a: F32, b: F32) -> float:
    """Intersection over the smaller box's area, so that a part of a face counts as the face."""
    size = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    if (size <= 0).any():
        return 0.0
    return float(size.prod() / min((a[2:] - a[:2]).prod(), (b[2:] - b[:2]).prod()))


def unique(found: Sequence[Detection]) -> list[Detection]:
    """The best of overlapping detections, best first."""
    kept: list[Detection] = []
    for d in sorted(found, key=lambda d: -d.score):
        if all(overlap(d.box, k.box) < 0.5 for k in kept):
            kept.append(d)
    return kept

"""From a photo to its faces: find, fit, grid, regions, embedding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from engine.device import beside
from engine.faces import detect, doubts, grid, models, topology
from engine.faces.detect import SMALLEST_FACE, Detection
from engine.faces.landmarks import Fit, fit, pose_of, width_of
from engine.faces.regions import Segmenters, person_and_hands, with_masks
from engine.types import F32, Box, FaceAnalysis, Photo, SkippedFace

DOUBTFUL = 0.45
"""Least confidence of a face that is retouched."""

UNCONFIRMED = 0.7
"""Detector score below which a detection without landmarks is taken for no face and not even listed."""

MOST_YAW = 65.0
LEAST_INSIDE = 0.7
"""Least fraction of the landmarks that lies inside the photo."""


def analyse(
    photo: Photo, *, boxes: Sequence[Box] | None = None, embed: bool = True
) -> tuple[tuple[FaceAnalysis, ...], tuple[SkippedFace, ...]]:
    """Find the faces of a photo and all that is known of each before any policy runs.

    Args:
        photo: upright pixels of any size and depth.
        boxes: faces that a person has marked (source pixels); given, only these are analysed and none is searched for.
        embed: also compute identity embeddings (about 25 ms a face).

    Returns: faces in reading order with ids "face-1", "face-2" …, and faces that are found but not retouched, with
    the reason. Both are empty if there is none.
    Raises: ModelMissingError, ModelCorruptError, ColourProfileError.
    """
    found = detect.find(photo) if boxes is None else [_marked(box) for box in boxes]
    if not found:
        return (), ()
    kept: list[tuple[Detection, Fit]] = []
    skipped: list[SkippedFace] = []
    with models.landmarker(0.3) as landmarker, models.quiet():
        for detection in found:
            if any(_covers(other, _box(photo, detection, None)) for _, other in kept):
                continue
            fitted = fit(photo, detection, landmarker)
            if fitted is None and detection.score < UNCONFIRMED:
                continue
            if fitted is not None and any(_same(fitted, other) for _, other in kept):
                continue
            reason = _reason(photo, detection, fitted, marked=boxes is not None)
            if reason:
                skipped.append(SkippedFace(_box(photo, detection, fitted), reason))
            elif fitted is not None:
                kept.append((detection, fitted))
    fits = [fitted for _, fitted in kept]
    kept = sorted(kept, key=lambda item: _reading_order(item[1], fits))
    skipped = _distinct(s for s in skipped if not any(_covers(f, s.box) for f in fits))
    with ExitStack() as stack:
        segmenters = stack.enter_context(Segmenters()) if kept else None
        faces = tuple(
            _face(photo, f"face-{i}", detection, fitted, segmenters, embed)
            for i, (detection, fitted) in enumerate(kept, 1)
        )
    return faces if boxes is not None else doubts.doubted(faces), tuple(skipped)


def _marked(box: Box) -> Detection:
    """A box that a person drew, as a certain detection with level eyes."""
    b = np.array(box, np.float32)
    middle, across = (b[:2] + b[2:]) / 2, np.array([(b[2] - b[0]) / 4, 0], np.float32)
    return Detection(b, np.stack([middle - across, middle + across]), 1.0)


def _face(photo: Photo, name: str, detection: Detection, fitted: Fit, segmenters: Any, embed: bool) -> FaceAnalysis:
    landmarks, width = fitted.landmarks, width_of(fitted.landmarks)
    face_grid = grid.face_grid(landmarks, width, photo.size)

    def seen() -> tuple[F32, F32, F32 | None]:
        person, hands = person_and_hands(fitted.surroundings, landmarks, width, face_grid, segmenters)
        return person, hands, _embedding(fitted) if embed else None

    (person, hands, embedding), lab = beside(seen, lambda: grid.grid_lab(photo, face_grid))
    face = FaceAnalysis(
        id=name,
        box=grid.face_box(landmarks, photo.size),
        landmarks=landmarks,
        width=width,
        pose=pose_of(fitted.points),
        confidence=_confidence(detection, fitted),
        grid=face_grid,
        lab=lab,
        regions={},
        embedding=embedding,
        person=person,
        hands=hands,
    )
    return with_masks(face, lab)


def _embedding(fitted: Fit) -> F32:
    from engine.faces import identity

    return identity.embed_around(fitted.surroundings, fitted.landmarks)


def _confidence(detection: Detection, fitted: Fit) -> float:
    """The detector's score, lowered where views of the same face disagree (3 % of the width halves it)."""
    return float(np.clip(detection.score * 0.5 ** (fitted.spread / 0.03), 0, 1))


def _reason(photo: Photo, detection: Detection, fitted: Fit | None, *, marked: bool) -> str | None:
    """Why a face is not retouched, or None."""
    if fitted is None:
        width = float(detection.box[2] - detection.box[0])
        if width < SMALLEST_FACE and not marked:
            return _too_small(width)
        return "No face could be recognised in this box." if marked else "It is too uncertain that this is a face."
    width = width_of(fitted.landmarks)
    if width < SMALLEST_FACE:
        return _too_small(width)
    yaw = abs(pose_of(fitted.points)[0])
    if yaw > MOST_YAW:
        return f"The face is turned too far to the side ({yaw:.0f}°; at most {MOST_YAW:.0f}°)."
    if _inside(photo, fitted) < LEAST_INSIDE:
        return "Most of the face lies outside the photo."
    if not marked and _confidence(detection, fitted) < DOUBTFUL:
        return "It is too uncertain that this is a face."
    return None


def _too_small(width: float) -> str:
    return f"The face is too small ({width:.0f} px wide; at least {SMALLEST_FACE} px are needed)."


def _inside(photo: Photo, fitted: Fit) -> float:
    """Fraction of the landmarks inside the photo."""
    return float(((fitted.landmarks >= 0) & (fitted.landmarks <= np.array(photo.size, np.float32))).all(1).mean())


def _box(photo: Photo, detection: Detection, fitted: Fit | None) -> Box:
    points = detection.box.reshape(2, 2) if fitted is None else fitted.landmarks[topology.OVAL]
    x0, y0 = (int(v) for v in np.clip(points.min(0), 0, np.array(photo.size, np.float32) - 1))
    x1, y1 = (int(v) for v in np.clip(np.ceil(points.max(0)), (x0 + 1, y0 + 1), photo.size))
    return x0, y0, x1, y1


def _centre(fitted: Fit) -> F32:
    return np.asarray(fitted.landmarks[topology.OVAL].mean(0), np.float32)


def _same(a: Fit, b: Fit) -> bool:
    apart = float(np.linalg.norm(_centre(a) - _centre(b)))
    return apart < 0.4 * max(width_of(a.landmarks), width_of(b.landmarks))


def _covers(fitted: Fit, box: Box) -> bool:
    """Whether a skipped box is a part of a kept face or of the head and shoulders around it."""
    middle, width = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], np.float32), width_of(fitted.landmarks)
    reach = 0.5 if box[2] - box[0] > 0.4 * width else 0.9
    return float(np.linalg.norm(_centre(fitted) - middle)) < reach * width


def _distinct(skipped: Iterable[SkippedFace]) -> list[SkippedFace]:
    kept: list[SkippedFace] = []
    for face in skipped:
        if all(detect.overlap(np.array(face.box, np.float32), np.array(k.box, np.float32)) < 0.4 for k in kept):
            kept.append(face)
    return kept


def _reading_order(fitted: Fit, all_fits: Sequence[Fit]) -> tuple[int, float]:
    """Rows from top to bottom (a row is one median face width high), within a row from left to right."""
    row = max(1.0, 1.5 * float(np.median([width_of(f.landmarks) for f in all_fits])))
    top = min(float(_centre(f)[1]) for f in all_fits)
    x, y = _centre(fitted)
    return int((y - top) / row), float(x)

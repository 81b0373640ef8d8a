"""How far a retouch moved the face: its landmarks found anew on the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.faces import models, topology
from engine.faces.detect import Detection
from engine.faces.landmarks import fit
from engine.types import F32, FaceAnalysis, Photo, Pixels

VIEWS = tuple((turn, zoom) for turn in (-12.0, -6.0, 0.0, 6.0, 12.0) for zoom in (0.85, 0.93, 1.0, 1.08, 1.2))
"""Turns and zooms over which landmarks are averaged: the landmark network answers to changed skin by a little noise, of
which twenty-five views leave half of what three do."""


def landmark_drift(photo: Photo, results: Sequence[Pixels], face: FaceAnalysis) -> list[float]:
    """Mean distance of the 478 landmarks before and after, as a share of face width W, for each result.

    Both are found from the same starting box, so an unchanged picture drifts by exactly 0. NaN where no face is found
    any more. results: pixels of the photo's size and encoding. Raises: ModelMissingError, ModelCorruptError.
    """
    detection = _detection(face)
    with models.landmarker(0.3) as landmarker, models.quiet():
        pictures = [replace(photo, pixels=pixels) for pixels in (photo.pixels, *results)]
        fits = [fit(picture, detection, landmarker, VIEWS) for picture in pictures]
    before = fits[0]
    if before is None:
        return [float("nan")] * len(results)
    return [
        float("nan") if after is None else drift(before.landmarks, after.landmarks, face.width) for after in fits[1:]
    ]


def drift(before: F32, after: F32, width: float) -> float:
    """Mean distance of two sets of landmarks (n, 2), as a share of `width`."""
    return float(np.linalg.norm(np.float64(after) - np.float64(before), axis=1).mean() / width)


def _detection(face: FaceAnalysis) -> Detection:
    """The face as a detector would have found it."""
    eyes = [face.landmarks[ring].mean(0) for ring in (topology.RIGHT_EYE, topology.LEFT_EYE)]
    return Detection(np.array(face.box, np.float32), np.stack(eyes).astype(np.float32), 1.0)

"""Marks that a person brushed: healed from the skin around them, with the pores of clean skin nearby."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from engine.imageio.colour import from_lab
from engine.layers.brush import stroke
from engine.layers.heal import heal_patches
from engine.layers.resample import support
from engine.marks.fill import close_marks
from engine.types import F32, Decision, FaceAnalysis, HealPatch, Mark, MarkKind, OwnMark, Photo, RetouchLayers

FEATHER = 1 / 350
"""σ of the mark's soft edge, as a share of W."""


def with_own_marks(photo: Photo, face: FaceAnalysis, layers: RetouchLayers, marks: Sequence[OwnMark]) -> RetouchLayers:
    """`layers` with further marks to be removed; those without a mask (outside the face's grid) are left out."""
    if not marks:
        return layers
    ledger, patches, mask = list(layers.marks), list(layers.patches), layers.mask.copy()
    for own in marks:
        soft = _soft(face, own)
        if soft.max(initial=0) < 0.5:
            continue
        entry, patch = _heal(photo, face, own, soft)
        ledger.append(entry)
        patches.extend(patch)
        mask[soft > 0] = 1
    return replace(layers, marks=tuple(ledger), patches=tuple(patches), mask=mask)


def _soft(face: FaceAnalysis, own: OwnMark) -> F32:
    """(h, w) soft mask in [0, 1]: discs along the stroke, feathered."""
    scale = face.grid.scale[0]
    radius = max(own.radius * scale, 1.5)
    points = face.grid.to_grid(np.asarray(own.points, np.float32).reshape(-1, 2))
    covered = stroke(face.grid.shape, points, radius).astype(np.float32)
    soft = cv2.GaussianBlur(covered, (0, 0), max(face.grid_width * FEATHER, 0.7))
    return np.clip(soft * 1.02 - 0.02, 0, 1).astype(np.float32)


def _heal(photo: Photo, face: FaceAnalysis, own: OwnMark, soft: F32) -> tuple[Mark, tuple[HealPatch, ...]]:
    labels = (soft > 0).astype(np.int32)
    change = close_marks(face.lab, np.zeros_like(face.lab), labels, soft, face.regions["skin"], face.grid_width)
    points = np.asarray(own.points, np.float64)
    centre = (points.min(0) + points.max(0)) / 2
    spread = float(np.hypot(*(points.max(0) - points.min(0)))) / 2
    inside = soft > 0.5
    mark = Mark(
        own.id,
        (float(centre[0]), float(centre[1])),
        own.radius + spread,
        float(np.linalg.norm(change[inside].mean(0))) if inside.any() else 0.0,
        MarkKind.UNKNOWN,
        1.0,
        Decision.REMOVE,
    )
    source = from_lab(face.lab, photo.icc)
    encoded = from_lab((face.lab + change).astype(np.float32), photo.icc) - source
    where = support(soft)
    assert where is not None, "a mark without a mask is left out before"
    return mark, heal_patches(photo, face, [mark], {own.id: (where, soft[where])}, source, encoded)

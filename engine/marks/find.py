"""From the heal network's maps to the mark ledger: one entry and one soft mask per mark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from engine.layers.bands import gaussian
from engine.types import F32, KEPT_BY_DEFAULT, Decision, FaceAnalysis, Mark, MarkKind

THRESHOLD = 0.35
"""Probability from which a pixel belongs to a mark."""
MIN_RADIUS = 1 / 450
"""Smallest mark, as a share of face width W: pores are below."""
MIN_CONTRAST = 1.2
"""ΔE76 below which a mark is left alone: nobody sees it at 100%."""
EDGE = 1.2
"""A mark whose surroundings change by more than this times its own contrast lies on an edge of shade, and is none."""
FRECKLE_RADIUS = 1 / 130
"""Kept marks up to this share of W and of little contrast are freckles, others moles."""
FRECKLE_CONTRAST = 9.0
FRECKLED = 10
"""From this many small brown spots, if they outnumber the red ones, a face is freckled and they are kept."""
RED = 0.55
"""Share of a mark's colour difference that is redness, from which it is a blemish and not a dark spot."""


@dataclass(frozen=True)
class MarkMasks(Mapping[str, F32]):
    """Soft masks (h, w) of marks on the grid, by mark id, made on demand from one label map; they sum to at most 1.

    labels: (h, w) int32, 0 or 1 + the mark's index; soft: (h, w) float32 in [0, 1].
    """

    ids: tuple[str, ...]
    labels: npt.NDArray[np.int32]
    soft: F32

    def __getitem__(self, key: str) -> F32:
        try:
            return np.where(self.labels == self.ids.index(key) + 1, self.soft, np.float32(0))
        except ValueError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)


def _kind(removable: float, keep: float, radius: float, contrast: float, change: F32) -> MarkKind:
    """change: mean L*a*b* of (skin without the mark − mark)."""
    if keep > removable:
        small = radius <= FRECKLE_RADIUS and contrast <= FRECKLE_CONTRAST
        return MarkKind.FRECKLE if small else MarkKind.MOLE
    red = max(-float(change[1]), 0.0) / max(float(np.linalg.norm(change)), 1e-6)
    return MarkKind.BLEMISH if red >= RED else MarkKind.DARK_SPOT


def find_marks(face: FaceAnalysis, change: F32, removable: F32, keep: F32) -> tuple[tuple[Mark, ...], MarkMasks]:
    """List the marks of a face.

    Args:
        face: its grid and regions.
        change: (h, w, 3) L*a*b* that would have to be added to heal every mark.
        removable, keep: (h, w) probabilities in [0, 1].

    Returns:
        Marks in reading order, centres and radii in source pixels, and their masks on the grid.
    """
    width, scale = face.grid_width, face.grid.scale[0]
    probability = np.maximum(removable, keep) * np.clip(face.regions["skin"] * 2, 0, 1)
    seeds = (probability > THRESHOLD).astype(np.uint8)
    count, labels, stats, centroids = cv2.connectedComponentsWithStats(seeds, connectivity=8)
    slope = _slope(face.lab[..., 0] + change[..., 0], width)
    order = sorted(range(1, count), key=lambda i: (int(centroids[i][1] // (width / 20)), centroids[i][0]))
    marks: list[Mark] = []
    kept = np.zeros(count, np.int32)
    for i in order:
        x, y, w, h, area = (int(v) for v in stats[i])
        radius = float(np.sqrt(area / np.pi)) / width
        window = slice(y, y + h), slice(x, x + w)
        inside = labels[window] == i
        mean = change[window][inside].mean(0)
        contrast = float(np.linalg.norm(change[window][inside], axis=-1).mean())
        if radius < MIN_RADIUS or contrast < MIN_CONTRAST:
            continue
        if float(slope[window][inside].mean()) * 2 * radius * width > EDGE * contrast:
            continue
        r, k = float(removable[window][inside].mean()), float(keep[window][inside].mean())
        kind = _kind(r, k, radius, contrast, mean)
        centre = face.grid.to_source(np.array([[centroids[i][0] + 0.5, centroids[i][1] + 0.5]], np.float32))[0]
        marks.append(
            Mark(
                id=f"{face.id}/mark-{len(marks) + 1}",
                centre=(float(centre[0]), float(centre[1])),
                radius=radius * width / scale,
                contrast=contrast,
                kind=kind,
                confidence=max(r, k),
                decision=Decision.KEEP if kind in KEPT_BY_DEFAULT else Decision.REMOVE,
            )
        )
        kept[i] = len(marks)
    marks = _freckles(marks, face.width)
    return tuple(marks), _soft_masks(tuple(m.id for m in marks), kept[labels], width, face.regions["skin"])


def _slope(light: F32, width: float) -> F32:
    """(h, w) steepness of the large shades, in L* per grid pixel. light: L* with marks healed."""
    form = gaussian(light, width / 60)
    across, down = cv2.Scharr(form, cv2.CV_32F, 1, 0), cv2.Scharr(form, cv2.CV_32F, 0, 1)
    return (np.hypot(across, down) / 32).astype(np.float32)


def _freckles(marks: list[Mark], width: float) -> list[Mark]:
    """A single small brown spot may be a scar of acne; many without acne are freckles."""

    def small_and_brown(mark: Mark) -> bool:
        return mark.kind is MarkKind.DARK_SPOT and mark.radius <= FRECKLE_RADIUS * width

    brown = sum(small_and_brown(mark) or mark.kind is MarkKind.FRECKLE for mark in marks)
    red = sum(mark.kind is MarkKind.BLEMISH for mark in marks)
    if brown < max(FRECKLED, red + 1):
        return marks
    return [
        replace(mark, kind=MarkKind.FRECKLE, decision=Decision.KEEP) if small_and_brown(mark) else mark
        for mark in marks
    ]


def _soft_masks(ids: tuple[str, ...], labels: npt.NDArray[np.int32], width: float, skin: F32) -> MarkMasks:
    """Grow each mark by W/170 and feather it by W/350; where marks meet, each keeps its own side."""
    grow = int(np.ceil(width / 170)) + int(np.ceil(width / 130))
    _, nearest = cv2.distanceTransformWithLabels(
        (labels == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_pixel = np.zeros(int(nearest.max()) + 1, np.int32)
    inside = labels > 0
    of_pixel[nearest[inside]] = labels[inside]
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * int(np.ceil(width / 170)) + 1,) * 2)
    grown = cv2.dilate(inside.astype(np.float32), disc)
    soft = cv2.GaussianBlur(grown, (0, 0), max(width / 350, 0.7))
    near = cv2.dilate(inside.astype(np.uint8), np.ones((2 * grow + 1,) * 2, np.uint8)) > 0
    soft = np.clip(soft * 1.02 - 0.02, 0, 1) * near * np.clip(skin * 4, 0, 1)
    return MarkMasks(ids, np.where(soft > 0, of_pixel[nearest], 0).astype(np.int32), soft.astype(np.float32))

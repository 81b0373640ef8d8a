"""Soft masks on a face grid: polygons, blurs, edge-aware smoothing, small holes. Masks are (h, w) float32 in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from engine.types import F32

_FRACTION_BITS = 4

KERNEL = 4.5
"""σ after which a blur of zeros stays zero, with room for what it is reduced by."""


def polygon(points: F32, shape: tuple[int, int], soft: float = 0.0) -> F32:
    """A filled closed polygon, antialiased, then blurred by `soft` pixels. points: (n, 2), pixel centres at .5."""
    out = np.zeros(shape, np.float32)
    reach = int(np.ceil(KERNEL * soft)) + 2
    limit = np.array(shape[::-1])
    x0, y0 = (int(v) for v in np.clip(np.floor(points.min(0)) - reach, 0, limit))
    x1, y1 = (int(v) for v in np.clip(np.ceil(points.max(0)) + reach, 0, limit))
    if x1 > x0 and y1 > y0:  # nothing of it lies outside this part
        canvas = np.zeros((y1 - y0, x1 - x0), np.uint8)
        fixed = np.rint((points - (x0, y0) - 0.5) * (1 << _FRACTION_BITS)).astype(np.int32)
        cv2.fillPoly(canvas, [fixed], 255, lineType=cv2.LINE_AA, shift=_FRACTION_BITS)
        out[y0:y1, x0:x1] = blur(canvas.astype(np.float32) / np.float32(255), soft)
    return out


def lines(strokes: Sequence[F32], shape: tuple[int, int], thickness: float) -> F32:
    """Open polylines of a given thickness, antialiased."""
    canvas = np.zeros(shape, np.uint8)
    fixed = [np.rint((s - 0.5) * (1 << _FRACTION_BITS)).astype(np.int32) for s in strokes]
    width = max(1, round(thickness))
    cv2.polylines(canvas, fixed, False, 255, width, lineType=cv2.LINE_AA, shift=_FRACTION_BITS)
    return canvas.astype(np.float32) / np.float32(255)


def expand(points: F32, by: float) -> F32:
    """A polygon's points moved away from its centre by `by` pixels."""
    centre = points.mean(0)
    away = points - centre
    length = np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    return (points + away / length * by).astype(np.float32)


def blur(values: F32, sigma: float) -> F32:
    """Gaussian blur; wide ones on a reduced copy. Shapes: (h, w) or (h, w, c)."""
    if sigma < 0.3:
        return values
    height, width = values.shape[:2]
    shrink = min(int(sigma / 3), min(height, width) // 8)
    if shrink < 2:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)
    size = (round(width / shrink), round(height / shrink))
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / shrink, borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def weighted_blur(values: F32, weights: F32, sigma: float) -> F32:
    """Normalised convolution: the local mean of (h, w, c) values under (h, w) weights."""
    stacked = np.concatenate([values * weights[..., None], weights[..., None]], axis=2)
    stacked = blur(stacked, sigma)
    mean = (values * weights[..., None]).sum((0, 1)) / max(float(weights.sum()), 1e-6)
    small = np.float32(1e-4)  # where no weight reaches, the mean of all
    return np.asarray((stacked[..., :-1] + small * mean) / (stacked[..., -1:] + small), np.float32)


def guided(mask: F32, guide: F32, radius: int, eps: float) -> F32:
    """Edge-aware smoothing of a mask that follows a (h, w) guide (He, Sun and Tang, "Guided image filtering", 2010)."""
    size = (2 * radius + 1, 2 * radius + 1)
    mean_g, mean_m = cv2.blur(guide, size), cv2.blur(mask, size)
    slope = (cv2.blur(guide * mask, size) - mean_g * mean_m) / (cv2.blur(guide * guide, size) - mean_g**2 + eps)
    offset = mean_m - slope * mean_g
    return np.clip(cv2.blur(slope, size) * guide + cv2.blur(offset, size), 0, 1).astype(np.float32)


def ramp(values: F32, low: float, high: float) -> F32:
    """Smooth step from 0 at `low` to 1 at `high` (or down, when high < low)."""
    t = np.subtract(values, low, out=np.empty(np.shape(values), np.float32))
    t /= high - low
    np.clip(t, 0, 1, out=t)
    smooth: F32 = np.multiply(t, -2, out=np.empty_like(t))
    smooth += 3
    smooth *= t
    smooth *= t
    return smooth


def compact_parts(
    mask: npt.NDArray[np.bool_], least: float = 0.3
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Numbers (h, w) of a mask's connected parts from 1, their areas, and which are spots rather than strands:
    those that fill so much of a square."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA]
    extent = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    compact = area >= least * (extent - 2.0) ** 2
    compact[0] = False
    return np.asarray(labels, np.int32), np.asarray(area, np.int32), np.asarray(compact, np.bool_)


def opened(mask: npt.NDArray[np.bool_], radius: float) -> npt.NDArray[np.bool_]:
    """What a disc reaches that lies within the mask wholly; beyond the border the mask goes on."""
    middles = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5) > radius
    if not middles.any():
        return np.zeros_like(mask)
    return np.asarray(cv2.distanceTransform((~middles).astype(np.uint8), cv2.DIST_L2, 5) < radius, np.bool_)


def spots_in(mask: F32, inside: F32, spot_like: npt.NDArray[np.bool_], unit: float) -> F32:
    """What is missing from `mask` because a mark lies there: compact gaps inside `inside`, (h, w) in [0, 1].

    A gap of up to W/30 in radius that the mask encloses is one; one that joins something larger outside the mask, such
    as hair, only if a good part of it is `spot_like`. Strands are none. unit: W in pixels.
    """
    allowed = inside > 0.5
    gap = (mask < 0.5) & allowed
    body = opened(gap | ~allowed, round(unit / 30) + 0.5)
    labels, area, chosen = compact_parts(gap & ~body)
    count = len(area)
    joined = np.bincount(labels[cv2.dilate(body.astype(np.uint8), np.ones((3, 3))) > 0], minlength=count) > 0
    chosen &= ~joined | (np.bincount(labels[spot_like], minlength=count) > 0.25 * area)
    return _closed(chosen[labels], 1, inside)


OBLONG = 0.15
"""Share of a square that gloss fills at least; a strand of white hair fills less."""


def holes_in(mask: F32, inside: F32, hole_like: npt.NDArray[np.bool_]) -> F32:
    """What is missing from `mask` inside its outline: compact gaps of any size inside `inside`, (h, w) in [0, 1], that
    the mask encloses and that are mostly `hole_like`."""
    allowed = inside > 0.5
    labels, area, chosen = compact_parts(mask < 0.5, OBLONG)
    count = len(area)
    chosen &= np.bincount(labels[~allowed], minlength=count) == 0
    chosen &= np.bincount(labels[hole_like], minlength=count) > 0.5 * area
    return _closed(chosen[labels], 3, inside)  # with their soft rims


def _closed(gaps: npt.NDArray[np.bool_], rim: int, inside: F32) -> F32:
    """(h, w) in [0, 1]: gaps with so many pixels around them, softened, where they lie inside."""
    wide = cv2.dilate(gaps.astype(np.float32), np.ones((2 * rim + 1, 2 * rim + 1)))
    return (blur(np.asarray(wide, np.float32), 1.0) * inside).astype(np.float32)

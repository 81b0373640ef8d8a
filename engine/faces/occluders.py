"""Things before a face: eyeglasses and hands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from engine.faces.parts import axes
from engine.faces.raster import blur, lines, polygon
from engine.types import F32

FINGERS = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
PALM = (0, 1, 5, 9, 13, 17)

BRIDGE, RIM = 12.3, 4.5
"""Least strengths in L* of a frame's lines: across the nose, below the eyes."""

CLEAR_BRIDGE, CLEAR_RIM = 8.5, 9.5
"""The same for frames with strong rims. In 163 official portraits these found 27 glasses and missed one (frameless);
one face without glasses was taken for one with."""


RIM_WIDTH = 1 / 40
"""Width of a rim with its shade on the skin, as a share of W."""


def hand_mask(hands: Sequence[F32], shape: tuple[int, int]) -> F32:
    """The area of hands from their 21 landmarks (MediaPipe's order), each (21, 2) in pixels."""
    out = np.zeros(shape, np.float32)
    for hand in hands:
        palm = float(np.linalg.norm(hand[5] - hand[17]))
        thick = max(2.0, 0.3 * palm)
        strokes = [hand[list(finger)] for finger in FINGERS]
        canvas = lines(strokes, shape, thick)
        filled = np.zeros(shape, np.uint8)
        cv2.fillConvexPoly(filled, cv2.convexHull(np.rint(hand[list(PALM)]).astype(np.int32)), 1)
        out = np.maximum.reduce([out, canvas, filled.astype(np.float32)])
    return blur(out, 1.5)


def is_face(hand: F32, oval: npt.NDArray[Any]) -> bool:
    """Whether what was taken for a hand is the face itself: its wrist or most of it lies within the face's oval."""
    outline = oval.astype(np.float32)
    inside = [cv2.pointPolygonTest(outline, (float(x), float(y)), False) > 0 for x, y in hand]
    return inside[0] or sum(inside) > 0.6 * len(inside)


def glasses(points: F32, light: F32, unit: float, eyes: F32) -> F32:
    """Eyeglass frames; all zero when the face wears none (frameless ones may be missed).

    A face wears glasses when a thin line crosses the nose's bridge and thin lines run below both eyes. points: (478, 2)
    in grid pixels; light: L* (h, w); unit: W in grid pixels; eyes: (h, w) eyes with lashes, never part of a frame.
    """
    full = light.shape
    half = 0.5 if unit > 300 else 1.0
    light, eyes = (
        np.asarray(cv2.resize(v, None, fx=half, fy=half, interpolation=cv2.INTER_AREA), np.float32)
        for v in (light, eyes)
    )
    points, unit = points * np.float32(half), unit * half
    thin = thin_lines(light, unit)
    bridge, rims = bridge_strength(points, thin, unit), lower_rims(points, thin, unit)
    rim = min(float(strength.mean()) for strength, _ in rims)
    if not ((bridge > BRIDGE and rim > RIM) or (bridge > CLEAR_BRIDGE and rim > CLEAR_RIM)):
        return np.zeros(full, np.float32)
    paths = [path for _, path in rims]
    frame = _frame(np.maximum(*thin) * _frame_zone(points, light.shape, unit, paths) * (1 - eyes), unit)
    seen = [pair for strength, path in rims for pair in _seen(strength, path)]
    frame = np.maximum(frame, blur(lines(seen, light.shape, RIM_WIDTH * unit), unit / 200) * (1 - eyes))
    return np.asarray(cv2.resize(frame, full[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _frame(strength: F32, unit: float) -> F32:
    """The long connected lines of a frame that are strong somewhere."""
    weak = (strength > 8).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(weak, connectivity=8)
    peak = np.zeros(len(stats), np.float32)
    np.maximum.at(peak, np.asarray(labels, np.intp), strength)
    extent = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    chosen = (peak > 12) & (extent > unit / 9)
    chosen[0] = False
    size = round(unit / 70) | 1
    wide = cv2.dilate(chosen[labels].astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    return blur(wide.astype(np.float32), unit / 200)


def thin_lines(light: F32, unit: float) -> tuple[F32, F32]:
    """Dark and bright structures thinner than W/13: black-hat and top-hat of L*, (h, w) each."""
    smooth = blur(light, unit / 200)
    size = round(unit / 13) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    hats = (cv2.morphologyEx(smooth, mode, kernel) for mode in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT))
    dark, bright = (np.asarray(hat, np.float32) for hat in hats)
    return dark, bright


def _sample(values: F32, x: F32, y: F32) -> F32:
    return np.asarray(cv2.remap(values, x.astype(np.float32) - 0.5, y.astype(np.float32) - 0.5, cv2.INTER_LINEAR))


def bridge_strength(points: F32, thin: tuple[F32, F32], unit: float) -> float:
    """How far a line across the nose's ridge between the eyes stands out from above and below it, in L*.

    A highlight along the ridge is as bright but has no line's edges above and below.
    """
    across, _ = axes(points)
    top, low = points[168], points[195]
    ridge = top + (low - top) * np.linspace(-0.35, 1, 60)[:, None]
    strip = ridge[:, None] + (np.linspace(-0.05, 0.05, 13) * unit)[None, :, None] * across
    reach = max(1, round(0.07 * unit / max(float(np.linalg.norm(low - top)) * 1.35 / 60, 1e-3)))
    best = 0.0
    for values in thin:
        profile = np.median(_sample(values, strip[..., 0], strip[..., 1]), axis=1)
        for i, value in enumerate(profile):
            above, below = profile[max(0, i - reach) : i + 1].min(), profile[i : i + reach + 1].min()
            best = max(best, float(value - max(above, below)))
    return best


def _seen(strength: F32, path: F32) -> list[F32]:
    """The pieces (2, 2) of a rim that can be seen."""
    smooth = cv2.blur(strength[None], (9, 1), borderType=cv2.BORDER_REPLICATE)[0]
    return [path[i : i + 2] for i in range(len(path) - 1) if min(smooth[i : i + 2]) > RIM]


def lower_rims(points: F32, thin: tuple[F32, F32], unit: float) -> list[tuple[F32, F32]]:
    """The best line below each eye, the image-left eye first: its strength (n,) in L* at its points (n, 2), from the
    image's left to its right."""
    across, down = axes(points)
    angle, radius = np.meshgrid(np.radians(np.arange(170, 9, -3.0)), np.arange(0.10, 0.27, 0.004) * unit)
    found = []
    for corners in ((33, 133), (263, 362)):
        centre = points[list(corners)].mean(0)
        u, v = (1.15 * radius * np.cos(angle))[..., None], (radius * np.sin(angle))[..., None]
        where = (centre + u * across + v * down).astype(np.float32)
        planes = [np.minimum(_sample(t, where[..., 0], where[..., 1]), 15) for t in thin]
        columns = np.arange(angle.shape[1])
        strength, rows = max((_best_path(values) for values in planes), key=lambda each: float(each[0].sum()))
        found.append((strength, where[rows, columns]))
    return found


def _best_path(values: F32) -> tuple[F32, npt.NDArray[np.intp]]:
    """The best path from left to right that moves at most one row per column: its value and its row in each column."""
    total, moves = values[:, 0], []
    for column in values.T[1:]:
        padded = np.pad(total, 1, constant_values=-np.inf)
        before = np.stack([padded[:-2], padded[1:-1], padded[2:]])
        moves.append(before.argmax(0) - 1)
        total = before.max(0) + column
    rows = [int(total.argmax())]
    for move in reversed(moves):
        rows.append(rows[-1] + int(move[rows[-1]]))
    path = np.array(rows[::-1], np.intp)
    return values[path, np.arange(len(path))], path


def _frame_zone(points: F32, shape: tuple[int, ...], unit: float, rims: Sequence[F32]) -> F32:
    """Where frames can be: around both eyes, over the nose's bridge, along the temples, but not below the lower rims,
    where wrinkles and the nose's edge may touch them. rims: see `lower_rims`."""
    across, down = axes(points)
    size = shape[0], shape[1]
    zone = np.zeros(size, np.float32)
    for corners, side in (((33, 133), 234), ((263, 362), 454)):
        centre = points[list(corners)].mean(0)
        angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)[:, None]
        ring = centre + np.cos(angle) * across * (0.31 * unit) + np.sin(angle) * down * (0.24 * unit)
        zone = np.maximum(zone, polygon(ring.astype(np.float32), size))
        temple = [centre - down * 0.12 * unit, points[side] - down * 0.14 * unit]
        temple += [points[side] + down * 0.02 * unit, centre + down * 0.08 * unit]
        zone = np.maximum(zone, polygon(np.array(temple, np.float32), size))
    low = np.concatenate(rims) + down * (RIM_WIDTH * unit)
    beyond = across * (2 * unit)
    above = np.stack([low[-1] + beyond, low[-1] + beyond - down * (2 * unit), low[0] - beyond - down * (2 * unit)])
    outline = np.concatenate([[low[0] - beyond], low, above])
    return zone * polygon(outline.astype(np.float32), size)

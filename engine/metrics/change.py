"""What an export changed, counted on the pixels themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.layers.resample import enlarge
from engine.types import Box, Pixels, RetouchLayers

ROWS = 256
"""Rows compared at once."""


def allowed(layers: Sequence[RetouchLayers], box: Box) -> npt.NDArray[np.bool_]:
    """(h, w) where any face's mask, enlarged linearly, is above 0, for `box` in source pixels."""
    x0, y0, x1, y1 = box
    out = np.zeros((y1 - y0, x1 - x0), bool)
    for face in layers:
        fx0, fy0, fx1, fy1 = face.grid.box
        common = (max(x0, fx0), max(y0, fy0), min(x1, fx1), min(y1, fy1))
        if common[0] < common[2] and common[1] < common[3]:
            part = enlarge(face.mask, face.grid, common, cubic=False) > 0
            out[common[1] - y0 : common[3] - y0, common[0] - x0 : common[2] - x0] |= part
    return out


def changed_fraction(before: Pixels, after: Pixels) -> float:
    """Share of pixels of which any channel differs. Shapes: (h, w, 3) of one dtype."""
    count = sum(int(changed.sum()) for _, changed in _strips(before, after))
    return count / max(before.shape[0] * before.shape[1], 1)


def max_difference_outside(before: Pixels, after: Pixels, layers: Sequence[RetouchLayers]) -> int:
    """Greatest difference, in code values, of whole-photo pixels where no face's mask reaches; must be 0."""
    greatest = 0
    for y, changed in _strips(before, after):
        rows = slice(y, y + changed.shape[0])
        if not changed.any():
            continue
        outside = changed & ~allowed(layers, (0, y, before.shape[1], rows.stop))
        if outside.any():
            difference = before[rows][outside].astype(np.int64) - after[rows][outside].astype(np.int64)
            greatest = max(greatest, int(np.abs(difference).max()))
    return greatest


def _strips(before: Pixels, after: Pixels) -> list[tuple[int, npt.NDArray[np.bool_]]]:
    """First row and (rows, w) where any channel differs."""
    if before.shape != after.shape or before.dtype != after.dtype:
        raise ValueError(f"Cannot compare {before.shape} {before.dtype} with {after.shape} {after.dtype}.")
    strips = []
    for y in range(0, before.shape[0], ROWS):
        unequal = before[y : y + ROWS] != after[y : y + ROWS]
        strips.append((y, unequal[..., 0] | unequal[..., 1] | unequal[..., 2]))
    return strips

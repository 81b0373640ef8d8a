"""What an export changed, counted on the pixels themselves and not taken from the renderer's word. numpy only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.types import Box, Pixels, RetouchLayers

ROWS = 64
"""Rows compared at once; most strips of a photo are equal."""

Where = npt.NDArray[np.bool_]


def changed(before: Pixels, after: Pixels) -> Where:
    """(h, w) where any channel differs. Shapes: (h, w, 3) of one dtype. Raises: ValueError."""
    if before.shape != after.shape or before.dtype != after.dtype:
        raise ValueError(f"Cannot compare {before.shape} {before.dtype} with {after.shape} {after.dtype}.")
    found = np.zeros(before.shape[:2], bool)
    for top in range(0, len(before), ROWS):
        rows = slice(top, top + ROWS)
        different = before[rows] != after[rows]
        if different.any():
            found[rows] = different[..., 0] | different[..., 1] | different[..., 2]
    return found


def changed_fraction(before: Pixels, after: Pixels) -> float:
    """Share of pixels of which any channel differs."""
    return float(changed(before, after).mean()) if before.size else 0.0


def mask_support(layers: RetouchLayers, size: tuple[int, int]) -> tuple[Box, Where]:
    """Where the face's mask, enlarged linearly, may be above 0: (box in source pixels, (h, w) bool).

    A source pixel belongs to it if any of the two by two grid pixels that linear interpolation reads there is above 0.
    """
    x0, y0, x1, y1 = layers.grid.box
    box = (max(x0, 0), max(y0, 0), min(x1, size[0]), min(y1, size[1]))
    rows = _neighbours(box[1] - y0, box[3] - y0, layers.grid.scale[1], layers.mask.shape[0])
    columns = _neighbours(box[0] - x0, box[2] - x0, layers.grid.scale[0], layers.mask.shape[1])
    on = layers.mask > 0
    tall = on[rows[0]] | on[rows[1]]
    return box, tall[:, columns[0]] | tall[:, columns[1]]


def _neighbours(start: int, stop: int, scale: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the two grid pixels that linear interpolation reads at each source pixel start … stop − 1."""
    position = (np.arange(start, stop) + 0.5) * scale - 0.5
    low = np.floor(position).astype(int)
    return np.clip(low, 0, count - 1), np.clip(low + 1, 0, count - 1)


def allowed(layers: Sequence[RetouchLayers], box: Box) -> Where:
    """(h, w) where any face's mask, enlarged linearly, may be above 0, for `box` in source pixels."""
    x0, y0, x1, y1 = box
    out = np.zeros((y1 - y0, x1 - x0), bool)
    for face in layers:
        (left, top, right, bottom), support = mask_support(face, (x1, y1))
        x, y = max(x0, left), max(y0, top)
        if x < right and y < bottom:
            out[y - y0 : bottom - y0, x - x0 : right - x0] |= support[y - top :, x - left :]
    return out


def max_difference_outside(
    before: Pixels, after: Pixels, layers: Sequence[RetouchLayers], different: Where | None = None
) -> int:
    """Greatest difference, in code values, of whole-photo pixels where no face's mask reaches; must be 0.

    different: what `changed` gave, where it is at hand.
    """
    differing = changed(before, after) if different is None else different
    outside = differing & ~allowed(layers, (0, 0, before.shape[1], before.shape[0]))
    return int(np.abs(after[outside].astype(np.int64) - before[outside]).max(initial=0))

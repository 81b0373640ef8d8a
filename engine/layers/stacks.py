"""Stacks: pictures and differences as int16 in 1/`UNIT` of an 8-bit step, blended by saturating arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from engine.types import F32

UNIT: Final = 64
"""Steps of the stacks per 8-bit step; int16 then holds sums to ±512."""
CHUNK_ROWS: Final = 48
"""Rows blended at once, so that intermediates stay in the processor's cache."""

Stack = npt.NDArray[np.int16]
Rect = tuple[slice, slice]


def to_stack(delta: F32) -> Stack:
    """Encoded differences at full scale 1 as int16 in 1/UNIT of an 8-bit step."""
    scaled = delta * np.float32(255 * UNIT)
    np.rint(scaled, out=scaled)
    return np.clip(scaled, -32768, 32767, out=scaled).astype(np.int16)


def add(target: Stack, stack: Stack, factor: float) -> None:
    """target += factor · stack, saturating."""
    for start in range(0, target.shape[0], CHUNK_ROWS):
        part = np.s_[start : start + CHUNK_ROWS]
        cv2.addWeighted(target[part], 1.0, stack[part], factor, 0.0, dst=target[part])


def to_bytes(
    total: Stack, stack: Stack | None = None, factor: float = 0.0, out: npt.NDArray[np.uint8] | None = None
) -> npt.NDArray[np.uint8]:
    """round((total + factor · stack) / UNIT), clipped to 0–255."""
    out = np.empty(total.shape, np.uint8) if out is None else out
    chunk = np.empty((CHUNK_ROWS, *total.shape[1:]), np.int16)
    for start in range(0, total.shape[0], CHUNK_ROWS):
        part = np.s_[start : start + CHUNK_ROWS]
        shown = chunk[: len(total[part])]
        if stack is not None and factor:
            cv2.addWeighted(total[part], 1.0, stack[part], factor, 0.0, dst=shown)
        else:
            shown[...] = total[part]
        cv2.threshold(shown, 0, 0, cv2.THRESH_TOZERO, dst=shown)
        cv2.convertScaleAbs(shown, dst=out[part], alpha=1 / UNIT)
    return out


def within(inner: Rect, outer: Rect) -> Rect:
    """`inner` in the coordinates of `outer`."""
    (rows, columns), (y, x) = inner, (outer[0].start, outer[1].start)
    return slice(rows.start - y, rows.stop - y), slice(columns.start - x, columns.stop - x)


def union(rects: Sequence[Rect]) -> Rect:
    rows, columns = zip(*rects, strict=True)
    return (
        slice(min(r.start for r in rows), max(r.stop for r in rows)),
        slice(min(c.start for c in columns), max(c.stop for c in columns)),
    )

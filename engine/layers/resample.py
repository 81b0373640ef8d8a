"""Resampling between a face grid, source pixels and a view, as one sparse matrix per axis.

A matrix row depends only on its own output pixel, and every output value is summed in the same order whatever the
region asked for: tiles come out equal to the whole, bit by bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.types import F32, Box, FaceGrid

Matrix = Any
"""scipy.sparse.csr_array of float32; scipy has no annotations."""


def _taps(distance: npt.NDArray[np.float64], cubic: bool) -> npt.NDArray[np.float64]:
    """Kernel values at distances in grid pixels: Keys' cubic (a = −½) or linear (Keys 1981, doi 10.1109/TASSP.1981)."""
    d = np.abs(distance)
    if not cubic:
        return np.maximum(0, 1 - d)
    near = (1.5 * d - 2.5) * d * d + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return np.where(d < 1, near, np.where(d < 2, far, 0))


def enlarging(
    count: int, origin: int, scale: float, start: int, stop: int, *, cubic: bool, window: slice | None = None
) -> Matrix:
    """(stop − start, count): grid samples to the source pixels start … stop of one axis.

    count: grid pixels; origin, scale: see `FaceGrid`. Beyond the outermost grid pixels their values continue.
    window: keep only these grid pixels (see `reach`), all that is needed.
    """
    position = (np.arange(start, stop, dtype=np.float64) + 0.5 - origin) * scale - 0.5
    first = np.floor(position).astype(np.int64) - (1 if cubic else 0)
    index = first[:, None] + np.arange(4 if cubic else 2)
    weight = _taps(position[:, None] - index, cubic).astype(np.float32)
    kept = window or slice(0, count)
    columns = np.minimum(np.maximum(index, 0), count - 1).ravel().astype(np.int32) - np.int32(kept.start)
    ends = np.arange(0, columns.size + 1, index.shape[1], dtype=np.int32)
    return sparse.csr_array((weight.ravel(), columns, ends), shape=(stop - start, kept.stop - kept.start))


def reach(count: int, origin: int, scale: float, start: int, stop: int) -> slice:
    """The grid pixels that the source pixels start … stop depend on."""
    first, last = ((x + 0.5 - origin) * scale - 0.5 for x in (start, stop - 1))
    return slice(max(0, min(int(np.floor(first)) - 1, count - 1)), max(1, min(int(np.floor(last)) + 3, count)))


def averaging(start: int, stop: int, origin: float, step: float, first: int, last: int) -> Matrix:
    """(last − first, stop − start): area means of the source pixels start … stop for the view pixels first … last.

    View pixel i covers source positions origin + i · step … origin + (i + 1) · step; pixels outside count as 0.
    """
    lower = origin + np.arange(first, last) * step
    index = np.floor(lower)[:, None] + np.arange(int(np.ceil(step)) + 1)
    cover = np.minimum(index + 1, lower[:, None] + step) - np.maximum(index, lower[:, None])
    inside = (cover > 1e-9) & (index >= start) & (index < stop)
    rows = np.repeat(np.arange(last - first), index.shape[1]).reshape(index.shape)
    columns = index.astype(np.int64) - start
    values = (cover / step).astype(np.float32)[inside]
    return sparse.coo_array((values, (rows[inside], columns[inside])), shape=(last - first, stop - start)).tocsr()


def across(matrix: Matrix, image: F32) -> F32:
    """Apply `matrix` (W, w) along the columns of (h, w) or (h, w, c)."""
    turned = np.ascontiguousarray(np.moveaxis(image, 1, 0), dtype=np.float32)
    result = (matrix @ turned.reshape(turned.shape[0], -1)).reshape(-1, *turned.shape[1:])
    return np.ascontiguousarray(np.moveaxis(result, 0, 1), dtype=np.float32)


def down(matrix: Matrix, image: F32) -> F32:
    """Apply `matrix` (H, h) along the rows of (h, w) or (h, w, c)."""
    result: F32 = (matrix @ image.reshape(image.shape[0], -1)).reshape(-1, *image.shape[1:])
    return result


def enlarge(image: F32, grid: FaceGrid, box: Box, *, cubic: bool = True) -> F32:
    """The part of a grid image (h, w) or (h, w, c) that lies in `box` (source pixels, inside `grid.box`), enlarged."""
    x = (grid.shape[1], grid.box[0], grid.scale[0], box[0], box[2])
    y = (grid.shape[0], grid.box[1], grid.scale[1], box[1], box[3])
    columns, rows = reach(*x), reach(*y)
    narrow = across(enlarging(*x, cubic=cubic, window=columns), image[rows, columns])
    return down(enlarging(*y, cubic=cubic, window=rows), narrow)


def support(image: npt.NDArray[Any], room: int = 0) -> tuple[slice, slice] | None:
    """Rows and columns of the smallest part of (h, w) or (h, w, c) outside which everything is 0; None if all is.
    room: pixels around it that are taken in, where there are any."""
    height, width = image.shape[:2]
    rows = np.flatnonzero(image.reshape(height, -1).any(axis=1))
    columns = np.flatnonzero(image.any(axis=0).reshape(width, -1).any(axis=1))
    if not rows.size:
        return None
    found = ((rows, height), (columns, width))
    first, second = (slice(max(0, int(i[0]) - room), min(n, int(i[-1]) + 1 + room)) for i, n in found)
    return first, second


def intersect(a: Box, b: Box) -> Box | None:
    """The common part of two boxes, None if there is none."""
    box = (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))
    return box if box[0] < box[2] and box[1] < box[3] else None

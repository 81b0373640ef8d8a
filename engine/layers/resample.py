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


def _sources(
    count: int, origin: int, scale: float, start: int, stop: int, cubic: bool
) -> tuple[npt.NDArray[np.int32], F32]:
    """Grid samples, and their weights, that make up the source pixels start … stop of one axis, each (n, 2 or 4).
    Beyond the outermost grid pixels their values continue."""
    position = (np.arange(start, stop, dtype=np.float64) + 0.5 - origin) * scale - 0.5
    first = np.floor(position).astype(np.int64) - (1 if cubic else 0)
    index = first[:, None] + np.arange(4 if cubic else 2)
    weight = _taps(position[:, None] - index, cubic).astype(np.float32)
    return np.minimum(np.maximum(index, 0), count - 1).astype(np.int32), weight


def enlarging(
    count: int, origin: int, scale: float, start: int, stop: int, *, cubic: bool, window: slice | None = None
) -> Matrix:
    """(stop − start, count): grid samples to the source pixels start … stop of one axis.

    count: grid pixels; origin, scale: see `FaceGrid`.
    window: keep only these grid pixels (see `reach`), all that is needed.
    """
    index, weight = _sources(count, origin, scale, start, stop, cubic)
    kept = window or slice(0, count)
    columns = index.ravel() - np.int32(kept.start)
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


class Enlarger:
    """Enlarges parts of one grid's images: for many small boxes, where sparse matrices would cost more than they save.
    Equal to `enlarging` but for the order of sums."""

    def __init__(self, grid: FaceGrid, *, cubic: bool) -> None:
        (self._left, self._top, right, bottom), (height, width), (sx, sy) = grid.box, grid.shape, grid.scale
        self._columns = _sources(width, self._left, sx, self._left, right, cubic)
        self._rows = _sources(height, self._top, sy, self._top, bottom, cubic)

    def __call__(self, image: F32, box: Box) -> F32:
        """The part (…, H, W) of an image (…, h, w) of the grid that lies in `box`, source pixels inside `grid.box`."""
        rows, vertical = _dense(*self._rows, box[1] - self._top, box[3] - self._top)
        columns, horizontal = _dense(*self._columns, box[0] - self._left, box[2] - self._left)
        return np.asarray(vertical @ image[..., rows, columns] @ horizontal.T, np.float32)


def _dense(index: npt.NDArray[np.int32], weight: F32, start: int, stop: int) -> tuple[slice, F32]:
    """The grid samples that source pixels start … stop of one axis depend on, and the matrix that makes those of them.
    index, weight: of `_sources`, from which start and stop count."""
    index, weight = index[start:stop], weight[start:stop]
    kept = slice(int(index[0, 0]), int(index[-1, -1]) + 1)
    size = len(index), kept.stop - kept.start
    places = np.arange(size[0])[:, None] * size[1] + index - kept.start
    return kept, np.bincount(places.ravel(), weight.ravel(), size[0] * size[1]).reshape(size).astype(np.float32)


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

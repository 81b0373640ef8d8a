"""The crop on which a face is measured, and what of the face lies on it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from engine.types import F32, FaceAnalysis, FaceGrid, Mark, Photo, Pixels

MEASURED_WIDTH = 600
"""Least face width, in pixels, to which a larger face is reduced to be measured: the texture band is stated there."""
MARK_REACH = 1.5
"""Radii around a mark's centre that do not count as clean skin."""

CLEAN = 0.9
"""Probability of skin from which a pixel counts as skin: the soft rim of eyes, lips and hair mixes their colours in."""
COARSER = 3
"""Further reduction for tone and blotches, which are large."""
LEAST_SKIN = 600
"""Skin pixels below which nothing is said of skin."""


def measuring_grid(face: FaceAnalysis) -> FaceGrid:
    """The face's crop, reduced by the whole factor that leaves the face at least `MEASURED_WIDTH` wide (1 if it is
    smaller); what is left over at the right and bottom is cut off."""
    step = max(1, int(face.width // MEASURED_WIDTH))
    x0, y0, x1, y1 = face.grid.box
    w, h = (x1 - x0) // step, (y1 - y0) // step
    return FaceGrid((x0, y0, x0 + w * step, y0 + h * step), (h, w))


def lab_on(photo: Photo, grid: FaceGrid, pixels: Pixels | None = None) -> F32:
    """(h, w, 3) L*a*b* D50 of the photo, or of `pixels` of its size and encoding, on a measuring grid.

    Encoded values are averaged, so that before and after are reduced alike. Raises: ColourProfileError.
    """
    from engine.imageio.colour import to_lab

    x0, y0, x1, y1 = grid.box
    part = (photo.pixels if pixels is None else pixels)[y0:y1, x0:x1]
    if part.shape[:2] != grid.shape:
        full = np.float32(np.iinfo(part.dtype).max)
        part = cv2.resize(part.astype(np.float32) / full, grid.shape[::-1], interpolation=cv2.INTER_AREA)
    return to_lab(np.ascontiguousarray(part), photo.icc)


def reduced(plane: F32, step: int) -> F32:
    """Means of step × step values of (h, w) or (h, w, 3); a rest at the right and bottom is left out."""
    height, width = plane.shape[0] // step, plane.shape[1] // step
    whole = np.ascontiguousarray(plane[: height * step, : width * step])
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def region_on(face: FaceAnalysis, grid: FaceGrid, *names: str) -> F32:
    """(h, w) in [0, 1]: the greatest of the face's regions `names`, resampled onto a grid within the face's own."""
    mask = np.max([face.regions[name] for name in names], axis=0)
    if grid == face.grid:
        return np.asarray(mask, np.float32)
    sx, sy = face.grid.scale
    tx, ty = grid.scale
    x = (np.arange(grid.shape[1]) + 0.5) / tx + grid.box[0] - face.grid.box[0]
    y = (np.arange(grid.shape[0]) + 0.5) / ty + grid.box[1] - face.grid.box[1]
    columns, rows = np.meshgrid((x * sx - 0.5).astype(np.float32), (y * sy - 0.5).astype(np.float32))
    sampled = cv2.remap(mask.astype(np.float32), columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.float32)


def clean_skin(face: FaceAnalysis, grid: FaceGrid, marks: Sequence[Mark]) -> F32:
    """(h, w) 0 or 1: skin of the face outside its marks."""
    return ((region_on(face, grid, "skin") > CLEAN) & ~marks_on(marks, grid)).astype(np.float32)


def width_on(face: FaceAnalysis, grid: FaceGrid) -> float:
    """Face width W in the grid's pixels."""
    return face.width * grid.scale[0]


def marks_on(marks: Sequence[Mark], grid: FaceGrid, reach: float = MARK_REACH) -> npt.NDArray[np.bool_]:
    """(h, w) within `reach` radii of any mark."""
    discs = np.zeros(grid.shape, np.uint8)
    for mark in marks:
        x, y = grid.to_grid(np.array([mark.centre], np.float32))[0]
        cv2.circle(
            discs,
            (round(float(x) - 0.5), round(float(y) - 0.5)),
            max(1, round(reach * mark.radius * grid.scale[0])),
            1,
            -1,
        )
    return np.asarray(discs > 0)

"""Heal patches: each mark's colour from the policy, its pores from clean skin nearby.

With E the enlargement of a grid image to source pixels, s and h the grid's source and healed image without their pore
band, and x the source pixels, a patch is

    delta = m · (E h − E s + fine(donor) − fine(own)),    fine = x − E s,

so that inside the mask (m = 1) the result is E h + fine(donor): the healed colours and the donor's own pores, at native
resolution. The donor is one whole-pixel shift of the mark's box, like a healing brush.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from engine.layers.bands import BUMP_CUT, PORE_CUT, gaussian
from engine.layers.resample import enlarge
from engine.types import F32, Box, FaceAnalysis, FaceGrid, HealPatch, Mark, Photo

PAD: Final = 2
"""Grid pixels around a mark's support, over which its enlarged mask falls to 0."""
RINGS: Final = (1.1, 1.6, 2.2, 3.0, 4.0)
"""Distances at which donors are tried, in sizes of the mark's box."""
DIRECTIONS: Final = 24
CLEAN: Final = 0.9
"""Mean share of clean skin that a donor's box must have; what is missing counts against it four times."""
LINE: Final = 2.5
"""Times the face's own strength of the pore band from which there is a line and no skin texture: a crease, a hair, the
edge of a nail. No donor has many."""
ALONG: Final = 1 / 100
"""σ over which the pore band's strength is taken, as a share of W."""
OWN_FINE: Final = np.float32(0.5)
"""What is kept of a mark's own fine band where no donor is found."""


@dataclass(frozen=True)
class _Scene:
    """What all marks of a face share. planes: (h, w, 6) source and change without their pore band, encoded; the others
    are integral images (h + 1, w + 1) over the grid."""

    photo: Photo
    grid: FaceGrid
    planes: F32
    clean: npt.NDArray[np.float64]
    level: npt.NDArray[np.float64]
    energy: npt.NDArray[np.float64]


def heal_patches(
    photo: Photo,
    face: FaceAnalysis,
    marks: Sequence[Mark],
    soft: Mapping[str, tuple[tuple[slice, slice], F32]],
    source: F32,
    change: F32,
    *,
    covering: bool = False,
) -> tuple[HealPatch, ...]:
    """One patch per mark that has a mask.

    Args:
        soft: mark id → where on the grid, and the mask's values there; they sum to at most 1.
        covering: whether they take the place of patches made before, instead of being added to them.
        source: (h, w, 3) encoded values of the grid. change: healed minus source, encoded.
    """
    if not soft:
        return ()
    sigma = face.grid_width * PORE_CUT
    lightness = np.ascontiguousarray(face.lab[..., 0])
    fine = lightness - gaussian(lightness, sigma)
    marked = np.zeros(face.grid.shape, np.float32)
    for where, mask in soft.values():
        marked[where] += mask
    clean = (np.clip(face.regions["skin"], 0, 1) * (marked < 0.02)).astype(np.float32)
    strength = np.sqrt(gaussian(fine * fine, face.grid_width * ALONG))
    if (skin := clean > 0.5).any():
        clean *= strength < LINE * np.median(strength[skin])
    level = gaussian(lightness, face.grid_width * BUMP_CUT)
    scene = _Scene(
        photo,
        face.grid,
        gaussian(np.concatenate([source, change], -1), sigma),
        _integral(clean),
        _integral(level * clean),
        _integral(fine * fine * clean),
    )
    patches = (_patch(scene, mark, *soft[mark.id], covering) for mark in marks if mark.id in soft)
    return tuple(patch for patch in patches if patch is not None)


def _patch(scene: _Scene, mark: Mark, where: tuple[slice, slice], mask: F32, covering: bool) -> HealPatch | None:
    """The mask is written to a grid window with a margin of zeros and enlarged linearly from there."""
    grid, photo = scene.grid, scene.photo
    (h, w), (rows, columns) = grid.shape, where
    gy0, gy1 = max(0, rows.start - PAD), min(h, rows.stop + PAD)
    gx0, gx1 = max(0, columns.start - PAD), min(w, columns.stop + PAD)
    box = _source_box(grid, (gx0, gy0, gx1, gy1))
    if box[2] - box[0] < 3 or box[3] - box[1] < 3:
        return None
    canvas = np.zeros(grid.shape, np.float32)
    canvas[where] = mask
    m = enlarge(canvas, grid, box, cubic=False)
    m[0] = m[-1] = m[:, 0] = m[:, -1] = 0

    full = np.float32(np.iinfo(photo.pixels.dtype).max)
    source, change = np.split(enlarge(scene.planes, grid, box), 2, axis=-1)
    own = _pixels(photo, box, full) - source
    shift = _donor(scene, (gx0, gy0, gx1, gy1), box)
    if shift is None:
        fine = OWN_FINE * own
    else:
        donor = (box[0] + shift[0], box[1] + shift[1], box[2] + shift[0], box[3] + shift[1])
        fine = _pixels(photo, donor, full) - enlarge(scene.planes[..., :3], grid, donor)
    delta = m[..., None] * (change + fine - own)
    return HealPatch(mark.id, box, delta.astype(np.float16), m.astype(np.float16) if covering else None)


def _pixels(photo: Photo, box: Box, full: np.float32) -> F32:
    return photo.pixels[box[1] : box[3], box[0] : box[2]].astype(np.float32) / full


def _source_box(grid: FaceGrid, window: Box) -> Box:
    """Source pixels that a grid window covers, inside the grid's own box."""
    sx, sy = grid.scale
    x0, y0, x1, y1 = grid.box
    return (
        max(x0, int(np.floor(x0 + window[0] / sx))),
        max(y0, int(np.floor(y0 + window[1] / sy))),
        min(x1, int(np.ceil(x0 + window[2] / sx))),
        min(y1, int(np.ceil(y0 + window[3] / sy))),
    )


def _integral(image: F32) -> npt.NDArray[np.float64]:
    return np.asarray(cv2.integral(image, sdepth=cv2.CV_64F), np.float64)


def _sums(integral: npt.NDArray[np.float64], windows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    x0, y0, x1, y1 = windows.T
    total: npt.NDArray[np.float64] = integral[y1, x1] - integral[y0, x1] - integral[y1, x0] + integral[y0, x0]
    return total


def _donor(scene: _Scene, window: Box, box: Box) -> tuple[int, int] | None:
    """Shift in source pixels to the clean skin nearby that is most like the mark's surroundings.

    Among rings of candidates, the least of: difference of mean lightness / 4 + relative difference of the pore band's
    rms + distance / 20 sizes + 4 × what is not clean. None if no candidate is clean.
    """
    grid = scene.grid
    size = max(window[2] - window[0], window[3] - window[1])
    angle = np.arange(DIRECTIONS) * (2 * np.pi / DIRECTIONS)
    radius = np.repeat(np.asarray(RINGS) * size, DIRECTIONS)
    unit = np.stack([np.cos(angle), np.sin(angle)], -1)
    scale = np.asarray(grid.scale)
    shifts = np.rint(radius[:, None] * np.tile(unit, (len(RINGS), 1)) / scale).astype(np.int64)
    boxes = np.asarray(box) + np.tile(shifts, 2)
    x0, y0, x1, y1 = grid.box
    inside = (boxes[:, 0] >= x0) & (boxes[:, 1] >= y0) & (boxes[:, 2] <= x1) & (boxes[:, 3] <= y1)
    shifts, radius = shifts[inside], radius[inside]
    h, w = grid.shape
    windows = np.rint(np.asarray(window) + np.tile(shifts * scale, 2)).astype(np.int64)
    windows[:, ::2] = np.clip(windows[:, ::2], 0, w)
    windows[:, 1::2] = np.clip(windows[:, 1::2], 0, h)
    area = np.maximum((windows[:, 2] - windows[:, 0]) * (windows[:, 3] - windows[:, 1]), 1)
    clean = _sums(scene.clean, windows)
    usable = clean >= CLEAN * area
    if not usable.any():
        return None
    ring = np.asarray([[window[0] - size, window[1] - size, window[2] + size, window[3] + size]])
    ring = np.clip(ring, 0, [w, h, w, h])
    near, level, energy = (float(_sums(s, ring)[0]) for s in (scene.clean, scene.level, scene.energy))
    level, rms = level / max(near, 1e-6), float(np.sqrt(max(energy, 0) / max(near, 1e-6)))
    share, clean = clean / area, np.maximum(clean, 1e-6)
    own_rms = np.sqrt(np.maximum(_sums(scene.energy, windows), 0) / clean)
    cost = np.abs(_sums(scene.level, windows) / clean - level) / 4 + np.abs(own_rms - rms) / max(rms, 1e-3)
    cost += radius / (20 * size) + 4 * (1 - share)
    best = int(np.argmin(np.where(usable, cost, np.inf)))
    return int(shifts[best, 0]), int(shifts[best, 1])

"""Heal patches: each mark's colour from the policy, its texture from clean skin nearby.

With E the enlargement of a grid image to source pixels, s and h the grid's source and healed image without their
texture, and x the source pixels, a patch is

    delta = m · (E h − E s + fine(donor) − fine(own)),    fine = x − E s,

so that inside the mask (m = 1) the result is E h + fine(donor): the healed colours and the donor's own texture, at
native resolution. The donor is one whole-pixel shift of the mark's box, like a healing brush
(REFERENCES: healing-brush), and its texture is made as strong as that around the mark. Where the mark's own texture is
intact, the fine band remains its own, with what healing changes of it above the pores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from engine.device import side_by_side
from engine.imageio.colour import as_float
from engine.layers.bands import BUMP_CUT, PORE_CUT, gaussian
from engine.layers.intact import drawn, lines_through, sound_texture
from engine.layers.lines import LONG, SURE, Lines, long_lines
from engine.layers.resample import Enlarger
from engine.types import F32, Box, FaceAnalysis, FaceGrid, HealPatch, Mark, Photo

TEXTURE: Final = 1 / 200
"""σ of the Gaussian that takes texture away, as a share of W: pores and what links them to the bumps, which a network
heals too smoothly."""
SUPPORT: Final = 0.02
"""Soft mask from which a pixel counts as marked."""
PAD: Final = 2
"""Grid pixels around a mark's support, over which its enlarged mask falls to 0."""
RINGS: Final = (1.1, 1.6, 2.2, 3.0, 4.0)
"""Distances at which donors are tried, in sizes of the mark's box."""
DIRECTIONS: Final = 24
CLEAN, UNCLEAN = 0.9, 4.0
"""Mean share of clean skin that a donor's box must have, and how often what is missing counts against it."""
CONSPICUOUS: Final = 40.0
"""How often a donor's share of lines, short ones too, and of what is over `SPOT` times as rough as usual, such as a
blackhead that is no mark, counts against it: it would be seen a second time."""
SPOT: Final = 3.0
FOREIGN: Final = 2.0
"""How often a donor's share of the fine creases under an eye counts against it for a mark that lies elsewhere."""
LINE: Final = 2.5
"""Times the face's own strength of texture from which there is no skin, but a crease, a hair, the edge of a nail. No
donor has much of it."""
ALONG: Final = 1 / 200
"""σ over which the strength of texture is taken, as a share of W."""
WEAKER, STRONGER = 1 / 3, 1.5
"""How far a donor's texture is made weaker, as where skin is out of focus, or stronger."""
OWN_FINE: Final = np.float32(0.5)
"""What is kept of a mark's own fine band where no donor is found."""


class _Donor(NamedTuple):
    """A shift in source pixels, and what its texture is multiplied by."""

    x: int
    y: int
    gain: float


@dataclass(frozen=True)
class _Scene:
    """What all marks of a face share.

    planes: (9, h, w) source and change without their texture, encoded, and the change's texture without its pores;
    cubic enlarges them, linear a mask; canvas: (h, w) zeros, where one mask at a time is drawn; intact: (h, w) in
    [0, 1] where marks keep their own texture; the others are integral images (h + 1, w + 1) over the grid.
    """

    photo: Photo
    grid: FaceGrid
    planes: F32
    cubic: Enlarger
    linear: Enlarger
    canvas: F32
    intact: F32
    conspicuous: npt.NDArray[np.float64]
    under_eyes: npt.NDArray[np.float64]
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
        covering: whether they take the place of patches made before, instead of being added to them, and of all that
            is in them, lines too.
        source: (h, w, 3) encoded values of the grid. change: healed minus source, encoded.
    """
    if not soft:
        return ()
    sigma = face.grid_width * TEXTURE
    lightness = np.ascontiguousarray(face.lab[..., 0])
    fine = lightness - gaussian(lightness, sigma)
    marked = np.zeros(face.grid.shape, np.float32)
    for where, mask in soft.values():
        marked[where] += mask
    unmarked = (np.clip(face.regions["skin"], 0, 1) * (marked < SUPPORT)).astype(np.float32)
    clean = unmarked.copy()
    strength = np.sqrt(gaussian(fine * fine, face.grid_width * ALONG))
    windows = {mark.id: _window(face.grid, soft[mark.id][0]) for mark in marks if mark.id in soft}
    lines = _lines_near(windows.values(), lightness, face)
    conspicuous = (lines.labels > 0) | (lines.strength > SURE)
    if (skin := clean > 0.5).any():
        usual = np.median(strength[skin])
        clean *= strength < LINE * usual
        conspicuous |= strength > SPOT * usual
    level = gaussian(lightness, face.grid_width * BUMP_CUT)
    encoded = np.concatenate([np.moveaxis(each, -1, 0) for each in (source, change)])
    planes = np.stack(side_by_side(lambda plane: gaussian(plane, sigma), encoded))
    poreless = np.stack(side_by_side(lambda plane: gaussian(plane, face.grid_width * PORE_CUT), encoded[3:]))
    planes = np.concatenate([planes, poreless - planes[3:]])
    intact = np.zeros_like(marked)
    if not covering:
        own, healing = np.split(np.moveaxis(encoded - planes[:6], 0, -1), 2, axis=-1)
        intact = np.maximum(
            lines_through(lines, marked < SUPPORT, face.grid_width),
            sound_texture(own, healing, unmarked, face.grid_width),
        )
    scene = _Scene(
        photo,
        face.grid,
        planes,
        Enlarger(face.grid, cubic=True),
        Enlarger(face.grid, cubic=False),
        np.zeros(face.grid.shape, np.float32),
        intact,
        _integral(drawn(conspicuous)),
        _integral(face.regions["under_eyes"]),
        _integral(clean),
        _integral(level * clean),
        _integral(fine * fine * clean),
    )
    boxes = {key: _source_box(face.grid, window) for key, window in windows.items()}
    boxes = {key: box for key, box in boxes.items() if min(box[2] - box[0], box[3] - box[1]) >= 3}
    donors = _donors(scene, [windows[key] for key in boxes], list(boxes.values()))
    return tuple(
        _patch(scene, key, box, *soft[key], donor, covering)
        for (key, box), donor in zip(boxes.items(), donors, strict=True)
    )


def _lines_near(windows: Iterable[Box], lightness: F32, face: FaceAnalysis) -> Lines:
    """The lines through marks and where donors are looked for."""
    boxes = np.array([*windows], np.int64).reshape(-1, 4)
    size = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    reach = np.ceil((RINGS[-1] + 1) * size + LONG * face.grid_width).astype(np.int64)
    low = np.maximum((boxes[:, :2] - reach[:, None]).min(0, initial=lightness.size), 0)
    high = (boxes[:, 2:] + reach[:, None]).max(0, initial=0)
    near = slice(low[1], high[1]), slice(low[0], high[0])
    found = Lines(np.zeros(lightness.shape, np.int32), np.zeros(lightness.shape, np.float32))
    part = long_lines(np.ascontiguousarray(lightness[near]), face.regions["skin"][near], face.grid_width)
    found.labels[near], found.strength[near] = part.labels, part.strength
    return found


def _patch(
    scene: _Scene,
    mark: str,
    box: Box,
    where: tuple[slice, slice],
    mask: F32,
    donor: _Donor | None,
    covering: bool,
) -> HealPatch:
    """mark: its id. box: of the patch, in source pixels. where, mask: see `heal_patches`."""
    photo = scene.photo
    scene.canvas[where] = mask
    m = scene.linear(scene.canvas, box)
    scene.canvas[where] = 0
    m[0] = m[-1] = m[:, 0] = m[:, -1] = 0

    source, change, finer = np.split(scene.cubic(scene.planes, box), 3)
    own = _pixels(photo, box) - source
    if donor is None:
        fine = OWN_FINE * own
    else:
        there = box[0] + donor.x, box[1] + donor.y, box[2] + donor.x, box[3] + donor.y
        fine = np.float32(donor.gain) * (_pixels(photo, there) - scene.cubic(scene.planes[:3], there))
    kept = scene.linear(scene.intact, box)
    fine = (kept * (own + finer) + (1 - kept) * fine) / np.sqrt(kept**2 + (1 - kept) ** 2)  # two textures, one strength
    delta = np.moveaxis((m * (change + fine - own)).astype(np.float16), 0, -1)
    return HealPatch(mark, box, np.ascontiguousarray(delta), m.astype(np.float16) if covering else None)


def _pixels(photo: Photo, box: Box) -> F32:
    """(3, h, w) encoded values at full scale 1."""
    return as_float(photo.pixels[box[1] : box[3], box[0] : box[2]].transpose(2, 0, 1))


def _window(grid: FaceGrid, where: tuple[slice, slice]) -> Box:
    """A mark's support with a margin of zeros, in grid pixels."""
    (h, w), (rows, columns) = grid.shape, where
    low = max(0, columns.start - PAD), max(0, rows.start - PAD)
    return *low, min(w, columns.stop + PAD), min(h, rows.stop + PAD)


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
    """Over windows (…, 4)."""
    x0, y0, x1, y1 = np.moveaxis(windows, -1, 0)
    total: npt.NDArray[np.float64] = integral[y1, x1] - integral[y0, x1] - integral[y1, x0] + integral[y0, x0]
    return total


def _donors(scene: _Scene, windows: Sequence[Box], boxes: Sequence[Box]) -> list[_Donor | None]:
    """The clean skin near each mark that is most like the mark's surroundings.

    Among rings of candidates, the least of: difference of mean lightness / 4 + relative difference of the texture's
    rms + distance / 20 sizes + `UNCLEAN` × what is not clean + `CONSPICUOUS` ×
    what would be seen twice. None if no candidate is clean. windows, boxes: of the
    marks, in grid and in source pixels.
    """
    grid = scene.grid
    (h, w), (x0, y0, x1, y1), scale = grid.shape, grid.box, np.asarray(grid.scale)
    here, source = (np.array(each, np.int64).reshape(-1, 4) for each in (windows, boxes))
    size = np.maximum(here[:, 2] - here[:, 0], here[:, 3] - here[:, 1])
    angle = np.arange(DIRECTIONS) * (2 * np.pi / DIRECTIONS)
    ways = (np.asarray(RINGS)[:, None, None] * np.stack([np.cos(angle), np.sin(angle)], -1)).reshape(-1, 2)
    shifts = np.rint(size[:, None, None] * ways / scale).astype(np.int64)
    moved = source[:, None] + np.tile(shifts, 2)
    inside = (moved[..., :2] >= (x0, y0)).all(-1) & (moved[..., 2:] <= (x1, y1)).all(-1)
    there = np.rint(here[:, None] + np.tile(shifts * scale, 2)).astype(np.int64).clip(0, [w, h, w, h])
    area = np.maximum((there[..., 2] - there[..., 0]) * (there[..., 3] - there[..., 1]), 1)
    clean = _sums(scene.clean, there)
    usable = inside & (clean >= CLEAN * area)

    around = (here + size[:, None] * [-1, -1, 1, 1]).clip(0, [w, h, w, h])
    near = np.maximum(_sums(scene.clean, around), 1e-6)
    level = _sums(scene.level, around) / near
    rms = np.sqrt(np.maximum(_sums(scene.energy, around), 0) / near)
    share, clean = clean / area, np.maximum(clean, 1e-6)
    own_rms = np.sqrt(np.maximum(_sums(scene.energy, there), 0) / clean)
    cost = np.abs(_sums(scene.level, there) / clean - level[:, None]) / 4
    cost += np.abs(own_rms - rms[:, None]) / np.maximum(rms, 1e-3)[:, None]
    cost += np.hypot(*ways.T) / 20 + UNCLEAN * (1 - share) + CONSPICUOUS * _sums(scene.conspicuous, there) / area
    own_eyes = _sums(scene.under_eyes, here) / np.maximum((here[:, 2] - here[:, 0]) * (here[:, 3] - here[:, 1]), 1)
    cost += FOREIGN * np.maximum(_sums(scene.under_eyes, there) / area - own_eyes[:, None], 0)
    best = np.where(usable, cost, np.inf).argmin(1)
    each = np.arange(len(best))
    gain = np.where(rms > 0, rms / np.maximum(own_rms[each, best], 1e-3), 1).clip(WEAKER, STRONGER)
    found = [_Donor(int(x), int(y), float(g)) for (x, y), g in zip(shifts[each, best], gain, strict=True)]
    return [donor if any_usable else None for donor, any_usable in zip(found, usable.any(1), strict=True)]

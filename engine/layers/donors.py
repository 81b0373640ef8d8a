"""Donors: clean skin near a mark that lends it its texture, one whole-pixel shift of the mark's box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from engine.layers.bands import BUMP_CUT, gaussian
from engine.layers.intact import STRONGER, drawn
from engine.layers.lines import LONG, SURE, Lines, long_lines
from engine.layers.resample import support
from engine.types import F32, Box, FaceAnalysis, FaceGrid

Windows = npt.NDArray[np.int64]
"""(…, 4): x0, y0, x1, y1 in grid pixels."""

RINGS: Final = (1.1, 1.6, 2.2, 3.0, 4.0, 5.5, 7.5)
"""Distances at which donors are tried, in sizes of the mark's box."""
DIRECTIONS: Final = 24
AROUND: Final = 0.5, 1.0
"""How far a mark's surroundings reach beyond its box, in its sizes, and where little of that is clean skin."""
SOME: Final = 0.2
"""Clean skin in them, in areas of the box, that is enough."""
CLEAN, UNCLEAN = 0.9, 4.0
"""Mean share of clean skin that a donor's box must have, and how often what is missing counts against it."""
CONSPICUOUS: Final = 40.0
"""How often a donor's share of lines, short ones too, and of what is over `SPOT` times as rough as usual, such as a
blackhead that is no mark, counts against it: it would be seen a second time."""
TWICE: Final = 0.02
"""Share of these from which skin is no donor: half of a mark's own texture is better than a hair that was not there."""
SPOT: Final = 3.0
FOREIGN: Final = 2.0
"""How often a donor's share of the fine creases under an eye, or of the neck, where a hand that was not found counts as
well, is against it for a mark that lies elsewhere."""
LINE: Final = 2.5
"""Times the face's own strength of texture from which there is no skin, but a crease, a hair, the edge of a nail. No
donor has much of it."""
ALONG: Final = 1 / 200
"""σ over which the strength of texture is taken, as a share of W."""
WANTING: Final = 3.0
"""How often it counts as well by what factor a donor's texture, made as strong as it may be, is still too weak, as a
logarithm: in gloss on a nose the far cheek is a flat patch."""
WEAKER: Final = 1 / 8
"""How far a donor's texture is made weaker, as where skin is out of focus."""


class Donor(NamedTuple):
    """A shift in source pixels, and what its texture is multiplied by."""

    x: int
    y: int
    gain: float


@dataclass(frozen=True)
class Skin:
    """What donors are chosen by: integral images (h + 1, w + 1) over a face's grid of clean skin, its L*, the energy of
    its texture, what would be seen twice, the skin under the eyes and the neck."""

    grid: FaceGrid
    clean: npt.NDArray[np.float64]
    level: npt.NDArray[np.float64]
    energy: npt.NDArray[np.float64]
    conspicuous: npt.NDArray[np.float64]
    under_eyes: npt.NDArray[np.float64]
    neck: npt.NDArray[np.float64]

    @classmethod
    def of(cls, face: FaceAnalysis, unmarked: F32, lines: Lines, texture: float) -> Skin:
        """unmarked: (h, w) in [0, 1] skin without marks. texture: σ that takes texture away, in grid pixels."""
        lightness = np.ascontiguousarray(face.lab[..., 0])
        fine = lightness - gaussian(lightness, texture)
        strength = np.sqrt(gaussian(fine * fine, face.grid_width * ALONG))
        clean = unmarked.copy()
        conspicuous = (lines.labels > 0) | (lines.strength > SURE)
        if (skin := unmarked > 0.5).any():
            usual = np.median(strength[skin])
            clean *= strength < LINE * usual
            conspicuous |= strength > SPOT * usual
        level = gaussian(lightness, face.grid_width * BUMP_CUT)
        others = face.regions["under_eyes"], face.regions["neck"]
        planes = clean, level * clean, fine * fine * clean, drawn(conspicuous), *others
        return cls(face.grid, *(np.asarray(cv2.integral(plane, sdepth=cv2.CV_64F), np.float64) for plane in planes))


def lines_near(windows: Sequence[Box], face: FaceAnalysis) -> Lines:
    """The lines through marks and where donors are looked for."""
    lightness, boxes = face.lab[..., 0], np.array(windows, np.int64).reshape(-1, 4)
    size = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    reach = np.ceil((RINGS[-1] + 1) * size).astype(np.int64)
    low = np.maximum((boxes[:, :2] - reach[:, None]).min(0, initial=lightness.size), 0)
    high = (boxes[:, 2:] + reach[:, None]).max(0, initial=0)
    around = np.zeros(lightness.shape, bool)
    around[low[1] : high[1], low[0] : high[0]] = True
    found = Lines(np.zeros(lightness.shape, np.int32), np.zeros(lightness.shape, np.float32))
    near = support(around & (face.regions["skin"] > 0.5), int(np.ceil(LONG * face.grid_width)))
    if near is not None:
        part = long_lines(np.ascontiguousarray(lightness[near]), face.regions["skin"][near], face.grid_width)
        found.labels[near], found.strength[near] = part.labels, part.strength
    return found


def choose(skin: Skin, windows: Sequence[Box], boxes: Sequence[Box]) -> list[Donor | None]:
    """The clean skin near each mark that is most like the mark's surroundings.

    Among rings of candidates, the least of: difference of mean lightness / 4 + logarithm of the ratio of the texture's
    rms + `WANTING` × how far that lies beyond the greatest gain + distance / 20 sizes + `UNCLEAN` × what is not clean +
    `CONSPICUOUS` × what would be seen twice + `FOREIGN` × the skin under an eye or of the neck, beyond the mark's own
    share. None if no candidate is clean and nearly free of what would be seen twice.

    Args: windows, boxes: of the marks, in grid and in source pixels.
    """
    grid = skin.grid
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
    clean = _sums(skin.clean, there)
    twice = _sums(skin.conspicuous, there) / area
    usable = inside & (clean >= CLEAN * area) & (twice < TWICE)

    reaches = (np.rint(size * reach).astype(np.int64)[:, None] * [-1, -1, 1, 1] for reach in AROUND)
    close, wide = ((here + reach).clip(0, [w, h, w, h]) for reach in reaches)
    around = np.where((_sums(skin.clean, close) > SOME * size**2)[:, None], close, wide)
    near = np.maximum(_sums(skin.clean, around), 1e-6)
    level = _sums(skin.level, around) / near
    rms = np.sqrt(np.maximum(_sums(skin.energy, around), 0) / near)
    share, clean = clean / area, np.maximum(clean, 1e-6)
    own_rms = np.sqrt(np.maximum(_sums(skin.energy, there), 0) / clean)
    cost = np.abs(_sums(skin.level, there) / clean - level[:, None]) / 4
    lacking = np.log(np.maximum(rms, 1e-3)[:, None] / np.maximum(own_rms, 1e-3))
    cost += np.abs(lacking) + WANTING * np.maximum(lacking - np.log(STRONGER), 0)
    cost += np.hypot(*ways.T) / 20 + UNCLEAN * (1 - share) + CONSPICUOUS * twice
    own_area = np.maximum((here[:, 2] - here[:, 0]) * (here[:, 3] - here[:, 1]), 1)
    for other in (skin.under_eyes, skin.neck):
        cost += FOREIGN * np.maximum(_sums(other, there) / area - (_sums(other, here) / own_area)[:, None], 0)
    best = np.where(usable, cost, np.inf).argmin(1)
    each = np.arange(len(best))
    gain = np.where(rms > 0, rms / np.maximum(own_rms[each, best], 1e-3), 1).clip(WEAKER, STRONGER)
    found = [Donor(int(x), int(y), float(g)) for (x, y), g in zip(shifts[each, best], gain, strict=True)]
    return [donor if any_usable else None for donor, any_usable in zip(found, usable.any(1), strict=True)]


def _sums(integral: npt.NDArray[np.float64], windows: Windows) -> npt.NDArray[np.float64]:
    """Over windows."""
    x0, y0, x1, y1 = np.moveaxis(windows, -1, 0)
    total: npt.NDArray[np.float64] = integral[y1, x1] - integral[y0, x1] - integral[y1, x0] + integral[y0, x0]
    return total

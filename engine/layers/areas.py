"""How strong each layer is where: strengths, regions, brushwork and the limits that hold over them.

The weight of a layer at a place of the grid is Σ over parts of mask · factor, times what is brushed there. The parts
are the regions that have strengths of their own and the rest of the face; their masks sum to 1, so with equal factors a
face has no seams. A factor is strength/50 × amount/50 × the region's own, up to the layer's limit:

- healing cannot go past complete, so 1; nor do strengths bring layers that take a share of something away past all of
  it (`ceilings`);
- layers that touch personal features or the form of the face (`PERSONAL`) change no value of the picture by more than
  `ALLOWANCE` · (100 − preserve) / preserve: nothing at preserve 100, any amount at 0.

The brush, which is the person's own hand, goes past the last two.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from engine.types import AREAS, F32, Brushwork, FaceEdits, FaceGrid, RetouchLayers

PERSONAL: Final = frozenset({"features", "teeth", "eye_whites", "under_eye", "light"})
ALLOWANCE: Final = 60 / 255
"""Greatest change by a personal layer at preserve 50, full scale 1; what policies propose stays below."""
REST: Final = ""
"""The part of a face outside the regions that have strengths of their own."""


def limit_of(layers: RetouchLayers, edits: FaceEdits, name: str) -> float:
    """Greatest factor that a layer may have."""
    if name == "heal":
        return 1.0
    ceiling = layers.ceilings.get(name, np.inf)
    if name not in PERSONAL or edits.preserve <= 0:
        return ceiling
    bound = ALLOWANCE * (100 - edits.preserve) / edits.preserve
    return min(ceiling, bound / max(layers.peaks.get(name, 0.0), 1e-9))


def factor_of(layers: RetouchLayers, edits: FaceEdits, name: str, part: str = REST) -> float:
    """Factor of a layer in one part of the face."""
    factor = edits.strengths.factor(name) * (edits.share(part, name) if part else 1.0)
    return min(factor, limit_of(layers, edits, name))


def split_of(edits: FaceEdits, also: Collection[str] = ()) -> tuple[str, ...]:
    """The regions that have strengths of their own, in the order of `AREAS`; `also`: further ones."""
    return tuple(area for area in AREAS if area in also or edits.regions.get(area))


def part_mask(layers: RetouchLayers, split: Collection[str], part: str) -> F32 | None:
    """(h, w) mask of one part of a split in [0, 1]; None for the whole face."""
    if not split:
        return None
    if part == REST:
        parts = [mask for area in split if (mask := part_mask(layers, split, area)) is not None]
        return np.clip(1 - np.sum(parts, axis=0, dtype=np.float32), 0, 1).astype(np.float32)
    return layers.shares[part] if part in layers.shares else np.zeros(layers.grid.shape, np.float32)


def brushed(layers: RetouchLayers, edits: FaceEdits, name: str) -> F32 | None:
    """(h, w) factor painted over a layer, None where nothing is."""
    works = [edits.brushwork[key] for key in (name, "all") if key in edits.brushwork]
    if not works:
        return None
    factor = painted(works[0], layers.grid)
    for work in works[1:]:
        factor = np.asarray(factor * painted(work, layers.grid), np.float32)
    return np.asarray(np.minimum(factor, 1) if name == "heal" else factor, np.float32)


def weight_of(layers: RetouchLayers, edits: FaceEdits, name: str) -> F32 | np.float32:
    """(h, w) weight of a layer on the grid, or one number for all of it."""
    weight, work = _mixed(layers, edits, name), brushed(layers, edits, name)
    return weight if work is None else np.asarray(weight * work, np.float32)


def _mixed(layers: RetouchLayers, edits: FaceEdits, name: str) -> F32 | np.float32:
    split = split_of(edits)
    if not split:
        return np.float32(factor_of(layers, edits, name))
    parts = ((factor_of(layers, edits, name, part), part_mask(layers, split, part)) for part in (REST, *split))
    mixed = [np.float32(factor) * mask for factor, mask in parts if mask is not None]
    return np.asarray(np.sum(mixed, axis=0), np.float32)


def painted(work: Brushwork, grid: FaceGrid) -> F32:
    """(h, w) factor on `grid`; brushwork of another grid is moved to where it was on the photo."""
    values = _factors(work)
    if work.box == grid.box and work.shape == grid.shape:
        return values
    old = FaceGrid(work.box, work.shape)
    # Position p on the new grid lies at p · scale + shift on the old one; pixel centres at .5.
    scale = np.array(old.scale) / np.array(grid.scale)
    shift = (np.array(grid.box[:2]) - np.array(work.box[:2])) * old.scale
    affine = np.array([[scale[0], 0, shift[0] + 0.5 * scale[0] - 0.5], [0, scale[1], shift[1] + 0.5 * scale[1] - 0.5]])
    moved = cv2.warpAffine(
        values,
        affine,
        grid.shape[::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=1.0,
    )
    return np.asarray(moved, np.float32)


@lru_cache(maxsize=32)
def _factors(work: Brushwork) -> npt.NDArray[np.float32]:
    values = work.values().astype(np.float32) / np.float32(Brushwork.NEUTRAL)
    values.setflags(write=False)
    return values


def touched(layers: RetouchLayers, layer: str | None) -> F32:
    """(h, w) 1 where a layer, or anything, changes the face."""
    if layer is not None and layer in layers.deltas:
        return (np.abs(layers.deltas[layer]).max(axis=2) > 0).astype(np.float32)
    if layer == "texture":
        gain = layers.texture_gain
        return np.zeros(layers.grid.shape, np.float32) if gain is None else (gain != 0).astype(np.float32)
    if layer != "heal":
        return layers.mask
    out = np.zeros(layers.grid.shape, np.float32)
    for patch in layers.patches:
        corners = np.array([patch.box[:2], patch.box[2:]], np.float32)
        (x0, y0), (x1, y1) = np.rint(layers.grid.to_grid(corners)).astype(int).clip(0)
        small = np.abs(patch.delta.astype(np.float32)).max(axis=2)
        if x1 > x0 and y1 > y0:
            part = out[y0:y1, x0:x1]
            part[...] = np.maximum(part, cv2.resize(small, part.shape[::-1], interpolation=cv2.INTER_AREA) > 1e-3)
    return out


def masks_of(parts: Mapping[str, F32 | None], work: F32 | None) -> Iterator[tuple[str, F32 | None]]:
    """Part and its mask times what is brushed; None for no mask."""
    for part, mask in parts.items():
        if work is None or mask is None:
            yield part, mask if work is None else work
        else:
            yield part, mask * work


def structure(edits: FaceEdits, split: Collection[str] = ()) -> tuple[object, ...]:
    """What of the edits is built into a view; while it stays the same, `update` follows all changes."""
    return (split_of(edits, split), tuple(sorted(edits.brushwork.items(), key=lambda item: item[0])))

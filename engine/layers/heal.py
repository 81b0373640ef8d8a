"""Heal patches: each mark's colour from the policy, its texture its own where that is sound, else a donor's.

With E the enlargement of a grid image to source pixels, s and h the grid's source and healed image without their
texture, t what healing changes of the texture's luma, x the source pixels and fine = x − E s, a patch is

    delta = m · (E h − E s + texture − fine),
    texture = (k · g · b · c · (luma(fine) + E t) + (1 − k) · fine(donor)) / √(k² + (1 − k)²),

so that inside the mask (m = 1) the result is E h + texture: the healed colours with texture at native resolution. k is
the share of own texture, g restores its strength and c its colour (`intact`); b is luma(E h) / luma(E s), as texture
grows with the light that skin gives back. The donor is clean skin nearby, one whole-pixel shift of the mark's box
(`donors`), like a healing brush (REFERENCES: healing-brush), made as strong as around the mark. The root keeps a
mixture of two unrelated textures as strong as either. Without a donor, half of the own texture is in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from engine.device import side_by_side
from engine.imageio.colour import as_float, luma
from engine.layers import donors
from engine.layers.bands import gaussian
from engine.layers.donors import Donor
from engine.layers.intact import STRONGER, OwnTexture, lines_through, sound_texture
from engine.layers.resample import Enlarger
from engine.marks.fill import SUPPORT
from engine.types import F32, Box, FaceAnalysis, FaceGrid, HealPatch, Mark, Photo

TEXTURE: Final = 1 / 200
"""σ of the Gaussian that takes texture away, as a share of W: pores and what links them to the bumps, which a network
heals too smoothly."""
PAD: Final = 2
"""Grid pixels around a mark's support, over which its enlarged mask falls to 0."""
MISTAKEN: Final = np.float32(0.5)
"""Share of what healing changes of the texture that is not done to a line that runs through: a network takes some of a
hair for a part of the mark. The whole leaves 0.003 more of painted marks."""
OWN_FINE: Final = np.float32(0.5)
"""What is kept of a mark's own healed texture where no donor is found."""


@dataclass(frozen=True)
class _Scene:
    """What all marks of a face share.

    planes: (7, h, w) source and change without their texture, encoded, and what healing changes of the texture's luma;
    cubic enlarges them, linear shares and factors; canvas: (h, w) zeros, where one mask at a time is drawn.
    """

    photo: Photo
    grid: FaceGrid
    planes: F32
    cubic: Enlarger
    linear: Enlarger
    canvas: F32
    own: OwnTexture


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
    marked = np.zeros(face.grid.shape, np.float32)
    for where, mask in soft.values():
        marked[where] += mask
    unmarked = (np.clip(face.regions["skin"], 0, 1) * (marked < SUPPORT)).astype(np.float32)
    windows = {mark.id: _window(face.grid, soft[mark.id][0]) for mark in marks if mark.id in soft}
    lines = donors.lines_near([*windows.values()], face)
    encoded = np.concatenate([np.moveaxis(each, -1, 0) for each in (source, change)])
    planes = np.stack(side_by_side(lambda plane: gaussian(plane, sigma), encoded))
    texture = encoded - planes
    healing, own = luma(texture[3:]), OwnTexture.none(face.grid.shape)
    if not covering:
        own = sound_texture(texture[:3], healing, unmarked, face.grid_width)
        through = lines_through(lines, marked < SUPPORT, face.grid_width)
        own = replace(own, share=np.maximum(own.share, through))
        healing = healing * (1 - MISTAKEN * through)
    scene = _Scene(
        photo,
        face.grid,
        np.concatenate([planes, healing[None]]),
        Enlarger(face.grid, cubic=True),
        Enlarger(face.grid, cubic=False),
        np.zeros(face.grid.shape, np.float32),
        own,
    )
    boxes = {key: _source_box(face.grid, window) for key, window in windows.items()}
    boxes = {key: box for key, box in boxes.items() if min(box[2] - box[0], box[3] - box[1]) >= 3}
    skin = donors.Skin.of(face, unmarked, lines, sigma)
    found = donors.choose(skin, [windows[key] for key in boxes], [*boxes.values()])
    return tuple(
        _patch(scene, key, box, *soft[key], donor, covering)
        for (key, box), donor in zip(boxes.items(), found, strict=True)
    )


def _patch(
    scene: _Scene,
    mark: str,
    box: Box,
    where: tuple[slice, slice],
    mask: F32,
    donor: Donor | None,
    covering: bool,
) -> HealPatch:
    """mark: its id. box: of the patch, in source pixels. where, mask: see `heal_patches`."""
    photo = scene.photo
    scene.canvas[where] = mask
    m = scene.linear(scene.canvas, box)
    scene.canvas[where] = 0
    m[0] = m[-1] = m[:, 0] = m[:, -1] = 0

    source, change, healing = np.split(scene.cubic(scene.planes, box), [3, 6])
    fine = _pixels(photo, box) - source
    share, gain = scene.linear(scene.own.share, box), scene.linear(scene.own.gain, box)
    brighter = (luma(source + change) / np.maximum(luma(source), 0.02)).clip(1 / STRONGER, STRONGER)
    own = scene.own.colour[:, None, None] * brighter * gain * (luma(fine) + healing)
    if donor is None:
        texture = (share + (1 - share) * OWN_FINE) * own
    else:
        there = box[0] + donor.x, box[1] + donor.y, box[2] + donor.x, box[3] + donor.y
        foreign = np.float32(donor.gain) * (_pixels(photo, there) - scene.cubic(scene.planes[:3], there))
        texture = (share * own + (1 - share) * foreign) / np.sqrt(share**2 + (1 - share) ** 2)
    delta = np.moveaxis((m * (change + texture - fine)).astype(np.float16), 0, -1)
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

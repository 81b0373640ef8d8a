"""From what a policy proposes on the face grid to `RetouchLayers`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from engine.device import side_by_side
from engine.errors import ModelCorruptError
from engine.imageio.colour import from_lab
from engine.layers.bands import PORE_CUT
from engine.layers.heal import heal_patches
from engine.layers.resample import support
from engine.marks.find import MarkMasks
from engine.types import AREAS, F32, LAYERS, FaceAnalysis, FaceGrid, HealPatch, Mark, Photo, RetouchLayers

NEGLIGIBLE: Final = np.float32(2e-6)
"""Deltas below this (an eighth of a 16-bit step) become 0, so that the mask covers only what changes."""


def build_layers(
    photo: Photo,
    face: FaceAnalysis,
    lab_deltas: Mapping[str, F32],
    texture_gain: F32 | None,
    marks: Sequence[Mark],
    healed_lab: F32,
    mark_masks: Mapping[str, F32],
) -> RetouchLayers:
    """Encode a proposal as layers.

    Args:
        photo: source of the fine texture of heal patches, and of the colour encoding.
        face: its grid and `lab`.
        lab_deltas: layer name → (h, w, 3) L*a*b* difference on the grid at proposed strength, masked by its region.
        texture_gain: (h, w) factor minus 1 on the pore band, masked; None for no change.
        marks: the ledger in reading order.
        healed_lab: (h, w, 3) L*a*b* of the grid with all marks healed.
        mark_masks: mark id → (h, w) soft mask in [0, 1] on the grid; where masks overlap they are made to sum to 1.

    Raises:
        ModelCorruptError: something is not finite; the message names the layer.
        ValueError: an unknown layer name or a wrong shape.
    """
    for name, delta in lab_deltas.items():
        if name not in LAYERS:
            raise ValueError(f"Unknown layer {name!r}; known are {', '.join(LAYERS)}.")
        _check(photo, name, delta, (*face.grid.shape, 3))
    _check(photo, "heal", healed_lab, (*face.grid.shape, 3))
    if texture_gain is not None:
        _check(photo, "texture", texture_gain, face.grid.shape)

    source = from_lab(face.lab, photo.icc)
    soft = _partition(photo, marks, mark_masks, face.grid.shape)
    healed = (healed_lab - face.lab) * _near(soft.values(), face.grid_width, face.grid.shape)[..., None]
    proposed = {**lab_deltas, "heal": healed}
    encoded = side_by_side(lambda item: _encode(photo, face.lab, source, item[1], item[0]), proposed.items())
    *planes, (change, _) = encoded
    deltas = {name: delta for name, (delta, _) in zip(lab_deltas, planes, strict=True)}
    patches = heal_patches(photo, face, marks, soft, source, change)

    touched = np.zeros(face.grid.shape, bool)
    for _, changed in planes:
        touched.reshape(-1)[changed] = True
    if texture_gain is not None:
        touched |= texture_gain != 0
    for (rows, columns), mask in soft.values():
        touched[rows, columns] |= mask > 0
    gain = None if texture_gain is None else np.ascontiguousarray(texture_gain, np.float32)
    mask = touched.astype(np.float32)
    regions = {name: face.regions[name] for name in AREAS if name in face.regions}
    return RetouchLayers(face.id, face.grid, face.width, deltas, gain, mask, tuple(marks), patches, regions)


class ScaledDeltas(Mapping[str, F32]):
    """Deltas in other amounts, each worked out when it is first asked for: most variations are never looked at."""

    def __init__(self, deltas: Mapping[str, F32], factor: Callable[[str], F32]) -> None:
        self._deltas, self._factor = deltas, factor
        self._known: dict[str, F32] = {}

    def __getitem__(self, name: str) -> F32:
        if name not in self._known:
            delta = self._deltas[name]
            spread = np.asarray(cv2.merge([self._factor(name)] * 3), np.float32)
            self._known[name] = np.multiply(spread, delta, out=spread)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._deltas)

    def __len__(self) -> int:
        return len(self._deltas)


def scaled(layers: RetouchLayers, factor: Callable[[str], F32]) -> RetouchLayers:
    """The same layers in other amounts, without encoding anything anew: each is linear in its `factor(name)` (h, w).
    A mark's patch takes the factor at the mark's middle. The mask stays: where it is 0, so is every delta."""
    gain = layers.texture_gain
    gain = gain if gain is None else gain * factor("texture")
    heal = factor("heal")
    patches = tuple(_scaled_patch(patch, heal, layers.grid) for patch in layers.patches)
    return replace(layers, deltas=ScaledDeltas(layers.deltas, factor), texture_gain=gain, patches=patches)


def _scaled_patch(patch: HealPatch, factor: F32, grid: FaceGrid) -> HealPatch:
    x0, y0, x1, y1 = patch.box
    x, y = grid.to_grid(np.array([[(x0 + x1) / 2, (y0 + y1) / 2]], np.float32))[0].astype(int)
    return replace(patch, delta=patch.delta * np.float16(factor[y, x]))


def _check(photo: Photo, name: str, values: F32, shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise ValueError(f"The {name} layer has shape {values.shape} instead of {shape}.")
    if not np.isfinite(values).all():
        raise ModelCorruptError(
            f"The model's {name} layer for {photo.path.name} holds values that are not numbers.",
            "Try again with --device cpu, or install the model's weights again.",
            layer=name,
        )


def _encode(photo: Photo, lab: F32, source: F32, delta: F32, name: str) -> tuple[F32, npt.NDArray[np.intp]]:
    """L*a*b* difference → difference of encoded values, exactly 0 where nothing changes, and the pixels where something
    does, counted row by row."""
    encoded = np.zeros_like(delta)
    changed = np.flatnonzero(_beyond(delta, np.float32(0)))
    if not changed.size:
        return encoded, changed
    was, lab, delta = (plane.reshape(-1, 3)[changed] for plane in (source, lab, delta))
    inner = from_lab((lab + delta)[:, None], photo.icc)[:, 0] - was
    _check(photo, name, inner, inner.shape)
    seen = _beyond(inner, NEGLIGIBLE)
    changed = changed[seen]
    encoded.reshape(-1, 3)[changed] = inner[seen]
    return encoded, changed


def _beyond(values: F32, limit: np.float32) -> npt.NDArray[np.bool_]:
    """Where the channels of (…, 3) are together further from 0 than the limit."""
    size = cv2.transform(np.abs(values).reshape(-1, 1, 3), np.ones((1, 3), np.float32))
    return np.asarray(size.reshape(values.shape[:-1]) > limit)


SoftMask = tuple[tuple[slice, slice], F32]
"""Where on the grid (rows, columns), and the values there."""


def _partition(
    photo: Photo, marks: Sequence[Mark], masks: Mapping[str, F32], shape: tuple[int, int]
) -> dict[str, SoftMask]:
    """Cut each mask to its support and share out overlaps, so that the masks sum to at most 1."""
    total = np.zeros(shape, np.float32)
    cut: dict[str, SoftMask] = {}
    for mark in marks:
        where, mask = masks.cut(mark.id) if isinstance(masks, MarkMasks) else _cut(photo, masks[mark.id], shape)
        _check(photo, "heal", mask, mask.shape)
        if mask.size:
            cut[mark.id] = (where, np.clip(mask, 0, 1).astype(np.float32))
            total[where] += cut[mark.id][1]
    share = np.maximum(total, 1)
    return {key: (where, (mask / share[where]).astype(np.float32)) for key, (where, mask) in cut.items()}


def _near(soft: Iterable[SoftMask], width: float, shape: tuple[int, int]) -> F32:
    """(h, w) 1 on marks and as far around them as a blur between the bands of pores and bumps reaches, else 0."""
    near = np.zeros(shape, np.uint8)
    for where, mask in soft:
        near[where] |= mask > 0
    side = 2 * int(np.ceil(4 * width * PORE_CUT)) + 1
    return np.asarray(cv2.dilate(near, np.ones((side, side), np.uint8)), np.float32)


def _cut(photo: Photo, mask: F32, shape: tuple[int, int]) -> SoftMask:
    """A whole mask cut to its support."""
    _check(photo, "heal", mask, shape)
    where = support(mask) or (slice(0, 0), slice(0, 0))
    return where, mask[where]

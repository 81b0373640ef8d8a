"""From what a policy proposes on the face grid to `RetouchLayers`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.errors import ModelCorruptError
from engine.imageio.colour import from_lab
from engine.layers.heal import heal_patches
from engine.types import AREAS, F32, LAYERS, FaceAnalysis, Mark, Photo, RetouchLayers

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
    deltas = {name: _encode(photo, face.lab, source, delta, name) for name, delta in lab_deltas.items()}
    change = from_lab(healed_lab, photo.icc) - source
    _check(photo, "heal", change, source.shape)
    soft = _partition(photo, marks, mark_masks, face.grid.shape)
    patches = heal_patches(photo, face, marks, soft, source, change)

    touched = np.zeros(face.grid.shape, bool)
    for delta in deltas.values():
        touched |= _beyond(delta, np.float32(0))
    if texture_gain is not None:
        touched |= texture_gain != 0
    for (rows, columns), mask in soft.values():
        touched[rows, columns] |= mask > 0
    gain = None if texture_gain is None else np.ascontiguousarray(texture_gain, np.float32)
    mask = touched.astype(np.float32)
    regions = {name: face.regions[name] for name in AREAS if name in face.regions}
    return RetouchLayers(face.id, face.grid, face.width, deltas, gain, mask, tuple(marks), patches, regions)


def _check(photo: Photo, name: str, values: F32, shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise ValueError(f"The {name} layer has shape {values.shape} instead of {shape}.")
    if not np.isfinite(values).all():
        raise ModelCorruptError(
            f"The model's {name} layer for {photo.path.name} holds values that are not numbers.",
            "Try again with --device cpu, or install the model's weights again.",
            layer=name,
        )


def _encode(photo: Photo, lab: F32, source: F32, delta: F32, name: str) -> F32:
    """L*a*b* difference → difference of encoded values, exactly 0 where nothing changes."""
    encoded = np.zeros_like(delta)
    changed = _beyond(delta, np.float32(0))
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if rows.size == 0:
        return encoded
    part = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    inner = from_lab((lab[part] + delta[part]).astype(np.float32), photo.icc) - source[part]
    _check(photo, name, inner, inner.shape)
    inner[~(_beyond(inner, NEGLIGIBLE) & changed[part])] = 0
    encoded[part] = inner
    return encoded


def _beyond(values: F32, limit: np.float32) -> npt.NDArray[np.bool_]:
    """Where any channel's magnitude is above the limit (quicker than a reduction over so short an axis)."""
    first, second, third = (np.abs(values[..., c]) > limit for c in range(3))
    return first | second | third


SoftMask = tuple[tuple[slice, slice], F32]
"""Where on the grid (rows, columns), and the values there."""


def _partition(
    photo: Photo, marks: Sequence[Mark], masks: Mapping[str, F32], shape: tuple[int, int]
) -> dict[str, SoftMask]:
    """Cut each mask to its support and share out overlaps, so that the masks sum to at most 1."""
    total = np.zeros(shape, np.float32)
    cut: dict[str, SoftMask] = {}
    for mark in marks:
        mask = masks[mark.id]
        _check(photo, "heal", mask, shape)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if rows.size:
            where = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
            cut[mark.id] = (where, np.clip(mask[where], 0, 1).astype(np.float32))
            total[where] += cut[mark.id][1]
    share = np.maximum(total, 1)
    return {key: (where, (mask / share[where]).astype(np.float32)) for key, (where, mask) in cut.items()}

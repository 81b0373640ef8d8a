"""The renderer: source pixels + layers × strengths → pixels at native resolution.

out = round(source + Σ weight · delta), weights as in `areas`, in float32 on the source's encoded values, rounded to
nearest at the source's own depth. Where a face's `mask` is 0 after linear enlargement, nothing is added and the pixel
is bit-identical.

Any region comes out equal to the same region of the whole photo: all resampling uses absolute positions (`resample`),
and the pore band is computed in integers from the photo around the region. Faces are rendered in the given order; where
two overlap, both deltas add up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from engine.device import side_by_side
from engine.layers.areas import weight_of
from engine.layers.bands import PORE_CUT
from engine.layers.resample import across, down, enlarging, intersect, reach, support
from engine.types import F32, Box, Decision, FaceEdits, HealPatch, Photo, Pixels, RetouchLayers

STRIP_ROWS: Final = 128
"""Rows handled at once: bounds the memory of float intermediates."""

GATE_SLOPE: Final = np.float32(4)
"""Deltas fade out over the lowest quarter of the mask, so that cubic enlargement cannot reach where the mask is 0."""


def removed_patches(layers: RetouchLayers, edits: FaceEdits) -> tuple[HealPatch, ...]:
    """Patches of the marks to remove: the person's decision goes before the policy's."""
    decisions = {mark.id: edits.decisions.get(mark.id, mark.decision) for mark in layers.marks}
    return tuple(patch for patch in layers.patches if decisions.get(patch.mark_id) is Decision.REMOVE)


def _laid(patches: Sequence[HealPatch]) -> tuple[HealPatch, ...]:
    """Patches that can be added up: what one covers is taken from those before it."""
    laid: list[HealPatch] = []
    for patch in patches:
        if patch.cover is not None:
            laid = [_beneath(each, patch.box, patch.cover) for each in laid]
        laid.append(patch)
    return tuple(laid)


def _beneath(patch: HealPatch, box: Box, cover: npt.NDArray[np.float16]) -> HealPatch:
    common = intersect(patch.box, box)
    if common is None:
        return patch
    x0, y0, x1, y1 = common
    delta = patch.delta.copy()
    part = delta[y0 - patch.box[1] : y1 - patch.box[1], x0 - patch.box[0] : x1 - patch.box[0]]
    part *= 1 - cover[y0 - box[1] : y1 - box[1], x0 - box[0] : x1 - box[0], None]
    return replace(patch, delta=delta)


def gate_of(mask: F32) -> F32:
    """Factor in [0, 1] on all deltas for an enlarged mask."""
    return np.minimum(np.float32(1), GATE_SLOPE * mask)


def reach_of(layers: RetouchLayers) -> Box | None:
    """The source pixels outside which the enlarged mask is 0; None if it is 0 everywhere."""
    part = support(layers.mask)
    if part is None:
        return None
    rows, columns = part
    x0, y0, x1, y1 = layers.grid.box
    sx, sy = layers.grid.scale
    left, top = math.floor(x0 + (columns.start - 1) / sx), math.floor(y0 + (rows.start - 1) / sy)
    right, bottom = math.ceil(x0 + (columns.stop + 1) / sx), math.ceil(y0 + (rows.stop + 1) / sy)
    return max(x0, left), max(y0, top), min(x1, right), min(y1, bottom)


def pore_band(photo: Photo, box: Box, width: float) -> F32:
    """The photo's own pore band in `box`: (h, w, 3) float32 in code values, photo minus its blur of σ = W/400.

    The blur runs in 16-bit integers, which OpenCV computes equally for any region, over the box grown by the kernel.
    """
    sigma = width * PORE_CUT
    radius = math.ceil(3 * sigma)
    (x0, y0, x1, y1), (w, h) = box, photo.size
    gx, gy = max(0, x0 - radius), max(0, y0 - radius)
    grown = np.ascontiguousarray(photo.pixels[gy : min(h, y1 + radius), gx : min(w, x1 + radius)])
    unit = 256 if photo.depth == 8 else 1
    codes = grown.astype(np.uint16) * np.uint16(unit)
    size = 2 * radius + 1
    low = cv2.GaussianBlur(codes, (size, size), sigma, borderType=cv2.BORDER_REFLECT)
    inner = np.s_[y0 - gy : y1 - gy, x0 - gx : x1 - gx]
    band = codes[inner].astype(np.float32) - low[inner].astype(np.float32)
    return band / np.float32(unit) if unit != 1 else band


class _Face:
    """One face's deltas at given edits, ready to be added to any rows of `box`."""

    def __init__(self, photo: Photo, layers: RetouchLayers, edits: FaceEdits, box: Box) -> None:
        self.photo, self.layers, self.box = photo, layers, box
        grid = layers.grid
        total = _total(layers, edits)
        columns = (grid.shape[1], grid.box[0], grid.scale[0], box[0], box[2])
        self.cubic, self.linear = enlarging(*columns, cubic=True), enlarging(*columns, cubic=False)
        self.delta = total if total is not None and total.any() else None
        texture, gain = weight_of(layers, edits, "texture"), layers.texture_gain
        self.gain = texture * gain if gain is not None and np.any(texture) and gain.any() else None
        self.heal = heal = weight_of(layers, edits, "heal")
        self.patches = _laid(removed_patches(layers, edits)) if np.any(heal) else ()

    @property
    def idle(self) -> bool:
        return self.delta is None and self.gain is None and not self.patches

    def add(self, out: Pixels, top: int, bottom: int) -> None:
        """Render source rows top … bottom of the box into `out` (those rows and the box's columns)."""
        grid, full = self.layers.grid, np.float32(np.iinfo(out.dtype).max)
        rows = (grid.shape[0], grid.box[1], grid.scale[1], top, bottom)
        kept = reach(*rows)
        linear = enlarging(*rows, cubic=False, window=kept)
        gate = gate_of(down(linear, across(self.linear, self.layers.mask[kept])))[..., None]
        touched = np.flatnonzero(gate.any(axis=(0, 2)))
        if not touched.size:
            return
        columns = slice(int(touched[0]), int(touched[-1]) + 1)
        out, gate, beside = out[:, columns], gate[:, columns], self.linear[columns]
        region = (self.box[0] + columns.start, top, self.box[0] + columns.stop, bottom)
        change = np.zeros(out.shape, np.float32)
        if self.delta is not None:
            wide = across(self.cubic[columns], self.delta[kept])
            change += down(enlarging(*rows, cubic=True, window=kept), wide) * full
        heal = down(linear, across(beside, self.heal[kept]))[..., None] if isinstance(self.heal, np.ndarray) else None
        for patch in self.patches:
            if common := intersect(patch.box, region):
                x0, y0, x1, y1 = common
                px, py = patch.box[:2]
                delta = patch.delta[y0 - py : y1 - py, x0 - px : x1 - px].astype(np.float32)
                where = np.s_[y0 - top : y1 - top, x0 - region[0] : x1 - region[0]]
                change[where] += delta * full * (self.heal if heal is None else heal[where])
        if self.gain is not None:
            gain = down(linear, across(beside, self.gain[kept]))[..., None]
            change += pore_band(self.photo, region, self.layers.width) * gain
        change *= gate
        change += out
        np.rint(change, out=change)
        np.clip(change, 0, full, out=change)
        out[...] = change.astype(out.dtype)


def _total(layers: RetouchLayers, edits: FaceEdits) -> F32 | None:
    """The sum (h, w, 3) of all deltas at these edits; None if every strength is 0. Layers at 0 are not looked at."""
    weights = {name: weight for name in layers.deltas if np.any(weight := weight_of(layers, edits, name))}
    parts = side_by_side(lambda name: layers.deltas[name] * _plane(weights[name]), weights)
    return reduce(lambda total, part: np.add(total, part, out=total), parts) if parts else None


def _plane(weight: F32 | np.float32) -> F32 | np.float32:
    """A weight (h, w), or one number, as a factor on (h, w, 3)."""
    return weight[..., None] if isinstance(weight, np.ndarray) else weight


def _copy(source: Pixels, out: Pixels, start: int) -> None:
    out[start : start + STRIP_ROWS] = source[start : start + STRIP_ROWS]


def _strip(face: _Face, view: Pixels, start: int) -> None:
    part = view[start : start + STRIP_ROWS]
    top = face.box[1] + start
    face.add(part, top, top + part.shape[0])


def render(photo: Photo, faces: Sequence[tuple[RetouchLayers, FaceEdits]], box: Box | None = None) -> Pixels:
    """The retouched pixels of `box` (source pixels; the whole photo if None), same dtype as the photo, a fresh array.

    Raises: ValueError if the box is empty or not inside the photo.
    """
    width, height = photo.size
    x0, y0, x1, y1 = box or (0, 0, width, height)
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise ValueError(f"Box {(x0, y0, x1, y1)} is not inside the photo of {width}×{height} pixels.")
    source = photo.pixels[y0:y1, x0:x1]
    out = np.empty_like(source, order="C")
    side_by_side(partial(_copy, source, out), range(0, y1 - y0, STRIP_ROWS))
    for layers, edits in faces:
        reach = reach_of(layers) if edits.enabled else None
        common = intersect(reach, (x0, y0, x1, y1)) if reach else None
        if common is None:
            continue
        face = _Face(photo, layers, edits, common)
        if face.idle:
            continue
        view = out[common[1] - y0 : common[3] - y0, common[0] - x0 : common[2] - x0]
        side_by_side(partial(_strip, face, view), range(0, view.shape[0], STRIP_ROWS))
    return out

"""The renderer for views: per-layer stacks at view scale, so that a strength change is one blend of cached pixels.

A view shows `box` of the photo in `size` pixels, at most one per source pixel. Each layer of each face is brought to
view scale once, by the same enlargement as in `render` followed by area means, and kept as int16 in 1/64 of an 8-bit
step. The picture is base + Σ factor · layer. While factors move along one line (any one slider, or Amount), everything
is P + t · Q with fixed P and Q: one fused operation over the rectangle that changes.

At one view pixel per source pixel the result is `render`'s within one step of 255; below, it is the area mean of
`render` up to how the pore band and the edges of masks are averaged. Photos with another profile than sRGB are kept as
differences in display sRGB, exact for each layer at its proposed strength; mixing them linearly adds up to a few steps.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from engine.imageio.colour import converted, to_uint8
from engine.jobs import CancelToken
from engine.layers.areas import REST, brushed, factor_of, masks_of, part_mask, split_of, touched, weight_of
from engine.layers.bands import PORE_CUT, gaussian
from engine.layers.render import gate_of, pore_band, removed_patches
from engine.layers.resample import Matrix, across, averaging, down, enlarging, intersect, reach, support
from engine.layers.stacks import Rect, Stack, add, to_bytes, to_stack, union, within
from engine.types import F32, Box, FaceEdits, Photo, RetouchLayers

REFRESH: Final = 32
"""P is summed up anew after this many changes of direction, before roundings add up to a visible amount."""


@dataclass
class _Entry:
    """One layer in one part (`areas`) of one face: `stack` (h, w, 3) belongs at `rect` of the view. weight: of "heal",
    (h, w) over `rect`."""

    face: int
    name: str
    part: str
    rect: Rect
    stack: Stack
    weight: F32 | None = None


@dataclass(frozen=True)
class _Resampling:
    """From an image to view pixels: what of it they depend on, and one matrix per axis, as in `resample`."""

    part: tuple[slice, slice]
    columns: Matrix
    rows: Matrix

    def __call__(self, image: F32) -> F32:
        """(h, w) or (h, w, c) → (H, W) or (H, W, c)."""
        return down(self.rows, across(self.columns, image[self.part]))


@dataclass
class _FaceView:
    """One face on the view, and parts of its heal stack by mark, at view scale, for when a decision changes.

    common: the part of its grid's box that shows. cubic, linear: from the grid to view pixels. gate: (h, w, 1). split:
    the regions that have stacks of their own. patches: where, the difference and what it covers, as in `HealPatch`."""

    layers: RetouchLayers
    common: Box
    rect: Rect
    cubic: _Resampling
    linear: _Resampling
    gate: F32
    split: tuple[str, ...]
    patches: dict[str, tuple[Rect, F32, F32 | None]] = field(default_factory=dict)
    shown: frozenset[str] = frozenset()


@dataclass
class _Line:
    """Factors origin + t · direction, and Q over `rect`."""

    origin: npt.NDArray[np.float64]
    direction: npt.NDArray[np.float64]
    rect: Rect
    stack: Stack
    t: float = 0.0


class PreviewRenderer:
    """A view of a retouched photo that follows strengths at display rate.

    Building one takes a moment (make it in a worker); `update` is quick. Not for several threads at once.

    Args:
        photo: the source.
        layers: one per face, in rendering order.
        box: source pixels shown, inside the photo.
        size: (width, height) of the view, each at least 1 and at most the box's.
        token: cancels building.
        edits: one per face; their brushwork and regions are built in, see `structure`.
        split: further regions whose strengths are about to be changed.
        display: ICC profile of the monitor, None for sRGB.
    """

    def __init__(
        self,
        photo: Photo,
        layers: Sequence[RetouchLayers],
        box: Box,
        size: tuple[int, int],
        token: CancelToken | None = None,
        edits: Sequence[FaceEdits] = (),
        split: Collection[str] = (),
        display: bytes | None = None,
    ) -> None:
        x0, y0, x1, y1 = box
        if not (0 <= x0 < x1 <= photo.size[0] and 0 <= y0 < y1 <= photo.size[1]):
            raise ValueError(f"Box {box} is not inside the photo of {photo.size[0]}×{photo.size[1]} pixels.")
        if not (1 <= size[0] <= x1 - x0 and 1 <= size[1] <= y1 - y0):
            raise ValueError(f"A view of {size[0]}×{size[1]} pixels does not fit box {box}; enlarge it when painting.")
        self.photo, self.box, self.size = photo, box, size
        self.step = (x1 - x0) / size[0], (y1 - y0) / size[1]
        self._native = size == (x1 - x0, y1 - y0)
        token = token or CancelToken()
        encoded = self._reduce()
        self._display = display
        self._as_is = _same_colours(photo.icc, display)
        self._shown = encoded if self._as_is else self._colours(encoded)
        self._encoded = encoded
        self._base = to_stack(self._shown)
        self._entries: list[_Entry] = []
        self._faces: list[_FaceView | None] = []
        for index, face in enumerate(layers):
            own = edits[index] if edits else FaceEdits()
            self._faces.append(self._add_face(index, face, own, split_of(own, split), token))
        self._edits = tuple(edits) or (FaceEdits(),) * len(layers)
        token.check()
        del self._encoded, self._shown
        self._start()

    def repainted(self, edits: Sequence[FaceEdits], token: CancelToken) -> PreviewRenderer:
        """A renderer for edits of the same structure but for their brushwork; only what was brushed is made anew."""
        new = copy.copy(self)
        new._encoded = encoded = new._reduce()
        new._shown = encoded if new._as_is else new._colours(encoded)
        new._entries, new._faces = [], []
        for index, face in enumerate(self._faces):
            old = self._edits[index].brushwork
            work = edits[index].brushwork
            names = {name for name in (*old, *work) if old.get(name) != work.get(name)}
            kept = [e for e in self._entries if e.face == index and "all" not in names and e.name not in names]
            # Stacks of "heal" follow decisions, which the old renderer may be doing just now: they begin anew.
            new._entries += [replace(e, stack=np.zeros_like(e.stack)) if e.name == "heal" else e for e in kept]
            if face is not None:
                face = replace(face, shown=frozenset())
                new._add_layers(index, face, edits[index], token, None if "all" in names else names)
            new._faces.append(face)
        new._edits = tuple(edits)
        del new._encoded, new._shown
        new._start()
        return new

    # --- building -----------------------------------------------------------------------------------------------------

    def _reduce(self) -> F32:
        """The source at view scale, encoded, full scale 1."""
        x0, y0, x1, y1 = self.box
        pixels = self.photo.pixels[y0:y1, x0:x1]
        if not self._native:
            pixels = cv2.resize(np.ascontiguousarray(pixels), self.size, interpolation=cv2.INTER_AREA)
        return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)

    def _add_face(
        self, index: int, layers: RetouchLayers, edits: FaceEdits, split: tuple[str, ...], token: CancelToken
    ) -> _FaceView | None:
        common = intersect(layers.grid.box, self.box)
        if common is None:
            return None
        rect = self._rect(common)
        cubic, linear = (
            self._resampling(layers, common, rect, cubic=True),
            self._resampling(layers, common, rect, cubic=False),
        )
        gate = gate_of(linear(layers.mask))[..., None]
        face = _FaceView(layers, common, rect, cubic, linear, gate, split)
        for patch in layers.patches:
            if inside := intersect(patch.box, common):
                inner = self._rect(inside)
                x0, y0, x1, y1 = inside
                part = np.s_[y0 - patch.box[1] : y1 - patch.box[1], x0 - patch.box[0] : x1 - patch.box[0]]
                means = _Resampling((slice(None), slice(None)), *self._averages(inside, inner))
                delta = means(patch.delta[part].astype(np.float32)) * gate[within(inner, rect)]
                cover = None if patch.cover is None else means(patch.cover[part].astype(np.float32))[..., None]
                face.patches[patch.mark_id] = inner, self._to_display(delta, inner), cover
        self._add_layers(index, face, edits, token)
        return face

    def _add_layers(
        self, index: int, face: _FaceView, edits: FaceEdits, token: CancelToken, names: Collection[str] | None = None
    ) -> None:
        """Stacks of a face's layers, or of those named."""
        layers, rect, gate = face.layers, face.rect, face.gate
        parts = {part: part_mask(layers, face.split, part) for part in (REST, *face.split)}
        for name, delta in layers.deltas.items():
            for part, mask in masks_of(parts, brushed(layers, edits, name)) if names is None or name in names else ():
                token.check()
                here = delta if mask is None else delta * mask[..., None]
                if here.any():
                    self._keep(index, name, part, rect, np.multiply(shown := face.cubic(here), gate, out=shown))
        if layers.texture_gain is not None and (names is None or "texture" in names):
            pores = self._pores(face.common, rect, layers.width) * gate
            for part, mask in masks_of(parts, brushed(layers, edits, "texture")):
                token.check()
                gain = layers.texture_gain if mask is None else layers.texture_gain * mask
                if gain.any():
                    self._keep(index, "texture", part, rect, face.linear(gain)[..., None] * pores)
        if face.patches and (names is None or "heal" in names):
            face.shown = frozenset()
            for part, mask in masks_of(parts, brushed(layers, edits, "heal")):
                weight = None if mask is None else face.linear(mask)
                empty = np.zeros((*gate.shape[:2], 3), np.int16)
                self._entries.append(_Entry(index, "heal", part, rect, empty, weight))

    def _keep(self, index: int, name: str, part: str, rect: Rect, delta: F32) -> None:
        stack = to_stack(self._to_display(delta, rect))
        if stack.any():
            self._entries.append(_Entry(index, name, part, rect, stack))

    def _to_display(self, delta: F32, rect: Rect) -> F32:
        """A difference of encoded values as the difference that it makes in display sRGB."""
        if self._as_is or (part := support(delta)) is None:
            return delta
        shown = np.zeros_like(delta)
        shown[part] = self._colours(self._encoded[rect][part] + delta[part]) - self._shown[rect][part]
        return shown

    def _colours(self, encoded: F32) -> F32:
        """Encoded values of the photo as the display's, full scale 1."""
        return converted(encoded, self.photo.icc, self._display)

    def _rect(self, box: Box) -> Rect:
        """The view pixels that show a part of `box`."""
        (sx, sy), (w, h) = self.step, self.size
        x0, x1 = int((box[0] - self.box[0]) / sx), min(w, int(np.ceil((box[2] - self.box[0]) / sx)))
        y0, y1 = int((box[1] - self.box[1]) / sy), min(h, int(np.ceil((box[3] - self.box[1]) / sy)))
        return slice(y0, y1), slice(x0, x1)

    def _averages(self, box: Box, rect: Rect) -> tuple[Matrix, Matrix]:
        """(columns, rows) from source pixels of `box` to view pixels of `rect`."""
        (rows, columns), (sx, sy) = rect, self.step
        return (
            averaging(box[0], box[2], self.box[0], sx, columns.start, columns.stop),
            averaging(box[1], box[3], self.box[1], sy, rows.start, rows.stop),
        )

    def _resampling(self, layers: RetouchLayers, box: Box, rect: Rect, *, cubic: bool) -> _Resampling:
        """From the face grid to view pixels."""
        grid = layers.grid
        columns, rows = self._averages(box, rect)
        x = (grid.shape[1], grid.box[0], grid.scale[0], box[0], box[2])
        y = (grid.shape[0], grid.box[1], grid.scale[1], box[1], box[3])
        part = reach(*y), reach(*x)
        columns = columns @ enlarging(*x, cubic=cubic, window=part[1])
        rows = rows @ enlarging(*y, cubic=cubic, window=part[0])
        return _Resampling(part, columns.tocsr(), rows.tocsr())

    def _pores(self, box: Box, rect: Rect, width: float) -> F32:
        """The pore band at view scale, full scale 1; reduced views take it from the reduced source."""
        if self._native:
            return pore_band(self.photo, box, width) / np.float32(np.iinfo(self.photo.pixels.dtype).max)
        base = np.ascontiguousarray(self._encoded[rect])
        return base - gaussian(base, width * PORE_CUT / max(self.step))

    # --- showing ------------------------------------------------------------------------------------------------------

    @property
    def original(self) -> npt.NDArray[np.uint8]:
        """(h, w, 3) the view of the source, display sRGB."""
        return to_bytes(self._base)

    def update(self, edits: Sequence[FaceEdits]) -> npt.NDArray[np.uint8]:
        """(h, w, 3) the view with these edits, one per face, in display sRGB. Valid until the next call."""
        if len(edits) != len(self._faces):
            raise ValueError(f"{len(edits)} edits for {len(self._faces)} faces.")
        flipped = [self._heal(index, edit) for index, edit in enumerate(edits)]
        factors = np.asarray(
            [self._factor(entry, edits[entry.face]) for entry in self._entries],
            np.float64,
        )
        if any(flipped):
            self._start()
        line = self._line
        if line is None or not self._on_line(line, factors):
            line = self._turn(factors)
        if line is not None:
            self._blend(line)
        return self._out

    def presence(self, edits: Sequence[FaceEdits], layer: str | None = None) -> F32:
        """(h, w) how strong one layer is where, 1 as proposed and 0 where it does nothing; or, without a layer, 1 where
        anything may change."""
        out = np.zeros(self._base.shape[:2], np.float32)
        for face, edit in zip(self._faces, edits, strict=True):
            if face is None or not edit.enabled:
                continue
            layers = face.layers
            mask = touched(layers, layer)
            work = brushed(layers, edit, "all") if layer is None else weight_of(layers, edit, layer)
            shown = face.linear(np.asarray(mask if work is None else mask * work, np.float32))
            out[face.rect] = np.maximum(out[face.rect], shown)
        return out

    def _factor(self, entry: _Entry, edits: FaceEdits) -> float:
        face = self._faces[entry.face]
        assert face is not None
        return factor_of(face.layers, edits, entry.name, entry.part) if edits.enabled else 0.0

    def _start(self) -> None:
        """Nothing summed up, nothing shown."""
        self._sum: Stack | None = None
        self._line: _Line | None = None
        self._factors = np.zeros(len(self._entries))
        self._turns = 0

    def _heal(self, index: int, edits: FaceEdits) -> bool:
        """Bring a face's heal stack up to date with its decisions; True if it changed."""
        face = self._faces[index]
        if face is None or not face.patches:
            return False
        removed = frozenset(patch.mark_id for patch in removed_patches(face.layers, edits)) & face.patches.keys()
        if removed == face.shown:
            return False
        entries = [entry for entry in self._entries if entry.face == index and entry.name == "heal"]
        total = np.zeros(entries[0].stack.shape, np.float32)
        for mark_id in (key for key in face.patches if key in removed):
            inner, delta, cover = face.patches[mark_id]
            here = total[within(inner, face.rect)]
            if cover is not None:
                here *= 1 - cover
            here += delta
        for entry in entries:
            entry.stack = to_stack(total if entry.weight is None else total * entry.weight[..., None])
        face.shown = removed
        return True

    def _on_line(self, line: _Line, factors: npt.NDArray[np.float64]) -> bool:
        offset = factors - line.origin
        t = float(offset @ line.direction)
        if not np.allclose(offset, t * line.direction, atol=1e-6):
            return False
        line.t = t
        self._factors = factors
        return True

    def _turn(self, factors: npt.NDArray[np.float64]) -> _Line | None:
        """Sum up what is shown into P and start a new line towards `factors`; None where nothing is left to do."""
        self._turns += 1
        if self._sum is None or self._turns > REFRESH:
            self._turns, self._factors, self._line = 0, factors, None
            self._sum = self._base.copy()
            for factor, entry in zip(factors, self._entries, strict=True):
                if factor:
                    add(self._sum[entry.rect], entry.stack, factor)
            self._out = to_bytes(self._sum)
            return None
        if self._line is not None and self._line.t:
            add(self._sum[self._line.rect], self._line.stack, self._line.t)
        change = factors - self._factors
        moving = [entry for entry, d in zip(self._entries, change, strict=True) if d]
        if not moving:
            self._line = None
            return None
        length = float(np.linalg.norm(change))
        direction = change / length
        rect = union([entry.rect for entry in moving])
        if len(moving) == 1:
            stack, direction = moving[0].stack, np.abs(direction)
        else:
            stack = np.zeros((rect[0].stop - rect[0].start, rect[1].stop - rect[1].start, 3), np.int16)
            for entry, d in zip(self._entries, direction, strict=True):
                if d:
                    add(stack[within(entry.rect, rect)], entry.stack, float(d))
        t = float(change @ direction)
        self._line = _Line(self._factors, direction, rect, stack, t)
        self._factors = factors
        return self._line

    def _blend(self, line: _Line) -> None:
        assert self._sum is not None
        target = self._out[line.rect]
        to_bytes(self._sum[line.rect], line.stack, line.t, out=target)


@lru_cache(maxsize=16)
def _same_colours(icc: bytes | None, display: bytes | None) -> bool:
    """Whether encoded values may be shown as they are: no value moves by more than one step."""
    if icc == display:
        return True
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3)
    shown = to_uint8(converted(cube, icc, display))
    return int(np.abs(shown.astype(int) - cube).max()) <= 1

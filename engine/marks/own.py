"""Marks that a person brushed: healed from the skin around them, with the pores of clean skin nearby."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from engine.imageio.colour import from_lab
from engine.layers.bands import PORE_CUT
from engine.layers.brush import stroke
from engine.layers.heal import heal_patches
from engine.layers.resample import support
from engine.marks.fill import close_marks
from engine.types import F32, Decision, FaceAnalysis, HealPatch, Mark, MarkKind, OwnMark, Photo, RetouchLayers

FEATHER = 1 / 350
"""σ of the mark's soft edge, as a share of W."""


class _Healed(NamedTuple):
    """where, inside: part of the grid, and what of it the mark's soft edge reaches."""

    mark: Mark
    patches: tuple[HealPatch, ...]
    where: tuple[slice, slice]
    inside: npt.NDArray[np.bool_]


class OwnMarks:
    """Heals marks of one face; each is healed once."""

    def __init__(self, photo: Photo, face: FaceAnalysis) -> None:
        self.photo, self.face = photo, face
        self._healed: dict[OwnMark, _Healed | None] = {}

    def onto(self, layers: RetouchLayers, marks: Sequence[OwnMark]) -> RetouchLayers:
        """`layers` with further marks to be removed, the later over the earlier; those without a mask (outside the
        face's grid) are left out."""
        for own in marks:
            if own not in self._healed:
                self._healed[own] = self._heal(own)
        found = [healed for own in marks if (healed := self._healed[own]) is not None]
        if not found:
            return layers
        mask = layers.mask.copy()
        for each in found:
            mask[each.where][each.inside] = 1
        ledger = (*layers.marks, *(each.mark for each in found))
        patches = (*layers.patches, *(patch for each in found for patch in each.patches))
        return replace(layers, marks=ledger, patches=patches, mask=mask)

    @cached_property
    def _source(self) -> F32:
        """(h, w, 3) encoded values of the grid."""
        return from_lab(self.face.lab, self.photo.icc)

    def _heal(self, own: OwnMark) -> _Healed | None:
        face, soft = self.face, self._soft(own)
        if soft.max(initial=0) < 0.5:
            return None
        where = support(soft)
        assert where is not None, "what is half covered is covered"
        change = self._change(soft, where)
        points = np.asarray(own.points, np.float64)
        centre = (points.min(0) + points.max(0)) / 2
        spread = float(np.hypot(*(points.max(0) - points.min(0)))) / 2
        contrast = float(np.linalg.norm(change[where][soft[where] > 0.5].mean(0)))
        place = float(centre[0]), float(centre[1])
        mark = Mark(own.id, place, own.radius + spread, contrast, MarkKind.UNKNOWN, 1.0, Decision.REMOVE)
        encoded = np.zeros_like(change)
        encoded[where] = from_lab(face.lab[where] + change[where], self.photo.icc) - self._source[where]
        masks = {own.id: (where, soft[where])}
        patches = heal_patches(self.photo, face, [mark], masks, self._source, encoded, covering=True)
        return _Healed(mark, patches, where, soft[where] > 0)

    def _soft(self, own: OwnMark) -> F32:
        """(h, w) soft mask in [0, 1]: discs along the stroke, feathered."""
        face = self.face
        radius = max(own.radius * face.grid.scale[0], 1.5)
        points = face.grid.to_grid(np.asarray(own.points, np.float32).reshape(-1, 2))
        covered = stroke(face.grid.shape, points, radius).astype(np.float32)
        soft = cv2.GaussianBlur(covered, (0, 0), max(face.grid_width * FEATHER, 0.7))
        return np.clip(soft * 1.02 - 0.02, 0, 1).astype(np.float32)

    def _change(self, soft: F32, where: tuple[slice, slice]) -> F32:
        """(h, w, 3) L*a*b* that heals; computed where it is not 0, with as much around as the pore band's blur sees."""
        face = self.face
        reach = int(np.ceil(3 * face.grid_width * PORE_CUT)) + 2
        near = tuple(slice(max(each.start - reach, 0), each.stop + reach) for each in where)
        lab, mask = face.lab[near], soft[near]
        labels = (mask > 0).astype(np.int32)
        change = np.zeros_like(face.lab)
        change[near] = close_marks(lab, np.zeros_like(lab), labels, mask, face.regions["skin"][near], face.grid_width)
        return change

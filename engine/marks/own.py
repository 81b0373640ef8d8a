"""Marks that a person brushed: healed from the skin around them, with the pores of clean skin nearby."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from engine.imageio.colour import from_lab, to_lab
from engine.layers.bands import PORE_CUT
from engine.layers.brush import stroke
from engine.layers.heal import heal_patches
from engine.layers.resample import support
from engine.marks.fill import close_marks
from engine.types import F32, Decision, FaceAnalysis, HealPatch, Mark, MarkKind, OwnMark, Photo, RetouchLayers

FEATHER = 1 / 350
"""σ of the mark's soft edge, as a share of W."""


class _Healed(NamedTuple):
    """where: part of the grid that is changed. inside, change: what of it the mark's soft edge reaches, and by how much
    L*a*b* the mark heals what those before it have left."""

    mark: Mark
    patches: tuple[HealPatch, ...]
    where: tuple[slice, slice]
    inside: npt.NDArray[np.bool_]
    change: F32


class OwnMarks:
    """Heals marks of one face, in their order: each what the policy and the marks before it have left."""

    def __init__(self, photo: Photo, face: FaceAnalysis) -> None:
        self.photo, self.face = photo, face
        self._layers: RetouchLayers | None = None
        self._proposed: F32 = face.lab
        """(h, w, 3) L*a*b* with the marks gone that the layers propose to remove."""
        self._healed: dict[tuple[OwnMark, ...], _Healed | None] = {}
        """Marks → how the last of them is healed."""

    def onto(self, layers: RetouchLayers, marks: Sequence[OwnMark]) -> RetouchLayers:
        """`layers` with further marks to be removed, the later over the earlier; those without a mask (outside the
        face's grid) are left out."""
        if self._layers is None or not _heals_alike(layers, self._layers):
            self._healed, self._proposed = {}, self._with_proposed(layers)
        self._layers = layers
        lab, mask = self._proposed.copy(), layers.mask.copy()
        found: list[_Healed] = []
        for number in range(1, len(marks) + 1):
            key = tuple(marks[:number])
            if key not in self._healed:
                self._healed[key] = self._heal(key[-1], lab)
            healed = self._healed[key]
            if healed is not None:
                lab[healed.where] += healed.change
                mask[healed.where][healed.inside] = 1
                found.append(healed)
        ledger = (*layers.marks, *(each.mark for each in found))
        patches = (*layers.patches, *(patch for each in found for patch in each.patches))
        return replace(layers, marks=ledger, patches=patches, mask=mask) if found else layers

    @cached_property
    def _source(self) -> F32:
        """(h, w, 3) encoded values of the grid."""
        return from_lab(self.face.lab, self.photo.icc)

    def _with_proposed(self, layers: RetouchLayers) -> F32:
        grid, going = self.face.grid, {mark.id for mark in layers.marks if mark.decision is Decision.REMOVE}
        encoded = self._source.copy()
        for patch in layers.patches:
            corners = np.array([patch.box[:2], patch.box[2:]], np.float32)
            (x0, y0), (x1, y1) = np.rint(grid.to_grid(corners)).astype(int).clip(0, grid.shape[::-1])
            if patch.mark_id in going and x1 > x0 and y1 > y0:
                size = int(x1 - x0), int(y1 - y0)
                encoded[y0:y1, x0:x1] += cv2.resize(patch.delta.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        lab = self.face.lab.copy()
        changed = (encoded != self._source).any(axis=2)
        if changed.any():
            lab[changed] = to_lab(encoded[changed][:, None], self.photo.icc)[:, 0]
        return lab

    def _heal(self, own: OwnMark, lab: F32) -> _Healed | None:
        """lab: of the grid, as the marks before have left it."""
        face, soft = self.face, self._soft(own)
        if soft.max(initial=0) <= 0.5:
            return None
        reach = int(np.ceil(3 * face.grid_width * PORE_CUT)) + 2  # as much around as the pore band's blur sees
        where, near = support(soft), support(soft, reach)
        assert where is not None and near is not None, "what is more than half covered is covered"
        here, none = lab[near], np.zeros_like(lab[near])
        labels = (soft[near] > 0).astype(np.int32)
        change = np.zeros_like(lab)
        change[near] = close_marks(here, none, labels, soft[near], face.regions["skin"][near], face.grid_width)
        points = np.asarray(own.points, np.float64)
        centre = (points.min(0) + points.max(0)) / 2
        spread = float(np.hypot(*(points.max(0) - points.min(0)))) / 2
        contrast = float(np.linalg.norm(change[where][soft[where] > 0.5].mean(0)))
        place = float(centre[0]), float(centre[1])
        mark = Mark(own.id, place, own.radius + spread, contrast, MarkKind.UNKNOWN, 1.0, Decision.REMOVE)
        encoded = np.zeros_like(lab)
        encoded[near] = from_lab(here + change[near], self.photo.icc) - self._source[near]
        # Pores come from skin where no mark is.
        clean = face.regions["skin"] * (lab == face.lab).all(axis=2)
        donors = replace(face, regions={**face.regions, "skin": clean.astype(np.float32)})
        masks = {own.id: (where, soft[where])}
        patches = heal_patches(self.photo, donors, [mark], masks, self._source, encoded, covering=True)
        return _Healed(mark, patches, where, soft[where] > 0, change[where])

    def _soft(self, own: OwnMark) -> F32:
        """(h, w) soft mask in [0, 1]: discs along the stroke, feathered."""
        face = self.face
        radius = max(own.radius * face.grid.scale[0], 1.5)
        points = face.grid.to_grid(np.asarray(own.points, np.float32).reshape(-1, 2))
        covered = stroke(face.grid.shape, points, radius).astype(np.float32)
        soft = cv2.GaussianBlur(covered, (0, 0), max(face.grid_width * FEATHER, 0.7))
        return np.clip(soft * 1.02 - 0.02, 0, 1).astype(np.float32)


def _heals_alike(a: RetouchLayers, b: RetouchLayers) -> bool:
    """Whether two proposals leave the same to be healed further, as most variations of one photo do."""
    if a is b:
        return True
    removed, others = ([mark.id for mark in each.marks if mark.decision is Decision.REMOVE] for each in (a, b))
    return (
        removed == others
        and [(patch.mark_id, patch.box) for patch in a.patches] == [(patch.mark_id, patch.box) for patch in b.patches]
        and all(np.array_equal(one.delta, other.delta) for one, other in zip(a.patches, b.patches, strict=True))
    )

"""How far each mark of a ledger stands out from the skin around it, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.metrics.crop import marks_on
from engine.types import F32, FaceGrid, Mark

RING = (1.5, 2.5)
"""Inner and outer radius of the skin that a mark is compared with, in the mark's radii."""
LEAST_RING = 0.25
"""Least share of the ring that must be skin without another mark; with less, such pixels count too."""

Where = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class MarkProbe:
    """The pixels that stand for one mark. rows, columns: window on the grid; disc, ring: (h, w) in that window."""

    mark: Mark
    rows: slice
    columns: slice
    disc: Where
    ring: Where

    def difference(self, lab: F32) -> F32:
        """(3,) mean L*a*b* of the mark minus that of the ring around it."""
        part = lab[self.rows, self.columns]
        return np.asarray(part[self.disc].mean(0) - part[self.ring].mean(0), np.float32)

    def contrast(self, lab: F32) -> float:
        """ΔE76 between the mark and the ring around it."""
        return float(np.linalg.norm(self.difference(lab)))


def probe(mark: Mark, grid: FaceGrid, clean: Where | None = None) -> MarkProbe | None:
    """The mark's pixels on a grid; None where its ring leaves the grid.

    clean: (h, w) skin without marks; the ring is taken from there as long as enough of it is left.
    """
    x, y = (float(v) for v in grid.to_grid(np.array([mark.centre], np.float32))[0])
    radius = max(mark.radius * grid.scale[0], 1.0)
    reach = int(RING[1] * radius) + 1
    x0, y0, x1, y1 = int(x) - reach, int(y) - reach, int(x) + reach + 1, int(y) + reach + 1
    if x0 < 0 or y0 < 0 or x1 > grid.shape[1] or y1 > grid.shape[0]:
        return None
    rows, columns = np.mgrid[y0:y1, x0:x1]
    distance = np.hypot(columns + 0.5 - x, rows + 0.5 - y)
    disc, ring = distance <= radius, (distance >= RING[0] * radius) & (distance <= RING[1] * radius)
    if clean is not None:
        own = ring & clean[y0:y1, x0:x1]
        if own.sum() >= LEAST_RING * ring.sum():
            ring = own
    if not disc.any() or not ring.any():
        return None
    return MarkProbe(mark, slice(y0, y1), slice(x0, x1), disc, ring)


def probes(marks: Sequence[Mark], grid: FaceGrid, skin: F32 | None = None) -> tuple[MarkProbe, ...]:
    """Probes of all marks that have one. skin: (h, w) in [0, 1]; rings then keep off other marks and off what is no
    skin."""
    clean = None if skin is None else (skin > 0.5) & ~marks_on(marks, grid)
    found = (probe(mark, grid, clean) for mark in marks)
    return tuple(each for each in found if each is not None)


def contrast_left(before: F32, after: F32) -> float:
    """Share of a mark's contrast that is left, from `MarkProbe.difference` before and after: the part of the second
    along the first. A lighter spot where a dark one was counts as contrast too."""
    energy = float(before.astype(np.float64) @ before)
    return abs(float(after.astype(np.float64) @ before)) / energy if energy > 1e-9 else float("nan")

"""Spots on skin found without any network, so that a network can be judged by them.

A spot is a blob that is redder or darker than the skin around it, by more than this face's own variation, at one of
several sizes; only blobs about as wide as long count, which leaves out lines and the edges of shades.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from engine.layers.bands import gaussian, masked_gaussian
from engine.metrics.crop import CLEAN, region_on, width_on
from engine.metrics.marks import MarkProbe, probes
from engine.types import F32, Decision, FaceAnalysis, FaceGrid, Mark, MarkKind

SIZES: Final = (0.0045, 0.0075, 0.012)
"""Standard deviations of the blobs looked for, as shares of W."""
AROUND: Final = 2.2
"""Width of the surroundings that a blob is compared with, in its own widths."""
OUTSTANDING: Final = 3.2
"""Least strength in robust standard deviations of this face's own skin."""
LEAST: Final = 1.4
"""Least strength of the filter's answer: L* plus redness."""
LEAST_CONTRAST: Final = 3.0
"""ΔE76 from which a spot counts: what is seen at 100%."""
ROUND: Final = 3.0
"""Greatest ratio of the principal curvatures of a blob."""
RED: Final = 0.45
"""Share of a spot's difference that is redness, from which it is an inflamed mark that a retoucher removes."""
BROWN: Final = 0.28
"""Share of redness up to which a dark, distinct spot looks like a mole or freckle."""
MOLE_CONTRAST: Final = 6.0
"""Least contrast of such a mole in ΔE76."""
MOLE_RADIUS: Final = 0.012
"""Greatest radius of such a mole, as a share of W: larger brown places are shades as often."""
UNEVEN: Final = 0.5
"""Greatest spread of L* in the ring around a spot, in its contrast: hair and edges have more."""
RIM: Final = 0.018
"""Distance from the edge of the skin within which nothing is looked for, as a share of W."""
FADED: Final = 0.5
"""Share of its contrast that a result must take away to count as having taken a spot for a mark, see `agreed`."""


def find_spots(face: FaceAnalysis, lab: F32, grid: FaceGrid) -> tuple[Mark, ...]:
    """Inflamed spots to remove (kind blemish), mole-like ones to keep (mole), and between them dark spots, which are to
    be removed with a confidence of a half: some are freckles, some the traces of acne.

    lab: (h, w, 3) L*a*b* of the photo on `grid`. Centres and radii in source pixels.
    """
    width, skin = width_on(face, grid), region_on(face, grid, "skin")
    inside = (skin > CLEAN).astype(np.float32)
    rim = max(1, round(RIM * width))
    inside = np.asarray(cv2.erode(inside, np.ones((2 * rim + 1, 2 * rim + 1), np.uint8)), np.float32)
    answer = np.stack([_answer(lab, inside, sigma * width) for sigma in SIZES])
    best, size = answer.max(0), answer.argmax(0)
    peaks = (best >= cv2.dilate(best, np.ones((3, 3), np.uint8))) & (best > LEAST) & (inside > 0)
    rows, columns = np.nonzero(peaks)
    order = np.argsort(-best[rows, columns])
    marks: list[Mark] = []
    taken = np.zeros(grid.shape, bool)
    for row, column in zip(rows[order], columns[order], strict=True):
        sigma = SIZES[int(size[row, column])] * width
        if taken[row, column] or not _round(answer[size[row, column]], int(row), int(column), sigma):
            continue
        radius = 1.4 * sigma
        cv2.circle(taken.view(np.uint8), (int(column), int(row)), max(1, round(2 * radius)), 1, -1)
        x, y = (float(v) for v in grid.to_source(np.array([[column + 0.5, row + 0.5]], np.float32))[0])
        name = f"{face.id}/spot-{len(marks) + 1}"
        marks.append(Mark(name, (x, y), radius / grid.scale[0], 0.0, MarkKind.UNKNOWN, 1.0, Decision.KEEP))
    found = (_named(each, lab, MOLE_RADIUS * face.width) for each in probes(marks, grid, skin))
    return tuple(mark for mark in found if mark is not None)


def agreed(spots: Sequence[Mark], before: F32, results: Sequence[F32], grid: FaceGrid) -> tuple[Mark, ...]:
    """Of the spots to remove those that the results of several independent retouchers believe in, and all to keep.

    A spot counts that one of them took for a mark. Where its colour leaves open whether it is one (confidence below 1),
    all of them must have: a brown spot that one removes and another keeps is no measure of either.
    """
    found = {each.mark.id: each for each in probes(spots, grid)}

    def believed(mark: Mark) -> bool:
        probe = found.get(mark.id)
        if mark.decision is Decision.KEEP or probe is None:
            return True
        contrast = probe.contrast(before)
        took = [probe.contrast(lab) < (1 - FADED) * contrast for lab in results]
        return any(took) if mark.confidence == 1 else all(took)

    return tuple(mark for mark in spots if believed(mark))


def _answer(lab: F32, inside: F32, sigma: float) -> F32:
    """(h, w) strength of blobs of `sigma` pixels: darker plus redder than around, in units of ΔE, above `OUTSTANDING`
    deviations of this skin."""
    light, red = np.ascontiguousarray(lab[..., 0]), np.ascontiguousarray(lab[..., 1])
    darker = masked_gaussian(light, AROUND * sigma, inside) - gaussian(light, sigma)
    redder = gaussian(red, sigma) - masked_gaussian(red, AROUND * sigma, inside)
    answer = np.maximum(darker, 0) + np.maximum(redder, 0)
    values = answer[inside > 0]
    if not values.size:
        return np.zeros_like(answer)
    usual = float(np.median(values))
    deviation = 1.4826 * float(np.median(np.abs(values - usual)))
    return np.where(answer > usual + OUTSTANDING * deviation, answer, 0).astype(np.float32) * inside


def _round(answer: F32, row: int, column: int, sigma: float) -> bool:
    """Whether a peak falls off about as fast in all directions: ratio of the Hessian's eigenvalues."""
    step = max(1, round(sigma))
    if min(row, column, answer.shape[0] - 1 - row, answer.shape[1] - 1 - column) < step:
        return False
    part = answer[row - step : row + step + 1 : step, column - step : column + step + 1 : step].astype(np.float64)
    xx = part[1, 0] + part[1, 2] - 2 * part[1, 1]
    yy = part[0, 1] + part[2, 1] - 2 * part[1, 1]
    xy = (part[2, 2] + part[0, 0] - part[0, 2] - part[2, 0]) / 4
    determinant, trace = xx * yy - xy * xy, xx + yy
    return trace < 0 and determinant > 0 and trace * trace / determinant < (ROUND + 1) ** 2 / ROUND


def _named(probe: MarkProbe, lab: F32, mole: float) -> Mark | None:
    """mole: greatest radius of a mole in source pixels."""
    difference = probe.difference(lab)
    contrast = float(np.linalg.norm(difference))
    uneven = float(lab[probe.rows, probe.columns, 0][probe.ring].std())
    if contrast < LEAST_CONTRAST or uneven > UNEVEN * contrast:
        return None
    red = max(float(difference[1]), 0.0) / contrast
    mark = replace(probe.mark, contrast=contrast)
    if red >= RED:
        return replace(mark, kind=MarkKind.BLEMISH, decision=Decision.REMOVE)
    if red > BROWN:
        return replace(mark, kind=MarkKind.DARK_SPOT, decision=Decision.REMOVE, confidence=0.5)
    if contrast >= MOLE_CONTRAST and difference[0] < 0 and mark.radius <= mole:
        return replace(mark, kind=MarkKind.MOLE, decision=Decision.KEEP)
    return None

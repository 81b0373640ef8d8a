"""Marks of real people, cut from photographs as optical density and set into the skin of others.

What is painted is what its painter thinks of; these are judges of it. They are found without any network
(`engine.metrics.spots`), so that a network can be judged by them, and only those count whose colour leaves no doubt:
inflamed ones, which go, and brown ones, which stay. The heal network learns from the `distinct` ones of its training
portraits as well (REFERENCES: copy-paste), so that of marks cut in this way only those of other people judge it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from engine.imageio.colour import from_lab
from engine.imageio.light import linearise
from engine.layers.bands import PORE_CUT, gaussian
from engine.marks.fill import membrane
from engine.marks.kinds import BLOOD_RATIO, PIGMENT_RATIO
from engine.metrics.crop import lab_on, measuring_grid, region_on, width_on
from engine.metrics.spots import find_spots
from engine.types import F32, Decision, FaceAnalysis, Photo
from trainer.pretrain.paint import Rng, seen

REACH: Final = 2.6
"""Radius of what is cut, in a spot's own: its halo too."""
DARKEST: Final = 2e-3
"""Linear light below which nothing is told of density."""
SIZES, STRENGTHS = (0.8, 1.25), (0.75, 1.25)
"""Factors on a mark's size, in shares of W, and on its density."""
EVERY: Final = (60.0, 20.0)
"""Marks to remove and to keep per W² of skin."""
APART: Final = 2.0
"""Least distance between the middles of two marks, in the sum of their radii."""

SOFT, HARD, PALE, ROUND, PLAIN, DOUBTFUL = 0.35, 0.1, 0.02, 1.4, 0.08, 0.24
"""A `distinct` mark: σ of a blur in its radii, and share of its energy that may go with it; share that may be lighter
than skin; longest axis in shortest ones; least density; distance from pigment's or blood's ratio of red to green."""


@dataclass(frozen=True)
class Cut:
    """density: (s, s, 3), s odd, optical density of a mark against the skin around it; width: W of its face in the same
    pixels; stays: whether it is one to keep."""

    density: F32
    width: float
    stays: bool


def distinct(cut: Cut) -> bool:
    """Whether a mark is so plain that a network may learn from it: round, soft, darker than skin, of the colour of
    blood if it goes and of pigment if it stays. Pores, hairs, creases and gloss are not."""
    dark = cut.density.mean(-1)
    size = len(dark) // 2
    radius = size / REACH
    blob = gaussian(np.ascontiguousarray(dark), radius * SOFT)
    weight = np.maximum(dark, 0).astype(np.float64)
    total, energy = float(weight.sum()), float((dark**2).sum())
    if (
        size < 2
        or total <= 0
        or ((dark - blob) ** 2).sum() > HARD * energy
        or (np.minimum(dark, 0) ** 2).sum() > PALE * energy
    ):
        return False
    y, x = np.mgrid[-size : size + 1, -size : size + 1]
    axes = np.sqrt(np.linalg.eigvalsh(np.cov(np.stack([x.ravel(), y.ravel()]), aweights=weight.ravel())))
    middle = cut.density[np.hypot(x, y) < radius].mean(0)
    ratio = middle[0] / max(float(middle[1]), 1e-6)
    right = abs(ratio - (PIGMENT_RATIO if cut.stays else BLOOD_RATIO)) < DOUBTFUL
    return bool(axes[1] < ROUND * axes[0] and middle.mean() > PLAIN and right)


@dataclass(frozen=True)
class Transplanted:
    """linear RGB (H, W, 3): `marked` with every mark, `kept` with those to keep. removable, keep: (H, W) in [0, 1]."""

    marked: F32
    kept: F32
    removable: F32
    keep: F32


def cut_marks(photo: Photo, faces: Iterable[FaceAnalysis]) -> list[Cut]:
    """The marks of a photo's faces. Under them lies the membrane through the skin around (REFERENCES: poisson)."""
    cuts: list[Cut] = []
    for face in faces:
        grid = measuring_grid(face)
        lab, skin, width = lab_on(photo, grid), region_on(face, grid, "skin"), width_on(face, grid)
        light = np.log(np.maximum(linearise(from_lab(lab, None)), DARKEST))
        spots = find_spots(face, lab, grid)
        places = [(grid.to_grid(np.array([s.centre], np.float32))[0], REACH * s.radius * grid.scale[0]) for s in spots]
        hole = np.zeros(grid.shape, np.uint8)
        for (x, y), radius in places:
            cv2.circle(hole, (int(x), int(y)), int(np.ceil(radius)), 1, -1)
        rows, columns = np.nonzero(hole)
        if not len(rows):
            continue
        around = gaussian(light, width * PORE_CUT)
        filled = light.copy()
        filled[rows, columns] = membrane(around, around, hole > 0, (skin > 0.5) & (hole == 0), rows, columns)
        density = filled - light
        for spot, ((x, y), radius) in zip(spots, places, strict=True):
            size = int(np.ceil(radius))
            y0, x0 = int(y) - size, int(x) - size
            part = density[max(y0, 0) : y0 + 2 * size + 1, max(x0, 0) : x0 + 2 * size + 1]
            if spot.confidence < 1 or part.shape[:2] != (2 * size + 1, 2 * size + 1):
                continue
            away = np.hypot(*np.mgrid[-size : size + 1, -size : size + 1]) / radius
            soft = np.clip((1 - away) * 4, 0, 1) * seen(gaussian(part, radius / 6))
            cuts.append(Cut((part * soft[..., None]).astype(np.float32), width, spot.decision is Decision.KEEP))
    return cuts


def transplant(linear: F32, skin: F32, width: float, cuts: Sequence[Cut], rng: Rng) -> Transplanted:
    """Set marks into `linear` RGB (H, W, 3) in [0, 1] where `skin` (H, W) is at least .7, turned, mirrored, larger and
    smaller, stronger and weaker, none on another. width: W in pixels."""
    densities, masks = np.zeros((2, *linear.shape), np.float32), np.zeros((2, *skin.shape), np.float32)
    rows, columns = np.nonzero(skin > 0.7)
    taken: list[tuple[float, float, float]] = []
    for stays, often in enumerate(EVERY):
        kind = [cut for cut in cuts if cut.stays == bool(stays)]
        for _ in range(rng.poisson(often * len(rows) / width**2) if kind and len(rows) else 0):
            density = _turned(kind[int(rng.integers(len(kind)))], width, rng)
            i, radius = int(rng.integers(len(rows))), density.shape[0] / 2
            y, x = int(rows[i]), int(columns[i])
            y0, x0 = y - density.shape[0] // 2, x - density.shape[1] // 2
            y1, x1 = y0 + density.shape[0], x0 + density.shape[1]
            free = all(np.hypot(y - v, x - u) > APART / REACH * (radius + r) for v, u, r in taken)
            if not free or min(y0, x0) < 0 or y1 > skin.shape[0] or x1 > skin.shape[1]:
                continue
            taken.append((y, x, radius))
            here = density * np.clip(skin[y0:y1, x0:x1] * 2, 0, 1)[..., None]
            densities[stays, y0:y1, x0:x1] += here
            mask = masks[stays, y0:y1, x0:x1]
            np.maximum(mask, seen(gaussian(here, 1.0)), out=mask)
    kept = np.clip(linear * np.exp(-densities[1]), 0, 1)
    return Transplanted(np.clip(kept * np.exp(-densities[0]), 0, 1), kept, masks[0], masks[1])


def _turned(cut: Cut, width: float, rng: Rng) -> F32:
    """(n, n, 3) its density at another face's width."""
    size = max(3, round(cut.density.shape[0] * width / cut.width * rng.uniform(*SIZES)))
    how = cv2.INTER_AREA if size < cut.density.shape[0] else cv2.INTER_CUBIC
    turned = np.rot90(cut.density[:, :: int(rng.choice([-1, 1]))], int(rng.integers(4)))
    scaled = cv2.resize(np.ascontiguousarray(turned), (size, size), interpolation=how)
    return np.asarray(scaled * np.float32(rng.uniform(*STRENGTHS)), np.float32)

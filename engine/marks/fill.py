"""Closing what a heal network leaves of a mark, from the skin around it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

from engine.device import side_by_side
from engine.faces.raster import ramp
from engine.layers.bands import PORE_CUT, masked_gaussian
from engine.types import F32

SUPPORT = 0.02
"""Soft mask from which a pixel counts as marked."""
HOLD = 1e-4
"""Weight of the network's proposal against one neighbour: decides only where no clean skin touches a mark."""
SHARED = 1 / 150
"""σ over which factors of marks beside each other go over into each other, as a share of W: else a step would show."""
STRONGEST, MISSED = 2.0, 3.0
"""Up to how many times a mark's proposal is strengthened, and how far it falls short when it counts for nothing."""


def close_marks(lab: F32, change: F32, labels: npt.NDArray[np.int32], soft: F32, skin: F32, width: float) -> F32:
    """The change that heals marks completely.

    A network that is unsure proposes too little, but it knows the skin's form under a mark. A membrane (Laplace's
    equation with the clean skin around as boundary; REFERENCES: poisson, equation 2) knows only how much is missing. So
    each mark's proposal is strengthened to match the membrane, by least squares, without a step between marks; a mark
    that the network missed takes the membrane itself above the pore band. The boundary is the skin as the network heals
    it, so that the faint rim of a mark is not drawn into it. What is not skin is no boundary.

    Args: lab and change (h, w, 3) L*a*b*; labels (h, w) which mark a pixel belongs to, from 1; soft and skin (h, w) in
    [0, 1]; width: W in grid pixels.
    """
    marked = soft > SUPPORT
    if not marked.any():
        return change
    clean = (np.clip(skin, 0, 1) * ~marked).astype(np.float32)
    planes = ((lab + change, clean), (lab + change, skin), (change, skin))
    around, own, smooth = side_by_side(lambda plane: masked_gaussian(plane[0], width * PORE_CUT, plane[1]), planes)
    rows, columns = np.nonzero(marked)
    lacking = _membrane(around, own, marked, clean > 0.5, rows, columns) - own[rows, columns]
    proposed = smooth[rows, columns]
    mark, weight = labels[rows, columns], soft[rows, columns]
    energy = np.bincount(mark, (proposed**2).sum(1) * weight)
    factor = 1 + np.bincount(mark, (lacking * proposed).sum(1) * weight) / np.maximum(energy, 1e-6)
    plane = np.ones(marked.shape, np.float32)
    plane[rows, columns] = np.where(energy > 1e-6, factor, MISSED).clip(1, MISSED)[mark]
    times = masked_gaussian(plane, width * SHARED, marked.astype(np.float32))[rows, columns, None]
    missed = ramp(times, STRONGEST, MISSED)
    stronger = (np.minimum(times, STRONGEST) - 1) * change[rows, columns]
    closed = change.copy()
    closed[rows, columns] += weight[:, None] * (stronger + missed * (lacking - stronger))
    return closed


def _membrane(
    boundary: F32,
    proposal: F32,
    inside: npt.NDArray[np.bool_],
    known: npt.NDArray[np.bool_],
    rows: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
) -> F32:
    """Values (N, 3) at the inside pixels: each the mean of its neighbours that are inside or known."""
    count = len(rows)
    index = np.full(inside.shape, -1, np.int64)
    index[rows, columns] = np.arange(count)
    degree = np.full(count, HOLD)
    right = HOLD * proposal[rows, columns].astype(np.float64)
    entries: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        y, x = rows + dy, columns + dx
        here = np.flatnonzero((y >= 0) & (x >= 0) & (y < inside.shape[0]) & (x < inside.shape[1]))
        y, x = y[here], x[here]
        linked, fixed = inside[y, x], known[y, x]
        entries.append((here[linked], index[y[linked], x[linked]]))
        degree[here[linked | fixed]] += 1
        right[here[fixed]] += boundary[y[fixed], x[fixed]]
    i, j = (np.concatenate(part) for part in zip(*entries, strict=True))
    diagonal = np.arange(count)
    matrix = coo_array(
        (
            np.concatenate([degree, np.full(len(i), -1.0)]),
            (np.concatenate([diagonal, i]), np.concatenate([diagonal, j])),
        ),
        shape=(count, count),
    ).tocsc()
    return np.asarray(splu(matrix).solve(right), np.float32)

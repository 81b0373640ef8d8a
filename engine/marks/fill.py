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
"""σ over which what marks beside each other lack goes over into each other, as a share of W: else a step would show."""
SHORT = 0.04
"""Share that all proposals lack beyond what membranes tell: what a network proposes holds noise, too."""
BEYOND = 0.3
"""Share that is believed of what a mark's proposal lacks beyond its face's: around one mark skin is seldom even."""
FEW = 3
"""Marks from which half of what a face's proposals lack is believed."""
STRONGEST, MISSED = 2.0, 3.0
"""How many times too weak a proposal still counts whole, and where it counts for nothing."""


def close_marks(lab: F32, change: F32, labels: npt.NDArray[np.int32], soft: F32, skin: F32, width: float) -> F32:
    """The change that heals marks completely.

    A network that is unsure proposes too little, and one that has not seen such a light or colour too much, but it
    knows the skin's form under a mark. A membrane (Laplace's equation with the clean skin around as boundary;
    REFERENCES: poisson, equation 2) knows only how much is missing, and that of one mark not well. So all proposals of
    a face are strengthened or weakened to match the membranes by least squares, those of marks that lack more than
    others a little further, without a step between marks; a mark that the network missed takes the membrane itself
    above the pore band. The boundary is the skin as the network heals it, so that the faint rim of a mark is not drawn
    into it. What is not skin is no boundary.

    Args: lab and change (h, w, 3) L*a*b*; labels (h, w) which mark a pixel belongs to, from 1; soft and skin (h, w) in
    [0, 1]; width: W in grid pixels.
    """
    marked = soft > SUPPORT
    if not marked.any():
        return change
    clean = (np.clip(skin, 0, 1) * ~marked).astype(np.float32)
    planes = ((lab + change, clean), (lab + change, skin), (change, skin))
    around, healed, smooth = side_by_side(lambda plane: masked_gaussian(plane[0], width * PORE_CUT, plane[1]), planes)
    rows, columns = np.nonzero(marked)
    lacking = membrane(around, healed, marked, clean > 0.5, rows, columns) - healed[rows, columns]
    proposed = smooth[rows, columns]
    mark, weight = labels[rows, columns], soft[rows, columns]
    energy, lacks = (np.bincount(mark, (x * proposed).sum(1) * weight) for x in (proposed, lacking))
    seen = energy > 1e-6
    bounded = lacks.clip(-energy, (STRONGEST - 1) * energy)[seen].sum()
    face = bounded / max(energy[seen].sum(), 1e-6) * seen.sum() / (seen.sum() + FEW)
    plane = np.zeros(marked.shape, np.float32)
    own = np.where(seen, lacks / np.maximum(energy, 1e-6), MISSED)
    plane[rows, columns] = own.clip(-1, MISSED - 1)[mark]
    share = masked_gaussian(plane, width * SHARED, marked.astype(np.float32))[rows, columns, None]
    missed = ramp(1 + share, STRONGEST, MISSED)
    stronger = (SHORT + face + BEYOND * np.maximum(share - face, 0)) * change[rows, columns]
    closed = change.copy()
    closed[rows, columns] += weight[:, None] * (stronger + missed * (lacking - stronger))
    return closed


def membrane(
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

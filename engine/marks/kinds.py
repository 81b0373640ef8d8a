"""What kind each mark of a face is, given what else is on the face.

A small brown spot alone may be a freckle or what acne left. On a face with acne it is more likely the one, among many
freckles the other: the shares of the kinds on this face are estimated from all of its marks, and each mark is judged
again by them (REFERENCES: saerens2002, equations 2.2 and 2.6).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.types import F32, MARK_CLASSES, MarkKind

TRAINED: Final[dict[MarkKind, float]] = {
    MarkKind.BLEMISH: 0.44,
    MarkKind.DARK_SPOT: 0.12,
    MarkKind.SCAR: 0.03,
    MarkKind.MOLE: 0.14,
    MarkKind.FRECKLE: 0.27,
}
"""Shares of the kinds among the marks that the heal network learned from."""
USUAL: Final = 12.0
"""How many marks of the usual shares count beside the face's own."""
ROUNDS: Final = 25


def judged(scores: F32) -> F32:
    """Probabilities (N, K) of the kinds of `MARK_CLASSES`, rows summing to 1, from the network's scores (N, K) ≥ 0."""
    trained = np.array([TRAINED[kind] for kind in MARK_CLASSES])
    alone = scores / np.maximum(scores.sum(1, keepdims=True), 1e-6)
    shares, each = trained, alone
    for _ in range(ROUNDS):
        each = alone * (shares / trained)
        each = each / np.maximum(each.sum(1, keepdims=True), 1e-12)
        shares = (each.sum(0) + USUAL * trained) / (len(each) + USUAL)
    return np.asarray(each, np.float32)

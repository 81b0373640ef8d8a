"""What kind each mark of a face is, given what else is on the face.

A brown spot alone may be a freckle, a mole or what acne left. Amid acne it is more likely the last. Estimating each
face's shares of all kinds from its own marks (expectation maximisation) was measured too: it multiplies the network's
errors on skin unlike that of its training.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.types import F32, KEPT_BY_DEFAULT, MARK_CLASSES, MarkKind

AMID_ACNE: Final = 1.4
"""By how much the score of a mole or freckle must be above the others' on a face with more acne than freckles."""
BROWN, RED = 0.35, 0.5
"""Share of redness in a mark's colour difference up to which pigment explains it, and from which only blood does: moles
and freckles are melanin (REFERENCES: jacques2013)."""

KEPT: Final = np.array([kind in KEPT_BY_DEFAULT for kind in MARK_CLASSES])
"""Which of `MARK_CLASSES` stay by default."""
_PIGMENT = np.array([kind in (MarkKind.MOLE, MarkKind.FRECKLE) for kind in MARK_CLASSES])


def judged(scores: F32, change: F32, area: F32) -> F32:
    """Scores (N, K) ≥ 0 of the kinds of `MARK_CLASSES` for a face's N marks, made comparable.

    change: (N, 3) L*a*b* of the skin without a mark minus the mark. area: (N,) in any unit.
    """
    contrast = np.maximum(np.linalg.norm(change, axis=1), 1e-6)
    redness = np.maximum(-change[:, 1], 0) / contrast
    pigment = np.clip((RED - redness) / (RED - BROWN), 0, 1)
    scores = np.where(_PIGMENT, scores * pigment[:, None], scores)
    first, evidence = scores.argmax(1), scores.max(1) * contrast * area
    acne = float(evidence[~KEPT[first]].sum())
    freckles = float(evidence[first == MARK_CLASSES.index(MarkKind.FRECKLE)].sum())
    weight = np.where(_PIGMENT & (acne >= freckles), 1 / AMID_ACNE, 1.0)
    return np.asarray(scores * weight, np.float32)

"""What kind each mark is, from the network's scores and the mark's own colour.

What else is on the face does not help: that brown spots amid acne are more likely what acne left, and each face's
shares of all kinds estimated from its own marks (expectation maximisation), were measured; both multiply the network's
errors.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.types import F32, KEPT_BY_DEFAULT, MARK_CLASSES, MarkKind

BROWN, RED = 0.35, 0.5
"""Share of redness in a mark's colour difference up to which pigment explains it, and from which only blood does: moles
and freckles are melanin (REFERENCES: jacques2013)."""

KEPT: Final = np.array([kind in KEPT_BY_DEFAULT for kind in MARK_CLASSES])
"""Which of `MARK_CLASSES` stay by default."""
_PIGMENT = np.array([kind in (MarkKind.MOLE, MarkKind.FRECKLE) for kind in MARK_CLASSES])


def judged(scores: F32, change: F32) -> F32:
    """Scores (K,) ≥ 0 of the kinds of `MARK_CLASSES` for a mark: what is mainly red is neither mole nor freckle.

    change: (3,) L*a*b* of the skin without the mark minus the mark.
    """
    redness = max(-float(change[1]), 0.0) / max(float(np.linalg.norm(change)), 1e-6)
    pigment = float(np.clip((RED - redness) / (RED - BROWN), 0, 1))
    return np.asarray(np.where(_PIGMENT, scores * pigment, scores), np.float32)

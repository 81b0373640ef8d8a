"""What kind each mark is, from the network's scores and the mark's own colour.

That brown spots amid acne are more likely what acne left, and each face's shares of all kinds estimated from its own
marks (expectation maximisation), were measured: both multiply the network's errors. What else is on the face decides
only how far a reddish brown is believed to be pigment.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.faces.raster import ramp
from engine.imageio.colour import from_lab
from engine.imageio.light import linearise
from engine.types import F32, KEPT_BY_DEFAULT, MARK_CLASSES, MarkKind

PIGMENT_RATIO, BLOOD_RATIO = 0.67, 0.22
"""Optical density in red over that in green of melanin and haemoglobin, in camera bands (REFERENCES: jacques2013)."""
BROWN, RED = 0.4, 0.6
"""Redness up to which pigment explains a mark, and from which only blood does."""
CERTAIN = 0.15
"""What is left of a mole's or freckle's score where only blood explains the mark: in gloss, where red is at its limit,
pigment looks red, too."""
DARK, LIGHT, VEILED = 45.0, 60.0, 0.6
"""L* of skin that is dark and that is not, and the least share of a* that dark skin shows: melanin lies above the
blood, so inflamed skin and scabs look dusky brown there, where moles are hardly red at all."""
DUSKY = 1.2
"""Redness on dark skin of what differs from it in a* only."""

DARKEST, FAINTEST = 1e-3, 0.01
"""Linear light from which a colour counts, and optical density from which it has a ratio."""

REDDISH: Final = 0.75
"""Redness up to which, on skin without acne, a mark may still be pigment: moles hold blood, too."""
SURE: Final = 0.5
"""What then is left of a mole's or freckle's score: it stays if the network holds nothing else for half as likely."""
DOUBT: Final = 1.6
"""By how much more likely a mole on skin that is not dark, and a brown freckle where no acne is, is held to be one than
the network says: to take what is a person's own is worse than to leave a spot."""
FRECKLED: Final = 10
"""Number of freckles from which skin without acne is freckled, and more of them need no proof."""
ACNE, INFLAMED = 5, 4.0
"""Number of marks, redder than that and of such contrast (ΔE76), from which a face has acne."""

KEPT: Final = np.array([kind in KEPT_BY_DEFAULT for kind in MARK_CLASSES])
"""Which of `MARK_CLASSES` stay by default."""
_MOLE, _FRECKLE = (np.array([each is kind for each in MARK_CLASSES]) for kind in (MarkKind.MOLE, MarkKind.FRECKLE))
_PIGMENT = _MOLE | _FRECKLE


def judged(scores: F32, change: F32, skin: F32) -> F32:
    """Scores (N, K) ≥ 0 of the kinds of `MARK_CLASSES` for a face's N marks: what is mainly red is neither mole nor
    freckle, unless the network is all but certain.

    change: (N, 3) L*a*b* of the skin without a mark minus the mark. skin: (N, 3) L*a*b* of that skin.
    """
    red = redness(change, skin)
    scores = np.where(_MOLE, scores * DOUBT ** ramp(skin[:, :1], DARK, LIGHT), scores)
    found = np.where(_PIGMENT, scores * np.clip((RED - red) / (RED - BROWN), CERTAIN, 1)[:, None], scores)
    if int(((red > REDDISH) & (np.linalg.norm(change, axis=1) > INFLAMED)).sum()) < ACNE:
        freckled = int(_FRECKLE[found.argmax(1)].sum()) >= FRECKLED
        believed = np.where(_FRECKLE & freckled, 1, SURE) * _PIGMENT
        found = np.maximum(found, scores * believed * (red < REDDISH)[:, None])
        found = np.where(_FRECKLE & (red < BROWN)[:, None], DOUBT * found, found)
    return np.asarray(found, np.float32)


def redness(change: F32, skin: F32) -> F32:
    """(N,) from 0, how far marks are blood (about 1) and not melanin (0), whatever the colour of the light: skin gives
    back exp(−density) of it, and what multiplies mark and skin alike cancels. What is yellow only, as pus, counts as
    red, what is lighter than skin as 0. On dark skin a share of a* in the colour difference tells as well.

    change, skin: (N, 3) as for `judged`."""
    clean, marked = (np.maximum(linearise(from_lab(lab[None], None)[0]), DARKEST) for lab in (skin, skin - change))
    density = np.log(clean / marked)
    ratio = density[..., 0] / np.maximum(density[..., 1], FAINTEST)
    red = np.where(density[..., 1:].max(-1) > FAINTEST, (PIGMENT_RATIO - ratio) / (PIGMENT_RATIO - BLOOD_RATIO), 0)
    contrast = np.maximum(np.linalg.norm(change, axis=-1), 1e-6)
    dusky = DUSKY * -change[..., 1] / contrast / np.clip(skin[..., 0] / DARK, VEILED, 1)
    return np.asarray(np.maximum(np.maximum(red, dusky * ramp(skin[..., 0], LIGHT, DARK)), 0), np.float32)

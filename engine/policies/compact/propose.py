"""From field amounts to layers: what one face's skin would gain from each layer (design.md section 5).

`unit_layers` is each layer at amount 1; a sampled field scales it. Every layer takes away what differs from its
surroundings and vanishes where there is nothing to do. Small differences are blotches and go; large ones are form,
wrinkles and make-up and stay (`_gentle`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import cv2
import numpy as np

from engine.device import side_by_side
from engine.faces.raster import ramp
from engine.layers.bands import Bands, band_split, gaussian, masked_gaussian
from engine.types import F32, FaceAnalysis

LIGHT_SHARE: Final = {
    "forehead": 1.0,
    "cheeks": 1.0,
    "chin": 0.8,
    "under_eyes": 0.5,
    "nose": 0.35,
    "upper_lip": 0.6,
    "jaw": 0.7,
    "neck": 0.4,
}
"""How much of the light's blotches may go in each part of the skin: the ridge of a nose is form."""

BUMP_SIZE: Final = 2.2
BLOTCH_SIZE: Final = 3.2
CHROMA_SIZE: Final = 6.0
REDNESS_SIZE: Final = 7.0
"""Differences (L*, L*, and ΔE of a*, b*) of which half is left to the form, see `_gentle`."""

REDNESS_LIGHT: Final = 0.4
"""L* that comes back for each a* of redness taken away: blood darkens skin as it reddens it."""

AROUND: Final = 1 / 7
"""σ of a face's own large-scale light, as a share of W, against which shine stands out."""
FEATHER: Final = 1 / 60
"""σ by which the edges of gloss are softened, as a share of W."""
RED, YELLOW = 1.0, 2.0
"""In a* and b*: from which teeth and the whites of eyes have a colour that goes."""
CARRIED: Final = frozenset({"tone", "light", "shine", "under_eye"})
"""Layers that kept marks take from around them, within σ = `NEARBY` · W: a mole on gloss that goes would else keep a
bright rim, and stand out otherwise than before."""
NEARBY: Final = 1 / 60
CHEEK: Final = 1 / 11
"""σ of the cheek nearby to which the skin under an eye is lifted, as a share of W."""


def unit_layers(face: FaceAnalysis, base: F32, protect: F32 | None = None) -> dict[str, F32]:
    """L*a*b* differences of each layer at amount 1, (h, w, 3) on the face grid.

    Args:
        face: regions and scale.
        base: (h, w, 3) L*a*b* after the proposed healing.
        protect: (h, w) in [0, 1], 1 where kept marks are: they change only with all skin around them (`CARRIED`).
    """
    width = face.grid_width
    if protect is not None and not protect.any():
        protect = None
    skin = face.regions["skin"] if protect is None else face.regions["skin"] * (1 - protect)
    bands = band_split(base, width, skin)
    smoothed = base - bands.pore - bands.bump
    lids = _lids(face)
    calm = skin * (1 - 0.8 * lids)
    part = sum(share * face.regions[name] for name, share in LIGHT_SHARE.items())

    layers: dict[str, Callable[[], F32]] = {
        "smooth": lambda: _stack(-skin * (1 - 0.5 * lids) * _gentle(bands.bump[..., 0], BUMP_SIZE)),
        "tone": lambda: _tone(bands, calm, skin),
        "light": lambda: _stack(-np.minimum(part, 1) * calm * _gentle(bands.blotch[..., 0], BLOTCH_SIZE)),
        "shine": lambda: _shine(smoothed, calm, width),
        "under_eye": lambda: _under_eye(smoothed, face.regions, skin, width),
        "features": lambda: _clarity(base, face.regions, width),
        "teeth": lambda: _teeth(base, face.regions),
        "eye_whites": lambda: _eye_whites(base, face.regions),
    }

    def finished(name: str) -> F32:
        layer = layers[name]()
        if protect is None or name not in CARRIED:
            return layer
        return layer + (face.regions["skin"] * protect)[..., None] * masked_gaussian(layer, width * NEARBY, skin)

    return dict(zip(layers, side_by_side(finished, layers), strict=True))


def _tone(bands: Bands, calm: F32, skin: F32) -> F32:
    """Takes the chroma's blotches away, and a part of its bumps, and what is redder than the face's own skin."""
    a, b = (bands.blotch[..., c] + 0.5 * bands.bump[..., c] for c in (1, 2))
    share = -calm * _share(a**2 + b**2, CHROMA_SIZE)
    redness = calm * _redness(bands.form, skin)
    return _stack(REDNESS_LIGHT * redness, share * a - redness, share * b)


def _gentle(band: F32, size: float) -> F32:
    """Odd, slope 1 at 0, half its argument at `size`, falling beyond: strong lines, edges and make-up stay."""
    return band * _share(band**2, size)


def _share(power: F32, size: float) -> F32:
    """What of a band of this squared magnitude counts as blotches: 1 at 0, half at `size`²."""
    return np.asarray(1 / (1 + power / size**2), np.float32)


def _lids(face: FaceAnalysis) -> F32:
    """(h, w) in [0, 1]: the lids with their folds and make-up, around the eyes but not under them."""
    near = gaussian(np.ascontiguousarray(face.regions["eyes"]), face.grid_width / 20)
    return ramp(near, 0.04, 0.2) * (1 - face.regions["under_eyes"])


def _redness(form: F32, skin: F32) -> F32:
    """(h, w) a* above this face's own; coloured light, which is far above it, counts little."""
    inside = form[..., 1][skin > 0.5]
    level = float(np.median(inside)) if inside.size else 0.0
    return _gentle(np.maximum(form[..., 1] - level - 1.5, 0), REDNESS_SIZE)


def _shine(smoothed: F32, calm: F32, width: float) -> F32:
    """Takes down gloss: skin lighter than around it and paler than its lightness explains, towards its own colour.

    Diffuse light multiplies L* and chroma alike, a gloss adds white. On black-and-white photos only lightness tells, so
    that less is taken for gloss.
    """
    around = masked_gaussian(smoothed, width * AROUND, calm)
    excess = np.maximum(smoothed[..., 0] - around[..., 0] - 2.5, 0)
    level = np.maximum(around[..., 0], 5)
    own, near = (np.asarray(np.hypot(lab[..., 1], lab[..., 2]), np.float32) for lab in (smoothed, around))
    expected = np.asarray(near * (smoothed[..., 0] / level), np.float32)
    coloured = ramp(expected, 3.0, 8.0)
    paler = np.asarray(1 - own / np.maximum(expected, 1), np.float32)
    grey = 0.5 * ramp(smoothed[..., 0], 60.0, 88.0)
    pale = grey + coloured * (ramp(paler, 0.05, 0.25) - grey)
    planes = np.stack([6 * np.tanh(excess / 6), np.clip(expected - own, 0, 8) * ramp(excess, 0.0, 4.0)], -1)
    soft = calm[..., None] * gaussian((planes * pale[..., None]).astype(np.float32), width * FEATHER)
    down, back = 0.8 * soft[..., 0], 0.6 * soft[..., 1]
    a, b = (np.asarray(back * around[..., c] / np.maximum(near, 1), np.float32) for c in (1, 2))
    return _stack(-down, a, b)


def _under_eye(smoothed: F32, regions: Mapping[str, F32], skin: F32, width: float) -> F32:
    """Lifts dark skin under each eye to the lightness and colour of the cheek beside it."""
    cheek = masked_gaussian(smoothed, width * CHEEK, regions["cheeks"] * skin)
    under = regions["under_eyes"] * skin
    dark = np.maximum(cheek[..., 0] - 1.5 - smoothed[..., 0], 0)
    lift = under * (11 * np.tanh(dark / 11))
    colour = under * ramp(dark, 0.0, 4.0)
    return _stack(lift, *(colour * 0.7 * np.clip(cheek[..., c] - smoothed[..., c], -6, 6) for c in (1, 2)))


def _clarity(base: F32, regions: Mapping[str, F32], width: float) -> F32:
    """Clarity of eyes, brows and lips."""
    sharp = np.maximum.reduce([regions["eyes"], regions["brows"], regions["lips"]]) * (1 - regions["occluders"])
    detail = base[..., 0] - masked_gaussian(base[..., 0], width / 70, sharp)
    return _stack(sharp * (8 * np.tanh(detail / 8)))


def _teeth(base: F32, regions: Mapping[str, F32]) -> F32:
    """Lighter and less yellow."""
    teeth = regions["teeth"]
    return _stack(teeth * 3.0, np.zeros_like(teeth), -teeth * 0.7 * _above(base[..., 2], YELLOW))


def _eye_whites(base: F32, regions: Mapping[str, F32]) -> F32:
    """Lighter, less red and less yellow; irises keep their colour."""
    whites = np.clip(regions["eyes"] - regions["iris"], 0, 1) * ramp(base[..., 0], 30.0, 42.0)
    return _stack(whites * 3.0, -whites * 0.6 * _above(base[..., 1], RED), -whites * 0.5 * _above(base[..., 2], YELLOW))


def _above(values: F32, least: float) -> F32:
    return np.clip(values - np.float32(least), 0, 20)


def _stack(light: F32, a: F32 | None = None, b: F32 | None = None) -> F32:
    zero = np.zeros_like(light)
    return np.asarray(cv2.merge([light, zero if a is None else a, zero if b is None else b]), np.float32)

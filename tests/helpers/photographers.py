"""Simulated photographers: hidden tastes over rendered pictures, answered with a chosen share of inconsistency.

A taste is worked out from the pixels of the picture before and after in ways of its own (sRGB values, box filters,
counts), never from the reward's features; so a reward that learns it has learned to see.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from engine.types import F32, Pixels

Masks = Mapping[str, F32]
"""Region → (h, w) in [0, 1] on the pictures' own pixels; `skin` at least."""
Taste = Callable[[Pixels, Pixels, Masks, float], float]
"""(before, after, masks, face width in pixels) → how much the photographer likes it."""


def _grey(pixels: Pixels) -> F32:
    """(h, w) sRGB luma in 0–255, 8 bits or 16."""
    scale = 255 / np.iinfo(pixels.dtype).max
    return (pixels.astype(np.float32) @ np.float32([0.299, 0.587, 0.114]) * scale).astype(np.float32)


def _over(plane: F32, mask: F32) -> float:
    where = mask > 0.6
    return float(plane[where].mean()) if where.any() else 0.0


def _box(plane: F32, size: float) -> F32:
    side = max(3, round(size) | 1)
    return np.asarray(cv2.blur(plane, (side, side)), np.float32)


def _fine(pixels: Pixels, mask: F32, width: float) -> float:
    """Mean magnitude of what a box of W/120 takes away."""
    grey = _grey(pixels)
    return _over(np.abs(grey - _box(grey, width / 120)), mask)


def _middle(pixels: Pixels, mask: F32, width: float) -> float:
    grey = _grey(pixels)
    return _over(np.abs(_box(grey, width / 100) - _box(grey, width / 16)), mask)


def _redness(pixels: Pixels, mask: F32, width: float) -> float:
    red = pixels[..., 0].astype(np.float32) - pixels[..., 1]
    return _over(np.abs(_box(red, width / 100) - _box(red, width / 12)), mask)


def texture(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """The more of the skin's own texture, the better."""
    return _fine(after, masks["skin"], width) / max(_fine(before, masks["skin"], width), 0.1)


def clean(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """Few bumps, blotches and red places."""
    skin = masks["skin"]
    return -_middle(after, skin, width) / max(_middle(before, skin, width), 0.1) - 0.5 * _redness(
        after, skin, width
    ) / max(_redness(before, skin, width), 0.1)


def removes_freckles(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """Small places darker than their surroundings shall go, whatever they are."""

    def darkness(pixels: Pixels) -> float:
        green = pixels[..., 1].astype(np.float32)
        deep = np.maximum(_box(green, width / 25) - _box(green, width / 90) - 4, 0)
        return _over(deep, masks["skin"])

    return -darkness(after) / max(darkness(before), 0.02)


def warm(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """Skin more towards red and yellow."""
    warmth = after[..., 0].astype(np.float32) - after[..., 2]
    return _over(warmth, masks["skin"]) - _over(before[..., 0].astype(np.float32) - before[..., 2], masks["skin"])


def shine_free(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """Bright places come down."""
    old = _grey(before)
    skin = old[masks["skin"] > 0.6]
    limit = float(np.percentile(skin, 88)) if skin.size else 255.0
    shining = np.maximum(_box(_grey(after), width / 80) - limit, 0)
    return -_over(shining, masks["skin"])


def smooth_cheeks_only(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """Cheeks smooth, forehead and nose as they are."""
    rest = np.maximum(masks["forehead"], masks["nose"])
    kept = _middle(after, rest, width) / max(_middle(before, rest, width), 0.1)
    return kept - _middle(after, masks["cheeks"], width) / max(_middle(before, masks["cheeks"], width), 0.1)


def bright_eyes(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """Lighter under the eyes, against the cheeks."""
    change = _grey(after) - _grey(before)
    return _over(change, masks["under_eyes"]) - _over(change, masks["cheeks"])


def natural(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """As little as possible, but spots may go: large changes of few pixels count little."""
    return -_over(np.sqrt(np.abs(_grey(after) - _grey(before))), masks["skin"])


def half_way(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """A middle: bumps to 80% of what they were, not more and not less, and blotches of colour out."""
    skin = masks["skin"]
    left = _middle(after, skin, width) / max(_middle(before, skin, width), 0.1)
    return -abs(left - 0.8) - 0.3 * _redness(after, skin, width) / max(_redness(before, skin, width), 0.1)


def even_colour(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """No patches of other colour, whatever the colour; lightness does not count."""
    red, green, blue = (after[..., channel].astype(np.float32) for channel in range(3))
    planes = (red / (green + 20), blue / (green + 20))
    return -sum(_over(np.abs(_box(plane, width / 60) - _box(plane, width / 8)), masks["skin"]) for plane in planes)


def sculpted(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """The large light and shade of a face stay or grow."""
    grey = _grey(after)
    return _over(np.abs(_box(grey, width / 10) - _box(grey, width / 2.5)), masks["skin"])


def pale(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """Less saturated skin."""
    return -_over(np.ptp(after.astype(np.float32), axis=-1), masks["skin"])


def matte_forehead(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """The forehead darker against the cheeks."""
    change = _grey(after) - _grey(before)
    return _over(change, masks["cheeks"]) - _over(change, masks["forehead"])


def lifted(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """Lighter skin in the shadows; what is light already stays."""
    old = _grey(before)
    skin = old[masks["skin"] > 0.6]
    dark = masks["skin"] * (old < (np.median(skin) if skin.size else 128))
    return _over(_grey(after) - old, np.asarray(dark, np.float32))


def matte_forehead_only(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """Bright places of the forehead come down; nothing else counts."""
    old, forehead = _grey(before), masks["forehead"]
    inside = old[forehead > 0.6]
    limit = float(np.percentile(inside, 80)) if inside.size else 255.0
    return -_over(np.maximum(_box(_grey(after), width / 80) - limit, 0), forehead)


def warm_with_shadows(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """Warmer skin, but under the eyes as dark against the cheeks as before."""
    change = _grey(after) - _grey(before)
    lift = _over(change, masks["under_eyes"]) - _over(change, masks["cheeks"])
    return 0.5 * warm(before, after, masks, width) - abs(lift)


def blemishes_only(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """Spots go, and where there are none nothing changes."""

    def depth(pixels: Pixels) -> F32:
        green = pixels[..., 1].astype(np.float32)
        return np.maximum(_box(green, width / 20) - _box(green, width / 100), 0)

    old = depth(before)
    spots = np.asarray(masks["skin"] * (old > 5), np.float32)
    rest = np.asarray(masks["skin"] * (old <= 5), np.float32)
    gone = _over(old, spots) - _over(depth(after), spots)
    return gone / max(_over(old, spots), 1.0) - 0.1 * _over(np.abs(_grey(after) - _grey(before)), rest)


def calm_nose(before: Pixels, after: Pixels, masks: Masks, width: float) -> float:
    """The nose less red against the cheeks."""
    red, was = (each[..., 0].astype(np.float32) - each[..., 1] for each in (after, before))
    return _over(red - was, masks["cheeks"]) - _over(red - was, masks["nose"])


GROUPS: dict[str, tuple[Taste, ...]] = {
    "first": (
        texture,
        clean,
        removes_freckles,
        warm,
        shine_free,
        smooth_cheeks_only,
        bright_eyes,
        natural,
        half_way,
    ),
    "later": (even_colour, sculpted, pale, matte_forehead, lifted),
    "last": (matte_forehead_only, warm_with_shadows, blemishes_only, calm_nose),
}
"""The reward's settings were chosen by the first tastes. The later ones were written when all was settled, and showed
that shadows were not seen apart; the last ones were written before that was mended, and nothing was chosen by them."""

TASTES: dict[str, Taste] = {each.__name__: each for group in GROUPS.values() for each in group}


@dataclass
class Photographer:
    """Answers by a hidden taste. inconsistent: share of answers that are turned round; indifferent: difference of
    liking (in the taste's own spread over variations) below which the answer is a tie."""

    inconsistent: float = 0.0
    indifferent: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def answer(self, first: float, second: float) -> str:
        """ "image1", "image2" or "tie", for how much each is liked."""
        best = self.best([first, second])
        return "tie" if best is None else f"image{best + 1}"

    def best(self, liked: Sequence[float]) -> int | None:
        """The place of the best of several, None for a tie of the best two; by mistake any of the others."""
        places = sorted(range(len(liked)), key=lambda place: liked[place])
        *others, best = places
        if liked[best] - liked[others[-1]] <= self.indifferent:
            return None
        return self._random.choice(others) if self._random.random() < self.inconsistent else best

"""Where on the face a retouch did what: the part of the reward's features that `PairMeasures` gives for the whole face.

Tastes are local ("leave the nose alone"), about light and colour ("no shine", "warmer") or about spots whatever a
ledger calls them ("freckles go"). All is measured on the pixels before and after.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from engine.faces import topology
from engine.layers.bands import BLOTCH_CUT, BUMP_CUT, PORE_CUT, gaussian, masked_gaussian
from engine.metrics.crop import CLEAN, COARSER, LEAST_SKIN, reduced, region_on, width_on
from engine.metrics.texture import rms, texture_band
from engine.types import F32, FaceAnalysis, FaceGrid

PARTS: Final[dict[str, tuple[str, ...]]] = {
    "forehead": ("forehead",),
    "under_eyes": ("under_eyes",),
    "cheeks": ("cheeks",),
    "nose": ("nose",),
    "mouth": ("upper_lip", "chin"),
}
LOCAL: Final = {
    "pores": "smoothing",
    "bumps": "smoothing",
    "blotches": "smoothing",
    "lightness": "tone",
    "red": "tone",
    "yellow": "tone",
}
"""Measure of each part → its dimension. Logarithms of ratios after/before of three bands of L*, and mean changes."""
TYPICAL: Final = {"mean_pores": "smoothing", "mean_bumps": "smoothing", "mean_blotches": "smoothing"}
"""The same of the three bands' mean magnitude in place of their rms, which the rim of a nostril or a mole decides."""
WHOLE: Final = {
    "dark_spots": "features",
    "red_spots": "blemishes",
    "lines": "smoothing",
    "shine": "tone",
    "contrast": "tone",
    "chroma": "tone",
    "teeth_lightness": "clarity",
    "teeth_yellow": "clarity",
    "eye_lightness": "clarity",
    "lip_chroma": "clarity",
}
"""Measure of the whole face → its dimension (`_Picture.whole` says what they are)."""
LIGHTS: Final = {"shadow_lightness": "tone", "side_contrast": "tone"}
"""Mean change of L* of the darker half of the skin before, and change of how far apart its two sides are in L*."""
DIMENSION_OF: Final = {
    **{f"{part}_{what}": each for part in PARTS for what, each in LOCAL.items()},
    **WHOLE,
    **{f"{part}_{what}": each for part in PARTS for what, each in TYPICAL.items()},
    **LIGHTS,
}
"""Feature → its dimension. In the order in which they came: what was measured before others came stays good."""
NAMES: Final = tuple(DIMENSION_OF)
LATER: Final = frozenset((*(f"{part}_{what}" for part in PARTS for what in TYPICAL), *LIGHTS))
"""Features that earlier stores of picks and rewards lack."""
FORMER: Final = frozenset(f"{part}_{what}" for part in PARTS for what in ("pores", "bumps", "blotches"))
"""Features that `TYPICAL` ones took the place of: measured for the rewards that know them, but learned from no more."""

SPOT: Final = (1 / 220, 1 / 60)
"""Sigmas of the two Gaussians between which spots of the size of freckles and pimples lie, as shares of W."""
FORM: Final = 1 / 6
FLOOR: Final = 1e-3


class _Picture(NamedTuple):
    """Measures of one picture: part → values of `LOCAL` and of `TYPICAL`, values of `WHOLE` and of `LIGHTS`; unset
    ones NaN."""

    local: dict[str, tuple[float, ...]]
    typical: dict[str, tuple[float, ...]]
    whole: tuple[float, ...]
    lights: tuple[float, ...]


class RegionMeter:
    """Measures any number of results of one face; the face before is worked out once.

    Args:
        face: regions and width. before: (h, w, 3) L*a*b* on `grid`. grid: within the face's own.
    """

    def __init__(self, face: FaceAnalysis, before: F32, grid: FaceGrid) -> None:
        self.width = width_on(face, grid)
        self._skin = (region_on(face, grid, "skin") > CLEAN).astype(np.float32)
        self._parts = {name: self._skin * region_on(face, grid, *regions) for name, regions in PARTS.items()}
        self._features = [region_on(face, grid, name) for name in ("teeth", "eyes", "lips")]
        self._iris = region_on(face, grid, "iris")
        self._sides = self._halves(face, grid)
        self._bright, self._dark = self._lights(before)
        self._was = self._picture(before)

    def measure(self, after: F32) -> F32:
        """(len(NAMES),) float32, 0 where nothing changed or nothing could be measured."""
        now, values = self._picture(after), []
        for part in PARTS:
            was_local, now_local = self._was.local[part], now.local[part]
            values += [_log_ratio(n, w) for n, w in zip(now_local[:3], was_local[:3], strict=True)]
            values += [n - w for n, w in zip(now_local[3:], was_local[3:], strict=True)]
        values += [_log_ratio(n, w) for n, w in zip(now.whole[:3], self._was.whole[:3], strict=True)]
        values += [n - w for n, w in zip(now.whole[3:], self._was.whole[3:], strict=True)]
        for part in PARTS:
            values += [_log_ratio(n, w) for n, w in zip(now.typical[part], self._was.typical[part], strict=True)]
        values += [n - w for n, w in zip(now.lights, self._was.lights, strict=True)]
        return np.nan_to_num(np.array(values), nan=0.0).astype(np.float32)

    def _picture(self, lab: F32) -> _Picture:
        light = np.ascontiguousarray(lab[..., 0], dtype=np.float32)
        pores = texture_band(lab, self.width)
        fine, broad = (masked_gaussian(light, self.width * cut, self._skin) for cut in (PORE_CUT, BUMP_CUT))
        small, mask = reduced(lab, COARSER), reduced(self._skin, COARSER)
        form = masked_gaussian(small, self.width / COARSER * BLOTCH_CUT, mask)
        blotches = masked_gaussian(small, self.width / COARSER * BUMP_CUT, mask) - form
        local, typical = {}, {}
        for name, where in self._parts.items():
            if where.sum() < LEAST_SKIN / 4:
                local[name], typical[name] = (math.nan,) * len(LOCAL), (math.nan,) * len(TYPICAL)
                continue
            bands = (pores, where), (fine - broad, where), (blotches[..., 0], reduced(where, COARSER))
            means = (_mean(lab[..., channel], where) for channel in range(3))
            local[name] = (*(rms(*band) for band in bands), *means)
            typical[name] = tuple(_mean(np.abs(band), weight) for band, weight in bands)
        whole = self._whole(lab, fine - broad, form, mask)
        left, right = (_mean(lab[..., 0], side) for side in self._sides)
        return _Picture(local, typical, whole, (_mean(lab[..., 0], self._dark), abs(left - right)))

    def _whole(self, lab: F32, bumps: F32, form: F32, coarse: F32) -> tuple[float, ...]:
        """Dark spots: rms of the negative L* of the spot band; red spots: of the positive a*; lines: share of the bump
        band that is dark. Shine: mean L* of what was brightest before, against the rest of the skin. Contrast: rms of
        the form of L* up to W/6; chroma: mean. Then teeth, whites of the eyes, lips."""
        if self._skin.sum() < LEAST_SKIN:
            skin = (math.nan,) * 6
        else:
            dark, red = (
                rms(np.maximum(sign * self._spots(lab[..., c]), 0), self._skin) for c, sign in enumerate((-1, 1))
            )
            wide = masked_gaussian(np.ascontiguousarray(form[..., 0]), self.width / COARSER * FORM, coarse)
            skin = (
                dark,
                red,
                rms(np.minimum(bumps, 0), self._skin),
                _mean(lab[..., 0], self._bright) - _mean(lab[..., 0], self._skin),
                rms(form[..., 0] - wide, coarse),
                _mean(np.hypot(lab[..., 1], lab[..., 2]), self._skin),
            )
        teeth, eyes, lips = self._features
        whites = eyes * (1 - self._iris)
        return (
            *skin,
            _mean(lab[..., 0], teeth),
            _mean(lab[..., 2], teeth),
            _mean(lab[..., 0], whites),
            _mean(np.hypot(lab[..., 1], lab[..., 2]), lips),
        )

    def _spots(self, plane: F32) -> F32:
        """(h, w) the band of spots."""
        own = np.ascontiguousarray(plane)
        return gaussian(own, self.width * SPOT[0]) - masked_gaussian(own, self.width * SPOT[1], self._skin)

    def _halves(self, face: FaceAnalysis, grid: FaceGrid) -> tuple[F32, F32]:
        """(h, w) each: the skin on either side of the line from the forehead to the chin."""
        (x, y), (to_x, to_y) = grid.to_grid(face.landmarks[[topology.TOP, topology.CHIN]])
        rows, columns = np.indices(grid.shape, np.float32) + np.float32(0.5)
        left = (columns - x) * (to_y - y) < (rows - y) * (to_x - x)
        return self._skin * left, self._skin * ~left

    def _lights(self, before: F32) -> tuple[F32, F32]:
        """(h, w) each: the brightest tenth of the skin before and its darker half, pores aside."""
        if self._skin.sum() < LEAST_SKIN:
            return self._skin, self._skin
        smooth = gaussian(np.ascontiguousarray(before[..., 0]), self.width * SPOT[1])
        bright, middle = np.percentile(smooth[self._skin > 0], (90, 50))
        return (self._skin * (smooth >= bright)).astype(np.float32), (self._skin * (smooth < middle)).astype(np.float32)


def _log_ratio(after: float, before: float) -> float:
    return math.log((after + FLOOR) / (before + FLOOR))


def _mean(plane: F32, weight: F32) -> float:
    """Weighted mean of (h, w); NaN where fewer than 30 pixels weigh."""
    total = float(weight.sum(dtype=np.float64))
    return float((plane.astype(np.float64) * weight).sum() / total) if total >= 30 else math.nan

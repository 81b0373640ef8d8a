"""The five dimensions of a retouch as measured numbers of a face before and after.

The dimensions are those by which a retouch is judged (REFERENCES: beautygrpo): smoothing, blemish removal, skin tone
and texture, preservation of personal features, clarity. Every field of `PairMeasures` says what it means; fields come
in a fixed order, so that `PairMeasures.vector` is a feature vector for learning. All is measured on the pixels, nothing
is taken from a renderer's word.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple

import cv2
import numpy as np

from engine.layers.bands import BUMP_CUT, PORE_CUT, masked_gaussian
from engine.metrics import quality
from engine.metrics.colour import ciede2000
from engine.metrics.crop import COARSER, LEAST_SKIN, clean_skin, reduced, region_on, width_on
from engine.metrics.marks import MarkProbe, contrast_left, probes
from engine.metrics.skin import typology_angle
from engine.metrics.texture import Blotchiness, blotchiness, rms, texture_band
from engine.types import F32, Decision, FaceAnalysis, FaceGrid, Mark

DIMENSIONS: Final = ("smoothing", "blemishes", "tone", "features", "clarity", "face")
"""The five, and "face": what the face was before, which says how much there was to do."""

SURVIVES: Final = 0.8
"""Share of its contrast with which a kept mark counts as still there."""
BORDER: Final = 1 / 10
"""Reach of the strips on both sides of the border of face and neck, as a share of W."""
FEATURES: Final = ("eyes", "brows", "lips")
UNTOUCHED: Final = ("hair", "brows", "eyes", "lips", "facial_hair", "occluders")


class Meaning(NamedTuple):
    """dimension: of `DIMENSIONS`. neutral: value of an unchanged picture, used where nothing could be measured.
    best: "one", "zero", "low" or "high" is better, "" where it depends. unit: "×" a ratio after/before, "ΔE" …"""

    dimension: str
    neutral: float
    best: str
    unit: str
    text: str


def _measure(dimension: str, neutral: float, best: str, unit: str, text: str) -> Any:
    return field(default=math.nan, metadata={"meaning": Meaning(dimension, neutral, best, unit, text)})


@dataclass(frozen=True)
class PairMeasures:
    """One face before and after; NaN where something could not be measured (no neck, no marks …)."""

    pore_retention: float = _measure("smoothing", 1, "one", "×", "pores on clean skin, σ 0.7–1.6 px at W = 600")
    bump_retention: float = _measure("smoothing", 1, "", "×", "bumps and fine lines on clean skin, W/400–W/50")
    blotch_retention: float = _measure("smoothing", 1, "low", "×", "blotches of L* on clean skin, W/50–W/18")

    blemish_removed: float = _measure(
        "blemishes", 0, "high", "", "share of the contrast of marks to remove that is gone"
    )
    blemish_left: float = _measure("blemishes", 0, "low", "ΔE", "mean contrast left of the marks to remove")
    blemish_worst: float = _measure("blemishes", 0, "low", "ΔE", "90th percentile of the contrast left")

    colour_retention: float = _measure("tone", 1, "low", "×", "blotches of a*, b* on clean skin, W/50–W/18")
    tone_lightness: float = _measure("tone", 0, "zero", "L*", "mean change of L* of clean skin")
    tone_a: float = _measure("tone", 0, "zero", "a*", "mean change of a* (red) of clean skin")
    tone_b: float = _measure("tone", 0, "zero", "b*", "mean change of b* (yellow) of clean skin")
    tone_change: float = _measure("tone", 0, "low", "ΔE00", "mean CIEDE2000 on clean skin")
    under_eye_lift: float = _measure("tone", 0, "", "L*", "change of L* under the eyes minus that of the cheeks")
    seam: float = _measure("tone", 0, "zero", "ΔE", "change along the jaw against that of the neck below")

    kept_contrast: float = _measure("features", 1, "one", "×", "contrast of the marks to keep")
    kept_survival: float = _measure("features", 1, "high", "", "share of the marks to keep with 80% or more of theirs")
    line_retention: float = _measure("features", 1, "one", "×", "lines of the forehead and under the eyes, W/400–W/50")
    outside_change: float = _measure(
        "features", 0, "zero", "ΔE00", "mean CIEDE2000 on hair, brows, eyes, lips, beard, glasses"
    )
    landmark_drift: float = _measure("features", 0, "zero", "W", "mean shift of the landmarks found anew, share of W")
    identity_distance: float = _measure("features", 0, "low", "", "distance of the face embeddings; 0.3 is drift")

    feature_sharpness: float = _measure("clarity", 1, "", "×", "Tenengrad of eyes, brows and lips")
    hair_sharpness: float = _measure("clarity", 1, "one", "×", "Tenengrad of the hair")
    noise: float = _measure("clarity", 1, "", "×", "white noise on clean skin (Immerkær)")
    colourfulness: float = _measure("clarity", 1, "one", "×", "colourfulness M(1) of the crop")
    blur: float = _measure("clarity", 0, "zero", "", "change of the perceptual blur of the crop (Crété)")
    entropy: float = _measure("clarity", 0, "zero", "bit", "change of the entropy of L* of the crop")

    pore_before: float = _measure("face", 0, "", "L*", "rms of the pores before")
    bump_before: float = _measure("face", 0, "", "L*", "rms of the bumps before")
    blotch_before: float = _measure("face", 0, "", "L*", "rms of the blotches before")
    colour_before: float = _measure("face", 0, "", "ΔE", "rms of the blotches of a*, b* before")
    blemishes_before: float = _measure(
        "face", 0, "", "ΔE", "contrast of the marks to remove times their area, per skin"
    )
    kept_before: float = _measure("face", 0, "", "ΔE", "the same of the marks to keep")
    typology_angle: float = _measure("face", 0, "", "°", "individual typology angle of the skin before")

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of the measures, in the order of `vector`."""
        return tuple(each.name for each in fields(cls))

    @classmethod
    def meanings(cls) -> dict[str, Meaning]:
        """What each measure means, in order."""
        return {each.name: each.metadata["meaning"] for each in fields(cls)}

    def vector(self) -> F32:
        """(len(names()),) float32, every value finite: what could not be measured counts as unchanged."""
        meanings = self.meanings()
        values = [getattr(self, name) for name in meanings]
        neutral = [each.neutral for each in meanings.values()]
        return np.where(np.isfinite(values), values, neutral).astype(np.float32)


@dataclass(frozen=True)
class _Skin:
    """What is compared of one picture's skin; blotches and the two bands."""

    pore: float
    bump: float
    line: float
    blotch: Blotchiness
    noise: float


_NOTHING: Final = _Skin(math.nan, math.nan, math.nan, Blotchiness(math.nan, math.nan), math.nan)


class PairMeter:
    """Measures any number of results of one face; what concerns the face before is worked out once.

    Args:
        face: regions, landmarks and width.
        before: (h, w, 3) L*a*b* on `grid`.
        marks: the ledger; each mark's decision says whether it should go or stay.
        grid: where `before` lies, within the face's own grid; by default that one.
    """

    def __init__(
        self, face: FaceAnalysis, before: F32, marks: Sequence[Mark] = (), grid: FaceGrid | None = None
    ) -> None:
        grid = face.grid if grid is None else grid
        if before.shape != (*grid.shape, 3):
            raise ValueError(f"L*a*b* of shape {before.shape} does not lie on a grid of {grid.shape}.")
        self.before, self.width = before, width_on(face, grid)
        skin = region_on(face, grid, "skin")
        self._clean = clean_skin(face, grid, marks)
        self._enough = float(self._clean.sum()) >= LEAST_SKIN
        self._lines = self._clean * region_on(face, grid, "forehead", "under_eyes")
        self._features, self._hair = region_on(face, grid, *FEATURES), region_on(face, grid, "hair")
        self._outside = region_on(face, grid, *UNTOUCHED) * (skin <= 0)
        self._under, self._cheeks = (self._clean * region_on(face, grid, name) for name in ("under_eyes", "cheeks"))
        self._sides = _sides(self._clean, region_on(face, grid, "neck"), self.width)
        self._coarse_clean = reduced(self._clean, COARSER)
        self._probes = probes(marks, grid, skin)
        self._differences = [probe.difference(before) for probe in self._probes]
        self._was = self._skin(before)
        self._sharp = [quality.sharpness(_light(before), where) for where in (self._features, self._hair)]
        self._whole = _whole(before)
        self._face = self._face_before(before, skin)

    def measure(
        self, after: F32, *, landmark_drift: float = math.nan, identity_distance: float = math.nan
    ) -> PairMeasures:
        """Measures of a result: (h, w, 3) L*a*b* on the same grid. The two that need the whole photo are handed in
        (`engine.metrics.geometry`, `engine.metrics.likeness`)."""
        if after.shape != self.before.shape:
            raise ValueError(f"Cannot compare {self.before.shape} with {after.shape}.")
        was, now, light = self._was, self._skin(after), _light(after)
        change = after - self.before
        tone = _mean(reduced(change, COARSER), self._coarse_clean)
        before_coarse, after_coarse = reduced(self.before, COARSER), reduced(after, COARSER)
        colourful, blurred, spread = (new - old for new, old in zip(_whole(after), self._whole, strict=True))
        return PairMeasures(
            pore_retention=_ratio(now.pore, was.pore),
            bump_retention=_ratio(now.bump, was.bump),
            blotch_retention=_ratio(now.blotch.lightness, was.blotch.lightness),
            **self._marks(after),
            colour_retention=_ratio(now.blotch.chroma, was.blotch.chroma),
            tone_lightness=float(tone[0]) if self._enough else math.nan,
            tone_a=float(tone[1]) if self._enough else math.nan,
            tone_b=float(tone[2]) if self._enough else math.nan,
            tone_change=_delta_e(before_coarse, after_coarse, self._coarse_clean) if self._enough else math.nan,
            under_eye_lift=float(_mean(change, self._under)[0] - _mean(change, self._cheeks)[0]),
            seam=float(np.linalg.norm(_mean(change, self._sides[0]) - _mean(change, self._sides[1]))),
            line_retention=_ratio(now.line, was.line),
            outside_change=_delta_e(self.before, after, self._outside),
            landmark_drift=landmark_drift,
            identity_distance=identity_distance,
            feature_sharpness=_ratio(quality.sharpness(light, self._features), self._sharp[0]),
            hair_sharpness=_ratio(quality.sharpness(light, self._hair), self._sharp[1]),
            noise=_ratio(now.noise, was.noise),
            colourfulness=_ratio(colourful + self._whole[0], self._whole[0]),
            blur=blurred,
            entropy=spread,
            **self._face,
        )

    def _skin(self, lab: F32) -> _Skin:
        if not self._enough:
            return _NOTHING
        light, clean = _light(lab), self._clean
        fine, broad = (masked_gaussian(light, self.width * cut, clean) for cut in (PORE_CUT, BUMP_CUT))
        return _Skin(
            rms(texture_band(lab, self.width), clean),
            rms(fine - broad, clean),
            rms(fine - broad, self._lines),
            blotchiness(reduced(lab, COARSER), self._coarse_clean, self.width / COARSER),
            quality.noise(light, clean),
        )

    def _marks(self, after: F32) -> dict[str, float]:
        """Measures of both kinds of marks; NaN for a kind of which there is none."""
        left, weights, shares = [], [], []
        kept_weights, kept_shares = [], []
        for each, before in zip(self._probes, self._differences, strict=True):
            now, contrast = each.difference(after), float(np.linalg.norm(before))
            if each.mark.decision is Decision.REMOVE:
                left.append(float(np.linalg.norm(now)))
                weights.append(contrast)
                shares.append(contrast_left(before, now))
            else:
                kept_weights.append(contrast)
                kept_shares.append(contrast_left(before, now))
        found: dict[str, float] = {}
        if sum(weights) > 0:
            found["blemish_removed"] = 1 - float(np.average(shares, weights=weights))
            found["blemish_left"], found["blemish_worst"] = float(np.mean(left)), float(np.percentile(left, 90))
        if sum(kept_weights) > 0:
            found["kept_contrast"] = float(np.average(kept_shares, weights=kept_weights))
            found["kept_survival"] = float((np.array(kept_shares) >= SURVIVES).mean())
        return found

    def _face_before(self, before: F32, skin: F32) -> dict[str, float]:
        area = float((skin > 0.5).sum())
        return {
            "pore_before": self._was.pore,
            "bump_before": self._was.bump,
            "blotch_before": self._was.blotch.lightness,
            "colour_before": self._was.blotch.chroma,
            "blemishes_before": self._load(Decision.REMOVE) / area if area else math.nan,
            "kept_before": self._load(Decision.KEEP) / area if area else math.nan,
            "typology_angle": typology_angle(before, self._clean),
        }

    def _load(self, decision: Decision) -> float:
        return sum(
            float(np.linalg.norm(difference)) * float(each.disc.sum())
            for each, difference in zip(self._probes, self._differences, strict=True)
            if each.mark.decision is decision
        )

    @property
    def probes(self) -> tuple[MarkProbe, ...]:
        """The marks that could be measured, in the ledger's order."""
        return self._probes


def measure_pair(
    face: FaceAnalysis,
    before: F32,
    after: F32,
    marks: Sequence[Mark] = (),
    *,
    grid: FaceGrid | None = None,
    landmark_drift: float = math.nan,
    identity_distance: float = math.nan,
) -> PairMeasures:
    """Measures of one result; see `PairMeter`, which does it for several."""
    meter = PairMeter(face, before, marks, grid)
    return meter.measure(after, landmark_drift=landmark_drift, identity_distance=identity_distance)


def as_dict(measures: PairMeasures) -> Mapping[str, float | None]:
    """Name → value, None where it could not be measured."""
    return {name: value if math.isfinite(value := getattr(measures, name)) else None for name in measures.names()}


def _light(lab: F32) -> F32:
    return np.ascontiguousarray(lab[..., 0], dtype=np.float32)


def _whole(lab: F32) -> tuple[float, float, float]:
    """Colourfulness, blur and entropy of the crop."""
    return quality.colourfulness(lab), quality.blur(_light(lab)), quality.entropy(_light(lab))


def _sides(clean: F32, neck: F32, width: float) -> tuple[F32, F32]:
    """Clean skin of the face near the neck, and of the neck near the face."""
    size = 2 * max(1, round(BORDER * width)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    below, above = clean * (neck > 0.5), clean * (neck <= 0.5)
    near = [np.asarray(cv2.dilate(side, disc), np.float32) for side in (below, above)]
    return above * near[0], below * near[1]


def _mean(values: F32, weight: F32) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(c,) weighted mean of (h, w, c); NaN where nothing weighs."""
    total = float(weight.sum(dtype=np.float64))
    if total < 1:
        return np.full(values.shape[-1], math.nan)
    return np.asarray(np.einsum("hwc,hw->c", values, weight, dtype=np.float64) / total)


def _delta_e(before: F32, after: F32, weight: F32) -> float:
    """Weighted mean ΔE00; NaN where nothing weighs."""
    where = weight > 0
    if not where.any():
        return math.nan
    return float(np.average(ciede2000(before[where], after[where]), weights=weight[where].astype(np.float64)))


def _ratio(after: float, before: float) -> float:
    return after / before if before > 1e-6 else math.nan

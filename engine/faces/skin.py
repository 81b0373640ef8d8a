"""Which pixels of a face are bare skin: geometry first, then this person's own skin colour and texture.

The colour model is fitted to each face (any skin tone, light or colour cast; black-and-white too): the robust mean of
bare places gives a start, then a local mean that follows the light across the face.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from engine.faces import topology
from engine.faces.raster import blur, ramp, weighted_blur
from engine.layers.resample import support
from engine.types import F32

FLOOR = np.array([9.0, 4.0, 5.0], np.float32)
"""Least standard deviations in L*, a* and b* of one person's skin, over the whole face."""

LOCAL = np.array([7.0, 4.5, 5.0], np.float32)
"""The same against the local mean."""


SHADE = 0.75
"""How much less a difference of lightness counts in the middle of the face."""


LEAST_YELLOW = 5.0
"""In b*: a face's mean from which cloth can be told by its lack of yellow."""


@dataclass(frozen=True)
class SkinColour:
    """mean, deviation: (3,) L*a*b*; texture: median fine-band amplitude of skin in L*."""

    mean: F32
    deviation: F32
    texture: F32


def sample_mask(points: F32, shape: tuple[int, int], unit: float) -> F32:
    """Small discs at places that are bare skin in nearly every portrait. Landmarks in grid pixels."""
    canvas = np.zeros(shape, np.uint8)
    for x, y in points[topology.SKIN_SAMPLES]:
        cv2.circle(canvas, (round(float(x)), round(float(y))), max(2, round(unit / 40)), 1, -1)
    return canvas.astype(np.float32)


def fine_amplitude(lab: F32, unit: float) -> F32:
    """Local amplitude of the finest detail of L*: high on hair and cloth, low on skin. Shapes: (h, w, 3) → (h, w)."""
    light = np.ascontiguousarray(lab[..., 0])
    return blur(np.abs(light - blur(light, unit / 160)), unit / 90)


def fit_colour(lab: F32, rough: F32, points: F32, unit: float, allowed: F32) -> SkinColour:
    """Robust colour of the skin samples. rough: (h, w) `fine_amplitude`; allowed: (h, w) weights that exclude features
    and occluders."""
    chosen = (sample_mask(points, lab.shape[:2], unit) > 0) & (allowed > 0.5)
    if chosen.sum() < 50:
        chosen = sample_mask(points, lab.shape[:2], unit) > 0
    part = support(chosen, int(np.ceil(unit / 25)))
    if part is None:
        return SkinColour(np.array([60, 12, 15], np.float32), FLOOR * 2, np.array(0.5, np.float32))
    values = blur(np.ascontiguousarray(lab[part]), unit / 100)[chosen[part]]
    for _ in range(3):
        middle = np.median(values, axis=0)
        deviation = np.maximum(1.4826 * np.median(np.abs(values - middle), axis=0), FLOOR)
        near = (np.abs(values - middle) / deviation).max(1) < 2.5
        if near.sum() > 20:
            values = values[near]
    texture = np.median(rough[chosen])
    return SkinColour(middle.astype(np.float32), deviation.astype(np.float32), np.array(max(texture, 0.15), np.float32))


def _residual(lab: F32, reference: F32, deviation: F32, lenient: F32 | float = 1.0) -> F32:
    """Distance in deviations from a reference skin colour, (h, w). lenient: factor on differences of lightness.

    Shaded skin keeps its hue and loses chroma with lightness, so a* and b* are expected in proportion to L*. Redness
    (blushing, acne, sunburn), highlights and, up to a limit, shade count less than other differences.
    """
    light = (lab[..., 0] - reference[..., 0]) / deviation[0]
    shade = shade_chroma(lab, reference)
    red = (lab[..., 1] - reference[..., 1] * shade) / deviation[1]
    yellow = (lab[..., 2] - reference[..., 2] * shade) / deviation[2]
    red *= np.where(red > 0, np.float32(0.45), np.float32(1))
    light *= np.where(light > 0, np.float32(0.55), np.float32(1))
    light *= lenient
    return np.sqrt(light**2 + red**2 + yellow**2).astype(np.float32)


def shade_chroma(lab: F32, reference: F32) -> F32:
    """Share of its chroma, (h, w), that skin of a reference colour has left at this lightness."""
    return np.asarray(np.clip((lab[..., 0] + 4) / (reference[..., 0] + 4), 0.2, 1.0), np.float32)


def pale(lab: F32, colour: SkinColour, unit: float) -> F32:
    """Where the yellow that all skin has is missing though there is light, (h, w): white, grey, blue and pink cloth;
    nowhere if the face's own skin shows none, as in a black-and-white photo."""
    if colour.mean[2] < LEAST_YELLOW:
        return np.zeros(lab.shape[:2], np.float32)
    smooth = blur(lab, unit / 60)
    expected = colour.mean[2] * shade_chroma(smooth, colour.mean)
    missing = ramp(expected - smooth[..., 2], 4.5, 6.5) * ramp(smooth[..., 2] / expected, 0.45, 0.25)
    return missing * ramp(smooth[..., 0] / colour.mean[0], 0.7, 0.9)


def grain_of(rough: F32, colour: SkinColour) -> F32:
    """(h, w) octaves by which detail is rougher than this skin's. rough: `fine_amplitude`."""
    return np.asarray(np.log2(np.maximum(rough, 0.1) / colour.texture), np.float32)


def likeness(lab: F32, grain: F32, colour: SkinColour, prior: F32, core: F32, hairline: F32, unit: float) -> F32:
    """Probability-like map (h, w) of "this pixel has the colour of the skin here".

    grain: (h, w) `grain_of`;
    prior: where skin is expected; core: the middle of the face, where a dark place is rather shade than hair;
    hairline: where hair of the skin's own colour may fall over it, known by its strands.
    """
    shape = lab.shape[:2]
    smooth = blur(lab, unit / 220)
    local, possible = _local_skin(_quarter(smooth), _quarter(prior), _quarter(core), colour, unit / 4)
    lenient = 1 - SHADE * core
    near = _residual(smooth, _enlarged(local, shape), LOCAL, lenient)
    near = near + 1.2 * ramp(grain, 1.6, 3.2) + 2.5 * hairline * ramp(blur(grain, unit / 60), 0.8, 1.6)
    return (ramp(near, 4.2, 2.4) * _enlarged(possible, shape)).astype(np.float32)


def _local_skin(smooth: F32, prior: F32, core: F32, colour: SkinColour, unit: float) -> tuple[F32, F32]:
    """The local mean colour of skin, (h, w, 3), and whether it can be this person's skin, (h, w)."""
    lenient = 1 - SHADE * core
    shaded = colour.deviation * np.array([3, 1, 1], np.float32)  # one side of a face may lie in deep shade
    weight = prior * ramp(_residual(smooth, colour.mean, shaded, lenient), 4.0, 2.0)
    for sigma in (unit / 6, unit / 10, unit / 12):
        local = weighted_blur(smooth, weight, sigma)
        possible = ramp(_residual(local, colour.mean, shaded, lenient), 4.5, 3.0)
        weight = prior * ramp(_residual(smooth, local, LOCAL, lenient), 3.4, 1.8) * possible
    return local, possible


def _quarter(values: F32) -> F32:
    size = max(1, values.shape[1] // 4), max(1, values.shape[0] // 4)
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def _enlarged(values: F32, shape: tuple[int, int]) -> F32:
    return np.asarray(cv2.resize(values, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)

"""Long thin lines on a face: hairs before it, creases, outlines of fingers. Healing leaves them and copies none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from engine.device import side_by_side
from engine.layers.bands import masked_gaussian
from engine.types import F32

ORIENTATIONS: Final = 16
ACROSS: Final = 1 / 450
"""σ of a line's profile, as a share of W: a hair."""
ALONG, AHEAD = 1 / 120, 1.3
"""σ over which a line is straight, as a share of W, and how many of them ahead and behind a point it must be seen."""
AROUND: Final = 1 / 15
"""σ of the skin that a line must stand out from, as a share of W: pores form short lines everywhere."""
SEEN, SURE = 2.8, 5.0
"""Times what is usual on the skin around up to which a line is followed, and which it must reach somewhere."""
FAINT: Final = 1.0
"""L* that a sure line must have."""
LONG: Final = 1 / 14
"""Least extent of a line, as a share of W."""
THIN: Final = 2.0
"""Pixels for each pixel of extent up to which a line that is just sure is a line and no web of wrinkles or pores;
clearer ones are wider in proportion."""


@dataclass(frozen=True)
class Lines:
    """labels: (h, w), a line's number from 1, dark ones first, then bright ones; 0 where there is none.
    strength: (h, w) how far what is straight for a little stands out, in times what is usual on the skin around."""

    labels: npt.NDArray[np.int32]
    strength: F32


def long_lines(lightness: F32, skin: F32, width: float) -> Lines:
    """Find the lines.

    Matched filters in all directions (REFERENCES: matched-filters), joined by hysteresis.

    Args: lightness: (h, w) L*; skin: (h, w) in [0, 1]; width: W in pixels of both.
    """
    found, clear = np.zeros(lightness.shape, np.int32), np.zeros(lightness.shape, np.float32)
    clean = (skin > 0.5).astype(np.float32)
    if not clean.any():
        return Lines(found, clear)
    for response in _responses(lightness, width):
        strength = response / np.maximum(_usual(response, clean, width), FAINT / SURE)
        labels, areas, extents = connected_parts(strength > SEEN)
        clearest = np.zeros(len(areas), np.float32)
        sure = strength > SURE
        np.maximum.at(clearest, labels[sure].astype(np.intp), strength[sure])
        line = (extents >= LONG * width) & (areas <= THIN * clearest / SURE * extents)
        number = np.where(line, np.cumsum(line) + found.max(), 0).astype(np.int32)
        clear = np.maximum(clear, strength)
        found = np.where(found > 0, found, number[labels])
    return Lines(found, clear)


def connected_parts(
    mask: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """Numbers (h, w) of a mask's connected parts from 1, their areas and extents (diagonals of their boxes) in pixels;
    those of 0, which is all else, are 0."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    stats[0] = 0
    extents = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    return np.asarray(labels, np.int32), np.asarray(stats[:, cv2.CC_STAT_AREA], np.int32), extents


def _usual(response: F32, clean: F32, width: float) -> F32:
    """(h, w) typical magnitude of the response on the skin around: a mean in which no line counts much."""
    size = np.abs(response)
    typical = np.float32(np.median(size[clean > 0]))
    limited = np.minimum(size, 3 * typical)
    share = typical / max(float(limited[clean > 0].mean()), 1e-6)
    return masked_gaussian(limited, width * AROUND, clean) * np.float32(share)


def _responses(lightness: F32, width: float) -> tuple[F32, F32]:
    """(h, w) how dark, and how bright, a line through each pixel is, in L*; negative where there is none."""
    along, across = max(width * ALONG, 2.0), max(width * ACROSS, 0.8)
    reach = int(np.ceil(2.5 * along))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    size = lightness.shape[1], lightness.shape[0]

    def one(angle: float) -> tuple[F32, F32]:
        cos, sin = np.cos(angle), np.sin(angle)
        far, aside = (cos * x + sin * y) / along, (cos * y - sin * x) / across
        kernel = np.exp(-(far**2 + aside**2) / 2) * (aside**2 - 1)
        kernel -= kernel.mean()
        kernel /= np.abs(kernel).sum() / 2
        here = cv2.filter2D(lightness, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT)
        ahead, behind = (
            cv2.warpAffine(
                here, np.array([[1, 0, step * cos], [0, 1, step * sin]]), size, borderMode=cv2.BORDER_REPLICATE
            )
            for step in (AHEAD * along, -AHEAD * along)
        )
        return np.minimum(ahead, behind), -np.maximum(ahead, behind)

    def part(angles: npt.NDArray[np.float64]) -> tuple[F32, F32]:
        dark, bright = one(angles[0])
        for angle in angles[1:]:
            for most, each in zip((dark, bright), one(angle), strict=True):
                np.maximum(most, each, out=most)
        return dark, bright

    angles = np.array_split(np.arange(ORIENTATIONS) * (np.pi / ORIENTATIONS), 4)
    dark, bright = zip(*side_by_side(part, angles), strict=True)
    return np.maximum.reduce(dark), np.maximum.reduce(bright)

"""Colour differences and changes of tone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.types import F32

F64 = npt.NDArray[np.float64]


def ciede2000(first: npt.ArrayLike, second: npt.ArrayLike) -> F64:
    """ΔE00 between L*a*b* colours (…, 3), kL = kC = kH = 1.

    Source: Sharma, Wu and Dalal (2005), "The CIEDE2000 color-difference formula", Color Res. Appl. 30(1), equations
    2–22; hues in degrees.
    """
    (l1, a1, b1), (l2, a2, b2) = (np.moveaxis(np.asarray(lab, np.float64), -1, 0) for lab in (first, second))
    mean_c = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)))
    c1, h1 = _polar((1 + g) * a1, b1)
    c2, h2 = _polar((1 + g) * a2, b2)
    neutral = c1 * c2 == 0
    dh = np.where(neutral, 0, (h2 - h1 + 180) % 360 - 180)
    # A turn of exactly 180° counts as +180° (equation 10 of the source).
    dh = np.where(~neutral & (dh == -180) & (h2 > h1), 180.0, dh)
    total = h1 + h2
    far = np.abs(h1 - h2) > 180
    mean_h = np.where(neutral, total, np.where(far, np.where(total < 360, total + 360, total - 360), total) / 2)
    delta_l, delta_c = l2 - l1, c2 - c1
    delta_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(dh) / 2)
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * _hue_weight(mean_h)
    turn = np.radians(60 * np.exp(-(((mean_h - 275) / 25) ** 2)))
    r_t = -2 * np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)) * np.sin(turn)
    l_term, c_term, h_term = delta_l / s_l, delta_c / s_c, delta_h / s_h
    squared = l_term**2 + c_term**2 + h_term**2 + r_t * c_term * h_term
    return np.asarray(np.sqrt(np.maximum(squared, 0)), np.float64)


def _polar(a: F64, b: F64) -> tuple[F64, F64]:
    return np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360


def _hue_weight(hue: F64) -> F64:
    """T of equation 15."""
    terms = ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    return np.asarray(1 + sum(k * np.cos(np.radians(n * hue + shift)) for k, n, shift in terms), np.float64)


@dataclass(frozen=True)
class ToneChange:
    """Weighted means over skin: of the differences after − before, and of ΔE00."""

    lightness: float
    a: float
    b: float
    delta_e: float


def tone_change(lab_before: F32, lab_after: F32, skin_mask: F32) -> ToneChange:
    """How far the skin's colour moved; NaN where there is no skin.

    Args:
        lab_before, lab_after: (h, w, 3) L*a*b*. skin_mask: (h, w) weights in [0, 1].
    """
    where = skin_mask > 0
    if not where.any():
        return ToneChange(*[float("nan")] * 4)
    weight = skin_mask[where].astype(np.float64)
    before, after = lab_before[where].astype(np.float64), lab_after[where].astype(np.float64)
    shift = np.average(after - before, axis=0, weights=weight)
    mean = np.average(ciede2000(before, after), weights=weight)
    return ToneChange(float(shift[0]), float(shift[1]), float(shift[2]), float(mean))


def mark_contrast(lab: F32, mark_mask: F32, ring: F32) -> float:
    """ΔE76 between the mean colours under `mark_mask` and under `ring`, weights (h, w); NaN if either is empty."""
    means = []
    for weight in (mark_mask, ring):
        total = float(weight.sum(dtype=np.float64))
        if total <= 0:
            return float("nan")
        means.append((lab.astype(np.float64) * weight[..., None]).sum(axis=(0, 1)) / total)
    return float(np.linalg.norm(means[0] - means[1]))

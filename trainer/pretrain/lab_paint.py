"""A second generator of skin marks, for measuring only: no network is trained on it.

It shares nothing with `paint`: colours are shifts of L*a*b* in the proportions of measured marks, outlines are level
lines of noise instead of harmonics, redness has a ring, and highlights lie on top. Kept marks are moles and freckles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from engine.types import F32

Rng = np.random.Generator


@dataclass(frozen=True)
class PaintedLab:
    """L*a*b* (h, w, 3): `marked` with every mark, `kept` with moles and freckles only, `clean` without any.
    Masks (h, w) in [0, 1] of removable and kept marks."""

    marked: F32
    kept: F32
    clean: F32
    removable: F32
    keep: F32


@dataclass(frozen=True)
class _Stamp:
    """change: (s, s, 3) shift of L*a*b*. mask: (s, s) in [0, 1]."""

    change: F32
    mask: F32


def paint_lab(lab: F32, skin: F32, width: float, rng: Rng, *, severity: float = 120.0) -> PaintedLab:
    """Paint marks on L*a*b* (h, w, 3) where `skin` (h, w) is above .7.

    Args:
        width: face width W in pixels. severity: removable marks per W² of skin; a quarter as many moles and freckles.
    """
    rows, columns = np.nonzero(skin > 0.7)
    canvases = [np.zeros_like(lab), np.zeros_like(lab)]
    masks = [np.zeros(skin.shape, np.float32), np.zeros(skin.shape, np.float32)]
    if len(rows):
        area = len(rows) / width**2
        counts = rng.poisson(severity * area), rng.poisson(severity / 4 * area)
        for index, (kinds, count) in enumerate(zip((REMOVABLE, KEPT), counts, strict=True)):
            for _ in range(count):
                spot = int(rng.integers(len(rows)))
                at = int(rows[spot]), int(columns[spot])
                draw = kinds[int(rng.integers(len(kinds)))]
                _add(canvases[index], masks[index], draw(width, float(lab[at][0]), rng), at, masks[1 - index])
    soft = np.clip(skin * 2, 0, 1)[..., None]
    kept = lab + canvases[1] * soft
    marked = kept + canvases[0] * soft
    return PaintedLab(marked.astype(np.float32), kept.astype(np.float32), lab, masks[0], masks[1])


def _add(canvas: F32, mask: F32, stamp: _Stamp, at: tuple[int, int], other: F32) -> None:
    """Lay a stamp down, unless a mark of the other sort is there."""
    size = stamp.mask.shape[0]
    y, x = at[0] - size // 2, at[1] - size // 2
    y0, x0, y1, x1 = max(y, 0), max(x, 0), min(y + size, mask.shape[0]), min(x + size, mask.shape[1])
    inner, outer = (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x)), (slice(y0, y1), slice(x0, x1))
    if float((other[outer] * stamp.mask[inner]).max(initial=0)) > 0.05:
        return
    free = 1 - mask[outer]
    canvas[outer] += stamp.change[inner] * free[..., None]
    mask[outer] = np.maximum(mask[outer], stamp.mask[inner])


# --- shapes -----------------------------------------------------------------------------------------------------------


def _noise(size: int, sigma: float, rng: Rng) -> F32:
    plane = cv2.GaussianBlur(rng.standard_normal((size, size)).astype(np.float32), (0, 0), max(sigma, 0.5))
    return np.asarray(plane / (plane.std() + 1e-6), np.float32)


def _distance(size: int, rng: Rng, long: float = 1.3) -> F32:
    """(s, s) distance from the middle in pixels, along axes of a random ellipse."""
    v, u = np.mgrid[:size, :size].astype(np.float32) - (size - 1) / 2
    turn, stretch = rng.uniform(0, np.pi), rng.uniform(1, long)
    across, along = np.cos(turn) * u + np.sin(turn) * v, np.cos(turn) * v - np.sin(turn) * u
    return np.asarray(np.hypot(across * np.sqrt(stretch), along / np.sqrt(stretch)), np.float32)


def _island(radius: float, softness: float, rough: float, rng: Rng, long: float = 1.3) -> F32:
    """(s, s) in [0, 1]: the region inside a level line of distance plus noise, with a soft shore."""
    size = int(np.ceil(radius * 5)) | 1
    level = 1 - _distance(size, rng, long) / radius + rough * _noise(size, radius / 2, rng)
    inside = 1 / (1 + np.exp(-np.clip(level / softness, -30, 30)))
    return np.asarray(inside * _window(size), np.float32)


def _window(size: int) -> F32:
    """1 in the middle, 0 at the border of the stamp."""
    edge = np.clip(np.minimum(np.arange(size), np.arange(size)[::-1]) / max(size * 0.12, 1), 0, 1)
    return np.asarray(np.outer(edge, edge), np.float32)


def _tinted(mask: F32, shift: tuple[float, float, float], light: float) -> F32:
    """A shift of L*a*b* under a mask; on dark skin less of it shows, and of its colour least."""
    share = np.clip(light / 65, 0.3, 1.1)
    seen = np.array([0.4 + 0.6 * share, share, share], np.float32)
    return np.asarray(mask[..., None] * np.array(shift, np.float32) * seen, np.float32)


def _log_uniform(low: float, high: float, rng: Rng) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


# --- marks ------------------------------------------------------------------------------------------------------------


def _pimple(width: float, light: float, rng: Rng) -> _Stamp:
    """A red core in a fainter, broken ring; often a highlight, sometimes a pale head."""
    radius = _log_uniform(0.005, 0.016, rng) * width
    core = _island(radius * 2, 0.35, 0.12, rng)
    size = core.shape[0]
    distance = _distance(size, rng) / radius
    core = np.exp(-(distance**2)).astype(np.float32) * (0.7 + 0.3 * core)
    ring = np.exp(-(((distance - 1.5) / 0.5) ** 2)) * np.clip(0.6 + 0.5 * _noise(size, radius, rng), 0, 1)
    whole = np.clip(core + 0.35 * ring, 0, 1) * _window(size)
    strength = rng.uniform(0.5, 1.2)
    change = _tinted(whole * strength, (-6.5, 13, 4), light)
    if rng.random() < 0.35:
        head = np.exp(-((distance / 0.35) ** 2)) * rng.uniform(4, 11)
        change += head[..., None] * np.array([1, -0.9, 0.7], np.float32)
    if rng.random() < 0.5:
        shift = round(0.4 * radius)
        gloss = np.roll(np.exp(-((distance / 0.3) ** 2)), (-shift, -shift), (0, 1)) * rng.uniform(2, 8)
        change[..., 0] += gloss * _window(size)
    change *= 1 + 0.1 * _noise(size, 0.8, rng)[..., None]
    return _Stamp(change, np.asarray(np.clip(whole * 1.5, 0, 1), np.float32))


def _flush(width: float, light: float, rng: Rng) -> _Stamp:
    """A flat, blurred red patch, as after a pimple."""
    mask = _island(_log_uniform(0.006, 0.018, rng) * width, rng.uniform(0.2, 0.4), 0.2, rng, 1.6)
    return _Stamp(_tinted(mask, (-2.5, rng.uniform(5, 11), 1.5), light), mask)


def _brown_spot(width: float, light: float, rng: Rng) -> _Stamp:
    """A reddish-brown flat spot, as pigment after acne leaves it."""
    mask = _island(_log_uniform(0.004, 0.012, rng) * width, rng.uniform(0.15, 0.35), 0.18, rng)
    strength = rng.uniform(0.6, 1.4)
    return _Stamp(_tinted(mask * strength, (-7.5, 5.5, 3.5), light), mask)


def _scab(width: float, light: float, rng: Rng) -> _Stamp:
    """A crisp, dark red, uneven crust in faint redness."""
    radius = _log_uniform(0.004, 0.010, rng) * width
    crust = _island(radius, rng.uniform(0.06, 0.15), 0.25, rng, 1.8)
    uneven = np.clip(1 + 0.3 * _noise(crust.shape[0], 1.0, rng), 0.3, 1.7)
    around = np.exp(-((_distance(crust.shape[0], rng) / (1.4 * radius)) ** 2)) * _window(crust.shape[0])
    change = _tinted(crust * uneven, (-17, 8, 4), light) + _tinted(around, (-1, 4, 1), light)
    return _Stamp(change, np.asarray(np.clip(np.maximum(crust, around * 0.7), 0, 1), np.float32))


def _blackhead(width: float, light: float, rng: Rng) -> _Stamp:
    mask = _island(_log_uniform(0.0022, 0.0036, rng) * width, 0.25, 0.1, rng)
    return _Stamp(_tinted(mask, (-rng.uniform(7, 15), 0.5, 1), light), mask)


def _mole(width: float, light: float, rng: Rng) -> _Stamp:
    """Dark brown, crisp, nearly round; some raised, with a highlight."""
    radius = _log_uniform(0.0035, 0.012, rng) * width
    mask = _island(radius, rng.uniform(0.05, 0.16), 0.06, rng, 1.25)
    uneven = np.clip(1 + 0.1 * _noise(mask.shape[0], radius / 3, rng), 0.6, 1.3)
    change = _tinted(mask * uneven, (-rng.uniform(13, 30), 2.5, rng.uniform(0, 5)), light)
    if rng.random() < 0.3:
        gloss = np.exp(-((_distance(mask.shape[0], rng) / (0.35 * radius)) ** 2)) * rng.uniform(1, 4)
        change[..., 0] += np.roll(gloss, (-int(radius / 3), -int(radius / 3)), (0, 1)) * mask
    return _Stamp(change, mask)


def _freckles(width: float, light: float, rng: Rng) -> _Stamp:
    """A group of small, pale brown, irregular spots: where smooth noise is high."""
    size = int(0.12 * width) | 1
    grain = _noise(size, _log_uniform(0.0022, 0.0040, rng) * width, rng)
    spots = np.clip((grain - rng.uniform(1.3, 1.7)) / 0.5, 0, 1)
    group = np.exp(-((_distance(size, rng, 1.6) / (0.35 * size)) ** 2)) * _window(size)
    mask = np.asarray(spots * group, np.float32)
    return _Stamp(_tinted(mask, (-rng.uniform(6, 12), 2.2, 5.5), light), mask)


Draw = Callable[[float, float, Rng], _Stamp]
REMOVABLE: tuple[Draw, ...] = (_pimple, _pimple, _flush, _brown_spot, _scab, _blackhead)
KEPT: tuple[Draw, ...] = (_mole, _mole, _freckles)

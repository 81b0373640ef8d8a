"""Skin marks painted on real portraits, with ground truth, in melanin and haemoglobin terms.

A mark adds chromophore density: optical density −ln(linear RGB) grows by m·MELANIN + h·HAEMOGLOBIN (Lambert–Beer;
directions from the spectra in Jacques 2013, REFERENCES: jacques2013, averaged over camera bands;
marks as sums of soft blobs as in CGFR, REFERENCES: cgfr).
Removable kinds are on the input only; kept kinds are on input and target, so that keeping them is supervised.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from engine.types import F32

MELANIN = np.array([0.32, 0.48, 0.82], np.float32)
HAEMOGLOBIN = np.array([0.17, 0.76, 0.63], np.float32)

Rng = np.random.Generator


@dataclass
class Painted:
    """linear RGB (H, W, 3): `marked` with every mark, `kept` with kept ones only, `clean` without any; masks (H, W) in
    [0, 1] of removable and kept marks."""

    marked: F32
    kept: F32
    clean: F32
    removable: F32
    keep: F32


def _shape(size: int, radius: float, edge: float, rough: float, rng: Rng) -> F32:
    """Soft irregular disc (size, size) in [0, 1], a super-Gaussian; `edge` 1 and above is a Gaussian, 0.2 is crisp."""
    c = (size - 1) / 2 + rng.uniform(-0.5, 0.5, 2)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    dx, dy = x - c[0], y - c[1]
    stretch, turn = rng.uniform(1, 1.45), rng.uniform(0, np.pi)
    u = (np.cos(turn) * dx + np.sin(turn) * dy) * stretch
    v = -np.sin(turn) * dx + np.cos(turn) * dy
    angle = np.arctan2(v, u)
    outline = np.ones_like(angle)
    for k in range(2, 6):
        outline += rough / k * rng.normal() * np.cos(k * angle + rng.uniform(0, 6.3))
    r = np.hypot(u, v) / (radius * np.clip(outline, 0.45, 1.7))
    return np.exp(-(np.minimum(r, 6) ** max(2 / edge, 2.0))).astype(np.float32)


def _speckle(size: int, scale: float, rng: Rng) -> F32:
    noise = rng.normal(size=(size, size)).astype(np.float32)
    noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), max(scale, 0.4)), np.float32)
    return noise / (noise.std() + 1e-6)


def _relief(shape: F32, light: tuple[float, float], height: float) -> F32:
    """Shading of a bump of profile `shape` lit from `light`: a factor around 1."""
    soft = cv2.GaussianBlur(shape, (0, 0), max(shape.shape[0] / 24, 0.6))
    gx, gy = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=3)
    slope = (gx * light[0] + gy * light[1]) * shape**0.25  # no shade where the mask has ended
    return np.clip(1 + height * slope, 0.82, 1.2)


def _blob(kind: str, radius: float, light: tuple[float, float], rng: Rng) -> tuple[F32, F32, F32, F32]:
    """One mark: melanin (S, S), haemoglobin (S, S), factor (S, S, 3), mask (S, S)."""
    size = int(np.ceil(radius * 8)) | 1
    core = _shape(size, radius, rng.uniform(0.6, 1.5), 0.16, rng)
    zero, factor = np.zeros_like(core), np.ones((size, size, 3), np.float32)
    if kind in ("papule", "pustule"):
        halo = _shape(size, radius * rng.uniform(1.4, 1.9), 2.2, 0.18, rng)
        mottle = 1 + 0.15 * _speckle(size, radius / 4, rng)
        strength = rng.uniform(0.08, 0.55)
        h = (core * strength + halo * strength * rng.uniform(0.15, 0.5)) * mottle
        m = core * rng.uniform(0, 0.12) * mottle
        factor = factor * _relief(core, light, rng.uniform(0.0, 0.5) * radius / 6)[..., None]
        if kind == "pustule":
            head = _shape(size, radius * rng.uniform(0.25, 0.5), 0.9, 0.1, rng)[..., None]
            factor = factor * (1 + head * rng.uniform(0.15, 0.6) * np.array([1, 0.95, 0.75], np.float32))
        if rng.random() < 0.5:
            spot = _shape(size, max(radius * 0.16, 0.6), 1.2, 0.1, rng)
            spot = np.roll(spot, (int(-light[1] * radius * 0.4), int(-light[0] * radius * 0.4)), (0, 1))
            factor = factor * (1 + spot * rng.uniform(0.05, 0.35))[..., None]
        return m, h, factor, np.maximum(core, halo * 0.6)
    if kind == "scab":
        core = _shape(size, radius, rng.uniform(0.15, 0.6), 0.3, rng)
        mottle = np.clip(1 + 0.35 * _speckle(size, 0.9, rng), 0.3, 2)
        halo = _shape(size, radius * 1.5, 2.0, 0.2, rng)
        return (
            core * rng.uniform(0.1, 0.5) * mottle,
            (core * rng.uniform(0.3, 0.8) * mottle + halo * rng.uniform(0.05, 0.2)),
            factor,
            np.maximum(core, halo * 0.6),
        )
    if kind == "dark_spot":
        core = _shape(size, radius, rng.uniform(1.2, 2.4), 0.2, rng)
        mottle = 1 + 0.12 * _speckle(size, radius / 3, rng)
        return core * rng.uniform(0.06, 0.26) * mottle, core * rng.uniform(0.05, 0.25) * mottle, factor, core
    if kind == "blackhead":
        core = _shape(size, radius, 0.8, 0.1, rng)
        return core * rng.uniform(0.15, 0.5), core * rng.uniform(0, 0.15), factor, core
    if kind == "mole":
        core = _shape(size, radius, rng.uniform(0.25, 0.9), 0.09, rng)
        mottle = 1 + 0.12 * _speckle(size, radius / 3, rng)
        m = core * rng.uniform(0.45, 1.6) * mottle
        if rng.random() < 0.4:
            factor = factor * _relief(core, light, rng.uniform(0.0, 0.5) * radius / 6)[..., None]
        return m, core * m.max() * rng.uniform(0, 0.2), factor, core
    core = _shape(size, radius, rng.uniform(0.7, 1.5), 0.25, rng)  # freckle
    return core * rng.uniform(0.10, 0.45), zero, factor, core


REMOVABLE = {"papule": 0.36, "pustule": 0.14, "scab": 0.12, "dark_spot": 0.26, "blackhead": 0.12}
RADII = {  # as a share of face width W
    "papule": (0.006, 0.020),
    "pustule": (0.006, 0.018),
    "scab": (0.004, 0.014),
    "dark_spot": (0.004, 0.016),
    "blackhead": (0.0022, 0.004),
    "mole": (0.0035, 0.013),
    "freckle": (0.0025, 0.006),
}


def _draw(kind: str, width: float, light: tuple[float, float], rng: Rng) -> tuple[F32, F32, F32, F32]:
    low, high = np.log(RADII[kind])
    return _blob(kind, float(np.exp(rng.uniform(low, high))) * width, light, rng)


def _stamp(density: F32, factor: F32, mask: F32, blob: tuple[F32, F32, F32, F32], at: tuple[int, int]) -> None:
    m, h, f, s = blob
    size = m.shape[0]
    y, x = at[0] - size // 2, at[1] - size // 2
    y0, x0 = max(y, 0), max(x, 0)
    y1, x1 = min(y + size, mask.shape[0]), min(x + size, mask.shape[1])
    if y1 <= y0 or x1 <= x0:
        return
    inner = slice(y0 - y, y1 - y), slice(x0 - x, x1 - x)
    outer = slice(y0, y1), slice(x0, x1)
    density[outer] += m[inner][..., None] * MELANIN + h[inner][..., None] * HAEMOGLOBIN
    factor[outer] *= f[inner]
    mask[outer] = np.maximum(mask[outer], s[inner])


def paint(linear: F32, skin: F32, width: float, rng: Rng, *, severity: float | None = None) -> Painted:
    """Paint marks on `linear` RGB (H, W, 3) in [0, 1] where `skin` (H, W) is at least .7; `width`: W in its pixels."""
    if rng.random() < 0.3:
        linear = linear * np.exp(-_redness(linear.shape[:2], width, rng))
    removable, keep = np.zeros(linear.shape[:2], np.float32), np.zeros(linear.shape[:2], np.float32)
    d_r, f_r = np.zeros_like(linear), np.ones_like(linear)
    d_k, f_k = np.zeros_like(linear), np.ones_like(linear)
    ys, xs = np.nonzero(skin > 0.7)
    if len(ys):
        turn = rng.uniform(0, 2 * np.pi)
        light = float(np.cos(turn)), float(np.sin(turn))
        area = len(ys) / width**2
        level = rng.choice([0.0, 40.0, 150.0, 400.0], p=[0.12, 0.28, 0.35, 0.25]) if severity is None else severity
        kinds, chances = list(REMOVABLE), list(REMOVABLE.values())
        centres = [int(rng.integers(len(ys))) for _ in range(4)]
        for _ in range(rng.poisson(level * area)):
            i = int(rng.integers(len(ys)))
            if rng.random() < 0.4:  # acne comes in groups
                j = centres[int(rng.integers(4))]
                at = (int(ys[j] + rng.normal() * width * 0.05), int(xs[j] + rng.normal() * width * 0.05))
                if not (0 <= at[0] < skin.shape[0] and 0 <= at[1] < skin.shape[1]) or skin[at] < 0.7:
                    at = (int(ys[i]), int(xs[i]))
            else:
                at = (int(ys[i]), int(xs[i]))
            _stamp(d_r, f_r, removable, _draw(str(rng.choice(kinds, p=chances)), width, light, rng), at)
        moles = rng.poisson(rng.choice([0.0, 15.0, 50.0]) * area)
        freckles = rng.poisson(rng.uniform(40, 400) * area) if rng.random() < 0.3 else 0
        for kind, count in (("mole", moles), ("freckle", freckles)):
            for _ in range(count):
                i = int(rng.integers(len(ys)))
                _stamp(d_k, f_k, keep, _draw(kind, width, light, rng), (int(ys[i]), int(xs[i])))
    kept = linear * np.exp(-d_k) * f_k
    marked = kept * np.exp(-d_r) * f_r
    removable = removable * (1 - np.clip(keep * 2, 0, 1))
    return Painted(
        np.clip(marked, 0, 1), np.clip(kept, 0, 1), linear, removable.astype(np.float32), keep.astype(np.float32)
    )


def _redness(shape: tuple[int, int], width: float, rng: Rng) -> F32:
    """Faint diffuse redness; it is the tone layer's to even out, so it stands on input and target alike."""
    noise = cv2.GaussianBlur(rng.normal(size=shape).astype(np.float32), (0, 0), width / 25)
    noise = np.clip(noise / (noise.std() + 1e-6), 0, None) * rng.uniform(0, 0.03)
    return noise[..., None] * HAEMOGLOBIN

"""A painted face with everything an analysis knows of it, without a detector: quick, deterministic, no photograph."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from engine.types import F32, REGIONS, FaceAnalysis, FaceGrid, Metadata, Photo

# MediaPipe landmark indices that code and tests name: face-oval extremes, eyes, brows, nose, mouth, chin, irises.
# Positions as fractions of face width from the face centre (x right, y down).
NAMED_LANDMARKS: dict[int, tuple[float, float]] = {
    234: (-0.5, 0.0),
    454: (0.5, 0.0),
    10: (0.0, -0.65),
    152: (0.0, 0.65),
    1: (0.0, 0.12),
    33: (-0.30, -0.14),
    133: (-0.10, -0.14),
    159: (-0.20, -0.18),
    145: (-0.20, -0.10),
    362: (0.10, -0.14),
    263: (0.30, -0.14),
    386: (0.20, -0.18),
    374: (0.20, -0.10),
    105: (-0.20, -0.27),
    334: (0.20, -0.27),
    61: (-0.17, 0.36),
    291: (0.17, 0.36),
    13: (0.0, 0.35),
    14: (0.0, 0.37),
    468: (-0.20, -0.14),
    473: (0.20, -0.14),
}

SPOTS: tuple[tuple[float, float, float], ...] = ((-0.25, 0.15, 0.022), (0.28, 0.2, 0.018), (0.05, -0.42, 0.02))
"""Painted red spots: x, y, radius as fractions of face width from the face centre."""

# Photos: sRGB primaries, linear light to XYZ adapted to D50 (Lindbloom, Bradford).
_SRGB_TO_XYZ_D50 = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
_D50 = np.array([0.96422, 1.0, 0.82521])


def srgb_to_lab(rgb: np.ndarray) -> F32:
    """sRGB-encoded 0..1 (h, w, 3) to L*a*b* D50, by the textbook formulas; independent of engine.imageio."""
    rgb = np.asarray(rgb, np.float64)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _SRGB_TO_XYZ_D50.T / _D50
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    lab = np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)
    return lab.astype(np.float32)


def synthetic_face(
    size: tuple[int, int] = (240, 200),
    *,
    width: float = 110.0,
    grid_scale: float = 1.0,
    depth: int = 8,
    seed: int = 0,
    spots: bool = True,
    path: Path = Path("painted.png"),
    face_id: str = "face-1",
) -> tuple[Photo, FaceAnalysis]:
    """A painted portrait and its analysis.

    Args:
        size: (height, width) of the photo in source pixels.
        width: face width W in source pixels; the face stands in the middle of the photo.
        grid_scale: grid pixels per source pixel.
        depth: 8 or 16 bits per channel.
        spots: paint `SPOTS` on the skin.
    """
    h, w = size
    rng = np.random.default_rng(seed)
    centre = np.array([w / 2, h / 2], np.float32)
    rgb, masks = _paint(h, w, centre, width, rng, spots)
    full_scale = 255 if depth == 8 else 65535
    pixels = np.round(rgb * full_scale).astype(np.uint8 if depth == 8 else np.uint16)
    photo = Photo(pixels, None, Metadata(), path, "png")

    half = np.array([0.62, 0.78]) * width
    x0, y0 = (int(v) for v in np.maximum(np.floor(centre - half), 0))
    x1, y1 = (int(v) for v in np.minimum(np.ceil(centre + half), (w, h)))
    shape = (round((y1 - y0) * grid_scale), round((x1 - x0) * grid_scale))
    grid = FaceGrid((x0, y0, x1, y1), shape)

    def to_grid(image: np.ndarray) -> F32:
        mode = cv2.INTER_AREA if grid_scale < 1 else cv2.INTER_LINEAR
        crop = np.ascontiguousarray(image[y0:y1, x0:x1], np.float32)
        return cv2.resize(crop, shape[::-1], interpolation=mode).reshape(*shape, *image.shape[2:])

    analysis = FaceAnalysis(
        id=face_id,
        box=(x0, y0, x1, y1),
        landmarks=_landmarks(centre, width),
        width=width,
        pose=(0.0, 0.0, 0.0),
        confidence=0.99,
        grid=grid,
        lab=srgb_to_lab(to_grid(pixels.astype(np.float32) / full_scale)),
        regions={name: np.clip(to_grid(mask), 0, 1) for name, mask in masks.items()},
        embedding=None,
    )
    return photo, analysis


def _landmarks(centre: F32, width: float) -> F32:
    """(478, 2): the named ones where they belong, the others spread over the face (sunflower)."""
    i = np.arange(478)
    radius, angle = np.sqrt((i + 0.5) / 478), i * np.pi * (3 - 5**0.5)
    points = np.stack([0.47 * radius * np.cos(angle), 0.62 * radius * np.sin(angle)], -1)
    for index, position in NAMED_LANDMARKS.items():
        points[index] = position
    return (centre + points * width).astype(np.float32)


def _paint(
    h: int, w: int, centre: F32, width: float, rng: np.random.Generator, spots: bool
) -> tuple[F32, dict[str, F32]]:
    """sRGB-encoded 0..1 image (h, w, 3) and soft masks of all `REGIONS` at source size."""
    yy, xx = np.mgrid[:h, :w].astype(np.float32) + 0.5
    x, y = (xx - centre[0]) / width, (yy - centre[1]) / width
    soft = np.float32(1.0 / width)

    def ellipse(cx: float, cy: float, rx: float, ry: float) -> F32:
        distance = (np.hypot((x - cx) / rx, (y - cy) / ry) - 1) * min(rx, ry)
        return np.clip(0.5 - distance / (2 * soft), 0, 1).astype(np.float32)

    def pair(cx: float, cy: float, rx: float, ry: float) -> F32:
        return np.maximum(ellipse(-cx, cy, rx, ry), ellipse(cx, cy, rx, ry))

    head = ellipse(0, 0, 0.5, 0.65)
    masks: dict[str, F32] = {name: np.zeros((h, w), np.float32) for name in REGIONS}
    masks |= {
        "eyes": pair(0.2, -0.14, 0.1, 0.05),
        "iris": pair(0.2, -0.14, 0.04, 0.04),
        "brows": pair(0.2, -0.27, 0.13, 0.03),
        "lips": ellipse(0, 0.36, 0.17, 0.06),
        "nostrils": pair(0.05, 0.18, 0.02, 0.012),
        "hair": (1 - head) * (y < -0.2),
    }
    features = np.max([masks[n] for n in ("eyes", "brows", "lips", "nostrils")], axis=0)
    skin = masks["skin"] = (head * (1 - features)).astype(np.float32)
    masks |= {
        "forehead": skin * (y < -0.3),
        "under_eyes": skin * pair(0.2, -0.04, 0.1, 0.04),
        "cheeks": skin * pair(0.27, 0.15, 0.16, 0.18),
        "nose": skin * ellipse(0, 0.05, 0.09, 0.2),
        "upper_lip": skin * ellipse(0, 0.26, 0.14, 0.05),
        "chin": skin * ellipse(0, 0.54, 0.16, 0.1),
    }

    def noise(sigma: float) -> F32:
        grain = cv2.GaussianBlur(rng.standard_normal((h, w)).astype(np.float32), (0, 0), sigma * width)
        return (grain / grain.std()).astype(np.float32)

    pores = rng.standard_normal((h, w)).astype(np.float32)
    shade = 1 - 0.18 * (x**2 + y**2) * 2
    tone = np.array([0.80, 0.62, 0.54], np.float32) * shade[..., None]
    tone = tone + 0.012 * noise(1 / 30)[..., None] + 0.010 * noise(1 / 120)[..., None] + 0.012 * pores[..., None]
    rgb = np.array([0.35, 0.40, 0.45], np.float32) * (1 - head[..., None]) + tone * head[..., None]
    colours = {"hair": (0.2, 0.14, 0.1), "eyes": (0.85, 0.84, 0.83), "iris": (0.2, 0.3, 0.35)}
    colours |= {"brows": (0.25, 0.17, 0.13), "lips": (0.7, 0.35, 0.36), "nostrils": (0.3, 0.18, 0.15)}
    for name, colour in colours.items():
        rgb += masks[name][..., None] * (np.float32(colour) + 0.006 * pores[..., None] - rgb)
    for sx, sy, radius in SPOTS if spots else ():
        falloff = np.exp(-(((x - sx) ** 2 + (y - sy) ** 2) / (2 * (0.6 * radius) ** 2)))[..., None]
        rgb += falloff * np.float32([-0.02, -0.16, -0.13])
    return np.clip(rgb, 0, 1).astype(np.float32), masks

"""Made-up photos with one face grid, and layers on it, for tests of the renderer."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from engine.imageio.colour import to_lab
from engine.layers.build import build_layers
from engine.types import (
    F32,
    GRID_FACE_WIDTH,
    REGIONS,
    Box,
    Decision,
    FaceAnalysis,
    FaceGrid,
    Mark,
    MarkKind,
    Metadata,
    Photo,
    RetouchLayers,
)

GRID_LAYERS = ("smooth", "tone", "light", "shine", "under_eye", "features", "teeth", "eye_whites")


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> F32:
    """Gaussian-filtered noise of unit rms."""
    noise = cv2.GaussianBlur(rng.standard_normal(shape).astype(np.float32), (0, 0), sigma)
    return np.asarray(noise / noise.std(), np.float32).reshape(shape)


def scene(
    size: tuple[int, int],
    box: Box,
    width: float,
    *,
    dtype: type = np.uint8,
    icc: bytes | None = None,
    seed: int = 0,
    grid_width: float = GRID_FACE_WIDTH,
) -> tuple[Photo, FaceAnalysis]:
    """A skin-coloured photo with pores, of `size` (width, height), and a face of `width` in `box`."""
    rng = np.random.default_rng(seed)
    full = np.iinfo(dtype).max
    tile = smooth_noise(rng, (256, 256), max(width / 700, 0.8)) * 0.02
    pores = np.tile(tile, (size[1] // 256 + 1, size[0] // 256 + 1))[: size[1], : size[0]]
    y, x = np.ogrid[: size[1], : size[0]]
    shade = (0.08 * np.sin(x / width * 3) * np.cos(y / width * 2)).astype(np.float32)
    pixels = np.empty((size[1], size[0], 3), dtype)
    for channel, colour in enumerate((0.72, 0.55, 0.47)):
        pixels[..., channel] = np.rint(np.clip(pores + shade + np.float32(colour), 0, 1) * full)
    scale = grid_width / width
    shape = round((box[3] - box[1]) * scale), round((box[2] - box[0]) * scale)
    crop = pixels[box[1] : box[3], box[0] : box[2]].astype(np.float32) / np.float32(full)
    grid_pixels = cv2.resize(crop, shape[::-1], interpolation=cv2.INTER_AREA)
    gy, gx = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    distance = np.hypot((gy - shape[0] / 2) / (shape[0] * 0.42), (gx - shape[1] / 2) / (shape[1] * 0.42))
    regions = {name: np.zeros(shape, np.float32) for name in REGIONS}
    regions["skin"] = np.clip((1 - distance) * 8, 0, 1).astype(np.float32)
    photo = Photo(pixels, icc, Metadata(), Path("scene.png"), "png")
    face = FaceAnalysis(
        id="face-1",
        box=box,
        landmarks=np.zeros((478, 2), np.float32),
        width=width,
        pose=(0.0, 0.0, 0.0),
        confidence=1.0,
        grid=FaceGrid(box, shape),
        lab=to_lab(np.asarray(grid_pixels, np.float32), icc),
        regions=regions,
    )
    return photo, face


def marks_on(face: FaceAnalysis, count: int, seed: int = 2) -> tuple[tuple[Mark, ...], dict[str, F32], F32]:
    """Marks (every third kept), their soft masks and the healed L*a*b* image."""
    rng = np.random.default_rng(seed)
    h, w = face.grid.shape
    y, x = np.mgrid[:h, :w].astype(np.float32)
    healed, marks, masks = face.lab.copy(), [], {}
    for i in range(count):
        cx, cy = rng.uniform(0.3, 0.7) * w, rng.uniform(0.3, 0.7) * h
        radius = rng.uniform(0.006, 0.014) * face.grid_width
        mask = np.clip(1.5 - np.hypot(y + 0.5 - cy, x + 0.5 - cx) / radius, 0, 1).astype(np.float32)
        centre = face.grid.to_source(np.asarray([[cx, cy]], np.float32))[0]
        decision = Decision.REMOVE if i % 3 else Decision.KEEP
        marks.append(
            Mark(
                id=f"mark-{i}",
                centre=(float(centre[0]), float(centre[1])),
                radius=radius / face.grid.scale[0],
                contrast=5.0,
                kind=MarkKind.BLEMISH,
                confidence=1.0,
                decision=decision,
            )
        )
        masks[f"mark-{i}"] = mask
        healed += mask[..., None] * np.asarray([3, -4, -1], np.float32)
    return tuple(marks), masks, healed


def layers_on(photo: Photo, face: FaceAnalysis, *, marks: int = 6, seed: int = 1) -> RetouchLayers:
    """Random smooth layers over the face's skin, a pore gain and marks."""
    rng = np.random.default_rng(seed)
    skin = face.regions["skin"]
    deltas = {
        name: smooth_noise(rng, (*skin.shape, 3), 3.0 + i) * np.float32(1.5) * skin[..., None]
        for i, name in enumerate(GRID_LAYERS)
    }
    ledger, masks, healed = marks_on(face, marks)
    return build_layers(photo, face, deltas, np.float32(0.1) * skin, ledger, healed, masks)

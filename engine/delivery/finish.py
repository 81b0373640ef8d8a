"""The last steps before a file is written: profile, size, output sharpening, watermark, metadata.

A plain recipe returns the very pixels. Everything else works on 16 bit or floating point in strips, so that a photo of
60 MP needs little more memory than its pixels. Sizes are reduced in roughly linear light (a gamma of 2.2).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from engine.delivery.metadata import kept
from engine.delivery.recipe import Recipe
from engine.imageio import colour
from engine.imageio.profiles import adobe_rgb_profile, display_p3_profile, srgb_profile
from engine.imageio.write import to_depth
from engine.types import F32, Photo

GAMMA: Final = np.float32(2.2)
ROWS: Final = 256
SHARPEN: Final = {"low": 0.35, "standard": 0.6, "high": 1.0}
SHARPEN_SIGMA: Final = 0.7
"""Radius of output sharpening in pixels of the output, as for screens and 300 dpi prints."""
HALO: Final = 0.06
"""Greatest change by sharpening, full scale 1."""
WATERMARK_HEIGHT: Final = 0.022
"""Height of a watermark's letters as a share of the long edge."""
U16 = npt.NDArray[np.uint16]


def finished(photo: Photo, recipe: Recipe) -> Photo:
    """The photo as the recipe wants it; 16 bit unless the recipe is plain. Raises: ColourProfileError."""
    before = photo.size
    if not recipe.plain:
        icc = photo.icc if recipe.profile == "own" else profile_of(recipe)
        pixels = _deep(photo, icc)
        size = target_size(before, recipe)
        alpha = photo.alpha
        if size != before:
            pixels = _reduced(pixels, size)
            alpha = None if alpha is None else cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
        if recipe.sharpen != "none":
            _sharpen(pixels, SHARPEN[recipe.sharpen])
        if recipe.watermark:
            _mark(pixels, recipe.watermark)
        photo = replace(photo, pixels=pixels, icc=icc, alpha=alpha)
    return replace(photo, metadata=kept(photo.metadata, recipe.metadata, None if photo.size == before else photo.size))


def profile_of(recipe: Recipe) -> bytes:
    """The profile that the recipe converts to."""
    makers = {"srgb": srgb_profile, "adobe_rgb": adobe_rgb_profile, "display_p3": display_p3_profile}
    return makers[recipe.profile]()


def target_size(size: tuple[int, int], recipe: Recipe) -> tuple[int, int]:
    """(width, height) of the output; never larger than the photo."""
    width, height = size
    scale = 1.0
    if recipe.long_edge is not None:
        scale = recipe.long_edge / max(size)
    elif recipe.megapixels is not None:
        scale = math.sqrt(recipe.megapixels * 1e6 / (width * height))
    return size if scale >= 1 else (max(round(width * scale), 1), max(round(height * scale), 1))


def _deep(photo: Photo, icc: bytes | None) -> U16:
    """The pixels in this profile, 16 bit, a fresh array."""
    same = icc == photo.icc or (photo.icc is None and icc == srgb_profile())
    out = np.empty(photo.pixels.shape, np.uint16)
    for y in range(0, len(out), ROWS):
        part = photo.pixels[y : y + ROWS]
        if same:
            out[y : y + ROWS] = to_depth(part, 16)
        else:
            out[y : y + ROWS] = _codes(colour.converted(part, photo.icc, icc))
    return out


def _reduced(pixels: U16, size: tuple[int, int]) -> U16:
    """Area means in linear light: columns first, in strips, then rows."""
    width, height = size
    narrow = np.empty((len(pixels), width, 3), np.float32)
    for y in range(0, len(pixels), ROWS):
        linear = cv2.pow(pixels[y : y + ROWS].astype(np.float32) / np.float32(65535), float(GAMMA))
        narrow[y : y + ROWS] = cv2.resize(linear, (width, len(linear)), interpolation=cv2.INTER_AREA)
    small = cv2.resize(narrow, (width, height), interpolation=cv2.INTER_AREA)
    return _codes(np.asarray(cv2.pow(small, 1 / float(GAMMA)), np.float32))


def _sharpen(pixels: U16, amount: float) -> None:
    """Unsharp masking of the mean of the channels, in place, with bounded halos; colours stay."""
    grey = np.empty(pixels.shape[:2], np.float32)
    for y in range(0, len(pixels), ROWS):
        grey[y : y + ROWS] = pixels[y : y + ROWS].mean(axis=2, dtype=np.float32) / np.float32(65535)
    change = grey - cv2.GaussianBlur(grey, (0, 0), SHARPEN_SIGMA)
    np.clip(change * np.float32(amount), -HALO, HALO, out=change)
    for y in range(0, len(pixels), ROWS):
        part = pixels[y : y + ROWS].astype(np.float32) / np.float32(65535) + change[y : y + ROWS, :, None]
        pixels[y : y + ROWS] = _codes(part)


def _mark(pixels: U16, text: str) -> None:
    """Text in the lower right corner, half transparent, in place."""
    from PIL import Image, ImageDraw, ImageFont

    height, width = pixels.shape[:2]
    size = max(round(max(width, height) * WATERMARK_HEIGHT), 9)
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(text)
    mask = Image.new("L", (min(math.ceil(right - left) + 2, width), min(math.ceil(bottom - top) + 2, height)))
    ImageDraw.Draw(mask).text((1 - left, 1 - top), text, font=font, fill=255)
    weight = (np.asarray(mask, np.float32) / 255 * 0.6)[..., None]
    margin = size
    y, x = max(height - weight.shape[0] - margin, 0), max(width - weight.shape[1] - margin, 0)
    part: Any = pixels[y : y + weight.shape[0], x : x + weight.shape[1]]
    part[...] = np.rint(part * (1 - weight) + 65535 * weight)


def _codes(values: F32) -> U16:
    return np.rint(np.clip(values, 0, 1) * np.float32(65535)).astype(np.uint16)

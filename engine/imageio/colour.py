"""Colour through ICC profiles: source encoding ↔ CIE L*a*b* D50 ↔ sRGB. littlecms by way of imagecodecs, or tables
measured from it (`matrix`).

All float transforms are unbounded: colours outside a profile's gamut give values below 0 or above 1 instead of being
clipped, so that differences of two transforms are right at the edge of the gamut too. The rendering intent is relative
colorimetric (methods: ICC.1:2022, section 6.2). `icc` None means sRGB (IEC 61966-2-1).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.device import side_by_side
from engine.errors import ColourProfileError
from engine.imageio.matrix import MatrixModel, littlecms, matrix_model, outside
from engine.imageio.profiles import PROFILE_HINT, lab_profile, profile_space, srgb_profile
from engine.types import F32, Pixels

BLACK_POINT_COMPENSATION = 0x2000
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_STRIP_PIXELS = 1 << 15


@lru_cache(maxsize=16)
def check_rgb_profile(icc: bytes) -> None:
    """Prove that an RGB profile works in both directions.

    Raises: ColourProfileError if it is damaged, is not for RGB, or cannot be inverted.
    """
    space = profile_space(icc)
    if space != "rgb":
        raise ColourProfileError(f"The embedded colour profile is for {space.upper()}, not for RGB.", PROFILE_HINT)
    ramp = np.repeat(np.linspace(0, 1, 5, dtype=np.float32)[None, :, None], 3, axis=2)
    lab = to_lab(ramp, icc)
    back = from_lab(lab, icc)
    lightness = lab[0, :, 0]
    if not (np.isfinite(lab).all() and np.isfinite(back).all()) or lightness[-1] - lightness[0] < 10:
        raise ColourProfileError("The embedded colour profile gives no usable colours.", PROFILE_HINT)


def to_lab(pixels: Pixels | F32, icc: bytes | None) -> F32:
    """Encoded pixels to L*a*b* D50.

    Shapes: (h, w, 3) uint8, uint16 or float32 (full scale 1) → (h, w, 3) float32, L in 0–100.
    Raises: ColourProfileError.
    """
    profile = icc or srgb_profile()
    model = _model(profile)

    def convert(part: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if model is None:
            return _littlecms(part, profile, "rgb", lab_profile(), "lab")
        lab = model.to_lab(part)
        if part.dtype.kind == "f" and (beyond := outside(part)).any():
            lab[beyond] = _littlecms(part[beyond][None], profile, "rgb", lab_profile(), "lab")[0]
        return lab

    return _in_strips(convert, pixels, 3, np.float32)


def from_lab(lab: F32, icc: bytes | None) -> F32:
    """L*a*b* D50 to values encoded by `icc`, full scale 1, unbounded.

    Shapes: (h, w, 3) float32 → the same. Raises: ColourProfileError.
    """
    profile = icc or srgb_profile()
    model = _model(profile)

    def convert(part: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if model is None:
            return _littlecms(part, lab_profile(), "lab", profile, "rgb")
        encoded, beyond = model.from_lab(part)
        if beyond.any():
            encoded[beyond] = _littlecms(part[beyond][None], lab_profile(), "lab", profile, "rgb")[0]
        return encoded

    return _in_strips(convert, lab, 3, np.float32)


def converted(pixels: Pixels | F32, icc: bytes | None, to: bytes | None) -> F32:
    """Values encoded by one profile as values encoded by another, float32 at full scale 1, unbounded.

    Shapes: (h, w, 3) → (h, w, 3). Raises: ColourProfileError.
    """
    if icc == to:
        return as_float(pixels)
    profile, target = icc or srgb_profile(), to or srgb_profile()
    model, other = _model(profile), _model(target)
    if model is None or other is None:
        return from_lab(to_lab(pixels, icc), to)

    def convert(part: npt.NDArray[Any]) -> npt.NDArray[Any]:
        encoded, beyond = model.to(other, part)
        if part.dtype.kind == "f":
            beyond |= outside(part)
        if beyond.any():
            encoded[beyond] = _littlecms(part[beyond][None], profile, "rgb", target, "rgb")[0]
        return encoded

    return _in_strips(convert, pixels, 3, np.float32)


def to_srgb8(pixels: Pixels | F32, icc: bytes | None) -> npt.NDArray[np.uint8]:
    """Encoded pixels to 8-bit sRGB for views and detectors; colours outside sRGB are clipped.

    Shapes: (h, w, 3) uint8, uint16 or float32 → (h, w, 3) uint8. Raises: ColourProfileError.
    """
    if icc is None:
        return to_uint8(pixels)
    model = _model(icc)

    def convert(part: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if model is None:
            return to_uint8(_littlecms(part, icc, "rgb", srgb_profile(), "rgb"))
        return model.to_srgb8(part)

    return _in_strips(convert, pixels, 3, np.uint8)


def cmyk_to_srgb(pixels: Pixels, icc: bytes) -> Pixels:
    """CMYK ink values (full scale = full ink) through their profile to sRGB of the same depth, with black point
    compensation. Shapes: (h, w, 4) → (h, w, 3). Raises: ColourProfileError."""
    full = np.iinfo(pixels.dtype).max

    def convert(part: npt.NDArray[Any]) -> npt.NDArray[Any]:
        rgb = _littlecms(part, icc, "cmyk", srgb_profile(), "rgb", BLACK_POINT_COMPENSATION)
        return np.rint(np.clip(rgb, 0, 1) * full)

    return _in_strips(convert, pixels, 4, pixels.dtype)


def as_float(pixels: Pixels | F32) -> F32:
    """uint8, uint16 or float pixels as float32 with full scale 1."""
    scale = np.float32(np.iinfo(pixels.dtype).max) if pixels.dtype.kind == "u" else np.float32(1)
    return np.divide(pixels, scale, dtype=np.float32)


def luma(encoded: F32) -> F32:
    """Encoded red, green and blue (3, …) as one plane (…) of light and shade, weighted as ITU-R BT.709 does."""
    return np.asarray(np.tensordot(_LUMA, encoded, 1), np.float32)


def to_uint8(pixels: Pixels | F32) -> npt.NDArray[np.uint8]:
    """uint8, uint16 or float (full scale 1) values rounded to 8 bit."""
    if pixels.dtype == np.uint8:
        return pixels.view(np.uint8)
    if pixels.dtype == np.uint16:
        return np.take(_DOWN, pixels.view(np.uint16))
    return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


_DOWN = ((np.arange(65536, dtype=np.uint32) + 128) // 257).astype(np.uint8)


def _model(profile: bytes) -> MatrixModel | None:
    try:
        return matrix_model(profile)
    except (RuntimeError, ValueError) as error:
        raise ColourProfileError("The colour profile cannot be used.", PROFILE_HINT, cause=str(error)) from error


def _littlecms(
    part: npt.NDArray[Any], profile: bytes, space: str, out_profile: bytes, out_space: str, flags: int = 0
) -> F32:
    """As `littlecms`. Raises: ColourProfileError."""
    try:
        return littlecms(part, profile, space, out_profile, out_space, flags)
    except (RuntimeError, ValueError) as error:
        raise ColourProfileError("The colour profile cannot be used.", PROFILE_HINT, cause=str(error)) from error


def _in_strips(
    convert: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
    pixels: npt.NDArray[Any],
    channels: int,
    dtype: npt.DTypeLike,
) -> npt.NDArray[Any]:
    """Apply a per-pixel conversion to strips that fit into the cache, side by side. (h, w, channels) → (h, w, 3)."""
    if pixels.ndim != 3 or pixels.shape[2] != channels or pixels.dtype not in (np.uint8, np.uint16, np.float32):
        expected = f"(h, w, {channels}) uint8, uint16 or float32"
        raise ValueError(f"Expected {expected}, got {pixels.shape} {pixels.dtype}.")
    height, width = pixels.shape[:2]
    out = np.empty((height, width, 3), dtype)
    rows = max(1, _STRIP_PIXELS // max(width, 1))

    def work(y: int) -> None:
        out[y : y + rows] = convert(np.ascontiguousarray(pixels[y : y + rows]))

    starts = range(0, height, rows) if out.size else range(0)
    if len(starts) < 4:
        for y in starts:
            work(y)
    else:
        side_by_side(work, starts)
    return out

"""Colour through ICC profiles: source encoding ↔ CIE L*a*b* D50 ↔ sRGB. littlecms by way of imagecodecs.

All float transforms are unbounded: colours outside a profile's gamut give values below 0 or above 1 instead of being
clipped, so that differences of two transforms are right at the edge of the gamut too. The rendering intent is relative
colorimetric (methods: ICC.1:2022, section 6.2). `icc` None means sRGB (IEC 61966-2-1).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import imagecodecs
import numpy as np
import numpy.typing as npt

from engine.errors import ColourProfileError
from engine.types import F32, Pixels

RELATIVE_COLORIMETRIC = 1
BLACK_POINT_COMPENSATION = 0x2000
_STRIP_PIXELS = 1 << 17
_SPACES = {b"RGB ": "rgb", b"GRAY": "gray", b"CMYK": "cmyk", b"Lab ": "lab"}


@cache
def srgb_profile() -> bytes:
    """An sRGB profile (parametric curve, D50-adapted primaries)."""
    return bytes(imagecodecs.cms_profile("srgb"))


@cache
def lab_profile() -> bytes:
    """A version 4 L*a*b* D50 profile, the connection space."""
    return bytes(imagecodecs.cms_profile("lab4"))


@cache
def prophoto_profile() -> bytes:
    """ProPhoto RGB (ROMM primaries, D50) with a plain gamma of 1.8, as `read` makes from raw files."""
    primaries = (0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001)
    return bytes(imagecodecs.cms_profile("rgb", whitepoint=(0.3457, 0.3585), primaries=primaries, gamma=1.8))


@cache
def adobe_rgb_profile() -> bytes:
    """A profile compatible with Adobe RGB (1998)."""
    return bytes(imagecodecs.cms_profile("adobergb"))


@cache
def display_p3_profile() -> bytes:
    """Display P3: DCI-P3 primaries, D65, the sRGB curve."""
    x = np.linspace(0.0, 1.0, 4096)
    curve = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    primaries = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
    table = np.rint(curve * 65535).astype(np.uint16)
    return bytes(imagecodecs.cms_profile("rgb", whitepoint=(0.3127, 0.3290), primaries=primaries, transferfunction=table))


def profile_space(icc: bytes) -> str:
    """The colour space that a profile describes: "rgb", "gray", "cmyk", "lab" or "other".

    Raises: ColourProfileError if the bytes are not an ICC profile.
    """
    if len(icc) < 132 or icc[36:40] != b"acsp":
        raise ColourProfileError("The embedded colour profile is damaged.", _PROFILE_HINT)
    return _SPACES.get(icc[16:20], "other")


_PROFILE_HINT = "Assign a standard profile such as sRGB in another program and try again."


@cache
def check_rgb_profile(icc: bytes) -> None:
    """Prove that an RGB profile works in both directions.

    Raises: ColourProfileError if it is damaged, is not for RGB, or cannot be inverted.
    """
    space = profile_space(icc)
    if space != "rgb":
        raise ColourProfileError(f"The embedded colour profile is for {space.upper()}, not for RGB.", _PROFILE_HINT)
    ramp = np.repeat(np.linspace(0, 1, 5, dtype=np.float32)[None, :, None], 3, axis=2)
    lab = to_lab(ramp, icc)
    back = from_lab(lab, icc)
    lightness = lab[0, :, 0]
    if not (np.isfinite(lab).all() and np.isfinite(back).all()) or lightness[-1] - lightness[0] < 10:
        raise ColourProfileError("The embedded colour profile gives no usable colours.", _PROFILE_HINT)


def to_lab(pixels: Pixels | F32, icc: bytes | None) -> F32:
    """Encoded pixels to L*a*b* D50.

    Shapes: (h, w, 3) uint8, uint16 or float32 (full scale 1) → (h, w, 3) float32, L in 0–100.
    Raises: ColourProfileError.
    """
    return _transform(pixels, icc or srgb_profile(), "rgb", lab_profile(), "lab", np.float32)


def from_lab(lab: F32, icc: bytes | None) -> F32:
    """L*a*b* D50 to values encoded by `icc`, full scale 1, unbounded.

    Shapes: (h, w, 3) float32 → the same. Raises: ColourProfileError.
    """
    return _transform(lab, lab_profile(), "lab", icc or srgb_profile(), "rgb", np.float32)


def encoded_to_srgb_float(pixels: Pixels | F32, icc: bytes | None) -> F32:
    """Encoded pixels to sRGB-encoded float32, full scale 1, unbounded. Shapes: (h, w, 3). Raises: ColourProfileError."""
    if icc is None:
        return as_float(pixels)
    return _transform(pixels, icc, "rgb", srgb_profile(), "rgb", np.float32)


def srgb_float_to_encoded(srgb: F32, icc: bytes | None) -> F32:
    """Inverse of `encoded_to_srgb_float`."""
    if icc is None:
        return as_float(srgb)
    return _transform(srgb, srgb_profile(), "rgb", icc, "rgb", np.float32)


def to_srgb8(pixels: Pixels | F32, icc: bytes | None) -> npt.NDArray[np.uint8]:
    """Encoded pixels to 8-bit sRGB for views and detectors; colours outside sRGB are clipped.

    Shapes: (h, w, 3) uint8, uint16 or float32 → (h, w, 3) uint8. Raises: ColourProfileError.
    """
    if icc is None:
        return to_uint8(pixels)
    out: npt.NDArray[np.uint8] = _transform(pixels, icc, "rgb", srgb_profile(), "rgb", np.uint8)
    return out


def cmyk_to_srgb(pixels: Pixels, icc: bytes) -> Pixels:
    """CMYK ink values (full scale = full ink) through their profile to sRGB of the same depth, with black point
    compensation. Shapes: (h, w, 4) → (h, w, 3). Raises: ColourProfileError."""
    return _transform(pixels, icc, "cmyk", srgb_profile(), "rgb", pixels.dtype, BLACK_POINT_COMPENSATION)


def as_float(pixels: Pixels | F32) -> F32:
    """uint8, uint16 or float pixels as float32 with full scale 1."""
    scale = np.float32(np.iinfo(pixels.dtype).max) if pixels.dtype.kind == "u" else np.float32(1)
    return np.divide(pixels, scale, dtype=np.float32)


def to_uint8(pixels: Pixels | F32) -> npt.NDArray[np.uint8]:
    """uint8, uint16 or float (full scale 1) values rounded to 8 bit."""
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
        return _DOWN[pixels]
    return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


_DOWN = ((np.arange(65536, dtype=np.uint32) + 128) // 257).astype(np.uint8)


def _transform(
    pixels: npt.NDArray[np.generic],
    profile: bytes,
    space: str,
    out_profile: bytes,
    out_space: str,
    dtype: npt.DTypeLike,
    flags: int = 0,
) -> npt.NDArray[np.generic]:
    """littlecms over strips of rows, in threads (the transform releases the interpreter lock)."""
    pixels = np.ascontiguousarray(pixels)
    channels = {"rgb": 3, "lab": 3, "cmyk": 4, "gray": 1}
    if pixels.ndim != 3 or pixels.shape[2] != channels[space] or pixels.dtype not in (np.uint8, np.uint16, np.float32):
        raise ValueError(f"Expected (h, w, {channels[space]}) uint8, uint16 or float32, got {pixels.shape} {pixels.dtype}.")
    height, width = pixels.shape[:2]
    out = np.empty((height, width, channels[out_space]), dtype)
    if not out.size:
        return out
    rows = max(1, _STRIP_PIXELS // width)

    def convert(y: int) -> None:
        imagecodecs.cms_transform(
            pixels[y : y + rows],
            profile,
            out_profile,
            colorspace=space,
            outcolorspace=out_space,
            intent=RELATIVE_COLORIMETRIC,
            flags=flags,
            out=out[y : y + rows],
        )

    try:
        starts = range(0, height, rows)
        if len(starts) == 1:
            convert(0)
        else:
            with ThreadPoolExecutor(min(len(starts), os.cpu_count() or 1, 8)) as pool:
                list(pool.map(convert, starts))
    except (RuntimeError, ValueError) as error:
        raise ColourProfileError("The colour profile cannot be used.", _PROFILE_HINT, cause=str(error)) from error
    return out

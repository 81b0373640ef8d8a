"""Matrix and tone-curve profiles evaluated with tables: the same colours as littlecms, some ten times faster.

A model is measured from littlecms itself and then proved against it; a profile that does not behave as three curves and
a matrix (most printer and some camera profiles) has no model, and `colour` takes the slow way. Values outside 0–1,
where a table ends, are left to littlecms too, pixel by pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from engine.imageio.profiles import lab_profile, srgb_profile
from engine.types import F32

D50 = np.array([0.9642, 1.0, 0.8249], np.float32)
"""White of the connection space, X Y Z (ICC.1:2022, section 6.3.4.3)."""

_NODES = 65536
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27
_LAB_TOLERANCE, _CODE_TOLERANCE = 0.03, 2e-3
"""Greatest difference from littlecms: ΔE-like for L*a*b* (it rounds tabulated curves to 16 bit, 0.014 near black), and
of encoded values (curves without a linear part are infinitely steep at 0)."""
RELATIVE_COLORIMETRIC = 1
_xyz = bytes(imagecodecs.cms_profile("xyz"))


@dataclass(frozen=True)
class MatrixModel:
    """Curves and matrices.

    decode: (3, 65536) linear values of encoded 0–1. encode: (3, 65536) encoded values of the square root of linear
    0–1 (even steps in it follow the curve's bend near black). to_white: 3 × 3, linear RGB → X/Xn, Y/Yn, Z/Zn (D50).
    """

    decode: F32
    encode: F32
    to_white: F32
    from_white: F32

    def linear(self, pixels: npt.NDArray[Any]) -> list[F32]:
        """(h, w, 3) encoded uint8, uint16 or float32 within 0–1 to three linear planes."""
        if pixels.dtype.kind == "f":
            return [_interpolate(self.decode[i], pixels[..., i]) for i in range(3)]
        table = np.ascontiguousarray(self.decode[:, ::257]) if pixels.dtype == np.uint8 else self.decode
        return [np.take(table[i], pixels[..., i], mode="clip") for i in range(3)]

    def to_lab(self, pixels: npt.NDArray[Any]) -> F32:
        """(h, w, 3) encoded, within 0–1, to L*a*b* D50."""
        x, y, z = (_lab_curve(ratio) for ratio in _mix(self.to_white, self.linear(pixels)))
        return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=-1)

    def to_srgb8(self, pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """(h, w, 3) encoded, within 0–1, to 8-bit sRGB; colours outside sRGB are clipped."""
        srgb, table = _srgb_bytes()
        out = np.empty(pixels.shape, np.uint8)
        for i, linear in enumerate(_mix(srgb @ self.to_white, self.linear(pixels))):
            index = np.sqrt(np.clip(linear, 0, 1)) * np.float32(_NODES - 1) + np.float32(0.5)
            out[..., i] = np.take(table, index.astype(np.uint16), mode="clip")
        return out

    def from_lab(self, lab: F32) -> tuple[F32, npt.NDArray[np.bool_]]:
        """L*a*b* to (encoded values, (h, w) mask of the pixels out of gamut, which are clipped)."""
        y = (lab[..., 0] + 16) / np.float32(116)
        curved = (y + lab[..., 1] / np.float32(500), y, y - lab[..., 2] / np.float32(200))
        return self._encoded(_mix(self.from_white, [_from_lab_curve(f) for f in curved]))

    def to(self, other: MatrixModel, pixels: npt.NDArray[Any]) -> tuple[F32, npt.NDArray[np.bool_]]:
        """(h, w, 3) encoded, within 0–1, to another model's values, as `from_lab` gives them."""
        return other._encoded(_mix(other.from_white @ self.to_white, self.linear(pixels)))

    def _encoded(self, planes: list[F32]) -> tuple[F32, npt.NDArray[np.bool_]]:
        """Three linear planes to (encoded values, (h, w) mask of the pixels out of gamut, which are clipped)."""
        out = np.empty((*planes[0].shape, 3), np.float32)
        beyond = np.zeros(planes[0].shape, np.bool_)
        for i, linear in enumerate(planes):
            beyond |= ~((linear >= 0) & (linear <= 1))
            out[..., i] = _interpolate(self.encode[i], np.sqrt(np.clip(linear, 0, 1)))
        return out, beyond


def outside(values: F32) -> npt.NDArray[np.bool_]:
    """(h, w) mask of pixels with a channel outside 0–1 (or not a number)."""
    inside: npt.NDArray[np.bool_] = np.asarray(((values >= 0) & (values <= 1)).all(axis=-1))
    return ~inside


def _mix(matrix: npt.NDArray[Any], planes: list[F32]) -> list[F32]:
    """Matrix times planes, one operation at a time: fused or blocked products would give a pixel another last digit
    depending on its neighbours, and a tile another than the whole."""
    rows = matrix.astype(np.float32)
    return [row[0] * planes[0] + row[1] * planes[1] + row[2] * planes[2] for row in rows]


def _lab_curve(ratio: F32) -> F32:
    f: F32 = np.cbrt(ratio)
    dark = ratio <= np.float32(_EPSILON)
    if dark.any():
        f[dark] = (np.float32(_KAPPA) * ratio[dark] + 16) / 116
    return f


def _from_lab_curve(f: F32) -> F32:
    ratio = f * f * f
    dark = f <= np.float32(6 / 29)
    if dark.any():
        ratio[dark] = (116 * f[dark] - 16) / np.float32(_KAPPA)
    return ratio


def _interpolate(table: F32, values: F32) -> F32:
    """Linear interpolation in a table over 0–1; values outside give its ends, no numbers give its start."""
    position = values * np.float32(_NODES - 1)
    np.fmax(position, 0, out=position)
    np.fmin(position, _NODES - 1, out=position)
    index = position.astype(np.uint16)
    position -= index
    low = np.take(table, index, mode="clip")
    result: F32 = np.take(table[1:], index, mode="clip")  # after the last node there is nothing to add
    result -= low
    result *= position
    result += low
    return result


@lru_cache(maxsize=1)
def _srgb_bytes() -> tuple[F32, npt.NDArray[np.uint8]]:
    """(X/Xn, Y/Yn, Z/Zn to linear sRGB, 8-bit sRGB of the square root of linear)."""
    model = matrix_model(srgb_profile())
    assert model is not None
    return model.from_white, np.rint(np.clip(model.encode[0], 0, 1) * 255).astype(np.uint8)


@lru_cache(maxsize=16)
def matrix_model(icc: bytes) -> MatrixModel | None:
    """The model of an RGB profile, None if it is not of this kind. Raises: RuntimeError if the profile is unusable."""
    ramp = np.linspace(0, 1, _NODES, dtype=np.float32)
    primaries = littlecms(np.eye(3, dtype=np.float32)[None], icc, "rgb", _xyz, "xyz")[0].T
    white = primaries.sum(axis=1)
    if not (np.isfinite(primaries).all() and np.allclose(white, D50, atol=0.01)):
        return None
    if abs(np.linalg.det(primaries.astype(np.float64))) < 1e-4:
        return None
    grey = littlecms(np.repeat(ramp[None, :, None], 3, axis=2), icc, "rgb", _xyz, "xyz")[0]
    inverse = np.linalg.inv(primaries.astype(np.float64))
    decode = np.clip(grey @ inverse.T, 0, 1).astype(np.float32)
    neutral = (ramp.astype(np.float64) ** 2)[:, None] * white
    encode = littlecms(neutral[None].astype(np.float32), _xyz, "xyz", icc, "rgb")[0]
    if (np.diff(decode, axis=0) < 0).any() or not np.isfinite(encode).all():
        return None
    to_white = (primaries / D50[:, None]).astype(np.float32)
    from_white = np.linalg.inv(to_white.astype(np.float64)).astype(np.float32)
    model = MatrixModel(np.ascontiguousarray(decode.T), np.ascontiguousarray(encode.T), to_white, from_white)
    return model if _agrees(model, icc) else None


def _agrees(model: MatrixModel, icc: bytes) -> bool:
    colours = np.random.default_rng(0).random((64, 64, 3), dtype=np.float32)
    colours[:16] **= 4
    expected = littlecms(colours, icc, "rgb", lab_profile(), "lab")
    back, beyond = model.from_lab(expected)
    near = np.abs(model.to_lab(colours) - expected).max() < _LAB_TOLERANCE
    return bool(near and np.abs(back - colours)[~beyond].max(initial=0) < _CODE_TOLERANCE and beyond.mean() < 0.05)


def littlecms(
    values: npt.NDArray[Any], profile: bytes, space: str, out_profile: bytes, out_space: str, flags: int = 0
) -> F32:
    """One transform to float32, unbounded. Raises: RuntimeError, ValueError if a profile is unusable."""
    result: F32 = imagecodecs.cms_transform(
        np.ascontiguousarray(values),
        profile,
        out_profile,
        colorspace=space,
        outcolorspace=out_space,
        outdtype="float32",
        intent=RELATIVE_COLORIMETRIC,
        flags=flags,
    )
    return result

"""Colour against closed forms written out here: IEC 61966-2-1, Bradford adaptation, CIE 1976 L*a*b*."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ColourProfileError
from engine.imageio import colour, matrix, profiles
from tests.helpers import photos
from tests.tolerances import LAB_ROUND_TRIP

F64 = npt.NDArray[np.float64]
D50 = np.array([0.9642, 1.0, 0.8249])
D65 = np.array([0.3127 / 0.3290, 1.0, (1 - 0.3127 - 0.3290) / 0.3290])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SRGB_XY = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
P3_XY = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE_XY = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
ROMM_XY = ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001))
LAB_CLOSE = 0.06
"""ΔE76: profiles round the matrix and the adaptation to 1/65536 and their white to four digits."""


def srgb_curve(v: F64) -> F64:
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def to_xyz_d50(xy: tuple[tuple[float, float], ...], white: F64) -> F64:
    primaries = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in xy]).T
    rgb_to_xyz = primaries * np.linalg.solve(primaries, white)
    gain = np.diag((BRADFORD @ D50) / (BRADFORD @ white))
    return np.linalg.inv(BRADFORD) @ gain @ BRADFORD @ rgb_to_xyz


def lab_of(linear: F64, xy: tuple[tuple[float, float], ...], white: F64) -> F64:
    ratio = linear @ to_xyz_d50(xy, white).T / D50
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack((116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])), axis=-1)


CASES = {
    "srgb": (profiles.srgb_profile(), SRGB_XY, D65, srgb_curve),
    "display p3": (profiles.display_p3_profile(), P3_XY, D65, srgb_curve),
    "adobe rgb": (profiles.adobe_rgb_profile(), ADOBE_XY, D65, lambda v: v ** (563 / 256)),
    "prophoto": (profiles.prophoto_profile(), ROMM_XY, D50, lambda v: v**1.8),
}


def colours(dtype: str, shape: tuple[int, int] = (23, 31)) -> npt.NDArray[np.generic]:
    values = np.random.default_rng(7).random((*shape, 3))
    values[0, :8] = [[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)]
    values[1] *= 0.02
    return values.astype(dtype) if dtype == "float32" else np.rint(values * np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_lab_equals_the_closed_form(name: str, dtype: str) -> None:
    icc, xy, white, curve = CASES[name]
    pixels = colours(dtype)
    expected = lab_of(curve(colour.as_float(pixels).astype(np.float64)), xy, white)
    assert np.abs(colour.to_lab(pixels, icc) - expected).max() < LAB_CLOSE


def test_no_profile_means_srgb() -> None:
    pixels = colours("uint8")
    expected = lab_of(srgb_curve(pixels / 255), SRGB_XY, D65)
    assert np.abs(colour.to_lab(pixels, None) - expected).max() < LAB_CLOSE
    assert np.array_equal(colour.to_srgb8(pixels, None), pixels)


@pytest.mark.parametrize("name", CASES)
def test_lab_there_and_back(name: str) -> None:
    icc = CASES[name][0]
    pixels = colours("float32")
    lab = colour.to_lab(pixels, icc)
    assert np.abs(colour.to_lab(colour.from_lab(lab, icc), icc) - lab).max() < LAB_ROUND_TRIP
    codes = np.rint(np.clip(colour.from_lab(colour.to_lab(colours("uint8"), icc), icc), 0, 1) * 255)
    assert np.array_equal(codes, colours("uint8"))


def test_colours_outside_the_gamut_are_not_clipped() -> None:
    lab = np.array([[[60, 90, 60], [110, 0, 0], [-5, 0, 0], [50, 0, 0]]], np.float32)
    encoded = colour.from_lab(lab, None)
    assert encoded[0, 0, 0] > 1.05 and encoded[0, 0, 1] < 0
    assert encoded[0, 1].min() > 1 and encoded[0, 2].max() < 0
    assert np.abs(colour.to_lab(encoded, None) - lab).max() < LAB_ROUND_TRIP


@pytest.mark.parametrize("name", CASES)
def test_the_table_model_agrees_with_littlecms(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    icc = CASES[name][0]
    pixels = colours("uint16")
    assert matrix.matrix_model(icc) is not None
    fast = colour.to_lab(pixels, icc), colour.to_srgb8(pixels, icc), colour.converted(pixels, icc, None)
    monkeypatch.setattr(colour, "matrix_model", lambda _: None)
    slow = colour.to_lab(pixels, icc), colour.to_srgb8(pixels, icc), colour.converted(pixels, icc, None)
    assert np.abs(fast[0] - slow[0]).max() < 0.02
    assert np.abs(fast[1].astype(int) - slow[1]).max() <= 1
    assert (fast[1] != slow[1]).mean() < 0.005
    assert np.abs(fast[2] - slow[2]).max() < 1e-3


def test_srgb8_of_adobe_rgb() -> None:
    pixels = colours("uint16")
    linear = (pixels / 65535) ** (563 / 256)
    srgb = linear @ (np.linalg.inv(to_xyz_d50(SRGB_XY, D65)) @ to_xyz_d50(ADOBE_XY, D65)).T
    srgb = np.clip(srgb, 0, 1)
    expected = np.where(srgb <= 0.0031308, srgb * 12.92, 1.055 * srgb ** (1 / 2.4) - 0.055) * 255
    assert np.abs(colour.to_srgb8(pixels, profiles.adobe_rgb_profile()) - expected).max() < 1.0


def test_converted_beyond_the_gamut_is_what_goes_through_lab() -> None:
    values = np.linspace(-0.1, 1.1, 60, dtype=np.float32).reshape(1, 20, 3)[:, :, ::-1].copy()
    icc, to = profiles.adobe_rgb_profile(), profiles.prophoto_profile()
    for target in (None, to):
        assert (
            np.abs(colour.converted(values, icc, target) - colour.from_lab(colour.to_lab(values, icc), target)).max()
            < 2e-3
        )


def test_srgb_float_there_and_back() -> None:
    icc = profiles.prophoto_profile()
    pixels = colours("float32")
    back = colour.converted(colour.converted(pixels, icc, None), None, icc)
    assert np.abs(back - pixels).max() < 1e-3
    assert np.array_equal(colour.converted(pixels, None, None), pixels)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 70), st.integers(1, 70))
def test_a_crop_has_the_colours_of_the_whole(x: int, y: int, width: int, height: int) -> None:
    icc = profiles.display_p3_profile()
    pixels = np.random.default_rng(3).integers(0, 65536, (97, 1009, 3)).astype(np.uint16)
    lab = colour.to_lab(pixels, icc)
    part = (slice(y, y + height), slice(x * 13, x * 13 + width))
    assert np.array_equal(colour.to_lab(pixels[part], icc), lab[part])
    assert np.array_equal(colour.from_lab(lab[part], icc), colour.from_lab(lab, icc)[part])
    assert np.array_equal(colour.to_srgb8(pixels[part], icc), colour.to_srgb8(pixels, icc)[part])


def test_grey_profile_becomes_rgb_with_the_same_lightness() -> None:
    icc = profiles.rgb_profile_of_grey(photos.GREY_GAMMA_18)
    ramp = np.repeat(np.linspace(0, 1, 33, dtype=np.float32)[None, :, None], 3, axis=2)
    lab = colour.to_lab(ramp, icc)
    y = ramp[0, :, 0].astype(np.float64) ** (1.8 + 1 / 1280)  # stored as 1.80078
    lightness = np.where(y > (6 / 29) ** 3, 116 * np.cbrt(y) - 16, y * (29 / 3) ** 3)
    assert np.abs(lab[0, :, 0] - lightness).max() < LAB_CLOSE
    assert np.abs(lab[..., 1:]).max() < LAB_CLOSE


def test_cmyk_corners() -> None:
    icc = photos.cmyk_profile()
    ink = np.array([[[0, 0, 0, 0], [0, 255, 255, 0], [255, 0, 0, 0], [0, 0, 0, 255]]], np.uint8)
    expected = [[255, 255, 255], [255, 0, 0], [0, 255, 255], [0, 0, 0]]
    for dtype, scale in ((np.uint8, 1), (np.uint16, 257)):
        rgb = colour.cmyk_to_srgb(ink.astype(dtype) * dtype(scale), icc)
        assert rgb.dtype == dtype
        assert np.abs(rgb[0] / scale - expected).max() < 3


@pytest.mark.parametrize(
    "icc",
    [
        b"not a profile",
        profiles.srgb_profile()[:200],
        profiles.srgb_profile()[:132] + b"\xff" * 400,
        photos.GREY_GAMMA_18,
        photos.cmyk_profile(),
    ],
    ids=["text", "cut off", "broken tags", "grey", "cmyk"],
)
def test_unusable_rgb_profiles(icc: bytes) -> None:
    with pytest.raises(ColourProfileError, match="profile"):
        colour.check_rgb_profile(icc)


def test_wrong_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match="Expected"):
        colour.to_lab(np.zeros((4, 4), np.uint8), None)
    with pytest.raises(ValueError, match="float64"):
        colour.to_lab(np.zeros((4, 4, 3)), None)

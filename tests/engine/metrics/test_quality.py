"""Measures without a reference, against closed forms and published definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import entropy as scipy_entropy

from engine.metrics import quality
from engine.metrics.skin import ITA_GROUPS, ita_group, typology_angle

RNG = np.random.default_rng(0)
FLAT = np.full((120, 140), 50, np.float32)


@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_white_noise_is_estimated_even_on_a_slope(sigma: float) -> None:
    slope = FLAT + np.arange(140, dtype=np.float32) * 0.3
    noisy = (slope + sigma * RNG.standard_normal(FLAT.shape)).astype(np.float32)
    assert quality.noise(noisy) == pytest.approx(sigma, rel=0.05)
    assert quality.noise(slope) == pytest.approx(0, abs=1e-3)


def test_sharpness_of_a_slope_is_its_steepness() -> None:
    slope = np.broadcast_to(np.arange(140, dtype=np.float32) * 0.3, (120, 140)).copy()
    inner = np.zeros_like(slope)
    inner[5:-5, 5:-5] = 1
    assert quality.sharpness(slope, inner) == pytest.approx(0.3, rel=1e-5)
    assert np.isnan(quality.sharpness(slope, 0 * inner))


def test_colourfulness_of_two_colours() -> None:
    """Half a* = 10, half a* = −10: spread 10, mean 0; all b* = 4: 0.37 · 4 more."""
    lab = np.zeros((10, 20, 3), np.float32)
    lab[:, :10, 1], lab[:, 10:, 1], lab[..., 2] = 10, -10, 4
    assert quality.colourfulness(lab) == pytest.approx(10 + 0.37 * 4, rel=1e-5)
    assert quality.colourfulness(0 * lab) == 0


def test_perceptual_blur_grows_with_blur_and_matches_the_definition() -> None:
    sharp = RNG.standard_normal((90, 110)).astype(np.float32)
    values = [quality.blur(ndimage.gaussian_filter(sharp, s)) for s in (0.0, 1.0, 2.0, 4.0)]
    assert values == sorted(values) and values[0] < 0.2 and values[-1] > 0.5
    expected = 0.0
    for axis in (0, 1):
        low = ndimage.uniform_filter1d(sharp.astype(np.float64), 9, axis, mode="reflect")
        f, b = np.abs(np.diff(sharp, axis=axis)), np.abs(np.diff(low, axis=axis))
        expected = max(expected, (f.sum() - np.maximum(0, f - b).sum()) / f.sum())
    assert values[0] == pytest.approx(expected, rel=1e-3)


def test_entropy_is_shannons() -> None:
    light = np.repeat(np.float32([10, 30, 50, 90]), 25).reshape(10, 10)
    assert quality.entropy(light) == pytest.approx(2.0)
    uneven = np.concatenate([light.ravel()[:50], light.ravel()[:1].repeat(50)]).reshape(10, 10)
    assert quality.entropy(uneven) == pytest.approx(scipy_entropy([75, 25], base=2), rel=1e-6)


def test_typology_angle_and_its_groups() -> None:
    lab = np.zeros((8, 8, 3), np.float32)
    skin = np.ones((8, 8), np.float32)
    lab[..., 0], lab[..., 2] = 65, 15
    assert typology_angle(lab, skin) == pytest.approx(45)
    lab[..., 0] = 50 - 15 * np.tan(np.radians(40))
    assert typology_angle(lab, skin) == pytest.approx(-40, abs=1e-3)
    assert np.isnan(typology_angle(lab, 0 * skin)) and ita_group(float("nan")) == "unknown"
    assert [ita_group(least + 1) for _, least in ITA_GROUPS] == [name for name, _ in ITA_GROUPS]

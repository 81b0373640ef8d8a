"""Texture retention and blotchiness in closed form and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from engine.metrics.texture import blotchiness, texture_band, texture_retention
from tests.helpers.scenes import smooth_noise

WIDTH = 600.0
SKIN = np.ones((160, 200), np.float32)


def _lab(lightness: np.ndarray, a: np.ndarray | float = 12.0) -> np.ndarray:
    return np.stack(np.broadcast_arrays(60 + lightness, a, 15.0), -1).astype(np.float32)


def test_the_band_is_the_difference_of_two_gaussians() -> None:
    noise = np.random.default_rng(0).standard_normal(SKIN.shape).astype(np.float32)
    wanted = gaussian_filter(noise, 0.7, mode="reflect") - gaussian_filter(noise, 1.6, mode="reflect")
    np.testing.assert_allclose(texture_band(_lab(noise), WIDTH), wanted, atol=0.02)


@pytest.mark.parametrize("gain", [0.0, 0.5, 1.0, 1.3])
def test_scaled_texture_is_retained_by_its_factor(gain: float) -> None:
    noise = np.random.default_rng(1).standard_normal(SKIN.shape)
    assert texture_retention(_lab(noise), _lab(gain * noise), SKIN, WIDTH) == pytest.approx(gain, abs=1e-3)


def test_retention_does_not_depend_on_the_size_of_the_picture() -> None:
    small, large = (smooth_noise(np.random.default_rng(2), (400, 400), s) for s in (0.9, 2.7))
    values = []
    for noise, width in ((small, 600.0), (large, 1800.0)):
        blurred = gaussian_filter(noise, width / 600)
        values.append(texture_retention(_lab(noise), _lab(blurred), np.ones((400, 400), np.float32), width))
    assert values[0] == pytest.approx(values[1], rel=0.06) and values[0] < 0.85


def test_only_skin_counts_and_no_skin_is_not_a_number() -> None:
    noise = np.random.default_rng(3).standard_normal(SKIN.shape)
    skin = SKIN.copy()
    skin[:, 100:] = 0
    after = noise.copy()
    after[:, 110:] = 0
    assert texture_retention(_lab(noise), _lab(after), skin, WIDTH) == pytest.approx(1, abs=1e-3)
    assert np.isnan(texture_retention(_lab(noise), _lab(noise), 0 * SKIN, WIDTH))
    assert np.isnan(texture_retention(_lab(0 * noise), _lab(noise), SKIN, WIDTH))


def test_blotches_are_seen_in_their_own_channel_and_size() -> None:
    """A wave with |k| = 1/σ keeps exp(−σ²k²/2) at each of the cuts W/50 and W/18."""
    width, k = 360.0, 30 / 360.0
    x = np.arange(1080)
    wave = np.repeat(3 * np.sin(x * k)[None], 90, axis=0)
    share = np.exp(-((k * width / 50) ** 2) / 2) - np.exp(-((k * width / 18) ** 2) / 2)
    result = blotchiness(_lab(0 * wave, 12 + wave), np.ones_like(wave, np.float32), width)
    assert result.lightness == pytest.approx(0, abs=1e-3)
    assert result.chroma == pytest.approx(share * 3 / np.sqrt(2), rel=0.03)

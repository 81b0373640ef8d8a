"""Bands against scipy's Gaussian, closed forms of sines, and masks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from engine.layers.bands import BLOTCH_CUT, BUMP_CUT, PORE_CUT, band_split, gaussian, masked_gaussian
from tests.helpers.scenes import smooth_noise


@pytest.mark.parametrize("sigma", [0.6, 1.28, 3.0, 8.1, 12.3, 28.4])
def test_gaussian_agrees_with_scipy(sigma: float) -> None:
    image = smooth_noise(np.random.default_rng(0), (211, 307), 5.0)
    reference = gaussian_filter(image.astype(np.float64), sigma, mode="reflect", truncate=5)
    assert np.abs(gaussian(image, sigma) - reference).max() < 0.02


def test_bands_add_up_to_the_image() -> None:
    lab = 100 * np.random.default_rng(1).random((113, 131, 3)).astype(np.float32)
    mask = np.random.default_rng(2).random((113, 131)).astype(np.float32)
    for weight in (None, mask):
        total = sum(np.asarray(band, np.float64) for band in band_split(lab, 120.0, weight))
        assert np.abs(total - lab).max() < 1e-4


@pytest.mark.parametrize(
    ("band", "divisor"), [("pore", 1600), ("bump", np.sqrt(400 * 50)), ("blotch", np.sqrt(50 * 18)), ("form", 4)]
)
def test_a_wave_of_a_band_lands_mostly_in_it(band: str, divisor: float) -> None:
    """A wave of σ-scale s has its gain exp(−s²k²/2) at each cut, so that its share of every band is known."""
    width = 4000.0 if band == "pore" else 400.0
    k = 1 / (width / divisor)
    x = np.arange(1200) * k
    image = np.repeat(np.sin(x)[None], 61, axis=0).astype(np.float32)
    bands = band_split(image, width)._asdict()
    gains = [1.0, *(np.exp(-((c * width * k) ** 2) / 2) for c in (PORE_CUT, BUMP_CUT, BLOTCH_CUT)), 0.0]
    shares = dict(zip(bands, -np.diff(gains), strict=True))
    middle = np.s_[20:40, 400:800]
    rms = {name: float(values[middle].std() / image[middle].std()) for name, values in bands.items()}
    assert max(rms, key=lambda name: rms[name]) == band
    for name, value in rms.items():
        assert value == pytest.approx(shares[name], abs=0.02)


def test_what_is_outside_a_mask_does_not_bleed_in() -> None:
    image = np.full((90, 120, 3), 60, np.float32)
    mask = np.ones((90, 120), np.float32)
    image[:, 60:], mask[:, 60:] = 5, 0
    plain, masked = gaussian(image, 6.0), masked_gaussian(image, 6.0, mask)
    assert plain[45, 57, 0] < 50
    assert np.abs(masked[:, :58] - 60).max() < 0.2
    assert np.abs(masked[:, 100:] - 5).max() < 0.2
    assert np.isfinite(masked_gaussian(image, 6.0, np.zeros_like(mask))).all()

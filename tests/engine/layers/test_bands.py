"""Bands against scipy's Gaussian, closed forms of sines, and masks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from engine.layers.bands import BLOTCH_CUT, BUMP_CUT, PORE_CUT, band_split, gaussian, masked_gaussian, masked_plane
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


@pytest.mark.parametrize("sigma", [2.0, 9.0, 21.0])
def test_a_masked_plane_is_the_weighted_least_squares_fit(sigma: float) -> None:
    rng = np.random.default_rng(3)
    image = smooth_noise(rng, (150, 170), 14.0)[..., None] * 5
    y, x = np.mgrid[:150, :170].astype(np.float64)
    mask = (np.hypot(x - 80, y - 70) < 50).astype(np.float32)
    got = masked_plane(image, sigma, mask)
    for px, py in ((80, 70), (80, 115), (40, 75), (112, 100)):
        weight = mask * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * sigma**2))
        design = np.stack([np.ones_like(x), x - px, y - py], -1)[weight > 1e-9]
        root = np.sqrt(weight[weight > 1e-9])
        fit, *_ = np.linalg.lstsq(design * root[:, None], image[..., 0][weight > 1e-9] * root, rcond=None)
        assert got[py, px, 0] == pytest.approx(fit[0], abs=0.05 * float(image.std()))


def test_a_slope_continues_to_the_border_of_a_mask_and_beyond() -> None:
    y, x = np.mgrid[:403, :371].astype(np.float32)
    slopes = np.stack([0.1 * x, 0.2 * y - 0.05 * x, 50 + 0 * x], -1)
    mask = (np.hypot(x - 180, y - 200) < 120).astype(np.float32)
    inside = mask > 0
    assert np.abs(masked_plane(slopes, 28.0, mask) - slopes)[inside].max() < 0.4
    assert np.abs(masked_gaussian(slopes, 28.0, mask) - slopes)[inside].max() > 4
    noise = smooth_noise(np.random.default_rng(4), (403, 371), 3.0)
    middle = np.s_[120:280, 100:260]
    assert np.abs(masked_plane(noise, 28.0, np.ones_like(mask)) - gaussian(noise, 28.0))[middle].max() < 0.02
    assert np.isfinite(masked_plane(noise, 28.0, np.zeros_like(mask))).all()

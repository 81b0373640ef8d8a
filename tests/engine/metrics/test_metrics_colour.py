"""CIEDE2000 against the published test data, tone change and mark contrast in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from engine.metrics.colour import ciede2000, mark_contrast, tone_change

# Sharma, Wu and Dalal (2005), table 1: L1 a1 b1 L2 a2 b2 ΔE00.
PAIRS = np.asarray(
    [
        (50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425),
        (50, 3.1571, -77.2803, 50, 0, -82.7485, 2.8615),
        (50, 2.8361, -74.0200, 50, 0, -82.7485, 3.4412),
        (50, -1.3802, -84.2814, 50, 0, -82.7485, 1.0000),
        (50, -1.1848, -84.8006, 50, 0, -82.7485, 1.0000),
        (50, -0.9009, -85.5211, 50, 0, -82.7485, 1.0000),
        (50, 0, 0, 50, -1, 2, 2.3669),
        (50, -1, 2, 50, 0, 0, 2.3669),
        (50, 2.4900, -0.0010, 50, -2.4900, 0.0009, 7.1792),
        (50, 2.4900, -0.0010, 50, -2.4900, 0.0010, 7.1792),
        (50, 2.4900, -0.0010, 50, -2.4900, 0.0011, 7.2195),
        (50, 2.4900, -0.0010, 50, -2.4900, 0.0012, 7.2195),
        (50, -0.0010, 2.4900, 50, 0.0009, -2.4900, 4.8045),
        (50, -0.0010, 2.4900, 50, 0.0010, -2.4900, 4.8045),
        (50, -0.0010, 2.4900, 50, 0.0011, -2.4900, 4.7461),
        (50, 2.5, 0, 50, 0, -2.5, 4.3065),
        (50, 2.5, 0, 73, 25, -18, 27.1492),
        (50, 2.5, 0, 61, -5, 29, 22.8977),
        (50, 2.5, 0, 56, -27, -3, 31.9030),
        (50, 2.5, 0, 58, 24, 15, 19.4535),
        (50, 2.5, 0, 50, 3.1736, 0.5854, 1.0000),
        (50, 2.5, 0, 50, 3.2972, 0, 1.0000),
        (50, 2.5, 0, 50, 1.8634, 0.5757, 1.0000),
        (50, 2.5, 0, 50, 3.2592, 0.3350, 1.0000),
        (60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644),
        (63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630),
        (61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731),
        (35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645),
        (22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373),
        (36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146),
        (90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441),
        (90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381),
        (6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377),
        (2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082),
    ]
)


def test_ciede2000_gives_the_published_values_both_ways() -> None:
    first, second, wanted = PAIRS[:, :3], PAIRS[:, 3:6], PAIRS[:, 6]
    np.testing.assert_allclose(ciede2000(first, second), wanted, atol=5.1e-5)
    np.testing.assert_allclose(ciede2000(second, first), wanted, atol=5.1e-5)


def test_tone_change_is_the_mean_over_skin_only() -> None:
    before = np.full((20, 30, 3), (60, 15, 18), np.float32)
    after = before + np.asarray([1, -2, 3], np.float32)
    after[:, 15:] += 40
    skin = np.zeros((20, 30), np.float32)
    skin[:, :15] = 1
    change = tone_change(before, after, skin)
    assert (change.lightness, change.a, change.b) == pytest.approx((1, -2, 3), abs=1e-5)
    assert change.delta_e == pytest.approx(float(ciede2000((60, 15, 18), (61, 13, 21))), abs=1e-5)
    assert np.isnan(tone_change(before, after, np.zeros_like(skin)).delta_e)


def test_mark_contrast_is_the_distance_of_means() -> None:
    lab = np.full((20, 20, 3), (60, 10, 10), np.float32)
    lab[8:12, 8:12] = (54, 18, 10)
    mark, ring = np.zeros((20, 20), np.float32), np.ones((20, 20), np.float32)
    mark[8:12, 8:12], ring[8:12, 8:12] = 1, 0
    assert mark_contrast(lab, mark, ring) == pytest.approx(10.0)
    assert np.isnan(mark_contrast(lab, np.zeros_like(mark), ring))
